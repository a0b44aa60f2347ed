//! WHIP (RFC 9725) and WHEP: an offer is posted, the answer comes back, a DELETE ends it.

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, LOCATION};
use hyper::{Method, StatusCode, Uri};

use super::network::Network;
use super::{Ask, Line};
use crate::fleet::SeatOptions;

/// One site at an endpoint, until the end of the run.
pub(crate) async fn attend(
    number: usize,
    url: String,
    token: Option<String>,
    options: SeatOptions,
    network: Network,
    line: Line,
) {
    if let Err(what) = session(number, &url, token.as_deref(), options, &network, &line).await {
        line.tell(Ask::Failed { number, what });
    }
}

async fn session(
    number: usize,
    url: &str,
    token: Option<&str>,
    options: SeatOptions,
    network: &Network,
    line: &Line,
) -> Result<(), String> {
    let url = url.replace("{n}", &number.to_string());
    let url: Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
    let offer = line.offer(number, options).await?;
    let bearer = token.map(|token| (AUTHORIZATION, format!("Bearer {token}")));
    let mut headers: Vec<(HeaderName, String)> = bearer.into_iter().collect();
    headers.push((CONTENT_TYPE, "application/sdp".to_owned()));
    let answer = network.ask(Method::POST, &url, &headers, offer).await?;
    if answer.status != StatusCode::CREATED {
        return Err(format!("{url}: {}", answer.complaint()));
    }
    let resource = answer
        .headers
        .get(LOCATION)
        .and_then(|location| resolve(&url, location.to_str().ok()?));
    line.accept(number, answer.body).await?;
    line.ended().await;
    line.tell(Ask::Leave { number });
    if let Some(resource) = resource {
        headers.pop();
        network
            .ask(Method::DELETE, &resource, &headers, String::new())
            .await?;
    }
    Ok(())
}

/// The resource that an answer names: an address, or a path at the same server.
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    if location.contains("://") {
        return location.parse().ok();
    }
    let path = match location.strip_prefix('/') {
        Some(path) => format!("/{path}"),
        None => format!("{}/{location}", base.path().rsplit_once('/')?.0),
    };
    Uri::builder()
        .scheme(base.scheme()?.clone())
        .authority(base.authority()?.clone())
        .path_and_query(path)
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_an_address_a_path_or_a_name() {
        let base: Uri = "https://a.example:8443/whip/room".parse().unwrap();
        let at = |location| resolve(&base, location).unwrap().to_string();
        assert_eq!(at("https://b.example/x"), "https://b.example/x");
        assert_eq!(at("/r/1?k=2"), "https://a.example:8443/r/1?k=2");
        assert_eq!(at("1"), "https://a.example:8443/whip/1");
    }
}

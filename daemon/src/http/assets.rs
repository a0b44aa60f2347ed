//! The pages, out of the binary: looked up by exact name in a table, never on the disk.

use axum::extract::Request;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Problem;

struct Asset {
    path: &'static str,
    tag: &'static str,
    bytes: &'static [u8],
    gzip: Option<&'static [u8]>,
}

/// Sorted by path.
static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Paths where a miss is a miss, not a page of the client's router.
const NOT_PAGES: [&str; 5] = ["api", "assets", "metrics", "snmp", "sd"];

/// An asset, a page, or not found.
pub(super) async fn page(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let first = path.split('/').next().unwrap_or("");
    if let Some(asset) = find(path).filter(|asset| asset.path != "index.html") {
        return only_read(&request, asset);
    }
    if NOT_PAGES.contains(&first) {
        return Problem::new("not_found", "no such path").into_response();
    }
    match find("index.html") {
        Some(index) => only_read(&request, index),
        None => Problem::new("not_found", "the pages are missing").into_response(),
    }
}

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS
        .binary_search_by(|asset| asset.path.cmp(path))
        .ok()
        .map(|place| &ASSETS[place])
}

fn only_read(request: &Request, asset: &'static Asset) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        send(request.headers(), asset)
    } else {
        Problem::new("not_found", "no such path").into_response()
    }
}

fn send(asked: &HeaderMap, asset: &'static Asset) -> Response {
    let packed = asset.gzip.filter(|_| takes_gzip(asked));
    // The packed form is another representation: it needs a tag of its own (RFC 9110 section 8.8.3).
    let tag = format!(
        "\"{}{}\"",
        asset.tag,
        if packed.is_some() { "-gz" } else { "" }
    );
    let same = asked
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        packed.unwrap_or(asset.bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind_of(asset.path)));
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static(caching_of(asset.path)),
    );
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if packed.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    response
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let codings = asked
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    codings.split(',').any(|coding| {
        let (name, quality) = coding.trim().split_once(';').unwrap_or((coding.trim(), ""));
        name.trim() == "gzip" && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// A name with a hash in it never means other bytes; the page itself must always be the newest.
fn caching_of(path: &str) -> &'static str {
    if path == "index.html" {
        return "no-store";
    }
    let stem = path
        .rsplit('/')
        .next()
        .unwrap_or(path)
        .split('.')
        .next()
        .unwrap_or("");
    let hashed = stem.rsplit_once('-').is_some_and(|(_, hash)| {
        hash.len() >= 8 && hash.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    }
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_the_page() {
        assert!(ASSETS.is_sorted_by(|a, b| a.path < b.path));
        assert!(find("index.html").is_some());
        assert!(find("../Cargo.toml").is_none() && find("").is_none());
    }

    #[test]
    fn only_hashed_names_are_kept_for_good() {
        assert!(caching_of("assets/main-K3F2A9QX.js").contains("immutable"));
        assert_eq!(caching_of("index.html"), "no-store");
        assert_eq!(caching_of("robots.txt"), "no-cache");
        assert_eq!(caching_of("assets/be-vietnam-pro.woff2"), "no-cache");
    }
}

//! What holds for every request: Host and Origin, security headers, request ids, observation.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::routes::is_for_devices;
use super::{Peer, Problem};
use crate::app::{App, Settings};

/// One answer, for the metrics: never a free path.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The matched path of the route table, or `page` for pages and assets.
    pub route: String,
    /// The method, `OTHER` when it is not one of the usual ones.
    pub method: &'static str,
    /// The status.
    pub status: u16,
    /// From the head of the request to the head of the answer.
    pub took: Duration,
}

/// Is told of each answer; must not block.
pub type Observer = Arc<dyn Fn(&Observation) + Send + Sync>;

/// Everything from this daemon, nothing inline, no frames. `blob:` is for pictures and sound that the page itself makes.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
    connect-src 'self'; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";
const PERMISSIONS: &str = "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), \
    screen-wake-lock=(self), speaker-selection=(self), geolocation=(), payment=(), usb=(), serial=(), bluetooth=()";
/// One year; without subdomains, which are not ours.
const HSTS: &str = "max-age=31536000";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const CROSS_ORIGIN_OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// The host (with port) that a request is for: the one in a whole URI (RFC 9112 section 3.2.2), else the only `Host`.
pub fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => {
            name
        }
        _ => host,
    }
}

/// Whether the daemon answers to this host. With configured names only to them and to addresses; over plain HTTP, where no certificate
/// stops a foreign name that points here (DNS rebinding), to loopback names only.
fn host_ok(host: &str, secure: bool, settings: &Settings) -> bool {
    let name = without_port(host).trim_matches(['[', ']']);
    let address: Option<IpAddr> = name.parse().ok();
    let local =
        name.eq_ignore_ascii_case("localhost") || address.is_some_and(|ip| ip.is_loopback());
    let named = settings
        .names
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name));
    let public = public_origin(settings)
        .and_then(|origin| origin.split_once("://"))
        .is_some_and(|(_, known)| {
            known.eq_ignore_ascii_case(host) || without_port(known).eq_ignore_ascii_case(name)
        });
    let anyone = secure && settings.names.is_empty() && settings.public_url.is_none();
    local || named || public || anyone || (secure && address.is_some())
}

fn public_origin(settings: &Settings) -> Option<&str> {
    settings
        .public_url
        .as_deref()
        .map(|url| url.trim_end_matches('/'))
}

/// Whether a request comes from a page of this daemon: exactly one `Origin`, equal to the address that the request is for, or to the configured
/// public address. Every request that changes something and every WebSocket must pass; [`super::router`] sees to it.
pub fn origin_ok(
    headers: &HeaderMap,
    host: Option<&str>,
    secure: bool,
    settings: &Settings,
) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None, Some(host)) = (origins.next(), origins.next(), host) else {
        return false;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let scheme = if secure { "https" } else { "http" };
    let own = format!("{scheme}://{host}");
    let public = public_origin(settings).is_some_and(|public| origin.eq_ignore_ascii_case(public));
    public || (origin.eq_ignore_ascii_case(&own) && host_ok(host, secure, settings))
}

/// The address of the pages, `https://HOST[:PORT]`, for links: the configured one, else the one that the request was for.
///
/// # Errors
/// `wrong_origin` when the request names a host that the daemon does not answer to.
pub fn base_url(
    uri: &Uri,
    headers: &HeaderMap,
    secure: bool,
    settings: &Settings,
) -> Result<String, Problem> {
    if let Some(public) = public_origin(settings) {
        return Ok(public.to_owned());
    }
    let host = host_of(uri, headers).filter(|host| host_ok(host, secure, settings));
    let host = host.ok_or_else(|| Problem::new("wrong_origin", "unknown host"))?;
    Ok(format!(
        "{}://{host}",
        if secure { "https" } else { "http" }
    ))
}

/// Refuses foreign hosts, and foreign origins of what changes something or opens a WebSocket.
pub(super) async fn origin(
    State(app): State<App>,
    peer: Peer,
    request: Request,
    next: Next,
) -> Response {
    let settings = app.settings();
    let headers = request.headers();
    let host = host_of(request.uri(), headers);
    if !host.is_some_and(|host| host_ok(host, peer.secure, &settings)) {
        return Problem::new("wrong_origin", "the daemon does not answer to this host")
            .into_response();
    }
    let for_devices = request
        .extensions()
        .get::<MatchedPath>()
        .is_some_and(|path| is_for_devices(path.as_str()));
    let reads = for_devices || matches!(*request.method(), Method::GET | Method::HEAD);
    let socket = headers.contains_key(header::UPGRADE) || request.method() == Method::CONNECT;
    if (!reads || socket) && !origin_ok(headers, host, peer.secure, &settings) {
        return Problem::new(
            "wrong_origin",
            "the request does not come from a page of this daemon",
        )
        .into_response();
    }
    next.run(request).await
}

/// Gives each request an id, each answer the headers, and the observer its figures.
pub(super) async fn frame(
    State((app, observer)): State<(App, Observer)>,
    peer: Peer,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let method = method_word(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "page".to_owned(), |path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    let settings = app.settings();
    dress(
        response.headers_mut(),
        number,
        peer.secure && settings.own_certificate,
    );
    let observation = Observation {
        route,
        method,
        status: response.status().as_u16(),
        took: began.elapsed(),
    };
    if response.status().is_server_error() {
        tracing::warn!(request = number, route = %observation.route, status = observation.status, "a request failed");
    } else {
        tracing::debug!(request = number, route = %observation.route, method, status = observation.status, "answered");
    }
    observer(&observation);
    response
}

fn dress(headers: &mut HeaderMap, number: u64, insist_on_https: bool) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (PERMISSIONS_POLICY, PERMISSIONS),
        (CROSS_ORIGIN_OPENER, "same-origin"),
        (CROSS_ORIGIN_RESOURCE, "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if insist_on_https {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(HSTS),
        );
    }
    headers.insert(REQUEST_ID, HeaderValue::from(number));
    // Answers about people and devices stay out of caches; assets say otherwise themselves.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    }
}

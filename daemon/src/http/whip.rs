//! WHIP (RFC 9725) in, WHEP out: an encoder or a player says what it offers over HTTP, with the token of a pass as its bearer.
//!
//! Neither cookies nor `Origin` count here: encoders have neither, and a session alone opens nothing. Because no cookie counts, pages of any
//! origin may ask (CORS): what they can do is what the token in their hands can do.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, AUTHORIZATION, CONTENT_TYPE, ETAG,
    IF_MATCH, LINK, LOCATION, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;

use super::guard::base_url;
use super::{BODY_MAX, Peer, Problem};
use crate::app::App;
use crate::app::Refusal;
use crate::app::rooms::message::IceServer;
use crate::app::streams::{Caller, Patched};

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// Longest time for a body to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(15);
/// Bytes of a body that are read at most, also of one that is refused.
const READ_MAX: usize = 4 * BODY_MAX;
/// Longest token that is looked at; ours have 22 characters.
const TOKEN_BYTES_MAX: usize = 256;

/// Which of the two ways, by the first part of the path.
#[derive(Clone, Copy)]
enum Way {
    Whip,
    Whep,
}

impl Way {
    const fn path(self) -> &'static str {
        match self {
            Self::Whip => "whip",
            Self::Whep => "whep",
        }
    }
}

/// POST `/whip/{room}`
pub(super) async fn publish(
    State(app): State<App>,
    Path(room): Path<String>,
    peer: Peer,
    request: Request,
) -> Response {
    answered(begin(&app, Way::Whip, &room, peer, request).await)
}

/// POST `/whep/{room}`
pub(super) async fn play(
    State(app): State<App>,
    Path(room): Path<String>,
    peer: Peer,
    request: Request,
) -> Response {
    answered(begin(&app, Way::Whep, &room, peer, request).await)
}

async fn begin(
    app: &App,
    way: Way,
    room: &str,
    peer: Peer,
    request: Request,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let headers = head.headers;
    let (token, offer) = read(&headers, body, SDP).await?;
    // Only over TLS: the credentials of the relay are for nobody on the way.
    let reached_at = base_url(&head.uri, &headers, peer.secure, &app.settings())
        .ok()
        .and_then(|base| base.strip_prefix("https://").map(str::to_owned));
    let caller = Caller {
        reached_at,
        ..caller(way, room, token, peer)
    };
    let seated = app.begin_stream(caller, &offer).await?;
    let location = format!("/{}/{room}/{}", way.path(), seated.session);
    let head = [
        (CONTENT_TYPE, SDP.to_owned()),
        (LOCATION, location),
        (ETAG, tag(seated.generation)),
        (ACCEPT_PATCH, FRAGMENT.to_owned()),
    ];
    let mut response = (StatusCode::CREATED, head, seated.sdp).into_response();
    if let Some(link) = seated.relay.as_ref().and_then(relay_link) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// DELETE `/whip/{room}/{session}`
pub(super) async fn unpublish(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    peer: Peer,
    headers: HeaderMap,
) -> Response {
    answered(end(&app, Way::Whip, &room, &session, peer, &headers).await)
}

/// DELETE `/whep/{room}/{session}`
pub(super) async fn stop(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    peer: Peer,
    headers: HeaderMap,
) -> Response {
    answered(end(&app, Way::Whep, &room, &session, peer, &headers).await)
}

async fn end(
    app: &App,
    way: Way,
    room: &str,
    session: &str,
    peer: Peer,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let token = bearer(headers)?;
    app.end_stream(caller(way, room, token, peer), session)
        .await?;
    Ok(StatusCode::OK.into_response())
}

/// PATCH `/whip/{room}/{session}`
pub(super) async fn patch_publish(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    peer: Peer,
    request: Request,
) -> Response {
    answered(patch(&app, Way::Whip, &room, &session, peer, request).await)
}

/// PATCH `/whep/{room}/{session}`
pub(super) async fn patch_play(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    peer: Peer,
    request: Request,
) -> Response {
    answered(patch(&app, Way::Whep, &room, &session, peer, request).await)
}

/// Trickle and ICE restart (RFC 9725 section 4.3): the entity tag tells which ICE session is meant.
async fn patch(
    app: &App,
    way: Way,
    room: &str,
    session: &str,
    peer: Peer,
    request: Request,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let headers = head.headers;
    let (token, fragment) = read(&headers, body, FRAGMENT).await?;
    let tags = headers
        .get(IF_MATCH)
        .map(HeaderValue::as_bytes)
        .ok_or_else(|| Problem::new("precondition_required", "If-Match is needed"))?;
    // Any may match (RFC 9110 section 13.1.1); one that is none of ours, or a weak one, matches no ICE session.
    let generations = (tags != b"*").then(|| tags.split(|byte| *byte == b',').filter_map(read_tag));
    if !is_fragment(&fragment) {
        return Err(Problem::new("bad_sdp", "the body is no SDP fragment"));
    }
    let line = |key: &str| {
        fragment
            .lines()
            .find_map(|line| line.trim_end().strip_prefix(key))
            .map(str::trim)
    };
    // Its password is of no use here: what the bridge sends back is signed with its own.
    let ufrag = line("a=ice-ufrag:")
        .filter(|ufrag| is_word(ufrag, 256))
        .filter(|_| line("a=ice-pwd:").is_some_and(|pwd| is_word(pwd, 256)));
    let patched = app
        .patch_stream(
            caller(way, room, token, peer),
            session,
            generations.map(Iterator::collect),
            ufrag,
        )
        .await?;
    Ok(match patched {
        Patched::Trickled => StatusCode::NO_CONTENT.into_response(),
        Patched::Restarted(ice, generation) => {
            let mid = line("a=mid:").filter(|mid| is_word(mid, 16)).unwrap_or("0");
            let media = match line("m=") {
                Some(line) if line.starts_with("video") => "video",
                _ => "audio",
            };
            let mut text = format!(
                "a=ice-lite\r\nm={media} 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:{mid}\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n",
                ice.ufrag, ice.pwd
            );
            for candidate in &ice.candidates {
                text += &format!("a=candidate:{candidate}\r\n");
            }
            text += "a=end-of-candidates\r\n";
            let head = [(CONTENT_TYPE, FRAGMENT.to_owned()), (ETAG, tag(generation))];
            (StatusCode::OK, head, text).into_response()
        }
    })
}

/// OPTIONS on every path here: what may be asked, also from a page of another origin.
pub(super) async fn options() -> Response {
    let head = [
        (ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS, POST, PATCH, DELETE"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type, If-Match",
        ),
        (ACCESS_CONTROL_MAX_AGE, "3600"),
        (ACCEPT_POST, SDP),
        (ACCEPT_PATCH, FRAGMENT),
    ];
    answered(Ok((StatusCode::OK, head).into_response()))
}

fn answered(outcome: Result<Response, Problem>) -> Response {
    let mut response = outcome.unwrap_or_else(|problem| {
        // RFC 6750 section 3.1: nothing of an error to who has shown no token.
        let bare = problem.0.field.is_some();
        let mut response = problem.into_response();
        let challenge = match response.status() {
            StatusCode::UNAUTHORIZED if bare => Some("Bearer"),
            StatusCode::UNAUTHORIZED => Some("Bearer error=\"invalid_token\""),
            StatusCode::FORBIDDEN => Some("Bearer error=\"insufficient_scope\""),
            _ => None,
        };
        if let Some(challenge) = challenge {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    });
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Location, ETag, Link, Accept-Post, Accept-Patch"),
    );
    response
}

fn caller<'a>(way: Way, room: &'a str, token: &'a str, peer: Peer) -> Caller<'a> {
    Caller {
        room,
        token,
        sends: matches!(way, Way::Whip),
        from: peer.ip(),
        reached_at: None,
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let missing = || Refusal::new("wrong_token", "a bearer token is needed").at("authorization");
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        return Err(missing());
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(missing)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.len() > TOKEN_BYTES_MAX {
        return Err(missing());
    }
    Ok(token)
}

/// The token and the body of a request of this type. What is refused is read all the same, within bounds: a connection that is closed over an
/// unread body is reset, and the refusal lost.
async fn read<'a>(
    headers: &'a HeaderMap,
    body: Body,
    wanted: &'static str,
) -> Result<(&'a str, String), Problem> {
    let token = bearer(headers)
        .map_err(Problem::from)
        .and_then(|token| is_of_type(headers, wanted).map(|()| token));
    let body = arrived(body, token.is_ok()).await;
    let (token, bytes) = (token?, body?);
    let text =
        String::from_utf8(bytes).map_err(|_| Problem::new("bad_sdp", "the body is not UTF-8"))?;
    Ok((token, text))
}

fn is_of_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Problem> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|kind| kind.split(';').next())
        .unwrap_or("")
        .trim();
    if kind.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    // What may be sent instead is in `Accept-Post` and `Accept-Patch` of an OPTIONS.
    let message = format!("the body must be {wanted}");
    Err(Problem::new("unsupported_media_type", message))
}

async fn arrived(body: Body, keep: bool) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut length) = (Vec::new(), 0);
    let all = async {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Problem::new("bad_request", "the body broke off"))?;
            length += chunk.len();
            if length > READ_MAX {
                break;
            }
            if keep && length <= BODY_MAX {
                bytes.extend_from_slice(&chunk);
            }
        }
        Ok::<_, Problem>(())
    };
    tokio::time::timeout(ARRIVES_WITHIN, all)
        .await
        .map_err(|_| Problem::new("bad_request", "the body did not arrive in time"))??;
    if length > BODY_MAX {
        return Err(Problem::new("too_large", "the body is longer than 256 KiB"));
    }
    Ok(bytes)
}

/// RFC 9725 section 4.6.
fn relay_link(relay: &IceServer) -> Option<HeaderValue> {
    let [url] = &relay.urls;
    let text = format!(
        "<{url}>; rel=\"ice-server\"; username=\"{}\"; credential=\"{}\"; credential-type=\"password\"",
        relay.username, relay.credential
    );
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn tag(generation: u64) -> String {
    format!("\"{generation}\"")
}

fn read_tag(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    text.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

/// Lines as SDP has them, and at least one.
fn is_fragment(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end).peekable();
    lines.peek().is_some()
        && lines
            .all(|line| matches!(line.as_bytes(), [kind, b'=', _, ..] if kind.is_ascii_lowercase()))
}

/// Printable, without a space, and not long: it is said again in an answer.
fn is_word(text: &str, most: usize) -> bool {
    !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_graphic())
}

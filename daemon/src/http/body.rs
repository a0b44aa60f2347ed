//! What a request says, read strictly: bounded in size and time, no unknown and no duplicate keys.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::Problem;
use crate::app::Refusal;

/// Longest body, bytes.
pub const BODY_MAX: usize = 256 * 1024;
/// Longest time for a body to arrive: 256 KiB need 2 s on a line of 1 Mbit/s.
const ARRIVES_WITHIN: Duration = Duration::from_secs(15);

/// A JSON body. Duplicate keys are refused because every input is a struct, whose derived reader refuses them.
pub struct Strict<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Strict<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let kind = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let kind = kind
            .and_then(|kind| kind.split(';').next())
            .unwrap_or("")
            .trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                "bad_request",
                "the body must be application/json",
            ));
        }
        let body = tokio::time::timeout(ARRIVES_WITHIN, to_bytes(request.into_body(), BODY_MAX))
            .await
            .map_err(|_| Problem::new("bad_request", "the body did not arrive in time"))?
            .map_err(|_| Problem::new("too_large", "the body is longer than 256 KiB"))?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| Problem(refusal_of(&error.to_string())))
    }
}

/// The query of a URL.
pub struct StrictQuery<T>(pub T);

impl<T: DeserializeOwned + Send, S: Sync> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(query)| Self(query))
            .map_err(|rejection| {
                // The rejection wraps the reader's own words.
                let cause = std::error::Error::source(&rejection).map(ToString::to_string);
                Problem(refusal_of(&cause.unwrap_or_else(|| rejection.to_string())))
            })
    }
}

/// The refusal of what serde says: its messages name the key between backquotes.
fn refusal_of(message: &str) -> Refusal {
    let code = if message.contains("unknown field") {
        "unknown_key"
    } else {
        "bad_request"
    };
    let refusal = Refusal::new(code, message.to_owned());
    let names_key = ["unknown field `", "duplicate field `", "missing field `"];
    let key = names_key.iter().find_map(|start| {
        let rest = &message[message.find(start)? + start.len()..];
        rest.split('`').next().map(str::to_owned)
    });
    match key {
        Some(key) => refusal.at(key),
        None => refusal,
    }
}

/// A number in a path; anything else is as absent as a number that nobody has.
pub(super) fn id(text: &str) -> Result<i64, Problem> {
    text.parse()
        .map_err(|_| Problem::new("not_found", "not an id"))
}

//! `/metrics`, for Prometheus.

use axum::extract::{Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{Peer, Problem};
use serde::Deserialize;

use crate::app::{App, PARTS_MAX, Part};
use crate::metrics::CONTENT_TYPE as EXPOSITION;

/// Loopback and configured networks may, and whoever bears the configured token.
pub(super) fn may_scrape(app: &App, peer: Peer, headers: &HeaderMap) -> Result<(), Problem> {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if app.may_scrape(peer.ip(), bearer) {
        return Ok(());
    }
    Err(Problem::new(
        "forbidden",
        "metrics are for loopback, configured networks and bearers of the token",
    ))
}

/// Which part of the devices; both or neither.
#[derive(Debug, Deserialize)]
pub(super) struct Sharding {
    shard: Option<u32>,
    shards: Option<u32>,
}

impl Sharding {
    fn part(&self) -> Option<Part> {
        match (self.shard, self.shards) {
            (None, None) => Some(Part::Whole),
            (Some(part), Some(parts)) if part < parts && parts <= PARTS_MAX => {
                Some(Part::Of { part, parts })
            }
            _ => None,
        }
    }
}

/// GET `/metrics`: everything, or with `shard` and `shards` one part of the devices.
pub(super) async fn show(
    State(app): State<App>,
    peer: Peer,
    headers: HeaderMap,
    Query(sharding): Query<Sharding>,
) -> Response {
    if let Err(refused) = may_scrape(&app, peer, &headers) {
        return refused.into_response();
    }
    let Some(part) = sharding.part() else {
        return Problem::new(
            "bad_request",
            "shard is below shards, and shards at most 1000",
        )
        .into_response();
    };
    match app.exposition(part).await {
        Ok(text) => ([(CONTENT_TYPE, EXPOSITION)], text).into_response(),
        Err(refusal) => {
            tracing::error!(%refusal, "the metrics cannot be shown");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

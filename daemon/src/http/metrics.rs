//! `/metrics`, for Prometheus.

use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{Peer, Problem};
use crate::app::App;
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

/// GET `/metrics`.
pub(super) async fn show(State(app): State<App>, peer: Peer, headers: HeaderMap) -> Response {
    if let Err(refused) = may_scrape(&app, peer, &headers) {
        return refused.into_response();
    }
    match app.exposition().await {
        Ok(text) => ([(CONTENT_TYPE, EXPOSITION)], text).into_response(),
        Err(refusal) => {
            tracing::error!(%refusal, "the metrics cannot be shown");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

//! `/healthz`: for load balancers and watchdogs.

use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;

/// `ok`, or the name of the subsystem that is not.
pub(super) async fn show(State(app): State<App>) -> (StatusCode, String) {
    match app.unhealthy() {
        None => (StatusCode::OK, "ok".to_owned()),
        Some(subsystem) => (StatusCode::SERVICE_UNAVAILABLE, subsystem.to_owned()),
    }
}

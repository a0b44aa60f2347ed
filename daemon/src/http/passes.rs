//! Passes of devices, as the desk makes and revokes them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::body::id;
use super::guard::base_url;
use super::views::{Pass, PassInput};
use super::{Peer, Problem, SignedIn, Strict};
use crate::app::App;

/// GET `/conferences/{id}/passes`
pub(super) async fn list(
    State(app): State<App>,
    Path(conference): Path<String>,
) -> Result<Json<Vec<Pass>>, Problem> {
    Ok(Json(app.passes().list(id(&conference)?).await?))
}

/// POST `/conferences/{id}/passes`
pub(super) async fn make(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(conference): Path<String>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    Strict(input): Strict<PassInput>,
) -> Result<Response, Problem> {
    let base = base_url(&uri, &headers, peer.secure, &app.settings())?;
    let made = app
        .passes()
        .make(&caller, id(&conference)?, input, &base)
        .await?;
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// DELETE `/conferences/{id}/passes/{pass}`
pub(super) async fn revoke(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((conference, pass)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.passes()
        .revoke(&caller, id(&conference)?, id(&pass)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

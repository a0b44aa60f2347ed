//! The figures of a live room's seats, for the host's desk.

use axum::Json;
use axum::extract::{Path, State};

use super::Problem;
use super::body::id;
use super::views::{PeerReport, PeerRow};
use crate::app::App;

/// GET `/conferences/{id}/peers`
pub(super) async fn list(
    State(app): State<App>,
    Path(conference): Path<String>,
) -> Result<Json<Vec<PeerRow>>, Problem> {
    Ok(Json(app.peers().list(id(&conference)?).await?))
}

/// GET `/conferences/{id}/peers/{participant}`
pub(super) async fn show(
    State(app): State<App>,
    Path((conference, participant)): Path<(String, String)>,
) -> Result<Json<PeerReport>, Problem> {
    Ok(Json(
        app.peers().show(id(&conference)?, &participant).await?,
    ))
}

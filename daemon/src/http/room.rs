//! What a join link shows before joining.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::Problem;
use super::views::RoomPreview;
use crate::app::App;

/// GET `/rooms/{room}`: the link's token comes as a bearer, so that it is in no log and no history.
pub(super) async fn preview(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Result<Json<RoomPreview>, Problem> {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = bearer
        .and_then(|bearer| bearer.strip_prefix("Bearer "))
        .unwrap_or("");
    let admission = app.bookings().admit(&room, token).await?;
    Ok(Json(app.bookings().preview(&admission)))
}

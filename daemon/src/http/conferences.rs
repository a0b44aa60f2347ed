//! Bookings, their calendar files and their attendance.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;

use super::body::id;
use super::guard::base_url;
use super::views::{
    Attendance, Conference, ConferenceDetail, ConferenceInput, ConferencePatch, Conflict,
};
use super::{Peer, Problem, SignedIn, Strict, StrictQuery};
use crate::app::App;

/// Query of GET `/conferences`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bounds {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// GET `/conferences`
pub(super) async fn list(
    State(app): State<App>,
    StrictQuery(bounds): StrictQuery<Bounds>,
) -> Result<Json<Vec<Conference>>, Problem> {
    Ok(Json(app.bookings().list(bounds.from, bounds.to)?))
}

/// POST `/conferences/conflicts`
pub(super) async fn conflicts(
    State(app): State<App>,
    Strict(input): Strict<ConferenceInput>,
) -> Result<Json<Vec<Conflict>>, Problem> {
    Ok(Json(app.bookings().conflicts(input).await?))
}

/// POST `/conferences`
pub(super) async fn book(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Strict(input): Strict<ConferenceInput>,
) -> Result<Json<Conference>, Problem> {
    Ok(Json(app.bookings().book(&caller, input).await?))
}

/// GET `/conferences/{id}`
pub(super) async fn show(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(conference): Path<String>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<ConferenceDetail>, Problem> {
    let base = base_url(&uri, &headers, peer.secure, &app.settings())?;
    Ok(Json(
        app.bookings()
            .detail(&caller, id(&conference)?, Some(&base))
            .await?,
    ))
}

/// PATCH `/conferences/{id}`
pub(super) async fn amend(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(conference): Path<String>,
    Strict(patch): Strict<ConferencePatch>,
) -> Result<Json<Conference>, Problem> {
    Ok(Json(
        app.bookings()
            .amend(&caller, id(&conference)?, patch)
            .await?,
    ))
}

/// DELETE `/conferences/{id}`
pub(super) async fn cancel(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(conference): Path<String>,
) -> Result<StatusCode, Problem> {
    app.bookings().cancel(&caller, id(&conference)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A file to be saved; the name is ours.
pub(super) fn file(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    (
        [
            (CONTENT_TYPE, kind.to_owned()),
            (CONTENT_DISPOSITION, disposition),
        ],
        bytes,
    )
        .into_response()
}

/// GET `/conferences/{id}/calendar.ics`
pub(super) async fn calendar(
    State(app): State<App>,
    Path(conference): Path<String>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let conference = id(&conference)?;
    let base = base_url(&uri, &headers, peer.secure, &app.settings())?;
    let text = app.bookings().calendar_file(conference, &base).await?;
    Ok(file(
        "text/calendar; charset=utf-8",
        &format!("nhipcau-{conference}.ics"),
        text.into_bytes(),
    ))
}

/// GET `/conferences/{id}/attendance`
pub(super) async fn attendance(
    State(app): State<App>,
    Path(conference): Path<String>,
) -> Result<Json<Vec<Attendance>>, Problem> {
    Ok(Json(app.attendance().list(id(&conference)?).await?))
}

/// GET `/conferences/{id}/attendance.csv`
pub(super) async fn attendance_csv(
    State(app): State<App>,
    Path(conference): Path<String>,
) -> Result<Response, Problem> {
    let conference = id(&conference)?;
    let text = app.attendance().csv(conference).await?;
    Ok(file(
        "text/csv; charset=utf-8",
        &format!("nhipcau-{conference}.csv"),
        text.into_bytes(),
    ))
}

/// GET `/conferences/{id}/attendance.xlsx`
pub(super) async fn attendance_xlsx(
    State(app): State<App>,
    Path(conference): Path<String>,
) -> Result<Response, Problem> {
    const KIND: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let conference = id(&conference)?;
    let bytes = app.attendance().xlsx(conference).await?;
    Ok(file(KIND, &format!("nhipcau-{conference}.xlsx"), bytes))
}

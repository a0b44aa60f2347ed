//! The operator console: what is watched, what is wrong, what the playbooks did.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;

use super::body::id;
use super::views::{
    DeviceDetail, DeviceRow, EventRow, Incident, LinkRow, Overview, Series, Topology,
};
use super::{Problem, SignedIn, Strict, StrictQuery};
use crate::app::App;

/// GET `/overview`
pub(super) async fn overview(State(app): State<App>) -> Result<Json<Overview>, Problem> {
    Ok(Json(app.console()?.overview().await?))
}

/// GET `/devices`
pub(super) async fn devices(State(app): State<App>) -> Result<Json<Vec<DeviceRow>>, Problem> {
    Ok(Json(app.console()?.devices()))
}

/// GET `/devices/{id}`
pub(super) async fn device(
    State(app): State<App>,
    Path(device): Path<String>,
) -> Result<Json<DeviceDetail>, Problem> {
    Ok(Json(app.console()?.device(&device)?))
}

/// Query of GET `/devices/{id}/series`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    interface: String,
    #[serde(default = "a_day")]
    hours: u32,
}

fn a_day() -> u32 {
    24
}

/// GET `/devices/{id}/series`
pub(super) async fn series(
    State(app): State<App>,
    Path(device): Path<String>,
    StrictQuery(span): StrictQuery<Span>,
) -> Result<Json<Series>, Problem> {
    Ok(Json(app.console()?.series(
        &device,
        &span.interface,
        span.hours,
    )?))
}

/// GET `/links`
pub(super) async fn links(State(app): State<App>) -> Result<Json<Vec<LinkRow>>, Problem> {
    Ok(Json(app.console()?.links()))
}

/// GET `/topology`
pub(super) async fn topology(State(app): State<App>) -> Result<Json<Topology>, Problem> {
    Ok(Json(app.console()?.topology()))
}

/// Query of GET `/events`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventPage {
    before: Option<i64>,
    #[serde(default = "a_page")]
    limit: u32,
    device: Option<String>,
}

fn a_page() -> u32 {
    100
}

/// GET `/events`
pub(super) async fn events(
    State(app): State<App>,
    StrictQuery(page): StrictQuery<EventPage>,
) -> Result<Json<Vec<EventRow>>, Problem> {
    Ok(Json(
        app.console()?
            .events(page.before, page.limit, page.device.as_deref())
            .await?,
    ))
}

/// Query of GET `/incidents`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default)]
    open: bool,
}

/// GET `/incidents`
pub(super) async fn incidents(
    State(app): State<App>,
    StrictQuery(which): StrictQuery<Which>,
) -> Result<Json<Vec<Incident>>, Problem> {
    Ok(Json(app.console()?.incidents(which.open).await?))
}

/// Body of POST `/incidents/{id}/acknowledge`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    note: String,
}

/// POST `/incidents/{id}/acknowledge`
pub(super) async fn acknowledge(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(incident): Path<String>,
    Strict(body): Strict<Note>,
) -> Result<Json<Incident>, Problem> {
    Ok(Json(
        app.console()?
            .acknowledge(&caller, id(&incident)?, &body.note)
            .await?,
    ))
}

/// DELETE `/incidents/{id}/acknowledge`
pub(super) async fn unacknowledge(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(incident): Path<String>,
) -> Result<Json<Incident>, Problem> {
    Ok(Json(
        app.console()?
            .unacknowledge(&caller, id(&incident)?)
            .await?,
    ))
}

/// GET `/playbooks`
pub(super) async fn playbooks(
    State(app): State<App>,
) -> Result<Json<Vec<nhipcau_playbooks::PlaybookRow>>, Problem> {
    Ok(Json(app.console()?.playbooks()))
}

/// Query of GET `/runs`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunPage {
    #[serde(default = "a_page")]
    limit: u32,
}

/// GET `/runs`
pub(super) async fn runs(
    State(app): State<App>,
    StrictQuery(page): StrictQuery<RunPage>,
) -> Result<Json<Vec<serde_json::Value>>, Problem> {
    Ok(Json(app.console()?.runs(page.limit).await?))
}

/// GET `/runs/{id}`
pub(super) async fn run(
    State(app): State<App>,
    Path(run): Path<String>,
) -> Result<Json<serde_json::Value>, Problem> {
    Ok(Json(app.console()?.run(id(&run)?).await?))
}

/// Body of POST `/runs/{id}/approval`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    step: u32,
    approve: bool,
    #[serde(default)]
    note: String,
}

/// POST `/runs/{id}/approval`
pub(super) async fn approve(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(run): Path<String>,
    Strict(answer): Strict<Answer>,
) -> Result<Json<serde_json::Value>, Problem> {
    Ok(Json(
        app.console()?
            .approve(&caller, id(&run)?, answer.step, answer.approve, answer.note)
            .await?,
    ))
}

/// GET `/conferences/{id}/board`
pub(super) async fn board(
    State(app): State<App>,
    Path(conference): Path<String>,
) -> Result<Json<nhipcau_conference::Board>, Problem> {
    Ok(Json(app.console()?.board(id(&conference)?).await?))
}

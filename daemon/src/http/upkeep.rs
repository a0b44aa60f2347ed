//! Maintenance, availability and the account of links.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::body::id;
use super::conferences::file;
use super::views::{AvailabilityReport, LinkReport, Maintenance, MaintenanceInput};
use super::{Problem, SignedIn, Strict, StrictQuery};
use crate::app::App;

const CSV: &str = "text/csv; charset=utf-8";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// GET `/maintenance`
pub(super) async fn list(State(app): State<App>) -> Result<Json<Vec<Maintenance>>, Problem> {
    Ok(Json(app.console()?.maintenance().await?))
}

/// POST `/maintenance`
pub(super) async fn announce(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Strict(input): Strict<MaintenanceInput>,
) -> Result<(StatusCode, Json<Maintenance>), Problem> {
    let window = app.console()?.announce(&caller, input).await?;
    Ok((StatusCode::CREATED, Json(window)))
}

/// Body of POST `/maintenance/{id}/end`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    #[serde(default)]
    all: bool,
}

/// POST `/maintenance/{id}/end`
pub(super) async fn end(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(window): Path<String>,
    Strict(body): Strict<End>,
) -> Result<Json<Maintenance>, Problem> {
    let ended = app
        .console()?
        .end_maintenance(&caller, id(&window)?, body.all)
        .await?;
    Ok(Json(ended))
}

/// GET `/links/report`
pub(super) async fn links(State(app): State<App>) -> Result<Json<LinkReport>, Problem> {
    Ok(Json(app.console()?.link_report()))
}

/// GET `/links/report.csv`
pub(super) async fn links_csv(State(app): State<App>) -> Result<Response, Problem> {
    let text = app.console()?.link_report_csv();
    Ok(file(CSV, "nhipcau-duong-truyen.csv", text.into_bytes()))
}

/// GET `/links/report.xlsx`
pub(super) async fn links_xlsx(State(app): State<App>) -> Result<Response, Problem> {
    let bytes = app.console()?.link_report_xlsx().await?;
    Ok(file(XLSX, "nhipcau-duong-truyen.xlsx", bytes))
}

/// Query of GET `/availability` and its files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Month {
    month: Option<String>,
    kind: Option<String>,
    subject: Option<String>,
}

/// GET `/availability`
pub(super) async fn availability(
    State(app): State<App>,
    StrictQuery(query): StrictQuery<Month>,
) -> Result<Json<AvailabilityReport>, Problem> {
    let (month, kind, subject) = (&query.month, &query.kind, &query.subject);
    Ok(Json(
        app.console()?
            .availability(month.as_deref(), kind.as_deref(), subject.as_deref())
            .await?,
    ))
}

/// GET `/availability.csv`
pub(super) async fn availability_csv(
    State(app): State<App>,
    StrictQuery(query): StrictQuery<Month>,
) -> Result<Response, Problem> {
    let text = app
        .console()?
        .availability_csv(query.month.as_deref(), query.kind.as_deref())
        .await?;
    Ok(file(CSV, "nhipcau-san-sang.csv", text.into_bytes()))
}

/// GET `/availability.xlsx`
pub(super) async fn availability_xlsx(
    State(app): State<App>,
    StrictQuery(query): StrictQuery<Month>,
) -> Result<Response, Problem> {
    let bytes = app
        .console()?
        .availability_xlsx(query.month.as_deref(), query.kind.as_deref())
        .await?;
    Ok(file(XLSX, "nhipcau-san-sang.xlsx", bytes))
}

//! Discovery: scans, the review list, and what of it is watched.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::views::{AcceptInput, DiscoveryState, HistoryRow};
use super::{Problem, SignedIn, Strict, StrictQuery};
use crate::app::App;

/// GET `/discovery`
pub(super) async fn show(State(app): State<App>) -> Result<Json<DiscoveryState>, Problem> {
    Ok(Json(app.discovery()?.state().await?))
}

/// POST `/discovery/scan`
pub(super) async fn scan(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
) -> Result<StatusCode, Problem> {
    app.discovery()?.scan(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// DELETE `/discovery/scan`
pub(super) async fn stop(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
) -> Result<StatusCode, Problem> {
    app.discovery()?.stop(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Body of POST `/discovery/accept`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accept {
    devices: Vec<AcceptInput>,
}

/// POST `/discovery/accept`
pub(super) async fn accept(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Strict(body): Strict<Accept>,
) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(app.discovery()?.accept(&caller, body.devices).await?))
}

/// Body of POST `/discovery/ignore`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ignore {
    addresses: Vec<String>,
    ignore: bool,
}

/// POST `/discovery/ignore`
pub(super) async fn ignore(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Strict(body): Strict<Ignore>,
) -> Result<StatusCode, Problem> {
    app.discovery()?
        .ignore(&caller, body.addresses, body.ignore)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Body of POST `/discovery/forgive`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forgive {
    addresses: Vec<String>,
}

/// POST `/discovery/forgive`
pub(super) async fn forgive(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Strict(body): Strict<Forgive>,
) -> Result<StatusCode, Problem> {
    app.discovery()?.forgive(&caller, body.addresses).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// DELETE `/discovery/accepted/{id}`
pub(super) async fn dismiss(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.discovery()?.dismiss(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Query of GET `/devices/{id}/history`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryPage {
    #[serde(default = "a_page")]
    limit: u32,
}

fn a_page() -> u32 {
    100
}

/// GET `/devices/{id}/history`
pub(super) async fn history(
    State(app): State<App>,
    Path(device): Path<String>,
    StrictQuery(page): StrictQuery<HistoryPage>,
) -> Result<Json<Vec<HistoryRow>>, Problem> {
    Ok(Json(app.discovery()?.history(&device, page.limit).await?))
}

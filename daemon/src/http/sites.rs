//! The tree of sites.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::views::{Site, SiteInput};
use super::{Problem, SignedIn, Strict};
use crate::app::App;

/// GET `/sites`
pub(super) async fn list(State(app): State<App>) -> Result<Json<Vec<Site>>, Problem> {
    Ok(Json(app.sites().list().await?))
}

/// POST `/sites`
pub(super) async fn create(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Strict(input): Strict<SiteInput>,
) -> Result<Json<Site>, Problem> {
    Ok(Json(app.sites().create(&caller, input).await?))
}

/// PATCH `/sites/{id}`: the whole site; what is absent is cleared.
pub(super) async fn update(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(id): Path<String>,
    Strict(input): Strict<SiteInput>,
) -> Result<Json<Site>, Problem> {
    Ok(Json(app.sites().update(&caller, &id, input).await?))
}

/// DELETE `/sites/{id}`
pub(super) async fn delete(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.sites().delete(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

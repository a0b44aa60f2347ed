//! Accounts.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::body::id;
use super::views::{Account, AccountInput, AccountPatch};
use super::{Problem, SignedIn, Strict};
use crate::app::App;

/// GET `/accounts`
pub(super) async fn list(State(app): State<App>) -> Result<Json<Vec<Account>>, Problem> {
    Ok(Json(app.accounts().list().await?))
}

/// POST `/accounts`
pub(super) async fn create(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Strict(input): Strict<AccountInput>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(app.accounts().create(&caller, input).await?))
}

/// PATCH `/accounts/{id}`
pub(super) async fn update(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(account): Path<String>,
    Strict(patch): Strict<AccountPatch>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(
        app.accounts().update(&caller, id(&account)?, patch).await?,
    ))
}

/// DELETE `/accounts/{id}`
pub(super) async fn delete(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(account): Path<String>,
) -> Result<StatusCode, Problem> {
    app.accounts().delete(&caller, id(&account)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

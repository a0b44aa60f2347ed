//! `/snmp?target=&module=`, for scrapers that know `snmp_exporter`.

use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Peer;
use super::metrics::may_scrape;
use crate::app::{App, ExportRefusal};
use crate::metrics::CONTENT_TYPE as EXPOSITION;

/// The module that is meant when none is named.
const MODULE_DEFAULT: &str = "if_mib";

/// GET `/snmp`: for whom `/metrics` is. `module` may come several times or hold several names with commas between them; `live=1` reads the
/// device now; what else the peer understands (`auth`, `snmp_context`) is the inventory's affair here and ignored.
pub(super) async fn show(
    State(app): State<App>,
    peer: Peer,
    headers: HeaderMap,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    if let Err(refused) = may_scrape(&app, peer, &headers) {
        return refused.into_response();
    }
    let all = |key: &'static str| {
        pairs
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    };
    let Some(target) = all("target").next().filter(|target| !target.is_empty()) else {
        return (StatusCode::BAD_REQUEST, "target is missing\n").into_response();
    };
    let mut modules: Vec<&str> = all("module")
        .flat_map(|names| names.split(','))
        .filter(|name| !name.is_empty())
        .collect();
    if modules.is_empty() {
        modules.push(MODULE_DEFAULT);
    }
    let live = all("live").any(|value| matches!(value, "1" | "true"));
    match app.export(target, &modules, live).await {
        Ok(text) => ([(CONTENT_TYPE, EXPOSITION)], text).into_response(),
        Err(ExportRefusal::UnknownTarget) => (
            StatusCode::NOT_FOUND,
            "no device of the inventory is called so\n",
        )
            .into_response(),
        Err(ExportRefusal::BadModule(name)) => (
            StatusCode::BAD_REQUEST,
            format!("unknown module: {}\n", crate::logging::escape(&name)),
        )
            .into_response(),
        Err(ExportRefusal::Unavailable(reason)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{}\n", crate::logging::escape(&reason)),
        )
            .into_response(),
    }
}

//! `/sd/http`: what Prometheus shall scrape here.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri};
use serde::Deserialize;

use super::metrics::may_scrape;
use super::views::ScrapeGroup;
use super::{Peer, Problem, host_of};
use crate::app::App;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// `snmp` (the devices under `/snmp`; the default) or `metrics` (the parts of `/metrics`).
    of: Option<String>,
    /// Modules of `/snmp`.
    module: Option<String>,
}

/// GET `/sd/http`: for whom `/metrics` is. Targets are this daemon, under the name by which it was asked.
pub(super) async fn show(
    State(app): State<App>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<ScrapeGroup>>, Problem> {
    may_scrape(&app, peer, &headers)?;
    let host = host_of(&uri, &headers).ok_or_else(|| Problem::new("bad_request", "no host"))?;
    let scheme = if peer.secure { "https" } else { "http" };
    match wanted.of.as_deref().unwrap_or("snmp") {
        "snmp" => {
            let module = wanted.module.as_deref().unwrap_or("if_mib");
            Ok(Json(app.scrape_devices(host, scheme, module)))
        }
        "metrics" => Ok(Json(app.scrape_parts(host, scheme))),
        _ => Err(Problem::new("bad_request", "of is snmp or metrics")),
    }
}

//! The one table of the API: method, path, who may, handler. The router is built from it and nothing else.

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::access::Access::{self, Anyone, Bearer, Role, SignedIn};
use super::views::AccountRole::{Admin, Host, Operator, Viewer};
use super::{
    accounts, conferences, console, desk_ws, discovery, health, live_ws, metrics, passes, peers,
    recordings, room, room_ws, scan, session, sites, snmp, upkeep, whip,
};
use crate::app::App;

/// One row of the table.
pub struct Route {
    /// The method; `GET` answers `HEAD` as well.
    pub method: Method,
    /// The path in axum's form.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// What answers.
    pub handler: MethodRouter<App>,
}

fn route<H, T>(
    method: Method,
    filter: MethodFilter,
    path: &'static str,
    access: Access,
    handler: H,
) -> Route
where
    H: Handler<T, App>,
    T: 'static,
{
    Route {
        method,
        path,
        access,
        handler: on(filter, handler),
    }
}

fn get<H: Handler<T, App>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    route(Method::GET, MethodFilter::GET, path, access, handler)
}

fn post<H: Handler<T, App>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    route(Method::POST, MethodFilter::POST, path, access, handler)
}

fn patch<H: Handler<T, App>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    route(Method::PATCH, MethodFilter::PATCH, path, access, handler)
}

fn delete<H: Handler<T, App>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    route(Method::DELETE, MethodFilter::DELETE, path, access, handler)
}

fn options<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Route {
    route(
        Method::OPTIONS,
        MethodFilter::OPTIONS,
        path,
        Bearer,
        handler,
    )
}

/// Whether a path of the table is for devices: no cookie and no `Origin` counts there.
pub(super) fn is_for_devices(path: &str) -> bool {
    path.starts_with("/whip/{room}") || path.starts_with("/whep/{room}")
}

/// Every route of the daemon.
pub fn table() -> Vec<Route> {
    vec![
        get("/healthz", Anyone, health::show),
        get("/api/v1/session", Anyone, session::show),
        post("/api/v1/setup", Anyone, session::set_up),
        post("/api/v1/session", Anyone, session::begin),
        delete("/api/v1/session", SignedIn, session::end),
        get("/api/v1/accounts", Role(Admin), accounts::list),
        post("/api/v1/accounts", Role(Admin), accounts::create),
        // Everyone may change the own password; `app` sees to the rest.
        patch("/api/v1/accounts/{id}", SignedIn, accounts::update),
        delete("/api/v1/accounts/{id}", Role(Admin), accounts::delete),
        get("/api/v1/sites", Role(Viewer), sites::list),
        post("/api/v1/sites", Role(Operator), sites::create),
        patch("/api/v1/sites/{id}", Role(Operator), sites::update),
        delete("/api/v1/sites/{id}", Role(Operator), sites::delete),
        get("/api/v1/conferences", Role(Viewer), conferences::list),
        post("/api/v1/conferences", Role(Host), conferences::book),
        post(
            "/api/v1/conferences/conflicts",
            Role(Host),
            conferences::conflicts,
        ),
        get("/api/v1/conferences/{id}", Role(Viewer), conferences::show),
        patch("/api/v1/conferences/{id}", Role(Host), conferences::amend),
        delete("/api/v1/conferences/{id}", Role(Host), conferences::cancel),
        get(
            "/api/v1/conferences/{id}/calendar.ics",
            Role(Viewer),
            conferences::calendar,
        ),
        get(
            "/api/v1/conferences/{id}/attendance",
            Role(Viewer),
            conferences::attendance,
        ),
        get(
            "/api/v1/conferences/{id}/attendance.csv",
            Role(Viewer),
            conferences::attendance_csv,
        ),
        get(
            "/api/v1/conferences/{id}/attendance.xlsx",
            Role(Viewer),
            conferences::attendance_xlsx,
        ),
        get("/api/v1/conferences/{id}/passes", Role(Host), passes::list),
        post("/api/v1/conferences/{id}/passes", Role(Host), passes::make),
        delete(
            "/api/v1/conferences/{id}/passes/{pass}",
            Role(Host),
            passes::revoke,
        ),
        get("/api/v1/conferences/{id}/peers", Role(Host), peers::list),
        get(
            "/api/v1/conferences/{id}/peers/{participant}",
            Role(Host),
            peers::show,
        ),
        get("/api/v1/recordings", Role(Viewer), recordings::list),
        get("/api/v1/recordings/{id}/file", Role(Host), recordings::file),
        get("/api/v1/rooms/{room}", Anyone, room::preview),
        get("/api/v1/overview", Role(Viewer), console::overview),
        get("/api/v1/devices", Role(Viewer), console::devices),
        get("/api/v1/devices/{id}", Role(Viewer), console::device),
        get("/api/v1/devices/{id}/series", Role(Viewer), console::series),
        get("/api/v1/devices/{id}/history", Role(Viewer), scan::history),
        get("/api/v1/discovery", Role(Viewer), scan::show),
        post("/api/v1/discovery/scan", Role(Operator), scan::scan),
        delete("/api/v1/discovery/scan", Role(Operator), scan::stop),
        post("/api/v1/discovery/accept", Role(Operator), scan::accept),
        post("/api/v1/discovery/ignore", Role(Operator), scan::ignore),
        post("/api/v1/discovery/forgive", Role(Operator), scan::forgive),
        delete(
            "/api/v1/discovery/accepted/{id}",
            Role(Operator),
            scan::dismiss,
        ),
        get("/api/v1/links", Role(Viewer), console::links),
        get("/api/v1/topology", Role(Viewer), console::topology),
        get("/api/v1/links/report", Role(Viewer), upkeep::links),
        get("/api/v1/links/report.csv", Role(Viewer), upkeep::links_csv),
        get(
            "/api/v1/links/report.xlsx",
            Role(Viewer),
            upkeep::links_xlsx,
        ),
        get("/api/v1/availability", Role(Viewer), upkeep::availability),
        get(
            "/api/v1/availability.csv",
            Role(Viewer),
            upkeep::availability_csv,
        ),
        get(
            "/api/v1/availability.xlsx",
            Role(Viewer),
            upkeep::availability_xlsx,
        ),
        get("/api/v1/maintenance", Role(Viewer), upkeep::list),
        post("/api/v1/maintenance", Role(Operator), upkeep::announce),
        post("/api/v1/maintenance/{id}/end", Role(Operator), upkeep::end),
        get("/api/v1/events", Role(Viewer), console::events),
        get("/api/v1/incidents", Role(Viewer), console::incidents),
        post(
            "/api/v1/incidents/{id}/acknowledge",
            Role(Operator),
            console::acknowledge,
        ),
        delete(
            "/api/v1/incidents/{id}/acknowledge",
            Role(Operator),
            console::unacknowledge,
        ),
        get("/api/v1/playbooks", Role(Viewer), console::playbooks),
        get("/api/v1/runs", Role(Viewer), console::runs),
        get("/api/v1/runs/{id}", Role(Viewer), console::run),
        post(
            "/api/v1/runs/{id}/approval",
            Role(Operator),
            console::approve,
        ),
        get(
            "/api/v1/conferences/{id}/board",
            Role(Viewer),
            console::board,
        ),
        // Sockets of pages. The room's own checks its link's token in the first message.
        get("/api/v1/live", Role(Viewer), live_ws::open),
        get("/api/v1/desk/{conference}", Role(Host), desk_ws::open),
        get("/api/v1/room/{room}", Anyone, room_ws::open),
        // Devices, with the token of a pass; see `whip`.
        post("/whip/{room}", Bearer, whip::publish),
        options("/whip/{room}", whip::options),
        delete("/whip/{room}/{session}", Bearer, whip::unpublish),
        patch("/whip/{room}/{session}", Bearer, whip::patch_publish),
        options("/whip/{room}/{session}", whip::options),
        post("/whep/{room}", Bearer, whip::play),
        options("/whep/{room}", whip::options),
        delete("/whep/{room}/{session}", Bearer, whip::stop),
        patch("/whep/{room}/{session}", Bearer, whip::patch_play),
        options("/whep/{room}/{session}", whip::options),
        // For Prometheus: by address or bearer, which the handler checks.
        get("/metrics", Anyone, metrics::show),
        get("/snmp", Anyone, snmp::show),
        get("/sd/http", Anyone, discovery::show),
    ]
}

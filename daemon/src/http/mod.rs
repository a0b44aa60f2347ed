//! HTTP: handlers, pages, TLS and the views of the API. Knows `app`, never the store.
//!
//! [`routes`] holds the one table of method, path, who may, and handler; the router is built from it, and a test walks it for
//! every role. What holds for every request (headers, Host, Origin, limits, observation) is in [`guard`].

mod access;
mod accounts;
mod assets;
mod body;
mod conferences;
mod console;
mod desk_ws;
mod discovery;
mod guard;
mod health;
mod live_ws;
mod metrics;
mod passes;
mod peer;
mod peers;
mod problem;
mod recordings;
mod room;
mod room_ws;
mod routes;
mod scan;
pub mod server;
mod session;
mod sites;
mod snmp;
pub mod tls;
mod upkeep;
pub mod views;
mod whip;

pub use access::{Access, SignedIn};
pub use body::{BODY_MAX, Strict, StrictQuery};
pub use guard::{Observation, Observer, base_url, host_of, origin_ok};
pub use peer::Peer;
pub use problem::Problem;
pub use routes::{Route, table};

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::app::App;

/// The router over everything. `observer` is told of each answer, by matched path only.
///
/// Requests must carry a [`Peer`] extension, which [`server`] puts in.
pub fn router(app: App, observer: Observer) -> Router {
    let mut router = Router::new();
    for Route {
        path,
        access,
        handler,
        ..
    } in table()
    {
        let guarded = handler.layer(from_fn_with_state((app.clone(), access), access::require));
        router = router.route(path, guarded);
    }
    router
        .fallback(assets::page)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(from_fn_with_state(app.clone(), guard::origin))
        .layer(from_fn_with_state((app.clone(), observer), guard::frame))
        .with_state(app)
}

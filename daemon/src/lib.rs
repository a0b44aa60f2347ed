//! The one binary, `nhipcau`, as a library: so that the integration tests assemble the same daemon that `main.rs` starts.

pub mod config;
pub mod http;
pub mod logging;
pub mod secret;
pub mod store;
pub mod control;
pub mod exec;
pub mod sd_notify;

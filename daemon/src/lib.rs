//! The one binary, `nhipcau`, as a library: so that the integration tests assemble the same daemon that `main.rs` starts.

pub mod app;
pub mod config;
pub mod control;
pub mod exec;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod mibs;
pub mod notify;
mod run;
pub mod sd_notify;
pub mod secret;
pub mod sheet;
pub mod store;
pub mod workbench;

pub use run::{RunOptions, faults, run};

mod assembly;
mod drive;
mod perform;

//! The one binary, `nhipcau`, as a library: so that the integration tests assemble the same daemon that `main.rs` starts.

pub mod config;
pub mod http;
pub mod secret;

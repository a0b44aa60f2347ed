//! The tests of `bridge` with one packet thread.

#[path = "bridge/main.rs"]
mod bridge;

//! The daemon as tests meet it: a process with a state directory, addresses, a console's client and a room's socket, beside the real
//! programs of others.

pub mod agent;
pub mod booking;
pub mod client;
pub mod daemon;
pub mod elsewhere;
pub mod peers;
pub mod place;
pub mod program;
pub mod snmp;
pub mod socket;
pub mod wait;

use std::path::PathBuf;

/// Says loudly that a test did not run, and why.
#[allow(clippy::print_stderr, reason = "a test's runner reads it")]
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// Says loudly that a test did not run because something real is not there that CI has: `.ci/setup test` installs programs.
///
/// # Panics
/// Under `CI=true`, where everything has to be there.
pub fn missing(what: &str) {
    skipped(what);
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "CI must have every real part: {what}"
    );
}

/// The folder of independent test material, `None` (said loudly) when it is not there.
#[must_use]
pub fn corpora() -> Option<PathBuf> {
    let folder = std::env::var_os("NHIPCAU_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    skipped(&format!(
        "{} is not there (set NHIPCAU_CORPORA)",
        folder.display()
    ));
    None
}

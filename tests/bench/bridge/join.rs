//! Everybody joins at the last minute: a real daemon, `nhipcau load` with the links of a conference.

use std::process::Command;

use nhipcau_media_load::pin_thread;
use nhipcau_tests::daemon::{Daemon, Setup, binary};
use nhipcau_tests::{booking, program};
use serde_json::Value;

use crate::apart::CORES;

const SITES: usize = 250;
/// Those with cameras.
const CAMERAS: usize = 5;

/// 250 sites join within 20 seconds. Returns the 95th percentile from the click to the first whole picture, in ms.
pub(crate) fn storm() -> f64 {
    pin_thread(CORES.0);
    let daemon = Daemon::start(Setup::default());
    pin_thread(CORES.1);
    let links = booking::links(&daemon.admin(), SITES).join("\n");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("links");
    std::fs::write(&path, links).expect("the folder takes a file");
    let mut command = Command::new(binary());
    command.arg("load").arg("--links").arg(&path);
    for (option, value) in [
        ("publishers", CAMERAS),
        ("ramp", 20),
        ("seconds", 40),
        ("tiles", 4),
    ] {
        command.arg(format!("--{option}={value}"));
    }
    let outcome = program::run(&mut command);
    crate::remark(&outcome.err);
    assert!(outcome.status.success(), "the load fails: {}", outcome.err);
    let report: Value = serde_json::from_str(&outcome.out).expect("a report");
    assert_eq!(report["connected"], SITES, "not all are in: {report}");
    assert_eq!(report["first_picture"]["count"], SITES);
    assert_eq!(report["first_picture"]["unmet"], 0);
    report["first_picture"]["p95_ms"]
        .as_f64()
        .expect("a figure")
}

//! Everybody joins at the last minute: a real daemon, `nhipcau load` with the links of a conference.

use std::fmt::Write as _;
use std::process::Command;

use nhipcau_media_load::pin_thread;
use nhipcau_tests::daemon::{Daemon, Setup, binary};
use nhipcau_tests::program;
use serde_json::{Value, json};

use crate::apart::CORES;

const SITES: usize = 250;
/// Those with cameras.
const CAMERAS: usize = 5;

/// 250 sites join within 20 seconds. Returns the 95th percentile from the click to the first whole picture, in ms.
pub(crate) fn storm() -> f64 {
    pin_thread(CORES.0);
    let daemon = Daemon::start(Setup::default());
    pin_thread(CORES.1);
    let links = conference(&daemon, SITES);
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

/// Books a conference of that many sites that is on now; returns their links, one a line.
fn conference(daemon: &Daemon, sites: usize) -> String {
    let admin = daemon.admin();
    for number in 0..sites {
        let site = json!({ "id": format!("xa-{number}"), "name": format!("Xã {number}"), "kind": "commune" });
        let answer = admin.post("/sites", &site);
        assert!(answer.status < 300, "{}", answer.text());
    }
    let ids = (1..sites)
        .map(|number| format!("xa-{number}"))
        .collect::<Vec<_>>();
    let input = json!({
        "title": "Giao ban", "starts_at": moment(-5), "ends_at": moment(120), "chair_site": "xa-0", "sites": ids,
    });
    let booked = admin.post("/conferences", &input).json();
    let detail = admin.get(&format!("/conferences/{}", booked["id"]));
    let mut links = String::new();
    for invitation in detail["invitations"].as_array().into_iter().flatten() {
        let link = invitation["link"].as_str().expect("a host sees links");
        let _ = writeln!(links, "{link}");
    }
    links
}

/// So many minutes from now, as the API writes it.
fn moment(minutes: i64) -> String {
    let offset = format!("{minutes:+} minutes");
    let outcome =
        program::run(Command::new("date").args(["-u", "-d", &offset, "+%Y-%m-%dT%H:%M:00Z"]));
    outcome.out.trim().to_owned()
}

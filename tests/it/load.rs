//! `nhipcau load` against a real daemon, and against nobody.

use std::path::Path;
use std::process::Command;

use nhipcau_tests::daemon::{Daemon, Setup, binary};
use nhipcau_tests::program::{self, Outcome};
use nhipcau_tests::{booking, place};
use serde_json::{Value, json};

fn load(options: &str, links: &Path) -> Outcome {
    let mut command = Command::new(binary());
    command.arg("load").arg("--links").arg(links);
    program::run(command.args(options.split_whitespace()))
}

fn written(folder: &tempfile::TempDir, links: &[String]) -> std::path::PathBuf {
    let path = folder.path().join("links");
    std::fs::write(&path, links.join("\n")).expect("the folder takes a file");
    path
}

fn report(outcome: &Outcome) -> Value {
    assert!(outcome.status.success(), "{}", outcome.err);
    serde_json::from_str(&outcome.out).expect("a report")
}

#[test]
fn twenty_peers_join_turn_pages_and_see_pictures() {
    let daemon = Daemon::start(Setup::default());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let links = written(&folder, &booking::links(&daemon.admin(), 20));
    let options = format!(
        "--url {} --publishers 4 --tiles 3 --turn-every 3 --speaker-every 4 --churn 30 --ramp 2 --seconds 15",
        daemon.origin()
    );
    let report = report(&load(&options, &links));
    assert_eq!(report["failed"], 0, "{report}");
    assert_eq!(report["peers"], 20);
    assert_eq!(report["publishers"], 4);
    assert!(report["connected"].as_u64() >= Some(14), "{report}");
    // Those who left and came back waited again.
    assert!(
        report["first_picture"]["count"].as_u64() >= Some(20),
        "{report}"
    );
    assert!(report["page"]["count"].as_u64() > Some(40), "{report}");
    assert!(report["speaker"]["count"].as_u64() > Some(10), "{report}");
    assert!(report["pictures_shown"].as_u64() > Some(1_000), "{report}");
    assert!(
        report["picture_latency"]["count"].as_u64() > Some(1_000),
        "{report}"
    );
    let server = daemon.metric("nhipcau_bridge_packets_sent_total", &["kind=\"media\""]);
    let received = report["packets_received"].as_f64().unwrap_or_default();
    assert!(
        server >= received * 0.9,
        "the daemon sent {server}, {received} came"
    );
}

#[test]
fn the_report_tells_the_loss_of_a_bad_line() {
    let daemon = Daemon::start(Setup::default());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let links = written(&folder, &booking::links(&daemon.admin(), 4));
    let options = format!(
        "--url {} --publishers 1 --loss 5 --delay 20 --line-peers 3 --ramp 1 --seconds 12 --seed 11",
        daemon.origin()
    );
    let report = report(&load(&options, &links));
    let count = |key: &str| report[key].as_f64().unwrap_or_default();
    assert_eq!(report["connected"], 4, "{report}");
    let (lost, received) = (count("line_lost_down"), count("packets_received"));
    let share = lost / (lost + received);
    assert!((0.02..0.09).contains(&share), "{share}: {report}");
    assert!(count("line_lost_up") > 0.0, "{report}");
    assert!(
        count("packets_asked_again") > 0.0 && count("packets_repaired") > 0.0,
        "{report}"
    );
    assert!(count("sound_missing") > 0.0, "lost sound is told: {report}");
}

#[test]
fn whip_and_whep_endpoints_are_driven() {
    let daemon = Daemon::start(Setup::default());
    let admin = daemon.admin();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let _ = booking::links(&admin, 3);
    let conferences = admin.get("/conferences");
    let id = &conferences[0]["id"];
    let pass = |site: &str, direction: &str| {
        let input = json!({ "site": site, "direction": direction, "name": direction });
        admin
            .post(&format!("/conferences/{id}/passes"), &input)
            .json()
    };
    let (encoder, player) = (pass("diem-cau-1", "send"), pass("diem-cau-2", "receive"));
    let text = |pass: &Value, key: &str| pass[key].as_str().expect("a text").to_owned();
    let tokens = folder.path().join("tokens");
    let lines = format!("{}\n{}\n", text(&encoder, "token"), text(&player, "token"));
    std::fs::write(&tokens, lines).expect("the folder takes a file");
    let mut command = Command::new(binary());
    command.args([
        "load",
        "--whip",
        &text(&encoder, "url"),
        "--whep",
        &text(&player, "url"),
    ]);
    command.arg("--token-file").arg(&tokens);
    command.args(["--peers=2", "--publishers=1", "--seconds=10", "--ramp=1"]);
    let report = report(&program::run(&mut command));
    assert_eq!(report["connected"], 2, "{report}");
    assert_eq!(report["failed"], 0, "{report}");
    assert!(report["pictures_shown"].as_u64() > Some(50), "{report}");
    assert!(report["sound_heard"].as_u64() > Some(50), "{report}");
}

#[test]
fn nobody_there_is_said_loudly() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let link = format!("http://{}:9/p/room#secret-token", place::address());
    let links = written(&folder, &[link]);
    let outcome = load("--seconds 10 --ramp 1", &links);
    assert_eq!(outcome.status.code(), Some(69), "{}", outcome.err);
    assert!(outcome.err.contains("nobody could join"), "{}", outcome.err);
    assert!(outcome.out.is_empty());
    assert!(!outcome.err.contains("secret-token"), "{}", outcome.err);
    let outcome = load("--peers 2", &links);
    assert_eq!(outcome.status.code(), Some(64), "{}", outcome.err);
}

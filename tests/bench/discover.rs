//! How long the daemon takes to find three hundred devices in a /23: the agents live in another process.

#![allow(
    clippy::print_stdout,
    reason = "one JSON line a benchmark, for `make bench`"
)]

use std::net::Ipv4Addr;
use std::time::Instant;

use nhipcau_lab::{Crowd, CrowdConfig};
use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::elsewhere::{self, Elsewhere};
use nhipcau_tests::wait;
use serde_json::json;

const AGENTS: u32 = 300;
const PORT: u16 = 16_162;
/// Below the addresses that tests give to daemons and agents.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 31, 0, 1);
const COMMUNITY: &str = "bench";

fn main() {
    if std::env::args().nth(1).as_deref() == Some(elsewhere::AGENTS) {
        serve();
    } else {
        measure();
    }
}

/// The other process: agents until standard input closes.
fn serve() {
    let config = CrowdConfig {
        first: FIRST,
        count: AGENTS,
        port: PORT,
        community: COMMUNITY.to_owned(),
        name: "sw-".to_owned(),
    };
    elsewhere::serve(async { Crowd::start(&config).await.expect("the addresses are free") });
}

fn measure() {
    let _agents = Elsewhere::start(&[]);
    // Everything but the ground is the default.
    let config = format!(
        "credentials: [{{name: bench, version: v2c, community: \"env:BENCH_COMMUNITY\"}}]\n\
         discovery: {{ranges: [127.31.0.0/23], port: {PORT}, credentials: [bench]}}\n"
    );
    let daemon = Daemon::start(Setup {
        config,
        env: vec![("BENCH_COMMUNITY".to_owned(), COMMUNITY.to_owned())],
        log_level: Some("warn".to_owned()),
        ..Setup::default()
    });
    let admin = daemon.admin();
    let begun = Instant::now();
    let answer = admin.post("/discovery/scan", &json!({}));
    assert_eq!(answer.status, 204, "{}", answer.text());
    let state = wait::until("the scan is over", || {
        let state = admin.get("/discovery");
        (state["finished_at"].is_string() && state["scanning"] == false).then_some(state)
    });
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(
        state["progress"]["answered"], AGENTS,
        "{}",
        state["progress"]
    );
    println!(
        "{}",
        json!({ "bench": "discover_300_seconds", "value": (seconds * 10.0).round() / 10.0, "unit": "s" })
    );
}

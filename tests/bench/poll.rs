//! What one poll of a 48-port device costs the daemon: a real daemon process polls replayed recordings that live in another process;
//! its CPU time over a stretch is divided by the polls that it finished in that stretch.

#![allow(
    clippy::print_stdout,
    reason = "one JSON line a benchmark, for `make bench`"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use nhipcau_lab::Replay;
use nhipcau_tests::daemon::{Daemon, Setup, metric};
use nhipcau_tests::elsewhere::{self, Elsewhere};
use nhipcau_tests::{corpora, place, program, wait};

/// Devices: enough that one poll's luck does not matter, few enough for five seconds between polls on two cores.
const DEVICES: u8 = 40;
const INTERVAL_SECONDS: u64 = 5;
const MEASURED: Duration = Duration::from_secs(30);
const AGENT_PORT: u16 = 16161;
const COMMUNITY: &str = "bench";

fn main() {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some(elsewhere::AGENTS), Some(base)) => serve(base.parse().expect("an address")),
        _ => measure(),
    }
}

/// The other process: agents until standard input closes.
fn serve(base: Ipv4Addr) {
    let text = recording();
    elsewhere::serve(async {
        let mut agents = Vec::new();
        for number in 0..DEVICES {
            let replay = Replay::load(&text)
                .expect("the recording loads")
                .with_reply_bytes_max(1472);
            agents.push(
                replay
                    .serve(agent(base, number), COMMUNITY)
                    .await
                    .expect("the address is free"),
            );
        }
        agents
    });
}

fn agent(base: Ipv4Addr, number: u8) -> SocketAddr {
    let [a, b, c, _] = base.octets();
    SocketAddr::from(([a, b, c, 100 + number], AGENT_PORT))
}

fn measure() {
    let base = place::address();
    let _agents = Elsewhere::start(&[base.to_string()]);

    let mut config = String::from(
        "credentials: [{name: bench, version: v2c, community: \"env:BENCH_COMMUNITY\"}]\ndevices:\n",
    );
    for number in 0..DEVICES {
        let _ = writeln!(
            config,
            "  - {{id: sw-{number}, address: \"{}\", credentials: [bench], poll: {INTERVAL_SECONDS}s}}",
            agent(base, number)
        );
    }
    let env = vec![("BENCH_COMMUNITY".to_owned(), COMMUNITY.to_owned())];
    let daemon = Daemon::start(Setup {
        config,
        env,
        log_level: Some("warn".to_owned()),
        ..Setup::default()
    });
    wait::until("every device answers", || {
        (metric(&daemon.metrics(), "nhipcau_device_up", &[]) == f64::from(DEVICES)).then_some(())
    });

    let admin = daemon.admin();
    // Settled: first polls learn and discover more than later ones.
    std::thread::sleep(Duration::from_secs(2 * INTERVAL_SECONDS));
    let (cpu_before, requests_before) = (
        program::cpu(daemon.id()),
        metric(&daemon.metrics(), "nhipcau_poll_requests_total", &[]),
    );
    std::thread::sleep(MEASURED);
    let cpu_ms = (program::cpu(daemon.id()) - cpu_before).as_secs_f64() * 1_000.0;
    let requests = metric(&daemon.metrics(), "nhipcau_poll_requests_total", &[]) - requests_before;
    // Polls are not counted as such; all devices are alike, and each says how many requests its last poll took.
    let collection = admin.get("/devices/sw-0")["collection"].clone();
    let polls = requests / collection["requests"].as_f64().expect("a number");
    println!(
        "{}",
        serde_json::json!({ "bench": "poll_cpu_ms_per_device", "value": (cpu_ms / polls * 100.0).round() / 100.0, "unit": "ms" })
    );
    let _ = writeln!(
        std::io::stderr(),
        "{polls:.0} polls of {} values in {} requests took {cpu_ms:.0} ms",
        collection["varbinds"],
        collection["requests"]
    );
}

/// The standard load when it is there, else a device of the same shape.
fn recording() -> String {
    match corpora() {
        Some(folder) => std::fs::read_to_string(folder.join("snmp/if48.snmprec"))
            .expect("the recording is readable"),
        None => generated(),
    }
}

/// 48 ports in the 30 columns of IF-MIB that the standard load has, with counters in the middle of their lives.
fn generated() -> String {
    const COLUMNS: [(&str, u8, u64); 28] = [
        ("2.2.1.3", 2, 6),
        ("2.2.1.4", 2, 1500),
        ("2.2.1.7", 2, 1),
        ("2.2.1.8", 2, 1),
        ("2.2.1.9", 67, 4_321),
        ("2.2.1.13", 65, 17),
        ("2.2.1.14", 65, 3),
        ("2.2.1.19", 65, 5),
        ("2.2.1.20", 65, 2),
        ("31.1.1.1.2", 65, 900_000),
        ("31.1.1.1.3", 65, 800_000),
        ("31.1.1.1.4", 65, 700_000),
        ("31.1.1.1.5", 65, 600_000),
        ("31.1.1.1.6", 70, 93_000_000_000),
        ("31.1.1.1.7", 70, 73_000_000),
        ("31.1.1.1.8", 70, 900_000),
        ("31.1.1.1.9", 70, 800_000),
        ("31.1.1.1.10", 70, 91_000_000_000),
        ("31.1.1.1.11", 70, 71_000_000),
        ("31.1.1.1.12", 70, 700_000),
        ("31.1.1.1.13", 70, 600_000),
        ("31.1.1.1.14", 2, 1),
        ("31.1.1.1.15", 66, 1_000),
        ("31.1.1.1.16", 2, 2),
        ("31.1.1.1.17", 2, 1),
        ("31.1.1.1.19", 67, 0),
        ("2.2.1.5", 66, 1_000_000_000),
        ("2.2.1.21", 66, 0),
    ];
    let mut text = String::from(
        "1.3.6.1.2.1.1.1.0|4|48 ports\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.1208\n1.3.6.1.2.1.1.3.0|67|718475737\n1.3.6.1.2.1.1.5.0|4|sw\n",
    );
    for port in 1..=48_u64 {
        for (column, tag, value) in COLUMNS {
            let _ = writeln!(
                text,
                "1.3.6.1.2.1.{column}.{port}|{tag}|{}",
                if value > 100_000 { value + port } else { value }
            );
        }
        let _ = writeln!(
            text,
            "1.3.6.1.2.1.2.2.1.2.{port}|4|GigabitEthernet0/{port}\n1.3.6.1.2.1.31.1.1.1.1.{port}|4|Gi0/{port}"
        );
    }
    text
}

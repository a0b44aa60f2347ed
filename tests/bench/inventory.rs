//! What the inventory costs, side by side with Debian's prometheus-snmp-exporter: a real daemon and the real peer read the same replayed
//! 48-port switches, which live in another process, and both show what they read to a scraper.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "one JSON line a benchmark, for `make bench`; remarks on standard error"
)]

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nhipcau_lab::Replay;
use nhipcau_tests::client::Client;
use nhipcau_tests::daemon::{Daemon, Setup, metric};
use nhipcau_tests::elsewhere::{self, Elsewhere};
use nhipcau_tests::program::{self, Program};
use nhipcau_tests::{corpora, place, wait};
use ureq::http::Method;

/// Devices of the first part: enough that one poll's luck does not matter.
const FEW: u16 = 40;
/// … each polled and scraped this often.
const FEW_SECONDS: u64 = 5;
/// Devices of the second part.
const MANY: u16 = 1_000;
const MANY_SECONDS: u64 = 30;
const MEASURED: Duration = Duration::from_secs(60);
const PORT: u16 = 20_000;
const PEER_PORT: u16 = 19_116;
/// What the peer's configuration of the corpora has.
const COMMUNITY: &str = "public";
/// Reads of one answer from the last poll.
const CACHED_READS: u32 = 2_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some(elsewhere::AGENTS), Some(base)) => {
            let count = arguments.next().and_then(|n| n.parse().ok());
            serve(base.parse().expect("an address"), count.expect("a number"));
        }
        _ => measure(),
    }
}

/// The other process: agents until standard input closes.
fn serve(base: Ipv4Addr, count: u16) {
    let text = recording().expect("the recording is there");
    let replay = Replay::load(&text).expect("the recording loads");
    // Answers as long as an Ethernet frame allows, as switches give them.
    let replay = replay.with_reply_bytes_max(1472);
    elsewhere::serve(async {
        let mut agents = Vec::new();
        for number in 0..count {
            let served = replay.clone().serve(agent(base, number), COMMUNITY).await;
            agents.push(served.expect("the address is free"));
        }
        agents
    });
}

fn agent(base: Ipv4Addr, number: u16) -> SocketAddr {
    SocketAddr::from((base, PORT + number))
}

fn recording() -> Option<String> {
    Some(
        std::fs::read_to_string(corpora()?.join("snmp/if48.snmprec"))
            .expect("the recording is readable"),
    )
}

/// Agents in a process of their own, ended with this.
struct Agents {
    base: Ipv4Addr,
    _process: Elsewhere,
}

impl Agents {
    fn start(count: u16) -> Self {
        let base = place::address();
        let process = Elsewhere::start(&[base.to_string(), count.to_string()]);
        Self {
            base,
            _process: process,
        }
    }
}

fn say(bench: &str, value: f64, unit: &str) {
    let value = (value * 100.0).round() / 100.0;
    println!(
        "{}",
        serde_json::json!({ "bench": bench, "value": value, "unit": unit })
    );
}

fn measure() {
    if recording().is_none() {
        eprintln!("SKIPPED: the figures are for if48.snmprec alone");
        return;
    }
    let ours = few();
    if let Some(theirs) = peer() {
        say("snmp_exporter_cpu_ms", theirs, "ms");
        eprintln!("the peer takes {:.1} times as much", theirs / ours);
    }
    many();
}

/// The daemon over `count` devices, which a scraper reads from the first moment on.
fn watch(agents: &Agents, count: u16, seconds: u64, profiles: &Path) -> Daemon {
    // Every column of the module with every poll, which the daemon does not do by itself, because the peer reads them all with every scrape;
    // and nothing else (neighbours, bridge tables, parts), because the peer does not read it.
    let mut config = format!(
        "poll: {{interval: {seconds}s, slow_every: 1}}\nprofiles: {{directory: \"{}\"}}\ncredentials: [{{name: bench, version: v2c, community: \"env:BENCH_COMMUNITY\"}}]\ndevices:\n",
        profiles.display()
    );
    for number in 0..count {
        let address = agent(agents.base, number);
        let _ = writeln!(
            config,
            "  - {{id: sw-{number}, address: \"{address}\", credentials: [bench], profile: ports}}"
        );
    }
    Daemon::start(Setup {
        config,
        env: vec![("BENCH_COMMUNITY".to_owned(), COMMUNITY.to_owned())],
        log_level: Some("warn".to_owned()),
        ..Setup::default()
    })
}

/// A family that is read for its ports alone.
fn profiles() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(
        folder.path().join("ports.yaml"),
        "profile: ports\nvendor: Bench\nkind: switch\nmatch: [{object_id: [1.3.6.1.4.1.99999.1]}]\nmodules: [interfaces]\n",
    )
    .expect("a file");
    folder
}

/// Reads every device once, spread over a cycle; whether all were answered, and from the last poll.
fn scrape(client: &Client, count: u16, cycle: Duration) -> (u32, u32) {
    let begin = Instant::now();
    let (mut good, mut polled) = (0, 0);
    for number in 0..count {
        let path = format!("/snmp?target=sw-{number}&module=if_mib");
        if let Ok(answer) = client.try_call(Method::GET, &path, None)
            && answer.status == 200
        {
            good += 1;
            polled += u32::from(metric(&answer.text(), "snmp_scrape_age_seconds", &[]) > 0.0);
        }
        let due = begin + cycle.mul_f64(f64::from(number + 1) / f64::from(count));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    (good, polled)
}

/// The parts of `/metrics` as discovery lists them, read one after the other: their bytes.
fn scrape_parts(client: &Client) -> usize {
    let groups = client.call(Method::GET, "/sd/http?of=metrics", None).json();
    let groups = groups.as_array().cloned().unwrap_or_default();
    let label = |group: &serde_json::Value, name: &str| {
        group["labels"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    groups
        .iter()
        .map(|group| {
            let path = format!(
                "/metrics?shard={}&shards={}",
                label(group, "__param_shard"),
                label(group, "__param_shards")
            );
            client.call(Method::GET, &path, None).text().len()
        })
        .sum()
}

/// One device, whole cycle: polled, every column, and shown once. CPU milliseconds.
fn few() -> f64 {
    let agents = Agents::start(FEW);
    let profiles = profiles();
    let daemon = watch(&agents, FEW, FEW_SECONDS, profiles.path());
    let client = daemon.client();
    let cycle = Duration::from_secs(FEW_SECONDS);
    wait::until("every device is shown from its polls", || {
        (scrape(&client, FEW, cycle).1 == u32::from(FEW)).then_some(())
    });
    let admin = daemon.admin();
    let before = (program::cpu(daemon.id()), requests(&daemon));
    let begin = Instant::now();
    let mut shown = 0;
    while begin.elapsed() < MEASURED {
        shown += scrape(&client, FEW, cycle).1;
    }
    let cpu_ms = (program::cpu(daemon.id()) - before.0).as_secs_f64() * 1_000.0;
    let collection = admin.get("/devices/sw-0")["collection"].clone();
    let polls = (requests(&daemon) - before.1) / collection["requests"].as_f64().expect("a number");
    let varbinds = collection["varbinds"].as_f64().expect("a number");
    assert!(varbinds >= 1_440.0, "only {varbinds} values a poll");
    let ours = cpu_ms / polls;
    say("poll_export_cpu_ms", ours, "ms");
    eprintln!(
        "{polls:.0} polls of {varbinds} values in {} requests and {shown} answers took {cpu_ms:.0} ms",
        collection["requests"]
    );

    let before = program::cpu(daemon.id());
    let begin = Instant::now();
    let mut bytes = 0;
    for n in 0..CACHED_READS {
        let path = format!("/snmp?target=sw-{}&module=if_mib", n % u32::from(FEW));
        let answer = client.call(Method::GET, &path, None);
        assert_eq!(answer.status, 200);
        bytes = answer.text().len();
    }
    // The polls go on meanwhile; what they cost is known.
    let polls = begin.elapsed().as_secs_f64() / FEW_SECONDS as f64 * f64::from(FEW);
    let cpu_ms = (program::cpu(daemon.id()) - before).as_secs_f64() * 1_000.0;
    let cached = (cpu_ms - polls * ours).max(0.0) / f64::from(CACHED_READS);
    say("probe_cached_cpu_ms", cached, "ms");
    eprintln!("an answer has {bytes} bytes");
    ours
}

fn requests(daemon: &Daemon) -> f64 {
    metric(&daemon.metrics(), "nhipcau_poll_requests_total", &[])
}

/// The same by the peer; `None` where it is not installed.
fn peer() -> Option<f64> {
    let binary = program::installed("prometheus-snmp-exporter", "prometheus-snmp-exporter")?;
    let modules = corpora()?.join("snmp/snmp_exporter_0.21_if_mib.yml");
    let agents = Agents::start(FEW);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (peer, client) = start_peer(&binary, &modules, folder.path());
    let round = || {
        for number in 0..FEW {
            let target = agent(agents.base, number);
            let path = format!("/snmp?target={target}&module=if_mib");
            let answer = client.call(Method::GET, &path, None);
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    };
    round();
    let before = program::cpu(peer.id());
    let rounds = 5;
    for _ in 0..rounds {
        round();
    }
    let cpu_ms = (program::cpu(peer.id()) - before).as_secs_f64() * 1_000.0;
    Some(cpu_ms / f64::from(rounds * FEW))
}

fn start_peer(binary: &Path, modules: &Path, folder: &Path) -> (Program, Client) {
    let ip = place::address();
    let mut command = Command::new(binary);
    command
        .arg(format!("--config.file={}", modules.display()))
        .arg(format!("--web.listen-address={ip}:{PEER_PORT}"));
    let program = Program::start("peer", &mut command, folder);
    let client = Client::new(&format!("http://{ip}:{PEER_PORT}"));
    wait::until("the peer answers", || {
        client.try_call(Method::GET, "/", None).ok()
    });
    (program, client)
}

/// A thousand devices, polled and scraped every half minute.
fn many() {
    let agents = Agents::start(MANY);
    let profiles = profiles();
    let daemon = watch(&agents, MANY, MANY_SECONDS, profiles.path());
    let client = daemon.client();
    let cycle = Duration::from_secs(MANY_SECONDS);
    wait::until_within(10 * cycle, "every device is shown from its polls", || {
        (scrape(&client, MANY, cycle).1 == u32::from(MANY)).then_some(())
    });
    // `/metrics` whole may be too long by now: the poller's own figures are in the first part.
    let late = || {
        let text = client
            .call(Method::GET, "/metrics?shard=0&shards=1000", None)
            .text();
        metric(&text, "nhipcau_poll_late_total", &[])
    };
    let (cpu, late_before, begin) = (program::cpu(daemon.id()), late(), Instant::now());
    let (mut good, mut bytes) = (0, 0);
    while begin.elapsed() < 2 * cycle {
        good += scrape(&client, MANY, cycle).0;
        bytes = scrape_parts(&client);
    }
    let elapsed = begin.elapsed().as_secs_f64();
    let spent = (program::cpu(daemon.id()) - cpu).as_secs_f64();
    say("poll_1000_core_percent", spent / elapsed * 100.0, "%");
    say("poll_1000_rss_mb", status(daemon.id(), "VmRSS:"), "MB");
    say("poll_1000_missed", late() - late_before, "polls");
    eprintln!(
        "{good} answers in {elapsed:.0} s; /metrics is {bytes} bytes in all its parts; at most {:.0} MB resident",
        status(daemon.id(), "VmHWM:")
    );
}

/// A line of `/proc/PID/status`, in megabytes.
fn status(id: u32, field: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    text.lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.trim().split(' ').next())
        .and_then(|kilobytes| kilobytes.parse::<f64>().ok())
        .expect("the kernel says it")
        / 1_024.0
}

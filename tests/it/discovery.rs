//! Discovery by the real daemon: three hundred agents on loopback count what reaches them.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Instant;

use nhipcau_lab::{Crowd, CrowdConfig};
use nhipcau_tests::client::Client;
use nhipcau_tests::daemon::{self, Daemon, Setup};
use nhipcau_tests::{place, program, wait};
use serde_json::{Value, json};

const PORT: u16 = 16_161;
const AGENTS: u32 = 300;
const EXCLUDED: u32 = 8;
const STUBBORN: u32 = 4;
const RATE: u32 = 400;
const FAILURES_MAX: u64 = 2;
/// A name that hurts whoever shows it as it is.
const EVIL: &str = "=cmd|<script>\u{1b}[31m\u{202e}sw-";

struct Ground {
    runtime: tokio::runtime::Runtime,
    /// First address of the /23.
    first: u32,
}

impl Ground {
    /// A /23 of loopback that no other test uses: the half of 127/8 below the addresses of [`place`].
    fn new() -> Self {
        let own = u32::from(place::address()) & 0x003f_ff00;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        Self {
            runtime,
            first: u32::from(Ipv4Addr::new(127, 32, 0, 0)) + ((own << 1) & 0x001f_fe00),
        }
    }

    fn ip(&self, number: u32) -> Ipv4Addr {
        Ipv4Addr::from(self.first + number)
    }

    fn crowd(&self, from: u32, count: u32, community: &str, name: &str) -> Crowd {
        let config = CrowdConfig {
            first: self.ip(from),
            count,
            port: PORT,
            community: community.to_owned(),
            name: name.to_owned(),
        };
        self.runtime
            .block_on(Crowd::start(&config))
            .expect("the addresses are free")
    }
}

fn scan_to_the_end(admin: &Client, mut look: impl FnMut()) -> Value {
    let before = admin.get("/discovery")["started_at"].clone();
    let begun = admin.post("/discovery/scan", &json!({}));
    assert_eq!(begun.status, 204, "{}", begun.text());
    wait::until("the scan is over and written down", || {
        look();
        let state = admin.get("/discovery");
        let over = state["started_at"] != before
            && state["scanning"] == false
            && state["finished_at"].is_string();
        let answered = state["findings"]
            .as_array()?
            .iter()
            .filter(|row| row["identity"].is_object())
            .count();
        (over && answered as u64 >= state["progress"]["answered"].as_u64()?).then_some(state)
    })
}

fn with_verdict<'a>(state: &'a Value, verdict: &str) -> Vec<&'a Value> {
    state["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|row| row["verdict"] == verdict)
        .collect()
}

#[test]
fn three_hundred_agents_are_found_within_every_limit_and_the_accepted_survive_kill_9() {
    let ground = Ground::new();
    let agents = ground.crowd(1, AGENTS, "right", "sw-");
    let evil = ground.crowd(1 + AGENTS, 1, "right", EVIL);
    let excluded = ground.crowd(400, EXCLUDED, "right", "secret-");
    let stubborn = ground.crowd(420, STUBBORN, "another", "stubborn-");
    let network = format!("{}/23", ground.ip(0));
    let config = format!(
        "credentials:\n  - {{name: first, version: v2c, community: \"env:FIRST\"}}\n  - {{name: second, version: v2c, community: \"env:SECOND\"}}\n\
         discovery: {{ranges: [\"{network}\"], exclude: [\"{}/29\"], port: {PORT}, credentials: [second, first], rate: {RATE}, timeout: 300ms, retries: 3, failures_max: {FAILURES_MAX}}}\n",
        ground.ip(400)
    );
    let env = vec![
        ("FIRST".to_owned(), "wrong".to_owned()),
        ("SECOND".to_owned(), "right".to_owned()),
    ];
    let mut daemon = Daemon::start(Setup {
        config,
        env,
        ..Setup::default()
    });
    let admin = daemon.admin();

    // The rate, seen from the agents: what has come is bounded by the time since the beginning and one burst. Agents that are late count
    // less by then, never more.
    let count = || agents.datagrams() + evil.datagrams() + stubborn.datagrams();
    let (begun, first) = (Instant::now(), count());
    let state = scan_to_the_end(&admin, || {
        let come = count() - first;
        let passed = begun.elapsed().as_secs_f64();
        let allowed = passed * f64::from(RATE) + f64::from(RATE) / 10.0 + 1.0;
        assert!(come as f64 <= allowed, "{come} datagrams in {passed:.3} s");
    });
    let new = with_verdict(&state, "new");
    assert_eq!(new.len(), AGENTS as usize + 1, "{}", state["progress"]);
    assert_eq!(state["progress"]["excluded"], EXCLUDED);
    assert_eq!(excluded.datagrams(), 0, "excluded addresses got packets");
    for agent in stubborn.agents() {
        assert!(agent.dropped() > 0 && agent.dropped() <= FAILURES_MAX);
    }
    // The next scan does not begin again with those that refused.
    let before: u64 = stubborn.datagrams();
    let state = scan_to_the_end(&admin, || {});
    assert_eq!(stubborn.datagrams(), before);
    assert_eq!(with_verdict(&state, "new").len(), AGENTS as usize + 1);

    // What a device calls itself hurts neither spreadsheet nor terminal.
    let inventory = |words: &[&str]| {
        let mut command = Command::new(daemon::binary());
        command.arg("inventory").args(words);
        command.arg("--config").arg(daemon.config_path());
        let env = [("FIRST", "wrong"), ("SECOND", "right")];
        let outcome = program::run(command.envs(env));
        assert!(outcome.status.success(), "{words:?}: {}", outcome.err);
        outcome.out
    };

    let (one, two) = (ground.ip(1).to_string(), ground.ip(2).to_string());
    let port = |ip: &str| format!("{ip}:{PORT}");
    let evil_address = port(&ground.ip(1 + AGENTS).to_string());
    let devices = json!({"devices": [
        {"address": port(&one), "name": "Tam Kỳ 1"},
        {"address": port(&two), "poll_seconds": 5},
        {"address": evil_address},
    ]});
    let ids = admin.post("/discovery/accept", &devices).json();
    assert_eq!(ids.as_array().map(Vec::len), Some(3), "{ids}");
    let again = json!({"devices": [{"address": port(&one)}]});
    let again = admin.post("/discovery/accept", &again);
    assert!((400..500).contains(&again.status), "{}", again.text());
    let third = port(&ground.ip(3).to_string());
    let ignored = json!({"addresses": [third], "ignore": true});
    assert_eq!(admin.post("/discovery/ignore", &ignored).status, 204);
    wait::until("the accepted devices answer", || {
        (daemon.metric("nhipcau_device_up", &[]) == 3.0).then_some(())
    });
    for words in [["list", "--format", "csv"], ["list", "--format", "table"]] {
        let out = inventory(&words);
        assert!(
            !out.contains('\u{1b}') && !out.contains('\u{202e}'),
            "{out:?}"
        );
        assert!(!out.contains(",=cmd") && !out.contains("\n=cmd"), "{out}");
        assert!(out.contains("cmd|"), "{out}");
    }
    let tables: Value = serde_json::from_str(&inventory(&["export"])).expect("JSON");
    assert_eq!(tables["devices"].as_array().map(Vec::len), Some(3));
    assert!(inventory(&["diff", "--since", "1h"]).starts_with("at"));

    daemon.kill();
    daemon.restart();
    let admin = daemon.admin();
    let names: Vec<String> = wait::until("the accepted devices are watched again", || {
        let devices = admin.get("/devices");
        let names: Vec<String> = devices
            .as_array()?
            .iter()
            .map(|row| row["name"].as_str().unwrap_or_default().to_owned())
            .collect();
        (names.len() == 3).then_some(names)
    });
    assert!(names.contains(&"Tam Kỳ 1".to_owned()), "{names:?}");
    let state = admin.get("/discovery");
    let ignored: Vec<&Value> = state["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|row| row["ignored"] == true)
        .collect();
    assert_eq!(ignored.len(), 1);
}

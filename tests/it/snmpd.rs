//! A real net-snmp agent under watch: what the daemon says is what `snmpget` says, and what goes wrong has its name.

use std::collections::BTreeSet;

use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::snmp::{AUTH_PASSWORD, COMMUNITY, PRIVACY_PASSWORD, SYS_NAME, Snmpd, USER};
use nhipcau_tests::{place, wait};
use serde_json::Value;

const IF_NAME: &str = "1.3.6.1.2.1.31.1.1.1.1";
const IF_HC_IN_OCTETS: &str = "1.3.6.1.2.1.31.1.1.1.6";
const STORAGE_DESCR: &str = "1.3.6.1.2.1.25.2.3.1.3";
const STORAGE_UNITS: &str = "1.3.6.1.2.1.25.2.3.1.4";
const STORAGE_SIZE: &str = "1.3.6.1.2.1.25.2.3.1.5";
const PROCESSOR_LOAD: &str = "1.3.6.1.2.1.25.3.3.1.2";

fn watching(agent: &Snmpd) -> Daemon {
    let silent = place::address();
    let mut config = String::from(
        "poll: {interval: 5s, timeout: 2s, retries: 1}\nhealth: {storage_percent_max: 100}\ncredentials:\n",
    );
    config += "  - {name: cd, version: v2c, community: \"env:COMMUNITY\"}\n  - {name: cd-sai, version: v2c, community: \"env:WRONG\"}\n";
    for (name, user, auth) in [
        ("v3", USER, "AUTH"),
        ("v3-sai", USER, "WRONG"),
        ("v3-la", "nguoila", "AUTH"),
    ] {
        config += &format!(
            "  - {{name: {name}, version: v3, user: {user}, auth: sha256, auth_password: \"env:{auth}\", privacy: aes128, privacy_password: \"env:PRIVACY\"}}\n"
        );
    }
    config += "devices:\n";
    for (number, (id, credential)) in [
        ("v2c", "cd"),
        ("v3", "v3"),
        ("community", "cd-sai"),
        ("digest", "v3-sai"),
        ("user", "v3-la"),
    ]
    .into_iter()
    .enumerate()
    {
        config += &format!(
            "  - {{id: {id}, address: \"{}\", credentials: [{credential}]}}\n",
            agent.address(number)
        );
    }
    config += &format!("  - {{id: silent, address: \"{silent}:1161\", credentials: [cd]}}\n");
    let secret = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let env = vec![
        secret("COMMUNITY", COMMUNITY),
        secret("WRONG", "sai-hoan-toan"),
        secret("AUTH", AUTH_PASSWORD),
        secret("PRIVACY", PRIVACY_PASSWORD),
    ];
    Daemon::start(Setup {
        config,
        env,
        ..Setup::default()
    })
}

fn names(rows: &Value) -> BTreeSet<String> {
    rows.as_array()
        .expect("a list")
        .iter()
        .map(|row| row["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn a_real_agent_is_seen_as_snmpget_sees_it() {
    let Some(agent) = Snmpd::start(5) else { return };
    let daemon = watching(&agent);
    let admin = daemon.admin();
    let read = |id: &str| admin.get(&format!("/devices/{id}"));
    for id in ["v2c", "v3"] {
        // A poll on a loaded machine may lose an answer; the next one brings the whole.
        let device = wait::until(&format!("a whole poll of {id}"), || {
            Some(read(id)).filter(|device| {
                device["collection"]["finished_at"].is_string()
                    && device["collection"]["errors"] == serde_json::json!([])
            })
        });
        assert_ne!(device["health"], "unknown", "{}", device["reasons"]);
        assert_eq!(device["sys_name"], SYS_NAME);
        assert!(
            device["sys_descr"]
                .as_str()
                .is_some_and(|text| text.starts_with("Linux")),
            "{}",
            device["sys_descr"]
        );
        assert_eq!(
            device["snmp"]
                .as_str()
                .map(|text| text.starts_with(if id == "v3" { "v3" } else { "v2c" })),
            Some(true),
            "{}",
            device["snmp"]
        );

        let interfaces: BTreeSet<String> = agent
            .column(IF_NAME)
            .into_iter()
            .map(|(_, name)| name)
            .collect();
        assert!(interfaces.contains("lo"));
        assert_eq!(names(&device["interfaces"]), interfaces);
    }
}

#[test]
fn processors_appear_once_the_agent_has_measured_them() {
    let Some(agent) = Snmpd::start(5) else { return };
    let daemon = watching(&agent);
    let admin = daemon.admin();
    // net-snmp shows a processor after a whole minute of measuring it.
    let processors = wait::until_within(3 * wait::PATIENCE, "processors", || {
        Some(admin.get("/devices/v2c")["processors"].clone())
            .filter(|rows| rows != &serde_json::json!([]))
    });
    assert_eq!(
        processors.as_array().map(Vec::len),
        Some(agent.column(PROCESSOR_LOAD).len())
    );
    for processor in processors.as_array().expect("a list") {
        assert!(
            processor["load_percent"]
                .as_f64()
                .is_some_and(|load| (0.0..=100.0).contains(&load)),
            "{processor}"
        );
    }
}

#[test]
fn storage_has_the_sizes_that_the_agent_gives() {
    let Some(agent) = Snmpd::start(5) else { return };
    let daemon = watching(&agent);
    let admin = daemon.admin();
    let device = wait::until("storage is read", || {
        Some(admin.get("/devices/v2c")).filter(|device| {
            device["storage"]
                .as_array()
                .is_some_and(|rows| !rows.is_empty())
        })
    });
    let (names, units, sizes) = (
        agent.column(STORAGE_DESCR),
        agent.column(STORAGE_UNITS),
        agent.column(STORAGE_SIZE),
    );
    let mut compared = 0;
    for row in device["storage"].as_array().expect("a list") {
        let at = names
            .iter()
            .position(|(_, name)| *name == row["name"])
            .unwrap_or_else(|| panic!("{} is the agent's", row["name"]));
        let number = |column: &[(String, String)]| column[at].1.parse::<u64>().expect("a number");
        // Cached and shared memory change between two looks; disks and the whole memory do not.
        if row["name"]
            .as_str()
            .is_some_and(|name| name.starts_with('/') || name == "Physical memory")
        {
            assert_eq!(
                row["size_bytes"].as_u64(),
                Some(number(&units) * number(&sizes)),
                "{}",
                row["name"]
            );
            compared += 1;
        }
    }
    assert!(compared > 0, "{}", device["storage"]);
}

#[test]
fn a_counter_lies_between_two_looks_of_snmpget() {
    let Some(agent) = Snmpd::start(5) else { return };
    let daemon = watching(&agent);
    let lo = agent
        .column(IF_NAME)
        .into_iter()
        .find(|(_, name)| name == "lo")
        .expect("every machine has lo")
        .0;
    let look = || {
        agent
            .get(&format!("{IF_HC_IN_OCTETS}.{lo}"))
            .out
            .split_whitespace()
            .last()
            .and_then(|word| word.parse::<f64>().ok())
            .expect("a counter")
    };
    let varbinds = || daemon.metric("nhipcau_poll_requests_total", &["device=\"v2c\""]);
    let before = look();
    // Two polls from here, so that the newest began after the first look.
    for _ in 0..2 {
        let polled = varbinds();
        wait::until("another poll", || (varbinds() > polled).then_some(()));
    }
    let seen = daemon.metric(
        "nhipcau_interface_receive_bytes_total",
        &["device=\"v2c\"", "interface=\"lo\""],
    );
    let after = wait::until("the agent's own cache to pass", || {
        Some(look()).filter(|after| *after >= seen)
    });
    assert!(before <= seen && seen <= after, "{before} {seen} {after}");
    assert_eq!(
        daemon.metric(
            "nhipcau_interface_up",
            &["device=\"v2c\"", "interface=\"lo\""]
        ),
        1.0
    );
}

#[test]
fn every_wrong_way_in_has_its_name() {
    let Some(agent) = Snmpd::start(5) else { return };
    let daemon = watching(&agent);
    let admin = daemon.admin();
    let wrong = [
        ("community", &["timeout_or_community"][..]),
        ("digest", &["v3_wrong_digest"]),
        ("user", &["v3_unknown_user"]),
        (
            "silent",
            &["timeout", "timeout_or_community", "unreachable"],
        ),
    ];
    for (id, codes) in wrong {
        let mut said = Value::Null;
        let device = wait::until(&format!("{codes:?} for {id}"), || {
            let device = admin.get(&format!("/devices/{id}"));
            said = device["reasons"][0]["code"].clone();
            Some(device).filter(|_| codes.iter().any(|code| said == *code))
        });
        assert_eq!(device["health"], "unknown", "{id}");
    }
    let reasons = daemon.metrics();
    assert!(!reasons.contains("sai-hoan-toan"));
}

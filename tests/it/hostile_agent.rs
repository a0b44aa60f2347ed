//! Agents that answer with malice: the daemon names them with what is wrong, stays small, and watches the others as before.

use std::fs;
use std::net::SocketAddr;

use nhipcau_tests::agent::{BentAgent, Binding, GET_BULK, Question, text, value_of};
use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::{corpora, place, wait};
use serde_json::Value;

const PORT: u16 = 16_161;
/// Foreign datagrams for each question: with a few hundred of them, each comes round within the first polls.
const BURST: usize = 20;
/// UDP's largest payload over IPv4 less what surrounds the text.
const HUGE: usize = 65_400;
/// Beyond what a daemon of this size needs for itself: the tables of an endless device are cut at 100,000 variables.
const GROWTH_MAX: u64 = 512 << 20;
const END_OF_MIB_VIEW: u8 = 0x82;
/// `1.3.6.1.2.1.1`, encoded.
const SYSTEM: [u8; 6] = [0x2b, 6, 1, 2, 1, 1];

/// The system group as a plain device has it; nothing beyond it.
fn plain(name: &[u8]) -> Vec<u8> {
    match name.strip_prefix(&SYSTEM[..]) {
        Some([2, 0]) => value_of(0x06, &[0x2b, 6, 1, 4, 1, 0xbf, 8, 3, 2, 10]),
        Some([3, 0]) => value_of(0x43, &[1, 0, 0]),
        Some([1 | 4 | 5 | 6, 0]) => text(b"may thu"),
        _ => vec![0x80, 0],
    }
}

fn got(question: &Question) -> Vec<Binding> {
    let names = question.names.iter();
    names.map(|name| (name.clone(), plain(name))).collect()
}

/// Says that nothing lies behind what was asked for.
fn polite(question: &Question) -> Vec<Vec<u8>> {
    let end = |name: &Vec<u8>| (name.clone(), vec![END_OF_MIB_VIEW, 0]);
    let bindings = if question.tag == 0xa0 {
        got(question)
    } else {
        question.names.iter().map(end).collect()
    };
    vec![question.answered(&bindings)]
}

/// The row behind a row, for ever: the last arc has five octets, as no real index of these tables has.
fn behind(name: &[u8]) -> Vec<u8> {
    if let Some((root, &[0x81, a, b, c, d])) = name.split_last_chunk::<5>()
        && a & b & c & 0x80 != 0
    {
        let low = |byte: u8| u32::from(byte & 0x7f);
        let row = (low(a) << 21 | low(b) << 14 | low(c) << 7 | low(d)) + 1;
        let octet = |shift: u32| (row >> shift & 0x7f) as u8;
        let arc = [
            0x81,
            0x80 | octet(21),
            0x80 | octet(14),
            0x80 | octet(7),
            octet(0),
        ];
        return [root, &arc].concat();
    }
    [name, &[0x81, 0x80, 0x80, 0x80, 0]].concat()
}

/// Walks that go on as `step` says.
fn walking(question: &Question, step: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    if question.tag == 0xa0 {
        return vec![question.answered(&got(question))];
    }
    let rows = if question.tag == GET_BULK {
        question.repetitions.clamp(1, 100)
    } else {
        1
    };
    let mut names = question.names.clone();
    let mut bindings = Vec::new();
    for _ in 0..rows {
        for name in &mut names {
            *name = step(name);
            bindings.push((name.clone(), value_of(0x02, &[6])));
        }
    }
    vec![question.answered(&bindings)]
}

/// 64 KB for whatever was asked: a whole system group, then rows without end, one for each datagram.
fn huge(question: &Question) -> Vec<Vec<u8>> {
    let mut bindings = got(question);
    if question.tag != 0xa0 {
        for (name, _) in &mut bindings {
            *name = behind(name);
        }
    }
    if let Some((_, value)) = bindings.first_mut() {
        let around: usize = question.names.iter().map(|name| 2 * name.len() + 40).sum();
        *value = text(&vec![b'A'; HUGE.saturating_sub(around)]);
    }
    vec![question.answered(&bindings)]
}

/// Resident memory in bytes.
fn resident(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    number.expect("kilobytes") << 10
}

fn watching(agents: &[(&str, SocketAddr)]) -> Daemon {
    let mut config = String::from(
        "poll: {interval: 1s, timeout: 500ms, retries: 1}\ncredentials: [{name: cd, version: v2c, community: \"env:COMMUNITY\"}]\ndevices:\n",
    );
    for (id, address) in agents {
        config += &format!("  - {{id: {id}, address: \"{address}\", credentials: [cd]}}\n");
    }
    Daemon::start(Setup {
        config,
        env: vec![("COMMUNITY".to_owned(), "cong-dong".to_owned())],
        ..Setup::default()
    })
}

fn address() -> SocketAddr {
    SocketAddr::from((place::address(), PORT))
}

/// Reasons of the device and of its tables.
fn said(device: &Value) -> String {
    format!("{} {}", device["reasons"], device["collection"]["errors"])
}

#[test]
fn endless_backward_and_huge_answers_name_their_device_and_cost_the_others_nothing() {
    let bent = [
        ("vo-tan", address()),
        ("lui", address()),
        ("lon", address()),
    ];
    let good = ("tot", address());
    let endless = BentAgent::start(bent[0].1, |question| walking(question, behind));
    let _backward = BentAgent::start(bent[1].1, |question| {
        walking(question, |name| match name.strip_suffix(&[9]) {
            Some(root) => [root, &[5]].concat(),
            None => [name, &[9]].concat(),
        })
    });
    let _huge = BentAgent::start(bent[2].1, huge);
    let _good = BentAgent::start(good.1, polite);
    let daemon = watching(&[bent[0], bent[1], bent[2], good]);
    let admin = daemon.admin();
    let before = resident(&daemon);

    for (id, words) in [
        ("vo-tan", &["the walk never ends"][..]),
        ("lui", &["the walk went backwards"]),
        ("lon", &["the walk never ends"]),
    ] {
        let mut last = String::new();
        wait::until_within(3 * wait::PATIENCE, &format!("{words:?} of {id}"), || {
            last = said(&admin.get(&format!("/devices/{id}")));
            words.iter().any(|word| last.contains(word)).then_some(())
        });
    }
    // Polls of the good one go on beside all that.
    let polls = || daemon.metric("nhipcau_poll_requests_total", &["device=\"tot\""]);
    let (polled, asked) = (polls(), endless.asked());
    wait::until("more polls of both", || {
        (polls() > polled + 2.0 && endless.asked() > asked).then_some(())
    });
    assert_eq!(daemon.metric("nhipcau_device_up", &["device=\"tot\""]), 1.0);
    let after = resident(&daemon);
    assert!(
        after < before + GROWTH_MAX,
        "from {before} to {after} bytes"
    );
    assert!(!daemon.logs().contains("panicked"), "{}", daemon.logs());
}

#[test]
fn an_agent_of_foreign_datagrams_is_a_device_that_does_not_answer() {
    let Some(folder) = corpora() else { return };
    let mut paths: Vec<_> = fs::read_dir(folder.join("datagrams/snmp"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let payloads: Vec<Vec<u8>> = paths
        .into_iter()
        .map(|path| fs::read(path).expect("a file"))
        .collect();
    let rounds = payloads.len().div_ceil(BURST) as u64;
    assert!(payloads.len() > 100, "{}", payloads.len());

    let (bent, good) = (("la", address()), ("tot", address()));
    let mut at = 0;
    let foreign = BentAgent::start(bent.1, move |_| {
        at += BURST;
        let burst = (at - BURST..at).map(|n| payloads[n % payloads.len()].clone());
        burst.collect()
    });
    let _good = BentAgent::start(good.1, polite);
    let daemon = watching(&[bent, good]);
    let admin = daemon.admin();
    let before = resident(&daemon);
    wait::until_within(
        4 * wait::PATIENCE,
        "every datagram has been an answer",
        || (foreign.asked() > rounds).then_some(()),
    );
    let device = wait::until("a reason", || {
        Some(admin.get("/devices/la")).filter(|device| device["reasons"][0]["code"].is_string())
    });
    assert_eq!(device["health"], "unknown", "{device}");
    let code = device["reasons"][0]["code"].as_str().unwrap_or_default();
    assert!(
        ["timeout_or_community", "timeout", "unreachable"].contains(&code),
        "{}",
        device["reasons"]
    );
    wait::until("the good one answers", || {
        (daemon.metric("nhipcau_device_up", &["device=\"tot\""]) == 1.0).then_some(())
    });
    assert_eq!(daemon.metric("nhipcau_device_up", &["device=\"la\""]), 0.0);
    let after = resident(&daemon);
    assert!(
        after < before + GROWTH_MAX,
        "from {before} to {after} bytes"
    );
    assert!(!daemon.logs().contains("panicked"), "{}", daemon.logs());
}

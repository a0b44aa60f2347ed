//! The poller among agents that behave, and among those that do not.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use nhipcau_inventory::poller::{FetchError, Input, PollerConfig};
use nhipcau_inventory::{CollectionScope, CredentialRef, DeviceId, DeviceSpec, OperStatus, Value};

use crate::agent::{Agent, oid, string};
use crate::network::{Dice, Fate, Network, spec, well};

/// A switch with this many ports, all up, 64-bit counters.
pub(crate) fn switch(ports: u32) -> Agent {
    let mut agent = Agent::default();
    agent.set("1.3.6.1.2.1.1.1.0", string("a switch"));
    agent.set("1.3.6.1.2.1.1.2.0", Value::Oid(oid("1.3.6.1.4.1.99999.7")));
    agent.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(1_000_000));
    agent.set("1.3.6.1.2.1.1.5.0", string("sw"));
    for n in 1..=ports {
        port(&mut agent, n, &format!("ge{n}"));
    }
    agent
}

pub(crate) fn port(agent: &mut Agent, index: u32, name: &str) {
    agent.set(&format!("1.3.6.1.2.1.2.2.1.2.{index}"), string(name));
    agent.set(
        &format!("1.3.6.1.2.1.2.2.1.5.{index}"),
        Value::Gauge32(1_000_000_000),
    );
    agent.set(&format!("1.3.6.1.2.1.2.2.1.7.{index}"), Value::Integer(1));
    agent.set(&format!("1.3.6.1.2.1.2.2.1.8.{index}"), Value::Integer(1));
    agent.set(&format!("1.3.6.1.2.1.31.1.1.1.1.{index}"), string(name));
    octets(agent, index, 1_000);
}

fn octets(agent: &mut Agent, index: u32, count: u64) {
    agent.set(
        &format!("1.3.6.1.2.1.31.1.1.1.6.{index}"),
        Value::Counter64(count),
    );
    agent.set(
        &format!("1.3.6.1.2.1.31.1.1.1.10.{index}"),
        Value::Counter64(count),
    );
}

fn uptime(agent: &mut Agent, seconds: u32) {
    agent.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(seconds * 100));
}

fn agent<'a>(network: &'a mut Network, id: &str) -> &'a mut Agent {
    network.agents.get_mut(&DeviceId::from(id)).unwrap()
}

#[test]
fn a_day_with_loss_and_reordering_and_a_rack_going_dark() {
    const DEVICES: u64 = 20;
    let config = PollerConfig {
        in_flight_max: 16,
        ..PollerConfig::default()
    };
    let mut network = Network::new(config, 3);
    for n in 0..DEVICES {
        network.watch(spec(&format!("d{n}"), 120), switch(8));
    }
    let mut dice = Dice(99);
    let day = Duration::from_secs(86_400);
    let (epoch, rack) = (network.epoch, 10..15);
    let dark = Duration::from_secs(36_000)..Duration::from_secs(39_600);
    network.run_for(day, |request, now| {
        let number: u64 = request.device.as_str()[1..].parse().unwrap();
        if rack.contains(&number) && dark.contains(&(now - epoch)) {
            return Fate::Lost;
        }
        match dice.roll(100) {
            0..3 => Fate::Lost,
            3..5 => Fate::Twice(
                Duration::from_millis(dice.roll(50)),
                Duration::from_millis(dice.roll(900)),
            ),
            // Later than the timeout: the shell has given up by then, the answer is a stranger.
            5 => Fate::Twice(
                request.timeout + Duration::from_millis(1),
                request.timeout + Duration::from_secs(3),
            ),
            _ => Fate::Answer(Duration::from_millis(1 + dice.roll(200))),
        }
    });
    assert!(
        network.in_flight_seen <= 16,
        "{} in flight",
        network.in_flight_seen
    );
    let mut good: HashMap<&str, usize> = HashMap::new();
    for collection in &network.collections {
        let rates_sane = collection
            .interfaces
            .iter()
            .all(|i| i.rates.is_none_or(|r| r.in_bps == Some(0.0)));
        assert!(rates_sane, "counters stood still all day");
        if collection.unreachable.is_none() {
            *good.entry(collection.device.as_str()).or_default() += 1;
        }
    }
    for n in 0..DEVICES {
        let name = format!("d{n}");
        let expected = if (10..15).contains(&n) { 680 } else { 710 };
        assert!(
            good[name.as_str()] >= expected,
            "{name}: {} of 720 polls",
            good[name.as_str()]
        );
    }
    assert!(network.poller.counters().replies_unexpected > 0);
    let dark_reasons: HashSet<&str> = network
        .collections
        .iter()
        .filter_map(|c| c.unreachable.as_ref())
        .map(|r| r.code)
        .collect();
    assert_eq!(dark_reasons, HashSet::from(["timeout"]));
}

#[test]
fn the_same_seed_makes_the_same_day() {
    let run = |seed| {
        let mut network = Network::new(PollerConfig::default(), seed);
        for n in 0..20 {
            network.watch(spec(&format!("d{n}"), 30), switch(2));
        }
        network.keep_requests = true;
        let epoch = network.epoch;
        network.run_for(Duration::from_secs(300), well);
        let starts: Vec<_> = network
            .collections
            .iter()
            .map(|c| (c.started_at - epoch, c.device.clone()))
            .collect();
        (network.requests.len(), starts)
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn polls_are_spread_over_the_interval() {
    let mut network = Network::new(PollerConfig::default(), 8);
    for n in 0..200 {
        network.watch(spec(&format!("d{n}"), 100), switch(1));
    }
    network.run_for(Duration::from_secs(400), well);
    let mut seconds: BTreeMap<u64, usize> = BTreeMap::new();
    for collection in &network.collections {
        let at = (collection.started_at - network.epoch).as_secs();
        if at >= 200 {
            *seconds.entry(at).or_default() += 1;
        }
    }
    assert!(seconds.values().all(|n| *n <= 14), "{seconds:?}");
}

#[test]
fn an_agent_that_restarts_and_renumbers_keeps_its_ports_and_shows_no_rate() {
    let mut network = Network::new(PollerConfig::default(), 1);
    network.watch(spec("sw", 60), switch(4));
    network.run_for(Duration::from_secs(30), well);
    for n in 1..=4 {
        octets(agent(&mut network, "sw"), n, 1_000_000);
    }
    uptime(agent(&mut network, "sw"), 10_060);
    network.run_for(Duration::from_secs(120), well);
    // It restarts: other indexes for the same names, counters from zero.
    let mut restarted = switch(0);
    for n in 1..=4 {
        port(&mut restarted, 40 - n, &format!("ge{n}"));
    }
    uptime(&mut restarted, 20);
    *agent(&mut network, "sw") = restarted;
    let before = network.collections.len();
    network.run_for(Duration::from_secs(61), well);
    let first = network.collections[before].clone();
    assert_eq!(first.rebooted, Some(20));
    let ports: Vec<(&str, u32)> = first
        .interfaces
        .iter()
        .map(|i| (&*i.name, i.index))
        .collect();
    assert_eq!(ports, [("ge4", 36), ("ge3", 37), ("ge2", 38), ("ge1", 39)]);
    assert!(
        first.interfaces.iter().all(|i| i.rates.is_none()),
        "a rate across a restart is no rate"
    );
    // From the next poll on there are rates again.
    for n in 36..40 {
        octets(agent(&mut network, "sw"), n, 751_000);
    }
    uptime(agent(&mut network, "sw"), 80);
    network.run_for(Duration::from_secs(60), well);
    let last = network.last("sw");
    assert_eq!(last.rebooted, None);
    let rate = last.interfaces[0].rates.unwrap().in_bps.unwrap();
    assert!((rate - 100_000.0).abs() < 1_000.0, "{rate}");
}

#[test]
fn renumbering_without_a_restart_re_reads_the_descriptions() {
    let mut network = Network::new(
        PollerConfig {
            slow_every: 1_000,
            ..PollerConfig::default()
        },
        1,
    );
    network.watch(spec("sw", 60), switch(2));
    network.run_for(Duration::from_secs(100), well);
    let mut other = switch(0);
    port(&mut other, 1, "ge2");
    port(&mut other, 2, "ge1");
    other.set("1.3.6.1.2.1.31.1.1.1.18.1", string("to the roof"));
    uptime(&mut other, 10_200);
    *agent(&mut network, "sw") = other;
    network.run_for(Duration::from_secs(100), well);
    let last = network.last("sw");
    let ports: Vec<(&str, &str)> = last
        .interfaces
        .iter()
        .map(|i| (&*i.name, &*i.alias))
        .collect();
    assert_eq!(ports, [("ge2", "to the roof"), ("ge1", "")]);
}

#[test]
fn a_32_bit_counter_that_wraps_has_a_rate_and_one_that_was_reset_has_none() {
    let mut network = Network::new(PollerConfig::default(), 1);
    let mut old = Agent::default();
    old.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(500));
    for n in 1..=2 {
        old.set(
            &format!("1.3.6.1.2.1.2.2.1.2.{n}"),
            string(&format!("eth{n}")),
        );
        old.set(
            &format!("1.3.6.1.2.1.2.2.1.5.{n}"),
            Value::Gauge32(10_000_000),
        );
        old.set(&format!("1.3.6.1.2.1.2.2.1.7.{n}"), Value::Integer(1));
        old.set(&format!("1.3.6.1.2.1.2.2.1.8.{n}"), Value::Integer(1));
        old.set(
            &format!("1.3.6.1.2.1.2.2.1.10.{n}"),
            Value::Counter32(u32::MAX - 29_999),
        );
        old.set(
            &format!("1.3.6.1.2.1.2.2.1.16.{n}"),
            Value::Counter32(2_000_000_000),
        );
    }
    network.watch(spec("old", 60), old);
    network.run_for(Duration::from_secs(200), well);
    let first = network.last("old");
    assert!(first.interfaces[0].counters.unwrap().octets_32_bit);
    assert_eq!(first.interfaces[0].rates.unwrap().in_bps, Some(0.0));
    let agent = agent(&mut network, "old");
    agent.set("1.3.6.1.2.1.2.2.1.10.1", Value::Counter32(45_000));
    agent.set("1.3.6.1.2.1.2.2.1.16.2", Value::Counter32(10));
    network.run_for(Duration::from_secs(60), well);
    let last = network.last("old");
    let rate = last.interfaces[0].rates.unwrap().in_bps.unwrap();
    assert!(
        (rate - 10_000.0).abs() < 10.0,
        "75,000 octets in 60 s over the wrap: {rate}"
    );
    assert_eq!(last.interfaces[1].rates.unwrap().out_bps, None);
}

#[test]
fn sys_up_time_that_wraps_after_497_days_is_no_restart() {
    let mut network = Network::new(PollerConfig::default(), 1);
    let mut sw = switch(1);
    sw.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(u32::MAX - 500));
    network.watch(spec("sw", 10), sw);
    network.run_for(Duration::from_secs(3), well);
    agent(&mut network, "sw").set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(500));
    network.run_for(Duration::from_secs(14), well);
    assert!(network.collections.len() >= 2);
    assert!(network.collections.iter().all(|c| c.rebooted.is_none()));
    assert!(network.last("sw").interfaces[0].rates.is_some());
}

#[test]
fn a_discontinuity_of_one_port_takes_only_its_rate() {
    let mut network = Network::new(PollerConfig::default(), 1);
    network.watch(spec("sw", 60), switch(2));
    network.run_for(Duration::from_secs(5), well);
    let sw = agent(&mut network, "sw");
    sw.set("1.3.6.1.2.1.31.1.1.1.19.2", Value::TimeTicks(1_000_100));
    uptime(sw, 10_060);
    network.run_for(Duration::from_secs(90), well);
    let last = network.collections[1].clone();
    assert!(last.interfaces[0].rates.is_some());
    assert!(last.interfaces[1].rates.is_none());
}

#[test]
fn snmp_version_1_is_read_without_getbulk() {
    let mut network = Network::new(
        PollerConfig {
            slow_every: 1,
            ..PollerConfig::default()
        },
        1,
    );
    let mut old = Agent::default();
    old.set("1.3.6.1.2.1.1.1.0", string("an old box"));
    old.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(500));
    for n in 1..=3 {
        old.set(
            &format!("1.3.6.1.2.1.2.2.1.2.{n}"),
            string(&format!("eth{n}")),
        );
        old.set(&format!("1.3.6.1.2.1.2.2.1.7.{n}"), Value::Integer(1));
        old.set(&format!("1.3.6.1.2.1.2.2.1.8.{n}"), Value::Integer(1));
        old.set(&format!("1.3.6.1.2.1.2.2.1.10.{n}"), Value::Counter32(7));
        old.set(&format!("1.3.6.1.2.1.2.2.1.16.{n}"), Value::Counter32(7));
    }
    network.watch(
        DeviceSpec {
            credentials: vec![CredentialRef::v1("old")],
            ..spec("old", 60)
        },
        old,
    );
    network.run_for(Duration::from_secs(200), well);
    let last = network.last("old");
    assert_eq!(last.unreachable, None);
    assert_eq!(&*last.system.as_ref().unwrap().descr, "an old box");
    let names: Vec<&str> = last.interfaces.iter().map(|i| &*i.name).collect();
    assert_eq!(names, ["eth1", "eth2", "eth3"]);
    assert_eq!(last.interfaces[0].counters.unwrap().inbound.octets, Some(7));
}

#[test]
fn credentials_are_tried_in_order_and_a_rejected_one_rests() {
    let credentials = vec![
        CredentialRef::v3("auditor", "audit"),
        CredentialRef::v2c("wrong"),
        CredentialRef::v2c("read"),
    ];
    let mut network = Network::new(PollerConfig::default(), 1);
    network.watch(
        DeviceSpec {
            credentials,
            ..spec("sw", 60)
        },
        switch(2),
    );
    let mut tries: BTreeMap<String, usize> = BTreeMap::new();
    let mut judge = |request: &nhipcau_inventory::poller::Request| {
        *tries
            .entry(request.credential.name.to_string())
            .or_default() += 1;
        match &*request.credential.name {
            "auditor" => Fate::Instead(Err(FetchError::V3WrongDigest), Duration::from_millis(5)),
            "wrong" => Fate::Lost,
            _ => Fate::Answer(Duration::from_millis(5)),
        }
    };
    network.run_for(Duration::from_secs(1_500), |request, _| judge(request));
    let last = network.last("sw");
    assert_eq!(last.unreachable, None);
    assert_eq!(&*last.credential.as_ref().unwrap().name, "read");
    assert_eq!(
        (tries["auditor"], tries["wrong"]),
        (1, 2),
        "once it works, the others are left alone"
    );

    // A user whose password is wrong everywhere is not hammered.
    let mut network = Network::new(PollerConfig::default(), 1);
    network.watch(
        DeviceSpec {
            credentials: vec![CredentialRef::v3("auditor", "audit")],
            ..spec("sw", 10)
        },
        switch(2),
    );
    let mut count = 0;
    network.run_for(Duration::from_secs(600), |_, _| {
        count += 1;
        Fate::Instead(Err(FetchError::V3WrongDigest), Duration::from_millis(5))
    });
    assert_eq!(count, 3);
    let reason = network.last("sw").unreachable.clone().unwrap();
    assert_eq!(
        (reason.code, reason.text("user")),
        ("v3_wrong_digest", Some("audit"))
    );
}

#[test]
fn silence_is_named_for_what_it_may_be() {
    let mut network = Network::new(PollerConfig::default(), 1);
    network.watch(spec("never", 60), switch(1));
    network.watch(spec("gone", 60), switch(1));
    network.run_for(Duration::from_secs(90), |request, _| {
        if request.device.as_str() == "never" {
            Fate::Lost
        } else {
            Fate::Answer(Duration::from_millis(5))
        }
    });
    assert_eq!(
        network.last("never").unreachable.as_ref().unwrap().code,
        "timeout_or_community"
    );
    network.run_for(Duration::from_secs(90), |_, _| Fate::Lost);
    assert_eq!(
        network.last("gone").unreachable.as_ref().unwrap().code,
        "timeout"
    );
    assert_eq!(
        network.last("gone").interfaces.len(),
        1,
        "what was known stays"
    );
    network.agents.clear();
    network.run_for(Duration::from_secs(90), well);
    let reason = network.last("gone").unreachable.clone().unwrap();
    assert_eq!(
        (reason.code, reason.text("detail")),
        ("unreachable", Some("no route to host"))
    );
}

#[test]
fn a_deadline_ends_a_poll_and_keeps_what_came() {
    let config = PollerConfig {
        device_deadline: Duration::from_secs(5),
        ..PollerConfig::default()
    };
    let mut network = Network::new(config, 1);
    network.watch(spec("slow", 60), switch(400));
    network.run_for(Duration::from_secs(50), |_, _| {
        Fate::Answer(Duration::from_millis(700))
    });
    let last = network.last("slow");
    assert!(last.statistics.duration <= Duration::from_secs(5));
    assert_eq!(last.unreachable, None);
    assert!(!last.errors.is_empty());
    assert!(network.poller.counters().polls_late > 0);
    assert_eq!(network.poller.in_flight(), 0);
}

#[test]
fn a_hastened_look_sees_a_port_go_down_within_a_second_and_costs_little() {
    let mut network = Network::new(PollerConfig::default(), 1);
    network.watch(spec("sw", 300), switch(48));
    network.run_for(Duration::from_secs(20), well);
    agent(&mut network, "sw").set("1.3.6.1.2.1.2.2.1.8.7", Value::Integer(2));
    network
        .poller
        .handle_input(Input::Hasten("sw".into()), network.now);
    network.run_for(Duration::from_millis(300), well);
    let last = network.last("sw");
    assert_eq!(last.scope, CollectionScope::Hastened);
    assert_eq!(last.interface("ge7").unwrap().oper, OperStatus::Down);
    assert!(last.statistics.requests <= 8, "{:?}", last.statistics);
    // A storm of hints makes one look a second.
    let before = network.collections.len();
    for _ in 0..500 {
        network
            .poller
            .handle_input(Input::Hasten("sw".into()), network.now);
        network.run_for(Duration::from_millis(10), well);
    }
    assert!(network.collections.len() - before <= 6);
}

#[test]
fn devices_come_and_go_in_the_middle_of_everything() {
    let mut network = Network::new(
        PollerConfig {
            in_flight_max: 4,
            ..PollerConfig::default()
        },
        1,
    );
    let mut dice = Dice(4);
    for round in 0..300_u64 {
        let id = format!("d{}", dice.roll(12));
        if dice.roll(3) == 0 {
            network
                .poller
                .handle_input(Input::Remove(id.as_str().into()), network.now);
        } else {
            network.watch(spec(&id, 5 + round % 7), switch(6));
        }
        network.run_for(Duration::from_millis(dice.roll(900)), |_, now| {
            let _ = now;
            Fate::Answer(Duration::from_millis(40))
        });
    }
    assert!(network.in_flight_seen <= 4);
    let all: Vec<DeviceId> = network.agents.keys().cloned().collect();
    for id in all {
        network.poller.handle_input(Input::Remove(id), network.now);
    }
    network.run_for(Duration::from_secs(60), well);
    assert_eq!(network.poller.in_flight(), 0);
}

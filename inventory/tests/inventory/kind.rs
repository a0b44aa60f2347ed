//! Polling that is kind: what devices do to a poller, one test a habit, by its name.

use std::time::Duration;

use nhipcau_inventory::poller::{FetchError, Input, Op, PollerConfig, Request};
use nhipcau_inventory::watch::{Input as WatchInput, Watch, WatchConfig};
use nhipcau_inventory::{CredentialRef, DeviceId, DeviceSpec, Value};

use crate::agent::{Agent, oid, string};
use crate::network::{Dice, Fate, Network, spec, well};
use crate::polls::{port, switch};

const SECOND: Duration = Duration::from_secs(1);
const QUICK: Duration = Duration::from_millis(5);
const UPTIME: &str = "1.3.6.1.2.1.1.3.0";
const ENGINE_ID: &str = "1.3.6.1.6.3.10.2.1.1.0";
const ENGINE_BOOTS: &str = "1.3.6.1.6.3.10.2.1.2.0";
const ENGINE_TIME: &str = "1.3.6.1.6.3.10.2.1.3.0";
const IF_TABLE_LAST_CHANGE: &str = "1.3.6.1.2.1.31.1.5.0";

fn agent<'a>(network: &'a mut Network, id: &str) -> &'a mut Agent {
    network.agents.get_mut(&DeviceId::from(id)).unwrap()
}

fn clock(agent: &mut Agent, up_seconds: u32, boots: i32, engine_seconds: i32) {
    agent.set(UPTIME, Value::TimeTicks(up_seconds.wrapping_mul(100)));
    agent.set(ENGINE_ID, string("\u{1}engine of sw"));
    agent.set(ENGINE_BOOTS, Value::Integer(boots));
    agent.set(ENGINE_TIME, Value::Integer(engine_seconds));
}

fn watched(agent: Agent, interval: u64) -> Network {
    let mut network = Network::new(PollerConfig::default(), 1);
    network.watch(spec("sw", interval), agent);
    network
}

fn rows_asked(request: &Request) -> usize {
    match request.op {
        Op::GetBulk { max_repetitions } => max_repetitions as usize * request.oids.len(),
        _ => request.oids.len(),
    }
}

#[test]
fn a_dead_device_is_asked_less_with_one_small_question_until_it_answers() {
    let mut network = watched(switch(4), 30);
    network.run_for(60 * SECOND, well);
    network.keep_requests = true;
    network.run_for(600 * SECOND, |_, _| Fate::Lost);
    let early = network.requests.len();
    network.requests.clear();
    network.run_for(3_600 * SECOND, |_, _| Fate::Lost);
    let hour = network.requests.len();
    assert!(
        (29..=31).contains(&hour),
        "one question every two minutes, not {hour} an hour"
    );
    assert!(early < 25, "{early} questions in the first ten minutes");
    assert!(
        network
            .requests
            .iter()
            .all(|r| r.op == Op::Get && r.oids.len() <= 6)
    );
    // It answers: everything is read in the same poll, and the pauses are short again.
    let before = network.collections.len();
    network.run_for(125 * SECOND, well);
    assert_eq!(network.collections[before].unreachable, None);
    assert_eq!(network.collections[before].interfaces.len(), 4);
    let before = network.collections.len();
    network.run_for(120 * SECOND, well);
    assert_eq!(network.collections.len() - before, 4);
}

#[test]
fn a_hint_finds_a_device_that_came_back_and_reads_all_of_it_at_once() {
    let mut network = watched(switch(4), 300);
    network.run_for(600 * SECOND, well);
    network.run_for(7_200 * SECOND, |_, _| Fate::Lost);
    assert!(network.last("sw").unreachable.is_some());
    network
        .poller
        .handle_input(Input::Hasten("sw".into()), network.now);
    let before = network.collections.len();
    network.run_for(2 * SECOND, well);
    let scopes: Vec<_> = network.collections[before..]
        .iter()
        .map(|c| (c.scope, c.unreachable.is_none()))
        .collect();
    assert_eq!(
        scopes,
        [
            (nhipcau_inventory::CollectionScope::Hastened, true),
            (nhipcau_inventory::CollectionScope::Full, true)
        ]
    );
}

#[test]
fn a_dead_device_with_several_credentials_gets_one_of_them_a_poll_in_turn() {
    let mut network = Network::new(PollerConfig::default(), 1);
    let credentials = vec![
        CredentialRef::v3("auditor", "audit"),
        CredentialRef::v2c("read"),
        CredentialRef::v2c("other"),
    ];
    network.watch(
        DeviceSpec {
            credentials,
            ..spec("sw", 60)
        },
        switch(1),
    );
    network.run_for(600 * SECOND, |_, _| Fate::Lost);
    network.keep_requests = true;
    network.run_for(1_200 * SECOND, |_, _| Fate::Lost);
    let names: Vec<&str> = network
        .requests
        .iter()
        .map(|r| &*r.credential.name)
        .collect();
    assert!((9..=11).contains(&names.len()), "{names:?}");
    for name in ["auditor", "read", "other"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

#[test]
fn a_device_that_is_up_but_drops_big_answers_is_read_in_small_ones() {
    let mut network = watched(switch(30), 60);
    let mut lost = 0;
    let mut drop_big = |request: &Request| {
        if rows_asked(request) > 30 {
            lost += 1;
            Fate::Lost
        } else {
            Fate::Answer(QUICK)
        }
    };
    network.run_for(59 * SECOND, |request, _| drop_big(request));
    let first = network.collections[0].clone();
    assert_eq!(first.errors, [], "already the first poll finds the way");
    assert_eq!(first.interfaces.len(), 30);
    assert!(
        first.statistics.max_repetitions <= 2,
        "{:?}",
        first.statistics
    );
    network.run_for(3_600 * SECOND, |request, _| drop_big(request));
    assert!(
        network
            .collections
            .iter()
            .all(|c| c.errors.is_empty() && c.unreachable.is_none())
    );
    assert!(lost < 30, "{lost} questions were lost in an hour");
}

#[test]
fn silence_alone_teaches_nothing_about_max_repetitions() {
    let mut network = watched(switch(30), 30);
    network.run_for(60 * SECOND, well);
    let learnt = network.last("sw").statistics.max_repetitions;
    // It answers the system group and dies in the middle, again and again.
    network.run_for(300 * SECOND, |request, _| match request.op {
        Op::Get => Fate::Answer(QUICK),
        _ => Fate::Lost,
    });
    network.run_for(300 * SECOND, well);
    assert_eq!(network.last("sw").statistics.max_repetitions, learnt);
}

#[test]
fn max_repetitions_is_halved_at_once_and_grows_again_slowly() {
    let config = PollerConfig {
        slow_every: 1,
        ..PollerConfig::default()
    };
    let mut network = Network::new(config, 1);
    network.watch(spec("sw", 10), switch(60));
    network.run_for(30 * SECOND, well);
    assert_eq!(network.last("sw").statistics.max_repetitions, 24);
    network.run_for(30 * SECOND, |request, _| match request.op {
        Op::GetBulk { max_repetitions } if max_repetitions > 2 => {
            Fate::Instead(Err(FetchError::TooBig), QUICK)
        }
        _ => Fate::Answer(QUICK),
    });
    let low = network.last("sw").statistics.max_repetitions;
    assert!(low <= 2, "{low}");
    let mut seen = vec![low];
    for _ in 0..2_000 {
        network.run_for(10 * SECOND, well);
        let now = network.last("sw").statistics.max_repetitions;
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    }
    assert!(
        seen.windows(2).all(|pair| pair[1] <= pair[0] * 2),
        "never more than doubled at once: {seen:?}"
    );
    assert_eq!(seen.last(), Some(&24), "{seen:?}");
}

#[test]
fn slow_tables_are_read_less_often_than_fast_ones() {
    let mut network = watched(switch(2), 60);
    network.keep_requests = true;
    network.run_for(6_000 * SECOND, well);
    let asked = |column: &str| {
        let column = oid(column);
        network
            .requests
            .iter()
            .filter(|r| r.oids.contains(&column))
            .count()
    };
    let (fast, slow) = (asked("1.3.6.1.2.1.2.2.1.8"), asked("1.3.6.1.2.1.2.2.1.2"));
    assert!(fast >= 99, "{fast}");
    assert!((9..=12).contains(&slow), "{slow} of {fast}");
}

#[test]
fn an_agent_that_reboots_is_told_once_even_when_nobody_saw_its_clock_go_back() {
    let mut sw = switch(2);
    sw.set(UPTIME, Value::TimeTicks(100 * 300));
    let mut network = watched(sw, 60);
    network.run_for(50 * SECOND, well);
    // Silent for two hours, up again since half an hour: its clock is ahead of the one that we read last.
    network.run_for(7_200 * SECOND, |_, _| Fate::Lost);
    agent(&mut network, "sw").set(UPTIME, Value::TimeTicks(100 * 1_800));
    let before = network.collections.len();
    network.run_for(130 * SECOND, well);
    let rebooted: Vec<_> = network.collections[before..]
        .iter()
        .filter_map(|c| c.rebooted)
        .collect();
    assert_eq!(rebooted, [1_800]);
}

#[test]
fn boots_that_grow_are_a_restart_whatever_the_clock_says() {
    let mut sw = switch(2);
    clock(&mut sw, 10_000, 4, 10_000);
    let mut network = watched(sw, 60);
    network.run_for(50 * SECOND, well);
    clock(agent(&mut network, "sw"), 10_050, 5, 20);
    network.run_for(60 * SECOND, well);
    let last = network.last("sw");
    assert_eq!(last.rebooted, Some(10_050));
    assert!(last.interfaces.iter().all(|i| i.rates.is_none()));
    assert_eq!(
        last.system.as_ref().unwrap().engine.as_ref().unwrap().boots,
        5
    );
}

#[test]
fn a_sys_up_time_that_jumps_back_while_the_engine_runs_on_is_no_reboot() {
    let mut sw = switch(2);
    clock(&mut sw, 42_000_000, 7, 1_000_000);
    let mut network = watched(sw, 60);
    network.run_for(50 * SECOND, well);
    // Wrapped after 497 days, and read too late for the sum to fit: the engine's own clock decides.
    clock(agent(&mut network, "sw"), 3_000, 7, 1_000_060);
    network.run_for(60 * SECOND, well);
    assert!(network.collections.iter().all(|c| c.rebooted.is_none()));
    assert!(network.last("sw").interfaces[0].rates.is_some());
    // The same jump with an engine that started over is one.
    clock(agent(&mut network, "sw"), 10, 7, 10);
    network.run_for(60 * SECOND, well);
    assert!(network.collections.iter().any(|c| c.rebooted == Some(10)));
}

#[test]
fn a_moved_if_table_last_change_re_reads_what_seldom_changes() {
    let config = PollerConfig {
        slow_every: 1_000,
        ..PollerConfig::default()
    };
    let mut network = Network::new(config, 1);
    let mut sw = switch(2);
    sw.set(IF_TABLE_LAST_CHANGE, Value::TimeTicks(100));
    network.watch(spec("sw", 60), sw);
    network.run_for(200 * SECOND, well);
    let sw = agent(&mut network, "sw");
    sw.set("1.3.6.1.2.1.31.1.1.1.18.1", string("to the roof"));
    network.run_for(120 * SECOND, well);
    assert_eq!(&*network.last("sw").interfaces[0].alias, "");
    agent(&mut network, "sw").set(IF_TABLE_LAST_CHANGE, Value::TimeTicks(5_000));
    network.run_for(60 * SECOND, well);
    assert_eq!(&*network.last("sw").interfaces[0].alias, "to the roof");
}

/// Two stack members whose ports have the same names.
fn stack(first: u32, second: u32) -> Agent {
    let mut sw = switch(0);
    for (member, index) in [(1_u32, first), (2, second)] {
        port(&mut sw, index, "Gi1/0/1");
        let chassis = member * 1_000;
        sw.set(
            &format!("1.3.6.1.2.1.47.1.1.1.1.5.{chassis}"),
            Value::Integer(3),
        );
        sw.set(
            &format!("1.3.6.1.2.1.47.1.1.1.1.7.{chassis}"),
            string(&format!("Switch {member}")),
        );
        let physical = chassis + 7;
        sw.set(
            &format!("1.3.6.1.2.1.47.1.1.1.1.4.{physical}"),
            Value::Integer(chassis as i32),
        );
        sw.set(
            &format!("1.3.6.1.2.1.47.1.1.1.1.5.{physical}"),
            Value::Integer(10),
        );
        sw.set(
            &format!("1.3.6.1.2.1.47.1.3.2.1.2.{physical}.0"),
            Value::Oid(oid(&format!("1.3.6.1.2.1.2.2.1.1.{index}"))),
        );
    }
    sw
}

#[test]
fn two_interfaces_of_one_name_are_told_apart_by_their_entities_and_stay_so_when_renumbered() {
    let mut network = watched(stack(5, 9), 60);
    network.run_for(50 * SECOND, well);
    let ports = |network: &Network| -> Vec<(String, u32, Option<u32>)> {
        let interfaces = &network.last("sw").interfaces;
        interfaces
            .iter()
            .map(|i| (i.name.to_string(), i.index, i.entity))
            .collect()
    };
    let (one, two) = (
        "Gi1/0/1 (Switch 1)".to_owned(),
        "Gi1/0/1 (Switch 2)".to_owned(),
    );
    assert_eq!(
        ports(&network),
        [(one.clone(), 5, Some(1_007)), (two.clone(), 9, Some(2_007))]
    );
    let mut renumbered = stack(9, 5);
    renumbered.set(UPTIME, Value::TimeTicks(1_006_000));
    *agent(&mut network, "sw") = renumbered;
    network.run_for(120 * SECOND, well);
    // The agent says nothing of a change: the slow table finds it at its next turn.
    network.run_for(600 * SECOND, well);
    assert_eq!(
        ports(&network),
        [(two, 5, Some(2_007)), (one, 9, Some(1_007))]
    );
}

#[test]
fn an_agent_that_lacks_the_engine_objects_is_asked_for_them_once() {
    let mut network = watched(switch(1), 10);
    network.keep_requests = true;
    network.run_for(600 * SECOND, well);
    let boots = oid(ENGINE_BOOTS);
    let asked = network
        .requests
        .iter()
        .filter(|r| r.oids.contains(&boots))
        .count();
    assert_eq!(asked, 1);
}

#[test]
fn an_agent_that_breaks_at_unknown_names_is_read_without_them() {
    let mut network = watched(switch(3), 10);
    let boots = oid(ENGINE_BOOTS);
    let mut refused = 0;
    network.run_for(600 * SECOND, |request, _| {
        if request.oids.contains(&boots) {
            refused += 1;
            return Fate::Instead(Err(FetchError::GenErr), QUICK);
        }
        Fate::Answer(QUICK)
    });
    assert_eq!(refused, 2);
    assert!(network.collections.iter().all(|c| c.unreachable.is_none()));
}

#[test]
fn answers_that_come_late_twice_and_out_of_order_are_counted_and_change_nothing() {
    let mut network = watched(switch(20), 20);
    let mut dice = Dice(5);
    network.run_for(3_600 * SECOND, |request, _| match dice.roll(4) {
        0 => Fate::Twice(QUICK, request.timeout * 2),
        1 => Fate::Answer(Duration::from_millis(dice.roll(1_500))),
        2 => Fate::Twice(QUICK, QUICK),
        _ => Fate::Answer(QUICK),
    });
    assert!(network.poller.counters().replies_unexpected > 200);
    assert!(
        network
            .collections
            .iter()
            .all(|c| c.interfaces.len() == 20 && c.unreachable.is_none())
    );
    assert!(
        network
            .collections
            .iter()
            .flat_map(|c| c.interfaces.iter())
            .all(|i| i.rates.is_none_or(|r| r.in_bps == Some(0.0)))
    );
}

#[test]
fn a_poll_says_what_it_cost_the_device() {
    let mut network = watched(switch(10), 60);
    let mut lost = 0;
    network.run_for(50 * SECOND, |request, _| {
        if request.op != Op::Get && lost < 2 {
            lost += 1;
            return Fate::Lost;
        }
        if request.oids[0].starts_with(&oid("1.3.6.1.2.1.25.2")) {
            return Fate::Instead(Ok(Vec::new()), QUICK);
        }
        Fate::Answer(QUICK)
    });
    let first = &network.collections[0];
    let cost = first.statistics;
    assert_eq!((cost.timeouts, cost.retries), (2, 2));
    assert_eq!(cost.walk_errors, 1, "{:?}", first.errors);
    assert!(cost.max_repetitions <= 24 && cost.varbinds > 100 && cost.duration > SECOND);
    assert_eq!(first.last_seen, Some(first.finished_at));
}

#[test]
fn two_devices_with_one_engine_are_reported_and_both_are_named() {
    let mut network = Network::new(PollerConfig::default(), 1);
    let mut watch = Watch::new(WatchConfig::default());
    for id in ["original", "clone", "other"] {
        watch.handle_input(WatchInput::Device(spec(id, 30)), network.now);
        let mut sw = switch(1);
        clock(&mut sw, 1_000, 1, 1_000);
        if id == "other" {
            sw.set(ENGINE_ID, string("\u{1}another engine"));
        }
        network.watch(spec(id, 30), sw);
    }
    network.watch = Some(watch);
    network.run_for(100 * SECOND, well);
    let said = |network: &Network, id: &str| -> Vec<(String, String)> {
        let watch = network.watch.as_ref().unwrap();
        let state = watch.device(&id.into()).unwrap();
        let shared = state
            .reasons
            .iter()
            .filter(|r| r.code == "duplicate_engine_id");
        shared
            .map(|r| {
                let text = |key| r.text(key).unwrap().to_owned();
                (text("device"), text("other"))
            })
            .collect()
    };
    let named = |a: &str, b: &str| vec![(a.to_owned(), b.to_owned())];
    assert_eq!(said(&network, "original"), named("original", "clone"));
    assert_eq!(said(&network, "clone"), named("clone", "original"));
    assert_eq!(said(&network, "other"), []);
    // The clone gets an engine of its own: both are well again.
    agent(&mut network, "clone").set(ENGINE_ID, string("\u{1}engine of clone"));
    network.run_for(100 * SECOND, well);
    assert_eq!(said(&network, "original"), []);
    assert_eq!(said(&network, "clone"), []);
}

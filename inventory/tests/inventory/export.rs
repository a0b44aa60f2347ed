//! Modules that others read through the poller.

use std::time::Duration;

use nhipcau_inventory::export::{KeptValue, ModuleId};
use nhipcau_inventory::poller::{Input, PollerConfig, ProbeError};
use nhipcau_inventory::{DeviceId, Oid, Value};

use crate::network::{Fate, Network, spec, well};
use crate::polls::switch;

const MINUTE: Duration = Duration::from_secs(60);

fn if_mib() -> ModuleId {
    ModuleId::named("if_mib").unwrap()
}

fn probe(network: &mut Network, ticket: u64, device: &str, module: ModuleId) {
    network.poller.handle_input(
        Input::Probe {
            ticket,
            device: DeviceId::from(device),
            module,
        },
        network.now,
    );
}

fn alias_and_octets() -> (usize, usize) {
    let alias = if_mib().place("1.3.6.1.2.1.31.1.1.1.18").unwrap();
    (alias, if_mib().place("1.3.6.1.2.1.31.1.1.1.6").unwrap())
}

#[test]
fn a_module_is_read_once_for_who_waits() {
    let mut network = Network::new(PollerConfig::default(), 1);
    let mut agent = switch(48);
    agent.set("1.3.6.1.2.1.2.1.0", Value::Integer(48));
    network.watch(spec("sw", 60), agent);
    network.run_for(MINUTE, well);
    probe(&mut network, 7, "sw", if_mib());
    // The second finds the first under way.
    probe(&mut network, 8, "sw", if_mib());
    probe(&mut network, 9, "stranger", if_mib());
    network.run_for(MINUTE, well);
    let answers = std::mem::take(&mut network.probed);
    let of = |ticket| {
        answers
            .iter()
            .find(|(t, _)| *t == ticket)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(of(8), Err(ProbeError::Busy));
    assert_eq!(of(9), Err(ProbeError::Unknown));
    let rows = of(7).unwrap();
    assert!(rows.is_whole());
    let (_, octets) = alias_and_octets();
    let index = Oid::from_arcs(&[48]).unwrap();
    let column = rows.column(octets).unwrap();
    assert_eq!(column.len(), 48);
    assert_eq!(column.at(&index), Some(KeptValue::Wide(1_000)));
    // The scalar's only row has the index 0.
    let number = if_mib().place("1.3.6.1.2.1.2.1").unwrap();
    assert_eq!(
        rows.column(number).unwrap().value(0),
        Some(KeptValue::Number(48))
    );
    assert!(
        network.collections.iter().all(|c| c.modules.is_empty()),
        "nothing is kept for who asks once"
    );
}

#[test]
fn a_probe_of_a_silent_device_ends_in_time_and_is_no_poll() {
    let mut network = Network::new(PollerConfig::default(), 1);
    network.watch(spec("sw", 600), switch(4));
    network.run_for(MINUTE, well);
    let late = network.poller.counters().polls_late;
    probe(&mut network, 1, "sw", if_mib());
    network.run_for(MINUTE, |_, _| Fate::Lost);
    assert!(
        matches!(&network.probed[..], [(1, Err(ProbeError::Failed(_)))]),
        "{:?}",
        network.probed
    );
    assert_eq!(network.poller.counters().polls_late, late);
    // Removed while somebody waits: told, not forgotten.
    probe(&mut network, 2, "sw", if_mib());
    network
        .poller
        .handle_input(Input::Remove(DeviceId::from("sw")), network.now);
    network.run_for(MINUTE, well);
    assert_eq!(network.probed[1], (2, Err(ProbeError::Unknown)));
}

#[test]
fn a_module_is_read_with_every_poll_while_somebody_keeps_asking() {
    let mut network = Network::new(PollerConfig::default(), 1);
    let mut agent = switch(8);
    agent.set(
        "1.3.6.1.2.1.31.1.1.1.18.3",
        Value::OctetString("uplink".into()),
    );
    agent.set("1.3.6.1.2.1.2.2.1.10.3", Value::Counter32(5));
    network.watch(spec("sw", 30), agent);
    network.run_for(MINUTE, well);
    let before = network.last("sw").statistics.varbinds;
    let export = Input::Export {
        device: DeviceId::from("sw"),
        module: if_mib(),
    };
    network.poller.handle_input(export, network.now);
    network.run_for(MINUTE, well);
    let rows = network.last("sw").modules[0].clone();
    assert!(
        rows.is_whole(),
        "columns of slow tables are fetched at once"
    );
    let (alias, octets) = alias_and_octets();
    let three = Oid::from_arcs(&[3]).unwrap();
    assert_eq!(
        rows.column(alias).unwrap().at(&three),
        Some(KeptValue::Octets(b"uplink"))
    );
    // Both the columns of the profile's tables and those that only the module has are read anew by each poll.
    let legacy = if_mib().place("1.3.6.1.2.1.2.2.1.10").unwrap();
    network.run_for(MINUTE, well);
    let later = network.last("sw").modules[0].clone();
    for place in [octets, legacy] {
        assert!(later.column(place).unwrap().read_at > rows.column(place).unwrap().read_at);
    }
    // Columns that the agent does not have are not asked for each time.
    let during = network.last("sw").statistics.varbinds;
    assert!(during < before + 20, "{before} then {during}");
    // Nobody asks any more.
    network.run_for(16 * MINUTE, well);
    assert!(network.last("sw").modules.is_empty());
    assert!(network.last("sw").statistics.varbinds <= before);
}

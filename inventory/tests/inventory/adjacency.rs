//! What a device says of its surroundings: bridge tables with and without contexts, ARP, routes, aggregates; and what that may cost.

use std::time::Duration;

use nhipcau_inventory::poller::{Context, PollerConfig};
use nhipcau_inventory::{Collection, Value};

use crate::agent::{Agent, string};
use crate::corpora::{corpora, skipped};
use crate::network::{Fate, Network, spec, well};

/// A Cisco switch with two ports and an uplink of two more.
pub(crate) fn switch() -> Agent {
    let mut agent = Agent::default();
    agent.set(
        "1.3.6.1.2.1.1.1.0",
        string("Cisco IOS Software, Catalyst L3 Switch Software, Version 16.6.8"),
    );
    agent.set(
        "1.3.6.1.2.1.1.2.0",
        Value::Oid("1.3.6.1.4.1.9.1.1745".parse().unwrap()),
    );
    agent.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(500_000));
    agent.set("1.3.6.1.2.1.1.5.0", string("sw"));
    for (index, name, kind) in [
        (1, "Gi1/0/1", 6),
        (2, "Gi1/0/2", 6),
        (3, "Gi1/0/3", 6),
        (4, "Gi1/0/4", 6),
        (40, "Po1", 161),
    ] {
        let column = |c: u32| format!("1.3.6.1.2.1.2.2.1.{c}.{index}");
        agent.set(&column(2), string(name));
        agent.set(&column(3), Value::Integer(kind));
        agent.set(&column(7), Value::Integer(1));
        agent.set(&column(8), Value::Integer(1));
        agent.set(&format!("1.3.6.1.2.1.31.1.1.1.1.{index}"), string(name));
        agent.set(
            &format!("1.3.6.1.2.1.31.1.1.1.6.{index}"),
            Value::Counter64(1),
        );
    }
    agent
}

fn bridge_row(agent: &mut Agent, station: u32, port: i32, status: i32) {
    let index = format!("0.17.34.51.{}.{}", station / 256, station % 256);
    agent.set(
        &format!("1.3.6.1.2.1.17.4.3.1.2.{index}"),
        Value::Integer(port),
    );
    agent.set(
        &format!("1.3.6.1.2.1.17.4.3.1.3.{index}"),
        Value::Integer(status),
    );
}

fn rows(collection: &Collection) -> Vec<String> {
    collection
        .adjacency
        .stations
        .iter()
        .map(|s| format!("{} {} {:?}", s.mac, s.interface, s.vlan))
        .collect()
}

#[test]
fn a_vlan_s_stations_come_from_its_own_context() {
    let mut network = Network::new(PollerConfig::default(), 1);
    let mut agent = switch();
    for vlan in [1, 20, 1_002] {
        agent.set(
            &format!("1.3.6.1.4.1.9.9.46.1.3.1.1.2.1.{vlan}"),
            Value::Integer(1),
        );
    }
    let mut vlan = Agent::default();
    // Bridge port 7 is ifIndex 2.
    vlan.set("1.3.6.1.2.1.17.1.4.1.2.7", Value::Integer(2));
    bridge_row(&mut vlan, 5, 7, 3);
    // Its own address is no station.
    bridge_row(&mut vlan, 6, 7, 4);
    network.agents.insert("sw@1".into(), Agent::default());
    network.agents.insert("sw@20".into(), vlan);
    network.keep_requests = true;
    network.watch(spec("sw", 30), agent);
    network.run_for(Duration::from_secs(120), well);
    assert_eq!(
        rows(network.last("sw")),
        ["00:11:22:33:00:05 Gi1/0/2 Some(20)"]
    );
    let mut contexts: Vec<_> = network.requests.iter().filter_map(|r| r.context).collect();
    contexts.sort();
    contexts.dedup();
    assert_eq!(contexts, [Context::Vlan(1), Context::Vlan(20)]);
    assert_eq!(network.last("sw").errors, []);
}

#[test]
fn an_agent_that_knows_no_contexts_is_asked_once_and_not_doubted() {
    let mut network = Network::new(PollerConfig::default(), 1);
    let mut agent = switch();
    for vlan in 1..40 {
        agent.set(
            &format!("1.3.6.1.4.1.9.9.46.1.3.1.1.2.1.{vlan}"),
            Value::Integer(1),
        );
    }
    network.keep_requests = true;
    network.watch(spec("sw", 30), agent);
    network.run_for(Duration::from_secs(3_600), |request, now| {
        if request.context.is_some() {
            Fate::Lost
        } else {
            well(request, now)
        }
    });
    let asked = network
        .requests
        .iter()
        .filter(|r| r.context.is_some())
        .count();
    assert!((1..=2).contains(&asked), "{asked} requests in contexts");
    assert!(
        network
            .collections
            .iter()
            .all(|c| c.unreachable.is_none() && c.errors.is_empty())
    );
}

#[test]
fn arp_routes_addresses_and_aggregates_are_read() {
    let mut network = Network::new(PollerConfig::default(), 1);
    let mut agent = switch();
    agent.set("1.3.6.1.2.1.4.20.1.2.10.0.0.1", Value::Integer(1));
    let mac = Value::OctetString(vec![0, 0x11, 0x22, 0x33, 0, 9].into());
    agent.set("1.3.6.1.2.1.4.22.1.2.1.10.0.0.9", mac.clone());
    agent.set("1.3.6.1.2.1.4.22.1.4.1.10.0.0.9", Value::Integer(3));
    // An entry that is invalid, one for a group, and neighbour discovery.
    agent.set("1.3.6.1.2.1.4.22.1.2.1.10.0.0.8", mac.clone());
    agent.set("1.3.6.1.2.1.4.22.1.4.1.10.0.0.8", Value::Integer(2));
    agent.set("1.3.6.1.2.1.4.22.1.2.1.224.0.0.5", mac.clone());
    agent.set(
        "1.3.6.1.2.1.4.35.1.4.2.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.9",
        mac,
    );
    // Two routes over one router, one directly connected.
    for (destination, next) in [
        ("0.0.0.0.0.0.0.0", "10.0.0.9"),
        ("10.9.0.0.255.255.0.0", "10.0.0.9"),
        ("10.0.0.0.255.255.255.0", "0.0.0.0"),
    ] {
        agent.set(
            &format!("1.3.6.1.2.1.4.24.4.1.5.{destination}.0.{next}"),
            Value::Integer(1),
        );
    }
    for member in [3, 4] {
        agent.set(
            &format!("1.2.840.10006.300.43.1.2.1.1.12.{member}"),
            Value::Integer(40),
        );
    }
    // Port 4 fell out, port 1 is alone.
    agent.set("1.2.840.10006.300.43.1.2.1.1.13.3", Value::Integer(40));
    agent.set("1.2.840.10006.300.43.1.2.1.1.13.4", Value::Integer(0));
    agent.set("1.2.840.10006.300.43.1.2.1.1.13.1", Value::Integer(1));
    network.watch(spec("sw", 30), agent);
    network.run_for(Duration::from_secs(120), well);
    let adjacency = &network.last("sw").adjacency;
    assert_eq!(adjacency.addresses[0].address.to_string(), "10.0.0.1");
    let arp: Vec<_> = adjacency
        .arp
        .iter()
        .map(|e| format!("{} {} {}", e.address, e.mac, e.interface))
        .collect();
    assert_eq!(
        arp,
        [
            "10.0.0.9 00:11:22:33:00:09 Gi1/0/1",
            "2001:db8::9 00:11:22:33:00:09 Gi1/0/2"
        ]
    );
    let hops: Vec<_> = adjacency
        .next_hops
        .iter()
        .map(|h| (h.address.to_string(), &*h.interface, h.routes))
        .collect();
    assert_eq!(hops, [("10.0.0.9".to_owned(), "Gi1/0/1", 2)]);
    assert_eq!(adjacency.aggregates.len(), 1);
    assert_eq!(&*adjacency.aggregates[0].interface, "Po1");
    assert_eq!(
        adjacency.aggregates[0].members,
        ["Gi1/0/3".into(), "Gi1/0/4".into()]
    );
}

#[test]
fn a_bridge_with_very_many_stations_is_cut_counted_and_costs_the_ports_nothing() {
    let mut network = Network::new(PollerConfig::default(), 1);
    let mut agent = switch();
    for station in 0..9_000 {
        bridge_row(&mut agent, station, 1, 3);
    }
    network.watch(spec("sw", 30), agent.clone());
    network.run_for(Duration::from_secs(120), well);
    let last = network.last("sw");
    assert_eq!(last.adjacency.stations.len(), 4_096);
    let table = last.tables.iter().find(|t| &*t.table == "bridge").unwrap();
    assert!(table.cut && table.error.is_none());
    assert!(network.poller.counters().tables_cut > 0);

    // The same from an agent that takes its time: half of the device's time is enough, and ports stay fresh.
    let mut network = Network::new(PollerConfig::default(), 1);
    network.watch(spec("sw", 30), agent);
    network.run_for(Duration::from_secs(300), |_, _| {
        Fate::Answer(Duration::from_millis(400))
    });
    for collection in &network.collections {
        assert!(collection.statistics.duration <= Duration::from_secs(11));
        assert_eq!(collection.interfaces.len(), 5);
        assert!(collection.interfaces[0].read_at >= collection.started_at);
    }
    assert_eq!(network.poller.counters().polls_late, 0);
    let last = network.last("sw");
    let table = last.tables.iter().find(|t| &*t.table == "bridge").unwrap();
    assert!(table.error.is_some(), "what was not read is said");
}

#[test]
fn recorded_contexts_of_a_real_switch_are_read() {
    let name = |suffix: &str| format!("snmp/recordings/iosxe_c3850{suffix}.snmprec");
    let Some(text) = corpora(&name("")) else {
        return skipped("bridge tables by VLAN");
    };
    let mut network = Network::new(PollerConfig::default(), 1);
    for vlan in 1..1_000 {
        if let Some(text) = corpora(&name(&format!("@{vlan}"))) {
            let id = format!("sw@{vlan}").as_str().into();
            network.agents.insert(id, Agent::from_recording(&text));
        }
    }
    network.agents.insert("sw@1".into(), Agent::default());
    network.watch(spec("sw", 30), Agent::from_recording(&text));
    network.run_for(Duration::from_secs(1_800), well);
    let last = network.last("sw");
    assert!(last.errors.is_empty(), "{:?}", last.errors);
    for station in &last.adjacency.stations {
        assert!(last.interface(&station.interface).is_some());
    }
    let vlan_tables = network.agents.len() - 2;
    assert!(vlan_tables > 20, "{vlan_tables} recordings of contexts");
}

#[test]
fn arp_of_real_devices_is_read() {
    let mut seen = 0;
    for name in ["ios_2960x", "iosxe_c9300", "asa", "linux_lsi", "routeros"] {
        let Some(text) = corpora(&format!("snmp/recordings/{name}.snmprec")) else {
            return skipped("ARP of real devices");
        };
        let mut network = Network::new(PollerConfig::default(), 1);
        network.watch(spec("dev", 30), Agent::from_recording(&text));
        network.run_for(Duration::from_secs(400), well);
        let adjacency = &network.last("dev").adjacency;
        seen += adjacency.arp.len() + adjacency.stations.len();
        assert!(
            !adjacency.arp.is_empty() || !adjacency.stations.is_empty(),
            "{name}"
        );
    }
    assert!(seen > 50, "{seen}");
}

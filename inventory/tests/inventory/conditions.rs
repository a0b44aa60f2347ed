//! Sensors, batteries, parts, storage, full lines and neighbours, from the agent's answer to the event.

use std::time::Duration;

use nhipcau_inventory::poller::PollerConfig;
use nhipcau_inventory::watch::{Event, EventKind, Input, LinkSource, SiteSpec, Watch, WatchConfig};
use nhipcau_inventory::{DeviceId, Health, InterfaceRef, Value};

use crate::agent::{Agent, oid, string};
use crate::network::{Network, spec, well};

const HOUR: Duration = Duration::from_secs(3_600);

fn watching(agents: Vec<(&str, Agent)>) -> Network {
    let mut network = Network::new(
        PollerConfig {
            slow_every: 1,
            ..PollerConfig::default()
        },
        2,
    );
    let mut watch = Watch::new(WatchConfig::default());
    for (id, agent) in agents {
        watch.handle_input(Input::Device(spec(id, 30)), network.now);
        network.watch(spec(id, 30), agent);
    }
    network.watch = Some(watch);
    network.run_for(Duration::from_secs(100), well);
    network
}

fn set(network: &mut Network, id: &str, name: &str, value: Value) {
    network
        .agents
        .get_mut(&DeviceId::from(id))
        .unwrap()
        .set(name, value);
}

fn events(network: &mut Network) -> Vec<Event> {
    std::mem::take(&mut network.events)
}

fn only(network: &mut Network) -> Event {
    let mut all = events(network);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

fn ups() -> Agent {
    let mut agent = Agent::default();
    agent.set("1.3.6.1.2.1.1.1.0", string("a UPS"));
    agent.set("1.3.6.1.2.1.1.2.0", Value::Oid(oid("1.3.6.1.2.1.33")));
    agent.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(100));
    agent.set("1.3.6.1.2.1.33.1.2.1.0", Value::Integer(2));
    agent.set("1.3.6.1.2.1.33.1.2.3.0", Value::Integer(40));
    agent.set("1.3.6.1.2.1.33.1.2.7.0", Value::Integer(25));
    agent.set("1.3.6.1.2.1.33.1.4.1.0", Value::Integer(3));
    agent
}

#[test]
fn a_ups_on_battery_says_how_long_it_lasts() {
    let mut network = watching(vec![("ups", ups())]);
    assert_eq!(events(&mut network), []);
    set(
        &mut network,
        "ups",
        "1.3.6.1.2.1.33.1.4.1.0",
        Value::Integer(5),
    );
    set(
        &mut network,
        "ups",
        "1.3.6.1.2.1.33.1.2.3.0",
        Value::Integer(31),
    );
    network.run_for(Duration::from_secs(31), well);
    let event = only(&mut network);
    assert_eq!(
        (event.kind, event.reason.code),
        (EventKind::SensorCritical, "on_battery")
    );
    assert_eq!(
        serde_json::to_string(&event.reason.args).unwrap(),
        r#"{"minutes":31}"#
    );
    let device = network
        .watch
        .as_ref()
        .unwrap()
        .device(&"ups".into())
        .unwrap();
    assert_eq!(
        (device.health, device.reasons[0].code),
        (Health::Critical, "on_battery")
    );
    set(
        &mut network,
        "ups",
        "1.3.6.1.2.1.33.1.4.1.0",
        Value::Integer(3),
    );
    network.run_for(Duration::from_secs(31), well);
    assert_eq!(only(&mut network).kind, EventKind::SensorOk);
}

#[test]
fn a_hot_sensor_is_told_once_whatever_it_trembles_and_a_vanished_one_is_not_ill() {
    let mut network = watching(vec![("ups", ups())]);
    for celsius in [49, 50, 51, 50, 49, 50, 49] {
        set(
            &mut network,
            "ups",
            "1.3.6.1.2.1.33.1.2.7.0",
            Value::Integer(celsius),
        );
        network.run_for(Duration::from_secs(30), well);
    }
    let event = only(&mut network);
    assert_eq!(
        (event.kind, event.reason.code),
        (EventKind::SensorCritical, "sensor_high")
    );
    assert_eq!(event.reason.text("unit"), Some("°C"));
    network
        .agents
        .get_mut(&DeviceId::from("ups"))
        .unwrap()
        .view
        .objects
        .remove(&oid("1.3.6.1.2.1.33.1.2.7.0"));
    network.run_for(Duration::from_secs(60), well);
    assert_eq!(only(&mut network).kind, EventKind::SensorOk);
    assert_eq!(network.watch.as_ref().unwrap().incidents().len(), 0);
}

fn host() -> Agent {
    let mut agent = Agent::default();
    agent.set("1.3.6.1.2.1.1.1.0", string("Linux host 6.1.0"));
    agent.set(
        "1.3.6.1.2.1.1.2.0",
        Value::Oid(oid("1.3.6.1.4.1.8072.3.2.10")),
    );
    agent.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(100));
    agent.set(
        "1.3.6.1.2.1.25.2.3.1.2.31",
        Value::Oid(oid("1.3.6.1.2.1.25.2.1.4")),
    );
    agent.set("1.3.6.1.2.1.25.2.3.1.3.31", string("/srv"));
    agent.set("1.3.6.1.2.1.25.2.3.1.4.31", Value::Integer(4_096));
    // More than 2³¹ units: agents send negative numbers.
    agent.set("1.3.6.1.2.1.25.2.3.1.5.31", Value::Integer(-1_294_967_296));
    agent.set("1.3.6.1.2.1.25.2.3.1.6.31", Value::Integer(1_000_000_000));
    agent
}

#[test]
fn a_full_disk_and_a_new_version() {
    let mut network = watching(vec![("host", host())]);
    let storage = network.last("host").storage[0].clone();
    assert_eq!(
        (storage.size_bytes, storage.percent().round()),
        (3_000_000_000 * 4_096, 33.0)
    );
    set(
        &mut network,
        "host",
        "1.3.6.1.2.1.25.2.3.1.6.31",
        Value::Integer(-1_394_967_296),
    );
    network.run_for(Duration::from_secs(31), well);
    let event = only(&mut network);
    assert_eq!(
        (event.kind, event.reason.text("storage")),
        (EventKind::StorageFull, Some("/srv"))
    );
    set(
        &mut network,
        "host",
        "1.3.6.1.2.1.1.1.0",
        string("Linux host 6.1.9"),
    );
    network.run_for(Duration::from_secs(31), well);
    let event = only(&mut network);
    assert_eq!(
        (event.kind, event.reason.text("new")),
        (EventKind::IdentityChanged, Some("6.1.9"))
    );
}

/// A switch with one port and an LLDP neighbour on it.
fn switch(name: &str, port: &str, neighbour: (&str, &str)) -> Agent {
    let mut agent = Agent::default();
    agent.set("1.3.6.1.2.1.1.1.0", string("a switch"));
    agent.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(100_000));
    agent.set("1.3.6.1.2.1.1.5.0", string(name));
    agent.set("1.3.6.1.2.1.2.2.1.2.9", string(port));
    agent.set("1.3.6.1.2.1.2.2.1.5.9", Value::Gauge32(20_000_000));
    agent.set("1.3.6.1.2.1.2.2.1.7.9", Value::Integer(1));
    agent.set("1.3.6.1.2.1.2.2.1.8.9", Value::Integer(1));
    agent.set("1.3.6.1.2.1.31.1.1.1.1.9", string(port));
    agent.set("1.3.6.1.2.1.31.1.1.1.6.9", Value::Counter64(0));
    agent.set("1.3.6.1.2.1.31.1.1.1.10.9", Value::Counter64(0));
    agent.set("1.0.8802.1.1.2.1.3.7.1.2.4", Value::Integer(5));
    agent.set("1.0.8802.1.1.2.1.3.7.1.3.4", string(port));
    agent.set("1.0.8802.1.1.2.1.4.1.1.4.0.4.1", Value::Integer(4));
    agent.set("1.0.8802.1.1.2.1.4.1.1.6.0.4.1", Value::Integer(5));
    agent.set("1.0.8802.1.1.2.1.4.1.1.7.0.4.1", string(neighbour.1));
    agent.set("1.0.8802.1.1.2.1.4.1.1.9.0.4.1", string(neighbour.0));
    agent
}

#[test]
fn neighbours_make_links_that_outlive_their_own_silence() {
    let mut network = watching(vec![
        ("a", switch("SW-A.qnam.example", "Gi0/1", ("sw-b", "Gi0/2"))),
        ("b", switch("sw-b", "Gi0/2", ("sw-a", "Gi0/1"))),
    ]);
    let links = network.watch.as_ref().unwrap().links();
    assert_eq!(links.len(), 1, "two ends, one line: {links:#?}");
    assert_eq!(links[0].source, LinkSource::Lldp);
    let far = links[0].b.clone().unwrap();
    assert_eq!((far.device, &*far.interface), (Some("b".into()), "Gi0/2"));
    // The line breaks; both ends go down and forget each other.
    for (id, port) in [("a", "Gi0/1"), ("b", "Gi0/2")] {
        let agent = network.agents.get_mut(&DeviceId::from(id)).unwrap();
        agent
            .view
            .objects
            .retain(|name, _| !name.starts_with(&oid("1.0.8802")));
        agent.set("1.3.6.1.2.1.2.2.1.8.9", Value::Integer(2));
        assert!(!port.is_empty());
    }
    network.run_for(Duration::from_secs(120), well);
    let told: Vec<Event> = events(&mut network);
    let kinds: Vec<(EventKind, bool)> = told
        .iter()
        .map(|e| (e.kind, e.held_back_by.is_some()))
        .collect();
    assert_eq!(
        kinds,
        [(EventKind::LinkDown, false), (EventKind::LinkDown, true)],
        "one line, one voice"
    );
    assert_eq!(
        network.watch.as_ref().unwrap().links()[0].health,
        Health::Critical
    );
    assert_eq!(network.watch.as_ref().unwrap().incidents().len(), 1);
}

#[test]
fn a_line_is_full_by_its_declared_capacity_after_three_polls() {
    let mut network = watching(vec![("a", switch("a", "Gi0/1", ("elsewhere", "x")))]);
    let uplink = InterfaceRef::new("a", "Gi0/1");
    let province = SiteSpec {
        id: "tinh".into(),
        name: "Tỉnh".into(),
        parent: None,
        uplink: None,
        capacity_bps: None,
    };
    let site = SiteSpec {
        id: "xa".into(),
        name: "Xã".into(),
        parent: Some("tinh".into()),
        uplink: Some(uplink.clone()),
        capacity_bps: Some(10_000_000),
    };
    network.tell(Input::Sites(vec![province, site]));
    let begin = network.now;
    let mut full_after = None;
    for second in 1..=300_u64 {
        // 9.6 Mbit/s.
        let octets = Value::Counter64(second * 1_200_000);
        set(&mut network, "a", "1.3.6.1.2.1.31.1.1.1.6.9", octets);
        network.run(begin + Duration::from_secs(second), well);
        if full_after.is_none() && !network.events.is_empty() {
            full_after = Some(second);
        }
    }
    let event = only(&mut network);
    assert_eq!(
        (event.kind, event.interface.as_deref()),
        (EventKind::LinkFull, Some("Gi0/1"))
    );
    assert_eq!(event.sites, ["xa".into()]);
    assert!((80..=150).contains(&full_after.unwrap()), "{full_after:?}");
    let link = network.watch.as_ref().unwrap().links()[0].clone();
    assert_eq!(
        (link.capacity_bps, link.health),
        (10_000_000, Health::Degraded)
    );
    assert!(
        (94.0..98.0).contains(&link.load_percent.unwrap()),
        "{:?}",
        link.load_percent
    );
    network.run_for(HOUR, well);
    assert_eq!(only(&mut network).kind, EventKind::LinkOk);
}

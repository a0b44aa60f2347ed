//! One graph from many sources: who is followed, who disagrees, and what that means for suppression.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use nhipcau_inventory::poller::PollerConfig;
use nhipcau_inventory::watch::{
    Cause, ConflictKind, DeclaredLink, EventKind, Input, LinkSource, LinkState, SiteSpec, Watch,
    WatchConfig,
};
use nhipcau_inventory::{DeviceSpec, Health, InterfaceRef, SiteId, Value};

use crate::agent::{Agent, oid, string};
use crate::network::{Fate, Network, spec};

/// A switch or router without a family of its own: what nothing fits is read by every standard MIB.
fn device(name: &str, number: u8, ports: &[&str]) -> Agent {
    let mut agent = Agent::default();
    agent.set("1.3.6.1.2.1.1.1.0", string("a box"));
    agent.set("1.3.6.1.2.1.1.2.0", Value::Oid(oid("1.3.6.1.4.1.99999.1")));
    agent.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(100_000));
    agent.set("1.3.6.1.2.1.1.5.0", string(name));
    for (n, port) in ports.iter().enumerate() {
        let n = n + 1;
        let kind = if port.starts_with("Po") { 161 } else { 6 };
        agent.set(&format!("1.3.6.1.2.1.2.2.1.2.{n}"), string(port));
        agent.set(&format!("1.3.6.1.2.1.2.2.1.3.{n}"), Value::Integer(kind));
        agent.set(
            &format!("1.3.6.1.2.1.2.2.1.6.{n}"),
            Value::OctetString(mac(number, n as u8).to_vec().into()),
        );
        agent.set(&format!("1.3.6.1.2.1.2.2.1.7.{n}"), Value::Integer(1));
        agent.set(&format!("1.3.6.1.2.1.2.2.1.8.{n}"), Value::Integer(1));
        agent.set(&format!("1.3.6.1.2.1.31.1.1.1.1.{n}"), string(port));
        agent.set(&format!("1.3.6.1.2.1.31.1.1.1.6.{n}"), Value::Counter64(1));
        agent.set(&format!("1.3.6.1.2.1.31.1.1.1.10.{n}"), Value::Counter64(1));
    }
    agent
}

fn mac(number: u8, port: u8) -> [u8; 6] {
    [0, 0x11, 0x22, 0x33, number, port]
}

fn hears(agent: &mut Agent, port: u32, name: &str, remote_port: &str) {
    let row = |column: u32| format!("1.0.8802.1.1.2.1.4.1.1.{column}.0.{port}.1");
    agent.set(&row(4), Value::Integer(7));
    agent.set(&row(5), string(name));
    agent.set(&row(6), Value::Integer(5));
    agent.set(&row(7), string(remote_port));
    agent.set(&row(9), string(name));
}

fn learns(agent: &mut Agent, port: i32, station: [u8; 6]) {
    let index: Vec<String> = station.iter().map(ToString::to_string).collect();
    agent.set(
        &format!("1.3.6.1.2.1.17.4.3.1.2.{}", index.join(".")),
        Value::Integer(port),
    );
}

fn aggregate(agent: &mut Agent, aggregate: i32, members: &[u32]) {
    for member in members {
        agent.set(
            &format!("1.2.840.10006.300.43.1.2.1.1.12.{member}"),
            Value::Integer(aggregate),
        );
    }
}

fn site(id: &str, parent: Option<&str>, uplink: Option<(&str, &str)>) -> SiteSpec {
    SiteSpec {
        id: id.into(),
        name: id.to_owned(),
        parent: parent.map(SiteId::from),
        uplink: uplink.map(|(d, i)| InterfaceRef::new(d, i)),
        capacity_bps: None,
    }
}

fn link(a: (&str, &str), b: (&str, &str)) -> DeclaredLink {
    DeclaredLink {
        a: InterfaceRef::new(a.0, a.1),
        b: InterfaceRef::new(b.0, b.1),
        capacity_bps: None,
    }
}

struct Scene {
    network: Network,
    silent: RefCell<BTreeSet<&'static str>>,
}

impl Scene {
    fn new(
        members: Vec<(&'static str, &'static str, Agent)>,
        sites: Vec<SiteSpec>,
        links: Vec<DeclaredLink>,
    ) -> Self {
        let config = PollerConfig {
            request_timeout: Duration::from_secs(1),
            retries: 1,
            slow_every: 2,
            ..PollerConfig::default()
        };
        let mut network = Network::new(config, 5);
        let mut watch = Watch::new(WatchConfig::default());
        watch.handle_input(Input::Sites(sites), network.now);
        watch.handle_input(Input::Links(links), network.now);
        watch.handle_input(Input::Root(Some("core".into())), network.now);
        for (id, at, agent) in members {
            let spec = DeviceSpec {
                site: Some(at.into()),
                ..spec(id, 30)
            };
            watch.handle_input(Input::Device(spec.clone()), network.now);
            network.watch(spec, agent);
        }
        network.watch = Some(watch);
        let mut scene = Self {
            network,
            silent: RefCell::default(),
        };
        scene.run(200);
        scene
    }

    fn run(&mut self, seconds: u64) {
        let silent = &self.silent;
        self.network
            .run_for(Duration::from_secs(seconds), |request, _| {
                if silent.borrow().contains(request.device.as_str()) {
                    Fate::Lost
                } else {
                    Fate::Answer(Duration::from_millis(10))
                }
            });
    }

    fn port(&mut self, device: &str, port: u32, up: bool) {
        let agent = self.network.agents.get_mut(device).unwrap();
        agent.set(
            &format!("1.3.6.1.2.1.2.2.1.8.{port}"),
            Value::Integer(if up { 1 } else { 2 }),
        );
    }

    fn watch(&self) -> &Watch {
        self.network.watch.as_ref().unwrap()
    }

    fn links(&self) -> Vec<LinkState> {
        self.watch().links()
    }

    /// `a > b` of each link with its sources.
    fn shape(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .links()
            .iter()
            .map(|l| {
                let b = l.b.as_ref().map_or("?".to_owned(), |b| {
                    let name = b
                        .device
                        .as_ref()
                        .map_or(format!("({})", b.name), |d| d.to_string());
                    format!("{name}/{}", b.interface)
                });
                let sources: Vec<&str> = l.sources.iter().map(|s| s.as_str()).collect();
                format!("{} > {b} {}", l.a, sources.join("+"))
            })
            .collect();
        all.sort();
        all
    }

    fn told(&mut self) -> Vec<(EventKind, String, Vec<SiteId>)> {
        std::mem::take(&mut self.network.events)
            .into_iter()
            .filter(|e| e.held_back_by.is_none())
            .map(|e| {
                let device = e
                    .device
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                let place = e
                    .interface
                    .map_or(device.clone(), |i| format!("{device}/{i}"));
                (e.kind, place, e.sites)
            })
            .collect()
    }
}

fn two_sites() -> Vec<SiteSpec> {
    vec![
        site("tinh", None, None),
        site("xa", Some("tinh"), Some(("edge", "Gi0"))),
    ]
}

#[test]
fn a_declared_link_is_followed_and_what_a_neighbour_says_otherwise_is_shown() {
    let mut core = device("core", 1, &["Te1", "Te2"]);
    hears(&mut core, 1, "other", "Gi0");
    let mut other = device("other", 3, &["Gi0", "Gi1"]);
    hears(&mut other, 1, "core", "Te1");
    let scene = Scene::new(
        vec![
            ("core", "tinh", core),
            ("edge", "xa", device("edge", 2, &["Gi0"])),
            ("other", "tinh", other),
        ],
        two_sites(),
        vec![link(("core", "Te1"), ("edge", "Gi0"))],
    );
    assert_eq!(scene.shape(), ["core/Te1 > edge/Gi0 declared+uplink"]);
    let conflicts = scene.watch().conflicts();
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    let conflict = &conflicts[0];
    assert_eq!(
        (conflict.kind, conflict.at.to_string().as_str()),
        (ConflictKind::OtherEnd, "core/Te1")
    );
    let far: Vec<_> = conflict
        .opinions
        .iter()
        .map(|o| (o.source, o.far.as_ref().unwrap().device.clone().unwrap()))
        .collect();
    assert_eq!(
        far,
        [
            (LinkSource::Declared, "edge".into()),
            (LinkSource::Lldp, "other".into())
        ]
    );
    // A conflict on the path does not break the path.
    assert_eq!(scene.watch().links_of(&"xa".into()), ["core/Te1"]);
}

#[test]
fn both_ends_of_a_cable_and_all_sources_make_one_link() {
    let mut core = device("core", 1, &["Te1", "Te2"]);
    hears(&mut core, 1, "EDGE.example.vn", "Gi0");
    learns(&mut core, 1, mac(2, 1));
    let mut edge = device("edge", 2, &["Gi0", "Gi1"]);
    hears(&mut edge, 1, "core", "Te1");
    learns(&mut edge, 1, mac(1, 1));
    let scene = Scene::new(
        vec![("core", "tinh", core), ("edge", "xa", edge)],
        two_sites(),
        vec![],
    );
    assert_eq!(scene.shape(), ["edge/Gi0 > core/Te1 uplink+lldp+bridge"]);
    assert!(scene.watch().conflicts().is_empty());
}

#[test]
fn two_neighbours_on_one_port_and_one_who_does_not_hear_are_shown() {
    let mut core = device("core", 1, &["Te1", "Te2"]);
    hears(&mut core, 1, "edge", "Gi0");
    let row = |column: u32| format!("1.0.8802.1.1.2.1.4.1.1.{column}.0.1.2");
    let agent = &mut core;
    agent.set(&row(7), string("eth9"));
    agent.set(&row(9), string("stranger"));
    let mut edge = device("edge", 2, &["Gi0", "Gi1"]);
    // It hears somebody, but not the core.
    hears(&mut edge, 2, "camera", "eth0");
    let scene = Scene::new(
        vec![("core", "tinh", core), ("edge", "xa", edge)],
        two_sites(),
        vec![],
    );
    let kinds: Vec<_> = scene
        .watch()
        .conflicts()
        .iter()
        .map(|c| (c.kind, c.at.to_string()))
        .collect();
    assert_eq!(
        kinds,
        [
            (ConflictKind::SharedPort, "core/Te1".to_owned()),
            (ConflictKind::OneSided, "edge/Gi0".to_owned())
        ]
    );
    // Whom nobody watches is a link all the same.
    assert!(
        scene
            .shape()
            .contains(&"edge/Gi1 > (camera)/eth0 lldp".to_owned()),
        "{:?}",
        scene.shape()
    );
}

#[test]
fn an_aggregate_is_one_link_that_a_line_degrades_and_all_lines_break() {
    let ports = ["Gi1", "Gi2", "Po1"];
    let mut core = device("core", 1, &ports);
    let mut edge = device("edge", 2, &ports);
    for (agent, other) in [(&mut core, "edge"), (&mut edge, "core")] {
        aggregate(agent, 3, &[1, 2]);
        hears(agent, 1, other, "Gi1");
        hears(agent, 2, other, "Gi2");
    }
    let mut scene = Scene::new(
        vec![("core", "tinh", core), ("edge", "xa", edge)],
        vec![
            site("tinh", None, None),
            site("xa", Some("tinh"), Some(("edge", "Po1"))),
        ],
        vec![],
    );
    assert_eq!(scene.shape(), ["edge/Po1 > core/Po1 uplink+lldp"]);
    assert_eq!(scene.links()[0].lines.len(), 2);
    assert_eq!(scene.links()[0].health, Health::Ok);
    scene.told();

    scene.port("core", 1, false);
    scene.port("edge", 1, false);
    scene.run(70);
    let state = &scene.links()[0];
    assert_eq!(
        (state.health, state.reasons[0].code),
        (Health::Degraded, "lag_line_down")
    );
    let site = scene.watch().site(&"xa".into()).unwrap();
    assert_eq!(site.health, Health::Degraded, "less, not cut off");
    let told = scene.told();
    assert_eq!(told.len(), 1, "one voice: {told:?}");
    assert_eq!((told[0].0, told[0].2.len()), (EventKind::LinkDown, 0));

    // The core's aggregate follows its lines; the edge is cut off and silent.
    scene.port("core", 2, false);
    scene.port("core", 3, false);
    scene.silent.borrow_mut().insert("edge");
    scene.run(150);
    assert_eq!(scene.links()[0].health, Health::Critical);
    let site = scene.watch().site(&"xa".into()).unwrap();
    assert_eq!(site.health, Health::Critical);
    let edge = scene.watch().device(&"edge".into()).unwrap();
    assert_eq!(edge.health, Health::Unknown);
    assert!(matches!(&edge.behind, Some(Cause::Interface(end)) if end.device.as_str() == "core"));
    assert!(
        !scene
            .told()
            .iter()
            .any(|(kind, ..)| *kind == EventKind::DeviceDown)
    );
}

#[test]
fn one_of_two_lines_down_leaves_the_site_up_and_both_cut_it_off() {
    let mut scene = Scene::new(
        vec![
            ("core", "tinh", device("core", 1, &["Te1", "Te2"])),
            ("core2", "tinh", device("core2", 4, &["Te1", "Te2"])),
            ("edge", "xa", device("edge", 2, &["Gi0", "Gi1"])),
            ("camera", "xa", device("camera", 3, &["eth0"])),
        ],
        two_sites(),
        vec![
            link(("core", "Te1"), ("edge", "Gi0")),
            link(("core", "Te2"), ("core2", "Te2")),
            link(("core2", "Te1"), ("edge", "Gi1")),
        ],
    );
    assert_eq!(scene.watch().links_of(&"xa".into()), ["core/Te1"]);
    scene.told();
    scene.port("core", 1, false);
    scene.run(100);
    let told = scene.told();
    assert_eq!(told, [(EventKind::LinkDown, "core/Te1".to_owned(), vec![])]);
    let site = scene.watch().site(&"xa".into()).unwrap();
    assert_ne!(site.health, Health::Critical);
    assert_eq!(
        scene.watch().links_of(&"xa".into()),
        ["core2/Te1", "core/Te2"],
        "the way that is taken now"
    );

    scene.port("core2", 1, false);
    for device in ["edge", "camera"] {
        scene.silent.borrow_mut().insert(device);
    }
    scene.run(200);
    let told = scene.told();
    assert_eq!(
        told,
        [(
            EventKind::LinkDown,
            "core2/Te1".to_owned(),
            vec![SiteId::from("xa")]
        )]
    );
    assert_eq!(
        scene.watch().site(&"xa".into()).unwrap().health,
        Health::Critical
    );
    for device in ["edge", "camera"] {
        let state = scene.watch().device(&device.into()).unwrap();
        assert!(state.behind.is_some(), "{device} is held back");
    }
}

#[test]
fn a_ring_goes_round_the_other_way() {
    let mut scene = Scene::new(
        vec![
            ("core", "tinh", device("core", 1, &["p1", "p2"])),
            ("a", "tinh", device("a", 2, &["p1", "p2"])),
            ("b", "tinh", device("b", 3, &["p1", "p2"])),
            ("edge", "xa", device("edge", 4, &["Gi0", "Gi1"])),
        ],
        two_sites(),
        vec![
            link(("core", "p1"), ("a", "p1")),
            link(("a", "p2"), ("edge", "Gi0")),
            link(("edge", "Gi1"), ("b", "p2")),
            link(("b", "p1"), ("core", "p2")),
        ],
    );
    scene.told();
    scene.port("core", 1, false);
    scene.run(120);
    let told = scene.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].2.is_empty());
    assert_eq!(scene.watch().links_of(&"xa".into()), ["edge/Gi1", "b/p1"]);
}

#[test]
fn a_fault_on_a_cable_that_only_neighbours_name_holds_back_what_is_behind() {
    let mut core = device("core", 1, &["Te1"]);
    hears(&mut core, 1, "mid", "up");
    let mut mid = device("mid", 2, &["up", "down"]);
    hears(&mut mid, 1, "core", "Te1");
    hears(&mut mid, 2, "edge", "Gi0");
    let mut scene = Scene::new(
        vec![
            ("core", "tinh", core),
            ("mid", "tinh", mid),
            ("edge", "xa", device("edge", 3, &["Gi0"])),
        ],
        two_sites(),
        vec![],
    );
    scene.told();
    scene.port("core", 1, false);
    for device in ["mid", "edge"] {
        scene.silent.borrow_mut().insert(device);
    }
    scene.run(200);
    assert_eq!(
        scene.told(),
        [(
            EventKind::LinkDown,
            "core/Te1".to_owned(),
            vec![SiteId::from("xa")]
        )]
    );
    let incidents = scene.watch().incidents();
    assert_eq!((incidents.len(), incidents[0].behind.len()), (1, 2));
}

#[test]
fn bridge_tables_place_who_says_nothing_and_routes_what_nothing_else_connects() {
    let mut core = device("core", 1, &["p1", "p2", "p3"]);
    // Switch and printer behind p1, a host alone on p2.
    learns(&mut core, 1, mac(2, 1));
    learns(&mut core, 1, mac(3, 1));
    learns(&mut core, 2, mac(4, 1));
    // A router far away, reached by its address on p3.
    core.set("1.3.6.1.2.1.4.20.1.2.10.0.0.1", Value::Integer(3));
    core.set(
        "1.3.6.1.2.1.4.24.4.1.5.10.9.0.0.255.255.0.0.0.10.0.0.9",
        Value::Integer(3),
    );
    let mut sw = device("sw", 2, &["up", "e1"]);
    learns(&mut sw, 1, mac(1, 1));
    learns(&mut sw, 1, mac(4, 1));
    learns(&mut sw, 2, mac(3, 1));
    let mut far = device("far", 5, &["wan"]);
    far.set("1.3.6.1.2.1.4.20.1.2.10.0.0.9", Value::Integer(1));
    let mut scene = Scene::new(
        vec![
            ("core", "tinh", core),
            ("sw", "tinh", sw),
            ("printer", "tinh", device("printer", 3, &["eth0"])),
            ("host", "tinh", device("host", 4, &["eth0"])),
            ("far", "tinh", far),
        ],
        vec![site("tinh", None, None)],
        vec![],
    );
    assert_eq!(
        scene.shape(),
        [
            "core/p1 > sw/up bridge",
            "core/p2 > host/eth0 bridge",
            "core/p3 > far/wan route",
            "sw/e1 > printer/eth0 bridge"
        ]
    );
    assert!(scene.watch().conflicts().is_empty());

    // The stations go with the line; the cable stays in the graph, and explains the silence.
    scene.told();
    scene.port("core", 1, false);
    let agent = scene.network.agents.get_mut("core").unwrap();
    agent
        .view
        .objects
        .retain(|name, _| !name.to_string().starts_with("1.3.6.1.2.1.17.4.3.1.2"));
    for device in ["sw", "printer"] {
        scene.silent.borrow_mut().insert(device);
    }
    scene.run(300);
    assert!(scene.shape().contains(&"core/p1 > sw/up bridge".to_owned()));
    assert_eq!(
        scene.told(),
        [(EventKind::LinkDown, "core/p1".to_owned(), vec![])]
    );
}

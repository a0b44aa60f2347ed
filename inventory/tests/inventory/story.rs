//! The one story: a line breaks, one cause is told, what stands behind it is held back, and all of it comes back by itself.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use nhipcau_inventory::poller::{PollerConfig, Request};
use nhipcau_inventory::trap::Trap;
use nhipcau_inventory::watch::{
    Cause, DeclaredLink, Event, EventKind, Input, SiteSpec, Watch, WatchConfig,
};
use nhipcau_inventory::{
    DeviceId, DeviceSpec, Health, InterfaceRef, SiteId, SnmpVersion, Value, Varbind,
};

use crate::agent::{Agent, oid, string};
use crate::network::{Fate, Network, spec};

/// An agent with these interfaces, all up.
fn router(name: &str, interfaces: &[&str]) -> Agent {
    let mut agent = Agent::default();
    agent.set("1.3.6.1.2.1.1.1.0", string("Linux router"));
    agent.set("1.3.6.1.2.1.1.2.0", Value::Oid(oid("1.3.6.1.4.1.99999.1")));
    agent.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(100_000));
    agent.set("1.3.6.1.2.1.1.5.0", string(name));
    for (n, interface) in interfaces.iter().enumerate() {
        let n = n + 1;
        agent.set(&format!("1.3.6.1.2.1.2.2.1.2.{n}"), string(interface));
        agent.set(&format!("1.3.6.1.2.1.2.2.1.7.{n}"), Value::Integer(1));
        agent.set(&format!("1.3.6.1.2.1.2.2.1.8.{n}"), Value::Integer(1));
        agent.set(&format!("1.3.6.1.2.1.31.1.1.1.1.{n}"), string(interface));
        agent.set(&format!("1.3.6.1.2.1.31.1.1.1.6.{n}"), Value::Counter64(1));
        agent.set(&format!("1.3.6.1.2.1.31.1.1.1.10.{n}"), Value::Counter64(1));
        agent.set(
            &format!("1.3.6.1.2.1.31.1.1.1.15.{n}"),
            Value::Gauge32(1_000),
        );
    }
    agent
}

fn link(a: (&str, &str), b: (&str, &str)) -> DeclaredLink {
    DeclaredLink {
        a: InterfaceRef::new(a.0, a.1),
        b: InterfaceRef::new(b.0, b.1),
        capacity_bps: Some(20_000_000),
    }
}

fn site(id: &str, parent: Option<&str>, uplink: Option<(&str, &str)>) -> SiteSpec {
    SiteSpec {
        id: id.into(),
        name: format!("Điểm cầu {id}"),
        parent: parent.map(SiteId::from),
        uplink: uplink.map(|(d, i)| InterfaceRef::new(d, i)),
        capacity_bps: Some(20_000_000),
    }
}

/// core — district — two communes; a camera host in the first commune that no link leads to.
pub(crate) struct Province {
    pub(crate) network: Network,
    /// Broken lines, by the pair of devices.
    pub(crate) broken: RefCell<BTreeSet<(&'static str, &'static str)>>,
    pub(crate) dead: RefCell<BTreeSet<&'static str>>,
}

const WAYS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("district", &["core"]),
    ("commune-a", &["core", "district"]),
    ("commune-b", &["core", "district"]),
    ("camera", &["core", "district", "commune-a"]),
];

impl Province {
    pub(crate) fn new() -> Self {
        Self::with_patience(Duration::from_secs(1), 1)
    }

    fn with_patience(request_timeout: Duration, retries: u32) -> Self {
        let config = PollerConfig {
            request_timeout,
            retries,
            ..PollerConfig::default()
        };
        let mut network = Network::new(config, 11);
        let mut watch = Watch::new(WatchConfig::default());
        let now = network.now;
        watch.handle_input(
            Input::Sites(vec![
                site("tinh", None, None),
                site("huyen", Some("tinh"), Some(("district", "Gi0/0"))),
                site("xa-a", Some("huyen"), Some(("district", "Gi0/1"))),
                site("xa-b", Some("huyen"), Some(("commune-b", "Gi0/0"))),
            ]),
            now,
        );
        watch.handle_input(
            Input::Links(vec![
                link(("core", "Te1"), ("district", "Gi0/0")),
                link(("district", "Gi0/1"), ("commune-a", "Gi0/0")),
                link(("district", "Gi0/2"), ("commune-b", "Gi0/0")),
            ]),
            now,
        );
        let members = [
            ("core", "tinh", router("core", &["Te1"])),
            (
                "district",
                "huyen",
                router("district", &["Gi0/0", "Gi0/1", "Gi0/2"]),
            ),
            (
                "commune-a",
                "xa-a",
                router("commune-a", &["Gi0/0", "Gi0/1"]),
            ),
            ("commune-b", "xa-b", router("commune-b", &["Gi0/0"])),
            ("camera", "xa-a", router("camera", &["eth0"])),
        ];
        for (id, site, agent) in members {
            let spec = DeviceSpec {
                site: Some(site.into()),
                ..spec(id, 30)
            };
            watch.handle_input(Input::Device(spec.clone()), now);
            network.watch(spec, agent);
        }
        network.watch = Some(watch);
        Self {
            network,
            broken: RefCell::default(),
            dead: RefCell::default(),
        }
    }

    pub(crate) fn run(&mut self, seconds: u64) {
        let (broken, dead) = (&self.broken, &self.dead);
        self.network
            .run_for(Duration::from_secs(seconds), |request: &Request, _| {
                let device = request.device.as_str();
                let way = WAYS
                    .iter()
                    .find(|(d, _)| *d == device)
                    .map_or(&[][..], |(_, way)| way);
                let hops: Vec<&str> = way.iter().copied().chain([device]).collect();
                let cut = hops.windows(2).any(|pair| {
                    broken
                        .borrow()
                        .iter()
                        .any(|b| [b.0, b.1] == [pair[0], pair[1]])
                });
                if cut || hops.iter().any(|hop| dead.borrow().contains(hop)) {
                    Fate::Lost
                } else {
                    Fate::Answer(Duration::from_millis(20))
                }
            });
    }

    pub(crate) fn oper(&mut self, device: &str, index: u32, status: i32) {
        let agent = self
            .network
            .agents
            .get_mut(&DeviceId::from(device))
            .unwrap();
        agent.set(
            &format!("1.3.6.1.2.1.2.2.1.8.{index}"),
            Value::Integer(status),
        );
    }

    fn trap(&mut self, device: &str, up: bool, index: i32) {
        let trap = Trap {
            device: Some(device.into()),
            source: IpAddr::from([127, 1, 0, 1]),
            version: SnmpVersion::V2c,
            principal: "read".into(),
            trap_oid: oid(if up {
                "1.3.6.1.6.3.1.1.5.4"
            } else {
                "1.3.6.1.6.3.1.1.5.3"
            }),
            uptime_ticks: 5,
            varbinds: vec![Varbind {
                oid: oid("1.3.6.1.2.1.2.2.1.1.1"),
                value: Value::Integer(index),
            }],
            inform: false,
        };
        self.network.tell(Input::Trap(trap));
    }

    pub(crate) fn watch(&self) -> &Watch {
        self.network.watch.as_ref().unwrap()
    }

    /// Events since the last call, those that people hear first.
    fn events(&mut self) -> (Vec<Event>, Vec<Event>) {
        std::mem::take(&mut self.network.events)
            .into_iter()
            .filter(|e| e.kind != EventKind::Trap)
            .partition(|e| e.held_back_by.is_none())
    }

    fn health(&self, device: &str) -> Health {
        self.watch().device(&device.into()).unwrap().health
    }
}

fn kinds(events: &[Event]) -> Vec<(EventKind, &str)> {
    events
        .iter()
        .map(|e| (e.kind, e.device.as_ref().map_or("", |d| d.as_str())))
        .collect()
}

#[test]
fn a_broken_uplink_is_told_once_and_holds_back_what_is_behind_it() {
    let mut province = Province::new();
    province.run(70);
    assert_eq!(kinds(&province.events().0), []);
    for device in province.watch().devices() {
        assert_eq!(
            device.health,
            Health::Ok,
            "{}: {:?}",
            device.spec.id,
            device.reasons
        );
    }
    let path: Vec<String> = province
        .watch()
        .path(&"xa-b".into())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(path, ["commune-b/Gi0/0", "district/Gi0/0"]);
    let behind = province
        .watch()
        .sites_behind(&InterfaceRef::new("core", "Te1"));
    assert_eq!(
        behind,
        [SiteId::from("huyen"), "xa-a".into(), "xa-b".into()]
    );

    // The line to commune A breaks; the district's router sends a trap.
    province
        .broken
        .borrow_mut()
        .insert(("district", "commune-a"));
    province.oper("district", 2, 2);
    province.trap("district", false, 2);
    province.run(1);
    let (told, _) = province.events();
    assert_eq!(
        kinds(&told),
        [(EventKind::LinkDown, "district")],
        "within a second of the trap"
    );
    assert_eq!(told[0].interface.as_deref(), Some("Gi0/1"));
    assert_eq!(told[0].sites, [SiteId::from("xa-a")]);
    assert_eq!(told[0].reason.text("interface"), Some("Gi0/1"));

    province.run(120);
    let (told, held) = province.events();
    assert_eq!(kinds(&told), [], "nothing more is told");
    let mut quiet = kinds(&held);
    quiet.sort();
    assert_eq!(
        quiet,
        [
            (EventKind::DeviceDown, "camera"),
            (EventKind::DeviceDown, "commune-a")
        ]
    );
    let port = Cause::Interface(InterfaceRef::new("district", "Gi0/1"));
    for event in &held {
        assert_eq!(event.held_back_by.as_ref(), Some(&port));
        assert_eq!(
            (event.reason.code, event.health),
            ("behind", Health::Unknown)
        );
    }
    assert_eq!(
        (province.health("camera"), province.health("commune-b")),
        (Health::Unknown, Health::Ok)
    );
    let incidents = province.watch().incidents();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].behind.len(), 2);
    let site = province.watch().site(&"xa-a".into()).unwrap();
    assert_eq!(
        (site.health, site.reasons[0].code),
        (Health::Critical, "link_down")
    );
    assert_eq!(
        province.watch().site(&"xa-b".into()).unwrap().health,
        Health::Ok
    );

    // It heals.
    province.broken.borrow_mut().clear();
    province.oper("district", 2, 1);
    province.trap("district", true, 2);
    province.run(5);
    let (told, held) = province.events();
    assert_eq!(kinds(&told), [(EventKind::LinkUp, "district")]);
    let mut quiet = kinds(&held);
    quiet.sort();
    assert_eq!(
        quiet,
        [
            (EventKind::DeviceUp, "camera"),
            (EventKind::DeviceUp, "commune-a")
        ]
    );
    assert_eq!(province.watch().incidents().len(), 0);
    assert_eq!(province.health("camera"), Health::Ok);
}

/// The poll that runs while the line heals began behind it, and its retries may fail yet: that is no second fault.
#[test]
fn a_poll_that_began_behind_the_cause_is_no_fault_of_its_own() {
    for outage in 31..=62 {
        let mut province = Province::with_patience(Duration::from_secs(4), 3);
        province.run(70);
        province
            .broken
            .borrow_mut()
            .insert(("district", "commune-a"));
        province.oper("district", 2, 2);
        province.trap("district", false, 2);
        province.run(outage);
        province.events();
        province.broken.borrow_mut().clear();
        province.oper("district", 2, 1);
        province.trap("district", true, 2);
        province.run(60);
        let (told, _) = province.events();
        assert_eq!(
            kinds(&told),
            [(EventKind::LinkUp, "district")],
            "healed after {outage} s"
        );
        assert_eq!(province.health("camera"), Health::Ok);
    }
}

#[test]
fn a_child_that_times_out_before_its_parents_port_is_known_is_not_cried_about() {
    let mut province = Province::new();
    province.run(70);
    province.events();
    // No trap comes, and the core's port goes down: district and communes fall silent in any order.
    province.broken.borrow_mut().insert(("core", "district"));
    province.oper("core", 1, 2);
    province.run(180);
    let (told, held) = province.events();
    assert_eq!(kinds(&told), [(EventKind::LinkDown, "core")]);
    assert_eq!(
        told[0].sites,
        [SiteId::from("huyen"), "xa-a".into(), "xa-b".into()]
    );
    assert_eq!(
        held.iter()
            .filter(|e| e.kind == EventKind::DeviceDown)
            .count(),
        4
    );
    assert_eq!(province.watch().incidents()[0].behind.len(), 4);
}

#[test]
fn a_router_that_dies_is_the_cause_of_what_stands_behind_it() {
    let mut province = Province::new();
    province.run(70);
    province.events();
    province.dead.borrow_mut().insert("district");
    province.run(240);
    let (told, held) = province.events();
    assert_eq!(kinds(&told), [(EventKind::DeviceDown, "district")]);
    assert_eq!(told[0].reason.code, "timeout");
    let mut causes: BTreeMap<String, usize> = BTreeMap::new();
    for event in &held {
        *causes
            .entry(event.held_back_by.as_ref().unwrap().device().to_string())
            .or_default() += 1;
    }
    assert_eq!(causes, BTreeMap::from([("district".to_owned(), 3)]));
    assert_eq!(
        province.watch().site(&"xa-b".into()).unwrap().reasons[0].code,
        "site_device_down"
    );

    // Meanwhile the camera dies for good; only when the router is back can anybody know.
    province.dead.borrow_mut().clear();
    province.dead.borrow_mut().insert("camera");
    province.run(120);
    let (told, _) = province.events();
    assert_eq!(
        kinds(&told),
        [
            (EventKind::DeviceUp, "district"),
            (EventKind::DeviceDown, "camera")
        ]
    );
}

#[test]
fn a_flapping_line_is_told_down_and_stays_down_until_it_is_calm() {
    let mut province = Province::new();
    province.run(70);
    province.events();
    for n in 0..30 {
        province.oper("district", 3, if n % 2 == 0 { 2 } else { 1 });
        province.trap("district", n % 2 == 1, 3);
        province.run(3);
    }
    let (told, _) = province.events();
    assert!(told.len() <= 7, "{:?}", kinds(&told));
    assert_eq!(province.watch().incidents().len(), 1);
    province.run(400);
    let (told, _) = province.events();
    assert_eq!(kinds(&told), [(EventKind::LinkUp, "district")]);
    assert_eq!(province.watch().incidents().len(), 0);
}

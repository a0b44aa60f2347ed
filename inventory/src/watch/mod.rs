//! Health, topology and suppression: what a collection means for people.
//!
//! Bad news is told once, where it arose. A device behind a dead line is unknown, never down, and what it would say is held back
//! behind the line; measuring goes on.

mod api;
mod condition;
mod engine;
mod judge;
mod latch;
mod limits;
mod maintenance;
mod pages;
mod reach;
mod standing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

pub use api::{
    Cause, Conflict, ConflictKind, DeclaredLink, DeviceState, Event, EventKind, FarEnd, Incident,
    IncidentKey, Input, LineState, LinkSource, LinkState, Opinion, Output, SiteSpec, SiteState,
    TimeoutReason, WatchConfig,
};
pub use limits::LimitRule;
pub use maintenance::{Scope, Window};
pub use standing::{Subject, SubjectState};

use crate::topology::{Hints, Member, Topology};
use crate::trap::Trap;
use crate::{
    Collection, CollectionScope, DeviceId, DeviceSpec, Health, InterfaceRef, Neighbour, Reason,
    SiteId,
};
use condition::Conditions;

/// Reasons shown for one device.
const REASONS_MAX: usize = 20;

/// How a device answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Never polled.
    New,
    /// It answers, or missed fewer polls than allowed.
    Answers,
    /// It missed enough polls; a cause in front of it is looked for until then.
    Doubtful { until: Instant, extended: u8 },
    /// Told as down.
    Down,
    /// Held back behind a cause.
    Behind,
}

/// One device and what is latched about it.
#[derive(Debug)]
struct Watched {
    state: DeviceState,
    reach: Reach,
    missed: u32,
    /// When the first poll began that brought nothing.
    silent_since: Option<Instant>,
    /// Since when nothing stands in front of it any more: only a poll that began after this says anything.
    clear_since: Option<Instant>,
    /// What it hears, and what it heard on ports that are down now: neighbours fall silent with the line, but the cable stays.
    neighbours: Vec<Neighbour>,
    /// What its bridge, ARP and routing tables say about watched devices.
    hints: Hints,
    conditions: Conditions,
}

/// Health, topology and suppression for all devices.
#[derive(Debug)]
pub struct Watch {
    config: WatchConfig,
    devices: BTreeMap<DeviceId, Watched>,
    sites: BTreeMap<SiteId, SiteSpec>,
    declared: Vec<DeclaredLink>,
    root: Option<DeviceId>,
    topology: Topology,
    topology_stale: bool,
    reach_stale: bool,
    /// Link ends that carry nothing, by the last word of a device that answers.
    down: BTreeSet<InterfaceRef>,
    incidents: BTreeMap<IncidentKey, Incident>,
    incidents_refused: u64,
    /// Which devices answer with which SNMP engine.
    engines: BTreeMap<Arc<[u8]>, BTreeSet<DeviceId>>,
    windows: Vec<Window>,
    outputs: VecDeque<Output>,
}

impl Watch {
    /// A watch that knows nothing yet.
    #[must_use]
    pub fn new(config: WatchConfig) -> Self {
        Self {
            config,
            devices: BTreeMap::new(),
            sites: BTreeMap::new(),
            declared: Vec::new(),
            root: None,
            topology: Topology::default(),
            topology_stale: false,
            reach_stale: false,
            down: BTreeSet::new(),
            incidents: BTreeMap::new(),
            incidents_refused: 0,
            engines: BTreeMap::new(),
            windows: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        match input {
            Input::Collection(collection) => self.collected(collection, now),
            Input::Trap(trap) => self.trapped(&trap),
            Input::Sites(sites) => {
                self.sites = sites.into_iter().map(|s| (s.id.clone(), s)).collect();
                self.topology_stale = true;
            }
            Input::Links(links) => {
                self.declared = links;
                self.topology_stale = true;
            }
            Input::Root(root) => {
                self.root = root;
                self.topology_stale = true;
            }
            Input::Device(spec) => self.declare(spec),
            Input::RemoveDevice(device) => self.remove(&device),
            Input::Acknowledge { incident, by } => {
                if let Some(incident) = self.incidents.get_mut(&incident) {
                    incident.acknowledged = by;
                }
            }
            Input::Maintenance(windows) => {
                self.windows = windows;
                self.tell_what_is_left(now);
            }
            Input::Timeout => self.look_again(now),
        }
        self.settle(now);
    }

    /// The next wish; call until [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        let grace = self.devices.values().filter_map(|w| match w.reach {
            Reach::Doubtful { until, .. } => Some((until, TimeoutReason::Grace)),
            _ => None,
        });
        let calm = self
            .devices
            .values()
            .filter_map(|w| w.conditions.calm_at())
            .map(|at| (at, TimeoutReason::Calm));
        let window = self
            .next_window_end()
            .map(|at| (at, TimeoutReason::Maintenance));
        match grace.chain(calm).chain(window).min_by_key(|(at, _)| *at) {
            Some((at, reason)) => Output::Timeout(Some(at), reason),
            None => Output::Timeout(None, TimeoutReason::Idle),
        }
    }

    fn declare(&mut self, spec: DeviceSpec) {
        self.topology_stale = true;
        if let Some(watched) = self.devices.get_mut(&spec.id) {
            watched.state.spec = spec;
            return;
        }
        let state = DeviceState {
            spec,
            health: Health::Unknown,
            reasons: vec![Reason::new("not_polled_yet")],
            collection: None,
            behind: None,
            behind_since: None,
            interface_health: BTreeMap::new(),
            sensor_health: BTreeMap::new(),
            sensor_limits: BTreeMap::new(),
            storage_health: BTreeMap::new(),
        };
        let watched = Watched {
            reach: Reach::New,
            missed: 0,
            silent_since: None,
            clear_since: None,
            neighbours: Vec::new(),
            hints: Hints::default(),
            conditions: Conditions::default(),
            state,
        };
        self.devices.insert(watched.state.spec.id.clone(), watched);
    }

    fn remove(&mut self, device: &DeviceId) {
        self.devices.remove(device);
        self.forget_engine(device);
        self.down.retain(|end| end.device != *device);
        self.incidents
            .retain(|_, incident| incident.device.as_ref() != Some(device));
        for incident in self.incidents.values_mut() {
            incident.behind.retain(|(d, _)| d != device);
        }
        self.topology_stale = true;
    }

    fn collected(&mut self, collection: Arc<Collection>, now: Instant) {
        let Some(watched) = self.devices.get_mut(&collection.device) else {
            return;
        };
        let before = watched.state.collection.replace(collection.clone());
        if let Some(reason) = &collection.unreachable {
            let reason = reason.clone();
            self.missed(&collection.device, reason, now);
            return;
        }
        let heard = heard(&watched.neighbours, &collection);
        if before.is_none() || !same_neighbours(&watched.neighbours, &heard) {
            self.topology_stale = true;
        }
        watched.neighbours = heard;
        let same_tables = before
            .as_ref()
            .is_some_and(|before| Arc::ptr_eq(&before.adjacency, &collection.adjacency));
        if !same_tables {
            let hints = Hints::new(&watched.hints, &collection, &self.topology.known);
            let renamed = before.as_ref().is_some_and(|before| {
                let (old, new) = (&before.adjacency, &collection.adjacency);
                (&old.addresses, &old.chassis) != (&new.addresses, &new.chassis)
            });
            self.topology_stale |= renamed || hints != watched.hints;
        }
        // Links first: what hangs on this device is judged by them.
        self.refresh_topology();
        self.answered(&collection, before.as_deref(), now);
        self.note_engine(&collection);
        self.judge(&collection, now);
    }

    /// A notification is believed by no one: it only brings the next poll forward.
    fn trapped(&mut self, trap: &Trap) {
        if let Some(device) = &trap.device
            && self.devices.contains_key(device)
        {
            self.outputs.push_back(Output::Hasten(device.clone()));
        }
    }

    /// A bare event of a device.
    fn event(
        &self,
        kind: EventKind,
        device: &DeviceId,
        incident: IncidentKey,
        now: Instant,
    ) -> Event {
        Event {
            kind,
            device: Some(device.clone()),
            interface: None,
            site: self
                .devices
                .get(device)
                .and_then(|w| w.state.spec.site.clone()),
            health: Health::Ok,
            reason: Reason::new("recovered"),
            held_back_by: None,
            maintenance: None,
            ends_what_was_told: false,
            sites: Vec::new(),
            incident,
            at: now,
        }
    }

    /// Tells an event, and opens or closes its incident.
    fn tell(&mut self, mut event: Event, opens: bool) {
        if opens && event.held_back_by.is_none() {
            self.hold_back_in_window(&mut event);
            if self.incidents.len() < self.config.incidents_max
                || self.incidents.contains_key(&event.incident)
            {
                self.incidents
                    .entry(event.incident.clone())
                    .or_insert_with(|| Incident {
                        key: event.incident.clone(),
                        kind: event.kind,
                        held_back_until: event.maintenance,
                        opened_at: event.at,
                        health: event.health,
                        reason: event.reason.clone(),
                        device: event.device.clone(),
                        interface: event.interface.clone(),
                        sites: event.sites.clone(),
                        behind: Vec::new(),
                        held_back_by: None,
                        acknowledged: None,
                    });
            } else {
                self.incidents_refused += 1;
            }
        } else if !opens && let Some(incident) = self.incidents.remove(&event.incident) {
            // Whoever heard of the fault hears of its end; whoever did not, need not.
            event.maintenance = incident.held_back_until;
            event.ends_what_was_told = event.maintenance.is_none();
        }
        self.emit(event);
    }

    /// The name that people know a device by.
    fn name_of(&self, device: &DeviceId) -> String {
        self.devices
            .get(device)
            .map_or_else(|| device.to_string(), |w| w.state.spec.name.clone())
    }

    /// Looks again at what waits for time to pass.
    fn look_again(&mut self, now: Instant) {
        self.reach_stale = true;
        if self.next_window_end().is_some_and(|end| end <= now) {
            self.tell_what_is_left(now);
        }
        let calm: Vec<Arc<Collection>> = self
            .devices
            .values()
            .filter(|w| w.conditions.calm_at().is_some_and(|at| at <= now))
            .filter_map(|w| w.state.collection.clone())
            .filter(|c| c.unreachable.is_none())
            .collect();
        for collection in calm {
            // Nothing new was measured.
            let again = Collection {
                scope: CollectionScope::Hastened,
                ..(*collection).clone()
            };
            self.judge(&again, now);
        }
        for watched in self.devices.values_mut() {
            // What could not be judged now waits for the next collection.
            watched.conditions.forget_calm(now);
        }
    }

    fn refresh_topology(&mut self) {
        if !std::mem::take(&mut self.topology_stale) {
            return;
        }
        // What became known since the tables were read may be in them.
        for watched in self.devices.values_mut() {
            if let Some(collection) = &watched.state.collection {
                watched.hints = Hints::new(&watched.hints, collection, &self.topology.known);
            }
        }
        let members: Vec<Member<'_>> = self
            .devices
            .values()
            .map(|w| Member {
                id: &w.state.spec.id,
                name: &w.state.spec.name,
                site: w.state.spec.site.as_ref(),
                collection: w.state.collection.as_deref(),
                neighbours: &w.neighbours,
                hints: &w.hints,
            })
            .collect();
        self.topology = Topology::build(&members, &self.sites, &self.declared, self.root.as_ref());
        self.down.retain(|end| self.topology.is_link_end(end));
        self.reach_stale = true;
    }

    fn settle(&mut self, now: Instant) {
        self.refresh_topology();
        if std::mem::take(&mut self.reach_stale) {
            self.explain(now);
        }
        // What `explain` itself changed it has already seen.
        self.reach_stale = false;
    }
}

/// What a device hears now, and what it heard before on ports that are down.
fn heard(before: &[Neighbour], collection: &Collection) -> Vec<Neighbour> {
    let mut now = collection.neighbours.to_vec();
    for old in before {
        let silenced = collection
            .interface(&old.interface)
            .is_some_and(|i| i.oper.is_down());
        if silenced && !now.iter().any(|n| n.interface == old.interface) {
            now.push(old.clone());
        }
    }
    now
}

/// Whether two lists say the same, whenever they were heard.
fn same_neighbours(a: &[Neighbour], b: &[Neighbour]) -> bool {
    let same = |x: &Neighbour, y: &Neighbour| {
        x.interface == y.interface
            && x.protocol == y.protocol
            && x.system_name == y.system_name
            && x.chassis == y.chassis
            && x.remote_interface == y.remote_interface
    };
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same(x, y))
}

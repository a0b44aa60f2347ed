//! What is wrong with a device that answers: links, sensors, parts, storage, load; each damped, each told once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::latch::Latch;
use super::limits::{MEMORY, PROCESSOR, STORAGE, limits_of, share};
use super::{Cause, Event, EventKind, IncidentKey, REASONS_MAX, Watch, judge};
use crate::{
    AdminStatus, Collection, CollectionScope, DeviceId, DeviceKind, Health, Interface,
    InterfaceRef, Limits, OperStatus, Reason, Sensor, StorageKind,
};

/// What a shared SNMP engine is called among the parts of a device.
const ENGINE: &str = "SNMP engine";
/// Things of one device whose health is remembered; an agent that invents new names at every poll gets no further.
const LATCHES_MAX: usize = 20_000;

/// Kinds of things that are latched by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Link,
    Load,
    Sensor,
    Component,
    Storage,
    Share,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Load => "load",
            Self::Sensor => "sensor",
            Self::Component => "component",
            Self::Storage => "storage",
            Self::Share => "share",
        }
    }

    fn events(self) -> (EventKind, EventKind) {
        match self {
            Self::Link => (EventKind::LinkDown, EventKind::LinkUp),
            Self::Load => (EventKind::LinkFull, EventKind::LinkOk),
            Self::Sensor | Self::Share => (EventKind::SensorCritical, EventKind::SensorOk),
            Self::Component => (EventKind::ComponentFailed, EventKind::ComponentOk),
            Self::Storage => (EventKind::StorageFull, EventKind::StorageOk),
        }
    }
}

/// The latches of one device.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    latches: BTreeMap<(Kind, Arc<str>), Latch>,
    /// Collections in a row in which a link was over its limit (positive) or under it (negative).
    load_streaks: BTreeMap<Arc<str>, i32>,
}

impl Conditions {
    pub(super) fn calm_at(&self) -> Option<Instant> {
        self.latches.values().filter_map(Latch::calm_at).min()
    }

    /// Lets go of times that have passed.
    pub(super) fn forget_calm(&mut self, now: Instant) {
        for latch in self.latches.values_mut() {
            latch.forget_calm(now);
        }
    }
}

/// One judgement of one thing.
struct Finding {
    kind: Kind,
    name: Arc<str>,
    health: Health,
    reason: Option<Reason>,
}

impl Watch {
    /// Judges everything that a collection shows.
    pub(super) fn judge(&mut self, collection: &Collection, now: Instant) {
        let device = collection.device.clone();
        let mut findings = Vec::new();
        for interface in collection.interfaces.iter() {
            self.judge_interface(&device, interface, collection.scope, &mut findings);
        }
        let was = |watch: &Self, kind: Kind, name: &Arc<str>| {
            let latches = watch.devices.get(&device).map(|w| &w.conditions.latches);
            latches
                .and_then(|l| l.get(&(kind, name.clone())))
                .map_or(Health::Ok, Latch::announced)
        };
        let kind = collection.recognised.as_ref().map(|r| r.kind);
        let mut limits = BTreeMap::new();
        for sensor in collection.sensors.iter() {
            let before = was(self, Kind::Sensor, &sensor.name);
            let own = limits_of(
                &self.config.limits,
                &device,
                kind,
                &sensor.class,
                &sensor.name,
                &sensor.limits,
            );
            if own.is_any() {
                limits.insert(sensor.name.clone(), own);
            }
            let (health, mut reason) =
                judge::sensor(sensor, &own, before, self.config.hysteresis_ratio);
            if let Some(battery) = judge::on_battery(collection, sensor) {
                reason = Some(battery);
            }
            findings.push(Finding {
                kind: Kind::Sensor,
                name: sensor.name.clone(),
                health,
                reason,
            });
        }
        for component in collection.components.iter() {
            let (health, reason) = judge::component(component);
            findings.push(Finding {
                kind: Kind::Component,
                name: component.name.clone(),
                health,
                reason,
            });
        }
        if let Some(reason) = self.shared_engine(collection) {
            findings.push(Finding {
                kind: Kind::Component,
                name: ENGINE.into(),
                health: Health::Degraded,
                reason: Some(reason),
            });
        }
        for storage in collection.storage.iter() {
            let before = was(self, Kind::Storage, &storage.name);
            let own = limits_of(
                &self.config.limits,
                &device,
                kind,
                STORAGE,
                &storage.name,
                &Limits::default(),
            );
            let full_percent = own
                .high_critical
                .unwrap_or(self.config.storage_full_percent);
            let (health, reason) = judge::storage(storage, before, own.high_warning, full_percent);
            findings.push(Finding {
                kind: Kind::Storage,
                name: storage.name.clone(),
                health,
                reason,
            });
        }
        for share in self.shares(collection, kind) {
            let before = was(self, Kind::Share, &share.name);
            let (health, reason) =
                judge::sensor(&share, &share.limits, before, self.config.hysteresis_ratio);
            findings.push(Finding {
                kind: Kind::Share,
                name: share.name,
                health,
                reason,
            });
        }
        if let Some(watched) = self.devices.get_mut(&device) {
            watched.state.sensor_limits = limits;
        }
        self.conclude(collection, findings, now);
    }

    /// Processors (their mean: one busy core is no fault) and memory, where somebody limits them.
    fn shares(&self, collection: &Collection, kind: Option<DeviceKind>) -> Vec<Sensor> {
        let limited = |class: &str, name: &str| {
            let rules = &self.config.limits;
            let none = Limits::default();
            let found = limits_of(rules, &collection.device, kind, class, name, &none);
            found.is_any().then_some(found)
        };
        let mut shares = Vec::new();
        let processors = &collection.processors;
        if let Some(first) = processors.first()
            && let Some(limits) = limited(PROCESSOR, PROCESSOR)
        {
            let sum: f64 = processors.iter().map(|p| p.load_percent).sum();
            let mean = sum / processors.len() as f64;
            shares.push(share(
                PROCESSOR,
                PROCESSOR.into(),
                mean,
                limits,
                first.oid.clone(),
                first.read_at,
            ));
        }
        for memory in collection.storage.iter() {
            if memory.kind == StorageKind::Memory
                && let Some(limits) = limited(MEMORY, &memory.name)
            {
                let name = memory.name.clone();
                shares.push(share(
                    MEMORY,
                    name,
                    memory.percent(),
                    limits,
                    memory.oid.clone(),
                    memory.read_at,
                ));
            }
        }
        shares
    }

    fn judge_interface(
        &mut self,
        device: &DeviceId,
        interface: &Interface,
        scope: CollectionScope,
        findings: &mut Vec<Finding>,
    ) {
        let end = InterfaceRef {
            device: device.clone(),
            interface: interface.name.clone(),
        };
        let is_link = self.topology.is_link_end(&end);
        let down = interface.oper.is_down() || interface.admin == AdminStatus::Down;
        if is_link && down != self.down.contains(&end) {
            if down {
                self.down.insert(end.clone())
            } else {
                self.down.remove(&end)
            };
            self.reach_stale = true;
        }
        if is_link {
            // One line of several takes something from the link and cuts nobody off; when all are down the aggregate says so.
            let is_line = self.topology.is_line(&end);
            let code = if is_line {
                "lag_line_down"
            } else if interface.oper == OperStatus::LowerLayerDown {
                "link_lower_layer_down"
            } else {
                "link_down"
            };
            let reason = Reason::new(code)
                .with("device", self.name_of(device))
                .with("interface", &*interface.name);
            let health = match (down, is_line) {
                (false, _) => Health::Ok,
                (true, true) => Health::Degraded,
                (true, false) => Health::Critical,
            };
            findings.push(Finding {
                kind: Kind::Link,
                name: interface.name.clone(),
                health,
                reason: down.then_some(reason),
            });
        }
        if is_link && !down {
            findings.extend(self.judge_load(&end, interface, scope));
        }
    }

    /// A line is full, or has room again, after several full polls in a row say so.
    fn judge_load(
        &mut self,
        end: &InterfaceRef,
        interface: &Interface,
        scope: CollectionScope,
    ) -> Option<Finding> {
        let percent = load_percent(interface, self.capacity_bps(end, interface))?;
        let over = percent >= self.config.link_full_percent;
        let needed = i32::try_from(self.config.link_full_collections.max(1)).unwrap_or(i32::MAX);
        let conditions = &mut self.devices.get_mut(&end.device)?.conditions;
        let streak = conditions
            .load_streaks
            .entry(end.interface.clone())
            .or_default();
        // A hastened look brings no new rates.
        if scope == CollectionScope::Full {
            *streak = if over {
                (*streak).max(0).saturating_add(1)
            } else {
                (*streak).min(0).saturating_sub(1)
            };
        }
        let key = (Kind::Load, end.interface.clone());
        let before = conditions
            .latches
            .get(&key)
            .map_or(Health::Ok, Latch::announced);
        let health = match *streak {
            n if n >= needed => Health::Degraded,
            n if n <= -needed => Health::Ok,
            _ => before,
        };
        let reason = (health != Health::Ok)
            .then(|| Reason::new("link_full").with("percent", percent.round() as i64));
        Some(Finding {
            kind: Kind::Load,
            name: end.interface.clone(),
            health,
            reason,
        })
    }

    /// What a line can carry: the declared capacity, else the interface's own speed.
    pub(super) fn capacity_bps(&self, end: &InterfaceRef, interface: &Interface) -> u64 {
        let declared = self
            .topology
            .link(end)
            .filter(|_| !self.topology.is_line(end));
        declared
            .and_then(|link| link.capacity_bps)
            .unwrap_or(interface.speed_bps)
    }

    /// Latches the findings, tells what changed, and sums up the device.
    fn conclude(&mut self, collection: &Collection, findings: Vec<Finding>, now: Instant) {
        let device = &collection.device;
        let (changes_max, window) = (self.config.flap_changes_max, self.config.flap_window);
        let found: BTreeSet<(Kind, Arc<str>)> =
            findings.iter().map(|f| (f.kind, f.name.clone())).collect();
        let mut changes = Vec::new();
        let mut worst = Health::Ok;
        let mut reasons: Vec<(Health, Reason)> = Vec::new();
        let Some(watched) = self.devices.get_mut(device) else {
            return;
        };
        watched.state.interface_health = collection
            .interfaces
            .iter()
            .map(|i| {
                (
                    i.name.clone(),
                    interface_health(i, self.config.errors_per_second_max).0,
                )
            })
            .collect();
        watched.state.sensor_health.clear();
        watched.state.storage_health.clear();
        for interface in collection.interfaces.iter() {
            let (health, reason) = interface_health(interface, self.config.errors_per_second_max);
            worst = worst.worst(health);
            reasons.extend(reason.map(|r| (health, r)));
        }
        for finding in findings {
            let latches = &mut watched.conditions.latches;
            let key = (finding.kind, finding.name.clone());
            if latches.len() >= LATCHES_MAX && !latches.contains_key(&key) {
                continue;
            }
            let latch = latches.entry(key).or_default();
            let change = if latch.calm_at().is_some_and(|at| at <= now) {
                latch.calm(changes_max, window, now)
            } else {
                latch.observe(finding.health, changes_max, window, now)
            };
            let announced = latch.announced();
            match finding.kind {
                Kind::Link | Kind::Load => {
                    let health = watched
                        .state
                        .interface_health
                        .entry(finding.name.clone())
                        .or_default();
                    *health = health.worst(announced);
                }
                Kind::Sensor => drop(
                    watched
                        .state
                        .sensor_health
                        .insert(finding.name.clone(), announced),
                ),
                Kind::Storage => drop(
                    watched
                        .state
                        .storage_health
                        .insert(finding.name.clone(), announced),
                ),
                Kind::Component | Kind::Share => {}
            }
            if announced > Health::Unknown {
                worst = worst.worst(announced);
                reasons.extend(finding.reason.clone().map(|r| (announced, r)));
            }
            if let Some((before, after)) = change {
                changes.push((finding, before, after));
            }
        }
        // What the device no longer has cannot stay ill. A failed table proves nothing.
        if collection.scope == CollectionScope::Full && collection.errors.is_empty() {
            let gone: Vec<(Kind, Arc<str>)> = watched
                .conditions
                .latches
                .keys()
                .filter(|key| !found.contains(*key))
                .cloned()
                .collect();
            for (kind, name) in gone {
                if kind == Kind::Load || kind == Kind::Link {
                    watched.conditions.load_streaks.remove(&name);
                }
                let Some(latch) = watched.conditions.latches.remove(&(kind, name.clone())) else {
                    continue;
                };
                let finding = Finding {
                    kind,
                    name,
                    health: Health::Ok,
                    reason: None,
                };
                changes.push((finding, latch.announced(), Health::Ok));
            }
        }
        // Table failures and a missing profile are told, but do not make a device ill.
        reasons.extend(collection.errors.iter().map(|r| (Health::Ok, r.clone())));
        if let (Some(recognised), Some(system)) = (&collection.recognised, &collection.system)
            && recognised.generic
        {
            let reason =
                Reason::new("generic_profile").with("sys_object_id", system.object_id.to_string());
            reasons.push((Health::Ok, reason));
        }
        reasons.sort_by_key(|(health, _)| std::cmp::Reverse(*health));
        watched.state.health = worst;
        watched.state.reasons = reasons
            .into_iter()
            .take(REASONS_MAX)
            .map(|(_, reason)| reason)
            .collect();
        for (finding, before, after) in changes {
            self.told(device, finding, before, after, now);
        }
    }

    fn told(
        &mut self,
        device: &DeviceId,
        finding: Finding,
        before: Health,
        after: Health,
        now: Instant,
    ) {
        let (bad, good) = finding.kind.events();
        // Load and one line of several are degraded at worst; everything else is worth an event when it is critical.
        let level = if matches!(finding.kind, Kind::Load | Kind::Link) {
            Health::Degraded
        } else {
            Health::Critical
        };
        let opens = after >= level && before < level;
        let closes = before >= level && after < level;
        if !opens && !closes {
            return;
        }
        let end = InterfaceRef {
            device: device.clone(),
            interface: finding.name.clone(),
        };
        let key = IncidentKey(match finding.kind {
            Kind::Link => format!("link:{end}").into(),
            kind => format!("{}:{device}/{}", kind.word(), finding.name).into(),
        });
        let mut event: Event = self.event(if opens { bad } else { good }, device, key, now);
        event.health = after;
        if matches!(finding.kind, Kind::Link | Kind::Load) {
            event.interface = Some(finding.name.clone());
            let crossing = self.sites_behind(&end);
            event.sites = match (finding.kind, opens) {
                (Kind::Link, true) => self.sites_cut_by(&end, &crossing),
                _ => crossing,
            };
        }
        event.reason = match (finding.kind, opens, finding.reason) {
            (_, true, Some(reason)) => reason,
            (Kind::Link, _, _) => Reason::new("link_up")
                .with("device", self.name_of(device))
                .with("interface", &*finding.name),
            _ => Reason::new("recovered").with("subject", &*finding.name),
        };
        if finding.kind == Kind::Link {
            // Both ends of a line say that it is down: the second voice is held back behind the first.
            let other = self.topology.other_end(&end).cloned();
            event.held_back_by = other
                .filter(|other| {
                    self.incidents
                        .contains_key(&IncidentKey(format!("link:{other}").into()))
                })
                .map(Cause::Interface);
            if !opens
                && event.held_back_by.is_none()
                && !self.incidents.contains_key(&event.incident)
            {
                // The first voice has already told the recovery.
                event.held_back_by = self.topology.other_end(&end).cloned().map(Cause::Interface);
            }
        }
        self.tell(event, opens);
    }
}

/// How an interface is by itself, whether or not it is a link: errors degrade it.
fn interface_health(interface: &Interface, errors_per_second_max: f64) -> (Health, Option<Reason>) {
    let Some(rates) = &interface.rates else {
        return (Health::Ok, None);
    };
    let errors = rates
        .in_errors_per_second
        .unwrap_or(0.0)
        .max(rates.out_errors_per_second.unwrap_or(0.0));
    if errors < errors_per_second_max {
        return (Health::Ok, None);
    }
    let reason = Reason::new("interface_errors")
        .with("interface", &*interface.name)
        .with("per_second", errors);
    (Health::Degraded, Some(reason))
}

/// The busier direction in percent of the capacity.
pub(super) fn load_percent(interface: &Interface, capacity_bps: u64) -> Option<f64> {
    let rates = interface.rates.as_ref()?;
    let busier = rates
        .in_bps
        .unwrap_or(0.0)
        .max(rates.out_bps.unwrap_or(0.0));
    (capacity_bps > 0).then(|| busier * 100.0 / capacity_bps as f64)
}

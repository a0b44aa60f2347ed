//! What is watched, as pages and metrics see it: the watch behind a lock, and the answers built from it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use nhipcau_inventory::poller::PollerCounters;
use nhipcau_inventory::watch::{self, DeviceState, LinkState, Watch, WatchConfig};
use nhipcau_inventory::{Collection, DeviceId, InterfaceRef, SiteId, StorageKind};

use super::series::SeriesBook;
use crate::http::views;

/// What the daemon knows of a device beyond the pure crate: where it is and how it is asked.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    /// Address and port of the agent.
    pub(crate) address: String,
    /// Access level of each credential by name: `v2c`, `v3 authPriv` …
    pub(crate) levels: HashMap<String, &'static str>,
}

/// Both clocks at one moment, to show monotonic times as dates.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    instant: Instant,
    at: Timestamp,
}

/// What polling one device has cost since the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct PollTotals {
    /// Requests, repeats included.
    pub(crate) requests: u64,
    /// Repeated requests.
    pub(crate) retries: u64,
    /// Polls that brought nothing, by reason code.
    pub(crate) failures: BTreeMap<&'static str, u64>,
}

/// The watched estate.
#[derive(Debug)]
pub(crate) struct Estate {
    watch: RwLock<Watch>,
    series: Mutex<SeriesBook>,
    contacts: RwLock<HashMap<DeviceId, Contact>>,
    anchor: Anchor,
    poller: Mutex<(PollerCounters, usize)>,
    totals: Mutex<HashMap<DeviceId, PollTotals>>,
    events_lost: AtomicU64,
    collections_lost: AtomicU64,
    /// When the poller's loop last came round, seconds after the anchor.
    alive: AtomicU64,
}

impl Estate {
    /// An estate without devices.
    pub(crate) fn new(config: WatchConfig) -> Self {
        Self {
            watch: RwLock::new(Watch::new(config)),
            series: Mutex::default(),
            contacts: RwLock::default(),
            anchor: Anchor {
                instant: Instant::now(),
                at: Timestamp::now(),
            },
            poller: Mutex::default(),
            totals: Mutex::default(),
            events_lost: AtomicU64::new(0),
            collections_lost: AtomicU64::new(0),
            alive: AtomicU64::new(0),
        }
    }

    /// Hands one input to the watch.
    pub(crate) fn feed(&self, input: watch::Input, now: Instant) {
        if let watch::Input::Collection(collection) = &input {
            self.remember(collection);
        }
        self.watch
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .handle_input(input, now);
    }

    /// The next wish of the watch.
    pub(crate) fn poll(&self) -> watch::Output {
        self.watch
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .poll_output()
    }

    /// Where devices are, whole.
    pub(crate) fn set_contacts(&self, contacts: HashMap<DeviceId, Contact>) {
        *self
            .contacts
            .write()
            .unwrap_or_else(PoisonError::into_inner) = contacts;
    }

    /// Whether the poller's loop came round in the last ten seconds; it wakes at least that often.
    pub(crate) fn is_alive(&self) -> bool {
        self.anchor
            .instant
            .elapsed()
            .as_secs()
            .saturating_sub(self.alive.load(Ordering::Relaxed))
            < 10
    }

    pub(crate) fn note_poller(&self, counters: PollerCounters, in_flight: usize) {
        self.alive
            .store(self.anchor.instant.elapsed().as_secs(), Ordering::Relaxed);
        *self.poller.lock().unwrap_or_else(PoisonError::into_inner) = (counters, in_flight);
    }

    /// The poller's own figures and its requests in flight.
    pub(crate) fn poller(&self) -> (PollerCounters, usize) {
        *self.poller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count_event_lost(&self) {
        self.events_lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_collection_lost(&self) {
        self.collections_lost.fetch_add(1, Ordering::Relaxed);
    }

    /// What found its queue full since the start, by kind: events of the watch, and collections whose facts were not stored.
    pub(crate) fn lost(&self) -> [(&'static str, u64); 2] {
        [
            ("event", self.events_lost.load(Ordering::Relaxed)),
            ("collection", self.collections_lost.load(Ordering::Relaxed)),
        ]
    }

    /// Read access for what no view covers.
    pub(crate) fn watch(&self) -> RwLockReadGuard<'_, Watch> {
        self.watch.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The date of a monotonic time.
    pub(crate) fn date(&self, at: Instant) -> Timestamp {
        let offset = match at.checked_duration_since(self.anchor.instant) {
            Some(after) => SignedDuration::try_from(after),
            None => SignedDuration::try_from(self.anchor.instant - at).map(|before| -before),
        };
        offset
            .ok()
            .and_then(|offset| self.anchor.at.checked_add(offset).ok())
            .unwrap_or(self.anchor.at)
    }

    /// What polling a device has cost since the start.
    pub(crate) fn totals(&self, device: &DeviceId) -> PollTotals {
        self.totals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(device)
            .cloned()
            .unwrap_or_default()
    }

    fn remember(&self, collection: &Collection) {
        {
            let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
            let device = totals.entry(collection.device.clone()).or_default();
            device.requests += collection.statistics.requests;
            device.retries += collection.statistics.retries;
            if let Some(reason) = &collection.unreachable {
                *device.failures.entry(reason.code).or_default() += 1;
            }
        }
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        for interface in collection.interfaces.iter() {
            if let Some(rates) = interface.rates
                && let (Some(inbound), Some(outbound)) = (rates.in_bps, rates.out_bps)
            {
                let at = interface
                    .counters
                    .map_or(interface.read_at, |counters| counters.read_at);
                let name = InterfaceRef::new(collection.device.clone(), interface.name.clone());
                series.push(&name, self.date(at).as_second(), inbound, outbound);
            }
        }
    }

    /// All devices, by name.
    pub(crate) fn devices(&self) -> Vec<views::DeviceRow> {
        let watch = self.watch();
        let names = Names::of(&watch);
        let mut rows: Vec<_> = watch
            .devices()
            .map(|device| self.row(device, &names))
            .collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
        rows
    }

    /// One device in full.
    pub(crate) fn device(&self, id: &str) -> Option<views::DeviceDetail> {
        let watch = self.watch();
        let names = Names::of(&watch);
        let device = watch.device(&DeviceId::from(id))?;
        Some(self.detail(&watch, device, &names))
    }

    /// Recent rates of an interface; `None` for an unknown device.
    pub(crate) fn series(
        &self,
        device: &str,
        interface: &str,
        hours: u32,
    ) -> Option<views::Series> {
        let step_seconds = self
            .watch()
            .device(&DeviceId::from(device))?
            .spec
            .poll_interval
            .as_secs();
        let since = Timestamp::now().as_second() - i64::from(hours.clamp(1, 24)) * 3600;
        let name = InterfaceRef::new(device, interface);
        let points = self
            .series
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .points(&name, since);
        Some(views::Series {
            interface: interface.to_owned(),
            step_seconds,
            points,
        })
    }

    /// All links.
    pub(crate) fn links(&self) -> Vec<views::LinkRow> {
        let watch = self.watch();
        let names = Names::of(&watch);
        watch
            .links()
            .into_iter()
            .map(|link| link_row(link, &names))
            .collect()
    }

    /// Links at or over `percent` of their capacity, fullest first.
    pub(crate) fn links_over(&self, percent: f64) -> Vec<views::LinkRow> {
        let mut links = self.links();
        links.retain(|link| link.load_percent.is_some_and(|load| load >= percent));
        links.sort_by(|a, b| {
            b.load_percent
                .partial_cmp(&a.load_percent)
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        links
    }

    /// Devices by health.
    pub(crate) fn health_counts(&self) -> views::HealthCounts {
        self.watch()
            .devices()
            .map(|device| health(device.health))
            .collect()
    }

    /// What a device is called; its id when it is unknown.
    pub(crate) fn device_name(&self, id: &DeviceId) -> String {
        self.watch()
            .device(id)
            .map_or_else(|| id.to_string(), |device| device.spec.name.clone())
    }

    /// A reason with devices called by their names.
    pub(crate) fn named_reason(&self, reason: &nhipcau_inventory::Reason) -> views::Reason {
        Names::of(&self.watch()).reason(reason)
    }

    /// What a site is called; `None` when it is unknown.
    pub(crate) fn site_name(&self, id: &str) -> Option<String> {
        self.watch()
            .sites()
            .into_iter()
            .find(|site| site.spec.id.as_str() == id)
            .map(|site| site.spec.name)
    }

    /// Open incidents, causes first, under their stable keys.
    pub(crate) fn incidents(&self) -> Vec<OpenIncident> {
        let watch = self.watch();
        let names = Names::of(&watch);
        watch
            .incidents()
            .into_iter()
            .map(|incident| OpenIncident {
                key: incident.key.0.to_string(),
                held_back: incident.held_back_by.is_some(),
                view: views::Incident {
                    id: 0,
                    opened_at: self.date(incident.opened_at),
                    closed_at: None,
                    health: health(incident.health),
                    reason: names.reason(&incident.reason),
                    device: incident.device.as_ref().map(ToString::to_string),
                    device_name: incident.device.as_ref().map(|id| names.device(id)),
                    interface: incident.interface.as_deref().map(str::to_owned),
                    sites: incident.sites.iter().map(|id| names.site(id)).collect(),
                    behind: incident
                        .behind
                        .iter()
                        .map(|(id, since)| views::HeldBack {
                            device: id.to_string(),
                            name: names.device(id),
                            since: self.date(*since),
                        })
                        .collect(),
                    acknowledged_by: incident.acknowledged.as_ref().map(|(by, _)| by.clone()),
                    note: incident.acknowledged.as_ref().map(|(_, note)| note.clone()),
                    run_ids: Vec::new(),
                },
            })
            .collect()
    }

    /// What keeps sites from us, as the network knows it, and how their lines are.
    pub(crate) fn site_lines(&self, sites: &[String]) -> Vec<SiteLine> {
        let watch = self.watch();
        let names = Names::of(&watch);
        let line = |site: &String| {
            let id = SiteId::from(site.as_str());
            let state = watch.site(&id);
            SiteLine {
                site: site.clone(),
                cause: watch.site_cause(&id).map(|cause| LineCause {
                    device: names.device(cause.device()),
                    interface: cause.interface().map(|name| name.to_string()),
                }),
                health: state.as_ref().map_or(nhipcau_inventory::Health::Unknown, |state| state.health),
                line: state
                    .and_then(|state| state.spec.uplink)
                    .map(|uplink| format!("{} · {}", names.device(&uplink.device), uplink.interface)),
            }
        };
        sites.iter().map(line).collect()
    }

    fn row(&self, device: &DeviceState, names: &Names<'_>) -> views::DeviceRow {
        let collection = device.collection.as_deref();
        let recognised = collection.and_then(|c| c.recognised.as_ref());
        views::DeviceRow {
            id: device.spec.id.to_string(),
            name: device.spec.name.clone(),
            address: self
                .contacts
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&device.spec.id)
                .map(|contact| contact.address.clone())
                .unwrap_or_default(),
            site: device.spec.site.as_ref().map(ToString::to_string),
            site_name: device.spec.site.as_ref().map(|site| names.site(site)),
            kind: recognised.map_or(views::DeviceKind::Other, |r| kind(r.kind)),
            profile: recognised
                .map(|r| r.profile.to_string())
                .unwrap_or_default(),
            vendor: collection
                .map(|c| c.identity.vendor.to_string())
                .unwrap_or_default(),
            model: collection
                .map(|c| c.identity.model.to_string())
                .unwrap_or_default(),
            health: health(device.health),
            reasons: device.reasons.iter().map(|r| names.reason(r)).collect(),
            last_seen: collection.and_then(|c| c.last_seen).map(|at| self.date(at)),
            behind: device.behind.as_ref().map(|cause| views::Behind {
                device: cause.device().to_string(),
                name: names.device(cause.device()),
            }),
        }
    }

    fn detail(
        &self,
        watch: &Watch,
        device: &DeviceState,
        names: &Names<'_>,
    ) -> views::DeviceDetail {
        let row = self.row(device, names);
        let collection = device.collection.as_deref();
        let system = collection.and_then(|c| c.system.as_ref());
        let credential = collection
            .and_then(|c| c.credential.as_ref())
            .map(|c| c.name.to_string())
            .unwrap_or_default();
        let snmp = self
            .contacts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&device.spec.id)
            .and_then(|contact| contact.levels.get(&credential).copied())
            .unwrap_or_default();
        let now = Instant::now();
        let text = |of: Option<&std::sync::Arc<str>>| of.map(|t| t.to_string()).unwrap_or_default();
        views::DeviceDetail {
            row,
            sys_name: text(system.map(|s| &s.name)),
            sys_descr: text(system.map(|s| &s.descr)),
            sys_object_id: system.map(|s| s.object_id.to_string()).unwrap_or_default(),
            serial: text(collection.map(|c| &c.identity.serial)),
            version: text(collection.map(|c| &c.identity.version)),
            location: text(system.map(|s| &s.location)),
            contact: text(system.map(|s| &s.contact)),
            uptime_seconds: system
                .map(|s| s.uptime_seconds() + now.saturating_duration_since(s.read_at).as_secs()),
            credential,
            snmp: snmp.to_owned(),
            poll_seconds: device.spec.poll_interval.as_secs(),
            components: components(device),
            sensors: sensors(device, now),
            interfaces: self.interfaces(watch, device, names),
            neighbours: neighbours(watch, device, names),
            storage: storage(device),
            processors: collection
                .into_iter()
                .flat_map(|c| c.processors.iter())
                .map(|p| views::ProcessorRow {
                    name: p.name.to_string(),
                    load_percent: p.load_percent,
                })
                .collect(),
            collection: collection.map(|c| self.summary(c)).unwrap_or_default(),
        }
    }

    fn interfaces(
        &self,
        watch: &Watch,
        device: &DeviceState,
        names: &Names<'_>,
    ) -> Vec<views::InterfaceRow> {
        let Some(collection) = device.collection.as_deref() else {
            return Vec::new();
        };
        collection
            .interfaces
            .iter()
            .map(|interface| {
                let name = InterfaceRef::new(device.spec.id.clone(), interface.name.clone());
                views::InterfaceRow {
                    name: interface.name.to_string(),
                    alias: interface.alias.to_string(),
                    index: interface.index,
                    admin: match interface.admin {
                        nhipcau_inventory::AdminStatus::Up => views::AdminState::Up,
                        nhipcau_inventory::AdminStatus::Down => views::AdminState::Down,
                        nhipcau_inventory::AdminStatus::Testing => views::AdminState::Testing,
                    },
                    oper: interface.oper.as_str().to_owned(),
                    speed_bps: interface.speed_bps,
                    in_bps: interface.rates.and_then(|r| r.in_bps),
                    out_bps: interface.rates.and_then(|r| r.out_bps),
                    in_errors_per_second: interface.rates.and_then(|r| r.in_errors_per_second),
                    out_errors_per_second: interface.rates.and_then(|r| r.out_errors_per_second),
                    health: device
                        .interface_health
                        .get(&interface.name)
                        .map_or(views::Health::Unknown, |h| health(*h)),
                    last_change: interface.last_change.map(|at| self.date(at)),
                    sites: watch
                        .sites_behind(&name)
                        .iter()
                        .map(|id| names.site(id))
                        .collect(),
                }
            })
            .collect()
    }

    fn summary(&self, collection: &Collection) -> views::CollectionSummary {
        views::CollectionSummary {
            finished_at: Some(self.date(collection.finished_at)),
            duration_ms: collection.statistics.duration.as_millis() as u64,
            varbinds: collection.statistics.varbinds,
            requests: collection.statistics.requests,
            retries: collection.statistics.retries,
            errors: collection
                .unreachable
                .iter()
                .chain(&collection.errors)
                .map(reason)
                .collect(),
        }
    }
}

/// What stands between a site and us: a link by its interface, or a device that does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineCause {
    /// Name of the device.
    pub(crate) device: String,
    /// The interface that is down; `None` when the device itself is gone.
    pub(crate) interface: Option<String>,
}

/// A site's line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SiteLine {
    /// The site.
    pub(crate) site: String,
    /// Why nothing passes; `None` when the network knows of no fault on the way.
    pub(crate) cause: Option<LineCause>,
    /// Health of the site.
    pub(crate) health: nhipcau_inventory::Health,
    /// Device and interface of the uplink.
    pub(crate) line: Option<String>,
}

/// An open incident under its stable key; its number is the store's.
pub(crate) struct OpenIncident {
    /// Stable while it is open.
    pub(crate) key: String,
    /// Another incident explains it.
    pub(crate) held_back: bool,
    /// As pages show it, without number and runs.
    pub(crate) view: views::Incident,
}

/// Names of devices and sites by id, looked up once an answer.
struct Names<'a> {
    devices: HashMap<&'a str, &'a str>,
    sites: HashMap<String, String>,
}

impl<'a> Names<'a> {
    fn of(watch: &'a Watch) -> Self {
        Self {
            devices: watch
                .devices()
                .map(|d| (d.spec.id.as_str(), d.spec.name.as_str()))
                .collect(),
            sites: watch
                .sites()
                .into_iter()
                .map(|s| (s.spec.id.to_string(), s.spec.name))
                .collect(),
        }
    }

    fn device(&self, id: &DeviceId) -> String {
        (*self.devices.get(id.as_str()).unwrap_or(&id.as_str())).to_owned()
    }

    fn site(&self, id: &SiteId) -> String {
        self.sites
            .get(id.as_str())
            .cloned()
            .unwrap_or_else(|| id.to_string())
    }

    /// Reasons name devices by id; people know them by name.
    fn reason(&self, from: &nhipcau_inventory::Reason) -> views::Reason {
        let mut named = reason(from);
        if let Some(serde_json::Value::String(id)) = named.args.get_mut("device")
            && let Some(name) = self.devices.get(id.as_str())
        {
            *id = (*name).to_owned();
        }
        named
    }
}

fn components(device: &DeviceState) -> Vec<views::ComponentRow> {
    device
        .collection
        .iter()
        .flat_map(|c| c.components.iter())
        .map(|component| views::ComponentRow {
            name: component.name.to_string(),
            class: component.class.to_string(),
            parent: component.parent.as_deref().map(str::to_owned),
            model: component.model.to_string(),
            serial: component.serial.to_string(),
            health: health(component.health),
            state: component.state.to_string(),
        })
        .collect()
}

fn sensors(device: &DeviceState, now: Instant) -> Vec<views::SensorRow> {
    device
        .collection
        .iter()
        .flat_map(|c| c.sensors.iter())
        .map(|sensor| views::SensorRow {
            name: sensor.name.to_string(),
            class: sensor.class.to_string(),
            value: sensor.value,
            unit: sensor.unit.to_string(),
            health: device
                .sensor_health
                .get(&sensor.name)
                .map_or_else(|| health(sensor.state_health), |h| health(*h)),
            low: sensor.limits.low_critical.or(sensor.limits.low_warning),
            high: sensor.limits.high_critical.or(sensor.limits.high_warning),
            state: sensor.state.as_deref().map(str::to_owned),
            age_seconds: now.saturating_duration_since(sensor.read_at).as_secs(),
        })
        .collect()
}

fn storage(device: &DeviceState) -> Vec<views::StorageRow> {
    device
        .collection
        .iter()
        .flat_map(|c| c.storage.iter())
        .filter(|storage| storage.kind != StorageKind::Swap || storage.size_bytes > 0)
        .map(|storage| views::StorageRow {
            name: storage.name.to_string(),
            used_bytes: storage.used_bytes,
            size_bytes: storage.size_bytes,
            health: device
                .storage_health
                .get(&storage.name)
                .map_or(views::Health::Ok, |h| health(*h)),
        })
        .collect()
}

fn neighbours(watch: &Watch, device: &DeviceState, names: &Names<'_>) -> Vec<views::Neighbour> {
    let heard = device
        .collection
        .iter()
        .flat_map(|c| c.neighbours.iter())
        .map(|neighbour| views::Neighbour {
            interface: neighbour.interface.to_string(),
            device: watch
                .devices()
                .find(|d| {
                    d.collection
                        .as_ref()
                        .and_then(|c| c.system.as_ref())
                        .is_some_and(|s| s.name == neighbour.system_name)
                })
                .map(|d| d.spec.id.to_string()),
            name: neighbour.system_name.to_string(),
            remote_interface: neighbour.remote_interface.to_string(),
            protocol: match neighbour.protocol {
                nhipcau_inventory::NeighbourProtocol::Lldp => views::NeighbourProtocol::Lldp,
                nhipcau_inventory::NeighbourProtocol::Cdp => views::NeighbourProtocol::Cdp,
            },
        });
    let mut rows: Vec<views::Neighbour> = heard.collect();
    for link in watch
        .links()
        .into_iter()
        .filter(|link| link.source == watch::LinkSource::Declared)
    {
        let far = link.b.as_ref().and_then(|b| {
            b.device
                .clone()
                .map(|device| InterfaceRef::new(device, b.interface.clone()))
        });
        let (near, far) = match far {
            Some(far) if link.a.device == device.spec.id => (link.a, far),
            Some(far) if far.device == device.spec.id => (far, link.a),
            _ => continue,
        };
        if !rows.iter().any(|row| row.interface == *near.interface) {
            rows.push(views::Neighbour {
                interface: near.interface.to_string(),
                name: names.device(&far.device),
                device: Some(far.device.to_string()),
                remote_interface: far.interface.to_string(),
                protocol: views::NeighbourProtocol::Declared,
            });
        }
    }
    rows
}

fn link_row(link: LinkState, names: &Names<'_>) -> views::LinkRow {
    views::LinkRow {
        id: link.id,
        a: views::LinkEnd {
            device: link.a.device.to_string(),
            name: names.device(&link.a.device),
            interface: link.a.interface.to_string(),
        },
        b: link.b.map(|b| views::FarEnd {
            name: b.device.as_ref().map_or(b.name, |id| names.device(id)),
            device: b.device.map(|id| id.to_string()),
            interface: b.interface.to_string(),
        }),
        source: match link.source {
            watch::LinkSource::Declared => views::LinkSource::Declared,
            watch::LinkSource::Lldp => views::LinkSource::Lldp,
            watch::LinkSource::Uplink => views::LinkSource::Uplink,
        },
        capacity_bps: link.capacity_bps,
        in_bps: link.rates.and_then(|r| r.in_bps),
        out_bps: link.rates.and_then(|r| r.out_bps),
        load_percent: link.load_percent,
        health: health(link.health),
        reasons: link.reasons.iter().map(|r| names.reason(r)).collect(),
        sites: link.sites.iter().map(|id| names.site(id)).collect(),
    }
}

/// The inventory's health in the words of the protocol.
pub(crate) fn health(health: nhipcau_inventory::Health) -> views::Health {
    match health {
        nhipcau_inventory::Health::Ok => views::Health::Ok,
        nhipcau_inventory::Health::Unknown => views::Health::Unknown,
        nhipcau_inventory::Health::Degraded => views::Health::Degraded,
        nhipcau_inventory::Health::Critical => views::Health::Critical,
    }
}

/// The inventory's reason in the form of the protocol.
pub(crate) fn reason(reason: &nhipcau_inventory::Reason) -> views::Reason {
    use nhipcau_inventory::Arg;
    let args = reason.args.iter().map(|(name, arg)| {
        let value = match arg {
            Arg::Text(text) => serde_json::Value::from(text.as_str()),
            Arg::Integer(number) => serde_json::Value::from(*number),
            Arg::Number(number) => serde_json::Value::from(*number),
        };
        ((*name).to_owned(), value)
    });
    views::Reason {
        code: reason.code.to_owned(),
        args: args.collect(),
    }
}

fn kind(kind: nhipcau_inventory::DeviceKind) -> views::DeviceKind {
    use nhipcau_inventory::DeviceKind as Kind;
    match kind {
        Kind::Server => views::DeviceKind::Server,
        Kind::Frame => views::DeviceKind::Frame,
        Kind::Storage => views::DeviceKind::Storage,
        Kind::Backup => views::DeviceKind::Backup,
        Kind::SanSwitch => views::DeviceKind::SanSwitch,
        Kind::Switch => views::DeviceKind::Switch,
        Kind::Router => views::DeviceKind::Router,
        Kind::Firewall => views::DeviceKind::Firewall,
        Kind::Hypervisor => views::DeviceKind::Hypervisor,
        Kind::Ups => views::DeviceKind::Ups,
        Kind::Pdu => views::DeviceKind::Pdu,
        Kind::Cooling => views::DeviceKind::Cooling,
        Kind::Host => views::DeviceKind::Host,
        Kind::Other => views::DeviceKind::Other,
    }
}

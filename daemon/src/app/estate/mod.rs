//! What is watched, as pages and metrics see it: the watch behind a lock, and the answers built from it.

mod late;
mod names;
mod rows;
mod targets;
mod topology;
mod upkeep;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use nhipcau_inventory::poller::PollerCounters;
use nhipcau_inventory::usage::Meter;
use nhipcau_inventory::watch::{self, Watch, WatchConfig};
use nhipcau_inventory::{Collection, DeviceId, InterfaceRef, SiteId};

use self::names::Names;
pub(crate) use self::names::{health, kind, reason};
use super::series::SeriesBook;
use crate::http::views;

/// What the daemon knows of a device beyond the pure crate: where it is and how it is asked.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    /// Address and port of the agent.
    pub(crate) address: String,
    /// Rack, and lowest unit in it.
    pub(crate) rack: Option<(String, Option<u8>)>,
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
    /// Requests without an answer.
    pub(crate) timeouts: u64,
    /// Walks that were broken off.
    pub(crate) walk_errors: u64,
    /// Polls that brought nothing, by reason code.
    pub(crate) failures: BTreeMap<&'static str, u64>,
}

/// The watched estate.
#[derive(Debug)]
pub(crate) struct Estate {
    watch: RwLock<Watch>,
    series: Mutex<SeriesBook>,
    /// Samples of links being filled.
    meter: Mutex<Meter>,
    pub(super) contacts: RwLock<HashMap<DeviceId, Contact>>,
    anchor: Anchor,
    poller: Mutex<(PollerCounters, usize)>,
    late: Mutex<late::Lately>,
    totals: Mutex<HashMap<DeviceId, PollTotals>>,
    events_lost: AtomicU64,
    collections_lost: AtomicU64,
    /// When the poller's loop last came round, seconds after the anchor.
    alive: AtomicU64,
}

impl Estate {
    /// An estate without devices.
    pub(crate) fn new(config: WatchConfig, sample_seconds: i64) -> Self {
        Self {
            watch: RwLock::new(Watch::new(config)),
            series: Mutex::default(),
            meter: Mutex::new(Meter::new(sample_seconds)),
            contacts: RwLock::default(),
            anchor: Anchor {
                instant: Instant::now(),
                at: Timestamp::now(),
            },
            poller: Mutex::default(),
            late: Mutex::default(),
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
            self.measure(&self.watch(), collection);
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

    /// Address and port of a device.
    pub(crate) fn address(&self, device: &DeviceId) -> Option<String> {
        let contacts = self.contacts.read().unwrap_or_else(PoisonError::into_inner);
        Some(contacts.get(device)?.address.clone())
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
        self.late
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note(counters.polls_late, Instant::now());
    }

    /// Polls that were late in the last five to ten minutes.
    pub(crate) fn polls_late_lately(&self) -> u64 {
        self.late
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count()
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
            device.timeouts += collection.statistics.timeouts;
            device.walk_errors += collection.statistics.walk_errors;
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
            .map(|device| self.row(&watch, device, &names))
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
        self.links_with_capacity()
            .into_iter()
            .map(|(row, _)| row)
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
    /// The name of a device's interface with that index, and the device's site.
    pub(crate) fn place(
        &self,
        id: &DeviceId,
        if_index: Option<u32>,
    ) -> (Option<String>, Option<String>) {
        let watch = self.watch();
        let Some(state) = watch.device(id) else {
            return (None, None);
        };
        let interface = if_index.and_then(|index| {
            let interfaces = &state.collection.as_ref()?.interfaces;
            let found = interfaces.iter().find(|i| i.index == index)?;
            Some(found.name.to_string())
        });
        (interface, state.spec.site.as_ref().map(ToString::to_string))
    }

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
                    acknowledged_at: None,
                    maintenance: incident.held_back_until,
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
                health: state
                    .as_ref()
                    .map_or(nhipcau_inventory::Health::Unknown, |state| state.health),
                line: state.and_then(|state| state.spec.uplink).map(|uplink| {
                    format!("{} · {}", names.device(&uplink.device), uplink.interface)
                }),
            }
        };
        sites.iter().map(line).collect()
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

//! Tasks that carry what one part says to another, for as long as the daemon lives.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use nhipcau_inventory::watch::SiteSpec;
use nhipcau_inventory::{DeviceId, InterfaceRef, SiteId};
use nhipcau_media_rtc::BridgeEvent;
use tokio::sync::mpsc;

use super::facts;
use crate::app::App;
use crate::app::journal::Entry;
use crate::app::machines::{Machines, Notices};
use crate::app::rooms::Rooms;
use crate::app::traps::SharedNames;
use crate::drive::snmp::Command;
use crate::metrics::Metrics;
use crate::mibs;
use crate::sd_notify::HealthCheck;
use crate::store::{DeviceFacts, Retention, Store};

/// Reports of the bridge waiting for their rooms.
const BRIDGE_EVENTS_MAX: usize = 8_192;
/// A subsystem that has not been alive for this long is named by `/healthz` and keeps the watchdog from its ping.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const BEAT_EVERY: Duration = Duration::from_secs(5);

pub(super) async fn tell_sites(app: &App, machines: &Machines) {
    match app.sites().inputs().await {
        Ok(sites) => {
            let specs = sites
                .into_iter()
                .map(|site| SiteSpec {
                    id: SiteId::from(site.id),
                    name: site.name,
                    parent: site.parent.map(SiteId::from),
                    uplink: site.uplink.map(|uplink| {
                        InterfaceRef::new(DeviceId::from(uplink.device), uplink.interface)
                    }),
                    capacity_bps: site.capacity_bps,
                })
                .collect();
            let _ = machines.snmp.send(Command::Sites(specs)).await;
        }
        Err(refusal) => tracing::error!(%refusal, "the tree of sites could not be read"),
    }
}

/// Sites are edited on a page: the watch follows.
pub(super) async fn follow_sites(app: App, machines: Arc<Machines>) {
    use crate::app::Topic;
    use tokio::sync::broadcast::error::RecvError;
    let mut changed = app.changed();
    loop {
        match changed.recv().await {
            Ok(Topic::Sites) | Err(RecvError::Lagged(_)) => tell_sites(&app, &machines).await,
            Ok(_) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

pub(super) async fn forward_events(
    mut watched: mpsc::Receiver<nhipcau_inventory::watch::Event>,
    journal: mpsc::Sender<Entry>,
) {
    while let Some(event) = watched.recv().await {
        if journal.send(Entry::Watch(Box::new(event))).await.is_err() {
            return;
        }
    }
}

/// The bridge reports over a channel of the standard library: a thread waits for it.
pub(super) fn forward_bridge(
    reports: std::sync::mpsc::Receiver<BridgeEvent>,
    rooms: Arc<Rooms>,
) -> std::io::Result<()> {
    let (sender, mut events) = mpsc::channel(BRIDGE_EVENTS_MAX);
    std::thread::Builder::new()
        .name("bridge-events".into())
        .spawn(move || {
            while let Ok(event) = reports.recv() {
                if sender.blocking_send(event).is_err() {
                    return;
                }
            }
        })?;
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            rooms.bridge_event(event).await;
        }
    });
    Ok(())
}

/// Polls after which a device's facts count although a table was never read.
const POLLS_UNREAD_MAX: u32 = 10;

/// Stores what devices say of themselves, when it changed.
pub(super) async fn keep_facts(
    app: App,
    mut collected: mpsc::Receiver<Arc<nhipcau_inventory::Collection>>,
) {
    use crate::app::Topic;
    let mut known: HashMap<DeviceId, DeviceFacts> = HashMap::new();
    let mut waited: HashMap<DeviceId, u32> = HashMap::new();
    while let Some(collection) = collected.recv().await {
        app.tell(Topic::Device(collection.device.to_string()));
        if collection.unreachable.is_some() || collection.system.is_none() {
            continue;
        }
        if collection.scope == nhipcau_inventory::CollectionScope::Hastened {
            continue;
        }
        // A table that was not read yet would look as if all of it were gone. One that can never be read must not hide the others for ever.
        let unread = collection
            .tables
            .iter()
            .any(|table| table.read_at.is_none());
        let waited = waited.entry(collection.device.clone()).or_default();
        *waited = waited.saturating_add(1);
        if unread && *waited < POLLS_UNREAD_MAX {
            continue;
        }
        let facts = facts::of(&collection, app.address_of(&collection.device));
        if known.get(&collection.device) == Some(&facts) {
            continue;
        }
        match app
            .store()
            .devices_seen()
            .put(
                collection.device.as_str(),
                facts.clone(),
                jiff::Timestamp::now(),
            )
            .await
        {
            Ok(_) => drop(known.insert(collection.device.clone(), facts)),
            Err(error) => {
                tracing::warn!(%error, device = %collection.device, "what a device says of itself was not stored")
            }
        }
    }
}

/// Names of MIB files come beside the start, not before it: until then the built-in ones hold.
pub(super) async fn read_names(directory: Option<PathBuf>, names: SharedNames) {
    let (read, faults) = mibs::load(directory.as_deref()).await;
    for fault in &faults {
        tracing::warn!("MIB: {fault}");
    }
    if directory.is_some() {
        tracing::info!(names = read.len(), "MIB files are read");
    }
    *names.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(read);
}

pub(super) async fn prune(store: Store) {
    let mut tick = tokio::time::interval(Duration::from_secs(3600));
    loop {
        tick.tick().await;
        while let Ok(pruned) = store
            .prune(Retention::default(), jiff::Timestamp::now())
            .await
        {
            if !pruned.more {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let now = jiff::Timestamp::now();
        // Throttles and budgets look back a day.
        let yesterday = now
            .checked_sub(jiff::SignedDuration::from_hours(25))
            .unwrap_or(now);
        if let Err(error) = store.intent_log().prune(yesterday).await {
            tracing::warn!(%error, "the intents of old runs were not pruned");
        }
    }
}

/// Looks once whether recordings can be made, which also readies GStreamer's registry of plugins for the first of them.
pub(super) async fn check_recording(notices: Arc<Notices>) {
    let checked =
        tokio::task::spawn_blocking(|| nhipcau_media_gst::check("/proc/self/exe".as_ref())).await;
    if let Ok(Err(error)) = checked {
        tracing::error!(%error, "no recording can be made");
        let reason =
            crate::http::views::Reason::new("pipeline_died").with("detail", error.to_string());
        notices.raise("recording", reason);
    }
}

/// Asks a subsystem for a sign of life, again and again.
pub(super) fn beat<F: Future<Output = bool> + Send>(
    health: &HealthCheck,
    subsystem: &'static str,
    alive: impl Fn() -> F + Send + 'static,
) {
    let pulse = health.register(subsystem, SILENCE_MAX, Instant::now());
    tokio::spawn(async move {
        loop {
            if alive().await {
                pulse.beat(Instant::now());
            }
            tokio::time::sleep(BEAT_EVERY).await;
        }
    });
}

pub(super) fn observer(metrics: Arc<Metrics>) -> crate::http::Observer {
    Arc::new(move |seen: &crate::http::Observation| {
        metrics.observe_http(&seen.route, seen.status, seen.took)
    })
}

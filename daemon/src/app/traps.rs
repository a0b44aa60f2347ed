//! From the trap port to the store and the watch: named, guarded against storms, told to open pages at once; informs are stored one by one
//! before their acknowledgement, traps in groups.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nhipcau_inventory::names::{Names, Spoken};
use nhipcau_inventory::trap::{Storm, Trap, TrapGate, TrapLimits, Verdict};
use nhipcau_inventory::{SnmpVersion, Value, watch};
use tokio::sync::{broadcast, mpsc};

use super::Topic;
use super::clean::plain_text;
use super::console::event_row;
use super::estate::Estate;
use crate::drive::snmp::Command;
use crate::drive::trap::{Commit, Committed, TrapSink};
use crate::http::views::{EventRow, Reason};
use crate::store::{EventRecord, NewEvent, NewTrap, Store};

/// Traps waiting for their commit: 5,000 in 10 s fit several times over. Beyond it traps are lost and counted.
const WAITING_MAX: usize = 16_384;
/// Traps of one commit.
const GROUP_MAX: usize = 512;
/// How long an inform may wait for its commit; senders repeat after some seconds anyway.
const COMMIT_WAIT: Duration = Duration::from_secs(5);
/// Longest text of one variable that is kept.
const VARIABLE_CHARS_MAX: usize = 1_024;
/// Variables in the sentence of an event; all of them are in its details.
const SAID_MAX: usize = 6;
/// Characters of one variable in that sentence.
const SAID_CHARS_MAX: usize = 120;
/// Variables in an event's details.
const DETAILS_MAX: usize = 32;
/// Storms are looked for this often.
const STORM_LOOK: Duration = Duration::from_secs(1);

/// Notifications that were understood and yet not kept.
#[derive(Debug, Default)]
pub(crate) struct TrapTally {
    /// The same came a moment ago.
    pub(crate) duplicates: AtomicU64,
    /// Beyond what a source, or all together, may send in a minute.
    pub(crate) stormed: AtomicU64,
    /// A queue was full or the disk refused.
    pub(crate) lost: AtomicU64,
}

/// Names in force; another set is put in as a whole.
pub(crate) type SharedNames = Arc<RwLock<Arc<Names>>>;

/// What the desk works with.
pub(crate) struct TrapParts {
    pub(crate) store: Store,
    pub(crate) watch: mpsc::Sender<Command>,
    pub(crate) estate: Arc<Estate>,
    pub(crate) changed: broadcast::Sender<Topic>,
    /// Events of traps before they are stored, for pages that are open.
    pub(crate) news: broadcast::Sender<Arc<EventRow>>,
    pub(crate) names: SharedNames,
    pub(crate) tally: Arc<TrapTally>,
}

/// The sink of the trap port.
pub(crate) struct TrapDesk {
    parts: Arc<TrapParts>,
    runtime: tokio::runtime::Handle,
    waiting: mpsc::Sender<(NewTrap, Option<NewEvent>)>,
    gate: Arc<Mutex<TrapGate>>,
}

impl TrapDesk {
    /// A sink that writes to the store on the current runtime and tells the watch.
    pub(crate) fn start(parts: TrapParts) -> Self {
        let parts = Arc::new(parts);
        let gate = Arc::new(Mutex::new(TrapGate::new(TrapLimits::default())));
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        tokio::spawn(keep_groups(parts.clone(), queue));
        tokio::spawn(tell_storms(parts.clone(), gate.clone()));
        Self {
            parts,
            runtime: tokio::runtime::Handle::current(),
            waiting,
            gate,
        }
    }

    fn judge(&self, trap: &Trap) -> Verdict {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = gate.judge(trap, Instant::now());
        let tally = &self.parts.tally;
        match verdict {
            Verdict::Pass => {}
            Verdict::Duplicate => drop(count(&tally.duplicates)),
            Verdict::Storm => drop(count(&tally.stormed)),
        }
        verdict
    }
}

impl TrapSink for TrapDesk {
    fn commit(&self, trap: Trap, identity: String, then: Committed) {
        if self.judge(&trap) != Verdict::Pass {
            return then(Commit::Failed);
        }
        let (kept, event) = self.parts.say(&trap, Some(identity));
        let parts = self.parts.clone();
        self.runtime.spawn(async move {
            let table = parts.store.traps();
            let stored = table.append_inform(kept, event.clone());
            match tokio::time::timeout(COMMIT_WAIT, stored).await {
                // A repetition is one event.
                Ok(Ok(false)) => then(Commit::Repeated),
                Ok(Ok(true)) => {
                    then(Commit::Stored);
                    parts.hasten(trap);
                    parts.tell(event.as_ref());
                    // Nobody listens when no page is open.
                    let _ = parts.changed.send(Topic::Events);
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, source = %trap.source, "an inform was not stored and is not acknowledged");
                    then(Commit::Failed);
                }
                // It may still be stored: then its repetition is acknowledged as one.
                Err(_) => then(Commit::Failed),
            }
        });
    }

    fn accept(&self, trap: Trap) {
        if self.judge(&trap) != Verdict::Pass {
            return;
        }
        let (kept, event) = self.parts.say(&trap, None);
        // Pages first: a trap is news before it is history.
        self.parts.tell(event.as_ref());
        if self.waiting.try_send((kept, event)).is_err() {
            count(&self.parts.tally.lost);
        }
        self.parts.hasten(trap);
    }
}

impl TrapParts {
    /// A notification as it is kept, and the event of it. One of a network without a watched device is kept and is no event.
    fn say(&self, trap: &Trap, inform_id: Option<String>) -> (NewTrap, Option<NewEvent>) {
        let names = self
            .names
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let name = names
            .notification(&trap.trap_oid)
            .map_or_else(|| trap.trap_oid.to_string(), str::to_owned);
        let spoken: Vec<Spoken> = trap.varbinds.iter().map(|v| names.spoken(v)).collect();
        let at = Timestamp::now();
        let event = trap.device.as_ref().map(|device| {
            let (interface, site) = self.estate.place(device, trap.if_index());
            let details: Vec<_> = spoken.iter().take(DETAILS_MAX).map(detail).collect();
            let reason = Reason::new("trap")
                .with("name", name.as_str())
                .with("text", sentence(&spoken))
                .with("oid", trap.trap_oid.to_string())
                .with("variables", details);
            NewEvent {
                at,
                kind: watch::EventKind::Trap.as_str().to_owned(),
                health: "ok".to_owned(),
                device: Some(device.to_string()),
                device_name: Some(self.estate.device_name(device)),
                interface,
                site,
                reason: serde_json::to_value(reason).unwrap_or_default(),
                held_back_by: None,
            }
        });
        let kept = NewTrap {
            at,
            source: trap.source.to_string(),
            device: trap.device.as_ref().map(ToString::to_string),
            inform_id,
            // The port refuses SNMPv3 without authentication.
            authenticated: trap.version == SnmpVersion::V3,
            name,
            varbinds: variables(trap, &spoken),
        };
        (kept, event)
    }

    fn tell(&self, event: Option<&NewEvent>) {
        if let Some(event) = event.filter(|_| self.news.receiver_count() > 0) {
            let record = EventRecord {
                id: 0,
                event: event.clone(),
            };
            let _ = self.news.send(Arc::new(event_row(record)));
        }
    }

    fn hasten(&self, trap: Trap) {
        if self.watch.try_send(Command::Trap(trap)).is_err() {
            // The next poll sees what the trap would have said.
            count(&self.tally.lost);
        }
    }
}

fn count(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::Relaxed)
}

/// What it says in one line: its first variables, cut.
fn sentence(spoken: &[Spoken]) -> String {
    let parts: Vec<String> = spoken
        .iter()
        .take(SAID_MAX)
        .map(|variable| {
            let text: String = variable.text.chars().take(SAID_CHARS_MAX).collect();
            match variable.object.is_empty() {
                true => text,
                false => format!("{} = {text}", variable.name),
            }
        })
        .filter(|text| !text.is_empty())
        .collect();
    parts.join(" · ")
}

fn detail(variable: &Spoken) -> serde_json::Value {
    serde_json::json!({
        "oid": variable.oid.to_string(),
        "name": variable.name,
        "text": plain_text(&variable.text, VARIABLE_CHARS_MAX),
    })
}

/// Variables as they are kept: OID, name, the value with its type, and in words.
fn variables(trap: &Trap, spoken: &[Spoken]) -> serde_json::Value {
    trap.varbinds
        .iter()
        .zip(spoken)
        .map(|(varbind, spoken)| {
            let mut kept = detail(spoken);
            kept["value"] = value(&varbind.value);
            kept
        })
        .collect()
}

fn value(value: &Value) -> serde_json::Value {
    match value {
        Value::OctetString(bytes) | Value::Opaque(bytes) => {
            plain_text(&String::from_utf8_lossy(bytes), VARIABLE_CHARS_MAX).into()
        }
        Value::Oid(oid) => oid.to_string().into(),
        Value::IpAddress([a, b, c, d]) => format!("{a}.{b}.{c}.{d}").into(),
        Value::Counter64(number) => (*number).into(),
        other => other.as_i64().map_or(serde_json::Value::Null, Into::into),
    }
}

async fn keep_groups(
    parts: Arc<TrapParts>,
    mut queue: mpsc::Receiver<(NewTrap, Option<NewEvent>)>,
) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    while queue.recv_many(&mut group, GROUP_MAX).await > 0 {
        let count = group.len() as u64;
        match parts.store.traps().append(std::mem::take(&mut group)).await {
            Ok(()) => drop(parts.changed.send(Topic::Events)),
            Err(error) => {
                parts.tally.lost.fetch_add(count, Ordering::Relaxed);
                tracing::warn!(%error, count, "traps were not stored");
                // A full disk answers at once; do not spin over it.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// One event for what a storm lost, not one for each of its traps.
async fn tell_storms(parts: Arc<TrapParts>, gate: Arc<Mutex<TrapGate>>) {
    let mut look = tokio::time::interval(STORM_LOOK);
    loop {
        look.tick().await;
        let storms = gate
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .storms(Instant::now());
        if storms.is_empty() {
            continue;
        }
        let events = storms.iter().map(|storm| storm_event(&parts, storm));
        let events: Vec<NewEvent> = events.collect();
        for event in &events {
            parts.tell(Some(event));
        }
        if let Err(error) = parts.store.events().append(events).await {
            tracing::warn!(%error, "the event of a storm of traps was not stored");
        }
        let _ = parts.changed.send(Topic::Events);
    }
}

fn storm_event(parts: &TrapParts, storm: &Storm) -> NewEvent {
    tracing::warn!(source = %storm.source, dropped = storm.dropped, "a storm of traps");
    let reason = Reason::new("trap_storm")
        .with("count", storm.dropped)
        .with("source", storm.source.to_string());
    let device = storm.device.as_ref();
    NewEvent {
        at: Timestamp::now(),
        kind: watch::EventKind::Trap.as_str().to_owned(),
        health: "degraded".to_owned(),
        device: device.map(ToString::to_string),
        device_name: device.map(|id| parts.estate.device_name(id)),
        interface: None,
        site: device.and_then(|id| parts.estate.place(id, None).1),
        reason: serde_json::to_value(reason).unwrap_or_default(),
        held_back_by: None,
    }
}

//! From the trap port to the store and the watch: informs one by one before their acknowledgement, traps in groups.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use nhipcau_inventory::trap::Trap;
use nhipcau_inventory::{SnmpVersion, Value};
use tokio::sync::{broadcast, mpsc};

use super::Topic;
use super::clean::plain_text;
use super::estate::Estate;
use crate::drive::snmp::Command;
use crate::drive::trap::{Commit, Committed, TrapSink};
use crate::http::views::Reason;
use crate::store::{NewEvent, NewTrap, Store};

/// Traps waiting for their commit: 5,000 in 10 s fit several times over. Beyond it traps are lost and counted.
const WAITING_MAX: usize = 16_384;
/// Traps of one commit.
const GROUP_MAX: usize = 512;
/// How long an inform may wait for its commit; senders repeat after some seconds anyway.
const COMMIT_WAIT: Duration = Duration::from_secs(5);
/// Longest text of one variable that is kept.
const VARIABLE_CHARS_MAX: usize = 1_024;

/// The sink of the trap port.
pub(crate) struct TrapDesk {
    store: Store,
    runtime: tokio::runtime::Handle,
    waiting: mpsc::Sender<NewTrap>,
    watch: mpsc::Sender<Command>,
    estate: Arc<Estate>,
    changed: broadcast::Sender<Topic>,
    lost: Arc<AtomicU64>,
}

impl TrapDesk {
    /// A sink that writes to `store` on the current runtime and tells the watch.
    pub(crate) fn start(
        store: Store,
        watch: mpsc::Sender<Command>,
        estate: Arc<Estate>,
        changed: broadcast::Sender<Topic>,
        lost: Arc<AtomicU64>,
    ) -> Self {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        tokio::spawn(keep_groups(store.clone(), queue, lost.clone()));
        Self {
            store,
            runtime: tokio::runtime::Handle::current(),
            waiting,
            watch,
            estate,
            changed,
            lost,
        }
    }

    /// What pages show of an inform. The watch tells of traps; of an inform the store must know before its acknowledgement.
    fn event(&self, trap: &Trap, kept: &NewTrap) -> NewEvent {
        let text = plain_text(&trap.text(), VARIABLE_CHARS_MAX);
        let reason = Reason::new("trap")
            .with("name", kept.name.as_str())
            .with("text", text);
        NewEvent {
            at: kept.at,
            kind: "trap".to_owned(),
            health: "ok".to_owned(),
            device: kept.device.clone(),
            device_name: trap.device.as_ref().map(|id| self.estate.device_name(id)),
            interface: None,
            site: None,
            reason: serde_json::to_value(reason).unwrap_or_default(),
            held_back_by: None,
        }
    }
}

impl TrapSink for TrapDesk {
    fn commit(&self, trap: Trap, identity: String, then: Committed) {
        let (store, kept) = (self.store.clone(), record(&trap, Some(identity)));
        let event = self.event(&trap, &kept);
        let (watch, lost) = (self.watch.clone(), self.lost.clone());
        let changed = self.changed.clone();
        self.runtime.spawn(async move {
            let table = store.traps();
            let stored = table.append_inform(kept, event);
            match tokio::time::timeout(COMMIT_WAIT, stored).await {
                // A repetition is one event.
                Ok(Ok(false)) => then(Commit::Repeated),
                Ok(Ok(true)) => {
                    then(Commit::Stored);
                    hasten(&watch, &lost, trap);
                    // Nobody listens when no page is open.
                    let _ = changed.send(Topic::Events);
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
        if self.waiting.try_send(record(&trap, None)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        hasten(&self.watch, &self.lost, trap);
    }
}

fn hasten(watch: &mpsc::Sender<Command>, lost: &AtomicU64, trap: Trap) {
    if watch.try_send(Command::Trap(trap)).is_err() {
        // The next poll sees what the trap would have said.
        lost.fetch_add(1, Ordering::Relaxed);
    }
}

async fn keep_groups(store: Store, mut queue: mpsc::Receiver<NewTrap>, lost: Arc<AtomicU64>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    while queue.recv_many(&mut group, GROUP_MAX).await > 0 {
        let count = group.len() as u64;
        if let Err(error) = store.traps().append(std::mem::take(&mut group)).await {
            lost.fetch_add(count, Ordering::Relaxed);
            tracing::warn!(%error, count, "traps were not stored");
            // A full disk answers at once; do not spin over it.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

fn record(trap: &Trap, inform_id: Option<String>) -> NewTrap {
    let variables: serde_json::Map<String, serde_json::Value> = trap
        .varbinds
        .iter()
        .map(|varbind| (varbind.oid.to_string(), value(&varbind.value)))
        .collect();
    NewTrap {
        at: Timestamp::now(),
        source: trap.source.to_string(),
        device: trap.device.as_ref().map(ToString::to_string),
        inform_id,
        // The port refuses SNMPv3 without authentication.
        authenticated: trap.version == SnmpVersion::V3,
        name: trap.name(),
        varbinds: variables.into(),
    }
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

//! What devices say of themselves (serial number, model, version …), and how that changed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::codec::{json, json_at, ms, signed, time_at};
use super::{Store, StoreError};

/// Facts by name, such as `serial` → `FDO2217A0QK`.
pub type DeviceFacts = BTreeMap<String, String>;

/// Most facts kept of one device: a hostile agent must not fill the disk.
const FACTS_MAX: usize = 4096;

/// A fact that changed, came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactChange {
    /// When it was noticed.
    pub at: Timestamp,
    /// Name of the fact.
    pub what: String,
    /// What it was; `None`: it came.
    pub old: Option<String>,
    /// What it is; `None`: it went.
    pub new: Option<String>,
}

/// The tables of facts.
pub struct DevicesSeen<'a> {
    pub(super) store: &'a Store,
}

fn load(connection: &Connection, device: &str) -> Result<Option<DeviceFacts>, StoreError> {
    connection
        .prepare_cached("SELECT facts FROM devices WHERE device = ?1")?
        .query_and_then([device], |row| json_at(row, "facts"))?
        .next()
        .transpose()
}

fn differences(old: &DeviceFacts, new: &DeviceFacts, at: Timestamp) -> Vec<FactChange> {
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| FactChange {
            at,
            what: name.clone(),
            old: old.get(name).cloned(),
            new: new.get(name).cloned(),
        })
        .collect()
}

impl DevicesSeen<'_> {
    /// Keeps the facts of a device, and the changes against what was kept before; answers the changes. The first
    /// facts of a device are no change.
    ///
    /// # Errors
    /// As every write; [`StoreError::Refused`] `too_many_facts` beyond 4096.
    pub async fn put(
        &self,
        device: &str,
        facts: DeviceFacts,
        at: Timestamp,
    ) -> Result<Vec<FactChange>, StoreError> {
        if facts.len() > FACTS_MAX {
            return Err(StoreError::Refused("too_many_facts"));
        }
        let device = device.to_owned();
        self.store
            .write(move |connection| {
                let changes = load(connection, &device)?
                    .map(|old| differences(&old, &facts, at))
                    .unwrap_or_default();
                for change in &changes {
                    connection
                        .prepare_cached("INSERT INTO device_history (device, at, what, old, new) VALUES (?1, ?2, ?3, ?4, ?5)")?
                        .execute(params![device, ms(at), change.what, change.old, change.new])?;
                }
                connection
                    .prepare_cached(
                        "INSERT INTO devices (device, facts, seen_at) VALUES (?1, ?2, ?3)
                         ON CONFLICT (device) DO UPDATE SET facts = ?2, seen_at = ?3",
                    )?
                    .execute(params![device, json(&facts)?, ms(at)])?;
                Ok(changes)
            })
            .await
    }

    /// The facts kept of every device.
    ///
    /// # Errors
    /// As every read.
    pub async fn all(&self) -> Result<BTreeMap<String, DeviceFacts>, StoreError> {
        self.store
            .read(|connection| {
                connection
                    .prepare_cached("SELECT device, facts FROM devices")?
                    .query_and_then([], |row| Ok((row.get("device")?, json_at(row, "facts")?)))?
                    .collect()
            })
            .await
    }

    /// The newest `limit` changes of a device.
    ///
    /// # Errors
    /// As every read.
    pub async fn history(&self, device: &str, limit: u32) -> Result<Vec<FactChange>, StoreError> {
        let device = device.to_owned();
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT * FROM device_history WHERE device = ?1 ORDER BY id DESC LIMIT ?2",
                    )?
                    .query_and_then(params![device, signed(limit.into())], |row| {
                        Ok(FactChange {
                            at: time_at(row, "at")?,
                            what: row.get("what")?,
                            old: row.get("old")?,
                            new: row.get("new")?,
                        })
                    })?
                    .collect()
            })
            .await
    }
}

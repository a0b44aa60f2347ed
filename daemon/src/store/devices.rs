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

fn change(row: &rusqlite::Row<'_>) -> Result<FactChange, StoreError> {
    Ok(FactChange {
        at: time_at(row, "at")?,
        what: row.get("what")?,
        old: row.get("old")?,
        new: row.get("new")?,
    })
}

/// Marks facts that hold all that is looked at today: what an older program did not keep did not come today.
const FORM: (&str, &str) = ("form", "2");
const NEIGHBOUR: &str = "neighbour of ";
const INTERFACE: &str = "interface ";

/// Whether an older program kept that fact.
fn is_old_fact(name: &str) -> bool {
    matches!(name, "vendor" | "model" | "serial" | "version") || name.starts_with("serial of ")
}

/// A neighbour that is silent may only have its link down: what was last heard stays, until another is heard or the interface goes.
fn keep_neighbours(old: &DeviceFacts, new: &mut DeviceFacts) {
    for (name, value) in old {
        if let Some(interface) = name.strip_prefix(NEIGHBOUR)
            && !new.contains_key(name)
            && new.contains_key(&format!("{INTERFACE}{interface}"))
        {
            new.insert(name.clone(), value.clone());
        }
    }
}

fn differences(old: &DeviceFacts, new: &DeviceFacts, at: Timestamp) -> Vec<FactChange> {
    let whole = old.contains_key(FORM.0);
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changes = names
        .into_iter()
        .filter(|name| **name != FORM.0 && (whole || is_old_fact(name)))
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| FactChange {
            at,
            what: name.clone(),
            old: old.get(name).cloned(),
            new: new.get(name).cloned(),
        })
        .collect();
    renamed(changes)
}

/// An interface that went and one that came with the same address, both alone with it, are one that was renamed.
fn renamed(changes: Vec<FactChange>) -> Vec<FactChange> {
    let mut gone: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut come: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for change in &changes {
        let Some(interface) = change.what.strip_prefix(INTERFACE) else {
            continue;
        };
        match (change.old.as_deref(), change.new.as_deref()) {
            (Some(mac), None) if !mac.is_empty() => gone.entry(mac).or_default().push(interface),
            (None, Some(mac)) if !mac.is_empty() => come.entry(mac).or_default().push(interface),
            _ => {}
        }
    }
    let mut pairs: BTreeMap<String, String> = BTreeMap::new();
    for (mac, old) in &gone {
        if let ([old], Some([new])) = (old.as_slice(), come.get(mac).map(Vec::as_slice)) {
            pairs.insert((*old).to_owned(), (*new).to_owned());
        }
    }
    changes
        .into_iter()
        .filter_map(|change| {
            let Some(interface) = change.what.strip_prefix(INTERFACE) else {
                return Some(change);
            };
            if let Some(new) = pairs.get(interface).filter(|_| change.new.is_none()) {
                return Some(FactChange {
                    at: change.at,
                    what: format!("interface renamed {new}"),
                    old: Some(interface.to_owned()),
                    new: Some(new.clone()),
                });
            }
            let is_new_half = change.old.is_none() && pairs.values().any(|new| new == interface);
            (!is_new_half).then_some(change)
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
        mut facts: DeviceFacts,
        at: Timestamp,
    ) -> Result<Vec<FactChange>, StoreError> {
        if facts.len() > FACTS_MAX {
            return Err(StoreError::Refused("too_many_facts"));
        }
        let device = device.to_owned();
        self.store
            .write(move |connection| {
                facts.insert(FORM.0.to_owned(), FORM.1.to_owned());
                let changes = load(connection, &device)?
                    .map(|old| {
                        keep_neighbours(&old, &mut facts);
                        differences(&old, &facts, at)
                    })
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

    /// What changed on all devices from `since` to `until`, oldest first, at most `limit` changes.
    ///
    /// # Errors
    /// As every read.
    pub async fn changes(
        &self,
        since: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(String, FactChange)>, StoreError> {
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT * FROM device_history WHERE at >= ?1 AND at < ?2 ORDER BY at, id LIMIT ?3",
                    )?
                    .query_and_then(params![ms(since), ms(until), signed(limit.into())], |row| {
                        Ok((row.get("device")?, change(row)?))
                    })?
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
                    .query_and_then(params![device, signed(limit.into())], change)?
                    .collect()
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(list: &[(&str, &str)]) -> DeviceFacts {
        list.iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn a_swapped_part_a_renamed_port_and_another_neighbour_are_told_and_a_silent_one_is_not() {
        let old = facts(&[
            ("form", "2"),
            ("serial of Disk 1", "A"),
            ("interface Gi0/1", "00:01"),
            ("interface Gi0/2", "00:02"),
            ("interface Vlan1", "00:09"),
            ("neighbour of Gi0/2", "core · 7"),
            ("neighbour of Vlan1", "x · 1"),
        ]);
        let mut new = facts(&[
            ("form", "2"),
            ("serial of Disk 1", "B"),
            ("interface GigabitEthernet0/1", "00:01"),
            ("interface Gi0/2", "00:02"),
            ("interface Vlan1", "00:09"),
            ("neighbour of Vlan1", "y · 1"),
        ]);
        keep_neighbours(&old, &mut new);
        let changes = differences(&old, &new, Timestamp::UNIX_EPOCH);
        let told: Vec<_> = changes
            .iter()
            .map(|c| (c.what.as_str(), c.old.as_deref(), c.new.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "interface renamed GigabitEthernet0/1",
                    Some("Gi0/1"),
                    Some("GigabitEthernet0/1")
                ),
                ("neighbour of Vlan1", Some("x · 1"), Some("y · 1")),
                ("serial of Disk 1", Some("A"), Some("B")),
            ]
        );
    }

    #[test]
    fn what_an_older_program_did_not_keep_did_not_come_today() {
        let old = facts(&[("serial", "A")]);
        let new = facts(&[("form", "2"), ("serial", "B"), ("interface Gi0/1", "00:01")]);
        let changes = differences(&old, &new, Timestamp::UNIX_EPOCH);
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].what, "serial");
    }
}

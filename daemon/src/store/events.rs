//! Events of devices, links and sites.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::codec::{json, json_at, ms, signed, time_at};
use super::{Store, StoreError};

/// An event to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// When it happened.
    pub at: Timestamp,
    /// Its kind, such as `link_down`.
    pub kind: String,
    /// `ok`, `degraded`, `critical` or `unknown`.
    pub health: String,
    /// Device id.
    pub device: Option<String>,
    /// Its name then.
    pub device_name: Option<String>,
    /// Interface name.
    pub interface: Option<String>,
    /// Site id.
    pub site: Option<String>,
    /// The reason, as the protocol writes it.
    pub reason: Value,
    /// The device whose fault holds the notification back.
    pub held_back_by: Option<String>,
}

/// A kept event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// Ascending id.
    pub id: i64,
    /// What happened.
    pub event: NewEvent,
}

/// The table of events.
pub struct Events<'a> {
    pub(super) store: &'a Store,
}

fn row_of(row: &Row<'_>) -> Result<EventRecord, StoreError> {
    Ok(EventRecord {
        id: row.get("id")?,
        event: NewEvent {
            at: time_at(row, "at")?,
            kind: row.get("kind")?,
            health: row.get("health")?,
            device: row.get("device")?,
            device_name: row.get("device_name")?,
            interface: row.get("interface")?,
            site: row.get("site")?,
            reason: json_at(row, "reason")?,
            held_back_by: row.get("held_back_by")?,
        },
    })
}

/// Writes one event in the transaction of `connection`; its id.
pub(super) fn insert(connection: &Connection, event: &NewEvent) -> Result<i64, StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO events (at, kind, health, device, device_name, interface, site, reason, held_back_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    Ok(insert.insert(params![
        ms(event.at),
        event.kind,
        event.health,
        event.device,
        event.device_name,
        event.interface,
        event.site,
        json(&event.reason)?,
        event.held_back_by
    ])?)
}

impl Events<'_> {
    /// Keeps events, all or none; answers their ids after the commit.
    ///
    /// # Errors
    /// As every write.
    pub async fn append(&self, events: Vec<NewEvent>) -> Result<Vec<i64>, StoreError> {
        self.store
            .write(move |connection| {
                events
                    .iter()
                    .map(|event| insert(connection, event))
                    .collect()
            })
            .await
    }

    /// The newest `limit` events with ids below `before`, of one device or of all.
    ///
    /// # Errors
    /// As every read.
    pub async fn page(
        &self,
        before: Option<i64>,
        limit: u32,
        device: Option<&str>,
    ) -> Result<Vec<EventRecord>, StoreError> {
        let before = before.unwrap_or(i64::MAX);
        let device = device.map(str::to_owned);
        self.store
            .read(move |connection| {
                let limit = signed(limit.into());
                match device {
                    Some(device) => connection
                        .prepare_cached("SELECT * FROM events WHERE device = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3")?
                        .query_and_then(params![device, before, limit], row_of)?
                        .collect(),
                    None => connection
                        .prepare_cached("SELECT * FROM events WHERE id < ?1 ORDER BY id DESC LIMIT ?2")?
                        .query_and_then(params![before, limit], row_of)?
                        .collect(),
                }
            })
            .await
    }
}

//! Received traps and informs.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use super::codec::{json, json_at, ms, signed, time_at};
use super::{NewEvent, Store, StoreError};

/// A trap or inform to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTrap {
    /// When it came.
    pub at: Timestamp,
    /// Address and port it came from.
    pub source: String,
    /// The device of the inventory it belongs to.
    pub device: Option<String>,
    /// For an inform: what makes a repetition recognisable (source, request id, engine boots). A repeated inform is kept once.
    pub inform_id: Option<String>,
    /// By SNMPv3 with authentication.
    pub authenticated: bool,
    /// Name or OID of the notification.
    pub name: String,
    /// Its variables, as JSON; hostile text.
    pub varbinds: Value,
}

/// A kept trap.
#[derive(Debug, Clone, PartialEq)]
pub struct TrapRow {
    /// Ascending id.
    pub id: i64,
    /// What came.
    pub trap: NewTrap,
}

/// The table of traps.
pub struct Traps<'a> {
    pub(super) store: &'a Store,
}

/// Writes one trap in the transaction of `connection`; its id, or `None` for a repeated inform.
fn insert(connection: &Connection, trap: &NewTrap) -> Result<Option<i64>, StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO traps (at, source, device, inform_id, authenticated, name, varbinds)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (inform_id) DO NOTHING RETURNING id",
    )?;
    let row = params![
        ms(trap.at),
        trap.source,
        trap.device,
        trap.inform_id,
        trap.authenticated,
        trap.name,
        json(&trap.varbinds)?
    ];
    Ok(insert.query_row(row, |row| row.get(0)).optional()?)
}

impl Traps<'_> {
    /// Keeps traps and the events that tell of them, all or none.
    ///
    /// # Errors
    /// As every write.
    pub async fn append(&self, traps: Vec<(NewTrap, Option<NewEvent>)>) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                traps.iter().try_for_each(|(trap, event)| {
                    insert(connection, trap)?;
                    if let Some(event) = event {
                        super::events::insert(connection, event)?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Keeps an inform and the event that tells of it, both or none; acknowledge it after this resolves. `false`: a repetition, already kept.
    ///
    /// # Errors
    /// As every write; then do not acknowledge.
    pub async fn append_inform(
        &self,
        inform: NewTrap,
        event: Option<NewEvent>,
    ) -> Result<bool, StoreError> {
        self.store
            .write(move |connection| {
                let fresh = insert(connection, &inform)?.is_some();
                if let (true, Some(event)) = (fresh, &event) {
                    super::events::insert(connection, event)?;
                }
                Ok(fresh)
            })
            .await
    }

    /// The newest `limit` traps with ids below `before`, of one device or of all.
    ///
    /// # Errors
    /// As every read.
    pub async fn page(
        &self,
        before: Option<i64>,
        limit: u32,
        device: Option<&str>,
    ) -> Result<Vec<TrapRow>, StoreError> {
        let (before, device) = (before.unwrap_or(i64::MAX), device.map(str::to_owned));
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT * FROM traps WHERE id < ?1 AND (?2 IS NULL OR device = ?2) ORDER BY id DESC LIMIT ?3",
                    )?
                    .query_and_then(params![before, device, signed(limit.into())], |row| {
                        Ok(TrapRow {
                            id: row.get("id")?,
                            trap: NewTrap {
                                at: time_at(row, "at")?,
                                source: row.get("source")?,
                                device: row.get("device")?,
                                inform_id: row.get("inform_id")?,
                                authenticated: row.get("authenticated")?,
                                name: row.get("name")?,
                                varbinds: json_at(row, "varbinds")?,
                            },
                        })
                    })?
                    .collect()
            })
            .await
    }
}

//! Announced maintenance: what, when, who and why. Windows are ended, never removed: the account of past months rests on them.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::Value;

use super::codec::{json, json_at, json_or_none, ms, time, time_at, time_or_none};
use super::{NewAudit, Store, StoreError, audit};

/// A window to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMaintenance {
    /// What is done.
    pub title: String,
    /// Why, and what to expect.
    pub note: String,
    /// What it covers, as the protocol writes it.
    pub scopes: Value,
    /// Start of the first occurrence.
    pub starts_at: Timestamp,
    /// Its end.
    pub ends_at: Timestamp,
    /// How it repeats, as the protocol writes it.
    pub recurrence: Option<Value>,
    /// Who announced it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// A kept window.
#[derive(Debug, Clone, PartialEq)]
pub struct MaintenanceRow {
    /// Ascending id.
    pub id: i64,
    /// As announced.
    pub window: NewMaintenance,
    /// When all of it was ended.
    pub ended_at: Option<Timestamp>,
    /// By whom.
    pub ended_by: Option<String>,
    /// Occurrences ended early: their start and their end.
    pub ended: Vec<(Timestamp, Timestamp)>,
}

/// The table of windows.
pub struct Maintenances<'a> {
    pub(super) store: &'a Store,
}

fn all(connection: &Connection, only: Option<i64>) -> Result<Vec<MaintenanceRow>, StoreError> {
    let mut ended: HashMap<i64, Vec<(Timestamp, Timestamp)>> = HashMap::new();
    let mut query = connection.prepare_cached(
        "SELECT maintenance, starts_at, ended_at FROM maintenance_ended ORDER BY starts_at",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let occurrence = (time(row.get(1)?)?, time(row.get(2)?)?);
        ended.entry(row.get(0)?).or_default().push(occurrence);
    }
    connection
        .prepare_cached("SELECT * FROM maintenance WHERE ?1 IS NULL OR id = ?1 ORDER BY id DESC")?
        .query_and_then([only], |row| {
            let id = row.get("id")?;
            Ok(MaintenanceRow {
                id,
                window: NewMaintenance {
                    title: row.get("title")?,
                    note: row.get("note")?,
                    scopes: json_at(row, "scopes")?,
                    starts_at: time_at(row, "starts_at")?,
                    ends_at: time_at(row, "ends_at")?,
                    recurrence: json_or_none(row, "recurrence")?,
                    created_by: row.get("created_by")?,
                    created_at: time_at(row, "created_at")?,
                },
                ended_at: time_or_none(row, "ended_at")?,
                ended_by: row.get("ended_by")?,
                ended: ended.remove(&id).unwrap_or_default(),
            })
        })?
        .collect()
}

fn find(connection: &Connection, id: i64) -> Result<MaintenanceRow, StoreError> {
    all(connection, Some(id))?
        .pop()
        .ok_or(StoreError::NotFound("maintenance"))
}

impl Maintenances<'_> {
    /// Keeps a window.
    ///
    /// # Errors
    /// As every write.
    pub async fn create(
        &self,
        new: NewMaintenance,
        entry: NewAudit,
    ) -> Result<MaintenanceRow, StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "INSERT INTO maintenance (title, note, scopes, starts_at, ends_at, recurrence, created_by, created_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    params![
                        new.title,
                        new.note,
                        json(&new.scopes)?,
                        ms(new.starts_at),
                        ms(new.ends_at),
                        new.recurrence.as_ref().map(json).transpose()?,
                        new.created_by,
                        ms(new.created_at)
                    ],
                )?;
                let id = connection.last_insert_rowid();
                audit::insert(
                    connection,
                    &NewAudit {
                        subject: id.to_string(),
                        ..entry
                    },
                )?;
                find(connection, id)
            })
            .await
    }

    /// Ends a window at `at`: the occurrence that began at `occurrence`, or all of it. What has ended stays ended.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn end(
        &self,
        id: i64,
        occurrence: Option<Timestamp>,
        at: Timestamp,
        by: &str,
        entry: NewAudit,
    ) -> Result<MaintenanceRow, StoreError> {
        let by = by.to_owned();
        self.store
            .write(move |connection| {
                match occurrence {
                    Some(start) => connection.execute(
                        "INSERT OR IGNORE INTO maintenance_ended (maintenance, starts_at, ended_at)
                         SELECT id, ?2, ?3 FROM maintenance WHERE id = ?1",
                        params![id, ms(start), ms(at)],
                    )?,
                    None => connection.execute(
                        "UPDATE maintenance SET ended_at = ?2, ended_by = ?3 WHERE id = ?1 AND ended_at IS NULL",
                        params![id, ms(at), by],
                    )?,
                };
                audit::insert(connection, &entry)?;
                find(connection, id)
            })
            .await
    }

    /// All windows, newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn list(&self) -> Result<Vec<MaintenanceRow>, StoreError> {
        self.store.read(|connection| all(connection, None)).await
    }

    /// One window.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&self, id: i64) -> Result<MaintenanceRow, StoreError> {
        self.store
            .read(move |connection| find(connection, id))
            .await
    }
}

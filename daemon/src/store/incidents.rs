//! Incidents: a cause, what it affects, and who took care of it.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::codec::{json, json_at, ms, signed, time_at, time_or_none};
use super::{NewAudit, Store, StoreError, audit};

/// An incident as the daemon knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewIncident {
    /// When it began.
    pub opened_at: Timestamp,
    /// `degraded`, `critical` …
    pub health: String,
    /// The cause, as the protocol writes it.
    pub reason: Value,
    /// Device id.
    pub device: Option<String>,
    /// Its name then.
    pub device_name: Option<String>,
    /// Interface name.
    pub interface: Option<String>,
    /// Names of the sites affected.
    pub sites: Vec<String>,
    /// Devices held back behind the cause, as the protocol writes them.
    pub behind: Value,
}

/// An incident as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentRecord {
    /// Ascending id.
    pub id: i64,
    /// What is known of it.
    pub incident: NewIncident,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// Who took it.
    pub acknowledged_by: Option<String>,
    /// What they said.
    pub note: Option<String>,
    /// When they took it.
    pub acknowledged_at: Option<Timestamp>,
    /// Playbook runs that it started.
    pub run_ids: Vec<i64>,
}

/// The table of incidents.
pub struct Incidents<'a> {
    pub(super) store: &'a Store,
}

fn row_of(row: &Row<'_>) -> Result<IncidentRecord, StoreError> {
    Ok(IncidentRecord {
        id: row.get("id")?,
        incident: NewIncident {
            opened_at: time_at(row, "opened_at")?,
            health: row.get("health")?,
            reason: json_at(row, "reason")?,
            device: row.get("device")?,
            device_name: row.get("device_name")?,
            interface: row.get("interface")?,
            sites: json_at(row, "sites")?,
            behind: json_at(row, "behind")?,
        },
        closed_at: time_or_none(row, "closed_at")?,
        acknowledged_by: row.get("acknowledged_by")?,
        note: row.get("note")?,
        acknowledged_at: time_or_none(row, "acknowledged_at")?,
        run_ids: json_at(row, "run_ids")?,
    })
}

fn find(connection: &Connection, id: i64) -> Result<IncidentRecord, StoreError> {
    connection
        .prepare_cached("SELECT * FROM incidents WHERE id = ?1")?
        .query_and_then([id], row_of)?
        .next()
        .unwrap_or(Err(StoreError::NotFound("incident")))
}

impl Incidents<'_> {
    /// Opens an incident; answers its id.
    ///
    /// # Errors
    /// As every write.
    pub async fn open(&self, new: NewIncident) -> Result<i64, StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "INSERT INTO incidents (opened_at, health, reason, device, device_name, interface, sites, behind, run_ids)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '[]')",
                    params![
                        ms(new.opened_at),
                        new.health,
                        json(&new.reason)?,
                        new.device,
                        new.device_name,
                        new.interface,
                        json(&new.sites)?,
                        json(&new.behind)?
                    ],
                )?;
                Ok(connection.last_insert_rowid())
            })
            .await
    }

    /// Replaces what is known of an incident (its sites, what is behind it); the beginning stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn update(&self, id: i64, now: NewIncident) -> Result<IncidentRecord, StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "UPDATE incidents SET health = ?2, reason = ?3, sites = ?4, behind = ?5 WHERE id = ?1",
                    params![id, now.health, json(&now.reason)?, json(&now.sites)?, json(&now.behind)?],
                )?;
                find(connection, id)
            })
            .await
    }

    /// Closes an incident; closing twice keeps the first end.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn close(&self, id: i64, at: Timestamp) -> Result<IncidentRecord, StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "UPDATE incidents SET closed_at = ?2 WHERE id = ?1 AND closed_at IS NULL",
                    params![id, ms(at)],
                )?;
                find(connection, id)
            })
            .await
    }

    /// Notes who took the incident.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn acknowledge(
        &self,
        id: i64,
        by: &str,
        note: &str,
        entry: NewAudit,
    ) -> Result<IncidentRecord, StoreError> {
        let (by, note) = (by.to_owned(), note.to_owned());
        self.store
            .write(move |connection| {
                connection.execute(
                    "UPDATE incidents SET acknowledged_by = ?2, note = ?3, acknowledged_at = ?4 WHERE id = ?1",
                    params![id, by, note, ms(entry.at)],
                )?;
                audit::insert(connection, &entry)?;
                find(connection, id)
            })
            .await
    }

    /// Takes the note of who took the incident away again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn unacknowledge(
        &self,
        id: i64,
        entry: NewAudit,
    ) -> Result<IncidentRecord, StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "UPDATE incidents SET acknowledged_by = NULL, note = NULL, acknowledged_at = NULL WHERE id = ?1",
                    [id],
                )?;
                audit::insert(connection, &entry)?;
                find(connection, id)
            })
            .await
    }

    /// Notes that the incident started a playbook run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn add_run(&self, id: i64, run: i64) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                let mut runs = find(connection, id)?.run_ids;
                if !runs.contains(&run) {
                    runs.push(run);
                }
                connection.execute(
                    "UPDATE incidents SET run_ids = ?2 WHERE id = ?1",
                    params![id, json(&runs)?],
                )?;
                Ok(())
            })
            .await
    }

    /// One incident.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&self, id: i64) -> Result<IncidentRecord, StoreError> {
        self.store
            .read(move |connection| find(connection, id))
            .await
    }

    /// The newest `limit` incidents, only open ones if so wanted.
    ///
    /// # Errors
    /// As every read.
    pub async fn list(
        &self,
        open_only: bool,
        limit: u32,
    ) -> Result<Vec<IncidentRecord>, StoreError> {
        self.store
            .read(move |connection| {
                let sql = if open_only {
                    "SELECT * FROM incidents WHERE closed_at IS NULL ORDER BY id DESC LIMIT ?1"
                } else {
                    "SELECT * FROM incidents ORDER BY id DESC LIMIT ?1"
                };
                connection
                    .prepare_cached(sql)?
                    .query_and_then([signed(limit.into())], row_of)?
                    .collect()
            })
            .await
    }
}

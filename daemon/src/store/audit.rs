//! Who changed what, written in the transaction of the change itself.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::codec::{ms, signed, time_at};
use super::{Store, StoreError};

/// A change to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAudit {
    /// When.
    pub at: Timestamp,
    /// Username, or `daemon`.
    pub actor: String,
    /// Where the request came from.
    pub address: String,
    /// What was done, `noun.verb`.
    pub action: &'static str,
    /// To whom or what.
    pub subject: String,
    /// More, without secrets.
    pub detail: String,
}

/// A change written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Row id, ascending.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Username, or `daemon`.
    pub actor: String,
    /// Where the request came from.
    pub address: String,
    /// What was done, `noun.verb`.
    pub action: String,
    /// To whom or what.
    pub subject: String,
    /// More.
    pub detail: String,
}

/// The audit log.
pub struct Audit<'a> {
    pub(super) store: &'a Store,
}

pub(super) fn insert(connection: &Connection, entry: &NewAudit) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO audit (at, actor, address, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![ms(entry.at), entry.actor, entry.address, entry.action, entry.subject, entry.detail],
    )?;
    Ok(())
}

impl Audit<'_> {
    /// Writes down an act that changes no row itself (a sign-in, a mute).
    ///
    /// # Errors
    /// As every write.
    pub async fn append(&self, entry: NewAudit) -> Result<(), StoreError> {
        self.store
            .write(move |connection| insert(connection, &entry))
            .await
    }

    /// The newest `limit` entries older than `before`.
    ///
    /// # Errors
    /// As every read.
    pub async fn page(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let before = before.unwrap_or(i64::MAX);
        self.store
            .read(move |connection| {
                let mut query = connection.prepare_cached(
                    "SELECT * FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
                )?;
                query
                    .query_and_then(params![before, signed(limit.into())], |row| {
                        Ok(AuditRow {
                            id: row.get("id")?,
                            at: time_at(row, "at")?,
                            actor: row.get("actor")?,
                            address: row.get("address")?,
                            action: row.get("action")?,
                            subject: row.get("subject")?,
                            detail: row.get("detail")?,
                        })
                    })?
                    .collect()
            })
            .await
    }
}

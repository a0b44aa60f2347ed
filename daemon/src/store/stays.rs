//! How devices, links and sites stood, as intervals: the book behind availability.

use jiff::Timestamp;
use rusqlite::params;
use serde_json::Value;

use super::codec::{json, ms, time_at, time_or_none};
use super::{Store, StoreError};

/// A subject that stands differently from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStay {
    /// `device`, `link` or `site`.
    pub kind: &'static str,
    /// Its id.
    pub subject: String,
    /// Since when.
    pub from: Timestamp,
    /// `up`, `down`, `behind` or `unknown`.
    pub standing: &'static str,
    /// In announced maintenance.
    pub planned: bool,
    /// Why, as the protocol writes it.
    pub reason: Option<Value>,
}

/// A kept stay.
#[derive(Debug, Clone, PartialEq)]
pub struct StayRow {
    /// `device`, `link` or `site`.
    pub kind: String,
    /// Its id.
    pub subject: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None`: still.
    pub to: Option<Timestamp>,
    /// `up`, `down`, `behind` or `unknown`.
    pub standing: String,
    /// In announced maintenance.
    pub planned: bool,
    /// Why, as the protocol writes it.
    pub reason: Option<String>,
}

/// The table of stays.
pub struct Stays<'a> {
    pub(super) store: &'a Store,
}

impl Stays<'_> {
    /// Ends what is open for each subject and begins the new stays, in one commit that also notes that the daemon looked at `now`.
    ///
    /// # Errors
    /// As every write.
    pub async fn change(&self, stays: Vec<NewStay>, now: Timestamp) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                let mut end = connection.prepare_cached(
                    "UPDATE stays SET to_at = max(from_at, ?3) WHERE kind = ?1 AND subject = ?2 AND to_at IS NULL",
                )?;
                let mut begin = connection.prepare_cached(
                    "INSERT INTO stays (kind, subject, from_at, standing, planned, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?;
                for stay in stays {
                    end.execute(params![stay.kind, stay.subject, ms(stay.from)])?;
                    let reason = stay.reason.as_ref().map(json).transpose()?;
                    begin.execute(params![
                        stay.kind,
                        stay.subject,
                        ms(stay.from),
                        stay.standing,
                        stay.planned,
                        reason
                    ])?;
                }
                connection.execute(
                    "INSERT INTO looked (id, at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
                    [ms(now)],
                )?;
                Ok(())
            })
            .await
    }

    /// Ends every open stay where the daemon last looked: what came after, nobody saw. Call it at the start.
    ///
    /// # Errors
    /// As every write.
    pub async fn close_open(&self) -> Result<usize, StoreError> {
        self.store
            .write(|connection| {
                Ok(connection.execute(
                    "UPDATE stays SET to_at = max(from_at, coalesce((SELECT at FROM looked), from_at)) WHERE to_at IS NULL",
                    [],
                )?)
            })
            .await
    }

    /// Ends the open stay of a subject that is no longer watched.
    ///
    /// # Errors
    /// As every write.
    pub async fn end(
        &self,
        gone: Vec<(&'static str, String)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                let mut end = connection.prepare_cached(
                    "UPDATE stays SET to_at = max(from_at, ?3) WHERE kind = ?1 AND subject = ?2 AND to_at IS NULL",
                )?;
                for (kind, subject) in gone {
                    end.execute(params![kind, subject, ms(now)])?;
                }
                Ok(())
            })
            .await
    }

    /// Stays that touch `[from, to)`, of one subject, one kind or all; ordered by subject and beginning.
    ///
    /// # Errors
    /// As every read.
    pub async fn within(
        &self,
        kind: Option<&str>,
        subject: Option<&str>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<StayRow>, StoreError> {
        let (kind, subject) = (kind.map(str::to_owned), subject.map(str::to_owned));
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT kind, subject, from_at, to_at, standing, planned, reason FROM stays
                         WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR subject = ?2)
                           AND from_at < ?4 AND (to_at IS NULL OR to_at > ?3)
                         ORDER BY kind, subject, from_at",
                    )?
                    .query_and_then(params![kind, subject, ms(from), ms(to)], |row| {
                        Ok(StayRow {
                            kind: row.get("kind")?,
                            subject: row.get("subject")?,
                            from: time_at(row, "from_at")?,
                            to: time_or_none(row, "to_at")?,
                            standing: row.get("standing")?,
                            planned: row.get("planned")?,
                            reason: row.get("reason")?,
                        })
                    })?
                    .collect()
            })
            .await
    }
}

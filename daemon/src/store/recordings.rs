//! Index of recordings; the files stand in the recording directory.

use jiff::Timestamp;
use nhipcau_conference::ConferenceId;
use rusqlite::{Row, params};
use serde_json::Value;

use super::codec::{json, json_or_none, ms, signed, time_at, time_or_none, unsigned};
use super::{Store, StoreError};

/// A recording that begins.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecording {
    /// The conference.
    pub conference: ConferenceId,
    /// The conference's title then.
    pub title: String,
    /// File name inside the recording directory, made by the daemon.
    pub file: String,
    /// When it began.
    pub started_at: Timestamp,
}

/// A recording.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingRow {
    /// Row id.
    pub id: i64,
    /// The conference.
    pub conference: ConferenceId,
    /// The conference's title then.
    pub title: String,
    /// File name inside the recording directory.
    pub file: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Size so far.
    pub bytes: u64,
    /// `recording`, `done` or `failed`.
    pub state: String,
    /// Why it ended.
    pub reason: Option<Value>,
}

/// The table of recordings.
pub struct Recordings<'a> {
    pub(super) store: &'a Store,
}

fn row_of(row: &Row<'_>) -> Result<RecordingRow, StoreError> {
    Ok(RecordingRow {
        id: row.get("id")?,
        conference: ConferenceId(row.get("conference")?),
        title: row.get("title")?,
        file: row.get("file")?,
        started_at: time_at(row, "started_at")?,
        ended_at: time_or_none(row, "ended_at")?,
        bytes: unsigned(row.get("bytes")?),
        state: row.get("state")?,
        reason: json_or_none(row, "reason")?,
    })
}

impl Recordings<'_> {
    /// Notes that a recording begins; answers its id.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the file name is taken.
    pub async fn begin(&self, new: NewRecording) -> Result<i64, StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "INSERT INTO recordings (conference, title, file, started_at, state) VALUES (?1, ?2, ?3, ?4, 'recording')",
                    params![new.conference.0, new.title, new.file, ms(new.started_at)],
                )?;
                Ok(connection.last_insert_rowid())
            })
            .await
    }

    /// Notes how far a recording is.
    ///
    /// # Errors
    /// As every write.
    pub async fn grow(&self, id: i64, bytes: u64) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "UPDATE recordings SET bytes = ?2 WHERE id = ?1",
                    params![id, signed(bytes)],
                )?;
                Ok(())
            })
            .await
    }

    /// Notes that a recording ended, as it should (`failed` false) or not. Ending twice keeps the first end.
    ///
    /// # Errors
    /// As every write.
    pub async fn end(
        &self,
        id: i64,
        at: Timestamp,
        bytes: u64,
        failed: bool,
        reason: Option<Value>,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "UPDATE recordings SET ended_at = ?2, bytes = ?3, state = ?4, reason = ?5 WHERE id = ?1 AND state = 'recording'",
                    params![
                        id,
                        ms(at),
                        signed(bytes),
                        if failed { "failed" } else { "done" },
                        reason.as_ref().map(json).transpose()?
                    ],
                )?;
                Ok(())
            })
            .await
    }

    /// Recordings that a stopped daemon left running: to be ended with `daemon_restarted`.
    ///
    /// # Errors
    /// As every read.
    pub async fn unfinished(&self) -> Result<Vec<RecordingRow>, StoreError> {
        self.store
            .read(|connection| {
                connection
                    .prepare_cached(
                        "SELECT * FROM recordings WHERE state = 'recording' ORDER BY id",
                    )?
                    .query_and_then([], row_of)?
                    .collect()
            })
            .await
    }

    /// The newest 500 recordings, of one conference or of all.
    ///
    /// # Errors
    /// As every read.
    pub async fn list(
        &self,
        conference: Option<ConferenceId>,
    ) -> Result<Vec<RecordingRow>, StoreError> {
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT * FROM recordings WHERE ?1 IS NULL OR conference = ?1 ORDER BY id DESC LIMIT 500",
                    )?
                    .query_and_then([conference.map(|id| id.0)], row_of)?
                    .collect()
            })
            .await
    }

    /// One recording.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&self, id: i64) -> Result<RecordingRow, StoreError> {
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT * FROM recordings WHERE id = ?1")?
                    .query_and_then([id], row_of)?
                    .next()
                    .unwrap_or(Err(StoreError::NotFound("recording")))
            })
            .await
    }
}

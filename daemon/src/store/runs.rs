//! Playbook runs: the intent log, from which the engine recovers, and the views, which pages show.

use jiff::Timestamp;
use rusqlite::params;
use serde_json::Value;

use super::codec::{json, json_at, ms, signed};
use super::{Store, StoreError};

/// The intent log.
pub struct IntentLog<'a> {
    pub(super) store: &'a Store,
}

impl IntentLog<'_> {
    /// Appends an entry of a run; perform what it intends only after this resolves.
    ///
    /// # Errors
    /// As every write; then do not perform it.
    pub async fn append(&self, run: i64, entry: Value) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                connection
                    .prepare_cached("INSERT INTO intent_log (run, entry) VALUES (?1, ?2)")?
                    .execute(params![run, json(&entry)?])?;
                Ok(())
            })
            .await
    }

    /// All entries in the order they were appended.
    ///
    /// # Errors
    /// As every read.
    pub async fn load(&self) -> Result<Vec<Value>, StoreError> {
        self.store
            .read(|connection| {
                connection
                    .prepare_cached("SELECT entry FROM intent_log ORDER BY id")?
                    .query_and_then([], |row| json_at(row, "entry"))?
                    .collect()
            })
            .await
    }

    /// Drops the entries of runs that are over and began before `before`; their views stay. Recovery needs the younger ones for throttles.
    ///
    /// # Errors
    /// As every write.
    pub async fn prune(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.store
            .write(move |connection| {
                Ok(connection.execute(
                    "DELETE FROM intent_log WHERE run IN (SELECT id FROM runs WHERE finished = 1 AND started_at < ?1)",
                    [ms(before)],
                )?)
            })
            .await
    }
}

/// The views of runs.
pub struct RunRecords<'a> {
    pub(super) store: &'a Store,
}

impl RunRecords<'_> {
    /// Keeps the view of a run as it is now.
    ///
    /// # Errors
    /// As every write.
    pub async fn put(
        &self,
        id: i64,
        started_at: Timestamp,
        finished: bool,
        view: Value,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO runs (id, started_at, finished, view) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (id) DO UPDATE SET finished = ?3, view = ?4",
                    )?
                    .execute(params![id, ms(started_at), finished, json(&view)?])?;
                Ok(())
            })
            .await
    }

    /// The views of the newest `limit` runs.
    ///
    /// # Errors
    /// As every read.
    pub async fn list(&self, limit: u32) -> Result<Vec<Value>, StoreError> {
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT view FROM runs ORDER BY id DESC LIMIT ?1")?
                    .query_and_then([signed(limit.into())], |row| json_at(row, "view"))?
                    .collect()
            })
            .await
    }

    /// The view of one run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&self, id: i64) -> Result<Value, StoreError> {
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT view FROM runs WHERE id = ?1")?
                    .query_and_then([id], |row| json_at(row, "view"))?
                    .next()
                    .unwrap_or(Err(StoreError::NotFound("run")))
            })
            .await
    }

    /// The largest id given so far, zero if none: the engine numbers on from it.
    ///
    /// # Errors
    /// As every read.
    pub async fn last_id(&self) -> Result<i64, StoreError> {
        self.store
            .read(|connection| {
                let sql = "SELECT max(coalesce((SELECT max(id) FROM runs), 0), coalesce((SELECT max(run) FROM intent_log), 0))";
                Ok(connection.query_row(sql, [], |row| row.get(0))?)
            })
            .await
    }
}

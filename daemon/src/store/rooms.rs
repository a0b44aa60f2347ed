//! Live rooms as they were last, so that a restarted daemon seats everyone again.

use jiff::Timestamp;
use rusqlite::params;
use serde_json::Value;

use super::codec::{json, json_at, ms, time_at};
use super::{Store, StoreError};

/// The last state of a live room.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomSnapshotRow {
    /// Name of the room.
    pub room: String,
    /// When it was like that.
    pub at: Timestamp,
    /// The room, opaque to the store.
    pub snapshot: Value,
}

/// The table of snapshots.
pub struct RoomSnapshots<'a> {
    pub(super) store: &'a Store,
}

impl RoomSnapshots<'_> {
    /// Keeps the state of a room.
    ///
    /// # Errors
    /// As every write.
    pub async fn put(&self, row: RoomSnapshotRow) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO room_snapshots (room, at, snapshot) VALUES (?1, ?2, ?3)
                         ON CONFLICT (room) DO UPDATE SET at = ?2, snapshot = ?3",
                    )?
                    .execute(params![row.room, ms(row.at), json(&row.snapshot)?])?;
                Ok(())
            })
            .await
    }

    /// Drops the state of a room that has ended.
    ///
    /// # Errors
    /// As every write.
    pub async fn remove(&self, room: &str) -> Result<(), StoreError> {
        let room = room.to_owned();
        self.store
            .write(move |connection| {
                connection.execute("DELETE FROM room_snapshots WHERE room = ?1", [room])?;
                Ok(())
            })
            .await
    }

    /// All rooms that were live.
    ///
    /// # Errors
    /// As every read.
    pub async fn load(&self) -> Result<Vec<RoomSnapshotRow>, StoreError> {
        self.store
            .read(|connection| {
                connection
                    .prepare_cached("SELECT * FROM room_snapshots ORDER BY room")?
                    .query_and_then([], |row| {
                        Ok(RoomSnapshotRow {
                            room: row.get("room")?,
                            at: time_at(row, "at")?,
                            snapshot: json_at(row, "snapshot")?,
                        })
                    })?
                    .collect()
            })
            .await
    }
}

//! Presence as intervals, keyed as the room machine numbers them.

use jiff::Timestamp;
use nhipcau_conference::{AttendanceEntry, ConferenceId, Role, SeatId, SiteKey};
use rusqlite::{Row, params};

use super::codec::{json, json_or_none, ms, signed, time_at, time_or_none, unsigned};
use super::{Store, StoreError};

/// One interval, with the occurrence it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct AttendanceRow {
    /// Start of the occurrence.
    pub occurrence: Timestamp,
    /// The interval.
    pub entry: AttendanceEntry,
}

/// The table of intervals.
pub struct AttendanceLog<'a> {
    pub(super) store: &'a Store,
}

fn row_of(row: &Row<'_>) -> Result<AttendanceRow, StoreError> {
    let role: String = row.get("role")?;
    Ok(AttendanceRow {
        occurrence: time_at(row, "occurrence")?,
        entry: AttendanceEntry {
            interval: unsigned(row.get("interval")?),
            seat: SeatId(unsigned(row.get("seat")?)),
            site: SiteKey::from(row.get::<_, String>("site")?.as_str()),
            site_name: row.get("site_name")?,
            participant: row.get("participant")?,
            role: serde_json::from_value::<Role>(role.into())?,
            joined_at: time_at(row, "joined_at")?,
            left_at: time_or_none(row, "left_at")?,
            reason: json_or_none(row, "reason")?,
        },
    })
}

impl AttendanceLog<'_> {
    /// Keeps an interval as it is now: a new one, or one that closed. Saying the same twice changes nothing.
    ///
    /// # Errors
    /// As every write.
    pub async fn put(
        &self,
        id: ConferenceId,
        occurrence: Timestamp,
        entry: AttendanceEntry,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                let role = serde_json::to_value(entry.role)?;
                connection
                    .prepare_cached(
                        "INSERT INTO attendance (conference, occurrence, interval, seat, site, site_name, participant, role, joined_at, left_at, reason)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                         ON CONFLICT (conference, occurrence, interval) DO UPDATE SET role = ?8, left_at = ?10, reason = ?11",
                    )?
                    .execute(params![
                        id.0,
                        ms(occurrence),
                        signed(entry.interval),
                        signed(entry.seat.0),
                        entry.site.as_str(),
                        entry.site_name,
                        entry.participant,
                        role.as_str(),
                        ms(entry.joined_at),
                        entry.left_at.map(ms),
                        entry.reason.as_ref().map(json).transpose()?
                    ])?;
                Ok(())
            })
            .await
    }

    /// Closes what a stopped daemon left open, at `at`. Answers how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn close_open(
        &self,
        at: Timestamp,
        reason: nhipcau_conference::Reason,
    ) -> Result<usize, StoreError> {
        self.store
            .write(move |connection| {
                Ok(connection.execute(
                    "UPDATE attendance SET left_at = max(?1, joined_at), reason = ?2 WHERE left_at IS NULL",
                    params![ms(at), json(&reason)?],
                )?)
            })
            .await
    }

    /// All intervals of a conference, by occurrence and joining.
    ///
    /// # Errors
    /// As every read.
    pub async fn list(&self, id: ConferenceId) -> Result<Vec<AttendanceRow>, StoreError> {
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT * FROM attendance WHERE conference = ?1 ORDER BY occurrence, joined_at, interval",
                    )?
                    .query_and_then([id.0], row_of)?
                    .collect()
            })
            .await
    }
}

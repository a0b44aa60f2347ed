//! How much is kept. Bookings, attendance, recordings' index and accounts are kept for good.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::codec::{ms, signed};
use super::{Store, StoreError};

/// Caps, by rows and by age; whichever is passed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Rows of events, traps, and device history, each.
    pub rows_max: u64,
    /// Age of events, traps, closed incidents, finished runs, device history and what availability is computed from.
    pub age_max: SignedDuration,
    /// Age of the audit log.
    pub audit_age_max: SignedDuration,
}

impl Default for Retention {
    /// A million rows are about 300 MB; a year covers the yearly report; two years of audit cover an inquiry into last year.
    fn default() -> Self {
        Self {
            rows_max: 1_000_000,
            age_max: SignedDuration::from_hours(24 * 400),
            audit_age_max: SignedDuration::from_hours(24 * 731),
        }
    }
}

/// What a pruning removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Rows removed, of all tables.
    pub rows: usize,
    /// Rows remain beyond the caps: prune again soon.
    pub more: bool,
}

/// Rows removed from one table in one commit: other writes must not wait long.
const STEP: u64 = 5_000;

fn by_rows(connection: &Connection, table: &str, rows_max: u64) -> Result<usize, StoreError> {
    let sql = format!(
        "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE id <= (SELECT max(id) FROM {table}) - ?1 ORDER BY id LIMIT ?2)"
    );
    Ok(connection.execute(&sql, params![signed(rows_max), signed(STEP)])?)
}

fn by_age(
    connection: &Connection,
    table: &str,
    condition: &str,
    oldest: Timestamp,
) -> Result<usize, StoreError> {
    let sql = format!(
        "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {condition} ORDER BY id LIMIT ?2)"
    );
    Ok(connection.execute(&sql, params![ms(oldest), signed(STEP)])?)
}

impl Store {
    /// Removes what the caps say, in small steps, and sessions that are over. Call it every few minutes, at once again while [`Pruned::more`].
    ///
    /// # Errors
    /// As every write.
    pub async fn prune(&self, caps: Retention, now: Timestamp) -> Result<Pruned, StoreError> {
        let back = |age: SignedDuration| now.checked_sub(age).unwrap_or(Timestamp::UNIX_EPOCH);
        let (oldest, audit_oldest) = (back(caps.age_max), back(caps.audit_age_max));
        self.write(move |connection| {
            let mut removed = vec![
                by_age(connection, "stays", "to_at < ?1", oldest)?,
                by_age(connection, "incidents", "closed_at < ?1", oldest)?,
                by_age(connection, "runs", "finished AND started_at < ?1", oldest)?,
                by_age(connection, "audit", "at < ?1", audit_oldest)?,
            ];
            for table in ["events", "traps", "device_history"] {
                removed.push(by_age(connection, table, "at < ?1", oldest)?);
                removed.push(by_rows(connection, table, caps.rows_max)?);
            }
            connection.execute(
                "DELETE FROM sessions WHERE idle_until <= ?1 OR absolute_until <= ?1",
                [ms(now)],
            )?;
            Ok(Pruned {
                rows: removed.iter().sum(),
                more: removed.iter().any(|rows| *rows as u64 >= STEP),
            })
        })
        .await
    }
}

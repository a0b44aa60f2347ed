//! Who is signed in: hashes of cookies, with two ends each.

use jiff::Timestamp;
use rusqlite::params;

use super::accounts::account_of;
use super::codec::{ms, time_at};
use super::{AccountRow, NewAudit, Store, StoreError, audit};

/// A session to be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSession {
    /// SHA-256 of the cookie's value.
    pub hash: [u8; 32],
    /// Whose it is.
    pub account: i64,
    /// Ends then unless used before.
    pub idle_until: Timestamp,
    /// Ends then in any case.
    pub absolute_until: Timestamp,
    /// Where the sign-in came from.
    pub address: String,
}

/// A session that lasts.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Whose it is.
    pub account: AccountRow,
    /// Ends then unless used before.
    pub idle_until: Timestamp,
    /// Ends then in any case.
    pub absolute_until: Timestamp,
}

/// The table of sessions.
pub struct Sessions<'a> {
    pub(super) store: &'a Store,
}

impl Sessions<'_> {
    /// Keeps a session. At most `most` an account: the ones that would end first go.
    ///
    /// # Errors
    /// As every write.
    pub async fn create(
        &self,
        session: NewSession,
        most: u32,
        entry: NewAudit,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "INSERT INTO sessions (hash, account, created_at, idle_until, absolute_until, address)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        session.hash.as_slice(),
                        session.account,
                        ms(entry.at),
                        ms(session.idle_until),
                        ms(session.absolute_until),
                        session.address
                    ],
                )?;
                connection.execute(
                    "DELETE FROM sessions WHERE account = ?1 AND hash NOT IN
                        (SELECT hash FROM sessions WHERE account = ?1 ORDER BY idle_until DESC LIMIT ?2)",
                    params![session.account, most],
                )?;
                connection.execute(
                    "UPDATE accounts SET last_seen_at = ?2 WHERE id = ?1",
                    params![session.account, ms(entry.at)],
                )?;
                audit::insert(connection, &entry)
            })
            .await
    }

    /// The session of a cookie's hash, if it lasts at `now` and its account is enabled.
    ///
    /// # Errors
    /// As every read.
    pub async fn find(
        &self,
        hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<SessionRow>, StoreError> {
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT accounts.*, idle_until, absolute_until FROM sessions
                         JOIN accounts ON accounts.id = sessions.account
                         WHERE hash = ?1 AND idle_until > ?2 AND absolute_until > ?2 AND NOT disabled",
                    )?
                    .query_and_then(params![hash.as_slice(), ms(now)], |row| {
                        Ok(SessionRow {
                            account: account_of(row)?,
                            idle_until: time_at(row, "idle_until")?,
                            absolute_until: time_at(row, "absolute_until")?,
                        })
                    })?
                    .next()
                    .transpose()
            })
            .await
    }

    /// Moves a session's idle end, and says that its account was seen.
    ///
    /// # Errors
    /// As every write.
    pub async fn renew(
        &self,
        hash: [u8; 32],
        now: Timestamp,
        idle_until: Timestamp,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "UPDATE sessions SET idle_until = ?2 WHERE hash = ?1",
                    params![hash.as_slice(), ms(idle_until)],
                )?;
                connection.execute(
                    "UPDATE accounts SET last_seen_at = ?2 WHERE id = (SELECT account FROM sessions WHERE hash = ?1)",
                    params![hash.as_slice(), ms(now)],
                )?;
                Ok(())
            })
            .await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// As every write.
    pub async fn delete(&self, hash: [u8; 32]) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                connection.execute("DELETE FROM sessions WHERE hash = ?1", [hash.as_slice()])?;
                Ok(())
            })
            .await
    }
}

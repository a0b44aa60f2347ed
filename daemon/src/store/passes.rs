//! Passes of devices that join by WHIP or WHEP: hashes of tokens, each for one site, conference and direction.

use jiff::Timestamp;
use nhipcau_conference::ConferenceId;
use rusqlite::{Row, params};

use super::codec::{ms, time_at, time_or_none};
use super::{NewAudit, Store, StoreError, audit};

/// A pass to be kept.
#[derive(Clone)]
pub struct NewPass {
    /// The conference.
    pub conference: ConferenceId,
    /// The site whose seat the device takes.
    pub site: String,
    /// Whether the device sends; else it receives.
    pub sends: bool,
    /// What the device is called.
    pub name: String,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// The token opens nothing from then on.
    pub expires_at: Timestamp,
}

/// A pass as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassRow {
    /// Row id, never used twice.
    pub id: i64,
    /// The conference.
    pub conference: ConferenceId,
    /// The site whose seat the device takes.
    pub site: String,
    /// Whether the device sends; else it receives.
    pub sends: bool,
    /// What the device is called.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// The token opens nothing from then on.
    pub expires_at: Timestamp,
    /// When it last opened a room, to the minute.
    pub used_at: Option<Timestamp>,
}

/// The table of passes.
pub struct Passes<'a> {
    pub(super) store: &'a Store,
}

fn row_of(row: &Row<'_>) -> Result<PassRow, StoreError> {
    Ok(PassRow {
        id: row.get("id")?,
        conference: ConferenceId(row.get("conference")?),
        site: row.get("site")?,
        sends: row.get::<_, String>("direction")? == "send",
        name: row.get("name")?,
        created_at: time_at(row, "created_at")?,
        created_by: row.get("created_by")?,
        expires_at: time_at(row, "expires_at")?,
        used_at: time_or_none(row, "used_at")?,
    })
}

impl Passes<'_> {
    /// Keeps a new pass, at most `most` a conference; answers its id.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with `too_many_passes`; as every write.
    pub async fn create(
        &self,
        new: NewPass,
        most: u32,
        entry: NewAudit,
    ) -> Result<i64, StoreError> {
        self.store
            .write(move |connection| {
                let there: u32 = connection.query_row(
                    "SELECT count(*) FROM passes WHERE conference = ?1",
                    [new.conference.0],
                    |row| row.get(0),
                )?;
                if there >= most {
                    return Err(StoreError::Refused("too_many_passes"));
                }
                connection.execute(
                    "INSERT INTO passes (conference, site, direction, name, hash, created_at, created_by, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    params![
                        new.conference.0,
                        new.site,
                        if new.sends { "send" } else { "receive" },
                        new.name,
                        new.hash.as_slice(),
                        ms(entry.at),
                        entry.actor,
                        ms(new.expires_at)
                    ],
                )?;
                let id = connection.last_insert_rowid();
                audit::insert(connection, &entry)?;
                Ok(id)
            })
            .await
    }

    /// The passes of a conference, in the order in which they were made.
    ///
    /// # Errors
    /// As every read.
    pub async fn list(&self, conference: ConferenceId) -> Result<Vec<PassRow>, StoreError> {
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT * FROM passes WHERE conference = ?1 ORDER BY id")?
                    .query_and_then([conference.0], row_of)?
                    .collect()
            })
            .await
    }

    /// The pass of a token's hash.
    ///
    /// # Errors
    /// As every read.
    pub async fn find(&self, hash: [u8; 32]) -> Result<Option<PassRow>, StoreError> {
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT * FROM passes WHERE hash = ?1")?
                    .query_and_then([hash.as_slice()], row_of)?
                    .next()
                    .transpose()
            })
            .await
    }

    /// Notes that a pass opened a room.
    ///
    /// # Errors
    /// As every write.
    pub async fn used(&self, id: i64, at: Timestamp) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "UPDATE passes SET used_at = ?2 WHERE id = ?1",
                    params![id, ms(at)],
                )?;
                Ok(())
            })
            .await
    }

    /// Revokes a pass of a conference.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; as every write.
    pub async fn delete(
        &self,
        conference: ConferenceId,
        id: i64,
        entry: NewAudit,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                let gone = connection.execute(
                    "DELETE FROM passes WHERE id = ?1 AND conference = ?2",
                    params![id, conference.0],
                )?;
                if gone == 0 {
                    return Err(StoreError::NotFound("pass"));
                }
                audit::insert(connection, &entry)
            })
            .await
    }
}

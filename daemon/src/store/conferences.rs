//! Bookings, the occurrences that a chair ended, and invitations.

use jiff::Timestamp;
use nhipcau_conference::{Booking, ConferenceId, Entry, SiteKey};
use rusqlite::{Connection, Row, params};

use super::codec::{json, json_or_none, ms, time, time_at};
use super::{NewAudit, Store, StoreError, audit};

/// A booking as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConferenceRow {
    /// What the calendar needs.
    pub entry: Entry,
    /// Name of the room in links: random, not secret.
    pub room: String,
    /// Username of who booked it.
    pub created_by: String,
    /// When it was booked.
    pub created_at: Timestamp,
}

/// A booking to be kept; the store gives the id.
#[derive(Clone)]
pub struct NewConference {
    /// What is booked.
    pub booking: Booking,
    /// Name of the room.
    pub room: String,
    /// Username of who books it.
    pub created_by: String,
    /// One for each link; `conference` is filled in by the store.
    pub invitations: Vec<InvitationRow>,
}

/// Who holds which token.
#[derive(Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// The conference.
    pub conference: i64,
    /// The site invited; the chair site for the host's own link.
    pub site: String,
    /// `chair`, `secretary`, `technician`, `delegate` or `viewer`.
    pub role: String,
    /// 128 random bits, in the fragment of the link.
    pub token: String,
}

/// The tables of bookings.
pub struct Conferences<'a> {
    pub(super) store: &'a Store,
}

fn row_of(connection: &Connection, row: &Row<'_>) -> Result<ConferenceRow, StoreError> {
    let id: i64 = row.get("id")?;
    let sites = connection
        .prepare_cached(
            "SELECT site FROM conference_sites WHERE conference = ?1 ORDER BY position",
        )?
        .query_and_then([id], |row| {
            Ok(SiteKey::from(row.get::<_, String>(0)?.as_str()))
        })?
        .collect::<Result<Vec<_>, StoreError>>()?;
    let ended = connection
        .prepare_cached(
            "SELECT starts_at FROM conference_ended WHERE conference = ?1 ORDER BY starts_at",
        )?
        .query_and_then([id], |row| time(row.get(0)?))?
        .collect::<Result<Vec<_>, StoreError>>()?;
    let booking = Booking {
        title: row.get("title")?,
        description: row.get("description")?,
        starts_at: time_at(row, "starts_at")?,
        ends_at: time_at(row, "ends_at")?,
        chair_site: SiteKey::from(row.get::<_, String>("chair_site")?.as_str()),
        sites,
        recurrence: json_or_none(row, "recurrence")?,
    };
    Ok(ConferenceRow {
        entry: Entry {
            id: ConferenceId(id),
            booking,
            sequence: row.get("sequence")?,
            cancelled: row.get("cancelled")?,
            ended,
        },
        room: row.get("room")?,
        created_by: row.get("created_by")?,
        created_at: time_at(row, "created_at")?,
    })
}

fn put_sites(connection: &Connection, id: i64, booking: &Booking) -> Result<(), StoreError> {
    connection.execute("DELETE FROM conference_sites WHERE conference = ?1", [id])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO conference_sites (conference, position, site) VALUES (?1, ?2, ?3)",
    )?;
    for (position, site) in (0_i64..).zip(&booking.sites) {
        insert.execute(params![id, position, site.as_str()])?;
    }
    Ok(())
}

fn put_invitations(
    connection: &Connection,
    id: i64,
    invitations: &[InvitationRow],
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO invitations (conference, site, role, token) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (conference, site, role) DO NOTHING",
    )?;
    for invitation in invitations {
        insert.execute(params![
            id,
            invitation.site,
            invitation.role,
            invitation.token
        ])?;
    }
    Ok(())
}

impl Conferences<'_> {
    /// Keeps a new booking with its invitations; answers its id.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when room or token are taken.
    pub async fn create(
        &self,
        new: NewConference,
        entry: NewAudit,
    ) -> Result<ConferenceRow, StoreError> {
        self.store
            .write(move |connection| {
                let booking = &new.booking;
                connection.execute(
                    "INSERT INTO conferences (room, title, description, starts_at, ends_at, chair_site, recurrence, created_by, created_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    params![
                        new.room,
                        booking.title,
                        booking.description,
                        ms(booking.starts_at),
                        ms(booking.ends_at),
                        booking.chair_site.as_str(),
                        booking.recurrence.as_ref().map(json).transpose()?,
                        new.created_by,
                        ms(entry.at)
                    ],
                )?;
                let id = connection.last_insert_rowid();
                put_sites(connection, id, booking)?;
                put_invitations(connection, id, &new.invitations)?;
                audit::insert(connection, &NewAudit { subject: id.to_string(), ..entry.clone() })?;
                Ok(ConferenceRow {
                    entry: Entry {
                        id: ConferenceId(id),
                        booking: new.booking,
                        sequence: 0,
                        cancelled: false,
                        ended: Vec::new(),
                    },
                    room: new.room,
                    created_by: new.created_by,
                    created_at: entry.at,
                })
            })
            .await
    }

    /// Replaces a booking. Invitations of sites that are not invited any more are withdrawn; `invitations` are added
    /// where a site has none yet, so that links sent out before stay good.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn update(
        &self,
        changed: Entry,
        invitations: Vec<InvitationRow>,
        audited: NewAudit,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                let (id, booking) = (changed.id.0, &changed.booking);
                let found = connection.execute(
                    "UPDATE conferences SET title = ?2, description = ?3, starts_at = ?4, ends_at = ?5, chair_site = ?6,
                        recurrence = ?7, sequence = ?8, cancelled = ?9 WHERE id = ?1",
                    params![
                        id,
                        booking.title,
                        booking.description,
                        ms(booking.starts_at),
                        ms(booking.ends_at),
                        booking.chair_site.as_str(),
                        booking.recurrence.as_ref().map(json).transpose()?,
                        changed.sequence,
                        changed.cancelled
                    ],
                )?;
                if found == 0 {
                    return Err(StoreError::NotFound("conference"));
                }
                put_sites(connection, id, booking)?;
                connection.execute("DELETE FROM conference_ended WHERE conference = ?1", [id])?;
                for start in &changed.ended {
                    connection.execute("INSERT INTO conference_ended VALUES (?1, ?2)", [id, ms(*start)])?;
                }
                let kept: Vec<(&str, &str)> =
                    invitations.iter().map(|new| (new.site.as_str(), new.role.as_str())).collect();
                connection.execute(
                    "DELETE FROM invitations WHERE conference = ?1 AND (site, role) NOT IN
                        (SELECT value ->> 0, value ->> 1 FROM json_each(?2))",
                    params![id, json(&kept)?],
                )?;
                put_invitations(connection, id, &invitations)?;
                audit::insert(connection, &audited)
            })
            .await
    }

    /// Notes that the chair ended the occurrence that starts at `starts_at`.
    ///
    /// # Errors
    /// As every write.
    pub async fn end(&self, id: ConferenceId, starts_at: Timestamp) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                connection.execute(
                    "INSERT OR IGNORE INTO conference_ended VALUES (?1, ?2)",
                    [id.0, ms(starts_at)],
                )?;
                Ok(())
            })
            .await
    }

    /// All bookings, by id.
    ///
    /// # Errors
    /// As every read.
    pub async fn list(&self) -> Result<Vec<ConferenceRow>, StoreError> {
        self.store
            .read(|connection| {
                connection
                    .prepare_cached("SELECT * FROM conferences ORDER BY id")?
                    .query_and_then([], |row| row_of(connection, row))?
                    .collect()
            })
            .await
    }

    /// The invitations of a conference, in the order they were made.
    ///
    /// # Errors
    /// As every read.
    pub async fn invitations(&self, id: ConferenceId) -> Result<Vec<InvitationRow>, StoreError> {
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT * FROM invitations WHERE conference = ?1 ORDER BY id")?
                    .query_and_then([id.0], |row| {
                        Ok(InvitationRow {
                            conference: row.get("conference")?,
                            site: row.get("site")?,
                            role: row.get("role")?,
                            token: row.get("token")?,
                        })
                    })?
                    .collect()
            })
            .await
    }
}

//! What scans found, what of it people ignore, and the devices that they accepted.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::codec::{json, json_at, ms, signed, time_at, time_or_none, unsigned};
use super::{NewAudit, Store, StoreError, audit};

/// Findings kept. Beyond it the ones not seen for longest go, those that somebody ignored last.
const FINDINGS_MAX: u64 = 70_000;
/// Findings that no scan met again are forgotten after this.
const FINDING_AGE_MAX: SignedDuration = SignedDuration::from_hours(24 * 90);
/// Devices accepted at most; the poller watches no more.
const ACCEPTED_MAX: i64 = 20_000;

/// What a scan says of an address.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFinding {
    /// `ADDRESS:PORT`.
    pub address: String,
    /// As the protocol writes it.
    pub finding: Value,
    /// By what it is told from another device at that address; empty when nothing answered.
    pub fingerprint: String,
    /// Failed credentials that count.
    pub failures: u32,
    /// Until when it is left alone.
    pub rests_until: Option<Timestamp>,
}

/// A kept finding.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRow {
    /// What the last scan said.
    pub new: NewFinding,
    /// Somebody ignores this device at this address.
    pub ignored: bool,
    /// When a scan first met something here.
    pub first_seen: Timestamp,
    /// When a scan last did.
    pub last_seen: Timestamp,
}

/// A device that is watched because somebody accepted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedDevice {
    /// Stable id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `ADDRESS:PORT`.
    pub address: String,
    /// Name of the credential that works.
    pub credential: String,
    /// The site it stands in.
    pub site: Option<String>,
    /// Its own poll interval, seconds.
    pub poll_seconds: Option<u32>,
    /// Profile forced by name.
    pub profile: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// By whom.
    pub accepted_by: String,
}

/// The tables of findings and accepted devices.
pub struct Discovered<'a> {
    pub(super) store: &'a Store,
}

fn finding(row: &Row<'_>) -> Result<FindingRow, StoreError> {
    let fingerprint: String = row.get("fingerprint")?;
    let ignored: Option<String> = row.get("ignored")?;
    Ok(FindingRow {
        ignored: ignored.is_some_and(|ignored| ignored == fingerprint),
        new: NewFinding {
            address: row.get("address")?,
            finding: json_at(row, "finding")?,
            fingerprint,
            failures: u32::try_from(unsigned(row.get("failures")?)).unwrap_or(u32::MAX),
            rests_until: time_or_none(row, "rests_until")?,
        },
        first_seen: time_at(row, "first_seen")?,
        last_seen: time_at(row, "last_seen")?,
    })
}

fn accepted(row: &Row<'_>) -> Result<AcceptedDevice, StoreError> {
    Ok(AcceptedDevice {
        id: row.get("id")?,
        name: row.get("name")?,
        address: row.get("address")?,
        credential: row.get("credential")?,
        site: row.get("site")?,
        poll_seconds: row.get("poll_seconds")?,
        profile: row.get("profile")?,
        accepted_at: time_at(row, "accepted_at")?,
        accepted_by: row.get("accepted_by")?,
    })
}

fn insert(connection: &Connection, device: &AcceptedDevice) -> Result<(), StoreError> {
    connection.prepare_cached(
        "INSERT INTO accepted_devices (id, name, address, credential, site, poll_seconds, profile, accepted_at, accepted_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?.execute(params![
        device.id,
        device.name,
        device.address,
        device.credential,
        device.site,
        device.poll_seconds,
        device.profile,
        ms(device.accepted_at),
        device.accepted_by
    ])?;
    Ok(())
}

impl Discovered<'_> {
    /// Keeps findings, each in place of what was said of its address before; drops what is too old or too much.
    ///
    /// # Errors
    /// As every write.
    pub async fn put(&self, findings: Vec<NewFinding>, at: Timestamp) -> Result<(), StoreError> {
        let oldest = at
            .checked_sub(FINDING_AGE_MAX)
            .unwrap_or(Timestamp::UNIX_EPOCH);
        self.store
            .write(move |connection| {
                let mut put = connection.prepare_cached(
                    "INSERT INTO discovered (address, finding, fingerprint, first_seen, last_seen, failures, rests_until)
                     VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6)
                     ON CONFLICT (address) DO UPDATE SET finding = ?2, fingerprint = ?3, last_seen = ?4, failures = ?5, rests_until = ?6",
                )?;
                for new in &findings {
                    put.execute(params![
                        new.address,
                        json(&new.finding)?,
                        new.fingerprint,
                        ms(at),
                        new.failures,
                        new.rests_until.map(ms)
                    ])?;
                }
                connection.execute("DELETE FROM discovered WHERE last_seen < ?1 AND ignored IS NULL", [ms(oldest)])?;
                connection.execute(
                    "DELETE FROM discovered WHERE address IN (SELECT address FROM discovered
                     ORDER BY ignored IS NOT NULL, last_seen LIMIT max(0, (SELECT count(*) FROM discovered) - ?1))",
                    [signed(FINDINGS_MAX)],
                )?;
                Ok(())
            })
            .await
    }

    /// All findings.
    ///
    /// # Errors
    /// As every read.
    pub async fn list(&self) -> Result<Vec<FindingRow>, StoreError> {
        self.store
            .read(|connection| {
                connection
                    .prepare_cached("SELECT * FROM discovered ORDER BY address")?
                    .query_and_then([], finding)?
                    .collect()
            })
            .await
    }

    /// Ignores what stands at these addresses now, or shows it again. Something else that answers there later is shown.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when one of them was never found; nothing is changed then.
    pub async fn ignore(
        &self,
        addresses: Vec<String>,
        ignore: bool,
        entries: Vec<NewAudit>,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                for address in &addresses {
                    let changed = connection.execute(
                        "UPDATE discovered SET ignored = CASE WHEN ?2 THEN fingerprint END WHERE address = ?1",
                        params![address, ignore],
                    )?;
                    if changed == 0 {
                        return Err(StoreError::NotFound("finding"));
                    }
                }
                entries.iter().try_for_each(|entry| audit::insert(connection, entry))
            })
            .await
    }

    /// Devices that people accepted, by id.
    ///
    /// # Errors
    /// As every read.
    pub async fn accepted(&self) -> Result<Vec<AcceptedDevice>, StoreError> {
        self.store
            .read(|connection| {
                connection
                    .prepare_cached("SELECT * FROM accepted_devices ORDER BY id")?
                    .query_and_then([], accepted)?
                    .collect()
            })
            .await
    }

    /// Accepts devices, all or none.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when an id or address is accepted already; [`StoreError::Refused`] `too_many_devices` beyond 20,000.
    pub async fn accept(
        &self,
        devices: Vec<AcceptedDevice>,
        entries: Vec<NewAudit>,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                for device in &devices {
                    insert(connection, device)?;
                }
                let count: i64 =
                    connection.query_row("SELECT count(*) FROM accepted_devices", [], |row| {
                        row.get(0)
                    })?;
                if count > ACCEPTED_MAX {
                    return Err(StoreError::Refused("too_many_devices"));
                }
                entries
                    .iter()
                    .try_for_each(|entry| audit::insert(connection, entry))
            })
            .await
    }

    /// An accepted device has moved.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Duplicate`].
    pub async fn relocate(
        &self,
        id: &str,
        address: &str,
        entry: NewAudit,
    ) -> Result<(), StoreError> {
        let (id, address) = (id.to_owned(), address.to_owned());
        self.store
            .write(move |connection| {
                let changed = connection.execute(
                    "UPDATE accepted_devices SET address = ?2 WHERE id = ?1",
                    params![id, address],
                )?;
                if changed == 0 {
                    return Err(StoreError::NotFound("device"));
                }
                audit::insert(connection, &entry)
            })
            .await
    }

    /// Watches an accepted device no longer.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn dismiss(&self, id: &str, entry: NewAudit) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.store
            .write(move |connection| {
                if connection.execute("DELETE FROM accepted_devices WHERE id = ?1", [&id])? == 0 {
                    return Err(StoreError::NotFound("device"));
                }
                audit::insert(connection, &entry)
            })
            .await
    }
}

//! The tree of sites.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::codec::{ms, signed, unsigned};
use super::{NewAudit, Store, StoreError, audit};

/// A site as people describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRow {
    /// Unique key, never changed.
    pub id: String,
    /// As people call it.
    pub name: String,
    /// A free word such as `commune`.
    pub kind: String,
    /// The site above.
    pub parent: Option<String>,
    /// Agency identifier, opaque.
    pub agency_code: Option<String>,
    /// Device and interface over which it reaches the rest.
    pub uplink: Option<(String, String)>,
    /// Contracted rate of the uplink, bits per second.
    pub capacity_bps: Option<u64>,
    /// Telephone of the technician on duty.
    pub phone: Option<String>,
}

/// The table of sites.
pub struct Sites<'a> {
    pub(super) store: &'a Store,
}

fn site_of(row: &Row<'_>) -> Result<SiteRow, StoreError> {
    let device: Option<String> = row.get("uplink_device")?;
    let interface: Option<String> = row.get("uplink_interface")?;
    Ok(SiteRow {
        id: row.get("id")?,
        name: row.get("name")?,
        kind: row.get("kind")?,
        parent: row.get("parent")?,
        agency_code: row.get("agency_code")?,
        uplink: device.zip(interface),
        capacity_bps: row.get::<_, Option<i64>>("capacity_bps")?.map(unsigned),
        phone: row.get("phone")?,
    })
}

fn all(connection: &Connection) -> Result<Vec<SiteRow>, StoreError> {
    connection
        .prepare_cached("SELECT * FROM sites WHERE deleted_at IS NULL ORDER BY id")?
        .query_and_then([], site_of)?
        .collect()
}

fn put(connection: &Connection, site: &SiteRow) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO sites (id, name, kind, parent, agency_code, uplink_device, uplink_interface, capacity_bps, phone)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (id) DO UPDATE SET name = ?2, kind = ?3, parent = ?4, agency_code = ?5, uplink_device = ?6,
            uplink_interface = ?7, capacity_bps = ?8, phone = ?9, deleted_at = NULL",
        params![
            site.id,
            site.name,
            site.kind,
            site.parent,
            site.agency_code,
            site.uplink.as_ref().map(|(device, _)| device),
            site.uplink.as_ref().map(|(_, interface)| interface),
            site.capacity_bps.map(signed),
            site.phone
        ],
    )?;
    Ok(())
}

/// Every site reaches a root through known sites, none through itself.
fn check_tree(sites: &[SiteRow]) -> Result<(), StoreError> {
    let parents: BTreeMap<&str, Option<&str>> = sites
        .iter()
        .map(|site| (site.id.as_str(), site.parent.as_deref()))
        .collect();
    for site in sites {
        let mut at = site.id.as_str();
        // A path longer than there are sites goes in a circle.
        for _ in 0..=sites.len() {
            match parents.get(at) {
                None => return Err(StoreError::Refused("unknown_site")),
                Some(None) => break,
                Some(Some(parent)) => at = parent,
            }
        }
        if parents.get(at).copied().flatten().is_some() {
            return Err(StoreError::Refused("site_cycle"));
        }
    }
    Ok(())
}

impl Sites<'_> {
    /// All sites, by id.
    ///
    /// # Errors
    /// As every read.
    pub async fn list(&self) -> Result<Vec<SiteRow>, StoreError> {
        self.store.read(all).await
    }

    /// Adds the sites whose ids were never seen; what people edited or deleted on the page stays as it is. Answers how many are new.
    ///
    /// # Errors
    /// [`StoreError::Refused`] `unknown_site` or `site_cycle` when the tree would break: nothing is added.
    pub async fn seed(&self, sites: Vec<SiteRow>) -> Result<usize, StoreError> {
        self.store
            .write(move |connection| {
                // Children may stand before their parents in the files.
                connection.pragma_update(None, "defer_foreign_keys", true)?;
                let mut added = 0;
                for site in &sites {
                    let known: bool = connection.query_row(
                        "SELECT EXISTS (SELECT 1 FROM sites WHERE id = ?1)",
                        [&site.id],
                        |row| row.get(0),
                    )?;
                    if !known {
                        put(connection, site)?;
                        added += 1;
                    }
                }
                check_tree(&all(connection)?)?;
                Ok(added)
            })
            .await
    }

    /// Adds a site.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`]; [`StoreError::Refused`] `unknown_site`, `site_cycle`.
    pub async fn create(&self, site: SiteRow, entry: NewAudit) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                let mut sites = all(connection)?;
                if sites.iter().any(|other| other.id == site.id) {
                    return Err(StoreError::Duplicate("sites.id".to_owned()));
                }
                sites.push(site.clone());
                check_tree(&sites)?;
                put(connection, &site)?;
                audit::insert(connection, &entry)
            })
            .await
    }

    /// Replaces what is said of a site.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Refused`] `unknown_site`, `site_cycle`.
    pub async fn update(&self, site: SiteRow, entry: NewAudit) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                let mut sites = all(connection)?;
                let place = sites.iter_mut().find(|other| other.id == site.id);
                *place.ok_or(StoreError::NotFound("site"))? = site.clone();
                check_tree(&sites)?;
                put(connection, &site)?;
                audit::insert(connection, &entry)
            })
            .await
    }

    /// Deletes a site; its id will not be seeded again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Refused`] `site_has_children`.
    pub async fn delete(&self, id: &str, at: Timestamp, entry: NewAudit) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.store
            .write(move |connection| {
                let sites = all(connection)?;
                if !sites.iter().any(|site| site.id == id) {
                    return Err(StoreError::NotFound("site"));
                }
                if sites.iter().any(|site| site.parent.as_ref() == Some(&id)) {
                    return Err(StoreError::Refused("site_has_children"));
                }
                connection.execute(
                    "UPDATE sites SET deleted_at = ?2, parent = NULL WHERE id = ?1",
                    params![id, ms(at)],
                )?;
                audit::insert(connection, &entry)
            })
            .await
    }
}

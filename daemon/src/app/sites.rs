//! The tree of sites. The configuration seeds the ids that were never seen; from then on the page's word counts.

use super::{App, Caller, Refusal, Topic};
use crate::http::views::{Site, SiteInput, Uplink};
use crate::store::SiteRow;

/// Longest text of a site, in characters.
const TEXT_MAX: usize = 200;
/// Fastest line that a site may have, bits per second: a typing mistake lies beyond.
const CAPACITY_MAX: u64 = 1_000_000_000_000;

/// The tree of sites.
pub struct SiteDesk<'a> {
    pub(super) app: &'a App,
}

fn row_of(input: SiteInput) -> SiteRow {
    SiteRow {
        id: input.id,
        name: input.name.trim().to_owned(),
        kind: input.kind,
        parent: input.parent,
        agency_code: input.agency_code,
        uplink: input.uplink.map(|end| (end.device, end.interface)),
        capacity_bps: input.capacity_bps,
        phone: input.phone,
    }
}

fn input_of(row: SiteRow) -> SiteInput {
    SiteInput {
        id: row.id,
        name: row.name,
        kind: row.kind,
        parent: row.parent,
        agency_code: row.agency_code,
        uplink: row
            .uplink
            .map(|(device, interface)| Uplink { device, interface }),
        capacity_bps: row.capacity_bps,
        phone: row.phone,
    }
}

fn check(input: &SiteInput) -> Result<(), Refusal> {
    let bad = |field: &str, message: &str| Err(Refusal::new("bad_request", message).at(field));
    let in_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if !(1..=64).contains(&input.id.len()) || !input.id.chars().all(in_id) {
        return bad("id", "1 to 64 small letters, digits and - _ .");
    }
    if input.name.trim().is_empty() {
        return bad("name", "a name is needed");
    }
    if input.kind.is_empty() {
        return bad("kind", "a kind is needed");
    }
    let uplink = input.uplink.as_ref();
    let texts = [
        ("name", Some(&input.name)),
        ("kind", Some(&input.kind)),
        ("parent", input.parent.as_ref()),
        ("agency_code", input.agency_code.as_ref()),
        ("phone", input.phone.as_ref()),
        ("uplink", uplink.map(|end| &end.device)),
        ("uplink", uplink.map(|end| &end.interface)),
    ];
    for (field, text) in texts {
        let Some(text) = text else { continue };
        if text.chars().count() > TEXT_MAX || text.chars().any(char::is_control) {
            return bad(field, "too long, or has control characters");
        }
    }
    if input
        .capacity_bps
        .is_some_and(|bps| bps == 0 || bps > CAPACITY_MAX)
    {
        return bad("capacity_bps", "1 bit/s to 1 Tbit/s");
    }
    Ok(())
}

impl SiteDesk<'_> {
    fn view(&self, site: SiteInput) -> Site {
        let (health, reasons) = self.app.live().site_health(&site.id);
        let machines = self.app.machines();
        Site {
            maintenance: machines.and_then(|m| m.estate.site_maintenance(&site.id)),
            site,
            health,
            reasons,
        }
    }

    /// All sites, by id.
    ///
    /// # Errors
    /// What the store says.
    pub async fn list(&self) -> Result<Vec<Site>, Refusal> {
        Ok(self
            .inputs()
            .await?
            .into_iter()
            .map(|site| self.view(site))
            .collect())
    }

    /// All sites as people describe them, without their health.
    ///
    /// # Errors
    /// What the store says.
    pub async fn inputs(&self) -> Result<Vec<SiteInput>, Refusal> {
        let rows = self.app.store().sites().list().await?;
        Ok(rows.into_iter().map(input_of).collect())
    }

    /// Adds the configuration's sites whose ids were never seen.
    ///
    /// # Errors
    /// `unknown_site`, `bad_request` when the tree would break: nothing is added.
    pub(super) async fn seed(&self, sites: Vec<SiteInput>) -> Result<(), Refusal> {
        let rows = sites.into_iter().map(row_of).collect();
        let added = self.app.store().sites().seed(rows).await?;
        if added > 0 {
            tracing::info!(added, "sites taken over from the configuration");
            self.app.tell(Topic::Sites);
        }
        Ok(())
    }

    /// Adds a site.
    ///
    /// # Errors
    /// `duplicate`, `unknown_site`, `bad_request`.
    pub async fn create(&self, caller: &Caller, input: SiteInput) -> Result<Site, Refusal> {
        check(&input)?;
        let entry = self
            .app
            .audited(caller, "site.created", &input.id, &input.name);
        self.app
            .store()
            .sites()
            .create(row_of(input.clone()), entry)
            .await?;
        self.app.tell(Topic::Sites);
        Ok(self.view(input))
    }

    /// Replaces what is said of a site. Its id stays.
    ///
    /// # Errors
    /// `not_found`, `unknown_site`, `bad_request`.
    pub async fn update(
        &self,
        caller: &Caller,
        id: &str,
        input: SiteInput,
    ) -> Result<Site, Refusal> {
        if input.id != id {
            return Err(Refusal::new("bad_request", "the id of a site stays").at("id"));
        }
        check(&input)?;
        let entry = self.app.audited(caller, "site.changed", id, &input.name);
        self.app
            .store()
            .sites()
            .update(row_of(input.clone()), entry)
            .await?;
        self.app.tell(Topic::Sites);
        Ok(self.view(input))
    }

    /// Deletes a site without children; the configuration will not bring it back.
    ///
    /// # Errors
    /// `not_found`, `site_has_children`.
    pub async fn delete(&self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        let entry = self.app.audited(caller, "site.deleted", id, "");
        self.app
            .store()
            .sites()
            .delete(id, self.app.now(), entry)
            .await?;
        self.app.tell(Topic::Sites);
        Ok(())
    }
}

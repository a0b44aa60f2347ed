//! What scans find, and what people make of it: watched, ignored, tried again.

mod answer;
mod netbox;
mod scanner;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

pub(crate) use scanner::{Scanner, keep_findings};

use super::machines::Machines;
use super::{App, Caller, Refusal, Topic};
use crate::drive::discovery::Command;
use crate::http::views::{
    AcceptInput, AcceptedView, DiscoveryState, FindingView, Found, HistoryRow,
};
use crate::store::{AcceptedDevice, FactChange, FindingRow, NewAudit};

/// Devices of one acceptance, addresses of one wish.
const BATCH_MAX: usize = 1_000;
/// Longest id of a device, as in the configuration.
const ID_BYTES_MAX: usize = 64;
/// Longest name of a device, as in the configuration.
const NAME_BYTES_MAX: usize = 120;
/// Rows of one answer about a device's past.
const HISTORY_MAX: u32 = 1_000;
/// Rows of one answer about everybody's past.
const CHANGES_MAX: u32 = 50_000;

/// Discovery and history.
pub struct DiscoveryDesk<'a> {
    app: &'a App,
    machines: &'a Arc<Machines>,
}

impl App {
    /// Discovery and history.
    ///
    /// # Errors
    /// `internal` while the daemon starts.
    pub fn discovery(&self) -> Result<DiscoveryDesk<'_>, Refusal> {
        let machines = self
            .machines()
            .ok_or_else(|| Refusal::new("internal", "the daemon is starting"))?;
        Ok(DiscoveryDesk {
            app: self,
            machines,
        })
    }
}

fn bad(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::new("bad_request", message).at(field)
}

/// A name as an id: small letters, digits, `-`, `_` and `.`.
pub(crate) fn slug(name: &str) -> String {
    let mut id = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' | '_' | '.' => id.push(c),
            _ if !id.is_empty() && !id.ends_with('-') => id.push('-'),
            _ => {}
        }
        if id.len() >= ID_BYTES_MAX - 8 {
            break;
        }
    }
    id.trim_matches(['-', '.', '_']).to_owned()
}

/// The id that a finding would get: by its name, else by its address; never one that is taken.
fn suggest(found: &Found, address: &str, taken: &BTreeSet<String>) -> String {
    let name = found
        .identity
        .as_ref()
        .map(|identity| slug(identity.system_name.split('.').next().unwrap_or_default()))
        .filter(|id| !id.is_empty());
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let base = name.unwrap_or_else(|| slug(&format!("d-{host}")));
    if !taken.contains(&base) {
        return base;
    }
    (2..)
        .map(|n| format!("{base}-{n}"))
        .find(|id| !taken.contains(id))
        .unwrap_or(base)
}

impl DiscoveryDesk<'_> {
    fn scanner(&self) -> &Scanner {
        &self.machines.scanner
    }

    async fn say(&self, command: Command) -> Result<(), Refusal> {
        self.machines
            .discovery
            .send(command)
            .await
            .map_err(|_| Refusal::new("internal", "the discovery has ended"))
    }

    /// How far a scan is and everything that was found.
    ///
    /// # Errors
    /// As every read of the store.
    pub async fn state(&self) -> Result<DiscoveryState, Refusal> {
        let mut state = self.scanner().state();
        let accepted = self.app.store().discovered().accepted().await?;
        let watched = self.watched();
        let mut taken: BTreeSet<String> = watched.values().cloned().collect();
        taken.extend(accepted.iter().map(|device| device.id.clone()));
        state.findings = self.findings(&watched, &taken).await?;
        state.accepted = accepted
            .into_iter()
            .map(|device| AcceptedView {
                conflict: self.scanner().conflict(&device.id),
                id: device.id,
                name: device.name,
                address: device.address,
                site: device.site,
                accepted_at: device.accepted_at,
                accepted_by: device.accepted_by,
            })
            .collect();
        Ok(state)
    }

    /// Watched devices by address.
    fn watched(&self) -> BTreeMap<String, String> {
        self.machines
            .estate
            .devices()
            .into_iter()
            .map(|row| (row.address, row.id))
            .collect()
    }

    async fn findings(
        &self,
        watched: &BTreeMap<String, String>,
        taken: &BTreeSet<String>,
    ) -> Result<Vec<FindingView>, Refusal> {
        let rows = self.app.store().discovered().list().await?;
        let mut views: Vec<FindingView> = rows
            .into_iter()
            .filter_map(|row| view(row, watched, taken))
            .collect();
        views.sort_by_key(|view| view.address.parse::<SocketAddr>().ok());
        Ok(views)
    }

    /// Begins a scan.
    ///
    /// # Errors
    /// `not_configured` without ranges and seeds, `scan_running` while one is under way.
    pub async fn scan(&self, caller: &Caller) -> Result<(), Refusal> {
        self.begin().await?;
        self.app.note(caller, "discovery.scanned", "", "").await
    }

    /// Begins a scan that the operating system's user asked for over the control socket.
    ///
    /// # Errors
    /// As [`DiscoveryDesk::scan`].
    pub async fn begin(&self) -> Result<(), Refusal> {
        let state = self.scanner().state();
        if !state.configured {
            let message = "the configuration's section discovery names no ranges and no seeds";
            return Err(Refusal::new("not_configured", message));
        }
        if state.scanning {
            return Err(Refusal::new("scan_running", "a scan is under way"));
        }
        self.say(Command::Scan).await
    }

    /// Ends the scan.
    ///
    /// # Errors
    /// What the store says.
    pub async fn stop(&self, caller: &Caller) -> Result<(), Refusal> {
        self.say(Command::Stop).await?;
        self.app.note(caller, "discovery.stopped", "", "").await
    }

    /// Watches what was found, all or none; answers the ids. One that has moved and was accepted before gets its new address.
    ///
    /// # Errors
    /// `bad_request`, `not_found`, `unknown_site`, `duplicate`, `device_configured` when the device is the configuration's own.
    pub async fn accept(
        &self,
        caller: &Caller,
        inputs: Vec<AcceptInput>,
    ) -> Result<Vec<String>, Refusal> {
        if inputs.is_empty() || inputs.len() > BATCH_MAX {
            return Err(bad("devices", format!("1 to {BATCH_MAX} devices")));
        }
        let watched = self.watched();
        let accepted = self.app.store().discovered().accepted().await?;
        let mut taken: BTreeSet<String> = watched.values().cloned().collect();
        taken.extend(accepted.iter().map(|device| device.id.clone()));
        let findings: BTreeMap<String, FindingView> = self
            .findings(&watched, &BTreeSet::new())
            .await?
            .into_iter()
            .map(|view| (view.address.clone(), view))
            .collect();
        let sites: BTreeSet<String> = self
            .app
            .sites()
            .inputs()
            .await?
            .into_iter()
            .map(|site| site.id)
            .collect();
        let (mut devices, mut ids) = (Vec::new(), Vec::new());
        for input in inputs {
            let view = findings.get(&input.address).ok_or_else(|| {
                Refusal::new("not_found", "nothing was found there").at("address")
            })?;
            if view.found.verdict == "moved" {
                ids.push(self.relocate(caller, view, &accepted).await?);
                continue;
            }
            let device = self.device(caller, input, view, &taken, &sites)?;
            taken.insert(device.id.clone());
            ids.push(device.id.clone());
            devices.push(device);
        }
        let entries = devices
            .iter()
            .map(|device| {
                self.app
                    .audited(caller, "device.accepted", &device.id, &device.address)
            })
            .collect();
        self.keep(devices, entries).await?;
        Ok(ids)
    }

    async fn relocate(
        &self,
        caller: &Caller,
        view: &FindingView,
        accepted: &[AcceptedDevice],
    ) -> Result<String, Refusal> {
        let id = view.found.device.clone().unwrap_or_default();
        if !accepted.iter().any(|device| device.id == id) {
            let message = "the configuration says where this device is: change it there";
            return Err(Refusal::new("device_configured", message).at("address"));
        }
        let entry = self.app.audited(caller, "device.moved", &id, &view.address);
        self.app
            .store()
            .discovered()
            .relocate(&id, &view.address, entry)
            .await?;
        Ok(id)
    }

    fn device(
        &self,
        caller: &Caller,
        input: AcceptInput,
        view: &FindingView,
        taken: &BTreeSet<String>,
        sites: &BTreeSet<String>,
    ) -> Result<AcceptedDevice, Refusal> {
        let credential = view
            .found
            .credential
            .clone()
            .filter(|_| matches!(view.found.verdict.as_str(), "new" | "duplicate"));
        let Some(credential) = credential else {
            return Err(bad(
                "address",
                "only what answers and is not watched yet can be accepted",
            ));
        };
        let id = match input.id {
            Some(id) => id,
            None => suggest(&view.found, &view.address, taken),
        };
        if id.is_empty() || id.len() > ID_BYTES_MAX || slug(&id) != id {
            return Err(bad("id", "1 to 56 small letters, digits and - _ ."));
        }
        if taken.contains(&id) {
            return Err(Refusal::new("duplicate", "this id is taken").at("id"));
        }
        let system_name = view.found.identity.as_ref().map(|i| i.system_name.clone());
        let name = input
            .name
            .or(system_name)
            .map(|name| cut(name.trim(), NAME_BYTES_MAX))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| id.clone());
        if name.chars().any(char::is_control) {
            return Err(bad("name", "has control characters"));
        }
        if let Some(site) = &input.site
            && !sites.contains(site)
        {
            return Err(Refusal::new("unknown_site", "no such site").at("site"));
        }
        if input
            .poll_seconds
            .is_some_and(|s| !(1..=3_600).contains(&s))
        {
            return Err(bad("poll_seconds", "1 to 3600 seconds"));
        }
        if let Some(profile) = &input.profile
            && !self.scanner().has_profile(profile)
        {
            return Err(bad("profile", "no such profile"));
        }
        Ok(AcceptedDevice {
            id,
            name,
            address: input.address,
            credential,
            site: input.site,
            poll_seconds: input.poll_seconds,
            profile: input.profile,
            accepted_at: self.app.now(),
            accepted_by: caller.account.username.clone(),
        })
    }

    async fn keep(
        &self,
        devices: Vec<AcceptedDevice>,
        entries: Vec<NewAudit>,
    ) -> Result<(), Refusal> {
        if !devices.is_empty() {
            self.app
                .store()
                .discovered()
                .accept(devices, entries)
                .await?;
        }
        self.machines.devices_changed.notify_one();
        self.app.tell(Topic::Discovery);
        Ok(())
    }

    /// Hides what stands at these addresses, or shows it again.
    ///
    /// # Errors
    /// `not_found`, `bad_request`.
    pub async fn ignore(
        &self,
        caller: &Caller,
        addresses: Vec<String>,
        ignore: bool,
    ) -> Result<(), Refusal> {
        if addresses.is_empty() || addresses.len() > BATCH_MAX {
            return Err(bad("addresses", format!("1 to {BATCH_MAX} addresses")));
        }
        let action = if ignore {
            "discovery.ignored"
        } else {
            "discovery.shown"
        };
        let entries = addresses
            .iter()
            .map(|address| self.app.audited(caller, action, address, ""))
            .collect();
        self.app
            .store()
            .discovered()
            .ignore(addresses, ignore, entries)
            .await?;
        self.app.tell(Topic::Discovery);
        Ok(())
    }

    /// Forgets the failures of these addresses: the next scan asks them again.
    ///
    /// # Errors
    /// `bad_request`.
    pub async fn forgive(&self, caller: &Caller, addresses: Vec<String>) -> Result<(), Refusal> {
        if addresses.is_empty() || addresses.len() > BATCH_MAX {
            return Err(bad("addresses", format!("1 to {BATCH_MAX} addresses")));
        }
        let mut ips = Vec::new();
        for address in &addresses {
            let parsed: SocketAddr = address
                .parse()
                .map_err(|_| bad("addresses", "an address and a port"))?;
            ips.push(parsed.ip());
        }
        self.say(Command::Forgive(ips)).await?;
        self.app
            .note(caller, "discovery.forgiven", addresses.join(" "), "")
            .await
    }

    /// Watches an accepted device no longer.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn dismiss(&self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        let entry = self.app.audited(caller, "device.dismissed", id, "");
        self.app.store().discovered().dismiss(id, entry).await?;
        self.machines.devices_changed.notify_one();
        self.app.tell(Topic::Discovery);
        Ok(())
    }

    /// What changed on a device, newest first.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn history(&self, device: &str, limit: u32) -> Result<Vec<HistoryRow>, Refusal> {
        self.app.console()?.device(device)?;
        let limit = limit.clamp(1, HISTORY_MAX);
        let changes = self
            .app
            .store()
            .devices_seen()
            .history(device, limit)
            .await?;
        Ok(changes
            .into_iter()
            .map(|change| history_row(device.to_owned(), change))
            .collect())
    }

    /// What changed on all devices between two moments, oldest first.
    ///
    /// # Errors
    /// As every read of the store.
    pub async fn changes(
        &self,
        since: jiff::Timestamp,
        until: jiff::Timestamp,
    ) -> Result<Vec<HistoryRow>, Refusal> {
        let changes = self
            .app
            .store()
            .devices_seen()
            .changes(since, until, CHANGES_MAX)
            .await?;
        Ok(changes
            .into_iter()
            .map(|(device, change)| history_row(device, change))
            .collect())
    }
}

fn cut(text: &str, bytes_max: usize) -> String {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

fn view(
    row: FindingRow,
    watched: &BTreeMap<String, String>,
    taken: &BTreeSet<String>,
) -> Option<FindingView> {
    let mut found: Found = match serde_json::from_value(row.new.finding) {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, address = row.new.address, "a finding in the store cannot be read");
            return None;
        }
    };
    // Since the scan it may have been accepted, or dismissed again.
    if let Some(device) = watched.get(&row.new.address) {
        found.verdict = "known".to_owned();
        found.device = Some(device.clone());
        found.other_address = None;
    } else if found.verdict == "known" {
        found.verdict = if found.credential.is_some() {
            "new"
        } else {
            "silent"
        }
        .to_owned();
        found.device = None;
    }
    Some(FindingView {
        suggested_id: suggest(&found, &row.new.address, taken),
        address: row.new.address,
        found,
        ignored: row.ignored,
        first_seen: row.first_seen,
        last_seen: row.last_seen,
        failures: row.new.failures,
        rests_until: row.new.rests_until,
    })
}

/// The stored name of a fact as a kind and what it belongs to.
fn history_row(device: String, change: FactChange) -> HistoryRow {
    const KINDS: [(&str, &str); 5] = [
        ("serial of ", "component_serial"),
        ("model of ", "component_model"),
        ("neighbour of ", "neighbour"),
        ("interface renamed ", "interface_renamed"),
        ("interface ", "interface"),
    ];
    let split = KINDS.iter().find_map(|(prefix, kind)| {
        let subject = change.what.strip_prefix(prefix)?;
        Some(((*kind).to_owned(), subject.to_owned()))
    });
    let (kind, subject) = split.unwrap_or_else(|| (change.what.clone(), String::new()));
    HistoryRow {
        at: change.at,
        device,
        kind,
        subject,
        old: change.old,
        new: change.new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain_whatever_a_device_calls_itself() {
        assert_eq!(slug("SW-Tam Kỳ 01"), "sw-tam-k-01");
        assert_eq!(slug("<script>alert(1)</script>"), "script-alert-1-script");
        assert_eq!(slug("../../etc"), "etc");
        assert_eq!(slug("=cmd|'/c'"), "cmd-c");
        assert!(slug(&"x".repeat(500)).len() <= ID_BYTES_MAX);
    }
}

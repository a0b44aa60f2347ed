//! The discovery's ear: keeps how far the scan is, writes findings down, and watches at once what the configuration says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use nhipcau_inventory::discovery::{Finding, Known, Origin, Progress, Verdict};
use nhipcau_inventory::{CredentialRef, ProfileSet};
use tokio::sync::mpsc;

use super::super::audit::DAEMON;
use super::super::estate::{self, Estate};
use super::super::{App, Topic, lock};
use super::suggest;
use crate::drive::discovery::DiscoverySink;
use crate::http::views::{
    CredentialRefusal, DiscoveryState, Found, FoundIdentity, Reason, ScanProgress,
};
use crate::store::{AcceptedDevice, NewAudit, NewFinding};

/// Findings waiting for the store; more are lost and counted, and met again by the next scan.
const FINDINGS_MAX: usize = 8_192;
/// Findings of one write.
const WRITE_MAX: usize = 256;

/// What scans say, until it is written down.
pub(crate) struct Scanner {
    app: App,
    estate: Arc<Estate>,
    state: Mutex<State>,
    known: RwLock<Vec<Known>>,
    conflicts: RwLock<BTreeMap<String, Reason>>,
    profiles: RwLock<BTreeSet<String>>,
    findings: mpsc::Sender<Said>,
}

#[derive(Debug, Default)]
struct State {
    configured: bool,
    auto: bool,
    scanning: bool,
    progress: Progress,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    next_at: Option<Timestamp>,
    lost: u64,
}

/// What the writing task is told.
pub(crate) enum Said {
    Finding(Box<Finding>),
    Finished,
}

impl Scanner {
    /// An ear without a plan, and what it hears.
    pub(crate) fn new(app: App, estate: Arc<Estate>) -> (Arc<Self>, mpsc::Receiver<Said>) {
        let (findings, heard) = mpsc::channel(FINDINGS_MAX);
        let scanner = Self {
            app,
            estate,
            state: Mutex::default(),
            known: RwLock::default(),
            conflicts: RwLock::default(),
            profiles: RwLock::default(),
            findings,
        };
        (Arc::new(scanner), heard)
    }

    /// Takes over what the configuration says and what is watched: devices with the credentials by which they may be asked.
    pub(crate) fn plan(
        &self,
        configured: bool,
        auto: bool,
        watched: Vec<Known>,
        conflicts: BTreeMap<String, Reason>,
    ) {
        {
            let mut state = lock(&self.state);
            (state.configured, state.auto) = (configured, auto);
        }
        *write(&self.known) = watched;
        *write(&self.conflicts) = conflicts;
    }

    /// The families that a device may be forced into.
    pub(crate) fn set_profiles(&self, profiles: &ProfileSet) {
        *write(&self.profiles) = profiles.names().map(str::to_owned).collect();
    }

    /// Whether there is a family of that name.
    pub(super) fn has_profile(&self, name: &str) -> bool {
        read(&self.profiles).contains(name)
    }

    /// Why an accepted device is not watched as it was accepted.
    pub(super) fn conflict(&self, id: &str) -> Option<Reason> {
        read(&self.conflicts).get(id).cloned()
    }

    /// How far the scan is, without what it found.
    pub(super) fn state(&self) -> DiscoveryState {
        let state = lock(&self.state);
        let progress = state.progress;
        DiscoveryState {
            configured: state.configured,
            auto: state.auto,
            scanning: state.scanning,
            progress: ScanProgress {
                addresses: progress.addresses,
                done: progress.done,
                answered: progress.answered,
                new: progress.new,
                requests: progress.requests,
                failures: progress.failures,
                resting: progress.resting,
                excluded: progress.excluded,
                outside: progress.outside,
                skipped: progress.skipped,
                stopped: progress.stopped,
            },
            started_at: state.started_at,
            finished_at: state.finished_at,
            next_at: state.next_at,
            findings: Vec::new(),
            accepted: Vec::new(),
        }
    }
}

impl DiscoverySink for Scanner {
    fn known(&self) -> Vec<Known> {
        let watch = self.estate.watch();
        let refine = |mut known: Known| {
            let Some(device) = watch.device(&known.device) else {
                return known;
            };
            if let Some(collection) = &device.collection {
                known.reachable = collection.unreachable.is_none();
                known.serial = collection.identity.serial.clone();
                if let Some(credential) = &collection.credential {
                    known.credential = Some(credential.clone());
                }
                if let Some(system) = &collection.system {
                    known.system_name = system.name.clone();
                    known.object_id = system.object_id.clone();
                }
            }
            known
        };
        read(&self.known).iter().cloned().map(refine).collect()
    }

    fn started(&self) {
        let mut state = lock(&self.state);
        state.scanning = true;
        state.started_at = Some(Timestamp::now());
        state.finished_at = None;
        drop(state);
        self.app.tell(Topic::Discovery);
    }

    fn found(&self, finding: Finding) {
        if self
            .findings
            .try_send(Said::Finding(Box::new(finding)))
            .is_err()
        {
            lock(&self.state).lost += 1;
        }
    }

    fn progress(&self, progress: Progress, scanning: bool, next_in: Option<Duration>) {
        let mut state = lock(&self.state);
        let moved = state.progress != progress || state.scanning != scanning;
        state.progress = progress;
        state.scanning = scanning;
        state.next_at = next_in
            .and_then(|next| SignedDuration::try_from(next).ok())
            .and_then(|next| Timestamp::now().checked_add(next).ok());
        drop(state);
        if moved {
            self.app.tell(Topic::Discovery);
        }
    }

    fn finished(&self, progress: Progress) {
        let lost = {
            let mut state = lock(&self.state);
            state.scanning = false;
            state.progress = progress;
            state.finished_at = Some(Timestamp::now());
            std::mem::take(&mut state.lost)
        };
        if lost > 0 {
            tracing::warn!(
                lost,
                "findings were not written down: the store was slower than the scan"
            );
        }
        tracing::info!(
            addresses = progress.done,
            answered = progress.answered,
            new = progress.new,
            failures = progress.failures,
            stopped = progress.stopped,
            "scan over"
        );
        // A full queue only delays what `auto` takes over to the next scan.
        let _ = self.findings.try_send(Said::Finished);
    }
}

/// Writes findings down, many at once, and accepts what the configuration says is accepted at once.
pub(crate) async fn keep_findings(
    app: App,
    scanner: Arc<Scanner>,
    changed: Arc<tokio::sync::Notify>,
    mut heard: mpsc::Receiver<Said>,
) {
    let mut said = Vec::new();
    while heard.recv_many(&mut said, WRITE_MAX).await > 0 {
        let now = Timestamp::now();
        let (mut findings, mut finished) = (Vec::new(), false);
        for one in said.drain(..) {
            match one {
                // Left alone because of earlier failures: what was said of it then still holds.
                Said::Finding(finding)
                    if finding.verdict == Verdict::Refused && finding.refusals.is_empty() => {}
                Said::Finding(finding) => findings.push(new_finding(&finding, now)),
                Said::Finished => finished = true,
            }
        }
        if !findings.is_empty()
            && let Err(error) = app.store().discovered().put(findings, now).await
        {
            tracing::warn!(%error, "findings were not written down");
        }
        if finished && lock(&scanner.state).auto {
            match accept_all(&app).await {
                Ok(0) => {}
                Ok(devices) => {
                    tracing::info!(devices, "found and watched from now on");
                    changed.notify_one();
                }
                Err(error) => tracing::warn!(%error, "found devices were not accepted"),
            }
        }
        app.tell(Topic::Discovery);
    }
}

/// Accepts what is new, recognised by a profile and not ignored.
async fn accept_all(app: &App) -> Result<usize, crate::app::Refusal> {
    let discovered = app.store().discovered();
    let accepted = discovered.accepted().await?;
    let mut taken: BTreeSet<String> = accepted.iter().map(|device| device.id.clone()).collect();
    if let Some(machines) = app.machines() {
        taken.extend(machines.estate.devices().into_iter().map(|row| row.id));
    }
    let mut devices = Vec::new();
    for row in discovered.list().await? {
        let known = accepted
            .iter()
            .any(|device| device.address == row.new.address);
        let Ok(found) = serde_json::from_value::<Found>(row.new.finding) else {
            continue;
        };
        let (Some(identity), Some(credential)) = (&found.identity, &found.credential) else {
            continue;
        };
        if known || row.ignored || found.verdict != "new" || identity.generic {
            continue;
        }
        let id = suggest(&found, &row.new.address, &taken);
        taken.insert(id.clone());
        let name = Some(super::cut(&identity.system_name, super::NAME_BYTES_MAX));
        devices.push(AcceptedDevice {
            name: name
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| id.clone()),
            id,
            address: row.new.address,
            credential: credential.clone(),
            site: None,
            poll_seconds: None,
            profile: None,
            accepted_at: app.now(),
            accepted_by: DAEMON.to_owned(),
        });
    }
    let count = devices.len();
    if count > 0 {
        let entries = devices
            .iter()
            .map(|device| NewAudit {
                at: app.now(),
                actor: DAEMON.to_owned(),
                address: String::new(),
                action: "device.accepted",
                subject: device.id.clone(),
                detail: device.address.clone(),
            })
            .collect();
        discovered.accept(devices, entries).await?;
    }
    Ok(count)
}

fn new_finding(finding: &Finding, now: Timestamp) -> NewFinding {
    let name = |credential: &CredentialRef| credential.name.to_string();
    let (device, other_address) = match &finding.verdict {
        Verdict::Known(device) => (Some(device.to_string()), None),
        Verdict::Moved { device, from } => (Some(device.to_string()), Some(from.to_string())),
        Verdict::Duplicate { of } => (None, Some(of.to_string())),
        Verdict::New | Verdict::Silent | Verdict::Refused => (None, None),
    };
    let (origin, told_by) = match finding.origin {
        Origin::Range => ("range", None),
        Origin::Seed => ("seed", None),
        Origin::Neighbour { of, source } => (source.as_str(), Some(of.to_string())),
    };
    let found = Found {
        verdict: finding.verdict.as_str().to_owned(),
        device,
        other_address,
        origin: origin.to_owned(),
        told_by,
        credential: finding.credential.as_ref().map(name),
        refusals: finding
            .refusals
            .iter()
            .map(|(credential, reason)| CredentialRefusal {
                credential: credential.to_string(),
                reason: estate::reason(reason),
            })
            .collect(),
        identity: finding.identity.as_ref().map(|identity| FoundIdentity {
            system_name: identity.system_name.to_string(),
            descr: identity.descr.to_string(),
            object_id: identity.object_id.to_string(),
            engine_id: identity.engine_id.to_string(),
            serial: identity.serial.to_string(),
            base_mac: identity.base_mac.to_string(),
            vendor: identity.vendor.to_string(),
            model: identity.model.to_string(),
            profile: identity.profile.to_string(),
            generic: identity.generic,
            kind: estate::kind(identity.kind),
        }),
    };
    NewFinding {
        address: finding.address.to_string(),
        fingerprint: finding
            .identity
            .as_ref()
            .map(|identity| identity.fingerprint())
            .unwrap_or_default(),
        failures: finding.failures,
        rests_until: finding
            .rest
            .and_then(|rest| SignedDuration::try_from(rest).ok())
            .and_then(|rest| now.checked_add(rest).ok()),
        finding: serde_json::to_value(found).unwrap_or_default(),
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

//! The running machines, as the application and its pages reach them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ipnet::IpNet;
use jiff::Timestamp;
use nhipcau_conference::{ConferenceId, InvitedSite, Occupancy, Occurrence};
use nhipcau_playbooks::{Library, NotStarted, RunId, RunView};
use tokio::sync::mpsc;

use super::estate::{self, Estate};
use super::journal::Numbers;
use super::rooms::{Opening, Rooms};
use super::{App, Live, LiveReadings, Refusal, Topic};
use crate::drive::playbook::{Audience, Message};
use crate::drive::snmp::Command;
use crate::drive::trap::TrapCounters;
use crate::http::views::{Health, Reason};
use crate::metrics::Metrics;
use crate::sd_notify::HealthCheck;
use crate::secret::Secret;

/// The running machines.
pub(crate) struct Machines {
    pub(crate) app: App,
    pub(crate) estate: Arc<Estate>,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) numbers: Arc<Numbers>,
    pub(crate) snmp: mpsc::Sender<Command>,
    pub(crate) discovery: mpsc::Sender<crate::drive::discovery::Command>,
    pub(crate) scanner: Arc<super::discovery::Scanner>,
    /// Somebody accepted or dismissed a device.
    pub(crate) devices_changed: Arc<tokio::sync::Notify>,
    pub(crate) playbooks: mpsc::Sender<Message>,
    pub(crate) library: RwLock<Arc<Library>>,
    pub(crate) runs: Arc<RunTally>,
    pub(crate) traps: Arc<TrapCounters>,
    pub(crate) trap_tally: Arc<super::traps::TrapTally>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: HealthCheck,
    pub(crate) notices: Arc<Notices>,
    pub(crate) state_dir: std::path::PathBuf,
    pub(crate) scrapers: RwLock<Scrapers>,
    pub(crate) readings: LiveReadings,
    pub(crate) usage: Arc<super::usage::UsageBook>,
}

/// Who may read the metrics, besides loopback.
#[derive(Debug, Default)]
pub(crate) struct Scrapers {
    /// A bearer token.
    pub(crate) token: Option<Secret>,
    /// Networks that need none.
    pub(crate) networks: Vec<IpNet>,
    /// Longest exposition, bytes.
    pub(crate) bytes_max: usize,
    /// Sites of live rooms with figures of their own; 0: none.
    pub(crate) peer_sites: usize,
}

impl Scrapers {
    /// Whether somebody at this address, with this bearer, may.
    pub(crate) fn allow(&self, from: IpAddr, bearer: Option<&str>) -> bool {
        let right = self
            .token
            .as_ref()
            .zip(bearer)
            .is_some_and(|(token, bearer)| token.matches(bearer.as_bytes()));
        right || from.is_loopback() || self.networks.iter().any(|network| network.contains(&from))
    }
}

/// What the daemon itself has to say on the console's first page.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<BTreeMap<&'static str, Reason>>);

impl Notices {
    /// Shows a notice under a key, replacing the one before it.
    pub(crate) fn raise(&self, key: &'static str, reason: Reason) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, reason);
    }

    /// Takes it away.
    pub(crate) fn clear(&self, key: &'static str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Reason> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }
}

impl Machines {
    /// Who may read the metrics.
    pub(crate) fn scrapers(&self) -> std::sync::RwLockReadGuard<'_, Scrapers> {
        self.scrapers.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The opening of a conference's room, as its booking says now.
    pub(crate) async fn opening(
        &self,
        id: ConferenceId,
        occurrence: Occurrence,
    ) -> Result<Opening, Refusal> {
        let missing = || Refusal::new("not_found", "no such conference");
        let bookings = self.app.bookings();
        let entry = bookings.entry(id).ok_or_else(missing)?;
        let room = bookings.room_of(id).ok_or_else(missing)?;
        let names = bookings.site_names().await?;
        let sites = entry
            .booking
            .all_sites()
            .map(|site| InvitedSite {
                name: names
                    .get(site.as_str())
                    .cloned()
                    .unwrap_or_else(|| site.to_string()),
                site: site.clone(),
            })
            .collect();
        Ok(Opening {
            conference: id.0,
            room,
            title: entry.booking.title,
            occurrence,
            sites,
        })
    }
}

impl Live for Machines {
    fn site_health(&self, site: &str) -> (Health, Vec<Reason>) {
        let watch = self.estate.watch();
        let state = watch.site(&nhipcau_inventory::SiteId::from(site));
        state.map_or((Health::Unknown, Vec::new()), |state| {
            (
                estate::health(state.health),
                state.reasons.iter().map(estate::reason).collect(),
            )
        })
    }

    fn occupancy(&self, conference: ConferenceId, starts_at: Timestamp) -> Occupancy {
        self.rooms.occupancy(conference.0, starts_at)
    }

    fn joined(&self, conference: ConferenceId) -> u32 {
        self.rooms.joined(conference.0).0
    }

    fn recording(&self, conference: ConferenceId) -> bool {
        self.rooms.joined(conference.0).1
    }

    fn unhealthy(&self) -> Option<&'static str> {
        self.health
            .silent(std::time::Instant::now())
            .first()
            .copied()
    }

    fn booking_changed(&self, conference: ConferenceId) {
        let (app, rooms) = (self.app.clone(), self.rooms.clone());
        tokio::spawn(async move {
            let Some(machines) = app.machines() else {
                return;
            };
            let Some(entry) = app.bookings().entry(conference) else {
                return;
            };
            if entry.cancelled {
                rooms.close(conference.0).await;
            } else if let Some(standing) = app.bookings().standing(conference)
                && let Ok(opening) = machines.opening(conference, standing.occurrence).await
            {
                rooms.invited(conference.0, opening.sites).await;
            }
        });
    }
}

/// Counts runs and ties them to incidents.
pub(crate) struct RunTally {
    app: App,
    estate: Arc<Estate>,
    numbers: Arc<Numbers>,
    ended: Mutex<BTreeMap<(String, &'static str), u64>>,
    active: Mutex<BTreeMap<i64, &'static str>>,
    not_started: Mutex<BTreeMap<&'static str, u64>>,
}

impl RunTally {
    pub(crate) fn new(app: App, estate: Arc<Estate>, numbers: Arc<Numbers>) -> Self {
        Self {
            app,
            estate,
            numbers,
            ended: Mutex::default(),
            active: Mutex::default(),
            not_started: Mutex::default(),
        }
    }

    /// Runs that are not over, by state.
    pub(crate) fn active(&self) -> Vec<(&'static str, u64)> {
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        for state in super::lock(&self.active).values() {
            *counts.entry(state).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    /// Runs that ended since the start, by playbook and result.
    pub(crate) fn ended(&self) -> Vec<(Arc<str>, &'static str, u64)> {
        super::lock(&self.ended)
            .iter()
            .map(|((playbook, state), count)| (playbook.as_str().into(), *state, *count))
            .collect()
    }

    /// Events since the start that started no run, by reason.
    pub(crate) fn not_started(&self) -> Vec<(&'static str, u64)> {
        super::lock(&self.not_started)
            .iter()
            .map(|(reason, count)| (*reason, *count))
            .collect()
    }
}

impl Audience for RunTally {
    fn run_started(&self, run: RunId, event: &nhipcau_playbooks::Event) {
        let incident = self
            .estate
            .incidents()
            .into_iter()
            .find(|incident| {
                event.device.is_some()
                    && incident.view.device == event.device
                    && incident.view.interface == event.interface
            })
            .and_then(|incident| self.numbers.of(&incident.key));
        if let Some(incident) = incident {
            let app = self.app.clone();
            tokio::spawn(async move {
                if let Err(error) = app.store().incidents().add_run(incident, run.0).await {
                    tracing::warn!(%error, incident, run = run.0, "a run was not tied to its incident");
                }
                app.tell(Topic::Incidents);
            });
        }
    }

    fn run_changed(&self, run: &RunView) {
        let state = super::console::run_state(run.state);
        let mut active = super::lock(&self.active);
        if run.state.is_over() {
            if active.remove(&run.id.0).is_some() {
                *super::lock(&self.ended)
                    .entry((run.playbook.clone(), state))
                    .or_default() += 1;
            }
        } else {
            active.insert(run.id.0, state);
        }
        self.app.tell(Topic::Runs);
    }

    fn not_started(&self, _playbook: &str, why: NotStarted) {
        *super::lock(&self.not_started)
            .entry(why.as_str())
            .or_default() += 1;
    }
}

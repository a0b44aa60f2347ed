//! The daemon put together: machines over the store, servers over the application. [`crate::run`] decides when it starts, reloads and ends.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use nhipcau_conference::{ConferenceId, RoomSnapshot, RoomTerms};
use nhipcau_inventory::poller::PollerConfig;
use nhipcau_inventory::watch::{DeclaredLink, SiteSpec, WatchConfig};
use nhipcau_inventory::{CredentialRef, DeviceId, DeviceSpec, InterfaceRef, ProfileSet, SiteId};
use nhipcau_lab::{Faults, Lab};
use nhipcau_media_rtc::{Bridge, BridgeConfig, BridgeEvent};
use nhipcau_playbooks::{EngineTerms, Library};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::app::estate::{Contact, Estate};
use crate::app::journal::{self, Entry, JournalParts, Numbers};
use crate::app::machines::{Machines, Notices, RunTally, Scrapers};
use crate::app::rooms::message::SlotCounts;
use crate::app::rooms::{Rooms, RoomsConfig};
use crate::app::traps::TrapDesk;
use crate::app::{App, Settings};
use crate::config::{self, Access, Config};
use crate::drive::credential::Keys;
use crate::drive::playbook;
use crate::drive::snmp::{self, Command, SnmpConfig, Target};
use crate::drive::trap::{self, Senders, TrapConfig, TrapCounters};
use crate::http::server::{Limits, Server};
use crate::http::tls::Certificates;
use crate::metrics::Metrics;
use crate::perform::{self, Means};
use crate::sd_notify::HealthCheck;
use crate::store::{DeviceFacts, Retention, Store};

/// Collections waiting for their facts to be stored.
const COLLECTIONS_MAX: usize = 1_024;
/// Reports of the bridge waiting for their rooms.
const BRIDGE_EVENTS_MAX: usize = 8_192;
/// Receive m-lines of a room page.
const SLOTS: SlotCounts = SlotCounts {
    audio: 3,
    video: 12,
};
/// A subsystem that has not been alive for this long is named by `/healthz` and keeps the watchdog from its ping.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// Why the daemon cannot start: one line that names the socket, file or secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct StartError(String);

impl StartError {
    fn of(what: &str) -> impl Fn(&dyn std::fmt::Display) -> Self + '_ {
        move |error| {
            if what.is_empty() {
                Self(error.to_string())
            } else {
                Self(format!("{what}: {error}"))
            }
        }
    }
}

/// The running daemon.
pub(crate) struct Daemon {
    app: App,
    machines: Arc<Machines>,
    certificates: Arc<Certificates>,
    senders: Arc<RwLock<Senders>>,
    means: Arc<RwLock<Arc<Means>>>,
    keys: Arc<HashMap<String, Keys>>,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
    /// Where the pages are.
    pub(crate) https: SocketAddr,
    /// Where they are without TLS.
    pub(crate) http: Option<SocketAddr>,
    /// Keeps the simulated province alive, and its watch of faults open without one.
    _lab: Option<Arc<Lab>>,
    _faults: watch::Sender<Faults>,
}

impl Daemon {
    /// Opens the store and every socket, starts every machine, takes up what an earlier life left.
    pub(crate) async fn start(
        config: &Config,
        lab: Option<Arc<Lab>>,
        metrics: Arc<Metrics>,
        health: &HealthCheck,
    ) -> Result<Self, StartError> {
        let certificates = match &config.tls {
            Some(tls) => Certificates::own(&tls.certificate, &tls.key),
            None => Certificates::made(&config.state_dir, &config.listen.names),
        };
        let certificates = Arc::new(certificates.map_err(|e| StartError::of("certificate")(&e))?);
        let server = Server::https(config.listen.https, certificates.clone(), Limits::default())
            .await
            .map_err(|e| StartError::of("")(&e))?;
        let plain = match config.listen.http_loopback {
            Some(address) => Some(
                Server::plain(address, Limits::default())
                    .await
                    .map_err(|e| StartError::of("")(&e))?,
            ),
            None => None,
        };
        let path = config.state_dir.join("nhipcau.sqlite");
        let store =
            Store::open(&path).map_err(|e| StartError::of(&path.display().to_string())(&e))?;
        store.observe_commits({
            let metrics = metrics.clone();
            move |took| metrics.observe_store("commit", took)
        });
        let app = App::start(store.clone(), Settings::of(config, lab.is_some()))
            .await
            .map_err(|e| StartError::of("store")(&e))?;
        let keys = Arc::new(read_keys(config));

        let estate = Arc::new(Estate::new(watch_config(config)));
        let (events, watched) = mpsc::channel(journal::EVENTS_MAX);
        let (collections, collected) = mpsc::channel(COLLECTIONS_MAX);
        let profiles = Arc::new(read_profiles(config)?);
        let snmp_config = SnmpConfig {
            poller: poller_config(config),
            sockets: config.poll.sockets,
            seed: seed()?,
            profiles,
        };
        let snmp = snmp::spawn(snmp_config, estate.clone(), events, collections)
            .map_err(|e| StartError::of("SNMP sockets")(&e))?;

        let traps_lost = Arc::new(AtomicU64::new(0));
        let traps = Arc::new(TrapCounters::default());
        let senders = Arc::new(RwLock::new(senders(config)));
        if let Some(bind) = config.listen.traps {
            let communities = config
                .traps
                .communities
                .iter()
                .filter_map(|reference| reference.resolve().ok())
                .collect();
            let sink = Arc::new(TrapDesk::start(
                store.clone(),
                snmp.clone(),
                traps_lost.clone(),
            ));
            let trap_config = TrapConfig {
                bind,
                state_dir: config.state_dir.clone(),
                communities,
            };
            // The receiver's own runtime is made and blocked on elsewhere: not inside this one.
            let (keys, senders, traps) = (keys.clone(), senders.clone(), traps.clone());
            let started = tokio::task::spawn_blocking(move || {
                trap::spawn(trap_config, &keys, senders, sink, traps)
            })
            .await;
            started
                .map_err(|e| StartError::of("traps")(&e))?
                .map_err(|e| StartError::of("")(&e))?;
        }

        let (bridge, bridge_events) = Bridge::start(bridge_config(config, lab.is_some()))
            .map_err(|e| StartError::of("")(&e))?;
        let numbers = Arc::new(Numbers::default());
        let (journal_entries, entries) = mpsc::channel::<Entry>(journal::EVENTS_MAX);
        let (faults_sender, no_faults) = watch::channel(Faults::default());
        let faults = lab.as_ref().map_or(no_faults, |lab| lab.faults());
        let terms = RoomTerms {
            seats_max: config.conference.peers_max,
            resume_within: config.conference.seat_kept,
            ..RoomTerms::default()
        };
        let rooms_config = RoomsConfig {
            terms,
            slots: SLOTS,
            rooms_max: config.conference.rooms_max,
        };
        let rooms = Rooms::new(
            app.clone(),
            bridge,
            estate.clone(),
            journal_entries.clone(),
            faults,
            rooms_config,
        );

        let means = Arc::new(RwLock::new(Arc::new(Means::of(config))));
        let library = Arc::new(read_library(config)?);
        let runs = Arc::new(RunTally::new(app.clone(), estate.clone(), numbers.clone()));
        let playbooks = playbook::spawn(
            store.clone(),
            library.clone(),
            engine_terms(config),
            perform::performer(means.clone(), metrics.clone()),
            runs.clone(),
        )
        .await
        .map_err(|e| StartError::of("playbooks")(&e))?;

        journal::spawn(
            JournalParts {
                store: store.clone(),
                estate: estate.clone(),
                playbooks: playbooks.clone(),
                rooms: rooms.clone(),
                changed: app.topics(),
                language: config.locale.language,
                numbers: numbers.clone(),
            },
            entries,
        );
        tokio::spawn(forward_events(watched, journal_entries));
        tokio::spawn(keep_facts(app.clone(), collected));
        tokio::spawn(rooms.clone().follow_faults());
        tokio::spawn(rooms.clone().follow_network());
        tokio::spawn(prune(store.clone()));
        forward_bridge(bridge_events, rooms.clone()).map_err(|e| StartError::of("bridge")(&e))?;
        beat(health, "store", {
            let store = store.clone();
            move || {
                let store = store.clone();
                async move { store.sites().list().await.is_ok() }
            }
        });
        beat(health, "poller", {
            let estate = estate.clone();
            move || {
                let alive = estate.is_alive();
                async move { alive }
            }
        });

        let machines = Arc::new(Machines {
            app: app.clone(),
            estate,
            rooms,
            numbers,
            snmp,
            playbooks,
            library: RwLock::new(library),
            runs,
            traps,
            traps_lost,
            metrics: metrics.clone(),
            health: health.clone(),
            notices: Arc::new(Notices::default()),
            state_dir: config.state_dir.clone(),
            scrapers: RwLock::new(scrapers(config)),
        });
        app.attach_machines(machines.clone());
        let mut daemon = Self {
            https: server.address().map_err(|e| StartError::of("")(&e))?,
            http: plain.as_ref().and_then(|plain| plain.address().ok()),
            app,
            machines,
            certificates,
            senders,
            means,
            keys,
            stop: watch::channel(false).0,
            servers: Vec::new(),
            _lab: lab,
            _faults: faults_sender,
        };
        daemon.watch_estate(config).await;
        daemon.recover(config).await;
        let router = crate::http::router(daemon.app.clone(), observer(metrics));
        daemon.servers.push(tokio::spawn(
            server.serve(router.clone(), daemon.stop.subscribe()),
        ));
        if let Some(plain) = plain {
            daemon
                .servers
                .push(tokio::spawn(plain.serve(router, daemon.stop.subscribe())));
        }
        tokio::spawn(follow_sites(daemon.app.clone(), daemon.machines.clone()));
        Ok(daemon)
    }

    /// The setup token while no account exists, and the certificate's fingerprint.
    pub(crate) fn greeting(&self) -> (Option<String>, String) {
        (self.app.setup_token(), self.certificates.fingerprint())
    }

    /// Takes a checked configuration over, as far as that goes without a restart.
    pub(crate) async fn reload(&mut self, config: &Config, lab: bool) -> Result<(), StartError> {
        let profiles = read_profiles(config)?;
        let library = Arc::new(read_library(config)?);
        self.app
            .reload(Settings::of(config, lab))
            .await
            .map_err(|e| StartError::of("sites")(&e))?;
        self.keys = Arc::new(read_keys(config));
        *self.senders.write().unwrap_or_else(PoisonError::into_inner) = senders(config);
        *self.means.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Means::of(config));
        *self
            .machines
            .scrapers
            .write()
            .unwrap_or_else(PoisonError::into_inner) = scrapers(config);
        *self
            .machines
            .library
            .write()
            .unwrap_or_else(PoisonError::into_inner) = library.clone();
        if let Err(error) = self.certificates.refresh() {
            tracing::error!(%error, "the certificate stays as it is");
        }
        let _ = self
            .machines
            .playbooks
            .send(playbook::Message::Library(library))
            .await;
        let _ = self
            .machines
            .snmp
            .send(Command::Profiles(Arc::new(profiles)))
            .await;
        self.watch_estate(config).await;
        Ok(())
    }

    /// Shows on the console that a configuration was refused, or that it is not any more.
    pub(crate) fn note_reload(&self, refused: Option<&config::ConfigError>) {
        use crate::http::views::Reason;
        match refused {
            Some(error) => self.machines.notices.raise(
                "config",
                Reason::new("config_refused")
                    .with("file", error.file.as_str())
                    .with("line", error.line)
                    .with("detail", error.message.as_str()),
            ),
            None => self.machines.notices.clear("config"),
        }
    }

    /// Lets answers and rooms finish: meetings are stored as they are, and go on in the daemon's next life.
    pub(crate) async fn drain(self) {
        self.machines.rooms.drain().await;
        let _ = self.stop.send(true);
        for server in self.servers {
            let _ = server.await;
        }
    }

    async fn watch_estate(&self, config: &Config) {
        let targets = targets(config);
        let levels: HashMap<String, &'static str> = self
            .keys
            .iter()
            .map(|(name, keys)| (name.clone(), keys.level()))
            .collect();
        let contacts = targets
            .iter()
            .map(|target| {
                (
                    target.spec.id.clone(),
                    Contact {
                        address: target.address.to_string(),
                        levels: levels.clone(),
                    },
                )
            })
            .collect();
        self.machines.estate.set_contacts(contacts);
        let links = config
            .links
            .iter()
            .map(|link| DeclaredLink {
                a: end(&link.a),
                b: end(&link.b),
                capacity_bps: link.capacity_bps,
            })
            .collect();
        let snmp = &self.machines.snmp;
        let _ = snmp.send(Command::Links { links, root: None }).await;
        tell_sites(&self.app, &self.machines).await;
        let _ = snmp
            .send(Command::Estate {
                targets,
                keys: self.keys.clone(),
            })
            .await;
    }

    /// Reopens rooms that were live, closes what cannot go on, and mends recordings that a crash cut.
    async fn recover(&self, config: &Config) {
        let store = self.app.store();
        let open: HashMap<ConferenceId, _> = self.app.bookings().open_now().into_iter().collect();
        let mut last_alive = None;
        for row in store.rooms().load().await.unwrap_or_default() {
            last_alive = last_alive.max(Some(row.at));
            let Ok(snapshot) = serde_json::from_value::<RoomSnapshot>(row.snapshot) else {
                tracing::error!(
                    room = row.room,
                    "the record of a live room cannot be read; its seats are lost"
                );
                continue;
            };
            match open.get(&snapshot.conference) {
                Some(occurrence)
                    if occurrence.starts_at == snapshot.occurrence.starts_at && !snapshot.ended =>
                {
                    if let Ok(opening) = self
                        .machines
                        .opening(snapshot.conference, *occurrence)
                        .await
                    {
                        tracing::info!(
                            conference = snapshot.conference.0,
                            seats = snapshot.seats.len(),
                            "a live room is reopened"
                        );
                        self.machines.rooms.restore(&opening, snapshot, row.at);
                    }
                }
                _ => drop(store.rooms().remove(&row.room).await),
            }
        }
        if let Some(at) = last_alive {
            let _ = store
                .attendance()
                .close_open(at, nhipcau_conference::Reason::new("daemon_restarted"))
                .await;
        }
        let directory = config.recording.directory.clone();
        let store = store.clone();
        tokio::spawn(async move {
            for row in store.recordings().unfinished().await.unwrap_or_default() {
                let path = directory.join(&row.file);
                let repaired = tokio::task::spawn_blocking(move || {
                    nhipcau_media_gst::repair(&path, "/proc/self/exe".as_ref())
                })
                .await;
                let bytes = match repaired {
                    Ok(Ok(repaired)) => repaired.bytes,
                    Ok(Err(error)) => {
                        tracing::error!(%error, file = row.file, "a cut recording could not be repaired; it plays as far as it goes");
                        row.bytes
                    }
                    Err(_) => row.bytes,
                };
                let reason = serde_json::json!({"code": "daemon_restarted", "args": {}});
                let _ = store
                    .recordings()
                    .end(row.id, jiff::Timestamp::now(), bytes, true, Some(reason))
                    .await;
            }
        });
    }
}

async fn tell_sites(app: &App, machines: &Machines) {
    match app.sites().inputs().await {
        Ok(sites) => {
            let specs = sites
                .into_iter()
                .map(|site| SiteSpec {
                    id: SiteId::from(site.id),
                    name: site.name,
                    parent: site.parent.map(SiteId::from),
                    uplink: site.uplink.map(|uplink| {
                        InterfaceRef::new(DeviceId::from(uplink.device), uplink.interface)
                    }),
                    capacity_bps: site.capacity_bps,
                })
                .collect();
            let _ = machines.snmp.send(Command::Sites(specs)).await;
        }
        Err(refusal) => tracing::error!(%refusal, "the tree of sites could not be read"),
    }
}

/// Sites are edited on a page: the watch follows.
async fn follow_sites(app: App, machines: Arc<Machines>) {
    use crate::app::Topic;
    use tokio::sync::broadcast::error::RecvError;
    let mut changed = app.changed();
    loop {
        match changed.recv().await {
            Ok(Topic::Sites) | Err(RecvError::Lagged(_)) => tell_sites(&app, &machines).await,
            Ok(_) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn forward_events(
    mut watched: mpsc::Receiver<nhipcau_inventory::watch::Event>,
    journal: mpsc::Sender<Entry>,
) {
    while let Some(event) = watched.recv().await {
        if journal.send(Entry::Watch(Box::new(event))).await.is_err() {
            return;
        }
    }
}

/// The bridge reports over a channel of the standard library: a thread waits for it.
fn forward_bridge(
    reports: std::sync::mpsc::Receiver<BridgeEvent>,
    rooms: Arc<Rooms>,
) -> std::io::Result<()> {
    let (sender, mut events) = mpsc::channel(BRIDGE_EVENTS_MAX);
    std::thread::Builder::new()
        .name("bridge-events".into())
        .spawn(move || {
            while let Ok(event) = reports.recv() {
                if sender.blocking_send(event).is_err() {
                    return;
                }
            }
        })?;
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            rooms.bridge_event(event).await;
        }
    });
    Ok(())
}

/// Stores what devices say of themselves, when it changed.
async fn keep_facts(app: App, mut collected: mpsc::Receiver<Arc<nhipcau_inventory::Collection>>) {
    use crate::app::Topic;
    let mut known: HashMap<DeviceId, DeviceFacts> = HashMap::new();
    while let Some(collection) = collected.recv().await {
        app.tell(Topic::Device(collection.device.to_string()));
        if collection.unreachable.is_some() || collection.system.is_none() {
            continue;
        }
        let facts = facts(&collection);
        if known.get(&collection.device) == Some(&facts) {
            continue;
        }
        match app
            .store()
            .devices_seen()
            .put(
                collection.device.as_str(),
                facts.clone(),
                jiff::Timestamp::now(),
            )
            .await
        {
            Ok(_) => drop(known.insert(collection.device.clone(), facts)),
            Err(error) => {
                tracing::warn!(%error, device = %collection.device, "what a device says of itself was not stored")
            }
        }
    }
}

fn facts(collection: &nhipcau_inventory::Collection) -> DeviceFacts {
    let identity = &collection.identity;
    let mut facts = BTreeMap::from([
        ("vendor".to_owned(), identity.vendor.to_string()),
        ("model".to_owned(), identity.model.to_string()),
        ("serial".to_owned(), identity.serial.to_string()),
        ("version".to_owned(), identity.version.to_string()),
    ]);
    for component in collection
        .components
        .iter()
        .filter(|component| !component.serial.is_empty())
    {
        facts.insert(
            format!("serial of {}", component.name),
            component.serial.to_string(),
        );
    }
    facts
}

async fn prune(store: Store) {
    let mut tick = tokio::time::interval(Duration::from_secs(3600));
    loop {
        tick.tick().await;
        while let Ok(pruned) = store
            .prune(Retention::default(), jiff::Timestamp::now())
            .await
        {
            if !pruned.more {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Asks a subsystem for a sign of life, again and again.
fn beat<F: Future<Output = bool> + Send>(
    health: &HealthCheck,
    subsystem: &'static str,
    alive: impl Fn() -> F + Send + 'static,
) {
    let pulse = health.register(subsystem, SILENCE_MAX, Instant::now());
    tokio::spawn(async move {
        loop {
            if alive().await {
                pulse.beat(Instant::now());
            }
            tokio::time::sleep(BEAT_EVERY).await;
        }
    });
}

fn observer(metrics: Arc<Metrics>) -> crate::http::Observer {
    Arc::new(move |seen: &crate::http::Observation| {
        metrics.observe_http(&seen.route, seen.status, seen.took)
    })
}

fn read_keys(config: &Config) -> HashMap<String, Keys> {
    let mut keys = HashMap::new();
    for credential in &config.credentials {
        match Keys::read(credential) {
            Ok(read) => drop(keys.insert(credential.name.clone(), read)),
            // Its devices are shown as unreachable with this very reason; the others are watched.
            Err(error) => tracing::error!(%error, "a credential cannot be used"),
        }
    }
    keys
}

fn read_profiles(config: &Config) -> Result<ProfileSet, StartError> {
    let own = read_directory(config.profiles.directory.as_deref())?;
    let shipped =
        ProfileSet::shipped_files().map(|(name, text)| (name.to_owned(), text.to_owned()));
    ProfileSet::parse(shipped.chain(own)).map_err(|errors| {
        StartError(
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
        )
    })
}

fn read_library(config: &Config) -> Result<Library, StartError> {
    let own = read_directory(config.playbooks.directory.as_deref())?;
    let texts = own
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    let own = Library::parse(texts, &Means::load_terms(config)).map_err(|mistakes| {
        StartError(
            mistakes
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
        )
    })?;
    Ok(Library::shipped().overlaid(own))
}

/// The YAML files of a directory, by name.
fn read_directory(
    directory: Option<&std::path::Path>,
) -> Result<Vec<(String, String)>, StartError> {
    let Some(directory) = directory else {
        return Ok(Vec::new());
    };
    let named = |error: std::io::Error| StartError(format!("{}: {error}", directory.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(named)? {
        let path = entry.map_err(named)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| StartError(format!("{}: {error}", path.display())))?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    Ok(files)
}

fn targets(config: &Config) -> Vec<Target> {
    let credentials: HashMap<&str, CredentialRef> = config
        .credentials
        .iter()
        .map(|credential| {
            let name = credential.name.as_str();
            let reference = match &credential.access {
                Access::V1 { .. } => CredentialRef::v1(name),
                Access::V2c { .. } => CredentialRef::v2c(name),
                Access::V3 { user, .. } => CredentialRef::v3(name, user.as_str()),
            };
            (name, reference)
        })
        .collect();
    config
        .devices
        .iter()
        .map(|device| Target {
            spec: DeviceSpec {
                id: DeviceId::from(device.id.as_str()),
                name: device.name.clone(),
                site: device.site.as_deref().map(SiteId::from),
                profile: device.profile.clone(),
                poll_interval: device.poll.unwrap_or(config.poll.interval),
                credentials: device
                    .credentials
                    .iter()
                    .filter_map(|name| credentials.get(name.as_str()).cloned())
                    .collect(),
            },
            address: device.address,
        })
        .collect()
}

fn senders(config: &Config) -> Senders {
    Senders {
        devices: config
            .devices
            .iter()
            .map(|device| {
                (
                    device.address.ip().to_canonical(),
                    DeviceId::from(device.id.as_str()),
                )
            })
            .collect(),
        networks: config.traps.sources.clone(),
    }
}

fn scrapers(config: &Config) -> Scrapers {
    let token = config.metrics.token.as_ref().and_then(|reference| {
        reference
            .resolve()
            .inspect_err(
                |error| tracing::error!(%error, "the metrics' token cannot be read; nobody has it"),
            )
            .ok()
    });
    Scrapers {
        token,
        networks: config.metrics.allow.clone(),
    }
}

fn end(endpoint: &config::Endpoint) -> InterfaceRef {
    InterfaceRef::new(
        DeviceId::from(endpoint.device.as_str()),
        endpoint.interface.as_str(),
    )
}

fn poller_config(config: &Config) -> PollerConfig {
    PollerConfig {
        in_flight_max: config.poll.in_flight,
        request_timeout: config.poll.timeout,
        retries: config.poll.retries,
        device_deadline: config.poll.deadline,
        ..PollerConfig::default()
    }
}

fn watch_config(config: &Config) -> WatchConfig {
    WatchConfig {
        link_full_percent: f64::from(config.health.link_load_percent_max),
        storage_full_percent: f64::from(config.health.storage_percent_max),
        ..WatchConfig::default()
    }
}

fn engine_terms(config: &Config) -> EngineTerms {
    EngineTerms {
        language: match config.locale.language {
            config::Language::Vi => nhipcau_playbooks::Language::Vi,
            config::Language::En => nhipcau_playbooks::Language::En,
        },
        zone: TimeZone::get(&config.locale.time_zone).unwrap_or(TimeZone::UTC),
        ..EngineTerms::default()
    }
}

fn bridge_config(config: &Config, lab: bool) -> BridgeConfig {
    let bind = config.listen.media_udp;
    let announce = if config.listen.media_announce.is_empty() {
        local_addresses(bind.ip(), lab)
    } else {
        config.listen.media_announce.clone()
    };
    let limits = nhipcau_media_rtc::Limits {
        rooms_max: config.conference.rooms_max,
        ..nhipcau_media_rtc::Limits::default()
    };
    BridgeConfig {
        bind: vec![bind],
        announce,
        slots_video: SLOTS.video,
        slots_audio: SLOTS.audio,
        impairments: lab,
        limits,
    }
}

/// The addresses that browsers are told: the bound one, or all of the machine's for a wildcard. Loopback only where browsers of this
/// machine are meant, which is the lab.
fn local_addresses(bind: IpAddr, lab: bool) -> Vec<IpAddr> {
    if !bind.is_unspecified() {
        return vec![bind];
    }
    let mut found: Vec<IpAddr> = nix::ifaddrs::getifaddrs()
        .into_iter()
        .flatten()
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
        })
        .filter(|ip| !ip.is_loopback() && ip.is_ipv4() == bind.is_ipv4())
        .filter(|ip| !matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local()))
        .collect();
    if lab || found.is_empty() {
        found.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    found.dedup();
    found
}

fn seed() -> Result<u64, StartError> {
    crate::app::random_bytes::<8>()
        .map(u64::from_le_bytes)
        .map_err(|e| StartError::of("")(&e))
}

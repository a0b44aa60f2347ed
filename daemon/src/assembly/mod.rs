//! The daemon put together: machines over the store, servers over the application. [`crate::run`] decides when it starts, reloads and ends.

mod facts;
mod feeds;
mod recovery;
mod terms;
mod watched;

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use nhipcau_conference::RoomTerms;
use nhipcau_inventory::names::Names;
use nhipcau_lab::{Faults, Lab};
use nhipcau_media_rtc::Bridge;
use nhipcau_wire::port;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use self::feeds::{
    beat, check_recording, follow_sites, forward_bridge, forward_events, keep_facts, observer,
    prune, read_names,
};
use self::terms::{
    both_families, bridge_config, engine_terms, poller_config, read_keys, read_library,
    read_profiles, scrapers, seed, senders, trap_access, watch_config,
};
use self::watched::Watched;
use crate::app::discovery::{Scanner, keep_findings};
use crate::app::estate::Estate;
use crate::app::journal::{self, Entry, JournalParts, Numbers};
use crate::app::machines::{Machines, Notices, RunTally};
use crate::app::rooms::message::SlotCounts;
use crate::app::rooms::{Rooms, RoomsConfig};
use crate::app::traps::{SharedNames, TrapDesk, TrapParts, TrapTally};
use crate::app::usage::{UsageBook, keep_samples};
use crate::app::{App, LiveReadings, Settings, availability, maintenance};
use crate::config::{self, Config};
use crate::drive::discovery;
use crate::drive::playbook;
use crate::drive::snmp::{self, Command, SnmpConfig};
use crate::drive::trap::{self, TrapConfig, TrapCounters};
use crate::http::server::{Limits, Server, Streams};
use crate::http::tls::Certificates;
use crate::metrics::Metrics;
use crate::mibs;
use crate::perform::{self, Means};
use crate::sd_notify::HealthCheck;
use crate::store::Store;

/// Collections waiting for their facts to be stored.
const COLLECTIONS_MAX: usize = 1_024;
/// Voices that a page hears at once.
const VOICES: usize = 3;
/// Receive m-lines of a room page: voices and the sound of what is shared; the large picture and the tiles.
const SLOTS: SlotCounts = SlotCounts {
    audio: VOICES + 1,
    video: 12,
};

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

/// What is wrong with the profiles and playbooks that a configuration names; each mistake with its file and line.
pub(crate) fn faults(config: &Config) -> Vec<String> {
    let faults = [read_profiles(config).err(), read_library(config).err()];
    let mibs = config.traps.mibs.as_deref().map(mibs::read_directory);
    faults
        .into_iter()
        .flatten()
        .flat_map(|error| error.0.lines().map(str::to_owned).collect::<Vec<_>>())
        .chain(mibs.into_iter().flat_map(|reading| reading.faults))
        .collect()
}

/// The families of devices of a configuration; every mistake is a line of the error.
pub(crate) fn profiles(config: &Config) -> Result<nhipcau_inventory::ProfileSet, String> {
    read_profiles(config).map_err(|error| error.0)
}

/// The running daemon.
pub(crate) struct Daemon {
    app: App,
    machines: Arc<Machines>,
    certificates: Arc<Certificates>,
    watched: Arc<Watched>,
    trap_access: watch::Sender<port::Access>,
    names: SharedNames,
    means: Arc<RwLock<Arc<Means>>>,
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
        let mut servers = Vec::new();
        let mut https = config.listen.https;
        for address in both_families(config.listen.https) {
            // Port 0 takes a free one, the same for both.
            let address = SocketAddr::new(address.ip(), https.port());
            let server = Server::https(address, certificates.clone(), Limits::default())
                .await
                .map_err(|e| StartError::of("")(&e))?;
            let bound = server.address().map_err(|e| StartError::of("")(&e))?;
            https = match servers.is_empty() {
                true => bound,
                false => https,
            };
            servers.push(server);
        }
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

        let estate = Arc::new(Estate::new(
            watch_config(config),
            config.health.link_report.interval.as_secs() as i64,
        ));
        let (events, watched) = mpsc::channel(journal::EVENTS_MAX);
        let (collections, collected) = mpsc::channel(COLLECTIONS_MAX);
        let profiles = Arc::new(read_profiles(config)?);
        let (scanner, heard) = Scanner::new(app.clone(), estate.clone());
        scanner.set_profiles(&profiles);
        let discovery = discovery::spawn(profiles.clone(), scanner.clone())
            .map_err(|e| StartError::of("discovery")(&e))?;
        let devices_changed = Arc::new(Notify::new());
        let snmp_config = SnmpConfig {
            poller: poller_config(config),
            sockets: config.poll.sockets,
            seed: seed()?,
            profiles,
        };
        let snmp = snmp::spawn(snmp_config, estate.clone(), events, collections)
            .map_err(|e| StartError::of("SNMP sockets")(&e))?;

        let trap_tally = Arc::new(TrapTally::default());
        let names: SharedNames = Arc::new(RwLock::new(Arc::new(Names::builtin())));
        tokio::spawn(read_names(config.traps.mibs.clone(), names.clone()));
        let traps = Arc::new(TrapCounters::default());
        let senders = Arc::new(RwLock::new(senders(config)));
        let (access, allowed) = watch::channel(trap_access(config, &keys));
        if let Some(bind) = config.listen.traps {
            let sink = Arc::new(TrapDesk::start(TrapParts {
                store: store.clone(),
                watch: snmp.clone(),
                estate: estate.clone(),
                changed: app.topics(),
                news: app.news(),
                names: names.clone(),
                tally: trap_tally.clone(),
            }));
            let trap_config = TrapConfig {
                bind,
                state_dir: config.state_dir.clone(),
                access: allowed,
            };
            // The receiver's own runtime is made and blocked on elsewhere: not inside this one.
            let (senders, traps) = (senders.clone(), traps.clone());
            let started =
                tokio::task::spawn_blocking(move || trap::spawn(trap_config, senders, sink, traps))
                    .await;
            started
                .map_err(|e| StartError::of("traps")(&e))?
                .map_err(|e| StartError::of("")(&e))?;
        }

        let (bridge, bridge_events) = Bridge::start(bridge_config(config, https, lab.is_some()))
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
        let streams: Streams = Arc::new({
            let bridge = bridge.clone();
            move |stream, session, first| bridge.adopt(stream, session, first)
        });
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
        tokio::spawn(availability::keep_book(
            store.clone(),
            estate.clone(),
            app.changed(),
        ));
        let usage = Arc::new(UsageBook::default());
        tokio::spawn(keep_samples(app.clone(), estate.clone(), usage.clone()));
        tokio::spawn(maintenance::feed_windows(app.clone(), snmp.clone()));
        let notices = Arc::new(Notices::default());
        tokio::spawn(check_recording(notices.clone()));
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

        tokio::spawn(keep_findings(
            app.clone(),
            scanner.clone(),
            devices_changed.clone(),
            heard,
        ));
        let machines = Arc::new(Machines {
            discovery,
            scanner,
            devices_changed,
            app: app.clone(),
            estate,
            rooms,
            numbers,
            snmp,
            playbooks,
            library: RwLock::new(library),
            runs,
            traps,
            trap_tally,
            metrics: metrics.clone(),
            health: health.clone(),
            notices,
            state_dir: config.state_dir.clone(),
            scrapers: RwLock::new(scrapers(config)),
            readings: LiveReadings::default(),
            usage,
        });
        app.attach_machines(machines.clone());
        let watched_devices = Arc::new(Watched::new(
            app.clone(),
            machines.clone(),
            senders,
            config,
            keys,
        ));
        let mut daemon = Self {
            https,
            http: plain.as_ref().and_then(|plain| plain.address().ok()),
            app,
            machines,
            certificates,
            watched: watched_devices.clone(),
            trap_access: access,
            names,
            means,
            stop: watch::channel(false).0,
            servers: Vec::new(),
            _lab: lab,
            _faults: faults_sender,
        };
        watched_devices.apply().await;
        watched_devices.recall_failures().await;
        tokio::spawn(watched_devices.follow());
        daemon.recover(config).await;
        let router = crate::http::router(daemon.app.clone(), observer(metrics));
        for server in servers {
            let server = server.sharing(streams.clone());
            let serving = server.serve(router.clone(), daemon.stop.subscribe());
            daemon.servers.push(tokio::spawn(serving));
        }
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

    /// The application, for the control socket.
    pub(crate) fn app(&self) -> App {
        self.app.clone()
    }

    /// Takes a checked configuration over, as far as that goes without a restart.
    pub(crate) async fn reload(&mut self, config: &Config, lab: bool) -> Result<(), StartError> {
        let profiles = Arc::new(read_profiles(config)?);
        let library = Arc::new(read_library(config)?);
        self.app
            .reload(Settings::of(config, lab))
            .await
            .map_err(|e| StartError::of("sites")(&e))?;
        tokio::spawn(read_names(config.traps.mibs.clone(), self.names.clone()));
        self.trap_access
            .send_replace(trap_access(config, &read_keys(config)));
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
        self.machines.scanner.set_profiles(&profiles);
        let _ = self
            .machines
            .discovery
            .send(discovery::Command::Profiles(profiles.clone()))
            .await;
        let _ = self.machines.snmp.send(Command::Profiles(profiles)).await;
        self.watched.reload(config).await;
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

    /// Shows on the console that profiles or playbooks were refused.
    pub(crate) fn note_refusal(&self, error: &StartError) {
        use crate::http::views::Reason;
        // The first line names file and line of the first mistake; the log has them all.
        let first = error.0.lines().next().unwrap_or_default();
        let mut parts = first.splitn(4, ':');
        let (file, line) = (
            parts.next().unwrap_or_default(),
            parts.next().and_then(|line| line.parse::<u32>().ok()),
        );
        let detail = parts.last().filter(|_| line.is_some()).unwrap_or(first);
        self.machines.notices.raise(
            "config",
            Reason::new("config_refused")
                .with("file", file)
                .with("line", line.unwrap_or(1))
                .with("detail", detail.trim()),
        );
    }

    /// Lets answers and rooms finish: meetings are stored as they are, and go on in the daemon's next life.
    pub(crate) async fn drain(self) {
        self.machines.rooms.drain().await;
        let _ = self.stop.send(true);
        for server in self.servers {
            let _ = server.await;
        }
    }
}

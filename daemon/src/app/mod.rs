//! Where the parts meet: what a person or a machine asks of the daemon goes through here, to the store and to the machines.
//!
//! `http` knows this module and not the store. Changes are told to pages by [`App::changed`].

mod accounts;
mod attendance;
mod audit;
pub(crate) mod availability;
mod booking;
pub(crate) mod clean;
mod console;
pub(crate) mod discovery;
mod doors;
pub(crate) mod estate;
mod export;
pub(crate) mod figures;
pub(crate) mod journal;
mod live;
mod login_limit;
pub(crate) mod machines;
pub(crate) mod maintenance;
mod passes;
mod passwords;
mod peers;
mod random;
mod recordings_index;
mod refusal;
mod roads;
pub(crate) mod rooms;
mod series;
mod settings;
mod shards;
mod sheet;
mod sites;
pub(crate) mod streams;
pub(crate) mod tally;
mod topic;
pub(crate) mod traps;
pub(crate) mod usage;
pub(crate) mod words;

pub use accounts::{AccountDesk, Caller, Cookie};
pub use attendance::AttendanceDesk;
pub use audit::DAEMON;
pub use booking::{Admission, BookingDesk};
pub use console::ConsoleDesk;
pub use discovery::DiscoveryDesk;
pub(crate) use doors::Guest;
pub(crate) use export::{ExportRefusal, LiveReadings};
pub use live::Live;
pub use passes::PassDesk;
pub use peers::PeerDesk;
pub use random::{random_bytes, random_token};
pub use recordings_index::{RecordingDesk, RecordingFile};
pub use refusal::Refusal;
pub use settings::Settings;
pub(crate) use shards::{PARTS_MAX, Part};
pub use sites::SiteDesk;
pub use topic::Topic;

use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::store::Store;

/// Changes that a slow page may be behind; beyond it it is told to read everything again.
const TOPICS_BEHIND: usize = 256;

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    settings: RwLock<Arc<Settings>>,
    changed: broadcast::Sender<Topic>,
    news: broadcast::Sender<Arc<crate::http::views::EventRow>>,
    live: OnceLock<Arc<dyn Live>>,
    machines: OnceLock<Arc<machines::Machines>>,
    accounts: accounts::State,
    bookings: booking::State,
    passes: passes::State,
    tally: Arc<tally::Tally>,
    started_at: Timestamp,
}

impl App {
    /// Assembles the application over a store: loads the bookings, seeds the sites, makes the setup token if there is no account yet.
    ///
    /// # Errors
    /// What the store says; `internal` without randomness.
    pub async fn start(store: Store, settings: Settings) -> Result<Self, Refusal> {
        let accounts = accounts::State::load(&store).await?;
        let bookings = booking::State::load(&store, &settings).await?;
        let seeds = settings.sites.clone();
        let app = Self {
            inner: Arc::new(Inner {
                store,
                settings: RwLock::new(Arc::new(settings)),
                changed: broadcast::channel(TOPICS_BEHIND).0,
                news: broadcast::channel(TOPICS_BEHIND).0,
                live: OnceLock::new(),
                machines: OnceLock::new(),
                accounts,
                bookings,
                passes: passes::State::default(),
                tally: Arc::default(),
                started_at: Timestamp::now(),
            }),
        };
        app.sites().seed(seeds).await?;
        Ok(app)
    }

    /// Takes a changed configuration over: sites are seeded by id, the rest holds from the next request on.
    ///
    /// # Errors
    /// As seeding; the new settings hold nevertheless.
    pub async fn reload(&self, settings: Settings) -> Result<(), Refusal> {
        let seeds = settings.sites.clone();
        *self
            .inner
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        self.sites().seed(seeds).await?;
        Ok(())
    }

    /// The machines, once they run. A second call changes nothing.
    pub fn attach_live(&self, live: Arc<dyn Live>) {
        let _ = self.inner.live.set(live);
    }

    /// The machines, once they run, for their own desks. A second call changes nothing.
    pub(crate) fn attach_machines(&self, machines: Arc<machines::Machines>) {
        self.attach_live(machines.clone());
        let _ = self.inner.machines.set(machines);
    }

    /// The running machines; `None` while the daemon starts and in tests without them.
    pub(crate) fn machines(&self) -> Option<&Arc<machines::Machines>> {
        self.inner.machines.get()
    }

    /// Counters for the metrics.
    pub(crate) fn tally(&self) -> &Arc<tally::Tally> {
        &self.inner.tally
    }

    pub(crate) fn live(&self) -> &dyn Live {
        self.inner
            .live
            .get()
            .map_or(&live::NothingLive, AsRef::as_ref)
    }

    /// The way to tell pages that something changed, for the machines.
    pub(crate) fn topics(&self) -> broadcast::Sender<Topic> {
        self.inner.changed.clone()
    }

    /// Now, UTC.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// When the daemon started.
    pub fn started_at(&self) -> Timestamp {
        self.inner.started_at
    }

    /// What the configuration says to people and pages.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(
            &self
                .inner
                .settings
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// The store, for the machines' side of `app` and for `drive`; never for `http`.
    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Whether the last commit found room on the disk.
    pub fn disk_ok(&self) -> bool {
        self.inner.store.disk_ok()
    }

    /// The subsystem that is not well; `None`: all are.
    pub fn unhealthy(&self) -> Option<&'static str> {
        if self.disk_ok() {
            self.live().unhealthy()
        } else {
            Some("store")
        }
    }

    /// Tells every page that something changed.
    pub fn tell(&self, topic: Topic) {
        // Nobody listens: nobody needs it.
        let _ = self.inner.changed.send(topic);
    }

    /// What changes from now on. A receiver that is told `Lagged` reads everything again.
    pub fn changed(&self) -> broadcast::Receiver<Topic> {
        self.inner.changed.subscribe()
    }

    /// Events of traps as they come, before they are stored. Who lags has missed some, and reads them with the rest.
    pub(crate) fn news(&self) -> broadcast::Sender<Arc<crate::http::views::EventRow>> {
        self.inner.news.clone()
    }

    /// The one-time setup token, while no account exists.
    pub fn setup_token(&self) -> Option<String> {
        self.inner.accounts.setup_token()
    }

    /// People who may sign in.
    pub fn accounts(&self) -> AccountDesk<'_> {
        AccountDesk { app: self }
    }

    /// The tree of sites.
    pub fn sites(&self) -> SiteDesk<'_> {
        SiteDesk { app: self }
    }

    /// Bookings and invitations.
    pub fn bookings(&self) -> BookingDesk<'_> {
        BookingDesk { app: self }
    }

    /// Passes of devices that join by WHIP or WHEP.
    pub fn passes(&self) -> PassDesk<'_> {
        PassDesk { app: self }
    }

    /// The figures of live rooms.
    pub fn peers(&self) -> PeerDesk<'_> {
        PeerDesk { app: self }
    }

    /// Attendance and its exports.
    pub fn attendance(&self) -> AttendanceDesk<'_> {
        AttendanceDesk { app: self }
    }

    /// Recordings and their files.
    pub fn recordings(&self) -> RecordingDesk<'_> {
        RecordingDesk { app: self }
    }
}

/// Text of a device on one line, without controls and marks that turn the direction.
pub(crate) fn plain(text: &str) -> String {
    clean::plain_text(text, usize::MAX).trim().to_owned()
}

/// Locks; a panic while it was held left nothing half done that matters here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

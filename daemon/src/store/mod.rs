//! Everything that must survive: one SQLite database, all SQL of the program, typed access by table.
//!
//! One thread writes (WAL, `synchronous=FULL`), answers come after the commit; two connections read beside it. A full disk is
//! an error value and a latch ([`Store::disk_ok`]); the daemon goes on. The store knows no HTTP and no live rooms.
//!
//! Join tokens are kept as they are, because the host must see the links again; they are compared by hash and in constant
//! time. Session cookies are kept as hashes only.

mod accounts;
mod attendance;
mod audit;
mod codec;
mod conferences;
mod devices;
mod discovered;
mod error;
mod events;
mod incidents;
mod maintenance;
mod migrate;
mod passes;
mod recordings;
mod retention;
mod rooms;
mod runs;
mod samples;
mod sessions;
mod sites;
mod stays;
mod traps;
mod writer;

pub use accounts::{AccountChange, AccountRow, Accounts, NewAccount};
pub use attendance::{AttendanceLog, AttendanceRow};
pub use audit::{Audit, AuditRow, NewAudit};
pub use conferences::{ConferenceRow, Conferences, InvitationRow, NewConference};
pub use devices::{DeviceFacts, DevicesSeen, FactChange};
pub use discovered::{AcceptedDevice, Discovered, FindingRow, NewFinding};
pub use error::StoreError;
pub use events::{EventRecord, Events, NewEvent};
pub use incidents::{IncidentRecord, Incidents, NewIncident};
pub use maintenance::{MaintenanceRow, Maintenances, NewMaintenance};
pub use passes::{NewPass, PassRow, Passes};
pub use recordings::{NewRecording, RecordingRow, Recordings};
pub use retention::{Pruned, Retention};
pub use rooms::{RoomSnapshotRow, RoomSnapshots};
pub use runs::{IntentLog, RunRecords};
pub use samples::{LineSample, LineSamples, NewSample};
pub use sessions::{NewSession, SessionRow, Sessions};
pub use sites::{SiteRow, Sites};
pub use stays::{NewStay, StayRow, Stays};
pub use traps::{NewTrap, TrapRow, Traps};

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use writer::Writer;

/// Reads at the same time: the machine has few cores, and each connection has a cache of its own.
const READERS: usize = 2;
/// How long SQLite waits for a lock: another process (a backup, `sqlite3`) may hold the file.
const BUSY: Duration = Duration::from_secs(5);

/// The database of one daemon. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    path: PathBuf,
    writer: Writer,
    readers: Arc<Readers>,
}

struct Readers {
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

/// A read connection that goes back to the pool, also when the reader panics or nobody waits for it any more.
struct Lent {
    readers: Arc<Readers>,
    connection: Option<Connection>,
    /// Released after the connection is back: fields are dropped after `drop`.
    _permit: OwnedSemaphorePermit,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let mut idle = self
                .readers
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            idle.push(connection);
        }
    }
}

impl Store {
    /// Opens the database at `path`, creating it (mode 0600) and migrating it as needed. Blocks; call it before serving.
    ///
    /// # Errors
    /// [`StoreError::Newer`], [`StoreError::Corrupt`], [`StoreError::Full`], or what SQLite says.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        // SQLite gives -wal and -shm the mode of the database itself.
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| StoreError::Failed(format!("{}: {error}", path.display())))?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        migrate::migrate(&mut connection, migrate::MIGRATIONS)?;
        let idle = (0..READERS)
            .map(|_| connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            path: path.to_owned(),
            writer: Writer::start(connection)?,
            readers: Arc::new(Readers {
                permits: Arc::new(Semaphore::new(READERS)),
                idle: Mutex::new(idle),
            }),
        })
    }

    /// Whether the last commit found room on the disk.
    pub fn disk_ok(&self) -> bool {
        !self.writer.state.full.load(Ordering::Relaxed)
    }

    /// Tells `observer` how long each commit takes. It is called on the writing thread and must not block; a second observer is ignored.
    pub fn observe_commits(&self, observer: impl Fn(Duration) + Send + Sync + 'static) {
        let _ = self.writer.state.observer.set(Box::new(observer));
    }

    /// Copies the database, consistent and compacted, into a new file at `path` while the daemon runs.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when the file exists or cannot be written, [`StoreError::Full`].
    pub async fn backup(&self, path: &Path) -> Result<(), StoreError> {
        let target = path.to_owned();
        self.read(move |connection| {
            std::fs::OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&target)
                .map_err(|error| StoreError::Failed(format!("{}: {error}", target.display())))?;
            let name = target
                .to_str()
                .ok_or_else(|| StoreError::Failed("the path is not UTF-8".to_owned()))?;
            connection.execute("VACUUM INTO ?1", [name])?;
            Ok(())
        })
        .await
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in the next commit and resolves after it.
    async fn write<F, T>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Runs `work` on a read connection, on a thread that may block.
    async fn read<F, T>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let readers = Arc::clone(&self.readers);
        let permit = Arc::clone(&readers.permits)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let connection = {
            let mut idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.pop()
        };
        let lent = Lent {
            readers,
            connection,
            _permit: permit,
        };
        let answer = tokio::task::spawn_blocking(move || match &lent.connection {
            Some(connection) => work(connection),
            None => Err(StoreError::Busy),
        })
        .await;
        answer.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident: $table:ident),* $(,)?) => {
        impl Store {
            $($(#[$doc])*
            pub fn $name(&self) -> $table<'_> {
                $table { store: self }
            })*
        }
    };
}

tables! {
    /// People who may sign in, and the one-time setup.
    accounts: Accounts,
    /// Who is signed in.
    sessions: Sessions,
    /// The tree of sites.
    sites: Sites,
    /// Bookings and invitations.
    conferences: Conferences,
    /// Passes of devices.
    passes: Passes,
    /// Presence as intervals.
    attendance: AttendanceLog,
    /// Index of recordings.
    recordings: Recordings,
    /// What devices say of themselves, and how that changed.
    devices_seen: DevicesSeen,
    /// What scans found, and the devices that people accepted.
    discovered: Discovered,
    /// Events of devices, links and sites.
    events: Events,
    /// Incidents.
    incidents: Incidents,
    /// Samples of lines.
    samples: LineSamples,
    /// How devices, links and sites stood.
    stays: Stays,
    /// Announced maintenance.
    maintenance: Maintenances,
    /// Received traps and informs.
    traps: Traps,
    /// Intents of playbook runs, for recovery.
    intent_log: IntentLog,
    /// Playbook runs as pages show them.
    runs: RunRecords,
    /// Live rooms as they were last.
    rooms: RoomSnapshots,
    /// Who changed what.
    audit: Audit,
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

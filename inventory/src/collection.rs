//! One device's snapshot, its errors inside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::export::ModuleRows;
use crate::{
    Adjacency, Component, CredentialRef, DeviceId, DeviceKind, Interface, Neighbour, Oid,
    Processor, Reason, Sensor, Storage,
};

/// The system group of SNMPv2-MIB. Texts are hostile and cut at 1,024 bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    /// `sysName`.
    pub name: Arc<str>,
    /// `sysDescr`.
    pub descr: Arc<str>,
    /// `sysObjectID`.
    pub object_id: Oid,
    /// `sysLocation`.
    pub location: Arc<str>,
    /// `sysContact`.
    pub contact: Arc<str>,
    /// `sysUpTime` in hundredths of a second; wraps after 497 days.
    pub uptime_ticks: u32,
    /// The agent's SNMP engine, when it shows one (SNMP-FRAMEWORK-MIB, RFC 3411 §5).
    pub engine: Option<Engine>,
    /// `ifTableLastChange` in hundredths of a second of sysUpTime (IF-MIB); `None` when the agent has none.
    pub interfaces_changed_ticks: Option<u32>,
    /// When it was read.
    pub read_at: Instant,
}

/// Which engine answers, how often it has started and how long it has been up: `snmpEngineID`, `snmpEngineBoots`, `snmpEngineTime`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// `snmpEngineID`, 5 to 32 bytes.
    pub id: Arc<[u8]>,
    /// `snmpEngineBoots`.
    pub boots: u32,
    /// `snmpEngineTime` in seconds; unlike sysUpTime it does not wrap for 68 years.
    pub seconds: u32,
}

impl System {
    /// Uptime in seconds at the time of reading.
    #[must_use]
    pub fn uptime_seconds(&self) -> u64 {
        u64::from(self.uptime_ticks) / 100
    }
}

/// Who the device is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Manufacturer by the profile.
    pub vendor: Arc<str>,
    /// Model.
    pub model: Arc<str>,
    /// Serial number of the chassis.
    pub serial: Arc<str>,
    /// Software or firmware version.
    pub version: Arc<str>,
}

/// Which profile read the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// Name of the profile.
    pub profile: Arc<str>,
    /// Whether nothing fitted and the fallback reads it.
    pub generic: bool,
    /// What the device is for.
    pub kind: DeviceKind,
}

/// Whether everything was asked or only what changes fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectionScope {
    /// A scheduled poll.
    Full,
    /// After a trap: uptime, states of interfaces and fast sensors.
    Hastened,
}

/// How fresh one table is.
#[derive(Debug, Clone, PartialEq)]
pub struct TableState {
    /// Name of the table.
    pub table: Arc<str>,
    /// When it was last read whole; `None`: never yet.
    pub read_at: Option<Instant>,
    /// Why the last try failed.
    pub error: Option<Arc<str>>,
    /// Whether it has more rows than are read.
    pub cut: bool,
}

/// What a poll cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// From the first request to the last reply.
    pub duration: Duration,
    /// Variable bindings received.
    pub varbinds: u64,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests sent again.
    pub retries: u64,
    /// Requests without an answer.
    pub timeouts: u64,
    /// Tables whose walk was broken off: backwards, endless, nonsense, no answer.
    pub walk_errors: u64,
    /// Rows that the device has been seen to bear in one answer, as learnt so far.
    pub max_repetitions: u32,
    /// Bytes received.
    pub bytes: u64,
}

/// One device's snapshot: last good values, each with its age, and what went wrong this time.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// Whose it is.
    pub device: DeviceId,
    /// Everything or the fast subset.
    pub scope: CollectionScope,
    /// When the first request went out.
    pub started_at: Instant,
    /// When it was complete.
    pub finished_at: Instant,
    /// `None` when the device answered; else why not (`timeout`, `timeout_or_community`, `v3_…`, `unreachable`).
    pub unreachable: Option<Reason>,
    /// When the device last answered anything.
    pub last_seen: Option<Instant>,
    /// The credential that works.
    pub credential: Option<CredentialRef>,
    /// Set when this is the first collection after the agent restarted (`sysUpTime` went back): its new uptime in seconds.
    pub rebooted: Option<u64>,
    /// `None` until the device answered once.
    pub recognised: Option<Recognised>,
    /// Last good system group.
    pub system: Option<System>,
    /// Last good identity.
    pub identity: Identity,
    /// By index.
    pub interfaces: Arc<[Interface]>,
    /// Parts.
    pub components: Arc<[Component]>,
    /// Measured values and states.
    pub sensors: Arc<[Sensor]>,
    /// File systems, volumes, memory.
    pub storage: Arc<[Storage]>,
    /// Processors.
    pub processors: Arc<[Processor]>,
    /// LLDP and CDP.
    pub neighbours: Arc<[Neighbour]>,
    /// ARP, bridge tables, next hops, aggregates: read as seldom as slow tables, after everything else.
    pub adjacency: Arc<Adjacency>,
    /// Rows of the modules that somebody reads through us.
    pub modules: Arc<[Arc<ModuleRows>]>,
    /// `table_failed` for each table that could not be read this time.
    pub errors: Vec<Reason>,
    /// Freshness of each table.
    pub tables: Vec<TableState>,
    /// What the poll cost.
    pub statistics: Statistics,
}

impl Collection {
    /// The interface of that name.
    #[must_use]
    pub fn interface(&self, name: &str) -> Option<&Interface> {
        self.interfaces.iter().find(|i| &*i.name == name)
    }
}

//! What goes into the poller and what comes out.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::export::{ModuleId, ModuleRows};
use crate::{Collection, CredentialRef, DeviceId, DeviceSpec, Oid, ProfileSet, Varbind};

/// Limits and habits of the poller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollerConfig {
    /// Requests in flight to all devices together.
    pub in_flight_max: usize,
    /// Requests in flight to one device.
    pub in_flight_per_device_max: usize,
    /// From the first request of a poll to its collection, whatever happens.
    pub device_deadline: Duration,
    /// How long to wait for one answer.
    pub request_timeout: Duration,
    /// How often one request is sent again.
    pub retries: u32,
    /// Variable bindings of one table; a walk that brings more is cut and called endless.
    pub walk_varbinds_max: usize,
    /// Bytes of one table's answers; a walk that brings more is cut and called endless.
    pub walk_bytes_max: usize,
    /// Rows asked for by the first GETBULK; learnt per device from there.
    pub max_repetitions: u32,
    /// Variable bindings asked for by one request (columns × rows).
    pub request_varbinds_max: usize,
    /// Slow tables (inventory, descriptions) are read every this many polls.
    pub slow_every: u32,
    /// Wrong-credential answers after which a credential of a device rests for [`PollerConfig::credential_rest`].
    pub credential_failures_max: u32,
    /// How long such a credential rests.
    pub credential_rest: Duration,
    /// Largest answer worth reading, bytes.
    pub reply_bytes_max: usize,
    /// Devices at most; more are refused and counted.
    pub devices_max: usize,
}

impl Default for PollerConfig {
    fn default() -> Self {
        Self {
            in_flight_max: 64,
            in_flight_per_device_max: 2,
            device_deadline: Duration::from_secs(20),
            request_timeout: Duration::from_secs(2),
            retries: 2,
            walk_varbinds_max: 100_000,
            walk_bytes_max: 16 << 20,
            max_repetitions: 24,
            request_varbinds_max: 120,
            slow_every: 10,
            credential_failures_max: 3,
            credential_rest: Duration::from_secs(900),
            reply_bytes_max: 65_507,
            devices_max: 20_000,
        }
    }
}

/// One request of this poller; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// The operation of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// GET.
    Get,
    /// GETNEXT.
    GetNext,
    /// GETBULK without non-repeaters.
    GetBulk {
        /// Rows.
        max_repetitions: u32,
    },
}

/// A part of an agent that answers like an agent of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// The bridge tables of one VLAN on Cisco's switches: community `COMMUNITY@VLAN`, SNMPv3 context `vlan-VLAN`.
    Vlan(u16),
}

/// What the shell shall send, once; it reports the answer or its absence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Comes back with the reply.
    pub id: RequestId,
    /// To whom.
    pub device: DeviceId,
    /// With which credential.
    pub credential: CredentialRef,
    /// In which context of the agent; `None`: its default one.
    pub context: Option<Context>,
    /// What to do.
    pub op: Op,
    /// With which names.
    pub oids: Vec<Oid>,
    /// How long the shell waits before it reports [`FetchError::Timeout`].
    pub timeout: Duration,
}

/// Why a request brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// No answer in time.
    Timeout,
    /// Error-status tooBig.
    TooBig,
    /// Error-status genErr (or any other that is not named here).
    GenErr,
    /// Error-status noSuchName of SNMPv1.
    NoSuchName,
    /// usmStatsUnknownUserNames.
    V3UnknownUser,
    /// usmStatsWrongDigests.
    V3WrongDigest,
    /// usmStatsNotInTimeWindows, after the shell resynchronised once.
    V3NotInTimeWindow,
    /// usmStatsUnsupportedSecLevels.
    V3UnsupportedLevel,
    /// usmStatsDecryptionErrors, or an answer that we cannot decrypt.
    V3Decryption,
    /// usmStatsUnknownEngineIDs, after the shell rediscovered once.
    V3UnknownEngine,
    /// The network says no (ICMP, no route); with its words.
    Unreachable(String),
    /// An answer that is no SNMP; with what is wrong.
    Malformed(String),
}

/// What reaches the poller.
#[derive(Debug)]
pub enum Input {
    /// A device is watched, or watched differently.
    Upsert(DeviceSpec),
    /// A device is no longer watched.
    Remove(DeviceId),
    /// The outcome of a request. Late, doubled and foreign ones are counted and dropped.
    Reply {
        /// Of which request.
        request: RequestId,
        /// What came.
        result: Result<Vec<Varbind>, FetchError>,
        /// Size of the datagram, bytes.
        bytes: usize,
    },
    /// Look at this device now.
    Hasten(DeviceId),
    /// Somebody reads this module of the device again and again: it belongs to every poll for the next quarter of an hour.
    Export {
        /// Of which device.
        device: DeviceId,
        /// What.
        module: ModuleId,
    },
    /// Read this module once, now; [`Output::Probed`] answers.
    Probe {
        /// Comes back with the answer.
        ticket: u64,
        /// Of which device.
        device: DeviceId,
        /// What.
        module: ModuleId,
    },
    /// The families changed; devices are recognised anew at their next poll.
    Profiles(Arc<ProfileSet>),
    /// The time of the last [`Output::Timeout`] has come.
    Timeout,
}

/// Why a module could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeError {
    /// The device is not watched (any more).
    Unknown,
    /// Another probe of this device is under way.
    Busy,
    /// All credentials rest, or there is none.
    NoCredential,
    /// The agent did not answer, or not with sense; in words.
    Failed(Arc<str>),
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the device is not watched"),
            Self::Busy => f.write_str("the device is being read already"),
            Self::NoCredential => f.write_str("no credential may be tried now"),
            Self::Failed(detail) => f.write_str(detail),
        }
    }
}

/// What the poller wants.
#[derive(Debug)]
pub enum Output {
    /// Send this.
    Send(Request),
    /// A device's new snapshot.
    Collection(Arc<Collection>),
    /// The answer to [`Input::Probe`].
    Probed {
        /// The question's.
        ticket: u64,
        /// What was read, whole, or why it was not.
        result: Result<ModuleRows, ProbeError>,
    },
    /// Nothing more now; call with [`Input::Timeout`] at that time (or when input comes).
    Timeout(Option<Instant>, TimeoutReason),
}

/// What happens at the time of an [`Output::Timeout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutReason {
    /// Nothing is due.
    Idle,
    /// A device's poll begins.
    NextPoll,
    /// A device's deadline passes, or an answer is overdue.
    Deadline,
    /// A request is sent again.
    Retry,
}

/// Figures of the poller itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PollerCounters {
    /// Requests handed out.
    pub requests: u64,
    /// Of these, sent again.
    pub retries: u64,
    /// Answers that belong to no request in flight: late, doubled, foreign.
    pub replies_unexpected: u64,
    /// Answers with nonsense inside.
    pub replies_malformed: u64,
    /// Requests without an answer.
    pub timeouts: u64,
    /// Polls begun.
    pub polls: u64,
    /// Polls cut by their deadline.
    pub polls_late: u64,
    /// Walks that ran backwards, left their table or never ended.
    pub walks_broken: u64,
    /// Tables with more rows than are read.
    pub tables_cut: u64,
    /// Devices refused beyond [`PollerConfig::devices_max`].
    pub devices_refused: u64,
}

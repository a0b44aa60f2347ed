//! What goes into the discovery and what comes out.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::identity::Identification;
use crate::poller::{FetchError, Op, RequestId};
use crate::{CredentialRef, DeviceId, Oid, ProfileSet, Reason, Varbind};

/// Addresses that one scan looks at, neighbours included; what comes after them is counted as skipped.
pub const ADDRESSES_MAX: usize = 65_536;

/// Which tables of a device tell where to look next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CrawlSource {
    /// Management addresses of LLDP-MIB.
    Lldp,
    /// Addresses of CISCO-CDP-MIB.
    Cdp,
    /// ipNetToMedia and ipNetToPhysical of IP-MIB: ARP and neighbour discovery.
    Arp,
}

impl CrawlSource {
    /// The word used in JSON and in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lldp => "lldp",
            Self::Cdp => "cdp",
            Self::Arp => "arp",
        }
    }
}

/// Where to look, how hard and how often.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiscoveryPlan {
    /// Networks whose every address is asked.
    pub ranges: Vec<IpNet>,
    /// Networks in which neighbours may be followed, beyond the ranges; not swept.
    pub within: Vec<IpNet>,
    /// Addresses that are asked whether or not they lie in a range.
    pub seeds: Vec<SocketAddr>,
    /// Never sent a packet, whatever else says so.
    pub exclude: Vec<IpNet>,
    /// Port of agents in ranges and of neighbours.
    pub port: u16,
    /// Credentials in the order in which they are tried: least privileged first.
    pub credentials: Vec<CredentialRef>,
    /// Datagrams per second, all addresses together; at least 1.
    pub rate_per_second: u32,
    /// Requests in flight; at least 1.
    pub in_flight_max: usize,
    /// How long to wait for one answer.
    pub request_timeout: Duration,
    /// How often a silent address is asked again with the same credential, after all others had their turn.
    pub retries: u32,
    /// Failed credentials after which an address rests: SNMPv3 accounts lock.
    pub failures_max: u32,
    /// How long an address rests; doubles up to a day each time a device refuses again.
    pub failures_rest: Duration,
    /// Where neighbours are looked for.
    pub crawl: Vec<CrawlSource>,
    /// Steps from a range or seed to the farthest neighbour; 0 follows none.
    pub crawl_depth: u32,
    /// Time from the beginning of one scan to the next; `None`: on demand only.
    pub every: Option<Duration>,
}

/// A device that is watched already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub device: DeviceId,
    /// Where it is watched.
    pub address: SocketAddr,
    /// The credential that works, or the first that is declared; `None`: it is not asked.
    pub credential: Option<CredentialRef>,
    /// Whether it answers its polls.
    pub reachable: bool,
    /// Serial number, empty when unknown.
    pub serial: Arc<str>,
    /// `sysName`, empty when unknown.
    pub system_name: Arc<str>,
    /// `sysObjectID`, empty when unknown.
    pub object_id: Oid,
    /// `snmpEngineID` in hexadecimal, empty when unknown.
    pub engine_id: Arc<str>,
}

/// Failures of an earlier life that still count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastFailures {
    /// Whose.
    pub address: IpAddr,
    /// How many.
    pub count: u32,
    /// How long they still count.
    pub rest: Duration,
}

/// What the shell shall send, once; it reports the answer or its absence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRequest {
    /// Comes back with the reply.
    pub id: RequestId,
    /// To whom.
    pub address: SocketAddr,
    /// With which credential.
    pub credential: CredentialRef,
    /// What to do.
    pub op: Op,
    /// With which names.
    pub oids: Vec<Oid>,
    /// How long the shell waits for each datagram's answer.
    pub timeout: Duration,
}

/// Why a probe brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeError {
    /// What happened.
    pub error: FetchError,
    /// Whether the credential reached the wire. An SNMPv3 engine that does not answer its discovery never saw one.
    pub presented: bool,
}

/// What reaches the discovery.
#[derive(Debug)]
pub enum Input {
    /// Where and how; ends a scan under way, whose ground may be forbidden from now on.
    Plan(Box<DiscoveryPlan>),
    /// The families of devices.
    Profiles(Arc<ProfileSet>),
    /// What is watched, whole.
    Known(Vec<Known>),
    /// Failures of an earlier life.
    Failures(Vec<PastFailures>),
    /// Forget the failures of these addresses: somebody mended the credential.
    Forgive(Vec<IpAddr>),
    /// Begin a scan now; nothing while one is under way.
    Scan,
    /// End the scan.
    Stop,
    /// The outcome of a request; late, doubled and foreign ones are counted and dropped.
    Reply {
        /// Of which request.
        request: RequestId,
        /// What came.
        result: Result<Vec<Varbind>, ProbeError>,
    },
    /// The time of the last [`Output::Timeout`] has come.
    Timeout,
}

/// What the discovery wants.
#[derive(Debug)]
pub enum Output {
    /// Send this.
    Send(ProbeRequest),
    /// What is known of an address; replaces what was said of it before.
    Found(Box<Finding>),
    /// A scan began.
    Started,
    /// A scan is over.
    Finished(Progress),
    /// Nothing more now; call with [`Input::Timeout`] at that time (or when input comes).
    Timeout(Option<Instant>, TimeoutReason),
}

/// What happens at the time of an [`Output::Timeout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutReason {
    /// Nothing is due.
    Idle,
    /// The rate allows the next datagram.
    Rate,
    /// A scheduled scan begins.
    NextScan,
}

/// How an address came into the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// By a range.
    Range,
    /// By name.
    Seed,
    /// A device told of it.
    Neighbour {
        /// Which.
        of: SocketAddr,
        /// How.
        source: CrawlSource,
    },
}

/// What stands at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A device that nobody watches.
    New,
    /// Watched, at this address.
    Known(DeviceId),
    /// Watched, but at another address, which does not answer any more.
    Moved {
        /// Which device.
        device: DeviceId,
        /// Where it is watched.
        from: SocketAddr,
    },
    /// Another address of a device that is listed elsewhere.
    Duplicate {
        /// Where it is listed.
        of: SocketAddr,
    },
    /// Nothing answers SNMP.
    Silent,
    /// It is there and takes no credential of ours; [`Finding::refusals`] says why.
    Refused,
}

impl Verdict {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Known(_) => "known",
            Self::Moved { .. } => "moved",
            Self::Duplicate { .. } => "duplicate",
            Self::Silent => "silent",
            Self::Refused => "refused",
        }
    }
}

/// What a scan knows of one address.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Where.
    pub address: SocketAddr,
    /// What.
    pub verdict: Verdict,
    /// How it came into the scan.
    pub origin: Origin,
    /// The credential that works.
    pub credential: Option<CredentialRef>,
    /// Credentials that do not, with the reason.
    pub refusals: Vec<(Arc<str>, Reason)>,
    /// Failed credentials that count against the limit.
    pub failures: u32,
    /// Set when the limit is reached: how long it is left alone.
    pub rest: Option<Duration>,
    /// Who answered.
    pub identity: Option<Identification>,
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Addresses to look at, as far as known.
    pub addresses: u64,
    /// Of these, done with.
    pub done: u64,
    /// Devices that answered.
    pub answered: u64,
    /// Of these, new ones.
    pub new: u64,
    /// Requests handed out.
    pub requests: u64,
    /// Failed credentials.
    pub failures: u64,
    /// Addresses left alone because their failures still count.
    pub resting: u64,
    /// Addresses left alone because they are excluded.
    pub excluded: u64,
    /// Neighbours outside the allowed networks.
    pub outside: u64,
    /// Addresses beyond [`ADDRESSES_MAX`].
    pub skipped: u64,
    /// Answers that belong to no request.
    pub replies_unexpected: u64,
    /// Somebody or a new plan ended it early.
    pub stopped: bool,
}

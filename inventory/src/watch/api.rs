//! What goes into the watch, what comes out, and what pages may read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{LimitRule, Window};
use crate::trap::Trap;
use crate::{
    Collection, DeviceId, DeviceSpec, Health, InterfaceRef, Limits, Rates, Reason, SiteId,
};

/// Habits of the watch.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchConfig {
    /// Missed polls after which a device is down.
    pub missed_polls_max: u32,
    /// How long an unexplained `device_down` waits for a cause in front of it.
    pub cause_grace: Duration,
    /// A value must come back by this share of its limit before the sensor is well again.
    pub hysteresis_ratio: f64,
    /// Changes of one link or sensor within [`WatchConfig::flap_window`] after which its recovery is held until it is calm.
    pub flap_changes_max: u32,
    /// See [`WatchConfig::flap_changes_max`].
    pub flap_window: Duration,
    /// Load of a link, percent of its capacity, that makes it full.
    pub link_full_percent: f64,
    /// Collections in a row over (or under) it before anybody is told.
    pub link_full_collections: u32,
    /// Use of a storage area, percent, that makes it critical.
    pub storage_full_percent: f64,
    /// What the operator sets for readings; the first that fits holds.
    pub limits: Vec<LimitRule>,
    /// Errors per second on an interface that degrade it.
    pub errors_per_second_max: f64,
    /// Open incidents at most; beyond, events carry no new incident and are counted.
    pub incidents_max: usize,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            missed_polls_max: 2,
            cause_grace: Duration::from_secs(6),
            hysteresis_ratio: 0.03,
            flap_changes_max: 6,
            flap_window: Duration::from_secs(300),
            link_full_percent: 90.0,
            link_full_collections: 3,
            storage_full_percent: 95.0,
            limits: Vec::new(),
            errors_per_second_max: 1.0,
            incidents_max: 10_000,
        }
    }
}

/// A site as the configuration declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteSpec {
    /// Stable identifier.
    pub id: SiteId,
    /// What people call it.
    pub name: String,
    /// The site above it; `None` for the root.
    pub parent: Option<SiteId>,
    /// The measured interface over which it reaches the rest: usually a port of the device at the parent's end, or of its own router.
    pub uplink: Option<InterfaceRef>,
    /// Capacity of that line, bits per second.
    pub capacity_bps: Option<u64>,
}

/// A cable that the configuration declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredLink {
    /// One end.
    pub a: InterfaceRef,
    /// The other.
    pub b: InterfaceRef,
    /// Capacity, bits per second; `None`: the interfaces' own speed.
    pub capacity_bps: Option<u64>,
}

/// What reaches the watch.
#[derive(Debug)]
pub enum Input {
    /// A new snapshot.
    Collection(Arc<Collection>),
    /// A notification: a hint to look, never itself believed.
    Trap(Trap),
    /// The whole tree of sites.
    Sites(Vec<SiteSpec>),
    /// All declared links.
    Links(Vec<DeclaredLink>),
    /// The device that stands for the daemon's own place in the network: paths are seen from there.
    Root(Option<DeviceId>),
    /// A device is watched.
    Device(DeviceSpec),
    /// A device is no longer watched.
    RemoveDevice(DeviceId),
    /// Somebody has seen this incident; `None`: they take that back.
    Acknowledge {
        /// Which.
        incident: IncidentKey,
        /// Who, and what they say.
        by: Option<(String, String)>,
    },
    /// Announced work: the intervals that hold or are next, whole. At most as many as the shell allows windows.
    Maintenance(Vec<Window>),
    /// The time of the last [`Output::Timeout`] has come.
    Timeout,
}

/// What the watch wants.
#[derive(Debug)]
pub enum Output {
    /// Tell this.
    Event(Event),
    /// Poll this device now.
    Hasten(DeviceId),
    /// Nothing more now; call with [`Input::Timeout`] at that time (or when input comes).
    Timeout(Option<Instant>, TimeoutReason),
}

/// What happens at the time of an [`Output::Timeout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutReason {
    /// Nothing is due.
    Idle,
    /// A held-back `device_down` is told.
    Grace,
    /// A flapping link or sensor may have come to rest.
    Calm,
    /// Announced work ends.
    Maintenance,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // The words are the documentation; `as_str` is the contract.
pub enum EventKind {
    DeviceDown,
    DeviceUp,
    LinkDown,
    LinkUp,
    SensorCritical,
    SensorOk,
    ComponentFailed,
    ComponentOk,
    StorageFull,
    StorageOk,
    LinkFull,
    LinkOk,
    Trap,
    IdentityChanged,
    Rebooted,
}

impl EventKind {
    /// The word used in playbooks, JSON and labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeviceDown => "device_down",
            Self::DeviceUp => "device_up",
            Self::LinkDown => "link_down",
            Self::LinkUp => "link_up",
            Self::SensorCritical => "sensor_critical",
            Self::SensorOk => "sensor_ok",
            Self::ComponentFailed => "component_failed",
            Self::ComponentOk => "component_ok",
            Self::StorageFull => "storage_full",
            Self::StorageOk => "storage_ok",
            Self::LinkFull => "link_full",
            Self::LinkOk => "link_ok",
            Self::Trap => "trap",
            Self::IdentityChanged => "identity_changed",
            Self::Rebooted => "rebooted",
        }
    }
}

/// Names one incident as long as it is open: the same fault opens it, the same recovery closes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentKey(pub Arc<str>);

/// What stands in front of something and explains it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A link is down; the interface that says so.
    Interface(InterfaceRef),
    /// A device does not answer.
    Device(DeviceId),
}

impl Cause {
    /// The device that the cause is at.
    #[must_use]
    pub fn device(&self) -> &DeviceId {
        match self {
            Self::Interface(interface) => &interface.device,
            Self::Device(device) => device,
        }
    }

    /// The interface, when it is one.
    #[must_use]
    pub fn interface(&self) -> Option<&Arc<str>> {
        match self {
            Self::Interface(interface) => Some(&interface.interface),
            Self::Device(_) => None,
        }
    }
}

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// Where.
    pub device: Option<DeviceId>,
    /// On which interface.
    pub interface: Option<Arc<str>>,
    /// The site of the device.
    pub site: Option<SiteId>,
    /// How it is now.
    pub health: Health,
    /// Why.
    pub reason: Reason,
    /// Set when something in front explains it: keep it in the log, notify nobody.
    pub held_back_by: Option<Cause>,
    /// The window of announced work that it falls into: keep it in the log, notify nobody.
    pub maintenance: Option<i64>,
    /// The recovery of something that was told: told even within a window.
    pub ends_what_was_told: bool,
    /// Sites whose traffic it touches.
    pub sites: Vec<SiteId>,
    /// The incident it opens, feeds or closes.
    pub incident: IncidentKey,
    /// When.
    pub at: Instant,
}

/// What is known of one device.
#[derive(Debug, Clone)]
pub struct DeviceState {
    /// As declared.
    pub spec: DeviceSpec,
    /// Rolled up from reachability, parts, sensors, storage and interfaces.
    pub health: Health,
    /// Worst first.
    pub reasons: Vec<Reason>,
    /// Last snapshot.
    pub collection: Option<Arc<Collection>>,
    /// The cause in front of it, while it does not answer because of that.
    pub behind: Option<Cause>,
    /// Since when it is behind.
    pub behind_since: Option<Instant>,
    /// Health of each interface by name.
    pub interface_health: BTreeMap<Arc<str>, Health>,
    /// Health of each sensor by name, after hysteresis and damping.
    pub sensor_health: BTreeMap<Arc<str>, Health>,
    /// The limits that hold for each sensor that has any.
    pub sensor_limits: BTreeMap<Arc<str>, Limits>,
    /// Health of each storage area by name.
    pub storage_health: BTreeMap<Arc<str>, Health>,
}

/// Where a link is known from.
///
/// In the order of their weight: where two disagree, the earlier one is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LinkSource {
    /// The configuration.
    Declared,
    /// A site's uplink; the far end may be unknown.
    Uplink,
    /// The neighbour's own word by LLDP.
    Lldp,
    /// The neighbour's own word by CDP.
    Cdp,
    /// Bridge tables: each of two ports has learnt the other's device, or a port has learnt one device alone.
    Bridge,
    /// A next hop: only where nothing stronger connects the two.
    Route,
    /// An ARP or neighbour-discovery entry: likewise.
    Arp,
}

impl LinkSource {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Uplink => "uplink",
            Self::Lldp => "lldp",
            Self::Cdp => "cdp",
            Self::Bridge => "bridge",
            Self::Route => "route",
            Self::Arp => "arp",
        }
    }
}

/// The far end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarEnd {
    /// The watched device, when it is one.
    pub device: Option<DeviceId>,
    /// What it calls itself.
    pub name: String,
    /// Its interface as it names it.
    pub interface: Arc<str>,
}

/// One link.
#[derive(Debug, Clone)]
pub struct LinkState {
    /// Stable text: the two ends.
    pub id: String,
    /// The end that we read.
    pub a: InterfaceRef,
    /// The other end.
    pub b: Option<FarEnd>,
    /// The strongest of `sources`.
    pub source: LinkSource,
    /// Everything that it is known from.
    pub sources: Vec<LinkSource>,
    /// The lines of an aggregate; empty for a single line.
    pub lines: Vec<LineState>,
    /// Bits per second; 0 when unknown.
    pub capacity_bps: u64,
    /// Whether the configuration or a site says so; else it is the interface's own speed.
    pub capacity_declared: bool,
    /// Rates of `a`.
    pub rates: Option<Rates>,
    /// The busier direction in percent of the capacity.
    pub load_percent: Option<f64>,
    /// How it is.
    pub health: Health,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Sites whose traffic crosses it.
    pub sites: Vec<SiteId>,
}

/// One line of an aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineState {
    /// The member at the end that is `a` of the link.
    pub a: Option<InterfaceRef>,
    /// The member at the other end.
    pub b: Option<InterfaceRef>,
    /// Whether it carries nothing.
    pub down: bool,
}

/// What one source says of an end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// By which means.
    pub source: LinkSource,
    /// The device that says so; `None` for the configuration.
    pub by: Option<DeviceId>,
    /// What is at the other end; `None`: nothing.
    pub far: Option<FarEnd>,
}

/// How sources disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConflictKind {
    /// Different sources name different other ends.
    OtherEnd,
    /// Two neighbours are heard on one port: something that nobody watches stands between.
    SharedPort,
    /// One end hears the other, which hears nobody.
    OneSided,
}

impl ConflictKind {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherEnd => "other_end",
            Self::SharedPort => "shared_port",
            Self::OneSided => "one_sided",
        }
    }
}

/// Sources that disagree about an interface. The first opinion is followed; the others are shown beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// How.
    pub kind: ConflictKind,
    /// About what.
    pub at: InterfaceRef,
    /// Who says what, two at least.
    pub opinions: Vec<Opinion>,
}

/// An open fault and what is held back behind it.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Its name.
    pub key: IncidentKey,
    /// The event that opened it.
    pub kind: EventKind,
    /// The window of announced work in which it arose; it is told when that is over.
    pub held_back_until: Option<i64>,
    /// Since when.
    pub opened_at: Instant,
    /// How bad.
    pub health: Health,
    /// What.
    pub reason: Reason,
    /// Where.
    pub device: Option<DeviceId>,
    /// On which interface.
    pub interface: Option<Arc<str>>,
    /// Sites it touches.
    pub sites: Vec<SiteId>,
    /// Devices held back behind it, each since when.
    pub behind: Vec<(DeviceId, Instant)>,
    /// The cause in front of it, when it is itself held back.
    pub held_back_by: Option<Cause>,
    /// Who has seen it, and their note.
    pub acknowledged: Option<(String, String)>,
}

/// How a site is.
#[derive(Debug, Clone)]
pub struct SiteState {
    /// As declared.
    pub spec: SiteSpec,
    /// From its path and its devices.
    pub health: Health,
    /// Why.
    pub reasons: Vec<Reason>,
}

//! What a device consists of and measures.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::{Health, Oid};

/// A part of a device: power supply, fan, disk, DIMM, line card …
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Unique within the device.
    pub name: Arc<str>,
    /// Class, a short English word: `fan`, `power_supply`, `disk`, `memory`, `module` …
    pub class: Arc<str>,
    /// Name of the component it is plugged into.
    pub parent: Option<Arc<str>>,
    /// Model, hostile text.
    pub model: Arc<str>,
    /// Serial number, hostile text.
    pub serial: Arc<str>,
    /// By its state; `Ok` when the family reports no state for such parts.
    pub health: Health,
    /// The state in the family's words; empty when it has none.
    pub state: Arc<str>,
    /// The object that the state was read from; `None` when there is none.
    pub state_oid: Option<Oid>,
    /// The state as the agent's number, when it is one.
    pub state_number: Option<i64>,
    /// When it was read.
    pub read_at: Instant,
}

/// Limits of a sensor in its own unit. `None`: no such limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// At or below: critical.
    pub low_critical: Option<f64>,
    /// At or below: degraded.
    pub low_warning: Option<f64>,
    /// At or above: degraded.
    pub high_warning: Option<f64>,
    /// At or above: critical.
    pub high_critical: Option<f64>,
    /// Who set them.
    pub source: LimitSource,
}

impl Limits {
    /// Whether there is any.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.low_critical.is_some()
            || self.low_warning.is_some()
            || self.high_warning.is_some()
            || self.high_critical.is_some()
    }
}

/// Who set the limits of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LimitSource {
    /// The device says them.
    #[default]
    Device,
    /// The profile of its family.
    Profile,
    /// The operator.
    Configuration,
}

impl LimitSource {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Profile => "profile",
            Self::Configuration => "configuration",
        }
    }
}

/// A measured value or a state that a device reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    /// Unique within the device.
    pub name: Arc<str>,
    /// `temperature`, `humidity`, `fan`, `voltage`, `current`, `power`, `frequency`, `load`, `charge`, `runtime`, `optical_power`, `state`, `count` …
    pub class: Arc<str>,
    /// Unit of `value`, e.g. `°C`, `%`, `V`; empty for plain numbers and states.
    pub unit: Arc<str>,
    /// The value in that unit; `None` when it only has a state.
    pub value: Option<f64>,
    /// The object that the value was read from; of the state when there is no value.
    pub oid: Oid,
    /// State in the family's words.
    pub state: Option<Arc<str>>,
    /// The object that the state was read from.
    pub state_oid: Option<Oid>,
    /// The state as the agent's number, when it is one.
    pub state_number: Option<i64>,
    /// What the state says, before limits.
    pub state_health: Health,
    /// The device's own limits, else the profile's.
    pub limits: Limits,
    /// When it was read.
    pub read_at: Instant,
}

/// What a storage area is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StorageKind {
    /// A file system or volume.
    Disk,
    /// Memory of the whole device.
    Memory,
    /// Swap and other virtual memory.
    Swap,
    /// A pool of a network device, an array's pool and so on.
    Pool,
}

/// A file system, volume or memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    /// Unique within the device.
    pub name: Arc<str>,
    /// What it is.
    pub kind: StorageKind,
    /// Bytes in use.
    pub used_bytes: u64,
    /// Bytes altogether; never 0.
    pub size_bytes: u64,
    /// The object that the amount in use (or the free one, or the share) was read from.
    pub oid: Oid,
    /// When it was read.
    pub read_at: Instant,
}

impl Storage {
    /// Share in use, 0–100.
    #[must_use]
    pub fn percent(&self) -> f64 {
        (self.used_bytes as f64 * 100.0 / self.size_bytes.max(1) as f64).min(100.0)
    }
}

/// One processor.
#[derive(Debug, Clone, PartialEq)]
pub struct Processor {
    /// Unique within the device.
    pub name: Arc<str>,
    /// Load 0–100, averaged by the agent over about a minute.
    pub load_percent: f64,
    /// The object that the load was read from.
    pub oid: Oid,
    /// When it was read.
    pub read_at: Instant,
}

/// How a neighbour was learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NeighbourProtocol {
    /// IEEE 802.1AB.
    Lldp,
    /// Cisco's discovery protocol.
    Cdp,
}

impl NeighbourProtocol {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lldp => "lldp",
            Self::Cdp => "cdp",
        }
    }
}

/// What a device hears from the other end of a cable. All texts are hostile.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// Our interface by name; empty when the agent's numbers lead nowhere.
    pub interface: Arc<str>,
    /// How it was learnt.
    pub protocol: NeighbourProtocol,
    /// The neighbour's system name.
    pub system_name: Arc<str>,
    /// Its chassis identifier in print (a MAC address as `aa:bb:cc:dd:ee:ff`).
    pub chassis: Arc<str>,
    /// Its interface, as it names it.
    pub remote_interface: Arc<str>,
    /// `lldpRemPortDesc`, often the other spelling of the interface.
    pub remote_description: Arc<str>,
    /// Its management addresses (`lldpRemManAddrTable`, `cdpCacheAddress`).
    pub addresses: Arc<[IpAddr]>,
    /// When it was read.
    pub read_at: Instant,
}

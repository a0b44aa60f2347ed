//! Interfaces as IF-MIB (RFC 2863) shows them, and their rates.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

/// `ifAdminStatus`: what somebody wants of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminStatus {
    /// Shall carry traffic.
    Up,
    /// Switched off on purpose.
    Down,
    /// In a test mode.
    Testing,
}

impl AdminStatus {
    /// From `ifAdminStatus`; anything unknown counts as up, so that a fault is not hidden.
    #[must_use]
    pub fn from_mib(value: i64) -> Self {
        match value {
            2 => Self::Down,
            3 => Self::Testing,
            _ => Self::Up,
        }
    }

    /// The word used in JSON and in labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Testing => "testing",
        }
    }
}

/// `ifOperStatus`: what the interface does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OperStatus {
    /// Carries traffic.
    Up,
    /// Does not.
    Down,
    /// In a test mode.
    Testing,
    /// The agent cannot tell.
    Unknown,
    /// Waits for an external event (a dial-up line at rest).
    Dormant,
    /// Hardware is missing.
    NotPresent,
    /// Down because what it stands on is down.
    LowerLayerDown,
}

impl OperStatus {
    /// From `ifOperStatus`.
    #[must_use]
    pub fn from_mib(value: i64) -> Self {
        match value {
            1 => Self::Up,
            2 => Self::Down,
            3 => Self::Testing,
            5 => Self::Dormant,
            6 => Self::NotPresent,
            7 => Self::LowerLayerDown,
            _ => Self::Unknown,
        }
    }

    /// The word used in JSON and in labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Testing => "testing",
            Self::Unknown => "unknown",
            Self::Dormant => "dormant",
            Self::NotPresent => "not_present",
            Self::LowerLayerDown => "lower_layer_down",
        }
    }

    /// Whether traffic cannot pass for certain.
    #[must_use]
    pub fn is_down(self) -> bool {
        matches!(self, Self::Down | Self::NotPresent | Self::LowerLayerDown)
    }
}

/// The counters of one direction. `None`: the agent does not count this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DirectionCounters {
    /// `ifHCInOctets`/`ifHCOutOctets`, or the 32-bit one when there is no other.
    pub octets: Option<u64>,
    /// Unicast packets.
    pub unicast_packets: Option<u64>,
    /// Multicast packets.
    pub multicast_packets: Option<u64>,
    /// Broadcast packets.
    pub broadcast_packets: Option<u64>,
    /// `ifInErrors`/`ifOutErrors` (32 bits).
    pub errors: Option<u64>,
    /// `ifInDiscards`/`ifOutDiscards` (32 bits).
    pub discards: Option<u64>,
}

/// Both directions, and what one must know to compare them with earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Towards the device.
    pub inbound: DirectionCounters,
    /// Away from the device.
    pub outbound: DirectionCounters,
    /// Whether octets come from 32-bit counters, which wrap every 34 s at 1 Gbit/s.
    pub octets_32_bit: bool,
    /// `ifCounterDiscontinuityTime` in hundredths of a second of sysUpTime; 0 when the agent has none.
    pub discontinuity_ticks: u32,
    /// When they were read.
    pub read_at: Instant,
}

/// Rates between two readings without a discontinuity between them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Bits per second towards the device.
    pub in_bps: Option<f64>,
    /// Bits per second away from the device.
    pub out_bps: Option<f64>,
    /// Inbound errors per second.
    pub in_errors_per_second: Option<f64>,
    /// Outbound errors per second.
    pub out_errors_per_second: Option<f64>,
    /// Inbound discards per second.
    pub in_discards_per_second: Option<f64>,
    /// Outbound discards per second.
    pub out_discards_per_second: Option<f64>,
}

/// One interface of a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct Interface {
    /// The key: ifName, else ifDescr, else `if` and the index; a second one of the same name gets `#INDEX` behind it.
    pub name: Arc<str>,
    /// `ifDescr`, hostile text.
    pub description: Arc<str>,
    /// `ifAlias`, hostile text.
    pub alias: Arc<str>,
    /// `ifIndex` at the time of this collection.
    pub index: u32,
    /// `ifType` (IANAifType).
    pub if_type: u32,
    /// `ifMtu` in bytes.
    pub mtu: Option<u32>,
    /// `ifPhysAddress`; empty when there is none.
    pub physical_address: Arc<[u8]>,
    /// Nominal rate from ifHighSpeed or ifSpeed; 0 when the agent does not know.
    pub speed_bps: u64,
    /// What somebody wants.
    pub admin: AdminStatus,
    /// What it does.
    pub oper: OperStatus,
    /// When `oper` last changed, by the agent's `ifLastChange` or our own sight, whichever is later; `None` when neither knows.
    pub last_change: Option<Instant>,
    /// Whether a cable can be plugged in (`ifConnectorPresent`); `None` when the agent does not say.
    pub connector: Option<bool>,
    /// entPhysicalIndex behind it (`entAliasMappingTable`).
    pub entity: Option<u32>,
    /// Last counters.
    pub counters: Option<Counters>,
    /// Rates since the collection before; `None` across a discontinuity.
    pub rates: Option<Rates>,
    /// When admin and oper were read.
    pub read_at: Instant,
}

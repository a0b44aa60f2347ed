//! Notifications: one shape for v1 traps, v2 traps and informs, their names, and a guard against storms.

use std::net::IpAddr;
use std::sync::Arc;

use crate::{DeviceId, Oid, SnmpVersion, Varbind};

/// A notification in the shape of SNMPv2 (RFC 3416 §4.2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// The watched device it belongs to; `None` for an unknown source.
    pub device: Option<DeviceId>,
    /// Sender's address.
    pub source: IpAddr,
    /// Format it came in.
    pub version: SnmpVersion,
    /// Name of the community or the USM user, never shown to guests; empty when unknown.
    pub principal: Arc<str>,
    /// `snmpTrapOID`.
    pub trap_oid: Oid,
    /// `sysUpTime` in hundredths of a second.
    pub uptime_ticks: u32,
    /// What it carries, without sysUpTime and snmpTrapOID.
    pub varbinds: Vec<Varbind>,
    /// Whether the sender waits for an acknowledgement.
    pub inform: bool,
}

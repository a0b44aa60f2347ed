//! The SNMP library's values as the inventory's.

use std::fmt;

use async_snmp::Value as Wire;
use nhipcau_inventory::{Oid, Value, Varbind};

/// An object identifier has more arcs than RFC 2578 §3.5 allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object identifier with more than 128 arcs")
    }
}

impl std::error::Error for TooLong {}

/// An object identifier as ours.
///
/// # Errors
/// [`TooLong`].
pub fn name(oid: &async_snmp::Oid) -> Result<Oid, TooLong> {
    Oid::from_arcs(oid.arcs()).map_err(|_| TooLong)
}

/// A value as ours. Types that nobody should send become [`Value::Null`].
///
/// # Errors
/// [`TooLong`] for an object identifier that is.
pub fn value(value: Wire) -> Result<Value, TooLong> {
    Ok(match value {
        Wire::Integer(v) => Value::Integer(v),
        Wire::OctetString(bytes) | Wire::Nsap(bytes) => Value::OctetString(bytes),
        Wire::ObjectIdentifier(oid) => Value::Oid(name(&oid)?),
        Wire::IpAddress(octets) => Value::IpAddress(octets),
        Wire::Counter32(v) => Value::Counter32(v),
        Wire::Gauge32(v) | Wire::UInteger32(v) => Value::Gauge32(v),
        Wire::TimeTicks(v) => Value::TimeTicks(v),
        Wire::Counter64(v) => Value::Counter64(v),
        Wire::Opaque(bytes) => Value::Opaque(bytes),
        Wire::NoSuchObject => Value::NoSuchObject,
        Wire::NoSuchInstance => Value::NoSuchInstance,
        Wire::EndOfMibView => Value::EndOfMibView,
        _ => Value::Null,
    })
}

/// A binding as ours.
///
/// # Errors
/// [`TooLong`] for an object identifier that is.
pub fn binding(received: async_snmp::VarBind) -> Result<Varbind, TooLong> {
    Ok(Varbind {
        oid: name(&received.oid)?,
        value: value(received.value)?,
    })
}

/// Bindings as ours, all or none.
///
/// # Errors
/// [`TooLong`] for an object identifier that is.
pub fn bindings(received: &[async_snmp::VarBind]) -> Result<Vec<Varbind>, TooLong> {
    received.iter().cloned().map(binding).collect()
}

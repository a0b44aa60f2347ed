//! What an agent answers: typed values (RFC 2578 §7.1) and the exceptions of RFC 3416 §3.

use bytes::Bytes;

use crate::Oid;

/// One value of a variable binding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// `INTEGER` / `Integer32`.
    Integer(i32),
    /// `OCTET STRING`, any bytes.
    OctetString(Bytes),
    /// `OBJECT IDENTIFIER`.
    Oid(Oid),
    /// `IpAddress`, IPv4 only.
    IpAddress([u8; 4]),
    /// `Counter32`: wraps at 2³².
    Counter32(u32),
    /// `Gauge32` / `Unsigned32`.
    Gauge32(u32),
    /// `TimeTicks`: hundredths of a second.
    TimeTicks(u32),
    /// `Counter64`.
    Counter64(u64),
    /// `Opaque` and tags that nobody should send.
    Opaque(Bytes),
    /// `NULL`.
    Null,
    /// The agent has no such object.
    NoSuchObject,
    /// The agent has the object but not this instance.
    NoSuchInstance,
    /// Nothing follows in this view.
    EndOfMibView,
}

impl Value {
    /// Whether this is one of the three exceptions or `NULL`: no value at all.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::NoSuchObject | Self::NoSuchInstance | Self::EndOfMibView | Self::Null
        )
    }

    /// The number, when there is one: integers, counters, gauges and ticks.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(v) => Some(i64::from(*v)),
            Self::Counter32(v) | Self::Gauge32(v) | Self::TimeTicks(v) => Some(i64::from(*v)),
            Self::Counter64(v) => i64::try_from(*v).ok(),
            _ => None,
        }
    }

    /// The number when it is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Counter64(v) => Some(*v),
            _ => self.as_i64().and_then(|v| u64::try_from(v).ok()),
        }
    }

    /// The bytes of a string.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::OctetString(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// One variable binding: a name and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Varbind {
    /// The instance's name.
    pub oid: Oid,
    /// What the agent says of it.
    pub value: Value,
}

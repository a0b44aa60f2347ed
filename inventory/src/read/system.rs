//! The system group of SNMPv2-MIB (RFC 3418).

use std::time::Instant;

use super::{cell_text, text};
use crate::poller::Column;
use crate::{Oid, System, Value};

/// Reads the six scalars in the order of `profile::SYSTEM`.
pub(crate) fn system(columns: &[Column], now: Instant) -> System {
    let cell = |n: usize| {
        columns
            .get(n)
            .and_then(|c| c.first())
            .map(|(_, value)| value)
    };
    let object_id = match cell(1) {
        Some(Value::Oid(oid)) => oid.clone(),
        // Some power strips send it as text.
        Some(other) => text(other).parse().unwrap_or_default(),
        None => Oid::default(),
    };
    System {
        descr: cell_text(cell(0)),
        object_id,
        uptime_ticks: cell(2)
            .and_then(Value::as_u64)
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(0),
        contact: cell_text(cell(3)),
        name: cell_text(cell(4)),
        location: cell_text(cell(5)),
        read_at: now,
    }
}

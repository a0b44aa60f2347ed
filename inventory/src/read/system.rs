//! The system group of SNMPv2-MIB (RFC 3418).

use std::time::Instant;

use super::{cell_i64, cell_text, text};
use crate::poller::Column;
use crate::{Engine, Oid, System, Value};

/// Bytes of an engine's identifier (RFC 3411 §5, SnmpEngineID); anything else is nonsense and left out.
const ENGINE_ID_BYTES: std::ops::RangeInclusive<usize> = 5..=32;

/// Reads the six scalars in the order of `profile::SYSTEM`; behind them stand those of `profile::SYSTEM_EXTRAS` that `extras` has (one bit each).
pub(crate) fn system(columns: &[Column], extras: u8, now: Instant) -> System {
    let cell = |n: usize| {
        columns
            .get(n)
            .and_then(|c| c.first())
            .map(|(_, value)| value)
    };
    let extra = |n: u32| {
        let before = (extras & ((1 << n) - 1)).count_ones() as usize;
        (extras & (1 << n) != 0).then(|| cell(6 + before)).flatten()
    };
    let number = |n: u32| cell_i64(extra(n)).and_then(|n| u32::try_from(n).ok());
    let engine = match (extra(0).and_then(Value::as_bytes), number(1), number(2)) {
        (Some(id), Some(boots), Some(seconds)) if ENGINE_ID_BYTES.contains(&id.len()) => {
            Some(Engine {
                id: id.into(),
                boots,
                seconds,
            })
        }
        _ => None,
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
        engine,
        interfaces_changed_ticks: number(3),
        read_at: now,
    }
}

//! HOST-RESOURCES-MIB (RFC 2790): storage, memory and processors.

use std::sync::Arc;
use std::time::Instant;

use super::{Harvest, Rows, cell_i64, cell_text};
use crate::poller::Column;
use crate::{Oid, Processor, Storage, StorageKind, Value};

/// hrStorageTypes, 1.3.6.1.2.1.25.2.1.n.
fn kind(value: Option<&Value>) -> Option<StorageKind> {
    let Some(Value::Oid(oid)) = value else {
        return None;
    };
    let types: &[u32] = &[1, 3, 6, 1, 2, 1, 25, 2, 1];
    let number = oid.strip_prefix(&Oid::from_arcs(types).ok()?)?.first()?;
    Some(match number {
        2 => StorageKind::Memory,
        3 => StorageKind::Swap,
        // Fixed, removable (sticks in hosts), RAM and network disks; CD-ROMs (7) are always full.
        4 | 5 | 8 | 10 => StorageKind::Disk,
        _ => return None,
    })
}

/// A 32-bit INTEGER that agents use for sizes beyond 2³¹ units: negative numbers are the upper half.
fn unsigned(cell: Option<&Value>) -> Option<u64> {
    match cell? {
        Value::Integer(n) => Some(u64::from(*n as u32)),
        other => other.as_u64(),
    }
}

/// What net-snmp says of memory that the kernel only borrows for buffers and caches, bytes. It counts them as used and lists each
/// as a row of its own; a program that wants memory gets it from there.
fn borrowed(columns: &[Column]) -> u64 {
    let mut bytes = 0_u64;
    let mut rows = Rows::new(columns);
    while let Some((_, cells)) = rows.next() {
        if matches!(&*cell_text(cells[1]), "Memory buffers" | "Cached memory")
            && let (Some(units), Some(used)) = (unsigned(cells[2]), unsigned(cells[4]))
        {
            bytes = bytes.saturating_add(used.saturating_mul(units));
        }
    }
    bytes
}

/// Reads `host_storage`.
pub(crate) fn host_storage(columns: &[Column], oids: &[Oid], now: Instant) -> Harvest {
    let borrowed = borrowed(columns);
    let mut storage = Vec::new();
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        let (Some(kind), Some(units), Some(size), Some(used)) = (
            kind(cells[0]),
            unsigned(cells[2]),
            unsigned(cells[3]),
            unsigned(cells[4]),
        ) else {
            continue;
        };
        let name = cell_text(cells[1]);
        // net-snmp lists buffers, caches and pseudo file systems as storage; they say nothing about room.
        if size == 0 || units == 0 || is_pseudo(&name) {
            continue;
        }
        let mut used_bytes = used.saturating_mul(units);
        if &*name == "Physical memory" {
            used_bytes = used_bytes.saturating_sub(borrowed);
        }
        storage.push(Storage {
            name,
            kind,
            used_bytes,
            size_bytes: size.saturating_mul(units),
            oid: oids[4].join_oid(index),
            read_at: now,
        });
    }
    Harvest {
        storage,
        ..Harvest::default()
    }
}

fn is_pseudo(name: &str) -> bool {
    const PREFIXES: [&str; 8] = [
        "/proc",
        "/sys",
        "/dev/pts",
        "/dev/shm",
        "/run",
        "/snap",
        "/var/lib/docker",
        "/dev/mqueue",
    ];
    PREFIXES.iter().any(|p| {
        name == *p
            || name
                .strip_prefix(p)
                .is_some_and(|rest| rest.starts_with('/'))
    })
}

/// Reads `host_processors`.
pub(crate) fn host_processors(columns: &[Column], oids: &[Oid], now: Instant) -> Harvest {
    let mut processors = Vec::new();
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        let Some(load) = cell_i64(cells[0]) else {
            continue;
        };
        let described = cell_text(cells[1]);
        let number = processors.len() + 1;
        let name: Arc<str> = if described.is_empty() {
            format!("CPU {number}")
        } else {
            format!("CPU {number}: {described}")
        }
        .into();
        processors.push(Processor {
            name,
            load_percent: (load as f64).clamp(0.0, 100.0),
            oid: oids[0].join_oid(index),
            read_at: now,
        });
    }
    Harvest {
        processors,
        ..Harvest::default()
    }
}

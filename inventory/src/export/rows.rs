//! Rows as they were read, small: a thousand devices of 48 ports keep them from poll to poll.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ModuleId;
use crate::poller::Column;
use crate::{Oid, Value};

/// Longest text that is kept, bytes; sysDescr has at most 255.
const TEXT_BYTES_MAX: usize = 1_024;

/// A value of a kept column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KeptValue<'a> {
    /// `Integer32`, `Gauge32`, `Counter32`, `TimeTicks`.
    Number(i64),
    /// `Counter64`.
    Wide(u64),
    /// `OCTET STRING`.
    Octets(&'a [u8]),
    /// `OBJECT IDENTIFIER`.
    Oid(&'a Oid),
    /// `IpAddress`.
    IpAddress([u8; 4]),
    /// `Opaque`, undecoded.
    Opaque(&'a [u8]),
}

#[derive(Debug, PartialEq)]
enum Values {
    Numbers(Box<[i64]>),
    Wide(Box<[u64]>),
    /// Bytes of all rows one behind the other, and where each ends.
    Octets {
        bytes: Box<[u8]>,
        ends: Box<[u32]>,
    },
    /// Mixed, or of a rare type.
    Other(Box<[Value]>),
}

/// One column of a table (or a scalar, whose only row is `0`).
#[derive(Debug, PartialEq)]
pub struct KeptColumn {
    /// When the last of its rows came.
    pub read_at: Instant,
    /// Shared between the columns of a table, which mostly have the same rows.
    indexes: Arc<[Oid]>,
    values: Values,
}

impl KeptColumn {
    /// Keeps a column that was read whole. `like` lends its index where the rows are the same.
    pub(crate) fn of(column: &Column, like: Option<&Self>, read_at: Instant) -> Self {
        let indexes = match like {
            Some(like)
                if like.indexes.len() == column.len()
                    && like
                        .indexes
                        .iter()
                        .zip(column)
                        .all(|(known, (index, _))| known == index) =>
            {
                like.indexes.clone()
            }
            _ => column.iter().map(|(index, _)| index.clone()).collect(),
        };
        Self {
            read_at,
            indexes,
            values: values(column),
        }
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indexes.len()
    }

    /// Whether the agent has no such column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }

    /// The indexes, in their order.
    #[must_use]
    pub fn indexes(&self) -> &[Oid] {
        &self.indexes
    }

    /// The value of the `n`th row.
    #[must_use]
    pub fn value(&self, n: usize) -> Option<KeptValue<'_>> {
        Some(match &self.values {
            Values::Numbers(all) => KeptValue::Number(*all.get(n)?),
            Values::Wide(all) => KeptValue::Wide(*all.get(n)?),
            Values::Octets { bytes, ends } => {
                let end = *ends.get(n)? as usize;
                let start = if n == 0 { 0 } else { ends[n - 1] as usize };
                KeptValue::Octets(&bytes[start..end])
            }
            Values::Other(all) => match all.get(n)? {
                Value::OctetString(bytes) => KeptValue::Octets(bytes),
                Value::Opaque(bytes) => KeptValue::Opaque(bytes),
                Value::Oid(oid) => KeptValue::Oid(oid),
                Value::IpAddress(octets) => KeptValue::IpAddress(*octets),
                Value::Counter64(number) => KeptValue::Wide(*number),
                other => KeptValue::Number(other.as_i64()?),
            },
        })
    }

    /// The value under that index.
    #[must_use]
    pub fn at(&self, index: &Oid) -> Option<KeptValue<'_>> {
        let n = self.indexes.binary_search(index).ok()?;
        self.value(n)
    }

    /// Bytes that it takes, the shared index aside.
    #[cfg(test)]
    fn size(&self) -> usize {
        size_of::<Self>()
            + match &self.values {
                Values::Numbers(all) => size_of_val(&**all),
                Values::Wide(all) => size_of_val(&**all),
                Values::Octets { bytes, ends } => size_of_val(&**bytes) + size_of_val(&**ends),
                Values::Other(all) => size_of_val(&**all),
            }
    }
}

fn values(column: &Column) -> Values {
    let all = |fits: fn(&Value) -> bool| column.iter().all(|(_, value)| fits(value));
    if all(|v| matches!(v, Value::Counter64(_))) {
        let wide = column.iter().map(|(_, v)| v.as_u64().unwrap_or_default());
        return Values::Wide(wide.collect());
    }
    if all(|v| !matches!(v, Value::Counter64(_)) && v.as_i64().is_some()) {
        let numbers = column.iter().map(|(_, v)| v.as_i64().unwrap_or_default());
        return Values::Numbers(numbers.collect());
    }
    if all(|v| matches!(v, Value::OctetString(_))) {
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(column.len());
        for (_, value) in column {
            let text = value.as_bytes().unwrap_or_default();
            bytes.extend_from_slice(&text[..text.len().min(TEXT_BYTES_MAX)]);
            ends.push(bytes.len() as u32);
        }
        return Values::Octets {
            bytes: bytes.into(),
            ends: ends.into(),
        };
    }
    // Copied, because a received value keeps its whole datagram in memory.
    let copied = |bytes: &bytes::Bytes| {
        bytes::Bytes::copy_from_slice(&bytes[..bytes.len().min(TEXT_BYTES_MAX)])
    };
    let own = |value: &Value| match value {
        Value::OctetString(bytes) => Value::OctetString(copied(bytes)),
        Value::Opaque(bytes) => Value::Opaque(copied(bytes)),
        other => other.clone(),
    };
    Values::Other(column.iter().map(|(_, value)| own(value)).collect())
}

/// The rows of one module.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleRows {
    /// Whose they are.
    pub module: ModuleId,
    /// When they were read, by the poll that ended last.
    pub read_at: Instant,
    /// How long that took.
    pub duration: Duration,
    /// Variable bindings that it brought.
    pub varbinds: u64,
    pub(crate) columns: Box<[Option<Arc<KeptColumn>>]>,
}

impl ModuleRows {
    pub(crate) fn new(module: ModuleId, now: Instant) -> Self {
        Self {
            module,
            read_at: now,
            duration: Duration::ZERO,
            varbinds: 0,
            columns: vec![None; module.columns().len()].into(),
        }
    }

    /// The column at that place ([`ModuleId::place`]); `None` until it was read.
    #[must_use]
    pub fn column(&self, place: usize) -> Option<&KeptColumn> {
        self.columns.get(place)?.as_deref()
    }

    /// Whether every column was read at least once.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.columns.iter().all(Option::is_some)
    }

    /// When the values were read: of the columns that every poll reads and that have rows, the one that was read longest ago.
    #[must_use]
    pub fn counted_at(&self) -> Instant {
        self.module
            .columns()
            .iter()
            .zip(&self.columns)
            .filter(|(wanted, _)| !wanted.slow)
            .filter_map(|(_, column)| column.as_deref())
            .filter(|column| !column.is_empty())
            .map(|column| column.read_at)
            .min()
            .unwrap_or(self.read_at)
    }

    /// Takes the columns of a walk that are the module's; `roots` are the walk's.
    pub(crate) fn keep(&mut self, roots: &[Oid], columns: &[Column], read_at: Instant) {
        let wanted = self.module.columns();
        for (root, column) in roots.iter().zip(columns) {
            let Some(place) = wanted.iter().position(|w| w.oid == *root) else {
                continue;
            };
            // The rows of the table's last read, else of its neighbour column.
            let like = self.columns[place].clone().or_else(|| {
                let same_table = |other: &&Arc<KeptColumn>| other.len() == column.len();
                self.columns.iter().flatten().find(same_table).cloned()
            });
            self.columns[place] = Some(Arc::new(KeptColumn::of(column, like.as_deref(), read_at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods)] // A test must begin somewhere; nothing depends on where.
    fn start() -> Instant {
        Instant::now()
    }

    fn index(n: u32) -> Oid {
        Oid::from_arcs(&[n]).unwrap()
    }

    #[test]
    fn values_come_back_as_they_were() {
        let now = start();
        let oid: Oid = "1.3.6".parse().unwrap();
        let mixed: Column = vec![
            (index(1), Value::Integer(-5)),
            (index(2), Value::Counter64(u64::MAX)),
            (index(3), Value::OctetString("a".into())),
            (index(9), Value::Oid(oid.clone())),
        ];
        let kept = KeptColumn::of(&mixed, None, now);
        assert_eq!(kept.at(&index(1)), Some(KeptValue::Number(-5)));
        assert_eq!(kept.at(&index(2)), Some(KeptValue::Wide(u64::MAX)));
        assert_eq!(kept.at(&index(3)), Some(KeptValue::Octets(b"a")));
        assert_eq!(kept.at(&index(9)), Some(KeptValue::Oid(&oid)));
        assert_eq!(kept.at(&index(4)), None);
        let texts: Column = ["", "Gi0/1", "ệ"]
            .iter()
            .enumerate()
            .map(|(n, t)| (index(n as u32), Value::OctetString((*t).into())))
            .collect();
        let kept = KeptColumn::of(&texts, None, now);
        assert_eq!(kept.value(0), Some(KeptValue::Octets(b"")));
        assert_eq!(kept.value(1), Some(KeptValue::Octets(b"Gi0/1")));
        assert_eq!(kept.value(2), Some(KeptValue::Octets("ệ".as_bytes())));
        assert_eq!(kept.value(3), None);
    }

    #[test]
    fn a_module_of_48_ports_is_small_and_shares_its_index() {
        let now = start();
        let module = ModuleId::named("if_mib").unwrap();
        let mut rows = ModuleRows::new(module, now);
        for wanted in module.columns() {
            let column: Column = (1..=48)
                .map(|n| (index(n), Value::Counter32(n * 1_000)))
                .collect();
            rows.keep(std::slice::from_ref(&wanted.oid), &[column], now);
        }
        assert!(rows.is_whole());
        let columns: Vec<_> = rows.columns.iter().flatten().collect();
        assert!(
            columns
                .iter()
                .all(|c| Arc::ptr_eq(&c.indexes, &columns[0].indexes))
        );
        let bytes: usize = columns.iter().map(|c| c.size()).sum();
        assert!(bytes < 20_000, "{bytes}");
    }
}

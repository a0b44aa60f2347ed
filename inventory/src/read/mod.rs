//! From rows to things: what each table says about a device.

mod adjacency;
mod entity;
mod family;
mod host;
mod interfaces;
mod neighbour;
mod system;

pub(crate) use adjacency::{adjacency, tells_vlans, vlan_stations, vlans};
pub(crate) use entity::{Entities, cisco_sensors, entities, entity_sensors};
pub(crate) use family::{Lexicon, dbm, family, scalar_text};
pub(crate) use host::{host_processors, host_storage};
pub(crate) use interfaces::{
    Facts, Ground, Legacy, Ports, UptimeMove, engine_move, facts, interfaces, lacks_64_bit, legacy,
    names_agree, ports, status, uptime_move,
};
pub(crate) use neighbour::{LocalPorts, cdp, lldp_local, lldp_remote};
pub(crate) use system::system;

use std::collections::HashSet;
use std::sync::Arc;

use crate::poller::Column;
use crate::{Adjacency, Component, Neighbour, Oid, Processor, Sensor, Storage, Value};

/// Longest name, alias or description that is kept, bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 1_024;

/// What one table brought.
#[derive(Debug, Default, Clone)]
pub(crate) struct Harvest {
    pub(crate) components: Vec<Component>,
    pub(crate) sensors: Vec<Sensor>,
    pub(crate) storage: Vec<Storage>,
    pub(crate) processors: Vec<Processor>,
    pub(crate) neighbours: Vec<Neighbour>,
    pub(crate) adjacency: Adjacency,
}

impl Harvest {
    /// Whether the table said nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.components.is_empty()
            && self.sensors.is_empty()
            && self.storage.is_empty()
            && self.processors.is_empty()
            && self.neighbours.is_empty()
    }
}

/// Rows of a table in the order of their indexes; a row has an empty cell where a column has no such instance.
pub(crate) struct Rows<'a> {
    columns: &'a [Column],
    at: Vec<usize>,
    cells: Vec<Option<&'a Value>>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(columns: &'a [Column]) -> Self {
        Self {
            columns,
            at: vec![0; columns.len()],
            cells: vec![None; columns.len()],
        }
    }

    /// The next row: its index and one cell a column.
    pub(crate) fn next(&mut self) -> Option<(&'a Oid, &[Option<&'a Value>])> {
        let index = self
            .columns
            .iter()
            .zip(&self.at)
            .filter_map(|(column, &at)| column.get(at).map(|(index, _)| index))
            .min()?;
        for ((column, at), cell) in self.columns.iter().zip(&mut self.at).zip(&mut self.cells) {
            *cell = match column.get(*at) {
                Some((i, value)) if i == index => {
                    *at += 1;
                    Some(value)
                }
                _ => None,
            };
        }
        Some((index, &self.cells))
    }
}

/// The text of a value as people may see it: UTF-8 (what is not becomes U+FFFD), without control characters and without marks
/// that reverse the direction of what follows; cut at [`TEXT_BYTES_MAX`].
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::OctetString(bytes) | Value::Opaque(bytes) => clean(&String::from_utf8_lossy(bytes)),
        Value::Oid(oid) => oid.to_string(),
        Value::IpAddress([a, b, c, d]) => format!("{a}.{b}.{c}.{d}"),
        other => other
            .as_u64()
            .map(|n| n.to_string())
            .or_else(|| other.as_i64().map(|n| n.to_string()))
            .unwrap_or_default(),
    }
}

pub(crate) fn clean(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len().min(TEXT_BYTES_MAX));
    let mut gap = false;
    for c in raw
        .trim_matches(|c: char| c == '\0' || c.is_whitespace())
        .chars()
    {
        if c.is_control()
            || c.is_whitespace()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            gap = true;
            continue;
        }
        if out.len() + c.len_utf8() + usize::from(gap) > TEXT_BYTES_MAX {
            break;
        }
        if std::mem::take(&mut gap) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

pub(crate) fn cell_text(cell: Option<&Value>) -> Arc<str> {
    cell.map(text).unwrap_or_default().into()
}

pub(crate) fn cell_i64(cell: Option<&Value>) -> Option<i64> {
    cell.and_then(Value::as_i64)
}

/// Makes names unique: the second `x` becomes `x #2`.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<Arc<str>>);

impl Names {
    pub(crate) fn unique(&mut self, name: &Arc<str>) -> Arc<str> {
        if self.0.insert(name.clone()) {
            return name.clone();
        }
        for n in 2.. {
            let other: Arc<str> = format!("{name} #{n}").into();
            if self.0.insert(other.clone()) {
                return other;
            }
        }
        name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_loses_its_teeth() {
        let evil = Value::OctetString(b"  a\x1b[31mb\r\n c\xff\0\0"[..].to_vec().into());
        assert_eq!(text(&evil), "a [31mb c\u{fffd}");
        assert_eq!(clean("abc\u{202e}gpj.exe"), "abc gpj.exe");
        assert!(clean(&"ệ".repeat(5_000)).len() <= TEXT_BYTES_MAX);
    }

    #[test]
    fn rows_join_columns_with_holes() {
        let oid = |n| Oid::from_arcs(&[n]).unwrap();
        let columns = [
            vec![(oid(1), Value::Integer(10)), (oid(3), Value::Integer(30))],
            vec![(oid(2), Value::Integer(20)), (oid(3), Value::Integer(31))],
        ];
        let mut rows = Rows::new(&columns);
        let mut seen = Vec::new();
        while let Some((index, cells)) = rows.next() {
            seen.push((index.to_string(), cell_i64(cells[0]), cell_i64(cells[1])));
        }
        assert_eq!(
            seen,
            [
                ("1".into(), Some(10), None),
                ("2".into(), None, Some(20)),
                ("3".into(), Some(30), Some(31))
            ]
        );
    }

    #[test]
    fn names_stay_unique_whatever_they_look_like() {
        let mut names = Names::default();
        let all: Vec<_> = ["x", "x #2", "x", "x"]
            .iter()
            .map(|n| names.unique(&Arc::from(*n)).to_string())
            .collect();
        assert_eq!(all, ["x", "x #2", "x #3", "x #4"]);
    }
}

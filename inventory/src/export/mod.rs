//! What other tools call this device's objects: modules of metrics under the names of their MIBs, as `snmp_exporter` shows them, and the
//! rows that were read for them.
//!
//! A module is data ([`MODULES`]); which columns it needs follows from it. The poller keeps the rows of modules that somebody asks for
//! again and again, and reads them on demand for those who ask once.

mod modules;
mod rows;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use modules::MODULES;
pub use rows::{KeptColumn, KeptValue, ModuleRows};

use crate::Oid;

/// The words of an enumeration.
pub type Words = LazyLock<HashMap<i64, &'static str>>;

/// What becomes of a value.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A number that goes both ways.
    Gauge,
    /// A number that only grows.
    Counter,
    /// Text: a label of the metric's own name, and the value 1.
    Text,
    /// Bytes as hexadecimal digits, or an object identifier in dots: a label likewise.
    Octets,
    /// `PhysAddress`: `00:1A:…`, a label likewise.
    Mac,
    /// An `Opaque` float of net-snmp: a gauge.
    Float,
    /// An enumeration: `NAME_info` with the word as a label, and the value 1.
    EnumInfo(&'static Words),
    /// An enumeration: one series a word, 1 for the one that holds.
    EnumStates(&'static [(i64, &'static str)]),
}

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// The object's descriptor in its MIB.
    pub name: &'static str,
    /// The column, or the scalar without its `.0`.
    pub oid: &'static str,
    /// What becomes of its values.
    pub shape: Shape,
    /// Whether it seldom changes, so that the poller asks for it with the slow tables.
    pub slow: bool,
}

/// A label that another column of the same index gives.
#[derive(Debug)]
pub struct Lookup {
    /// Name of the label.
    pub label: &'static str,
    /// The column.
    pub oid: &'static str,
    /// How its value is written.
    pub shape: Shape,
}

/// Metrics that share an index.
#[derive(Debug)]
pub struct Group {
    /// The label that carries the index; `None`: scalars.
    pub index: Option<&'static str>,
    /// Whether the lookups take the index's place.
    pub drop_index: bool,
    /// Further labels.
    pub lookups: &'static [Lookup],
    /// The metrics.
    pub metrics: &'static [Metric],
}

/// A module.
#[derive(Debug)]
pub struct Module {
    /// What `module=` calls it.
    pub name: &'static str,
    /// Its metrics.
    pub groups: &'static [Group],
}

/// Which of [`MODULES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(u8);

impl ModuleId {
    /// The module of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        MODULES
            .iter()
            .position(|module| module.name == name)
            .map(|n| Self(n as u8))
    }

    /// The module.
    #[must_use]
    pub fn module(self) -> &'static Module {
        &MODULES[usize::from(self.0)]
    }

    /// Its columns, in the order of [`ModuleRows::column`].
    pub(crate) fn columns(self) -> &'static [Wanted] {
        &COLUMNS[usize::from(self.0)].wanted
    }

    /// The place of that column among the module's.
    #[must_use]
    pub fn place(self, oid: &str) -> Option<usize> {
        COLUMNS[usize::from(self.0)].places.get(oid).copied()
    }
}

/// A column that a module needs.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) oid: Oid,
    pub(crate) slow: bool,
}

struct Columns {
    wanted: Vec<Wanted>,
    places: HashMap<&'static str, usize>,
}

static COLUMNS: LazyLock<Vec<Columns>> = LazyLock::new(|| MODULES.iter().map(columns).collect());

fn columns(module: &'static Module) -> Columns {
    let mut columns = Columns {
        wanted: Vec::new(),
        places: HashMap::new(),
    };
    let mut want = |oid: &'static str, slow: bool| {
        if !columns.places.contains_key(oid) {
            columns.places.insert(oid, columns.wanted.len());
            columns.wanted.push(Wanted {
                oid: crate::profile::constant(oid),
                slow,
            });
        }
    };
    for group in module.groups {
        for lookup in group.lookups {
            want(lookup.oid, true);
        }
        for metric in group.metrics {
            want(metric.oid, metric.slow);
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_is_found_by_its_name_and_names_its_columns_once() {
        for module in MODULES {
            let id = ModuleId::named(module.name).unwrap();
            assert_eq!(id.module().name, module.name);
            let columns = id.columns();
            for (n, column) in columns.iter().enumerate() {
                assert!(columns[..n].iter().all(|other| other.oid != column.oid));
                assert_eq!(id.place(&column.oid.to_string()), Some(n));
            }
        }
        assert_eq!(ModuleId::named("if_mib_"), None);
    }

    #[test]
    fn no_metric_name_is_there_twice_in_a_module() {
        for module in MODULES {
            let mut seen = std::collections::HashSet::new();
            for metric in module.groups.iter().flat_map(|group| group.metrics) {
                assert!(seen.insert(metric.name), "{} {}", module.name, metric.name);
            }
        }
    }
}

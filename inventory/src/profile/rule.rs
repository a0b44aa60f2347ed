//! Compiled rules: how rows of a family's table become components, sensors, storage and processors.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::file::{EntityField, Pace, Pattern};
use super::surroundings::Surrounding;
use crate::{Health, Oid, StorageKind};

/// One thing to read from a device.
#[derive(Debug)]
pub(crate) struct TablePlan {
    pub(crate) name: Arc<str>,
    pub(crate) pace: Pace,
    /// Read also when a trap hastens the device.
    pub(crate) hasten: bool,
    /// Instances to GET instead of columns to walk.
    pub(crate) scalar: bool,
    pub(crate) oids: Vec<Oid>,
    /// Positions of the tables beside which this one is silent.
    pub(crate) instead_of: Vec<usize>,
    /// Rows of one column after which the walk ends by itself.
    pub(crate) rows_max: Option<usize>,
    pub(crate) reader: Reader,
}

/// Who makes sense of the rows.
#[derive(Debug)]
pub(crate) enum Reader {
    InterfaceState,
    InterfaceFacts,
    /// Only read when the 64-bit counters are absent.
    Interface32,
    /// ifAdminStatus, ifOperStatus, ifLastChange: the hastened look.
    InterfaceStatus,
    Entities,
    /// entAliasMappingTable: the physical entity behind each interface.
    InterfaceEntities,
    EntitySensors,
    CiscoSensors,
    HostStorage,
    HostProcessors,
    LldpLocal,
    LldpRemote,
    Cdp,
    Identity,
    /// What is around the device: last in line, and never at the cost of the rest.
    Surrounding(Surrounding),
    Family(Box<FamilyTable>),
}

/// A table of a profile.
#[derive(Debug)]
pub(crate) struct FamilyTable {
    pub(crate) only: Vec<(usize, Vec<i64>)>,
    pub(crate) unless: Vec<(usize, Vec<i64>)>,
    pub(crate) components: Vec<ComponentPlan>,
    pub(crate) sensors: Vec<SensorPlan>,
    pub(crate) storage: Vec<StoragePlan>,
    pub(crate) processors: Vec<ProcessorPlan>,
}

#[derive(Debug)]
pub(crate) struct ComponentPlan {
    pub(crate) name: Template,
    pub(crate) class: Arc<str>,
    pub(crate) parent: Option<Template>,
    pub(crate) model: Option<Template>,
    pub(crate) serial: Option<Template>,
    pub(crate) state: Option<StatePlan>,
    pub(crate) when: Vec<(Piece, Pattern)>,
}

#[derive(Debug)]
pub(crate) struct SensorPlan {
    pub(crate) name: Template,
    pub(crate) class: Arc<str>,
    pub(crate) unit: Arc<str>,
    pub(crate) value: Option<usize>,
    /// The power of light in W or what its scale makes of it, told in dBm.
    pub(crate) to_dbm: bool,
    pub(crate) scale: f64,
    pub(crate) offset: f64,
    pub(crate) divide_by: Option<usize>,
    pub(crate) scale_by: Option<usize>,
    pub(crate) decimals: Option<usize>,
    pub(crate) when: Vec<(Piece, Pattern)>,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) invalid: Vec<i64>,
    pub(crate) state: Option<StatePlan>,
    /// low_critical, low_warning, high_warning, high_critical.
    pub(crate) limits: [Option<LimitPlan>; 4],
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum LimitPlan {
    Number(f64),
    Column(usize),
}

#[derive(Debug)]
pub(crate) struct StatePlan {
    pub(crate) column: usize,
    /// The column that says the state in words, when the number alone means nothing.
    pub(crate) word: Option<usize>,
    pub(crate) states: Arc<StateMap>,
}

#[derive(Debug)]
pub(crate) struct StoragePlan {
    pub(crate) name: Template,
    pub(crate) kind: StorageKind,
    pub(crate) unit_bytes: u64,
    pub(crate) units: Option<usize>,
    pub(crate) amount: Amount,
    pub(crate) when: Vec<(Piece, Pattern)>,
}

/// A number in one column, or in two: the second has the upper 32 bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide {
    pub(crate) low: usize,
    pub(crate) high: Option<usize>,
}

/// Two of used, free and size, or a share.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Amount {
    UsedOfSize(Wide, Wide),
    FreeOfSize(Wide, Wide),
    UsedAndFree(Wide, Wide),
    Percent(usize),
    /// 0–100 of a size.
    ShareOfSize(usize, Wide),
}

impl Amount {
    /// The column that changes.
    pub(crate) fn column(self) -> usize {
        match self {
            Self::UsedOfSize(wide, _) | Self::FreeOfSize(wide, _) | Self::UsedAndFree(wide, _) => {
                wide.low
            }
            Self::Percent(column) | Self::ShareOfSize(column, _) => column,
        }
    }
}

#[derive(Debug)]
pub(crate) struct ProcessorPlan {
    pub(crate) name: Template,
    pub(crate) load: usize,
    pub(crate) idle: bool,
    pub(crate) when: Vec<(Piece, Pattern)>,
}

/// What the values of a column mean.
#[derive(Debug, Default)]
pub(crate) struct StateMap {
    pub(crate) numbers: HashMap<i64, (Health, Arc<str>)>,
    pub(crate) words: HashMap<String, (Health, Arc<str>)>,
}

/// A name with holes.
#[derive(Debug)]
pub(crate) struct Template(pub(crate) Vec<Piece>);

#[derive(Debug)]
pub(crate) enum Piece {
    Text(String),
    Column(usize),
    /// The whole index.
    Index,
    /// The n-th arc of the index, from 0.
    IndexArc(usize),
    /// The last arc of the index.
    IndexLast,
    /// The n-th text of the index, from 0: its length, then its characters (RFC 2578 §7.7).
    IndexText(usize),
    /// The name of the physical entity of that number.
    Entity(Pointer),
    /// The name of the interface of that ifIndex.
    Interface(Pointer),
}

/// Where a row says which entity or interface it speaks of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pointer {
    /// The n-th arc of the index, from 0.
    Arc(usize),
    Column(usize),
}

/// Where a fact of the identity stands.
#[derive(Debug, Clone)]
pub(crate) enum IdentitySource {
    /// Position among the OIDs of the identity table.
    Scalar(usize, Option<Cut>, Option<BTreeMap<String, Arc<str>>>),
    Descr(Cut),
    Entity(EntityField, Option<Cut>),
    Text(Arc<str>),
    /// A fact and the position of the patch level that is added to it.
    Patched(Box<IdentitySource>, usize),
}

impl IdentitySource {
    /// The first of these places that says something. `scalar` is the text of an object of the identity table.
    pub(crate) fn first(
        sources: &[Self],
        descr: &str,
        scalar: impl Fn(usize) -> Option<Arc<str>>,
        entity: impl Fn(EntityField) -> Option<Arc<str>>,
    ) -> Arc<str> {
        sources
            .iter()
            .filter_map(|source| source.tell(descr, &scalar, &entity))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }

    fn tell(
        &self,
        descr: &str,
        scalar: &impl Fn(usize) -> Option<Arc<str>>,
        entity: &impl Fn(EntityField) -> Option<Arc<str>>,
    ) -> Option<Arc<str>> {
        match self {
            Self::Scalar(n, cut, names) => {
                let text = scalar(*n)?;
                let text = match cut {
                    Some(cut) => cut.of(&text)?,
                    None => text,
                };
                match names {
                    Some(names) => names.get(&*text).cloned(),
                    None => Some(text),
                }
            }
            Self::Descr(cut) => cut.of(descr),
            Self::Entity(field, cut) => {
                let text = entity(*field)?;
                match cut {
                    Some(cut) => cut.of(&text),
                    None => Some(text),
                }
            }
            Self::Text(text) => Some(text.clone()),
            Self::Patched(fact, patch) => {
                let fact = fact.tell(descr, scalar, entity)?;
                match scalar(*patch) {
                    Some(patch) if !patch.is_empty() => Some(format!("{fact} [{patch}]").into()),
                    _ => Some(fact),
                }
            }
        }
    }
}

/// What of a text counts.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    pub(crate) pattern: Pattern,
    /// How the groups are put together; without it the first group, else the whole match, is the fact.
    pub(crate) form: Option<Arc<str>>,
}

impl Cut {
    /// The fact in the text, when the pattern fits.
    pub(crate) fn of(&self, text: &str) -> Option<Arc<str>> {
        let found = self.pattern.0.captures(text)?;
        match &self.form {
            Some(form) => {
                let mut out = String::new();
                found.expand(form, &mut out);
                Some(out.trim().into())
            }
            None => found
                .get(1)
                .or_else(|| found.get(0))
                .map(|m| m.as_str().trim().into()),
        }
    }
}

/// The places to look for each fact, first hit wins.
#[derive(Debug, Default, Clone)]
pub(crate) struct IdentityPlan {
    pub(crate) model: Vec<IdentitySource>,
    pub(crate) serial: Vec<IdentitySource>,
    pub(crate) version: Vec<IdentitySource>,
}

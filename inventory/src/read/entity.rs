//! ENTITY-MIB (RFC 6933), ENTITY-SENSOR-MIB (RFC 3433) and Cisco's elder sister of the latter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::{Harvest, Names, Rows, cell_i64, cell_text};
use crate::poller::Column;
use crate::profile::EntityField;
use crate::{Component, Health, Limits, Oid, Sensor};

/// One physical entity.
#[derive(Debug, Clone)]
struct Entity {
    contained_in: u32,
    class: i64,
    descr: Arc<str>,
    name: Arc<str>,
    hardware: Arc<str>,
    firmware: Arc<str>,
    software: Arc<str>,
    serial: Arc<str>,
    model: Arc<str>,
}

impl Entity {
    fn field(&self, field: EntityField) -> &Arc<str> {
        match field {
            EntityField::Model => &self.model,
            EntityField::Name => &self.name,
            EntityField::Descr => &self.descr,
            EntityField::Serial => &self.serial,
            EntityField::Hardware => &self.hardware,
            EntityField::Firmware => &self.firmware,
            EntityField::Software => &self.software,
        }
    }
}

/// entPhysicalTable, kept between polls because sensors borrow its names.
#[derive(Debug, Default, Clone)]
pub(crate) struct Entities(BTreeMap<u32, Entity>);

/// entPhysicalClass: those of which people speak.
fn class_word(class: i64) -> Option<&'static str> {
    Some(match class {
        3 => "chassis",
        4 => "backplane",
        6 => "power_supply",
        7 => "fan",
        9 => "module",
        11 => "stack",
        12 => "cpu",
        _ => return None,
    })
}

impl Entities {
    /// The name of an entity: entPhysicalName, else entPhysicalDescr.
    pub(crate) fn name(&self, index: u32) -> Option<&Arc<str>> {
        let entity = self.0.get(&index)?;
        [&entity.name, &entity.descr]
            .into_iter()
            .find(|t| !t.is_empty())
    }

    /// A field of the whole device: of the first chassis that has it, else of the stack or a module at the top.
    pub(crate) fn field(&self, field: EntityField) -> Option<&Arc<str>> {
        let pick = |wanted: &dyn Fn(&Entity) -> bool| {
            self.0
                .values()
                .filter(|e| wanted(e))
                .map(|e| e.field(field))
                .find(|text| !text.is_empty())
        };
        pick(&|e| e.class == 3)
            .or_else(|| pick(&|e| e.class == 11))
            .or_else(|| pick(&|e| e.contained_in == 0))
            .or_else(|| pick(&|e| e.class == 9))
    }

    /// The part that an entity sits in, as people know it: the next chassis, module … above it.
    pub(crate) fn place(&self, index: u32) -> Option<Arc<str>> {
        self.name(self.parent(index)?).cloned()
    }

    /// The next one above that people speak of. Containment that goes round is cut.
    fn parent(&self, index: u32) -> Option<u32> {
        let mut at = self.0.get(&index)?.contained_in;
        for _ in 0..32 {
            let entity = self.0.get(&at)?;
            if class_word(entity.class).is_some() {
                return Some(at);
            }
            at = entity.contained_in;
        }
        None
    }
}

/// Reads `entities`.
pub(crate) fn entities(columns: &[Column], now: Instant) -> (Entities, Harvest) {
    let mut all = BTreeMap::new();
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        let Some(index) = index.first() else { continue };
        all.insert(
            index,
            Entity {
                descr: cell_text(cells[0]),
                contained_in: cell_i64(cells[1])
                    .and_then(|n| u32::try_from(n).ok())
                    .unwrap_or(0),
                class: cell_i64(cells[2]).unwrap_or(0),
                name: cell_text(cells[3]),
                hardware: cell_text(cells[4]),
                firmware: cell_text(cells[5]),
                software: cell_text(cells[6]),
                serial: cell_text(cells[7]),
                model: cell_text(cells[8]),
            },
        );
    }
    let all = Entities(all);
    let mut names = Names::default();
    let mut named = BTreeMap::new();
    for (&index, entity) in &all.0 {
        if class_word(entity.class).is_some() {
            let fallback: Arc<str> = format!("entity {index}").into();
            named.insert(index, names.unique(all.name(index).unwrap_or(&fallback)));
        }
    }
    let components = named
        .iter()
        .filter_map(|(&index, name)| {
            let entity = all.0.get(&index)?;
            Some(Component {
                name: name.clone(),
                class: class_word(entity.class)?.into(),
                parent: all.parent(index).and_then(|p| named.get(&p).cloned()),
                model: if entity.model.is_empty() {
                    entity.descr.clone()
                } else {
                    entity.model.clone()
                },
                serial: entity.serial.clone(),
                health: Health::Ok,
                state: "".into(),
                state_oid: None,
                state_number: None,
                read_at: now,
            })
        })
        .collect();
    (
        all,
        Harvest {
            components,
            ..Harvest::default()
        },
    )
}

/// EntitySensorDataType: class, unit and a factor.
fn data_type(word: i64) -> Option<(&'static str, &'static str)> {
    Some(match word {
        3 | 4 => ("voltage", "V"),
        5 => ("current", "A"),
        6 => ("power", "W"),
        7 => ("frequency", "Hz"),
        8 => ("temperature", "°C"),
        9 => ("humidity", "%"),
        10 => ("fan", "rpm"),
        11 => ("airflow", "m³/min"),
        12 => ("state", ""),
        14 => ("optical_power", "dBm"),
        1 | 2 => ("count", ""),
        _ => return None,
    })
}

/// EntitySensorDataScale (9 is 10⁰, a step is three decimals) and precision as one factor.
fn factor(scale: i64, precision: i64) -> f64 {
    let exponent = (scale.clamp(1, 17) - 9) * 3 - precision.clamp(-8, 9);
    10_f64.powi(i32::try_from(exponent).unwrap_or(0))
}

fn sensor(
    index: u32,
    cells: &[Option<&crate::Value>],
    oids: &[Oid],
    names: &Entities,
    now: Instant,
) -> Option<Sensor> {
    let (class, unit) = data_type(cell_i64(cells[0])?)?;
    let raw = cell_i64(cells[3])?;
    let status = cell_i64(cells[4]).unwrap_or(1);
    // 1 ok, 2 unavailable, 3 nonoperational: a value that the agent itself disowns is no value.
    if status == 2 {
        return None;
    }
    let value = raw as f64
        * factor(
            cell_i64(cells[1]).unwrap_or(9),
            cell_i64(cells[2]).unwrap_or(0),
        );
    let name = names
        .name(index)
        .cloned()
        .unwrap_or_else(|| format!("sensor {index}").into());
    let truth = class == "state";
    let (state, state_health): (Option<Arc<str>>, _) = match (status, truth) {
        (3, _) => (Some("nonoperational".into()), Health::Degraded),
        (_, true) => (
            Some(if raw == 1 { "true" } else { "false" }.into()),
            Health::Ok,
        ),
        _ => (None, Health::Ok),
    };
    Some(Sensor {
        name,
        class: class.into(),
        unit: unit.into(),
        value: (status != 3 && !truth).then_some(value),
        oid: oids[3].join(&[index]),
        state_oid: match (status, truth) {
            (3, _) => Some(oids[4].join(&[index])),
            (_, true) => Some(oids[3].join(&[index])),
            _ => None,
        },
        state_number: match (status, truth) {
            (3, _) => Some(status),
            (_, true) => Some(raw),
            _ => None,
        },
        state,
        state_health,
        limits: Limits::default(),
        read_at: now,
    })
}

/// Reads `entity_sensors`.
pub(crate) fn entity_sensors(
    columns: &[Column],
    oids: &[Oid],
    names: &Entities,
    now: Instant,
) -> Harvest {
    let mut sensors = Vec::new();
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        sensors.extend(
            index
                .first()
                .and_then(|index| sensor(index, cells, oids, names, now)),
        );
    }
    Harvest {
        sensors,
        ..Harvest::default()
    }
}

/// Reads `cisco_sensors`: entSensorValueTable, and its limits from entSensorThresholdTable (index: sensor, threshold).
pub(crate) fn cisco_sensors(
    columns: &[Column],
    oids: &[Oid],
    names: &Entities,
    now: Instant,
) -> Harvest {
    let mut limits: BTreeMap<u32, Vec<(i64, i64, i64)>> = BTreeMap::new();
    let mut rows = Rows::new(&columns[5..8]);
    while let Some((index, cells)) = rows.next() {
        if let (Some(sensor), Some(severity), Some(relation), Some(value)) = (
            index.first(),
            cell_i64(cells[0]),
            cell_i64(cells[1]),
            cell_i64(cells[2]),
        ) {
            limits
                .entry(sensor)
                .or_default()
                .push((severity, relation, value));
        }
    }
    let mut sensors = Vec::new();
    let mut rows = Rows::new(&columns[..5]);
    while let Some((index, cells)) = rows.next() {
        let Some(index) = index.first() else { continue };
        let Some(mut sensor) = sensor(index, cells, oids, names, now) else {
            continue;
        };
        let factor = factor(
            cell_i64(cells[1]).unwrap_or(9),
            cell_i64(cells[2]).unwrap_or(0),
        );
        for &(severity, relation, raw) in limits.get(&index).into_iter().flatten() {
            let value = raw as f64 * factor;
            // Severity 10 other, 20 minor, 30 major, 40 critical; relation 1 <, 2 ≤, 3 >, 4 ≥.
            let slot = match (relation, severity) {
                (1 | 2, 30..) => &mut sensor.limits.low_critical,
                (1 | 2, _) => &mut sensor.limits.low_warning,
                (3 | 4, 30..) => &mut sensor.limits.high_critical,
                (3 | 4, _) => &mut sensor.limits.high_warning,
                _ => continue,
            };
            // Of several limits on one side the milder one speaks first.
            *slot = Some(match *slot {
                Some(other) if relation <= 2 => other.max(value),
                Some(other) => other.min(value),
                None => value,
            });
        }
        if !light(&mut sensor) || absent(cells) {
            continue;
        }
        drop_senseless(&mut sensor);
        sensors.push(sensor);
    }
    Harvest {
        sensors,
        ..Harvest::default()
    }
}

/// IOS XR fills the sensors of optics that are not there with the lowest 16-bit number, and others with the lowest or highest 32-bit ones.
fn absent(cells: &[Option<&crate::Value>]) -> bool {
    cell_i64(cells[3]).is_some_and(|raw| {
        matches!(
            raw,
            -32_768 | -1_000_000_000 | 1_000_000_000 | -2_147_483_648 | 2_147_483_647
        )
    })
}

/// Light is told in dBm: IOS XR gives the power of optics in watts, among those of power supplies. `false` when it is no measurement.
fn light(sensor: &mut Sensor) -> bool {
    let name = sensor.name.to_lowercase();
    let optical = &*sensor.class == "power"
        && name
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| matches!(word, "rx" | "tx" | "receive" | "transmit"));
    if !optical {
        return true;
    }
    let Some(value) = sensor.value.and_then(super::dbm) else {
        return false;
    };
    sensor.class = "optical_power".into();
    sensor.unit = "dBm".into();
    sensor.value = Some(value);
    let limits = &mut sensor.limits;
    for limit in [
        &mut limits.low_critical,
        &mut limits.low_warning,
        &mut limits.high_warning,
        &mut limits.high_critical,
    ] {
        *limit = limit.filter(|watts| *watts > 0.0).and_then(super::dbm);
    }
    true
}

/// Agents fill unset limits with zeros; a limit that would make every value ill on both sides is none.
fn drop_senseless(sensor: &mut Sensor) {
    let limits = &mut sensor.limits;
    let low = match (limits.low_warning, limits.low_critical) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    };
    let high = match (limits.high_warning, limits.high_critical) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    if let (Some(low), Some(high)) = (low, high)
        && low >= high
    {
        *limits = Limits::default();
    }
    if limits.high_critical == Some(0.0)
        && limits.high_warning.is_none_or(|h| h == 0.0)
        && &*sensor.class != "optical_power"
    {
        limits.high_critical = None;
        limits.high_warning = None;
    }
}

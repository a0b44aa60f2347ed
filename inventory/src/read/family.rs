//! Tables of profiles: the rules of a family applied to rows.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use super::{Entities, Harvest, Rows, cell_i64, cell_text, text};
use crate::poller::Column;
use crate::profile::{
    Amount, FamilyTable, LimitPlan, Pattern, Piece, Pointer, SensorPlan, StatePlan, StoragePlan,
    Template, Wide,
};
use crate::{
    Component, Health, Interface, LimitSource, Limits, Oid, Processor, Sensor, Storage, Value,
};

/// What templates may refer to.
pub(crate) struct Lexicon<'a> {
    pub(crate) entities: &'a Entities,
    pub(crate) interfaces: &'a [Interface],
}

type Cells<'a, 'b> = &'b [Option<&'a Value>];

/// Reads one table of a profile.
pub(crate) fn family(
    columns: &[Column],
    oids: &[Oid],
    table: &FamilyTable,
    lexicon: &Lexicon<'_>,
    now: Instant,
) -> Harvest {
    let mut harvest = Harvest::default();
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        // A column that the agent does not have sorts nothing out.
        let raw = |column: usize| cell_i64(cells[column]);
        let outside =
            |(c, values): &(usize, Vec<i64>)| raw(*c).is_some_and(|v| !values.contains(&v));
        let inside = |(c, values): &(usize, Vec<i64>)| raw(*c).is_some_and(|v| values.contains(&v));
        if table.only.iter().any(outside) || table.unless.iter().any(inside) {
            continue;
        }
        let fill = |template: &Template| fill(template, index, cells, lexicon);
        let oid = |column: usize| oids[column].join_oid(index);
        let state_oid = |plan: Option<&StatePlan>| {
            plan.filter(|p| cells[p.column].is_some())
                .map(|p| oid(p.column))
        };
        let fits = |when: &[(Piece, Pattern)]| {
            when.iter().all(|(piece, pattern)| {
                let mut said = String::new();
                push(&mut said, piece, index, cells, lexicon) && pattern.0.is_match(&said)
            })
        };
        for rule in table.components.iter().filter(|r| fits(&r.when)) {
            let (state, health) = rule.state.as_ref().map_or(("".into(), Health::Ok), |plan| {
                state(plan, cells).unwrap_or_else(|| ("".into(), Health::Unknown))
            });
            harvest.components.push(Component {
                name: fill(&rule.name),
                class: rule.class.clone(),
                parent: rule.parent.as_ref().map(fill).filter(|p| !p.is_empty()),
                model: rule.model.as_ref().map(fill).unwrap_or_default(),
                serial: rule.serial.as_ref().map(fill).unwrap_or_default(),
                health,
                state,
                state_oid: state_oid(rule.state.as_ref()),
                state_number: state_number(rule.state.as_ref(), cells),
                read_at: now,
            });
        }
        for rule in table.sensors.iter().filter(|r| fits(&r.when)) {
            let value = rule.value.and_then(|column| number(rule, column, cells));
            let state = rule.state.as_ref().and_then(|plan| state(plan, cells));
            if value.is_none() && state.is_none() {
                continue;
            }
            let (state, state_health) =
                state.map_or((None, Health::Ok), |(word, health)| (Some(word), health));
            let state_oid = state_oid(rule.state.as_ref());
            harvest.sensors.push(Sensor {
                name: fill(&rule.name),
                class: rule.class.clone(),
                unit: rule.unit.clone(),
                value,
                oid: value
                    .and(rule.value)
                    .map(oid)
                    .or_else(|| state_oid.clone())
                    .unwrap_or_default(),
                state,
                state_oid,
                state_number: state_number(rule.state.as_ref(), cells),
                state_health,
                limits: limits(rule, cells),
                read_at: now,
            });
        }
        for rule in table.storage.iter().filter(|r| fits(&r.when)) {
            if let Some((used_bytes, size_bytes)) = amount(rule, cells) {
                harvest.storage.push(Storage {
                    name: fill(&rule.name),
                    kind: rule.kind,
                    used_bytes,
                    size_bytes,
                    oid: oid(rule.amount.column()),
                    read_at: now,
                });
            }
        }
        for rule in table.processors.iter().filter(|r| fits(&r.when)) {
            if let Some(load) = cells[rule.load].and_then(plain_number) {
                let load = if rule.idle { 100.0 - load } else { load };
                harvest.processors.push(Processor {
                    name: fill(&rule.name),
                    load_percent: load.clamp(0.0, 100.0),
                    oid: oid(rule.load),
                    read_at: now,
                });
            }
        }
    }
    harvest
}

fn fill(template: &Template, index: &Oid, cells: Cells<'_, '_>, lexicon: &Lexicon<'_>) -> Arc<str> {
    let mut out = String::new();
    for piece in &template.0 {
        push(&mut out, piece, index, cells, lexicon);
    }
    let out = out.trim();
    if out.is_empty() {
        index.to_string().into()
    } else {
        out.into()
    }
}

/// Adds what the piece says of this row; `false` when the row has no such thing.
fn push(
    out: &mut String,
    piece: &Piece,
    index: &Oid,
    cells: Cells<'_, '_>,
    lexicon: &Lexicon<'_>,
) -> bool {
    let name = |n: u32| {
        let found = lexicon.interfaces.binary_search_by_key(&n, |i| i.index);
        found.ok().map(|n| &lexicon.interfaces[n].name)
    };
    let pointed = |to: Pointer| match to {
        Pointer::Arc(n) => index.arcs().nth(n),
        Pointer::Column(column) => cell_i64(cells[column]).and_then(|n| u32::try_from(n).ok()),
    };
    // Writing to a String cannot fail.
    match piece {
        Piece::Text(text) => out.push_str(text),
        Piece::Column(column) => match cells[*column] {
            Some(value) => out.push_str(&text(value)),
            None => return false,
        },
        Piece::Index => drop(write!(out, "{index}")),
        Piece::IndexArc(n) => match index.arcs().nth(*n) {
            Some(arc) => drop(write!(out, "{arc}")),
            None => return false,
        },
        Piece::IndexLast => match index.arcs().last() {
            Some(arc) => drop(write!(out, "{arc}")),
            None => return false,
        },
        Piece::IndexText(n) => match index_text(index, *n) {
            Some(found) => out.push_str(&found),
            None => return false,
        },
        Piece::Entity(to) => match pointed(*to).and_then(|n| lexicon.entities.name(n)) {
            Some(name) => out.push_str(name),
            None => drop(write!(out, "{index}")),
        },
        Piece::Interface(to) => match pointed(*to).and_then(name) {
            Some(name) => out.push_str(name),
            None => drop(write!(out, "{index}")),
        },
    }
    true
}

/// What the map says of the cell; a value that the map does not know is shown as it is, and unknown.
fn state(plan: &StatePlan, cells: Cells<'_, '_>) -> Option<(Arc<str>, Health)> {
    let value = cells[plan.word.unwrap_or(plan.column)]?;
    if let Some((health, word)) = value.as_i64().and_then(|n| plan.states.numbers.get(&n)) {
        return Some((word.clone(), *health));
    }
    let raw = text(value);
    if let Some((health, word)) = plan.states.words.get(&raw.to_lowercase()) {
        return Some((word.clone(), *health));
    }
    if let Some((health, word)) = raw
        .parse()
        .ok()
        .and_then(|n: i64| plan.states.numbers.get(&n))
    {
        return Some((word.clone(), *health));
    }
    (!raw.is_empty()).then(|| (raw.into(), Health::Unknown))
}

/// The number behind a state, when it is one.
fn state_number(plan: Option<&StatePlan>, cells: Cells<'_, '_>) -> Option<i64> {
    let value = cells[plan?.column]?;
    value.as_i64().or_else(|| text(value).parse().ok())
}

fn plain_number(value: &Value) -> Option<f64> {
    match value {
        // Beyond 2⁵³ a float loses units nobody reads.
        Value::Counter64(n) => Some(*n as f64),
        Value::OctetString(_) => text(value)
            .trim()
            .parse()
            .ok()
            .filter(|n: &f64| n.is_finite()),
        other => other.as_i64().map(|n| n as f64),
    }
}

/// The n-th text of an index that consists of texts, each its length and then its characters.
fn index_text(index: &Oid, n: usize) -> Option<String> {
    let mut arcs = index.arcs();
    for _ in 0..n {
        let length = arcs.next()?;
        arcs.nth((length as usize).checked_sub(1)?)?;
    }
    let length = arcs.next()? as usize;
    let bytes: Vec<u8> = arcs
        .take(length)
        .map(|arc| u8::try_from(arc).ok())
        .collect::<Option<_>>()?;
    (bytes.len() == length).then(|| text(&Value::OctetString(bytes.into())))
}

/// No light at all; a receiver hears none long before.
const DBM_MIN: f64 = -60.0;

/// The power of light in dBm. Less than nothing is no measurement.
pub(crate) fn dbm(watts: f64) -> Option<f64> {
    (watts >= 0.0).then(|| (10.0 * (watts * 1_000.0).log10()).max(DBM_MIN))
}

/// The number of a cell in the sensor's unit: scaled as the rule and the columns of the row say.
fn number(rule: &SensorPlan, column: usize, cells: Cells<'_, '_>) -> Option<f64> {
    let value = cells[column]?;
    if value.as_i64().is_some_and(|n| rule.invalid.contains(&n)) {
        return None;
    }
    let raw = match &rule.pattern {
        Some(pattern) => {
            let text = text(value);
            let found = pattern.0.captures(&text)?;
            found
                .get(1)
                .or_else(|| found.get(0))?
                .as_str()
                .parse()
                .ok()?
        }
        None => plain_number(value)?,
    };
    if rule.invalid.iter().any(|&n| n as f64 == raw) {
        return None;
    }
    let of_row = |column: usize| cells[column].and_then(plain_number);
    let mut raw = raw;
    if let Some(column) = rule.divide_by {
        raw /= of_row(column).filter(|divisor| *divisor != 0.0)?;
    }
    match rule.scale_by.and_then(of_row) {
        Some(factor) if factor < 0.0 => raw /= -factor,
        Some(factor) if factor > 0.0 => raw *= factor,
        _ => {}
    }
    if let Some(digits) = rule.decimals.and_then(of_row) {
        raw /= 10_f64.powi(digits.clamp(-9.0, 9.0) as i32);
    }
    let mut value = raw * rule.scale + rule.offset;
    if rule.to_dbm {
        value = dbm(value)?;
    }
    value.is_finite().then_some(value)
}

fn limits(rule: &SensorPlan, cells: Cells<'_, '_>) -> Limits {
    let limit = |n: usize| match rule.limits[n]? {
        LimitPlan::Number(number) => Some(number),
        LimitPlan::Column(column) => number(rule, column, cells),
    };
    let mut limits = Limits {
        low_critical: limit(0),
        low_warning: limit(1),
        high_warning: limit(2),
        high_critical: limit(3),
        source: if rule
            .limits
            .iter()
            .any(|plan| matches!(plan, Some(LimitPlan::Column(_))))
        {
            LimitSource::Device
        } else {
            LimitSource::Profile
        },
    };
    // Limits of the device itself: zero above means that nobody set one, and so do zeros on all levels below.
    let unset = |n: usize, limit: Option<f64>| {
        limit.is_none()
            || (limit == Some(rule.offset) && matches!(rule.limits[n], Some(LimitPlan::Column(_))))
    };
    if unset(2, limits.high_warning) {
        limits.high_warning = None;
    }
    if unset(3, limits.high_critical) {
        limits.high_critical = None;
    }
    if unset(0, limits.low_critical) && unset(1, limits.low_warning) {
        limits.low_critical = None;
        limits.low_warning = None;
    }
    limits
}

fn amount(rule: &StoragePlan, cells: Cells<'_, '_>) -> Option<(u64, u64)> {
    let whole = |column: usize| cells[column].and_then(plain_number).filter(|n| *n >= 0.0);
    let unit_bytes = match rule.units {
        Some(column) => whole(column)? as u64,
        None => rule.unit_bytes,
    };
    let bytes = |wide: Wide| {
        let low = whole(wide.low)?;
        let high = wide.high.and_then(whole).unwrap_or(0.0);
        Some(
            (low as u64)
                .saturating_add((high as u64) << 32)
                .saturating_mul(unit_bytes),
        )
    };
    let (used, size) = match rule.amount {
        Amount::UsedOfSize(used, size) => (bytes(used)?, bytes(size)?),
        Amount::FreeOfSize(free, size) => {
            let size = bytes(size)?;
            (size.saturating_sub(bytes(free)?), size)
        }
        Amount::UsedAndFree(used, free) => {
            let used = bytes(used)?;
            (used, used.saturating_add(bytes(free)?))
        }
        Amount::ShareOfSize(percent, size) => {
            let size = bytes(size)?;
            let share = cells[percent].and_then(plain_number)?.clamp(0.0, 100.0);
            ((size as f64 * share / 100.0) as u64, size)
        }
        Amount::Percent(percent) => (
            cells[percent].and_then(plain_number)?.clamp(0.0, 100.0) as u64,
            100,
        ),
    };
    (size > 0).then_some((used, size))
}

/// The text of a scalar for the identity, cut by a pattern's first group when there is one.
pub(crate) fn scalar_text(columns: &[Column], position: usize) -> Arc<str> {
    cell_text(
        columns
            .get(position)
            .and_then(|c| c.first())
            .map(|(_, v)| v),
    )
}

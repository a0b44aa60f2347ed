//! Proposes a profile for a recorded device: standard MIBs become modules, tables that shipped profiles know are extended, and what is
//! left of the vendor's own tree is guessed by its shape. A person must look at it.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::shape::{Shape, shapes};
use crate::profile::constant;
use crate::recording::Recording;
use crate::{Oid, ProfileSet, Value, read};

/// Tables that are guessed; a person will not look at more.
const TABLES_MAX: usize = 24;
/// Columns of one guessed table.
const COLUMNS_MAX: usize = 12;
/// Rows of a table beyond which it is a list of something that passes (routes, connections, neighbours), not of parts.
const ROWS_MAX: usize = 512;
/// Single values that are proposed.
const SCALARS_MAX: usize = 24;
/// Values that a state map is proposed for.
const STATES_MAX: i64 = 16;

/// Modules by a column of theirs.
const MODULES: &[(&str, &str)] = &[
    ("interfaces", "1.3.6.1.2.1.2.2.1.8"),
    ("entity", "1.3.6.1.2.1.47.1.1.1.1"),
    ("entity_sensors", "1.3.6.1.2.1.99.1.1.1.4"),
    ("cisco_sensors", "1.3.6.1.4.1.9.9.91.1.1.1.1.4"),
    ("host", "1.3.6.1.2.1.25.2.3.1.5"),
    ("lldp", "1.0.8802.1.1.2.1.4.1"),
    ("cdp", "1.3.6.1.4.1.9.9.23.1.2.1.1.6"),
];

/// What a column seems to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guess {
    Name,
    State,
    Number,
    Nothing,
}

/// The text of a proposed profile.
#[must_use]
pub fn learn(recording: &Recording, profiles: &ProfileSet) -> String {
    let (object_id, descr, present) = profiles.marks(recording);
    let (fits, generic) = profiles.family(&object_id, &descr, &present);
    let mut out = String::from(
        "# A PROPOSAL, made by `nhipcau profile learn` from one device. Before it is used, a person must check every line marked CHECK:\n\
         # the names, classes, units and scales of numbers, and what each value of a state means. Then: `nhipcau profile lint`, and\n\
         # `nhipcau profile test` on a recording of another device of the family.\n",
    );
    let _ = writeln!(out, "# sysDescr: {}", comment(&descr));
    if !generic {
        let _ = writeln!(
            out,
            "# The profile `{fits}` takes this device already: perhaps that one should be widened instead."
        );
    }
    let vendor = vendor(&object_id);
    let name = format!(
        "learnt-{}",
        vendor.map_or_else(|| "device".to_owned(), |v| v.to_string())
    );
    let _ = writeln!(out, "profile: {name}");
    out.push_str(
        "# CHECK\nvendor: unknown\nkind: other\nsource: learnt from one device, not checked yet\n",
    );
    if object_id.len() > 7 {
        let _ = writeln!(
            out,
            "match:\n  # CHECK: does the whole family begin like this?\n  - object_id: [{object_id}]"
        );
    } else {
        let pattern: String = descr
            .split_whitespace()
            .next()
            .unwrap_or("nothing")
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let pattern = if pattern.is_empty() {
            "nothing".to_owned()
        } else {
            pattern
        };
        let _ = writeln!(
            out,
            "match:\n  # CHECK: the device names no object identifier of its own\n  - descr: '^{pattern}'"
        );
    }
    let has = |column: &str| {
        let column = constant(column);
        recording
            .objects
            .range(&column..)
            .next()
            .is_some_and(|(oid, _)| oid.starts_with(&column))
    };
    let modules: Vec<&str> = MODULES
        .iter()
        .filter(|(_, column)| has(column))
        .map(|(name, _)| *name)
        .collect();
    let _ = writeln!(out, "modules: [{}]", modules.join(", "));
    if modules.contains(&"entity") {
        out.push_str("identity:\n  model: [{entity: model}, {entity: descr}]\n  serial: [{entity: serial}]\n  version: [{entity: software}, {entity: firmware}]\n");
    }
    let extends = extended(recording, profiles);
    if !extends.is_empty() {
        let _ = writeln!(
            out,
            "# Their tables are on this device.\nextends: [{}]",
            extends.iter().cloned().collect::<Vec<_>>().join(", ")
        );
    }
    guesses(recording, profiles, &extends, vendor, &mut out);
    out
}

/// The enterprise that an OID lies in.
fn vendor(oid: &Oid) -> Option<u32> {
    let arcs: Vec<u32> = oid.arcs().take(7).collect();
    match arcs[..] {
        [1, 3, 6, 1, 4, 1, vendor] => Some(vendor),
        _ => None,
    }
}

/// Text that cannot end a comment.
fn comment(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(160).collect()
}

/// Profiles without parents whose every table has rows here.
fn extended(recording: &Recording, profiles: &ProfileSet) -> BTreeSet<String> {
    profiles
        .extendable()
        .filter(|(_, tables)| {
            let filled = tables.iter().filter(|oids| {
                oids.iter().any(|oid| {
                    recording
                        .objects
                        .range(oid..)
                        .next()
                        .is_some_and(|(found, _)| found.starts_with(oid))
                })
            });
            !tables.is_empty() && filled.count() * 2 > tables.len()
        })
        .map(|(name, _)| name.to_owned())
        .take(4)
        .collect()
}

fn guesses(
    recording: &Recording,
    profiles: &ProfileSet,
    extends: &BTreeSet<String>,
    vendor: Option<u32>,
    out: &mut String,
) {
    let read: BTreeSet<Oid> = profiles
        .extendable()
        .filter(|(name, _)| extends.contains(*name))
        .flat_map(|(_, tables)| tables.into_iter().flatten())
        .collect();
    let own = vendor.and_then(|v| Oid::from_arcs(&[1, 3, 6, 1, 4, 1, v]).ok());
    let known = |oid: &Oid| {
        read.range(..=oid)
            .next_back()
            .is_some_and(|r| oid.starts_with(r))
    };
    let rest = recording
        .objects
        .iter()
        .filter(|(oid, _)| own.as_ref().is_some_and(|own| oid.starts_with(own)) && !known(oid));
    let shapes = shapes(rest);
    let mut states = String::new();
    let mut tables = String::new();
    let (mut count, mut wide) = (0, 0);
    for shape in &shapes.tables {
        if shape.rows > ROWS_MAX || count == TABLES_MAX {
            wide += 1;
            continue;
        }
        if let Some(text) = table(shape, &mut states) {
            tables.push_str(&text);
            count += 1;
        }
    }
    let scalars = scalars(&shapes.singles);
    if !states.is_empty() {
        let _ = write!(out, "states:\n{states}");
    }
    if !scalars.is_empty() {
        let _ = write!(out, "scalars:\n{scalars}");
    }
    if !tables.is_empty() {
        let _ = write!(out, "tables:\n{tables}");
    }
    if wide > 0 {
        let _ = writeln!(
            out,
            "# {wide} more tables of the vendor are long or many; `nhipcau profile test` lists what is left over."
        );
    }
}

fn guess(cells: &[(Oid, &Value)]) -> Guess {
    let mut numbers: BTreeSet<i64> = BTreeSet::new();
    let mut texts: BTreeSet<String> = BTreeSet::new();
    let mut integers = true;
    for (_, value) in cells {
        match value {
            Value::OctetString(_) => {
                let text = read::text(value);
                if text.is_empty() || text.contains('\u{fffd}') || text.len() > 64 {
                    continue;
                }
                texts.insert(text);
            }
            Value::Integer(n) => {
                numbers.insert(i64::from(*n));
            }
            Value::Gauge32(n) => {
                integers = false;
                numbers.insert(i64::from(*n));
            }
            // Counters and clocks are no readings.
            _ => return Guess::Nothing,
        }
    }
    if !texts.is_empty() && numbers.is_empty() {
        return Guess::Name;
    }
    let (Some(&low), Some(&high)) = (numbers.first(), numbers.last()) else {
        return Guess::Nothing;
    };
    if integers && low >= 0 && high <= STATES_MAX && numbers.len() <= 6 {
        Guess::State
    } else if numbers.len() == 1 && (high == 0 || high == -1) {
        Guess::Nothing
    } else {
        Guess::Number
    }
}

fn table(shape: &Shape<'_>, states: &mut String) -> Option<String> {
    let arcs: Vec<String> = shape.entry.arcs().skip(7).map(|a| a.to_string()).collect();
    let id = format!("t_{}", arcs.join("_"));
    let mut name = None;
    let mut columns = String::new();
    let mut rules = String::new();
    let mut used = 0;
    // Running numbers of rows look like states: a column that repeats the index says nothing.
    let indexes = |cells: &[(Oid, &Value)]| {
        cells.iter().all(|(index, value)| {
            value
                .as_i64()
                .is_some_and(|n| index.arcs().any(|arc| i64::from(arc) == n))
        })
    };
    for (number, cells) in &shape.columns {
        if guess(cells) == Guess::Name && name.is_none() {
            let different: BTreeSet<String> = cells.iter().map(|(_, v)| read::text(v)).collect();
            if different.len() * 2 >= cells.len() {
                name = Some(*number);
            }
        }
    }
    let label = name.map_or_else(|| "{index}".to_owned(), |n| format!("{{c{n}}}"));
    for (number, cells) in &shape.columns {
        if used == COLUMNS_MAX {
            break;
        }
        let what = guess(cells);
        if indexes(cells) {
            continue;
        }
        match what {
            Guess::State => {
                let seen: BTreeSet<i64> = cells.iter().filter_map(|(_, v)| v.as_i64()).collect();
                let _ = writeln!(
                    states,
                    "  # CHECK: what does each value mean? Others than these may come.\n  {id}_c{number}:"
                );
                for value in seen {
                    let _ = writeln!(states, "    {value}: unknown value {value}");
                }
                let _ = writeln!(
                    rules,
                    "      - {{name: '{label} c{number}', class: state, state: c{number}, states: {id}_c{number}}}"
                );
            }
            Guess::Number => {
                let (class, scale) = class_of(cells);
                let _ = writeln!(
                    rules,
                    "      # CHECK: name, class, unit and scale. Seen: {}",
                    seen(cells)
                );
                let _ = writeln!(
                    rules,
                    "      - {{name: '{label} c{number}', class: {class}{scale}, value: c{number}}}"
                );
            }
            Guess::Name | Guess::Nothing => continue,
        }
        let _ = writeln!(columns, "      c{number}: {}", shape.entry.join(&[*number]));
        used += 1;
    }
    if used == 0 {
        return None;
    }
    if let Some(number) = name {
        let _ = writeln!(columns, "      c{number}: {}", shape.entry.join(&[number]));
    }
    Some(format!(
        "  # {} rows\n  - name: {id}\n    columns:\n{columns}    sensors:\n{rules}",
        shape.rows
    ))
}

/// A class by what the numbers look like; `count` when they look like nothing.
fn class_of(cells: &[(Oid, &Value)]) -> (&'static str, &'static str) {
    let numbers: Vec<i64> = cells.iter().filter_map(|(_, v)| v.as_i64()).collect();
    let all = |low: i64, high: i64| numbers.iter().all(|n| (low..=high).contains(n));
    if all(190, 250) {
        ("voltage", "")
    } else if all(1_900, 2_500) {
        ("voltage", ", scale: 0.1")
    } else if all(480, 620) {
        ("frequency", ", scale: 0.1")
    } else if all(2_000, 30_000) {
        ("fan", "")
    } else if all(18, 60) {
        ("temperature", "")
    } else {
        ("count", "")
    }
}

fn seen(cells: &[(Oid, &Value)]) -> String {
    let numbers: BTreeSet<i64> = cells.iter().filter_map(|(_, v)| v.as_i64()).collect();
    let first: Vec<String> = numbers.iter().take(6).map(i64::to_string).collect();
    first.join(", ")
}

fn scalars(singles: &[(&Oid, &Value)]) -> String {
    let mut columns = String::new();
    let mut rules = String::new();
    let mut count = 0;
    for (oid, value) in singles {
        let reading = matches!(value, Value::Integer(n) if *n > 0 && *n < 1_000_000)
            || matches!(value, Value::Gauge32(n) if *n > 0);
        if oid.last() != Some(0) || !reading || count == SCALARS_MAX {
            continue;
        }
        let cells = [((*oid).clone(), *value)];
        let (class, scale) = class_of(&cells);
        let _ = writeln!(columns, "      v{count}: {oid}");
        let _ = writeln!(
            rules,
            "      # CHECK: name, class, unit and scale. Seen: {}",
            seen(&cells)
        );
        let _ = writeln!(
            rules,
            "      - {{name: value {oid}, class: {class}{scale}, value: v{count}}}"
        );
        count += 1;
    }
    if count == 0 {
        return String::new();
    }
    format!("  - name: singles\n    columns:\n{columns}    sensors:\n{rules}")
}

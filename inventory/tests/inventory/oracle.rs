//! What another monitor made of a recording, held against what we make of it: ports, identity, values. Independent of us, but
//! not ground truth; where the two differ, `golden` wants to know why.

use std::collections::BTreeSet;

use nhipcau_inventory::{Collection, Oid, Storage};
use serde_json::Value as Json;

/// One thing on which the two do not agree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    /// What it is about; unique within a recording but for repeated names.
    pub(crate) what: String,
    /// What we say; `-` when nothing.
    pub(crate) ours: String,
    /// What the other monitor says.
    pub(crate) theirs: String,
}

/// How many things agree, and what does not.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) right: usize,
    pub(crate) wrong: Vec<Difference>,
}

impl Score {
    fn note(&mut self, right: bool, difference: impl FnOnce() -> Difference) {
        if right {
            self.right += 1;
        } else {
            self.wrong.push(difference());
        }
    }

    pub(crate) fn all(&self) -> usize {
        self.right + self.wrong.len()
    }
}

fn difference(what: impl Into<String>, ours: impl ToString, theirs: impl ToString) -> Difference {
    Difference {
        what: what.into(),
        ours: ours.to_string(),
        theirs: theirs.to_string(),
    }
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

fn rows<'a>(json: &'a Json, key: &str) -> impl Iterator<Item = &'a Json> {
    json[key].as_array().into_iter().flatten()
}

/// Words apart from case, spaces and what sits between them.
fn plain(text: &str) -> String {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Ports: index, name, speed and both states.
pub(crate) fn ports(expected: &Json, collection: &Collection) -> Score {
    let mut score = Score::default();
    for port in rows(expected, "ports") {
        let index = port["ifIndex"].as_u64().unwrap_or(0);
        let names = [text(port, "ifName"), text(port, "ifDescr")];
        let Some(interface) = collection
            .interfaces
            .iter()
            .find(|i| u64::from(i.index) == index)
        else {
            score.note(false, || difference(format!("port {index}"), "-", names[0]));
            continue;
        };
        // Of several interfaces with one name, all but the first carry their part of the device or their index behind it.
        let name = interface
            .name
            .strip_suffix(&format!("#{index}"))
            .unwrap_or(&interface.name);
        let name = match name.rsplit_once(" (") {
            Some((before, part)) if part.ends_with(')') => before,
            _ => name,
        };
        let named = [name, &*interface.description]
            .into_iter()
            .any(|ours| names.iter().any(|n| plain(n) == plain(ours)));
        score.note(named, || {
            difference(format!("port {index} name"), &interface.name, names[0])
        });
        if let Some(speed) = port["ifSpeed"].as_u64() {
            // They read whole megabits where there are some; we know the rest.
            let whole = interface.speed_bps / 1_000_000 * 1_000_000;
            score.note(interface.speed_bps == speed || whole == speed, || {
                difference(format!("port {index} speed"), interface.speed_bps, speed)
            });
        }
        for (key, ours) in [
            ("ifOperStatus", interface.oper.as_str()),
            ("ifAdminStatus", interface.admin.as_str()),
        ] {
            let theirs = text(port, key);
            if !theirs.is_empty() {
                let word = |w: &str| w.to_lowercase().replace('_', "");
                score.note(word(ours) == word(theirs), || {
                    difference(format!("port {index} {key}"), ours, theirs)
                });
            }
        }
    }
    score
}

/// Hardware, version and serial number, where the other monitor gives them.
pub(crate) fn identity(expected: &Json, collection: &Collection) -> Score {
    let mut score = Score::default();
    let identity = &collection.identity;
    let squeeze = |t: &str| {
        t.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase()
    };
    for (key, ours) in [
        ("hardware", &identity.model),
        ("version", &identity.version),
        ("serial", &identity.serial),
    ] {
        let theirs = text(&expected["identity"], key);
        // Some recordings were made anonymous after the other monitor had read them.
        if !theirs.is_empty() && !theirs.starts_with('<') {
            score.note(squeeze(ours) == squeeze(theirs), || {
                difference(format!("identity {key}"), ours, theirs)
            });
        }
    }
    score
}

/// One value or state of ours that may answer one of theirs.
struct Reading<'a> {
    oid: &'a Oid,
    class: &'a str,
    unit: &'a str,
    value: Option<f64>,
    state: Option<(&'a str, Option<i64>)>,
}

fn readings(collection: &Collection) -> Vec<Reading<'_>> {
    let mut all = Vec::new();
    for sensor in collection.sensors.iter() {
        if sensor.value.is_some() {
            all.push(Reading {
                oid: &sensor.oid,
                class: &sensor.class,
                unit: &sensor.unit,
                value: sensor.value,
                state: None,
            });
        }
        if let (Some(oid), Some(word)) = (&sensor.state_oid, &sensor.state) {
            let state = Some((&**word, sensor.state_number));
            all.push(Reading {
                oid,
                class: "state",
                unit: "",
                value: None,
                state,
            });
        }
    }
    for component in collection.components.iter() {
        if let Some(oid) = &component.state_oid {
            let state = Some((&*component.state, component.state_number));
            all.push(Reading {
                oid,
                class: "state",
                unit: "",
                value: None,
                state,
            });
        }
    }
    all
}

/// Whether our class (and unit) is what the other monitor calls so.
fn same_class(ours: &str, unit: &str, theirs: &str) -> bool {
    match (ours, theirs) {
        ("fan", "fanspeed")
        | ("optical_power", "dbm")
        | ("apparent_power", "power")
        | ("energy", "power_consumed")
        | ("duration", "runtime" | "delay")
        // What it has no class for it calls a count.
        | ("latency" | "jitter" | "loss" | "rate", "count")
        | ("percent" | "load", "percent" | "load") => true,
        ("fan" | "percent", "fanspeed" | "percent" | "load") => unit == "%",
        _ => ours == theirs,
    }
}

/// Whether the numbers are one but for rounding: half of the last decimal that they print, or one in a thousand.
fn same_value(ours: f64, theirs: &Json) -> bool {
    let printed = theirs.to_string();
    let decimals = printed.split_once('.').map_or(0, |(_, d)| d.len().min(9));
    let half = 0.51 * 10_f64.powi(-i32::try_from(decimals).unwrap_or(0));
    theirs
        .as_f64()
        .is_some_and(|t| (ours - t).abs() <= half.max(t.abs() * 0.001))
}

/// A state is the same when its number or its word is; a number without a word is one that our map does not know. Where the
/// agent says a word, the other monitor invents a number for it.
fn same_state(ours: (&str, Option<i64>), value: &Json, theirs: &str) -> bool {
    let (word, number) = ours;
    let known = word.parse::<i64>().is_err();
    known && number.is_none_or(|n| value.as_i64() == Some(n) || plain(word) == plain(theirs))
}

fn oid_of(json: &Json) -> Option<Oid> {
    text(json, "oid").parse().ok()
}

fn sensors(expected: &Json, collection: &Collection, score: &mut Score) {
    let ours = readings(collection);
    let mut used: BTreeSet<usize> = BTreeSet::new();
    let agrees = |reading: &Reading<'_>, theirs: &Json| {
        let class = text(theirs, "class");
        same_class(reading.class, reading.unit, class)
            && match (reading.value, reading.state) {
                (Some(value), _) => same_value(value, &theirs["value"]),
                (None, Some(state)) => same_state(state, &theirs["value"], text(theirs, "state")),
                (None, None) => false,
            }
    };
    let mut left = Vec::new();
    for theirs in rows(expected, "sensors") {
        let oid = oid_of(theirs);
        let found = ours
            .iter()
            .enumerate()
            .find(|(_, r)| Some(r.oid) == oid.as_ref() && agrees(r, theirs));
        match found {
            Some((n, _)) => {
                used.insert(n);
                score.right += 1;
            }
            None => left.push((oid, theirs)),
        }
    }
    for (oid, theirs) in left {
        let class = text(theirs, "class");
        // The same quantity by another object: a value, not a state, that answers nothing else.
        let other = ours.iter().enumerate().find(|(n, r)| {
            r.value.is_some_and(|v| v != 0.0) && !used.contains(n) && agrees(r, theirs)
        });
        if let Some((n, _)) = other.filter(|_| class != "count") {
            used.insert(n);
            score.right += 1;
            continue;
        }
        let near: Vec<String> = ours
            .iter()
            .filter(|r| Some(r.oid) == oid.as_ref())
            .map(|r| match (r.value, r.state) {
                (Some(value), _) => format!("{} {value:.4} {}", r.class, r.unit),
                (None, Some((word, _))) => format!("state {word}"),
                (None, None) => String::new(),
            })
            .collect();
        let near = if near.is_empty() {
            "-".to_owned()
        } else {
            near.join(", ").trim().to_owned()
        };
        let oid = text(theirs, "oid").trim_start_matches('.');
        let said = format!("{} {}", theirs["value"], text(theirs, "state"));
        score.wrong.push(difference(
            format!("sensor {class} {oid}"),
            near,
            said.trim(),
        ));
    }
}

fn processors(expected: &Json, collection: &Collection, score: &mut Score) {
    let mut used: BTreeSet<usize> = BTreeSet::new();
    let mut left = Vec::new();
    for theirs in rows(expected, "processors") {
        let oid = oid_of(theirs);
        let percent = theirs["percent"].as_f64().unwrap_or(0.0);
        let found = collection
            .processors
            .iter()
            .position(|p| Some(&p.oid) == oid.as_ref() && (p.load_percent - percent).abs() <= 1.0);
        match found {
            Some(n) => {
                used.insert(n);
                score.right += 1;
            }
            None => left.push((theirs, percent)),
        }
    }
    for (theirs, percent) in left {
        let found = collection
            .processors
            .iter()
            .enumerate()
            .find(|(n, p)| !used.contains(n) && (p.load_percent - percent).abs() <= 1.0);
        used.extend(found.map(|(n, _)| n));
        score.note(found.is_some(), || {
            let oid = text(theirs, "oid").trim_start_matches('.');
            difference(format!("processor {oid}"), "-", percent)
        });
    }
}

/// Memory and file systems: the other monitor gives no objects for them, so names and amounts must do.
fn areas(expected: &Json, collection: &Collection, score: &mut Score) {
    for (kind, size_key) in [("mempools", "total"), ("storage", "size")] {
        let mut used: BTreeSet<usize> = BTreeSet::new();
        for theirs in rows(expected, kind) {
            let (name, percent) = (
                text(theirs, "descr"),
                theirs["percent"].as_f64().unwrap_or(0.0),
            );
            let size = theirs[size_key].as_f64().unwrap_or(0.0);
            let agrees = |s: &Storage| {
                let bytes = s.size_bytes as f64;
                // A device that tells a share only has a size of a hundred.
                (bytes == 100.0 || size == 100.0 || (bytes - size).abs() <= size * 0.005)
                    && (s.percent() - percent).abs() <= 1.0
            };
            let candidates: Vec<usize> = (0..collection.storage.len())
                .filter(|n| !used.contains(n) && agrees(&collection.storage[*n]))
                .collect();
            let found = candidates
                .iter()
                .find(|n| plain(&collection.storage[**n].name) == plain(name))
                .or(candidates.first());
            used.extend(found);
            score.note(found.is_some(), || {
                let same_name = collection
                    .storage
                    .iter()
                    .find(|s| plain(&s.name) == plain(name))
                    .map_or("-".to_owned(), |s| {
                        format!("{:.0} % of {}", s.percent(), s.size_bytes)
                    });
                difference(
                    format!("{kind} {name}"),
                    same_name,
                    format!("{percent} % of {size}"),
                )
            });
        }
    }
}

/// Sensors with their states, processors, memory and storage.
pub(crate) fn values(expected: &Json, collection: &Collection) -> Score {
    let mut score = Score::default();
    sensors(expected, collection, &mut score);
    processors(expected, collection, &mut score);
    areas(expected, collection, &mut score);
    score
}

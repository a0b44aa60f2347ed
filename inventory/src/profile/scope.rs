//! Names within one table resolved: columns, templates, states, and the rules that are made of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::complaint::Complaints;
use super::file::{self, Limit, Unique};
use super::rule::{
    Amount, LimitPlan, Piece, Pointer, SensorPlan, StateMap, StatePlan, StoragePlan, Template, Wide,
};

/// Resolves names within one table.
pub(super) struct Scope<'a, 'b> {
    pub(super) table: &'a str,
    pub(super) columns: Vec<&'a str>,
    pub(super) states: &'a BTreeMap<String, Arc<StateMap>>,
    pub(super) complaints: &'a mut Complaints<'b>,
}

impl Scope<'_, '_> {
    fn context(&self) -> String {
        format!("name: {}", self.table)
    }

    pub(super) fn column(&mut self, name: &str) -> usize {
        self.columns
            .iter()
            .position(|c| *c == name)
            .unwrap_or_else(|| {
                let context = self.context();
                self.complaints.at(
                    &context,
                    name,
                    format!("table `{}` has no column `{name}`", self.table),
                );
                0
            })
    }

    pub(super) fn template(&mut self, text: &str) -> Template {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, tail)) = rest.split_once('{') {
            let Some((hole, after)) = tail.split_once('}') else {
                let context = self.context();
                self.complaints
                    .at(&context, text, format!("`{text}`: a `{{` without its `}}`"));
                break;
            };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(self.hole(hole));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Template(pieces)
    }

    /// What a hole of a template, or the key of a condition, speaks of.
    fn hole(&mut self, word: &str) -> Piece {
        match word {
            "index" => Piece::Index,
            "index.last" => Piece::IndexLast,
            "entity" => Piece::Entity(Pointer::Arc(0)),
            "interface" => Piece::Interface(Pointer::Arc(0)),
            _ => match word.split_once('.') {
                Some(("index", n)) if n.strip_prefix("text.").and_then(arc).is_some() => {
                    Piece::IndexText(n.strip_prefix("text.").and_then(arc).unwrap_or(0))
                }
                Some(("index", n)) if arc(n).is_some() => Piece::IndexArc(arc(n).unwrap_or(0)),
                Some(("entity", to)) => Piece::Entity(self.pointer(to)),
                Some(("interface", to)) => Piece::Interface(self.pointer(to)),
                _ => Piece::Column(self.column(word)),
            },
        }
    }

    /// An arc of the index by number, or a column.
    fn pointer(&mut self, word: &str) -> Pointer {
        arc(word).map_or_else(|| Pointer::Column(self.column(word)), Pointer::Arc)
    }

    pub(super) fn state(
        &mut self,
        column: Option<&String>,
        states: Option<&String>,
    ) -> Option<StatePlan> {
        match (column, states) {
            (None, None) => None,
            (Some(column), Some(name)) => {
                let column = self.column(column);
                let found = self.states.get(name).cloned();
                if found.is_none() {
                    let context = self.context();
                    self.complaints
                        .at(&context, name, format!("there are no states `{name}`"));
                }
                Some(StatePlan {
                    column,
                    word: None,
                    states: found.unwrap_or_default(),
                })
            }
            (Some(word), None) | (None, Some(word)) => {
                let context = self.context();
                self.complaints.at(
                    &context,
                    word,
                    "`state` and `states` come together".to_owned(),
                );
                None
            }
        }
    }

    pub(super) fn when(&mut self, rules: &Unique<file::Pattern>) -> Vec<(Piece, file::Pattern)> {
        rules
            .0
            .iter()
            .map(|(word, pattern)| (self.hole(word), pattern.clone()))
            .collect()
    }

    fn limit(&mut self, limit: Option<&Limit>) -> Option<LimitPlan> {
        Some(match limit? {
            Limit::Number(number) => LimitPlan::Number(*number),
            Limit::Column(column) => LimitPlan::Column(self.column(column)),
        })
    }

    pub(super) fn sensor(&mut self, rule: &file::SensorRule) -> SensorPlan {
        if rule.value.is_none() && rule.state.is_none() {
            let context = self.context();
            self.complaints.at(
                &context,
                &rule.name,
                format!("sensor `{}` needs `value` or `state`", rule.name),
            );
        }
        SensorPlan {
            name: self.template(&rule.name),
            class: rule.class.as_str().into(),
            unit: rule
                .unit
                .as_deref()
                .unwrap_or_else(|| unit_of(&rule.class))
                .into(),
            value: rule.value.as_ref().map(|c| self.column(c)),
            to_dbm: rule.convert == Some(file::Conversion::WattsToDbm),
            scale: rule.scale.unwrap_or(1.0),
            offset: rule.offset.unwrap_or(0.0),
            divide_by: rule.divide_by.as_ref().map(|c| self.column(c)),
            scale_by: rule.scale_by.as_ref().map(|c| self.column(c)),
            decimals: rule.decimals.as_ref().map(|c| self.column(c)),
            when: self.when(&rule.when),
            pattern: rule.pattern.clone(),
            invalid: rule.invalid.clone(),
            state: {
                let state = self.state(rule.state.as_ref(), rule.states.as_ref());
                let word = rule.word.as_ref().map(|c| self.column(c));
                state.map(|plan| StatePlan { word, ..plan })
            },
            limits: [
                self.limit(rule.limits.low_critical.as_ref()),
                self.limit(rule.limits.low_warning.as_ref()),
                self.limit(rule.limits.high_warning.as_ref()),
                self.limit(rule.limits.high_critical.as_ref()),
            ],
        }
    }

    pub(super) fn storage(&mut self, rule: &file::StorageRule) -> StoragePlan {
        let mut wide = |low: &Option<String>, high: &Option<String>| {
            low.as_ref().map(|low| Wide {
                low: self.column(low),
                high: high.as_ref().map(|high| self.column(high)),
            })
        };
        let (used, free, size, percent) = (
            wide(&rule.used, &rule.used_high),
            wide(&rule.free, &rule.free_high),
            wide(&rule.size, &rule.size_high),
            wide(&rule.percent, &None),
        );
        let amount = match (used, free, size, percent) {
            (Some(used), None, Some(size), None) => Amount::UsedOfSize(used, size),
            (None, Some(free), Some(size), None) => Amount::FreeOfSize(free, size),
            (Some(used), Some(free), None, None) => Amount::UsedAndFree(used, free),
            (None, None, None, Some(percent)) => Amount::Percent(percent.low),
            (None, None, Some(size), Some(percent)) => Amount::ShareOfSize(percent.low, size),
            _ => {
                let context = self.context();
                self.complaints.at(
                    &context,
                    &rule.name,
                    format!(
                        "storage `{}` needs two of `used`, `free`, `size`, or `percent` alone or with `size`",
                        rule.name
                    ),
                );
                Amount::Percent(0)
            }
        };
        StoragePlan {
            name: self.template(&rule.name),
            kind: rule.kind.into(),
            unit_bytes: rule.unit_bytes.unwrap_or(1).max(1),
            units: rule.units.as_ref().map(|c| self.column(c)),
            amount,
            when: self.when(&rule.when),
        }
    }
}

/// The number of an arc as people count, as we count.
fn arc(word: &str) -> Option<usize> {
    let n = word.parse::<usize>().ok()?;
    (1..=crate::ARCS_MAX).contains(&n).then(|| n - 1)
}

/// The unit that people expect of a class.
pub(super) fn unit_of(class: &str) -> &'static str {
    match class {
        "temperature" => "°C",
        "humidity" | "load" | "charge" | "percent" => "%",
        "voltage" => "V",
        "current" => "A",
        "power" => "W",
        "apparent_power" => "VA",
        "energy" => "kWh",
        "frequency" => "Hz",
        "fan" => "rpm",
        "runtime" => "min",
        "optical_power" => "dBm",
        "airflow" => "l/s",
        "latency" | "jitter" => "ms",
        "loss" => "%",
        _ => "",
    }
}

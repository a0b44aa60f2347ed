//! Looks a profile over: what is wrong in it, and what is probably not meant.

use std::collections::BTreeSet;
use std::fmt;

use super::complaint::locate;
use super::file::{self, File, Limit};
use super::{ProfileError, ProfileSet, read};

/// How sure the complaint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file is refused.
    Mistake,
    /// The file is taken; a person should look.
    Doubt,
}

/// One complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How sure it is.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// Line from 1; 0 when it has no place.
    pub line: usize,
    /// Column from 1; 0 when it has no place.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Mistake => "mistake",
            Severity::Doubt => "doubt",
        };
        write!(
            f,
            "{}:{}:{}: {severity}: {}",
            self.file, self.line, self.column, self.message
        )
    }
}

/// The name that a profile file gives itself, when the file can be read at all.
#[must_use]
pub fn profile_name(text: &str) -> Option<String> {
    read(String::new(), text).ok().map(|s| s.file.profile)
}

/// Everything that is wrong or doubtful in one file, beside the profiles that there are.
#[must_use]
pub fn lint(file: &str, text: &str, others: &ProfileSet) -> Vec<Finding> {
    let source = match read(file.to_owned(), text) {
        Ok(source) => source,
        Err(error) => {
            return vec![Finding {
                severity: Severity::Mistake,
                file: error.file,
                line: error.line,
                column: error.column,
                message: error.message,
            }];
        }
    };
    let mut findings = Vec::new();
    // Only what it stands on: reading all shipped files takes longer than anybody wants to wait for one.
    let parents: Vec<String> = source
        .file
        .extends
        .iter()
        .map(|name| format!("profile: {name}\n"))
        .collect();
    let beside = ProfileSet::shipped_files()
        .filter(|(_, text)| parents.iter().any(|p| text.contains(p)))
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .chain([(file.to_owned(), text.to_owned())]);
    // A parent that is no shipped one may be the operator's own.
    let own_parent = |e: &ProfileError| {
        source.file.extends.iter().any(|name| {
            others.named(name).is_some() && e.message.contains(&format!("no profile `{name}`"))
        })
    };
    if let Err(errors) = ProfileSet::parse(beside) {
        let own = errors
            .into_iter()
            .filter(|e| e.file == file && !own_parent(e));
        findings.extend(own.map(|e| Finding {
            severity: Severity::Mistake,
            file: e.file,
            line: e.line,
            column: e.column,
            message: e.message,
        }));
    }
    let mut doubts = Doubts {
        file,
        text,
        findings,
    };
    doubts.matches(&source.file, others);
    doubts.states(&source.file);
    for (scalar, table) in source
        .file
        .scalars
        .iter()
        .map(|t| (true, t))
        .chain(source.file.tables.iter().map(|t| (false, t)))
    {
        doubts.table(table, scalar, &source.file);
    }
    doubts.findings.sort_by_key(|f| (f.line, f.column));
    doubts.findings
}

struct Doubts<'a> {
    file: &'a str,
    text: &'a str,
    findings: Vec<Finding>,
}

impl Doubts<'_> {
    fn at(&mut self, context: &str, word: &str, message: String) {
        let (line, column) = locate(self.text, context, word);
        self.findings.push(Finding {
            severity: Severity::Doubt,
            file: self.file.to_owned(),
            line,
            column,
            message,
        });
    }

    /// At the rule of that name in a table; a column may have the same name.
    fn rule(&mut self, context: &str, name: &str, message: String) {
        let start = self.text.find(context).unwrap_or(0);
        let spelt = [
            format!("{{name: {name}"),
            format!("{{name: '{name}'"),
            format!("{{name: \"{name}\""),
        ];
        match spelt
            .iter()
            .find_map(|s| self.text[start..].find(s.as_str()))
        {
            Some(at) => {
                let before = &self.text[..start + at];
                let line_start = before.rfind('\n').map_or(0, |n| n + 1);
                self.findings.push(Finding {
                    severity: Severity::Doubt,
                    file: self.file.to_owned(),
                    line: before.matches('\n').count() + 1,
                    column: before[line_start..].chars().count() + 1,
                    message,
                });
            }
            None => self.at(context, name, message),
        }
    }

    fn matches(&mut self, file: &File, others: &ProfileSet) {
        if file.matches.is_empty() && !file.fallback {
            self.at(
                "profile",
                "profile",
                "matches no device by itself: only a configuration that names it, or a profile that extends it, uses it".into(),
            );
        }
        for rule in &file.matches {
            if let Some(pattern) = &rule.descr
                && pattern.0.is_match("")
            {
                self.at(
                    "match",
                    "descr",
                    format!("the pattern `{}` fits every description", pattern.0),
                );
            }
            for oid in &rule.object_id {
                if oid.len() < 7 {
                    self.at(
                        "match",
                        &oid.to_string(),
                        format!("{oid} takes the devices of every vendor"),
                    );
                }
                for other in &others.profiles {
                    let same = other.matchers.iter().any(|m| {
                        m.object_ids.contains(oid) && m.descr.is_some() == rule.descr.is_some()
                    });
                    if same && *other.name != *file.profile {
                        self.at(
                            "match",
                            &oid.to_string(),
                            format!("{oid} is also taken by `{}`, just as well", other.name),
                        );
                    }
                }
            }
        }
    }

    fn states(&mut self, file: &File) {
        let used: BTreeSet<&str> = file
            .scalars
            .iter()
            .chain(&file.tables)
            .flat_map(|t| {
                let sensors = t.sensors.iter().filter_map(|s| s.states.as_deref());
                let parts = t.components.iter().filter_map(|c| c.states.as_deref());
                sensors.chain(parts)
            })
            .collect();
        for (name, map) in &file.states.0 {
            if !used.contains(name.as_str()) {
                self.at("states", name, format!("no rule uses the states `{name}`"));
            }
            let ill = map
                .0
                .values()
                .filter_map(|text| file::parse_state(text))
                .any(|(health, _)| !matches!(health, crate::Health::Ok | crate::Health::Unknown));
            if !ill && map.0.len() > 1 {
                self.at(
                    "states",
                    name,
                    format!("none of the states `{name}` is bad: a fault would not be seen"),
                );
            }
        }
    }

    fn table(&mut self, table: &file::Table, scalar: bool, file: &File) {
        let context = format!("name: {}", table.name);
        let mut used: BTreeSet<&str> = table
            .only
            .0
            .keys()
            .chain(table.unless.0.keys())
            .map(String::as_str)
            .collect();
        for (column, oid) in &table.columns.0 {
            let instance = oid.last() == Some(0);
            if scalar && !instance {
                self.at(
                    &context,
                    column,
                    format!("`{column}`: {oid} is no instance; a scalar ends in .0"),
                );
            }
            if !scalar && instance {
                self.at(
                    &context,
                    column,
                    format!("`{column}`: {oid} is a scalar; it belongs under `scalars`"),
                );
            }
            if let Some(vendor) = foreign(oid, file) {
                self.at(
                    &context,
                    column,
                    format!("`{column}`: {oid} lies in the tree of enterprise {vendor}, which no match names"),
                );
            }
        }
        let mut templates: Vec<&str> = Vec::new();
        for rule in &table.components {
            templates.push(&rule.name);
            used.extend(rule.state.as_deref());
            for text in [&rule.parent, &rule.model, &rule.serial]
                .into_iter()
                .flatten()
            {
                used.extend(holes(text));
            }
        }
        for rule in &table.sensors {
            templates.push(&rule.name);
            used.extend(rule.value.as_deref());
            used.extend(rule.state.as_deref());
            used.extend(rule.divide_by.as_deref());
            used.extend(rule.when.0.keys().map(String::as_str));
            self.sensor(rule, &context);
            let l = &rule.limits;
            let limits = [
                &l.low_critical,
                &l.low_warning,
                &l.high_warning,
                &l.high_critical,
            ];
            for limit in limits.into_iter().flatten() {
                if let Limit::Column(column) = limit {
                    used.insert(column);
                }
            }
        }
        for rule in &table.storage {
            templates.push(&rule.name);
        }
        for rule in &table.processors {
            templates.push(&rule.name);
            used.insert(&rule.load);
        }
        for name in &templates {
            used.extend(holes(name));
            if !scalar && !name.contains('{') {
                self.rule(
                    &context,
                    name,
                    format!(
                        "`{name}`: every row gets this name; use a column, {{index}} or {{entity}}"
                    ),
                );
            }
        }
        if templates.is_empty() {
            self.at(
                &context,
                &table.name,
                format!("table `{}` is read and nothing is made of it", table.name),
            );
            return;
        }
        // Storage and the finer rules name columns in ways of their own: any mention in the table's text counts.
        let body = self.body(&context);
        let idle: Vec<String> = table
            .columns
            .0
            .keys()
            .filter(|column| !used.contains(column.as_str()) && mentions(&body, column) < 2)
            .cloned()
            .collect();
        for column in idle {
            self.at(
                &context,
                &column,
                format!("column `{column}` is read and used by no rule"),
            );
        }
    }

    /// The text of one table, up to the next.
    fn body(&self, context: &str) -> String {
        let start = self.text.find(context).unwrap_or(0);
        let rest = &self.text[start..];
        let end = rest.find("\n  - name:").unwrap_or(rest.len());
        rest[..end].to_owned()
    }

    fn sensor(&mut self, rule: &file::SensorRule, context: &str) {
        let expected = super::scope::unit_of(&rule.class);
        if let Some(unit) = &rule.unit
            && !expected.is_empty()
            && unit != expected
            && !related(unit, expected)
        {
            self.rule(
                context,
                &rule.name,
                format!(
                    "`{}`: class `{}` is measured in {expected}, not in {unit}",
                    rule.name, rule.class
                ),
            );
        }
        let counted = matches!(
            &*rule.class,
            "state" | "count" | "power_source" | "ratio" | "power_factor"
        );
        if rule.value.is_some() && rule.unit.is_none() && expected.is_empty() && !counted {
            self.rule(
                context,
                &rule.name,
                format!(
                    "`{}`: class `{}` has no unit of its own; say `unit`",
                    rule.name, rule.class
                ),
            );
        }
        let l = &rule.limits;
        let numbers: Vec<f64> = [
            &l.low_critical,
            &l.low_warning,
            &l.high_warning,
            &l.high_critical,
        ]
        .into_iter()
        .filter_map(|limit| match limit {
            Some(Limit::Number(number)) => Some(*number),
            _ => None,
        })
        .collect();
        if numbers.windows(2).any(|pair| pair[0] > pair[1]) {
            self.rule(
                context,
                &rule.name,
                format!(
                    "`{}`: the limits are inverted; they rise from low_critical to high_critical",
                    rule.name
                ),
            );
        }
        for pattern in rule.pattern.iter().chain(rule.when.0.values()) {
            if pattern.0.is_match("") && pattern.0.is_match("x") {
                self.rule(
                    context,
                    &rule.name,
                    format!(
                        "`{}`: the pattern `{}` fits every text",
                        rule.name, pattern.0
                    ),
                );
            }
        }
    }
}

/// Columns that a template names.
fn holes(template: &str) -> impl Iterator<Item = &str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(hole, _)| hole))
}

fn mentions(text: &str, word: &str) -> usize {
    text.match_indices(word).count()
}

/// Units of one kind, in thousands or in another system.
fn related(unit: &str, expected: &str) -> bool {
    unit.ends_with(expected)
        || matches!(
            (unit, expected),
            ("°F" | "K", "°C")
                | ("s" | "h" | "min", "min")
                | ("%", "rpm")
                | ("Wh", "kWh")
                | ("m³/h" | "cfm", "l/s")
        )
}

/// The enterprise of an OID, when the file's own matches name others only.
fn foreign(oid: &crate::Oid, file: &File) -> Option<u32> {
    let enterprise = |oid: &crate::Oid| {
        let arcs: Vec<u32> = oid.arcs().take(7).collect();
        match arcs[..] {
            [1, 3, 6, 1, 4, 1, vendor] => Some(vendor),
            _ => None,
        }
    };
    let own: Vec<u32> = file
        .matches
        .iter()
        .flat_map(|m| &m.object_id)
        .filter_map(enterprise)
        .collect();
    let vendor = enterprise(oid)?;
    (!own.is_empty() && !own.contains(&vendor)).then_some(vendor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        lint("a.yaml", text, &ProfileSet::shipped())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn doubts_are_named_with_their_line() {
        let text = "\
profile: odd
match:
  - object_id: [1.3.6.1.4.1.318.1.3]
  - descr: '.*'
states:
  dull: {1: ok fine, 2: ok still fine}
tables:
  - name: probes
    columns:
      name: 1.3.6.1.4.1.318.1.1.25.1.2.1.3
      heat: 1.3.6.1.4.1.318.1.1.25.1.2.1.6
      idle: 1.3.6.1.4.1.9.1.2.1.7
    sensors:
      - {name: heat, class: temperature, unit: V, value: heat, limits: {high_warning: 40, high_critical: 30}}
      - {name: '{name} pressure', class: pressure, value: heat}
";
        let said = said(text).join("\n");
        for (line, part) in [
            (3, "also taken by `apc-ups`"),
            (4, "fits every description"),
            (6, "no rule uses the states `dull`"),
            (6, "none of the states `dull` is bad"),
            (12, "enterprise 9"),
            (12, "used by no rule"),
            (14, "every row gets this name"),
            (14, "measured in °C, not in V"),
            (14, "limits are inverted"),
            (15, "has no unit of its own"),
        ] {
            assert!(
                said.lines()
                    .any(|l| l.starts_with(&format!("a.yaml:{line}:")) && l.contains(part)),
                "line {line}: {part}\n{said}"
            );
        }
        assert!(!said.contains("mistake"), "{said}");
    }

    #[test]
    fn mistakes_are_named_with_their_line_too() {
        let text = "profile: a\nmatch: [{object_id: [1.3.6.1.4.1.99999]}]\ntables:\n  - name: t\n    columns: {a: 1.3.6.1.4.1.99999.1}\n    sensors:\n      - {name: '{b}', class: count, value: c}\n";
        let said = said(text);
        let mistakes: Vec<_> = said.iter().filter(|s| s.contains("mistake")).collect();
        assert_eq!(mistakes.len(), 2, "{said:?}");
        assert!(
            mistakes.iter().all(|s| s.starts_with("a.yaml:7:")),
            "{said:?}"
        );
        assert!(profile_name(text).is_some());
    }
}

//! What `profile test` shows: what was read, and what was left over.

use std::fmt::Write;

use nhipcau_inventory::recording::Recording;
use nhipcau_inventory::workbench::Coverage;
use nhipcau_inventory::{Collection, Health, Oid, ProfileSet, Sensor};
use serde_json::json;

/// Groups of left-over variables that a table shows; JSON has all.
const LEFT_OVER_SHOWN: usize = 60;

/// One test.
pub(super) struct Report<'a> {
    pub(super) profiles: &'a ProfileSet,
    pub(super) collection: &'a Collection,
    pub(super) coverage: &'a Coverage,
    pub(super) recording: &'a Recording,
}

/// Text for a terminal: one line, without control characters and marks that reorder.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c == '\n' || c == '\t' { ' ' } else { c })
        .filter(|c| {
            !c.is_control()
                && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect()
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Ok => "ok",
        Health::Degraded => "degraded",
        Health::Critical => "critical",
        Health::Unknown => "unknown",
    }
}

/// A state that no state map of the profile knows.
fn unexplained(sensor: &Sensor) -> bool {
    sensor.state_health == Health::Unknown
        && sensor
            .state_number
            .is_some_and(|n| sensor.state.as_deref() == Some(n.to_string().as_str()))
}

/// Columns of equal width, as wide as what is in them.
fn columns(out: &mut String, rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (n, cell) in row.iter().enumerate() {
            if n == widths.len() {
                widths.push(0);
            }
            widths[n] = widths[n].max(cell.chars().count().min(60));
        }
    }
    for row in rows {
        let mut line = String::from(" ");
        for (n, cell) in row.iter().enumerate() {
            let _ = write!(line, " {cell:<width$} ", width = widths[n]);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

impl Report<'_> {
    fn reasons(&self) -> Vec<String> {
        let candidates = self.profiles.candidates(self.recording);
        let mut reasons: Vec<String> = candidates
            .iter()
            .map(|c| {
                let mut by = Vec::new();
                if let Some(oid) = &c.object_id {
                    by.push(format!("sysObjectID begins with {oid}"));
                }
                if let Some(oid) = &c.object {
                    by.push(format!("it has {oid}"));
                }
                if c.descr {
                    by.push("sysDescr agrees".to_owned());
                }
                format!("{}: {}", c.profile, by.join(", "))
            })
            .collect();
        if reasons.is_empty() {
            reasons.push("nothing fits sysObjectID and sysDescr: the fallback".to_owned());
        }
        reasons
    }

    fn limits(sensor: &Sensor) -> String {
        let l = &sensor.limits;
        let show = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v}"));
        let all = [
            l.low_critical,
            l.low_warning,
            l.high_warning,
            l.high_critical,
        ];
        if all.iter().all(Option::is_none) {
            return String::new();
        }
        all.map(show).join(" / ")
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        let c = self.collection;
        let used = c.recognised.as_ref().map_or("-", |r| &*r.profile);
        let _ = writeln!(out, "profile   {used}");
        for (n, reason) in self.reasons().iter().enumerate() {
            let head = if n == 0 { "would fit" } else { "" };
            let _ = writeln!(out, "{head:<9} {reason}");
        }
        if let Some(system) = &c.system {
            let _ = writeln!(
                out,
                "device    {} ({})",
                plain(&system.name),
                system.object_id
            );
            let _ = writeln!(out, "          {}", plain(&system.descr));
        }
        let i = &c.identity;
        for (what, text) in [
            ("vendor", &i.vendor),
            ("model", &i.model),
            ("serial", &i.serial),
            ("version", &i.version),
        ] {
            let text = plain(text);
            let _ = writeln!(
                out,
                "{what:<9} {}",
                if text.is_empty() { "-" } else { &text }
            );
        }
        for error in &c.errors {
            let _ = writeln!(
                out,
                "failed    {}: {}",
                error.text("table").unwrap_or(error.code),
                plain(error.text("detail").unwrap_or_default())
            );
        }
        self.ports(&mut out);
        self.parts(&mut out);
        self.left_over(&mut out);
        out
    }

    fn ports(&self, out: &mut String) {
        let c = self.collection;
        let _ = writeln!(out, "\nports ({})", c.interfaces.len());
        let rows: Vec<Vec<String>> = c
            .interfaces
            .iter()
            .map(|i| {
                vec![
                    i.index.to_string(),
                    plain(&i.name),
                    format!("{} / {}", i.admin.as_str(), i.oper.as_str()),
                    i.speed_bps.to_string(),
                    plain(&i.alias),
                ]
            })
            .collect();
        columns(out, &rows);
    }

    fn parts(&self, out: &mut String) {
        let c = self.collection;
        let _ = writeln!(out, "\ncomponents ({})", c.components.len());
        let rows: Vec<Vec<String>> = c
            .components
            .iter()
            .map(|p| {
                vec![
                    plain(&p.name),
                    p.class.to_string(),
                    word(p.health).to_owned(),
                    plain(&p.state),
                    plain(&p.model),
                    plain(&p.serial),
                ]
            })
            .collect();
        columns(out, &rows);
        let _ = writeln!(out, "\nsensors ({})", c.sensors.len());
        let rows: Vec<Vec<String>> = c
            .sensors
            .iter()
            .map(|s| {
                let value = s
                    .value
                    .map(|v| format!("{} {}", (v * 1000.0).round() / 1000.0, s.unit));
                let state = s.state.as_ref().map(|state| {
                    let unknown = if unexplained(s) {
                        " (not in the state map)"
                    } else {
                        ""
                    };
                    format!("{}{unknown}", plain(state))
                });
                vec![
                    plain(&s.name),
                    s.class.to_string(),
                    value
                        .into_iter()
                        .chain(state)
                        .collect::<Vec<_>>()
                        .join(", "),
                    word(s.state_health).to_owned(),
                    Self::limits(s),
                ]
            })
            .collect();
        columns(out, &rows);
        let _ = writeln!(out, "\nstorage ({})", c.storage.len());
        let rows: Vec<Vec<String>> = c
            .storage
            .iter()
            .map(|s| {
                vec![
                    plain(&s.name),
                    format!("{:.1} %", s.percent()),
                    s.used_bytes.to_string(),
                    s.size_bytes.to_string(),
                ]
            })
            .collect();
        columns(out, &rows);
        let _ = writeln!(out, "\nprocessors ({})", c.processors.len());
        let rows: Vec<Vec<String>> = c
            .processors
            .iter()
            .map(|p| vec![plain(&p.name), format!("{} %", p.load_percent)])
            .collect();
        columns(out, &rows);
        let _ = writeln!(out, "\nneighbours ({})", c.neighbours.len());
        let rows: Vec<Vec<String>> = c
            .neighbours
            .iter()
            .map(|n| {
                vec![
                    plain(&n.interface),
                    n.protocol.as_str().to_owned(),
                    plain(&n.system_name),
                    plain(&n.remote_interface),
                ]
            })
            .collect();
        columns(out, &rows);
    }

    fn left_over(&self, out: &mut String) {
        let coverage = self.coverage;
        let left = coverage.objects - coverage.read;
        let _ = writeln!(
            out,
            "\nleft over: {left} of {} variables in {} places",
            coverage.objects,
            coverage.left_over.len()
        );
        let rows: Vec<Vec<String>> = coverage
            .left_over
            .iter()
            .take(LEFT_OVER_SHOWN)
            .map(|l| {
                let shape = if l.rows == 0 {
                    "values".to_owned()
                } else {
                    let numbers: Vec<String> = l.columns.iter().map(u32::to_string).collect();
                    format!("{} rows, columns {}", l.rows, numbers.join(","))
                };
                vec![
                    l.oid.to_string(),
                    l.objects.to_string(),
                    l.name.clone().unwrap_or_default(),
                    shape,
                ]
            })
            .collect();
        columns(out, &rows);
        if coverage.left_over.len() > LEFT_OVER_SHOWN {
            let _ = writeln!(
                out,
                "  … {} more places; --format json has them all",
                coverage.left_over.len() - LEFT_OVER_SHOWN
            );
        }
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let c = self.collection;
        let oid = |oid: &Oid| oid.to_string();
        let report = json!({
            "profile": c.recognised.as_ref().map(|r| &*r.profile),
            "generic": c.recognised.as_ref().is_some_and(|r| r.generic),
            "would_fit": self.reasons(),
            "identity": {
                "vendor": &*c.identity.vendor, "model": &*c.identity.model,
                "serial": &*c.identity.serial, "version": &*c.identity.version,
            },
            "errors": c.errors.iter().map(|e| json!({
                "code": e.code, "table": e.text("table"), "detail": e.text("detail").map(plain),
            })).collect::<Vec<_>>(),
            "ports": c.interfaces.iter().map(|i| json!({
                "index": i.index, "name": &*i.name, "admin": i.admin.as_str(), "oper": i.oper.as_str(),
                "speed_bps": i.speed_bps, "alias": &*i.alias, "entity": i.entity,
            })).collect::<Vec<_>>(),
            "components": c.components.iter().map(|p| json!({
                "name": &*p.name, "class": &*p.class, "parent": p.parent.as_deref(), "health": word(p.health),
                "state": &*p.state, "model": &*p.model, "serial": &*p.serial,
            })).collect::<Vec<_>>(),
            "sensors": c.sensors.iter().map(|s| json!({
                "name": &*s.name, "class": &*s.class, "unit": &*s.unit, "value": s.value, "state": s.state.as_deref(),
                "health": word(s.state_health), "oid": oid(&s.oid), "in_state_map": !unexplained(s),
                "limits": [s.limits.low_critical, s.limits.low_warning, s.limits.high_warning, s.limits.high_critical],
            })).collect::<Vec<_>>(),
            "storage": c.storage.iter().map(|s| json!({
                "name": &*s.name, "used_bytes": s.used_bytes, "size_bytes": s.size_bytes,
            })).collect::<Vec<_>>(),
            "processors": c.processors.iter().map(|p| json!({
                "name": &*p.name, "load_percent": p.load_percent,
            })).collect::<Vec<_>>(),
            "neighbours": c.neighbours.iter().map(|n| json!({
                "interface": &*n.interface, "protocol": n.protocol.as_str(), "name": &*n.system_name,
                "remote_interface": &*n.remote_interface,
            })).collect::<Vec<_>>(),
            "objects": self.coverage.objects,
            "read": self.coverage.read,
            "left_over": self.coverage.left_over.iter().map(|l| json!({
                "oid": oid(&l.oid), "name": l.name, "objects": l.objects, "rows": l.rows, "columns": l.columns,
            })).collect::<Vec<_>>(),
        });
        format!("{report:#}\n")
    }
}

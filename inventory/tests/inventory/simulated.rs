//! Families of which no recording exists: agents that we wrote from the vendors' public MIBs (`inventory/lab/agents`), and what
//! the profiles must find in them (`.expected` beside each). The expectations are written for an operator: which part, how much, how ill.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use nhipcau_inventory::{Collection, Health, ProfileSet};

use crate::corpora::read_recording;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("lab/agents")
}

/// What a collection says, a line a thing.
fn told(collection: &Collection) -> String {
    let identity = &collection.identity;
    let profile = collection.recognised.as_ref().map_or("-", |r| &*r.profile);
    let mut out = format!(
        "{profile}: {} | {} | {}\n",
        identity.model, identity.serial, identity.version
    );
    let ill = |health: Health| match health {
        Health::Ok => String::new(),
        other => format!(" ({})", other.as_str()),
    };
    for c in collection.components.iter() {
        let _ = write!(out, "{} {}", c.class, c.name);
        if !c.model.is_empty() || !c.serial.is_empty() {
            let _ = write!(out, " [{} {}]", c.model, c.serial);
        }
        let _ = writeln!(out, ": {}{}", c.state, ill(c.health));
    }
    for s in collection.sensors.iter() {
        let _ = write!(out, "{} {}:", s.class, s.name);
        if let Some(value) = s.value {
            let _ = write!(out, " {:.3} {}", value, s.unit);
        }
        if let Some(state) = &s.state {
            let _ = write!(out, " {state}{}", ill(s.state_health));
        }
        for (mark, limit) in [
            ("!<", s.limits.low_critical),
            ("<", s.limits.low_warning),
            (">", s.limits.high_warning),
            ("!>", s.limits.high_critical),
        ] {
            if let Some(limit) = limit {
                let _ = write!(out, " {mark}{limit:.1}");
            }
        }
        out.push('\n');
    }
    for s in collection.storage.iter() {
        let _ = writeln!(out, "storage {}: {:.0} %", s.name, s.percent());
    }
    for p in collection.processors.iter() {
        let _ = writeln!(out, "processor {}: {:.0} %", p.name, p.load_percent);
    }
    out
}

#[allow(clippy::disallowed_methods)] // Tests may read their own files.
fn file(path: PathBuf) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
#[allow(clippy::disallowed_methods, clippy::print_stdout)]
fn simulated_agents_are_read_as_their_makers_describe_them() {
    let profiles = Arc::new(ProfileSet::shipped());
    let mut wrong = Vec::new();
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".expected")?.to_owned()))
        .collect();
    names.sort();
    assert!(names.len() >= 24, "{names:?}");
    for name in &names {
        let walk = file(folder().join(format!("{name}.walk")));
        assert!(
            walk.lines()
                .take(3)
                .any(|l| l.starts_with('#') && l.contains("public MIB")),
            "{name} says where it comes from"
        );
        let collection = read_recording(&walk, &profiles);
        assert_eq!(collection.unreachable, None, "{name}");
        let ours = told(&collection);
        let expected = folder().join(format!("{name}.expected"));
        if std::env::var("NHIPCAU_GOLDEN").as_deref() == Ok("write") {
            std::fs::write(&expected, &ours).unwrap();
        }
        let expected = file(expected);
        for line in ours.lines().filter(|l| !expected.lines().any(|e| e == *l)) {
            wrong.push(format!("{name}: unexpected: {line}"));
        }
        for line in expected.lines().filter(|l| !ours.lines().any(|o| o == *l)) {
            wrong.push(format!("{name}: missing: {line}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

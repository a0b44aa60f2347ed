//! Recordings of real devices, read by the poller and held against what another monitor made of them.
//!
//! Every recording of the folder that `NHIPCAU_CORPORA` names takes part when it has an expected file. With
//! `NHIPCAU_GOLDEN=write` the golden files are written anew; `NHIPCAU_RECORDING=asa` looks at those whose name begins so only,
//! and shows all their differences.

use std::path::PathBuf;
use std::sync::Arc;

use nhipcau_inventory::recording::Recording;
use nhipcau_inventory::{Collection, ProfileSet};
use serde_json::Value as Json;

use crate::golden;
use crate::oracle::{Score, identity, ports, values};

/// Of what the other monitor gives, so many per cent over all must agree.
const PORTS_PERCENT_MIN: usize = 100;
const IDENTITY_PERCENT_MIN: usize = 95;
const VALUES_PERCENT_MIN: usize = 90;

#[allow(clippy::disallowed_methods)] // Tests may ask where the recordings are.
fn root() -> PathBuf {
    std::env::var("NHIPCAU_CORPORA").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"),
        PathBuf::from,
    )
}

#[allow(clippy::disallowed_methods)] // Tests may read the folder of recordings.
pub(crate) fn corpora(file: &str) -> Option<String> {
    std::fs::read(root().join(file))
        .ok()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[allow(clippy::disallowed_methods)] // A person's wishes at the command line.
fn wish(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[allow(clippy::print_stderr)]
pub(crate) fn skipped(what: &str) {
    eprintln!("SKIPPED: {what}: the folder of recordings is absent (set NHIPCAU_CORPORA)");
}

/// Names of all recordings that have an expected file.
pub(crate) fn recordings() -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(root().join("snmp/expected")) else {
        return Vec::new();
    };
    let mut names: Vec<String> = folder
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .collect();
    names.sort();
    names
}

/// The profiles as they lie in the folder, so that trying one needs no build.
#[allow(clippy::disallowed_methods)] // Tests may read their own crate's files.
fn profiles() -> Arc<ProfileSet> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let mut files: Vec<(String, String)> = std::fs::read_dir(&folder)
        .expect("the folder of profiles")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".yaml"))
        .map(|name| {
            let text = std::fs::read_to_string(folder.join(&name)).expect("a profile");
            (name, text)
        })
        .collect();
    files.sort();
    let shipped: Vec<_> = ProfileSet::shipped_files().map(|(name, _)| name).collect();
    for (name, _) in &files {
        assert!(shipped.contains(&name.as_str()), "{name} is not shipped");
    }
    match ProfileSet::parse(files) {
        Ok(set) => Arc::new(set),
        Err(errors) => panic!(
            "{}",
            errors.iter().map(|e| format!("{e}\n")).collect::<String>()
        ),
    }
}

/// Two polls of a recorded device, so that dependent tables and names have settled.
#[allow(clippy::disallowed_methods)] // A simulation needs one moment to count from; nothing depends on which.
pub(crate) fn read_recording(text: &str, profiles: &Arc<ProfileSet>) -> Arc<Collection> {
    Recording::parse(text)
        .read(profiles, None, std::time::Instant::now())
        .expect("the poll of a recording comes to an end")
}

struct Line {
    name: String,
    scores: [Score; 3],
    profile: String,
    varbinds: u64,
}

fn compare(name: &str, profiles: &Arc<ProfileSet>) -> Option<Line> {
    let recording = corpora(&format!("snmp/recordings/{name}.snmprec"))?;
    let expected = corpora(&format!("snmp/expected/{name}.json"))?;
    let expected: Json = serde_json::from_str(&expected).unwrap_or_else(|e| panic!("{name}: {e}"));
    let collection = read_recording(&recording, profiles);
    assert_eq!(collection.unreachable, None, "{name}");
    assert_eq!(collection.errors, [], "{name}");
    Some(Line {
        name: name.to_owned(),
        scores: [
            ports(&expected, &collection),
            identity(&expected, &collection),
            values(&expected, &collection),
        ],
        profile: collection
            .recognised
            .as_ref()
            .map_or_else(String::new, |r| r.profile.to_string()),
        varbinds: collection.statistics.varbinds,
    })
}

#[test]
#[allow(clippy::print_stdout)]
fn recordings_are_read_as_another_monitor_reads_them() {
    let only = wish("NHIPCAU_RECORDING");
    let writing = wish("NHIPCAU_GOLDEN").as_deref() == Some("write");
    let profiles = profiles();
    let names = recordings();
    if names.is_empty() {
        skipped("recordings of real devices");
        return;
    }
    let mut totals = [(0, 0); 3];
    let mut wrong: Vec<String> = Vec::new();
    let show = |right: usize, all: usize| format!("{right}/{all}");
    println!(
        "{:<30} {:>11} {:>9} {:>11} {:>9}  profile",
        "recording", "ports", "identity", "values", "varbinds"
    );
    let wanted = |name: &&String| only.as_ref().is_none_or(|o| name.starts_with(o.as_str()));
    for line in names
        .iter()
        .filter(wanted)
        .filter_map(|name| compare(name, &profiles))
    {
        let [ports, identity, values] = &line.scores;
        println!(
            "{:<30} {:>11} {:>9} {:>11} {:>9}  {}",
            line.name,
            show(ports.right, ports.all()),
            show(identity.right, identity.all()),
            show(values.right, values.all()),
            line.varbinds,
            line.profile,
        );
        for (total, score) in totals.iter_mut().zip(&line.scores) {
            *total = (total.0 + score.right, total.1 + score.all());
        }
        let differences: Vec<_> = line.scores.iter().flat_map(|s| s.wrong.clone()).collect();
        if only.is_some() {
            for d in &differences {
                println!("    {}: ours {} theirs {}", d.what, d.ours, d.theirs);
            }
        }
        if writing {
            golden::write(&line.name, &differences);
        }
        if let Some(entries) = golden::load(&line.name) {
            let complaints = golden::check(&entries, &differences);
            wrong.extend(
                complaints
                    .into_iter()
                    .map(|c| format!("{}: {c}", line.name)),
            );
        }
    }
    let [ports, identity, values] = totals;
    println!(
        "{:<30} {:>11} {:>9} {:>11}",
        "all",
        show(ports.0, ports.1),
        show(identity.0, identity.1),
        show(values.0, values.1)
    );
    if only.is_none() {
        for (what, (right, all), percent) in [
            ("ports", ports, PORTS_PERCENT_MIN),
            ("identity", identity, IDENTITY_PERCENT_MIN),
            ("values", values, VALUES_PERCENT_MIN),
        ] {
            if right * 100 < all * percent {
                wrong.push(format!("{what}: {right} of {all} is less than {percent} %"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} complaints:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

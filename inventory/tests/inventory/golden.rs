//! Golden files, one a recording: every difference from the other monitor with its reason.
//!
//! An entry names one difference (`what`, `ours`, `theirs`), or with a `*` at the end of `what` and a number in `times` as many
//! of them as share a beginning and the reason. A recording without a golden file is unknown to us: only the bars count for it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::oracle::Difference;

/// What is accepted, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    what: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ours: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    theirs: Option<String>,
    why: String,
}

impl Entry {
    fn covers(&self, difference: &Difference) -> bool {
        match self.what.strip_suffix('*') {
            Some(beginning) => difference.what.starts_with(beginning),
            None => {
                difference.what == self.what
                    && self.ours.as_ref() == Some(&difference.ours)
                    && self.theirs.as_ref() == Some(&difference.theirs)
            }
        }
    }
}

fn path(recording: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/inventory/golden")
        .join(format!("{recording}.yaml"))
}

/// The golden file of a recording, when it has one.
#[allow(clippy::disallowed_methods)] // Tests may read their own files.
pub(crate) fn load(recording: &str) -> Option<Vec<Entry>> {
    let text = std::fs::read_to_string(path(recording)).ok()?;
    Some(
        serde_yaml::from_str(&text)
            .unwrap_or_else(|e| panic!("the golden file of {recording}: {e}")),
    )
}

/// What is wrong between a golden file and the differences found: entries that nothing needs, differences that nothing
/// explains, reasons that are none.
pub(crate) fn check(entries: &[Entry], differences: &[Difference]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut covered = vec![false; differences.len()];
    for entry in entries {
        let mut times = 0;
        for (difference, covered) in differences.iter().zip(&mut covered) {
            // One entry a difference, so that two of the same name need two.
            if !*covered && entry.covers(difference) && times < entry.times.unwrap_or(1) {
                *covered = true;
                times += 1;
            }
        }
        if times != entry.times.unwrap_or(1) {
            wrong.push(format!(
                "stale: `{}` explains {} differences, and there are {times}",
                entry.what,
                entry.times.unwrap_or(1)
            ));
        }
        if entry.what.ends_with('*') != entry.times.is_some() {
            wrong.push(format!("`{}`: `*` and `times` come together", entry.what));
        }
        if entry.why.trim().len() < 8 || entry.why.contains("TODO") {
            wrong.push(format!("`{}` has no reason", entry.what));
        }
    }
    for (difference, _) in differences.iter().zip(&covered).filter(|(_, c)| !**c) {
        wrong.push(format!(
            "unexplained: `{}`: ours `{}`, theirs `{}`",
            difference.what, difference.ours, difference.theirs
        ));
    }
    wrong
}

/// Writes the golden file anew: known reasons are kept, new differences get a TODO that [`check`] refuses.
#[allow(clippy::disallowed_methods)] // Only when a person asks for it.
pub(crate) fn write(recording: &str, differences: &[Difference]) {
    let old = load(recording).unwrap_or_default();
    let mut entries: Vec<Entry> = Vec::new();
    let mut rest: Vec<&Difference> = differences.iter().collect();
    for mut entry in old.iter().filter(|e| e.what.ends_with('*')).cloned() {
        let before = rest.len();
        rest.retain(|d| !entry.covers(d));
        if rest.len() < before {
            entry.times = Some(before - rest.len());
            entries.push(entry);
        }
    }
    for difference in rest {
        let known = old.iter().find(|e| e.covers(difference));
        entries.push(Entry {
            what: difference.what.clone(),
            times: None,
            ours: Some(difference.ours.clone()),
            theirs: Some(difference.theirs.clone()),
            why: known.map_or_else(|| "TODO".to_owned(), |e| e.why.clone()),
        });
    }
    let text = serde_yaml::to_string(&entries).expect("entries are plain");
    std::fs::create_dir_all(path(recording).parent().expect("a folder"))
        .and_then(|()| std::fs::write(path(recording), text))
        .unwrap_or_else(|e| panic!("the golden file of {recording}: {e}"));
}

#[test]
fn an_unexplained_difference_a_stale_entry_and_a_missing_reason_are_named() {
    let difference = |what: &str| Difference {
        what: what.to_owned(),
        ours: "1".to_owned(),
        theirs: "2".to_owned(),
    };
    let entries = |text: &str| serde_yaml::from_str::<Vec<Entry>>(text).unwrap();
    let one =
        "- {what: sensor count 1.2, ours: '1', theirs: '2', why: they add what is not there}\n";
    let two = "- {what: 'sensor count 1.*', times: 2, why: they add what is not there}\n";
    let seen = [
        difference("sensor count 1.2"),
        difference("sensor count 1.3"),
    ];
    assert!(check(&entries(one), &seen[..1]).is_empty());
    assert!(check(&entries(two), &seen).is_empty());
    for (text, seen, word) in [
        (one, &seen[..], "unexplained"),
        (one, &seen[1..], "stale"),
        (two, &seen[..1], "stale"),
        (
            "- {what: sensor count 1.2, ours: '1', theirs: '2', why: TODO}",
            &seen[..1],
            "no reason",
        ),
        (
            "- {what: sensor count 1.2, ours: '0', theirs: '2', why: they add what is not there}",
            &seen[..1],
            "stale",
        ),
    ] {
        let wrong = check(&entries(text), seen);
        assert!(wrong.iter().any(|w| w.contains(word)), "{text}: {wrong:?}");
    }
}

//! Sizes of files, and names that say nothing.

use super::{code, files, is_rust};

#[test]
fn tidy_files_are_short() {
    const LINES_MAX: usize = 900;
    const MEDIAN_MAX: usize = 250;
    let mut sizes = Vec::new();
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| {
        [".rs", ".ts", ".tsx", ".css"]
            .iter()
            .any(|end| file.path.ends_with(end))
    }) {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{}: {lines} lines", file.path));
        }
        if is_rust(file) {
            sizes.push(lines);
        }
    }
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    assert!(wrong.is_empty(), "more than {LINES_MAX} lines: {wrong:#?}");
    assert!(
        median < MEDIAN_MAX,
        "the median Rust file has {median} lines"
    );
}

/// Names that say nothing about their bearer.
fn is_empty_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["utils", "util", "helper", "helpers"].contains(&&*name)
        || ["manager", "helper", "utils"]
            .iter()
            .any(|end| name.ends_with(end))
}

fn empty_names(text: &str) -> Vec<&str> {
    let kinds = [
        "struct ",
        "enum ",
        "trait ",
        "mod ",
        "type ",
        "class ",
        "interface ",
    ];
    let declared = text.lines().filter_map(|line| {
        kinds.iter().find_map(|kind| {
            line.split_once(kind).filter(|(before, _)| {
                before.split_whitespace().all(|word| {
                    matches!(word, "pub" | "export" | "abstract" | "default")
                        || word.starts_with("pub(")
                })
            })
        })
    });
    declared
        .map(|(_, rest)| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default()
        })
        .filter(|name| is_empty_name(name))
        .collect()
}

#[test]
fn tidy_names_say_what_they_name() {
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| {
        [".rs", ".ts", ".tsx"]
            .iter()
            .any(|end| file.path.ends_with(end))
    }) {
        if file.path.split(['/', '.']).any(is_empty_name) {
            wrong.push(file.path.clone());
        }
        wrong.extend(
            empty_names(&code(&file.text))
                .into_iter()
                .map(|name| format!("{}: {name}", file.path)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tidy_empty_names_are_found() {
    assert_eq!(
        empty_names(
            "pub struct RoomManager;\n    pub(crate) mod utils;\nfn a() { let managers = 1; }\nstruct Manage;"
        ),
        ["RoomManager", "utils"]
    );
}

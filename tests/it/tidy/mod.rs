//! What neither Cargo nor clippy can guard. Each rule returns what breaks it, so that one run names everything, and has a test that it can
//! fail.

mod names;
mod papers;
mod walls;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the project: its path from the root and its text.
struct File {
    path: String,
    text: String,
    /// Rust that only tests compile: `#[cfg(test)] mod NAME;` names it.
    test_module: bool,
}

/// All text files that belong to the project, whatever git has of them yet.
fn files() -> Vec<File> {
    let mut found = Vec::new();
    collect(&root(), "", &mut found);
    let test_modules: BTreeSet<String> = found.iter().flat_map(test_modules).collect();
    for file in &mut found {
        file.test_module = test_modules.contains(&file.path);
    }
    assert!(
        found.len() > 100,
        "only {} files: the walk is broken",
        found.len()
    );
    found
}

/// The paths at which a file's `#[cfg(test)] mod NAME;` may stand.
fn test_modules(file: &File) -> Vec<String> {
    let stem = file.path.trim_end_matches(".rs");
    let folder = stem.trim_end_matches("mod").trim_end_matches("lib");
    let home = if folder.ends_with('/') {
        folder.to_owned()
    } else {
        format!("{stem}/")
    };
    let after = file.text.split("#[cfg(test)]\nmod ").skip(1);
    let names = after.filter_map(|rest| {
        rest.split_once(';')
            .map(|(name, _)| name)
            .filter(|name| !name.contains(char::is_whitespace))
    });
    names
        .flat_map(|name| [format!("{home}{name}.rs"), format!("{home}{name}/mod.rs")])
        .collect()
}

fn collect(directory: &Path, prefix: &str, found: &mut Vec<File>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if matches!(
            &*name,
            ".git" | "target" | "node_modules" | "dist" | "artifacts" | "corpus"
        ) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if kind.is_dir() {
            collect(&entry.path(), &format!("{path}/"), found);
        } else if kind.is_file()
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            found.push(File {
                path,
                text,
                test_module: false,
            });
        }
    }
}

/// Rust without comment lines and without the tests at its end.
fn code(text: &str) -> String {
    const TESTS: &str = "#[cfg(test)]\nmod ";
    // `mod tests;` only names another file: what follows it is code.
    let inside = |at: &usize| {
        let rest = &text[at + TESTS.len()..];
        rest.find(['{', ';'])
            .is_some_and(|at| rest[at..].starts_with('{'))
    };
    let end = text
        .match_indices(TESTS)
        .map(|(at, _)| at)
        .find(inside)
        .unwrap_or(text.len());
    text[..end]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn is_rust(file: &File) -> bool {
    file.path.ends_with(".rs")
}

/// Whether a Rust file serves tests, examples, benchmarks or the build only.
fn is_beside(file: &File) -> bool {
    let path = &file.path;
    file.test_module
        || path.starts_with("tests/")
        || ["/tests/", "/examples/", "/benches/"]
            .iter()
            .any(|part| path.contains(part))
        || path.ends_with("build.rs")
}

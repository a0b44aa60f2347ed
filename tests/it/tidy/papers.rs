//! Papers and words that must not lag behind the code, and what no file may say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{File, files, root};

#[test]
fn tidy_nothing_speaks_of_one_machine() {
    // Put together here, so that this file does not find itself.
    let traces = [
        ["/wo", "rk/main"],
        ["/wo", "rk/shared"],
        ["/tm", "p/t/"],
        ["/ro", "ot/"],
        ["/home/", "runner"],
    ]
    .map(|parts| parts.concat());
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| !file.path.ends_with(".lock")) {
        wrong.extend(
            traces
                .iter()
                .filter(|trace| file.text.contains(*trace))
                .map(|trace| format!("{}: {trace}", file.path)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tidy_shipped_yaml_parses() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files()
        .iter()
        .filter(|file| file.path.ends_with(".yaml") || file.path.ends_with(".yml"))
    {
        seen += 1;
        if let Err(error) = serde_yaml::from_str::<serde_yaml::Value>(&file.text) {
            wrong.push(format!("{}: {error}", file.path));
        }
    }
    assert!(seen >= 5, "only {seen} YAML files");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The quoted or bare keys at the beginning of lines of a TypeScript object, in their order.
fn keys(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim_start();
            match line.strip_prefix('"') {
                Some(rest) => rest.split_once("\":").map(|(key, _)| key),
                None => line.split_once(':').map(|(key, _)| key).filter(|key| {
                    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                }),
            }
        })
        .collect()
}

#[test]
fn tidy_both_languages_have_the_same_words() {
    let files = files();
    let words = |language: &str| -> BTreeMap<String, BTreeSet<String>> {
        let prefix = format!("daemon/web/src/i18n/{language}/");
        let of = |file: &File| {
            Some((
                file.path.strip_prefix(&prefix)?.to_owned(),
                keys(&file.text).into_iter().map(str::to_owned).collect(),
            ))
        };
        files.iter().filter_map(of).collect()
    };
    let (vi, en) = (words("vi"), words("en"));
    if vi.is_empty() {
        nhipcau_tests::skipped("the pages have no words yet");
        return;
    }
    assert!(
        vi.values().map(BTreeSet::len).sum::<usize>() > 50,
        "the reader of keys is broken"
    );
    assert_eq!(vi.keys().collect::<Vec<_>>(), en.keys().collect::<Vec<_>>());
    for (file, words) in &vi {
        let odd: Vec<&String> = words.symmetric_difference(&en[file]).collect();
        assert!(odd.is_empty(), "{file}: in one language only: {odd:?}");
    }
}

/// The words after `make` in code of a Markdown text.
fn make_targets(markdown: &str) -> BTreeSet<&str> {
    let starts = ["`make ", "\nmake ", "\n$ make ", "&& make "]
        .into_iter()
        .flat_map(|start| {
            markdown
                .match_indices(start)
                .map(move |(at, _)| at + start.len())
        });
    starts
        .filter_map(|at| {
            markdown[at..]
                .split(|c: char| !(c.is_ascii_lowercase() || c == '-'))
                .next()
        })
        .filter(|target| !target.is_empty())
        .collect()
}

#[test]
fn tidy_readme_names_commands_that_exist() {
    let (Ok(readme), Ok(makefile)) = (
        fs::read_to_string(root().join("README.md")),
        fs::read_to_string(root().join("Makefile")),
    ) else {
        nhipcau_tests::skipped("README.md or Makefile is not there yet");
        return;
    };
    let targets = make_targets(&readme);
    assert!(!targets.is_empty(), "README.md names no make command");
    let missing: Vec<&str> = targets
        .into_iter()
        .filter(|target| {
            !makefile
                .lines()
                .any(|line| line.starts_with(&format!("{target}:")))
        })
        .collect();
    assert!(missing.is_empty(), "README.md speaks of make {missing:?}");
}

/// The backquoted names after "Guarded by" on each numbered line of the section on invariants.
fn guards(architecture: &str) -> Vec<(String, Vec<String>)> {
    let Some((_, section)) = architecture.split_once("## Invariants") else {
        return Vec::new();
    };
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut invariants: Vec<(String, Vec<String>)> = Vec::new();
    for line in section.lines() {
        let number: String = line.chars().take_while(char::is_ascii_digit).collect();
        if !number.is_empty() && line[number.len()..].starts_with('.') {
            invariants.push((number, Vec::new()));
        }
        if let (Some((_, named)), Some((_, guards))) =
            (line.split_once("Guarded by"), invariants.last_mut())
        {
            guards.extend(
                named
                    .split('`')
                    .skip(1)
                    .step_by(2)
                    .map(|name| name.rsplit("::").next().unwrap_or(name).to_owned()),
            );
        }
    }
    invariants
}

#[test]
fn tidy_invariants_name_tests_that_exist() {
    let Ok(architecture) = fs::read_to_string(root().join("ARCHITECTURE.md")) else {
        nhipcau_tests::skipped("ARCHITECTURE.md is not there yet");
        return;
    };
    let invariants = guards(&architecture);
    assert!(
        !invariants.is_empty(),
        "ARCHITECTURE.md has no numbered lines under \"## Invariants\""
    );
    let files = files();
    let mut wrong = Vec::new();
    for (number, guards) in invariants {
        if guards.is_empty() {
            wrong.push(format!("invariant {number} has no \"Guarded by `test`\""));
        }
        for guard in guards {
            let forms = [
                format!("fn {guard}("),
                format!("test(\"{guard}\""),
                format!("it(\"{guard}\""),
            ];
            if !files
                .iter()
                .any(|file| forms.iter().any(|form| file.text.contains(form)))
            {
                wrong.push(format!("invariant {number}: there is no test {guard}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tidy_readers_of_papers_read() {
    assert_eq!(
        keys("  \"a.b\": \"x: y\",\n  plain: \"z\",\n  // no: key\n"),
        ["a.b", "plain"]
    );
    assert_eq!(
        make_targets("Type `make run` or\nmake test-all\nto make sense.")
            .into_iter()
            .collect::<Vec<_>>(),
        ["run", "test-all"]
    );
    let invariants = guards(
        "# A\n## Invariants\n1. One. Guarded by `a::b_c`.\n2. Two\n   lines. Guarded by `d`, `e`.\n3. None.\n## Next\n4. x",
    );
    let names: Vec<usize> = invariants.iter().map(|(_, guards)| guards.len()).collect();
    assert_eq!((names, &*invariants[0].1[0]), (vec![1, 2, 0], "b_c"));
}

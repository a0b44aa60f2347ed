//! What neither Cargo nor clippy can guard: walls between crates and modules, names, sizes, and papers that must not lag behind the code.
//!
//! Each rule returns what breaks it, so that one run names everything; [`tidy_the_rules_can_fail`] keeps the readers honest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Crate folder → our crates that it may use outside its tests.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("inventory", &[]),
    ("inventory/lab", &[]),
    ("inventory/wire", &["nhipcau-inventory"]),
    ("media/conference", &[]),
    ("media/sfu", &[]),
    ("media/rtc", &["nhipcau-sfu"]),
    ("media/load", &["nhipcau-sfu", "nhipcau-media-rtc"]),
    ("media/gst", &[]),
    ("playbooks", &[]),
    (
        "daemon",
        &[
            "nhipcau-inventory",
            "nhipcau-lab",
            "nhipcau-wire",
            "nhipcau-conference",
            "nhipcau-sfu",
            "nhipcau-media-rtc",
            "nhipcau-media-load",
            "nhipcau-media-gst",
            "nhipcau-playbooks",
        ],
    ),
];

/// Crates without clock, entropy, sockets and files.
const PURE: &[&str] = &["inventory", "media/conference", "media/sfu", "playbooks"];

/// What a pure crate may not even depend on.
const IMPURE_CRATES: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "rusqlite",
    "gstreamer",
    "prometheus",
    "async-snmp",
    "nix",
    "libc",
    "rustix",
    "socket2",
    "mio",
    "rand",
    "getrandom",
    "ring",
    "uuid",
    "ureq",
    "reqwest",
    "lettre",
    "futures",
    "rtc-dtls",
    "rtc-srtp",
];

/// What a pure crate may not say. Its clippy.toml bans the calls; this finds what a macro or an import hides.
const IMPURE_WORDS: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "std::fs",
    "std::net::Udp",
    "std::net::Tcp",
    "std::thread",
    "tokio::",
];

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
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
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

/// The names in `[dependencies]`, `[build-dependencies]` and their `target` forms; those of tests are free.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies") && !section.ends_with("dev-dependencies");
            if let Some((kind, name)) = section.rsplit_once('.')
                && kind.ends_with("dependencies")
                && !kind.ends_with("dev-dependencies")
            {
                names.insert(name.to_owned());
            }
        } else if inside && !line.starts_with('#') && line.contains('=') {
            names.insert(
                line.split(['=', '.', ' '])
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            );
        }
    }
    names
}

fn wrong_directions(folder: &str, allowed: &[&str], manifest: &str) -> Vec<String> {
    let pure = PURE.contains(&folder);
    dependencies(manifest)
        .into_iter()
        .filter(|name| {
            let foreign = name.starts_with("nhipcau-") && !allowed.contains(&&**name);
            foreign || (pure && IMPURE_CRATES.contains(&&**name))
        })
        .map(|name| format!("{folder} may not depend on {name}"))
        .collect()
}

#[test]
fn tidy_crates_depend_in_the_designed_directions() {
    let mut wrong = Vec::new();
    for (folder, allowed) in DIRECTIONS {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        wrong.extend(wrong_directions(folder, allowed, &manifest));
    }
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for member in workspace
        .split("members = [")
        .nth(1)
        .unwrap()
        .split(']')
        .next()
        .unwrap()
        .split('"')
        .skip(1)
        .step_by(2)
    {
        if member != "tests" && !DIRECTIONS.iter().any(|(folder, _)| *folder == member) {
            wrong.push(format!("{member} has no directions here"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tidy_pure_crates_name_no_clock_no_socket_and_no_file() {
    let mut wrong = Vec::new();
    for file in files()
        .iter()
        .filter(|file| is_rust(file) && !is_beside(file))
    {
        if !PURE
            .iter()
            .any(|folder| file.path.starts_with(&format!("{folder}/src/")))
        {
            continue;
        }
        let code = code(&file.text);
        wrong.extend(
            IMPURE_WORDS
                .iter()
                .filter(|word| code.contains(*word))
                .map(|word| format!("{}: {word}", file.path)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where a word may stand: everywhere else it is a hole in a wall.
struct Wall {
    words: &'static [&'static str],
    homes: &'static [&'static str],
    reason: &'static str,
}

const WALLS: &[Wall] = &[
    Wall {
        words: &["prometheus::"],
        homes: &["daemon/src/metrics/"],
        reason: "only metrics knows Prometheus",
    },
    Wall {
        words: &["process::Command", "Command::new("],
        homes: &["daemon/src/exec.rs", "media/gst/"],
        reason: "programs are started by exec and media-gst only",
    },
    Wall {
        words: &[
            "rusqlite",
            "SELECT ",
            "INSERT INTO",
            "INSERT OR ",
            "DELETE FROM",
            "CREATE TABLE",
            "PRAGMA ",
        ],
        homes: &["daemon/src/store/"],
        reason: "all SQL is in store",
    },
    Wall {
        words: &["gstreamer::", "gst::init"],
        homes: &["media/gst/"],
        reason: "only media-gst links GStreamer",
    },
    Wall {
        words: &["axum::"],
        homes: &["daemon/src/http/"],
        reason: "only http knows axum",
    },
];

fn holes(file: &File) -> Vec<String> {
    let code = code(&file.text);
    let mut holes: Vec<String> = WALLS
        .iter()
        .filter(|wall| !wall.homes.iter().any(|home| file.path.starts_with(home)))
        .flat_map(|wall| {
            wall.words
                .iter()
                .filter(|word| code.contains(*word))
                .map(move |word| format!("{}: {word} ({})", file.path, wall.reason))
        })
        .collect();
    if file.path.starts_with("daemon/src/http/")
        && (code.contains("store::") || code.contains("crate::{store"))
    {
        holes.push(format!(
            "{}: store (http and store meet in app only)",
            file.path
        ));
    }
    if file.path.starts_with("daemon/src/store/") && code.contains("crate::http") {
        holes.push(format!("{}: http (store knows no HTTP)", file.path));
    }
    holes
}

#[test]
fn tidy_modules_keep_to_their_walls() {
    let wrong: Vec<String> = files()
        .iter()
        .filter(|file| is_rust(file) && !is_beside(file))
        .flat_map(holes)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

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
fn tidy_the_rules_can_fail() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\ntokio.workspace = true\nnhipcau-sfu = { workspace = true }\n# rand = \"1\"\n[dev-dependencies]\nrand = \"1\"\n[target.'cfg(unix)'.dependencies.nix]\nversion = \"1\"\n";
    assert_eq!(
        dependencies(manifest).into_iter().collect::<Vec<_>>(),
        ["nhipcau-sfu", "nix", "tokio"]
    );
    assert_eq!(wrong_directions("inventory", &[], manifest).len(), 3);
    assert_eq!(
        wrong_directions("media/rtc", &["nhipcau-sfu"], manifest).len(),
        0
    );
    let file = |path: &str, text: &str| File {
        path: path.into(),
        text: text.into(),
        test_module: false,
    };
    assert_eq!(
        holes(&file(
            "daemon/src/http/a.rs",
            "use crate::store::Store;\nlet a = \"SELECT 1\";\n"
        ))
        .len(),
        2
    );
    assert_eq!(
        holes(&file(
            "daemon/src/app/a.rs",
            "// SELECT is in store\nfn a() {}\n#[cfg(test)]\nmod tests { use rusqlite; }\n"
        )),
        Vec::<String>::new()
    );
    assert_eq!(
        holes(&file("daemon/src/metrics/a.rs", "use prometheus::Encoder;")),
        Vec::<String>::new()
    );
    assert_eq!(
        empty_names(
            "pub struct RoomManager;\n    pub(crate) mod utils;\nfn a() { let managers = 1; }\nstruct Manage;"
        ),
        ["RoomManager", "utils"]
    );
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

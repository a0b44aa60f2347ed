//! Walls between crates and between modules.

use std::collections::BTreeSet;
use std::fs;

use super::{File, code, files, is_beside, is_rust, root};

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
fn tidy_walls_have_no_gap_for_a_hole() {
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
        holes(&file(
            "daemon/src/app/a.rs",
            "#[cfg(test)]\nmod tests;\nuse rusqlite::Row;\n"
        ))
        .len(),
        1,
        "what follows the name of a test module"
    );
    assert_eq!(
        holes(&file("daemon/src/metrics/a.rs", "use prometheus::Encoder;")),
        Vec::<String>::new()
    );
}

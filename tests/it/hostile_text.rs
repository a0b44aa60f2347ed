//! Devices that say hostile things: what leaves the daemon as log, table, workbook and exposition stays what it is.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use nhipcau_lab::Replay;
use nhipcau_tests::daemon::{self, Daemon, Setup};
use nhipcau_tests::snmp::{self, COMMUNITY};
use nhipcau_tests::{place, program, wait};

const PORT: u16 = 16_161;
/// A second line that would be read as the daemon's own.
const FORGED: &str = "2026-01-01T00:00:00Z ERROR forged";
/// What devices call themselves, their places and their ports.
const TEXTS: [&[u8]; 6] = [
    b"=HYPERLINK(\"http://127.91.9.9/x\")",
    b"@SUM(1+1)*cmd|' /C calc'!A0",
    b"<img src=x onerror=alert(1)><script>alert(2)</script>",
    b"\x1b[2J\x1b[31mdo\x1b]0;tieu de\x07",
    b"dong mot\r\n2026-01-01T00:00:00Z ERROR forged\nnhipcau_forged{x=\"y\"} 1",
    b"\xff\xfe\"} 7\\\n \xe2\x80\xaetxt.exe\xe2\x81\xa6",
];
/// What people call them who take the name that a device gives itself.
const NAMES: [&str; 3] = [
    r#"'=HYPERLINK("http://127.91.9.9/x")'"#,
    "'+1+1'",
    "'<script>alert(3)</script>'",
];

/// A device of one port, whose texts are the list from `at` on.
fn recording(at: usize) -> String {
    let hex = |n: usize| -> String {
        let bytes = TEXTS[(at + n) % TEXTS.len()].iter();
        bytes.map(|byte| format!("{byte:02x}")).collect()
    };
    let mut text = format!(
        "1.3.6.1.2.1.1.1.0|4x|{}\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10\n1.3.6.1.2.1.1.3.0|67|718475\n",
        hex(1)
    );
    for (column, n) in [(4, 2), (5, 0), (6, 3)] {
        text += &format!("1.3.6.1.2.1.1.{column}.0|4x|{}\n", hex(n));
    }
    text += &format!(
        "1.3.6.1.2.1.2.2.1.1.7|2|7\n1.3.6.1.2.1.2.2.1.2.7|4x|{}\n",
        hex(4)
    );
    for (column, number) in [(3, 6), (7, 1), (8, 1)] {
        text += &format!("1.3.6.1.2.1.2.2.1.{column}.7|2|{number}\n");
    }
    text += &format!("1.3.6.1.2.1.31.1.1.1.1.7|4x|{}\n", hex(5));
    for column in [6, 10] {
        text += &format!("1.3.6.1.2.1.31.1.1.1.{column}.7|70|1000\n");
    }
    text += &format!(
        "1.3.6.1.2.1.31.1.1.1.15.7|66|1000\n1.3.6.1.2.1.31.1.1.1.18.7|4x|{}\n",
        hex(0)
    );
    text
}

/// Nothing that a terminal obeys and nothing that turns reading round; ends of lines are the writer's own.
fn assert_plain(what: &str, text: &str) {
    let bad = text.chars().find(|c| {
        c.is_control() && !matches!(c, '\n' | '\r')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    assert_eq!(bad, None, "{what}: {text:?}");
    for line in text.lines() {
        assert!(!line.starts_with(FORGED), "{what}: {line:?}");
    }
}

fn assert_no_formula(what: &str, csv: &str) {
    assert_plain(what, csv);
    for line in csv.lines() {
        for cell in line.split(',') {
            let cell = cell.trim_start_matches('"');
            assert!(!cell.starts_with(['=', '+', '@']), "{what}: {line}");
        }
    }
}

#[test]
fn what_devices_say_leaves_no_formula_no_order_and_no_second_line() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut config = String::from(
        "poll: {interval: 1s}\ncredentials: [{name: cd, version: v2c, community: \"env:COMMUNITY\"}]\ndevices:\n",
    );
    let mut addresses = Vec::new();
    let _agents: Vec<_> = (0..TEXTS.len())
        .map(|at| {
            let ip = place::address();
            addresses.push(ip);
            config += &format!(
                "  - {{id: xau-{at}, name: {}, address: \"{ip}:{PORT}\", credentials: [cd]}}\n",
                NAMES[at % NAMES.len()]
            );
            let replay = Replay::load(&recording(at)).expect("it loads");
            runtime
                .block_on(replay.serve(SocketAddr::from((ip, PORT)), COMMUNITY))
                .expect("it is free")
        })
        .collect();
    let daemon = Daemon::start(Setup {
        config,
        env: vec![("COMMUNITY".to_owned(), COMMUNITY.to_owned())],
        log_level: Some("debug".to_owned()),
        ..Setup::default()
    });
    let admin = daemon.admin();
    wait::until("every port is known", || {
        (daemon.metric("nhipcau_interface_up", &[]) == TEXTS.len() as f64).then_some(())
    });

    let trap =
        "dong mot\u{1b}[31m\n2026-01-01T00:00:00Z ERROR forged\u{202e}<script>alert(3)</script>";
    let extra = ["1.3.6.1.2.1.2.2.1.2.7", "s", trap];
    let received = || daemon.metric("nhipcau_trap_received_total", &[]);
    let sent = snmp::notify_with(
        "snmpinform",
        &snmp::v2c(COMMUNITY),
        addresses[0],
        daemon.traps(),
        &extra,
    );
    assert!(sent.status.success(), "{}", sent.err);
    assert!(received() > 0.0);

    let views =
        ["/devices", "/events?limit=100", "/topology", "/incidents"].map(|path| admin.get(path));
    for (at, view) in views.iter().enumerate() {
        for text in texts(view) {
            assert!(!text.contains('\n'), "view {at}: {text:?}");
            assert_plain("a view", text);
        }
    }
    let said = (0..TEXTS.len()).map(|at| admin.get(&format!("/devices/xau-{at}")));
    for device in said {
        for text in texts(&device) {
            assert!(!text.contains('\n'), "{text:?}");
            assert_plain("a device", text);
        }
        assert_ne!(device["sys_name"], "", "{device}");
    }

    let folder = tempfile::tempdir().expect("a temporary folder");
    let tables = folder.path().join("netbox");
    let mut command = Command::new(daemon::binary());
    command.args(["inventory", "export", "--format", "csv", "--output"]);
    command
        .arg(&tables)
        .arg("--config")
        .arg(daemon.config_path());
    let outcome = program::run(command.env("COMMUNITY", COMMUNITY));
    assert!(outcome.status.success(), "{}", outcome.err);
    let mut exported = String::new();
    for entry in fs::read_dir(&tables).expect("a folder") {
        let path = entry.expect("an entry").path();
        let csv = fs::read_to_string(&path).expect("UTF-8");
        assert_no_formula(&path.display().to_string(), &csv);
        exported += &csv;
    }
    assert!(exported.contains("HYPERLINK"), "{exported}");

    let csv = wait::until("availability of every device", || {
        let answer = admin.read("/api/v1/availability.csv?kind=device");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        (text.matches("xau-").count() >= TEXTS.len()).then_some(text)
    });
    assert!(csv.contains("HYPERLINK"), "{csv}");
    assert_no_formula("availability.csv", csv.trim_start_matches('\u{feff}'));
    let book = admin.read("/api/v1/availability.xlsx?kind=device");
    assert_eq!(book.status, 200, "{}", book.text());
    workbook_is_text(folder.path(), &book.body);

    let metrics = daemon.metrics();
    assert!(
        !metrics
            .lines()
            .any(|line| line.starts_with("nhipcau_forged"))
    );
    assert_plain("/metrics", &metrics);
    crate::exposition::promtool_agrees(&metrics);
    assert_plain("the log", &daemon.logs());
}

/// Every text of a view.
fn texts(view: &serde_json::Value) -> Vec<&str> {
    match view {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(rows) => rows.iter().flat_map(texts).collect(),
        serde_json::Value::Object(keys) => keys.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// No cell is a formula or a link, and the names are there as strings.
fn workbook_is_text(folder: &std::path::Path, bytes: &[u8]) {
    let Some(unzip) = program::installed("unzip", "unzip") else {
        return;
    };
    let path = folder.join("availability.xlsx");
    fs::write(&path, bytes).expect("a file");
    let outcome = program::run(Command::new(unzip).arg("-p").arg(&path).arg("xl/*.xml"));
    assert!(outcome.status.success(), "{}", outcome.err);
    assert!(outcome.out.contains("HYPERLINK"), "{}", outcome.out);
    for order in ["<f>", "<f ", "<hyperlink"] {
        assert!(!outcome.out.contains(order), "{order}: {}", outcome.out);
    }
}

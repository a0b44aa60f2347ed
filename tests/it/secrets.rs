//! Secrets that are easy to find, looked for wherever the daemon writes and speaks.

use std::fs;
use std::path::Path;

use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::snmp::{COMMUNITY, Snmpd};
use nhipcau_tests::{place, wait};

/// Secrets of the configuration by the names of their variables.
const CANARIES: [(&str, &str); 8] = [
    ("C_COMMUNITY", "canary-community-7f3a"),
    ("C_AUTH", "canary-auth-password-9b1c"),
    ("C_PRIVACY", "canary-privacy-password-44d0"),
    ("C_SMTP", "canary-smtp-password-e2aa"),
    ("C_WEBHOOK", "http://127.0.0.1:9/canary-webhook-token-51fe"),
    ("C_WEBHOOK_KEY", "canary-webhook-key-c8d7"),
    ("C_SCRAPER", "canary-scraper-token-0e6b"),
    ("C_TRAPS", "canary-trap-community-a1b2"),
];

/// Everything below a folder that holds one of the words.
fn files_with(folder: &Path, words: &[&str], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_with(&path, words, found);
        } else if let Ok(bytes) = fs::read(&path) {
            let text = String::from_utf8_lossy(&bytes);
            found.extend(
                words
                    .iter()
                    .filter(|word| text.contains(**word))
                    .map(|word| format!("{word} in {}", path.display())),
            );
        }
    }
}

#[test]
fn no_secret_is_said_or_stored() {
    let Some(agent) = Snmpd::start(2) else { return };
    let silent = place::address();
    let (v3, v2c) = (agent.address(0), agent.address(1));
    let config = format!(
        "credentials:\n  - {{name: sai, version: v2c, community: \"env:C_COMMUNITY\"}}\n  - {{name: dung, version: v2c, community: \"env:C_RIGHT\"}}\n  \
         - {{name: v3, version: v3, user: giamsat, auth: sha256, auth_password: \"env:C_AUTH\", privacy: aes128, privacy_password: \"env:C_PRIVACY\"}}\n\
         devices:\n  - {{id: a, address: \"{v3}\", credentials: [v3]}}\n  - {{id: b, address: \"{v2c}\", credentials: [sai, dung]}}\n  \
         - {{id: c, address: \"{silent}:1161\", credentials: [sai, v3]}}\n\
         poll: {{interval: 5s, timeout: 300ms, retries: 0}}\n\
         smtp: {{host: 127.0.0.1, port: 9, from: nhipcau@quangnam.example, user: nhipcau, password: \"env:C_SMTP\", timeout: 2s}}\n\
         channels: {{on-call: {{smtp: [truc@quangnam.example], webhook: \"env:C_WEBHOOK\", webhook_key: \"env:C_WEBHOOK_KEY\"}}}}\n\
         webhook: {{allow: [127.0.0.1], timeout: 1s}}\n\
         metrics: {{token: \"env:C_SCRAPER\"}}\ntraps: {{communities: [\"env:C_TRAPS\"]}}\n\
         playbooks: {{directory: \"{}\"}}\nsites: [{{id: tinh, name: \"Tỉnh\"}}]\n",
        playbook_folder().display()
    );
    let mut env: Vec<(String, String)> = CANARIES
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    env.push(("C_RIGHT".to_owned(), COMMUNITY.to_owned()));
    let mut daemon = Daemon::start(Setup {
        config,
        env,
        log_level: Some("debug".to_owned()),
        ..Setup::default()
    });
    let admin = daemon.admin();
    // A device that is down starts a run, whose mail and webhook fail: the longest way that these secrets take.
    let runs = wait::until("a run whose notices failed", || {
        let runs = admin.get("/runs");
        runs.to_string().contains("failed").then_some(runs)
    });
    let mut said = vec![
        ("runs", runs.to_string()),
        ("log", daemon.logs()),
        ("metrics", daemon.metrics()),
    ];
    for path in [
        "session",
        "accounts",
        "overview",
        "devices",
        "devices/a",
        "devices/b",
        "devices/c",
        "links",
        "events",
        "incidents",
        "sites",
        "playbooks",
        "conferences",
    ] {
        said.push((path, admin.read(&format!("/api/v1/{path}")).text()));
    }
    daemon.rewrite("colour: red\n");
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    wait::until("the reload is refused", || {
        (daemon.metric(
            "nhipcau_daemon_config_reloads_total",
            &["result=\"refused\""],
        ) >= 1.0)
            .then_some(())
    });
    said.push(("log after the reload", daemon.logs()));

    let words: Vec<&str> = CANARIES
        .iter()
        .map(|(_, value)| value.rsplit('/').next().expect("a last part"))
        .chain([COMMUNITY])
        .collect();
    for (place, text) in &said {
        let found: Vec<&&str> = words.iter().filter(|word| text.contains(**word)).collect();
        assert!(found.is_empty(), "{found:?} in {place}: {text}");
    }
    let mut found = Vec::new();
    files_with(&daemon.state_dir(), &words, &mut found);
    assert!(found.is_empty(), "{found:?}");
}

/// A playbook that tells at once when a device is lost.
fn playbook_folder() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("nhipcau-playbooks-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let text = "name: tell-loss\ntitle: {vi: \"Mất thiết bị\", en: \"Device lost\"}\non: device_down\nsteps:\n  - notify:\n      to: on-call\n      idempotent: true\n      \
                subject: {vi: \"{{ event.device_name }}\", en: \"{{ event.device_name }}\"}\n      text: {vi: \"{{ event.text }}\", en: \"{{ event.text }}\"}\n";
    fs::write(folder.join("tell-loss.yaml"), text).expect("a file");
    folder
}

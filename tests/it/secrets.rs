//! Secrets that are easy to find, looked for wherever the daemon writes and speaks.

use std::fs;
use std::path::Path;

use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::peers::Stack;
use nhipcau_tests::snmp::{COMMUNITY, Snmpd};
use nhipcau_tests::{place, wait};
use ureq::http::Method;

use crate::rfc9725::{OFFER, RESTART};
use crate::whip::{Meeting, moves};

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

/// What stands in quotes behind a word of a line.
fn quoted(line: &str, word: &str) -> String {
    let (_, rest) = line.split_once(word).expect("the word");
    rest.split('"').nth(1).expect("quotes").to_owned()
}

#[test]
fn what_lets_devices_in_is_said_to_them_and_to_nobody_else() {
    let meeting = Meeting::of(Setup {
        public_url: Some("https://hop.quangnam.example".to_owned()),
        log_level: Some("debug".to_owned()),
        ..Setup::default()
    });
    let client = meeting.daemon.client();
    let wrong = "canary-of-a-wrong-token-63e1";
    // Known to both ends: of the offers here, and of the bridge's answers below.
    let mut secrets = vec![
        wrong.to_owned(),
        "0123456789012345678901".to_owned(),
        "1123456789012345678901".to_owned(),
    ];
    let mut said: Vec<(String, String)> = Vec::new();
    for (direction, way, offer) in [
        ("send", "whip", OFFER.to_owned()),
        ("receive", "whep", OFFER.replace("sendonly", "recvonly")),
    ] {
        let pass = meeting.pass("son-my", direction, "Máy quay");
        let word = |key: &str| pass[key].as_str().expect("a pass has it").to_owned();
        let (token, url) = (word("token"), word("url"));
        assert!(
            !url.contains(&token),
            "an address is shown and written down"
        );
        let path = url.replace("https://hop.quangnam.example", "");
        let ask = |method, path: &str, token: &str, kind: &str, tag: &str, body: &str| {
            let bearer = format!("Bearer {token}");
            let headers = [
                ("authorization", bearer.as_str()),
                ("content-type", kind),
                ("if-match", tag),
            ];
            client.raw(method, path, &headers, body)
        };
        let (sdp, fragment) = ("application/sdp", "application/trickle-ice-sdpfrag");
        let created = ask(Method::POST, &path, &token, sdp, "*", &offer);
        assert_eq!(created.status, 201, "{}", created.text());
        let session = created.says("location").to_owned();
        secrets.push(token.clone());
        secrets.push(quoted(created.says("link"), "credential="));
        let restarted = ask(Method::PATCH, &session, &token, fragment, "*", RESTART);
        assert_eq!(restarted.status, 200, "{}", restarted.text());
        for answer in [&created, &restarted] {
            let text = answer.text();
            let pwd = text
                .lines()
                .find_map(|line| line.strip_prefix("a=ice-pwd:"));
            secrets.push(pwd.expect("a password").to_owned());
        }
        // Every refusal that the right or a wrong token can meet.
        for (method, path, token, kind, tag, body) in [
            (Method::POST, &path, wrong, sdp, "*", offer.as_str()),
            (
                Method::POST,
                &format!("/{way}/nowhere"),
                &token,
                sdp,
                "*",
                &offer,
            ),
            (Method::POST, &path, &token, sdp, "*", "v=0"),
            (Method::POST, &path, &token, "text/plain", "*", &token),
            (Method::PATCH, &session, &token, fragment, "*", &token),
            (Method::PATCH, &session, &token, fragment, "\"7\"", RESTART),
            (Method::PUT, &path, &token, sdp, "*", &offer),
            (Method::DELETE, &session, wrong, sdp, "*", ""),
        ] {
            let answer = ask(method, path, token, kind, tag, body);
            assert!(answer.status >= 400, "{}", answer.text());
            said.push((format!("{way}: {}", answer.code()), answer.text()));
        }
    }
    // Real stacks too: what a handshake and its checks leave in the log.
    let [sends, receives] = [
        ("send", Stack::AiortcPublish),
        ("receive", Stack::AiortcPlay),
    ]
    .map(|(direction, stack)| {
        let mut pass = meeting.pass("tra-giang", direction, "aiortc");
        secrets.push(pass["token"].as_str().expect("a token").to_owned());
        let url = pass["url"].as_str().expect("an address");
        let here = url.replace("https://hop.quangnam.example", &meeting.daemon.origin());
        pass["url"] = here.into();
        meeting.peer(stack, &pass)
    });
    if let (Some(mut encoder), Some(mut player)) = (sends, receives) {
        encoder.post();
        player.post();
        moves(&mut player);
        encoder.ask("delete");
    }

    let own = format!("conferences/{}", meeting.id);
    for path in [
        "session",
        "accounts",
        "overview",
        "events",
        "sites",
        "conferences",
        own.as_str(),
        &format!("{own}/board"),
        &format!("{own}/passes"),
        &format!("{own}/peers"),
        &format!("{own}/attendance"),
        "recordings",
    ] {
        let path = format!("/api/v1/{path}");
        said.push((path.clone(), meeting.admin.read(&path).text()));
    }
    let peers = meeting.admin.get(&format!("/{own}/peers"));
    for peer in peers.as_array().expect("a list") {
        let path = format!(
            "/api/v1/{own}/peers/{}",
            peer["participant"].as_str().expect("a seat")
        );
        said.push((path.clone(), meeting.admin.read(&path).text()));
    }
    said.push(("the console".to_owned(), meeting.admin.read("/").text()));
    said.push(("metrics".to_owned(), meeting.daemon.metrics()));
    said.push(("the log".to_owned(), meeting.daemon.logs()));
    for (place, text) in &said {
        for secret in &secrets {
            // What a device sends is not told back to it either.
            assert!(
                !text.contains(secret.as_str()),
                "{secret} in {place}: {text}"
            );
        }
    }
    // A backup is a copy of these files.
    let words: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    files_with(&meeting.daemon.state_dir(), &words, &mut found);
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

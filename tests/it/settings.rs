//! Configuration and life of the process: wrong files, reloads, taken ports, the end.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::process::Command;

use nhipcau_tests::daemon::{self, Daemon, HTTP_PORT, HTTPS_PORT, MEDIA_PORT, Setup, TRAP_PORT};
use nhipcau_tests::{place, program, wait};
use nix::sys::signal::Signal;
use serde_json::json;

fn with(config: &str) -> Setup {
    Setup {
        config: config.to_owned(),
        ..Setup::default()
    }
}

#[test]
fn a_wrong_file_is_refused_with_file_line_and_status_64() {
    let ip = IpAddr::V4(place::address());
    // Line 4: the harness writes three lines before.
    let wrong =
        with("poll: {interval: 30}\nsites: [{id: a, name: A, parent: nowhere}]\ncolour: red\n");
    let refused = Daemon::refuse(&wrong, ip);
    assert_eq!(refused.status.code(), Some(64), "{}", refused.err);
    for place in ["nhipcau.yaml:4:", "nhipcau.yaml:5:", "nhipcau.yaml:6:"] {
        assert!(refused.err.contains(place), "{place} in {}", refused.err);
    }
}

#[test]
fn check_names_every_mistake_and_takes_its_own_reference() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.yaml");
    let check = || {
        program::run(
            Command::new(daemon::binary())
                .args(["check", "--config"])
                .arg(&path),
        )
    };
    std::fs::write(
        &path,
        "devices:\n  - {id: a, address: \"router\", credentials: [none]}\n",
    )
    .expect("a file");
    let wrong = check();
    assert_eq!(wrong.status.code(), Some(64));
    assert_eq!(wrong.err.matches("a.yaml:2:").count(), 2, "{}", wrong.err);
    let reference = program::run(Command::new(daemon::binary()).args(["check", "--reference"]));
    std::fs::write(&path, reference.out).expect("a file");
    let right = check();
    assert!(right.status.success(), "{}", right.err);
}

#[test]
fn a_wrong_reload_keeps_the_old_configuration() {
    let mut daemon = Daemon::start(with("sites: [{id: tinh, name: \"Tỉnh\"}]\n"));
    let admin = daemon.admin();
    let names = || {
        admin
            .get("/sites")
            .as_array()
            .expect("a list")
            .iter()
            .map(|site| site["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(), ["Tỉnh"]);
    daemon
        .rewrite("sites: [{id: tinh, name: \"Tỉnh\"}, {id: xa, name: \"Xã\", parent: missing}]\n");
    daemon.signal(Signal::SIGHUP);
    wait::until("the refusal is counted", || {
        (daemon.metric(
            "nhipcau_daemon_config_reloads_total",
            &["result=\"refused\""],
        ) >= 1.0)
            .then_some(())
    });
    assert_eq!(names(), ["Tỉnh"]);
    assert!(daemon.logs().contains("nhipcau.yaml"), "{}", daemon.logs());
    let notices = admin.get("/overview")["daemon"]["notices"].clone();
    assert!(notices.to_string().contains("config_refused"), "{notices}");
    daemon.rewrite("sites: [{id: tinh, name: \"Tỉnh\"}, {id: xa, name: \"Xã\", parent: tinh}]\n");
    daemon.signal(Signal::SIGHUP);
    wait::until("the new site", || (names().len() == 2).then_some(()));
}

#[test]
fn a_taken_port_is_named_in_one_line() {
    let ip = IpAddr::V4(place::address());
    let at = |port| SocketAddr::new(ip, port);
    for (port, udp) in [
        (HTTPS_PORT, false),
        (HTTP_PORT, false),
        (MEDIA_PORT, true),
        (TRAP_PORT, true),
    ] {
        let _tcp = (!udp).then(|| TcpListener::bind(at(port)).expect("the port is free"));
        let _udp = udp.then(|| UdpSocket::bind(at(port)).expect("the port is free"));
        let refused = Daemon::refuse(&with(""), ip);
        assert!(!refused.status.success());
        let said = format!("{}{}", refused.out, refused.err);
        let lines = said
            .lines()
            .filter(|line| line.contains(&at(port).to_string()))
            .count();
        assert_eq!(lines, 1, "port {port}:\n{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn two_daemons_do_not_share_a_state_directory() {
    let daemon = Daemon::start(with(""));
    let second = Setup {
        state_dir: Some(daemon.state_dir()),
        ..Setup::default()
    };
    let refused = Daemon::refuse(&second, IpAddr::V4(place::address()));
    assert!(!refused.status.success());
    assert!(
        format!("{}{}", refused.out, refused.err).contains("another nhipcau"),
        "{}{}",
        refused.out,
        refused.err
    );
    assert_eq!(daemon.client().read("/healthz").status, 200);
}

#[test]
fn sigterm_drains() {
    let mut daemon = Daemon::start(with(
        "sites: [{id: tinh, name: \"Tỉnh\"}, {id: xa, name: \"Xã\", parent: tinh}]\n",
    ));
    let admin = daemon.admin();
    let booked = admin.post(
        "/conferences",
        &json!({ "title": "Giao ban", "starts_at": "2031-01-02T01:00:00Z", "ends_at": "2031-01-02T02:00:00Z", "chair_site": "tinh", "sites": ["xa"] }),
    );
    assert_eq!(booked.status, 200, "{}", booked.text());
    daemon.signal(Signal::SIGTERM);
    let status = daemon.wait();
    assert!(status.success(), "{status}: {}", daemon.logs());
    daemon.restart();
    assert_eq!(
        admin
            .get("/conferences?from=2031-01-01T00:00:00Z&to=2031-01-03T00:00:00Z")
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

//! Hostile datagrams at open ports: counted, dropped, forgotten.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::Duration;

use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::snmp::{AUTH_PASSWORD, COMMUNITY, PRIVACY_PASSWORD, USER};
use nhipcau_tests::{corpora, place, wait};

/// Datagrams between two pauses, so that none is lost in a socket's buffer instead of being judged.
const BURST: usize = 20;

fn payloads(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .flat_map(|kind| fs::read_dir(kind.expect("a kind").path()).expect("a folder"))
        .collect();
    paths.sort_by_key(|path| path.as_ref().map(fs::DirEntry::path).ok());
    paths
        .into_iter()
        .map(|path| fs::read(path.expect("an entry").path()).expect("a file"))
        .collect()
}

fn send(socket: &UdpSocket, to: SocketAddr, payloads: &[Vec<u8>]) -> usize {
    for burst in payloads.chunks(BURST) {
        for payload in burst {
            socket.send_to(payload, to).expect("loopback takes it");
        }
        thread::sleep(Duration::from_millis(5));
    }
    payloads.len()
}

#[test]
fn hostile_datagrams_change_nothing_but_counters() {
    let Some(folder) = corpora() else { return };
    let payloads = payloads(&folder.join("datagrams"));
    assert!(payloads.len() > 100, "{}", payloads.len());
    // The sender's address is known, so that its datagrams are parsed and not dropped at the door.
    let sender = place::address();
    let config = format!(
        "credentials:\n  - {{name: cd, version: v2c, community: \"env:COMMUNITY\"}}\n  \
         - {{name: v3, version: v3, user: {USER}, auth: sha256, auth_password: \"env:AUTH\", privacy: aes128, privacy_password: \"env:PRIVACY\"}}\n\
         devices: [{{id: nguoi-gui, address: \"{sender}:1161\", credentials: [cd, v3]}}]\n"
    );
    let env = [
        ("COMMUNITY", COMMUNITY),
        ("AUTH", AUTH_PASSWORD),
        ("PRIVACY", PRIVACY_PASSWORD),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let daemon = Daemon::start(Setup {
        config,
        env: env.into(),
        ..Setup::default()
    });
    let admin = daemon.admin();
    let socket = UdpSocket::bind((sender, 0)).expect("the address is ours");

    // None is a notification of this sender with its community: each is counted with its reason.
    // A question for our SNMPv3 engine is answered and counted as such.
    let refused = || {
        daemon.metric("nhipcau_trap_dropped_total", &[])
            + daemon.metric("nhipcau_trap_received_total", &["kind=\"discovery\""])
    };
    let before = refused();
    let sent = send(&socket, daemon.traps(), &payloads) as f64;
    wait::until("the trap port has refused every one", || {
        (refused() - before >= sent).then_some(())
    });
    assert_eq!(refused() - before, sent);
    let events = admin.get("/events?limit=500").to_string();
    assert!(!events.contains("\"trap\""), "{events}");
    let sent = send(&socket, daemon.media(), &payloads) as f64;
    let judged = || daemon.metric("nhipcau_bridge_dropped_total", &[]);
    wait::until("the media port has judged them", || {
        (judged() >= 0.9 * sent).then_some(())
    });
    assert_eq!(daemon.metric("nhipcau_bridge_peers", &[]), 0.0);

    assert_eq!(daemon.client().read("/healthz").status, 200);
    assert_eq!(admin.get("/overview")["daemon"]["disk_ok"], true);
    assert!(!daemon.logs().contains("panicked"), "{}", daemon.logs());
    // A good notification is still taken.
    let received = daemon.metric("nhipcau_trap_received_total", &[]);
    let sent = nhipcau_tests::snmp::notify(
        "snmpinform",
        &nhipcau_tests::snmp::v2c(COMMUNITY),
        sender,
        daemon.traps(),
    );
    assert!(sent.status.success(), "{}", sent.err);
    assert!(daemon.metric("nhipcau_trap_received_total", &[]) > received);
}

//! Traps and informs of net-snmp: who may send, what an acknowledgement promises, what happens to the rest.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use nhipcau_tests::client::Client;
use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::snmp::{
    AUTH_PASSWORD, COMMUNITY, PRIVACY_PASSWORD, USER, notification, notify, tlv, v2c, v3,
};
use nhipcau_tests::{place, program, wait};

/// A daemon that knows a sender at an address.
fn receiving() -> Option<(Daemon, Ipv4Addr)> {
    program::installed("snmpinform", "snmp")?;
    let sender = place::address();
    let config = format!(
        "credentials:\n  - {{name: cd, version: v2c, community: \"env:COMMUNITY\"}}\n  \
         - {{name: v3, version: v3, user: {USER}, auth: sha256, auth_password: \"env:AUTH\", privacy: aes128, privacy_password: \"env:PRIVACY\"}}\n\
         devices: [{{id: nguoi-gui, address: \"{sender}:1161\", credentials: [cd, v3], poll: 1h}}]\n"
    );
    let env = [
        ("COMMUNITY", COMMUNITY),
        ("AUTH", AUTH_PASSWORD),
        ("PRIVACY", PRIVACY_PASSWORD),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some((
        Daemon::start(Setup {
            config,
            env: env.into(),
            ..Setup::default()
        }),
        sender,
    ))
}

fn traps(admin: &Client) -> usize {
    let events = admin.get("/events?limit=500&device=nguoi-gui");
    events
        .as_array()
        .expect("a list")
        .iter()
        .filter(|event| event["kind"] == "trap")
        .count()
}

#[test]
fn an_acknowledged_inform_survives_kill_9() {
    let Some((mut daemon, sender)) = receiving() else {
        return;
    };
    let admin = daemon.admin();
    for (number, options) in [v2c(COMMUNITY), v3()].iter().enumerate() {
        let sent = notify("snmpinform", options, sender, daemon.traps());
        assert!(
            sent.status.success(),
            "{options:?}: {}{}",
            sent.out,
            sent.err
        );
        // Nothing between the acknowledgement and the end: what is acknowledged is on disk.
        daemon.kill();
        daemon.restart();
        assert_eq!(traps(&admin), number + 1, "{options:?}");
    }
}

#[test]
fn traps_of_known_senders_become_events() {
    let Some((daemon, sender)) = receiving() else {
        return;
    };
    let admin = daemon.admin();
    for (number, options) in [
        v2c(COMMUNITY),
        [v3(), vec!["-e".into(), "0x80001f8880aabbccdd".into()]].concat(),
    ]
    .iter()
    .enumerate()
    {
        let sent = notify("snmptrap", options, sender, daemon.traps());
        assert!(sent.status.success(), "{}", sent.err);
        wait::until(&format!("the event of {options:?}"), || {
            (traps(&admin) == number + 1).then_some(())
        });
    }
    assert_eq!(daemon.metric("nhipcau_trap_received_total", &[]), 2.0);
}

#[test]
fn strangers_are_dropped_and_counted() {
    let Some((daemon, sender)) = receiving() else {
        return;
    };
    let admin = daemon.admin();
    let dropped = || daemon.metric("nhipcau_trap_dropped_total", &[]);
    let stranger = place::address();
    let mut counted = dropped();
    for (what, options, from) in [
        ("unknown source", v2c(COMMUNITY), stranger),
        ("unknown source, v3", v3(), stranger),
        ("wrong community", v2c("doan-mo"), sender),
        (
            "wrong password",
            v3().into_iter()
                .map(|word| {
                    if word == AUTH_PASSWORD {
                        "sai-hoan-toan".into()
                    } else {
                        word
                    }
                })
                .collect(),
            sender,
        ),
    ] {
        let sent = notify("snmpinform", &options, from, daemon.traps());
        assert!(
            !sent.status.success(),
            "{what} is not acknowledged: {}",
            sent.out
        );
        counted = wait::until(&format!("{what} is counted"), || {
            Some(dropped()).filter(|now| *now > counted)
        });
    }
    assert_eq!(traps(&admin), 0);
    let everything = admin.get("/events?limit=500").to_string();
    assert!(!everything.contains("\"trap\""), "{everything}");
}

#[test]
fn a_repeated_inform_is_one_event() {
    let Some((mut daemon, sender)) = receiving() else {
        return;
    };
    let admin = daemon.admin();
    let socket = UdpSocket::bind((sender, 0)).expect("the address is ours");
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a socket takes a timeout");
    let send = |daemon: &Daemon| {
        socket
            .send_to(&inform(), daemon.traps())
            .expect("loopback takes it");
        let mut answer = [0; 1500];
        let (length, _) = socket.recv_from(&mut answer).expect("an acknowledgement");
        // GetResponse-PDU with our request id (RFC 3416 §4.2.7).
        assert!(
            answer[..length]
                .windows(REQUEST_ID.len())
                .any(|bytes| bytes == REQUEST_ID)
        );
    };
    send(&daemon);
    send(&daemon);
    daemon.kill();
    daemon.restart();
    send(&daemon);
    wait::until("the event", || (traps(&admin) > 0).then_some(()));
    assert_eq!(traps(&admin), 1);
    assert!(daemon.metric("nhipcau_trap_repeated_total", &[]) >= 1.0);
}

#[test]
fn a_trap_speaks_in_names_and_its_copy_is_no_second_event() {
    let Some((daemon, sender)) = receiving() else {
        return;
    };
    let admin = daemon.admin();
    let socket = UdpSocket::bind((sender, 0)).expect("the address is ours");
    for _ in 0..2 {
        socket
            .send_to(&notification(false, 1, 7), daemon.traps())
            .expect("loopback takes it");
    }
    wait::until("the copy is counted", || {
        let copies = daemon.metric("nhipcau_trap_dropped_total", &["reason=\"duplicate\""]);
        (copies == 1.0).then_some(())
    });
    wait::until("the event", || (traps(&admin) > 0).then_some(()));
    assert_eq!(traps(&admin), 1);
    let events = admin.get("/events?limit=500&device=nguoi-gui");
    let rows = events.as_array().expect("a list");
    let event = rows.iter().find(|event| event["kind"] == "trap");
    let said = &event.expect("the event")["reason"]["args"];
    assert_eq!(said["name"], "linkUp");
    assert_eq!(said["oid"], "1.3.6.1.6.3.1.1.5.4");
    assert_eq!(said["text"], "ifIndex.7 = 7");
    assert_eq!(said["variables"][0]["oid"], "1.3.6.1.2.1.2.2.1.1.7");
}

#[test]
fn a_storm_is_one_event_that_counts_what_it_lost() {
    let Some((daemon, sender)) = receiving() else {
        return;
    };
    let admin = daemon.admin();
    let socket = UdpSocket::bind((sender, 0)).expect("the address is ours");
    for number in 0..400 {
        socket
            .send_to(&notification(false, 1, 1_000 + number), daemon.traps())
            .expect("loopback takes it");
        if number % 20 == 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    let storm = wait::until("the storm is told", || {
        let events = admin.get("/events?limit=500&device=nguoi-gui");
        let rows = events.as_array().expect("a list");
        let storm = |event: &&serde_json::Value| event["reason"]["code"] == "trap_storm";
        rows.iter().find(storm).cloned()
    });
    let lost = daemon.metric("nhipcau_trap_dropped_total", &["reason=\"storm\""]);
    assert_eq!(storm["reason"]["args"]["count"].as_f64(), Some(lost));
    assert!(lost >= 1.0 && traps(&admin) > 1, "{lost}");
}

const REQUEST_ID: [u8; 6] = [0x02, 0x04, 0x11, 0x22, 0x33, 0x44];

/// An SNMPv2c InformRequest (RFC 3416): sysUpTime.0, snmpTrapOID.0 = linkUp.
fn inform() -> Vec<u8> {
    let oid = |arcs: &[u8]| tlv(0x06, arcs);
    let uptime = tlv(
        0x30,
        &[oid(&[0x2b, 6, 1, 2, 1, 1, 3, 0]), tlv(0x43, &[0x01, 0x00])].concat(),
    );
    let trap = tlv(
        0x30,
        &[
            oid(&[0x2b, 6, 1, 6, 3, 1, 1, 4, 1, 0]),
            oid(&[0x2b, 6, 1, 6, 3, 1, 1, 5, 4]),
        ]
        .concat(),
    );
    let varbinds = tlv(0x30, &[uptime, trap].concat());
    let pdu = tlv(
        0xa6,
        &[
            REQUEST_ID.to_vec(),
            tlv(0x02, &[0]),
            tlv(0x02, &[0]),
            varbinds,
        ]
        .concat(),
    );
    tlv(
        0x30,
        &[tlv(0x02, &[1]), tlv(0x04, COMMUNITY.as_bytes()), pdu].concat(),
    )
}

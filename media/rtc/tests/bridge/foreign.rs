//! Datagrams that broke others, during a call: from strangers, from another port of a peer's address, and from the addresses that
//! ICE has validated. Each is counted by its reason, none is forwarded, and nobody in the call notices.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::*;

/// Every folder of hostile datagrams; those of SIP and SNMP are foreign to this port.
const FOLDERS: [&str; 5] = ["stun", "dtls", "rtp", "sip", "snmp"];

/// The longest datagram that the port takes whole.
const DATAGRAM_MAX: usize = 2_048;

/// The datagrams of a folder of the corpora; none, and a word about it, where they are not.
pub(super) fn corpus(folder: &str) -> Vec<Vec<u8>> {
    let root = std::env::var_os("NHIPCAU_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    );
    let path = root.join("datagrams").join(folder);
    let Ok(entries) = std::fs::read_dir(&path) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "no datagrams at {}",
            path.display()
        );
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no datagrams at {}",
            path.display()
        );
        return Vec::new();
    };
    entries
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect()
}

/// What a datagram claims to be (RFC 7983), as the port must sort it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Stun,
    Dtls,
    Media,
    Other,
    /// Longer than anything that may come: the kernel cuts it.
    Cut,
}

const CLASSES: usize = 5;

fn class(datagram: &[u8]) -> Class {
    match datagram.first() {
        _ if datagram.len() > DATAGRAM_MAX => Class::Cut,
        Some(0..=3) => Class::Stun,
        Some(20..=63) => Class::Dtls,
        Some(128..=191) if datagram.len() >= 12 => Class::Media,
        _ => Class::Other,
    }
}

fn replayed_during_a_call(ip: IpAddr, strange: IpAddr, config: BridgeConfig) {
    let mut stage = Stage::with(
        BridgeConfig {
            bind: vec![SocketAddr::new(ip, 0)],
            ..config
        },
        Protection::Gcm,
    );
    let sender = stage.join(ClientOptions {
        bind: ip,
        ..publisher(1)
    });
    let viewer = stage.join(ClientOptions {
        bind: ip,
        ..ClientOptions::default()
    });
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    let bridge = stage.bridge.local_addrs()[0];
    let outside = [ip, strange].map(|from| {
        let socket = UdpSocket::bind((from, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    });
    stage.film_into_figures(sender);
    let before = stage.bridge.stats().drops;
    // From outside, and from an address that ICE has validated.
    let (mut from_outside, mut from_peers) = ([0u64; CLASSES], [0u64; CLASSES]);
    for datagram in FOLDERS.map(corpus).concat() {
        let class = class(&datagram) as usize;
        for socket in &outside {
            socket.send_to(&datagram, bridge).unwrap();
            from_outside[class] += 1;
        }
        if !datagram.is_empty() && datagram.len() <= DATAGRAM_MAX {
            for peer in [sender, viewer] {
                stage.crowd.client(peer).send_raw(&datagram);
                from_peers[class] += 1;
            }
        }
        stage.frame(sender, 1);
    }
    let filmed = stage.pictures(viewer);
    stage.film(sender, 1, "pictures afterwards", |stage| {
        stage.pictures(viewer) > filmed + 300
    });

    let received = stage.crowd.clients()[viewer].received();
    assert_eq!(received.refused, 0);
    assert_eq!(received.video[0].lost(), 0);
    for socket in &outside {
        assert_eq!(
            socket.recv(&mut [0; 2048]).unwrap_err().kind(),
            std::io::ErrorKind::WouldBlock,
            "no stranger is answered"
        );
    }
    for got in stage.got.iter().filter(|got| got.1 == Kind::Video) {
        assert_eq!(got.4[5], sender as u8, "only what the sender sent");
    }
    assert!(!stage.seen.iter().any(|event| matches!(
        event,
        BridgeEvent::Gone { .. } | BridgeEvent::Silent { .. } | BridgeEvent::RoomPanicked { .. }
    )));

    let drops = move |stage: &Stage, reasons: &[Drop]| -> u64 {
        let now = stage.bridge.stats().drops;
        reasons
            .iter()
            .map(|reason| now[*reason as usize] - before[*reason as usize])
            .sum()
    };
    let of = |counts: [u64; CLASSES], class: Class| counts[class as usize];
    let everywhere = |class| of(from_outside, class) + of(from_peers, class);
    let expected = [
        (&[Drop::Unknown][..], everywhere(Class::Other)),
        (
            &[Drop::StunUnknown, Drop::StunIntegrity],
            everywhere(Class::Stun),
        ),
        (
            &[Drop::NotValidated],
            of(from_outside, Class::Dtls) + of(from_outside, Class::Media),
        ),
        (
            &[Drop::Malformed, Drop::Authentication, Drop::Replay],
            of(from_peers, Class::Media) + everywhere(Class::Cut),
        ),
    ];
    stage.until("every datagram counted by its reason", |stage| {
        let counted: Vec<_> = expected
            .iter()
            .map(|(reasons, _)| drops(stage, reasons))
            .collect();
        let wanted: Vec<_> = expected.iter().map(|(_, count)| *count).collect();
        assert!(
            counted.iter().zip(&wanted).all(|(have, want)| have <= want),
            "{counted:?} of {wanted:?}"
        );
        // A peer's own association may answer what came back of a forged handshake: more than was sent, never less.
        counted == wanted && drops(stage, &[Drop::Dtls]) >= of(from_peers, Class::Dtls)
    });
}

#[test]
fn hostile_datagrams_harm_no_call_and_are_not_forwarded() {
    let strange = Ipv4Addr::new(127, 83, 1, 1).into();
    replayed_during_a_call(Ipv4Addr::LOCALHOST.into(), strange, config());
}

#[test]
fn hostile_datagrams_harm_no_call_over_ipv6() {
    let ip = Ipv6Addr::LOCALHOST.into();
    replayed_during_a_call(ip, ip, config());
}

#[test]
fn hostile_datagrams_harm_no_call_over_several_threads() {
    let strange = Ipv4Addr::new(127, 83, 1, 2).into();
    replayed_during_a_call(Ipv4Addr::LOCALHOST.into(), strange, threads());
}

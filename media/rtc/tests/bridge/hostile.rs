//! What hostile senders and wrong settings may do: be counted, and nothing else.

use std::net::{IpAddr, Ipv6Addr};

use super::foreign::corpus;
use super::*;

#[test]
fn media_from_another_address_is_never_learnt_and_a_replay_never_forwarded() {
    for config in [config(), threads()] {
        from_another_address(Stage::with(config, Protection::Gcm));
    }
}

fn from_another_address(mut stage: Stage) {
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    // What the sender says next is caught on the way by a proxy's trick: its port changes without a new ICE check.
    let old = stage.crowd.clients()[sender].local_addr();
    let refused = stage.drops(Drop::NotValidated);
    let sounds = stage.sounds(viewer);
    stage.crowd.client(sender).change_port().unwrap();
    assert_ne!(old, stage.crowd.clients()[sender].local_addr());
    for _ in 0..20 {
        let client = stage.crowd.client(sender);
        client.send_audio(20, 1, &[9; 40]);
        client.flush();
    }
    stage.until("drops of the unknown address", |stage| {
        stage.drops(Drop::NotValidated) >= refused + 20
    });
    assert_eq!(stage.sounds(viewer), sounds);
    // With an ICE check from there it goes on, on the old keys.
    let before = stage.pictures(viewer);
    stage.film(sender, 1, "pictures from the new address", |stage| {
        stage.pictures(viewer) > before + 50
    });
}

#[test]
fn after_a_rejoin_the_old_address_and_the_old_keys_are_nothing() {
    for config in [config(), threads()] {
        rejoined(Stage::with(config, Protection::Gcm));
    }
}

fn rejoined(mut stage: Stage) {
    let old = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(old, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    // The page is loaded again: another client with keys of its own in the same seat.
    let new = stage
        .crowd
        .add(Client::new(publisher(1), Instant::now()).unwrap());
    let offer = stage.crowd.offer(new);
    let answer = stage.bridge.join(ROOM, PeerId(old as u64), &offer).unwrap();
    stage.crowd.client(new).accept(&answer.sdp).unwrap();
    stage.until("the new page's keys", |stage| {
        stage.crowd.clients()[new].is_connected()
    });
    stage.got.clear();
    let refused = stage.drops(Drop::NotValidated);
    let before = stage.pictures(viewer);
    // Both go on filming, and the old one goes on with its ICE checks as well.
    stage.film(new, 1, "pictures of the new page", |stage| {
        stage.pictures(viewer) > before + 100
    });
    stage.until("drops of what the old page sends", |stage| {
        stage.frame(old, 1);
        stage.frame(new, 1);
        stage.drops(Drop::NotValidated) >= refused + 20
    });
    let pictures = stage.got.iter().filter(|got| got.1 == Kind::Video);
    let mut count = 0;
    for got in pictures {
        assert_eq!(got.4[5], new as u8, "nothing of the old page");
        count += 1;
    }
    assert!(count > 100, "{count}");
    assert_eq!(stage.crowd.clients()[viewer].received().refused, 0);
}

#[test]
fn a_client_hello_before_ice_is_not_answered() {
    let over_ipv6 = BridgeConfig {
        bind: vec![SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0)],
        ..config()
    };
    for config in [config(), over_ipv6, threads()] {
        let ip = config.bind[0].ip();
        hello_before_ice(Stage::with(config, Protection::Gcm), ip);
    }
}

fn hello_before_ice(mut stage: Stage, ip: IpAddr) {
    let bridge = stage.bridge.local_addrs()[0];
    let stranger = UdpSocket::bind((ip, 0)).unwrap();
    stranger
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    // Whole ones, ones in pieces, and ones whose pieces never come: more than any association holds back.
    let mut sent = 0;
    for round in 0..60u8 {
        let mut hello = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, round, 0, 187];
        hello.extend([1, 0, 4, 0, 0, 0, 0, 0, round, 0, 0, 175]);
        hello.resize(200, 1);
        stranger.send_to(&hello, bridge).unwrap();
        sent += 1;
    }
    assert!(stranger.recv(&mut [0; 2048]).is_err());
    let options = ClientOptions {
        bind: ip,
        ..ClientOptions::default()
    };
    let client = stage.join(options);
    assert!(stage.crowd.clients()[client].is_connected());
    // A hello of the client itself that overtakes the word of its address between two threads counts too.
    stage.until("the drops", |stage| stage.drops(Drop::NotValidated) >= sent);
    assert_eq!(stage.drops(Drop::HandshakeLimit), 0);
}

#[test]
fn a_certificate_that_the_offer_did_not_announce_gets_no_keys() {
    let mut stage = Stage::new(Protection::Gcm);
    let number = stage
        .crowd
        .add(Client::new(publisher(1), Instant::now()).unwrap());
    let offer = stage.crowd.offer(number);
    let at = offer.find("sha-256 ").unwrap() + 8;
    let other = if offer.as_bytes()[at] == b'0' {
        "1"
    } else {
        "0"
    };
    let forged = offer.replace(
        &offer[at..at + 95],
        &format!("{other}{}", &offer[at + 1..at + 95]),
    );
    let answer = stage.bridge.join(ROOM, PeerId(0), &forged).unwrap();
    stage.crowd.client(number).accept(&answer.sdp).unwrap();
    stage.until("the refusal", |stage| {
        stage.seen.iter().any(|event| {
            matches!(
                event,
                BridgeEvent::Gone {
                    peer: PeerId(0),
                    reason: GoneReason::Handshake,
                    ..
                }
            )
        })
    });
    assert!(
        !stage
            .seen
            .iter()
            .any(|event| matches!(event, BridgeEvent::Connected { .. }))
    );
}

/// Numbers from a seed, for bending bytes.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

#[test]
fn a_hostile_peer_with_keys_harms_no_other() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    let hostile = stage.join(publisher(3));
    // The viewer looks at the sender; the hostile one's packets reach it as a tile and as a voice.
    stage.bridge.set_view(
        PeerId(1),
        Some(TrackId::main(PeerId(0))),
        vec![TrackId::main(PeerId(2))],
    );
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    let mut random = Random(0x5eed);
    let mut seeds = corpus("rtp");
    seeds.retain(|datagram| datagram.len() <= 1_400);
    // Of our own: sound and picture with every extension, and each kind of report and feedback.
    seeds.push(vec![
        0x90, 96, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0xbe, 0xde, 0, 2, 0x31, 0, 1, 0x40, b'1', 0x50,
        b'h', 0, 0x90, 0xf0, 0x81, 2, 3, 0x40, 0, 1,
    ]);
    seeds.push(vec![
        0xb0, 97, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0x10, 0, 0, 1, 5, 1, b'h', 0, 0, 7, 0x90, 0x80,
        0x80, 1, 0, 2, 2,
    ]);
    seeds.push(vec![
        0x90, 111, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x10, 5, 0x40, b'0', 1, 2, 3,
    ]);
    seeds.push([&[0x81, 200, 0, 12, 0, 0, 0, 1][..], &[7; 44]].concat());
    seeds.push(
        [
            &[
                0x8f, 205, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 40, 0, 0, 1, 1, 0x20, 40,
            ][..],
            &[0xd5; 14],
        ]
        .concat(),
    );
    seeds.push([&[0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2][..], &[0xff; 8]].concat());
    seeds.push(
        [
            &[0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0][..],
            b"REMB",
            &[1, 0xff, 0xff, 0xff, 0, 0, 0, 1],
        ]
        .concat(),
    );
    let mut sent = 0;
    for round in 0..8_000 {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        if bytes.len() < 12 {
            continue;
        }
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = random.below(256) as u8;
        }
        if random.below(8) == 0 {
            bytes.truncate(12 + random.below(bytes.len() - 11));
        }
        bytes[0] = 0x80 | bytes[0] & 0x3f;
        let client = stage.crowd.client(hostile);
        if (192..=223).contains(&bytes[1]) {
            sent += u32::from(client.send_forged_rtcp(&bytes));
        } else {
            sent += u32::from(client.send_forged_rtp(random.below(4), &bytes));
        }
        if round % 40 == 0 {
            stage.crowd.client(hostile).flush();
            stage.frame(sender, 1);
        }
    }
    assert!(sent > 3_000, "{sent}");
    let before = stage.pictures(viewer);
    stage.film(sender, 1, "pictures afterwards", |stage| {
        stage.pictures(viewer) > before + 100
    });
    let received = stage.crowd.clients()[viewer].received();
    assert_eq!((received.refused, received.video[0].lost()), (0, 0));
    assert!(
        !stage.seen.iter().any(|event| matches!(
            event,
            BridgeEvent::Gone { .. } | BridgeEvent::RoomPanicked { .. }
        )),
        "{:?}",
        stage.seen
    );
}

#[test]
fn limits_are_kept_and_said() {
    let mut stage = Stage::new(Protection::Gcm);
    let mut tight = config();
    tight.limits.peers_max = 1;
    tight.limits.rooms_max = 1;
    tight.limits.handshakes_max = 0;
    (stage.bridge, stage.events) = Bridge::start(tight).unwrap();
    stage.bridge.open_room(ROOM);
    stage.bridge.open_room(RoomId(8));
    for _ in 0..2 {
        let client = Client::new(ClientOptions::default(), Instant::now()).unwrap();
        stage.crowd.add(client);
    }
    stage.negotiate(ROOM, 0).unwrap();
    assert_eq!(stage.negotiate(ROOM, 1), Err(JoinError::TooManyPeers));
    assert_eq!(stage.negotiate(RoomId(8), 1), Err(JoinError::NoSuchRoom));
    stage.until("counted drops", |stage| {
        stage.drops(Drop::HandshakeLimit) > 0 && stage.drops(Drop::Command) > 0
    });
    assert!(!stage.crowd.clients()[0].is_connected());
}

#[test]
fn a_taken_port_is_named() {
    let (bridge, _events) = Bridge::start(config()).unwrap();
    let taken = bridge.local_addrs()[0];
    let again = Bridge::start(BridgeConfig {
        bind: vec![taken],
        ..config()
    });
    let error = again.err().expect("the port is taken");
    assert!(matches!(error, BridgeError::Bind { addr, .. } if addr == taken));
    assert!(error.to_string().contains(&taken.to_string()));
    drop(bridge);
}

#[test]
fn bent_offers_are_refused_or_answered_and_never_panic() {
    let (bridge, _events) = Bridge::start(config()).unwrap();
    bridge.open_room(ROOM);
    let identity = ClientIdentity::new(Protection::Gcm).unwrap();
    let offer = Client::new(publisher(3), Instant::now())
        .unwrap()
        .offer(&identity);
    let mut state = Random(1);
    let mut random = |end| state.below(end);
    let mut refused = 0;
    for round in 0..1_500u64 {
        let mut lines = offer.lines().map(str::to_owned).collect::<Vec<_>>();
        for _ in 0..=random(4) {
            let at = random(lines.len());
            match random(5) {
                0 => drop(lines.remove(at)),
                1 => lines.swap(0, at),
                2 => lines[at] = lines[at].chars().rev().collect(),
                3 => lines[at].push_str(" \u{1f4a5} 99999999999999999999"),
                _ => lines[at] = lines[at].chars().take(random(12)).collect(),
            }
            if lines.is_empty() {
                break;
            }
        }
        let bent = lines.join("\r\n") + "\r\n";
        let peer = PeerId(round % 50);
        refused += u32::from(bridge.join(ROOM, peer, &bent).is_err());
    }
    assert!(refused > 100, "{refused}");
    assert!(matches!(
        bridge.join(ROOM, PeerId(60), ""),
        Err(JoinError::BadSdp(_))
    ));
    let long = "a".repeat(300 * 1024);
    assert!(matches!(
        bridge.join(ROOM, PeerId(60), &long),
        Err(JoinError::BadSdp(_))
    ));
    bridge.join(ROOM, PeerId(61), &offer).unwrap();
    let other_id = offer.replace("extmap:3 ", "extmap:9 ");
    assert_eq!(
        bridge.join(ROOM, PeerId(61), &other_id).unwrap_err(),
        JoinError::ExtensionRemapped
    );
}

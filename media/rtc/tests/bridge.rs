//! The bridge with real peers over loopback: calls, hostile datagrams, losses, restarts.

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use nhipcau_media_rtc::client::{Client, ClientIdentity, ClientOptions, Crowd, Protection};
use nhipcau_media_rtc::{
    Bridge, BridgeConfig, BridgeError, BridgeEvent, Drop, GoneReason, Impairment, JoinError,
    PeerId, RoomId, tap,
};
use nhipcau_sfu::Kind;

const ROOM: RoomId = RoomId(7);
/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bridge with peers; peer n is client n of the crowd.
struct Stage {
    bridge: Bridge,
    events: Receiver<BridgeEvent>,
    seen: Vec<BridgeEvent>,
    crowd: Crowd,
    clock: u32,
    /// Payload bodies by client, kind and sequence number.
    got: Vec<(usize, Kind, u16, bool, Vec<u8>)>,
}

fn config() -> BridgeConfig {
    BridgeConfig {
        bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        impairments: true,
        ..BridgeConfig::default()
    }
}

fn publisher(layers: usize) -> ClientOptions {
    ClientOptions {
        layers,
        audio: true,
        ..ClientOptions::default()
    }
}

impl Stage {
    fn new(protection: Protection) -> Self {
        let (bridge, events) = Bridge::start(config()).unwrap();
        bridge.open_room(ROOM);
        Self {
            bridge,
            events,
            seen: Vec::new(),
            crowd: Crowd::new(ClientIdentity::new(protection).unwrap()),
            clock: 0,
            got: Vec::new(),
        }
    }

    fn join(&mut self, options: ClientOptions) -> usize {
        let number = self
            .crowd
            .add(Client::new(options, Instant::now()).unwrap());
        self.negotiate(ROOM, number).unwrap();
        self.until("connection", |stage| {
            stage.crowd.clients()[number].is_connected()
        });
        self.until("connected event", |stage| {
            stage
                .seen
                .iter()
                .any(|event| matches!(event, BridgeEvent::Connected { peer, .. } if *peer == PeerId(number as u64)))
        });
        number
    }

    fn negotiate(&mut self, room: RoomId, number: usize) -> Result<(), JoinError> {
        let answer = self
            .bridge
            .join(room, PeerId(number as u64), &self.crowd.offer(number))?;
        self.crowd.client(number).accept(&answer.sdp).unwrap();
        Ok(())
    }

    fn poll(&mut self) {
        let got = &mut self.got;
        self.crowd.poll(Duration::from_millis(2), |packet| {
            if got.len() < 200_000 {
                got.push((
                    packet.client,
                    packet.kind,
                    packet.sequence,
                    packet.repaired,
                    packet.payload.to_vec(),
                ));
            }
        });
        self.seen.extend(self.events.try_iter());
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(
                Instant::now() < end,
                "waited in vain for {what}; events: {:?}",
                self.seen
            );
            self.poll();
        }
    }

    /// One frame of each layer and two packets of sound of a client; keyframes when the bridge has asked.
    fn frame(&mut self, number: usize, layers: usize) {
        self.clock += 1;
        let clock = self.clock;
        let client = self.crowd.client(number);
        let asked = client.take_keyframe_requests();
        for (layer, asked) in asked.iter().enumerate().take(layers) {
            for part in 0..3u8 {
                let body = body(number, layer, clock, part);
                client.send_video(
                    layer,
                    part == 0,
                    *asked > 0,
                    part == 2,
                    clock * 3_000,
                    &body,
                );
            }
        }
        client.send_audio(20, clock * 960, &[number as u8, 0xaa, 1, 2, 3]);
        client.flush();
        self.poll();
    }

    /// Films until `done`.
    fn film(
        &mut self,
        number: usize,
        layers: usize,
        what: &str,
        mut done: impl FnMut(&Self) -> bool,
    ) {
        self.until(what, |stage| {
            stage.frame(number, layers);
            std::thread::sleep(Duration::from_millis(3));
            done(stage)
        });
    }

    fn pictures(&self, number: usize) -> u64 {
        self.crowd.clients()[number]
            .received()
            .video
            .first()
            .map_or(0, |slot| slot.packets)
    }

    fn sounds(&self, number: usize) -> u64 {
        self.crowd.clients()[number]
            .received()
            .audio
            .iter()
            .map(|slot| slot.packets)
            .sum()
    }

    fn drops(&self, reason: Drop) -> u64 {
        self.bridge.stats().drops[reason as usize]
    }
}

fn body(number: usize, layer: usize, clock: u32, part: u8) -> Vec<u8> {
    let mut body = vec![number as u8, layer as u8, part];
    body.extend_from_slice(&clock.to_be_bytes());
    body.resize(300 + 100 * layer, 0x5a);
    body
}

fn corpus(folder: &str) -> Vec<Vec<u8>> {
    let root = std::env::var_os("NHIPCAU_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    );
    let path = root.join("datagrams").join(folder);
    let Ok(entries) = std::fs::read_dir(&path) else {
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no datagrams at {}",
            path.display()
        );
        return Vec::new();
    };
    entries
        .filter_map(|entry| std::fs::read(entry.ok()?.path()).ok())
        .filter(|datagram| datagram.len() <= 1_500)
        .collect()
}

#[test]
fn a_call_carries_sound_and_picture_untouched() {
    for protection in [Protection::Gcm, Protection::Cm] {
        let mut stage = Stage::new(protection);
        let sender = stage.join(publisher(3));
        let viewers = [
            stage.join(ClientOptions::default()),
            stage.join(ClientOptions::default()),
        ];
        stage.film(sender, 3, "pictures", |stage| {
            viewers
                .iter()
                .all(|viewer| stage.pictures(*viewer) > 300 && stage.sounds(*viewer) > 100)
        });
        for viewer in viewers {
            let received = stage.crowd.clients()[viewer].received();
            assert_eq!(received.refused, 0, "{protection:?}");
            assert_eq!(received.video[0].lost(), 0);
            assert!(received.video[0].keyframes >= 1);
            let first = stage
                .got
                .iter()
                .find(|got| got.0 == viewer && got.1 == Kind::Video)
                .unwrap();
            assert_eq!(first.4[4] & 1, 0, "the first packet begins a keyframe");
            let mut clocks = HashSet::new();
            for got in stage
                .got
                .iter()
                .filter(|got| got.0 == viewer && got.1 == Kind::Video)
            {
                let clock = u32::from_be_bytes([got.4[8], got.4[9], got.4[10], got.4[11]]);
                assert_eq!(
                    got.4[5..],
                    body(sender, usize::from(got.4[6]), clock, got.4[7])
                );
                clocks.insert(clock);
            }
            assert!(clocks.len() > 90);
        }
        assert!(
            stage.pictures(sender) == 0 && stage.sounds(sender) == 0,
            "nobody gets what it sent"
        );
        let slots = stage.seen.iter().any(|event| match event {
            BridgeEvent::Slots { peer, video, .. } => {
                *peer == PeerId(1)
                    && video[0]
                        .as_ref()
                        .is_some_and(|slot| slot.peer == PeerId(0) && slot.mid == "5")
            }
            _ => false,
        });
        assert!(slots, "{:?}", stage.seen);
        assert!(stage.seen.contains(&BridgeEvent::Speaker {
            room: ROOM,
            peer: Some(PeerId(0))
        }));
        assert!(stage.crowd.clients()[sender].received().feedbacks > 0);
    }
}

#[test]
fn hostile_datagrams_harm_no_call_and_are_not_forwarded() {
    let datagrams = ["stun", "dtls", "rtp"].map(corpus).concat();
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let bridge = stage.bridge.local_addrs()[0];
    for datagram in &datagrams {
        stranger.send_to(datagram, bridge).unwrap();
        // And from an address that ICE has validated.
        stage.crowd.client(sender).send_raw(datagram);
        stage.crowd.client(viewer).send_raw(datagram);
        stage.frame(sender, 1);
    }
    let before = stage.pictures(viewer);
    stage.film(sender, 1, "pictures afterwards", |stage| {
        stage.pictures(viewer) > before + 300
    });
    let received = stage.crowd.clients()[viewer].received();
    assert_eq!(received.refused, 0);
    assert_eq!(received.video[0].lost(), 0);
    assert_eq!(
        stranger.recv(&mut [0; 2048]).unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock,
        "no stranger is answered"
    );
    for got in stage.got.iter().filter(|got| got.1 == Kind::Video) {
        assert_eq!(got.4[5], sender as u8, "only what the sender sent");
    }
    assert!(!stage.seen.iter().any(|event| matches!(
        event,
        BridgeEvent::Gone { .. } | BridgeEvent::Silent { .. } | BridgeEvent::RoomPanicked { .. }
    )));
    if !datagrams.is_empty() {
        stage.until("counted drops", |stage| {
            stage.drops(Drop::NotValidated) > 0
                && stage.drops(Drop::Authentication) > 0
                && stage.drops(Drop::StunUnknown) > 0
        });
    }
}

#[test]
fn media_from_another_address_is_never_learnt_and_a_replay_never_forwarded() {
    let mut stage = Stage::new(Protection::Gcm);
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
fn a_client_hello_before_ice_is_not_answered() {
    let mut stage = Stage::new(Protection::Gcm);
    let mut hello = vec![22, 0xfe, 0xff];
    hello.resize(200, 1);
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    stranger
        .send_to(&hello, stage.bridge.local_addrs()[0])
        .unwrap();
    assert!(stranger.recv(&mut [0; 2048]).is_err());
    let client = stage.join(ClientOptions::default());
    assert!(stage.crowd.clients()[client].is_connected());
    stage.until("the drop", |stage| stage.drops(Drop::NotValidated) == 1);
}

#[test]
fn losses_are_repaired_on_both_sides() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    // On the way to the bridge: it asks, the sender repeats, the viewer misses nothing.
    stage.crowd.client(sender).lose_video(0, 1, &[1, 2, 3]);
    stage.film(sender, 1, "the bridge's request", |stage| {
        stage.crowd.clients()[sender].received().nacked > 0
    });
    let before = stage.pictures(viewer);
    stage.film(sender, 1, "the repaired packet", |stage| {
        stage.pictures(viewer) > before + 30
            && stage.crowd.clients()[viewer].received().video[0].lost() == 0
    });
    // On the way to the viewer: it asks, the bridge answers from the sender's cache, in a stream of its own.
    let (sequence, payload) = stage
        .got
        .iter()
        .rev()
        .find(|got| got.0 == viewer && got.1 == Kind::Video)
        .map(|got| (got.2, got.4.clone()))
        .unwrap();
    stage.crowd.client(viewer).nack(0, &[sequence]);
    stage.until("the retransmission", |stage| {
        stage.crowd.clients()[viewer].received().video[0].repaired == 1
    });
    let again = stage.got.iter().find(|got| got.3).unwrap();
    assert_eq!((again.2, &again.4), (sequence, &payload));
    // What never went out is not invented.
    stage
        .crowd
        .client(viewer)
        .nack(0, &[sequence.wrapping_add(20_000)]);
    stage.film(sender, 1, "more pictures", |stage| {
        stage.pictures(viewer) > before + 100
    });
    assert_eq!(
        stage.crowd.clients()[viewer].received().video[0].repaired,
        1
    );
}

#[test]
fn keyframe_requests_reach_the_sender_once_a_second_at_most() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    let started = Instant::now();
    let mut requests = 0;
    while started.elapsed() < Duration::from_millis(2_500) {
        stage.crowd.client(viewer).request_keyframe(0);
        stage.poll();
        requests += stage.crowd.client(sender).take_keyframe_requests()[0];
    }
    assert!(
        (1..=1 + started.elapsed().as_secs()).contains(&requests),
        "{requests} requests in {:?}",
        started.elapsed()
    );
}

#[test]
fn a_seat_survives_an_ice_restart_and_a_page_that_is_loaded_again() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    for number in [sender, viewer] {
        let client = stage.crowd.client(number);
        client.restart_ice();
        client.change_port().unwrap();
        stage.negotiate(ROOM, number).unwrap();
    }
    let before = stage.pictures(viewer);
    stage.film(sender, 1, "pictures after the restart", |stage| {
        stage.pictures(viewer) > before + 50
    });
    assert_eq!(stage.crowd.clients()[viewer].received().refused, 0);
    // The same peers with new peer connections: new certificates' keys, new SSRCs, the same seats.
    stage.seen.clear();
    for (number, options) in [(sender, publisher(1)), (viewer, ClientOptions::default())] {
        *stage.crowd.client(number) = Client::new(options, Instant::now()).unwrap();
        stage.negotiate(ROOM, number).unwrap();
    }
    stage.film(sender, 1, "pictures after reloading", |stage| {
        stage.pictures(viewer) > 50
    });
    let received = stage.crowd.clients()[viewer].received();
    assert_eq!((received.refused, received.video[0].lost()), (0, 0));
    assert!(
        !stage
            .seen
            .iter()
            .any(|event| matches!(event, BridgeEvent::Gone { .. }))
    );
}

#[test]
fn muting_and_leaving_are_done_by_the_bridge() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    stage.bridge.set_muted(PeerId(0), true, true);
    stage.film(sender, 1, "muted drops", |stage| {
        stage.drops(Drop::Muted) > 100
    });
    let (pictures, sounds) = (stage.pictures(viewer), stage.sounds(viewer));
    let dropped = stage.drops(Drop::Muted);
    stage.film(sender, 1, "more muted drops", |stage| {
        stage.drops(Drop::Muted) > dropped + 100
    });
    assert_eq!(
        (stage.pictures(viewer), stage.sounds(viewer)),
        (pictures, sounds)
    );
    stage.bridge.set_muted(PeerId(0), false, false);
    stage.film(sender, 1, "pictures again", |stage| {
        stage.pictures(viewer) > pictures + 50
    });
    stage.seen.clear();
    stage.bridge.leave(PeerId(0));
    stage.until("an empty slot", |stage| {
        stage
            .seen
            .iter()
            .any(|event| matches!(event, BridgeEvent::Slots { video, .. } if video.iter().all(Option::is_none)))
    });
    assert_eq!(
        stage
            .bridge
            .join(RoomId(99), PeerId(0), &stage.crowd.offer(sender))
            .unwrap_err(),
        JoinError::NoSuchRoom
    );
}

#[test]
fn an_impaired_road_goes_silent_and_comes_back() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    let cut = Impairment {
        drop: true,
        rate_bps: None,
    };
    stage.bridge.set_impairment(PeerId(1), cut);
    let silent = BridgeEvent::Silent {
        room: ROOM,
        peer: PeerId(1),
    };
    stage.film(sender, 1, "silence", |stage| stage.seen.contains(&silent));
    let before = stage.pictures(viewer);
    stage
        .bridge
        .set_impairment(PeerId(1), Impairment::default());
    let back = BridgeEvent::Recovered {
        room: ROOM,
        peer: PeerId(1),
    };
    stage.film(sender, 1, "recovery", |stage| stage.seen.contains(&back));
    stage.film(sender, 1, "pictures afterwards", |stage| {
        stage.pictures(viewer) > before + 50
    });
    let narrow = Impairment {
        drop: false,
        rate_bps: Some(200_000),
    };
    stage.bridge.set_impairment(PeerId(1), narrow);
    let lost = stage.drops(Drop::Impaired);
    stage.film(sender, 1, "a full queue", |stage| {
        stage.drops(Drop::Impaired) > lost + 20
    });
}

#[test]
fn a_room_that_fails_takes_no_other_with_it() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    let other = RoomId(8);
    stage.bridge.open_room(other);
    let third = stage
        .crowd
        .add(Client::new(ClientOptions::default(), Instant::now()).unwrap());
    stage.negotiate(other, third).unwrap();
    stage.until("the other room", |stage| {
        stage.crowd.clients()[third].is_connected()
    });
    stage.bridge.panic_room(other);
    stage.until("the event", |stage| {
        stage
            .seen
            .contains(&BridgeEvent::RoomPanicked { room: other })
    });
    let before = stage.pictures(viewer);
    stage.film(sender, 1, "pictures in the first room", |stage| {
        stage.pictures(viewer) > before + 50
    });
    assert_eq!(
        stage.negotiate(other, third).unwrap_err(),
        JoinError::NoSuchRoom
    );
    stage.bridge.open_room(other);
    stage.negotiate(other, third).unwrap();
}

#[test]
fn a_recording_gets_plain_packets_of_speaker_and_voices() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(3));
    let viewer = stage.join(ClientOptions::default());
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    stage.bridge.tap(ROOM, theirs);
    let (mut sounds, mut pictures, mut speaker_first) = (0, 0, None);
    stage.film(sender, 3, "both kinds", |_| {
        let mut datagram = [0; 2048];
        while let Ok(length) = ours.recv(&mut datagram) {
            let rest = &datagram[5..length];
            assert_eq!(datagram[1..5], [0, 0, 0, 0], "peer 0 is the source");
            match datagram[0] {
                tap::AUDIO => {
                    assert_eq!(rest[12..], [0, 0xaa, 1, 2, 3]);
                    assert_eq!(rest[1] & 0x7f, tap::AUDIO_PAYLOAD_TYPE);
                    sounds += 1;
                }
                tap::VIDEO => {
                    if pictures == 0 {
                        assert_eq!(rest[16] & 1, 0, "a keyframe comes first");
                    }
                    speaker_first = speaker_first.or(Some(false));
                    assert_eq!(rest[1] & 0x7f, tap::VIDEO_PAYLOAD_TYPE);
                    assert_eq!(rest[17], 0);
                    pictures += 1;
                }
                tap::SPEAKER => speaker_first = speaker_first.or(Some(true)),
                kind => panic!("kind {kind}"),
            }
        }
        sounds > 30 && pictures > 100
    });
    assert_eq!(speaker_first, Some(true));
    stage.bridge.untap(ROOM);
    let viewed = stage.pictures(viewer);
    stage.film(sender, 3, "the command to arrive", |stage| {
        stage.pictures(viewer) > viewed + 50
    });
    let mut datagram = [0; 2048];
    while ours.recv(&mut datagram).is_ok() {}
    stage.film(sender, 3, "more pictures", |stage| {
        stage.pictures(viewer) > viewed + 150
    });
    assert!(ours.recv(&mut datagram).is_err(), "nothing more is copied");
}

#[test]
fn a_closed_association_is_gone_at_once() {
    let mut stage = Stage::new(Protection::Gcm);
    let client = stage.join(ClientOptions::default());
    stage.crowd.client(client).close();
    stage.until("the goodbye", |stage| {
        stage.seen.contains(&BridgeEvent::Gone {
            room: ROOM,
            peer: PeerId(0),
            reason: GoneReason::Closed,
        })
    });
}

#[test]
fn calls_go_over_ipv6_too() {
    let mut stage = Stage::new(Protection::Gcm);
    let config = BridgeConfig {
        bind: vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()],
        ..BridgeConfig::default()
    };
    let (bridge, events) = match Bridge::start(config) {
        Ok(started) => started,
        Err(error) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "SKIPPED: no IPv6 here ({error})");
            return;
        }
    };
    (stage.bridge, stage.events) = (bridge, events);
    stage.bridge.open_room(ROOM);
    let sender = stage.join(ClientOptions {
        bind: "::1".parse().unwrap(),
        ..publisher(1)
    });
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
}

#[test]
fn places_of_peers_that_left_are_used_again() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    for round in 0..3 {
        let viewers = (0..10)
            .map(|_| stage.join(ClientOptions::default()))
            .collect::<Vec<_>>();
        stage.film(sender, 1, "pictures for all", |stage| {
            viewers.iter().all(|viewer| stage.pictures(*viewer) > 30)
        });
        for viewer in &viewers {
            let received = stage.crowd.clients()[*viewer].received();
            assert_eq!(
                (received.refused, received.video[0].lost()),
                (0, 0),
                "round {round}"
            );
            // Half of them say goodbye, half are taken out by their host.
            if viewer % 2 == 0 {
                stage.crowd.client(*viewer).close();
            } else {
                stage.bridge.leave(PeerId(*viewer as u64));
            }
        }
        stage.until("one peer", |stage| stage.bridge.stats().peers.len() == 1);
    }
    let known = stage.bridge.stats();
    assert_eq!(known.rooms, 1);
    assert_eq!(known.peers[0].peer, PeerId(sender as u64));
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
    let gone = BridgeEvent::Gone {
        room: ROOM,
        peer: PeerId(0),
        reason: GoneReason::Handshake,
    };
    stage.until("the refusal", |stage| stage.seen.contains(&gone));
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
    stage
        .bridge
        .set_view(PeerId(1), Some(PeerId(0)), vec![PeerId(2)]);
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    let mut random = Random(0x5eed);
    let mut seeds = corpus("rtp");
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

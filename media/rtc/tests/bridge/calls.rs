//! Calls as they should be: sound, picture, seats that survive, rooms that do not harm each other.

use super::*;

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
                    && video[0].as_ref().is_some_and(|slot| {
                        slot.shown == TrackId::main(PeerId(0)) && slot.mid == "5"
                    })
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
                    assert_eq!(
                        rest[1] & 0x7f,
                        tap::payload_type(nhipcau_media_rtc::Codec::Vp8)
                    );
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
        stage.saw(|event| {
            matches!(
                event,
                BridgeEvent::Gone {
                    peer: PeerId(0),
                    reason: GoneReason::Closed,
                    ..
                }
            )
        })
    });
}

#[test]
fn what_is_told_of_a_peer_names_its_seating_and_an_overtaken_offer_is_refused() {
    let mut stage = Stage::new(Protection::Gcm);
    let mut seatings = Vec::new();
    for number in 0..2 {
        let client = Client::new(ClientOptions::default(), Instant::now()).unwrap();
        stage.crowd.add(client);
        let offer = stage
            .bridge
            .read_offer(&stage.crowd.offer(number), Flow::Both)
            .unwrap();
        let [early, seating] = [(); 2].map(|()| stage.bridge.next_seating());
        let join = |seating| {
            stage
                .bridge
                .join_read(ROOM, PeerId(0), seating, offer.clone())
        };
        let answer = join(seating).unwrap();
        assert_eq!(join(early), Err(JoinError::Superseded));
        stage.crowd.client(number).accept(&answer.sdp).unwrap();
        seatings.push(seating);
        stage.until("its seating connected on both sides", |stage| {
            stage.crowd.clients()[number].is_connected()
                && stage.saw(
                    |event| matches!(event, BridgeEvent::Connected { seating: of, .. } if *of == seating),
                )
        });
    }
    assert!(seatings[0] < seatings[1]);
    let restart = |seating| {
        stage
            .bridge
            .restart_ice(PeerId(0), seating, "anew".to_owned())
    };
    assert_eq!(
        restart(seatings[0]),
        Err(JoinError::Superseded),
        "of a former session"
    );
    // Both say goodbye, the former one too late.
    stage.crowd.client(0).close();
    stage.crowd.client(1).close();
    stage.until("the end of the present one", |stage| {
        stage.saw(|event| matches!(event, BridgeEvent::Gone { .. }))
    });
    let ends = stage.seen.iter().filter_map(|event| match event {
        BridgeEvent::Gone { seating, .. } => Some(*seating),
        _ => None,
    });
    assert_eq!(ends.collect::<Vec<_>>(), [seatings[1]]);
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

//! Rooms on several threads: peers that sit apart are one conference, and what is not theirs is handed to nobody.

use super::*;

/// A third peer sits on the thread of neither: publisher, viewer and speaker change are apart.
#[test]
fn peers_on_different_threads_see_and_hear_each_other() {
    let mut stage = Stage::new(Protection::Gcm);
    let reporting = ClientOptions {
        repair: true,
        ..publisher(3)
    };
    let members = [
        stage.join(reporting),
        stage.join(publisher(1)),
        stage.join(publisher(1)),
        stage.join(ClientOptions::default()),
    ];
    let viewer = members[3];
    for (round, speaker) in [members[0], members[2], members[1], members[0]]
        .into_iter()
        .enumerate()
    {
        let layers = if speaker == members[0] { 3 } else { 1 };
        let told = BridgeEvent::Speaker {
            room: ROOM,
            peer: Some(PeerId(speaker as u64)),
        };
        stage.seen.clear();
        stage.got.clear();
        stage.film(
            speaker,
            layers,
            "the speaker's picture at everyone",
            |stage| {
                let mut others = members.iter().filter(|member| **member != speaker);
                stage.seen.contains(&told)
                    && others.all(|member| {
                        let pictures = stage.got.iter().filter(|got| {
                            got.0 == *member && got.1 == Kind::Video && got.4[5] == speaker as u8
                        });
                        let sounds = stage.got.iter().filter(|got| {
                            got.0 == *member && got.1 == Kind::Audio && got.4[0] == speaker as u8
                        });
                        pictures.count() > 60 && sounds.count() > 30
                    })
            },
        );
        let times = stage.seen.iter().filter(|event| **event == told).count();
        assert_eq!(times, 1, "told once, by the room's home: round {round}");
    }
    for member in members {
        let received = stage.crowd.clients()[member].received();
        assert_eq!(received.refused, 0);
        for slot in received.video.iter().chain(&received.audio) {
            assert_eq!(slot.lost(), 0);
        }
    }
    // A repetition comes from the cache of the viewer's own thread.
    let (sequence, payload) = stage
        .got
        .iter()
        .rev()
        .find(|got| got.0 == viewer && got.1 == Kind::Video)
        .map(|got| (got.2, got.4.clone()))
        .unwrap();
    stage.crowd.client(viewer).nack(0, &[sequence]);
    stage.until("the retransmission", |stage| {
        stage.got.iter().any(|got| got.0 == viewer && got.3)
    });
    let again = stage.got.iter().find(|got| got.3).unwrap();
    assert_eq!((again.2, &again.4), (sequence, &payload));
    stage.film(members[0], 3, "the bridge's sender reports", |stage| {
        stage.crowd.clients()[viewer].received().sender_reports > 0
    });
}

#[test]
fn requests_of_all_threads_reach_the_sender_once_a_second_at_most() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewers = (0..5)
        .map(|_| stage.join(ClientOptions::default()))
        .collect::<Vec<_>>();
    stage.film(sender, 1, "pictures", |stage| {
        viewers.iter().all(|viewer| stage.pictures(*viewer) > 30)
    });
    stage.crowd.client(sender).take_keyframe_requests();
    stage.beg(sender, &viewers);
}

#[test]
fn mutes_leaving_and_rejoining_reach_every_thread() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewers = [
        stage.join(ClientOptions::default()),
        stage.join(ClientOptions::default()),
    ];
    let everywhere = |stage: &Stage, more: [u64; 2]| {
        (0..2).all(|number| stage.pictures(viewers[number]) > more[number] + 40)
    };
    let counts = |stage: &Stage| viewers.map(|viewer| stage.pictures(viewer));
    stage.film(sender, 1, "pictures", |stage| everywhere(stage, [0; 2]));
    stage.bridge.set_muted(PeerId(0), true, true);
    let dropped = stage.drops(Drop::Muted);
    stage.film(sender, 1, "muted drops", |stage| {
        stage.drops(Drop::Muted) > dropped + 100
    });
    let before = counts(&stage);
    let dropped = stage.drops(Drop::Muted);
    stage.film(sender, 1, "more muted drops", |stage| {
        stage.drops(Drop::Muted) > dropped + 100
    });
    assert_eq!(counts(&stage), before);
    stage.bridge.set_muted(PeerId(0), false, false);
    stage.film(sender, 1, "pictures again", |stage| {
        everywhere(stage, before)
    });
    // A page that is loaded again: new keys, the same seat, on whichever thread it is.
    *stage.crowd.client(sender) = Client::new(publisher(1), Instant::now()).unwrap();
    stage.negotiate(ROOM, sender).unwrap();
    let before = counts(&stage);
    stage.film(sender, 1, "pictures after reloading", |stage| {
        everywhere(stage, before)
    });
    // Left for good and come back, perhaps elsewhere.
    for round in 0..3 {
        stage.bridge.leave(PeerId(0));
        stage.seen.clear();
        *stage.crowd.client(sender) = Client::new(publisher(1), Instant::now()).unwrap();
        stage.negotiate(ROOM, sender).unwrap();
        let before = counts(&stage);
        stage.film(sender, 1, "pictures after coming back", |stage| {
            everywhere(stage, before)
        });
        for viewer in viewers {
            let received = stage.crowd.clients()[viewer].received();
            assert_eq!(
                (received.refused, received.video[0].lost()),
                (0, 0),
                "{round}"
            );
        }
    }
    assert_eq!(stage.drops(Drop::HandOver), 0);
}

/// Who has nobody there any more is handed nothing, and everything again for who comes next.
#[test]
fn a_thread_without_peers_of_a_room_is_handed_none_of_its_packets() {
    let mut stage = Stage::with(threads(), Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    let handed = |stage: &Stage| stage.bridge.stats().handed_on;
    for round in 0..2 {
        let before = stage.pictures(viewer);
        stage.film(sender, 1, "pictures on another thread", |stage| {
            stage.pictures(viewer) > before + 50
        });
        let received = stage.crowd.clients()[viewer].received();
        assert_eq!(
            (received.refused, received.video[0].lost()),
            (0, 0),
            "{round}"
        );
        stage.bridge.leave(PeerId(viewer as u64));
        // Figures are told once a second: two of the same number with many packets between.
        let mut mark = (u64::MAX, 0);
        stage.film(sender, 1, "nothing more to be handed on", |stage| {
            let stats = stage.bridge.stats();
            if stats.handed_on != mark.0 {
                mark = (stats.handed_on, stats.datagrams_in);
            }
            stats.datagrams_in > mark.1 + 1_500
        });
        assert!(handed(&stage) > 50);
        *stage.crowd.client(viewer) =
            Client::new(ClientOptions::default(), Instant::now()).unwrap();
        stage.negotiate(ROOM, viewer).unwrap();
    }
}

#[test]
fn a_room_that_fails_ends_on_every_thread_and_is_told_once() {
    let mut stage = Stage::new(Protection::Gcm);
    let other = RoomId(8);
    let (sender, viewer) = (
        stage.join(publisher(1)),
        stage.join(ClientOptions::default()),
    );
    stage.bridge.open_room(other);
    let strangers = (0..4)
        .map(|_| {
            let client = Client::new(publisher(1), Instant::now()).unwrap();
            let number = stage.crowd.add(client);
            stage.negotiate(other, number).unwrap();
            number
        })
        .collect::<Vec<_>>();
    stage.until("the other room", |stage| {
        let clients = stage.crowd.clients();
        strangers
            .iter()
            .all(|number| clients[*number].is_connected())
    });
    stage.bridge.panic_room(other);
    let told = BridgeEvent::RoomPanicked { room: other };
    stage.until("the event", |stage| stage.seen.contains(&told));
    stage.film(sender, 1, "its peers to be forgotten everywhere", |stage| {
        stage
            .bridge
            .stats()
            .peers
            .iter()
            .all(|peer| peer.room == ROOM)
    });
    let before = stage.pictures(viewer);
    stage.film(sender, 1, "pictures in the first room", |stage| {
        stage.pictures(viewer) > before + 50
    });
    assert_eq!(stage.seen.iter().filter(|event| **event == told).count(), 1);
    // The same room can be opened again, and its peers can come back.
    stage.bridge.open_room(other);
    for number in strangers {
        *stage.crowd.client(number) = Client::new(publisher(1), Instant::now()).unwrap();
        stage.negotiate(other, number).unwrap();
    }
    stage.until("the room again", |stage| {
        let peers = stage.bridge.stats().peers;
        peers
            .iter()
            .filter(|peer| peer.room == other && peer.connected)
            .count()
            == 4
    });
}

/// Many sockets of strangers, so that the kernel gives them to every thread.
#[test]
fn strangers_at_any_thread_are_counted_and_nothing_is_handed_on() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    stage.film_into_figures(sender);
    let bridge = stage.bridge.local_addrs()[0];
    let before = [Drop::NotValidated, Drop::StunUnknown].map(|reason| stage.drops(reason));
    let mut hello = vec![22, 0xfe, 0xff];
    hello.resize(200, 1);
    let mut media = vec![0x80, 96];
    media.resize(100, 7);
    // A binding request for a user name of each thread, with a password that is none.
    let request = |first: u8| {
        let mut message = vec![0, 1, 0, 40, 0x21, 0x12, 0xa4, 0x42];
        message.extend_from_slice(&[9; 12]);
        message.extend_from_slice(&[0, 6, 0, 11, first]);
        message.extend_from_slice(b"BCDEFGH:ab\0");
        message.extend_from_slice(&[0, 8, 0, 20]);
        message.extend_from_slice(&[3; 20]);
        message
    };
    let sockets = (0..24)
        .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
        .collect::<Vec<_>>();
    for socket in &sockets {
        socket.set_nonblocking(true).unwrap();
        for datagram in [&hello, &media] {
            socket.send_to(datagram, bridge).unwrap();
        }
        for first in [b'A', b'B', b'C', b'P', b'z'] {
            socket.send_to(&request(first), bridge).unwrap();
        }
    }
    stage.film(sender, 1, "counted drops", |stage| {
        stage.drops(Drop::NotValidated) >= before[0] + 48
            && stage.drops(Drop::StunUnknown) >= before[1] + 120
    });
    for socket in &sockets {
        assert!(
            socket.recv(&mut [0; 2048]).is_err(),
            "no stranger is answered"
        );
    }
    assert_eq!(stage.drops(Drop::NotValidated), before[0] + 48, "each once");
    assert_eq!(stage.drops(Drop::StunUnknown), before[1] + 120);
    let received = stage.crowd.clients()[viewer].received();
    assert_eq!((received.refused, received.video[0].lost()), (0, 0));
}

#[test]
fn the_last_handle_ends_every_thread_with_a_goodbye() {
    let mut stage = Stage::new(Protection::Gcm);
    let clients = (0..5)
        .map(|_| stage.join(ClientOptions::default()))
        .collect::<Vec<_>>();
    let addr = stage.bridge.local_addrs()[0];
    let (spare, events) = Bridge::start(config()).unwrap();
    drop(std::mem::replace(&mut stage.bridge, spare));
    stage.events = events;
    stage.until("a goodbye to everyone", |stage| {
        let known = stage.crowd.clients();
        clients.iter().all(|number| known[*number].is_closed())
    });
    let end = Instant::now() + PATIENCE;
    while UdpSocket::bind(addr).is_err() {
        assert!(Instant::now() < end, "a thread keeps the port");
        std::thread::sleep(Duration::from_millis(20));
    }
}

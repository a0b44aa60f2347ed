//! Every codec's shapes over the bridge: who gets what, in which layers, and what sound does where packets are lost.

use nhipcau_media_rtc::client::{LineOptions, Shaped};
use nhipcau_media_rtc::{Codec, LoweredReason, TrackId, Withheld};

use super::*;

/// A packet as a viewer got it.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) client: usize,
    pub(super) kind: Kind,
    pub(super) slot: usize,
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) dependency: Option<Vec<u8>>,
    pub(super) payload: Vec<u8>,
}

impl Arrived {
    pub(super) fn of(packet: &nhipcau_media_rtc::client::Packet<'_>) -> Self {
        Self {
            client: packet.client,
            kind: packet.kind,
            slot: packet.slot,
            payload_type: packet.payload_type,
            marker: packet.marker,
            dependency: packet.dependency.map(<[u8]>::to_vec),
            payload: packet.payload.to_vec(),
        }
    }
}

const ALL: [Codec; 4] = Codec::VIDEO;

fn sender() -> ClientOptions {
    ClientOptions {
        codecs: ALL.to_vec(),
        ..publisher(1)
    }
}

fn viewer() -> ClientOptions {
    ClientOptions {
        codecs: ALL.to_vec(),
        ..ClientOptions::default()
    }
}

impl Stage {
    /// What arrived in a video slot since the last call.
    fn arrivals(&mut self, client: usize, slot: usize) -> Vec<Arrived> {
        self.arrived
            .extract_if(.., |arrived| {
                arrived.client == client && arrived.slot == slot && arrived.kind == Kind::Video
            })
            .collect()
    }

    /// One picture of the first encoding: packets as `shape` writes them for a picture number, keyframes when the bridge has asked.
    fn picture(&mut self, number: usize, shape: fn(u16, bool) -> Vec<Packet>) {
        self.clock += 1;
        let clock = self.clock;
        let client = self.crowd.client(number);
        let keyframe = client.take_keyframe_requests()[0] > 0;
        for packet in shape(clock as u16, keyframe) {
            client.send_shaped(
                1,
                &Shaped {
                    codec: packet.codec,
                    red: false,
                    marker: packet.marker,
                    timestamp: clock * 3_000,
                    dependency: &packet.dependency,
                    payload: &packet.payload,
                },
            );
        }
        client.send_audio(20, clock * 960, &[1, 2, 3]);
        client.flush();
        self.poll();
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// A packet of a made-up encoder.
struct Packet {
    codec: Codec,
    marker: bool,
    dependency: Vec<u8>,
    payload: Vec<u8>,
}

fn plain(codec: Codec, marker: bool, payload: &[u8]) -> Packet {
    Packet {
        codec,
        marker,
        dependency: Vec::new(),
        payload: payload.to_vec(),
    }
}

fn h264(_: u16, keyframe: bool) -> Vec<Packet> {
    let mut packets = Vec::new();
    if keyframe {
        let sets = [0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 2, 0x68, 0xce];
        packets.push(plain(Codec::H264, false, &sets));
        packets.push(plain(Codec::H264, false, &[0x7c, 0x85, 1, 2, 3]));
        packets.push(plain(Codec::H264, true, &[0x7c, 0x45, 4, 5, 6]));
    } else {
        packets.push(plain(Codec::H264, true, &[0x61, 0x9a, 7, 8, 9]));
    }
    packets
}

/// Three spatial layers in one stream, one packet each.
fn vp9(number: u16, keyframe: bool) -> Vec<Packet> {
    (0..3u8)
        .map(|spatial| {
            let [high, low] = (number & 0x7fff | 0x8000).to_be_bytes();
            let first = 0xac | u8::from(!keyframe) << 6;
            let layers = 0x10 | spatial << 1 | u8::from(spatial > 0);
            let mut payload = vec![first, high, low, layers, number as u8, spatial];
            payload.resize(200 << spatial, 0x5a);
            plain(Codec::Vp9, spatial == 2, &payload)
        })
        .collect()
}

/// Two spatial layers with dependency descriptors.
fn av1(number: u16, keyframe: bool) -> Vec<Packet> {
    (0..2u8)
        .map(|spatial| {
            let template = match (spatial, keyframe) {
                (0, true) => 0u8,
                (0, false) => 1,
                _ => 2,
            };
            let [high, low] = (number * 2 + u16::from(spatial)).to_be_bytes();
            let mut dependency = vec![0xc0 | template, high, low];
            if template == 0 {
                dependency.extend_from_slice(&structure());
            }
            let mut payload = vec![0x10, 0x32, spatial];
            payload.resize(200 << spatial, 0x77);
            Packet {
                codec: Codec::Av1,
                marker: spatial == 1,
                dependency,
                payload,
            }
        })
        .collect()
}

/// The extended part of a descriptor that brings three templates for two targets: keyframe, base layer, upper layer.
fn structure() -> Vec<u8> {
    let mut bits = String::new();
    bits += "10000"; // structure, nothing custom
    bits += "00000000001"; // templates from 0 on, two targets
    bits += "001011"; // key and base in layer 0, the third in layer 1
    bits += "1010"; // keyframe: both may switch
    bits += "1011"; // base: the first may switch, the second needs it
    bits += "0010"; // upper: not for the first
    bits += "0"; // the keyframe refers to nothing
    bits += "100010"; // base: two back
    bits += "100000"; // upper: one back
    bits += "00"; // no chains, ns(3)
    bits += "0"; // no resolutions
    bits += "1"; // make the length differ from a multiple of eight
    let bits = bits.as_bytes();
    bits.chunks(8)
        .map(|byte| {
            byte.iter()
                .enumerate()
                .fold(0, |value, (place, bit)| value | (bit & 1) << (7 - place))
        })
        .collect()
}

#[test]
fn every_codec_arrives_under_its_payload_type_from_a_keyframe_on() {
    for (shape, payload_type, first) in [
        (h264 as fn(u16, bool) -> Vec<Packet>, 102, 0x78),
        (vp9, 98, 0xac),
        (av1, 45, 0x10),
    ] {
        let mut stage = Stage::new(Protection::Gcm);
        let sender = stage.join(sender());
        let viewer = stage.join(viewer());
        stage.until("pictures", |stage| {
            stage.picture(sender, shape);
            stage.pictures(viewer) > 60
        });
        let arrived = stage.arrivals(viewer, 0);
        assert!(
            arrived
                .iter()
                .all(|arrived| arrived.payload_type == payload_type)
        );
        assert_eq!(arrived[0].payload[0], first, "a keyframe comes first");
        let received = stage.crowd.clients()[viewer].received();
        assert_eq!(received.refused, 0);
        assert_eq!(received.video[0].lost(), 0);
    }
}

#[test]
fn a_tile_gets_the_smallest_layer_of_a_stream_and_its_marker() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(sender());
    let other = stage.join(ClientOptions::default());
    let viewer = stage.join(viewer());
    stage.until("all layers", |stage| {
        stage.picture(sender, vp9);
        stage
            .arrivals(viewer, 0)
            .iter()
            .any(|arrived| arrived.payload[3] >> 1 & 7 == 2)
    });
    // Somebody else large, the sender a tile.
    let _ = other;
    stage.bridge.set_view(
        PeerId(viewer as u64),
        Some(TrackId::main(PeerId(other as u64))),
        vec![TrackId::main(PeerId(sender as u64))],
    );
    let mut tile = Vec::new();
    stage.until("a tile", |stage| {
        stage.picture(sender, vp9);
        tile.extend(stage.arrivals(viewer, 1));
        tile.len() > 40
    });
    let layers = |arrived: &Arrived| arrived.payload[3] >> 1 & 7;
    assert!(tile.iter().all(|arrived| layers(arrived) == 0));
    assert!(
        tile.iter().all(|arrived| arrived.marker),
        "the last that goes out ends the picture"
    );
    let ids = tile
        .iter()
        .map(|arrived| u16::from_be_bytes([arrived.payload[1], arrived.payload[2]]) & 0x7fff)
        .collect::<Vec<_>>();
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    assert_eq!(
        stage.crowd.clients()[viewer].received().video[1].lost(),
        0,
        "what was left out leaves no gap"
    );
}

#[test]
fn a_dependency_descriptor_reaches_who_negotiated_it_with_numbers_that_continue() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(sender());
    let viewer = stage.join(viewer());
    stage.until("pictures", |stage| {
        stage.picture(sender, av1);
        stage.pictures(viewer) > 60
    });
    let arrived = stage.arrivals(viewer, 0);
    let first = arrived[0].dependency.as_ref().expect("a descriptor");
    assert_eq!(first[3..], structure(), "a long one, in the two-byte form");
    let numbers = arrived
        .iter()
        .map(|arrived| {
            let dependency = arrived.dependency.as_ref().expect("a descriptor");
            u16::from_be_bytes([dependency[1], dependency[2]])
        })
        .collect::<Vec<_>>();
    assert!(
        numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{numbers:?}"
    );
}

#[test]
fn a_tile_of_layered_av1_is_told_that_only_the_lowest_target_is_sent() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(sender());
    let other = stage.join(ClientOptions::default());
    let viewer = stage.join(viewer());
    stage.bridge.set_view(
        PeerId(viewer as u64),
        Some(TrackId::main(PeerId(other as u64))),
        vec![TrackId::main(PeerId(sender as u64))],
    );
    let mut tile = Vec::new();
    stage.until("a tile", |stage| {
        stage.picture(sender, av1);
        tile.extend(stage.arrivals(viewer, 1));
        tile.len() > 40
    });
    // Before the second layer had been seen, everything was the smallest picture.
    let small = &tile[tile.len() - 20..];
    for arrived in small {
        let dependency = arrived.dependency.as_ref().expect("a descriptor");
        assert!(arrived.marker && arrived.payload[2] == 0);
        assert_ne!(dependency[3] & 0x40, 0, "the active targets are told");
        if dependency[3] & 0x80 == 0 {
            assert_eq!(dependency[3..], [0b0100_0010], "the first of two");
        }
    }
}

#[test]
fn who_did_not_offer_the_codec_is_told_and_gets_nothing() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(sender());
    let able = stage.join(viewer());
    let unable = stage.join(ClientOptions::default());
    stage.until("pictures and the reason", |stage| {
        stage.picture(sender, vp9);
        let told = stage.seen.iter().any(|event| {
            matches!(event, BridgeEvent::LayerLowered { peer, reason: LoweredReason::Codec { codec: Codec::Vp9 }, .. }
                if *peer == PeerId(unable as u64))
        });
        told && stage.pictures(able) > 60
    });
    assert_eq!(stage.pictures(unable), 0);
    let withheld = (TrackId::main(PeerId(sender as u64)), Withheld::Codec);
    assert!(stage.seen.iter().any(|event| matches!(event,
        BridgeEvent::Slots { withheld: all, .. } if all.contains(&withheld))));
}

#[test]
fn lost_packets_of_another_codec_come_again_under_its_retransmissions() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(sender());
    let viewer = stage.join(viewer());
    stage.until("pictures", |stage| {
        stage.picture(sender, h264);
        stage.pictures(viewer) > 40
    });
    let received = stage.crowd.clients()[viewer].received();
    let newest = received.video[0].highest as u16;
    stage
        .crowd
        .client(viewer)
        .nack(0, &[newest.wrapping_sub(3), newest.wrapping_sub(7)]);
    stage.arrivals(viewer, 0);
    stage.until("the repetitions", |stage| {
        stage.picture(sender, h264);
        stage.crowd.clients()[viewer].received().video[0].repaired >= 2
    });
    let again = stage.arrivals(viewer, 0);
    let again = again.iter().filter(|arrived| arrived.payload_type == 103);
    assert!(again.count() >= 2);
}

/// A RED packet around `number`, with a copy of the one before.
fn red(number: u8) -> Vec<u8> {
    let before = [number.wrapping_sub(1); 3];
    let mut payload = vec![0x80 | 111, 0x0f, 0x00, 3, 111];
    payload.extend_from_slice(&before);
    payload.extend_from_slice(&[number; 3]);
    payload
}

#[test]
fn copies_of_sound_fill_holes_and_go_on_where_packets_are_lost() {
    let mut stage = Stage::new(Protection::Gcm);
    let with_red = ClientOptions {
        red: true,
        ..publisher(0)
    };
    let receiving = ClientOptions {
        audio: false,
        repair: true,
        ..with_red.clone()
    };
    let sender = stage.join(with_red);
    let good = stage.join(receiving.clone());
    let plain = stage.join(ClientOptions::default());
    let bad = stage.join(ClientOptions {
        line: LineOptions {
            loss: 0.1,
            seed: 7,
            ..LineOptions::default()
        },
        ..receiving
    });
    let mut sent = 0u32;
    stage.until("copies for the bad line", |stage| {
        sent += 1;
        let payload = red(sent as u8);
        let packet = Shaped {
            codec: Codec::Opus,
            red: true,
            marker: false,
            timestamp: sent * 960,
            dependency: &[],
            payload: &payload,
        };
        let client = stage.crowd.client(sender);
        // One of seven never arrives; its copy is in the next.
        match sent % 7 {
            3 => client.lose_shaped(0, &packet),
            _ => client.send_shaped(0, &packet),
        }
        client.flush();
        std::thread::sleep(Duration::from_millis(3));
        let arrived = stage.arrived.iter();
        let copies = arrived.filter(|got| got.client == bad && got.payload_type == 63);
        copies.count() > 50
    });
    stage.until("the figures of copies", |stage| {
        let recovered = stage.bridge.stats().recovered;
        let detail = stage.bridge.peer_detail(PeerId(sender as u64)).unwrap();
        recovered > 0 && u64::from(detail.up[0].recovered) >= recovered
    });
    for client in [good, plain] {
        let detail = stage.bridge.peer_detail(PeerId(client as u64)).unwrap();
        assert!(!detail.copies);
    }
    let sounds = |client: usize, payload_type: u8| {
        let arrived = stage.arrived.iter().filter(move |arrived| {
            arrived.client == client
                && arrived.kind == Kind::Audio
                && arrived.payload_type == payload_type
        });
        arrived
            .map(|arrived| arrived.payload.clone())
            .collect::<Vec<_>>()
    };
    assert!(sounds(bad, 63).iter().all(|payload| payload.len() == 11));
    for client in [good, plain] {
        assert!(sounds(client, 63).is_empty(), "copies where none are lost");
        let heard = sounds(client, 111);
        assert!(heard.iter().all(|payload| payload.len() == 3));
        let numbers = heard.iter().map(|payload| payload[0]).collect::<Vec<_>>();
        let whole = |pair: &[u8]| pair[1] == pair[0].wrapping_add(1);
        assert!(
            numbers.len() > 100 && numbers.windows(2).all(whole),
            "a hole: {numbers:?}"
        );
        let received = stage.crowd.clients()[client].received();
        assert_eq!((received.refused, received.audio[0].lost()), (0, 0));
    }
}

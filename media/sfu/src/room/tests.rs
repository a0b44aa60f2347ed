//! The rules of a room, one by one.

use std::time::{Duration, Instant};

use super::*;
use crate::codec::Codec;
use crate::descriptor::{Av1, Descriptor};

pub(super) fn picture(index: u64, keyframe: bool, bytes: u16) -> UpPacket {
    UpPacket {
        index,
        timestamp: index as u32 * 3_000,
        marker: true,
        codec: Codec::Vp8,
        descriptor: Descriptor::parse(Codec::Vp8, &[0x90, 0x80, 0x80, 1, u8::from(!keyframe)]),
        level: None,
        bytes,
        place: 0,
    }
}

pub(super) fn sound(index: u64, level: u8) -> UpPacket {
    UpPacket {
        index,
        timestamp: index as u32 * 960,
        marker: false,
        codec: Codec::Opus,
        descriptor: Descriptor::None,
        level: Some(level),
        bytes: 80,
        place: 0,
    }
}

pub(super) struct Bench {
    pub(super) room: Room,
    pub(super) now: Instant,
    index: u64,
    /// Port, track and layer.
    pub(super) requests: Vec<(u32, Track, usize)>,
    pub(super) events: Vec<Event>,
    catch_ups: Vec<CatchUp>,
    /// Port of the receiver, slot and source.
    pub(super) out: Vec<(u32, usize, Source)>,
}

impl Bench {
    pub(super) fn new(peers: u64) -> Self {
        let mut bench = Self {
            room: Room::new(3),
            now: crate::testing::start(),
            index: 0,
            requests: Vec::new(),
            events: Vec::new(),
            catch_ups: Vec::new(),
            out: Vec::new(),
        };
        for peer in 0..peers {
            bench.join(peer);
        }
        bench
    }

    pub(super) fn input(&mut self, input: Input<'_>) {
        self.room.handle_input(input, self.now);
        self.collect();
    }

    fn collect(&mut self) {
        loop {
            match self.room.poll_output() {
                Output::KeyframeRequest { port, track, layer } => {
                    self.requests.push((port, track, layer));
                }
                Output::CatchUp(of) => self.catch_ups.push(of),
                Output::Lead => {}
                Output::Event(event) => self.events.push(event),
                Output::Timeout(_) => break,
            }
        }
    }

    fn join(&mut self, peer: u64) {
        self.join_with(peer, &[]);
    }

    fn join_with(&mut self, peer: u64, codecs: &[Codecs]) {
        self.input(Input::Join {
            peer: PeerId(peer),
            port: peer as u32,
            slots_audio: 3,
            slots_video: 4,
            first_sequence: &[100; 7],
            codecs,
        });
        self.input(Input::Connected {
            peer: PeerId(peer),
            on: true,
        });
        self.input(Input::Estimate {
            peer: PeerId(peer),
            bps: 3_000_000,
        });
    }

    fn source(&self, peer: u64, kind: Kind, layer: usize) -> Source {
        self.source_of(peer, Track::Main, kind, layer)
    }

    fn source_of(&self, peer: u64, track: Track, kind: Kind, layer: usize) -> Source {
        Source::new(
            self.room.seat_index(PeerId(peer)).unwrap(),
            track,
            kind,
            layer,
        )
    }

    fn send(
        &mut self,
        peer: u64,
        kind: Kind,
        layer: usize,
        packet: impl Fn(u64) -> UpPacket,
    ) -> bool {
        self.send_of(peer, Track::Main, kind, layer, packet)
    }

    pub(super) fn send_of(
        &mut self,
        peer: u64,
        track: Track,
        kind: Kind,
        layer: usize,
        packet: impl Fn(u64) -> UpPacket,
    ) -> bool {
        self.index += 1;
        let source = self.source_of(peer, track, kind, layer);
        let taken = self.room.ingest(source, &packet(self.index), self.now);
        let out = &mut self.out;
        self.room.drain(self.now, |outgoing| {
            out.push((outgoing.port, outgoing.slot, outgoing.source));
        });
        self.input(Input::Timeout);
        taken
    }

    /// All layers of `peers` send for `ms`; a keyframe follows each request after 40 ms.
    fn film(&mut self, peers: &[u64], layers: usize, ms: u64) {
        let senders = peers
            .iter()
            .map(|peer| (*peer, Track::Main, layers))
            .collect::<Vec<_>>();
        self.film_of(&senders, ms);
    }

    /// The same for tracks: peer, track and number of layers.
    pub(super) fn film_of(&mut self, senders: &[(u64, Track, usize)], ms: u64) {
        for _ in 0..ms / 20 {
            self.now += Duration::from_millis(20);
            let asked = std::mem::take(&mut self.requests);
            for &(peer, track, layers) in senders {
                for layer in 0..layers {
                    let keyframe = asked.contains(&(peer as u32, track, layer));
                    let bytes = [250u16, 900, 3_500][layer];
                    self.send_of(peer, track, Kind::Video, layer, |index| {
                        picture(index, keyframe, bytes)
                    });
                }
            }
        }
    }

    pub(super) fn talk(&mut self, levels: &[u8], ms: u64) {
        for _ in 0..ms / 20 {
            self.now += Duration::from_millis(20);
            for (peer, &level) in levels.iter().enumerate() {
                self.send(peer as u64, Kind::Audio, 0, |index| sound(index, level));
            }
        }
    }

    fn flows(&self, receiver: u32, kind: Kind, slot: usize) -> Option<(u32, usize)> {
        self.flowing(receiver, kind, slot)
            .map(|source| (source.seat(), source.layer()))
    }

    /// What last went out to a slot.
    pub(super) fn flowing(&self, receiver: u32, kind: Kind, slot: usize) -> Option<Source> {
        self.out
            .iter()
            .rev()
            .find(|out| out.0 == receiver && out.2.kind() == kind && out.1 == slot)
            .map(|out| out.2)
    }
}

#[test]
fn a_new_viewer_gets_a_keyframe_and_never_its_own_picture() {
    let mut bench = Bench::new(2);
    bench.film(&[0], 3, 1_000);
    assert_eq!(
        bench.flows(1, Kind::Video, 0),
        Some((0, 2)),
        "the estimate allows the best layer"
    );
    assert_eq!(bench.flows(0, Kind::Video, 0), None);
    assert!(bench.events.contains(&Event::Slots { peer: PeerId(1) }));
    let InSlots { video, .. } = bench.room.slots(PeerId(1)).unwrap();
    assert_eq!(video[0], Some(TrackId::main(PeerId(0))));
}

#[test]
fn a_layer_changes_on_a_keyframe_only() {
    let mut bench = Bench::new(2);
    bench.film(&[0], 3, 3_000);
    bench.out.clear();
    bench.input(Input::Estimate {
        peer: PeerId(1),
        bps: 400_000,
    });
    assert_eq!(bench.requests, [(0, Track::Main, 0)]);
    let requests = std::mem::take(&mut bench.requests);
    for _ in 0..10 {
        for layer in 0..3 {
            bench.send(0, Kind::Video, layer, |index| picture(index, false, 300));
        }
    }
    assert_eq!(
        bench.flows(1, Kind::Video, 0),
        Some((0, 2)),
        "the old layer goes on until the keyframe"
    );
    bench.requests = requests;
    bench.film(&[0], 3, 100);
    assert_eq!(bench.flows(1, Kind::Video, 0), Some((0, 0)));
    let told = |bench: &Bench| {
        let of_the_line = |event: &&Event| {
            matches!(
                event,
                Event::Lowered {
                    peer: PeerId(1),
                    reason: Lowered::Estimate { bps: 400_000 }
                }
            )
        };
        bench.events.iter().filter(of_the_line).count()
    };
    assert_eq!(told(&bench), 0, "it may be on its way up");
    bench.film(&[0], 3, 10_000);
    assert_eq!(told(&bench), 1);
    bench.input(Input::Estimate {
        peer: PeerId(1),
        bps: 5_000_000,
    });
    bench.film(&[0], 3, 100);
    assert_eq!(bench.flows(1, Kind::Video, 0), Some((0, 2)));
}

#[test]
fn a_layer_that_begins_anew_is_shown_from_its_next_keyframe() {
    let mut bench = Bench::new(2);
    bench.film(&[0], 1, 300);
    let source = bench.source(0, Kind::Video, 0);
    bench.now += KEYFRAME_PAUSE;
    bench.input(Input::Restarted { source });
    assert_eq!(bench.requests, [(0, Track::Main, 0)]);
    bench.out.clear();
    bench.index = 1 << 20;
    bench.send(0, Kind::Video, 0, |index| picture(index, false, 300));
    assert!(bench.out.is_empty());
    bench.send(0, Kind::Video, 0, |index| picture(index, true, 300));
    assert_eq!(bench.flows(1, Kind::Video, 0), Some((0, 0)));
}

#[test]
fn three_hundred_viewers_cost_one_keyframe_request() {
    let mut bench = Bench::new(301);
    let mut requested = 0;
    for step in 0..50 {
        bench.now += Duration::from_millis(20);
        bench.send(0, Kind::Video, 0, |index| picture(index, step == 30, 300));
        requested += std::mem::take(&mut bench.requests).len();
    }
    assert_eq!(requested, 1);
    let InSlots { video, .. } = bench.room.slots(PeerId(300)).unwrap();
    assert_eq!(video[0], Some(TrackId::main(PeerId(0))));
}

#[test]
fn a_viewer_without_a_keyframe_gets_a_reason_and_another_layer() {
    let mut bench = Bench::new(2);
    for _ in 0..400 {
        bench.now += Duration::from_millis(20);
        let asked = std::mem::take(&mut bench.requests);
        for layer in 0..2 {
            // The encoder of layer 1 answers no request.
            let keyframe = layer == 0 && asked.contains(&(0, Track::Main, 0));
            bench.send(0, Kind::Video, layer, |index| picture(index, keyframe, 300));
        }
    }
    assert!(bench.events.contains(&Event::Lowered {
        peer: PeerId(1),
        reason: Lowered::NoKeyframe
    }));
    assert_eq!(bench.flows(1, Kind::Video, 0), Some((0, 0)));
}

#[test]
fn muting_is_done_here_and_not_by_the_page() {
    let mut bench = Bench::new(2);
    bench.film(&[0], 1, 500);
    bench.talk(&[20, 127], 500);
    assert!(bench.flows(1, Kind::Audio, 0).is_some());
    bench.input(Input::Muted {
        peer: PeerId(0),
        audio: true,
        video: true,
    });
    bench.out.clear();
    assert!(!bench.send(0, Kind::Video, 0, |index| picture(index, true, 300)));
    assert!(!bench.send(0, Kind::Audio, 0, |index| sound(index, 20)));
    assert!(bench.out.is_empty());
    let InSlots { audio, video, .. } = bench.room.slots(PeerId(1)).unwrap();
    assert!(audio.iter().chain(&video).all(Option::is_none));
    bench.input(Input::Muted {
        peer: PeerId(0),
        audio: false,
        video: false,
    });
    bench.film(&[0], 1, 500);
    bench.talk(&[20, 127], 500);
    assert!(bench.flows(1, Kind::Video, 0).is_some() && bench.flows(1, Kind::Audio, 0).is_some());
}

#[test]
fn the_picture_follows_speaker_spotlight_and_pin() {
    let mut bench = Bench::new(4);
    bench.film(&[0, 1, 2], 1, 300);
    bench.talk(&[127, 25, 127, 127], 1_000);
    bench.film(&[0, 1, 2], 1, 300);
    assert_eq!(bench.flows(3, Kind::Video, 0), Some((1, 0)));
    assert_ne!(
        bench.flows(1, Kind::Video, 0).map(|(seat, _)| seat),
        Some(1),
        "a speaker does not see itself"
    );
    bench.input(Input::Spotlight {
        peer: Some(PeerId(0)),
    });
    bench.film(&[0, 1, 2], 1, 1_300);
    assert_eq!(bench.flows(3, Kind::Video, 0), Some((0, 0)));
    bench.input(Input::View {
        peer: PeerId(3),
        large: Some(TrackId::main(PeerId(2))),
        tiles: &[0, 1, 3].map(|peer| TrackId::main(PeerId(peer))),
    });
    bench.film(&[0, 1, 2], 1, 1_300);
    assert_eq!(
        bench.flows(3, Kind::Video, 0),
        Some((2, 0)),
        "one's own pin goes first"
    );
    assert_eq!(bench.flows(3, Kind::Video, 1), Some((0, 0)));
    assert_eq!(bench.flows(3, Kind::Video, 2), Some((1, 0)));
    bench.input(Input::View {
        peer: PeerId(3),
        large: Some(TrackId::main(PeerId(2))),
        tiles: &[TrackId::main(PeerId(1))],
    });
    bench.out.clear();
    bench.film(&[0, 1, 2], 1, 200);
    assert_eq!(
        bench.flows(3, Kind::Video, 1),
        None,
        "nobody receives what is not on the screen"
    );
    assert_eq!(
        bench.flows(3, Kind::Video, 2),
        Some((1, 0)),
        "a tile stays in its slot"
    );
}

#[test]
fn a_seat_that_leaves_is_forgotten_also_when_its_number_is_used_again() {
    let mut bench = Bench::new(3);
    bench.film(&[0], 1, 300);
    bench.events.clear();
    bench.input(Input::Leave { peer: PeerId(0) });
    assert!(bench.events.contains(&Event::Slots { peer: PeerId(1) }));
    let InSlots { video, .. } = bench.room.slots(PeerId(1)).unwrap();
    assert_eq!(video[0], None);
    bench.join(9);
    bench.out.clear();
    bench.send(9, Kind::Video, 0, |index| picture(index, false, 300));
    assert!(bench.out.is_empty(), "no delta frame of another peer");
}

#[test]
fn the_copy_for_a_recording_follows_the_speaker_in_the_best_layer() {
    let mut bench = Bench::new(2);
    bench.film(&[0, 1], 3, 300);
    bench.input(Input::Tap { port: Some(77) });
    bench.talk(&[127, 25], 800);
    bench.film(&[0, 1], 3, 1_500);
    assert_eq!(bench.flows(77, Kind::Video, 0), Some((1, 2)));
    assert!(bench.events.contains(&Event::TapSpeaker(PeerId(1))));
    assert!(bench.flows(77, Kind::Audio, 0).is_some());
    bench.input(Input::Tap { port: None });
    bench.out.clear();
    bench.film(&[0, 1], 3, 100);
    assert!(bench.out.iter().all(|out| out.0 != 77));
}

#[test]
fn a_narrow_line_keeps_sound_and_the_large_picture_before_tiles() {
    let mut bench = Bench::new(4);
    bench.input(Input::View {
        peer: PeerId(3),
        large: Some(TrackId::main(PeerId(0))),
        tiles: &[1, 2].map(|peer| TrackId::main(PeerId(peer))),
    });
    bench.film(&[0, 1, 2], 3, 2_000);
    bench.input(Input::Estimate {
        peer: PeerId(3),
        bps: 300_000,
    });
    bench.film(&[0, 1, 2], 3, 1_500);
    bench.out.clear();
    bench.film(&[0, 1, 2], 3, 100);
    assert_eq!(bench.flows(3, Kind::Video, 0), Some((0, 0)));
    assert_eq!(bench.flows(3, Kind::Video, 2), None);
}

/// A packet of a VP9 stream: one a frame, the lowest layer predicted from no other picture in keyframes.
fn layered(index: u64, keyframe: bool, spatial: u8, temporal: u8, bytes: u16) -> UpPacket {
    let first = 0xac | u8::from(!keyframe) << 6;
    let layers = temporal << 5 | 0x10 | spatial << 1 | u8::from(spatial > 0);
    UpPacket {
        codec: Codec::Vp9,
        descriptor: Descriptor::parse(Codec::Vp9, &[first, 0x80, 1, layers, 1, 1]),
        marker: spatial == 2,
        ..picture(index, keyframe, bytes)
    }
}

impl Bench {
    /// A seat sends three spatial layers in one stream for `ms`; returns the spatial layers that port 1 got at the end.
    fn film_layered(&mut self, peer: u64, ms: u64) -> Vec<u8> {
        self.film_for(1, peer, ms, |packet| packet)
    }

    /// The same for another port, of packets that `make` changes.
    fn film_for(
        &mut self,
        port: u32,
        peer: u64,
        ms: u64,
        make: fn(UpPacket) -> UpPacket,
    ) -> Vec<u8> {
        let mut got = Vec::new();
        for _ in 0..ms / 20 {
            self.now += Duration::from_millis(20);
            let keyframe =
                std::mem::take(&mut self.requests).contains(&(peer as u32, Track::Main, 0));
            got.clear();
            for spatial in 0..3u8 {
                self.index += 1;
                let bytes = [250u16, 900, 3_500][usize::from(spatial)];
                let packet = make(layered(self.index, keyframe, spatial, 0, bytes));
                let source = self.source(peer, Kind::Video, 0);
                self.room.ingest(source, &packet, self.now);
                self.room.drain(self.now, |out| {
                    if out.port == port {
                        assert!(!out.translation.blank);
                        got.push(out.packet.descriptor.frame().spatial);
                    }
                });
            }
            self.input(Input::Timeout);
        }
        got
    }
}

#[test]
fn a_narrow_line_gets_the_smaller_pictures_of_a_stream_with_layers() {
    let mut bench = Bench::new(2);
    assert_eq!(bench.film_layered(0, 2_000), [0, 1, 2]);
    bench.input(Input::Estimate {
        peer: PeerId(1),
        bps: 700_000,
    });
    assert_eq!(
        bench.film_layered(0, 40),
        [0, 1],
        "from the next picture on, without a keyframe"
    );
    assert!(bench.room.is_lowered(PeerId(1)));
    bench.input(Input::Estimate {
        peer: PeerId(1),
        bps: 300_000,
    });
    assert_eq!(bench.film_layered(0, 1_000), [0]);
    bench.input(Input::Estimate {
        peer: PeerId(1),
        bps: 6_000_000,
    });
    assert_eq!(
        bench.film_layered(0, 400),
        [0, 1, 2],
        "a keyframe was asked for and came"
    );
}

/// AV1 with the layers of a VP9 packet.
fn in_av1(packet: UpPacket) -> UpPacket {
    let frame = packet.descriptor.frame();
    UpPacket {
        codec: Codec::Av1,
        descriptor: Descriptor::Av1(Av1 {
            frame,
            number: Some(packet.index as u16),
            active: 0b111,
            descriptor_bytes: 3,
        }),
        ..packet
    }
}

#[test]
fn who_takes_no_dependency_descriptor_gets_the_smallest_picture_of_layered_av1() {
    let mut bench = Bench::new(1);
    let without = Codecs::from_iter(Codec::VIDEO).with(Codec::Opus);
    bench.join_with(1, &[without; 7]);
    bench.join_with(2, &[without.with_av1_sizes(); 7]);
    for ms in [2_000, 500, 500] {
        assert_eq!(bench.film_for(1, 0, ms, in_av1), [0], "others show nothing");
        assert_eq!(bench.film_for(2, 0, ms, in_av1), [0, 1, 2]);
    }
    // VP9 says it in the payload.
    assert_eq!(bench.film_layered(0, 2_000), [0, 1, 2]);
    assert_eq!(bench.film_for(1, 0, 2_000, in_av1), [0]);
}

#[test]
fn a_line_too_narrow_for_the_smallest_picture_gets_fewer_of_them() {
    let mut bench = Bench::new(2);
    let mut got = 0;
    for step in 0..300u64 {
        bench.now += Duration::from_millis(20);
        if step == 150 {
            bench.input(Input::Estimate {
                peer: PeerId(1),
                bps: 330_000,
            });
        }
        let keyframe = std::mem::take(&mut bench.requests).contains(&(0, Track::Main, 0));
        let temporal = if keyframe {
            0
        } else {
            [0u8, 2, 1, 2][step as usize % 4]
        };
        bench.index += 1;
        let packet = UpPacket {
            marker: true,
            ..layered(bench.index, keyframe, 0, temporal, 900)
        };
        let source = bench.source(0, Kind::Video, 0);
        bench.room.ingest(source, &packet, bench.now);
        bench
            .room
            .drain(bench.now, |_| got += u32::from(step >= 200));
        bench.input(Input::Timeout);
    }
    // 360 kbit/s in all, of which half is left after sound: every second picture.
    assert!((40..=60).contains(&got), "{got} of 100 pictures");
}

#[test]
fn nobody_gets_a_codec_that_it_did_not_offer_and_is_told_so() {
    let mut bench = Bench::new(1);
    let vp8 = Codecs::NONE.with(Codec::Vp8).with(Codec::Opus);
    bench.join_with(1, &[vp8; 7]);
    bench.film_layered(0, 500);
    assert!(bench.events.contains(&Event::Lowered {
        peer: PeerId(1),
        reason: Lowered::Codec { codec: Codec::Vp9 }
    }));
    assert!(bench.film_layered(0, 100).is_empty());
    // The sender turns to a codec that both have, in the same stream.
    bench.film(&[0], 1, 3_000);
    assert_eq!(bench.flows(1, Kind::Video, 0), Some((0, 0)));
    bench.out.clear();
    assert!(
        bench.film_layered(0, 100).is_empty(),
        "and back: nothing passes from the first packet on"
    );
}

//! Layers that do not pass, and changes of which do.

use std::time::{Duration, Instant};

use super::tests::{A, source_of, video};
use super::*;

/// A VP9 stream of three spatial and three temporal layers, two packets a frame, and what happens to it on its way.
struct Svc {
    state: u64,
    index: u64,
    picture: u16,
    key_in: u32,
}

impl Svc {
    fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % end
    }

    /// The packets of the next picture.
    fn picture(&mut self) -> Vec<UpPacket> {
        self.picture = (self.picture + 1) & 0x7fff;
        self.key_in = self.key_in.checked_sub(1).unwrap_or(60);
        let keyframe = self.key_in == 0;
        let temporal = [0u8, 2, 1, 2][usize::from(self.picture) % 4];
        let temporal = if keyframe { 0 } else { temporal };
        let mut packets = Vec::new();
        for spatial in 0..3u8 {
            for part in 0..2u8 {
                let [high, low] = (self.picture | 0x8000).to_be_bytes();
                let first = 0xa0
                    | u8::from(!keyframe) << 6
                    | u8::from(part == 0) << 3
                    | u8::from(part == 1) << 2;
                let layers = temporal << 5 | 0x10 | spatial << 1 | u8::from(spatial > 0);
                self.index += 1;
                packets.push(UpPacket {
                    index: self.index,
                    timestamp: u32::from(self.picture) * 3_000,
                    marker: spatial == 2 && part == 1,
                    codec: Codec::Vp9,
                    descriptor: Descriptor::parse(
                        Codec::Vp9,
                        &[first, high, low, layers, self.picture as u8, 1],
                    ),
                    level: None,
                    bytes: 900,
                    place: 0,
                });
            }
        }
        packets
    }
}

fn quality(spatial: u8, temporal: u8) -> Quality {
    Quality { spatial, temporal }
}

#[test]
fn what_is_left_out_leaves_no_gap_and_the_last_layer_ends_the_picture() {
    let now = crate::testing::start();
    let mut svc = Svc {
        state: 5,
        index: 70_000,
        picture: 32_760,
        key_in: 1,
    };
    let mut rewriter = Rewriter::new(90_000, 65_000);
    let mut next = 65_000;
    let mut pictures = std::collections::BTreeMap::<u32, (u32, bool)>::new();
    for round in 0..600 {
        match round {
            100 => rewriter.aim(quality(1, 1)),
            300 => rewriter.aim(quality(0, 0)),
            450 => rewriter.aim(Quality::FULL),
            _ => {}
        }
        for packet in svc.picture() {
            if round == 0 && packet.descriptor.keyframe() {
                rewriter.switch(A, quality(2, 7), &packet, now);
            }
            let Some(out) = rewriter.translate(A, &packet, now) else {
                continue;
            };
            assert_eq!(out.index, next, "a gap in picture {round}");
            next += 1;
            assert!(!out.blank);
            let picture = pictures.entry(packet.timestamp).or_default();
            assert!(!picture.1, "a packet after the marker");
            *picture = (picture.0 + 1, out.marker);
        }
    }
    assert!(pictures.values().all(|(_, ended)| *ended));
    let sizes = pictures.values().map(|(packets, _)| *packets);
    let mut sizes = sizes.collect::<Vec<_>>();
    sizes.dedup();
    assert_eq!(
        sizes,
        [6, 4, 2, 6],
        "down at once, up with the next keyframe"
    );
    assert_eq!(rewriter.quality(), Quality::FULL);
}

#[test]
fn loss_disorder_and_layer_switches_never_repeat_a_number_nor_lose_its_origin() {
    for seed in 1..=20u64 {
        let mut now = crate::testing::start();
        let mut streams = [11, 22].map(|salt| Svc {
            state: seed * 7_919 + salt,
            index: salt * 100_000,
            picture: salt as u16,
            key_in: 1,
        });
        let mut rewriter = Rewriter::new(90_000, 32_000);
        let mut road = Vec::<(u64, Source, UpPacket)>::new();
        let mut seen = std::collections::HashMap::new();
        let (mut current, mut wanted, mut last_timestamp) = (None, 0, None::<(u32, Instant)>);
        for tick in 0..2_000u64 {
            now += Duration::from_millis(33);
            for (place, stream) in streams.iter_mut().enumerate() {
                for packet in stream.picture() {
                    // One in ten is lost, one in five is late by up to four pictures.
                    match stream.below(20) {
                        0 | 1 => continue,
                        2..=5 => {
                            road.push((tick + stream.below(5), source_of(place as u32), packet))
                        }
                        _ => road.push((tick, source_of(place as u32), packet)),
                    }
                }
                if stream.below(200) == 0 {
                    // A new SSRC: indexes jump, and the room pauses its receivers until the next keyframe.
                    stream.index = ((stream.index >> 16) + 2) << 16;
                    stream.key_in = 1;
                    road.retain(|(_, source, _)| *source != source_of(place as u32));
                    if current == Some(source_of(place as u32)) {
                        rewriter.pause();
                        current = None;
                    }
                }
            }
            match streams[0].below(40) {
                0 => wanted = streams[0].below(2) as u32,
                1..=3 => {
                    let random = streams[0].below(12) as u8;
                    rewriter.aim(quality(random / 4, random % 4));
                }
                _ => {}
            }
            let mut due = Vec::new();
            road.retain(|(at, source, packet)| {
                let is_due = *at <= tick;
                if is_due {
                    due.push((*source, *packet));
                }
                !is_due
            });
            for (source, packet) in due {
                if current != Some(source)
                    && source == source_of(wanted)
                    && packet.descriptor.keyframe()
                {
                    rewriter.switch(source, Quality::FULL, &packet, now);
                    current = Some(source);
                }
                let Some(out) = rewriter.translate(source, &packet, now) else {
                    continue;
                };
                let former = seen.insert(out.index, (source, packet.index));
                assert_eq!(former, None, "number {} twice, seed {seed}", out.index);
                let origin = rewriter.origin(out.index as u16);
                assert_eq!(origin, Some((source, packet.index)), "seed {seed}");
                let again = rewriter.again(source, &packet).unwrap();
                assert_eq!(again.index, out.index, "seed {seed}");
                if let Some((last, at)) = last_timestamp {
                    let step = out.timestamp.wrapping_sub(last) as i32;
                    let passed = (now - at).as_millis() as i32 * 90;
                    // As much as lateness makes: the clock of the receiver's stream goes as time does.
                    assert!(
                        (step - passed).abs() < 45_000,
                        "{step} in {passed}, seed {seed}"
                    );
                }
                last_timestamp = Some((out.timestamp, now));
            }
        }
        // What is lost for good keeps its number, since nobody knows its layer; of the smallest quality that is the greater part.
        let first = *seen.keys().min().unwrap();
        let span = seen.keys().max().unwrap() - first + 1;
        assert!(
            seen.len() as u64 * 2 > span,
            "seed {seed}: {} of {span}",
            seen.len()
        );
    }
}

#[test]
fn vp8_pictures_of_faster_layers_leave_no_gap_in_their_ids() {
    let now = crate::testing::start();
    let packet = |index: u64, picture: u16, temporal: u8| {
        let [high, low] = (picture & 0x7fff | 0x8000).to_be_bytes();
        UpPacket {
            descriptor: Descriptor::parse(
                Codec::Vp8,
                &[
                    0x90,
                    0xe0,
                    high,
                    low,
                    picture as u8,
                    temporal << 6 | 0x20,
                    u8::from(index > 0),
                ],
            ),
            ..video(index, index as u32 * 3_000, 0)
        }
    };
    let mut rewriter = Rewriter::new(90_000, 0);
    rewriter.switch(A, Quality::FULL, &packet(0, 32_766, 0), now);
    rewriter.aim(quality(0, 0));
    let mut ids = Vec::new();
    for index in 0..40u64 {
        let temporal = [0, 1][index as usize % 2];
        let packet = packet(index, 32_766u16.wrapping_add(index as u16), temporal);
        if let Some(out) = rewriter.translate(A, &packet, now) {
            ids.push(out.picture_id);
        }
        if index == 21 {
            rewriter.aim(Quality::FULL);
        }
    }
    assert!(ids.len() > 25, "{ids:?}");
    for pair in ids.windows(2) {
        assert_eq!(pair[1], (pair[0] + 1) & 0x7fff, "{ids:?}");
    }
}

//! RTP: headers, extensions and payload descriptors, and what becomes of a stream of them on its way to a receiver.
//!
//! The input is a sequence of packets, each with its length in two bytes.
#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use nhipcau_fuzz::pieces;
use nhipcau_sfu::arrivals::Arrivals;
use nhipcau_sfu::descriptor::{Descriptor, Red, av1};
use nhipcau_sfu::rewrite::{Rewriter, UpPacket};
use nhipcau_sfu::rtp::RtpHeader;
use nhipcau_sfu::{Codec, Kind, Quality, Source, Track};

/// The header extension that holds AV1's dependency descriptor here.
const DEPENDENCY_ID: u8 = 12;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fuzz_target!(|data: &[u8]| {
    let mut now = *START;
    let mut layers = [0, 1].map(|_| Arrivals::new(90_000, true, now));
    let mut rewriter = Rewriter::new(90_000, 7);
    let mut out = HashSet::new();
    let mut due = Vec::new();
    let mut structures = [0, 1].map(|_| av1::Structure::default());
    for packet in pieces(data).take(512) {
        now += Duration::from_millis(u64::from(packet.len() as u8));
        let Some(header) = RtpHeader::parse(packet) else {
            continue;
        };
        assert!((12..=packet.len()).contains(&header.header_bytes));
        for id in 0..=u8::MAX {
            if let Some(value) = header.extension(packet, id) {
                assert!(value.len() <= header.header_bytes - 16);
            }
        }
        let Some(payload) = header.payload(packet) else {
            continue;
        };
        let layer = (header.ssrc & 1) as usize;
        let source = Source::new(0, Track::Main, Kind::Video, layer);
        let codec = Codec::VIDEO[(header.ssrc >> 1 & 3) as usize];
        let descriptor = header
            .extension(packet, DEPENDENCY_ID)
            .filter(|_| codec == Codec::Av1)
            .and_then(|value| structures[layer].read(value))
            .map_or_else(|| Descriptor::parse(codec, payload), Descriptor::Av1);
        described(codec, &descriptor, payload);
        let Some(index) = layers[layer].accept(header.sequence, header.timestamp, now) else {
            continue;
        };
        let facts = UpPacket {
            index,
            timestamp: header.timestamp,
            marker: header.marker,
            codec,
            descriptor,
            level: None,
            bytes: payload.len() as u16,
            place: 0,
        };
        let quality = Quality {
            spatial: header.payload_type & 3,
            temporal: header.payload_type >> 2 & 3,
        };
        if rewriter.source() != Some(source) && descriptor.keyframe() {
            rewriter.switch(source, quality, &facts, now);
        } else {
            rewriter.aim(quality);
        }
        if let Some(translation) = rewriter.translate(source, &facts, now) {
            assert!(out.insert(translation.index), "an index goes out twice");
            if let Some(origin) = rewriter.origin(translation.index as u16) {
                assert_eq!(origin, (source, index));
            }
            if let Some(again) = rewriter.again(source, &facts) {
                assert_eq!(again.index, translation.index);
            }
        }
        due.clear();
        layers[layer].due(now, &mut due);
        assert!(due.len() <= 128, "{} packets asked for", due.len());
    }
    for mut layer in layers {
        if let Some(report) = layer.report() {
            assert!(report.lost <= 0x7f_ffff);
        }
    }
});

/// What a payload says of itself is of its codec, survives the writing of other numbers, and lies within the payload.
fn described(codec: Codec, descriptor: &Descriptor, payload: &[u8]) {
    assert!(descriptor.video().is_none_or(|video| video == codec));
    let mut copy = payload.to_vec();
    descriptor.patch(&mut copy, 0x1234, 0x56);
    if !matches!(descriptor, Descriptor::Av1(_)) {
        let read = Descriptor::parse(codec, &copy);
        assert_eq!(read.frame(), descriptor.frame());
        let (read, numbers) = (read.numbers(), descriptor.numbers());
        assert_eq!(read.tl0(), numbers.tl0().map(|_| 0x56));
        let id = numbers
            .picture_id
            .map(|id| if id.long { 0x1234 } else { 0x34 });
        assert_eq!(read.picture_id.map(|id| id.value), id);
    }
    let red = Red::parse(payload, 111, |block| {
        assert!(block.start < block.end && block.end <= payload.len());
    });
    assert!(red.is_none_or(|red| usize::from(red.primary) <= payload.len()));
}

//! Changes of source.

use super::*;
use crate::ids::{Kind, Track};

pub(super) fn video(index: u64, timestamp: u32, picture: u16) -> UpPacket {
    let [high, low] = (picture | 0x8000).to_be_bytes();
    UpPacket {
        index,
        timestamp,
        marker: false,
        codec: Codec::Vp8,
        descriptor: Descriptor::parse(Codec::Vp8, &[0x90, 0xc0, high, low, picture as u8, 0]),
        level: None,
        bytes: 1000,
        place: 0,
    }
}

pub(super) const fn source_of(seat: u32) -> Source {
    Source::new(seat, Track::Main, Kind::Video, 0)
}

pub(super) const A: Source = source_of(1);
const B: Source = source_of(2);

#[test]
fn numbers_continue_over_a_switch() {
    let start = crate::testing::start();
    let mut rewriter = Rewriter::new(90_000, 100);
    rewriter.switch(A, Quality::FULL, &video(5_000, 900, 40), start);
    let first = rewriter
        .translate(A, &video(5_000, 900, 40), start)
        .unwrap();
    let second = rewriter
        .translate(A, &video(5_001, 3_900, 41), start)
        .unwrap();
    assert_eq!((first.index, second.index), (100, 101));
    assert_eq!(second.timestamp - first.timestamp, 3_000);
    assert_eq!(second.picture_id, first.picture_id + 1);
    let later = start + Duration::from_millis(100);
    rewriter.switch(B, Quality::FULL, &video(70_000, 12, 9), later);
    let third = rewriter.translate(B, &video(70_000, 12, 9), later).unwrap();
    assert_eq!(third.index, 102);
    assert_eq!(third.timestamp, second.timestamp + 9_000);
    assert_eq!(third.picture_id, second.picture_id + 1);
    assert_eq!(third.tl0, second.tl0.wrapping_add(1));
    assert_eq!(
        rewriter.translate(A, &video(5_002, 6_900, 42), later),
        None,
        "the old source has ended"
    );
    assert_eq!(
        rewriter.translate(B, &video(69_999, 0, 8), later),
        None,
        "from before the keyframe"
    );
}

#[test]
fn gaps_and_late_packets_keep_their_places() {
    let now = crate::testing::start();
    let mut rewriter = Rewriter::new(90_000, 65_530);
    rewriter.switch(A, Quality::FULL, &video(10, 0, 0), now);
    let indexes = [10, 12, 11, 30].map(|index| {
        rewriter
            .translate(A, &video(index, 0, 0), now)
            .unwrap()
            .index
    });
    assert_eq!(
        indexes,
        [65_530, 65_532, 65_531, 65_550],
        "over the wrap of the sequence number too"
    );
}

#[test]
fn finds_the_origin_of_what_went_out() {
    let now = crate::testing::start();
    let mut rewriter = Rewriter::new(90_000, 65_535);
    rewriter.switch(A, Quality::FULL, &video(10, 0, 0), now);
    rewriter.translate(A, &video(10, 0, 0), now);
    rewriter.translate(A, &video(11, 0, 0), now);
    rewriter.switch(B, Quality::FULL, &video(500, 0, 0), now);
    rewriter.translate(B, &video(500, 0, 0), now);
    assert_eq!(rewriter.origin(65_535), Some((A, 10)));
    assert_eq!(rewriter.origin(0), Some((A, 11)));
    assert_eq!(rewriter.origin(1), Some((B, 500)));
    assert_eq!(rewriter.again(A, &video(11, 0, 0)).unwrap().index, 65_536);
    assert_eq!(rewriter.origin(60_000), None);
}

#[test]
fn new_keys_begin_at_rollover_zero() {
    let now = crate::testing::start();
    let mut rewriter = Rewriter::new(90_000, 0);
    rewriter.switch(A, Quality::FULL, &video(0, 0, 0), now);
    rewriter.translate(A, &video(200_000, 0, 0), now);
    rewriter.restart();
    rewriter.switch(A, Quality::FULL, &video(200_001, 0, 0), now);
    assert!(
        rewriter
            .translate(A, &video(200_001, 0, 0), now)
            .unwrap()
            .index
            < 65_536
    );
}

#[test]
fn no_index_goes_out_twice_whatever_switches() {
    let mut now = crate::testing::start();
    let mut rewriter = Rewriter::new(90_000, 32_000);
    let mut seen = std::collections::HashSet::new();
    let mut state = 7u32;
    let mut next = [1_000u64, 70_000, 5];
    let mut current = 0usize;
    rewriter.switch(source_of(0), Quality::FULL, &video(next[0], 0, 0), now);
    for _ in 0..100_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        now += Duration::from_millis(5);
        if state >> 24 < 6 {
            current = (state as usize >> 8) % 3;
            rewriter.switch(
                source_of(current as u32),
                Quality::FULL,
                &video(next[current], state, 0),
                now,
            );
        }
        let number = (state as usize >> 12) % 3;
        next[number] += 1 + u64::from(state >> 16 & 3 == 0);
        if let Some(out) = rewriter.translate(
            source_of(number as u32),
            &video(next[number], state, 0),
            now,
        ) {
            assert_eq!(number, current);
            assert!(seen.insert(out.index), "index {} twice", out.index);
        }
    }
    assert!(seen.len() > 10_000);
}

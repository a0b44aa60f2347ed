//! The translation of one source's packets into one receiver's stream: continuous sequence numbers, timestamps and picture ids
//! over any change of source. Numbers in, numbers out; no queue, no allocation.

use std::time::{Duration, Instant};

use crate::vp8::Vp8;

/// Names one layer of one track of one seat; equal numbers mean one stream of sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(pub u32);

/// What the room knows of a packet that a peer sent, after authentication and removal of duplicates.
#[derive(Clone, Copy, Debug)]
pub struct UpPacket {
    /// Extended sequence number of its layer.
    pub index: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Payload descriptor of video; `None` for audio and for padding.
    pub vp8: Option<Vp8>,
    /// Audio level in -dBov, 0 loudest, 127 silence (RFC 6464).
    pub level: Option<u8>,
    /// Bytes of the payload.
    pub bytes: u16,
    /// Where the caller keeps the bytes; handed back untouched.
    pub place: u32,
}

/// The numbers under which a packet goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// Extended sequence number in the receiver's stream: rollover counter · 2^16 + sequence.
    pub index: u64,
    /// RTP timestamp in the receiver's stream.
    pub timestamp: u32,
    /// VP8 picture id; meaningful when the source has one.
    pub picture_id: u16,
    /// VP8 TL0PICIDX; meaningful when the source has one.
    pub tl0: u8,
}

/// A run of packets from one source, between two switches.
#[derive(Clone, Copy, Debug)]
struct Segment {
    source: Source,
    first_in: u64,
    first_out: u64,
    timestamp_offset: u32,
    picture_offset: u16,
    tl0_offset: u8,
}

impl Segment {
    fn translate(&self, packet: &UpPacket) -> Translation {
        let vp8 = packet.vp8.as_ref();
        Translation {
            index: self.first_out + (packet.index - self.first_in),
            timestamp: packet.timestamp.wrapping_add(self.timestamp_offset),
            picture_id: vp8
                .and_then(|vp8| vp8.picture_id)
                .map_or(0, |id| id.value.wrapping_add(self.picture_offset) & 0x7fff),
            tl0: vp8
                .and_then(Vp8::tl0)
                .map_or(0, |tl0| tl0.wrapping_add(self.tl0_offset)),
        }
    }
}

/// Switches that a NACK can look behind: a receiver asks for packets of the last second, and a slot switches once or twice in that.
const SEGMENTS: usize = 6;

/// The rewriting state of one slot of one receiver.
#[derive(Clone, Debug)]
pub struct Rewriter {
    clock_hz: u32,
    segments: [Option<Segment>; SEGMENTS],
    /// Place of the newest segment.
    newest: usize,
    next_index: u64,
    last_timestamp: u32,
    last_at: Option<Instant>,
    last_picture: u16,
    last_tl0: u8,
}

impl Rewriter {
    /// A stream in a clock of `clock_hz` that begins at `first_sequence`. It should lie below 32,768, so that the receiver cannot
    /// mistake the rollover counter when the first packets are lost (RFC 3711 section 3.3.1).
    #[must_use]
    pub fn new(clock_hz: u32, first_sequence: u16) -> Self {
        Self {
            clock_hz,
            segments: [None; SEGMENTS],
            newest: 0,
            next_index: u64::from(first_sequence),
            last_timestamp: 0,
            last_at: None,
            last_picture: 0,
            last_tl0: 0,
        }
    }

    /// The source of the packets that pass now.
    #[must_use]
    pub fn source(&self) -> Option<Source> {
        self.segments[self.newest].map(|segment| segment.source)
    }

    /// Begins a segment: `packet` is the first of `source` that passes. For video it must begin a keyframe.
    pub fn switch(&mut self, source: Source, packet: &UpPacket, now: Instant) {
        // The clock goes on while the source changes; at least one tick, so that no two pictures share a timestamp.
        let timestamp = match self.last_at {
            Some(at) => {
                let ticks = now.saturating_duration_since(at).as_nanos()
                    * u128::from(self.clock_hz)
                    / Duration::from_secs(1).as_nanos();
                self.last_timestamp.wrapping_add((ticks as u32).max(1))
            }
            None => packet.timestamp,
        };
        let picture = packet
            .vp8
            .as_ref()
            .and_then(|vp8| vp8.picture_id)
            .map_or(0, |id| id.value);
        let tl0 = packet.vp8.as_ref().and_then(Vp8::tl0).unwrap_or(0);
        self.newest = (self.newest + 1) % SEGMENTS;
        self.segments[self.newest] = Some(Segment {
            source,
            first_in: packet.index,
            first_out: self.next_index,
            timestamp_offset: timestamp.wrapping_sub(packet.timestamp),
            picture_offset: self.last_picture.wrapping_add(1).wrapping_sub(picture),
            tl0_offset: self.last_tl0.wrapping_add(1).wrapping_sub(tl0),
        });
    }

    /// Translates a packet of `source`. `None` when another source passes now, or when the packet is older than the switch.
    ///
    /// Each index of a source must come once only, otherwise an index goes out twice.
    pub fn translate(
        &mut self,
        source: Source,
        packet: &UpPacket,
        now: Instant,
    ) -> Option<Translation> {
        let segment = self.segments[self.newest].as_ref()?;
        if segment.source != source || packet.index < segment.first_in {
            return None;
        }
        let translation = segment.translate(packet);
        if translation.index >= self.next_index {
            self.next_index = translation.index + 1;
            self.last_timestamp = translation.timestamp;
            self.last_at = Some(now);
            if packet.vp8.is_some() {
                self.last_picture = translation.picture_id;
                self.last_tl0 = translation.tl0;
            }
        }
        Some(translation)
    }

    /// Which packet went out under `sequence`: its source and the index in it. `None` when that is too long ago.
    #[must_use]
    pub fn origin(&self, sequence: u16) -> Option<(Source, u64)> {
        let newest = self.next_index.checked_sub(1)?;
        let distance = (newest as u16).wrapping_sub(sequence);
        let index = newest.checked_sub(u64::from(distance))?;
        (0..SEGMENTS)
            .filter_map(|back| self.segments[(self.newest + SEGMENTS - back) % SEGMENTS].as_ref())
            .find(|segment| segment.first_out <= index)
            .map(|segment| {
                (
                    segment.source,
                    segment.first_in + (index - segment.first_out),
                )
            })
    }

    /// Translates a packet that went out before, for sending it again; the numbers are those of the first time.
    #[must_use]
    pub fn again(&self, source: Source, packet: &UpPacket) -> Option<Translation> {
        (0..SEGMENTS)
            .filter_map(|back| self.segments[(self.newest + SEGMENTS - back) % SEGMENTS].as_ref())
            .find(|segment| segment.source == source && segment.first_in <= packet.index)
            .map(|segment| segment.translate(packet))
    }

    /// The receiver's timestamp for a moment of `source`, for sender reports.
    #[must_use]
    pub fn timestamp(&self, source: Source, timestamp: u32) -> Option<u32> {
        let segment = self.segments[self.newest].as_ref()?;
        (segment.source == source).then(|| timestamp.wrapping_add(segment.timestamp_offset))
    }

    /// Forgets everything that went out, because the receiver has new keys and begins at rollover counter 0.
    pub fn restart(&mut self) {
        self.segments = [None; SEGMENTS];
        self.next_index &= 0x7fff;
    }

    /// Ends the current segment: nothing passes until the next [`Self::switch`], but NACKs can still look behind.
    pub fn pause(&mut self) {
        if self.segments[self.newest].is_some() {
            self.newest = (self.newest + 1) % SEGMENTS;
            self.segments[self.newest] = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(index: u64, timestamp: u32, picture: u16) -> UpPacket {
        let [high, low] = (picture | 0x8000).to_be_bytes();
        UpPacket {
            index,
            timestamp,
            marker: false,
            vp8: Vp8::parse(&[0x90, 0xc0, high, low, picture as u8, 0]),
            level: None,
            bytes: 1000,
            place: 0,
        }
    }

    const A: Source = Source(1);
    const B: Source = Source(2);

    #[test]
    fn numbers_continue_over_a_switch() {
        let start = crate::testing::start();
        let mut rewriter = Rewriter::new(90_000, 100);
        rewriter.switch(A, &video(5_000, 900, 40), start);
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
        rewriter.switch(B, &video(70_000, 12, 9), later);
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
        rewriter.switch(A, &video(10, 0, 0), now);
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
        rewriter.switch(A, &video(10, 0, 0), now);
        rewriter.translate(A, &video(10, 0, 0), now);
        rewriter.translate(A, &video(11, 0, 0), now);
        rewriter.switch(B, &video(500, 0, 0), now);
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
        rewriter.switch(A, &video(0, 0, 0), now);
        rewriter.translate(A, &video(200_000, 0, 0), now);
        rewriter.restart();
        rewriter.switch(A, &video(200_001, 0, 0), now);
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
        rewriter.switch(Source(0), &video(next[0], 0, 0), now);
        for _ in 0..100_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            now += Duration::from_millis(5);
            if state >> 24 < 6 {
                current = (state as usize >> 8) % 3;
                rewriter.switch(Source(current as u32), &video(next[current], state, 0), now);
            }
            let source = (state as usize >> 12) % 3;
            next[source] += 1 + u64::from(state >> 16 & 3 == 0);
            if let Some(out) =
                rewriter.translate(Source(source as u32), &video(next[source], state, 0), now)
            {
                assert_eq!(source, current);
                assert!(seen.insert(out.index), "index {} twice", out.index);
            }
        }
        assert!(seen.len() > 10_000);
    }
}

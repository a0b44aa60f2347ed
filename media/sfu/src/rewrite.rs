//! The translation of one source's packets into one receiver's stream: continuous sequence numbers, timestamps and picture ids
//! over any change of source and of layers. Numbers in, numbers out; no queue, and no allocation while a source flows.

use std::time::{Duration, Instant};

use crate::codec::Codec;
use crate::descriptor::Descriptor;
use crate::ids::Source;
use crate::omitted::Omitted;
use crate::selection::{Quality, Selection};

/// What the room knows of a packet that a peer sent, after authentication and removal of duplicates.
#[derive(Clone, Copy, Debug)]
pub struct UpPacket {
    /// Extended sequence number of its layer.
    pub index: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// What the payload is.
    pub codec: Codec,
    /// What the payload says of itself in the clear.
    pub descriptor: Descriptor,
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
    /// Marker bit: with less than all spatial layers, the last one that goes out ends the picture.
    pub marker: bool,
    /// Whether the packet goes out without its payload: it came late, its layer is not for this receiver, and its number was kept
    /// free for it. Without it the receiver would ask for that number in vain.
    pub blank: bool,
    /// Picture id; meaningful when the source has one.
    pub picture_id: u16,
    /// TL0PICIDX; meaningful when the source has one.
    pub tl0: u8,
    /// AV1 frame number; meaningful when the source has one.
    pub frame_number: u16,
}

/// A run of packets from one source, between two switches.
#[derive(Clone, Debug)]
struct Segment {
    source: Source,
    first_in: u64,
    first_out: u64,
    /// One more than the highest index that came.
    end_in: u64,
    timestamp_offset: u32,
    /// The source's timestamp up to which the past is told quickly; see [`Rewriter::switch_behind`].
    live: Option<u32>,
    picture_offset: u16,
    tl0_offset: u8,
    frame_offset: u16,
    /// Packets of layers that do not pass.
    packets: Option<Box<Omitted>>,
    /// VP8 pictures that do not pass: a receiver takes a gap in their ids for a loss. Those of VP9 and AV1 name what they refer to,
    /// so theirs must keep their gaps.
    pictures: Option<Box<Omitted>>,
}

impl Segment {
    /// The number under which the packet `index` goes out; `None` when it is too old to tell.
    fn number(&self, index: u64) -> Option<u64> {
        let omitted = match &self.packets {
            Some(packets) => packets.before(index)?,
            None => 0,
        };
        Some(self.first_out + (index - self.first_in) - omitted)
    }

    /// The packet that went out under `number`.
    fn origin(&self, number: u64) -> Option<u64> {
        match &self.packets {
            // Counted from the beginning of the segment, where nothing was left out.
            Some(packets) => packets.find(number - self.first_out + self.first_in),
            None => Some(self.first_in + (number - self.first_out)),
        }
    }

    fn timestamp(&self, timestamp: u32) -> u32 {
        let behind = self.live.map_or(0, |live| {
            (live.wrapping_sub(timestamp) as i32).max(0) as u32
        });
        timestamp
            .wrapping_add(self.timestamp_offset)
            .wrapping_add(behind - (behind >> HASTE))
    }

    fn is_omitted(&self, index: u64) -> bool {
        self.packets
            .as_ref()
            .is_some_and(|packets| packets.contains(index))
    }

    /// Leaves out a packet that is newer than all before.
    fn omit(&mut self, packet: &UpPacket) {
        let end = self.end_in;
        self.packets
            .get_or_insert_with(|| Box::new(Omitted::new(end)))
            .omit(packet.index);
        self.end_in = packet.index + 1;
        if let Descriptor::Vp8(vp8) = &packet.descriptor
            && let Some(id) = vp8.numbers.picture_id
        {
            let pictures = self.pictures.get_or_insert_with(|| {
                // Far from 0, so that late ones before it have a number too.
                Box::new(Omitted::new(PICTURES_BASE | u64::from(id.value)))
            });
            let picture = extend(pictures.end(), id.value, id.long);
            if picture >= pictures.end() {
                pictures.omit(picture);
            }
        }
    }

    /// Lets a packet pass that is newer than all before.
    fn keep(&mut self, packet: &UpPacket) {
        if let Some(packets) = &mut self.packets {
            packets.keep(packet.index);
        }
        self.end_in = packet.index + 1;
        if let Some(pictures) = &mut self.pictures
            && let Some(id) = packet.descriptor.numbers().picture_id
        {
            pictures.keep(extend(pictures.end(), id.value, id.long));
        }
    }

    fn picture_id(&self, packet: &UpPacket) -> Option<u16> {
        let id = packet.descriptor.numbers().picture_id?;
        let omitted = match &self.pictures {
            Some(pictures) => pictures.before(extend(pictures.end(), id.value, id.long))?,
            None => 0,
        };
        Some(
            id.value
                .wrapping_add(self.picture_offset)
                .wrapping_sub(omitted as u16)
                & 0x7fff,
        )
    }

    fn translate(&self, packet: &UpPacket, quality: Quality) -> Option<Translation> {
        let frame = packet.descriptor.frame();
        let number = match &packet.descriptor {
            Descriptor::Av1(av1) => av1.number,
            _ => None,
        };
        Some(Translation {
            index: self.number(packet.index)?,
            timestamp: self.timestamp(packet.timestamp),
            marker: packet.marker || (frame.end && frame.spatial == quality.spatial),
            blank: !quality.holds(&frame),
            picture_id: self.picture_id(packet).unwrap_or(0),
            tl0: packet
                .descriptor
                .numbers()
                .tl0()
                .map_or(0, |tl0| tl0.wrapping_add(self.tl0_offset)),
            frame_number: number.map_or(0, |number| number.wrapping_add(self.frame_offset)),
        })
    }
}

/// What has passed is told 64 times as fast as it happened: the pictures of two seconds lie within 31 ms.
const HASTE: u32 = 6;
/// Ticks after which nobody asks again for what was told quickly. The difference of two timestamps means nothing after six hours.
const HASTE_OVER: i32 = 10 * 90_000;
/// Where the numbers of pictures begin.
const PICTURES_BASE: u64 = 1 << 20;

/// The picture number nearest to the one before `end` that has the picture id `value`.
fn extend(end: u64, value: u16, long: bool) -> u64 {
    let bits = if long { 15 } else { 7 };
    let before = end - 1;
    let distance = value.wrapping_sub(before as u16) << (16 - bits);
    before.saturating_add_signed(i64::from(distance as i16 >> (16 - bits)))
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
    selection: Selection,
    next_index: u64,
    last_timestamp: u32,
    last_at: Option<Instant>,
    last_picture: u16,
    last_tl0: u8,
    last_frame: u16,
}

impl Rewriter {
    /// A stream in a clock of `clock_hz` that begins at `first_sequence`. It should lie below 32,768, so that the receiver cannot
    /// mistake the rollover counter when the first packets are lost (RFC 3711 section 3.3.1).
    #[must_use]
    pub fn new(clock_hz: u32, first_sequence: u16) -> Self {
        Self {
            clock_hz,
            segments: Default::default(),
            newest: 0,
            selection: Selection::new(Quality::FULL),
            next_index: u64::from(first_sequence),
            last_timestamp: 0,
            last_at: None,
            last_picture: 0,
            last_tl0: 0,
            last_frame: 0,
        }
    }

    /// The source of the packets that pass now.
    #[must_use]
    pub fn source(&self) -> Option<Source> {
        self.segments[self.newest]
            .as_ref()
            .map(|segment| segment.source)
    }

    /// The layers of it that pass now.
    #[must_use]
    pub fn quality(&self) -> Quality {
        self.selection.now
    }

    /// Sets which layers of the source that flows are to pass; the change waits for a frame that allows it.
    pub fn aim(&mut self, quality: Quality) {
        self.selection.wanted = quality;
    }

    /// Begins a segment: `packet` is the first of `source` that passes, and all layers up to `quality` pass with it. For video it
    /// must begin a keyframe.
    pub fn switch(&mut self, source: Source, quality: Quality, packet: &UpPacket, now: Instant) {
        self.begin(source, quality, packet, None, now);
    }

    /// Begins a segment in the past: `packet` began the latest keyframe of `source`, and what came since is to be translated next, up to
    /// the timestamp `live` of the newest. Its pictures get timestamps close together, so that the receiver runs through them and
    /// shows the newest at once.
    pub fn switch_behind(
        &mut self,
        source: Source,
        quality: Quality,
        packet: &UpPacket,
        live: u32,
        now: Instant,
    ) {
        self.begin(source, quality, packet, Some(live), now);
    }

    fn begin(
        &mut self,
        source: Source,
        quality: Quality,
        packet: &UpPacket,
        live: Option<u32>,
        now: Instant,
    ) {
        let newest = live.unwrap_or(packet.timestamp);
        let told = newest.wrapping_sub(packet.timestamp) >> HASTE;
        // The clock goes on while the source changes; at least one tick, so that no two pictures share a timestamp.
        let timestamp = match self.last_at {
            Some(at) => {
                let ticks = now.saturating_duration_since(at).as_nanos()
                    * u128::from(self.clock_hz)
                    / Duration::from_secs(1).as_nanos();
                self.last_timestamp
                    .wrapping_add((ticks as u32).max(told + 1))
            }
            None => newest,
        };
        let numbers = packet.descriptor.numbers();
        let picture = numbers.picture_id.map_or(0, |id| id.value);
        let tl0 = numbers.tl0().unwrap_or(0);
        let frame = match &packet.descriptor {
            Descriptor::Av1(av1) => av1.number.unwrap_or(0),
            _ => 0,
        };
        self.selection = Selection::new(quality);
        self.newest = (self.newest + 1) % SEGMENTS;
        self.segments[self.newest] = Some(Segment {
            source,
            first_in: packet.index,
            first_out: self.next_index,
            end_in: packet.index,
            timestamp_offset: timestamp.wrapping_sub(newest),
            live,
            picture_offset: self.last_picture.wrapping_add(1).wrapping_sub(picture),
            tl0_offset: self.last_tl0.wrapping_add(1).wrapping_sub(tl0),
            frame_offset: self.last_frame.wrapping_add(1).wrapping_sub(frame),
            packets: None,
            pictures: None,
        });
    }

    /// Translates a packet of `source`. `None` when another source passes now, when its layer does not pass, or when the packet is
    /// older than the switch.
    ///
    /// Each index of a source must come once only, otherwise an index goes out twice.
    pub fn translate(
        &mut self,
        source: Source,
        packet: &UpPacket,
        now: Instant,
    ) -> Option<Translation> {
        let segment = self.segments[self.newest].as_mut()?;
        if segment.source != source || packet.index < segment.first_in {
            return None;
        }
        if packet.index < segment.end_in {
            // Late. Its number was kept free unless it is known to have been left out.
            if segment.is_omitted(packet.index) {
                return None;
            }
            return segment.translate(packet, self.selection.at(packet.index));
        }
        let frame = packet.descriptor.frame();
        self.selection.turn(&frame, packet.index);
        if !self.selection.now.holds(&frame) {
            segment.omit(packet);
            // Packets between the one before and this one may still come: their numbers stay free.
            self.next_index = segment.number(packet.index + 1)?;
            return None;
        }
        segment.keep(packet);
        if segment
            .live
            .is_some_and(|live| packet.timestamp.wrapping_sub(live) as i32 > HASTE_OVER)
        {
            segment.live = None;
        }
        let translation = segment.translate(packet, self.selection.now)?;
        self.next_index = translation.index + 1;
        self.last_timestamp = translation.timestamp;
        self.last_at = Some(now);
        if packet.descriptor.numbers().picture_id.is_some() {
            self.last_picture = translation.picture_id;
        }
        if packet.descriptor.numbers().tl0().is_some() {
            self.last_tl0 = translation.tl0;
        }
        if matches!(packet.descriptor, Descriptor::Av1(av1) if av1.number.is_some()) {
            self.last_frame = translation.frame_number;
        }
        Some(translation)
    }

    fn segments(&self) -> impl Iterator<Item = &Segment> {
        (0..SEGMENTS)
            .filter_map(|back| self.segments[(self.newest + SEGMENTS - back) % SEGMENTS].as_ref())
    }

    /// Which packet went out under `sequence`: its source and the index in it. `None` when that is too long ago.
    #[must_use]
    pub fn origin(&self, sequence: u16) -> Option<(Source, u64)> {
        let newest = self.next_index.checked_sub(1)?;
        let distance = (newest as u16).wrapping_sub(sequence);
        let index = newest.checked_sub(u64::from(distance))?;
        let segment = self.segments().find(|segment| segment.first_out <= index)?;
        Some((segment.source, segment.origin(index)?))
    }

    /// Translates a packet that went out before, for sending it again; the numbers are those of the first time.
    #[must_use]
    pub fn again(&self, source: Source, packet: &UpPacket) -> Option<Translation> {
        let (back, segment) = self
            .segments()
            .enumerate()
            .find(|(_, segment)| segment.source == source && segment.first_in <= packet.index)?;
        if segment.is_omitted(packet.index) {
            return None;
        }
        let quality = if back == 0 {
            self.selection.at(packet.index)
        } else {
            Quality::FULL
        };
        segment.translate(packet, quality)
    }

    /// The receiver's timestamp for a moment of `source`, for sender reports.
    #[must_use]
    pub fn timestamp(&self, source: Source, timestamp: u32) -> Option<u32> {
        let segment = self.segments[self.newest].as_ref()?;
        (segment.source == source).then(|| segment.timestamp(timestamp))
    }

    /// Forgets everything that went out, because the receiver has new keys and begins at rollover counter 0.
    pub fn restart(&mut self) {
        self.segments = Default::default();
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
    use crate::ids::{Kind, Track};

    fn video(index: u64, timestamp: u32, picture: u16) -> UpPacket {
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

    const fn source_of(seat: u32) -> Source {
        Source::new(seat, Track::Main, Kind::Video, 0)
    }

    const A: Source = source_of(1);
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
}

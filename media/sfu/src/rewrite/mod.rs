//! The translation of one source's packets into one receiver's stream: continuous sequence numbers, timestamps and picture ids
//! over any change of source and of layers. Numbers in, numbers out; no queue, and no allocation while a source flows.

mod segment;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_layers;

use std::time::{Duration, Instant};

use crate::codec::Codec;
use crate::descriptor::Descriptor;
use crate::ids::Source;
use crate::selection::{Quality, Selection};
use segment::{HASTE, HASTE_OVER, Segment};

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
    /// The layers that pass when this packet does.
    pub quality: Quality,
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
        self.segments[self.newest]
            .as_ref()
            .map_or(Quality::FULL, |segment| segment.selection.now)
    }

    /// Sets which layers of the source that flows are to pass; the change waits for a frame that allows it.
    pub fn aim(&mut self, quality: Quality) {
        if let Some(segment) = &mut self.segments[self.newest] {
            segment.selection.wanted = quality;
        }
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
            selection: Selection::new(quality),
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
            return segment.translate(packet, segment.selection.at(packet.index));
        }
        let frame = packet.descriptor.frame();
        segment.selection.turn(&frame, packet.index);
        if !segment.selection.now.holds(&frame) {
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
        let translation = segment.translate(packet, segment.selection.now)?;
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
        let segment = self
            .segments()
            .find(|segment| segment.source == source && segment.first_in <= packet.index)?;
        if segment.is_omitted(packet.index) {
            return None;
        }
        segment.translate(packet, segment.selection.at(packet.index))
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

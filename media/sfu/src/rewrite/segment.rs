//! A run of packets from one source between two switches: which number, timestamp and picture id each of them goes out under, and what
//! of it does not go out.

use super::{Translation, UpPacket};
use crate::descriptor::Descriptor;
use crate::ids::Source;
use crate::omitted::Omitted;
use crate::selection::{Quality, Selection};

/// What has passed is told 64 times as fast as it happened: the pictures of two seconds lie within 31 ms.
pub(super) const HASTE: u32 = 6;
/// Ticks after which nobody asks again for what was told quickly. The difference of two timestamps means nothing after six hours.
pub(super) const HASTE_OVER: i32 = 10 * 90_000;
/// Where the numbers of pictures begin.
const PICTURES_BASE: u64 = 1 << 20;

/// A run of packets from one source, between two switches.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) source: Source,
    pub(super) first_in: u64,
    pub(super) first_out: u64,
    /// One more than the highest index that came.
    pub(super) end_in: u64,
    pub(super) timestamp_offset: u32,
    /// The source's timestamp up to which the past is told quickly; see [`Rewriter::switch_behind`].
    pub(super) live: Option<u32>,
    pub(super) picture_offset: u16,
    pub(super) tl0_offset: u8,
    pub(super) frame_offset: u16,
    /// Its layers that pass.
    pub(super) selection: Selection,
    /// Packets of layers that do not pass.
    pub(super) packets: Option<Box<Omitted>>,
    /// VP8 pictures that do not pass: a receiver takes a gap in their ids for a loss. Those of VP9 and AV1 name what they refer to,
    /// so theirs must keep their gaps.
    pub(super) pictures: Option<Box<Omitted>>,
}

impl Segment {
    /// The number under which the packet `index` goes out; `None` when it is too old to tell.
    pub(super) fn number(&self, index: u64) -> Option<u64> {
        let omitted = match &self.packets {
            Some(packets) => packets.before(index)?,
            None => 0,
        };
        Some(self.first_out + (index - self.first_in) - omitted)
    }

    /// The packet that went out under `number`.
    pub(super) fn origin(&self, number: u64) -> Option<u64> {
        match &self.packets {
            // Counted from the beginning of the segment, where nothing was left out.
            Some(packets) => packets.find(number - self.first_out + self.first_in),
            None => Some(self.first_in + (number - self.first_out)),
        }
    }

    pub(super) fn timestamp(&self, timestamp: u32) -> u32 {
        let behind = self.live.map_or(0, |live| {
            (live.wrapping_sub(timestamp) as i32).max(0) as u32
        });
        timestamp
            .wrapping_add(self.timestamp_offset)
            .wrapping_add(behind - (behind >> HASTE))
    }

    pub(super) fn is_omitted(&self, index: u64) -> bool {
        self.packets
            .as_ref()
            .is_some_and(|packets| packets.contains(index))
    }

    /// Leaves out a packet that is newer than all before.
    pub(super) fn omit(&mut self, packet: &UpPacket) {
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
    pub(super) fn keep(&mut self, packet: &UpPacket) {
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

    pub(super) fn translate(&self, packet: &UpPacket, quality: Quality) -> Option<Translation> {
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
            quality,
        })
    }
}

/// The picture number nearest to the one before `end` that has the picture id `value`.
fn extend(end: u64, value: u16, long: bool) -> u64 {
    let bits = if long { 15 } else { 7 };
    let before = end - 1;
    let distance = value.wrapping_sub(before as u16) << (16 - bits);
    before.saturating_add_signed(i64::from(distance as i16 >> (16 - bits)))
}

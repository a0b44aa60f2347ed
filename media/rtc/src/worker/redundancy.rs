//! Holes in sound, filled from the copies that a later RED packet carries (RFC 2198): receivers that take no RED hear no gap.

use std::time::Instant;

use nhipcau_sfu::descriptor::{Block, Descriptor, Red};
use nhipcau_sfu::rewrite::UpPacket;

use crate::peer::UpLayer;

/// Packets back that are filled. Browsers send one or two copies.
const REACH: usize = 2;

/// Packets that were lost on the way up and stand in `packet`, oldest first.
pub(super) type Recovered = [Option<UpPacket>; REACH];

/// Looks for lost packets among the copies in `payload`, whose blocks have the payload type `opus`, and keeps them as if they had come.
///
/// `packet` has been accepted just now under `sequence`. One that is only late is then refused as a repetition of its copy.
pub(super) fn recover(
    layer: &mut UpLayer,
    packet: &UpPacket,
    sequence: u16,
    payload: &[u8],
    opus: u8,
    now: Instant,
) -> Recovered {
    let mut recovered = [None; REACH];
    let mut blocks = [None::<Block>; REACH];
    let parsed = Red::parse(payload, opus, |block| {
        blocks.rotate_left(1);
        blocks[REACH - 1] = Some(block);
    });
    if parsed.is_none() {
        return recovered;
    }
    for (place, block) in blocks.iter().enumerate() {
        // The last block is the copy of the packet before this one, and so on.
        let back = (REACH - place) as u64;
        let (Some(block), Some(index)) = (block, packet.index.checked_sub(back)) else {
            continue;
        };
        if index < layer.base || layer.cache.find(index).is_some() {
            continue;
        }
        let timestamp = packet.timestamp.wrapping_sub(block.age);
        // Silence makes copies older than their place: such a block belongs to a packet that came.
        let before = index
            .checked_sub(1)
            .and_then(|index| layer.cache.find(index));
        let fits =
            before.is_some_and(|(before, _)| (timestamp.wrapping_sub(before.timestamp) as i32) > 0);
        if !fits {
            continue;
        }
        let lost = sequence.wrapping_sub(back as u16);
        if layer.arrivals.accept(lost, timestamp, now).is_none() {
            continue;
        }
        let copy = &payload[block.start..block.end];
        let facts = UpPacket {
            index,
            timestamp,
            marker: false,
            descriptor: Descriptor::None,
            bytes: copy.len() as u16,
            ..*packet
        };
        layer.cache.insert(&facts, copy, &[]);
        recovered[place] = Some(facts);
    }
    recovered
}

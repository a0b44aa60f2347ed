//! Padding that looks for room on a receiver's line. It travels in the retransmission stream of the first picture (RFC 4588), where an
//! empty payload means nothing to the receiver but is counted in its transport-wide feedback.

use std::time::Instant;

use super::Worker;
use crate::socket::Outbox;

/// The most that a padding count can say (RFC 3550 section 5.1).
const PADDING: usize = 255;
/// Fixed header, and one block of one-byte extensions with the transport-wide sequence number.
const HEADER: usize = 20;

impl Worker {
    /// Sends the padding that the estimator of a receiver asks for now.
    pub(super) fn send_padding(&mut self, index: u32, outbox: &mut Outbox, now: Instant) {
        let Some(Some(down)) = self.downs.get_mut(index as usize) else {
            return;
        };
        let (Some(seal), Some(route), Some(id)) = (&down.seal, down.route, down.transport_id)
        else {
            return;
        };
        let Some((slot, payload_type)) = down
            .video
            .iter_mut()
            .find_map(|slot| {
                Some((
                    slot.payload_types
                        .iter()
                        .flatten()
                        .find_map(|types| types.1)?,
                    slot,
                ))
            })
            .map(|(payload_type, slot)| (slot, payload_type))
        else {
            return;
        };
        let mut left = down.estimator.begin_padding(now);
        let clock_us = down.estimator.clock_us(now);
        while left > 0 {
            if outbox.is_full() {
                outbox.flush(&self.sockets);
            }
            let space = outbox.space();
            let rtx_index = slot.rtx_index;
            slot.rtx_index += 1;
            let transport = down.transport_next;
            down.transport_next = transport.wrapping_add(1);
            space[..HEADER + PADDING].fill(0);
            space[0] = 0xb0;
            space[1] = payload_type;
            space[2..4].copy_from_slice(&(rtx_index as u16).to_be_bytes());
            space[8..12].copy_from_slice(&slot.rtx_ssrc.to_be_bytes());
            space[12..17].copy_from_slice(&[0xbe, 0xde, 0, 1, id << 4 | 1]);
            space[17..19].copy_from_slice(&transport.to_be_bytes());
            space[HEADER + PADDING - 1] = PADDING as u8;
            let length = seal.seal_rtp(space, HEADER, HEADER + PADDING, rtx_index);
            down.estimator.sent(transport, clock_us, length as u16);
            down.bytes += length as u64;
            self.counters.padding += 1;
            outbox.commit(&route, length);
            if let Some(bucket) = self.impairments.then_some(down.impaired.as_mut()).flatten()
                && bucket.offer(&route, outbox.last(), now) != crate::impair::Fate::Pass
            {
                outbox.pop();
            }
            left = left.saturating_sub(length);
        }
        down.estimator.end_padding();
    }
}

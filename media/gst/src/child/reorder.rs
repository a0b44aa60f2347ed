//! Puts one source's packets back in order and gives up on lost ones.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A packet in order, and whether packets before it are missing for good.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ordered {
    pub(super) after_loss: bool,
    pub(super) bytes: Vec<u8>,
}

/// Holds packets back while an earlier one is missing, for a limited time and number.
#[derive(Debug)]
pub(super) struct Reorder {
    /// Next sequence number to hand out, extended beyond 16 bits; `None` before the first packet.
    next: Option<i64>,
    held: BTreeMap<i64, (Instant, Vec<u8>)>,
    wait_max: Duration,
    held_max: usize,
    after_loss: bool,
}

/// A sequence number farther away than this is a new start of the same source, not reordering (RFC 3550 A.1 uses 3000
/// forward and 100 backward as well).
const JUMP_FORWARD: i64 = 3000;
const JUMP_BACKWARD: i64 = 100;

impl Reorder {
    pub(super) fn new(wait_max: Duration, held_max: usize) -> Self {
        Self {
            next: None,
            held: BTreeMap::new(),
            wait_max,
            held_max,
            after_loss: false,
        }
    }

    /// Takes one packet in. Late ones and duplicates are dropped.
    pub(super) fn push(&mut self, sequence: u16, bytes: &[u8], now: Instant) {
        let expected = self.next.unwrap_or(i64::from(sequence));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            reason = "distance modulo 2^16"
        )]
        let distance = i64::from(sequence.wrapping_sub(expected as u16) as i16);
        let mut extended = expected + distance;
        if !(-JUMP_BACKWARD..=JUMP_FORWARD).contains(&distance) {
            self.held.clear();
            self.next = Some(extended);
            self.after_loss = true;
        } else if distance < 0 {
            return;
        } else if self.next.is_none() {
            extended = i64::from(sequence);
            self.next = Some(extended);
        }
        self.held
            .entry(extended)
            .or_insert_with(|| (now, bytes.to_vec()));
    }

    /// The next packet in order, if there is one or the wait for a missing one is over.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Ordered> {
        let next = self.next?;
        let (&first, &(arrived, _)) = self.held.first_key_value()?;
        if first != next {
            let waited = now.saturating_duration_since(arrived) >= self.wait_max;
            if !waited && self.held.len() <= self.held_max {
                return None;
            }
            self.after_loss = true;
        }
        let (_, (_, bytes)) = self.held.pop_first()?;
        self.next = Some(first + 1);
        Some(Ordered {
            after_loss: std::mem::take(&mut self.after_loss),
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_millis(100);

    fn drain(reorder: &mut Reorder, now: Instant) -> Vec<(u8, bool)> {
        std::iter::from_fn(|| reorder.pop(now))
            .map(|packet| (packet.bytes[0], packet.after_loss))
            .collect()
    }

    #[test]
    fn swapped_and_doubled_packets_come_out_once_in_order_across_the_wrap() {
        let (mut reorder, now) = (Reorder::new(WAIT, 8), Instant::now());
        for (sequence, byte) in [
            (65534, 1),
            (0, 3),
            (65535, 2),
            (65535, 9),
            (1, 4),
            (65534, 9),
        ] {
            reorder.push(sequence, &[byte], now);
        }
        assert_eq!(
            drain(&mut reorder, now),
            [(1, false), (2, false), (3, false), (4, false)]
        );
    }

    #[test]
    fn a_missing_packet_is_waited_for_and_then_given_up() {
        let (mut reorder, now) = (Reorder::new(WAIT, 8), Instant::now());
        reorder.push(10, &[1], now);
        reorder.push(12, &[3], now);
        assert_eq!(drain(&mut reorder, now), [(1, false)]);
        assert_eq!(drain(&mut reorder, now + WAIT), [(3, true)]);
        reorder.push(11, &[2], now + WAIT);
        assert_eq!(drain(&mut reorder, now + WAIT), [], "too late");
    }

    #[test]
    fn the_queue_is_bounded_and_a_jump_starts_anew() {
        let (mut reorder, now) = (Reorder::new(WAIT, 2), Instant::now());
        reorder.push(10, &[1], now);
        for sequence in 12..15 {
            reorder.push(sequence, &[2], now);
        }
        assert_eq!(
            drain(&mut reorder, now),
            [(1, false), (2, true), (2, false), (2, false)]
        );
        reorder.push(40_000, &[7], now);
        assert_eq!(drain(&mut reorder, now), [(7, true)]);
    }
}

//! Pacing towards one receiver: a keyframe is ten times a delta frame, and sent at once it overflows the queue of a 10 to 20 Mbit/s
//! shaper. A leaky bucket lets a usual frame pass untouched; what is beyond it waits, as indexes into the publisher's cache, and follows
//! at a multiple of the line's estimate. Sound and repetitions are never held back.

use std::collections::VecDeque;

use nhipcau_sfu::Source;
use nhipcau_sfu::rewrite::Translation;

/// What may go at once: the frame of a 4 Mbit/s picture, and what one GSO message holds at most.
const BURST_BYTES: i64 = 16 * 1024;
/// Pace in parts of the estimate: a picture that fits the line on average must not fall behind.
const PACE_NUMERATOR: u64 = 5;
const PACE_DENOMINATOR: u64 = 2;
/// The pace of a line whose estimate is lower.
const PACE_BPS_MIN: u64 = 500_000;
/// Nothing waits longer than about this: what has gathered is sent as fast as that takes.
const WAIT_US_MAX: u64 = 200_000;
/// Packets that wait for one receiver; what is beyond them goes at the next look, whatever the pace: well below what the caches hold.
const WAITING_SOON: usize = 192;
/// Packets that wait until that look. What comes beyond them is dropped, and can be asked for again.
const WAITING_MAX: usize = 2_048;

/// A packet that waits, by its place in the publisher's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) source: Source,
    /// Its index in the source.
    pub(crate) index: u64,
    /// The receiver's video slot.
    pub(crate) slot: u8,
    pub(crate) bytes: u16,
    /// The numbers under which it goes out.
    pub(crate) translation: Translation,
}

/// The bucket of one receiver, and what waits behind it.
#[derive(Default)]
pub(crate) struct Pacer {
    /// Bytes that may go now; a packet may overdraw it.
    left: i64,
    filled_us: u64,
    waiting: VecDeque<Waiting>,
    waiting_bytes: u64,
}

impl Pacer {
    /// Whether a packet may go now. `bps` gives the estimate and is asked once a wake-up.
    pub(crate) fn passes(
        &mut self,
        bytes: usize,
        clock_us: u64,
        bps: impl FnOnce() -> u64,
    ) -> bool {
        if !self.waiting.is_empty() {
            return false;
        }
        if clock_us != self.filled_us {
            self.fill(clock_us, bps());
        }
        if self.left <= 0 {
            return false;
        }
        self.left -= bytes as i64;
        true
    }

    /// Counts what went out without asking.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.left -= bytes as i64;
    }

    /// Lets a packet wait. Returns whether there was room.
    pub(crate) fn hold(&mut self, waiting: Waiting) -> bool {
        if self.waiting.len() >= WAITING_MAX {
            return false;
        }
        self.waiting_bytes += u64::from(waiting.bytes);
        self.waiting.push_back(waiting);
        true
    }

    /// The next packet whose turn has come.
    pub(crate) fn next(&mut self, clock_us: u64, bps: u64) -> Option<Waiting> {
        if self.waiting.is_empty() {
            return None;
        }
        if clock_us != self.filled_us {
            self.fill(clock_us, bps);
        }
        if self.left <= 0 && self.waiting.len() <= WAITING_SOON {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.waiting_bytes -= u64::from(next.bytes);
        self.left -= i64::from(next.bytes);
        Some(next)
    }

    fn fill(&mut self, clock_us: u64, bps: u64) {
        let elapsed_us = clock_us.saturating_sub(self.filled_us);
        let pace = (bps * PACE_NUMERATOR / PACE_DENOMINATOR)
            .max(PACE_BPS_MIN)
            .max(self.waiting_bytes * 8 * 1_000_000 / WAIT_US_MAX);
        let bytes = elapsed_us.min(1_000_000) * pace / 8_000_000;
        if bytes == 0 {
            return;
        }
        self.filled_us = clock_us;
        self.left = (self.left + bytes as i64).min(BURST_BYTES);
    }

    /// Whether something waits.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Forgets what `which` says; the receiver sees it as lost.
    pub(crate) fn forget(&mut self, which: impl Fn(&Waiting) -> bool) {
        self.waiting.retain(|waiting| !which(waiting));
        self.waiting_bytes = self
            .waiting
            .iter()
            .map(|waiting| u64::from(waiting.bytes))
            .sum();
    }
}

#[cfg(test)]
mod tests {
    use nhipcau_sfu::{Kind, Track};

    use super::*;

    const PACKET: usize = 1_200;

    fn waiting(index: u64) -> Waiting {
        Waiting {
            source: Source::new(1, Track::Main, Kind::Video, 0),
            index,
            slot: 0,
            bytes: PACKET as u16,
            translation: Translation {
                index,
                timestamp: 0,
                marker: false,
                blank: false,
                picture_id: 0,
                tl0: 0,
                frame_number: 0,
                quality: nhipcau_sfu::Quality::FULL,
            },
        }
    }

    /// Sends pictures of `packets` packets every 33 ms at `bps`; keyframes of `burst` packets every second. The most bytes within any
    /// 5 ms, and the longest wait.
    fn drive(bps: u64, packets: usize, burst: usize) -> (usize, u64) {
        let mut pacer = Pacer::default();
        let mut sent = Vec::new();
        let mut came = Vec::new();
        let mut wait_us = 0;
        let mut index = 0;
        for step in 0..2_000u64 {
            let now_us = step * 5_000 + 4_000_000_000;
            while let Some(next) = pacer.next(now_us, bps) {
                wait_us = wait_us.max(now_us - came[next.index as usize]);
                sent.push((now_us, next.index));
            }
            let count = match step {
                _ if step % 200 == 0 => burst,
                _ if step % 7 == 0 => packets,
                _ => 0,
            };
            for _ in 0..count {
                came.push(now_us);
                if pacer.passes(PACKET, now_us, || bps) {
                    sent.push((now_us, index));
                } else {
                    assert!(pacer.hold(waiting(index)));
                }
                index += 1;
            }
        }
        assert!(
            sent.is_sorted_by(|left, right| left.1 + 1 == right.1),
            "in order, each once"
        );
        let most = (0..2_000u64)
            .map(|step| {
                let from = step * 5_000 + 4_000_000_000;
                sent.iter().filter(|(at, _)| *at == from).count() * PACKET
            })
            .max();
        (most.unwrap_or(0), wait_us)
    }

    #[test]
    fn usual_frames_pass_at_once_and_keyframes_are_spread() {
        let (most, wait_us) = drive(3_000_000, 6, 6);
        assert_eq!((most, wait_us), (6 * PACKET, 0));
        // 72 kB at once would fill the queue of most shapers.
        let (most, wait_us) = drive(3_000_000, 6, 60);
        assert!(most <= 18 * 1024, "{most} bytes at once");
        assert!(wait_us > 20_000 && wait_us <= 80_000, "{wait_us} us");
    }

    #[test]
    fn nothing_waits_much_longer_than_the_limit_however_slow_the_line() {
        let (_, wait_us) = drive(60_000, 3, 120);
        assert!(wait_us < 700_000, "{wait_us} us");
    }

    #[test]
    fn a_full_queue_refuses_and_forgetting_empties_it() {
        let mut pacer = Pacer::default();
        let held = (0..3_000)
            .filter(|index| pacer.hold(waiting(*index)))
            .count();
        assert_eq!(held, WAITING_MAX);
        let soon = std::iter::from_fn(|| pacer.next(0, 1_000_000)).count();
        assert_eq!(soon, WAITING_MAX - WAITING_SOON);
        pacer.forget(|waiting| waiting.source.seat() == 2);
        assert!(pacer.is_waiting());
        pacer.forget(|waiting| waiting.source.seat() == 1);
        assert!(!pacer.is_waiting());
        assert_eq!(pacer.waiting_bytes, 0);
    }
}

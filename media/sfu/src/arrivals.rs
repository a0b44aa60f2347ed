//! What has arrived of one layer: duplicates, losses to ask for again, and the figures of a receiver report.

use std::time::{Duration, Instant};

use crate::sequence::{Extender, ReplayWindow};

/// Losses that wait for a retransmission. More than this at once is a broken line: a keyframe helps sooner.
const MISSING_MAX: usize = 128;
/// A gap larger than this is no loss to repair but a restart of the sender or a long silence.
const GAP_MAX: u64 = 128;
/// Time for a reordered packet to come by itself.
const REORDER_WAIT: Duration = Duration::from_millis(10);
/// Round trip of most lines in a province, until it has been measured.
const ROUND_TRIP: Duration = Duration::from_millis(60);
/// Beyond a round trip, before the same packet is asked for again: the sender's own time, and the jitter of what it sends.
const REPEAT_MORE: Duration = Duration::from_millis(20);
/// The longest wait between two requests, whatever the round trip seems to be.
const REPEAT_MAX: Duration = Duration::from_millis(500);
/// Requests for one packet before it is given up.
const TRIES_MAX: u8 = 8;
/// A packet that is older than this is given up: by then the picture stands still, and a keyframe is the shorter way.
const PATIENCE: Duration = Duration::from_millis(1_200);

#[derive(Clone, Copy, Debug)]
struct Missing {
    index: u64,
    tries: u8,
    since: Instant,
    due: Instant,
}

/// The figures of a reception report block (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reception {
    /// Packets lost since the last report, of 256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning.
    pub lost: u32,
    /// Extended highest sequence number.
    pub highest: u32,
    /// Interarrival jitter in ticks of the RTP clock.
    pub jitter: u32,
}

/// The arrivals of one layer.
#[derive(Clone, Debug)]
pub struct Arrivals {
    clock_hz: u32,
    /// Whether losses are asked for again; sound is not, it would come too late.
    repair: bool,
    extender: Extender,
    window: ReplayWindow,
    missing: Vec<Missing>,
    repeat: Duration,
    gave_up: bool,
    first: Option<u64>,
    received: u64,
    reported_expected: u64,
    reported_received: u64,
    jitter_16: u64,
    last_transit: Option<i64>,
    epoch: Instant,
}

impl Arrivals {
    /// Nothing has arrived yet. Timestamps run at `clock_hz`.
    #[must_use]
    pub fn new(clock_hz: u32, repair: bool, now: Instant) -> Self {
        Self {
            clock_hz,
            repair,
            extender: Extender::default(),
            window: ReplayWindow::default(),
            missing: Vec::with_capacity(if repair { MISSING_MAX } else { 0 }),
            repeat: ROUND_TRIP + REPEAT_MORE,
            gave_up: false,
            first: None,
            received: 0,
            reported_expected: 0,
            reported_received: 0,
            jitter_16: 0,
            last_transit: None,
            epoch: now,
        }
    }

    /// Takes a packet. Returns its index, or `None` when it came before or is too old to tell.
    pub fn accept(&mut self, sequence: u16, timestamp: u32, now: Instant) -> Option<u64> {
        let index = self.extender.extend(sequence)?;
        if !self.window.insert(index) {
            return None;
        }
        match self.extender.highest() {
            None => self.first = Some(index),
            Some(highest) if index > highest => self.note_gap(highest, index, now),
            Some(_) => self.missing.retain(|missing| missing.index != index),
        }
        self.extender.accept(index);
        self.received += 1;
        self.note_jitter(timestamp, now);
        Some(index)
    }

    fn note_gap(&mut self, highest: u64, index: u64, now: Instant) {
        if !self.repair || index == highest + 1 {
            return;
        }
        let gap = index - highest - 1;
        if gap > GAP_MAX || self.missing.len() + gap as usize > MISSING_MAX {
            self.missing.clear();
            self.gave_up = true;
            return;
        }
        self.missing
            .extend((highest + 1..index).map(|index| Missing {
                index,
                tries: 0,
                since: now,
                due: now + REORDER_WAIT,
            }));
    }

    fn note_jitter(&mut self, timestamp: u32, now: Instant) {
        let at = now.saturating_duration_since(self.epoch).as_micros() as i64
            * i64::from(self.clock_hz)
            / 1_000_000;
        let transit = at.wrapping_sub(i64::from(timestamp)) as i32;
        if let Some(last) = self.last_transit.replace(i64::from(transit)) {
            // RFC 3550 appendix A.8, in sixteenths.
            let distance = u64::from((transit.wrapping_sub(last as i32)).unsigned_abs());
            self.jitter_16 = self.jitter_16 + distance - ((self.jitter_16 + 8) >> 4);
        }
    }

    /// Collects the sequence numbers to ask for now, and forgets those that were asked for often enough.
    pub fn due(&mut self, now: Instant, sequences: &mut Vec<u16>) {
        let mut gave_up = false;
        let repeat = self.repeat;
        self.missing.retain_mut(|missing| {
            if missing.due > now {
                return true;
            }
            if missing.tries == TRIES_MAX || now.saturating_duration_since(missing.since) > PATIENCE
            {
                gave_up = true;
                return false;
            }
            missing.tries += 1;
            // Each time a little later: a sender that is slow to answer is not asked faster than it can.
            missing.due = now + repeat + repeat * u32::from(missing.tries - 1) / 4;
            sequences.push(missing.index as u16);
            true
        });
        self.gave_up |= gave_up;
    }

    /// The round trip to the sender, by which requests are spaced.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.repeat = (round_trip + REPEAT_MORE).min(REPEAT_MAX);
    }

    /// When [`Self::due`] has something to say next.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.missing.iter().map(|missing| missing.due).min()
    }

    /// Whether packets were given up since the last call, so that only a keyframe mends the picture.
    pub fn take_gave_up(&mut self) -> bool {
        std::mem::take(&mut self.gave_up)
    }

    /// The figures for a report, counted since the last call; `None` before the first packet.
    pub fn report(&mut self) -> Option<Reception> {
        let (first, highest) = (self.first?, self.extender.highest()?);
        let expected = highest - first.min(highest) + 1;
        let expected_now = expected - self.reported_expected.min(expected);
        let received_now = self.received - self.reported_received;
        let lost_now = expected_now.saturating_sub(received_now);
        self.reported_expected = expected;
        self.reported_received = self.received;
        Some(Reception {
            fraction_lost: (lost_now * 256)
                .checked_div(expected_now)
                .unwrap_or(0)
                .min(255) as u8,
            lost: expected.saturating_sub(self.received).min(0x7f_ffff) as u32,
            highest: highest as u32,
            jitter: (self.jitter_16 >> 4) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_losses_a_few_times_and_then_gives_up() {
        let start = crate::testing::start();
        let mut arrivals = Arrivals::new(90_000, true, start);
        assert_eq!(arrivals.accept(10, 0, start), Some(10));
        assert_eq!(arrivals.accept(13, 0, start), Some(13));
        let mut asked = Vec::new();
        arrivals.due(start, &mut asked);
        assert!(asked.is_empty(), "a reordered packet gets its time");
        arrivals.due(start + REORDER_WAIT, &mut asked);
        assert_eq!(asked, [11, 12]);
        assert_eq!(arrivals.accept(11, 0, start + REORDER_WAIT), Some(11));
        assert_eq!(
            arrivals.accept(11, 0, start + REORDER_WAIT),
            None,
            "the same again"
        );
        let mut now = start;
        asked.clear();
        for _ in 0..200 {
            now += Duration::from_millis(10);
            arrivals.due(now, &mut asked);
        }
        assert_eq!(asked, [12; 7], "until nobody would wait for it any more");
        assert!(arrivals.take_gave_up());
        assert!(!arrivals.take_gave_up());
        assert_eq!(arrivals.next_due(), None);
    }

    #[test]
    fn requests_keep_to_the_round_trip() {
        let start = crate::testing::start();
        for (round_trip_ms, most) in [(20, 8), (300, 3)] {
            let mut arrivals = Arrivals::new(90_000, true, start);
            arrivals.set_round_trip(Duration::from_millis(round_trip_ms));
            arrivals.accept(10, 0, start);
            arrivals.accept(12, 0, start);
            let mut asked = Vec::new();
            for ms in 0..3_000 {
                arrivals.due(start + Duration::from_millis(ms), &mut asked);
            }
            assert_eq!(asked.len(), most, "at {round_trip_ms} ms");
            assert!(arrivals.take_gave_up());
        }
    }

    #[test]
    fn a_large_gap_is_not_asked_for() {
        let now = crate::testing::start();
        let mut arrivals = Arrivals::new(90_000, true, now);
        arrivals.accept(10, 0, now);
        arrivals.accept(1_000, 0, now);
        assert!(arrivals.take_gave_up());
        assert_eq!(arrivals.next_due(), None);
    }

    #[test]
    fn reports_loss_since_the_last_report() {
        let now = crate::testing::start();
        let mut arrivals = Arrivals::new(48_000, false, now);
        assert_eq!(arrivals.report(), None);
        for sequence in [65_534, 65_535, 0, 3] {
            arrivals.accept(sequence, 0, now);
        }
        let report = arrivals.report().unwrap();
        assert_eq!((report.lost, report.highest), (2, 65_539));
        assert_eq!(report.fraction_lost, 85);
        arrivals.accept(4, 0, now);
        assert_eq!(arrivals.report().unwrap().fraction_lost, 0);
    }
}

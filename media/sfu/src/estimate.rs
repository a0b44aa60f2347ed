//! The bandwidth towards one receiver, from its transport-wide feedback.
//!
//! Queueing delay decides: a standing queue on the way shows as arrivals that stay behind the fastest ones. Loss is the second
//! sign, for queues too short to see. While we send less than the line carries, the estimate creeps up, so that a higher layer
//! can be tried; a line that failed the trial is left alone for a while, longer each time.

use std::time::{Duration, Instant};

use crate::twcc::Feedback;

/// Packets whose send times are remembered; two seconds at 500 packets/s.
const HISTORY: usize = 1024;
/// Estimate before any feedback: the large picture in its middle layer and a page of small tiles.
pub const START_BPS: u64 = 3_000_000;
/// Below this not even sound passes; the estimate does not go there.
const FLOOR_BPS: u64 = 60_000;
/// Above this no allocation changes.
const CEILING_BPS: u64 = 20_000_000;
/// A standing queue longer than this is congestion. 1 Wi-Fi retry burst is 20 to 30 ms.
const QUEUE_HIGH_MS: i64 = 60;
/// A standing queue shorter than this is none.
const QUEUE_LOW_MS: i64 = 25;
/// A queue must stand this long: a receiver whose processor was busy for a moment looks like a short one.
const STANDING: Duration = Duration::from_millis(400);
/// Between two decreases: the effect of the first must be seen before the second.
const DECREASE_WAIT: Duration = Duration::from_millis(400);
/// How long the fastest arrival is remembered; longer, and drifting clocks would look like queues.
const BASE_AGE: Duration = Duration::from_secs(15);
/// First pause after a failed trial; doubled at each further failure up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_secs(8);
const PAUSE_MAX: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    at_us: u32,
    sequence: u16,
    bytes: u16,
}

/// The estimate of one receiver's line.
#[derive(Clone, Debug)]
pub struct Estimator {
    epoch: Instant,
    sent: Vec<Sent>,
    estimate_bps: f64,
    base: [Option<i64>; 2],
    base_since: Instant,
    last_feedback: Option<Instant>,
    last_decrease: Option<Instant>,
    congested_since: Option<Instant>,
    acked_bps: f64,
    acked_bytes: u64,
    acked_since: Instant,
    loss: f64,
    /// What the line did not carry, and until when it is not tried again.
    failed: Option<(f64, Instant)>,
    pause: Duration,
}

impl Estimator {
    /// No packet has been sent; times are measured from `now`.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            sent: vec![Sent::default(); HISTORY],
            estimate_bps: START_BPS as f64,
            base: [None; 2],
            base_since: now,
            last_feedback: None,
            last_decrease: None,
            congested_since: None,
            acked_bps: 0.0,
            acked_bytes: 0,
            acked_since: now,
            loss: 0.0,
            failed: None,
            pause: PAUSE,
        }
    }

    /// Microseconds of `now` on the clock of [`Self::sent`]; computed once for many packets.
    #[must_use]
    pub fn clock_us(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.epoch).as_micros() as u32
    }

    /// Notes that the packet with the transport-wide `sequence` goes out now.
    pub fn sent(&mut self, sequence: u16, at_us: u32, bytes: u16) {
        self.sent[usize::from(sequence) % HISTORY] = Sent {
            at_us,
            sequence,
            bytes,
        };
    }

    /// The estimate in bits per second.
    #[must_use]
    pub fn bps(&self) -> u64 {
        self.estimate_bps as u64
    }

    /// Whether the receiver gives feedback at all.
    #[must_use]
    pub fn is_informed(&self) -> bool {
        self.last_feedback.is_some()
    }

    /// Loss towards the receiver by its feedback, 0 to 1, smoothed over about a second.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// Takes a receiver's own estimate (REMB), when it gives no transport-wide feedback.
    pub fn on_bandwidth(&mut self, bps: u64) {
        if !self.is_informed() {
            self.estimate_bps = bps.clamp(FLOOR_BPS, CEILING_BPS) as f64;
        }
    }

    /// Takes a transport-wide feedback.
    pub fn on_feedback(&mut self, feedback: Feedback<'_>, now: Instant) {
        let now_us = self.clock_us(now);
        let (mut received, mut lost) = (0u32, 0u32);
        let mut delay_min = None;
        for (sequence, arrival) in feedback {
            let sent = self.sent[usize::from(sequence) % HISTORY];
            let age_us = now_us.wrapping_sub(sent.at_us);
            if sent.sequence != sequence || sent.bytes == 0 || age_us > 5_000_000 {
                continue;
            }
            match arrival {
                Some(ticks) => {
                    received += 1;
                    self.acked_bytes += u64::from(sent.bytes);
                    let delay = ticks * 250 - i64::from(sent.at_us);
                    delay_min = Some(delay_min.map_or(delay, |known: i64| known.min(delay)));
                    self.sent[usize::from(sequence) % HISTORY].bytes = 0;
                }
                None => lost += 1,
            }
        }
        if received + lost == 0 {
            return;
        }
        let share = f64::from(lost) / f64::from(received + lost);
        self.loss += (share - self.loss) * (f64::from(received + lost) / 100.0).min(0.5);
        let waited = now.saturating_duration_since(self.acked_since);
        if waited >= Duration::from_millis(250) {
            let rate = self.acked_bytes as f64 * 8.0 / waited.as_secs_f64();
            self.acked_bps = if self.acked_bps == 0.0 {
                rate
            } else {
                self.acked_bps * 0.6 + rate * 0.4
            };
            self.acked_bytes = 0;
            self.acked_since = now;
        }
        let elapsed = self
            .last_feedback
            .replace(now)
            .map_or(Duration::ZERO, |last| {
                now.saturating_duration_since(last)
                    .min(Duration::from_secs(1))
            });
        let queue_ms = delay_min.map_or(0, |delay| self.queue_us(delay, now) / 1_000);
        self.adapt(queue_ms, elapsed, now);
    }

    /// How long the fastest packet of a feedback waited, against the fastest of the last while.
    fn queue_us(&mut self, delay: i64, now: Instant) -> i64 {
        if now.saturating_duration_since(self.base_since) > BASE_AGE {
            self.base = [None, self.base[0]];
            self.base_since = now;
        }
        self.base[0] = Some(self.base[0].map_or(delay, |base| base.min(delay)));
        let base = self.base.iter().flatten().copied().min().unwrap_or(delay);
        delay - base
    }

    fn adapt(&mut self, queue_ms: i64, elapsed: Duration, now: Instant) {
        if queue_ms > QUEUE_HIGH_MS || self.loss > 0.10 {
            let since = *self.congested_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= STANDING {
                self.decrease(now);
            }
            return;
        }
        self.congested_since = None;
        if queue_ms > QUEUE_LOW_MS || self.loss > 0.05 {
            return;
        }
        // 8 % a second, a doubling in 9 s; below what the line has carried before, a doubling in 3 s.
        let known = self
            .failed
            .is_some_and(|(failed, _)| self.estimate_bps < failed * 0.7);
        let rate = if known { 0.25 } else { 0.08 };
        let mut next = self.estimate_bps * (1.0 + rate * elapsed.as_secs_f64());
        if let Some((failed, until)) = self.failed {
            if now < until {
                next = next.min(failed * 0.9).max(self.estimate_bps);
            } else {
                self.failed = None;
            }
        }
        // What was never sent says little: not far beyond what has been carried.
        let proven = (self.acked_bps * 3.0)
            .max(START_BPS as f64)
            .max(self.estimate_bps);
        self.estimate_bps = next.min(proven).min(CEILING_BPS as f64);
    }
}

impl Estimator {
    fn decrease(&mut self, now: Instant) {
        let recent = |at: Instant, pause| now.saturating_duration_since(at) < pause;
        if self.acked_bps == 0.0
            || self
                .last_decrease
                .is_some_and(|at| recent(at, DECREASE_WAIT))
        {
            return;
        }
        let failed = self.estimate_bps.min(self.acked_bps * 1.5);
        self.estimate_bps = (self.acked_bps * 0.85).clamp(FLOOR_BPS as f64, self.estimate_bps);
        let again = self
            .last_decrease
            .is_some_and(|at| recent(at, self.pause * 3) && !recent(at, STANDING * 3));
        self.pause = match (again, self.last_decrease) {
            (true, _) => (self.pause * 2).min(PAUSE_MAX),
            (false, Some(at)) if recent(at, STANDING * 3) => self.pause,
            _ => PAUSE,
        };
        self.failed = Some((failed, now + self.pause));
        self.last_decrease = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twcc::Recorder;

    /// A line of `line_bps` with a queue of 300 ms, fed with `send_bps` for `seconds`.
    fn drive(
        estimator: &mut Estimator,
        start: Instant,
        from_ms: u64,
        send_bps: u64,
        line_bps: u64,
        seconds: u64,
    ) -> u64 {
        let mut recorder = Recorder::new(start);
        let mut sequence = (from_ms * 7) as u16;
        let mut line_free = start;
        let mut on_the_way = std::collections::VecDeque::new();
        let mut body = Vec::new();
        let bytes = 1_000u64;
        let gap_us = bytes * 8 * 1_000_000 / send_bps;
        let mut at_us = from_ms * 1_000;
        let end_us = at_us + seconds * 1_000_000;
        let mut feedback_us = at_us + 50_000;
        while at_us < end_us {
            let now = start + Duration::from_micros(at_us);
            estimator.sent(sequence, estimator.clock_us(now), bytes as u16);
            if line_free.saturating_duration_since(now) < Duration::from_millis(300) {
                line_free =
                    line_free.max(now) + Duration::from_micros(bytes * 8 * 1_000_000 / line_bps);
                on_the_way.push_back((sequence, line_free + Duration::from_millis(10)));
            }
            sequence = sequence.wrapping_add(1);
            at_us += gap_us;
            if at_us >= feedback_us {
                feedback_us += 50_000;
                while let Some((sequence, at)) = on_the_way.pop_front_if(|(_, at)| *at <= now) {
                    recorder.arrived(sequence, at);
                }
                recorder.feedback(&mut body);
                if let Some(feedback) = Feedback::parse(&body) {
                    estimator.on_feedback(
                        feedback,
                        start + Duration::from_micros(at_us) + Duration::from_millis(20),
                    );
                }
            }
        }
        at_us / 1_000
    }

    #[test]
    fn a_line_that_is_full_lowers_the_estimate_below_it() {
        let start = crate::testing::start();
        let mut estimator = Estimator::new(start);
        drive(&mut estimator, start, 0, 3_000_000, 1_000_000, 4);
        assert!(estimator.bps() < 1_050_000, "{}", estimator.bps());
        assert!(estimator.bps() > 500_000, "{}", estimator.bps());
    }

    #[test]
    fn a_free_line_raises_it() {
        let start = crate::testing::start();
        let mut estimator = Estimator::new(start);
        drive(&mut estimator, start, 0, 2_000_000, 50_000_000, 10);
        assert!(estimator.bps() > START_BPS * 3 / 2, "{}", estimator.bps());
        assert!(estimator.loss() < 0.01);
    }

    #[test]
    fn what_failed_is_not_tried_again_at_once() {
        let start = crate::testing::start();
        let mut estimator = Estimator::new(start);
        let after = drive(&mut estimator, start, 0, 3_000_000, 1_000_000, 3);
        drive(&mut estimator, start, after + 3_000, 300_000, 1_000_000, 5);
        assert!(estimator.bps() < 1_500_000, "{}", estimator.bps());
    }
}

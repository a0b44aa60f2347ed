//! The bandwidth towards one receiver, from its transport-wide feedback.
//!
//! The ideas are those of Google's congestion control (draft-ietf-rmcat-gcc-02). A growing queue ([`trend`]) that even the fastest
//! packets wait in ([`queue`]) is congestion: the estimate falls below what arrives until the queue has gone, and then stands just
//! below it. Loss is the second sign, for queues too short to see ([`loss`]). The estimate climbs only while it is used up; where
//! what is sent leaves it unused, bursts of padding look for room ([`probe`]) before a higher layer is tried.

mod history;
mod loss;
mod probe;
mod queue;
mod rate;
#[cfg(test)]
mod sim;
mod trend;

use std::time::{Duration, Instant};

use crate::twcc::Feedback;
use history::History;
use loss::{Loss, TRIAL_SHARE, Told, Use, Verdict};
use probe::{Probing, Shown};
use queue::Queue;
use rate::Rate;
use trend::{Trend, Usage};

/// Estimate before any feedback: sound, the large picture in its middle layer and a few small tiles. Probes raise it within half a second.
pub const START_BPS: u64 = 1_200_000;
/// What a receiver that gives no transport-wide feedback gets after [`DEAF_AFTER`]: reports and its own word correct it.
const DEAF_BPS: f64 = 3_000_000.0;
const DEAF_AFTER: Duration = Duration::from_secs(2);
/// Reports of one receiver that come closer together than this say the same twice.
const REPORTS_APART: Duration = Duration::from_millis(500);
/// Below this not even sound passes; the estimate does not go there.
const FLOOR_BPS: f64 = 60_000.0;
/// Above this no allocation changes.
const CEILING_BPS: f64 = 30_000_000.0;
/// With a growing queue: even the fastest packets wait this long, or as long as the line is restless.
const QUEUE_GROWING_MS: f64 = 10.0;
/// A full packet.
const PACKET_BITS: f64 = 9_600.0;
/// A queue longer than this is congestion, also when it only stands.
const QUEUE_STANDING_MS: f64 = 70.0;
/// It must stand this long: a receiver whose processor was busy for a moment looks like a short one.
const STANDING: Duration = Duration::from_millis(300);
/// Between two decreases, beside a round trip: the effect of the first must be seen before the second.
const DECREASE_WAIT: Duration = Duration::from_millis(250);
/// What is sent, of what arrives, while a queue empties; and once it has.
const DRAIN_SHARE: f64 = 0.85;
const AFTER_SHARE: f64 = 0.95;
/// A queue that is not shorter by a third after this long (beside a round trip), though less is sent than arrives, is none: the way has
/// become longer, or somebody else fills the queue whatever we do.
const DRAIN_SEEN: Duration = Duration::from_millis(1_500);
const SHORTER: f64 = 0.66;
/// No way becomes longer by more than this.
const LONGER_MS: f64 = 400.0;
/// A queue that has not gone after this long, and so many times its own length, is how the line is now.
const DRAIN_MAX: Duration = Duration::from_secs(4);
const DRAIN_TIMES: f64 = 3.0;
/// Growth per second: near the rate at which the line was last full, well below it, and where nothing is known.
const NEAR: f64 = 0.03;
const BELOW: f64 = 0.25;
const UNKNOWN: f64 = 0.08;
/// What must be sent of the estimate for it to grow by itself.
const USED: f64 = 0.8;
/// Not further than this beyond what arrives.
const AHEAD: f64 = 1.5;
/// First cluster of a line: three times the start.
const FIRST_PROBE: f64 = 3.0;
const NEXT_PROBE: f64 = 2.0;
/// How long no cluster is sent after a decrease.
const PROBE_REST: Duration = Duration::from_secs(2);
/// Without feedback for this long nothing is probed.
const STALLED: Duration = Duration::from_millis(600);
/// What is sent and not heard of for this long, beside two round trips, stands in a queue of seconds or goes nowhere.
const UNHEARD: Duration = Duration::from_millis(1_500);
/// Until the next decrease then, and what is left after one.
const UNHEARD_AGAIN: Duration = Duration::from_millis(400);
const UNHEARD_SHARE: f64 = 0.7;
/// Where that ends: sound alone, so that the queue has a chance to empty.
const UNHEARD_FLOOR_BPS: f64 = 40_000.0;
/// From this loss on a line wants copies of sound, for so long, and from this estimate on it has room for them.
const LOSSY: f64 = 0.015;
/// From this loss of its own on a line gets what was lost twice.
const LOSSY_OWN: f64 = 0.03;
const LOSSY_KEPT: Duration = Duration::from_secs(15);
const COPIES_BPS: f64 = 250_000.0;
/// Between two packets; a longer pause begins anew.
const SENDING_US: u64 = 500_000;

/// A decrease whose queue has not gone yet.
#[derive(Clone, Copy, Debug)]
struct Drain {
    since: Instant,
    /// The longest that packets waited since.
    queue_ms: f64,
    /// The estimate of before.
    before_bps: f64,
}

/// The estimate of one receiver's line.
#[derive(Clone, Debug)]
pub struct Estimator {
    epoch: Instant,
    history: History,
    /// When the last packet went out.
    sent_us: u64,
    /// When the oldest went out that nothing was heard of, nor of later ones; as far as is known.
    unheard_us: Option<u64>,
    /// Without padding.
    sent: Rate,
    acked: Rate,
    trend: Trend,
    queue: Queue,
    loss: Loss,
    probing: Probing,
    estimate_bps: f64,
    wanted_bps: f64,
    /// The rate at which the line was last full.
    full_bps: Option<f64>,
    /// What a probe has seen to pass since a queue was seen; 0 when none has.
    passed_bps: f64,
    /// Since when the estimate stands below the line for its queue to empty.
    draining: Option<Drain>,
    standing_since: Option<Instant>,
    over_before: bool,
    last_feedback: Option<Instant>,
    last_decrease: Option<Instant>,
    reported_at: Option<Instant>,
    lossy_at: Option<Instant>,
    round_trip: Duration,
    /// The last arrival in ticks, extended beyond the 32 bits of the feedback.
    arrived_ticks: Option<i64>,
}

impl Estimator {
    /// No packet has been sent; times are measured from `now`.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            history: History::default(),
            sent_us: 0,
            unheard_us: None,
            sent: Rate::default(),
            acked: Rate::default(),
            trend: Trend::default(),
            queue: Queue::default(),
            loss: Loss::new(now),
            probing: Probing::default(),
            estimate_bps: START_BPS as f64,
            wanted_bps: 0.0,
            full_bps: None,
            passed_bps: 0.0,
            draining: None,
            standing_since: None,
            over_before: false,
            last_feedback: None,
            last_decrease: None,
            reported_at: None,
            lossy_at: None,
            round_trip: Duration::from_millis(100),
            arrived_ticks: None,
        }
    }

    /// Microseconds of `now` on the clock of [`Self::sent`]; computed once for many packets.
    #[must_use]
    pub fn clock_us(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_micros() as u64
    }

    /// Notes that the packet with the transport-wide `sequence` goes out now.
    pub fn sent(&mut self, sequence: u16, at_us: u64, bytes: u16) {
        let (label, padding) = self.probing.sent(at_us, bytes);
        if !padding {
            self.sent.add(at_us, u32::from(bytes));
        }
        if at_us.saturating_sub(self.sent_us) > SENDING_US {
            self.unheard_us = None;
        }
        self.unheard_us.get_or_insert(at_us);
        self.sent_us = self.sent_us.max(at_us);
        self.history.sent(sequence, at_us, bytes, label);
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
        self.loss.smoothed()
    }

    /// Whether the line loses packets and has room for copies of sound (RFC 2198). On a good line they are twice the sound for nothing.
    #[must_use]
    pub fn wants_copies(&self, now: Instant) -> bool {
        let lossy = |at| now.saturating_duration_since(at) < LOSSY_KEPT;
        self.estimate_bps >= COPIES_BPS && self.lossy_at.is_some_and(lossy)
    }

    /// How often a packet that was asked for again is sent: twice where the line loses packets whatever is sent, for what is lost a second
    /// time holds the picture up. Never more where loss may mean that the line is full.
    #[must_use]
    pub fn times_again(&self) -> u32 {
        if self.loss.own() >= LOSSY_OWN { 2 } else { 1 }
    }

    /// Milliseconds that packets wait on the way beyond the fastest of the last seconds.
    #[must_use]
    pub fn queue_ms(&self) -> f64 {
        self.queue.ms()
    }

    /// What the receiver would get if its line carried everything, in bits per second; probes look no further.
    pub fn want(&mut self, bps: u64) {
        self.wanted_bps = bps as f64;
    }

    /// Takes a receiver's own estimate (REMB), when it gives no transport-wide feedback.
    pub fn on_bandwidth(&mut self, bps: u64) {
        if !self.is_informed() {
            self.estimate_bps = (bps as f64).clamp(FLOOR_BPS, CEILING_BPS);
        }
    }

    /// Takes the loss of a receiver's report, 0 to 1, when it gives no transport-wide feedback.
    pub fn on_report(&mut self, loss: f64, now: Instant) {
        if loss >= LOSSY && !self.is_informed() {
            self.lossy_at = Some(now);
        }
        let young = now.saturating_duration_since(self.epoch) < DEAF_AFTER;
        if self.is_informed() || young {
            return;
        }
        if self
            .reported_at
            .is_some_and(|at| now.saturating_duration_since(at) < REPORTS_APART)
        {
            return;
        }
        if self.reported_at.replace(now).is_none() {
            self.estimate_bps = self.estimate_bps.max(DEAF_BPS);
        }
        if loss > 0.1 {
            self.estimate_bps *= 1.0 - loss / 2.0;
        } else if loss < 0.02 {
            self.estimate_bps = (self.estimate_bps * 1.08).min(DEAF_BPS * 2.0);
        }
        self.estimate_bps = self.estimate_bps.max(FLOOR_BPS);
    }

    /// Takes a transport-wide feedback.
    pub fn on_feedback(&mut self, feedback: Feedback<'_>, now: Instant) {
        let now_us = self.clock_us(now);
        self.queue.hold(self.draining.is_some());
        let mut told = Told::default();
        let mut in_run = false;
        let mut reached_us = None;
        for (sequence, arrival) in feedback {
            match arrival {
                Some(ticks) => {
                    let Some(packet) = self.history.arrived(sequence, now_us) else {
                        continue;
                    };
                    let arrived_us = self.extend(ticks) * 250;
                    in_run = false;
                    told.received += 1;
                    told.lost -= i64::from(packet.was_lost);
                    reached_us = reached_us.max(Some(packet.sent_us));
                    self.acked
                        .add(arrived_us.max(0) as u64, u32::from(packet.bytes));
                    self.queue.take(packet.sent_us, arrived_us);
                    self.trend.take(packet.sent_us, arrived_us);
                    self.probing.arrived(packet.label, arrived_us, packet.bytes);
                }
                None if self.history.missed(sequence, now_us) => {
                    told.runs += i64::from(!std::mem::replace(&mut in_run, true));
                    told.lost += 1;
                }
                None => {}
            }
        }
        if told.received == 0 && told.lost == 0 {
            return;
        }
        self.loss.count(told);
        if self.loss.smoothed() >= LOSSY {
            self.lossy_at = Some(now);
        }
        let elapsed = self
            .last_feedback
            .replace(now)
            .map_or(Duration::ZERO, |last| {
                now.saturating_duration_since(last)
                    .min(Duration::from_millis(500))
            });
        if let Some(reached_us) = reached_us {
            let open = reached_us < self.sent_us;
            self.unheard_us = self
                .unheard_us
                .filter(|_| open)
                .map(|since| since.max(reached_us));
            let waited = Duration::from_micros(now_us.saturating_sub(reached_us));
            self.round_trip = (self.round_trip * 7 + waited) / 8;
            if let Some(shown) = self.probing.conclude(reached_us, self.loss.own(), now) {
                self.learn(shown, now);
            }
        }
        self.adapt(elapsed, now);
    }

    /// Looks after what nothing is heard of. Call it a few times a second. Behind a queue of seconds feedback comes too late to say
    /// anything, or not at all, and the estimate would stand where the line was before (RFC 8083 section 4.1 stops senders for that).
    pub fn tick(&mut self, now: Instant) {
        let now_us = self.clock_us(now);
        let Some(since) = self.unheard_us.filter(|_| self.is_informed()) else {
            return;
        };
        let patience = UNHEARD + (self.round_trip * 2).min(Duration::from_secs(1));
        let again = self
            .last_decrease
            .is_none_or(|at| now.saturating_duration_since(at) >= UNHEARD_AGAIN);
        let waited = Duration::from_micros(now_us.saturating_sub(since));
        if waited < patience || !again || now_us.saturating_sub(self.sent_us) > SENDING_US {
            return;
        }
        let less = (self.estimate_bps * UNHEARD_SHARE).max(UNHEARD_FLOOR_BPS);
        self.estimate_bps = less.min(self.estimate_bps);
        self.last_decrease = Some(now);
        (self.full_bps, self.passed_bps) = (None, 0.0);
        self.probing.reset(UNHEARD_AGAIN, now);
    }

    /// Ticks of a feedback wrap after 12 days; differences do not.
    fn extend(&mut self, ticks: i64) -> i64 {
        let known = self.arrived_ticks.unwrap_or(ticks);
        let extended = known + i64::from(ticks.wrapping_sub(known) as i32);
        self.arrived_ticks = Some(extended);
        extended
    }

    /// Rates of the last half second: what was sent and what arrived.
    fn rates(&mut self) -> (f64, Option<f64>) {
        let arrived_us = self.arrived_ticks.map_or(0, |ticks| (ticks * 250).max(0));
        (
            self.sent.bps(self.sent_us).unwrap_or(0.0),
            self.acked.bps(arrived_us as u64),
        )
    }

    /// How long packets wait without a queue: by the line's jitter, and behind one packet of the same stream on a thin line.
    fn restless_ms(&self, acked_bps: Option<f64>) -> f64 {
        let packet_ms = acked_bps.map_or(0.0, |bps| PACKET_BITS * 1_000.0 / bps.max(FLOOR_BPS));
        QUEUE_GROWING_MS
            .max(self.queue.jitter_ms())
            .max((packet_ms + 5.0).min(25.0))
    }

    fn adapt(&mut self, elapsed: Duration, now: Instant) {
        let (queue_ms, jitter_ms) = (self.queue.ms(), self.queue.jitter_ms());
        let (sent_bps, acked_bps) = self.rates();
        let restless_ms = self.restless_ms(acked_bps);
        let line = Use {
            sent_bps,
            estimate_bps: self.estimate_bps,
            passed_bps: self.passed_bps,
        };
        let verdict = self.loss.judge(queue_ms, jitter_ms, line, now);
        let growing = self.trend.usage() == Usage::Over && queue_ms >= restless_ms;
        let standing = queue_ms > QUEUE_STANDING_MS.max(restless_ms * 3.0);
        let since = standing.then(|| *self.standing_since.get_or_insert(now));
        self.standing_since = since;
        let stands = since.is_some_and(|at| now.saturating_duration_since(at) >= STANDING);
        let grows = growing && std::mem::replace(&mut self.over_before, growing);
        self.over_before = growing;
        if let Some(acked_bps) = acked_bps {
            let congested = verdict == Some(Verdict::Congested) && self.draining.is_none();
            if grows || stands || congested {
                if !congested {
                    self.passed_bps = 0.0;
                }
                return self.decrease(acked_bps, queue_ms, now);
            }
            match verdict {
                Some(Verdict::Try) => {
                    self.estimate_bps = self.bound(sent_bps * TRIAL_SHARE);
                    return;
                }
                Some(Verdict::Relieved) => {
                    self.estimate_bps = self.bound(sent_bps);
                    self.full_bps = Some(sent_bps);
                    self.probing.reset(PROBE_REST * 2, now);
                    return;
                }
                Some(Verdict::Own { back_bps }) => self.estimate_bps = back_bps,
                _ => {}
            }
        }
        if self.drain(queue_ms, restless_ms, now) {
            return;
        }
        let calm = !growing && !standing && self.trend.usage() != Usage::Over;
        let explained = !matches!(verdict, Some(Verdict::Unexplained)) && !self.loss.is_trying();
        if calm && explained && sent_bps > self.estimate_bps * USED {
            self.climb(acked_bps.unwrap_or(sent_bps), elapsed);
        }
    }

    fn bound(&self, bps: f64) -> f64 {
        bps.clamp(FLOOR_BPS, CEILING_BPS).min(self.estimate_bps)
    }

    fn decrease(&mut self, acked_bps: f64, queue_ms: f64, now: Instant) {
        let wait = DECREASE_WAIT + self.round_trip.min(Duration::from_millis(500));
        let recent = self
            .last_decrease
            .is_some_and(|at| now.saturating_duration_since(at) < wait);
        if recent || acked_bps == 0.0 {
            return;
        }
        let before = self.estimate_bps;
        // The longer the queue, the more room it needs to empty.
        let share = if queue_ms > 200.0 { 0.7 } else { DRAIN_SHARE };
        let carried = acked_bps / (1.0 - self.loss.own());
        self.estimate_bps = self.bound(carried * share);
        self.full_bps = Some(carried);
        self.draining.get_or_insert(Drain {
            since: now,
            queue_ms,
            before_bps: before,
        });
        self.last_decrease = Some(now);
        self.standing_since = None;
        self.trend.forget();
        let rest = if carried < before * 0.7 {
            // A dip: as soon as it is over, more is wanted back at once.
            PROBE_REST
        } else {
            PROBE_REST * 2
        };
        self.probing.reset(rest, now);
    }

    /// Waits for the queue to empty after a decrease. Returns whether it still does.
    fn drain(&mut self, queue_ms: f64, restless_ms: f64, now: Instant) -> bool {
        let Some(drain) = &mut self.draining else {
            return false;
        };
        drain.queue_ms = drain.queue_ms.max(queue_ms);
        let drain = *drain;
        let waited = now.saturating_duration_since(drain.since);
        if waited < self.round_trip + Duration::from_millis(100) {
            return true;
        }
        if queue_ms < restless_ms {
            self.draining = None;
            let after = self.full_bps.unwrap_or(0.0) * AFTER_SHARE;
            self.estimate_bps = self.estimate_bps.max(after.min(CEILING_BPS));
            return false;
        }
        let longest = DRAIN_MAX + Duration::from_secs_f64(drain.queue_ms / 1_000.0 * DRAIN_TIMES);
        let unchanged = queue_ms > drain.queue_ms * SHORTER && drain.queue_ms < LONGER_MS;
        if waited > DRAIN_SEEN + self.round_trip && unchanged {
            self.draining = None;
            self.queue.forget();
            self.trend.forget();
            self.full_bps = None;
            self.estimate_bps = self.estimate_bps.max(drain.before_bps * AFTER_SHARE);
        } else if waited > longest {
            self.draining = None;
            self.queue.forget();
        }
        self.draining.is_some()
    }

    fn climb(&mut self, acked_bps: f64, elapsed: Duration) {
        let growth = match self.full_bps {
            Some(full) if self.estimate_bps > full * 1.15 => {
                self.full_bps = None;
                UNKNOWN
            }
            Some(full) if self.estimate_bps > full * 0.9 => NEAR,
            Some(_) => BELOW,
            None => UNKNOWN,
        };
        let next = self.estimate_bps * (1.0 + growth * elapsed.as_secs_f64());
        let ahead = acked_bps / (1.0 - self.loss.own()) * AHEAD;
        self.estimate_bps = next.min(ahead.max(self.estimate_bps)).min(CEILING_BPS);
    }

    fn learn(&mut self, shown: Shown, now: Instant) {
        let before = self.estimate_bps;
        let bps = match shown {
            Shown::Room(bps) => {
                if self.full_bps.is_some_and(|full| bps > full * 1.15) {
                    self.full_bps = None;
                }
                self.passed_bps = self.passed_bps.max(bps);
                bps * AFTER_SHARE
            }
            Shown::Full(bps) => {
                // Padding overflows short queues before it shows the rate: what has been carried stays known.
                if bps > self.estimate_bps {
                    self.full_bps = Some(bps);
                }
                bps * DRAIN_SHARE
            }
        };
        if self.draining.is_none() {
            self.estimate_bps = self.estimate_bps.max(bps.min(CEILING_BPS));
        }
        if matches!(shown, Shown::Full(_)) || self.estimate_bps < before * 1.03 {
            self.probing.rest(now);
        }
    }
}

impl Estimator {
    /// Bytes of padding to send now, to see whether the line has room. Call it every 25 ms; send the padding at once and say
    /// [`Self::end_padding`] after it. 0 almost always.
    pub fn begin_padding(&mut self, now: Instant) -> usize {
        if self.probing.is_due(now) && self.may_probe(now) {
            let media_bps = self.sent.bps(self.clock_us(now)).unwrap_or(0.0);
            let times = if self.full_bps.is_none() && self.estimate_bps <= START_BPS as f64 {
                FIRST_PROBE
            } else {
                NEXT_PROBE
            };
            // A little beyond what is wanted: what is found is taken with a margin.
            let bps = (self.estimate_bps.max(media_bps) * times)
                .min(self.wanted_bps * 1.2)
                .min(CEILING_BPS);
            self.probing
                .begin(bps, media_bps, self.queue.jitter_ms(), now);
        }
        self.probing.begin_burst(now)
    }

    /// The padding of [`Self::begin_padding`] has been handed to [`Self::sent`].
    pub fn end_padding(&mut self) {
        self.probing.end_burst();
    }

    fn may_probe(&self, now: Instant) -> bool {
        let fresh = self
            .last_feedback
            .is_some_and(|at| now.saturating_duration_since(at) < STALLED);
        fresh
            && self.estimate_bps < self.wanted_bps
            && self.draining.is_none()
            && !self.loss.is_trying()
            && self.trend.usage() != Usage::Over
            && self.queue.ms() < QUEUE_GROWING_MS.max(self.queue.jitter_ms()) * 2.0
            && self.loss.smoothed() < self.loss.own() * 1.5 + 0.05
    }
}

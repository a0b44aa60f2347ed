//! Which loss is congestion. A line whose queue is full loses what the queue shows; a bad radio line or a policer loses without one,
//! and then only a trial tells them apart: send less for a moment and see whether the loss goes.

use std::time::{Duration, Instant};

/// Between two judgements.
const PERIOD: Duration = Duration::from_millis(400);
/// Packets that a judgement needs.
const PACKETS_MIN: i64 = 20;
/// Loss beyond the line's own that asks for an explanation.
const EXCESS: f64 = 0.05;
/// The same when there is a queue.
const EXCESS_QUEUED: f64 = 0.02;
/// A queue that even the fastest packets waited in, with loss: it is full.
const QUEUE_MS: f64 = 6.0;
/// A queue this long after a decrease is no chance.
const STILL_QUEUED_MS: f64 = 40.0;
/// On a restless line, that many times the mean difference of delays: packets that keep their order wait for those before them.
const RESTLESS: f64 = 2.0;
/// Judgements in a row before a trial.
const STRIKES: u8 = 3;
/// How long a trial may take; when we could not send less by then, it says nothing.
const TRIAL_MAX: Duration = Duration::from_secs(4);
/// What a trial sends, of what was sent before.
pub(super) const TRIAL_SHARE: f64 = 0.8;
/// First pause after a trial that showed nothing to gain; doubled up to the longest.
const PAUSE: Duration = Duration::from_secs(30);
const PAUSE_MAX: Duration = Duration::from_secs(240);
/// A line never counts as worse than this by nature.
const OWN_MAX: f64 = 0.3;

/// What a judgement says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The line loses what it always loses.
    Fine,
    /// Loss that nothing explains yet.
    Unexplained,
    /// The line loses because too much is sent.
    Congested,
    /// Send [`TRIAL_SHARE`] of what is sent now, to see.
    Try,
    /// The trial changed nothing: the line is like that. Back to the estimate of before.
    Own {
        /// The estimate of before the trial.
        back_bps: f64,
    },
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    since: Instant,
    share: f64,
    sent_bps: f64,
    back_bps: f64,
    /// A queue was seen with the loss.
    queued: bool,
}

/// The loss towards one receiver.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    lost: i64,
    received: i64,
    since: Instant,
    smoothed: f64,
    /// Loss that the line has by nature.
    own: f64,
    strikes: u8,
    trial: Option<Trial>,
    rest_until: Option<Instant>,
    pause: Duration,
}

impl Loss {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            lost: 0,
            received: 0,
            since: now,
            smoothed: 0.0,
            own: 0.0,
            strikes: 0,
            trial: None,
            rest_until: None,
            pause: PAUSE,
        }
    }

    /// Counts packets; `lost` is below zero when packets came that had been reported as lost.
    pub(super) fn count(&mut self, received: i64, lost: i64) {
        self.received += received;
        self.lost += lost;
    }

    /// Loss, 0 to 1, smoothed over about a second.
    pub(super) fn smoothed(&self) -> f64 {
        self.smoothed
    }

    /// Loss that the line has whatever is sent, 0 to 1.
    pub(super) fn own(&self) -> f64 {
        self.own
    }

    /// Whether a trial is under way.
    pub(super) fn is_trying(&self) -> bool {
        self.trial.is_some()
    }

    /// Judges the last period, when it has passed. `queue_ms` is how long the fastest packets wait, `jitter_ms` how restless they are.
    pub(super) fn judge(
        &mut self,
        queue_ms: f64,
        jitter_ms: f64,
        sent_bps: f64,
        estimate_bps: f64,
        now: Instant,
    ) -> Option<Verdict> {
        let total = self.received + self.lost;
        let waited = now.saturating_duration_since(self.since);
        // A thin stream gets three periods to fill one.
        if waited < PERIOD || (total < PACKETS_MIN && waited < PERIOD * 3) {
            return None;
        }
        let share = (self.lost.max(0) as f64 / total.max(1) as f64).min(1.0);
        let few = self.lost < 3;
        (self.lost, self.received, self.since) = (0, 0, now);
        self.smoothed += (share - self.smoothed) * 0.4;
        // The line's own loss is learnt by trials only, and followed where it goes from there.
        if self.own > 0.0 {
            self.own += (share - self.own).min(EXCESS) * 0.04;
        }
        let chance = 2.0 * (self.own * (1.0 - self.own) / total.max(1) as f64).sqrt();
        let queued = queue_ms >= QUEUE_MS.max(jitter_ms * RESTLESS);
        if let Some(trial) = self.trial {
            return Some(self.conclude(trial, share, queue_ms, sent_bps, now));
        }
        let excess = if queued { EXCESS_QUEUED } else { EXCESS };
        if share - self.own <= excess + chance || few {
            self.strikes = 0;
            return Some(Verdict::Fine);
        }
        self.strikes = self.strikes.saturating_add(1);
        // A line that loses while it is hardly used is not full by what we send.
        let queued = queued && sent_bps > estimate_bps * 0.5;
        let resting = self.rest_until.is_some_and(|until| now < until);
        if !queued && (self.strikes < STRIKES || resting) {
            return Some(Verdict::Unexplained);
        }
        self.strikes = 0;
        // What looks like congestion must show to be it: else a bad line would be lowered until nothing is left.
        self.trial = Some(Trial {
            since: now,
            share: self.smoothed.max(share),
            sent_bps,
            back_bps: estimate_bps,
            queued,
        });
        Some(if queued {
            Verdict::Congested
        } else {
            Verdict::Try
        })
    }

    fn conclude(
        &mut self,
        trial: Trial,
        share: f64,
        queue_ms: f64,
        sent_bps: f64,
        now: Instant,
    ) -> Verdict {
        let waited = now.saturating_duration_since(trial.since);
        let sent_less = sent_bps <= trial.sent_bps * (TRIAL_SHARE + 0.1);
        let gone = share < trial.share * 0.6;
        if waited < PERIOD * 2 || (!sent_less && !gone && waited < TRIAL_MAX) {
            return Verdict::Unexplained;
        }
        self.trial = None;
        if gone {
            self.pause = PAUSE;
            return match (trial.queued, sent_less) {
                // The estimate has fallen already.
                (true, _) => Verdict::Fine,
                (false, true) => Verdict::Congested,
                // It went by itself.
                (false, false) => Verdict::Own {
                    back_bps: trial.back_bps,
                },
            };
        }
        // A queue that nothing has shortened.
        if trial.queued && queue_ms >= STILL_QUEUED_MS && share - self.own > EXCESS {
            return Verdict::Congested;
        }
        self.own = trial.share.max(share).min(OWN_MAX);
        self.rest_until = Some(now + self.pause);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Verdict::Own {
            back_bps: trial.back_bps,
        }
    }
}

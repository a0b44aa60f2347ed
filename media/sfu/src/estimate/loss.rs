//! Which loss is congestion. A line whose queue is full loses what the queue shows; a bad radio line or a policer loses without one,
//! and then only a trial tells them apart: send less for a moment and see whether the loss goes. Packets are few, chance is large and
//! losses come in runs, so a trial weighs them until the odds are clear (Wald's sequential test, a run counting as one packet). A line that
//! is hardly used needs no trial.

use std::time::{Duration, Instant};

/// Between two judgements.
const PERIOD: Duration = Duration::from_millis(400);
/// Packets that a judgement needs.
const PACKETS_MIN: i64 = 40;
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
const TRIAL_MAX: Duration = Duration::from_secs(5);
/// Odds that end a trial, as natural logarithms: 100 to 1 for a loss that has gone, since that costs the picture, and 20 to 1 for one that
/// has not.
const GONE: f64 = 4.6;
const STAYED: f64 = -3.0;
/// What would be left of the loss if it were congestion.
const LEFT: f64 = 0.25;
/// Less loss than that is not weighed: it would take too many packets.
const WEIGHED_MIN: f64 = 0.04;
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
    /// The line is full, and its queue shows it.
    Congested,
    /// Less was sent, and the loss has gone: more is too much.
    Relieved,
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
    /// Packets that were lost in one run, in the mean; at least 1.
    run: f64,
    /// Natural logarithm of the odds that the loss has gone.
    odds: f64,
}

impl Trial {
    fn weigh(&mut self, told: Told) {
        let before = self.share.clamp(WEIGHED_MIN, 0.9);
        let after = before * LEFT;
        let arrival = ((1.0 - after) / (1.0 - before)).ln();
        let packets = told.received as f64 * arrival + told.lost.max(0) as f64 * LEFT.ln();
        self.odds += packets / self.run;
    }
}

/// How a line is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    /// What is sent, in bits per second.
    pub(super) sent_bps: f64,
    /// What may be sent.
    pub(super) estimate_bps: f64,
    /// What has been seen to pass since a queue was seen; 0 when nothing has.
    pub(super) passed_bps: f64,
}

/// Packets of which the receiver has spoken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) received: i64,
    /// Below zero when packets came that had been reported as lost.
    pub(super) lost: i64,
    /// Runs of lost packets, one after the other.
    pub(super) runs: i64,
}

impl Told {
    fn add(&mut self, other: Self) {
        self.received += other.received;
        self.lost += other.lost;
        self.runs += other.runs;
    }

    fn total(&self) -> i64 {
        self.received + self.lost
    }

    /// Of all packets, 0 to 1.
    fn share(&self) -> f64 {
        (self.lost.max(0) as f64 / self.total().max(1) as f64).min(1.0)
    }
}

/// The loss towards one receiver.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    told: Told,
    since: Instant,
    smoothed: f64,
    /// Loss that the line has by nature.
    own: f64,
    strikes: u8,
    /// Packets of those judgements.
    struck: Told,
    trial: Option<Trial>,
    rest_until: Option<Instant>,
    pause: Duration,
}

impl Loss {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            told: Told::default(),
            since: now,
            smoothed: 0.0,
            own: 0.0,
            strikes: 0,
            struck: Told::default(),
            trial: None,
            rest_until: None,
            pause: PAUSE,
        }
    }

    /// Counts packets.
    pub(super) fn count(&mut self, told: Told) {
        self.told.add(told);
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
        line: Use,
        now: Instant,
    ) -> Option<Verdict> {
        let Use {
            sent_bps,
            estimate_bps,
            passed_bps,
        } = line;
        let total = self.told.total();
        let waited = now.saturating_duration_since(self.since);
        // A thin stream gets three periods to fill one.
        if waited < PERIOD || (total < PACKETS_MIN && waited < PERIOD * 3) {
            return None;
        }
        let told = std::mem::take(&mut self.told);
        self.since = now;
        let (share, few) = (told.share(), told.lost < 3);
        self.smoothed += (share - self.smoothed) * 0.4;
        // The line's own loss is learnt by trials only, and followed where it goes from there.
        if self.own > 0.0 {
            self.own += (share - self.own).min(EXCESS) * 0.04;
        }
        let chance = 2.0 * (self.own * (1.0 - self.own) / total.max(1) as f64).sqrt();
        let queued = queue_ms >= QUEUE_MS.max(jitter_ms * RESTLESS);
        if let Some(trial) = &mut self.trial {
            // The first period still tells of what was sent before.
            if now.saturating_duration_since(trial.since) >= PERIOD * 2 {
                trial.weigh(told);
            }
            let trial = *trial;
            return Some(self.conclude(trial, queue_ms, sent_bps, now));
        }
        let excess = if queued { EXCESS_QUEUED } else { EXCESS };
        if share - self.own <= excess + chance || few {
            self.strikes = 0;
            return Some(Verdict::Fine);
        }
        if self.strikes == 0 {
            self.struck = Told::default();
        }
        self.strikes = self.strikes.saturating_add(1);
        self.struck.add(told);
        // A line that loses while it is hardly used is not full by what we send.
        let queued = queued && sent_bps > estimate_bps * 0.5;
        let resting = self.rest_until.is_some_and(|until| now < until);
        if !queued && (self.strikes < STRIKES || resting) {
            return Some(Verdict::Unexplained);
        }
        self.strikes = 0;
        // The last judgements together: one alone is the worse for having been chosen.
        let share = self.struck.share();
        // Twice as much has passed: it is not what we send that fills the line. Said once; should the loss grow, it is tried.
        if !queued && self.own == 0.0 && share <= OWN_MAX && sent_bps < passed_bps * 0.5 {
            return Some(self.accept(share, estimate_bps, now));
        }
        // What looks like congestion must show to be it: else a bad line would be lowered until nothing is left.
        self.trial = Some(Trial {
            since: now,
            share,
            sent_bps,
            back_bps: estimate_bps,
            queued,
            run: (self.struck.lost as f64 / self.struck.runs.max(1) as f64).max(1.0),
            odds: 0.0,
        });
        Some(if queued {
            Verdict::Congested
        } else {
            Verdict::Try
        })
    }

    fn conclude(&mut self, trial: Trial, queue_ms: f64, sent_bps: f64, now: Instant) -> Verdict {
        let waited = now.saturating_duration_since(trial.since);
        let sent_less = sent_bps <= trial.sent_bps * (TRIAL_SHARE + 0.1);
        let gone = trial.odds >= GONE;
        let stayed = trial.odds <= STAYED && sent_less;
        if !gone && !stayed && waited < TRIAL_MAX {
            return Verdict::Unexplained;
        }
        self.trial = None;
        if gone {
            self.pause = PAUSE;
            return match (trial.queued, sent_less) {
                // The estimate has fallen already.
                (true, _) => Verdict::Fine,
                (false, true) => Verdict::Relieved,
                // It went by itself.
                (false, false) => Verdict::Own {
                    back_bps: trial.back_bps,
                },
            };
        }
        // A queue that nothing has shortened.
        if trial.queued && queue_ms >= STILL_QUEUED_MS && self.smoothed - self.own > EXCESS {
            return Verdict::Congested;
        }
        self.accept(trial.share, trial.back_bps, now)
    }

    /// Takes `share` for the line's own loss.
    fn accept(&mut self, share: f64, back_bps: f64, now: Instant) -> Verdict {
        self.own = share.min(OWN_MAX);
        self.rest_until = Some(now + self.pause);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Verdict::Own { back_bps }
    }
}

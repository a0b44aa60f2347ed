//! Whether the queue on the way grows: the slope of one-way delay over the last groups of packets, against a threshold that
//! follows the line's own restlessness (draft-ietf-rmcat-gcc-02, sections 5.3 and 5.4, with a line fitted instead of a filter).

/// Packets sent within this long are one group: pacing and batches of the system make no trend.
const GROUP_US: u64 = 5_000;
/// Groups to which the line is fitted.
const WINDOW: usize = 20;
/// Weight of the past when delays are smoothed.
const SMOOTHING: f64 = 0.9;
/// Turns a slope into the milliseconds that the threshold speaks of.
const GAIN: f64 = 4.0;
const GROUPS_COUNTED_MAX: f64 = 60.0;
const THRESHOLD_START_MS: f64 = 12.5;
const THRESHOLD_MIN_MS: f64 = 6.0;
const THRESHOLD_MAX_MS: f64 = 600.0;
/// The threshold rises slowly and falls more slowly, per millisecond and millisecond of distance.
const RISE: f64 = 0.0087;
const FALL: f64 = 0.00039;
/// A trend further than this beyond the threshold does not teach it.
const OUTLIER_MS: f64 = 15.0;
/// A trend must stand this long to count.
const OVER_MS: f64 = 10.0;

/// What the trend says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Usage {
    /// Neither grows nor empties.
    #[default]
    Normal,
    /// The queue grows.
    Over,
    /// The queue empties.
    Under,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent_us: u64,
    last_sent_us: u64,
    arrived_us: i64,
}

/// The trend of one receiver's line.
#[derive(Clone, Debug)]
pub(super) struct Trend {
    group: Option<Group>,
    before: Option<Group>,
    accumulated_ms: f64,
    smoothed_ms: f64,
    origin_us: i64,
    /// Arrival and smoothed delay in milliseconds.
    points: [(f64, f64); WINDOW],
    count: u64,
    threshold_ms: f64,
    over_ms: f64,
    over_groups: u32,
    last_slope: f64,
    usage: Usage,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            group: None,
            before: None,
            accumulated_ms: 0.0,
            smoothed_ms: 0.0,
            origin_us: 0,
            points: [(0.0, 0.0); WINDOW],
            count: 0,
            threshold_ms: THRESHOLD_START_MS,
            over_ms: 0.0,
            over_groups: 0,
            last_slope: 0.0,
            usage: Usage::Normal,
        }
    }
}

impl Trend {
    /// What the last groups say.
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// Forgets the slope, not the threshold: what follows is measured against a road that has changed.
    pub(super) fn forget(&mut self) {
        *self = Self {
            threshold_ms: self.threshold_ms,
            ..Self::default()
        };
    }

    /// Takes a packet that arrived, in the order of sending.
    pub(super) fn take(&mut self, sent_us: u64, arrived_us: i64) {
        let Some(group) = &mut self.group else {
            self.group = Some(Group {
                first_sent_us: sent_us,
                last_sent_us: sent_us,
                arrived_us,
            });
            self.origin_us = arrived_us;
            return;
        };
        // A packet that was sent before this group is a late one; its group has been judged.
        if sent_us < group.first_sent_us {
            return;
        }
        if sent_us - group.first_sent_us <= GROUP_US {
            group.last_sent_us = group.last_sent_us.max(sent_us);
            group.arrived_us = group.arrived_us.max(arrived_us);
            return;
        }
        let done = *group;
        *group = Group {
            first_sent_us: sent_us,
            last_sent_us: sent_us,
            arrived_us,
        };
        if let Some(before) = self.before.replace(done) {
            self.judge(&before, &done);
        }
    }

    fn judge(&mut self, before: &Group, group: &Group) {
        let sent_ms = (group.last_sent_us as f64 - before.last_sent_us as f64) / 1_000.0;
        let arrived_ms = (group.arrived_us - before.arrived_us) as f64 / 1_000.0;
        if sent_ms > 3_000.0 {
            // Nothing was sent for long: there is no trend over a silence.
            return self.forget();
        }
        self.accumulated_ms += arrived_ms - sent_ms;
        self.smoothed_ms = self.smoothed_ms * SMOOTHING + self.accumulated_ms * (1.0 - SMOOTHING);
        let at_ms = (group.arrived_us - self.origin_us) as f64 / 1_000.0;
        self.points[(self.count % WINDOW as u64) as usize] = (at_ms, self.smoothed_ms);
        self.count += 1;
        if self.count < WINDOW as u64 {
            return;
        }
        let slope = self.slope();
        let trend_ms = slope * (self.count as f64).min(GROUPS_COUNTED_MAX) * GAIN;
        self.decide(trend_ms, slope, sent_ms);
        self.learn(trend_ms, arrived_ms.clamp(0.0, 100.0));
    }

    /// The slope of the line nearest to the points.
    fn slope(&self) -> f64 {
        let count = WINDOW as f64;
        let mean_at = self.points.iter().map(|point| point.0).sum::<f64>() / count;
        let mean_delay = self.points.iter().map(|point| point.1).sum::<f64>() / count;
        let (mut above, mut below) = (0.0, 0.0);
        for (at, delay) in &self.points {
            above += (at - mean_at) * (delay - mean_delay);
            below += (at - mean_at) * (at - mean_at);
        }
        if below == 0.0 { 0.0 } else { above / below }
    }

    fn decide(&mut self, trend_ms: f64, slope: f64, sent_ms: f64) {
        if trend_ms > self.threshold_ms {
            self.over_ms += sent_ms;
            self.over_groups += 1;
            if self.over_ms > OVER_MS && self.over_groups > 1 && slope >= self.last_slope {
                self.usage = Usage::Over;
            }
        } else {
            self.over_ms = 0.0;
            self.over_groups = 0;
            self.usage = if trend_ms < -self.threshold_ms {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        self.last_slope = slope;
    }

    fn learn(&mut self, trend_ms: f64, elapsed_ms: f64) {
        let distance = trend_ms.abs() - self.threshold_ms;
        if distance > OUTLIER_MS {
            return;
        }
        let rate = if distance > 0.0 { RISE } else { FALL };
        self.threshold_ms = (self.threshold_ms + rate * distance * elapsed_ms)
            .clamp(THRESHOLD_MIN_MS, THRESHOLD_MAX_MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(trend: &mut Trend, from: u64, packets: u64, growth_us: i64) -> Usage {
        let mut usage = Usage::Normal;
        for packet in from..from + packets {
            let sent = packet * 10_000;
            trend.take(sent, sent as i64 + (packet - from) as i64 * growth_us);
            if trend.usage() != Usage::Normal {
                usage = trend.usage();
            }
        }
        usage
    }

    #[test]
    fn a_growing_queue_is_over_use_and_an_emptying_one_under_use() {
        assert_eq!(run(&mut Trend::default(), 0, 200, 0), Usage::Normal);
        assert_eq!(run(&mut Trend::default(), 0, 200, 1_500), Usage::Over);
        assert_eq!(run(&mut Trend::default(), 0, 200, -1_500), Usage::Under);
    }

    #[test]
    fn a_silence_is_no_trend() {
        let mut trend = Trend::default();
        run(&mut trend, 0, 50, 0);
        assert_eq!(run(&mut trend, 10_000, 100, 0), Usage::Normal);
    }
}

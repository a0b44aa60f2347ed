//! Durations in buckets of 1.6 %: quantiles of any number of samples in little memory.

use std::time::Duration;

use serde::Serialize;

/// Buckets of one power of two.
const PARTS: usize = 64;
/// Powers of two above the first bucket: up to 18 minutes in microseconds.
const POWERS: usize = 25;

/// A set of durations.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u32>,
    count: u64,
    max: Duration,
}

/// What a report says of a [`Histogram`], in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Samples.
    pub count: u64,
    /// Half were not longer.
    pub p50_ms: f64,
    /// 95 of 100 were not longer.
    pub p95_ms: f64,
    /// 99 of 100 were not longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; PARTS * (POWERS + 1)],
            count: 0,
            max: Duration::ZERO,
        }
    }
}

impl Histogram {
    /// Adds a sample.
    pub fn add(&mut self, sample: Duration) {
        let us = sample.as_micros() as u64;
        let bucket = if us < PARTS as u64 {
            us as usize
        } else {
            let power = us.ilog2() as usize - PARTS.ilog2() as usize;
            let part = (us >> power) as usize - PARTS;
            (power + 1) * PARTS + part
        };
        let last = self.counts.len() - 1;
        self.counts[bucket.min(last)] += 1;
        self.count += 1;
        self.max = self.max.max(sample);
    }

    /// Adds the samples of another.
    pub fn merge(&mut self, other: &Self) {
        for (own, others) in self.counts.iter_mut().zip(&other.counts) {
            *own += others;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// Samples so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest duration that `share` (0 to 1) of the samples do not exceed, up to 1.6 % too long; zero without samples.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted && *count > 0 {
                let (power, part) = (bucket / PARTS, bucket % PARTS);
                let us = match power {
                    0 => part as u64,
                    _ => ((part + PARTS + 1) as u64) << (power - 1),
                };
                return Duration::from_micros(us).min(self.max);
            }
        }
        Duration::ZERO
    }

    /// The figures of a report.
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        let ms = |duration: Duration| (duration.as_secs_f64() * 10_000.0).round() / 10.0;
        Quantiles {
            count: self.count,
            p50_ms: ms(self.quantile(0.5)),
            p95_ms: ms(self.quantile(0.95)),
            p99_ms: ms(self.quantile(0.99)),
            max_ms: ms(self.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_up_to_a_bucket() {
        let mut histogram = Histogram::default();
        for ms in 1..=1_000 {
            histogram.add(Duration::from_millis(ms));
        }
        let found = histogram.quantiles();
        for (found, right) in [
            (found.p50_ms, 500.0),
            (found.p95_ms, 950.0),
            (found.p99_ms, 990.0),
            (found.max_ms, 1_000.0),
        ] {
            assert!(found >= right && found <= right * 1.02, "{found} {right}");
        }
        assert_eq!(Histogram::default().quantiles(), Quantiles::default());
        histogram.add(Duration::from_secs(100_000));
        assert_eq!(histogram.quantiles().max_ms, 1e8);
    }
}

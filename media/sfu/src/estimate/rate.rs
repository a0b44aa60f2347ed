//! Bytes over the last half second, on a clock of microseconds.

/// Length of a bucket.
const BUCKET_US: u64 = 50_000;
/// Buckets that count: half a second, a keyframe among its delta frames.
const BUCKETS: usize = 10;

/// A rate over the latest half second that has passed completely.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    /// One more than counts: the one that is being filled.
    bytes: [u32; BUCKETS + 1],
    /// Number of the bucket that is being filled.
    newest: u64,
    /// Buckets that were begun since the first packet.
    begun: u64,
}

impl Rate {
    /// Counts `bytes` at `at_us`. What is older than the window is left out.
    pub(super) fn add(&mut self, at_us: u64, bytes: u32) {
        self.pass(at_us);
        let bucket = at_us / BUCKET_US;
        if self.begun == 0 {
            (self.newest, self.begun) = (bucket, 1);
        }
        if bucket + BUCKETS as u64 > self.newest {
            self.bytes[place(bucket)] += bytes;
        }
    }

    /// Empties what lies between the newest bucket and `at_us`.
    fn pass(&mut self, at_us: u64) {
        let bucket = at_us / BUCKET_US;
        if self.begun == 0 || bucket <= self.newest {
            return;
        }
        let steps = bucket - self.newest;
        for step in 1..=steps.min(self.bytes.len() as u64) {
            self.bytes[place(self.newest + step)] = 0;
        }
        self.newest = bucket;
        self.begun = self.begun.saturating_add(steps);
    }

    /// Bits per second until `at_us`; nothing while the first tenth of a second has not passed.
    pub(super) fn bps(&mut self, at_us: u64) -> Option<f64> {
        self.pass(at_us);
        let whole = (self.begun.saturating_sub(1)).min(BUCKETS as u64);
        if whole < 2 {
            return None;
        }
        let bytes = (1..=whole)
            .filter_map(|back| self.newest.checked_sub(back))
            .map(|bucket| u64::from(self.bytes[place(bucket)]))
            .sum::<u64>();
        Some(bytes as f64 * 8.0 * 1_000_000.0 / (whole * BUCKET_US) as f64)
    }
}

fn place(bucket: u64) -> usize {
    (bucket % (BUCKETS as u64 + 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_last_half_second() {
        let mut rate = Rate::default();
        assert_eq!(rate.bps(0), None);
        for step in 0..100 {
            rate.add(step * 10_000, 1_250);
        }
        let bps = rate.bps(1_000_000).unwrap();
        assert!((bps - 1_000_000.0).abs() < 1.0, "{bps}");
        rate.add(700_000, 12_500);
        assert!(
            rate.bps(1_000_000).unwrap() > 1_100_000.0,
            "late, but within"
        );
        assert_eq!(rate.bps(9_000_000), Some(0.0));
    }
}

//! A clock and dice for tests.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use nhipcau_conference::Now;

/// 2026-11-21 08:00 in Asia/Ho_Chi_Minh.
pub(crate) const MORNING: &str = "2026-11-21T01:00:00Z";

/// Both clocks at `at`. Where the monotonic clock begins does not matter, so the real one serves.
#[allow(clippy::disallowed_methods)]
pub(crate) fn start(at: &str) -> Now {
    Now {
        instant: Instant::now(),
        at: time(at),
    }
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(crate) fn later(now: Now, seconds: u64) -> Now {
    Now {
        instant: now.instant + Duration::from_secs(seconds),
        at: now.at + SignedDuration::from_secs(seconds as i64),
    }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

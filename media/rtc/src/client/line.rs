//! A bad line between a client and the bridge: loss, delay, jitter, reordering and rate, in both directions, from a seed.
//!
//! It knows no clock: time is handed in, and a packet comes out when its time has come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// Bytes that wait for a slow line in one direction; what finds the queue full is lost, as in a shaper.
const QUEUE_BYTES_MAX: usize = 64 * 1024;
/// Datagrams on the way in one direction; what comes beyond them is lost.
const ON_THE_WAY_MAX: usize = 4_096;

/// What a line does to each datagram, in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LineOptions {
    /// Share that is lost, 0 to 1.
    pub loss: f64,
    /// Mean length of a run of lost datagrams; up to 1, each is lost by itself.
    pub burst: f64,
    /// Share that arrives twice, 0 to 1.
    pub duplicate: f64,
    /// One way.
    pub delay: Duration,
    /// Added to the delay, evenly between nothing and this. Order is kept.
    pub jitter: Duration,
    /// Share that skips delay and jitter and so overtakes others, 0 to 1.
    pub reorder: f64,
    /// Bits per second of UDP payload.
    pub rate_bps: Option<u64>,
    /// What chance begins with; the same seed loses the same datagrams.
    pub seed: u64,
}

impl LineOptions {
    /// Whether datagrams pass as if there were no line.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let Self {
            loss,
            burst: _,
            duplicate,
            delay,
            jitter,
            reorder,
            rate_bps,
            seed: _,
        } = *self;
        loss == 0.0
            && duplicate == 0.0
            && delay.is_zero()
            && jitter.is_zero()
            && reorder == 0.0
            && rate_bps.is_none()
    }
}

/// What has become of the datagrams of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// Given to the line.
    pub offered: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Lost because the queue was full.
    pub overflowed: u64,
    /// That skipped the delay.
    pub overtook: u64,
    /// That arrive twice.
    pub duplicated: u64,
}

impl LineCounts {
    pub(super) fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.lost += other.lost;
        self.overflowed += other.overflowed;
        self.overtook += other.overtook;
        self.duplicated += other.duplicated;
    }
}

/// One direction of a line.
pub(super) struct Lane {
    options: LineOptions,
    random: u64,
    /// When the last bit of what was taken has left a slow line.
    busy_until: Instant,
    last_due: Instant,
    /// The datagram before this one was lost.
    losing: bool,
    order: u64,
    on_the_way: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>,
    pub(super) counts: LineCounts,
}

/// Both directions.
pub(super) struct Line {
    pub(super) up: Lane,
    pub(super) down: Lane,
}

impl Line {
    pub(super) fn new(options: LineOptions, now: Instant) -> Self {
        Self {
            up: Lane::new(options, 0x7570, now),
            down: Lane::new(options, 0x646f_776e, now),
        }
    }

    /// From now on the line is like this; chance goes on where it is.
    pub(super) fn change(&mut self, options: LineOptions) {
        self.up.options = options;
        self.down.options = options;
    }
}

impl Lane {
    fn new(options: LineOptions, salt: u64, now: Instant) -> Self {
        Self {
            options,
            random: options.seed ^ (salt << 32),
            busy_until: now,
            last_due: now,
            losing: false,
            order: 0,
            on_the_way: BinaryHeap::new(),
            counts: LineCounts::default(),
        }
    }

    /// Evenly in 0 to 1 (splitmix64).
    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Two states (Gilbert): a run of losses goes on, or one begins, so that the share stays what it is.
    fn loses(&mut self) -> bool {
        let (loss, burst) = (self.options.loss, self.options.burst.max(1.0));
        let chance = if burst == 1.0 {
            loss
        } else if self.losing {
            1.0 - 1.0 / burst
        } else {
            loss / (burst * (1.0 - loss).max(0.01))
        };
        self.losing = self.chance() < chance;
        self.losing
    }

    /// Datagrams on the way.
    pub(super) fn waiting(&self) -> usize {
        self.on_the_way.len()
    }

    /// Takes a datagram, or loses it.
    pub(super) fn offer(&mut self, datagram: &[u8], now: Instant) {
        self.counts.offered += 1;
        if self.loses() {
            self.counts.lost += 1;
            return;
        }
        if let Some(rate_bps) = self.options.rate_bps {
            let backlog = self.busy_until.saturating_duration_since(now).as_secs_f64()
                * rate_bps as f64
                / 8.0;
            if backlog as usize + datagram.len() > QUEUE_BYTES_MAX {
                self.counts.overflowed += 1;
                return;
            }
            let bits = datagram.len() as f64 * 8.0;
            self.busy_until =
                self.busy_until.max(now) + Duration::from_secs_f64(bits / rate_bps.max(1) as f64);
        }
        if self.on_the_way.len() >= ON_THE_WAY_MAX {
            self.counts.overflowed += 1;
            return;
        }
        let left = self.busy_until.max(now);
        let due = if self.options.reorder > 0.0 && self.chance() < self.options.reorder {
            self.counts.overtook += 1;
            left
        } else {
            let jitter = self.chance();
            let due = left + self.options.delay + self.options.jitter.mul_f64(jitter);
            self.last_due = self.last_due.max(due);
            self.last_due
        };
        if self.options.duplicate > 0.0 && self.chance() < self.options.duplicate {
            self.counts.duplicated += 1;
            self.order += 1;
            self.on_the_way
                .push(Reverse((due, self.order, datagram.to_vec())));
        }
        self.order += 1;
        self.on_the_way
            .push(Reverse((due, self.order, datagram.to_vec())));
    }

    /// The next datagram that has arrived.
    pub(super) fn arrive(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.on_the_way.peek()?.0.0 > now {
            return None;
        }
        self.on_the_way.pop().map(|Reverse((_, _, bytes))| bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(options: LineOptions) -> (Lane, Instant) {
        let now = Instant::now();
        (Lane::new(options, 1, now), now)
    }

    #[test]
    fn it_loses_its_share_and_the_same_ones_from_the_same_seed() {
        let options = LineOptions {
            loss: 0.1,
            seed: 7,
            ..LineOptions::default()
        };
        let run = || {
            let (mut lane, now) = lane(options);
            (0..10_000u32)
                .filter_map(|number| {
                    lane.offer(&number.to_be_bytes(), now);
                    lane.arrive(now)
                })
                .collect::<Vec<_>>()
        };
        let arrived = run();
        assert!((8_900..9_100).contains(&arrived.len()), "{}", arrived.len());
        assert_eq!(arrived, run());
    }

    #[test]
    fn losses_come_in_runs_and_keep_their_share_and_some_arrive_twice() {
        let (mut lane, now) = lane(LineOptions {
            loss: 0.1,
            burst: 5.0,
            duplicate: 0.02,
            ..LineOptions::default()
        });
        let (mut runs, mut lost, mut before) = (0u32, 0u32, false);
        let mut twice = 0;
        for number in 0..50_000u32 {
            lane.offer(&number.to_be_bytes(), now);
            let arrived = std::iter::from_fn(|| lane.arrive(now)).count();
            twice += u32::from(arrived == 2);
            lost += u32::from(arrived == 0);
            runs += u32::from(arrived == 0 && !before);
            before = arrived == 0;
        }
        assert!((4_400..5_600).contains(&lost), "{lost}");
        assert!((4..=6).contains(&(lost / runs)), "{lost} in {runs}");
        assert!((700..1_100).contains(&twice), "{twice}");
    }

    #[test]
    fn delay_and_jitter_keep_the_order_and_a_few_overtake() {
        let options = LineOptions {
            delay: Duration::from_millis(100),
            jitter: Duration::from_millis(30),
            ..LineOptions::default()
        };
        let (mut straight, start) = lane(options);
        let mut now = start;
        let mut arrived = Vec::new();
        for number in 0..400u32 {
            straight.offer(&number.to_be_bytes(), now);
            now += Duration::from_millis(1);
            arrived.extend(straight.arrive(now));
            assert!(number >= 99 || arrived.is_empty());
        }
        now += Duration::from_millis(130);
        arrived.extend(std::iter::from_fn(|| straight.arrive(now)));
        assert!(arrived.is_sorted() && arrived.len() == 400);

        let (mut overtaking, mut now) = lane(LineOptions {
            reorder: 0.05,
            ..options
        });
        let mut arrived = Vec::new();
        for number in 0..400u32 {
            overtaking.offer(&number.to_be_bytes(), now);
            now += Duration::from_millis(1);
            arrived.extend(std::iter::from_fn(|| overtaking.arrive(now)));
        }
        assert!(!arrived.is_sorted() && overtaking.counts.overtook > 5);
    }

    #[test]
    fn a_slow_line_carries_its_rate_and_its_queue_ends() {
        let (mut lane, start) = lane(LineOptions {
            rate_bps: Some(1_000_000),
            ..LineOptions::default()
        });
        let mut now = start;
        let mut bytes = 0;
        // Twice what it carries, for two seconds.
        for _ in 0..400 {
            lane.offer(&[0; 1_250], now);
            now += Duration::from_millis(5);
            bytes += std::iter::from_fn(|| lane.arrive(now))
                .map(|datagram| datagram.len())
                .sum::<usize>();
        }
        assert!((235_000..=250_000).contains(&bytes), "{bytes}");
        assert!(lane.counts.overflowed > 100);
    }
}

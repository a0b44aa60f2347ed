//! How much of a month something was there: stays in a standing become a percentage that says what it leaves out.

use std::collections::BTreeMap;
use std::sync::Arc;

/// How something stood for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// It did its work.
    Up,
    /// It did not, and the fault is its own or on its way.
    Down,
    /// Not measured, because something in front of it was broken.
    Behind,
    /// Not measured: never asked yet, or the daemon itself was away.
    Unknown,
}

impl Standing {
    /// The word in the store and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Behind => "behind",
            Self::Unknown => "unknown",
        }
    }

    /// The standing of a word; anything else is `Unknown`.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "up" => Self::Up,
            "down" => Self::Down,
            "behind" => Self::Behind,
            _ => Self::Unknown,
        }
    }
}

/// One stay. Times are Unix milliseconds; the end is exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// Since when.
    pub from_ms: i64,
    /// Until when.
    pub to_ms: i64,
    /// How it stood.
    pub standing: Standing,
    /// During announced maintenance of it or of what explains it.
    pub planned: bool,
    /// Why, for what is not up.
    pub cause: Option<Arc<str>>,
}

/// One cause of time that was not up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseShare {
    /// As the stays name it; empty when they do not.
    pub cause: Arc<str>,
    /// `Down` or `Behind`.
    pub standing: Standing,
    /// How long altogether.
    pub ms: i64,
    /// Stays with it.
    pub times: u32,
}

/// A period summed up. The parts add up to the period.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Up outside maintenance.
    pub up_ms: i64,
    /// Down outside maintenance: what counts against it.
    pub down_ms: i64,
    /// In maintenance, however it stood.
    pub planned_ms: i64,
    /// Of `planned_ms`, the part in which it was down or behind.
    pub planned_down_ms: i64,
    /// Behind something broken, outside maintenance: counted where it arose, not here.
    pub behind_ms: i64,
    /// Not measured.
    pub unknown_ms: i64,
    /// Times it went down; one that lasts over a change of reason or through maintenance is one.
    pub faults: u32,
    /// The longest of them, maintenance left out.
    pub longest_ms: i64,
    /// What it was that kept it from being up, longest first.
    pub causes: Vec<CauseShare>,
}

impl Tally {
    /// Up in percent of up and down; `None` when it was never measured outside maintenance.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        let measured = self.up_ms + self.down_ms;
        (measured > 0).then(|| self.up_ms as f64 * 100.0 / measured as f64)
    }
}

/// Sums up the stays within `[from_ms, to_ms)`. Where stays overlap (a clock was set back) the one that began last holds; where there is
/// none, nothing is known.
#[must_use]
pub fn tally(stays: &[Stay], from_ms: i64, to_ms: i64) -> Tally {
    let mut sorted: Vec<&Stay> = stays.iter().collect();
    sorted.sort_by_key(|stay| stay.from_ms);
    let mut sum = Tally::default();
    let mut causes: BTreeMap<(Standing, Arc<str>), (i64, u32)> = BTreeMap::new();
    let mut covered_ms = 0;
    // The fault that lasts: where it ended so far, and its length without maintenance.
    let mut fault: Option<(i64, i64)> = None;
    let close = |fault: Option<(i64, i64)>, sum: &mut Tally| {
        if let Some((_, ms)) = fault.filter(|(_, ms)| *ms > 0) {
            sum.faults += 1;
            sum.longest_ms = sum.longest_ms.max(ms);
        }
    };
    for (index, stay) in sorted.iter().enumerate() {
        let next = sorted.get(index + 1).map_or(i64::MAX, |s| s.from_ms);
        let (begin, end) = (stay.from_ms.max(from_ms), stay.to_ms.min(next).min(to_ms));
        if begin >= end {
            continue;
        }
        let ms = end - begin;
        if stay.standing == Standing::Down {
            if fault.is_none_or(|(until, _)| until != begin) {
                close(fault.take(), &mut sum);
            }
            let before = fault.map_or(0, |(_, ms)| ms);
            fault = Some((end, before + if stay.planned { 0 } else { ms }));
        }
        if stay.standing == Standing::Unknown {
            continue;
        }
        covered_ms += ms;
        if stay.planned {
            sum.planned_ms += ms;
            if stay.standing != Standing::Up {
                sum.planned_down_ms += ms;
            }
            continue;
        }
        match stay.standing {
            Standing::Up => sum.up_ms += ms,
            Standing::Down => sum.down_ms += ms,
            _ => sum.behind_ms += ms,
        }
        if stay.standing != Standing::Up {
            let cause = stay.cause.clone().unwrap_or_else(|| "".into());
            let share = causes.entry((stay.standing, cause)).or_default();
            share.0 += ms;
            share.1 += 1;
        }
    }
    close(fault, &mut sum);
    sum.unknown_ms = (to_ms - from_ms).max(0) - covered_ms;
    sum.causes = causes
        .into_iter()
        .map(|((standing, cause), (ms, times))| CauseShare {
            cause,
            standing,
            ms,
            times,
        })
        .collect();
    sum.causes.sort_by_key(|share| std::cmp::Reverse(share.ms));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }
    }

    /// What holds at one second, read off the list without any cleverness.
    fn at(stays: &[Stay], second: i64) -> Option<&Stay> {
        let ms = second * 1000;
        let last = stays
            .iter()
            .filter(|stay| stay.from_ms <= ms)
            .max_by_key(|stay| stay.from_ms)?;
        (ms < last.to_ms).then_some(last)
    }

    fn naive(stays: &[Stay], from: i64, to: i64) -> Tally {
        let mut sum = Tally::default();
        let mut causes: BTreeMap<(Standing, Arc<str>), i64> = BTreeMap::new();
        let mut run: Option<i64> = None;
        for second in from..=to {
            let stay = at(stays, second).filter(|_| second < to);
            let down = stay.is_some_and(|s| s.standing == Standing::Down);
            if !down && let Some(ms) = run.take().filter(|ms| *ms > 0) {
                sum.faults += 1;
                sum.longest_ms = sum.longest_ms.max(ms);
            }
            if second == to {
                break;
            }
            let Some(stay) = stay.filter(|s| s.standing != Standing::Unknown) else {
                sum.unknown_ms += 1000;
                continue;
            };
            if down {
                *run.get_or_insert(0) += if stay.planned { 0 } else { 1000 };
            }
            if stay.planned {
                sum.planned_ms += 1000;
                sum.planned_down_ms += if stay.standing == Standing::Up {
                    0
                } else {
                    1000
                };
                continue;
            }
            match stay.standing {
                Standing::Up => sum.up_ms += 1000,
                Standing::Down => sum.down_ms += 1000,
                _ => sum.behind_ms += 1000,
            }
            if stay.standing != Standing::Up {
                *causes
                    .entry((stay.standing, stay.cause.clone().unwrap()))
                    .or_default() += 1000;
            }
        }
        sum.causes = causes
            .into_iter()
            .map(|((standing, cause), ms)| CauseShare {
                cause,
                standing,
                ms,
                times: 0,
            })
            .collect();
        sum
    }

    #[test]
    fn random_months_agree_with_counting_every_second() {
        for seed in 0..300 {
            let mut random = Random(seed);
            let mut stays = Vec::new();
            let mut begin = random.below(500) as i64;
            for _ in 0..random.below(40) {
                let standing = [
                    Standing::Up,
                    Standing::Down,
                    Standing::Behind,
                    Standing::Unknown,
                    Standing::Down,
                ][random.below(5) as usize];
                // Some overlap the next one, some leave a gap.
                let length = 1 + random.below(200) as i64;
                stays.push(Stay {
                    from_ms: begin * 1000,
                    to_ms: (begin + length) * 1000,
                    standing,
                    planned: random.below(4) == 0,
                    cause: Some(["a", "b", "c"][random.below(3) as usize].into()),
                });
                begin += match random.below(4) {
                    0 => 1 + random.below(300) as i64,
                    _ => length,
                };
            }
            let (from, to) = (random.below(1000) as i64, 1000 + random.below(4000) as i64);
            let fast = tally(&stays, from * 1000, to * 1000);
            let slow = naive(&stays, from, to);
            // The reference counts seconds, not stays, and knows no order.
            let plain = |mut tally: Tally| {
                for share in &mut tally.causes {
                    share.times = 0;
                }
                tally
                    .causes
                    .sort_by(|a, b| (a.standing, &a.cause).cmp(&(b.standing, &b.cause)));
                tally
            };
            assert_eq!(plain(fast.clone()), plain(slow), "seed {seed}");
            assert_eq!(
                fast.up_ms + fast.down_ms + fast.planned_ms + fast.behind_ms + fast.unknown_ms,
                (to - from) * 1000,
                "the parts add up, seed {seed}"
            );
        }
    }

    #[test]
    fn maintenance_and_silence_do_not_count_against_it() {
        let stay = |from: i64, to: i64, standing, planned| Stay {
            from_ms: from * 60_000,
            to_ms: to * 60_000,
            standing,
            planned,
            cause: Some("x".into()),
        };
        let stays = [
            stay(0, 60, Standing::Up, false),
            stay(60, 70, Standing::Down, false),
            stay(70, 90, Standing::Down, true),
            stay(90, 95, Standing::Down, false),
            stay(95, 120, Standing::Behind, false),
            stay(120, 200, Standing::Up, false),
        ];
        let sum = tally(&stays, 0, 300 * 60_000);
        assert_eq!(sum.percent().map(f64::round), Some(90.0));
        assert_eq!((sum.faults, sum.longest_ms / 60_000), (1, 15));
        assert_eq!(sum.planned_down_ms / 60_000, 20);
        assert_eq!((sum.behind_ms / 60_000, sum.unknown_ms / 60_000), (25, 100));
        assert_eq!(tally(&[], 0, 1000).percent(), None);
    }
}

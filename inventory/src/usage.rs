//! How full a line was: counters read now and then become samples of equal length, samples a percentile.
//!
//! The rule of the dedicated network measures the 95th percentile of five-minute samples over seven days. Slots are aligned to the
//! wall clock, so times here are Unix times that the shell hands in.

use std::collections::BTreeMap;

use crate::InterfaceRef;

/// Lines that are metered at most; further ones have no samples.
const LINES_MAX: usize = 20_000;

/// Use of one line over one slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The end that was read.
    pub line: InterfaceRef,
    /// Start of the slot, Unix seconds; a multiple of the interval.
    pub slot: i64,
    /// Mean towards the device, bits per second; `None` when less than half of the slot was measured.
    pub in_bps: Option<f64>,
    /// Mean away from the device, bits per second.
    pub out_bps: Option<f64>,
}

/// One direction of the slot being filled.
#[derive(Debug, Clone, Copy, Default)]
struct Filling {
    bits: f64,
    seconds: f64,
}

impl Filling {
    fn add(&mut self, bps: Option<f64>, seconds: f64) {
        if let Some(bps) = bps {
            self.bits += bps * seconds;
            self.seconds += seconds;
        }
    }

    fn mean(self, interval_seconds: i64) -> Option<f64> {
        (self.seconds * 2.0 >= interval_seconds as f64).then(|| self.bits / self.seconds)
    }
}

#[derive(Debug)]
struct Line {
    read_ms: i64,
    slot: i64,
    inbound: Filling,
    outbound: Filling,
}

/// Turns readings into samples.
#[derive(Debug)]
pub struct Meter {
    interval_seconds: i64,
    lines: BTreeMap<InterfaceRef, Line>,
    finished: Vec<Sample>,
}

impl Meter {
    /// A meter of slots of that many seconds, at least one.
    #[must_use]
    pub fn new(interval_seconds: i64) -> Self {
        Self {
            interval_seconds: interval_seconds.max(1),
            lines: BTreeMap::new(),
            finished: Vec::new(),
        }
    }

    /// Takes a reading: the rates between this reading of the counters and the one before, which times the seconds between them are
    /// exactly what was counted. `None` across a discontinuity. A reading that is not newer than the last is dropped, and one that
    /// comes later than one and a half intervals says nothing about single slots and is left out.
    pub fn read(
        &mut self,
        line: &InterfaceRef,
        at_ms: i64,
        in_bps: Option<f64>,
        out_bps: Option<f64>,
    ) {
        let interval = self.interval_seconds;
        let slot_at = |ms: i64| {
            let seconds = ms.div_euclid(1000);
            seconds - seconds.rem_euclid(interval)
        };
        let Some(state) = self.lines.get_mut(line) else {
            if self.lines.len() < LINES_MAX {
                let state = Line {
                    read_ms: at_ms,
                    slot: slot_at(at_ms),
                    inbound: Filling::default(),
                    outbound: Filling::default(),
                };
                self.lines.insert(line.clone(), state);
            }
            return;
        };
        if at_ms <= state.read_ms {
            return;
        }
        let mut from_ms = state.read_ms;
        state.read_ms = at_ms;
        let too_long = at_ms - from_ms > interval * 1500;
        loop {
            let end_ms = (state.slot + interval) * 1000;
            let upto_ms = at_ms.min(end_ms);
            if !too_long && upto_ms > from_ms {
                let seconds = (upto_ms - from_ms) as f64 / 1000.0;
                state.inbound.add(in_bps, seconds);
                state.outbound.add(out_bps, seconds);
            }
            if at_ms < end_ms {
                return;
            }
            self.finished.extend(finish(line, state, interval));
            from_ms = end_ms;
            // A long silence is no loop over all its slots.
            state.slot = if too_long {
                slot_at(at_ms)
            } else {
                state.slot + interval
            };
        }
    }

    /// The samples that are complete. A line that has not been read since its slot ended is complete one interval later.
    pub fn take_finished(&mut self, now_ms: i64) -> Vec<Sample> {
        let interval = self.interval_seconds;
        for (name, line) in &mut self.lines {
            if now_ms >= (line.slot + 2 * interval) * 1000 {
                self.finished.extend(finish(name, line, interval));
                let seconds = now_ms.div_euclid(1000);
                line.slot = seconds - seconds.rem_euclid(interval);
            }
        }
        std::mem::take(&mut self.finished)
    }

    /// Lets go of lines that are no longer wanted.
    pub fn retain(&mut self, wanted: impl Fn(&InterfaceRef) -> bool) {
        self.lines.retain(|line, _| wanted(line));
    }
}

fn finish(name: &InterfaceRef, line: &mut Line, interval_seconds: i64) -> Option<Sample> {
    let in_bps = std::mem::take(&mut line.inbound).mean(interval_seconds);
    let out_bps = std::mem::take(&mut line.outbound).mean(interval_seconds);
    (in_bps.is_some() || out_bps.is_some()).then(|| Sample {
        line: name.clone(),
        slot: line.slot,
        in_bps,
        out_bps,
    })
}

/// The percentile by nearest rank, as carriers bill: of `n` sorted samples the one at rank ⌈`percent`·n/100⌉, which is the highest that
/// remains when the top 100−`percent` percent are struck out. No interpolation: the answer is a sample that was measured. Sorts `samples`.
#[must_use]
pub fn percentile(samples: &mut [f64], percent: u8) -> Option<f64> {
    samples.sort_unstable_by(f64::total_cmp);
    let rank = (samples.len() * usize::from(percent.min(100))).div_ceil(100);
    samples.get(rank.max(1) - 1).copied()
}

/// One direction over the window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DirectionUse {
    /// The percentile, bits per second; `None` without samples.
    pub percentile_bps: Option<f64>,
    /// Mean of the samples, bits per second.
    pub mean_bps: Option<f64>,
    /// Highest sample, bits per second.
    pub peak_bps: Option<f64>,
    /// Samples there are.
    pub samples: usize,
}

/// A window of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UseWindow {
    /// First slot, Unix seconds.
    pub from: i64,
    /// End, Unix seconds, exclusive.
    pub to: i64,
    /// Length of a slot, seconds.
    pub interval_seconds: i64,
    /// Percentile, 1–100.
    pub percent: u8,
}

impl UseWindow {
    /// Samples that a line without gaps would have in each direction.
    #[must_use]
    pub fn expected(&self) -> usize {
        usize::try_from((self.to - self.from) / self.interval_seconds.max(1)).unwrap_or(0)
    }

    /// One direction, of samples given as slot and bits per second; those outside are left out.
    #[must_use]
    pub fn direction(&self, samples: impl Iterator<Item = (i64, f64)>) -> DirectionUse {
        let mut within: Vec<f64> = samples
            .filter(|(slot, bps)| (self.from..self.to).contains(slot) && bps.is_finite())
            .map(|(_, bps)| bps)
            .collect();
        let count = within.len();
        let mean_bps = (count > 0).then(|| within.iter().sum::<f64>() / count as f64);
        let percentile_bps = percentile(&mut within, self.percent);
        DirectionUse {
            percentile_bps,
            mean_bps,
            peak_bps: within.last().copied(),
            samples: count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> InterfaceRef {
        InterfaceRef::new("isr4431", "Gi0/0/1")
    }

    #[test]
    fn the_percentile_is_a_sample_at_the_nearest_rank() {
        let mut hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut hundred, 95), Some(95.0));
        let mut twenty: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(percentile(&mut twenty, 95), Some(19.0));
        let mut nineteen: Vec<f64> = (1..=19).map(f64::from).collect();
        assert_eq!(percentile(&mut nineteen, 95), Some(19.0), "⌈18.05⌉ is 19");
        // A week without a gap: 2,016 samples, of which the highest 100 do not count.
        let mut week: Vec<f64> = (1..=2016).map(f64::from).collect();
        assert_eq!(percentile(&mut week, 95), Some(1916.0));
        assert_eq!(percentile(&mut [7.0], 95), Some(7.0));
        assert_eq!(percentile(&mut [], 95), None);
    }

    /// Counts of a random line, read at random times, are found again in the samples: nothing is lost and nothing counted twice.
    #[test]
    fn slots_hold_what_was_counted_between_the_readings() {
        let mut state = 42_u64;
        let mut random = move |below: i64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64 % below
        };
        let mut meter = Meter::new(300);
        let (mut at, mut bits) = (0_i64, 0.0);
        meter.read(&line(), at, None, None);
        let mut samples = Vec::new();
        while at < 40 * 300_000 {
            let step = 1_000 + random(59_000);
            let bps = random(10_000_000) as f64;
            at += step;
            let counted = bps * (step.min(40 * 300_000 - (at - step)).max(0)) as f64 / 1000.0;
            bits += counted;
            meter.read(&line(), at, Some(bps), Some(2.0 * bps));
            samples.extend(meter.take_finished(at));
        }
        assert_eq!(samples.len(), 40);
        let sum: f64 = samples.iter().filter_map(|s| s.in_bps).sum::<f64>() * 300.0;
        assert!((sum - bits).abs() < bits * 1e-9, "{sum} of {bits}");
        assert!(
            samples
                .windows(2)
                .all(|pair| pair[1].slot == pair[0].slot + 300)
        );
        assert!(
            samples
                .iter()
                .all(|s| (s.out_bps.unwrap() - 2.0 * s.in_bps.unwrap()).abs() < 1e-3)
        );
    }

    #[test]
    fn a_silence_and_a_discontinuity_leave_slots_out() {
        let mut meter = Meter::new(300);
        for n in 0..=10 {
            meter.read(&line(), n * 30_000, Some(1000.0), None);
        }
        // Nothing for an hour, then a reading whose mean over that hour is nobody's five minutes.
        meter.read(&line(), 3_900_000, Some(9999.0), None);
        for n in 1..=10 {
            // Counters that started anew for most of the slot.
            let bps = (n > 7).then_some(500.0);
            meter.read(&line(), 3_900_000 + n * 30_000, bps, None);
        }
        let finished = meter.take_finished(4_300_000);
        assert_eq!(finished.len(), 1, "{finished:?}");
        assert_eq!((finished[0].slot, finished[0].in_bps), (0, Some(1000.0)));
        assert_eq!(finished[0].out_bps, None);
    }

    #[test]
    fn a_line_that_falls_silent_still_gives_its_last_sample() {
        let mut meter = Meter::new(300);
        for n in 0..=8 {
            meter.read(&line(), n * 30_000, Some(8.0), Some(8.0));
        }
        assert!(meter.take_finished(310_000).is_empty());
        assert_eq!(meter.take_finished(600_000).len(), 1);
        assert!(meter.take_finished(1_200_000).is_empty());
    }

    #[test]
    fn a_window_counts_what_is_missing() {
        let week = UseWindow {
            from: 0,
            to: 7 * 86_400,
            interval_seconds: 300,
            percent: 95,
        };
        assert_eq!(week.expected(), 2016);
        let usage = week.direction((-1..10).map(|n| (n * 300, n as f64)));
        assert_eq!((usage.samples, usage.peak_bps), (10, Some(9.0)));
        assert_eq!(week.direction(std::iter::empty()).percentile_bps, None);
    }
}

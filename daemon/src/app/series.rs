//! Recent rates of interfaces, in memory: a day for the chart of a page. Samples for longer than that belong to Prometheus.

use std::collections::{HashMap, VecDeque};

use nhipcau_inventory::InterfaceRef;

/// Width of a coarse point, the sampling interval of the dedicated network's rule.
const COARSE_SECONDS: i64 = 300;
/// Coarse points kept: 24 hours.
const COARSE_MAX: usize = 288;
/// Fine points kept: one hour at the usual 30 s.
const FINE_MAX: usize = 120;
/// Points by which the memory of an interface grows: doubling would leave nearly half of it empty.
const GROWTH: usize = 24;
/// Interfaces with a history, about 2.2 KB each after a day; beyond it new interfaces have none.
const INTERFACES_MAX: usize = 60_000;

/// One point: Unix time in seconds, bits per second in and out.
pub(crate) type Point = (i64, Option<f64>, Option<f64>);

/// Bits per second in two bytes: six bits of exponent, ten of mantissa, so that a value is off by at most 0.05 %. That is finer than a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate(u16);

impl Rate {
    /// No sample.
    const NONE: Self = Self(u16::MAX);

    fn of(bps: f64) -> Self {
        // Below one bit a second there is nothing.
        if bps < 1.0 {
            return Self(0);
        }
        // Rounding may carry into the exponent, which is right.
        let bits = ((bps.min(4e18) as f32).to_bits() + (1 << 12)) >> 13;
        Self((bits - (127 << 10) + 1).min(u32::from(u16::MAX) - 1) as u16)
    }

    fn bps(self) -> Option<f64> {
        match self.0 {
            0 => Some(0.0),
            u16::MAX => None,
            code => {
                let bits = (u32::from(code) - 1 + (127 << 10)) << 13;
                Some(f64::from(f32::from_bits(bits)))
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Unix time in seconds; good until 2106.
    at: u32,
    inbound: Rate,
    outbound: Rate,
}

#[derive(Debug, Default)]
struct History {
    fine: VecDeque<Sample>,
    /// Means in and out, one a slot without gaps.
    coarse: VecDeque<[Rate; 2]>,
    /// Beginning of the slot behind the last coarse point.
    coarse_end: i64,
    /// Sum and count of the coarse point being filled.
    filling: Option<(i64, f64, f64, u32)>,
}

/// Adds to a queue of limited length that grows in small steps.
fn append<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    if queue.len() == max {
        queue.pop_front();
    } else if queue.len() == queue.capacity() {
        queue.reserve_exact(GROWTH.min(max - queue.len()));
    }
    queue.push_back(item);
}

impl History {
    fn push(&mut self, at: i64, inbound: f64, outbound: f64) {
        if self
            .fine
            .back()
            .is_some_and(|last| i64::from(last.at) >= at)
        {
            return;
        }
        let sample = Sample {
            at: u32::try_from(at).unwrap_or(0),
            inbound: Rate::of(inbound),
            outbound: Rate::of(outbound),
        };
        append(&mut self.fine, sample, FINE_MAX);
        let slot = at - at.rem_euclid(COARSE_SECONDS);
        match &mut self.filling {
            Some((filling, sum_in, sum_out, count)) if *filling == slot => {
                *sum_in += inbound;
                *sum_out += outbound;
                *count += 1;
            }
            filling => {
                if let Some((slot, sum_in, sum_out, count)) =
                    filling.replace((slot, inbound, outbound, 1))
                {
                    let count = f64::from(count);
                    self.close(slot, [Rate::of(sum_in / count), Rate::of(sum_out / count)]);
                }
            }
        }
    }

    /// Takes a full slot; slots without a sample before it stay empty.
    fn close(&mut self, slot: i64, rates: [Rate; 2]) {
        let gap = (slot - self.coarse_end) / COARSE_SECONDS;
        if self.coarse.is_empty() || gap >= COARSE_MAX as i64 {
            self.coarse.clear();
        } else {
            for _ in 0..gap {
                append(&mut self.coarse, [Rate::NONE; 2], COARSE_MAX);
            }
        }
        append(&mut self.coarse, rates, COARSE_MAX);
        self.coarse_end = slot + COARSE_SECONDS;
    }

    fn points(&self, since: i64) -> Vec<Point> {
        let fine_from = self
            .fine
            .front()
            .map_or(i64::MAX, |sample| i64::from(sample.at));
        let first = self.coarse_end - self.coarse.len() as i64 * COARSE_SECONDS;
        let coarse = self
            .coarse
            .iter()
            .enumerate()
            .map(|(n, &[inbound, outbound])| (first + n as i64 * COARSE_SECONDS, inbound, outbound))
            .filter(|(at, ..)| at + COARSE_SECONDS <= fine_from);
        let fine = self
            .fine
            .iter()
            .map(|sample| (i64::from(sample.at), sample.inbound, sample.outbound));
        let mut points: Vec<Point> = Vec::new();
        for (at, inbound, outbound) in coarse.chain(fine) {
            if at < since || inbound == Rate::NONE {
                continue;
            }
            // A hole in the samples is a hole in the line, not a straight stroke across it.
            if let Some((last, ..)) = points.last()
                && at - last > 2 * COARSE_SECONDS
            {
                points.push((last + 1, None, None));
            }
            points.push((at, inbound.bps(), outbound.bps()));
        }
        points
    }
}

/// Recent rates of all interfaces.
#[derive(Debug, Default)]
pub(crate) struct SeriesBook {
    histories: HashMap<InterfaceRef, History>,
}

impl SeriesBook {
    /// Adds one sample. Samples that are not newer than the last are dropped.
    pub(crate) fn push(&mut self, interface: &InterfaceRef, at: i64, in_bps: f64, out_bps: f64) {
        if let Some(history) = self.histories.get_mut(interface) {
            history.push(at, in_bps, out_bps);
        } else if self.histories.len() < INTERFACES_MAX {
            self.histories
                .entry(interface.clone())
                .or_default()
                .push(at, in_bps, out_bps);
        }
    }

    /// Points from `since` on, oldest first: five-minute means, then every sample of the last hour.
    pub(crate) fn points(&self, interface: &InterfaceRef, since: i64) -> Vec<Point> {
        self.histories
            .get(interface)
            .map(|history| history.points(since))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port() -> InterfaceRef {
        InterfaceRef::new("isr4431", "Gi0/0/1")
    }

    #[test]
    fn a_day_is_kept_and_no_more() {
        let mut book = SeriesBook::default();
        for i in 0..(26 * 120) {
            book.push(&port(), i * 30, 1000.0, 2000.0);
        }
        let points = book.points(&port(), 0);
        assert_eq!(
            points.len(),
            COARSE_MAX - 12 + FINE_MAX + 1,
            "{:?}",
            &points[..3]
        );
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(points[0].1, Some(1000.0));
    }

    #[test]
    fn two_bytes_hold_a_rate_well_enough_for_a_chart() {
        for bps in [0.0, 1.0, 999.0, 64_000.0, 8_123_456.0, 9.87e9, 4e11, 1e18] {
            let back = Rate::of(bps).bps().unwrap();
            assert!((back - bps).abs() <= bps * 0.0005, "{bps} became {back}");
        }
        assert_eq!(
            Rate::of(f64::INFINITY).bps().map(f64::is_finite),
            Some(true)
        );
        assert_eq!(Rate::NONE.bps(), None);
    }

    #[test]
    fn a_day_of_an_interface_is_small() {
        let mut history = History::default();
        for i in 0..(26 * 120) {
            history.push(i * 30, 1e9, 2e9);
        }
        let bytes = history.fine.capacity() * size_of::<Sample>()
            + history.coarse.capacity() * size_of::<[Rate; 2]>()
            + size_of::<History>();
        assert!(bytes < 2_300, "{bytes}");
    }

    #[test]
    fn a_silence_is_a_hole() {
        let mut book = SeriesBook::default();
        book.push(&port(), 0, 1.0, 1.0);
        book.push(&port(), 3000, 1.0, 1.0);
        assert_eq!(book.points(&port(), 0)[1], (1, None, None));
    }

    #[test]
    fn a_sample_of_the_past_is_dropped() {
        let mut book = SeriesBook::default();
        book.push(&port(), 60, 1.0, 1.0);
        book.push(&port(), 30, 9.0, 9.0);
        assert_eq!(book.points(&port(), 0).len(), 1);
    }
}

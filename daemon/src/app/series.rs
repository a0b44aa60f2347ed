//! Recent rates of interfaces, in memory: a day for the chart of a page. Samples for longer than that belong to Prometheus.

use std::collections::{HashMap, VecDeque};

use nhipcau_inventory::InterfaceRef;

/// Width of a coarse point, the sampling interval of the dedicated network's rule.
const COARSE_SECONDS: i64 = 300;
/// Coarse points kept: 24 hours.
const COARSE_MAX: usize = 288;
/// Fine points kept: one hour at the usual 30 s.
const FINE_MAX: usize = 120;
/// Interfaces with a history, about 4 KB each; beyond it new interfaces have none.
const INTERFACES_MAX: usize = 60_000;

/// One point: Unix time in seconds, bits per second in and out.
pub(crate) type Point = (i64, Option<f64>, Option<f64>);

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: i64,
    // f32 halves the memory; its 24 bits of precision are finer than any agent's counters over a poll.
    inbound: f32,
    outbound: f32,
}

#[derive(Debug, Default)]
struct History {
    fine: VecDeque<Sample>,
    coarse: VecDeque<Sample>,
    /// Sum and count of the coarse point being filled.
    filling: Option<(i64, f64, f64, u32)>,
}

impl History {
    fn push(&mut self, at: i64, inbound: f64, outbound: f64) {
        if self.fine.back().is_some_and(|last| last.at >= at) {
            return;
        }
        if self.fine.len() == FINE_MAX {
            self.fine.pop_front();
        }
        self.fine.push_back(Sample {
            at,
            inbound: inbound as f32,
            outbound: outbound as f32,
        });
        let slot = at - at.rem_euclid(COARSE_SECONDS);
        match &mut self.filling {
            Some((filling, sum_in, sum_out, count)) if *filling == slot => {
                *sum_in += inbound;
                *sum_out += outbound;
                *count += 1;
            }
            filling => {
                if let Some((slot, sum_in, sum_out, count)) = filling.take() {
                    if self.coarse.len() == COARSE_MAX {
                        self.coarse.pop_front();
                    }
                    let count = f64::from(count);
                    self.coarse.push_back(Sample {
                        at: slot,
                        inbound: (sum_in / count) as f32,
                        outbound: (sum_out / count) as f32,
                    });
                }
                *filling = Some((slot, inbound, outbound, 1));
            }
        }
    }

    fn points(&self, since: i64) -> Vec<Point> {
        let fine_from = self.fine.front().map_or(i64::MAX, |sample| sample.at);
        let coarse = self
            .coarse
            .iter()
            .filter(|sample| sample.at + COARSE_SECONDS <= fine_from);
        let mut points: Vec<Point> = Vec::new();
        for sample in coarse.chain(&self.fine).filter(|sample| sample.at >= since) {
            // A hole in the samples is a hole in the line, not a straight stroke across it.
            if let Some((last, ..)) = points.last()
                && sample.at - last > 2 * COARSE_SECONDS
            {
                points.push((last + 1, None, None));
            }
            points.push((
                sample.at,
                Some(f64::from(sample.inbound)),
                Some(f64::from(sample.outbound)),
            ));
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

//! Faults acted out where datagrams enter and leave (tests and `run --lab`).

use std::collections::VecDeque;
use std::time::Instant;

use crate::config::Impairment;
use crate::socket::Route;

/// Bytes that wait in one direction before the rest is dropped, as in the queue of a cheap router.
const QUEUE_BYTES: usize = 64 * 1024;
/// Bytes that may pass at once: four full datagrams.
const BURST_BYTES: f64 = 6_000.0;

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes on now.
    Pass,
    /// It waits its turn.
    Wait,
    /// It is lost.
    Lost,
}

/// One direction of an impaired road.
pub(crate) struct Bucket {
    impairment: Impairment,
    tokens: f64,
    filled_at: Instant,
    queue: VecDeque<(Route, Vec<u8>)>,
    queued_bytes: usize,
}

impl Bucket {
    pub(crate) fn new(impairment: Impairment, now: Instant) -> Self {
        Self {
            impairment,
            tokens: BURST_BYTES,
            filled_at: now,
            queue: VecDeque::new(),
            queued_bytes: 0,
        }
    }

    /// Decides about a datagram; one that waits is copied.
    pub(crate) fn offer(&mut self, route: &Route, datagram: &[u8], now: Instant) -> Fate {
        if self.impairment.drop {
            return Fate::Lost;
        }
        let Some(rate_bps) = self.impairment.rate_bps else {
            return Fate::Pass;
        };
        self.fill(rate_bps, now);
        if self.queue.is_empty() && self.tokens >= datagram.len() as f64 {
            self.tokens -= datagram.len() as f64;
            return Fate::Pass;
        }
        if self.queued_bytes + datagram.len() > QUEUE_BYTES {
            return Fate::Lost;
        }
        self.queued_bytes += datagram.len();
        self.queue.push_back((*route, datagram.to_vec()));
        Fate::Wait
    }

    /// The next datagram whose turn has come.
    pub(crate) fn release(&mut self, now: Instant) -> Option<(Route, Vec<u8>)> {
        self.fill(self.impairment.rate_bps?, now);
        let length = self.queue.front()?.1.len();
        if self.tokens < length as f64 {
            return None;
        }
        self.tokens -= length as f64;
        self.queued_bytes -= length;
        self.queue.pop_front()
    }

    /// Whether something waits.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    fn fill(&mut self, rate_bps: u64, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.filled_at = now;
        self.tokens = (self.tokens + elapsed * rate_bps as f64 / 8.0).min(BURST_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_rate_delays_and_a_full_queue_loses() {
        let start = Instant::now();
        let route = Route {
            socket: 0,
            local: None,
            remote: "127.0.0.1:9".parse().unwrap(),
        };
        let mut bucket = Bucket::new(
            Impairment {
                drop: false,
                rate_bps: Some(800_000),
            },
            start,
        );
        let fates = (0..100)
            .map(|_| bucket.offer(&route, &[0; 1_000], start))
            .collect::<Vec<_>>();
        assert_eq!(fates.iter().filter(|fate| **fate == Fate::Pass).count(), 6);
        assert_eq!(fates.iter().filter(|fate| **fate == Fate::Wait).count(), 65);
        let later = start + Duration::from_millis(20);
        assert_eq!(
            std::iter::from_fn(|| bucket.release(later)).count(),
            2,
            "100 kB/s for 20 ms"
        );
        assert!(bucket.is_waiting());
    }
}

//! How long packets wait on the way: the fastest of the last moment against the fastest of the last while. A packet that jitter
//! holds up, or a receiver whose processor was busy for a moment, leaves others that came through; a queue leaves none.

/// The shortest span over which the fastest packet is looked for, and the fewest packets in it.
const SPAN_US: i64 = 60_000;
const PACKETS_MIN: u32 = 4;
/// A span ends after this long whatever came.
const SPAN_MAX_US: i64 = 400_000;
/// How long the fastest arrival is remembered; longer, and drifting clocks would look like queues.
const BASE_US: i64 = 6_000_000;

/// The waiting time towards one receiver.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    base: [Option<i64>; 2],
    base_since_us: i64,
    held: bool,
    span: Option<i64>,
    span_since_us: i64,
    span_packets: u32,
    now_us: i64,
    last: Option<i64>,
    jitter_us: f64,
}

impl Queue {
    /// Takes a packet that arrived.
    pub(super) fn take(&mut self, sent_us: u64, arrived_us: i64) {
        let delay = arrived_us - sent_us as i64;
        if let Some(last) = self.last.replace(delay) {
            let step = ((delay - last).abs() as f64).min(200_000.0);
            self.jitter_us += (step - self.jitter_us) / 32.0;
        }
        let old = arrived_us - self.base_since_us > BASE_US && !self.held;
        if self.base[0].is_none() || old {
            self.base = [None, self.base[0]];
            self.base_since_us = arrived_us;
        }
        self.base[0] = Some(self.base[0].map_or(delay, |base| base.min(delay)));
        let passed = arrived_us - self.span_since_us;
        if self.span.is_some()
            && ((passed >= SPAN_US && self.span_packets >= PACKETS_MIN) || passed >= SPAN_MAX_US)
        {
            self.now_us = self.span.map_or(0, |fastest| fastest - self.base());
            self.span = None;
        }
        if self.span.is_none() {
            (self.span_since_us, self.span_packets) = (arrived_us, 0);
        }
        self.span = Some(self.span.map_or(delay, |fastest| fastest.min(delay)));
        self.span_packets += 1;
    }

    /// While `held` the fastest arrival is not forgotten: a queue that empties slowly would look like none.
    pub(super) fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Forgets what the fastest packet took: the way is another one.
    pub(super) fn forget(&mut self) {
        self.base = [None; 2];
        self.span = None;
        self.now_us = 0;
    }

    fn base(&self) -> i64 {
        self.base.iter().flatten().copied().min().unwrap_or(0)
    }

    /// Milliseconds that even the fastest packets of the last moment waited.
    pub(super) fn ms(&self) -> f64 {
        self.now_us.max(0) as f64 / 1_000.0
    }

    /// Milliseconds by which the delay of one packet differs from that of the next, in the mean.
    pub(super) fn jitter_ms(&self) -> f64 {
        self.jitter_us / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_queue_shows_and_jitter_and_a_stall_do_not() {
        let mut queue = Queue::default();
        let mut feed = |from: u64, delay: &dyn Fn(u64) -> i64| {
            for packet in from..from + 200 {
                queue.take(packet * 5_000, (packet * 5_000) as i64 + delay(packet));
            }
            queue.clone()
        };
        let jittery = feed(0, &|packet| 20_000 + (packet as i64 * 7_919) % 30_000);
        assert!(jittery.ms() < 8.0, "{}", jittery.ms());
        assert!(jittery.jitter_ms() > 5.0);
        // Held up for 100 ms, then all at once.
        let stalled = feed(200, &|packet| 20_000 + 5_000 * (20 - (packet as i64 % 20)));
        assert!(stalled.ms() < 50.0, "{}", stalled.ms());
        let standing = feed(400, &|_| 120_000);
        assert!(standing.ms() > 90.0, "{}", standing.ms());
    }
}

//! Looking for room: a few bursts of padding beside the media, at a rate that the estimate does not grant yet, and the rate at which
//! they arrive. What came through is room; what came slower is the line's rate.

use std::time::{Duration, Instant};

/// Bursts of a cluster; one more is the reference. Jittery lines get [`BURSTS_MAX`].
const BURSTS: u8 = 4;
/// Bursts that can be told apart.
pub(super) const BURSTS_MAX: u8 = 7;
/// Mean difference of delays, from which on a line counts as jittery.
const JITTERY_MS: f64 = 5.0;
/// Padding of one burst: a shaper for 20 Mbit/s holds that for 10 ms.
const BURST_BYTES_MAX: f64 = 24_000.0;
/// How long a cluster's feedback is waited for.
const ANSWER: Duration = Duration::from_secs(1);
/// Received of sent, from which on a cluster has come through.
const THROUGH: f64 = 0.87;
/// Between two clusters while they come through.
const AGAIN: Duration = Duration::from_millis(250);
/// After one that did not; doubled up to the longest.
const PAUSE: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug, Default)]
struct Burst {
    sent_packets: u32,
    sent_bytes: u32,
    received_bytes: u32,
    sent_us: u64,
    arrived_us: i64,
}

#[derive(Clone, Copy, Debug)]
struct Cluster {
    /// Of padding, beside what flows anyway.
    padding_bps: f64,
    bursts: u8,
    begun: u8,
    last_at: Instant,
    measured: [Burst; BURSTS_MAX as usize],
}

/// What a cluster has shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shown {
    /// At least this much passes, in bits per second.
    Room(f64),
    /// The line carries this much, in bits per second.
    Full(f64),
}

/// The probing of one receiver's line.
#[derive(Clone, Debug)]
pub(super) struct Probing {
    cluster: Option<Cluster>,
    /// Label for what is sent now, 0 outside of a cluster.
    label: u8,
    /// What is sent now is padding.
    padding: bool,
    next_at: Option<Instant>,
    pause: Duration,
}

impl Default for Probing {
    fn default() -> Self {
        Self {
            cluster: None,
            label: 0,
            padding: false,
            next_at: None,
            pause: PAUSE,
        }
    }
}

impl Probing {
    /// Whether a cluster may begin.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.cluster.is_none() && self.next_at.is_none_or(|at| at <= now)
    }

    /// Begins a cluster at `bps`, of which `media_bps` flow anyway.
    pub(super) fn begin(&mut self, bps: f64, media_bps: f64, jitter_ms: f64, now: Instant) {
        self.cluster = Some(Cluster {
            padding_bps: (bps - media_bps).max(0.0),
            bursts: if jitter_ms > JITTERY_MS {
                BURSTS_MAX
            } else {
                BURSTS
            },
            begun: 0,
            last_at: now,
            measured: Default::default(),
        });
    }

    /// Bytes of padding to send now. What is sent from here until [`Self::end_burst`] ends the burst.
    pub(super) fn begin_burst(&mut self, now: Instant) -> usize {
        let Some(cluster) = &mut self.cluster else {
            return 0;
        };
        if cluster.begun == cluster.bursts {
            if now.saturating_duration_since(cluster.last_at) > ANSWER {
                self.cluster = None;
                self.rest(now);
            }
            return 0;
        }
        let passed = match cluster.begun {
            0 => Duration::from_millis(25),
            _ => now.saturating_duration_since(cluster.last_at),
        };
        cluster.begun += 1;
        cluster.last_at = now;
        self.label = cluster.begun;
        let seconds = passed.as_secs_f64().min(0.05);
        self.padding = true;
        (cluster.padding_bps * seconds / 8.0).min(BURST_BYTES_MAX) as usize
    }

    /// The padding of a burst has been sent; what follows belongs to the next one.
    pub(super) fn end_burst(&mut self) {
        self.padding = false;
        self.label = match &self.cluster {
            Some(cluster) if self.label > 0 && self.label < cluster.bursts => self.label + 1,
            _ => 0,
        };
    }

    /// Notes a packet that is sent now. Returns the label to remember with it, 0 for none, and whether it is padding.
    pub(super) fn sent(&mut self, at_us: u64, bytes: u16) -> (u8, bool) {
        if self.label > 0
            && let Some(cluster) = &mut self.cluster
        {
            let burst = &mut cluster.measured[usize::from(self.label) - 1];
            burst.sent_packets += 1;
            burst.sent_bytes += u32::from(bytes);
            burst.sent_us = at_us;
        }
        (self.label, self.padding)
    }

    /// Notes that a packet with a label has arrived.
    pub(super) fn arrived(&mut self, label: u8, arrived_us: i64, bytes: u16) {
        if let Some(cluster) = &mut self.cluster
            && let Some(burst) = cluster.measured.get_mut(usize::from(label).wrapping_sub(1))
        {
            burst.arrived_us = match burst.received_bytes {
                0 => arrived_us,
                _ => burst.arrived_us.max(arrived_us),
            };
            burst.received_bytes += u32::from(bytes);
        }
    }

    /// What the cluster has shown, when the feedback has reached `reached_us` of our sending times.
    pub(super) fn conclude(
        &mut self,
        reached_us: u64,
        own_loss: f64,
        now: Instant,
    ) -> Option<Shown> {
        let cluster = self.cluster.filter(|cluster| {
            cluster.begun == cluster.bursts
                && self.label == 0
                && cluster.measured[usize::from(cluster.bursts) - 1].sent_us <= reached_us
        })?;
        self.cluster = None;
        let bursts = &cluster.measured[..usize::from(cluster.bursts)];
        let (first, last) = (&bursts[0], &bursts[bursts.len() - 1]);
        let sum = |of: fn(&Burst) -> u32| bursts[1..].iter().map(of).sum::<u32>();
        let sent = sum(|burst| burst.sent_bytes);
        let received = sum(|burst| burst.received_bytes);
        let packets = sum(|burst| burst.sent_packets).max(1);
        let sent_us = last.sent_us.saturating_sub(first.sent_us);
        if first.received_bytes == 0 || last.received_bytes == 0 || sent_us == 0 {
            self.rest(now);
            return None;
        }
        let arrived_us = (last.arrived_us - first.arrived_us).max(1_000);
        let rate = |bytes: u32, micros: f64| f64::from(bytes) * 8_000_000.0 / micros;
        let sent_bps = rate(sent, sent_us as f64);
        // A line's own loss takes its share of a probe as of anything; it says nothing about the rate.
        let received_bps = rate(received, arrived_us as f64) / (1.0 - own_loss);
        let chance = (own_loss * (1.0 - own_loss) / f64::from(packets)).sqrt();
        if received_bps >= sent_bps * (THROUGH - 2.0 * chance) {
            self.pause = PAUSE;
            self.next_at = Some(now + AGAIN);
            Some(Shown::Room(received_bps.min(sent_bps)))
        } else {
            Some(Shown::Full(received_bps))
        }
    }

    /// The line has changed: what failed before says nothing now. Nothing is tried before `after` has passed.
    pub(super) fn reset(&mut self, after: Duration, now: Instant) {
        self.cluster = None;
        self.label = 0;
        self.pause = PAUSE;
        self.next_at = Some(now + after);
    }

    /// The last cluster gained nothing: the next one waits, longer each time.
    pub(super) fn rest(&mut self, now: Instant) {
        self.next_at = Some(now + self.pause);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }
}

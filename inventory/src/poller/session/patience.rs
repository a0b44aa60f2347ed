//! How a device is asked that has fallen silent: less often, and with one small question, until it answers.

use std::time::{Duration, Instant};

use super::Session;
use crate::SnmpVersion;

/// Missed polls in a row after which a device is taken for dead: nothing is repeated any more, and its pauses grow.
const QUIET_AFTER: u32 = 3;
/// The pause grows to this many intervals …
const PAUSE_INTERVALS_MAX: u32 = 4;
/// … but never beyond this (or the interval itself, when that is longer): somebody may be waiting for the device to come back.
const PAUSE_MAX: Duration = Duration::from_secs(120);

impl Session {
    /// Whether the device has been silent for so long that one question a poll must do.
    pub(super) fn is_quiet(&self) -> bool {
        self.missed >= QUIET_AFTER
    }

    /// From one poll to the next.
    pub(super) fn interval(&self) -> Duration {
        let interval = self.spec.poll_interval.max(Duration::from_secs(1));
        if !self.is_quiet() {
            return interval;
        }
        let times = 2_u32.saturating_pow(self.missed - QUIET_AFTER + 1);
        interval
            .saturating_mul(times.min(PAUSE_INTERVALS_MAX))
            .min(PAUSE_MAX.max(interval))
    }

    /// The credential to begin with: the one that works, else the first that does not rest. A device that is taken for dead is asked
    /// with one a poll, in turn.
    pub(super) fn credential_to_ask(&self, now: Instant) -> Option<usize> {
        if !self.is_quiet() {
            return self
                .credential
                .or_else(|| (0..self.spec.credentials.len()).find(|&n| !self.rests(n, now)));
        }
        let awake: Vec<usize> = (0..self.spec.credentials.len())
            .filter(|&n| !self.rests(n, now))
            .collect();
        let first = self
            .credential
            .and_then(|known| awake.iter().position(|&n| n == known))
            .unwrap_or(0);
        let turn = (self.missed - QUIET_AFTER) as usize;
        (!awake.is_empty()).then(|| awake[(first + turn) % awake.len()])
    }

    /// What may be asked beside the system group: nothing of an SNMPv1 agent, which refuses the whole question for one unknown name,
    /// and nothing of a silent one, whose question shall be small.
    pub(super) fn extras(&self, credential: usize) -> u8 {
        let v1 = self
            .spec
            .credentials
            .get(credential)
            .is_none_or(|c| c.version == SnmpVersion::V1);
        if v1 || self.is_quiet() {
            0
        } else {
            self.memory.extras
        }
    }
}

//! Engines and their times: ours, and those of the senders of traps (RFC 3414 §2.2, §3.2 (7)).

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use async_snmp::v3::{MAX_ENGINE_TIME, TIME_WINDOW, compute_engine_boots_time};
use bytes::Bytes;

/// Senders' engines that are remembered; with more, the one that was silent longest is forgotten. Only authenticated messages
/// make an entry.
pub const REMOTE_ENGINES_MAX: usize = 4_096;
/// Messages that are remembered for the time window, so that a copy is known; beyond it the oldest are forgotten early.
pub const RECENT_MAX: usize = 16_384;

/// Our own engine.
#[derive(Debug, Clone)]
pub struct Identity {
    /// snmpEngineID.
    pub id: Bytes,
    /// snmpEngineBoots, stored before it is used.
    pub boots: u32,
    /// When it started.
    pub started: Instant,
}

impl Identity {
    /// Boots and time at `now`.
    #[must_use]
    pub fn boots_time(&self, now: Instant) -> (u32, u32) {
        let up = now.saturating_duration_since(self.started).as_secs();
        compute_engine_boots_time(self.boots, up)
    }
}

#[derive(Debug)]
struct Remote {
    boots: u32,
    /// Its time at `heard`.
    time: u32,
    heard: Instant,
    /// The latest time that it said itself.
    latest: u32,
}

/// Engines that senders are.
#[derive(Debug, Default)]
pub(super) struct Remotes {
    engines: HashMap<Bytes, Remote>,
    recent: VecDeque<(Instant, u64)>,
    prints: HashSet<u64>,
}

impl Remotes {
    /// RFC 3414 §3.2 (7b) for an authenticated message; the first one of an engine teaches its time.
    pub(super) fn is_timely(
        &mut self,
        engine: &Bytes,
        boots: u32,
        time: u32,
        now: Instant,
    ) -> bool {
        let Some(known) = self.engines.get_mut(engine) else {
            if self.engines.len() >= REMOTE_ENGINES_MAX {
                let oldest = self.engines.iter().min_by_key(|(_, e)| e.heard);
                if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                    self.engines.remove(&oldest);
                }
            }
            // The datagram's buffer must not live as long as the entry.
            self.engines.insert(
                Bytes::copy_from_slice(engine),
                Remote {
                    boots,
                    time,
                    heard: now,
                    latest: time,
                },
            );
            return boots != MAX_ENGINE_TIME;
        };
        if boots > known.boots || (boots == known.boots && time > known.latest) {
            *known = Remote {
                boots,
                time,
                heard: now,
                latest: time,
            };
        }
        let passed = now.saturating_duration_since(known.heard).as_secs();
        let estimated = u64::from(known.time) + passed;
        known.boots != MAX_ENGINE_TIME
            && boots == known.boots
            && u64::from(time) + u64::from(TIME_WINDOW) >= estimated
    }

    /// Whether this very datagram came within the time window before: USM alone lets a copy of it pass.
    pub(super) fn is_copy(&mut self, datagram: &[u8], now: Instant) -> bool {
        let window = Duration::from_secs(2 * u64::from(TIME_WINDOW));
        while let Some((at, print)) = self.recent.front()
            && (self.recent.len() >= RECENT_MAX || now.saturating_duration_since(*at) > window)
        {
            self.prints.remove(print);
            self.recent.pop_front();
        }
        let mut hasher = DefaultHasher::new();
        datagram.hash(&mut hasher);
        let print = hasher.finish();
        if !self.prints.insert(print) {
            return true;
        }
        self.recent.push_back((now, print));
        false
    }
}

//! What may still be tried: failures per address, which outlive a scan, and datagrams per second.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::api::{ADDRESSES_MAX, DiscoveryPlan};

/// A device that refuses again and again rests no longer than this.
const REST_MAX: Duration = Duration::from_secs(24 * 3600);
/// An address that keeps silent may be empty: whoever plugs a device in there is not to wait for an hour.
const SILENCE_REST: Duration = Duration::from_secs(600);
/// Addresses whose failures are remembered: two whole scans. When all of them still count, further addresses are not asked.
const REMEMBERED_MAX: usize = 2 * ADDRESSES_MAX;

#[derive(Debug, Clone)]
struct Failures {
    count: u32,
    until: Instant,
    /// Credentials that it said no to, which is not repeated while the failures count.
    refused: HashSet<Arc<str>>,
    /// How often the limit was reached with a spoken refusal.
    times: u32,
    /// It answered a refusal; silence may just be an empty address.
    spoken: bool,
}

/// Failures by address.
#[derive(Debug, Default)]
pub(super) struct FailureBook(HashMap<IpAddr, Failures>);

impl FailureBook {
    /// How many failures count against an address now.
    pub(super) fn count(&self, ip: IpAddr, now: Instant) -> u32 {
        self.0
            .get(&ip)
            .filter(|failures| failures.until > now)
            .map_or(0, |failures| failures.count)
    }

    /// How long the address is left alone; `None`: it may be asked.
    pub(super) fn rest(&self, ip: IpAddr, plan: &DiscoveryPlan, now: Instant) -> Option<Duration> {
        if self.count(ip, now) < plan.failures_max {
            return None;
        }
        Some(self.0.get(&ip)?.until.saturating_duration_since(now))
    }

    /// Whether that credential need not be shown again.
    pub(super) fn is_refused(&self, ip: IpAddr, credential: &str, now: Instant) -> bool {
        self.0
            .get(&ip)
            .is_some_and(|failures| failures.until > now && failures.refused.contains(credential))
    }

    /// Whether there is room to remember what an address does.
    pub(super) fn has_room(&mut self, ip: IpAddr, now: Instant) -> bool {
        if self.0.len() >= REMEMBERED_MAX && !self.0.contains_key(&ip) {
            self.0.retain(|_, failures| failures.until > now);
        }
        self.0.len() < REMEMBERED_MAX || self.0.contains_key(&ip)
    }

    /// A credential failed; `spoken` when the device itself said so.
    pub(super) fn fail(
        &mut self,
        ip: IpAddr,
        credential: &Arc<str>,
        spoken: bool,
        plan: &DiscoveryPlan,
        now: Instant,
    ) {
        let failures = self.0.entry(ip).or_insert_with(|| Failures {
            count: 0,
            until: now,
            refused: HashSet::new(),
            times: 0,
            spoken: false,
        });
        if failures.until <= now {
            failures.count = 0;
            failures.refused.clear();
        }
        failures.count += 1;
        if spoken {
            failures.spoken = true;
            failures.refused.insert(credential.clone());
        }
        let rest = if failures.spoken {
            (plan.failures_rest * (1 << failures.times.min(10)))
                .min(REST_MAX.max(plan.failures_rest))
        } else {
            plan.failures_rest.min(SILENCE_REST)
        };
        failures.until = now + rest;
        if failures.count == plan.failures_max && failures.spoken {
            failures.times += 1;
        }
    }

    /// Whether the failures that count were told by the device itself.
    pub(super) fn is_spoken(&self, ip: IpAddr, now: Instant) -> bool {
        self.0
            .get(&ip)
            .is_some_and(|failures| failures.until > now && failures.spoken)
    }

    /// A credential was taken. Those that were refused before it are still not shown again.
    pub(super) fn succeed(&mut self, ip: IpAddr) {
        if let Some(failures) = self.0.get_mut(&ip) {
            failures.count = 0;
            failures.times = 0;
            if failures.refused.is_empty() {
                self.0.remove(&ip);
            }
        }
    }

    /// Somebody mended it.
    pub(super) fn forgive(&mut self, ip: IpAddr) {
        self.0.remove(&ip);
    }

    /// Nothing counts any more: the credentials are others.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What an earlier life remembers.
    pub(super) fn restore(&mut self, ip: IpAddr, count: u32, until: Instant) {
        if self.0.len() < REMEMBERED_MAX {
            self.0.insert(
                ip,
                Failures {
                    count,
                    until,
                    refused: HashSet::new(),
                    times: 1,
                    spoken: true,
                },
            );
        }
    }
}

/// Datagrams per second, with a burst of a tenth of a second.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second.max(1));
        // A first SNMPv3 exchange counts for five datagrams and must fit.
        let burst = (per_second / 10.0).max(5.0);
        Self {
            per_second,
            burst,
            tokens: burst,
            at: now,
        }
    }

    /// Takes that many datagrams, or says when they will be there.
    pub(super) fn take(&mut self, datagrams: u32, now: Instant) -> Result<(), Instant> {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + since * self.per_second).min(self.burst);
        self.at = self.at.max(now);
        let wanted = f64::from(datagrams);
        if self.tokens >= wanted {
            self.tokens -= wanted;
            return Ok(());
        }
        let wait = (wanted - self.tokens) / self.per_second;
        Err(now + Duration::from_secs_f64(wait) + Duration::from_micros(1))
    }
}

//! Flap damping: bad news at once, good news when it lasts.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::Health;

/// Damps one thing whose health is announced.
#[derive(Debug, Clone, Default)]
pub(super) struct Latch {
    /// What people were told last.
    announced: Option<Health>,
    actual: Health,
    changes: VecDeque<Instant>,
    calm_at: Option<Instant>,
}

impl Latch {
    /// What people believe.
    pub(super) fn announced(&self) -> Health {
        self.announced.unwrap_or_default()
    }

    /// When a held recovery may be told.
    pub(super) fn calm_at(&self) -> Option<Instant> {
        self.calm_at
    }

    /// Waits for the next observation instead of a time that has passed.
    pub(super) fn forget_calm(&mut self, now: Instant) {
        self.calm_at = self.calm_at.filter(|at| *at > now);
    }

    /// Takes an observation. `Some((before, now))` when people shall be told; the very first one counts as a change from Ok.
    pub(super) fn observe(
        &mut self,
        actual: Health,
        changes_max: u32,
        window: Duration,
        now: Instant,
    ) -> Option<(Health, Health)> {
        let before = self.announced.unwrap_or(Health::Ok);
        if self.announced.is_some() && actual != self.actual {
            self.changes.push_back(now);
            if self.changes.len() > changes_max as usize {
                self.changes.pop_front();
            }
        }
        while self.changes.front().is_some_and(|at| *at + window < now) {
            self.changes.pop_front();
        }
        self.actual = actual;
        if actual < before && self.changes.len() >= changes_max as usize && changes_max > 0 {
            // Too lively to be believed: well again only after half a window without a change.
            let last = self.changes.back().copied().unwrap_or(now);
            if now < last + window / 2 {
                self.calm_at = Some(last + window / 2);
                self.announced = Some(before);
                return None;
            }
        }
        self.calm_at = None;
        self.announced = Some(actual);
        (actual != before).then_some((before, actual))
    }

    /// Looks again at a held recovery.
    pub(super) fn calm(
        &mut self,
        changes_max: u32,
        window: Duration,
        now: Instant,
    ) -> Option<(Health, Health)> {
        if self.calm_at.is_none_or(|at| at > now) {
            return None;
        }
        self.observe(self.actual, changes_max, window, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods)] // Any moment will do.
    fn a_flapping_thing_stays_ill_until_it_is_calm() {
        let (window, mut now) = (Duration::from_secs(100), Instant::now());
        let mut latch = Latch::default();
        assert_eq!(latch.observe(Health::Ok, 4, window, now), None);
        let mut told = Vec::new();
        for n in 0..10 {
            now += Duration::from_secs(2);
            let health = if n % 2 == 0 {
                Health::Critical
            } else {
                Health::Ok
            };
            told.extend(latch.observe(health, 4, window, now));
        }
        assert_eq!(told.len(), 3, "down, up, down; then silence: {told:?}");
        assert_eq!(latch.announced(), Health::Critical);
        let calm_at = latch.calm_at().unwrap();
        assert_eq!(
            latch.calm(4, window, calm_at - Duration::from_secs(1)),
            None
        );
        assert_eq!(
            latch.calm(4, window, calm_at),
            Some((Health::Critical, Health::Ok))
        );
    }
}

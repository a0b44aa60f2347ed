//! How many polls were late lately: what was late last night is no news this morning.

use std::time::{Duration, Instant};

/// A span that counts; what is told is of the running span and the one before it.
const SPAN: Duration = Duration::from_secs(300);

/// A counter's growth over the last five to ten minutes.
#[derive(Debug, Default)]
pub(super) struct Lately {
    began: Option<Instant>,
    total: u64,
    /// The total when the running span began, and when the one before it did.
    at_begin: u64,
    before: u64,
}

impl Lately {
    /// Takes the counter as it is `now`.
    pub(super) fn note(&mut self, total: u64, now: Instant) {
        match self.began {
            Some(began) if now.saturating_duration_since(began) < SPAN => {}
            begun => {
                // After a pause of more than a span, nothing of before is lately.
                let paused =
                    begun.is_some_and(|began| now.saturating_duration_since(began) >= 2 * SPAN);
                self.before = if paused { self.total } else { self.at_begin };
                self.at_begin = self.total;
                self.began = Some(now);
            }
        }
        self.total = total;
    }

    /// By how much it grew lately.
    pub(super) fn count(&self) -> u64 {
        self.total.saturating_sub(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_late_is_forgotten_after_two_spans() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut late = Lately::default();
        late.note(0, at(0));
        late.note(40, at(10));
        assert_eq!(late.count(), 40);
        late.note(41, at(290));
        late.note(41, at(310));
        assert_eq!(late.count(), 41, "the span before counts too");
        late.note(45, at(320));
        assert_eq!(late.count(), 45);
        late.note(45, at(620));
        assert_eq!(late.count(), 4);
        late.note(45, at(930));
        assert_eq!(late.count(), 0);
    }
}

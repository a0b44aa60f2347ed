//! How much picture a site takes, by its own or its host's choice, and the fall to sound when its line carries none.

use std::time::{Duration, Instant};

use super::budget::VOICE_BPS;

/// A line is too narrow for the smallest picture for this long before it falls back to sound: an estimate that dips once is no reason.
const FALL_AFTER: Duration = Duration::from_secs(2);
/// The line carries the picture again for this long before it comes back.
const RETURN_AFTER: Duration = Duration::from_secs(4);
/// The same at most: it is doubled when the picture had not lasted.
const RETURN_AFTER_MAX: Duration = Duration::from_secs(60);
/// A picture that lasted this long has lasted.
const LASTED: Duration = Duration::from_secs(60);
/// By how much the line must be wider than needed before the picture comes back.
const RETURN_MARGIN: f64 = 1.2;

/// Pictures are smaller because of the line for this long before it is said: every line begins narrow and is found to be wide.
pub(super) const LOWERED_AFTER: Duration = Duration::from_secs(4);

/// How much picture a receiver takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As much as its line carries.
    #[default]
    Normal,
    /// One picture in its lowest layer: 180 lines of a camera.
    Light,
    /// None.
    SoundOnly,
}

impl Mode {
    /// How many pictures are given.
    pub(super) const fn pictures_max(self) -> usize {
        match self {
            Self::Normal => usize::MAX,
            Self::Light => 1,
            Self::SoundOnly => 0,
        }
    }
}

/// Whether a receiver has fallen back to sound.
#[derive(Clone, Debug)]
pub(super) struct Fallback {
    fallen: bool,
    /// When the estimate went to the other side of where it must be.
    since: Option<Instant>,
    changed_at: Option<Instant>,
    return_after: Duration,
}

impl Default for Fallback {
    fn default() -> Self {
        Self {
            fallen: false,
            since: None,
            changed_at: None,
            return_after: RETURN_AFTER,
        }
    }
}

impl Fallback {
    pub(super) fn is_fallen(&self) -> bool {
        self.fallen
    }

    /// Whether only time is missing for a change.
    pub(super) fn is_pending(&self) -> bool {
        self.since.is_some()
    }

    /// Takes the estimate and what the first picture costs in its lowest layer. Returns whether it fell or came back.
    pub(super) fn judge(&mut self, estimate_bps: u64, picture_bps: f64, now: Instant) -> bool {
        let left = estimate_bps.saturating_sub(VOICE_BPS) as f64;
        let elsewhere = if self.fallen {
            left >= picture_bps * RETURN_MARGIN
        } else {
            left < picture_bps
        };
        if !elsewhere {
            self.since = None;
            return false;
        }
        let wait = if self.fallen {
            self.return_after
        } else {
            FALL_AFTER
        };
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) < wait {
            return false;
        }
        self.since = None;
        self.fallen = !self.fallen;
        let lasted = self
            .changed_at
            .replace(now)
            .is_none_or(|before| now.saturating_duration_since(before) >= LASTED);
        if self.fallen {
            self.return_after = if lasted {
                RETURN_AFTER
            } else {
                (self.return_after * 2).min(RETURN_AFTER_MAX)
            };
        }
        true
    }
}

/// Whether a receiver's pictures are smaller than they would be on a wide line, and whether it was told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lowering {
    since: Option<Instant>,
    told: bool,
}

impl Lowering {
    /// Takes what was just decided.
    pub(super) fn judge(&mut self, lowered: bool, now: Instant) {
        if !lowered {
            *self = Self::default();
        } else if self.since.is_none() {
            self.since = Some(now);
        }
    }

    pub(super) fn is_lowered(&self) -> bool {
        self.since.is_some()
    }

    /// Returns whether it is to be told now, once.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        let due = !self.told
            && self
                .since
                .is_some_and(|since| now.saturating_duration_since(since) >= LOWERED_AFTER);
        self.told |= due;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: f64 = 120_000.0;

    /// The seconds at which it changed, with the estimate of each tenth of a second.
    fn changes(estimate_bps: impl Fn(u64) -> u64, seconds: u64) -> Vec<u64> {
        let start = crate::testing::start();
        let mut fallback = Fallback::default();
        (0..seconds * 10)
            .filter(|tenth| {
                let now = start + Duration::from_millis(tenth * 100);
                fallback.judge(estimate_bps(tenth / 10), PICTURE, now)
            })
            .map(|tenth| tenth / 10)
            .collect()
    }

    #[test]
    fn a_dip_is_no_fall_and_a_narrow_line_is() {
        assert_eq!(
            changes(|second| if second == 5 { 60_000 } else { 400_000 }, 30),
            []
        );
        assert_eq!(
            changes(|second| if second >= 5 { 100_000 } else { 400_000 }, 30),
            [7]
        );
    }

    #[test]
    fn it_comes_back_with_a_margin_and_later_each_time_it_did_not_last() {
        let enough = 45_000 + 120_000;
        assert_eq!(
            changes(|second| if second < 10 { 100_000 } else { enough }, 60),
            [2],
            "just enough is not enough to come back"
        );
        let came_back = changes(
            |second| if second % 50 < 5 { 100_000 } else { 400_000 },
            200,
        );
        let pauses = came_back
            .chunks(2)
            .filter_map(|pair| Some(pair.get(1)? - pair[0]))
            .collect::<Vec<_>>();
        assert_eq!(pauses, [7, 11, 19, 35], "{came_back:?}");
    }
}

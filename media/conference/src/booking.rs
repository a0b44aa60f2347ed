//! What a host books, and the occurrences it stands for.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Code, SiteKey};

/// Most occurrences one booking may stand for: a working day's briefing for a year and a half.
pub const OCCURRENCES_MAX: u32 = 400;
/// Most sites one conference may invite, chair included: every commune of a merged province, thrice.
pub const SITES_MAX: usize = 500;
/// Longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 10_000;
/// Longest single occurrence: a congress of three days and a bit.
pub const BOOKING_DURATION_MAX: SignedDuration = SignedDuration::from_hours(96);
/// Largest recurrence interval.
pub const INTERVAL_MAX: u32 = 99;
/// Steps looked at in search of occurrences; a month rule on day 31 skips five of twelve.
const STEPS_MAX: u32 = 4 * OCCURRENCES_MAX;
/// How far ahead an open-ended recurrence (neither count nor until) is expanded, in occurrences;
/// it is simply the cap.
const OPEN_COUNT: u32 = OCCURRENCES_MAX;

/// Unit of a recurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// Every n-th day.
    Day,
    /// Every n-th week, on the first occurrence's weekday.
    Week,
    /// Every n-th month, on the first occurrence's day; months without that day are skipped (RFC 5545 3.3.10).
    Month,
}

/// How a booking repeats. At most one of `count` and `until`; with neither it repeats up to
/// [`OCCURRENCES_MAX`] times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    /// Unit.
    pub every: Every,
    /// Units from one occurrence to the next, 1 to [`INTERVAL_MAX`].
    pub interval: u32,
    /// Number of occurrences, 1 to [`OCCURRENCES_MAX`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<u32>,
    /// No occurrence starts after this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Timestamp>,
}

/// A booking as the host states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// Title, 1 to [`TITLE_CHARS_MAX`] characters.
    pub title: String,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// Start of the first occurrence.
    pub starts_at: Timestamp,
    /// End of the first occurrence.
    pub ends_at: Timestamp,
    /// The site that chairs; need not be repeated in `sites`.
    pub chair_site: SiteKey,
    /// Invited sites.
    pub sites: Vec<SiteKey>,
    /// How it repeats, if it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recurrence: Option<Recurrence>,
}

/// One meeting of a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Occurrence {
    /// Start.
    pub starts_at: Timestamp,
    /// End; the same exact duration for all occurrences (RFC 5545 3.8.5.3).
    pub ends_at: Timestamp,
}

/// Why a booking was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct BookingError {
    /// Protocol code.
    pub code: Code,
    /// Field of `ConferenceInput` at fault.
    pub field: &'static str,
    /// What is wrong, in English, for logs and developers.
    pub message: &'static str,
}

fn refuse<T>(code: Code, field: &'static str, message: &'static str) -> Result<T, BookingError> {
    Err(BookingError {
        code,
        field,
        message,
    })
}

impl Booking {
    /// Checks the booking against limits and the site tree (`known`).
    ///
    /// # Errors
    /// The first field at fault, with `bad_request`, `bad_time`, `duplicate` or `unknown_site`.
    pub fn check(
        &self,
        zone: &TimeZone,
        known: impl Fn(&SiteKey) -> bool,
    ) -> Result<(), BookingError> {
        let title = self.title.trim();
        if title.is_empty() {
            return refuse(Code::BadRequest, "title", "a title is needed");
        }
        if self.title.chars().count() > TITLE_CHARS_MAX || self.title.chars().any(char::is_control)
        {
            return refuse(
                Code::BadRequest,
                "title",
                "too long, or has control characters",
            );
        }
        if self.description.chars().count() > DESCRIPTION_CHARS_MAX {
            return refuse(Code::BadRequest, "description", "too long");
        }
        if self.ends_at <= self.starts_at {
            return refuse(Code::BadTime, "ends_at", "must be after starts_at");
        }
        if self.duration() > BOOKING_DURATION_MAX {
            return refuse(
                Code::BadTime,
                "ends_at",
                "more than 96 hours after starts_at",
            );
        }
        if !(year_is_sane(self.starts_at) && year_is_sane(self.ends_at)) {
            return refuse(Code::BadTime, "starts_at", "outside the years 2000 to 2199");
        }
        self.check_sites(known)?;
        self.check_recurrence(zone)
    }

    fn check_sites(&self, known: impl Fn(&SiteKey) -> bool) -> Result<(), BookingError> {
        if !known(&self.chair_site) {
            return refuse(Code::UnknownSite, "chair_site", "not in the site tree");
        }
        if self.sites.is_empty() {
            return refuse(Code::BadRequest, "sites", "at least one site is needed");
        }
        if self.sites.len() > SITES_MAX {
            return refuse(Code::BadRequest, "sites", "too many sites");
        }
        let mut seen = std::collections::BTreeSet::new();
        for site in &self.sites {
            if !seen.insert(site) {
                return refuse(Code::Duplicate, "sites", "a site is named twice");
            }
            if !known(site) {
                return refuse(Code::UnknownSite, "sites", "not in the site tree");
            }
        }
        Ok(())
    }

    fn check_recurrence(&self, zone: &TimeZone) -> Result<(), BookingError> {
        let Some(rule) = &self.recurrence else {
            return Ok(());
        };
        if rule.interval == 0 || rule.interval > INTERVAL_MAX {
            return refuse(Code::BadTime, "recurrence", "interval must be 1 to 99");
        }
        if rule.count.is_some() && rule.until.is_some() {
            return refuse(
                Code::BadTime,
                "recurrence",
                "count and until exclude each other",
            );
        }
        if rule
            .count
            .is_some_and(|count| count == 0 || count > OCCURRENCES_MAX)
        {
            return refuse(Code::BadTime, "recurrence", "count must be 1 to 400");
        }
        if rule
            .until
            .is_some_and(|until| until < self.starts_at || !year_is_sane(until))
        {
            return refuse(
                Code::BadTime,
                "recurrence",
                "until is before the first occurrence",
            );
        }
        let mut previous: Option<Occurrence> = None;
        for occurrence in self.occurrences(zone) {
            if previous.is_some_and(|p| p.ends_at > occurrence.starts_at) {
                return refuse(
                    Code::BadTime,
                    "recurrence",
                    "occurrences overlap each other",
                );
            }
            previous = Some(occurrence);
        }
        Ok(())
    }

    /// How long one occurrence lasts.
    pub fn duration(&self) -> SignedDuration {
        self.ends_at.duration_since(self.starts_at)
    }

    /// Chair site and invited sites, each once, the chair first.
    pub fn all_sites(&self) -> impl Iterator<Item = &SiteKey> {
        std::iter::once(&self.chair_site)
            .chain(self.sites.iter().filter(|site| **site != self.chair_site))
    }

    /// All occurrences in order, expanded in `zone`: 08:30 stays 08:30 over a change of offset.
    /// A local time that does not exist moves by the gap; one that exists twice is the first
    /// (RFC 5545 3.3.5). At most [`OCCURRENCES_MAX`].
    pub fn occurrences(&self, zone: &TimeZone) -> Vec<Occurrence> {
        let first = Occurrence {
            starts_at: self.starts_at,
            ends_at: self.ends_at,
        };
        let Some(rule) = &self.recurrence else {
            return vec![first];
        };
        let count = rule.count.unwrap_or(OPEN_COUNT).clamp(1, OCCURRENCES_MAX) as usize;
        let local = zone.to_datetime(self.starts_at);
        let duration = self.duration();
        let mut found = vec![first];
        for step in 1..=STEPS_MAX {
            if found.len() >= count {
                break;
            }
            let units = i64::from(step) * i64::from(rule.interval);
            let span = match rule.every {
                Every::Day => Span::new().try_days(units),
                Every::Week => Span::new().try_weeks(units),
                Every::Month => Span::new().try_months(units),
            };
            // The calendar's end (year 9999) ends the recurrence.
            let Some(moved) = span.ok().and_then(|span| local.checked_add(span).ok()) else {
                break;
            };
            if moved.day() != local.day() && rule.every == Every::Month {
                continue;
            }
            let Ok(starts_at) = zone.to_ambiguous_timestamp(moved).compatible() else {
                break;
            };
            if rule.until.is_some_and(|until| starts_at > until) {
                break;
            }
            let Ok(ends_at) = starts_at.checked_add(duration) else {
                break;
            };
            found.push(Occurrence { starts_at, ends_at });
        }
        found
    }
}

fn year_is_sane(at: Timestamp) -> bool {
    // 2000-01-01 and 2200-01-01: dates outside are typing mistakes.
    (946_684_800..7_258_118_400).contains(&at.as_second())
}

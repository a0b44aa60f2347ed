//! Invitations as RFC 5545 calendar objects.
//!
//! Written here and not by the `icalendar` crate, which has no way to add a `VTIMEZONE`, without
//! which a `TZID` is invalid (3.6.5); the tests read what is written here with that crate.

use std::fmt::Write;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::{Entry, Every, Recurrence};

/// Longest content line in octets, without its CR LF (RFC 5545 3.1).
const LINE_OCTETS_MAX: usize = 75;
/// Most changes of offset written into a `VTIMEZONE`: two a year for ten years.
const TRANSITIONS_MAX: usize = 20;

/// What an invitation says beside the booking.
#[derive(Clone, Copy, Debug)]
pub struct Invitation<'a> {
    /// Host name of this installation: the right half of the UID, so that UIDs are unique and stable.
    pub domain: &'a str,
    /// Name of the organizer.
    pub organizer_name: &'a str,
    /// E-mail address of the organizer; without a sane one there is no `ORGANIZER`, and the
    /// object is published instead of requested.
    pub organizer_email: Option<&'a str>,
    /// Join link of the site invited.
    pub link: Option<&'a str>,
    /// Where: the names of chair site and site invited.
    pub location: &'a str,
}

/// The booking as a `VCALENDAR` with one `VEVENT`, in `zone`, stamped `stamped_at`:
/// `METHOD:REQUEST` (`PUBLISH` without an organizer), or `CANCEL` once cancelled. Lines end in
/// CR LF and are folded at 75 octets.
pub fn calendar(
    entry: &Entry,
    zone: &TimeZone,
    invitation: &Invitation<'_>,
    stamped_at: Timestamp,
) -> String {
    let booking = &entry.booking;
    let organizer = invitation
        .organizer_email
        .filter(|email| is_plain_address(email));
    let method = match (entry.cancelled, organizer) {
        (true, _) => "CANCEL",
        (false, Some(_)) => "REQUEST",
        (false, None) => "PUBLISH",
    };
    let mut out = Lines::default();
    out.line("BEGIN", "VCALENDAR");
    out.line("VERSION", "2.0");
    out.line("PRODID", "-//Nhip Cau//nhipcau//VI");
    out.line("CALSCALE", "GREGORIAN");
    out.line("METHOD", method);
    let zone_name = zone.iana_name().filter(|name| *name != "UTC");
    if let Some(name) = zone_name {
        let last = booking
            .occurrences(zone)
            .last()
            .map_or(booking.ends_at, |last| last.ends_at);
        time_zone(&mut out, name, zone, booking.starts_at, last);
    }
    out.line("BEGIN", "VEVENT");
    out.line(
        "UID",
        &format!("conference-{}@{}", entry.id.0, domain(invitation.domain)),
    );
    out.line("SEQUENCE", &entry.sequence.to_string());
    out.line("DTSTAMP", &utc(stamped_at));
    for (name, at) in [("DTSTART", booking.starts_at), ("DTEND", booking.ends_at)] {
        match zone_name {
            Some(zone_name) => {
                out.line(
                    &format!("{name};TZID={zone_name}"),
                    &local(zone.to_datetime(at)),
                );
            }
            None => out.line(name, &utc(at)),
        }
    }
    if let Some(rule) = &booking.recurrence {
        out.line("RRULE", &rrule(rule));
    }
    out.line("SUMMARY", &escape(&booking.title));
    let description = match invitation.link {
        Some(link) if booking.description.is_empty() => link.to_owned(),
        Some(link) => format!("{}\n\n{link}", booking.description),
        None => booking.description.clone(),
    };
    if !description.is_empty() {
        out.line("DESCRIPTION", &escape(&description));
    }
    if !invitation.location.is_empty() {
        out.line("LOCATION", &escape(invitation.location));
    }
    if let Some(link) = invitation
        .link
        .filter(|link| link.chars().all(|c| c.is_ascii_graphic()))
    {
        out.line("URL", link);
    }
    if let Some(email) = organizer {
        let name = quoted(invitation.organizer_name);
        out.line(&format!("ORGANIZER;CN={name}"), &format!("mailto:{email}"));
    }
    out.line(
        "STATUS",
        if entry.cancelled {
            "CANCELLED"
        } else {
            "CONFIRMED"
        },
    );
    out.line("END", "VEVENT");
    out.line("END", "VCALENDAR");
    out.text
}

/// `RRULE` (3.3.10). Weekday and day of the month follow from `DTSTART`.
fn rrule(rule: &Recurrence) -> String {
    let frequency = match rule.every {
        Every::Day => "DAILY",
        Every::Week => "WEEKLY",
        Every::Month => "MONTHLY",
    };
    let mut text = format!("FREQ={frequency};INTERVAL={}", rule.interval);
    match (rule.count, rule.until) {
        (Some(count), _) => {
            let _ = write!(text, ";COUNT={count}");
        }
        // With a TZID, UNTIL is in UTC.
        (None, Some(until)) => {
            let _ = write!(text, ";UNTIL={}", utc(until));
        }
        // Our own rule ends at the cap; a client must not go on beyond it.
        (None, None) => {
            let _ = write!(text, ";COUNT={}", crate::OCCURRENCES_MAX);
        }
    }
    text
}

/// A `VTIMEZONE` with one sub-component for each change of offset that the event can meet.
fn time_zone(out: &mut Lines, name: &str, zone: &TimeZone, from: Timestamp, to: Timestamp) {
    out.line("BEGIN", "VTIMEZONE");
    out.line("TZID", name);
    let info = zone.to_offset_info(from);
    // What holds at the start is said to hold since long before; only its offset matters.
    let since = zone
        .preceding(from)
        .next()
        .map_or(Timestamp::UNIX_EPOCH, |change| change.timestamp());
    let mut before = zone.to_offset(
        since
            .checked_sub(SignedDuration::from_secs(1))
            .unwrap_or(since),
    );
    observance(out, before, info.offset(), info.dst().is_dst(), since);
    before = info.offset();
    for change in zone
        .following(from)
        .take_while(|change| change.timestamp() <= to)
        .take(TRANSITIONS_MAX)
    {
        observance(
            out,
            before,
            change.offset(),
            change.dst().is_dst(),
            change.timestamp(),
        );
        before = change.offset();
    }
    out.line("END", "VTIMEZONE");
}

fn observance(out: &mut Lines, before: Offset, after: Offset, dst: bool, at: Timestamp) {
    let kind = if dst { "DAYLIGHT" } else { "STANDARD" };
    out.line("BEGIN", kind);
    // The onset is in the local time that held before it (3.6.5).
    out.line("DTSTART", &local(before.to_datetime(at)));
    out.line("TZOFFSETFROM", &offset(before));
    out.line("TZOFFSETTO", &offset(after));
    out.line("END", kind);
}

fn offset(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes, rest) = (
        seconds.abs() / 3600,
        seconds.abs() / 60 % 60,
        seconds.abs() % 60,
    );
    if rest == 0 {
        format!("{sign}{hours:02}{minutes:02}")
    } else {
        format!("{sign}{hours:02}{minutes:02}{rest:02}")
    }
}

fn local(at: DateTime) -> String {
    at.strftime("%Y%m%dT%H%M%S").to_string()
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// TEXT (3.3.11): backslash, semicolon, comma and newline are escaped, other control characters go.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push(c),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// A quoted parameter value (3.2): no quotation marks and no control characters can be in it.
fn quoted(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c == '"' { '\'' } else { c })
        .filter(|c| !c.is_control())
        .collect();
    format!("\"{clean}\"")
}

/// An address that can stand in a `mailto:` without any escaping.
fn is_plain_address(email: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._%+-@".contains(c);
    email.len() <= 254 && email.matches('@').count() == 1 && email.chars().all(allowed)
}

/// The domain with everything that is not a host name's dropped.
fn domain(raw: &str) -> String {
    let clean: String = raw
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || ".-".contains(*c))
        .collect();
    if clean.is_empty() {
        "nhipcau.invalid".to_owned()
    } else {
        clean
    }
}

/// Content lines, folded.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn line(&mut self, name: &str, value: &str) {
        let mut octets = 0;
        for c in name.chars().chain([':']).chain(value.chars()) {
            // Folding between octets of one character is allowed (3.1) but breaks readers: never do.
            if octets + c.len_utf8() > LINE_OCTETS_MAX {
                self.text.push_str("\r\n ");
                octets = 1;
            }
            self.text.push(c);
            octets += c.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}

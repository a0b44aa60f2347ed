//! Invitations as RFC 5545 calendar objects.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::Entry;

/// What an invitation says beside the booking.
#[derive(Clone, Copy, Debug)]
pub struct Invitation<'a> {
    /// Host name of this installation: the right half of the UID, so that UIDs are unique and stable.
    pub domain: &'a str,
    /// Name of the organizer.
    pub organizer_name: &'a str,
    /// E-mail address of the organizer; without one there is no `ORGANIZER`.
    pub organizer_email: Option<&'a str>,
    /// Join link of the site invited.
    pub link: Option<&'a str>,
    /// Where: the names of chair site and site invited.
    pub location: &'a str,
}

/// The booking as a `VCALENDAR` with one `VEVENT`, in `zone`, stamped `stamped_at`:
/// `METHOD:REQUEST`, or `CANCEL` once cancelled. Lines end in CR LF and are folded at 75 octets.
pub fn calendar(
    _entry: &Entry,
    _zone: &TimeZone,
    _invitation: &Invitation<'_>,
    _stamped_at: Timestamp,
) -> String {
    todo!()
}

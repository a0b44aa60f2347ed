//! Presence as intervals, and the report after the meeting.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Reason, Role, SeatId, SiteKey};

/// One stay of one person: from joining to dropping or leaving.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttendanceEntry {
    /// Number of the interval in its room, from 1; with conference and occurrence the key.
    pub interval: u64,
    /// The seat; resuming continues it with a new interval.
    pub seat: SeatId,
    /// The site.
    pub site: SiteKey,
    /// The site's name at the time.
    pub site_name: String,
    /// Display name.
    pub participant: String,
    /// Role.
    pub role: Role,
    /// Start.
    pub joined_at: Timestamp,
    /// End; `None` while it lasts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub left_at: Option<Timestamp>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
}

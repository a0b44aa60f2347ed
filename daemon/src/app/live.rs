//! What the running machines know and the store does not, for answers that need both.

use jiff::Timestamp;
use nhipcau_conference::{ConferenceId, Occupancy};

use crate::http::views::{Health, Reason};

/// The running machines as the rest of `app` sees them. Answers at once, from memory.
pub trait Live: Send + Sync {
    /// Health of a site with its reasons.
    fn site_health(&self, site: &str) -> (Health, Vec<Reason>);
    /// Who is in the room of the occurrence that starts at `starts_at`.
    fn occupancy(&self, conference: ConferenceId, starts_at: Timestamp) -> Occupancy;
    /// Sites that are in the live room now; zero without one.
    fn joined(&self, conference: ConferenceId) -> u32;
    /// Whether the room is being recorded.
    fn recording(&self, conference: ConferenceId) -> bool;
    /// The subsystem that is not well, for `/healthz`; `None`: all are.
    fn unhealthy(&self) -> Option<&'static str>;
    /// A booking was changed or cancelled: its live room, if any, must follow.
    fn booking_changed(&self, conference: ConferenceId);
}

/// Before the machines run: nothing is measured, nobody is anywhere.
pub(super) struct NothingLive;

impl Live for NothingLive {
    fn site_health(&self, _site: &str) -> (Health, Vec<Reason>) {
        (Health::Unknown, vec![Reason::new("not_polled_yet")])
    }

    fn occupancy(&self, _conference: ConferenceId, _starts_at: Timestamp) -> Occupancy {
        Occupancy::Never
    }

    fn joined(&self, _conference: ConferenceId) -> u32 {
        0
    }

    fn recording(&self, _conference: ConferenceId) -> bool {
        false
    }

    fn unhealthy(&self) -> Option<&'static str> {
        None
    }

    fn booking_changed(&self, _conference: ConferenceId) {}
}

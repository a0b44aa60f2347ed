//! A room's seats and rows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Output;
use crate::view::Mode;
use crate::{
    AttendanceEntry, Cause, ConnectionId, Health, Now, Reason, Role, RowState, SeatId, SeatKind,
    SiteKey,
};

/// Losses a row remembers, to name their cause when the network finds it later.
const LOSSES_MAX: usize = 16;
/// How late a cause may be found and still be the cause of a loss: two of the slowest polls.
const BLAME_WITHIN: Duration = Duration::from_secs(600);

/// A seat's signalling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Up(ConnectionId),
    Lost { since: Instant },
}

/// A seat's media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// Not yet up; counts as present until then.
    Starting {
        until: Instant,
    },
    Up,
    Silent,
}

#[derive(Debug)]
pub(super) struct Seat {
    pub(super) id: SeatId,
    pub(super) site: SiteKey,
    pub(super) role: Role,
    pub(super) kind: SeatKind,
    pub(super) name: String,
    pub(super) resume: String,
    pub(super) mic: bool,
    pub(super) cam: bool,
    pub(super) muted_by_host: bool,
    pub(super) hand: Option<Timestamp>,
    pub(super) slides: bool,
    pub(super) document: bool,
    /// What the site chose.
    pub(super) chosen: Mode,
    pub(super) fallen_since: Option<Timestamp>,
    pub(super) link: Link,
    pub(super) media: Media,
    /// The open attendance interval: number and start. Open exactly while the seat is present.
    pub(super) interval: Option<(u64, Timestamp)>,
}

impl Seat {
    /// Signalling is up and media is not known to be gone.
    pub(super) fn is_present(&self) -> bool {
        matches!(self.link, Link::Up(_)) && self.media != Media::Silent
    }

    /// The attendance interval, open or closed.
    pub(super) fn attendance(
        &self,
        site_name: &str,
        (interval, joined_at): (u64, Timestamp),
        closed: Option<(Timestamp, Reason)>,
    ) -> AttendanceEntry {
        // The wall clock may have been set back meanwhile; an interval never ends before it begins.
        let (left_at, reason) = closed
            .map(|(at, reason)| (at.max(joined_at), reason))
            .unzip();
        AttendanceEntry {
            interval,
            seat: self.id,
            site: self.site.clone(),
            site_name: site_name.to_owned(),
            participant: self.name.clone(),
            role: self.role,
            joined_at,
            left_at,
            reason,
        }
    }
}

/// Whether a drop was or will be told to the playbooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DropReport {
    None,
    Pending { due: Instant },
    Reported,
}

/// A site's row.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) state: RowState,
    pub(super) since: Option<Timestamp>,
    pub(super) reason: Option<Reason>,
    pub(super) health: Health,
    pub(super) line: Option<String>,
    pub(super) cause: Option<Cause>,
    /// When the last cause was mended.
    pub(super) mended: Option<Instant>,
    pub(super) report: DropReport,
    /// The mode that the host imposed, and who that was.
    pub(super) imposed: Option<(Mode, String)>,
    losses: VecDeque<(Instant, AttendanceEntry)>,
}

impl Row {
    pub(super) fn new(name: String) -> Self {
        Row {
            name,
            state: RowState::Absent,
            since: None,
            reason: None,
            health: Health::Unknown,
            line: None,
            cause: None,
            mended: None,
            report: DropReport::None,
            imposed: None,
            losses: VecDeque::new(),
        }
    }

    /// Why a seat of this site is lost: what the network names, else what was seen.
    pub(super) fn loss(&self, seen: &'static str) -> Reason {
        self.cause
            .as_ref()
            .map_or_else(|| Reason::new(seen), Cause::reason)
    }

    /// Whether the row's reason names a fault of the network.
    pub(super) fn is_blamed(&self) -> bool {
        self.reason
            .as_ref()
            .is_some_and(|reason| is_cause(&reason.code))
    }

    pub(super) fn remember(&mut self, entry: AttendanceEntry, now: Now) {
        if self.losses.len() == LOSSES_MAX {
            self.losses.pop_front();
        }
        self.losses.push_back((now.instant, entry));
    }

    /// The network has found a cause: the row and recent losses that had none carry it now.
    pub(super) fn blame(&mut self, cause: &Reason, now: Now) -> Vec<AttendanceEntry> {
        if self.state == RowState::Dropped
            && self.reason.as_ref().is_none_or(|r| !is_wilful(&r.code))
        {
            self.reason = Some(cause.clone());
        }
        let mut amended = Vec::new();
        for (lost, mut entry) in std::mem::take(&mut self.losses) {
            let unexplained = entry
                .reason
                .as_ref()
                .is_some_and(|reason| is_unexplained(&reason.code));
            if unexplained && now.instant.duration_since(lost) <= BLAME_WITHIN {
                entry.reason = Some(cause.clone());
                amended.push(entry);
            }
        }
        amended
    }

    /// The output that tells of this row's drop.
    pub(super) fn site_dropped(&self, site: &SiteKey) -> Option<Output> {
        Some(Output::SiteDropped {
            site: site.clone(),
            reason: self.reason.clone()?,
            since: self.since?,
        })
    }
}

/// Reasons that the network named.
fn is_cause(code: &str) -> bool {
    !is_wilful(code) && !is_unexplained(code)
}

/// Reasons that are no fault.
pub(super) fn is_wilful(code: &str) -> bool {
    matches!(code, "left" | "removed" | "conference_ended")
}

/// Reasons that only say what was seen.
fn is_unexplained(code: &str) -> bool {
    matches!(
        code,
        "media_lost" | "connection_lost" | "daemon_restarted" | "line_back"
    )
}

//! The live conference as a machine.

mod command;
mod port;
mod presence;
mod seat;
mod share;
mod show;
mod snapshot;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use jiff::Timestamp;

pub use port::{
    Actor, Command, Input, InvitedSite, Join, Output, RoomSnapshot, RoomTerms, SeatSnapshot,
};

use crate::{
    Cause, Code, ConferenceId, Now, Occupancy, Occurrence, Reason, Recording, Role, RowState,
    SeatId, ShareRule, SiteKey,
};
use seat::{DropReport, Link, Media, Row, Seat};

/// Rows a room may have: the booking's limit and as many again that are added while it runs.
const ROWS_MAX: usize = 2 * crate::SITES_MAX;

/// One occurrence of a conference, live: seats, floor, hands, roll call, attendance.
#[derive(Debug)]
pub struct Room {
    terms: RoomTerms,
    conference: ConferenceId,
    occurrence: Occurrence,
    rows: BTreeMap<SiteKey, Row>,
    seats: BTreeMap<SeatId, Seat>,
    floor: Option<SeatId>,
    spotlight: Option<SeatId>,
    speaker: Option<SeatId>,
    sharing: ShareRule,
    /// Who was last said to lead.
    chair: Option<SeatId>,
    recording: Recording,
    /// When the booked start is reached, while the meeting has not begun.
    begins: Option<Instant>,
    ended: bool,
    empty_since: Option<Timestamp>,
    next_seat: u64,
    next_interval: u64,
    outbox: VecDeque<Output>,
    board_changed: bool,
    roster_changed: bool,
}

impl Room {
    /// A room without seats; every invited site has an absent row.
    pub fn new(
        terms: RoomTerms,
        conference: ConferenceId,
        occurrence: Occurrence,
        sites: Vec<InvitedSite>,
        now: Now,
    ) -> Self {
        let ahead = occurrence.starts_at.duration_since(now.at);
        let mut room = Room {
            terms,
            conference,
            occurrence,
            rows: BTreeMap::new(),
            seats: BTreeMap::new(),
            floor: None,
            spotlight: None,
            speaker: None,
            sharing: ShareRule::default(),
            chair: None,
            recording: Recording::default(),
            begins: std::time::Duration::try_from(ahead)
                .ok()
                .filter(|ahead| !ahead.is_zero())
                .map(|ahead| now.instant + ahead),
            ended: false,
            empty_since: None,
            next_seat: 1,
            next_interval: 1,
            outbox: VecDeque::new(),
            board_changed: true,
            roster_changed: false,
        };
        room.invite(sites);
        room
    }

    /// Takes one input in.
    ///
    /// # Errors
    /// The code to answer the sender with. Nothing has changed then, except what was due by time.
    pub fn handle_input(&mut self, input: Input, now: Now) -> Result<(), Code> {
        self.pass_time(now);
        match input {
            Input::Timeout => Ok(()),
            _ if self.ended => Err(Code::RoomEnded),
            Input::Join(join) => self.join(join, now),
            Input::MediaConnected(seat) | Input::MediaRecovered(seat) => self.media_up(seat, now),
            Input::MediaSilent(seat) => self.media_silent(seat, now),
            Input::MediaGone { seat, closed } => self.media_gone(seat, closed, now),
            Input::SignallingLost { seat, connection } => {
                self.signalling_lost(seat, connection, now)
            }
            Input::Leave(seat) => self.leave(seat, now),
            Input::Command { by, command } => self.command(by, command, now),
            Input::Hand { seat, raised } => self.hand(seat, raised, now),
            Input::Media { seat, mic, cam } => self.media_wish(seat, mic, cam),
            Input::Share {
                seat,
                slides,
                document,
            } => self.share(seat, slides, document),
            Input::Mode { seat, mode } => self.choose_mode(seat, mode),
            Input::LineFell { seat, on } => self.line_falls(seat, on, now),
            Input::SiteCause { site, cause } => self.site_cause(&site, cause, now),
            Input::SiteLine { site, health, line } => {
                let row = self.rows.get_mut(&site).ok_or(Code::NoSuchRoom)?;
                if (row.health, &row.line) != (health, &line) {
                    row.health = health;
                    row.line = line;
                    self.board_changed = true;
                }
                Ok(())
            }
            Input::Speaking(seat) => {
                let seat = seat.filter(|seat| self.seats.contains_key(seat));
                if seat != self.speaker {
                    self.speaker = seat;
                    self.outbox.push_back(Output::Speaker(seat));
                }
                Ok(())
            }
            Input::Recording { on, reason } => {
                let since = on.then(|| self.recording.since.unwrap_or(now.at));
                self.recording = Recording {
                    on,
                    since,
                    reason,
                    hidden: None,
                };
                self.changed();
                Ok(())
            }
            Input::RecordingHidden(hidden) => {
                self.recording.hidden = hidden.filter(|_| self.recording.on);
                self.board_changed = true;
                Ok(())
            }
            Input::Invited(sites) => {
                self.invite(sites);
                self.board_changed = true;
                Ok(())
            }
        }
    }

    /// What to do next; drain until [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outbox.pop_front() {
            return output;
        }
        if std::mem::take(&mut self.roster_changed) {
            let chair = self
                .seats
                .values()
                .find(|seat| seat.role == Role::Chair && matches!(seat.link, Link::Up(_)))
                .map(|seat| seat.id);
            if self.chair != chair {
                self.chair = chair;
                self.outbox.push_back(Output::Chair(chair));
            }
            return Output::RosterChanged;
        }
        if std::mem::take(&mut self.board_changed) {
            return Output::BoardChanged;
        }
        Output::Timeout(self.next_deadline())
    }

    /// Whether the meeting has been ended.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// The occurrence this room is for.
    pub fn occurrence(&self) -> Occurrence {
        self.occurrence
    }

    /// Who is in the room, for [`crate::Calendar::standing`]. A kept seat counts: its owner may return.
    pub fn occupancy(&self) -> Occupancy {
        match self.empty_since {
            Some(since) => Occupancy::EmptySince(since),
            None if self.seats.is_empty() => Occupancy::Never,
            None => Occupancy::Occupied,
        }
    }

    fn changed(&mut self) {
        self.board_changed = true;
        self.roster_changed = true;
    }

    fn invite(&mut self, sites: Vec<InvitedSite>) {
        for InvitedSite { site, name } in sites {
            // Beyond the limit a site gets no row and cannot join; the booking's own limit is half of it.
            let full = self.rows.len() >= ROWS_MAX;
            match self.rows.get_mut(&site) {
                Some(row) => row.name = name,
                None if full => {}
                None => {
                    self.rows.insert(site, Row::new(name));
                }
            }
        }
    }

    /// Everything that is due by time alone.
    fn pass_time(&mut self, now: Now) {
        if self.ended {
            return;
        }
        if self.begins.is_some_and(|begins| begins <= now.instant) {
            self.begins = None;
            self.board_changed = true;
        }
        let silent: Vec<SeatId> = self
            .seats
            .values()
            .filter(|seat| matches!(seat.media, Media::Starting { until } if until <= now.instant))
            .map(|seat| seat.id)
            .collect();
        for seat in silent {
            self.fall_silent(seat, now);
        }
        let expired: Vec<SeatId> = self
            .seats
            .values()
            .filter(|seat| {
                self.kept_until(seat)
                    .is_some_and(|until| until <= now.instant)
            })
            .map(|seat| seat.id)
            .collect();
        for seat in expired {
            self.outbox.push_back(Output::Closed(seat));
            self.close_seat(seat, Reason::new("connection_lost"), now);
        }
        for (site, row) in &mut self.rows {
            if matches!(row.report, DropReport::Pending { due } if due <= now.instant) {
                row.report = DropReport::Reported;
                self.outbox.extend(row.site_dropped(site));
            }
        }
    }

    /// Until when a seat without signalling is kept.
    fn kept_until(&self, seat: &Seat) -> Option<Instant> {
        let Link::Lost { since } = seat.link else {
            return None;
        };
        let row = self.rows.get(&seat.site)?;
        Some(if row.cause.is_some() {
            since + self.terms.keep_through_cause_max
        } else {
            row.mended.map_or(since, |mended| mended.max(since)) + self.terms.resume_within
        })
    }

    fn next_deadline(&self) -> Option<Instant> {
        if self.ended {
            return None;
        }
        let seats = self.seats.values().flat_map(|seat| {
            let media = match seat.media {
                Media::Starting { until } => Some(until),
                Media::Up | Media::Silent => None,
            };
            [media, self.kept_until(seat)]
        });
        let rows = self.rows.values().map(|row| match row.report {
            DropReport::Pending { due } => Some(due),
            DropReport::None | DropReport::Reported => None,
        });
        seats.chain(rows).chain([self.begins]).flatten().min()
    }

    fn site_cause(&mut self, site: &SiteKey, cause: Option<Cause>, now: Now) -> Result<(), Code> {
        let row = self.rows.get_mut(site).ok_or(Code::NoSuchRoom)?;
        if row.cause == cause {
            return Ok(());
        }
        let notice = match &cause {
            Some(cause) => {
                let reason = cause.reason();
                let amended = row.blame(&reason, now);
                self.outbox
                    .extend(amended.into_iter().map(Output::Attendance));
                if matches!(row.report, DropReport::Pending { .. }) {
                    row.report = DropReport::Reported;
                    self.outbox.extend(row.site_dropped(site));
                }
                reason
            }
            None => {
                row.mended = Some(now.instant);
                if row.state == RowState::Dropped && row.is_blamed() {
                    row.reason = Some(Reason::new("line_back"));
                }
                Reason::new("line_back")
            }
        };
        row.cause = cause;
        let told: Vec<SeatId> = self
            .seats
            .values()
            .filter(|seat| {
                seat.site == *site
                    && matches!(seat.link, Link::Up(_))
                    && seat.media == Media::Silent
            })
            .map(|seat| seat.id)
            .collect();
        for seat in told {
            self.outbox.push_back(Output::Notice {
                seat,
                reason: notice.clone(),
            });
        }
        self.board_changed = true;
        Ok(())
    }
}

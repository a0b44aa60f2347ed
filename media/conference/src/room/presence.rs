//! Coming, going, falling silent and coming back.

use super::seat::{DropReport, Link, Media, Seat, is_wilful};
use super::{Join, Output, Room};
use crate::view::Mode;
use crate::{Code, ConnectionId, Now, Reason, RowState, SeatId, SeatKind, SiteKey, display_name};

/// Shortest resume token accepted from the shell: 128 bits in base64 or hexadecimal are longer.
const RESUME_CHARS_MIN: usize = 16;

impl Room {
    pub(super) fn join(&mut self, join: Join, now: Now) -> Result<(), Code> {
        if !self.rows.contains_key(&join.site) {
            return Err(Code::NoSuchRoom);
        }
        let name = display_name(&join.name).ok_or(Code::BadRequest)?;
        if let Some(id) = self.resumable(&join) {
            self.resume(id, name, &join, now);
            return Ok(());
        }
        if join.fresh_resume.len() < RESUME_CHARS_MIN {
            return Err(Code::BadRequest);
        }
        self.make_room(&join.site, now)?;
        let id = SeatId(self.next_seat);
        self.next_seat += 1;
        let media = Media::Starting {
            until: now.instant + self.terms.media_within,
        };
        let seat = Seat {
            id,
            site: join.site,
            role: join.role,
            kind: join.kind,
            name,
            resume: join.fresh_resume.clone(),
            mic: join.mic,
            cam: join.cam,
            muted_by_host: false,
            hand: None,
            slides: false,
            document: false,
            chosen: Mode::default(),
            fallen_since: None,
            link: Link::Up(join.connection),
            media,
            interval: None,
        };
        self.seats.insert(id, seat);
        self.empty_since = None;
        self.begins = None;
        self.outbox.push_back(Output::Joined {
            connection: join.connection,
            seat: id,
            resume: join.fresh_resume,
            resumed: false,
            replaced: None,
        });
        self.greet_with_mode(id);
        self.come(id, now);
        Ok(())
    }

    /// The seat that a resume token names, if the join token is for the same site and role.
    fn resumable(&self, join: &Join) -> Option<SeatId> {
        let token = join.resume.as_deref()?;
        self.seats
            .values()
            .find(|seat| {
                seat.resume == token
                    && seat.site == join.site
                    && seat.role == join.role
                    && seat.kind == join.kind
            })
            .map(|seat| seat.id)
    }

    fn resume(&mut self, id: SeatId, name: String, join: &Join, now: Now) {
        let Some(seat) = self.seats.get_mut(&id) else {
            return;
        };
        let replaced = match seat.link {
            Link::Up(old) if old != join.connection => Some(old),
            Link::Up(_) | Link::Lost { .. } => None,
        };
        seat.link = Link::Up(join.connection);
        seat.name = name;
        seat.cam = join.cam;
        seat.mic = join.mic && !seat.muted_by_host;
        let still_muted = seat.muted_by_host && join.mic;
        let resume = seat.resume.clone();
        self.outbox.push_back(Output::Joined {
            connection: join.connection,
            seat: id,
            resume,
            resumed: true,
            replaced,
        });
        if still_muted {
            self.outbox.push_back(Output::Muted {
                seat: id,
                by: String::new(),
            });
        }
        if self.floor == Some(id) {
            self.outbox.push_back(Output::FloorGranted(id));
        }
        // A page that was loaded anew has no screen to share any more; one that still has it says so again.
        self.set_shares(id, false, false, None);
        self.greet_with_mode(id);
        self.come(id, now);
    }

    fn greet_with_mode(&mut self, id: SeatId) {
        let normal = |seat: &Seat| self.mode(seat).0 == Mode::Normal;
        if !self.seats.get(&id).is_none_or(normal) {
            self.apply_mode(id);
        }
    }

    /// Makes sure one more seat fits; kept seats give way, the longest lost first.
    fn make_room(&mut self, site: &SiteKey, now: Now) -> Result<(), Code> {
        let of_site = self
            .seats
            .values()
            .filter(|seat| seat.site == *site)
            .count();
        let site_full = of_site >= self.terms.seats_per_site_max;
        if !site_full && self.seats.len() < self.terms.seats_max {
            return Ok(());
        }
        let longest_lost = self
            .seats
            .values()
            .filter(|seat| !site_full || seat.site == *site)
            .filter_map(|seat| match seat.link {
                Link::Lost { since } => Some((since, seat.id)),
                Link::Up(_) => None,
            })
            .min();
        let Some((_, seat)) = longest_lost else {
            return Err(Code::TooManyPeers);
        };
        self.outbox.push_back(Output::Closed(seat));
        self.close_seat(seat, Reason::new("connection_lost"), now);
        Ok(())
    }

    pub(super) fn media_up(&mut self, id: SeatId, now: Now) -> Result<(), Code> {
        let seat = self.seats.get_mut(&id).ok_or(Code::NotJoined)?;
        let was_silent = seat.media == Media::Silent;
        if seat.media == Media::Up {
            return Ok(());
        }
        seat.media = Media::Up;
        if was_silent && matches!(seat.link, Link::Up(_)) {
            self.outbox.push_back(Output::Notice {
                seat: id,
                reason: Reason::new("media_back"),
            });
        }
        self.come(id, now);
        Ok(())
    }

    pub(super) fn media_silent(&mut self, id: SeatId, now: Now) -> Result<(), Code> {
        if !self.seats.contains_key(&id) {
            return Err(Code::NotJoined);
        }
        self.fall_silent(id, now);
        Ok(())
    }

    pub(super) fn fall_silent(&mut self, id: SeatId, now: Now) {
        let Some(seat) = self.seats.get_mut(&id) else {
            return;
        };
        if seat.media == Media::Silent {
            return;
        }
        seat.media = Media::Silent;
        let told = matches!(seat.link, Link::Up(_));
        let reason = self.loss_of(id, "media_lost");
        if told {
            self.outbox.push_back(Output::Notice {
                seat: id,
                reason: reason.clone(),
            });
        }
        self.go(id, reason, now);
    }

    pub(super) fn signalling_lost(
        &mut self,
        id: SeatId,
        connection: ConnectionId,
        now: Now,
    ) -> Result<(), Code> {
        let seat = self.seats.get_mut(&id).ok_or(Code::NotJoined)?;
        if seat.link == Link::Up(connection) {
            seat.link = Link::Lost { since: now.instant };
            let reason = self.loss_of(id, "connection_lost");
            self.go(id, reason, now);
        }
        Ok(())
    }

    pub(super) fn media_gone(&mut self, id: SeatId, closed: bool, now: Now) -> Result<(), Code> {
        let seat = self.seats.get_mut(&id).ok_or(Code::NotJoined)?;
        match (seat.kind, seat.link) {
            (SeatKind::Person, _) => self.media_silent(id, now),
            (SeatKind::Encoder | SeatKind::Player, Link::Up(_)) if closed => {
                // A device that starts anew says goodbye too: its seat waits for it, so that a restart does not lift a mute.
                seat.link = Link::Lost { since: now.instant };
                seat.media = Media::Silent;
                self.go(id, Reason::new("left"), now);
                Ok(())
            }
            (SeatKind::Encoder | SeatKind::Player, Link::Up(connection)) => {
                self.fall_silent(id, now);
                self.signalling_lost(id, connection, now)
            }
            (SeatKind::Encoder | SeatKind::Player, Link::Lost { .. }) => Ok(()),
        }
    }

    pub(super) fn leave(&mut self, id: SeatId, now: Now) -> Result<(), Code> {
        if !self.seats.contains_key(&id) {
            return Err(Code::NotJoined);
        }
        self.outbox.push_back(Output::Closed(id));
        self.close_seat(id, Reason::new("left"), now);
        Ok(())
    }

    fn loss_of(&self, id: SeatId, seen: &'static str) -> Reason {
        self.seats
            .get(&id)
            .and_then(|seat| self.rows.get(&seat.site))
            .map_or_else(|| Reason::new(seen), |row| row.loss(seen))
    }

    /// A seat may have become present: open its interval, and its row is joined.
    fn come(&mut self, id: SeatId, now: Now) {
        self.changed();
        let Some(seat) = self.seats.get_mut(&id) else {
            return;
        };
        let Some(row) = self.rows.get_mut(&seat.site) else {
            return;
        };
        if !seat.is_present() {
            return;
        }
        if seat.interval.is_none() {
            let interval = (self.next_interval, now.at);
            self.next_interval += 1;
            seat.interval = Some(interval);
            self.outbox.push_back(Output::Attendance(
                seat.attendance(&row.name, interval, None),
            ));
        }
        if row.state != RowState::Joined {
            row.state = RowState::Joined;
            row.since = Some(now.at);
            row.reason = None;
            if std::mem::replace(&mut row.report, DropReport::None) == DropReport::Reported {
                self.outbox.push_back(Output::SiteBack {
                    site: seat.site.clone(),
                });
            }
        }
    }

    /// A seat may have ceased to be present: close its interval, and its row may have dropped.
    pub(super) fn go(&mut self, id: SeatId, reason: Reason, now: Now) {
        self.changed();
        let Some(seat) = self.seats.get_mut(&id) else {
            return;
        };
        let Some(row) = self.rows.get_mut(&seat.site) else {
            return;
        };
        if seat.is_present() {
            return;
        }
        if let Some(interval) = seat.interval.take() {
            let entry = seat.attendance(&row.name, interval, Some((now.at, reason.clone())));
            row.remember(entry.clone(), now);
            self.outbox.push_back(Output::Attendance(entry));
        }
        let site = seat.site.clone();
        let anyone = self
            .seats
            .values()
            .any(|seat| seat.site == site && seat.is_present());
        if anyone || row.state != RowState::Joined {
            return;
        }
        row.state = RowState::Dropped;
        row.since = Some(now.at);
        row.reason = Some(reason.clone());
        if is_wilful(&reason.code) {
            return;
        }
        if row.cause.is_some() {
            row.report = DropReport::Reported;
            self.outbox.extend(row.site_dropped(&site));
        } else {
            row.report = DropReport::Pending {
                due: now.instant + self.terms.site_dropped_after,
            };
        }
    }

    /// Takes a seat out of the room; whatever it held is free again.
    pub(super) fn close_seat(&mut self, id: SeatId, reason: Reason, now: Now) {
        let Some(seat) = self.seats.get_mut(&id) else {
            return;
        };
        seat.link = Link::Lost { since: now.instant };
        self.go(id, reason, now);
        self.seats.remove(&id);
        if self.floor == Some(id) {
            self.floor = None;
        }
        if self.spotlight == Some(id) {
            self.spotlight = None;
            self.outbox.push_back(Output::Spotlight(None));
        }
        if self.speaker == Some(id) {
            self.speaker = None;
            self.outbox.push_back(Output::Speaker(None));
        }
        if self.seats.is_empty() {
            self.empty_since = Some(now.at);
        }
        self.changed();
    }
}

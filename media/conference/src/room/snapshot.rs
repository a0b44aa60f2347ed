//! A room across a restart of the daemon.

use jiff::Timestamp;

use super::seat::{Link, Media, Seat};
use super::{InvitedSite, Output, Room, RoomSnapshot, RoomTerms, SeatSnapshot};
use crate::{Now, Reason, RowState};

impl Room {
    /// A room after a restart of the daemon: seats are dropped with `daemon_restarted` and wait
    /// to be resumed. Open attendance intervals are closed at `last_alive`, the last time at
    /// which the daemon is known to have run. No site counts as dropped for the playbooks: it is
    /// not the site that failed.
    pub fn restore(
        terms: RoomTerms,
        snapshot: RoomSnapshot,
        last_alive: Timestamp,
        now: Now,
    ) -> Self {
        let mut room = Room::new(
            terms,
            snapshot.conference,
            snapshot.occurrence,
            snapshot.sites,
            now,
        );
        let last_alive = last_alive.min(now.at);
        room.next_seat = snapshot.next_seat.max(1);
        room.next_interval = snapshot.next_interval.max(1);
        room.ended = snapshot.ended;
        room.sharing = snapshot.sharing;
        if room.next_seat > 1 {
            room.begins = None;
        }
        for (site, since, reason) in snapshot.dropped {
            if let Some(row) = room.rows.get_mut(&site) {
                row.state = RowState::Dropped;
                row.since = Some(since);
                row.reason = Some(reason);
            }
        }
        for (site, mode, by) in snapshot.imposed {
            if let Some(row) = room.rows.get_mut(&site) {
                row.imposed = Some((mode, by));
            }
        }
        for saved in snapshot.seats {
            room.restore_seat(saved, last_alive, now);
        }
        let kept = |seat: &_| room.seats.contains_key(seat);
        room.floor = snapshot.floor.filter(kept);
        room.spotlight = snapshot.spotlight.filter(kept);
        if room.seats.is_empty() && room.next_seat > 1 {
            room.empty_since = Some(last_alive);
        }
        room.changed();
        room
    }

    fn restore_seat(&mut self, saved: SeatSnapshot, last_alive: Timestamp, now: Now) {
        let Some(row) = self.rows.get_mut(&saved.site) else {
            return;
        };
        let mut seat = Seat {
            id: saved.id,
            site: saved.site,
            role: saved.role,
            kind: saved.kind,
            name: saved.name,
            resume: saved.resume,
            mic: saved.mic,
            cam: saved.cam,
            muted_by_host: saved.muted_by_host,
            hand: saved.hand,
            slides: false,
            document: false,
            chosen: saved.mode,
            fallen_since: None,
            link: Link::Lost { since: now.instant },
            // The peer's keys are gone with the process; its next media is a new start.
            media: Media::Starting {
                until: now.instant + self.terms.media_within,
            },
            interval: None,
        };
        if let Some(interval) = saved.interval {
            let reason = Reason::new("daemon_restarted");
            let entry = seat.attendance(&row.name, interval, Some((last_alive, reason.clone())));
            self.outbox.push_back(Output::Attendance(entry));
            row.state = RowState::Dropped;
            row.since = Some(last_alive);
            row.reason = Some(reason);
        } else {
            seat.media = Media::Silent;
        }
        self.next_seat = self.next_seat.max(seat.id.0 + 1);
        self.seats.insert(seat.id, seat);
    }

    /// What must survive a restart. Holds resume tokens.
    pub fn snapshot(&self) -> RoomSnapshot {
        RoomSnapshot {
            conference: self.conference,
            occurrence: self.occurrence,
            sites: self
                .rows
                .iter()
                .map(|(site, row)| InvitedSite {
                    site: site.clone(),
                    name: row.name.clone(),
                })
                .collect(),
            dropped: self
                .rows
                .iter()
                .filter(|(_, row)| row.state == RowState::Dropped)
                .filter_map(|(site, row)| Some((site.clone(), row.since?, row.reason.clone()?)))
                .collect(),
            imposed: self
                .rows
                .iter()
                .filter_map(|(site, row)| {
                    let (mode, by) = row.imposed.clone()?;
                    Some((site.clone(), mode, by))
                })
                .collect(),
            seats: self
                .seats
                .values()
                .map(|seat| SeatSnapshot {
                    id: seat.id,
                    site: seat.site.clone(),
                    role: seat.role,
                    kind: seat.kind,
                    name: seat.name.clone(),
                    resume: seat.resume.clone(),
                    mic: seat.mic,
                    cam: seat.cam,
                    muted_by_host: seat.muted_by_host,
                    hand: seat.hand,
                    mode: seat.chosen,
                    interval: seat.interval,
                })
                .collect(),
            floor: self.floor,
            spotlight: self.spotlight,
            sharing: self.sharing,
            next_seat: self.next_seat,
            next_interval: self.next_interval,
            ended: self.ended,
        }
    }
}

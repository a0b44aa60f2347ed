//! What pages are shown of a room.

use super::seat::{Link, Media, Row, Seat};
use super::{Room, RowState};
use crate::collate::sort_key;
use crate::{
    Board, BoardRow, Cause, ConferenceState, Counts, Participant, Roster, SeatId, SiteKey,
};

impl Room {
    /// The roll call.
    pub fn board(&self) -> Board {
        let mut rows: Vec<BoardRow> = self
            .rows
            .iter()
            .map(|(site, row)| self.board_row(site, row))
            .collect();
        rows.sort_by_cached_key(|row| {
            (
                row.state == RowState::Joined,
                sort_key(&row.site_name),
                row.site.clone(),
            )
        });
        let mut counts = Counts {
            invited: rows.len() as u32,
            ..Counts::default()
        };
        for row in &rows {
            match row.state {
                RowState::Absent => counts.absent += 1,
                RowState::Joined => counts.joined += 1,
                RowState::Dropped => counts.dropped += 1,
            }
        }
        Board {
            conference: self.conference,
            state: self.state(),
            recording: self.recording.clone(),
            floor: self.floor,
            spotlight: self.spotlight,
            sharing: self.sharing,
            counts,
            rows,
        }
    }

    /// The state as the protocol names it: live once its time has come or somebody has joined.
    pub fn state(&self) -> ConferenceState {
        if self.ended {
            ConferenceState::Ended
        } else if self.begins.is_some() {
            ConferenceState::Scheduled
        } else {
            ConferenceState::Live
        }
    }

    /// Everyone with a seat, by time of first joining.
    pub fn roster(&self) -> Roster {
        Roster {
            participants: self.seats.values().map(|seat| self.shown(seat)).collect(),
            floor: self.floor,
            spotlight: self.spotlight,
            recording: self.recording.on,
            sharing: self.sharing,
        }
    }

    /// One seat.
    pub fn participant(&self, seat: SeatId) -> Option<Participant> {
        self.seats.get(&seat).map(|seat| self.shown(seat))
    }

    fn board_row(&self, site: &SiteKey, row: &Row) -> BoardRow {
        BoardRow {
            site: site.clone(),
            site_name: row.name.clone(),
            state: row.state,
            since: row.since,
            reason: match row.state {
                RowState::Absent => row.cause.as_ref().map(Cause::reason),
                RowState::Joined => None,
                RowState::Dropped => row.reason.clone(),
            },
            health: row.health,
            line: row.line.clone(),
            imposed: row.imposed.as_ref().map(|(mode, _)| *mode),
            participants: self
                .seats
                .values()
                .filter(|seat| seat.site == *site)
                .map(|seat| self.shown(seat))
                .collect(),
        }
    }

    fn shown(&self, seat: &Seat) -> Participant {
        let (mode, mode_by) = self.mode(seat);
        Participant {
            id: seat.id,
            name: seat.name.clone(),
            site: seat.site.clone(),
            site_name: self
                .rows
                .get(&seat.site)
                .map(|row| row.name.clone())
                .unwrap_or_default(),
            role: seat.role,
            kind: seat.kind,
            mic: seat.mic,
            cam: seat.cam,
            muted_by_host: seat.muted_by_host,
            hand: seat.hand,
            floor: self.floor == Some(seat.id),
            speaking: self.speaker == Some(seat.id),
            connected: matches!(seat.link, Link::Up(_)) && seat.media == Media::Up,
            slides: seat.slides,
            document: seat.document,
            mode,
            mode_by: mode_by.map(str::to_owned),
            fallen_since: seat.fallen_since,
        }
    }
}

//! What chair, secretary and host command, and what everybody may do for themselves.

use super::seat::Link;
use super::{Actor, Command, Output, Room};
use crate::{Code, Now, Reason, SeatId, SeatKind};

impl Room {
    pub(super) fn command(&mut self, by: Actor, command: Command, now: Now) -> Result<(), Code> {
        let by = self.commander(by)?;
        match command {
            Command::Mute(seat) => {
                self.known(seat)?;
                self.mute(seat, &by);
            }
            Command::Unmute(seat) => self.unmute(seat)?,
            Command::MuteAll { except_floor } => {
                let spared = self.floor.filter(|_| except_floor);
                let loud: Vec<SeatId> = self
                    .seats
                    .values()
                    .filter(|seat| seat.mic && !seat.role.commands() && Some(seat.id) != spared)
                    .map(|seat| seat.id)
                    .collect();
                for seat in loud {
                    self.mute(seat, &by);
                }
            }
            Command::GiveFloor(seat) => {
                self.known(seat)?;
                self.give_floor(seat);
            }
            Command::TakeFloor => {
                if let Some(seat) = self.floor.take() {
                    self.outbox.push_back(Output::FloorTaken(seat));
                }
            }
            Command::Spotlight(seat) => {
                if let Some(seat) = seat {
                    self.known(seat)?;
                }
                if self.spotlight != seat {
                    self.spotlight = seat;
                    self.outbox.push_back(Output::Spotlight(seat));
                }
            }
            Command::Remove(seat) => {
                self.known(seat)?;
                self.outbox.push_back(Output::Removed(seat));
                self.close_seat(seat, Reason::new("removed"), now);
            }
            Command::LowerHand(seat) => {
                self.known(seat)?;
                if let Some(seat) = self.seats.get_mut(&seat) {
                    seat.hand = None;
                }
            }
            Command::SetMode { site, mode } => self.impose_mode(&site, mode, &by)?,
            Command::StopShare(seat) => {
                self.known(seat)?;
                self.set_shares(seat, false, false, Some(&by));
            }
            Command::Sharing(rule) => self.set_sharing(rule, &by),
            Command::Record(on) => self.outbox.push_back(Output::RecordRequested { on, by }),
            Command::End => self.end(now),
        }
        self.changed();
        Ok(())
    }

    /// The commander's display name.
    fn commander(&self, by: Actor) -> Result<String, Code> {
        match by {
            Actor::Host(name) => Ok(name),
            Actor::Seat(id) => {
                let seat = self.seats.get(&id).ok_or(Code::NotJoined)?;
                match (seat.role.commands(), seat.link) {
                    (false, _) => Err(Code::NotChair),
                    (true, Link::Lost { .. }) => Err(Code::NotJoined),
                    (true, Link::Up(_)) => Ok(seat.name.clone()),
                }
            }
        }
    }

    fn known(&self, seat: SeatId) -> Result<(), Code> {
        self.seats
            .contains_key(&seat)
            .then_some(())
            .ok_or(Code::NoSuchParticipant)
    }

    fn mute(&mut self, id: SeatId, by: &str) {
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.mic = false;
            seat.muted_by_host = true;
            self.outbox.push_back(Output::Muted {
                seat: id,
                by: by.to_owned(),
            });
        }
    }

    fn unmute(&mut self, id: SeatId) -> Result<(), Code> {
        let seat = self.seats.get_mut(&id).ok_or(Code::NoSuchParticipant)?;
        if seat.kind != SeatKind::Encoder {
            return Err(Code::BadRequest);
        }
        seat.mic = true;
        if std::mem::take(&mut seat.muted_by_host) {
            self.outbox.push_back(Output::Unmuted(id));
        }
        Ok(())
    }

    fn give_floor(&mut self, id: SeatId) {
        if self.floor != Some(id) {
            if let Some(before) = self.floor.replace(id) {
                self.outbox.push_back(Output::FloorTaken(before));
            }
            self.outbox.push_back(Output::FloorGranted(id));
        }
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.hand = None;
            // A person turns the microphone on; nobody sits at an encoder who could.
            seat.mic |= seat.kind == SeatKind::Encoder;
            if std::mem::take(&mut seat.muted_by_host) {
                self.outbox.push_back(Output::Unmuted(id));
            }
        }
    }

    fn end(&mut self, now: Now) {
        let seats: Vec<SeatId> = self.seats.keys().copied().collect();
        for seat in seats {
            self.close_seat(seat, Reason::new("conference_ended"), now);
        }
        for row in self.rows.values_mut() {
            row.report = super::DropReport::None;
        }
        self.empty_since.get_or_insert(now.at);
        self.ended = true;
        self.outbox.push_back(Output::Ended);
    }

    pub(super) fn hand(&mut self, id: SeatId, raised: bool, now: Now) -> Result<(), Code> {
        let seat = self.seats.get_mut(&id).ok_or(Code::NotJoined)?;
        if seat.hand.is_some() != raised {
            seat.hand = raised.then_some(now.at);
            self.changed();
        }
        Ok(())
    }

    pub(super) fn media_wish(&mut self, id: SeatId, mic: bool, cam: bool) -> Result<(), Code> {
        let seat = self.seats.get_mut(&id).ok_or(Code::NotJoined)?;
        if (seat.mic, seat.cam) == (mic, cam) {
            return Ok(());
        }
        (seat.mic, seat.cam) = (mic, cam);
        if mic && std::mem::take(&mut seat.muted_by_host) {
            self.outbox.push_back(Output::Unmuted(id));
        }
        self.changed();
        Ok(())
    }
}

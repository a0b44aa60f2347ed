//! The live conference as a machine.

mod port;

pub use port::{
    Actor, Answer, Command, Input, InvitedSite, Join, Output, RoomSnapshot, RoomTerms, SeatSnapshot,
};

use jiff::Timestamp;

use crate::{Board, ConferenceId, Now, Occurrence, Participant, Roster, SeatId};

/// One occurrence of a conference, live: seats, floor, hands, roll call, attendance.
#[derive(Debug)]
pub struct Room {}

impl Room {
    /// A room without seats; every invited site has an absent row.
    pub fn new(
        _terms: RoomTerms,
        _conference: ConferenceId,
        _occurrence: Occurrence,
        _sites: Vec<InvitedSite>,
        _now: Now,
    ) -> Self {
        todo!()
    }

    /// A room after a restart of the daemon: seats are dropped with `daemon_restarted` and wait
    /// to be resumed. Open attendance intervals are closed at `last_alive`, the last time at
    /// which the daemon is known to have run.
    pub fn restore(
        _terms: RoomTerms,
        _snapshot: RoomSnapshot,
        _last_alive: Timestamp,
        _now: Now,
    ) -> Self {
        todo!()
    }

    /// Takes one input in.
    ///
    /// # Errors
    /// The code to answer the sender with; the room has not changed then.
    pub fn handle_input(&mut self, _input: Input, _now: Now) -> Answer {
        todo!()
    }

    /// What to do next; drain until [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        todo!()
    }

    /// The roll call.
    pub fn board(&self) -> Board {
        todo!()
    }

    /// Everyone with a seat.
    pub fn roster(&self) -> Roster {
        todo!()
    }

    /// One seat.
    pub fn participant(&self, _seat: SeatId) -> Option<Participant> {
        todo!()
    }

    /// What must survive a restart.
    pub fn snapshot(&self) -> RoomSnapshot {
        todo!()
    }

    /// Whether the meeting has been ended.
    pub fn is_ended(&self) -> bool {
        todo!()
    }

    /// Who is in the room, for [`crate::Calendar::standing`].
    pub fn occupancy(&self) -> crate::Occupancy {
        todo!()
    }
}

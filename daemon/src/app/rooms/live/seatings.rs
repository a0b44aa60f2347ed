//! Which of what the bridge tells of a seat still counts: it runs beside the room, so the end of a former connection may be heard of after the
//! next one has begun.

use std::collections::HashMap;

use nhipcau_conference::SeatId;
use nhipcau_media_rtc::Seating;

/// The earliest seatings that count. No more entries than the room has seats.
pub(super) struct Seatings {
    /// Before it the room was not open: what is told of those is of an earlier meeting with the same name.
    opened: Seating,
    of_seats: HashMap<SeatId, Seating>,
}

impl Seatings {
    pub(super) fn new(opened: Seating) -> Self {
        Self {
            opened,
            of_seats: HashMap::new(),
        }
    }

    /// The former connections of a seat are over, whatever is still told of them.
    pub(super) fn begin(&mut self, seat: SeatId, seating: Seating) {
        let earliest = self.of_seats.entry(seat).or_insert(seating);
        *earliest = seating.max(*earliest);
    }

    /// Whether what is told of a seating counts. Where it does, earlier ones are over.
    pub(super) fn hear(&mut self, seat: SeatId, seating: Seating) -> bool {
        let earliest = self.of_seats.get(&seat).copied().unwrap_or(self.opened);
        if seating < earliest {
            return false;
        }
        self.of_seats.insert(seat, seating);
        true
    }

    /// The seat is closed; its number is not given again.
    pub(super) fn forget(&mut self, seat: SeatId) {
        self.of_seats.remove(&seat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_late_counts_of_a_former_session_of_a_seat_or_of_a_former_meeting() {
        let mut seatings = Seatings::new(Seating(10));
        let (first, other) = (SeatId(1), SeatId(2));
        assert!(!seatings.hear(first, Seating(9)), "of a former meeting");
        seatings.begin(first, Seating(11));
        assert!(seatings.hear(first, Seating(11)));
        // A second POST: the former session is over before the bridge has heard of the present one.
        seatings.begin(first, Seating(12));
        assert!(!seatings.hear(first, Seating(11)), "its late end");
        assert!(seatings.hear(first, Seating(12)));
        // A page's next offer is heard of first when it is connected: until then its former connection counts.
        assert!(seatings.hear(other, Seating(13)));
        assert!(seatings.hear(other, Seating(13)));
        assert!(seatings.hear(other, Seating(15)));
        assert!(!seatings.hear(other, Seating(13)));
        seatings.begin(other, Seating(14));
        assert!(!seatings.hear(other, Seating(14)), "overtaken");
        assert!(seatings.hear(first, Seating(12)), "each seat by itself");
        seatings.forget(first);
        assert_eq!(seatings.of_seats.len(), 1);
    }
}

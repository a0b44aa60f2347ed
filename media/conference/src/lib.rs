//! Booking, roster, floor and roll call of conferences, pure.
//!
//! - [`Calendar`]: what is booked, when it recurs, what collides, when a room opens and closes.
//! - [`ics`]: the invitation as an RFC 5545 calendar object.
//! - [`Room`]: the live conference as a machine: seats, floor, hands, roll-call [`Board`], attendance.
//! - [`attendance`]: the report afterwards.
//!
//! Nothing here reads a clock, draws randomness or performs I/O: the shell hands in [`Now`],
//! resume tokens and what it knows of media and lines, and carries out the [`Output`]s.

pub mod attendance;
mod booking;
mod calendar;
mod code;
mod collate;
pub mod ics;
mod ids;
mod name;
mod reason;
mod room;
mod view;

pub use attendance::AttendanceEntry;
pub use booking::{
    BOOKING_DURATION_MAX, Booking, BookingError, DESCRIPTION_CHARS_MAX, Every, INTERVAL_MAX,
    OCCURRENCES_MAX, Occurrence, Recurrence, SITES_MAX, TITLE_CHARS_MAX,
};
pub use calendar::{Calendar, CalendarTerms, Conflict, Entry, Occupancy, Phase, Standing};
pub use code::Code;
pub use ids::{ConferenceId, ConnectionId, Now, SeatId, SiteKey};
pub use name::display_name;
pub use reason::{Arg, Cause, Health, Reason};
pub use room::{
    Actor, Command, Input, InvitedSite, Join, Output, Room, RoomSnapshot, RoomTerms, SeatSnapshot,
};
pub use view::{
    Board, BoardRow, ConferenceState, Counts, Mode, Participant, Recording, Role, Roster, RowState,
    SeatKind, ShareRule,
};

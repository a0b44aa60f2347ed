//! Seeded simulations and stories of bookings and rooms.

mod attendance;
mod calendar;
mod clock;
mod devices;
mod ics;
mod room;
mod shares;
mod simulation;

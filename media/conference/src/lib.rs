//! Booking, roster, floor and roll call of conferences, pure.

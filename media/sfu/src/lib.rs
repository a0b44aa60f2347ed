//! Who receives what: rooms, tracks, layers, keyframes and rewriting, pure.
//!
//! [`Room`] decides; [`rewrite`] translates packet by packet; the rest are the small pieces that a packet path needs and that can
//! be shown right without a socket: headers, sequence numbers, reports, feedback, estimates, voices.

pub mod arrivals;
pub mod cache;
pub mod estimate;
mod ids;
pub mod rewrite;
pub mod room;
pub mod rtcp;
pub mod rtp;
pub mod sequence;
pub mod speaker;
#[cfg(test)]
mod testing;
pub mod twcc;
pub mod vp8;

pub use ids::{Kind, PeerId, RoomId};
pub use room::{Event, InSlots, Input, LAYERS, Lowered, Outgoing, Output, Room};

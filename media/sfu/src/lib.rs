//! Who receives what: rooms, tracks, layers, keyframes and rewriting, pure.
//!
//! [`Room`] decides; [`rewrite`] translates packet by packet; the rest are the small pieces that a packet path needs and that can
//! be shown right without a socket: headers, sequence numbers, reports, feedback, estimates, voices.

pub mod arrivals;
pub mod cache;
mod codec;
pub mod descriptor;
pub mod estimate;
mod ids;
mod omitted;
pub mod rewrite;
pub mod room;
pub mod rtcp;
pub mod rtp;
mod selection;
pub mod sequence;
pub mod speaker;
#[cfg(test)]
mod testing;
pub mod twcc;

pub use codec::{CODECS, Codec, Codecs};
pub use ids::{Kind, PeerId, RoomId, Source, Track, TrackId};
pub use room::{
    CatchUp, Event, InSlots, Input, LAYERS, Lead, Lowered, Mode, Outgoing, Output, Room, Withheld,
};
pub use selection::Quality;

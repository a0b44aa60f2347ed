//! Who receives what: rooms, tracks, layers, keyframes and rewriting, pure.

mod ids;

pub use ids::{Kind, PeerId, RoomId};

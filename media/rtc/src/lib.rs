//! The bridge's packet path: ICE-lite, DTLS, SRTP, sockets.
//!
//! Plain threads, each with a socket of its own for each address and each with its own rooms and peers. The control plane (DTLS, SDP) is the `rtc` project's;
//! from the moment a peer's keys are known, its packets take a path of our own: received in batches, authenticated, handed to
//! the pure room of [`nhipcau_sfu`] which says who receives what, and for each receiver rewritten, encrypted and sent, with
//! neither a lock nor an allocation nor a log line per packet.

mod bridge;
mod cache;
#[cfg(feature = "client")]
pub mod client;
mod client_hello;
mod config;
mod directory;
mod dtls;
mod error;
mod event;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod impair;
mod link;
mod ntp;
mod pacer;
mod passage;
mod peer;
mod sdp;
mod socket;
mod srtp;
mod stats;
mod stream;
mod stun;
mod tally;
pub mod tap;
mod worker;

pub use bridge::{Answer, Bridge, Flow, IceAnswer, ReadOffer};
pub use config::{BridgeConfig, Impairment, Limits, THREADS_MAX};
pub use error::{BridgeError, JoinError};
pub use event::{BridgeEvent, GoneReason, LoweredReason, Seating, SlotUse};
pub use nhipcau_sfu::{Codec, Kind, Mode, PeerId, RoomId, Track, TrackId, Withheld};
pub use rustls::ServerConnection;
pub use stats::{
    BridgeStats, DROP_REASONS, Drop, LayerStats, PeerDetail, PeerStats, SlotStats, StreamStats,
    Transport,
};
pub use stream::RelayCredentials;

//! What can go wrong at the handle.

use std::net::SocketAddr;

/// Why the bridge could not start.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// No address to bind was given.
    #[error("the bridge has no address to bind")]
    NoAddress,
    /// A UDP address could not be bound.
    #[error("cannot bind UDP {addr}: {source}")]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// A TCP address could not be bound.
    #[error("cannot listen on TCP {addr}: {source}")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// The kernel has no random numbers.
    #[error("no random numbers")]
    Random,
    /// The kernel refused something else that the packet thread needs.
    #[error("cannot start the packet thread: {0}")]
    Io(#[from] std::io::Error),
    /// The certificate for DTLS could not be made.
    #[error("cannot make the DTLS certificate: {0}")]
    Certificate(String),
}

/// Why a peer could not join.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The room is not open.
    #[error("the room is not open")]
    NoSuchRoom,
    /// The bridge is full.
    #[error("the bridge carries as many peers as it may")]
    TooManyPeers,
    /// The offer cannot be used; the text says what is missing.
    #[error("the offer cannot be used: {0}")]
    BadSdp(String),
    /// The offer is one, but nothing in it can be used: no codec of ours, or only m-lines of the direction that may not flow.
    #[error("nothing in the offer can be used")]
    NothingUsable,
    /// An encoder's offer would be taken in part only: an m-line sends what cannot be used, or a second track of its kind (RFC 9725 section
    /// 4.4 forbids such sessions: who films would not know what is missing).
    #[error("an m-line of the offer sends what cannot be used, or is the second of its kind")]
    PartlyUsable,
    /// A renegotiation gave a header extension another id than before (RFC 8843 section 9.1 forbids it).
    #[error("the offer changes the id of a header extension")]
    ExtensionRemapped,
    /// The peer is already in another room.
    #[error("the peer is in another room")]
    OtherRoom,
    /// A later offer of the same peer was taken before this one.
    #[error("a later offer was taken already")]
    Superseded,
    /// The packet thread did not answer in time or has ended.
    #[error("the bridge does not answer")]
    Unavailable,
}

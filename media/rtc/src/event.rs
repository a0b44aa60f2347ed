//! What the bridge tells its owner.

use nhipcau_sfu::{Codec, PeerId, RoomId, TrackId, Withheld};

/// What is in one of a receiver's m-lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotUse {
    /// The `a=mid` of the receiver's m-line.
    pub mid: String,
    /// The track that is seen or heard there.
    pub shown: TrackId,
}

/// Why a peer's connection ended for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoneReason {
    /// Nothing authenticated arrived for 30 s.
    Timeout,
    /// The peer closed its DTLS association.
    Closed,
    /// DTLS failed: no handshake within 30 s of the join, a protocol error, or a certificate that the offer did not announce.
    Handshake,
}

/// Why a receiver gets less than its page asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoweredReason {
    /// The estimate of the receiver's line (bits per second) does not carry the wanted layer.
    Estimate {
        /// Estimated bandwidth towards the receiver.
        estimate_bps: u64,
    },
    /// The wanted layer gave no keyframe in time.
    NoKeyframe,
    /// The wanted picture comes in a codec that the receiver did not offer.
    Codec {
        /// What the picture comes in.
        codec: Codec,
    },
}

/// Numbers the offers that seat peers, in the order in which the owner asked for it ([`crate::Bridge::next_seating`]): later ones are
/// greater, whatever peer they are of. What is told of a peer carries the seating that it was told of, so that the late end of a former
/// connection is not taken for the end of the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seating(pub u64);

/// What the bridge tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BridgeEvent {
    /// ICE and DTLS are done; media flows. Also after a rejoin with new keys.
    Connected {
        /// The peer's room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// Of which of its seatings this is told.
        seating: Seating,
    },
    /// Nothing authenticated arrived for 3 s (12 s from a peer that sends no media).
    Silent {
        /// The peer's room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// Of which of its seatings this is told.
        seating: Seating,
    },
    /// A silent peer is heard again.
    Recovered {
        /// The peer's room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// Of which of its seatings this is told.
        seating: Seating,
    },
    /// The connection ended; the peer has been removed from its room and a new join starts afresh.
    Gone {
        /// The peer's room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// Of which of its seatings this is told.
        seating: Seating,
        /// Why.
        reason: GoneReason,
    },
    /// The active speaker changed.
    Speaker {
        /// The room.
        room: RoomId,
        /// The new speaker; `None` when the last one left or was muted.
        peer: Option<PeerId>,
    },
    /// A peer started or stopped to speak.
    Speaking {
        /// The room.
        room: RoomId,
        /// The peer.
        peer: PeerId,
        /// Whether it speaks now.
        on: bool,
    },
    /// What is in which of a receiver's m-lines; sent on change.
    Slots {
        /// The receiver's room.
        room: RoomId,
        /// The receiver.
        peer: PeerId,
        /// By video slot; the first is the large picture. While that is a shared one, the last is who speaks beside it.
        video: Vec<Option<SlotUse>>,
        /// What it should see and does not get.
        withheld: Vec<(TrackId, Withheld)>,
        /// By audio slot.
        audio: Vec<Option<SlotUse>>,
    },
    /// A receiver gets less than it asked for; sent when that begins or its reason changes, at most every 5 s.
    LayerLowered {
        /// The receiver's room.
        room: RoomId,
        /// The receiver.
        peer: PeerId,
        /// Why.
        reason: LoweredReason,
    },
    /// A receiver's line does not carry even the smallest picture, and it gets sound only (`on`); or it carries one again.
    SoundOnly {
        /// The receiver's room.
        room: RoomId,
        /// The receiver.
        peer: PeerId,
        /// Whether it gets sound only.
        on: bool,
        /// Estimated bandwidth towards the receiver.
        estimate_bps: u64,
    },
    /// The room's code failed an invariant. The room is closed and its peers are removed; other rooms go on.
    RoomPanicked {
        /// The room that is gone.
        room: RoomId,
    },
}

impl BridgeEvent {
    /// Of which seating of which peer this is told, if of one.
    #[must_use]
    pub const fn seating(&self) -> Option<(PeerId, Seating)> {
        match *self {
            Self::Connected { peer, seating, .. }
            | Self::Silent { peer, seating, .. }
            | Self::Recovered { peer, seating, .. }
            | Self::Gone { peer, seating, .. } => Some((peer, seating)),
            Self::Speaker { .. }
            | Self::Speaking { .. }
            | Self::Slots { .. }
            | Self::LayerLowered { .. }
            | Self::SoundOnly { .. }
            | Self::RoomPanicked { .. } => None,
        }
    }
}

//! What a room is told and what it says.

use std::time::Instant;

use super::{CatchUp, Lead, Mode};
use crate::codec::{Codec, Codecs};
use crate::ids::{PeerId, Source, Track, TrackId};

/// What the room is told.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A peer takes a seat, or its offer has changed. Its view, mutes and slots stay.
    Join {
        /// The peer.
        peer: PeerId,
        /// The caller's number of the peer, handed back with every packet for it.
        port: u32,
        /// Audio slots that it receives in.
        slots_audio: usize,
        /// Video slots that it receives in.
        slots_video: usize,
        /// First sequence number of a slot by its number, audio first; below 32,768 and hard to guess.
        first_sequence: &'a [u16],
        /// What a slot takes, by its number, audio first; every codec where nothing is said.
        codecs: &'a [Codecs],
    },
    /// The peer has keys and is heard (`on`), or is not heard any more: it is sent nothing meanwhile, and keeps its seat.
    Connected {
        /// The peer.
        peer: PeerId,
        /// Whether packets can reach it.
        on: bool,
    },
    /// The peer has a new SRTP context: its streams begin at rollover counter 0 again.
    NewKeys {
        /// The peer.
        peer: PeerId,
    },
    /// The peer leaves its seat.
    Leave {
        /// The peer.
        peer: PeerId,
    },
    /// What a receiver wants to see.
    View {
        /// The receiver.
        peer: PeerId,
        /// Large in the first slot; `None` follows what is shared, else the spotlight, else the speaker.
        large: Option<TrackId>,
        /// Small in the other slots.
        tiles: &'a [TrackId],
    },
    /// How much picture a receiver takes.
    Mode {
        /// The receiver.
        peer: PeerId,
        /// How much.
        mode: Mode,
    },
    /// What a peer may share; nothing of another second track is forwarded. What begins last is shown to all who follow.
    Shares {
        /// The peer.
        peer: PeerId,
        /// Its screen, with sound.
        slides: bool,
        /// Its second camera.
        document: bool,
    },
    /// Who leads: the picture of this peer goes before all others on a narrow line.
    Chair {
        /// The peer; `None` when nobody leads.
        peer: Option<PeerId>,
    },
    /// The host mutes or unmutes microphone and camera of a peer.
    Muted {
        /// The peer.
        peer: PeerId,
        /// No sound of it is forwarded.
        audio: bool,
        /// No picture of it is forwarded.
        video: bool,
    },
    /// The host shows a peer instead of the speaker.
    Spotlight {
        /// The peer; `None` returns to the speaker.
        peer: Option<PeerId>,
    },
    /// The estimated bandwidth towards a receiver.
    Estimate {
        /// The receiver.
        peer: PeerId,
        /// Bits per second.
        bps: u64,
    },
    /// A receiver asks for a keyframe in one of its video slots.
    KeyframeRequest {
        /// The receiver.
        peer: PeerId,
        /// The slot's number.
        slot: usize,
    },
    /// A layer lost packets beyond repair.
    Broken {
        /// The layer.
        source: Source,
    },
    /// A receiver in another shard of this room waits for a keyframe of a layer.
    Wanted {
        /// The layer.
        source: Source,
    },
    /// The leading shard has decided; ignored by a shard that leads.
    Follow {
        /// What it decided.
        lead: &'a Lead,
    },
    /// A layer begins anew: its indexes jump, and what follows can only be shown from a keyframe on.
    Restarted {
        /// The layer.
        source: Source,
    },
    /// Packets of every peer may have been missed: no picture can be told from what is known of its past.
    Missed,
    /// A copy for a recording begins or ends; its packets carry this port.
    Tap {
        /// The caller's number; `None` ends the copy.
        port: Option<u32>,
    },
    /// The recording cannot show its picture before the next keyframe.
    TapKeyframeRequest,
    /// Time passes.
    Timeout,
}

/// What the room says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask the publisher for a keyframe of a layer.
    KeyframeRequest {
        /// The publisher's port.
        port: u32,
        /// The track.
        track: Track,
        /// The layer, lowest 0.
        layer: usize,
    },
    /// Send a receiver what came of a source since its latest keyframe, before anything newer: find the packets by their indexes and hand
    /// each to [`Room::translate`](super::Room::translate), in order.
    CatchUp(CatchUp),
    /// [`Room::lead`](super::Room::lead) has changed: tell the other shards, if there are any.
    Lead,
    /// Tell the owner.
    Event(Event),
    /// Nothing more to say until then, or until the next input.
    Timeout(Option<Instant>),
}

/// Why a receiver gets less than it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lowered {
    /// The estimate of its line does not carry the wanted layers.
    Estimate {
        /// Bits per second.
        bps: u64,
    },
    /// The wanted layer gave no keyframe.
    NoKeyframe,
    /// The wanted picture comes in a codec that the receiver's m-line has not.
    Codec {
        /// What it comes in.
        codec: Codec,
    },
}

/// Why a receiver does not get a picture that it should see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// Its mode has no place for it.
    Mode,
    /// The estimate of its line does not carry it beside what goes before it.
    Estimate,
    /// It has fallen back to sound.
    Fallen,
    /// It comes in a codec that the receiver's m-line has not.
    Codec,
}

/// What the owner of the room should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The active speaker changed.
    Speaker(Option<PeerId>),
    /// A peer began or ceased to speak.
    Speaking {
        /// The peer.
        peer: PeerId,
        /// Whether it speaks.
        on: bool,
    },
    /// Whose packets a receiver gets, by slot. Read them with [`Room::slots`](super::Room::slots).
    Slots {
        /// The receiver.
        peer: PeerId,
    },
    /// A receiver gets less than it wants.
    Lowered {
        /// The receiver.
        peer: PeerId,
        /// Why.
        reason: Lowered,
    },
    /// A receiver's line does not carry even the smallest picture, and it gets sound only (`on`); or it does again.
    SoundOnly {
        /// The receiver.
        peer: PeerId,
        /// Whether it gets sound only.
        on: bool,
        /// The estimate of its line in bits per second.
        bps: u64,
    },
    /// The recording's picture changes to this peer.
    TapSpeaker(PeerId),
}

/// What flows in a receiver's slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InSlots {
    /// By audio slot.
    pub audio: Vec<Option<TrackId>>,
    /// By video slot. The first is the large picture; while it is a shared one, the last is who speaks beside it.
    pub video: Vec<Option<TrackId>>,
    /// What it should see and does not get.
    pub withheld: Vec<(TrackId, Withheld)>,
}

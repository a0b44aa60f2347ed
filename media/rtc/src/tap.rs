//! What a recording hears and sees: decrypted media of a room over a Unix datagram socket.
//!
//! One datagram is `kind: u8`, `source: u32` big-endian (see below), then:
//!
//! | kind | rest |
//! | --- | --- |
//! | [`AUDIO`] | a plain RTP packet, Opus, payload type [`AUDIO_PAYLOAD_TYPE`]; numbers as the peer sent them, SSRC = `source` |
//! | [`VIDEO`] | a plain RTP packet whose payload type names its codec ([`payload_type`]); one SSRC, sequence numbers and timestamps continue over changes of the source and of the codec, which begin with a keyframe; without payload where a number stays empty |
//! | [`SPEAKER`] | nothing: from now on `source` is the one that the picture should show; its first picture follows with its keyframe |
//!
//! `source` is the low 32 bits of the peer's [`crate::PeerId`], with the highest bit turned over for the sound of a shared screen,
//! so that it is another source than the microphone beside it.
//!
//! Video is the best encoding, with all layers in it, of what is shared, else of the spotlight, else of the active speaker; audio is the loudest voices and
//! the sound of what is shared. The bridge never waits
//! for the reader: a datagram that finds the socket full is dropped and counted. A datagram socket has no end of file: the owner
//! tells the reader when the copy has ended.

use nhipcau_sfu::{Codec, Kind, PeerId, Source, Track};

/// Datagram kind: audio RTP.
pub const AUDIO: u8 = 1;
/// Datagram kind: video RTP.
pub const VIDEO: u8 = 2;
/// Datagram kind: the speaker changed.
pub const SPEAKER: u8 = 3;
/// Payload type of Opus in the copy.
pub const AUDIO_PAYLOAD_TYPE: u8 = 111;
/// Payload type of a codec in the copy.
#[must_use]
pub const fn payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::Opus => AUDIO_PAYLOAD_TYPE,
        Codec::Vp8 => 96,
        Codec::H264 => 97,
        Codec::Vp9 => 98,
        Codec::Av1 => 99,
    }
}

/// The name of a source of `peer` in the copy.
pub(crate) fn name_of(peer: PeerId, source: Source) -> u32 {
    let shared = source.kind() == Kind::Audio && source.track() != Track::Main;
    peer.0 as u32 ^ u32::from(shared) << 31
}

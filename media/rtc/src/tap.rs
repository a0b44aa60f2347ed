//! What a recording hears and sees: decrypted media of a room over a Unix datagram socket.
//!
//! One datagram is `kind: u8`, `source: u32` big-endian (the low 32 bits of the peer's [`crate::PeerId`]), then:
//!
//! | kind | rest |
//! | --- | --- |
//! | [`AUDIO`] | a plain RTP packet, Opus, payload type [`AUDIO_PAYLOAD_TYPE`]; numbers as the peer sent them, SSRC = `source` |
//! | [`VIDEO`] | a plain RTP packet, VP8, payload type [`VIDEO_PAYLOAD_TYPE`]; one SSRC, sequence numbers and timestamps continue over changes of the source, which begin with a keyframe |
//! | [`SPEAKER`] | nothing: from now on `source` is the one that the picture should show; its first picture follows with its keyframe |
//!
//! Video is the best layer of the spotlight, else of the active speaker; audio is the loudest voices. The bridge never waits
//! for the reader: a datagram that finds the socket full is dropped and counted. A datagram socket has no end of file: the owner
//! tells the reader when the copy has ended.

/// Datagram kind: audio RTP.
pub const AUDIO: u8 = 1;
/// Datagram kind: video RTP.
pub const VIDEO: u8 = 2;
/// Datagram kind: the speaker changed.
pub const SPEAKER: u8 = 3;
/// Payload type of Opus in the copy.
pub const AUDIO_PAYLOAD_TYPE: u8 = 111;
/// Payload type of VP8 in the copy.
pub const VIDEO_PAYLOAD_TYPE: u8 = 96;

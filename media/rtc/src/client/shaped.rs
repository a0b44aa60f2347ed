//! Packets whose payload the caller writes, of any codec that the bridge passes.

use nhipcau_sfu::{Codec, Kind};

use super::Client;

/// Payload type of each codec in the client's offers, with that of its retransmissions.
pub(super) const fn payload_types(codec: Codec) -> (u8, u8) {
    match codec {
        Codec::Opus => (super::sdp::OPUS, 0),
        Codec::Vp8 => (super::sdp::VP8, super::sdp::RTX),
        Codec::Vp9 => (98, 99),
        Codec::H264 => (102, 103),
        Codec::Av1 => (45, 46),
    }
}

/// Payload type of redundant sound.
pub(super) const RED: u8 = 63;

/// A packet to send.
#[derive(Clone, Copy, Debug)]
pub struct Shaped<'a> {
    /// Its codec.
    pub codec: Codec,
    /// Whether the payload is RED around the codec.
    pub red: bool,
    /// Marker bit.
    pub marker: bool,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Dependency descriptor; empty for none.
    pub dependency: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

impl Client {
    /// Sends a packet of a layer: 0 is sound, then come the encodings, lowest first.
    pub fn send_shaped(&mut self, place: usize, packet: &Shaped<'_>) {
        let payload_type = if packet.red {
            RED
        } else {
            payload_types(packet.codec).0
        };
        let level = (self.out[place].encoding.kind == Kind::Audio).then_some(20);
        self.send_as(
            place,
            (payload_type, packet.dependency),
            packet.marker,
            packet.timestamp,
            level,
            packet.payload,
        );
    }

    /// Counts such a packet as sent without sending it, as a line that loses it for good.
    pub fn lose_shaped(&mut self, place: usize, packet: &Shaped<'_>) {
        let before = self.remote.take();
        self.send_shaped(place, packet);
        self.out[place].sent.pop_back();
        self.remote = before;
    }
}

//! Packets of a client.

use std::collections::VecDeque;
use std::time::Instant;

use nhipcau_sfu::Kind;
use nhipcau_sfu::rtcp::{Rtcp, Writer, read};
use nhipcau_sfu::rtp::RtpHeader;
use nhipcau_sfu::sequence::{Extender, ReplayWindow};
use nhipcau_sfu::vp8::Vp8;

use super::sdp::{LEVEL_ID, MID_ID, OPUS, RID_ID, RIDS, RTX, TRANSPORT_ID, VP8};
use super::{Client, SENT_KEPT};
use crate::srtp::OVERHEAD;

/// Sequence numbers of one NACK that are answered.
const NACK_MAX: usize = 64;

/// A stream that the client sends.
pub(super) struct OutStream {
    /// 0 is sound; then layers, lowest first.
    place: usize,
    pub(super) ssrc: u32,
    index: u64,
    picture: u16,
    /// Sequence number and plain packet from the marker bit on, for NACKs.
    sent: VecDeque<(u16, Vec<u8>)>,
}

impl OutStream {
    pub(super) fn new(place: usize, ssrc: u32) -> Self {
        Self {
            place,
            ssrc,
            index: u64::from(ssrc & 0x3fff),
            picture: 0,
            sent: VecDeque::new(),
        }
    }
}

/// A stream that the client receives.
pub(super) struct InStream {
    ssrc: u32,
    repair: Option<u32>,
    kind: Kind,
    slot: usize,
    extender: Extender,
    window: ReplayWindow,
    repair_extender: Extender,
    repair_window: ReplayWindow,
}

impl InStream {
    pub(super) fn new((ssrc, repair, kind, slot): (u32, Option<u32>, Kind, usize)) -> Self {
        Self {
            ssrc,
            repair,
            kind,
            slot,
            extender: Extender::default(),
            window: ReplayWindow::default(),
            repair_extender: Extender::default(),
            repair_window: ReplayWindow::default(),
        }
    }
}

/// What arrived in one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotCounts {
    /// Packets.
    pub packets: u64,
    /// Lowest and highest index, so that `highest - lowest + 1 - packets` were lost.
    pub lowest: Option<u64>,
    /// See `lowest`.
    pub highest: u64,
    /// First packets of keyframes.
    pub keyframes: u64,
    /// Packets that came as retransmissions.
    pub repaired: u64,
}

impl SlotCounts {
    /// Packets that are missing between the first and the last.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lowest.map_or(0, |lowest| {
            (self.highest - lowest + 1).saturating_sub(self.packets)
        })
    }
}

/// What a client has received.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// By audio slot.
    pub audio: Vec<SlotCounts>,
    /// By video slot.
    pub video: Vec<SlotCounts>,
    /// Packets that were not authentic, or came twice.
    pub refused: u64,
    /// Keyframes that the bridge asked for, by layer, since [`Client::take_keyframe_requests`].
    pub keyframe_requests: [u64; 3],
    /// Packets that the bridge asked for again.
    pub nacked: u64,
    /// Sender reports.
    pub sender_reports: u64,
    /// Transport-wide feedbacks.
    pub feedbacks: u64,
}

/// A media packet that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Number of the client in its [`super::Crowd`].
    pub client: usize,
    /// Sound or picture.
    pub kind: Kind,
    /// Its slot.
    pub slot: usize,
    /// Sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Whether it came as a retransmission.
    pub repaired: bool,
    /// Payload, VP8 descriptor included.
    pub payload: &'a [u8],
}

impl Client {
    /// Sends a packet of sound with `level` in −dBov.
    pub fn send_audio(&mut self, level: u8, timestamp: u32, payload: &[u8]) {
        self.send(0, false, timestamp, Some(level), payload);
    }

    /// Sends a packet of a layer (0 the lowest): `body` behind a VP8 descriptor, whose first byte tells keyframes from others.
    pub fn send_video(
        &mut self,
        layer: usize,
        start: bool,
        keyframe: bool,
        marker: bool,
        timestamp: u32,
        body: &[u8],
    ) {
        let Some(stream) = self.out.get_mut(1 + layer) else {
            return;
        };
        if start {
            stream.picture = (stream.picture + 1) & 0x7fff;
        }
        let [high, low] = (stream.picture | 0x8000).to_be_bytes();
        let mut payload = Vec::with_capacity(body.len() + 5);
        payload.extend_from_slice(&[
            0x80 | u8::from(start) << 4,
            0x80,
            high,
            low,
            u8::from(!keyframe),
        ]);
        payload.extend_from_slice(body);
        self.send(1 + layer, marker, timestamp, None, &payload);
    }

    /// Counts a packet of a layer as sent without sending it, as a line that loses it.
    pub fn lose_video(&mut self, layer: usize, timestamp: u32, body: &[u8]) {
        let before = self.remote.take();
        self.send_video(layer, false, false, false, timestamp, body);
        self.remote = before;
    }

    fn send(
        &mut self,
        place: usize,
        marker: bool,
        timestamp: u32,
        level: Option<u8>,
        payload: &[u8],
    ) {
        let layers = self.options.layers;
        let transport = self.transport_next;
        self.transport_next = transport.wrapping_add(1);
        let stream = &mut self.out[place];
        let index = stream.index;
        stream.index += 1;
        let payload_type = if place == 0 { OPUS } else { VP8 };
        let mut plain = vec![0x90, payload_type | u8::from(marker) << 7];
        plain.extend_from_slice(&(index as u16).to_be_bytes());
        plain.extend_from_slice(&timestamp.to_be_bytes());
        plain.extend_from_slice(&stream.ssrc.to_be_bytes());
        let [high, low] = transport.to_be_bytes();
        let mid = if place == 0 { b'0' } else { b'1' };
        let mut extensions = vec![TRANSPORT_ID << 4 | 1, high, low, MID_ID << 4, mid];
        if let Some(level) = level {
            extensions.extend_from_slice(&[LEVEL_ID << 4, level]);
        }
        if place > 0 && layers > 1 {
            extensions.extend_from_slice(&[RID_ID << 4, RIDS[RIDS.len() - place].as_bytes()[0]]);
        }
        extensions.resize(extensions.len().next_multiple_of(4), 0);
        plain.extend_from_slice(&[0xbe, 0xde, 0, (extensions.len() / 4) as u8]);
        plain.extend_from_slice(&extensions);
        let header_bytes = plain.len();
        plain.extend_from_slice(payload);
        if place > 0 {
            if stream.sent.len() == SENT_KEPT {
                stream.sent.pop_front();
            }
            stream.sent.push_back((index as u16, plain.clone()));
        }
        self.seal(&mut plain, header_bytes, index);
    }

    fn seal(&mut self, plain: &mut Vec<u8>, header_bytes: usize, index: u64) {
        let (Some(srtp), Some(remote)) = (&self.srtp, &self.remote) else {
            return;
        };
        let length = plain.len();
        plain.resize(length + OVERHEAD, 0);
        let length = srtp.seal.seal_rtp(plain, header_bytes, length, index);
        if self.outbox.is_full() {
            self.outbox.flush(std::slice::from_ref(&self.socket));
        }
        self.outbox.space()[..length].copy_from_slice(&plain[..length]);
        self.outbox.commit(&remote.route, length);
    }

    /// Seals any bytes that pass for an RTP header as they are, under the next index of a layer (0 is sound) and with its SSRC: what
    /// a hostile peer with a join link can do. Returns whether they were sent.
    pub fn send_forged_rtp(&mut self, place: usize, plain: &[u8]) -> bool {
        let Some(header) = RtpHeader::parse(plain) else {
            return false;
        };
        let stream = &mut self.out[place];
        let index = stream.index;
        stream.index += 1;
        let mut plain = plain.to_vec();
        plain[2..4].copy_from_slice(&(index as u16).to_be_bytes());
        plain[8..12].copy_from_slice(&stream.ssrc.to_be_bytes());
        self.seal(&mut plain, header.header_bytes, index);
        true
    }

    /// Seals any bytes as RTCP. Returns whether they were sent.
    pub fn send_forged_rtcp(&mut self, plain: &[u8]) -> bool {
        let (Some(srtp), Some(remote)) = (&self.srtp, &self.remote) else {
            return false;
        };
        if plain.len() < 8 || plain.len() > 1_400 || !(192..=223).contains(&plain[1]) {
            return false;
        }
        if self.outbox.is_full() {
            self.outbox.flush(std::slice::from_ref(&self.socket));
        }
        let space = self.outbox.space();
        space[..plain.len()].copy_from_slice(plain);
        let length = srtp.seal.seal_rtcp(space, plain.len(), self.rtcp_index);
        self.rtcp_index += 1;
        self.outbox.commit(&remote.route, length);
        true
    }

    /// Sends what was queued. Polling does it too.
    pub fn flush(&mut self) {
        self.outbox.flush(std::slice::from_ref(&self.socket));
    }

    /// Asks the bridge for packets of a video slot again.
    pub fn nack(&mut self, slot: usize, lost: &[u16]) {
        let ssrc = self.slot_ssrc(slot);
        self.send_rtcp(|writer| {
            writer.nack(2, ssrc, lost);
        });
    }

    /// Asks the bridge for a keyframe in a video slot.
    pub fn request_keyframe(&mut self, slot: usize) {
        let ssrc = self.slot_ssrc(slot);
        self.send_rtcp(|writer| {
            writer.picture_loss(2, ssrc);
        });
    }

    /// The keyframes asked for since the last call, by layer.
    pub fn take_keyframe_requests(&mut self) -> [u64; 3] {
        std::mem::take(&mut self.received.keyframe_requests)
    }

    fn slot_ssrc(&self, slot: usize) -> u32 {
        self.inbound
            .iter()
            .find(|stream| stream.kind == Kind::Video && stream.slot == slot)
            .map_or(0, |stream| stream.ssrc)
    }

    fn send_rtcp(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        let (Some(srtp), Some(remote)) = (&self.srtp, &self.remote) else {
            return;
        };
        let space = self.outbox.space();
        let length = {
            let mut writer = Writer::new(&mut space[..1_200]);
            write(&mut writer);
            writer.len()
        };
        if length > 0 {
            let length = srtp.seal.seal_rtcp(space, length, self.rtcp_index);
            self.rtcp_index += 1;
            self.outbox.commit(&remote.route, length);
        }
    }

    pub(super) fn send_feedback(&mut self) {
        let mut body = Vec::new();
        while self.srtp.is_some() && self.recorder.is_pending() {
            self.recorder.feedback(&mut body);
            self.send_rtcp(|writer| {
                writer.transport_feedback(2, 0, &body);
            });
        }
    }

    pub(super) fn take_rtcp(&mut self, datagram: &mut [u8]) {
        let Some(srtp) = &self.srtp else { return };
        let Some((length, _)) = srtp.open.open_rtcp(datagram) else {
            self.received.refused += 1;
            return;
        };
        let mut again = Vec::new();
        let (out, received) = (&self.out, &mut self.received);
        read(&datagram[..length], |said| match said {
            Rtcp::PictureLoss { media } => {
                if let Some(stream) = out
                    .iter()
                    .find(|stream| stream.ssrc == media && stream.place > 0)
                {
                    received.keyframe_requests[stream.place - 1] += 1;
                }
            }
            Rtcp::Nack { media, lost } => {
                if let Some(stream) = out.iter().find(|stream| stream.ssrc == media) {
                    again.extend(lost.take(NACK_MAX).map(|sequence| (stream.place, sequence)));
                }
            }
            Rtcp::SenderReport { .. } => received.sender_reports += 1,
            Rtcp::TransportFeedback(_) => received.feedbacks += 1,
            _ => {}
        });
        for (place, sequence) in again {
            self.received.nacked += 1;
            // The same packet under its own index: byte for byte what was lost, so no nonce covers two texts.
            let found = self.out[place]
                .sent
                .iter()
                .find(|(sent, _)| *sent == sequence)
                .cloned();
            if let Some((_, mut plain)) = found
                && let Some(header) = RtpHeader::parse(&plain)
            {
                let newest = self.out[place].index - 1;
                let index = newest - u64::from((newest as u16).wrapping_sub(sequence));
                self.seal(&mut plain, header.header_bytes, index);
            }
        }
    }

    pub(super) fn take_rtp(
        &mut self,
        datagram: &mut [u8],
        now: Instant,
        sink: &mut dyn FnMut(Packet<'_>),
    ) {
        let Some(srtp) = &self.srtp else { return };
        let opened = RtpHeader::parse(datagram).and_then(|header| {
            let place = self.inbound.iter().position(|stream| {
                stream.ssrc == header.ssrc || stream.repair == Some(header.ssrc)
            })?;
            let stream = &mut self.inbound[place];
            let repaired = stream.repair == Some(header.ssrc);
            let (extender, window) = if repaired {
                (&mut stream.repair_extender, &mut stream.repair_window)
            } else {
                (&mut stream.extender, &mut stream.window)
            };
            let index = extender
                .extend(header.sequence)
                .filter(|index| window.is_new(*index))?;
            let length = srtp.open.open_rtp(datagram, header.header_bytes, index)?;
            extender.accept(index);
            window.insert(index);
            Some((header, place, repaired, index, length))
        });
        let Some((header, place, repaired, index, length)) = opened else {
            self.received.refused += 1;
            return;
        };
        let packet = &datagram[..length];
        if let Some(&[high, low]) = header.extension(packet, TRANSPORT_ID) {
            self.recorder.arrived(u16::from_be_bytes([high, low]), now);
        }
        let Some(mut payload) = header.payload(packet) else {
            return;
        };
        let stream = &mut self.inbound[place];
        let mut sequence = header.sequence;
        let counts = match stream.kind {
            Kind::Audio => &mut self.received.audio,
            Kind::Video => &mut self.received.video,
        };
        if counts.len() <= stream.slot {
            counts.resize(stream.slot + 1, SlotCounts::default());
        }
        let counts = &mut counts[stream.slot];
        if repaired {
            let Some((original, rest)) = payload.split_at_checked(2) else {
                return;
            };
            sequence = u16::from_be_bytes([original[0], original[1]]);
            payload = rest;
            counts.repaired += 1;
            debug_assert_eq!(header.payload_type, RTX);
        } else {
            counts.packets += 1;
            counts.highest = counts.highest.max(index);
            counts.lowest = Some(counts.lowest.map_or(index, |lowest| lowest.min(index)));
            let keyframe =
                stream.kind == Kind::Video && Vp8::parse(payload).is_some_and(|vp8| vp8.keyframe);
            counts.keyframes += u64::from(keyframe);
        }
        sink(Packet {
            client: 0,
            kind: stream.kind,
            slot: stream.slot,
            sequence,
            timestamp: header.timestamp,
            repaired,
            payload,
        });
    }
}

//! What a client receives, and what it says about it.

use std::time::Instant;

use nhipcau_sfu::arrivals::Arrivals;
use nhipcau_sfu::descriptor::{Descriptor, Frame};
use nhipcau_sfu::rtcp::{ReportBlock, Rtcp, read};
use nhipcau_sfu::rtp::RtpHeader;
use nhipcau_sfu::sequence::{Extender, ReplayWindow};
use nhipcau_sfu::{Codec, Kind, Track};

use super::media::OutStream;
use super::sdp::{DEPENDENCY_ID, StreamLine, TRANSPORT_ID};
use super::{Client, REPAIR_PAUSE, REPORT_PAUSE};
use crate::ntp;

/// Sequence numbers of one NACK that are answered.
const NACK_MAX: usize = 64;
/// Blocks of one report (RFC 3550 section 6.4.1).
const BLOCKS_MAX: usize = 31;

/// A stream that the client receives.
pub(super) struct InStream {
    /// 0 until a packet has told, where the other side announces none.
    ssrc: u32,
    repair: Option<u32>,
    payload_type: u8,
    kind: Kind,
    slot: usize,
    extender: Extender,
    window: ReplayWindow,
    repair_extender: Extender,
    repair_window: ReplayWindow,
    /// Packets by their own number, whichever way they came.
    arrivals: Arrivals,
    /// Middle of the latest sender report's time, and when it came.
    told: Option<(u32, Instant)>,
}

impl InStream {
    pub(super) fn new(line: StreamLine) -> Self {
        let clock_hz = match line.kind {
            Kind::Audio => 48_000,
            Kind::Video => 90_000,
        };
        Self {
            ssrc: line.ssrc,
            repair: line.repair,
            payload_type: line.payload_type,
            kind: line.kind,
            slot: line.slot,
            extender: Extender::default(),
            window: ReplayWindow::default(),
            repair_extender: Extender::default(),
            repair_window: ReplayWindow::default(),
            arrivals: Arrivals::new(clock_hz, line.kind == Kind::Video, Instant::now()),
            told: None,
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
    /// Different packets of the stream, whether they came at first or again.
    pub delivered: u64,
}

impl SlotCounts {
    /// Packets that are missing between the first and the last, those that came as retransmissions included.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.packets)
    }

    /// Packets that are missing between the first and the last for good.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.expected().saturating_sub(self.delivered)
    }

    fn expected(&self) -> u64 {
        self.lowest.map_or(0, |lowest| self.highest - lowest + 1)
    }
}

/// What a client has received.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// By audio slot.
    pub audio: Vec<SlotCounts>,
    /// By video slot.
    pub video: Vec<SlotCounts>,
    /// Media packets that it has sent.
    pub sent: u64,
    /// Packets that were not authentic, or came twice.
    pub refused: u64,
    /// Keyframes that the bridge asked for, by track and layer, since [`Client::take_keyframe_requests_of`].
    pub keyframe_requests: [[u64; 3]; Track::ALL.len()],
    /// Packets that the bridge asked for again.
    pub nacked: u64,
    /// Packets that the client asked for again, with [`super::ClientOptions::repair`].
    pub asked_again: u64,
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
    /// The marker bit: the last packet of a picture.
    pub marker: bool,
    /// Whether it came as a retransmission.
    pub repaired: bool,
    /// Whether it came for the first time, whichever way.
    pub fresh: bool,
    /// When the client took it.
    pub at: Instant,
    /// What a picture's descriptor says.
    pub frame: Frame,
    /// Payload type.
    pub payload_type: u8,
    /// Dependency descriptor, when it has one.
    pub dependency: Option<&'a [u8]>,
    /// Payload, its descriptor included.
    pub payload: &'a [u8],
}

impl Client {
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

    /// The keyframes asked of the camera since the last call, by layer.
    pub fn take_keyframe_requests(&mut self) -> [u64; 3] {
        self.take_keyframe_requests_of(Track::Main)
    }

    /// The same of a track.
    pub fn take_keyframe_requests_of(&mut self, track: Track) -> [u64; 3] {
        std::mem::take(&mut self.received.keyframe_requests[track as usize])
    }

    fn slot_ssrc(&self, slot: usize) -> u32 {
        self.inbound
            .iter()
            .find(|stream| stream.kind == Kind::Video && stream.slot == slot)
            .map_or(0, |stream| stream.ssrc)
    }

    /// Asks for what is missing, and once a second reports what came and what was sent.
    pub(super) fn repair_and_report(&mut self, now: Instant) {
        if now.saturating_duration_since(self.repair_at) >= REPAIR_PAUSE {
            self.repair_at = now;
            let mut lost = Vec::new();
            for place in 0..self.inbound.len() {
                let stream = &mut self.inbound[place];
                if stream.arrivals.next_due().is_none_or(|due| due > now) {
                    continue;
                }
                lost.clear();
                stream.arrivals.due(now, &mut lost);
                let ssrc = stream.ssrc;
                if !lost.is_empty() {
                    self.received.asked_again += lost.len() as u64;
                    self.send_rtcp(|writer| {
                        writer.nack(2, ssrc, &lost);
                    });
                }
            }
        }
        if now.saturating_duration_since(self.report_at) >= REPORT_PAUSE {
            self.report_at = now;
            self.report(now);
        }
    }

    fn report(&mut self, now: Instant) {
        let ntp = ntp::now();
        let blocks = self
            .inbound
            .iter_mut()
            .filter_map(|stream| {
                let reception = stream.arrivals.report()?;
                Some(ReportBlock::of(stream.ssrc, reception, stream.told, now))
            })
            .take(BLOCKS_MAX)
            .collect::<Vec<_>>();
        let said = self
            .out
            .iter()
            .filter(|stream| stream.said.0 > 0)
            .map(|stream| (stream.ssrc, stream.said))
            .collect::<Vec<_>>();
        let own = self.out.first().map_or(2, |stream| stream.ssrc);
        self.send_rtcp(|writer| {
            for (ssrc, (packets, octets, timestamp)) in said {
                writer.sender_report(ssrc, ntp, timestamp, packets, octets);
            }
            writer.receiver_report(own, &blocks);
            writer.cname(own, b"c");
        });
    }

    pub(super) fn take_rtcp(&mut self, datagram: &mut [u8], now: Instant) {
        let Some(srtp) = &self.srtp else { return };
        let Some((length, _)) = srtp.open.open_rtcp(datagram) else {
            self.received.refused += 1;
            return;
        };
        let mut again = Vec::new();
        let (out, inbound, received) = (&self.out, &mut self.inbound, &mut self.received);
        read(&datagram[..length], |said| match said {
            Rtcp::PictureLoss { media } => {
                if let Some(OutStream { encoding, .. }) = out
                    .iter()
                    .find(|stream| stream.ssrc == media && stream.encoding.kind == Kind::Video)
                {
                    received.keyframe_requests[encoding.track as usize][encoding.layer] += 1;
                }
            }
            Rtcp::Nack { media, lost } => {
                if let Some(place) = out.iter().position(|stream| stream.ssrc == media) {
                    again.extend(lost.take(NACK_MAX).map(|sequence| (place, sequence)));
                }
            }
            Rtcp::SenderReport { ssrc, ntp, .. } => {
                received.sender_reports += 1;
                if let Some(stream) = inbound.iter_mut().find(|stream| stream.ssrc == ssrc) {
                    stream.told = Some(((ntp >> 16) as u32, now));
                }
            }
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
            let place = self
                .inbound
                .iter()
                .position(|stream| stream.ssrc == header.ssrc || stream.repair == Some(header.ssrc))
                .or_else(|| {
                    self.inbound.iter().position(|stream| {
                        stream.ssrc == 0 && stream.payload_type == header.payload_type
                    })
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
            if stream.ssrc == 0 {
                stream.ssrc = header.ssrc;
            }
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
        let frame_of = |payload: &[u8]| match stream.kind {
            Kind::Audio => Frame::PLAIN,
            Kind::Video => Descriptor::parse(Codec::Vp8, payload).frame(),
        };
        if repaired {
            let Some((original, rest)) = payload.split_at_checked(2) else {
                return;
            };
            sequence = u16::from_be_bytes([original[0], original[1]]);
            payload = rest;
            counts.repaired += 1;
        }
        let frame = frame_of(payload);
        if !repaired {
            counts.packets += 1;
            counts.highest = counts.highest.max(index);
            counts.lowest = Some(counts.lowest.map_or(index, |lowest| lowest.min(index)));
            counts.keyframes += u64::from(frame.keyframe);
        }
        let delivered = stream.arrivals.accept(sequence, header.timestamp, now);
        counts.delivered += u64::from(delivered.is_some());
        sink(Packet {
            client: 0,
            kind: stream.kind,
            slot: stream.slot,
            sequence,
            timestamp: header.timestamp,
            marker: header.marker,
            repaired,
            fresh: delivered.is_some(),
            at: now,
            frame,
            payload_type: header.payload_type,
            dependency: header.extension(packet, DEPENDENCY_ID),
            payload,
        });
    }
}

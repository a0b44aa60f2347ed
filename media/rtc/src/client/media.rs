//! What a client sends.

use std::collections::VecDeque;

use nhipcau_sfu::rtcp::Writer;
use nhipcau_sfu::rtp::RtpHeader;
use nhipcau_sfu::{Kind, Track};

use super::sdp::{DEPENDENCY_ID, LEVEL_ID, MID_ID, OPUS, RID_ID, TRANSPORT_ID, VP8};
use super::{Client, SENT_KEPT};
use crate::srtp::OVERHEAD;

/// What a stream carries, and in which m-line.
#[derive(Clone, Debug)]
pub(super) struct Encoding {
    pub(super) track: Track,
    pub(super) kind: Kind,
    /// 0 the lowest; sound has one.
    pub(super) layer: usize,
    /// Empty when there is only one layer.
    pub(super) rid: &'static str,
    pub(super) mid: String,
}

/// A stream that the client sends.
pub(super) struct OutStream {
    pub(super) encoding: Encoding,
    pub(super) ssrc: u32,
    pub(super) index: u64,
    picture: u16,
    /// Sequence number and plain packet, for NACKs.
    pub(super) sent: VecDeque<(u16, Vec<u8>)>,
    /// Packets, bytes of payload, and the timestamp of the latest, for sender reports.
    pub(super) said: (u32, u32, u32),
}

impl OutStream {
    pub(super) fn new(encoding: Encoding, ssrc: u32) -> Self {
        Self {
            encoding,
            ssrc,
            index: u64::from(ssrc & 0x3fff),
            picture: 0,
            sent: VecDeque::new(),
            said: (0, 0, 0),
        }
    }
}

impl Client {
    /// Sends a packet of sound with `level` in −dBov.
    pub fn send_audio(&mut self, level: u8, timestamp: u32, payload: &[u8]) {
        self.send_audio_of(Track::Main, level, timestamp, payload);
    }

    /// Sends a packet of a track's sound; nothing when it has none.
    pub fn send_audio_of(&mut self, track: Track, level: u8, timestamp: u32, payload: &[u8]) {
        if let Some(place) = self.place(track, Kind::Audio, 0) {
            self.send_as(place, (OPUS, &[]), false, timestamp, Some(level), payload);
        }
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
        let encoding = (Track::Main, layer);
        self.send_video_of(encoding, start, keyframe, marker, timestamp, body);
    }

    /// The same of a layer of a track; nothing when it has none.
    pub fn send_video_of(
        &mut self,
        (track, layer): (Track, usize),
        start: bool,
        keyframe: bool,
        marker: bool,
        timestamp: u32,
        body: &[u8],
    ) {
        let Some(place) = self.place(track, Kind::Video, layer) else {
            return;
        };
        let stream = &mut self.out[place];
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
        self.send_as(place, (VP8, &[]), marker, timestamp, None, &payload);
    }

    fn place(&self, track: Track, kind: Kind, layer: usize) -> Option<usize> {
        self.out.iter().position(|OutStream { encoding, .. }| {
            (encoding.track, encoding.kind, encoding.layer) == (track, kind, layer)
        })
    }

    /// Counts a packet of a layer as sent without sending it, as a line that loses it.
    pub fn lose_video(&mut self, layer: usize, timestamp: u32, body: &[u8]) {
        let before = self.remote.take();
        self.send_video(layer, false, false, false, timestamp, body);
        self.remote = before;
    }

    /// Sends a packet under a payload type, with a dependency descriptor when it is not empty.
    pub(super) fn send_as(
        &mut self,
        place: usize,
        (payload_type, dependency): (u8, &[u8]),
        marker: bool,
        timestamp: u32,
        level: Option<u8>,
        payload: &[u8],
    ) {
        let transport = self.transport_next;
        self.transport_next = transport.wrapping_add(1);
        let stream = &mut self.out[place];
        let index = stream.index;
        stream.index += 1;
        stream.said.0 = stream.said.0.wrapping_add(1);
        stream.said.1 = stream.said.1.wrapping_add(payload.len() as u32);
        stream.said.2 = timestamp;
        let mut plain = vec![0x90, payload_type | u8::from(marker) << 7];
        plain.extend_from_slice(&(index as u16).to_be_bytes());
        plain.extend_from_slice(&timestamp.to_be_bytes());
        plain.extend_from_slice(&stream.ssrc.to_be_bytes());
        let [high, low] = transport.to_be_bytes();
        let two_byte = !dependency.is_empty();
        let mut extensions = Vec::with_capacity(32);
        let mut put = |id: u8, bytes: &[u8]| {
            match two_byte {
                true => extensions.extend_from_slice(&[id, bytes.len() as u8]),
                false => extensions.push(id << 4 | (bytes.len() as u8 - 1)),
            }
            extensions.extend_from_slice(bytes);
        };
        put(TRANSPORT_ID, &[high, low]);
        put(MID_ID, stream.encoding.mid.as_bytes());
        if let Some(level) = level {
            put(LEVEL_ID, &[level]);
        }
        if !stream.encoding.rid.is_empty() {
            put(RID_ID, stream.encoding.rid.as_bytes());
        }
        if two_byte {
            put(DEPENDENCY_ID, dependency);
        }
        extensions.resize(extensions.len().next_multiple_of(4), 0);
        let profile: [u8; 2] = if two_byte { [0x10, 0] } else { [0xbe, 0xde] };
        plain.extend_from_slice(&profile);
        plain.extend_from_slice(&[0, (extensions.len() / 4) as u8]);
        plain.extend_from_slice(&extensions);
        let header_bytes = plain.len();
        plain.extend_from_slice(payload);
        if stream.encoding.kind == Kind::Video {
            if stream.sent.len() == SENT_KEPT {
                stream.sent.pop_front();
            }
            stream.sent.push_back((index as u16, plain.clone()));
        }
        self.seal(&mut plain, header_bytes, index);
    }

    pub(super) fn seal(&mut self, plain: &mut Vec<u8>, header_bytes: usize, index: u64) {
        let (Some(srtp), true) = (&self.srtp, self.remote.is_some()) else {
            return;
        };
        let length = plain.len();
        plain.resize(length + OVERHEAD, 0);
        let length = srtp.seal.seal_rtp(plain, header_bytes, length, index);
        self.outbox.space()[..length].copy_from_slice(&plain[..length]);
        self.received.sent += 1;
        self.dispatch(length);
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
        let (Some(srtp), true) = (&self.srtp, self.remote.is_some()) else {
            return false;
        };
        if plain.len() < 8 || plain.len() > 1_400 || !(192..=223).contains(&plain[1]) {
            return false;
        }
        let space = self.outbox.space();
        space[..plain.len()].copy_from_slice(plain);
        let length = srtp.seal.seal_rtcp(space, plain.len(), self.rtcp_index);
        self.rtcp_index += 1;
        self.dispatch(length);
        true
    }

    pub(super) fn send_rtcp(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        let (Some(srtp), true) = (&self.srtp, self.remote.is_some()) else {
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
            self.dispatch(length);
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
}

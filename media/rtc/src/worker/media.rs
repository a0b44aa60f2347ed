//! RTP that a peer sends: authenticated, freed of duplicates, kept, and given to its room.

use std::time::Instant;

use nhipcau_sfu::descriptor::{Descriptor, Red};
use nhipcau_sfu::rewrite::UpPacket;
use nhipcau_sfu::rtp::RtpHeader;
use nhipcau_sfu::sequence::{Extender, ReplayWindow};
use nhipcau_sfu::{Codec, Input, Kind, Source};

use super::Worker;
use super::redundancy::{Recovered, recover};
use crate::peer::{Carries, Role, UpStream, source_at};
use crate::sdp::Extension;
use crate::stats::Drop;
use crate::tap;

/// A packet after authentication, as far as the room needs to know.
struct Accepted {
    source: Source,
    facts: UpPacket,
    /// What was lost before it and stands in it.
    recovered: Recovered,
    anew: bool,
}

impl Worker {
    pub(super) fn take_rtp(&mut self, index: u32, packet: &mut [u8], now: Instant) {
        match self.accept(index, packet, now) {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                self.heard(index, now);
                self.hand_to_room(index, &accepted, now);
            }
            Err(reason) => self.drop_of(index, reason),
        }
    }

    /// Counts what of a peer goes no further, for the bridge and for the peer.
    pub(super) fn drop_of(&mut self, index: u32, reason: Drop) {
        self.counters.drop(reason);
        if let Some(Some(peer)) = self.peers.get_mut(index as usize) {
            peer.drops[reason as usize] = peer.drops[reason as usize].wrapping_add(1);
        }
    }

    /// Opens a packet and keeps its payload. `Ok(None)`: authentic, but nothing to forward (probing, a repeated packet).
    fn accept(
        &mut self,
        index: u32,
        packet: &mut [u8],
        now: Instant,
    ) -> Result<Option<Accepted>, Drop> {
        let up = self.ups[index as usize].as_mut().ok_or(Drop::NoKeys)?;
        let peer = self.peers[index as usize].as_mut().ok_or(Drop::NoKeys)?;
        let open = up.open.as_ref().ok_or(Drop::NoKeys)?;
        let header = RtpHeader::parse(packet).ok_or(Drop::Malformed)?;
        let known = up
            .streams
            .iter()
            .position(|stream| stream.ssrc == header.ssrc);
        let (rtp_index, length) = match known {
            Some(place) => {
                let stream = &up.streams[place];
                let rtp_index = stream
                    .extender
                    .extend(header.sequence)
                    .ok_or(Drop::Replay)?;
                if !stream.window.is_new(rtp_index) {
                    return Err(Drop::Replay);
                }
                (
                    rtp_index,
                    open.open_rtp(packet, header.header_bytes, rtp_index),
                )
            }
            // Of a stream never heard, the rollover counter is 0; nothing is remembered before authentication.
            None => {
                let rtp_index = u64::from(header.sequence);
                (
                    rtp_index,
                    open.open_rtp(packet, header.header_bytes, rtp_index),
                )
            }
        };
        let length = length.ok_or(Drop::Authentication)?;
        let packet = &packet[..length];
        let place = match known {
            Some(place) => place,
            None => {
                let role = up.identify(&header, packet).ok_or(Drop::UnknownSource)?;
                up.add_stream(UpStream {
                    ssrc: header.ssrc,
                    role,
                    extender: Extender::default(),
                    window: ReplayWindow::default(),
                });
                up.streams.len() - 1
            }
        };
        let carries = up.carries[usize::from(header.payload_type & 0x7f)];
        let stream = &mut up.streams[place];
        stream.extender.accept(rtp_index);
        stream.window.insert(rtp_index);
        let role = stream.role;
        peer.media_at = Some(now);
        up.bytes += length as u64;
        if let Some(bytes) = up
            .extensions
            .id(Extension::TransportSequence)
            .and_then(|id| header.extension(packet, id))
            && let [high, low] = *bytes
            && up.recorder.arrived(u16::from_be_bytes([high, low]), now)
        {
            // The recorder is full: the next tick sends at once.
            up.feedback_at = now.checked_sub(super::ticks::FEEDBACK_PAUSE).unwrap_or(now);
        }
        let payload = header.payload(packet).ok_or(Drop::Malformed)?;
        let (codec, red) = match (role, carries.ok_or(Drop::UnknownSource)?) {
            (Role::Media(_), Carries::Plain(codec)) | (Role::Repair(_), Carries::Repair(codec)) => {
                (codec, None)
            }
            (Role::Media(_), Carries::Red(opus)) => (Codec::Opus, Some(opus)),
            _ => return Err(Drop::Malformed),
        };
        let (layer_place, ssrc, sequence, payload) = match role {
            Role::Media(place) => (place, header.ssrc, header.sequence, payload),
            Role::Repair(place) => {
                // RFC 4588 section 4: the first two bytes are the original sequence number. Probing without payload carries none.
                let Some((original, rest)) = payload.split_at_checked(2) else {
                    return Ok(None);
                };
                let Some(layer) = &up.layers[place] else {
                    return Ok(None);
                };
                (
                    place,
                    layer.ssrc,
                    u16::from_be_bytes([original[0], original[1]]),
                    rest,
                )
            }
        };
        let source = source_at(peer.seat, layer_place);
        if source.kind() != codec.kind() {
            return Err(Drop::Malformed);
        }
        let level = up
            .extensions
            .id(Extension::AudioLevel)
            .filter(|_| source.kind() == Kind::Audio)
            .and_then(|id| header.extension(packet, id)?.first().copied())
            .map(|level| level & 0x7f);
        let extensions = up.extensions;
        let (layer, anew) = up.layer(layer_place, ssrc, now);
        let Some(place) = layer.arrivals.accept(sequence, header.timestamp, now) else {
            return Ok(None);
        };
        let mut dependency: &[u8] = &[];
        let descriptor = match (codec, red) {
            (Codec::Opus, Some(opus)) => {
                Red::parse(payload, opus, |_| {}).map_or(Descriptor::None, Descriptor::Red)
            }
            (Codec::Av1, _) => {
                let bytes = extensions
                    .id(Extension::DependencyDescriptor)
                    .and_then(|id| header.extension(packet, id));
                let read = bytes.and_then(|bytes| {
                    let structure = layer.structure.get_or_insert_with(Box::default);
                    Some((structure.read(bytes)?, bytes))
                });
                match read {
                    Some((av1, bytes)) => {
                        dependency = bytes;
                        Descriptor::Av1(av1)
                    }
                    None => Descriptor::parse(codec, payload),
                }
            }
            _ => Descriptor::parse(codec, payload),
        };
        let facts = UpPacket {
            index: layer.base + place,
            timestamp: header.timestamp,
            marker: header.marker,
            codec,
            descriptor,
            level,
            bytes: payload.len() as u16,
            place: tap::name_of(peer.id, source),
        };
        let frame = facts.descriptor.frame();
        let tally = &mut layer.tally;
        tally.count(
            payload.len(),
            header.timestamp,
            header.marker,
            frame.keyframe,
        );
        if matches!(role, Role::Repair(_)) {
            tally.repaired += 1;
            self.counters.repaired += 1;
        }
        layer.codec = codec;
        layer.highest = layer.highest.max(facts.index);
        layer.cache.insert(&facts, payload, dependency);
        let recovered = match red {
            Some(opus) => recover(layer, &facts, sequence, payload, opus, now),
            None => Recovered::default(),
        };
        let filled = recovered.iter().flatten().count();
        layer.tally.recovered += filled as u32;
        self.counters.recovered += filled as u64;
        Ok(Some(Accepted {
            source,
            facts,
            recovered,
            anew,
        }))
    }

    fn hand_to_room(&mut self, index: u32, accepted: &Accepted, now: Instant) {
        let Some((room_id, room)) = self.peers[index as usize]
            .as_ref()
            .map(|peer| (peer.room_id, peer.room))
        else {
            return;
        };
        if accepted.anew {
            let source = accepted.source;
            self.input(room_id, Input::Restarted { source }, now);
        }
        let taken = self.in_room(room, |live| {
            for lost in accepted.recovered.iter().flatten() {
                live.room.ingest(accepted.source, lost, now);
            }
            live.room.ingest(accepted.source, &accepted.facts, now)
        });
        match taken {
            Some(true) => {
                self.mark_dirty(room);
                if self.is_heard_elsewhere(room) {
                    let source = accepted.source;
                    for lost in accepted.recovered.iter().flatten() {
                        self.hand_on(index, source, lost, false);
                    }
                    self.hand_on(index, source, &accepted.facts, accepted.anew);
                }
            }
            Some(false) => self.drop_of(index, Drop::Muted),
            None => {}
        }
    }
}

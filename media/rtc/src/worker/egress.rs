//! Packets for receivers: each written once into the arena, encrypted there, and sent from there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use nhipcau_sfu::descriptor::av1::{MASK_BYTES_MAX, Structure};
use nhipcau_sfu::descriptor::{Av1, Descriptor};
use nhipcau_sfu::rewrite::{Translation, UpPacket};
use nhipcau_sfu::{Kind, Outgoing, Source};

use super::{TAP_PORT, Worker};
use crate::impair::Fate;
use crate::pacer::Waiting;
use crate::peer::{Down, Up, place_of, split};
use crate::socket::{DATAGRAM_MAX, Outbox};
use crate::srtp::OVERHEAD;
use crate::stats::Drop;
use crate::tap;

/// Fixed header, and one block of one-byte extensions with the transport-wide sequence number.
const HEADER: usize = 12;
const EXTENSION: usize = 8;
/// What a dependency descriptor adds to its own bytes: its head, a longer one of its neighbour, padding, what is said of left out layers.
const DEPENDENCY: usize = 6 + MASK_BYTES_MAX;
/// Longest payload that is forwarded: it must fit with header, repair number and protection.
const PAYLOAD_MAX: usize = DATAGRAM_MAX - HEADER - EXTENSION - DEPENDENCY - 2 - OVERHEAD;

/// What differs between a packet and its repetition.
struct Envelope {
    ssrc: u32,
    payload_type: u8,
    /// SRTP index.
    index: u64,
    /// Id of the dependency descriptor, where the m-line takes it.
    dependency_id: Option<u8>,
    /// Whether the receiver takes no copies of sound, or needs none: the primary block goes out alone.
    plain_sound: bool,
    /// Original sequence number, in front of the payload of a repetition (RFC 4588 section 4).
    original: Option<u16>,
}

/// Writes, encrypts and returns the length of one packet in `space`.
fn write(
    down: &mut Down,
    space: &mut [u8],
    envelope: &Envelope,
    packet: &UpPacket,
    translation: &Translation,
    kept: Kept<'_>,
    clock_us: u64,
) -> Option<usize> {
    let seal = down.seal.as_ref()?;
    let (payload, dependency) = split(packet, kept.payload);
    let payload = match (&packet.descriptor, envelope.plain_sound) {
        _ if translation.blank => &[],
        (Descriptor::Red(red), true) => &payload[usize::from(red.primary).min(payload.len())..],
        _ => payload,
    };
    space[1] = envelope.payload_type | u8::from(translation.marker) << 7;
    space[2..4].copy_from_slice(&(envelope.index as u16).to_be_bytes());
    space[4..8].copy_from_slice(&translation.timestamp.to_be_bytes());
    space[8..12].copy_from_slice(&envelope.ssrc.to_be_bytes());
    let mut at = HEADER;
    let transport = down.transport_next;
    let dependency_id = envelope
        .dependency_id
        .filter(|_| !dependency.is_empty() && !translation.blank);
    let mut restated = [0; u8::MAX as usize];
    let dependency = match (dependency_id, kept.structure) {
        (Some(_), Some(structure)) => {
            match structure.restate(dependency, translation.quality, &mut restated) {
                Some(length) => &restated[..length],
                None => dependency,
            }
        }
        _ => dependency,
    };
    match (down.transport_id, dependency_id) {
        (transport_id, Some(id)) => {
            space[0] = 0x90;
            let numbered = transport_id.map(|id| (id, transport));
            at += write_extensions(
                &mut space[at..],
                numbered,
                (id, dependency),
                translation.frame_number,
            );
        }
        (Some(id), None) => {
            space[0] = 0x90;
            let [high, low] = transport.to_be_bytes();
            space[at..at + EXTENSION].copy_from_slice(&[
                0xbe,
                0xde,
                0,
                1,
                id << 4 | 1,
                high,
                low,
                0,
            ]);
            at += EXTENSION;
        }
        (None, None) => space[0] = 0x80,
    }
    if down.transport_id.is_some() {
        down.transport_next = transport.wrapping_add(1);
    }
    let header_bytes = at;
    if let Some(original) = envelope.original {
        space[at..at + 2].copy_from_slice(&original.to_be_bytes());
        at += 2;
    }
    let body = &mut space[at..at + payload.len()];
    body.copy_from_slice(payload);
    if !translation.blank {
        packet
            .descriptor
            .patch(body, translation.picture_id, translation.tl0);
    }
    at += payload.len();
    let length = seal.seal_rtp(space, header_bytes, at, envelope.index);
    if down.transport_id.is_some() {
        down.estimator.sent(transport, clock_us, length as u16);
    }
    down.bytes += length as u64;
    Some(length)
}

/// Writes a block of extensions with a dependency descriptor, in the two-byte form when it is too long for the other (RFC 8285).
/// Returns its length.
fn write_extensions(
    space: &mut [u8],
    transport: Option<(u8, u16)>,
    (id, dependency): (u8, &[u8]),
    frame_number: u16,
) -> usize {
    let long = dependency.len() > 16;
    let mut at = 4;
    let mut put = |bytes: &[u8]| {
        space[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    if let Some((id, number)) = transport {
        let [high, low] = number.to_be_bytes();
        match long {
            true => put(&[id, 2, high, low]),
            false => put(&[id << 4 | 1, high, low]),
        }
    }
    let length = dependency.len() as u8;
    match long {
        true => put(&[id, length]),
        false => put(&[id << 4 | (length - 1)]),
    }
    put(dependency);
    Av1::patch(&mut space[at - dependency.len()..at], frame_number);
    let end = at.next_multiple_of(4);
    space[at..end].fill(0);
    let profile: [u8; 2] = if long { [0x10, 0x00] } else { [0xbe, 0xde] };
    space[..2].copy_from_slice(&profile);
    space[2..4].copy_from_slice(&(((end - 4) / 4) as u16).to_be_bytes());
    end
}

/// What is there of a packet besides its facts.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    /// Payload and dependency descriptor.
    pub(super) payload: &'a [u8],
    /// The templates of its stream, for AV1 with dependency descriptors.
    structure: Option<&'a Structure>,
}

pub(super) fn kept(up: &Up, source: Source, index: u64) -> Option<(&UpPacket, Kept<'_>)> {
    let layer = up.layers[place_of(source)].as_ref()?;
    let (packet, payload) = layer.cache.find(index)?;
    let structure = layer.structure.as_deref();
    (payload.len() <= PAYLOAD_MAX).then_some((packet, Kept { payload, structure }))
}

impl Worker {
    /// Hands the packets of this wake-up through their rooms to the receivers.
    pub(super) fn forward(&mut self, outbox: &mut Outbox, now: Instant) {
        self.send_catch_ups(outbox, now);
        while let Some(index) = self.dirty_rooms.pop() {
            // Outputs first: a recording is told of a new speaker before it gets its picture.
            self.carry_out(index, now);
            self.send_catch_ups(outbox, now);
            let Some(Some(live)) = self.rooms.get_mut(index as usize) else {
                continue;
            };
            live.dirty = false;
            let (room, senders, recording) = (&mut live.room, &live.peers, live.tap.as_ref());
            let (ups, downs, counters, sockets, impairments) = (
                &self.ups,
                &mut self.downs,
                &mut self.counters,
                &self.sockets,
                self.impairments,
            );
            let (scratch, paced) = (&mut self.scratch, &mut self.paced);
            let done = catch_unwind(AssertUnwindSafe(|| {
                room.drain(now, |outgoing| {
                    let sender = senders
                        .get(outgoing.source.seat() as usize)
                        .copied()
                        .flatten();
                    let Some(up) = sender.and_then(|sender| ups.get(sender as usize)?.as_ref())
                    else {
                        return;
                    };
                    let Some((_, kept)) = kept(up, outgoing.source, outgoing.packet.index) else {
                        return;
                    };
                    if outgoing.port == TAP_PORT {
                        return copy_to_tap(scratch, recording, &outgoing, kept.payload, counters);
                    }
                    let Some(Some(down)) = downs.get_mut(outgoing.port as usize) else {
                        return;
                    };
                    if outbox.is_full() {
                        outbox.flush(sockets);
                    }
                    match send_in_turn(down, outbox, paced, &outgoing, kept, now, impairments) {
                        Ok(true) => counters.forwarded += 1,
                        Ok(false) => {}
                        Err(reason) => counters.drop(reason),
                    }
                });
            }));
            if done.is_err() {
                self.room_panicked(index);
            }
        }
    }

    /// Sends a packet again, on the receiver's request. Counts it when it was still there.
    pub(super) fn send_again(
        &mut self,
        index: u32,
        slot: usize,
        sequence: u16,
        outbox: &mut Outbox,
        now: Instant,
    ) {
        let Some((room, seat)) = self.peers[index as usize]
            .as_ref()
            .map(|peer| (peer.room, peer.seat))
        else {
            return;
        };
        let Some(live) = self.rooms.get(room as usize).and_then(Option::as_ref) else {
            return;
        };
        let found = live
            .room
            .origin(seat, slot, sequence)
            .and_then(|(source, number)| {
                let sender = live.peers.get(source.seat() as usize).copied().flatten()?;
                let (packet, kept) = kept(self.ups[sender as usize].as_ref()?, source, number)?;
                let translation = live.room.again(seat, slot, source, packet)?;
                Some((packet, kept, translation))
            });
        let Some((packet, kept, translation)) = found else {
            return;
        };
        let Some(Some(down)) = self.downs.get_mut(index as usize) else {
            return;
        };
        let Some(route) = down.route else { return };
        let Some(state) = down.video.get_mut(slot) else {
            return;
        };
        let types = state.payload_types[packet.codec as usize];
        let Some(payload_type) = types.and_then(|types| types.1) else {
            return;
        };
        let envelope = Envelope {
            ssrc: state.rtx_ssrc,
            payload_type,
            index: state.rtx_index,
            dependency_id: state.dependency_id,
            plain_sound: false,
            original: Some(translation.index as u16),
        };
        state.rtx_index += 1;
        state.tally.repeated += 1;
        let clock_us = down.estimator.clock_us(now);
        if let Some(length) = write(
            down,
            outbox.space(),
            &envelope,
            packet,
            &translation,
            kept,
            clock_us,
        ) {
            self.counters.retransmitted += 1;
            down.pacer.spend(length);
            self.commit(index, &route, length, outbox, now);
        }
    }
}

/// A packet on its way out to one receiver.
pub(super) struct Going<'a> {
    pub(super) kind: Kind,
    pub(super) slot: usize,
    pub(super) packet: &'a UpPacket,
    pub(super) translation: Translation,
}

/// Sends a packet, or lets it wait for its turn and notes that in `paced`. Returns whether it was sent.
pub(super) fn send_in_turn(
    down: &mut Down,
    outbox: &mut Outbox,
    paced: &mut Vec<u32>,
    outgoing: &Outgoing<'_>,
    kept: Kept<'_>,
    now: Instant,
    impairments: bool,
) -> Result<bool, Drop> {
    let clock_us = down.estimator.clock_us(now);
    if outgoing.kind == Kind::Video {
        let estimator = &down.estimator;
        let pacer = &mut down.pacer;
        if !pacer.passes(kept.payload.len(), clock_us, || estimator.bps()) {
            if !pacer.is_waiting() {
                paced.push(outgoing.port);
            }
            let waiting = Waiting {
                source: outgoing.source,
                index: outgoing.packet.index,
                slot: outgoing.slot as u8,
                bytes: kept.payload.len() as u16,
                translation: outgoing.translation,
            };
            let held = pacer.hold(waiting);
            return if held { Ok(false) } else { Err(Drop::Paced) };
        }
    }
    let going = Going {
        kind: outgoing.kind,
        slot: outgoing.slot,
        packet: outgoing.packet,
        translation: outgoing.translation,
    };
    send(down, outbox, &going, kept, clock_us, now, impairments).map(|()| true)
}

/// Seals a packet for a receiver and puts it into the outbox.
pub(super) fn send(
    down: &mut Down,
    outbox: &mut Outbox,
    outgoing: &Going<'_>,
    kept: Kept<'_>,
    clock_us: u64,
    now: Instant,
    impairments: bool,
) -> Result<(), Drop> {
    let route = down.route.ok_or(Drop::NotValidated)?;
    let copies = down.copies;
    let slot = down
        .slots(outgoing.kind)
        .get_mut(outgoing.slot)
        .ok_or(Drop::UnknownSource)?;
    // The room gives nothing in a codec that the m-line has not; a publisher may change its codec within a batch.
    let (plain, _) =
        slot.payload_types[outgoing.packet.codec as usize].ok_or(Drop::UnknownSource)?;
    let is_red = matches!(outgoing.packet.descriptor, Descriptor::Red(_));
    let red = slot.red.filter(|_| is_red && copies);
    let payload_type = red.unwrap_or(plain);
    // The room never gives an index twice; were it wrong, this packet must not be sealed.
    if !slot.guard.insert(outgoing.translation.index) {
        return Err(Drop::Replay);
    }
    slot.packets = slot.packets.wrapping_add(1);
    slot.octets = slot.octets.wrapping_add(kept.payload.len() as u32);
    slot.tally.count(kept.payload.len(), outgoing.packet.marker);
    let envelope = Envelope {
        ssrc: slot.ssrc,
        payload_type,
        index: outgoing.translation.index,
        dependency_id: slot.dependency_id,
        plain_sound: is_red && red.is_none(),
        original: None,
    };
    let length = write(
        down,
        outbox.space(),
        &envelope,
        outgoing.packet,
        &outgoing.translation,
        kept,
        clock_us,
    )
    .ok_or(Drop::NoKeys)?;
    outbox.commit(&route, length);
    if impairments && let Some(bucket) = &mut down.impaired {
        let fate = bucket.offer(&route, outbox.last(), now);
        if fate != Fate::Pass {
            outbox.pop();
        }
        if fate == Fate::Lost {
            return Err(Drop::Impaired);
        }
    }
    Ok(())
}

/// Copies a packet in the clear to the recording; see [`crate::tap`].
fn copy_to_tap(
    scratch: &mut Vec<u8>,
    recording: Option<&std::os::unix::net::UnixDatagram>,
    outgoing: &Outgoing<'_>,
    payload: &[u8],
    counters: &mut super::Counters,
) {
    let Some(recording) = recording else { return };
    let (payload, _) = split(outgoing.packet, payload);
    // A number that stays empty is told too, or it would be waited for.
    let payload = if outgoing.translation.blank {
        &[]
    } else {
        payload
    };
    let payload = match &outgoing.packet.descriptor {
        Descriptor::Red(red) => &payload[usize::from(red.primary).min(payload.len())..],
        _ => payload,
    };
    let id = outgoing.packet.place.to_be_bytes();
    let payload_type = tap::payload_type(outgoing.packet.codec);
    let (kind, sequence, timestamp, ssrc) = match outgoing.kind {
        Kind::Audio => (
            tap::AUDIO,
            outgoing.packet.index as u16,
            outgoing.packet.timestamp,
            id,
        ),
        Kind::Video => (
            tap::VIDEO,
            outgoing.translation.index as u16,
            outgoing.translation.timestamp,
            [0, 0, 0, 1],
        ),
    };
    scratch.clear();
    scratch.push(kind);
    scratch.extend_from_slice(&id);
    scratch.extend_from_slice(&[
        0x80,
        payload_type | u8::from(outgoing.translation.marker) << 7,
    ]);
    scratch.extend_from_slice(&sequence.to_be_bytes());
    scratch.extend_from_slice(&timestamp.to_be_bytes());
    scratch.extend_from_slice(&ssrc);
    let at = scratch.len();
    scratch.extend_from_slice(payload);
    if !payload.is_empty() {
        outgoing.packet.descriptor.patch(
            &mut scratch[at..],
            outgoing.translation.picture_id,
            outgoing.translation.tl0,
        );
    }
    if recording.send(scratch).is_err() {
        counters.drop(Drop::Tap);
    }
}

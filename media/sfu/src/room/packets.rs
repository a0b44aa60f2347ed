//! The way of a packet through the room.

use std::time::Instant;

use super::seat::Seat;
use super::{Event, Output, Room};
use crate::ids::{Kind, Source, Track, TrackId};
use crate::rewrite::{Translation, UpPacket};

/// A packet for one receiver.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The receiver's port.
    pub port: u32,
    /// Audio or video.
    pub kind: Kind,
    /// The receiver's slot of that kind.
    pub slot: usize,
    /// Whose packet it is.
    pub source: Source,
    /// The packet as it came.
    pub packet: &'a UpPacket,
    /// The numbers under which it goes out.
    pub translation: Translation,
}

impl Room {
    /// Takes a packet that a peer sent and notes it for each receiver. Returns whether it may be forwarded at all; it may not when
    /// the host has muted it, or when it is of a share that nobody has allowed.
    ///
    /// The packets of one wake-up come first, then [`Self::drain`] hands them out, receiver by receiver, so that datagrams to one
    /// destination stand next to each other.
    pub fn ingest(&mut self, source: Source, packet: &UpPacket, now: Instant) -> bool {
        let (track, kind) = (source.track(), source.kind());
        let Some(Some(sender)) = self.seats.get_mut(source.seat() as usize) else {
            return false;
        };
        if sender.is_barred(track, kind) {
            return false;
        }
        let up = sender.layer_mut(source);
        let first = !up.active;
        let chosen_anew = up.note(packet, now);
        let keyframe = packet.descriptor.keyframe();
        if keyframe {
            up.keyframe_wanted = false;
        }
        if first || chosen_anew {
            up.active = true;
            sender.in_motion = true;
            self.stale = true;
            // Do not wait for the tick: the first picture of a site should not come 100 ms late.
            self.next_tick = Some(now);
        }
        // Only a microphone makes a speaker: a film on the shared screen does not take the picture from who talks about it.
        if kind == Kind::Audio && track == Track::Main && self.following.is_none() {
            self.speakers.heard(source.seat(), packet.level, now);
        }
        // A full batch goes out in order before more comes in; the caller drains at least every 128 packets.
        let place = self.batch.len() as u16;
        self.batch.push((source, *packet));
        let mut subscribers = self.take_subscribers(source);
        subscribers
            .retain(|&(seat, slot)| self.offer(seat, slot, place, source, packet, keyframe, now));
        self.give_subscribers(source, subscribers);
        true
    }

    fn take_subscribers(&mut self, source: Source) -> Vec<(u32, u8)> {
        match self.seats.get_mut(source.seat() as usize) {
            Some(Some(sender)) => std::mem::take(&mut sender.layer_mut(source).subscribers),
            _ => Vec::new(),
        }
    }

    fn give_subscribers(&mut self, source: Source, subscribers: Vec<(u32, u8)>) {
        if let Some(Some(sender)) = self.seats.get_mut(source.seat() as usize) {
            sender.layer_mut(source).subscribers = subscribers;
        }
    }

    /// Offers a packet to one subscriber. Returns whether the subscription still stands.
    #[expect(
        clippy::too_many_arguments,
        reason = "all of them are registers of the hot path"
    )]
    fn offer(
        &mut self,
        seat_index: u32,
        slot_index: u8,
        place: u16,
        source: Source,
        packet: &UpPacket,
        keyframe: bool,
        now: Instant,
    ) -> bool {
        let Some(Some(seat)) = self.seats.get_mut(seat_index as usize) else {
            return false;
        };
        let kind = source.kind();
        let Some(slot) = seat.slots(kind).get_mut(usize::from(slot_index)) else {
            return false;
        };
        if !slot.codecs.contains(packet.codec) {
            return true;
        }
        if slot.rewriter.source() != Some(source) {
            if slot.wanted != Some(source) {
                return false;
            }
            if kind == Kind::Video && !keyframe {
                return true;
            }
            let before = slot.rewriter.source();
            slot.rewriter.switch(source, slot.quality, packet, now);
            slot.waiting_since = None;
            if !before.is_some_and(|before| before.is_of(source.seat(), source.track())) {
                seat.slots_changed = true;
                self.next_tick = Some(now);
                if seat.peer.is_none() && kind == Kind::Video {
                    self.tap_turns_to(source);
                }
            }
        }
        let Some(Some(seat)) = self.seats.get_mut(seat_index as usize) else {
            return false;
        };
        if seat.connected {
            if seat.pending.is_empty() {
                self.dirty.push(seat_index);
            }
            seat.pending.push((place, kind, slot_index));
        }
        true
    }

    fn tap_turns_to(&mut self, source: Source) {
        if let Some(TrackId { peer, .. }) = self.track_id(source) {
            self.outputs
                .push_back(Output::Event(Event::TapSpeaker(peer)));
        }
    }

    /// Hands out the packets noted since the last call, receiver by receiver.
    pub fn drain(&mut self, now: Instant, mut hand: impl FnMut(Outgoing<'_>)) {
        for index in self.dirty.drain(..) {
            let Some(Some(seat)) = self.seats.get_mut(index as usize) else {
                continue;
            };
            let Seat {
                pending,
                audio,
                video,
                port,
                ..
            } = &mut **seat;
            for &(place, kind, slot) in pending.iter() {
                let slots = match kind {
                    Kind::Audio => &mut *audio,
                    Kind::Video => &mut *video,
                };
                let (source, packet) = &self.batch[usize::from(place)];
                if let Some(slot_state) = slots.get_mut(usize::from(slot))
                    && let Some(translation) = slot_state.rewriter.translate(*source, packet, now)
                {
                    hand(Outgoing {
                        port: *port,
                        kind,
                        slot: usize::from(slot),
                        source: *source,
                        packet,
                        translation,
                    });
                }
            }
            pending.clear();
        }
        self.batch.clear();
    }

    /// Which packet went out to a receiver's video slot under `sequence`; for answering a NACK.
    #[must_use]
    pub fn origin(&self, seat: u32, slot: usize, sequence: u16) -> Option<(Source, u64)> {
        self.seat(seat)?.video.get(slot)?.rewriter.origin(sequence)
    }

    /// The numbers of a packet that went out before, for sending it again.
    #[must_use]
    pub fn again(
        &self,
        seat: u32,
        slot: usize,
        source: Source,
        packet: &UpPacket,
    ) -> Option<Translation> {
        self.seat(seat)?
            .video
            .get(slot)?
            .rewriter
            .again(source, packet)
    }

    /// For a sender report: whose packets flow in a receiver's slot.
    #[must_use]
    pub fn flowing(&self, seat: u32, kind: Kind, slot: usize) -> Option<Source> {
        let seat = self.seat(seat)?;
        let slots = match kind {
            Kind::Audio => &seat.audio,
            Kind::Video => &seat.video,
        };
        slots.get(slot)?.rewriter.source()
    }

    /// For a sender report: the receiver's timestamp for a timestamp of the source that flows.
    #[must_use]
    pub fn translate_timestamp(
        &self,
        seat: u32,
        kind: Kind,
        slot: usize,
        timestamp: u32,
    ) -> Option<u32> {
        let source = self.flowing(seat, kind, slot)?;
        let seat = self.seat(seat)?;
        let slots = match kind {
            Kind::Audio => &seat.audio,
            Kind::Video => &seat.video,
        };
        slots.get(slot)?.rewriter.timestamp(source, timestamp)
    }
}

//! Who gets what: sources for slots, layers for lines, and the keyframes that a switch needs.

use std::time::{Duration, Instant};

use super::budget::Choice;
use super::seat::Seat;
use super::{Event, KEYFRAME_PAUSE, KEYFRAME_WAIT, LOWERED_PAUSE, Lowered, Mode, Output, Room};
use crate::ids::{Kind, Source, Track};
use crate::selection::Quality;

/// How long a layer that gave no keyframe is not offered.
const SHUN: Duration = Duration::from_secs(15);

impl Room {
    /// Decides what one receiver gets, and starts the switches that this needs.
    pub(super) fn assign_seat(&mut self, index: u32, now: Instant) {
        let Some(mut seat) = self.seats.get_mut(index as usize).and_then(Option::take) else {
            return;
        };
        let voices = self.choose_voices(index, &seat);
        let mut pictures = if seat.connected {
            self.choose_pictures(index, &mut seat)
        } else {
            Choice::nothing(seat.video.len())
        };
        if self.judge_line(&mut seat, pictures.first_bps, now) {
            pictures = self.choose_pictures(index, &mut seat);
        }
        if seat.withheld != pictures.withheld {
            seat.withheld = pictures.withheld;
            seat.slots_changed = true;
        }
        for (place, source) in voices.into_iter().enumerate() {
            let source = source.map(|source| (source, Quality::FULL));
            self.want(&mut seat, index, Kind::Audio, place, source, now);
        }
        for (place, source) in pictures.sources.into_iter().enumerate() {
            self.want(&mut seat, index, Kind::Video, place, source, now);
        }
        seat.lowered.judge(pictures.lowered, now);
        if let Some(codec) = pictures.foreign
            && !seat.is_foreign
        {
            self.tell_lowered(&mut seat, Lowered::Codec { codec }, now);
        }
        seat.is_foreign = pictures.foreign.is_some();
        self.seats[index as usize] = Some(seat);
    }

    /// Lets a receiver fall back to sound, or come back from it. Returns whether it did.
    fn judge_line(&mut self, seat: &mut Seat, first_bps: Option<f64>, now: Instant) -> bool {
        let Some((peer, first_bps)) = seat.peer.zip(first_bps).filter(|_| seat.connected) else {
            return false;
        };
        let bps = seat.estimate_bps;
        let turned = match seat.mode {
            Mode::SoundOnly => std::mem::take(&mut seat.fallback).is_fallen(),
            Mode::Normal | Mode::Light => seat.fallback.judge(bps, first_bps, now),
        };
        if turned {
            let on = seat.fallback.is_fallen();
            self.outputs
                .push_back(Output::Event(Event::SoundOnly { peer, on, bps }));
        }
        turned
    }

    /// Looks again at receivers whose lines have stood on the other side of their limit for a while.
    pub(super) fn judge_again(&mut self, now: Instant) {
        for index in 0..self.seats.len() {
            let pending = self.seats[index]
                .as_ref()
                .is_some_and(|seat| seat.fallback.is_pending());
            if pending {
                self.assign_seat(index as u32, now);
            }
            self.tell_lasting(index, now);
        }
    }

    /// Tells of a smaller picture that the line has been the reason of for a while.
    fn tell_lasting(&mut self, index: usize, now: Instant) {
        let Some(mut seat) = self.seats[index].take() else {
            return;
        };
        if seat.lowered.take_due(now) {
            let bps = seat.estimate_bps;
            self.tell_lowered(&mut seat, Lowered::Estimate { bps }, now);
        }
        self.seats[index] = Some(seat);
    }

    fn tell_lowered(&mut self, seat: &mut Seat, reason: Lowered, now: Instant) {
        let quiet = seat
            .lowered_at
            .is_some_and(|at| now.saturating_duration_since(at) < LOWERED_PAUSE);
        if let Some(peer) = seat.peer.filter(|_| !quiet) {
            seat.lowered_at = Some(now);
            self.outputs
                .push_back(Output::Event(Event::Lowered { peer, reason }));
        }
    }

    /// Sets what is to flow in a slot.
    fn want(
        &mut self,
        seat: &mut Seat,
        index: u32,
        kind: Kind,
        place: usize,
        wanted: Option<(Source, Quality)>,
        now: Instant,
    ) {
        let slot = &mut seat.slots(kind)[place];
        let source = wanted.map(|wanted| wanted.0);
        if let Some((source, quality)) = wanted {
            if slot.quality != quality {
                slot.quality = quality;
                slot.aimed_at = Some(now);
            }
            if slot.rewriter.source() == Some(source) {
                slot.rewriter.aim(quality);
            }
        }
        let flowing = slot.rewriter.source();
        // The picture of before goes on until the new one is there, but only while its sender may be seen.
        let keep = source.is_some()
            && flowing.is_some_and(|flowing| {
                self.seats
                    .get(flowing.seat() as usize)
                    .and_then(Option::as_ref)
                    .is_some_and(|sender| !sender.is_barred(flowing.track(), kind))
            });
        let mut silenced = false;
        if flowing.is_some() && flowing != source && !keep {
            slot.rewriter.pause();
            silenced = true;
        }
        let changed = slot.wanted != source;
        slot.wanted = source;
        let Some(source) = source else {
            slot.waiting_since = None;
            seat.slots_changed |= silenced;
            return;
        };
        let waits = slot.rewriter.source() != Some(source);
        if !waits {
            slot.waiting_since = None;
        } else if changed || slot.waiting_since.is_none() {
            slot.waiting_since = Some(now);
        }
        seat.slots_changed |= silenced;
        if changed {
            self.subscribe(source, index, place as u8);
            if waits && kind == Kind::Video && !self.catch_up(seat, index, place, source, now) {
                self.want_keyframe(source, now);
            }
        }
    }

    fn subscribe(&mut self, source: Source, seat: u32, slot: u8) {
        if let Some(Some(sender)) = self.seats.get_mut(source.seat() as usize) {
            let subscribers = &mut sender.layer_mut(source).subscribers;
            // An old entry may still be there; twice would mean that a packet goes out twice.
            if !subscribers.contains(&(seat, slot)) {
                subscribers.push((seat, slot));
            }
        }
    }

    /// Asks for a keyframe now, or as soon as the pause since the last request is over.
    pub(super) fn want_keyframe(&mut self, source: Source, now: Instant) {
        let Some(Some(sender)) = self.seats.get_mut(source.seat() as usize) else {
            return;
        };
        let port = sender.port;
        sender.in_motion = true;
        let layer = sender.layer_mut(source);
        let pausing = layer
            .requested_at
            .is_some_and(|at| now.saturating_duration_since(at) < KEYFRAME_PAUSE);
        layer.keyframe_wanted = pausing;
        if !pausing {
            layer.requested_at = Some(now);
            self.outputs.push_back(Output::KeyframeRequest {
                port,
                track: source.track(),
                layer: source.layer(),
            });
        }
    }

    /// Repeats requests while somebody waits, and tells those who waited too long.
    pub(super) fn chase_keyframes(&mut self, now: Instant) {
        let mut wanted = Vec::new();
        let mut late = Vec::new();
        for (index, seat) in self.seats.iter().enumerate() {
            let Some(seat) = seat else { continue };
            for slot in &seat.video {
                if let (Some(source), Some(since)) = (slot.wanted, slot.waiting_since) {
                    wanted.push(source);
                    if now.saturating_duration_since(since) >= KEYFRAME_WAIT {
                        late.push((index, source));
                    }
                }
                // A larger picture of a stream with layers begins with a keyframe; an encoder that gives none is not asked forever.
                if let Some(source) = slot.wanted.filter(|_| slot.is_raising())
                    && slot
                        .aimed_at
                        .is_some_and(|at| now.saturating_duration_since(at) < KEYFRAME_WAIT)
                {
                    wanted.push(source);
                }
            }
            for track in Track::ALL.into_iter().filter(|_| seat.in_motion) {
                for (layer, state) in seat.track(track).layers.iter().enumerate() {
                    if state.keyframe_wanted {
                        wanted.push(Source::new(index as u32, track, Kind::Video, layer));
                    }
                }
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        for source in wanted {
            self.want_keyframe(source, now);
        }
        for (index, source) in late {
            self.give_up_waiting(index, source, now);
        }
    }

    fn give_up_waiting(&mut self, index: usize, source: Source, now: Instant) {
        if let Some(Some(sender)) = self.seats.get_mut(source.seat() as usize) {
            sender.layer_mut(source).shunned_until = Some(now + SHUN);
            sender.in_motion = true;
        }
        if let Some(mut seat) = self.seats[index].take() {
            for slot in seat
                .video
                .iter_mut()
                .filter(|slot| slot.wanted == Some(source))
            {
                slot.waiting_since = Some(now);
            }
            self.tell_lowered(&mut seat, Lowered::NoKeyframe, now);
            self.seats[index] = Some(seat);
        }
        self.stale = true;
    }
}

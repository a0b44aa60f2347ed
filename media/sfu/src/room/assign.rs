//! Who gets what: sources for slots, layers for lines, and the keyframes that a switch needs.

use std::time::{Duration, Instant};

use super::seat::Seat;
use super::{Event, KEYFRAME_PAUSE, KEYFRAME_WAIT, LAYERS, LOWERED_PAUSE, Lowered, Output, Room};
use crate::ids::{Kind, PeerId};
use crate::rewrite::Source;

/// Set aside for sound before any picture, per audio slot: Opus at 32 kbit/s with headers and SRTP.
const VOICE_BPS: u64 = 45_000;
/// What a layer costs until it has been measured: 180p, 360p and 720p of browsers.
const LAYER_BPS: [f64; LAYERS] = [150_000.0, 500_000.0, 1_700_000.0];
/// A higher layer must fit with this margin, so that it is not left again at once.
const RAISE_MARGIN: f64 = 1.15;
/// How long a layer that gave no keyframe is not offered.
const SHUN: Duration = Duration::from_secs(15);

/// The layers chosen for one receiver.
struct Choice {
    /// By video slot.
    sources: Vec<Option<Source>>,
    lowered: bool,
}

impl Room {
    /// Decides what one receiver gets, and starts the switches that this needs.
    pub(super) fn assign_seat(&mut self, index: u32, now: Instant) {
        let Some(mut seat) = self.seats.get_mut(index as usize).and_then(Option::take) else {
            return;
        };
        let voices = self.choose_voices(index, &seat);
        let pictures = if seat.connected {
            self.choose_pictures(index, &mut seat)
        } else {
            Choice {
                sources: vec![None; seat.video.len()],
                lowered: false,
            }
        };
        for (place, source) in voices.into_iter().enumerate() {
            self.want(&mut seat, index, Kind::Audio, place, source, now);
        }
        for (place, source) in pictures.sources.into_iter().enumerate() {
            self.want(&mut seat, index, Kind::Video, place, source, now);
        }
        if pictures.lowered && !seat.is_lowered {
            let bps = seat.estimate_bps;
            self.tell_lowered(&mut seat, Lowered::Estimate { bps }, now);
        }
        seat.is_lowered = pictures.lowered;
        self.seats[index as usize] = Some(seat);
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

    /// Audio sources by slot. A receiver that is itself among the voices hears the one that is next in line instead.
    fn choose_voices(&self, index: u32, seat: &Seat) -> Vec<Option<Source>> {
        let positions = self.speakers.positions();
        let extra = positions.last().copied().flatten();
        (0..seat.audio.len())
            .map(|place| {
                let voice = positions[..positions.len() - 1]
                    .get(place)
                    .copied()
                    .flatten();
                let voice = if voice == Some(index) { extra } else { voice };
                voice
                    .filter(|voice| *voice != index && seat.connected)
                    .map(|voice| Source::new(voice, Kind::Audio, 0))
            })
            .collect()
    }

    fn choose_pictures(&self, index: u32, seat: &mut Seat) -> Choice {
        let targets = self.targets(index, seat);
        let is_copy = seat.peer.is_none();
        let mut left = if is_copy {
            f64::INFINITY
        } else {
            seat.estimate_bps
                .saturating_sub(VOICE_BPS * seat.audio.len() as u64) as f64
        };
        let mut lowered = false;
        let mut sources = vec![None; seat.video.len()];
        // Everyone's lowest layer first, the large picture before the tiles; then the large one climbs with what is left.
        for (place, target) in targets.iter().enumerate() {
            let Some(sender) =
                target.and_then(|target| self.seat(target).map(|sender| (target, sender)))
            else {
                continue;
            };
            let Some(layer) = offered(sender.1).next() else {
                continue;
            };
            let cost = cost(sender.1, layer);
            if place > 0 && cost > left {
                lowered = true;
                continue;
            }
            left = (left - cost).max(0.0);
            sources[place] = Some(Source::new(sender.0, Kind::Video, layer));
        }
        if let Some(Some(large)) = sources.first_mut()
            && let Some(sender) = self.seat(large.seat())
        {
            let now_flowing = seat.video[0].rewriter.source();
            let lowest = cost(sender, large.layer());
            let mut best = large.layer();
            let mut chosen = large.layer();
            for layer in offered(sender) {
                best = best.max(layer);
                let flows = now_flowing.is_some_and(|flowing| {
                    flowing.seat() == large.seat() && flowing.layer() >= layer
                });
                let margin = if flows { 1.0 } else { RAISE_MARGIN };
                if (cost(sender, layer) - lowest) * margin <= left {
                    chosen = chosen.max(layer);
                }
            }
            lowered |= chosen < best;
            *large = Source::new(large.seat(), Kind::Video, chosen);
        }
        Choice { sources, lowered }
    }

    /// The seat that each video slot should show.
    fn targets(&self, index: u32, seat: &mut Seat) -> Vec<Option<u32>> {
        let mut targets = vec![None; seat.video.len()];
        let Some(first) = targets.first_mut() else {
            return targets;
        };
        *first = self.large_target(index, seat);
        let wanted = seat
            .tiles
            .iter()
            .filter_map(|peer| Some((*peer, self.shown_seat(index, *peer)?)))
            .collect::<Vec<_>>();
        // A tile stays in its slot as long as it is wanted: moving it would cost a keyframe.
        for slot in &mut seat.video[1..] {
            if slot
                .target
                .is_some_and(|target| !wanted.iter().any(|(peer, _)| *peer == target))
            {
                slot.target = None;
            }
        }
        for (peer, _) in &wanted {
            let placed = seat.video[1..]
                .iter()
                .any(|slot| slot.target == Some(*peer));
            if !placed
                && let Some(free) = seat.video[1..]
                    .iter_mut()
                    .find(|slot| slot.target.is_none())
            {
                free.target = Some(*peer);
            }
        }
        for (target, slot) in targets[1..].iter_mut().zip(&seat.video[1..]) {
            *target = wanted
                .iter()
                .find(|(peer, _)| Some(*peer) == slot.target)
                .map(|(_, shown)| *shown);
        }
        targets
    }

    fn large_target(&self, index: u32, seat: &Seat) -> Option<u32> {
        if let Some(pinned) = seat.large {
            return self.shown_seat(index, pinned);
        }
        let shows = |candidate: &u32| {
            *candidate != index && self.seat(*candidate).is_some_and(Seat::has_video)
        };
        // A speaker without a camera leaves the picture where it is.
        let flowing = seat.video[0].rewriter.source().map(Source::seat);
        self.spotlight
            .and_then(|peer| self.shown_seat(index, peer))
            .or_else(|| self.speakers.speaker().filter(shows))
            .or_else(|| flowing.filter(shows))
            .or_else(|| self.speakers.previous().filter(shows))
            .or_else(|| (0..self.seats.len() as u32).find(shows))
    }

    fn shown_seat(&self, index: u32, peer: PeerId) -> Option<u32> {
        let seat = *self.by_peer.get(&peer)?;
        (seat != index && self.seat(seat).is_some_and(Seat::has_video)).then_some(seat)
    }

    /// Sets what is to flow in a slot.
    fn want(
        &mut self,
        seat: &mut Seat,
        index: u32,
        kind: Kind,
        place: usize,
        source: Option<Source>,
        now: Instant,
    ) {
        let slot = &mut seat.slots(kind)[place];
        let flowing = slot.rewriter.source();
        // The picture of before goes on until the new one is there, but only while its sender may be seen.
        let keep = source.is_some()
            && flowing.is_some_and(|flowing| {
                self.seats
                    .get(flowing.seat() as usize)
                    .and_then(Option::as_ref)
                    .is_some_and(|sender| !sender.muted[kind as usize])
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
            if waits && kind == Kind::Video {
                self.want_keyframe(source, now);
            }
        }
    }

    fn subscribe(&mut self, source: Source, seat: u32, slot: u8) {
        if let Some(Some(sender)) = self.seats.get_mut(source.seat() as usize) {
            let subscribers = &mut sender.layer_mut(source.kind(), source.layer()).subscribers;
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
        let layer = &mut sender.layers[source.layer().min(LAYERS - 1)];
        let pausing = layer
            .requested_at
            .is_some_and(|at| now.saturating_duration_since(at) < KEYFRAME_PAUSE);
        layer.keyframe_wanted = pausing;
        if !pausing {
            layer.requested_at = Some(now);
            self.outputs.push_back(Output::KeyframeRequest {
                port,
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
            }
            for (layer, state) in seat.layers.iter().enumerate() {
                if state.keyframe_wanted {
                    wanted.push(Source::new(index as u32, Kind::Video, layer));
                }
            }
        }
        wanted.sort_unstable_by_key(|source| source.0);
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
            sender.layers[source.layer().min(LAYERS - 1)].shunned_until = Some(now + SHUN);
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

/// The layers of a seat that can be given, lowest first. One that gave no keyframe counts only when there is no other.
fn offered(seat: &Seat) -> impl Iterator<Item = usize> {
    let others = seat
        .layers
        .iter()
        .any(|layer| layer.active && layer.shunned_until.is_none());
    (0..LAYERS).filter(move |&index| {
        let layer = &seat.layers[index];
        layer.active && (layer.shunned_until.is_none() || !others)
    })
}

fn cost(seat: &Seat, layer: usize) -> f64 {
    match seat.layer(Kind::Video, layer).bps {
        0.0 => LAYER_BPS[layer],
        bps => bps,
    }
}

//! What a receiver's line carries of what it should show: sound, then the chair, then the large picture, then tiles.

use super::mode::Mode;
use super::seat::Seat;
use super::targets::Shown;
use super::{LAYERS, Room, Withheld};
use crate::ids::{Kind, Source, Track, TrackId};

/// Set aside for sound before any picture, per audio slot: Opus at 32 kbit/s with headers and SRTP.
pub(super) const VOICE_BPS: u64 = 45_000;
/// What a camera's layer costs until it has been measured: 180p, 360p and 720p of browsers.
const CAMERA_BPS: [f64; LAYERS] = [150_000.0, 500_000.0, 1_700_000.0];
/// The same of a shared screen. Its layers are all of full size, since small letters must be read; the lower ones have fewer frames.
const SLIDES_BPS: [f64; LAYERS] = [300_000.0, 1_500_000.0, 2_500_000.0];
/// A higher layer must fit with this margin, so that it is not left again at once.
const RAISE_MARGIN: f64 = 1.15;

/// The layers chosen for one receiver.
pub(super) struct Choice {
    /// By video slot.
    pub(super) sources: Vec<Option<Source>>,
    pub(super) lowered: bool,
    /// What the receiver should see and does not get.
    pub(super) withheld: Vec<(TrackId, Withheld)>,
    /// What the first of its pictures costs in its lowest layer.
    pub(super) first_bps: Option<f64>,
}

impl Choice {
    /// No picture in any of `slots`.
    pub(super) fn nothing(slots: usize) -> Self {
        Self {
            sources: vec![None; slots],
            lowered: false,
            withheld: Vec::new(),
            first_bps: None,
        }
    }
}

impl Room {
    /// Fills the slots of a receiver. A recording's copy has no line that could be too narrow.
    pub(super) fn choose_pictures(&self, index: u32, seat: &mut Seat) -> Choice {
        let targets = self.targets(index, seat);
        let mut choice = Choice::nothing(targets.len());
        let mut left = if seat.peer.is_none() {
            f64::INFINITY
        } else {
            seat.estimate_bps
                .saturating_sub(VOICE_BPS * seat.audio.len() as u64) as f64
        };
        let pictures_max = seat.mode.pictures_max();
        let mut given = 0;
        for place in self.precedence(&targets) {
            let Some((number, track)) = targets[place] else {
                continue;
            };
            let Some((sender, layer)) = self
                .seat(number)
                .and_then(|sender| Some((sender, offered(sender, track).next()?)))
            else {
                continue;
            };
            let cost = cost(sender, number, track, layer);
            choice.first_bps.get_or_insert(cost);
            let withheld = if given >= pictures_max {
                Some(Withheld::Mode)
            } else if seat.fallback.is_fallen() {
                Some(Withheld::Fallen)
            // The first picture is tried on every line; if it does not pass, the line falls back to sound.
            } else if given > 0 && cost > left {
                choice.lowered = true;
                Some(Withheld::Estimate)
            } else {
                None
            };
            if let Some((why, peer)) = withheld.zip(sender.peer) {
                choice.withheld.push((TrackId { peer, track }, why));
                continue;
            }
            given += 1;
            left = (left - cost).max(0.0);
            choice.sources[place] = Some(Source::new(number, track, Kind::Video, layer));
        }
        if seat.mode == Mode::Normal {
            self.raise_large(seat, &mut choice, left);
        }
        seat.wanted_bps = self.wanted(seat, &targets);
        choice
    }

    /// What everything costs that the receiver asks for.
    fn wanted(&self, seat: &Seat, targets: &[Option<Shown>]) -> u64 {
        let voices = (VOICE_BPS * seat.audio.len() as u64) as f64;
        let pictures = targets
            .iter()
            .enumerate()
            .filter_map(|(place, target)| {
                let (number, track) = (*target)?;
                let sender = self.seat(number)?;
                let mut layers = offered(sender, track);
                let layer = if place == 0 && seat.mode == Mode::Normal {
                    layers.last()
                } else {
                    layers.next()
                }?;
                Some(cost(sender, number, track, layer) * RAISE_MARGIN)
            })
            .take(seat.mode.pictures_max());
        (voices + pictures.sum::<f64>()) as u64
    }

    /// The slots in the order in which they are filled: the chair wherever it is shown, the large picture, who is beside it, tiles.
    fn precedence(&self, targets: &[Option<Shown>]) -> Vec<usize> {
        let chair = self
            .chair
            .and_then(|peer| self.by_peer.get(&peer).copied())
            .map(|seat| (seat, Track::Main));
        let last = targets.len().saturating_sub(1);
        let shared = matches!(targets.first(), Some(Some((_, track))) if track.is_shared());
        let mut places = (0..targets.len()).collect::<Vec<_>>();
        places.sort_by_key(|&place| {
            let of_chair = chair.is_some() && targets[place] == chair;
            let beside = shared && place == last;
            (!of_chair, place > 0, !beside, place)
        });
        places
    }

    /// The large picture climbs with what is left.
    fn raise_large(&self, seat: &Seat, choice: &mut Choice, left: f64) {
        let Some(Some(large)) = choice.sources.first_mut() else {
            return;
        };
        let (number, track) = (large.seat(), large.track());
        let Some(sender) = self.seat(number) else {
            return;
        };
        let now_flowing = seat.video[0].rewriter.source();
        let lowest = cost(sender, number, track, large.layer());
        let mut best = large.layer();
        let mut chosen = large.layer();
        for layer in offered(sender, track) {
            best = best.max(layer);
            let flows = now_flowing
                .is_some_and(|flowing| flowing.is_of(number, track) && flowing.layer() >= layer);
            let margin = if flows { 1.0 } else { RAISE_MARGIN };
            if (cost(sender, number, track, layer) - lowest) * margin <= left {
                chosen = chosen.max(layer);
            }
        }
        choice.lowered |= chosen < best;
        *large = Source::new(number, track, Kind::Video, chosen);
    }
}

/// The layers of a track that can be given, lowest first. One that gave no keyframe counts only when there is no other.
fn offered(seat: &Seat, track: Track) -> impl Iterator<Item = usize> {
    let layers = &seat.track(track).layers;
    let others = layers
        .iter()
        .any(|layer| layer.active && layer.shunned_until.is_none());
    (0..LAYERS).filter(move |&index| {
        let layer = &layers[index];
        layer.active && (layer.shunned_until.is_none() || !others)
    })
}

fn cost(seat: &Seat, number: u32, track: Track, layer: usize) -> f64 {
    match seat
        .layer(Source::new(number, track, Kind::Video, layer))
        .bps
    {
        0.0 if track == Track::Slides => SLIDES_BPS[layer],
        0.0 => CAMERA_BPS[layer],
        bps => bps,
    }
}

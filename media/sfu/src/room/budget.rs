//! What a receiver's line carries of what it should show: sound, then the chair, then the large picture, then tiles.

use super::mode::Mode;
use super::seat::{Layer, Seat};
use super::targets::Shown;
use super::{LAYERS, Room, Withheld};
use crate::codec::{Codec, Codecs};
use crate::ids::{Kind, Source, Track, TrackId};
use crate::selection::Quality;

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
    pub(super) sources: Vec<Option<(Source, Quality)>>,
    pub(super) lowered: bool,
    /// What a picture comes in that its slot cannot take.
    pub(super) foreign: Option<Codec>,
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
            foreign: None,
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
        let mut large = None;
        for place in self.precedence(&targets) {
            let Some((number, track)) = targets[place] else {
                continue;
            };
            let Some(sender) = self.seat(number) else {
                continue;
            };
            let codecs = seat.video[place].codecs;
            let Some(lowest) = steps(sender, track, codecs).next() else {
                if let Some(codec) = any_codec(sender, track) {
                    choice.foreign = choice.foreign.or(Some(codec));
                    if let Some(peer) = sender.peer {
                        let withheld = (TrackId { peer, track }, Withheld::Codec);
                        choice.withheld.push(withheld);
                    }
                }
                continue;
            };
            choice.first_bps.get_or_insert(lowest.bps);
            let withheld = if given >= pictures_max {
                Some(Withheld::Mode)
            } else if seat.fallback.is_fallen() {
                Some(Withheld::Fallen)
            // The first picture is tried on every line; if it does not pass, the line falls back to sound.
            } else if given > 0 && lowest.bps > left {
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
            // The smallest picture with as many frames as the line carries.
            let step = small(sender, track, codecs)
                .filter(|step| step.bps <= left)
                .last()
                .unwrap_or(lowest);
            left = (left - step.bps).max(0.0);
            choice.sources[place] = Some((
                Source::new(number, track, Kind::Video, step.layer),
                step.quality,
            ));
            if place == 0 {
                large = Some((number, track, step));
            }
        }
        if let Some((number, track, lowest)) = large.filter(|_| seat.mode == Mode::Normal) {
            self.raise_large(seat, (number, track), lowest, &mut choice, left);
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
                let codecs = seat.video[place].codecs;
                let step = if place == 0 && seat.mode == Mode::Normal {
                    steps(sender, track, codecs).last()
                } else {
                    small(sender, track, codecs).last()
                }?;
                Some(step.bps * RAISE_MARGIN)
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
    fn raise_large(
        &self,
        seat: &Seat,
        (number, track): Shown,
        lowest: Step,
        choice: &mut Choice,
        left: f64,
    ) {
        let Some(sender) = self.seat(number) else {
            return;
        };
        let slot = &seat.video[0];
        let flowing = slot
            .rewriter
            .source()
            .filter(|flowing| flowing.is_of(number, track));
        let (mut best, mut chosen) = (lowest, lowest);
        for step in steps(sender, track, slot.codecs) {
            best = step;
            let flows = flowing.is_some_and(|flowing| {
                let now = slot.rewriter.quality();
                flowing.layer() > step.layer
                    || flowing.layer() == step.layer
                        && now.spatial >= step.quality.spatial
                        && now.temporal >= step.quality.temporal
            });
            let margin = if flows { 1.0 } else { RAISE_MARGIN };
            if (step.bps - lowest.bps) * margin <= left {
                chosen = step;
            }
        }
        choice.lowered |= chosen.layer != best.layer || chosen.quality != best.quality;
        let source = Source::new(number, track, Kind::Video, chosen.layer);
        choice.sources[0] = Some((source, chosen.quality));
    }
}

/// One way to show a track: an encoding of it, and the layers in that.
#[derive(Clone, Copy)]
struct Step {
    layer: usize,
    quality: Quality,
    bps: f64,
}

/// The encodings of a track that can be given in one of `codecs`, lowest first. One that gave no keyframe counts only when there is
/// no other.
fn offered(seat: &Seat, track: Track, codecs: Codecs) -> impl Iterator<Item = usize> {
    let layers = &seat.track(track).layers;
    let fits =
        move |layer: &Layer| layer.active && layer.codec.is_none_or(|codec| codecs.contains(codec));
    let others = layers
        .iter()
        .any(|layer| fits(layer) && layer.shunned_until.is_none());
    (0..LAYERS).filter(move |&index| {
        let layer = &layers[index];
        fits(layer) && (layer.shunned_until.is_none() || !others)
    })
}

/// What a track comes in that is sent at the moment.
fn any_codec(seat: &Seat, track: Track) -> Option<Codec> {
    let layers = &seat.track(track).layers;
    layers
        .iter()
        .find(|layer| layer.active)
        .and_then(|layer| layer.codec)
}

/// Every way to show a track, cheapest first.
fn steps(seat: &Seat, track: Track, codecs: Codecs) -> impl Iterator<Item = Step> {
    let guesses = match track {
        Track::Slides => SLIDES_BPS,
        Track::Main | Track::Document => CAMERA_BPS,
    };
    offered(seat, track, codecs)
        .enumerate()
        .flat_map(move |(place, layer)| {
            let state = &seat.track(track).layers[layer];
            let sizes = state.codec.is_none_or(|codec| codecs.takes_sizes_of(codec));
            state
                .qualities()
                .filter(move |(_, spatial, _)| sizes || *spatial == 0)
                .map(move |(mut quality, spatial, measured)| {
                    if !sizes {
                        // Also of what the encoder adds later.
                        quality.spatial = 0;
                    }
                    (quality, spatial, measured)
                })
                // Fewer frames only of the smallest: a larger picture that stutters is worth less than a small one that flows.
                .filter(move |(quality, ..)| place == 0 || quality.temporal == u8::MAX)
                .map(move |(quality, spatial, measured)| Step {
                    layer,
                    quality,
                    bps: measured.unwrap_or(guesses[(layer + spatial).min(LAYERS - 1)]),
                })
        })
}

/// The ways to show a track's smallest picture, fewest frames first.
fn small(seat: &Seat, track: Track, codecs: Codecs) -> impl Iterator<Item = Step> {
    let picture = |step: &Step| (step.layer, step.quality.spatial);
    let first = steps(seat, track, codecs).next().map(|step| picture(&step));
    steps(seat, track, codecs).take_while(move |step| Some(picture(step)) == first)
}

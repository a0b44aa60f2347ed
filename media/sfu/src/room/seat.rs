//! A seat: what a peer sends, what it receives, and what it asked for.

use std::time::{Duration, Instant};

use super::catch_up::Start;
use super::mode::{Fallback, Lowering, Mode};
use super::{LAYERS, Withheld};
use crate::codec::{Codec, Codecs};
use crate::estimate::START_BPS;
use crate::ids::{Kind, PeerId, Source, Track, TrackId};
use crate::rewrite::{Rewriter, UpPacket};
use crate::selection::Quality;

/// A layer without packets for this long is not offered to receivers.
const ACTIVE: Duration = Duration::from_millis(1_500);
/// Tiles that a view may name.
const TILES_MAX: usize = 32;

/// Spatial and temporal layers of one stream that are told apart; those above count as the highest of them.
const SPATIALS: usize = 4;
const TEMPORALS: usize = 4;
/// A part of a stream below this rate is not sent at the moment.
const PART_BPS_MIN: f64 = 500.0;

/// One spatial and temporal layer of a stream.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    bytes: u64,
    bps: f64,
    seen: bool,
}

/// A layer that a peer sends.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    /// Receiver seats and slot numbers that get or want this layer. An entry that is out of date is removed when a packet meets it.
    pub(super) subscribers: Vec<(u32, u8)>,
    pub(super) last_packet: Option<Instant>,
    pub(super) active: bool,
    pub(super) bps: f64,
    bytes: u64,
    /// The codec of its latest packet.
    pub(super) codec: Option<Codec>,
    /// Its spatial and temporal layers, when it has any.
    parts: [[Part; TEMPORALS]; SPATIALS],
    since: Option<Instant>,
    pub(super) requested_at: Option<Instant>,
    /// Somebody waits for a keyframe that has not come.
    pub(super) keyframe_wanted: bool,
    /// The latest keyframe and what came since.
    pub(super) start: Option<Start>,
    /// No keyframe came in time; not offered until then while there is another layer.
    pub(super) shunned_until: Option<Instant>,
}

impl Layer {
    /// Takes note of a packet. Returns whether what can be chosen has changed with it.
    pub(super) fn note(&mut self, packet: &UpPacket, now: Instant) -> bool {
        self.last_packet = Some(now);
        self.bytes += u64::from(packet.bytes);
        Start::note(&mut self.start, packet, now);
        let frame = packet.descriptor.frame();
        let part = &mut self.parts[usize::from(frame.spatial).min(SPATIALS - 1)]
            [usize::from(frame.temporal).min(TEMPORALS - 1)];
        part.bytes += u64::from(packet.bytes);
        let changed = !part.seen || self.codec != Some(packet.codec);
        part.seen = true;
        self.codec = Some(packet.codec);
        changed
    }

    /// What can be chosen within the stream, lowest first: temporal layers of the smallest picture, then larger pictures. Each with
    /// its spatial layer and with what it costs by measurement; `None` until there is one.
    pub(super) fn qualities(&self) -> impl Iterator<Item = (Quality, usize, Option<f64>)> + '_ {
        let spatial_top = (0..SPATIALS)
            .rev()
            .find(|spatial| self.parts[*spatial].iter().any(|part| part.seen))
            .unwrap_or(0);
        let temporal_top = (0..TEMPORALS)
            .rev()
            .find(|temporal| self.parts[0][*temporal].seen)
            .unwrap_or(0);
        let measured = self.bps > 0.0;
        // The highest stand for whatever is there, also for what the encoder adds later.
        let named = |layer: usize, top: usize| if layer == top { u8::MAX } else { layer as u8 };
        let cost = move |spatial: usize, temporal: usize| {
            measured.then(|| {
                self.parts[..=spatial]
                    .iter()
                    .flat_map(|parts| &parts[..=temporal])
                    .map(|part| part.bps)
                    .sum()
            })
        };
        let slow = (0..temporal_top).map(move |temporal| {
            let quality = Quality {
                spatial: named(0, spatial_top),
                temporal: temporal as u8,
            };
            (quality, 0, cost(0, temporal))
        });
        let whole = (0..=spatial_top).map(move |spatial| {
            let quality = Quality {
                spatial: named(spatial, spatial_top),
                temporal: u8::MAX,
            };
            (quality, spatial, cost(spatial, TEMPORALS - 1))
        });
        slow.chain(whole)
    }

    /// Returns whether the layer became active or ceased to be.
    fn measure(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let waited = now.saturating_duration_since(since);
        if waited >= Duration::from_millis(500) {
            let bps = self.bytes as f64 * 8.0 / waited.as_secs_f64();
            self.bps = if self.bps == 0.0 {
                bps
            } else {
                self.bps * 0.7 + bps * 0.3
            };
            self.bytes = 0;
            self.since = Some(now);
            for (place, part) in self.parts.iter_mut().flatten().enumerate() {
                let bps = part.bytes as f64 * 8.0 / waited.as_secs_f64();
                part.bps = if part.bps == 0.0 {
                    bps
                } else {
                    part.bps * 0.7 + bps * 0.3
                };
                part.bytes = 0;
                // The lowest is there as long as the stream is: silence and a picture at rest are next to nothing.
                if place > 0 && part.bps < PART_BPS_MIN {
                    *part = Part::default();
                }
            }
        }
        let active = self
            .last_packet
            .is_some_and(|at| now.saturating_duration_since(at) < ACTIVE);
        let reopened = self.shunned_until.is_some_and(|until| until <= now);
        if reopened {
            self.shunned_until = None;
        }
        let changed = active != self.active;
        self.active = active;
        if changed && !active {
            self.bps = 0.0;
            self.bytes = 0;
            self.since = None;
            self.parts = Default::default();
        }
        changed || reopened
    }

    /// Whether time alone can still change it.
    fn is_in_motion(&self) -> bool {
        self.active || self.keyframe_wanted || self.shunned_until.is_some()
    }
}

/// A track that a peer sends.
#[derive(Clone, Debug)]
pub(super) struct UpTrack {
    sound: Layer,
    pub(super) layers: [Layer; LAYERS],
    /// By kind: nothing of it is forwarded. The host has muted it, or nobody has allowed the share.
    pub(super) barred: [bool; 2],
    /// Shares have numbers in the order of their beginning; the newest is the one that is shown.
    pub(super) shared_as: u64,
}

impl UpTrack {
    fn new(track: Track) -> Self {
        Self {
            sound: Layer::default(),
            layers: Default::default(),
            barred: [track.is_shared(); 2],
            shared_as: 0,
        }
    }

    /// Bars sound and picture, or lets them pass. What is barred is not noted: the past of a picture ends there.
    pub(super) fn bar(&mut self, barred: [bool; 2]) {
        self.barred = barred;
        if barred[Kind::Video as usize] {
            for layer in &mut self.layers {
                layer.start = None;
            }
        }
    }

    fn layer(&self, source: Source) -> &Layer {
        match source.kind() {
            Kind::Audio => &self.sound,
            Kind::Video => &self.layers[source.layer().min(LAYERS - 1)],
        }
    }

    fn layer_mut(&mut self, source: Source) -> &mut Layer {
        match source.kind() {
            Kind::Audio => &mut self.sound,
            Kind::Video => &mut self.layers[source.layer().min(LAYERS - 1)],
        }
    }
}

/// A place in which a receiver gets one source at a time.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) rewriter: Rewriter,
    /// The picture that should be here.
    pub(super) target: Option<TrackId>,
    /// The source that is to flow; until it does, the one before may go on.
    pub(super) wanted: Option<Source>,
    /// The layers of it that are to pass, and since when.
    pub(super) quality: Quality,
    pub(super) aimed_at: Option<Instant>,
    /// What the receiver takes here.
    pub(super) codecs: Codecs,
    pub(super) waiting_since: Option<Instant>,
    /// When it last began in a source's past.
    pub(super) caught_up_at: Option<Instant>,
}

impl Slot {
    fn new(kind: Kind, first_sequence: u16) -> Self {
        let codecs = Codecs::ALL;
        Self {
            rewriter: Rewriter::new(kind.clock_hz(), first_sequence),
            target: None,
            wanted: None,
            quality: Quality::FULL,
            aimed_at: None,
            codecs,
            waiting_since: None,
            caught_up_at: None,
        }
    }

    /// Whether a larger picture of the source that flows waits for a keyframe.
    pub(super) fn is_raising(&self) -> bool {
        self.rewriter.source().is_some()
            && self.rewriter.source() == self.wanted
            && self.rewriter.quality().spatial < self.quality.spatial
    }

    /// Lets nothing of a seat pass any more. Returns whether something did.
    pub(super) fn forget_seat(&mut self, seat: u32) -> bool {
        if self.wanted.is_some_and(|source| source.seat() == seat) {
            self.wanted = None;
            self.waiting_since = None;
        }
        let flowing = self
            .rewriter
            .source()
            .is_some_and(|source| source.seat() == seat);
        if flowing {
            self.rewriter.pause();
        }
        flowing
    }
}

/// A seat in the room. The recording's copy has one too, without a peer.
pub(super) struct Seat {
    pub(super) peer: Option<PeerId>,
    pub(super) port: u32,
    pub(super) connected: bool,
    /// Something of what it sends may change with time alone. False for those who only watch: they cost nothing at a tick.
    pub(super) in_motion: bool,
    /// By [`Track`].
    pub(super) tracks: [UpTrack; Track::ALL.len()],
    pub(super) audio: Vec<Slot>,
    pub(super) video: Vec<Slot>,
    pub(super) large: Option<TrackId>,
    pub(super) tiles: Vec<TrackId>,
    pub(super) estimate_bps: u64,
    /// What it would get if its line carried everything, with the margin that a higher layer needs.
    pub(super) wanted_bps: u64,
    /// Bytes of the past that it was told in the span that began then.
    pub(super) caught_up: Option<(Instant, u32)>,
    pub(super) slots_changed: bool,
    pub(super) lowered_at: Option<Instant>,
    pub(super) lowered: Lowering,
    pub(super) mode: Mode,
    pub(super) fallback: Fallback,
    /// What it should see and does not get.
    pub(super) withheld: Vec<(TrackId, Withheld)>,
    /// A picture is missing because of its codec.
    pub(super) is_foreign: bool,
    /// Packets of the batch for this receiver: place in the batch, kind and slot.
    pub(super) pending: Vec<(u16, Kind, u8)>,
}

impl Seat {
    pub(super) fn new(peer: Option<PeerId>, port: u32) -> Self {
        Self {
            peer,
            port,
            connected: false,
            in_motion: false,
            tracks: Track::ALL.map(UpTrack::new),
            audio: Vec::new(),
            video: Vec::new(),
            large: None,
            tiles: Vec::new(),
            estimate_bps: START_BPS,
            wanted_bps: 0,
            caught_up: None,
            slots_changed: false,
            lowered_at: None,
            lowered: Lowering::default(),
            mode: Mode::default(),
            fallback: Fallback::default(),
            withheld: Vec::new(),
            is_foreign: false,
            pending: Vec::with_capacity(32),
        }
    }

    /// Gives the receiver as many slots as its offer has; those that exist go on.
    pub(super) fn fit_slots(
        &mut self,
        audio: usize,
        video: usize,
        first_sequence: &[u16],
        codecs: &[Codecs],
    ) {
        let first = |index: usize| first_sequence.get(index).copied().unwrap_or(1) & 0x7fff;
        while self.audio.len() < audio {
            self.audio
                .push(Slot::new(Kind::Audio, first(self.audio.len())));
        }
        self.audio.truncate(audio);
        while self.video.len() < video {
            self.video
                .push(Slot::new(Kind::Video, first(audio + self.video.len())));
        }
        self.video.truncate(video);
        for (place, slot) in self.audio.iter_mut().chain(&mut self.video).enumerate() {
            slot.codecs = codecs.get(place).copied().unwrap_or(Codecs::ALL);
        }
    }

    pub(super) fn set_view(&mut self, large: Option<TrackId>, tiles: &[TrackId]) {
        self.large = large;
        self.tiles.clear();
        for tile in tiles.iter().take(TILES_MAX) {
            if !self.tiles.contains(tile) {
                self.tiles.push(*tile);
            }
        }
    }

    pub(super) fn slots(&mut self, kind: Kind) -> &mut Vec<Slot> {
        match kind {
            Kind::Audio => &mut self.audio,
            Kind::Video => &mut self.video,
        }
    }

    pub(super) fn layer(&self, source: Source) -> &Layer {
        self.track(source.track()).layer(source)
    }

    pub(super) fn track(&self, track: Track) -> &UpTrack {
        &self.tracks[track as usize]
    }

    pub(super) fn layer_mut(&mut self, source: Source) -> &mut Layer {
        self.tracks[source.track() as usize].layer_mut(source)
    }

    /// Whether nothing of a kind of a track is forwarded.
    pub(super) fn is_barred(&self, track: Track, kind: Kind) -> bool {
        self.track(track).barred[kind as usize]
    }

    /// Whether there is a picture of a track that can be shown.
    pub(super) fn shows(&self, track: Track) -> bool {
        let track = self.track(track);
        !track.barred[Kind::Video as usize] && track.layers.iter().any(|layer| layer.active)
    }

    /// Whether there is sound of a track that can be heard.
    pub(super) fn sounds(&self, track: Track) -> bool {
        let track = self.track(track);
        !track.barred[Kind::Audio as usize] && track.sound.active
    }

    pub(super) fn restart(&mut self) {
        for slot in self.audio.iter_mut().chain(self.video.iter_mut()) {
            slot.rewriter.restart();
            slot.wanted = None;
            slot.waiting_since = None;
        }
        self.estimate_bps = START_BPS;
        self.fallback = Fallback::default();
        self.slots_changed = true;
    }

    pub(super) fn measure(&mut self, now: Instant) -> bool {
        if !self.in_motion {
            return false;
        }
        let mut changed = false;
        self.in_motion = false;
        for track in &mut self.tracks {
            for layer in track.layers.iter_mut().chain([&mut track.sound]) {
                changed |= layer.measure(now);
                self.in_motion |= layer.is_in_motion();
            }
        }
        changed
    }
}

//! One room: who sends what, who sees and hears whom, and in which layer.
//!
//! Decisions go through [`Room::handle_input`] and [`Room::poll_output`] like in every machine of ours. Packets do not: they pass
//! [`Room::ingest`] and [`Room::drain`], which neither allocate (once their lists have grown) nor queue outputs, because they run
//! for each packet and each receiver.

mod assign;
mod budget;
mod catch_up;
mod lead;
mod mode;
mod packets;
mod seat;
#[cfg(test)]
mod sim;
mod targets;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_shares;
mod words;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::codec::Codecs;
use crate::ids::{Kind, PeerId, Source, Track, TrackId};
use crate::rewrite::UpPacket;
use crate::speaker::{Change, Speakers};

pub use catch_up::CatchUp;
pub use lead::Lead;
pub use mode::Mode;
pub use packets::Outgoing;
use seat::Seat;
pub use words::{Event, InSlots, Input, Lowered, Output, Withheld};

/// Layers of a track, lowest first.
pub const LAYERS: usize = 3;
/// Between two looks at voices, activity and waiting receivers.
const TICK: Duration = Duration::from_millis(100);
/// Between two keyframe requests to one layer: a keyframe is ten times a delta frame, and 300 sites turn to a new speaker at once.
const KEYFRAME_PAUSE: Duration = Duration::from_secs(1);
/// How long a receiver waits for the keyframe of a layer before another layer is tried and the reason is told.
const KEYFRAME_WAIT: Duration = Duration::from_secs(4);
/// Between two notices of a lowered layer to one receiver.
const LOWERED_PAUSE: Duration = Duration::from_secs(5);

/// A live room.
pub struct Room {
    /// Boxed, because a seat is taken out of its place while it is decided for.
    seats: Vec<Option<Box<Seat>>>,
    by_peer: HashMap<PeerId, u32>,
    speakers: Speakers,
    spotlight: Option<PeerId>,
    /// Who is shown where nobody has spoken yet; looked for whenever everything is decided anew.
    showing: [Option<u32>; 2],
    chair: Option<PeerId>,
    /// Shares that have begun so far; also the number of the newest.
    shares: u64,
    /// What the leading shard decided; `None` in the shard that leads.
    following: Option<Lead>,
    lead_changed: bool,
    tap: Option<u32>,
    outputs: VecDeque<Output>,
    batch: Vec<(Source, UpPacket)>,
    dirty: Vec<u32>,
    next_tick: Option<Instant>,
    /// What everybody gets is to be decided anew.
    stale: bool,
    /// Seats for which alone it is.
    stale_seats: Vec<u32>,
    voices: usize,
}

impl Room {
    /// An empty room that passes on at most `voices` voices to each receiver.
    #[must_use]
    pub fn new(voices: usize) -> Self {
        Self {
            seats: Vec::new(),
            by_peer: HashMap::new(),
            // One more than a receiver hears, so that a speaker among them still hears as many others.
            speakers: Speakers::new(voices + 1),
            spotlight: None,
            showing: [None; 2],
            chair: None,
            shares: 0,
            following: None,
            lead_changed: false,
            tap: None,
            outputs: VecDeque::new(),
            batch: Vec::with_capacity(256),
            dirty: Vec::new(),
            next_tick: None,
            stale: false,
            stale_seats: Vec::new(),
            voices,
        }
    }

    /// Takes an input.
    pub fn handle_input(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Join {
                peer,
                port,
                slots_audio,
                slots_video,
                first_sequence,
                codecs,
            } => {
                let seat = self.join(peer, port);
                seat.fit_slots(slots_audio, slots_video, first_sequence, codecs);
                self.apply_lead();
            }
            Input::Connected { peer, on } => {
                if let Some(seat) = self.seat_mut(peer) {
                    seat.connected = on;
                    self.decide_for(peer);
                }
            }
            Input::NewKeys { peer } => {
                if let Some(seat) = self.seat_mut(peer) {
                    seat.restart();
                    self.decide_for(peer);
                }
            }
            Input::Leave { peer } => {
                if let Some(index) = self.by_peer.remove(&peer) {
                    self.vacate(index);
                }
            }
            Input::View { peer, large, tiles } => {
                if let Some(seat) = self.seat_mut(peer) {
                    seat.set_view(large, tiles);
                    self.decide_for(peer);
                }
            }
            Input::Mode { peer, mode } => {
                if let Some(seat) = self.seat_mut(peer) {
                    seat.mode = mode;
                    self.decide_for(peer);
                }
            }
            Input::Shares {
                peer,
                slides,
                document,
            } => {
                self.share(peer, Track::Slides, slides);
                self.share(peer, Track::Document, document);
            }
            Input::Chair { peer } => {
                self.chair = peer;
                self.stale = true;
                self.lead_changed = true;
            }
            Input::Muted { peer, audio, video } => self.mute(peer, audio, video),
            Input::Spotlight { peer } => {
                self.spotlight = peer;
                self.stale = true;
                self.lead_changed = true;
            }
            Input::Estimate { peer, bps } => {
                if let Some(seat) = self.seat_mut(peer) {
                    seat.estimate_bps = bps;
                    let index = self.by_peer[&peer];
                    self.assign_seat(index, now);
                }
            }
            Input::KeyframeRequest { peer, slot } => {
                let index = self.seat_index(peer);
                self.keyframe_for(index, slot, now);
            }
            Input::TapKeyframeRequest => self.keyframe_for(self.tap, 0, now),
            Input::Broken { source } | Input::Wanted { source } => self.want_keyframe(source, now),
            Input::Follow { lead } => self.follow(lead),
            Input::Restarted { source } => self.restarted(source, now),
            Input::Missed => self.forget_pasts(),
            Input::Tap { port } => self.set_tap(port),
            Input::Timeout => {}
        }
        self.settle(now);
    }

    /// Says what is to be done; drain it until [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        match self.outputs.pop_front() {
            Some(output) => output,
            None => Output::Timeout(self.next_tick),
        }
    }

    /// The number of a peer's seat, for [`Self::ingest`].
    #[must_use]
    pub fn seat_index(&self, peer: PeerId) -> Option<u32> {
        self.by_peer.get(&peer).copied()
    }

    /// Whose packets flow in the slots of a receiver.
    #[must_use]
    pub fn slots(&self, peer: PeerId) -> Option<InSlots> {
        let seat = self.seat(*self.by_peer.get(&peer)?)?;
        let shown = |slots: &[seat::Slot]| {
            slots
                .iter()
                .map(|slot| {
                    slot.rewriter
                        .source()
                        .and_then(|source| self.track_id(source))
                })
                .collect()
        };
        Some(InSlots {
            audio: shown(&seat.audio),
            video: shown(&seat.video),
            withheld: seat.withheld.clone(),
        })
    }

    /// The layer that flows in the large slot of a receiver, 0 the lowest.
    #[must_use]
    pub fn large_layer(&self, peer: PeerId) -> Option<usize> {
        let seat = self.seat(*self.by_peer.get(&peer)?)?;
        Some(seat.video.first()?.rewriter.source()?.layer())
    }

    /// What a receiver would get if its line carried everything, in bits per second, with the margin that a higher layer needs; 0 for
    /// one that has no seat.
    #[must_use]
    pub fn wanted_bps(&self, peer: PeerId) -> u64 {
        self.by_peer
            .get(&peer)
            .and_then(|index| self.seat(*index))
            .map_or(0, |seat| seat.wanted_bps)
    }

    /// Whether a receiver gets less than it wants because of its line.
    #[must_use]
    pub fn is_lowered(&self, peer: PeerId) -> bool {
        self.seat_index(peer)
            .and_then(|index| self.seat(index))
            .is_some_and(|seat| seat.lowered.is_lowered())
    }

    /// Who sends a source.
    #[must_use]
    pub fn peer_in(&self, source: Source) -> Option<PeerId> {
        self.seat(source.seat())?.peer
    }

    /// Peers that have a seat.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_peer.len()
    }

    /// Whether nobody has a seat.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_peer.is_empty()
    }

    fn join(&mut self, peer: PeerId, port: u32) -> &mut Seat {
        let index = match self.by_peer.get(&peer) {
            Some(index) => *index,
            None => {
                let index = self.free_index();
                self.by_peer.insert(peer, index);
                index
            }
        };
        self.stale_seats.push(index);
        let seat =
            self.seats[index as usize].get_or_insert_with(|| Box::new(Seat::new(Some(peer), port)));
        seat.port = port;
        // A page that comes back may have missed the last word.
        seat.slots_changed = true;
        seat
    }

    fn free_index(&mut self) -> u32 {
        let index = self
            .seats
            .iter()
            .position(Option::is_none)
            .unwrap_or_else(|| {
                self.seats.push(None);
                self.seats.len() - 1
            });
        index as u32
    }

    fn vacate(&mut self, index: u32) {
        let Some(seat) = self.seats[index as usize].take() else {
            return;
        };
        if self.speakers.remove(index)
            && let Some(peer) = seat.peer
        {
            self.outputs
                .push_back(Output::Event(Event::Speaking { peer, on: false }));
        }
        // The number may be given to another peer: nobody may go on receiving under it.
        for other in self.seats.iter_mut().flatten() {
            for slot in other.audio.iter_mut().chain(other.video.iter_mut()) {
                other.slots_changed |= slot.forget_seat(index);
            }
        }
        self.stale = true;
    }

    fn mute(&mut self, peer: PeerId, audio: bool, video: bool) {
        let Some(&index) = self.by_peer.get(&peer) else {
            return;
        };
        if let Some(seat) = self.seats[index as usize].as_mut() {
            seat.tracks[Track::Main as usize].bar([audio, video]);
        }
        if audio && self.speakers.remove(index) {
            self.outputs
                .push_back(Output::Event(Event::Speaking { peer, on: false }));
        }
        self.stale = true;
    }

    fn share(&mut self, peer: PeerId, track: Track, on: bool) {
        let next = self.shares + 1;
        let Some(shared) = self
            .seat_mut(peer)
            .map(|seat| &mut seat.tracks[track as usize])
        else {
            return;
        };
        if shared.barred == [!on; 2] {
            return;
        }
        shared.bar([!on; 2]);
        if on {
            shared.shared_as = next;
            self.shares = next;
        }
        self.stale = true;
    }

    /// Asks the source in a seat's video slot for a keyframe.
    fn keyframe_for(&mut self, seat: Option<u32>, slot: usize, now: Instant) {
        let source = seat
            .and_then(|index| self.seats[index as usize].as_ref())
            .and_then(|seat| seat.video.get(slot))
            .and_then(|slot| slot.wanted.or_else(|| slot.rewriter.source()));
        let Some(source) = source else { return };
        // Its own start over again spares the sender, and all who watch it too, another keyframe.
        let again = seat.is_some_and(|index| self.start_again(index, slot, source, now));
        if !again {
            self.want_keyframe(source, now);
        }
    }

    fn restarted(&mut self, source: Source, now: Instant) {
        for seat in self.seats.iter_mut().flatten() {
            let mut paused = false;
            for slot in seat.slots(source.kind()) {
                if slot.rewriter.source() == Some(source) {
                    slot.rewriter.pause();
                    slot.waiting_since = slot
                        .wanted
                        .filter(|_| source.kind() == Kind::Video)
                        .map(|_| now);
                    paused = true;
                }
            }
            seat.slots_changed |= paused;
        }
        if source.kind() == Kind::Video {
            if let Some(Some(sender)) = self.seats.get_mut(source.seat() as usize) {
                sender.layer_mut(source).start = None;
            }
            self.want_keyframe(source, now);
        }
    }

    fn set_tap(&mut self, port: Option<u32>) {
        if let Some(index) = self.tap.take() {
            self.vacate(index);
        }
        if let Some(port) = port {
            let index = self.free_index();
            let mut seat = Box::new(Seat::new(None, port));
            seat.connected = true;
            // Every codec: the recording says itself what it cannot decode.
            seat.fit_slots(self.voices + 1, 1, &[], &vec![Codecs::ALL; self.voices + 2]);
            self.seats[index as usize] = Some(seat);
            self.tap = Some(index);
        }
        self.stale = true;
    }

    /// Brings everything in line after an input, and does what time asks for.
    fn settle(&mut self, now: Instant) {
        if self.seats.iter().all(Option::is_none) {
            self.next_tick = None;
            return;
        }
        let ticked = self.next_tick.is_none_or(|at| at <= now);
        if ticked {
            self.next_tick = Some(now + TICK);
            self.tick(now);
        }
        let mut due = std::mem::take(&mut self.stale_seats);
        if std::mem::take(&mut self.stale) {
            due.clear();
            due.extend(0..self.seats.len() as u32);
            self.showing = self.first_showing();
        }
        for index in due.drain(..) {
            self.assign_seat(index, now);
        }
        self.stale_seats = due;
        if ticked {
            self.judge_again(now);
        }
        self.tell_slots();
        self.tell_lead();
    }

    /// What concerns nobody but this receiver has changed: three hundred sites that turn their pages must not make the room decide for
    /// three hundred each time.
    fn decide_for(&mut self, peer: PeerId) {
        self.stale_seats.extend(self.by_peer.get(&peer));
    }

    fn tick(&mut self, now: Instant) {
        let mut changes = Vec::new();
        if self.following.is_none() {
            self.speakers.settle(now, |change| changes.push(change));
        }
        for change in changes {
            match change {
                Change::Speaking { seat, on } => {
                    if let Some(peer) = self.seat(seat).and_then(|seat| seat.peer) {
                        self.outputs
                            .push_back(Output::Event(Event::Speaking { peer, on }));
                    }
                }
                Change::Speaker(seat) => {
                    let peer = seat
                        .and_then(|seat| self.seat(seat))
                        .and_then(|seat| seat.peer);
                    self.outputs.push_back(Output::Event(Event::Speaker(peer)));
                    self.stale = true;
                    self.lead_changed = true;
                }
                Change::Voices => {
                    self.stale = true;
                    self.lead_changed = true;
                }
            }
        }
        for seat in self.seats.iter_mut().flatten() {
            self.stale |= seat.measure(now);
        }
        self.chase_keyframes(now);
    }

    fn tell_slots(&mut self) {
        for seat in self.seats.iter_mut().flatten() {
            if std::mem::take(&mut seat.slots_changed)
                && let Some(peer) = seat.peer
            {
                self.outputs.push_back(Output::Event(Event::Slots { peer }));
            }
        }
    }

    fn seat(&self, index: u32) -> Option<&Seat> {
        self.seats.get(index as usize)?.as_deref()
    }

    fn seat_mut(&mut self, peer: PeerId) -> Option<&mut Seat> {
        let index = *self.by_peer.get(&peer)?;
        self.seats.get_mut(index as usize)?.as_deref_mut()
    }

    fn track_id(&self, source: Source) -> Option<TrackId> {
        let peer = self.seat(source.seat())?.peer?;
        Some(TrackId {
            peer,
            track: source.track(),
        })
    }
}

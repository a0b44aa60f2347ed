//! What each of a receiver's slots should show, before anybody asks what its line carries.

use super::Room;
use super::seat::Seat;
use crate::ids::{Kind, Source, Track, TrackId};

/// A picture of a seat.
pub(super) type Shown = (u32, Track);

impl Room {
    /// Audio sources by slot: the loudest voices, and in the last slot the sound of what is shared. That one counts against no limit
    /// of voices; a receiver with no slot to spare hears one voice less for it.
    ///
    /// A receiver that is itself among the voices hears the one that is next in line instead.
    pub(super) fn choose_voices(&self, index: u32, seat: &Seat) -> Vec<Option<Source>> {
        let positions = self.speakers.positions();
        let extra = positions.last().copied().flatten();
        let mut sources = (0..seat.audio.len())
            .map(|place| {
                let voice = positions[..positions.len() - 1]
                    .get(place)
                    .copied()
                    .flatten();
                let voice = if voice == Some(index) { extra } else { voice };
                voice
                    .filter(|voice| *voice != index && seat.connected)
                    .map(|voice| Source::new(voice, Track::Main, Kind::Audio, 0))
            })
            .collect::<Vec<_>>();
        if seat.connected
            && sources.len() > 1
            && let Some(last) = sources.last_mut()
            && let Some((sender, track)) = self.newest_share(index, Seat::sounds)
        {
            *last = Some(Source::new(sender, track, Kind::Audio, 0));
        }
        sources
    }

    /// The picture that each video slot should show.
    ///
    /// Slot 0 is the large one. While it shows something shared, the last slot shows who speaks beside it. Tiles are in between, and
    /// in the last slot too when it is free.
    pub(super) fn targets(&self, index: u32, seat: &mut Seat) -> Vec<Option<Shown>> {
        let mut targets = vec![None; seat.video.len()];
        let Some(first) = targets.first_mut() else {
            return targets;
        };
        let large = self.large_target(index, seat);
        *first = large;
        let beside = self.target_beside(index, seat, large);
        let tiles_end = targets.len() - usize::from(beside.is_some());
        if let Some(beside) = beside
            && let Some(last) = targets.last_mut()
        {
            *last = Some(beside);
            seat.video[tiles_end].target = None;
        }
        let wanted = seat
            .tiles
            .iter()
            .filter_map(|tile| Some((*tile, self.shown(index, *tile)?)))
            .filter(|(_, shown)| Some(*shown) != beside)
            .collect::<Vec<_>>();
        // A tile stays in its slot as long as it is wanted: moving it would cost a keyframe.
        for slot in &mut seat.video[1..tiles_end] {
            if slot
                .target
                .is_some_and(|target| !wanted.iter().any(|(tile, _)| *tile == target))
            {
                slot.target = None;
            }
        }
        for (tile, _) in &wanted {
            let slots = &mut seat.video[1..tiles_end];
            if !slots.iter().any(|slot| slot.target == Some(*tile))
                && let Some(free) = slots.iter_mut().find(|slot| slot.target.is_none())
            {
                free.target = Some(*tile);
            }
        }
        for (target, slot) in targets[1..tiles_end]
            .iter_mut()
            .zip(&seat.video[1..tiles_end])
        {
            *target = wanted
                .iter()
                .find(|(tile, _)| Some(*tile) == slot.target)
                .map(|(_, shown)| *shown);
        }
        targets
    }

    /// The large picture: what the receiver has pinned, else what is shared, else who is in the spotlight or speaks.
    fn large_target(&self, index: u32, seat: &Seat) -> Option<Shown> {
        if let Some(pinned) = seat.large {
            return self.shown(index, pinned);
        }
        self.newest_share(index, Seat::shows)
            .or_else(|| self.face(index, seat.video[0].rewriter.source()))
    }

    /// Who is shown beside a shared picture.
    fn target_beside(&self, index: u32, seat: &Seat, large: Option<Shown>) -> Option<Shown> {
        let last = seat.video.last().filter(|_| seat.video.len() > 1)?;
        large.filter(|(_, track)| track.is_shared())?;
        self.face(index, last.rewriter.source())
    }

    /// The camera of the spotlight, else of the speaker. A speaker without a camera leaves the picture where it is.
    fn face(&self, index: u32, flowing: Option<Source>) -> Option<Shown> {
        let shows = |candidate: &u32| {
            *candidate != index
                && self
                    .seat(*candidate)
                    .is_some_and(|seat| seat.shows(Track::Main))
        };
        let flowing = flowing
            .filter(|source| source.track() == Track::Main)
            .map(Source::seat);
        self.spotlight
            .and_then(|peer| self.by_peer.get(&peer).copied())
            .filter(shows)
            .or_else(|| self.speakers.speaker().filter(shows))
            .or_else(|| flowing.filter(shows))
            .or_else(|| self.speakers.previous().filter(shows))
            .or_else(|| self.showing.iter().flatten().copied().find(shows))
            .map(|seat| (seat, Track::Main))
    }

    /// The first two seats with a camera on: whoever one of them is, there is another to be shown to it.
    pub(super) fn first_showing(&self) -> [Option<u32>; 2] {
        let mut showing = (0u32..).zip(&self.seats).filter_map(|(index, seat)| {
            let seat = seat.as_ref()?;
            seat.shows(Track::Main).then_some(index)
        });
        [showing.next(), showing.next()]
    }

    /// The share of another seat that began last, among those of which `has` holds.
    fn newest_share(&self, index: u32, has: impl Fn(&Seat, Track) -> bool) -> Option<Shown> {
        if self.shares == 0 {
            return None;
        }
        let shared = (0u32..).zip(&self.seats).filter_map(|(number, seat)| {
            let seat = seat.as_ref().filter(|_| number != index)?;
            Track::ALL
                .into_iter()
                .filter(|track| track.is_shared() && has(seat, *track))
                .map(|track| (seat.track(track).shared_as, number, track))
                .max()
        });
        shared.max().map(|(_, number, track)| (number, track))
    }

    fn shown(&self, index: u32, id: TrackId) -> Option<Shown> {
        let seat = *self.by_peer.get(&id.peer)?;
        (seat != index && self.seat(seat).is_some_and(|seat| seat.shows(id.track)))
            .then_some((seat, id.track))
    }
}

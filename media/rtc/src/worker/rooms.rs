//! The rooms' machines: inputs in, outputs carried out, each guarded so that one room's failure is not another's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use nhipcau_sfu::{Event, Input, Lowered, Output, PeerId, RoomId, TrackId};

use super::{LiveRoom, Worker};
use crate::event::{BridgeEvent, LoweredReason, SlotUse};
use crate::stats::Drop;
use crate::tap;

impl Worker {
    /// Gives a room an input and carries out what it says.
    pub(super) fn input(&mut self, room: RoomId, input: Input<'_>, now: Instant) {
        let Some(&index) = self.room_ids.get(&room) else {
            return;
        };
        self.in_room(index, |live| live.room.handle_input(input, now));
        self.carry_out(index, now);
    }

    /// Runs `act` on a room. `None` when the room is gone, or has just failed.
    pub(super) fn in_room<T>(
        &mut self,
        index: u32,
        act: impl FnOnce(&mut LiveRoom) -> T,
    ) -> Option<T> {
        let live = self.rooms.get_mut(index as usize)?.as_mut()?;
        match catch_unwind(AssertUnwindSafe(|| act(live))) {
            Ok(value) => Some(value),
            Err(_) => {
                self.room_panicked(index);
                None
            }
        }
    }

    /// Marks a room for the next [`Self::forward`].
    pub(super) fn mark_dirty(&mut self, index: u32) {
        if let Some(Some(live)) = self.rooms.get_mut(index as usize)
            && !live.dirty
        {
            live.dirty = true;
            self.dirty_rooms.push(index);
        }
    }

    /// Carries out what a room says.
    pub(super) fn carry_out(&mut self, index: u32, now: Instant) {
        loop {
            let Some(output) = self.in_room(index, |live| {
                let output = live.room.poll_output();
                if let Output::Timeout(at) = output {
                    live.next_timeout = at;
                }
                output
            }) else {
                return;
            };
            match output {
                Output::Timeout(_) => return,
                Output::KeyframeRequest { port, track, layer } => {
                    self.request_keyframe(port, track, layer, now)
                }
                Output::CatchUp(of) => self.catch_ups.push_back((index, of)),
                Output::Lead => self.send_lead(index),
                Output::Event(event) => self.pass_on(index, event),
            }
        }
    }

    fn pass_on(&mut self, index: u32, event: Event) {
        let Some(room) = self.rooms[index as usize].as_ref().map(|live| live.id) else {
            return;
        };
        let event = match event {
            Event::Speaker(peer) => BridgeEvent::Speaker { room, peer },
            Event::Speaking { peer, on } => BridgeEvent::Speaking { room, peer, on },
            Event::Slots { peer } => match self.slots(index, room, peer) {
                Some(event) => event,
                None => return,
            },
            Event::Lowered { peer, reason } => {
                let reason = match reason {
                    Lowered::Estimate { bps } => LoweredReason::Estimate { estimate_bps: bps },
                    Lowered::NoKeyframe => LoweredReason::NoKeyframe,
                    Lowered::Codec { codec } => LoweredReason::Codec { codec },
                };
                if let Some(&place) = self.by_id.get(&peer)
                    && let Some(known) = &mut self.peers[place as usize]
                {
                    known.lowered = Some(reason);
                }
                BridgeEvent::LayerLowered { room, peer, reason }
            }
            Event::SoundOnly { peer, on, bps } => BridgeEvent::SoundOnly {
                room,
                peer,
                on,
                estimate_bps: bps,
            },
            Event::TapSpeaker(peer) => {
                self.tell_tap(index, peer);
                return;
            }
        };
        self.tell(event);
    }

    fn slots(&mut self, index: u32, room: RoomId, peer: PeerId) -> Option<BridgeEvent> {
        let users = self.in_room(index, |live| live.room.slots(peer))??;
        let down = self.downs[*self.by_id.get(&peer)? as usize].as_ref()?;
        let name = |slots: &[crate::peer::DownSlot], users: Vec<Option<TrackId>>| {
            users
                .into_iter()
                .zip(slots)
                .map(|(user, slot)| {
                    user.map(|shown| SlotUse {
                        mid: slot.mid.clone(),
                        shown,
                    })
                })
                .collect()
        };
        Some(BridgeEvent::Slots {
            room,
            peer,
            audio: name(&down.audio, users.audio),
            video: name(&down.video, users.video),
            withheld: users.withheld,
        })
    }

    fn tell_tap(&mut self, index: u32, peer: PeerId) {
        let [a, b, c, d] = (peer.0 as u32).to_be_bytes();
        let sent = self.rooms[index as usize]
            .as_ref()
            .and_then(|live| live.tap.as_ref())
            .is_some_and(|tap| tap.send(&[tap::SPEAKER, a, b, c, d]).is_ok());
        if !sent {
            self.counters.drop(Drop::Tap);
        }
    }
}

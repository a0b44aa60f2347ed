//! Pictures at once: what came of a layer since its latest keyframe, from the publisher's cache to a receiver that turns to it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use nhipcau_sfu::rewrite::UpPacket;
use nhipcau_sfu::{CatchUp, Kind, Outgoing};

use super::Worker;
use super::egress::{kept, send_in_turn};
use crate::socket::Outbox;

impl Worker {
    /// Sends what rooms have promised to receivers, before anything newer goes out to them.
    pub(super) fn send_catch_ups(&mut self, outbox: &mut Outbox, now: Instant) {
        while let Some((room, of)) = self.catch_ups.pop_front() {
            self.send_catch_up(room, &of, outbox, now);
        }
    }

    fn send_catch_up(&mut self, room: u32, of: &CatchUp, outbox: &mut Outbox, now: Instant) {
        let Some(Some(live)) = self.rooms.get_mut(room as usize) else {
            return;
        };
        let peer = |seat: u32| live.peers.get(seat as usize).copied().flatten();
        let (Some(sender), Some(receiver)) = (peer(of.source.seat()), peer(of.seat)) else {
            return;
        };
        let (Some(Some(up)), Some(Some(down))) = (
            self.ups.get(sender as usize),
            self.downs.get_mut(receiver as usize),
        ) else {
            return;
        };
        let machine = &mut live.room;
        let mut translate = |packet: &UpPacket| {
            catch_unwind(AssertUnwindSafe(|| machine.translate(of, packet, now)))
        };
        for index in of.first..=of.last {
            let Some((packet, kept)) = kept(up, of.source, index) else {
                continue;
            };
            let translation = match translate(packet) {
                Ok(Some(translation)) => translation,
                Ok(None) => continue,
                Err(_) => return self.room_panicked(room),
            };
            let outgoing = Outgoing {
                port: receiver,
                kind: Kind::Video,
                slot: of.slot,
                source: of.source,
                packet,
                translation,
            };
            if outbox.is_full() {
                outbox.flush(&self.sockets);
            }
            self.counters.caught_up += 1;
            let paced = &mut self.paced;
            let impairments = self.impairments;
            if let Err(reason) =
                send_in_turn(down, outbox, paced, &outgoing, kept, now, impairments)
            {
                self.counters.drop(reason);
            }
        }
    }
}

//! Packets that wait for their turn towards a receiver whose line would not take them at once; see [`crate::pacer`].

use std::time::{Duration, Instant};

use super::Worker;
use super::egress::{Going, kept, send};
use crate::socket::Outbox;

/// Between two looks at what waits: 5 ms of a 10 Mbit/s line are 6 kB.
pub(super) const PACE: Duration = Duration::from_millis(5);

impl Worker {
    /// Sends what has waited long enough.
    pub(super) fn release_paced(&mut self, outbox: &mut Outbox, now: Instant) {
        if self.paced.is_empty() {
            return;
        }
        let mut paced = std::mem::take(&mut self.paced);
        paced.retain(|index| self.release_to(*index, outbox, now));
        self.paced = paced;
    }

    /// Returns whether more waits.
    fn release_to(&mut self, index: u32, outbox: &mut Outbox, now: Instant) -> bool {
        let (Some(peer), Some(Some(down))) = (
            &self.peers[index as usize],
            self.downs.get_mut(index as usize),
        ) else {
            return false;
        };
        let Some(Some(live)) = self.rooms.get(peer.room as usize) else {
            return false;
        };
        let (clock_us, bps) = (down.estimator.clock_us(now), down.estimator.bps());
        while let Some(waiting) = down.pacer.next(clock_us, bps) {
            let source = waiting.source;
            let sender = live.peers.get(source.seat() as usize).copied().flatten();
            let found = sender
                .and_then(|sender| self.ups.get(sender as usize)?.as_ref())
                .and_then(|up| kept(up, source, waiting.index));
            // Gone from the cache: the receiver will ask, and be told nothing.
            let Some((packet, kept)) = found else {
                continue;
            };
            if outbox.is_full() {
                outbox.flush(&self.sockets);
            }
            let going = Going {
                kind: source.kind(),
                slot: usize::from(waiting.slot),
                packet,
                translation: waiting.translation,
            };
            match send(down, outbox, &going, kept, clock_us, now, self.impairments) {
                Ok(()) => self.counters.forwarded += 1,
                Err(reason) => self.counters.drop(reason),
            }
        }
        down.pacer.is_waiting()
    }

    /// Nothing of a seat that waits goes out any more: it has left, or was muted.
    pub(super) fn forget_paced(&mut self, room: u32, seat: u32) {
        for index in &self.paced {
            let place = *index as usize;
            if let (Some(peer), Some(down)) = (&self.peers[place], &mut self.downs[place])
                && peer.room == room
            {
                down.pacer.forget(|waiting| waiting.source.seat() == seat);
            }
        }
    }
}

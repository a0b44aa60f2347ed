//! Datagrams from one thread to another, many at a time: one wake-up and one place in a queue for all that a batch holds.
//!
//! A fixed number of buffers goes round between both ends, so that nothing is allocated once they have grown. When all of them are on
//! their way, the other end does not keep up, and datagrams are lost and counted.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::{Route, Waker};

/// Buffers of one direction.
const BATCHES: usize = 16;
/// Bytes after which a batch is handed over, however much more is to come.
const BATCH_BYTES: usize = 64 * 1024;

/// Datagrams, one behind the other.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    items: Vec<(Route, u32)>,
}

impl Batch {
    fn push(&mut self, route: &Route, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.items.push((*route, datagram.len() as u32));
    }

    /// Hands out every datagram, to be decrypted in place.
    pub(crate) fn each(&mut self, mut take: impl FnMut(&Route, &mut [u8])) {
        let mut at = 0;
        for (route, length) in &self.items {
            let end = at + *length as usize;
            take(route, &mut self.bytes[at..end]);
            at = end;
        }
    }
}

/// The end that datagrams go in at.
pub(crate) struct Entrance {
    filling: Option<Batch>,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
    waker: Waker,
    /// Datagrams that found no buffer.
    pub(crate) lost: u64,
}

/// The end that they come out at.
pub(crate) struct Exit {
    full: Receiver<Batch>,
    empty: SyncSender<Batch>,
}

/// A passage whose far end is woken by `waker`.
pub(crate) fn passage(waker: Waker) -> (Entrance, Exit) {
    let (full, filled) = sync_channel(BATCHES);
    let (emptied, empty) = sync_channel(BATCHES);
    for _ in 0..BATCHES {
        // The channel has room for all of them.
        let _ = emptied.try_send(Batch::default());
    }
    let entrance = Entrance {
        filling: None,
        full,
        empty,
        waker,
        lost: 0,
    };
    let exit = Exit {
        full: filled,
        empty: emptied,
    };
    (entrance, exit)
}

impl Entrance {
    /// Takes a copy of `datagram`; it leaves with [`Self::flush`] at the latest.
    pub(crate) fn push(&mut self, route: &Route, datagram: &[u8]) {
        if self
            .filling
            .as_ref()
            .is_some_and(|batch| batch.bytes.len() + datagram.len() > BATCH_BYTES)
        {
            self.flush();
        }
        if self.filling.is_none() {
            self.filling = self.empty.try_recv().ok();
        }
        match &mut self.filling {
            Some(batch) => batch.push(route, datagram),
            None => self.lost += 1,
        }
    }

    /// Hands over what was pushed, and wakes the other end.
    pub(crate) fn flush(&mut self) {
        let Some(batch) = self.filling.take_if(|batch| !batch.items.is_empty()) else {
            return;
        };
        match self.full.try_send(batch) {
            Ok(()) => self.waker.wake(),
            // As many places as buffers: full only when the other end has gone.
            Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) => {
                self.lost += batch.items.len() as u64;
            }
        }
    }
}

impl Exit {
    /// The next batch; give it back with [`Self::give_back`].
    pub(crate) fn take(&mut self) -> Option<Batch> {
        self.full.try_recv().ok()
    }

    /// Returns the buffer for use by the other end.
    pub(crate) fn give_back(&mut self, mut batch: Batch) {
        batch.bytes.clear();
        batch.items.clear();
        // Fails when the other end has gone: then the buffer may go too.
        let _ = self.empty.try_send(batch);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn route(port: u16) -> Route {
        Route {
            socket: 0,
            local: None,
            remote: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    #[test]
    fn datagrams_come_out_as_they_went_in() {
        let (mut entrance, mut exit) = passage(Waker::new().unwrap());
        for round in 0..100u16 {
            for number in 0..40 {
                entrance.push(&route(number), &[number as u8; 1200][..usize::from(number)]);
            }
            entrance.flush();
            let mut seen = 0;
            while let Some(mut batch) = exit.take() {
                batch.each(|from, datagram| {
                    assert_eq!(*from, route(seen), "round {round}");
                    assert!(datagram.iter().all(|byte| u16::from(*byte) == seen));
                    assert_eq!(datagram.len(), usize::from(seen));
                    seen += 1;
                });
                exit.give_back(batch);
            }
            assert_eq!(seen, 40);
        }
        assert_eq!(entrance.lost, 0);
    }

    #[test]
    fn a_far_end_that_stands_still_costs_a_bounded_amount_and_is_counted() {
        let (mut entrance, exit) = passage(Waker::new().unwrap());
        for _ in 0..10_000 {
            entrance.push(&route(1), &[0; 1000]);
        }
        entrance.flush();
        let kept = BATCHES as u64 * (BATCH_BYTES as u64 / 1000);
        assert_eq!(entrance.lost, 10_000 - kept);
        drop(exit);
        entrance.push(&route(1), &[0; 10]);
        entrance.flush();
    }
}

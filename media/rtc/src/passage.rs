//! From one thread to another, in bundles over bounded channels. The buffers of a bundle go back to where they came from and are filled
//! again: nothing is allocated for a packet, nothing is locked, and many share one wake-up.
//!
//! A far end that is behind is given larger bundles instead of more of them, so that what it may be behind by is counted in bytes: on a
//! machine without breath every wake-up brings a packet or two, and a limit of bundles alone would be a limit of milliseconds.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::mpsc::{Receiver, SyncSender, TryIter, sync_channel};

use crate::socket::Waker;

/// Bundles under way. A far end that is this far behind loses packets; they are counted.
const BUNDLES_MAX: usize = 64;
/// With so many under way the next one is filled before it follows: a far end that is behind shall not be so by many small ones.
const SMALL_MAX: usize = 8;
/// Bytes of one bundle; the next packet begins another.
const BUNDLE_BYTES: usize = 64 * 1024;
/// Packets and notes of one bundle.
const BUNDLE_ENTRIES: usize = 512;
/// Notes that wait for a far end that takes no bundles. They are a few for each peer; one that lets more wait is dead.
const NOTES_MAX: usize = 65_536;

/// Entries in their order, and the bytes that they point to.
pub(crate) struct Bundle<T> {
    pub(crate) entries: Vec<T>,
    pub(crate) bytes: Vec<u8>,
}

impl<T> Default for Bundle<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            bytes: Vec::new(),
        }
    }
}

/// Wakes a thread that sleeps, at the price of a system call only when it does.
#[derive(Clone)]
pub(crate) struct Doorbell {
    asleep: Arc<AtomicBool>,
    waker: Waker,
}

impl Doorbell {
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            asleep: Arc::new(AtomicBool::new(false)),
            waker,
        }
    }

    fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    /// Says that the thread is about to sleep. What came before must be taken after this call, or it is slept over.
    pub(crate) fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Says that the thread is awake: nobody needs to ring.
    pub(crate) fn rise(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }
}

/// The end that things go in at.
pub(crate) struct Entrance<T> {
    filling: Bundle<T>,
    /// Bundles that have come back.
    spare: Vec<Bundle<T>>,
    under_way: usize,
    full: SyncSender<Bundle<T>>,
    empty: Receiver<Bundle<T>>,
    doorbell: Doorbell,
    /// Packets that found the passage full.
    pub(crate) lost: u64,
}

/// The end that they come out at.
pub(crate) struct Exit<T> {
    full: Receiver<Bundle<T>>,
    empty: SyncSender<Bundle<T>>,
}

/// A passage whose far end `doorbell` wakes.
pub(crate) fn passage<T>(doorbell: Doorbell) -> (Entrance<T>, Exit<T>) {
    let (full, filled) = sync_channel(BUNDLES_MAX);
    let (emptied, empty) = sync_channel(BUNDLES_MAX);
    let entrance = Entrance {
        filling: Bundle::default(),
        spare: Vec::new(),
        under_way: 0,
        full,
        empty,
        doorbell,
        lost: 0,
    };
    let exit = Exit {
        full: filled,
        empty: emptied,
    };
    (entrance, exit)
}

impl<T> Entrance<T> {
    /// Takes a note, which is kept when packets are lost.
    pub(crate) fn tell(&mut self, entry: T) {
        if self.filling.entries.len() < NOTES_MAX {
            self.filling.entries.push(entry);
        }
    }

    /// Takes a copy of a packet's `bytes`: `entry` is told where they are. If the passage is full the packet is lost.
    pub(crate) fn hand(&mut self, bytes: &[u8], entry: impl FnOnce(Range<u32>) -> T) {
        let bundle = &self.filling;
        let is_full = bundle.bytes.len() + bytes.len() > BUNDLE_BYTES
            || bundle.entries.len() >= BUNDLE_ENTRIES;
        if is_full && !self.send(BUNDLES_MAX) {
            self.lost += 1;
            return;
        }
        let bundle = &mut self.filling;
        let start = bundle.bytes.len() as u32;
        bundle.bytes.extend_from_slice(bytes);
        let entry = entry(start..bundle.bytes.len() as u32);
        bundle.entries.push(entry);
    }

    /// Sends what was told and handed since the last call, but not to a far end that is behind: that gets it with more, by a later call.
    pub(crate) fn flush(&mut self) {
        if !self.filling.entries.is_empty() {
            self.send(SMALL_MAX);
        }
    }

    /// Whether something waits for a far end that is behind.
    pub(crate) fn is_holding(&self) -> bool {
        !self.filling.entries.is_empty()
    }

    /// Sends the bundle unless `most` are under way. Returns whether it did.
    fn send(&mut self, most: usize) -> bool {
        let spare = self.spare.len();
        self.spare.extend(self.empty.try_iter());
        self.under_way -= self.spare.len() - spare;
        if self.under_way >= most {
            return false;
        }
        let fresh = self.spare.pop().unwrap_or_default();
        let bundle = std::mem::replace(&mut self.filling, fresh);
        // Fails only when the other end has gone; then nobody asks for it.
        if self.full.try_send(bundle).is_ok() {
            self.under_way += 1;
            self.doorbell.ring();
        }
        true
    }
}

impl<T> Exit<T> {
    /// The bundles that have come; give each back with [`Self::give_back`].
    pub(crate) fn take(&self) -> TryIter<'_, Bundle<T>> {
        self.full.try_iter()
    }

    /// Gives a bundle back to be filled again.
    pub(crate) fn give_back(&self, mut bundle: Bundle<T>) {
        bundle.entries.clear();
        bundle.bytes.clear();
        // There is a place for every bundle under way; without the other end it may go too.
        let _ = self.empty.try_send(bundle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Thing {
        Packet(Range<u32>),
        Note(u32),
    }

    fn ends() -> (Entrance<Thing>, Exit<Thing>) {
        passage(Doorbell::new(Waker::new().unwrap()))
    }

    /// Takes everything: bundles, packets, and the notes' numbers.
    fn taken(exit: &Exit<Thing>) -> (usize, usize, Vec<u32>) {
        let (mut count, mut packets, mut notes) = (0, 0, Vec::new());
        let bundles = exit.take().collect::<Vec<_>>();
        for bundle in bundles {
            count += 1;
            for entry in &bundle.entries {
                match entry {
                    Thing::Packet(at) => {
                        let bytes = &bundle.bytes[at.start as usize..at.end as usize];
                        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
                        packets += 1;
                    }
                    Thing::Note(number) => notes.push(*number),
                }
            }
            exit.give_back(bundle);
        }
        (count, packets, notes)
    }

    #[test]
    fn bundles_arrive_whole_and_are_used_again() {
        let (mut entrance, exit) = ends();
        for round in 0..1_000u32 {
            entrance.hand(&[round as u8; 1_200], Thing::Packet);
            entrance.hand(&[!round as u8; 30], Thing::Packet);
            entrance.tell(Thing::Note(round));
            entrance.flush();
            assert_eq!(taken(&exit), (1, 2, vec![round]));
            assert!(entrance.under_way <= 1);
        }
        assert_eq!(entrance.lost, 0);
        // What does not fit into one bundle goes in several.
        for _ in 0..100 {
            entrance.hand(&[7; 1_400], Thing::Packet);
        }
        entrance.flush();
        let (bundles, packets, _) = taken(&exit);
        assert_eq!((bundles, packets), (3, 100));
    }

    #[test]
    fn a_far_end_without_breath_loses_nothing_and_gets_larger_bundles() {
        let (mut entrance, exit) = ends();
        for number in 0..1_000 {
            entrance.hand(&[1; 300], Thing::Packet);
            entrance.tell(Thing::Note(number));
            entrance.flush();
        }
        assert!(entrance.is_holding());
        let (bundles, packets, mut notes) = taken(&exit);
        assert!(bundles <= SMALL_MAX + 5, "{bundles}");
        entrance.flush();
        assert!(!entrance.is_holding());
        let (_, later, rest) = taken(&exit);
        notes.extend(rest);
        assert_eq!((packets + later, entrance.lost), (1_000, 0));
        assert!(notes.into_iter().eq(0..1_000));
    }

    #[test]
    fn a_far_end_that_stands_still_loses_packets_but_no_note_and_costs_a_bounded_amount() {
        let (mut entrance, exit) = ends();
        for number in 0..10_000 {
            entrance.hand(&[1; 1_000], Thing::Packet);
            if number % 100 == 0 {
                entrance.tell(Thing::Note(number));
            }
        }
        let held = entrance.filling.bytes.len() / 1_000;
        let (bundles, packets, mut notes) = taken(&exit);
        assert_eq!(bundles, BUNDLES_MAX);
        assert_eq!(packets, BUNDLES_MAX * (BUNDLE_BYTES / 1_000));
        assert_eq!(entrance.lost as usize, 10_000 - packets - held);
        entrance.flush();
        notes.extend(taken(&exit).2);
        assert!(notes.into_iter().eq((0..10_000).step_by(100)));
        // Without the other end nothing grows.
        drop(exit);
        for _ in 0..10_000 {
            entrance.hand(&[1; 1_000], Thing::Packet);
            entrance.flush();
        }
        assert!(entrance.filling.bytes.len() <= BUNDLE_BYTES);
    }
}

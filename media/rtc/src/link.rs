//! What the packet threads hand to each other, in bundles over bounded channels. The buffers of a bundle go back to where they came
//! from and are filled again: nothing is allocated for a packet, and nothing is locked.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use nhipcau_sfu::rewrite::UpPacket;
use nhipcau_sfu::{Lead, PeerId, Source};

use crate::peer::Marks;
use crate::socket::{Route, Waker};

/// Bundles under way between two threads. A thread that is this far behind loses packets; they are counted.
const BUNDLES_MAX: usize = 64;
/// With so many under way the next one is filled before it follows: a thread that is behind shall not be so by many small ones.
const SMALL_MAX: usize = 8;
/// Bytes of one bundle; the next packet begins another.
const BUNDLE_BYTES: usize = 64 * 1024;
/// Packets and notes of one bundle.
const BUNDLE_ENTRIES: usize = 512;
/// Notes that wait for a thread that takes no bundles. They are a few for each peer; a thread that lets more wait is dead.
const NOTES_MAX: usize = 65_536;

/// A peer as its own thread and the mirrors on others name it.
#[derive(Clone, Copy)]
pub(crate) struct Mirrored {
    /// Its number on its own thread, which may have been another's before.
    pub(crate) index: u32,
    pub(crate) peer: PeerId,
}

/// A packet that a thread has authenticated and decrypted.
pub(crate) struct Handed {
    pub(crate) of: Mirrored,
    /// The layer; its seat is that of the sender's thread.
    pub(crate) source: Source,
    /// See [`nhipcau_sfu::Input::Restarted`].
    pub(crate) anew: bool,
    pub(crate) facts: UpPacket,
    /// Where its payload is in the bundle.
    pub(crate) at: Range<u32>,
}

/// One thing that a thread tells another.
pub(crate) enum Entry {
    /// A datagram of a peer that is yours.
    Datagram {
        /// Where it came from.
        route: Route,
        /// Where its bytes are in the bundle.
        at: Range<u32>,
    },
    /// ICE has validated this address for a peer of mine (`mine`), or I no longer know it.
    Address {
        /// Index of the socket.
        socket: u8,
        /// The remote address.
        remote: SocketAddr,
        /// Whether it is mine from now on.
        mine: bool,
    },
    /// I have opened this room (by serial).
    Here { serial: u64 },
    /// A peer of mine has a seat in a room, or its marks have changed.
    Seat {
        serial: u64,
        index: u32,
        peer: PeerId,
        marks: Marks,
    },
    /// Whether I want the packets of a room's peers: only who has peers of its own there, or leads, does.
    Hears { serial: u64, on: bool },
    /// A peer of mine has left its seat.
    Unseat { index: u32 },
    /// A packet of a peer of mine.
    Packet(Handed),
    /// A publisher's report: NTP time, RTP timestamp, and when it came.
    Report {
        of: Mirrored,
        /// See [`crate::peer::place_of`].
        place: usize,
        report: (u64, u32, Instant),
    },
    /// A receiver of mine waits for a keyframe of a peer of yours.
    Keyframe {
        of: Mirrored,
        /// See [`crate::peer::place_of`].
        place: usize,
    },
    /// What I have decided for a room.
    Lead { serial: u64, lead: Box<Lead> },
    /// A room has failed.
    Failed { serial: u64 },
}

/// Entries in their order, and the bytes that they point to.
#[derive(Default)]
pub(crate) struct Bundle {
    pub(crate) entries: Vec<Entry>,
    pub(crate) bytes: Vec<u8>,
}

/// Towards one thread.
struct Out {
    filling: Bundle,
    full: SyncSender<Bundle>,
    empty: Receiver<Bundle>,
    /// Emptied ones, to be filled again.
    spare: Vec<Bundle>,
    /// Sent and not given back yet.
    under_way: usize,
    doorbell: Doorbell,
}

/// From one thread.
struct In {
    full: Receiver<Bundle>,
    empty: SyncSender<Bundle>,
}

/// Wakes a thread that sleeps, at the price of a system call only when it does.
#[derive(Clone)]
struct Doorbell {
    asleep: Arc<AtomicBool>,
    waker: Waker,
}

impl Doorbell {
    fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
    }
}

/// One thread's ends of all links.
pub(crate) struct Links {
    me: usize,
    /// By thread; none to itself.
    out: Vec<Option<Out>>,
    /// By thread; none from itself.
    into: Vec<Option<In>>,
    doorbell: Doorbell,
    /// Packets that found their link full.
    pub(crate) lost: u64,
}

impl Links {
    /// The ends of each thread, everyone linked with everyone.
    pub(crate) fn mesh(wakers: &[Waker]) -> Vec<Self> {
        let doorbells = wakers
            .iter()
            .map(|waker| Doorbell {
                asleep: Arc::new(AtomicBool::new(false)),
                waker: waker.clone(),
            })
            .collect::<Vec<_>>();
        let mut ends = doorbells
            .iter()
            .enumerate()
            .map(|(me, doorbell)| Self {
                me,
                out: doorbells.iter().map(|_| None).collect(),
                into: doorbells.iter().map(|_| None).collect(),
                doorbell: doorbell.clone(),
                lost: 0,
            })
            .collect::<Vec<_>>();
        for from in 0..ends.len() {
            for to in (0..ends.len()).filter(|to| *to != from) {
                let (full, full_end) = sync_channel(BUNDLES_MAX);
                let (empty_end, empty) = sync_channel(BUNDLES_MAX);
                ends[from].out[to] = Some(Out {
                    filling: Bundle::default(),
                    full,
                    empty,
                    spare: Vec::with_capacity(BUNDLES_MAX),
                    under_way: 0,
                    doorbell: doorbells[to].clone(),
                });
                ends[to].into[from] = Some(In {
                    full: full_end,
                    empty: empty_end,
                });
            }
        }
        ends
    }

    /// The number of this thread.
    pub(crate) fn me(&self) -> usize {
        self.me
    }

    /// The number of threads.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Tells one thread something that is no packet.
    pub(crate) fn tell(&mut self, to: usize, entry: Entry) {
        if let Some(Some(out)) = self.out.get_mut(to) {
            out.note(entry);
        }
    }

    /// Tells every other thread.
    pub(crate) fn tell_all(&mut self, entry: impl Fn() -> Entry) {
        for out in self.out.iter_mut().flatten() {
            out.note(entry());
        }
    }

    /// Hands a packet to one thread: `entry` is told where its bytes are.
    pub(crate) fn hand(
        &mut self,
        to: usize,
        bytes: &[u8],
        entry: impl FnOnce(Range<u32>) -> Entry,
    ) {
        let Some(Some(out)) = self.out.get_mut(to) else {
            return;
        };
        let bundle = &out.filling;
        let is_full = bundle.bytes.len() + bytes.len() > BUNDLE_BYTES
            || bundle.entries.len() >= BUNDLE_ENTRIES;
        if is_full && !out.send(BUNDLES_MAX) {
            self.lost += 1;
            return;
        }
        let bundle = &mut out.filling;
        let start = bundle.bytes.len() as u32;
        bundle.bytes.extend_from_slice(bytes);
        let entry = entry(start..bundle.bytes.len() as u32);
        bundle.entries.push(entry);
    }

    /// Sends what was told and handed since the last call, but to a thread that is behind: that gets it with more, by a later call.
    pub(crate) fn flush(&mut self) {
        for out in self.out.iter_mut().flatten() {
            if !out.filling.entries.is_empty() {
                out.send(SMALL_MAX);
            }
        }
    }

    /// Takes the bundles that have come, with the thread that each is from.
    pub(crate) fn collect(&self, into: &mut Vec<(usize, Bundle)>) {
        for (from, link) in self.into.iter().enumerate() {
            if let Some(link) = link {
                into.extend(link.full.try_iter().map(|bundle| (from, bundle)));
            }
        }
    }

    /// Gives a bundle back to be filled again.
    pub(crate) fn give_back(&self, from: usize, mut bundle: Bundle) {
        bundle.entries.clear();
        bundle.bytes.clear();
        if let Some(Some(link)) = self.into.get(from) {
            // There is room for as many as may be under way. Fails when the other thread has gone: then the bundle may go too.
            let _ = link.empty.try_send(bundle);
        }
    }

    /// Says that this thread is about to sleep. What came before must be collected after this call, or it is slept over.
    pub(crate) fn sleep(&self) {
        self.doorbell.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Says that this thread is awake: nobody needs to ring.
    pub(crate) fn rise(&self) {
        self.doorbell.asleep.store(false, Ordering::Relaxed);
    }
}

impl Out {
    /// Notes are kept when packets are lost.
    fn note(&mut self, entry: Entry) {
        if self.filling.entries.len() < NOTES_MAX {
            self.filling.entries.push(entry);
        }
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
        // Fails only when the other thread has gone.
        if self.full.try_send(bundle).is_ok() {
            self.under_way += 1;
            self.doorbell.ring();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Links, Links) {
        let wakers = [Waker::new().unwrap(), Waker::new().unwrap()];
        let mut ends = Links::mesh(&wakers);
        let second = ends.pop().unwrap();
        (ends.pop().unwrap(), second)
    }

    fn route() -> Route {
        Route {
            socket: 0,
            local: None,
            remote: "127.0.0.1:9".parse().unwrap(),
        }
    }

    fn hand(links: &mut Links, bytes: &[u8]) {
        links.hand(1, bytes, |at| Entry::Datagram { route: route(), at });
    }

    fn tell(links: &mut Links) {
        links.tell_all(|| Entry::Address {
            socket: 0,
            remote: route().remote,
            mine: true,
        });
    }

    fn taken(links: &Links) -> (usize, usize, usize) {
        let mut bundles = Vec::new();
        links.collect(&mut bundles);
        let mut packets = 0;
        let mut notes = 0;
        for (_, bundle) in &bundles {
            for entry in &bundle.entries {
                match entry {
                    Entry::Datagram { at, .. } => {
                        let bytes = &bundle.bytes[at.start as usize..at.end as usize];
                        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
                        packets += 1;
                    }
                    _ => notes += 1,
                }
            }
        }
        let count = bundles.len();
        for (from, bundle) in bundles {
            links.give_back(from, bundle);
        }
        (count, packets, notes)
    }

    #[test]
    fn bundles_arrive_whole_and_are_used_again() {
        let (mut first, second) = pair();
        for round in 0..1_000u32 {
            hand(&mut first, &[round as u8; 1_200]);
            hand(&mut first, &[!round as u8; 30]);
            tell(&mut first);
            first.flush();
            assert_eq!(taken(&second), (1, 2, 1));
        }
        assert_eq!(first.lost, 0);
        // What does not fit into one bundle goes in several.
        for _ in 0..100 {
            hand(&mut first, &[7; 1_400]);
        }
        first.flush();
        let (bundles, packets, _) = taken(&second);
        assert_eq!((bundles, packets), (3, 100));
    }

    #[test]
    fn a_thread_that_takes_nothing_for_a_while_gets_all_of_it_then_in_few_bundles() {
        let (mut first, second) = pair();
        for _ in 0..1_000 {
            hand(&mut first, &[1; 100]);
            tell(&mut first);
            first.flush();
        }
        assert_eq!(first.lost, 0);
        let (bundles, packets, notes) = taken(&second);
        assert!(bundles < 16, "{bundles}");
        first.flush();
        let (rest, more, noted) = taken(&second);
        assert_eq!((rest, packets + more, notes + noted), (1, 1_000, 1_000));
    }

    #[test]
    fn a_thread_that_takes_nothing_loses_packets_but_no_note() {
        let (mut first, second) = pair();
        for _ in 0..40_000 {
            hand(&mut first, &[1; 100]);
            tell(&mut first);
            first.flush();
        }
        assert!(first.lost > 20_000, "{} lost", first.lost);
        let (bundles, packets, notes) = taken(&second);
        assert_eq!(bundles, BUNDLES_MAX);
        first.flush();
        let (_, more, noted) = taken(&second);
        assert_eq!(packets + more + first.lost as usize, 40_000);
        assert_eq!(notes + noted, 40_000);
    }
}

//! What the packet threads hand to each other, and everyone's ends of the passages.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use nhipcau_sfu::rewrite::UpPacket;
use nhipcau_sfu::{Lead, PeerId, Source};

use crate::passage::{self, Doorbell, Entrance, Exit, passage};
use crate::peer::Marks;
use crate::socket::Route;

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

/// What travels between two packet threads at once.
pub(crate) type Bundle = passage::Bundle<Entry>;

/// One thread's ends of all links.
pub(crate) struct Links {
    me: usize,
    /// By thread; none to itself.
    out: Vec<Option<Entrance<Entry>>>,
    /// By thread; none from itself.
    into: Vec<Option<Exit<Entry>>>,
    doorbell: Doorbell,
}

impl Links {
    /// The ends of each thread, everyone linked with everyone; a thread is woken by its doorbell.
    pub(crate) fn mesh(doorbells: &[Doorbell]) -> Vec<Self> {
        let mut ends = doorbells
            .iter()
            .enumerate()
            .map(|(me, doorbell)| Self {
                me,
                out: doorbells.iter().map(|_| None).collect(),
                into: doorbells.iter().map(|_| None).collect(),
                doorbell: doorbell.clone(),
            })
            .collect::<Vec<_>>();
        for from in 0..ends.len() {
            for to in (0..ends.len()).filter(|to| *to != from) {
                let (entrance, exit) = passage(doorbells[to].clone());
                ends[from].out[to] = Some(entrance);
                ends[to].into[from] = Some(exit);
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
            out.tell(entry);
        }
    }

    /// Tells every other thread.
    pub(crate) fn tell_all(&mut self, entry: impl Fn() -> Entry) {
        for out in self.out.iter_mut().flatten() {
            out.tell(entry());
        }
    }

    /// Hands a packet to one thread: `entry` is told where its bytes are.
    pub(crate) fn hand(
        &mut self,
        to: usize,
        bytes: &[u8],
        entry: impl FnOnce(Range<u32>) -> Entry,
    ) {
        if let Some(Some(out)) = self.out.get_mut(to) {
            out.hand(bytes, entry);
        }
    }

    /// Sends what was told and handed since the last call.
    pub(crate) fn flush(&mut self) {
        for out in self.out.iter_mut().flatten() {
            out.flush();
        }
    }

    /// Whether something waits for a thread that is behind.
    pub(crate) fn is_holding(&self) -> bool {
        self.out.iter().flatten().any(Entrance::is_holding)
    }

    /// Packets that found their link full.
    pub(crate) fn lost(&self) -> u64 {
        self.out.iter().flatten().map(|out| out.lost).sum()
    }

    /// Takes the bundles that have come, with the thread that each is from.
    pub(crate) fn collect(&self, into: &mut Vec<(usize, Bundle)>) {
        for (from, link) in self.into.iter().enumerate() {
            if let Some(link) = link {
                into.extend(link.take().map(|bundle| (from, bundle)));
            }
        }
    }

    /// Gives a bundle back to be filled again.
    pub(crate) fn give_back(&self, from: usize, bundle: Bundle) {
        if let Some(Some(link)) = self.into.get(from) {
            link.give_back(bundle);
        }
    }

    /// Says that this thread is about to sleep. What came before must be collected after this call, or it is slept over.
    pub(crate) fn sleep(&self) {
        self.doorbell.sleep();
    }

    /// Says that this thread is awake: nobody needs to ring.
    pub(crate) fn rise(&self) {
        self.doorbell.rise();
    }
}

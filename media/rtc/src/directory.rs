//! Which thread carries which room and peer: kept by the handle, asked at commands only, never by a packet.
//!
//! The rule of spreading: a room is at home on the thread with the fewest peers when it opens, and its peers sit there until they are
//! [`crate::BridgeConfig::spread_at`]; each further one sits on the thread with the fewest peers over all rooms.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use nhipcau_sfu::{Mode, PeerId, RoomId, TrackId};

use crate::config::BridgeConfig;
use crate::error::JoinError;
use crate::event::Seating;

/// Tiles that are remembered of a view.
const TILES_MAX: usize = 32;

/// What the owner asked for a peer; it outlives the peer's connection, until the owner says that the peer has left.
#[derive(Clone, Default)]
pub(crate) struct Wishes {
    pub(crate) large: Option<TrackId>,
    pub(crate) tiles: Vec<TrackId>,
    pub(crate) muted: [bool; 2],
    pub(crate) mode: Mode,
    /// Slides and document camera.
    pub(crate) shares: [bool; 2],
}

impl Wishes {
    pub(crate) fn view(&mut self, large: Option<TrackId>, mut tiles: Vec<TrackId>) {
        tiles.truncate(TILES_MAX);
        self.large = large;
        self.tiles = tiles;
    }
}

/// What a thread no longer has. Threads only ever append here, so that none of them waits for the handle.
#[derive(Clone, Copy)]
pub(crate) enum Departure {
    /// A peer's connection is gone, and the seating it came with.
    Peer(PeerId, Seating),
    /// A room failed.
    Room(RoomId, u64),
}

/// The list of [`Departure`]s. Each seating and each opening gives one at most, and every command empties it.
#[derive(Default)]
pub(crate) struct Departures(Mutex<Vec<Departure>>);

impl Departures {
    pub(crate) fn note(&self, departure: Departure) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(departure);
    }

    fn take(&self) -> Vec<Departure> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Room {
    serial: u64,
    home: usize,
    /// Threads that have the room open, a bit each.
    members: u32,
    /// Peers by thread.
    seated: Vec<usize>,
}

struct Seat {
    room: RoomId,
    thread: usize,
    seating: Seating,
}

/// A room that a thread is to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) room: RoomId,
    /// Unlike every other opening, also of the same room.
    pub(crate) serial: u64,
    pub(crate) home: usize,
    /// Threads that have it open already, a bit each.
    pub(crate) members: u32,
}

/// Where a peer sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) thread: usize,
    /// The thread opens the room first.
    pub(crate) opening: Option<Opening>,
    /// The peer was not seated before.
    pub(crate) fresh: bool,
}

/// See the module.
pub(crate) struct Directory {
    rooms_max: usize,
    peers_max: usize,
    spread_at: usize,
    rooms: HashMap<RoomId, Room>,
    seats: HashMap<PeerId, Seat>,
    wishes: HashMap<PeerId, Wishes>,
    /// Peers by thread.
    load: Vec<usize>,
    serial: u64,
    /// Commands beyond a limit.
    pub(crate) refused: u64,
}

impl Directory {
    pub(crate) fn new(config: &BridgeConfig, threads: usize) -> Self {
        Self {
            rooms_max: config.limits.rooms_max,
            peers_max: config.limits.peers_max,
            spread_at: config.spread_at,
            rooms: HashMap::new(),
            seats: HashMap::new(),
            wishes: HashMap::new(),
            load: vec![0; threads],
            serial: 0,
            refused: 0,
        }
    }

    /// Forgets what threads no longer have. To be called before every other method.
    pub(crate) fn catch_up(&mut self, departures: &Departures) {
        for departure in departures.take() {
            match departure {
                Departure::Peer(peer, seating) => self.unseat(peer, seating),
                Departure::Room(room, serial) => {
                    if self
                        .rooms
                        .get(&room)
                        .is_some_and(|open| open.serial == serial)
                    {
                        self.close(room);
                    }
                }
            }
        }
    }

    /// A new room, and the thread that is its home; `None` when it is open already or one too many.
    pub(crate) fn open(&mut self, room: RoomId) -> Option<(usize, Opening)> {
        if self.rooms.contains_key(&room) {
            return None;
        }
        if self.rooms.len() >= self.rooms_max {
            self.refused += 1;
            return None;
        }
        self.serial += 1;
        // Rooms without peers count a little, so that rooms that are opened ahead of time spread too.
        let home = self.least(|thread| {
            let rooms = self.rooms.values().filter(|room| room.home == thread);
            (self.load[thread], rooms.count())
        });
        self.rooms.insert(
            room,
            Room {
                serial: self.serial,
                home,
                members: 1 << home,
                seated: vec![0; self.load.len()],
            },
        );
        let opening = Opening {
            room,
            serial: self.serial,
            home,
            members: 0,
        };
        Some((home, opening))
    }

    fn least<K: Ord>(&self, key: impl Fn(usize) -> K) -> usize {
        (0..self.load.len())
            .min_by_key(|thread| key(*thread))
            .unwrap_or(0)
    }

    /// Forgets a room with its peers. The threads that had it open, a bit each.
    pub(crate) fn close(&mut self, room: RoomId) -> u32 {
        let Some(closed) = self.rooms.remove(&room) else {
            return 0;
        };
        let (seats, wishes, load) = (&mut self.seats, &mut self.wishes, &mut self.load);
        seats.retain(|peer, seat| {
            if seat.room == room {
                wishes.remove(peer);
                load[seat.thread] -= 1;
            }
            seat.room != room
        });
        closed.members
    }

    /// The number of the next seating, and of no room's opening.
    pub(crate) fn next_seating(&mut self) -> Seating {
        self.serial += 1;
        Seating(self.serial)
    }

    /// A place for a peer, or the one that it has.
    pub(crate) fn seat(
        &mut self,
        room: RoomId,
        peer: PeerId,
        seating: Seating,
    ) -> Result<Placed, JoinError> {
        let Some(open) = self.rooms.get(&room) else {
            return Err(JoinError::NoSuchRoom);
        };
        if let Some(seat) = self.seats.get_mut(&peer) {
            if seat.room != room {
                return Err(JoinError::OtherRoom);
            }
            if seat.seating > seating {
                return Err(JoinError::Superseded);
            }
            seat.seating = seating;
            return Ok(Placed {
                thread: seat.thread,
                opening: None,
                fresh: false,
            });
        }
        if self.seats.len() >= self.peers_max {
            return Err(JoinError::TooManyPeers);
        }
        let home = open.home;
        let thread = if open.seated[home] < self.spread_at {
            home
        } else {
            // At equal load the home: there the room's packets need no hand-over.
            self.least(|thread| (self.load[thread], thread != home))
        };
        let Some(open) = self.rooms.get_mut(&room) else {
            return Err(JoinError::NoSuchRoom);
        };
        let opening = (open.members & 1 << thread == 0).then_some(Opening {
            room,
            serial: open.serial,
            home,
            members: open.members,
        });
        open.members |= 1 << thread;
        open.seated[thread] += 1;
        self.load[thread] += 1;
        self.seats.insert(
            peer,
            Seat {
                room,
                thread,
                seating,
            },
        );
        Ok(Placed {
            thread,
            opening,
            fresh: true,
        })
    }

    /// Forgets the seat of a peer, unless it has been seated again since.
    pub(crate) fn unseat(&mut self, peer: PeerId, seating: Seating) {
        if self
            .seats
            .get(&peer)
            .is_some_and(|seat| seat.seating == seating)
            && let Some(seat) = self.seats.remove(&peer)
        {
            self.load[seat.thread] -= 1;
            if let Some(room) = self.rooms.get_mut(&seat.room) {
                room.seated[seat.thread] -= 1;
            }
        }
    }

    /// Forgets a peer for good. The thread it sat on.
    pub(crate) fn leave(&mut self, peer: PeerId) -> Option<usize> {
        self.wishes.remove(&peer);
        let seat = self.seats.get(&peer)?;
        let (thread, seating) = (seat.thread, seat.seating);
        self.unseat(peer, seating);
        Some(thread)
    }

    /// Changes what is asked for a peer. The thread it sits on, if it has a seat.
    pub(crate) fn wish(&mut self, peer: PeerId, change: impl FnOnce(&mut Wishes)) -> Option<usize> {
        if !self.wishes.contains_key(&peer) && self.wishes.len() >= self.peers_max * 2 {
            self.refused += 1;
            return None;
        }
        change(self.wishes.entry(peer).or_default());
        self.thread_of(peer)
    }

    pub(crate) fn wishes(&self, peer: PeerId) -> Wishes {
        self.wishes.get(&peer).cloned().unwrap_or_default()
    }

    pub(crate) fn thread_of(&self, peer: PeerId) -> Option<usize> {
        self.seats.get(&peer).map(|seat| seat.thread)
    }

    pub(crate) fn home_of(&self, room: RoomId) -> Option<usize> {
        self.rooms.get(&room).map(|room| room.home)
    }

    pub(crate) fn rooms(&self) -> usize {
        self.rooms.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(threads: usize, spread_at: usize) -> Directory {
        let config = BridgeConfig {
            spread_at,
            ..BridgeConfig::default()
        };
        Directory::new(&config, threads)
    }

    fn seat(directory: &mut Directory, room: u64, peer: u64) -> Placed {
        let seating = directory.next_seating();
        directory.seat(RoomId(room), PeerId(peer), seating).unwrap()
    }

    #[test]
    fn rooms_go_where_the_fewest_peers_are() {
        let mut directory = directory(3, 100);
        let homes = [1, 2, 3, 4].map(|room| directory.open(RoomId(room)).unwrap().0);
        assert_eq!(homes, [0, 1, 2, 0], "empty rooms spread too");
        seat(&mut directory, 1, 1);
        seat(&mut directory, 2, 2);
        assert_eq!(directory.open(RoomId(5)).unwrap().0, 2);
        assert_eq!(directory.open(RoomId(5)), None, "open already");
    }

    #[test]
    fn a_large_room_spreads_over_the_least_loaded_threads() {
        let mut directory = directory(3, 4);
        directory.open(RoomId(1)).unwrap();
        let placed = (0..10)
            .map(|peer| seat(&mut directory, 1, peer))
            .collect::<Vec<_>>();
        let threads = placed
            .iter()
            .map(|placed| placed.thread)
            .collect::<Vec<_>>();
        assert_eq!(threads, [0, 0, 0, 0, 1, 2, 1, 2, 1, 2]);
        let openings = placed.iter().filter_map(|placed| placed.opening);
        assert_eq!(
            openings.map(|opening| opening.members).collect::<Vec<_>>(),
            [0b1, 0b11]
        );
        directory.leave(PeerId(5)).unwrap();
        assert_eq!(seat(&mut directory, 1, 20).thread, 2);
        assert_eq!(directory.close(RoomId(1)), 0b111);
        assert_eq!(directory.load, [0, 0, 0]);
    }

    #[test]
    fn a_departure_of_an_earlier_seating_does_not_take_the_seat_of_now() {
        let mut directory = directory(2, 4);
        let departures = Departures::default();
        directory.open(RoomId(1)).unwrap();
        let seatings = [(); 3].map(|()| directory.next_seating());
        let [first, second, third] = seatings;
        let mut seat = |seating| directory.seat(RoomId(1), PeerId(1), seating);
        assert!(seat(first).unwrap().fresh);
        assert!(!seat(third).unwrap().fresh);
        assert_eq!(
            seat(second),
            Err(JoinError::Superseded),
            "an offer that was overtaken does not come back"
        );
        departures.note(Departure::Peer(PeerId(1), first));
        directory.catch_up(&departures);
        assert_eq!(directory.thread_of(PeerId(1)), Some(0));
        departures.note(Departure::Peer(PeerId(1), third));
        departures.note(Departure::Room(RoomId(1), 99));
        directory.catch_up(&departures);
        assert_eq!(directory.thread_of(PeerId(1)), None);
        assert_eq!(directory.rooms(), 1, "another opening of that room failed");
        assert_eq!(directory.load, [0, 0]);
    }
}

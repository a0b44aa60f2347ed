//! A room on several threads. Each thread that has peers of it has a shard, and in it a seat for every peer of the others: a *mirror*,
//! which only sends. A publisher's packet is authenticated and decrypted by its own thread and handed on in the clear; keyframe requests
//! come back to the mirror's thread, where the publisher's shard asks at most once a second for all of them. The thread that is the
//! room's home leads: speaker, voices, spotlight, the recording and the room's events are decided there.

use std::time::Instant;

use nhipcau_sfu::rewrite::UpPacket;
use nhipcau_sfu::{Input, PeerId, Source};

use super::Worker;
use crate::link::{Entry, Handed, Mirrored};
use crate::peer::{Marks, Mirror, Peer, Up, place_of, source_at};

impl Worker {
    /// Whether other threads want the packets of this room.
    pub(super) fn is_heard_elsewhere(&self, room: u32) -> bool {
        matches!(self.rooms.get(room as usize), Some(Some(live)) if live.hearers != 0)
    }

    /// Tells every other thread that has the room.
    pub(super) fn tell_members(&mut self, room: u32, entry: impl Fn() -> Entry) {
        let Some(Some(live)) = self.rooms.get(room as usize) else {
            return;
        };
        for thread in threads(live.members) {
            self.links.tell(thread, entry());
        }
    }

    fn room_with(&self, serial: u64) -> Option<u32> {
        self.rooms
            .iter()
            .position(|live| live.as_ref().is_some_and(|live| live.serial == serial))
            .map(|index| index as u32)
    }

    /// Says that this thread has opened a room that others have.
    pub(super) fn greet(&mut self, room: u32) {
        let Some(Some(live)) = self.rooms.get(room as usize) else {
            return;
        };
        let serial = live.serial;
        self.tell_members(room, || Entry::Here { serial });
    }

    /// Another thread has opened a room: it is told of our peers there, and of the lead.
    pub(super) fn hear_greeting(&mut self, from: usize, serial: u64) {
        let Some(room) = self.room_with(serial) else {
            return;
        };
        let Some(Some(live)) = self.rooms.get_mut(room as usize) else {
            return;
        };
        live.members |= 1 << from;
        if live.hears {
            self.links.tell(from, Entry::Hears { serial, on: true });
        }
        for index in self.peers_of(room) {
            if let Some(entry) = self.seat_entry(index) {
                self.links.tell(from, entry);
            }
        }
        self.send_lead(room);
    }

    /// The first peer of this thread takes a seat: from now on the others' packets are of use.
    pub(super) fn begin_to_hear(&mut self, room: u32, now: Instant) {
        let Some(Some(live)) = self.rooms.get_mut(room as usize) else {
            return;
        };
        if std::mem::replace(&mut live.hears, true) {
            return;
        }
        let serial = live.serial;
        // What came between was not heard.
        self.in_room(room, |live| live.room.handle_input(Input::Missed, now));
        self.tell_members(room, || Entry::Hears { serial, on: true });
    }

    /// The last peer of this thread has left: nobody here receives what the others send. The home goes on, for it decides and records.
    pub(super) fn cease_to_hear(&mut self, room: u32) {
        let me = self.links.me();
        let of_room = |peer: &Option<Peer>| peer.as_ref().is_some_and(|peer| peer.room == room);
        if self.peers.iter().any(of_room) {
            return;
        }
        let Some(Some(live)) = self.rooms.get_mut(room as usize) else {
            return;
        };
        if live.home != me && std::mem::replace(&mut live.hears, false) {
            let serial = live.serial;
            self.tell_members(room, || Entry::Hears { serial, on: false });
        }
    }

    pub(super) fn hear_of_hearer(&mut self, from: usize, serial: u64, on: bool) {
        let Some(room) = self.room_with(serial) else {
            return;
        };
        if let Some(Some(live)) = self.rooms.get_mut(room as usize) {
            live.hearers = live.hearers & !(1 << from) | u32::from(on) << from;
        }
    }

    fn seat_entry(&self, index: u32) -> Option<Entry> {
        let peer = self.peers[index as usize].as_ref()?;
        let live = self.rooms.get(peer.room as usize)?.as_ref()?;
        Some(Entry::Seat {
            serial: live.serial,
            index,
            peer: peer.id,
            marks: peer.marks,
        })
    }

    /// Tells the other threads of a peer that has sat down, or of its marks.
    pub(super) fn announce_seat(&mut self, index: u32) {
        let Some(room) = self.peers[index as usize].as_ref().map(|peer| peer.room) else {
            return;
        };
        let Some(Some(live)) = self.rooms.get(room as usize) else {
            return;
        };
        for thread in threads(live.members) {
            if let Some(entry) = self.seat_entry(index) {
                self.links.tell(thread, entry);
            }
        }
    }

    /// Tells the other threads what this one has decided, if it is the room's home.
    pub(super) fn send_lead(&mut self, room: u32) {
        let me = self.links.me();
        let Some(Some(live)) = self.rooms.get(room as usize) else {
            return;
        };
        if live.home != me || live.members == 0 {
            return;
        }
        let serial = live.serial;
        if let Some(lead) = self.in_room(room, |live| live.room.lead()) {
            self.tell_members(room, || Entry::Lead {
                serial,
                lead: Box::new(lead.clone()),
            });
        }
    }

    pub(super) fn hear_lead(&mut self, serial: u64, lead: &nhipcau_sfu::Lead, now: Instant) {
        if let Some(room) = self.room_with(serial) {
            self.in_room(room, |live| {
                live.room.handle_input(Input::Follow { lead }, now);
            });
            self.carry_out(room, now);
        }
    }

    /// A peer of another thread has sat down there, or its marks have changed.
    pub(super) fn hear_of_seat(
        &mut self,
        from: usize,
        serial: u64,
        remote: u32,
        peer: PeerId,
        marks: Marks,
        now: Instant,
    ) {
        let Some(room) = self.room_with(serial) else {
            return;
        };
        let known = self
            .mirror(from, remote)
            .filter(|(_, mirror)| mirror.peer == peer && mirror.room == room);
        if known.is_none() {
            self.remove_mirror(from, remote, now);
            self.add_mirror(from, remote, room, peer, now);
        } else if let Some((_, mirror)) = known {
            self.forget_paced(room, mirror.seat);
        }
        let ([audio, video], [slides, document]) = marks;
        self.in_room(room, |live| {
            let muted = Input::Muted { peer, audio, video };
            live.room.handle_input(muted, now);
            let shares = Input::Shares {
                peer,
                slides,
                document,
            };
            live.room.handle_input(shares, now);
        });
        self.carry_out(room, now);
    }

    fn add_mirror(&mut self, from: usize, remote: u32, room: u32, peer: PeerId, now: Instant) {
        let place = self.free_place();
        let input = Input::Join {
            peer,
            port: place as u32,
            slots_audio: 0,
            slots_video: 0,
            first_sequence: &[],
            codecs: &[],
        };
        let seat = self.in_room(room, |live| {
            live.room.handle_input(input, now);
            let seat = live.room.seat_index(peer)?;
            live.put(seat, place as u32);
            Some(seat)
        });
        let Some(seat) = seat.flatten() else { return };
        self.ups[place] = Some(Up::mirror(
            Mirror {
                thread: from,
                index: remote,
                peer,
                room,
                seat,
            },
            now,
        ));
        let places = &mut self.mirrors[from];
        if places.len() <= remote as usize {
            places.resize(remote as usize + 1, None);
        }
        places[remote as usize] = Some(place as u32);
        self.carry_out(room, now);
    }

    /// The place of a mirror, and what it mirrors.
    fn mirror(&self, from: usize, remote: u32) -> Option<(u32, Mirror)> {
        let place = (*self.mirrors.get(from)?.get(remote as usize)?)?;
        Some((place, self.ups[place as usize].as_ref()?.mirror?))
    }

    /// A peer of another thread has left its seat there.
    pub(super) fn remove_mirror(&mut self, from: usize, remote: u32, now: Instant) {
        let Some((place, mirror)) = self.mirror(from, remote) else {
            return;
        };
        self.forget_mirror(place, &mirror);
        self.in_room(mirror.room, |live| {
            live.room
                .handle_input(Input::Leave { peer: mirror.peer }, now);
            live.clear(mirror.seat);
        });
        self.forget_paced(mirror.room, mirror.seat);
        self.carry_out(mirror.room, now);
    }

    fn forget_mirror(&mut self, place: u32, mirror: &Mirror) {
        self.ups[place as usize] = None;
        if let Some(known) = self.mirrors[mirror.thread].get_mut(mirror.index as usize) {
            *known = None;
        }
    }

    /// Forgets the mirrors of a room that this thread closes.
    pub(super) fn forget_mirrors(&mut self, room: u32) {
        for place in 0..self.ups.len() {
            let mirror = self.ups[place].as_ref().and_then(|up| up.mirror);
            if let Some(mirror) = mirror.filter(|mirror| mirror.room == room) {
                self.forget_mirror(place as u32, &mirror);
            }
        }
    }

    /// Hands a packet that was kept on to the other threads that want the room's.
    pub(super) fn hand_on(&mut self, index: u32, source: Source, facts: &UpPacket, anew: bool) {
        let (Some(peer), Some(up)) = (&self.peers[index as usize], &self.ups[index as usize])
        else {
            return;
        };
        let Some(Some(live)) = self.rooms.get(peer.room as usize) else {
            return;
        };
        let Some((_, payload)) = up.layers[place_of(source)]
            .as_ref()
            .and_then(|layer| layer.cache.find(facts.index))
        else {
            return;
        };
        let of = Mirrored {
            index,
            peer: peer.id,
        };
        for thread in threads(live.hearers) {
            self.counters.handed_on += 1;
            self.links.hand(thread, payload, |at| {
                Entry::Packet(Handed {
                    of,
                    source,
                    anew,
                    facts: *facts,
                    at,
                })
            });
        }
    }

    /// Takes a packet that another thread has authenticated and decrypted.
    pub(super) fn take_handed(
        &mut self,
        from: usize,
        handed: &Handed,
        payload: &[u8],
        now: Instant,
    ) {
        let Some((place, mirror)) = self.mirror(from, handed.of.index) else {
            return;
        };
        // Of whoever had the number before.
        if mirror.peer != handed.of.peer {
            return;
        }
        let source = handed.source.in_seat(mirror.seat);
        let Some(up) = self.ups[place as usize].as_mut() else {
            return;
        };
        let (layer, _) = up.layer(place_of(source), 0, now);
        layer.codec = handed.facts.codec;
        // What came is payload and dependency descriptor as they lie in a cache.
        layer.cache.insert(&handed.facts, payload, &[]);
        layer.note_structure(&handed.facts, payload);
        if handed.anew {
            self.in_room(mirror.room, |live| {
                live.room.handle_input(Input::Restarted { source }, now);
            });
            self.carry_out(mirror.room, now);
        }
        let taken = self.in_room(mirror.room, |live| {
            live.room.ingest(source, &handed.facts, now)
        });
        if taken == Some(true) {
            self.mark_dirty(mirror.room);
        }
    }

    /// Hands a publisher's report on: receivers everywhere bring sound and picture together by it.
    pub(super) fn hand_on_report(&mut self, index: u32, place: usize) {
        let (Some(peer), Some(up)) = (&self.peers[index as usize], &self.ups[index as usize])
        else {
            return;
        };
        let Some(report) = up.layers[place].as_ref().and_then(|layer| layer.report) else {
            return;
        };
        let of = Mirrored {
            index,
            peer: peer.id,
        };
        self.tell_members(peer.room, || Entry::Report { of, place, report });
    }

    pub(super) fn take_report(
        &mut self,
        from: usize,
        of: Mirrored,
        place: usize,
        report: (u64, u32, Instant),
    ) {
        if let Some((index, mirror)) = self.mirror(from, of.index)
            && mirror.peer == of.peer
            && let Some(up) = self.ups[index as usize].as_mut()
            && let Some(Some(layer)) = up.layers.get_mut(place)
        {
            layer.report = Some(report);
        }
    }

    /// Passes a request for a keyframe on to the publisher's thread. Returns whether `port` is a mirror.
    pub(super) fn ask_owner(&mut self, port: u32, place: usize) -> bool {
        let mirror = self
            .ups
            .get(port as usize)
            .and_then(|up| up.as_ref()?.mirror);
        let Some(mirror) = mirror else { return false };
        let of = Mirrored {
            index: mirror.index,
            peer: mirror.peer,
        };
        self.links
            .tell(mirror.thread, Entry::Keyframe { of, place });
        true
    }

    /// A receiver on another thread waits for a keyframe of one of our peers.
    pub(super) fn hear_request(&mut self, of: Mirrored, place: usize, now: Instant) {
        let peer = self.peers.get(of.index as usize).and_then(Option::as_ref);
        if let Some(peer) = peer.filter(|peer| peer.id == of.peer) {
            let source = source_at(peer.seat, place);
            self.input(peer.room_id, Input::Wanted { source }, now);
        }
    }

    /// A room failed on another thread: it ends here too.
    pub(super) fn hear_failure(&mut self, serial: u64) {
        if let Some(room) = self.room_with(serial) {
            self.end_room(room);
        }
    }
}

/// The threads of a set.
fn threads(members: u32) -> impl Iterator<Item = usize> {
    (0..crate::config::THREADS_MAX).filter(move |thread| members & 1 << thread != 0)
}

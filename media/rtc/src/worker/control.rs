//! Commands: rooms open and close, peers join and leave.

use std::os::unix::net::UnixDatagram;
use std::time::Instant;

use nhipcau_sfu::{Input, PeerId, Room, RoomId};

use super::{LiveRoom, Owner, TAP_PORT, Worker};
use crate::bridge::Command;
use crate::config::Impairment;
use crate::directory::{Departure, Opening, Wishes};
use crate::dtls::Dtls;
use crate::error::JoinError;
use crate::event::{BridgeEvent, Seating};
use crate::impair::Bucket;
use crate::link::Entry;
use crate::peer::{Credentials, Down, DownSlot, Peer, Up};
use crate::sdp::{Offer, Seat};
use crate::socket::{Outbox, STREAMS};
use crate::stats::{DROP_REASONS, Drop};
use crate::stun;

/// Characters of the bridge's ICE user names behind the thread's: 48 random bits.
const UFRAG_LENGTH: usize = 8;
/// Characters of the bridge's ICE passwords; 144 random bits (RFC 8445 section 5.3 asks for 128).
const PWD_LENGTH: usize = 24;

impl Worker {
    pub(super) fn execute(&mut self, command: Command, outbox: &mut Outbox, now: Instant) {
        match command {
            Command::OpenRoom(opening) => self.open_room(opening),
            Command::CloseRoom(room) => self.close_room(room, outbox, now),
            Command::Join {
                room,
                peer,
                seating,
                offer,
                wishes,
                reply,
            } => {
                let answer = self.join(room, peer, seating, &offer, &wishes, now);
                // The caller may have given up; the seat stands all the same, and times out if nobody uses it.
                let _ = reply.try_send(answer);
            }
            Command::RestartIce {
                peer,
                seating,
                remote_ufrag,
                reply,
            } => {
                let _ = reply.try_send(self.restart_ice(peer, seating, remote_ufrag, now));
            }
            Command::Detail { peer, reply } => {
                let _ = reply.try_send(self.peer_detail(peer));
            }
            Command::Leave(peer) => {
                if let Some(&index) = self.by_id.get(&peer) {
                    self.remove_peer(index, outbox, now);
                }
            }
            Command::Wishes { peer, wishes } => self.apply_wishes(peer, &wishes, now),
            Command::Chair { room, peer } => self.input(room, Input::Chair { peer }, now),
            Command::Spotlight { room, peer } => self.input(room, Input::Spotlight { peer }, now),
            Command::Impair { peer, impairment } => self.impair(peer, impairment, now),
            Command::Tap { room, socket } => self.tap(room, Some(socket), now),
            Command::Untap(room) => self.tap(room, None, now),
            Command::TapKeyframe(room) => self.input(room, Input::TapKeyframeRequest, now),
            #[cfg(feature = "client")]
            Command::Panic(room) => {
                if let Some(&index) = self.room_ids.get(&room) {
                    self.in_room(index, |_| panic!("asked to"));
                }
            }
            Command::Stop => self.stopping = true,
        }
    }

    fn open_room(&mut self, opening: Opening) {
        let id = opening.room;
        if self.room_ids.contains_key(&id) {
            return;
        }
        let me = self.links.me();
        let live = LiveRoom {
            id,
            serial: opening.serial,
            home: opening.home,
            members: opening.members,
            // The others say so themselves when they are greeted.
            hearers: opening.members & 1 << opening.home,
            hears: opening.home == me,
            room: if opening.home == me {
                Room::new(self.voices)
            } else {
                Room::follower(self.voices)
            },
            peers: Vec::new(),
            next_timeout: None,
            dirty: false,
            tap: None,
        };
        let place = self
            .rooms
            .iter()
            .position(Option::is_none)
            .unwrap_or_else(|| {
                self.rooms.push(None);
                self.rooms.len() - 1
            });
        self.rooms[place] = Some(live);
        self.room_ids.insert(id, place as u32);
        self.greet(place as u32);
    }

    fn close_room(&mut self, id: RoomId, outbox: &mut Outbox, now: Instant) {
        let Some(index) = self.room_ids.remove(&id) else {
            return;
        };
        for peer in self.peers_of(index) {
            self.remove_peer(peer, outbox, now);
        }
        self.forget_mirrors(index);
        self.rooms[index as usize] = None;
    }

    pub(super) fn peers_of(&self, room: u32) -> Vec<u32> {
        self.peers
            .iter()
            .enumerate()
            .filter(|(_, peer)| peer.as_ref().is_some_and(|peer| peer.room == room))
            .map(|(index, _)| index as u32)
            .collect()
    }

    fn join(
        &mut self,
        room_id: RoomId,
        id: PeerId,
        seating: Seating,
        offer: &Offer,
        wishes: &Wishes,
        now: Instant,
    ) -> Result<Seat, JoinError> {
        let &room = self.room_ids.get(&room_id).ok_or(JoinError::NoSuchRoom)?;
        let index = match self.by_id.get(&id) {
            Some(&index) => {
                if let Some(peer) = &mut self.peers[index as usize] {
                    // Also when it is refused below: the handle counts it as of this seating.
                    peer.seating = seating;
                }
                self.renew(index, room_id, offer, now)?;
                index
            }
            None => self.seat(room_id, room, id, seating, offer, now)?,
        };
        let seat = self.sit_down(index, offer, now)?;
        self.apply_wishes(id, wishes, now);
        Ok(seat)
    }

    /// A new offer of a peer that is seated.
    fn renew(
        &mut self,
        index: u32,
        room_id: RoomId,
        offer: &Offer,
        now: Instant,
    ) -> Result<(), JoinError> {
        let fresh = self.credentials();
        let place = index as usize;
        let (Some(peer), Some(up), Some(down)) = (
            &mut self.peers[place],
            &mut self.ups[place],
            &mut self.downs[place],
        ) else {
            return Err(JoinError::Unavailable);
        };
        if peer.room_id != room_id {
            return Err(JoinError::OtherRoom);
        }
        let same_page = peer.session == offer.session && peer.fingerprint == offer.fingerprint;
        if same_page && !up.extensions.kept_by(&offer.extensions) {
            return Err(JoinError::ExtensionRemapped);
        }
        if same_page && peer.remote_ufrag == offer.ufrag {
            return Ok(());
        }
        // An ICE restart, or another page: new credentials.
        peer.renew_credentials(fresh, index, &mut self.by_ufrag, now);
        peer.remote_ufrag.clone_from(&offer.ufrag);
        if same_page {
            return Ok(());
        }
        if let Some(former) = peer.former.take() {
            self.by_ufrag.remove(former.ufrag.as_bytes());
        }
        peer.session.clone_from(&offer.session);
        peer.fingerprint = offer.fingerprint;
        peer.dtls = Dtls::new(&self.identity, offer.fingerprint);
        peer.connected = false;
        peer.silent = false;
        up.open = None;
        down.seal = None;
        down.route = None;
        for route in std::mem::take(&mut peer.routes) {
            self.forget_address(index, &route);
        }
        self.input(
            room_id,
            Input::Connected {
                peer: self.peer_id(index),
                on: false,
            },
            now,
        );
        Ok(())
    }

    fn restart_ice(
        &mut self,
        id: PeerId,
        seating: Seating,
        remote_ufrag: String,
        now: Instant,
    ) -> Option<(String, String)> {
        let index = *self.by_id.get(&id)?;
        let fresh = self.credentials();
        let peer = self.peers[index as usize]
            .as_mut()
            .filter(|peer| peer.seating == seating)?;
        peer.remote_ufrag = remote_ufrag;
        peer.renew_credentials(fresh, index, &mut self.by_ufrag, now);
        Some((peer.local.ufrag.clone(), peer.local.pwd.clone()))
    }

    fn peer_id(&self, index: u32) -> PeerId {
        self.peers[index as usize]
            .as_ref()
            .map_or(PeerId(0), |peer| peer.id)
    }

    /// A number for a new peer, or for the mirror of one.
    pub(super) fn free_place(&mut self) -> usize {
        let free = |place: &usize| self.peers[*place].is_none() && self.ups[*place].is_none();
        (0..self.peers.len()).find(free).unwrap_or_else(|| {
            self.peers.push(None);
            self.ups.push(None);
            self.downs.push(None);
            self.peers.len() - 1
        })
    }

    /// A place for a new peer.
    fn seat(
        &mut self,
        room_id: RoomId,
        room: u32,
        id: PeerId,
        seating: Seating,
        offer: &Offer,
        now: Instant,
    ) -> Result<u32, JoinError> {
        let local = self.credentials();
        let place = self.free_place();
        let index = place as u32;
        self.by_ufrag.insert(local.ufrag.as_bytes().to_vec(), index);
        self.by_id.insert(id, index);
        let session = u64::from(self.random_u32() >> 1) << 31 | u64::from(self.random_u32() >> 1);
        self.peers[place] = Some(Peer {
            id,
            seating,
            room_id,
            room,
            seat: 0,
            session: offer.session.clone(),
            fingerprint: offer.fingerprint,
            remote_ufrag: offer.ufrag.clone(),
            local,
            former: None,
            routes: Vec::new(),
            dtls: Dtls::new(&self.identity, offer.fingerprint),
            answer_session: session,
            answer_version: 0,
            joined_at: now,
            heard_at: now,
            media_at: None,
            connected: false,
            silent: false,
            marks: Default::default(),
            rtt_ms: None,
            loss_down: 0.0,
            drops: [0; DROP_REASONS],
            lowered: None,
            impaired: None,
        });
        self.ups[place] = Some(Up::new(now));
        self.downs[place] = Some(Down::new(now));
        self.begin_to_hear(room, now);
        Ok(index)
    }

    /// Applies the offer's m-lines and gives the room its inputs.
    fn sit_down(&mut self, index: u32, offer: &Offer, now: Instant) -> Result<Seat, JoinError> {
        let place = index as usize;
        let mut down = self.downs[place].take().ok_or(JoinError::Unavailable)?;
        down.apply(offer, || self.random_u32());
        let (slots_audio, slots_video) = (down.audio.len(), down.video.len());
        let audio = down.audio.iter().map(|slot| slot.ssrc).collect();
        let video = down
            .video
            .iter()
            .map(|slot| (slot.ssrc, slot.rtx_ssrc))
            .collect();
        let codecs = down
            .audio
            .iter()
            .chain(&down.video)
            .map(DownSlot::codecs)
            .collect::<Vec<_>>();
        self.downs[place] = Some(down);
        if let Some(up) = &mut self.ups[place] {
            up.apply(offer);
        }
        let first_sequence = (0..slots_audio + slots_video)
            .map(|_| (self.random_u32() & 0x7fff) as u16)
            .collect::<Vec<_>>();
        let peer = self.peers[place].as_mut().ok_or(JoinError::Unavailable)?;
        peer.answer_version += 1;
        let (room_id, room, id) = (peer.room_id, peer.room, peer.id);
        let seat = Seat {
            ufrag: peer.local.ufrag.clone(),
            pwd: peer.local.pwd.clone(),
            session: peer.answer_session,
            version: peer.answer_version,
            audio,
            video,
        };
        self.input(
            room_id,
            Input::Join {
                peer: id,
                port: index,
                slots_audio,
                slots_video,
                first_sequence: &first_sequence,
                codecs: &codecs,
            },
            now,
        );
        let number = self.in_room(room, |live| {
            let seat = live.room.seat_index(id)?;
            live.put(seat, index);
            Some(seat)
        });
        let number = number.flatten().ok_or(JoinError::Unavailable)?;
        if let Some(peer) = &mut self.peers[place] {
            peer.seat = number;
        }
        self.announce_seat(index);
        Ok(seat)
    }

    fn credentials(&self) -> Credentials {
        let pwd = self.random_text(PWD_LENGTH);
        Credentials {
            ufrag: format!("{}{}", self.thread_name(), self.random_text(UFRAG_LENGTH)),
            key: stun::integrity_key(&pwd),
            pwd,
        }
    }

    fn apply_wishes(&mut self, id: PeerId, wishes: &Wishes, now: Instant) {
        let Some(&index) = self.by_id.get(&id) else {
            return;
        };
        let Some(peer) = self.peers[index as usize].as_mut() else {
            return;
        };
        let room = peer.room_id;
        let [audio, video] = wishes.muted;
        let (place, seat) = (peer.room, peer.seat);
        let marks = (wishes.muted, wishes.shares);
        if std::mem::replace(&mut peer.marks, marks) != marks {
            self.announce_seat(index);
            self.forget_paced(place, seat);
        }
        let [slides, document] = wishes.shares;
        let mode = wishes.mode;
        self.input(room, Input::Mode { peer: id, mode }, now);
        self.input(
            room,
            Input::Shares {
                peer: id,
                slides,
                document,
            },
            now,
        );
        self.input(
            room,
            Input::Muted {
                peer: id,
                audio,
                video,
            },
            now,
        );
        self.input(
            room,
            Input::View {
                peer: id,
                large: wishes.large,
                tiles: &wishes.tiles,
            },
            now,
        );
    }

    fn impair(&mut self, id: PeerId, impairment: Impairment, now: Instant) {
        let Some(&index) = self.by_id.get(&id).filter(|_| self.impairments) else {
            self.counters.drop(Drop::Command);
            return;
        };
        let bucket = || (impairment != Impairment::default()).then(|| Bucket::new(impairment, now));
        if let Some(peer) = &mut self.peers[index as usize] {
            peer.impaired = bucket();
        }
        if let Some(down) = &mut self.downs[index as usize] {
            down.impaired = bucket();
        }
    }

    fn tap(&mut self, room: RoomId, socket: Option<UnixDatagram>, now: Instant) {
        let Some(&index) = self.room_ids.get(&room) else {
            return;
        };
        let on = socket
            .as_ref()
            .is_some_and(|socket| socket.set_nonblocking(true).is_ok());
        if let Some(live) = &mut self.rooms[index as usize] {
            live.tap = socket.filter(|_| on);
        }
        self.input(
            room,
            Input::Tap {
                port: on.then_some(TAP_PORT),
            },
            now,
        );
    }

    /// Removes a peer from its room and forgets everything of it.
    pub(super) fn remove_peer(&mut self, index: u32, outbox: &mut Outbox, now: Instant) {
        let place = index as usize;
        if let Some(peer) = &mut self.peers[place] {
            peer.dtls.close(now);
        }
        self.send_dtls(index, None, outbox);
        let Some(peer) = self.peers[place].take() else {
            return;
        };
        self.ups[place] = None;
        self.downs[place] = None;
        self.by_id.remove(&peer.id);
        self.by_ufrag.remove(peer.local.ufrag.as_bytes());
        if let Some(former) = &peer.former {
            self.by_ufrag.remove(former.ufrag.as_bytes());
        }
        for route in &peer.routes {
            let key = (route.socket, route.remote);
            if route.socket >= STREAMS && self.by_route.get(&key) == Some(&Owner::Peer(index)) {
                // Nobody else lives in this connection.
                outbox.commit(route, 0);
            }
            self.forget_address(index, route);
        }
        self.departures.note(Departure::Peer(peer.id, peer.seating));
        self.input(peer.room_id, Input::Leave { peer: peer.id }, now);
        if let Some(Some(live)) = self.rooms.get_mut(peer.room as usize) {
            live.clear(peer.seat);
        }
        self.forget_paced(peer.room, peer.seat);
        self.tell_members(peer.room, || Entry::Unseat { index });
        self.cease_to_hear(peer.room);
    }

    /// Closes a room whose code failed, here and on the other threads that have it.
    pub(super) fn room_panicked(&mut self, index: u32) {
        let Some(Some(live)) = self.rooms.get(index as usize) else {
            return;
        };
        let serial = live.serial;
        tracing::error!(
            room = live.id.0,
            "a room of the bridge failed an invariant and is closed"
        );
        // Before the others hear of it: who is told that the room is gone finds it gone.
        self.departures.note(Departure::Room(live.id, serial));
        self.tell_members(index, || Entry::Failed { serial });
        self.end_room(index);
    }

    /// Forgets a room that failed, with its peers. The room's home tells the owner.
    pub(super) fn end_room(&mut self, index: u32) {
        let Some(live) = self.rooms[index as usize].take() else {
            return;
        };
        self.room_ids.remove(&live.id);
        self.forget_mirrors(index);
        for peer in self.peers_of(index) {
            if let Some(gone) = self.peers[peer as usize].take() {
                self.by_id.remove(&gone.id);
                self.by_ufrag.retain(|_, owner| *owner != peer);
                for route in &gone.routes {
                    self.forget_address(peer, route);
                }
            }
            self.ups[peer as usize] = None;
            self.downs[peer as usize] = None;
        }
        if live.home == self.links.me() {
            self.tell(BridgeEvent::RoomPanicked { room: live.id });
        }
    }
}

//! What arrives: which peer a datagram belongs to, and what of it may go on.
//!
//! ICE-lite (RFC 8445 section 2.5) with two departures: the latest nomination wins whatever its priority, because browsers nominate
//! aggressively towards a lite side and then go on checking only the pair that they use; and a role conflict is not answered,
//! because both sides would have to be lite.

use std::time::Instant;

use nhipcau_sfu::Input;

use super::{Owner, Via, Worker};
use crate::dtls::Progress;
use crate::event::{BridgeEvent, GoneReason};
use crate::impair::Fate;
use crate::peer::ROUTES_MAX;
use crate::socket::{Outbox, Route};
use crate::srtp::Session;
use crate::stats::Drop;
use crate::stun::BindingRequest;

impl Worker {
    /// Takes a datagram (RFC 7983).
    pub(super) fn take(
        &mut self,
        route: &Route,
        datagram: &mut [u8],
        outbox: &mut Outbox,
        now: Instant,
        via: Via,
    ) {
        match datagram.first() {
            Some(0..=3) => self.take_stun(route, datagram, outbox, now, via),
            Some(20..=63) => {
                let Some(index) = self.validated(route, datagram, now, via) else {
                    return;
                };
                self.take_dtls(index, route, datagram, outbox, now);
            }
            Some(128..=191) if datagram.len() >= 12 => {
                let Some(index) = self.validated(route, datagram, now, via) else {
                    return;
                };
                // RFC 5761 section 4: RTCP packet types in the place of marker and payload type.
                if (192..=223).contains(&datagram[1]) {
                    self.take_rtcp(index, datagram, outbox, now);
                } else {
                    self.take_rtp(index, datagram, now);
                }
            }
            _ => self.counters.drop(Drop::Unknown),
        }
    }

    /// The peer whose address ICE has validated, unless its road loses or keeps the datagram. Media never teaches an address.
    fn validated(&mut self, route: &Route, datagram: &[u8], now: Instant, via: Via) -> Option<u32> {
        let index = match self.by_route.get(&(route.socket, route.remote)) {
            Some(Owner::Peer(index)) => *index,
            Some(Owner::Thread(thread)) if via == Via::Socket => {
                self.hand_over(usize::from(*thread), route, datagram);
                return None;
            }
            _ => {
                self.counters.drop(Drop::NotValidated);
                return None;
            }
        };
        self.passes(index, route, datagram, now, via)
            .then_some(index)
    }

    fn passes(
        &mut self,
        index: u32,
        route: &Route,
        datagram: &[u8],
        now: Instant,
        via: Via,
    ) -> bool {
        if !self.impairments || via == Via::Road {
            return true;
        }
        let Some(bucket) = self.peers[index as usize]
            .as_mut()
            .and_then(|peer| peer.impaired.as_mut())
        else {
            return true;
        };
        let fate = bucket.offer(route, datagram, now);
        if fate == Fate::Lost {
            self.counters.drop(Drop::Impaired);
        }
        fate == Fate::Pass
    }

    fn take_stun(
        &mut self,
        route: &Route,
        datagram: &[u8],
        outbox: &mut Outbox,
        now: Instant,
        via: Via,
    ) {
        let Some(request) = BindingRequest::parse(datagram) else {
            self.counters.drop(Drop::StunUnknown);
            return;
        };
        let Some(&index) = self.by_ufrag.get(request.ufrag) else {
            match self.thread_named_by(request.ufrag) {
                Some(thread) if via == Via::Socket => self.hand_over(thread, route, datagram),
                _ => self.counters.drop(Drop::StunUnknown),
            }
            return;
        };
        if !self.passes(index, route, datagram, now, via) {
            return;
        }
        let Some(peer) = self.peers[index as usize].as_mut() else {
            return;
        };
        let fresh = peer.local.ufrag.as_bytes() == request.ufrag;
        let credentials = if fresh {
            Some(&peer.local)
        } else {
            peer.former.as_ref()
        };
        let Some(credentials) =
            credentials.filter(|credentials| request.is_authentic(&credentials.key))
        else {
            self.counters.drop(Drop::StunIntegrity);
            return;
        };
        let length = request.respond(route.remote, &credentials.key, outbox.space());
        if fresh && let Some(former) = peer.former.take() {
            self.by_ufrag.remove(former.ufrag.as_bytes());
        }
        self.validate(index, route);
        if request.use_candidate
            && let Some(down) = &mut self.downs[index as usize]
        {
            down.route = Some(*route);
        }
        self.commit(index, route, length, outbox, now);
        self.heard(index, now);
    }

    /// Remembers an address that ICE has validated for a peer.
    fn validate(&mut self, index: u32, route: &Route) {
        let Some(peer) = self.peers[index as usize].as_mut() else {
            return;
        };
        if peer.routes.contains(route) {
            return;
        }
        peer.routes
            .retain(|known| (known.socket, known.remote) != (route.socket, route.remote));
        if peer.routes.len() == ROUTES_MAX {
            let in_use = self.downs[index as usize]
                .as_ref()
                .and_then(|down| down.route);
            let oldest = peer
                .routes
                .iter()
                .position(|known| Some(*known) != in_use)
                .unwrap_or(0);
            let forgotten = peer.routes.remove(oldest);
            self.forget_address(index, &forgotten);
        }
        if let Some(peer) = self.peers[index as usize].as_mut() {
            peer.routes.push(*route);
        }
        self.learn_address(index, route);
    }

    /// A connection has ended: what goes to its peer takes another validated way, if there is one.
    pub(super) fn forget_route(&mut self, route: &Route) {
        let key = (route.socket, route.remote);
        let Some(&Owner::Peer(index)) = self.by_route.get(&key) else {
            return;
        };
        self.forget_address(index, route);
        let place = index as usize;
        let (Some(peer), Some(down)) = (&mut self.peers[place], &mut self.downs[place]) else {
            return;
        };
        let is_gone = |known: &Route| (known.socket, known.remote) == key;
        peer.routes.retain(|known| !is_gone(known));
        if down.route.as_ref().is_some_and(is_gone) {
            down.route = peer.routes.last().copied();
        }
    }

    /// Something authentic has arrived.
    pub(super) fn heard(&mut self, index: u32, now: Instant) {
        let Some(peer) = self.peers[index as usize].as_mut() else {
            return;
        };
        peer.heard_at = now;
        if std::mem::take(&mut peer.silent) {
            let (room, peer, seating) = (peer.room_id, peer.id, peer.seating);
            self.input(room, Input::Connected { peer, on: true }, now);
            self.tell(BridgeEvent::Recovered {
                room,
                peer,
                seating,
            });
        }
    }

    fn take_dtls(
        &mut self,
        index: u32,
        route: &Route,
        datagram: &[u8],
        outbox: &mut Outbox,
        now: Instant,
    ) {
        let running = self
            .peers
            .iter()
            .flatten()
            .filter(|peer| peer.dtls.is_handshaking())
            .count();
        let Some(peer) = self.peers[index as usize].as_mut() else {
            return;
        };
        if peer.dtls.is_waiting() && running >= self.limits.handshakes_max {
            self.counters.drop(Drop::HandshakeLimit);
            return;
        }
        let progress = peer.dtls.read(datagram, now);
        self.send_dtls(index, Some(*route), outbox);
        self.progress(index, progress, outbox, now);
    }

    pub(super) fn progress(
        &mut self,
        index: u32,
        progress: Progress,
        outbox: &mut Outbox,
        now: Instant,
    ) {
        match progress {
            Progress::None => {}
            Progress::Refused => self.counters.drop(Drop::Dtls),
            Progress::Connected(session) => self.connected(index, *session, now),
            Progress::Closed => self.gone(index, GoneReason::Closed, outbox, now),
            Progress::Failed => {
                self.counters.drop(Drop::Dtls);
                self.gone(index, GoneReason::Handshake, outbox, now);
            }
        }
    }

    fn connected(&mut self, index: u32, session: Session, now: Instant) {
        let place = index as usize;
        let (Some(peer), Some(up), Some(down)) = (
            &mut self.peers[place],
            &mut self.ups[place],
            &mut self.downs[place],
        ) else {
            return;
        };
        up.rekey(session.open, now);
        down.rekey(session.seal, now);
        if down.route.is_none() {
            // Not nominated yet: the pair that carried the handshake will do.
            down.route = peer.routes.last().copied();
        }
        peer.connected = true;
        peer.silent = false;
        peer.heard_at = now;
        let (room, peer, seating) = (peer.room_id, peer.id, peer.seating);
        self.input(room, Input::NewKeys { peer }, now);
        self.input(room, Input::Connected { peer, on: true }, now);
        self.tell(BridgeEvent::Connected {
            room,
            peer,
            seating,
        });
    }

    pub(super) fn gone(
        &mut self,
        index: u32,
        reason: GoneReason,
        outbox: &mut Outbox,
        now: Instant,
    ) {
        let Some((room, peer, seating)) = self.peers[index as usize]
            .as_ref()
            .map(|peer| (peer.room_id, peer.id, peer.seating))
        else {
            return;
        };
        self.remove_peer(index, outbox, now);
        self.tell(BridgeEvent::Gone {
            room,
            peer,
            seating,
            reason,
        });
    }

    /// Sends what the peer's association has to say: back along `route`, else to the nominated address.
    pub(super) fn send_dtls(&mut self, index: u32, route: Option<Route>, outbox: &mut Outbox) {
        let place = index as usize;
        let Some(peer) = self.peers[place].as_mut() else {
            return;
        };
        let route = route
            .or_else(|| self.downs[place].as_ref().and_then(|down| down.route))
            .or_else(|| peer.routes.last().copied());
        let now = Instant::now();
        while let Some(datagram) = self.peers[place]
            .as_mut()
            .and_then(|peer| peer.dtls.poll_transmit())
        {
            let Some(route) = route else { continue };
            let length = datagram.len().min(crate::socket::DATAGRAM_MAX);
            if outbox.is_full() {
                outbox.flush(&self.sockets);
            }
            outbox.space()[..length].copy_from_slice(&datagram[..length]);
            self.commit(index, &route, length, outbox, now);
        }
    }

    /// Takes a datagram that was written into the outbox's space, unless the peer's impaired road loses or keeps it.
    pub(super) fn commit(
        &mut self,
        index: u32,
        route: &Route,
        length: usize,
        outbox: &mut Outbox,
        now: Instant,
    ) {
        let impaired = self.downs[index as usize]
            .as_mut()
            .and_then(|down| down.impaired.as_mut());
        outbox.commit(route, length);
        if let Some(bucket) = impaired.filter(|_| self.impairments) {
            let fate = bucket.offer(route, outbox.last(), now);
            if fate != Fate::Pass {
                outbox.pop();
            }
            if fate == Fate::Lost {
                self.counters.drop(Drop::Impaired);
            }
        }
        if outbox.is_full() {
            outbox.flush(&self.sockets);
        }
    }

    pub(super) fn is_road_waiting(&self) -> bool {
        let inbound = self
            .peers
            .iter()
            .flatten()
            .filter_map(|peer| peer.impaired.as_ref());
        let outbound = self
            .downs
            .iter()
            .flatten()
            .filter_map(|down| down.impaired.as_ref());
        inbound
            .chain(outbound)
            .any(crate::impair::Bucket::is_waiting)
    }

    /// Lets go what waited long enough on impaired roads.
    pub(super) fn release(&mut self, outbox: &mut Outbox, now: Instant) {
        for index in 0..self.peers.len() {
            while let Some((route, mut datagram)) = self.peers[index]
                .as_mut()
                .and_then(|peer| peer.impaired.as_mut())
                .and_then(|bucket| bucket.release(now))
            {
                self.take(&route, &mut datagram, outbox, now, Via::Road);
            }
            while let Some((route, datagram)) = self.downs[index]
                .as_mut()
                .and_then(|down| down.impaired.as_mut())
                .and_then(|bucket| bucket.release(now))
            {
                outbox.space()[..datagram.len()].copy_from_slice(&datagram);
                outbox.commit(&route, datagram.len());
                if outbox.is_full() {
                    outbox.flush(&self.sockets);
                }
            }
        }
    }
}

//! What threads tell each other: datagrams that arrived at the wrong one, and whose an address is.
//!
//! The kernel spreads addresses over the sockets of a port. STUN finds its thread by the first character of the bridge's user name;
//! everything else by the addresses that the owning thread has announced. Only ICE teaches an address, there as here.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Owner, Via, Worker};
use crate::link::Entry;
use crate::socket::{DATAGRAM_MAX, Outbox, Route};

/// First characters of the bridge's ICE user names, by thread.
const THREAD_NAMES: &[u8; crate::config::THREADS_MAX] = b"ABCDEFGHIJKLMNOP";

/// The thread that a user name belongs to, if it is one of ours.
pub(crate) fn thread_of(ufrag: &[u8]) -> Option<usize> {
    let first = ufrag.first()?;
    THREAD_NAMES.iter().position(|name| name == first)
}

impl Worker {
    /// The first character of the user names of this thread.
    pub(super) fn thread_name(&self) -> char {
        char::from(THREAD_NAMES[self.links.me()])
    }

    /// The other thread that a user name belongs to.
    pub(super) fn thread_named_by(&self, ufrag: &[u8]) -> Option<usize> {
        thread_of(ufrag).filter(|thread| *thread < self.links.len() && *thread != self.links.me())
    }

    pub(super) fn hand_over(&mut self, thread: usize, route: &Route, datagram: &[u8]) {
        let route = *route;
        self.counters.handed_over += 1;
        self.links
            .hand(thread, datagram, |at| Entry::Datagram { route, at });
    }

    /// Works off what other threads have sent.
    pub(super) fn take_bundles(&mut self, outbox: &mut Outbox) {
        if self.bundles.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut bundles = std::mem::take(&mut self.bundles);
        for (from, mut bundle) in bundles.drain(..) {
            for entry in &bundle.entries {
                match entry {
                    Entry::Datagram { route, at } => {
                        let at = at.start as usize..at.end as usize;
                        if let Some(datagram) = bundle.bytes.get_mut(at)
                            && datagram.len() <= DATAGRAM_MAX
                        {
                            self.take(route, datagram, outbox, now, Via::Link);
                        }
                    }
                    Entry::Address {
                        socket,
                        remote,
                        mine,
                    } => self.hear_of_address(from, (*socket, *remote), *mine),
                    Entry::Packet(handed) => {
                        let at = handed.at.start as usize..handed.at.end as usize;
                        if let Some(payload) = bundle.bytes.get(at) {
                            self.take_handed(from, handed, payload, now);
                        }
                    }
                    Entry::Here { serial } => self.hear_greeting(from, *serial),
                    Entry::Seat {
                        serial,
                        index,
                        peer,
                        marks,
                    } => self.hear_of_seat(from, *serial, *index, *peer, *marks, now),
                    Entry::Hears { serial, on } => self.hear_of_hearer(from, *serial, *on),
                    Entry::Unseat { index } => self.remove_mirror(from, *index, now),
                    Entry::Report { of, place, report } => {
                        self.take_report(from, *of, *place, *report)
                    }
                    Entry::Keyframe { of, place } => self.hear_request(*of, *place, now),
                    Entry::Lead { serial, lead } => self.hear_lead(*serial, lead, now),
                    Entry::Failed { serial } => self.hear_failure(*serial),
                }
            }
            self.links.give_back(from, bundle);
            self.forward(outbox, now);
            self.send_keyframe_requests(outbox);
            outbox.flush(&self.sockets);
        }
        self.bundles = bundles;
    }

    /// Notes an address of one of our peers, and announces it.
    pub(super) fn learn_address(&mut self, index: u32, route: &Route) {
        let key = (route.socket, route.remote);
        match self.by_route.insert(key, Owner::Peer(index)) {
            // The same address with another peer's password: a page that was loaded again. The old peer no longer lives there.
            Some(Owner::Peer(before)) if before != index => self.move_out(before, key),
            Some(Owner::Peer(_)) => return,
            _ => {}
        }
        self.announce(key, true);
    }

    /// Forgets an address of one of our peers, unless another has it by now, and takes the announcement back.
    pub(super) fn forget_address(&mut self, index: u32, route: &Route) {
        let key = (route.socket, route.remote);
        if self.by_route.get(&key) == Some(&Owner::Peer(index)) {
            self.by_route.remove(&key);
            self.announce(key, false);
        }
    }

    fn announce(&mut self, (socket, remote): (u8, SocketAddr), mine: bool) {
        self.links.tell_all(|| Entry::Address {
            socket,
            remote,
            mine,
        });
    }

    fn hear_of_address(&mut self, from: usize, key: (u8, SocketAddr), theirs: bool) {
        let owner = Owner::Thread(from as u8);
        if theirs {
            if let Some(Owner::Peer(index)) = self.by_route.insert(key, owner) {
                self.move_out(index, key);
            }
        } else if self.by_route.get(&key) == Some(&owner) {
            self.by_route.remove(&key);
        }
    }

    fn move_out(&mut self, index: u32, key: (u8, SocketAddr)) {
        if let Some(peer) = self.peers[index as usize].as_mut() {
            peer.routes
                .retain(|known| (known.socket, known.remote) != key);
        }
    }
}

//! One connection: its bytes in, cut into datagrams; datagrams out, framed, in a queue that never grows beyond its bound.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::frame::{self, FRAME_MAX, Framing};
use super::pipe::Pipe;
use super::relay::{Relay, RelayTerms, Said};
use crate::socket::{DATAGRAM_MAX, RELAY, Route, TCP};

/// Bytes that wait for a slow line: a second at 2 Mbit/s. What finds it full is lost, as in any router's queue.
const QUEUE_BYTES: usize = 256 * 1024;
/// Bytes taken from one connection before the others have their turn.
const TURN_BYTES: usize = 64 * 1024;
/// Media that one peer sends at most, bytes per second: a camera, a screen and a document camera take half. Beyond it the connection is
/// read more slowly, which its sender notices.
const RATE: f64 = 20_000_000.0 / 8.0;
/// Time for which a burst may exceed the rate.
const BURST: Duration = Duration::from_millis(500);
/// From the first byte to the first datagram of the bridge: only a peer that ICE has validated gets one.
const PROVEN_WITHIN: Duration = Duration::from_secs(10);
/// A connection that says nothing for this long is closed. Browsers check spare ways every 25 s.
const IDLE_MAX: Duration = Duration::from_secs(90);
/// An allocation refreshes itself before its lifetime of ten minutes ends.
const RELAY_IDLE_MAX: Duration = Duration::from_secs(660);

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The far end closed it, or the network did.
    Closed,
    /// It spoke another protocol, or lied about a length.
    Broken,
    /// It was too slow to show that it belongs to a seat.
    Unproven,
    /// Nothing came for long.
    Idle,
    /// Its allocation has ended.
    Released,
}

/// Counts over all connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Datagrams that found a connection's queue full, or a client of the relay that no longer allows them.
    pub(super) full: u64,
    /// Messages through the relay to another peer than the bridge.
    pub(super) forbidden: u64,
}

enum Speech {
    Undecided,
    Ice,
    Turn(Box<Relay>),
}

/// A connection and what it waits for.
pub(super) struct Connection {
    pipe: Pipe,
    speech: Speech,
    remote: SocketAddr,
    local: SocketAddr,
    /// Of its relayed address, should it get one.
    port: u16,
    inbound: Vec<u8>,
    outbound: VecDeque<u8>,
    opened_at: Instant,
    heard_at: Instant,
    /// Whether the bridge has answered: then ICE has validated it.
    proven: bool,
    /// Bytes that may be read now.
    allowance: f64,
    allowed_at: Instant,
    /// Packet thread of its peer.
    pub(super) owner: usize,
}

impl Connection {
    pub(super) fn new(
        pipe: Pipe,
        remote: SocketAddr,
        local: SocketAddr,
        port: u16,
        now: Instant,
    ) -> Self {
        Self {
            pipe,
            speech: Speech::Undecided,
            remote,
            local,
            port,
            inbound: Vec::new(),
            outbound: VecDeque::new(),
            opened_at: now,
            heard_at: now,
            proven: false,
            allowance: RATE * BURST.as_secs_f64(),
            allowed_at: now,
            owner: 0,
        }
    }

    /// Takes bytes that were read before the connection came to us.
    pub(super) fn begin_with(&mut self, bytes: &[u8]) {
        self.inbound.extend_from_slice(bytes);
    }

    pub(super) fn pipe(&self) -> &Pipe {
        &self.pipe
    }

    pub(super) fn remote(&self) -> SocketAddr {
        self.remote
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven
    }

    /// Who uses its relay, once that is known.
    pub(super) fn user(&self) -> Option<&str> {
        match &self.speech {
            Speech::Turn(relay) => relay.user(),
            _ => None,
        }
    }

    pub(super) fn is_relay(&self) -> bool {
        matches!(&self.speech, Speech::Turn(relay) if relay.relayed().is_some())
    }

    /// Under which the packet thread knows it, once it can carry datagrams.
    pub(super) fn route(&self) -> Option<Route> {
        let (socket, remote) = match &self.speech {
            Speech::Undecided => return None,
            Speech::Ice => (TCP, self.remote),
            Speech::Turn(relay) => (RELAY, relay.relayed()?),
        };
        Some(Route {
            socket,
            local: None,
            remote,
        })
    }

    /// Whether it may be read from now.
    pub(super) fn wants_read(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.allowed_at).as_secs_f64();
        self.allowed_at = now;
        self.allowance = (self.allowance + elapsed * RATE).min(RATE * BURST.as_secs_f64());
        self.allowance >= 1.0
    }

    /// When it has something to do without being ready for reading or writing.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.speech {
            Speech::Turn(relay) => relay.due(),
            _ => None,
        }
    }

    pub(super) fn wants_write(&self) -> bool {
        !self.outbound.is_empty() || self.pipe.wants_write()
    }

    /// Reads what is there and hands every datagram for the bridge to `sink`.
    pub(super) fn read(
        &mut self,
        scratch: &mut [u8],
        terms: &RelayTerms,
        counts: &mut Counts,
        now: Instant,
        mut sink: impl FnMut(&Route, &[u8]),
    ) -> Result<(), End> {
        let mut taken = 0;
        // What came before the connection did.
        self.cut(terms, counts, now, &mut sink)?;
        while taken < TURN_BYTES && self.allowance >= 1.0 {
            let count = match self.pipe.read(scratch) {
                Ok(0) => return Err(End::Closed),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Err(End::Closed),
            };
            taken += count;
            self.allowance -= count as f64;
            self.heard_at = now;
            self.inbound.extend_from_slice(&scratch[..count]);
            self.cut(terms, counts, now, &mut sink)?;
        }
        Ok(())
    }

    /// Cuts what has come into frames. What is left is less than one.
    fn cut(
        &mut self,
        terms: &RelayTerms,
        counts: &mut Counts,
        now: Instant,
        sink: &mut impl FnMut(&Route, &[u8]),
    ) -> Result<(), End> {
        if matches!(self.speech, Speech::Undecided) {
            self.speech = match frame::recognise(&self.inbound).map_err(|_| End::Broken)? {
                None => return Ok(()),
                Some(Framing::Ice) => Speech::Ice,
                Some(Framing::Turn) => Speech::Turn(Box::new(Relay::new(
                    terms.clone(),
                    self.remote,
                    self.local,
                    now,
                ))),
            };
        }
        let inbound = std::mem::take(&mut self.inbound);
        let framing = match self.speech {
            Speech::Turn(_) => Framing::Turn,
            _ => Framing::Ice,
        };
        let mut at = 0;
        while let Some((content, after)) =
            frame::next(framing, &inbound[at..]).map_err(|_| End::Broken)?
        {
            let message = &inbound[at + content.start..at + content.end];
            at += after;
            // An empty frame keeps NATs awake, and means something else between threads.
            if !message.is_empty() {
                self.take(message, counts, now, sink);
            }
        }
        self.inbound = inbound;
        self.inbound.drain(..at);
        Ok(())
    }

    fn take(
        &mut self,
        message: &[u8],
        counts: &mut Counts,
        now: Instant,
        sink: &mut impl FnMut(&Route, &[u8]),
    ) {
        let Speech::Turn(relay) = &mut self.speech else {
            if let Some(route) = self.route() {
                sink(&route, message);
            }
            return;
        };
        match relay.take(message, now) {
            Said::Nothing => {}
            Said::Reply(answer) => self.queue(&[&answer], counts),
            Said::Forward { to, range } => {
                let route = relay.relayed().map(|remote| Route {
                    socket: RELAY,
                    local: Some(to.ip()),
                    remote,
                });
                if let Some(route) = route.filter(|_| range.len() <= DATAGRAM_MAX) {
                    sink(&route, &message[range]);
                }
            }
            Said::Forbidden(answer) => {
                counts.forbidden += 1;
                if let Some(answer) = answer {
                    self.queue(&[&answer], counts);
                }
            }
        }
    }

    /// Lets its relay do what time and requests ask for; `granted` says whether its user may have one more allocation.
    pub(super) fn settle(
        &mut self,
        granted: bool,
        counts: &mut Counts,
        now: Instant,
    ) -> Result<(), End> {
        let Speech::Turn(relay) = &mut self.speech else {
            return Ok(());
        };
        let mut replies = Vec::new();
        let lives = relay.settle(self.port, granted, now, |reply| {
            replies.push(reply.to_vec());
        });
        for reply in replies {
            self.queue(&[&reply], counts);
        }
        if lives { Ok(()) } else { Err(End::Released) }
    }

    /// Queues a datagram of the bridge.
    pub(super) fn send(
        &mut self,
        route: &Route,
        datagram: &[u8],
        scratch: &mut [u8],
        counts: &mut Counts,
        now: Instant,
    ) {
        self.proven = true;
        match &mut self.speech {
            Speech::Undecided => {}
            Speech::Ice => {
                let length = (datagram.len() as u16).to_be_bytes();
                self.queue(&[&length, datagram], counts);
            }
            Speech::Turn(relay) => {
                let space = &mut scratch[..FRAME_MAX];
                match relay.wrap(route.local, datagram, now, space) {
                    Some(length) => self.queue(&[&scratch[..length]], counts),
                    None => counts.full += 1,
                }
            }
        }
    }

    /// All or nothing: half a frame would end the stream.
    fn queue(&mut self, parts: &[&[u8]], counts: &mut Counts) {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        if self.outbound.len() + length > QUEUE_BYTES {
            counts.full += 1;
            return;
        }
        for part in parts {
            self.outbound.extend(part.iter());
        }
    }

    /// Sends what the far end takes.
    pub(super) fn flush(&mut self) -> Result<(), End> {
        let done = || -> io::Result<()> {
            while !self.outbound.is_empty() {
                let (front, _) = self.outbound.as_slices();
                let count = self.pipe.write(front)?;
                if count == 0 {
                    return Ok(());
                }
                self.outbound.drain(..count);
            }
            self.pipe.flush()
        }();
        match done {
            Err(error) if error.kind() != ErrorKind::Interrupted => Err(End::Closed),
            _ => Ok(()),
        }
    }

    /// Whether it has had its time.
    pub(super) fn judge(&self, now: Instant) -> Result<(), End> {
        let age = now.saturating_duration_since(self.opened_at);
        let quiet = now.saturating_duration_since(self.heard_at);
        // An allocation proves credentials of ours. One that nobody uses is a spare way, and ends with its lifetime.
        let relay = self.is_relay();
        if !self.proven && !relay && age >= PROVEN_WITHIN {
            return Err(End::Unproven);
        }
        if quiet >= if relay { RELAY_IDLE_MAX } else { IDLE_MAX } {
            return Err(End::Idle);
        }
        Ok(())
    }
}

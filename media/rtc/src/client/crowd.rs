//! Many clients in one thread.

use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use super::{Client, ClientError, ClientIdentity, Packet};
use crate::socket::{Inbox, Readiness};

/// Clients that are polled together. They share one certificate.
pub struct Crowd {
    identity: ClientIdentity,
    clients: Vec<Client>,
    /// The socket of each client that `readiness` watches.
    watched: Vec<Option<RawFd>>,
    /// Clients that were lent out since the last turn: their sockets may be others.
    touched: Vec<usize>,
    /// Clients on bad lines: their datagrams come when their time has come, not when a socket is readable.
    on_lines: Vec<usize>,
    readiness: Option<Readiness>,
    ready: Vec<u32>,
    inbox: Inbox,
    /// When every client was last looked at, also those without datagrams.
    swept_at: Option<Instant>,
}

/// Messages taken from a socket in one call; each may be many datagrams.
const MESSAGES: usize = 8;
/// Between two looks at clients that received nothing.
const SWEEP_PAUSE: Duration = Duration::from_millis(20);

impl Crowd {
    /// Nobody yet.
    #[must_use]
    pub fn new(identity: ClientIdentity) -> Self {
        Self {
            identity,
            clients: Vec::new(),
            watched: Vec::new(),
            touched: Vec::new(),
            on_lines: Vec::new(),
            readiness: Readiness::new().ok(),
            ready: Vec::new(),
            inbox: Inbox::new(MESSAGES),
            swept_at: None,
        }
    }

    /// Adds a client and returns its number.
    pub fn add(&mut self, client: Client) -> usize {
        let number = self.clients.len();
        self.watched.push(None);
        self.touched.push(number);
        if client.has_line() {
            self.on_lines.push(number);
        }
        self.clients.push(client);
        number
    }

    /// Puts another client in the place of one that left, which is closed and returned.
    pub fn replace(&mut self, number: usize, client: Client) -> Client {
        self.on_lines.retain(|other| *other != number);
        if client.has_line() {
            self.on_lines.push(number);
        }
        self.watched[number] = None;
        self.touched.push(number);
        let mut left = std::mem::replace(&mut self.clients[number], client);
        left.close();
        left
    }

    /// The client of that number.
    pub fn client(&mut self, number: usize) -> &mut Client {
        if self.touched.last() != Some(&number) {
            self.touched.push(number);
        }
        &mut self.clients[number]
    }

    /// The client's offer.
    #[must_use]
    pub fn offer(&self, number: usize) -> String {
        self.clients[number].offer(&self.identity)
    }

    /// The client's answer to the offer of a server, after which it connects as it is polled.
    ///
    /// # Errors
    ///
    /// [`ClientError::Answer`] names what the offer lacks.
    pub fn answer(&mut self, number: usize, offer: &str) -> Result<String, ClientError> {
        let Self {
            identity, clients, ..
        } = self;
        clients[number].answer(identity, offer)
    }

    /// All clients.
    #[must_use]
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// Waits at most `timeout` for datagrams, takes them, and does what time asks for. Media packets go to `sink`.
    pub fn poll(&mut self, timeout: Duration, mut sink: impl FnMut(Packet<'_>)) {
        self.watch_touched();
        let Some(readiness) = &mut self.readiness else {
            return;
        };
        readiness.wait(timeout, &mut self.ready);
        let now = Instant::now();
        for index in 0..self.ready.len() {
            let number = self.ready[index] as usize;
            self.visit(number, now, true, &mut sink);
        }
        let sweep = self
            .swept_at
            .is_none_or(|at| now.saturating_duration_since(at) >= SWEEP_PAUSE);
        if sweep {
            self.swept_at = Some(now);
            for number in 0..self.clients.len() {
                self.visit(number, now, false, &mut sink);
            }
        } else {
            for index in 0..self.on_lines.len() {
                self.visit(self.on_lines[index], now, false, &mut sink);
            }
        }
    }

    fn visit(
        &mut self,
        number: usize,
        now: Instant,
        readable: bool,
        sink: &mut impl FnMut(Packet<'_>),
    ) {
        let Self {
            identity,
            clients,
            inbox,
            ..
        } = self;
        clients[number].poll(identity, inbox, now, readable, &mut |packet| {
            sink(Packet {
                client: number,
                ..packet
            });
        });
    }

    fn watch_touched(&mut self) {
        let Some(readiness) = &self.readiness else {
            return;
        };
        for number in self.touched.drain(..) {
            let fd = self.clients[number].socket.as_raw_fd();
            // A closed socket leaves the watch by itself; a refused watch is tried again when the client is touched again.
            if self.watched[number] != Some(fd) && readiness.watch(fd, number as u32).is_ok() {
                self.watched[number] = Some(fd);
            }
        }
    }
}

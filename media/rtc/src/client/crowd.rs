//! Many clients in one thread.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::{Client, ClientIdentity, Packet};
use crate::socket::{Inbox, readable};

/// Clients that are polled together. They share one certificate.
pub struct Crowd {
    identity: ClientIdentity,
    clients: Vec<Client>,
    inbox: Inbox,
    /// When every client was last looked at, also those without datagrams.
    swept_at: Option<Instant>,
}

/// Between two looks at clients that received nothing.
const SWEEP_PAUSE: Duration = Duration::from_millis(20);

impl Crowd {
    /// Nobody yet.
    #[must_use]
    pub fn new(identity: ClientIdentity) -> Self {
        Self {
            identity,
            clients: Vec::new(),
            inbox: Inbox::new(),
            swept_at: None,
        }
    }

    /// Adds a client and returns its number.
    pub fn add(&mut self, client: Client) -> usize {
        self.clients.push(client);
        self.clients.len() - 1
    }

    /// The client of that number.
    pub fn client(&mut self, number: usize) -> &mut Client {
        &mut self.clients[number]
    }

    /// The client's offer.
    #[must_use]
    pub fn offer(&self, number: usize) -> String {
        self.clients[number].offer(&self.identity)
    }

    /// All clients.
    #[must_use]
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// Waits at most `timeout` for datagrams, takes them, and does what time asks for. Media packets go to `sink`.
    pub fn poll(&mut self, timeout: Duration, mut sink: impl FnMut(Packet<'_>)) {
        let sources = self
            .clients
            .iter()
            .map(|client| client.socket.as_raw_fd())
            .collect::<Vec<_>>();
        let ready = readable(&sources, timeout);
        let now = Instant::now();
        let sweep = self
            .swept_at
            .is_none_or(|at| now.saturating_duration_since(at) >= SWEEP_PAUSE);
        if sweep {
            self.swept_at = Some(now);
        }
        for (number, (client, ready)) in self.clients.iter_mut().zip(ready).enumerate() {
            if ready || sweep {
                client.poll(&self.identity, &mut self.inbox, now, ready, &mut |packet| {
                    sink(Packet {
                        client: number,
                        ..packet
                    });
                });
            }
        }
    }
}

//! Agents on sockets.

use std::cell::RefCell;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::net::UdpSocket;

use crate::agent::{Agent, Outcome};

/// Largest UDP payload over IPv4.
const DATAGRAM_BYTES_MAX: usize = 65_507;
/// Requests that one agent answers before the others have their turn.
const TURN_REQUESTS: usize = 64;

thread_local! {
    /// One receive buffer for all agents that a thread serves: it is used between two awaits only.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; DATAGRAM_BYTES_MAX]);
}

/// Seconds since 1970, which never go back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_unix_s: f64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64());
        Self {
            started: Instant::now(),
            started_unix_s: unix,
        }
    }

    pub(crate) fn now(&self) -> f64 {
        self.started_unix_s + self.started.elapsed().as_secs_f64()
    }
}

/// An agent with its socket.
#[derive(Debug)]
pub(crate) struct Station {
    pub(crate) agent: Agent,
    pub(crate) socket: UdpSocket,
    pub(crate) clock: Clock,
    /// Request-ids of informs that nobody has confirmed.
    pub(crate) unconfirmed: Mutex<HashSet<i32>>,
}

impl Station {
    pub(crate) fn new(agent: Agent, socket: UdpSocket, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            agent,
            socket,
            clock,
            unconfirmed: Mutex::default(),
        })
    }

    /// Answers until the task is aborted.
    pub(crate) async fn serve(self: Arc<Self>) {
        loop {
            if let Err(error) = self.socket.readable().await {
                tracing::error!(%error, "lab agent lost its socket");
                return;
            }
            if self.turn() == TURN_REQUESTS {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Answers what has arrived, up to a turn's worth; returns how many datagrams that were.
    fn turn(&self) -> usize {
        BUFFER.with_borrow_mut(|buffer| {
            for count in 0..TURN_REQUESTS {
                match self.socket.try_recv_from(buffer) {
                    Ok((length, from)) => self.answer(&buffer[..length], from),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return count,
                    // An ICMP error of an earlier reply: whoever asked has gone.
                    Err(_) => {}
                }
            }
            TURN_REQUESTS
        })
    }

    fn answer(&self, datagram: &[u8], from: SocketAddr) {
        if self.agent.device.is_silent() {
            return;
        }
        match self.agent.handle(datagram, self.clock.now()) {
            // A full send buffer loses the reply, as a congested line would; the asker repeats itself.
            Outcome::Reply(reply) => drop(self.socket.try_send_to(&reply, from)),
            Outcome::Confirmed(request_id) => drop(self.unconfirmed().remove(&request_id)),
            Outcome::Drop => {}
        }
    }

    pub(crate) fn unconfirmed(&self) -> std::sync::MutexGuard<'_, HashSet<i32>> {
        self.unconfirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

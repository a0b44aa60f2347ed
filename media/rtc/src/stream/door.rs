//! Everything of the bridge that TCP comes in at, and what browsers are told of it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom as _, SystemRandom};

use super::{Adopted, Link, RelayTerms, Streams};
use crate::config::BridgeConfig;
use crate::error::BridgeError;
use crate::passage::{Doorbell, passage};
use crate::sdp;
use crate::socket::Waker;
use crate::stats::StreamStats;

/// Connections that wait in the system's queue.
const BACKLOG: i32 = 256;

/// A name and a password for the embedded TURN server.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayCredentials {
    /// The user name: when it ends (seconds since 1970), and whose it is.
    pub name: String,
    /// The password; it works for this name only.
    pub password: String,
}

impl std::fmt::Debug for RelayCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayCredentials")
            .field("name", &self.name)
            .field("password", &"***")
            .finish()
    }
}

/// The listeners, the relay's terms and the candidates.
pub(crate) struct Door {
    streams: Streams,
    relay: RelayTerms,
    /// As answers print them.
    candidates: Vec<String>,
}

impl Door {
    /// Opens it for a bridge that is bound at `addrs` and whose packet threads `doorbells` wake; `owner` says which of them knows an ICE user
    /// name. Returns each thread's ends of its passages.
    ///
    /// # Errors
    ///
    /// [`BridgeError::Listen`] names the address that is taken.
    pub(crate) fn open(
        config: &BridgeConfig,
        addrs: &[SocketAddr],
        doorbells: &[Doorbell],
        owner: fn(&[u8]) -> usize,
    ) -> Result<(Self, Vec<Link>), BridgeError> {
        let listeners = config
            .tcp
            .iter()
            .map(|addr| {
                listen(*addr).map_err(|source| BridgeError::Listen {
                    addr: *addr,
                    source,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut secret = [0; 32];
        SystemRandom::new()
            .fill(&mut secret)
            .map_err(|_| BridgeError::Random)?;
        let udp = sdp::reachable(addrs, &config.announce);
        let relay = RelayTerms::new(&secret, udp.clone());
        let waker = Waker::new()?;
        let doorbell = Doorbell::new(waker.clone());
        let mut links = Vec::with_capacity(doorbells.len());
        let mut ends = Vec::with_capacity(doorbells.len());
        for worker in doorbells {
            let (to_streams, exit) = passage(doorbell.clone());
            let (entrance, from_streams) = passage(worker.clone());
            links.push(Link { entrance, exit });
            ends.push(Link {
                entrance: to_streams,
                exit: from_streams,
            });
        }
        let streams = Streams::start(listeners, relay.clone(), (waker, doorbell), links, owner)?;
        let ports = streams.listening().iter().map(SocketAddr::port);
        let tcp = places(&udp, ports.chain(config.tcp_elsewhere.iter().copied()));
        let candidates = sdp::candidates(&udp, &tcp);
        let door = Self {
            streams,
            relay,
            candidates,
        };
        Ok((door, ends))
    }

    pub(crate) fn candidates(&self) -> &[String] {
        &self.candidates
    }

    pub(crate) fn listening(&self) -> &[SocketAddr] {
        self.streams.listening()
    }

    pub(crate) fn adopt(&self, adopted: Adopted) {
        self.streams.adopt(adopted);
    }

    pub(crate) fn credentials(&self, seat: u64, lasting: Duration) -> RelayCredentials {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let (name, password) = self.relay.credentials(seat, (now + lasting).as_secs());
        RelayCredentials { name, password }
    }

    pub(crate) fn stats(&self) -> StreamStats {
        self.streams.stats()
    }
}

/// Every place at which TCP is reachable: the hosts that UDP is announced for, best first, each with every port.
fn places(udp: &[SocketAddr], ports: impl Iterator<Item = u16> + Clone) -> Vec<SocketAddr> {
    let mut hosts = Vec::new();
    for addr in udp {
        if !hosts.contains(&addr.ip()) {
            hosts.push(addr.ip());
        }
    }
    let each = hosts.iter();
    each.flat_map(|host| ports.clone().map(|port| SocketAddr::new(*host, port)))
        .collect()
}

/// Listens on one address; IPv6 sockets take IPv6 only, so that both families can share a port.
fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(addr),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

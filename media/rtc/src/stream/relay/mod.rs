//! TURN (RFC 8656) for lines that let nothing out but TLS to one port, with the bridge as the only peer.
//!
//! The protocol is the `turn-server-proto` crate's, one machine a connection. It opens no sockets: the relayed address that a client gets
//! is a name under which the packet thread knows the connection, and what the client sends "to a peer" goes to that thread if
//! the peer is an address of the bridge, and nowhere else. So there is no way through to other hosts, to loopback or to other ports of
//! this one, in whatever spelling.
//!
//! The machine is told that its transport is UDP: where messages begin and end in the stream is [`super::frame`]'s to find (the crate's own
//! framing knows no padding of ChannelData, RFC 8656 section 12.5).

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ring::hmac;
use turn_server_proto::api::{
    DelayedMessageOrChannelSend, SocketAllocateError, TcpConnectError, Transmit, TurnServerApi,
    TurnServerPollRet,
};
use turn_server_proto::server::TurnServer;
use turn_server_proto::stun::types::attribute::{
    Attribute as _, AttributeFromRaw as _, AttributeStaticType as _, ErrorCode, Username,
};
use turn_server_proto::stun::types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageWrite as _, MessageWriteExt as _,
    MessageWriteVec,
};
use turn_server_proto::types::attribute::XorPeerAddress;
use turn_server_proto::types::message::{CHANNEL_BIND, CREATE_PERMISSION, SEND};
use turn_server_proto::types::prelude::DelayedTransmitBuild as _;
use turn_server_proto::types::{AddressFamily, TransportType};

/// The long-term credential's realm (RFC 8489 section 9.2).
const REALM: &str = "nhipcau";
/// First port of relayed addresses; one a connection.
pub(super) const RELAYED_PORT: u16 = 49_152;
/// Connections that may have one, by the ports that are left.
pub(super) const RELAYED_MAX: usize = 16_384;
/// Until an allocation is answered. Browsers stop looking for other ways once one works, and Chromium opens its direct TCP connection 50 ms
/// after it asks for a relay: without a head start the last resort wins on every short line. Less than the 250 ms after which they ask again.
pub(super) const HEAD_START: Duration = Duration::from_millis(100);
/// Letters of a password.
const PASSWORD_BYTES: usize = 20;

/// Who may use the relay, and to reach whom.
#[derive(Clone)]
pub(crate) struct RelayTerms {
    key: hmac::Key,
    peers: Arc<[SocketAddr]>,
}

impl RelayTerms {
    /// Terms with a secret of 32 bytes, and the addresses of the bridge that are told to browsers.
    pub(crate) fn new(secret: &[u8; 32], peers: Vec<SocketAddr>) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            peers: peers.into(),
        }
    }

    /// Name and password for `seat`, good for an allocation until `ends_at` (seconds since 1970).
    pub(crate) fn credentials(&self, seat: u64, ends_at: u64) -> (String, String) {
        let name = format!("{ends_at}:{seat}");
        let password = self.password(&name);
        (name, password)
    }

    fn password(&self, name: &str) -> String {
        let tag = hmac::sign(&self.key, name.as_bytes());
        tag.as_ref()[..PASSWORD_BYTES]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The password that belongs to `name`, unless its time is over or it is no name of ours.
    fn password_now(&self, name: &str) -> Option<String> {
        let (ends_at, seat) = name.split_once(':')?;
        let ends_at: u64 = ends_at.parse().ok()?;
        let _: u64 = seat.parse().ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        (now.as_secs() < ends_at).then(|| self.password(name))
    }

    fn address(&self, family: AddressFamily) -> Option<IpAddr> {
        let wanted = |peer: &&SocketAddr| (family == AddressFamily::IPV4) == peer.is_ipv4();
        self.peers.iter().find(wanted).map(SocketAddr::ip)
    }

    /// The bridge's address and port with this IP.
    fn peer(&self, ip: IpAddr) -> Option<SocketAddr> {
        self.peers.iter().find(|peer| peer.ip() == ip).copied()
    }
}

/// What became of a client's message.
pub(super) enum Said {
    /// Nothing more.
    Nothing,
    /// An answer for the client.
    Reply(Vec<u8>),
    /// The bytes at `range` are a datagram for the bridge's address `to`.
    Forward { to: SocketAddr, range: Range<usize> },
    /// It was meant for a peer that is not the bridge; perhaps with an answer that says so.
    Forbidden(Option<Vec<u8>>),
}

/// One client's machine.
pub(super) struct Relay {
    server: TurnServer,
    terms: RelayTerms,
    client: SocketAddr,
    listen: SocketAddr,
    started: Instant,
    user: Option<(String, String)>,
    relayed: Option<SocketAddr>,
    /// When what the machine has to say about an allocation is said.
    answer_at: Option<Instant>,
}

impl Relay {
    pub(super) fn new(
        terms: RelayTerms,
        client: SocketAddr,
        listen: SocketAddr,
        now: Instant,
    ) -> Self {
        Self {
            server: TurnServer::new(TransportType::Udp, listen, REALM.to_owned()),
            terms,
            client,
            listen,
            started: now,
            user: None,
            relayed: None,
            answer_at: None,
        }
    }

    /// Who uses it, once a name was right in form and time. Whether its password is right the allocation shows.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_ref().map(|(name, _)| name.as_str())
    }

    /// The name under which the packet thread knows it, once there is an allocation.
    pub(super) fn relayed(&self) -> Option<SocketAddr> {
        self.relayed
    }

    /// When it wants to be settled next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.answer_at
    }

    fn clock(&self, now: Instant) -> turn_server_proto::types::Instant {
        let elapsed = now.saturating_duration_since(self.started).as_nanos();
        turn_server_proto::types::Instant::from_nanos(i64::try_from(elapsed).unwrap_or(i64::MAX))
    }

    /// Takes one message of the client.
    pub(super) fn take(&mut self, bytes: &[u8], now: Instant) -> Said {
        if let Ok(message) = Message::from_bytes(bytes) {
            if self.user.is_none()
                && let Ok(name) = message.attribute::<Username>()
                && let Some(password) = self.terms.password_now(name.username())
            {
                let name = name.username().to_owned();
                self.server.add_user(name.clone(), password.clone());
                self.user = Some((name, password));
            }
            if self.is_forbidden(&message) {
                return Said::Forbidden(self.refusal(&message));
            }
        }
        let clock = self.clock(now);
        let transmit = Transmit::new(bytes, TransportType::Udp, self.client, self.listen);
        let Some(out) = self.server.recv(transmit, clock) else {
            return Said::Nothing;
        };
        if out.to == self.client {
            return Said::Reply(out.data.build());
        }
        match out.data {
            DelayedMessageOrChannelSend::Range(_, range)
                if Some(out.from) == self.relayed && self.terms.peers.contains(&out.to) =>
            {
                Said::Forward { to: out.to, range }
            }
            _ => Said::Forbidden(None),
        }
    }

    /// Whether the message asks for a peer that is not the bridge. A permission is for all ports of an address.
    fn is_forbidden(&self, message: &Message<'_>) -> bool {
        let method = message.method();
        if ![CREATE_PERMISSION, CHANNEL_BIND, SEND].contains(&method) {
            return false;
        }
        let mut peers = message
            .iter_attributes()
            .filter(|(_, attribute)| attribute.get_type() == XorPeerAddress::TYPE)
            .filter_map(|(_, attribute)| {
                let peer = XorPeerAddress::from_raw_ref(&attribute).ok()?;
                Some(peer.addr(message.transaction_id()))
            });
        peers.any(|peer| match method {
            CREATE_PERMISSION => self.terms.peer(peer.ip()).is_none(),
            _ => !self.terms.peers.contains(&peer),
        })
    }

    /// 403 (RFC 8656 section 9.2), signed, for a client that has an allocation and asks.
    fn refusal(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        let (name, password) = self.user.clone().filter(|_| self.relayed.is_some())?;
        if message.method() == SEND {
            return None;
        }
        let error = ErrorCode::builder(ErrorCode::FORBIDDEN).build().ok()?;
        let mut answer = Message::builder_error(message, MessageWriteVec::new());
        answer.add_attribute(&error).ok()?;
        let credentials = LongTermKeyCredentials::new(name, password, REALM.to_owned());
        answer
            .add_message_integrity_with_key(
                &credentials.make_key(IntegrityAlgorithm::Sha1),
                IntegrityAlgorithm::Sha1,
            )
            .ok()?;
        Some(answer.finish())
    }

    /// Does what the machine asks for; `port` is the connection's, and `granted` whether its user may have an allocation. Hands answers
    /// to `reply`. Returns `false` when the allocation has ended.
    pub(super) fn settle(
        &mut self,
        port: u16,
        granted: bool,
        now: Instant,
        mut reply: impl FnMut(&[u8]),
    ) -> bool {
        let clock = self.clock(now);
        let mut lives = true;
        loop {
            match self.server.poll(clock) {
                TurnServerPollRet::WaitUntil(_) => break,
                TurnServerPollRet::AllocateSocket {
                    transport,
                    listen_addr,
                    client_addr,
                    allocation_transport,
                    family,
                } => {
                    let address = match self.terms.address(family) {
                        _ if allocation_transport != TransportType::Udp || !granted => {
                            Err(SocketAllocateError::InsufficientCapacity)
                        }
                        // One address a connection: a second family would need a second name.
                        _ if self.relayed.is_some() => {
                            Err(SocketAllocateError::InsufficientCapacity)
                        }
                        None => Err(SocketAllocateError::AddressFamilyNotSupported),
                        Some(ip) => Ok(SocketAddr::new(ip, port)),
                    };
                    self.relayed = self.relayed.or(address.ok());
                    self.answer_at = Some(now + HEAD_START);
                    self.server.allocated_socket(
                        transport,
                        listen_addr,
                        client_addr,
                        allocation_transport,
                        family,
                        address,
                        clock,
                    );
                }
                TurnServerPollRet::TcpConnect {
                    relayed_addr,
                    peer_addr,
                    listen_addr,
                    client_addr,
                } => self.server.tcp_connected(
                    relayed_addr,
                    peer_addr,
                    listen_addr,
                    client_addr,
                    Err(TcpConnectError::Forbidden),
                    clock,
                ),
                TurnServerPollRet::TcpClose { .. } => {}
                TurnServerPollRet::SocketClose { .. } => lives = false,
            }
        }
        if self.answer_at.is_none_or(|at| now >= at) {
            self.answer_at = None;
            while let Some(transmit) = self.server.poll_transmit(clock) {
                reply(&transmit.data);
            }
        }
        lives
    }

    /// Wraps a datagram of the bridge, sent from its address `from`, for the client; `None` when the client has not allowed it.
    /// Returns the length in `space`, which has room for a datagram and [`super::frame::FRAME_MAX`] minus that.
    pub(super) fn wrap(
        &mut self,
        from: Option<IpAddr>,
        datagram: &[u8],
        now: Instant,
        space: &mut [u8],
    ) -> Option<usize> {
        let relayed = self.relayed?;
        let peer = match from {
            Some(ip) => self.terms.peer(ip)?,
            None => *self.terms.peers.first()?,
        };
        let clock = self.clock(now);
        let transmit = Transmit::new(datagram, TransportType::Udp, peer, relayed);
        let out = self.server.recv(transmit, clock)?;
        let length = out.data.len();
        let padded = length.next_multiple_of(4);
        if out.to != self.client || padded > space.len() {
            return None;
        }
        match out.data {
            DelayedMessageOrChannelSend::Channel(data) => {
                data.write_into(&mut space[..length]);
            }
            // Until the client has bound a channel. Written in place, 0.7.3 calls an indication for a client Send instead of Data.
            indication => space[..length].copy_from_slice(&indication.build()),
        }
        space[length..padded].fill(0);
        Some(padded)
    }
}

#[cfg(test)]
mod tests;

//! A light real peer: a controlling ICE client, DTLS and SRTP over its own UDP socket, with VP8-shaped and Opus-shaped packets.
//! Hundreds run in one thread (see [`Crowd`]). For tests, benchmarks and the load tool; it never loads a codec.

mod crowd;
mod media;
mod sdp;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use nhipcau_sfu::twcc::Recorder;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::dtls::{Dtls, Identity, Progress};
use crate::socket::{Inbox, Outbox, Route, Socket};
use crate::srtp::{Profile, Session};
use crate::stun;

/// Binds the calling thread, and those that it starts, to a core; for benchmarks.
pub fn pin_thread(core: usize) {
    crate::socket::pin_thread(core);
}

pub use crowd::Crowd;
use media::{InStream, OutStream};
pub use media::{Packet, Received, SlotCounts};

/// Between two checks before the connection stands.
const CHECK_PAUSE: Duration = Duration::from_millis(100);
/// Between two consent checks (RFC 7675 section 5.1 asks for 4 to 6 s; browsers send more often).
const CONSENT_PAUSE: Duration = Duration::from_secs(2);
/// Between two feedbacks about received packets.
const FEEDBACK_PAUSE: Duration = Duration::from_millis(100);
/// Packets kept for the bridge's NACKs, by layer.
const SENT_KEPT: usize = 256;

/// Which SRTP profile a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// `SRTP_AEAD_AES_128_GCM`, as browsers of today.
    Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80` only, as room systems.
    Cm,
}

/// What a client sends and how much it receives.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Local address; the port is free.
    pub bind: IpAddr,
    /// Simulcast layers that it sends, 0 to 3. One layer goes without rids.
    pub layers: usize,
    /// Whether it sends sound.
    pub audio: bool,
    /// Audio m-lines to receive in.
    pub slots_audio: usize,
    /// Video m-lines to receive in.
    pub slots_video: usize,
    /// SRTP profile.
    pub protection: Protection,
    /// Kernel buffer for what arrives, in bytes.
    pub buffer_bytes: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            bind: IpAddr::from([127, 0, 0, 1]),
            layers: 0,
            audio: false,
            slots_audio: 3,
            slots_video: 12,
            protection: Protection::Gcm,
            buffer_bytes: 1 << 20,
        }
    }
}

/// What went wrong in a client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The socket.
    #[error("socket: {0}")]
    Io(#[from] io::Error),
    /// The certificate.
    #[error("certificate: {0}")]
    Certificate(String),
    /// The bridge's answer lacks something.
    #[error("answer: {0}")]
    Answer(&'static str),
}

/// Certificates are dear to make; clients may share one, as tabs of one browser do not, but the bridge cannot tell.
pub struct ClientIdentity(Identity);

impl ClientIdentity {
    /// Makes a certificate.
    ///
    /// # Errors
    ///
    /// [`ClientError::Certificate`].
    pub fn new(protection: Protection) -> Result<Self, ClientError> {
        let profile = match protection {
            Protection::Gcm => Profile::AeadAes128Gcm,
            Protection::Cm => Profile::Aes128CmSha1,
        };
        Identity::new(true, &[profile])
            .map(Self)
            .map_err(ClientError::Certificate)
    }

    /// The certificate as in `a=fingerprint`.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }
}

/// The bridge as the client knows it from the answer.
struct Remote {
    route: Route,
    username: String,
    key: hmac::Key,
    fingerprint: [u8; 32],
}

/// One peer.
pub struct Client {
    options: ClientOptions,
    socket: Socket,
    outbox: Outbox,
    ufrag: String,
    session: u64,
    remote: Option<Remote>,
    transaction: [u8; 12],
    checked_at: Option<Instant>,
    validated: bool,
    dtls: Option<Dtls>,
    srtp: Option<Session>,
    rtcp_index: u32,
    /// Audio first, then layers, lowest first.
    out: Vec<OutStream>,
    transport_next: u16,
    inbound: Vec<InStream>,
    recorder: Recorder,
    feedback_at: Instant,
    received: Received,
}

impl Client {
    /// Binds a socket.
    ///
    /// # Errors
    ///
    /// [`ClientError::Io`].
    pub fn new(options: ClientOptions, now: Instant) -> Result<Self, ClientError> {
        let socket =
            Socket::bind_with_buffer(SocketAddr::new(options.bind, 0), options.buffer_bytes)?;
        let mut random = [0; 24];
        SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| ClientError::Certificate("no random numbers".to_owned()))?;
        let word = |at: usize| {
            u32::from_be_bytes([random[at], random[at + 1], random[at + 2], random[at + 3]])
        };
        let out = (0..=options.layers)
            .map(|place| OutStream::new(place, word(8).wrapping_add(place as u32)))
            .collect();
        Ok(Self {
            socket,
            outbox: Outbox::with_capacity(1 << 16),
            ufrag: format!("c{:08x}", word(0)),
            session: u64::from(word(4)),
            remote: None,
            transaction: [0; 12],
            checked_at: None,
            validated: false,
            dtls: None,
            srtp: None,
            rtcp_index: 0,
            out,
            transport_next: word(20) as u16,
            inbound: Vec::new(),
            recorder: Recorder::new(now),
            feedback_at: now,
            received: Received::default(),
            options,
        })
    }

    /// The offer, in the shape that the page's has.
    #[must_use]
    pub fn offer(&self, identity: &ClientIdentity) -> String {
        sdp::offer(
            &self.options,
            &self.ufrag,
            self.session,
            identity.fingerprint(),
            &self.out,
        )
    }

    /// Takes the bridge's answer; the client then connects as it is polled. A second answer (after [`Self::restart_ice`]) keeps keys.
    ///
    /// # Errors
    ///
    /// [`ClientError::Answer`] names what the answer lacks.
    pub fn accept(&mut self, answer: &str) -> Result<(), ClientError> {
        let answer = sdp::parse_answer(answer)?;
        let remote = answer
            .candidates
            .iter()
            .find(|addr| addr.is_ipv4() == self.options.bind.is_ipv4())
            .ok_or(ClientError::Answer("no candidate of this address family"))?;
        self.remote = Some(Remote {
            route: Route {
                socket: 0,
                local: None,
                remote: *remote,
            },
            username: format!("{}:{}", answer.ufrag, self.ufrag),
            key: stun::integrity_key(&answer.pwd),
            fingerprint: answer.fingerprint,
        });
        self.validated = false;
        self.checked_at = None;
        let before = std::mem::take(&mut self.inbound);
        self.inbound = match before.len() == answer.streams.len() {
            // The slots keep their SSRCs; their state must outlive the renegotiation as the keys do.
            true => before,
            false => answer.streams.into_iter().map(InStream::new).collect(),
        };
        Ok(())
    }

    /// New ICE credentials for the next offer; keys stay.
    pub fn restart_ice(&mut self) {
        self.ufrag.push('r');
        self.checked_at = None;
    }

    /// Moves to another local port, as a NAT does.
    ///
    /// # Errors
    ///
    /// [`ClientError::Io`].
    pub fn change_port(&mut self) -> Result<(), ClientError> {
        self.socket = Socket::bind_with_buffer(
            SocketAddr::new(self.options.bind, 0),
            self.options.buffer_bytes,
        )?;
        self.checked_at = None;
        Ok(())
    }

    /// Whether keys are known.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.srtp.is_some()
    }

    /// The local address.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.socket.local_addr()
    }

    /// What has arrived so far.
    #[must_use]
    pub fn received(&self) -> &Received {
        &self.received
    }

    /// Sends raw bytes to the bridge from this client's address.
    pub fn send_raw(&mut self, datagram: &[u8]) {
        if let Some(remote) = &self.remote {
            self.outbox.space()[..datagram.len()].copy_from_slice(datagram);
            self.outbox.commit(&remote.route, datagram.len());
            self.outbox.flush(std::slice::from_ref(&self.socket));
        }
    }

    /// Receives what waits, answers what needs an answer, and does what time asks for. Media packets go to `sink`.
    fn poll(
        &mut self,
        identity: &ClientIdentity,
        inbox: &mut Inbox,
        now: Instant,
        readable: bool,
        sink: &mut dyn FnMut(Packet<'_>),
    ) {
        let mut more = readable;
        while more {
            more = inbox.receive(&self.socket);
            for index in 0..inbox.len() {
                if let Some((_, datagram)) = inbox.datagram(index, 0) {
                    self.take(datagram, identity, now, sink);
                }
            }
        }
        self.check(now);
        if let Some(dtls) = &mut self.dtls {
            dtls.tick(now);
        }
        self.send_dtls();
        if now.saturating_duration_since(self.feedback_at) >= FEEDBACK_PAUSE {
            self.feedback_at = now;
            self.send_feedback();
        }
        self.outbox.flush(std::slice::from_ref(&self.socket));
    }

    fn check(&mut self, now: Instant) {
        let Some(remote) = &self.remote else { return };
        let pause = if self.validated {
            CONSENT_PAUSE
        } else {
            CHECK_PAUSE
        };
        if self
            .checked_at
            .is_some_and(|at| now.saturating_duration_since(at) < pause)
        {
            return;
        }
        self.checked_at = Some(now);
        let count = u32::from_be_bytes([
            self.transaction[0],
            self.transaction[1],
            self.transaction[2],
            self.transaction[3],
        ]);
        self.transaction[..4].copy_from_slice(&(count + 1).to_be_bytes());
        self.transaction[4..].copy_from_slice(&self.session.to_be_bytes());
        let length = stun::write_request(
            &remote.username,
            &remote.key,
            self.transaction,
            self.outbox.space(),
        );
        self.outbox.commit(&remote.route, length);
    }

    fn take(
        &mut self,
        datagram: &mut [u8],
        identity: &ClientIdentity,
        now: Instant,
        sink: &mut dyn FnMut(Packet<'_>),
    ) {
        match datagram.first() {
            Some(0..=3) if stun::is_success(datagram, &self.transaction) => {
                self.validated = true;
                if self.dtls.is_none()
                    && let Some(remote) = &self.remote
                {
                    self.dtls = Dtls::connect(&identity.0, remote.fingerprint, now);
                }
            }
            Some(20..=63) => {
                if let Some(dtls) = &mut self.dtls
                    && let Progress::Connected(session) = dtls.read(datagram, now)
                {
                    self.srtp = Some(*session);
                }
            }
            Some(128..=191) if datagram.len() >= 12 => {
                if (192..=223).contains(&datagram[1]) {
                    self.take_rtcp(datagram);
                } else {
                    self.take_rtp(datagram, now, sink);
                }
            }
            _ => {}
        }
    }

    fn send_dtls(&mut self) {
        let (Some(dtls), Some(remote)) = (&mut self.dtls, &self.remote) else {
            return;
        };
        while let Some(datagram) = dtls.poll_transmit() {
            self.outbox.space()[..datagram.len()].copy_from_slice(&datagram);
            self.outbox.commit(&remote.route, datagram.len());
        }
    }
}

impl Client {
    /// Says goodbye in DTLS.
    pub fn close(&mut self) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close(Instant::now());
        }
        self.send_dtls();
        self.outbox.flush(std::slice::from_ref(&self.socket));
        self.remote = None;
    }
}

//! A light real peer: a full ICE agent with one host candidate, DTLS and SRTP over its own UDP socket, with VP8-shaped and
//! Opus-shaped packets. A thousand run in one thread (see [`Crowd`]). For tests, benchmarks and the load tool; it never loads a codec.

mod crowd;
mod foreign;
mod line;
mod media;
mod receive;
mod road;
mod sdp;
mod shaped;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use nhipcau_sfu::Codec;
use nhipcau_sfu::twcc::Recorder;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::dtls::{Dtls, Identity, Progress};
use crate::socket::{Inbox, Outbox, Route, Socket};
use crate::srtp::{Profile, Session};
use crate::stun::{self, BindingRequest, Role};

/// Binds the calling thread, and those that it starts, to a core; for benchmarks.
pub fn pin_thread(core: usize) {
    crate::socket::pin_thread(core);
}

pub use crowd::Crowd;
use line::Line;
pub use line::{LineCounts, LineOptions};
use media::OutStream;
use receive::InStream;
pub use receive::{Packet, Received, SlotCounts};
pub use road::Road;
pub use shaped::Shaped;

/// Between two checks before the connection stands.
const CHECK_PAUSE: Duration = Duration::from_millis(100);
/// Between two consent checks (RFC 7675 section 5.1 asks for 4 to 6 s; browsers send more often).
const CONSENT_PAUSE: Duration = Duration::from_secs(2);
/// Between two feedbacks about received packets.
const FEEDBACK_PAUSE: Duration = Duration::from_millis(100);
/// Between two reports about received and sent streams (RFC 3550 asks for 5 s on average; browsers report every second).
const REPORT_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at what is missing.
const REPAIR_PAUSE: Duration = Duration::from_millis(10);
/// Packets kept for the bridge's NACKs, by layer.
const SENT_KEPT: usize = 256;
/// Checks whose answer is still taken: those of three seconds.
const CHECKS_OPEN: u32 = 32;
/// Candidates of a server that are tried.
const CANDIDATES_MAX: usize = 4;
/// Bytes that wait to be sent by a client that publishes, and by one that does not.
const OUTBOX_BYTES: (usize, usize) = (1 << 16, 1 << 14);

/// Which SRTP profile a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// `SRTP_AEAD_AES_128_GCM`, as browsers of today.
    Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80` only, as room systems.
    Cm,
}

/// Which m-lines a client offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// As our page: sound and picture to send, then the slots, then what is shared.
    #[default]
    Page,
    /// As a WHIP encoder (RFC 9725): only what is sent.
    Whip,
    /// As a WHEP viewer: only the slots.
    Whep,
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
    /// Layers of a shared screen, 0 to 3; a screen comes with sound.
    pub slides: usize,
    /// Layers of a document camera, 0 to 3.
    pub document: usize,
    /// Audio m-lines to receive in.
    pub slots_audio: usize,
    /// Video m-lines to receive in.
    pub slots_video: usize,
    /// SRTP profile.
    pub protection: Protection,
    /// Kernel buffer for what arrives, in bytes.
    pub buffer_bytes: usize,
    /// M-lines of the offer.
    pub shape: Shape,
    /// Codecs of pictures that it offers.
    pub codecs: Vec<Codec>,
    /// Whether it offers redundant sound (RFC 2198).
    pub red: bool,
    /// Whether it asks for lost packets of pictures again and reports what it receives, as browsers do.
    pub repair: bool,
    /// The line to the bridge.
    pub line: LineOptions,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            bind: IpAddr::from([127, 0, 0, 1]),
            layers: 0,
            audio: false,
            slides: 0,
            document: 0,
            slots_audio: 3,
            slots_video: 12,
            protection: Protection::Gcm,
            buffer_bytes: 1 << 20,
            shape: Shape::Page,
            codecs: vec![Codec::Vp8],
            red: false,
            repair: false,
            line: LineOptions::default(),
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
    /// All of its candidates; `route` leads to the one that answered.
    candidates: Vec<SocketAddr>,
    username: String,
    key: hmac::Key,
    fingerprint: [u8; 32],
}

/// One peer.
pub struct Client {
    options: ClientOptions,
    socket: Socket,
    outbox: Outbox,
    line: Option<Box<Line>>,
    ufrag: String,
    pwd: String,
    session: u64,
    remote: Option<Remote>,
    /// Whether it decides which pair is used, as who offers does.
    controlling: bool,
    /// Whether the other side, which decides, has chosen this pair.
    nominated: bool,
    checks: u32,
    checked_at: Option<Instant>,
    validated: bool,
    dtls: Option<Dtls>,
    srtp: Option<Session>,
    closed: bool,
    rtcp_index: u32,
    /// Sound first, then layers, lowest first; then the same of each further track.
    out: Vec<OutStream>,
    transport_next: u16,
    inbound: Vec<InStream>,
    recorder: Recorder,
    feedback_at: Instant,
    report_at: Instant,
    repair_at: Instant,
    received: Received,
}

impl Client {
    /// Binds a socket.
    ///
    /// # Errors
    ///
    /// [`ClientError::Io`].
    pub fn new(options: ClientOptions, now: Instant) -> Result<Self, ClientError> {
        let socket = bind(&options)?;
        let mut random = [0; 40];
        SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| ClientError::Certificate("no random numbers".to_owned()))?;
        let word = |at: usize| {
            u32::from_be_bytes([random[at], random[at + 1], random[at + 2], random[at + 3]])
        };
        let out = sdp::streams(&options)
            .into_iter()
            .zip(0u32..)
            .map(|(encoding, place)| OutStream::new(encoding, word(8).wrapping_add(place)))
            .collect();
        Ok(Self {
            socket,
            outbox: Outbox::with_capacity(if options.layers > 0 {
                OUTBOX_BYTES.0
            } else {
                OUTBOX_BYTES.1
            }),
            line: (!options.line.is_plain()).then(|| Box::new(Line::new(options.line, now))),
            ufrag: format!("c{:08x}", word(0)),
            pwd: random[24..]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            session: u64::from(word(4)),
            remote: None,
            controlling: true,
            nominated: false,
            checks: 0,
            checked_at: None,
            validated: false,
            dtls: None,
            srtp: None,
            closed: false,
            rtcp_index: 0,
            out,
            transport_next: word(20) as u16,
            inbound: Vec::new(),
            recorder: Recorder::new(now),
            feedback_at: now,
            report_at: now,
            repair_at: now,
            received: Received::default(),
            options,
        })
    }

    /// The offer, in the shape that the page's has.
    #[must_use]
    pub fn offer(&self, identity: &ClientIdentity) -> String {
        sdp::offer(
            &self.options,
            (&self.ufrag, &self.pwd),
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
        self.connect_to(&answer.transport)?;
        let before = std::mem::take(&mut self.inbound);
        self.inbound = match before.len() == answer.streams.len() {
            // The slots keep their SSRCs; their state must outlive the renegotiation as the keys do.
            true => before,
            false => answer.streams.into_iter().map(InStream::new).collect(),
        };
        Ok(())
    }

    /// Answers the offer of a server that wants to send: one audio and one video m-line are taken, as they come.
    fn answer(&mut self, identity: &ClientIdentity, offer: &str) -> Result<String, ClientError> {
        let offer = foreign::parse_offer(offer)?;
        self.controlling = offer.transport.lite;
        self.connect_to(&offer.transport)?;
        self.inbound = offer.streams().map(InStream::new).collect();
        let addr = self.local_addr();
        Ok(offer.answer((&self.ufrag, &self.pwd), addr, identity.fingerprint()))
    }

    fn connect_to(&mut self, transport: &sdp::Transport) -> Result<(), ClientError> {
        let mut candidates = transport.candidates.clone();
        candidates.retain(|addr| addr.is_ipv4() == self.options.bind.is_ipv4());
        candidates.truncate(CANDIDATES_MAX);
        let remote = *candidates
            .first()
            .ok_or(ClientError::Answer("no candidate of this address family"))?;
        self.remote = Some(Remote {
            route: Route {
                socket: 0,
                local: None,
                remote,
            },
            candidates,
            username: format!("{}:{}", transport.ufrag, self.ufrag),
            key: stun::integrity_key(&transport.pwd),
            fingerprint: transport.fingerprint,
        });
        self.validated = false;
        self.checked_at = None;
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
        self.socket = bind(&self.options)?;
        self.checked_at = None;
        Ok(())
    }

    /// Whether its line does anything to datagrams.
    pub(super) fn has_line(&self) -> bool {
        self.line.is_some()
    }

    /// What its line did to what it sent and to what it was to receive.
    #[must_use]
    pub fn line_counts(&self) -> (LineCounts, LineCounts) {
        self.line
            .as_ref()
            .map_or_else(Default::default, |line| (line.up.counts, line.down.counts))
    }

    /// Whether keys are known.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.srtp.is_some()
    }

    /// Whether the other side has closed the association.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
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
        if self.remote.is_some() {
            self.outbox.space()[..datagram.len()].copy_from_slice(datagram);
            self.dispatch(datagram.len());
            self.flush();
        }
    }

    /// Puts the first `length` bytes of the outbox's space on the way.
    fn dispatch(&mut self, length: usize) {
        let Some(remote) = &self.remote else { return };
        match &mut self.line {
            Some(line) => line
                .up
                .offer(&self.outbox.space()[..length], Instant::now()),
            None => self.outbox.commit(&remote.route, length),
        }
        if self.outbox.is_full() {
            self.flush();
        }
    }

    /// Sends what was queued. Polling does it too.
    pub fn flush(&mut self) {
        self.outbox.flush(std::slice::from_ref(&self.socket));
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
            inbox.each(0, |arrived| match (arrived, &mut self.line) {
                (Some((_, datagram)), Some(line)) => line.down.offer(datagram, now),
                (Some((route, datagram)), None) => {
                    self.take(route.remote, datagram, identity, now, sink);
                }
                (None, _) => {}
            });
        }
        if self.line.is_some() {
            self.follow_line(identity, now, sink);
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
        if self.options.repair {
            self.repair_and_report(now);
        }
        self.flush();
    }

    /// Takes what has arrived over a bad line, in both directions.
    fn follow_line(
        &mut self,
        identity: &ClientIdentity,
        now: Instant,
        sink: &mut dyn FnMut(Packet<'_>),
    ) {
        let Some(source) = self.remote.as_ref().map(|remote| remote.route.remote) else {
            return;
        };
        while let Some(mut datagram) = self.line.as_mut().and_then(|line| line.down.arrive(now)) {
            self.take(source, &mut datagram, identity, now, sink);
        }
        while let Some(datagram) = self.line.as_mut().and_then(|line| line.up.arrive(now)) {
            if let Some(remote) = &self.remote {
                self.outbox.space()[..datagram.len()].copy_from_slice(&datagram);
                self.outbox.commit(&remote.route, datagram.len());
            }
            if self.outbox.is_full() {
                self.flush();
            }
        }
    }

    fn check(&mut self, now: Instant) {
        let Some(remote) = &mut self.remote else {
            return;
        };
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
        if !self.validated {
            // In turn, until one answers.
            let turn = self.checks as usize % remote.candidates.len();
            remote.route.remote = remote.candidates[turn];
        }
        self.checks += 1;
        let role = if self.controlling {
            Role::Controlling(self.session)
        } else {
            Role::Controlled(self.session)
        };
        let transaction = transaction(self.checks, self.session);
        let length = stun::write_request(
            &remote.username,
            &remote.key,
            role,
            transaction,
            self.outbox.space(),
        );
        self.dispatch(length);
    }

    fn take(
        &mut self,
        source: SocketAddr,
        datagram: &mut [u8],
        identity: &ClientIdentity,
        now: Instant,
        sink: &mut dyn FnMut(Packet<'_>),
    ) {
        match datagram.first() {
            Some(0..=3) => self.take_stun(source, datagram, identity, now),
            Some(20..=63) => {
                if let Some(dtls) = &mut self.dtls {
                    match dtls.read(datagram, now) {
                        Progress::Connected(session) => self.srtp = Some(*session),
                        Progress::Closed => self.closed = true,
                        _ => {}
                    }
                }
            }
            Some(128..=191) if datagram.len() >= 12 => {
                if (192..=223).contains(&datagram[1]) {
                    self.take_rtcp(datagram, now);
                } else {
                    self.take_rtp(datagram, now, sink);
                }
            }
            _ => {}
        }
    }

    /// Takes the answer to a check of ours, or answers a check of the other side.
    fn take_stun(
        &mut self,
        source: SocketAddr,
        datagram: &[u8],
        identity: &ClientIdentity,
        now: Instant,
    ) {
        let Some(remote) = &mut self.remote else {
            return;
        };
        if let Some(answered) = stun::success_of(datagram) {
            let latest = self.checks;
            let ours = (latest.saturating_sub(CHECKS_OPEN)..=latest)
                .any(|check| transaction(check, self.session) == answered);
            if ours && !self.validated {
                self.validated = true;
                remote.route.remote = source;
            }
        } else if let Some(request) = BindingRequest::parse(datagram)
            && request.ufrag == self.ufrag.as_bytes()
        {
            let key = stun::integrity_key(&self.pwd);
            if request.is_authentic(&key) {
                self.nominated |= request.use_candidate;
                let length = request.respond(source, &key, self.outbox.space());
                let back = Route {
                    remote: source,
                    ..remote.route
                };
                self.outbox.commit(&back, length);
            }
        }
        if self.validated && (self.controlling || self.nominated) && self.dtls.is_none() {
            self.dtls = Dtls::connect(&identity.0, remote.fingerprint, now);
        }
    }

    fn send_dtls(&mut self) {
        while let Some(datagram) = self.dtls.as_mut().and_then(Dtls::poll_transmit) {
            self.outbox.space()[..datagram.len()].copy_from_slice(&datagram);
            self.dispatch(datagram.len());
        }
    }

    /// Says goodbye in DTLS.
    pub fn close(&mut self) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close(Instant::now());
        }
        self.send_dtls();
        self.flush();
        self.remote = None;
    }
}

fn bind(options: &ClientOptions) -> io::Result<Socket> {
    Socket::bind_with_buffer(SocketAddr::new(options.bind, 0), options.buffer_bytes)
}

/// The transaction of the check with that number.
fn transaction(check: u32, session: u64) -> [u8; 12] {
    let mut transaction = [0; 12];
    transaction[..4].copy_from_slice(&check.to_be_bytes());
    transaction[4..].copy_from_slice(&session.to_be_bytes());
    transaction
}

//! One peer's DTLS association (RFC 6347), passive, by the `rtc-dtls` crate.
//!
//! Each peer has an endpoint of its own under a made-up address: ICE decides where datagrams go, so an association outlives a
//! change of address, and one peer's state cannot be reached through another's.
//!
//! Flights are repeated here until they are answered. The crate's own timer (0.21.1) is lost with the first piece of the peer's flight, or
//! with a repeated one, and over a road that loses packets a third of the handshakes never ended.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;

use crate::client_hello::{Offer, offer};
use crate::srtp::{EXPORTER_LABEL, Profile, Session};

/// Datagrams of one handshake, both the client's repetitions and its fragments included; a browser needs about 6.
const DATAGRAMS_MAX: u32 = 200;
/// Datagrams that are held back until the ClientHello is whole; Chromium's has 2, and a lost one is repeated with the other.
const HELLO_DATAGRAMS_MAX: usize = 4;
/// Until a flight that brought no answer is repeated; doubled up to the longest. Chromium begins with 50 ms, the RFC proposes a second.
const REPEAT_FIRST: Duration = Duration::from_millis(250);
const REPEAT_LAST: Duration = Duration::from_secs(2);
/// Repetitions of one flight: half a minute.
const REPEATS_MAX: u32 = 18;
/// Content types of records that belong to a flight (RFC 6347 section 4.1).
const FLIGHT_TYPES: [u8; 2] = [20, 22];
/// The address of every peer in its own endpoint (RFC 5737, never on a wire).
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

/// The bridge's certificate and what it negotiates.
pub(crate) struct Identity {
    config: Arc<HandshakeConfig>,
    /// For clients that have it.
    gcm_config: Arc<HandshakeConfig>,
    /// SHA-256 of the certificate as in `a=fingerprint`.
    pub(crate) fingerprint: String,
}

impl Identity {
    /// Makes a certificate. `is_client` is for the peers of tests and load.
    pub(crate) fn new(is_client: bool, profiles: &[Profile]) -> Result<Self, String> {
        let provider =
            rtc_dtls::crypto_provider::default_provider().map_err(|error| error.to_string())?;
        let certificate =
            Certificate::generate_self_signed(vec!["nhipcau".to_owned()], provider.crypto())
                .map_err(|error| error.to_string())?;
        let der = certificate.certificate.first().ok_or("no certificate")?;
        let fingerprint = print_fingerprint(&sha256(der.as_ref()));
        let build = |profiles: &[Profile]| {
            let profiles = profiles
                .iter()
                .map(|profile| match profile {
                    Profile::AeadAes128Gcm => SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
                    Profile::Aes128CmSha1 => SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
                })
                .collect();
            ConfigBuilder::default()
                .with_crypto_provider(provider.clone())
                .with_certificates(vec![certificate.clone()])
                .with_srtp_protection_profiles(profiles)
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                // Certificates of WebRTC have no chain; the fingerprint in the offer is checked instead, after the handshake.
                .with_insecure_skip_verify(true)
                .build(is_client, None)
                .map(Arc::new)
                .map_err(|error| error.to_string())
        };
        Ok(Self {
            config: build(profiles)?,
            gcm_config: build(&[Profile::AeadAes128Gcm])?,
            fingerprint,
        })
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut output = [0; 32];
    output.copy_from_slice(digest.as_ref());
    output
}

fn print_fingerprint(digest: &[u8; 32]) -> String {
    digest
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect::<Vec<_>>()
        .join(":")
}

/// What a datagram or a timer brought about.
pub(crate) enum Progress {
    /// Nothing to tell.
    None,
    /// The keys are known and the peer is who the offer announced.
    Connected(Box<Session>),
    /// The peer closed the association.
    Closed,
    /// The association cannot be used; the peer must make a new offer.
    Failed,
    /// The datagram was refused; the association goes on.
    Refused,
}

/// One association.
pub(crate) struct Dtls {
    endpoint: Endpoint,
    gcm_config: Arc<HandshakeConfig>,
    fingerprint: [u8; 32],
    is_client: bool,
    datagrams: u32,
    held: Vec<Vec<u8>>,
    outgoing: VecDeque<BytesMut>,
    /// Our last one.
    flight: Option<Flight>,
    state: State,
}

fn is_of_flight(datagram: &[u8]) -> bool {
    let kind = datagram.first();
    kind.is_some_and(|kind| FLIGHT_TYPES.contains(kind))
}

/// What was sent together and is repeated together.
struct Flight {
    datagrams: Vec<BytesMut>,
    repeat_at: Instant,
    repeats: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Handshaking,
    Connected,
    Ended,
}

impl Dtls {
    /// Waits for the ClientHello of a peer that shows the certificate with `fingerprint`.
    pub(crate) fn new(identity: &Identity, fingerprint: [u8; 32]) -> Self {
        let config = Arc::clone(&identity.config);
        let endpoint = Endpoint::new(PEER, TransportProtocol::UDP, Some(config));
        Self::over(endpoint, identity, fingerprint)
    }

    fn over(endpoint: Endpoint, identity: &Identity, fingerprint: [u8; 32]) -> Self {
        Self {
            endpoint,
            gcm_config: Arc::clone(&identity.gcm_config),
            fingerprint,
            is_client: false,
            datagrams: 0,
            held: Vec::new(),
            outgoing: VecDeque::new(),
            flight: None,
            state: State::Waiting,
        }
    }

    /// Begins a handshake as the client.
    #[cfg(feature = "client")]
    pub(crate) fn connect(
        identity: &Identity,
        fingerprint: [u8; 32],
        now: Instant,
    ) -> Option<Self> {
        let mut endpoint = Endpoint::new(PEER, TransportProtocol::UDP, None);
        endpoint
            .connect(now, PEER, Arc::clone(&identity.config), None)
            .ok()?;
        let mut dtls = Self::over(endpoint, identity, fingerprint);
        (dtls.is_client, dtls.state) = (true, State::Handshaking);
        dtls.collect(now);
        Some(dtls)
    }

    /// Whether a handshake has begun and not ended.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.state == State::Handshaking
    }

    /// Whether no datagram has come yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// Takes the datagrams of the ClientHello, until the SRTP profile can be chosen.
    fn begin(&mut self, datagram: &[u8], now: Instant) -> Progress {
        self.held.push(datagram.to_vec());
        match offer(&self.held) {
            Offer::Unknown if self.held.len() < HELLO_DATAGRAMS_MAX => return Progress::None,
            Offer::Gcm => self
                .endpoint
                .set_server_config(Some(Arc::clone(&self.gcm_config))),
            Offer::Unknown | Offer::Other => {}
        }
        self.state = State::Handshaking;
        let mut progress = Progress::None;
        for datagram in std::mem::take(&mut self.held) {
            progress = self.read(&datagram, now);
        }
        progress
    }

    /// Takes a datagram of an address that ICE has validated.
    pub(crate) fn read(&mut self, datagram: &[u8], now: Instant) -> Progress {
        match self.state {
            State::Ended => return Progress::Refused,
            State::Waiting => return self.begin(datagram, now),
            State::Handshaking | State::Connected => {}
        }
        if self.state == State::Handshaking {
            self.datagrams += 1;
            if self.datagrams > DATAGRAMS_MAX {
                self.state = State::Ended;
                return Progress::Failed;
            }
        }
        // The crate is young and the datagram is hostile: a panic in it ends this association and nothing else.
        let endpoint = &mut self.endpoint;
        let Ok(result) = catch_unwind(AssertUnwindSafe(|| {
            endpoint.read(now, PEER, None, BytesMut::from(datagram))
        })) else {
            self.state = State::Ended;
            return Progress::Failed;
        };
        self.collect(now);
        let Ok(events) = result else {
            // Anyone on the path can bend a handshake datagram; the client repeats its flight.
            return Progress::Refused;
        };
        if events.is_empty() && self.state == State::Connected {
            if is_of_flight(datagram) {
                // The end of the handshake did not reach the other side (RFC 6347 section 4.2.4).
                self.repeat(now);
            }
            // Nothing is said over DTLS after the handshake but goodbye: a repetition, or somebody else's.
            return Progress::Refused;
        }
        let mut progress = Progress::None;
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete => progress = self.complete(),
                EndpointEvent::PeerClosed => {
                    self.state = State::Ended;
                    progress = Progress::Closed;
                }
                _ => {}
            }
        }
        progress
    }

    fn complete(&mut self) -> Progress {
        match self.session() {
            Some(session) => {
                self.state = State::Connected;
                Progress::Connected(Box::new(session))
            }
            None => {
                self.state = State::Ended;
                Progress::Failed
            }
        }
    }

    fn session(&self) -> Option<Session> {
        let state = self.endpoint.get_connection_state(PEER)?;
        if sha256(state.peer_certificates.first()?) != self.fingerprint {
            return None;
        }
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Profile::AeadAes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Profile::Aes128CmSha1,
            _ => return None,
        };
        let material = state
            .export_keying_material(EXPORTER_LABEL, &[], profile.material_bytes())
            .ok()?;
        Session::new(profile, material.as_ref(), self.is_client)
    }

    /// Takes what the endpoint has to send. Part of a flight makes it the flight that is repeated.
    fn collect(&mut self, now: Instant) {
        let mut datagrams = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit() {
            let datagram = transmit.message;
            if is_of_flight(&datagram) {
                datagrams.push(datagram.clone());
            }
            self.outgoing.push_back(datagram);
        }
        if !datagrams.is_empty() {
            self.flight = Some(Flight {
                datagrams,
                repeat_at: now + REPEAT_FIRST,
                repeats: 0,
            });
        }
    }

    /// Repeats a flight that was lost, until it is answered.
    pub(crate) fn tick(&mut self, now: Instant) -> Progress {
        if self.state == State::Handshaking && !self.repeat(now) {
            self.state = State::Ended;
            return Progress::Failed;
        }
        Progress::None
    }

    /// Sends the last flight as it was, when it is time: the other side drops the records that it knows. Returns `false` when that has
    /// been done too often.
    fn repeat(&mut self, now: Instant) -> bool {
        let Some(flight) = self.flight.as_mut().filter(|one| one.repeat_at <= now) else {
            return true;
        };
        if flight.repeats == REPEATS_MAX {
            return false;
        }
        self.outgoing.extend(flight.datagrams.iter().cloned());
        flight.repeats += 1;
        let wait = REPEAT_FIRST * 2u32.saturating_pow(flight.repeats);
        flight.repeat_at = now + wait.min(REPEAT_LAST);
        true
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Instant) {
        if self.state == State::Connected {
            self.endpoint.stop(now, PEER);
            self.collect(now);
        }
        self.state = State::Ended;
    }

    /// The next datagram to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<BytesMut> {
        self.outgoing.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A piece of a ClientHello that claims to be `total` bytes long.
    fn fragment(number: u8, offset: u32, total: u32, body: &[u8]) -> Vec<u8> {
        let mut datagram = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, number];
        datagram.extend(((body.len() + 12) as u16).to_be_bytes());
        datagram.push(1);
        datagram.extend(&total.to_be_bytes()[1..]);
        datagram.extend([0, 0]);
        datagram.extend(&offset.to_be_bytes()[1..]);
        datagram.extend(&(body.len() as u32).to_be_bytes()[1..]);
        datagram.extend(body);
        datagram
    }

    #[test]
    fn pieces_of_a_hello_that_never_becomes_whole_are_held_within_bounds_and_then_refused() {
        let identity = Identity::new(false, &[Profile::AeadAes128Gcm]).unwrap();
        let now = Instant::now();
        let mut dtls = Dtls::new(&identity, [0; 32]);
        let (mut taken, mut answered) = (0u32, 0);
        let failed = (0..1_000u32).find(|round| {
            // Every second piece of 16 MiB.
            let piece = fragment(*round as u8, round * 2_000, 0xff_ffff, &[1; 1_000]);
            let progress = dtls.read(&piece, now);
            assert!(dtls.held.len() < HELLO_DATAGRAMS_MAX);
            while let Some(answer) = dtls.poll_transmit() {
                answered += answer.len();
            }
            taken += 1;
            matches!(progress, Progress::Failed)
        });
        assert!(failed.is_some(), "an end");
        assert!(
            taken <= DATAGRAMS_MAX + HELLO_DATAGRAMS_MAX as u32,
            "{taken}"
        );
        assert!(answered < 1_000, "{answered} bytes for nothing");
        assert!(matches!(dtls.read(&[22; 60], now), Progress::Refused));
    }

    /// A handshake over a road that loses `percent` of the datagrams both ways. Returns how long it took, `None` when it never ended.
    #[cfg(feature = "client")]
    fn handshake(percent: u64, seed: u64) -> Option<Duration> {
        let profiles = [Profile::AeadAes128Gcm];
        let (ours, theirs) = (
            Identity::new(false, &profiles).unwrap(),
            Identity::new(true, &profiles).unwrap(),
        );
        let print = |text: &str| -> [u8; 32] {
            let bytes: Vec<u8> = text
                .split(':')
                .map(|byte| u8::from_str_radix(byte, 16).unwrap())
                .collect();
            bytes.try_into().unwrap()
        };
        let start = Instant::now();
        let mut server = Dtls::new(&ours, print(&theirs.fingerprint));
        let mut client = Dtls::connect(&theirs, print(&ours.fingerprint), start).unwrap();
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut passes = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % 100 >= percent
        };
        let mut done = [false; 2];
        for step in 0..3_000u32 {
            let now = start + Duration::from_millis(20) * step;
            for (index, from_client) in [(0, true), (1, false)] {
                let (from, to) = if from_client {
                    (&mut client, &mut server)
                } else {
                    (&mut server, &mut client)
                };
                from.tick(now);
                while let Some(datagram) = from.poll_transmit() {
                    if passes()
                        && let Progress::Connected(_) = to.read(&datagram, now)
                    {
                        done[index] = true;
                    }
                }
            }
            if done == [true; 2] {
                return Some(now - start);
            }
        }
        None
    }

    #[cfg(feature = "client")]
    #[test]
    fn a_handshake_ends_whatever_is_lost() {
        for percent in [0, 10, 30] {
            for seed in 1..=100 {
                let took = handshake(percent, seed);
                assert!(took.is_some(), "{percent} % lost, seed {seed}");
            }
        }
    }
}

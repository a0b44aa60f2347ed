//! What the bridge is told at start.

use std::net::{IpAddr, SocketAddr};

use nhipcau_sfu::Codec;

/// Packet threads that one bridge can have.
pub const THREADS_MAX: usize = 16;

/// Where the bridge listens and how much it takes on.
#[derive(Clone, Debug)]
pub struct BridgeConfig {
    /// UDP addresses to bind; usually one per address family. Port 0 takes a free port (see [`crate::Bridge::local_addrs`]).
    pub bind: Vec<SocketAddr>,
    /// TCP addresses to bind for ICE-TCP and TURN without TLS. Port 0 takes a free port.
    pub tcp: Vec<SocketAddr>,
    /// Ports whose connections the owner accepts and hands over with [`crate::Bridge::adopt`]; they are announced as the bridge's own.
    pub tcp_elsewhere: Vec<u16>,
    /// Addresses for the candidates in answers, best first, each with the port of the bound socket of its family.
    /// When empty, the bound addresses themselves are announced (a wildcard address cannot be).
    pub announce: Vec<IpAddr>,
    /// Video m-lines that a receiver may offer (`recvonly`); more are answered `inactive`.
    pub slots_video: usize,
    /// Audio m-lines that a receiver may offer (`recvonly`); more are answered `inactive`.
    pub slots_audio: usize,
    /// Voices that a receiver hears at once. A slot beyond them is for the sound of what is shared.
    pub voices: usize,
    /// Packet threads, at most [`THREADS_MAX`]; 0 takes one for each core that this process may use.
    pub threads: usize,
    /// Peers of one room on its first thread before further ones sit on others.
    pub spread_at: usize,
    /// Codecs of pictures that are negotiated, best first; an answer keeps this order.
    pub codecs: Vec<Codec>,
    /// Whether [`crate::Bridge::set_impairment`] acts. Only `run --lab` and tests set it.
    pub impairments: bool,
    /// What one bridge takes on.
    pub limits: Limits,
}

impl Default for BridgeConfig {
    fn default() -> Self {
        Self {
            bind: Vec::new(),
            tcp: Vec::new(),
            tcp_elsewhere: Vec::new(),
            announce: Vec::new(),
            slots_video: 12,
            slots_audio: 4,
            voices: 3,
            threads: 0,
            spread_at: SPREAD_AT,
            codecs: Codec::VIDEO.to_vec(),
            impairments: false,
            limits: Limits::default(),
        }
    }
}

/// See [`BridgeConfig::spread_at`]: a picture to 128 receivers takes about a tenth of a core, so that most rooms stay whole, and one of
/// 300 sites uses three threads.
const SPREAD_AT: usize = 128;

impl BridgeConfig {
    /// The packet threads that this asks for on this machine.
    #[must_use]
    pub fn threads(&self) -> usize {
        let threads = match self.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        };
        threads.clamp(1, THREADS_MAX)
    }
}

/// Upper bounds. What happens at each limit is said with it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Live rooms; [`crate::Bridge::open_room`] beyond it is ignored and counted, and joins of that room are refused.
    pub rooms_max: usize,
    /// Peers over all rooms; a join beyond it is refused with [`crate::JoinError::TooManyPeers`].
    pub peers_max: usize,
    /// DTLS handshakes that may run at once on one thread; ClientHellos beyond it are dropped and counted (the client repeats them).
    pub handshakes_max: usize,
    /// Size of an offer in bytes; a longer one is refused with [`crate::JoinError::BadSdp`].
    pub offer_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rooms_max: 256,
            peers_max: 4096,
            handshakes_max: 128,
            offer_bytes_max: 256 * 1024,
        }
    }
}

/// A fault to act out on the road of one peer (tests and `run --lab` only).
///
/// It acts where datagrams enter and leave, on everything of that peer, STUN included, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Impairment {
    /// Nothing passes.
    pub drop: bool,
    /// A token bucket with a queue of 64 KiB per direction; what finds the queue full is dropped.
    pub rate_bps: Option<u64>,
}

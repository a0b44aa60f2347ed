//! Figures of the bridge, as a snapshot.

use std::net::SocketAddr;

use nhipcau_sfu::{Codec, Kind, PeerId, RoomId, Track};

use crate::event::LoweredReason;

/// Why a datagram or packet went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(usize)]
pub enum Drop {
    /// Not STUN, DTLS, RTP or RTCP by its first byte, or too short (RFC 7983).
    Unknown,
    /// STUN that does not parse, is no binding request, or names no peer.
    StunUnknown,
    /// STUN with a wrong message integrity or fingerprint.
    StunIntegrity,
    /// DTLS or media from an address that ICE has not validated.
    NotValidated,
    /// DTLS beyond the limit of concurrent handshakes or of a peer's handshake budget.
    HandshakeLimit,
    /// DTLS that the association refused.
    Dtls,
    /// Media before the keys are known.
    NoKeys,
    /// RTP or RTCP that does not parse, or a datagram longer than any that may come.
    Malformed,
    /// SRTP or SRTCP whose authentication failed.
    Authentication,
    /// A packet index seen before or too old to tell.
    Replay,
    /// RTP of a source that the offer did not announce.
    UnknownSource,
    /// Media of a peer that the host muted.
    Muted,
    /// An impairment of the lab.
    Impaired,
    /// The kernel did not take an outgoing datagram.
    Send,
    /// The recording's socket was full.
    Tap,
    /// A command beyond a limit.
    Command,
    /// A packet for another thread, whose queue was full.
    HandOver,
    /// A connection, or the thread of the connections, that was too slow.
    Stream,
    /// A packet beyond those that may wait for their turn towards one receiver.
    Paced,
}

/// Number of [`Drop`] reasons.
pub const DROP_REASONS: usize = 19;

impl Drop {
    /// Every reason, in the order of [`BridgeStats::drops`].
    pub const ALL: [Self; DROP_REASONS] = [
        Self::Unknown,
        Self::StunUnknown,
        Self::StunIntegrity,
        Self::NotValidated,
        Self::HandshakeLimit,
        Self::Dtls,
        Self::NoKeys,
        Self::Malformed,
        Self::Authentication,
        Self::Replay,
        Self::UnknownSource,
        Self::Muted,
        Self::Impaired,
        Self::Send,
        Self::Tap,
        Self::Command,
        Self::HandOver,
        Self::Stream,
        Self::Paced,
    ];

    /// The reason as a metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::StunUnknown => "stun_unknown",
            Self::StunIntegrity => "stun_integrity",
            Self::NotValidated => "not_validated",
            Self::HandshakeLimit => "handshake_limit",
            Self::Dtls => "dtls",
            Self::NoKeys => "no_keys",
            Self::Malformed => "malformed",
            Self::Authentication => "authentication",
            Self::Replay => "replay",
            Self::UnknownSource => "unknown_source",
            Self::Muted => "muted",
            Self::Impaired => "impaired",
            Self::Send => "send",
            Self::Tap => "tap",
            Self::Command => "command",
            Self::HandOver => "hand_over",
            Self::Stream => "stream",
            Self::Paced => "paced",
        }
    }
}

/// How a peer reaches the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Straight over UDP.
    Udp,
    /// ICE-TCP.
    Tcp,
    /// Through the embedded TURN server.
    Relay,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Relay];

    /// The transport as a metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Relay => "relay",
        }
    }
}

/// Connections that carry datagrams, and the relay. Totals since the start, but for the first three.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamStats {
    /// Connections now.
    pub connections: usize,
    /// Those of them with TLS.
    pub secure: usize,
    /// TURN allocations now.
    pub allocations: usize,
    /// Connections taken.
    pub accepted: u64,
    /// Connections closed because there were too many, in all, unproven or of one address.
    pub refused: u64,
    /// Connections closed because they spoke nothing of ours or lied about a length.
    pub broken: u64,
    /// Connections closed because they did not show in time that they belong to a seat.
    pub unproven_ended: u64,
    /// Datagrams lost because a connection, or the thread of the connections, was too slow.
    pub full: u64,
    /// Messages through the relay that were meant for another peer than the bridge.
    pub forbidden: u64,
}

/// A snapshot of the bridge, at most one second old.
#[derive(Clone, Debug, Default)]
pub struct BridgeStats {
    /// Open rooms.
    pub rooms: usize,
    /// Peers that joined and are not gone.
    pub peers: Vec<PeerStats>,
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Packets sent, each counted by itself also when GSO joined them.
    pub datagrams_out: u64,
    /// Bytes of UDP payload received.
    pub bytes_in: u64,
    /// Bytes of UDP payload sent.
    pub bytes_out: u64,
    /// Media packets forwarded (one for each receiver).
    pub forwarded: u64,
    /// Packets that receivers asked for again (NACK, RFC 4585 section 6.2.1).
    pub nacked_in: u64,
    /// Packets asked of publishers again; one that is asked for twice counts twice.
    pub nacked_out: u64,
    /// Packets sent again on a receiver's NACK.
    pub retransmitted: u64,
    /// Packets that publishers sent again and that were missing.
    pub repaired: u64,
    /// Packets of sound that were lost on the way from a publisher and stood as copies in later ones (RFC 2198).
    pub recovered: u64,
    /// Packets of padding, sent to find room on receivers' lines.
    pub padding: u64,
    /// Packets of the past that receivers were told when they turned to a picture, counted beside `forwarded`.
    pub caught_up: u64,
    /// Keyframes asked of publishers.
    pub keyframe_requests: u64,
    /// Packets of peers handed on to other packet threads that have receivers of the same room, once for each thread.
    pub handed_on: u64,
    /// Datagrams that arrived at another thread than their peer's, and were handed over.
    pub handed_over: u64,
    /// Events that the owner did not read in time.
    pub events_lost: u64,
    /// CPU time of the packet threads in seconds (`CLOCK_THREAD_CPUTIME_ID`).
    pub cpu_seconds: f64,
    /// Counts by [`Drop`], in the order of [`Drop::ALL`].
    pub drops: [u64; DROP_REASONS],
    /// What travels over TCP.
    pub streams: StreamStats,
}

impl BridgeStats {
    /// Adds what another packet thread counted.
    pub(crate) fn add(&mut self, other: Self) {
        // Every field by name, so that a new one is not forgotten here.
        let Self {
            rooms,
            peers,
            datagrams_in,
            datagrams_out,
            bytes_in,
            bytes_out,
            forwarded,
            nacked_in,
            nacked_out,
            retransmitted,
            repaired,
            recovered,
            padding,
            caught_up,
            keyframe_requests,
            handed_on,
            handed_over,
            events_lost,
            cpu_seconds,
            drops,
            // The handle asks for them.
            streams: _,
        } = other;
        self.rooms += rooms;
        self.peers.extend(peers);
        self.datagrams_in += datagrams_in;
        self.datagrams_out += datagrams_out;
        self.bytes_in += bytes_in;
        self.bytes_out += bytes_out;
        self.forwarded += forwarded;
        self.nacked_in += nacked_in;
        self.nacked_out += nacked_out;
        self.retransmitted += retransmitted;
        self.repaired += repaired;
        self.recovered += recovered;
        self.padding += padding;
        self.caught_up += caught_up;
        self.keyframe_requests += keyframe_requests;
        self.handed_on += handed_on;
        self.handed_over += handed_over;
        self.events_lost += events_lost;
        self.cpu_seconds += cpu_seconds;
        for (sum, count) in self.drops.iter_mut().zip(drops) {
            *sum += count;
        }
    }
}

/// One peer in a [`BridgeStats`].
#[derive(Clone, Debug)]
pub struct PeerStats {
    /// The peer.
    pub peer: PeerId,
    /// Its room.
    pub room: RoomId,
    /// Whether keys are known and the peer is heard.
    pub connected: bool,
    /// The address that media goes to, once ICE has nominated one.
    pub address: Option<SocketAddr>,
    /// How it gets there.
    pub transport: Option<Transport>,
    /// Round trip by RTCP (SR and RR) in milliseconds.
    pub rtt_ms: Option<f32>,
    /// Loss from the peer to the bridge over the last second, percent.
    pub loss_up_percent: f32,
    /// Loss from the bridge to the peer by its latest receiver reports, percent.
    pub loss_down_percent: f32,
    /// The larger jitter of what arrives from the peer, milliseconds.
    pub jitter_up_ms: f32,
    /// Media received from the peer, bits per second.
    pub up_bps: u64,
    /// Media sent to the peer, bits per second.
    pub down_bps: u64,
    /// Estimated bandwidth towards the peer, bits per second.
    pub estimate_bps: u64,
    /// The layer in the large slot, 0 the lowest.
    pub layer: Option<u8>,
    /// Frames a second of the best layer that arrives from the peer.
    pub fps_up: f32,
    /// Frames a second that go out in the large slot.
    pub fps_down: f32,
    /// Packets of pictures that the peer asked for again.
    pub nacked: u32,
    /// Why it gets less than its page asked for, while it does.
    pub lowered: Option<LoweredReason>,
}

/// Everything that is counted of one peer.
#[derive(Clone, Debug)]
pub struct PeerDetail {
    /// The peer.
    pub peer: PeerId,
    /// Its room.
    pub room: RoomId,
    /// Layers that arrive from it, sound first, then pictures from the lowest.
    pub up: Vec<LayerStats>,
    /// Slots in which it receives, sound first.
    pub down: Vec<SlotStats>,
    /// What of it went no further, by [`Drop`], in the order of [`Drop::ALL`].
    pub drops: [u32; DROP_REASONS],
    /// Whether sound goes to it with copies, because its line loses packets.
    pub copies: bool,
}

/// A layer that arrives from a peer.
#[derive(Clone, Debug)]
pub struct LayerStats {
    /// Camera and microphone, the screen, or the document camera.
    pub track: Track,
    /// Sound or picture.
    pub kind: Kind,
    /// The layer, 0 the lowest.
    pub layer: u8,
    /// What it is coded in.
    pub codec: Codec,
    /// Its RTP stream.
    pub ssrc: u32,
    /// Packets, without repeated ones.
    pub packets: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Packets lost, as the last receiver report said; those that a retransmission brought are none.
    pub lost: u32,
    /// Jitter, milliseconds.
    pub jitter_ms: f32,
    /// Packets that came by retransmission.
    pub repaired: u32,
    /// Packets that were lost and stood as copies in later ones.
    pub recovered: u32,
    /// Packets asked for again.
    pub nacked: u32,
    /// Keyframes.
    pub keyframes: u32,
    /// Keyframes asked for.
    pub keyframes_asked: u32,
    /// Frames a second.
    pub fps: f32,
    /// Payload, bits per second.
    pub bps: u64,
}

/// A slot in which a peer receives.
#[derive(Clone, Debug)]
pub struct SlotStats {
    /// Sound or picture.
    pub kind: Kind,
    /// The slot's number; of pictures, the first is the large one.
    pub slot: u8,
    /// Its RTP stream.
    pub ssrc: u32,
    /// Who flows in it.
    pub shown: Option<PeerId>,
    /// Which layer flows.
    pub layer: Option<u8>,
    /// Packets sent, without repetitions.
    pub packets: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Packets lost, as the receiver last said.
    pub lost: u32,
    /// Loss of its last report, percent.
    pub loss_percent: f32,
    /// Jitter, milliseconds, as the receiver last said.
    pub jitter_ms: f32,
    /// Packets that the receiver asked for again.
    pub nacked: u32,
    /// Packets sent again.
    pub repeated: u32,
    /// Keyframes that the receiver asked for.
    pub keyframes_asked: u32,
    /// Frames a second.
    pub fps: f32,
    /// Payload, bits per second.
    pub bps: u64,
}

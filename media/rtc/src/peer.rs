//! A peer as the packet thread keeps it: control, what it sends, what it receives. The three are separate, because a packet on its
//! way touches the sender's second part and the receiver's third, and both must be at hand at once.

use std::collections::HashMap;
use std::time::Instant;

use nhipcau_sfu::arrivals::Arrivals;
use nhipcau_sfu::descriptor::Descriptor;
use nhipcau_sfu::descriptor::av1::Structure;
use nhipcau_sfu::estimate::Estimator;
use nhipcau_sfu::rewrite::UpPacket;
use nhipcau_sfu::sequence::{Extender, ReplayWindow};
use nhipcau_sfu::twcc::Recorder;
use nhipcau_sfu::{CODECS, Codec, Codecs, Kind, LAYERS, PeerId, RoomId, Source, Track};
use ring::hmac;

use crate::cache::PacketCache;
use crate::dtls::Dtls;
use crate::event::{LoweredReason, Seating};
use crate::impair::Bucket;
use crate::pacer::Pacer;
use crate::sdp::{Extension, Extensions, Media, Offer, Use};
use crate::socket::Route;
use crate::srtp::Direction;
use crate::stats::DROP_REASONS;
use crate::tally::{LayerTally, SlotTally};

/// Streams (SSRCs) of one peer that are remembered: of each track sound, three layers, their retransmissions, and the same again
/// during a renegotiation. The oldest is forgotten beyond that.
const STREAMS_MAX: usize = 14 * Track::ALL.len();
/// Senders of RTCP within one peer, for their replay windows.
const RTCP_SENDERS_MAX: usize = 48;
/// Addresses of one peer that ICE has validated. The oldest that is not in use is forgotten beyond that.
pub(crate) const ROUTES_MAX: usize = 8;
/// Packets kept of sound and of each video layer of a track, lowest first: about two seconds each. The lowest may be the only one: a
/// screen, or the whole picture of an encoder.
const CACHE_PLACES: [usize; PLACES_OF_TRACK] = [128, 512, 512, 512];
/// Places of one track among [`Up::layers`]: its sound, then its layers.
const PLACES_OF_TRACK: usize = 1 + LAYERS;
/// Places of a peer's layers, track after track.
pub(crate) const PLACES: usize = PLACES_OF_TRACK * Track::ALL.len();

/// The place of what a source names.
pub(crate) fn place_of(source: Source) -> usize {
    let within = match source.kind() {
        Kind::Audio => 0,
        Kind::Video => 1 + source.layer(),
    };
    source.track() as usize * PLACES_OF_TRACK + within
}

/// What lies at a place (below [`PLACES`]), as the room names it.
pub(crate) fn source_at(seat: u32, place: usize) -> Source {
    let track = Track::ALL[place / PLACES_OF_TRACK];
    match place % PLACES_OF_TRACK {
        0 => Source::new(seat, track, Kind::Audio, 0),
        video => Source::new(seat, track, Kind::Video, video - 1),
    }
}

/// Short-term credentials of one side for one peer.
pub(crate) struct Credentials {
    pub(crate) ufrag: String,
    pub(crate) pwd: String,
    pub(crate) key: hmac::Key,
}

/// Of which peer of another thread something here is the mirror.
#[derive(Clone, Copy)]
pub(crate) struct Mirror {
    pub(crate) thread: usize,
    /// Its number there.
    pub(crate) index: u32,
    pub(crate) peer: PeerId,
    /// Place of its room here.
    pub(crate) room: u32,
    /// Its seat there.
    pub(crate) seat: u32,
}

/// What the host has muted, by kind, and which shares it allows: slides, document camera.
pub(crate) type Marks = ([bool; 2], [bool; 2]);

/// Control of a peer.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    /// Of its latest offer.
    pub(crate) seating: Seating,
    pub(crate) room_id: RoomId,
    /// Place of its room.
    pub(crate) room: u32,
    /// Its seat there.
    pub(crate) seat: u32,
    /// `o=` of its offers: one per peer connection of the page.
    pub(crate) session: String,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) remote_ufrag: String,
    pub(crate) local: Credentials,
    /// Credentials from before an ICE restart, valid until the new ones are used.
    pub(crate) former: Option<Credentials>,
    pub(crate) routes: Vec<Route>,
    pub(crate) dtls: Dtls,
    pub(crate) answer_session: u64,
    pub(crate) answer_version: u64,
    pub(crate) joined_at: Instant,
    /// When something authenticated last arrived.
    pub(crate) heard_at: Instant,
    /// When media or RTCP last arrived.
    pub(crate) media_at: Option<Instant>,
    pub(crate) connected: bool,
    pub(crate) silent: bool,
    /// What other threads are told of it.
    pub(crate) marks: Marks,
    pub(crate) rtt_ms: Option<f32>,
    pub(crate) loss_down: f32,
    /// What of this peer went no further, by [`crate::stats::Drop`].
    pub(crate) drops: [u32; DROP_REASONS],
    /// Why it was last told that it gets less.
    pub(crate) lowered: Option<LoweredReason>,
    /// Inbound half of an impairment.
    pub(crate) impaired: Option<Bucket>,
}

/// What an SSRC carries; the number is the place of its layer in [`Up::layers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Media(usize),
    Repair(usize),
}

/// What a payload type of a peer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// A codec's packets as they are.
    Plain(Codec),
    /// Opus in RED, with the payload type of its blocks.
    Red(u8),
    /// Retransmissions of a codec's packets.
    Repair(Codec),
}

/// One SSRC of a peer, with its SRTP state.
pub(crate) struct UpStream {
    pub(crate) ssrc: u32,
    pub(crate) role: Role,
    pub(crate) extender: Extender,
    pub(crate) window: ReplayWindow,
}

/// One layer of a track that a peer sends, or its sound.
pub(crate) struct UpLayer {
    pub(crate) ssrc: u32,
    /// The keys have changed: the next packet begins the layer anew, whatever its SSRC.
    ended: bool,
    /// Added to indexes, so that they never repeat over changes of the SSRC. A multiple of 2^16: sequence numbers stay.
    pub(crate) base: u64,
    pub(crate) highest: u64,
    pub(crate) arrivals: Arrivals,
    pub(crate) cache: PacketCache,
    /// What its packets are coded in.
    pub(crate) codec: Codec,
    pub(crate) tally: LayerTally,
    /// The templates of an AV1 stream with dependency descriptors.
    pub(crate) structure: Option<Box<Structure>>,
    /// NTP time and RTP timestamp of the last sender report, and when it came.
    pub(crate) report: Option<(u64, u32, Instant)>,
}

/// Payload and dependency descriptor of a packet as it is kept.
pub(crate) fn split<'a>(packet: &UpPacket, kept: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    match &packet.descriptor {
        Descriptor::Av1(av1) => {
            kept.split_at(kept.len().saturating_sub(av1.descriptor_bytes.into()))
        }
        _ => (kept, &[]),
    }
}

impl UpLayer {
    /// Takes the templates that a packet brings, as it is kept; for who did not read its header.
    pub(crate) fn note_structure(&mut self, packet: &UpPacket, kept: &[u8]) {
        let (_, descriptor) = split(packet, kept);
        // The fourth byte begins with the flag of a structure.
        if descriptor.get(3).is_some_and(|flags| flags & 0x80 != 0) {
            let structure = self.structure.get_or_insert_with(Box::default);
            // Whoever read it first has judged it.
            let _ = structure.read(descriptor);
        }
    }
}

/// An m-line in which a peer sends.
#[derive(Clone)]
pub(crate) struct UpMedia {
    pub(crate) kind: Kind,
    pub(crate) track: Track,
    pub(crate) mid: String,
    /// Best first.
    pub(crate) rids: Vec<String>,
    pub(crate) ssrcs: Vec<u32>,
    pub(crate) repairs: Vec<(u32, u32)>,
}

/// What a peer sends.
pub(crate) struct Up {
    /// Where its packets come from, when another thread receives them.
    pub(crate) mirror: Option<Mirror>,
    pub(crate) open: Option<Direction>,
    pub(crate) extensions: Extensions,
    pub(crate) media: Vec<UpMedia>,
    /// By payload type: within a bundle each means one thing (RFC 8843 section 9.1).
    pub(crate) carries: [Option<Carries>; 128],
    pub(crate) streams: Vec<UpStream>,
    /// By [`place_of`].
    pub(crate) layers: [Option<Box<UpLayer>>; PLACES],
    pub(crate) recorder: Recorder,
    pub(crate) feedback_at: Instant,
    rtcp: Vec<(u32, ReplayWindow)>,
    pub(crate) bytes: u64,
    pub(crate) loss: f32,
}

/// A slot in which a peer receives.
pub(crate) struct DownSlot {
    pub(crate) mid: String,
    pub(crate) ssrc: u32,
    /// Payload type and that of its retransmissions, by codec; a source of another codec is not sent here.
    pub(crate) payload_types: [Option<(u8, Option<u8>)>; CODECS],
    /// Id of the dependency descriptor; `None` too when the receiver takes no two-byte extensions, into which alone a keyframe's fits.
    pub(crate) dependency_id: Option<u8>,
    /// Payload type of redundant sound.
    pub(crate) red: Option<u8>,
    pub(crate) rtx_ssrc: u32,
    /// Index of the next retransmission; a stream of its own, so that no SRTP nonce repeats.
    pub(crate) rtx_index: u64,
    /// Indexes that went out: the last guard against sealing two packets under one nonce.
    pub(crate) guard: ReplayWindow,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    pub(crate) tally: SlotTally,
}

/// What a peer receives.
pub(crate) struct Down {
    pub(crate) seal: Option<Direction>,
    pub(crate) route: Option<Route>,
    /// By slot.
    pub(crate) audio: Vec<DownSlot>,
    pub(crate) video: Vec<DownSlot>,
    /// Id of the transport-wide sequence number.
    pub(crate) transport_id: Option<u8>,
    pub(crate) transport_next: u16,
    pub(crate) estimator: Estimator,
    pub(crate) told_bps: u64,
    /// Whether sound goes out with its copies, where the receiver takes them.
    pub(crate) copies: bool,
    pub(crate) pacer: Pacer,
    pub(crate) rtcp_index: u32,
    /// Retransmissions left until the next tick.
    pub(crate) rtx_left: u32,
    pub(crate) bytes: u64,
    /// Outbound half of an impairment.
    pub(crate) impaired: Option<Bucket>,
}

impl Peer {
    /// New ICE credentials. The old ones hold until the new ones are used (RFC 8445 section 2.4); what was before them is forgotten.
    pub(crate) fn renew_credentials(
        &mut self,
        fresh: Credentials,
        index: u32,
        by_ufrag: &mut HashMap<Vec<u8>, u32>,
        now: Instant,
    ) {
        by_ufrag.insert(fresh.ufrag.as_bytes().to_vec(), index);
        let former = std::mem::replace(&mut self.local, fresh);
        if let Some(older) = self.former.replace(former) {
            by_ufrag.remove(older.ufrag.as_bytes());
        }
        self.joined_at = now;
        self.heard_at = now;
    }
}

impl Up {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            mirror: None,
            open: None,
            extensions: Extensions::default(),
            media: Vec::new(),
            carries: [None; 128],
            streams: Vec::new(),
            layers: Default::default(),
            recorder: Recorder::new(now),
            feedback_at: now,
            rtcp: Vec::new(),
            bytes: 0,
            loss: 0.0,
        }
    }

    /// The caches of a peer that another thread receives from.
    pub(crate) fn mirror(mirror: Mirror, now: Instant) -> Self {
        Self {
            mirror: Some(mirror),
            ..Self::new(now)
        }
    }

    /// Takes what a new offer says about sending.
    pub(crate) fn apply(&mut self, offer: &Offer) {
        self.extensions = offer.extensions;
        self.carries = [None; 128];
        for media in offer
            .media
            .iter()
            .filter(|media| matches!(media.usage, Use::Up(..)))
        {
            let mut note = |payload_type: u8, carries| {
                self.carries[usize::from(payload_type & 0x7f)] = Some(carries);
            };
            for format in &media.codecs {
                note(format.payload_type, Carries::Plain(format.codec));
                if let Some(rtx) = format.rtx {
                    note(rtx, Carries::Repair(format.codec));
                }
            }
            if let (Some((red, _)), Some(opus)) = (media.red, media.codecs.first()) {
                note(red, Carries::Red(opus.payload_type));
            }
        }
        self.media = offer
            .media
            .iter()
            .filter_map(|media| match media.usage {
                Use::Up(kind, track) => Some(UpMedia {
                    kind,
                    track,
                    mid: media.mid.clone(),
                    rids: media.rids.clone(),
                    ssrcs: media.ssrcs.clone(),
                    repairs: media.repairs.clone(),
                }),
                _ => None,
            })
            .collect();
    }

    /// New keys: every stream begins at rollover counter 0 again.
    pub(crate) fn rekey(&mut self, open: Direction, now: Instant) {
        self.open = Some(open);
        self.streams.clear();
        self.rtcp.clear();
        for layer in self.layers.iter_mut().flatten() {
            layer.ended = true;
        }
        self.recorder = Recorder::new(now);
    }

    /// Notes an RTCP index of `sender`. Returns whether it is new.
    pub(crate) fn rtcp_is_new(&mut self, sender: u32, index: u32) -> bool {
        let place = match self.rtcp.iter().position(|(known, _)| *known == sender) {
            Some(place) => place,
            None => {
                if self.rtcp.len() == RTCP_SENDERS_MAX {
                    self.rtcp.remove(0);
                }
                self.rtcp.push((sender, ReplayWindow::default()));
                self.rtcp.len() - 1
            }
        };
        self.rtcp[place].1.insert(u64::from(index))
    }

    /// Remembers a stream whose first packet was authentic.
    pub(crate) fn add_stream(&mut self, stream: UpStream) {
        self.streams
            .retain(|known| known.role != stream.role || known.ssrc == stream.ssrc);
        if self.streams.len() == STREAMS_MAX {
            self.streams.remove(0);
        }
        self.streams.push(stream);
    }

    /// The layer at `place`, made or begun anew when its SSRC has changed. The second value says that it began anew.
    pub(crate) fn layer(&mut self, place: usize, ssrc: u32, now: Instant) -> (&mut UpLayer, bool) {
        let kind = source_at(0, place).kind();
        let slot = &mut self.layers[place];
        let anew = slot
            .as_ref()
            .is_some_and(|layer| layer.ssrc != ssrc || layer.ended);
        let layer = slot.get_or_insert_with(|| {
            Box::new(UpLayer {
                ssrc,
                ended: false,
                base: 0,
                highest: 0,
                arrivals: Arrivals::new(kind.clock_hz(), kind == Kind::Video, now),
                cache: PacketCache::new(CACHE_PLACES[place % PLACES_OF_TRACK]),
                codec: match kind {
                    Kind::Audio => Codec::Opus,
                    Kind::Video => Codec::Vp8,
                },
                tally: LayerTally::default(),
                structure: None,
                report: None,
            })
        });
        if anew {
            layer.ssrc = ssrc;
            layer.ended = false;
            layer.base = ((layer.highest >> 16) + 2) << 16;
            layer.arrivals = Arrivals::new(kind.clock_hz(), kind == Kind::Video, now);
            layer.report = None;
            layer.structure = None;
        }
        (layer, anew)
    }

    /// What the SSRC of an authentic packet carries, by the offer's SSRCs, else by the packet's mid and rid, else by payload type.
    pub(crate) fn identify(
        &self,
        header: &nhipcau_sfu::rtp::RtpHeader,
        packet: &[u8],
    ) -> Option<Role> {
        let text = |extension| {
            let id = self.extensions.id(extension)?;
            std::str::from_utf8(header.extension(packet, id)?).ok()
        };
        let mid = text(Extension::Mid);
        let media = self.media.iter().find(|media| match mid {
            Some(mid) => media.mid == mid,
            None => {
                media.ssrcs.contains(&header.ssrc)
                    || media
                        .repairs
                        .iter()
                        .any(|(_, repair)| *repair == header.ssrc)
            }
        });
        let (kind, repair) = match self.carries[usize::from(header.payload_type & 0x7f)]? {
            Carries::Plain(codec) => (codec.kind(), false),
            Carries::Red(_) => (Kind::Audio, false),
            Carries::Repair(codec) => (codec.kind(), true),
        };
        let by_type = |media: &&UpMedia| media.kind == kind;
        let media = media
            .or_else(|| self.media.iter().find(by_type))
            .filter(by_type)?;
        let first = media.track as usize * PLACES_OF_TRACK;
        if media.kind == Kind::Audio {
            return Some(Role::Media(first));
        }
        let rid = text(if repair {
            Extension::RepairedRid
        } else {
            Extension::Rid
        });
        let place = match (media.rids.is_empty(), rid) {
            (true, _) => first + 1,
            (false, Some(rid)) => {
                first + media.rids.len() - media.rids.iter().position(|known| known == rid)?
            }
            (false, None) => return None,
        };
        Some(if repair {
            Role::Repair(place)
        } else {
            Role::Media(place)
        })
    }
}

fn payload_types(media: &Media) -> [Option<(u8, Option<u8>)>; CODECS] {
    let mut types = [None; CODECS];
    for format in &media.codecs {
        types[format.codec as usize] = Some((format.payload_type, format.rtx));
    }
    types
}

impl DownSlot {
    /// The codecs that the m-line negotiated.
    pub(crate) fn codecs(&self) -> Codecs {
        let codecs = [Codec::Opus]
            .into_iter()
            .chain(Codec::VIDEO)
            .filter(|codec| self.payload_types[*codec as usize].is_some())
            .collect::<Codecs>();
        match self.dependency_id {
            Some(_) => codecs.with_av1_sizes(),
            None => codecs,
        }
    }

    /// Takes what the m-line of a new offer says.
    fn apply(&mut self, media: &Media, mixed: bool) {
        self.mid.clone_from(&media.mid);
        self.payload_types = payload_types(media);
        self.red = media.red.map(|red| red.0);
        self.dependency_id = media
            .extension_towards(Extension::DependencyDescriptor)
            .filter(|_| mixed);
    }

    fn new(media: &Media, mixed: bool, ssrc: u32, rtx_ssrc: u32, rtx_index: u16) -> Self {
        let mut slot = Self {
            mid: String::new(),
            ssrc,
            payload_types: [None; CODECS],
            dependency_id: None,
            red: None,
            rtx_ssrc,
            rtx_index: u64::from(rtx_index & 0x7fff),
            guard: ReplayWindow::default(),
            packets: 0,
            octets: 0,
            tally: SlotTally::default(),
        };
        slot.apply(media, mixed);
        slot
    }
}

impl Down {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            seal: None,
            route: None,
            audio: Vec::new(),
            video: Vec::new(),
            transport_id: None,
            transport_next: 0,
            estimator: Estimator::new(now),
            copies: false,
            told_bps: 0,
            pacer: Pacer::default(),
            rtcp_index: 0,
            rtx_left: 0,
            bytes: 0,
            impaired: None,
        }
    }

    /// Takes what a new offer says about receiving. Slots that exist keep their SSRCs.
    pub(crate) fn apply(&mut self, offer: &Offer, mut random: impl FnMut() -> u32) {
        self.transport_id = offer.extensions.id(Extension::TransportSequence);
        let mut counts = [0; 2];
        for media in &offer.media {
            let Use::Down(kind, slot) = media.usage else {
                continue;
            };
            counts[kind as usize] = slot + 1;
            let slots = match kind {
                Kind::Audio => &mut self.audio,
                Kind::Video => &mut self.video,
            };
            match slots.get_mut(slot) {
                Some(known) => known.apply(media, offer.mixed),
                None => {
                    let (ssrc, rtx_ssrc, rtx_index) = (random(), random(), random() as u16);
                    slots.push(DownSlot::new(media, offer.mixed, ssrc, rtx_ssrc, rtx_index));
                }
            }
        }
        self.audio.truncate(counts[0]);
        self.video.truncate(counts[1]);
    }

    /// New keys: every stream begins at rollover counter 0 again.
    pub(crate) fn rekey(&mut self, seal: Direction, now: Instant) {
        self.seal = Some(seal);
        self.rtcp_index = 0;
        self.estimator = Estimator::new(now);
        // What waits has numbers of the old keys.
        self.pacer = Pacer::default();
        for slot in self.audio.iter_mut().chain(self.video.iter_mut()) {
            slot.guard = ReplayWindow::default();
            slot.rtx_index &= 0x7fff;
        }
    }

    /// The slots of a kind.
    pub(crate) fn slots(&mut self, kind: Kind) -> &mut Vec<DownSlot> {
        match kind {
            Kind::Audio => &mut self.audio,
            Kind::Video => &mut self.video,
        }
    }
}

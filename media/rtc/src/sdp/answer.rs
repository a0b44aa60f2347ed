//! The bridge's answer: ICE-lite, one bundle, DTLS passive.

use std::net::{IpAddr, SocketAddr};

use nhipcau_sfu::{Codec, Kind};
use rtc_sdp::SessionDescription;
use rtc_sdp::description::common::{Address, Attribute, ConnectionInformation};
use rtc_sdp::description::media::{MediaDescription, MediaName, RangedPort};
use rtc_sdp::description::session::{Origin, TimeDescription};

use super::offer::{Direction, Media, Offer, Use};
use super::{Extension, URIS};
use crate::bridge::Flow;

/// What the packet thread chose for a peer.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    /// The bridge's ICE user name for this peer.
    pub(crate) ufrag: String,
    /// The bridge's ICE password for this peer.
    pub(crate) pwd: String,
    /// Session id and version of the `o=` line.
    pub(crate) session: u64,
    pub(crate) version: u64,
    /// SSRC of each audio slot.
    pub(crate) audio: Vec<u32>,
    /// SSRC and retransmission SSRC of each video slot.
    pub(crate) video: Vec<(u32, u32)>,
}

/// The addresses that are told to browsers, best first. Empty `announce` announces the bound addresses. Link-local addresses mean
/// nothing without their zone, which no candidate can carry (RFC 8839 section 5.1).
pub(crate) fn reachable(bound: &[SocketAddr], announce: &[IpAddr]) -> Vec<SocketAddr> {
    let mut addrs = if announce.is_empty() {
        bound
            .iter()
            .filter(|addr| !addr.ip().is_unspecified())
            .copied()
            .collect::<Vec<_>>()
    } else {
        announce
            .iter()
            .flat_map(|ip| {
                // An announced address that is bound goes with its port; any other (a NAT's) with the ports of its family.
                let exact = bound.iter().any(|addr| addr.ip() == *ip);
                bound
                    .iter()
                    .filter(move |addr| {
                        if exact {
                            addr.ip() == *ip
                        } else {
                            addr.is_ipv4() == ip.is_ipv4()
                        }
                    })
                    .map(|addr| SocketAddr::new(*ip, addr.port()))
            })
            .collect()
    };
    addrs.retain(|addr| match addr.ip() {
        IpAddr::V4(_) => true,
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    });
    addrs
}

/// Host candidates (RFC 8839, RFC 6544), best first: whatever can goes over UDP.
pub(crate) fn candidates(udp: &[SocketAddr], tcp: &[SocketAddr]) -> Vec<String> {
    let order = |index: usize, most: u32| most - (index as u32).min(most);
    let udp = udp.iter().enumerate().map(|(index, addr)| {
        // RFC 8445 section 5.1.2.1: type preference 126 (host), local preference by order, component 1.
        let priority = (126u32 << 24) | (order(index, 65_535) << 8) | 255;
        let (ip, port) = (addr.ip(), addr.port());
        format!("udp {priority} {ip} {port} typ host")
    });
    let tcp = tcp.iter().enumerate().map(|(index, addr)| {
        // RFC 6544 section 4.2: a lower type preference than UDP's, direction preference 4 (passive), then the order.
        let priority = (90u32 << 24) | (4 << 13 | order(index, 8_191)) << 8 | 255;
        let (ip, port) = (addr.ip(), addr.port());
        format!("tcp {priority} {ip} {port} typ host tcptype passive")
    });
    udp.chain(tcp)
        .enumerate()
        .map(|(index, candidate)| format!("{} 1 {candidate}", index + 1))
        .collect()
}

/// Prints the answer to `offer`.
pub(crate) fn answer(
    offer: &Offer,
    seat: &Seat,
    fingerprint: &str,
    candidates: &[String],
) -> String {
    let bundled = offer
        .media
        .iter()
        .filter(|media| media.usage != Use::Rejected)
        .map(|media| media.mid.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    let session = SessionDescription {
        origin: Origin {
            username: "-".to_owned(),
            session_id: seat.session,
            session_version: seat.version,
            network_type: "IN".to_owned(),
            address_type: "IP4".to_owned(),
            unicast_address: "127.0.0.1".to_owned(),
        },
        session_name: "-".to_owned(),
        time_descriptions: vec![TimeDescription::default()],
        attributes: vec![
            value("group", format!("BUNDLE {bundled}")),
            flag("ice-lite"),
            value("msid-semantic", " WMS *".to_owned()),
        ]
        .into_iter()
        .chain(offer.mixed.then(|| flag("extmap-allow-mixed")))
        .collect(),
        media_descriptions: offer
            .media
            .iter()
            .map(|media| section(media, offer.flow, seat, fingerprint, candidates))
            .collect(),
        ..SessionDescription::default()
    };
    session.marshal()
}

fn flag(key: &str) -> Attribute {
    Attribute::new(key.to_owned(), None)
}

fn value(key: &str, value: String) -> Attribute {
    Attribute::new(key.to_owned(), Some(value))
}

fn section(
    media: &Media,
    flow: Flow,
    seat: &Seat,
    fingerprint: &str,
    candidates: &[String],
) -> MediaDescription {
    let rejected = media.usage == Use::Rejected;
    let mut attributes = Vec::with_capacity(40);
    if !rejected {
        attributes.extend(transport(seat, fingerprint, candidates));
        if flow != Flow::Both {
            // RFC 9725 section 4.4.1.
            attributes.push(flag("rtcp-mux-only"));
        }
    }
    attributes.push(value("mid", media.mid.clone()));
    match media.usage {
        Use::Rejected => attributes.push(flag(Direction::Inactive.name())),
        Use::Inactive(_) => {
            attributes.push(flag(Direction::Inactive.name()));
            attributes.extend(codecs(media));
        }
        Use::Up(kind, _) => {
            attributes.push(flag(Direction::RecvOnly.name()));
            attributes.extend(codecs(media));
            attributes.extend(extensions(media, kind, true));
            if !media.rids.is_empty() {
                attributes.extend(
                    media
                        .rids
                        .iter()
                        .map(|rid| value("rid", format!("{rid} recv"))),
                );
                attributes.push(value("simulcast", format!("recv {}", media.rids.join(";"))));
            }
        }
        Use::Down(kind, slot) => {
            attributes.push(flag(Direction::SendOnly.name()));
            attributes.extend(codecs(media));
            attributes.extend(extensions(media, kind, false));
            attributes.extend(sources(media, flow, kind, slot, seat));
        }
    }
    MediaDescription {
        media_name: MediaName {
            media: media.name.clone(),
            port: RangedPort {
                value: if rejected { 0 } else { 9 },
                range: None,
            },
            protos: media.protos.clone(),
            formats: if rejected {
                media.formats.clone()
            } else {
                payload_types(media)
            },
        },
        connection_information: Some(ConnectionInformation {
            network_type: "IN".to_owned(),
            address_type: "IP4".to_owned(),
            address: Some(Address {
                address: "0.0.0.0".to_owned(),
                ttl: None,
                range: None,
            }),
        }),
        attributes,
        ..MediaDescription::default()
    }
}

fn transport(seat: &Seat, fingerprint: &str, candidates: &[String]) -> Vec<Attribute> {
    let mut attributes = vec![
        flag("rtcp-mux"),
        flag("rtcp-rsize"),
        value("ice-ufrag", seat.ufrag.clone()),
        value("ice-pwd", seat.pwd.clone()),
        value("fingerprint", format!("sha-256 {fingerprint}")),
        value("setup", "passive".to_owned()),
    ];
    attributes.extend(
        candidates
            .iter()
            .map(|candidate| value("candidate", candidate.clone())),
    );
    attributes.push(flag("end-of-candidates"));
    attributes
}

/// Payload types in the order of preference, retransmissions last.
fn payload_types(media: &Media) -> Vec<String> {
    let red = |first: bool| media.red.filter(|red| red.1 == first).map(|red| red.0);
    red(true)
        .into_iter()
        .chain(media.codecs.iter().map(|format| format.payload_type))
        .chain(red(false))
        .chain(media.codecs.iter().filter_map(|format| format.rtx))
        .map(|payload_type| payload_type.to_string())
        .collect()
}

fn codecs(media: &Media) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    for format in &media.codecs {
        let payload_type = format.payload_type;
        let said = |key: &str, text: String| value(key, format!("{payload_type} {text}"));
        if format.codec == Codec::Opus {
            attributes.push(said("rtpmap", "opus/48000/2".to_owned()));
            // In-band FEC repairs single losses without a round trip; DTX keeps silent sites off the line.
            let parameters = "minptime=10;useinbandfec=1;usedtx=1";
            attributes.push(said("fmtp", parameters.to_owned()));
            attributes.push(said("rtcp-fb", "transport-cc".to_owned()));
            continue;
        }
        attributes.push(said("rtpmap", format!("{}/90000", format.codec.name())));
        if !format.parameters.is_empty() {
            attributes.push(said("fmtp", format.parameters.clone()));
        }
        for feedback in ["transport-cc", "ccm fir", "nack pli"] {
            attributes.push(said("rtcp-fb", feedback.to_owned()));
        }
        if let Some(rtx) = format.rtx {
            // Lost packets are only sent again as RTX: the same packet index twice with other header bytes would repeat an
            // SRTP nonce. So NACK is offered with RTX or not at all.
            attributes.push(said("rtcp-fb", "nack".to_owned()));
            attributes.push(value("rtpmap", format!("{rtx} rtx/90000")));
            attributes.push(value("fmtp", format!("{rtx} apt={payload_type}")));
        }
    }
    if let (Some((red, _)), Some(opus)) = (media.red, media.codecs.first()) {
        let opus = opus.payload_type;
        attributes.push(value("rtpmap", format!("{red} red/48000/2")));
        attributes.push(value("fmtp", format!("{red} {opus}/{opus}")));
    }
    attributes
}

/// The understood extensions of the m-line: towards us all of them, from us those that we write.
fn extensions(media: &Media, kind: Kind, up: bool) -> Vec<Attribute> {
    media
        .extmaps
        .iter()
        .filter(|&&(_, direction, place)| {
            let flows = match direction {
                None | Some(Direction::SendRecv) => true,
                Some(Direction::SendOnly) => up,
                Some(Direction::RecvOnly) => !up,
                Some(Direction::Inactive) => false,
            };
            let written = matches!(
                URIS[place].0,
                Extension::TransportSequence | Extension::Mid | Extension::DependencyDescriptor
            );
            let useful = match URIS[place].0 {
                Extension::AudioLevel => kind == Kind::Audio,
                Extension::DependencyDescriptor => {
                    media.codecs.iter().any(|format| format.codec == Codec::Av1)
                }
                _ => true,
            };
            flows && useful && (up || written)
        })
        .map(|&(id, direction, place)| {
            let uri = URIS[place].1;
            match direction {
                Some(direction) if direction != Direction::SendRecv => value(
                    "extmap",
                    format!("{id}/{} {uri}", direction.mirrored().name()),
                ),
                _ => value("extmap", format!("{id} {uri}")),
            }
        })
        .collect()
}

fn sources(media: &Media, flow: Flow, kind: Kind, slot: usize, seat: &Seat) -> Vec<Attribute> {
    let (stream, track, ssrc, repair) = match kind {
        Kind::Audio => (
            format!("audio-{slot}"),
            format!("a{slot}"),
            seat.audio[slot],
            None,
        ),
        Kind::Video => {
            let (ssrc, repair) = seat.video[slot];
            (
                format!("video-{slot}"),
                format!("v{slot}"),
                ssrc,
                media
                    .codecs
                    .iter()
                    .any(|format| format.rtx.is_some())
                    .then_some(repair),
            )
        }
    };
    let stream = match flow {
        // A player shows one stream: its sound and picture belong together.
        Flow::Down => "room".to_owned(),
        Flow::Both | Flow::Up => stream,
    };
    let mut attributes = vec![value("msid", format!("{stream} {track}"))];
    if let Some(repair) = repair {
        attributes.push(value("ssrc-group", format!("FID {ssrc} {repair}")));
    }
    for ssrc in std::iter::once(ssrc).chain(repair) {
        attributes.push(value("ssrc", format!("{ssrc} cname:{stream}")));
        attributes.push(value("ssrc", format!("{ssrc} msid:{stream} {track}")));
    }
    attributes
}

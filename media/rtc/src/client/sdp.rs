//! The client's offer, and what it reads from the answer.

use std::fmt::Write;
use std::io::Cursor;
use std::net::SocketAddr;

use nhipcau_sfu::{Codec, Kind, Track};
use rtc_sdp::SessionDescription;

use super::media::{Encoding, OutStream};
use super::shaped::{RED, payload_types};
use super::{ClientError, ClientOptions, Shape};

/// Ids of the header extensions that the client offers.
pub(super) const MID_ID: u8 = 4;
pub(super) const RID_ID: u8 = 5;
pub(super) const TRANSPORT_ID: u8 = 3;
pub(super) const LEVEL_ID: u8 = 1;
pub(super) const DEPENDENCY_ID: u8 = 12;
/// Payload types that the client offers.
pub(super) const OPUS: u8 = 111;
pub(super) const VP8: u8 = 96;
pub(super) const RTX: u8 = 97;
/// Rids, best first.
pub(super) const RIDS: [&str; 3] = ["h", "m", "l"];

/// An m-line of an offer.
struct Line {
    kind: Kind,
    /// What it sends, even when it is idle; `None` receives.
    track: Option<Track>,
    direction: &'static str,
}

/// The m-lines of an offer.
fn lines(options: &ClientOptions) -> Vec<Line> {
    let sends = |kind, track, on| Line {
        kind,
        track: Some(track),
        direction: if on { "sendonly" } else { "inactive" },
    };
    let receives = |kind| Line {
        kind,
        track: None,
        direction: "recvonly",
    };
    let mut lines = Vec::new();
    if options.shape != Shape::Whep {
        lines.push(sends(Kind::Audio, Track::Main, options.audio));
        lines.push(sends(Kind::Video, Track::Main, options.layers > 0));
    }
    if options.shape != Shape::Whip {
        lines.extend((0..options.slots_audio).map(|_| receives(Kind::Audio)));
        lines.extend((0..options.slots_video).map(|_| receives(Kind::Video)));
    }
    if options.shape != Shape::Whep && options.slides + options.document > 0 {
        lines.push(sends(Kind::Audio, Track::Slides, options.slides > 0));
        lines.push(sends(Kind::Video, Track::Slides, options.slides > 0));
        lines.push(sends(Kind::Video, Track::Document, options.document > 0));
    }
    lines
}

const fn layers(options: &ClientOptions, track: Track) -> usize {
    match track {
        Track::Main => options.layers,
        Track::Slides => options.slides,
        Track::Document => options.document,
    }
}

/// What the client sends: sound and then the layers of each track, lowest first.
pub(super) fn streams(options: &ClientOptions) -> Vec<Encoding> {
    let sent = lines(options).into_iter().enumerate();
    sent.filter_map(|(mid, line)| Some((mid, line.kind, line.track?)))
        .flat_map(|(mid, kind, track)| {
            let count = match kind {
                Kind::Audio => 1,
                Kind::Video => layers(options, track),
            };
            (0..count).map(move |layer| Encoding {
                track,
                kind,
                layer,
                rid: match count {
                    1 => "",
                    _ => RIDS[RIDS.len() - 1 - layer],
                },
                mid: mid.to_string(),
            })
        })
        .collect()
}

/// Formats and their attributes of an m-line of sound.
fn sound(red: bool) -> (String, String) {
    let opus = format!("a=rtpmap:{OPUS} opus/48000/2\r\n");
    match red {
        true => (
            format!("audio 9 UDP/TLS/RTP/SAVPF {RED} {OPUS}"),
            format!("{opus}a=rtpmap:{RED} red/48000/2\r\na=fmtp:{RED} {OPUS}/{OPUS}\r\n"),
        ),
        false => (format!("audio 9 UDP/TLS/RTP/SAVPF {OPUS}"), opus),
    }
}

/// The same of pictures.
fn pictures(codecs: &[Codec]) -> (String, String) {
    let mut head = "video 9 UDP/TLS/RTP/SAVPF".to_owned();
    let mut text = String::new();
    for &codec in codecs {
        let (main, rtx) = payload_types(codec);
        let _ = write!(head, " {main} {rtx}");
        let name = codec.name();
        let _ = write!(
            text,
            "a=rtpmap:{main} {name}/90000\r\na=rtcp-fb:{main} nack\r\na=rtcp-fb:{main} nack pli\r\n\
             a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={main}\r\n"
        );
        if codec == Codec::H264 {
            let _ = write!(
                text,
                "a=fmtp:{main} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
            );
        }
    }
    if codecs.contains(&Codec::Av1) {
        let _ = write!(
            text,
            "a=extmap:{DEPENDENCY_ID} https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension\r\n"
        );
    }
    (head, text)
}

pub(super) fn offer(
    options: &ClientOptions,
    (ufrag, pwd): (&str, &str),
    session: u64,
    fingerprint: &str,
    out: &[OutStream],
) -> String {
    let lines = lines(options);
    let mids = (0..lines.len())
        .map(|mid| mid.to_string())
        .collect::<Vec<_>>()
        .join(" ");
    let mut text = format!(
        "v=0\r\no=- {session} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mids}\r\n"
    );
    if options.codecs.contains(&Codec::Av1) {
        text += "a=extmap-allow-mixed\r\n";
    }
    for (mid, line) in lines.into_iter().enumerate() {
        let direction = line.direction;
        let audio = line.kind == Kind::Audio;
        let sent = out
            .iter()
            .filter(|stream| {
                direction == "sendonly"
                    && line.track == Some(stream.encoding.track)
                    && line.kind == stream.encoding.kind
            })
            .collect::<Vec<_>>();
        let (head, codec) = if audio {
            sound(options.red)
        } else {
            pictures(&options.codecs)
        };
        let _ = write!(
            text,
            "m={head}\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=mid:{mid}\r\na={direction}\r\n\
             a=extmap:{TRANSPORT_ID} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
             a=extmap:{MID_ID} urn:ietf:params:rtp-hdrext:sdes:mid\r\n{codec}"
        );
        if audio {
            let _ = write!(
                text,
                "a=extmap:{LEVEL_ID} urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
            );
        } else {
            let _ = write!(
                text,
                "a=extmap:{RID_ID} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
            );
        }
        // Which is which, even when one before it is idle (RFC 4796).
        match line.track {
            Some(Track::Slides) => text += "a=content:slides\r\n",
            Some(Track::Document) => text += "a=content:alt\r\n",
            _ => {}
        }
        if let [only] = sent.as_slice() {
            let _ = write!(text, "a=ssrc:{} cname:c\r\n", only.ssrc);
        } else if !sent.is_empty() {
            // Best first.
            let rids = sent.iter().rev().map(|stream| stream.encoding.rid);
            let rids = rids.collect::<Vec<_>>();
            for rid in &rids {
                let _ = write!(text, "a=rid:{rid} send\r\n");
            }
            let _ = write!(text, "a=simulcast:send {}\r\n", rids.join(";"));
        }
    }
    text
}

/// Where and to whom to connect.
pub(super) struct Transport {
    pub(super) ufrag: String,
    pub(super) pwd: String,
    pub(super) fingerprint: [u8; 32],
    /// Over UDP, in the order of the text.
    pub(super) candidates: Vec<SocketAddr>,
    /// Whether the other side only answers checks.
    pub(super) lite: bool,
}

impl Transport {
    /// Reads it from the first m-line that is not refused, or from the session's head.
    pub(super) fn of(session: &SessionDescription) -> Result<Self, ClientError> {
        let first = session
            .media_descriptions
            .iter()
            .find(|media| media.media_name.port.value != 0)
            .ok_or(ClientError::Answer("no m-line"))?;
        let take = |key: &str| {
            let head = session.attributes.iter();
            first
                .attribute(key)
                .flatten()
                .map(str::to_owned)
                .or_else(|| {
                    let mut found = head.filter(|attribute| attribute.key == key);
                    found.next()?.value.clone()
                })
        };
        let fingerprint = take("fingerprint").ok_or(ClientError::Answer("no fingerprint"))?;
        let (function, print) = fingerprint.split_once(' ').unwrap_or_default();
        let bytes = print
            .split(':')
            .map(|text| u8::from_str_radix(text, 16))
            .collect::<Result<Vec<_>, _>>();
        let digest = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        let candidates = first
            .attributes
            .iter()
            .filter(|attribute| attribute.key == "candidate")
            .filter_map(|attribute| {
                let words = attribute.value.as_deref()?.split(' ').collect::<Vec<_>>();
                if !words.get(2)?.eq_ignore_ascii_case("udp") || *words.get(1)? != "1" {
                    return None;
                }
                Some(SocketAddr::new(
                    words.get(4)?.parse().ok()?,
                    words.get(5)?.parse().ok()?,
                ))
            })
            .collect();
        Ok(Self {
            ufrag: take("ice-ufrag").ok_or(ClientError::Answer("no ufrag"))?,
            pwd: take("ice-pwd").ok_or(ClientError::Answer("no password"))?,
            fingerprint: digest
                .filter(|_| function.eq_ignore_ascii_case("sha-256"))
                .ok_or(ClientError::Answer("a bad fingerprint"))?,
            candidates,
            lite: session
                .attributes
                .iter()
                .chain(&first.attributes)
                .any(|attribute| attribute.key == "ice-lite"),
        })
    }
}

/// A stream that will come.
pub(super) struct StreamLine {
    /// 0 when the other side announces none.
    pub(super) ssrc: u32,
    pub(super) repair: Option<u32>,
    pub(super) payload_type: u8,
    pub(super) kind: Kind,
    pub(super) slot: usize,
}

/// What the answer says.
pub(super) struct Answer {
    pub(super) transport: Transport,
    pub(super) streams: Vec<StreamLine>,
}

pub(super) fn parse_answer(text: &str) -> Result<Answer, ClientError> {
    let session = SessionDescription::unmarshal(&mut Cursor::new(text.as_bytes()))
        .map_err(|_| ClientError::Answer("it does not parse"))?;
    let transport = Transport::of(&session)?;
    let mut slots = [0; 2];
    let mut streams = Vec::new();
    for media in session
        .media_descriptions
        .iter()
        .filter(|media| media.has_attribute("sendonly"))
    {
        let (kind, payload_type) = if media.media_name.media == "audio" {
            (Kind::Audio, OPUS)
        } else {
            (Kind::Video, VP8)
        };
        let group = media.attribute("ssrc-group").flatten();
        streams.push(StreamLine {
            ssrc: media
                .attribute("ssrc")
                .flatten()
                .and_then(|value| value.split(' ').next()?.parse().ok())
                .unwrap_or_default(),
            repair: group.and_then(|group| group.split(' ').nth(2)?.parse().ok()),
            payload_type,
            kind,
            slot: slots[kind as usize],
        });
        slots[kind as usize] += 1;
    }
    Ok(Answer { transport, streams })
}

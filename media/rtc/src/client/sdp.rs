//! The client's offer, and what it reads from the answer.

use std::fmt::Write;
use std::io::Cursor;
use std::net::SocketAddr;

use nhipcau_sfu::Kind;
use rtc_sdp::SessionDescription;

use super::media::OutStream;
use super::{ClientError, ClientOptions};

/// Ids of the header extensions that the client offers.
pub(super) const MID_ID: u8 = 4;
pub(super) const RID_ID: u8 = 5;
pub(super) const TRANSPORT_ID: u8 = 3;
pub(super) const LEVEL_ID: u8 = 1;
/// Payload types that the client offers.
pub(super) const OPUS: u8 = 111;
pub(super) const VP8: u8 = 96;
pub(super) const RTX: u8 = 97;
/// Rids, best first.
pub(super) const RIDS: [&str; 3] = ["h", "m", "l"];

pub(super) fn offer(
    options: &ClientOptions,
    ufrag: &str,
    session: u64,
    fingerprint: &str,
    out: &[OutStream],
) -> String {
    let count = 2 + options.slots_audio + options.slots_video;
    let mids = (0..count)
        .map(|mid| mid.to_string())
        .collect::<Vec<_>>()
        .join(" ");
    let mut text = format!(
        "v=0\r\no=- {session} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mids}\r\n"
    );
    for mid in 0..count {
        let audio = mid == 0 || (2..2 + options.slots_audio).contains(&mid);
        let sends = match mid {
            0 => options.audio,
            1 => options.layers > 0,
            _ => false,
        };
        let direction = match (mid < 2, sends) {
            (true, true) => "sendonly",
            (true, false) => "inactive",
            (false, _) => "recvonly",
        };
        let (head, codec) = if audio {
            (
                format!("audio 9 UDP/TLS/RTP/SAVPF {OPUS}"),
                format!("a=rtpmap:{OPUS} opus/48000/2\r\n"),
            )
        } else {
            (
                format!("video 9 UDP/TLS/RTP/SAVPF {VP8} {RTX}"),
                format!(
                    "a=rtpmap:{VP8} VP8/90000\r\na=rtcp-fb:{VP8} nack\r\na=rtcp-fb:{VP8} nack pli\r\na=rtpmap:{RTX} rtx/90000\r\na=fmtp:{RTX} apt={VP8}\r\n"
                ),
            )
        };
        let _ = write!(
            text,
            "m={head}\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:0123456789abcdef01234567\r\n\
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
        if mid == 0 && sends {
            let _ = write!(text, "a=ssrc:{} cname:c\r\n", out[0].ssrc);
        }
        if mid == 1 && options.layers == 1 {
            let _ = write!(text, "a=ssrc:{} cname:c\r\n", out[1].ssrc);
        }
        if mid == 1 && options.layers > 1 {
            let rids = &RIDS[RIDS.len() - options.layers..];
            for rid in rids {
                let _ = write!(text, "a=rid:{rid} send\r\n");
            }
            let _ = write!(text, "a=simulcast:send {}\r\n", rids.join(";"));
        }
    }
    text
}

/// What the answer says.
pub(super) struct Answer {
    pub(super) ufrag: String,
    pub(super) pwd: String,
    pub(super) fingerprint: [u8; 32],
    pub(super) candidates: Vec<SocketAddr>,
    /// SSRC, retransmission SSRC, kind and slot.
    pub(super) streams: Vec<(u32, Option<u32>, Kind, usize)>,
}

pub(super) fn parse_answer(text: &str) -> Result<Answer, ClientError> {
    let session = SessionDescription::unmarshal(&mut Cursor::new(text.as_bytes()))
        .map_err(|_| ClientError::Answer("it does not parse"))?;
    let first = session
        .media_descriptions
        .first()
        .ok_or(ClientError::Answer("no m-line"))?;
    let take = |key: &str| first.attribute(key).flatten().map(str::to_owned);
    let fingerprint = take("fingerprint").ok_or(ClientError::Answer("no fingerprint"))?;
    let mut digest = [0; 32];
    for (byte, text) in digest
        .iter_mut()
        .zip(fingerprint.trim_start_matches("sha-256 ").split(':'))
    {
        *byte =
            u8::from_str_radix(text, 16).map_err(|_| ClientError::Answer("a bad fingerprint"))?;
    }
    let candidates = first
        .attributes
        .iter()
        .filter(|attribute| attribute.key == "candidate")
        .filter_map(|attribute| {
            let words = attribute.value.as_deref()?.split(' ').collect::<Vec<_>>();
            Some(SocketAddr::new(
                words.get(4)?.parse().ok()?,
                words.get(5)?.parse().ok()?,
            ))
        })
        .collect();
    let mut slots = [0; 2];
    let mut streams = Vec::new();
    for media in session
        .media_descriptions
        .iter()
        .filter(|media| media.has_attribute("sendonly"))
    {
        let kind = if media.media_name.media == "audio" {
            Kind::Audio
        } else {
            Kind::Video
        };
        let group = media.attribute("ssrc-group").flatten();
        let repair = group.and_then(|group| group.split(' ').nth(2)?.parse().ok());
        let ssrc = media
            .attribute("ssrc")
            .flatten()
            .and_then(|value| value.split(' ').next()?.parse().ok())
            .ok_or(ClientError::Answer("a slot without an SSRC"))?;
        streams.push((ssrc, repair, kind, slots[kind as usize]));
        slots[kind as usize] += 1;
    }
    Ok(Answer {
        ufrag: take("ice-ufrag").ok_or(ClientError::Answer("no ufrag"))?,
        pwd: take("ice-pwd").ok_or(ClientError::Answer("no password"))?,
        fingerprint: digest,
        candidates,
        streams,
    })
}

//! Offers of servers that send to whoever answers, as Janus does: the client answers `recvonly`.

use std::fmt::Write;
use std::io::Cursor;
use std::net::SocketAddr;

use nhipcau_sfu::Kind;
use rtc_sdp::SessionDescription;

use super::ClientError;
use super::sdp::{StreamLine, Transport};

/// One m-line of the offer.
struct MediaLine {
    head: String,
    mid: String,
    kind: Option<Kind>,
    payload_type: u8,
    ssrc: u32,
}

/// What the offer says.
pub(super) struct ForeignOffer {
    pub(super) transport: Transport,
    lines: Vec<MediaLine>,
}

pub(super) fn parse_offer(text: &str) -> Result<ForeignOffer, ClientError> {
    let session = SessionDescription::unmarshal(&mut Cursor::new(text.as_bytes()))
        .map_err(|_| ClientError::Answer("it does not parse"))?;
    let transport = Transport::of(&session)?;
    let lines = session
        .media_descriptions
        .iter()
        .map(|media| {
            let sends = media.has_attribute("sendonly") || media.has_attribute("sendrecv");
            let kind = match &*media.media_name.media {
                "audio" if sends => Some(Kind::Audio),
                "video" if sends => Some(Kind::Video),
                _ => None,
            };
            let format = media
                .media_name
                .formats
                .first()
                .cloned()
                .unwrap_or_default();
            let attribute = |key| media.attribute(key).flatten();
            MediaLine {
                head: format!(
                    "m={} 9 {} {format}",
                    media.media_name.media,
                    media.media_name.protos.join("/")
                ),
                mid: attribute("mid").unwrap_or("0").to_owned(),
                kind,
                payload_type: format.parse().unwrap_or_default(),
                ssrc: attribute("ssrc")
                    .and_then(|value| value.split(' ').next()?.parse().ok())
                    .unwrap_or_default(),
            }
        })
        .collect();
    Ok(ForeignOffer { transport, lines })
}

impl ForeignOffer {
    /// What will come, by kind and slot.
    pub(super) fn streams(&self) -> impl Iterator<Item = StreamLine> {
        let mut slots = [0; 2];
        self.lines.iter().filter_map(move |line| {
            let kind = line.kind?;
            let slot = slots[kind as usize];
            slots[kind as usize] += 1;
            Some(StreamLine {
                ssrc: line.ssrc,
                repair: None,
                payload_type: line.payload_type,
                kind,
                slot,
            })
        })
    }

    /// The answer of a full agent with one host candidate that begins DTLS.
    pub(super) fn answer(
        &self,
        (ufrag, pwd): (&str, &str),
        addr: SocketAddr,
        fingerprint: &str,
    ) -> String {
        let mids = self
            .lines
            .iter()
            .map(|line| line.mid.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        let mut text =
            format!("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mids}\r\n");
        for line in &self.lines {
            let direction = if line.kind.is_some() {
                "recvonly"
            } else {
                "inactive"
            };
            let codec = match line.kind {
                Some(Kind::Audio) => format!("a=rtpmap:{} opus/48000/2\r\n", line.payload_type),
                Some(Kind::Video) => format!(
                    "a=rtpmap:{0} VP8/90000\r\na=rtcp-fb:{0} nack\r\na=rtcp-fb:{0} nack pli\r\n",
                    line.payload_type
                ),
                None => String::new(),
            };
            let _ = write!(
                text,
                "{}\r\nc=IN IP4 {}\r\na=rtcp-mux\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=fingerprint:sha-256 {fingerprint}\r\n\
                 a=setup:active\r\na=mid:{}\r\na={direction}\r\n{codec}a=candidate:1 1 udp 2130706431 {} {} typ host\r\na=end-of-candidates\r\n",
                line.head,
                addr.ip(),
                line.mid,
                addr.ip(),
                addr.port(),
            );
        }
        text
    }
}

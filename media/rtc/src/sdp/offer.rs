//! What an offer says that the bridge needs.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nhipcau_sfu::{Codec, Kind, Track};
use rtc_sdp::{MediaDescription, SessionDescription};

use super::formats::{Format, formats, red};
use super::{Extension, URIS};
use crate::bridge::Flow;
use crate::config::BridgeConfig;
use crate::error::JoinError;

/// m-lines in one offer; the page's have 21.
const MEDIA_MAX: usize = 64;
/// Simulcast layers of one track.
pub(crate) const LAYERS_MAX: usize = 3;
/// Bytes of a mid; one-byte header extensions hold 16.
const MID_BYTES_MAX: usize = 16;

/// An offer, reduced to what the bridge needs.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// `o=` user name and session id: one per peer connection of a page.
    pub(crate) session: String,
    /// SHA-256 of the certificate that the peer must show in DTLS.
    pub(crate) fingerprint: [u8; 32],
    /// The peer's ICE user name; a new one means an ICE restart.
    pub(crate) ufrag: String,
    /// m-lines in order.
    pub(crate) media: Vec<Media>,
    /// Ids of the header extensions.
    pub(crate) extensions: Extensions,
    /// What may flow.
    pub(crate) flow: Flow,
    /// Whether one- and two-byte header extensions may be mixed (RFC 8285 section 4.1.2).
    pub(crate) mixed: bool,
}

/// What an m-line is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// The peer sends of a track; the bridge receives.
    Up(Kind, Track),
    /// The bridge sends in the slot of this number.
    Down(Kind, usize),
    /// Answered `inactive`: nothing flows.
    Inactive(Kind),
    /// Answered with port 0.
    Rejected,
}

/// `a=sendonly` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    /// The same seen from the other side.
    pub(crate) const fn mirrored(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            other => other,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ]
        .into_iter()
        .find(|direction| direction.name() == text)
    }
}

/// One m-line.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    /// `audio`, `video` or something that is rejected.
    pub(crate) name: String,
    /// Transport of the m-line, printed again in the answer.
    pub(crate) protos: Vec<String>,
    /// Formats, printed again when the m-line is rejected.
    pub(crate) formats: Vec<String>,
    pub(crate) mid: String,
    pub(crate) usage: Use,
    /// Codecs that the bridge takes, best first.
    pub(crate) codecs: Vec<Format>,
    /// Payload type of redundant sound, and whether the offer prefers it to plain sound.
    pub(crate) red: Option<(u8, bool)>,
    /// Simulcast layers that the peer sends, best first.
    pub(crate) rids: Vec<String>,
    /// SSRCs that the offer announces, without those of retransmissions.
    pub(crate) ssrcs: Vec<u32>,
    /// Retransmission SSRC by SSRC.
    pub(crate) repairs: Vec<(u32, u32)>,
    /// Understood header extensions: id, direction as offered, place in [`URIS`].
    pub(crate) extmaps: Vec<(u8, Option<Direction>, usize)>,
}

impl Media {
    /// Id of an extension that may be written into packets towards the peer.
    pub(crate) fn extension_towards(&self, extension: Extension) -> Option<u8> {
        let written = self.extmaps.iter().find(|(_, direction, place)| {
            URIS[*place].0 == extension
                && !matches!(direction, Some(Direction::SendOnly | Direction::Inactive))
        });
        written.map(|(id, ..)| *id)
    }
}

/// Ids of the header extensions, by [`Extension`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions([Option<u8>; URIS.len()]);

impl Extensions {
    pub(crate) fn id(&self, extension: Extension) -> Option<u8> {
        self.0[extension as usize]
    }

    /// Whether `later` keeps every id that `self` has given (RFC 8843 section 9.1).
    pub(crate) fn kept_by(&self, later: &Self) -> bool {
        self.0
            .iter()
            .zip(later.0.iter())
            .all(|(before, after)| before.is_none() || after.is_none() || before == after)
    }
}

/// Reads an offer and decides the use of each m-line.
pub(crate) fn parse(text: &str, config: &BridgeConfig, flow: Flow) -> Result<Offer, JoinError> {
    // The parser is young and the text is hostile: a panic in it is an offer that cannot be used, not the end of a thread.
    let session = catch_unwind(AssertUnwindSafe(|| {
        SessionDescription::unmarshal(&mut Cursor::new(text.as_bytes()))
    }))
    .map_err(|_| bad("the parser gave up"))?
    .map_err(|error| bad(&error.to_string()))?;
    if session.media_descriptions.is_empty() {
        return Err(bad("no m-line"));
    }
    if session.media_descriptions.len() > MEDIA_MAX {
        return Err(bad("too many m-lines"));
    }
    let first = &session.media_descriptions[0];
    let ufrag = first
        .attribute("ice-ufrag")
        .flatten()
        .map(str::to_owned)
        .or_else(|| session.attribute("ice-ufrag").cloned())
        .ok_or_else(|| bad("no a=ice-ufrag"))?;
    let fingerprint = session
        .media_descriptions
        .iter()
        .flat_map(|media| media.attributes.iter())
        .chain(session.attributes.iter())
        .filter(|attribute| attribute.key == "fingerprint")
        .filter_map(|attribute| attribute.value.as_deref())
        .find_map(parse_fingerprint)
        .ok_or_else(|| bad("no a=fingerprint with sha-256"))?;
    let setups = session.media_descriptions.iter();
    if setups
        .filter_map(|media| media.attribute("setup").flatten())
        .chain(session.attribute("setup").map(String::as_str))
        .any(|setup| setup == "passive")
    {
        return Err(bad("a=setup:passive, and the bridge begins no handshake"));
    }
    let mut slots = [0usize; 2];
    let mut ups = [[false; Track::ALL.len()]; 2];
    let mut extensions = Extensions::default();
    let mut partly = false;
    let mut media = Vec::with_capacity(session.media_descriptions.len());
    for description in &session.media_descriptions {
        let mut parsed = parse_media(description)?;
        decide(&mut parsed, description, &mut ups, &mut slots, config, flow);
        for &(id, _, place) in &parsed.extmaps {
            match extensions.0[place] {
                Some(known) if known != id => return Err(JoinError::ExtensionRemapped),
                _ => extensions.0[place] = Some(id),
            }
        }
        if flow == Flow::Up
            && parsed.usage != Use::Up(Kind::Audio, Track::Main)
            && parsed.usage != Use::Up(Kind::Video, Track::Main)
            && sends(description)
        {
            partly = true;
        }
        media.push(parsed);
    }
    let usable = |media: &Media| match flow {
        Flow::Both => media.usage != Use::Rejected,
        Flow::Up => matches!(media.usage, Use::Up(..)),
        Flow::Down => matches!(media.usage, Use::Down(..)),
    };
    if !media.iter().any(usable) {
        return Err(JoinError::NothingUsable);
    }
    if partly {
        return Err(JoinError::PartlyUsable);
    }
    Ok(Offer {
        session: format!("{} {}", session.origin.username, session.origin.session_id),
        fingerprint,
        ufrag,
        media,
        extensions,
        flow,
        mixed: session
            .attributes
            .iter()
            .any(|attribute| attribute.key == "extmap-allow-mixed")
            || session
                .media_descriptions
                .iter()
                .all(|media| media.has_attribute("extmap-allow-mixed")),
    })
}

fn bad(text: &str) -> JoinError {
    // Parts of the offer are hostile text: keep the sentence short and printable.
    JoinError::BadSdp(
        text.chars()
            .filter(|character| !character.is_control())
            .take(200)
            .collect(),
    )
}

fn parse_fingerprint(value: &str) -> Option<[u8; 32]> {
    let (algorithm, hex) = value.split_once(' ')?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut bytes = [0; 32];
    let mut parts = hex.trim().split(':');
    for byte in &mut bytes {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

pub(super) fn values<'a>(
    media: &'a MediaDescription,
    key: &'a str,
) -> impl Iterator<Item = &'a str> {
    media
        .attributes
        .iter()
        .filter(move |attribute| attribute.key == key)
        .filter_map(|attribute| attribute.value.as_deref())
}

fn parse_media(description: &MediaDescription) -> Result<Media, JoinError> {
    let mid = description
        .attribute("mid")
        .flatten()
        .ok_or_else(|| bad("an m-line without a=mid"))?
        .to_owned();
    if mid.is_empty()
        || mid.len() > MID_BYTES_MAX
        || !mid.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(bad("an a=mid that cannot be used"));
    }
    // These are printed again in the answer.
    let name = &description.media_name;
    let words = name.protos.iter().chain(&name.formats);
    if !words
        .chain([&name.media])
        .flat_map(|word| word.bytes())
        .all(|byte| byte.is_ascii_graphic())
    {
        return Err(bad("an m-line that cannot be printed"));
    }
    let repairs = values(description, "ssrc-group")
        .filter_map(|value| value.strip_prefix("FID "))
        .filter_map(|value| value.split_once(' '))
        .filter_map(|(primary, repair)| Some((primary.parse().ok()?, repair.trim().parse().ok()?)))
        .take(LAYERS_MAX)
        .collect::<Vec<(u32, u32)>>();
    let mut ssrcs = Vec::new();
    for ssrc in
        values(description, "ssrc").filter_map(|value| value.split(' ').next()?.parse().ok())
    {
        if !ssrcs.contains(&ssrc)
            && repairs.iter().all(|&(_, repair)| repair != ssrc)
            && ssrcs.len() < LAYERS_MAX
        {
            ssrcs.push(ssrc);
        }
    }
    Ok(Media {
        name: description.media_name.media.clone(),
        protos: description.media_name.protos.clone(),
        formats: description.media_name.formats.clone(),
        mid,
        usage: Use::Rejected,
        codecs: Vec::new(),
        red: None,
        rids: Vec::new(),
        ssrcs,
        repairs,
        extmaps: values(description, "extmap")
            .filter_map(parse_extmap)
            .collect(),
    })
}

fn parse_extmap(value: &str) -> Option<(u8, Option<Direction>, usize)> {
    let mut words = value.split(' ');
    let (id, direction) = match words.next()?.split_once('/') {
        Some((id, direction)) => (id, Some(Direction::parse(direction)?)),
        None => (value.split(' ').next()?, None),
    };
    let uri = words.next()?;
    let place = URIS.iter().position(|(_, known)| *known == uri)?;
    // Ids above 14 need two-byte headers (RFC 8285), which browsers do not use for these.
    let id = id.parse::<u8>().ok().filter(|id| (1..=14).contains(id))?;
    Some((id, direction, place))
}

fn decide(
    media: &mut Media,
    description: &MediaDescription,
    ups: &mut [[bool; Track::ALL.len()]; 2],
    slots: &mut [usize; 2],
    config: &BridgeConfig,
    flow: Flow,
) {
    let kind = match media.name.as_str() {
        "audio" => Kind::Audio,
        "video" => Kind::Video,
        _ => return,
    };
    if description.media_name.port.value == 0 && !description.has_attribute("bundle-only") {
        return;
    }
    media.codecs = match kind {
        Kind::Audio => formats(description, &[Codec::Opus]),
        Kind::Video => formats(description, &config.codecs),
    };
    let Some(first) = media.codecs.first() else {
        return;
    };
    if kind == Kind::Audio {
        media.red = red(description, first.payload_type);
    }
    let direction = direction_of(description);
    let index = kind as usize;
    let slots_max = match kind {
        Kind::Audio => config.slots_audio,
        Kind::Video => config.slots_video,
    };
    let sends = matches!(direction, Direction::SendOnly | Direction::SendRecv);
    let receives = match flow {
        Flow::Both => direction == Direction::RecvOnly,
        Flow::Up => false,
        Flow::Down => matches!(direction, Direction::RecvOnly | Direction::SendRecv),
    };
    let track = sent_track(description, ups[index]).filter(|_| sends && flow != Flow::Down);
    media.usage = match track {
        Some(track) => {
            ups[index][track as usize] = true;
            if kind == Kind::Video {
                media.rids = simulcast_rids(description);
            }
            Use::Up(kind, track)
        }
        None if receives && slots[index] < slots_max => {
            slots[index] += 1;
            Use::Down(kind, slots[index] - 1)
        }
        _ => Use::Inactive(kind),
    };
}

fn direction_of(description: &MediaDescription) -> Direction {
    description
        .attributes
        .iter()
        .find_map(|attribute| Direction::parse(&attribute.key))
        .unwrap_or(Direction::SendRecv)
}

/// Whether an m-line means to send sound or pictures.
fn sends(description: &MediaDescription) -> bool {
    matches!(description.media_name.media.as_str(), "audio" | "video")
        && matches!(
            direction_of(description),
            Direction::SendOnly | Direction::SendRecv
        )
        && (description.media_name.port.value != 0 || description.has_attribute("bundle-only"))
}

/// Which track an m-line sends: the one that `a=content:` names (RFC 4796: `main`, `slides`, `alt`), else the next of its kind. `None`
/// when the peer sends that one in another m-line already.
fn sent_track(description: &MediaDescription, taken: [bool; Track::ALL.len()]) -> Option<Track> {
    let named = values(description, "content")
        .flat_map(|value| value.split(','))
        .find_map(|word| match word.trim() {
            "main" | "speaker" => Some(Track::Main),
            "slides" => Some(Track::Slides),
            "alt" => Some(Track::Document),
            _ => None,
        });
    match named {
        Some(track) => Some(track).filter(|track| !taken[*track as usize]),
        None => Track::ALL.into_iter().find(|track| !taken[*track as usize]),
    }
}

/// The rids of `a=simulcast:send h;m;l`, best first as offered. Alternatives (`a,b`) and pauses (`~`) are not used by browsers.
fn simulcast_rids(description: &MediaDescription) -> Vec<String> {
    values(description, "simulcast")
        .filter_map(|value| value.strip_prefix("send "))
        .flat_map(|value| value.split(' ').next().unwrap_or_default().split(';'))
        .map(|rid| rid.trim_start_matches('~'))
        .filter(|rid| {
            !rid.is_empty()
                && rid.len() <= 16
                && rid.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
        .take(LAYERS_MAX)
        .map(str::to_owned)
        .collect()
}

//! Which codecs an m-line offers under which payload types, and which of them the bridge takes.

use nhipcau_sfu::Codec;
use rtc_sdp::MediaDescription;

use super::offer::values;

/// Bytes of `a=fmtp` parameters that are repeated in an answer; browsers' have less than 100.
const PARAMETERS_MAX: usize = 200;

/// A codec of an m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    /// Payload type of its retransmissions (RFC 4588).
    pub(crate) rtx: Option<u8>,
    /// `a=fmtp` as offered; what the bridge takes of H.264, VP9 and AV1 it takes as it is.
    pub(crate) parameters: String,
}

/// The value of a parameter of `a=fmtp`.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters
        .split(';')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// How well an offered form of a codec suits, 0 the best; `None` when it cannot pass.
fn rank(codec: Codec, parameters: &str) -> Option<u8> {
    match codec {
        Codec::Opus | Codec::Vp8 => Some(0),
        // Fragments are needed: a keyframe is larger than a packet (RFC 6184 section 6.3).
        Codec::H264 if parameter(parameters, "packetization-mode") != Some("1") => None,
        Codec::H264 => {
            let profile = parameter(parameters, "profile-level-id").unwrap_or("42");
            let profile = profile.get(..4).unwrap_or(profile).to_ascii_lowercase();
            match profile.as_str() {
                // Constrained baseline is what every receiver decodes; the others as far as receivers do.
                "42e0" | "42c0" => Some(0),
                profile if profile.starts_with("42") => Some(1),
                profile if profile.starts_with("4d") => Some(2),
                _ => None,
            }
        }
        // Other profiles have more bits or colours, which no encoder of a meeting needs.
        Codec::Vp9 => (parameter(parameters, "profile-id").unwrap_or("0") == "0").then_some(0),
        Codec::Av1 => (parameter(parameters, "profile").unwrap_or("0") == "0").then_some(0),
    }
}

/// A payload type that the m-line names and that cannot be mistaken for RTCP on the same port (RFC 5761 section 4).
fn usable(description: &MediaDescription, number: &str) -> Option<u8> {
    let payload_type = number.parse::<u8>().ok().filter(|number| *number < 128)?;
    let named = description
        .media_name
        .formats
        .iter()
        .any(|format| format == number);
    (named && !(64..=95).contains(&payload_type)).then_some(payload_type)
}

/// Payload types and encoding names of the m-line, in the order of `a=rtpmap`.
fn maps(description: &MediaDescription) -> impl Iterator<Item = (u8, &str)> {
    values(description, "rtpmap").filter_map(|value| {
        let (number, name) = value.split_once(' ')?;
        Some((usable(description, number)?, name))
    })
}

fn parameters(description: &MediaDescription, payload_type: u8) -> Option<&str> {
    values(description, "fmtp").find_map(|value| {
        let (number, parameters) = value.split_once(' ')?;
        (number.parse() == Ok(payload_type)).then_some(parameters)
    })
}

/// The codecs of `wanted` that the m-line offers, in the order of `wanted`, each in the form that suits best.
pub(super) fn formats(description: &MediaDescription, wanted: &[Codec]) -> Vec<Format> {
    wanted
        .iter()
        .filter_map(|&codec| {
            let name = match codec {
                Codec::Opus => "opus/48000/2".to_owned(),
                video => format!("{}/90000", video.name()),
            };
            let (_, payload_type, parameters) = maps(description)
                .filter(|(_, offered)| offered.eq_ignore_ascii_case(&name))
                .filter_map(|(payload_type, _)| {
                    let parameters = parameters(description, payload_type).unwrap_or("");
                    Some((rank(codec, parameters)?, payload_type, parameters))
                })
                .min_by_key(|(rank, ..)| *rank)?;
            let apt = payload_type.to_string();
            let rtx = maps(description).find_map(|(rtx, offered)| {
                let serves = offered.eq_ignore_ascii_case("rtx/90000")
                    && self::parameters(description, rtx)
                        .is_some_and(|said| parameter(said, "apt") == Some(&apt));
                serves.then_some(rtx)
            });
            Some(Format {
                codec,
                payload_type,
                rtx,
                parameters: parameters
                    .chars()
                    .filter(|letter| letter.is_ascii_graphic() || *letter == ' ')
                    .take(PARAMETERS_MAX)
                    .collect(),
            })
        })
        .collect()
}

/// The payload type of redundant sound (RFC 2198) around `opus`, and whether the offer prefers it.
pub(super) fn red(description: &MediaDescription, opus: u8) -> Option<(u8, bool)> {
    let (red, _) = maps(description).find(|(payload_type, name)| {
        name.eq_ignore_ascii_case("red/48000/2")
            && parameters(description, *payload_type).is_some_and(|blocks| {
                // Every block is the same codec: others could not be told apart in time.
                blocks
                    .split('/')
                    .all(|block| block.trim().parse() == Ok(opus))
            })
    })?;
    let place = |payload_type: u8| {
        let formats = &description.media_name.formats;
        formats
            .iter()
            .position(|format| format.parse() == Ok(payload_type))
    };
    Some((red, place(red) < place(opus)))
}

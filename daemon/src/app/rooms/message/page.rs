//! What a room page says: strict JSON in, one typed message out. It knows nothing else of the daemon, so that `tests/fuzz` can
//! compile this file alone.

use nhipcau_conference::{Command, Mode, SeatId, ShareRule, SiteKey};
use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Tiles that a page may ask for besides the large picture.
const TILES_MAX: usize = 11;

/// Page → daemon.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum PageMessage {
    Join {
        token: String,
        name: String,
        resume: Option<String>,
        mic: bool,
        cam: bool,
    },
    Offer {
        id: u64,
        sdp: String,
    },
    Media {
        mic: bool,
        cam: bool,
    },
    View {
        large: Option<Shown>,
        tiles: Vec<Shown>,
    },
    Share {
        slides: bool,
        document: bool,
    },
    Mode {
        mode: Mode,
    },
    Hand {
        raised: bool,
    },
    Stats {
        rtt_ms: f64,
        loss_percent: f64,
        width: u32,
        fps: f64,
        freezes: u64,
    },
    Leave {},
    Mute {
        participant: SeatId,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    Unmute {
        participant: SeatId,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    MuteAll {
        except_floor: bool,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    GiveFloor {
        participant: SeatId,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    TakeFloor {
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    Spotlight {
        participant: Option<SeatId>,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    Remove {
        participant: SeatId,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    LowerHand {
        participant: SeatId,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    SetMode {
        site: SiteKey,
        mode: Option<Mode>,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    StopShare {
        participant: SeatId,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    Sharing {
        rule: ShareRule,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    Record {
        on: bool,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    End {
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
}

/// Why a message is not acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageError {
    /// Not JSON, a key twice, an unknown type or key, a value of the wrong kind.
    BadRequest,
    /// A list that is longer than any page needs.
    TooLarge,
}

impl MessageError {
    /// As the protocol writes it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::TooLarge => "too_large",
        }
    }
}

impl PageMessage {
    /// Reads one message.
    pub(crate) fn parse(text: &str) -> Result<Self, MessageError> {
        let message: Self = serde_json::from_str(text).map_err(|_| MessageError::BadRequest)?;
        match &message {
            Self::View { tiles, .. } if tiles.len() > TILES_MAX => Err(MessageError::TooLarge),
            Self::Stats {
                rtt_ms,
                loss_percent,
                fps,
                ..
            } if ![rtt_ms, loss_percent, fps]
                .iter()
                .all(|n| n.is_finite() && **n >= 0.0) =>
            {
                Err(MessageError::BadRequest)
            }
            _ => Ok(message),
        }
    }

    /// The command of the desk that this is, with the reference its answer repeats; `None` for what is no command.
    pub(crate) fn command(&self) -> Option<(Command, Option<String>)> {
        let (command, reference) = match self {
            Self::Mute {
                participant,
                reference,
            } => (Command::Mute(*participant), reference),
            Self::Unmute {
                participant,
                reference,
            } => (Command::Unmute(*participant), reference),
            Self::MuteAll {
                except_floor,
                reference,
            } => (
                Command::MuteAll {
                    except_floor: *except_floor,
                },
                reference,
            ),
            Self::GiveFloor {
                participant,
                reference,
            } => (Command::GiveFloor(*participant), reference),
            Self::TakeFloor { reference } => (Command::TakeFloor, reference),
            Self::Spotlight {
                participant,
                reference,
            } => (Command::Spotlight(*participant), reference),
            Self::Remove {
                participant,
                reference,
            } => (Command::Remove(*participant), reference),
            Self::LowerHand {
                participant,
                reference,
            } => (Command::LowerHand(*participant), reference),
            Self::SetMode {
                site,
                mode,
                reference,
            } => (
                Command::SetMode {
                    site: site.clone(),
                    mode: *mode,
                },
                reference,
            ),
            Self::StopShare {
                participant,
                reference,
            } => (Command::StopShare(*participant), reference),
            Self::Sharing { rule, reference } => (Command::Sharing(*rule), reference),
            Self::Record { on, reference } => (Command::Record(*on), reference),
            Self::End { reference } => (Command::End, reference),
            _ => return None,
        };
        Some((command, reference.clone()))
    }
}

/// Which of a participant's pictures or sounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Track {
    /// Camera and microphone.
    #[default]
    Main,
    /// The shared screen with its sound.
    Slides,
    /// The document camera.
    Document,
}

/// A picture that a page asks for: `p1` is a camera, `p1/slides` a screen, `p1/document` a document camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) participant: SeatId,
    pub(crate) track: Track,
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (participant, track) = match text.split_once('/') {
            Some((participant, track)) => {
                (participant, Track::deserialize(track.into_deserializer())?)
            }
            None => (text.as_str(), Track::Main),
        };
        Ok(Self {
            participant: SeatId::deserialize(participant.into_deserializer())?,
            track,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_message_is_an_error_and_nothing_else() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"type":"fly"}"#,
            r#"{"type":"hand","raised":true,"raised":false}"#,
            r#"{"type":"hand","raised":true,"type":"leave"}"#,
            r#"{"type":"hand","raised":true,"participant":"p1"}"#,
            r#"{"type":"mute","participant":"1"}"#,
            r#"{"type":"stats","rtt_ms":-1,"loss_percent":0,"width":1,"fps":1,"freezes":0}"#,
        ] {
            assert_eq!(
                PageMessage::parse(text).err(),
                Some(MessageError::BadRequest),
                "{text}"
            );
        }
    }

    #[test]
    fn a_command_keeps_its_reference() {
        let message =
            PageMessage::parse(r#"{"type":"mute_all","except_floor":true,"ref":"7"}"#).unwrap();
        assert_eq!(
            message.command(),
            Some((Command::MuteAll { except_floor: true }, Some("7".into())))
        );
        assert!(
            PageMessage::parse(r#"{"type":"leave"}"#)
                .unwrap()
                .command()
                .is_none()
        );
    }

    #[test]
    fn a_picture_is_named_by_participant_and_track() {
        let view = |large: &str| {
            PageMessage::parse(&format!(
                r#"{{"type":"view","large":"{large}","tiles":[]}}"#
            ))
        };
        for (text, track) in [
            ("p12", Track::Main),
            ("p12/slides", Track::Slides),
            ("p12/document", Track::Document),
        ] {
            let Ok(PageMessage::View { large, .. }) = view(text) else {
                panic!("{text}");
            };
            let participant = SeatId(12);
            assert_eq!(large, Some(Shown { participant, track }));
        }
        for text in ["p12/", "/slides", "p12/film", "p12/slides/slides", "12"] {
            assert_eq!(view(text).err(), Some(MessageError::BadRequest), "{text}");
        }
    }

    #[test]
    fn a_wall_of_tiles_is_refused() {
        let tiles = vec!["p1"; TILES_MAX + 1];
        let text = serde_json::json!({"type": "view", "large": null, "tiles": tiles}).to_string();
        assert_eq!(
            PageMessage::parse(&text).err(),
            Some(MessageError::TooLarge)
        );
    }
}

//! What the daemon says to a room page.

use std::fmt;

use nhipcau_conference::{Board, Mode, Participant, Reason, Roster, SeatId};
use serde::Serialize;

use super::Track;
use crate::http::views::RoomPreview;

/// What is in one of the page's receive m-lines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Slot {
    pub(crate) mid: String,
    pub(crate) participant: SeatId,
    pub(crate) track: Track,
}

/// A picture that the page asked for and does not get.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Withheld {
    pub(crate) participant: SeatId,
    pub(crate) track: Track,
    /// `mode`, `estimate` or `fallen`.
    pub(crate) why: &'static str,
}

/// `welcome.slots`: how many receive m-lines the page may offer.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct SlotCounts {
    pub(crate) audio: usize,
    pub(crate) video: usize,
}

/// As `RTCIceServer` of the browsers has it.
#[derive(Serialize)]
pub(crate) struct IceServer {
    pub(crate) urls: [String; 1],
    pub(crate) username: String,
    pub(crate) credential: String,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .field("credential", &"***")
            .finish()
    }
}

/// Daemon → page; the desk hears `Board`, `Error`, `Done` and `Ended` of these.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ServerMessage {
    Welcome {
        #[serde(rename = "self")]
        me: Participant,
        resume: String,
        room: Box<RoomPreview>,
        /// For lines that let nothing out but TLS; the bridge itself needs none.
        ice_servers: Vec<IceServer>,
        slots: SlotCounts,
    },
    Answer {
        id: u64,
        sdp: String,
    },
    Roster {
        #[serde(flatten)]
        roster: Roster,
        #[serde(skip_serializing_if = "Option::is_none")]
        board: Option<Board>,
    },
    Board {
        board: Board,
    },
    Slots {
        video: Vec<Option<Slot>>,
        audio: Vec<Option<Slot>>,
        withheld: Vec<Withheld>,
    },
    /// What the page may share from now on.
    Shares {
        slides: bool,
        document: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    Mode {
        mode: Mode,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    Speaker {
        participant: Option<SeatId>,
    },
    Muted {
        by: String,
    },
    Floor {
        granted: bool,
    },
    Notice {
        reason: Reason,
    },
    Done {
        #[serde(rename = "ref")]
        reference: String,
    },
    Error {
        code: &'static str,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
    },
    Removed,
    Ended,
    Replaced,
}

impl ServerMessage {
    /// A refusal.
    pub(crate) fn error(code: &'static str) -> Self {
        Self::Error {
            code,
            reference: None,
            id: None,
        }
    }

    /// As it goes over the socket.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self)
            .unwrap_or_else(|error| unreachable!("a message of ours serializes: {error}"))
    }
}

//! Conferences, invitations, attendance, recordings, and the board of a live room.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Health, Language, Reason};

/// `SeatRole`: what a seat in a room may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatRole {
    Chair,
    Secretary,
    Technician,
    Delegate,
    Viewer,
}

impl SeatRole {
    /// Every role of a seat.
    pub const ALL: [Self; 5] = [Self::Chair, Self::Secretary, Self::Technician, Self::Delegate, Self::Viewer];

    /// The word of the protocol and of the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chair => "chair",
            Self::Secretary => "secretary",
            Self::Technician => "technician",
            Self::Delegate => "delegate",
            Self::Viewer => "viewer",
        }
    }

    /// The role of a word; `None` for an unknown one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConferenceState {
    Scheduled,
    Live,
    Ended,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    Day,
    Week,
    Month,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    pub every: Every,
    pub interval: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Conference {
    pub id: i64,
    pub title: String,
    pub description: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub state: ConferenceState,
    pub chair_site: String,
    pub sites: Vec<String>,
    pub room: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    pub joined: u32,
    pub invited: u32,
}

#[derive(Debug, Clone, Serialize)]
pub struct ConferenceDetail {
    #[serde(flatten)]
    pub conference: Conference,
    pub invitations: Vec<Invitation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_link: Option<String>,
    pub occurrences: Vec<Occurrence>,
}

/// One entry of `ConferenceDetail.invitations`; the link only for host and above.
#[derive(Debug, Clone, Serialize)]
pub struct Invitation {
    pub site: String,
    pub site_name: String,
    pub role: SeatRole,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Occurrence {
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

#[derive(Debug, Clone, Serialize)]
pub struct Conflict {
    pub conference: i64,
    pub title: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub sites: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Attendance {
    pub site: String,
    pub site_name: String,
    pub participant: String,
    pub role: SeatRole,
    pub joined_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    Recording,
    Done,
    Failed,
}

#[derive(Debug, Clone, Serialize)]
pub struct Recording {
    pub id: i64,
    pub conference: i64,
    pub title: String,
    pub started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    pub bytes: u64,
    pub state: RecordingState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RoomPreview {
    pub room: String,
    pub title: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub state: ConferenceState,
    pub site_name: String,
    pub role: SeatRole,
    pub recording: bool,
    pub language: Language,
    pub time_zone: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Board {
    pub conference: i64,
    pub state: ConferenceState,
    pub recording: BoardRecording,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spotlight: Option<String>,
    pub counts: BoardCounts,
    pub rows: Vec<BoardRow>,
}

/// `Board.recording`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct BoardRecording {
    pub on: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// `Board.counts`: sites, not people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct BoardCounts {
    pub joined: u32,
    pub absent: u32,
    pub dropped: u32,
    pub invited: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    Absent,
    Joined,
    Dropped,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoardRow {
    pub site: String,
    pub site_name: String,
    pub state: RowState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    pub health: Health,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    pub participants: Vec<Participant>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    pub id: String,
    pub name: String,
    pub site: String,
    pub site_name: String,
    pub role: SeatRole,
    pub mic: bool,
    pub cam: bool,
    pub muted_by_host: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand: Option<Timestamp>,
    pub floor: bool,
    pub speaking: bool,
    pub connected: bool,
}

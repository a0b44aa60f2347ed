//! Conferences, invitations, attendance, recordings, and the board of a live room.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Language, Reason};

/// The live room's shapes are the conference crate's own; `SeatRole` is what the protocol calls its `Role`.
pub use nhipcau_conference::{
    Board, BoardRow, ConferenceState, Counts as BoardCounts, Every, Occurrence, Participant,
    Recording as BoardRecording, Recurrence, Role as SeatRole, Roster, RowState,
};

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

/// Which way a device's media flows, seen from the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassDirection {
    /// By WHIP.
    Send,
    /// By WHEP.
    Receive,
}

/// What lets a device into a room by WHIP or WHEP.
#[derive(Debug, Clone, Serialize)]
pub struct Pass {
    pub id: i64,
    pub site: String,
    pub site_name: String,
    pub direction: PassDirection,
    pub name: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

/// A pass just made. Has no `Debug`: it carries the token, this once.
#[derive(Serialize)]
pub struct PassMade {
    #[serde(flatten)]
    pub pass: Pass,
    pub url: String,
    pub token: String,
}

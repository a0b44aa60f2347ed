//! What pages show of a room: the serde shapes of the browser protocol.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ConferenceId, Health, Reason, SeatId, SiteKey};

/// What a seat may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Leads the meeting and commands the room.
    Chair,
    /// Commands the room for the chair.
    Secretary,
    /// Looks after the equipment of a site.
    Technician,
    /// Takes part.
    Delegate,
    /// Only watches.
    Viewer,
}

impl Role {
    /// Whether this role commands the room.
    pub fn commands(self) -> bool {
        matches!(self, Role::Chair | Role::Secretary)
    }

    /// Whether this role may speak and show things.
    pub fn takes_part(self) -> bool {
        self != Role::Viewer
    }
}

/// How much picture a seat takes and gives.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// As much as its line carries.
    #[default]
    Normal,
    /// One picture of 180 lines in each direction.
    Light,
    /// None.
    SoundOnly,
}

/// Who may share a screen or a document camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareRule {
    /// Chair and secretary.
    Hosts,
    /// Everybody who takes part, one after the other.
    #[default]
    One,
    /// Everybody who takes part, several at a time; what began last is shown.
    Several,
}

/// A conference's state as the protocol names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConferenceState {
    /// Booked and not begun.
    Scheduled,
    /// Begun: its time has come or somebody has joined.
    Live,
    /// Over.
    Ended,
    /// Will not take place.
    Cancelled,
}

/// What sits in a seat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatKind {
    /// A person at a page.
    #[default]
    Person,
    /// An encoder that sends by WHIP (RFC 9725): it has no hands and nobody at it who could unmute it.
    Encoder,
    /// A player that receives by WHEP: a screen that follows the speaker.
    Player,
}

/// One seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    /// The seat.
    pub id: SeatId,
    /// Display name, cleaned; still a guest's text.
    pub name: String,
    /// Site the seat belongs to.
    pub site: SiteKey,
    /// That site's name.
    pub site_name: String,
    /// Role in the meeting.
    pub role: Role,
    /// A person, or a device that joined by WHIP or WHEP.
    #[serde(default)]
    pub kind: SeatKind,
    /// Microphone on.
    pub mic: bool,
    /// Camera on.
    pub cam: bool,
    /// Muted by the host and not spoken up since.
    pub muted_by_host: bool,
    /// When the hand was raised, if it is up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hand: Option<Timestamp>,
    /// Holds the floor.
    pub floor: bool,
    /// Speaks now.
    pub speaking: bool,
    /// Signalling and media are both up.
    pub connected: bool,
    /// Shares its screen.
    pub slides: bool,
    /// Shares its document camera.
    pub document: bool,
    /// How much picture it takes: the least of what it chose and what the host imposed.
    pub mode: Mode,
    /// Who imposed that mode; absent when the site chose it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode_by: Option<String>,
    /// Since when its line carries no picture towards it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fallen_since: Option<Timestamp>,
}

/// Everyone in the room, for the room page. Dropped seats that are kept are in it, not `connected`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roster {
    /// By time of joining.
    pub participants: Vec<Participant>,
    /// Who holds the floor.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub floor: Option<SeatId>,
    /// Whom everybody sees large.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spotlight: Option<SeatId>,
    /// Whether the meeting is being recorded.
    pub recording: bool,
    /// Who may share.
    pub sharing: ShareRule,
}

/// State of a site's row on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// Has not been here.
    Absent,
    /// Somebody of the site is here.
    Joined,
    /// Was here and is not; the row has a reason.
    Dropped,
}

/// The recording sign.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Whether the meeting is being recorded.
    pub on: bool,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<Timestamp>,
    /// Why the last recording stopped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// Why the recording shows its card in place of a picture that comes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hidden: Option<Reason>,
}

/// How many sites are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Sites here.
    pub joined: u32,
    /// Sites that have not been here.
    pub absent: u32,
    /// Sites that were here and are not.
    pub dropped: u32,
    /// All rows.
    pub invited: u32,
}

/// One invited site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoardRow {
    /// The site.
    pub site: SiteKey,
    /// Its name.
    pub site_name: String,
    /// Absent, joined or dropped.
    pub state: RowState,
    /// Since when it is joined or dropped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<Timestamp>,
    /// Why it is dropped; on an absent row, why it cannot come.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// Health of the site's line.
    pub health: Health,
    /// The line in the inventory's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<String>,
    /// The mode that the host imposed on the site.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub imposed: Option<Mode>,
    /// Seats of the site that are open or kept.
    pub participants: Vec<Participant>,
}

/// The roll call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Board {
    /// The conference.
    pub conference: ConferenceId,
    /// Its state.
    pub state: ConferenceState,
    /// The recording sign.
    pub recording: Recording,
    /// Who holds the floor.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub floor: Option<SeatId>,
    /// Whom everybody sees large.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spotlight: Option<SeatId>,
    /// Who may share.
    pub sharing: ShareRule,
    /// Counters over the rows.
    pub counts: Counts,
    /// Absent and dropped first, then by name in Vietnamese order.
    pub rows: Vec<BoardRow>,
}

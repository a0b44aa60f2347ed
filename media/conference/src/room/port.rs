//! What goes into a room and what comes out.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AttendanceEntry, Cause, ConferenceId, ConnectionId, Health, Mode, Occurrence, Reason, Role,
    SeatId, SeatKind, ShareRule, SiteKey,
};

/// Limits and patience of a room.
#[derive(Clone, Copy, Debug)]
pub struct RoomTerms {
    /// Most seats a site may have at once; a kept (dropped) seat gives way to a new one.
    pub seats_per_site_max: usize,
    /// Most seats in the room, kept ones included.
    pub seats_max: usize,
    /// How long a seat is kept without signalling. It runs from the loss, or from the moment
    /// the network says that a known cause is mended, whichever is later.
    pub resume_within: Duration,
    /// How long a seat is kept at most while the network still names a cause.
    pub keep_through_cause_max: Duration,
    /// How long a new seat's media may take to come up before the seat counts as dropped.
    pub media_within: Duration,
    /// How long a site must stay dropped before [`Output::SiteDropped`]; a page that is
    /// reloaded is no incident. A cause named by the network is reported at once.
    pub site_dropped_after: Duration,
}

impl Default for RoomTerms {
    fn default() -> Self {
        RoomTerms {
            seats_per_site_max: 8,
            seats_max: 600,
            resume_within: Duration::from_secs(60),
            keep_through_cause_max: Duration::from_secs(2 * 3600),
            media_within: Duration::from_secs(30),
            site_dropped_after: Duration::from_secs(5),
        }
    }
}

/// A site with a row on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitedSite {
    /// The site.
    pub site: SiteKey,
    /// Its name.
    pub name: String,
}

/// A page asks for a seat. The shell has checked the join token; site and role come from it.
#[derive(Clone, Debug)]
pub struct Join {
    /// The page's signalling connection.
    pub connection: ConnectionId,
    /// Site of the join token.
    pub site: SiteKey,
    /// Role of the join token.
    pub role: Role,
    /// What asks: a page, or a device by WHIP or WHEP.
    pub kind: SeatKind,
    /// Name as typed; it is cleaned here.
    pub name: String,
    /// Resume token that the page kept, if any.
    pub resume: Option<String>,
    /// A fresh random token, drawn by the shell, for the case that a new seat is made.
    pub fresh_resume: String,
    /// Microphone on.
    pub mic: bool,
    /// Camera on.
    pub cam: bool,
}

/// Who gives a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in host or above, by display name.
    Host(String),
    /// A seat; must be chair or secretary.
    Seat(SeatId),
}

/// The commands of the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Turns one microphone off. The person can turn it on again.
    Mute(SeatId),
    /// Lets an encoder be heard again: nobody sits at it who could do so. People unmute themselves, so for them it is refused.
    Unmute(SeatId),
    /// Turns all microphones off, chair and secretary excepted.
    MuteAll {
        /// Also spare who holds the floor.
        except_floor: bool,
    },
    /// Gives the floor, lowers the hand, lifts the mute; takes it from who had it.
    GiveFloor(SeatId),
    /// Takes the floor back; nothing happens when nobody has it.
    TakeFloor,
    /// Shows one seat large to all, or nobody.
    Spotlight(Option<SeatId>),
    /// Closes a seat.
    Remove(SeatId),
    /// Lowers a hand.
    LowerHand(SeatId),
    /// Imposes a mode on a site, since its seats share its line; or lifts it.
    SetMode {
        /// The site; it need not be here yet.
        site: SiteKey,
        /// The mode; `None` leaves the choice to the site again.
        mode: Option<Mode>,
    },
    /// Ends what a seat shares.
    StopShare(SeatId),
    /// Says who may share.
    Sharing(ShareRule),
    /// Starts or stops the recording; answered by [`Output::RecordRequested`].
    Record(bool),
    /// Ends the meeting for everybody.
    End,
}

/// What happened. Every input is answered by `Ok` or a [`crate::Code`]; its effects come out of
/// [`crate::Room::poll_output`].
#[derive(Clone, Debug)]
pub enum Input {
    /// A page asks for a seat.
    Join(Join),
    /// A seat's media is up (ICE and DTLS done, packets may flow), first or again.
    MediaConnected(SeatId),
    /// Nothing has been heard of a seat's media for the shell's patience.
    MediaSilent(SeatId),
    /// A silent seat's media is heard again.
    MediaRecovered(SeatId),
    /// A seat's media connection ended for good. A person's page may build another one; a device's seat is kept like that of a
    /// page whose signalling is lost, also when it closed it and so has left: it may be starting anew.
    MediaGone {
        /// The seat.
        seat: SeatId,
        /// The far end closed it.
        closed: bool,
    },
    /// A signalling connection ended without `leave`. Ignored when the seat has a newer one.
    SignallingLost {
        /// The seat.
        seat: SeatId,
        /// The connection that ended.
        connection: ConnectionId,
    },
    /// A person left.
    Leave(SeatId),
    /// A command.
    Command {
        /// Who gives it.
        by: Actor,
        /// What it is.
        command: Command,
    },
    /// A hand goes up or down.
    Hand {
        /// The seat.
        seat: SeatId,
        /// Up.
        raised: bool,
    },
    /// A person switched microphone or camera.
    Media {
        /// The seat.
        seat: SeatId,
        /// Microphone on.
        mic: bool,
        /// Camera on.
        cam: bool,
    },
    /// What a person wants to share from now on.
    Share {
        /// The seat.
        seat: SeatId,
        /// Its screen.
        slides: bool,
        /// Its document camera.
        document: bool,
    },
    /// A person chose how much picture the site takes.
    Mode {
        /// The seat.
        seat: SeatId,
        /// How much.
        mode: Mode,
    },
    /// The line towards a seat does not carry any picture (`on`), or does again.
    LineFell {
        /// The seat.
        seat: SeatId,
        /// Whether it gets sound only.
        on: bool,
    },
    /// What the network knows about a site: a cause, or that the cause is mended.
    SiteCause {
        /// The site.
        site: SiteKey,
        /// The cause; `None` when there is none any more.
        cause: Option<Cause>,
    },
    /// The site's line as the inventory sees it.
    SiteLine {
        /// The site.
        site: SiteKey,
        /// Health of the line.
        health: Health,
        /// The line in words.
        line: Option<String>,
    },
    /// Who speaks, as the forwarder hears it.
    Speaking(Option<SeatId>),
    /// The recording started or stopped.
    Recording {
        /// On.
        on: bool,
        /// Why it stopped.
        reason: Option<Reason>,
    },
    /// The recording shows its card in place of a picture that comes, with the reason; `None`: no longer.
    RecordingHidden(Option<Reason>),
    /// The booking changed: sites added get a row, renamed ones their name. Rows never vanish.
    Invited(Vec<InvitedSite>),
    /// The time asked for by [`Output::Timeout`] has come.
    Timeout,
}

/// What to do. Drain until [`Output::Timeout`].
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A join succeeded: send `welcome`.
    Joined {
        /// The connection that asked.
        connection: ConnectionId,
        /// The seat.
        seat: SeatId,
        /// Token with which this seat is resumed.
        resume: String,
        /// The seat is an older one, taken up again.
        resumed: bool,
        /// A still open older connection of the seat: send it `replaced` and close it.
        replaced: Option<ConnectionId>,
    },
    /// Send `board` to desks, and to chair and secretary.
    BoardChanged,
    /// Send `roster` to the room.
    RosterChanged,
    /// Tell a seat that it was muted; forward no sound of it.
    Muted {
        /// The seat.
        seat: SeatId,
        /// By whom; empty when a muted seat is resumed with its microphone on.
        by: String,
    },
    /// Forward the seat's sound again.
    Unmuted(SeatId),
    /// What a seat may share changed: forward that and no more, and tell its page.
    Shares {
        /// The seat.
        seat: SeatId,
        /// Its screen.
        slides: bool,
        /// Its document camera.
        document: bool,
        /// Who else ended it.
        by: Option<String>,
    },
    /// How much picture a seat takes: give it no more, and tell its page. Also when it comes or comes back.
    Mode {
        /// The seat.
        seat: SeatId,
        /// How much.
        mode: Mode,
        /// Who imposed it; `None` when the site chose it.
        by: Option<String>,
    },
    /// Who leads changed: the first chair that is connected.
    Chair(Option<SeatId>),
    /// Tell a seat that it has the floor.
    FloorGranted(SeatId),
    /// Tell a seat that it no longer has the floor.
    FloorTaken(SeatId),
    /// Whom everybody sees large changed.
    Spotlight(Option<SeatId>),
    /// Who speaks changed.
    Speaker(Option<SeatId>),
    /// Tell one seat's page something.
    Notice {
        /// The seat.
        seat: SeatId,
        /// What.
        reason: Reason,
    },
    /// The host removed a seat: send `removed`, close signalling and media.
    Removed(SeatId),
    /// A seat was closed because it left or was not taken up again in time: drop its media.
    Closed(SeatId),
    /// The meeting is over: send `ended` to all, close everything, tell the calendar.
    Ended,
    /// A command asked for a recording to start or stop; do it and answer with [`Input::Recording`].
    RecordRequested {
        /// On.
        on: bool,
        /// By whom.
        by: String,
    },
    /// Persist this interval, keyed by conference, occurrence and `interval`; a later one with
    /// the same key replaces it.
    Attendance(AttendanceEntry),
    /// A whole site is gone, for a reason that is no ordinary leaving.
    SiteDropped {
        /// The site.
        site: SiteKey,
        /// Why.
        reason: Reason,
        /// Since when.
        since: Timestamp,
    },
    /// A site of an earlier [`Output::SiteDropped`] is back.
    SiteBack {
        /// The site.
        site: SiteKey,
    },
    /// Nothing more now; come back with [`Input::Timeout`] at this time, if any.
    Timeout(Option<Instant>),
}

/// A room as it survives a restart of the daemon. The shell stores the latest one whenever it
/// persists attendance or the board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomSnapshot {
    /// The conference.
    pub conference: ConferenceId,
    /// The occurrence.
    pub occurrence: Occurrence,
    /// All rows' sites.
    pub sites: Vec<InvitedSite>,
    /// Rows of sites that have been here and are gone: since when, and why.
    pub dropped: Vec<(SiteKey, Timestamp, Reason)>,
    /// Modes that the host imposed on sites, and who that was.
    #[serde(default)]
    pub imposed: Vec<(SiteKey, Mode, String)>,
    /// Open and kept seats.
    pub seats: Vec<SeatSnapshot>,
    /// Who holds the floor.
    pub floor: Option<SeatId>,
    /// Whom everybody sees large.
    pub spotlight: Option<SeatId>,
    /// Who may share.
    #[serde(default)]
    pub sharing: ShareRule,
    /// Next seat's number.
    pub next_seat: u64,
    /// Next attendance interval's number.
    pub next_interval: u64,
    /// The meeting has been ended.
    pub ended: bool,
}

/// One seat of a [`RoomSnapshot`]. Holds the resume token: store it as carefully as a session.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct SeatSnapshot {
    /// The seat.
    pub id: SeatId,
    /// Its site.
    pub site: SiteKey,
    /// Its role.
    pub role: Role,
    /// What sits in it.
    #[serde(default)]
    pub kind: SeatKind,
    /// Its name.
    pub name: String,
    /// Its resume token.
    pub resume: String,
    /// Microphone on.
    pub mic: bool,
    /// Camera on.
    pub cam: bool,
    /// Muted by the host.
    pub muted_by_host: bool,
    /// When the hand was raised.
    pub hand: Option<Timestamp>,
    /// The mode that the site chose.
    #[serde(default)]
    pub mode: Mode,
    /// The open attendance interval: number and start.
    pub interval: Option<(u64, Timestamp)>,
}

impl std::fmt::Debug for SeatSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeatSnapshot")
            .field("id", &self.id)
            .field("site", &self.site)
            .field("role", &self.role)
            .field("resume", &"***")
            .finish_non_exhaustive()
    }
}

//! What goes into a room and what a room asks of the daemon around it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use nhipcau_conference::{
    Board, Cause, Code, ConnectionId, Health, InvitedSite, Join, Occupancy, Reason, Room,
    RoomSnapshot, SeatId, SiteKey,
};
use nhipcau_media_gst::RecorderEvent;
use nhipcau_media_rtc::{Bridge, BridgeEvent, RoomId};
use tokio::sync::{mpsc, oneshot};

use super::{StreamJoin, StreamReply, StreamWish};
use crate::app::rooms::message::{PageMessage, SlotCounts};
use crate::http::views::RoomPreview;

/// Messages waiting for one page. A page that is this far behind is closed: it re-joins and reads everything anew.
pub(crate) const PAGE_QUEUE_MAX: usize = 256;

/// The page's end of a WebSocket: texts to send; dropped by the room to close it.
pub(crate) type PageSender = mpsc::Sender<Arc<str>>;

/// A join that the room accepted.
#[derive(Debug)]
pub(crate) struct Seated {
    /// The seat.
    pub(crate) seat: SeatId,
}

/// What reaches a room.
pub(crate) enum RoomInput {
    /// A page whose token is checked asks for a seat.
    Join {
        join: Join,
        preview: Box<RoomPreview>,
        reached_at: Option<String>,
        page: PageSender,
        reply: oneshot::Sender<Result<Seated, Code>>,
    },
    /// A device whose pass and offer are checked asks for a seat.
    StreamJoin {
        stream: Box<StreamJoin>,
        seated: oneshot::Sender<Result<Seated, Code>>,
    },
    /// The bridge did not take a device's offer.
    StreamRefused {
        seat: SeatId,
        connection: ConnectionId,
    },
    /// The bridge took an offer of a seat.
    Answered(SeatId),
    /// A device asks something of its session.
    Stream {
        session: String,
        pass: i64,
        wish: StreamWish,
        reply: StreamReply,
    },
    /// A host revoked a pass.
    PassRevoked { pass: i64, by: String },
    /// A seated page says something.
    Page {
        seat: SeatId,
        connection: ConnectionId,
        message: PageMessage,
    },
    /// A page's socket ended without `leave`.
    PageLost {
        seat: SeatId,
        connection: ConnectionId,
    },
    /// A host opened the desk.
    Desk { desk: PageSender },
    /// A host commands.
    DeskCommand {
        by: String,
        message: PageMessage,
        desk: PageSender,
    },
    /// The bridge reports.
    Bridge(BridgeEvent),
    /// What the network knows about a site.
    Network {
        site: SiteKey,
        cause: Option<Cause>,
        health: Health,
        line: Option<String>,
    },
    /// What the lab does to sites.
    Faults(Arc<nhipcau_lab::Faults>),
    /// The recording's child reports.
    Recorder {
        generation: u64,
        event: RecorderEvent,
    },
    /// The booking changed.
    Invited(Vec<InvitedSite>),
    /// Somebody asks for the board.
    Board(oneshot::Sender<Board>),
    /// The booking was cancelled: the meeting is over.
    Cancel,
    /// The daemon ends: store the room, tell nobody that the meeting is over.
    Drain(oneshot::Sender<()>),
}

/// What a room asks of the daemon around it.
pub(crate) trait Surroundings: Send + Sync + 'static {
    /// Keeps an attendance interval and the room as it is now.
    fn keep(
        &self,
        occurrence: Timestamp,
        entries: Vec<nhipcau_conference::AttendanceEntry>,
        snapshot: RoomSnapshot,
    );
    /// The meeting was ended.
    fn ended(&self, occurrence: Timestamp);
    /// A whole site dropped out (`Some`) or came back.
    fn site(&self, site: SiteKey, dropped: Option<Reason>);
    /// The host removed a device that came with this pass.
    fn device_removed(&self, pass: i64);
    /// The board changed: whoever shows it should read it again.
    fn board_changed(&self);
    /// A recording began.
    fn recording_started(&self, file: PathBuf);
    /// A recording grew to this length.
    fn recording_grew(&self, file: PathBuf, bytes: u64);
    /// A recording ended.
    fn recording_ended(
        &self,
        file: PathBuf,
        bytes: u64,
        failed: Option<Reason>,
        hidden: Option<Reason>,
    );
    /// Where recordings go and under which name, or why there can be none (`disk_full`).
    fn recording_place(&self) -> Result<(PathBuf, String), Reason>;
}

/// What a room is made of.
pub(crate) struct RoomParts {
    pub(crate) machine: Room,
    pub(crate) bridge: Bridge,
    pub(crate) room: RoomId,
    pub(crate) title: String,
    pub(crate) occurrence: Timestamp,
    pub(crate) slots: SlotCounts,
    pub(crate) surroundings: Arc<dyn Surroundings>,
    pub(crate) figures: Arc<Mutex<Figures>>,
}

/// What others may ask of a room without waiting for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Who is or was in it.
    pub(crate) occupancy: Occupancy,
    /// Sites that are in it.
    pub(crate) joined: u32,
    /// Whether it is being recorded.
    pub(crate) recording: bool,
}

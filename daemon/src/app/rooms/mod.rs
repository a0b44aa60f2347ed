//! Live rooms: one task each, found by the conference they belong to.

mod context;
mod live;
pub(crate) mod message;
mod record;

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use nhipcau_conference::{
    Board, Cause, Code, ConferenceId, ConnectionId, Health, InvitedSite, Join, Now, Occupancy,
    Occurrence, Role, Room, RoomSnapshot, RoomTerms, SeatKind, SiteKey,
};
use nhipcau_media_rtc::{Bridge, BridgeEvent, RoomId};
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use live::{
    Answered, PAGE_QUEUE_MAX, PageSender, RoomInput, Seated, StreamJoin, StreamWish, peer_of,
    seat_of,
};

use self::context::Context;
use self::live::{Figures, RoomParts};
use self::message::SlotCounts;
use super::App;
use super::estate::{Estate, SiteLine};
use super::journal::Entry;
use crate::http::views;

/// Rooms hear how their lines are at least this often.
const NETWORK_EVERY: std::time::Duration = std::time::Duration::from_secs(10);

/// How rooms are set up.
pub(crate) struct RoomsConfig {
    pub(crate) terms: RoomTerms,
    pub(crate) slots: SlotCounts,
    /// Live rooms; a further one is refused.
    pub(crate) rooms_max: usize,
}

/// All live rooms.
pub(crate) struct Rooms {
    app: App,
    bridge: Bridge,
    estate: Arc<Estate>,
    journal: mpsc::Sender<Entry>,
    faults: watch::Receiver<nhipcau_lab::Faults>,
    config: RoomsConfig,
    live: Mutex<HashMap<i64, Handle>>,
    connections: AtomicU64,
}

#[derive(Clone)]
struct Handle {
    inputs: mpsc::Sender<RoomInput>,
    occurrence: Timestamp,
    sites: Arc<[String]>,
    figures: Arc<Mutex<Figures>>,
}

/// A conference whose room opens.
pub(crate) struct Opening {
    pub(crate) conference: i64,
    pub(crate) room: String,
    pub(crate) title: String,
    pub(crate) occurrence: Occurrence,
    pub(crate) sites: Vec<InvitedSite>,
}

/// A page that may come in: its token is checked.
pub(crate) struct Entrance {
    pub(crate) site: String,
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) resume: Option<String>,
    pub(crate) mic: bool,
    pub(crate) cam: bool,
    pub(crate) preview: Box<views::RoomPreview>,
    pub(crate) reached_at: Option<String>,
    pub(crate) page: PageSender,
}

/// A seat with the way to its room.
pub(crate) struct Admitted {
    pub(crate) seat: nhipcau_conference::SeatId,
    pub(crate) connection: ConnectionId,
    pub(crate) room: mpsc::Sender<RoomInput>,
}

impl Rooms {
    /// No room yet.
    pub(crate) fn new(
        app: App,
        bridge: Bridge,
        estate: Arc<Estate>,
        journal: mpsc::Sender<Entry>,
        faults: watch::Receiver<nhipcau_lab::Faults>,
        config: RoomsConfig,
    ) -> Arc<Self> {
        Arc::new(Self {
            app,
            bridge,
            estate,
            journal,
            faults,
            config,
            live: Mutex::default(),
            connections: AtomicU64::new(1),
        })
    }

    /// The bridge, for figures.
    pub(crate) fn bridge(&self) -> &Bridge {
        &self.bridge
    }

    /// Seats a page in the room of `opening`, which is opened when it is not.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        opening: Opening,
        entrance: Entrance,
    ) -> Result<Admitted, Code> {
        let connection = ConnectionId(
            self.connections
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed),
        );
        let fresh_resume = super::random_token().map_err(|_| Code::TooManyPeers)?;
        let join = Join {
            connection,
            site: SiteKey::from(entrance.site.as_str()),
            role: entrance.role,
            kind: SeatKind::Person,
            name: entrance.name,
            resume: entrance.resume,
            fresh_resume,
            mic: entrance.mic,
            cam: entrance.cam,
        };
        let room = self.open(opening)?.inputs;
        let (reply, answer) = oneshot::channel();
        let input = RoomInput::Join {
            join,
            preview: entrance.preview,
            reached_at: entrance.reached_at,
            page: entrance.page,
            reply,
        };
        // A room that ended in this very moment drops its queue.
        room.send(input).await.map_err(|_| Code::RoomEnded)?;
        let Seated { seat } = answer.await.map_err(|_| Code::RoomEnded)??;
        Ok(Admitted {
            seat,
            connection,
            room,
        })
    }

    /// Seats a device in the room of `opening`, which is opened when it is not. Its answer comes by the stream's own reply.
    pub(crate) async fn enter_stream(
        self: &Arc<Self>,
        opening: Opening,
        mut stream: StreamJoin,
    ) -> Result<(), Code> {
        stream.join.connection = ConnectionId(
            self.connections
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed),
        );
        let room = self.open(opening)?.inputs;
        let (seated, answer) = oneshot::channel();
        let input = RoomInput::StreamJoin {
            stream: Box::new(stream),
            seated,
        };
        room.send(input).await.map_err(|_| Code::RoomEnded)?;
        answer.await.map_err(|_| Code::RoomEnded)?.map(drop)
    }

    /// A host revoked a pass.
    pub(crate) async fn revoked(&self, conference: i64, pass: i64, by: String) {
        if let Some(room) = self.find(conference) {
            let _ = room.send(RoomInput::PassRevoked { pass, by }).await;
        }
    }

    /// The way into a live room, for desks and boards.
    pub(crate) fn find(&self, conference: i64) -> Option<mpsc::Sender<RoomInput>> {
        self.lock()
            .get(&conference)
            .map(|handle| handle.inputs.clone())
    }

    /// The way into a room, opening it if need be: a host may sit at the desk before anybody comes.
    pub(crate) fn open_for_desk(
        self: &Arc<Self>,
        opening: Opening,
    ) -> Result<mpsc::Sender<RoomInput>, Code> {
        self.open(opening).map(|handle| handle.inputs)
    }

    /// The roll call of a live room.
    pub(crate) async fn board(&self, conference: i64) -> Option<Board> {
        let (reply, answer) = oneshot::channel();
        self.find(conference)?
            .send(RoomInput::Board(reply))
            .await
            .ok()?;
        answer.await.ok()
    }

    fn open(self: &Arc<Self>, opening: Opening) -> Result<Handle, Code> {
        let mut live = self.lock();
        if let Some(handle) = live.get(&opening.conference)
            && handle.occurrence == opening.occurrence.starts_at
            && !handle.inputs.is_closed()
        {
            return Ok(handle.clone());
        }
        if live.len() >= self.config.rooms_max {
            return Err(Code::TooManyPeers);
        }
        let machine = Room::new(
            self.config.terms,
            ConferenceId(opening.conference),
            opening.occurrence,
            opening.sites.clone(),
            now(),
        );
        let handle = self.spawn(machine, &opening);
        live.insert(opening.conference, handle.clone());
        Ok(handle)
    }

    fn spawn(self: &Arc<Self>, machine: Room, opening: &Opening) -> Handle {
        let (ledger, notes) = mpsc::unbounded_channel();
        tokio::spawn(context::keep_ledger(
            self.app.clone(),
            opening.conference,
            opening.room.clone(),
            opening.title.clone(),
            notes,
        ));
        let context = Context {
            app: self.app.clone(),
            estate: self.estate.clone(),
            journal: self.journal.clone(),
            conference: opening.conference,
            title: opening.title.clone(),
            ledger,
            recording_failed: false.into(),
        };
        let figures = Arc::new(Mutex::new(Figures {
            occupancy: machine.occupancy(),
            joined: 0,
            recording: false,
        }));
        let parts = RoomParts {
            machine,
            bridge: self.bridge.clone(),
            room: RoomId(opening.conference.unsigned_abs()),
            title: opening.title.clone(),
            occurrence: opening.occurrence.starts_at,
            slots: self.config.slots,
            surroundings: Arc::new(context),
            figures: figures.clone(),
        };
        let (inputs, task) = live::spawn(parts);
        let sites: Arc<[String]> = opening
            .sites
            .iter()
            .map(|site| site.site.to_string())
            .collect();
        let handle = Handle {
            inputs: inputs.clone(),
            occurrence: opening.occurrence.starts_at,
            sites: sites.clone(),
            figures,
        };
        self.tell_network(&inputs, &sites);
        let _ = inputs.try_send(RoomInput::Faults(Arc::new(self.faults.borrow().clone())));
        let (rooms, conference, occurrence) = (
            Arc::downgrade(self),
            opening.conference,
            opening.occurrence.starts_at,
        );
        tokio::spawn(async move {
            if task.await.is_err() {
                tracing::error!(
                    conference,
                    "a room broke an invariant and was closed; its seats can be taken again"
                );
            }
            if let Some(rooms) = rooms.upgrade() {
                let mut live = rooms.lock();
                if live.get(&conference).is_some_and(|handle| {
                    handle.occurrence == occurrence && handle.inputs.is_closed()
                }) {
                    live.remove(&conference);
                }
            }
        });
        handle
    }

    /// Reopens a room of an earlier life of the daemon: its seats wait to be taken up again.
    pub(crate) fn restore(
        self: &Arc<Self>,
        opening: &Opening,
        snapshot: RoomSnapshot,
        last_alive: Timestamp,
    ) {
        let machine = Room::restore(self.config.terms, snapshot, last_alive, now());
        let handle = self.spawn(machine, opening);
        self.lock().insert(opening.conference, handle);
    }

    /// Who is invited has changed.
    pub(crate) async fn invited(&self, conference: i64, sites: Vec<InvitedSite>) {
        if let Some(room) = self.find(conference) {
            let _ = room.send(RoomInput::Invited(sites)).await;
        }
    }

    /// The booking was cancelled.
    pub(crate) async fn close(&self, conference: i64) {
        if let Some(room) = self.find(conference) {
            let _ = room.send(RoomInput::Cancel).await;
        }
    }

    /// Stores all rooms and ends their tasks: the daemon stops, the meetings do not.
    pub(crate) async fn drain(&self) {
        let rooms: Vec<_> = self
            .lock()
            .values()
            .map(|handle| handle.inputs.clone())
            .collect();
        for room in rooms {
            let (done, drained) = oneshot::channel();
            if room.send(RoomInput::Drain(done)).await.is_ok() {
                let _ = drained.await;
            }
        }
    }

    /// Hands one report of the bridge to its room.
    pub(crate) async fn bridge_event(&self, event: BridgeEvent) {
        let room = match &event {
            BridgeEvent::Connected { room, .. }
            | BridgeEvent::Silent { room, .. }
            | BridgeEvent::Recovered { room, .. }
            | BridgeEvent::Gone { room, .. }
            | BridgeEvent::Speaker { room, .. }
            | BridgeEvent::Speaking { room, .. }
            | BridgeEvent::Slots { room, .. }
            | BridgeEvent::LayerLowered { room, .. }
            | BridgeEvent::SoundOnly { room, .. }
            | BridgeEvent::RoomPanicked { room } => room.0,
        };
        if let Some(inputs) = i64::try_from(room)
            .ok()
            .and_then(|conference| self.find(conference))
        {
            let _ = inputs.send(RoomInput::Bridge(event)).await;
        }
    }

    /// Follows the lab's faults until the lab is gone.
    pub(crate) async fn follow_faults(self: Arc<Self>) {
        let mut faults = self.faults.clone();
        while faults.changed().await.is_ok() {
            let now = Arc::new(faults.borrow_and_update().clone());
            let rooms: Vec<_> = self
                .lock()
                .values()
                .map(|handle| handle.inputs.clone())
                .collect();
            for room in rooms {
                let _ = room.send(RoomInput::Faults(now.clone())).await;
            }
        }
    }

    /// Tells a room of the lines of some of its sites.
    fn tell_network(&self, inputs: &mpsc::Sender<RoomInput>, sites: &[String]) {
        for line in self.estate.site_lines(sites) {
            if inputs.try_send(network(line)).is_err() {
                tracing::warn!(
                    "a busy room was not told of its network; it hears of it within ten seconds"
                );
                return;
            }
        }
    }

    /// Tells every room how its sites' lines are, now and then: health also changes without an event.
    pub(crate) async fn follow_network(self: Arc<Self>) {
        let mut tick = tokio::time::interval(NETWORK_EVERY);
        loop {
            tick.tick().await;
            let live: Vec<Handle> = self.lock().values().cloned().collect();
            for handle in live {
                self.tell_network(&handle.inputs, &handle.sites);
            }
        }
    }

    /// Who is or was in the room of that occurrence.
    pub(crate) fn occupancy(&self, conference: i64, starts_at: Timestamp) -> Occupancy {
        self.figures(conference)
            .filter(|(occurrence, _)| *occurrence == starts_at)
            .map_or(Occupancy::Never, |(_, figures)| figures.occupancy)
    }

    /// Sites in the live room, and whether it is being recorded.
    pub(crate) fn joined(&self, conference: i64) -> (u32, bool) {
        self.figures(conference).map_or((0, false), |(_, figures)| {
            (figures.joined, figures.recording)
        })
    }

    /// Live rooms, and recordings among them.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let live = self.lock();
        let recording = live
            .values()
            .filter(|handle| {
                handle
                    .figures
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .recording
            })
            .count();
        (live.len(), recording)
    }

    /// The conferences whose rooms are live.
    pub(crate) fn live(&self) -> Vec<i64> {
        let mut live: Vec<i64> = self.lock().keys().copied().collect();
        live.sort_unstable();
        live
    }

    fn figures(&self, conference: i64) -> Option<(Timestamp, Figures)> {
        let live = self.lock();
        let handle = live.get(&conference)?;
        let figures = *handle
            .figures
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Some((handle.occurrence, figures))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Handle>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl super::journal::Rooms for Rooms {
    fn network_changed(&self, sites: &[String]) {
        let live: Vec<Handle> = self.lock().values().cloned().collect();
        for handle in live {
            let concerned: Vec<String> = handle
                .sites
                .iter()
                .filter(|site| sites.contains(site))
                .cloned()
                .collect();
            self.tell_network(&handle.inputs, &concerned);
        }
    }
}

/// The roll call of a room that is not open: nobody is there.
pub(crate) fn closed_board(opening: &Opening, state: nhipcau_conference::ConferenceState) -> Board {
    let mut board = Room::new(
        RoomTerms::default(),
        ConferenceId(opening.conference),
        opening.occurrence,
        opening.sites.clone(),
        now(),
    )
    .board();
    board.state = state;
    board
}

fn network(line: SiteLine) -> RoomInput {
    RoomInput::Network {
        site: SiteKey::from(line.site.as_str()),
        cause: line.cause.map(|cause| Cause {
            code: if cause.interface.is_some() {
                "line_down"
            } else {
                "site_device_down"
            }
            .to_owned(),
            device: cause.device,
            interface: cause.interface,
        }),
        health: match line.health {
            nhipcau_inventory::Health::Ok => Health::Ok,
            nhipcau_inventory::Health::Degraded => Health::Degraded,
            nhipcau_inventory::Health::Critical => Health::Critical,
            nhipcau_inventory::Health::Unknown => Health::Unknown,
        },
        line: line.line,
    }
}

fn now() -> Now {
    Now {
        instant: Instant::now(),
        at: Timestamp::now(),
    }
}

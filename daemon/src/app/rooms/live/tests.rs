//! A room with a bridge of its own that is told late what became of former connections.

use std::net::SocketAddr;
use std::sync::mpsc::Receiver;

use nhipcau_conference::{
    ConferenceId, InvitedSite, Join, Occurrence, RoomSnapshot, RoomTerms, RowState, SeatKind,
};
use nhipcau_media_rtc::client::{Client, ClientIdentity, ClientOptions, Protection};
use nhipcau_media_rtc::{BridgeConfig, BridgeEvent, Flow, GoneReason, PeerId, Seating};

use super::*;
use crate::app::streams::Patched;

const ROOM: RoomId = RoomId(7);
const SITE: &str = "son-my";

/// A daemon that keeps nothing.
struct Nobody;

impl Surroundings for Nobody {
    fn keep(&self, _: Timestamp, _: Vec<nhipcau_conference::AttendanceEntry>, _: RoomSnapshot) {}
    fn ended(&self, _: Timestamp) {}
    fn site(&self, _: SiteKey, _: Option<Reason>) {}
    fn device_removed(&self, _: i64) {}
    fn board_changed(&self) {}
    fn recording_started(&self, _: std::path::PathBuf) {}
    fn recording_grew(&self, _: std::path::PathBuf, _: u64) {}
    fn recording_ended(&self, _: std::path::PathBuf, _: u64, _: Option<Reason>, _: Option<Reason>) {
    }
    fn recording_place(&self) -> Result<(std::path::PathBuf, String), Reason> {
        Err(Reason::new("disk_full"))
    }
}

/// An open room, and the bridge's own reports kept from it: each test says what is told when.
struct Open {
    bridge: Bridge,
    _events: Receiver<BridgeEvent>,
    inputs: mpsc::Sender<RoomInput>,
    posts: u64,
}

impl Open {
    fn new() -> Self {
        let config = BridgeConfig {
            bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            ..BridgeConfig::default()
        };
        let (bridge, events) = Bridge::start(config).expect("a bridge");
        let starts_at = Timestamp::now();
        let machine = Room::new(
            RoomTerms::default(),
            ConferenceId(7),
            Occurrence {
                starts_at,
                ends_at: starts_at + jiff::SignedDuration::from_hours(1),
            },
            vec![InvitedSite {
                site: SiteKey::from(SITE),
                name: "Xã Sơn Mỹ".to_owned(),
            }],
            now(),
        );
        let figures = Figures {
            occupancy: machine.occupancy(),
            joined: 0,
            recording: false,
        };
        let (inputs, _) = spawn(RoomParts {
            machine,
            bridge: bridge.clone(),
            room: ROOM,
            title: String::new(),
            occurrence: starts_at,
            slots: SlotCounts { video: 1, audio: 1 },
            surroundings: Arc::new(Nobody),
            figures: Arc::new(Mutex::new(figures)),
        });
        Self {
            bridge,
            _events: events,
            inputs,
            posts: 0,
        }
    }

    fn offer() -> String {
        let client = Client::new(ClientOptions::default(), Instant::now()).expect("a client");
        client.offer(&ClientIdentity::new(Protection::Gcm).expect("an identity"))
    }

    /// Another POST of the same pass: its seat, and the number of its seating.
    async fn post(&mut self) -> (SeatId, Seating) {
        self.posts += 1;
        let pass = "pass:1:of-this-camera".to_owned();
        let join = Join {
            connection: ConnectionId(self.posts),
            site: SiteKey::from(SITE),
            role: Role::Viewer,
            kind: SeatKind::Player,
            name: "Màn hình".to_owned(),
            resume: Some(pass.clone()),
            fresh_resume: pass,
            mic: false,
            cam: false,
        };
        let offer = self.bridge.read_offer(&Self::offer(), Flow::Down);
        let (reply, answer) = oneshot::channel();
        let (seated, seat) = oneshot::channel();
        let before = self.bridge.next_seating();
        let stream = StreamJoin {
            join,
            offer: offer.expect("an offer"),
            session: self.posts.to_string(),
            pass: 1,
            reached_at: None,
            reply,
        };
        let stream = Box::new(stream);
        self.tell(RoomInput::StreamJoin { stream, seated }).await;
        let seat = seat.await.expect("an answer").expect("a seat").seat;
        assert!(answer.await.expect("an answer").is_ok());
        (seat, Seating(before.0 + 1))
    }

    async fn tell(&self, input: RoomInput) {
        assert!(self.inputs.send(input).await.is_ok(), "the room is open");
    }

    /// Whether a session stands.
    async fn stands(&self, session: u64) -> bool {
        let (reply, answer) = oneshot::channel();
        self.tell(RoomInput::Stream {
            session: session.to_string(),
            pass: 1,
            wish: StreamWish::Trickle {
                generations: vec![1],
            },
            reply,
        })
        .await;
        match answer.await.expect("an answer").ok().flatten() {
            Some(Patched::Trickled) => true,
            Some(Patched::Restarted(..)) => panic!("nobody asked for a restart"),
            None => false,
        }
    }

    async fn row(&self) -> RowState {
        let (reply, board) = oneshot::channel();
        self.tell(RoomInput::Board(reply)).await;
        board.await.expect("a board").rows[0].state
    }
}

fn gone(peer: PeerId, seating: Seating, reason: GoneReason) -> RoomInput {
    RoomInput::Bridge(BridgeEvent::Gone {
        room: ROOM,
        peer,
        seating,
        reason,
    })
}

#[tokio::test]
async fn a_late_end_of_a_former_session_does_not_end_the_one_of_the_next_post() {
    let mut room = Open::new();
    let (seat, first) = room.post().await;
    let peer = peer_of(ROOM.0, seat);
    let (again, second) = room.post().await;
    assert_eq!(again, seat, "one device a pass");
    let connected = |seating| {
        RoomInput::Bridge(BridgeEvent::Connected {
            room: ROOM,
            peer,
            seating,
        })
    };
    room.tell(connected(second)).await;
    assert_eq!(room.row().await, RowState::Joined);
    for reason in [GoneReason::Closed, GoneReason::Timeout] {
        room.tell(gone(peer, first, reason)).await;
    }
    let silent = BridgeEvent::Silent {
        room: ROOM,
        peer,
        seating: first,
    };
    room.tell(RoomInput::Bridge(silent)).await;
    assert!(room.stands(2).await && !room.stands(1).await);
    assert_eq!(room.row().await, RowState::Joined);
    room.tell(gone(peer, second, GoneReason::Closed)).await;
    assert!(!room.stands(2).await);
    assert_eq!(room.row().await, RowState::Dropped);
}

#[tokio::test]
async fn who_left_while_its_offer_was_on_the_way_does_not_stay_in_the_bridge() {
    let room = Open::new();
    let left = SeatId(9);
    let peer = peer_of(ROOM.0, left);
    room.bridge
        .join(ROOM, peer, &Open::offer())
        .expect("an answer");
    assert!(room.bridge.peer_detail(peer).is_some());
    room.tell(RoomInput::Answered(left)).await;
    room.row().await;
    assert!(room.bridge.peer_detail(peer).is_none());
}

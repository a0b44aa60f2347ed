//! The handle on the packet thread: commands go in over a bounded channel, events come out over another.

use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nhipcau_sfu::{Mode, PeerId, RoomId, TrackId};

use crate::config::{BridgeConfig, Impairment};
use crate::error::{BridgeError, JoinError};
use crate::event::BridgeEvent;
use crate::sdp::{self, Offer, Seat};
use crate::socket::{Socket, Waker};
use crate::stats::BridgeStats;
use crate::worker::Worker;

/// Commands waiting for the packet thread. A caller that finds the queue full waits: commands are few, and the thread
/// drains them all at each wake-up.
const COMMANDS_MAX: usize = 1024;
/// Events waiting for the owner. An owner that is this far behind loses events; the loss is logged.
const EVENTS_MAX: usize = 65_536;
/// How long a join waits for the packet thread.
const JOIN_WAIT: Duration = Duration::from_secs(5);

/// What the packet thread is told.
pub(crate) enum Command {
    OpenRoom(RoomId),
    CloseRoom(RoomId),
    Join {
        room: RoomId,
        peer: PeerId,
        offer: Box<Offer>,
        reply: SyncSender<Result<Seat, JoinError>>,
    },
    Leave(PeerId),
    View {
        peer: PeerId,
        large: Option<TrackId>,
        tiles: Vec<TrackId>,
    },
    Mode {
        peer: PeerId,
        mode: Mode,
    },
    Shares {
        peer: PeerId,
        slides: bool,
        document: bool,
    },
    Chair {
        room: RoomId,
        peer: Option<PeerId>,
    },
    Muted {
        peer: PeerId,
        audio: bool,
        video: bool,
    },
    Spotlight {
        room: RoomId,
        peer: Option<PeerId>,
    },
    Impair {
        peer: PeerId,
        impairment: Impairment,
    },
    Tap {
        room: RoomId,
        socket: UnixDatagram,
    },
    Untap(RoomId),
    TapKeyframe(RoomId),
    #[cfg(feature = "client")]
    Panic(RoomId),
    Stop,
}

/// The answer to a peer's offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// SDP for the page's `setRemoteDescription`; it holds the bridge's candidates.
    pub sdp: String,
}

struct Shared {
    commands: SyncSender<Command>,
    waker: Waker,
    addrs: Vec<SocketAddr>,
    stats: Arc<Mutex<BridgeStats>>,
    config: BridgeConfig,
    fingerprint: String,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = self.commands.try_send(Command::Stop);
        self.waker.wake();
    }
}

/// The bridge: one packet thread with its sockets. Cloning gives another handle on the same thread; the thread ends when the
/// last handle is dropped.
#[derive(Clone)]
pub struct Bridge {
    shared: Arc<Shared>,
}

impl Bridge {
    /// Binds the sockets, makes a DTLS certificate and starts the packet thread.
    ///
    /// # Errors
    ///
    /// [`BridgeError::Bind`] names the address that is taken; see [`BridgeError`] for the rest.
    pub fn start(config: BridgeConfig) -> Result<(Self, Receiver<BridgeEvent>), BridgeError> {
        if config.bind.is_empty() {
            return Err(BridgeError::NoAddress);
        }
        let sockets = config
            .bind
            .iter()
            .map(|addr| {
                Socket::bind(*addr).map_err(|source| BridgeError::Bind {
                    addr: *addr,
                    source,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let addrs = sockets.iter().map(Socket::local_addr).collect::<Vec<_>>();
        let waker = Waker::new()?;
        let (commands, command_queue) = sync_channel(COMMANDS_MAX);
        let (events, event_queue) = sync_channel(EVENTS_MAX);
        let stats = Arc::new(Mutex::new(BridgeStats::default()));
        let worker = Worker::new(
            &config,
            sockets,
            waker.clone(),
            command_queue,
            events,
            Arc::clone(&stats),
        )?;
        let fingerprint = worker.fingerprint().to_owned();
        std::thread::Builder::new()
            .name("bridge".to_owned())
            .spawn(move || worker.run())?;
        let shared = Shared {
            commands,
            waker,
            addrs,
            stats,
            config,
            fingerprint,
        };
        Ok((
            Self {
                shared: Arc::new(shared),
            },
            event_queue,
        ))
    }

    /// The bound addresses, with the ports that the kernel chose for port 0.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.shared.addrs.clone()
    }

    /// Opens a room; opening an open room changes nothing.
    pub fn open_room(&self, room: RoomId) {
        self.send(Command::OpenRoom(room));
    }

    /// Closes a room: its peers' associations are closed, no [`BridgeEvent::Gone`] is sent for them.
    pub fn close_room(&self, room: RoomId) {
        self.send(Command::CloseRoom(room));
    }

    /// Seats a peer, or renegotiates one that is seated (also an ICE restart, or a page that was loaded again): its tracks,
    /// view and mutes stay. Blocks until the packet thread has answered, at most 5 s.
    ///
    /// # Errors
    ///
    /// See [`JoinError`]; a refused renegotiation leaves the seat as it was.
    pub fn join(&self, room: RoomId, peer: PeerId, offer_sdp: &str) -> Result<Answer, JoinError> {
        if offer_sdp.len() > self.shared.config.limits.offer_bytes_max {
            return Err(JoinError::BadSdp("the offer is too long".to_owned()));
        }
        let offer = sdp::parse(offer_sdp, &self.shared.config)?;
        let (reply, answer) = sync_channel(1);
        self.send(Command::Join {
            room,
            peer,
            offer: Box::new(offer.clone()),
            reply,
        });
        let seat = answer
            .recv_timeout(JOIN_WAIT)
            .map_err(|_| JoinError::Unavailable)??;
        let candidates = sdp::candidates(&self.shared.addrs, &self.shared.config.announce);
        Ok(Answer {
            sdp: sdp::answer(&offer, &seat, &self.shared.fingerprint, &candidates),
        })
    }

    /// Removes a peer; no [`BridgeEvent::Gone`] is sent for it.
    pub fn leave(&self, peer: PeerId) {
        self.send(Command::Leave(peer));
    }

    /// Sets what a receiver wants to see: `large` in the first video slot (`None` follows what is shared, else the spotlight, else
    /// the speaker) and `tiles` in the others, as low layers. Peers that are not in the room yet are remembered; tiles beyond the receiver's
    /// slots are ignored.
    pub fn set_view(&self, peer: PeerId, large: Option<TrackId>, tiles: Vec<TrackId>) {
        self.send(Command::View { peer, large, tiles });
    }

    /// Sets how much picture a receiver takes. Survives the peer's connection, until it [leaves](Self::leave).
    pub fn set_mode(&self, peer: PeerId, mode: Mode) {
        self.send(Command::Mode { peer, mode });
    }

    /// Allows a peer to share its screen (with sound) or its second camera; at first it may neither. What begins last is shown large to
    /// all who follow.
    pub fn set_shares(&self, peer: PeerId, slides: bool, document: bool) {
        self.send(Command::Shares {
            peer,
            slides,
            document,
        });
    }

    /// Says who leads: on a narrow line its picture goes before all others.
    pub fn set_chair(&self, room: RoomId, peer: Option<PeerId>) {
        self.send(Command::Chair { room, peer });
    }

    /// Mutes a peer's microphone or camera on the server: nothing of a muted kind is forwarded, whatever the page sends.
    pub fn set_muted(&self, peer: PeerId, audio: bool, video: bool) {
        self.send(Command::Muted { peer, audio, video });
    }

    /// Shows `peer` instead of the speaker to every receiver that has not pinned another; `None` returns to the speaker.
    pub fn set_spotlight(&self, room: RoomId, peer: Option<PeerId>) {
        self.send(Command::Spotlight { room, peer });
    }

    /// Acts out a fault on a peer's road. Ignored unless [`BridgeConfig::impairments`] is set.
    pub fn set_impairment(&self, peer: PeerId, impairment: Impairment) {
        self.send(Command::Impair { peer, impairment });
    }

    /// Copies the room's media to `socket` (see [`crate::tap`] for the datagrams). A second tap replaces the first.
    pub fn tap(&self, room: RoomId, socket: UnixDatagram) {
        self.send(Command::Tap { room, socket });
    }

    /// The recording cannot show its picture before the next keyframe: its sender is asked for one, at most once a second.
    pub fn request_tap_keyframe(&self, room: RoomId) {
        self.send(Command::TapKeyframe(room));
    }

    /// Ends the copy; the bridge's end of the socket is closed.
    pub fn untap(&self, room: RoomId) {
        self.send(Command::Untap(room));
    }

    /// The latest snapshot; at most one second old, never waits for the packet thread.
    #[must_use]
    pub fn stats(&self) -> BridgeStats {
        self.shared
            .stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Makes the code of a room fail, to show that other rooms go on.
    #[cfg(feature = "client")]
    pub fn panic_room(&self, room: RoomId) {
        self.send(Command::Panic(room));
    }

    fn send(&self, command: Command) {
        match self.shared.commands.try_send(command) {
            Ok(()) => self.shared.waker.wake(),
            Err(TrySendError::Full(command)) => {
                self.shared.waker.wake();
                // The thread ended when this fails; the caller of `join` sees it as `Unavailable`.
                let _ = self.shared.commands.send(command);
            }
            Err(TrySendError::Disconnected(_)) => {}
        }
    }
}

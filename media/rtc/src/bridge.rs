//! The handle on the packet threads: commands go in over bounded channels, events come out over another.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nhipcau_sfu::{Kind, Mode, PeerId, RoomId, Track, TrackId};
use rustls::ServerConnection;

use crate::config::{BridgeConfig, Impairment};
use crate::directory::{Departures, Directory, Opening, Wishes};
use crate::dtls::Identity;
use crate::error::{BridgeError, JoinError};
use crate::event::{BridgeEvent, Seating};
use crate::link::Links;
use crate::passage::Doorbell;
use crate::sdp::{self, Offer, Seat, Use};
use crate::socket::{Socket, Waker};
use crate::srtp::Profile;
use crate::stats::{self, BridgeStats, PeerDetail};
use crate::stream::{Adopted, Door, RelayCredentials};
use crate::worker::{Parts, Worker, thread_of};

/// Commands waiting for a packet thread. A caller that finds the queue full waits: commands are few, and the thread
/// drains them all at each wake-up.
const COMMANDS_MAX: usize = 1024;
/// Events waiting for the owner. An owner that is this far behind loses events; the loss is logged.
const EVENTS_MAX: usize = 65_536;
/// How long a join waits for the packet thread.
const JOIN_WAIT: Duration = Duration::from_secs(5);

/// What a packet thread is told.
pub(crate) enum Command {
    OpenRoom(Opening),
    CloseRoom(RoomId),
    Join {
        room: RoomId,
        peer: PeerId,
        seating: Seating,
        offer: Box<Offer>,
        wishes: Wishes,
        reply: SyncSender<Result<Seat, JoinError>>,
    },
    RestartIce {
        peer: PeerId,
        seating: Seating,
        remote_ufrag: String,
        reply: SyncSender<Option<(String, String)>>,
    },
    Detail {
        peer: PeerId,
        reply: SyncSender<Option<PeerDetail>>,
    },
    Leave(PeerId),
    Wishes {
        peer: PeerId,
        wishes: Wishes,
    },
    Chair {
        room: RoomId,
        peer: Option<PeerId>,
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

/// What may flow between the bridge and whoever made an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// As the m-lines say: a page.
    Both,
    /// Towards the bridge only: an encoder (WHIP). m-lines that want to receive are answered `inactive`.
    Up,
    /// From the bridge only: a player (WHEP). A `sendrecv` m-line receives; one that only sends is answered `inactive`.
    Down,
}

/// An offer that can be used.
#[derive(Clone, Debug)]
pub struct ReadOffer(Offer);

impl ReadOffer {
    /// Whether it sends sound.
    #[must_use]
    pub fn sends_audio(&self) -> bool {
        self.sends(Kind::Audio)
    }

    /// Whether it sends pictures.
    #[must_use]
    pub fn sends_video(&self) -> bool {
        self.sends(Kind::Video)
    }

    fn sends(&self, kind: Kind) -> bool {
        self.0
            .media
            .iter()
            .any(|media| media.usage == Use::Up(kind, Track::Main))
    }

    /// The ICE user name of whoever offers.
    #[must_use]
    pub fn ufrag(&self) -> &str {
        &self.0.ufrag
    }

    /// Makes this offer the first of a new session, whatever its `o=` line says: a device that starts again need not change it.
    #[must_use]
    pub fn of_session(mut self, name: &str) -> Self {
        self.0.session = format!("{} {name}", self.0.session);
        self
    }
}

/// The answer to an ICE restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceAnswer {
    /// The bridge's new ICE user name.
    pub ufrag: String,
    /// Its password.
    pub pwd: String,
    /// Values of `a=candidate` lines.
    pub candidates: Vec<String>,
}

/// What the handle has of one packet thread.
struct Line {
    commands: SyncSender<Command>,
    waker: Waker,
    stats: Arc<Mutex<BridgeStats>>,
}

impl Line {
    fn send(&self, command: Command) {
        match self.commands.try_send(command) {
            Ok(()) => self.waker.wake(),
            Err(TrySendError::Full(command)) => {
                self.waker.wake();
                // The thread ended when this fails; the caller of `join` sees it as `Unavailable`.
                let _ = self.commands.send(command);
            }
            Err(TrySendError::Disconnected(_)) => {}
        }
    }
}

struct Shared {
    lines: Vec<Line>,
    /// Held while a command goes out, so that commands reach each thread in the order of the directory's decisions. Packet threads
    /// never take it.
    directory: Mutex<Directory>,
    departures: Arc<Departures>,
    addrs: Vec<SocketAddr>,
    door: Door,
    config: BridgeConfig,
    identity: Arc<Identity>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        for line in &self.lines {
            let _ = line.commands.try_send(Command::Stop);
            line.waker.wake();
        }
    }
}

/// Binds a socket for each thread at each address; the sockets of one address share its port.
fn bind(addrs: &[SocketAddr], threads: usize) -> Result<Vec<Vec<Socket>>, BridgeError> {
    let mut sockets = (0..threads).map(|_| Vec::new()).collect::<Vec<_>>();
    for addr in addrs {
        let failed = |source| BridgeError::Bind {
            addr: *addr,
            source,
        };
        // The first one takes the port for itself, so that one which somebody else has is noticed.
        let first = Socket::bind(*addr).map_err(failed)?;
        if threads > 1 {
            first.share_port().map_err(failed)?;
        }
        for others in &mut sockets[1..] {
            others.push(Socket::bind_beside(first.local_addr()).map_err(failed)?);
        }
        sockets[0].push(first);
    }
    Ok(sockets)
}

/// The bridge: packet threads with their sockets. Cloning gives another handle on the same threads; they end when the
/// last handle is dropped.
#[derive(Clone)]
pub struct Bridge {
    shared: Arc<Shared>,
}

impl Bridge {
    /// Binds the sockets, makes a DTLS certificate and starts the packet threads.
    ///
    /// # Errors
    ///
    /// [`BridgeError::Bind`] names the address that is taken; see [`BridgeError`] for the rest.
    pub fn start(config: BridgeConfig) -> Result<(Self, Receiver<BridgeEvent>), BridgeError> {
        if config.bind.is_empty() {
            return Err(BridgeError::NoAddress);
        }
        let threads = config.threads();
        let sockets = bind(&config.bind, threads)?;
        let addrs = sockets[0]
            .iter()
            .map(Socket::local_addr)
            .collect::<Vec<_>>();
        let profiles = [Profile::AeadAes128Gcm, Profile::Aes128CmSha1];
        let identity = Arc::new(Identity::new(false, &profiles).map_err(BridgeError::Certificate)?);
        let departures = Arc::new(Departures::default());
        let (events, event_queue) = sync_channel(EVENTS_MAX);
        let wakers = (0..threads)
            .map(|_| Waker::new())
            .collect::<Result<Vec<_>, _>>()?;
        let doorbells = wakers
            .iter()
            .cloned()
            .map(Doorbell::new)
            .collect::<Vec<_>>();
        let (door, streams) = Door::open(&config, &addrs, &doorbells, |ufrag| {
            thread_of(ufrag).unwrap_or(0)
        })?;
        let ends = Links::mesh(&doorbells).into_iter().zip(wakers).zip(sockets);
        let mut lines = Vec::with_capacity(threads);
        for (number, (((links, waker), sockets), streams)) in ends.zip(streams).enumerate() {
            let (commands, command_queue) = sync_channel(COMMANDS_MAX);
            let stats = Arc::new(Mutex::new(BridgeStats::default()));
            let parts = Parts {
                sockets,
                links,
                departures: Arc::clone(&departures),
                waker: waker.clone(),
                commands: command_queue,
                streams: streams.exit,
                events: events.clone(),
                stats: Arc::clone(&stats),
                identity: Arc::clone(&identity),
            };
            let worker = Worker::new(&config, parts);
            std::thread::Builder::new()
                .name(format!("bridge-{number}"))
                .spawn(move || worker.run(streams.entrance))?;
            lines.push(Line {
                commands,
                waker,
                stats,
            });
        }
        let shared = Shared {
            lines,
            directory: Mutex::new(Directory::new(&config, threads)),
            departures,
            addrs,
            door,
            config,
            identity,
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

    /// The TCP addresses that the bridge listens on itself, with the ports that the kernel chose for port 0.
    #[must_use]
    pub fn tcp_addrs(&self) -> Vec<SocketAddr> {
        self.shared.door.listening().to_vec()
    }

    /// Takes over a connection that was accepted elsewhere (see [`BridgeConfig::tcp_elsewhere`]): `tls` is its session when it has one, and
    /// `first` what was read from it in the clear. Whether it belongs to a seat the bridge finds out; until then it is bound by limits on
    /// time and number.
    pub fn adopt(&self, stream: TcpStream, tls: Option<Box<ServerConnection>>, first: Vec<u8>) {
        self.shared.door.adopt(Adopted { stream, tls, first });
    }

    /// Credentials with which the page of `seat` may use the embedded TURN server for an allocation, until `lasting` from now.
    #[must_use]
    pub fn relay_credentials(&self, seat: u64, lasting: Duration) -> RelayCredentials {
        self.shared.door.credentials(seat, lasting)
    }

    /// Opens a room; opening an open room changes nothing.
    pub fn open_room(&self, room: RoomId) {
        let mut directory = self.directory();
        if let Some((home, opening)) = directory.open(room) {
            self.shared.lines[home].send(Command::OpenRoom(opening));
        }
    }

    /// Closes a room: its peers' associations are closed, no [`BridgeEvent::Gone`] is sent for them.
    pub fn close_room(&self, room: RoomId) {
        let mut directory = self.directory();
        let members = directory.close(room);
        for (thread, line) in self.shared.lines.iter().enumerate() {
            if members & 1 << thread != 0 {
                line.send(Command::CloseRoom(room));
            }
        }
    }

    /// Seats a peer, or renegotiates one that is seated (also an ICE restart, or a page that was loaded again): its tracks,
    /// view and mutes stay. Blocks until the packet thread has answered, at most 5 s.
    ///
    /// # Errors
    ///
    /// See [`JoinError`]; a refused renegotiation leaves the seat as it was.
    pub fn join(&self, room: RoomId, peer: PeerId, offer_sdp: &str) -> Result<Answer, JoinError> {
        let offer = self.read_offer(offer_sdp, Flow::Both)?;
        self.join_read(room, peer, self.next_seating(), offer)
    }

    /// A number for an offer that is about to seat a peer. Who asks before another task joins for it fixes the order: an offer that comes
    /// after a later one of its peer is refused.
    #[must_use]
    pub fn next_seating(&self) -> Seating {
        self.directory().next_seating()
    }

    /// Reads an offer without seating anybody, and keeps of it what may flow.
    ///
    /// # Errors
    /// [`JoinError::BadSdp`] when it is no offer, [`JoinError::NothingUsable`] when nothing of it is left.
    pub fn read_offer(&self, sdp: &str, flow: Flow) -> Result<ReadOffer, JoinError> {
        if sdp.len() > self.shared.config.limits.offer_bytes_max {
            return Err(JoinError::BadSdp("the offer is too long".to_owned()));
        }
        Ok(ReadOffer(sdp::parse(sdp, &self.shared.config, flow)?))
    }

    /// As [`Self::join`], with an offer that was read before and its number.
    ///
    /// # Errors
    /// See [`JoinError`]; [`JoinError::Superseded`] leaves the peer with its later offer.
    pub fn join_read(
        &self,
        room: RoomId,
        peer: PeerId,
        seating: Seating,
        ReadOffer(offer): ReadOffer,
    ) -> Result<Answer, JoinError> {
        let (reply, answer) = sync_channel(1);
        let mut directory = self.directory();
        let placed = directory.seat(room, peer, seating)?;
        let line = &self.shared.lines[placed.thread];
        if let Some(opening) = placed.opening {
            line.send(Command::OpenRoom(opening));
        }
        line.send(Command::Join {
            room,
            peer,
            seating,
            offer: Box::new(offer.clone()),
            wishes: directory.wishes(peer),
            reply,
        });
        drop(directory);
        let seat = answer
            .recv_timeout(JOIN_WAIT)
            .map_err(|_| JoinError::Unavailable)?;
        if placed.fresh && seat.is_err() {
            self.directory().unseat(peer, seating);
        }
        let seat = seat?;
        Ok(Answer {
            sdp: sdp::answer(
                &offer,
                &seat,
                &self.shared.identity.fingerprint,
                self.shared.door.candidates(),
            ),
        })
    }

    /// An ICE restart without an offer (RFC 9725 section 4.3.2): the peer's new user name comes in, the bridge's new credentials and
    /// its candidates go out. Keys, tracks and addresses in use stay; the former credentials hold until the new ones are used.
    ///
    /// # Errors
    /// [`JoinError::Superseded`] when the peer has no connection of this seating (any more), [`JoinError::Unavailable`] when it is not seated or
    /// the packet thread does not answer.
    pub fn restart_ice(
        &self,
        peer: PeerId,
        seating: Seating,
        remote_ufrag: String,
    ) -> Result<IceAnswer, JoinError> {
        let (reply, answer) = sync_channel(1);
        self.send_to(
            peer,
            Command::RestartIce {
                peer,
                seating,
                remote_ufrag,
                reply,
            },
        )?;
        let (ufrag, pwd) = answer
            .recv_timeout(JOIN_WAIT)
            .map_err(|_| JoinError::Unavailable)?
            .ok_or(JoinError::Superseded)?;
        Ok(IceAnswer {
            ufrag,
            pwd,
            candidates: self.shared.door.candidates().to_vec(),
        })
    }

    /// Removes a peer; no [`BridgeEvent::Gone`] is sent for it.
    pub fn leave(&self, peer: PeerId) {
        let mut directory = self.directory();
        if let Some(thread) = directory.leave(peer) {
            self.shared.lines[thread].send(Command::Leave(peer));
        }
    }

    /// Sets what a receiver wants to see: `large` in the first video slot (`None` follows what is shared, else the spotlight, else
    /// the speaker) and `tiles` in the others, as low layers. Peers that are not in the room yet are remembered; tiles beyond the receiver's
    /// slots are ignored.
    pub fn set_view(&self, peer: PeerId, large: Option<TrackId>, tiles: Vec<TrackId>) {
        self.wish(peer, |wishes| wishes.view(large, tiles));
    }

    /// Sets how much picture a receiver takes. Survives the peer's connection, until it [leaves](Self::leave).
    pub fn set_mode(&self, peer: PeerId, mode: Mode) {
        self.wish(peer, |wishes| wishes.mode = mode);
    }

    /// Allows a peer to share its screen (with sound) or its second camera; at first it may neither. What begins last is shown large to
    /// all who follow.
    pub fn set_shares(&self, peer: PeerId, slides: bool, document: bool) {
        self.wish(peer, |wishes| wishes.shares = [slides, document]);
    }

    /// Says who leads: on a narrow line its picture goes before all others.
    pub fn set_chair(&self, room: RoomId, peer: Option<PeerId>) {
        self.send_home(room, Command::Chair { room, peer });
    }

    /// Mutes a peer's microphone or camera on the server: nothing of a muted kind is forwarded, whatever the page sends.
    pub fn set_muted(&self, peer: PeerId, audio: bool, video: bool) {
        self.wish(peer, |wishes| wishes.muted = [audio, video]);
    }

    fn wish(&self, peer: PeerId, change: impl FnOnce(&mut Wishes)) {
        let mut directory = self.directory();
        if let Some(thread) = directory.wish(peer, change) {
            let wishes = directory.wishes(peer);
            self.shared.lines[thread].send(Command::Wishes { peer, wishes });
        }
    }

    /// Shows `peer` instead of the speaker to every receiver that has not pinned another; `None` returns to the speaker.
    pub fn set_spotlight(&self, room: RoomId, peer: Option<PeerId>) {
        self.send_home(room, Command::Spotlight { room, peer });
    }

    /// Acts out a fault on a peer's road. Ignored unless [`BridgeConfig::impairments`] is set.
    pub fn set_impairment(&self, peer: PeerId, impairment: Impairment) {
        let directory = self.directory();
        if let Some(thread) = directory.thread_of(peer) {
            self.shared.lines[thread].send(Command::Impair { peer, impairment });
        }
    }

    /// Copies the room's media to `socket` (see [`crate::tap`] for the datagrams). A second tap replaces the first.
    pub fn tap(&self, room: RoomId, socket: UnixDatagram) {
        self.send_home(room, Command::Tap { room, socket });
    }

    /// The recording cannot show its picture before the next keyframe: its sender is asked for one, at most once a second.
    pub fn request_tap_keyframe(&self, room: RoomId) {
        self.send_home(room, Command::TapKeyframe(room));
    }

    /// Ends the copy; the bridge's end of the socket is closed.
    pub fn untap(&self, room: RoomId) {
        self.send_home(room, Command::Untap(room));
    }

    /// The latest snapshot; at most one second old, never waits for a packet thread.
    #[must_use]
    pub fn stats(&self) -> BridgeStats {
        let mut sum = BridgeStats::default();
        for line in &self.shared.lines {
            let stats = line.stats.lock().unwrap_or_else(PoisonError::into_inner);
            sum.add(stats.clone());
        }
        let directory = self.directory();
        sum.rooms = directory.rooms();
        sum.drops[stats::Drop::Command as usize] += directory.refused;
        sum.streams = self.shared.door.stats();
        sum.drops[stats::Drop::Stream as usize] += sum.streams.full;
        sum
    }

    /// Tells the packet thread of a seated peer.
    fn send_to(&self, peer: PeerId, command: Command) -> Result<(), JoinError> {
        let directory = self.directory();
        let thread = directory.thread_of(peer).ok_or(JoinError::Unavailable)?;
        self.shared.lines[thread].send(command);
        Ok(())
    }

    /// Everything that is counted of one peer; `None` when it is not there. Blocks until the packet thread has answered, at most 5 s.
    #[must_use]
    pub fn peer_detail(&self, peer: PeerId) -> Option<PeerDetail> {
        let (reply, answer) = sync_channel(1);
        self.send_to(peer, Command::Detail { peer, reply }).ok()?;
        answer.recv_timeout(JOIN_WAIT).ok().flatten()
    }

    /// Makes the code of a room fail, to show that other rooms go on.
    #[cfg(feature = "client")]
    pub fn panic_room(&self, room: RoomId) {
        self.send_home(room, Command::Panic(room));
    }

    /// Sends a command to the thread that a room is at home on.
    fn send_home(&self, room: RoomId, command: Command) {
        let directory = self.directory();
        if let Some(home) = directory.home_of(room) {
            self.shared.lines[home].send(command);
        }
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        let mut directory = self
            .shared
            .directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        directory.catch_up(&self.shared.departures);
        directory
    }
}

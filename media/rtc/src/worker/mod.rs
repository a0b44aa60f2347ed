//! A packet thread: sockets, peers and rooms in one loop. One wake-up takes everything that has arrived, hands it through the
//! rooms and sends everything that follows.

mod catch_up;
mod control;
mod egress;
mod feedback;
mod figures;
mod handover;
mod ingress;
mod media;
mod pace;
mod probe;
mod redundancy;
mod rooms;
mod shards;
mod ticks;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nhipcau_sfu::{CatchUp, PeerId, Room, RoomId};
use ring::rand::{SecureRandom, SystemRandom};

pub(crate) use handover::thread_of;

use crate::bridge::Command;
use crate::config::{BridgeConfig, Limits};
use crate::directory::Departures;
use crate::dtls::Identity;
use crate::event::BridgeEvent;
use crate::link::{Bundle, Links};
use crate::ntp;
use crate::passage::{self, Entrance, Exit};
use crate::peer::{Down, Peer, Up};
use crate::socket::{Inbox, Outbox, Socket, Waker, wait};
use crate::stats::{BridgeStats, DROP_REASONS, Drop};
use crate::stream::Carried;

/// Between two looks at retransmissions, feedback, reports and liveness.
const TICK: Duration = Duration::from_millis(25);
/// Longest sleep, so that the snapshot of the statistics stays fresh.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Between two looks at impaired roads while something waits there (lab only).
const IMPAIRED_SLEEP: Duration = Duration::from_millis(2);
/// Batches taken from one socket before the others have their turn.
const BATCHES_MAX: usize = 16;
/// Messages of one batch; each may be several datagrams of one flow.
const MESSAGES: usize = 64;

/// The worker's number of the recording's copy, which is no peer.
const TAP_PORT: u32 = u32::MAX;

/// A room with what belongs to it outside its machine.
struct LiveRoom {
    id: RoomId,
    /// See [`crate::directory::Opening`].
    serial: u64,
    /// The thread that leads.
    home: usize,
    /// The other threads that have the room, a bit each.
    members: u32,
    /// Those of them that want its packets.
    hearers: u32,
    /// Whether this thread does.
    hears: bool,
    room: Room,
    /// The peer in each seat, or the mirror of one.
    peers: Vec<Option<u32>>,
    next_timeout: Option<Instant>,
    dirty: bool,
    tap: Option<UnixDatagram>,
}

impl LiveRoom {
    /// Notes who sits in a seat.
    fn put(&mut self, seat: u32, index: u32) {
        let place = seat as usize;
        if self.peers.len() <= place {
            self.peers.resize(place + 1, None);
        }
        self.peers[place] = Some(index);
    }

    fn clear(&mut self, seat: u32) {
        if let Some(place) = self.peers.get_mut(seat as usize) {
            *place = None;
        }
    }
}

/// Whose a remote address is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Of this peer of ours.
    Peer(u32),
    /// Of a peer on this thread.
    Thread(u8),
}

/// How a datagram came to be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Via {
    /// From our socket.
    Socket,
    /// Handed over by the thread whose socket it arrived at.
    Link,
    /// It waited on an impaired road.
    Road,
}

/// Counters that the snapshot is made of.
#[derive(Default)]
struct Counters {
    drops: [u64; DROP_REASONS],
    datagrams_in: u64,
    bytes_in: u64,
    forwarded: u64,
    nacked_in: u64,
    nacked_out: u64,
    retransmitted: u64,
    repaired: u64,
    recovered: u64,
    padding: u64,
    caught_up: u64,
    keyframe_requests: u64,
    handed_on: u64,
    handed_over: u64,
}

impl Counters {
    fn drop(&mut self, reason: Drop) {
        self.drops[reason as usize] += 1;
    }
}

/// What a packet thread is given at its start.
pub(crate) struct Parts {
    pub(crate) sockets: Vec<Socket>,
    pub(crate) links: Links,
    pub(crate) departures: Arc<Departures>,
    pub(crate) waker: Waker,
    pub(crate) commands: Receiver<Command>,
    /// What arrives over TCP.
    pub(crate) streams: Exit<Carried>,
    pub(crate) events: SyncSender<BridgeEvent>,
    pub(crate) stats: Arc<Mutex<BridgeStats>>,
    pub(crate) identity: Arc<Identity>,
}

/// Everything behind the sockets of one thread.
pub(crate) struct Worker {
    limits: Limits,
    voices: usize,
    impairments: bool,
    sockets: Vec<Socket>,
    links: Links,
    /// Bundles of other threads that are being worked off.
    bundles: Vec<(usize, Bundle)>,
    departures: Arc<Departures>,
    waker: Waker,
    commands: Receiver<Command>,
    /// What arrives over TCP.
    streams: Exit<Carried>,
    /// Of it, what is being worked off.
    carried: Vec<passage::Bundle<Carried>>,
    events: SyncSender<BridgeEvent>,
    lost_events: u64,
    shared_stats: Arc<Mutex<BridgeStats>>,
    identity: Arc<Identity>,
    random: SystemRandom,
    peers: Vec<Option<Peer>>,
    ups: Vec<Option<Up>>,
    downs: Vec<Option<Down>>,
    /// By thread and number there: the place of the mirror in `ups`.
    mirrors: Vec<Vec<Option<u32>>>,
    by_id: HashMap<PeerId, u32>,
    by_ufrag: HashMap<Vec<u8>, u32>,
    /// Addresses that ICE has validated, here or on another thread: at most 8 a peer.
    by_route: HashMap<(u8, SocketAddr), Owner>,
    rooms: Vec<Option<LiveRoom>>,
    room_ids: HashMap<RoomId, u32>,
    dirty_rooms: Vec<u32>,
    counters: Counters,
    started: Instant,
    /// NTP time of `started`.
    started_ntp: u64,
    next_tick: Instant,
    ticks: u64,
    stats_at: Instant,
    stopping: bool,
    scratch: Vec<u8>,
    asked: Vec<u16>,
    keyframes: Vec<(u32, usize, Instant)>,
    /// By room.
    catch_ups: VecDeque<(u32, CatchUp)>,
    /// Receivers for which packets wait.
    paced: Vec<u32>,
}

impl Worker {
    pub(crate) fn new(config: &BridgeConfig, parts: Parts) -> Self {
        let now = Instant::now();
        Self {
            limits: config.limits.clone(),
            voices: config.voices,
            impairments: config.impairments,
            sockets: parts.sockets,
            mirrors: vec![Vec::new(); parts.links.len()],
            links: parts.links,
            bundles: Vec::new(),
            departures: parts.departures,
            waker: parts.waker,
            commands: parts.commands,
            streams: parts.streams,
            carried: Vec::new(),
            events: parts.events,
            lost_events: 0,
            shared_stats: parts.stats,
            identity: parts.identity,
            random: SystemRandom::new(),
            peers: Vec::new(),
            ups: Vec::new(),
            downs: Vec::new(),
            by_id: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_route: HashMap::new(),
            rooms: Vec::new(),
            room_ids: HashMap::new(),
            dirty_rooms: Vec::new(),
            counters: Counters::default(),
            started: now,
            started_ntp: ntp::now(),
            next_tick: now,
            ticks: 0,
            stats_at: now,
            stopping: false,
            scratch: Vec::with_capacity(2048),
            asked: Vec::with_capacity(256),
            keyframes: Vec::new(),
            catch_ups: VecDeque::new(),
            paced: Vec::new(),
        }
    }

    /// Runs until the last handle is dropped; `streams` takes what is for peers behind TCP.
    pub(crate) fn run(mut self, streams: Entrance<Carried>) {
        let mut inbox = Inbox::new(MESSAGES);
        let mut outbox = Outbox::new(streams);
        let mut polled = Vec::new();
        let mut sources = self
            .sockets
            .iter()
            .map(AsRawFd::as_raw_fd)
            .collect::<Vec<_>>();
        sources.push(self.waker.as_raw_fd());
        while !self.stopping {
            self.links.sleep();
            self.collect();
            let sleep = if self.bundles.is_empty() && self.carried.is_empty() {
                self.sleep()
            } else {
                Duration::ZERO
            };
            wait(&mut polled, &sources, sleep);
            self.links.rise();
            self.collect();
            // Commands before the bundles: what a bundle speaks of was opened by a command that came earlier.
            self.obey(&mut outbox);
            self.take_bundles(&mut outbox);
            for (socket, polled) in polled.iter().enumerate().take(self.sockets.len()) {
                if polled.revents != 0 {
                    self.receive(socket, &mut inbox, &mut outbox);
                }
            }
            self.receive_streams(&mut outbox);
            let now = Instant::now();
            if self.impairments {
                self.release(&mut outbox, now);
            }
            self.release_paced(&mut outbox, now);
            if now >= self.next_tick {
                self.tick(&mut outbox, now);
            }
            self.forward(&mut outbox, now);
            self.send_keyframe_requests(&mut outbox);
            outbox.flush(&self.sockets);
            self.links.flush();
            if now >= self.stats_at {
                self.publish_stats(&outbox, now);
            }
        }
        let now = Instant::now();
        for index in 0..self.peers.len() {
            self.remove_peer(index as u32, &mut outbox, now);
        }
        outbox.flush(&self.sockets);
    }

    /// Takes what other threads have handed over, to be worked off.
    fn collect(&mut self) {
        self.links.collect(&mut self.bundles);
        self.carried.extend(self.streams.take());
    }

    fn sleep(&self) -> Duration {
        if self.impairments && self.is_road_waiting() {
            return IMPAIRED_SLEEP;
        }
        if self.by_id.is_empty() {
            return match self.links.is_holding() {
                true => TICK,
                false => SLEEP_MAX,
            };
        }
        let sleep = self.next_tick.saturating_duration_since(Instant::now());
        if self.paced.is_empty() {
            sleep
        } else {
            sleep.min(pace::PACE)
        }
    }

    fn obey(&mut self, outbox: &mut Outbox) {
        self.waker.drain();
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.execute(command, outbox, Instant::now()),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.stopping = true;
                    return;
                }
            }
        }
    }

    fn receive(&mut self, socket: usize, inbox: &mut Inbox, outbox: &mut Outbox) {
        for _ in 0..BATCHES_MAX {
            let more = inbox.receive(&self.sockets[socket]);
            let now = Instant::now();
            inbox.each(socket as u8, |arrived| match arrived {
                Some((route, datagram)) => {
                    self.counters.datagrams_in += 1;
                    self.counters.bytes_in += datagram.len() as u64;
                    self.take(&route, datagram, outbox, now, Via::Socket);
                }
                None => self.counters.drop(Drop::Malformed),
            });
            self.forward(outbox, now);
            self.send_keyframe_requests(outbox);
            outbox.flush(&self.sockets);
            if !more {
                return;
            }
        }
    }

    /// Takes what came over TCP. An empty datagram says that its connection has ended.
    fn receive_streams(&mut self, outbox: &mut Outbox) {
        let mut bundles = std::mem::take(&mut self.carried);
        for mut bundle in bundles.drain(..) {
            let now = Instant::now();
            bundle.each(|route, datagram| {
                if datagram.is_empty() {
                    return self.forget_route(route);
                }
                self.counters.datagrams_in += 1;
                self.counters.bytes_in += datagram.len() as u64;
                self.take(route, datagram, outbox, now, Via::Socket);
            });
            self.streams.give_back(bundle);
            self.forward(outbox, now);
            self.send_keyframe_requests(outbox);
            outbox.flush(&self.sockets);
        }
        self.carried = bundles;
    }

    fn tell(&mut self, event: BridgeEvent) {
        if self.events.try_send(event).is_err() {
            self.lost_events += 1;
            if self.lost_events.is_power_of_two() {
                tracing::error!(lost = self.lost_events, "the bridge's events are not read");
            }
        }
    }

    fn random_u32(&self) -> u32 {
        let mut bytes = [0; 4];
        // The kernel's generator does not fail once it is seeded.
        self.random
            .fill(&mut bytes)
            .expect("random numbers of the kernel");
        u32::from_be_bytes(bytes)
    }

    /// `length` characters of the ICE alphabet with 6 random bits each.
    fn random_text(&self, length: usize) -> String {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bytes = vec![0; length];
        self.random
            .fill(&mut bytes)
            .expect("random numbers of the kernel");
        bytes
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte & 63)]))
            .collect()
    }

    fn ntp_now(&self, now: Instant) -> u64 {
        self.started_ntp + ntp::ticks(now.saturating_duration_since(self.started))
    }
}

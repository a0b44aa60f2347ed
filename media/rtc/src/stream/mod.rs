//! Datagrams over TCP, for offices that let no UDP out: ICE-TCP (RFC 6544, passive; RFC 4571) and TURN over TLS or TCP.
//!
//! One thread owns all connections and speaks with the packet threads over [`crate::passage`]: to them a connection is a
//! [`crate::socket::Route`] with a socket number of its own, and nothing else differs. ICE validates it, DTLS and SRTP run over it, and keys stay when a
//! peer moves between it and UDP. A slow connection loses datagrams from its own bounded queue and holds up nobody.

mod connection;
mod door;
mod frame;
mod pipe;
mod relay;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConnection;

pub(crate) use self::door::Door;
pub use self::door::RelayCredentials;
use self::relay::RelayTerms;

use self::connection::{Connection, Counts, End};
use self::pipe::Pipe;
use self::relay::{RELAYED_MAX, RELAYED_PORT};
use crate::passage::{Bundle, Doorbell, Entrance, Exit};
use crate::socket::{Route, Waker, poll};
use crate::stats::StreamStats;
use crate::stun::BindingRequest;

/// Connections at a time; below the ports of relayed addresses.
const CONNECTIONS_MAX: usize = 4_096;
const _: () = assert!(CONNECTIONS_MAX <= RELAYED_MAX);
/// Connections that have not shown yet that they belong to a seat, in all and from one address (an office behind NAT).
const UNPROVEN_MAX: usize = 512;
const UNPROVEN_OF_ADDRESS_MAX: usize = 64;
/// Allocations of one seat: a page makes one for each of its network interfaces.
const ALLOCATIONS_OF_USER_MAX: usize = 8;
/// Connections waiting to be taken over. Beyond it they are closed and counted.
const ADOPTED_MAX: usize = 64;
/// Connections taken from a listener before the others have their turn.
const ACCEPTED_MAX: usize = 32;
/// Between two looks at deadlines.
const TICK: Duration = Duration::from_millis(250);
/// Until a connection that may not be read now may be read again.
const THROTTLED: Duration = Duration::from_millis(20);
const SCRATCH_BYTES: usize = 16 * 1024;

/// A connection that somebody else accepted and found to be ours.
pub(crate) struct Adopted {
    pub(crate) stream: TcpStream,
    pub(crate) tls: Option<Box<ServerConnection>>,
    /// What was read already, in the clear.
    pub(crate) first: Vec<u8>,
}

enum Command {
    Adopt(Adopted),
    Stop,
}

/// A datagram between a packet thread and the streams' thread; an empty one says that its connection has ended, or shall end.
pub(crate) struct Carried {
    route: Route,
    at: Range<u32>,
}

impl Entrance<Carried> {
    pub(crate) fn carry(&mut self, route: &Route, datagram: &[u8]) {
        let route = *route;
        match datagram.is_empty() {
            true => self.tell(Carried { route, at: 0..0 }),
            false => self.hand(datagram, |at| Carried { route, at }),
        }
    }
}

impl Bundle<Carried> {
    /// Hands out every datagram, to be decrypted in place.
    pub(crate) fn each(&mut self, mut take: impl FnMut(&Route, &mut [u8])) {
        for Carried { route, at } in &self.entries {
            let at = at.start as usize..at.end as usize;
            take(route, self.bytes.get_mut(at).unwrap_or_default());
        }
    }
}

/// Both ends of a thread towards another: a packet thread's, or the streams' thread's.
pub(crate) struct Link {
    pub(crate) entrance: Entrance<Carried>,
    pub(crate) exit: Exit<Carried>,
}

/// The handle on the thread of the streams, which ends with it.
pub(crate) struct Streams {
    commands: SyncSender<Command>,
    waker: Waker,
    listening: Vec<SocketAddr>,
    stats: Arc<Mutex<StreamStats>>,
    /// Connections that found the queue full.
    turned_away: AtomicU64,
}

impl Drop for Streams {
    fn drop(&mut self) {
        let _ = self.commands.try_send(Command::Stop);
        self.waker.wake();
    }
}

impl Streams {
    /// Starts the thread with its listeners; `links` lead to the packet threads, in their order, and `owner` says which of them knows an ICE
    /// user name.
    pub(crate) fn start(
        listeners: Vec<TcpListener>,
        terms: RelayTerms,
        (waker, doorbell): (Waker, Doorbell),
        links: Vec<Link>,
        owner: fn(&[u8]) -> usize,
    ) -> io::Result<Self> {
        let (commands, queue) = sync_channel(ADOPTED_MAX);
        let stats = Arc::new(Mutex::new(StreamStats::default()));
        let listening = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<io::Result<_>>()?;
        for listener in &listeners {
            listener.set_nonblocking(true)?;
        }
        let thread = Thread {
            listeners,
            terms,
            waker: waker.clone(),
            doorbell,
            links,
            owner,
            commands: queue,
            shared_stats: Arc::clone(&stats),
            connections: Vec::new(),
            by_route: HashMap::new(),
            counts: Counts::default(),
            stats: StreamStats::default(),
            scratch: vec![0; SCRATCH_BYTES],
        };
        std::thread::Builder::new()
            .name("streams".to_owned())
            .spawn(move || thread.run())?;
        Ok(Self {
            commands,
            waker,
            listening,
            stats,
            turned_away: AtomicU64::new(0),
        })
    }

    /// Where its own listeners are bound.
    pub(crate) fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }

    /// Takes over a connection; one too many is closed and counted.
    pub(crate) fn adopt(&self, adopted: Adopted) {
        match self.commands.try_send(Command::Adopt(adopted)) {
            Ok(()) => self.waker.wake(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.turned_away.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The latest figures, at most a second old.
    pub(crate) fn stats(&self) -> StreamStats {
        let mut stats = *self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.refused += self.turned_away.load(Ordering::Relaxed);
        stats
    }
}

struct Thread {
    listeners: Vec<TcpListener>,
    terms: RelayTerms,
    waker: Waker,
    doorbell: Doorbell,
    links: Vec<Link>,
    owner: fn(&[u8]) -> usize,
    commands: Receiver<Command>,
    shared_stats: Arc<Mutex<StreamStats>>,
    connections: Vec<Option<Connection>>,
    by_route: HashMap<(u8, SocketAddr), usize>,
    counts: Counts,
    stats: StreamStats,
    scratch: Vec<u8>,
}

impl Thread {
    fn run(mut self) {
        let mut polled = Vec::new();
        let mut places = Vec::new();
        let mut next_tick = Instant::now();
        let mut stop = false;
        while !stop {
            let timeout = self.prepare(&mut polled, &mut places, next_tick);
            poll(&mut polled, timeout);
            let now = Instant::now();
            self.waker.drain();
            // Whoever hands something over from here on rings; what is there already is delivered now.
            self.doorbell.sleep();
            stop = self.obey(now);
            self.deliver(now);
            for (index, polled) in polled[1..=self.listeners.len()].iter().enumerate() {
                if polled.revents != 0 {
                    self.accept(index, now);
                }
            }
            for (place, polled) in places.iter().zip(&polled[1 + self.listeners.len()..]) {
                let due = self.connections[*place].as_ref().and_then(Connection::due);
                if due.is_some_and(|due| due <= now) {
                    self.serve(*place, polled.revents | libc::POLLIN, now);
                } else if polled.revents != 0 {
                    self.serve(*place, polled.revents, now);
                }
            }
            for link in &mut self.links {
                link.entrance.flush();
            }
            if now >= next_tick {
                next_tick = now + TICK;
                self.tick(now);
            }
        }
    }

    /// Fills in what to wait for: the waker, the listeners, then the connections at `places`. Returns for how long.
    fn prepare(
        &mut self,
        polled: &mut Vec<libc::pollfd>,
        places: &mut Vec<usize>,
        next_tick: Instant,
    ) -> Duration {
        let now = Instant::now();
        let mut timeout = next_tick.saturating_duration_since(now);
        let wait = |fd, events| libc::pollfd {
            fd,
            events,
            revents: 0,
        };
        if self.links.iter().any(|link| link.entrance.is_holding()) {
            timeout = timeout.min(THROTTLED);
        }
        polled.clear();
        places.clear();
        polled.push(wait(self.waker.as_raw_fd(), libc::POLLIN));
        let listeners = self.listeners.iter().map(AsRawFd::as_raw_fd);
        polled.extend(listeners.map(|fd| wait(fd, libc::POLLIN)));
        for (place, connection) in self.connections.iter_mut().enumerate() {
            let Some(connection) = connection else {
                continue;
            };
            let mut events = 0;
            if connection.wants_read(now) {
                events |= libc::POLLIN;
            } else {
                timeout = timeout.min(THROTTLED);
            }
            if connection.wants_write() {
                events |= libc::POLLOUT;
            }
            if let Some(due) = connection.due() {
                timeout = timeout.min(due.saturating_duration_since(now));
            }
            polled.push(wait(connection.pipe().as_raw_fd(), events));
            places.push(place);
        }
        timeout
    }

    fn obey(&mut self, now: Instant) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Adopt(adopted)) => self.adopt(adopted, now),
                Ok(Command::Stop) => return true,
                Err(_) => return false,
            }
        }
    }

    fn accept(&mut self, listener: usize, now: Instant) {
        for _ in 0..ACCEPTED_MAX {
            // Out of files or memory: the connection waits in the system's queue until others have given some back.
            let Ok((stream, _)) = self.listeners[listener].accept() else {
                return;
            };
            let adopted = Adopted {
                stream,
                tls: None,
                first: Vec::new(),
            };
            self.adopt(adopted, now);
        }
    }

    fn adopt(&mut self, adopted: Adopted, now: Instant) {
        if self.admit(adopted, now).is_none() {
            self.stats.refused += 1;
        }
    }

    fn admit(&mut self, adopted: Adopted, now: Instant) -> Option<()> {
        let canonical = |addr: SocketAddr| SocketAddr::new(addr.ip().to_canonical(), addr.port());
        let remote = canonical(adopted.stream.peer_addr().ok()?);
        let local = canonical(adopted.stream.local_addr().ok()?);
        if !self.has_room(remote.ip()) {
            return None;
        }
        let place = match self.connections.iter().position(Option::is_none) {
            Some(place) => place,
            None if self.connections.len() < CONNECTIONS_MAX => {
                self.connections.push(None);
                self.connections.len() - 1
            }
            None => return None,
        };
        let pipe = Pipe::new(adopted.stream, adopted.tls).ok()?;
        let port = RELAYED_PORT + place as u16;
        let mut connection = Connection::new(pipe, remote, local, port, now);
        connection.begin_with(&adopted.first);
        self.connections[place] = Some(connection);
        self.stats.accepted += 1;
        // A TLS session may hold what the socket will not announce again.
        self.serve(place, libc::POLLIN, now);
        Some(())
    }

    fn has_room(&self, from: IpAddr) -> bool {
        let unproven = || {
            let all = self.connections.iter().flatten();
            all.filter(|connection| !connection.is_proven() && !connection.is_relay())
        };
        unproven().count() < UNPROVEN_MAX
            && unproven()
                .filter(|connection| connection.remote().ip() == from)
                .count()
                < UNPROVEN_OF_ADDRESS_MAX
    }

    /// Reads and writes what the connection is ready for.
    fn serve(&mut self, place: usize, ready: i16, now: Instant) {
        let Some(mut connection) = self.connections[place].take() else {
            return;
        };
        // The code behind here reads what strangers write. Should it break an invariant, that costs the connection and nothing else.
        let done = catch_unwind(AssertUnwindSafe(|| {
            self.exchange(&mut connection, place, ready, now)
        }));
        match done.unwrap_or(Err(End::Broken)) {
            Ok(()) => self.connections[place] = Some(connection),
            Err(end) => self.end(connection, place, end),
        }
    }

    fn exchange(
        &mut self,
        connection: &mut Connection,
        place: usize,
        ready: i16,
        now: Instant,
    ) -> Result<(), End> {
        let before = connection.route();
        if ready & !libc::POLLOUT != 0 {
            let (links, owner) = (&mut self.links, self.owner);
            let mut current = connection.owner;
            let read = connection.read(
                &mut self.scratch,
                &self.terms,
                &mut self.counts,
                now,
                |route, datagram| {
                    // The peer's own thread is named by the ICE user name; media follows the latest check.
                    if let Some(request) = BindingRequest::parse(datagram) {
                        current = owner(request.ufrag);
                    }
                    if let Some(link) = links.get_mut(current) {
                        link.entrance.carry(route, datagram);
                    }
                },
            );
            connection.owner = current;
            read?;
            let granted = self.may_allocate(connection);
            connection.settle(granted, &mut self.counts, now)?;
        }
        if let Some(route) = connection.route().filter(|_| before.is_none()) {
            // The same addresses on another of our ports: the elder stays.
            if *self
                .by_route
                .entry((route.socket, route.remote))
                .or_insert(place)
                != place
            {
                return Err(End::Broken);
            }
        }
        connection.flush()
    }

    fn may_allocate(&self, connection: &Connection) -> bool {
        let Some(user) = connection.user() else {
            return false;
        };
        let others = self.connections.iter().flatten();
        others
            .filter(|other| other.is_relay() && other.user() == Some(user))
            .count()
            < ALLOCATIONS_OF_USER_MAX
    }

    /// Takes what the packet threads send.
    fn deliver(&mut self, now: Instant) {
        for link in 0..self.links.len() {
            while let Some(mut bundle) = self.links[link].exit.take().next() {
                let mut touched = Vec::new();
                bundle.each(|route, datagram| {
                    let Some(&place) = self.by_route.get(&(route.socket, route.remote)) else {
                        return;
                    };
                    let Some(connection) = &mut self.connections[place] else {
                        return;
                    };
                    if datagram.is_empty() {
                        if connection.owner == link {
                            touched.push((place, true));
                        }
                        return;
                    }
                    let (scratch, counts) = (&mut self.scratch, &mut self.counts);
                    connection.send(route, datagram, scratch, counts, now);
                    if touched.last() != Some(&(place, false)) {
                        touched.push((place, false));
                    }
                });
                self.links[link].exit.give_back(bundle);
                for (place, ended) in touched {
                    if !ended {
                        self.serve(place, libc::POLLOUT, now);
                    } else if let Some(connection) = self.connections[place].take() {
                        self.end(connection, place, End::Released);
                    }
                }
            }
        }
    }

    fn end(&mut self, connection: Connection, place: usize, end: End) {
        match end {
            End::Broken => self.stats.broken += 1,
            End::Unproven => self.stats.unproven_ended += 1,
            End::Closed | End::Idle | End::Released => {}
        }
        let Some(route) = connection.route() else {
            return;
        };
        let key = (route.socket, route.remote);
        if self.by_route.get(&key) != Some(&place) {
            return;
        }
        self.by_route.remove(&key);
        if let Some(link) = self.links.get_mut(connection.owner) {
            link.entrance.carry(&route, &[]);
        }
    }

    fn tick(&mut self, now: Instant) {
        for place in 0..self.connections.len() {
            let Some(mut connection) = self.connections[place].take() else {
                continue;
            };
            let granted = self.may_allocate(&connection);
            let judged = catch_unwind(AssertUnwindSafe(|| {
                connection.settle(granted, &mut self.counts, now)?;
                connection.judge(now)
            }));
            match judged.unwrap_or(Err(End::Broken)) {
                Ok(()) => self.connections[place] = Some(connection),
                Err(end) => self.end(connection, place, end),
            }
        }
        for link in &mut self.links {
            link.entrance.flush();
        }
        self.publish();
    }

    fn publish(&mut self) {
        let all = || self.connections.iter().flatten();
        self.stats.connections = all().count();
        self.stats.secure = all()
            .filter(|connection| connection.pipe().is_secure())
            .count();
        self.stats.allocations = all().filter(|connection| connection.is_relay()).count();
        self.stats.full = self.counts.full
            + self
                .links
                .iter()
                .map(|link| link.entrance.lost)
                .sum::<u64>();
        self.stats.forbidden = self.counts.forbidden;
        let mut shared = self
            .shared_stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *shared = self.stats;
    }
}

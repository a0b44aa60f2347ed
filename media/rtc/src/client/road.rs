//! A bad road between real peers and the bridge: a UDP proxy whose address stands in the place of the bridge's. Each peer has a line of
//! its own, seeded by its turn, that may change in mid-call. For browsers and foreign stacks; a [`super::Client`] has a line built in.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::line::Line;
use super::{LineCounts, LineOptions};
use crate::socket::wait;

/// Peers at once; datagrams of others are not carried.
const PEERS_MAX: usize = 512;
/// Datagrams taken from one socket before the others have their turn.
const BATCH: usize = 256;
/// Between two looks at what is on the way, and while nothing is.
const LOOK: Duration = Duration::from_millis(1);
const IDLE: Duration = Duration::from_millis(20);

struct Flow {
    /// Towards the bridge; its address is the peer's as the bridge sees it.
    socket: UdpSocket,
    line: Line,
    waiting: usize,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    options: Mutex<LineOptions>,
    counts: Mutex<[LineCounts; 2]>,
}

/// A road; it ends when it is dropped.
pub struct Road {
    addr: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Road {
    /// Listens on `listen` and carries between it and `bridge`, as `options` say, in each direction.
    ///
    /// # Errors
    ///
    /// The socket's.
    pub fn start(listen: SocketAddr, bridge: SocketAddr, options: LineOptions) -> io::Result<Self> {
        let front = UdpSocket::bind(listen)?;
        front.set_nonblocking(true)?;
        let addr = front.local_addr()?;
        let shared = Arc::new(Shared::default());
        *lock(&shared.options) = options;
        let carrier = Carrier {
            front,
            bridge,
            options,
            shared: Arc::clone(&shared),
            flows: HashMap::new(),
        };
        let thread = std::thread::Builder::new()
            .name("road".to_owned())
            .spawn(move || carrier.run())?;
        Ok(Self {
            addr,
            shared,
            thread: Some(thread),
        })
    }

    /// Where peers are to send.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on the road is like this. What is on the way arrives as it was sent.
    pub fn change(&self, options: LineOptions) {
        *lock(&self.shared.options) = options;
    }

    /// What has become of datagrams to the bridge and from it, over all peers.
    #[must_use]
    pub fn counts(&self) -> [LineCounts; 2] {
        *lock(&self.shared.counts)
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Carrier {
    front: UdpSocket,
    bridge: SocketAddr,
    options: LineOptions,
    shared: Arc<Shared>,
    flows: HashMap<SocketAddr, Flow>,
}

impl Carrier {
    fn run(mut self) {
        let mut buffer = vec![0; 2048];
        let mut polled = Vec::new();
        while !self.shared.stop.load(Ordering::Relaxed) {
            let busy = self.flows.values().any(|flow| flow.waiting > 0);
            let sources = std::iter::once(self.front.as_raw_fd())
                .chain(self.flows.values().map(|flow| flow.socket.as_raw_fd()))
                .collect::<Vec<_>>();
            wait(&mut polled, &sources, if busy { LOOK } else { IDLE });
            let now = Instant::now();
            let options = *lock(&self.shared.options);
            if options != self.options {
                self.options = options;
                for flow in self.flows.values_mut() {
                    flow.line.change(options);
                }
            }
            self.take(&mut buffer, now);
            self.give(now);
        }
    }

    fn take(&mut self, buffer: &mut [u8], now: Instant) {
        for _ in 0..BATCH {
            let Ok((length, peer)) = self.front.recv_from(buffer) else {
                break;
            };
            if !self.flows.contains_key(&peer)
                && let Some(flow) = self.flow()
            {
                self.flows.insert(peer, flow);
            }
            if let Some(flow) = self.flows.get_mut(&peer) {
                flow.line.up.offer(&buffer[..length], now);
            }
        }
        for flow in self.flows.values_mut() {
            for _ in 0..BATCH {
                let Ok(length) = flow.socket.recv(buffer) else {
                    break;
                };
                flow.line.down.offer(&buffer[..length], now);
            }
        }
    }

    fn flow(&self) -> Option<Flow> {
        if self.flows.len() >= PEERS_MAX {
            return None;
        }
        let any: IpAddr = match self.bridge {
            SocketAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
            SocketAddr::V6(_) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        };
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect(self.bridge).ok()?;
        socket.set_nonblocking(true).ok()?;
        let seed = self.options.seed.wrapping_add(self.flows.len() as u64);
        let options = LineOptions {
            seed,
            ..self.options
        };
        Some(Flow {
            socket,
            line: Line::new(options, Instant::now()),
            waiting: 0,
        })
    }

    fn give(&mut self, now: Instant) {
        let mut counts = [LineCounts::default(); 2];
        for (peer, flow) in &mut self.flows {
            while let Some(datagram) = flow.line.up.arrive(now) {
                // A full socket buffer loses, as a road does.
                let _ = flow.socket.send(&datagram);
            }
            while let Some(datagram) = flow.line.down.arrive(now) {
                let _ = self.front.send_to(&datagram, peer);
            }
            flow.waiting = flow.line.up.waiting() + flow.line.down.waiting();
            counts[0].add(&flow.line.up.counts);
            counts[1].add(&flow.line.down.counts);
        }
        *lock(&self.shared.counts) = counts;
    }
}

//! Traps and informs in. The socket is ours, so that every datagram is counted; what it says is judged by `nhipcau_wire::port`.
//! An inform is acknowledged after its commit, and nothing else waits for it.

mod engine;
mod socket;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ipnet::IpNet;
use nhipcau_inventory::DeviceId;
use nhipcau_inventory::trap::Trap;
use nhipcau_wire::port::{Access, Decision, Port, Refusal};
use tokio::sync::{mpsc, watch};

use self::engine::EngineError;
use self::socket::{TrapSocket, Way};
use super::credential::Keys;
use crate::secret::Secret;

/// Informs that wait for their commit; beyond it they are not acknowledged, counted, and their senders repeat them.
const INFORMS_WAITING_MAX: usize = 4_096;
/// Datagrams taken before acknowledgements that became ready meanwhile are sent.
const TURN: usize = 64;
/// A receive buffer below this loses traps when a whole province reports at once.
const BUFFER_WISHED_BYTES: usize = 4 * 1024 * 1024;

/// What became of an inform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commit {
    /// On disk.
    Stored,
    /// On disk since an earlier time; the acknowledgement was lost.
    Repeated,
    /// Not on disk: the sender must repeat it.
    Failed,
}

/// Called once, from any thread, when it is known what became of an inform.
pub(crate) type Committed = Box<dyn FnOnce(Commit) + Send>;

/// Where notifications go. Neither waits.
pub(crate) trait TrapSink: Send + Sync + 'static {
    /// Stores an inform and says so. `identity` is equal for repetitions of one inform.
    fn commit(&self, trap: Trap, identity: String, then: Committed);
    /// Takes a trap, which nobody repeats. Stored with the next group of them; a full queue loses it and counts it.
    fn accept(&self, trap: Trap);
}

/// Who may send: addresses of the inventory with their device, and further networks.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    /// By address.
    pub(crate) devices: HashMap<IpAddr, DeviceId>,
    /// Networks whose traps are taken though no device of them is watched.
    pub(crate) networks: Vec<IpNet>,
}

/// What became of datagrams at the trap port.
#[derive(Debug, Default)]
pub(crate) struct TrapCounters {
    /// Traps taken.
    pub(crate) traps: AtomicU64,
    /// Informs stored and acknowledged, repetitions among them.
    pub(crate) informs: AtomicU64,
    /// Senders of SNMPv3 informs that asked for our engine.
    pub(crate) discoveries: AtomicU64,
    /// Informs that were stored before and only acknowledged again.
    pub(crate) repeated: AtomicU64,
    /// Informs that could not be stored and were not acknowledged.
    pub(crate) informs_refused: AtomicU64,
    /// Datagrams of senders that nobody knows.
    pub(crate) unknown_source: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    /// Receive buffer that the kernel grants, bytes.
    pub(crate) receive_buffer_bytes: AtomicU64,
}

impl TrapCounters {
    /// Refused datagrams of known senders, by reason.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::ALL
            .iter()
            .zip(&self.refused)
            .map(|(refusal, count)| (refusal.as_str(), count.load(Ordering::Relaxed)))
    }

    fn refuse(&self, refusal: Refusal) {
        self.refused[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// How the receiver is set up.
pub(crate) struct TrapConfig {
    /// Socket.
    pub(crate) bind: SocketAddr,
    /// Directory that keeps the SNMP engine's identity and boots (RFC 3414 §2.2).
    pub(crate) state_dir: PathBuf,
    /// Who may send, now and after each reload.
    pub(crate) access: watch::Receiver<Access>,
}

/// Why traps cannot be received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrapError {
    /// The socket, mostly: taken, or a port that needs a privilege.
    #[error("traps on {bind}: {detail}")]
    Start {
        /// The socket.
        bind: SocketAddr,
        /// What the system said.
        detail: String,
    },
    /// The engine's state cannot be kept.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Who may send: the users and communities of credentials, and further communities. A user whose keys cannot be made is left out and
/// named; its devices say the same.
pub(crate) fn access(keys: &HashMap<String, Keys>, communities: &[Secret]) -> Access {
    let users = keys.values().filter_map(Keys::trap_user);
    Access {
        users: users
            .filter_map(|user| {
                user.inspect_err(
                    |error| tracing::error!(%error, "an SNMPv3 user cannot send traps"),
                )
                .ok()
            })
            .collect(),
        communities: keys
            .values()
            .filter_map(Keys::community)
            .chain(communities)
            .map(|community| Bytes::copy_from_slice(community.expose().as_bytes()))
            .collect(),
    }
}

/// Starts the receiver on a thread of its own.
pub(crate) fn spawn(
    config: TrapConfig,
    senders: Arc<RwLock<Senders>>,
    sink: Arc<dyn TrapSink>,
    counters: Arc<TrapCounters>,
) -> Result<SocketAddr, TrapError> {
    let start = |detail: &dyn std::fmt::Display| TrapError::Start {
        bind: config.bind,
        detail: detail.to_string(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| start(&e))?;
    let identity = engine::take_up(&config.state_dir)?;
    let mut known = config.access.clone();
    let port = Port::new(identity, known.borrow_and_update().clone()).map_err(|e| start(&e))?;
    let socket = {
        let _inside = runtime.enter();
        TrapSocket::bind(config.bind).map_err(|e| start(&e))?
    };
    let local = socket.address().map_err(|e| start(&e))?;
    counters
        .receive_buffer_bytes
        .store(socket.granted_bytes as u64, Ordering::Relaxed);
    if socket.granted_bytes < BUFFER_WISHED_BYTES {
        tracing::warn!(
            bytes = socket.granted_bytes,
            "the trap port's receive buffer is small: raise net.core.rmem_max, or a burst of traps is lost"
        );
    } else {
        tracing::info!(
            bytes = socket.granted_bytes,
            "the trap port's receive buffer"
        );
    }
    let receiver = Receiver {
        socket,
        port,
        access: known,
        senders,
        sink,
        counters,
        waiting: Arc::default(),
    };
    std::thread::Builder::new()
        .name("traps".into())
        .spawn(move || runtime.block_on(receiver.run()))
        .map_err(|e| start(&e))?;
    Ok(local)
}

struct Receiver {
    socket: TrapSocket,
    port: Port,
    access: watch::Receiver<Access>,
    senders: Arc<RwLock<Senders>>,
    sink: Arc<dyn TrapSink>,
    counters: Arc<TrapCounters>,
    /// Informs that wait for their commit.
    waiting: Arc<AtomicUsize>,
}

/// An inform whose fate is known.
type Answer = (Commit, Bytes, Way);

impl Receiver {
    async fn run(mut self) {
        // Bounded by INFORMS_WAITING_MAX: every entry was one that waited.
        let (committed, mut answers) = mpsc::unbounded_channel::<Answer>();
        let mut buffer = vec![0; 65_536];
        loop {
            tokio::select! {
                biased;
                Some(answer) = answers.recv() => self.answer(answer),
                Ok(()) = self.access.changed() => {
                    let access = self.access.borrow_and_update().clone();
                    if let Err(error) = self.port.set_access(access) {
                        tracing::error!(%error, "who may send traps stays as it was");
                    }
                }
                ready = self.socket.readable() => {
                    let taken = ready.and_then(|()| self.take(&mut buffer, &committed));
                    if let Err(error) = taken {
                        tracing::warn!(%error, "the trap socket reports an error");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        }
    }

    fn take(
        &mut self,
        buffer: &mut [u8],
        committed: &mpsc::UnboundedSender<Answer>,
    ) -> io::Result<()> {
        for _ in 0..TURN {
            match self.socket.try_receive(buffer) {
                Ok(Some((length, way))) => self.datagram(&buffer[..length], way, committed),
                Ok(None) => self.counters.refuse(Refusal::Malformed),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // An earlier answer found nobody; the port itself is well.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn datagram(&mut self, datagram: &[u8], way: Way, committed: &mpsc::UnboundedSender<Answer>) {
        let Some(device) = known(&self.senders, way.source.ip()) else {
            self.counters.unknown_source.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let datagram = Bytes::copy_from_slice(datagram);
        match self.port.judge(&datagram, way.source, Instant::now()) {
            Decision::Refuse(refusal, report) => {
                tracing::debug!(source = %way.source, refusal = refusal.as_str(), "a datagram on the trap port is refused");
                self.counters.refuse(refusal);
                if let Some(report) = report {
                    let _ = self.socket.try_send(&report, &way);
                }
            }
            Decision::Introduce(report) => {
                self.counters.discoveries.fetch_add(1, Ordering::Relaxed);
                let _ = self.socket.try_send(&report, &way);
            }
            Decision::Trap(mut trap) => {
                self.counters.traps.fetch_add(1, Ordering::Relaxed);
                trap.device = device;
                self.sink.accept(trap);
            }
            Decision::Inform {
                mut trap,
                identity,
                reply,
            } => {
                if self.waiting.fetch_add(1, Ordering::Relaxed) >= INFORMS_WAITING_MAX {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                    self.counters
                        .informs_refused
                        .fetch_add(1, Ordering::Relaxed);
                    return;
                }
                trap.device = device;
                let committed = committed.clone();
                let then = move |commit| drop(committed.send((commit, reply, way)));
                self.sink.commit(trap, identity, Box::new(then));
            }
        }
    }

    fn answer(&self, (commit, reply, way): Answer) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let count = |counter: &AtomicU64| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        match commit {
            Commit::Failed => return count(&self.counters.informs_refused),
            Commit::Repeated => count(&self.counters.repeated),
            Commit::Stored => {}
        }
        count(&self.counters.informs);
        if let Err(error) = self.socket.try_send(&reply, &way) {
            tracing::debug!(%error, to = %way.source, "an acknowledgement was not sent; the inform will come again");
        }
    }
}

/// `Some(device)` for a watched one, `Some(None)` for a sender of an allowed network, `None` for strangers.
fn known(senders: &RwLock<Senders>, source: IpAddr) -> Option<Option<DeviceId>> {
    let source = source.to_canonical();
    let senders = senders
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    match senders.devices.get(&source) {
        Some(device) => Some(Some(device.clone())),
        None => senders
            .networks
            .iter()
            .any(|network| network.contains(&source))
            .then_some(None),
    }
}

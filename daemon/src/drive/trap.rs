//! Traps and informs in. An inform is acknowledged after its commit: the store answers before the library may.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_snmp::notification::{
    Notification, NotificationAcceptance, NotificationEnvelope, NotificationPduClass,
    NotificationReceiver,
};
use async_snmp::v3::{AuthoritativeEngine, PersistedAuthoritativeEngine};
use async_snmp::{SecurityLevel, Version};
use ipnet::IpNet;
use nhipcau_inventory::trap::Trap;
use nhipcau_inventory::{DeviceId, Oid, SnmpVersion};

use super::credential::Keys;
use super::snmp;
use crate::secret::Secret;

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

/// Where notifications go.
pub(crate) trait TrapSink: Send + Sync + 'static {
    /// Stores an inform and returns once it is on disk. `identity` is equal for
    /// repetitions of one inform.
    fn commit(&self, trap: Trap, identity: String) -> Commit;
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
    /// Informs that were stored before and only acknowledged again.
    pub(crate) repeated: AtomicU64,
    /// Informs that could not be stored and were not acknowledged.
    pub(crate) informs_refused: AtomicU64,
    /// Notifications of senders that nobody knows.
    pub(crate) unknown_source: AtomicU64,
    /// Notifications with a community that nobody configured, and SNMPv3 ones without authentication.
    pub(crate) unauthenticated: AtomicU64,
    /// SNMPv3 messages that failed the checks of RFC 3414 §3.2: unknown user, wrong digest, level, time or privacy key.
    pub(crate) v3_refused: AtomicU64,
    /// Notifications that could not be read to the end.
    pub(crate) malformed: AtomicU64,
}

/// How the receiver is set up.
pub(crate) struct TrapConfig {
    /// Socket.
    pub(crate) bind: SocketAddr,
    /// Directory that keeps the SNMP engine's identity and boots (RFC 3414 §2.2).
    pub(crate) state_dir: PathBuf,
    /// Communities beyond those of the credentials.
    pub(crate) communities: Vec<Secret>,
}

/// Why traps cannot be received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrapError {
    /// The socket, mostly: taken, or a port that needs a privilege.
    #[error("traps on {bind}: {detail}")]
    Start {
        /// The socket.
        bind: SocketAddr,
        /// What the library said.
        detail: String,
    },
    /// The engine's state cannot be kept.
    #[error("{path}: {source}")]
    Engine {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Starts the receiver on a thread of its own: it waits for commits.
pub(crate) fn spawn(
    config: TrapConfig,
    keys: &HashMap<String, Keys>,
    senders: Arc<RwLock<Senders>>,
    sink: Arc<dyn TrapSink>,
    counters: Arc<TrapCounters>,
) -> Result<SocketAddr, TrapError> {
    let start = |detail: String| TrapError::Start {
        bind: config.bind,
        detail,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| start(e.to_string()))?;
    let mut builder = NotificationReceiver::builder().bind(config.bind.to_string());
    let users: Vec<_> = keys
        .values()
        .filter_map(Keys::usm_user)
        .filter_map(Result::ok)
        .collect();
    if !users.is_empty() {
        builder = builder.authoritative_engine(engine(&config.state_dir)?);
    }
    for (name, user) in users {
        builder = builder
            .usm_user(name.into_bytes(), |_| Ok(user))
            .map_err(|e| start(e.to_string()))?;
    }
    let communities: Vec<Secret> = keys
        .values()
        .filter_map(Keys::community)
        .chain(&config.communities)
        .cloned()
        .collect();
    let receiver = {
        let (sink, counters, senders) = (sink.clone(), counters.clone(), senders.clone());
        // The library would drop foreign communities by itself, and nobody could count them.
        builder = builder.acceptance_policy(move |envelope: &NotificationEnvelope<'_>| {
            if judge(envelope, &communities, &senders, &*sink, &counters) {
                NotificationAcceptance::Accept
            } else {
                NotificationAcceptance::Reject
            }
        });
        runtime
            .block_on(builder.build())
            .map_err(|e| start(e.to_string()))?
    };
    let local = receiver.local_addr();
    std::thread::Builder::new()
        .name("traps".into())
        .spawn(move || {
            runtime.block_on(async {
                // Neither ends before the daemon does.
                tokio::select! {
                    () = receive(&receiver, senders, sink, &counters) => {}
                    () = follow_library(&receiver, &counters) => {}
                }
            });
        })
        .map_err(|e| start(e.to_string()))?;
    Ok(local)
}

/// Decides before the library acknowledges. An inform is committed here, so that its acknowledgement can only follow.
fn judge(
    envelope: &NotificationEnvelope<'_>,
    communities: &[Secret],
    senders: &RwLock<Senders>,
    sink: &dyn TrapSink,
    counters: &TrapCounters,
) -> bool {
    let Some(device) = known(senders, envelope.source.ip()) else {
        return count(&counters.unknown_source);
    };
    let proven = match envelope.notification() {
        Notification::TrapV1 { community, .. }
        | Notification::TrapV2c { community, .. }
        | Notification::InformV2c { community, .. } => communities
            .iter()
            .any(|known| community.matches(known.expose())),
        _ => envelope
            .security_level
            .is_some_and(|level| level != SecurityLevel::NoAuthNoPriv),
    };
    if !proven {
        return count(&counters.unauthenticated);
    }
    if envelope.pdu_class == NotificationPduClass::Trap {
        return true;
    }
    let Some(trap) = trap(envelope.notification(), envelope.source, device, true) else {
        return count(&counters.malformed);
    };
    // A repetition has the same request id (RFC 3416 §4.1), also when SNMPv3 gives it a new message id.
    let identity = format!(
        "{}/{}/{}/{}",
        envelope.source,
        envelope.request_id.unwrap_or_default(),
        trap.uptime_ticks,
        trap.trap_oid
    );
    match sink.commit(trap, identity) {
        Commit::Failed => return count(&counters.informs_refused),
        Commit::Repeated => drop(count(&counters.repeated)),
        Commit::Stored => {}
    }
    counters.informs.fetch_add(1, Ordering::Relaxed);
    true
}

fn count(counter: &AtomicU64) -> bool {
    counter.fetch_add(1, Ordering::Relaxed);
    false
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

async fn receive(
    receiver: &NotificationReceiver,
    senders: Arc<RwLock<Senders>>,
    sink: Arc<dyn TrapSink>,
    counters: &TrapCounters,
) {
    loop {
        match receiver.recv().await {
            // An inform is with the sink since before its acknowledgement.
            Ok(received) if received.inform_ack.is_some() => {}
            Ok(received) => {
                let device = known(&senders, received.source.ip()).flatten();
                match trap(&received.notification, received.source, device, false) {
                    Some(trap) => {
                        counters.traps.fetch_add(1, Ordering::Relaxed);
                        sink.accept(trap);
                    }
                    None => drop(count(&counters.malformed)),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the trap socket reports an error");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Copies what the library counts by itself. Unknown engines are left out: every first inform begins with one (RFC 3414 §4).
async fn follow_library(receiver: &NotificationReceiver, counters: &TrapCounters) {
    let mut look = tokio::time::interval(Duration::from_secs(1));
    loop {
        look.tick().await;
        let refused = [
            receiver.usm_unknown_usernames(),
            receiver.usm_wrong_digests(),
            receiver.usm_not_in_time_windows(),
            receiver.usm_unsupported_sec_levels(),
            receiver.usm_decryption_errors(),
        ];
        counters
            .v3_refused
            .store(refused.into_iter().map(u64::from).sum(), Ordering::Relaxed);
    }
}

fn trap(
    notification: &Notification,
    source: SocketAddr,
    device: Option<DeviceId>,
    inform: bool,
) -> Option<Trap> {
    let principal = match notification {
        Notification::TrapV3 { username, .. } | Notification::InformV3 { username, .. } => {
            String::from_utf8_lossy(username).into_owned()
        }
        // A community is a secret: it proves the sender and is forgotten.
        _ => String::new(),
    };
    Some(Trap {
        device,
        source: source.ip().to_canonical(),
        version: match notification.version() {
            Version::V1 => SnmpVersion::V1,
            Version::V3 => SnmpVersion::V3,
            _ => SnmpVersion::V2c,
        },
        principal: principal.into(),
        trap_oid: Oid::from_arcs(notification.trap_oid().ok()?.arcs()).ok()?,
        uptime_ticks: notification.uptime(),
        varbinds: snmp::varbinds(notification.varbinds())?,
        inform,
    })
}

/// Our own SNMP engine: one identity for ever, its boots counted and stored before use.
fn engine(state_dir: &Path) -> Result<AuthoritativeEngine, TrapError> {
    let path = state_dir.join("snmp-engine");
    let failed = |source: std::io::Error| TrapError::Engine {
        path: path.clone(),
        source,
    };
    let stored = match std::fs::read_to_string(&path) {
        Ok(text) => Some(parse_engine(&text).ok_or_else(|| {
            failed(std::io::Error::other(
                "is not an engine's state; remove the file to get a new identity",
            ))
        })?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let target = path.clone();
    let persist = move |state: &PersistedAuthoritativeEngine| -> std::io::Result<()> {
        let id: String = state
            .engine_id()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let temporary = target.with_extension("new");
        let _ = std::fs::remove_file(&temporary);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(format!("{id} {}\n", state.engine_boots()).as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, &target)
    };
    match stored {
        Some(previous) => AuthoritativeEngine::restart(previous, persist),
        None => async_snmp::v3::generate_engine_id()
            .and_then(|id| AuthoritativeEngine::install(id, persist)),
    }
    .map_err(|error| failed(std::io::Error::other(error.to_string())))
}

fn parse_engine(text: &str) -> Option<PersistedAuthoritativeEngine> {
    let (id, boots) = text.trim().split_once(' ')?;
    let bytes: Option<Vec<u8>> = (0..id.len() / 2)
        .map(|i| u8::from_str_radix(id.get(2 * i..2 * i + 2)?, 16).ok())
        .collect();
    PersistedAuthoritativeEngine::new(bytes?, boots.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_keeps_its_identity_and_counts_its_boots() {
        let dir = tempfile::tempdir().unwrap();
        let first = engine(dir.path()).unwrap();
        let second = engine(dir.path()).unwrap();
        assert_eq!(first.engine_id(), second.engine_id());
        assert_eq!(second.engine_boots(), first.engine_boots() + 1);
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(dir.path().join("snmp-engine"))
                .unwrap()
                .permissions(),
        );
        assert_eq!(mode & 0o777, 0o600, "who knows boots and identity replays");
    }

    #[test]
    fn a_damaged_engine_file_is_named_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("snmp-engine"), "nonsense").unwrap();
        let error = engine(dir.path()).err().unwrap().to_string();
        assert!(error.contains("snmp-engine"), "{error}");
    }
}

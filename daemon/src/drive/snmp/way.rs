//! The way to one device by one credential: sockets, sessions, one question and its answer, and what an error means.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_snmp::transport::{UdpHandle, UdpTransport};
use async_snmp::v3::ReportStatus;
use async_snmp::{Client, Error, ErrorStatus, Retry};
use nhipcau_inventory::poller::{Context, FetchError, Op, Request};
use nhipcau_inventory::{Value, Varbind};

use crate::drive::credential::Keys;

/// Receive buffer asked for on each socket: 64 answers of 64 KB, so that a burst survives one scheduling delay.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// Largest datagram that SNMP over UDP can carry; the library's default of 1,472 cuts GETBULK answers of SNMPv3.
const DATAGRAM_BYTES_MAX: usize = 65_507;

pub(in crate::drive) async fn bind(sockets: usize) -> std::io::Result<Transports> {
    let mut transports = Transports {
        v4: Vec::new(),
        v6: Vec::new(),
    };
    for _ in 0..sockets.max(1) {
        transports.v4.push(transport("0.0.0.0:0").await?);
        // A machine without IPv6 still watches its IPv4 devices.
        if let Ok(socket) = transport("[::]:0").await {
            transports.v6.push(socket);
        }
    }
    Ok(transports)
}

async fn transport(address: &str) -> std::io::Result<UdpTransport> {
    UdpTransport::builder()
        .bind(address)
        .receive_capacity(DATAGRAM_BYTES_MAX)
        .recv_buffer_size(RECEIVE_BUFFER_BYTES)
        .build()
        .await
        .map_err(std::io::Error::other)
}

pub(in crate::drive) struct Transports {
    v4: Vec<UdpTransport>,
    v6: Vec<UdpTransport>,
}

impl Transports {
    pub(in crate::drive) fn of(&self, address: SocketAddr) -> Option<&UdpTransport> {
        let family = if address.is_ipv4() {
            &self.v4
        } else {
            &self.v6
        };
        let spread = usize::from(address.port()).wrapping_add(match address {
            SocketAddr::V4(a) => a.ip().octets().iter().map(|b| usize::from(*b)).sum(),
            SocketAddr::V6(a) => a.ip().octets().iter().map(|b| usize::from(*b)).sum(),
        });
        family.get(spread % family.len().max(1))
    }
}

/// A device by one credential.
#[derive(Clone)]
pub(in crate::drive) struct Way {
    pub(in crate::drive) client: Client<UdpHandle>,
    /// The same user without keys. That a device does not know a user or a password it says unauthenticated (RFC 3414 §3.2), and the library
    /// hears such words only where nothing was to be authenticated.
    keyless: Option<Client<UdpHandle>>,
    /// Whether the keys were taken once: from then on silence is silence.
    proven: Arc<AtomicBool>,
}

impl Way {
    /// A device at that address by these keys; nothing is sent yet.
    pub(in crate::drive) async fn open(
        address: SocketAddr,
        keys: &Keys,
        context: Option<Context>,
        timeout: Duration,
        transport: &UdpTransport,
    ) -> Result<Self, FetchError> {
        let refused = |detail: String| FetchError::Unreachable(detail);
        let build = async |auth| {
            Client::builder(address, auth)
                .request_timeout(timeout)
                .retry(Retry::none())
                .build_with(transport)
                .await
                .map_err(|error| refused(error.to_string()))
        };
        let auth = keys
            .auth(context)
            .map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            client: build(auth).await?,
            keyless: match keys.keyless() {
                // Silence about one context says nothing about the user.
                Some(auth) if context.is_none() => Some(build(auth).await?),
                _ => None,
            },
            proven: Arc::default(),
        })
    }

    /// One question and its answer, without any repetition.
    pub(in crate::drive) async fn ask(
        &self,
        op: Op,
        oids: &[nhipcau_inventory::Oid],
    ) -> Result<Vec<Varbind>, FetchError> {
        let oids: Vec<async_snmp::Oid> = oids
            .iter()
            .map(|oid| async_snmp::Oid::new(oid.arcs()))
            .collect();
        let answer = match op {
            Op::Get => self.client.get_many(&oids).await.map(|r| r.varbinds),
            Op::GetNext => self.client.get_next_many(&oids).await.map(|r| r.varbinds),
            Op::GetBulk { max_repetitions } => {
                self.client.get_bulk(&oids, 0, max_repetitions).await
            }
        };
        match answer {
            Ok(varbinds) => {
                self.proven.store(true, Ordering::Relaxed);
                varbinds.into_iter().map(varbind).collect()
            }
            Err(error) => Err(fetch_error(&error)),
        }
    }

    /// What silence means, as far as the device says so to the same user without keys.
    pub(in crate::drive) async fn silence(&self) -> FetchError {
        let Some(keyless) = self
            .keyless
            .as_ref()
            .filter(|_| !self.proven.load(Ordering::Relaxed))
        else {
            return FetchError::Timeout;
        };
        // sysUpTime.0
        let answer = keyless
            .get_many(&[async_snmp::Oid::new([1, 3, 6, 1, 2, 1, 1, 3, 0])])
            .await;
        match answer.map_err(|error| fetch_error(&error)) {
            Err(FetchError::Timeout | FetchError::Unreachable(_)) => FetchError::Timeout,
            Err(FetchError::V3UnknownUser) => FetchError::V3UnknownUser,
            // It knows the user, whatever it lets the keyless one read: it is our keys that it does not take.
            Ok(_) | Err(_) => FetchError::V3WrongDigest,
        }
    }
}

pub(super) async fn fetch(way: &Way, request: Request) -> Result<Vec<Varbind>, FetchError> {
    let client = &way.client;
    match way.ask(request.op, &request.oids).await {
        Ok(varbinds) => Ok(varbinds),
        Err(error) => {
            // A restarted agent has a new engine or new boots, and the library asks for neither by itself.
            if client.version() == async_snmp::Version::V3
                && matches!(
                    error,
                    FetchError::Timeout
                        | FetchError::V3UnknownEngine
                        | FetchError::V3NotInTimeWindow
                )
            {
                let _ = client.rediscover_engine().await;
            }
            if matches!(error, FetchError::Timeout) {
                return Err(way.silence().await);
            }
            Err(error)
        }
    }
}

pub(crate) fn varbind(received: async_snmp::VarBind) -> Result<Varbind, FetchError> {
    nhipcau_wire::binding(received).map_err(|error| FetchError::Malformed(error.to_string()))
}

pub(crate) fn fetch_error(error: &Error) -> FetchError {
    match error {
        Error::SharedOperation { source } => fetch_error(source),
        Error::Exchange { source, .. } => fetch_error(source),
        Error::Timeout { .. } | Error::ConstructionTimeout { .. } => FetchError::Timeout,
        Error::Network { source, .. } => FetchError::Unreachable(source.to_string()),
        Error::Snmp {
            status: ErrorStatus::TooBig,
            ..
        } => FetchError::TooBig,
        Error::Snmp {
            status: ErrorStatus::NoSuchName,
            ..
        } => FetchError::NoSuchName,
        Error::Snmp { .. } => FetchError::GenErr,
        Error::Auth { .. } => FetchError::V3WrongDigest,
        Error::Report { status, .. } => match **status {
            ReportStatus::UnsupportedSecurityLevel { .. } => FetchError::V3UnsupportedLevel,
            ReportStatus::NotInTimeWindow { .. } => FetchError::V3NotInTimeWindow,
            ReportStatus::UnknownUserName { .. } => FetchError::V3UnknownUser,
            ReportStatus::UnknownEngineId { .. } => FetchError::V3UnknownEngine,
            ReportStatus::WrongDigest { .. } => FetchError::V3WrongDigest,
            ReportStatus::DecryptionError { .. } => FetchError::V3Decryption,
            _ => FetchError::Malformed(error.to_string()),
        },
        other => FetchError::Malformed(other.to_string()),
    }
}

/// The library does not tell a datagram's size: names and values with their headers come close.
pub(super) fn size_estimate(varbind: &Varbind) -> usize {
    let value = match &varbind.value {
        Value::OctetString(bytes) | Value::Opaque(bytes) => bytes.len(),
        Value::Oid(oid) => oid.len(),
        _ => 4,
    };
    varbind.oid.len() + value + 6
}

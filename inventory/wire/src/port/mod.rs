//! The trap port: one datagram in, one decision out. Who may send by address is the caller's business; here it is proven by
//! community or by SNMPv3 (RFC 3414 §3.2), and an inform's acknowledgement is ready before anybody asks for it.

mod engines;
mod reply;
mod usm;

use std::net::SocketAddr;
use std::time::Instant;

use async_snmp::message::{CommunityMessage, CommunityPdu};
use async_snmp::{DecodeConfig, Pdu, PduType, Version};
use bytes::Bytes;
use nhipcau_inventory::trap::{Trap, split_v2, trap_oid_of_v1};
use nhipcau_inventory::{Oid, SnmpVersion};

pub use self::engines::{Identity, RECENT_MAX, REMOTE_ENGINES_MAX};
pub use self::usm::{User, UserError};

/// Variables of one notification that are kept; real ones carry a dozen, a datagram has room for thousands.
pub const VARIABLES_MAX: usize = 64;

/// Why a datagram was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// No SNMP message, or one that cannot be read to its end.
    Malformed,
    /// SNMP, but neither trap nor inform.
    NotNotification,
    /// A community that nobody configured, or SNMPv3 without authentication.
    Unauthenticated,
    /// SNMPv3: nobody knows the user.
    UnknownUser,
    /// SNMPv3: the digest is wrong or has another length than its protocol's.
    WrongDigest,
    /// SNMPv3: boots or time of an earlier moment, or the same message once more.
    NotInTimeWindow,
    /// SNMPv3: an inform for another engine than ours, or an engine ID that is none.
    UnknownEngine,
    /// SNMPv3: the user has no key for privacy.
    UnsupportedLevel,
    /// SNMPv3: it cannot be decrypted.
    Decryption,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Malformed,
        Self::NotNotification,
        Self::Unauthenticated,
        Self::UnknownUser,
        Self::WrongDigest,
        Self::NotInTimeWindow,
        Self::UnknownEngine,
        Self::UnsupportedLevel,
        Self::Decryption,
    ];

    /// As metrics and the log name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotNotification => "not_notification",
            Self::Unauthenticated => "unauthenticated",
            Self::UnknownUser => "v3_unknown_user",
            Self::WrongDigest => "v3_wrong_digest",
            Self::NotInTimeWindow => "v3_not_in_time_window",
            Self::UnknownEngine => "v3_unknown_engine",
            Self::UnsupportedLevel => "v3_unsupported_level",
            Self::Decryption => "v3_decryption",
        }
    }
}

/// What to do with a datagram.
#[derive(Debug)]
pub enum Decision {
    /// Count it; where there is a report, send it: it tells an honest sender what is wrong (RFC 3412 §7.1 (3)).
    Refuse(Refusal, Option<Bytes>),
    /// The sender of an inform asks for our engine's identity and time (RFC 3414 §4): send this and count nothing.
    Introduce(Bytes),
    /// A trap.
    Trap(Trap),
    /// An inform: store it, then send the acknowledgement.
    Inform {
        /// What it says.
        trap: Trap,
        /// Equal for repetitions of one inform.
        identity: String,
        /// The acknowledgement.
        reply: Bytes,
    },
}

/// Who may send.
#[derive(Debug, Default, Clone)]
pub struct Access {
    /// Communities of v1 and v2c.
    pub communities: Vec<Bytes>,
    /// SNMPv3 users.
    pub users: Vec<User>,
}

/// The trap port.
pub struct Port {
    access: Access,
    usm: usm::Usm,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port").finish_non_exhaustive()
    }
}

impl Port {
    /// A port with our engine's identity.
    ///
    /// # Errors
    /// When the system has no entropy for the salts of encrypted acknowledgements.
    pub fn new(identity: Identity, access: Access) -> Result<Self, UserError> {
        let mut usm = usm::Usm::new(identity)?;
        usm.set_users(&access.users)?;
        Ok(Self { access, usm })
    }

    /// Other communities and users from now on. What engines are known, and their times, stays.
    ///
    /// # Errors
    /// As [`Port::new`]; then the former ones stay.
    pub fn set_access(&mut self, access: Access) -> Result<(), UserError> {
        self.usm.set_users(&access.users)?;
        self.access = access;
        Ok(())
    }

    /// Judges one datagram.
    pub fn judge(&mut self, datagram: &Bytes, source: SocketAddr, now: Instant) -> Decision {
        let judged = match version(datagram) {
            Some(Version::V3) => self.usm.judge(datagram, source, now),
            Some(_) => self.community(datagram, source),
            None => Err((Refusal::Malformed, None)),
        };
        judged.unwrap_or_else(|(refusal, report)| Decision::Refuse(refusal, report))
    }

    fn community(&self, datagram: &Bytes, source: SocketAddr) -> Judged {
        let message = CommunityMessage::decode(datagram.clone(), DecodeConfig::DEFAULT)
            .map_err(|_| (Refusal::Malformed, None))?
            .value;
        // Each comparison takes the same time, and all are made.
        let known = self
            .access
            .communities
            .iter()
            .fold(false, |known, c| known | message.community().matches(c));
        if !known {
            return Err((Refusal::Unauthenticated, None));
        }
        let version = message.version();
        let (_, community, pdu) = message.into_parts();
        match pdu {
            CommunityPdu::TrapV1(pdu) => {
                let enterprise = crate::name(pdu.enterprise()).map_err(malformed)?;
                Ok(Decision::Trap(Trap {
                    trap_oid: trap_oid_of_v1(
                        &enterprise,
                        pdu.generic_trap().as_i32().into(),
                        pdu.specific_trap().into(),
                    ),
                    uptime_ticks: pdu.time_stamp(),
                    varbinds: crate::bindings(kept(pdu.varbinds())).map_err(malformed)?,
                    ..blank(source, SnmpVersion::V1)
                }))
            }
            CommunityPdu::Standard(pdu) if version == Version::V2c => {
                let trap = notification(&pdu, blank(source, SnmpVersion::V2c))?;
                if !trap.inform {
                    return Ok(Decision::Trap(trap));
                }
                Ok(Decision::Inform {
                    identity: identity(source, pdu.request_id(), &trap),
                    reply: reply::community(community, &pdu).ok_or((Refusal::Malformed, None))?,
                    trap,
                })
            }
            CommunityPdu::Standard(_) => Err((Refusal::NotNotification, None)),
        }
    }
}

/// A decision, or a refusal with its report.
type Judged = Result<Decision, (Refusal, Option<Bytes>)>;

fn malformed<E>(_: E) -> (Refusal, Option<Bytes>) {
    (Refusal::Malformed, None)
}

/// The version of a message without decoding the rest: `SEQUENCE { INTEGER version …`.
fn version(datagram: &Bytes) -> Option<Version> {
    let mut decoder = async_snmp::ber::Decoder::new(datagram.clone());
    match decoder.read_sequence().ok()?.read_integer().ok()? {
        0 => Some(Version::V1),
        1 => Some(Version::V2c),
        3 => Some(Version::V3),
        _ => None,
    }
}

fn kept(varbinds: &[async_snmp::VarBind]) -> &[async_snmp::VarBind] {
    // Two more: uptime and the notification's name come first.
    &varbinds[..varbinds.len().min(VARIABLES_MAX + 2)]
}

/// A notification that says nothing yet. A community is a secret: it proves the sender and is forgotten.
fn blank(source: SocketAddr, version: SnmpVersion) -> Trap {
    Trap {
        device: None,
        source: source.ip().to_canonical(),
        version,
        principal: "".into(),
        trap_oid: Oid::default(),
        uptime_ticks: 0,
        varbinds: Vec::new(),
        inform: false,
    }
}

/// Fills a notification from a v2 PDU.
fn notification(pdu: &Pdu, blank: Trap) -> Result<Trap, (Refusal, Option<Bytes>)> {
    let inform = match pdu.pdu_type() {
        PduType::TrapV2 => false,
        PduType::InformRequest => true,
        _ => return Err((Refusal::NotNotification, None)),
    };
    let varbinds = crate::bindings(kept(pdu.varbinds())).map_err(malformed)?;
    let (uptime_ticks, trap_oid, varbinds) =
        split_v2(varbinds).ok_or((Refusal::Malformed, None))?;
    Ok(Trap {
        trap_oid,
        uptime_ticks,
        varbinds,
        inform,
        ..blank
    })
}

/// A repetition has the same request id (RFC 3416 §4.1), also when SNMPv3 gives it a new message id.
fn identity(source: SocketAddr, request_id: i32, trap: &Trap) -> String {
    format!(
        "{source}/{request_id}/{}/{}",
        trap.uptime_ticks, trap.trap_oid
    )
}

#[cfg(test)]
mod tests;

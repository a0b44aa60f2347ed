//! SNMPv3 in: the checks of RFC 3414 §3.2, in their order. For an inform we are the authoritative engine, for a trap its sender is.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use async_snmp::ber::Decoder;
use async_snmp::message::{RawMsgData, RawV3Message, ScopedPdu};
use async_snmp::v3::auth::verify_message;
use async_snmp::v3::{
    DesSaltState, PersistedDesSaltState, SaltCounter, UsmSecurityParams,
    in_authoritative_time_window, report_oids, validate_engine_id,
};
use async_snmp::{AuthProtocol, DecodeConfig, MasterKeys, PrivProtocol, SecurityLevel};
use bytes::Bytes;
use nhipcau_inventory::SnmpVersion;
use nhipcau_inventory::trap::Trap;

use super::engines::{Identity, Remotes};
use super::reply::{self, Head, Keys, Salts};
use super::{Decision, Judged, Refusal, blank, identity, malformed, notification};

/// Why a user's keys cannot be used.
#[derive(Debug)]
pub struct UserError(String);

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UserError {}

impl UserError {
    fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A user that can prove itself; its keys are made from the passwords once, which hashes a megabyte each.
#[derive(Debug, Clone)]
pub struct User {
    name: Bytes,
    keys: MasterKeys,
}

impl User {
    /// A user with authentication and, with `privacy`, encryption.
    ///
    /// # Errors
    /// A password shorter than eight bytes (RFC 3414 §11.2).
    pub fn new(
        name: &str,
        auth: (AuthProtocol, &str),
        privacy: Option<(PrivProtocol, &str)>,
    ) -> Result<Self, UserError> {
        let mut keys = MasterKeys::new(auth.0, auth.1.as_bytes()).map_err(UserError::of)?;
        if let Some((protocol, password)) = privacy {
            keys = keys
                .with_privacy(protocol, password.as_bytes())
                .map_err(UserError::of)?;
        }
        Ok(Self {
            name: Bytes::copy_from_slice(name.as_bytes()),
            keys,
        })
    }
}

/// A counter of usmStats (RFC 3414 §5), in the order of its last arc.
#[derive(Clone, Copy)]
enum Stat {
    UnsupportedLevel,
    NotInTimeWindow,
    UnknownUser,
    UnknownEngine,
    WrongDigest,
    Decryption,
}

/// The user-based security model of the trap port.
pub(super) struct Usm {
    identity: Identity,
    users: HashMap<Bytes, User>,
    remotes: Remotes,
    salts: Salts,
    stats: [u32; 6],
}

/// A message between its outer decoding and its proof.
struct Envelope {
    message: RawV3Message,
    parameters: UsmSecurityParams,
    now: Instant,
}

impl Usm {
    pub(super) fn new(identity: Identity) -> Result<Self, UserError> {
        // Our boots are stored before they are used, and a DES salt begins with them (RFC 3414 §8.1.1.1): that is all the state it needs.
        let before = PersistedDesSaltState::new(identity.boots.saturating_sub(1).max(1))
            .map_err(UserError::of)?;
        let kept = |_: &PersistedDesSaltState| Ok::<(), Infallible>(());
        let des = match identity.boots {
            1 => DesSaltState::install(kept),
            _ => DesSaltState::restart(before, kept),
        };
        Ok(Self {
            identity,
            users: HashMap::new(),
            remotes: Remotes::default(),
            salts: Salts {
                aes: SaltCounter::new().map_err(UserError::of)?,
                des: des.map_err(UserError::of)?,
            },
            stats: [0; 6],
        })
    }

    pub(super) fn set_users(&mut self, users: &[User]) -> Result<(), UserError> {
        for user in users {
            user.keys
                .localize(&self.identity.id)
                .map_err(UserError::of)?;
        }
        self.users = users
            .iter()
            .map(|user| (user.name.clone(), user.clone()))
            .collect();
        Ok(())
    }

    pub(super) fn judge(&mut self, datagram: &Bytes, source: SocketAddr, now: Instant) -> Judged {
        // What follows a signed message is nobody's word.
        let mut config = DecodeConfig::DEFAULT;
        config.trailing_bytes = false;
        let message = RawV3Message::decode(datagram.clone(), config)
            .map_err(malformed)?
            .value;
        let parameters = UsmSecurityParams::decode(message.security_params().clone(), config)
            .map_err(malformed)?
            .value;
        let envelope = Envelope {
            message,
            parameters,
            now,
        };
        let reportable = envelope.message.global_data().msg_flags().reportable;
        if envelope.parameters.engine_id().is_empty() && reportable {
            let (refusal, report) = self.fail(Stat::UnknownEngine, &envelope, None);
            return report.map(Decision::Introduce).ok_or((refusal, None));
        }
        let (keys, local) = self.prove(datagram, &envelope)?;
        let scoped = self.open(&envelope, &keys)?;
        let blank = Trap {
            principal: String::from_utf8_lossy(envelope.parameters.username())
                .as_ref()
                .into(),
            ..blank(source, SnmpVersion::V3)
        };
        let trap = notification(&scoped.pdu, blank)?;
        if !trap.inform {
            if self.remotes.is_copy(datagram, now) {
                return Err((Refusal::NotInTimeWindow, None));
            }
            return Ok(Decision::Trap(trap));
        }
        if !local {
            return Err(self.fail(Stat::UnknownEngine, &envelope, None));
        }
        let head = self.head(&envelope, envelope.message.security_level());
        let sender_bytes_max = envelope.message.global_data().msg_max_size();
        let reply = reply::acknowledge(&head, &scoped, sender_bytes_max, &keys, &self.salts)
            .ok_or((Refusal::Malformed, None))?;
        Ok(Decision::Inform {
            identity: identity(source, scoped.pdu.request_id(), &trap),
            trap,
            reply,
        })
    }

    /// Steps 3 to 7: the keys of a message that is what it says, and whether it speaks to our own engine.
    fn prove(
        &mut self,
        datagram: &Bytes,
        envelope: &Envelope,
    ) -> Result<(Keys, bool), (Refusal, Option<Bytes>)> {
        let parameters = &envelope.parameters;
        let engine = parameters.engine_id();
        let local = *engine == self.identity.id;
        let reportable = envelope.message.global_data().msg_flags().reportable;
        // Who wants an answer must know to whom it speaks; a trap speaks for its sender's engine.
        if validate_engine_id(engine).is_err() || (reportable && !local) {
            return Err(self.fail(Stat::UnknownEngine, envelope, None));
        }
        let Some(user) = self.users.get(parameters.username()) else {
            return Err(self.fail(Stat::UnknownUser, envelope, None));
        };
        let level = envelope.message.security_level();
        if !level.requires_auth() {
            return Err((Refusal::Unauthenticated, None));
        }
        let (auth, privacy) = user.keys.localize(engine).map_err(malformed)?;
        if level == SecurityLevel::AuthPriv && privacy.is_none() {
            return Err(self.fail(Stat::UnsupportedLevel, envelope, None));
        }
        let proven =
            UsmSecurityParams::find_auth_params_offset(datagram).is_some_and(|(at, length)| {
                // A digest cut short would be a guess away (CVE-2008-0960).
                length == auth.mac_len()
                    && verify_message(&auth, datagram, at, length).unwrap_or(false)
            });
        if !proven {
            return Err(self.fail(Stat::WrongDigest, envelope, None));
        }
        let (boots, time) = (parameters.engine_boots(), parameters.engine_time());
        if local {
            let (our_boots, our_time) = self.identity.boots_time(envelope.now);
            if !in_authoritative_time_window(our_boots, our_time, boots, time) {
                return Err(self.fail(Stat::NotInTimeWindow, envelope, Some(&auth)));
            }
        } else if !self.remotes.is_timely(engine, boots, time, envelope.now) {
            return Err((Refusal::NotInTimeWindow, None));
        }
        Ok((Keys { auth, privacy }, local))
    }

    /// Step 8: the scoped PDU, decrypted.
    fn open(
        &mut self,
        envelope: &Envelope,
        keys: &Keys,
    ) -> Result<ScopedPdu, (Refusal, Option<Bytes>)> {
        let parameters = &envelope.parameters;
        let (plain, padding_max) = match envelope.message.msg_data() {
            RawMsgData::Plaintext { data, .. } => (data.clone(), 0),
            RawMsgData::Encrypted(data) => {
                let opened = keys.privacy.as_ref().map(|key| {
                    let opened = key.decrypt(
                        data,
                        parameters.engine_boots(),
                        parameters.engine_time(),
                        parameters.priv_params(),
                    );
                    (key.protocol(), opened)
                });
                match opened {
                    // DES works on blocks of eight.
                    Some((PrivProtocol::Des | PrivProtocol::Des3, Ok(plain))) => (plain, 7),
                    Some((_, Ok(plain))) => (plain, 0),
                    _ => return Err(self.fail(Stat::Decryption, envelope, None)),
                }
            }
        };
        let mut decoder = Decoder::new(plain);
        let scoped = ScopedPdu::decode(&mut decoder).ok();
        let whole = decoder.remaining() <= padding_max;
        match scoped {
            Some(scoped) if whole => Ok(scoped),
            // A wrong privacy password makes noise, not an error.
            _ if padding_max > 0 || envelope.message.security_level().requires_priv() => {
                Err(self.fail(Stat::Decryption, envelope, None))
            }
            _ => Err((Refusal::Malformed, None)),
        }
    }

    /// Counts a failure and, where the sender can use one, makes its report.
    fn fail(
        &mut self,
        stat: Stat,
        envelope: &Envelope,
        auth: Option<&async_snmp::LocalizedKey>,
    ) -> (Refusal, Option<Bytes>) {
        let count = &mut self.stats[stat as usize];
        *count = count.wrapping_add(1);
        let count = *count;
        let (refusal, counter) = match stat {
            Stat::UnsupportedLevel => (
                Refusal::UnsupportedLevel,
                report_oids::unsupported_sec_levels(),
            ),
            Stat::NotInTimeWindow => (Refusal::NotInTimeWindow, report_oids::not_in_time_windows()),
            Stat::UnknownUser => (Refusal::UnknownUser, report_oids::unknown_user_names()),
            Stat::UnknownEngine => (Refusal::UnknownEngine, report_oids::unknown_engine_ids()),
            Stat::WrongDigest => (Refusal::WrongDigest, report_oids::wrong_digests()),
            Stat::Decryption => (Refusal::Decryption, report_oids::decryption_errors()),
        };
        if !envelope.message.global_data().msg_flags().reportable {
            return (refusal, None);
        }
        let level = match auth {
            Some(_) => SecurityLevel::AuthNoPriv,
            None => SecurityLevel::NoAuthNoPriv,
        };
        let head = self.head(envelope, level);
        (refusal, reply::report(&head, counter, count, auth))
    }

    fn head(&self, envelope: &Envelope, level: SecurityLevel) -> Head {
        Head {
            message_id: envelope.message.msg_id(),
            level,
            engine: self.identity.id.clone(),
            boots_time: self.identity.boots_time(envelope.now),
            user: envelope.parameters.username().clone(),
        }
    }
}

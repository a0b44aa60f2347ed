//! SNMPv3 with the user-based security model (RFC 3414), authPriv with SHA-256 (RFC 7860) and AES-128 (RFC 3826),
//! as the authoritative side of one engine.
//!
//! Departures: lower security levels than authPriv are refused with usmStatsUnsupportedSecLevels, also where the
//! user could authenticate without privacy; of contexts those of VLANs are told apart.

use std::sync::atomic::{AtomicU32, Ordering};

use async_snmp::ber::Decoder;
use async_snmp::message::{RawMsgData, RawV3Message};
use async_snmp::v3::auth::{authenticate_message, verify_message};
use async_snmp::v3::{PrivKey, SaltCounter, TIME_WINDOW, UsmSecurityParams};
use async_snmp::{AuthProtocol, DecodeConfig, LocalizedKey, MasterKey, PrivProtocol};
use bytes::Bytes;

use crate::agent::{Agent, RESPONSE, Request};
use crate::ber::{self, Bound};
use crate::config::LabUser;
use crate::device::Reading;
use crate::error::LabError;

const REPORT: u8 = 0xa8;
const FLAG_AUTH: u8 = 1;
const FLAG_AUTH_PRIV: u8 = 3;
const FLAG_REPORTABLE: u8 = 4;
const MAC_BYTES: usize = 24;
/// Room that a v3 message takes beside its bindings, without names: headers, integers, digest, salt.
const ENVELOPE_BYTES: usize = 140;
const RECEIVE_BYTES_MAX: i64 = 65_507;

/// The last arc of a usmStats counter, 1.3.6.1.6.3.15.1.1.X.0.
#[derive(Clone, Copy, Debug)]
enum Stat {
    UnsupportedSecLevels = 1,
    NotInTimeWindows,
    UnknownUserNames,
    UnknownEngineIds,
    WrongDigests,
    DecryptionErrors,
}

/// The keys of the lab's user, before they are tied to an engine: deriving them hashes a megabyte each.
#[derive(Debug)]
pub(crate) struct UserKeys {
    name: Vec<u8>,
    auth: MasterKey,
    privacy: MasterKey,
}

/// One engine and the user that it knows.
pub(crate) struct Usm {
    engine_id: Vec<u8>,
    user: Vec<u8>,
    auth: LocalizedKey,
    privacy: PrivKey,
    salt: SaltCounter,
    stats: [AtomicU32; 6],
}

struct Message<'a> {
    id: i32,
    flags: u8,
    boots: u32,
    time_s: u32,
    user: &'a [u8],
}

impl std::fmt::Debug for Usm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Usm")
            .field("engine_id", &self.engine_id)
            .finish_non_exhaustive()
    }
}

impl UserKeys {
    pub(crate) fn derive(user: &LabUser) -> Result<Self, LabError> {
        if user.name.is_empty() || user.name.len() > 32 {
            return Err(LabError::User(
                "the name must have 1 to 32 bytes".to_owned(),
            ));
        }
        let master = |what: &str, password: &str| {
            if password.len() < 8 {
                return Err(LabError::User(format!(
                    "the {what} password must have at least 8 bytes"
                )));
            }
            MasterKey::from_password(AuthProtocol::Sha256, password.as_bytes())
                .map_err(|error| LabError::User(format!("{what} key: {error}")))
        };
        Ok(Self {
            name: user.name.clone().into_bytes(),
            auth: master("authentication", &user.auth_password)?,
            privacy: master("privacy", &user.privacy_password)?,
        })
    }
}

impl Usm {
    pub(crate) fn new(keys: &UserKeys, engine_id: Vec<u8>) -> Result<Self, LabError> {
        let failed = |error: &dyn std::fmt::Display| LabError::User(error.to_string());
        Ok(Self {
            user: keys.name.clone(),
            auth: keys
                .auth
                .localize(&engine_id)
                .map_err(|error| failed(&error))?,
            privacy: PrivKey::from_master_key(&keys.privacy, PrivProtocol::Aes128, &engine_id)
                .map_err(|error| failed(&error))?,
            salt: SaltCounter::new().map_err(|error| failed(&error))?,
            stats: Default::default(),
            engine_id,
        })
    }

    /// Answers a v3 datagram with a response or a report; `None`: drop it.
    pub(crate) fn handle(&self, agent: &Agent, data: &Bytes, now: f64) -> Option<Vec<u8>> {
        let raw = RawV3Message::decode(data.clone(), DecodeConfig::STRICT)
            .ok()?
            .value;
        let params = UsmSecurityParams::decode(raw.security_params().clone(), DecodeConfig::STRICT)
            .ok()?
            .value;
        let global = raw.global_data();
        let flags = global.msg_flags().to_byte();
        let (boots, time_s) = {
            let live = agent.device.live();
            (live.boots, live.engine_time_s(now))
        };
        let reply = Message {
            id: raw.msg_id(),
            flags: 0,
            boots,
            time_s,
            user: params.username(),
        };
        let report = |stat: Stat, level: u8, request_id: i32| {
            (flags & FLAG_REPORTABLE != 0).then(|| {
                self.report(
                    stat,
                    &Message {
                        flags: level,
                        ..reply
                    },
                    request_id,
                )
            })?
        };
        if params.engine_id().as_ref() != self.engine_id {
            return report(Stat::UnknownEngineIds, 0, plain_request_id(&raw));
        }
        if params.username().as_ref() != self.user {
            return report(Stat::UnknownUserNames, 0, plain_request_id(&raw));
        }
        if flags & FLAG_AUTH_PRIV != FLAG_AUTH_PRIV {
            return report(Stat::UnsupportedSecLevels, 0, plain_request_id(&raw));
        }
        let authentic = params.auth_params().len() == MAC_BYTES
            && UsmSecurityParams::find_auth_params_offset(data).is_some_and(|(at, length)| {
                verify_message(&self.auth, data, at, length).unwrap_or(false)
            });
        if !authentic {
            return report(Stat::WrongDigests, 0, 0);
        }
        if params.engine_boots() != boots || params.engine_time().abs_diff(time_s) > TIME_WINDOW {
            return report(Stat::NotInTimeWindows, FLAG_AUTH, 0);
        }
        let RawMsgData::Encrypted(ciphertext) = raw.msg_data() else {
            return None;
        };
        let Ok(plain) = self.privacy.decrypt(
            ciphertext,
            params.engine_boots(),
            params.engine_time(),
            params.priv_params(),
        ) else {
            return report(Stat::DecryptionErrors, 0, 0);
        };
        let Some((context, request)) = scoped(plain) else {
            return report(Stat::DecryptionErrors, 0, 0);
        };
        if request.tag == RESPONSE {
            return None;
        }
        let limit = agent
            .reply_bytes_max
            .min(usize::try_from(global.msg_max_size().as_i32()).unwrap_or(0));
        let room = limit.saturating_sub(
            ENVELOPE_BYTES + self.user.len() + 2 * self.engine_id.len() + context.len(),
        );
        let vlan = match context.strip_prefix(b"vlan-".as_slice()) {
            Some(vlan) => Some(agent.vlan(vlan)?),
            None => None,
        };
        let answer = agent.answer(&request, vlan, false, room, now)?;
        let mut pdu = Vec::with_capacity(answer.bindings.len() + 32);
        ber::pdu(
            &mut pdu,
            RESPONSE,
            request.request_id,
            answer.status,
            answer.index,
            &answer.bindings,
        );
        self.seal(
            &Message {
                flags: FLAG_AUTH_PRIV,
                ..reply
            },
            &context,
            &pdu,
        )
    }

    fn report(&self, stat: Stat, message: &Message<'_>, request_id: i32) -> Option<Vec<u8>> {
        let count = self.stats[stat as usize - 1]
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1);
        let name = [1, 3, 6, 1, 6, 3, 15, 1, 1, stat as u32, 0];
        let mut bindings = Vec::new();
        ber::binding(
            &mut bindings,
            &name,
            &Bound::Value(Reading::Counter32(count)),
        );
        let mut pdu = Vec::new();
        ber::pdu(&mut pdu, REPORT, request_id, 0, 0, &bindings);
        self.seal(message, b"", &pdu)
    }

    /// Wraps a PDU into a message of the security level that its flags name.
    fn seal(&self, message: &Message<'_>, context: &[u8], pdu: &[u8]) -> Option<Vec<u8>> {
        let mut scoped = Vec::with_capacity(pdu.len() + 64);
        ber::header(
            &mut scoped,
            ber::SEQUENCE,
            ber::tlv_len(self.engine_id.len()) + ber::tlv_len(context.len()) + pdu.len(),
        );
        ber::octets(&mut scoped, &self.engine_id);
        ber::octets(&mut scoped, context);
        scoped.extend_from_slice(pdu);

        let mut params = UsmSecurityParams::new(
            self.engine_id.clone(),
            message.boots,
            message.time_s,
            message.user.to_vec(),
        )
        .ok()?;
        let mut body = Vec::with_capacity(scoped.len() + 160);
        ber::int(&mut body, 3);
        let flag_len = ber::tlv_len(1);
        let max_size = RECEIVE_BYTES_MAX;
        let header_len = ber::int_len(i64::from(message.id))
            + ber::int_len(max_size)
            + flag_len
            + ber::int_len(3);
        ber::header(&mut body, ber::SEQUENCE, header_len);
        ber::int(&mut body, i64::from(message.id));
        ber::int(&mut body, max_size);
        ber::octets(&mut body, &[message.flags]);
        ber::int(&mut body, 3);
        if message.flags & FLAG_AUTH != 0 {
            params = params.with_auth_placeholder(MAC_BYTES).ok()?;
        }
        if message.flags & FLAG_AUTH_PRIV == FLAG_AUTH_PRIV {
            let (ciphertext, salt) = self
                .privacy
                .encrypt_aes(&scoped, message.boots, message.time_s, &self.salt)
                .ok()?;
            params = params.with_priv_params(salt).ok()?;
            ber::octets(&mut body, &params.encode().ok()?);
            ber::octets(&mut body, &ciphertext);
        } else {
            ber::octets(&mut body, &params.encode().ok()?);
            body.extend_from_slice(&scoped);
        }
        let mut out = Vec::with_capacity(body.len() + 5);
        ber::header(&mut out, ber::SEQUENCE, body.len());
        out.extend_from_slice(&body);
        if message.flags & FLAG_AUTH != 0 {
            let (at, length) = UsmSecurityParams::find_auth_params_offset(&out)?;
            authenticate_message(&self.auth, &mut out, at, length).ok()?;
        }
        Some(out)
    }
}

/// Context name and request of a scoped PDU.
fn scoped(plain: Bytes) -> Option<(Bytes, Request)> {
    // Decrypted text may be followed by padding; it is not looked at.
    let mut decoder = Decoder::new(plain).with_decode_config(DecodeConfig::STRICT);
    let mut scoped = decoder.read_sequence().ok()?;
    scoped.read_octet_string().ok()?;
    let context = scoped.read_octet_string().ok()?;
    let request = Request::decode(&mut scoped)?;
    scoped.is_empty().then_some((context, request))
}

/// The request-id of a message that is not encrypted, for its report (RFC 3412 §7.1 step 3); zero when unknown.
fn plain_request_id(raw: &RawV3Message) -> i32 {
    match raw.msg_data() {
        RawMsgData::Plaintext { data, .. } => {
            scoped(data.clone()).map_or(0, |(_, request)| request.request_id)
        }
        RawMsgData::Encrypted(_) => 0,
    }
}

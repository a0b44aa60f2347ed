//! What the port says: acknowledgements and reports.

use async_snmp::ber::EncodeBuf;
use async_snmp::message::{CommunityMessage, MsgFlags, MsgGlobalData, ScopedPdu, V3Message};
use async_snmp::v3::auth::authenticate_message;
use async_snmp::v3::{DesSaltState, PrivKey, SaltCounter, UsmSecurityParams};
use async_snmp::{
    Community, LocalizedKey, MessageSize, Pdu, PrivProtocol, ResponsePdu, SecurityLevel,
    UDP_RECEIVE_LIMITS, Value, VarBind, Version,
};
use bytes::Bytes;

/// What an answer is signed and encrypted with.
pub(super) struct Keys {
    pub(super) auth: LocalizedKey,
    pub(super) privacy: Option<PrivKey>,
}

/// What changes from one encrypted message to the next.
pub(super) struct Salts {
    pub(super) aes: SaltCounter,
    pub(super) des: DesSaltState,
}

/// The head of an answer.
pub(super) struct Head {
    pub(super) message_id: i32,
    pub(super) level: SecurityLevel,
    pub(super) engine: Bytes,
    pub(super) boots_time: (u32, u32),
    pub(super) user: Bytes,
}

/// The acknowledgement of a v2c inform: its own variables (RFC 3416 §4.2.7).
pub(super) fn community(community: Community, inform: &Pdu) -> Option<Bytes> {
    let answer = ResponsePdu::success(
        Version::V2c,
        inform.request_id(),
        inform.varbinds().to_vec(),
    )
    .ok()?;
    CommunityMessage::v2c(community, answer.into_raw())
        .ok()?
        .encode()
        .ok()
}

/// The acknowledgement of a v3 inform at the inform's own level; empty with `tooBig` where the sender could not take its own
/// variables back.
pub(super) fn acknowledge(
    head: &Head,
    inform: &ScopedPdu,
    sender_bytes_max: MessageSize,
    keys: &Keys,
    salts: &Salts,
) -> Option<Bytes> {
    let pdu = &inform.pdu;
    let whole =
        ResponsePdu::success(Version::V3, pdu.request_id(), pdu.varbinds().to_vec()).ok()?;
    let scoped = |answer: ResponsePdu| {
        ScopedPdu::new(
            inform.context_engine_id.clone(),
            inform.context_name.clone(),
            answer.into_raw(),
        )
    };
    let message = seal(head, &scoped(whole), keys, salts)?;
    if message.len() <= sender_bytes_max.as_usize() {
        return Some(message);
    }
    let empty = ResponsePdu::too_big(Version::V3, pdu.request_id(), Vec::new()).ok()?;
    seal(head, &scoped(empty), keys, salts)
}

/// A report of one usmStats counter (RFC 3412 §7.1 (3)), signed where the sender must be able to trust the times in it.
pub(super) fn report(
    head: &Head,
    counter: async_snmp::Oid,
    count: u32,
    auth: Option<&LocalizedKey>,
) -> Option<Bytes> {
    let variable = VarBind::new(counter, Value::Counter32(count));
    let pdu = ResponsePdu::report(0, vec![variable]).ok()?.into_raw();
    let scoped = ScopedPdu::new(head.engine.clone(), Bytes::new(), pdu);
    let parameters = parameters(head)?;
    let Some(key) = auth else {
        return V3Message::new(global(head)?, parameters.encode().ok()?, scoped)
            .ok()?
            .encode()
            .ok();
    };
    let parameters = parameters.with_auth_placeholder(key.mac_len()).ok()?;
    let message = V3Message::new(global(head)?, parameters.encode().ok()?, scoped).ok()?;
    sign(&message, key)
}

fn seal(head: &Head, scoped: &ScopedPdu, keys: &Keys, salts: &Salts) -> Option<Bytes> {
    let parameters = parameters(head)?
        .with_auth_placeholder(keys.auth.mac_len())
        .ok()?;
    if head.level != SecurityLevel::AuthPriv {
        let message = V3Message::new(global(head)?, parameters.encode().ok()?, scoped.clone());
        return sign(&message.ok()?, &keys.auth);
    }
    let key = keys.privacy.as_ref()?;
    let mut plain = EncodeBuf::new();
    scoped.encode(&mut plain).ok()?;
    let plain = plain.finish();
    let (encrypted, salt) = match key.protocol() {
        PrivProtocol::Des | PrivProtocol::Des3 => key.encrypt_des_family(&plain, &salts.des),
        _ => key.encrypt_aes(&plain, head.boots_time.0, head.boots_time.1, &salts.aes),
    }
    .ok()?;
    let parameters = parameters.with_priv_params(salt).ok()?;
    let message = V3Message::new_with_opaque_encrypted_scoped_pdu(
        global(head)?,
        parameters.encode().ok()?,
        encrypted,
    );
    sign(&message.ok()?, &keys.auth)
}

fn global(head: &Head) -> Option<MsgGlobalData> {
    let flags = MsgFlags::new(head.level, false);
    MsgGlobalData::new(head.message_id, UDP_RECEIVE_LIMITS.advertised(), flags).ok()
}

fn parameters(head: &Head) -> Option<UsmSecurityParams> {
    let (boots, time) = head.boots_time;
    UsmSecurityParams::new(head.engine.clone(), boots, time, head.user.clone()).ok()
}

fn sign(message: &V3Message, key: &LocalizedKey) -> Option<Bytes> {
    let mut bytes = message.encode().ok()?.to_vec();
    let (at, length) = UsmSecurityParams::find_auth_params_offset(&bytes)?;
    authenticate_message(key, &mut bytes, at, length).ok()?;
    Some(bytes.into())
}

//! What the port takes and what it refuses, message by message.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_snmp::message::{
    CommunityMessage, Message, MsgFlags, MsgGlobalData, ScopedPdu, V3Message,
};
use async_snmp::v3::UsmSecurityParams;
use async_snmp::v3::auth::authenticate_message;
use async_snmp::{
    AuthProtocol, DecodeConfig, MasterKeys, MessageSize, NotificationPdu, Pdu, PrivProtocol,
    SecurityLevel, Value, VarBind, Version,
};
use bytes::Bytes;

use super::{Access, Decision, Identity, Port, Refusal, User, VARIABLES_MAX};

const OURS: &[u8] = b"\x80\x00\x1f\x88\x04nhip-cau";
const THEIRS: &[u8] = b"\x80\x00\x1f\x88\x04thiet-bi";
const AUTH: &str = "mat-khau-xac-thuc";
const PRIVACY: &str = "mat-khau-ma-hoa";

#[allow(clippy::disallowed_methods)] // Any moment will do.
fn start() -> Instant {
    Instant::now()
}

fn source() -> SocketAddr {
    "10.20.0.7:40000".parse().unwrap()
}

fn port(started: Instant) -> Port {
    port_with(started, PrivProtocol::Aes128)
}

fn port_with(started: Instant, privacy: PrivProtocol) -> Port {
    let identity = Identity {
        id: Bytes::from_static(OURS),
        boots: 3,
        started,
    };
    let user = User::new(
        "giam-sat",
        (AuthProtocol::Sha256, AUTH),
        Some((privacy, PRIVACY)),
    );
    let access = Access {
        communities: vec![Bytes::from_static(b"cong-dong")],
        users: vec![user.unwrap()],
    };
    Port::new(identity, access).unwrap()
}

fn keys(privacy: PrivProtocol) -> MasterKeys {
    MasterKeys::new(AuthProtocol::Sha256, AUTH.as_bytes())
        .unwrap()
        .with_privacy(privacy, PRIVACY.as_bytes())
        .unwrap()
}

fn oid(text: &str) -> async_snmp::Oid {
    async_snmp::Oid::parse(text).unwrap()
}

fn pdu(inform: bool, request_id: i32, variables: Vec<VarBind>) -> Pdu {
    let link_down = oid("1.3.6.1.6.3.1.1.5.3");
    let made = if inform {
        NotificationPdu::inform(Version::V2c, request_id, 500, &link_down, variables)
    } else {
        NotificationPdu::trap_v2(Version::V2c, request_id, 500, &link_down, variables)
    };
    made.unwrap().into_raw()
}

fn if_index(n: u32) -> VarBind {
    VarBind::new(
        oid(&format!("1.3.6.1.2.1.2.2.1.1.{n}")),
        Value::Integer(n as i32),
    )
}

/// A v3 message that a test bends.
struct Draft {
    engine: &'static [u8],
    user: &'static str,
    boots: u32,
    time: u32,
    inform: bool,
    request_id: i32,
    /// Bytes of the digest that are sent.
    digest: usize,
    spoil: bool,
    level: SecurityLevel,
    privacy: PrivProtocol,
}

impl Draft {
    fn trap() -> Self {
        Self {
            engine: THEIRS,
            user: "giam-sat",
            boots: 9,
            time: 1_000,
            inform: false,
            request_id: 1,
            digest: 24,
            spoil: false,
            level: SecurityLevel::AuthNoPriv,
            privacy: PrivProtocol::Aes128,
        }
    }

    fn inform() -> Self {
        Self {
            engine: OURS,
            boots: 3,
            time: 0,
            inform: true,
            ..Self::trap()
        }
    }

    fn datagram(&self) -> Bytes {
        let flags = MsgFlags::new(self.level, self.inform);
        let global = MsgGlobalData::new(77, MessageSize::new(65_507).unwrap(), flags).unwrap();
        let scoped = ScopedPdu::new(
            self.engine.to_vec(),
            Bytes::new(),
            pdu(self.inform, self.request_id, vec![if_index(7)]),
        );
        let base = UsmSecurityParams::new(
            self.engine.to_vec(),
            self.boots,
            self.time,
            self.user.as_bytes().to_vec(),
        )
        .unwrap();
        if self.level == SecurityLevel::NoAuthNoPriv {
            return V3Message::new(global, base.encode().unwrap(), scoped)
                .unwrap()
                .encode()
                .unwrap();
        }
        let (auth, privacy) = keys(self.privacy).localize(self.engine).unwrap();
        let base = base.with_auth_params(vec![0; self.digest.max(1)]).unwrap();
        let message = if self.level == SecurityLevel::AuthPriv {
            let plain = scoped.encode_to_bytes().unwrap();
            let salt = async_snmp::v3::SaltCounter::new().unwrap();
            let key = privacy.unwrap();
            let (data, params) = match self.privacy {
                PrivProtocol::Des => {
                    let state =
                        async_snmp::v3::DesSaltState::install(|_| Ok::<(), std::fmt::Error>(()));
                    key.encrypt_des_family(&plain, &state.unwrap()).unwrap()
                }
                _ => key
                    .encrypt_aes(&plain, self.boots, self.time, &salt)
                    .unwrap(),
            };
            let base = base.with_priv_params(params).unwrap();
            V3Message::new_with_opaque_encrypted_scoped_pdu(global, base.encode().unwrap(), data)
        } else {
            V3Message::new(global, base.encode().unwrap(), scoped)
        };
        let mut bytes = message.unwrap().encode().unwrap().to_vec();
        let (at, length) = UsmSecurityParams::find_auth_params_offset(&bytes).unwrap();
        if length == auth.mac_len() {
            authenticate_message(&auth, &mut bytes, at, length).unwrap();
        } else {
            // The digest cut short, as a forger would who hopes that only what is there is compared.
            let mac = auth.compute_hmac(&bytes).unwrap();
            bytes[at..at + length].copy_from_slice(&mac[..length]);
        }
        if self.spoil {
            bytes[at] ^= 1;
        }
        if self.digest == 0 {
            bytes = without_digest(bytes, at);
        }
        bytes.into()
    }
}

/// Takes the one byte of digest at `at` out and shortens every length around it; all are in short form or one long byte.
fn without_digest(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes.remove(at);
    bytes[at - 1] = 0;
    let header = 2 + usize::from(bytes[1] & 0x7f) * usize::from(bytes[1] >= 0x80);
    let shorten = |bytes: &mut Vec<u8>, tag: usize| {
        let length = if bytes[tag + 1] == 0x81 {
            tag + 2
        } else {
            tag + 1
        };
        bytes[length] -= 1;
        length + 1
    };
    shorten(&mut bytes, 0);
    let global = header + 3;
    let outer = global + 2 + usize::from(bytes[global + 1]);
    let inner = shorten(&mut bytes, outer);
    shorten(&mut bytes, inner);
    bytes
}

fn refusal(decision: &Decision) -> Option<Refusal> {
    match decision {
        Decision::Refuse(refusal, _) => Some(*refusal),
        _ => None,
    }
}

#[test]
fn traps_and_informs_of_every_version_are_taken() {
    let now = start();
    let mut port = port(now);
    let v2c = |pdu: Pdu| {
        CommunityMessage::v2c(&b"cong-dong"[..], pdu)
            .unwrap()
            .encode()
            .unwrap()
    };
    let trap = port.judge(&v2c(pdu(false, 1, vec![if_index(7)])), source(), now);
    let Decision::Trap(trap) = trap else {
        panic!("{trap:?}")
    };
    assert_eq!(trap.trap_oid.to_string(), "1.3.6.1.6.3.1.1.5.3");
    assert_eq!((trap.uptime_ticks, trap.if_index()), (500, Some(7)));
    assert!(trap.principal.is_empty(), "a community is a secret");

    let inform = port.judge(&v2c(pdu(true, 4711, vec![if_index(7)])), source(), now);
    let Decision::Inform { reply, trap, .. } = inform else {
        panic!("{inform:?}")
    };
    let answer = Message::decode(reply, DecodeConfig::STRICT).unwrap().value;
    let answer = answer.pdu().unwrap();
    assert_eq!((answer.request_id(), answer.varbinds().len()), (4711, 3));
    assert!(trap.inform && trap.varbinds.len() == 1);

    for level in [SecurityLevel::AuthNoPriv, SecurityLevel::AuthPriv] {
        let draft = Draft {
            level,
            ..Draft::trap()
        };
        let trap = port.judge(&draft.datagram(), source(), now);
        let Decision::Trap(trap) = trap else {
            panic!("{level:?}: {trap:?}")
        };
        assert_eq!(&*trap.principal, "giam-sat");
    }
}

#[test]
fn the_acknowledgement_of_a_v3_inform_is_signed_and_sealed_like_the_inform() {
    let now = start();
    for privacy in [PrivProtocol::Aes128, PrivProtocol::Des] {
        let mut port = port_with(now, privacy);
        for level in [SecurityLevel::AuthNoPriv, SecurityLevel::AuthPriv] {
            let draft = Draft {
                level,
                privacy,
                ..Draft::inform()
            };
            let decision = port.judge(&draft.datagram(), source(), now);
            let Decision::Inform { reply, .. } = decision else {
                panic!("{privacy:?} {level:?}: {decision:?}")
            };
            let (auth, key) = keys(privacy).localize(OURS).unwrap();
            let (at, length) = UsmSecurityParams::find_auth_params_offset(&reply).unwrap();
            assert!(
                async_snmp::v3::auth::verify_message(&auth, &reply, at, length).unwrap(),
                "{privacy:?} {level:?}"
            );
            let raw = async_snmp::message::RawV3Message::decode(reply, DecodeConfig::STRICT)
                .unwrap()
                .value;
            assert_eq!((raw.msg_id(), raw.security_level()), (77, level));
            if let async_snmp::message::RawMsgData::Encrypted(data) = raw.msg_data() {
                let parameters =
                    UsmSecurityParams::decode(raw.security_params().clone(), DecodeConfig::STRICT)
                        .unwrap()
                        .value;
                let plain = key
                    .unwrap()
                    .decrypt(
                        data,
                        parameters.engine_boots(),
                        parameters.engine_time(),
                        parameters.priv_params(),
                    )
                    .unwrap();
                let scoped = ScopedPdu::decode(&mut async_snmp::ber::Decoder::new(plain)).unwrap();
                assert_eq!(scoped.pdu.varbinds().len(), 3);
            }
        }
    }
}

#[test]
fn a_digest_of_no_one_or_eleven_bytes_is_refused_and_counted() {
    let now = start();
    let mut port = port(now);
    for digest in [0, 1, 11, 12, 23] {
        let draft = Draft {
            digest,
            ..Draft::trap()
        };
        let decision = port.judge(&draft.datagram(), source(), now);
        assert_eq!(
            refusal(&decision),
            Some(Refusal::WrongDigest),
            "{digest} bytes: {decision:?}"
        );
    }
    let spoilt = Draft {
        spoil: true,
        ..Draft::trap()
    };
    let decision = port.judge(&spoilt.datagram(), source(), now);
    assert_eq!(refusal(&decision), Some(Refusal::WrongDigest));
}

#[test]
fn a_replay_of_earlier_boots_or_time_is_refused_and_counted() {
    let now = start();
    let mut port = port(now);
    let later = now + Duration::from_secs(400);
    let fresh = Draft::trap().datagram();
    assert!(matches!(
        port.judge(&fresh, source(), now),
        Decision::Trap(_)
    ));
    // The same bytes within the window, and after it.
    for at in [now + Duration::from_secs(5), later] {
        let decision = port.judge(&fresh, source(), at);
        assert_eq!(refusal(&decision), Some(Refusal::NotInTimeWindow));
    }
    let restarted = Draft {
        boots: 10,
        time: 5,
        ..Draft::trap()
    };
    assert!(matches!(
        port.judge(&restarted.datagram(), source(), later),
        Decision::Trap(_)
    ));
    let before = Draft {
        time: 100_000,
        ..Draft::trap()
    };
    let decision = port.judge(&before.datagram(), source(), later);
    assert_eq!(refusal(&decision), Some(Refusal::NotInTimeWindow));

    // To our own engine: earlier boots, and a time outside the window. The report is signed, so that an honest sender learns.
    for draft in [
        Draft {
            boots: 2,
            ..Draft::inform()
        },
        Draft {
            time: 200,
            ..Draft::inform()
        },
    ] {
        let decision = port.judge(&draft.datagram(), source(), now);
        let Decision::Refuse(Refusal::NotInTimeWindow, Some(report)) = decision else {
            panic!("{decision:?}")
        };
        let report = async_snmp::message::RawV3Message::decode(report, DecodeConfig::STRICT);
        assert_eq!(
            report.unwrap().value.security_level(),
            SecurityLevel::AuthNoPriv
        );
    }
}

#[test]
fn an_unknown_engine_user_level_and_key_are_refused_by_name() {
    let now = start();
    let mut port = port(now);
    let foreign = Draft {
        engine: THEIRS,
        ..Draft::inform()
    };
    let stranger = Draft {
        user: "nguoi-la",
        ..Draft::trap()
    };
    let open = Draft {
        level: SecurityLevel::NoAuthNoPriv,
        ..Draft::trap()
    };
    for (draft, expected) in [
        (foreign, Refusal::UnknownEngine),
        (stranger, Refusal::UnknownUser),
        (open, Refusal::Unauthenticated),
    ] {
        let decision = port.judge(&draft.datagram(), source(), now);
        assert_eq!(refusal(&decision), Some(expected), "{decision:?}");
    }
    // Another key for privacy than ours makes noise of what is inside.
    let mut other = port_with(now, PrivProtocol::Aes256Blumenthal);
    let sealed = Draft {
        level: SecurityLevel::AuthPriv,
        ..Draft::trap()
    };
    let decision = other.judge(&sealed.datagram(), source(), now);
    assert_eq!(refusal(&decision), Some(Refusal::Decryption));
}

#[test]
fn keys_change_while_the_port_runs() {
    let now = start();
    let mut port = port(now);
    let other = User::new(
        "giam-sat",
        (AuthProtocol::Sha256, "mot-mat-khau-khac"),
        None,
    )
    .unwrap();
    port.set_access(Access {
        communities: Vec::new(),
        users: vec![other],
    })
    .unwrap();
    let decision = port.judge(&Draft::trap().datagram(), source(), now);
    assert_eq!(refusal(&decision), Some(Refusal::WrongDigest));
    let sealed = Draft {
        level: SecurityLevel::AuthPriv,
        ..Draft::inform()
    };
    let decision = port.judge(&sealed.datagram(), source(), now);
    assert_eq!(refusal(&decision), Some(Refusal::UnsupportedLevel));
    let v2c = CommunityMessage::v2c(&b"cong-dong"[..], pdu(false, 1, vec![])).unwrap();
    let decision = port.judge(&v2c.encode().unwrap(), source(), now);
    assert_eq!(refusal(&decision), Some(Refusal::Unauthenticated));
}

#[test]
fn whoever_asks_for_our_engine_hears_its_identity() {
    let now = start();
    let mut port = port(now);
    let question = V3Message::discovery_request(5, MessageSize::new(65_507).unwrap()).unwrap();
    let decision = port.judge(&question.encode().unwrap(), source(), now);
    let Decision::Introduce(report) = decision else {
        panic!("{decision:?}")
    };
    let report = async_snmp::message::RawV3Message::decode(report, DecodeConfig::STRICT)
        .unwrap()
        .value;
    let parameters =
        UsmSecurityParams::decode(report.security_params().clone(), DecodeConfig::STRICT)
            .unwrap()
            .value;
    assert_eq!(
        (&parameters.engine_id()[..], parameters.engine_boots()),
        (OURS, 3)
    );
}

#[test]
fn what_is_no_notification_is_refused_and_nothing_panics() {
    let now = start();
    let mut port = port(now);
    let get = async_snmp::RequestPdu::get(Version::V2c, 1, &[oid("1.3.6.1.2.1.1.1.0")]).unwrap();
    let get = CommunityMessage::v2c(&b"cong-dong"[..], get.into_raw()).unwrap();
    let many = (1..1_000).map(if_index).collect();
    let large = CommunityMessage::v2c(&b"cong-dong"[..], pdu(false, 1, many)).unwrap();
    let large = large.encode().unwrap();
    for (datagram, expected) in [
        (get.encode().unwrap(), Some(Refusal::NotNotification)),
        (Bytes::new(), Some(Refusal::Malformed)),
        (
            Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n"),
            Some(Refusal::Malformed),
        ),
        (
            Bytes::from_static(&[0x30, 0x03, 0x02, 0x01, 0x02]),
            Some(Refusal::Malformed),
        ),
        (large.clone(), None),
    ] {
        let decision = port.judge(&datagram, source(), now);
        assert_eq!(refusal(&decision), expected, "{decision:?}");
        if let Decision::Trap(trap) = decision {
            assert_eq!(trap.varbinds.len(), VARIABLES_MAX);
        }
    }
    // Every cut and every flipped bit of a good message.
    for whole in [
        Draft::trap().datagram(),
        Draft::inform().datagram(),
        CommunityMessage::v2c(&b"cong-dong"[..], pdu(true, 1, vec![if_index(1)]))
            .unwrap()
            .encode()
            .unwrap(),
    ] {
        for at in 0..whole.len() {
            port.judge(&whole.slice(..at), source(), now);
            for bit in 0..8 {
                let mut bent = whole.to_vec();
                bent[at] ^= 1 << bit;
                port.judge(&bent.into(), source(), now);
            }
        }
    }
}

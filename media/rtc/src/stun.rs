//! The part of STUN (RFC 8489) and ICE (RFC 8445) that an ICE-lite side needs: binding requests in, success responses out.

use std::net::{IpAddr, SocketAddr};

use ring::hmac;

const HEADER: usize = 20;
const COOKIE: u32 = 0x2112_a442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const USE_CANDIDATE: u16 = 0x0025;
#[cfg(feature = "client")]
const PRIORITY: u16 = 0x0024;
#[cfg(feature = "client")]
const ICE_CONTROLLED: u16 = 0x8029;
#[cfg(feature = "client")]
const ICE_CONTROLLING: u16 = 0x802a;
/// Priority of a host candidate's peer-reflexive form (RFC 8445 section 5.1.2.1: type preference 110).
#[cfg(feature = "client")]
const CHECK_PRIORITY: u32 = (110 << 24) | (0xffff << 8) | 0xff;
const FINGERPRINT: u16 = 0x8028;
/// XORed onto the CRC of a fingerprint.
const FINGERPRINT_MASK: u32 = 0x5354_554e;

/// A binding request whose integrity has not been checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BindingRequest<'a> {
    message: &'a [u8],
    /// The part of USERNAME before the colon: the bridge's ufrag.
    pub(crate) ufrag: &'a [u8],
    /// Whether the controlling side nominates this pair.
    pub(crate) use_candidate: bool,
    /// Where MESSAGE-INTEGRITY begins.
    integrity_at: usize,
}

impl<'a> BindingRequest<'a> {
    /// Parses a binding request with USERNAME, MESSAGE-INTEGRITY and, when present, a right FINGERPRINT. Attributes after
    /// MESSAGE-INTEGRITY other than FINGERPRINT are not protected and are ignored.
    pub(crate) fn parse(message: &'a [u8]) -> Option<Self> {
        let header = message.get(..HEADER)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let cookie = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        if u16::from_be_bytes([header[0], header[1]]) != BINDING_REQUEST
            || cookie != COOKIE
            || length % 4 != 0
            || message.len() != HEADER + length
        {
            return None;
        }
        let mut ufrag = None;
        let mut use_candidate = false;
        let mut integrity_at = None;
        let mut at = HEADER;
        while at < message.len() {
            let head = message.get(at..at + 4)?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = message.get(at + 4..at + 4 + length)?;
            match kind {
                FINGERPRINT => {
                    let crc = u32::from_be_bytes(value.try_into().ok()?);
                    if crc != crc32(&message[..at]) ^ FINGERPRINT_MASK || at + 8 != message.len() {
                        return None;
                    }
                }
                _ if integrity_at.is_some() => {}
                USERNAME => ufrag = value.split(|byte| *byte == b':').next(),
                USE_CANDIDATE => use_candidate = true,
                MESSAGE_INTEGRITY if length == 20 => integrity_at = Some(at),
                _ => {}
            }
            at += 4 + length.next_multiple_of(4);
        }
        Some(Self {
            message,
            ufrag: ufrag?,
            use_candidate,
            integrity_at: integrity_at?,
        })
    }

    /// Whether the sender knows the bridge's password (RFC 8489 section 14.5).
    pub(crate) fn is_authentic(&self, key: &hmac::Key) -> bool {
        let at = self.integrity_at;
        let mut header = [0; HEADER];
        header.copy_from_slice(&self.message[..HEADER]);
        header[2..4].copy_from_slice(&((at + 24 - HEADER) as u16).to_be_bytes());
        let mut context = hmac::Context::with_key(key);
        context.update(&header);
        context.update(&self.message[HEADER..at]);
        let tag = context.sign();
        // Not a secret comparison in time: the tag is public, and a guess is worth one datagram. Still constant-time, at no cost.
        tag.as_ref()
            .iter()
            .zip(&self.message[at + 4..at + 24])
            .fold(0, |difference, (left, right)| difference | (left ^ right))
            == 0
    }

    /// Writes the success response into `buffer` and returns its length; `buffer` has at least 100 bytes.
    pub(crate) fn respond(&self, from: SocketAddr, key: &hmac::Key, buffer: &mut [u8]) -> usize {
        buffer[..2].copy_from_slice(&BINDING_SUCCESS.to_be_bytes());
        buffer[4..HEADER].copy_from_slice(&self.message[4..HEADER]);
        let mask = &self.message[4..HEADER];
        let mut at = HEADER;
        let (family, octets) = match from.ip() {
            IpAddr::V4(ip) => (1, &ip.octets()[..]),
            IpAddr::V6(ip) => (2, &ip.octets()[..]),
        };
        attribute(buffer, at, XOR_MAPPED_ADDRESS, 4 + octets.len());
        buffer[at + 4] = 0;
        buffer[at + 5] = family;
        buffer[at + 6..at + 8]
            .copy_from_slice(&(from.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
        for (index, octet) in octets.iter().enumerate() {
            buffer[at + 8 + index] = octet ^ mask[index];
        }
        at += 8 + octets.len();
        set_length(buffer, at + 24);
        let tag = hmac::sign(key, &buffer[..at]);
        attribute(buffer, at, MESSAGE_INTEGRITY, 20);
        buffer[at + 4..at + 24].copy_from_slice(tag.as_ref());
        at += 24;
        set_length(buffer, at + 8);
        let crc = crc32(&buffer[..at]) ^ FINGERPRINT_MASK;
        attribute(buffer, at, FINGERPRINT, 4);
        buffer[at + 4..at + 8].copy_from_slice(&crc.to_be_bytes());
        at + 8
    }
}

/// The key for message integrity with a short-term password.
pub(crate) fn integrity_key(password: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes())
}

/// Who decides which pair is used (RFC 8445 section 6.1.1), with the tie-breaker.
#[cfg(feature = "client")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// We do, and nominate at once.
    Controlling(u64),
    /// The other side does.
    Controlled(u64),
}

/// A binding request of a full agent, for the peer of tests and load. Returns its length; `buffer` has 200 bytes more than `username`.
#[cfg(feature = "client")]
pub(crate) fn write_request(
    username: &str,
    key: &hmac::Key,
    role: Role,
    transaction: [u8; 12],
    buffer: &mut [u8],
) -> usize {
    buffer[..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
    buffer[4..8].copy_from_slice(&COOKIE.to_be_bytes());
    buffer[8..HEADER].copy_from_slice(&transaction);
    let mut at = HEADER;
    attribute(buffer, at, USERNAME, username.len());
    let padded = username.len().next_multiple_of(4);
    buffer[at + 4..at + 4 + padded].fill(0);
    buffer[at + 4..at + 4 + username.len()].copy_from_slice(username.as_bytes());
    at += 4 + padded;
    attribute(buffer, at, PRIORITY, 4);
    buffer[at + 4..at + 8].copy_from_slice(&CHECK_PRIORITY.to_be_bytes());
    at += 8;
    let (kind, tie_breaker) = match role {
        Role::Controlling(tie_breaker) => (ICE_CONTROLLING, tie_breaker),
        Role::Controlled(tie_breaker) => (ICE_CONTROLLED, tie_breaker),
    };
    attribute(buffer, at, kind, 8);
    buffer[at + 4..at + 12].copy_from_slice(&tie_breaker.to_be_bytes());
    at += 12;
    if matches!(role, Role::Controlling(_)) {
        attribute(buffer, at, USE_CANDIDATE, 0);
        at += 4;
    }
    set_length(buffer, at + 24);
    let tag = hmac::sign(key, &buffer[..at]);
    attribute(buffer, at, MESSAGE_INTEGRITY, 20);
    buffer[at + 4..at + 24].copy_from_slice(tag.as_ref());
    at += 24;
    set_length(buffer, at + 8);
    let crc = crc32(&buffer[..at]) ^ FINGERPRINT_MASK;
    attribute(buffer, at, FINGERPRINT, 4);
    buffer[at + 4..at + 8].copy_from_slice(&crc.to_be_bytes());
    at + 8
}

/// The transaction that `message` is the success response to.
#[cfg(feature = "client")]
pub(crate) fn success_of(message: &[u8]) -> Option<[u8; 12]> {
    (message.len() >= HEADER && message[..2] == BINDING_SUCCESS.to_be_bytes())
        .then(|| message[8..HEADER].try_into().ok())?
}

fn attribute(buffer: &mut [u8], at: usize, kind: u16, length: usize) {
    buffer[at..at + 2].copy_from_slice(&kind.to_be_bytes());
    buffer[at + 2..at + 4].copy_from_slice(&(length as u16).to_be_bytes());
}

fn set_length(buffer: &mut [u8], end: usize) {
    buffer[2..4].copy_from_slice(&((end - HEADER) as u16).to_be_bytes());
}

/// CRC-32 of ISO 3309, as in Ethernet. Bit by bit: a STUN message is 100 bytes and comes every few seconds.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(username: &str, password: &str) -> Vec<u8> {
        let mut buffer = vec![0; 200];
        let length = write_request(
            username,
            &integrity_key(password),
            Role::Controlling(1),
            [7; 12],
            &mut buffer,
        );
        buffer.truncate(length);
        buffer
    }

    #[test]
    fn knows_the_check_value_of_the_crc() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_request_is_authentic_with_its_password_only() {
        let bytes = request("bridge:page", "secret");
        let parsed = BindingRequest::parse(&bytes).unwrap();
        assert_eq!(parsed.ufrag, b"bridge");
        assert!(parsed.use_candidate);
        assert!(parsed.is_authentic(&integrity_key("secret")));
        assert!(!parsed.is_authentic(&integrity_key("Secret")));
    }

    #[test]
    fn any_flipped_byte_up_to_the_integrity_is_refused() {
        let bytes = request("bridge:page", "secret");
        let key = integrity_key("secret");
        for index in 0..bytes.len() - 8 {
            let mut bent = bytes.clone();
            bent[index] ^= 1;
            let accepted =
                BindingRequest::parse(&bent).is_some_and(|parsed| parsed.is_authentic(&key));
            assert!(!accepted, "byte {index}");
        }
    }

    #[test]
    fn the_response_names_the_address_it_saw() {
        let bytes = request("a:b", "p");
        let parsed = BindingRequest::parse(&bytes).unwrap();
        let mut buffer = [0; 100];
        for from in ["203.0.113.7:5000", "[2001:db8::7]:5000"] {
            let from = from.parse::<SocketAddr>().unwrap();
            let length = parsed.respond(from, &integrity_key("p"), &mut buffer);
            assert_eq!(success_of(&buffer[..length]), Some([7; 12]));
            let port = u16::from_be_bytes([buffer[26], buffer[27]]) ^ 0x2112;
            assert_eq!(port, 5000);
            assert_eq!(
                usize::from(u16::from_be_bytes([buffer[2], buffer[3]])),
                length - HEADER
            );
        }
    }
}

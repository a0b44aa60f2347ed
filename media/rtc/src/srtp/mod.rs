//! SRTP and SRTCP in place (RFC 3711, 7714), keyed by DTLS (RFC 5764).
//!
//! Nothing here remembers packets: indexes come from the caller, who keeps rollover counters and replay windows, and who must
//! never seal two packets of one SSRC under one index.

mod cm;
mod gcm;
mod kdf;
#[cfg(test)]
mod tests;

use cm::CmKeys;
use gcm::GcmKeys;

/// Label of the DTLS exporter (RFC 5764 section 4.2).
pub(crate) const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";
/// Bytes that protection adds to a packet at most: GCM tag and SRTCP index.
pub(crate) const OVERHEAD: usize = 20;
/// Set in the SRTCP index word of an encrypted packet.
const ENCRYPTED: u32 = 1 << 31;

/// A protection profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// `SRTP_AEAD_AES_128_GCM`.
    AeadAes128Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`.
    Aes128CmSha1,
}

impl Profile {
    const fn salt_bytes(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 12,
            Self::Aes128CmSha1 => 14,
        }
    }

    /// Bytes to take from the DTLS exporter.
    pub(crate) const fn material_bytes(self) -> usize {
        2 * (16 + self.salt_bytes())
    }
}

enum Keys {
    Gcm(Box<GcmKeys>),
    Cm(Box<CmKeys>),
}

/// The keys of one direction.
pub(crate) struct Direction(Keys);

/// Both directions of a peer.
pub(crate) struct Session {
    /// For what we send.
    pub(crate) seal: Direction,
    /// For what we receive.
    pub(crate) open: Direction,
}

impl Session {
    /// Splits exporter output (RFC 5764 section 4.2: client key, server key, client salt, server salt). `None` on a wrong length.
    pub(crate) fn new(profile: Profile, material: &[u8], is_client: bool) -> Option<Self> {
        if material.len() != profile.material_bytes() {
            return None;
        }
        let salt_bytes = profile.salt_bytes();
        let (keys, salts) = material.split_at(32);
        let (client, server) = (
            Direction::new(profile, &keys[..16], &salts[..salt_bytes])?,
            Direction::new(profile, &keys[16..], &salts[salt_bytes..])?,
        );
        let (seal, open) = if is_client {
            (client, server)
        } else {
            (server, client)
        };
        Some(Self { seal, open })
    }
}

impl Direction {
    fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Option<Self> {
        let key = key.try_into().ok()?;
        Some(Self(match profile {
            Profile::AeadAes128Gcm => Keys::Gcm(Box::new(GcmKeys::new(key, salt)?)),
            Profile::Aes128CmSha1 => Keys::Cm(Box::new(CmKeys::new(key, salt))),
        }))
    }

    /// Protects the RTP packet in `buffer[..length]`, whose header has `header_bytes`, under `index` (rollover counter · 2^16 +
    /// sequence number). Returns the new length; `buffer` has room for [`OVERHEAD`] more bytes.
    pub(crate) fn seal_rtp(
        &self,
        buffer: &mut [u8],
        header_bytes: usize,
        length: usize,
        index: u64,
    ) -> usize {
        match &self.0 {
            Keys::Gcm(keys) => keys.seal_rtp(buffer, header_bytes, length, index),
            Keys::Cm(keys) => keys.seal_rtp(buffer, header_bytes, length, index),
        }
    }

    /// Checks and decrypts an RTP packet in place. Returns the length of the plain packet, `None` when it is not authentic.
    pub(crate) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_bytes: usize,
        index: u64,
    ) -> Option<usize> {
        match &self.0 {
            Keys::Gcm(keys) => keys.open_rtp(packet, header_bytes, index),
            Keys::Cm(keys) => keys.open_rtp(packet, header_bytes, index),
        }
    }

    /// Protects the RTCP compound in `buffer[..length]` under the 31-bit `index`. Returns the new length.
    pub(crate) fn seal_rtcp(&self, buffer: &mut [u8], length: usize, index: u32) -> usize {
        match &self.0 {
            Keys::Gcm(keys) => keys.seal_rtcp(buffer, length, index),
            Keys::Cm(keys) => keys.seal_rtcp(buffer, length, index),
        }
    }

    /// Checks and decrypts an RTCP compound in place. Returns its plain length and its index.
    pub(crate) fn open_rtcp(&self, packet: &mut [u8]) -> Option<(usize, u32)> {
        match &self.0 {
            Keys::Gcm(keys) => keys.open_rtcp(packet),
            Keys::Cm(keys) => keys.open_rtcp(packet),
        }
    }
}

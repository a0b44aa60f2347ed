//! AEAD_AES_128_GCM (RFC 7714).

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::ENCRYPTED;
use super::kdf::{Label, derive};

/// Bytes of the tag.
const TAG: usize = 16;
/// Bytes of the SRTCP index at the end.
const INDEX: usize = 4;
/// Bytes of an RTCP compound that stay readable.
const RTCP_HEADER: usize = 8;

pub(super) struct GcmKeys {
    rtp: LessSafeKey,
    rtp_salt: [u8; 12],
    rtcp: LessSafeKey,
    rtcp_salt: [u8; 12],
}

impl GcmKeys {
    pub(super) fn new(key: &[u8; 16], salt: &[u8]) -> Option<Self> {
        let aead = |label| {
            Some(LessSafeKey::new(
                UnboundKey::new(&AES_128_GCM, &derive::<16>(key, salt, label)).ok()?,
            ))
        };
        Some(Self {
            rtp: aead(Label::RtpKey)?,
            rtp_salt: derive(key, salt, Label::RtpSalt),
            rtcp: aead(Label::RtcpKey)?,
            rtcp_salt: derive(key, salt, Label::RtcpSalt),
        })
    }

    /// Session keys as vectors name them; ours come from a master key.
    #[cfg(test)]
    pub(super) fn of_session(
        algorithm: &'static ring::aead::Algorithm,
        key: &[u8],
        salt: [u8; 12],
    ) -> Option<Self> {
        let aead = || Some(LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?));
        Some(Self {
            rtp: aead()?,
            rtp_salt: salt,
            rtcp: aead()?,
            rtcp_salt: salt,
        })
    }

    /// RFC 7714 section 8.1: 16 zero bits, SSRC, rollover counter, sequence number; XOR salt.
    fn rtp_nonce(&self, ssrc: &[u8], index: u64) -> Nonce {
        let mut nonce = self.rtp_salt;
        for (byte, ssrc) in nonce[2..6].iter_mut().zip(ssrc) {
            *byte ^= ssrc;
        }
        for (byte, index) in nonce[6..].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *byte ^= index;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// RFC 7714 section 9.1: 16 zero bits, SSRC, 16 zero bits, index; XOR salt.
    fn rtcp_nonce(&self, ssrc: &[u8], index: u32) -> Nonce {
        let mut nonce = self.rtcp_salt;
        for (byte, ssrc) in nonce[2..6].iter_mut().zip(ssrc) {
            *byte ^= ssrc;
        }
        for (byte, index) in nonce[8..].iter_mut().zip(&index.to_be_bytes()) {
            *byte ^= index;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    pub(super) fn seal_rtp(
        &self,
        buffer: &mut [u8],
        header_bytes: usize,
        length: usize,
        index: u64,
    ) -> usize {
        let (header, rest) = buffer.split_at_mut(header_bytes);
        let (payload, rest) = rest.split_at_mut(length - header_bytes);
        let nonce = self.rtp_nonce(&header[8..12], index);
        let tag = self
            .rtp
            .seal_in_place_separate_tag(nonce, Aad::from(&*header), payload)
            .expect("a datagram is far below the limit of GCM");
        rest[..TAG].copy_from_slice(tag.as_ref());
        length + TAG
    }

    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_bytes: usize,
        index: u64,
    ) -> Option<usize> {
        if packet.len() < header_bytes + TAG {
            return None;
        }
        let (header, sealed) = packet.split_at_mut(header_bytes);
        let nonce = self.rtp_nonce(&header[8..12], index);
        let plain = self
            .rtp
            .open_in_place(nonce, Aad::from(&*header), sealed)
            .ok()?;
        Some(header_bytes + plain.len())
    }

    pub(super) fn seal_rtcp(&self, buffer: &mut [u8], length: usize, index: u32) -> usize {
        let word = (index | ENCRYPTED).to_be_bytes();
        let mut aad = [0; RTCP_HEADER + INDEX];
        aad[..RTCP_HEADER].copy_from_slice(&buffer[..RTCP_HEADER]);
        aad[RTCP_HEADER..].copy_from_slice(&word);
        let nonce = self.rtcp_nonce(&aad[4..8], index);
        let (plain, rest) = buffer.split_at_mut(length);
        let tag = self
            .rtcp
            .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut plain[RTCP_HEADER..])
            .expect("a datagram is far below the limit of GCM");
        rest[..TAG].copy_from_slice(tag.as_ref());
        rest[TAG..TAG + INDEX].copy_from_slice(&word);
        length + TAG + INDEX
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8]) -> Option<(usize, u32)> {
        let sealed_end = packet
            .len()
            .checked_sub(INDEX)
            .filter(|end| *end >= RTCP_HEADER + TAG)?;
        let (message, word) = packet.split_at_mut(sealed_end);
        let word = u32::from_be_bytes([word[0], word[1], word[2], word[3]]);
        if word & ENCRYPTED == 0 {
            // RFC 7714 allows authentication without encryption; DTLS-SRTP peers always encrypt.
            return None;
        }
        let index = word & !ENCRYPTED;
        let mut aad = [0; RTCP_HEADER + INDEX];
        aad[..RTCP_HEADER].copy_from_slice(&message[..RTCP_HEADER]);
        aad[RTCP_HEADER..].copy_from_slice(&word.to_be_bytes());
        let nonce = self.rtcp_nonce(&aad[4..8], index);
        let plain = self
            .rtcp
            .open_in_place(nonce, Aad::from(aad), &mut message[RTCP_HEADER..])
            .ok()?;
        Some((RTCP_HEADER + plain.len(), index))
    }
}

//! AES_CM_128_HMAC_SHA1_80 (RFC 3711 sections 4.1.1 and 4.2.1).

use aes::Aes128;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use ring::hmac;

use super::ENCRYPTED;
use super::kdf::{Label, derive};

/// Bytes of the truncated tag.
const TAG: usize = 10;
/// Bytes of the SRTCP index before the tag.
const INDEX: usize = 4;
/// Bytes of an RTCP compound that stay readable.
const RTCP_HEADER: usize = 8;

struct Half {
    cipher: Aes128,
    salt: [u8; 14],
    authentication: hmac::Key,
}

impl Half {
    fn new(key: &[u8; 16], salt: &[u8], labels: [Label; 3]) -> Self {
        Self {
            cipher: Aes128::new(&derive::<16>(key, salt, labels[0]).into()),
            authentication: hmac::Key::new(
                hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                &derive::<20>(key, salt, labels[1]),
            ),
            salt: derive(key, salt, labels[2]),
        }
    }

    /// IV = salt · 2^16 XOR SSRC · 2^64 XOR index · 2^16.
    fn apply(&self, ssrc: [u8; 4], index: u64, bytes: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        for (byte, ssrc) in iv[4..8].iter_mut().zip(ssrc) {
            *byte ^= ssrc;
        }
        for (byte, index) in iv[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *byte ^= index;
        }
        let core = CtrCore::<Aes128, Ctr128BE>::inner_iv_init(self.cipher.clone(), &iv.into());
        StreamCipherCoreWrapper::from_core(core).apply_keystream(bytes);
    }

    fn tag(&self, message: &[u8], suffix: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(message);
        context.update(suffix);
        context.sign()
    }

    fn is_authentic(&self, message: &[u8], suffix: &[u8], tag: &[u8]) -> bool {
        let right = self.tag(message, suffix);
        tag.len() == TAG
            && right
                .as_ref()
                .iter()
                .zip(tag)
                .fold(0, |difference, (left, right)| difference | (left ^ right))
                == 0
    }
}

pub(super) struct CmKeys {
    rtp: Half,
    rtcp: Half,
}

impl CmKeys {
    pub(super) fn new(key: &[u8; 16], salt: &[u8]) -> Self {
        Self {
            rtp: Half::new(
                key,
                salt,
                [Label::RtpKey, Label::RtpAuthentication, Label::RtpSalt],
            ),
            rtcp: Half::new(
                key,
                salt,
                [Label::RtcpKey, Label::RtcpAuthentication, Label::RtcpSalt],
            ),
        }
    }

    pub(super) fn seal_rtp(
        &self,
        buffer: &mut [u8],
        header_bytes: usize,
        length: usize,
        index: u64,
    ) -> usize {
        let ssrc = [buffer[8], buffer[9], buffer[10], buffer[11]];
        self.rtp
            .apply(ssrc, index, &mut buffer[header_bytes..length]);
        let rollover = ((index >> 16) as u32).to_be_bytes();
        let tag = self.rtp.tag(&buffer[..length], &rollover);
        buffer[length..length + TAG].copy_from_slice(&tag.as_ref()[..TAG]);
        length + TAG
    }

    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_bytes: usize,
        index: u64,
    ) -> Option<usize> {
        let length = packet
            .len()
            .checked_sub(TAG)
            .filter(|length| *length >= header_bytes)?;
        let (message, tag) = packet.split_at_mut(length);
        let rollover = ((index >> 16) as u32).to_be_bytes();
        if !self.rtp.is_authentic(message, &rollover, tag) {
            return None;
        }
        let ssrc = [message[8], message[9], message[10], message[11]];
        self.rtp.apply(ssrc, index, &mut message[header_bytes..]);
        Some(length)
    }

    pub(super) fn seal_rtcp(&self, buffer: &mut [u8], length: usize, index: u32) -> usize {
        let ssrc = [buffer[4], buffer[5], buffer[6], buffer[7]];
        self.rtcp
            .apply(ssrc, u64::from(index), &mut buffer[RTCP_HEADER..length]);
        let end = length + INDEX;
        buffer[length..end].copy_from_slice(&(index | ENCRYPTED).to_be_bytes());
        let tag = self.rtcp.tag(&buffer[..end], &[]);
        buffer[end..end + TAG].copy_from_slice(&tag.as_ref()[..TAG]);
        end + TAG
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8]) -> Option<(usize, u32)> {
        let end = packet
            .len()
            .checked_sub(TAG)
            .filter(|end| *end >= RTCP_HEADER + INDEX)?;
        let (message, tag) = packet.split_at_mut(end);
        if !self.rtcp.is_authentic(message, &[], tag) {
            return None;
        }
        let length = end - INDEX;
        let word = u32::from_be_bytes([
            message[length],
            message[length + 1],
            message[length + 2],
            message[length + 3],
        ]);
        let index = word & !ENCRYPTED;
        if word & ENCRYPTED != 0 {
            let ssrc = [message[4], message[5], message[6], message[7]];
            self.rtcp
                .apply(ssrc, u64::from(index), &mut message[RTCP_HEADER..length]);
        }
        Some((length, index))
    }
}

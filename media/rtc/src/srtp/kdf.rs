//! Key derivation (RFC 3711 section 4.3, with a key derivation rate of 0).

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// What a derived key is for (RFC 3711 section 4.3.2).
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Label {
    RtpKey = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpKey = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// Derives `N` bytes from a master key and a master salt of 12 or 14 bytes.
pub(super) fn derive<const N: usize>(key: &[u8; 16], salt: &[u8], label: Label) -> [u8; N] {
    let cipher = Aes128::new(&(*key).into());
    let mut output = [0; N];
    for (counter, chunk) in output.chunks_mut(16).enumerate() {
        let mut block = [0; 16];
        block[..salt.len()].copy_from_slice(salt);
        block[7] ^= label as u8;
        block[14..].copy_from_slice(&(counter as u16).to_be_bytes());
        let mut block = block.into();
        cipher.encrypt_block(&mut block);
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    output
}

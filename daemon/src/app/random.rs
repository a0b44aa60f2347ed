//! Random names and secrets, from the operating system.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::Refusal;

/// `N` random bytes.
///
/// # Errors
/// `internal` when the operating system has no randomness; nothing weaker is used instead.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Refusal::new("internal", "no randomness"))?;
    Ok(bytes)
}

/// 128 random bits as text for a link: a join or resume token.
///
/// # Errors
/// As [`random_bytes`].
pub fn random_token() -> Result<String, Refusal> {
    Ok(URL_SAFE_NO_PAD.encode(random_bytes::<16>()?))
}

/// A room's name: 80 random bits in the letters and digits of base 32 (RFC 4648), lower case.
pub(super) fn random_room() -> Result<String, Refusal> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    Ok(random_bytes::<16>()?
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect())
}

/// SHA-256.
pub(super) fn sha256(data: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, data).as_ref());
    hash
}

/// Whether two secrets are the same, by hashes and in constant time: neither length nor a common beginning shows.
pub(super) fn same_secret(a: &str, b: &str) -> bool {
    use subtle::ConstantTimeEq as _;
    sha256(a.as_bytes()).ct_eq(&sha256(b.as_bytes())).into()
}

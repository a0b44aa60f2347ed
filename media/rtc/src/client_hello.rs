//! One question to a ClientHello: does it offer AES-GCM for SRTP?
//!
//! `rtc-dtls` takes the first profile of the client's list that the server allows, and Chromium lists AES-CM first although GCM
//! costs both sides less. So the server's list is chosen per association: only GCM when the client has it.

/// Extension type of `use_srtp` (RFC 5764).
const USE_SRTP: u16 = 14;
/// `SRTP_AEAD_AES_128_GCM` (RFC 7714).
const GCM: u16 = 7;

/// Whether the datagram begins with a whole ClientHello that offers `SRTP_AEAD_AES_128_GCM`.
pub(crate) fn offers_gcm(datagram: &[u8]) -> bool {
    gcm_in(datagram).unwrap_or(false)
}

fn gcm_in(datagram: &[u8]) -> Option<bool> {
    let mut reader = Reader(datagram);
    // DTLS record: type, version, epoch, sequence, length.
    if reader.take(13)?[0] != 22 {
        return None;
    }
    // Handshake: type, length, message sequence, fragment offset, fragment length.
    let head = reader.take(12)?;
    if head[0] != 1 || head[1..4] != head[9..12] {
        return None;
    }
    reader.take(2 + 32)?;
    reader.vector8()?;
    reader.vector8()?;
    reader.vector16()?;
    reader.vector8()?;
    let mut extensions = Reader(reader.vector16()?);
    while !extensions.0.is_empty() {
        let kind = extensions.word()?;
        let mut value = Reader(extensions.vector16()?);
        if kind == USE_SRTP {
            let profiles = value.vector16()?;
            return Some(profiles.chunks_exact(2).any(|profile| profile == GCM.to_be_bytes()));
        }
    }
    None
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(head)
    }

    fn word(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.take(1)?[0]);
        self.take(length)
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.word()?);
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(profiles: &[u8]) -> Vec<u8> {
        let mut body = vec![0xfe, 0xfd];
        body.extend_from_slice(&[0; 32]);
        body.extend_from_slice(&[0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
        let mut extension = vec![0, 14];
        extension.extend_from_slice(&(profiles.len() as u16 + 3).to_be_bytes());
        extension.extend_from_slice(&(profiles.len() as u16).to_be_bytes());
        extension.extend_from_slice(profiles);
        extension.push(0);
        body.extend_from_slice(&(extension.len() as u16 + 4).to_be_bytes());
        body.extend_from_slice(&[0, 23, 0, 0]);
        body.extend_from_slice(&extension);
        let length = &(body.len() as u32).to_be_bytes()[1..];
        let mut datagram = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
        datagram.extend_from_slice(&(body.len() as u16 + 12).to_be_bytes());
        datagram.push(1);
        datagram.extend_from_slice(length);
        datagram.extend_from_slice(&[0, 0, 0, 0, 0]);
        datagram.extend_from_slice(length);
        datagram.extend_from_slice(&body);
        datagram
    }

    #[test]
    fn finds_gcm_wherever_it_stands_in_the_list() {
        assert!(offers_gcm(&hello(&[0, 1, 0, 7])));
        assert!(offers_gcm(&hello(&[0, 7])));
        assert!(!offers_gcm(&hello(&[0, 1, 0, 8])));
    }

    #[test]
    fn a_cut_hello_offers_nothing() {
        let whole = hello(&[0, 7]);
        for length in 0..whole.len() - 1 {
            assert!(!offers_gcm(&whole[..length]));
        }
    }
}

//! One question to a ClientHello: does it offer AES-GCM for SRTP?
//!
//! `rtc-dtls` takes the first profile of the client's list that the server allows, and Chromium lists AES-CM first although GCM
//! costs both sides less. So the server's list is chosen per association: only GCM when the client has it.

/// Extension type of `use_srtp` (RFC 5764).
const USE_SRTP: u16 = 14;
/// `SRTP_AEAD_AES_128_GCM` (RFC 7714).
const GCM: u16 = 7;

/// What the first datagrams of a client say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// `SRTP_AEAD_AES_128_GCM` is on the list.
    Gcm,
    /// It is not, or this is no ClientHello.
    Other,
    /// The fragment with the list has not come. Chromium's hello has two, since it carries a post-quantum key share, and the order
    /// of its extensions is random.
    Unknown,
}

/// Looks into the fragments of a ClientHello, one a datagram, in any order.
pub(crate) fn offer(datagrams: &[Vec<u8>]) -> Offer {
    let mut fragments = Vec::new();
    for datagram in datagrams {
        match fragment(datagram) {
            Some(fragment) => fragments.push(fragment),
            None => return Offer::Other,
        }
    }
    fragments.sort_unstable_by_key(|(offset, ..)| *offset);
    let mut message = Vec::new();
    let mut total = 0;
    for (offset, length, body) in fragments {
        if offset == message.len() {
            message.extend_from_slice(body);
            total = length;
        }
    }
    match gcm_in(&message) {
        Some(true) => Offer::Gcm,
        Some(false) => Offer::Other,
        None if message.len() < total || message.is_empty() => Offer::Unknown,
        None => Offer::Other,
    }
}

/// Offset, message length and body of the handshake fragment that a datagram begins with.
fn fragment(datagram: &[u8]) -> Option<(usize, usize, &[u8])> {
    let mut reader = Reader(datagram);
    // DTLS record: type, version, epoch, sequence, length.
    if reader.take(13)?[0] != 22 {
        return None;
    }
    // Handshake: type, length, message sequence, fragment offset, fragment length.
    let head = reader.take(12)?;
    if head[0] != 1 {
        return None;
    }
    let number = |at: usize| {
        usize::from(head[at]) << 16 | usize::from(head[at + 1]) << 8 | usize::from(head[at + 2])
    };
    Some((number(6), number(1), reader.take(number(9))?))
}

/// Whether the list is there with GCM; `None` when the message ends before it.
fn gcm_in(message: &[u8]) -> Option<bool> {
    let mut reader = Reader(message);
    reader.take(2 + 32)?;
    reader.vector8()?;
    reader.vector8()?;
    reader.vector16()?;
    reader.vector8()?;
    reader.word()?;
    loop {
        let kind = reader.word()?;
        let mut value = Reader(reader.vector16()?);
        if kind == USE_SRTP {
            let profiles = value.vector16()?;
            return Some(
                profiles
                    .chunks_exact(2)
                    .any(|profile| profile == GCM.to_be_bytes()),
            );
        }
    }
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
        assert_eq!(offer(&[hello(&[0, 1, 0, 7])]), Offer::Gcm);
        assert_eq!(offer(&[hello(&[0, 7])]), Offer::Gcm);
        assert_eq!(offer(&[hello(&[0, 1, 0, 8])]), Offer::Other);
    }

    #[test]
    fn waits_for_the_fragment_with_the_list() {
        let whole = hello(&[0, 1, 0, 7]);
        let (head, body) = whole.split_at(25);
        let cut = |from: usize, to: usize| {
            let mut datagram = head.to_vec();
            datagram[19..22].copy_from_slice(&(from as u32).to_be_bytes()[1..]);
            datagram[22..25].copy_from_slice(&((to - from) as u32).to_be_bytes()[1..]);
            datagram.extend_from_slice(&body[from..to]);
            datagram
        };
        let (first, second) = (cut(0, 40), cut(40, body.len()));
        assert_eq!(offer(std::slice::from_ref(&first)), Offer::Unknown);
        assert_eq!(offer(std::slice::from_ref(&second)), Offer::Unknown);
        assert_eq!(offer(&[second, first]), Offer::Gcm);
    }

    #[test]
    fn anything_else_is_passed_on() {
        let whole = hello(&[0, 7]);
        for length in 0..whole.len() - 1 {
            assert_eq!(offer(&[whole[..length].to_vec()]), Offer::Other);
        }
    }
}

//! Datagrams in a stream of bytes: RFC 4571 (ICE-TCP), and TURN over TCP (RFC 8656 section 12.5).

use crate::socket::DATAGRAM_MAX;

/// STUN's magic cookie (RFC 8489 section 5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const STUN_HEADER: usize = 20;
const CHANNEL_HEADER: usize = 4;
/// Longest frame: a datagram with the header and attributes of a TURN indication around it.
pub(super) const FRAME_MAX: usize = DATAGRAM_MAX + 64;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// A length of two bytes, then a datagram (RFC 4571).
    Ice,
    /// STUN messages and ChannelData, which carry their lengths themselves.
    Turn,
}

/// The bytes belong to no protocol of ours, or a length lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// What the first bytes of a connection say; `None` while they are too few.
pub(super) fn recognise(bytes: &[u8]) -> Result<Option<Framing>, Broken> {
    // Both begin with a binding request or another STUN request: two zero bits, and as a length less than a datagram's.
    match bytes.first() {
        None => return Ok(None),
        Some(first) if usize::from(*first) << 8 > DATAGRAM_MAX => return Err(Broken),
        Some(_) => {}
    }
    match (bytes.get(4..8), bytes.get(6..10)) {
        (Some(cookie), _) if cookie == COOKIE => Ok(Some(Framing::Turn)),
        (_, Some(cookie)) if cookie == COOKIE => Ok(Some(Framing::Ice)),
        (_, Some(_)) => Err(Broken),
        _ => Ok(None),
    }
}

/// The first whole frame in `bytes`: where its content lies, and where the next frame begins. `None` while it is not whole.
pub(super) fn next(
    framing: Framing,
    bytes: &[u8],
) -> Result<Option<(std::ops::Range<usize>, usize)>, Broken> {
    let word = |at: usize| {
        Some(usize::from(u16::from_be_bytes([
            *bytes.get(at)?,
            *bytes.get(at + 1)?,
        ])))
    };
    let (content, end) = match framing {
        Framing::Ice => {
            let Some(length) = word(0) else {
                return Ok(None);
            };
            if length > DATAGRAM_MAX {
                return Err(Broken);
            }
            (2..2 + length, 2 + length)
        }
        Framing::Turn => {
            let (Some(kind), Some(length)) = (word(0), word(2)) else {
                return Ok(None);
            };
            match kind {
                0..0x4000 if length % 4 == 0 => (0..STUN_HEADER + length, STUN_HEADER + length),
                // Padded to a multiple of four on streams, which the length does not count.
                0x4000..0x5000 => (
                    0..CHANNEL_HEADER + length,
                    CHANNEL_HEADER + length.next_multiple_of(4),
                ),
                _ => return Err(Broken),
            }
        }
    };
    if end > FRAME_MAX {
        return Err(Broken);
    }
    Ok((bytes.len() >= end).then_some((content, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_who_speaks() {
        let mut stun = vec![0, 1, 0, 0];
        stun.extend(COOKIE);
        stun.extend([7; 12]);
        let mut framed = vec![0, 20];
        framed.extend(&stun);
        assert_eq!(recognise(&stun), Ok(Some(Framing::Turn)));
        assert_eq!(recognise(&framed), Ok(Some(Framing::Ice)));
        for length in 0..8 {
            assert_eq!(recognise(&stun[..length]), Ok(None), "{length}");
        }
        assert_eq!(recognise(&framed[..9]), Ok(None));
        for other in [
            &b"GET / HTTP/1.1"[..],
            b"\x16\x03\x01\x02\x00\x01",
            b"SSH-2.0-x",
            b"\xff\xff",
        ] {
            assert_eq!(recognise(other), Err(Broken));
        }
        assert_eq!(recognise(&[0; 10]), Err(Broken));
    }

    #[test]
    fn frames_come_out_whole_however_they_are_cut() {
        let mut bytes = Vec::new();
        for length in [0u16, 1, 3, 1200] {
            bytes.extend(length.to_be_bytes());
            bytes.extend(vec![length as u8; usize::from(length)]);
        }
        for cut in 0..bytes.len() {
            let mut lengths = Vec::new();
            let mut at = 0;
            for end in [cut, bytes.len()] {
                while let Some((content, after)) = next(Framing::Ice, &bytes[at..end]).unwrap() {
                    lengths.push(content.len());
                    at += after;
                }
            }
            assert_eq!(lengths, [0, 1, 3, 1200], "cut at {cut}");
        }
    }

    #[test]
    fn channel_data_is_padded_on_a_stream() {
        let bytes = [0x40, 0x01, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0x40];
        assert_eq!(next(Framing::Turn, &bytes), Ok(Some((0..9, 12))));
        assert_eq!(next(Framing::Turn, &bytes[..11]), Ok(None));
    }

    #[test]
    fn lengths_that_lie_are_refused_before_anything_is_kept() {
        assert_eq!(next(Framing::Ice, &[0xff, 0xff]), Err(Broken));
        assert_eq!(next(Framing::Ice, &[0x08, 0x01]), Err(Broken));
        assert_eq!(next(Framing::Turn, &[0x00, 0x01, 0xff, 0xfc]), Err(Broken));
        assert_eq!(next(Framing::Turn, &[0x00, 0x01, 0x00, 0x03]), Err(Broken));
        assert_eq!(next(Framing::Turn, &[0x40, 0x00, 0xff, 0xff]), Err(Broken));
        assert_eq!(next(Framing::Turn, &[0x80, 0x00, 0x00, 0x00]), Err(Broken));
    }
}

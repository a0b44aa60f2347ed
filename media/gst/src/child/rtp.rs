//! The RTP header (RFC 3550 §5.1), read from a packet that may be hostile.

/// What a recording needs of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload_type: u8,
    /// Without header, extension and padding. Empty for the padding that congestion control sends as probes.
    pub(super) payload: &'a [u8],
}

const FIXED_BYTES: usize = 12;

/// `None` for anything whose lengths contradict each other.
pub(super) fn parse(bytes: &[u8]) -> Option<Packet<'_>> {
    let (fixed, rest) = bytes.split_at_checked(FIXED_BYTES)?;
    if fixed[0] >> 6 != 2 {
        return None;
    }
    // 64–95 in the payload type's place is RTCP (RFC 5761 §4).
    if (64..=95).contains(&(fixed[1] & 0x7f)) {
        return None;
    }
    let sources = usize::from(fixed[0] & 0x0f) * 4;
    let mut payload = rest.get(sources..)?;
    if fixed[0] & 0x10 != 0 {
        let words = u16::from_be_bytes([*payload.get(2)?, *payload.get(3)?]);
        payload = payload.get(4 + usize::from(words) * 4..)?;
    }
    if fixed[0] & 0x20 != 0 {
        let padding = usize::from(*payload.last()?);
        if padding == 0 {
            return None;
        }
        payload = payload.get(..payload.len().checked_sub(padding)?)?;
    }
    Some(Packet {
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        marker: fixed[1] & 0x80 != 0,
        payload_type: fixed[1] & 0x7f,
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_sources_and_padding_are_cut_off() {
        let mut bytes = vec![0xb1, 0x80 | 96, 0x01, 0x02, 0, 0, 0, 9, 0, 0, 0, 1];
        bytes.extend([0, 0, 0, 7]); // one contributing source
        bytes.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]); // extension of one word
        bytes.extend(b"abc");
        bytes.extend([0, 2]); // padding
        let packet = parse(&bytes).unwrap();
        assert_eq!(
            packet,
            Packet {
                sequence: 0x0102,
                timestamp: 9,
                marker: true,
                payload_type: 96,
                payload: b"abc"
            }
        );
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let header = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(parse(&header).is_some_and(|packet| packet.payload.is_empty()));
        assert_eq!(parse(&header[..11]), None);
        let with = |first: u8, rest: &[u8]| [&[first], &header[1..], rest].concat();
        assert_eq!(parse(&with(0x40, b"")), None, "version 1");
        assert_eq!(parse(&with(0x8f, b"abc")), None, "15 sources");
        assert_eq!(
            parse(&with(0x90, &[0, 0, 0xff, 0xff])),
            None,
            "extension beyond the end"
        );
        assert_eq!(parse(&with(0xa0, &[])), None, "padding of nothing");
        assert_eq!(parse(&with(0xa0, &[0])), None, "padding of zero");
        assert_eq!(
            parse(&with(0xa0, &[9])),
            None,
            "padding longer than the payload"
        );
        assert_eq!(
            parse(&[0x80, 0x80 | 72, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0]),
            None,
            "RTCP"
        );
    }
}

//! RTP headers (RFC 3550) and header extensions (RFC 8285).

/// Bytes of the fixed header.
const FIXED: usize = 12;
/// `profile` of one-byte header extensions.
const ONE_BYTE: u16 = 0xBEDE;

/// A parsed RTP header. Offsets refer to the packet that it was parsed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// Marker bit.
    pub marker: bool,
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in the clock of the payload.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Whether the padding bit is set.
    pub padding: bool,
    /// Where the payload begins: the length of fixed header, CSRCs and extensions.
    pub header_bytes: usize,
    profile: u16,
    extension_start: usize,
}

impl RtpHeader {
    /// Parses the header of `packet`; the payload may still be encrypted. `None` when it is no RTP version 2 or is cut.
    #[must_use]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        if packet.len() < FIXED || packet[0] >> 6 != 2 {
            return None;
        }
        let mut at = FIXED + usize::from(packet[0] & 0x0f) * 4;
        let mut profile = 0;
        let mut extension_start = at;
        if packet[0] & 0x10 != 0 {
            let words = packet.get(at..at + 4)?;
            profile = u16::from_be_bytes([words[0], words[1]]);
            extension_start = at + 4;
            at = extension_start + usize::from(u16::from_be_bytes([words[2], words[3]])) * 4;
        }
        if at > packet.len() {
            return None;
        }
        Some(Self {
            marker: packet[1] & 0x80 != 0,
            payload_type: packet[1] & 0x7f,
            sequence: u16::from_be_bytes([packet[2], packet[3]]),
            timestamp: u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]),
            ssrc: u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]),
            padding: packet[0] & 0x20 != 0,
            header_bytes: at,
            profile,
            extension_start,
        })
    }

    /// The payload of the decrypted packet without padding; `None` when the padding count is wrong (RFC 3550 section 5.1).
    #[must_use]
    pub fn payload<'a>(&self, packet: &'a [u8]) -> Option<&'a [u8]> {
        let body = packet.get(self.header_bytes..)?;
        if !self.padding {
            return Some(body);
        }
        let count = usize::from(*body.last()?);
        if count == 0 || count > body.len() {
            return None;
        }
        Some(&body[..body.len() - count])
    }

    /// The header extension with `id`, in one-byte or two-byte form.
    #[must_use]
    pub fn extension<'a>(&self, packet: &'a [u8], id: u8) -> Option<&'a [u8]> {
        let mut rest = packet.get(self.extension_start..self.header_bytes)?;
        let two_byte = self.profile & 0xfff0 == 0x1000;
        if self.profile != ONE_BYTE && !two_byte {
            return None;
        }
        while let Some((&first, tail)) = rest.split_first() {
            if first == 0 {
                // Padding between elements.
                rest = tail;
                continue;
            }
            let (element, length, tail) = if two_byte {
                let (&length, tail) = tail.split_first()?;
                (first, usize::from(length), tail)
            } else {
                if first >> 4 == 15 {
                    // Id 15 ends the list (RFC 8285 section 4.2).
                    return None;
                }
                (first >> 4, usize::from(first & 0x0f) + 1, tail)
            };
            if tail.len() < length {
                return None;
            }
            if element == id {
                return Some(&tail[..length]);
            }
            rest = &tail[length..];
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![first, 0x80 | 111, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 7];
        packet.extend_from_slice(rest);
        packet
    }

    #[test]
    fn reads_header_extensions_and_payload() {
        let bytes = packet(
            0xb1,
            &[
                1, 2, 3, 4, 0xbe, 0xde, 0, 2, 0x10, 0x7f, 0, 0x21, 0xaa, 0xbb, 0, 0, 5, 6, 0, 0, 3,
            ],
        );
        let header = RtpHeader::parse(&bytes).unwrap();
        assert_eq!(
            (header.sequence, header.timestamp, header.ssrc),
            (0x1234, 9, 7)
        );
        assert!(header.marker);
        assert_eq!(header.extension(&bytes, 1), Some(&[0x7f][..]));
        assert_eq!(header.extension(&bytes, 2), Some(&[0xaa, 0xbb][..]));
        assert_eq!(header.extension(&bytes, 3), None);
        assert_eq!(
            header.payload(&bytes),
            Some(&[5, 6][..]),
            "three bytes are padding"
        );
    }

    #[test]
    fn refuses_lies_about_lengths() {
        assert!(
            RtpHeader::parse(&packet(0x8f, &[])).is_none(),
            "15 CSRCs that are not there"
        );
        assert!(RtpHeader::parse(&packet(0x90, &[0xbe, 0xde, 0xff, 0xff])).is_none());
        assert!(RtpHeader::parse(&[0x80; 11]).is_none());
        let padded = packet(0xa0, &[1, 2, 200]);
        assert_eq!(RtpHeader::parse(&padded).unwrap().payload(&padded), None);
        let none = packet(0xa0, &[]);
        assert_eq!(RtpHeader::parse(&none).unwrap().payload(&none), None);
        let cut = packet(0x90, &[0xbe, 0xde, 0, 1, 0x1f, 0, 0, 0]);
        assert_eq!(RtpHeader::parse(&cut).unwrap().extension(&cut, 1), None);
    }

    #[test]
    fn reads_two_byte_extensions() {
        let bytes = packet(0x90, &[0x10, 0, 0, 1, 5, 2, 8, 9]);
        assert_eq!(
            RtpHeader::parse(&bytes).unwrap().extension(&bytes, 5),
            Some(&[8, 9][..])
        );
    }
}

//! H.264 payloads (RFC 6184): where a picture begins that a decoder can start with.

use super::Frame;

/// NAL unit types (RFC 6184 section 5.2, H.264 table 7-1).
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// What an H.264 payload says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H264 {
    /// What the packet is part of. A picture begins with its parameter set when it has one: of slices, only the marker before
    /// them tells that they begin a picture, so `start` is set on keyframes alone.
    pub frame: Frame,
}

impl H264 {
    /// Parses a payload of packetization mode 0 or 1; `None` when it is cut or of another mode.
    ///
    /// A keyframe is an IDR picture with its sequence parameter set before it: one without can be decoded only by who got the set
    /// earlier, and the bridge shows no one else's past. It begins where the set is.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let keyframe = match first & 0x1f {
            1..=23 => first & 0x1f == SPS,
            STAP_A => holds_sps(&payload[1..])?,
            FU_A => {
                let header = *payload.get(1)?;
                header & 0x80 != 0 && header & 0x1f == SPS
            }
            _ => return None,
        };
        Some(Self {
            frame: Frame {
                keyframe,
                start: keyframe,
                ..Frame::PLAIN
            },
        })
    }

    /// Whether the payload holds a slice of an IDR picture, or the beginning of one.
    #[must_use]
    pub fn is_idr(payload: &[u8]) -> bool {
        match payload {
            [first, ..] if first & 0x1f == IDR => true,
            [first, header, ..] if first & 0x1f == FU_A => header & 0x9f == 0x80 | IDR,
            [first, rest @ ..] if first & 0x1f == STAP_A => {
                units(rest).any(|unit| unit & 0x1f == IDR)
            }
            _ => false,
        }
    }
}

/// The headers of the units in an aggregation packet, as far as the sizes fit.
fn units(mut rest: &[u8]) -> impl Iterator<Item = u8> + '_ {
    std::iter::from_fn(move || {
        let (size, tail) = rest.split_at_checked(2)?;
        let size = usize::from(u16::from_be_bytes([size[0], size[1]]));
        let (unit, tail) = tail.split_at_checked(size)?;
        rest = tail;
        unit.first().copied()
    })
}

/// Whether an aggregation packet holds a parameter set; `None` when its first unit is cut.
fn holds_sps(rest: &[u8]) -> Option<bool> {
    units(rest).next()?;
    Some(units(rest).any(|unit| unit & 0x1f == SPS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyframe(payload: &[u8]) -> bool {
        H264::parse(payload).unwrap().frame.keyframe
    }

    #[test]
    fn a_keyframe_begins_with_its_parameter_set() {
        assert!(keyframe(&[0x67, 0x42, 0xe0, 0x1f]), "a set by itself");
        assert!(!keyframe(&[0x68, 0xce]), "a picture parameter set");
        assert!(!keyframe(&[0x65, 0x88]), "a picture without its set");
        assert!(!keyframe(&[0x41, 0x9a]), "a slice of another picture");
        assert!(!keyframe(&[0x09, 0x10]), "a delimiter");
    }

    #[test]
    fn a_keyframe_may_be_aggregated_or_in_fragments() {
        let aggregate = [0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68, 0, 2, 0x65, 0x88];
        assert!(keyframe(&aggregate) && H264::is_idr(&aggregate));
        assert!(!keyframe(&[0x78, 0, 1, 0x06, 0, 2, 0x41, 0x9a]));
        let late = [0x78, 0, 1, 0x09, 0, 2, 0x67, 0x42];
        assert!(keyframe(&late), "behind a delimiter");
        assert!(keyframe(&[0x7c, 0x87, 1]), "a fragmented set");
        assert!(!keyframe(&[0x7c, 0x07, 1]), "its second fragment");
        assert!(!keyframe(&[0x7c, 0x85, 1]), "a fragmented picture alone");
        assert!(H264::is_idr(&[0x7c, 0x85, 1]) && !H264::is_idr(&[0x7c, 0x45, 1]));
    }

    #[test]
    fn refuses_what_is_cut_and_other_modes() {
        for payload in [
            &[][..],
            &[0x78],
            &[0x78, 0],
            &[0x78, 0, 9, 0x67],
            &[0x7c],
            &[0x79, 0, 0],
            &[0x7d, 0x85, 1],
            &[0x60],
        ] {
            assert_eq!(H264::parse(payload), None, "{payload:?}");
        }
        assert!(
            keyframe(&[0x78, 0, 1, 0x67, 0xff, 0xff, 1]),
            "what fits is read"
        );
    }
}

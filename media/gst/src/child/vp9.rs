//! VP9 pictures from RTP payloads (RFC 9628; frame header VP9 bitstream specification §6.2). The spatial layers of a picture follow one
//! another in one buffer, as they come: that is how libvpx takes them, and it gives the uppermost.

use super::assembler::Part;
use super::bits::Bits;

/// Appends a payload's frame data to `out`.
pub(super) fn unpack(payload: &[u8], out: &mut Vec<u8>) -> Option<Part> {
    let first = *payload.first()?;
    let mut length = 1;
    let mut spatial = 0;
    let (predicted, flexible) = (first & 0x40 != 0, first & 0x10 != 0);
    if first & 0x80 != 0 {
        let long = payload.get(length)? & 0x80 != 0;
        length += if long { 2 } else { 1 };
    }
    if first & 0x20 != 0 {
        spatial = payload.get(length)? >> 1 & 7;
        length += if flexible { 1 } else { 2 };
    }
    if flexible && predicted {
        // At most three differences, each saying whether one follows.
        for _ in 0..3 {
            length += 1;
            if payload.get(length - 1)? & 1 == 0 {
                break;
            }
        }
    }
    if first & 0x02 != 0 {
        length += structure(payload.get(length..)?)?;
    }
    let data = payload.get(length..).filter(|data| !data.is_empty())?;
    let starts = first & 0x08 != 0;
    let begins = match (starts && spatial == 0, predicted) {
        (true, false) => Some(pixels(data).unwrap_or(0)),
        // Whatever the descriptor says, a decoder believes the data.
        (true, true) => pixels(data),
        (false, _) => None,
    };
    out.extend_from_slice(data);
    Some(Part {
        first: starts,
        begins,
        key: begins.is_some(),
    })
}

/// Length of the scalability structure in bytes.
fn structure(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    let mut length = 1;
    if first & 0x10 != 0 {
        length += 4 * (usize::from(first >> 5) + 1);
    }
    if first & 0x08 != 0 {
        let pictures = *bytes.get(length)?;
        length += 1;
        for _ in 0..pictures {
            length += 1 + usize::from(bytes.get(length)? >> 2 & 3);
        }
    }
    Some(length)
}

/// Size of the picture that a keyframe announces.
fn pixels(data: &[u8]) -> Option<u64> {
    const SRGB: u32 = 7;
    let mut bits = Bits::new(data);
    if bits.take(2)? != 2 {
        return None;
    }
    let profile = bits.take(1)? | bits.take(1)? << 1;
    if profile == 3 {
        bits.skip(1)?;
    }
    // A picture shown again, or one that refers to others.
    if bits.flag()? || bits.flag()? {
        return None;
    }
    bits.skip(2)?;
    if bits.take(24)? != 0x49_83_42 {
        return None;
    }
    if profile >= 2 {
        bits.skip(1)?;
    }
    let sampling = profile & 1 == 1;
    if bits.take(3)? == SRGB {
        bits.skip(usize::from(sampling))?;
    } else {
        bits.skip(if sampling { 4 } else { 1 })?;
    }
    let width = u64::from(bits.take(16)?) + 1;
    let height = u64::from(bits.take(16)?) + 1;
    Some(width * height)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A keyframe of 640×360 in profile 0.
    const KEY: &[u8] = &[0x82, 0x49, 0x83, 0x42, 0x00, 0x27, 0xf0, 0x16, 0x70];

    #[test]
    fn descriptors_of_every_length_are_cut_off() {
        let mut out = Vec::new();
        // Picture id of 15 bits, layers, begin and end, a structure of one layer with its size and one picture of two references.
        let mut payload = vec![0x8a | 0x20, 0x81, 0x02, 0x00, 0x05];
        payload.extend([0x18, 0x02, 0x80, 0x01, 0x68, 1, 0x08, 1, 2]);
        payload.extend(KEY);
        let part = unpack(&payload, &mut out).unwrap();
        assert_eq!(part.begins, Some(640 * 360));
        assert!(part.key);
        assert_eq!(out, KEY);
        // The upper layer of the same picture is no beginning.
        let upper = [0x80 | 0x20 | 0x08, 0x05, 0x02, 0x00, 7];
        assert!(unpack(&upper, &mut out).is_some_and(|part| part.begins.is_none()));
        // Flexible mode with two differences.
        let flexible = [0x80 | 0x40 | 0x20 | 0x10 | 0x08, 0x05, 0x00, 0x03, 0x02, 9];
        assert!(unpack(&flexible, &mut out).is_some_and(|part| part.begins.is_none()));
        assert_eq!(out, [KEY, &[7, 9]].concat());
    }

    #[test]
    fn what_is_cut_or_no_keyframe_announces_nothing() {
        let mut out = Vec::new();
        for payload in [
            &[][..],
            &[0x80],
            &[0x80, 0x81],
            &[0xa0, 1],
            &[0x0a, 0x18, 0, 0],
            &[0x0a, 0x08, 200, 0],
            &[0x08],
        ] {
            assert_eq!(unpack(payload, &mut out), None, "{payload:?}");
        }
        let part = unpack(&[&[0x08], &KEY[..4]].concat(), &mut out).unwrap();
        assert_eq!(part.begins, Some(0));
    }
}

//! AV1 temporal units from RTP payloads (RTP Payload Format For AV1, §4) in the low-overhead format (AV1 §5.2).

use super::assembler::Part;
use super::bits::Bits;

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
/// A temporal delimiter with its size.
const DELIMITER: &[u8] = &[0x12, 0];
/// Largest OBU that is put together, in bytes.
const OBU_BYTES_MAX: usize = 2 << 20;

/// Appends a payload's OBUs to `out`; the last one waits in `pending` while its end is in the next packet.
pub(super) fn unpack(payload: &[u8], pending: &mut Vec<u8>, out: &mut Vec<u8>) -> Option<Part> {
    let (&aggregation, mut rest) = payload.split_first()?;
    let (continues, goes_on) = (aggregation & 0x80 != 0, aggregation & 0x40 != 0);
    let (elements, begins) = (aggregation >> 4 & 3, aggregation & 0x08 != 0);
    if !continues {
        pending.clear();
    }
    let mut part = Part {
        first: !continues,
        ..Part::default()
    };
    let mut header = None;
    let mut index = 0;
    while !rest.is_empty() {
        index += 1;
        let size = if index == elements {
            rest.len()
        } else {
            leb128(&mut rest)?
        };
        let (element, tail) = rest.split_at_checked(size)?;
        rest = tail;
        if pending.len() + element.len() > OBU_BYTES_MAX {
            return None;
        }
        pending.extend_from_slice(element);
        if rest.is_empty() && goes_on {
            break;
        }
        if let Some(pixels) = write(pending, out)? {
            header = Some(pixels);
        }
        pending.clear();
    }
    if begins {
        part.key = true;
        part.begins = Some(header.unwrap_or(0));
    }
    Some(part)
}

/// Writes one OBU with its size; the pixels that it announces when it is a sequence header.
fn write(obu: &[u8], out: &mut Vec<u8>) -> Option<Option<u64>> {
    let Some(&first) = obu.first() else {
        return Some(None);
    };
    if first & 0x80 != 0 {
        return None;
    }
    let kind = first >> 3 & 15;
    let header_bytes = if first & 0x04 != 0 { 2 } else { 1 };
    let (header, mut body) = obu.split_at_checked(header_bytes)?;
    if first & 0x02 != 0 {
        let size = leb128(&mut body)?;
        body = body.get(..size)?;
    }
    if matches!(kind, TEMPORAL_DELIMITER | TILE_LIST) {
        return Some(None);
    }
    if out.is_empty() {
        out.extend_from_slice(DELIMITER);
    }
    out.push(first | 0x02);
    out.extend_from_slice(&header[1..]);
    let mut size = body.len();
    while size >= 0x80 {
        out.push(0x80 | (size & 0x7f) as u8);
        size >>= 7;
    }
    out.push(size as u8);
    out.extend_from_slice(body);
    Some((kind == SEQUENCE_HEADER).then(|| pixels(body).unwrap_or(0)))
}

/// A length in groups of seven bits, lowest first (AV1 §4.10.5); at most four bytes.
fn leb128(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for place in 0..4 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Size of the picture that a sequence header announces (AV1 §5.5.1).
fn pixels(body: &[u8]) -> Option<u64> {
    let mut bits = Bits::new(body);
    bits.skip(4)?;
    if bits.flag()? {
        bits.skip(5)?;
    } else {
        let mut delay_bits = None;
        if bits.flag()? {
            bits.skip(64)?;
            if bits.flag()? {
                bits.golomb()?;
            }
            if bits.flag()? {
                delay_bits = Some(bits.take(5)? as usize + 1);
                bits.skip(42)?;
            }
        }
        let display_delay = bits.flag()?;
        for _ in 0..=bits.take(5)? {
            bits.skip(12)?;
            if bits.take(5)? > 7 {
                bits.skip(1)?;
            }
            if let Some(delay_bits) = delay_bits
                && bits.flag()?
            {
                bits.skip(2 * delay_bits + 1)?;
            }
            if display_delay && bits.flag()? {
                bits.skip(4)?;
            }
        }
    }
    let width_bits = bits.take(4)? as usize + 1;
    let height_bits = bits.take(4)? as usize + 1;
    let width = u64::from(bits.take(width_bits)?) + 1;
    let height = u64::from(bits.take(height_bits)?) + 1;
    Some(width * height)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 640×360: profile 0, no timing, one operating point of level 8, ten bits a side.
    const HEADER: &[u8] = &[0x08, 0x00, 0x00, 0x00, 0x42, 0x66, 0x7f, 0x59, 0xc0];

    #[test]
    fn units_get_their_sizes_and_a_delimiter_before_them() {
        let (mut pending, mut out) = (Vec::new(), Vec::new());
        let size = HEADER.len() as u8;
        let first = [&[0x68, size], HEADER, &[0x30, 1, 2]].concat();
        let part = unpack(&first, &mut pending, &mut out).unwrap();
        assert!(part.key);
        assert_eq!(part.begins, Some(640 * 360));
        assert_eq!(pending, [0x30, 1, 2], "the frame goes on");
        let part = unpack(&[0x90, 3, 4], &mut pending, &mut out).unwrap();
        assert_eq!(part, Part::default());
        let expected = [
            DELIMITER,
            &[0x0a, size - 1],
            &HEADER[1..],
            &[0x32, 4, 1, 2, 3, 4],
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn lengths_that_lie_are_refused_and_delimiters_are_left_out() {
        let (mut pending, mut out) = (Vec::new(), Vec::new());
        assert_eq!(unpack(&[], &mut pending, &mut out), None);
        for payload in [
            &[0x00, 9, 1][..],
            &[0x00, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x10, 0x80],
        ] {
            assert_eq!(unpack(payload, &mut pending, &mut out), None, "{payload:?}");
        }
        let part = unpack(&[0x10, 0x10], &mut pending, &mut out).unwrap();
        assert!(part.first && part.begins.is_none());
        assert!(out.is_empty());
        let begun = unpack(&[0x18, 0x30, 1], &mut pending, &mut out).unwrap();
        assert_eq!(begun.begins, Some(0), "a beginning without its header");
    }
}

//! H.264 NAL units from RTP payloads (RFC 6184, packetization mode 1) as a byte stream (H.264 annex B).

use super::assembler::Part;
use super::bits::Bits;

const START_CODE: &[u8] = &[0, 0, 0, 1];
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Appends a payload's units to `out`. A picture that a decoder can start with begins at its parameter set and holds an IDR slice.
pub(super) fn unpack(payload: &[u8], out: &mut Vec<u8>) -> Option<Part> {
    let mut part = Part {
        first: true,
        ..Part::default()
    };
    let (&first, rest) = payload.split_first()?;
    match first & 0x1f {
        1..=23 => add(payload, out, &mut part),
        STAP_A => {
            let mut rest = rest;
            while let Some((size, tail)) = rest.split_first_chunk() {
                let (unit, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*size)))?;
                if !unit.is_empty() {
                    add(unit, out, &mut part);
                }
                rest = tail;
            }
        }
        FU_A => {
            let (&header, data) = rest.split_first()?;
            if header & 0x80 == 0 {
                part.first = false;
                out.extend_from_slice(data);
            } else {
                let whole = [&[first & 0xe0 | header & 0x1f], data].concat();
                add(&whole, out, &mut part);
            }
        }
        _ => return None,
    }
    Some(part)
}

fn add(unit: &[u8], out: &mut Vec<u8>, part: &mut Part) {
    match unit[0] & 0x1f {
        SPS => part.begins = Some(pixels(unit).unwrap_or(0)),
        IDR => part.key = true,
        _ => {}
    }
    out.extend_from_slice(START_CODE);
    out.extend_from_slice(unit);
}

/// Size of the picture that a sequence parameter set announces (H.264 §7.3.2.1.1).
fn pixels(unit: &[u8]) -> Option<u64> {
    let mut plain = Vec::with_capacity(unit.len());
    for (place, &byte) in unit.iter().enumerate().skip(1) {
        // A 3 after two zeros only keeps the unit free of start codes.
        if byte != 3 || place < 3 || unit[place - 2..place] != [0, 0] {
            plain.push(byte);
        }
    }
    let mut bits = Bits::new(&plain);
    let profile = bits.take(8)?;
    bits.skip(16)?;
    bits.golomb()?;
    if matches!(
        profile,
        44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244
    ) {
        let chroma = bits.golomb()?;
        if chroma == 3 {
            bits.skip(1)?;
        }
        bits.golomb()?;
        bits.golomb()?;
        bits.skip(1)?;
        if bits.flag()? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.flag()? {
                    skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => {
            bits.golomb()?;
        }
        1 => {
            bits.skip(1)?;
            bits.golomb()?;
            bits.golomb()?;
            for _ in 0..bits.golomb()?.min(255) {
                bits.golomb()?;
            }
        }
        _ => {}
    }
    bits.golomb()?;
    bits.skip(1)?;
    let width = u64::from(bits.golomb()?) + 1;
    let height = u64::from(bits.golomb()?) + 1;
    let fields = if bits.flag()? { 1 } else { 2 };
    Some(width * 16 * height * 16 * fields)
}

fn skip_scaling_list(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.signed_golomb()?).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Baseline, 640×360 in 40×23 macroblocks: x264's own set.
    const SET: &[u8] = &[
        0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00,
        0x01, 0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2e, 0x48,
    ];

    #[test]
    fn units_alone_together_and_in_pieces_become_a_byte_stream() {
        let mut out = Vec::new();
        let stap = [&[0x78, 0, 25], SET, &[0, 2, 0x68, 0xce]].concat();
        let part = unpack(&stap, &mut out).unwrap();
        assert_eq!(part.begins, Some(640 * 368));
        assert!(!part.key);
        assert_eq!(
            unpack(&[0x7c, 0x85, 1, 2], &mut out),
            Some(Part {
                first: true,
                begins: None,
                key: true
            })
        );
        assert_eq!(unpack(&[0x7c, 0x45, 3], &mut out), Some(Part::default()));
        let expected = [
            START_CODE,
            SET,
            START_CODE,
            &[0x68, 0xce],
            START_CODE,
            &[0x65, 1, 2, 3],
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn sizes_that_lie_and_other_modes_are_refused() {
        let mut out = Vec::new();
        for payload in [
            &[][..],
            &[0x78, 0, 9, 1],
            &[0x7c],
            &[0x19, 0, 0],
            &[0x1d, 0x85, 0, 0],
            &[0],
        ] {
            assert_eq!(unpack(payload, &mut out), None, "{payload:?}");
        }
        let part = unpack(&SET[..5], &mut out).unwrap();
        assert_eq!(part.begins, Some(0), "a set that is cut announces no size");
    }
}

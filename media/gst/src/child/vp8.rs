//! VP8 frames from RTP payloads (RFC 7741 §4.2, §4.5.1; frame header RFC 6386 §9.1).

use super::assembler::Part;

/// Appends a payload's frame data to `out`.
pub(super) fn unpack(payload: &[u8], out: &mut Vec<u8>) -> Option<Part> {
    let (starts_frame, data) = descriptor(payload)?;
    let begins = keyframe_pixels(data).filter(|_| starts_frame);
    out.extend_from_slice(data);
    Some(Part {
        first: starts_frame,
        begins,
        key: begins.is_some(),
    })
}

/// Splits off the payload descriptor: whether the first partition starts here, and the VP8 data (never empty).
fn descriptor(payload: &[u8]) -> Option<(bool, &[u8])> {
    let first = *payload.first()?;
    let mut length = 1;
    if first & 0x80 != 0 {
        let extension = *payload.get(1)?;
        length += 1;
        if extension & 0x80 != 0 {
            // A picture id of 15 bits when its top bit is set, of 7 otherwise.
            length += if payload.get(length)? & 0x80 != 0 {
                2
            } else {
                1
            };
        }
        length += usize::from(extension & 0x40 != 0);
        length += usize::from(extension & 0x30 != 0);
    }
    let data = payload.get(length..).filter(|data| !data.is_empty())?;
    Some((first & 0x10 != 0 && first & 0x07 == 0, data))
}

/// Size of the picture that a keyframe's first bytes announce; `None` for any other frame.
fn keyframe_pixels(data: &[u8]) -> Option<u64> {
    if data[0] & 1 != 0 {
        return None;
    }
    let Some([_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1]) = data.get(..10) else {
        return Some(0);
    };
    let width = u64::from(u16::from_le_bytes([*w0, *w1]) & 0x3fff);
    let height = u64::from(u16::from_le_bytes([*h0, *h1]) & 0x3fff);
    Some(width * height)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = &[0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0];

    #[test]
    fn descriptors_of_every_length_are_cut_off() {
        let mut out = Vec::new();
        let payload = [&[0x90, 0xf0, 0x81, 0x02, 5, 0x20], KEY].concat();
        let part = unpack(&payload, &mut out).unwrap();
        assert_eq!(part.begins, Some(320 * 240));
        assert_eq!(out, KEY);
        assert_eq!(unpack(&[0x00, 0], &mut out), Some(Part::default()));
        for payload in [&[][..], &[0x80], &[0x90, 0x80]] {
            assert_eq!(unpack(payload, &mut out), None, "{payload:?}");
        }
    }
}

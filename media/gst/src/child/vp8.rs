//! VP8 frames from RTP payloads (RFC 7741 §4.2, §4.5.1; frame header RFC 6386 §9.1).

/// Largest frame in bytes: a 4K keyframe at the highest quality a browser sends.
const FRAME_BYTES_MAX: usize = 2 << 20;
/// Largest picture in pixels. The frame header can claim 16383×16383, which a decoder would allocate.
const PIXELS_MAX: u32 = 3840 * 2160;

/// One complete frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) keyframe: bool,
    pub(super) bytes: Vec<u8>,
}

/// What one packet gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Assembled {
    /// More packets are needed, or nothing was in this one.
    Nothing,
    /// A frame that the decoder can take.
    Frame(Frame),
    /// Frames are lost: nothing more comes before a keyframe.
    KeyframeWanted,
    /// Not VP8, or out of bounds.
    Malformed,
}

/// Puts frames together and lets none through whose references are missing.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    bytes: Vec<u8>,
    timestamp: u32,
    open: bool,
    /// True once a keyframe came through and nothing has been lost since.
    sound: bool,
}

impl Assembler {
    /// Takes the next packet in order; `after_loss` when packets before it are missing for good.
    pub(super) fn push(
        &mut self,
        payload: &[u8],
        timestamp: u32,
        marker: bool,
        after_loss: bool,
    ) -> Assembled {
        if after_loss {
            self.lose();
        }
        if payload.is_empty() {
            return Assembled::Nothing;
        }
        let Some((starts_frame, data)) = descriptor(payload) else {
            self.lose();
            return Assembled::Malformed;
        };
        if starts_frame {
            if self.open {
                // The end of the previous frame never came.
                self.lose();
            }
            self.bytes.clear();
            self.timestamp = timestamp;
            self.open = true;
            match keyframe_pixels(data) {
                Some(pixels) if pixels > PIXELS_MAX || pixels == 0 => {
                    self.lose();
                    return Assembled::Malformed;
                }
                Some(_) => self.sound = true,
                None => {}
            }
        } else if !self.open || timestamp != self.timestamp {
            self.lose();
        }
        if !self.sound {
            self.open = false;
            return Assembled::KeyframeWanted;
        }
        if self.bytes.len() + data.len() > FRAME_BYTES_MAX {
            self.lose();
            return Assembled::Malformed;
        }
        self.bytes.extend_from_slice(data);
        if !marker {
            return Assembled::Nothing;
        }
        self.open = false;
        let bytes = std::mem::take(&mut self.bytes);
        Assembled::Frame(Frame {
            keyframe: bytes[0] & 1 == 0,
            bytes,
        })
    }

    /// Forgets the frame at hand; the next one to come through is a keyframe.
    pub(super) fn lose(&mut self) {
        self.bytes.clear();
        self.open = false;
        self.sound = false;
    }
}

/// Whether this payload begins a keyframe: the only place where a picture may change hands.
pub(super) fn starts_keyframe(payload: &[u8]) -> bool {
    descriptor(payload)
        .is_some_and(|(starts_frame, data)| starts_frame && keyframe_pixels(data).is_some())
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
fn keyframe_pixels(data: &[u8]) -> Option<u32> {
    if data[0] & 1 != 0 {
        return None;
    }
    let Some([_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1]) = data.get(..10) else {
        return Some(0);
    };
    let width = u32::from(u16::from_le_bytes([*w0, *w1]) & 0x3fff);
    let height = u32::from(u16::from_le_bytes([*h0, *h1]) & 0x3fff);
    Some(width * height)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = &[0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0];
    const INTER: &[u8] = &[0x10, 1, 7];

    fn frame(assembled: Assembled) -> Option<bool> {
        match assembled {
            Assembled::Frame(frame) => Some(frame.keyframe),
            _ => None,
        }
    }

    #[test]
    fn a_frame_of_two_packets_with_long_descriptors() {
        let mut assembler = Assembler::default();
        let mut first = vec![0x90, 0xf0, 0x81, 0x02, 5, 0x20];
        first.extend_from_slice(&KEY[1..]);
        assert_eq!(assembler.push(&first, 1, false, false), Assembled::Nothing);
        let Assembled::Frame(frame) = assembler.push(&[0x00, 0xaa], 1, true, false) else {
            panic!("no frame")
        };
        assert!(frame.keyframe);
        assert_eq!(frame.bytes, [&KEY[1..], &[0xaa]].concat());
    }

    #[test]
    fn after_a_loss_nothing_comes_before_a_keyframe() {
        let mut assembler = Assembler::default();
        assert_eq!(
            assembler.push(INTER, 0, true, false),
            Assembled::KeyframeWanted
        );
        assert_eq!(frame(assembler.push(KEY, 1, true, false)), Some(true));
        assert_eq!(frame(assembler.push(INTER, 2, true, false)), Some(false));
        assert_eq!(
            assembler.push(INTER, 4, true, true),
            Assembled::KeyframeWanted
        );
        assert_eq!(
            assembler.push(&[], 4, false, false),
            Assembled::Nothing,
            "a probe is no picture"
        );
        assert_eq!(
            assembler.push(INTER, 5, true, false),
            Assembled::KeyframeWanted
        );
        assert_eq!(frame(assembler.push(KEY, 6, true, false)), Some(true));
    }

    #[test]
    fn pictures_of_no_and_of_absurd_size_are_refused() {
        let mut huge = KEY.to_vec();
        huge[7..11].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
        assert_eq!(
            Assembler::default().push(&huge, 1, true, false),
            Assembled::Malformed
        );
        assert_eq!(
            Assembler::default().push(&KEY[..5], 1, true, false),
            Assembled::Malformed
        );
        assert_eq!(
            Assembler::default().push(&[0x80], 1, true, false),
            Assembled::Malformed
        );
        assert_eq!(
            Assembler::default().push(&[0x90, 0x80], 1, true, false),
            Assembled::Malformed
        );
    }

    #[test]
    fn a_keyframe_start_is_recognised() {
        assert!(starts_keyframe(KEY));
        assert!(!starts_keyframe(INTER));
        assert!(!starts_keyframe(&[0x00, 0, 1]), "a middle packet");
    }
}

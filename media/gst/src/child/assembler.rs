//! Whole pictures from the packets of one stream, in order. Which bytes of a payload belong to a picture is its codec's; what makes
//! pictures whole is the same for all: no packet lost between their first and their marker, and a keyframe before them.

use super::{av1, h264, vp8, vp9};
use crate::tap::Codec;

/// Largest picture in bytes: a 4K keyframe at the highest quality a browser sends.
const FRAME_BYTES_MAX: usize = 2 << 20;
/// Largest picture in pixels. A header can claim many more, which a decoder would allocate.
const PIXELS_MAX: u64 = 3840 * 2176;

/// What one payload is to its picture.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// It can be the first of a picture.
    pub(super) first: bool,
    /// It begins a picture that a decoder can start with, of so many pixels; 0 when the header contradicts itself.
    pub(super) begins: Option<u64>,
    /// It holds what makes the picture a keyframe.
    pub(super) key: bool,
}

/// One complete picture.
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
    /// A picture that the decoder can take.
    Frame(Frame),
    /// Pictures are lost: nothing more comes before a keyframe.
    KeyframeWanted,
    /// Not of this codec, or out of bounds.
    Malformed,
}

/// Puts pictures together and lets none through whose references are missing.
#[derive(Debug)]
pub(super) struct Assembler {
    codec: Codec,
    bytes: Vec<u8>,
    /// The unit of AV1 whose end is in the next packet.
    pending: Vec<u8>,
    timestamp: u32,
    open: bool,
    /// The picture at hand began with what a decoder needs to start, and whether it is a keyframe.
    begun: bool,
    key: bool,
    /// True once a keyframe came through and nothing has been lost since.
    sound: bool,
}

impl Assembler {
    pub(super) fn new(codec: Codec) -> Self {
        Self {
            codec,
            bytes: Vec::new(),
            pending: Vec::new(),
            timestamp: 0,
            open: false,
            begun: false,
            key: false,
            sound: false,
        }
    }

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
        if self.open && timestamp != self.timestamp {
            // The end of the previous picture never came.
            self.lose();
        }
        if !self.open {
            self.bytes.clear();
            self.pending.clear();
            (self.begun, self.key) = (false, false);
        }
        self.timestamp = timestamp;
        let Some(part) = unpack(self.codec, payload, &mut self.pending, &mut self.bytes) else {
            self.lose();
            return Assembled::Malformed;
        };
        if !self.open && !part.first {
            self.lose();
            return Assembled::KeyframeWanted;
        }
        self.open = true;
        self.key |= part.key;
        match part.begins {
            Some(pixels) if pixels > PIXELS_MAX || pixels == 0 => {
                self.lose();
                return Assembled::Malformed;
            }
            Some(_) => self.begun = true,
            None => {}
        }
        if !self.sound && !self.begun {
            self.lose();
            return Assembled::KeyframeWanted;
        }
        if self.bytes.len() > FRAME_BYTES_MAX {
            self.lose();
            return Assembled::Malformed;
        }
        if !marker {
            return Assembled::Nothing;
        }
        self.open = false;
        if !self.sound && !self.key {
            // Parameters alone: what follows refers to what is not here.
            return Assembled::KeyframeWanted;
        }
        self.sound = true;
        Assembled::Frame(Frame {
            keyframe: self.begun && self.key,
            bytes: std::mem::take(&mut self.bytes),
        })
    }

    /// Forgets the picture at hand; the next one to come through is a keyframe.
    pub(super) fn lose(&mut self) {
        self.open = false;
        self.sound = false;
    }
}

/// Whether this payload begins a keyframe: the only place where a picture may change hands.
pub(super) fn starts_keyframe(codec: Codec, payload: &[u8]) -> bool {
    unpack(codec, payload, &mut Vec::new(), &mut Vec::new())
        .is_some_and(|part| part.begins.is_some())
}

fn unpack(codec: Codec, payload: &[u8], pending: &mut Vec<u8>, out: &mut Vec<u8>) -> Option<Part> {
    match codec {
        Codec::Vp8 => vp8::unpack(payload, out),
        Codec::H264 => h264::unpack(payload, out),
        Codec::Vp9 => vp9::unpack(payload, out),
        Codec::Av1 => av1::unpack(payload, pending, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = &[0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0];
    const INTER: &[u8] = &[0x10, 1, 7];

    fn vp8() -> Assembler {
        Assembler::new(Codec::Vp8)
    }

    fn frame(assembled: Assembled) -> Option<bool> {
        match assembled {
            Assembled::Frame(frame) => Some(frame.keyframe),
            _ => None,
        }
    }

    #[test]
    fn a_frame_of_two_packets() {
        let mut assembler = vp8();
        assert_eq!(assembler.push(KEY, 1, false, false), Assembled::Nothing);
        let Assembled::Frame(frame) = assembler.push(&[0x00, 0xaa], 1, true, false) else {
            panic!("no frame")
        };
        assert!(frame.keyframe);
        assert_eq!(frame.bytes, [&KEY[1..], &[0xaa]].concat());
    }

    #[test]
    fn after_a_loss_nothing_comes_before_a_keyframe() {
        let mut assembler = vp8();
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
        // A picture whose end never came.
        assert_eq!(assembler.push(INTER, 7, false, false), Assembled::Nothing);
        assert_eq!(
            assembler.push(INTER, 8, true, false),
            Assembled::KeyframeWanted
        );
    }

    #[test]
    fn pictures_of_no_and_of_absurd_size_are_refused() {
        let mut huge = KEY.to_vec();
        huge[7..11].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
        for payload in [&huge[..], &KEY[..5], &[0x80], &[0x90, 0x80]] {
            assert_eq!(vp8().push(payload, 1, true, false), Assembled::Malformed);
        }
        let mut endless = vp8();
        assert_eq!(endless.push(KEY, 1, false, false), Assembled::Nothing);
        let outcome = (0..2000).find_map(|_| {
            match endless.push(&[&[0], &[0; 1500][..]].concat(), 1, false, false) {
                Assembled::Nothing => None,
                other => Some(other),
            }
        });
        assert_eq!(outcome, Some(Assembled::Malformed));
    }

    #[test]
    fn parameters_without_their_picture_start_no_decoder() {
        let mut assembler = Assembler::new(Codec::H264);
        let set = [0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70];
        // A delimiter before the set, a slice that is no IDR after it.
        for payload in [&[0x09, 0xf0][..], &[0x41, 1]] {
            assert_eq!(
                assembler.push(payload, 1, false, false),
                Assembled::KeyframeWanted
            );
        }
        assert_eq!(assembler.push(&set, 2, false, false), Assembled::Nothing);
        assert_eq!(
            assembler.push(&[0x41, 1], 2, true, false),
            Assembled::KeyframeWanted
        );
        assert_eq!(assembler.push(&set, 3, false, false), Assembled::Nothing);
        assert_eq!(
            frame(assembler.push(&[0x65, 1], 3, true, false)),
            Some(true)
        );
        assert_eq!(
            frame(assembler.push(&[0x41, 1], 4, true, false)),
            Some(false)
        );
    }
}

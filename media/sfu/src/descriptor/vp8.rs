//! The VP8 payload descriptor (RFC 7741 section 4.2): what layer switching must know and keep continuous.

use super::{Frame, Numbers, PictureId};

/// A parsed payload descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp8 {
    /// What the packet is part of.
    pub frame: Frame,
    /// Picture id and TL0PICIDX.
    pub numbers: Numbers,
}

impl Vp8 {
    /// Parses the descriptor at the beginning of `payload`; `None` when it is cut.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut at = 1;
        let mut numbers = Numbers::NONE;
        let (mut temporal, mut sync) = (0, false);
        if first & 0x80 != 0 {
            let flags = *payload.get(at)?;
            at += 1;
            if flags & 0x80 != 0 {
                let (id, next) = PictureId::read(payload, at)?;
                numbers.picture_id = Some(id);
                at = next;
            }
            if flags & 0x40 != 0 {
                numbers.tl0 = Some((*payload.get(at)?, at as u8));
                at += 1;
            }
            if flags & 0x30 != 0 {
                let byte = *payload.get(at)?;
                if flags & 0x20 != 0 {
                    temporal = byte >> 6;
                    sync = byte & 0x20 != 0;
                }
                at += 1;
            }
        }
        let body = *payload.get(at)?;
        // S set and partition 0: the first byte after the descriptor is that of the frame header, whose lowest bit is 0 on keyframes.
        let start = first & 0x10 != 0 && first & 0x07 == 0;
        Some(Self {
            frame: Frame {
                keyframe: start && body & 1 == 0,
                start,
                end: false,
                spatial: 0,
                temporal,
                // Layer sync: the frame depends on the base layer only.
                entry: 0,
                opens: if sync { temporal } else { 0 },
            },
            numbers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::Descriptor;

    #[test]
    fn reads_and_patches_a_long_picture_id() {
        let mut payload = [0x90, 0xe0, 0x81, 0x02, 0x07, 0x20, 0x00, 1];
        let vp8 = Vp8::parse(&payload).unwrap();
        assert!(vp8.frame.keyframe && vp8.frame.start);
        assert_eq!(
            vp8.numbers.picture_id.map(|id| (id.value, id.long)),
            Some((0x0102, true))
        );
        assert_eq!(vp8.numbers.tl0(), Some(7));
        Descriptor::Vp8(vp8).patch(&mut payload, 0x7fff, 9);
        assert_eq!(payload[2..5], [0xff, 0xff, 9]);
        let again = Vp8::parse(&payload).unwrap();
        assert_eq!(again.numbers.picture_id.map(|id| id.value), Some(0x7fff));
    }

    #[test]
    fn tells_delta_frames_and_later_partitions_from_keyframes() {
        let keyframe = |payload: &[u8]| Vp8::parse(payload).unwrap().frame.keyframe;
        assert!(!keyframe(&[0x10, 0x01]));
        assert!(!keyframe(&[0x00, 0x00]), "no start of a partition");
        assert!(!keyframe(&[0x11, 0x00]), "start of partition 1");
        assert!(keyframe(&[0x10, 0x00]));
    }

    #[test]
    fn reads_the_temporal_layer_and_its_sync_bit() {
        let frame = |byte| Vp8::parse(&[0x90, 0x20, byte, 1]).unwrap().frame;
        assert_eq!((frame(0x80).temporal, frame(0x80).opens), (2, 0));
        assert_eq!((frame(0xa0).temporal, frame(0xa0).opens), (2, 2));
        let key_index = Vp8::parse(&[0x90, 0x10, 0xff, 1]).unwrap().frame;
        assert_eq!(key_index.temporal, 0, "a key index alone names no layer");
    }

    #[test]
    fn refuses_cut_descriptors() {
        for cut in [
            &[][..],
            &[0x90],
            &[0x90, 0x80],
            &[0x90, 0x80, 0x80],
            &[0x90, 0x40],
            &[0x10],
            &[0x90, 0xf0, 1, 2, 3],
        ] {
            assert_eq!(Vp8::parse(cut), None, "{cut:?}");
        }
    }
}

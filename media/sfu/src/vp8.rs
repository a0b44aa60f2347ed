//! The VP8 payload descriptor (RFC 7741 section 4.2): what layer switching must know and keep continuous.

/// A picture id with its place in the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    /// The id, 7 or 15 bits.
    pub value: u16,
    /// Whether it has 15 bits.
    pub long: bool,
    offset: u8,
}

/// A parsed payload descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp8 {
    /// Whether the packet begins a picture that needs no other.
    pub keyframe: bool,
    /// Whether the packet begins a picture.
    pub start: bool,
    /// Picture id, when present.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX with its place, when present.
    tl0: Option<(u8, u8)>,
}

impl Vp8 {
    /// Parses the descriptor at the beginning of `payload`; `None` when it is cut.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut at = 1;
        let mut picture_id = None;
        let mut tl0 = None;
        if first & 0x80 != 0 {
            let flags = *payload.get(at)?;
            at += 1;
            if flags & 0x80 != 0 {
                let high = *payload.get(at)?;
                let offset = at as u8;
                if high & 0x80 != 0 {
                    let low = *payload.get(at + 1)?;
                    picture_id = Some(PictureId {
                        value: u16::from_be_bytes([high & 0x7f, low]),
                        long: true,
                        offset,
                    });
                    at += 2;
                } else {
                    picture_id = Some(PictureId {
                        value: u16::from(high),
                        long: false,
                        offset,
                    });
                    at += 1;
                }
            }
            if flags & 0x40 != 0 {
                tl0 = Some((*payload.get(at)?, at as u8));
                at += 1;
            }
            if flags & 0x30 != 0 {
                at += 1;
            }
        }
        let body = *payload.get(at)?;
        // S set and partition 0: the first byte after the descriptor is that of the frame header, whose lowest bit is 0 on keyframes.
        let start = first & 0x10 != 0 && first & 0x07 == 0;
        Some(Self {
            keyframe: start && body & 1 == 0,
            start,
            picture_id,
            tl0,
        })
    }

    /// TL0PICIDX, when present.
    #[must_use]
    pub fn tl0(&self) -> Option<u8> {
        self.tl0.map(|(value, _)| value)
    }

    /// Writes other numbers into a copy of the payload that this was parsed from; numbers that the payload lacks are left out.
    pub fn patch(&self, payload: &mut [u8], picture_id: u16, tl0: u8) {
        if let Some(id) = self.picture_id {
            let at = usize::from(id.offset);
            if id.long {
                let bytes = (picture_id | 0x8000).to_be_bytes();
                payload[at..at + 2].copy_from_slice(&bytes);
            } else {
                payload[at] = (picture_id & 0x7f) as u8;
            }
        }
        if let Some((_, offset)) = self.tl0 {
            payload[usize::from(offset)] = tl0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_patches_a_long_picture_id() {
        let mut payload = [0x90, 0xe0, 0x81, 0x02, 0x07, 0x20, 0x00, 1];
        let vp8 = Vp8::parse(&payload).unwrap();
        assert!(vp8.keyframe && vp8.start);
        assert_eq!(
            vp8.picture_id.map(|id| (id.value, id.long)),
            Some((0x0102, true))
        );
        assert_eq!(vp8.tl0(), Some(7));
        vp8.patch(&mut payload, 0x7fff, 9);
        assert_eq!(payload[2..5], [0xff, 0xff, 9]);
        assert_eq!(
            Vp8::parse(&payload).unwrap().picture_id.map(|id| id.value),
            Some(0x7fff)
        );
    }

    #[test]
    fn tells_delta_frames_and_later_partitions_from_keyframes() {
        assert!(!Vp8::parse(&[0x10, 0x01]).unwrap().keyframe);
        assert!(
            !Vp8::parse(&[0x00, 0x00]).unwrap().keyframe,
            "no start of a partition"
        );
        assert!(
            !Vp8::parse(&[0x11, 0x00]).unwrap().keyframe,
            "start of partition 1"
        );
        assert!(Vp8::parse(&[0x10, 0x00]).unwrap().keyframe);
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

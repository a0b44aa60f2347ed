//! The VP9 payload descriptor (RFC 9628 section 4.2): spatial and temporal layers in one stream.

use super::{Frame, Numbers, PictureId};

/// Sizes of the scalability structure that are followed; the field has three bits.
const SPATIAL_MAX: usize = 8;

/// A parsed payload descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp9 {
    /// What the packet is part of.
    pub frame: Frame,
    /// Picture id and TL0PICIDX.
    pub numbers: Numbers,
}

impl Vp9 {
    /// Parses the descriptor at the beginning of `payload`, of flexible or non-flexible mode; `None` when it is cut.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let flag = |bit: u8| first & bit != 0;
        let (has_id, inter, has_layers, flexible) =
            (flag(0x80), flag(0x40), flag(0x20), flag(0x10));
        let (start, end, has_structure) = (flag(0x08), flag(0x04), flag(0x02));
        let mut at = 1;
        let mut numbers = Numbers::NONE;
        if has_id {
            let (id, next) = PictureId::read(payload, at)?;
            numbers.picture_id = Some(id);
            at = next;
        }
        let (mut spatial, mut temporal, mut opens, mut below) = (0, 0, 0, false);
        if has_layers {
            let byte = *payload.get(at)?;
            at += 1;
            temporal = byte >> 5;
            spatial = byte >> 1 & 0x07;
            below = byte & 1 != 0;
            // Switching up point: no later picture of a higher temporal layer needs one from before this picture.
            if byte & 0x10 != 0 {
                opens = u8::MAX;
            }
            if !flexible {
                numbers.tl0 = Some((*payload.get(at)?, at as u8));
                at += 1;
            }
        }
        if flexible && inter {
            // Up to three reference indices, each saying whether another follows.
            for place in 0..3 {
                let byte = *payload.get(at)?;
                at += 1;
                if byte & 1 == 0 {
                    break;
                }
                if place == 2 {
                    return None;
                }
            }
        }
        if has_structure {
            at = skip_structure(payload, at)?;
        }
        // A descriptor without a payload behind it describes nothing.
        payload.get(at)?;
        Some(Self {
            frame: Frame {
                keyframe: start && !inter && !below && spatial == 0,
                start,
                end,
                spatial,
                temporal,
                entry: temporal,
                opens,
            },
            numbers,
        })
    }
}

/// Where the scalability structure at `at` ends (RFC 9628 section 4.2.1).
fn skip_structure(payload: &[u8], mut at: usize) -> Option<usize> {
    let head = *payload.get(at)?;
    at += 1;
    let spatial = usize::from(head >> 5) + 1;
    debug_assert!(spatial <= SPATIAL_MAX, "three bits");
    if head & 0x10 != 0 {
        at += spatial * 4;
    }
    if head & 0x08 != 0 {
        let pictures = *payload.get(at)?;
        at += 1;
        for _ in 0..pictures {
            let references = *payload.get(at)? >> 2 & 0x03;
            at += 1 + usize::from(references);
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::Descriptor;

    #[test]
    fn reads_a_keyframe_with_its_structure_in_non_flexible_mode() {
        // I, L, B, V; picture id of 15 bits; T0 U S0; TL0PICIDX; three sizes and a group of two pictures.
        let mut payload = vec![0xaa, 0x81, 0x02, 0x10, 0x07];
        payload.push(2 << 5 | 0x10 | 0x08);
        payload.extend([0, 160, 0, 90, 1, 64, 0, 180, 2, 128, 1, 104]);
        payload.extend([2, 0x04, 1, 0x28, 1, 2]);
        payload.push(0x82);
        let vp9 = Vp9::parse(&payload).unwrap();
        assert!(vp9.frame.keyframe && vp9.frame.start && !vp9.frame.end);
        assert_eq!((vp9.frame.spatial, vp9.frame.temporal), (0, 0));
        assert_eq!((vp9.frame.entry, vp9.frame.opens), (0, u8::MAX));
        assert_eq!(vp9.numbers.picture_id.map(|id| id.value), Some(0x0102));
        assert_eq!(vp9.numbers.tl0(), Some(7));
        payload.pop();
        assert_eq!(Vp9::parse(&payload), None, "nothing behind the descriptor");
        payload.truncate(8);
        assert_eq!(Vp9::parse(&payload), None, "a cut structure");
    }

    #[test]
    fn reads_upper_layers_and_flexible_references() {
        // I, P, L, F, B, E; picture id of 7 bits; T2 S1 D; two references.
        let mut payload = [0xfc, 0x05, 0x43, 0x03, 0x04, 0x99];
        let vp9 = Vp9::parse(&payload).unwrap();
        assert_eq!((vp9.frame.spatial, vp9.frame.temporal), (1, 2));
        assert!(!vp9.frame.keyframe && vp9.frame.start && vp9.frame.end);
        assert_eq!(vp9.numbers.tl0(), None, "TL0PICIDX is of non-flexible mode");
        Descriptor::Vp9(vp9).patch(&mut payload, 0x1fe, 3);
        assert_eq!(payload, [0xfc, 0x7e, 0x43, 0x03, 0x04, 0x99]);
        assert_eq!(
            Vp9::parse(&[0xf8, 0x05, 0x43, 1, 1, 1, 9]),
            None,
            "a fourth reference"
        );
    }

    #[test]
    fn an_upper_layer_of_a_key_picture_is_no_entry() {
        // B, L without P: layer 1 predicted from layer 0 of the same picture.
        let frame = Vp9::parse(&[0x28, 0x03, 0x00, 1]).unwrap().frame;
        assert!(frame.start && !frame.keyframe && frame.spatial == 1);
        let plain = Vp9::parse(&[0x08, 0x82]).unwrap().frame;
        assert!(plain.keyframe, "a stream without layers");
    }
}

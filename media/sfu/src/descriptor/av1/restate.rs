//! What a receiver is told of the layers that are left out for it: the active decode targets of the dependency descriptor.

use super::{Bits, Structure, TARGETS_MAX};
use crate::selection::Quality;

/// Bits of a descriptor before the structure, or the mask of active decode targets where there is no structure.
const HEAD_BITS: usize = 24 + 5;
/// Bytes that [`Structure::restate`] may add to a descriptor.
pub const MASK_BYTES_MAX: usize = (5 + TARGETS_MAX).div_ceil(8);

impl Structure {
    /// Writes into `space` a copy of the dependency descriptor of a packet that goes to who gets the layers up to `quality`, and in it
    /// the decode targets that these are (appendix A.4.4 of the AV1 RTP specification). Returns its length.
    ///
    /// They are told with every frame, so that neither a loss nor a change of layers leaves a receiver waiting for what does not come.
    /// `None` when the packet may go out as it came: nothing is left out of a stream that says so itself, there is one target only, or
    /// the descriptor is of other templates than these.
    #[must_use]
    pub fn restate(&self, descriptor: &[u8], quality: Quality, space: &mut [u8]) -> Option<usize> {
        let mut bits = Bits::new(descriptor);
        let start = bits.flag()?;
        bits.flag()?;
        let id = bits.take(6)? as u8;
        bits.take(16)?;
        let (mut brings_structure, mut brings_active, mut custom) = (false, false, 0);
        if descriptor.len() > 3 {
            (brings_structure, brings_active) = (bits.flag()?, bits.flag()?);
            custom = bits.take(3)?;
        }
        if !start && !brings_active && !brings_structure {
            return None;
        }
        let own;
        let structure = if brings_structure {
            if quality == Quality::FULL {
                return None;
            }
            own = Self::parse(&mut bits)?;
            &own
        } else {
            self
        };
        let place = usize::from((id + 64 - structure.offset) % 64);
        if structure.targets < 2 || place >= structure.count {
            return None;
        }
        let width = structure.targets as u32;
        let mask_at = bits.at.max(HEAD_BITS);
        let served = match brings_active {
            true => bits.take(width)?,
            false => structure.active,
        };
        // What follows: the frame's own indications, references and chains, and padding of up to seven bits that are zero.
        let rest_bits = match custom {
            0 => 0,
            _ => (descriptor.len() * 8).saturating_sub(bits.at),
        };
        let end = mask_at + structure.targets + rest_bits;
        let length = end.div_ceil(8);
        let out = space.get_mut(..length)?;
        out.fill(0);
        let known = descriptor.len().min(mask_at.div_ceil(8));
        out[..known].copy_from_slice(&descriptor[..known]);
        let mut pen = Pen { bytes: out, at: 25 };
        pen.put(1, 1);
        pen.at = mask_at;
        pen.put(served & structure.within(quality), width);
        for _ in 0..rest_bits {
            pen.put(u32::from(bits.flag()?), 1);
        }
        Some(length)
    }

    /// The decode targets that need no more than the layers up to `quality`, a bit each.
    fn within(&self, quality: Quality) -> u32 {
        self.layers[..self.targets]
            .iter()
            .enumerate()
            .filter(|(_, (spatial, temporal))| {
                *spatial <= quality.spatial && *temporal <= quality.temporal
            })
            .fold(0, |mask, (target, _)| mask | 1 << target)
    }
}

/// Writes what [`Bits`] reads, within what there is.
struct Pen<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Pen<'_> {
    fn put(&mut self, value: u32, count: u32) {
        for place in (0..count).rev() {
            if let Some(byte) = self.bytes.get_mut(self.at / 8) {
                let bit = 0x80 >> (self.at % 8);
                match value >> place & 1 {
                    0 => *byte &= !bit,
                    _ => *byte |= bit,
                }
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{head, structure};
    use super::*;
    use crate::codec::Codec;
    use crate::descriptor::Descriptor;
    use crate::ids::{Kind, Source, Track};
    use crate::rewrite::{Rewriter, UpPacket};

    fn quality(spatial: u8, temporal: u8) -> Quality {
        Quality { spatial, temporal }
    }

    fn known() -> (Structure, Vec<u8>) {
        let mut pen = head(true, false, 60, 7);
        structure(&mut pen);
        let mut known = Structure::default();
        known.read(&pen.bytes).unwrap();
        (known, pen.bytes)
    }

    /// The descriptor as who gets `quality` receives it.
    fn told(known: &Structure, descriptor: &[u8], quality: Quality) -> Option<Vec<u8>> {
        let mut space = [0xff; 255];
        let length = known.restate(descriptor, quality, &mut space)?;
        assert!(length <= descriptor.len() + MASK_BYTES_MAX);
        Some(space[..length].to_vec())
    }

    #[test]
    fn a_frame_says_which_targets_are_sent_and_nothing_else_of_it_changes() {
        let (known, key) = known();
        // S0T0, S0T1, S1T0, S1T1; the lowest bit is the first.
        let expected = [
            (quality(0, 0), 0b0001),
            (quality(0, u8::MAX), 0b0011),
            (quality(1, 0), 0b0101),
            (quality(u8::MAX, u8::MAX), 0b1111),
        ];
        let mut custom = head(true, true, 61, 300);
        custom.put(0b00111, 5);
        custom.put(2, 2).put(0, 2).put(1, 2).put(0, 2);
        custom.put(1, 2).put(3, 4).put(2, 2).put(0x21, 8).put(0, 2);
        custom.put(5, 8).put(9, 8);
        let mut switched_off = head(false, true, 62, 9);
        switched_off.put(0b01000, 5).put(0b1011, 4);
        for (quality, mask) in expected {
            for descriptor in [
                key.clone(),
                head(true, false, 61, 8).bytes,
                custom.bytes.clone(),
                switched_off.bytes.clone(),
            ] {
                let Some(written) = told(&known, &descriptor, quality) else {
                    assert!(quality == Quality::FULL && descriptor == key);
                    continue;
                };
                let mut before = known.clone();
                let as_sent = before.read(&descriptor).unwrap();
                let mut after = known.clone();
                let as_received = after.read(&written).unwrap();
                assert_eq!(as_received.active, mask & as_sent.active);
                assert_eq!(as_received.frame, as_sent.frame);
                assert_eq!(as_received.number, as_sent.number);
                assert_eq!(after.layers, before.layers);
            }
        }
        // The frame's own references and chains are where they belong.
        let written = told(&known, &custom.bytes, quality(0, 0)).unwrap();
        let mut bits = Bits::new(&written);
        bits.take(24).unwrap();
        assert_eq!(bits.take(5), Some(0b01111));
        assert_eq!(bits.take(4), Some(0b0001));
        assert_eq!(bits.take(8), Some(0b1000_0100));
        assert_eq!(bits.take(18), Some(1 << 16 | 3 << 12 | 2 << 10 | 0x21 << 2));
        assert_eq!(bits.take(16), Some(5 << 8 | 9));
    }

    #[test]
    fn what_needs_no_word_goes_out_as_it_came() {
        let (known, key) = known();
        assert_eq!(
            told(&known, &head(false, true, 61, 8).bytes, quality(0, 0)),
            None
        );
        assert_eq!(
            told(&known, &head(true, true, 20, 8).bytes, quality(0, 0)),
            None
        );
        assert_eq!(told(&known, &key, Quality::FULL), None);
        let mut short = [0; 4];
        assert_eq!(
            known.restate(&head(true, true, 61, 8).bytes, quality(0, 0), &mut short),
            None
        );
        let mut one = Structure::default();
        let mut pen = head(true, true, 0, 1);
        // One template, one target, no references, no chains, no resolutions.
        pen.put(0b10000, 5)
            .put(0, 6)
            .put(0, 5)
            .put(3, 2)
            .put(2, 2)
            .put(0, 3);
        one.read(&pen.bytes).unwrap();
        assert_eq!(
            told(&one, &head(true, true, 0, 2).bytes, Quality::FULL),
            None
        );
    }

    #[test]
    fn random_descriptors_are_restated_or_not_and_never_panic() {
        let (mut known, _) = known();
        let mut state = 0xac71_u64;
        let mut bytes = [0u8; 120];
        for round in 0..20_000usize {
            for byte in &mut bytes {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state as u8;
            }
            let mut space = [0; 255];
            let descriptor = &bytes[..round % bytes.len()];
            let _ = known.restate(descriptor, quality((state & 3) as u8, 1), &mut space);
            let _ = known.read(descriptor);
        }
    }

    /// Frames of two spatial and two temporal layers go through a rewriter whose receiver's layers change at random; a receiver that
    /// believes what it is told waits for no frame that does not come: a target that is active before and after has all of its frames.
    #[test]
    fn no_active_target_misses_a_frame_whatever_layers_are_chosen() {
        let mut seen = [0u32; 16];
        for seed in 1..=40u64 {
            let mut state = seed * 0x9e37_79b9;
            let mut random = |end: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % end
            };
            let now = crate::testing::start();
            let source = Source::new(1, Track::Main, Kind::Video, 0);
            let (mut sent, mut received) = (Structure::default(), Structure::default());
            let mut rewriter = Rewriter::new(90_000, 100);
            let (mut active, mut missed, mut aimed_at) = (0, 0, 0);
            let mut number = 0u16;
            for picture in 0..400u32 {
                let keyframe = picture == 0 || random(50) == 0;
                let upper = !keyframe && picture % 2 == 1;
                // A change is told before the next, since every second picture passes whatever is chosen.
                if picture >= aimed_at + 2 && random(7) == 0 {
                    aimed_at = picture;
                    let wanted = [0, 1, u8::MAX];
                    rewriter.aim(quality(
                        wanted[random(3) as usize],
                        wanted[random(3) as usize],
                    ));
                }
                for spatial in 0..2u32 {
                    let template = match (keyframe, upper, spatial) {
                        (true, _, 0) => 60,
                        (_, false, 0) => 61,
                        (_, true, 0) => 62,
                        (_, false, _) => 63,
                        (_, true, _) => 0,
                    };
                    number = number.wrapping_add(1);
                    let mut pen = head(true, true, template, number);
                    if template == 60 {
                        structure(&mut pen);
                    }
                    let av1 = sent.read(&pen.bytes).unwrap();
                    let packet = UpPacket {
                        index: u64::from(number),
                        timestamp: picture * 3_000,
                        marker: spatial == 1,
                        codec: Codec::Av1,
                        descriptor: Descriptor::Av1(av1),
                        level: None,
                        bytes: 900,
                        place: 0,
                    };
                    if picture == 0 && spatial == 0 {
                        rewriter.switch(source, quality(random(2) as u8, 0), &packet, now);
                    }
                    let place = usize::from((template as u8 + 64 - sent.offset) % 64);
                    let indications = sent.templates[place].indications;
                    let needed = (0..sent.targets)
                        .filter(|target| indications >> (target * 2) & 3 != 0)
                        .fold(0u32, |mask, target| mask | 1 << target);
                    match rewriter.translate(source, &packet, now) {
                        Some(out) => {
                            assert_eq!(
                                rewriter.again(source, &packet).unwrap().quality,
                                out.quality
                            );
                            let written = told(&sent, &pen.bytes, out.quality);
                            let bytes = written.as_ref().unwrap_or(&pen.bytes);
                            let before = active;
                            active = received.read(bytes).unwrap().active;
                            assert_ne!(active & needed, 0, "of no target, seed {seed}");
                            // The first frame that is left out comes before the word of it; the next one brings that.
                            assert_eq!(missed & before & active, 0, "seed {seed}, frame {number}");
                            missed = 0;
                            seen[active as usize] += 1;
                        }
                        None => missed |= needed,
                    }
                }
            }
        }
        for mask in [0b0001usize, 0b0011, 0b0101, 0b1111] {
            assert!(seen[mask] > 100, "{seen:?}");
        }
    }
}

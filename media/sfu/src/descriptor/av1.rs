//! AV1 (the RTP specification of the Alliance for Open Media): the aggregation header, and the dependency descriptor that tells of
//! each packet which layers it belongs to. The descriptor is an RTP header extension; it refers to templates that come with keyframes.

mod restate;

pub use restate::MASK_BYTES_MAX;

use super::Frame;

/// Templates that six bits can number.
const TEMPLATES_MAX: usize = 64;
/// Decode targets that five bits can count.
const TARGETS_MAX: usize = 32;
/// The decode target indication of a frame after which the target can be shown (appendix A.8.3).
const SWITCH: u64 = 2;
/// References of a frame, and chains, that are read; beyond it the descriptor is refused.
const REFERENCES_MAX: usize = 32;

/// What an AV1 packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Av1 {
    /// What the packet is part of.
    pub frame: Frame,
    /// Number of the frame; `None` without a dependency descriptor.
    pub number: Option<u16>,
    /// Decode targets that the sender serves, a bit each; 0 when unknown.
    pub active: u32,
    /// Bytes of the dependency descriptor; 0 without.
    pub descriptor_bytes: u8,
}

impl Av1 {
    /// Parses the aggregation header of a packet without a dependency descriptor; `None` when it is cut.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let [first, _, ..] = payload else { return None };
        // N: the packet is the first of a coded video sequence. Z: it continues an element of the packet before.
        let keyframe = first & 0x08 != 0 && first & 0x80 == 0;
        Some(Self {
            frame: Frame {
                keyframe,
                start: keyframe,
                ..Frame::PLAIN
            },
            number: None,
            active: 0,
            descriptor_bytes: 0,
        })
    }

    /// Writes another frame number into a copy of the dependency descriptor.
    pub fn patch(descriptor: &mut [u8], number: u16) {
        if let Some(place) = descriptor.get_mut(1..3) {
            place.copy_from_slice(&number.to_be_bytes());
        }
    }
}

/// One template: what frames of a kind have in common.
#[derive(Clone, Copy, Debug, Default)]
struct Template {
    spatial: u8,
    temporal: u8,
    /// Two bits a decode target, the first lowest.
    indications: u64,
    /// Whether frames of it need others.
    refers: bool,
}

/// The templates of a stream, as its last keyframe brought them.
#[derive(Clone, Debug)]
pub struct Structure {
    offset: u8,
    count: usize,
    templates: [Template; TEMPLATES_MAX],
    targets: usize,
    /// Highest spatial and temporal layer of each decode target.
    layers: [(u8, u8); TARGETS_MAX],
    chains: usize,
    active: u32,
}

impl Default for Structure {
    fn default() -> Self {
        Self {
            offset: 0,
            count: 0,
            templates: [Template::default(); TEMPLATES_MAX],
            targets: 0,
            layers: [(0, 0); TARGETS_MAX],
            chains: 0,
            active: 0,
        }
    }
}

impl Structure {
    /// Reads the dependency descriptor of a packet, and takes the templates that it brings.
    ///
    /// `None` when it is cut, lies about its lengths, or refers to templates that never came.
    #[must_use]
    pub fn read(&mut self, descriptor: &[u8]) -> Option<Av1> {
        let mut bits = Bits::new(descriptor);
        let start = bits.flag()?;
        let end = bits.flag()?;
        let id = bits.take(6)? as u8;
        let number = bits.take(16)? as u16;
        let (mut custom_indications, mut custom_references) = (false, false);
        if descriptor.len() > 3 {
            let brings_structure = bits.flag()?;
            let brings_active = bits.flag()?;
            custom_indications = bits.flag()?;
            custom_references = bits.flag()?;
            // Custom chains come last and are not needed here.
            bits.flag()?;
            if brings_structure {
                let structure = Self::parse(&mut bits)?;
                // What was there stays when the new one does not parse to its end.
                *self = structure;
            }
            if brings_active {
                self.active = bits.take(self.targets as u32)?;
            }
        }
        let place = usize::from((id + 64 - self.offset) % 64);
        let template = self.templates[..self.count].get(place)?;
        let indications = if custom_indications {
            read_indications(&mut bits, self.targets)?
        } else {
            template.indications
        };
        let refers = if custom_references {
            read_references(&mut bits)?
        } else {
            template.refers
        };
        let (spatial, temporal) = (template.spatial, template.temporal);
        let opens = (0..self.targets)
            .filter(|target| self.layers[*target].0 == spatial)
            .filter(|target| indications >> (target * 2) & 3 == SWITCH)
            .map(|target| self.layers[target].1)
            .max()
            .unwrap_or(0);
        Some(Av1 {
            frame: Frame {
                keyframe: start && spatial == 0 && !refers,
                start,
                end,
                spatial,
                temporal,
                entry: temporal,
                opens,
            },
            number: Some(number),
            active: self.active,
            descriptor_bytes: u8::try_from(descriptor.len()).ok()?,
        })
    }

    fn parse(bits: &mut Bits<'_>) -> Option<Self> {
        let mut read = Self {
            offset: bits.take(6)? as u8,
            targets: bits.take(5)? as usize + 1,
            ..Self::default()
        };
        let (mut spatial, mut temporal) = (0, 0);
        loop {
            *read.templates.get_mut(read.count)? = Template {
                spatial,
                temporal,
                ..Template::default()
            };
            read.count += 1;
            match bits.take(2)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => break,
            }
        }
        // Two bits for the spatial and three for the temporal layer are what an AV1 stream can say of itself.
        if spatial > 3 || read.templates[..read.count].iter().any(|t| t.temporal > 7) {
            return None;
        }
        for place in 0..read.count {
            read.templates[place].indications = read_indications(bits, read.targets)?;
        }
        for place in 0..read.count {
            let mut more = bits.flag()?;
            let mut references = 0;
            while more {
                bits.take(4)?;
                references += 1;
                if references > REFERENCES_MAX {
                    return None;
                }
                more = bits.flag()?;
            }
            read.templates[place].refers = references > 0;
        }
        read.chains = bits.below(read.targets as u32 + 1)? as usize;
        if read.chains > 0 {
            for _ in 0..read.targets {
                bits.below(read.chains as u32)?;
            }
            for _ in 0..read.count * read.chains {
                bits.take(4)?;
            }
        }
        if bits.flag()? {
            for _ in 0..=spatial {
                bits.take(16)?;
                bits.take(16)?;
            }
        }
        for target in 0..read.targets {
            let present = read.templates[..read.count]
                .iter()
                .filter(|template| template.indications >> (target * 2) & 3 != 0);
            read.layers[target] = present.fold((0, 0), |(s, t), template| {
                (s.max(template.spatial), t.max(template.temporal))
            });
        }
        read.active = ((1u64 << read.targets) - 1) as u32;
        Some(read)
    }
}

fn read_indications(bits: &mut Bits<'_>, targets: usize) -> Option<u64> {
    let mut indications = 0;
    for target in 0..targets {
        indications |= u64::from(bits.take(2)?) << (target * 2);
    }
    Some(indications)
}

/// Whether a frame's own list of references names any.
fn read_references(bits: &mut Bits<'_>) -> Option<bool> {
    let mut count = 0;
    loop {
        let size = bits.take(2)?;
        if size == 0 {
            return Some(count > 0);
        }
        bits.take(4 * size)?;
        count += 1;
        if count > REFERENCES_MAX {
            return None;
        }
    }
}

/// Reads bits, the highest of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn flag(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// An unsigned number of at most 32 bits.
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Some(value)
    }

    /// A number below `end` in the non-symmetric coding `ns(end)`.
    fn below(&mut self, end: u32) -> Option<u32> {
        let width = u32::BITS - end.leading_zeros();
        let short = (1 << width) - end;
        let value = self.take(width.checked_sub(1)?)?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + self.take(1)?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Writes what [`Bits`] reads.
    #[derive(Default)]
    pub(crate) struct Pen {
        pub(crate) bytes: Vec<u8>,
        left: u32,
    }

    impl Pen {
        pub(crate) fn put(&mut self, value: u32, count: u32) -> &mut Self {
            for place in (0..count).rev() {
                if self.left == 0 {
                    self.bytes.push(0);
                    self.left = 8;
                }
                self.left -= 1;
                *self.bytes.last_mut().unwrap() |= ((value >> place & 1) as u8) << self.left;
            }
            self
        }
    }

    /// The head of a descriptor.
    pub(crate) fn head(start: bool, end: bool, template: u32, number: u16) -> Pen {
        let mut pen = Pen::default();
        pen.put(u32::from(start), 1)
            .put(u32::from(end), 1)
            .put(template, 6)
            .put(u32::from(number), 16);
        pen
    }

    /// Two spatial and two temporal layers, every upper one predicted from the lower: five templates from id 60 on, four targets
    /// (S0T0, S0T1, S1T0, S1T1) and one chain a spatial layer. Template 0 is of keyframes, 1 and 2 of S0, 3 and 4 of S1 … of
    /// which 3 serves the key picture too.
    pub(super) fn structure(pen: &mut Pen) {
        pen.put(0b10000, 5); // structure, nothing custom
        pen.put(60, 6).put(3, 5);
        pen.put(0, 2).put(1, 2).put(2, 2).put(1, 2).put(3, 2);
        for indications in [
            [2, 2, 2, 2],
            [2, 2, 3, 3],
            [0, 1, 0, 3],
            [0, 0, 2, 2],
            [0, 0, 0, 1],
        ] {
            for indication in indications {
                pen.put(indication, 2);
            }
        }
        pen.put(0, 1); // the keyframe refers to nothing
        pen.put(1, 1).put(3, 4).put(0, 1);
        pen.put(1, 1).put(1, 4).put(0, 1);
        pen.put(1, 1).put(0, 4).put(1, 1).put(3, 4).put(0, 1);
        pen.put(1, 1).put(0, 4).put(0, 1);
        // ns(5) of 2 chains: width 3, so two bits, 2 < 3.
        pen.put(2, 2);
        pen.put(0, 1).put(0, 1).put(1, 1).put(1, 1); // ns(2) is one bit
        for _ in 0..5 * 2 {
            pen.put(0, 4);
        }
        pen.put(1, 1);
        pen.put(319, 16).put(179, 16).put(639, 16).put(359, 16);
    }

    #[test]
    fn reads_templates_and_what_frames_open() {
        let mut known = Structure::default();
        let delta = head(true, true, 61, 8).bytes;
        assert_eq!(known.read(&delta), None, "templates never came");
        let mut pen = head(true, false, 60, 7);
        structure(&mut pen);
        let key = known.read(&pen.bytes).unwrap();
        assert!(key.frame.keyframe && key.frame.start && !key.frame.end);
        assert_eq!((key.number, key.active), (Some(7), 0b1111));
        assert_eq!(usize::from(key.descriptor_bytes), pen.bytes.len());
        let upper = known.read(&head(true, true, 63, 8).bytes).unwrap();
        assert_eq!((upper.frame.spatial, upper.frame.temporal), (1, 0));
        assert!(
            !upper.frame.keyframe && upper.frame.end,
            "an upper layer is no entry"
        );
        assert_eq!(upper.frame.opens, 1);
        let base = known.read(&head(true, true, 61, 9).bytes).unwrap();
        assert!(!base.frame.keyframe);
        assert_eq!((base.frame.entry, base.frame.opens), (0, 1));
        let top = known.read(&head(true, true, 0, 10).bytes).unwrap();
        assert_eq!(
            (top.frame.spatial, top.frame.temporal),
            (1, 1),
            "ids wrap at 64"
        );
        assert_eq!(top.frame.opens, 0, "discardable opens nothing");
        assert_eq!(known.read(&head(true, true, 1, 11).bytes), None);
    }

    #[test]
    fn what_a_frame_says_of_itself_goes_before_its_template() {
        let mut known = Structure::default();
        let mut pen = head(true, false, 60, 7);
        structure(&mut pen);
        known.read(&pen.bytes).unwrap();
        // Active targets, custom indications and references: a base frame that refers to nothing.
        let mut pen = head(true, true, 61, 300);
        pen.put(0b01110, 5).put(0b0011, 4);
        pen.put(2, 2).put(0, 2).put(0, 2).put(0, 2).put(0, 2);
        let frame = known.read(&pen.bytes).unwrap();
        assert_eq!(frame.active, 0b0011);
        assert!(frame.frame.keyframe);
        assert_eq!(frame.frame.opens, 0, "only the slowest target may switch");
        let mut bytes = pen.bytes;
        Av1::patch(&mut bytes, 0xabcd);
        assert_eq!(known.read(&bytes).unwrap().number, Some(0xabcd));
    }

    #[test]
    fn cut_descriptors_are_refused_and_leave_the_templates_alone() {
        let mut known = Structure::default();
        let mut pen = head(true, false, 60, 7);
        structure(&mut pen);
        known.read(&pen.bytes).unwrap();
        for cut in 4..pen.bytes.len() {
            assert_eq!(known.read(&pen.bytes[..cut]), None, "{cut} bytes");
            assert!(known.read(&head(true, true, 61, 8).bytes).is_some());
        }
        for cut in 0..3 {
            assert_eq!(known.read(&pen.bytes[..cut]), None);
        }
    }

    #[test]
    fn random_descriptors_never_panic() {
        let mut known = Structure::default();
        let mut state = 0xdeed_u64;
        let mut bytes = [0u8; 120];
        for round in 0..20_000usize {
            for byte in &mut bytes {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state as u8;
            }
            let _ = known.read(&bytes[..round % bytes.len()]);
        }
    }

    #[test]
    fn without_a_descriptor_the_aggregation_header_tells_keyframes() {
        assert!(Av1::parse(&[0x18, 0x0a]).unwrap().frame.keyframe);
        assert!(!Av1::parse(&[0x10, 0x32]).unwrap().frame.keyframe);
        assert!(!Av1::parse(&[0x90, 0x32]).unwrap().frame.start);
        assert_eq!(Av1::parse(&[0x18]), None);
    }
}

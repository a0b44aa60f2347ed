//! What a packet says about its payload in the clear: where pictures begin, which layer it belongs to, and the numbers that must
//! stay continuous for the receiver. Parsed once when a packet comes in, small enough to be copied with it.

pub mod av1;
mod h264;
mod red;
mod vp8;
mod vp9;

pub use av1::Av1;
pub use h264::H264;
pub use red::{Block, Red};
pub use vp8::Vp8;
pub use vp9::Vp9;

use crate::codec::Codec;

/// The payload descriptor of a packet, by codec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Descriptor {
    /// Plain Opus, padding, or a payload that does not parse.
    #[default]
    None,
    /// Opus with copies of the packets before it (RFC 2198).
    Red(Red),
    /// VP8.
    Vp8(Vp8),
    /// H.264.
    H264(H264),
    /// VP9.
    Vp9(Vp9),
    /// AV1.
    Av1(Av1),
}

impl Descriptor {
    /// Parses the beginning of a payload of `codec`. AV1 with a dependency descriptor has [`av1::Structure::read`] instead.
    #[must_use]
    pub fn parse(codec: Codec, payload: &[u8]) -> Self {
        match codec {
            Codec::Opus => None,
            Codec::Vp8 => Vp8::parse(payload).map(Self::Vp8),
            Codec::H264 => H264::parse(payload).map(Self::H264),
            Codec::Vp9 => Vp9::parse(payload).map(Self::Vp9),
            Codec::Av1 => Av1::parse(payload).map(Self::Av1),
        }
        .unwrap_or_default()
    }

    /// The codec of a picture; `None` for sound and for what is no picture.
    #[must_use]
    pub const fn video(&self) -> Option<Codec> {
        match self {
            Self::None | Self::Red(_) => None,
            Self::Vp8(_) => Some(Codec::Vp8),
            Self::H264(_) => Some(Codec::H264),
            Self::Vp9(_) => Some(Codec::Vp9),
            Self::Av1(_) => Some(Codec::Av1),
        }
    }

    /// The frame that the packet is part of.
    #[must_use]
    pub const fn frame(&self) -> Frame {
        match self {
            Self::None | Self::Red(_) => Frame::PLAIN,
            Self::Vp8(vp8) => vp8.frame,
            Self::H264(h264) => h264.frame,
            Self::Vp9(vp9) => vp9.frame,
            Self::Av1(av1) => av1.frame,
        }
    }

    /// Whether the packet begins a picture that needs no other.
    #[must_use]
    pub const fn keyframe(&self) -> bool {
        self.frame().keyframe
    }

    /// The numbers that must be continuous in the receiver's stream.
    #[must_use]
    pub const fn numbers(&self) -> Numbers {
        match self {
            Self::Vp8(vp8) => vp8.numbers,
            Self::Vp9(vp9) => vp9.numbers,
            Self::None | Self::Red(_) | Self::H264(_) | Self::Av1(_) => Numbers::NONE,
        }
    }

    /// Writes other numbers into a copy of the payload that this was parsed from; numbers that the payload lacks are left out.
    pub fn patch(&self, payload: &mut [u8], picture_id: u16, tl0: u8) {
        self.numbers().patch(payload, picture_id, tl0);
    }
}

/// The part of a picture in one spatial layer, as far as choosing layers must know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Whether the packet begins a picture that needs no other, in its lowest spatial layer.
    pub keyframe: bool,
    /// Whether the packet begins the frame.
    pub start: bool,
    /// Whether the packet ends the frame; known for codecs with spatial layers only.
    pub end: bool,
    /// Spatial layer, 0 the smallest.
    pub spatial: u8,
    /// Temporal layer, 0 the slowest.
    pub temporal: u8,
    /// Who got every layer up to `entry` may, from this frame on, get those up to `opens`; no more when `opens` is not above it.
    pub entry: u8,
    /// See `entry`.
    pub opens: u8,
}

impl Frame {
    /// A frame of a stream without layers.
    pub const PLAIN: Self = Self {
        keyframe: false,
        start: false,
        end: false,
        spatial: 0,
        temporal: 0,
        entry: 0,
        opens: 0,
    };
}

/// A picture id with its place in the payload (RFC 7741 section 4.2 and RFC 9628 section 4.2 write it alike).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    /// The id, 7 or 15 bits.
    pub value: u16,
    /// Whether it has 15 bits.
    pub long: bool,
    offset: u8,
}

impl PictureId {
    /// Reads the id at `at`; returns where the next field begins too.
    fn read(payload: &[u8], at: usize) -> Option<(Self, usize)> {
        let high = *payload.get(at)?;
        let offset = at as u8;
        if high & 0x80 == 0 {
            let value = u16::from(high);
            let long = false;
            return Some((
                Self {
                    value,
                    long,
                    offset,
                },
                at + 1,
            ));
        }
        let low = *payload.get(at + 1)?;
        let id = Self {
            value: u16::from_be_bytes([high & 0x7f, low]),
            long: true,
            offset,
        };
        Some((id, at + 2))
    }
}

/// Numbers in a payload descriptor that count pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Picture id, when present.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX with its place, when present.
    tl0: Option<(u8, u8)>,
}

impl Numbers {
    /// A payload that counts no pictures.
    pub const NONE: Self = Self {
        picture_id: None,
        tl0: None,
    };

    /// TL0PICIDX, when present.
    #[must_use]
    pub const fn tl0(&self) -> Option<u8> {
        match self.tl0 {
            Some((value, _)) => Some(value),
            None => None,
        }
    }

    fn patch(&self, payload: &mut [u8], picture_id: u16, tl0: u8) {
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
    fn a_descriptor_is_small() {
        // It is copied with each packet into the batch and into the cache.
        assert!(
            size_of::<Descriptor>() <= 24,
            "{} bytes",
            size_of::<Descriptor>()
        );
    }

    #[test]
    fn random_bytes_are_described_or_not_and_never_panic() {
        let mut state = 0x5eed_u64;
        let mut payload = [0u8; 40];
        for round in 0..20_000usize {
            for byte in &mut payload {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state as u8;
            }
            let cut = round % payload.len();
            for codec in Codec::VIDEO {
                let described = Descriptor::parse(codec, &payload[..cut]);
                assert!(described == Descriptor::None || described.video() == Some(codec));
                let mut copy = payload;
                described.patch(&mut copy[..cut], 0x1234, 9);
            }
        }
    }
}

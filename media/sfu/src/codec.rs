//! The codecs that pass through the bridge, and sets of them.

use crate::ids::Kind;

/// A codec. The bridge never decodes one; it knows where pictures begin and what may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Codec {
    /// RFC 7587; also when it came wrapped in RED (RFC 2198).
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 6184, packetization mode 1.
    H264,
    /// RFC 9628.
    Vp9,
    /// The AV1 RTP specification of the Alliance for Open Media.
    Av1,
}

/// Number of [`Codec`]s.
pub const CODECS: usize = 5;

impl Codec {
    /// Those for pictures, in the order in which answers prefer them when the configuration says nothing.
    pub const VIDEO: [Self; 4] = [Self::Vp8, Self::H264, Self::Vp9, Self::Av1];

    /// What it carries.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Opus => Kind::Audio,
            _ => Kind::Video,
        }
    }

    /// Its encoding name in `a=rtpmap`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Vp8 => "VP8",
            Self::H264 => "H264",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
        }
    }
}

/// A set of codecs, as one who receives takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codecs(u8);

impl Codecs {
    /// No codec.
    pub const NONE: Self = Self(0);
    /// Every codec.
    pub const ALL: Self = Self((1 << (CODECS + 1)) - 1);

    const AV1_SIZES: u8 = 1 << CODECS;

    /// The set with `codec` in it.
    #[must_use]
    pub const fn with(self, codec: Codec) -> Self {
        Self(self.0 | 1 << codec as u8)
    }

    /// The set whose AV1 may have several spatial layers, because the receiver takes the dependency descriptor.
    #[must_use]
    pub const fn with_av1_sizes(self) -> Self {
        Self(self.0 | Self::AV1_SIZES)
    }

    /// Whether a stream in `codec` may have several spatial layers. Those of VP9 are told in its payload; those of AV1 only in the
    /// dependency descriptor, and who gets them without it shows nothing at all (seen in Chromium).
    #[must_use]
    pub const fn takes_sizes_of(self, codec: Codec) -> bool {
        !matches!(codec, Codec::Av1) || self.0 & Self::AV1_SIZES != 0
    }

    /// Whether `codec` is in it.
    #[must_use]
    pub const fn contains(self, codec: Codec) -> bool {
        self.0 & 1 << codec as u8 != 0
    }
}

impl FromIterator<Codec> for Codecs {
    fn from_iter<I: IntoIterator<Item = Codec>>(codecs: I) -> Self {
        codecs.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set = Codecs::from_iter([Codec::H264, Codec::Av1]);
        assert!(set.contains(Codec::H264) && set.contains(Codec::Av1));
        assert!(!set.contains(Codec::Vp8) && !set.contains(Codec::Opus));
        assert!(set.takes_sizes_of(Codec::Vp9) && !set.takes_sizes_of(Codec::Av1));
        assert!(set.with_av1_sizes().takes_sizes_of(Codec::Av1));
        assert!(Codecs::ALL.takes_sizes_of(Codec::Av1));
        assert!(
            Codec::VIDEO
                .iter()
                .all(|codec| Codecs::ALL.contains(*codec))
        );
    }
}

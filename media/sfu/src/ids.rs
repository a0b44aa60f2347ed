//! Names of the things that the bridge knows.

/// A live room. The number is given by the caller and means nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub u64);

/// One peer (a participant's media connection) in a room. The number is given by the caller, unique over all rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u64);

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Opus, 48 kHz RTP clock.
    Audio,
    /// VP8, 90 kHz RTP clock.
    Video,
}

impl Kind {
    /// The RTP clock of the kind, in ticks per second.
    #[must_use]
    pub const fn clock_hz(self) -> u32 {
        match self {
            Self::Audio => 48_000,
            Self::Video => 90_000,
        }
    }
}

/// Which of its things a peer sends. Sound and picture of one track belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Track {
    /// Microphone and camera.
    #[default]
    Main,
    /// The shared screen, with its sound.
    Slides,
    /// A second camera, for paper and things.
    Document,
}

impl Track {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Main, Self::Slides, Self::Document];

    /// Whether the track is shown to the room only when somebody shares it.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        !matches!(self, Self::Main)
    }
}

/// A track of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId {
    /// The peer that sends it.
    pub peer: PeerId,
    /// Which of its tracks.
    pub track: Track,
}

impl TrackId {
    /// Microphone and camera of a peer.
    #[must_use]
    pub const fn main(peer: PeerId) -> Self {
        Self {
            peer,
            track: Track::Main,
        }
    }
}

/// Names one layer of one kind of one track of one seat; equal numbers mean one stream of sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(u32);

impl Source {
    /// The layer (0 the lowest, at most 3) of a kind of a track of the seat with this number.
    #[must_use]
    pub const fn new(seat: u32, track: Track, kind: Kind, layer: usize) -> Self {
        Self(seat << 5 | (track as u32) << 3 | (kind as u32) << 2 | (layer as u32 & 3))
    }

    /// The same layer of another seat: other shards of a room number their seats themselves.
    #[must_use]
    pub const fn in_seat(self, seat: u32) -> Self {
        Self(seat << 5 | self.0 & 31)
    }

    /// The number of the seat.
    #[must_use]
    pub const fn seat(self) -> u32 {
        self.0 >> 5
    }

    /// The track.
    #[must_use]
    pub const fn track(self) -> Track {
        match self.0 >> 3 & 3 {
            0 => Track::Main,
            1 => Track::Slides,
            _ => Track::Document,
        }
    }

    /// The kind.
    #[must_use]
    pub const fn kind(self) -> Kind {
        if self.0 & 4 == 0 {
            Kind::Audio
        } else {
            Kind::Video
        }
    }

    /// The layer, 0 the lowest.
    #[must_use]
    pub const fn layer(self) -> usize {
        (self.0 & 3) as usize
    }

    /// Whether both are layers of one track of one seat.
    #[must_use]
    pub const fn is_of(self, seat: u32, track: Track) -> bool {
        self.0 >> 3 == seat << 2 | track as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_what_it_was_made_of() {
        for seat in [0, 1, 299, (1 << 27) - 1] {
            for track in Track::ALL {
                for kind in [Kind::Audio, Kind::Video] {
                    for layer in 0..4 {
                        let source = Source::new(seat, track, kind, layer);
                        assert_eq!(
                            (source.seat(), source.track(), source.kind(), source.layer()),
                            (seat, track, kind, layer)
                        );
                        assert_eq!(Source::new(7, track, kind, layer).in_seat(seat), source);
                        assert!(source.is_of(seat, track));
                        assert!(!source.is_of(seat ^ 1, track));
                    }
                }
            }
        }
    }
}

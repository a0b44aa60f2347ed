//! Which layers of a stream with several go to a receiver, and when that may change.

use crate::descriptor::Frame;

/// The highest layers that pass; all below them pass too, so that what is sent can always be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quality {
    /// Highest spatial layer.
    pub spatial: u8,
    /// Highest temporal layer.
    pub temporal: u8,
}

impl Quality {
    /// Everything.
    pub const FULL: Self = Self {
        spatial: u8::MAX,
        temporal: u8::MAX,
    };

    /// Whether a frame is within it.
    #[must_use]
    pub const fn holds(self, frame: &Frame) -> bool {
        frame.spatial <= self.spatial && frame.temporal <= self.temporal
    }
}

/// The quality of what flows, and what it is to become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection {
    pub(crate) now: Quality,
    pub(crate) wanted: Quality,
    /// What passed before `turned_at`, for packets that come late.
    former: Quality,
    turned_at: u64,
}

impl Selection {
    /// A stream that begins with a keyframe.
    pub(crate) fn new(quality: Quality) -> Self {
        Self {
            now: quality,
            wanted: quality,
            former: quality,
            turned_at: 0,
        }
    }

    /// What passed when the packet `index` was due.
    pub(crate) fn at(&self, index: u64) -> Quality {
        if index < self.turned_at {
            self.former
        } else {
            self.now
        }
    }

    /// Comes nearer to what is wanted, as far as this frame allows. `index` must be higher than all before.
    pub(crate) fn turn(&mut self, frame: &Frame, index: u64) {
        if self.now == self.wanted || !frame.start {
            return;
        }
        let mut next = self.now;
        if frame.keyframe {
            next = self.wanted;
        } else if frame.spatial == 0 {
            // Less is possible from any picture on; in the midst of one, its marker would be lost.
            next.spatial = next.spatial.min(self.wanted.spatial);
            next.temporal = next.temporal.min(self.wanted.temporal);
        }
        if frame.entry <= next.temporal && frame.opens > next.temporal {
            next.temporal = frame.opens.min(self.wanted.temporal).max(next.temporal);
        }
        if next != self.now {
            self.former = std::mem::replace(&mut self.now, next);
            self.turned_at = index;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality(spatial: u8, temporal: u8) -> Quality {
        Quality { spatial, temporal }
    }

    fn start(spatial: u8, temporal: u8) -> Frame {
        Frame {
            start: true,
            spatial,
            temporal,
            entry: temporal,
            ..Frame::PLAIN
        }
    }

    #[test]
    fn less_is_possible_from_the_next_picture_on_and_not_in_its_midst() {
        let mut selection = Selection::new(Quality::FULL);
        selection.wanted = quality(1, 0);
        selection.turn(&start(1, 0), 10);
        assert_eq!(selection.now, Quality::FULL);
        selection.turn(&start(0, 0), 11);
        assert_eq!(selection.now, quality(1, 0));
        assert_eq!(selection.at(10), Quality::FULL);
        assert_eq!(selection.at(11), quality(1, 0));
    }

    #[test]
    fn a_higher_spatial_layer_waits_for_a_keyframe() {
        let mut selection = Selection::new(quality(0, 7));
        selection.wanted = Quality::FULL;
        let opening = Frame {
            opens: u8::MAX,
            ..start(0, 0)
        };
        selection.turn(&opening, 1);
        assert_eq!(selection.now, quality(0, u8::MAX));
        let keyframe = Frame {
            keyframe: true,
            ..opening
        };
        selection.turn(&keyframe, 2);
        assert_eq!(selection.now, Quality::FULL);
    }

    #[test]
    fn a_faster_temporal_layer_waits_for_a_frame_that_opens_it() {
        let mut selection = Selection::new(quality(0, 0));
        selection.wanted = quality(0, 2);
        selection.turn(&start(0, 0), 1);
        selection.turn(&start(0, 2), 2);
        assert_eq!(selection.now, quality(0, 0));
        // VP8: a frame of layer 1 that depends on layer 0 only.
        let sync = Frame {
            entry: 0,
            opens: 1,
            ..start(0, 1)
        };
        selection.turn(&sync, 3);
        assert_eq!(selection.now, quality(0, 1));
        // VP9: one of layer 2 says that nothing after it looks back; layer 2 itself was not received.
        let up = Frame {
            opens: u8::MAX,
            ..start(0, 2)
        };
        selection.turn(&up, 4);
        assert_eq!(selection.now, quality(0, 1));
        selection.turn(
            &Frame {
                temporal: 1,
                entry: 1,
                ..up
            },
            5,
        );
        assert_eq!(selection.now, quality(0, 2));
    }
}

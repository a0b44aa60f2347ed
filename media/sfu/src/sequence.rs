//! Sequence numbers that do not wrap, and the memory of those already seen.

/// Extends 16-bit sequence numbers to 64-bit indexes (RFC 3711 section 3.3.1: index = rollover counter · 2^16 + sequence).
///
/// The first number seen has rollover counter 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extender {
    highest: Option<u64>,
}

impl Extender {
    /// The index nearest to the highest accepted one; `None` when it would lie before rollover 0.
    #[must_use]
    pub fn extend(&self, sequence: u16) -> Option<u64> {
        let Some(highest) = self.highest else {
            return Some(u64::from(sequence));
        };
        let distance = sequence.wrapping_sub(highest as u16) as i16;
        highest.checked_add_signed(i64::from(distance))
    }

    /// Remembers an index as seen. Call it only after authentication.
    pub fn accept(&mut self, index: u64) {
        self.highest = Some(self.highest.map_or(index, |highest| highest.max(index)));
    }

    /// The highest index accepted so far.
    #[must_use]
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }
}

/// Words of the window.
const WORDS: usize = 16;
/// Packets that a [`ReplayWindow`] remembers: 1,024 is two seconds of a 6 Mbit/s layer, so that a retransmission still fits.
/// RFC 3711 section 3.3.2 asks for at least 64.
pub const WINDOW: u64 = (WORDS * 64) as u64;

/// Which of the latest [`WINDOW`] indexes were seen; anything older counts as seen (RFC 3711 section 3.3.2).
#[derive(Clone, Debug, Default)]
pub struct ReplayWindow {
    /// One more than the highest index seen.
    end: u64,
    bits: [u64; WORDS],
}

impl ReplayWindow {
    /// Whether `index` is new, that is neither seen nor too old to tell.
    #[must_use]
    pub fn is_new(&self, index: u64) -> bool {
        index >= self.end
            || (self.end - index <= WINDOW && self.bits[word(index)] & bit(index) == 0)
    }

    /// Marks `index` as seen. Returns whether it was new.
    pub fn insert(&mut self, index: u64) -> bool {
        if !self.is_new(index) {
            return false;
        }
        if index >= self.end {
            if index - self.end >= WINDOW {
                self.bits = [0; WORDS];
            } else {
                for skipped in self.end..index {
                    self.bits[word(skipped)] &= !bit(skipped);
                }
            }
            self.end = index + 1;
        }
        self.bits[word(index)] |= bit(index);
        true
    }
}

const fn word(index: u64) -> usize {
    (index % WINDOW / 64) as usize
}

const fn bit(index: u64) -> u64 {
    1 << (index % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extends_over_a_wrap_in_both_directions() {
        let mut extender = Extender::default();
        extender.accept(extender.extend(65_534).unwrap());
        assert_eq!(extender.extend(2), Some(65_538));
        extender.accept(65_538);
        assert_eq!(
            extender.extend(65_535),
            Some(65_535),
            "a late packet belongs to the rollover before"
        );
        assert_eq!(extender.extend(3), Some(65_539));
    }

    #[test]
    fn nothing_lies_before_rollover_zero() {
        let mut extender = Extender::default();
        extender.accept(3);
        assert_eq!(extender.extend(65_530), None);
    }

    #[test]
    fn each_index_is_new_once() {
        let mut window = ReplayWindow::default();
        assert!(window.insert(10));
        assert!(!window.insert(10));
        assert!(window.insert(12));
        assert!(window.insert(11), "a late packet inside the window is new");
        assert!(!window.insert(11));
        assert!(window.insert(10 + WINDOW));
        assert!(!window.insert(10), "older than the window counts as seen");
        assert!(window.insert(13));
        assert!(window.insert(10_000_000));
        assert!(!window.is_new(13));
        assert!(
            window.insert(9_999_999),
            "a jump forgets the bits of before"
        );
    }
}

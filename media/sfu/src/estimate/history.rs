//! When which packet was sent. The ring grows with the rate, so that a viewer of one thin picture costs little.

/// Places at the beginning: a second of sound and a small picture.
const PLACES: usize = 256;
/// Places at most: two seconds at 2,000 packets/s. Beyond that the oldest are forgotten early, and count neither as arrived nor as lost.
const PLACES_MAX: usize = 4096;
/// An entry younger than this is worth a larger ring.
const YOUNG_US: u64 = 1_000_000;
/// Feedback about older packets says nothing of the line as it is.
const OLD_US: u64 = 5_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Empty,
    Sent,
    Lost,
    Arrived,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    sent_us: u64,
    sequence: u16,
    bytes: u16,
    label: u8,
    state: State,
}

/// A packet that has arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    pub(super) sent_us: u64,
    pub(super) bytes: u16,
    /// Of a probe's burst.
    pub(super) label: u8,
    /// It had been reported as lost.
    pub(super) was_lost: bool,
}

/// The packets sent to one receiver.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    entries: Vec<Entry>,
}

impl History {
    pub(super) fn sent(&mut self, sequence: u16, sent_us: u64, bytes: u16, label: u8) {
        if self.entries.is_empty() {
            self.entries.resize(PLACES, Entry::default());
        }
        let before = self.entries[self.place(sequence)];
        if before.state == State::Sent
            && self.entries.len() < PLACES_MAX
            && sent_us.saturating_sub(before.sent_us) < YOUNG_US
        {
            self.grow();
        }
        let place = self.place(sequence);
        self.entries[place] = Entry {
            sent_us,
            sequence,
            bytes,
            label,
            state: State::Sent,
        };
    }

    fn place(&self, sequence: u16) -> usize {
        usize::from(sequence) & (self.entries.len() - 1)
    }

    fn grow(&mut self) {
        let places = self.entries.len() * 2;
        let before = std::mem::replace(&mut self.entries, vec![Entry::default(); places]);
        for entry in before {
            let place = self.place(entry.sequence);
            self.entries[place] = entry;
        }
    }

    fn entry(&mut self, sequence: u16, now_us: u64) -> Option<&mut Entry> {
        if self.entries.is_empty() {
            return None;
        }
        let place = self.place(sequence);
        let entry = &mut self.entries[place];
        (entry.sequence == sequence
            && matches!(entry.state, State::Sent | State::Lost)
            && now_us.saturating_sub(entry.sent_us) <= OLD_US)
            .then_some(entry)
    }

    /// The packet has arrived. `None` when that was known, or is too long ago.
    pub(super) fn arrived(&mut self, sequence: u16, now_us: u64) -> Option<Arrived> {
        let entry = self.entry(sequence, now_us)?;
        let was_lost = entry.state == State::Lost;
        entry.state = State::Arrived;
        Some(Arrived {
            sent_us: entry.sent_us,
            bytes: entry.bytes,
            label: entry.label,
            was_lost,
        })
    }

    /// The packet has not arrived. Returns whether that is news.
    pub(super) fn missed(&mut self, sequence: u16, now_us: u64) -> bool {
        match self.entry(sequence, now_us) {
            Some(entry) if entry.state == State::Sent => {
                entry.state = State::Lost;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_arrives_once_and_may_be_late() {
        let mut history = History::default();
        assert!(history.arrived(3, 0).is_none());
        history.sent(65_535, 10, 900, 0);
        history.sent(0, 20, 900, 2);
        assert!(history.missed(65_535, 30));
        assert!(!history.missed(65_535, 30));
        assert!(history.arrived(65_535, 40).unwrap().was_lost);
        assert!(history.arrived(65_535, 40).is_none());
        assert_eq!(history.arrived(0, 40).unwrap().label, 2);
        history.sent(1, 50, 900, 0);
        assert!(history.arrived(1, 50 + OLD_US + 1).is_none());
    }

    #[test]
    fn the_ring_grows_with_the_rate_and_not_beyond() {
        let mut history = History::default();
        for sequence in 0..600u16 {
            history.sent(sequence, u64::from(sequence) * 20_000, 100, 0);
        }
        assert_eq!(history.entries.len(), PLACES, "sound alone");
        for sequence in 600..20_000u16 {
            history.sent(sequence, 12_000_000 + u64::from(sequence) * 100, 100, 0);
        }
        assert_eq!(history.entries.len(), PLACES_MAX);
        assert!(history.arrived(19_000, 14_000_000).is_some());
    }
}

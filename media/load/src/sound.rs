//! Sound of one slot: how long the longest hole is that a listener would hear. PURE.

use std::time::Duration;

use nhipcau_sfu::sequence::Extender;

/// A packet of sound.
pub(crate) const PACKET: Duration = Duration::from_millis(20);
/// From mouth to ear; what comes later is as good as lost (ITU-T G.114 calls 400 ms the limit).
const PLAYED_AFTER: Duration = Duration::from_millis(400);
/// Packets that may still come.
const WINDOW: u64 = 32;
/// A jump that is no hole: the bridge began another stream.
const JUMP: u64 = 500;

/// The sound of one slot.
#[derive(Clone, Debug, Default)]
pub struct Sound {
    extender: Extender,
    /// The first packet that is neither heard nor given up.
    next: Option<u64>,
    /// Those after `next` that are there, the lowest bit for `next` itself.
    there: u32,
    hole: u32,
    /// Packets in time.
    pub heard: u64,
    /// Packets that came too late.
    pub late: u64,
    /// Packets that never came in time.
    pub missing: u64,
    hole_max: u32,
}

impl Sound {
    /// Another connection begins; the counts stay.
    pub fn begin_again(&mut self) {
        *self = Self {
            heard: self.heard,
            late: self.late,
            missing: self.missing,
            hole_max: self.hole_max,
            ..Self::default()
        };
    }

    /// Takes a packet that took `latency` from the microphone; `None` when that is not known.
    pub fn take(&mut self, sequence: u16, latency: Option<Duration>) {
        let Some(index) = self.extender.extend(sequence) else {
            return;
        };
        self.extender.accept(index);
        if latency.is_some_and(|latency| latency > PLAYED_AFTER) {
            self.late += 1;
            return;
        }
        let next = *self.next.get_or_insert(index);
        if index < next {
            self.late += 1;
            return;
        }
        if index - next > JUMP {
            self.next = Some(index + 1);
            self.there = 0;
            self.hole = 0;
            self.heard += 1;
            return;
        }
        while index - self.next.unwrap_or(index) >= WINDOW {
            self.step();
        }
        let next = self.next.unwrap_or(index);
        self.there |= 1 << (index - next);
        while self.there & 1 == 1 {
            self.step();
        }
    }

    /// Plays the next packet, or does without it.
    fn step(&mut self) {
        if self.there & 1 == 1 {
            self.heard += 1;
            self.hole = 0;
        } else {
            self.missing += 1;
            self.hole += 1;
            self.hole_max = self.hole_max.max(self.hole);
        }
        self.there >>= 1;
        self.next = self.next.map(|next| next + 1);
    }

    /// What was missing so far is not counted.
    pub fn forget_holes(&mut self) {
        self.hole = 0;
        self.hole_max = 0;
        self.missing = 0;
    }

    /// The longest time without sound.
    #[must_use]
    pub fn hole_max(&self) -> Duration {
        PACKET * self.hole_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_runs_of_packets_that_did_not_come_in_time() {
        let mut sound = Sound::default();
        let soon = Some(Duration::from_millis(50));
        for sequence in 65_530u16..=65_535 {
            sound.take(sequence, soon);
        }
        // 1 comes after 2; 3, 4 and 5 never, 6 too late.
        for sequence in [0, 2, 1] {
            sound.take(sequence, soon);
        }
        sound.take(6, Some(Duration::from_millis(450)));
        for sequence in 7..60 {
            sound.take(sequence, soon);
        }
        assert_eq!((sound.missing, sound.late), (4, 1));
        assert_eq!(sound.hole_max(), Duration::from_millis(80));
        sound.take(5_000, soon);
        assert_eq!(sound.hole_max(), Duration::from_millis(80));
    }
}

//! Which of a stream's latest numbers were left out, so that those that go out can follow each other without a gap.

/// Words of the window.
const WORDS: usize = 16;
/// Numbers that are remembered: two seconds of a 6 Mbit/s stream, as far back as a late packet or a NACK may lie.
const WINDOW: u64 = (WORDS * 64) as u64;

/// Numbers that were left out, among the latest [`WINDOW`].
#[derive(Clone, Debug)]
pub(crate) struct Omitted {
    /// One more than the highest number noted.
    end: u64,
    /// All that were left out.
    total: u64,
    bits: [u64; WORDS],
}

impl Omitted {
    /// Nothing below `end` was left out.
    pub(crate) fn new(end: u64) -> Self {
        Self {
            end,
            total: 0,
            bits: [0; WORDS],
        }
    }

    /// One more than the highest number noted.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Notes a number that goes out. Those between it and the highest before are taken to go out as well.
    pub(crate) fn keep(&mut self, number: u64) {
        if number < self.end {
            return;
        }
        if number - self.end >= WINDOW {
            self.bits = [0; WORDS];
        } else {
            for skipped in self.end..=number {
                self.bits[word(skipped)] &= !bit(skipped);
            }
        }
        self.end = number + 1;
    }

    /// Notes a number, higher than all before, that is left out.
    pub(crate) fn omit(&mut self, number: u64) {
        self.keep(number);
        if self.bits[word(number)] & bit(number) == 0 {
            self.bits[word(number)] |= bit(number);
            self.total += 1;
        }
    }

    /// Whether `number` was left out; `false` also for one that is too old to tell.
    pub(crate) fn contains(&self, number: u64) -> bool {
        number < self.end
            && self.end - number <= WINDOW
            && self.bits[word(number)] & bit(number) != 0
    }

    /// How many numbers below `number` were left out. `None` when that is too old to tell.
    pub(crate) fn before(&self, number: u64) -> Option<u64> {
        if number >= self.end {
            return Some(self.total);
        }
        if self.end - number > WINDOW {
            return None;
        }
        let (mut at, mut later) = (number, 0);
        while at < self.end {
            let next = ((at | 63) + 1).min(self.end);
            let mut bits = self.bits[word(at)] >> (at % 64);
            if next - at < 64 {
                bits &= (1 << (next - at)) - 1;
            }
            later += u64::from(bits.count_ones());
            at = next;
        }
        Some(self.total - later)
    }

    /// The number below [`Self::end`] that has `kept` numbers that went out below it, and went out itself.
    pub(crate) fn find(&self, kept: u64) -> Option<u64> {
        let (mut low, mut high) = (self.end.saturating_sub(WINDOW), self.end);
        // The highest number with at most `kept` below it: those left out share the count of the one after them.
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if middle - self.before(middle)? <= kept {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        (low < self.end && low - self.before(low)? == kept && !self.contains(low)).then_some(low)
    }
}

const fn word(number: u64) -> usize {
    (number % WINDOW / 64) as usize
}

const fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_counting_one_by_one() {
        let mut state = 99_u64;
        let mut omitted = Omitted::new(70);
        let mut noted = Vec::<(u64, bool)>::new();
        for number in 70..1_500u64 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let left_out = state % 5 < 2;
            match (state % 11, left_out) {
                (0, _) => continue, // not heard of yet: it counts as one that goes out
                (_, true) => omitted.omit(number),
                (_, false) => omitted.keep(number),
            }
            noted.push((number, left_out));
            let oldest = omitted.end().saturating_sub(WINDOW);
            for number in [oldest, oldest + 700, omitted.end() - 1] {
                if number < 70 || number >= omitted.end() {
                    continue;
                }
                let count = noted.iter().filter(|n| n.0 < number && n.1).count() as u64;
                assert_eq!(omitted.before(number), Some(count), "{number}");
                let itself = noted.contains(&(number, true));
                assert_eq!(omitted.contains(number), itself);
                if !itself {
                    assert_eq!(omitted.find(number - count), Some(number));
                }
            }
        }
        assert_eq!(omitted.before(80), None);
        assert_eq!(omitted.find(10), None);
        omitted.keep(1_000_000);
        assert!(!omitted.contains(999_999), "a jump forgets");
    }
}

//! Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): feedback towards publishers, and the
//! reading of receivers' feedback.

use std::time::{Duration, Instant};

/// Packets in one feedback. At 50 ms a feedback this is 5,000 packets/s of one peer; the caller sends earlier when it is reached.
const PACKETS_MAX: usize = 256;
/// Symbols in a status vector chunk with two bits each.
const SYMBOLS: usize = 7;
/// Unit of arrival deltas.
const TICK: Duration = Duration::from_micros(250);
/// Ticks of a unit of the reference time (64 ms).
const REFERENCE_TICKS: i64 = 256;

/// Arrivals that are remembered after they were reported, so that a late packet can be reported among its neighbours.
const REMEMBERED: usize = 512;

/// Remembers arrivals of a publisher's packets until they are reported.
#[derive(Clone, Debug)]
pub struct Recorder {
    epoch: Instant,
    /// Index and arrival in ticks, by index modulo the length.
    arrived: Vec<Option<(u64, i64)>>,
    extender: crate::sequence::Extender,
    /// The first sequence number that waits to be reported, late ones included.
    first: Option<u64>,
    /// One after the last sequence number that has been reported.
    next: Option<u64>,
    count: u8,
    pending: usize,
}

impl Recorder {
    /// Nothing has arrived; times are measured from `epoch`.
    #[must_use]
    pub fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            arrived: vec![None; REMEMBERED],
            extender: crate::sequence::Extender::default(),
            first: None,
            next: None,
            count: 0,
            pending: 0,
        }
    }

    /// Notes that the packet `sequence` has arrived. Returns whether a feedback should go out at once.
    pub fn arrived(&mut self, sequence: u16, now: Instant) -> bool {
        let Some(index) = self.extender.extend(sequence) else {
            return false;
        };
        let highest = self.extender.highest().unwrap_or(index).max(index);
        let place = (index % REMEMBERED as u64) as usize;
        if highest - index >= REMEMBERED as u64
            || self.arrived[place].is_some_and(|(known, _)| known >= index)
        {
            return false;
        }
        self.extender.accept(index);
        let ticks = now.saturating_duration_since(self.epoch).as_micros() / TICK.as_micros();
        self.arrived[place] = Some((index, ticks as i64));
        self.first = Some(self.first.map_or(index, |first| first.min(index)));
        self.pending += 1;
        self.pending >= PACKETS_MAX
    }

    /// Whether there is something to report.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.first.is_some()
    }

    fn at(&self, index: u64) -> Option<i64> {
        let (known, at) = self.arrived[(index % REMEMBERED as u64) as usize]?;
        (known == index).then_some(at)
    }

    /// Builds the feedback for what arrived since the last one into `body`, which is cleared first. A packet that came late is reported
    /// with its neighbours, which are said again. What does not fit one feedback (a gap of more than 256 numbers, or a pause longer
    /// than a delta can say) stays for the next call.
    pub fn feedback(&mut self, body: &mut Vec<u8>) {
        body.clear();
        let (Some(first), Some(highest)) = (self.first.take(), self.extender.highest()) else {
            return;
        };
        let first = first.max((highest + 1).saturating_sub(REMEMBERED as u64));
        let Some((first, first_at)) =
            (first..=highest).find_map(|index| Some((index, self.at(index)?)))
        else {
            self.pending = 0;
            return;
        };
        let base = self
            .next
            .filter(|next| *next <= first && first - next < PACKETS_MAX as u64)
            .unwrap_or(first);
        let reference = first_at.div_euclid(REFERENCE_TICKS);
        let mut symbols = [0u8; PACKETS_MAX];
        let mut deltas = [0u8; PACKETS_MAX * 2];
        let mut written = 0;
        let mut last_at = reference * REFERENCE_TICKS;
        let mut end = base;
        for index in first..=highest {
            let Some(at) = self.at(index) else { continue };
            let place = (index - base) as usize;
            let delta = at - last_at;
            let Some(delta) = i16::try_from(delta).ok().filter(|_| place < PACKETS_MAX) else {
                self.first = Some(index);
                break;
            };
            if let Ok(small) = u8::try_from(delta) {
                symbols[place] = 1;
                deltas[written] = small;
                written += 1;
            } else {
                symbols[place] = 2;
                deltas[written..written + 2].copy_from_slice(&delta.to_be_bytes());
                written += 2;
            }
            last_at = at;
            end = index + 1;
        }
        if self.first.is_none() {
            self.pending = 0;
        }
        self.next = self.next.max(Some(end));
        let total = (end - base) as usize;
        body.extend_from_slice(&(base as u16).to_be_bytes());
        body.extend_from_slice(&(total as u16).to_be_bytes());
        body.extend_from_slice(&(reference as u32).to_be_bytes()[1..]);
        body.push(self.count);
        self.count = self.count.wrapping_add(1);
        for chunk in symbols[..total].chunks(SYMBOLS) {
            let vector = chunk
                .iter()
                .enumerate()
                .fold(0xc000u16, |vector, (place, &symbol)| {
                    vector | u16::from(symbol) << (12 - 2 * place)
                });
            body.extend_from_slice(&vector.to_be_bytes());
        }
        body.extend_from_slice(&deltas[..written]);
        while !body.len().is_multiple_of(4) {
            body.push(0);
        }
    }
}

/// A receiver's feedback, read lazily: sequence numbers with their arrival in 250 µs ticks, `None` for those not received.
#[derive(Clone, Debug)]
pub struct Feedback<'a> {
    sequence: u16,
    left: u16,
    chunks: &'a [u8],
    deltas: &'a [u8],
    at: i64,
    symbols: [u8; 14],
    symbols_left: usize,
    run: Option<(u8, u16)>,
}

impl<'a> Feedback<'a> {
    /// Reads the head of a feedback; `None` when its chunks are cut.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let head = body.get(..8)?;
        let count = u16::from_be_bytes([head[2], head[3]]);
        let reference = i64::from(u32::from_be_bytes([0, head[4], head[5], head[6]]));
        // Walk over the chunks to find where the deltas begin.
        let mut at = 8;
        let mut covered = 0usize;
        while covered < usize::from(count) {
            let chunk = u16::from_be_bytes([*body.get(at)?, *body.get(at + 1)?]);
            covered += match chunk >> 14 {
                0 | 1 => usize::from(chunk & 0x1fff).max(1),
                2 => 14,
                _ => 7,
            };
            at += 2;
        }
        Some(Self {
            sequence: u16::from_be_bytes([head[0], head[1]]),
            left: count,
            chunks: &body[8..at],
            deltas: &body[at..],
            at: reference * REFERENCE_TICKS,
            symbols: [0; 14],
            symbols_left: 0,
            run: None,
        })
    }

    fn symbol(&mut self) -> Option<u8> {
        loop {
            if let Some((symbol, left)) = self.run.as_mut().filter(|(_, left)| *left > 0) {
                *left -= 1;
                return Some(*symbol);
            }
            if self.symbols_left > 0 {
                self.symbols_left -= 1;
                return Some(self.symbols[self.symbols_left]);
            }
            let (chunk, rest) = self.chunks.split_at_checked(2)?;
            self.chunks = rest;
            let chunk = u16::from_be_bytes([chunk[0], chunk[1]]);
            if chunk >> 15 == 0 {
                self.run = Some(((chunk >> 13 & 3) as u8, (chunk & 0x1fff).max(1)));
            } else if chunk >> 14 == 2 {
                // Kept in reverse, so that taking from the end is taking in order.
                for (place, symbol) in self.symbols.iter_mut().enumerate() {
                    *symbol = (chunk >> place & 1) as u8;
                }
                self.symbols_left = 14;
            } else {
                for (place, symbol) in self.symbols[..SYMBOLS].iter_mut().enumerate() {
                    *symbol = (chunk >> (2 * place) & 3) as u8;
                }
                self.symbols_left = SYMBOLS;
            }
        }
    }
}

impl Iterator for Feedback<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let delta = match self.symbol()? {
            1 => {
                let (delta, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                Some(i64::from(*delta))
            }
            2 => {
                let (delta, rest) = self.deltas.split_at_checked(2)?;
                self.deltas = rest;
                Some(i64::from(i16::from_be_bytes([delta[0], delta[1]])))
            }
            _ => None,
        };
        self.left -= 1;
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Some((
            sequence,
            delta.map(|delta| {
                self.at += delta;
                self.at
            }),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_feedback_that_it_writes() {
        let epoch = crate::testing::start();
        let mut recorder = Recorder::new(epoch);
        let arrivals = [
            (65_534u16, 100u64),
            (65_535, 101),
            (1, 150),
            (0, 160),
            (9, 2_000),
            (30, 2_000),
        ];
        for (sequence, at_ms) in arrivals {
            recorder.arrived(sequence, epoch + Duration::from_millis(at_ms));
        }
        let mut body = Vec::new();
        recorder.feedback(&mut body);
        assert_eq!(body.len() % 4, 0);
        let mut read = Feedback::parse(&body).unwrap().collect::<Vec<_>>();
        assert_eq!(read.len(), 33);
        read.retain(|(_, at)| at.is_some());
        let expected = [
            (65_534, 400),
            (65_535, 404),
            (0, 640),
            (1, 600),
            (9, 8_000),
            (30, 8_000),
        ];
        assert_eq!(
            read,
            expected.map(|(sequence, ticks)| (sequence, Some(ticks)))
        );
        assert!(!recorder.is_pending());
        recorder.arrived(33, epoch + Duration::from_secs(3));
        recorder.feedback(&mut body);
        assert_eq!(
            Feedback::parse(&body)
                .unwrap()
                .map(|(sequence, _)| sequence)
                .collect::<Vec<_>>(),
            [31, 32, 33]
        );
    }

    #[test]
    fn a_late_packet_is_reported_among_its_neighbours() {
        let epoch = crate::testing::start();
        let at = |ms| epoch + Duration::from_millis(ms);
        let mut recorder = Recorder::new(epoch);
        for sequence in [7, 8, 10, 11] {
            recorder.arrived(sequence, at(u64::from(sequence)));
        }
        let mut body = Vec::new();
        recorder.feedback(&mut body);
        assert!(!recorder.is_pending());
        recorder.arrived(12, at(20));
        recorder.arrived(9, at(30));
        recorder.arrived(9, at(31));
        recorder.feedback(&mut body);
        let read = Feedback::parse(&body).unwrap().collect::<Vec<_>>();
        assert_eq!(
            read,
            [(9, 120), (10, 40), (11, 44), (12, 80)].map(|(sequence, at)| (sequence, Some(at)))
        );
        recorder.arrived(14, at(40));
        recorder.feedback(&mut body);
        let read = Feedback::parse(&body).unwrap().collect::<Vec<_>>();
        assert_eq!(read, [(13, None), (14, Some(160))]);
    }

    #[test]
    fn a_pause_too_long_for_a_delta_begins_another_feedback() {
        let epoch = crate::testing::start();
        let mut recorder = Recorder::new(epoch);
        recorder.arrived(1, epoch);
        recorder.arrived(2, epoch + Duration::from_secs(60));
        let mut body = Vec::new();
        recorder.feedback(&mut body);
        assert_eq!(Feedback::parse(&body).unwrap().count(), 1);
        assert!(recorder.is_pending());
        recorder.feedback(&mut body);
        assert_eq!(
            Feedback::parse(&body).unwrap().next(),
            Some((2, Some(60 * 4_000)))
        );
    }

    #[test]
    fn reads_runs_and_one_bit_vectors() {
        let body = [
            0, 5, 0, 17, 0, 0, 0, 0, 0x20, 3, 0xa0, 0x01, 1, 2, 3, 4, 5, 0, 0, 0,
        ];
        let read = Feedback::parse(&body)
            .unwrap()
            .filter(|(_, at)| at.is_some())
            .collect::<Vec<_>>();
        assert_eq!(
            read,
            [
                (5, Some(1)),
                (6, Some(3)),
                (7, Some(6)),
                (8, Some(10)),
                (21, Some(15))
            ]
        );
    }

    #[test]
    fn lies_end_the_reading() {
        assert!(Feedback::parse(&[0; 7]).is_none());
        assert!(Feedback::parse(&[0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0]).is_none());
        let cut = [0, 0, 0, 3, 0, 0, 0, 0, 0x20, 3, 1];
        assert_eq!(Feedback::parse(&cut).unwrap().count(), 1);
    }
}

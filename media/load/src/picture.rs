//! Pictures of one slot, from packets: what a decoder could show, when, and where it froze. PURE.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nhipcau_sfu::sequence::Extender;

/// Pictures that wait for packets or for an earlier picture; the oldest beyond this is given up.
const PENDING_MAX: usize = 64;
/// Intervals that the mean is taken of, as browsers do for `freezeCount`.
const INTERVALS: usize = 30;
/// Intervals that there must be before anything is a freeze.
const INTERVALS_MIN: usize = 5;
/// What a picture may be later than the mean.
const LATE: Duration = Duration::from_millis(150);

/// What a packet of a picture says.
#[derive(Clone, Copy, Debug)]
pub struct PacketFacts {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Whether it begins a picture.
    pub start: bool,
    /// Whether that picture needs no other.
    pub keyframe: bool,
    /// Whether it ends a picture.
    pub marker: bool,
    /// The sender's seat and layer, of our own packets.
    pub source: Option<(u16, u8)>,
}

/// A picture that a decoder could show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whether it needs no other.
    pub keyframe: bool,
    /// The sender's seat and layer, of our own packets.
    pub source: Option<(u16, u8)>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    timestamp: u32,
    first: Option<u64>,
    last: Option<u64>,
    packets: u64,
    keyframe: bool,
    source: Option<(u16, u8)>,
}

impl Pending {
    /// First and last index, when every packet is there.
    fn whole(&self) -> Option<(u64, u64)> {
        let (first, last) = (self.first?, self.last?);
        (last.checked_sub(first)? + 1 == self.packets).then_some((first, last))
    }
}

/// The pictures of one slot.
#[derive(Clone, Debug, Default)]
pub struct Pictures {
    extender: Extender,
    pending: VecDeque<Pending>,
    /// Last index of the latest shown picture.
    shown: Option<u64>,
    shown_at: Option<Instant>,
    source: Option<(u16, u8)>,
    intervals: VecDeque<Duration>,
    /// Pictures shown.
    pub count: u64,
    /// Keyframes among them.
    pub keyframes: u64,
    /// Gaps between two pictures of one sender longer than three mean intervals and than the mean and 150 ms, as `freezeCount`.
    pub freezes: u64,
    /// Their sum, as `totalFreezesDuration`.
    pub frozen: Duration,
}

impl Pictures {
    /// Takes a packet that has not come before. Returns the latest picture that it completes.
    pub fn take(&mut self, packet: PacketFacts, now: Instant) -> Option<Shown> {
        let index = self.extender.extend(packet.sequence)?;
        self.extender.accept(index);
        if self.shown.is_some_and(|shown| index <= shown) {
            return None;
        }
        let place = self
            .pending
            .iter()
            .position(|pending| pending.timestamp == packet.timestamp)
            .unwrap_or_else(|| {
                if self.pending.len() == PENDING_MAX {
                    self.pending.pop_front();
                }
                self.pending.push_back(Pending {
                    timestamp: packet.timestamp,
                    first: None,
                    last: None,
                    packets: 0,
                    keyframe: false,
                    source: packet.source,
                });
                self.pending.len() - 1
            });
        let pending = &mut self.pending[place];
        pending.packets += 1;
        if packet.start {
            pending.first = Some(index);
            pending.keyframe = packet.keyframe;
        }
        if packet.marker {
            pending.last = Some(index);
        }
        pending.whole()?;
        self.show(now)
    }

    fn show(&mut self, now: Instant) -> Option<Shown> {
        let mut latest = None;
        // A whole picture can be shown when it needs no other or follows the one on the screen.
        while let Some((last, keyframe, source)) = self
            .pending
            .iter()
            .filter_map(|pending| {
                let (first, last) = pending.whole()?;
                let follows = self.shown.is_some_and(|shown| first == shown + 1);
                (pending.keyframe || follows).then_some((last, pending.keyframe, pending.source))
            })
            .min_by_key(|(last, ..)| *last)
        {
            self.shown = Some(last);
            self.pending.retain(|pending| {
                pending.whole().is_none_or(|(_, other)| other > last)
                    && pending.first.or(pending.last).is_none_or(|any| any > last)
            });
            self.note(source, now);
            self.count += 1;
            self.keyframes += u64::from(keyframe);
            latest = Some(Shown { keyframe, source });
        }
        latest
    }

    fn note(&mut self, source: Option<(u16, u8)>, now: Instant) {
        let same = source.map(|(seat, _)| seat) == self.source.map(|(seat, _)| seat);
        self.source = source;
        let Some(before) = self.shown_at.replace(now) else {
            return;
        };
        if !same {
            // Another sender in this slot: the wait for its keyframe is told elsewhere.
            self.intervals.clear();
            return;
        }
        let interval = now.saturating_duration_since(before);
        if self.intervals.len() >= INTERVALS_MIN {
            let mean = self.intervals.iter().sum::<Duration>() / self.intervals.len() as u32;
            if interval > (mean * 3).max(mean + LATE) {
                self.freezes += 1;
                self.frozen += interval;
            }
        }
        if self.intervals.len() == INTERVALS {
            self.intervals.pop_front();
        }
        self.intervals.push_back(interval);
    }

    /// Another connection begins; the counts stay.
    pub fn begin_again(&mut self) {
        *self = Self {
            count: self.count,
            keyframes: self.keyframes,
            freezes: self.freezes,
            frozen: self.frozen,
            ..Self::default()
        };
    }

    /// Who is on the screen, of our own senders, and as which layer.
    #[must_use]
    pub fn source(&self) -> Option<(u16, u8)> {
        self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(40);

    struct Film {
        pictures: Pictures,
        now: Instant,
        sequence: u16,
        timestamp: u32,
    }

    impl Film {
        fn new() -> Self {
            Self {
                pictures: Pictures::default(),
                now: Instant::now(),
                sequence: 65_500,
                timestamp: 0,
            }
        }

        /// The packets of the next picture, of three packets.
        fn picture(&mut self, keyframe: bool, seat: u16) -> [PacketFacts; 3] {
            self.timestamp += 3_600;
            [0, 1, 2].map(|part| {
                let sequence = self.sequence;
                self.sequence = sequence.wrapping_add(1);
                PacketFacts {
                    sequence,
                    timestamp: self.timestamp,
                    start: part == 0,
                    keyframe: keyframe && part == 0,
                    marker: part == 2,
                    source: Some((seat, 0)),
                }
            })
        }

        fn take(&mut self, packets: &[PacketFacts]) -> Option<Shown> {
            packets
                .iter()
                .filter_map(|packet| self.pictures.take(*packet, self.now))
                .last()
        }

        fn play(&mut self, pictures: usize) {
            for _ in 0..pictures {
                self.now += FRAME;
                let packets = self.picture(false, 1);
                self.take(&packets);
            }
        }
    }

    #[test]
    fn nothing_is_shown_before_a_keyframe_and_order_does_not_matter() {
        let mut film = Film::new();
        film.play(3);
        assert_eq!(film.pictures.count, 0);
        let mut packets = film.picture(true, 1);
        packets.reverse();
        assert!(film.take(&packets).is_some_and(|shown| shown.keyframe));
        film.play(30);
        assert_eq!((film.pictures.count, film.pictures.freezes), (31, 0));
    }

    #[test]
    fn a_lost_packet_holds_everything_until_it_comes_or_a_keyframe_does() {
        let mut film = Film::new();
        let packets = film.picture(true, 1);
        film.take(&packets);
        film.play(10);
        let torn = film.picture(false, 1);
        film.take(&[torn[0], torn[2]]);
        film.play(3);
        assert_eq!(film.pictures.count, 11, "the next ones need the torn one");
        film.take(&[torn[1]]);
        assert_eq!(film.pictures.count, 15, "the repaired one lets them all go");
        let torn = film.picture(false, 1);
        film.take(&torn[1..]);
        film.play(10);
        assert_eq!(film.pictures.count, 15);
        let packets = film.picture(true, 1);
        film.take(&packets);
        film.play(2);
        assert_eq!(film.pictures.count, 18);
    }

    #[test]
    fn a_freeze_is_longer_than_three_intervals_and_than_the_mean_and_150_ms() {
        let mut film = Film::new();
        let packets = film.picture(true, 1);
        film.take(&packets);
        film.play(30);
        // 40 + 140 ms: more than three intervals, less than the mean and 150 ms.
        film.now += Duration::from_millis(140);
        film.play(1);
        assert_eq!(film.pictures.freezes, 0);
        film.play(30);
        film.now += Duration::from_millis(160);
        film.play(1);
        assert_eq!(film.pictures.freezes, 1);
        assert_eq!(film.pictures.frozen, Duration::from_millis(200));
    }

    #[test]
    fn the_wait_for_another_sender_is_no_freeze() {
        let mut film = Film::new();
        let packets = film.picture(true, 1);
        film.take(&packets);
        film.play(30);
        film.now += Duration::from_secs(1);
        let packets = film.picture(true, 2);
        assert_eq!(
            film.take(&packets).and_then(|shown| shown.source),
            Some((2, 0))
        );
        assert_eq!(film.pictures.freezes, 0);
    }
}

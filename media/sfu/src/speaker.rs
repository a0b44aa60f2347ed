//! Who speaks, by the audio levels that clients send with their packets (RFC 6464), with hysteresis.

use std::time::{Duration, Instant};

/// Level from which a peer speaks, in dB above silence (127 − level in −dBov): speech is 85 to 110, a quiet office 55 to 70.
const ON: f32 = 80.0;
/// Level below which it no longer does.
const OFF: f32 = 72.0;
/// Pauses between words and sentences do not end speech.
const HANG: Duration = Duration::from_millis(900);
/// How long another must be the loudest before the picture follows: a cough does not move three hundred screens.
const TAKEOVER: Duration = Duration::from_millis(600);
/// By how much another must be louder while the present speaker still speaks, in dB.
const TAKEOVER_MARGIN: f32 = 6.0;
/// By how much another voice must be louder than a passed-on one to take its place, in dB.
const VOICE_MARGIN: f32 = 6.0;
/// A voice without packets for this long is gone.
const STALE: Duration = Duration::from_millis(1_500);
/// Level assumed when a client sends none: everyone counts as speaking equally.
const UNKNOWN_LEVEL: u8 = 40;

/// The loudness of one peer.
#[derive(Clone, Copy, Debug)]
struct Voice {
    seat: u32,
    /// Smoothed dB above silence: rises within 3 packets, falls within 20.
    loudness: f32,
    last_loud: Option<Instant>,
    last_packet: Instant,
    speaking: bool,
}

/// A change that [`Speakers::settle`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A seat began or ceased to speak.
    Speaking {
        /// The seat.
        seat: u32,
        /// Whether it speaks.
        on: bool,
    },
    /// The active speaker changed.
    Speaker(Option<u32>),
    /// The set of voices that are passed on changed.
    Voices,
}

/// The voices of a room.
#[derive(Clone, Debug)]
pub struct Speakers {
    voices: Vec<Voice>,
    positions: Vec<Option<u32>>,
    speaker: Option<u32>,
    previous: Option<u32>,
    rival: Option<(u32, Instant)>,
}

impl Speakers {
    /// Nobody speaks. `positions` voices are passed on.
    #[must_use]
    pub fn new(positions: usize) -> Self {
        Self {
            voices: Vec::new(),
            positions: vec![None; positions],
            speaker: None,
            previous: None,
            rival: None,
        }
    }

    /// What another has decided: nothing is heard or settled here. `voices` beyond `positions` are left out.
    #[must_use]
    pub fn following(
        speaker: Option<u32>,
        previous: Option<u32>,
        voices: impl Iterator<Item = Option<u32>>,
        positions: usize,
    ) -> Self {
        let mut followed = Self::new(positions);
        followed.speaker = speaker;
        followed.previous = previous;
        for (position, voice) in followed.positions.iter_mut().zip(voices) {
            *position = voice;
        }
        followed
    }

    /// Takes the level of one packet, in −dBov (0 loudest, 127 silence).
    pub fn heard(&mut self, seat: u32, level: Option<u8>, now: Instant) {
        let loud = f32::from(127 - level.unwrap_or(UNKNOWN_LEVEL).min(127));
        let place = self
            .voices
            .iter()
            .position(|voice| voice.seat == seat)
            .unwrap_or_else(|| {
                self.voices.push(Voice {
                    seat,
                    loudness: 0.0,
                    last_loud: None,
                    last_packet: now,
                    speaking: false,
                });
                self.voices.len() - 1
            });
        let voice = &mut self.voices[place];
        let weight = if loud > voice.loudness { 0.35 } else { 0.05 };
        voice.loudness += (loud - voice.loudness) * weight;
        voice.last_packet = now;
        if voice.loudness >= ON || (voice.speaking && loud >= OFF) {
            voice.last_loud = Some(now);
        }
    }

    /// Forgets a seat that left or was muted. Returns whether it was speaking.
    pub fn remove(&mut self, seat: u32) -> bool {
        let speaking = self
            .voices
            .iter()
            .any(|voice| voice.seat == seat && voice.speaking);
        self.voices.retain(|voice| voice.seat != seat);
        for position in &mut self.positions {
            if *position == Some(seat) {
                *position = None;
            }
        }
        if self.previous == Some(seat) {
            self.previous = None;
        }
        speaking
    }

    /// The seats whose voices are passed on, by position; a seat keeps its position while it is passed on.
    #[must_use]
    pub fn positions(&self) -> &[Option<u32>] {
        &self.positions
    }

    /// The active speaker.
    #[must_use]
    pub fn speaker(&self) -> Option<u32> {
        self.speaker
    }

    /// Who spoke before.
    #[must_use]
    pub fn previous(&self) -> Option<u32> {
        self.previous
    }

    /// Looks at the voices as they are now. To be called about ten times a second.
    pub fn settle(&mut self, now: Instant, mut change: impl FnMut(Change)) {
        // The speaker stays while it is in the room, also with its microphone off: silence moves no picture.
        let speaker = self.speaker;
        self.voices.retain(|voice| {
            now.saturating_duration_since(voice.last_packet) < STALE
                || voice.speaking
                || Some(voice.seat) == speaker
        });
        for voice in &mut self.voices {
            let speaking = voice
                .last_loud
                .is_some_and(|at| now.saturating_duration_since(at) < HANG);
            if speaking != voice.speaking {
                voice.speaking = speaking;
                change(Change::Speaking {
                    seat: voice.seat,
                    on: speaking,
                });
            }
        }
        self.settle_speaker(now, &mut change);
        if self.settle_positions(now) {
            change(Change::Voices);
        }
    }

    fn settle_speaker(&mut self, now: Instant, change: &mut impl FnMut(Change)) {
        let before = self.speaker;
        // Left or muted.
        if let Some(speaker) = self.speaker
            && !self.voices.iter().any(|voice| voice.seat == speaker)
        {
            self.speaker = None;
            self.rival = None;
        }
        if let Some(next) = self.next_speaker(now) {
            self.previous = self.speaker.or(self.previous);
            self.speaker = Some(next);
            self.rival = None;
        }
        if self.speaker != before {
            change(Change::Speaker(self.speaker));
        }
    }

    /// Who takes the picture now, if anybody.
    fn next_speaker(&mut self, now: Instant) -> Option<u32> {
        let present = self
            .speaker
            .and_then(|speaker| self.voices.iter().find(|voice| voice.seat == speaker))
            .filter(|voice| voice.speaking)
            .map(|voice| voice.loudness);
        let loudest = self
            .voices
            .iter()
            .filter(|voice| voice.speaking && Some(voice.seat) != self.speaker)
            .filter(|voice| {
                present.is_none_or(|present| voice.loudness > present + TAKEOVER_MARGIN)
            })
            .max_by(|left, right| left.loudness.total_cmp(&right.loudness))
            .map(|voice| voice.seat);
        let Some(seat) = loudest else {
            self.rival = None;
            return None;
        };
        let since = match self.rival {
            Some((rival, since)) if rival == seat => since,
            _ => now,
        };
        self.rival = Some((seat, since));
        let waited = now.saturating_duration_since(since) >= TAKEOVER;
        (self.speaker.is_none() || waited).then_some(seat)
    }

    fn settle_positions(&mut self, now: Instant) -> bool {
        let before = self.positions.clone();
        let voices = &self.voices;
        let find = |seat: u32| voices.iter().find(|voice| voice.seat == seat);
        for position in &mut self.positions {
            if position.is_some_and(|seat| {
                find(seat)
                    .is_none_or(|voice| now.saturating_duration_since(voice.last_packet) >= STALE)
            }) {
                *position = None;
            }
        }
        // Free positions are taken by anyone who sends sound; full ones only by somebody clearly louder who speaks.
        while let Some(outside) = voices
            .iter()
            .filter(|voice| !self.positions.contains(&Some(voice.seat)))
            .filter(|voice| now.saturating_duration_since(voice.last_packet) < STALE)
            .max_by(|left, right| left.loudness.total_cmp(&right.loudness))
        {
            if let Some(free) = self
                .positions
                .iter_mut()
                .find(|position| position.is_none())
            {
                *free = Some(outside.seat);
                continue;
            }
            let quietest = self
                .positions
                .iter_mut()
                .map(|position| {
                    let loudness = position.and_then(find).map_or(0.0, |voice| voice.loudness);
                    (position, loudness)
                })
                .min_by(|(_, left), (_, right)| left.total_cmp(right));
            match quietest {
                Some((position, loudness))
                    if outside.speaking && outside.loudness > loudness + VOICE_MARGIN =>
                {
                    *position = Some(outside.seat);
                }
                _ => break,
            }
        }
        before != self.positions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Clock {
        now: Instant,
        speakers: Speakers,
        changes: Vec<Change>,
    }

    impl Clock {
        /// `levels` in −dBov by seat for `ms`, a packet each 20 ms.
        fn talk(&mut self, levels: &[u8], ms: u64) {
            for step in 0..ms / 20 {
                self.now += Duration::from_millis(20);
                for (seat, level) in levels.iter().enumerate() {
                    self.speakers.heard(seat as u32, Some(*level), self.now);
                }
                if step % 5 == 0 {
                    let changes = &mut self.changes;
                    self.speakers
                        .settle(self.now, |change| changes.push(change));
                }
            }
        }
    }

    fn clock(positions: usize) -> Clock {
        Clock {
            now: crate::testing::start(),
            speakers: Speakers::new(positions),
            changes: Vec::new(),
        }
    }

    #[test]
    fn the_picture_follows_speech_but_not_a_cough() {
        let mut clock = clock(3);
        clock.talk(&[25, 70, 127], 2_000);
        assert_eq!(clock.speakers.speaker(), Some(0));
        clock.talk(&[25, 10, 127], 300);
        clock.talk(&[25, 70, 127], 1_000);
        assert_eq!(clock.speakers.speaker(), Some(0), "a cough");
        clock.talk(&[127, 25, 127], 3_000);
        assert_eq!(clock.speakers.speaker(), Some(1));
        assert_eq!(clock.speakers.previous(), Some(0));
        assert!(
            clock
                .changes
                .contains(&Change::Speaking { seat: 0, on: false })
        );
    }

    #[test]
    fn silence_does_not_take_the_picture_away() {
        let mut clock = clock(3);
        clock.talk(&[25, 127], 1_000);
        clock.talk(&[127, 127], 20_000);
        assert_eq!(clock.speakers.speaker(), Some(0));
        clock.speakers.remove(0);
        clock.talk(&[], 200);
        clock.speakers.settle(clock.now, |_| {});
        assert_eq!(clock.speakers.speaker(), None);
    }

    #[test]
    fn only_the_loudest_voices_pass_and_keep_their_positions() {
        let mut clock = clock(2);
        clock.talk(&[30, 35, 90, 90], 2_000);
        let before = clock.speakers.positions().to_vec();
        assert!(before.contains(&Some(0)) && before.contains(&Some(1)));
        clock.talk(&[30, 90, 90, 33], 4_000);
        let after = clock.speakers.positions();
        assert!(
            after.contains(&Some(0)) && after.contains(&Some(3)),
            "{after:?}"
        );
        let place = |positions: &[Option<u32>]| positions.iter().position(|seat| *seat == Some(0));
        assert_eq!(place(&before), place(after));
    }
}

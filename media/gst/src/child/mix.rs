//! Mixing voices: one ring of samples a source, one block every tick, whatever arrived.

use std::collections::VecDeque;

/// Samples a second and channel.
pub(super) const RATE: usize = 48_000;
/// Interleaved channels.
pub(super) const CHANNELS: usize = 2;
/// Length of one mixed block in milliseconds: an Opus packet's.
pub(super) const BLOCK_MS: usize = 20;
/// Interleaved samples of one block.
pub(super) const BLOCK: usize = RATE / 1000 * BLOCK_MS * CHANNELS;

/// Collected before a source is heard, in blocks: what jitter on a 4G uplink usually needs.
const START_BLOCKS: usize = 3;
/// More than this, in blocks, means that the sender's clock runs faster than ours or that a burst came late …
const LONG_BLOCKS: usize = 20;
/// … and the oldest samples are dropped down to this.
const SHORT_BLOCKS: usize = 4;

/// One source's decoded samples on their way into the mix.
#[derive(Debug, Default)]
pub(super) struct Voice {
    samples: VecDeque<i16>,
    heard: bool,
}

impl Voice {
    /// Adds decoded interleaved samples.
    pub(super) fn push(&mut self, samples: impl IntoIterator<Item = i16>) {
        self.samples.extend(samples);
        if self.samples.len() > LONG_BLOCKS * BLOCK {
            self.samples
                .drain(..self.samples.len() - SHORT_BLOCKS * BLOCK);
        }
    }

    /// Adds one block of this voice to `mix`. A voice that runs dry (a pause in DTX, a loss, a slower clock) is silent
    /// until enough is collected again.
    pub(super) fn add_to(&mut self, mix: &mut [i32; BLOCK]) {
        self.heard |= self.samples.len() >= START_BLOCKS * BLOCK;
        if !self.heard {
            return;
        }
        let length = self.samples.len().min(BLOCK);
        for (sum, sample) in mix.iter_mut().zip(self.samples.drain(..length)) {
            *sum += i32::from(sample);
        }
        self.heard = length == BLOCK;
    }
}

/// The mix as little-endian 16-bit samples; what is too loud is clipped.
pub(super) fn block_bytes(mix: &[i32; BLOCK]) -> Vec<u8> {
    let clip = |sum: i32| i16::try_from(sum).unwrap_or(if sum < 0 { i16::MIN } else { i16::MAX });
    mix.iter()
        .flat_map(|&sum| clip(sum).to_le_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_starts_late_and_runs_dry_silently() {
        let mut voice = Voice::default();
        let mut mix = [0; BLOCK];
        voice.push([5; 2 * BLOCK]);
        voice.add_to(&mut mix);
        assert!(
            mix.iter().all(|&sum| sum == 0),
            "not before three blocks are there"
        );
        voice.push([5; BLOCK]);
        for _ in 0..3 {
            mix = [1; BLOCK];
            voice.add_to(&mut mix);
            assert!(mix.iter().all(|&sum| sum == 6));
        }
        mix = [0; BLOCK];
        voice.add_to(&mut mix);
        voice.push([5; BLOCK]);
        voice.add_to(&mut mix);
        assert!(mix.iter().all(|&sum| sum == 0));
    }

    #[test]
    fn a_fast_clock_cannot_grow_the_ring() {
        let mut voice = Voice::default();
        for _ in 0..1000 {
            voice.push([1; BLOCK]);
        }
        assert!(voice.samples.len() <= LONG_BLOCKS * BLOCK);
    }

    #[test]
    fn loud_voices_are_clipped() {
        let mut mix = [0; BLOCK];
        mix[0] = 40_000;
        mix[1] = -40_000;
        mix[2] = -2;
        assert_eq!(block_bytes(&mix)[..6], [0xff, 0x7f, 0x00, 0x80, 0xfe, 0xff]);
    }
}

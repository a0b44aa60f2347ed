//! What is counted of each layer that a peer sends and of each slot in which it receives. Counting costs an addition a packet; rates are
//! made of the counts once a second.

use nhipcau_sfu::arrivals::Reception;

/// Counts of a layer that a peer sends.
#[derive(Clone, Debug, Default)]
pub(crate) struct LayerTally {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) keyframes: u32,
    /// Packets that came by retransmission.
    pub(crate) repaired: u32,
    /// Packets that were lost and stood as copies in later ones.
    pub(crate) recovered: u32,
    /// Packets asked for again; one that is asked for twice counts twice.
    pub(crate) nacked: u32,
    /// Keyframes asked for.
    pub(crate) asked: u32,
    /// The figures of the last report to the sender.
    pub(crate) reception: Reception,
    pub(crate) rate: Rate,
    keyframe_at: Option<u32>,
}

impl LayerTally {
    /// Counts a packet. `end` says that a frame ends with it, `keyframe` that it is part of one.
    pub(crate) fn count(&mut self, bytes: usize, timestamp: u32, end: bool, keyframe: bool) {
        self.packets += 1;
        self.bytes += bytes as u64;
        self.rate.bytes += bytes as u64;
        self.rate.frames += u32::from(end);
        if keyframe && self.keyframe_at.replace(timestamp) != Some(timestamp) {
            self.keyframes += 1;
        }
    }
}

/// Counts of a slot in which a peer receives.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlotTally {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// Packets that the receiver asked for again.
    pub(crate) nacked: u32,
    /// Packets sent again.
    pub(crate) repeated: u32,
    /// Keyframes that the receiver asked for.
    pub(crate) asked: u32,
    /// Packets lost, as the receiver's last report says.
    pub(crate) lost: u32,
    /// Loss of that report, percent.
    pub(crate) loss_percent: f32,
    /// Jitter of that report, in ticks of the RTP clock.
    pub(crate) jitter: u32,
    pub(crate) rate: Rate,
}

impl SlotTally {
    /// Counts a packet that went out.
    pub(crate) fn count(&mut self, bytes: usize, end: bool) {
        self.packets += 1;
        self.bytes += bytes as u64;
        self.rate.bytes += bytes as u64;
        self.rate.frames += u32::from(end);
    }
}

/// What flowed in the last second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rate {
    frames: u32,
    bytes: u64,
    /// Frames a second.
    pub(crate) fps: f32,
    /// Payload, bits per second.
    pub(crate) bps: u64,
}

impl Rate {
    /// Makes rates of what was counted in `seconds`.
    pub(crate) fn settle(&mut self, seconds: f64) {
        let seconds = seconds.max(0.001);
        self.fps = (f64::from(std::mem::take(&mut self.frames)) / seconds) as f32;
        self.bps = (std::mem::take(&mut self.bytes) as f64 * 8.0 / seconds) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_of_many_packets_is_one_and_rates_are_of_the_second() {
        let mut tally = LayerTally::default();
        for packet in 0..10 {
            tally.count(1_000, 90_000, packet == 9, true);
        }
        tally.count(500, 93_000, true, false);
        assert_eq!((tally.packets, tally.bytes), (11, 10_500));
        assert_eq!(tally.keyframes, 1);
        tally.rate.settle(2.0);
        assert_eq!((tally.rate.fps, tally.rate.bps), (1.0, 42_000));
        tally.rate.settle(1.0);
        assert_eq!((tally.rate.fps, tally.rate.bps), (0.0, 0));
    }
}

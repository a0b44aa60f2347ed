//! Synthetic cameras and microphones: packets in the sizes and at the times that encoders send them, from a seed. PURE.

use std::time::{Duration, Instant};

/// Bytes of a packet's body at most; with headers it stays below what browsers send.
const BODY_MAX: usize = 1_175;
/// The timestamps of pictures and of sound, in Hz.
const PICTURE_CLOCK: f64 = 90_000.0;
const SOUND_CLOCK: f64 = 48_000.0;
/// A packet of sound.
const SOUND_EVERY: Duration = Duration::from_millis(20);
/// Bytes of 20 ms of speech at 32 kbit/s, and of a quiet room.
const SPEECH_BYTES: (u64, u64) = (60, 110);
const QUIET_BYTES: (u64, u64) = (18, 30);
/// Levels in −dBov: of speech with its syllables, and of a quiet room.
const SPEECH_LEVEL: (u64, u64) = (14, 30);
const QUIET_LEVEL: (u64, u64) = (80, 95);

/// Chance from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same seed throws the same.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Evenly from `low` to below `high`.
    pub fn between(&mut self, (low, high): (u64, u64)) -> u64 {
        low + self.bits() % (high - low).max(1)
    }

    /// Evenly in 0 to 1.
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// One simulcast layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerShape {
    /// Bits per second without keyframes.
    pub bps: u64,
    /// How many times a keyframe is as large as the mean of the others.
    pub keyframe_times: f64,
    /// Width and height in pixels.
    pub size: (u16, u16),
}

/// Pictures of a camera.
#[derive(Clone, Debug, PartialEq)]
pub enum CameraShape {
    /// As a browser's simulcast.
    Layers {
        /// Lowest first.
        layers: Vec<LayerShape>,
        /// Pictures per second.
        fps: f64,
    },
    /// Every picture as large as the other: for measurements of packets.
    Flat {
        /// Packets of a picture.
        packets: usize,
        /// Pictures per second.
        fps: f64,
    },
}

impl CameraShape {
    /// The lowest `layers` (1 to 3) of 180p, 360p and 720p at 25 pictures/s, in the rates that browsers give them.
    #[must_use]
    pub fn simulcast(layers: usize) -> Self {
        let layer = |bps, keyframe_times, size| LayerShape {
            bps,
            keyframe_times,
            size,
        };
        let mut all = vec![
            layer(150_000, 5.0, (320, 180)),
            layer(450_000, 6.0, (640, 360)),
            layer(1_500_000, 6.0, (1280, 720)),
        ];
        all.truncate(layers);
        Self::Layers {
            layers: all,
            fps: 25.0,
        }
    }

    /// 150 packets of the full size a second.
    #[must_use]
    pub fn flat() -> Self {
        Self::Flat {
            packets: 5,
            fps: 30.0,
        }
    }

    /// Simulcast layers.
    #[must_use]
    pub fn layers(&self) -> usize {
        match self {
            Self::Layers { layers, .. } => layers.len(),
            Self::Flat { .. } => 1,
        }
    }

    fn every(&self) -> Duration {
        let (Self::Layers { fps, .. } | Self::Flat { fps, .. }) = self;
        Duration::from_secs_f64(1.0 / fps)
    }
}

/// A packet of a picture to send.
#[derive(Clone, Copy, Debug)]
pub struct VideoPacket {
    /// 0 is the lowest.
    pub layer: usize,
    /// Whether it begins the picture.
    pub start: bool,
    /// Whether the picture needs no other.
    pub keyframe: bool,
    /// Whether it ends the picture.
    pub marker: bool,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Bytes of the body.
    pub bytes: usize,
    /// Width and height.
    pub size: (u16, u16),
}

/// A camera that runs.
#[derive(Clone, Debug)]
pub struct Camera {
    shape: CameraShape,
    dice: Dice,
    began: Instant,
    /// When the next picture is due.
    pub due: Instant,
    /// Layers whose next picture is a keyframe.
    asked: [bool; 3],
}

impl Camera {
    /// Begins within one picture's time from `now`, as cameras do not run in step.
    #[must_use]
    pub fn new(shape: CameraShape, seed: u64, now: Instant) -> Self {
        let mut dice = Dice::new(seed);
        let due = now + shape.every().mul_f64(dice.share());
        Self {
            shape,
            dice,
            began: now,
            due,
            asked: [true; 3],
        }
    }

    /// Begins now: nothing that was missed is sent.
    pub fn begin(&mut self, seed: u64, now: Instant) {
        self.due = now + self.shape.every().mul_f64(Dice::new(seed).share());
        self.asked = [true; 3];
    }

    /// Makes the next pictures of these layers keyframes.
    pub fn ask(&mut self, layers: [bool; 3]) {
        for (asked, layer) in self.asked.iter_mut().zip(layers) {
            *asked |= layer;
        }
    }

    /// The next picture of every layer, packet by packet; those in `asked` (and the first) are keyframes.
    pub fn film(&mut self, asked: [bool; 3], mut send: impl FnMut(VideoPacket)) {
        self.ask(asked);
        let at = self.due.saturating_duration_since(self.began);
        let timestamp = (at.as_secs_f64() * PICTURE_CLOCK) as u64 as u32;
        self.due += self.shape.every();
        let every = self.shape.every().as_secs_f64();
        let asked = std::mem::take(&mut self.asked);
        for layer in 0..self.shape.layers() {
            let keyframe = asked[layer];
            let (bytes, size) = match &self.shape {
                CameraShape::Flat { packets, .. } => (packets * BODY_MAX, (1280, 720)),
                CameraShape::Layers { layers, .. } => {
                    let shape = layers[layer];
                    let mean = shape.bps as f64 / 8.0 * every;
                    // Encoders hold the mean; single pictures differ by half of it.
                    let times = if keyframe {
                        shape.keyframe_times
                    } else {
                        0.7 + 0.6 * self.dice.share()
                    };
                    ((mean * times) as usize, shape.size)
                }
            };
            let packets = bytes.div_ceil(BODY_MAX).max(1);
            for part in 0..packets {
                send(VideoPacket {
                    layer,
                    start: part == 0,
                    keyframe,
                    marker: part + 1 == packets,
                    timestamp,
                    // Packetizers make all parts alike.
                    bytes: bytes.div_ceil(packets),
                    size,
                });
            }
        }
    }
}

/// A packet of sound to send.
#[derive(Clone, Copy, Debug)]
pub struct AudioPacket {
    /// RTP timestamp.
    pub timestamp: u32,
    /// Loudness in −dBov.
    pub level: u8,
    /// Bytes of the payload.
    pub bytes: usize,
}

/// A microphone that is on.
#[derive(Clone, Debug)]
pub struct Microphone {
    dice: Dice,
    began: Instant,
    /// When the next packet is due.
    pub due: Instant,
    /// Whether somebody speaks into it.
    pub speaks: bool,
}

impl Microphone {
    /// Begins within one packet's time from `now`.
    #[must_use]
    pub fn new(seed: u64, now: Instant) -> Self {
        let mut dice = Dice::new(seed ^ 0x6d69_6372);
        let due = now + SOUND_EVERY.mul_f64(dice.share());
        Self {
            dice,
            began: now,
            due,
            speaks: false,
        }
    }

    /// The next 20 ms.
    pub fn listen(&mut self) -> AudioPacket {
        let at = self.due.saturating_duration_since(self.began);
        self.due += SOUND_EVERY;
        let (bytes, level) = if self.speaks {
            (SPEECH_BYTES, SPEECH_LEVEL)
        } else {
            (QUIET_BYTES, QUIET_LEVEL)
        };
        AudioPacket {
            timestamp: (at.as_secs_f64() * SOUND_CLOCK) as u64 as u32,
            level: self.dice.between(level) as u8,
            bytes: self.dice.between(bytes) as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulcast_camera_holds_its_rates_and_gives_keyframes_when_asked() {
        let now = Instant::now();
        let mut camera = Camera::new(CameraShape::simulcast(3), 1, now);
        let mut bytes = [0; 3];
        let mut keyframes = 0;
        for picture in 0..250 {
            let asked = [false, picture == 100, false];
            camera.film(asked, |packet| {
                bytes[packet.layer] += packet.bytes;
                keyframes += usize::from(packet.keyframe && packet.start);
                assert!(packet.bytes <= BODY_MAX);
            });
        }
        assert_eq!(
            keyframes, 4,
            "one a layer at first, and the one that was asked for"
        );
        for (bytes, bps) in bytes.iter().zip([150_000, 450_000, 1_500_000]) {
            let found = *bytes as f64 * 8.0 / 10.0;
            assert!((found / f64::from(bps) - 1.0).abs() < 0.1, "{found} {bps}");
        }
    }

    #[test]
    fn a_flat_camera_sends_150_packets_a_second() {
        let now = Instant::now();
        let mut camera = Camera::new(CameraShape::flat(), 1, now);
        let mut packets = 0;
        while camera.due < now + Duration::from_secs(10) {
            camera.film([false; 3], |packet| {
                packets += usize::from(packet.bytes == BODY_MAX)
            });
        }
        assert!((1_495..=1_505).contains(&packets), "{packets}");
    }

    #[test]
    fn speech_is_louder_than_a_room() {
        let mut microphone = Microphone::new(3, Instant::now());
        assert!(microphone.listen().level >= 80);
        microphone.speaks = true;
        assert!(microphone.listen().level < 30);
    }
}

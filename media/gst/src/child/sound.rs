//! Every voice: ordered, decoded, mixed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gstreamer as gst;

use super::decoder::Decoder;
use super::mix::{BLOCK, CHANNELS, RATE, Voice, block_bytes};
use super::reorder::Reorder;
use super::rtp;
use crate::control::{Failure, WarningCode};

/// Voices mixed at once. The bridge forwards the three loudest; the rest is room for those who just fell silent.
const VOICES_MAX: usize = 16;
/// A voice silent for this long makes room for a new one when all places are taken …
const REPLACEABLE_AFTER: Duration = Duration::from_secs(1);
/// … and is forgotten anyway after this.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);
/// How long an earlier packet is waited for: three packets, as long as a voice is collected before it is heard.
const WAIT_MAX: Duration = Duration::from_millis(60);
const HELD_MAX: usize = 10;

#[derive(Debug)]
struct Source {
    reorder: Reorder,
    decoder: Decoder,
    voice: Arc<Mutex<Voice>>,
    heard: Instant,
}

/// All voices of the meeting.
#[derive(Debug, Default)]
pub(super) struct Sound {
    sources: HashMap<u32, Source>,
}

/// Caps of decoded and of mixed sound.
pub(super) fn caps() -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("layout", "interleaved")
        .field("rate", RATE as i32)
        .field("channels", CHANNELS as i32)
        .build()
}

impl Sound {
    /// Takes one RTP packet of `source`.
    ///
    /// # Errors
    /// The warning to count, or the failure to build a decoder.
    pub(super) fn push(
        &mut self,
        source: u32,
        bytes: &[u8],
        now: Instant,
    ) -> Result<Option<WarningCode>, Failure> {
        let Some(packet) = rtp::parse(bytes) else {
            return Ok(Some(WarningCode::MalformedPacket));
        };
        if !self.sources.contains_key(&source) {
            if !self.make_room(now) {
                return Ok(Some(WarningCode::TooManySources));
            }
            self.sources.insert(source, Source::start(now)?);
        }
        let Some(found) = self.sources.get_mut(&source) else {
            return Ok(None);
        };
        found.heard = now;
        found.reorder.push(packet.sequence, packet.payload, now);
        Ok(None)
    }

    /// The next block of mixed sound, and how many decoders were found dead; call it once every
    /// [`super::mix::BLOCK_MS`].
    pub(super) fn block(&mut self, now: Instant) -> (Vec<u8>, usize) {
        let mut mix = [0; BLOCK];
        self.sources
            .retain(|_, source| now.saturating_duration_since(source.heard) < FORGOTTEN_AFTER);
        let remembered = self.sources.len();
        // A dead decoder goes, and the voice's next packet starts another.
        self.sources.retain(|_, source| source.run(&mut mix, now));
        (block_bytes(&mix), remembered - self.sources.len())
    }

    fn make_room(&mut self, now: Instant) -> bool {
        if self.sources.len() < VOICES_MAX {
            return true;
        }
        let oldest = self.sources.iter().min_by_key(|(_, source)| source.heard);
        match oldest {
            Some((&id, source))
                if now.saturating_duration_since(source.heard) >= REPLACEABLE_AFTER =>
            {
                self.sources.remove(&id);
                true
            }
            _ => false,
        }
    }
}

impl Source {
    fn start(now: Instant) -> Result<Self, Failure> {
        let voice = Arc::new(Mutex::new(Voice::default()));
        let filled = Arc::clone(&voice);
        let input = gst::Caps::builder("audio/x-opus")
            .field("channel-mapping-family", 0_i32)
            .field("rate", RATE as i32)
            .field("channels", CHANNELS as i32)
            .build();
        let chain = "opusdec max-errors=-1 ! audioconvert ! audioresample";
        let decoder = Decoder::start(chain, &input, &caps(), move |buffer| {
            if let Ok(map) = buffer.map_readable() {
                let samples = map
                    .chunks_exact(2)
                    .map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
                filled
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(samples);
            }
        })?;
        Ok(Self {
            reorder: Reorder::new(WAIT_MAX, HELD_MAX),
            decoder,
            voice,
            heard: now,
        })
    }

    /// Feeds the decoder and adds a block to the mix; false when the decoder is dead.
    fn run(&mut self, mix: &mut [i32; BLOCK], now: Instant) -> bool {
        while let Some(packet) = self.reorder.pop(now) {
            // Empty: the padding of a probe.
            if !packet.bytes.is_empty() {
                // A decoder that cannot follow loses this packet: 20 ms of one voice.
                self.decoder.push(packet.bytes, true);
            }
        }
        self.voice
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add_to(mix);
        !self.decoder.is_dead()
    }
}

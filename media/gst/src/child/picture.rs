//! The picture to record, a speaker's or a shared one: whose it is, decoded whatever codec it comes in, and fitted into the recorded size.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gstreamer as gst;

use super::assembler::{Assembled, Assembler, starts_keyframe};
use super::card::Cards;
use super::decoder::Decoder;
use super::output::Format;
use super::reorder::Reorder;
use super::{elements, failure, rtp};
use crate::control::{Failure, Hidden, Undecoded, WarningCode};
use crate::tap::Codec;

/// How long an earlier packet is waited for: a retransmission over a 4G uplink needs one round trip and a half.
const WAIT_MAX: Duration = Duration::from_millis(250);
const HELD_MAX: usize = 500;
/// A picture this old makes way for the title card. A shared screen at rest still sends about one frame a second.
const STALE_AFTER: Duration = Duration::from_secs(5);
/// Keyframe requests are expensive for everyone who watches the source.
const KEYFRAME_INTERVAL: Duration = Duration::from_secs(1);

/// After so many pictures went into a decoder and none came out, the card says that it cannot decode them.
const FRUITLESS_MAX: u32 = 25;
/// A decoder that died, or a packet that no decoder may see, counts as so many.
const FAULT: u32 = 9;

/// Newest decoded picture and when it came.
type Newest = Arc<Mutex<Option<(Instant, gst::Buffer)>>>;

/// The decoder of one codec of a source.
#[derive(Debug)]
struct Stream {
    codec: Codec,
    assembler: Assembler,
    /// `None` when nothing installed decodes the codec.
    decoder: Option<Decoder>,
    /// Set by every picture that the decoder gives.
    fruitful: Arc<AtomicBool>,
    /// It gave a picture, and that is told.
    told: bool,
}

#[derive(Debug)]
struct Source {
    id: u32,
    reorder: Reorder,
    stream: Stream,
    /// Pictures that went into decoders of this codec since one came out.
    fruitless: u32,
}

/// The picture part of a recording.
#[derive(Debug)]
pub(super) struct Picture {
    format: Format,
    cards: Cards,
    newest: Newest,
    source: Option<Source>,
    /// What the bridge said last; `None` when it never named a speaker.
    speaker: Option<u32>,
    asked: Option<Instant>,
    wanted: Option<u32>,
    /// What is said to be hidden.
    told: Option<Hidden>,
}

impl Picture {
    pub(super) fn new(format: Format, cards: Cards) -> Self {
        Self {
            format,
            cards,
            newest: Arc::default(),
            source: None,
            speaker: None,
            asked: None,
            wanted: None,
            told: None,
        }
    }

    /// The bridge names the video source to show; 0 is nobody.
    pub(super) fn speaker(&mut self, source: u32) {
        self.speaker = Some(source);
        if source == 0 {
            self.source = None;
            self.clear();
        } else if self
            .source
            .as_ref()
            .is_none_or(|current| current.id != source)
        {
            self.wanted = Some(source);
        }
    }

    /// Takes one RTP packet of `source`.
    ///
    /// # Errors
    /// When no decoder can be built.
    pub(super) fn push(
        &mut self,
        source: u32,
        bytes: &[u8],
        now: Instant,
    ) -> Result<Option<WarningCode>, Failure> {
        let Some((packet, codec)) = read(bytes) else {
            return Ok(Some(WarningCode::MalformedPacket));
        };
        if self.speaker.is_some_and(|speaker| speaker != source) {
            // A straggler of the one who spoke before.
            return Ok(None);
        }
        if self
            .source
            .as_ref()
            .is_none_or(|current| current.id != source)
        {
            if !starts_keyframe(codec, packet.payload) {
                if self.source.is_none() || self.speaker.is_some() {
                    self.wanted = Some(source);
                }
                return Ok(None);
            }
            self.source = Some(Source {
                id: source,
                reorder: Reorder::new(WAIT_MAX, HELD_MAX),
                stream: Stream::start(codec, self.format, &self.newest)?,
                fruitless: 0,
            });
        }
        let Some(current) = &mut self.source else {
            return Ok(None);
        };
        current.reorder.push(packet.sequence, bytes, now);
        self.drain(now)
    }

    /// Gives up waiting where it is time to, and replaces a dead decoder at its next keyframe.
    ///
    /// # Errors
    /// When no decoder can be built.
    pub(super) fn tick(&mut self, now: Instant) -> Result<Option<WarningCode>, Failure> {
        if let Some(source) = &mut self.source
            && source.stream.is_dead()
        {
            source.fruitless = source.fruitless.saturating_add(FAULT);
            source.stream = Stream::start(source.stream.codec, self.format, &self.newest)?;
            self.wanted = Some(source.id);
            return Ok(Some(WarningCode::DecoderReplaced));
        }
        self.drain(now)
    }

    /// The source to ask for a keyframe now, if any.
    pub(super) fn keyframe_wanted(&mut self, now: Instant) -> Option<u32> {
        if self
            .asked
            .is_some_and(|asked| now.saturating_duration_since(asked) < KEYFRAME_INTERVAL)
        {
            return None;
        }
        let source = self.wanted.take()?;
        self.asked = Some(now);
        Some(source)
    }

    /// Whose first picture is there since the last call, and what it came in.
    pub(super) fn first_shown(&mut self) -> Option<(u32, Codec)> {
        let source = self.source.as_mut()?;
        if !source.stream.fruitful.swap(false, Ordering::Relaxed) {
            return None;
        }
        source.fruitless = 0;
        (!std::mem::replace(&mut source.stream.told, true))
            .then_some((source.id, source.stream.codec))
    }

    /// What is hidden from now on, when that has changed.
    pub(super) fn hidden_changed(&mut self) -> Option<Option<Hidden>> {
        let hidden = self.hidden();
        if hidden == self.told {
            return None;
        }
        self.told = hidden;
        Some(hidden)
    }

    fn hidden(&self) -> Option<Hidden> {
        let source = self.source.as_ref()?;
        let why = if source.stream.decoder.is_none() {
            Undecoded::NoDecoder
        } else if source.fruitless >= FRUITLESS_MAX {
            Undecoded::NoPicture
        } else {
            return None;
        };
        Some(Hidden {
            source: source.id,
            codec: source.stream.codec,
            why,
        })
    }

    /// What the recording shows now.
    pub(super) fn shown(&mut self, now: Instant) -> gst::Buffer {
        let hidden = self.hidden();
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*newest {
            Some((decoded, picture))
                if hidden.is_none() && now.saturating_duration_since(*decoded) < STALE_AFTER =>
            {
                picture.clone()
            }
            _ => self.cards.of(hidden),
        }
    }

    fn clear(&self) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn drain(&mut self, now: Instant) -> Result<Option<WarningCode>, Failure> {
        let Some(source) = self.source.as_mut() else {
            return Ok(None);
        };
        let mut warning = None;
        while let Some(ordered) = source.reorder.pop(now) {
            let Some((packet, codec)) = read(&ordered.bytes) else {
                continue;
            };
            if codec != source.stream.codec {
                if !starts_keyframe(codec, packet.payload) {
                    if !packet.payload.is_empty() {
                        self.wanted = Some(source.id);
                    }
                    continue;
                }
                // The same sender in another codec: a shared screen after a camera, or it has changed its mind.
                source.stream = Stream::start(codec, self.format, &self.newest)?;
                source.fruitless = 0;
            }
            let assembled = source.stream.assembler.push(
                packet.payload,
                packet.timestamp,
                packet.marker,
                ordered.after_loss,
            );
            match assembled {
                Assembled::Nothing => {}
                Assembled::Frame(frame) => {
                    let Some(decoder) = &source.stream.decoder else {
                        continue;
                    };
                    // A machine without breath is no reason to say that a picture cannot be decoded.
                    source.fruitless += u32::from(decoder.keeps_up());
                    if !decoder.push(frame.bytes, frame.keyframe) {
                        source.stream.assembler.lose();
                        warning = Some(WarningCode::PacketDropped);
                    }
                }
                // A keyframe costs everybody who watches, and helps nobody here without a decoder.
                Assembled::KeyframeWanted if source.stream.decoder.is_none() => {}
                Assembled::KeyframeWanted => self.wanted = Some(source.id),
                Assembled::Malformed => {
                    source.fruitless = source.fruitless.saturating_add(FAULT);
                    warning = Some(WarningCode::MalformedPacket);
                }
            }
        }
        Ok(warning)
    }
}

/// A packet of the tap, and what it holds.
fn read(bytes: &[u8]) -> Option<(rtp::Packet<'_>, Codec)> {
    let packet = rtp::parse(bytes)?;
    Some((packet, Codec::of(packet.payload_type)?))
}

impl Stream {
    fn start(codec: Codec, format: Format, newest: &Newest) -> Result<Self, Failure> {
        let fruitful = Arc::new(AtomicBool::new(false));
        let (newest, seen) = (Arc::clone(newest), Arc::clone(&fruitful));
        let decoder = elements::decoder(codec).map(|element| {
            // videoscale letterboxes; both pass a picture of the right kind and size through untouched.
            let chain = format!(
                "{element} ! videoconvert n-threads=1 ! videoscale add-borders=true n-threads=1"
            );
            Decoder::start(&chain, &input(codec), &format.caps(), move |picture| {
                seen.store(true, Ordering::Relaxed);
                *newest.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((Instant::now(), picture));
            })
            .map_err(|error| failure(format_args!("no decoder for {}: {error:?}", codec.name())))
        });
        Ok(Self {
            codec,
            assembler: Assembler::new(codec),
            decoder: decoder.transpose()?,
            fruitful,
            told: false,
        })
    }

    fn is_dead(&self) -> bool {
        self.decoder.as_ref().is_some_and(Decoder::is_dead)
    }
}

/// What a codec's decoder is told of its input.
fn input(codec: Codec) -> gst::Caps {
    let (name, format) = match codec {
        Codec::Vp8 => return gst::Caps::builder("video/x-vp8").build(),
        Codec::Vp9 => return gst::Caps::builder("video/x-vp9").build(),
        Codec::H264 => ("video/x-h264", ("byte-stream", "au")),
        Codec::Av1 => ("video/x-av1", ("obu-stream", "tu")),
    };
    gst::Caps::builder(name)
        .field("stream-format", format.0)
        .field("alignment", format.1)
        .build()
}

//! The active speaker's picture: whose it is, decoded and fitted into the recorded size.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gstreamer as gst;

use super::decoder::Decoder;
use super::output::Format;
use super::reorder::Reorder;
use super::vp8::{Assembled, Assembler, starts_keyframe};
use super::{failure, rtp};
use crate::control::{Failure, WarningCode};

/// How long an earlier packet is waited for: a retransmission over a 4G uplink needs one round trip and a half.
const WAIT_MAX: Duration = Duration::from_millis(250);
const HELD_MAX: usize = 500;
/// A picture this old makes way for the title card. A shared screen at rest still sends about one frame a second.
const STALE_AFTER: Duration = Duration::from_secs(5);
/// Keyframe requests are expensive for everyone who watches the source.
const KEYFRAME_INTERVAL: Duration = Duration::from_secs(1);

/// Newest decoded picture and when it came.
type Newest = Arc<Mutex<Option<(Instant, gst::Buffer)>>>;

#[derive(Debug)]
struct Source {
    id: u32,
    reorder: Reorder,
    assembler: Assembler,
    decoder: Decoder,
}

/// The picture part of a recording.
#[derive(Debug)]
pub(super) struct Picture {
    format: Format,
    title: gst::Buffer,
    newest: Newest,
    source: Option<Source>,
    /// What the bridge said last; `None` when it never named a speaker.
    speaker: Option<u32>,
    asked: Option<Instant>,
    wanted: Option<u32>,
}

impl Picture {
    pub(super) fn new(format: Format, title: gst::Buffer) -> Self {
        Self {
            format,
            title,
            newest: Arc::default(),
            source: None,
            speaker: None,
            asked: None,
            wanted: None,
        }
    }

    /// The bridge names the video source to show; 0 is nobody.
    pub(super) fn speaker(&mut self, source: u32) {
        self.speaker = Some(source);
        if source == 0 {
            self.source = None;
            *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = None;
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
        let Some(packet) = rtp::parse(bytes) else {
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
            if !starts_keyframe(packet.payload) {
                if self.source.is_none() || self.speaker.is_some() {
                    self.wanted = Some(source);
                }
                return Ok(None);
            }
            self.source = Some(Source::start(source, self.format, &self.newest)?);
        }
        let Some(current) = &mut self.source else {
            return Ok(None);
        };
        current.reorder.push(packet.sequence, bytes, now);
        Ok(self.drain(now))
    }

    /// Gives up waiting where it is time to, and replaces a dead decoder at its next keyframe.
    pub(super) fn tick(&mut self, now: Instant) -> Option<WarningCode> {
        if self
            .source
            .as_ref()
            .is_some_and(|source| source.decoder.is_dead())
        {
            self.wanted = self.source.take().map(|source| source.id);
            return Some(WarningCode::DecoderReplaced);
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

    /// What the recording shows now.
    pub(super) fn shown(&self, now: Instant) -> gst::Buffer {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*newest {
            Some((decoded, picture)) if now.saturating_duration_since(*decoded) < STALE_AFTER => {
                picture.clone()
            }
            _ => self.title.clone(),
        }
    }

    fn drain(&mut self, now: Instant) -> Option<WarningCode> {
        let source = self.source.as_mut()?;
        let mut warning = None;
        while let Some(ordered) = source.reorder.pop(now) {
            let Some(packet) = rtp::parse(&ordered.bytes) else {
                continue;
            };
            let assembled = source.assembler.push(
                packet.payload,
                packet.timestamp,
                packet.marker,
                ordered.after_loss,
            );
            match assembled {
                Assembled::Nothing => {}
                Assembled::Frame(frame) => {
                    if !source.decoder.push(frame.bytes, frame.keyframe) {
                        source.assembler.lose();
                        warning = Some(WarningCode::PacketDropped);
                    }
                }
                Assembled::KeyframeWanted => self.wanted = Some(source.id),
                Assembled::Malformed => warning = Some(WarningCode::MalformedPacket),
            }
        }
        warning
    }
}

impl Source {
    fn start(id: u32, format: Format, newest: &Newest) -> Result<Self, Failure> {
        let newest = Arc::clone(newest);
        let input = gst::Caps::builder("video/x-vp8").build();
        // videoscale letterboxes; it passes a picture of the right size through untouched.
        let chain = "vp8dec threads=1 max-errors=-1 ! videoscale add-borders=true n-threads=1";
        let decoder = Decoder::start(chain, &input, &format.caps(), move |picture| {
            *newest.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((Instant::now(), picture));
        })
        .map_err(|error| failure(format_args!("no decoder for VP8: {error:?}")))?;
        let reorder = Reorder::new(WAIT_MAX, HELD_MAX);
        Ok(Self {
            id,
            reorder,
            assembler: Assembler::default(),
            decoder,
        })
    }
}

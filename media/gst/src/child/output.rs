//! The pipeline that encodes and writes. It has no clock of its own: every buffer comes with its time.

use std::os::fd::{AsRawFd, OwnedFd};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app::AppSrc;

use super::mix::BLOCK_MS;
use super::{elements, failure};
use crate::control::Failure;

/// Size and rate of the recorded picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) fps: u32,
}

impl Format {
    /// Caps of every picture that the output takes.
    pub(super) fn caps(self) -> gst::Caps {
        let Self { width, height, .. } = self;
        gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("width", width.cast_signed())
            .field("height", height.cast_signed())
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
            .build()
    }

    fn caps_with_rate(self) -> gst::Caps {
        let mut caps = self.caps();
        caps.make_mut()
            .set("framerate", gst::Fraction::new(self.fps.cast_signed(), 1));
        caps
    }
}

/// Encoded seconds between two keyframes: what a player has to decode after a seek.
const KEYFRAME_SECONDS: u32 = 2;
/// Constant quality (x264's CRF): a title card costs next to nothing, a face about 1 Mbit/s …
const QUALITY: u32 = 24;
/// … and a waving crowd at most this many kbit/s.
const KBPS_MAX: u32 = 2500;
/// A cluster is closed at least this often, in nanoseconds: a cut file loses at most one.
const CLUSTER_NS_MAX: u64 = 1_000_000_000;
/// Pictures that may wait for the encoder before one is left out: one second at the default rate.
const PICTURES_WAITING_MAX: u64 = 25;
/// Blocks of sound that may wait before one is left out, 30 s: only a disk that stalls gets here.
const BLOCKS_WAITING_MAX: u64 = 1500;

/// The output pipeline and its two inputs.
#[derive(Debug)]
pub(super) struct Output {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    picture: AppSrc,
    sound: AppSrc,
    picture_duration: gst::ClockTime,
    /// Kept open for as long as the pipeline writes to it.
    file: OwnedFd,
}

impl Output {
    pub(super) fn start(file: OwnedFd, format: Format) -> Result<Self, Failure> {
        // x264enc rather than vp8enc: measured 0.21 against 1.5 cores for a moving 720p25 picture. One thread: a
        // recording shall not take both cores of a small machine in bursts.
        let graph = format!(
            "appsrc name=picture is-live=true format=time max-bytes=0 \
             ! x264enc speed-preset=superfast tune=zerolatency threads=1 pass=qual quantizer={QUALITY} \
               bitrate={KBPS_MAX} key-int-max={keyframe} ! mux. \
             appsrc name=sound is-live=true format=time max-bytes=0 ! opusenc bitrate=64000 ! mux. \
             matroskamux name=mux writing-app=nhipcau min-cluster-duration=500000000 \
               max-cluster-duration={CLUSTER_NS_MAX} \
             ! fdsink fd={fd} sync=false",
            keyframe = KEYFRAME_SECONDS * format.fps,
            fd = file.as_raw_fd(),
        );
        let pipeline = elements::launch(&graph)?;
        let picture: AppSrc = elements::named(&pipeline, "picture")?;
        let sound: AppSrc = elements::named(&pipeline, "sound")?;
        picture.set_caps(Some(&format.caps_with_rate()));
        sound.set_caps(Some(&super::sound::caps()));
        let bus = pipeline
            .bus()
            .ok_or_else(|| failure("the pipeline has no bus"))?;
        pipeline.set_state(gst::State::Playing).map_err(failure)?;
        let picture_duration = gst::ClockTime::SECOND / u64::from(format.fps);
        Ok(Self {
            pipeline,
            bus,
            picture,
            sound,
            picture_duration,
            file,
        })
    }

    /// Adds a picture at `pts`; false when the encoder is behind and it was left out.
    pub(super) fn push_picture(&self, picture: &gst::Buffer, pts: gst::ClockTime) -> bool {
        if self.picture.current_level_buffers() >= PICTURES_WAITING_MAX {
            return false;
        }
        let mut picture = picture.copy();
        {
            let picture = picture.make_mut();
            picture.set_pts(pts);
            picture.set_dts(None);
            picture.set_duration(self.picture_duration);
        }
        // A refusal means that the pipeline has stopped, and `error` says why.
        self.picture.push_buffer(picture).is_ok()
    }

    /// Adds one block of sound at `pts`; false when it was left out.
    pub(super) fn push_sound(&self, block: Vec<u8>, pts: gst::ClockTime) -> bool {
        if self.sound.current_level_buffers() >= BLOCKS_WAITING_MAX {
            return false;
        }
        let mut block = gst::Buffer::from_slice(block);
        {
            let block = block.make_mut();
            block.set_pts(pts);
            block.set_duration(gst::ClockTime::from_mseconds(BLOCK_MS as u64));
        }
        self.sound.push_buffer(block).is_ok()
    }

    /// Why the pipeline stopped, if it did.
    pub(super) fn error(&self) -> Option<Failure> {
        elements::error(&self.bus)
    }

    /// Writes what is still inside and the file's index. Bounded: a pipeline that cannot end in time is a failure.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        const LONGEST: gst::ClockTime = gst::ClockTime::from_seconds(10);
        let sent = self
            .picture
            .end_of_stream()
            .and_then(|_| self.sound.end_of_stream());
        let message = sent.ok().and_then(|_| {
            self.bus
                .timed_pop_filtered(LONGEST, &[gst::MessageType::Eos, gst::MessageType::Error])
        });
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Eos(_)) => Ok(()),
            Some(gst::MessageView::Error(error)) => Err(elements::failure_of(error)),
            _ => Err(self
                .error()
                .unwrap_or_else(|| failure("the pipeline does not end"))),
        }
    }

    /// The file that is written.
    pub(super) fn file(&self) -> &OwnedFd {
        &self.file
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // Cannot fail downwards in a way that anything could be done about; the process ends next.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

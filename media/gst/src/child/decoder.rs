//! One source's decoder pipeline: encoded buffers in, raw ones out to a callback. It may die of what it is fed.

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};

use super::elements;
use crate::control::Failure;

/// Buffers that may wait for the decoder; more means that it cannot follow.
const WAITING_MAX: u64 = 50;

/// A running decoder; dropping it stops its threads.
#[derive(Debug)]
pub(super) struct Decoder {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    input: AppSrc,
}

impl Decoder {
    /// Starts `appsrc ! {chain} ! appsink`, with `input` and `output` as their caps. `on_output` is called on the
    /// pipeline's thread.
    pub(super) fn start(
        chain: &str,
        input: &gst::Caps,
        output: &gst::Caps,
        mut on_output: impl FnMut(gst::Buffer) + Send + 'static,
    ) -> Result<Self, Failure> {
        let graph = format!(
            "appsrc name=in is-live=true format=time max-bytes=0 ! {chain} \
             ! appsink name=out sync=false max-buffers=4 drop=true enable-last-sample=false"
        );
        let pipeline = elements::launch(&graph)?;
        let source: AppSrc = elements::named(&pipeline, "in")?;
        let sink: AppSink = elements::named(&pipeline, "out")?;
        source.set_caps(Some(input));
        sink.set_caps(Some(output));
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(buffer) = sample.buffer_owned() {
                on_output(buffer);
            }
            Ok(gst::FlowSuccess::Ok)
        });
        sink.set_callbacks(callbacks.build());
        let bus = pipeline
            .bus()
            .ok_or_else(|| super::failure("the pipeline has no bus"))?;
        pipeline
            .set_state(gst::State::Playing)
            .map_err(super::failure)?;
        Ok(Self {
            pipeline,
            bus,
            input: source,
        })
    }

    /// Hands one encoded buffer over; false when the decoder cannot follow or is dead.
    pub(super) fn push(&self, bytes: Vec<u8>, keyframe: bool) -> bool {
        if self.input.current_level_buffers() >= WAITING_MAX {
            return false;
        }
        let mut buffer = gst::Buffer::from_slice(bytes);
        if !keyframe {
            buffer.make_mut().set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        self.input.push_buffer(buffer).is_ok()
    }

    /// Whether the decoder has taken everything that it was given.
    pub(super) fn keeps_up(&self) -> bool {
        self.input.current_level_buffers() == 0
    }

    /// Whether the pipeline has stopped with an error.
    pub(super) fn is_dead(&self) -> bool {
        // Drained on every look: a flood of warnings must not pile up on a bus that nobody reads.
        std::iter::from_fn(|| self.bus.pop())
            .any(|message| message.type_() == gst::MessageType::Error)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // A pipeline that cannot stop leaks its threads until the process ends.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

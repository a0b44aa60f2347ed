//! Copying an unfinished file into a finished one: the same packets, with duration and seek index.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;
use gstreamer as gst;

use super::stop::Stop;
use super::{elements, failure, report};
use crate::control::{Failure, Report};

/// How often the parent hears that the copy goes on.
const PULSE: gst::ClockTime = gst::ClockTime::from_seconds(2);

pub(super) fn remux([broken, copy]: [OwnedFd; 2], stop: &Stop) -> Result<Report, Failure> {
    // The demuxer seeks, which only filesrc offers it; the parent has opened the file already, without following links.
    let graph = format!(
        "filesrc location=/proc/self/fd/{input} ! matroskademux name=demux \
         demux.video_0 ! queue max-size-time=0 max-size-buffers=0 ! mux.video_0 \
         demux.audio_0 ! queue max-size-time=0 max-size-buffers=0 ! mux.audio_0 \
         matroskamux name=mux writing-app=nhipcau ! fdsink fd={output} sync=false",
        input = broken.as_raw_fd(),
        output = copy.as_raw_fd(),
    );
    let pipeline = elements::launch(&graph)?;
    let mux: gst::Element = elements::named(&pipeline, "mux")?;
    let end = Arc::new(AtomicU64::new(0));
    for pad in mux.sink_pads() {
        let end = Arc::clone(&end);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer() {
                let after =
                    buffer.pts().unwrap_or_default() + buffer.duration().unwrap_or_default();
                end.fetch_max(after.mseconds(), Ordering::Relaxed);
            }
            gst::PadProbeReturn::Ok
        });
    }
    let bus = pipeline
        .bus()
        .ok_or_else(|| failure("the pipeline has no bus"))?;
    pipeline.set_state(gst::State::Playing).map_err(failure)?;
    let mut told = None;
    let done = loop {
        let message =
            bus.timed_pop_filtered(PULSE, &[gst::MessageType::Eos, gst::MessageType::Error]);
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Eos(_)) => break Ok(()),
            Some(gst::MessageView::Error(error)) => break Err(elements::failure_of(error)),
            _ if stop.is_set() => break Err(failure("told to stop")),
            // A copy that stands still is not reported: the parent ends a child that says nothing.
            _ => {
                let now = Some(progress(&copy, &end)?);
                if now != told {
                    now.iter().for_each(report::send);
                    told = now;
                }
            }
        }
    };
    // Whatever the pipeline still does after its end does not change the copy.
    let _ = pipeline.set_state(gst::State::Null);
    done?;
    match progress(&copy, &end)? {
        Report::Progress { duration_ms: 0, .. } => {
            Err(failure("there is nothing playable in the file"))
        }
        Report::Progress { bytes, duration_ms } => Ok(Report::Finished { bytes, duration_ms }),
        other => Ok(other),
    }
}

fn progress(copy: &OwnedFd, end: &AtomicU64) -> Result<Report, Failure> {
    let bytes = rustix::fs::fstat(copy)
        .map_err(failure)?
        .st_size
        .cast_unsigned();
    Ok(Report::Progress {
        bytes,
        duration_ms: end.load(Ordering::Relaxed),
    })
}

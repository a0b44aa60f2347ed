//! GStreamer pipelines that run in a child process.
//!
//! The crate has two halves that meet only in [`control`]'s messages and [`tap`]'s datagrams:
//!
//! * [`parent`] supervises. It links nothing of GStreamer's, creates the file, starts the child and turns whatever
//!   happens to it into a [`RecorderEvent`]. A codec that crashes ends a recording, never a meeting.
//! * [`child`] is what `nhipcau gst-record …` runs: it decodes the active speaker's picture and every voice, mixes,
//!   encodes and writes Matroska (RFC 9559).

pub mod child;
pub mod control;
mod descriptors;
pub mod parent;
pub mod tap;

pub use child::{SUBCOMMAND, run_child};
pub use parent::{
    FailReason, RecordError, Recorder, RecorderEvent, RecordingSpec, Repaired, check, repair,
};

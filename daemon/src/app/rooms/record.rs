//! The recording of one room: a child process, its tap, and what the index says of it.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use nhipcau_conference::Reason;
use nhipcau_media_gst::control::WarningCode;
use nhipcau_media_gst::{FailReason, Recorder, RecorderEvent, RecordingSpec};
use tokio::sync::mpsc;

use super::live::RoomInput;

/// The daemon's own program: the child is the same binary with another command.
const PROGRAM: &str = "/proc/self/exe";

/// A recording that runs, or is finishing.
pub(crate) struct Recording {
    recorder: Recorder,
    bytes: u64,
    /// Kinds of losses that were logged.
    warned: Vec<WarningCode>,
}

/// How a recording ended.
pub(crate) struct RecordingEnd {
    /// Length of the file.
    pub(crate) bytes: u64,
    /// Why it ended early; `None` when it was stopped.
    pub(crate) failed: Option<Reason>,
}

impl Recording {
    /// Starts the child. Its reports come back to the room as [`RoomInput::Recorder`] with this generation.
    pub(crate) fn start(
        directory: PathBuf,
        stem: String,
        title: &str,
        generation: u64,
        room: mpsc::WeakSender<RoomInput>,
    ) -> Result<(Self, UnixDatagram), Reason> {
        let spec = RecordingSpec::new(directory, stem, title);
        let started = Recorder::start(spec, Path::new(PROGRAM), move |event| {
            if let Some(room) = room.upgrade() {
                // The recording's own thread: it may wait for a busy room.
                let _ = room.blocking_send(RoomInput::Recorder { generation, event });
            }
        });
        let (recorder, tap) = started.map_err(|error| {
            tracing::error!(%error, "a recording could not be started");
            Reason::new("pipeline_died").with("detail", error.to_string())
        })?;
        Ok((
            Self {
                recorder,
                bytes: 0,
                warned: Vec::new(),
            },
            tap,
        ))
    }

    /// The file that is being written.
    pub(crate) fn file(&self) -> PathBuf {
        self.recorder.file().to_owned()
    }

    /// Length so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Tells the child to finish the file.
    pub(crate) fn stop(&mut self) {
        self.recorder.stop();
    }

    /// Takes a report; `Some` when it was the last.
    pub(crate) fn event(&mut self, event: RecorderEvent) -> Option<RecordingEnd> {
        match event {
            RecorderEvent::Started | RecorderEvent::KeyframeWanted { .. } => None,
            RecorderEvent::Progress { bytes, .. } => {
                self.bytes = bytes;
                None
            }
            RecorderEvent::Warning { code, count } => {
                // Once a kind: a machine without breath would say it every two seconds.
                if self.warned.contains(&code) {
                    tracing::debug!(?code, count, "the recording lost more");
                } else {
                    tracing::warn!(?code, count, "the recording lost something and goes on");
                    self.warned.push(code);
                }
                None
            }
            RecorderEvent::Finished { bytes, .. } => Some(RecordingEnd {
                bytes,
                failed: None,
            }),
            RecorderEvent::Failed { reason } => {
                tracing::error!(%reason, "the recording ended early");
                Some(RecordingEnd {
                    bytes: self.bytes,
                    failed: Some(fail_reason(&reason)),
                })
            }
        }
    }
}

fn fail_reason(reason: &FailReason) -> Reason {
    let named = Reason::new(reason.code());
    match reason {
        FailReason::DiskFull => named,
        other => named.with("detail", other.to_string()),
    }
}

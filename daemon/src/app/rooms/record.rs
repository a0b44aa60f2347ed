//! The recording of one room: a child process, its tap, and what the index says of it.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use nhipcau_conference::Reason;
use nhipcau_media_gst::control::{Hidden, Undecoded, WarningCode};
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
    /// The first picture that could not be shown.
    hidden: Option<Reason>,
}

/// How a recording ended.
pub(crate) struct RecordingEnd {
    /// Length of the file.
    pub(crate) bytes: u64,
    /// Why it ended early; `None` when it was stopped.
    pub(crate) failed: Option<Reason>,
    /// The first picture that it lacks, though it came.
    pub(crate) hidden: Option<Reason>,
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
                hidden: None,
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

    /// Notes why a picture is not in the file.
    pub(crate) fn note_hidden(&mut self, reason: &Reason) {
        self.hidden.get_or_insert_with(|| reason.clone());
    }

    /// Tells the child to finish the file.
    pub(crate) fn stop(&mut self) {
        self.recorder.stop();
    }

    /// Takes a report; `Some` when it was the last.
    pub(crate) fn event(&mut self, event: RecorderEvent) -> Option<RecordingEnd> {
        match event {
            RecorderEvent::Started
            | RecorderEvent::KeyframeWanted { .. }
            | RecorderEvent::Shown { .. }
            | RecorderEvent::Hidden(_) => None,
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
                hidden: self.hidden.take(),
            }),
            RecorderEvent::Failed { reason } => {
                tracing::error!(%reason, "the recording ended early");
                Some(RecordingEnd {
                    bytes: self.bytes,
                    failed: Some(fail_reason(&reason)),
                    hidden: self.hidden.take(),
                })
            }
        }
    }
}

/// Why the picture of somebody called `name` is not in the recording.
pub(crate) fn hidden_reason(hidden: &Hidden, name: &str) -> Reason {
    let code = match hidden.why {
        Undecoded::NoDecoder => "picture_no_decoder",
        Undecoded::NoPicture => "picture_undecodable",
    };
    Reason::new(code)
        .with("codec", hidden.codec.name())
        .with("name", name)
}

fn fail_reason(reason: &FailReason) -> Reason {
    let named = Reason::new(reason.code());
    match reason {
        FailReason::DiskFull => named,
        other => named.with("detail", other.to_string()),
    }
}

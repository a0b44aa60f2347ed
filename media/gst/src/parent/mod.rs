//! The supervisor: starts a recording child, tells what becomes of it, and repairs what a crash left.
//!
//! ```no_run
//! use nhipcau_media_gst::{Recorder, RecordingSpec};
//! # fn main() -> Result<(), nhipcau_media_gst::RecordError> {
//! let spec = RecordingSpec::new("/var/lib/nhipcau/recordings", "17-20261121-0900", "Giao ban tuần 47");
//! let (recorder, tap) = Recorder::start(spec, "/proc/self/exe".as_ref(), |event| println!("{event:?}"))?;
//! // hand `tap` to the bridge …
//! recorder.stop();
//! # drop(tap); Ok(()) }
//! ```

mod place;
mod process;
mod recorder;
mod repair;
mod supervise;

use std::io;
use std::path::PathBuf;

pub use recorder::Recorder;
pub use repair::{Repaired, check, repair};

/// What to record and where. Names come from the server, never from a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingSpec {
    /// Existing folder that receives the file.
    pub directory: PathBuf,
    /// File name without its `.mkv`: 1–200 bytes of letters, digits, `-`, `_` and `.`, not starting with a dot.
    pub stem: String,
    /// Plain text of the title card, shown while nobody's camera is on.
    pub title: String,
    /// Picture width in pixels, even, 160–1920.
    pub width: u32,
    /// Picture height in pixels, even, 90–1080.
    pub height: u32,
    /// Frames per second, 5–30.
    pub fps: u32,
}

impl RecordingSpec {
    /// A recording of 1280×720 pixels, 25 frames a second.
    pub fn new(
        directory: impl Into<PathBuf>,
        stem: impl Into<String>,
        title: impl Into<String>,
    ) -> Self {
        Self {
            directory: directory.into(),
            stem: stem.into(),
            title: title.into(),
            width: 1280,
            height: 720,
            fps: 25,
        }
    }

    fn check(&self) -> Result<(), RecordError> {
        let even = self.width.is_multiple_of(2) && self.height.is_multiple_of(2);
        let size = (160..=1920).contains(&self.width) && (90..=1080).contains(&self.height);
        if !even || !size || !(5..=30).contains(&self.fps) {
            return Err(RecordError::BadSize {
                width: self.width,
                height: self.height,
                fps: self.fps,
            });
        }
        Ok(())
    }
}

/// What becomes of a recording. After `Finished` or `Failed` nothing follows.
#[derive(Debug, Clone, PartialEq)]
pub enum RecorderEvent {
    /// The pipeline runs.
    Started,
    /// Every two seconds, after the data so far was handed to the disk.
    Progress {
        /// Length of the file.
        bytes: u64,
        /// Recorded time in seconds.
        seconds: f64,
    },
    /// The recording cannot show this video source before its next keyframe: ask its sender for one (PLI). At most one
    /// a second.
    KeyframeWanted {
        /// Source id as in the tap's datagrams.
        source: u32,
    },
    /// The first picture of a source, or of a source's new codec, goes into the file.
    Shown {
        /// Source id as in the tap's datagrams.
        source: u32,
        /// What it comes in.
        codec: crate::tap::Codec,
    },
    /// From now on the card stands in place of a picture that comes and cannot be decoded; `None`: no longer.
    Hidden(Option<crate::control::Hidden>),
    /// Something was lost and the recording goes on.
    Warning {
        /// Machine-readable kind.
        code: crate::control::WarningCode,
        /// How often it has happened in this recording.
        count: u64,
    },
    /// The file is complete.
    Finished {
        /// Length of the file.
        bytes: u64,
        /// Recorded time in seconds.
        seconds: f64,
    },
    /// The recording ended early; the file plays as far as it got, [`repair`] gives it a duration.
    Failed {
        /// Why.
        reason: FailReason,
    },
}

/// Why a recording ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FailReason {
    /// No space left on the file's device.
    #[error("no space left for the recording")]
    DiskFull,
    /// A GStreamer element is not installed.
    #[error("GStreamer element {element} is missing: install the Debian package {package}")]
    MissingElement {
        /// Name of the element.
        element: String,
        /// Debian package that ships it.
        package: String,
    },
    /// The pipeline or its process ended by itself.
    #[error("the recording pipeline died: {detail}")]
    PipelineDied {
        /// GStreamer's words, the exit status, or the end of the child's stderr.
        detail: String,
    },
    /// A signal ended the process.
    #[error("the recording process was ended by signal {signal}")]
    Killed {
        /// Number of the signal.
        signal: i32,
    },
}

impl FailReason {
    /// Reason code of the browser protocol: `disk_full` or `pipeline_died`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::MissingElement { .. } | Self::PipelineDied { .. } | Self::Killed { .. } => {
                "pipeline_died"
            }
        }
    }
}

impl From<crate::control::Failure> for FailReason {
    fn from(failure: crate::control::Failure) -> Self {
        use crate::control::Failure;
        match failure {
            Failure::DiskFull {} => Self::DiskFull,
            Failure::MissingElement { element, package } => {
                Self::MissingElement { element, package }
            }
            Failure::Pipeline { detail } => Self::PipelineDied { detail },
        }
    }
}

/// Why a recording did not start, or a file was not repaired.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The stem is no plain file name.
    #[error("{0:?} is no name for a recording")]
    BadStem(String),
    /// Picture size or rate out of range.
    #[error("a recording of {width}×{height} at {fps} frames a second is out of range")]
    BadSize {
        /// Asked width in pixels.
        width: u32,
        /// Asked height in pixels.
        height: u32,
        /// Asked frames per second.
        fps: u32,
    },
    /// A file of that name exists; it is left alone.
    #[error("the recording {0} exists already")]
    Exists(PathBuf),
    /// The file cannot be created, opened or renamed.
    #[error("cannot write {path}: {source}")]
    File {
        /// The file or its folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The child process cannot be started.
    #[error("cannot start the recording process: {0}")]
    Spawn(#[source] io::Error),
    /// The child started and could not do its work; the unfinished file is untouched.
    #[error(transparent)]
    Failed(#[from] FailReason),
}

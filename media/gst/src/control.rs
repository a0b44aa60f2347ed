//! What the two processes say to each other: JSON lines, orders on the child's stdin, reports on its stdout.
//!
//! The child's stdin is a Unix stream socket rather than a pipe, because file descriptors travel with the first order
//! (`SCM_RIGHTS`): nothing has to be made inheritable in the parent, where another thread may be starting a program.
//! End of file on stdin means that the daemon is gone: the child finishes the file and exits.

use serde::{Deserialize, Serialize};

use crate::tap::Codec;

/// Longest line either side accepts, in bytes. A longer one means the other side is not itself any more.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// From the parent to the child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// First order of a recording; carries two descriptors: the media tap, then the empty output file.
    Record {
        /// Shown on the title card, plain text.
        title: String,
        /// Picture width in pixels.
        width: u32,
        /// Picture height in pixels.
        height: u32,
        /// Frames per second.
        fps: u32,
    },
    /// First order of a repair; carries two descriptors: the unfinished file, then the empty output file.
    Repair {},
    /// Only look whether everything that a recording needs is installed; carries two descriptors that are not used.
    Check {},
    /// Finish the file and exit.
    Stop {},
}

/// From the child to the parent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Report {
    /// The pipeline runs and the file has its header.
    Started {},
    /// Every two seconds, after the file's data was handed to the disk.
    Progress {
        /// Length of the file.
        bytes: u64,
        /// Recorded time in milliseconds.
        duration_ms: u64,
    },
    /// The picture of this source cannot be decoded before its next keyframe. At most one a second.
    KeyframeWanted {
        /// Source id as in the tap's datagrams.
        source: u32,
    },
    /// The first picture of a source, or of a source's new codec, is decoded and goes into the file now.
    Shown {
        /// Source id as in the tap's datagrams.
        source: u32,
        /// What it comes in.
        codec: Codec,
    },
    /// From now on the card is shown in place of a picture that comes and cannot be decoded; `None`: no longer.
    Hidden {
        /// Which and why.
        hidden: Option<Hidden>,
    },
    /// Something was lost and the recording goes on.
    Warning {
        /// Machine-readable kind.
        code: WarningCode,
        /// How often it has happened in this recording.
        count: u64,
    },
    /// The file is complete.
    Finished {
        /// Length of the file.
        bytes: u64,
        /// Recorded time in milliseconds.
        duration_ms: u64,
    },
    /// The recording is over and the file, if any, is as far as it got.
    Failed(Failure),
}

/// A picture that comes and cannot be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// Source id as in the tap's datagrams.
    pub source: u32,
    /// What it comes in.
    pub codec: Codec,
    /// Why.
    pub why: Undecoded,
}

/// Why a picture is not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undecoded {
    /// No element that decodes this codec is installed.
    NoDecoder,
    /// The decoder takes the packets and gives no picture: a profile that it has not, or a sender's fault.
    NoPicture,
}

/// Why the child gave up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Failure {
    /// No space left on the file's device.
    DiskFull {},
    /// This GStreamer element is not installed.
    MissingElement {
        /// Name of the element.
        element: String,
        /// Debian package that ships it.
        package: String,
    },
    /// A pipeline stopped with an error.
    Pipeline {
        /// GStreamer's words.
        detail: String,
    },
}

/// What a running recording lost; counted, never fatal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// A datagram that is no RTP of ours.
    MalformedPacket,
    /// The child could not take packets as fast as they came.
    PacketDropped,
    /// The encoder was too slow and a picture was left out.
    FrameSkipped,
    /// More sources than a recording mixes.
    TooManySources,
    /// A source's decoder failed and was replaced.
    DecoderReplaced,
}

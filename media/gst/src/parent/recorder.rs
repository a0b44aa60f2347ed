//! One running recording, seen from the daemon.

use std::net::Shutdown;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::place::{Folder, checked_stem};
use super::supervise::supervise;
use super::{RecordError, RecorderEvent, RecordingSpec, process};
use crate::control::{Order, Report};
use crate::tap;

/// A child reports every two seconds; after this long without a word it is ended. Long enough for a disk that stalls
/// and for the first start, when GStreamer builds its plugin registry.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A running recording. Dropping it finishes the file, like [`Recorder::stop`]; the child is reaped by the
/// recording's own thread, so neither blocks.
#[derive(Debug)]
pub struct Recorder {
    file: PathBuf,
    pid: u32,
    orders: UnixStream,
}

impl Recorder {
    /// Creates the file `directory/stem.mkv` and starts `program gst-record` (normally `/proc/self/exe`).
    ///
    /// Returns the recording and the end of the tap into which the bridge writes [`tap::write_datagram`]'s bytes. The
    /// tap is non-blocking: `WouldBlock` means that the child is behind, `BrokenPipe` that it is gone; both cost that
    /// packet only. `on_event` is called from the recording's thread and must not block.
    ///
    /// # Errors
    /// A bad spec, a file that exists or cannot be created, a program that cannot be started. After an error no file
    /// is left behind.
    pub fn start(
        spec: RecordingSpec,
        program: &Path,
        mut on_event: impl FnMut(RecorderEvent) + Send + 'static,
    ) -> Result<(Self, UnixDatagram), RecordError> {
        spec.check()?;
        let name = format!("{}.mkv", checked_stem(&spec.stem)?);
        let folder = Folder::open(&spec.directory)?;
        let output = folder.create(&name)?;
        let order = Order::Record {
            title: spec.title,
            width: spec.width,
            height: spec.height,
            fps: spec.fps,
        };
        let started = tap::pair().and_then(|(ours, theirs)| {
            let (child, orders) = process::start(program, &order, process::both(&theirs, &output))?;
            Ok((ours, child, orders))
        });
        let (tap, child, orders) = match started {
            Ok(started) => started,
            Err(error) => {
                folder.remove(&name)?;
                return Err(RecordError::Spawn(error));
            }
        };
        let recorder = Self {
            file: spec.directory.join(&name),
            pid: child.id(),
            orders,
        };
        let thread = std::thread::Builder::new()
            .name("recording".to_owned())
            .spawn(move || {
                let ended = supervise(child, SILENCE_MAX, |report| {
                    on_event(RecorderEvent::from(report))
                });
                on_event(match ended {
                    Ok(report) => report.into(),
                    Err(reason) => RecorderEvent::Failed { reason },
                });
            });
        // Without a thread the child is dropped unreaped, but `recorder` is dropped too, so it finishes.
        thread.map_err(RecordError::Spawn)?;
        Ok((recorder, tap))
    }

    /// Tells the child to finish the file; `Finished` or `Failed` follows.
    pub fn stop(&self) {
        // Whatever goes wrong with the order, the closed socket says the same.
        if process::order(&self.orders, &Order::Stop {}).is_err() {
            self.close();
        }
    }

    /// The file that is being written.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Process id of the child. After the last event it may belong to another process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    fn close(&self) {
        // Fails only when the child has closed its end: then it is finishing already.
        let _ = self.orders.shutdown(Shutdown::Both);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
    }
}

impl From<Report> for RecorderEvent {
    fn from(report: Report) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of any meeting fit 53 bits"
        )]
        let seconds = |duration_ms: u64| duration_ms as f64 / 1000.0;
        match report {
            Report::Started {} => Self::Started,
            Report::Progress { bytes, duration_ms } => Self::Progress {
                bytes,
                seconds: seconds(duration_ms),
            },
            Report::KeyframeWanted { source } => Self::KeyframeWanted { source },
            Report::Shown { source, codec } => Self::Shown { source, codec },
            Report::Hidden { hidden } => Self::Hidden(hidden),
            Report::Warning { code, count } => Self::Warning { code, count },
            Report::Finished { bytes, duration_ms } => Self::Finished {
                bytes,
                seconds: seconds(duration_ms),
            },
            Report::Failed(failure) => Self::Failed {
                reason: failure.into(),
            },
        }
    }
}

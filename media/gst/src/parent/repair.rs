//! Giving an unfinished file its duration and seek index.

use std::path::Path;
use std::time::Duration;

use super::place::{Folder, checked_stem};
use super::supervise::supervise;
use super::{FailReason, RecordError, process};
use crate::control::{Order, Report};

/// A repair reports every two seconds while it reads; a disk that says nothing for a minute will not say more.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What a repaired file holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Repaired {
    /// Length of the file.
    pub bytes: u64,
    /// Its duration in seconds.
    pub seconds: f64,
}

/// Rewrites a recording that was cut short, so that players know its duration and can seek. Nothing is re-encoded; the
/// new file takes the old one's place in one rename, and any failure leaves the old one as it was. Blocks for as long
/// as the disk needs to copy the file: call it off the async threads, at the daemon's start, and never for a file whose
/// recording still runs.
///
/// # Errors
/// A path that is no recording of ours, a file that cannot be read or replaced, no space for the copy
/// ([`FailReason::DiskFull`]), or nothing playable inside.
pub fn repair(path: &Path, program: &Path) -> Result<Repaired, RecordError> {
    let bad = || RecordError::BadStem(path.display().to_string());
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(bad)?;
    checked_stem(name.strip_suffix(".mkv").ok_or_else(bad)?)?;
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let folder = Folder::open(directory)?;
    let broken = folder.read(name)?;
    let copy_name = format!(".{name}.repair");
    // An earlier repair may have been cut short as well.
    folder.remove(&copy_name)?;
    let copy = folder.create(&copy_name)?;
    let repaired = remux(program, process::both(&broken, &copy)).and_then(|repaired| {
        copy.sync_all()
            .map_err(|error| folder.file_error(&copy_name, error))?;
        folder.replace(&copy_name, name)?;
        Ok(repaired)
    });
    if repaired.is_err() {
        folder.remove(&copy_name)?;
    }
    repaired
}

/// The first look at GStreamer's plugins on a machine makes the registry of them; a busy machine takes its time.
const FIRST_LOOK_MAX: Duration = Duration::from_secs(180);

/// Looks whether everything that a recording needs is installed, and lets GStreamer make its registry of plugins, so that the first
/// recording does not wait for it. Blocks for seconds on a new machine.
///
/// # Errors
/// [`FailReason::MissingElement`] with the Debian package to install, or a program that cannot be started.
pub fn check(program: &Path) -> Result<(), RecordError> {
    let nothing = std::fs::File::open("/dev/null").map_err(RecordError::Spawn)?;
    let (child, _orders) =
        process::start(program, &Order::Check {}, process::both(&nothing, &nothing))
            .map_err(RecordError::Spawn)?;
    supervise(child, FIRST_LOOK_MAX, |_| {})?;
    Ok(())
}

fn remux(program: &Path, files: [std::os::fd::BorrowedFd<'_>; 2]) -> Result<Repaired, RecordError> {
    // The order socket stays open to the end: closing it would tell the child to give up.
    let (child, _orders) =
        process::start(program, &Order::Repair {}, files).map_err(RecordError::Spawn)?;
    let Report::Finished { bytes, duration_ms } = supervise(child, SILENCE_MAX, |_| {})? else {
        let detail = "the repair ended without a word".to_owned();
        return Err(FailReason::PipelineDied { detail }.into());
    };
    Ok(Repaired {
        bytes,
        seconds: Duration::from_millis(duration_ms).as_secs_f64(),
    })
}

//! How a recording ends: killed, left alone, on a full disk; and what is made of its file then.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use nhipcau_media_gst::tap::Codec;
use nhipcau_media_gst::{FailReason, RecordError, RecorderEvent, repair};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::program::sub;
use crate::source::{play, tone, video};
use crate::{CHILD, PATIENCE, Running, judge};

#[test]
fn killed_in_the_middle_it_plays_and_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut timeline = video(1, "red", (640, 360), 0.0, 5.0);
    timeline.extend(tone(7, 440, 0.0, 5.0));
    play(&running.tap, timeline);
    running.shows(1, Codec::Vp8);
    // An encoder without breath holds pictures for seconds: what is killed must have reached the file.
    let is_red = |frame: &judge::Frame| frame.centre() == judge::Colour::Red;
    let end = Instant::now() + PATIENCE;
    while !judge::frames(&running.file()).iter().any(is_red) {
        assert!(Instant::now() < end, "no picture reaches the file");
        running.progress();
    }
    kill(
        Pid::from_raw(running.recorder.pid().cast_signed()),
        Signal::SIGKILL,
    )
    .unwrap();
    assert_eq!(
        running.end(),
        RecorderEvent::Failed {
            reason: FailReason::Killed { signal: 9 }
        }
    );
    let file = running.file();
    assert_eq!(
        judge::probe(&file).seconds,
        None,
        "a cut file knows no duration"
    );
    let frames_before = judge::frames(&file);
    assert!(frames_before.iter().any(is_red));

    let repaired = repair(&file, CHILD.as_ref()).expect("the file is repaired");
    assert_eq!(fs::metadata(&file).unwrap().len(), repaired.bytes);
    let probe = judge::probe(&file);
    assert!(
        (probe.seconds.expect("a duration") - repaired.seconds).abs() < 0.5,
        "{probe:?} {repaired:?}"
    );
    assert!(repaired.seconds > 3.0, "{repaired:?}");
    assert!(
        judge::frames(&file).len().abs_diff(frames_before.len()) <= 5,
        "nothing is lost by the repair"
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no copy is left behind"
    );
    // A file that is whole already stays so.
    let again = repair(&file, CHILD.as_ref()).expect("repaired twice");
    assert!((again.seconds - repaired.seconds).abs() < 0.1);
}

#[test]
fn what_cannot_be_repaired_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.mkv");
    for content in [&b""[..], b"\x1a\x45\xdf\xa3 not really", &[0; 5000]] {
        fs::write(&file, content).unwrap();
        let error = repair(&file, CHILD.as_ref()).expect_err("nothing playable inside");
        assert!(
            matches!(error, RecordError::Failed(FailReason::PipelineDied { .. })),
            "{error:?}"
        );
        assert_eq!(fs::read(&file).unwrap(), content);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
    let link = folder.path().join("link.mkv");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(
        matches!(repair(&link, CHILD.as_ref()), Err(RecordError::File { .. })),
        "a link is not followed"
    );
    assert!(matches!(
        repair(&folder.path().join("x.txt"), CHILD.as_ref()),
        Err(RecordError::BadStem(_))
    ));
}

#[test]
fn a_daemon_that_is_gone_leaves_a_finished_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    play(&running.tap, tone(7, 440, 0.0, 1.5));
    let Running {
        recorder,
        tap,
        events,
        ..
    } = running;
    let file = recorder.file().to_owned();
    // What the kernel does to the sockets of a process that was killed.
    drop(tap);
    drop(recorder);
    let last = std::iter::from_fn(|| events.recv_timeout(PATIENCE).ok()).last();
    assert!(
        matches!(last, Some(RecorderEvent::Finished { .. })),
        "{last:?}"
    );
    assert!(judge::probe(&file).seconds.is_some());
    running = Running::start(&sub(folder.path(), "again"), CHILD.as_ref()).started();
    kill(
        Pid::from_raw(running.recorder.pid().cast_signed()),
        Signal::SIGTERM,
    )
    .unwrap();
    running.finished();
}

#[test]
fn a_full_disk_ends_the_recording_with_that_reason() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mounted) = SmallDisk::mount(folder.path()) else {
        io::stderr()
            .write_all(
                b"SKIPPED: a small tmpfs cannot be mounted here
",
            )
            .unwrap();
        return;
    };
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    play(&running.tap, video(1, "snow", (640, 360), 0.0, 3.0));
    let last = running.end();
    let frames = judge::frames(&running.file()).len();
    let again = repair(&running.file(), CHILD.as_ref());
    drop(mounted);
    assert_eq!(
        last,
        RecorderEvent::Failed {
            reason: FailReason::DiskFull
        }
    );
    assert!(frames > 0, "what was written plays");
    assert!(
        matches!(again, Err(RecordError::Failed(FailReason::DiskFull))),
        "{again:?}"
    );
}

/// A disk of 256 KB, gone with the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Option<Self> {
        let arguments = ["-t", "tmpfs", "-o", "size=256k", "tmpfs"];
        let output = Command::new("mount")
            .args(arguments)
            .arg(folder)
            .output()
            .ok()?;
        output.status.success().then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a child that a failed test left behind may still have the file open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

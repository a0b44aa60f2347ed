//! Recordings of real RTP, judged by another program's decoder (ffmpeg).

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

#[path = "recording/judge.rs"]
mod judge;
#[path = "recording/source.rs"]
mod source;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nhipcau_media_gst::control::{Hidden, Undecoded, WarningCode};
use nhipcau_media_gst::tap::{Codec, Kind, write_datagram};
use nhipcau_media_gst::{FailReason, RecordError, Recorder, RecorderEvent, RecordingSpec, repair};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use source::{play, tone, video, video_in};

const CHILD: &str = env!("CARGO_BIN_EXE_nhipcau-gst-record");
/// Longest wait for anything: a deadlock, not a slow machine.
const PATIENCE: Duration = Duration::from_secs(180);

struct Running {
    recorder: Recorder,
    tap: UnixDatagram,
    events: Receiver<RecorderEvent>,
    warnings: Vec<WarningCode>,
    keyframes_wanted: Vec<u32>,
    hidden: Vec<Option<Hidden>>,
    shown: Vec<(u32, Codec)>,
}

impl Running {
    fn start(directory: &Path, program: &Path) -> Self {
        let (sender, events) = channel();
        let spec = RecordingSpec::new(directory, "hop-1", "Giao ban tuần 47 <b>& mưa bão");
        let (recorder, tap) = Recorder::start(spec, program, move |event| {
            let _ = sender.send(event);
        })
        .expect("the recording starts");
        Self {
            recorder,
            tap,
            events,
            warnings: Vec::new(),
            keyframes_wanted: Vec::new(),
            hidden: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// The next event but warnings, keyframe requests and hidden pictures, which are kept.
    fn next(&mut self) -> RecorderEvent {
        loop {
            match self.events.recv_timeout(PATIENCE).expect("an event comes") {
                RecorderEvent::Warning { code, .. } => self.warnings.push(code),
                RecorderEvent::KeyframeWanted { source } => self.keyframes_wanted.push(source),
                RecorderEvent::Hidden(hidden) => self.hidden.push(hidden),
                RecorderEvent::Shown { source, codec } => self.shown.push((source, codec)),
                event => return event,
            }
        }
    }

    fn started(mut self) -> Self {
        assert_eq!(self.next(), RecorderEvent::Started);
        self
    }

    /// Waits for the last event.
    fn end(&mut self) -> RecorderEvent {
        loop {
            match self.next() {
                RecorderEvent::Started | RecorderEvent::Progress { .. } => {}
                last => return last,
            }
        }
    }

    fn progress(&mut self) {
        while !matches!(self.next(), RecorderEvent::Progress { .. }) {}
    }

    /// Waits until a source's picture goes into the file, and for seconds of it.
    fn shows(&mut self, source: u32, codec: Codec) {
        self.until(|running| running.shown.contains(&(source, codec)));
    }

    /// Waits until something was said, and for what is recorded after it.
    fn until(&mut self, said: impl Fn(&Self) -> bool) {
        while !said(self) {
            self.progress();
        }
        self.progress();
        self.progress();
    }

    fn finished(&mut self) -> (u64, f64) {
        match self.end() {
            RecorderEvent::Finished { bytes, seconds } => (bytes, seconds),
            other => panic!("{other:?}"),
        }
    }

    fn file(&self) -> PathBuf {
        self.recorder.file().to_owned()
    }
}

#[test]
fn the_speaker_is_seen_and_every_voice_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut timeline = Vec::new();
    timeline.extend(video(1, "red", (640, 360), 1.0, 3.0));
    timeline.extend(tone(7, 440, 0.5, 6.0));
    timeline.extend(tone(8, 1200, 2.0, 4.5));
    // One voice arrives in pairs swapped by the network.
    source::swap_pairs(&mut timeline, 7);
    play(&running.tap, timeline);
    running.shows(1, Codec::Vp8);
    play(&running.tap, video(2, "blue", (480, 480), 0.0, 3.0));
    running.shows(2, Codec::Vp8);
    running.recorder.stop();
    let (bytes, seconds) = running.finished();
    let file = running.file();
    assert_eq!(fs::metadata(&file).unwrap().len(), bytes);
    let probe = judge::probe(&file);
    assert_eq!(probe.codecs, ["h264", "opus"]);
    assert_eq!(probe.size, (1280, 720));
    assert!(
        (probe.seconds.expect("a duration") - seconds).abs() < 0.5,
        "{probe:?} {seconds}"
    );

    let frames = judge::frames(&file);
    let seen: Vec<judge::Colour> = frames.iter().map(|frame| frame.centre()).collect();
    assert_eq!(seen[0], judge::Colour::Dark, "{seen:?}");
    assert_eq!(
        judge::pictures(&seen),
        [judge::Colour::Red, judge::Colour::Blue],
        "{seen:?}"
    );
    let last = |wanted| {
        let place = seen.iter().rposition(|colour| *colour == wanted).unwrap();
        &frames[place]
    };
    let red = last(judge::Colour::Red);
    assert_eq!(
        red.at(20, 180),
        judge::Colour::Red,
        "16:9 fills the picture"
    );
    let blue = last(judge::Colour::Blue);
    assert_eq!(
        blue.at(20, 180),
        judge::Colour::Dark,
        "a square picture has bars beside it"
    );
    assert_eq!(blue.at(320, 10), judge::Colour::Blue, "and none above it");
    assert!(
        judge::has_text(&frames[0]),
        "the title card carries the title"
    );

    let sound = judge::sound(&file);
    let (low, high) = (
        judge::loudness(&sound, 440.0),
        judge::loudness(&sound, 1200.0),
    );
    let silence = judge::loudness(&sound, 800.0);
    assert!(
        low > 20.0 * silence && high > 20.0 * silence,
        "440: {low}, 1200: {high}, 800: {silence}"
    );
}

#[test]
fn every_codec_is_seen_whoever_speaks_and_whatever_a_speaker_changes_to() {
    use judge::Colour::{Blue, Red};
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut before = Vec::new();
    // One speaker after another, and the last one's shared screen in another codec than the camera.
    for (codec, source, colour) in [
        (Codec::H264, 1, "red"),
        (Codec::Vp9, 2, "blue"),
        (Codec::Av1, 3, "red"),
        (Codec::Vp8, 4, "blue"),
        (Codec::H264, 4, "red"),
    ] {
        let mut pictures = video_in(codec, source, colour, (640, 360), 0.0, 2.0);
        if source == 4 && codec == Codec::H264 {
            source::continue_numbers(&before, &mut pictures);
        }
        before.clone_from(&pictures);
        play(&running.tap, pictures);
        running.shows(source, codec);
    }
    running.recorder.stop();
    running.finished();
    let frames = judge::frames(&running.file());
    let seen: Vec<judge::Colour> = frames.iter().map(judge::Frame::centre).collect();
    assert_eq!(
        judge::pictures(&seen),
        [Red, Blue, Red, Blue, Red],
        "{seen:?}"
    );
    assert_eq!(running.hidden, [], "nothing was hidden");
    let refused = [WarningCode::MalformedPacket, WarningCode::DecoderReplaced];
    assert!(
        !running.warnings.iter().any(|code| refused.contains(code)),
        "{:?}",
        running.warnings
    );
}

#[test]
fn a_codec_without_its_decoder_is_told_and_the_card_says_so() {
    use judge::Colour::{Blue, Dark};
    let folder = tempfile::tempdir().unwrap();
    let program = with_plugins(folder.path(), PLUGINS);
    let mut running = Running::start(folder.path(), &program).started();
    play(
        &running.tap,
        video_in(Codec::H264, 1, "red", (640, 360), 0.0, 2.0),
    );
    running.until(|running| !running.hidden.is_empty());
    play(&running.tap, video(2, "blue", (640, 360), 0.0, 2.0));
    running.shows(2, Codec::Vp8);
    running.recorder.stop();
    running.finished();
    let missing = Hidden {
        source: 1,
        codec: Codec::H264,
        why: Undecoded::NoDecoder,
    };
    assert_eq!(running.hidden, [Some(missing), None]);
    assert!(
        running.keyframes_wanted.is_empty(),
        "no keyframe helps, so none is asked for: {:?}",
        running.keyframes_wanted
    );
    let frames = judge::frames(&running.file());
    let seen: Vec<judge::Colour> = frames.iter().map(judge::Frame::centre).collect();
    assert_eq!(judge::pictures(&seen), [Blue], "{seen:?}");
    let bright: Vec<usize> = frames
        .iter()
        .zip(&seen)
        .filter(|(_, colour)| **colour == Dark)
        .map(|(frame, _)| judge::bright(frame))
        .collect();
    let (first, most) = (bright[0], *bright.iter().max().unwrap());
    assert!(
        most > first + first / 4,
        "the card says more than its title: {bright:?}"
    );
}

#[test]
fn a_picture_that_no_decoder_takes_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut timeline = video_in(Codec::Av1, 1, "red", (640, 360), 0.0, 7.0);
    source::spoil(&mut timeline);
    play(&running.tap, timeline);
    running.until(|running| !running.hidden.is_empty());
    running.recorder.stop();
    running.finished();
    let undecodable = Hidden {
        source: 1,
        codec: Codec::Av1,
        why: Undecoded::NoPicture,
    };
    assert_eq!(
        running.hidden,
        [Some(undecodable)],
        "{:?}",
        running.warnings
    );
}

#[test]
fn killed_in_the_middle_it_plays_and_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut timeline = video(1, "red", (640, 360), 0.0, 5.0);
    timeline.extend(tone(7, 440, 0.0, 5.0));
    play(&running.tap, timeline);
    running.shows(1, Codec::Vp8);
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
    assert!(
        frames_before
            .iter()
            .any(|frame| frame.centre() == judge::Colour::Red)
    );

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
fn garbage_is_counted_and_survived() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut timeline = source::garbage();
    timeline.extend(source::corpus());
    timeline.extend(video(3, "red", (640, 360), 2.5, 2.0));
    timeline.extend(tone(7, 440, 2.5, 2.0));
    play(&running.tap, timeline);
    running.shows(3, Codec::Vp8);
    running.recorder.stop();
    running.finished();
    assert!(
        running.warnings.contains(&WarningCode::MalformedPacket),
        "{:?}",
        running.warnings
    );
    assert!(
        judge::frames(&running.file())
            .iter()
            .any(|frame| frame.centre() == judge::Colour::Red),
        "and then a real picture"
    );
    assert!(
        judge::loudness(&judge::sound(&running.file()), 440.0) > 100.0,
        "and a real voice"
    );
}

#[test]
fn a_lost_packet_freezes_the_picture_and_asks_for_a_keyframe() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut timeline = video(5, "red", (640, 360), 0.0, 2.0);
    timeline.remove(20);
    let mut out = Vec::new();
    write_datagram(Kind::Speaker, 5, &[], &mut out);
    running.tap.send(&out).unwrap();
    play(&running.tap, timeline);
    running.shows(5, Codec::Vp8);
    running.until(|running| running.keyframes_wanted.len() >= 2);
    // Nobody's camera is on any more.
    write_datagram(Kind::Speaker, 0, &[], &mut out);
    running.tap.send(&out).unwrap();
    running.progress();
    running.progress();
    running.recorder.stop();
    running.finished();
    // Once when named without a picture yet, at least once more for the loss.
    assert!(
        running.keyframes_wanted.len() >= 2,
        "{:?}",
        running.keyframes_wanted
    );
    assert!(running.keyframes_wanted.iter().all(|source| *source == 5));
    let frames = judge::frames(&running.file());
    let seen: Vec<judge::Colour> = frames.iter().map(|frame| frame.centre()).collect();
    assert_eq!(
        judge::runs(&seen).last(),
        Some(&judge::Colour::Dark),
        "{seen:?}"
    );
    assert!(seen.contains(&judge::Colour::Red), "{seen:?}");
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

#[test]
fn a_missing_element_is_named_with_its_package() {
    let folder = tempfile::tempdir().unwrap();
    let program = script(
        folder.path(),
        &format!(
            "GST_PLUGIN_SYSTEM_PATH_1_0={0} GST_PLUGIN_PATH_1_0= GST_REGISTRY={0}/registry exec {CHILD} \"$@\"",
            folder.path().display()
        ),
    );
    let mut running = Running::start(folder.path(), &program);
    let RecorderEvent::Failed { reason } = running.end() else {
        panic!("it cannot record")
    };
    let expected = FailReason::MissingElement {
        element: "fdsink".into(),
        package: "libgstreamer1.0-0".into(),
    };
    assert_eq!(reason, expected);
    assert_eq!(reason.code(), "pipeline_died");
}

#[test]
fn a_program_that_is_no_child_is_told_from_one_that_died() {
    let folder = tempfile::tempdir().unwrap();
    let program = script(folder.path(), "echo oops >&2; exit 3");
    let mut running = Running::start(folder.path(), &program);
    let RecorderEvent::Failed {
        reason: FailReason::PipelineDied { detail },
    } = running.end()
    else {
        panic!("died")
    };
    assert!(detail.contains("oops") && detail.contains('3'), "{detail}");
}

#[test]
fn names_come_from_the_server_and_files_are_new() {
    let folder = tempfile::tempdir().unwrap();
    let start = |directory: &Path, stem: &str, program: &str| {
        Recorder::start(
            RecordingSpec::new(directory, stem, "x"),
            program.as_ref(),
            |_| {},
        )
        .map(|_| ())
    };
    for stem in ["../x", "a/b", "", ".x", "a\0b"] {
        assert!(
            matches!(
                start(folder.path(), stem, CHILD),
                Err(RecordError::BadStem(_))
            ),
            "{stem:?}"
        );
    }
    let mut spec = RecordingSpec::new(folder.path(), "x", "x");
    spec.width = 100_000;
    assert!(matches!(
        Recorder::start(spec, CHILD.as_ref(), |_| {}),
        Err(RecordError::BadSize { .. })
    ));
    fs::write(folder.path().join("taken.mkv"), b"precious").unwrap();
    assert!(matches!(
        start(folder.path(), "taken", CHILD),
        Err(RecordError::Exists(_))
    ));
    std::os::unix::fs::symlink("/dev/null", folder.path().join("link.mkv")).unwrap();
    assert!(matches!(
        start(folder.path(), "link", CHILD),
        Err(RecordError::Exists(_))
    ));
    assert!(matches!(
        start(&folder.path().join("nowhere"), "x", CHILD),
        Err(RecordError::File { .. })
    ));
    assert!(matches!(
        start(folder.path(), "x", "/nowhere/nhipcau"),
        Err(RecordError::Spawn(_))
    ));
    assert!(
        !folder.path().join("x.mkv").exists(),
        "nothing is left behind"
    );
    assert_eq!(
        fs::read(folder.path().join("taken.mkv")).unwrap(),
        b"precious"
    );
}

/// `cargo test -p nhipcau-media-gst --test recording -- --ignored --nocapture share_of_a_core`
#[test]
#[ignore = "a measurement, not a check"]
fn share_of_a_core_at_720p25() {
    let ticks = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        // utime and stime, in hundredths of a second.
        fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
    };
    for (what, pattern) in [
        ("at rest", "ball"),
        ("all moving", "smpte horizontal-speed=3"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut timeline = video(1, pattern, (1280, 720), 0.0, 10.0);
        timeline.extend(tone(7, 440, 0.0, 10.0));
        timeline.extend(tone(8, 880, 0.0, 10.0));
        timeline.extend(tone(9, 1320, 0.0, 10.0));
        let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
        let pid = running.recorder.pid();
        let before = (ticks(pid), std::time::Instant::now());
        play(&running.tap, timeline);
        let share = (ticks(pid) - before.0) / before.1.elapsed().as_secs_f64();
        let memory = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let memory: Vec<&str> = memory
            .lines()
            .filter(|line| line.starts_with("VmPeak") || line.starts_with("VmHWM"))
            .collect();
        running.recorder.stop();
        let (bytes, seconds) = running.finished();
        println!(
            "720p25 {what}: {share:.0} % of a core, {:.0} kbit/s, {memory:?}, {:?}",
            bytes as f64 / 125.0 / seconds,
            running.warnings
        );
    }
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

fn sub(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir(&path).unwrap();
    path
}

/// What a recording of VP8 needs.
const PLUGINS: &[&str] = &[
    "coreelements",
    "app",
    "videotestsrc",
    "videoconvertscale",
    "audioconvert",
    "audioresample",
    "opus",
    "vpx",
    "matroska",
    "x264",
    "pango",
];

/// The child with some plugins of this machine only.
fn with_plugins(folder: &Path, wanted: &[&str]) -> PathBuf {
    let plugins = sub(folder, "plugins");
    let output = Command::new("gst-inspect-1.0")
        .arg("coreelements")
        .output()
        .expect("gst-inspect-1.0 is installed");
    let said = String::from_utf8(output.stdout).unwrap();
    let core = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("Filename"))
        .expect("the file of a plugin");
    for entry in fs::read_dir(Path::new(core.trim()).parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if wanted
            .iter()
            .any(|wanted| name == format!("libgst{wanted}.so"))
        {
            std::os::unix::fs::symlink(&path, plugins.join(name)).unwrap();
        }
    }
    script(
        folder,
        &format!(
            "GST_PLUGIN_SYSTEM_PATH_1_0={} GST_PLUGIN_PATH_1_0= GST_REGISTRY={}/registry exec {CHILD} \"$@\"",
            plugins.display(),
            folder.display()
        ),
    )
}

fn script(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

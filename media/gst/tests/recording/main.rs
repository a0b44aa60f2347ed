//! Recordings of real RTP, judged by another program's decoder (ffmpeg).

mod cost;
mod ends;
mod judge;
mod pictures;
mod program;
mod source;
mod starts;

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nhipcau_media_gst::control::{Hidden, WarningCode};
use nhipcau_media_gst::tap::Codec;
use nhipcau_media_gst::{Recorder, RecorderEvent, RecordingSpec};

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

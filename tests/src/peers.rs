//! WebRTC stacks of others as devices: aiortc and werift, installed and pinned by `tests/peers/install`, and GStreamer's webrtcbin.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::{missing, wait};

/// A program that takes commands line by line and answers each with one JSON object; see `tests/peers`. It is killed when dropped.
#[derive(Debug)]
pub struct Peer {
    name: String,
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
    err: PathBuf,
}

/// Which stack, and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// aiortc as an encoder.
    AiortcPublish,
    /// aiortc as a player.
    AiortcPlay,
    /// GStreamer's webrtcbin as an encoder of VP8.
    GstreamerVp8,
    /// The same with H.264.
    GstreamerH264,
    /// werift as a player.
    WeriftPlay,
}

impl Peer {
    /// Starts a stack against the address of a pass; `None` (said loudly) where it is not installed and cannot be.
    ///
    /// # Panics
    /// When it is there and does not start.
    #[must_use]
    pub fn start(stack: Stack, pass: &Value, folder: &Path) -> Option<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let (program, script, way) = match stack {
            Stack::AiortcPublish | Stack::AiortcPlay => (
                installed()?.join("venv/bin/python"),
                here.join("aiortc_peer.py"),
                if stack == Stack::AiortcPublish {
                    "publish"
                } else {
                    "play"
                },
            ),
            Stack::GstreamerVp8 | Stack::GstreamerH264 => (
                webrtcbin()?,
                here.join("gstreamer_encoder.py"),
                if stack == Stack::GstreamerVp8 {
                    "vp8"
                } else {
                    "h264"
                },
            ),
            Stack::WeriftPlay => {
                // Modules are found from the script's own folder up.
                let into = installed()?.join("werift_player.mjs");
                std::fs::copy(here.join("werift_player.mjs"), &into).expect("a copy");
                (PathBuf::from("node"), into, "play")
            }
        };
        let word = |key: &str| pass[key].as_str().expect("a pass has it").to_owned();
        let name = format!("{stack:?}");
        let err = folder.join(format!("{name}-{}.err", pass["id"]));
        let mut child = Command::new(&program)
            .arg(script)
            .args([way, &word("url"), &word("token")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&err).expect("the folder takes output"))
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Some(Self {
            name,
            child,
            input,
            answers,
            err,
        })
    }

    /// Gives a command and waits for its answer.
    ///
    /// # Panics
    /// When none comes.
    pub fn ask(&mut self, command: &str) -> Value {
        writeln!(self.input, "{command}").expect("the peer listens");
        let answer = self
            .answers
            .recv_timeout(wait::PATIENCE)
            .unwrap_or_else(|_| panic!("{} does not answer {command}", self.name));
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{}: {answer}", self.name))
    }

    /// Posts its offer; a former session of its own says goodbye first.
    ///
    /// # Panics
    /// When the daemon does not take it.
    pub fn post(&mut self) -> Value {
        self.begin("post")
    }

    /// Posts a further offer while the session it has is still up (aiortc alone).
    ///
    /// # Panics
    /// When the daemon does not take it.
    pub fn replace(&mut self) -> Value {
        self.begin("replace")
    }

    fn begin(&mut self, command: &str) -> Value {
        let answer = self.ask(command);
        assert_eq!(answer["status"], 201, "{}: {answer}", self.name);
        answer
    }

    /// Looks at its figures until they satisfy.
    ///
    /// # Panics
    /// When they never do.
    pub fn until(&mut self, what: &str, mut satisfies: impl FnMut(&Value) -> bool) -> Value {
        let what = format!("{}: {what}", self.name);
        let mut last = Value::Null;
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait::until(&what, || {
                std::thread::sleep(std::time::Duration::from_millis(200));
                last = self.ask("stats");
                satisfies(&last).then(|| last.clone())
            })
        }));
        found.unwrap_or_else(|_| panic!("{what}; at last: {last}"))
    }
}

impl Drop for Peer {
    #[allow(clippy::print_stderr, reason = "a failed test's runner reads it")]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let text = std::fs::read_to_string(&self.err).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = lines[lines.len().saturating_sub(40)..].join("\n");
            eprintln!("--- last of {}'s stderr:\n{tail}", self.name);
        }
    }
}

/// Where aiortc and werift are; installed by the first who asks.
fn installed() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let test = std::env::current_exe().expect("a process knows its executable");
            // target/PROFILE/deps/it-HASH → target/peers
            let folder = test.ancestors().nth(3)?.join("peers");
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/install");
            let outcome = crate::program::run(Command::new(script).arg(&folder));
            if !outcome.status.success() {
                missing(&format!(
                    "the WebRTC peers cannot be installed: {}",
                    outcome.err
                ));
                return None;
            }
            Some(folder)
        })
        .as_deref()
}

/// The Python of the system, when it has GStreamer's webrtcbin with ICE.
fn webrtcbin() -> Option<PathBuf> {
    let python = PathBuf::from("/usr/bin/python3");
    let probe = "import gi\ngi.require_version('Gst', '1.0')\ngi.require_version('GstWebRTC', '1.0')\ngi.require_version('GstSdp', '1.0')\n\
                 from gi.repository import Gst\nGst.init(None)\nassert Gst.ElementFactory.find('webrtcbin') and Gst.ElementFactory.find('nicesrc')";
    let outcome = crate::program::run(Command::new(&python).args(["-c", probe]));
    if !outcome.status.success() {
        missing(
            "GStreamer's webrtcbin is not there for Python (Debian packages gstreamer1.0-nice, gir1.2-gst-plugins-bad-1.0; `make test` installs them)",
        );
        return None;
    }
    Some(python)
}

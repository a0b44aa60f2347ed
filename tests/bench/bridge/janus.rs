//! Debian's Janus under the same load: its streaming plugin in a network namespace, fed with plain RTP over a veth pair.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nhipcau_media_load::{
    Camera, CameraShape, Fleet, Microphone, SeatOptions, Stamp, WallClock, pin_thread,
};
use nhipcau_tests::program::{self, Program};
use serde_json::{Value, json};

use crate::apart::CORES;
use crate::forward::{Round, measure};
use crate::stage::{TURN, run};

const HOST: Ipv4Addr = Ipv4Addr::new(10, 245, 7, 1);
const INSIDE: Ipv4Addr = Ipv4Addr::new(10, 245, 7, 2);
const API_PORT: u16 = 8088;
const AUDIO_PORT: u16 = 5002;
const VIDEO_PORT: u16 = 5004;
const OPUS: u8 = 111;
const VP8: u8 = 96;
/// Janus is up, and each of its answers there, within this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// All sites watch within this time.
const JOINING: Duration = Duration::from_secs(300);
/// Sites that connect at once.
const CONNECTING_MAX: usize = 16;
const PLUGINS: &str = "/usr/lib/x86_64-linux-gnu/janus/plugins";
const TRANSPORTS: &str = "/usr/lib/x86_64-linux-gnu/janus/transports";

/// Our end of the veth pair.
const OURS: &str = "ncj-ours";

/// A network namespace with one end of a veth pair; both are gone with this value.
struct Namespace(String);

impl Namespace {
    fn new() -> Self {
        let (name, ours, theirs) = ("nhipcau-janus".to_owned(), OURS, "ncj-theirs");
        // A run that was killed left it behind; its Janus ended with it.
        remove(&name);
        let namespace = Self(name.clone());
        for line in [
            format!("netns add {name}"),
            format!("link add {ours} type veth peer name {theirs} netns {name}"),
            format!("addr add {HOST}/30 dev {ours}"),
            format!("link set {ours} up"),
            format!("-n {name} addr add {INSIDE}/30 dev {theirs}"),
            format!("-n {name} link set {theirs} up"),
            format!("-n {name} link set lo up"),
        ] {
            let outcome = program::run(Command::new("ip").args(line.split(' ')));
            assert!(
                outcome.status.success(),
                "ip {line}: {} (Janus needs a namespace of its own, so this benchmark needs root)",
                outcome.err
            );
        }
        namespace
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// The pair goes first: the kernel takes a namespace apart in its own time, and the pair's name would be taken until then.
fn remove(namespace: &str) {
    let _ = program::run(Command::new("ip").args(["link", "del", OURS]));
    let _ = program::run(Command::new("ip").args(["netns", "del", namespace]));
}

/// Janus, and a session with it.
struct Janus {
    agent: ureq::Agent,
    program: Program,
    session: String,
    _folder: tempfile::TempDir,
    _namespace: Namespace,
}

impl Janus {
    fn start() -> Self {
        let namespace = Namespace::new();
        let folder = tempfile::tempdir().expect("a temporary folder");
        configure(folder.path());
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &namespace.0]);
        // Janus ends with this process, however that ends.
        command.args([
            "setpriv",
            "--pdeathsig",
            "KILL",
            "janus",
            "--disable-colors",
        ]);
        command.arg(format!("--configs-folder={}", folder.path().display()));
        pin_thread(CORES.0);
        let program = Program::start("janus", &mut command, folder.path());
        pin_thread(CORES.1);
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE));
        let mut janus = Self {
            agent: config.build().into(),
            program,
            session: String::new(),
            _folder: folder,
            _namespace: namespace,
        };
        let end = Instant::now() + PATIENCE;
        let id = loop {
            let answer = janus.try_post("", &json!({ "janus": "create" }));
            if let Some(id) = answer
                .as_ref()
                .and_then(|answer| answer["data"]["id"].as_u64())
            {
                break id;
            }
            assert!(
                Instant::now() < end,
                "Janus does not answer: {answer:?}\n{}{}",
                janus.program.out(),
                janus.program.err()
            );
            std::thread::sleep(Duration::from_millis(100));
        };
        janus.session = format!("/{id}");
        janus
    }

    fn try_post(&self, path: &str, body: &Value) -> Option<Value> {
        let mut body = body.clone();
        body["transaction"] = json!("bench");
        let url = format!("http://{INSIDE}:{API_PORT}/janus{path}");
        let mut answer = self.agent.post(url).send(body.to_string()).ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.try_post(path, body).expect("Janus answers");
        assert_ne!(answer["janus"], "error", "{path} {body}: {answer}");
        answer
    }

    /// The next event of the session that satisfies.
    fn event(&self, satisfies: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < end, "Janus says nothing");
            let url = format!("http://{INSIDE}:{API_PORT}/janus{}?maxev=1", self.session);
            let mut answer = self.agent.get(url).call().expect("Janus answers");
            let text = answer.body_mut().read_to_string().expect("text");
            let event: Value = serde_json::from_str(&text).expect("JSON");
            if satisfies(&event) {
                return event;
            }
        }
    }

    /// Makes a site watch the stream.
    fn watch(&self, fleet: &mut Fleet, number: usize) {
        let attach = json!({ "janus": "attach", "plugin": "janus.plugin.streaming" });
        let handle = self.post(&self.session, &attach)["data"]["id"]
            .as_u64()
            .expect("a handle");
        let path = format!("{}/{handle}", self.session);
        self.post(
            &path,
            &json!({ "janus": "message", "body": { "request": "watch", "id": 1 } }),
        );
        let event = self.event(|event| event["sender"] == handle && event["jsep"].is_object());
        let offer = event["jsep"]["sdp"].as_str().expect("an offer");
        let answer = fleet
            .answer(number, offer)
            .unwrap_or_else(|error| panic!("{error}: {offer}"));
        let body = json!({ "janus": "message", "body": { "request": "start" }, "jsep": { "type": "answer", "sdp": answer } });
        self.post(&path, &body);
    }

    /// Lets time pass while sites connect.
    fn pass(&self, fleet: &mut Fleet, end: Instant) {
        assert!(
            Instant::now() < end,
            "{} of {} sites connect to Janus:\n{}",
            fleet.connected(),
            fleet.seats(),
            self.program.out()
        );
        fleet.turn(TURN);
    }

    /// Its process, which `ip` became.
    fn id(&self) -> u32 {
        self.program.id()
    }
}

fn configure(folder: &Path) {
    let disabled = |directory: &str, kept: &str| {
        let entries = fs::read_dir(directory).unwrap_or_else(|error| {
            panic!("{directory}: {error} (.ci/setup bench installs Janus)")
        });
        let names = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        let others = names.filter(|name| name.ends_with(".so") && name != kept);
        others.collect::<Vec<_>>().join(",")
    };
    let general = format!(
        "general: {{\n  debug_level = 3\n  event_loops = 1\n  protected_folders = []\n}}\n\
         media: {{\n  rtp_port_range = \"20000-40000\"\n}}\n\
         plugins: {{\n  disable = \"{}\"\n}}\ntransports: {{\n  disable = \"{}\"\n}}\n",
        disabled(PLUGINS, "libjanus_streaming.so"),
        disabled(TRANSPORTS, "libjanus_http.so")
    );
    let http = format!(
        "general: {{\n  json = \"compact\"\n  base_path = \"/janus\"\n  http = true\n  port = {API_PORT}\n  https = false\n}}\nadmin: {{\n  admin_http = false\n}}\n"
    );
    let streaming = format!(
        "general: {{\n}}\nbench: {{\n  type = \"rtp\"\n  id = 1\n  audio = true\n  video = true\n  audioport = {AUDIO_PORT}\n  audiopt = {OPUS}\n  audiocodec = \"opus\"\n  \
         videoport = {VIDEO_PORT}\n  videopt = {VP8}\n  videocodec = \"vp8\"\n}}\n"
    );
    for (name, text) in [
        ("janus.jcfg", general),
        ("janus.transport.http.jcfg", http),
        ("janus.plugin.streaming.jcfg", streaming),
    ] {
        fs::write(folder.join(name), text).expect("the folder takes a file");
    }
}

/// The sender of the standard load as plain RTP, in a thread of its own, until the value is dropped.
struct Feed {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    fn start() -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let socket = UdpSocket::bind((HOST, 0)).expect("a socket");
            let clock = WallClock::new();
            let mut camera = Camera::new(CameraShape::flat(), 1, Instant::now());
            let mut microphone = Microphone::new(1, Instant::now());
            microphone.speaks = true;
            let (mut video, mut audio, mut picture) = (0u16, 0u16, 0u16);
            let mut packet = Vec::new();
            while !end.load(Ordering::Relaxed) {
                let now = Instant::now();
                let stamp = Stamp {
                    seat: 0,
                    layer: 0,
                    sent_us: clock.us(now),
                };
                if camera.due <= now {
                    camera.film([false; 3], |part| {
                        video = video.wrapping_add(1);
                        picture = picture.wrapping_add(u16::from(part.start)) & 0x7fff;
                        head(&mut packet, VP8, part.marker, video, part.timestamp, 1);
                        let [high, low] = (picture | 0x8000).to_be_bytes();
                        packet.extend_from_slice(&[
                            0x80 | u8::from(part.start) << 4,
                            0x80,
                            high,
                            low,
                            u8::from(!part.keyframe),
                        ]);
                        packet.resize(packet.len() + part.bytes, 0x5a);
                        stamp.write(&mut packet);
                        let _ = socket.send_to(&packet, (INSIDE, VIDEO_PORT));
                    });
                }
                if microphone.due <= now {
                    let sound = microphone.listen();
                    audio = audio.wrapping_add(1);
                    head(&mut packet, OPUS, false, audio, sound.timestamp, 2);
                    packet.resize(12 + sound.bytes.max(Stamp::BYTES), 0x5a);
                    stamp.write(&mut packet);
                    let _ = socket.send_to(&packet, (INSIDE, AUDIO_PORT));
                }
                let due = camera.due.min(microphone.due);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        });
        Self {
            ended,
            thread: Some(thread),
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn head(
    packet: &mut Vec<u8>,
    payload_type: u8,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
) {
    packet.clear();
    packet.extend_from_slice(&[0x80, payload_type | u8::from(marker) << 7]);
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&timestamp.to_be_bytes());
    packet.extend_from_slice(&ssrc.to_be_bytes());
}

/// Janus: one stream, `receivers` who watch it.
pub(crate) fn janus(receivers: usize, length: Duration) -> Round {
    let janus = Janus::start();
    let mut fleet = Fleet::new(1).expect("a certificate");
    let feed = Feed::start();
    let options = SeatOptions {
        bind: IpAddr::V4(HOST),
        ..SeatOptions::viewer((1, 1))
    };
    let end = Instant::now() + JOINING;
    for number in 0..receivers {
        assert_eq!(fleet.seat(&options).expect("a socket"), number);
        janus.watch(&mut fleet, number);
        while number + 1 - fleet.connected() >= CONNECTING_MAX {
            janus.pass(&mut fleet, end);
        }
    }
    while fleet.connected() < receivers {
        janus.pass(&mut fleet, end);
    }
    run(&mut fleet, Duration::from_secs(1));
    let round = measure(&mut fleet, janus.id(), receivers, length);
    drop(feed);
    round
}

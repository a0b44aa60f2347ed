//! The bridge in a process of its own: the same program once more, with JSON lines in and out.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nhipcau_media_load::pin_thread;
use nhipcau_media_rtc::{Bridge, BridgeConfig, BridgeEvent, PeerId, RoomId, TrackId};
use serde_json::{Value, json};

/// The first argument of the other process.
pub(crate) const BRIDGE: &str = "bridge";
/// The core of whoever is measured, and the core of the load.
pub(crate) const CORES: (usize, usize) = (0, 1);
const ROOM: RoomId = RoomId(1);
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bridge with one room in another process, pinned to its core. It ends with this value.
pub(crate) struct Apart {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    speakers: Receiver<(Instant, Option<u64>)>,
}

impl Apart {
    /// Starts it. Pins the calling thread to the load's core.
    pub(crate) fn start() -> Self {
        // Threads and processes inherit the core of who starts them.
        pin_thread(CORES.0);
        let this = std::env::current_exe().expect("a process knows its executable");
        let mut child = Command::new(this)
            .arg(BRIDGE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the bridge starts");
        pin_thread(CORES.1);
        let commands = child.stdin.take().expect("a pipe");
        let out = child.stdout.take().expect("a pipe");
        let (answer, answers) = channel();
        let (speaker, speakers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let message: Value = serde_json::from_str(&line).expect("the bridge speaks JSON");
                let sent = match message.get("speaker") {
                    Some(peer) => speaker.send((Instant::now(), peer.as_u64())).is_ok(),
                    None => answer.send(message).is_ok(),
                };
                if !sent {
                    return;
                }
            }
        });
        Self {
            child,
            commands,
            answers,
            speakers,
        }
    }

    /// Process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Seats a peer; returns the answer to its offer.
    pub(crate) fn join(&mut self, peer: usize, offer: &str) -> String {
        self.say(&json!({ "join": peer, "sdp": offer }));
        let answer = self.answer();
        let sdp = answer["sdp"].as_str();
        sdp.unwrap_or_else(|| panic!("the bridge refuses peer {peer}: {answer}"))
            .to_owned()
    }

    /// What a peer wants to see in small.
    pub(crate) fn view(&mut self, peer: usize, tiles: &[usize]) {
        self.say(&json!({ "view": peer, "tiles": tiles }));
    }

    /// The bridge's own counts.
    pub(crate) fn counts(&mut self) -> Value {
        self.say(&json!({ "counts": true }));
        self.answer()
    }

    /// The changes of speaker since the last call, and when they were heard of.
    pub(crate) fn speakers(&self) -> impl Iterator<Item = (Instant, Option<u64>)> {
        self.speakers.try_iter()
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.commands, "{message}").expect("the bridge listens");
    }

    fn answer(&self) -> Value {
        self.answers
            .recv_timeout(PATIENCE)
            .expect("the bridge answers")
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other process: does what standard input says until it is closed.
pub(crate) fn serve() {
    let (bridge, events) = Bridge::start(BridgeConfig {
        bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        ..BridgeConfig::default()
    })
    .expect("the bridge starts");
    bridge.open_room(ROOM);
    std::thread::spawn(move || {
        for event in events {
            if let BridgeEvent::Speaker { peer, .. } = event {
                print(&json!({ "speaker": peer.map(|peer| peer.0) }));
            }
        }
    });
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let message: Value = serde_json::from_str(&line).expect("the load speaks JSON");
        let peer = |key: &str| message[key].as_u64().map(PeerId);
        if let Some(peer) = peer("join") {
            let offer = message["sdp"].as_str().unwrap_or_default();
            match bridge.join(ROOM, peer, offer) {
                Ok(answer) => print(&json!({ "sdp": answer.sdp })),
                Err(error) => print(&json!({ "refused": error.to_string() })),
            }
        } else if let Some(peer) = peer("view") {
            let tiles = message["tiles"].as_array().into_iter().flatten();
            let tiles = tiles
                .filter_map(Value::as_u64)
                .map(PeerId)
                .map(TrackId::main)
                .collect();
            bridge.set_view(peer, None, tiles);
        } else {
            let stats = bridge.stats();
            let drops = nhipcau_media_rtc::Drop::ALL
                .iter()
                .filter(|reason| stats.drops[**reason as usize] > 0)
                .map(|reason| (reason.label(), stats.drops[*reason as usize]));
            print(&json!({
                "forwarded": stats.forwarded,
                "retransmitted": stats.retransmitted,
                "nacked_in": stats.nacked_in,
                "nacked_out": stats.nacked_out,
                "keyframe_requests": stats.keyframe_requests,
                "drops": drops.collect::<HashMap<_, _>>(),
            }));
        }
    }
}

#[allow(clippy::print_stdout, reason = "what the other process reads")]
fn print(message: &Value) {
    println!("{message}");
}

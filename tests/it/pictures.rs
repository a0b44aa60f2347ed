//! Pictures of real encoders, decoded by stacks of others and compared by their colour: H.264 by WHIP, and layers that are switched while somebody
//! of another stack looks on.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nhipcau_media_rtc::Codec;
use nhipcau_media_rtc::client::{
    Client, ClientIdentity, ClientOptions, Crowd, Protection, Shape, Shaped,
};
use nhipcau_tests::peers::{Peer, Stack};
use nhipcau_tests::{place, program};
use serde_json::{Value, json};

use crate::whip::{Meeting, moves, number};

/// Layers, lowest first: size, kilobits a second, and the U and V of all their pictures, whole sixteenths.
const LAYERS: [(usize, usize, u32, [u8; 2]); 3] = [
    (160, 90, 80, [96, 208]),
    (320, 180, 150, [64, 64]),
    (640, 360, 300, [208, 112]),
];
const FRAMES: usize = 30;
const RATE: u32 = 15;
/// Bytes of a picture in a packet.
const PART: usize = 1_100;

/// Pictures of a layer as libvpx encodes them, a keyframe first and every second: one colour, and a bar that wanders.
fn encoded(ffmpeg: &Path, folder: &Path, layer: usize) -> Vec<Vec<u8>> {
    let (width, height, kilobits, colour) = LAYERS[layer];
    let mut raw = Vec::with_capacity(FRAMES * width * height * 3 / 2);
    for frame in 0..FRAMES {
        let bar = frame * width / FRAMES..frame * width / FRAMES + width / 6;
        for place in 0..width * height {
            raw.push(if bar.contains(&(place % width)) {
                200
            } else {
                90
            });
        }
        for value in colour {
            raw.extend(std::iter::repeat_n(value, width * height / 4));
        }
    }
    let [from, into] = ["yuv", "ivf"].map(|kind| folder.join(format!("layer{layer}.{kind}")));
    std::fs::write(&from, raw).expect("a file");
    let (size, bits) = (format!("{width}x{height}"), format!("{kilobits}k"));
    let outcome = program::run(
        Command::new(ffmpeg)
            .args([
                "-loglevel",
                "error",
                "-f",
                "rawvideo",
                "-pix_fmt",
                "yuv420p",
            ])
            .args(["-s", &size, "-r", &RATE.to_string(), "-i"])
            .arg(from)
            .args(["-c:v", "libvpx", "-b:v", &bits, "-g", &RATE.to_string()])
            .args([
                "-deadline",
                "realtime",
                "-cpu-used",
                "8",
                "-auto-alt-ref",
                "0",
                "-lag-in-frames",
                "0",
                "-y",
            ])
            .arg(&into),
    );
    assert!(outcome.status.success(), "{}", outcome.err);
    // IVF: 32 bytes, then each picture behind its length and eight bytes of time.
    let file = std::fs::read(into).expect("a file");
    let mut rest = &file[32..];
    let mut frames = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<12>() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        frames.push(behind[..length].to_vec());
        rest = &behind[length..];
    }
    assert_eq!(frames.len(), FRAMES);
    frames
}

/// Our own client as an encoder with three layers, in a thread of its own until it is dropped.
struct Simulcast {
    over: Arc<AtomicBool>,
    films: Option<JoinHandle<()>>,
}

impl Simulcast {
    fn begin(meeting: &Meeting, pass: &Value, layers: Vec<Vec<Vec<u8>>>) -> Self {
        let word = |key: &str| pass[key].as_str().expect("a pass has it").to_owned();
        let path = word("url").replace(&meeting.daemon.origin(), "");
        let bearer = format!("Bearer {}", word("token"));
        let daemon = meeting.daemon.client();
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        let films = std::thread::spawn(move || {
            let crowd = joined(&daemon, &path, &bearer, layers.len());
            film(crowd, &layers, &until);
        });
        Self {
            over,
            films: Some(films),
        }
    }
}

/// A client whose offer is taken. Its sockets stay on the thread that made them.
fn joined(
    daemon: &nhipcau_tests::client::Client,
    path: &str,
    bearer: &str,
    layers: usize,
) -> Crowd {
    let identity = ClientIdentity::new(Protection::Gcm).expect("an identity");
    let mut crowd = Crowd::new(identity);
    let options = ClientOptions {
        layers,
        shape: Shape::Whip,
        ..ClientOptions::default()
    };
    crowd.add(Client::new(options, Instant::now()).expect("a client"));
    let headers = [
        ("authorization", bearer),
        ("content-type", "application/sdp"),
    ];
    let (post, offer) = (ureq::http::Method::POST, crowd.offer(0));
    let answer = daemon.raw(post, path, &headers, &offer);
    assert_eq!(answer.status, 201, "{}", answer.text());
    crowd.client(0).accept(&answer.text()).expect("an answer");
    crowd
}

impl Drop for Simulcast {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(films) = self.films.take() {
            let _ = films.join();
        }
    }
}

fn film(mut crowd: Crowd, layers: &[Vec<Vec<u8>>], over: &AtomicBool) {
    let pause = Duration::from_secs(1) / RATE;
    let mut next = vec![0; layers.len()];
    let mut due = Instant::now();
    for clock in 0u32.. {
        while Instant::now() < due {
            crowd.poll(Duration::from_millis(5), |_| {});
        }
        if over.load(Ordering::Relaxed) {
            return;
        }
        due = Instant::now() + pause;
        let client = crowd.client(0);
        let asked = client.take_keyframe_requests();
        for (layer, frames) in layers.iter().enumerate() {
            if asked[layer] > 0 {
                next[layer] = 0;
            }
            let parts = frames[next[layer]].chunks(PART);
            next[layer] = (next[layer] + 1) % frames.len();
            let last = parts.len() - 1;
            let id = (0x8000 | clock & 0x7fff).to_be_bytes();
            for (part, body) in parts.enumerate() {
                // RFC 7741 section 4.2: a start, and a picture id of fifteen bits.
                let mut payload = vec![0x80 | u8::from(part == 0) << 4, 0x80, id[2], id[3]];
                payload[2] |= 0x80;
                payload.extend_from_slice(body);
                let packet = Shaped {
                    codec: Codec::Vp8,
                    red: false,
                    marker: part == last,
                    timestamp: clock.wrapping_mul(90_000 / RATE),
                    dependency: &[],
                    payload: &payload,
                };
                client.send_shaped(1 + layer, &packet);
            }
        }
        client.flush();
    }
}

fn shown(player: &mut Peer, layer: usize) {
    let (width, _, _, colour) = LAYERS[layer];
    let colour = format!("{},{}", colour[0], colour[1]);
    player.until(&format!("{width} in {colour}"), |stats| {
        number(stats, "width") == width as u64 && stats["colour"] == colour
    });
}

#[test]
fn a_layer_switch_is_one_stream_without_a_break_to_a_decoder_of_another_stack() {
    let Some(ffmpeg) = program::installed("ffmpeg", "ffmpeg") else {
        return;
    };
    let meeting = Meeting::begin();
    let pass = meeting.pass("son-my", "send", "Ba lớp");
    let player_pass = meeting.pass("tra-giang", "receive", "Màn hình");
    let Some(mut player) = meeting.peer(Stack::AiortcPlay, &player_pass) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let layers = (0..LAYERS.len()).map(|layer| encoded(&ffmpeg, folder.path(), layer));
    let _encoder = Simulcast::begin(&meeting, &pass, layers.collect());
    let seat = meeting.seat("Ba lớp", |one| one["connected"] == true);
    let mut desk = meeting.desk();
    desk.send(&json!({ "type": "spotlight", "participant": seat["id"], "ref": "0" }));
    desk.until("shown large", |message| message["ref"] == "0");
    // A packet may be lost on a busy machine, and its copies too: that may leave a hole in the numbers once, not in each of three sessions.
    let unbroken = (0..3).any(|session| {
        player.post();
        shown(&mut player, 2);
        moves(&mut player);
        for (turn, (mode, layer)) in [
            (json!("light"), 0),
            (Value::Null, 2),
            (json!("light"), 0),
            (Value::Null, 2),
        ]
        .into_iter()
        .enumerate()
        {
            let reference = format!("{session} {turn}");
            desk.send(
                &json!({ "type": "set_mode", "site": "tra-giang", "mode": mode, "ref": reference }),
            );
            desk.until("the mode", |message| message["ref"] == reference);
            shown(&mut player, layer);
            moves(&mut player);
        }
        // Times and picture ids ran on, and no picture had anything of another layer's in it.
        let stats = player.ask("stats");
        let seen = &stats["seen"];
        for (what, count) in [("back", 0), ("jumps", 0), ("sources", 1)] {
            assert_eq!(number(seen, what), count, "{what}: {stats}");
        }
        assert!(number(seen, "packets") > 100, "{stats}");
        assert_eq!(
            seen["named"], seen["packets"],
            "each with a picture id: {stats}"
        );
        let known = LAYERS.map(|(_, _, _, [u, v])| format!("{u},{v}"));
        for colour in stats["colours"].as_object().expect("colours").keys() {
            assert!(known.contains(colour), "{colour}: {stats}");
        }
        // Every number was used: what is on its way just now comes, and what was lost is sent again.
        (0..50).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            number(&player.ask("stats")["seen"], "holes") == 0
        })
    });
    assert!(unbroken, "{}", player.ask("stats"));
}

#[test]
fn an_h264_encoder_is_seen_in_its_colours_by_another_stack() {
    let Some(own) = place::own_address() else {
        return;
    };
    let meeting = Meeting::with_media_on(Some(own));
    let pass = meeting.pass("son-my", "send", "x264");
    let player_pass = meeting.pass("tra-giang", "receive", "Màn hình");
    let Some(mut encoder) = meeting.peer(Stack::GstreamerH264, &pass) else {
        return;
    };
    let Some(mut player) = meeting.peer(Stack::AiortcPlay, &player_pass) else {
        return;
    };
    encoder.post();
    let seat = meeting.seat("x264", |one| one["connected"] == true);
    player.post();
    // The ball of the test picture moves.
    moves(&mut player);
    // Red, green and blue as BT.601 has them, U and V to the next sixteenth.
    for (argb, colour) in [
        ("ffff0000", "96,240"),
        ("ff00ff00", "48,32"),
        ("ff0000ff", "240,112"),
    ] {
        encoder.ask(&format!("colour {argb}"));
        player.until(&format!("{argb} is {colour}"), |stats| {
            stats["colour"] == colour
        });
    }
    let stats = player.ask("stats");
    assert_eq!(number(&stats["seen"], "back"), 0, "{stats}");
    let peer = format!(
        "/conferences/{}/peers/{}",
        meeting.id,
        seat["id"].as_str().expect("a seat")
    );
    let report = meeting.admin.get(&peer);
    let codecs = report["up"].as_array().expect("m-lines").iter();
    assert!(
        codecs.into_iter().any(|line| line["codec"] == "H264"),
        "{report}"
    );
}

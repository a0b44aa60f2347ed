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

/// Pictures of a layer as libvpx or x264 encode them, a keyframe first and every second: one colour, and a bar that wanders.
fn encoded(ffmpeg: &Path, folder: &Path, codec: Codec, layer: usize) -> Vec<Vec<u8>> {
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
    let (kind, encoder) = match codec {
        Codec::H264 => (
            "h264",
            "-c:v libx264 -profile:v baseline -preset ultrafast -tune zerolatency -bf 0 \
             -x264-params sliced-threads=0:scenecut=0:repeat-headers=1",
        ),
        _ => (
            "ivf",
            "-c:v libvpx -deadline realtime -cpu-used 8 -auto-alt-ref 0 -lag-in-frames 0",
        ),
    };
    let [from, into] = ["yuv", kind].map(|kind| folder.join(format!("layer{layer}.{kind}")));
    std::fs::write(&from, raw).expect("a file");
    let (size, bits, rate) = (
        format!("{width}x{height}"),
        format!("{kilobits}k"),
        RATE.to_string(),
    );
    let outcome = program::run(
        Command::new(ffmpeg)
            .args("-loglevel error -f rawvideo -pix_fmt yuv420p".split(' '))
            .args(["-s", &size, "-r", &rate, "-i"])
            .arg(from)
            .args(encoder.split_whitespace())
            .args(["-b:v", &bits, "-g", &rate, "-y"])
            .arg(&into),
    );
    assert!(outcome.status.success(), "{}", outcome.err);
    let file = std::fs::read(into).expect("a file");
    let frames = match codec {
        Codec::H264 => access_units(&file),
        _ => ivf(&file),
    };
    assert_eq!(frames.len(), FRAMES);
    frames
}

/// The pictures of an IVF file: 32 bytes, then each behind its length and eight bytes of time.
fn ivf(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &file[32..];
    let mut frames = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<12>() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        frames.push(behind[..length].to_vec());
        rest = &behind[length..];
    }
    frames
}

/// The pictures of an H.264 byte stream of one slice a picture (annex B), each with the sets before it.
fn access_units(file: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut frame = Vec::new();
    for unit in units(file) {
        frame.extend_from_slice(&[0, 0, 1]);
        frame.extend_from_slice(unit);
        if matches!(unit[0] & 0x1f, 1 | 5) {
            frames.push(std::mem::take(&mut frame));
        }
    }
    frames
}

/// The units between the start codes of a byte stream, without zeros behind them.
fn units(mut rest: &[u8]) -> Vec<&[u8]> {
    let code = |bytes: &[u8]| bytes.windows(3).position(|three| three == [0, 0, 1]);
    let mut units = Vec::new();
    while let Some(at) = code(rest) {
        rest = &rest[at + 3..];
        let unit = &rest[..code(rest).unwrap_or(rest.len())];
        let end = unit
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        units.push(&unit[..end]);
    }
    units
}

/// The payloads of a picture, in the order in which they are sent.
fn payloads(codec: Codec, frame: &[u8], clock: u32) -> Vec<Vec<u8>> {
    if codec == Codec::H264 {
        return units(frame).into_iter().flat_map(fragments).collect();
    }
    let id = (0x8000 | clock & 0x7fff).to_be_bytes();
    let parts = frame.chunks(PART).enumerate().map(|(part, body)| {
        // RFC 7741 section 4.2: a start, and a picture id of fifteen bits.
        let mut payload = vec![0x80 | u8::from(part == 0) << 4, 0x80, id[2], id[3]];
        payload[2] |= 0x80;
        payload.extend_from_slice(body);
        payload
    });
    parts.collect()
}

/// A unit of H.264 as it is, or in pieces where it is long (RFC 6184 section 5.8).
fn fragments(unit: &[u8]) -> Vec<Vec<u8>> {
    if unit.len() <= PART {
        return vec![unit.to_vec()];
    }
    let pieces = unit[1..].chunks(PART);
    let last = pieces.len() - 1;
    let piece = |(place, body): (usize, &[u8])| {
        let ends = u8::from(place == 0) << 7 | u8::from(place == last) << 6;
        [&[unit[0] & 0x60 | 28, ends | unit[0] & 0x1f], body].concat()
    };
    pieces.enumerate().map(piece).collect()
}

/// Our own client as an encoder with three layers, in a thread of its own until it is dropped.
struct Simulcast {
    over: Arc<AtomicBool>,
    films: Option<JoinHandle<()>>,
}

impl Simulcast {
    fn begin(meeting: &Meeting, pass: &Value, codec: Codec, layers: Vec<Vec<Vec<u8>>>) -> Self {
        let word = |key: &str| pass[key].as_str().expect("a pass has it").to_owned();
        let path = word("url").replace(&meeting.daemon.origin(), "");
        let bearer = format!("Bearer {}", word("token"));
        let daemon = meeting.daemon.client();
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        let films = std::thread::spawn(move || {
            let crowd = joined(&daemon, &path, &bearer, codec, layers.len());
            film(crowd, codec, &layers, &until);
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
    codec: Codec,
    layers: usize,
) -> Crowd {
    let identity = ClientIdentity::new(Protection::Gcm).expect("an identity");
    let mut crowd = Crowd::new(identity);
    let options = ClientOptions {
        layers,
        shape: Shape::Whip,
        codecs: vec![codec],
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

fn film(mut crowd: Crowd, codec: Codec, layers: &[Vec<Vec<u8>>], over: &AtomicBool) {
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
            let payloads = payloads(codec, &frames[next[layer]], clock);
            next[layer] = (next[layer] + 1) % frames.len();
            for (part, payload) in payloads.iter().enumerate() {
                let packet = Shaped {
                    codec,
                    red: false,
                    marker: part + 1 == payloads.len(),
                    timestamp: clock.wrapping_mul(90_000 / RATE),
                    dependency: &[],
                    payload,
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
    layers_are_switched(Codec::Vp8);
}

#[test]
fn a_layer_switch_of_h264_is_one_stream_without_a_break_to_a_decoder_of_another_stack() {
    layers_are_switched(Codec::H264);
}

/// A player of another stack is sent down to the lowest of three layers and up to the highest again, and sees nothing else.
fn layers_are_switched(codec: Codec) {
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
    let layers = (0..LAYERS.len()).map(|layer| encoded(&ffmpeg, folder.path(), codec, layer));
    let _encoder = Simulcast::begin(&meeting, &pass, codec, layers.collect());
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
        if codec == Codec::Vp8 {
            assert_eq!(
                seen["named"], seen["packets"],
                "each with a picture id: {stats}"
            );
        }
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

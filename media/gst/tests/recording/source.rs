//! RTP to record: made by GStreamer's own encoders and payloaders, sent at the pace of a meeting.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use nhipcau_media_gst::tap::{Kind, write_datagram};

/// A datagram and when it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Send {
    at: Duration,
    source: u32,
    bytes: Vec<u8>,
}

/// A picture of one colour (`red`, `blue`) or another of videotestsrc's patterns, VP8, 25 frames a second.
pub(crate) fn video(
    source: u32,
    colour: &str,
    size: (u32, u32),
    start: f64,
    seconds: f64,
) -> Vec<Send> {
    let (width, height) = size;
    let graph = format!(
        "videotestsrc pattern={colour} num-buffers={} ! video/x-raw,format=I420,width={width},height={height},\
         framerate=25/1 ! vp8enc deadline=1 cpu-used=16 target-bitrate=800000 keyframe-max-dist=50 \
         ! rtpvp8pay picture-id-mode=15-bit mtu=1200 ! appsink name=out sync=false",
        count(seconds * 25.0)
    );
    packets(&graph, Kind::Video, source, start)
}

/// A sine tone, Opus, 20 ms packets.
pub(crate) fn tone(source: u32, hertz: u32, start: f64, seconds: f64) -> Vec<Send> {
    let graph = format!(
        "audiotestsrc freq={hertz} volume=0.3 samplesperbuffer=960 num-buffers={} ! audio/x-raw,rate=48000,channels=2 \
         ! opusenc ! rtpopuspay ! appsink name=out sync=false",
        count(seconds * 50.0)
    );
    packets(&graph, Kind::Audio, source, start)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few seconds of packets"
)]
fn count(packets: f64) -> u32 {
    packets as u32
}

fn packets(graph: &str, kind: Kind, source: u32, start: f64) -> Vec<Send> {
    gst::init().unwrap();
    let pipeline: gst::Pipeline = gst::parse::launch(graph).unwrap().downcast().unwrap();
    let out: AppSink = pipeline.by_name("out").unwrap().downcast().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut timeline = Vec::new();
    while let Ok(sample) = out.pull_sample() {
        let buffer = sample.buffer().unwrap();
        let mut bytes = Vec::new();
        write_datagram(kind, source, &buffer.map_readable().unwrap(), &mut bytes);
        let pts = Duration::from_nanos(buffer.pts().map_or(0, gst::ClockTime::nseconds));
        timeline.push(Send {
            at: Duration::from_secs_f64(start) + pts,
            source,
            bytes,
        });
    }
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(!timeline.is_empty());
    timeline
}

/// Swaps each second packet of a source with the one before it.
pub(crate) fn swap_pairs(timeline: &mut [Send], source: u32) {
    let mut of_source: Vec<&mut Send> = timeline
        .iter_mut()
        .filter(|send| send.source == source)
        .collect();
    for pair in of_source.chunks_exact_mut(2) {
        let (first, second) = pair.split_at_mut(1);
        std::mem::swap(&mut first[0].bytes, &mut second[0].bytes);
    }
}

/// Datagrams of every length and kind with pseudo-random contents, then RTP headers in front of such contents.
pub(crate) fn garbage() -> Vec<Send> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    let mut timeline = Vec::new();
    for index in 0..1500_u32 {
        let length = usize::from(random()) * 4 + 1;
        let mut bytes: Vec<u8> = (0..length).map(|_| random()).collect();
        bytes[0] = index.to_le_bytes()[0] % 4;
        if index % 2 == 0 && bytes.len() > 40 {
            // Looks like a packet of one of a few sources; for VP8 like the start of a keyframe.
            bytes[1..5].copy_from_slice(&(index % 5 + 1).to_be_bytes());
            bytes[5] = 0x80;
            bytes[6] = 96 | 0x80;
            bytes[7..9].copy_from_slice(&index.to_be_bytes()[2..]);
            bytes[17] = 0x10;
            bytes[18] &= 0xfe;
            bytes[21..28].copy_from_slice(&[0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
        }
        if bytes[0] == Kind::Speaker as u8 {
            // The speaker is left to the real datagrams: naming one here would rightly hide all others.
            bytes[0] = 9;
        }
        timeline.push(Send {
            at: Duration::from_millis(u64::from(index)),
            source: 0,
            bytes,
        });
    }
    timeline
}

/// The hostile RTP of the shared corpora, each file as sound and as picture.
pub(crate) fn corpus() -> Vec<Send> {
    let folder = std::env::var_os("NHIPCAU_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    );
    let Ok(files) = std::fs::read_dir(folder.join("datagrams/rtp")) else {
        // Not eprintln!, which a passing test keeps to itself.
        std::io::stderr()
            .write_all(
                b"SKIPPED: no corpora here, garbage of our own only
",
            )
            .unwrap();
        return Vec::new();
    };
    let mut timeline = Vec::new();
    for (index, file) in (0_u32..).zip(files.map(|file| file.unwrap().path())) {
        let rtp = std::fs::read(file).unwrap();
        for kind in [Kind::Audio, Kind::Video] {
            let mut bytes = Vec::new();
            write_datagram(kind, 100 + index % 4, &rtp, &mut bytes);
            let at = Duration::from_millis(1500 + u64::from(index % 800));
            timeline.push(Send {
                at,
                source: 100,
                bytes,
            });
        }
    }
    timeline
}

/// Sends everything at its time, and waits where a socket buffer is full.
pub(crate) fn play(tap: &UnixDatagram, mut timeline: Vec<Send>) {
    timeline.sort_by_key(|send| send.at);
    let start = Instant::now();
    for send in timeline {
        std::thread::sleep((start + send.at).saturating_duration_since(Instant::now()));
        while let Err(error) = tap.send(&send.bytes) {
            match error.kind() {
                std::io::ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(1)),
                // The recording is over already: what it says about that is the test's business.
                _ => return,
            }
        }
    }
}

//! RTP to record: made by GStreamer's own encoders and payloaders, sent at the pace of a meeting.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use nhipcau_media_gst::tap::{Codec, Kind, PREFIX_BYTES, write_datagram};

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
    video_in(Codec::Vp8, source, colour, size, start, seconds)
}

/// The same in another codec.
pub(crate) fn video_in(
    codec: Codec,
    source: u32,
    colour: &str,
    size: (u32, u32),
    start: f64,
    seconds: f64,
) -> Vec<Send> {
    let (width, height) = size;
    let encoded = match codec {
        Codec::Vp8 => {
            "vp8enc deadline=1 cpu-used=16 target-bitrate=800000 keyframe-max-dist=50 \
             ! rtpvp8pay picture-id-mode=15-bit"
        }
        Codec::Vp9 => {
            "vp9enc deadline=1 cpu-used=8 target-bitrate=800000 keyframe-max-dist=50 lag-in-frames=0 \
             ! rtpvp9pay picture-id-mode=15-bit"
        }
        Codec::H264 => {
            "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=50 bitrate=800 \
             ! video/x-h264,profile=constrained-baseline \
             ! rtph264pay config-interval=-1 aggregate-mode=zero-latency"
        }
        Codec::Av1 => {
            "av1enc usage-profile=realtime cpu-used=9 keyframe-max-dist=50 lag-in-frames=0 target-bitrate=800 \
             ! av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu"
        }
    };
    let payloader = match codec {
        Codec::Av1 => String::new(),
        _ => format!("pt={} mtu=1200", codec as u8),
    };
    let graph = format!(
        "videotestsrc pattern={colour} num-buffers={} ! video/x-raw,format=I420,width={width},height={height},\
         framerate=25/1 ! {encoded} {payloader} ! appsink name=out sync=false",
        count(seconds * 25.0)
    );
    if codec == Codec::Av1 {
        return av1::packets(&graph, source, start);
    }
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
    let send = |(pts, rtp): (Duration, Vec<u8>)| {
        let mut bytes = Vec::new();
        write_datagram(kind, source, &rtp, &mut bytes);
        Send {
            at: Duration::from_secs_f64(start) + pts,
            source,
            bytes,
        }
    };
    buffers(graph).into_iter().map(send).collect()
}

/// What a pipeline gives, with its time.
fn buffers(graph: &str) -> Vec<(Duration, Vec<u8>)> {
    gst::init().unwrap();
    let pipeline: gst::Pipeline = gst::parse::launch(graph).unwrap().downcast().unwrap();
    let out: AppSink = pipeline.by_name("out").unwrap().downcast().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut buffers = Vec::new();
    while let Ok(sample) = out.pull_sample() {
        let buffer = sample.buffer().unwrap();
        let pts = Duration::from_nanos(buffer.pts().map_or(0, gst::ClockTime::nseconds));
        buffers.push((pts, buffer.map_readable().unwrap().to_vec()));
    }
    pipeline.set_state(gst::State::Null).unwrap();
    // x264enc begins a thousand hours late.
    let start = buffers.first().expect("the pipeline gives something").0;
    for (pts, _) in &mut buffers {
        *pts = pts.saturating_sub(start);
    }
    buffers
}

/// A payloader of AV1, which Debian's GStreamer has not (RTP Payload Format For AV1, section 4): one OBU a packet, in pieces where it
/// is long.
mod av1 {
    use super::*;

    const TEMPORAL_DELIMITER: u8 = 2;
    const SEQUENCE_HEADER: u8 = 1;
    const PIECE_BYTES: usize = 1150;

    pub(super) fn packets(graph: &str, source: u32, start: f64) -> Vec<Send> {
        let mut sequence = 0_u16;
        let mut timeline = Vec::new();
        for (pts, unit) in buffers(graph) {
            let obus = obus(&unit);
            let keyframe = obus.iter().any(|obu| kind(obu[0]) == SEQUENCE_HEADER);
            let timestamp = (pts.as_micros() * 90 / 1000) as u32;
            for (place, obu) in obus.iter().enumerate() {
                let pieces = obu.len().div_ceil(PIECE_BYTES);
                for (piece, data) in obu.chunks(PIECE_BYTES).enumerate() {
                    let (continues, goes_on) = (piece > 0, piece + 1 < pieces);
                    let last = place + 1 == obus.len() && !goes_on;
                    let begins = keyframe && place == 0 && piece == 0;
                    let mut rtp = vec![0x80, Codec::Av1 as u8 | u8::from(last) << 7];
                    rtp.extend(sequence.to_be_bytes());
                    rtp.extend(timestamp.to_be_bytes());
                    rtp.extend([0, 0, 0, 1]);
                    rtp.push(
                        u8::from(continues) << 7
                            | u8::from(goes_on) << 6
                            | 1 << 4
                            | u8::from(begins) << 3,
                    );
                    rtp.extend(data);
                    sequence = sequence.wrapping_add(1);
                    let mut bytes = Vec::new();
                    write_datagram(Kind::Video, source, &rtp, &mut bytes);
                    let at = Duration::from_secs_f64(start) + pts;
                    timeline.push(Send { at, source, bytes });
                }
            }
        }
        timeline
    }

    fn kind(header: u8) -> u8 {
        header >> 3 & 15
    }

    /// The OBUs of a temporal unit without their sizes, and without delimiters.
    fn obus(mut unit: &[u8]) -> Vec<Vec<u8>> {
        let mut obus = Vec::new();
        while let Some(&header) = unit.first() {
            let header_bytes = if header & 4 == 0 { 1 } else { 2 };
            assert_ne!(header & 2, 0, "av1parse gives sizes");
            let (mut size, mut length_bytes) = (0, 0);
            loop {
                let byte = unit[header_bytes + length_bytes];
                size |= usize::from(byte & 0x7f) << (7 * length_bytes);
                length_bytes += 1;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let body = header_bytes + length_bytes;
            if kind(header) != TEMPORAL_DELIMITER {
                let mut obu = unit[..header_bytes].to_vec();
                obu[0] &= !2;
                obu.extend(&unit[body..body + size]);
                obus.push(obu);
            }
            unit = &unit[body + size..];
        }
        obus
    }
}

/// Gives the packets of a source the numbers after those that it has sent already, as the bridge does over a change of what it shows.
pub(crate) fn continue_numbers(before: &[Send], after: &mut [Send]) {
    const SEQUENCE: usize = PREFIX_BYTES + 2;
    const TIMESTAMP: usize = PREFIX_BYTES + 4;
    let number = |send: &Send| u16::from_be_bytes([send.bytes[SEQUENCE], send.bytes[SEQUENCE + 1]]);
    let time =
        |send: &Send| u32::from_be_bytes(send.bytes[TIMESTAMP..TIMESTAMP + 4].try_into().unwrap());
    let last = before
        .iter()
        .rfind(|send| send.source == after[0].source)
        .unwrap();
    let by = number(last).wrapping_add(1).wrapping_sub(number(&after[0]));
    let later = time(last).wrapping_add(3600).wrapping_sub(time(&after[0]));
    for send in after {
        let (number, time) = (
            number(send).wrapping_add(by),
            time(send).wrapping_add(later),
        );
        send.bytes[SEQUENCE..][..2].copy_from_slice(&number.to_be_bytes());
        send.bytes[TIMESTAMP..][..4].copy_from_slice(&time.to_be_bytes());
    }
}

/// Makes frames of AV1 undecodable and leaves their headers as they are.
pub(crate) fn spoil(timeline: &mut [Send]) {
    const FRAME: usize = PREFIX_BYTES + 12 + 1;
    for send in timeline {
        // Its kind and all after it: a padding OBU decodes to nothing.
        if send.bytes[FRAME] >> 3 & 15 != 1 {
            send.bytes[FRAME] = 15 << 3;
        }
    }
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
            // Looks like a packet of one of a few sources; for VP8 like the start of a keyframe, of each codec in turn.
            bytes[1..5].copy_from_slice(&(index % 5 + 1).to_be_bytes());
            bytes[5] = 0x80;
            bytes[6] = Codec::ALL[index as usize / 2 % 4] as u8 | 0x80;
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

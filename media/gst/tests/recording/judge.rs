//! What an independent decoder sees and hears in a file.

use std::path::Path;
use std::process::Command;

/// Streams and duration by ffprobe.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) codecs: Vec<String>,
    pub(crate) size: (u64, u64),
    /// What its colours mean, where the file says it.
    pub(crate) matrix: String,
    pub(crate) seconds: Option<f64>,
}

pub(crate) fn probe(file: &Path) -> Probe {
    let arguments = [
        "-v",
        "error",
        "-show_streams",
        "-show_format",
        "-of",
        "json",
    ];
    let output = Command::new("ffprobe")
        .args(arguments)
        .arg(file)
        .output()
        .expect("ffprobe is installed");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let streams = json["streams"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    Probe {
        codecs: streams
            .iter()
            .map(|stream| text(&stream["codec_name"]))
            .collect(),
        size: (
            streams[0]["width"].as_u64().unwrap(),
            streams[0]["height"].as_u64().unwrap(),
        ),
        matrix: text(&streams[0]["color_space"]),
        seconds: json["format"]["duration"]
            .as_str()
            .and_then(|seconds| seconds.parse().ok()),
    }
}

/// What the tests tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Red,
    Blue,
    Dark,
    Other,
}

const WIDTH: usize = 640;
const HEIGHT: usize = 360;

/// One decoded picture at half size.
pub(crate) struct Frame(Vec<u8>);

impl Frame {
    /// Red, green and blue.
    pub(crate) fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let start = (y * WIDTH + x) * 3;
        [self.0[start], self.0[start + 1], self.0[start + 2]]
    }

    pub(crate) fn at(&self, x: usize, y: usize) -> Colour {
        match self.pixel(x, y) {
            [200..=255, ..60, ..60] => Colour::Red,
            [..60, ..60, 200..=255] => Colour::Blue,
            [..60, ..60, ..90] => Colour::Dark,
            _ => Colour::Other,
        }
    }

    /// Below the title's lines, so that the card counts as dark.
    pub(crate) fn centre(&self) -> Colour {
        self.at(WIDTH / 2, HEIGHT * 3 / 4)
    }
}

/// Five frames a second; panics when the decoder meets an error it cannot go on from.
pub(crate) fn frames(file: &Path) -> Vec<Frame> {
    let filter = format!("fps=5,scale={WIDTH}:{HEIGHT}");
    let bytes = ffmpeg(
        file,
        &["-an", "-vf", &filter, "-pix_fmt", "rgb24", "-f", "rawvideo"],
    );
    bytes
        .chunks_exact(WIDTH * HEIGHT * 3)
        .map(|frame| Frame(frame.to_vec()))
        .collect()
}

/// Whether something bright stands in the middle third.
pub(crate) fn has_text(frame: &Frame) -> bool {
    let third = frame.0.len() / 3;
    count_bright(&frame.0[third..2 * third]) > 100
}

/// Bright pixels of the whole picture.
pub(crate) fn bright(frame: &Frame) -> usize {
    count_bright(&frame.0)
}

fn count_bright(bytes: &[u8]) -> usize {
    bytes
        .chunks_exact(3)
        .filter(|pixel| pixel.iter().all(|&part| part > 200))
        .count()
}

/// Left channel at 48 kHz.
pub(crate) fn sound(file: &Path) -> Vec<f64> {
    let bytes = ffmpeg(file, &["-vn", "-ac", "1", "-ar", "48000", "-f", "s16le"]);
    bytes
        .chunks_exact(2)
        .map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])))
        .collect()
}

fn ffmpeg(file: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(arguments)
        .arg("-")
        .output()
        .expect("ffmpeg is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Amplitude of one frequency over the whole recording (Goertzel).
pub(crate) fn loudness(samples: &[f64], hertz: f64) -> f64 {
    let step = 2.0 * std::f64::consts::PI * hertz / 48_000.0;
    // Blocks of 100 ms: a tone that pauses or shifts its phase still counts.
    let blocks = samples.chunks_exact(4800).map(|block| {
        let (re, im) = block
            .iter()
            .zip(0_u32..)
            .fold((0.0, 0.0), |(re, im), (sample, index)| {
                let angle = step * f64::from(index);
                (re + sample * angle.cos(), im + sample * angle.sin())
            });
        re.hypot(im) / 2400.0
    });
    let count = u32::try_from(samples.len() / 4800).unwrap().max(1);
    blocks.sum::<f64>() / f64::from(count)
}

/// The colours that followed one another, without the card: it may come between them on a machine without breath.
pub(crate) fn pictures(colours: &[Colour]) -> Vec<Colour> {
    let mut pictures = colours.to_vec();
    pictures.retain(|colour| *colour != Colour::Dark);
    pictures.dedup();
    pictures
}

/// The sequence without repetitions.
pub(crate) fn runs(colours: &[Colour]) -> Vec<Colour> {
    let mut runs = colours.to_vec();
    runs.dedup();
    runs
}

//! What the bridge costs and what 300 sites see of it. JSON lines on standard output, remarks on standard error.
//!
//! The bridge (and Janus, its peer) runs in a process of its own on one core, the load on another. Environment: `ROUNDS` (5 unless
//! given; the median counts, of losses the sum), `SECONDS` of one measurement (10), `ONLY` with the names of parts.

mod apart;
mod conference;
mod forward;
mod janus;
mod join;
mod process;
mod road;
mod stage;

use std::time::Duration;

/// The rounds of each measurement.
const ROUNDS: u64 = 5;
/// The length of one, in seconds.
const SECONDS: u64 = 10;
/// A conference turns its pages for this many times the length.
const PAGES_TIMES: u32 = 3;
/// Changes of speaker in one round.
const SWITCHES: usize = 10;

fn main() {
    if std::env::args()
        .nth(1)
        .is_some_and(|first| first == apart::BRIDGE)
    {
        return apart::serve();
    }
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let (rounds, seconds) = (number("ROUNDS", ROUNDS), number("SECONDS", SECONDS));
    let length = Duration::from_secs(seconds);
    let only = std::env::var("ONLY").unwrap_or_default();
    let wanted = |part: &str| only.is_empty() || only.split(',').any(|name| name == part);

    let mut ratio = (None, None);
    if wanted("forward") {
        let found = repeat(rounds, || forward::ours(200, length));
        let median = median(&found, |round| round.packets_per_core_second);
        say("forward_200_packets_per_core_second", median, "packets/s");
        ratio.0 = Some(median);
    }
    if wanted("janus") {
        let found = repeat(rounds, || janus::janus(200, length));
        let median = median(&found, |round| round.packets_per_core_second);
        say("janus_200_packets_per_core_second", median, "packets/s");
        let lost = found.iter().map(|round| round.lost).sum::<u64>();
        say("janus_200_lost_packets", lost as f64, "packets");
        ratio.1 = Some(median);
    }
    if let (Some(ours), Some(theirs)) = ratio {
        say("forward_200_times_janus", ours / theirs, "times");
    }
    if wanted("forward") {
        let found = repeat(rounds, || forward::ours(400, length));
        let median = median(&found, |round| round.packets_per_core_second);
        say("forward_400_packets_per_core_second", median, "packets/s");
        let lost = found.iter().map(|round| round.lost).sum::<u64>();
        say("forward_400_lost_packets", lost as f64, "packets");
    }
    if wanted("viewers") {
        let found = repeat(rounds, || forward::ours(1_000, length));
        say(
            "viewers_1000_core_percent",
            median(&found, |round| round.core_percent),
            "%",
        );
        say(
            "viewers_1000_rss_mb",
            median(&found, |round| round.rss_mb),
            "MB",
        );
        let lost = found.iter().map(|round| round.lost).sum::<u64>();
        say("viewers_1000_lost_packets", lost as f64, "packets");
    }
    if wanted("pages") {
        let found = repeat(rounds, || conference::pages(length * PAGES_TIMES));
        let lost = found.iter().map(|report| report.packets_lost).sum::<u64>();
        say("conference_300_lost_packets", lost as f64, "packets");
        let p95 = median(&found, |report| report.page.waited.p95_ms);
        say("conference_300_keyframe_p95_ms", p95, "ms");
    }
    if wanted("switches") {
        let found = repeat(rounds, || conference::switches(SWITCHES));
        say(
            "speaker_switch_300_p95_ms",
            median(&found, |round| round.p95_ms),
            "ms",
        );
        say(
            "speaker_heard_300_p95_ms",
            median(&found, |round| round.heard_p95_ms),
            "ms",
        );
        let requests = found.iter().map(|round| round.keyframe_requests).max();
        say(
            "speaker_switch_300_keyframe_requests",
            requests.unwrap_or_default() as f64,
            "requests",
        );
    }
    if wanted("join") {
        let found = repeat(rounds, join::storm);
        say("join_250_p95_ms", median(&found, |p95_ms| *p95_ms), "ms");
    }
    if wanted("road") {
        let found = repeat(rounds, || road::road(length));
        say(
            "road_10_audio_gap_max_ms",
            median(&found, |road| road.hole_max_ms),
            "ms",
        );
        say(
            "road_10_frames_per_second",
            median(&found, |road| road.frames_per_second),
            "frames/s",
        );
    }
}

fn repeat<T>(rounds: u64, measure: impl Fn() -> T) -> Vec<T> {
    (0..rounds.max(1)).map(|_| measure()).collect()
}

fn median<T>(found: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    let mut figures = found.iter().map(figure).collect::<Vec<_>>();
    figures.sort_by(f64::total_cmp);
    remark(&format!("rounds: {figures:.1?}\n"));
    figures[figures.len() / 2]
}

#[allow(clippy::print_stdout, reason = "the benchmark's result")]
fn say(bench: &str, value: f64, unit: &str) {
    println!("{{\"bench\":\"{bench}\",\"value\":{value:.1},\"unit\":\"{unit}\"}}");
}

/// Something beside the figures.
#[allow(clippy::print_stderr, reason = "a benchmark's remarks")]
fn remark(text: &str) {
    eprint!("{text}");
}

//! What a recording costs.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::fs;

use crate::source::{play, tone, video};
use crate::{CHILD, Running};

/// `cargo test -p nhipcau-media-gst --test recording -- --ignored --nocapture share_of_a_core`
#[test]
#[ignore = "a measurement, not a check"]
fn share_of_a_core_at_720p25() {
    let ticks = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        // utime and stime, in hundredths of a second.
        fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
    };
    for (what, pattern) in [
        ("at rest", "ball"),
        ("all moving", "smpte horizontal-speed=3"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut timeline = video(1, pattern, (1280, 720), 0.0, 10.0);
        timeline.extend(tone(7, 440, 0.0, 10.0));
        timeline.extend(tone(8, 880, 0.0, 10.0));
        timeline.extend(tone(9, 1320, 0.0, 10.0));
        let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
        let pid = running.recorder.pid();
        let before = (ticks(pid), std::time::Instant::now());
        play(&running.tap, timeline);
        let share = (ticks(pid) - before.0) / before.1.elapsed().as_secs_f64();
        let memory = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let memory: Vec<&str> = memory
            .lines()
            .filter(|line| line.starts_with("VmPeak") || line.starts_with("VmHWM"))
            .collect();
        running.recorder.stop();
        let (bytes, seconds) = running.finished();
        println!(
            "720p25 {what}: {share:.0} % of a core, {:.0} kbit/s, {memory:?}, {:?}",
            bytes as f64 / 125.0 / seconds,
            running.warnings
        );
    }
}

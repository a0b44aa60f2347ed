//! One sender to many: what a forwarded packet costs.

use std::time::{Duration, Instant};

use nhipcau_media_load::{CameraShape, Fleet, SeatOptions};

use crate::process;
use crate::stage::{Stage, run};

/// Keyframes, estimates and reports settle before anything is counted.
const SETTLE: Duration = Duration::from_secs(3);
/// Retransmissions end before losses are counted.
pub(crate) const DRAIN: Duration = Duration::from_millis(1_500);
/// Video and sound of the sender.
const PACKETS_PER_SECOND: f64 = 200.0;
/// What must arrive of it, or the measurement is none.
const ARRIVES: f64 = 0.97;

/// What was measured.
pub(crate) struct Round {
    pub(crate) packets_per_core_second: f64,
    pub(crate) lost: u64,
    pub(crate) core_percent: f64,
    pub(crate) rss_mb: f64,
}

/// The sender of the standard load.
pub(crate) fn sender() -> SeatOptions {
    SeatOptions {
        camera: Some(CameraShape::flat()),
        microphone: true,
        ..SeatOptions::viewer((1, 1))
    }
}

/// Our bridge: one sender, `receivers` who see and hear it.
pub(crate) fn ours(receivers: usize, length: Duration) -> Round {
    let mut stage = Stage::new(1);
    stage.join((0..receivers).map(|_| SeatOptions::viewer((1, 1))));
    stage.join([sender()]);
    stage.fleet.speak(receivers, true);
    measure(&mut stage.fleet, stage.bridge.id(), receivers, length)
}

/// Counts packets at the receivers and CPU time of the process that sends them.
pub(crate) fn measure(
    fleet: &mut Fleet,
    process: u32,
    receivers: usize,
    length: Duration,
) -> Round {
    run(fleet, SETTLE);
    let (began, packets, cpu) = (Instant::now(), fleet.packets(), process::cpu(process));
    run(fleet, length);
    let elapsed = began.elapsed().as_secs_f64();
    let cpu = (process::cpu(process) - cpu).as_secs_f64();
    let packets = (fleet.packets() - packets) as f64;
    let rss_mb = process::rss_bytes(process) as f64 / 1e6;
    fleet.hush();
    run(fleet, DRAIN);
    let lost = (0..receivers).map(|number| fleet.missing(number)).sum();
    let expected = receivers as f64 * PACKETS_PER_SECOND * elapsed;
    assert!(
        packets >= expected * ARRIVES && cpu > 0.0,
        "{packets} packets of {expected:.0} arrived: no measurement ({lost} lost)"
    );
    Round {
        packets_per_core_second: packets / cpu,
        lost,
        core_percent: cpu / elapsed * 100.0,
        rss_mb,
    }
}

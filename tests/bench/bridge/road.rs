//! A bad road: 10 % loss, 100 ms, 30 ms jitter, in both directions.

use std::time::Duration;

use nhipcau_media_load::{CameraShape, LineOptions, SeatOptions};

use crate::stage::Stage;

const VIEWERS: u64 = 4;
const SETTLE: Duration = Duration::from_secs(5);

/// What a viewer behind it sees and hears.
pub(crate) struct Road {
    /// The longest hole in the sound of any viewer.
    pub(crate) hole_max_ms: f64,
    /// Pictures per second of the viewer who sees least.
    pub(crate) frames_per_second: f64,
}

/// One sender on a good line, some viewers on bad ones.
pub(crate) fn road(length: Duration) -> Road {
    let mut stage = Stage::new(4);
    stage.join([SeatOptions {
        camera: Some(CameraShape::simulcast(3)),
        microphone: true,
        ..SeatOptions::viewer((1, 1))
    }]);
    stage.fleet.speak(0, true);
    stage.join((0..VIEWERS).map(|seed| SeatOptions {
        line: LineOptions {
            loss: 0.1,
            delay: Duration::from_millis(100),
            jitter: Duration::from_millis(30),
            seed,
            ..LineOptions::default()
        },
        ..SeatOptions::viewer((1, 1))
    }));
    stage.run(SETTLE);
    let before = (1..=VIEWERS as usize)
        .map(|number| stage.fleet.pictures(number))
        .collect::<Vec<_>>();
    stage.fleet.forget_holes();
    stage.run(length);
    let frames = before.iter().enumerate().map(|(index, before)| {
        (stage.fleet.pictures(index + 1) - before) as f64 / length.as_secs_f64()
    });
    let frames_per_second = frames.fold(f64::INFINITY, f64::min);
    let report = stage.fleet.report();
    crate::remark(&report.lines());
    assert!(
        report.line_lost_down > 100 && report.sound_heard > 0,
        "the road loses nothing: no measurement"
    );
    Road {
        hole_max_ms: report.sound_hole_max_ms,
        frames_per_second,
    }
}

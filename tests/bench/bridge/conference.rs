//! A province in one room: pages of tiles, and who speaks.

use std::time::{Duration, Instant};

use nhipcau_media_load::{CameraShape, Dice, Report, SeatOptions, Wait};

use crate::forward::DRAIN;
use crate::stage::{Stage, TURN};

const SITES: usize = 300;
const CAMERAS: usize = 25;
const TILES: usize = 9;
const PAGE_EVERY: Duration = Duration::from_secs(5);
/// One speaks for this long.
const SPEECH: Duration = Duration::from_secs(4);
/// Keyframes that are asked of a new speaker within this time of the decision are the switch's; later ones are lines that rise or fall.
const SWITCH: Duration = Duration::from_secs(1);
/// M-lines of our page.
const SLOTS: (usize, usize) = (3, 12);
const SETTLE: Duration = Duration::from_secs(3);

/// All sites; those with cameras are the first.
fn room(seed: u64) -> Stage {
    let mut stage = Stage::new(seed);
    stage.join((0..SITES).map(|number| SeatOptions {
        camera: (number < CAMERAS).then(|| CameraShape::simulcast(3)),
        microphone: number < CAMERAS,
        ..SeatOptions::viewer(SLOTS)
    }));
    stage.fleet.speak(0, true);
    stage.run(SETTLE);
    stage
}

/// Every site turns its page every five seconds, each at its own time.
pub(crate) fn pages(length: Duration) -> Report {
    let mut stage = room(2);
    let mut dice = Dice::new(2);
    let start = Instant::now();
    let end = start + length;
    let mut sites = (0..SITES)
        .map(|_| {
            let first = dice.between((0, CAMERAS as u64)) as usize;
            let due = start + PAGE_EVERY.mul_f64(dice.share());
            (due, first, Vec::new())
        })
        .collect::<Vec<_>>();
    while Instant::now() < end {
        let now = Instant::now();
        for (site, (due, first, page)) in sites.iter_mut().enumerate() {
            if *due > now {
                continue;
            }
            *due += PAGE_EVERY;
            // Site 0 speaks and is in the large picture; nobody is sent itself.
            let next = (0..CAMERAS)
                .map(|step| (*first + step) % CAMERAS)
                .filter(|tile| *tile != 0 && *tile != site)
                .take(TILES)
                .collect::<Vec<_>>();
            *first = (*first + TILES) % CAMERAS;
            stage.fleet.end_waits(site, Wait::Page, now);
            stage.bridge.view(site, &next);
            for tile in next.iter().filter(|tile| !page.contains(*tile)) {
                stage.fleet.expect(site, Wait::Page, *tile, None, now);
            }
            *page = next;
        }
        stage.fleet.turn(TURN);
    }
    stage.run(Duration::from_secs(1));
    for site in 0..SITES {
        stage.fleet.end_waits(site, Wait::Page, Instant::now());
    }
    stage.fleet.hush();
    stage.run(DRAIN);
    let report = stage.fleet.report();
    let turned = SITES as u64 * (length.as_secs() / PAGE_EVERY.as_secs());
    assert!(
        report.page.waited.count >= turned,
        "{} pictures for {turned} pages: no measurement",
        report.page.waited.count
    );
    crate::remark(&report.lines());
    report
}

/// What a change of speakers costs.
pub(crate) struct Switches {
    /// From the bridge's decision to the picture, over sites and switches.
    pub p95_ms: f64,
    /// From the first word to the picture, the bridge's wait for a cough to end included.
    pub heard_p95_ms: f64,
    /// Keyframes asked of the new speaker within a second of the decision, at the worst switch.
    pub(crate) keyframe_requests: u64,
}

/// The loudest changes `times` times.
pub(crate) fn switches(times: usize) -> Switches {
    let mut stage = room(3);
    let (mut requests_max, mut later_max) = (0, 0);
    let mut decision_max = Duration::ZERO;
    for turn in 0..times {
        let (before, speaker) = (turn % CAMERAS, (turn + 1) % CAMERAS);
        let asked = stage.fleet.keyframe_requests(speaker);
        let _ = stage.bridge.speakers().count();
        let began = Instant::now();
        stage.fleet.speak(before, false);
        stage.fleet.speak(speaker, true);
        let (mut decided, mut requests) = (None::<Instant>, None);
        while began.elapsed() < SPEECH {
            stage.fleet.turn(TURN);
            if requests.is_none() && decided.is_some_and(|at| at.elapsed() >= SWITCH) {
                requests = Some(stage.fleet.keyframe_requests(speaker) - asked);
            }
            for (at, peer) in stage.bridge.speakers().collect::<Vec<_>>() {
                if peer != Some(speaker as u64) || decided.is_some() {
                    continue;
                }
                decided = Some(at);
                for site in (0..SITES).filter(|site| *site != speaker) {
                    let fleet = &mut stage.fleet;
                    fleet.expect(site, Wait::Speaker, speaker, Some(0), at);
                }
            }
        }
        let decided = decided.unwrap_or_else(|| panic!("site {speaker} speaks and is not shown"));
        decision_max = decision_max.max(decided - began);
        for site in 0..SITES {
            stage.fleet.end_waits(site, Wait::Speaker, Instant::now());
        }
        let later = stage.fleet.keyframe_requests(speaker) - asked;
        let requests = requests.unwrap_or(later);
        later_max = later_max.max(later - requests);
        requests_max = requests_max.max(requests);
    }
    let report = stage.fleet.report();
    assert_eq!(
        report.speaker.waited.count,
        (times * (SITES - 1)) as u64,
        "no measurement"
    );
    crate::remark(&report.lines());
    crate::remark(&format!(
        "keyframes asked of a speaker at a switch, at most: {requests_max}; in the seconds after it: {later_max}\n"
    ));
    let p95_ms = report.speaker.waited.p95_ms;
    Switches {
        p95_ms,
        heard_p95_ms: p95_ms + decision_max.as_secs_f64() * 1_000.0,
        keyframe_requests: requests_max,
    }
}

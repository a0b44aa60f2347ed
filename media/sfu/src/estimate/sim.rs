//! Lines of every kind under simulated time: how near the estimate comes, how fast, and what the queue has to bear.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::*;
use crate::twcc::Recorder;

/// A line and who sends over it.
struct World {
    start: Instant,
    now_us: u64,
    estimator: Estimator,
    recorder: Recorder,
    random: u64,
    sequence: u16,
    line_bps: f64,
    queue_bytes: f64,
    delay_us: u64,
    jitter_us: u64,
    /// Jitter keeps the order: who is late holds up who follows.
    ordered: bool,
    last_due_us: u64,
    loss: f64,
    /// Packets that are lost one after the other.
    loss_run: u32,
    losing: u32,
    /// Of somebody else, who does not give way.
    cross_bps: f64,
    cross_debt: f64,
    /// What the application would send if it might; layers in steps when they are given.
    demand_bps: f64,
    layers: Vec<f64>,
    free_us: f64,
    on_the_way: Vec<(u64, u16)>,
    feedback: VecDeque<(u64, Vec<u8>)>,
    feedback_stalls: bool,
    debt: f64,
    samples: Vec<(u64, f64, f64)>,
    dropped: u64,
    sent: u64,
}

impl World {
    fn new(line_bps: f64) -> Self {
        let start = crate::testing::start();
        let mut estimator = Estimator::new(start);
        estimator.want(30_000_000);
        Self {
            start,
            now_us: 0,
            estimator,
            recorder: Recorder::new(start),
            random: 0x9e37_79b9_7f4a_7c15,
            sequence: 65_000,
            line_bps,
            queue_bytes: line_bps * 0.2 / 8.0,
            delay_us: 20_000,
            jitter_us: 0,
            ordered: false,
            last_due_us: 0,
            loss: 0.0,
            loss_run: 1,
            losing: 0,
            cross_bps: 0.0,
            cross_debt: 0.0,
            demand_bps: f64::INFINITY,
            layers: Vec::new(),
            free_us: 0.0,
            on_the_way: Vec::new(),
            feedback: VecDeque::new(),
            feedback_stalls: false,
            debt: 0.0,
            samples: Vec::new(),
            dropped: 0,
            sent: 0,
        }
    }

    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    fn wait_us(&self) -> f64 {
        (self.free_us - self.now_us as f64).max(0.0)
    }

    /// Puts bytes on the line. Returns when they are through; `None` when the queue is full.
    fn offer(&mut self, bytes: f64) -> Option<u64> {
        if self.wait_us() * self.line_bps / 8_000_000.0 + bytes > self.queue_bytes.max(3_000.0) {
            return None;
        }
        self.free_us = self.free_us.max(self.now_us as f64) + bytes * 8_000_000.0 / self.line_bps;
        Some(self.free_us as u64)
    }

    fn send(&mut self, bytes: u16) {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let now = self.start + Duration::from_micros(self.now_us);
        let at = self.estimator.clock_us(now);
        self.estimator.sent(sequence, at, bytes);
        self.sent += 1;
        if self.losing == 0 && self.random() < self.loss / f64::from(self.loss_run) {
            self.losing = self.loss_run;
        }
        let lost = self.losing > 0;
        self.losing = self.losing.saturating_sub(1);
        let jitter = (self.random() * self.jitter_us as f64) as u64;
        match self.offer(f64::from(bytes)) {
            Some(through) if !lost => {
                let mut due = through + self.delay_us + jitter;
                if self.ordered {
                    due = due.max(self.last_due_us);
                    self.last_due_us = due;
                }
                self.on_the_way.push((due, sequence));
            }
            Some(_) => {}
            None => self.dropped += 1,
        }
    }

    fn media_bps(&self) -> f64 {
        let may = (self.estimator.bps() as f64).min(self.demand_bps);
        if self.layers.is_empty() {
            return may;
        }
        let fits = self.layers.iter().copied().filter(|layer| *layer <= may);
        fits.fold(self.layers[0], f64::max)
    }

    /// A millisecond.
    fn step(&mut self) {
        self.now_us += 1_000;
        let now = self.start + Duration::from_micros(self.now_us);
        self.cross_debt += self.cross_bps / 8_000.0;
        while self.cross_debt >= 1_200.0 {
            self.cross_debt -= 1_200.0;
            self.offer(1_200.0);
        }
        if self.now_us.is_multiple_of(25_000) {
            let mut padding = self.estimator.begin_padding(now);
            while padding > 0 {
                self.send(290);
                padding = padding.saturating_sub(290);
            }
            self.estimator.end_padding();
        }
        if self.now_us.is_multiple_of(200_000) {
            self.estimator.tick(now);
        }
        self.debt += self.media_bps() / 8_000.0;
        let size = if self.media_bps() < 400_000.0 {
            400
        } else {
            1_200
        };
        while self.debt >= f64::from(size) {
            self.debt -= f64::from(size);
            self.send(size);
        }
        self.arrive(now);
        if self.now_us.is_multiple_of(100_000) {
            let at = self.now_us / 1_000;
            let wait_ms = self.wait_us() / 1_000.0;
            self.samples
                .push((at, self.estimator.bps() as f64, wait_ms));
        }
    }

    fn arrive(&mut self, now: Instant) {
        let now_us = self.now_us;
        self.on_the_way.sort_unstable();
        let due = self.on_the_way.partition_point(|(at, _)| *at <= now_us);
        for (at, sequence) in self.on_the_way.drain(..due) {
            self.recorder
                .arrived(sequence, self.start + Duration::from_micros(at));
        }
        if now_us.is_multiple_of(50_000) {
            while self.recorder.is_pending() {
                let mut body = Vec::new();
                self.recorder.feedback(&mut body);
                self.feedback.push_back((now_us + self.delay_us, body));
            }
        }
        while self.feedback.front().is_some_and(|(at, _)| *at <= now_us) {
            let (_, body) = self.feedback.pop_front().unwrap();
            if let Some(feedback) = Feedback::parse(&body)
                && !self.feedback_stalls
            {
                self.estimator.on_feedback(feedback, now);
            }
        }
    }

    fn run(&mut self, seconds: f64) -> &mut Self {
        for _ in 0..(seconds * 1_000.0) as u64 {
            self.step();
        }
        self
    }

    /// Mean estimate and mean wait over the last `seconds`.
    fn mean(&self, seconds: usize) -> (f64, f64) {
        let last = &self.samples[self.samples.len() - seconds * 10..];
        let count = last.len() as f64;
        (
            last.iter().map(|sample| sample.1).sum::<f64>() / count,
            last.iter().map(|sample| sample.2).sum::<f64>() / count,
        )
    }

    /// When the estimate first reached `bps` after `from` seconds, in seconds from there.
    fn reached(&self, bps: f64, from: f64) -> Option<f64> {
        self.samples
            .iter()
            .map(|sample| (sample.0 as f64 / 1_000.0 - from, sample.1))
            .find(|(at, estimate)| *at >= 0.0 && *estimate >= bps)
            .map(|(at, _)| at)
    }

    fn shows(&self) -> String {
        let every = self.samples.iter().step_by(5);
        every
            .map(|(at, bps, wait)| format!("{at}:{:.0}k/{wait:.0}ms ", bps / 1_000.0))
            .collect()
    }
}

#[test]
fn a_constant_line_is_used_to_nine_tenths_without_a_standing_queue() {
    for line in [300e3, 600e3, 1.2e6, 3e6, 8e6, 20e6] {
        let mut world = World::new(line);
        world.run(8.0);
        let before = world.dropped;
        world.run(32.0);
        let (bps, wait) = world.mean(20);
        assert!(
            bps > line * 0.9 && bps < line * 1.02,
            "{bps} of {line}: {}",
            world.shows()
        );
        assert!(wait < 25.0, "{line} waits {wait} ms: {}", world.shows());
        let dropped = world.dropped - before;
        assert!(dropped * 200 < world.sent, "{line}: {dropped}");
    }
}

#[test]
fn a_wide_line_shows_the_highest_layer_within_three_seconds() {
    let mut world = World::new(20e6);
    world.layers = vec![195e3, 545e3, 1_745e3, 2_600e3];
    world.estimator.want(2_700_000);
    world.run(4.0);
    let at = world.reached(2_600e3, 0.0).unwrap();
    assert!(at < 1.5, "after {at} s: {}", world.shows());
}

#[test]
fn halved_and_doubled_lines_are_followed_within_seconds() {
    for line in [1e6, 4e6] {
        let mut world = World::new(line);
        world.run(20.0);
        world.line_bps = line / 2.0;
        world.run(3.0);
        let (bps, _) = world.mean(1);
        assert!(bps < line * 0.52, "{bps} of half {line}: {}", world.shows());
        world.run(12.0);
        let (bps, wait) = world.mean(8);
        assert!(
            bps > line * 0.44 && wait < 40.0,
            "{bps}, {wait} ms: {}",
            world.shows()
        );
        world.line_bps = line;
        world.run(15.0);
        let back = world.reached(line * 0.85, 35.0);
        assert!(
            back.is_some_and(|at| at < 6.0),
            "{line}: back after {back:?} s: {}",
            world.shows()
        );
    }
}

#[test]
fn loss_that_is_not_congestion_does_not_bring_the_estimate_down() {
    for (line, jitter_us) in [(3e6, 0), (3e6, 30_000), (8e6, 0)] {
        let mut world = World::new(line);
        world.loss = 0.1;
        world.jitter_us = jitter_us;
        world.delay_us = 50_000;
        world.layers = vec![195e3, 545e3, 1_745e3];
        world.estimator.want(2_000_000);
        world.run(60.0);
        let low = world.samples[300..]
            .iter()
            .filter(|sample| sample.1 < 1_745e3)
            .count();
        assert!(
            low < 30,
            "{low} samples too low on {line}: {}",
            world.shows()
        );
    }
}

#[test]
fn whatever_falls_first_a_bad_line_carries_the_highest_layer_nearly_always() {
    for (loss, loss_run, jitter_us, delay_us) in [
        (0.1, 1, 0, 300),
        (0.1, 1, 30_000, 50_000),
        (0.2, 1, 0, 20_000),
        (0.1, 8, 0, 300),
    ] {
        let mut shares = Vec::new();
        for seed in 1..=30u64 {
            let mut world = World::new(20e6);
            world.random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (world.loss, world.loss_run) = (loss, loss_run);
            (world.jitter_us, world.ordered) = (jitter_us, true);
            world.delay_us = delay_us;
            world.layers = vec![195e3, 545e3, 1_745e3];
            world.estimator.want(2_000_000);
            world.run(60.0);
            let looked = &world.samples[50..];
            let low = looked.iter().filter(|sample| sample.1 < 1_745e3).count();
            let share = low as f64 / looked.len() as f64;
            assert!(share < 0.4, "seed {seed}: {share}: {}", world.shows());
            shares.push(share);
        }
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        assert!(
            mean < 0.1,
            "{loss}, {loss_run}, {jitter_us}: {mean}: {shares:?}"
        );
    }
}

#[test]
fn a_thin_stream_over_a_bad_line_is_not_lowered_until_nothing_is_left() {
    for demand in [120e3, 250e3, 700e3] {
        let mut world = World::new(10e6);
        world.loss = 0.1;
        world.jitter_us = 30_000;
        world.ordered = true;
        world.delay_us = 50_000;
        world.demand_bps = demand;
        world.estimator.want(demand as u64);
        world.run(60.0);
        let low = world.samples[50..]
            .iter()
            .filter(|sample| sample.1 < demand * 0.9)
            .count();
        assert!(low < 40, "{low} samples below {demand}: {}", world.shows());
    }
}

#[test]
fn a_longer_way_is_no_queue() {
    for loss in [0.0, 0.1] {
        let mut world = World::new(10e6);
        world.demand_bps = 400e3;
        world.estimator.want(400_000);
        world.run(10.0);
        world.delay_us = 90_000;
        world.jitter_us = 30_000;
        world.ordered = true;
        world.loss = loss;
        world.run(30.0);
        let low = world.samples[150..]
            .iter()
            .filter(|sample| sample.1 < 390e3)
            .count();
        assert!(low < 40, "{low} samples too low: {}", world.shows());
    }
}

#[test]
fn jitter_of_thirty_milliseconds_is_no_congestion() {
    for line in [1.5e6, 6e6] {
        let mut world = World::new(line);
        world.delay_us = 100_000;
        world.jitter_us = 30_000;
        world.run(40.0);
        let (bps, wait) = world.mean(20);
        assert!(
            bps > line * 0.85 && bps < line * 1.03,
            "{bps} of {line}: {}",
            world.shows()
        );
        assert!(wait < 50.0, "{wait} ms");
    }
}

#[test]
fn a_shaper_with_a_short_queue_is_seen_by_its_loss() {
    let mut world = World::new(20e6);
    world.queue_bytes = 25_000.0;
    world.run(40.0);
    let (bps, _) = world.mean(20);
    assert!(bps > 16e6 && bps < 20.5e6, "{bps}: {}", world.shows());
    assert!(
        world.dropped * 50 < world.sent,
        "{} of {}: {}",
        world.dropped,
        world.sent,
        world.shows()
    );
}

#[test]
fn a_policer_without_a_queue_is_found_by_a_trial() {
    let mut world = World::new(1.5e6);
    world.queue_bytes = 3_600.0;
    world.layers = vec![195e3, 545e3, 1_245e3, 1_945e3];
    world.estimator.want(2_000_000);
    world.run(60.0);
    let dropped = world.dropped;
    let sent = world.sent;
    world.run(30.0);
    assert!(
        (world.dropped - dropped) * 12 < world.sent - sent,
        "{} of {}: {}",
        world.dropped - dropped,
        world.sent - sent,
        world.shows()
    );
}

#[test]
fn a_competing_flow_takes_its_share_and_gives_it_back() {
    let mut world = World::new(6e6);
    world.run(15.0);
    world.cross_bps = 3e6;
    world.run(15.0);
    let (bps, _) = world.mean(8);
    assert!(bps > 2.2e6 && bps < 3.2e6, "{bps}: {}", world.shows());
    world.cross_bps = 0.0;
    world.run(12.0);
    let (bps, _) = world.mean(2);
    assert!(bps > 5e6, "{bps}: {}", world.shows());
}

#[test]
fn what_is_not_used_does_not_grow_by_itself_and_a_probe_finds_it() {
    let mut world = World::new(10e6);
    world.demand_bps = 300e3;
    world.estimator.want(0);
    world.run(20.0);
    assert!(
        world.estimator.bps() <= START_BPS,
        "{}",
        world.estimator.bps()
    );
    world.estimator.want(4_000_000);
    world.run(2.0);
    assert!(world.estimator.bps() >= 3_900_000, "{}", world.shows());
}

#[test]
fn probes_on_a_narrow_line_are_few_and_raise_nothing() {
    let mut world = World::new(900e3);
    world.layers = vec![195e3, 545e3, 1_745e3];
    world.estimator.want(2_000_000);
    world.run(60.0);
    let (bps, wait) = world.mean(40);
    assert!(bps > 560e3 && bps < 950e3, "{bps}: {}", world.shows());
    assert!(wait < 15.0, "{wait} ms");
    assert!(
        world.dropped * 100 < world.sent,
        "{} of {}",
        world.dropped,
        world.sent
    );
}

#[test]
fn without_feedback_the_estimate_falls_and_comes_back_at_once() {
    let mut world = World::new(5e6);
    world.layers = vec![195e3, 545e3, 1_745e3];
    world.estimator.want(2_000_000);
    world.run(10.0);
    let before = world.estimator.bps();
    world.feedback_stalls = true;
    world.run(1.0);
    assert_eq!(world.estimator.bps(), before, "a moment is nothing");
    world.run(9.0);
    assert!(world.estimator.bps() < 100_000, "{}", world.shows());
    world.feedback_stalls = false;
    world.run(3.0);
    assert!(world.estimator.bps() >= 1_745_000, "{}", world.shows());
}

#[test]
fn a_line_that_becomes_thin_behind_a_queue_of_seconds_is_found() {
    for (line, queue_bytes) in [(64e3, 65_536.0), (120e3, 65_536.0), (250e3, 262_144.0)] {
        let mut world = World::new(4e6);
        world.layers = vec![45e3, 165e3, 545e3, 1_745e3];
        world.estimator.want(2_000_000);
        world.run(10.0);
        (world.line_bps, world.queue_bytes) = (line, queue_bytes);
        world.run(8.0);
        let bps = world.estimator.bps() as f64;
        assert!(bps < line * 1.05, "{line}: {}", world.shows());
        world.run(40.0);
        let (bps, wait) = world.mean(5);
        assert!(
            bps < line * 1.1 && wait < 400.0,
            "{line}: {}",
            world.shows()
        );
        (world.line_bps, world.queue_bytes) = (4e6, 100_000.0);
        world.run(10.0);
        assert!(world.estimator.bps() >= 1_745_000, "{}", world.shows());
    }
}

#[test]
fn nothing_is_unheard_of_while_nothing_is_sent() {
    let mut world = World::new(5e6);
    world.run(5.0);
    let before = world.estimator.bps();
    world.demand_bps = 0.0;
    world.estimator.want(0);
    world.run(20.0);
    // A packet now and then, and the last one is lost.
    world.loss = 1.0;
    world.send(1_200);
    world.run(5.0);
    world.send(1_200);
    world.run(1.0);
    world.loss = 0.0;
    world.demand_bps = 500e3;
    world.run(2.0);
    assert!(world.estimator.bps() >= before, "{}", world.shows());
}

#[test]
fn a_receiver_without_feedback_is_led_by_its_reports_and_its_own_word() {
    let start = crate::testing::start();
    let mut estimator = Estimator::new(start);
    estimator.on_bandwidth(700_000);
    assert_eq!(estimator.bps(), 700_000);
    let mut now = start + Duration::from_secs(3);
    estimator.on_report(0.0, now);
    let free = estimator.bps();
    assert!(free >= 3_000_000, "{free}");
    for _ in 0..5 {
        now += Duration::from_secs(1);
        estimator.on_report(0.3, now);
    }
    assert!(estimator.bps() < free / 2, "{}", estimator.bps());
}

#[test]
fn copies_of_sound_are_for_bad_lines_with_room() {
    let mut world = World::new(5e6);
    world.demand_bps = 600e3;
    let wants = |world: &mut World, seconds: f64| {
        world.run(seconds);
        let now = world.start + Duration::from_micros(world.now_us);
        world.estimator.wants_copies(now)
    };
    assert!(!wants(&mut world, 5.0), "nothing is lost");
    world.loss = 0.05;
    assert!(wants(&mut world, 5.0));
    world.loss = 0.0;
    assert!(wants(&mut world, 5.0), "not dropped at once");
    assert!(!wants(&mut world, 20.0), "{}", world.shows());
    (world.line_bps, world.loss) = (120e3, 0.05);
    assert!(!wants(&mut world, 10.0), "no room: {}", world.shows());
}

#[test]
fn what_a_bad_line_lost_goes_out_twice_and_what_a_full_one_lost_does_not() {
    for seed in 1..=10 {
        let times = |line: f64, loss: f64, queue_bytes: f64| {
            let mut world = World::new(line);
            world.random = u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15);
            world.loss = loss;
            world.queue_bytes = queue_bytes;
            world.run(40.0);
            world.estimator.times_again()
        };
        assert_eq!(times(10e6, 0.1, 250_000.0), 2, "bad, seed {seed}");
        assert_eq!(times(10e6, 0.0, 250_000.0), 1, "good, seed {seed}");
        assert_eq!(times(1.5e6, 0.0, 12_000.0), 1, "full, seed {seed}");
    }
}

#[test]
fn the_clock_wraps_after_seventy_minutes_without_a_queue() {
    let mut world = World::new(5e6);
    world.now_us = 4_290_000_000;
    world.sequence = 0;
    world.run(15.0);
    assert!(world.estimator.queue_ms() < 40.0);
    assert!(world.estimator.bps() > 4_000_000, "{}", world.shows());
}

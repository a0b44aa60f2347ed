//! A fleet at a bridge in another process: joins, and time that passes.

use std::time::{Duration, Instant};

use nhipcau_media_load::{Fleet, SeatOptions};

use crate::apart::Apart;

/// Sites that connect at once; the bridge bounds its handshakes.
const CONNECTING_MAX: usize = 48;
/// All sites are connected within this time, on any machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// One turn.
pub(crate) const TURN: Duration = Duration::from_millis(1);

/// Who is not connected after this time joins anew, as our page does.
const AGAIN_AFTER: Duration = Duration::from_secs(15);

/// Bridge and sites.
pub(crate) struct Stage {
    pub(crate) bridge: Apart,
    pub(crate) fleet: Fleet,
    /// Every site's options, and when it joined.
    joined: Vec<(SeatOptions, Instant)>,
}

impl Stage {
    /// A bridge without sites.
    pub(crate) fn new(seed: u64) -> Self {
        let bridge = Apart::start();
        let fleet = Fleet::new(seed).expect("a certificate");
        Self {
            bridge,
            fleet,
            joined: Vec::new(),
        }
    }

    /// Seats all of `sites`, and returns when they are connected.
    pub(crate) fn join(&mut self, sites: impl IntoIterator<Item = SeatOptions>) {
        let end = Instant::now() + PATIENCE;
        for options in sites {
            let number = self.fleet.seat(&options).expect("a socket");
            self.negotiate(number);
            self.joined.push((options, Instant::now()));
            while self.connecting() >= CONNECTING_MAX {
                self.pass(end);
            }
        }
        while self.connecting() > 0 {
            self.pass(end);
        }
    }

    fn negotiate(&mut self, number: usize) {
        let answer = self.bridge.join(number, &self.fleet.offer(number));
        self.fleet
            .accept(number, &answer)
            .expect("an answer that is understood");
    }

    fn connecting(&self) -> usize {
        self.fleet.seats() - self.fleet.connected()
    }

    fn pass(&mut self, end: Instant) {
        assert!(
            Instant::now() < end,
            "{} of {} sites do not connect: {}",
            self.connecting(),
            self.fleet.seats(),
            self.bridge.counts()
        );
        for number in 0..self.joined.len() {
            if self.fleet.is_connected(number) || self.joined[number].1.elapsed() < AGAIN_AFTER {
                continue;
            }
            crate::remark(&format!("site {number} joins again\n"));
            let options = self.joined[number].0.clone();
            self.fleet.seat_again(number, &options).expect("a socket");
            self.negotiate(number);
            self.joined[number].1 = Instant::now();
        }
        self.fleet.turn(TURN);
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, length: Duration) {
        run(&mut self.fleet, length);
    }
}

/// Lets time pass for a fleet.
pub(crate) fn run(fleet: &mut Fleet, length: Duration) {
    let end = Instant::now() + length;
    while Instant::now() < end {
        fleet.turn(TURN);
    }
}

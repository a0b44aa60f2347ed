//! Three ways to be told to finish: an order, the end of stdin (the daemon is gone), SIGTERM or SIGINT.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::signal::{SigSet, Signal};

use crate::control::{LINE_BYTES_MAX, Order};

/// Says whether to finish; all copies say the same.
#[derive(Debug, Clone)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Takes SIGTERM and SIGINT: a service manager sends them to every process of the unit at once, and a recording
    /// wants its index written first. Must run before any other thread exists, since threads inherit the mask.
    pub(super) fn on_signals() -> Self {
        let stop = Self(Arc::default());
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGTERM);
        signals.add(Signal::SIGINT);
        let waiting = stop.clone();
        if signals.thread_block().is_ok() {
            thread::spawn(move || {
                if signals.wait().is_ok() {
                    waiting.set();
                }
            });
        }
        stop
    }

    /// Listens for the order to stop. Anything else on stdin is not for a running child and is ignored.
    pub(super) fn on_order(&self) {
        let stop = self.clone();
        thread::spawn(move || {
            let mut stdin = io::stdin().lock();
            let mut line = Vec::new();
            loop {
                line.clear();
                let read = (&mut stdin)
                    .take(LINE_BYTES_MAX as u64)
                    .read_until(b'\n', &mut line);
                let ends = matches!(read, Ok(0) | Err(_));
                if ends || matches!(serde_json::from_slice(&line), Ok(Order::Stop {})) {
                    break stop.set();
                }
            }
        });
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

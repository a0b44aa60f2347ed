//! What is counted where it happens and kept nowhere else, for `/metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Reason codes of drops that are told apart; the words are the program's own, so that this many is a fault of the program.
const REASONS_MAX: usize = 64;

/// A kind of WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Socket {
    /// Tells pages what to read again.
    Live,
    /// The host desk.
    Desk,
    /// A room page.
    Room,
}

impl Socket {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Live, "live"),
        (Self::Desk, "desk"),
        (Self::Room, "room"),
    ];
}

/// Counters since the daemon's start.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sockets: [AtomicU64; Socket::ALL.len()],
    site_drops: Mutex<BTreeMap<String, u64>>,
    recordings_done: AtomicU64,
    recordings_failed: AtomicU64,
    recorded_bytes: AtomicU64,
}

impl Tally {
    /// Counts a WebSocket as open until the answer is dropped.
    pub(crate) fn open_socket(self: &Arc<Self>, kind: Socket) -> OpenSocket {
        self.sockets[kind as usize].fetch_add(1, Ordering::Relaxed);
        OpenSocket {
            tally: self.clone(),
            kind,
        }
    }

    /// Open WebSockets by kind.
    pub(crate) fn sockets(&self) -> Vec<(&'static str, u64)> {
        Socket::ALL
            .iter()
            .map(|(kind, word)| (*word, self.sockets[*kind as usize].load(Ordering::Relaxed)))
            .collect()
    }

    /// A site dropped out of a meeting.
    pub(crate) fn count_site_drop(&self, reason: &str) {
        let mut drops = super::lock(&self.site_drops);
        if let Some(count) = drops.get_mut(reason) {
            *count += 1;
        } else if drops.len() < REASONS_MAX {
            drops.insert(reason.to_owned(), 1);
        }
    }

    /// Sites that dropped out of meetings, by reason code.
    pub(crate) fn site_drops(&self) -> Vec<(Arc<str>, u64)> {
        super::lock(&self.site_drops)
            .iter()
            .map(|(reason, count)| (reason.as_str().into(), *count))
            .collect()
    }

    /// A recording ended.
    pub(crate) fn count_recording(&self, bytes: u64, failed: bool) {
        let ended = if failed {
            &self.recordings_failed
        } else {
            &self.recordings_done
        };
        ended.fetch_add(1, Ordering::Relaxed);
        self.recorded_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Recordings that ended well, those that a fault ended, and the bytes of both.
    pub(crate) fn recordings(&self) -> (u64, u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (
            count(&self.recordings_done),
            count(&self.recordings_failed),
            count(&self.recorded_bytes),
        )
    }
}

/// One open WebSocket.
#[derive(Debug)]
pub(crate) struct OpenSocket {
    tally: Arc<Tally>,
    kind: Socket,
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.tally.sockets[self.kind as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_counts_while_it_is_open() {
        let tally = Arc::new(Tally::default());
        let room = tally.open_socket(Socket::Room);
        let _live = tally.open_socket(Socket::Live);
        assert_eq!(tally.sockets(), [("live", 1), ("desk", 0), ("room", 1)]);
        drop(room);
        assert_eq!(tally.sockets(), [("live", 1), ("desk", 0), ("room", 0)]);
    }

    #[test]
    fn drops_are_counted_by_reason_and_reasons_are_bounded() {
        let tally = Tally::default();
        tally.count_site_drop("line_down");
        tally.count_site_drop("line_down");
        for number in 0..2 * REASONS_MAX {
            tally.count_site_drop(&number.to_string());
        }
        let drops = tally.site_drops();
        assert_eq!(drops.len(), REASONS_MAX);
        assert!(drops.contains(&("line_down".into(), 2)));
    }
}

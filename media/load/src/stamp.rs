//! What each synthetic packet says about itself, in its last bytes: who sent it, as which layer, and when.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells our packets from those of real cameras.
const MAGIC: [u8; 4] = [0x6e, 0x43, 0x4c, 0x01];

/// The last bytes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The sender's seat in its fleet.
    pub seat: u16,
    /// 0 is the lowest; sound has 0.
    pub layer: u8,
    /// Microseconds since 1970, when the packet was sent.
    pub sent_us: u64,
}

impl Stamp {
    /// Its length.
    pub const BYTES: usize = 15;

    /// Writes it over the end of `body`, which is at least as long.
    pub fn write(&self, body: &mut [u8]) {
        let at = body.len() - Self::BYTES;
        let stamp = &mut body[at..];
        stamp[..4].copy_from_slice(&MAGIC);
        stamp[4..6].copy_from_slice(&self.seat.to_be_bytes());
        stamp[6] = self.layer;
        stamp[7..].copy_from_slice(&self.sent_us.to_be_bytes());
    }

    /// Reads it from the end of a payload; `None` when a real sender made it.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (magic, rest) = payload
            .last_chunk::<{ Self::BYTES }>()?
            .split_first_chunk()?;
        if *magic != MAGIC {
            return None;
        }
        Some(Self {
            seat: u16::from_be_bytes([rest[0], rest[1]]),
            layer: rest[2],
            sent_us: u64::from_be_bytes(rest[3..].try_into().ok()?),
        })
    }
}

/// The time of day at a moment of the steady clock, so that stamps of several processes of one machine compare.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    start: Instant,
    start_us: u64,
}

impl WallClock {
    /// Reads both clocks once.
    #[must_use]
    pub fn new() -> Self {
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self {
            start: Instant::now(),
            start_us: since_1970.as_micros() as u64,
        }
    }

    /// Microseconds since 1970 at `now`.
    #[must_use]
    pub fn us(&self, now: Instant) -> u64 {
        self.start_us + now.saturating_duration_since(self.start).as_micros() as u64
    }
}

impl Default for WallClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_and_nothing_else_is_one() {
        let stamp = Stamp {
            seat: 300,
            layer: 2,
            sent_us: 1_800_000_000_123_456,
        };
        let mut body = [0x5a; 40];
        stamp.write(&mut body);
        assert_eq!(Stamp::read(&body), Some(stamp));
        assert_eq!(Stamp::read(&body[..39]), None);
        assert_eq!(Stamp::read(&body[30..]), None);
    }
}

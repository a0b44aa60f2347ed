//! NTP time as reports carry it (RFC 3550 section 4): 1/2^32 s since 1900.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds between 1900 and 1970.
const UNIX_EPOCH_SECONDS: u64 = 2_208_988_800;

/// A duration.
pub(crate) fn ticks(duration: Duration) -> u64 {
    (duration.as_secs() << 32) + (u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000
}

/// What the system's clock shows.
pub(crate) fn now() -> u64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    ticks(since_1970 + Duration::from_secs(UNIX_EPOCH_SECONDS))
}

//! Waiting for what a real program does in its own time.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Two polls of a device and their retries on a loaded machine; a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks until there is something, for [`PATIENCE`].
///
/// # Panics
/// When there is still nothing.
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, look)
}

/// Looks until there is something, for as long as given.
///
/// # Panics
/// When there is still nothing.
pub fn until_within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            Instant::now() < end,
            "waited {patience:?} in vain for: {what}"
        );
        sleep(PAUSE);
    }
}

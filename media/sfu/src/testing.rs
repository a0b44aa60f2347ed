//! What tests share.

use std::time::Instant;

/// A moment for simulated time to begin at; no test looks at the clock again.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant cannot be made otherwise"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}

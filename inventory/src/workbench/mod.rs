//! The bench on which profiles are made: record a device, see what a profile reads of it and what is left over, lint, learn.

mod coverage;
mod learn;
mod names;
mod recorder;
mod scrub;
mod shape;

pub use crate::profile::{Finding, Severity, lint, profile_name};
pub use coverage::{Coverage, LeftOver, coverage};
pub use learn::learn;
pub use recorder::{Outcome, Question, Recorder, RecorderConfig, Trouble};
pub use scrub::{Scrubbed, scrub};

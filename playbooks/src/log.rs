//! The intent log: what must be on disk before anything is done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Event, RunId, RunState};

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done {
        /// What came of it, in a few words.
        detail: String,
    },
    /// It failed.
    Failed {
        /// Why.
        detail: String,
    },
    /// It was not wanted: its `only` did not hold, or the run stopped before it.
    Skipped {
        /// Why.
        detail: String,
    },
}

/// One line of the intent log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The run.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What a [`LogEntry`] says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// The run began.
    Started {
        /// Name of the playbook.
        playbook: String,
        /// Fingerprint of its text: a run is only resumed with the very playbook it began with.
        fingerprint: String,
        /// Key under which the throttle counts it.
        throttle_key: String,
        /// The event that began it.
        event: Event,
    },
    /// A step is about to be performed.
    Intended {
        /// Index of the step, from 0.
        step: u32,
        /// Performed a second time after a restart, because the step is marked idempotent.
        again: bool,
    },
    /// A wait began.
    Waiting {
        /// Index of the step.
        step: u32,
        /// When it ends at the latest.
        until: Timestamp,
    },
    /// An approval was asked for.
    Asked {
        /// Index of the step.
        step: u32,
        /// When the question lapses.
        until: Timestamp,
    },
    /// A step ended.
    Finished {
        /// Index of the step.
        step: u32,
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// What the run is about has recovered.
    Recovered {
        /// The recovery.
        event: Event,
    },
    /// The run ended.
    Ended {
        /// `done`, `failed` or `interrupted`.
        state: RunState,
    },
}

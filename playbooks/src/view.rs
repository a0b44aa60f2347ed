//! What pages show of playbooks and runs: the serde shapes of the browser protocol.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Reason, RunId};

/// A playbook in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybookRow {
    /// Name.
    pub name: String,
    /// Title in the reader's language.
    pub title: String,
    /// Kinds of events that start it.
    pub on: Vec<String>,
    /// Its condition, as written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub when: Option<String>,
    /// Its throttle in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub throttle: Option<String>,
    /// Its steps in words.
    pub steps: Vec<String>,
    /// File it was read from.
    pub source: String,
    /// Whether it changes devices.
    pub changes_devices: bool,
}

/// State of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A step is being performed.
    Running,
    /// In a wait.
    Waiting,
    /// Waits for a person.
    Approval,
    /// Ended as written.
    Done,
    /// Ended with a failed step, a refusal or a lapsed question.
    Failed,
    /// The daemon stopped in the middle of a step; nobody knows whether that step took effect.
    Interrupted,
}

impl RunState {
    /// Whether the run is over.
    pub fn is_over(self) -> bool {
        matches!(
            self,
            RunState::Done | RunState::Failed | RunState::Interrupted
        )
    }
}

/// State of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not reached.
    Pending,
    /// About to be performed, or being performed.
    Intended,
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Not wanted.
    Skipped,
    /// Intended when the daemon stopped.
    Interrupted,
    /// A wait that runs.
    Waiting,
    /// A question that is open.
    Approval,
}

/// The event of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// Kind.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// What it is about.
    pub subject: String,
    /// Why.
    pub reason: Reason,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// Index, from 0.
    pub index: u32,
    /// `notify`, `wait`, `approve` or `exec`.
    pub kind: String,
    /// The step in words.
    pub title: String,
    /// State.
    pub state: StepState,
    /// When the state was reached.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Timestamp>,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// Number.
    pub id: RunId,
    /// Name of the playbook.
    pub playbook: String,
    /// What began it.
    pub event: RunEvent,
    /// State.
    pub state: RunState,
    /// Start.
    pub started_at: Timestamp,
    /// End.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finished_at: Option<Timestamp>,
    /// Steps.
    pub steps: Vec<StepView>,
}

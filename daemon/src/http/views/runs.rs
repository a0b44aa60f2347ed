//! Playbooks and their runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Reason;

#[derive(Debug, Clone, Serialize)]
pub struct PlaybookRow {
    pub name: String,
    pub title: String,
    pub on: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<String>,
    pub steps: Vec<String>,
    pub source: String,
    pub changes_devices: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Running,
    Waiting,
    Approval,
    Done,
    Failed,
    Interrupted,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    pub id: i64,
    pub playbook: String,
    pub event: RunEvent,
    pub state: RunState,
    pub started_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    pub steps: Vec<RunStep>,
}

/// `Run.event`: what started the run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunEvent {
    pub kind: String,
    pub at: Timestamp,
    pub subject: String,
    pub reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Pending,
    Intended,
    Done,
    Failed,
    Skipped,
    Interrupted,
    Waiting,
    Approval,
}

/// One entry of `Run.steps`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunStep {
    pub index: u32,
    pub kind: String,
    pub title: String,
    pub state: StepState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

//! One run of a playbook.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use crate::schema::{OnFailure, Step, StepAction};
use crate::template::Facts;
use crate::words;
use crate::{
    Event, Language, Outcome, Playbook, RunEvent, RunId, RunState, RunView, StepState, StepView,
};

/// Where a step stands.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) state: StepState,
    pub(super) at: Option<Timestamp>,
    pub(super) detail: Option<String>,
}

#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: RunId,
    /// Name of the playbook, also when it has gone.
    pub(super) name: String,
    /// `None` for a run whose playbook changed while the daemon was down.
    pub(super) playbook: Option<Arc<Playbook>>,
    pub(super) event: Event,
    pub(super) recovery: Option<Event>,
    pub(super) state: RunState,
    pub(super) started_at: Timestamp,
    pub(super) finished_at: Option<Timestamp>,
    /// Index of the current step.
    pub(super) step: usize,
    pub(super) records: Vec<Record>,
    /// When the current step's wait, question or performance ends by time.
    pub(super) deadline: Option<Instant>,
    /// A question was withdrawn because the fault recovered: only what is wanted after the
    /// recovery still happens.
    pub(super) withdrawn: bool,
    pub(super) failed: bool,
}

/// What follows the end of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    GoOn,
    Stop,
}

impl Run {
    pub(super) fn new(
        id: RunId,
        name: String,
        playbook: Option<Arc<Playbook>>,
        event: Event,
        at: Timestamp,
    ) -> Self {
        let steps = playbook.as_ref().map_or(0, |playbook| playbook.steps.len());
        let pending = Record {
            state: StepState::Pending,
            at: None,
            detail: None,
        };
        Run {
            id,
            name,
            playbook,
            event,
            recovery: None,
            state: RunState::Running,
            started_at: at,
            finished_at: None,
            step: 0,
            records: vec![pending; steps],
            deadline: None,
            withdrawn: false,
            failed: false,
        }
    }

    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            event: &self.event,
            recovery: self.recovery.as_ref(),
        }
    }

    /// The current step, while there is one.
    pub(super) fn current(&self) -> Option<&Step> {
        self.playbook.as_ref()?.steps.get(self.step)
    }

    pub(super) fn state_of(&self, step: u32) -> Option<StepState> {
        self.records.get(step as usize).map(|record| record.state)
    }

    pub(super) fn note(
        &mut self,
        step: usize,
        state: StepState,
        at: Timestamp,
        detail: Option<String>,
    ) {
        if let Some(record) = self.records.get_mut(step) {
            *record = Record {
                state,
                at: Some(at),
                detail,
            };
        }
    }

    /// Marks the current step interrupted. A run whose playbook has gone shows that one step only.
    pub(super) fn mark_interrupted(&mut self, detail: &str, at: Timestamp) {
        let record = Record {
            state: StepState::Interrupted,
            at: Some(at),
            detail: Some(detail.to_owned()),
        };
        match self.records.get_mut(self.step) {
            Some(current) => *current = record,
            None => self.records.push(record),
        }
    }

    /// Notes how the current step ended and moves on to the next.
    pub(super) fn finish_step(&mut self, outcome: Outcome, at: Timestamp) -> After {
        let Some(step) = self.current() else {
            return After::Stop;
        };
        let asks = matches!(step.action, StepAction::Approve { .. });
        let stops = step.on_failure == OnFailure::Stop;
        let (state, detail, after) = match outcome {
            Outcome::Done { detail } => (StepState::Done, detail, After::GoOn),
            Outcome::Skipped { detail } => {
                // A question that was not wanted at all is skipped before it is asked.
                self.withdrawn |= asks && self.records[self.step].state == StepState::Approval;
                (StepState::Skipped, detail, After::GoOn)
            }
            Outcome::Failed { detail } => {
                self.failed = true;
                (
                    StepState::Failed,
                    detail,
                    if stops { After::Stop } else { After::GoOn },
                )
            }
        };
        self.note(self.step, state, at, Some(detail));
        self.step += 1;
        self.deadline = None;
        self.state = RunState::Running;
        after
    }

    /// Ends the run; steps not reached are skipped.
    pub(super) fn end(&mut self, state: RunState, at: Timestamp) {
        self.state = state;
        self.finished_at = Some(at);
        self.deadline = None;
        for record in &mut self.records {
            if record.state == StepState::Pending {
                record.state = StepState::Skipped;
            }
        }
    }

    /// How a run ends that has come to its end.
    pub(super) fn verdict(&self) -> RunState {
        if self.failed {
            RunState::Failed
        } else {
            RunState::Done
        }
    }

    pub(super) fn view(&self, language: Language) -> RunView {
        let titles = self
            .playbook
            .as_ref()
            .map(|playbook| playbook.steps.as_slice())
            .unwrap_or_default();
        let steps = self
            .records
            .iter()
            .enumerate()
            .map(|(index, record)| StepView {
                index: index as u32,
                kind: titles.get(index).map_or("unknown", words::kind).to_owned(),
                title: titles
                    .get(index)
                    .map(|step| words::title(step, language))
                    .unwrap_or_default(),
                state: record.state,
                at: record.at,
                detail: record.detail.clone(),
            })
            .collect();
        RunView {
            id: self.id,
            playbook: self.name.clone(),
            event: RunEvent {
                kind: self.event.kind.to_string(),
                at: self.event.at,
                subject: self.event.subject.clone(),
                reason: self.event.reason.clone(),
            },
            state: self.state,
            started_at: self.started_at,
            finished_at: self.finished_at,
            steps,
        }
    }
}

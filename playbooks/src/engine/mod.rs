//! The run engine.

mod port;

use std::sync::Arc;

pub use port::{
    Action, Approver, EngineTerms, ExecAction, Input, NotStarted, NotifyAction, Output, Refusal,
    StepResult,
};

use crate::{Library, LogEntry, Now, RunId, RunView};

/// Runs playbooks.
#[derive(Debug)]
pub struct Engine {}

impl Engine {
    /// An engine that takes up where the log ends. Hand in the entries, in order, of all runs
    /// that are not over and of those begun within the last day (throttles and budgets count
    /// them); runs begun get numbers from `next_run`, or above the log's greatest.
    ///
    /// A run caught between the intent and the end of a step is *interrupted*, except a notify
    /// step marked idempotent, which is performed again with the same key. Waits and questions
    /// go on to their deadlines.
    pub fn recover(
        library: Arc<Library>,
        terms: EngineTerms,
        log: Vec<LogEntry>,
        next_run: RunId,
        now: Now,
    ) -> Self {
        let _ = (library, terms, log, next_run, now);
        todo!()
    }

    /// Takes one input in.
    ///
    /// # Errors
    /// Only approvals can be refused; the run has not changed then.
    pub fn handle_input(&mut self, input: Input, now: Now) -> Result<(), Refusal> {
        let _ = (input, now);
        todo!()
    }

    /// What to do next; drain until [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        todo!()
    }

    /// Runs in memory, newest first.
    pub fn runs(&self) -> Vec<RunView> {
        todo!()
    }

    /// One run in memory.
    pub fn run(&self, id: RunId) -> Option<RunView> {
        let _ = id;
        todo!()
    }
}

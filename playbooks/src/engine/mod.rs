//! The run engine.

mod port;
mod recover;
mod run;
mod start;
mod step;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub use port::{
    Action, Approver, EngineTerms, ExecAction, Input, NotStarted, NotifyAction, Output, Refusal,
    StepResult,
};

use crate::{Entry, Library, LogEntry, Now, RunId, RunView};
use run::Run;
use start::Start;

/// Runs playbooks.
#[derive(Debug)]
pub struct Engine {
    library: Arc<Library>,
    terms: EngineTerms,
    runs: BTreeMap<RunId, Run>,
    starts: Vec<Start>,
    next_run: i64,
    outbox: VecDeque<Output>,
    changed: BTreeSet<RunId>,
}

impl Engine {
    /// An engine that takes up where the log ends. Hand in the entries, in order, of all runs
    /// that are not over and of those begun within the last day (throttles and budgets count
    /// them); runs begun get numbers from `next_run`, or above the log's greatest.
    ///
    /// A run caught between the intent and the end of a step is *interrupted*, except a notify
    /// step marked idempotent, which is performed again with the same key, with an entry that
    /// says so. Waits and questions go on to their deadlines. Drain the outputs at once: what
    /// became of the runs is among them.
    pub fn recover(
        library: Arc<Library>,
        terms: EngineTerms,
        log: Vec<LogEntry>,
        next_run: RunId,
        now: Now,
    ) -> Self {
        let mut engine = Engine {
            library,
            terms,
            runs: BTreeMap::new(),
            starts: Vec::new(),
            next_run: next_run.0,
            outbox: VecDeque::new(),
            changed: BTreeSet::new(),
        };
        engine.take_up(log, now);
        engine
    }

    /// Takes one input in.
    ///
    /// # Errors
    /// Only approvals can be refused; the run has not changed then.
    pub fn handle_input(&mut self, input: Input, now: Now) -> Result<(), Refusal> {
        self.pass_time(now);
        let answer = match input {
            Input::Event(event) => {
                self.event(event, now);
                Ok(())
            }
            Input::StepDone { run, step, result } => {
                self.step_done(run, step, result, now);
                Ok(())
            }
            Input::Approval {
                run,
                step,
                by,
                approve,
                note,
            } => self.approval(run, step, &by, approve, &note, now),
            Input::Playbooks(library) => {
                // Open runs keep the playbook they began with.
                self.library = library;
                Ok(())
            }
            Input::Timeout => Ok(()),
        };
        self.show_changed();
        answer
    }

    /// What to do next; drain until [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        self.outbox.pop_front().unwrap_or_else(|| {
            Output::Timeout(self.runs.values().filter_map(|run| run.deadline).min())
        })
    }

    /// Runs in memory, newest first.
    pub fn runs(&self) -> Vec<RunView> {
        self.runs
            .values()
            .rev()
            .map(|run| run.view(self.terms.language))
            .collect()
    }

    /// One run in memory.
    pub fn run(&self, id: RunId) -> Option<RunView> {
        self.runs.get(&id).map(|run| run.view(self.terms.language))
    }

    fn pass_time(&mut self, now: Now) {
        let due: Vec<RunId> = self
            .runs
            .values()
            .filter(|run| run.deadline.is_some_and(|deadline| deadline <= now.instant))
            .map(|run| run.id)
            .collect();
        for run in due {
            self.lapse(run, now);
        }
    }

    fn log(&mut self, run: RunId, now: Now, entry: Entry) {
        self.outbox.push_back(Output::Log(LogEntry {
            run,
            at: now.at,
            entry,
        }));
    }
}

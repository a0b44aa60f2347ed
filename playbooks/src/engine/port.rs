//! What goes into the engine and what comes out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use crate::{Channel, Event, Language, Library, LogEntry, Outcome, RunId, RunView};

/// Limits of the engine.
#[derive(Clone, Debug)]
pub struct EngineTerms {
    /// Most runs that are not over; further events start nothing and are counted.
    pub active_runs_max: usize,
    /// Most runs begun within an hour, over all playbooks.
    pub runs_per_hour_max: usize,
    /// Most runs one playbook begins within an hour for one subject, whatever its throttle says:
    /// the loop breaker for actions that cause the event that starts them.
    pub runs_per_subject_per_hour_max: usize,
    /// Ended runs kept in memory for pages.
    pub ended_runs_max: usize,
    /// How long the shell may take for a notification before the step counts as failed.
    pub notify_within: Duration,
    /// Language of notifications.
    pub language: Language,
    /// Time zone of times in notifications.
    pub zone: TimeZone,
}

impl Default for EngineTerms {
    fn default() -> Self {
        EngineTerms {
            active_runs_max: 200,
            runs_per_hour_max: 200,
            runs_per_subject_per_hour_max: 12,
            ended_runs_max: 500,
            notify_within: Duration::from_secs(120),
            language: Language::Vi,
            zone: TimeZone::UTC,
        }
    }
}

/// The person who answers a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// Display name.
    pub name: String,
    /// May do what operators may (operators and admins).
    pub operator: bool,
    /// Is an admin.
    pub admin: bool,
}

/// What the shell reports of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepResult {
    /// It was done; what came of it in a few words.
    Done(String),
    /// It failed, and why.
    Failed(String),
}

/// What happened.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "inputs are handed in one at a time, never stored"
)]
pub enum Input {
    /// An event.
    Event(Event),
    /// An action ended.
    StepDone {
        /// The run.
        run: RunId,
        /// Index of the step.
        step: u32,
        /// How.
        result: StepResult,
    },
    /// A person answered.
    Approval {
        /// The run.
        run: RunId,
        /// Index of the step.
        step: u32,
        /// Who.
        by: Approver,
        /// Yes or no.
        approve: bool,
        /// Remark.
        note: String,
    },
    /// A new library is in force. Runs go on with the playbooks they began with.
    Playbooks(Arc<Library>),
    /// The time asked for by [`Output::Timeout`] has come.
    Timeout,
}

/// Why an approval was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such run, or it is long over.
    #[error("not_found")]
    NotFound,
    /// The step is not waiting for an answer (any more).
    #[error("conflict")]
    NotAsked,
    /// The person may not answer this question.
    #[error("forbidden")]
    Forbidden,
    /// The remark is too long.
    #[error("bad_request")]
    NoteTooLong,
}

impl Refusal {
    /// The protocol's error code.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::NotFound => "not_found",
            Refusal::NotAsked => "conflict",
            Refusal::Forbidden => "forbidden",
            Refusal::NoteTooLong => "bad_request",
        }
    }
}

/// A notification to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyAction {
    /// By which road.
    pub channel: Channel,
    /// Name of the configured recipient.
    pub to: Option<String>,
    /// One line, cleaned of control characters.
    pub subject: String,
    /// Text, cleaned; lines are those of the template.
    pub text: String,
    /// Key under which a receiver can recognise a repetition: the run and the step.
    pub idempotency_key: String,
}

/// A program to run. No shell: `argv[0]` is an absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecAction {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// What it reads.
    pub stdin: Option<String>,
    /// When it is killed and the step has failed.
    pub timeout: Duration,
}

/// An action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a notification.
    Notify(NotifyAction),
    /// Run a program.
    Exec(ExecAction),
}

/// Why an event did not start a playbook that listens to its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NotStarted {
    /// It stands behind another cause.
    HeldBack,
    /// It comes from an unauthenticated trap.
    Unauthenticated,
    /// The condition is false.
    Condition,
    /// The condition or throttle expression failed on this event.
    ConditionFailed,
    /// A run of this playbook for this subject is not over.
    AlreadyRunning,
    /// Its throttle.
    Throttled,
    /// The loop breaker.
    Loop,
    /// The hourly budget of all playbooks, or too many runs are open.
    Budget,
}

impl NotStarted {
    /// A stable name for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            NotStarted::HeldBack => "held_back",
            NotStarted::Unauthenticated => "unauthenticated",
            NotStarted::Condition => "condition",
            NotStarted::ConditionFailed => "condition_failed",
            NotStarted::AlreadyRunning => "already_running",
            NotStarted::Throttled => "throttled",
            NotStarted::Loop => "loop",
            NotStarted::Budget => "budget",
        }
    }
}

/// What to do. Drain until [`Output::Timeout`], in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Persist this before taking the next output. If that fails, stop draining and try again:
    /// nothing after it may happen without it.
    Log(LogEntry),
    /// Do this and answer with [`Input::StepDone`]. The intent is logged.
    Perform {
        /// The run.
        run: RunId,
        /// Index of the step.
        step: u32,
        /// What.
        action: Action,
    },
    /// Show this.
    RunChanged(RunView),
    /// Count and log this.
    NotStarted {
        /// The playbook.
        playbook: String,
        /// The event.
        event: i64,
        /// Why.
        why: NotStarted,
    },
    /// Nothing more now; come back with [`Input::Timeout`] at this time, if any.
    Timeout(Option<Instant>),
}

impl From<StepResult> for Outcome {
    fn from(result: StepResult) -> Self {
        match result {
            StepResult::Done(detail) => Outcome::Done { detail },
            StepResult::Failed(detail) => Outcome::Failed { detail },
        }
    }
}

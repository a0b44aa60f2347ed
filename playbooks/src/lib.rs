//! Playbook schema, rules and the run engine, pure.
//!
//! - [`Library`]: playbooks read from YAML, strictly, with file, line and column of every mistake.
//! - [`Event`]: what happened, as playbooks see it.
//! - [`Engine`]: the machine that starts runs, waits, asks and performs, with an intent log that
//!   the shell persists *before* it performs, so that a crash never repeats a step silently.
//!
//! Nothing here reads a clock, starts a program or opens a socket: the shell hands in [`Now`]
//! and carries out [`Output::Perform`].

mod condition;
mod engine;
mod event;
mod field;
mod library;
mod log;
mod read;
mod read_step;
mod sample;
mod schema;
mod template;
mod view;
mod words;
mod yaml;

pub use engine::{
    Action, Approver, Engine, EngineTerms, ExecAction, Input, NotStarted, NotifyAction, Output,
    Refusal, StepResult,
};
pub use event::{Arg, Event, EventKind, Health, Now, Reason, RunId};
pub use library::{Library, LoadTerms, Mistake};
pub use log::{Entry, LogEntry, Outcome};
pub use schema::{Channel, Language, Playbook, Text};
pub use view::{PlaybookRow, RunEvent, RunState, RunView, StepState, StepView};

//! A shell for tests: a clock, a log that is always written first, and what was performed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use nhipcau_playbooks::{
    Action, Arg, Engine, EngineTerms, Event, EventKind, Health, Input, Library, LoadTerms,
    LogEntry, NotStarted, Now, Output, Reason, Refusal, RunId, RunState, RunView, StepResult,
};

/// Where the monotonic clock begins does not matter, so the real one serves.
#[allow(clippy::disallowed_methods)]
pub(crate) fn start() -> Now {
    Now {
        instant: Instant::now(),
        at: "2026-11-21T02:14:03Z".parse().expect("a time"),
    }
}

pub(crate) fn later(now: Now, seconds: u64) -> Now {
    Now {
        instant: now.instant + Duration::from_secs(seconds),
        at: now.at + SignedDuration::from_secs(seconds as i64),
    }
}

pub(crate) fn event(id: i64, kind: EventKind, subject: &str, now: Now) -> Event {
    let text = |text: &str| Some(text.to_owned());
    Event {
        id,
        kind,
        at: now.at,
        subject: subject.to_owned(),
        health: Health::Critical,
        reason: Reason {
            code: Cow::Borrowed("link_down"),
            args: BTreeMap::from([
                ("value".to_owned(), Arg::Number(41.5)),
                ("limit".to_owned(), Arg::Integer(32)),
            ]),
        },
        text: "Cổng mất tín hiệu.".to_owned(),
        device: text("tinh-khe"),
        device_name: text("Tịnh Khê"),
        interface: text("Gi0/0/1"),
        site: text("son-my"),
        site_name: text("Xã Sơn Mỹ"),
        sites: vec!["Xã Sơn Mỹ".to_owned(), "Xã Tịnh Kỳ".to_owned()],
        conference: None,
        authenticated: true,
        held_back: false,
        maintenance: false,
    }
}

pub(crate) fn library(text: &str) -> Arc<Library> {
    let terms = LoadTerms {
        allow_exec: true,
        recipients: None,
    };
    Arc::new(
        Library::parse([("test.yaml", text)], &terms).unwrap_or_else(|mistakes| {
            panic!(
                "{}",
                mistakes
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n")
            )
        }),
    )
}

pub(crate) struct Shell {
    pub(crate) engine: Engine,
    pub(crate) now: Now,
    pub(crate) log: Vec<LogEntry>,
    pub(crate) performed: Vec<(RunId, u32, Action)>,
    pub(crate) not_started: Vec<NotStarted>,
    pub(crate) views: BTreeMap<RunId, RunView>,
}

impl Shell {
    pub(crate) fn new(library: Arc<Library>) -> Self {
        Shell::on(library, EngineTerms::default(), Vec::new(), start())
    }

    /// A daemon that starts with this log.
    pub(crate) fn on(
        library: Arc<Library>,
        terms: EngineTerms,
        log: Vec<LogEntry>,
        now: Now,
    ) -> Self {
        // The store keeps entries as JSON.
        let stored: Vec<LogEntry> = log
            .iter()
            .map(|entry| {
                serde_json::from_str(&serde_json::to_string(entry).expect("serialises"))
                    .expect("reads back")
            })
            .collect();
        assert_eq!(stored, log);
        let engine = Engine::recover(library, terms, stored, RunId(1), now);
        let mut shell = Shell {
            engine,
            now,
            log,
            performed: Vec::new(),
            not_started: Vec::new(),
            views: BTreeMap::new(),
        };
        shell.drain();
        shell
    }

    pub(crate) fn drain(&mut self) -> Option<Instant> {
        for _ in 0..10_000 {
            match self.engine.poll_output() {
                Output::Log(entry) => self.log.push(entry),
                Output::Perform { run, step, action } => self.performed.push((run, step, action)),
                Output::RunChanged(view) => {
                    self.views.insert(view.id, view);
                }
                Output::NotStarted { why, .. } => self.not_started.push(why),
                Output::Timeout(at) => return at,
            }
        }
        panic!("outputs never end");
    }

    pub(crate) fn input(&mut self, input: Input) -> Result<(), Refusal> {
        let answer = self.engine.handle_input(input, self.now);
        self.drain();
        answer
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.input(Input::Event(event))
            .expect("events are never refused");
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now = later(self.now, seconds);
        self.input(Input::Timeout).expect("time is never refused");
    }

    /// Reports what was performed last as done.
    pub(crate) fn done(&mut self) {
        let (run, step, _) = self
            .performed
            .last()
            .cloned()
            .expect("something was performed");
        self.input(Input::StepDone {
            run,
            step,
            result: StepResult::Done("xong".to_owned()),
        })
        .expect("taken");
    }

    pub(crate) fn state(&self, run: i64) -> RunState {
        self.views[&RunId(run)].state
    }

    pub(crate) fn subjects(&self) -> Vec<&str> {
        self.performed
            .iter()
            .filter_map(|(_, _, action)| match action {
                Action::Notify(notify) => Some(notify.subject.as_str()),
                Action::Exec(_) => None,
            })
            .collect()
    }
}

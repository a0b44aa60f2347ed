//! The loop of the run engine: what is intended is on disk before it is performed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nhipcau_playbooks::{
    Action, Approver, Engine, EngineTerms, Entry, Event, Input, Library, LogEntry, Now, Output,
    Refusal, RunId, RunView, StepResult,
};
use tokio::sync::{mpsc, oneshot};

use crate::store::{Store, StoreError};

/// Events and approvals waiting for the engine; beyond it events are refused and counted by the sender.
const INBOX_MAX: usize = 4_096;
/// Actions may end while the engine waits for the disk.
const RESULTS_MAX: usize = 1_024;
/// Pause between two tries to log while the disk refuses.
const LOG_RETRY: Duration = Duration::from_secs(2);

/// What reaches the engine.
pub(crate) enum Message {
    /// Something happened.
    Event(Box<Event>),
    /// A person answers a question.
    Approval {
        run: RunId,
        step: u32,
        by: Approver,
        approve: bool,
        note: String,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Another library is in force.
    Library(Arc<Library>),
}

/// Performs actions.
pub(crate) type Performer =
    Arc<dyn Fn(Action) -> Pin<Box<dyn Future<Output = StepResult> + Send>> + Send + Sync>;

/// Hears of runs that changed and of events that started nothing.
pub(crate) trait Audience: Send + Sync + 'static {
    /// A run begins because of this event.
    fn run_started(&self, run: RunId, event: &Event);
    /// A run is shown differently now.
    fn run_changed(&self, run: &RunView);
    /// A playbook listens to this event and was not started.
    fn not_started(&self, playbook: &str, why: nhipcau_playbooks::NotStarted);
}

struct Loop {
    store: Store,
    engine: Engine,
    performer: Performer,
    audience: Arc<dyn Audience>,
    results: mpsc::Sender<(RunId, u32, StepResult)>,
}

/// Recovers the engine from the intent log and starts its loop.
///
/// # Errors
/// The log cannot be read: then nothing may be started, because it might repeat something.
pub(crate) async fn spawn(
    store: Store,
    library: Arc<Library>,
    terms: EngineTerms,
    performer: Performer,
    audience: Arc<dyn Audience>,
) -> Result<mpsc::Sender<Message>, StoreError> {
    let mut log = Vec::new();
    for value in store.intent_log().load().await? {
        match serde_json::from_value::<LogEntry>(value) {
            Ok(entry) => log.push(entry),
            Err(error) => {
                return Err(StoreError::Failed(format!(
                    "the intent log cannot be read: {error}"
                )));
            }
        }
    }
    let next_run = RunId(store.runs().last_id().await? + 1);
    let engine = Engine::recover(library, terms, log, next_run, now());
    let (sender, inbox) = mpsc::channel(INBOX_MAX);
    let (results, ended) = mpsc::channel(RESULTS_MAX);
    tokio::spawn(
        Loop {
            store,
            engine,
            performer,
            audience,
            results,
        }
        .run(inbox, ended),
    );
    Ok(sender)
}

impl Loop {
    async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Message>,
        mut ended: mpsc::Receiver<(RunId, u32, StepResult)>,
    ) {
        loop {
            let wake = self
                .drain()
                .await
                .unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(message) => self.message(message),
                    None => return,
                },
                Some((run, step, result)) = ended.recv() => self.feed(Input::StepDone { run, step, result }),
                () = tokio::time::sleep_until(wake.into()) => self.feed(Input::Timeout),
            }
        }
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Event(event) => self.feed(Input::Event(*event)),
            Message::Library(library) => self.feed(Input::Playbooks(library)),
            Message::Approval {
                run,
                step,
                by,
                approve,
                note,
                reply,
            } => {
                let _ = reply.send(self.engine.handle_input(
                    Input::Approval {
                        run,
                        step,
                        by,
                        approve,
                        note,
                    },
                    now(),
                ));
            }
        }
    }

    fn feed(&mut self, input: Input) {
        // Only approvals can be refused.
        let _ = self.engine.handle_input(input, now());
    }

    async fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.engine.poll_output() {
                Output::Log(entry) => self.log(entry).await,
                Output::Perform { run, step, action } => {
                    let (performing, results) = ((self.performer)(action), self.results.clone());
                    tokio::spawn(async move {
                        let _ = results.send((run, step, performing.await)).await;
                    });
                }
                Output::RunChanged(view) => self.show(view).await,
                Output::NotStarted {
                    playbook,
                    event,
                    why,
                } => {
                    tracing::debug!(
                        playbook,
                        event,
                        why = why.as_str(),
                        "an event started no run"
                    );
                    self.audience.not_started(&playbook, why);
                }
                Output::Timeout(at) => return at,
            }
        }
    }

    /// Does not return before the entry is on disk: nothing after it may happen without it.
    async fn log(&mut self, entry: LogEntry) {
        let run = entry.run.0;
        let value = serde_json::to_value(&entry)
            .unwrap_or_else(|error| unreachable!("an entry of the log serializes: {error}"));
        while let Err(error) = self.store.intent_log().append(run, value.clone()).await {
            tracing::error!(%error, run, "a playbook's intent cannot be logged; no step is performed until it can");
            tokio::time::sleep(LOG_RETRY).await;
        }
        if let Entry::Started { event, .. } = &entry.entry {
            self.audience.run_started(entry.run, event);
        }
    }

    async fn show(&mut self, view: RunView) {
        let value = serde_json::to_value(&view)
            .unwrap_or_else(|error| unreachable!("a run's view serializes: {error}"));
        if let Err(error) = self
            .store
            .runs()
            .put(view.id.0, view.started_at, view.state.is_over(), value)
            .await
        {
            tracing::warn!(%error, run = view.id.0, "a run's view was not stored");
        }
        self.audience.run_changed(&view);
    }
}

fn now() -> Now {
    Now {
        instant: Instant::now(),
        at: Timestamp::now(),
    }
}

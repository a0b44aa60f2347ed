//! The one thread that writes: takes jobs from a bounded queue, commits many at once, answers after the commit.
//!
//! With `synchronous=FULL` a commit costs a flush to the disk (444 a second were measured), so jobs that wait together are committed
//! together, each in a savepoint of its own: one that fails takes nothing of the others with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::StoreError;

/// Jobs that may wait. Beyond it a write is refused as [`StoreError::Busy`]: a trap is then not acknowledged and its sender repeats it.
const QUEUE: usize = 1024;
/// Jobs in one commit: bounds how long the first one waits for its answer.
const BATCH: usize = 256;
/// While the disk is full, an idle writer tries this often whether it is full still.
const PROBE: Duration = Duration::from_secs(5);

/// Is told how long a commit took.
type CommitObserver = Box<dyn Fn(Duration) + Send + Sync>;

/// What the writer tells the rest.
#[derive(Default)]
pub(super) struct WriterState {
    /// The last commit failed for want of room.
    pub(super) full: AtomicBool,
    /// Who measures.
    pub(super) observer: OnceLock<CommitObserver>,
}

trait Job: Send {
    /// Does the work within the open transaction; keeps the value.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    /// Answers, after the commit.
    fn settle(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Write<F, T> {
    work: Option<F>,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Write<F, T>
where
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        // A bug in one write must not take the store away from all others.
        let value = catch_unwind(AssertUnwindSafe(|| work(connection)))
            .unwrap_or_else(|_| Err(StoreError::Failed("a write panicked".to_owned())))?;
        self.value = Some(value);
        Ok(())
    }

    fn settle(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { value, reply, .. } = *self;
        // Whoever asked may have gone; the write stands.
        let _ = reply.send(outcome.and_then(|()| value.ok_or(StoreError::Closed)));
    }
}

/// The way to the writing thread.
#[derive(Clone)]
pub(super) struct Writer {
    queue: SyncSender<Box<dyn Job>>,
    pub(super) state: Arc<WriterState>,
}

impl Writer {
    /// Starts the thread; it ends when the last `Writer` is dropped, after what is queued.
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel(QUEUE);
        let state = Arc::new(WriterState::default());
        let shared = Arc::clone(&state);
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || serve(connection, &jobs, &shared))
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { queue, state })
    }

    /// Runs `work` in the next commit; resolves after it.
    pub(super) async fn write<F, T>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write {
            work: Some(work),
            value: None,
            reply,
        });
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

fn serve(mut connection: Connection, jobs: &Receiver<Box<dyn Job>>, state: &WriterState) {
    loop {
        let mut batch = match jobs.recv_timeout(PROBE) {
            Ok(job) => vec![job],
            Err(RecvTimeoutError::Timeout) => {
                if state.full.load(Ordering::Relaxed) && probe(&connection).is_ok() {
                    mark(state, &Ok(()));
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        batch.extend(std::iter::from_fn(|| jobs.try_recv().ok()).take(BATCH - 1));
        let began = Instant::now();
        commit(&mut connection, batch, state);
        if let Some(observer) = state.observer.get() {
            observer(began.elapsed());
        }
    }
}

/// Runs all jobs in one transaction, commits, answers each.
fn commit(connection: &mut Connection, mut batch: Vec<Box<dyn Job>>, state: &WriterState) {
    let mut outcomes: Vec<Result<(), StoreError>> = Vec::with_capacity(batch.len());
    let committed = (|| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for job in &mut batch {
            transaction.execute_batch("SAVEPOINT job")?;
            let outcome = job.run(&transaction);
            if transaction.is_autocommit() {
                // SQLite rolled all of it back by itself, as it does on a full disk.
                return Err(outcome.err().unwrap_or(StoreError::Full));
            }
            transaction.execute_batch(if outcome.is_ok() {
                "RELEASE job"
            } else {
                "ROLLBACK TO job; RELEASE job"
            })?;
            outcomes.push(outcome);
        }
        transaction.commit()?;
        Ok(())
    })();
    let refused = outcomes.iter().find(|o| matches!(o, Err(StoreError::Full)));
    mark(state, refused.unwrap_or(&committed));
    let mut outcomes = outcomes.into_iter();
    for job in batch {
        let own = outcomes.next().unwrap_or(Ok(()));
        job.settle(committed.clone().and(own));
    }
}

/// Latches and releases "the disk is full", loudly, once each time.
fn mark(state: &WriterState, outcome: &Result<(), StoreError>) {
    match outcome {
        Err(StoreError::Full) => {
            if !state.full.swap(true, Ordering::Relaxed) {
                tracing::error!(
                    "the disk of the state directory is full: nothing new is kept until there is room"
                );
            }
        }
        Err(error) => tracing::error!(%error, "a commit failed"),
        Ok(()) => {
            if state.full.swap(false, Ordering::Relaxed) {
                tracing::info!("the disk has room again");
            }
        }
    }
}

/// Writes and takes back enough to need new pages.
fn probe(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection
        .execute_batch(
            "BEGIN IMMEDIATE;
         INSERT INTO room_snapshots (room, at, snapshot) VALUES ('', 0, hex(zeroblob(65536)));
         DELETE FROM room_snapshots WHERE room = '';
         COMMIT;",
        )
        .inspect_err(|_| {
            let _ = connection.execute_batch("ROLLBACK");
        })
}

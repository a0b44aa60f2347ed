//! Taking runs up from the intent log after a restart.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::run::{After, Run};
use super::start::{HOUR, Start};
use super::{Engine, Output};
use crate::schema::StepAction;
use crate::{Entry, Language, LogEntry, Now, RunId, RunState, StepState};

/// Times an idempotent notification is performed again; a notification that kills the daemon must not loop.
const AGAIN_MAX: u32 = 3;

/// What the log says of a run beyond the run itself.
#[derive(Default)]
struct Loose {
    /// When the current wait or question ends.
    until: Option<Timestamp>,
    /// Times the current step has been repeated.
    again: u32,
    /// The last step that ended stops the run.
    stopped: bool,
    /// The playbook is the one the run began with.
    same_playbook: bool,
}

impl Engine {
    pub(super) fn take_up(&mut self, log: Vec<LogEntry>, now: Now) {
        let mut loose: BTreeMap<RunId, Loose> = BTreeMap::new();
        for LogEntry { run, at, entry } in log {
            self.next_run = self.next_run.max(run.0 + 1);
            self.replay(run, at, entry, &mut loose, now);
        }
        for (id, loose) in loose {
            let over = self.runs.get(&id).is_none_or(|run| run.state.is_over());
            if !over {
                self.resume(id, &loose, now);
            }
        }
        self.changed.clear();
        let open: Vec<RunId> = self.runs.keys().copied().collect();
        for id in open {
            self.show(id);
        }
        self.forget_ended();
    }

    fn replay(
        &mut self,
        id: RunId,
        at: Timestamp,
        entry: Entry,
        loose: &mut BTreeMap<RunId, Loose>,
        now: Now,
    ) {
        if let Entry::Started {
            playbook,
            fingerprint,
            throttle_key,
            event,
        } = entry
        {
            self.count_start(&playbook, &event.subject, throttle_key, at, now);
            let known = self
                .library
                .playbook(&playbook)
                .filter(|known| known.fingerprint == fingerprint)
                .cloned();
            loose.insert(
                id,
                Loose {
                    same_playbook: known.is_some(),
                    ..Loose::default()
                },
            );
            self.runs
                .insert(id, Run::new(id, playbook, known, event, at));
            return;
        }
        // Entries of a run whose beginning was not handed in say nothing we could act on.
        let (Some(run), Some(loose)) = (self.runs.get_mut(&id), loose.get_mut(&id)) else {
            return;
        };
        match entry {
            Entry::Started { .. } => {}
            Entry::Intended { step, again } => {
                loose.again = if again { loose.again + 1 } else { 0 };
                run.step = step as usize;
                run.state = RunState::Running;
                run.note(run.step, StepState::Intended, at, None);
            }
            Entry::Waiting { step, until } => {
                run.step = step as usize;
                run.state = RunState::Waiting;
                loose.until = Some(until);
                run.note(run.step, StepState::Waiting, at, None);
            }
            Entry::Asked { step, until } => {
                run.step = step as usize;
                run.state = RunState::Approval;
                loose.until = Some(until);
                run.note(run.step, StepState::Approval, at, None);
            }
            Entry::Finished { step, outcome } => {
                run.step = step as usize;
                loose.stopped = run.finish_step(outcome, at) == After::Stop;
            }
            Entry::Recovered { event } => run.recovery = Some(event),
            Entry::Ended { state } => run.end(state, at),
        }
    }

    /// Counts a run that began before the restart for throttle and budget. A wall clock that was
    /// set back makes it count as if it began now, never longer.
    fn count_start(
        &mut self,
        playbook: &str,
        subject: &str,
        throttle_key: String,
        at: Timestamp,
        now: Now,
    ) {
        let age = Duration::try_from(now.at.duration_since(at)).unwrap_or(Duration::ZERO);
        let every = self
            .library
            .playbook(playbook)
            .and_then(|playbook| playbook.throttle.as_ref())
            .map_or(Duration::ZERO, |throttle| throttle.every);
        if age < HOUR.max(every) {
            self.starts.push(Start {
                playbook: playbook.to_owned(),
                subject: subject.to_owned(),
                throttle_key,
                budget_until: now.instant + HOUR.saturating_sub(age),
                throttle_until: now.instant + every.saturating_sub(age),
            });
        }
    }

    /// Goes on with a run that was not over.
    fn resume(&mut self, id: RunId, loose: &Loose, now: Now) {
        if !loose.same_playbook {
            self.interrupt(
                id,
                "kịch bản đã thay đổi hoặc không còn",
                "the playbook has changed or is gone",
                now,
            );
            return;
        }
        if loose.stopped {
            self.end(id, None, now);
            return;
        }
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let longest = match run.current().map(|step| &step.action) {
            Some(StepAction::Wait { for_, .. }) => *for_,
            Some(StepAction::Approve { within, .. }) => *within,
            _ => Duration::ZERO,
        };
        let repeatable = matches!(
            run.current().map(|step| &step.action),
            Some(StepAction::Notify {
                idempotent: true,
                ..
            })
        );
        match run.state_of(run.step as u32) {
            Some(StepState::Intended) if repeatable && loose.again < AGAIN_MAX => {
                self.perform(id, true, now)
            }
            Some(StepState::Intended) => self.interrupt(
                id,
                "máy chủ dừng giữa chừng; không rõ bước này đã có tác dụng chưa",
                "the daemon stopped in the middle; nobody knows whether this step took effect",
                now,
            ),
            Some(StepState::Waiting | StepState::Approval) => {
                let left = loose.until.map_or(Duration::ZERO, |until| {
                    Duration::try_from(until.duration_since(now.at)).unwrap_or(Duration::ZERO)
                });
                // A wall clock that was set back must not make it longer than it was written.
                run.deadline = Some(now.instant + left.min(longest));
                self.heed_recovery(id, now);
            }
            _ => self.advance(id, now),
        }
    }

    fn interrupt(&mut self, id: RunId, vi: &str, en: &str, now: Now) {
        let detail = match self.terms.language {
            Language::Vi => vi,
            Language::En => en,
        };
        if let Some(run) = self.runs.get_mut(&id) {
            run.mark_interrupted(detail, now.at);
        }
        self.end(id, Some(RunState::Interrupted), now);
    }

    fn show(&mut self, id: RunId) {
        if let Some(run) = self.runs.get(&id) {
            self.outbox
                .push_back(Output::RunChanged(run.view(self.terms.language)));
        }
    }

    pub(super) fn show_changed(&mut self) {
        for id in std::mem::take(&mut self.changed) {
            self.show(id);
        }
        self.forget_ended();
    }

    /// Keeps memory bounded: the oldest ended runs go; the store has them.
    fn forget_ended(&mut self) {
        let ended: Vec<RunId> = self
            .runs
            .values()
            .filter(|run| run.state.is_over())
            .map(|run| run.id)
            .collect();
        let surplus = ended.len().saturating_sub(self.terms.ended_runs_max);
        for id in ended.into_iter().take(surplus) {
            self.runs.remove(&id);
        }
    }
}

//! Steps: beginning, performing, ending.

use std::time::Duration;

use jiff::SignedDuration;

use super::run::After;
use super::{Action, Approver, Engine, ExecAction, NotifyAction, Output, Refusal, StepResult};
use crate::field::Style;
use crate::schema::{ApproverRole, Only, StepAction};
use crate::template::harmless;
use crate::{Entry, Event, Language, Now, Outcome, RunId, RunState, StepState};

/// Time beyond a program's own limit before the engine gives it up: the shell kills and reports first.
const EXEC_GRACE: Duration = Duration::from_secs(30);
/// Longest remark of an approver, in characters.
const NOTE_CHARS_MAX: usize = 1000;
/// Longest detail of a step, in characters.
const DETAIL_CHARS_MAX: usize = 2000;

impl Engine {
    /// Begins steps until one takes time or the run ends.
    pub(super) fn advance(&mut self, id: RunId, now: Now) {
        self.changed.insert(id);
        loop {
            let Some(run) = self.runs.get(&id).filter(|run| !run.state.is_over()) else {
                return;
            };
            let Some(step) = run.current() else {
                self.end(id, None, now);
                return;
            };
            let recovered = run.recovery.is_some();
            let skipped = match step.only {
                Only::Recovered if !recovered => {
                    Some(self.words("chưa khôi phục", "not recovered"))
                }
                Only::Unrecovered if recovered => Some(self.words("đã khôi phục", "recovered")),
                Only::Always | Only::Unrecovered if run.withdrawn => Some(self.words(
                    "đã khôi phục trước khi được duyệt",
                    "recovered before approval",
                )),
                Only::Always | Only::Recovered | Only::Unrecovered => None,
            };
            let outcome = match skipped {
                Some(detail) => Some(Outcome::Skipped { detail }),
                None => self.begin(id, now),
            };
            match outcome {
                None => return,
                Some(outcome) => {
                    if self.finish(id, outcome, now) == After::Stop {
                        return;
                    }
                }
            }
        }
    }

    /// Begins the current step. Gives its outcome if it ends at once.
    fn begin(&mut self, id: RunId, now: Now) -> Option<Outcome> {
        let run = self.runs.get(&id)?;
        let index = run.step as u32;
        match &run.current()?.action {
            StepAction::Notify { .. } => {
                self.perform(id, false, now);
                None
            }
            StepAction::Wait {
                for_,
                or_until_recovered,
            } => {
                if *or_until_recovered && run.recovery.is_some() {
                    return Some(Outcome::Done {
                        detail: self.words("đã khôi phục", "recovered"),
                    });
                }
                let for_ = *for_;
                self.pause(
                    id,
                    RunState::Waiting,
                    StepState::Waiting,
                    for_,
                    now,
                    |until| Entry::Waiting { step: index, until },
                );
                None
            }
            StepAction::Approve { within, .. } => {
                if run.recovery.is_some() {
                    return Some(Outcome::Skipped {
                        detail: self.words("đã khôi phục", "recovered"),
                    });
                }
                let within = *within;
                self.pause(
                    id,
                    RunState::Approval,
                    StepState::Approval,
                    within,
                    now,
                    |until| Entry::Asked { step: index, until },
                );
                None
            }
            StepAction::Exec { dry_run, .. } => match self.exec_action(id) {
                Err(detail) => Some(Outcome::Failed { detail }),
                Ok(exec) if *dry_run => {
                    let argv = format!("{:?}", exec.argv);
                    let detail =
                        self.words("chạy thử, không thực hiện: ", "dry run, not done: ") + &argv;
                    Some(Outcome::Done { detail })
                }
                Ok(_) => {
                    self.perform(id, false, now);
                    None
                }
            },
        }
    }

    fn pause(
        &mut self,
        id: RunId,
        state: RunState,
        step_state: StepState,
        for_: Duration,
        now: Now,
        entry: impl FnOnce(jiff::Timestamp) -> Entry,
    ) {
        let span = SignedDuration::try_from(for_).unwrap_or(SignedDuration::MAX);
        let until = now.at.checked_add(span).unwrap_or(jiff::Timestamp::MAX);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.state = state;
        run.deadline = Some(now.instant + for_);
        run.note(run.step, step_state, now.at, None);
        self.log(id, now, entry(until));
    }

    /// Logs the intent of the current step and performs it. `again` marks a repetition after a restart.
    pub(super) fn perform(&mut self, id: RunId, again: bool, now: Now) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let index = run.step as u32;
        let (action, patience) = match run.current().map(|step| &step.action) {
            Some(StepAction::Notify { .. }) => match self.notify_action(id) {
                Some(action) => (Action::Notify(action), self.terms.notify_within),
                None => return,
            },
            Some(StepAction::Exec { timeout, .. }) => match self.exec_action(id) {
                Ok(action) => (Action::Exec(action), *timeout + EXEC_GRACE),
                Err(_) => return,
            },
            _ => return,
        };
        let detail = again.then(|| {
            self.words(
                "gửi lại sau khi khởi động lại",
                "sent again after a restart",
            )
        });
        self.log(id, now, Entry::Intended { step: index, again });
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.state = RunState::Running;
        run.deadline = Some(now.instant + patience);
        run.note(run.step, StepState::Intended, now.at, detail);
        self.outbox.push_back(Output::Perform {
            run: id,
            step: index,
            action,
        });
    }

    fn notify_action(&self, id: RunId) -> Option<NotifyAction> {
        let run = self.runs.get(&id)?;
        let StepAction::Notify {
            channel,
            to,
            subject,
            text,
            ..
        } = &run.current()?.action
        else {
            return None;
        };
        let style = Style::People(self.terms.language, &self.terms.zone);
        Some(NotifyAction {
            channel: *channel,
            to: to.clone(),
            subject: subject
                .of(self.terms.language)
                .for_people(run.facts(), style),
            text: text.of(self.terms.language).for_people(run.facts(), style),
            idempotency_key: format!("run-{}-step-{}", id.0, run.step),
        })
    }

    fn exec_action(&self, id: RunId) -> Result<ExecAction, String> {
        let run = self.runs.get(&id).ok_or("the run has gone")?;
        let Some(StepAction::Exec {
            argv,
            env,
            stdin,
            timeout,
            ..
        }) = run.current().map(|step| &step.action)
        else {
            return Err("no exec step".to_owned());
        };
        let facts = run.facts();
        Ok(ExecAction {
            argv: argv
                .iter()
                .map(|argument| argument.for_argument(facts))
                .collect::<Result<_, _>>()?,
            env: env
                .iter()
                .map(|(name, value)| Ok((name.clone(), value.for_data(facts)?)))
                .collect::<Result<_, String>>()?,
            stdin: stdin
                .as_ref()
                .map(|stdin| stdin.for_data(facts))
                .transpose()?,
            timeout: *timeout,
        })
    }

    /// Logs how the current step ended; ends the run if that stops it.
    pub(super) fn finish(&mut self, id: RunId, outcome: Outcome, now: Now) -> After {
        self.changed.insert(id);
        let Some(run) = self.runs.get_mut(&id) else {
            return After::Stop;
        };
        let step = run.step as u32;
        let outcome = trimmed(outcome);
        let after = run.finish_step(outcome.clone(), now.at);
        self.log(id, now, Entry::Finished { step, outcome });
        if after == After::Stop {
            self.end(id, None, now);
        }
        after
    }

    /// Ends a run, by default with the verdict of its steps.
    pub(super) fn end(&mut self, id: RunId, state: Option<RunState>, now: Now) {
        self.changed.insert(id);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let state = state.unwrap_or_else(|| run.verdict());
        run.end(state, now.at);
        self.log(id, now, Entry::Ended { state });
    }

    pub(super) fn step_done(&mut self, id: RunId, step: u32, result: StepResult, now: Now) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        // A report that comes after its deadline, or twice, changes nothing.
        if run.step as u32 != step
            || run.state_of(step) != Some(StepState::Intended)
            || run.state.is_over()
        {
            return;
        }
        if self.finish(id, result.into(), now) == After::GoOn {
            self.advance(id, now);
        }
    }

    pub(super) fn approval(
        &mut self,
        id: RunId,
        step: u32,
        by: &Approver,
        approve: bool,
        note: &str,
        now: Now,
    ) -> Result<(), Refusal> {
        let run = self.runs.get(&id).ok_or(Refusal::NotFound)?;
        if run.step as u32 != step || run.state != RunState::Approval {
            return Err(Refusal::NotAsked);
        }
        let Some(StepAction::Approve { by: wanted, .. }) = run.current().map(|step| &step.action)
        else {
            return Err(Refusal::NotAsked);
        };
        let may = match wanted {
            ApproverRole::Operator => by.operator || by.admin,
            ApproverRole::Admin => by.admin,
        };
        if !may {
            return Err(Refusal::Forbidden);
        }
        if note.chars().count() > NOTE_CHARS_MAX {
            return Err(Refusal::NoteTooLong);
        }
        let (vi, en) = if approve {
            ("đã duyệt", "approved")
        } else {
            ("đã từ chối", "refused")
        };
        let verdict = self.words(vi, en);
        let mut detail: String = format!("{}: {verdict}", by.name)
            .chars()
            .map(harmless)
            .collect();
        if !note.trim().is_empty() {
            detail.push_str(". ");
            detail.extend(note.trim().chars().map(harmless));
        }
        let outcome = if approve {
            Outcome::Done { detail }
        } else {
            Outcome::Failed { detail }
        };
        if self.finish(id, outcome, now) == After::GoOn {
            self.advance(id, now);
        }
        Ok(())
    }

    /// What the run is about has recovered.
    pub(super) fn recovered(&mut self, id: RunId, event: Event, now: Now) {
        self.log(
            id,
            now,
            Entry::Recovered {
                event: event.clone(),
            },
        );
        if let Some(run) = self.runs.get_mut(&id) {
            run.recovery = Some(event);
        }
        self.changed.insert(id);
        self.heed_recovery(id, now);
    }

    /// Ends the wait or withdraws the question that a recovery makes pointless.
    pub(super) fn heed_recovery(&mut self, id: RunId, now: Now) {
        let Some(run) = self.runs.get(&id).filter(|run| run.recovery.is_some()) else {
            return;
        };
        let detail = self.words("đã khôi phục", "recovered");
        let outcome = match (run.state, run.current().map(|step| &step.action)) {
            (
                RunState::Waiting,
                Some(StepAction::Wait {
                    or_until_recovered: true,
                    ..
                }),
            ) => Outcome::Done { detail },
            (RunState::Approval, Some(StepAction::Approve { .. })) => Outcome::Skipped { detail },
            _ => return,
        };
        if self.finish(id, outcome, now) == After::GoOn {
            self.advance(id, now);
        }
    }

    /// The current step's time is over.
    pub(super) fn lapse(&mut self, id: RunId, now: Now) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let outcome = match run.state {
            RunState::Waiting => Outcome::Done {
                detail: self.words("hết thời gian chờ", "time is up"),
            },
            RunState::Approval => Outcome::Failed {
                detail: self.words("không ai trả lời", "nobody answered"),
            },
            RunState::Running => Outcome::Failed {
                detail: self.words("quá hạn, không có kết quả", "no result in time"),
            },
            RunState::Done | RunState::Failed | RunState::Interrupted => return,
        };
        if self.finish(id, outcome, now) == After::GoOn {
            self.advance(id, now);
        }
    }

    pub(super) fn words(&self, vi: &str, en: &str) -> String {
        match self.terms.language {
            Language::Vi => vi.to_owned(),
            Language::En => en.to_owned(),
        }
    }
}

/// Details are shown and stored: no endless ones.
fn trimmed(outcome: Outcome) -> Outcome {
    let trim = |detail: String| match detail.char_indices().nth(DETAIL_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &detail[..end]),
        None => detail,
    };
    match outcome {
        Outcome::Done { detail } => Outcome::Done {
            detail: trim(detail),
        },
        Outcome::Failed { detail } => Outcome::Failed {
            detail: trim(detail),
        },
        Outcome::Skipped { detail } => Outcome::Skipped {
            detail: trim(detail),
        },
    }
}

//! Which events start which playbooks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::run::Run;
use super::{Engine, NotStarted, Output};
use crate::{Entry, Event, Now, Playbook, RunId};

/// The window of budget and loop breaker.
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// A run that began, for throttle and budget.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) playbook: String,
    pub(super) subject: String,
    pub(super) throttle_key: String,
    /// Until when it counts for budget and loop breaker.
    pub(super) budget_until: Instant,
    /// Until when it counts for the throttle.
    pub(super) throttle_until: Instant,
}

impl Engine {
    /// An event, first as a recovery for open runs, then as the start of new ones.
    pub(super) fn event(&mut self, event: Event, now: Now) {
        if let Some(fault) = event.kind.recovers() {
            let met: Vec<RunId> = self
                .runs
                .values()
                .filter(|run| !run.state.is_over() && run.recovery.is_none())
                .filter(|run| run.event.kind == fault && run.event.subject == event.subject)
                // Who may not start a run may not end its wait either.
                .filter(|run| event.authenticated || accepts_unauthenticated(run))
                .map(|run| run.id)
                .collect();
            for run in met {
                self.recovered(run, event.clone(), now);
            }
        }
        self.starts
            .retain(|start| start.budget_until > now.instant || start.throttle_until > now.instant);
        let listening: Vec<Arc<Playbook>> = self
            .library
            .playbooks()
            .filter(|playbook| playbook.on.contains(&event.kind))
            .cloned()
            .collect();
        for playbook in listening {
            match self.admit(&playbook, &event, now) {
                Ok(throttle_key) => self.start(&playbook, event.clone(), throttle_key, now),
                Err(why) => self.outbox.push_back(Output::NotStarted {
                    playbook: playbook.name.clone(),
                    event: event.id,
                    why,
                }),
            }
        }
    }

    /// Whether the event starts the playbook; gives the key under which the throttle counts it.
    fn admit(&self, playbook: &Playbook, event: &Event, now: Now) -> Result<String, NotStarted> {
        if event.held_back || event.maintenance && !playbook.during_maintenance {
            return Err(NotStarted::HeldBack);
        }
        if !event.authenticated && !playbook.accept_unauthenticated_traps {
            return Err(NotStarted::Unauthenticated);
        }
        if let Some(when) = &playbook.when {
            match when.holds(event) {
                Ok(true) => {}
                Ok(false) => return Err(NotStarted::Condition),
                Err(_) => return Err(NotStarted::ConditionFailed),
            }
        }
        let key = match playbook
            .throttle
            .as_ref()
            .and_then(|throttle| throttle.per.as_ref())
        {
            Some(per) => per.text(event).map_err(|_| NotStarted::ConditionFailed)?,
            None => event.subject.clone(),
        };
        let open = |run: &&Run| !run.state.is_over();
        let same = |run: &Run| run.name == playbook.name && run.event.subject == event.subject;
        if self.runs.values().filter(open).any(same) {
            return Err(NotStarted::AlreadyRunning);
        }
        if let Some(throttle) = &playbook.throttle {
            let counted = |start: &&Start| {
                start.playbook == playbook.name
                    && start.throttle_key == key
                    && start.throttle_until > now.instant
            };
            if self.starts.iter().filter(counted).count() >= throttle.max as usize {
                return Err(NotStarted::Throttled);
            }
        }
        let recent = || {
            self.starts
                .iter()
                .filter(|start| start.budget_until > now.instant)
        };
        let looping = recent()
            .filter(|start| start.playbook == playbook.name && start.subject == event.subject);
        if looping.count() >= self.terms.runs_per_subject_per_hour_max {
            return Err(NotStarted::Loop);
        }
        if recent().count() >= self.terms.runs_per_hour_max
            || self.runs.values().filter(open).count() >= self.terms.active_runs_max
        {
            return Err(NotStarted::Budget);
        }
        Ok(key)
    }

    fn start(&mut self, playbook: &Arc<Playbook>, event: Event, throttle_key: String, now: Now) {
        let id = RunId(self.next_run);
        self.next_run += 1;
        self.starts.push(Start {
            playbook: playbook.name.clone(),
            subject: event.subject.clone(),
            throttle_key: throttle_key.clone(),
            budget_until: now.instant + HOUR,
            throttle_until: now.instant
                + playbook
                    .throttle
                    .as_ref()
                    .map_or(Duration::ZERO, |t| t.every),
        });
        self.log(
            id,
            now,
            Entry::Started {
                playbook: playbook.name.clone(),
                fingerprint: playbook.fingerprint.clone(),
                throttle_key,
                event: event.clone(),
            },
        );
        let run = Run::new(
            id,
            playbook.name.clone(),
            Some(Arc::clone(playbook)),
            event,
            now.at,
        );
        self.runs.insert(id, run);
        self.advance(id, now);
    }
}

fn accepts_unauthenticated(run: &Run) -> bool {
    run.playbook
        .as_ref()
        .is_some_and(|playbook| playbook.accept_unauthenticated_traps)
}

//! Modules that others read through us: with every poll while somebody keeps asking, or once for who waits.

use std::time::{Duration, Instant};

use super::{CollectionScope, Job, Session, Surroundings, What, is_exported};
use crate::export::{ModuleId, ModuleRows, Wanted};
use crate::poller::api::ProbeError;
use crate::poller::scatter;
use crate::poller::walk::Walk;
use crate::profile::{Profile, TablePlan};

/// How long a module is read with every poll after somebody last asked for it. Longer than a scraper's pause while it is restarted.
const EXPORT_FOR: Duration = Duration::from_secs(900);

impl Session {
    /// Somebody reads this module again and again: it belongs to every poll for a while.
    pub(in crate::poller) fn export(&mut self, module: ModuleId, now: Instant) {
        let until = now + EXPORT_FOR;
        match self.exports.iter_mut().find(|(m, _)| *m == module) {
            Some((_, at)) => *at = until,
            None => {
                self.exports.push((module, until));
                self.memory.begin_module(module, now);
            }
        }
    }

    /// Forgets modules that nobody asked for lately.
    pub(super) fn expire_exports(&mut self, now: Instant) {
        let memory = &mut self.memory;
        self.exports.retain(|(module, until)| {
            let wanted = *until > now;
            if !wanted {
                memory.end_module(*module);
            }
            wanted
        });
    }

    /// Whether a module lacks a column that this table brings.
    pub(super) fn export_waits_for(&self, table: &TablePlan) -> bool {
        is_exported(table)
            && self.exports.iter().any(|(module, _)| {
                module.columns().iter().enumerate().any(|(place, wanted)| {
                    table.oids.contains(&wanted.oid) && self.memory.kept(*module, place).is_none()
                })
            })
    }

    /// What this poll must read for modules beyond the tables of the profile.
    pub(super) fn module_jobs(
        &self,
        profile: &Profile,
        around: &Surroundings,
        restarted: bool,
    ) -> Vec<Job> {
        let slow = u64::from(around.config.slow_every.max(1));
        let mut jobs = Vec::new();
        for (module, _) in &self.exports {
            let offset = scatter(around.seed, module.module().name, 4)
                ^ scatter(around.seed, self.spec.id.as_str(), 5);
            let its_turn = restarted || self.polls % slow == offset % slow;
            let covered = |wanted: &Wanted| {
                let has = |t: &TablePlan| is_exported(t) && t.oids.contains(&wanted.oid);
                profile.tables.iter().any(has)
            };
            let due = |(place, wanted): &(usize, &Wanted)| {
                its_turn
                    || match self.memory.kept(*module, *place) {
                        None => true,
                        // What the agent does not have is asked for as seldom as what does not change.
                        Some(kept) => !wanted.slow && !kept.is_empty(),
                    }
            };
            let columns = module.columns().iter().enumerate();
            let roots: Vec<_> = columns
                .filter(|(_, wanted)| !covered(wanted))
                .filter(due)
                .map(|(_, wanted)| wanted.oid.clone())
                .collect();
            if !roots.is_empty() {
                let rows = self.memory.module_length(*module).filter(|_| !restarted);
                let walk = Walk::new(roots.into(), false, rows);
                jobs.push(Job::new(What::Module(*module), walk));
            }
        }
        jobs
    }

    /// Reads a module now, beside whatever poll is under way. One at a time; the answer is in `probed`.
    pub(in crate::poller) fn begin_probe(&mut self, ticket: u64, module: ModuleId, now: Instant) {
        if self.probe.is_some() {
            self.probed.push((ticket, Err(ProbeError::Busy)));
            return;
        }
        let Some(credential) = self.credential_to_ask(now) else {
            self.probed.push((ticket, Err(ProbeError::NoCredential)));
            return;
        };
        let roots: Vec<_> = module.columns().iter().map(|w| w.oid.clone()).collect();
        let rows = self.memory.module_length(module);
        let job = Job::new(What::Module(module), Walk::new(roots.into(), false, rows));
        self.probe = Some(self.poll(CollectionScope::Hastened, credential, vec![job]));
        self.probing = Some((ticket, module));
    }

    /// Ends a probe that has nothing more to wait for.
    pub(super) fn conclude_probe(&mut self, now: Instant) {
        let over = |poll: &super::Poll| poll.jobs.iter().all(|j| j.outcome.is_some());
        if !self.probe.as_ref().is_some_and(over) {
            return;
        }
        let (Some(mut poll), Some((ticket, module))) = (self.probe.take(), self.probing.take())
        else {
            return;
        };
        let Some(job) = poll.jobs.pop() else { return };
        let result = match job.outcome {
            Some(Ok(at)) => {
                let mut rows = ModuleRows::new(module, at);
                rows.duration = at.saturating_duration_since(poll.started_at.unwrap_or(at));
                rows.varbinds = poll.statistics.varbinds;
                let roots = job.walk.roots();
                rows.keep(&roots, &job.walk.into_columns(), at);
                self.memory.last_seen = Some(now);
                Ok(rows)
            }
            Some(Err(detail)) => Err(ProbeError::Failed(detail)),
            None => Err(ProbeError::Failed("not asked".into())),
        };
        self.probed.push((ticket, result));
    }

    /// The device is no longer asked in this way; who waits is told.
    pub(in crate::poller) fn abandon_probe(&mut self) {
        if let Some(poll) = self.probe.take() {
            self.forgotten
                .extend(poll.jobs.iter().filter_map(|j| j.request));
        }
        if let Some((ticket, _)) = self.probing.take() {
            self.probed.push((ticket, Err(ProbeError::Unknown)));
        }
    }
}

//! What comes back: answers, refusals, silence; and what each means for the next question.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reason::{explain, reason_of};
use super::{
    CredentialRecord, Job, Lane, STREAK_MAX, Session, Surroundings, What, system_walk, waited,
};
use crate::poller::assemble::{EXTRAS_ALL, Move};
use crate::poller::walk::{Walk, WalkError};
use crate::poller::{Column, FetchError, scatter};
use crate::profile::{Pace, Reader, SYSTEM};
use crate::{SnmpVersion, Varbind, read};

impl Session {
    /// An answer, or its absence.
    pub(in crate::poller) fn reply(
        &mut self,
        lane: Lane,
        n: usize,
        result: Result<Vec<Varbind>, FetchError>,
        bytes: usize,
        around: &mut Surroundings,
        now: Instant,
    ) {
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        let Some(job) = poll.jobs.get_mut(n) else {
            return;
        };
        job.request = None;
        job.overdue_at = None;
        poll.statistics.bytes += bytes as u64;
        match result {
            Ok(_) if bytes > around.config.reply_bytes_max => {
                around.counters.replies_malformed += 1;
                job.outcome = Some(Err(format!("an answer of {bytes} bytes").into()));
            }
            Ok(varbinds) => {
                poll.statistics.varbinds += varbinds.len() as u64;
                poll.silent = 0;
                job.attempts = 0;
                let rows = job.walk.asks_rows();
                // Fewer rows came through where more did not.
                let learnt = job.rows_max.take();
                job.bytes = job.bytes.saturating_add(bytes);
                let answered = if job.bytes > around.config.walk_bytes_max {
                    Err(WalkError::Endless)
                } else {
                    job.walk.answer(varbinds, around.config.walk_varbinds_max)
                };
                match answered {
                    Ok(()) if job.walk.is_done() => job.outcome = Some(Ok(now)),
                    Ok(()) => {}
                    Err(error) => {
                        around.counters.walks_broken += u64::from(error != WalkError::Nonsense);
                        around.counters.replies_malformed +=
                            u64::from(error == WalkError::Nonsense);
                        job.outcome = Some(Err(error.to_string().into()));
                    }
                }
                let (succeeded, broken) = (
                    matches!(job.outcome, Some(Ok(_))),
                    matches!(job.outcome, Some(Err(_))),
                );
                let what = job.what;
                if let Some(learnt) = learnt {
                    self.bears(learnt);
                } else if rows {
                    self.grow();
                }
                if succeeded {
                    self.succeeded(lane, n, what, around, now);
                } else if broken && what == What::System {
                    self.system_failed(
                        lane,
                        n,
                        &FetchError::Malformed("no answer to the question".into()),
                        around,
                        now,
                    );
                }
            }
            Err(error) => self.failed(lane, n, error, around, now),
        }
    }

    /// A longer streak without trouble makes the answers longer again.
    pub(super) fn grow(&mut self) {
        self.streak += 1;
        if self.streak >= self.streak_needed && self.repetitions < self.repetitions_max {
            self.repetitions = (self.repetitions * 2).min(self.repetitions_max);
            self.streak = 0;
        }
    }

    /// The agent did not bear a question of so many rows: half as many from now on. `false` when it was one already.
    pub(super) fn shrink(&mut self, rows_asked: u32) -> bool {
        self.bears(rows_asked / 2);
        rows_asked > 1
    }

    /// The agent answers questions of so many rows, and not of more.
    fn bears(&mut self, rows: u32) {
        self.streak = 0;
        // A limit that was run into again and again is a limit: try it ever more seldom.
        self.streak_needed = (self.streak_needed * 2).min(STREAK_MAX);
        self.repetitions = rows.clamp(1, self.repetitions);
    }

    pub(super) fn failed(
        &mut self,
        lane: Lane,
        n: usize,
        error: FetchError,
        around: &mut Surroundings,
        now: Instant,
    ) {
        let retries = if self.is_quiet() {
            0
        } else {
            around.config.retries
        };
        let several = self.spec.credentials.len() > 1;
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        let job = &mut poll.jobs[n];
        let (what, rows) = (job.what, job.walk.asks_rows());
        // While credentials are tried one after the other, one more try each must do.
        let tries = match what {
            What::System if several => retries.min(1),
            // Silence is how an agent refuses a context.
            What::Vlan(_) => 0,
            _ => retries,
        };
        let mut again = false;
        match &error {
            FetchError::NoSuchName => {
                job.walk.no_such_name();
                job.attempts = 0;
                if job.walk.is_done() {
                    job.outcome = Some(Ok(now));
                    self.succeeded(lane, n, what, around, now);
                }
                return;
            }
            FetchError::TooBig | FetchError::GenErr if rows => {
                let rows_asked = job.walk.rows_asked();
                again = self.shrink(rows_asked)
                    || self
                        .lane(lane)
                        .as_mut()
                        .is_some_and(|p| p.jobs[n].walk.narrow());
            }
            FetchError::TooBig => again = job.walk.narrow(),
            FetchError::Timeout => {
                around.counters.timeouts += 1;
                poll.statistics.timeouts += 1;
                job.attempts += 1;
                again = job.attempts <= tries;
                // Perhaps it drops large answers, perhaps a datagram was lost: half the rows, and at the last try one row, which says for certain.
                let last = job.attempts == tries && tries > 1;
                // A VLAN's context that is silent says nothing of the device.
                if rows && !matches!(what, What::Vlan(_)) {
                    let half = (job.walk.rows_asked() / 2).max(1);
                    job.rows_max = Some(if last { 1 } else { half });
                } else if !rows && last {
                    job.walk.narrow();
                }
            }
            FetchError::V3UnknownUser
            | FetchError::V3WrongDigest
            | FetchError::V3UnsupportedLevel
            | FetchError::V3Decryption => {}
            FetchError::Malformed(_) => {
                around.counters.replies_malformed += 1;
                job.attempts += 1;
                again = job.attempts <= tries;
            }
            FetchError::Unreachable(_) => {
                job.attempts += 1;
                again = job.attempts <= tries;
                // The network answers "no" at once; asking again at once would bring the same.
                job.not_before = again.then(|| now + Duration::from_millis(500));
            }
            FetchError::GenErr | FetchError::V3NotInTimeWindow | FetchError::V3UnknownEngine => {
                job.attempts += 1;
                again = job.attempts <= tries;
            }
        }
        if again && what == What::System {
            self.ask_for_less(lane, n);
        }
        if again {
            return;
        }
        if what == What::System {
            self.system_failed(lane, n, &error, around, now);
            return;
        }
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        poll.jobs[n].outcome = Some(Err(explain(&error).into()));
        if matches!(what, What::Vlan(_)) {
            return self.vlan_failed(lane);
        }
        if matches!(error, FetchError::Timeout | FetchError::Unreachable(_)) {
            poll.silent += 1;
            if what == What::Uptime {
                let waited = waited(self.lane(lane), now);
                let credential = self.credential.unwrap_or(0);
                let reason = reason_of(&error, &self.spec.credentials, credential, true, waited);
                if let Some(poll) = self.lane(lane).as_mut() {
                    poll.unreachable = Some(reason);
                    poll.silent = 2;
                }
            }
        }
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        // Two tables without any answer: the device is gone, the others need not wait as long.
        if poll.silent >= 2 {
            let mut forgotten = Vec::new();
            for job in poll.jobs.iter_mut().filter(|j| j.outcome.is_none()) {
                forgotten.extend(job.request.take());
                job.outcome = Some(Err("the device stopped answering".into()));
            }
            self.forgotten.extend(forgotten);
        }
    }

    /// The question for the system group failed: again, with nothing beside it. An agent that twice in a row answers only then is
    /// not asked for more any longer.
    fn ask_for_less(&mut self, lane: Lane, n: usize) {
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        if std::mem::take(&mut poll.extras) != 0 {
            poll.jobs[n].walk = system_walk(0, &[]);
            self.extras_doubted = self.extras_doubted.saturating_add(1);
        }
    }

    /// The device did not answer with this credential.
    pub(super) fn system_failed(
        &mut self,
        lane: Lane,
        n: usize,
        error: &FetchError,
        around: &mut Surroundings,
        now: Instant,
    ) {
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        let credential = poll.credential;
        let tried = poll.tried.clone();
        let before = poll.unreachable.take();
        let rejected = matches!(
            error,
            FetchError::V3UnknownUser
                | FetchError::V3WrongDigest
                | FetchError::V3UnsupportedLevel
                | FetchError::V3Decryption
        );
        if rejected {
            let record = &mut self.records[credential];
            record.failures += 1;
            if record.failures >= around.config.credential_failures_max {
                // A device that locks accounts must not be driven into it by us.
                record.failures = 0;
                record.rests_until = Some(now + around.config.credential_rest);
                if self.credential == Some(credential) {
                    self.credential = None;
                }
            }
        }
        let known = self.memory.last_seen.is_some() && self.credential.is_some();
        let waited = waited(self.lane(lane), now);
        let reason = reason_of(error, &self.spec.credentials, credential, known, waited);
        // A rejection says more than silence.
        let reason = match before {
            Some(before) if before.code.starts_with("v3_") && !reason.code.starts_with("v3_") => {
                before
            }
            _ => reason,
        };
        let doubted = !self.is_quiet() && (rejected || !known);
        let next = doubted
            .then(|| {
                (0..self.spec.credentials.len())
                    .find(|c| !tried.contains(c) && !self.rests(*c, now))
            })
            .flatten();
        let walk = self.system_walk(0, around);
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        poll.unreachable = Some(reason);
        if let Some(next) = next {
            poll.credential = next;
            poll.tried.push(next);
            poll.extras = 0;
            poll.jobs[n] = Job::new(What::System, walk);
        } else {
            poll.jobs[n].outcome = Some(Err(explain(error).into()));
            poll.over = true;
        }
    }

    pub(super) fn succeeded(
        &mut self,
        lane: Lane,
        n: usize,
        what: What,
        around: &mut Surroundings,
        now: Instant,
    ) {
        match what {
            What::System => self.recognised(lane, n, around, now),
            What::Uptime | What::Module(_) => {}
            What::Table(table) => self.table_read(lane, n, table),
            What::Vlan(_) => {}
        }
    }

    /// The system group is here: who is it, and what shall be asked?
    pub(super) fn recognised(
        &mut self,
        lane: Lane,
        n: usize,
        around: &mut Surroundings,
        now: Instant,
    ) {
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        poll.unreachable = None;
        let credential = poll.credential;
        let asked = poll.extras;
        let columns = poll.jobs[n].walk.columns();
        let system = read::system(columns, asked, now);
        let has = present(columns, asked);
        let probed = SYSTEM.len() + asked.count_ones() as usize;
        let tried = columns.len() > probed;
        if let Some(answers) = columns.get(probed..).filter(|a| !a.is_empty()) {
            self.present = around
                .profiles
                .probes()
                .iter()
                .zip(answers)
                .filter(|(_, answer)| !answer.is_empty())
                .map(|(probe, _)| probe.clone())
                .collect();
        }
        self.credential = Some(credential);
        self.records[credential] = CredentialRecord::default();
        if self.is_quiet() {
            // The long pause after this poll was meant for a dead device.
            self.missed = 0;
            self.next_poll = self.next_poll.min(now + self.interval());
        }
        self.missed = 0;
        let says_the_same = !tried && self.memory.knows(&system);
        let Move {
            restarted,
            interfaces_changed,
        } = self.memory.meet(system.clone(), now);
        if asked == 0 && self.extras_doubted >= 2 {
            self.memory.extras = 0;
        }
        if asked != 0 {
            self.extras_doubted = 0;
            // What is not there is not asked for again, until the agent restarts: perhaps with another firmware.
            self.memory.extras = if restarted { EXTRAS_ALL } else { has };
        }
        let profile = match (&self.spec.profile, &self.profile) {
            // Dozens of patterns on a text that is what it was.
            (_, Some(known)) if says_the_same => Some(known.clone()),
            (Some(name), _) => around.profiles.named(name).cloned().map(|p| (p, false)),
            (None, _) => None,
        };
        let (profile, generic) = profile.unwrap_or_else(|| {
            let (profile, generic) =
                around
                    .profiles
                    .recognise(&system.object_id, &system.descr, &self.present);
            (profile.clone(), generic)
        });
        let same = self
            .profile
            .as_ref()
            .is_some_and(|(old, _)| Arc::ptr_eq(old, &profile));
        if !same {
            self.memory.change_family(&profile);
        }
        self.profile = Some((profile.clone(), generic));
        self.expire_exports(now);
        let legacy = self.spec.credentials[credential].version == SnmpVersion::V1;
        let mut jobs = Vec::new();
        for (t, table) in profile.tables.iter().enumerate() {
            let memory = &self.memory.tables[t];
            let offset = scatter(around.seed, &table.name, 4)
                ^ scatter(around.seed, self.spec.id.as_str(), 5);
            let slow = u64::from(around.config.slow_every.max(1));
            let its_turn = self.polls % slow == offset % slow;
            let due = match table.reader {
                Reader::InterfaceStatus => false,
                Reader::Interface32 => legacy || self.memory.lacks_64_bit,
                // Not in the first poll, which people wait for, and not again before its turn when it failed.
                Reader::Surrounding(_) => {
                    self.polls > 1
                        && (its_turn || memory.read_at.is_none() && memory.error.is_none())
                }
                _ if memory.read_at.is_none() || restarted || memory.error.is_some() => true,
                _ if self.export_waits_for(table) => true,
                _ if self.memory.replaced(table) => its_turn,
                Reader::InterfaceFacts | Reader::InterfaceEntities if interfaces_changed => true,
                // A table without rows is asked for as seldom as a slow one.
                _ => its_turn || (table.pace == Pace::Poll && memory.rows != Some(0)),
            };
            if due {
                let mut job = Job::new(
                    What::Table(t),
                    Walk::of(table, memory.rows.filter(|_| !restarted)),
                );
                job.last_in_line = matches!(table.reader, Reader::Surrounding(_));
                jobs.push(job);
            }
        }
        jobs.extend(self.module_jobs(&profile, around, restarted));
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        poll.rebooted = restarted.then(|| system.uptime_seconds());
        poll.jobs.extend(jobs);
    }

    /// A table is complete; some call for another one in the same poll.
    pub(super) fn table_read(&mut self, lane: Lane, n: usize, table: usize) {
        let Some((profile, _)) = self.profile.clone() else {
            return;
        };
        if matches!(profile.tables[table].reader, Reader::Surrounding(_)) {
            return self.surrounding_read(lane, n, &profile, table);
        }
        if !matches!(profile.tables[table].reader, Reader::InterfaceState) {
            return;
        }
        let poll = match lane {
            Lane::Full => &self.full,
            Lane::Urgent => &self.urgent,
            Lane::Probe => &self.probe,
        };
        let Some(poll) = poll else { return };
        let columns = poll.jobs[n].walk.columns();
        let lacks = read::lacks_64_bit(columns);
        let renumbered = !read::names_agree(columns, &self.memory.facts, &self.memory.interfaces);
        self.memory.lacks_64_bit = lacks;
        for (t, other) in profile.tables.iter().enumerate() {
            let wanted = match other.reader {
                Reader::Interface32 => lacks,
                Reader::InterfaceFacts | Reader::InterfaceEntities => renumbered,
                _ => false,
            };
            let Some(poll) = self.lane(lane).as_mut() else {
                return;
            };
            if wanted && !poll.jobs.iter().any(|j| j.what == What::Table(t)) {
                let rows = self.memory.tables[t].rows.filter(|_| !renumbered);
                let job = Job::new(What::Table(t), Walk::of(other, rows));
                if let Some(poll) = self.lane(lane).as_mut() {
                    poll.jobs.push(job);
                }
            }
        }
    }
}

/// The bits of `extras` whose values came, in the order in which they were asked for behind the system group.
fn present(columns: &[Column], extras: u8) -> u8 {
    let mut behind = columns.iter().skip(SYSTEM.len());
    (0..u8::BITS)
        .map(|n| extras & (1 << n))
        .filter(|bit| *bit != 0)
        .filter(|_| behind.next().is_some_and(|c| !c.is_empty()))
        .sum()
}

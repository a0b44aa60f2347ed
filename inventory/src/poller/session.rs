//! One device: its schedule, its credential, what it has been seen to bear, and the polls under way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::assemble::{Memory, TableMemory};
use super::walk::{Walk, WalkError};
use super::{
    FetchError, PollerConfig, PollerCounters, Request, RequestId, TimeoutReason, scatter, share,
};
use crate::profile::{Pace, Profile, Reader, SYSTEM, constant};
use crate::{
    Collection, CollectionScope, CredentialRef, DeviceSpec, ProfileSet, Reason, SnmpVersion,
    Statistics, Varbind, read,
};

/// A hastened look at one device at most this often: a trap storm must not become a poll storm.
const HASTEN_EVERY: Duration = Duration::from_secs(1);
/// How long the shell's own timeout may be late before its silence counts as one.
const SHELL_GRACE: Duration = Duration::from_secs(1);
/// Answers in a row that a smaller max-repetitions must bring before a larger one is tried again.
const STREAK: u32 = 64;
/// Missed polls after which the working credential is doubted and the others are tried.
const DOUBT_AFTER: u32 = 3;

/// What sessions share.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) config: PollerConfig,
    pub(super) profiles: Arc<ProfileSet>,
    pub(super) seed: u64,
    pub(super) counters: PollerCounters,
}

/// A scheduled poll and a hastened look run side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Full,
    Urgent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The system group: does it answer, and who is it?
    System,
    /// sysUpTime alone.
    Uptime,
    Table(usize),
}

#[derive(Debug)]
struct Job {
    what: What,
    walk: Walk,
    attempts: u32,
    request: Option<RequestId>,
    overdue_at: Option<Instant>,
    not_before: Option<Instant>,
    outcome: Option<Result<Instant, Arc<str>>>,
}

impl Job {
    fn new(what: What, walk: Walk) -> Self {
        Self {
            what,
            walk,
            attempts: 0,
            request: None,
            overdue_at: None,
            not_before: None,
            outcome: None,
        }
    }
}

#[derive(Debug)]
struct Poll {
    scope: CollectionScope,
    started_at: Option<Instant>,
    deadline: Option<Instant>,
    credential: usize,
    tried: Vec<usize>,
    jobs: Vec<Job>,
    statistics: Statistics,
    /// Tables in a row that got no answer at all.
    silent: u32,
    unreachable: Option<Reason>,
    rebooted: Option<u64>,
    over: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct CredentialRecord {
    failures: u32,
    rests_until: Option<Instant>,
}

/// One device.
#[derive(Debug)]
pub(super) struct Session {
    spec: DeviceSpec,
    profile: Option<(Arc<Profile>, bool)>,
    memory: Memory,
    credential: Option<usize>,
    records: Vec<CredentialRecord>,
    missed: u32,
    repetitions: u32,
    repetitions_max: u32,
    streak: u32,
    polls: u64,
    next_poll: Instant,
    hasten_at: Option<Instant>,
    hastened_at: Option<Instant>,
    full: Option<Poll>,
    urgent: Option<Poll>,
    timer: (Instant, TimeoutReason),
    pub(super) queued: bool,
    pub(super) finished: Vec<Collection>,
    pub(super) forgotten: Vec<RequestId>,
}

impl Session {
    pub(super) fn new(spec: DeviceSpec, around: &Surroundings, now: Instant) -> Self {
        // The first look comes soon, but not for all devices in the same moment.
        let first = now
            + share(
                (spec.poll_interval / 10).min(Duration::from_secs(1)),
                scatter(around.seed, spec.id.as_str(), 1),
            );
        Self {
            records: vec![CredentialRecord::default(); spec.credentials.len()],
            memory: Memory::new(spec.id.clone()),
            spec,
            profile: None,
            credential: None,
            missed: 0,
            repetitions: around.config.max_repetitions.max(1),
            repetitions_max: around.config.max_repetitions.max(1),
            streak: 0,
            polls: 0,
            next_poll: first,
            hasten_at: None,
            hastened_at: None,
            full: None,
            urgent: None,
            timer: (first, TimeoutReason::NextPoll),
            queued: false,
            finished: Vec::new(),
            forgotten: Vec::new(),
        }
    }

    /// The configuration says something new; what is known of the device stays.
    pub(super) fn respecify(&mut self, spec: DeviceSpec, around: &Surroundings, now: Instant) {
        if spec.credentials != self.spec.credentials {
            self.records = vec![CredentialRecord::default(); spec.credentials.len()];
            self.credential = None;
            for poll in [self.full.take(), self.urgent.take()].into_iter().flatten() {
                self.forgotten
                    .extend(poll.jobs.iter().filter_map(|j| j.request));
            }
        }
        if spec.profile != self.spec.profile {
            self.forget_profile();
        }
        let soon = Duration::from_millis(scatter(around.seed, spec.id.as_str(), 3) % 500);
        self.next_poll = self.next_poll.min(now + soon);
        self.spec = spec;
    }

    /// The device is recognised anew at its next poll.
    pub(super) fn forget_profile(&mut self) {
        self.profile = None;
    }

    /// A look as soon as may be.
    pub(super) fn hasten(&mut self, around: &Surroundings, now: Instant) {
        if self.profile.is_none() || self.credential.is_none() {
            // Nothing is known yet: only a whole poll can tell.
            self.next_poll = self.next_poll.min(now);
            return;
        }
        let earliest = self
            .hastened_at
            .map_or(now, |at| (at + HASTEN_EVERY).max(now));
        self.hasten_at = Some(self.hasten_at.map_or(earliest, |at| at.min(earliest)));
        let _ = around;
    }

    pub(super) fn timer(&self) -> Instant {
        self.timer.0
    }

    pub(super) fn timer_reason(&self) -> TimeoutReason {
        self.timer.1
    }

    pub(super) fn is_urgent(&self) -> bool {
        self.urgent.is_some()
    }

    pub(super) fn set_timer(&mut self, config: &PollerConfig) {
        let mut next = (self.next_poll, TimeoutReason::NextPoll);
        let mut consider = |at: Option<Instant>, reason| {
            if let Some(at) = at.filter(|at| *at < next.0) {
                next = (at, reason);
            }
        };
        if self.urgent.is_none() {
            consider(self.hasten_at, TimeoutReason::NextPoll);
        }
        for poll in [&self.full, &self.urgent].into_iter().flatten() {
            consider(poll.deadline, TimeoutReason::Deadline);
            let may_send = poll.jobs.iter().filter(|j| j.request.is_some()).count()
                < config.in_flight_per_device_max;
            for job in poll.jobs.iter().filter(|j| j.outcome.is_none()) {
                consider(job.overdue_at, TimeoutReason::Deadline);
                if job.request.is_none() && may_send {
                    consider(job.not_before, TimeoutReason::Retry);
                }
            }
        }
        self.timer = next;
    }

    /// Brings the session up to `now`: begins what is due, ends what is over.
    pub(super) fn advance(&mut self, around: &mut Surroundings, now: Instant) {
        self.expire(around, now);
        if self.next_poll <= now {
            self.begin_full(around, now);
        }
        if self.urgent.is_none() && self.hasten_at.is_some_and(|at| at <= now) {
            self.begin_urgent(around, now);
        }
        for lane in [Lane::Urgent, Lane::Full] {
            self.conclude(lane, around, now);
        }
    }

    fn lane(&mut self, lane: Lane) -> &mut Option<Poll> {
        match lane {
            Lane::Full => &mut self.full,
            Lane::Urgent => &mut self.urgent,
        }
    }

    fn begin_full(&mut self, around: &mut Surroundings, now: Instant) {
        // Polls keep a grid of their own, so that thousands of devices stay spread over the interval.
        let interval = self.spec.poll_interval.max(Duration::from_secs(1));
        let grid = if self.polls == 0 {
            interval / 2 + share(interval, scatter(around.seed, self.spec.id.as_str(), 2))
        } else {
            interval
        };
        self.next_poll += grid;
        if self.next_poll <= now {
            // We were asleep, or the poll was hastened: no catching up.
            self.next_poll = now + interval;
        }
        if self.full.is_some() {
            around.counters.polls_late += 1;
            return;
        }
        around.counters.polls += 1;
        self.polls += 1;
        let Some(credential) = self.first_credential(now) else {
            let reason = self
                .last_rejection()
                .unwrap_or_else(|| Reason::new("not_polled_yet"));
            let mut poll = self.poll(CollectionScope::Full, 0, Vec::new());
            poll.unreachable = Some(reason);
            poll.over = true;
            self.full = Some(poll);
            return;
        };
        let poll = self.poll(
            CollectionScope::Full,
            credential,
            vec![Job::new(What::System, system_walk())],
        );
        self.full = Some(poll);
    }

    fn begin_urgent(&mut self, around: &mut Surroundings, now: Instant) {
        self.hasten_at = None;
        self.hastened_at = Some(now);
        let (Some((profile, _)), Some(credential)) = (&self.profile, self.credential) else {
            return;
        };
        around.counters.polls += 1;
        let mut jobs = vec![Job::new(
            What::Uptime,
            Walk::new([constant(SYSTEM[2])].into(), true, None),
        )];
        for (n, table) in profile.tables.iter().enumerate().filter(|(_, t)| t.hasten) {
            let rows = match table.reader {
                Reader::InterfaceStatus => Some(self.memory.interfaces.len()),
                _ => self.memory.tables[n].rows,
            };
            jobs.push(Job::new(What::Table(n), Walk::of(table, rows)));
        }
        let poll = self.poll(CollectionScope::Hastened, credential, jobs);
        self.urgent = Some(poll);
    }

    fn poll(&self, scope: CollectionScope, credential: usize, jobs: Vec<Job>) -> Poll {
        Poll {
            scope,
            started_at: None,
            deadline: None,
            credential,
            tried: vec![credential],
            jobs,
            statistics: Statistics::default(),
            silent: 0,
            unreachable: None,
            rebooted: None,
            over: false,
        }
    }

    /// The credential to begin with: the one that works, else the first that does not rest.
    fn first_credential(&self, now: Instant) -> Option<usize> {
        self.credential
            .or_else(|| (0..self.spec.credentials.len()).find(|&n| !self.rests(n, now)))
    }

    fn rests(&self, credential: usize, now: Instant) -> bool {
        self.records[credential]
            .rests_until
            .is_some_and(|until| until > now)
    }

    fn last_rejection(&self) -> Option<Reason> {
        self.memory.unreachable.clone()
    }

    /// Whether a request may go out now.
    pub(super) fn wants_to_send(&self, config: &PollerConfig) -> bool {
        let open: usize = self.open_requests();
        [&self.urgent, &self.full]
            .into_iter()
            .flatten()
            .any(|poll| {
                poll.jobs
                    .iter()
                    .any(|j| j.outcome.is_none() && j.request.is_none() && j.not_before.is_none())
                    && (open < config.in_flight_per_device_max
                        || (open == config.in_flight_per_device_max && self.urgent_first()))
            })
    }

    fn open_requests(&self) -> usize {
        [&self.urgent, &self.full]
            .into_iter()
            .flatten()
            .flat_map(|p| &p.jobs)
            .filter(|j| j.request.is_some())
            .count()
    }

    /// A hastened look may use one request more than the limit of the device, so that it need not wait for a slow walk.
    fn urgent_first(&self) -> bool {
        self.urgent
            .as_ref()
            .is_some_and(|poll| poll.jobs.iter().all(|j| j.request.is_none()))
    }

    /// The next request of this device, if it may send one.
    pub(super) fn next_request(
        &mut self,
        id: RequestId,
        around: &mut Surroundings,
        now: Instant,
    ) -> Option<(Lane, usize, Request)> {
        if !self.wants_to_send(&around.config) {
            return None;
        }
        let over_limit = self.open_requests() >= around.config.in_flight_per_device_max;
        let lanes: &[Lane] = if over_limit {
            &[Lane::Urgent]
        } else {
            &[Lane::Urgent, Lane::Full]
        };
        for &lane in lanes {
            let (repetitions, device, credentials) = (
                self.repetitions,
                self.spec.id.clone(),
                self.spec.credentials.clone(),
            );
            let Some(poll) = self.lane(lane).as_mut() else {
                continue;
            };
            let Some(n) = poll
                .jobs
                .iter()
                .position(|j| j.outcome.is_none() && j.request.is_none() && j.not_before.is_none())
            else {
                continue;
            };
            let Some(credential) = credentials.get(poll.credential).cloned() else {
                continue;
            };
            let config = &around.config;
            if poll.started_at.is_none() {
                poll.started_at = Some(now);
                poll.deadline = Some(now + config.device_deadline);
            }
            let job = &mut poll.jobs[n];
            let bulk = credential.version != SnmpVersion::V1;
            let (op, oids) = job
                .walk
                .question(bulk, repetitions, config.request_varbinds_max);
            // Each try waits longer: a slow agent that is asked again at once only gets slower.
            let timeout = config
                .request_timeout
                .mul_f64(1.0 + 0.5 * f64::from(job.attempts));
            job.request = Some(id);
            job.overdue_at = Some(now + timeout + SHELL_GRACE);
            poll.statistics.requests += 1;
            around.counters.requests += 1;
            if job.attempts > 0 {
                poll.statistics.retries += 1;
                around.counters.retries += 1;
            }
            return Some((
                lane,
                n,
                Request {
                    id,
                    device,
                    credential,
                    op,
                    oids,
                    timeout,
                },
            ));
        }
        None
    }

    /// Ends what has waited too long.
    fn expire(&mut self, around: &mut Surroundings, now: Instant) {
        for lane in [Lane::Urgent, Lane::Full] {
            let Some(poll) = self.lane(lane).as_mut() else {
                continue;
            };
            for job in &mut poll.jobs {
                if job.not_before.is_some_and(|at| at <= now) {
                    job.not_before = None;
                }
            }
            if poll.deadline.is_some_and(|at| at <= now) && !poll.over {
                around.counters.polls_late += 1;
                let mut forgotten = Vec::new();
                for job in poll.jobs.iter_mut().filter(|j| j.outcome.is_none()) {
                    forgotten.extend(job.request.take());
                    job.outcome = Some(Err("the device's time was up".into()));
                }
                self.forgotten.extend(forgotten);
                continue;
            }
            let overdue: Vec<(usize, RequestId)> = poll
                .jobs
                .iter()
                .enumerate()
                .filter(|(_, j)| j.overdue_at.is_some_and(|at| at <= now))
                .filter_map(|(n, j)| Some((n, j.request?)))
                .collect();
            for (n, request) in overdue {
                self.forgotten.push(request);
                self.reply(lane, n, Err(FetchError::Timeout), 0, around, now);
            }
        }
    }

    /// An answer, or its absence.
    pub(super) fn reply(
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
                match job.walk.answer(varbinds, around.config.walk_varbinds_max) {
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
                if rows {
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
    fn grow(&mut self) {
        self.streak += 1;
        if self.streak >= STREAK && self.repetitions < self.repetitions_max {
            self.repetitions = (self.repetitions * 2).min(self.repetitions_max);
            self.streak = 0;
        }
    }

    /// The agent did not bear the last question: ask for half as much from now on.
    fn shrink(&mut self) -> bool {
        self.streak = 0;
        let smaller = (self.repetitions / 2).max(1);
        std::mem::replace(&mut self.repetitions, smaller) > 1
    }

    fn failed(
        &mut self,
        lane: Lane,
        n: usize,
        error: FetchError,
        around: &mut Surroundings,
        now: Instant,
    ) {
        let retries = around.config.retries;
        let several = self.spec.credentials.len() > 1;
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        let job = &mut poll.jobs[n];
        let (what, rows) = (job.what, job.walk.asks_rows());
        // While credentials are tried one after the other, one more try each must do.
        let tries = if what == What::System && several {
            retries.min(1)
        } else {
            retries
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
                again = self.shrink()
                    || self
                        .lane(lane)
                        .as_mut()
                        .is_some_and(|p| p.jobs[n].walk.narrow());
            }
            FetchError::TooBig => again = job.walk.narrow(),
            FetchError::Timeout => {
                around.counters.timeouts += 1;
                job.attempts += 1;
                again = job.attempts <= tries;
                if rows {
                    self.shrink();
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

    /// The device did not answer with this credential.
    fn system_failed(
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
        let doubted = rejected || !known || self.missed >= DOUBT_AFTER;
        let next = doubted
            .then(|| {
                (0..self.spec.credentials.len())
                    .find(|c| !tried.contains(c) && !self.rests(*c, now))
            })
            .flatten();
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        poll.unreachable = Some(reason);
        if let Some(next) = next {
            poll.credential = next;
            poll.tried.push(next);
            poll.jobs[n] = Job::new(What::System, system_walk());
        } else {
            poll.jobs[n].outcome = Some(Err(explain(error).into()));
            poll.over = true;
        }
    }

    fn succeeded(
        &mut self,
        lane: Lane,
        n: usize,
        what: What,
        around: &mut Surroundings,
        now: Instant,
    ) {
        match what {
            What::System => self.recognised(lane, n, around, now),
            What::Uptime => {}
            What::Table(table) => self.table_read(lane, n, table),
        }
    }

    /// The system group is here: who is it, and what shall be asked?
    fn recognised(&mut self, lane: Lane, n: usize, around: &mut Surroundings, now: Instant) {
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        poll.unreachable = None;
        let credential = poll.credential;
        let system = read::system(poll.jobs[n].walk.columns(), now);
        self.credential = Some(credential);
        self.records[credential] = CredentialRecord::default();
        self.missed = 0;
        let restarted = self.memory.meet(system.clone(), now);
        let profile = match &self.spec.profile {
            Some(name) => around.profiles.named(name).cloned().map(|p| (p, false)),
            None => None,
        };
        let (profile, generic) = profile.unwrap_or_else(|| {
            let (profile, generic) = around.profiles.recognise(&system.object_id, &system.descr);
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
                _ if memory.read_at.is_none() || restarted || memory.error.is_some() => true,
                // A table without rows is asked for as seldom as a slow one.
                _ => its_turn || (table.pace == Pace::Poll && memory.rows != Some(0)),
            };
            if due {
                jobs.push(Job::new(
                    What::Table(t),
                    Walk::of(table, memory.rows.filter(|_| !restarted)),
                ));
            }
        }
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        poll.rebooted = restarted.then(|| system.uptime_seconds());
        poll.jobs.extend(jobs);
    }

    /// A table is complete; some call for another one in the same poll.
    fn table_read(&mut self, lane: Lane, n: usize, table: usize) {
        let Some((profile, _)) = self.profile.clone() else {
            return;
        };
        if !matches!(profile.tables[table].reader, Reader::InterfaceState) {
            return;
        }
        let poll = match lane {
            Lane::Full => &self.full,
            Lane::Urgent => &self.urgent,
        };
        let Some(poll) = poll else { return };
        let columns = poll.jobs[n].walk.columns();
        let lacks = read::lacks_64_bit(columns);
        let renumbered = !read::names_agree(columns, &self.memory.facts, &self.memory.interfaces);
        self.memory.lacks_64_bit = lacks;
        for (t, other) in profile.tables.iter().enumerate() {
            let wanted = match other.reader {
                Reader::Interface32 => lacks,
                Reader::InterfaceFacts => renumbered,
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

    /// Ends a poll that has nothing more to wait for.
    fn conclude(&mut self, lane: Lane, around: &mut Surroundings, now: Instant) {
        let Some(poll) = self.lane(lane).as_ref() else {
            return;
        };
        if !poll.over && poll.jobs.iter().any(|j| j.outcome.is_none()) {
            return;
        }
        let Some(mut poll) = self.lane(lane).take() else {
            return;
        };
        self.forgotten
            .extend(poll.jobs.iter().filter_map(|j| j.request));
        let started_at = poll.started_at.unwrap_or(now);
        poll.statistics.duration = now.saturating_duration_since(started_at);
        let system_answered = poll
            .jobs
            .first()
            .is_some_and(|j| matches!(j.outcome, Some(Ok(_))));
        if poll.unreachable.is_none() && !system_answered {
            // The deadline came before the first answer.
            let known = self.memory.last_seen.is_some();
            let waited = poll.statistics.duration.as_secs_f64();
            poll.unreachable = Some(reason_of(
                &FetchError::Timeout,
                &self.spec.credentials,
                poll.credential,
                known,
                waited,
            ));
        }
        if poll.unreachable.is_some() {
            self.missed = self.missed.saturating_add(1);
        }
        self.memory.unreachable = poll.unreachable.clone();
        let mut errors = Vec::new();
        if poll.unreachable.is_none() {
            if let Some((profile, _)) = self.profile.clone() {
                errors = self.harvest(&mut poll, &profile, now);
            }
        }
        if poll.scope == CollectionScope::Hastened && self.memory.doubtful {
            // Restarted or renumbered: the fast look cannot tell which interface is which.
            self.memory.doubtful = false;
            self.next_poll = now;
            if poll.unreachable.is_none() {
                return self.advance(around, now);
            }
        }
        let collection = self.memory.collection(
            poll.scope,
            (started_at, now),
            poll.unreachable,
            self.credential
                .and_then(|c| self.spec.credentials.get(c).cloned()),
            poll.rebooted,
            self.profile
                .as_ref()
                .map(|(profile, generic)| (&**profile, *generic)),
            errors,
            poll.statistics,
        );
        self.finished.push(collection);
    }

    /// Hands the finished jobs to the memory, in the order in which they build on each other.
    fn harvest(&mut self, poll: &mut Poll, profile: &Profile, now: Instant) -> Vec<Reason> {
        let mut errors = Vec::new();
        self.memory.last_seen = Some(now);
        let mut jobs: Vec<Job> = std::mem::take(&mut poll.jobs);
        jobs.sort_by_key(|j| match j.what {
            What::System | What::Uptime => 0,
            What::Table(t) => profile
                .tables
                .get(t)
                .map_or(u8::MAX, |table| TableMemory::rank(&table.reader)),
        });
        for job in jobs {
            match (job.what, job.outcome) {
                (What::Uptime, Some(Ok(at))) => self.memory.uptime(&job.walk.into_columns(), at),
                (What::Table(t), Some(Ok(at))) if t < profile.tables.len() => {
                    self.memory.accept(
                        t,
                        profile,
                        job.walk.into_columns(),
                        poll.rebooted.is_some(),
                        at,
                    );
                }
                (What::Table(t), Some(Err(detail))) if t < profile.tables.len() => {
                    errors.push(
                        Reason::new("table_failed")
                            .with("table", &*profile.tables[t].name)
                            .with("detail", &*detail),
                    );
                    self.memory.tables[t].error = Some(detail);
                }
                _ => {}
            }
        }
        self.memory.settle(profile);
        errors
    }
}

fn system_walk() -> Walk {
    Walk::new(SYSTEM.iter().map(|o| constant(o)).collect(), true, None)
}

fn waited(poll: &Option<Poll>, now: Instant) -> f64 {
    poll.as_ref()
        .and_then(|p| p.started_at)
        .map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64())
}

/// The reason that people see for a device that does not answer.
fn reason_of(
    error: &FetchError,
    credentials: &[CredentialRef],
    credential: usize,
    known: bool,
    waited: f64,
) -> Reason {
    let credential = credentials.get(credential);
    let user = credential
        .and_then(|c| c.user.as_deref())
        .unwrap_or_default();
    let community = credential.is_some_and(|c| c.version != SnmpVersion::V3);
    match error {
        // An agent keeps silent about a wrong community: until it answered once, nobody can tell.
        FetchError::Timeout if community && !known => Reason::new("timeout_or_community"),
        FetchError::Timeout => Reason::new("timeout").with("seconds", waited.round() as i64),
        FetchError::V3UnknownUser => Reason::new("v3_unknown_user").with("user", user),
        FetchError::V3WrongDigest => Reason::new("v3_wrong_digest").with("user", user),
        FetchError::V3NotInTimeWindow => Reason::new("v3_not_in_time_window"),
        FetchError::V3UnsupportedLevel => Reason::new("v3_unsupported_level"),
        FetchError::V3Decryption => Reason::new("v3_decryption"),
        FetchError::V3UnknownEngine => Reason::new("v3_unknown_engine"),
        other => Reason::new("unreachable").with("detail", explain(other)),
    }
}

fn explain(error: &FetchError) -> String {
    match error {
        FetchError::Timeout => "no answer".to_owned(),
        FetchError::TooBig => "tooBig even for one row".to_owned(),
        FetchError::GenErr => "genErr".to_owned(),
        FetchError::NoSuchName => "noSuchName".to_owned(),
        FetchError::V3UnknownUser => "unknown user".to_owned(),
        FetchError::V3WrongDigest => "wrong digest".to_owned(),
        FetchError::V3NotInTimeWindow => "not in the time window".to_owned(),
        FetchError::V3UnsupportedLevel => "unsupported security level".to_owned(),
        FetchError::V3Decryption => "decryption failed".to_owned(),
        FetchError::V3UnknownEngine => "unknown engine".to_owned(),
        FetchError::Unreachable(detail) | FetchError::Malformed(detail) => read::clean(detail),
    }
}

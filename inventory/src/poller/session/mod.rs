//! One device: its schedule, its credential, what it has been seen to bear, and the polls under way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::api::ProbeError;
use super::assemble::{Memory, TableMemory};
use super::walk::Walk;
use super::{
    Context, FetchError, PollerConfig, PollerCounters, RequestId, TimeoutReason, scatter, share,
};
use crate::export::{ModuleId, ModuleRows};
use crate::profile::{Profile, Reader, SYSTEM, SYSTEM_EXTRAS, TablePlan, constant};
use crate::{Collection, CollectionScope, DeviceSpec, ProfileSet, Reason, Statistics};
use reason::reason_of;

mod answer;
mod export;
mod patience;
pub(crate) mod reason;
mod send;
mod vlans;

/// A hastened look at one device at most this often: a trap storm must not become a poll storm.
const HASTEN_EVERY: Duration = Duration::from_secs(1);
/// How long the shell's own timeout may be late before its silence counts as one.
const SHELL_GRACE: Duration = Duration::from_secs(1);
/// The longest that [`Session::streak_needed`] grows.
const STREAK_MAX: u32 = 8_192;
/// Answers in a row that a smaller max-repetitions must bring before a larger one is tried again, at first.
const STREAK: u32 = 64;

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
    /// A module that somebody waits for.
    Probe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The system group: does it answer, and who is it?
    System,
    /// sysUpTime alone.
    Uptime,
    Table(usize),
    /// The bridge table of one VLAN, in its own context.
    Vlan(u16),
    /// Columns of a module that no table of the profile has.
    Module(ModuleId),
}

impl What {
    fn context(self) -> Option<Context> {
        match self {
            Self::Vlan(vlan) => Some(Context::Vlan(vlan)),
            Self::System | Self::Uptime | Self::Table(_) | Self::Module(_) => None,
        }
    }
}

#[derive(Debug)]
struct Job {
    what: What,
    walk: Walk,
    /// Of the answers so far.
    bytes: usize,
    /// About the surroundings of the device: gives up its place when time grows short.
    last_in_line: bool,
    attempts: u32,
    /// Rows that this walk asks for since an answer failed to come: what the device bears is learnt only when one comes.
    rows_max: Option<u32>,
    request: Option<RequestId>,
    overdue_at: Option<Instant>,
    not_before: Option<Instant>,
    outcome: Option<Result<Instant, Arc<str>>>,
}

impl Job {
    fn new(what: What, walk: Walk) -> Self {
        Self {
            last_in_line: matches!(what, What::Vlan(_)),
            what,
            walk,
            bytes: 0,
            attempts: 0,
            rows_max: None,
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
    /// Bits of `profile::SYSTEM_EXTRAS` that the system group is asked with.
    extras: u8,
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
    /// Which of the probes the agent had when it was recognised first.
    present: Vec<crate::Oid>,
    memory: Memory,
    credential: Option<usize>,
    records: Vec<CredentialRecord>,
    missed: u32,
    repetitions: u32,
    repetitions_max: u32,
    streak: u32,
    /// Doubles each time the agent did not bear a question.
    streak_needed: u32,
    polls: u64,
    /// VLANs in use, and the last one whose bridge table was asked for.
    vlans: Vec<u16>,
    vlan_asked: u16,
    /// Polls to pass before VLAN contexts are tried again: the agent did not know them.
    vlans_rest: u64,
    /// Polls in a row in which the system group came only when nothing was asked beside it.
    extras_doubted: u32,
    next_poll: Instant,
    hasten_at: Option<Instant>,
    hastened_at: Option<Instant>,
    full: Option<Poll>,
    urgent: Option<Poll>,
    probe: Option<Poll>,
    /// Which question the poll in `probe` answers, and with which module.
    probing: Option<(u64, ModuleId)>,
    /// Modules that are read with every poll, each until then.
    exports: Vec<(ModuleId, Instant)>,
    timer: (Instant, TimeoutReason),
    pub(super) queued: bool,
    pub(super) finished: Vec<Collection>,
    pub(super) probed: Vec<(u64, Result<ModuleRows, ProbeError>)>,
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
            present: Vec::new(),
            credential: None,
            missed: 0,
            repetitions: around.config.max_repetitions.max(1),
            repetitions_max: around.config.max_repetitions.max(1),
            streak: 0,
            streak_needed: STREAK,
            polls: 0,
            vlans: Vec::new(),
            vlan_asked: 0,
            vlans_rest: 0,
            extras_doubted: 0,
            next_poll: first,
            hasten_at: None,
            hastened_at: None,
            full: None,
            urgent: None,
            probe: None,
            probing: None,
            exports: Vec::new(),
            timer: (first, TimeoutReason::NextPoll),
            queued: false,
            finished: Vec::new(),
            probed: Vec::new(),
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
            self.abandon_probe();
        }
        if spec.profile != self.spec.profile {
            self.forget_profile();
        }
        let soon = Duration::from_millis(scatter(around.seed, spec.id.as_str(), 3) % 500);
        self.next_poll = self.next_poll.min(now + soon);
        self.spec = spec;
    }

    /// The first question of a poll; a device that is not known yet is also asked what tells families apart.
    fn system_walk(&self, extras: u8, around: &Surroundings) -> Walk {
        match self.profile {
            Some(_) => system_walk(extras, &[]),
            None => system_walk(extras, around.profiles.probes()),
        }
    }

    /// The device is recognised anew at its next poll.
    pub(super) fn forget_profile(&mut self) {
        self.profile = None;
    }

    /// A look as soon as may be.
    pub(super) fn hasten(&mut self, now: Instant) {
        if self.profile.is_none() || self.credential.is_none() {
            // Nothing is known yet: only a whole poll can tell.
            self.next_poll = self.next_poll.min(now);
            return;
        }
        let earliest = self
            .hastened_at
            .map_or(now, |at| (at + HASTEN_EVERY).max(now));
        self.hasten_at = Some(self.hasten_at.map_or(earliest, |at| at.min(earliest)));
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
        for poll in [&self.full, &self.urgent, &self.probe]
            .into_iter()
            .flatten()
        {
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
        self.conclude_probe(now);
    }

    fn lane(&mut self, lane: Lane) -> &mut Option<Poll> {
        match lane {
            Lane::Full => &mut self.full,
            Lane::Urgent => &mut self.urgent,
            Lane::Probe => &mut self.probe,
        }
    }

    fn begin_full(&mut self, around: &mut Surroundings, now: Instant) {
        // Polls keep a grid of their own, so that thousands of devices stay spread over the interval.
        let interval = self.interval();
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
        let Some(credential) = self.credential_to_ask(now) else {
            let reason = self
                .last_rejection()
                .unwrap_or_else(|| Reason::new("not_polled_yet"));
            let mut poll = self.poll(CollectionScope::Full, 0, Vec::new());
            poll.unreachable = Some(reason);
            poll.over = true;
            self.full = Some(poll);
            return;
        };
        let extras = self.extras(credential);
        let poll = self.poll(
            CollectionScope::Full,
            credential,
            vec![Job::new(What::System, self.system_walk(extras, around))],
        );
        self.full = Some(Poll { extras, ..poll });
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
            extras: 0,
            silent: 0,
            unreachable: None,
            rebooted: None,
            over: false,
        }
    }

    fn rests(&self, credential: usize, now: Instant) -> bool {
        self.records[credential]
            .rests_until
            .is_some_and(|until| until > now)
    }

    fn last_rejection(&self) -> Option<Reason> {
        self.memory.unreachable.clone()
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
        poll.statistics.max_repetitions = self.repetitions;
        poll.statistics.walk_errors = poll
            .jobs
            .iter()
            .filter(|j| matches!((j.what, &j.outcome), (What::Table(_), Some(Err(_)))))
            .count() as u64;
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
        } else if lane == Lane::Urgent && std::mem::take(&mut self.missed) > 0 {
            // It is back: the whole of it is read now, not when its long pause is over.
            self.next_poll = now;
        }
        self.memory.unreachable = poll.unreachable.clone();
        let mut errors = Vec::new();
        if poll.unreachable.is_none()
            && let Some((profile, _)) = self.profile.clone()
        {
            errors = self.harvest(&mut poll, &profile, around, now);
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
    fn harvest(
        &mut self,
        poll: &mut Poll,
        profile: &Profile,
        around: &mut Surroundings,
        now: Instant,
    ) -> Vec<Reason> {
        let mut errors = Vec::new();
        let mut cut = 0;
        self.memory.last_seen = Some(now);
        let mut jobs: Vec<Job> = std::mem::take(&mut poll.jobs);
        jobs.sort_by_key(|j| match j.what {
            What::System | What::Uptime => 0,
            What::Vlan(_) => u8::MAX,
            What::Table(t) => profile
                .tables
                .get(t)
                .map_or(u8::MAX, |table| TableMemory::rank(&table.reader)),
            What::Module(_) => u8::MAX,
        });
        for job in jobs {
            match (job.what, job.outcome) {
                (What::Uptime, Some(Ok(at))) => self.memory.uptime(&job.walk.into_columns(), at),
                (What::Table(t), Some(Ok(at))) if t < profile.tables.len() => {
                    self.memory.tables[t].cut = job.walk.was_cut();
                    cut += u64::from(job.walk.was_cut());
                    let columns = job.walk.into_columns();
                    if is_exported(&profile.tables[t]) {
                        self.memory
                            .keep(None, &profile.tables[t].oids, &columns, at);
                    }
                    self.memory
                        .accept(t, profile, columns, poll.rebooted.is_some(), at);
                }
                (What::Vlan(vlan), Some(Ok(_))) => {
                    cut += u64::from(job.walk.was_cut());
                    let columns = job.walk.into_columns();
                    self.memory.accept_vlan(vlan, &columns, &self.vlans);
                }
                (What::Module(module), Some(Ok(at))) => {
                    let roots = job.walk.roots();
                    self.memory
                        .keep(Some(module), &roots, &job.walk.into_columns(), at);
                }
                (What::Module(module), Some(Err(detail))) => errors.push(
                    Reason::new("table_failed")
                        .with("table", module.module().name)
                        .with("detail", &*detail),
                ),
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
        around.counters.tables_cut += cut;
        if poll.scope == CollectionScope::Full {
            let began = poll.started_at.unwrap_or(now);
            self.memory.stamp_modules(
                now,
                now.saturating_duration_since(began),
                poll.statistics.varbinds,
            );
        }
        self.memory.settle(profile);
        errors
    }
}

/// Whether a table's rows may be shown under the names of a module: the second reader of a column would show it at two ages.
fn is_exported(table: &TablePlan) -> bool {
    !table.scalar && !matches!(table.reader, Reader::Interface32 | Reader::InterfaceStatus)
}

/// The system group, behind it those of [`SYSTEM_EXTRAS`] whose bit is set, then the probes.
fn system_walk(extras: u8, probes: &[crate::Oid]) -> Walk {
    let also = SYSTEM_EXTRAS
        .iter()
        .enumerate()
        .filter(|(n, _)| extras & (1 << n) != 0)
        .map(|(_, o)| o);
    let system = SYSTEM.iter().chain(also).map(|o| constant(o));
    Walk::new(system.chain(probes.iter().cloned()).collect(), true, None)
}

fn waited(poll: &Option<Poll>, now: Instant) -> f64 {
    poll.as_ref()
        .and_then(|p| p.started_at)
        .map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64())
}

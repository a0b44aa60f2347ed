//! Looks for devices that nobody watches yet.
//!
//! A scan goes through ranges and seeds, asks each address once with each credential until one is taken, and follows the neighbours of what
//! answers as far as the plan allows. Two things hold whatever happens: no packet leaves the allowed ground, and no address sees more failed
//! credentials than the plan grants, over scans and restarts.

mod api;
mod budget;
mod crawl;
mod ground;
mod identity;
mod probe;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use api::{
    ADDRESSES_MAX, CrawlSource, DiscoveryPlan, Finding, Input, Known, Origin, Output, PastFailures,
    ProbeError, ProbeRequest, Progress, TimeoutReason, Verdict,
};
use budget::{FailureBook, Rate};
pub use ground::addresses_of;
use ground::{Sweep, is_excluded, is_within};
pub use identity::Identification;
use probe::Probe;

use crate::poller::RequestId;
use crate::{ProfileSet, Varbind};

/// The first scheduled scan comes this soon after the plan: late enough for the watched devices to have answered.
const FIRST_SCAN: Duration = Duration::from_secs(60);

/// Looks for devices.
#[derive(Debug)]
pub struct Discovery {
    plan: DiscoveryPlan,
    profiles: Arc<ProfileSet>,
    known: HashMap<SocketAddr, Known>,
    book: FailureBook,
    scan: Option<Scan>,
    last: Progress,
    next_scan: Option<Instant>,
    outputs: VecDeque<Output>,
    requests_made: u64,
    wake: Option<Instant>,
}

#[derive(Debug)]
struct Scan {
    sweep: Sweep,
    /// Seeds and neighbours, which come before the sweep.
    queue: VecDeque<(SocketAddr, Origin, u32)>,
    seen: HashSet<SocketAddr>,
    probes: BTreeMap<u64, Probe>,
    probes_made: u64,
    /// Probes that have something to ask.
    ready: VecDeque<u64>,
    in_flight: HashMap<RequestId, u64>,
    rate: Rate,
    /// Devices that answered, by address.
    found: BTreeMap<SocketAddr, Finding>,
    progress: Progress,
}

impl Discovery {
    /// A discovery without a plan, which does nothing.
    #[must_use]
    pub fn new(profiles: Arc<ProfileSet>) -> Self {
        Self {
            plan: DiscoveryPlan::default(),
            profiles,
            known: HashMap::new(),
            book: FailureBook::default(),
            scan: None,
            last: Progress::default(),
            next_scan: None,
            outputs: VecDeque::new(),
            requests_made: 0,
            wake: None,
        }
    }

    /// Takes one input.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        match input {
            Input::Plan(plan) => self.replan(*plan, now),
            Input::Profiles(profiles) => self.profiles = profiles,
            Input::Known(known) => {
                self.known = known.into_iter().map(|k| (k.address, k)).collect();
            }
            Input::Failures(past) => {
                for failures in past {
                    self.book
                        .restore(failures.address, failures.count, now + failures.rest);
                }
            }
            Input::Forgive(addresses) => {
                for ip in addresses {
                    self.book.forgive(ip);
                }
            }
            Input::Scan => self.begin(now),
            Input::Stop => self.stop(),
            Input::Reply { request, result } => self.reply(request, result, now),
            Input::Timeout => {}
        }
        if self.next_scan.is_some_and(|at| at <= now) {
            self.next_scan = self.plan.every.map(|every| now + every);
            self.begin(now);
        }
        self.pump(now);
    }

    /// The next wish; call until [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match (self.wake, self.next_scan) {
            (Some(at), scan) if scan.is_none_or(|scan| at <= scan) => {
                Output::Timeout(Some(at), TimeoutReason::Rate)
            }
            (_, Some(at)) => Output::Timeout(Some(at), TimeoutReason::NextScan),
            _ => Output::Timeout(None, TimeoutReason::Idle),
        }
    }

    /// Whether a scan is under way.
    #[must_use]
    pub fn is_scanning(&self) -> bool {
        self.scan.is_some()
    }

    /// How far the scan is, or how the last one ended.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.scan.as_ref().map_or(self.last, |scan| scan.progress)
    }

    /// Requests sent and not yet answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.scan.as_ref().map_or(0, |scan| scan.in_flight.len())
    }

    /// Time to the next scheduled scan.
    #[must_use]
    pub fn next_scan(&self) -> Option<Instant> {
        self.next_scan
    }

    fn replan(&mut self, plan: DiscoveryPlan, now: Instant) {
        if plan == self.plan {
            return;
        }
        self.stop();
        if plan.credentials != self.plan.credentials {
            self.book.clear();
        }
        if plan.every != self.plan.every {
            self.next_scan = plan.every.map(|every| now + every.min(FIRST_SCAN));
        }
        self.plan = plan;
    }

    fn begin(&mut self, now: Instant) {
        if self.scan.is_some() {
            return;
        }
        let (sweep, total) = Sweep::of(&self.plan);
        let queue: VecDeque<_> = self
            .plan
            .seeds
            .iter()
            .map(|seed| (*seed, Origin::Seed, 0))
            .collect();
        let progress = Progress {
            addresses: total.saturating_add(queue.len() as u64),
            ..Progress::default()
        };
        self.scan = Some(Scan {
            sweep,
            queue,
            seen: HashSet::new(),
            probes: BTreeMap::new(),
            probes_made: 0,
            ready: VecDeque::new(),
            in_flight: HashMap::new(),
            rate: Rate::new(self.plan.rate_per_second, now),
            found: BTreeMap::new(),
            progress,
        });
        self.outputs.push_back(Output::Started);
    }

    fn stop(&mut self) {
        if let Some(mut scan) = self.scan.take() {
            scan.progress.stopped = true;
            self.finish(scan.progress);
        }
    }

    fn finish(&mut self, progress: Progress) {
        self.last = progress;
        self.scan = None;
        self.wake = None;
        self.outputs.push_back(Output::Finished(progress));
    }

    fn reply(
        &mut self,
        request: RequestId,
        result: Result<Vec<Varbind>, ProbeError>,
        now: Instant,
    ) {
        let Some(scan) = &mut self.scan else {
            self.last.replies_unexpected += 1;
            return;
        };
        let Some(slot) = scan.in_flight.remove(&request) else {
            scan.progress.replies_unexpected += 1;
            return;
        };
        let Some(probe) = scan.probes.get_mut(&slot) else {
            return;
        };
        if probe.answer(result, &self.plan, &self.profiles, &mut self.book, now) {
            scan.progress.failures += 1;
        }
        // A device that was met already at another address has told its neighbours there.
        if probe.is_identified()
            && let Some(identity) = &probe.identity
            && scan.found.values().any(|other| {
                other.address != probe.address
                    && other.identity.as_ref().is_some_and(|i| i.is_same(identity))
            })
        {
            probe.end();
        }
        for (source, ip) in probe.neighbours.drain(..).collect::<Vec<_>>() {
            let (of, depth) = (probe.address, probe.depth + 1);
            let address = SocketAddr::new(ip, self.plan.port);
            if !is_within(&self.plan, ip) {
                scan.progress.outside += 1;
            } else if !scan.seen.contains(&address) && scan.queue.len() < ADDRESSES_MAX {
                scan.queue
                    .push_back((address, Origin::Neighbour { of, source }, depth));
            }
        }
        scan.ready.push_back(slot);
    }

    /// Hands out questions as far as the rate and the places in flight allow.
    fn pump(&mut self, now: Instant) {
        self.wake = None;
        loop {
            let Some(scan) = &mut self.scan else { return };
            if scan.in_flight.len() >= self.plan.in_flight_max.max(1) {
                return;
            }
            let Some(slot) = scan.ready.pop_front().or_else(|| self.open(now)) else {
                let Some(scan) = &self.scan else { return };
                if scan.probes.is_empty() {
                    let progress = scan.progress;
                    self.finish(progress);
                }
                return;
            };
            let Some(scan) = &mut self.scan else { return };
            let Some(probe) = scan.probes.get_mut(&slot) else {
                continue;
            };
            let Some(question) = probe.question(&self.plan, &self.book, now) else {
                self.conclude(slot, now);
                continue;
            };
            if let Err(at) = scan.rate.take(question.datagrams, now) {
                probe.put_back();
                scan.ready.push_front(slot);
                self.wake = Some(at);
                return;
            }
            self.requests_made += 1;
            let id = RequestId(self.requests_made);
            scan.in_flight.insert(id, slot);
            scan.progress.requests += 1;
            self.outputs.push_back(Output::Send(ProbeRequest {
                id,
                address: probe.address,
                credential: question.credential,
                op: question.op,
                oids: question.oids,
                timeout: self.plan.request_timeout,
            }));
        }
    }

    /// Begins with the next address; `None` when none is left.
    fn open(&mut self, now: Instant) -> Option<u64> {
        let scan = self.scan.as_mut()?;
        loop {
            let (address, origin, depth) = match scan.queue.pop_front() {
                Some(next) => next,
                None => (scan.sweep.next()?, Origin::Range, 0),
            };
            if scan.seen.len() >= ADDRESSES_MAX {
                scan.progress.skipped += 1;
                // What is left of the sweep is known without walking through it.
                if origin == Origin::Range {
                    return None;
                }
                continue;
            }
            if !scan.seen.insert(address) {
                continue;
            }
            scan.progress.addresses = scan.progress.addresses.max(scan.seen.len() as u64);
            if is_excluded(&self.plan, address.ip()) {
                scan.progress.excluded += 1;
                scan.progress.done += 1;
                continue;
            }
            let known = self.known.get(&address).cloned();
            if known.is_none() && !self.book.has_room(address.ip(), now) {
                scan.progress.skipped += 1;
                continue;
            }
            scan.probes_made += 1;
            let slot = scan.probes_made;
            scan.probes
                .insert(slot, Probe::new(address, origin, depth, known, &self.plan));
            return Some(slot);
        }
    }

    /// An address has said what it will.
    fn conclude(&mut self, slot: u64, now: Instant) {
        let Some(scan) = &mut self.scan else { return };
        let Some(probe) = scan.probes.remove(&slot) else {
            return;
        };
        scan.progress.done += 1;
        let ip = probe.address.ip();
        let rest = self.book.rest(ip, &self.plan, now);
        if rest.is_some() {
            scan.progress.resting += 1;
        }
        let mut finding = Finding {
            address: probe.address,
            verdict: Verdict::Silent,
            origin: probe.origin,
            credential: probe.credential().cloned(),
            failures: self.book.count(ip, now),
            rest,
            refusals: probe.refusals,
            identity: probe.identity,
        };
        if let Some(known) = probe.known {
            finding.verdict = Verdict::Known(known.device);
            scan.progress.answered += u64::from(finding.identity.is_some());
        } else if let Some(identity) = &finding.identity {
            scan.progress.answered += 1;
            let watched = self
                .known
                .values()
                .filter(|known| identity.is_known(known))
                .min_by_key(|known| known.address);
            finding.verdict = match watched {
                Some(known) if known.reachable => Verdict::Duplicate { of: known.address },
                Some(known) => Verdict::Moved {
                    device: known.device.clone(),
                    from: known.address,
                },
                None => Verdict::New,
            };
        } else if probe.spoken || self.book.is_spoken(ip, now) {
            finding.verdict = Verdict::Refused;
        } else if finding.origin == Origin::Range {
            // Most addresses of a range are empty; a list of them helps nobody.
            return;
        }
        scan.settle(finding, &mut self.outputs);
    }
}

impl Scan {
    /// Lists a finding, with the addresses of one device under the lowest of them.
    fn settle(&mut self, mut finding: Finding, outputs: &mut VecDeque<Output>) {
        if let (Verdict::New, Some(identity)) = (&finding.verdict, &finding.identity) {
            let first = self.found.values().find(|other| {
                !matches!(other.verdict, Verdict::Duplicate { .. })
                    && other.identity.as_ref().is_some_and(|i| i.is_same(identity))
            });
            match first.map(|first| (first.address, first.verdict == Verdict::New)) {
                Some((first, true)) if finding.address < first => {
                    for other in self.found.values_mut() {
                        let is_of =
                            matches!(other.verdict, Verdict::Duplicate { of } if of == first);
                        if other.address == first || is_of {
                            other.verdict = Verdict::Duplicate {
                                of: finding.address,
                            };
                            outputs.push_back(Output::Found(Box::new(other.clone())));
                        }
                    }
                }
                Some((first, _)) => finding.verdict = Verdict::Duplicate { of: first },
                None => self.progress.new += 1,
            }
        }
        self.found.insert(finding.address, finding.clone());
        outputs.push_back(Output::Found(Box::new(finding)));
    }
}

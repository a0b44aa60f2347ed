//! One address on its way through a scan: which credential next, which question next.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use super::api::{CrawlSource, DiscoveryPlan, Known, Origin, ProbeError};
use super::budget::FailureBook;
use super::crawl::{self, Walk};
use super::identity::{self, Identification, SYSTEM};
use crate::poller::{FetchError, Op, reason_of};
use crate::profile::{Profile, constant};
use crate::{CredentialRef, Oid, ProfileSet, Reason, SnmpVersion, Varbind};

/// Datagrams of a first SNMPv3 exchange: engine, clock, question; and when that stays unanswered, engine and question without keys, to hear why.
const V3_FIRST_DATAGRAMS: u32 = 5;

#[derive(Debug)]
enum Phase {
    /// Trying credentials.
    Knock,
    /// The agent answers but stumbles over the whole question: only sysObjectID.
    Simple,
    /// Marks of the device.
    Identify(Arc<Profile>),
    /// Neighbours.
    Crawl(VecDeque<Walk>),
    Done,
}

/// What to send next.
pub(super) struct Question {
    pub(super) credential: CredentialRef,
    pub(super) op: Op,
    pub(super) oids: Vec<Oid>,
    pub(super) datagrams: u32,
}

#[derive(Debug)]
pub(super) struct Probe {
    pub(super) address: SocketAddr,
    pub(super) origin: Origin,
    pub(super) depth: u32,
    pub(super) known: Option<Known>,
    credentials: Arc<[CredentialRef]>,
    /// Credentials still to try, as (round, position).
    attempts: VecDeque<(u32, usize)>,
    round: u32,
    trying: usize,
    phase: Phase,
    pub(super) refusals: Vec<(Arc<str>, Reason)>,
    pub(super) spoken: bool,
    pub(super) identity: Option<Identification>,
    pub(super) neighbours: Vec<(CrawlSource, IpAddr)>,
    walk_found: Vec<IpAddr>,
}

impl Probe {
    pub(super) fn new(
        address: SocketAddr,
        origin: Origin,
        depth: u32,
        known: Option<Known>,
        plan: &DiscoveryPlan,
    ) -> Self {
        let credentials: Arc<[CredentialRef]> = match &known {
            Some(known) => known.credential.iter().cloned().collect(),
            None => plan.credentials.as_slice().into(),
        };
        // Everyone once, then everyone again: a lost datagram must not cost the failures that another credential needs.
        let attempts = (0..=plan.retries)
            .flat_map(|round| (0..credentials.len()).map(move |n| (round, n)))
            .collect();
        Self {
            address,
            origin,
            depth,
            known,
            credentials,
            attempts,
            round: 0,
            trying: 0,
            phase: Phase::Knock,
            refusals: Vec::new(),
            spoken: false,
            identity: None,
            neighbours: Vec::new(),
            walk_found: Vec::new(),
        }
    }

    /// The credential that works.
    pub(super) fn credential(&self) -> Option<&CredentialRef> {
        self.identity.as_ref()?;
        self.credentials.get(self.trying)
    }

    /// The next question; `None`: this address is done with.
    pub(super) fn question(
        &mut self,
        plan: &DiscoveryPlan,
        book: &FailureBook,
        now: Instant,
    ) -> Option<Question> {
        let ask = |this: &Self, op, oids, datagrams| {
            let credential = this.credentials.get(this.trying)?.clone();
            Some(Question {
                credential,
                op,
                oids,
                datagrams,
            })
        };
        match &self.phase {
            Phase::Done => None,
            Phase::Knock => {
                let ip = self.address.ip();
                if book.rest(ip, plan, now).is_some() {
                    return None;
                }
                loop {
                    let (round, next) = self.attempts.pop_front()?;
                    let credential = self.credentials.get(next)?;
                    if book.is_refused(ip, &credential.name, now) {
                        continue;
                    }
                    (self.round, self.trying) = (round, next);
                    let datagrams = match credential.version {
                        SnmpVersion::V3 => V3_FIRST_DATAGRAMS,
                        _ => 1,
                    };
                    let oids = SYSTEM.iter().map(|text| constant(text)).collect();
                    return ask(self, Op::Get, oids, datagrams);
                }
            }
            Phase::Simple => ask(self, Op::Get, vec![constant(SYSTEM[1])], 1),
            Phase::Identify(profile) => {
                let oids = identity::questions(profile);
                ask(self, Op::Get, oids, 1)
            }
            Phase::Crawl(walks) => {
                let version = self.credentials.get(self.trying)?.version;
                let (op, oid) = walks.front()?.question(version);
                ask(self, op, vec![oid], 1)
            }
        }
    }

    /// Takes a question back that could not go out yet.
    pub(super) fn put_back(&mut self) {
        if matches!(self.phase, Phase::Knock) {
            self.attempts.push_front((self.round, self.trying));
        }
    }

    /// Takes an answer. Whether a failed credential was counted.
    pub(super) fn answer(
        &mut self,
        result: Result<Vec<Varbind>, ProbeError>,
        plan: &DiscoveryPlan,
        profiles: &ProfileSet,
        book: &mut FailureBook,
        now: Instant,
    ) -> bool {
        match (&self.phase, result) {
            (Phase::Done, _) => {}
            (Phase::Knock | Phase::Simple, Ok(varbinds)) => {
                book.succeed(self.address.ip());
                let identity = Identification::of_system(&varbinds, profiles, now);
                let (profile, _) = profiles.recognise(&identity.object_id, &identity.descr, &[]);
                self.phase = Phase::Identify(profile.clone());
                self.identity = Some(identity);
                self.refusals.clear();
            }
            (Phase::Knock, Err(fault)) => return self.refused(&fault, plan, book, now),
            // It let us in and says nothing of itself: a view that hides the system group.
            (Phase::Simple, Err(_)) => {
                let identity = Identification::of_system(&[], profiles, now);
                self.identity = Some(identity);
                self.phase = Phase::Done;
            }
            (Phase::Identify(profile), result) => {
                let profile = profile.clone();
                if let (Some(identity), Ok(varbinds)) = (&mut self.identity, result) {
                    identity.add_marks(&varbinds, &profile);
                }
                self.begin_crawl(plan);
            }
            (Phase::Crawl(_), result) => self.crawled(result),
        }
        false
    }

    /// Ends the questions: what came is enough, or the device is one that was asked already.
    pub(super) fn end(&mut self) {
        self.phase = Phase::Done;
    }

    /// Whether the identity is known and the neighbours are not asked yet.
    pub(super) fn is_identified(&self) -> bool {
        matches!(self.phase, Phase::Crawl(_))
    }

    fn begin_crawl(&mut self, plan: &DiscoveryPlan) {
        self.phase = if self.depth < plan.crawl_depth {
            Phase::Crawl(crawl::walks(&plan.crawl).into())
        } else {
            Phase::Done
        };
    }

    fn crawled(&mut self, result: Result<Vec<Varbind>, ProbeError>) {
        let Phase::Crawl(walks) = &mut self.phase else {
            return;
        };
        let Some(walk) = walks.front_mut() else {
            return;
        };
        let goes_on = result.is_ok_and(|varbinds| walk.answer(&varbinds, &mut self.walk_found));
        let source = walk.source;
        self.neighbours
            .extend(self.walk_found.drain(..).map(|ip| (source, ip)));
        if !goes_on {
            walks.pop_front();
        }
    }

    fn refused(
        &mut self,
        fault: &ProbeError,
        plan: &DiscoveryPlan,
        book: &mut FailureBook,
        now: Instant,
    ) -> bool {
        let spoken = match fault.error {
            FetchError::V3UnknownUser
            | FetchError::V3WrongDigest
            | FetchError::V3NotInTimeWindow
            | FetchError::V3UnsupportedLevel
            | FetchError::V3Decryption
            | FetchError::V3UnknownEngine => true,
            // It understood us, and only the question was too much for it.
            FetchError::TooBig | FetchError::GenErr | FetchError::NoSuchName => {
                self.phase = Phase::Simple;
                return false;
            }
            FetchError::Unreachable(_) => {
                self.note(fault, plan);
                self.phase = Phase::Done;
                return false;
            }
            FetchError::Timeout | FetchError::Malformed(_) => false,
        };
        self.spoken |= spoken || matches!(fault.error, FetchError::Malformed(_));
        self.note(fault, plan);
        if fault.presented {
            let name = self.credentials[self.trying].name.clone();
            book.fail(self.address.ip(), &name, spoken, plan, now);
        } else {
            // No SNMPv3 engine here: no other user of ours will find one in this round.
            let (round, credentials) = (self.round, &self.credentials);
            self.attempts
                .retain(|&(r, n)| r != round || credentials[n].version != SnmpVersion::V3);
        }
        fault.presented
    }

    fn note(&mut self, fault: &ProbeError, plan: &DiscoveryPlan) {
        let name = self.credentials[self.trying].name.clone();
        let waited = plan.request_timeout.as_secs_f64();
        let reason = reason_of(&fault.error, &self.credentials, self.trying, false, waited);
        match self.refusals.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = reason,
            None => self.refusals.push((name, reason)),
        }
    }
}

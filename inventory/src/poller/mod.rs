//! The poller: one machine for all devices.
//!
//! It decides which request goes out when, and turns the answers of one device into a [`Collection`](crate::Collection). The
//! shell sends what it is told and reports what came; every rule about retries, limits and schedules is here.

mod api;
mod assemble;
mod session;
mod walk;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use api::{
    Context, FetchError, Input, Op, Output, PollerConfig, PollerCounters, ProbeError, Request,
    RequestId, TimeoutReason,
};
pub(crate) use walk::{Column, Walk, WalkError};

use crate::export::ModuleRows;
use crate::{DeviceId, ProfileSet, Varbind};
pub(crate) use session::reason::{explain, reason_of};
use session::{Lane, Session, Surroundings};

/// Where an answer belongs.
#[derive(Debug, Clone, Copy)]
struct Addressee {
    slot: u32,
    lane: Lane,
    job: usize,
}

/// Polls all devices.
#[derive(Debug)]
pub struct Poller {
    surroundings: Surroundings,
    slots: Vec<Option<Box<Session>>>,
    free: Vec<u32>,
    by_device: HashMap<DeviceId, u32>,
    in_flight: HashMap<RequestId, Addressee>,
    /// Sessions that have something to send, urgent ones in front.
    ready: VecDeque<u32>,
    timers: BTreeSet<(Instant, u32)>,
    outputs: VecDeque<Output>,
    requests_made: u64,
}

impl Poller {
    /// A poller without devices. `seed` spreads the polls over their intervals.
    #[must_use]
    pub fn new(config: PollerConfig, profiles: Arc<ProfileSet>, seed: u64) -> Self {
        Self {
            surroundings: Surroundings {
                config,
                profiles,
                seed,
                counters: PollerCounters::default(),
            },
            slots: Vec::new(),
            free: Vec::new(),
            by_device: HashMap::new(),
            in_flight: HashMap::new(),
            ready: VecDeque::new(),
            timers: BTreeSet::new(),
            outputs: VecDeque::new(),
            requests_made: 0,
        }
    }

    /// Takes one input.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        match input {
            Input::Upsert(spec) => {
                if let Some(&slot) = self.by_device.get(&spec.id) {
                    self.visit(slot, now, |session, around| {
                        session.respecify(spec, around, now)
                    });
                } else if self.by_device.len() >= self.surroundings.config.devices_max {
                    self.surroundings.counters.devices_refused += 1;
                } else {
                    let id = spec.id.clone();
                    let session = Box::new(Session::new(spec, &self.surroundings, now));
                    let slot = match self.free.pop() {
                        Some(slot) => {
                            self.slots[slot as usize] = Some(session);
                            slot
                        }
                        None => {
                            self.slots.push(Some(session));
                            (self.slots.len() - 1) as u32
                        }
                    };
                    self.by_device.insert(id, slot);
                    self.visit(slot, now, |_, _| {});
                }
            }
            Input::Remove(device) => {
                if let Some(slot) = self.by_device.remove(&device) {
                    if let Some(mut session) = self.slots[slot as usize].take() {
                        self.timers.remove(&(session.timer(), slot));
                        session.abandon_probe();
                        self.outputs.extend(session.probed.drain(..).map(probed));
                    }
                    self.in_flight.retain(|_, a| a.slot != slot);
                    self.ready.retain(|s| *s != slot);
                    self.free.push(slot);
                }
            }
            Input::Reply {
                request,
                result,
                bytes,
            } => self.reply(request, result, bytes, now),
            Input::Hasten(device) => {
                if let Some(&slot) = self.by_device.get(&device) {
                    self.visit(slot, now, |session, _| session.hasten(now));
                }
            }
            Input::Export { device, module } => {
                if let Some(&slot) = self.by_device.get(&device) {
                    self.visit(slot, now, |session, _| session.export(module, now));
                }
            }
            Input::Probe {
                ticket,
                device,
                module,
            } => match self.by_device.get(&device) {
                Some(&slot) => self.visit(slot, now, |session, _| {
                    session.begin_probe(ticket, module, now);
                }),
                None => self.outputs.push_back(Output::Probed {
                    ticket,
                    result: Err(ProbeError::Unknown),
                }),
            },
            Input::Profiles(profiles) => {
                self.surroundings.profiles = profiles;
                for session in self.slots.iter_mut().flatten() {
                    session.forget_profile();
                }
            }
            Input::Timeout => {
                while let Some(&(at, slot)) = self.timers.first() {
                    if at > now {
                        break;
                    }
                    self.visit(slot, now, |_, _| {});
                    // A session whose timer has not moved on would be visited for ever.
                    if self.timers.first() == Some(&(at, slot)) {
                        break;
                    }
                }
            }
        }
        self.pump(now);
    }

    /// The next wish; call until [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match self.timers.first() {
            Some(&(at, slot)) => {
                let reason = self.slots[slot as usize]
                    .as_ref()
                    .map_or(TimeoutReason::Idle, |s| s.timer_reason());
                Output::Timeout(Some(at), reason)
            }
            None => Output::Timeout(None, TimeoutReason::Idle),
        }
    }

    /// Its own figures.
    #[must_use]
    pub fn counters(&self) -> PollerCounters {
        self.surroundings.counters
    }

    /// Requests sent and not yet answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    fn reply(
        &mut self,
        request: RequestId,
        result: Result<Vec<Varbind>, FetchError>,
        bytes: usize,
        now: Instant,
    ) {
        let Some(addressee) = self.in_flight.remove(&request) else {
            self.surroundings.counters.replies_unexpected += 1;
            return;
        };
        self.visit(addressee.slot, now, |session, around| {
            session.reply(addressee.lane, addressee.job, result, bytes, around, now);
        });
    }

    /// Lets one session act, then keeps the books: its timer, its finished polls, its place in the queue.
    fn visit(
        &mut self,
        slot: u32,
        now: Instant,
        act: impl FnOnce(&mut Session, &mut Surroundings),
    ) {
        let Some(session) = self.slots[slot as usize].as_deref_mut() else {
            return;
        };
        self.timers.remove(&(session.timer(), slot));
        act(session, &mut self.surroundings);
        session.advance(&mut self.surroundings, now);
        for collection in session.finished.drain(..) {
            self.outputs
                .push_back(Output::Collection(Arc::new(collection)));
        }
        self.outputs.extend(session.probed.drain(..).map(probed));
        for request in session.forgotten.drain(..) {
            self.in_flight.remove(&request);
        }
        if !session.queued && session.wants_to_send(&self.surroundings.config) {
            session.queued = true;
            if session.is_urgent() {
                self.ready.push_front(slot)
            } else {
                self.ready.push_back(slot)
            }
        }
        session.set_timer(&self.surroundings.config);
        self.timers.insert((session.timer(), slot));
    }

    /// Hands out requests as long as the limits allow, one a session and turn, so that no device starves another.
    fn pump(&mut self, now: Instant) {
        while self.in_flight.len() < self.surroundings.config.in_flight_max {
            let Some(slot) = self.ready.pop_front() else {
                break;
            };
            let Some(session) = self.slots[slot as usize].as_deref_mut() else {
                continue;
            };
            session.queued = false;
            self.requests_made += 1;
            let id = RequestId(self.requests_made);
            let Some((lane, job, request)) = session.next_request(id, &mut self.surroundings, now)
            else {
                continue;
            };
            self.in_flight.insert(id, Addressee { slot, lane, job });
            self.outputs.push_back(Output::Send(request));
            self.visit(slot, now, |_, _| {});
        }
    }
}

fn probed((ticket, result): (u64, Result<ModuleRows, ProbeError>)) -> Output {
    Output::Probed { ticket, result }
}

/// A number that depends on the seed and the device alone (splitmix64 over FNV-1a).
fn scatter(seed: u64, text: &str, salt: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// A share of a duration, 0 to 1 of it.
fn share(of: Duration, number: u64) -> Duration {
    of.mul_f64((number >> 11) as f64 / (1_u64 << 53) as f64)
}

//! A poller, its agents and the network between them, driven by a clock of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nhipcau_inventory::export::ModuleRows;
use nhipcau_inventory::poller::{
    Context, FetchError, Input, Output, Poller, PollerConfig, ProbeError, Request,
};
use nhipcau_inventory::watch::{Event, Input as WatchInput, Output as WatchOutput, Watch};
use nhipcau_inventory::{Collection, CredentialRef, DeviceId, DeviceSpec, ProfileSet, Varbind};

use crate::agent::{Agent, size_of};

/// A small deterministic generator (xorshift64*).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % sides
    }
}

/// What the network does to one request.
pub(crate) enum Fate {
    /// The agent answers after so long.
    Answer(Duration),
    /// So does something else.
    Instead(Result<Vec<Varbind>, FetchError>, Duration),
    /// The answer comes twice.
    Twice(Duration, Duration),
    /// Nothing comes; the shell reports its timeout.
    Lost,
}

type Answer = Result<Vec<Varbind>, FetchError>;
type Delivery = (Instant, u64, Request, Result<Vec<Varbind>, FetchError>);

/// The simulation.
pub(crate) struct Network {
    pub(crate) poller: Poller,
    pub(crate) agents: BTreeMap<DeviceId, Agent>,
    pub(crate) now: Instant,
    pub(crate) epoch: Instant,
    pub(crate) collections: Vec<Arc<Collection>>,
    pub(crate) in_flight_seen: usize,
    pub(crate) requests: Vec<Request>,
    pub(crate) keep_requests: bool,
    /// Watches the collections, when a test wants it to.
    pub(crate) watch: Option<Watch>,
    pub(crate) events: Vec<Event>,
    /// Answers to probes.
    pub(crate) probed: Vec<(u64, Result<ModuleRows, ProbeError>)>,
    deliveries: BTreeMap<(Instant, u64), (Request, Answer)>,
    serial: u64,
}

pub(crate) fn spec(id: &str, interval_seconds: u64) -> DeviceSpec {
    DeviceSpec {
        id: id.into(),
        name: id.to_owned(),
        site: None,
        profile: None,
        poll_interval: Duration::from_secs(interval_seconds),
        credentials: vec![CredentialRef::v2c("read")],
    }
}

impl Network {
    pub(crate) fn new(config: PollerConfig, seed: u64) -> Self {
        Self::with(config, Arc::new(ProfileSet::shipped()), seed)
    }

    #[allow(clippy::disallowed_methods)] // A simulation needs one moment to count from; nothing depends on which.
    pub(crate) fn with(config: PollerConfig, profiles: Arc<ProfileSet>, seed: u64) -> Self {
        let now = Instant::now();
        Self {
            poller: Poller::new(config, profiles, seed),
            agents: BTreeMap::new(),
            now,
            epoch: now,
            collections: Vec::new(),
            in_flight_seen: 0,
            requests: Vec::new(),
            keep_requests: false,
            watch: None,
            events: Vec::new(),
            probed: Vec::new(),
            deliveries: BTreeMap::new(),
            serial: 0,
        }
    }

    pub(crate) fn watch(&mut self, spec: DeviceSpec, agent: Agent) {
        self.agents.insert(spec.id.clone(), agent);
        self.poller.handle_input(Input::Upsert(spec), self.now);
    }

    /// Runs until `until`, asking `fate` about each request.
    pub(crate) fn run(&mut self, until: Instant, mut fate: impl FnMut(&Request, Instant) -> Fate) {
        let mut steps = 0_u64;
        loop {
            steps += 1;
            assert!(steps < 50_000_000, "the simulation does not come to rest");
            let wake = loop {
                match self.poller.poll_output() {
                    Output::Send(request) => {
                        self.in_flight_seen = self.in_flight_seen.max(self.poller.in_flight());
                        if self.keep_requests {
                            self.requests.push(request.clone());
                        }
                        let fate = fate(&request, self.now);
                        self.send(request, fate);
                    }
                    Output::Collection(collection) => {
                        self.tell(WatchInput::Collection(collection.clone()));
                        self.collections.push(collection);
                    }
                    Output::Probed { ticket, result } => self.probed.push((ticket, result)),
                    Output::Timeout(at, _) => break at,
                }
            };
            let watch_wake = self.drain_watch();
            let delivery = self.deliveries.first_key_value().map(|((at, _), _)| *at);
            let next = [wake, delivery, watch_wake].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(next);
            if delivery == Some(next) {
                let (_, (request, result)) = self.deliveries.pop_first().unwrap();
                let bytes = result.as_ref().map_or(0, |v| size_of(v));
                self.poller.handle_input(
                    Input::Reply {
                        request: request.id,
                        result,
                        bytes,
                    },
                    self.now,
                );
            } else if wake == Some(next) {
                self.poller.handle_input(Input::Timeout, self.now);
            } else {
                self.tell(WatchInput::Timeout);
            }
        }
    }

    /// Tells the watch something, and the poller what the watch wants looked at.
    pub(crate) fn tell(&mut self, input: WatchInput) {
        if let Some(watch) = &mut self.watch {
            watch.handle_input(input, self.now);
        }
        self.drain_watch();
    }

    fn drain_watch(&mut self) -> Option<Instant> {
        let watch = self.watch.as_mut()?;
        loop {
            match watch.poll_output() {
                WatchOutput::Event(event) => self.events.push(event),
                WatchOutput::Hasten(device) => {
                    self.poller.handle_input(Input::Hasten(device), self.now)
                }
                WatchOutput::Timeout(at, _) => return at,
            }
        }
    }

    pub(crate) fn run_for(
        &mut self,
        duration: Duration,
        fate: impl FnMut(&Request, Instant) -> Fate,
    ) {
        self.run(self.now + duration, fate);
    }

    fn send(&mut self, request: Request, fate: Fate) {
        // A context answers like an agent of its own, `DEVICE@VLAN`; one that there is not is silent.
        let name = match request.context {
            None => request.device.clone(),
            Some(Context::Vlan(vlan)) => format!("{}@{vlan}", request.device).into(),
        };
        let answer = |network: &Self| match network.agents.get(&name) {
            Some(agent) => agent.answer(&request),
            None if request.context.is_some() => Err(FetchError::Timeout),
            None => Err(FetchError::Unreachable("no route to host".to_owned())),
        };
        let mut deliveries: Vec<Delivery> = Vec::new();
        match fate {
            Fate::Answer(after) => {
                deliveries.push((self.now + after, 0, request.clone(), answer(self)))
            }
            Fate::Instead(result, after) => {
                deliveries.push((self.now + after, 0, request.clone(), result))
            }
            Fate::Twice(first, second) => {
                deliveries.push((self.now + first, 0, request.clone(), answer(self)));
                deliveries.push((self.now + second, 0, request.clone(), answer(self)));
            }
            Fate::Lost => {
                let at = self.now + request.timeout;
                deliveries.push((at, 0, request, Err(FetchError::Timeout)));
            }
        }
        for (at, _, request, result) in deliveries {
            self.serial += 1;
            self.deliveries.insert((at, self.serial), (request, result));
        }
    }

    /// The last collection of a device.
    pub(crate) fn last(&self, id: &str) -> &Arc<Collection> {
        self.collections
            .iter()
            .rev()
            .find(|c| c.device.as_str() == id)
            .expect("a collection of that device")
    }
}

/// Every answer after five milliseconds.
pub(crate) fn well(_: &Request, _: Instant) -> Fate {
    Fate::Answer(Duration::from_millis(5))
}

//! The socket-and-clock loop of the poller and the watch: sends what the poller asks for, feeds both, hands events on.
//!
//! It runs on a thread of its own, so that a slow page or a slow disk never delays a poll.

mod way;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nhipcau_inventory::export::{ModuleId, ModuleRows};
use nhipcau_inventory::poller::{
    self, Context, FetchError, Poller, ProbeError, Request, RequestId,
};
use nhipcau_inventory::trap::Trap;
use nhipcau_inventory::watch::{self, DeclaredLink, SiteSpec};
use nhipcau_inventory::{Collection, DeviceId, DeviceSpec, ProfileSet, Varbind};
use tokio::sync::{mpsc, oneshot};

use super::credential::Keys;
use crate::app::estate::Estate;
pub(super) use way::{Transports, Way, bind};
use way::{fetch, size_estimate};
pub(crate) use way::{fetch_error, varbind};

/// Commands waiting for the loop. Configuration and traps come through here; a full queue makes the sender wait.
const COMMANDS_MAX: usize = 4_096;
/// Clients beyond which those of VLAN contexts are forgotten.
const CLIENTS_MAX: usize = 24_000;
/// A device together with where its agent listens, which is none of the pure crate's business.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// What the poller knows.
    pub(crate) spec: DeviceSpec,
    /// Where requests go.
    pub(crate) address: SocketAddr,
}

/// What the rest of the daemon asks of the loop.
pub(crate) enum Command {
    /// The watched devices and the keys to them, whole; what is not in the list is no longer watched.
    Estate {
        targets: Vec<Target>,
        keys: Arc<HashMap<String, Keys>>,
    },
    /// The tree of sites, whole.
    Sites(Vec<SiteSpec>),
    /// The declared links, whole, and the device that stands for the daemon's own place.
    Links {
        links: Vec<DeclaredLink>,
        root: Option<DeviceId>,
    },
    /// The families of devices.
    Profiles(Arc<ProfileSet>),
    /// A notification that is already stored.
    Trap(Trap),
    /// Somebody reads a module of a device again and again.
    Export { device: DeviceId, module: ModuleId },
    /// Somebody waits for a module of a device.
    Probe {
        device: DeviceId,
        module: ModuleId,
        answer: oneshot::Sender<Result<ModuleRows, ProbeError>>,
    },
    /// Somebody has seen an incident, or takes that back.
    Acknowledge {
        incident: watch::IncidentKey,
        by: Option<(String, String)>,
    },
    /// Announced maintenance: the intervals that hold or are next, whole.
    Maintenance(Vec<watch::Window>),
}

/// How the loop is set up.
pub(crate) struct SnmpConfig {
    /// Limits of the poller.
    pub(crate) poller: poller::PollerConfig,
    /// UDP sockets that share the requests.
    pub(crate) sockets: usize,
    /// Spreads the polls over their intervals.
    pub(crate) seed: u64,
    /// Families of devices.
    pub(crate) profiles: Arc<ProfileSet>,
}

/// Starts the loop. `estate` is what pages read; events go to `events`, where a full queue loses the event and counts it:
/// watching goes on when the disk does not.
pub(crate) fn spawn(
    config: SnmpConfig,
    estate: Arc<Estate>,
    events: mpsc::Sender<watch::Event>,
    collections: mpsc::Sender<Arc<Collection>>,
) -> std::io::Result<mpsc::Sender<Command>> {
    let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
    let (bound, is_bound) = std::sync::mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("snmp".into())
        .spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread()
                // No signals and no child processes here, which each turn of the loop would look after.
                .enable_io()
                .enable_time()
                .build()
            {
                Ok(runtime) => runtime,
                Err(error) => return drop(bound.send(Err(error))),
            };
            let transports = match runtime.block_on(bind(config.sockets)) {
                Ok(transports) => transports,
                Err(error) => return drop(bound.send(Err(error))),
            };
            // The starter is gone only when the daemon already ends.
            let _ = bound.send(Ok(()));
            let (replies, replied) = mpsc::channel(config.poller.in_flight_max * 2);
            let poller = Poller::new(config.poller.clone(), config.profiles.clone(), config.seed);
            let drive = Drive {
                config,
                poller,
                estate,
                events,
                collections,
                transports,
                targets: HashMap::new(),
                keys: Arc::default(),
                clients: HashMap::new(),
                replies,
                watch_fed: true,
                watch_wake: None,
                probes: HashMap::new(),
                probes_made: 0,
            };
            runtime.block_on(drive.run(inbox, replied));
        })?;
    is_bound
        .recv()
        .map_err(|_| std::io::Error::other("the thread ended"))??;
    Ok(commands)
}

struct Reply {
    request: RequestId,
    result: Result<Vec<Varbind>, FetchError>,
    bytes: usize,
}

struct Drive {
    config: SnmpConfig,
    poller: Poller,
    estate: Arc<Estate>,
    events: mpsc::Sender<watch::Event>,
    collections: mpsc::Sender<Arc<Collection>>,
    transports: Transports,
    targets: HashMap<DeviceId, Target>,
    keys: Arc<HashMap<String, Keys>>,
    clients: HashMap<(DeviceId, Arc<str>, Option<Context>), Way>,
    replies: mpsc::Sender<Reply>,
    /// The watch has been told something since its outputs were taken.
    watch_fed: bool,
    /// When it wants to be woken.
    watch_wake: Option<Instant>,
    /// Who waits for which answer of the poller.
    probes: HashMap<u64, oneshot::Sender<Result<ModuleRows, ProbeError>>>,
    probes_made: u64,
}

impl Drive {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>, mut replied: mpsc::Receiver<Reply>) {
        loop {
            let wake = self.drain().await;
            let sleep = tokio::time::sleep_until(
                wake.unwrap_or_else(|| Instant::now() + Duration::from_secs(5))
                    .min(Instant::now() + Duration::from_secs(5))
                    .into(),
            );
            tokio::select! {
                biased;
                Some(reply) = replied.recv() => {
                    self.feed_poller(poller::Input::Reply { request: reply.request, result: reply.result, bytes: reply.bytes });
                }
                command = inbox.recv() => match command {
                    Some(command) => self.command(command),
                    None => return,
                },
                () = sleep => {
                    self.feed_poller(poller::Input::Timeout);
                    self.feed_watch(watch::Input::Timeout);
                }
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Estate { targets, keys } => self.retarget(targets, keys),
            Command::Sites(sites) => self.feed_watch(watch::Input::Sites(sites)),
            Command::Links { links, root } => {
                self.feed_watch(watch::Input::Root(root));
                self.feed_watch(watch::Input::Links(links));
            }
            Command::Profiles(profiles) => self.feed_poller(poller::Input::Profiles(profiles)),
            Command::Trap(trap) => {
                self.feed_watch(watch::Input::Trap(trap));
            }
            Command::Export { device, module } => {
                self.feed_poller(poller::Input::Export { device, module });
            }
            Command::Probe {
                device,
                module,
                answer,
            } => {
                self.probes_made += 1;
                let ticket = self.probes_made;
                self.probes.insert(ticket, answer);
                self.feed_poller(poller::Input::Probe {
                    ticket,
                    device,
                    module,
                });
            }
            Command::Acknowledge { incident, by } => {
                self.feed_watch(watch::Input::Acknowledge { incident, by });
            }
            Command::Maintenance(windows) => self.feed_watch(watch::Input::Maintenance(windows)),
        }
    }

    fn retarget(&mut self, targets: Vec<Target>, keys: Arc<HashMap<String, Keys>>) {
        self.keys = keys;
        self.clients.clear();
        let wanted: HashMap<DeviceId, Target> = targets
            .into_iter()
            .map(|t| (t.spec.id.clone(), t))
            .collect();
        let gone: Vec<DeviceId> = self
            .targets
            .keys()
            .filter(|id| !wanted.contains_key(*id))
            .cloned()
            .collect();
        for id in gone {
            self.feed_poller(poller::Input::Remove(id.clone()));
            self.feed_watch(watch::Input::RemoveDevice(id));
        }
        let mut fresh: Vec<&Target> = wanted
            .values()
            .filter(|t| {
                self.targets
                    .get(&t.spec.id)
                    .is_none_or(|old| old.spec != t.spec)
            })
            .collect();
        fresh.sort_by(|a, b| a.spec.id.cmp(&b.spec.id));
        let specs: Vec<DeviceSpec> = fresh.into_iter().map(|t| t.spec.clone()).collect();
        self.targets = wanted;
        for spec in specs {
            self.feed_watch(watch::Input::Device(spec.clone()));
            self.feed_poller(poller::Input::Upsert(spec));
        }
    }

    /// A broken invariant ends the device's poll, not the watching of the others.
    fn feed_poller(&mut self, input: poller::Input) {
        let now = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| self.poller.handle_input(input, now))).is_err() {
            tracing::error!("the poller broke an invariant; all devices are asked anew");
            // Who waits is told by the closed channel.
            self.probes.clear();
            self.poller = Poller::new(
                self.config.poller.clone(),
                self.config.profiles.clone(),
                self.config.seed,
            );
            for target in self.targets.values() {
                self.poller
                    .handle_input(poller::Input::Upsert(target.spec.clone()), now);
            }
        }
    }

    fn feed_watch(&mut self, input: watch::Input) {
        self.watch_fed = true;
        self.estate.feed(input, Instant::now());
    }

    /// Carries out everything both machines want; returns when the next of them wants to be woken.
    async fn drain(&mut self) -> Option<Instant> {
        loop {
            let poller_wake = loop {
                match self.poller.poll_output() {
                    poller::Output::Send(request) => self.send(request).await,
                    poller::Output::Collection(collection) => {
                        self.feed_watch(watch::Input::Collection(collection.clone()));
                        if self.collections.try_send(collection).is_err() {
                            self.estate.count_collection_lost();
                        }
                    }
                    poller::Output::Probed { ticket, result } => {
                        if let Some(answer) = self.probes.remove(&ticket) {
                            // Who asked may have gone away.
                            let _ = answer.send(result);
                        }
                    }
                    poller::Output::Timeout(wake, _) => break wake,
                }
            };
            self.estate
                .note_poller(self.poller.counters(), self.poller.in_flight());
            // The watch speaks when it is spoken to, and most answers of devices are in the middle of a poll: asking it each time would be
            // a look at all devices for every one of them.
            if !std::mem::take(&mut self.watch_fed) {
                return [poller_wake, self.watch_wake].into_iter().flatten().min();
            }
            let mut hastened = false;
            self.watch_wake = loop {
                match self.estate.poll() {
                    watch::Output::Event(event) => {
                        if self.events.try_send(event).is_err() {
                            self.estate.count_event_lost();
                        }
                    }
                    watch::Output::Hasten(device) => {
                        hastened = true;
                        self.feed_poller(poller::Input::Hasten(device));
                    }
                    watch::Output::Timeout(wake, _) => break wake,
                }
            };
            if !hastened {
                return [poller_wake, self.watch_wake].into_iter().flatten().min();
            }
            self.watch_fed = true;
        }
    }

    async fn send(&mut self, request: Request) {
        let way = match self.way(&request).await {
            Ok(way) => way,
            Err(error) => {
                let reply = Reply {
                    request: request.id,
                    result: Err(error),
                    bytes: 0,
                };
                self.feed_poller(poller::Input::Reply {
                    request: reply.request,
                    result: reply.result,
                    bytes: 0,
                });
                return;
            }
        };
        let replies = self.replies.clone();
        tokio::spawn(async move {
            let id = request.id;
            let result = fetch(&way, request).await;
            let bytes = result
                .as_ref()
                .map_or(0, |varbinds| varbinds.iter().map(size_estimate).sum());
            // The loop is gone only when the daemon ends.
            let _ = replies
                .send(Reply {
                    request: id,
                    result,
                    bytes,
                })
                .await;
        });
    }

    async fn way(&mut self, request: &Request) -> Result<Way, FetchError> {
        let key = (
            request.device.clone(),
            request.credential.name.clone(),
            request.context,
        );
        if let Some(way) = self.clients.get(&key) {
            return Ok(way.clone());
        }
        let refused = |detail: String| FetchError::Unreachable(detail);
        let target = self
            .targets
            .get(&request.device)
            .ok_or_else(|| refused("no address".into()))?;
        let keys = self
            .keys
            .get(&*request.credential.name)
            .ok_or_else(|| refused(format!("no credential {}", request.credential.name)))?;
        let transport = self
            .transports
            .of(target.address)
            .ok_or_else(|| refused("this machine has no IPv6".into()))?;
        let way = Way::open(
            target.address,
            keys,
            request.context,
            request.timeout,
            transport,
        )
        .await?;
        if request.context.is_some() && self.clients.len() >= CLIENTS_MAX {
            // Contexts are many and seldom asked; they are set up anew when their turn comes.
            self.clients.retain(|(_, _, context), _| context.is_none());
        }
        self.clients.insert(key, way.clone());
        Ok(way)
    }
}

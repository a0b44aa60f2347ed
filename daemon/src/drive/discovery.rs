//! The socket-and-clock loop of the discovery. A thread of its own: a sweep of thousands of empty addresses must not delay a poll.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nhipcau_inventory::ProfileSet;
use nhipcau_inventory::discovery::{
    Discovery, DiscoveryPlan, Finding, Input, Known, Output, PastFailures, ProbeError,
    ProbeRequest, Progress,
};
use nhipcau_inventory::poller::{FetchError, RequestId};
use tokio::sync::mpsc;

use super::credential::Keys;
use super::snmp::{Transports, Way, bind, fetch_error};

/// Commands waiting for the loop; a full queue makes the sender wait.
const COMMANDS_MAX: usize = 256;
/// Sockets of a scan.
const SOCKETS: usize = 4;
/// The loop wakes at least this often, to tell how far the scan is.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What the rest of the daemon asks of the loop.
pub(crate) enum Command {
    /// Where and how, and the keys.
    Plan {
        plan: Box<DiscoveryPlan>,
        keys: Arc<HashMap<String, Keys>>,
    },
    /// The families of devices.
    Profiles(Arc<ProfileSet>),
    /// Failures of an earlier life.
    Failures(Vec<PastFailures>),
    /// Forget the failures of these addresses.
    Forgive(Vec<IpAddr>),
    /// Begin a scan.
    Scan,
    /// End it.
    Stop,
}

/// Who hears of it. Called on the loop's thread; must not block.
pub(crate) trait DiscoverySink: Send + Sync + 'static {
    /// What is watched at this moment.
    fn known(&self) -> Vec<Known>;
    /// A scan began.
    fn started(&self);
    /// What is known of an address.
    fn found(&self, finding: Finding);
    /// How far it is, and how long until the next scheduled scan.
    fn progress(&self, progress: Progress, scanning: bool, next_in: Option<Duration>);
    /// A scan is over.
    fn finished(&self, progress: Progress);
}

/// Starts the loop. Its sockets are opened by each scan and closed at its end.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn spawn(
    profiles: Arc<ProfileSet>,
    sink: Arc<dyn DiscoverySink>,
) -> std::io::Result<mpsc::Sender<Command>> {
    let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("discovery".into())
        .spawn(move || {
            let (replies, replied) = mpsc::channel(COMMANDS_MAX);
            let drive = Drive {
                discovery: Discovery::new(profiles),
                sink,
                keys: Arc::default(),
                transports: None,
                ways: HashMap::new(),
                replies,
            };
            runtime.block_on(drive.run(inbox, replied));
        })?;
    Ok(commands)
}

struct Reply {
    request: RequestId,
    result: Result<Vec<nhipcau_inventory::Varbind>, ProbeError>,
    way: ((SocketAddr, Arc<str>), Option<Way>),
}

struct Drive {
    discovery: Discovery,
    sink: Arc<dyn DiscoverySink>,
    keys: Arc<HashMap<String, Keys>>,
    transports: Option<Arc<Transports>>,
    /// Ways that work, until the scan is over.
    ways: HashMap<(SocketAddr, Arc<str>), Way>,
    replies: mpsc::Sender<Reply>,
}

impl Drive {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>, mut replied: mpsc::Receiver<Reply>) {
        let mut told = Instant::now();
        loop {
            let wake = self.drain().await;
            let now = Instant::now();
            if now.duration_since(told) >= TELL_EVERY {
                told = now;
                self.tell(now);
            }
            let latest = now + TELL_EVERY;
            let until = wake.map_or(latest, |wake| wake.min(latest));
            tokio::select! {
                biased;
                Some(reply) = replied.recv() => {
                    if let (key, Some(way)) = reply.way {
                        self.ways.insert(key, way);
                    }
                    self.feed(Input::Reply { request: reply.request, result: reply.result });
                }
                command = inbox.recv() => match command {
                    Some(command) => self.command(command),
                    None => return,
                },
                () = tokio::time::sleep_until(until.into()) => {
                    if self.discovery.next_scan().is_some_and(|at| at <= Instant::now()) {
                        self.refresh();
                    }
                    self.feed(Input::Timeout);
                }
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Plan { plan, keys } => {
                self.keys = keys;
                self.ways.clear();
                self.feed(Input::Plan(plan));
            }
            Command::Profiles(profiles) => self.feed(Input::Profiles(profiles)),
            Command::Failures(past) => self.feed(Input::Failures(past)),
            Command::Forgive(addresses) => self.feed(Input::Forgive(addresses)),
            Command::Scan => {
                self.refresh();
                self.feed(Input::Scan);
            }
            Command::Stop => self.feed(Input::Stop),
        }
    }

    /// What is watched changes between scans.
    fn refresh(&mut self) {
        if !self.discovery.is_scanning() {
            let known = self.sink.known();
            self.feed(Input::Known(known));
        }
    }

    fn feed(&mut self, input: Input) {
        self.discovery.handle_input(input, Instant::now());
    }

    fn tell(&self, now: Instant) {
        let next_in = self
            .discovery
            .next_scan()
            .map(|at| at.saturating_duration_since(now));
        self.sink.progress(
            self.discovery.progress(),
            self.discovery.is_scanning(),
            next_in,
        );
    }

    async fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.discovery.poll_output() {
                Output::Send(request) => self.send(request).await,
                Output::Found(finding) => self.sink.found(*finding),
                Output::Started => {
                    self.sink.started();
                    self.tell(Instant::now());
                }
                Output::Finished(progress) => {
                    self.ways.clear();
                    self.transports = None;
                    self.sink.finished(progress);
                    self.tell(Instant::now());
                }
                Output::Timeout(wake, _) => return wake,
            }
        }
    }

    async fn send(&mut self, request: ProbeRequest) {
        if self.transports.is_none() {
            match bind(SOCKETS).await {
                Ok(transports) => self.transports = Some(Arc::new(transports)),
                Err(error) => {
                    tracing::error!(%error, "the discovery has no sockets; its scan ends");
                    self.feed(Input::Stop);
                    return;
                }
            }
        }
        let Some(transports) = self.transports.clone() else {
            return;
        };
        let key = (request.address, request.credential.name.clone());
        let known = self.ways.get(&key).cloned();
        let (keys, replies) = (self.keys.clone(), self.replies.clone());
        tokio::spawn(async move {
            let fresh = known.is_none();
            let opened = match known {
                Some(way) => Ok(way),
                None => open(&transports, &keys, &request).await,
            };
            let (result, way) = match opened {
                Ok(way) => (probe(&way, &request, fresh).await, Some(way)),
                Err(error) => {
                    let presented = false;
                    (Err(ProbeError { error, presented }), None)
                }
            };
            let way = way.filter(|_| result.is_ok());
            // The loop is gone only when the daemon ends.
            let _ = replies
                .send(Reply {
                    request: request.id,
                    result,
                    way: (key, way),
                })
                .await;
        });
    }
}

async fn open(
    transports: &Transports,
    keys: &HashMap<String, Keys>,
    request: &ProbeRequest,
) -> Result<Way, FetchError> {
    let missing = |what: String| FetchError::Unreachable(what);
    let keys = keys
        .get(&*request.credential.name)
        .ok_or_else(|| missing(format!("no credential {}", request.credential.name)))?;
    let transport = transports
        .of(request.address)
        .ok_or_else(|| missing("this machine has no IPv6".to_owned()))?;
    Way::open(request.address, keys, None, request.timeout, transport).await
}

async fn probe(
    way: &Way,
    request: &ProbeRequest,
    fresh: bool,
) -> Result<Vec<nhipcau_inventory::Varbind>, ProbeError> {
    // Whether there is an SNMPv3 engine at all is asked before any secret is used.
    if fresh
        && way.client.version() == async_snmp::Version::V3
        && let Err(error) = way.client.rediscover_engine().await
    {
        let error = fetch_error(&error);
        let presented = false;
        return Err(ProbeError { error, presented });
    }
    let presented = true;
    match way.ask(request.op, &request.oids).await {
        Err(FetchError::Timeout) => {
            let error = way.silence().await;
            Err(ProbeError { error, presented })
        }
        Err(error) => Err(ProbeError { error, presented }),
        Ok(varbinds) => Ok(varbinds),
    }
}

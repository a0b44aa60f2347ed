//! The lab itself: it starts the agents of the plan and makes faults happen to them.

use std::collections::{BTreeSet, HashMap};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::agent::Agent;
use crate::configuration;
use crate::device::Cause;
use crate::error::near;
use crate::family::{Traits, describe};
use crate::names::COMMUNES_MAX;
use crate::notify::{COLD_START, Notice, QUEUE_MAX, send_all};
use crate::plan::{Plan, Reach};
use crate::serve::{Clock, Station};
use crate::sketch::{Facts, Peer, Wire, mac};
use crate::usm::{UserKeys, Usm};
use crate::wave::Noise;
use crate::{Fault, Faults, LabConfig, LabDevice, LabError, LabLink, LabList, LinkState};

/// A running province. Its methods may be called from any thread; dropping it stops all agents.
#[derive(Debug)]
pub struct Lab {
    config: LabConfig,
    plan: Plan,
    stations: Vec<Arc<Station>>,
    /// For each link the sites that it alone connects.
    behind: Vec<Vec<String>>,
    state: Mutex<State>,
    published: watch::Sender<Faults>,
    notices: Option<mpsc::Sender<Notice>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What is broken, and what that made of the devices.
#[derive(Debug)]
struct State {
    faults: BTreeSet<Fault>,
    on: Vec<bool>,
    reach: Reach,
}

impl Lab {
    /// Binds and starts all agents; must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`LabError::Bind`] names the address and the device when a port is taken; [`LabError::Config`] names the
    /// value that is out of range; [`LabError::User`] says why the v3 user cannot be made.
    pub async fn start(config: LabConfig) -> Result<Self, LabError> {
        check(&config)?;
        let plan = Plan::province(&config);
        let keys = config.v3.as_ref().map(UserKeys::derive).transpose()?;
        let clock = Clock::start();
        let wires = wires(&plan);
        let mut stations = Vec::with_capacity(plan.devices.len());
        for (number, planned) in plan.devices.iter().enumerate() {
            let address = SocketAddr::V4(SocketAddrV4::new(planned.address, config.port));
            let socket = UdpSocket::bind(address)
                .await
                .map_err(|source| LabError::Bind {
                    device: planned.id.clone(),
                    address,
                    source,
                })?;
            let facts = facts(&plan, number, &config, clock.now(), wires[number].clone());
            let usm = keys
                .as_ref()
                .map(|keys| Usm::new(keys, facts.engine_id.clone()))
                .transpose()?;
            let agent = Agent {
                device: Arc::new(describe(planned.family, facts)),
                community: config.community.clone().into_bytes(),
                usm,
                reply_bytes_max: config.reply_bytes_max,
            };
            stations.push(Station::new(agent, socket, clock));
        }
        let mut tasks: Vec<_> = stations
            .iter()
            .map(|station| tokio::spawn(Arc::clone(station).serve()))
            .collect();
        let notices = config.trap_target.map(|target| {
            let (sender, queue) = mpsc::channel(QUEUE_MAX);
            tasks.push(tokio::spawn(send_all(queue, target, config.notification)));
            sender
        });
        let state = State {
            faults: BTreeSet::new(),
            on: vec![true; plan.devices.len()],
            reach: Reach::from_core(&plan, |_| (true, None), |_| true),
        };
        Ok(Self {
            behind: (0..plan.links.len())
                .map(|link| sites_behind(&plan, link))
                .collect(),
            config,
            plan,
            stations,
            state: Mutex::new(state),
            published: watch::Sender::new(Faults::default()),
            notices,
            tasks,
        })
    }

    /// The lab as a file of the daemon's configuration (YAML): credentials, devices, links, sites.
    #[must_use]
    pub fn configuration(&self) -> String {
        configuration::yaml(&self.plan, &self.config)
    }

    /// All links with their present state.
    #[must_use]
    pub fn links(&self) -> Vec<LabLink> {
        let state = self.state();
        let named = |end: &crate::plan::End| {
            (
                self.plan.devices[end.device].id.clone(),
                end.interface.clone(),
            )
        };
        self.plan
            .links
            .iter()
            .enumerate()
            .map(|(index, link)| LabLink {
                id: link.id.clone(),
                a: named(&link.a),
                b: named(&link.b),
                capacity_bps: link.capacity_bps,
                state: match self.link_state(&state, index) {
                    (false, _) => LinkState::Down,
                    (true, Some(capacity_bps)) => LinkState::Narrowed(capacity_bps),
                    (true, None) => LinkState::Up,
                },
                sites_behind: self.behind[index].clone(),
            })
            .collect()
    }

    /// Everything there is, for people.
    #[must_use]
    pub fn list(&self) -> LabList {
        let links = self.links();
        let state = self.state();
        let devices = self
            .plan
            .devices
            .iter()
            .zip(&self.stations)
            .enumerate()
            .map(|(number, (planned, station))| {
                let device = &station.agent.device;
                LabDevice {
                    id: planned.id.clone(),
                    name: planned.name.clone(),
                    address: SocketAddr::V4(SocketAddrV4::new(planned.address, self.config.port)),
                    site: planned.site.clone(),
                    sensors: device
                        .live()
                        .sensors
                        .iter()
                        .map(|sensor| sensor.id.clone())
                        .collect(),
                    reachable: state.reach.devices[number].is_some(),
                    requests: device.requests.load(Ordering::Relaxed),
                    dropped: device.dropped.load(Ordering::Relaxed),
                    variables: device.table.len(),
                }
            });
        LabList {
            devices: devices.collect(),
            links,
            faults: state.faults.iter().cloned().collect(),
        }
    }

    /// Breaks a link, or whatever else the words of [`Fault`] name. Breaking what is broken changes nothing.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with near matches, [`LabError::Words`] when nothing fits.
    pub fn break_link(&self, id: &str) -> Result<(), LabError> {
        self.inject(id.parse()?)
    }

    /// Makes a link carry no more than `capacity_bps`, which is at least 1.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with near matches.
    pub fn narrow(&self, id: &str, capacity_bps: u64) -> Result<(), LabError> {
        self.inject(Fault::LinkNarrow {
            link: id.to_owned(),
            capacity_bps: capacity_bps.max(1),
        })
    }

    /// Makes one fault happen.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with near matches.
    pub fn inject(&self, fault: Fault) -> Result<(), LabError> {
        self.known(&fault)?;
        let mut state = self.state();
        if let Fault::LinkNarrow { link, .. } = &fault {
            state.faults.retain(|other| !matches!(other, Fault::LinkNarrow { link: narrowed, .. } if narrowed == link));
        }
        state.faults.insert(fault);
        self.apply(&mut state);
        Ok(())
    }

    /// Ends every fault that `id` names (a link, a device, `power`, `fan`, or the words of the fault), or `all` of
    /// them. Healing what is well changes nothing.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with near matches when there is no such link or device.
    pub fn heal(&self, id: &str) -> Result<(), LabError> {
        let words = id.parse::<Fault>().ok();
        let concerns = |fault: &Fault| {
            id == "all"
                || words.as_ref() == Some(fault)
                || match fault {
                    Fault::LinkDown { link } | Fault::LinkNarrow { link, .. } => link == id,
                    Fault::Fan { device } => device == id || id == "fan",
                    Fault::SensorHot { device, .. } | Fault::DeviceOff { device } => device == id,
                    Fault::Power => false,
                }
        };
        let mut state = self.state();
        let before = state.faults.len();
        state.faults.retain(|fault| !concerns(fault));
        if state.faults.len() < before {
            self.apply(&mut state);
            return Ok(());
        }
        if id == "all" || self.plan.device(id).is_some() {
            return Ok(());
        }
        self.known(&id.parse()?)
    }

    /// What the media edge has to drop and to shape, now and whenever it changes.
    #[must_use]
    pub fn faults(&self) -> watch::Receiver<Faults> {
        self.published.subscribe()
    }

    /// Stops all agents and waits until their sockets are closed.
    pub async fn stop(mut self) {
        self.notices = None;
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            // Aborted tasks end with that as their error.
            drop(task.await);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the lab has what a fault names.
    fn known(&self, fault: &Fault) -> Result<(), LabError> {
        let unknown = |what: String, name: &str, among: Vec<&str>| LabError::Unknown {
            what,
            name: name.to_owned(),
            near: near(name, &among),
        };
        let device_ids = || {
            self.plan
                .devices
                .iter()
                .map(|device| device.id.as_str())
                .collect()
        };
        match fault {
            Fault::Power => Ok(()),
            Fault::LinkDown { link } | Fault::LinkNarrow { link, .. } => {
                if self.plan.links.iter().any(|planned| planned.id == *link) {
                    return Ok(());
                }
                let ids = self
                    .plan
                    .links
                    .iter()
                    .map(|planned| planned.id.as_str())
                    .collect();
                Err(unknown("link".to_owned(), link, ids))
            }
            Fault::DeviceOff { device } => self
                .plan
                .device(device)
                .map(|_| ())
                .ok_or_else(|| unknown("device".to_owned(), device, device_ids())),
            Fault::Fan { device } => {
                let number = self
                    .plan
                    .device(device)
                    .ok_or_else(|| unknown("device".to_owned(), device, device_ids()))?;
                self.sensor_of(number, fault)
                    .map(|_| ())
                    .ok_or_else(|| unknown("fan of".to_owned(), device, Vec::new()))
            }
            Fault::SensorHot { device, sensor } => {
                let number = self
                    .plan
                    .device(device)
                    .ok_or_else(|| unknown("device".to_owned(), device, device_ids()))?;
                if self.sensor_of(number, fault).is_some() {
                    return Ok(());
                }
                let live = self.stations[number].agent.device.live();
                let ids = live
                    .sensors
                    .iter()
                    .filter(|s| s.cause == Cause::Heat)
                    .map(|s| s.id.as_str())
                    .collect();
                Err(unknown(format!("sensor of {device}"), sensor, ids))
            }
        }
    }

    /// The sensor of a device that a fault concerns.
    fn sensor_of(&self, device: usize, fault: &Fault) -> Option<usize> {
        let live = self.stations[device].agent.device.live();
        let id = &self.plan.devices[device].id;
        live.sensors.iter().position(|candidate| match fault {
            Fault::Fan { device } => device == id && candidate.cause == Cause::Fan,
            Fault::SensorHot { device, sensor } => {
                device == id && candidate.id == *sensor && candidate.cause == Cause::Heat
            }
            _ => false,
        })
    }

    /// Whether a link works, and what it is narrowed to.
    fn link_state(&self, state: &State, index: usize) -> (bool, Option<u64>) {
        let link = &self.plan.links[index];
        let mut works = state.on[link.a.device] && state.on[link.b.device];
        let mut narrowed = None;
        for fault in &state.faults {
            match fault {
                Fault::LinkDown { link: id } if *id == link.id => works = false,
                Fault::LinkNarrow {
                    link: id,
                    capacity_bps,
                } if *id == link.id && *capacity_bps < link.capacity_bps => {
                    narrowed = Some(*capacity_bps);
                }
                _ => {}
            }
        }
        (works, narrowed)
    }

    /// Makes the devices what the faults make of them, and tells everyone who should know.
    fn apply(&self, state: &mut State) {
        let now = self
            .stations
            .first()
            .map_or(0.0, |station| station.clock.now());
        let was_on = std::mem::take(&mut state.on);
        state.on = self
            .plan
            .devices
            .iter()
            .map(|device| {
                !state.faults.contains(&Fault::DeviceOff {
                    device: device.id.clone(),
                })
            })
            .collect();
        state.reach = Reach::from_core(
            &self.plan,
            |link| self.link_state(state, link),
            |device| state.on[device],
        );

        let mut notices = Vec::new();
        for (number, station) in self.stations.iter().enumerate() {
            if state.on[number] && !was_on[number] {
                station.agent.device.live().restart(now);
                if self.config.cold_start {
                    notices.push((number, Notice::new(station, COLD_START, &[])));
                }
            }
        }
        for (index, link) in self.plan.links.iter().enumerate() {
            let (works, narrowed) = self.link_state(state, index);
            for end in [&link.a, &link.b] {
                let station = &self.stations[end.device];
                let mut live = station.agent.device.live();
                let Some(port) = live
                    .ports
                    .iter()
                    .position(|port| port.name == end.interface)
                else {
                    continue;
                };
                let if_index = live.ports[port].index;
                let changed = live.set_port(port, works, narrowed, now);
                drop(live);
                if changed {
                    notices.push((end.device, Notice::link(station, if_index, works)));
                }
            }
        }
        self.apply_to_sensors(state, now, &mut notices);
        for (reach, station) in state.reach.devices.iter().zip(&self.stations) {
            station.agent.device.silence(reach.is_none());
        }
        // What a device says that nothing connects to the core is lost on the way.
        for (number, notice) in notices {
            if let (Some(queue), Some(_)) = (&self.notices, state.reach.devices[number])
                && queue.try_send(notice).is_err()
            {
                tracing::warn!(device = %self.plan.devices[number].id, "the lab's queue of notifications is full; one is lost");
            }
        }
        self.publish(state);
    }

    fn apply_to_sensors(&self, state: &State, now: f64, notices: &mut Vec<(usize, Notice)>) {
        let mains_out = state.faults.contains(&Fault::Power);
        for (number, station) in self.stations.iter().enumerate() {
            let named: Vec<usize> = state
                .faults
                .iter()
                .filter_map(|fault| self.sensor_of(number, fault))
                .collect();
            let mut changed = Vec::new();
            for (index, sensor) in station.agent.device.live().sensors.iter_mut().enumerate() {
                let ill = named.contains(&index) || (mains_out && sensor.cause == Cause::Mains);
                if ill != sensor.fault_since.is_some() {
                    sensor.fault_since = ill.then_some(now);
                    changed.push((index as u16, ill));
                }
            }
            let said = changed
                .into_iter()
                .filter_map(|(sensor, ill)| Notice::sensor(station, sensor, ill));
            notices.extend(said.map(|notice| (number, notice)));
        }
    }

    fn publish(&self, state: &State) {
        let mut faults = Faults::default();
        for site in &self.plan.sites {
            let device = site.uplink.as_ref().map_or(0, |uplink| uplink.device);
            match state.reach.devices[device] {
                None => {
                    faults.dropped_sites.insert(site.id.clone());
                }
                Some(Some(capacity_bps)) => {
                    faults.narrowed_sites.insert(site.id.clone(), capacity_bps);
                }
                Some(None) => {}
            }
        }
        self.published.send_if_modified(|current| {
            let changed = *current != faults;
            *current = faults;
            changed
        });
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn check(config: &LabConfig) -> Result<(), LabError> {
    let wrong = |key, reason: String| Err(LabError::Config { key, reason });
    if config.port == 0 {
        return wrong("port", "must be 1 to 65535".to_owned());
    }
    if config.base[1] > 253 {
        return wrong("base", "the second number must be at most 253".to_owned());
    }
    if config.communes > COMMUNES_MAX {
        return wrong("communes", format!("must be at most {COMMUNES_MAX}"));
    }
    if !(484..=65_507).contains(&config.reply_bytes_max) {
        return wrong("reply_bytes_max", "must be 484 to 65507".to_owned());
    }
    if config.community.is_empty() || config.community.len() > 255 {
        return wrong("community", "must have 1 to 255 bytes".to_owned());
    }
    Ok(())
}

/// Sites that lose the core when this link alone is down.
fn sites_behind(plan: &Plan, link: usize) -> Vec<String> {
    let reach = Reach::from_core(plan, |other| (other != link, None), |_| true);
    let mut ids: Vec<String> = plan
        .sites
        .iter()
        .filter(|site| {
            site.uplink
                .as_ref()
                .is_some_and(|uplink| reach.devices[uplink.device].is_none())
        })
        .map(|site| site.id.clone())
        .collect();
    ids.sort();
    ids
}

/// For each device its links by the interface that they end at.
fn wires(plan: &Plan) -> Vec<HashMap<String, Wire>> {
    let mut wires = vec![HashMap::new(); plan.devices.len()];
    for link in &plan.links {
        for (own, other, near) in [(&link.a, &link.b, true), (&link.b, &link.a, false)] {
            let planned = &plan.devices[other.device];
            let traits = Traits::of(planned.family);
            let peer = Peer {
                host_name: planned.host_name.clone(),
                interface: other.interface.clone(),
                description: traits.description.to_owned(),
                address: planned.address,
                mac: mac(traits.oui, other.device as u16, 0),
                speaks_lldp: traits.lldp && link.carries_ip,
                routes: traits.routes,
            };
            let wire = Wire {
                link: link.id.clone(),
                near,
                capacity_bps: link.capacity_bps,
                peer,
            };
            wires[own.device].insert(own.interface.clone(), wire);
        }
    }
    wires
}

/// The province was there before it was looked at: devices started on days that a restart of the lab does not
/// change within half a year, so that uptimes and counters go on where they were.
fn facts(
    plan: &Plan,
    number: usize,
    config: &LabConfig,
    now: f64,
    wires: HashMap<String, Wire>,
) -> Facts {
    const DAY_S: f64 = 86_400.0;
    const HALF_YEAR_S: f64 = 180.0 * DAY_S;
    let planned = &plan.devices[number];
    let mut noise = Noise::new(config.seed, &format!("{} history", planned.id));
    let traits = Traits::of(planned.family);
    let mut engine_id = (traits.enterprise | 1 << 31).to_be_bytes().to_vec();
    // Format 3: a MAC address (RFC 3411, SnmpEngineID).
    engine_id.push(3);
    engine_id.extend(mac(traits.oui, number as u16, 0));
    Facts {
        id: planned.id.clone(),
        host_name: planned.host_name.clone(),
        location: planned.location.clone(),
        address: planned.address,
        seed: config.seed,
        number: number as u16,
        engine_id,
        boot: (now / HALF_YEAR_S).floor() * HALF_YEAR_S - noise.between(5.0, 100.0) * DAY_S,
        boots: noise.between(2.0, 40.0) as u32,
        neighbour_hold_s: config.lldp_hold.as_secs_f64(),
        wires,
    }
}

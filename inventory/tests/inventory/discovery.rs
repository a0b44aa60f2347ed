//! Scans of simulated networks: what may be asked is asked, nothing else, and no account is locked.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nhipcau_inventory::discovery::{
    CrawlSource, Discovery, DiscoveryPlan, Finding, Input, Known, Output, ProbeError, ProbeRequest,
    Verdict,
};
use nhipcau_inventory::poller::{FetchError, Request};
use nhipcau_inventory::{CredentialRef, Oid, ProfileSet, SnmpVersion, Value};

use crate::agent::{Agent, string};
use crate::network::Dice;

const PORT: u16 = 161;

fn at(text: &str) -> SocketAddr {
    SocketAddr::new(text.parse().unwrap(), PORT)
}

/// A device of the simulated network.
#[derive(Clone)]
struct Host {
    agent: Agent,
    /// The credentials that it takes; for others it is silent (communities) or says why (v3).
    takes: Vec<&'static str>,
    /// It has an SNMPv3 engine.
    v3: bool,
}

struct World {
    discovery: Discovery,
    hosts: HashMap<SocketAddr, Host>,
    now: Instant,
    dice: Dice,
    /// One datagram in this many is lost; 0: none.
    loss: u64,
    /// What reached which address: when, with which credential, and whether it failed there.
    seen: Vec<(Instant, SocketAddr, String, bool)>,
    found: BTreeMap<SocketAddr, Finding>,
    in_flight_worst: usize,
}

fn host(name: &str, serial: &str, uptime_seconds: u32) -> Host {
    let mut agent = Agent::default();
    agent.set("1.3.6.1.2.1.1.1.0", string("Cisco IOS Software, C2960"));
    agent.set(
        "1.3.6.1.2.1.1.2.0",
        Value::Oid("1.3.6.1.4.1.9.1.1208".parse().unwrap()),
    );
    agent.set("1.3.6.1.2.1.1.3.0", Value::TimeTicks(uptime_seconds * 100));
    agent.set("1.3.6.1.2.1.1.5.0", string(name));
    if !serial.is_empty() {
        agent.set("1.3.6.1.2.1.47.1.1.1.1.11.1", string(serial));
    }
    Host {
        agent,
        takes: vec!["public"],
        v3: false,
    }
}

fn plan() -> DiscoveryPlan {
    DiscoveryPlan {
        ranges: vec!["10.1.0.0/24".parse().unwrap()],
        port: PORT,
        credentials: vec![CredentialRef::v2c("public")],
        rate_per_second: 1_000,
        in_flight_max: 64,
        request_timeout: Duration::from_secs(1),
        retries: 1,
        failures_max: 3,
        failures_rest: Duration::from_secs(3_600),
        crawl: vec![CrawlSource::Lldp, CrawlSource::Cdp, CrawlSource::Arp],
        crawl_depth: 3,
        ..DiscoveryPlan::default()
    }
}

impl World {
    #[allow(clippy::disallowed_methods)] // A simulation needs one moment to count from; nothing depends on which.
    fn new(plan: DiscoveryPlan, seed: u64) -> Self {
        let now = Instant::now() + Duration::from_secs(86_400 * 30);
        let mut discovery = Discovery::new(Arc::new(ProfileSet::shipped()));
        discovery.handle_input(Input::Plan(Box::new(plan)), now);
        Self {
            discovery,
            hosts: HashMap::new(),
            now,
            dice: Dice(seed),
            loss: 0,
            seen: Vec::new(),
            found: BTreeMap::new(),
            in_flight_worst: 0,
        }
    }

    fn with(mut self, address: &str, host: Host) -> Self {
        self.hosts.insert(at(address), host);
        self
    }

    fn answer(
        &mut self,
        request: &ProbeRequest,
    ) -> (
        Duration,
        Result<Vec<nhipcau_inventory::Varbind>, ProbeError>,
    ) {
        let timeout = |presented| {
            let error = FetchError::Timeout;
            Err(ProbeError { error, presented })
        };
        let v3 = request.credential.version == SnmpVersion::V3;
        let lost = self.loss > 0 && self.dice.roll(self.loss) == 0;
        let Some(host) = self.hosts.get(&request.address).filter(|_| !lost) else {
            self.seen.push((
                self.now,
                request.address,
                request.credential.name.to_string(),
                !v3,
            ));
            return (request.timeout, timeout(!v3));
        };
        let taken = host.takes.contains(&&*request.credential.name) && (!v3 || host.v3);
        self.seen.push((
            self.now,
            request.address,
            request.credential.name.to_string(),
            !taken && (!v3 || host.v3),
        ));
        let quick = Duration::from_millis(20);
        if taken {
            let asked = Request {
                id: request.id,
                context: None,
                device: "x".into(),
                credential: request.credential.clone(),
                op: request.op,
                oids: request.oids.clone(),
                timeout: request.timeout,
            };
            let result = host.agent.answer(&asked).map_err(|error| ProbeError {
                error,
                presented: true,
            });
            return (quick, result);
        }
        match (v3, host.v3) {
            (true, true) => (
                quick,
                Err(ProbeError {
                    error: FetchError::V3UnknownUser,
                    presented: true,
                }),
            ),
            (true, false) => (request.timeout, timeout(false)),
            (false, _) => (request.timeout, timeout(true)),
        }
    }

    /// Scans to the end.
    fn scan(&mut self) -> nhipcau_inventory::discovery::Progress {
        self.discovery.handle_input(Input::Scan, self.now);
        let mut arrivals: BTreeMap<(Instant, u64), (ProbeRequest, _)> = BTreeMap::new();
        for _ in 0..2_000_000_u64 {
            let wake = loop {
                match self.discovery.poll_output() {
                    Output::Send(request) => {
                        let (after, result) = self.answer(&request);
                        arrivals.insert((self.now + after, request.id.0), (request, result));
                    }
                    Output::Found(finding) => {
                        self.found.insert(finding.address, *finding);
                    }
                    Output::Started => {}
                    Output::Finished(progress) => {
                        assert_eq!(self.discovery.in_flight(), 0);
                        return progress;
                    }
                    Output::Timeout(wake, _) => break wake,
                }
            };
            self.in_flight_worst = self.in_flight_worst.max(self.discovery.in_flight());
            let next = arrivals.first_key_value().map(|((at, _), _)| *at);
            match (next, wake) {
                (Some(at), wake) if wake.is_none_or(|w| at <= w) => {
                    self.now = at;
                    let (_, (request, result)) = arrivals.pop_first().unwrap();
                    let request = request.id;
                    self.discovery
                        .handle_input(Input::Reply { request, result }, self.now);
                }
                (_, Some(at)) => {
                    self.now = at.max(self.now);
                    self.discovery.handle_input(Input::Timeout, self.now);
                }
                _ => panic!("nothing is under way and the scan is not over"),
            }
        }
        panic!("the scan does not end");
    }

    fn failures_at(&self, address: SocketAddr) -> usize {
        self.seen
            .iter()
            .filter(|(_, to, _, failed)| *to == address && *failed)
            .count()
    }

    fn verdict(&self, address: &str) -> &Verdict {
        &self.found[&at(address)].verdict
    }
}

/// An LLDP neighbour with this management address, by the index of lldpRemManAddrTable.
fn neighbour(host: &mut Host, number: u32, ip: &str) {
    let ip: IpAddr = ip.parse().unwrap();
    let IpAddr::V4(v4) = ip else { panic!() };
    let mut arcs = vec![0, number, 1, 1, 4];
    arcs.extend(v4.octets().map(u32::from));
    let name: Oid = "1.0.8802.1.1.2.1.4.2.1.3".parse().unwrap();
    host.agent
        .set(&name.join(&arcs).to_string(), Value::Integer(2));
}

fn arp(host: &mut Host, ip: [u8; 4]) {
    let mut arcs = vec![7];
    arcs.extend(ip.map(u32::from));
    let name: Oid = "1.3.6.1.2.1.4.22.1.2".parse().unwrap();
    let mac = Value::OctetString(Bytes::from_static(&[0, 1, 2, 3, 4, 5]));
    host.agent.set(&name.join(&arcs).to_string(), mac);
}

#[test]
fn a_range_is_swept_and_every_device_found_once() {
    let mut world = World::new(plan(), 1);
    for n in 1..=200_u32 {
        let name = format!("sw-{n}");
        world = world.with(
            &format!("10.1.0.{n}"),
            host(&name, &format!("S{n}"), n * 60),
        );
    }
    let progress = world.scan();
    assert_eq!(
        (
            progress.addresses,
            progress.done,
            progress.answered,
            progress.new
        ),
        (254, 254, 200, 200)
    );
    assert!(world.in_flight_worst <= 64, "{}", world.in_flight_worst);
    assert!(world.found.values().all(|f| f.verdict == Verdict::New));
    let one = world.found[&at("10.1.0.7")].identity.as_ref().unwrap();
    assert_eq!((&*one.system_name, &*one.serial), ("sw-7", "S7"));
    // Neither the network's own address nor its broadcast.
    assert!(
        !world
            .seen
            .iter()
            .any(|(_, to, _, _)| *to == at("10.1.0.0") || *to == at("10.1.0.255"))
    );
}

#[test]
fn the_rate_holds_in_every_second_of_a_scan() {
    let mut slow = plan();
    slow.rate_per_second = 50;
    let mut world = World::new(slow, 2).with("10.1.0.9", host("a", "S", 5));
    world.scan();
    for (n, (from, ..)) in world.seen.iter().enumerate() {
        let within = world.seen[n..]
            .iter()
            .take_while(|(when, ..)| *when < *from + Duration::from_secs(1))
            .count();
        // A tenth of a second's burst on top.
        assert!(within <= 55, "{within} datagrams in one second");
    }
}

#[test]
fn excluded_addresses_and_foreign_neighbours_get_no_packet() {
    let mut tight = plan();
    tight.exclude = vec!["10.1.0.32/27".parse().unwrap()];
    tight.within = vec!["10.2.0.0/24".parse().unwrap()];
    let mut core = host("core", "S1", 100);
    neighbour(&mut core, 1, "10.1.0.40");
    neighbour(&mut core, 2, "10.2.0.5");
    neighbour(&mut core, 3, "10.9.0.1");
    arp(&mut core, [10, 2, 0, 6]);
    arp(&mut core, [8, 8, 8, 8]);
    arp(&mut core, [224, 0, 0, 5]);
    let mut world = World::new(tight, 3)
        .with("10.1.0.1", core)
        .with("10.1.0.40", host("hidden", "S2", 200))
        .with("10.2.0.5", host("near", "S3", 300))
        .with("10.2.0.6", host("by arp", "S4", 400))
        .with("10.9.0.1", host("foreign", "S5", 500));
    let progress = world.scan();
    assert_eq!(world.verdict("10.2.0.5"), &Verdict::New);
    assert_eq!(world.verdict("10.2.0.6"), &Verdict::New);
    assert_eq!((progress.excluded, progress.outside), (32, 2));
    for (_, to, ..) in &world.seen {
        let allowed = [
            "10.1.0.0/27",
            "10.1.0.64/26",
            "10.1.0.128/25",
            "10.2.0.0/24",
        ];
        assert!(
            allowed
                .iter()
                .any(|net| net.parse::<ipnet::IpNet>().unwrap().contains(&to.ip())),
            "{to} was asked"
        );
    }
}

#[test]
fn neighbours_are_followed_to_the_depth_and_no_farther() {
    let mut deep = plan();
    deep.ranges.clear();
    deep.within = vec!["10.0.0.0/8".parse().unwrap()];
    deep.seeds = vec![at("10.5.0.1")];
    deep.crawl_depth = 2;
    let mut world = World::new(deep, 4);
    for n in 1..=5_u32 {
        let mut one = host(&format!("r{n}"), &format!("S{n}"), n * 1_000);
        neighbour(&mut one, 1, &format!("10.5.0.{}", n + 1));
        // Back as well: circles end.
        neighbour(&mut one, 2, &format!("10.5.0.{}", n.max(2) - 1));
        world = world.with(&format!("10.5.0.{n}"), one);
    }
    world.scan();
    let found: Vec<String> = world.found.keys().map(|a| a.ip().to_string()).collect();
    assert_eq!(found, ["10.5.0.1", "10.5.0.2", "10.5.0.3"]);
}

#[test]
fn credentials_come_in_order_and_failures_stop_at_the_limit_over_scans() {
    let mut many = plan();
    many.credentials = vec![
        CredentialRef::v3("read-only", "ro"),
        CredentialRef::v3("admin-a", "a"),
        CredentialRef::v3("admin-b", "b"),
        CredentialRef::v3("admin-c", "c"),
        CredentialRef::v2c("public"),
    ];
    let mut locked = host("locked", "S1", 10);
    (locked.takes, locked.v3) = (vec![], true);
    let mut second = host("second", "S2", 20);
    (second.takes, second.v3) = (vec!["admin-a"], true);
    let mut old = host("old", "S3", 30);
    old.v3 = false;
    let mut world = World::new(many, 5)
        .with("10.1.0.1", locked)
        .with("10.1.0.2", second)
        .with("10.1.0.3", old);
    world.scan();
    let asked: Vec<&str> = world
        .seen
        .iter()
        .filter(|(_, to, ..)| *to == at("10.1.0.1"))
        .map(|(_, _, name, _)| name.as_str())
        .collect();
    assert_eq!(asked, ["read-only", "admin-a", "admin-b"], "and no fourth");
    assert_eq!(world.verdict("10.1.0.1"), &Verdict::Refused);
    let refusals = &world.found[&at("10.1.0.1")].refusals;
    assert_eq!(refusals.len(), 3);
    assert_eq!(refusals[0].1.code, "v3_unknown_user");
    assert_eq!(
        world.found[&at("10.1.0.2")]
            .credential
            .as_ref()
            .unwrap()
            .name,
        "admin-a".into()
    );
    // No engine: the other users are not tried, the community is.
    assert_eq!(world.failures_at(at("10.1.0.3")), 0);
    assert_eq!(world.verdict("10.1.0.3"), &Verdict::New);

    // The next scan does not begin again …
    let before = world.failures_at(at("10.1.0.1"));
    assert_eq!(before, 3);
    world.now += Duration::from_secs(600);
    let progress = world.scan();
    assert_eq!(world.failures_at(at("10.1.0.1")), before);
    assert_eq!(progress.resting, 1);
    assert_eq!(world.verdict("10.1.0.1"), &Verdict::Refused);
    // … nor is a refused user shown again to a device that took another one …
    assert_eq!(world.failures_at(at("10.1.0.2")), 1);
    // … and when the rest is over, only as many again.
    world.now += Duration::from_secs(3_600);
    world.scan();
    assert_eq!(world.failures_at(at("10.1.0.1")), before + 3);
    // The second rest is twice as long.
    world.now += Duration::from_secs(3_700);
    world.scan();
    assert_eq!(world.failures_at(at("10.1.0.1")), before + 3);
    // Unless somebody says that it is mended.
    let ip = at("10.1.0.1").ip();
    world
        .discovery
        .handle_input(Input::Forgive(vec![ip]), world.now);
    world.scan();
    assert_eq!(world.failures_at(at("10.1.0.1")), before + 6);
}

#[test]
fn loss_costs_no_device_and_never_more_failures_than_granted() {
    for seed in 1..=20 {
        let mut lossy = plan();
        lossy.retries = 2;
        lossy.crawl.clear();
        let mut world = World::new(lossy, seed);
        world.loss = 10;
        for n in 1..=100_u32 {
            let name = format!("sw-{n}");
            world = world.with(
                &format!("10.1.0.{n}"),
                host(&name, &format!("S{n}"), n * 60),
            );
        }
        let progress = world.scan();
        assert!(
            progress.answered >= 98,
            "seed {seed}: {}",
            progress.answered
        );
        for n in 1..=254 {
            let address = at(&format!("10.1.0.{n}"));
            assert!(
                world.failures_at(address) <= 3 + 1,
                "seed {seed}: {address}"
            );
        }
    }
}

#[test]
fn one_device_with_several_addresses_is_one_and_clones_are_not() {
    let engine = || Value::OctetString(Bytes::from_static(&[0x80, 0, 0, 9, 3, 1, 2, 3]));
    let with_engine = |mut host: Host| {
        host.agent.set("1.3.6.1.6.3.10.2.1.1.0", engine());
        host
    };
    let mut world = World::new(plan(), 7)
        // By serial number.
        .with("10.1.0.30", host("core", "FDO1", 900))
        .with("10.1.0.20", host("core", "FDO1", 900))
        .with("10.1.0.10", host("core", "FDO1", 900))
        // By engine ID and name, without serial number.
        .with("10.1.0.41", with_engine(host("edge", "", 5_000)))
        .with("10.1.0.42", with_engine(host("edge", "", 5_000)))
        // An image that was cloned with its engine ID and its name: it started at another time.
        .with("10.1.0.43", with_engine(host("edge", "", 77_000)))
        // Factory names prove nothing.
        .with("10.1.0.51", host("Switch", "", 100))
        .with("10.1.0.52", host("Switch", "", 100));
    let progress = world.scan();
    let of = |text: &str| Verdict::Duplicate { of: at(text) };
    assert_eq!(world.verdict("10.1.0.10"), &Verdict::New);
    assert_eq!(world.verdict("10.1.0.20"), &of("10.1.0.10"));
    assert_eq!(world.verdict("10.1.0.30"), &of("10.1.0.10"));
    assert_eq!(world.verdict("10.1.0.42"), &of("10.1.0.41"));
    for address in ["10.1.0.41", "10.1.0.43", "10.1.0.51", "10.1.0.52"] {
        assert_eq!(world.verdict(address), &Verdict::New, "{address}");
    }
    assert_eq!(progress.new, 5);
}

#[test]
fn watched_devices_are_known_moved_or_met_again() {
    let known = |device: &str, address: &str, serial: &str, name: &str, reachable| Known {
        device: device.into(),
        address: at(address),
        credential: Some(CredentialRef::v2c("public")),
        reachable,
        serial: serial.into(),
        system_name: name.into(),
        object_id: "1.3.6.1.4.1.9.1.1208".parse().unwrap(),
        engine_id: "".into(),
    };
    let mut world = World::new(plan(), 8)
        .with("10.1.0.1", host("one", "S1", 100))
        .with("10.1.0.2", host("two", "S2", 200))
        .with("10.1.0.3", host("one", "S1", 100));
    let watched = vec![
        known("one", "10.1.0.1", "S1", "one", true),
        known("two", "10.7.0.2", "S2", "two", false),
    ];
    let now = world.now;
    world.discovery.handle_input(Input::Known(watched), now);
    world.scan();
    assert_eq!(world.verdict("10.1.0.1"), &Verdict::Known("one".into()));
    assert_eq!(
        world.verdict("10.1.0.2"),
        &Verdict::Moved {
            device: "two".into(),
            from: at("10.7.0.2")
        }
    );
    assert_eq!(
        world.verdict("10.1.0.3"),
        &Verdict::Duplicate { of: at("10.1.0.1") }
    );
}

#[test]
fn a_table_of_neighbours_that_never_ends_or_runs_backwards_ends() {
    let mut endless = plan();
    endless.ranges = vec!["10.1.0.0/30".parse().unwrap()];
    endless.within = vec!["10.0.0.0/8".parse().unwrap()];
    endless.crawl_depth = 1;
    endless.retries = 0;
    let mut flood = host("flood", "S1", 9);
    for n in 0..20_000_u32 {
        let [_, b, c, d] = n.to_be_bytes();
        arp(&mut flood, [10, b + 8, c, d]);
    }
    let mut world = World::new(endless, 9).with("10.1.0.1", flood);
    let progress = world.scan();
    assert!(progress.addresses <= 5_000, "{}", progress.addresses);
    assert_eq!(progress.answered, 1);
}

#[test]
fn a_new_plan_ends_the_scan_and_the_same_plan_does_not() {
    let mut world = World::new(plan(), 10);
    let now = world.now;
    world.discovery.handle_input(Input::Scan, now);
    world
        .discovery
        .handle_input(Input::Plan(Box::new(plan())), now);
    assert!(world.discovery.is_scanning());
    let mut other = plan();
    other.exclude = vec!["10.1.0.0/25".parse().unwrap()];
    world
        .discovery
        .handle_input(Input::Plan(Box::new(other)), now);
    assert!(!world.discovery.is_scanning());
    assert!(world.discovery.progress().stopped);
}

#[test]
fn scheduled_scans_come_by_themselves() {
    let mut hourly = plan();
    hourly.every = Some(Duration::from_secs(3_600));
    hourly.ranges = vec!["10.1.0.0/30".parse().unwrap()];
    let mut world = World::new(hourly, 11);
    let first = world.discovery.next_scan().unwrap();
    assert_eq!(first - world.now, Duration::from_secs(60));
    world.discovery.handle_input(Input::Timeout, first);
    assert!(world.discovery.is_scanning());
    assert_eq!(
        world.discovery.next_scan().unwrap() - first,
        Duration::from_secs(3_600)
    );
}

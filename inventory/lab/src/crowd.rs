//! Many small agents at consecutive addresses, for discovery: each says who it is and little else.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::{LabError, Replay, ReplayAgent};

/// sysObjectID and sysDescr of the families that take turns.
const FAMILIES: [(&str, &str); 3] = [
    (
        "1.3.6.1.4.1.9.1.1208",
        "Cisco IOS Software, C2960S Software",
    ),
    ("1.3.6.1.4.1.8072.3.2.10", "Linux crowd 6.1.0 x86_64"),
    ("1.3.6.1.4.1.318.1.3.27", "APC Web/SNMP Management Card"),
];

/// What a crowd is started with.
#[derive(Debug, Clone)]
pub struct CrowdConfig {
    /// Address of the first agent; the others follow it.
    pub first: Ipv4Addr,
    /// How many agents.
    pub count: u32,
    /// UDP port of all of them.
    pub port: u16,
    /// Community that they answer to; to another one they are silent.
    pub community: String,
    /// What they call themselves before their number: may be hostile.
    pub name: String,
}

/// Agents that are being served; dropping it ends them.
#[derive(Debug)]
pub struct Crowd(Vec<ReplayAgent>);

impl Crowd {
    /// Starts the agents; must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`LabError::Bind`] when an address is taken.
    pub async fn start(config: &CrowdConfig) -> Result<Self, LabError> {
        let mut agents = Vec::new();
        for number in 0..config.count {
            let ip = Ipv4Addr::from(u32::from(config.first).wrapping_add(number));
            let address = SocketAddr::new(IpAddr::V4(ip), config.port);
            let replay = Replay::load(&recording(config, number))?;
            agents.push(replay.serve(address, &config.community).await?);
        }
        Ok(Self(agents))
    }

    /// The agents, by address.
    #[must_use]
    pub fn agents(&self) -> &[ReplayAgent] {
        &self.0
    }

    /// Datagrams that reached all agents so far, answered or not.
    #[must_use]
    pub fn datagrams(&self) -> u64 {
        self.0
            .iter()
            .map(|agent| agent.requests() + agent.dropped())
            .sum()
    }
}

fn recording(config: &CrowdConfig, number: u32) -> String {
    let (object_id, descr) = FAMILIES[number as usize % FAMILIES.len()];
    // Each started at a moment of its own, as devices do.
    let uptime = 100_000 + u64::from(number) * 7_919;
    let serial = format!("{}-{number:05}", config.first);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "1.3.6.1.2.1.1.1.0|4|{descr}");
    let _ = writeln!(text, "1.3.6.1.2.1.1.2.0|6|{object_id}");
    let _ = writeln!(text, "1.3.6.1.2.1.1.3.0|67|{uptime}");
    let _ = writeln!(text, "1.3.6.1.2.1.1.5.0|4|{}{number}", config.name);
    let _ = writeln!(text, "1.3.6.1.2.1.47.1.1.1.1.11.1|4|{serial}");
    text
}

//! What a lab tells about itself.

use std::net::SocketAddr;

use crate::Fault;

/// A link between two interfaces of the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabLink {
    /// Id, `DEVICE--DEVICE` with the end nearer to the core first.
    pub id: String,
    /// Device and interface (ifName) of the end nearer to the core.
    pub a: (String, String),
    /// Device and interface (ifName) of the other end.
    pub b: (String, String),
    /// What the link carries when it is well, bit/s.
    pub capacity_bps: u64,
    /// How it is now.
    pub state: LinkState,
    /// Sites that only this link connects, in alphabetical order; they drop when it breaks.
    pub sites_behind: Vec<String>,
}

/// How a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Both ends up, the whole capacity.
    Up,
    /// Broken, or one of its devices is switched off.
    Down,
    /// Up, but carries no more than so many bit/s.
    Narrowed(u64),
}

/// A device of the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabDevice {
    /// Id, as in the configuration.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Where its agent listens.
    pub address: SocketAddr,
    /// Id of the site that it stands at.
    pub site: String,
    /// Ids of its sensors, for `sensor DEVICE SENSOR hot`.
    pub sensors: Vec<String>,
    /// Whether it is on and connected to the core, that is, whether it answers.
    pub reachable: bool,
    /// Requests answered since the start.
    pub requests: u64,
    /// Datagrams dropped since the start: malformed, wrong community, failed v3 checks.
    pub dropped: u64,
    /// Number of variables in its MIB.
    pub variables: usize,
}

/// Everything that `nhipcau lab list` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabList {
    /// All devices, the data center first.
    pub devices: Vec<LabDevice>,
    /// All links, the data center first.
    pub links: Vec<LabLink>,
    /// What is broken now.
    pub faults: Vec<Fault>,
}

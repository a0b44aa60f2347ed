//! What is there, and how it is: a pure model and poller of SNMP devices.
//!
//! Three machines and no I/O: [`discovery::Discovery`] looks for devices nobody watches yet; [`poller::Poller`] decides which SNMP request goes out when and turns the answers of one device into
//! a [`Collection`]; [`watch::Watch`] turns collections and traps into health with reasons, events, incidents and paths. The clock
//! is handed in with every input.

mod adjacency;
pub mod availability;
mod collection;
mod component;
mod device;
pub mod discovery;
pub mod export;
mod health;
mod interface;
pub mod names;
mod oid;
pub mod poller;
mod profile;
mod read;
pub mod recording;
mod topology;
pub mod trap;
pub mod usage;
mod value;
pub mod watch;
pub mod workbench;

pub use adjacency::{
    Adjacency, Aggregate, ArpEntry, LearntStation, MacAddress, NextHop, OwnAddress,
};
pub use collection::{
    Collection, CollectionScope, Engine, Identity, Recognised, Statistics, System, TableState,
};
pub use component::{
    Component, LimitSource, Limits, Neighbour, NeighbourProtocol, Processor, Sensor, Storage,
    StorageKind,
};
pub use device::{
    CredentialRef, DeviceId, DeviceKind, DeviceSpec, InterfaceRef, SiteId, SnmpVersion,
};
pub use health::{Arg, Health, Reason};
pub use interface::{AdminStatus, Counters, DirectionCounters, Interface, OperStatus, Rates};
pub use oid::{ARCS_MAX, Oid, OidError};
pub use profile::{Candidate, ProfileError, ProfileSet};
pub use value::{Value, Varbind};

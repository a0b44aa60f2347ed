//! What a device knows of its surroundings beyond what neighbours say of themselves: addresses, bridge tables, next hops, aggregates.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// A unicast MAC address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// From six octets; `None` for other lengths, for groups and for zero, which name no device.
    #[must_use]
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let octets: [u8; 6] = octets.try_into().ok()?;
        (octets[0] & 1 == 0 && octets != [0; 6]).then_some(Self(octets))
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An address of the device itself (IP-MIB ipAddrTable, ipAddressTable).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAddress {
    /// The address.
    pub address: IpAddr,
    /// The interface that has it; empty when its number leads nowhere.
    pub interface: Arc<str>,
}

/// Who has an address on a link of the device (IP-MIB ipNetToMediaTable, ipNetToPhysicalTable: ARP and neighbour discovery).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArpEntry {
    /// The address.
    pub address: IpAddr,
    /// Who has it.
    pub mac: MacAddress,
    /// Behind which interface; empty when its number leads nowhere.
    pub interface: Arc<str>,
}

/// A station that a bridge learnt on a port (BRIDGE-MIB dot1dTpFdbTable, Q-BRIDGE-MIB dot1qTpFdbTable).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LearntStation {
    /// The station.
    pub mac: MacAddress,
    /// Behind which port.
    pub interface: Arc<str>,
    /// In which VLAN, when the table says so.
    pub vlan: Option<u16>,
}

/// A router that the device sends traffic to (ipCidrRouteTable, inetCidrRouteTable, ipRouteTable), once however many routes use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    /// Its address.
    pub address: IpAddr,
    /// Over which interface; empty when its number leads nowhere.
    pub interface: Arc<str>,
    /// Routes that use it, of those read.
    pub routes: u32,
}

/// Several interfaces that act as one (IEEE8023-LAG-MIB dot3adAggPortTable, IF-MIB ifStackTable).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    /// The one.
    pub interface: Arc<str>,
    /// The several, by name.
    pub members: Vec<Arc<str>>,
}

/// All of it for one device. Each list is bounded by the limit of the table it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Adjacency {
    /// What it calls itself towards neighbours: LLDP chassis identifier and bridge address, in print.
    pub chassis: Vec<Arc<str>>,
    /// Its own addresses.
    pub addresses: Vec<OwnAddress>,
    /// Who has which address on its links.
    pub arp: Vec<ArpEntry>,
    /// Which station is behind which port.
    pub stations: Vec<LearntStation>,
    /// The routers that it uses.
    pub next_hops: Vec<NextHop>,
    /// Its aggregates.
    pub aggregates: Vec<Aggregate>,
}

impl Adjacency {
    /// Takes what another table of the same device says.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.chassis.extend_from_slice(&other.chassis);
        self.addresses.extend_from_slice(&other.addresses);
        self.arp.extend_from_slice(&other.arp);
        self.stations.extend_from_slice(&other.stations);
        self.next_hops.extend_from_slice(&other.next_hops);
        self.aggregates.extend_from_slice(&other.aggregates);
    }
}

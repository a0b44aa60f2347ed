//! What bridge tables, ARP and routes say about watched devices. It is weaker than what a neighbour says of itself, and only fills what
//! nothing stronger connects.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::Member;
use super::directory::Directory;
use super::merge::{Claim, Merge};
use crate::watch::{FarEnd, LinkSource};
use crate::{Adjacency, Aggregate, Collection, DeviceId, InterfaceRef, MacAddress};

/// Addresses that belong to watched devices: only what is said about these matters here.
#[derive(Debug, Default)]
pub(crate) struct Known {
    macs: HashSet<MacAddress>,
    addresses: HashSet<IpAddr>,
}

impl Known {
    pub(super) fn new(directory: &Directory<'_>) -> Self {
        Self {
            macs: directory.macs().collect(),
            addresses: directory.addresses().collect(),
        }
    }
}

/// The part of a device's surroundings that speaks of watched devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    pub(super) aggregates: Vec<Aggregate>,
    stations: BTreeSet<(Arc<str>, MacAddress)>,
    arp: BTreeSet<(Arc<str>, MacAddress)>,
    next_hops: BTreeSet<(Arc<str>, IpAddr)>,
}

impl Hints {
    /// What the collection says now and, for ports that are down, what was said before: bridges forget stations with the line, but the
    /// cable stays.
    pub(crate) fn new(before: &Self, collection: &Collection, known: &Known) -> Self {
        let adjacency: &Adjacency = &collection.adjacency;
        let mut hints = Self {
            aggregates: adjacency.aggregates.clone(),
            stations: adjacency
                .stations
                .iter()
                .filter(|s| known.macs.contains(&s.mac))
                .map(|s| (s.interface.clone(), s.mac))
                .collect(),
            arp: adjacency
                .arp
                .iter()
                .filter(|e| known.macs.contains(&e.mac) && !e.interface.is_empty())
                .map(|e| (e.interface.clone(), e.mac))
                .collect(),
            next_hops: adjacency
                .next_hops
                .iter()
                .filter(|h| known.addresses.contains(&h.address) && !h.interface.is_empty())
                .map(|h| (h.interface.clone(), h.address))
                .collect(),
        };
        let silenced =
            |port: &Arc<str>| collection.interface(port).is_some_and(|i| i.oper.is_down());
        let told: BTreeSet<Arc<str>> = hints.stations.iter().map(|(p, _)| p.clone()).collect();
        hints.stations.extend(
            before
                .stations
                .iter()
                .filter(|(port, _)| !told.contains(port) && silenced(port))
                .cloned(),
        );
        let told: BTreeSet<Arc<str>> = hints.arp.iter().map(|(p, _)| p.clone()).collect();
        hints.arp.extend(
            before
                .arp
                .iter()
                .filter(|(port, _)| !told.contains(port) && silenced(port))
                .cloned(),
        );
        let told: BTreeSet<Arc<str>> = hints.next_hops.iter().map(|(p, _)| p.clone()).collect();
        hints.next_hops.extend(
            before
                .next_hops
                .iter()
                .filter(|(port, _)| !told.contains(port) && silenced(port))
                .cloned(),
        );
        hints
    }
}

fn claim(
    source: LinkSource,
    a: InterfaceRef,
    device: &DeviceId,
    interface: Arc<str>,
    directory: &Directory<'_>,
) -> Claim {
    Claim {
        source,
        by: Some(a.device.clone()),
        resolved: !interface.is_empty(),
        b: Some(FarEnd {
            device: Some(device.clone()),
            name: directory.name(device),
            interface,
        }),
        a,
        capacity_bps: None,
    }
}

/// Which watched devices each bridge port has learnt.
type Ports<'a> = BTreeMap<InterfaceRef, BTreeMap<&'a DeviceId, Arc<str>>>;

/// Direct connections that follow from bridge tables.
///
/// Two ports face each other when each has learnt the other's device and no device has been learnt by both: anything between them would be
/// (Breitbart et al., "Topology discovery in heterogeneous IP networks"). A device that is no bridge stands at the only port that has
/// learnt it and nobody else.
pub(super) fn bridged(
    members: &[Member<'_>],
    directory: &Directory<'_>,
    merge: &Merge,
) -> Vec<Claim> {
    let mut ports: Ports<'_> = BTreeMap::new();
    for member in members {
        for (port, mac) in &member.hints.stations {
            let Some((device, interface)) = directory.mac(*mac).filter(|(d, _)| *d != member.id)
            else {
                continue;
            };
            let port = merge.whole(&InterfaceRef {
                device: member.id.clone(),
                interface: port.clone(),
            });
            ports
                .entry(port)
                .or_default()
                .insert(device, interface.clone());
        }
    }
    let bridges: BTreeSet<&DeviceId> = ports.keys().map(|port| &port.device).collect();
    let mut of_device: BTreeMap<&DeviceId, Vec<&InterfaceRef>> = BTreeMap::new();
    for port in ports.keys() {
        of_device.entry(&port.device).or_default().push(port);
    }
    let mut alone: BTreeMap<&DeviceId, Vec<&InterfaceRef>> = BTreeMap::new();
    let mut claims = Vec::new();
    for (port, learnt) in &ports {
        for device in learnt.keys() {
            let facing = of_device.get(device).into_iter().flatten().find(|other| {
                ports[**other].contains_key(&port.device)
                    && !ports[**other].keys().any(|d| learnt.contains_key(d))
            });
            // Each pair is met from both sides; one claim is enough.
            if let Some(other) = facing
                && port < *other
            {
                claims.push(claim(
                    LinkSource::Bridge,
                    port.clone(),
                    device,
                    other.interface.clone(),
                    directory,
                ));
            }
        }
        if let [device] = learnt.keys().collect::<Vec<_>>().as_slice()
            && !bridges.contains(**device)
        {
            alone.entry(device).or_default().push(port);
        }
    }
    for (device, at) in alone {
        if let [port] = at.as_slice() {
            let interface = ports[*port][device].clone();
            claims.push(claim(
                LinkSource::Bridge,
                (*port).clone(),
                device,
                interface,
                directory,
            ));
        }
    }
    claims
}

/// Who is behind which router, by next hops and ARP. A wire it need not be: a switch that nobody watches may lie between.
pub(super) fn routed(members: &[Member<'_>], directory: &Directory<'_>) -> Vec<Claim> {
    let mut claims = Vec::new();
    for member in members {
        for (port, address) in &member.hints.next_hops {
            if let Some((device, interface)) =
                directory.address(*address).filter(|(d, _)| *d != member.id)
            {
                let a = InterfaceRef {
                    device: member.id.clone(),
                    interface: port.clone(),
                };
                claims.push(claim(
                    LinkSource::Route,
                    a,
                    device,
                    interface.clone(),
                    directory,
                ));
            }
        }
    }
    for member in members {
        for (port, mac) in &member.hints.arp {
            if let Some((device, interface)) = directory.mac(*mac).filter(|(d, _)| *d != member.id)
            {
                let a = InterfaceRef {
                    device: member.id.clone(),
                    interface: port.clone(),
                };
                claims.push(claim(
                    LinkSource::Arp,
                    a,
                    device,
                    interface.clone(),
                    directory,
                ));
            }
        }
    }
    claims
}

//! Who is meant: devices by the names, MAC addresses and IP addresses that others know them by.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::Member;
use crate::{DeviceId, MacAddress, Neighbour};

const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const LOCALHOST_6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

/// Where an address belongs: a device and, where known, its interface.
type Place<'a> = (&'a DeviceId, Arc<str>);

/// Finds devices by what others call them.
pub(super) struct Directory<'a> {
    by_name: HashMap<String, &'a DeviceId>,
    /// `None` for an address that several devices have (a virtual router's, a cloned machine's): it names nobody.
    by_mac: HashMap<MacAddress, Option<Place<'a>>>,
    by_address: HashMap<IpAddr, Option<Place<'a>>>,
    by_chassis: HashMap<Arc<str>, &'a DeviceId>,
    members: HashMap<&'a DeviceId, &'a Member<'a>>,
}

impl<'a> Directory<'a> {
    pub(super) fn new(members: &'a [Member<'a>]) -> Self {
        let mut directory = Self {
            by_name: HashMap::new(),
            by_mac: HashMap::new(),
            by_address: HashMap::new(),
            by_chassis: HashMap::new(),
            members: HashMap::new(),
        };
        for member in members {
            directory.members.insert(member.id, member);
            let system = member
                .collection
                .and_then(|c| c.system.as_ref())
                .map_or("", |s| &*s.name);
            for name in [system, member.name, member.id.as_str()] {
                if !name.is_empty() {
                    directory.by_name.entry(short(name)).or_insert(member.id);
                }
            }
            let Some(collection) = member.collection else {
                continue;
            };
            for interface in collection.interfaces.iter() {
                if let Some(mac) = MacAddress::from_octets(&interface.physical_address) {
                    note(&mut directory.by_mac, mac, member.id, &interface.name);
                }
            }
            for chassis in &collection.adjacency.chassis {
                directory.by_chassis.insert(chassis.clone(), member.id);
            }
            for own in &collection.adjacency.addresses {
                if own.address != LOCALHOST && own.address != LOCALHOST_6 {
                    note(
                        &mut directory.by_address,
                        own.address,
                        member.id,
                        &own.interface,
                    );
                }
            }
        }
        directory
    }

    pub(super) fn name(&self, device: &DeviceId) -> String {
        self.members
            .get(device)
            .map_or_else(|| device.to_string(), |m| m.name.to_owned())
    }

    pub(super) fn member(&self, device: &DeviceId) -> Option<&'a Member<'a>> {
        self.members.get(device).copied()
    }

    pub(super) fn heard(&self, neighbour: &Neighbour) -> Option<&'a DeviceId> {
        let by_mac = || {
            let mac = parse(&neighbour.chassis)?;
            self.mac(mac).map(|(device, _)| device)
        };
        let by_address = || {
            neighbour
                .addresses
                .iter()
                .find_map(|address| Some(self.address(*address)?.0))
        };
        self.by_name
            .get(&short(&neighbour.system_name))
            .or_else(|| self.by_chassis.get(&neighbour.chassis))
            .copied()
            .or_else(by_mac)
            .or_else(by_address)
    }

    pub(super) fn mac(&self, mac: MacAddress) -> Option<(&'a DeviceId, &Arc<str>)> {
        let (device, interface) = self.by_mac.get(&mac)?.as_ref()?;
        Some((device, interface))
    }

    pub(super) fn address(&self, address: IpAddr) -> Option<(&'a DeviceId, &Arc<str>)> {
        let (device, interface) = self.by_address.get(&address)?.as_ref()?;
        Some((device, interface))
    }

    /// The interface of a device that is called so, by its name, its description or its own MAC address.
    pub(super) fn interface(
        &self,
        device: &DeviceId,
        name: &str,
        description: &str,
    ) -> Option<Arc<str>> {
        let interfaces = &self.members.get(device)?.collection?.interfaces;
        let by_name = [name, description]
            .into_iter()
            .filter(|n| !n.is_empty())
            .find_map(|wanted| {
                interfaces
                    .iter()
                    .find(|i| &*i.name == wanted || &*i.description == wanted)
            });
        let by_mac = || {
            let mac = parse(name)?;
            interfaces
                .iter()
                .find(|i| MacAddress::from_octets(&i.physical_address) == Some(mac))
        };
        by_name.or_else(by_mac).map(|i| i.name.clone())
    }

    pub(super) fn macs(&self) -> impl Iterator<Item = MacAddress> + '_ {
        self.by_mac.keys().copied()
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.by_address.keys().copied()
    }
}

fn note<'a, K: std::hash::Hash + Eq>(
    places: &mut HashMap<K, Option<Place<'a>>>,
    key: K,
    device: &'a DeviceId,
    interface: &Arc<str>,
) {
    places
        .entry(key)
        .and_modify(|known| match known {
            // Several ports of one device share its address: then it names the device and no port.
            Some((owner, port)) if *owner == device => {
                if *port != *interface {
                    *port = "".into();
                }
            }
            other => *other = None,
        })
        .or_insert_with(|| Some((device, interface.clone())));
}

/// A MAC address in print.
fn parse(text: &str) -> Option<MacAddress> {
    let mut octets = [0; 6];
    let mut parts = text.split(':');
    for octet in &mut octets {
        *octet = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(())?;
    MacAddress::from_octets(&octets)
}

/// Names without case and domain: `SW1.qnam.gov.vn` and `sw1` are one device.
fn short(name: &str) -> String {
    if name.parse::<IpAddr>().is_ok() {
        return name.to_owned();
    }
    name.split('.').next().unwrap_or(name).to_lowercase()
}

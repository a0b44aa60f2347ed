//! LLDP (IEEE 802.1AB, LLDP-MIB) and CDP: who is at the other end.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use super::{Harvest, Rows, cell_i64, cell_text, text};
use crate::poller::Column;
use crate::{Adjacency, Interface, Neighbour, NeighbourProtocol, Oid, Value};

/// Local port numbers of LLDP and what they are called: LLDP numbers ports by itself, often but not always by ifIndex.
#[derive(Debug, Default, Clone)]
pub(crate) struct LocalPorts(HashMap<u32, (i64, Arc<str>, Arc<str>)>);

/// Reads `lldp_local`: the ports, and what the device calls itself.
pub(crate) fn lldp_local(columns: &[Column]) -> (LocalPorts, Harvest) {
    let mut ports = HashMap::new();
    let (columns, chassis) = columns.split_at(3);
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        let Some(port) = index.first() else { continue };
        let subtype = cell_i64(cells[0]).unwrap_or(0);
        let id = cells[1]
            .map(|v| identifier(v, subtype == PORT_MAC))
            .unwrap_or_default()
            .into();
        ports.insert(port, (subtype, id, cell_text(cells[2])));
    }
    let own = chassis
        .first()
        .and_then(|column| column.first())
        // Six octets are a MAC address in all but contrived names.
        .map(|(_, value)| identifier(value, true).into())
        .filter(|chassis: &Arc<str>| !chassis.is_empty());
    let adjacency = Adjacency {
        chassis: own.into_iter().collect(),
        ..Adjacency::default()
    };
    (
        LocalPorts(ports),
        Harvest {
            adjacency,
            ..Harvest::default()
        },
    )
}

/// LldpPortIdSubtype macAddress, interfaceName, local.
const PORT_MAC: i64 = 3;
/// LldpChassisIdSubtype macAddress.
const CHASSIS_MAC: i64 = 4;

impl LocalPorts {
    /// Our interface with that local port number.
    fn interface(&self, port: u32, interfaces: &[Interface]) -> Arc<str> {
        let by_name = |text: &str| {
            interfaces
                .iter()
                .find(|i| !text.is_empty() && (&*i.name == text || &*i.description == text))
                .map(|i| &i.name)
        };
        if let Some((subtype, id, description)) = self.0.get(&port) {
            let by_mac = || {
                (*subtype == PORT_MAC)
                    .then(|| {
                        interfaces
                            .iter()
                            .find(|i| mac(&i.physical_address) == **id)
                            .map(|i| &i.name)
                    })
                    .flatten()
            };
            if let Some(name) = by_name(id).or_else(|| by_name(description)).or_else(by_mac) {
                return name.clone();
            }
        }
        interfaces
            .binary_search_by_key(&port, |i| i.index)
            .map_or_else(|_| "".into(), |n| interfaces[n].name.clone())
    }
}

fn mac(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for (n, byte) in bytes.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}{byte:02x}", if n == 0 { "" } else { ":" });
    }
    out
}

/// An identifier in print: addresses in hexadecimal, and so whatever is no text.
fn identifier(value: &Value, is_mac: bool) -> String {
    match value {
        Value::OctetString(bytes) if is_mac && bytes.len() == 6 => mac(bytes),
        Value::OctetString(bytes)
            if bytes
                .iter()
                .any(|b| *b < 0x20 && !matches!(b, 0 | b'\t' | b'\r' | b'\n')) =>
        {
            mac(&bytes[..bytes.len().min(32)])
        }
        other => text(other),
    }
}

/// Reads `lldp_remote`; index: time mark, local port number, remote index.
pub(crate) fn lldp_remote(
    columns: &[Column],
    local: &LocalPorts,
    interfaces: &[Interface],
    now: Instant,
) -> Harvest {
    let mut neighbours = Vec::new();
    let (columns, addresses) = columns.split_at(6);
    let addresses = management_addresses(addresses.first());
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        let Some(port) = index.arcs().nth(1) else {
            continue;
        };
        let chassis_mac = cell_i64(cells[0]) == Some(CHASSIS_MAC);
        let port_mac = cell_i64(cells[2]) == Some(PORT_MAC);
        neighbours.push(Neighbour {
            interface: local.interface(port, interfaces),
            protocol: NeighbourProtocol::Lldp,
            chassis: cells[1]
                .map(|v| identifier(v, chassis_mac))
                .unwrap_or_default()
                .into(),
            remote_interface: cells[3]
                .map(|v| identifier(v, port_mac))
                .unwrap_or_default()
                .into(),
            remote_description: cell_text(cells[4]),
            addresses: addresses
                .get(&key(index))
                .map_or_else(|| Arc::from([]), |all| all.as_slice().into()),
            system_name: cell_text(cells[5]),
            read_at: now,
        });
    }
    Harvest {
        neighbours,
        ..Harvest::default()
    }
}

/// Time mark, local port number, remote index: what a neighbour's addresses have in common with it.
fn key(index: &Oid) -> Vec<u32> {
    index.arcs().take(3).collect()
}

/// Addresses that a neighbour may have at most; more are not kept.
const ADDRESSES_MAX: usize = 8;

/// lldpRemManAddrTable; index: the neighbour's, then subtype (IANA address family), length and octets of the address.
fn management_addresses(column: Option<&Column>) -> HashMap<Vec<u32>, Vec<IpAddr>> {
    let mut all: HashMap<Vec<u32>, Vec<IpAddr>> = HashMap::new();
    for (index, _) in column.into_iter().flatten() {
        let octets: Option<Vec<u8>> = index
            .arcs()
            .skip(5)
            .take(17)
            .map(|arc| u8::try_from(arc).ok())
            .collect();
        if let Some(address) = octets.as_deref().and_then(address) {
            let known = all.entry(key(index)).or_default();
            if known.len() < ADDRESSES_MAX && !known.contains(&address) {
                known.push(address);
            }
        }
    }
    all
}

/// An IPv4 or IPv6 address from its octets; `None` for what names no host.
fn address(octets: &[u8]) -> Option<IpAddr> {
    let address: IpAddr = match octets.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into(),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into(),
        _ => return None,
    };
    (!address.is_unspecified() && !address.is_multicast()).then_some(address)
}

/// Reads `cdp`; index: ifIndex, number of the neighbour.
pub(crate) fn cdp(columns: &[Column], interfaces: &[Interface], now: Instant) -> Harvest {
    let mut neighbours = Vec::new();
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        let Some(if_index) = index.first() else {
            continue;
        };
        let interface = interfaces
            .binary_search_by_key(&if_index, |i| i.index)
            .map_or_else(|_| "".into(), |n| interfaces[n].name.clone());
        neighbours.push(Neighbour {
            interface,
            protocol: NeighbourProtocol::Cdp,
            system_name: cell_text(cells[0]),
            chassis: "".into(),
            remote_interface: cell_text(cells[1]),
            remote_description: "".into(),
            addresses: cells[2]
                .and_then(Value::as_bytes)
                .and_then(address)
                .into_iter()
                .collect(),
            read_at: now,
        });
    }
    Harvest {
        neighbours,
        ..Harvest::default()
    }
}

//! LLDP (IEEE 802.1AB, LLDP-MIB) and CDP: who is at the other end.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use super::{Harvest, Rows, cell_i64, cell_text, text};
use crate::poller::Column;
use crate::{Interface, Neighbour, NeighbourProtocol, Value};

/// Local port numbers of LLDP and what they are called: LLDP numbers ports by itself, often but not always by ifIndex.
#[derive(Debug, Default, Clone)]
pub(crate) struct LocalPorts(HashMap<u32, (i64, Arc<str>, Arc<str>)>);

/// Reads `lldp_local`.
pub(crate) fn lldp_local(columns: &[Column]) -> LocalPorts {
    let mut ports = HashMap::new();
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
    LocalPorts(ports)
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
            system_name: cell_text(cells[5]),
            read_at: now,
        });
    }
    Harvest {
        neighbours,
        ..Harvest::default()
    }
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
            read_at: now,
        });
    }
    Harvest {
        neighbours,
        ..Harvest::default()
    }
}

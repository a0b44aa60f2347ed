//! Addresses, ARP, routes, bridge tables and aggregates: who is around, by the tables of the device itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::poller::Column;
use crate::profile::Surrounding;
use crate::{
    Adjacency, Aggregate, ArpEntry, Interface, LearntStation, MacAddress, NextHop, Oid, OwnAddress,
    Value,
};

/// ifType ieee8023adLag.
const LAG: u32 = 161;
/// Status or type that says that a row does not count any more (ipNetToMediaType, ipNetToPhysicalType: invalid).
const INVALID: i64 = 2;
/// dot1dTpFdbStatus, dot1qTpFdbStatus: learned.
const LEARNED: i64 = 3;
/// VLANs that a trunk between old token rings would carry: they exist on every Cisco switch and hold nothing.
const VLANS_RESERVED: std::ops::RangeInclusive<u32> = 1_002..=1_005;
const VLAN_MAX: u32 = 4_094;

/// Reads one of the tables; `interfaces` are in the order of their indexes.
pub(crate) fn adjacency(
    table: Surrounding,
    columns: &[Column],
    interfaces: &[Interface],
) -> Adjacency {
    let names = Names(interfaces);
    let mut found = Adjacency::default();
    match table {
        Surrounding::Addresses => found.addresses = addresses(columns, &names),
        Surrounding::Arp => found.arp = arp(columns, &names),
        Surrounding::Routes => found.next_hops = next_hops(columns, &names),
        Surrounding::Bridge => {
            found.stations = stations(&columns[1..], &names);
            let base = columns[0]
                .first()
                .and_then(|(_, v)| v.as_bytes())
                .and_then(MacAddress::from_octets);
            found.chassis.extend(base.map(|mac| mac.to_string().into()));
        }
        Surrounding::Aggregates => found.aggregates = aggregates(columns, &names),
        Surrounding::Vlans => {}
    }
    found
}

/// Interface names by ifIndex.
struct Names<'a>(&'a [Interface]);

impl Names<'_> {
    fn interface(&self, index: u32) -> Option<&Interface> {
        let n = self.0.binary_search_by_key(&index, |i| i.index).ok()?;
        Some(&self.0[n])
    }

    fn name(&self, index: u32) -> Arc<str> {
        self.interface(index)
            .map_or_else(|| "".into(), |i| i.name.clone())
    }
}

fn index_of(value: &Value) -> Option<u32> {
    value.as_i64().and_then(|n| u32::try_from(n).ok())
}

fn octets<const N: usize>(arcs: &mut impl Iterator<Item = u32>) -> Option<[u8; N]> {
    let mut out = [0; N];
    for octet in &mut out {
        *octet = u8::try_from(arcs.next()?).ok()?;
    }
    Some(out)
}

fn v4(arcs: &mut impl Iterator<Item = u32>) -> Option<IpAddr> {
    octets::<4>(arcs).map(|o| Ipv4Addr::from(o).into())
}

/// An InetAddressType and InetAddress as they stand in an index: type, length, octets (RFC 4001). Zones are dropped.
fn inet(arcs: &mut impl Iterator<Item = u32>) -> Option<IpAddr> {
    let kind = arcs.next()?;
    let length = arcs.next()?;
    match (kind, length) {
        (1 | 3, 4 | 8) => {
            let address = v4(arcs);
            for _ in 4..length {
                arcs.next()?;
            }
            address
        }
        (2 | 4, 16 | 20) => {
            let address = octets::<16>(arcs).map(|o| Ipv6Addr::from(o).into());
            for _ in 16..length {
                arcs.next()?;
            }
            address
        }
        _ => None,
    }
}

/// An address that names a host.
fn usable(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast()
}

/// ipAdEntIfIndex, ipAddressIfIndex.
fn addresses(columns: &[Column], names: &Names<'_>) -> Vec<OwnAddress> {
    let mut all = BTreeMap::new();
    for (index, value) in &columns[0] {
        if let (Some(address), Some(port)) = (v4(&mut index.arcs()), index_of(value)) {
            all.insert(address, port);
        }
    }
    for (index, value) in &columns[1] {
        if let (Some(address), Some(port)) = (inet(&mut index.arcs()), index_of(value)) {
            all.insert(address, port);
        }
    }
    all.into_iter()
        .filter(|(address, _)| usable(*address))
        .map(|(address, port)| OwnAddress {
            address,
            interface: names.name(port),
        })
        .collect()
}

/// ipNetToMediaPhysAddress, ipNetToMediaType, ipNetToPhysicalPhysAddress, ipNetToPhysicalType.
fn arp(columns: &[Column], names: &Names<'_>) -> Vec<ArpEntry> {
    type Parse = fn(&Oid) -> Option<(u32, IpAddr)>;
    let old: Parse = |index| {
        let mut arcs = index.arcs();
        Some((arcs.next()?, v4(&mut arcs)?))
    };
    let new: Parse = |index| {
        let mut arcs = index.arcs();
        let port = arcs.next()?;
        // ifIndex, type and, on Cisco's ASA, the octets without their number in front.
        let address = match index.len() {
            6 => v4(&mut arcs.skip(1)),
            _ => inet(&mut arcs),
        };
        Some((port, address?))
    };
    let mut all = BTreeMap::new();
    for (addresses, types, parse) in [
        (&columns[0], &columns[1], old),
        (&columns[2], &columns[3], new),
    ] {
        let gone: BTreeSet<&Oid> = types
            .iter()
            .filter(|(_, v)| v.as_i64() == Some(INVALID))
            .map(|(index, _)| index)
            .collect();
        for (index, value) in addresses.iter().filter(|(index, _)| !gone.contains(index)) {
            let mac = value.as_bytes().and_then(MacAddress::from_octets);
            if let (Some((port, address)), Some(mac)) = (parse(index), mac)
                && usable(address)
            {
                all.insert((address, port), mac);
            }
        }
    }
    all.into_iter()
        .map(|((address, port), mac)| ArpEntry {
            address,
            mac,
            interface: names.name(port),
        })
        .collect()
}

/// ipCidrRouteIfIndex, inetCidrRouteIfIndex, ipRouteIfIndex, ipRouteNextHop.
fn next_hops(columns: &[Column], names: &Names<'_>) -> Vec<NextHop> {
    let mut all: BTreeMap<(IpAddr, u32), u32> = BTreeMap::new();
    let mut count = |address: Option<IpAddr>, value: &Value| {
        if let (Some(address), Some(port)) = (address, index_of(value))
            && usable(address)
        {
            *all.entry((address, port)).or_default() += 1;
        }
    };
    // Destination, mask, type of service, next hop.
    for (index, value) in &columns[0] {
        count(v4(&mut index.arcs().skip(9)), value);
    }
    for (index, value) in &columns[1] {
        count(inet_next_hop(index), value);
    }
    // The oldest of the three tables says the same once more where the others exist.
    if columns[0].is_empty() && columns[1].is_empty() {
        let ports: HashMap<&Oid, &Value> = columns[2].iter().map(|(i, v)| (i, v)).collect();
        for (index, value) in &columns[3] {
            if let (Value::IpAddress(octets), Some(port)) = (value, ports.get(index)) {
                count(Some(Ipv4Addr::from(*octets).into()), port);
            }
        }
    }
    all.into_iter()
        .map(|((address, port), routes)| NextHop {
            address,
            interface: names.name(port),
            routes,
        })
        .collect()
}

/// inetCidrRouteEntry's index: destination, prefix length, policy (an OID with its length in front), next hop.
fn inet_next_hop(index: &Oid) -> Option<IpAddr> {
    let mut arcs = index.arcs();
    let arcs = &mut arcs;
    arcs.next()?;
    for _ in 0..arcs.next()? {
        arcs.next()?;
    }
    arcs.next()?;
    for _ in 0..arcs.next()? {
        arcs.next()?;
    }
    inet(arcs)
}

/// dot1dBasePortIfIndex, dot1dTpFdbPort, dot1dTpFdbStatus, dot1qTpFdbPort, dot1qTpFdbStatus, dot1qVlanFdbId.
fn stations(columns: &[Column], names: &Names<'_>) -> Vec<LearntStation> {
    let ports = bridge_ports(&columns[0]);
    let mut all = BTreeSet::new();
    // A filtering database may serve several VLANs; where the table does not say which, it is mostly named after its one.
    let vlans: HashMap<u32, u32> = columns[5]
        .iter()
        .filter_map(|(index, value)| Some((index_of(value)?, index.last()?)))
        .collect();
    for (index, port) in learned(&columns[3], &columns[4]) {
        let mut arcs = index.arcs();
        let Some(database) = arcs.next() else {
            continue;
        };
        let vlan = vlans.get(&database).copied().unwrap_or(database);
        all.extend(station(
            &mut arcs,
            port,
            u16::try_from(vlan).ok().filter(|v| (1..=4_094).contains(v)),
            &ports,
            names,
        ));
    }
    for (index, port) in learned(&columns[1], &columns[2]) {
        all.extend(station(&mut index.arcs(), port, None, &ports, names));
    }
    all.into_iter().collect()
}

/// The stations of one VLAN, from the tables that the agent shows in the VLAN's own context: dot1dBasePortIfIndex, dot1dTpFdbPort,
/// dot1dTpFdbStatus.
pub(crate) fn vlan_stations(
    vlan: u16,
    columns: &[Column],
    interfaces: &[Interface],
) -> Vec<LearntStation> {
    let names = Names(interfaces);
    let ports = bridge_ports(&columns[0]);
    let all: BTreeSet<LearntStation> = learned(&columns[1], &columns[2])
        .filter_map(|(index, port)| station(&mut index.arcs(), port, Some(vlan), &ports, &names))
        .collect();
    all.into_iter().collect()
}

fn bridge_ports(column: &Column) -> HashMap<u32, u32> {
    column
        .iter()
        .filter_map(|(index, value)| Some((index.first()?, index_of(value)?)))
        .collect()
}

/// Rows of a bridge table that were learnt from traffic, with their bridge port.
fn learned<'a>(
    ports: &'a Column,
    statuses: &'a Column,
) -> impl Iterator<Item = (&'a Oid, u32)> + 'a {
    let other: BTreeSet<&Oid> = statuses
        .iter()
        .filter(|(_, v)| v.as_i64().is_some_and(|status| status != LEARNED))
        .map(|(index, _)| index)
        .collect();
    ports.iter().filter_map(move |(index, value)| {
        let port = index_of(value).filter(|port| *port > 0)?;
        (!other.contains(index)).then_some((index, port))
    })
}

fn station(
    arcs: &mut impl Iterator<Item = u32>,
    port: u32,
    vlan: Option<u16>,
    ports: &HashMap<u32, u32>,
    names: &Names<'_>,
) -> Option<LearntStation> {
    let mac = MacAddress::from_octets(&octets::<6>(arcs)?)?;
    // Agents without dot1dBasePortTable number bridge ports like interfaces.
    let index = match ports.get(&port) {
        Some(index) => *index,
        None if ports.is_empty() => port,
        None => return None,
    };
    Some(LearntStation {
        mac,
        interface: names.interface(index)?.name.clone(),
        vlan,
    })
}

/// dot3adAggPortSelectedAggID, dot3adAggPortAttachedAggID, ifStackStatus.
fn aggregates(columns: &[Column], names: &Names<'_>) -> Vec<Aggregate> {
    let mut all: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    // A member that fell out is attached to nothing, but stays selected for its aggregate.
    for column in &columns[..2] {
        for (index, value) in column {
            if let (Some(member), Some(aggregate)) = (index.first(), index_of(value))
                && aggregate != member
                && aggregate != 0
            {
                all.entry(aggregate).or_default().insert(member);
            }
        }
    }
    for (index, _) in &columns[2] {
        let mut arcs = index.arcs();
        let (Some(higher), Some(lower)) = (arcs.next(), arcs.next()) else {
            continue;
        };
        let is_lag = names.interface(higher).is_some_and(|i| i.if_type == LAG);
        if is_lag && lower != 0 && names.interface(lower).is_some_and(|i| i.if_type != LAG) {
            all.entry(higher).or_default().insert(lower);
        }
    }
    all.into_iter()
        .filter_map(|(aggregate, members)| {
            let interface = names.interface(aggregate)?.name.clone();
            let mut members: Vec<Arc<str>> = members
                .into_iter()
                .filter_map(|member| Some(names.interface(member)?.name.clone()))
                .collect();
            members.sort();
            (!members.is_empty()).then_some(Aggregate { interface, members })
        })
        .collect()
}

/// VLANs that are in use: operational(1) in vtpVlanState.
pub(crate) fn vlans(columns: &[Column]) -> Vec<u16> {
    let all: BTreeSet<u16> = columns[0]
        .iter()
        .filter(|(_, state)| state.as_i64() == Some(1))
        .filter_map(|(index, _)| index.last())
        .filter(|vlan| (1..=VLAN_MAX).contains(vlan) && !VLANS_RESERVED.contains(vlan))
        .filter_map(|vlan| u16::try_from(vlan).ok())
        .collect();
    all.into_iter().collect()
}

/// Whether the bridge table itself tells VLANs apart (Q-BRIDGE-MIB), so that no contexts are needed.
pub(crate) fn tells_vlans(columns: &[Column]) -> bool {
    columns.get(4).is_some_and(|column| !column.is_empty())
}

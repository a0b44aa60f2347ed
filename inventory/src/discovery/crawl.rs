//! Walks over a device's tables of neighbours. Only addresses come out; who they are they say themselves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::api::CrawlSource;
use crate::poller::Op;
use crate::profile::constant;
use crate::{Oid, SnmpVersion, Value, Varbind};

/// lldpRemManAddrIfSubtype; its index carries the address (LLDP-MIB, lldpRemManAddrTable).
const LLDP: &str = "1.0.8802.1.1.2.1.4.2.1.3";
/// cdpCacheAddress (CISCO-CDP-MIB).
const CDP: &str = "1.3.6.1.4.1.9.9.23.1.2.1.1.4";
/// ipNetToMediaPhysAddress (RFC 1213); index: ifIndex and the address.
const ARP: &str = "1.3.6.1.2.1.4.22.1.2";
/// ipNetToPhysicalPhysAddress (IP-MIB, RFC 4293); index: ifIndex, type, length, address.
const NEIGHBOURS: &str = "1.3.6.1.2.1.4.35.1.4";
/// Rows of one table. A core router's ARP table is longer, but its neighbours have been asked by then.
const ROWS_MAX: usize = 4_096;
/// Rows asked for at once.
const REPETITIONS: u32 = 32;
/// InetAddressType ipv4 and ipv6; the address families of LLDP's lldpRemManAddrSubtype have the same numbers.
const IPV4: u32 = 1;
const IPV6: u32 = 2;

/// One table on its way.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) source: CrawlSource,
    root: Oid,
    last: Oid,
    rows: usize,
}

/// The walks that a list of sources asks for.
pub(super) fn walks(sources: &[CrawlSource]) -> Vec<Walk> {
    let walk = |source, root: &str| {
        let root = constant(root);
        Walk {
            source,
            last: root.clone(),
            root,
            rows: 0,
        }
    };
    let mut walks = Vec::new();
    for source in sources {
        match source {
            CrawlSource::Lldp => walks.push(walk(*source, LLDP)),
            CrawlSource::Cdp => walks.push(walk(*source, CDP)),
            CrawlSource::Arp => {
                walks.push(walk(*source, ARP));
                walks.push(walk(*source, NEIGHBOURS));
            }
        }
    }
    walks
}

impl Walk {
    /// What to ask next.
    pub(super) fn question(&self, version: SnmpVersion) -> (Op, Oid) {
        let op = match version {
            SnmpVersion::V1 => Op::GetNext,
            _ => Op::GetBulk {
                max_repetitions: REPETITIONS,
            },
        };
        (op, self.last.clone())
    }

    /// Takes an answer; whether the table goes on. Names that run backwards or leave the table end it, and so does its limit.
    pub(super) fn answer(&mut self, varbinds: &[Varbind], found: &mut Vec<IpAddr>) -> bool {
        if varbinds.is_empty() {
            return false;
        }
        for varbind in varbinds {
            if varbind.oid <= self.last || varbind.value.is_absent() {
                return false;
            }
            let Some(index) = varbind.oid.strip_prefix(&self.root) else {
                return false;
            };
            self.rows += 1;
            if self.rows > ROWS_MAX {
                return false;
            }
            self.last = varbind.oid.clone();
            found.extend(address(&self.root, &index, &varbind.value));
        }
        true
    }
}

fn address(root: &Oid, index: &Oid, value: &Value) -> Option<IpAddr> {
    let arcs: Vec<u32> = index.arcs().collect();
    let ip = if *root == constant(LLDP) {
        typed(arcs.get(3..)?)
    } else if *root == constant(NEIGHBOURS) {
        typed(arcs.get(1..)?)
    } else if *root == constant(ARP) {
        octets(arcs.get(1..)?)
    } else {
        of_bytes(value.as_bytes()?)
    }?;
    // Whether it may be asked is the ranges' business.
    (!ip.is_unspecified() && !ip.is_multicast()).then_some(ip)
}

/// Type, length, octets.
fn typed(arcs: &[u32]) -> Option<IpAddr> {
    let (kind, length) = (*arcs.first()?, *arcs.get(1)? as usize);
    let rest = arcs.get(2..)?;
    match (kind, length, rest.len()) {
        (IPV4, 4, 4) | (IPV6, 16, 16) => octets(rest),
        _ => None,
    }
}

fn octets(arcs: &[u32]) -> Option<IpAddr> {
    let bytes: Vec<u8> = arcs
        .iter()
        .map(|arc| u8::try_from(*arc).ok())
        .collect::<Option<_>>()?;
    of_bytes(&bytes)
}

fn of_bytes(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).into());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    let ip = Ipv6Addr::from(sixteen);
    // A link-local address means nothing without its link.
    (!ip.is_unicast_link_local()).then(|| IpAddr::V6(ip).to_canonical())
}

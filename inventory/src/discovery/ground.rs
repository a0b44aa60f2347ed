//! Which addresses may be asked, and in which order a scan comes to them.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::api::DiscoveryPlan;

/// Whether no packet may go there.
pub(super) fn is_excluded(plan: &DiscoveryPlan, ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_multicast()
        || ip.is_unspecified()
        || matches!(ip, IpAddr::V4(v4) if v4.is_broadcast())
        || plan.exclude.iter().any(|net| net.contains(&ip))
}

/// Whether a neighbour may be followed there.
pub(super) fn is_within(plan: &DiscoveryPlan, ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    plan.ranges
        .iter()
        .chain(&plan.within)
        .any(|net| is_host(net, ip))
}

/// Whether it is an address of that network that a device can have: of an IPv4 network larger than two addresses the first and the last are not.
fn is_host(net: &IpNet, ip: IpAddr) -> bool {
    if !net.contains(&ip) {
        return false;
    }
    match net {
        IpNet::V4(v4) if v4.prefix_len() < 31 => {
            ip != IpAddr::V4(v4.network()) && ip != IpAddr::V4(v4.broadcast())
        }
        _ => true,
    }
}

/// How many addresses a network's sweep has.
#[must_use]
pub fn addresses_of(net: &IpNet) -> u64 {
    let bits = u32::from(net.max_prefix_len() - net.prefix_len());
    if bits > 40 {
        return u64::MAX;
    }
    let all = 1_u64 << bits;
    if net.addr().is_ipv4() && bits > 1 {
        all - 2
    } else {
        all
    }
}

/// The addresses of the ranges, one after the other.
pub(super) struct Sweep {
    nets: std::vec::IntoIter<IpNet>,
    hosts: Option<ipnet::IpAddrRange>,
    port: u16,
}

impl std::fmt::Debug for Sweep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sweep")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Sweep {
    /// Overlapping ranges are joined, so that no address comes twice.
    pub(super) fn of(plan: &DiscoveryPlan) -> (Self, u64) {
        let nets = IpNet::aggregate(&plan.ranges);
        let total = nets.iter().map(addresses_of).fold(0, u64::saturating_add);
        let sweep = Self {
            nets: nets.into_iter(),
            hosts: None,
            port: plan.port,
        };
        (sweep, total)
    }
}

impl Iterator for Sweep {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        loop {
            if let Some(ip) = self.hosts.as_mut().and_then(Iterator::next) {
                return Some(SocketAddr::new(ip, self.port));
            }
            self.hosts = Some(match self.nets.next()? {
                IpNet::V4(net) => ipnet::IpAddrRange::V4(net.hosts()),
                IpNet::V6(net) => ipnet::IpAddrRange::V6(net.hosts()),
            });
        }
    }
}

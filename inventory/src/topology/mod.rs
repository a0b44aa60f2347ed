//! Who is connected to whom, seen from the daemon's own place: declared links, uplinks, neighbours, aggregates, bridge tables, ARP and
//! routes as one graph. The strongest word is followed; who says otherwise is kept beside it.

mod directory;
mod graph;
mod hints;
mod merge;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::watch::{Conflict, DeclaredLink, FarEnd, LinkSource, SiteSpec};
use crate::{Collection, DeviceId, InterfaceRef, NeighbourProtocol, SiteId};
use directory::Directory;
pub(crate) use graph::is_line_down;
pub(crate) use hints::{Hints, Known};
pub(crate) use merge::Link;
use merge::{Claim, Merge};

/// A place in the graph.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Node {
    Device(DeviceId),
    Site(SiteId),
}

/// A connection. Ends without an interface are assumptions ("stands in this site").
#[derive(Debug, Clone)]
struct Edge {
    nodes: [Node; 2],
    ends: [Option<InterfaceRef>; 2],
    /// The link that it is.
    link: Option<usize>,
}

/// What a device contributes.
pub(crate) struct Member<'a> {
    pub(crate) id: &'a DeviceId,
    pub(crate) name: &'a str,
    pub(crate) site: Option<&'a SiteId>,
    pub(crate) collection: Option<&'a Collection>,
    pub(crate) neighbours: &'a [crate::Neighbour],
    pub(crate) hints: &'a Hints,
}

/// The graph and what follows from it.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    pub(crate) links: Vec<Link>,
    pub(crate) conflicts: Vec<Conflict>,
    pub(crate) known: Known,
    edges: Vec<Edge>,
    by_node: HashMap<Node, Vec<usize>>,
    roots: Vec<Node>,
    /// The edge and node towards the root when nothing is broken.
    upward: HashMap<Node, (usize, Node)>,
    /// Interfaces that are an end of a link or an uplink, each with its link.
    by_end: HashMap<InterfaceRef, usize>,
    /// Members of aggregates, each with its aggregate.
    whole: HashMap<InterfaceRef, InterfaceRef>,
    sites: BTreeMap<SiteId, SiteSpec>,
}

impl Topology {
    pub(crate) fn build(
        members: &[Member<'_>],
        sites: &BTreeMap<SiteId, SiteSpec>,
        declared: &[DeclaredLink],
        root: Option<&DeviceId>,
    ) -> Self {
        let directory = Directory::new(members);
        let merge = collect(members, sites, declared, &directory);
        let mut topology = Self {
            sites: sites.clone(),
            known: Known::new(&directory),
            links: merge.links,
            conflicts: merge.conflicts,
            by_end: merge.by_end,
            whole: merge.whole,
            ..Self::default()
        };
        let known: BTreeSet<&DeviceId> = members.iter().map(|m| m.id).collect();
        for n in 0..topology.links.len() {
            let link = &topology.links[n];
            if let Some(far) = link.b.as_ref().and_then(|b| b.device.clone()) {
                let nodes = [Node::Device(link.a.device.clone()), Node::Device(far)];
                let ends = [Some(link.a.clone()), link.far.clone()];
                topology.edge(nodes, ends, Some(n));
            }
        }
        topology.attach_sites(members, &known);
        topology.roots = topology.choose_roots(members, root);
        topology.climb();
        // Devices that no link leads to hang on their site, and those that even that does not reach stand alone.
        let stranded: Vec<(Node, Node)> = members
            .iter()
            .filter(|m| !topology.upward.contains_key(&Node::Device(m.id.clone())))
            .filter(|m| !topology.roots.contains(&Node::Device(m.id.clone())))
            .filter_map(|m| Some((Node::Device(m.id.clone()), Node::Site(topology.home(m)?))))
            .collect();
        for (device, site) in stranded {
            topology.edge([device, site], [None, None], None);
        }
        topology.climb();
        topology
    }

    /// The site that a device stands in; without one, the site above the one that it is the uplink of.
    fn home(&self, member: &Member<'_>) -> Option<SiteId> {
        member.site.cloned().or_else(|| {
            let mut sites = self.sites.values();
            let site = sites.find(|s| s.uplink.as_ref().is_some_and(|u| u.device == *member.id))?;
            site.parent.clone()
        })
    }

    fn edge(&mut self, nodes: [Node; 2], ends: [Option<InterfaceRef>; 2], link: Option<usize>) {
        let n = self.edges.len();
        for node in &nodes {
            self.by_node.entry(node.clone()).or_default().push(n);
        }
        self.edges.push(Edge { nodes, ends, link });
    }

    /// Sites hang on their uplink, or on the site above.
    fn attach_sites(&mut self, members: &[Member<'_>], known: &BTreeSet<&DeviceId>) {
        let home: HashMap<&DeviceId, &SiteId> = members
            .iter()
            .filter_map(|m| Some((m.id, m.site?)))
            .collect();
        let gateways = self.gateways(&home);
        for site in self.sites.clone().into_values() {
            let here = Node::Site(site.id.clone());
            let above = site
                .parent
                .clone()
                .filter(|p| self.sites.contains_key(p))
                .map(Node::Site);
            match &site.uplink {
                Some(uplink) if known.contains(&uplink.device) => {
                    let uplink = &self.whole(uplink);
                    let device = Node::Device(uplink.device.clone());
                    let own = home.get(&uplink.device).is_some_and(|s| **s == site.id);
                    let link = self.by_end.get(uplink).copied();
                    if !own {
                        // A port at the other end of the line.
                        let ends = [None, Some(uplink.clone())];
                        self.edge([here.clone(), device], ends, link);
                    } else {
                        self.edge([here.clone(), device.clone()], [None, None], None);
                        let far_known = link
                            .and_then(|n| self.links[n].device_across(uplink))
                            .is_some_and(|far| known.contains(&far));
                        if let (false, Some(above)) = (far_known, above) {
                            let ends = [Some(uplink.clone()), None];
                            self.edge([device, above], ends, link);
                        }
                    }
                    // A second line, on whichever of its devices: while it stands the site is reached.
                    for gateway in gateways.get(&site.id).into_iter().flatten() {
                        if *gateway != uplink.device {
                            let gateway = Node::Device(gateway.clone());
                            self.edge([here.clone(), gateway], [None, None], None);
                        }
                    }
                }
                _ => {
                    if let Some(above) = above {
                        self.edge([here, above], [None, None], None);
                    }
                }
            }
        }
    }

    /// Devices of a site that have a link to a device of another one.
    fn gateways(&self, home: &HashMap<&DeviceId, &SiteId>) -> BTreeMap<SiteId, BTreeSet<DeviceId>> {
        let mut gateways: BTreeMap<SiteId, BTreeSet<DeviceId>> = BTreeMap::new();
        for link in &self.links {
            let Some(far) = link.b.as_ref().and_then(|b| b.device.as_ref()) else {
                continue;
            };
            let (a, b) = (home.get(&link.a.device), home.get(far));
            if a == b {
                continue;
            }
            for (site, device) in [(a, &link.a.device), (b, far)] {
                if let Some(site) = site {
                    let devices = gateways.entry((*site).clone()).or_default();
                    devices.insert(device.clone());
                }
            }
        }
        gateways
    }

    /// Where the daemon stands: the named device, else the best connected one of a root site; and the root sites themselves.
    fn choose_roots(&self, members: &[Member<'_>], root: Option<&DeviceId>) -> Vec<Node> {
        let tops: BTreeSet<&SiteId> = self
            .sites
            .values()
            .filter(|s| {
                s.parent
                    .as_ref()
                    .is_none_or(|p| !self.sites.contains_key(p))
            })
            .map(|s| &s.id)
            .collect();
        let mut roots: Vec<Node> = Vec::new();
        match root {
            Some(root) => roots.push(Node::Device(root.clone())),
            None => {
                let degree = |m: &&Member<'_>| {
                    self.by_node
                        .get(&Node::Device(m.id.clone()))
                        .map_or(0, Vec::len)
                };
                let best = members
                    .iter()
                    .filter(|m| m.site.is_some_and(|s| tops.contains(s)))
                    .filter(|m| degree(m) > 0)
                    // The last of equal ones wins in max_by_key; the first by name reads better.
                    .rev()
                    .max_by_key(degree);
                roots.extend(best.map(|m| Node::Device(m.id.clone())));
            }
        }
        roots.extend(tops.into_iter().map(|s| Node::Site(s.clone())));
        roots
    }
}

/// All claims, the strongest first: declared links, uplinks, what neighbours say, bridge tables, routes and ARP.
fn collect(
    members: &[Member<'_>],
    sites: &BTreeMap<SiteId, SiteSpec>,
    declared: &[DeclaredLink],
    directory: &Directory<'_>,
) -> Merge {
    let mut merge = Merge::new(members);
    for link in declared {
        let claim = Claim {
            source: LinkSource::Declared,
            by: None,
            a: link.a.clone(),
            b: Some(FarEnd {
                name: directory.name(&link.b.device),
                device: Some(link.b.device.clone()),
                interface: link.b.interface.clone(),
            }),
            resolved: true,
            capacity_bps: link.capacity_bps,
        };
        merge.take(claim, directory);
    }
    // An uplink says which interface counts; a neighbour on it says what is behind. Both make one link.
    for site in sites.values() {
        let Some(uplink) = &site.uplink else { continue };
        let claim = Claim {
            source: LinkSource::Uplink,
            by: None,
            a: uplink.clone(),
            b: None,
            resolved: false,
            capacity_bps: site.capacity_bps,
        };
        merge.take(claim, directory);
    }
    for claim in heard(members, directory) {
        merge.take(claim, directory);
    }
    for claim in hints::bridged(members, directory, &merge) {
        merge.take(claim, directory);
    }
    merge.take_unconnected(hints::routed(members, directory));
    merge.complete_members();
    merge.find_one_sided(directory);
    merge
}

/// What neighbours say of themselves; those whose port is known come first, so that the others find their place.
fn heard(members: &[Member<'_>], directory: &Directory<'_>) -> Vec<Claim> {
    let mut claims = Vec::new();
    for member in members {
        for neighbour in member.neighbours.iter().filter(|n| !n.interface.is_empty()) {
            let device = directory.heard(neighbour).filter(|d| *d != member.id);
            let interface = device.and_then(|d| {
                directory.interface(
                    d,
                    &neighbour.remote_interface,
                    &neighbour.remote_description,
                )
            });
            let name = if neighbour.system_name.is_empty() {
                &neighbour.chassis
            } else {
                &neighbour.system_name
            };
            claims.push(Claim {
                source: match neighbour.protocol {
                    NeighbourProtocol::Lldp => LinkSource::Lldp,
                    NeighbourProtocol::Cdp => LinkSource::Cdp,
                },
                by: Some(member.id.clone()),
                a: InterfaceRef {
                    device: member.id.clone(),
                    interface: neighbour.interface.clone(),
                },
                resolved: interface.is_some(),
                b: Some(FarEnd {
                    device: device.cloned(),
                    name: name.to_string(),
                    interface: interface.unwrap_or_else(|| neighbour.remote_interface.clone()),
                }),
                capacity_bps: None,
            });
        }
    }
    claims.sort_by_key(|claim| (claim.source, !claim.resolved));
    claims
}

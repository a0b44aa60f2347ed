//! Who is connected to whom: declared links, site uplinks and neighbours as one graph, seen from the daemon's own place.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::watch::{Cause, DeclaredLink, FarEnd, LinkSource, SiteSpec};
use crate::{Collection, DeviceId, InterfaceRef, SiteId};

/// Sites above a site at most; a tree that goes round is cut here.
const DEPTH_MAX: usize = 64;

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
}

/// One link as people see it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    pub(crate) a: InterfaceRef,
    pub(crate) b: Option<FarEnd>,
    pub(crate) source: LinkSource,
    pub(crate) capacity_bps: Option<u64>,
}

impl Link {
    /// The far end, when both its device and its interface are known.
    fn far(&self) -> Option<InterfaceRef> {
        let far = self.b.as_ref().filter(|far| !far.interface.is_empty())?;
        Some(InterfaceRef {
            device: far.device.clone()?,
            interface: far.interface.clone(),
        })
    }
}

/// What a device contributes.
pub(crate) struct Member<'a> {
    pub(crate) id: &'a DeviceId,
    pub(crate) name: &'a str,
    pub(crate) site: Option<&'a SiteId>,
    pub(crate) collection: Option<&'a Collection>,
    pub(crate) neighbours: &'a [crate::Neighbour],
}

/// The graph and what follows from it.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    pub(crate) links: Vec<Link>,
    edges: Vec<Edge>,
    by_node: HashMap<Node, Vec<usize>>,
    roots: Vec<Node>,
    /// The edge and node towards the root when nothing is broken.
    upward: HashMap<Node, (usize, Node)>,
    /// Interfaces that are an end of a link or an uplink, and the other end where known.
    ends: HashMap<InterfaceRef, Option<InterfaceRef>>,
    sites: BTreeMap<SiteId, SiteSpec>,
}

impl Topology {
    pub(crate) fn build(
        members: &[Member<'_>],
        sites: &BTreeMap<SiteId, SiteSpec>,
        declared: &[DeclaredLink],
        root: Option<&DeviceId>,
    ) -> Self {
        let mut topology = Self {
            sites: sites.clone(),
            ..Self::default()
        };
        topology.collect_links(members, declared);
        let known: BTreeSet<&DeviceId> = members.iter().map(|m| m.id).collect();
        for link in topology.links.clone() {
            if let Some(far) = link.b.as_ref().and_then(|b| b.device.clone()) {
                let nodes = [Node::Device(link.a.device.clone()), Node::Device(far)];
                topology.edge(nodes, [Some(link.a.clone()), link.far()]);
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
            topology.edge([device, site], [None, None]);
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

    fn edge(&mut self, nodes: [Node; 2], ends: [Option<InterfaceRef>; 2]) {
        let n = self.edges.len();
        for node in &nodes {
            self.by_node.entry(node.clone()).or_default().push(n);
        }
        self.edges.push(Edge { nodes, ends });
    }

    /// Declared links first, then uplinks, then what neighbours say; an interface has one link.
    fn collect_links(&mut self, members: &[Member<'_>], declared: &[DeclaredLink]) {
        let directory = Directory::new(members);
        for link in declared {
            self.add(Link {
                a: link.a.clone(),
                b: Some(FarEnd {
                    name: directory.name(&link.b.device),
                    device: Some(link.b.device.clone()),
                    interface: link.b.interface.clone(),
                }),
                source: LinkSource::Declared,
                capacity_bps: link.capacity_bps,
            });
        }
        let mut heard = Vec::new();
        for member in members {
            for neighbour in member.neighbours.iter().filter(|n| !n.interface.is_empty()) {
                let a = InterfaceRef {
                    device: member.id.clone(),
                    interface: neighbour.interface.clone(),
                };
                let device = directory.find(neighbour).filter(|d| *d != member.id);
                let interface = device
                    .and_then(|d| {
                        directory.interface(
                            d,
                            &neighbour.remote_interface,
                            &neighbour.remote_description,
                        )
                    })
                    .unwrap_or_else(|| neighbour.remote_interface.clone());
                let name = if neighbour.system_name.is_empty() {
                    &neighbour.chassis
                } else {
                    &neighbour.system_name
                };
                heard.push(Link {
                    a,
                    b: Some(FarEnd {
                        device: device.cloned(),
                        name: name.to_string(),
                        interface,
                    }),
                    source: LinkSource::Lldp,
                    capacity_bps: None,
                });
            }
        }
        // An uplink says which interface counts; a neighbour on it says what is behind. Both make one link.
        for site in self.sites.clone().into_values() {
            let Some(uplink) = site.uplink else { continue };
            if self.ends.contains_key(&uplink) {
                for link in &mut self.links {
                    if link.a == uplink || link.far().as_ref() == Some(&uplink) {
                        link.capacity_bps = link.capacity_bps.or(site.capacity_bps);
                    }
                }
                continue;
            }
            let b = heard.iter().find_map(|l| {
                if l.a == uplink {
                    return l.b.clone();
                }
                (l.far().as_ref() == Some(&uplink)).then(|| FarEnd {
                    name: directory.name(&l.a.device),
                    device: Some(l.a.device.clone()),
                    interface: l.a.interface.clone(),
                })
            });
            self.add(Link {
                a: uplink,
                b,
                source: LinkSource::Uplink,
                capacity_bps: site.capacity_bps,
            });
        }
        for link in heard {
            self.add(link);
        }
    }

    fn add(&mut self, link: Link) {
        let far = link.far();
        if self.ends.contains_key(&link.a)
            || far.as_ref().is_some_and(|f| self.ends.contains_key(f))
        {
            return;
        }
        self.ends.insert(link.a.clone(), far.clone());
        if let Some(far) = far {
            self.ends.insert(far, Some(link.a.clone()));
        }
        self.links.push(link);
    }

    /// Sites hang on their uplink, or on the site above.
    fn attach_sites(&mut self, members: &[Member<'_>], known: &BTreeSet<&DeviceId>) {
        let home: HashMap<&DeviceId, &SiteId> = members
            .iter()
            .filter_map(|m| Some((m.id, m.site?)))
            .collect();
        for site in self.sites.clone().into_values() {
            let here = Node::Site(site.id.clone());
            let above = site
                .parent
                .clone()
                .filter(|p| self.sites.contains_key(p))
                .map(Node::Site);
            match &site.uplink {
                Some(uplink) if known.contains(&uplink.device) => {
                    let device = Node::Device(uplink.device.clone());
                    let own = home.get(&uplink.device).is_some_and(|s| **s == site.id);
                    if !own {
                        // A port at the other end of the line.
                        self.edge([here, device], [None, Some(uplink.clone())]);
                        continue;
                    }
                    self.edge([here, device.clone()], [None, None]);
                    let far_known = self
                        .ends
                        .get(uplink)
                        .and_then(Option::as_ref)
                        .is_some_and(|far| known.contains(&far.device));
                    if let (false, Some(above)) = (far_known, above) {
                        self.edge([device, above], [Some(uplink.clone()), None]);
                    }
                }
                _ => {
                    if let Some(above) = above {
                        self.edge([here, above], [None, None]);
                    }
                }
            }
        }
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

    /// Breadth first from the roots, whatever is broken.
    fn climb(&mut self) {
        self.upward.clear();
        let mut queue: VecDeque<Node> = self.roots.iter().cloned().collect();
        let mut seen: BTreeSet<Node> = self.roots.iter().cloned().collect();
        while let Some(node) = queue.pop_front() {
            for &n in self.by_node.get(&node).into_iter().flatten() {
                let other = self.other(n, &node);
                if seen.insert(other.clone()) {
                    self.upward.insert(other.clone(), (n, node.clone()));
                    queue.push_back(other);
                }
            }
        }
    }

    fn other(&self, edge: usize, node: &Node) -> Node {
        let [a, b] = &self.edges[edge].nodes;
        if a == node { b.clone() } else { a.clone() }
    }

    /// What the roots reach when some interfaces and devices are out.
    pub(crate) fn reached(
        &self,
        is_down: impl Fn(&InterfaceRef) -> bool,
        is_dead: impl Fn(&DeviceId) -> bool,
    ) -> BTreeSet<Node> {
        let mut queue: VecDeque<Node> = self.roots.iter().cloned().collect();
        let mut seen: BTreeSet<Node> = self.roots.iter().cloned().collect();
        while let Some(node) = queue.pop_front() {
            if matches!(&node, Node::Device(device) if is_dead(device)) {
                // Seen, but nothing is reached through it.
                continue;
            }
            for &n in self.by_node.get(&node).into_iter().flatten() {
                if self.edges[n].ends.iter().flatten().any(&is_down) {
                    continue;
                }
                let other = self.other(n, &node);
                if seen.insert(other.clone()) {
                    queue.push_back(other);
                }
            }
        }
        seen
    }

    /// The broken thing nearest to the root on the way from a place to the root.
    pub(crate) fn cause(
        &self,
        from: &Node,
        is_down: impl Fn(&InterfaceRef) -> bool,
        is_dead: impl Fn(&DeviceId) -> bool,
    ) -> Option<Cause> {
        let mut cause = None;
        for (edge, node) in self.way(from) {
            // Of the two ends of a line the one nearer to the root is the one that is still heard.
            let [first, second] = &self.edges[edge].nodes;
            let ends = &self.edges[edge].ends;
            let (near, far) = if *first == node {
                (&ends[0], &ends[1])
            } else {
                (&ends[1], &ends[0])
            };
            debug_assert!(*first == node || *second == node);
            if let Some(end) = [near, far].into_iter().flatten().find(|end| is_down(end)) {
                cause = Some(Cause::Interface(end.clone()));
            }
            if let Node::Device(device) = &node
                && is_dead(device)
            {
                cause = Some(Cause::Device(device.clone()));
            }
        }
        cause
    }

    /// Edges and the nodes they lead to, up to the root.
    fn way(&self, from: &Node) -> Vec<(usize, Node)> {
        let mut way = Vec::new();
        let mut at = from.clone();
        while let Some((edge, node)) = self.upward.get(&at) {
            way.push((*edge, node.clone()));
            at = node.clone();
            // A breadth-first tree has no circles; the limit only bounds very long chains.
            if way.len() > 4 * DEPTH_MAX {
                break;
            }
        }
        way
    }

    /// Devices on the way to the root, nearest first.
    pub(crate) fn devices_above(&self, device: &DeviceId) -> Vec<DeviceId> {
        let way = self.way(&Node::Device(device.clone()));
        way.into_iter()
            .filter_map(|(_, node)| {
                if let Node::Device(d) = node {
                    Some(d)
                } else {
                    None
                }
            })
            .collect()
    }

    /// Interfaces that the traffic of a site crosses, from the site to the root; of each line the end that we read best.
    pub(crate) fn path(&self, site: &SiteId) -> Vec<InterfaceRef> {
        let mut path: Vec<InterfaceRef> = Vec::new();
        let mut at = Node::Site(site.clone());
        for (edge, node) in self.way(&at.clone()) {
            let [first, _] = &self.edges[edge].nodes;
            let ends = &self.edges[edge].ends;
            // A line is named by the site's own uplink when it is one, else by the end away from the root.
            let (lower, upper) = if *first == at {
                (&ends[0], &ends[1])
            } else {
                (&ends[1], &ends[0])
            };
            let named = self.sites.values().filter_map(|s| s.uplink.as_ref());
            let uplink = [lower, upper]
                .into_iter()
                .flatten()
                .find(|end| named.clone().any(|u| u == *end));
            if let Some(end) = uplink.or(lower.as_ref()).or(upper.as_ref()) {
                path.push(end.clone());
            }
            at = node;
        }
        path
    }

    /// Whether the way of a site crosses that interface or the other end of its line.
    pub(crate) fn crosses(&self, site: &SiteId, interface: &InterfaceRef) -> bool {
        self.way(&Node::Site(site.clone())).iter().any(|(edge, _)| {
            self.edges[*edge]
                .ends
                .iter()
                .flatten()
                .any(|end| end == interface)
        }) || self
            .ends
            .get(interface)
            .and_then(Option::as_ref)
            .is_some_and(|far| {
                self.way(&Node::Site(site.clone())).iter().any(|(edge, _)| {
                    self.edges[*edge]
                        .ends
                        .iter()
                        .flatten()
                        .any(|end| end == far)
                })
            })
    }

    /// Whether the way of a site leads through that device.
    pub(crate) fn passes(&self, site: &SiteId, device: &DeviceId) -> bool {
        self.way(&Node::Site(site.clone()))
            .iter()
            .any(|(_, node)| matches!(node, Node::Device(d) if d == device))
    }

    /// Whether an interface is an end of a link or an uplink: its state concerns others.
    pub(crate) fn is_link_end(&self, interface: &InterfaceRef) -> bool {
        self.ends.contains_key(interface)
    }

    /// The other end of the line.
    pub(crate) fn other_end(&self, interface: &InterfaceRef) -> Option<&InterfaceRef> {
        self.ends.get(interface)?.as_ref()
    }

    /// Whether the root has any way to this place at all.
    pub(crate) fn is_placed(&self, node: &Node) -> bool {
        self.upward.contains_key(node) || self.roots.contains(node)
    }
}

/// Finds devices by what neighbours call them.
struct Directory<'a> {
    by_name: HashMap<String, &'a DeviceId>,
    by_address: HashMap<String, &'a DeviceId>,
    members: HashMap<&'a DeviceId, &'a Member<'a>>,
}

impl<'a> Directory<'a> {
    fn new(members: &'a [Member<'a>]) -> Self {
        let mut directory = Self {
            by_name: HashMap::new(),
            by_address: HashMap::new(),
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
            for interface in member.collection.iter().flat_map(|c| c.interfaces.iter()) {
                if interface.physical_address.iter().any(|b| *b != 0) {
                    let address: Vec<String> = interface
                        .physical_address
                        .iter()
                        .map(|b| format!("{b:02x}"))
                        .collect();
                    directory
                        .by_address
                        .entry(address.join(":"))
                        .or_insert(member.id);
                }
            }
        }
        directory
    }

    fn name(&self, device: &DeviceId) -> String {
        self.members
            .get(device)
            .map_or_else(|| device.to_string(), |m| m.name.to_owned())
    }

    fn find(&self, neighbour: &crate::Neighbour) -> Option<&'a DeviceId> {
        self.by_name
            .get(&short(&neighbour.system_name))
            .or_else(|| self.by_address.get(&*neighbour.chassis))
            .copied()
    }

    fn interface(&self, device: &DeviceId, name: &str, description: &str) -> Option<Arc<str>> {
        let interfaces = &self.members.get(device)?.collection?.interfaces;
        [name, description]
            .into_iter()
            .filter(|n| !n.is_empty())
            .find_map(|wanted| {
                interfaces
                    .iter()
                    .find(|i| &*i.name == wanted || &*i.description == wanted)
                    .map(|i| i.name.clone())
            })
    }
}

/// Names without case and domain: `SW1.qnam.gov.vn` and `sw1` are one device.
fn short(name: &str) -> String {
    if name.parse::<std::net::IpAddr>().is_ok() {
        return name.to_owned();
    }
    name.split('.').next().unwrap_or(name).to_lowercase()
}

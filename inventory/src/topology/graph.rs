//! Ways through the graph: what the root reaches, what stands in front of a place, what a site's traffic crosses.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{Edge, Link, Node, Topology};
use crate::watch::Cause;
use crate::{DeviceId, InterfaceRef, SiteId};

/// Steps of a way at most: a breadth-first tree has no circles, the limit only bounds very long chains.
const STEPS_MAX: usize = 256;

impl Link {
    /// The device at the other end, seen from one of them.
    pub(super) fn device_across(&self, end: &InterfaceRef) -> Option<DeviceId> {
        if *end == self.a {
            return self.b.as_ref()?.device.clone();
        }
        Some(self.a.device.clone())
    }

    /// Whether it carries nothing: an end is down, or every line of it is.
    pub(crate) fn is_broken(&self, is_down: &impl Fn(&InterfaceRef) -> bool) -> bool {
        let ends = [Some(&self.a), self.far.as_ref()];
        ends.into_iter().flatten().any(is_down)
            || !self.members.is_empty()
                && self.members.iter().all(|line| is_line_down(line, is_down))
    }
}

/// Whether one line of an aggregate carries nothing.
pub(crate) fn is_line_down(
    line: &[Option<InterfaceRef>; 2],
    is_down: &impl Fn(&InterfaceRef) -> bool,
) -> bool {
    line.iter().flatten().any(is_down)
}

impl Topology {
    /// Breadth first from the roots, whatever is broken.
    pub(super) fn climb(&mut self) {
        self.upward = self.tree(|_| false, |_| false);
    }

    /// Towards the root from everywhere, over what works.
    fn tree(
        &self,
        is_broken: impl Fn(&Edge) -> bool,
        is_dead: impl Fn(&DeviceId) -> bool,
    ) -> HashMap<Node, (usize, Node)> {
        let mut upward = HashMap::new();
        let mut queue: VecDeque<Node> = self.roots.iter().cloned().collect();
        let mut seen: BTreeSet<Node> = self.roots.iter().cloned().collect();
        while let Some(node) = queue.pop_front() {
            if matches!(&node, Node::Device(device) if is_dead(device)) {
                // Seen, but nothing is reached through it.
                continue;
            }
            for &n in self.by_node.get(&node).into_iter().flatten() {
                if is_broken(&self.edges[n]) {
                    continue;
                }
                let other = self.other(n, &node);
                if seen.insert(other.clone()) {
                    upward.insert(other.clone(), (n, node.clone()));
                    queue.push_back(other);
                }
            }
        }
        upward
    }

    fn other(&self, edge: usize, node: &Node) -> Node {
        let [a, b] = &self.edges[edge].nodes;
        if a == node { b.clone() } else { a.clone() }
    }

    fn is_edge_broken(&self, edge: &Edge, is_down: &impl Fn(&InterfaceRef) -> bool) -> bool {
        edge.ends.iter().flatten().any(is_down)
            || edge.link.is_some_and(|n| self.links[n].is_broken(is_down))
    }

    /// What the roots reach when some interfaces and devices are out.
    pub(crate) fn reached(
        &self,
        is_down: impl Fn(&InterfaceRef) -> bool,
        is_dead: impl Fn(&DeviceId) -> bool,
    ) -> BTreeSet<Node> {
        let upward = self.tree(|edge| self.is_edge_broken(edge, &is_down), is_dead);
        upward
            .into_keys()
            .chain(self.roots.iter().cloned())
            .collect()
    }

    /// The links that a site's traffic takes now, from the site to the root; over what is broken when nothing else is left.
    pub(crate) fn links_of(
        &self,
        site: &SiteId,
        is_down: impl Fn(&InterfaceRef) -> bool,
        is_dead: impl Fn(&DeviceId) -> bool,
    ) -> Vec<usize> {
        let from = Node::Site(site.clone());
        let now = self.tree(|edge| self.is_edge_broken(edge, &is_down), is_dead);
        let upward = if now.contains_key(&from) {
            &now
        } else {
            &self.upward
        };
        climb_from(upward, &from)
            .into_iter()
            .filter_map(|(edge, _)| self.edges[edge].link)
            .collect()
    }

    /// The broken thing nearest to the root on the way from a place to the root.
    pub(crate) fn cause(
        &self,
        from: &Node,
        is_down: impl Fn(&InterfaceRef) -> bool,
        is_dead: impl Fn(&DeviceId) -> bool,
    ) -> Option<Cause> {
        let mut cause = None;
        for (n, node) in self.way(from) {
            // Of the two ends of a line the one nearer to the root is the one that is still heard.
            let edge = &self.edges[n];
            let (near, far) = if edge.nodes[0] == node {
                (0, 1)
            } else {
                (1, 0)
            };
            let ends = [&edge.ends[near], &edge.ends[far]];
            if let Some(end) = ends.into_iter().flatten().find(|end| is_down(end)) {
                cause = Some(Cause::Interface(end.clone()));
            } else if self.is_edge_broken(edge, &is_down) {
                // Every line of an aggregate is down, and the aggregate itself does not say so.
                let lines = edge.link.map(|n| &self.links[n].members);
                let line = lines
                    .into_iter()
                    .flatten()
                    .flat_map(|line| line.iter().flatten())
                    .find(|end| is_down(end));
                cause = line.cloned().map(Cause::Interface).or(cause);
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
        climb_from(&self.upward, from)
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

    /// Devices that a link leads to directly.
    pub(crate) fn devices_beside(&self, device: &DeviceId) -> impl Iterator<Item = DeviceId> {
        let here = Node::Device(device.clone());
        let edges = self.by_node.get(&here).into_iter().flatten();
        edges.filter_map(move |n| match self.other(*n, &here) {
            Node::Device(other) => Some(other),
            Node::Site(_) => None,
        })
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
                .find(|end| named.clone().any(|u| self.whole(u) == **end));
            if let Some(end) = uplink.or(lower.as_ref()).or(upper.as_ref()) {
                path.push(end.clone());
            }
            at = node;
        }
        path
    }

    /// Whether the way of a site crosses that interface, the other end of its line, or the aggregate that it belongs to.
    pub(crate) fn crosses(&self, site: &SiteId, interface: &InterfaceRef) -> bool {
        let end = self.whole(interface);
        let far = self.other_end(&end);
        self.way(&Node::Site(site.clone())).iter().any(|(edge, _)| {
            let mut ends = self.edges[*edge].ends.iter().flatten();
            ends.any(|e| *e == end || Some(e) == far)
        })
    }

    /// Whether the way of a site leads through that device.
    pub(crate) fn passes(&self, site: &SiteId, device: &DeviceId) -> bool {
        self.way(&Node::Site(site.clone()))
            .iter()
            .any(|(_, node)| matches!(node, Node::Device(d) if d == device))
    }

    /// The aggregate that an interface is a member of, else itself.
    pub(super) fn whole(&self, end: &InterfaceRef) -> InterfaceRef {
        self.whole.get(end).unwrap_or(end).clone()
    }

    /// Whether an interface is an end of a link, of a line of an aggregate, or an uplink: its state concerns others.
    pub(crate) fn is_link_end(&self, interface: &InterfaceRef) -> bool {
        self.by_end.contains_key(interface) || self.is_line(interface)
    }

    /// Whether an interface is one of several lines that act as one link.
    pub(crate) fn is_line(&self, interface: &InterfaceRef) -> bool {
        let link = self.link(interface);
        self.whole.contains_key(interface) && link.is_some_and(|link| link.members.len() > 1)
    }

    /// The link that an interface is an end of, or a line of an end.
    pub(crate) fn link(&self, end: &InterfaceRef) -> Option<&Link> {
        let whole = self.whole.get(end).unwrap_or(end);
        self.by_end.get(whole).map(|n| &self.links[*n])
    }

    /// The other end of the line.
    pub(crate) fn other_end(&self, interface: &InterfaceRef) -> Option<&InterfaceRef> {
        let link = self.link(interface)?;
        if self.whole.contains_key(interface) {
            let line = link
                .members
                .iter()
                .find(|line| line.iter().flatten().any(|end| end == interface))?;
            return line.iter().flatten().find(|end| *end != interface);
        }
        if *interface == link.a {
            link.far.as_ref()
        } else {
            Some(&link.a)
        }
    }

    /// Whether the root has any way to this place at all.
    pub(crate) fn is_placed(&self, node: &Node) -> bool {
        self.upward.contains_key(node) || self.roots.contains(node)
    }
}

fn climb_from(upward: &HashMap<Node, (usize, Node)>, from: &Node) -> Vec<(usize, Node)> {
    let mut way = Vec::new();
    let mut at = from;
    while let Some((edge, node)) = upward.get(at) {
        way.push((*edge, node.clone()));
        at = node;
        if way.len() >= STEPS_MAX {
            break;
        }
    }
    way
}

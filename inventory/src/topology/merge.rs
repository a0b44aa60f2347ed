//! Many claims, one graph: which link is followed, who else says so, and who says otherwise.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::Member;
use super::directory::Directory;
use crate::watch::{Conflict, ConflictKind, FarEnd, LinkSource, Opinion};
use crate::{DeviceId, DeviceKind, InterfaceRef, NeighbourProtocol};

/// Conflicts that are kept; a network that contradicts itself more often has one fault that explains them all.
const CONFLICTS_MAX: usize = 1_000;

/// Somebody says that two ends are connected.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) source: LinkSource,
    /// The device that says so; `None` for the configuration.
    pub(super) by: Option<DeviceId>,
    pub(super) a: InterfaceRef,
    pub(super) b: Option<FarEnd>,
    /// Whether `b`'s interface is known by the name that its own device gives it.
    pub(super) resolved: bool,
    pub(super) capacity_bps: Option<u64>,
}

/// One link as people see it. The ends of an aggregate are the aggregates; its lines are the members.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    pub(crate) a: InterfaceRef,
    pub(crate) b: Option<FarEnd>,
    /// `b` as an interface, when its device and its name are known.
    pub(crate) far: Option<InterfaceRef>,
    /// The strongest of `sources`.
    pub(crate) source: LinkSource,
    pub(crate) sources: BTreeSet<LinkSource>,
    pub(crate) capacity_bps: Option<u64>,
    /// Lines of an aggregate, `a`'s side first; empty for a single line.
    pub(crate) members: Vec<[Option<InterfaceRef>; 2]>,
    /// Devices that name the other end, by the protocol they heard it with.
    said_by: BTreeSet<(LinkSource, DeviceId)>,
    resolved: bool,
}

impl Link {
    /// The other end as seen from one of them.
    fn across(&self, end: &InterfaceRef, directory: &Directory<'_>) -> Option<FarEnd> {
        if *end == self.a {
            return self.b.clone();
        }
        Some(FarEnd {
            device: Some(self.a.device.clone()),
            name: directory.name(&self.a.device),
            interface: self.a.interface.clone(),
        })
    }
}

/// Links in the making.
#[derive(Debug, Default)]
pub(super) struct Merge {
    pub(super) links: Vec<Link>,
    pub(super) by_end: HashMap<InterfaceRef, usize>,
    pub(super) conflicts: Vec<Conflict>,
    /// Members of aggregates, each with its aggregate.
    pub(super) whole: HashMap<InterfaceRef, InterfaceRef>,
}

impl Merge {
    pub(super) fn new(members: &[Member<'_>]) -> Self {
        let mut merge = Self::default();
        for member in members {
            let end = |interface: &Arc<str>| InterfaceRef {
                device: member.id.clone(),
                interface: interface.clone(),
            };
            for aggregate in &member.hints.aggregates {
                for line in &aggregate.members {
                    merge.whole.insert(end(line), end(&aggregate.interface));
                }
            }
        }
        merge
    }

    /// The aggregate that an interface is a member of, else itself.
    pub(super) fn whole(&self, end: &InterfaceRef) -> InterfaceRef {
        self.whole.get(end).unwrap_or(end).clone()
    }

    /// Takes a claim; stronger ones must come first.
    pub(super) fn take(&mut self, claim: Claim, directory: &Directory<'_>) {
        let raw_far = far_of(claim.b.as_ref());
        let lines = [Some(claim.a.clone()), raw_far.clone()];
        let a = self.whole(&claim.a);
        let far = raw_far.map(|far| self.whole(&far));
        let b = claim.b.clone().map(|b| FarEnd {
            interface: far
                .as_ref()
                .map_or(b.interface.clone(), |f| f.interface.clone()),
            ..b
        });
        let at_a = self.by_end.get(&a).copied();
        let at_b = far.as_ref().and_then(|far| self.by_end.get(far).copied());
        match (at_a, at_b) {
            (Some(n), Some(m)) if n == m => self.corroborate(n, &claim, &lines),
            (Some(n), _) => {
                let held = self.links[n].across(&a, directory);
                match (held, &b) {
                    (_, None) => {
                        self.links[n].sources.insert(claim.source);
                        let capacity = &mut self.links[n].capacity_bps;
                        *capacity = capacity.or(claim.capacity_bps);
                    }
                    (None, Some(b)) if at_b.is_none() => {
                        self.fill(n, b.clone(), far, &claim, &lines)
                    }
                    (Some(held), Some(b)) if self.agree(n, &a, &held, b, claim.resolved) => {
                        self.settle_interface(n, &a, far, claim.resolved);
                        self.corroborate(n, &claim, &lines);
                    }
                    (held, Some(b)) => {
                        self.contradict(&a, n, held, &claim, b.clone(), directory);
                    }
                }
            }
            (None, Some(m)) => {
                let Some(far) = far else { return };
                let held = self.links[m].across(&far, directory);
                let own = FarEnd {
                    device: Some(a.device.clone()),
                    name: directory.name(&a.device),
                    interface: a.interface.clone(),
                };
                match held {
                    Some(held) if self.agree(m, &far, &held, &own, true) => {
                        self.settle_interface(m, &far, Some(a), true);
                        self.corroborate(m, &claim, &lines);
                    }
                    None => self.fill(m, own, Some(a), &claim, &lines),
                    held => self.contradict(&far, m, held, &claim, own, directory),
                }
            }
            (None, None) => {
                if let Some(n) = self.mirrored(&a, b.as_ref(), claim.resolved) {
                    self.settle_interface(n, &self.links[n].a.clone(), Some(a), true);
                    return self.corroborate(n, &claim, &lines);
                }
                self.push(a, b, far, &claim, &lines);
            }
        }
    }

    /// A link of which each side names the other's port in words that the other does not use.
    fn mirrored(&self, a: &InterfaceRef, b: Option<&FarEnd>, resolved: bool) -> Option<usize> {
        let far = b?.device.as_ref().filter(|_| !resolved)?;
        let mut all = self.links.iter().enumerate().filter(|(_, link)| {
            !link.resolved
                && link.a.device == *far
                && link.b.as_ref().and_then(|b| b.device.as_ref()) == Some(&a.device)
        });
        let (n, _) = all.next()?;
        all.next().is_none().then_some(n)
    }

    /// Whether two words for the other end of link `n`, seen from `end`, can be one thing.
    fn agree(
        &self,
        n: usize,
        end: &InterfaceRef,
        held: &FarEnd,
        new: &FarEnd,
        resolved: bool,
    ) -> bool {
        let link = &self.links[n];
        match (&held.device, &new.device) {
            (Some(old), Some(new_device)) if old == new_device => {
                let held_resolved = link.resolved || *end != link.a;
                held.interface == new.interface
                    || !resolved
                    || !held_resolved
                    || held.interface.is_empty()
                    || new.interface.is_empty()
                    // Several lines between an aggregate and a device that does not say which of its ports act as one.
                    || self.is_aggregate(end)
            }
            (None, None) => {
                held.name.eq_ignore_ascii_case(&new.name) || held.interface == new.interface
            }
            _ => false,
        }
    }

    fn is_aggregate(&self, end: &InterfaceRef) -> bool {
        self.whole.values().any(|whole| whole == end)
    }

    /// The name of the far interface becomes known.
    fn settle_interface(
        &mut self,
        n: usize,
        from: &InterfaceRef,
        far: Option<InterfaceRef>,
        resolved: bool,
    ) {
        let link = &mut self.links[n];
        if *from != link.a || link.resolved || !resolved {
            return;
        }
        if let Some(far) = far
            && !self.by_end.contains_key(&far)
        {
            if let Some(b) = &mut link.b {
                b.interface = far.interface.clone();
            }
            if let Some(old) = link.far.replace(far.clone()) {
                self.by_end.remove(&old);
            }
            link.resolved = true;
            self.by_end.insert(far, n);
        }
    }

    fn push(
        &mut self,
        a: InterfaceRef,
        b: Option<FarEnd>,
        far: Option<InterfaceRef>,
        claim: &Claim,
        lines: &[Option<InterfaceRef>; 2],
    ) {
        let n = self.links.len();
        self.by_end.entry(a.clone()).or_insert(n);
        if let Some(far) = &far {
            self.by_end.entry(far.clone()).or_insert(n);
        }
        self.links.push(Link {
            a,
            b,
            far,
            source: claim.source,
            sources: BTreeSet::new(),
            capacity_bps: claim.capacity_bps,
            members: Vec::new(),
            said_by: BTreeSet::new(),
            resolved: claim.resolved,
        });
        self.corroborate(n, claim, lines);
    }

    fn fill(
        &mut self,
        n: usize,
        b: FarEnd,
        far: Option<InterfaceRef>,
        claim: &Claim,
        lines: &[Option<InterfaceRef>; 2],
    ) {
        if let Some(far) = &far {
            self.by_end.insert(far.clone(), n);
        }
        let link = &mut self.links[n];
        (link.b, link.far, link.resolved) = (Some(b), far, claim.resolved);
        self.corroborate(n, claim, lines);
    }

    /// One more voice for a link, perhaps about one line of it.
    fn corroborate(&mut self, n: usize, claim: &Claim, lines: &[Option<InterfaceRef>; 2]) {
        let is_line = lines
            .iter()
            .flatten()
            .any(|end| self.whole.contains_key(end));
        let link = &mut self.links[n];
        link.sources.insert(claim.source);
        link.capacity_bps = link.capacity_bps.or(claim.capacity_bps);
        if let Some(by) = &claim.by {
            link.said_by.insert((claim.source, by.clone()));
        }
        if !is_line {
            return;
        }
        let [first, second] = lines.clone();
        let turned = first.as_ref().map(|f| &f.device) != Some(&link.a.device);
        let line = if turned {
            [second, first]
        } else {
            [first, second]
        };
        let same = |known: &[Option<InterfaceRef>; 2]| {
            known[0].is_some() && known[0] == line[0] || known[1].is_some() && known[1] == line[1]
        };
        match link.members.iter_mut().find(|known| same(known)) {
            Some(known) => {
                let [a, b] = line;
                known[0] = known[0].take().or(a);
                known[1] = known[1].take().or(b);
            }
            None => link.members.push(line),
        }
    }

    fn contradict(
        &mut self,
        at: &InterfaceRef,
        n: usize,
        held: Option<FarEnd>,
        claim: &Claim,
        new: FarEnd,
        directory: &Directory<'_>,
    ) {
        let link = &self.links[n];
        if claim.source == LinkSource::Bridge
            && !held.as_ref().is_some_and(|h| is_leaf(h, directory))
        {
            // A station behind the neighbour says nothing against the neighbour.
            return;
        }
        let alike = |s: &LinkSource| *s == claim.source || heard(*s) && heard(claim.source);
        let kind = if link.sources.iter().any(alike) {
            ConflictKind::SharedPort
        } else {
            ConflictKind::OtherEnd
        };
        let opinion = Opinion {
            source: claim.source,
            by: claim.by.clone(),
            far: Some(new),
        };
        if let Some(known) = self.conflicts.iter_mut().find(|c| c.at == *at) {
            if !known.opinions.iter().any(|o| {
                o.far.as_ref().map(|f| &f.device) == opinion.far.as_ref().map(|f| &f.device)
                    && o.far.as_ref().map(|f| &f.name) == opinion.far.as_ref().map(|f| &f.name)
            }) {
                known.opinions.push(opinion);
            }
            return;
        }
        let by = link.said_by.iter().next().map(|(_, by)| by.clone());
        let first = Opinion {
            source: link.source,
            by,
            far: held,
        };
        self.note(kind, at.clone(), vec![first, opinion]);
    }

    fn note(&mut self, kind: ConflictKind, at: InterfaceRef, opinions: Vec<Opinion>) {
        if self.conflicts.len() < CONFLICTS_MAX {
            self.conflicts.push(Conflict { kind, at, opinions });
        }
    }

    /// Lines of aggregates that nobody named are lines all the same.
    pub(super) fn complete_members(&mut self) {
        let mut lines: BTreeMap<&InterfaceRef, Vec<&InterfaceRef>> = BTreeMap::new();
        for (line, whole) in &self.whole {
            lines.entry(whole).or_default().push(line);
        }
        for link in &mut self.links {
            for (side, end) in [(0, Some(&link.a)), (1, link.far.as_ref())] {
                let mut missing: Vec<&InterfaceRef> = end
                    .and_then(|end| lines.get(end))
                    .into_iter()
                    .flatten()
                    .copied()
                    .filter(|line| !link.members.iter().any(|m| m[side].as_ref() == Some(line)))
                    .collect();
                missing.sort();
                for line in missing {
                    let mut member = [None, None];
                    member[side] = Some(line.clone());
                    link.members.push(member);
                }
            }
            link.members.sort();
        }
    }

    /// Links that one end hears and the other, which hears others by the same protocol, does not.
    pub(super) fn find_one_sided(&mut self, directory: &Directory<'_>) {
        let mut found = Vec::new();
        for link in &self.links {
            let Some(far) = link.far.as_ref().filter(|_| link.resolved) else {
                continue;
            };
            for protocol in [LinkSource::Lldp, LinkSource::Cdp] {
                let says =
                    |end: &InterfaceRef| link.said_by.contains(&(protocol, end.device.clone()));
                let (speaker, silent) = match (says(&link.a), says(far)) {
                    (true, false) => (&link.a, far),
                    (false, true) => (far, &link.a),
                    _ => continue,
                };
                if !self.could_hear(link, silent, protocol, directory) {
                    continue;
                }
                let opinion = |by: &InterfaceRef, far: Option<&InterfaceRef>| Opinion {
                    source: protocol,
                    by: Some(by.device.clone()),
                    far: far.map(|far| FarEnd {
                        device: Some(far.device.clone()),
                        name: directory.name(&far.device),
                        interface: far.interface.clone(),
                    }),
                };
                found.push((
                    silent.clone(),
                    vec![opinion(speaker, Some(silent)), opinion(silent, None)],
                ));
            }
        }
        for (at, opinions) in found {
            if !self.conflicts.iter().any(|c| c.at == at) {
                self.note(ConflictKind::OneSided, at, opinions);
            }
        }
    }

    /// Whether a device that hears nothing on this end would hear something: it answers, speaks the protocol, and both ports work.
    fn could_hear(
        &self,
        link: &Link,
        silent: &InterfaceRef,
        protocol: LinkSource,
        directory: &Directory<'_>,
    ) -> bool {
        let wanted = match protocol {
            LinkSource::Cdp => NeighbourProtocol::Cdp,
            _ => NeighbourProtocol::Lldp,
        };
        let Some(collection) = directory.member(&silent.device).and_then(|m| m.collection) else {
            return false;
        };
        let speaks = collection.unreachable.is_none()
            && collection.neighbours.iter().any(|n| n.protocol == wanted)
            && !collection.neighbours.iter().any(|n| {
                n.protocol == wanted
                    && self.whole(&InterfaceRef {
                        device: silent.device.clone(),
                        interface: n.interface.clone(),
                    }) == *silent
            });
        let up = |end: &InterfaceRef| {
            directory
                .member(&end.device)
                .and_then(|m| m.collection?.interface(&end.interface))
                .is_some_and(|i| !i.oper.is_down())
        };
        speaks && up(&link.a) && link.far.as_ref().is_some_and(up)
    }

    /// Weak claims: taken only where nothing connects the two devices yet, however indirectly.
    pub(super) fn take_unconnected(&mut self, claims: Vec<Claim>) {
        let mut groups = Groups::default();
        for link in &self.links {
            if let Some(far) = link.b.as_ref().and_then(|b| b.device.as_ref()) {
                groups.join(&link.a.device, far);
            }
        }
        for claim in claims {
            let Some(far) = claim.b.as_ref().and_then(|b| b.device.clone()) else {
                continue;
            };
            if !groups.join(&claim.a.device, &far) {
                continue;
            }
            let a = self.whole(&claim.a);
            let lines = [Some(claim.a.clone()), None];
            let mut b = claim.b.clone();
            // A port that leads elsewhere already is the way of several: it stays the end of its first link.
            let vacant = far_of(b.as_ref()).filter(|f| !self.by_end.contains_key(f));
            if let (None, Some(b)) = (&vacant, &mut b) {
                b.interface = "".into();
            }
            self.push(a, b, vacant, &claim, &lines);
        }
    }
}

fn far_of(b: Option<&FarEnd>) -> Option<InterfaceRef> {
    let b = b.filter(|b| !b.interface.is_empty())?;
    Some(InterfaceRef {
        device: b.device.clone()?,
        interface: b.interface.clone(),
    })
}

fn heard(source: LinkSource) -> bool {
    matches!(source, LinkSource::Lldp | LinkSource::Cdp)
}

/// Whether nothing stands behind a device: then a foreign station on its port contradicts it.
fn is_leaf(far: &FarEnd, directory: &Directory<'_>) -> bool {
    far.device
        .as_ref()
        .and_then(|device| directory.member(device)?.collection?.recognised.as_ref())
        .is_some_and(|r| {
            !matches!(
                r.kind,
                DeviceKind::Switch
                    | DeviceKind::Router
                    | DeviceKind::Firewall
                    | DeviceKind::Frame
                    | DeviceKind::Hypervisor
                    | DeviceKind::Other
            )
        })
}

/// Devices that are connected, however indirectly.
#[derive(Default)]
struct Groups(HashMap<DeviceId, DeviceId>);

impl Groups {
    fn head(&self, device: &DeviceId) -> DeviceId {
        let mut at = device;
        while let Some(next) = self.0.get(at) {
            at = next;
        }
        at.clone()
    }

    /// Joins two; `false` when they were joined before.
    fn join(&mut self, a: &DeviceId, b: &DeviceId) -> bool {
        let (a, b) = (self.head(a), self.head(b));
        if a == b {
            return false;
        }
        self.0.insert(a, b);
        true
    }
}

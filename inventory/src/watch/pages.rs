//! What pages may read.

use std::collections::BTreeSet;

use super::condition::load_percent;
use super::{
    Cause, Conflict, DeviceState, Incident, LineState, LinkState, Reach, SiteState, Watch,
};
use crate::topology::{Link, Node, is_line_down};
use crate::{DeviceId, Health, InterfaceRef, Reason, SiteId};

impl Watch {
    /// All devices by id.
    pub fn devices(&self) -> impl Iterator<Item = &DeviceState> {
        self.devices.values().map(|w| &w.state)
    }

    /// One device.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<&DeviceState> {
        self.devices.get(id).map(|w| &w.state)
    }

    /// All links.
    #[must_use]
    pub fn links(&self) -> Vec<LinkState> {
        self.topology
            .links
            .iter()
            .map(|link| {
                let far = link.far.clone();
                let mut state = LinkState {
                    id: link.a.to_string(),
                    a: link.a.clone(),
                    b: link.b.clone(),
                    source: link.source,
                    sources: link.sources.iter().copied().collect(),
                    lines: self.lines(link),
                    capacity_bps: link.capacity_bps.unwrap_or(0),
                    capacity_declared: link.capacity_bps.is_some(),
                    rates: None,
                    load_percent: None,
                    health: Health::Unknown,
                    reasons: Vec::new(),
                    sites: self.sites_behind(&link.a),
                };
                // The end that answers speaks for the line.
                let speaker = [Some(&link.a), far.as_ref()]
                    .into_iter()
                    .flatten()
                    .find(|end| self.speaks(&end.device));
                if let Some(end) = speaker {
                    self.describe(&mut state, end);
                }
                let broken = [Some(&link.a), far.as_ref()]
                    .into_iter()
                    .flatten()
                    .find(|end| self.is_down(end));
                if let Some(end) = broken {
                    state.health = Health::Critical;
                    state.reasons = vec![self.link_down(end)];
                    return state;
                }
                let lost: Vec<&LineState> = state.lines.iter().filter(|line| line.down).collect();
                if let Some(end) = lost.first().and_then(|line| self.silent_end(line)) {
                    if lost.len() == state.lines.len() {
                        state.health = Health::Critical;
                        state.reasons = vec![self.link_down(end)];
                    } else {
                        let reason = self.line_down(end);
                        state.health = state.health.worst(Health::Degraded);
                        state.reasons.push(reason);
                    }
                }
                state
            })
            .collect()
    }

    fn lines(&self, link: &Link) -> Vec<LineState> {
        let lines = link.members.iter().map(|line| LineState {
            a: line[0].clone(),
            b: line[1].clone(),
            down: is_line_down(line, &|end: &InterfaceRef| self.is_down(end)),
        });
        lines.collect()
    }

    fn silent_end<'a>(&self, line: &'a LineState) -> Option<&'a InterfaceRef> {
        let ends = [line.a.as_ref(), line.b.as_ref()];
        ends.into_iter().flatten().find(|end| self.is_down(end))
    }

    /// One line of several is down: the link carries less.
    pub(super) fn line_down(&self, end: &InterfaceRef) -> Reason {
        Reason::new("lag_line_down")
            .with("device", self.name_of(&end.device))
            .with("interface", &*end.interface)
    }

    /// Where sources disagree about who is connected to whom.
    #[must_use]
    pub fn conflicts(&self) -> &[Conflict] {
        &self.topology.conflicts
    }

    /// The links that a site's traffic takes now, by id, from the site up to the root. While it is cut off: those that it would take.
    #[must_use]
    pub fn links_of(&self, site: &SiteId) -> Vec<String> {
        let links =
            self.topology
                .links_of(site, |end| self.is_down(end), |device| self.is_dead(device));
        let mut ids: Vec<String> = Vec::new();
        for n in links {
            let id = self.topology.links[n].a.to_string();
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        }
        ids
    }

    fn speaks(&self, device: &DeviceId) -> bool {
        self.devices
            .get(device)
            .is_some_and(|w| w.reach == Reach::Answers)
    }

    pub(super) fn link_down(&self, end: &InterfaceRef) -> Reason {
        Reason::new("link_down")
            .with("device", self.name_of(&end.device))
            .with("interface", &*end.interface)
    }

    fn describe(&self, state: &mut LinkState, end: &InterfaceRef) {
        let Some(watched) = self.devices.get(&end.device) else {
            return;
        };
        let Some(interface) = watched
            .state
            .collection
            .as_ref()
            .and_then(|c| c.interface(&end.interface))
        else {
            return;
        };
        state.capacity_bps = self.capacity_bps(end, interface);
        state.load_percent = load_percent(interface, state.capacity_bps);
        // Rates are those of `a`; seen from the far end the directions change places.
        state.rates = interface.rates.map(|rates| {
            if *end == state.a {
                return rates;
            }
            crate::Rates {
                in_bps: rates.out_bps,
                out_bps: rates.in_bps,
                in_errors_per_second: rates.out_errors_per_second,
                out_errors_per_second: rates.in_errors_per_second,
                in_discards_per_second: rates.out_discards_per_second,
                out_discards_per_second: rates.in_discards_per_second,
            }
        });
        state.health = watched
            .state
            .interface_health
            .get(&end.interface)
            .copied()
            .unwrap_or_default();
        if state.health == Health::Degraded
            && let Some(percent) = state
                .load_percent
                .filter(|p| *p >= self.config.link_full_percent)
        {
            state
                .reasons
                .push(Reason::new("link_full").with("percent", percent.round() as i64));
        }
    }

    /// Whether an interface is an end of a link or a site's uplink.
    #[must_use]
    pub fn is_link_end(&self, end: &InterfaceRef) -> bool {
        self.topology.is_link_end(end)
    }

    /// Open incidents: causes before what a later cause explains, worst first, oldest first.
    #[must_use]
    pub fn incidents(&self) -> Vec<Incident> {
        let mut all: Vec<Incident> = self.incidents.values().cloned().collect();
        all.sort_by_key(|i| {
            (
                i.held_back_by.is_some(),
                std::cmp::Reverse(i.health),
                i.opened_at,
            )
        });
        all
    }

    /// Incidents that were not opened because there were too many.
    #[must_use]
    pub fn incidents_refused(&self) -> u64 {
        self.incidents_refused
    }

    /// All sites.
    #[must_use]
    pub fn sites(&self) -> Vec<SiteState> {
        let reached = self.reached();
        self.sites
            .keys()
            .filter_map(|id| self.site_among(id, &reached))
            .collect()
    }

    /// One site: cut off when something on its way is broken, else as well as its devices.
    #[must_use]
    pub fn site(&self, id: &SiteId) -> Option<SiteState> {
        self.site_among(id, &self.reached())
    }

    fn site_among(&self, id: &SiteId, reached: &BTreeSet<Node>) -> Option<SiteState> {
        let spec = self.sites.get(id)?.clone();
        if let Some(cause) = self.cause_of(&Node::Site(id.clone()), reached) {
            let reason = match &cause {
                Cause::Interface(end) => self.link_down(end),
                Cause::Device(device) => {
                    Reason::new("site_device_down").with("device", self.name_of(device))
                }
            };
            return Some(SiteState {
                spec,
                health: Health::Critical,
                reasons: vec![reason],
            });
        }
        let mut health = None;
        let mut reasons = Vec::new();
        for watched in self
            .devices
            .values()
            .filter(|w| w.state.spec.site.as_ref() == Some(id))
        {
            // A broken fan does not cut a site off: its devices can degrade it, not more.
            let own = watched.state.health.min(Health::Degraded);
            health = Some(health.map_or(own, |h: Health| h.worst(own)));
            if own > Health::Ok {
                reasons.extend(watched.state.reasons.first().cloned());
            }
        }
        if let Some(uplink) = &spec.uplink {
            let own = match self.devices.get(&uplink.device) {
                Some(w) if w.reach == Reach::Answers => w
                    .state
                    .interface_health
                    .get(&uplink.interface)
                    .copied()
                    .unwrap_or(Health::Unknown)
                    .min(Health::Degraded),
                _ => Health::Unknown,
            };
            health = Some(health.map_or(own, |h| h.worst(own)));
        }
        Some(SiteState {
            spec,
            health: health.unwrap_or(Health::Unknown),
            reasons,
        })
    }

    /// What cuts a site off from the root, if anything does.
    #[must_use]
    pub fn site_cause(&self, id: &SiteId) -> Option<Cause> {
        self.cause_of(&Node::Site(id.clone()), &self.reached())
    }

    /// Interfaces that the site's traffic crosses, from the site up to the root.
    #[must_use]
    pub fn path(&self, site: &SiteId) -> Vec<InterfaceRef> {
        self.topology.path(site)
    }

    /// Sites whose path crosses that interface (or its other end).
    #[must_use]
    pub fn sites_behind(&self, interface: &InterfaceRef) -> Vec<SiteId> {
        self.sites
            .keys()
            .filter(|site| self.topology.crosses(site, interface))
            .cloned()
            .collect()
    }
}

//! Who answers, who does not, and which of them only stand behind something broken.

use std::collections::BTreeSet;
use std::time::Instant;

use super::{Cause, EventKind, IncidentKey, Output, Reach, Watch};
use crate::topology::Node;
use crate::{Collection, DeviceId, Health, InterfaceRef, Reason, SiteId};

/// How often the wait for a cause is lengthened while something in front is itself in doubt.
const EXTENSIONS_MAX: u8 = 3;

fn device_key(device: &DeviceId) -> IncidentKey {
    IncidentKey(format!("device:{device}").into())
}

impl Watch {
    /// A poll brought nothing.
    pub(super) fn missed(&mut self, device: &DeviceId, reason: Reason, now: Instant) {
        let grace = self.config.cause_grace;
        let missed_max = self.config.missed_polls_max;
        let mut ways = self.topology.devices_above(device);
        ways.truncate(4);
        // A second way may be the one that broke.
        ways.extend(self.topology.devices_beside(device).take(4));
        ways.sort();
        ways.dedup();
        let Some(watched) = self.devices.get_mut(device) else {
            return;
        };
        watched.missed = watched.missed.saturating_add(1);
        let began = watched.state.collection.as_ref().map(|c| c.started_at);
        watched.silent_since = watched.silent_since.or(began);
        self.reach_stale = true;
        match watched.reach {
            Reach::New | Reach::Answers if watched.missed >= missed_max => {
                watched.reach = Reach::Doubtful {
                    until: now + grace,
                    extended: 0,
                };
                // The cause, if there is one, stands on the way here: look there before crying.
                self.outputs.extend(ways.into_iter().map(Output::Hasten));
            }
            Reach::New | Reach::Answers => {
                // Once more soon, not after a whole interval.
                self.outputs.push_back(Output::Hasten(device.clone()));
            }
            Reach::Down => watched.state.reasons = vec![reason],
            Reach::Doubtful { .. } | Reach::Behind => {}
        }
    }

    /// A poll brought something: whatever was said about its silence is over.
    pub(super) fn answered(
        &mut self,
        collection: &Collection,
        before: Option<&Collection>,
        now: Instant,
    ) {
        let device = &collection.device;
        let Some(watched) = self.devices.get_mut(device) else {
            return;
        };
        watched.missed = 0;
        watched.silent_since = None;
        watched.clear_since = None;
        let was = std::mem::replace(&mut watched.reach, Reach::Answers);
        let cause = watched.state.behind.take();
        watched.state.behind_since = None;
        if !matches!(was, Reach::Answers) {
            self.reach_stale = true;
        }
        if was == Reach::Down || cause.is_some() {
            for incident in self.incidents.values_mut() {
                incident.behind.retain(|(d, _)| d != device);
            }
            let mut event = self.event(EventKind::DeviceUp, device, device_key(device), now);
            event.reason = Reason::new("recovered").with("subject", self.name_of(device));
            // Nobody was told that it was gone, so nobody need hear that it is back.
            event.held_back_by = if was == Reach::Down { None } else { cause };
            event.sites = self.sites_passing(device);
            self.tell(event, false);
        }
        if let Some(uptime_seconds) = collection.rebooted {
            let key = IncidentKey(format!("rebooted:{device}").into());
            let mut event = self.event(EventKind::Rebooted, device, key, now);
            event.reason = Reason::new("rebooted").with("uptime_seconds", uptime_seconds);
            self.emit(event);
        }
        if let Some(before) = before {
            self.compare_identity(before, collection, now);
        }
    }

    fn compare_identity(&mut self, before: &Collection, after: &Collection, now: Instant) {
        let (old, new) = (&before.identity, &after.identity);
        let facts = [
            ("model", &old.model, &new.model),
            ("serial", &old.serial, &new.serial),
            ("version", &old.version, &new.version),
        ];
        for (what, old, new) in facts {
            if old != new && !old.is_empty() && !new.is_empty() {
                let key = IncidentKey(format!("identity:{}", after.device).into());
                let mut event = self.event(EventKind::IdentityChanged, &after.device, key, now);
                event.reason = Reason::new("identity_changed")
                    .with("what", what)
                    .with("old", &**old)
                    .with("new", &**new);
                self.emit(event);
            }
        }
    }

    pub(super) fn is_dead(&self, device: &DeviceId) -> bool {
        self.devices
            .get(device)
            .is_some_and(|w| matches!(w.reach, Reach::Down | Reach::Behind))
    }

    /// Whether a line carries nothing, by the word of somebody who can still speak.
    pub(super) fn is_down(&self, end: &InterfaceRef) -> bool {
        self.down.contains(end) && !self.is_dead(&end.device)
    }

    /// Sites that lost their way to the root just now, of those that `concerned` names.
    pub(super) fn cut_sites(&self, concerned: impl Fn(&SiteId) -> bool) -> Vec<SiteId> {
        let reached = self.reached();
        self.sites
            .keys()
            .filter(|site| concerned(site) && !reached.contains(&Node::Site((*site).clone())))
            .cloned()
            .collect()
    }

    /// Sites that a broken line has cut off: those that cross it, and those that it was the last of several ways of.
    pub(super) fn sites_cut_by(&self, end: &InterfaceRef, crossing: &[SiteId]) -> Vec<SiteId> {
        let other = self.topology.other_end(end);
        let with_it = self.topology.reached(
            |e| e != end && Some(e) != other && self.is_down(e),
            |device| self.is_dead(device),
        );
        self.cut_sites(|site| {
            crossing.contains(site) || with_it.contains(&Node::Site(site.clone()))
        })
    }

    fn sites_passing(&self, device: &DeviceId) -> Vec<SiteId> {
        self.sites
            .keys()
            .filter(|site| self.topology.passes(site, device))
            .cloned()
            .collect()
    }

    /// What can be reached from the root now.
    pub(super) fn reached(&self) -> BTreeSet<Node> {
        self.topology
            .reached(|end| self.is_down(end), |device| self.is_dead(device))
    }

    /// The broken thing in front of a place that is not among the `reached`.
    pub(super) fn cause_of(&self, node: &Node, reached: &BTreeSet<Node>) -> Option<Cause> {
        if !self.topology.is_placed(node) || reached.contains(node) {
            return None;
        }
        let itself = |device: &DeviceId| matches!(node, Node::Device(own) if own == device);
        self.topology.cause(
            node,
            |end| self.is_down(end),
            |device| !itself(device) && self.is_dead(device),
        )
    }

    /// Decides for every silent device whether something in front explains it. Nearest to the root first, because what is
    /// decided there decides what is behind.
    pub(super) fn explain(&mut self, now: Instant) {
        let mut silent: Vec<(usize, DeviceId)> = self
            .devices
            .iter()
            .filter(|(_, w)| w.missed > 0)
            .map(|(id, _)| (self.topology.devices_above(id).len(), id.clone()))
            .collect();
        silent.sort();
        let mut reached = self.reached();
        for (_, device) in silent {
            let cause = self.cause_of(&Node::Device(device.clone()), &reached);
            let Some(watched) = self.devices.get(&device) else {
                continue;
            };
            match (watched.reach, cause) {
                (Reach::Behind, Some(cause)) => self.stay_behind(&device, cause),
                (Reach::Down, Some(cause)) => self.late_cause(&device, cause, now),
                (Reach::New | Reach::Answers | Reach::Doubtful { .. }, Some(cause)) => {
                    self.hold_back(&device, cause, now);
                }
                // These two change what can be reached through the device.
                (Reach::Behind, None) => {
                    self.come_forward(&device, now);
                    reached = self.reached();
                }
                (Reach::Doubtful { until, extended }, None) if until <= now => {
                    self.end_of_doubt(&device, extended, now);
                    reached = self.reached();
                }
                _ => {}
            }
        }
    }

    fn behind_reason(&self, cause: &Cause) -> Reason {
        let reason = Reason::new("behind").with("device", self.name_of(cause.device()));
        reason.with("interface", cause.interface().map_or("", |i| &**i))
    }

    fn cause_key(cause: &Cause) -> IncidentKey {
        match cause {
            Cause::Interface(end) => IncidentKey(format!("link:{end}").into()),
            Cause::Device(device) => device_key(device),
        }
    }

    fn hold_back(&mut self, device: &DeviceId, cause: Cause, now: Instant) {
        let reason = self.behind_reason(&cause);
        let key = Self::cause_key(&cause);
        let Some(watched) = self.devices.get_mut(device) else {
            return;
        };
        watched.reach = Reach::Behind;
        let told = watched.state.behind.replace(cause.clone()).is_some();
        let since = *watched.state.behind_since.get_or_insert(now);
        watched.state.health = Health::Unknown;
        watched.state.reasons = vec![reason.clone()];
        if let Some(incident) = self.incidents.get_mut(&key) {
            incident.behind.retain(|(d, _)| d != device);
            incident.behind.push((device.clone(), since));
        }
        if told {
            // It came forward for a moment and stands behind something again.
            return;
        }
        let mut event = self.event(EventKind::DeviceDown, device, key, now);
        event.health = Health::Unknown;
        event.reason = reason;
        event.held_back_by = Some(cause);
        event.sites = self.sites_passing(device);
        self.emit(event);
    }

    /// The cause moved, or its incident was opened only now.
    fn stay_behind(&mut self, device: &DeviceId, cause: Cause) {
        let reason = self.behind_reason(&cause);
        let key = Self::cause_key(&cause);
        let Some(watched) = self.devices.get_mut(device) else {
            return;
        };
        let since = watched.state.behind_since;
        if watched.state.behind.as_ref() != Some(&cause) {
            watched.state.behind = Some(cause);
            watched.state.reasons = vec![reason];
            for incident in self.incidents.values_mut() {
                incident.behind.retain(|(d, _)| d != device);
            }
        }
        if let (Some(incident), Some(since)) = (self.incidents.get_mut(&key), since)
            && !incident.behind.iter().any(|(d, _)| d == device)
        {
            incident.behind.push((device.clone(), since));
        }
    }

    /// The cause became known after the device was told as down: the page shows the connection, nobody is told again.
    fn late_cause(&mut self, device: &DeviceId, cause: Cause, now: Instant) {
        let key = Self::cause_key(&cause);
        if let Some(incident) = self.incidents.get_mut(&device_key(device)) {
            incident.held_back_by = Some(cause.clone());
        }
        if let Some(watched) = self.devices.get_mut(device) {
            watched.state.behind = Some(cause);
            watched.state.behind_since.get_or_insert(now);
        }
        if let Some(incident) = self.incidents.get_mut(&key)
            && !incident.behind.iter().any(|(d, _)| d == device)
        {
            incident.behind.push((device.clone(), now));
        }
    }

    /// The cause is gone and the device still silent: it gets one fair try before it is told as down.
    fn come_forward(&mut self, device: &DeviceId, now: Instant) {
        let grace = self.config.cause_grace;
        let Some(watched) = self.devices.get_mut(device) else {
            return;
        };
        watched.reach = Reach::Doubtful {
            until: now + grace,
            extended: 0,
        };
        watched.missed = watched.missed.max(1);
        watched.clear_since = Some(now);
        self.outputs.push_back(Output::Hasten(device.clone()));
    }

    /// The time to find a cause is over.
    fn end_of_doubt(&mut self, device: &DeviceId, extended: u8, now: Instant) {
        let doubt_above = self.topology.devices_above(device).iter().any(|d| {
            self.devices.get(d).is_some_and(|w| {
                w.missed > 0 && matches!(w.reach, Reach::Doubtful { .. } | Reach::Answers)
            })
        });
        let grace = self.config.cause_grace;
        let Some(watched) = self.devices.get_mut(device) else {
            return;
        };
        // A poll that began behind the cause and ends only now is no fair try; the next one is under way, and has a deadline.
        let last_poll = watched.state.collection.as_ref().map(|c| c.started_at);
        let tried = watched
            .clear_since
            .is_none_or(|since| last_poll.is_some_and(|at| at >= since));
        if !tried || doubt_above && extended < EXTENSIONS_MAX {
            watched.reach = Reach::Doubtful {
                until: now + grace,
                extended: if tried { extended + 1 } else { extended },
            };
            return;
        }
        watched.clear_since = None;
        watched.reach = Reach::Down;
        watched.state.behind = None;
        watched.state.behind_since = None;
        watched.state.health = Health::Unknown;
        let reason = watched
            .state
            .collection
            .as_ref()
            .and_then(|c| c.unreachable.clone());
        let reason = reason.unwrap_or_else(|| Reason::new("timeout"));
        watched.state.reasons = vec![reason.clone()];
        let mut event = self.event(EventKind::DeviceDown, device, device_key(device), now);
        event.health = Health::Critical;
        event.reason = reason;
        event.sites = self.cut_sites(|site| self.topology.passes(site, device));
        self.tell(event, true);
    }
}

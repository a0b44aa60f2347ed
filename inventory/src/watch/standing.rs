//! Who stands and who does not, for the account of a month.

use std::time::Instant;

use super::{Cause, Reach, Watch};
use crate::availability::Standing;
use crate::topology::Node;
use crate::{DeviceId, InterfaceRef, Reason, SiteId};

/// Whose availability is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A device answers or not.
    Device(DeviceId),
    /// A line carries or not; by the end that is read.
    Link(InterfaceRef),
    /// A site has its way to the root or not.
    Site(SiteId),
}

/// How a subject stands now.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectState {
    /// Who.
    pub subject: Subject,
    /// How.
    pub standing: Standing,
    /// Why, for what is not up.
    pub reason: Option<Reason>,
    /// In announced maintenance, itself or what explains it.
    pub planned: bool,
    /// When the first silent poll began, for a device that does not answer: the decision comes later than the fault.
    pub since: Option<Instant>,
}

impl Watch {
    /// The standing of everything that is accounted for.
    #[must_use]
    pub fn standings(&self, now: Instant) -> Vec<SubjectState> {
        let mut all: Vec<SubjectState> = self
            .devices
            .keys()
            .filter_map(|device| self.device_standing(device, now))
            .collect();
        let links = self.topology.links.iter().map(|link| &link.a);
        all.extend(links.map(|end| self.link_standing(end, now)));
        let reached = self.reached();
        for id in self.sites.keys() {
            let cause = self.cause_of(&Node::Site(id.clone()), &reached);
            all.push(self.site_standing(id, cause, now));
        }
        all
    }

    fn device_standing(&self, device: &DeviceId, now: Instant) -> Option<SubjectState> {
        let watched = self.devices.get(device)?;
        let (standing, reason) = match watched.reach {
            Reach::New => (Standing::Unknown, None),
            // In doubt it stands as before, which was up: nobody goes from silence to doubt.
            Reach::Answers | Reach::Doubtful { .. } => (Standing::Up, None),
            Reach::Down => (Standing::Down, watched.state.reasons.first().cloned()),
            Reach::Behind => (Standing::Behind, watched.state.reasons.first().cloned()),
        };
        let behind = watched.state.behind.as_ref();
        Some(SubjectState {
            subject: Subject::Device(device.clone()),
            standing,
            reason,
            planned: self.maintenance_of_device(device, now).is_some()
                || behind.is_some_and(|cause| self.is_cause_planned(cause, now)),
            since: match standing {
                Standing::Down | Standing::Behind => watched.silent_since,
                _ => None,
            },
        })
    }

    fn link_standing(&self, end: &InterfaceRef, now: Instant) -> SubjectState {
        let other = self.topology.other_end(end);
        let ends = || std::iter::once(end).chain(other);
        let broken = ends().find(|end| self.is_down(end));
        let reach = |end: &InterfaceRef| self.devices.get(&end.device).map(|w| w.reach);
        let heard =
            ends().any(|end| matches!(reach(end), Some(Reach::Answers | Reach::Doubtful { .. })));
        let behind = ends()
            .filter_map(|end| self.devices.get(&end.device))
            .find(|w| w.reach == Reach::Behind);
        let (standing, reason) = match (broken, heard, behind) {
            (Some(end), ..) => (Standing::Down, Some(self.link_down(end))),
            (None, true, _) => (Standing::Up, None),
            (None, false, Some(w)) => (Standing::Behind, w.state.reasons.first().cloned()),
            (None, false, None) => (Standing::Unknown, None),
        };
        let cause = behind.and_then(|w| w.state.behind.as_ref());
        SubjectState {
            subject: Subject::Link(end.clone()),
            standing,
            reason,
            planned: self.maintenance_of_link(end, now).is_some()
                || standing == Standing::Behind
                    && cause.is_some_and(|cause| self.is_cause_planned(cause, now)),
            since: None,
        }
    }

    fn site_standing(&self, id: &SiteId, cause: Option<Cause>, now: Instant) -> SubjectState {
        let planned = self.maintenance_of_site(id, now).is_some()
            || cause
                .as_ref()
                .is_some_and(|cause| self.is_cause_planned(cause, now));
        let (standing, reason) = match &cause {
            Some(Cause::Interface(end)) => (Standing::Down, Some(self.link_down(end))),
            Some(Cause::Device(device)) => {
                let reason = Reason::new("site_device_down").with("device", self.name_of(device));
                (Standing::Down, Some(reason))
            }
            None => {
                let uplink = self.sites.get(id).and_then(|site| site.uplink.as_ref());
                let measured = |device: &DeviceId| {
                    self.devices
                        .get(device)
                        .is_some_and(|w| matches!(w.reach, Reach::Answers | Reach::Doubtful { .. }))
                };
                let seen = match uplink {
                    Some(end) => measured(&end.device),
                    None => self.devices.values().any(|w| {
                        w.state.spec.site.as_ref() == Some(id) && measured(&w.state.spec.id)
                    }),
                };
                let standing = if seen {
                    Standing::Up
                } else {
                    Standing::Unknown
                };
                (standing, None)
            }
        };
        let since = match &cause {
            Some(Cause::Device(device)) => self.devices.get(device).and_then(|w| w.silent_since),
            _ => None,
        };
        SubjectState {
            subject: Subject::Site(id.clone()),
            standing,
            reason,
            planned,
            since,
        }
    }

    fn is_cause_planned(&self, cause: &Cause, now: Instant) -> bool {
        match cause {
            Cause::Interface(end) => self.maintenance_of_link(end, now),
            Cause::Device(device) => self.maintenance_of_device(device, now),
        }
        .is_some()
    }
}

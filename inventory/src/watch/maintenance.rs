//! Announced work: what it covers is measured and shown as ever, but told to nobody until it is over.

use std::sync::Arc;
use std::time::Instant;

use super::{Event, Incident, Output, Watch};
use crate::{DeviceId, DeviceKind, InterfaceRef, SiteId};

/// What a window covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One device and all its parts.
    Device(DeviceId),
    /// One line, by either end.
    Link(InterfaceRef),
    /// A site, its line, and everything below it in the tree.
    Site(SiteId),
    /// All devices of a kind.
    Kind(DeviceKind),
}

/// One announced interval. A window that repeats is handed in as its next intervals.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The shell's number for it.
    pub id: i64,
    /// What it covers.
    pub scope: Scope,
    /// When it begins.
    pub from: Instant,
    /// When it ends.
    pub until: Instant,
}

impl Window {
    fn holds(&self, now: Instant) -> bool {
        self.from <= now && now < self.until
    }
}

/// Sites above each other at most; a tree that is deeper is a circle.
const DEPTH_MAX: usize = 64;

impl Watch {
    /// The window that holds for a device, if one does.
    #[must_use]
    pub fn maintenance_of_device(&self, device: &DeviceId, now: Instant) -> Option<&Window> {
        let watched = self.devices.get(device);
        let site = watched.and_then(|w| w.state.spec.site.as_ref());
        let kind = watched
            .and_then(|w| w.state.collection.as_ref()?.recognised.as_ref())
            .map(|recognised| recognised.kind);
        self.windows_at(now).find(|window| match &window.scope {
            Scope::Device(covered) => covered == device,
            Scope::Link(_) => false,
            Scope::Site(covered) => site.is_some_and(|site| self.is_below(site, covered)),
            Scope::Kind(covered) => kind == Some(*covered),
        })
    }

    /// The window that holds for a line: its own, that of a device at either end, or that of the site that it serves.
    #[must_use]
    pub fn maintenance_of_link(&self, end: &InterfaceRef, now: Instant) -> Option<&Window> {
        self.windows_at(now).next()?;
        let other = self.topology.other_end(end);
        let is_it = |one: &InterfaceRef| one == end || other == Some(one);
        let own = self.windows_at(now).find(|window| match &window.scope {
            Scope::Link(covered) => is_it(covered),
            Scope::Site(covered) => self.sites.values().any(|site| {
                site.uplink.as_ref().is_some_and(is_it) && self.is_below(&site.id, covered)
            }),
            Scope::Device(_) | Scope::Kind(_) => false,
        });
        own.or_else(|| self.maintenance_of_device(&end.device, now))
            .or_else(|| self.maintenance_of_device(&other?.device, now))
    }

    /// The window that holds for a site: its own or that of a site above it.
    #[must_use]
    pub fn maintenance_of_site(&self, site: &SiteId, now: Instant) -> Option<&Window> {
        self.windows_at(now).find(
            |window| matches!(&window.scope, Scope::Site(covered) if self.is_below(site, covered)),
        )
    }

    /// The window because of which an open incident has not been told.
    #[must_use]
    pub fn maintenance_of_incident(&self, incident: &Incident) -> Option<&Window> {
        let id = incident.held_back_until?;
        self.windows.iter().find(|window| window.id == id)
    }

    fn windows_at(&self, now: Instant) -> impl Iterator<Item = &Window> {
        self.windows.iter().filter(move |window| window.holds(now))
    }

    /// Whether `site` is `above` or stands somewhere below it.
    fn is_below(&self, site: &SiteId, above: &SiteId) -> bool {
        let mut here = Some(site);
        for _ in 0..DEPTH_MAX {
            match here {
                Some(site) if site == above => return true,
                Some(site) => here = self.sites.get(site).and_then(|s| s.parent.as_ref()),
                None => return false,
            }
        }
        false
    }

    /// The window that covers where something happened.
    fn window_of(
        &self,
        device: Option<&DeviceId>,
        interface: Option<&Arc<str>>,
        now: Instant,
    ) -> Option<i64> {
        let device = device?;
        let covering = match interface {
            Some(interface) => self.maintenance_of_link(
                &InterfaceRef {
                    device: device.clone(),
                    interface: interface.clone(),
                },
                now,
            ),
            None => self.maintenance_of_device(device, now),
        };
        covering.map(|window| window.id)
    }

    /// Marks an event that falls into a window.
    pub(super) fn hold_back_in_window(&self, event: &mut Event) {
        if event.maintenance.is_none() && !event.ends_what_was_told {
            event.maintenance =
                self.window_of(event.device.as_ref(), event.interface.as_ref(), event.at);
        }
    }

    /// Puts an event out, held back when it falls into a window.
    pub(super) fn emit(&mut self, mut event: Event) {
        self.hold_back_in_window(&mut event);
        self.outputs.push_back(Output::Event(event));
    }

    /// The windows changed, or one ended: what is still broken and was never told is told now.
    pub(super) fn tell_what_is_left(&mut self, now: Instant) {
        self.windows.retain(|window| window.until > now);
        let left: Vec<Incident> = self
            .incidents
            .values()
            .filter(|incident| incident.held_back_until.is_some())
            .cloned()
            .collect();
        for incident in left {
            let still = self.window_of(incident.device.as_ref(), incident.interface.as_ref(), now);
            if let Some(open) = self.incidents.get_mut(&incident.key) {
                open.held_back_until = still;
            }
            if still.is_some() || incident.held_back_by.is_some() {
                continue;
            }
            let Some(device) = &incident.device else {
                continue;
            };
            let mut event = self.event(incident.kind, device, incident.key.clone(), now);
            event.interface = incident.interface.clone();
            event.health = incident.health;
            event.reason = incident.reason.clone();
            event.sites = incident.sites.clone();
            self.outputs.push_back(Output::Event(event));
        }
    }

    /// When the next window ends.
    pub(super) fn next_window_end(&self) -> Option<Instant> {
        self.windows.iter().map(|window| window.until).min()
    }
}

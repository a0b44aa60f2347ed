//! What the estate says to the books: samples of links, standings, what is in maintenance.

use std::time::Instant;

use jiff::Timestamp;
use nhipcau_inventory::usage::Sample;
use nhipcau_inventory::watch::{LinkSource, SubjectState, Watch};
use nhipcau_inventory::{Collection, DeviceId, InterfaceRef, SiteId};

use super::Estate;
use super::names::Names;
use super::rows::link_row;
use crate::app::lock;
use crate::http::views;

impl Estate {
    /// Meters the ends of links; not all ports, because a week of each port is nobody's question.
    pub(super) fn measure(&self, watch: &Watch, collection: &Collection) {
        if collection.unreachable.is_some() {
            return;
        }
        let mut meter = lock(&self.meter);
        for interface in collection.interfaces.iter() {
            let Some(counters) = &interface.counters else {
                continue;
            };
            let end = InterfaceRef {
                device: collection.device.clone(),
                interface: interface.name.clone(),
            };
            if watch.is_link_end(&end) {
                let at = self.date(counters.read_at).as_millisecond();
                let rates = interface.rates.unwrap_or_default();
                meter.read(&end, at, rates.in_bps, rates.out_bps);
            }
        }
    }

    /// Finished samples of links.
    pub(crate) fn take_samples(&self) -> Vec<Sample> {
        let now = self.date(Instant::now()).as_millisecond();
        let watch = self.watch();
        let mut meter = lock(&self.meter);
        let finished = meter.take_finished(now);
        meter.retain(|end| watch.is_link_end(end));
        finished
    }

    /// How everything stands, with dates; reasons name devices as people do.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        let watch = self.watch();
        let names = Names::of(&watch);
        watch
            .standings(Instant::now())
            .into_iter()
            .map(|state: SubjectState| Standing {
                subject: state.subject,
                standing: state.standing,
                planned: state.planned,
                reason: state.reason.as_ref().map(|reason| names.reason(reason)),
                since: state.since.map(|at| self.date(at)),
            })
            .collect()
    }

    /// All links, and where each one's capacity is known from.
    pub(crate) fn links_with_capacity(&self) -> Vec<(views::LinkRow, views::CapacitySource)> {
        let watch = self.watch();
        let names = Names::of(&watch);
        let now = Instant::now();
        watch
            .links()
            .into_iter()
            .map(|link| {
                let source = match (link.capacity_declared, link.source) {
                    (true, LinkSource::Uplink) => views::CapacitySource::Site,
                    (true, _) => views::CapacitySource::Link,
                    (false, _) if link.capacity_bps > 0 => views::CapacitySource::Interface,
                    (false, _) => views::CapacitySource::Unknown,
                };
                let maintenance = watch.maintenance_of_link(&link.a, now).map(|w| w.id);
                let mut row = link_row(link, &names);
                row.maintenance = maintenance;
                (row, source)
            })
            .collect()
    }

    /// The window that a site is in.
    pub(crate) fn site_maintenance(&self, site: &str) -> Option<i64> {
        self.watch()
            .maintenance_of_site(&SiteId::from(site), Instant::now())
            .map(|window| window.id)
    }

    /// What people call the subject of a stay or a window; its id when it is no longer watched.
    pub(crate) fn subject_name(&self, kind: &str, subject: &str) -> String {
        match kind {
            "device" => self.device_name(&DeviceId::from(subject)),
            "site" => self
                .site_name(subject)
                .unwrap_or_else(|| subject.to_owned()),
            _ => match subject.split_once('/') {
                Some((device, interface)) => {
                    format!("{} {interface}", self.device_name(&DeviceId::from(device)))
                }
                None => subject.to_owned(),
            },
        }
    }
}

/// How a subject stands, as the book of availability takes it.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) subject: nhipcau_inventory::watch::Subject,
    pub(crate) standing: nhipcau_inventory::availability::Standing,
    pub(crate) planned: bool,
    pub(crate) reason: Option<views::Reason>,
    pub(crate) since: Option<Timestamp>,
}

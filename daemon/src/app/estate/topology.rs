//! The topology as the protocol's answer.

use std::sync::PoisonError;

use nhipcau_inventory::watch::{self, DeviceState, Watch};

use super::Estate;
use super::names::{Names, health, kind};
use super::rows::{end, link_row, source};
use crate::http::views;

/// Reasons of one place; the page of the device has all of them.
const REASONS_MAX: usize = 3;

impl Estate {
    /// Sites, devices, links and what sources disagree about.
    pub(crate) fn topology(&self) -> views::Topology {
        let watch = self.watch();
        let names = Names::of(&watch);
        let racks = self.contacts.read().unwrap_or_else(PoisonError::into_inner);
        let device = |device: &DeviceState| {
            let recognised = device
                .collection
                .as_deref()
                .and_then(|c| c.recognised.as_ref());
            let rack = racks.get(&device.spec.id).and_then(|c| c.rack.clone());
            views::TopologyDevice {
                id: device.spec.id.to_string(),
                name: device.spec.name.clone(),
                kind: recognised.map_or(views::DeviceKind::Other, |r| kind(r.kind)),
                site: device.spec.site.as_ref().map(ToString::to_string),
                unit: rack.as_ref().and_then(|(_, unit)| *unit),
                rack: rack.map(|(rack, _)| rack),
                health: health(device.health),
                reasons: device
                    .reasons
                    .iter()
                    .take(REASONS_MAX)
                    .map(|r| names.reason(r))
                    .collect(),
                behind: device.behind.as_ref().map(|cause| views::Behind {
                    device: cause.device().to_string(),
                    name: names.device(cause.device()),
                }),
            }
        };
        views::Topology {
            sites: sites(&watch, &names),
            devices: watch.devices().map(device).collect(),
            links: watch
                .links()
                .into_iter()
                .map(|link| link_row(link, &names))
                .collect(),
            conflicts: watch
                .conflicts()
                .iter()
                .map(|conflict| conflict_view(conflict, &names))
                .collect(),
        }
    }
}

fn sites(watch: &Watch, names: &Names<'_>) -> Vec<views::TopologySite> {
    watch
        .sites()
        .into_iter()
        .map(|site| views::TopologySite {
            path: watch.links_of(&site.spec.id),
            id: site.spec.id.to_string(),
            name: site.spec.name,
            parent: site.spec.parent.map(|id| id.to_string()),
            health: health(site.health),
            reasons: site
                .reasons
                .iter()
                .take(REASONS_MAX)
                .map(|r| names.reason(r))
                .collect(),
        })
        .collect()
}

fn conflict_view(conflict: &watch::Conflict, names: &Names<'_>) -> views::LinkConflict {
    views::LinkConflict {
        kind: match conflict.kind {
            watch::ConflictKind::OtherEnd => views::LinkConflictKind::OtherEnd,
            watch::ConflictKind::SharedPort => views::LinkConflictKind::SharedPort,
            watch::ConflictKind::OneSided => views::LinkConflictKind::OneSided,
        },
        at: end(&conflict.at, names),
        opinions: conflict
            .opinions
            .iter()
            .map(|opinion| views::Opinion {
                source: source(opinion.source),
                by: opinion.by.as_ref().map(|id| views::Behind {
                    device: id.to_string(),
                    name: names.device(id),
                }),
                far: opinion.far.clone().map(|far| views::FarEnd {
                    name: far.device.as_ref().map_or(far.name, |id| names.device(id)),
                    device: far.device.map(|id| id.to_string()),
                    interface: far.interface.to_string(),
                }),
            })
            .collect(),
    }
}

//! Devices and links as the protocol's rows.

use std::sync::PoisonError;
use std::time::Instant;

use nhipcau_inventory::watch::{self, DeviceState, LinkState, Watch};
use nhipcau_inventory::{Collection, InterfaceRef, Sensor, StorageKind};

use super::Estate;
use super::names::{Names, health, kind, reason};
use crate::http::views;

impl Estate {
    pub(super) fn row(
        &self,
        watch: &Watch,
        device: &DeviceState,
        names: &Names<'_>,
    ) -> views::DeviceRow {
        let collection = device.collection.as_deref();
        let recognised = collection.and_then(|c| c.recognised.as_ref());
        views::DeviceRow {
            id: device.spec.id.to_string(),
            name: device.spec.name.clone(),
            address: self
                .contacts
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&device.spec.id)
                .map(|contact| contact.address.clone())
                .unwrap_or_default(),
            site: device.spec.site.as_ref().map(ToString::to_string),
            site_name: device.spec.site.as_ref().map(|site| names.site(site)),
            kind: recognised.map_or(views::DeviceKind::Other, |r| kind(r.kind)),
            profile: recognised
                .map(|r| r.profile.to_string())
                .unwrap_or_default(),
            vendor: collection
                .map(|c| c.identity.vendor.to_string())
                .unwrap_or_default(),
            model: collection
                .map(|c| c.identity.model.to_string())
                .unwrap_or_default(),
            health: health(device.health),
            reasons: device.reasons.iter().map(|r| names.reason(r)).collect(),
            last_seen: collection.and_then(|c| c.last_seen).map(|at| self.date(at)),
            maintenance: watch
                .maintenance_of_device(&device.spec.id, Instant::now())
                .map(|window| window.id),
            behind: device.behind.as_ref().map(|cause| views::Behind {
                device: cause.device().to_string(),
                name: names.device(cause.device()),
            }),
        }
    }

    pub(super) fn detail(
        &self,
        watch: &Watch,
        device: &DeviceState,
        names: &Names<'_>,
    ) -> views::DeviceDetail {
        let row = self.row(watch, device, names);
        let collection = device.collection.as_deref();
        let system = collection.and_then(|c| c.system.as_ref());
        let credential = collection
            .and_then(|c| c.credential.as_ref())
            .map(|c| c.name.to_string())
            .unwrap_or_default();
        let snmp = self
            .contacts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&device.spec.id)
            .and_then(|contact| contact.levels.get(&credential).copied())
            .unwrap_or_default();
        let now = Instant::now();
        let text = |of: Option<&std::sync::Arc<str>>| of.map(|t| t.to_string()).unwrap_or_default();
        views::DeviceDetail {
            row,
            sys_name: text(system.map(|s| &s.name)),
            sys_descr: text(system.map(|s| &s.descr)),
            sys_object_id: system.map(|s| s.object_id.to_string()).unwrap_or_default(),
            serial: text(collection.map(|c| &c.identity.serial)),
            version: text(collection.map(|c| &c.identity.version)),
            location: text(system.map(|s| &s.location)),
            contact: text(system.map(|s| &s.contact)),
            uptime_seconds: system
                .map(|s| s.uptime_seconds() + now.saturating_duration_since(s.read_at).as_secs()),
            credential,
            snmp: snmp.to_owned(),
            poll_seconds: device.spec.poll_interval.as_secs(),
            components: components(device),
            sensors: sensors(device, now),
            interfaces: self.interfaces(watch, device, names),
            neighbours: neighbours(watch, device, names),
            storage: storage(device),
            processors: collection
                .into_iter()
                .flat_map(|c| c.processors.iter())
                .map(|p| views::ProcessorRow {
                    name: p.name.to_string(),
                    load_percent: p.load_percent,
                })
                .collect(),
            collection: collection.map(|c| self.summary(c)).unwrap_or_default(),
        }
    }

    fn interfaces(
        &self,
        watch: &Watch,
        device: &DeviceState,
        names: &Names<'_>,
    ) -> Vec<views::InterfaceRow> {
        let Some(collection) = device.collection.as_deref() else {
            return Vec::new();
        };
        collection
            .interfaces
            .iter()
            .map(|interface| {
                let name = InterfaceRef::new(device.spec.id.clone(), interface.name.clone());
                views::InterfaceRow {
                    name: interface.name.to_string(),
                    alias: interface.alias.to_string(),
                    index: interface.index,
                    admin: match interface.admin {
                        nhipcau_inventory::AdminStatus::Up => views::AdminState::Up,
                        nhipcau_inventory::AdminStatus::Down => views::AdminState::Down,
                        nhipcau_inventory::AdminStatus::Testing => views::AdminState::Testing,
                    },
                    oper: interface.oper.as_str().to_owned(),
                    speed_bps: interface.speed_bps,
                    in_bps: interface.rates.and_then(|r| r.in_bps),
                    out_bps: interface.rates.and_then(|r| r.out_bps),
                    in_errors_per_second: interface.rates.and_then(|r| r.in_errors_per_second),
                    out_errors_per_second: interface.rates.and_then(|r| r.out_errors_per_second),
                    health: device
                        .interface_health
                        .get(&interface.name)
                        .map_or(views::Health::Unknown, |h| health(*h)),
                    last_change: interface.last_change.map(|at| self.date(at)),
                    sites: watch
                        .sites_behind(&name)
                        .iter()
                        .map(|id| names.site(id))
                        .collect(),
                }
            })
            .collect()
    }

    fn summary(&self, collection: &Collection) -> views::CollectionSummary {
        views::CollectionSummary {
            finished_at: Some(self.date(collection.finished_at)),
            duration_ms: collection.statistics.duration.as_millis() as u64,
            varbinds: collection.statistics.varbinds,
            requests: collection.statistics.requests,
            retries: collection.statistics.retries,
            timeouts: collection.statistics.timeouts,
            walk_errors: collection.statistics.walk_errors,
            tables_cut: collection
                .tables
                .iter()
                .filter(|table| table.cut)
                .map(|table| table.table.to_string())
                .collect(),
            max_repetitions: collection.statistics.max_repetitions,
            last_success: collection.last_seen.map(|at| self.date(at)),
            errors: collection
                .unreachable
                .iter()
                .chain(&collection.errors)
                .map(reason)
                .collect(),
        }
    }
}

fn components(device: &DeviceState) -> Vec<views::ComponentRow> {
    device
        .collection
        .iter()
        .flat_map(|c| c.components.iter())
        .map(|component| views::ComponentRow {
            name: component.name.to_string(),
            class: component.class.to_string(),
            parent: component.parent.as_deref().map(str::to_owned),
            model: component.model.to_string(),
            serial: component.serial.to_string(),
            health: health(component.health),
            state: component.state.to_string(),
        })
        .collect()
}

fn sensors(device: &DeviceState, now: Instant) -> Vec<views::SensorRow> {
    let limits = |sensor: &Sensor| {
        let judged = device.sensor_limits.get(&sensor.name);
        judged.copied().unwrap_or(sensor.limits)
    };
    device
        .collection
        .iter()
        .flat_map(|c| c.sensors.iter())
        .map(|sensor| views::SensorRow {
            name: sensor.name.to_string(),
            class: sensor.class.to_string(),
            value: sensor.value,
            unit: sensor.unit.to_string(),
            health: device
                .sensor_health
                .get(&sensor.name)
                .map_or_else(|| health(sensor.state_health), |h| health(*h)),
            low: limits(sensor).low_critical.or(limits(sensor).low_warning),
            high: limits(sensor).high_critical.or(limits(sensor).high_warning),
            limit_source: limits(sensor)
                .is_any()
                .then(|| limits(sensor).source.as_str()),
            state: sensor.state.as_deref().map(str::to_owned),
            age_seconds: now.saturating_duration_since(sensor.read_at).as_secs(),
        })
        .collect()
}

fn storage(device: &DeviceState) -> Vec<views::StorageRow> {
    device
        .collection
        .iter()
        .flat_map(|c| c.storage.iter())
        .filter(|storage| storage.kind != StorageKind::Swap || storage.size_bytes > 0)
        .map(|storage| views::StorageRow {
            name: storage.name.to_string(),
            used_bytes: storage.used_bytes,
            size_bytes: storage.size_bytes,
            health: device
                .storage_health
                .get(&storage.name)
                .map_or(views::Health::Ok, |h| health(*h)),
        })
        .collect()
}

fn neighbours(watch: &Watch, device: &DeviceState, names: &Names<'_>) -> Vec<views::Neighbour> {
    let heard = device
        .collection
        .iter()
        .flat_map(|c| c.neighbours.iter())
        .map(|neighbour| views::Neighbour {
            interface: neighbour.interface.to_string(),
            device: watch
                .devices()
                .find(|d| {
                    d.collection
                        .as_ref()
                        .and_then(|c| c.system.as_ref())
                        .is_some_and(|s| s.name == neighbour.system_name)
                })
                .map(|d| d.spec.id.to_string()),
            name: neighbour.system_name.to_string(),
            remote_interface: neighbour.remote_interface.to_string(),
            protocol: match neighbour.protocol {
                nhipcau_inventory::NeighbourProtocol::Lldp => views::NeighbourProtocol::Lldp,
                nhipcau_inventory::NeighbourProtocol::Cdp => views::NeighbourProtocol::Cdp,
            },
        });
    let mut rows: Vec<views::Neighbour> = heard.collect();
    for link in watch
        .links()
        .into_iter()
        .filter(|link| link.source == watch::LinkSource::Declared)
    {
        let far = link.b.as_ref().and_then(|b| {
            b.device
                .clone()
                .map(|device| InterfaceRef::new(device, b.interface.clone()))
        });
        let (near, far) = match far {
            Some(far) if link.a.device == device.spec.id => (link.a, far),
            Some(far) if far.device == device.spec.id => (far, link.a),
            _ => continue,
        };
        if !rows.iter().any(|row| row.interface == *near.interface) {
            rows.push(views::Neighbour {
                interface: near.interface.to_string(),
                name: names.device(&far.device),
                device: Some(far.device.to_string()),
                remote_interface: far.interface.to_string(),
                protocol: views::NeighbourProtocol::Declared,
            });
        }
    }
    rows
}

pub(super) fn end(at: &InterfaceRef, names: &Names<'_>) -> views::LinkEnd {
    views::LinkEnd {
        device: at.device.to_string(),
        name: names.device(&at.device),
        interface: at.interface.to_string(),
    }
}

pub(super) fn source(source: watch::LinkSource) -> views::LinkSource {
    match source {
        watch::LinkSource::Declared => views::LinkSource::Declared,
        watch::LinkSource::Uplink => views::LinkSource::Uplink,
        watch::LinkSource::Lldp => views::LinkSource::Lldp,
        watch::LinkSource::Cdp => views::LinkSource::Cdp,
        watch::LinkSource::Bridge => views::LinkSource::Bridge,
        watch::LinkSource::Route => views::LinkSource::Route,
        watch::LinkSource::Arp => views::LinkSource::Arp,
    }
}

pub(super) fn link_row(link: LinkState, names: &Names<'_>) -> views::LinkRow {
    views::LinkRow {
        id: link.id,
        a: end(&link.a, names),
        b: link.b.map(|b| views::FarEnd {
            name: b.device.as_ref().map_or(b.name, |id| names.device(id)),
            device: b.device.map(|id| id.to_string()),
            interface: b.interface.to_string(),
        }),
        source: source(link.source),
        sources: link.sources.into_iter().map(source).collect(),
        lines: link
            .lines
            .iter()
            .map(|line| views::LinkLine {
                a: line.a.as_ref().map(|at| end(at, names)),
                b: line.b.as_ref().map(|at| end(at, names)),
                down: line.down,
            })
            .collect(),
        capacity_bps: link.capacity_bps,
        in_bps: link.rates.and_then(|r| r.in_bps),
        out_bps: link.rates.and_then(|r| r.out_bps),
        load_percent: link.load_percent,
        health: health(link.health),
        reasons: link.reasons.iter().map(|r| names.reason(r)).collect(),
        sites: link.sites.iter().map(|id| names.site(id)).collect(),
        maintenance: None,
    }
}

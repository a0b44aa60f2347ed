//! What is watched: the devices of the configuration and those that people accepted from a scan, told to every machine that must know.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use nhipcau_inventory::Oid;
use nhipcau_inventory::discovery::{CrawlSource, DiscoveryPlan, Known, PastFailures};
use nhipcau_inventory::watch::DeclaredLink;

use super::feeds::tell_sites;
use super::terms::{credential_refs, end, read_keys, senders, targets};
use crate::app::estate::Contact;
use crate::app::machines::Machines;
use crate::app::{App, maintenance};
use crate::config::{self, Config, Crawl, Device};
use crate::drive::credential::Keys;
use crate::drive::discovery;
use crate::drive::snmp::Command;
use crate::drive::trap::Senders;
use crate::http::views::Reason;
use crate::store::AcceptedDevice;

/// The configuration in force and everything that follows from its devices.
pub(super) struct Watched {
    pub(super) app: App,
    pub(super) machines: Arc<Machines>,
    pub(super) senders: Arc<RwLock<Senders>>,
    config: RwLock<Arc<Config>>,
    keys: RwLock<Arc<HashMap<String, Keys>>>,
}

impl Watched {
    pub(super) fn new(
        app: App,
        machines: Arc<Machines>,
        senders: Arc<RwLock<Senders>>,
        config: &Config,
        keys: Arc<HashMap<String, Keys>>,
    ) -> Self {
        Self {
            app,
            machines,
            senders,
            config: RwLock::new(Arc::new(config.clone())),
            keys: RwLock::new(keys),
        }
    }

    /// Takes over a changed configuration.
    pub(super) async fn reload(&self, config: &Config) {
        put(&self.config, Arc::new(config.clone()));
        put(&self.keys, Arc::new(read_keys(config)));
        self.apply().await;
    }

    /// Devices are accepted on a page: the machines follow.
    pub(super) async fn follow(self: Arc<Self>) {
        loop {
            self.machines.devices_changed.notified().await;
            self.apply().await;
        }
    }

    /// Hands the failures that an earlier life remembers to the discovery.
    pub(super) async fn recall_failures(&self) {
        let Ok(rows) = self.app.store().discovered().list().await else {
            return;
        };
        let now = Timestamp::now();
        let past = rows
            .into_iter()
            .filter_map(|row| {
                let rest = row.new.rests_until?.duration_since(now);
                Some(PastFailures {
                    address: row.new.address.parse::<SocketAddr>().ok()?.ip(),
                    count: row.new.failures,
                    rest: Duration::try_from(rest).ok()?,
                })
            })
            .collect();
        let command = discovery::Command::Failures(past);
        let _ = self.machines.discovery.send(command).await;
    }

    /// Tells everyone what is watched.
    pub(super) async fn apply(&self) {
        let config = get(&self.config);
        let keys = get(&self.keys);
        let accepted = match self.app.store().discovered().accepted().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::error!(%error, "the accepted devices could not be read; only those of the configuration are watched");
                Vec::new()
            }
        };
        let (config, conflicts) = joined(&config, accepted);
        for (id, reason) in &conflicts {
            tracing::warn!(
                device = id,
                reason = reason.code,
                "an accepted device is not watched: the configuration wins"
            );
        }
        *self.senders.write().unwrap_or_else(PoisonError::into_inner) = senders(&config);
        let targets = targets(&config);
        let levels: HashMap<String, &'static str> = keys
            .iter()
            .map(|(name, keys)| (name.clone(), keys.level()))
            .collect();
        let racks: HashMap<&str, (String, Option<u8>)> = config
            .devices
            .iter()
            .filter_map(|d| Some((d.id.as_str(), (d.rack.clone()?, d.unit))))
            .collect();
        let contacts = targets
            .iter()
            .map(|target| {
                (
                    target.spec.id.clone(),
                    Contact {
                        address: target.address.to_string(),
                        rack: racks.get(target.spec.id.as_str()).cloned(),
                        levels: levels.clone(),
                    },
                )
            })
            .collect();
        self.machines.estate.set_contacts(contacts);
        let known = targets
            .iter()
            .map(|target| Known {
                device: target.spec.id.clone(),
                address: target.address,
                credential: target.spec.credentials.first().cloned(),
                reachable: false,
                serial: "".into(),
                system_name: "".into(),
                object_id: Oid::default(),
                engine_id: "".into(),
            })
            .collect();
        let part = &config.discovery;
        self.machines
            .scanner
            .plan(part.is_configured(), part.auto, known, conflicts);
        let links = config
            .links
            .iter()
            .map(|link| DeclaredLink {
                a: end(&link.a),
                b: end(&link.b),
                capacity_bps: link.capacity_bps,
            })
            .collect();
        let snmp = &self.machines.snmp;
        let _ = snmp.send(Command::Links { links, root: None }).await;
        tell_sites(&self.app, &self.machines).await;
        // Before the first poll: what breaks within a window is held back from the start.
        if let Some(windows) = maintenance::current_windows(&self.app).await {
            let _ = snmp.send(Command::Maintenance(windows)).await;
        }
        let plan = Box::new(plan(&config));
        let _ = snmp
            .send(Command::Estate {
                targets,
                keys: keys.clone(),
            })
            .await;
        let command = discovery::Command::Plan { plan, keys };
        let _ = self.machines.discovery.send(command).await;
        self.app.tell(crate::app::Topic::Devices);
    }
}

/// The configuration with the accepted devices in it, and those that it wins over, each with the reason.
fn joined(config: &Config, accepted: Vec<AcceptedDevice>) -> (Config, BTreeMap<String, Reason>) {
    let mut whole = config.clone();
    let mut conflicts = BTreeMap::new();
    for device in accepted {
        let refuse = |code: &str, other: &str| {
            Reason::new(code)
                .with("device", device.id.as_str())
                .with("other", other)
        };
        let Ok(address) = device.address.parse::<SocketAddr>() else {
            continue;
        };
        let same_id = config.devices.iter().find(|own| own.id == device.id);
        let same_address = config.devices.iter().find(|own| own.address == address);
        let known = config
            .credentials
            .iter()
            .any(|c| c.name == device.credential);
        let reason = if let Some(own) = same_id {
            Some(refuse("accepted_id_configured", &own.id))
        } else if let Some(own) = same_address {
            Some(refuse("accepted_address_configured", &own.id))
        } else if !known {
            Some(refuse("accepted_credential_gone", &device.credential))
        } else {
            None
        };
        if let Some(reason) = reason {
            conflicts.insert(device.id, reason);
            continue;
        }
        whole.devices.push(Device {
            id: device.id,
            name: device.name,
            address,
            credentials: vec![device.credential],
            site: device.site,
            poll: device.poll_seconds.map(|s| Duration::from_secs(s.into())),
            profile: device.profile,
            rack: None,
            unit: None,
        });
    }
    (whole, conflicts)
}

fn plan(config: &Config) -> DiscoveryPlan {
    let part: &config::Discovery = &config.discovery;
    let credentials = credential_refs(config);
    DiscoveryPlan {
        ranges: part.ranges.clone(),
        within: part.within.clone(),
        seeds: part.seeds.clone(),
        exclude: part.exclude.clone(),
        port: part.port,
        credentials: part
            .credentials
            .iter()
            .filter_map(|name| credentials.get(name.as_str()).cloned())
            .collect(),
        rate_per_second: part.rate_per_second,
        in_flight_max: part.in_flight,
        request_timeout: part.timeout,
        retries: part.retries,
        failures_max: part.failures_max,
        failures_rest: part.failures_rest,
        crawl: part
            .crawl
            .iter()
            .map(|crawl| match crawl {
                Crawl::Lldp => CrawlSource::Lldp,
                Crawl::Cdp => CrawlSource::Cdp,
                Crawl::Arp => CrawlSource::Arp,
            })
            .collect(),
        crawl_depth: part.crawl_depth,
        every: part.every,
    }
}

fn get<T>(lock: &RwLock<Arc<T>>) -> Arc<T> {
    lock.read().unwrap_or_else(PoisonError::into_inner).clone()
}

fn put<T>(lock: &RwLock<Arc<T>>, value: Arc<T>) {
    *lock.write().unwrap_or_else(PoisonError::into_inner) = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(id: &str, address: &str, credential: &str) -> AcceptedDevice {
        AcceptedDevice {
            id: id.into(),
            name: id.into(),
            address: address.into(),
            credential: credential.into(),
            site: None,
            poll_seconds: Some(60),
            profile: None,
            accepted_at: Timestamp::UNIX_EPOCH,
            accepted_by: "admin".into(),
        }
    }

    #[test]
    fn the_configuration_wins_over_accepted_devices_and_names_the_conflict() {
        let text = "credentials: [{name: a, version: v2c, community: \"env:A\"}]\ndevices: [{id: own, address: 10.0.0.1, credentials: [a]}]\n";
        let config = Config::parse_documents(vec![("a.yaml".into(), text.into())], false).unwrap();
        let (whole, conflicts) = joined(
            &config,
            vec![
                accepted("own", "10.0.0.9:161", "a"),
                accepted("other", "10.0.0.1:161", "a"),
                accepted("lost", "10.0.0.2:161", "gone"),
                accepted("fine", "10.0.0.3:161", "a"),
            ],
        );
        let ids: Vec<&str> = whole.devices.iter().map(|d| d.id.as_str()).collect();
        assert_eq!(ids, ["own", "fine"]);
        let codes: Vec<(&str, &str)> = conflicts
            .iter()
            .map(|(id, reason)| (id.as_str(), reason.code.as_str()))
            .collect();
        assert_eq!(
            codes,
            [
                ("lost", "accepted_credential_gone"),
                ("other", "accepted_address_configured"),
                ("own", "accepted_id_configured")
            ]
        );
    }
}

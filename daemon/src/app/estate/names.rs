//! The inventory's words in those of the protocol, with devices and sites called by their names.

use std::collections::HashMap;

use nhipcau_inventory::watch::Watch;
use nhipcau_inventory::{DeviceId, SiteId};

use crate::http::views;

/// Names of devices and sites by id, looked up once an answer.
pub(super) struct Names<'a> {
    devices: HashMap<&'a str, &'a str>,
    sites: HashMap<String, String>,
}

impl<'a> Names<'a> {
    pub(super) fn of(watch: &'a Watch) -> Self {
        Self {
            devices: watch
                .devices()
                .map(|d| (d.spec.id.as_str(), d.spec.name.as_str()))
                .collect(),
            sites: watch
                .sites()
                .into_iter()
                .map(|s| (s.spec.id.to_string(), s.spec.name))
                .collect(),
        }
    }

    pub(super) fn device(&self, id: &DeviceId) -> String {
        (*self.devices.get(id.as_str()).unwrap_or(&id.as_str())).to_owned()
    }

    pub(super) fn site(&self, id: &SiteId) -> String {
        self.sites
            .get(id.as_str())
            .cloned()
            .unwrap_or_else(|| id.to_string())
    }

    /// Reasons name devices by id; people know them by name.
    pub(super) fn reason(&self, from: &nhipcau_inventory::Reason) -> views::Reason {
        let mut named = reason(from);
        if let Some(serde_json::Value::String(id)) = named.args.get_mut("device")
            && let Some(name) = self.devices.get(id.as_str())
        {
            *id = (*name).to_owned();
        }
        named
    }
}

/// The inventory's health in the words of the protocol.
pub(crate) fn health(health: nhipcau_inventory::Health) -> views::Health {
    match health {
        nhipcau_inventory::Health::Ok => views::Health::Ok,
        nhipcau_inventory::Health::Unknown => views::Health::Unknown,
        nhipcau_inventory::Health::Degraded => views::Health::Degraded,
        nhipcau_inventory::Health::Critical => views::Health::Critical,
    }
}

/// The inventory's reason in the form of the protocol.
pub(crate) fn reason(reason: &nhipcau_inventory::Reason) -> views::Reason {
    use nhipcau_inventory::Arg;
    let args = reason.args.iter().map(|(name, arg)| {
        let value = match arg {
            Arg::Text(text) => serde_json::Value::from(text.as_str()),
            Arg::Integer(number) => serde_json::Value::from(*number),
            Arg::Number(number) => serde_json::Value::from(*number),
        };
        ((*name).to_owned(), value)
    });
    views::Reason {
        code: reason.code.to_owned(),
        args: args.collect(),
    }
}

pub(crate) fn kind(kind: nhipcau_inventory::DeviceKind) -> views::DeviceKind {
    use nhipcau_inventory::DeviceKind as Kind;
    match kind {
        Kind::Server => views::DeviceKind::Server,
        Kind::Frame => views::DeviceKind::Frame,
        Kind::Storage => views::DeviceKind::Storage,
        Kind::Backup => views::DeviceKind::Backup,
        Kind::SanSwitch => views::DeviceKind::SanSwitch,
        Kind::Switch => views::DeviceKind::Switch,
        Kind::Router => views::DeviceKind::Router,
        Kind::Firewall => views::DeviceKind::Firewall,
        Kind::Hypervisor => views::DeviceKind::Hypervisor,
        Kind::Ups => views::DeviceKind::Ups,
        Kind::Pdu => views::DeviceKind::Pdu,
        Kind::Cooling => views::DeviceKind::Cooling,
        Kind::Host => views::DeviceKind::Host,
        Kind::Other => views::DeviceKind::Other,
    }
}

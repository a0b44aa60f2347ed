//! Devices and sites as the configuration declares them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id! {
    /// One watched device, by the name that the configuration gives it.
    DeviceId
}
id! {
    /// One site (province, department, region, commune …).
    SiteId
}

/// One interface of one device, by ifName (or what stands for it); never by ifIndex, which agents renumber.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InterfaceRef {
    /// The device.
    pub device: DeviceId,
    /// The name of the interface on that device.
    pub interface: Arc<str>,
}

impl InterfaceRef {
    /// The interface of that name on that device.
    pub fn new(device: impl Into<DeviceId>, interface: impl Into<Arc<str>>) -> Self {
        Self {
            device: device.into(),
            interface: interface.into(),
        }
    }
}

impl fmt::Display for InterfaceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.device, self.interface)
    }
}

/// Version of the SNMP message format that a credential speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SnmpVersion {
    /// RFC 1157: no GETBULK, no exceptions in varbinds, no 64-bit counters.
    V1,
    /// RFC 1901 with a community.
    V2c,
    /// RFC 3412 with USM.
    V3,
}

/// A credential by name; its secret never enters this crate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CredentialRef {
    /// Name in the configuration.
    pub name: Arc<str>,
    /// What it speaks.
    pub version: SnmpVersion,
    /// USM user name, for reasons that name it; `None` for communities.
    pub user: Option<Arc<str>>,
}

impl CredentialRef {
    /// A community of SNMPv2c.
    pub fn v2c(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            version: SnmpVersion::V2c,
            user: None,
        }
    }

    /// A community of SNMPv1.
    pub fn v1(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            version: SnmpVersion::V1,
            user: None,
        }
    }

    /// A USM user.
    pub fn v3(name: impl Into<Arc<str>>, user: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            version: SnmpVersion::V3,
            user: Some(user.into()),
        }
    }
}

/// What the configuration says of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSpec {
    /// Stable identifier.
    pub id: DeviceId,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub site: Option<SiteId>,
    /// Profile forced by the configuration; `None` lets the device be recognised.
    pub profile: Option<String>,
    /// Time between two full polls.
    pub poll_interval: Duration,
    /// Credentials tried in order, least privileged first.
    pub credentials: Vec<CredentialRef>,
}

/// What a device is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A server or its management processor.
    Server,
    /// A blade frame or enclosure.
    Frame,
    /// A disk array.
    Storage,
    /// A backup appliance.
    Backup,
    /// A Fibre Channel switch.
    SanSwitch,
    /// An Ethernet switch.
    Switch,
    /// A router.
    Router,
    /// A firewall.
    Firewall,
    /// A hypervisor host.
    Hypervisor,
    /// An uninterruptible power supply.
    Ups,
    /// A power distribution unit.
    Pdu,
    /// Room or row cooling.
    Cooling,
    /// A general-purpose host.
    Host,
    /// Anything else.
    #[default]
    Other,
}

impl DeviceKind {
    /// The word used in JSON and in labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Frame => "frame",
            Self::Storage => "storage",
            Self::Backup => "backup",
            Self::SanSwitch => "san_switch",
            Self::Switch => "switch",
            Self::Router => "router",
            Self::Firewall => "firewall",
            Self::Hypervisor => "hypervisor",
            Self::Ups => "ups",
            Self::Pdu => "pdu",
            Self::Cooling => "cooling",
            Self::Host => "host",
            Self::Other => "other",
        }
    }
}

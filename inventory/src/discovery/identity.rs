//! Who answered, and whether two answers are one device.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::api::Known;
use crate::profile::{IdentitySource, Profile, Reader, constant};
use crate::{DeviceKind, Oid, ProfileSet, Value, Varbind, read};

/// sysDescr, sysObjectID, sysUpTime, sysName.
pub(super) const SYSTEM: [&str; 4] = [
    "1.3.6.1.2.1.1.1.0",
    "1.3.6.1.2.1.1.2.0",
    "1.3.6.1.2.1.1.3.0",
    "1.3.6.1.2.1.1.5.0",
];
/// snmpEngineID (SNMP-FRAMEWORK-MIB), dot1dBaseBridgeAddress (BRIDGE-MIB), entPhysicalSerialNum of the first entity (ENTITY-MIB).
const MARKS: [&str; 3] = [
    "1.3.6.1.6.3.10.2.1.1.0",
    "1.3.6.1.2.1.17.1.1.0",
    "1.3.6.1.2.1.47.1.1.1.1.11.1",
];
/// Two looks at one agent's uptime agree within this: clocks of agents are coarse, answers are late.
const BOOT_TOLERANCE: Duration = Duration::from_secs(5);
/// Names that factories give, which prove nothing.
const FACTORY_NAMES: [&str; 8] = [
    "",
    "localhost",
    "switch",
    "router",
    "unknown",
    "default",
    "noname",
    "(none)",
];

/// Who answered at an address. All texts are hostile and cut at 1,024 bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Identification {
    /// `sysName`.
    pub system_name: Arc<str>,
    /// `sysDescr`.
    pub descr: Arc<str>,
    /// `sysObjectID`.
    pub object_id: Oid,
    /// `snmpEngineID` in hexadecimal; empty when it says none.
    pub engine_id: Arc<str>,
    /// Serial number, as far as one question tells; empty when it does not.
    pub serial: Arc<str>,
    /// Base MAC address of a bridge, `aa:bb:cc:dd:ee:ff`; empty when it is none.
    pub base_mac: Arc<str>,
    /// Model, as far as one question tells.
    pub model: Arc<str>,
    /// Manufacturer by the profile.
    pub vendor: Arc<str>,
    /// Name of the profile.
    pub profile: Arc<str>,
    /// Nothing fitted and the fallback reads it.
    pub generic: bool,
    /// What it is for.
    pub kind: DeviceKind,
    /// When the agent started, by its uptime; `None` when it tells none.
    pub(super) booted_at: Option<Instant>,
}

fn find<'v>(varbinds: &'v [Varbind], name: &Oid) -> Option<&'v Value> {
    varbinds
        .iter()
        .find(|v| v.oid == *name && !v.value.is_absent())
        .map(|v| &v.value)
}

fn hex(bytes: &[u8], separator: &str) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for (n, byte) in bytes.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}{byte:02x}", if n == 0 { "" } else { separator });
    }
    out
}

/// The names that the second question asks: marks of the device and what its profile takes the identity from.
pub(super) fn questions(profile: &Profile) -> Vec<Oid> {
    let mut oids: Vec<Oid> = MARKS.iter().map(|text| constant(text)).collect();
    oids.extend(scalars(profile).iter().cloned());
    oids
}

fn scalars(profile: &Profile) -> &[Oid] {
    profile
        .tables
        .iter()
        .find(|table| matches!(table.reader, Reader::Identity) && table.scalar)
        .map_or(&[], |table| &table.oids)
}

impl Identification {
    /// From the system group.
    pub(super) fn of_system(varbinds: &[Varbind], profiles: &ProfileSet, now: Instant) -> Self {
        let cell = |n: usize| find(varbinds, &constant(SYSTEM[n]));
        let text = |n: usize| -> Arc<str> { cell(n).map(read::text).unwrap_or_default().into() };
        let object_id = match cell(1) {
            Some(Value::Oid(oid)) => oid.clone(),
            // Some power strips send it as text.
            Some(other) => read::text(other).parse().unwrap_or_default(),
            None => Oid::default(),
        };
        let descr = text(0);
        let (profile, generic) = profiles.recognise(&object_id, &descr, &[]);
        let booted_at = cell(2)
            .and_then(Value::as_u64)
            .and_then(|ticks| now.checked_sub(Duration::from_millis(ticks.saturating_mul(10))));
        Self {
            system_name: text(3),
            object_id,
            engine_id: "".into(),
            serial: "".into(),
            base_mac: "".into(),
            model: "".into(),
            vendor: profile.vendor.clone(),
            profile: profile.name.clone(),
            generic,
            kind: profile.kind,
            booted_at,
            descr,
        }
    }

    /// Adds what the second question brought.
    pub(super) fn add_marks(&mut self, varbinds: &[Varbind], profile: &Profile) {
        let mark = |n: usize| find(varbinds, &constant(MARKS[n]));
        if let Some(bytes) = mark(0).and_then(Value::as_bytes)
            // RFC 3411: 5 to 32 octets, neither all 0 nor all 255.
            && (5..=32).contains(&bytes.len())
            && !bytes.iter().all(|b| *b == 0)
            && !bytes.iter().all(|b| *b == 255)
        {
            self.engine_id = hex(bytes, "").into();
        }
        if let Some(bytes) = mark(1).and_then(Value::as_bytes)
            && bytes.len() == 6
            && bytes.iter().any(|b| *b != 0)
        {
            self.base_mac = hex(bytes, ":").into();
        }
        let oids = scalars(profile);
        let tell = |sources: &[IdentitySource]| -> Arc<str> {
            IdentitySource::first(
                sources,
                &self.descr,
                |n| Some(read::text(find(varbinds, oids.get(n)?)?).into()),
                |_| None,
            )
        };
        self.model = tell(&profile.identity.model);
        self.serial = tell(&profile.identity.serial);
        if self.serial.is_empty() {
            self.serial = mark(2).map(read::text).unwrap_or_default().into();
        }
    }

    /// What an ignored address is remembered by: as soon as something else answers there, it is shown again.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!(
            "{}|{}|{}|{}|{}",
            self.engine_id, self.serial, self.base_mac, self.object_id, self.system_name
        )
    }

    /// Whether two answers of one scan come from one device. Marks prove nothing while the agents started at different times: images are cloned
    /// with their engine ID and their name.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        if self.object_id != other.object_id || !self.booted_with(other) {
            return false;
        }
        let both = |a: &str, b: &str| !a.is_empty() && !b.is_empty();
        for (a, b) in [
            (&self.serial, &other.serial),
            (&self.base_mac, &other.base_mac),
        ] {
            if both(a, b) {
                return a == b;
            }
        }
        if self.system_name != other.system_name {
            return false;
        }
        if both(&self.engine_id, &other.engine_id) {
            return self.engine_id == other.engine_id;
        }
        self.descr == other.descr && !is_factory_name(&self.system_name)
    }

    fn booted_with(&self, other: &Self) -> bool {
        match (self.booted_at, other.booted_at) {
            (Some(a), Some(b)) => a.max(b) - a.min(b) <= BOOT_TOLERANCE,
            _ => true,
        }
    }

    /// Whether this is a device that is watched at another address.
    pub(super) fn is_known(&self, known: &Known) -> bool {
        if !known.object_id.is_empty() && self.object_id != known.object_id {
            return false;
        }
        let both = |a: &str, b: &str| !a.is_empty() && !b.is_empty();
        if both(&self.serial, &known.serial) {
            return self.serial == known.serial;
        }
        if self.system_name != known.system_name || is_factory_name(&self.system_name) {
            return false;
        }
        if both(&self.engine_id, &known.engine_id) {
            return self.engine_id == known.engine_id;
        }
        !known.object_id.is_empty()
    }
}

fn is_factory_name(name: &str) -> bool {
    FACTORY_NAMES
        .iter()
        .any(|factory| name.eq_ignore_ascii_case(factory))
}

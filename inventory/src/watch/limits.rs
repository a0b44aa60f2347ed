//! Which limits hold for a reading, and who set them.

use std::sync::Arc;

use crate::{DeviceId, DeviceKind, LimitSource, Limits, Oid, Sensor};

/// The class under which the mean of a device's processors is limited.
pub(super) const PROCESSOR: &str = "processor";
/// The class of memory.
pub(super) const MEMORY: &str = "memory";
/// The class of file systems and volumes.
pub(super) const STORAGE: &str = "storage";

/// A limit that the operator sets for readings of one class. Rules are asked in order; the first that fits holds.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitRule {
    /// Class of the sensors; or `processor`, `memory`, `storage`, in percent.
    pub class: Arc<str>,
    /// Of these devices only; empty: of all.
    pub devices: Vec<DeviceId>,
    /// Of the sensor of this name only.
    pub sensor: Option<Arc<str>>,
    /// Of devices of these kinds only; empty: of all.
    pub kinds: Vec<DeviceKind>,
    /// The limits; `source` is set by who asks.
    pub limits: Limits,
}

impl LimitRule {
    fn fits(&self, device: &DeviceId, kind: Option<DeviceKind>, class: &str, name: &str) -> bool {
        *self.class == *class
            && (self.devices.is_empty() || self.devices.contains(device))
            && self.sensor.as_deref().is_none_or(|own| own == name)
            && (self.kinds.is_empty() || kind.is_some_and(|kind| self.kinds.contains(&kind)))
    }

    /// Whoever names devices or a sensor means exactly these, whatever they say themselves.
    fn is_override(&self) -> bool {
        !self.devices.is_empty() || self.sensor.is_some()
    }
}

/// The limits of a reading: the operator's for named devices or sensors, else the device's own or its profile's, else the operator's for
/// the class.
pub(super) fn limits_of(
    rules: &[LimitRule],
    device: &DeviceId,
    kind: Option<DeviceKind>,
    class: &str,
    name: &str,
    own: &Limits,
) -> Limits {
    let find = |over: bool| {
        rules
            .iter()
            .find(|rule| rule.is_override() == over && rule.fits(device, kind, class, name))
            .map(|rule| Limits {
                source: LimitSource::Configuration,
                ..rule.limits
            })
    };
    find(true)
        .or_else(|| own.is_any().then_some(*own))
        .or_else(|| find(false))
        .unwrap_or(*own)
}

/// A share in percent as a sensor, so that it is judged like one.
pub(super) fn share(
    class: &str,
    name: Arc<str>,
    percent: f64,
    limits: Limits,
    oid: Oid,
    read_at: std::time::Instant,
) -> Sensor {
    Sensor {
        name,
        class: class.into(),
        unit: "%".into(),
        value: Some(percent),
        state: None,
        oid,
        state_oid: None,
        state_number: None,
        state_health: crate::Health::Ok,
        limits,
        read_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_devices_first_then_the_device_then_the_class() {
        let rule = |devices: &[&str], kinds: &[DeviceKind], high: f64| LimitRule {
            class: "temperature".into(),
            devices: devices.iter().map(|d| DeviceId::from(*d)).collect(),
            sensor: None,
            kinds: kinds.to_vec(),
            limits: Limits {
                high_critical: Some(high),
                ..Limits::default()
            },
        };
        let rules = [
            rule(&[], &[DeviceKind::Cooling], 32.0),
            rule(&[], &[], 70.0),
            rule(&["ups"], &[], 45.0),
        ];
        let own = Limits {
            high_critical: Some(60.0),
            source: Profile,
            ..Limits::default()
        };
        let ask = |device: &str, kind, own: &Limits| {
            let found = limits_of(
                &rules,
                &DeviceId::from(device),
                Some(kind),
                "temperature",
                "Inlet",
                own,
            );
            (found.high_critical.unwrap(), found.source)
        };
        let none = Limits::default();
        use LimitSource::{Configuration, Profile};
        assert_eq!(ask("ups", DeviceKind::Ups, &own), (45.0, Configuration));
        assert_eq!(ask("sw", DeviceKind::Switch, &own), (60.0, Profile));
        assert_eq!(ask("sw", DeviceKind::Switch, &none), (70.0, Configuration));
        assert_eq!(ask("ac", DeviceKind::Cooling, &none), (32.0, Configuration));
    }
}

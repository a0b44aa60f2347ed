//! From readings to health: limits with hysteresis, states, load.

use crate::{Collection, Component, Health, Limits, Reason, Sensor, Storage};

/// How a sensor is, given how it was: a limit that was crossed holds until the value is back by a share of it.
pub(super) fn sensor(
    sensor: &Sensor,
    limits: &Limits,
    was: Health,
    hysteresis_ratio: f64,
) -> (Health, Option<Reason>) {
    let mut verdict = (sensor.state_health, None);
    if let (Some(word), true) = (&sensor.state, sensor.state_health > Health::Unknown) {
        verdict.1 = Some(
            Reason::new("sensor_state")
                .with("sensor", &*sensor.name)
                .with("state", &**word),
        );
    }
    let Some(value) = sensor.value else {
        return verdict;
    };
    let margin = |limit: f64, level: Health| {
        // Zero needs a margin too: of one unit's share.
        if was >= level {
            hysteresis_ratio * limit.abs().max(1.0)
        } else {
            0.0
        }
    };
    let checks = [
        (limits.high_critical, Health::Critical, true),
        (limits.low_critical, Health::Critical, false),
        (limits.high_warning, Health::Degraded, true),
        (limits.low_warning, Health::Degraded, false),
    ];
    for (limit, level, high) in checks {
        let Some(limit) = limit else { continue };
        let crossed = if high {
            value >= limit - margin(limit, level)
        } else {
            value <= limit + margin(limit, level)
        };
        if crossed && level > verdict.0 {
            let code = if high { "sensor_high" } else { "sensor_low" };
            let reason = Reason::new(code)
                .with("sensor", &*sensor.name)
                .with("value", value)
                .with("unit", &*sensor.unit)
                .with("limit", limit);
            verdict = (level, Some(reason));
        }
    }
    verdict
}

/// The class of sensors that say where a UPS takes its power from.
const POWER_SOURCE: &str = "power_source";

/// The reason of a UPS on battery names the minutes that are left.
pub(super) fn on_battery(collection: &Collection, sensor: &Sensor) -> Option<Reason> {
    if &*sensor.class != POWER_SOURCE || sensor.state_health == Health::Ok {
        return None;
    }
    sensor.state.as_ref().filter(|s| s.contains("battery"))?;
    let minutes = collection
        .sensors
        .iter()
        .find(|s| &*s.class == "runtime")
        .and_then(|s| s.value)
        .unwrap_or(0.0);
    Some(Reason::new("on_battery").with("minutes", minutes.round() as i64))
}

/// How a part is.
pub(super) fn component(component: &Component) -> (Health, Option<Reason>) {
    let code = match component.health {
        Health::Critical => "component_failed",
        Health::Degraded => "component_warning",
        healthy => return (healthy, None),
    };
    let reason = Reason::new(code)
        .with("component", &*component.name)
        .with("state", &*component.state);
    (component.health, Some(reason))
}

/// How a storage area is. Memory is meant to be used: only file systems, volumes and pools can be full.
pub(super) fn storage(
    storage: &Storage,
    was: Health,
    warning_percent: Option<f64>,
    full_percent: f64,
) -> (Health, Option<Reason>) {
    if !matches!(storage.kind, crate::StorageKind::Disk) {
        return (Health::Ok, None);
    }
    let percent = storage.percent();
    // One percent back is enough: files are deleted in bigger pieces.
    let reached =
        |limit: f64, level: Health| percent >= if was >= level { limit - 1.0 } else { limit };
    let health = if reached(full_percent, Health::Critical) {
        Health::Critical
    } else if warning_percent.is_some_and(|limit| reached(limit, Health::Degraded)) {
        Health::Degraded
    } else {
        return (Health::Ok, None);
    };
    let reason = Reason::new("storage_full")
        .with("storage", &*storage.name)
        .with("percent", percent.round() as i64);
    (health, Some(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods)] // Any moment will do.
    fn a_limit_holds_until_the_value_is_clearly_back() {
        let at = |value: f64| Sensor {
            name: "Inlet".into(),
            class: "temperature".into(),
            unit: "°C".into(),
            value: Some(value),
            oid: crate::Oid::default(),
            state: None,
            state_oid: None,
            state_number: None,
            state_health: Health::Ok,
            limits: Limits {
                high_warning: Some(35.0),
                high_critical: Some(40.0),
                ..Limits::default()
            },
            read_at: std::time::Instant::now(),
        };
        let judged = |value: f64, was: Health, ratio: f64| {
            let sensor_now = at(value);
            sensor(&sensor_now, &sensor_now.limits, was, ratio)
        };
        assert_eq!(judged(34.9, Health::Ok, 0.03).0, Health::Ok);
        assert_eq!(judged(35.0, Health::Ok, 0.03).0, Health::Degraded);
        let (health, reason) = judged(40.5, Health::Degraded, 0.03);
        assert_eq!(
            (health, reason.unwrap().code),
            (Health::Critical, "sensor_high")
        );
        assert_eq!(judged(39.5, Health::Critical, 0.03).0, Health::Critical);
        assert_eq!(judged(38.5, Health::Critical, 0.03).0, Health::Degraded);
        assert_eq!(judged(34.5, Health::Degraded, 0.03).0, Health::Degraded);
        assert_eq!(judged(33.0, Health::Degraded, 0.03).0, Health::Ok);
    }
}

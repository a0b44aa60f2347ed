//! Firepower 2120 with Threat Defense: the objects of its ASA engine.

use super::cisco::sensor_entity;
use crate::device::Cause;
use crate::mib::{SensorUnit, entity, interfaces, physical_sensor};
use crate::sketch::{Entity, PortSketch, Sketch};
use crate::table::Cell;

const GIGABIT: u64 = 1_000_000_000;
const MEMORY_BYTES: f32 = 3_400_000_000.0;

pub(crate) fn firepower_2120(sketch: &mut Sketch) {
    let named = |index: u32, name: &str, busy_share: f64| PortSketch {
        index,
        name: name.to_owned(),
        description: format!("Cisco Firepower Threat Defense '{name}' interface"),
        kind: 6,
        speed_bps: GIGABIT,
        busy_share,
    };
    interfaces(
        sketch,
        &[
            named(2, "Internal-Data0/1", 1.0),
            named(4, "nlp_int_tap", 1.0),
            named(5, "diagnostic", 1.0),
            named(6, "inside", 0.0),
            named(7, "outside", 0.0),
            named(8, "dmz", 1.0),
        ],
    );
    let serial = sketch.noise.serial("JMX2", 7);
    entity(
        sketch,
        Entity {
            index: 1,
            class: 3,
            position: -1,
            name: "Chassis",
            description: "Cisco Firepower 2120 Appliance",
            model: "FPR-2120",
            serial: &serial,
            software: "6.6.5",
            ..Entity::default()
        },
    );
    for (offset, (id, cause, mean, ill, unit)) in [
        ("cpu-temp", Cause::Heat, 48.0, 98.0, SensorUnit::Celsius),
        ("inlet", Cause::Heat, 27.0, 62.0, SensorUnit::Celsius),
        ("fan1", Cause::Fan, 5400.0, 0.0, SensorUnit::Rpm),
        ("fan2", Cause::Fan, 5400.0, 0.0, SensorUnit::Rpm),
        ("input-power", Cause::Never, 118.0, 0.0, SensorUnit::Watts),
        ("rail-12v", Cause::Never, 12.1, 0.0, SensorUnit::MilliVolts),
    ]
    .into_iter()
    .enumerate()
    {
        let sensor = sketch.sensor(id, cause, mean, 0.03, ill);
        let index = 30 + offset as u32;
        sensor_entity(sketch, index, offset as i32, id);
        physical_sensor(sketch, index, sensor, unit);
    }
    engine(sketch);
}

fn engine(sketch: &mut Sketch) {
    let load = sketch.load("cpu", 20.0);
    let percent = Cell::Sensor {
        sensor: load,
        scale: 1.0,
        gauge: true,
    };
    sketch.row(
        "1.3.6.1.4.1.9.9.109.1.1.1.1",
        &[1],
        [
            (2, Cell::Int(1)),
            (3, percent.clone()),
            (4, percent.clone()),
            (5, percent.clone()),
            (6, percent.clone()),
            (7, percent.clone()),
            (8, percent),
        ],
    );
    let memory = sketch.sensor("memory", Cause::Heat, 45.0, 0.04, 98.0);
    let used = Cell::Sensor {
        sensor: memory,
        scale: MEMORY_BYTES / 100.0,
        gauge: true,
    };
    // CISCO-ENHANCED-MEMPOOL-MIB: cempMemPoolName, Valid, Used, Free.
    sketch.row(
        "1.3.6.1.4.1.9.9.221.1.1.1.1",
        &[1, 1],
        [
            (2, Cell::Int(2)),
            (3, Cell::text("System memory")),
            (6, Cell::Int(1)),
            (7, used.clone()),
            (8, Cell::Gauge((MEMORY_BYTES * 0.55) as u32)),
            (17, Cell::Gauge(0)),
            (18, Cell::Counter64((MEMORY_BYTES * 0.45) as u64)),
            (19, Cell::Gauge(0)),
            (20, Cell::Counter64((MEMORY_BYTES * 0.55) as u64)),
        ],
    );
    // CISCO-FIREWALL-MIB: connections in use now (40.6) and at most since the start (40.7).
    let connections = sketch.load("connections", 26.0);
    for (kind, description, cell) in [
        (
            6,
            "number of connections currently in use by the entire firewall",
            Cell::Sensor {
                sensor: connections,
                scale: 520.0,
                gauge: true,
            },
        ),
        (
            7,
            "highest number of connections in use at any one time since system startup",
            Cell::Gauge(61_208),
        ),
    ] {
        sketch.row(
            "1.3.6.1.4.1.9.9.147.1.2.2.2.1",
            &[40, kind],
            [(3, Cell::text(description)), (5, cell)],
        );
    }
    // cfwHardwareStatus: primary unit (6) active(9) or, on the second box, standby(10); no failover link otherwise.
    let active = sketch.facts.id.ends_with('1');
    for (kind, description, value, detail) in [
        (4, "Failover LAN Interface", 2, "fover (up)"),
        (
            6,
            "Primary unit (this device)",
            if active { 9 } else { 10 },
            if active {
                "Active unit"
            } else {
                "Standby unit"
            },
        ),
        (
            7,
            "Secondary unit",
            if active { 10 } else { 9 },
            if active {
                "Standby unit"
            } else {
                "Active unit"
            },
        ),
    ] {
        sketch.row(
            "1.3.6.1.4.1.9.9.147.1.2.1.1.1",
            &[kind],
            [
                (2, Cell::text(description)),
                (3, Cell::Int(value)),
                (4, Cell::text(detail)),
            ],
        );
    }
    // CISCO-REMOTE-ACCESS-MONITOR-MIB, CISCO-IPSEC-FLOW-MONITOR-MIB: sessions and tunnels now.
    let sessions = sketch.load("vpn-sessions", 12.0);
    let now = Cell::Sensor {
        sensor: sessions,
        scale: 1.0,
        gauge: true,
    };
    // crasNumSessions and those of each kind: IPsec, site to site, load balanced, client, web.
    let none = || Cell::Gauge(0);
    sketch.scalars(
        "1.3.6.1.4.1.9.9.392.1.3",
        [
            (1, now.clone()),
            (26, none()),
            (29, Cell::Gauge(4)),
            (32, none()),
            (35, now),
            (38, none()),
        ],
    );
    sketch.scalars("1.3.6.1.4.1.9.9.171.1.2.1", [(1, Cell::Gauge(4))]);
    sketch.scalars("1.3.6.1.4.1.9.9.171.1.3.1", [(1, Cell::Gauge(4))]);
}

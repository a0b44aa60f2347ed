//! What IOS and IOS-XE devices have in common: CISCO-PROCESS-MIB, CISCO-MEMORY-POOL-MIB, CISCO-ENVMON-MIB,
//! CISCO-ENTITY-SENSOR-MIB, CISCO-ENTITY-FRU-CONTROL-MIB.

use crate::device::Cause;
use crate::mib::{SensorUnit, entity, physical_sensor};
use crate::sketch::{Entity, Sketch};
use crate::table::Cell;

/// ciscoEnvMonTemperatureNotification and ciscoEnvMonFanNotification; IOS sends the same one when it is over.
const TEMPERATURE_NOTICE: &str = "1.3.6.1.4.1.9.9.13.3.0.3";
const FAN_NOTICE: &str = "1.3.6.1.4.1.9.9.13.3.0.4";

/// entPhysicalIndex of the chassis, and where fans, supplies and sensors begin.
const CHASSIS: u32 = 1;
const FANS: u32 = 10;
const SUPPLIES: u32 = 20;
const SENSORS: u32 = 30;

/// A Cisco device's body.
pub(crate) struct Chassis<'a> {
    pub(crate) model: &'a str,
    pub(crate) description: &'a str,
    pub(crate) software: &'a str,
    pub(crate) cpu_percent: f64,
    pub(crate) memory_kib: f32,
    /// Sensor id, mean and critical threshold, °C.
    pub(crate) temperatures: &'a [(&'a str, f64, f64)],
    pub(crate) fans: u32,
    pub(crate) supplies: u32,
    /// Whether CISCO-ENTITY-SENSOR-MIB and ENTITY-SENSOR-MIB are there (IOS-XE); else CISCO-ENVMON-MIB (IOS).
    pub(crate) entity_sensors: bool,
}

/// Adds everything that follows from the body.
pub(crate) fn body(sketch: &mut Sketch, chassis: &Chassis<'_>) {
    let serial = sketch.noise.serial("FDO2", 7);
    entity(
        sketch,
        Entity {
            index: CHASSIS,
            class: 3,
            position: -1,
            name: "Chassis",
            description: chassis.description,
            model: chassis.model,
            serial: &serial,
            software: chassis.software,
            ..Entity::default()
        },
    );
    processor(sketch, chassis);
    for (offset, (id, mean, critical)) in chassis.temperatures.iter().enumerate() {
        temperature(
            sketch,
            offset as u32,
            id,
            *mean,
            *critical,
            chassis.entity_sensors,
        );
    }
    for number in 1..=chassis.fans {
        fan(sketch, number, chassis.entity_sensors);
    }
    for number in 1..=chassis.supplies {
        supply(sketch, number, chassis.entity_sensors);
    }
}

fn processor(sketch: &mut Sketch, chassis: &Chassis<'_>) {
    let load = sketch.load("cpu", chassis.cpu_percent);
    let used = sketch.sensor("memory", Cause::Heat, 52.0, 0.06, 97.0);
    let percent = |scale| Cell::Sensor {
        sensor: load,
        scale,
        gauge: true,
    };
    let kib = |scale| Cell::Sensor {
        sensor: used,
        scale,
        gauge: true,
    };
    let all = chassis.memory_kib / 100.0;
    sketch.row(
        "1.3.6.1.4.1.9.9.109.1.1.1.1",
        &[1],
        [
            (2, Cell::Int(CHASSIS as i32)),
            (3, percent(1.0)),
            (4, percent(1.0)),
            (5, percent(0.97)),
            (6, percent(1.0)),
            (7, percent(1.0)),
            (8, percent(0.97)),
            (12, kib(all)),
            (13, kib(all * 0.9)),
        ],
    );
    // Bytes; a pool of the processor is a tenth of the memory, so that it fits into Gauge32 as on the real thing.
    let bytes = all * 102.4;
    for (index, name) in [(1, "Processor"), (2, "I/O")] {
        sketch.row(
            "1.3.6.1.4.1.9.9.48.1.1.1",
            &[index],
            [
                (2, Cell::text(name)),
                (3, Cell::Int(0)),
                (4, Cell::Int(1)),
                (5, kib(bytes / index as f32)),
                (6, kib(bytes * 0.9 / index as f32)),
                (7, kib(bytes * 0.7 / index as f32)),
            ],
        );
    }
}

fn temperature(
    sketch: &mut Sketch,
    offset: u32,
    id: &str,
    mean: f64,
    critical: f64,
    entity_sensors: bool,
) {
    let sensor = sketch.sensor(id, Cause::Heat, mean, 0.05, critical + 6.0);
    sketch.notify(sensor, TEMPERATURE_NOTICE, TEMPERATURE_NOTICE);
    let index = SENSORS + offset;
    sensor_entity(sketch, index, offset as i32, id);
    if entity_sensors {
        physical_sensor(sketch, index, sensor, SensorUnit::Celsius);
        cisco_sensor(sketch, index, sensor, 8, critical);
    } else {
        sketch.row(
            "1.3.6.1.4.1.9.9.13.1.3.1",
            &[index],
            [
                (2, Cell::text(id)),
                (
                    3,
                    Cell::Sensor {
                        sensor,
                        scale: 1.0,
                        gauge: true,
                    },
                ),
                (4, Cell::Int(critical as i32)),
                (5, Cell::Int(0)),
                // normal(1), critical(3)
                (
                    6,
                    Cell::SensorState {
                        sensor,
                        well: 1,
                        ill: 3,
                    },
                ),
            ],
        );
    }
}

fn fan(sketch: &mut Sketch, number: u32, entity_sensors: bool) {
    let id = format!("fan{number}");
    let sensor = sketch.sensor(&id, Cause::Fan, 6200.0, 0.06, 0.0);
    sketch.notify(sensor, FAN_NOTICE, FAN_NOTICE);
    let index = FANS + number;
    let name = format!("Fan {number}");
    entity(
        sketch,
        Entity {
            index,
            within: CHASSIS,
            class: 7,
            position: number as i32,
            name: &name,
            description: "Fan Tray",
            ..Entity::default()
        },
    );
    // cefcFanTrayOperStatus: up(2), down(3)
    sketch.row(
        "1.3.6.1.4.1.9.9.117.1.4.1.1",
        &[index],
        [(
            1,
            Cell::SensorState {
                sensor,
                well: 2,
                ill: 3,
            },
        )],
    );
    if entity_sensors {
        let reading = SENSORS + 20 + number;
        sensor_entity(sketch, reading, number as i32, &format!("{name} speed"));
        physical_sensor(sketch, reading, sensor, SensorUnit::Rpm);
    } else {
        sketch.row(
            "1.3.6.1.4.1.9.9.13.1.4.1",
            &[index],
            [
                (2, Cell::text(&name)),
                (
                    3,
                    Cell::SensorState {
                        sensor,
                        well: 1,
                        ill: 3,
                    },
                ),
            ],
        );
    }
}

fn supply(sketch: &mut Sketch, number: u32, entity_sensors: bool) {
    let index = SUPPLIES + number;
    let name = format!("Power Supply {number}");
    let serial = sketch.noise.serial("PST2", 7);
    entity(
        sketch,
        Entity {
            index,
            within: CHASSIS,
            class: 6,
            position: number as i32,
            name: &name,
            description: "AC Power Supply",
            model: "PWR-AC",
            serial: &serial,
            ..Entity::default()
        },
    );
    // normal(1), source ac(2); cefcFRUPowerOperStatus on(2)
    if !entity_sensors {
        sketch.row(
            "1.3.6.1.4.1.9.9.13.1.5.1",
            &[index],
            [(2, Cell::text(&name)), (3, Cell::Int(1)), (4, Cell::Int(2))],
        );
    }
    sketch.row(
        "1.3.6.1.4.1.9.9.117.1.1.2.1",
        &[index],
        [(1, Cell::Int(1)), (2, Cell::Int(2)), (3, Cell::Int(0))],
    );
}

/// A sensor's row in entPhysicalTable.
pub(crate) fn sensor_entity(sketch: &mut Sketch, index: u32, position: i32, name: &str) {
    entity(
        sketch,
        Entity {
            index,
            within: CHASSIS,
            class: 8,
            position,
            name,
            description: name,
            ..Entity::default()
        },
    );
}

/// CISCO-ENTITY-SENSOR-MIB: the value and its critical threshold (severity 30, greater or equal).
fn cisco_sensor(sketch: &mut Sketch, index: u32, sensor: u16, kind: i32, critical: f64) {
    sketch.row(
        "1.3.6.1.4.1.9.9.91.1.1.1.1",
        &[index],
        [
            (1, Cell::Int(kind)),
            (2, Cell::Int(9)),
            (3, Cell::Int(0)),
            (
                4,
                Cell::Sensor {
                    sensor,
                    scale: 1.0,
                    gauge: false,
                },
            ),
            (5, Cell::Int(1)),
        ],
    );
    sketch.row(
        "1.3.6.1.4.1.9.9.91.1.2.1.1",
        &[index, 1],
        [
            (2, Cell::Int(30)),
            (3, Cell::Int(4)),
            (4, Cell::Int(critical as i32)),
            (
                5,
                Cell::SensorState {
                    sensor,
                    well: 2,
                    ill: 1,
                },
            ),
        ],
    );
}

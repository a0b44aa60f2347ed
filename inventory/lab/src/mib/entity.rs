//! ENTITY-MIB (RFC 6933) and ENTITY-SENSOR-MIB (RFC 3433).

use crate::sketch::{Entity, Sketch};
use crate::table::Cell;

/// EntitySensorDataType with its scale and precision.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SensorUnit {
    Celsius,
    Rpm,
    MilliVolts,
    Watts,
}

/// Adds a row of entPhysicalTable.
pub(crate) fn entity(sketch: &mut Sketch, entity: Entity<'_>) {
    let vendor = sketch.vendor;
    sketch.put("1.3.6.1.2.1.47.1.4.1.0", Cell::Ticks(2_000));
    sketch.row(
        "1.3.6.1.2.1.47.1.1.1.1",
        &[entity.index],
        [
            (2, Cell::text(entity.description)),
            (3, Cell::oid("0.0")),
            (4, Cell::Int(entity.within as i32)),
            (5, Cell::Int(entity.class)),
            (6, Cell::Int(entity.position)),
            (7, Cell::text(entity.name)),
            (
                8,
                Cell::text(if entity.model.is_empty() { "" } else { "V02" }),
            ),
            (9, Cell::text("")),
            (10, Cell::text(entity.software)),
            (11, Cell::text(entity.serial)),
            (
                12,
                Cell::text(if entity.model.is_empty() { "" } else { vendor }),
            ),
            (13, Cell::text(entity.model)),
            (14, Cell::text("")),
            (15, Cell::text("")),
            (
                16,
                Cell::Int(if matches!(entity.class, 6 | 7 | 9) {
                    1
                } else {
                    2
                }),
            ),
        ],
    );
}

/// Adds the entPhySensorTable row of the entity `index`.
pub(crate) fn physical_sensor(sketch: &mut Sketch, index: u32, sensor: u16, unit: SensorUnit) {
    let (kind, scale, factor, units) = match unit {
        SensorUnit::Celsius => (8, 9, 1.0, "Celsius"),
        SensorUnit::Rpm => (10, 9, 1.0, "RPM"),
        SensorUnit::MilliVolts => (4, 8, 1000.0, "mV"),
        SensorUnit::Watts => (6, 9, 1.0, "Watts"),
    };
    sketch.row(
        "1.3.6.1.2.1.99.1.1.1",
        &[index],
        [
            (1, Cell::Int(kind)),
            (2, Cell::Int(scale)),
            (3, Cell::Int(0)),
            (
                4,
                Cell::Sensor {
                    sensor,
                    scale: factor,
                    gauge: false,
                },
            ),
            (5, Cell::Int(1)),
            (6, Cell::text(units)),
            (7, Cell::UpTime),
            (8, Cell::Gauge(5)),
        ],
    );
}

//! UPS-MIB (RFC 1628).

use crate::sketch::Sketch;
use crate::table::Cell;

const GROUP: &str = "1.3.6.1.2.1.33.1";

/// The sensors that a UPS is made of; all fail together when the mains do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpsSensors {
    pub(crate) input_volts: u16,
    pub(crate) output_volts: u16,
    pub(crate) load_percent: u16,
    pub(crate) charge_percent: u16,
    pub(crate) minutes_left: u16,
    pub(crate) seconds_on_battery: u16,
    pub(crate) battery_celsius: u16,
    /// Output power when fully loaded, watts.
    pub(crate) watts_max: f32,
}

/// Adds the whole MIB for a single-phase UPS.
pub(crate) fn ups(sketch: &mut Sketch, model: &str, sensors: UpsSensors) {
    let s = sensors;
    let read = |sensor, scale| Cell::Sensor {
        sensor,
        scale,
        gauge: false,
    };
    let table = |tail: &str| format!("{GROUP}.{tail}");
    sketch.scalars(
        &table("1"),
        [
            (1, Cell::text(sketch.vendor)),
            (2, Cell::text(model)),
            (3, Cell::text("UPS 16.5")),
            (4, Cell::text("NMC3 v1.4.2")),
            (5, Cell::text("UPS TTDL")),
            (6, Cell::text("core4503, servers, storage")),
        ],
    );
    sketch.scalars(
        &table("2"),
        [
            // batteryNormal(2), batteryLow(3)
            (1, Cell::Int(2)),
            (2, read(s.seconds_on_battery, 1.0)),
            (3, read(s.minutes_left, 1.0)),
            (4, read(s.charge_percent, 1.0)),
            (
                5,
                Cell::SensorState {
                    sensor: s.input_volts,
                    well: 2190,
                    ill: 1985,
                },
            ),
            (6, Cell::Int(0)),
            (7, read(s.battery_celsius, 1.0)),
        ],
    );
    sketch.scalars(
        &table("3"),
        [
            (
                1,
                Cell::SensorTotal {
                    sensor: s.input_volts,
                    scale: 1e-10,
                    wide: false,
                },
            ),
            (2, Cell::Int(1)),
        ],
    );
    sketch.row(
        &table("3.3.1"),
        &[1],
        [
            (
                2,
                Cell::SensorState {
                    sensor: s.input_volts,
                    well: 500,
                    ill: 0,
                },
            ),
            (3, read(s.input_volts, 1.0)),
            (4, read(s.load_percent, 4.4)),
            (5, read(s.load_percent, s.watts_max / 96.0)),
        ],
    );
    // normal(3), battery(5)
    sketch.scalars(
        &table("4"),
        [
            (
                1,
                Cell::SensorState {
                    sensor: s.input_volts,
                    well: 3,
                    ill: 5,
                },
            ),
            (2, Cell::Int(500)),
            (3, Cell::Int(1)),
        ],
    );
    sketch.row(
        &table("4.4.1"),
        &[1],
        [
            (2, read(s.output_volts, 1.0)),
            (3, read(s.load_percent, 4.35)),
            (4, read(s.load_percent, s.watts_max / 100.0)),
            (5, read(s.load_percent, 1.0)),
        ],
    );
    sketch.put(
        &table("6.1.0"),
        Cell::SensorState {
            sensor: s.input_volts,
            well: 0,
            ill: 1,
        },
    );
    // upsAlarmOnBattery is the well-known alarm 6.3.2; its row exists while the mains are out.
    let alarm = |cell| Cell::WhileFault {
        sensor: s.input_volts,
        cell: Box::new(cell),
    };
    sketch.row(
        &table("6.2.1"),
        &[1],
        [
            (1, alarm(Cell::Int(1))),
            (2, alarm(Cell::oid("1.3.6.1.2.1.33.1.6.3.2"))),
            (3, alarm(Cell::FaultBegan(s.input_volts))),
        ],
    );
    // upsTestResultsSummary noTestsInitiated(6); configured voltages and the thresholds that matter.
    sketch.scalars(
        &table("7"),
        [(3, Cell::Int(6)), (4, Cell::text("No test initiated"))],
    );
    sketch.scalars(
        &table("9"),
        [
            (1, Cell::Int(230)),
            (2, Cell::Int(500)),
            (3, Cell::Int(230)),
            (4, Cell::Int(500)),
            (5, Cell::Int(s.watts_max as i32)),
            (6, Cell::Int(s.watts_max as i32)),
            (7, Cell::Int(2)),
            (8, Cell::Int(1)),
            (9, Cell::Int(160)),
            (10, Cell::Int(280)),
        ],
    );
}

//! UPS, power distribution and cooling of the machine room: PowerNet-MIB beside UPS-MIB.

use crate::device::{Cause, Sensor};
use crate::mib::{UpsSensors, interfaces, ups as ups_mib};
use crate::sketch::{Sketch, ports};
use crate::table::Cell;
use crate::wave::Wave;

const POWERNET: &str = "1.3.6.1.4.1.318.1.1";
const MEGABIT: u64 = 1_000_000;
/// upsTrapOnBattery and upsTrapAlarmEntryRemoved (RFC 1628).
const ON_BATTERY: &str = "1.3.6.1.2.1.33.2.0.1";
const ALARM_REMOVED: &str = "1.3.6.1.2.1.33.2.0.4";
const WATTS_MAX: f32 = 10_000.0;

fn card(sketch: &mut Sketch) {
    let mut all = ports(1, 0..1, "lo{}", "LOOPBACK", 24, 0, 1.0);
    all.extend(ports(2, 0..1, "eth{}", "Ethernet", 6, 100 * MEGABIT, 1.0));
    interfaces(sketch, &all);
}

/// A quantity that the mains decide: `well` while they are there, then `ill` and its change per second.
fn mains(sketch: &mut Sketch, id: &str, well: f64, share: f64, ill: (f64, f64)) -> u16 {
    let wave = if share > 0.0 {
        Wave::wander(well, share, &mut sketch.noise)
    } else {
        Wave::still(well)
    };
    sketch.add(Sensor {
        id: id.to_owned(),
        cause: Cause::Mains,
        wave,
        ill,
        fault_since: None,
        notice: ("", ""),
        notice_objects: &[],
    })
}

/// A Smart-UPS SRT of 10 kVA with 40 minutes of battery at its usual load.
pub(crate) fn ups(sketch: &mut Sketch) {
    card(sketch);
    let input_volts = mains(sketch, "input-voltage", 228.0, 0.02, (0.0, 0.0));
    sketch.notify(input_volts, ON_BATTERY, ALARM_REMOVED);
    // upsEstimatedMinutesRemaining, upsSecondsOnBattery, upsConfigLowBattTime
    sketch.notify_with(
        input_volts,
        &[
            "1.3.6.1.2.1.33.1.2.3.0",
            "1.3.6.1.2.1.33.1.2.2.0",
            "1.3.6.1.2.1.33.1.9.7.0",
        ],
    );
    let sensors = UpsSensors {
        input_volts,
        output_volts: sketch.sensor("output-voltage", Cause::Never, 230.0, 0.004, 0.0),
        load_percent: sketch.sensor("load", Cause::Heat, 46.0, 0.08, 112.0),
        charge_percent: mains(sketch, "charge", 100.0, 0.0, (100.0, -100.0 / 2400.0)),
        minutes_left: mains(sketch, "runtime", 40.0, 0.0, (40.0, -1.0 / 60.0)),
        seconds_on_battery: mains(sketch, "on-battery", 0.0, 0.0, (0.0, 1.0)),
        battery_celsius: sketch.sensor("battery-temperature", Cause::Heat, 25.0, 0.04, 52.0),
        watts_max: WATTS_MAX,
    };
    ups_mib(sketch, "Smart-UPS SRT 10000", sensors);
    powernet(sketch, sensors);
}

fn powernet(sketch: &mut Sketch, s: UpsSensors) {
    let gauge = |sensor, scale| Cell::Sensor {
        sensor,
        scale,
        gauge: true,
    };
    let table = |tail: &str| format!("{POWERNET}.1.{tail}");
    let serial = sketch.noise.serial("AS20", 8);
    sketch.put(&table("1.1.1.0"), Cell::text("Smart-UPS SRT 10000"));
    sketch.put(&table("1.2.1.0"), Cell::text("UPS 16.5 (ID1015)"));
    sketch.put(&table("1.2.3.0"), Cell::text(serial));
    // upsBasicBatteryStatus batteryNormal(2); capacity, temperature, run time (TimeTicks), replace noBattery…(1).
    sketch.put(&table("2.1.1.0"), Cell::Int(2));
    sketch.scalars(
        &table("2.2"),
        [
            (1, gauge(s.charge_percent, 1.0)),
            (2, gauge(s.battery_celsius, 1.0)),
            (
                3,
                Cell::SensorTicks {
                    sensor: s.minutes_left,
                    scale: 6000.0,
                },
            ),
            (4, Cell::Int(1)),
        ],
    );
    sketch.scalars(
        &table("2.3"),
        [
            (1, gauge(s.charge_percent, 10.0)),
            (2, gauge(s.battery_celsius, 10.0)),
            (
                4,
                Cell::SensorState {
                    sensor: s.input_volts,
                    well: 2190,
                    ill: 1985,
                },
            ),
        ],
    );
    sketch.scalars(
        &table("3.2"),
        [(1, gauge(s.input_volts, 1.0)), (4, Cell::Gauge(50))],
    );
    sketch.scalars(
        &table("3.3"),
        [(1, gauge(s.input_volts, 10.0)), (4, Cell::Gauge(500))],
    );
    // upsBasicOutputStatus: onLine(2), onBattery(3).
    sketch.put(
        &table("4.1.1.0"),
        Cell::SensorState {
            sensor: s.input_volts,
            well: 2,
            ill: 3,
        },
    );
    sketch.scalars(
        &table("4.2"),
        [
            (1, gauge(s.output_volts, 1.0)),
            (2, Cell::Gauge(50)),
            (3, gauge(s.load_percent, 1.0)),
            (4, gauge(s.load_percent, 0.435)),
        ],
    );
    sketch.scalars(
        &table("4.3"),
        [
            (1, gauge(s.output_volts, 10.0)),
            (2, Cell::Gauge(500)),
            (3, gauge(s.load_percent, 10.0)),
            (4, gauge(s.load_percent, 4.35)),
        ],
    );
    // uioSensorStatusTable: the probe in the battery cabinet, °F, °C, percent, connected normal(1).
    let cabinet = sketch.sensor("cabinet-temperature", Cause::Heat, 26.0, 0.04, 44.0);
    let humidity = sketch.sensor("cabinet-humidity", Cause::Never, 55.0, 0.05, 0.0);
    let whole = |sensor| Cell::Sensor {
        sensor,
        scale: 1.0,
        gauge: false,
    };
    sketch.row(
        &format!("{POWERNET}.25.1.2.1"),
        &[1, 1],
        [
            (1, Cell::Int(1)),
            (2, Cell::Int(1)),
            (3, Cell::text("Tu ac quy")),
            (4, Cell::text("Port 1")),
            (5, Cell::Int(79)),
            (6, whole(cabinet)),
            (7, whole(humidity)),
            (9, Cell::Int(1)),
        ],
    );
    // upsAdvTestDiagnosticsResults ok(1)
    sketch.put(&table("7.2.3.0"), Cell::Int(1));
}

/// A metered and switched rack PDU with 24 outlets (rPDU2, and the older rPDU objects).
pub(crate) fn pdu(sketch: &mut Sketch) {
    card(sketch);
    let serial = sketch.noise.serial("5A20", 8);
    // Current in tenths of an ampere, power in hundredths of a kilowatt.
    let amperes = sketch.sensor("current", Cause::Heat, 14.2, 0.09, 31.5);
    let tenths = || Cell::Sensor {
        sensor: amperes,
        scale: 10.0,
        gauge: false,
    };
    sketch.scalars(
        &format!("{POWERNET}.12.1"),
        [
            (1, Cell::text("pdu1")),
            (5, Cell::text("AP8959EU3")),
            (6, Cell::text(serial)),
        ],
    );
    // rPDULoadStatusTable: load in tenths, state normal(1) or overload(4).
    sketch.row(
        &format!("{POWERNET}.12.2.3.1.1"),
        &[1],
        [
            (1, Cell::Int(1)),
            (
                2,
                Cell::Sensor {
                    sensor: amperes,
                    scale: 10.0,
                    gauge: true,
                },
            ),
            (
                3,
                Cell::SensorState {
                    sensor: amperes,
                    well: 1,
                    ill: 4,
                },
            ),
            (4, Cell::Int(1)),
            (5, Cell::Int(0)),
        ],
    );
    sketch.row(
        &format!("{POWERNET}.26.4.3.1"),
        &[1],
        [
            (1, Cell::Int(1)),
            (2, Cell::Int(1)),
            (3, Cell::text("pdu1")),
            (
                4,
                Cell::SensorState {
                    sensor: amperes,
                    well: 2,
                    ill: 4,
                },
            ),
            (
                5,
                Cell::Sensor {
                    sensor: amperes,
                    scale: 22.8,
                    gauge: false,
                },
            ),
            (6, Cell::Int(402)),
            (
                9,
                Cell::SensorTotal {
                    sensor: amperes,
                    scale: 6.33e-4,
                    wide: false,
                },
            ),
            (12, Cell::Int(1)),
            (
                16,
                Cell::Sensor {
                    sensor: amperes,
                    scale: 23.5,
                    gauge: false,
                },
            ),
            (17, Cell::Int(97)),
        ],
    );
    sketch.row(
        &format!("{POWERNET}.26.6.3.1"),
        &[1],
        [
            (1, Cell::Int(1)),
            (2, Cell::Int(1)),
            (3, Cell::Int(1)),
            (
                4,
                Cell::SensorState {
                    sensor: amperes,
                    well: 2,
                    ill: 4,
                },
            ),
            (5, tenths()),
            (6, Cell::Int(229)),
            (
                7,
                Cell::Sensor {
                    sensor: amperes,
                    scale: 22.8,
                    gauge: false,
                },
            ),
        ],
    );
    for outlet in 1..=24_u32 {
        // rPDU2OutletSwitchedStatusTable: index, module, number, name, state on(2).
        sketch.row(
            &format!("{POWERNET}.26.9.2.3.1"),
            &[outlet],
            [
                (1, Cell::Int(outlet as i32)),
                (2, Cell::Int(1)),
                (3, Cell::text(format!("Outlet {outlet}"))),
                (4, Cell::Int(outlet as i32)),
                (5, Cell::Int(2)),
            ],
        );
    }
    let room = sketch.sensor("room-temperature", Cause::Heat, 24.5, 0.04, 41.0);
    let humidity = sketch.sensor("room-humidity", Cause::Never, 52.0, 0.06, 0.0);
    // rPDU2SensorTempHumidityStatusTable: name, comm ok(2), °F and °C in tenths, status, humidity in percent.
    sketch.row(
        &format!("{POWERNET}.26.10.2.2.1"),
        &[1],
        [
            (1, Cell::Int(1)),
            (2, Cell::Int(1)),
            (3, Cell::text("Phong may")),
            (4, Cell::Int(2)),
            (5, Cell::Int(2)),
            (6, Cell::Int(2)),
            (7, Cell::Int(761)),
            (
                8,
                Cell::Sensor {
                    sensor: room,
                    scale: 10.0,
                    gauge: false,
                },
            ),
            (
                9,
                Cell::SensorState {
                    sensor: room,
                    well: 4,
                    ill: 6,
                },
            ),
            (
                10,
                Cell::Sensor {
                    sensor: humidity,
                    scale: 1.0,
                    gauge: false,
                },
            ),
            (11, Cell::Int(4)),
        ],
    );
}

/// An InRow RC cooling unit.
pub(crate) fn cooling(sketch: &mut Sketch) {
    card(sketch);
    let supply = sketch.sensor("supply-air", Cause::Heat, 18.5, 0.04, 31.0);
    let back = sketch.sensor("return-air", Cause::Heat, 27.0, 0.04, 47.0);
    let inlet = sketch.sensor("rack-inlet", Cause::Heat, 22.0, 0.04, 36.0);
    let output = sketch.sensor("cool-output", Cause::Never, 12.4, 0.2, 0.0);
    let fan = sketch.sensor("fan1", Cause::Fan, 58.0, 0.1, 0.0);
    let water = sketch.sensor("entering-fluid", Cause::Heat, 8.5, 0.05, 22.0);
    let tenths = |sensor| Cell::Sensor {
        sensor,
        scale: 10.0,
        gauge: false,
    };
    let fahrenheit = |sensor: u16| Cell::Sensor {
        sensor,
        scale: 18.0,
        gauge: false,
    };
    // airIRRCUnitStatus: mode on(2), output and demand in tenths of a kilowatt, air flow, temperatures, fan speed.
    sketch.scalars(
        &format!("{POWERNET}.13.3.2.2.2"),
        [
            (1, Cell::Int(2)),
            (2, tenths(output)),
            (3, tenths(output)),
            (
                4,
                Cell::Sensor {
                    sensor: fan,
                    scale: 43.0,
                    gauge: false,
                },
            ),
            (
                5,
                Cell::Sensor {
                    sensor: fan,
                    scale: 2000.0,
                    gauge: false,
                },
            ),
            (6, fahrenheit(inlet)),
            (7, tenths(inlet)),
            (8, fahrenheit(supply)),
            (9, tenths(supply)),
            (10, fahrenheit(back)),
            (11, tenths(back)),
            (16, tenths(fan)),
            (24, tenths(water)),
            (26, tenths(inlet)),
        ],
    );
    // airIRG2 alarms: how many of the unit's own are active.
    sketch.put(&format!("{POWERNET}.13.3.2.2.1.1.0"), Cell::Faults);
    sketch.put(&format!("{POWERNET}.13.3.2.1.3.0"), Cell::Int(200));
}

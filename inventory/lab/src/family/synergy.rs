//! HPE Synergy: the 12000 frame (CPQRACK-MIB, as the enclosures before it have it; no recording of its frame link
//! module is public) and the 480 Gen10 compute module behind its iLO 5 (CPQSINFO-MIB, CPQHLTH-MIB, CPQIDA-MIB …).

use crate::device::Cause;
use crate::mib::{host_system, interfaces, processor, storage};
use crate::sketch::{PortSketch, Sketch, ports};
use crate::table::Cell;

const GIGABIT: u64 = 1_000_000_000;
const COMPAQ: &str = "1.3.6.1.4.1.232";

/// CPQ conditions: other(1), ok(2), degraded(3), failed(4).
const OK: i32 = 2;
const DEGRADED: i32 = 3;
const FAILED: i32 = 4;

/// cpqHe4FltTolFanFailed, cpqHe3ThermalTempFailed, cpqHe3ThermalTempOk (CPQHLTH-MIB traps behind 232.0).
const FAN_FAILED: &str = "1.3.6.1.4.1.232.0.6035";
const FAN_WELL: &str = "1.3.6.1.4.1.232.0.6036";
const HOT: &str = "1.3.6.1.4.1.232.0.6040";
const COOL: &str = "1.3.6.1.4.1.232.0.6041";
/// cpqRackEnclosureTempFailed, cpqRackEnclosureTempOk, cpqRackEnclosureFanFailed, cpqRackEnclosureFanOk.
const RACK_HOT: &str = "1.3.6.1.4.1.232.0.22005";
const RACK_COOL: &str = "1.3.6.1.4.1.232.0.22007";
const RACK_FAN_FAILED: &str = "1.3.6.1.4.1.232.0.22008";
const RACK_FAN_WELL: &str = "1.3.6.1.4.1.232.0.22010";

fn table(tail: &str) -> String {
    format!("{COMPAQ}.{tail}")
}

fn value(sensor: u16) -> Cell {
    Cell::Sensor {
        sensor,
        scale: 1.0,
        gauge: false,
    }
}

/// Sensors of a compute module: id, locale (CPQHLTH cpqHeTemperatureLocale), mean, threshold, °C.
const BLADE_TEMPERATURES: [(&str, i32, f64, f64); 8] = [
    ("inlet", 11, 22.0, 42.0),
    ("cpu1", 6, 44.0, 70.0),
    ("cpu2", 6, 46.0, 70.0),
    ("dimm-p1", 7, 36.0, 89.0),
    ("dimm-p2", 7, 37.0, 89.0),
    ("chipset", 3, 48.0, 100.0),
    ("storage", 13, 34.0, 60.0),
    ("mezzanine", 9, 52.0, 90.0),
];

/// A Synergy 480 Gen10: 2 × 20 cores at 2.0 GHz, 14 × 32 GB, two SAS disks.
pub(crate) fn blade(sketch: &mut Sketch) {
    let mut all = vec![PortSketch {
        index: 1,
        name: "iLO".into(),
        description: "iLO 5 dedicated network port".into(),
        kind: 6,
        speed_bps: GIGABIT,
        busy_share: 1.0,
    }];
    all.extend(ports(
        2,
        1..3,
        "NIC.Mezz3.{}",
        "HPE Synergy 3820C 10/20Gb CNA port {}",
        6,
        20 * GIGABIT,
        1.0,
    ));
    interfaces(sketch, &all);
    identity(sketch);
    temperatures(sketch);
    drives(sketch);

    let processes = sketch.sensor("processes", Cause::Never, 240.0, 0.05, 0.0);
    host_system(sketch, 14 * 32 * 1024 * 1024, processes);
    let memory = sketch.sensor("memory", Cause::Heat, 68.0, 0.05, 98.0);
    storage(
        sketch,
        1,
        2,
        "Physical Memory",
        65_536,
        14 * 32 * 16_384,
        memory,
    );
    for socket in 1..=2_u32 {
        let load = sketch.load(&format!("cpu{socket}-load"), 30.0);
        // One processor row a core, as the host agent reports them.
        for core in 0..20 {
            let text = "Intel(R) Xeon(R) Gold 6138 CPU @ 2.00GHz";
            processor(sketch, (socket - 1) * 20 + core + 1, text, load);
        }
        // cpqSeCpuTable: unit, slot, name, speed, cores, status ok(2), socket.
        sketch.row(
            &table("1.2.2.1.1"),
            &[socket - 1],
            [
                (1, Cell::Int(socket as i32 - 1)),
                (2, Cell::Int(0)),
                (3, Cell::text(text_of_cpu())),
                (4, Cell::Int(2000)),
                (6, Cell::Int(2)),
                (9, Cell::Int(socket as i32)),
                (15, Cell::Int(20)),
            ],
        );
        // cpqHoCpuUtilMin and the means over 5, 30 and 60 minutes.
        sketch.row(
            &table("11.2.3.1.1"),
            &[socket - 1],
            [
                (1, Cell::Int(socket as i32 - 1)),
                (2, value(load)),
                (3, value(load)),
                (4, value(load)),
                (5, value(load)),
            ],
        );
    }
}

fn text_of_cpu() -> &'static str {
    "Intel(R) Xeon(R) Gold 6138 CPU @ 2.00GHz"
}

fn identity(sketch: &mut Sketch) {
    let serial = sketch.noise.serial("CZJ0", 6);
    sketch.put(&table("2.2.2.1.0"), Cell::text(serial));
    sketch.put(&table("2.2.2.6.0"), Cell::text("871942-B21"));
    sketch.put(&table("2.2.4.2.0"), Cell::text("Synergy 480 Gen10"));
    sketch.put(&table("11.2.14.1.1.5.0"), Cell::text("2.72 Sep 04 2022"));
    // cpqHeMibCondition, cpqHeThermalCondition, cpqHeThermalTempStatus, cpqHeThermalSystemFanStatus.
    let worst = Cell::Worst {
        well: OK,
        ill: FAILED,
    };
    sketch.put(&table("6.1.3.0"), worst.clone());
    sketch.put(&table("6.2.6.1.0"), worst.clone());
    sketch.put(&table("6.2.6.3.0"), worst.clone());
    sketch.put(&table("6.2.6.4.0"), Cell::Int(OK));
    sketch.put(&table("6.2.9.1.0"), Cell::Int(OK));
    sketch.put(&table("11.1.3.0"), worst);
    // Memory: 14 modules, all good(4); cpqHeResMem2ModuleCondition ok(2).
    for module in 0..14_u32 {
        let serial = sketch.noise.serial("", 8);
        sketch.row(
            &table("6.2.14.13.1"),
            &[module],
            [
                (1, Cell::Int(module as i32)),
                (3, Cell::Int(module as i32 / 7 + 1)),
                (5, Cell::Int(module as i32 % 7 + 1)),
                (6, Cell::Int(33_554_432)),
                (12, Cell::text(serial)),
                (
                    13,
                    Cell::text(format!("PROC {} DIMM {}", module / 7 + 1, module % 7 + 1)),
                ),
                (19, Cell::Int(4)),
                (20, Cell::Int(OK)),
            ],
        );
    }
    // cpqHeSysBatteryTable: present(3), ok(2), noError(1), charge percent.
    let serial = sketch.noise.serial("6WQ", 10);
    sketch.row(
        &table("6.2.17.2.1"),
        &[0, 1],
        [
            (1, Cell::Int(0)),
            (2, Cell::Int(1)),
            (3, Cell::Int(3)),
            (4, Cell::Int(OK)),
            (5, Cell::Int(1)),
            (6, Cell::Int(96)),
            (7, Cell::text("HPE Smart Storage Battery ")),
            (9, Cell::text(serial)),
        ],
    );
}

fn temperatures(sketch: &mut Sketch) {
    for (offset, (id, locale, mean, threshold)) in BLADE_TEMPERATURES.into_iter().enumerate() {
        let sensor = sketch.sensor(id, Cause::Heat, mean, 0.05, threshold + 5.0);
        sketch.notify(sensor, HOT, COOL);
        let index = offset as u32 + 1;
        sketch.row(
            &table("6.2.6.8.1"),
            &[0, index],
            [
                (1, Cell::Int(0)),
                (2, Cell::Int(index as i32)),
                (3, Cell::Int(locale)),
                (4, value(sensor)),
                (5, Cell::Int(threshold as i32)),
                (
                    6,
                    Cell::SensorState {
                        sensor,
                        well: OK,
                        ill: FAILED,
                    },
                ),
                (7, Cell::Int(9)),
                (8, Cell::text(format!("{index:02}-{id}"))),
            ],
        );
    }
    // A compute module has no fan of its own; cpqHePowerMeter: supported, status present, reading in watts.
    let power = sketch.sensor("power", Cause::Never, 265.0, 0.12, 0.0);
    sketch.scalars(
        &table("6.2.15"),
        [(1, Cell::Int(2)), (2, Cell::Int(3)), (3, value(power))],
    );
}

fn drives(sketch: &mut Sketch) {
    let serial = sketch.noise.serial("PEYHC0", 6);
    // cpqDaCntlrTable: condition, serial number, board status, firmware.
    sketch.row(
        &table("3.2.2.1.1"),
        &[0],
        [
            (1, Cell::Int(0)),
            (2, Cell::Int(1)),
            (3, Cell::text("4.11")),
            (5, Cell::Int(0)),
            (6, Cell::Int(OK)),
            (10, Cell::Int(OK)),
            (12, Cell::Int(OK)),
            (15, Cell::text(serial)),
            (20, Cell::text("Slot 0")),
        ],
    );
    // cpqDaAccelTable: status enabled(3), condition ok, battery ok(2).
    sketch.row(
        &table("3.2.2.2.1"),
        &[0],
        [
            (1, Cell::Int(0)),
            (2, Cell::Int(3)),
            (6, Cell::Int(2)),
            (9, Cell::Int(OK)),
        ],
    );
    // cpqDaLogDrvTable: RAID 1 is faultTol 3; status ok(2); size in MB.
    sketch.row(
        &table("3.2.3.1.1"),
        &[0, 1],
        [
            (1, Cell::Int(0)),
            (2, Cell::Int(1)),
            (3, Cell::Int(3)),
            (4, Cell::Int(2)),
            (5, Cell::Int(0)),
            (9, Cell::Int(572_293)),
            (11, Cell::Int(OK)),
        ],
    );
    for disk in 0..2_u32 {
        let id = format!("disk{}", disk + 1);
        let heat = sketch.sensor(&id, Cause::Heat, 31.0, 0.05, 68.0);
        let serial = sketch.noise.serial("W0", 6);
        let counter = |value| Cell::Counter32(value);
        sketch.row(
            &table("3.2.5.1.1"),
            &[0, disk],
            [
                (1, Cell::Int(0)),
                (2, Cell::Int(disk as i32)),
                (3, Cell::text("EG000600JWJNH")),
                (4, Cell::text("HPD4")),
                (5, Cell::Int(disk as i32 + 1)),
                (
                    6,
                    Cell::SensorState {
                        sensor: heat,
                        well: 2,
                        ill: 4,
                    },
                ),
                (
                    37,
                    Cell::SensorState {
                        sensor: heat,
                        well: OK,
                        ill: DEGRADED,
                    },
                ),
                (38, counter(0)),
                (45, Cell::Int(572_325)),
                (51, Cell::text(serial)),
                (57, Cell::Int(2)),
                (64, Cell::text(format!("Port=1I:Box=1:Bay={}", disk + 1))),
                (65, Cell::Int(4)),
                (70, value(heat)),
                (71, Cell::Int(60)),
                (72, Cell::Int(41)),
            ],
        );
    }
}

/// A Synergy 12000: two frame link modules, ten fans, six power supplies, bays for compute modules.
pub(crate) fn frame(sketch: &mut Sketch) {
    let mut all = ports(
        1,
        1..3,
        "FLM{}-MGMT",
        "Frame Link Module {} MGMT",
        6,
        GIGABIT,
        0.0,
    );
    all.extend(ports(
        3,
        1..3,
        "FLM{}-LINK",
        "Frame Link Module {} LINK",
        6,
        10 * GIGABIT,
        1.0,
    ));
    all.extend(ports(
        11,
        1..13,
        "BAY{}",
        "Device bay {} management",
        6,
        GIGABIT,
        0.0,
    ));
    all.extend(ports(
        31,
        1..5,
        "ICM3-Q{}",
        "Virtual Connect SE 40Gb F8 module 3 port Q{}",
        56,
        8 * GIGABIT,
        0.0,
    ));
    interfaces(sketch, &all);
    let serial = sketch.noise.serial("CN7", 7);
    let name = sketch.facts.host_name.clone();
    sketch.put(
        &table("22.1.3.0"),
        Cell::Worst {
            well: OK,
            ill: DEGRADED,
        },
    );
    // cpqRackCommonEnclosureTable: model, part number, serial number, firmware, name, condition.
    sketch.row(
        &table("22.2.3.1.1.1"),
        &[1],
        [
            (1, Cell::Int(1)),
            (3, Cell::text("Synergy 12000 Frame")),
            (5, Cell::text("797740-B21")),
            (7, Cell::text(serial)),
            (8, Cell::text("2.07.00")),
            (9, Cell::text(&name)),
            (
                16,
                Cell::Worst {
                    well: OK,
                    ill: DEGRADED,
                },
            ),
        ],
    );
    for (offset, (id, mean)) in [("ambient", 23.0), ("icm-zone", 38.0), ("flm1", 35.0)]
        .into_iter()
        .enumerate()
    {
        let sensor = sketch.sensor(id, Cause::Heat, mean, 0.05, 78.0);
        sketch.notify(sensor, RACK_HOT, RACK_COOL);
        // cpqRackCommonEnclosureTempTable: location, current, threshold, condition, type critical(15).
        sketch.row(
            &table("22.2.3.1.2.1"),
            &[1, offset as u32 + 1],
            [
                (3, Cell::Int(offset as i32 + 1)),
                (4, Cell::text(&name)),
                (5, Cell::text(id)),
                (6, value(sensor)),
                (7, Cell::Int(70)),
                (
                    8,
                    Cell::SensorState {
                        sensor,
                        well: OK,
                        ill: FAILED,
                    },
                ),
                (9, Cell::Int(15)),
            ],
        );
    }
    for fan in 1..=10_u32 {
        let sensor = sketch.sensor(&format!("fan{fan}"), Cause::Fan, 5200.0, 0.08, 0.0);
        sketch.notify(sensor, RACK_FAN_FAILED, RACK_FAN_WELL);
        // cpqRackCommonEnclosureFanTable: location, present(3), redundant(3), condition.
        sketch.row(
            &table("22.2.3.1.3.1"),
            &[1, fan],
            [
                (3, Cell::Int(fan as i32)),
                (4, Cell::text(&name)),
                (5, Cell::text(format!("Fan bay {fan}"))),
                (8, Cell::Int(3)),
                (9, Cell::Int(3)),
                (
                    11,
                    Cell::SensorState {
                        sensor,
                        well: OK,
                        ill: FAILED,
                    },
                ),
            ],
        );
    }
    for supply in 1..=6_u32 {
        let sensor = sketch.sensor(
            &format!("psu{supply}-watts"),
            Cause::Never,
            410.0,
            0.12,
            0.0,
        );
        let serial = sketch.noise.serial("5DN", 9);
        // cpqRackPowerSupplyTable: serial number, output in watts, status noError(1), condition.
        sketch.row(
            &table("22.2.5.1.1.1"),
            &[1, supply],
            [
                (3, Cell::Int(supply as i32)),
                (5, Cell::text(serial)),
                (10, value(sensor)),
                (14, Cell::Int(1)),
                (16, Cell::Int(3)),
                (17, Cell::Int(OK)),
            ],
        );
    }
    let blades: Vec<(u32, String)> = (1..=12)
        .filter_map(|bay| {
            Some((
                bay,
                sketch
                    .facts
                    .wires
                    .get(&format!("BAY{bay}"))?
                    .peer
                    .host_name
                    .clone(),
            ))
        })
        .collect();
    for (bay, host_name) in blades {
        // cpqRackServerBladeTable: name, slots used, present(3), powered on(2), status ok(2).
        sketch.row(
            &table("22.2.4.1.1.1"),
            &[1, bay],
            [
                (3, Cell::Int(bay as i32)),
                (4, Cell::text(host_name)),
                (8, Cell::Int(bay as i32)),
                (12, Cell::Int(3)),
                (17, Cell::text("Synergy 480 Gen10")),
                (21, Cell::Int(2)),
                (25, Cell::Int(2)),
            ],
        );
    }
}

/// The fans that a rack server has, for families that are one: cpqHeFltTolFanTable.
pub(crate) fn rack_fans(sketch: &mut Sketch, count: u32) {
    for fan in 1..=count {
        let sensor = sketch.sensor(&format!("fan{fan}"), Cause::Fan, 34.0, 0.1, 0.0);
        sketch.notify(sensor, FAN_FAILED, FAN_WELL);
        sketch.row(
            &table("6.2.6.7.1"),
            &[0, fan],
            [
                (1, Cell::Int(0)),
                (2, Cell::Int(fan as i32)),
                (3, Cell::Int(3)),
                (4, Cell::Int(3)),
                (5, Cell::Int(3)),
                (
                    6,
                    Cell::SensorState {
                        sensor,
                        well: 2,
                        ill: 3,
                    },
                ),
                (
                    7,
                    Cell::SensorState {
                        sensor,
                        well: 3,
                        ill: 2,
                    },
                ),
                (
                    9,
                    Cell::SensorState {
                        sensor,
                        well: OK,
                        ill: FAILED,
                    },
                ),
            ],
        );
    }
}

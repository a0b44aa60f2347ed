//! SAN switch SN3000B (SW-MIB), 3PAR 8400, StoreOnce 3520. For the last two no recording and little of a MIB is
//! public: they show what their agents are known to have, beside the standard objects.

use super::synergy::rack_fans;
use crate::device::Cause;
use crate::mib::{entity, host_system, interfaces, processor, storage};
use crate::sketch::{Entity, PortSketch, Sketch, ports};
use crate::table::Cell;

const GIGABIT: u64 = 1_000_000_000;
const SW: &str = "1.3.6.1.4.1.1588.2.1.1.1";
/// ifIndex of the first Fibre Channel port and of eth0 on Fabric OS.
const FC_INDEX: u32 = 1_073_741_824;
const ETH_INDEX: u32 = 805_306_369;
const FC_PORTS: u32 = 24;
/// A Fibre Channel word has four octets; a full frame 2148.
const OCTETS_PER_WORD: u32 = 4;
const OCTETS_PER_FRAME: u32 = 2148;
/// swSensorScn (SW-MIB traps).
const SENSOR_CHANGED: &str = "1.3.6.1.4.1.1588.2.1.1.1.0.5";

/// An SN3000B: 24 ports of 16 Gbit/s, four of them wired at 8.
pub(crate) fn san_switch(sketch: &mut Sketch) {
    let mut all = ports(ETH_INDEX, 0..1, "eth{}", "eth{}", 6, GIGABIT, 1.0);
    all.extend(ports(
        FC_INDEX,
        0..FC_PORTS,
        "0/{}",
        "FC port 0/{}",
        56,
        8 * GIGABIT,
        0.15,
    ));
    let first = interfaces(sketch, &all);
    let serial = sketch.noise.serial("CZC8", 6);
    // swCurrentDate…: firmware version 6, oper status online(1) 7, serial number 10.
    sketch.scalars(
        &format!("{SW}.1"),
        [
            (1, Cell::text("")),
            (6, Cell::text("v8.2.3c")),
            (7, Cell::Int(1)),
            (10, Cell::text(serial)),
        ],
    );
    let serial = sketch.noise.serial("ALJ25", 6);
    entity(
        sketch,
        Entity {
            index: 1,
            class: 3,
            position: -1,
            name: "SN3000B",
            description: "HPE SN3000B 16Gb FC Switch",
            model: "SN3000B",
            serial: &serial,
            software: "v8.2.3c",
            ..Entity::default()
        },
    );
    let cpu = sketch.load("cpu", 6.0);
    let memory = sketch.sensor("memory", Cause::Heat, 46.0, 0.03, 97.0);
    sketch.scalars(
        &format!("{SW}.26"),
        [(1, percent(cpu)), (6, percent(memory))],
    );
    // swSensorTable: type temperature(1), fan(2), power supply(3); status nominal(4), below min(3), above max(5).
    for (offset, (id, kind, cause, mean, ill, status)) in [
        ("slot0-temp1", 1, Cause::Heat, 34.0, 76.0, 5),
        ("slot0-temp2", 1, Cause::Heat, 38.0, 78.0, 5),
        ("fan1", 2, Cause::Fan, 7100.0, 0.0, 3),
        ("fan2", 2, Cause::Fan, 7100.0, 0.0, 3),
        ("psu1", 3, Cause::Never, 1.0, 0.0, 3),
    ]
    .into_iter()
    .enumerate()
    {
        let sensor = sketch.sensor(id, cause, mean, if kind == 3 { 0.0 } else { 0.04 }, ill);
        sketch.notify(sensor, SENSOR_CHANGED, SENSOR_CHANGED);
        sketch.row(
            &format!("{SW}.1.22.1"),
            &[offset as u32 + 1],
            [
                (1, Cell::Int(offset as i32 + 1)),
                (2, Cell::Int(kind)),
                (
                    3,
                    Cell::SensorState {
                        sensor,
                        well: 4,
                        ill: status,
                    },
                ),
                (
                    4,
                    Cell::Sensor {
                        sensor,
                        scale: 1.0,
                        gauge: false,
                    },
                ),
                (5, Cell::text(id)),
            ],
        );
    }
    for port in 0..FC_PORTS {
        // The Ethernet port comes first.
        fibre_port(sketch, port, first + 1 + port as u16);
    }
}

fn percent(sensor: u16) -> Cell {
    Cell::Sensor {
        sensor,
        scale: 1.0,
        gauge: false,
    }
}

/// A row of swFCPortTable, index port + 1.
fn fibre_port(sketch: &mut Sketch, port: u32, number: u16) {
    let flow = |out, octets_per_unit| Cell::Flow {
        port: number,
        out,
        octets_per_unit,
        wide: false,
    };
    let wwn = {
        let [a, b, c, d, e, f] = sketch.mac(port as u8);
        [0x20, port as u8, a, b, c, d, e, f]
    };
    let label = sketch
        .facts
        .wires
        .get(&format!("0/{port}"))
        .map_or_else(String::new, |wire| wire.peer.host_name.clone());
    sketch.row(
        &format!("{SW}.6.2.1"),
        &[port + 1],
        [
            (1, Cell::Int(port as i32 + 1)),
            (2, Cell::Int(7)),
            // swFCPortPhyState inSync(6), noLight(4); OpStatus online(1), offline(2); AdmStatus online(1).
            (
                3,
                Cell::PortState {
                    port: number,
                    up: 6,
                    down: 4,
                },
            ),
            (
                4,
                Cell::PortState {
                    port: number,
                    up: 1,
                    down: 2,
                },
            ),
            (5, Cell::Int(1)),
            (
                6,
                Cell::PortState {
                    port: number,
                    up: 1,
                    down: 2,
                },
            ),
            (11, flow(true, OCTETS_PER_WORD)),
            (12, flow(false, OCTETS_PER_WORD)),
            (13, flow(true, OCTETS_PER_FRAME)),
            (14, flow(false, OCTETS_PER_FRAME)),
            (21, Cell::Counter32(0)),
            (22, Cell::Counter32(0)),
            (26, flow(false, 2_000_000_000)),
            (28, Cell::Counter32(0)),
            (34, Cell::text(wwn)),
            (35, Cell::Int(6)),
            (
                36,
                Cell::text(if label.is_empty() {
                    format!("port{port}")
                } else {
                    label
                }),
            ),
        ],
    );
}

/// A 3PAR 8400: two nodes; its MIB is the system group and the table of alerts.
pub(crate) fn three_par(sketch: &mut Sketch) {
    let mut all = ports(1, 0..1, "eth{}", "Management port {}", 6, GIGABIT, 0.0);
    for node in 0..2 {
        let (name, description) = (
            format!("{node}:1:{{}}"),
            format!("Node {node} FC port 1:{{}}"),
        );
        all.extend(ports(
            10 + node * 4,
            1..5,
            &name,
            &description,
            56,
            8 * GIGABIT,
            0.0,
        ));
    }
    interfaces(sketch, &all);
    let heat = sketch.sensor("cage0", Cause::Heat, 29.0, 0.04, 58.0);
    let ill = |cell| Cell::WhileFault {
        sensor: heat,
        cell: Box::new(cell),
    };
    // alertTable: index, severity critical(1), time, node, component, details, id, message code, state new(1).
    sketch.row(
        "1.3.6.1.4.1.12925.1.7.1",
        &[1],
        [
            (1, ill(Cell::Int(1))),
            (2, ill(Cell::Int(1))),
            (3, ill(Cell::text("see the array's own log"))),
            (4, ill(Cell::Int(0))),
            (5, ill(Cell::text("hw_cage:0"))),
            (
                6,
                ill(Cell::text(
                    "Cage 0, temperature above the critical threshold",
                )),
            ),
            (7, ill(Cell::Int(41))),
            (8, ill(Cell::Int(196_612))),
            (9, ill(Cell::Int(1))),
        ],
    );
}

/// A StoreOnce 3520: a Linux with 12 TB for backups.
pub(crate) fn store_once(sketch: &mut Sketch) {
    let all: Vec<PortSketch> = ports(1, 0..4, "eth{}", "eth{}", 6, GIGABIT, 0.0);
    interfaces(sketch, &all);
    let processes = sketch.sensor("processes", Cause::Never, 240.0, 0.05, 0.0);
    host_system(sketch, 64 * 1024 * 1024, processes);
    let memory = sketch.sensor("memory", Cause::Heat, 61.0, 0.04, 98.0);
    storage(sketch, 1, 2, "Physical memory", 65_536, 64 * 16_384, memory);
    let system = sketch.sensor("disk-system", Cause::Heat, 38.0, 0.01, 99.0);
    storage(sketch, 31, 4, "/", 4096, 24_000_000, system);
    let store = sketch.sensor("disk-backup", Cause::Heat, 71.0, 0.02, 99.0);
    storage(sketch, 32, 4, "/store", 65_536, 183_105_468, store);
    let load = sketch.load("cpu", 18.0);
    for core in 0..8 {
        processor(
            sketch,
            196_608 + core,
            "GenuineIntel: Intel(R) Xeon(R) CPU E5-2603 v3 @ 1.60GHz",
            load,
        );
    }
    rack_fans(sketch, 4);
}

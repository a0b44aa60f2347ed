//! ISR 4431 (the province), ISR 4321 (a region), C1111-4P (a commune).

use super::cisco::{Chassis, body};
use crate::device::Cause;
use crate::mib::interfaces;
use crate::sketch::{Sketch, ports};
use crate::table::Cell;

const GIGABIT: u64 = 1_000_000_000;

/// Four ports of its own and three NIM-ES2-8 modules, one socket a region.
pub(crate) fn isr_4431(sketch: &mut Sketch) {
    let mut all = ports(
        1,
        0..4,
        "Gi0/0/{}",
        "GigabitEthernet0/0/{}",
        6,
        GIGABIT,
        0.0,
    );
    for slot in 1..=3 {
        let (name, description) = (
            format!("Gi0/{slot}/{{}}"),
            format!("GigabitEthernet0/{slot}/{{}}"),
        );
        all.extend(ports(
            5 + (slot - 1) * 8,
            0..8,
            &name,
            &description,
            6,
            GIGABIT,
            0.0,
        ));
    }
    all.extend(ports(
        30,
        0..1,
        "Gi{}",
        "GigabitEthernet{}",
        6,
        GIGABIT,
        0.0,
    ));
    all.extend(ports(31, 0..1, "Lo{}", "Loopback{}", 24, 8 * GIGABIT, 1.0));
    interfaces(sketch, &all);
    body(
        sketch,
        &Chassis {
            model: "ISR4431/K9",
            description: "Cisco ISR4431 Chassis",
            software: "16.9.6",
            cpu_percent: 22.0,
            memory_kib: 8_388_608.0,
            temperatures: &[
                ("inlet-1", 27.0, 60.0),
                ("inlet-2", 28.0, 60.0),
                ("outlet-1", 36.0, 80.0),
                ("cpu-temp", 51.0, 100.0),
            ],
            fans: 4,
            supplies: 2,
            entity_sensors: true,
        },
    );
}

/// Two ports of its own and one NIM-ES2-8 towards its communes.
pub(crate) fn isr_4321(sketch: &mut Sketch) {
    let mut all = ports(
        1,
        0..2,
        "Gi0/0/{}",
        "GigabitEthernet0/0/{}",
        6,
        GIGABIT,
        1.0,
    );
    all.extend(ports(
        3,
        0..8,
        "Gi0/1/{}",
        "GigabitEthernet0/1/{}",
        6,
        GIGABIT,
        0.0,
    ));
    all.extend(ports(12, 0..1, "Lo{}", "Loopback{}", 24, 8 * GIGABIT, 1.0));
    interfaces(sketch, &all);
    body(
        sketch,
        &Chassis {
            model: "ISR4321/K9",
            description: "Cisco ISR4321 Chassis",
            software: "16.12.5",
            cpu_percent: 12.0,
            memory_kib: 4_194_304.0,
            temperatures: &[
                ("inlet", 29.0, 65.0),
                ("outlet", 37.0, 80.0),
                ("cpu-temp", 54.0, 100.0),
            ],
            fans: 2,
            supplies: 1,
            entity_sensors: true,
        },
    );
    echo_probe(sketch, "isr4431", 6.0);
}

/// One port to the network, four for the office.
pub(crate) fn isr_1100(sketch: &mut Sketch) {
    let mut all = ports(
        1,
        0..1,
        "Gi0/0/{}",
        "GigabitEthernet0/0/{}",
        6,
        GIGABIT,
        0.0,
    );
    all.extend(ports(
        2,
        0..4,
        "Gi0/1/{}",
        "GigabitEthernet0/1/{}",
        6,
        GIGABIT,
        0.6,
    ));
    all.extend(ports(7, 1..2, "Vl{}", "Vlan{}", 53, GIGABIT, 1.0));
    interfaces(sketch, &all);
    body(
        sketch,
        &Chassis {
            model: "C1111-4P",
            description: "Cisco C1111-4P Chassis",
            software: "17.3.4a",
            cpu_percent: 9.0,
            memory_kib: 4_194_304.0,
            temperatures: &[("inlet", 33.0, 70.0), ("cpu-temp", 58.0, 105.0)],
            fans: 0,
            supplies: 1,
            entity_sensors: true,
        },
    );
    echo_probe(sketch, "ttdl", 11.0);
}

/// CISCO-RTTMON-MIB: one IP SLA echo towards the province, round trip in milliseconds.
fn echo_probe(sketch: &mut Sketch, tag: &str, mean_ms: f64) {
    let rtt = sketch.sensor("rtt", Cause::Heat, mean_ms, 0.4, mean_ms * 40.0);
    sketch.row(
        "1.3.6.1.4.1.9.9.42.1.2.1.1",
        &[1],
        // rttMonCtrlAdminTag, RttType echo(1), Threshold, Status active(1)
        [
            (3, Cell::text(tag)),
            (4, Cell::Int(1)),
            (5, Cell::Int(200)),
            (9, Cell::Int(1)),
        ],
    );
    // rttMonLatestRttOperCompletionTime and Sense: ok(1), overThreshold(3)
    sketch.row(
        "1.3.6.1.4.1.9.9.42.1.2.10.1",
        &[1],
        [
            (
                1,
                Cell::Sensor {
                    sensor: rtt,
                    scale: 1.0,
                    gauge: true,
                },
            ),
            (
                2,
                Cell::SensorState {
                    sensor: rtt,
                    well: 1,
                    ill: 3,
                },
            ),
        ],
    );
}

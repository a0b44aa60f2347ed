//! Catalyst 4503 (the core) and Catalyst 3850 (access).

use super::cisco::{Chassis, body};
use crate::mib::{entity, interfaces};
use crate::sketch::{Entity, Sketch, ports};
use crate::table::Cell;

const GIGABIT: u64 = 1_000_000_000;
/// Where the agents of all devices are.
const MANAGEMENT_VLAN: u16 = 10;

/// Slot 1 a supervisor with 2 ports, slot 2 with 48 ports, slot 3 with 24.
pub(crate) fn catalyst_4503(sketch: &mut Sketch) {
    let mut all = ports(1, 1..2, "Fa{}", "FastEthernet{}", 6, GIGABIT / 10, 0.0);
    all.extend(ports(
        3,
        1..3,
        "Gi1/{}",
        "GigabitEthernet1/{}",
        6,
        GIGABIT,
        0.0,
    ));
    all.extend(ports(
        5,
        1..49,
        "Gi2/{}",
        "GigabitEthernet2/{}",
        6,
        GIGABIT,
        0.35,
    ));
    all.extend(ports(
        53,
        1..25,
        "Gi3/{}",
        "GigabitEthernet3/{}",
        6,
        GIGABIT,
        0.3,
    ));
    all.extend(ports(77, 1..2, "Nu0", "Null0", 1, GIGABIT, 1.0));
    all.extend(ports(78, 10..13, "Vl{}", "Vlan{}", 53, GIGABIT, 1.0));
    interfaces(sketch, &all);
    body(
        sketch,
        &Chassis {
            model: "WS-C4503",
            description: "Cisco Systems, Inc. WS-C4503 3 slot switch",
            software: "15.0(2)SG11",
            cpu_percent: 14.0,
            memory_kib: 1_048_576.0,
            temperatures: &[("air-outlet", 34.0, 75.0), ("air-inlet", 26.0, 56.0)],
            fans: 1,
            supplies: 2,
            entity_sensors: false,
        },
    );
    for (slot, model, description) in [
        (
            1,
            "WS-X4013+",
            "Supervisor II+ with 2 1000BaseX (GBIC) ports",
        ),
        (
            2,
            "WS-X4548-GB-RJ45",
            "10/100/1000BaseT (RJ45) with 48 ports",
        ),
        (
            3,
            "WS-X4424-GB-RJ45",
            "10/100/1000BaseT (RJ45) with 24 ports",
        ),
    ] {
        let serial = sketch.noise.serial("JAE1", 7);
        entity(
            sketch,
            Entity {
                index: 100 + slot,
                within: 1,
                class: 9,
                position: slot as i32,
                name: &format!("Linecard(slot {slot})"),
                description,
                model,
                serial: &serial,
                ..Entity::default()
            },
        );
    }
    vlans(sketch);
}

/// 48 copper ports and a module with four for fibre.
pub(crate) fn catalyst_3850(sketch: &mut Sketch) {
    let mut all = ports(1, 0..1, "Gi0/{}", "GigabitEthernet0/{}", 6, GIGABIT, 0.0);
    all.extend(ports(
        9,
        1..49,
        "Gi1/0/{}",
        "GigabitEthernet1/0/{}",
        6,
        GIGABIT,
        0.7,
    ));
    all.extend(ports(
        57,
        1..5,
        "Gi1/1/{}",
        "GigabitEthernet1/1/{}",
        6,
        GIGABIT,
        0.0,
    ));
    all.extend(ports(70, 10..13, "Vl{}", "Vlan{}", 53, GIGABIT, 1.0));
    interfaces(sketch, &all);
    body(
        sketch,
        &Chassis {
            model: "WS-C3850-48T-E",
            description: "Cisco Catalyst 3850 48 Port Switch",
            software: "16.6.8",
            cpu_percent: 18.0,
            memory_kib: 4_194_304.0,
            temperatures: &[
                ("inlet", 27.0, 56.0),
                ("outlet", 36.0, 125.0),
                ("hotspot", 52.0, 125.0),
            ],
            fans: 3,
            supplies: 2,
            entity_sensors: true,
        },
    );
    // cswSwitchInfoTable: a stack of one, its state ready(4).
    sketch.row(
        "1.3.6.1.4.1.9.9.500.1.2.1.1",
        &[1000],
        [(1, Cell::Int(1)), (3, Cell::Int(1)), (6, Cell::Int(4))],
    );
    vlans(sketch);
}

/// CISCO-VTP-MIB: the VLANs of the data center, all operational(1).
fn vlans(sketch: &mut Sketch) {
    for (vlan, name) in [
        (1, "default"),
        (10, "QUAN-TRI"),
        (11, "MAY-CHU"),
        (12, "HOI-NGHI"),
    ] {
        sketch.row(
            "1.3.6.1.4.1.9.9.46.1.3.1.1",
            &[1, vlan],
            [(2, Cell::Int(1)), (3, Cell::Int(1)), (4, Cell::text(name))],
        );
        sketch.vlan(vlan as u16);
    }
    crate::mib::stations(sketch, MANAGEMENT_VLAN);
}

//! A VMware ESXi host: HOST-RESOURCES-MIB, ENTITY-MIB and the VMWARE MIBs.

use crate::device::Cause;
use crate::mib::{entity, host_system, interfaces, processor, storage};
use crate::sketch::{Entity, Sketch, ports};
use crate::table::Cell;

const GIGABIT: u64 = 1_000_000_000;
const VMWARE: &str = "1.3.6.1.4.1.6876";
/// The provincial applications, as virtual machines: name, MB of memory, virtual processors, whether it runs.
const MACHINES: [(&str, i32, i32, bool); 7] = [
    ("QLVB-quan-ly-van-ban", 32_768, 8, true),
    ("Cong-dich-vu-cong", 65_536, 16, true),
    ("Mot-cua-dien-tu", 32_768, 8, true),
    ("Thu-dien-tu", 65_536, 16, true),
    ("LGSP-truc-tich-hop", 49_152, 12, true),
    ("CSDL-chuyen-nganh", 65_536, 16, true),
    ("May-thu-nghiem", 8192, 2, false),
];

pub(crate) fn esxi(sketch: &mut Sketch) {
    let mut all = ports(
        1,
        0..4,
        "vmnic{}",
        "Device vmnic{} at 03:00 igbn",
        6,
        GIGABIT,
        0.0,
    );
    all.extend(ports(
        10,
        0..1,
        "vmk{}",
        "Virtual interface: vmk{} on vswitch vSwitch0 portgroup: Management Network",
        53,
        GIGABIT,
        1.0,
    ));
    interfaces(sketch, &all);
    let serial = sketch.noise.serial("SGH0", 6);
    entity(
        sketch,
        Entity {
            index: 1,
            class: 3,
            position: -1,
            name: "smbios",
            description: "ProLiant DL380 Gen10",
            model: "ProLiant DL380 Gen10",
            serial: &serial,
            software: "7.0.3",
            ..Entity::default()
        },
    );
    let processes = sketch.sensor("processes", Cause::Never, 240.0, 0.05, 0.0);
    host_system(sketch, 384 * 1024 * 1024, processes);
    let memory = sketch.sensor("memory", Cause::Heat, 74.0, 0.04, 98.0);
    storage(sketch, 1, 2, "Real Memory", 65_536, 384 * 16_384, memory);
    let local = sketch.sensor("disk-local", Cause::Heat, 22.0, 0.01, 98.0);
    storage(
        sketch,
        2,
        4,
        "/vmfs/volumes/noi-bo",
        1_048_576,
        571_392,
        local,
    );
    let shared = sketch.sensor("disk-3par", Cause::Heat, 66.0, 0.02, 98.0);
    storage(
        sketch,
        3,
        4,
        "/vmfs/volumes/3PAR-LUN01",
        1_048_576,
        8_388_608,
        shared,
    );
    let load = sketch.load("cpu", 34.0);
    for core in 0..16 {
        let text = format!(
            "CPU Pkg/ID/Node: {}/{core}/0 Intel(R) Xeon(R) Silver 4216 CPU @ 2.10GHz",
            core / 8
        );
        processor(sketch, core + 1, &text, load);
    }
    sketch.scalars(
        &format!("{VMWARE}.1"),
        [
            (1, Cell::text("VMware ESXi")),
            (2, Cell::text("7.0.3")),
            (4, Cell::text("20328353")),
        ],
    );
    // vmwResources: processors; memory size and what is free, KB.
    sketch.put(&format!("{VMWARE}.3.1.1.0"), Cell::Int(16));
    let kib = 384 * 1024 * 1024;
    sketch.put(&format!("{VMWARE}.3.2.1.0"), Cell::Gauge(kib));
    let free = sketch.sensor("memory-free", Cause::Never, 26.0, 0.1, 0.0);
    sketch.put(
        &format!("{VMWARE}.3.2.3.0"),
        Cell::Sensor {
            sensor: free,
            scale: kib as f32 / 100.0,
            gauge: true,
        },
    );
    for (offset, (name, megabytes, processors, on)) in MACHINES.into_iter().enumerate() {
        let index = 12 + offset as u32;
        sketch.row(
            &format!("{VMWARE}.2.1.1"),
            &[index],
            [
                (2, Cell::text(name)),
                (
                    3,
                    Cell::text(format!("/vmfs/volumes/3PAR-LUN01/{name}/{name}.vmx")),
                ),
                (
                    4,
                    Cell::text(if on {
                        "CentOS 7 (64-bit)"
                    } else {
                        "E: tools not running"
                    }),
                ),
                (5, Cell::Int(megabytes)),
                (6, Cell::text(if on { "powered on" } else { "powered off" })),
                (7, Cell::Int(index as i32)),
                (8, Cell::text(if on { "running" } else { "not running" })),
                (9, Cell::Int(processors)),
            ],
        );
    }
}

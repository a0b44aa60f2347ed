//! HOST-RESOURCES-MIB (RFC 2790).

use crate::sketch::Sketch;
use crate::table::Cell;

/// hrSystem and hrMemorySize.
pub(crate) fn system(sketch: &mut Sketch, memory_kib: i32, processes: u16) {
    sketch.scalars(
        "1.3.6.1.2.1.25.1",
        [
            (1, Cell::UpTime),
            (5, Cell::Gauge(1)),
            (
                6,
                Cell::Sensor {
                    sensor: processes,
                    scale: 1.0,
                    gauge: true,
                },
            ),
            (7, Cell::Int(0)),
        ],
    );
    sketch.put("1.3.6.1.2.1.25.2.2.0", Cell::Int(memory_kib));
}

/// A row of hrStorageTable; `kind` is the last arc of its hrStorageType (2 RAM, 4 fixed disk), `used` a sensor of
/// the share in use, percent.
pub(crate) fn storage(
    sketch: &mut Sketch,
    index: u32,
    kind: u32,
    name: &str,
    unit_bytes: i32,
    units: i32,
    used: u16,
) {
    sketch.row(
        "1.3.6.1.2.1.25.2.3.1",
        &[index],
        [
            (1, Cell::Int(index as i32)),
            (2, Cell::oid(&format!("1.3.6.1.2.1.25.2.1.{kind}"))),
            (3, Cell::text(name)),
            (4, Cell::Int(unit_bytes)),
            (5, Cell::Int(units)),
            (
                6,
                Cell::Sensor {
                    sensor: used,
                    scale: units as f32 / 100.0,
                    gauge: false,
                },
            ),
            (7, Cell::Counter32(0)),
        ],
    );
}

/// A processor: hrDeviceTable and hrProcessorTable.
pub(crate) fn processor(sketch: &mut Sketch, index: u32, description: &str, load: u16) {
    sketch.row(
        "1.3.6.1.2.1.25.3.2.1",
        &[index],
        [
            (1, Cell::Int(index as i32)),
            (2, Cell::oid("1.3.6.1.2.1.25.3.1.3")),
            (3, Cell::text(description)),
            (4, Cell::oid("0.0")),
            (5, Cell::Int(2)),
            (6, Cell::Counter32(0)),
        ],
    );
    sketch.row(
        "1.3.6.1.2.1.25.3.3.1",
        &[index],
        [
            (1, Cell::oid("0.0")),
            (
                2,
                Cell::Sensor {
                    sensor: load,
                    scale: 1.0,
                    gauge: false,
                },
            ),
        ],
    );
}

//! SNMPv2-MIB (RFC 3418) and SNMP-FRAMEWORK-MIB (RFC 3411).

use crate::sketch::Sketch;
use crate::table::Cell;

/// The system group, the snmp group's receive counters and the engine group.
pub(crate) fn system(sketch: &mut Sketch, description: &str, object_id: &str, services: i32) {
    let facts = sketch.facts.clone();
    sketch.scalars(
        "1.3.6.1.2.1.1",
        [
            (1, Cell::text(description)),
            (2, Cell::oid(object_id)),
            (3, Cell::UpTime),
            (4, Cell::text("Trung tam du lieu tinh - 0235 3000 000")),
            (5, Cell::text(&facts.host_name)),
            (6, Cell::text(&facts.location)),
            (7, Cell::Int(services)),
        ],
    );
    // snmpInPkts; snmpInASNParseErrs stands for everything that was dropped.
    sketch.scalars(
        "1.3.6.1.2.1.11",
        [(1, Cell::Received), (6, Cell::Dropped), (30, Cell::Int(2))],
    );
    sketch.scalars(
        "1.3.6.1.6.3.10.2.1",
        [
            (1, Cell::text(&facts.engine_id)),
            (2, Cell::EngineBoots),
            (3, Cell::EngineTime),
            (4, Cell::Int(65_507)),
        ],
    );
}

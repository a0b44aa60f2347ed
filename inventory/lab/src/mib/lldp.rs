//! LLDP-MIB (IEEE 802.1AB-2005): this system, its ports, and the neighbours that the plan's links give it.

use crate::sketch::Sketch;
use crate::table::Cell;

/// BITS of LldpSystemCapabilitiesMap: bridge is bit 2, router bit 4.
const BRIDGE: &[u8] = &[0x20, 0x00];
const ROUTER: &[u8] = &[0x28, 0x00];

/// Adds the LLDP objects for all ports that exist so far.
pub(crate) fn lldp(sketch: &mut Sketch, description: &str, routes: bool) {
    let own = if routes { ROUTER } else { BRIDGE };
    let chassis = sketch.mac(0);
    let host_name = sketch.facts.host_name.clone();
    let hold = (sketch.facts.neighbour_hold_s / 30.0).ceil().max(2.0) as i32;
    sketch.scalars(
        "1.0.8802.1.1.2.1.1",
        [(1, Cell::Int(30)), (2, Cell::Int(hold))],
    );
    sketch.scalars(
        "1.0.8802.1.1.2.1.3",
        [
            (1, Cell::Int(4)),
            (2, Cell::text(chassis)),
            (3, Cell::text(host_name)),
            (4, Cell::text(description)),
            (5, Cell::text(own)),
            (6, Cell::text(own)),
        ],
    );
    let ports: Vec<_> = sketch
        .ports
        .iter()
        .map(|port| (port.index, port.name.clone(), port.description.clone()))
        .collect();
    for (number, (index, name, text)) in ports.into_iter().enumerate() {
        sketch.row(
            "1.0.8802.1.1.2.1.3.7.1",
            &[index],
            [
                (2, Cell::Int(5)),
                (3, Cell::text(&name)),
                (4, Cell::text(text)),
            ],
        );
        let Some(peer) = sketch.facts.wires.get(&name).map(|wire| wire.peer.clone()) else {
            continue;
        };
        if !peer.speaks_lldp {
            continue;
        }
        let while_known = |cell| Cell::Neighbour {
            port: number as u16,
            cell: Box::new(cell),
        };
        let theirs = if peer.routes { ROUTER } else { BRIDGE };
        sketch.row(
            "1.0.8802.1.1.2.1.4.1.1",
            &[0, index, 1],
            [
                (4, while_known(Cell::Int(4))),
                (5, while_known(Cell::text(peer.mac))),
                (6, while_known(Cell::Int(5))),
                (7, while_known(Cell::text(&peer.interface))),
                (8, while_known(Cell::text(&peer.interface))),
                (9, while_known(Cell::text(&peer.host_name))),
                (10, while_known(Cell::text(&peer.description))),
                (11, while_known(Cell::text(theirs))),
                (12, while_known(Cell::text(theirs))),
            ],
        );
        let [a, b, c, d] = peer.address.octets().map(u32::from);
        sketch.row(
            "1.0.8802.1.1.2.1.4.2.1",
            &[0, index, 1, 1, 4, a, b, c, d],
            [
                (3, while_known(Cell::Int(2))),
                (4, while_known(Cell::Int(1))),
                (5, while_known(Cell::oid("0.0"))),
            ],
        );
    }
}

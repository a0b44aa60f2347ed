//! IF-MIB (RFC 2863), and the address of the management interface (IP-MIB).

use crate::device::UNICAST_OCTETS;
use crate::sketch::{PortSketch, Sketch};
use crate::table::Cell;

const IF_ENTRY: &str = "1.3.6.1.2.1.2.2.1";
const IF_X_ENTRY: &str = "1.3.6.1.2.1.31.1.1.1";
const IP_ADDR_ENTRY: &str = "1.3.6.1.2.1.4.20.1";

/// One packet of so many octets is a multicast, a broadcast; one of so many is broken.
const OCTETS_PER_MULTICAST: u32 = 90_000;
const OCTETS_PER_BROADCAST: u32 = 400_000;
const OCTETS_PER_ERROR: u32 = 4_000_000_000;
/// Rows appear when the device has read its configuration, so long after its start.
const TABLE_CHANGED_TICKS: u32 = 2_345;

const ETHERNET: i32 = 6;
const FIBRE_CHANNEL: i32 = 56;

/// Adds all `ports` as interfaces and returns the number of the first.
pub(crate) fn interfaces(sketch: &mut Sketch, ports: &[PortSketch]) -> u16 {
    sketch.put("1.3.6.1.2.1.2.1.0", Cell::Int(ports.len() as i32));
    sketch.put("1.3.6.1.2.1.31.1.5.0", Cell::Ticks(TABLE_CHANGED_TICKS));
    let mut first = None;
    for (position, port) in ports.iter().enumerate() {
        let number = add(sketch, port, position);
        first.get_or_insert(number);
    }
    let address = sketch.facts.address.octets();
    let index = ports.first().map_or(1, |port| port.index) as i32;
    sketch.row(
        IP_ADDR_ENTRY,
        &address.map(u32::from),
        [
            (1, Cell::Ip(address)),
            (2, Cell::Int(index)),
            (3, Cell::Ip([255, 0, 0, 0])),
        ],
    );
    first.unwrap_or(0)
}

fn add(sketch: &mut Sketch, port: &PortSketch, position: usize) -> u16 {
    let number = sketch.port(port);
    let wire = sketch.facts.wires.get(&port.name);
    // A line that is rented narrower than its socket is configured with its bandwidth, and reports that.
    let speed_bps = wire.map_or(port.speed_bps, |wire| wire.capacity_bps.min(port.speed_bps));
    let alias = wire.map_or_else(String::new, |wire| {
        format!("-> {} {}", wire.peer.host_name, wire.peer.interface)
    });
    let flow = |out, octets_per_unit, wide| Cell::Flow {
        port: number,
        out,
        octets_per_unit,
        wide,
    };
    let unicast = UNICAST_OCTETS as u32;
    // Sockets that never carry anything are shut down, as careful administrators do; others merely have no cable.
    let shut = wire.is_none() && port.busy_share == 0.0;
    let speed_32 = u32::try_from(speed_bps).unwrap_or(u32::MAX);
    let physical = matches!(port.kind, ETHERNET | FIBRE_CHANNEL);
    let mac = if physical {
        sketch.mac(position as u8).to_vec()
    } else {
        Vec::new()
    };
    sketch.row(
        IF_ENTRY,
        &[port.index],
        [
            (1, Cell::Int(port.index as i32)),
            (2, Cell::text(&port.description)),
            (3, Cell::Int(port.kind)),
            (
                4,
                Cell::Int(if port.kind == FIBRE_CHANNEL {
                    2112
                } else {
                    1500
                }),
            ),
            (5, Cell::Gauge(speed_32)),
            (6, Cell::text(mac)),
            (7, Cell::Int(if shut { 2 } else { 1 })),
            (
                8,
                Cell::PortState {
                    port: number,
                    up: 1,
                    down: 2,
                },
            ),
            (9, Cell::PortChanged(number)),
            (10, flow(false, 1, false)),
            (11, flow(false, unicast, false)),
            (13, Cell::Counter32(0)),
            (14, flow(false, OCTETS_PER_ERROR, false)),
            (15, Cell::Counter32(0)),
            (16, flow(true, 1, false)),
            (17, flow(true, unicast, false)),
            (
                19,
                Cell::Discards {
                    port: number,
                    wide: false,
                },
            ),
            (20, Cell::Counter32(0)),
        ],
    );
    sketch.row(
        IF_X_ENTRY,
        &[port.index],
        [
            (1, Cell::text(&port.name)),
            (2, flow(false, OCTETS_PER_MULTICAST, false)),
            (3, flow(false, OCTETS_PER_BROADCAST, false)),
            (4, flow(true, OCTETS_PER_MULTICAST, false)),
            (5, flow(true, OCTETS_PER_BROADCAST, false)),
            (6, flow(false, 1, true)),
            (7, flow(false, unicast, true)),
            (8, flow(false, OCTETS_PER_MULTICAST, true)),
            (9, flow(false, OCTETS_PER_BROADCAST, true)),
            (10, flow(true, 1, true)),
            (11, flow(true, unicast, true)),
            (12, flow(true, OCTETS_PER_MULTICAST, true)),
            (13, flow(true, OCTETS_PER_BROADCAST, true)),
            (14, Cell::Int(1)),
            (15, Cell::Gauge((speed_bps / 1_000_000) as u32)),
            (16, Cell::Int(2)),
            (17, Cell::Int(if physical { 1 } else { 2 })),
            (18, Cell::text(alias)),
            (19, Cell::Ticks(0)),
        ],
    );
    number
}

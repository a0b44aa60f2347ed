//! What a device knows of its surroundings: ARP and routes (IP-MIB, IP-FORWARD-MIB), and stations by VLAN (BRIDGE-MIB).

use crate::sketch::Sketch;
use crate::table::Cell;

const NET_TO_MEDIA: &str = "1.3.6.1.2.1.4.22.1";
const CIDR_ROUTE: &str = "1.3.6.1.2.1.4.24.4.1";
const BASE_PORT_IF_INDEX: &str = "1.3.6.1.2.1.17.1.4.1.2";
const FDB_PORT: &str = "1.3.6.1.2.1.17.4.3.1.2";
const FDB_STATUS: &str = "1.3.6.1.2.1.17.4.3.1.3";
/// ipNetToMediaType: dynamic; ipCidrRouteType: remote; dot1dTpFdbStatus: learned.
const DYNAMIC: i32 = 3;
const REMOTE: i32 = 4;
const LEARNED: i32 = 3;

/// Adds who is at the other end of each link, and the way to everything else: over the link that leads to the core.
pub(crate) fn around(sketch: &mut Sketch) {
    for (number, index, peer, near) in ends(sketch) {
        let octets = peer.address.octets();
        let while_known = |cell| Cell::Neighbour {
            port: number,
            cell: Box::new(cell),
        };
        let [a, b, c, d] = octets.map(u32::from);
        sketch.row(
            NET_TO_MEDIA,
            &[index, a, b, c, d],
            [
                (1, while_known(Cell::Int(index as i32))),
                (2, while_known(Cell::text(peer.mac))),
                (3, while_known(Cell::Ip(octets))),
                (4, while_known(Cell::Int(DYNAMIC))),
            ],
        );
        if !near {
            sketch.row(
                CIDR_ROUTE,
                &[0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d],
                [
                    (4, while_known(Cell::Ip(octets))),
                    (5, while_known(Cell::Int(index as i32))),
                    (6, while_known(Cell::Int(REMOTE))),
                ],
            );
        }
    }
}

/// Adds the devices at the other ends to the bridge table of a VLAN, which the switch shows in that VLAN's context only.
pub(crate) fn stations(sketch: &mut Sketch, vlan: u16) {
    for (number, index, peer, _) in ends(sketch) {
        let bridge_port = u32::from(number) + 1;
        let station = peer.mac.map(|octet| octet.to_string()).join(".");
        let while_known = |cell| Cell::Neighbour {
            port: number,
            cell: Box::new(cell),
        };
        sketch.put_in(
            vlan,
            &format!("{BASE_PORT_IF_INDEX}.{bridge_port}"),
            Cell::Int(index as i32),
        );
        sketch.put_in(
            vlan,
            &format!("{FDB_PORT}.{station}"),
            while_known(Cell::Int(bridge_port as i32)),
        );
        sketch.put_in(
            vlan,
            &format!("{FDB_STATUS}.{station}"),
            while_known(Cell::Int(LEARNED)),
        );
    }
}

/// Ports with a link: number, ifIndex, the device at the other end, and whether this end is the one nearer to the core.
fn ends(sketch: &Sketch) -> Vec<(u16, u32, crate::sketch::Peer, bool)> {
    sketch
        .ports
        .iter()
        .enumerate()
        .filter_map(|(number, port)| {
            let wire = sketch.facts.wires.get(&port.name)?;
            Some((number as u16, port.index, wire.peer.clone(), wire.near))
        })
        .collect()
}

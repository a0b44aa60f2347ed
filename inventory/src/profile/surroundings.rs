//! Tables about what is around a device, and which kinds of devices are asked for them.

use super::file::{Module, Pace};
use super::rule::{Reader, TablePlan};
use super::standard::constant;
use crate::{DeviceKind, Oid};

/// A table about the surroundings of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surrounding {
    Addresses,
    Arp,
    Routes,
    Vlans,
    Bridge,
    Aggregates,
}

/// Rows of one column at most. What lies beyond is not read, and the table says that it was cut: a core that knows 50,000 stations must
/// not spend its processor on telling us.
const ROWS_MAX: usize = 4_096;
/// Routers with the whole Internet in their tables walk them slowly; next hops are few and show early.
const ROUTES_MAX: usize = 512;

/// The columns of a VLAN's own bridge table: dot1dBasePortIfIndex, dot1dTpFdbPort, dot1dTpFdbStatus.
pub(crate) fn vlan_plan() -> TablePlan {
    let columns = [
        "1.3.6.1.2.1.17.1.4.1.2",
        "1.3.6.1.2.1.17.4.3.1.2",
        "1.3.6.1.2.1.17.4.3.1.3",
    ];
    plan("bridge_vlan", &columns, ROWS_MAX, Surrounding::Bridge)
}

fn plan(name: &str, columns: &[&str], rows_max: usize, table: Surrounding) -> TablePlan {
    TablePlan {
        name: name.into(),
        pace: Pace::Slow,
        hasten: false,
        scalar: false,
        oids: columns
            .iter()
            .map(|text| constant(text))
            .collect::<Vec<Oid>>(),
        instead_of: Vec::new(),
        rows_max: Some(rows_max),
        reader: Reader::Surrounding(table),
    }
}

/// What a family is asked for, by its kind. Readers rely on the order of the columns here.
pub(super) fn tables(kind: DeviceKind, modules: &[Module]) -> Vec<TablePlan> {
    let mut tables = Vec::new();
    if !modules.contains(&Module::Interfaces) {
        return tables;
    }
    // ipAdEntIfIndex, ipAddressIfIndex.
    tables.push(plan(
        "addresses",
        &["1.3.6.1.2.1.4.20.1.2", "1.3.6.1.2.1.4.34.1.3"],
        ROWS_MAX,
        Surrounding::Addresses,
    ));
    let bridges = matches!(
        kind,
        DeviceKind::Switch | DeviceKind::Router | DeviceKind::Firewall | DeviceKind::Other
    );
    if bridges || matches!(kind, DeviceKind::Host | DeviceKind::Hypervisor) {
        // ipNetToMediaPhysAddress, ipNetToMediaType, ipNetToPhysicalPhysAddress, ipNetToPhysicalType.
        tables.push(plan(
            "arp",
            &[
                "1.3.6.1.2.1.4.22.1.2",
                "1.3.6.1.2.1.4.22.1.4",
                "1.3.6.1.2.1.4.35.1.4",
                "1.3.6.1.2.1.4.35.1.6",
            ],
            ROWS_MAX,
            Surrounding::Arp,
        ));
    }
    if !bridges {
        return tables;
    }
    // ipCidrRouteIfIndex, inetCidrRouteIfIndex, ipRouteIfIndex, ipRouteNextHop.
    tables.push(plan(
        "routes",
        &[
            "1.3.6.1.2.1.4.24.4.1.5",
            "1.3.6.1.2.1.4.24.7.1.7",
            "1.3.6.1.2.1.4.21.1.2",
            "1.3.6.1.2.1.4.21.1.7",
        ],
        ROUTES_MAX,
        Surrounding::Routes,
    ));
    // dot3adAggPortSelectedAggID, dot3adAggPortAttachedAggID, ifStackStatus.
    tables.push(plan(
        "aggregates",
        &[
            "1.2.840.10006.300.43.1.2.1.1.12",
            "1.2.840.10006.300.43.1.2.1.1.13",
            "1.3.6.1.2.1.31.1.2.1.3",
        ],
        ROWS_MAX,
        Surrounding::Aggregates,
    ));
    if modules.contains(&Module::Cdp) {
        // vtpVlanState: Cisco's switches show the bridge table of a VLAN in a context of its own.
        tables.push(plan(
            "vlans",
            &["1.3.6.1.4.1.9.9.46.1.3.1.1.2"],
            ROWS_MAX,
            Surrounding::Vlans,
        ));
    }
    // dot1dBaseBridgeAddress, dot1dBasePortIfIndex, dot1dTpFdbPort, dot1dTpFdbStatus, dot1qTpFdbPort, dot1qTpFdbStatus, dot1qVlanFdbId.
    tables.push(plan(
        "bridge",
        &[
            "1.3.6.1.2.1.17.1.1",
            "1.3.6.1.2.1.17.1.4.1.2",
            "1.3.6.1.2.1.17.4.3.1.2",
            "1.3.6.1.2.1.17.4.3.1.3",
            "1.3.6.1.2.1.17.7.1.2.2.1.2",
            "1.3.6.1.2.1.17.7.1.2.2.1.3",
            "1.3.6.1.2.1.17.7.1.4.2.1.3",
        ],
        ROWS_MAX,
        Surrounding::Bridge,
    ));
    tables
}

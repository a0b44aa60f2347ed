//! Tables of the standard MIBs, which every family shares.

use super::file::{Module, Pace};
use super::rule::{Reader, TablePlan};
use crate::Oid;

/// sysDescr, sysObjectID, sysUpTime, sysContact, sysName, sysLocation (SNMPv2-MIB system group), in this order.
pub(crate) const SYSTEM: [&str; 6] = [
    "1.3.6.1.2.1.1.1.0",
    "1.3.6.1.2.1.1.2.0",
    "1.3.6.1.2.1.1.3.0",
    "1.3.6.1.2.1.1.4.0",
    "1.3.6.1.2.1.1.5.0",
    "1.3.6.1.2.1.1.6.0",
];

/// What else is worth a look with the system group: snmpEngineID, snmpEngineBoots, snmpEngineTime (SNMP-FRAMEWORK-MIB) and
/// ifTableLastChange (IF-MIB). Asked only of agents that have them.
pub(crate) const SYSTEM_EXTRAS: [&str; 4] = [
    "1.3.6.1.6.3.10.2.1.1.0",
    "1.3.6.1.6.3.10.2.1.2.0",
    "1.3.6.1.6.3.10.2.1.3.0",
    "1.3.6.1.2.1.31.1.5.0",
];

const IF: &str = "1.3.6.1.2.1.2.2.1";
const IFX: &str = "1.3.6.1.2.1.31.1.1.1";
const ENTITY: &str = "1.3.6.1.2.1.47.1.1.1.1";
const ENTITY_ALIAS: &str = "1.3.6.1.2.1.47.1.3.2.1.2";
const ENTITY_SENSOR: &str = "1.3.6.1.2.1.99.1.1.1";
const CISCO_SENSOR: &str = "1.3.6.1.4.1.9.9.91.1.1.1.1";
const CISCO_THRESHOLD: &str = "1.3.6.1.4.1.9.9.91.1.2.1.1";
const HR_STORAGE: &str = "1.3.6.1.2.1.25.2.3.1";
const HR_DEVICE: &str = "1.3.6.1.2.1.25.3";
const LLDP: &str = "1.0.8802.1.1.2.1";
const CDP: &str = "1.3.6.1.4.1.9.9.23.1.2.1.1";

/// The OID that a constant of this program spells.
pub(crate) fn constant(text: &str) -> Oid {
    text.parse().expect("a constant OID is well formed")
}

fn columns(base: &str, numbers: &[u32]) -> Vec<Oid> {
    let base = constant(base);
    numbers.iter().map(|&n| base.join(&[n])).collect()
}

fn walk(name: &str, pace: Pace, hasten: bool, oids: Vec<Oid>, reader: Reader) -> TablePlan {
    TablePlan {
        name: name.into(),
        pace,
        hasten,
        scalar: false,
        oids,
        instead_of: Vec::new(),
        rows_max: None,
        reader,
    }
}

/// The tables of one module. Readers rely on the order of the columns here.
pub(super) fn tables(module: Module) -> Vec<TablePlan> {
    match module {
        Module::Interfaces => {
            // ifSpeed, ifAdminStatus, ifOperStatus, ifLastChange, in/out discards and errors …
            let mut state = columns(IF, &[5, 7, 8, 9, 13, 14, 19, 20]);
            // … ifName, HC in octets/unicast/multicast/broadcast, the same out, ifHighSpeed, ifCounterDiscontinuityTime.
            state.extend(columns(IFX, &[1, 6, 7, 8, 9, 10, 11, 12, 13, 15, 19]));
            // ifDescr, ifType, ifMtu, ifPhysAddress; ifConnectorPresent, ifAlias.
            let mut facts = columns(IF, &[2, 3, 4, 6]);
            facts.extend(columns(IFX, &[17, 18]));
            vec![
                walk(
                    "interfaces",
                    Pace::Poll,
                    false,
                    state,
                    Reader::InterfaceState,
                ),
                walk(
                    "interface_facts",
                    Pace::Slow,
                    false,
                    facts,
                    Reader::InterfaceFacts,
                ),
                // ifInOctets, ifInUcastPkts, ifOutOctets, ifOutUcastPkts.
                walk(
                    "interface_counters_32",
                    Pace::Poll,
                    false,
                    columns(IF, &[10, 11, 16, 17]),
                    Reader::Interface32,
                ),
                walk(
                    "interface_status",
                    Pace::Poll,
                    true,
                    columns(IF, &[7, 8, 9]),
                    Reader::InterfaceStatus,
                ),
            ]
        }
        // Descr, ContainedIn, Class, Name, HardwareRev, FirmwareRev, SoftwareRev, SerialNum, ModelName.
        Module::Entity => vec![
            walk(
                "entities",
                Pace::Slow,
                false,
                columns(ENTITY, &[2, 4, 5, 7, 8, 9, 10, 11, 13]),
                Reader::Entities,
            ),
            // entAliasMappingIdentifier: which interface a physical port is.
            walk(
                "interface_entities",
                Pace::Slow,
                false,
                vec![constant(ENTITY_ALIAS)],
                Reader::InterfaceEntities,
            ),
        ],
        // Type, Scale, Precision, Value, OperStatus.
        Module::EntitySensors => vec![walk(
            "entity_sensors",
            Pace::Poll,
            false,
            columns(ENTITY_SENSOR, &[1, 2, 3, 4, 5]),
            Reader::EntitySensors,
        )],
        Module::CiscoSensors => {
            let mut oids = columns(CISCO_SENSOR, &[1, 2, 3, 4, 5]);
            // Severity, relation, value.
            oids.extend(columns(CISCO_THRESHOLD, &[2, 3, 4]));
            vec![walk(
                "cisco_sensors",
                Pace::Poll,
                false,
                oids,
                Reader::CiscoSensors,
            )]
        }
        Module::Host => vec![
            // Type, Descr, AllocationUnits, Size, Used.
            walk(
                "host_storage",
                Pace::Poll,
                false,
                columns(HR_STORAGE, &[2, 3, 4, 5, 6]),
                Reader::HostStorage,
            ),
            // hrProcessorLoad, hrDeviceDescr: both indexed by hrDeviceIndex.
            walk(
                "host_processors",
                Pace::Poll,
                false,
                vec![
                    constant(HR_DEVICE).join(&[3, 1, 2]),
                    constant(HR_DEVICE).join(&[2, 1, 3]),
                ],
                Reader::HostProcessors,
            ),
        ],
        Module::Lldp => vec![
            // lldpLocPortIdSubtype, lldpLocPortId, lldpLocPortDesc, lldpLocChassisId.
            walk(
                "lldp_local",
                Pace::Slow,
                false,
                (2..=4)
                    .map(|n| constant(LLDP).join(&[3, 7, 1, n]))
                    .chain([constant(LLDP).join(&[3, 2])])
                    .collect(),
                Reader::LldpLocal,
            ),
            // ChassisIdSubtype, ChassisId, PortIdSubtype, PortId, PortDesc, SysName; lldpRemManAddrIfSubtype.
            walk(
                "lldp_remote",
                Pace::Slow,
                false,
                (4..=9)
                    .map(|n| constant(LLDP).join(&[4, 1, 1, n]))
                    .chain([constant(LLDP).join(&[4, 2, 1, 3])])
                    .collect(),
                Reader::LldpRemote,
            ),
        ],
        // DeviceId, DevicePort, Address.
        Module::Cdp => vec![walk(
            "cdp",
            Pace::Slow,
            false,
            columns(CDP, &[6, 7, 4]),
            Reader::Cdp,
        )],
    }
}

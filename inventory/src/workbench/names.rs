//! What subtrees are called: the standard MIBs by their tables, everything else by the profiles that read it.

use std::collections::BTreeMap;

use crate::profile::constant;
use crate::{Oid, ProfileSet};

/// Names of standard and widespread subtrees (MIB::object).
const KNOWN: &[(&str, &str)] = &[
    ("1.0.8802.1.1.2.1.1", "LLDP-MIB::lldpConfiguration"),
    ("1.0.8802.1.1.2.1.2", "LLDP-MIB::lldpStatistics"),
    ("1.0.8802.1.1.2.1.3", "LLDP-MIB::lldpLocalSystemData"),
    ("1.0.8802.1.1.2.1.4", "LLDP-MIB::lldpRemoteSystemsData"),
    ("1.0.8802.1.1.2.1.5", "LLDP-MIB::lldpExtensions"),
    ("1.3.6.1.2.1.1", "SNMPv2-MIB::system"),
    ("1.3.6.1.2.1.1.9.1", "SNMPv2-MIB::sysORTable"),
    ("1.3.6.1.2.1.2.2", "IF-MIB::ifTable"),
    ("1.3.6.1.2.1.3", "RFC1213-MIB::at"),
    ("1.3.6.1.2.1.4", "IP-MIB::ip"),
    ("1.3.6.1.2.1.4.20", "IP-MIB::ipAddrTable"),
    ("1.3.6.1.2.1.4.21", "RFC1213-MIB::ipRouteTable"),
    ("1.3.6.1.2.1.4.22", "IP-MIB::ipNetToMediaTable"),
    ("1.3.6.1.2.1.4.24", "IP-FORWARD-MIB::ipForward"),
    ("1.3.6.1.2.1.4.31", "IP-MIB::ipTrafficStats"),
    ("1.3.6.1.2.1.4.34", "IP-MIB::ipAddressTable"),
    ("1.3.6.1.2.1.4.35", "IP-MIB::ipNetToPhysicalTable"),
    ("1.3.6.1.2.1.5", "IP-MIB::icmp"),
    ("1.3.6.1.2.1.6", "TCP-MIB::tcp"),
    ("1.3.6.1.2.1.7", "UDP-MIB::udp"),
    ("1.3.6.1.2.1.10.7", "EtherLike-MIB::dot3"),
    ("1.3.6.1.2.1.11", "SNMPv2-MIB::snmp"),
    ("1.3.6.1.2.1.14", "OSPF-MIB::ospf"),
    ("1.3.6.1.2.1.15", "BGP4-MIB::bgp"),
    ("1.3.6.1.2.1.16", "RMON-MIB::rmon"),
    ("1.3.6.1.2.1.17.1", "BRIDGE-MIB::dot1dBase"),
    ("1.3.6.1.2.1.17.2", "BRIDGE-MIB::dot1dStp"),
    ("1.3.6.1.2.1.17.4", "BRIDGE-MIB::dot1dTp"),
    ("1.3.6.1.2.1.17.7", "Q-BRIDGE-MIB::qBridgeMIB"),
    ("1.3.6.1.2.1.23", "RIPv2-MIB::rip2"),
    ("1.3.6.1.2.1.25.1", "HOST-RESOURCES-MIB::hrSystem"),
    ("1.3.6.1.2.1.25.2.3", "HOST-RESOURCES-MIB::hrStorageTable"),
    ("1.3.6.1.2.1.25.3.2", "HOST-RESOURCES-MIB::hrDeviceTable"),
    ("1.3.6.1.2.1.25.3.3", "HOST-RESOURCES-MIB::hrProcessorTable"),
    ("1.3.6.1.2.1.25.3.5", "HOST-RESOURCES-MIB::hrPrinterTable"),
    ("1.3.6.1.2.1.25.3.8", "HOST-RESOURCES-MIB::hrFSTable"),
    ("1.3.6.1.2.1.25.4", "HOST-RESOURCES-MIB::hrSWRun"),
    ("1.3.6.1.2.1.25.5", "HOST-RESOURCES-MIB::hrSWRunPerf"),
    ("1.3.6.1.2.1.25.6", "HOST-RESOURCES-MIB::hrSWInstalled"),
    ("1.3.6.1.2.1.26", "MAU-MIB::snmpDot3MauMgt"),
    ("1.3.6.1.2.1.31.1.1", "IF-MIB::ifXTable"),
    ("1.3.6.1.2.1.31.1.2", "IF-MIB::ifStackTable"),
    ("1.3.6.1.2.1.33", "UPS-MIB::upsMIB"),
    ("1.3.6.1.2.1.43", "Printer-MIB::printmib"),
    ("1.3.6.1.2.1.47.1.1", "ENTITY-MIB::entityPhysical"),
    ("1.3.6.1.2.1.47.1.2", "ENTITY-MIB::entityLogical"),
    ("1.3.6.1.2.1.47.1.3", "ENTITY-MIB::entityMapping"),
    ("1.3.6.1.2.1.48", "IPMROUTE-STD-MIB::ipMRoute"),
    ("1.3.6.1.2.1.75", "FCMGMT-MIB (experimental)"),
    ("1.3.6.1.2.1.88", "DISMAN-EVENT-MIB::dismanEvent"),
    ("1.3.6.1.2.1.92", "NOTIFICATION-LOG-MIB::notificationLog"),
    ("1.3.6.1.2.1.99", "ENTITY-SENSOR-MIB::entitySensor"),
    ("1.3.6.1.2.1.105", "POWER-ETHERNET-MIB::powerEthernet"),
    ("1.3.6.1.2.1.131", "ENTITY-STATE-MIB::entityState"),
    ("1.3.6.1.4.1.9.9.23", "CISCO-CDP-MIB"),
    ("1.3.6.1.4.1.9.9.91", "CISCO-ENTITY-SENSOR-MIB"),
    ("1.3.6.1.4.1.2021", "UCD-SNMP-MIB"),
    ("1.3.6.1.4.1.8072", "NET-SNMP-MIB"),
    ("1.3.6.1.6.3.1", "SNMPv2-MIB::snmpMIB"),
    ("1.3.6.1.6.3.10", "SNMP-FRAMEWORK-MIB"),
    ("1.3.6.1.6.3.11", "SNMP-MPD-MIB"),
    ("1.3.6.1.6.3.12", "SNMP-TARGET-MIB"),
    ("1.3.6.1.6.3.13", "SNMP-NOTIFICATION-MIB"),
    ("1.3.6.1.6.3.15", "SNMP-USER-BASED-SM-MIB"),
    ("1.3.6.1.6.3.16", "SNMP-VIEW-BASED-ACM-MIB"),
    ("1.3.6.1.6.3.18", "SNMP-COMMUNITY-MIB"),
];

/// The book of names.
pub(super) struct Names {
    known: BTreeMap<Oid, String>,
}

impl Names {
    /// The standard subtrees, and the tables of all profiles.
    pub(super) fn new(profiles: &ProfileSet) -> Self {
        let mut known: BTreeMap<Oid, String> = KNOWN
            .iter()
            .map(|(oid, name)| (constant(oid), (*name).to_owned()))
            .collect();
        for (oid, name) in profiles.columns() {
            known.entry(oid).or_insert(name);
        }
        Self { known }
    }

    /// What a subtree is called: the longest known prefix of it, else what is known below it.
    pub(super) fn of(&self, oid: &Oid) -> Option<&str> {
        let above = self
            .known
            .range(..=oid)
            .rev()
            .filter(|(known, _)| oid.starts_with(known))
            .max_by_key(|(known, _)| known.len());
        above
            .or_else(|| {
                self.known
                    .range(oid..)
                    .next()
                    .filter(|(k, _)| k.starts_with(oid))
            })
            .map(|(_, name)| name.as_str())
    }
}

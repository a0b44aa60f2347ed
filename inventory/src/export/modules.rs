//! The modules that ship: names, types and labels as existing dashboards know them.

use std::sync::LazyLock;

use super::Shape::{Counter, EnumInfo, EnumStates, Float, Gauge, Mac, Octets, Text};
use super::{Group, Lookup, Metric, Module, Shape, Words};

/// IANAifType, `NUMBER WORD` a line.
static IF_TYPES: Words = LazyLock::new(|| {
    include_str!("if_types.txt")
        .lines()
        .filter_map(|line| {
            let (number, word) = line.split_once(' ')?;
            Some((number.parse().ok()?, word))
        })
        .collect()
});

const fn metric(name: &'static str, oid: &'static str, shape: Shape) -> Metric {
    Metric {
        name,
        oid,
        shape,
        slow: false,
    }
}

const fn metric_slow(name: &'static str, oid: &'static str, shape: Shape) -> Metric {
    Metric {
        name,
        oid,
        shape,
        slow: true,
    }
}

const fn lookup(label: &'static str, oid: &'static str, shape: Shape) -> Lookup {
    Lookup { label, oid, shape }
}

const fn scalars(metrics: &'static [Metric]) -> Group {
    Group {
        index: None,
        drop_index: false,
        lookups: &[],
        metrics,
    }
}

const fn table(
    index: &'static str,
    lookups: &'static [Lookup],
    metrics: &'static [Metric],
) -> Group {
    Group {
        index: Some(index),
        drop_index: false,
        lookups,
        metrics,
    }
}

/// `hrPrinterStatus`.
const PRINTER_STATUS: &[(i64, &str)] = &[
    (1, "other"),
    (2, "unknown"),
    (3, "idle"),
    (4, "printing"),
    (5, "warmup"),
];

/// All modules.
pub static MODULES: &[Module] = &[
    Module {
        name: "if_mib",
        groups: &[
            scalars(&[metric("ifNumber", "1.3.6.1.2.1.2.1", Gauge)]),
            table(
                "ifIndex",
                &[
                    lookup("ifAlias", "1.3.6.1.2.1.31.1.1.1.18", Text),
                    lookup("ifDescr", "1.3.6.1.2.1.2.2.1.2", Text),
                    lookup("ifName", "1.3.6.1.2.1.31.1.1.1.1", Text),
                ],
                &[
                    metric("ifIndex", "1.3.6.1.2.1.2.2.1.1", Gauge),
                    metric_slow("ifType", "1.3.6.1.2.1.2.2.1.3", EnumInfo(&IF_TYPES)),
                    metric_slow("ifMtu", "1.3.6.1.2.1.2.2.1.4", Gauge),
                    metric("ifSpeed", "1.3.6.1.2.1.2.2.1.5", Gauge),
                    metric_slow("ifPhysAddress", "1.3.6.1.2.1.2.2.1.6", Mac),
                    metric("ifAdminStatus", "1.3.6.1.2.1.2.2.1.7", Gauge),
                    metric("ifOperStatus", "1.3.6.1.2.1.2.2.1.8", Gauge),
                    metric("ifLastChange", "1.3.6.1.2.1.2.2.1.9", Gauge),
                    metric("ifInOctets", "1.3.6.1.2.1.2.2.1.10", Counter),
                    metric("ifInUcastPkts", "1.3.6.1.2.1.2.2.1.11", Counter),
                    metric("ifInNUcastPkts", "1.3.6.1.2.1.2.2.1.12", Counter),
                    metric("ifInDiscards", "1.3.6.1.2.1.2.2.1.13", Counter),
                    metric("ifInErrors", "1.3.6.1.2.1.2.2.1.14", Counter),
                    metric("ifInUnknownProtos", "1.3.6.1.2.1.2.2.1.15", Counter),
                    metric("ifOutOctets", "1.3.6.1.2.1.2.2.1.16", Counter),
                    metric("ifOutUcastPkts", "1.3.6.1.2.1.2.2.1.17", Counter),
                    metric("ifOutNUcastPkts", "1.3.6.1.2.1.2.2.1.18", Counter),
                    metric("ifOutDiscards", "1.3.6.1.2.1.2.2.1.19", Counter),
                    metric("ifOutErrors", "1.3.6.1.2.1.2.2.1.20", Counter),
                    metric("ifOutQLen", "1.3.6.1.2.1.2.2.1.21", Gauge),
                    metric_slow("ifSpecific", "1.3.6.1.2.1.2.2.1.22", Octets),
                    metric("ifInMulticastPkts", "1.3.6.1.2.1.31.1.1.1.2", Counter),
                    metric("ifInBroadcastPkts", "1.3.6.1.2.1.31.1.1.1.3", Counter),
                    metric("ifOutMulticastPkts", "1.3.6.1.2.1.31.1.1.1.4", Counter),
                    metric("ifOutBroadcastPkts", "1.3.6.1.2.1.31.1.1.1.5", Counter),
                    metric("ifHCInOctets", "1.3.6.1.2.1.31.1.1.1.6", Counter),
                    metric("ifHCInUcastPkts", "1.3.6.1.2.1.31.1.1.1.7", Counter),
                    metric("ifHCInMulticastPkts", "1.3.6.1.2.1.31.1.1.1.8", Counter),
                    metric("ifHCInBroadcastPkts", "1.3.6.1.2.1.31.1.1.1.9", Counter),
                    metric("ifHCOutOctets", "1.3.6.1.2.1.31.1.1.1.10", Counter),
                    metric("ifHCOutUcastPkts", "1.3.6.1.2.1.31.1.1.1.11", Counter),
                    metric("ifHCOutMulticastPkts", "1.3.6.1.2.1.31.1.1.1.12", Counter),
                    metric("ifHCOutBroadcastPkts", "1.3.6.1.2.1.31.1.1.1.13", Counter),
                    metric_slow("ifLinkUpDownTrapEnable", "1.3.6.1.2.1.31.1.1.1.14", Gauge),
                    metric("ifHighSpeed", "1.3.6.1.2.1.31.1.1.1.15", Gauge),
                    metric_slow("ifPromiscuousMode", "1.3.6.1.2.1.31.1.1.1.16", Gauge),
                    metric_slow("ifConnectorPresent", "1.3.6.1.2.1.31.1.1.1.17", Gauge),
                    metric(
                        "ifCounterDiscontinuityTime",
                        "1.3.6.1.2.1.31.1.1.1.19",
                        Gauge,
                    ),
                ],
            ),
        ],
    },
    Module {
        name: "system",
        groups: &[
            scalars(&[
                metric("sysDescr", "1.3.6.1.2.1.1.1", Text),
                metric("sysObjectID", "1.3.6.1.2.1.1.2", Octets),
                metric("sysUpTime", "1.3.6.1.2.1.1.3", Gauge),
                metric("sysContact", "1.3.6.1.2.1.1.4", Text),
                metric("sysName", "1.3.6.1.2.1.1.5", Text),
                metric("sysLocation", "1.3.6.1.2.1.1.6", Text),
                metric("sysServices", "1.3.6.1.2.1.1.7", Gauge),
                metric("sysORLastChange", "1.3.6.1.2.1.1.8", Gauge),
            ]),
            table(
                "sysORIndex",
                &[lookup("sysORDescr", "1.3.6.1.2.1.1.9.1.3", Text)],
                &[
                    metric("sysORID", "1.3.6.1.2.1.1.9.1.2", Octets),
                    metric("sysORDescr", "1.3.6.1.2.1.1.9.1.3", Text),
                    metric("sysORUpTime", "1.3.6.1.2.1.1.9.1.4", Gauge),
                ],
            ),
        ],
    },
    Module {
        name: "hrStorage",
        groups: &[
            scalars(&[metric("hrMemorySize", "1.3.6.1.2.1.25.2.2", Gauge)]),
            table(
                "hrStorageIndex",
                &[
                    lookup("hrStorageDescr", "1.3.6.1.2.1.25.2.3.1.3", Text),
                    lookup("hrStorageType", "1.3.6.1.2.1.25.2.3.1.2", Octets),
                ],
                &[
                    metric("hrStorageAllocationUnits", "1.3.6.1.2.1.25.2.3.1.4", Gauge),
                    metric("hrStorageSize", "1.3.6.1.2.1.25.2.3.1.5", Gauge),
                    metric("hrStorageUsed", "1.3.6.1.2.1.25.2.3.1.6", Gauge),
                    metric(
                        "hrStorageAllocationFailures",
                        "1.3.6.1.2.1.25.2.3.1.7",
                        Counter,
                    ),
                ],
            ),
        ],
    },
    Module {
        name: "hrDevice",
        groups: &[
            table(
                "hrDeviceIndex",
                &[
                    lookup("hrDeviceDescr", "1.3.6.1.2.1.25.3.2.1.3", Text),
                    lookup("hrDeviceType", "1.3.6.1.2.1.25.3.2.1.2", Octets),
                ],
                &[
                    metric("hrDeviceID", "1.3.6.1.2.1.25.3.2.1.4", Octets),
                    metric("hrDeviceStatus", "1.3.6.1.2.1.25.3.2.1.5", Gauge),
                    metric("hrDeviceErrors", "1.3.6.1.2.1.25.3.2.1.6", Counter),
                    metric("hrProcessorLoad", "1.3.6.1.2.1.25.3.3.1.2", Gauge),
                    metric("hrNetworkIfIndex", "1.3.6.1.2.1.25.3.4.1.1", Gauge),
                    metric(
                        "hrPrinterStatus",
                        "1.3.6.1.2.1.25.3.5.1.1",
                        EnumStates(PRINTER_STATUS),
                    ),
                    metric("hrDiskStorageAccess", "1.3.6.1.2.1.25.3.6.1.1", Gauge),
                    metric("hrDiskStorageMedia", "1.3.6.1.2.1.25.3.6.1.2", Gauge),
                    metric("hrDiskStorageRemoveble", "1.3.6.1.2.1.25.3.6.1.3", Gauge),
                    metric("hrDiskStorageCapacity", "1.3.6.1.2.1.25.3.6.1.4", Gauge),
                ],
            ),
            table(
                "hrFSIndex",
                &[],
                &[
                    metric("hrFSIndex", "1.3.6.1.2.1.25.3.8.1.1", Gauge),
                    metric("hrFSType", "1.3.6.1.2.1.25.3.8.1.4", Octets),
                    metric("hrFSAccess", "1.3.6.1.2.1.25.3.8.1.5", Gauge),
                    metric("hrFSBootable", "1.3.6.1.2.1.25.3.8.1.6", Gauge),
                    metric("hrFSStorageIndex", "1.3.6.1.2.1.25.3.8.1.7", Gauge),
                ],
            ),
        ],
    },
    Module {
        name: "ucd_la_table",
        groups: &[Group {
            index: Some("laIndex"),
            drop_index: true,
            lookups: &[lookup("laNames", "1.3.6.1.4.1.2021.10.1.2", Text)],
            metrics: &[
                metric("laNames", "1.3.6.1.4.1.2021.10.1.2", Text),
                metric("laLoadInt", "1.3.6.1.4.1.2021.10.1.5", Gauge),
                metric("laLoadFloat", "1.3.6.1.4.1.2021.10.1.6", Float),
            ],
        }],
    },
    Module {
        name: "ucd_memory",
        groups: &[scalars(&[
            metric("memIndex", "1.3.6.1.4.1.2021.4.1", Gauge),
            metric("memErrorName", "1.3.6.1.4.1.2021.4.2", Text),
            metric("memTotalSwap", "1.3.6.1.4.1.2021.4.3", Gauge),
            metric("memAvailSwap", "1.3.6.1.4.1.2021.4.4", Gauge),
            metric("memTotalReal", "1.3.6.1.4.1.2021.4.5", Gauge),
            metric("memAvailReal", "1.3.6.1.4.1.2021.4.6", Gauge),
            metric("memTotalSwapTXT", "1.3.6.1.4.1.2021.4.7", Gauge),
            metric("memAvailSwapTXT", "1.3.6.1.4.1.2021.4.8", Gauge),
            metric("memTotalRealTXT", "1.3.6.1.4.1.2021.4.9", Gauge),
            metric("memAvailRealTXT", "1.3.6.1.4.1.2021.4.10", Gauge),
            metric("memTotalFree", "1.3.6.1.4.1.2021.4.11", Gauge),
            metric("memMinimumSwap", "1.3.6.1.4.1.2021.4.12", Gauge),
            metric("memShared", "1.3.6.1.4.1.2021.4.13", Gauge),
            metric("memBuffer", "1.3.6.1.4.1.2021.4.14", Gauge),
            metric("memCached", "1.3.6.1.4.1.2021.4.15", Gauge),
            metric("memUsedSwapTXT", "1.3.6.1.4.1.2021.4.16", Gauge),
            metric("memUsedRealTXT", "1.3.6.1.4.1.2021.4.17", Gauge),
            metric("memTotalSwapX", "1.3.6.1.4.1.2021.4.18", Counter),
            metric("memAvailSwapX", "1.3.6.1.4.1.2021.4.19", Counter),
            metric("memTotalRealX", "1.3.6.1.4.1.2021.4.20", Counter),
            metric("memAvailRealX", "1.3.6.1.4.1.2021.4.21", Counter),
            metric("memTotalFreeX", "1.3.6.1.4.1.2021.4.22", Counter),
            metric("memMinimumSwapX", "1.3.6.1.4.1.2021.4.23", Counter),
            metric("memSharedX", "1.3.6.1.4.1.2021.4.24", Counter),
            metric("memBufferX", "1.3.6.1.4.1.2021.4.25", Counter),
            metric("memCachedX", "1.3.6.1.4.1.2021.4.26", Counter),
            metric("memSysAvail", "1.3.6.1.4.1.2021.4.27", Counter),
            metric("memSwapError", "1.3.6.1.4.1.2021.4.100", Gauge),
            metric("memSwapErrorMsg", "1.3.6.1.4.1.2021.4.101", Text),
        ])],
    },
    Module {
        name: "ucd_system_stats",
        groups: &[scalars(&[
            metric("ssIndex", "1.3.6.1.4.1.2021.11.1", Gauge),
            metric("ssErrorName", "1.3.6.1.4.1.2021.11.2", Text),
            metric("ssSwapIn", "1.3.6.1.4.1.2021.11.3", Gauge),
            metric("ssSwapOut", "1.3.6.1.4.1.2021.11.4", Gauge),
            metric("ssIOSent", "1.3.6.1.4.1.2021.11.5", Gauge),
            metric("ssIOReceive", "1.3.6.1.4.1.2021.11.6", Gauge),
            metric("ssSysInterrupts", "1.3.6.1.4.1.2021.11.7", Gauge),
            metric("ssSysContext", "1.3.6.1.4.1.2021.11.8", Gauge),
            metric("ssCpuUser", "1.3.6.1.4.1.2021.11.9", Gauge),
            metric("ssCpuSystem", "1.3.6.1.4.1.2021.11.10", Gauge),
            metric("ssCpuIdle", "1.3.6.1.4.1.2021.11.11", Gauge),
            metric("ssCpuRawUser", "1.3.6.1.4.1.2021.11.50", Counter),
            metric("ssCpuRawNice", "1.3.6.1.4.1.2021.11.51", Counter),
            metric("ssCpuRawSystem", "1.3.6.1.4.1.2021.11.52", Counter),
            metric("ssCpuRawIdle", "1.3.6.1.4.1.2021.11.53", Counter),
            metric("ssCpuRawWait", "1.3.6.1.4.1.2021.11.54", Counter),
            metric("ssCpuRawKernel", "1.3.6.1.4.1.2021.11.55", Counter),
            metric("ssCpuRawInterrupt", "1.3.6.1.4.1.2021.11.56", Counter),
            metric("ssIORawSent", "1.3.6.1.4.1.2021.11.57", Counter),
            metric("ssIORawReceived", "1.3.6.1.4.1.2021.11.58", Counter),
            metric("ssRawInterrupts", "1.3.6.1.4.1.2021.11.59", Counter),
            metric("ssRawContexts", "1.3.6.1.4.1.2021.11.60", Counter),
            metric("ssCpuRawSoftIRQ", "1.3.6.1.4.1.2021.11.61", Counter),
            metric("ssRawSwapIn", "1.3.6.1.4.1.2021.11.62", Counter),
            metric("ssRawSwapOut", "1.3.6.1.4.1.2021.11.63", Counter),
            metric("ssCpuRawSteal", "1.3.6.1.4.1.2021.11.64", Counter),
            metric("ssCpuRawGuest", "1.3.6.1.4.1.2021.11.65", Counter),
            metric("ssCpuRawGuestNice", "1.3.6.1.4.1.2021.11.66", Counter),
            metric("ssCpuNumCpus", "1.3.6.1.4.1.2021.11.67", Gauge),
        ])],
    },
];

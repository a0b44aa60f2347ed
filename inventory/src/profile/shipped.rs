//! The files that ship with the program.

/// Names and texts of the shipped profiles.
pub(super) const FILES: &[(&str, &str)] = &[
    ("3par.yaml", include_str!("../../profiles/3par.yaml")),
    ("akcp.yaml", include_str!("../../profiles/akcp.yaml")),
    (
        "apc-cooling.yaml",
        include_str!("../../profiles/apc-cooling.yaml"),
    ),
    ("apc-pdu.yaml", include_str!("../../profiles/apc-pdu.yaml")),
    ("apc-ups.yaml", include_str!("../../profiles/apc-ups.yaml")),
    ("brocade.yaml", include_str!("../../profiles/brocade.yaml")),
    (
        "cisco-common.yaml",
        include_str!("../../profiles/cisco-common.yaml"),
    ),
    (
        "cisco-firewall.yaml",
        include_str!("../../profiles/cisco-firewall.yaml"),
    ),
    (
        "cisco-fxos.yaml",
        include_str!("../../profiles/cisco-fxos.yaml"),
    ),
    (
        "cisco-ios.yaml",
        include_str!("../../profiles/cisco-ios.yaml"),
    ),
    (
        "cisco-iosxr.yaml",
        include_str!("../../profiles/cisco-iosxr.yaml"),
    ),
    (
        "cisco-isr.yaml",
        include_str!("../../profiles/cisco-isr.yaml"),
    ),
    (
        "cisco-nxos.yaml",
        include_str!("../../profiles/cisco-nxos.yaml"),
    ),
    ("comware.yaml", include_str!("../../profiles/comware.yaml")),
    (
        "dell-idrac.yaml",
        include_str!("../../profiles/dell-idrac.yaml"),
    ),
    (
        "delta-ups.yaml",
        include_str!("../../profiles/delta-ups.yaml"),
    ),
    (
        "eaton-mgeups.yaml",
        include_str!("../../profiles/eaton-mgeups.yaml"),
    ),
    (
        "eaton-ups.yaml",
        include_str!("../../profiles/eaton-ups.yaml"),
    ),
    ("esxi.yaml", include_str!("../../profiles/esxi.yaml")),
    (
        "fortigate.yaml",
        include_str!("../../profiles/fortigate.yaml"),
    ),
    ("generic.yaml", include_str!("../../profiles/generic.yaml")),
    ("hpe-ilo.yaml", include_str!("../../profiles/hpe-ilo.yaml")),
    ("hpe-pdu.yaml", include_str!("../../profiles/hpe-pdu.yaml")),
    (
        "hpe-synergy.yaml",
        include_str!("../../profiles/hpe-synergy.yaml"),
    ),
    ("hpe-ups.yaml", include_str!("../../profiles/hpe-ups.yaml")),
    (
        "huawei-ibmc.yaml",
        include_str!("../../profiles/huawei-ibmc.yaml"),
    ),
    (
        "huawei-ups.yaml",
        include_str!("../../profiles/huawei-ups.yaml"),
    ),
    (
        "huawei-vrp.yaml",
        include_str!("../../profiles/huawei-vrp.yaml"),
    ),
    ("juniper.yaml", include_str!("../../profiles/juniper.yaml")),
    (
        "lenovo-xclarity.yaml",
        include_str!("../../profiles/lenovo-xclarity.yaml"),
    ),
    ("liebert.yaml", include_str!("../../profiles/liebert.yaml")),
    ("linux.yaml", include_str!("../../profiles/linux.yaml")),
    (
        "mikrotik.yaml",
        include_str!("../../profiles/mikrotik.yaml"),
    ),
    (
        "net-snmp.yaml",
        include_str!("../../profiles/net-snmp.yaml"),
    ),
    ("netbotz.yaml", include_str!("../../profiles/netbotz.yaml")),
    ("nimble.yaml", include_str!("../../profiles/nimble.yaml")),
    (
        "paloalto.yaml",
        include_str!("../../profiles/paloalto.yaml"),
    ),
    ("poe.yaml", include_str!("../../profiles/poe.yaml")),
    (
        "powervault.yaml",
        include_str!("../../profiles/powervault.yaml"),
    ),
    ("qnap.yaml", include_str!("../../profiles/qnap.yaml")),
    (
        "raritan-pdu.yaml",
        include_str!("../../profiles/raritan-pdu.yaml"),
    ),
    (
        "rittal-lcp.yaml",
        include_str!("../../profiles/rittal-lcp.yaml"),
    ),
    (
        "servertech-pdu.yaml",
        include_str!("../../profiles/servertech-pdu.yaml"),
    ),
    ("sophos.yaml", include_str!("../../profiles/sophos.yaml")),
    (
        "storeonce.yaml",
        include_str!("../../profiles/storeonce.yaml"),
    ),
    ("stulz.yaml", include_str!("../../profiles/stulz.yaml")),
    (
        "supermicro.yaml",
        include_str!("../../profiles/supermicro.yaml"),
    ),
    (
        "synology.yaml",
        include_str!("../../profiles/synology.yaml"),
    ),
    ("ups-mib.yaml", include_str!("../../profiles/ups-mib.yaml")),
    ("vcenter.yaml", include_str!("../../profiles/vcenter.yaml")),
    (
        "windows-client.yaml",
        include_str!("../../profiles/windows-client.yaml"),
    ),
    ("windows.yaml", include_str!("../../profiles/windows.yaml")),
    ("zte-olt.yaml", include_str!("../../profiles/zte-olt.yaml")),
    (
        "zte-switch.yaml",
        include_str!("../../profiles/zte-switch.yaml"),
    ),
];

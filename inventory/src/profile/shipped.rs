//! The files that ship with the program.

/// Names and texts of the shipped profiles.
pub(super) const FILES: &[(&str, &str)] = &[
    ("3par.yaml", include_str!("../../profiles/3par.yaml")),
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
        "cisco-ios.yaml",
        include_str!("../../profiles/cisco-ios.yaml"),
    ),
    (
        "cisco-isr.yaml",
        include_str!("../../profiles/cisco-isr.yaml"),
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
    ("generic.yaml", include_str!("../../profiles/generic.yaml")),
    ("hpe-ilo.yaml", include_str!("../../profiles/hpe-ilo.yaml")),
    ("hpe-pdu.yaml", include_str!("../../profiles/hpe-pdu.yaml")),
    (
        "hpe-synergy.yaml",
        include_str!("../../profiles/hpe-synergy.yaml"),
    ),
    ("hpe-ups.yaml", include_str!("../../profiles/hpe-ups.yaml")),
    (
        "huawei-ups.yaml",
        include_str!("../../profiles/huawei-ups.yaml"),
    ),
    ("liebert.yaml", include_str!("../../profiles/liebert.yaml")),
    ("linux.yaml", include_str!("../../profiles/linux.yaml")),
    (
        "raritan-pdu.yaml",
        include_str!("../../profiles/raritan-pdu.yaml"),
    ),
    (
        "servertech-pdu.yaml",
        include_str!("../../profiles/servertech-pdu.yaml"),
    ),
    (
        "storeonce.yaml",
        include_str!("../../profiles/storeonce.yaml"),
    ),
    ("ups-mib.yaml", include_str!("../../profiles/ups-mib.yaml")),
];

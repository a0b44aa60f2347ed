//! Profile files: the shipped ones, and those that must be refused.

use nhipcau_inventory::{ProfileError, ProfileSet};

use crate::agent::oid;

fn refuse(text: &str) -> ProfileError {
    ProfileSet::parse([("bad.yaml", text)])
        .expect_err("the file must be refused")
        .remove(0)
}

#[test]
fn shipped_families_are_recognised() {
    let set = ProfileSet::shipped();
    let ios = "Cisco IOS Software, Catalyst 4500 L3 Switch Software (cat4500-IPBASEK9-M), Version 15.0(2)SG11";
    let isr =
        "Cisco IOS Software [Fuji], ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 16.9.6";
    let ftd = "Cisco Firepower Threat Defense, Version 6.6.5 (Build 81), ASA Version 9.14(3)15";
    for (object_id, descr, family) in [
        ("1.3.6.1.4.1.9.1.503", ios, "cisco-ios"),
        ("1.3.6.1.4.1.9.1.1935", isr, "cisco-isr"),
        ("1.3.6.1.4.1.9.1.2405", ftd, "cisco-firewall"),
        ("1.3.6.1.4.1.9.12.3.1.3.1", "Cisco NX-OS", "cisco-nxos"),
        (
            "1.3.6.1.4.1.9.1.1639",
            "Cisco IOS XR Software (Cisco ASR9K Series),  Version 6.6.3",
            "cisco-iosxr",
        ),
        ("1.3.6.1.4.1.9.1.2494", "Cisco FX-OS", "cisco-fxos"),
        ("1.3.6.1.4.1.9.1.9999", "something new", "cisco-common"),
        (
            "1.3.6.1.4.1.2011.2.23.291",
            "S5720-56C-PWR-EI-AC Huawei Versatile Routing Platform Software",
            "huawei-vrp",
        ),
        (
            "1.3.6.1.4.1.25506.11.1.120",
            "HPE Comware Platform Software",
            "comware",
        ),
        (
            "1.3.6.1.4.1.2636.1.1.1.2.34",
            "Juniper Networks, Inc. srx3600",
            "juniper-junos",
        ),
        ("1.3.6.1.4.1.14988.1", "RouterOS RB5009UPr+S+", "mikrotik"),
        ("1.3.6.1.4.1.12356.101.1.15000", "a firewall", "fortigate"),
        (
            "1.3.6.1.4.1.25461.2.3.54",
            "Palo Alto Networks PA-400 series firewall",
            "paloalto",
        ),
        (
            "1.3.6.1.4.1.3902.3.600.3.1.801",
            "ZTE 5950-36TM Software",
            "zte-zxr10",
        ),
        (
            "1.3.6.1.4.1.3902.1082.1001.320.2.1",
            "C320 Version V2.1.0 Software",
            "zte-zxa10",
        ),
        (
            "1.3.6.1.4.1.11.5.7.1.2",
            "HPE Synergy Frame Link Module 2.07.00",
            "hpe-synergy-frame",
        ),
        (
            "1.3.6.1.4.1.232.9.4.11",
            "Integrated Lights-Out 5 2.72",
            "hpe-ilo",
        ),
        ("1.3.6.1.4.1.232.165.11", "Outlet Metered", "hpe-pdu"),
        (
            "1.3.6.1.4.1.1588.2.1.1.1",
            "Fibre Channel Switch.",
            "brocade-fos",
        ),
        ("1.3.6.1.4.1.12925.1", "HP_3PAR 8400", "hpe-3par"),
        (
            "1.3.6.1.4.1.8072.3.2.10",
            "HPE StoreOnce 3520, software 4.2.3, Linux 3.10.0",
            "hpe-storeonce",
        ),
        ("1.3.6.1.4.1.8072.3.2.10", "Linux host 6.1.0", "linux"),
        ("1.3.6.1.4.1.6876.4.1", "VMware ESXi 7.0.3", "vmware-esxi"),
        (
            "1.3.6.1.4.1.318.1.3.27",
            "APC Web/SNMP Management Card",
            "apc-ups",
        ),
        (
            "1.3.6.1.4.1.318.1.3.4.6",
            "APC Web/SNMP Management Card",
            "apc-pdu",
        ),
        ("1.3.6.1.4.1.318.1.3.14.13", "APC InRow RC", "apc-cooling"),
        ("1.3.6.1.4.1.476.1.42", "Liebert", "liebert"),
        ("1.3.6.1.4.1.534.1", "Eaton", "eaton-ups"),
        ("1.3.6.1.4.1.705.1", "Eaton 9PX", "eaton-mgeups"),
        ("1.3.6.1.4.1.2254.2.4", "Delta", "delta-ups"),
        (
            "1.3.6.1.4.1.2011.6.174.4.1.2.4",
            "SNMP Card for HUAWEI UPS2000",
            "huawei-ups",
        ),
        ("1.3.6.1.4.1.232.165.3", "HP UPS", "hpe-ups"),
        ("1.3.6.1.2.1.33.2.3", "UPS", "ups-mib"),
        ("1.3.6.1.4.1.13742.6", "PX3-5190R", "raritan-pdu"),
        ("1.3.6.1.4.1.674.10892.5", "", "dell-idrac"),
        ("1.3.6.1.4.1.674", "DELL EMC ME4024", "powervault"),
        ("1.3.6.1.4.1.11.2.51", "HPE MSA 2060", "powervault"),
        (
            "1.3.6.1.4.1.2011.2.235",
            "Hardware management system",
            "huawei-ibmc",
        ),
        ("1.3.6.1.4.1.24681", "Linux nas 4.2.2", "qnap"),
        ("1.3.6.1.4.1.37447.3.1", "Nimble Storage", "hpe-nimble"),
        (
            "1.3.6.1.4.1.6876.4.7",
            "VMware vCenter Server Appliance",
            "vmware-vcenter",
        ),
        ("1.3.6.1.4.1.19046.11.1", "", "lenovo-xclarity"),
        ("1.3.6.1.4.1.2606.7", "Rittal LCP", "rittal-cmc"),
        ("1.3.6.1.4.1.29462.10", "WIB 8000", "stulz-wib"),
        ("1.3.6.1.4.1.3854.1", "SensorProbe", "akcp-sensorprobe"),
        ("1.3.6.1.4.1.52674.500", "NetBotz 750", "apc-netbotz"),
        ("1.3.6.1.4.1.311.1.1.3.1.2", "Windows", "windows-server"),
        ("1.3.6.1.4.1.311.1.1.3.1.1", "Windows", "windows-client"),
        ("1.3.6.1.4.1.1718.4", "Sentry", "servertech-pdu"),
    ] {
        assert_eq!(
            set.family(&oid(object_id), descr, &[]),
            (family, false),
            "{object_id}"
        );
    }
    assert_eq!(
        set.family(&oid("1.3.6.1.4.1.99999.1"), "a toaster", &[]),
        ("generic", true)
    );
}

#[test]
fn mistakes_are_named_with_their_place() {
    let cases = [
        ("profile: x\nvendr: y\n", 2, "unknown field `vendr`"),
        (
            "profile: x\nmatch:\n  - object_id: [1.3.6.1.4.1.x]\n",
            3,
            "bad OID",
        ),
        (
            "profile: x\nmatch:\n  - descr: '(unclosed'\n",
            3,
            "bad regex",
        ),
        ("profile: x\nprofile: y\n", 1, "duplicate"),
        ("profile: x\nkind: toaster\n", 2, "unknown variant"),
        ("profile: x y\n", 1, "name of letters"),
        ("profile: x\nmatch: [{}]\n", 2, "object_id"),
        ("profile: x\nextends: [nobody]\n", 2, "nobody"),
        (
            "profile: x\nstates:\n  s:\n    1: purple haze\n",
            4,
            "purple haze",
        ),
        (
            "profile: x\nstates:\n  s:\n    1: ok well\n    1: ok fine\n",
            0,
            "comes twice",
        ),
        (
            "profile: x\ntables:\n  - name: t\n    columns: {a: 1.3.6.1.2}\n    sensors:\n      - {name: n, class: fan, value: b}\n",
            6,
            "no column `b`",
        ),
        (
            "profile: x\ntables:\n  - name: t\n    columns: {a: 1.3.6.1.2}\n    sensors:\n      - {name: 'n{a', class: fan, value: a}\n",
            6,
            "without its",
        ),
        (
            "profile: x\ntables:\n  - name: t\n    columns: {a: 1.3.6.1.2}\n    sensors:\n      - {name: n, class: fan, state: a, states: s}\n",
            6,
            "no states `s`",
        ),
        (
            "profile: x\ntables:\n  - name: t\n    columns: {a: 1.3}\n",
            4,
            "half the world",
        ),
        (
            "profile: x\ntables:\n  - name: t\n    instead_of: [u]\n    columns: {a: 1.3.6.1.2}\n",
            4,
            "no other table `u`",
        ),
        ("profile: x\nvendor: &a [b]\nkind: *a\n", 2, "anchors"),
    ];
    for (text, line, message) in cases {
        let error = refuse(text);
        assert_eq!(error.file, "bad.yaml");
        assert!(error.message.contains(message), "{text}: {error}");
        assert!(line == 0 || error.line == line, "{text}: {error}");
    }
}

#[test]
fn bombs_are_refused_before_they_grow() {
    assert!(
        refuse(&format!("profile: x\nvendor: {}", "y".repeat(300_000)))
            .message
            .contains("larger than")
    );
    assert!(
        ProfileSet::parse([(
            "deep.yaml",
            format!("profile: x\nmatch: {}", "[".repeat(5_000))
        )])
        .is_err()
    );
    let huge = format!("profile: x\nmatch:\n  - descr: '{}'\n", "(a{1000}){1000}");
    assert!(refuse(&huge).message.contains("bad regex"));
    let wide: Vec<String> = (1..=30).map(|n| format!("c{n}: 1.3.6.1.4.1.{n}")).collect();
    let wide = format!(
        "profile: x\ntables:\n  - name: t\n    columns: {{{}}}\n",
        wide.join(", ")
    );
    assert!(refuse(&wide).message.contains("columns"));
}

#[test]
fn an_operators_file_replaces_a_shipped_one_of_the_same_name() {
    let own = "profile: linux\nkind: backup\nmatch:\n  - object_id: [1.3.6.1.4.1.77777]\n";
    let set = ProfileSet::parse(ProfileSet::shipped_files().chain([("own.yaml", own)])).unwrap();
    assert_eq!(
        set.family(&oid("1.3.6.1.4.1.77777.1"), "", &[]),
        ("linux", false)
    );
    assert_eq!(set.names().filter(|n| *n == "linux").count(), 1);
}

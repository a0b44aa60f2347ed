//! Families of which no recording shows everything: simulated agents by the vendors' public MIBs, read by the shipped profiles.

use std::sync::Arc;

use nhipcau_inventory::recording::Recording;
use nhipcau_inventory::{Collection, Health, ProfileSet, StorageKind};

#[allow(clippy::disallowed_methods)] // A simulation needs one moment to count from; nothing depends on which.
fn read(agent: &str) -> Arc<Collection> {
    let recording = Recording::parse(agent);
    assert_eq!(recording.mistakes, []);
    let collection = recording
        .read(
            &Arc::new(ProfileSet::shipped()),
            None,
            std::time::Instant::now(),
        )
        .expect("a poll");
    assert_eq!(collection.unreachable, None);
    assert_eq!(collection.errors, []);
    collection
}

fn family(collection: &Collection) -> &str {
    collection
        .recognised
        .as_ref()
        .map_or("none", |r| &*r.profile)
}

/// Name, value in its unit and the word of the state of each sensor whose name begins so.
fn sensors(collection: &Collection, beginning: &str) -> Vec<(String, Option<f64>, String)> {
    collection
        .sensors
        .iter()
        .filter(|s| s.name.starts_with(beginning))
        .map(|s| {
            (
                format!("{} [{} {}]", s.name, s.class, s.unit),
                s.value.map(|v| (v * 1_000.0).round() / 1_000.0),
                s.state.as_deref().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

fn sensor(name: &str, value: Option<f64>, state: &str) -> (String, Option<f64>, String) {
    (name.to_owned(), value, state.to_owned())
}

const SYSTEM: &str = "1.3.6.1.2.1.1.3.0|67|86400000\n1.3.6.1.2.1.1.5.0|4|device\n";

#[test]
fn a_sophos_cluster_tells_its_faulty_half_and_the_tunnel_that_limps() {
    let firewall = read(include_str!("../../lab/agents/sophos-xgs.walk"));
    assert_eq!(family(&firewall), "sophos-sfos");
    let identity = &firewall.identity;
    assert_eq!(
        (&*identity.model, &*identity.serial, &*identity.version),
        ("XGS2100", "X21000000000001", "SFOS 20.0.2 MR-2-Build378")
    );
    let memory = firewall
        .storage
        .iter()
        .find(|s| &*s.name == "Memory")
        .unwrap();
    assert_eq!(
        (memory.kind, memory.size_bytes, memory.percent().round()),
        (StorageKind::Memory, 7_936 << 20, 63.0)
    );
    assert_eq!(firewall.processors[0].load_percent, 17.0);
    assert_eq!(
        sensors(&firewall, "Other unit"),
        [sensor("Other unit [state ]", None, "faulty")]
    );
    let tunnels: Vec<_> = firewall
        .components
        .iter()
        .filter(|c| &*c.class == "tunnel")
        .map(|c| (&*c.name, c.health))
        .collect();
    assert_eq!(
        tunnels,
        [
            ("Tunnel to-son-tinh", Health::Ok),
            ("Tunnel to-tra-bong", Health::Degraded)
        ],
        "the one that nobody activated is not missed"
    );
}

#[test]
fn a_cisco_router_tells_what_its_probes_found() {
    let router = read(&format!(
        "1.3.6.1.2.1.1.1.0|4|Cisco IOS Software [Cupertino], ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 17.9.4a, RELEASE\n\
         1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.1935\n{SYSTEM}\
         1.3.6.1.4.1.9.9.42.1.2.1.1.3.10|4|to Ly Son\n1.3.6.1.4.1.9.9.42.1.2.10.1.1.10|66|42\n1.3.6.1.4.1.9.9.42.1.2.10.1.2.10|2|1\n\
         1.3.6.1.4.1.9.9.42.1.2.1.1.3.11|4|to Ba To\n1.3.6.1.4.1.9.9.42.1.2.10.1.1.11|66|0\n1.3.6.1.4.1.9.9.42.1.2.10.1.2.11|2|4\n\
         1.3.6.1.4.1.9.9.42.1.5.2.1.26.10|66|3\n1.3.6.1.4.1.9.9.42.1.5.2.1.42.10|66|406\n1.3.6.1.4.1.9.9.42.1.5.2.1.46.10|66|7\n\
         1.3.6.1.4.1.9.9.176.1.1.2.0|2|14\n1.3.6.1.4.1.9.9.176.1.1.4.0|2|9\n\
         1.3.6.1.4.1.9.2.1.58.0|2|12\n"
    ));
    assert_eq!(family(&router), "cisco-isr");
    assert_eq!(
        &*router.identity.version,
        "X86_64_LINUX_IOSD-UNIVERSALK9-M 17.9.4a"
    );
    assert_eq!(
        sensors(&router, "Probe"),
        [
            sensor("Probe 10 to Ly Son [latency ms]", Some(42.0), "ok"),
            sensor("Probe 11 to Ba To [latency ms]", Some(0.0), "timed out"),
            sensor("Probe 10 to Ly Son jitter [jitter ms]", Some(7.0), ""),
            sensor(
                "Probe 10 to Ly Son packets lost there [count ]",
                Some(3.0),
                ""
            ),
            sensor("Probe 10 to Ly Son opinion score [count ]", Some(4.06), ""),
        ]
    );
    let dead = router.sensors.iter().find(|s| s.name.contains("Ba To"));
    assert_eq!(dead.unwrap().state_health, Health::Critical);
    assert_eq!(
        (
            &*router.processors[0].name,
            router.processors[0].load_percent
        ),
        ("CPU", 12.0),
        "the elder object counts where there is no other"
    );
}

#[test]
fn a_huawei_router_tells_fans_supplies_and_both_spellings_of_light() {
    let optic = |n: u32, receive: &str| {
        let base = "1.3.6.1.4.1.2011.5.25.31.1.1.3.1";
        format!(
            "{base}.5.{n}|2|40\n{base}.6.{n}|2|3300\n{base}.7.{n}|2|6000\n{base}.8.{n}|2|{receive}\n{base}.9.{n}|2|{receive}\n\
             1.3.6.1.2.1.47.1.1.1.1.2.{n}|4|\n1.3.6.1.2.1.47.1.1.1.1.7.{n}|4|GE0/0/{n}\n"
        )
    };
    let part = |table: u32, column: u32, sn: u32, value: u32| {
        format!("1.3.6.1.4.1.2011.5.25.31.1.1.{table}.1.{column}.0.{sn}|2|{value}\n")
    };
    let router = read(&format!(
        "1.3.6.1.2.1.1.1.0|4|Huawei Versatile Routing Platform Software VRP (R) software, Version 8.180 (NE8000 V800R012C10SPC300) Copyright\n\
         1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.2011.2.224.1\n{SYSTEM}{}{}{}{}{}{}{}{}",
        optic(1, "500"),
        optic(2, "-523"),
        part(10, 5, 1, 60),
        part(10, 6, 1, 1),
        part(10, 7, 1, 2),
        part(10, 6, 2, 2),
        part(18, 5, 1, 1),
        part(18, 6, 1, 1),
    ));
    assert_eq!(family(&router), "huawei-vrp");
    assert_eq!(
        (&*router.identity.model, &*router.identity.version),
        ("NE8000", "8.180 (V800R012C10SPC300)")
    );
    assert_eq!(
        [
            sensors(&router, "GE0/0/1 receives"),
            sensors(&router, "GE0/0/2 receives")
        ]
        .concat(),
        [
            sensor("GE0/0/1 receives [optical_power dBm]", Some(-3.01), ""),
            sensor("GE0/0/2 receives [optical_power dBm]", Some(-5.23), ""),
        ]
    );
    let parts: Vec<_> = router
        .components
        .iter()
        .map(|c| (&*c.name, c.health))
        .collect();
    assert_eq!(
        parts,
        [
            ("Fan 0/1", Health::Critical),
            ("Power supply 0/1", Health::Ok)
        ],
        "a bay without a fan is none"
    );
}

#[test]
fn a_juniper_router_names_its_probes_by_owner_and_test() {
    // The index: owner `ops`, test `wan`, the last completed test, the round trip.
    let index = "3.111.112.115.3.119.97.110";
    let router = read(&format!(
        "1.3.6.1.2.1.1.1.0|4|Juniper Networks, Inc. mx204 internet router, kernel JUNOS 21.4R3.15, Build date: 2023\n\
         1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.2636.1.1.1.2.148\n{SYSTEM}\
         1.3.6.1.4.1.2636.3.1.2.0|4|Juniper MX204 Edge Router\n1.3.6.1.4.1.2636.3.1.3.0|4|AB1234\n\
         1.3.6.1.4.1.2636.3.50.1.2.1.4.{index}.1|66|0\n1.3.6.1.4.1.2636.3.50.1.2.1.4.{index}.2|66|20000000\n\
         1.3.6.1.4.1.2636.3.50.1.3.1.5.{index}.2.1|66|15250\n1.3.6.1.4.1.2636.3.50.1.3.1.5.{index}.2.4|66|99\n"
    ));
    assert_eq!(family(&router), "juniper-junos");
    assert_eq!(
        (
            &*router.identity.model,
            &*router.identity.serial,
            &*router.identity.version
        ),
        ("Juniper MX204 Edge Router", "AB1234", "21.4R3.15")
    );
    assert_eq!(
        sensors(&router, "Probe"),
        [
            sensor("Probe ops wan loss [loss %]", Some(20.0), ""),
            sensor("Probe ops wan [latency ms]", Some(15.25), ""),
        ]
    );
}

#[test]
fn light_in_watts_is_told_in_dbm_and_absent_optics_are_silent() {
    let value = |n: u32, kind: u32, scale: u32, precision: u32, raw: i32, name: &str| {
        let base = "1.3.6.1.4.1.9.9.91.1.1.1.1";
        format!(
            "{base}.1.{n}|2|{kind}\n{base}.2.{n}|2|{scale}\n{base}.3.{n}|2|{precision}\n{base}.4.{n}|2|{raw}\n{base}.5.{n}|2|1\n\
             1.3.6.1.2.1.47.1.1.1.1.7.{n}|4|{name}\n"
        )
    };
    let router = read(&format!(
        "1.3.6.1.2.1.1.1.0|4|Cisco IOS XR Software (NCS-5500), Version 7.5.2[Default]\n\
         1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.2519\n{SYSTEM}{}{}{}{}{}",
        value(1, 6, 8, 4, 5_000, "0/0/0/1 - Rx Power"),
        value(2, 6, 8, 4, -32_768, "0/0/0/2 - Rx Power"),
        value(3, 6, 9, 0, 750, "0/PM0 capacity"),
        value(4, 6, 8, 4, 0, "0/0/0/3 - Tx Power"),
        value(5, 8, 9, 1, -32_768, "0/0/0/2 temperature"),
    ));
    assert_eq!(family(&router), "cisco-iosxr");
    assert_eq!(&*router.identity.version, "7.5.2");
    assert_eq!(
        sensors(&router, ""),
        [
            sensor("0/0/0/1 - Rx Power [optical_power dBm]", Some(-3.01), ""),
            sensor("0/PM0 capacity [power W]", Some(750.0), ""),
            sensor("0/0/0/3 - Tx Power [optical_power dBm]", Some(-60.0), ""),
        ]
    );
}

//! Recordings of real devices, read by the poller and held against what another monitor made of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use nhipcau_inventory::Collection;
use nhipcau_inventory::poller::PollerConfig;
use serde_json::Value as Json;

use crate::agent::Agent;
use crate::network::{Network, spec, well};

/// The families of the reference installation and what stands beside them.
const FAMILIES: &[&str] = &[
    "hpe-ilo_5_with_bat_checks",
    "hpe-ilo_hpe-ilo6-with-vmware",
    "fabos",
    "fabos_trans",
    "ios_4506e",
    "ios_2960x",
    "iosxe_c9300",
    "iosxe_isr4321",
    "asa",
    "ftd_1140",
    "vmware-esxi",
    "apc_smt750x-nmc2",
    "eaton-mgeups_93ps",
    "huaweiups_ups2000",
    "hpe-mapdu_pdu3",
    "apc_ap8959eu3",
    "apc_inrow-dx",
    "liebert",
    "linux",
    "linux_lsi",
];

#[allow(clippy::disallowed_methods)] // Tests may read the folder of recordings.
pub(crate) fn corpora(file: &str) -> Option<String> {
    let root = std::env::var("NHIPCAU_CORPORA").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"),
        PathBuf::from,
    );
    std::fs::read(root.join(file))
        .ok()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[allow(clippy::print_stderr)]
pub(crate) fn skipped(what: &str) {
    eprintln!("SKIPPED: {what}: the folder of recordings is absent (set NHIPCAU_CORPORA)");
}

/// Two polls of a recorded device, so that dependent tables and names have settled.
pub(crate) fn read_recording(text: &str) -> std::sync::Arc<Collection> {
    let mut network = Network::new(
        PollerConfig {
            slow_every: 1,
            ..PollerConfig::default()
        },
        7,
    );
    network.watch(spec("recorded", 60), Agent::from_recording(text));
    network.run_for(Duration::from_secs(150), well);
    network.last("recorded").clone()
}

#[derive(Default)]
struct Score {
    right: usize,
    wrong: Vec<String>,
}

impl Score {
    fn note(&mut self, right: bool, difference: impl FnOnce() -> String) {
        if right {
            self.right += 1;
        } else {
            self.wrong.push(difference());
        }
    }
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

fn ports(expected: &Json, collection: &Collection) -> Score {
    let mut score = Score::default();
    let ours: BTreeMap<u64, _> = collection
        .interfaces
        .iter()
        .map(|i| (u64::from(i.index), i))
        .collect();
    for port in expected["ports"].as_array().into_iter().flatten() {
        let index = port["ifIndex"].as_u64().unwrap_or(0);
        let Some(interface) = ours.get(&index) else {
            score.note(false, || {
                format!("port {index} {} is missing", text(port, "ifName"))
            });
            continue;
        };
        let status = |word: &str| word.to_lowercase().replace('_', "");
        let name = text(port, "ifName");
        score.note(
            *interface.name == *name || *interface.description == *name,
            || format!("port {index}: name {} is not {name}", interface.name),
        );
        if let Some(speed) = port["ifSpeed"].as_u64() {
            score.note(interface.speed_bps == speed, || {
                format!("port {index}: speed {} is not {speed}", interface.speed_bps)
            });
        }
        let oper = text(port, "ifOperStatus");
        score.note(
            oper.is_empty() || status(interface.oper.as_str()) == status(oper),
            || format!("port {index}: {} is not {oper}", interface.oper.as_str()),
        );
        let admin = text(port, "ifAdminStatus");
        score.note(
            admin.is_empty() || interface.admin.as_str() == admin,
            || {
                format!(
                    "port {index}: admin {} is not {admin}",
                    interface.admin.as_str()
                )
            },
        );
    }
    score
}

fn values(expected: &Json, collection: &Collection) -> Score {
    let mut score = Score::default();
    for sensor in expected["sensors"].as_array().into_iter().flatten() {
        let (class, descr) = (text(sensor, "class"), text(sensor, "descr"));
        let Some(value) = sensor["value"].as_f64() else {
            continue;
        };
        if class == "state" {
            continue;
        }
        let found = collection.sensors.iter().any(|s| {
            s.value
                .is_some_and(|v| (v - value).abs() <= 0.02 * value.abs().max(1.0))
        });
        score.note(found, || {
            format!(
                "sensor {class} `{descr}` = {value} ({})",
                text(sensor, "oid")
            )
        });
    }
    for processor in expected["processors"].as_array().into_iter().flatten() {
        let percent = processor["percent"].as_f64().unwrap_or(0.0);
        let found = collection
            .processors
            .iter()
            .any(|p| (p.load_percent - percent).abs() <= 1.0);
        score.note(found, || {
            format!("processor `{}` = {percent}", text(processor, "descr"))
        });
    }
    for kind in ["mempools", "storage"] {
        for area in expected[kind].as_array().into_iter().flatten() {
            let percent = area["percent"].as_f64().unwrap_or(0.0);
            let found = collection
                .storage
                .iter()
                .any(|s| (s.percent() - percent).abs() <= 1.5);
            score.note(found, || {
                format!("{kind} `{}` = {percent} %", text(area, "descr"))
            });
        }
    }
    score
}

fn identity(expected: &Json, collection: &Collection) -> Score {
    let mut score = Score::default();
    let identity = &collection.identity;
    for (key, ours) in [
        ("hardware", &identity.model),
        ("version", &identity.version),
        ("serial", &identity.serial),
    ] {
        let theirs = text(&expected["identity"], key);
        if !theirs.is_empty() && theirs != "<private>" {
            score.note(&**ours == theirs, || {
                format!("{key} `{ours}` is not `{theirs}`")
            });
        }
    }
    score
}

#[test]
#[allow(clippy::print_stdout)]
fn recordings_are_read_as_another_monitor_reads_them() {
    let verbose = std::option_env!("NHIPCAU_DIFFERENCES").is_some();
    let mut read_any = false;
    let mut recordings = 0;
    let (mut right, mut all) = (0, 0);
    println!(
        "{:<30} {:>10} {:>11} {:>11} {:>11}  profile",
        "recording", "ports", "identity", "values", "varbinds"
    );
    for name in FAMILIES {
        let (Some(recording), Some(expected)) = (
            corpora(&format!("snmp/recordings/{name}.snmprec")),
            corpora(&format!("snmp/expected/{name}.json")),
        ) else {
            continue;
        };
        read_any = true;
        recordings += 1;
        let expected: Json = serde_json::from_str(&expected).unwrap();
        let collection = read_recording(&recording);
        assert_eq!(collection.unreachable, None, "{name}");
        assert_eq!(collection.errors, [], "{name}");
        let (ports, identity, values) = (
            ports(&expected, &collection),
            identity(&expected, &collection),
            values(&expected, &collection),
        );
        assert!(
            ports.wrong.is_empty(),
            "{name}: every port agrees on index, name, speed and state: {:#?}",
            ports.wrong
        );
        // A RAID tool's own MIB is no part of the family.
        if *name != "linux_lsi" {
            right += values.right;
            all += values.right + values.wrong.len();
        }
        let show = |s: &Score| format!("{}/{}", s.right, s.right + s.wrong.len());
        println!(
            "{name:<30} {:>10} {:>11} {:>11} {:>11}  {}",
            show(&ports),
            show(&identity),
            show(&values),
            collection.statistics.varbinds,
            collection.recognised.as_ref().map_or("-", |r| &*r.profile),
        );
        for difference in identity
            .wrong
            .iter()
            .chain(&ports.wrong)
            .chain(values.wrong.iter())
            .take(if verbose { 400 } else { 3 })
        {
            println!("    {difference}");
        }
    }
    println!("{recordings} recordings, {right} of {all} values");
    assert!(
        right * 100 >= all * 90,
        "{right} of {all} values of the other monitor are found"
    );
    if !read_any {
        skipped("recordings of real devices");
    }
}

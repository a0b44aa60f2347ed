//! The exposition as Prometheus' own tool and a strict reader see it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nhipcau_inventory::Health;

use super::*;
use crate::exec::{End, Finished, Program, run};

const HOSTILE: &str = "Gi0/0\"} 1\nnhipcau_device_up{device=\"forged\"} 0\\\u{202e}\u{1b}[31m";

/// A snapshot in which every list has a member, so that every metric of the catalog appears.
fn everything() -> (Metrics, Snapshot) {
    let text = |text: &str| Arc::<str>::from(text);
    let device = DeviceFigures {
        id: text("isr4431"),
        name: text("Router Internet"),
        site: text("ttdl"),
        kind: "router",
        vendor: text("Cisco"),
        model: text("ISR4431/K9"),
        version: text("17.6"),
        profile: text("cisco-ios"),
        health: Health::Degraded,
        up: true,
        behind: Some(text("core")),
        uptime_seconds: Some(86_400.5),
        age_seconds: Some(12.0),
        poll_seconds: Some(0.25),
        varbinds: 480,
        interval_seconds: 30.0,
        requests_total: 100,
        retries_total: 2,
        timeouts_total: 3,
        walk_errors_total: 1,
        max_repetitions: 24,
        failures_total: vec![(text("timeout"), 1)],
        tables: vec![(text("ifTable"), 12.0)],
        interfaces: vec![InterfaceFigures {
            name: text(HOSTILE),
            alias: text("Tuyến Tam Kỳ"),
            up: true,
            admin_up: true,
            speed_bps: 1_000_000_000,
            receive_bytes: Some(1 << 52),
            transmit_bytes: Some(2),
            receive_errors: Some(0),
            transmit_errors: Some(0),
            receive_discards: Some(0),
            transmit_discards: Some(0),
            ..Default::default()
        }],
        sensors: vec![SensorFigures {
            name: text("Inlet"),
            class: text("temperature"),
            unit: text("°C"),
            value: Some(24.5),
            ..Default::default()
        }],
        components: vec![(text("PSU 1"), text("power_supply"), Health::Ok)],
        storage: vec![(text("bootflash"), 10, 100)],
        processors: vec![(text("CPU 0"), 0.37)],
    };
    let snapshot = Snapshot {
        devices: vec![device],
        links: vec![LinkFigures {
            id: text("isr4431:Gi0/0"),
            source: "declared",
            in_ratio: Some(0.5),
            out_ratio: Some(0.9),
            ..Default::default()
        }],
        sites: vec![SiteFigures {
            id: text("ttdl"),
            ..Default::default()
        }],
        upkeep: UpkeepFigures {
            percentiles: vec![(text("isr4431/Gi0/0"), "in", Some(0.93), 0.99)],
            links: vec![text("isr4431/Gi0/0")],
            devices: vec![text("isr4431")],
            sites: vec![text("ttdl")],
            availability: vec![(text("device"), text("isr4431"), 0.999)],
        },
        incidents_open: vec![(Health::Critical, 1)],
        traps: TrapFigures {
            dropped_total: vec![("unknown_source", 3)],
            ..Default::default()
        },
        bridge: BridgeFigures {
            packets_received_total: vec![("audio", 1)],
            packets_sent_total: vec![("video", 1)],
            dropped_total: vec![("not_srtp", 1)],
            transport_peers: vec![("udp", 1)],
            connections: vec![("tls", 1)],
            connections_ended_total: vec![("refused", 1)],
            repairs_total: vec![("copy", 1)],
            handed_on_total: vec![("media", 1)],
            ..Default::default()
        },
        roads: vec![RoadFigures {
            conference: 7,
            site: text("ttdl"),
            seats: 1,
            ..Default::default()
        }],
        conferences: vec![ConferenceFigures {
            id: 7,
            sites_joined: 3,
            ..Default::default()
        }],
        conference_drops: vec![(text("line_down"), 1)],
        poller: PollerFigures {
            lost_total: vec![("event", 1)],
            ..Default::default()
        },
        playbook_runs_active: vec![("running", 1)],
        playbook_not_started: vec![("throttled", 1)],
        playbook_runs: vec![(text("line-down"), "done", 1)],
        sockets: vec![("live", 2)],
        subsystems: vec![("poller", true)],
        directories: vec![("state", "/".into())],
        ..Default::default()
    };
    let metrics = Metrics::new();
    metrics.observe_http("/api/v1/devices/{id}", 200, Duration::from_millis(4));
    metrics.observe_store("commit", Duration::from_millis(2));
    metrics.count_reload(false);
    metrics.count_notice("on_call", "smtp", true);
    (metrics, snapshot)
}

/// Reads an exposition back: series with their labels, or where it is broken. Written from the format's description, apart from the encoder.
fn series(text: &str) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line
            .rsplit_once(' ')
            .unwrap_or_else(|| panic!("no value: {line}"));
        let twice = all.insert(
            series.to_owned(),
            value
                .parse()
                .unwrap_or_else(|_| panic!("no number: {line}")),
        );
        assert!(twice.is_none(), "twice: {line}");
    }
    all
}

#[test]
fn every_metric_of_the_catalog_is_rendered_and_no_other() {
    let (metrics, mut snapshot) = everything();
    // Two figures of loss appear only when something was lost.
    snapshot.devices.push(snapshot.devices[0].clone());
    let text = metrics.render(&snapshot).unwrap();
    let rendered: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let declared: BTreeSet<&str> = CATALOG.iter().map(|metric| metric.name).collect();
    assert_eq!(rendered, declared);
    for metric in CATALOG {
        let kind = format!(
            "# TYPE {} {}",
            metric.name,
            format!("{:?}", metric.kind).to_lowercase()
        );
        assert!(text.lines().any(|line| line == kind), "{kind}");
    }
}

#[test]
fn hostile_labels_forge_no_series() {
    let (metrics, snapshot) = everything();
    let text = metrics.render(&snapshot).unwrap();
    let all = series(&text);
    assert!(
        all.keys()
            .all(|key| !key.starts_with("nhipcau_device_up{device=\"forged\"")),
        "{text}"
    );
    assert!(!text.contains(['\u{1b}', '\u{202e}']));
    let up = all
        .iter()
        .find(|(key, _)| key.starts_with("nhipcau_interface_up{"))
        .unwrap();
    assert!(
        up.0.contains(r#"interface="Gi0/0\"} 1\\nnhipcau"#),
        "{}",
        up.0
    );
    assert_eq!(
        all[r#"nhipcau_link_load_ratio{link="isr4431:Gi0/0",direction="out"}"#],
        0.9
    );
    assert_eq!(
        all[r#"nhipcau_device_health{device="isr4431",site="ttdl"}"#],
        1.0
    );
}

#[test]
fn a_bomb_of_labels_is_cut_counted_and_named() {
    let metrics = Metrics::new();
    let bomb = (0..5_000)
        .map(|id| ConferenceFigures {
            id,
            ..Default::default()
        })
        .collect();
    let snapshot = Snapshot {
        conferences: bomb,
        ..Default::default()
    };
    let all = series(&metrics.render(&snapshot).unwrap());
    let kept = all
        .keys()
        .filter(|key| key.starts_with("nhipcau_conference_participants{"))
        .count();
    assert_eq!(kept, 1_000);
    assert_eq!(
        all[r#"nhipcau_metrics_series_cut{metric="nhipcau_conference_participants"}"#],
        4_000.0
    );
    assert_eq!(
        all[r#"nhipcau_metrics_series_cut{metric="nhipcau_conference_sites"}"#],
        14_000.0
    );
}

#[test]
fn no_scrape_is_longer_than_it_may_be() {
    let (metrics, mut snapshot) = everything();
    let device = snapshot.devices[0].clone();
    snapshot.devices = (0..400)
        .map(|n| DeviceFigures {
            id: format!("device-{n}").into(),
            ..device.clone()
        })
        .collect();
    let shown = |all: &BTreeMap<String, f64>| {
        all.keys()
            .filter(|key| key.starts_with("nhipcau_device_up{"))
            .count()
    };
    let whole = metrics.render(&snapshot).unwrap();
    assert_eq!(shown(&series(&whole)), 400);
    snapshot.scrape.bytes_max = whole.len() / 2;
    // Asked for everything, half would look like the other half had vanished: the daemon's own series alone, and what says so.
    let all = series(&metrics.render(&snapshot).unwrap());
    assert_eq!(shown(&all), 0);
    assert_eq!(
        all[r#"nhipcau_metrics_devices_left_out{part="whole"}"#],
        400.0
    );
    assert_eq!(all["nhipcau_metrics_scrapes_too_long_total"], 1.0);
    assert!(all.keys().any(|key| key.starts_with("nhipcau_site_info")));
    // A part that grew shows what fits.
    snapshot.scrape = ScrapeFigures {
        own: false,
        whole: false,
        part: "3".to_owned(),
        parts: 4,
        bytes_max: whole.len() / 2,
    };
    let text = metrics.render(&snapshot).unwrap();
    assert!(text.len() <= whole.len() / 2, "{}", text.len());
    let all = series(&text);
    let left_out = all[r#"nhipcau_metrics_devices_left_out{part="3"}"#];
    assert!((1.0..400.0).contains(&left_out));
    assert_eq!(shown(&all), 400 - left_out as usize);
    assert!(all.keys().all(|key| !key.starts_with("nhipcau_site_info")));
}

#[test]
fn two_interfaces_of_one_name_do_not_spoil_the_text() {
    let (metrics, mut snapshot) = everything();
    let long = "x".repeat(300);
    snapshot.devices[0].interfaces = [&long[..], &long[..299], "a"]
        .map(|name| InterfaceFigures {
            name: name.into(),
            ..Default::default()
        })
        .into();
    let all = series(&metrics.render(&snapshot).unwrap());
    assert_eq!(
        all.keys()
            .filter(|key| key.starts_with("nhipcau_interface_up{"))
            .count(),
        2
    );
    assert_eq!(
        all[r#"nhipcau_metrics_series_repeated{metric="nhipcau_interface_up"}"#],
        1.0
    );
}

/// Runs promtool; `None`, said loudly, when it is not installed.
async fn promtool(arguments: &[&str], stdin: String) -> Option<Finished> {
    let path = PathBuf::from("/usr/bin/promtool");
    if !path.exists() {
        #[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
        {
            eprintln!("SKIPPED: promtool is not installed (apt package prometheus)");
        }
        return None;
    }
    let program = Program {
        path,
        arguments: arguments
            .iter()
            .map(|argument| (*argument).to_owned())
            .collect(),
        environment: Vec::new(),
        stdin: stdin.into_bytes(),
        timeout: Duration::from_secs(120),
        output_bytes_max: 64 * 1024,
    };
    Some(run(program).await.unwrap())
}

#[tokio::test]
async fn promtool_finds_nothing_to_say() {
    let (metrics, mut snapshot) = everything();
    snapshot.devices.push(snapshot.devices[0].clone());
    let Some(finished) = promtool(&["check", "metrics"], metrics.render(&snapshot).unwrap()).await
    else {
        return;
    };
    assert_eq!(
        (finished.end, &*finished.stderr, &*finished.stdout),
        (End::Exit(0), "", "")
    );
}

/// The folder of dashboards and rules.
fn dashboards() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards")
}

#[tokio::test]
async fn promtool_accepts_the_rules_and_their_tests_pass() {
    let rules = dashboards().join("rules");
    let file = |name: &str| rules.join(name).display().to_string();
    let (rules, tests, lines) = (
        file("nhipcau.rules.yml"),
        file("nhipcau.test.yml"),
        file("nhipcau-lines.test.yml"),
    );
    let scrape = dashboards().join("prometheus.yml").display().to_string();
    for arguments in [
        &["check", "rules", &rules][..],
        &["test", "rules", &tests, &lines],
        &["check", "config", &scrape],
    ] {
        let Some(finished) = promtool(arguments, String::new()).await else {
            return;
        };
        assert_eq!(
            finished.end,
            End::Exit(0),
            "{arguments:?}: {}{}",
            finished.stdout,
            finished.stderr
        );
    }
}

#[test]
fn dashboards_and_rules_use_metrics_and_labels_of_the_catalog_only() {
    let mut files: Vec<PathBuf> = Vec::new();
    for directory in [dashboards(), dashboards().join("rules")] {
        files.extend(
            std::fs::read_dir(directory)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.is_file()),
        );
    }
    assert!(
        files
            .iter()
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .count()
            >= 3
    );
    let rules = std::fs::read_to_string(dashboards().join("rules/nhipcau.rules.yml")).unwrap();
    let recorded: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .collect();
    let mut used = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        if file.extension().is_some_and(|e| e == "json") {
            serde_json::from_str::<serde_json::Value>(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
        for (name, labels) in names(&text) {
            used += 1;
            if name.contains(':') {
                assert!(
                    recorded.contains(name),
                    "{}: no rule records {name}",
                    file.display()
                );
                continue;
            }
            let stem = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .unwrap_or(name);
            let metric = CATALOG.iter().find(|metric| {
                metric.name == name || (metric.name == stem && metric.kind == Kind::Histogram)
            });
            let metric =
                metric.unwrap_or_else(|| panic!("{}: the catalog has no {name}", file.display()));
            for label in labels {
                let known =
                    metric.labels.contains(&label) || matches!(label, "instance" | "job" | "le");
                assert!(known, "{}: {name} has no label {label}", file.display());
            }
        }
    }
    assert!(
        used > 100,
        "only {used} names were found: the reader is broken"
    );
}

/// Names of ours in a text, each with the labels of its selector, if it has one.
fn names(text: &str) -> Vec<(&str, Vec<&str>)> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | ':');
    let mut found = Vec::new();
    for start in ["nhipcau_", "nhipcau:"]
        .iter()
        .flat_map(|prefix| text.match_indices(prefix))
        .map(|(start, _)| start)
    {
        let rest = &text[start..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let selector = rest[end..]
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'))
            .map_or("", |(selector, _)| selector);
        // Every label is followed by its operator; what stands before it, after a comma or at the beginning, is its name.
        let labels = selector
            .split(',')
            .filter_map(|part| part.find(['=', '!']).map(|end| part[..end].trim()))
            .collect();
        found.push((rest[..end].trim_end_matches(':'), labels));
    }
    found
}

//! What others read through the daemon: the peer's names and labels, service discovery, and no packet to strangers.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;

use nhipcau_lab::Replay;
use nhipcau_tests::client::Client;
use nhipcau_tests::daemon::{Daemon, Setup, metric};
use nhipcau_tests::program::{self, Program};
use nhipcau_tests::snmp::{COMMUNITY, Snmpd};
use nhipcau_tests::{corpora, place, wait};
use ureq::http::Method;

const AGENT_PORT: u16 = 16_161;
const PEER_PORT: u16 = 19_116;
const PROMETHEUS_PORT: u16 = 19_090;

fn watching(address: SocketAddr, community: &str, more: &str) -> Daemon {
    let config = format!(
        "poll: {{interval: 1s}}\ncredentials: [{{name: read, version: v2c, community: \"env:COMMUNITY\"}}]\n\
         devices: [{{id: sw, name: Công tắc, address: \"{address}\", credentials: [read]}}]\n{more}"
    );
    Daemon::start(Setup {
        config,
        env: vec![("COMMUNITY".to_owned(), community.to_owned())],
        ..Setup::default()
    })
}

fn scrape(client: &Client, query: &str) -> (u16, String) {
    let answer = client.call(Method::GET, &format!("/snmp?{query}"), None);
    (answer.status, answer.text().to_owned())
}

/// Series without their values, and types, without what only one of the two says of itself.
fn shape(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.starts_with("# HELP") && !line.contains("snmp_scrape_"))
        .map(|line| match line.strip_prefix('#') {
            Some(_) => line.to_owned(),
            None => line
                .rsplit_once(' ')
                .map_or(line, |(name, _)| name)
                .to_owned(),
        })
        .collect()
}

#[test]
fn if_mib_has_the_names_labels_and_types_of_the_peer() {
    let Some(folder) = corpora() else { return };
    let Some(binary) = program::installed("prometheus-snmp-exporter", "prometheus-snmp-exporter")
    else {
        return;
    };
    let recording = std::fs::read_to_string(folder.join("snmp/if48.snmprec")).expect("readable");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let address = SocketAddr::from((place::address(), AGENT_PORT));
    let _agent = runtime.block_on(async {
        let replay = Replay::load(&recording).expect("it loads");
        replay.serve(address, "public").await.expect("it is free")
    });

    let temporary = tempfile::tempdir().expect("a temporary folder");
    let ip = place::address();
    let mut command = Command::new(binary);
    let modules = folder.join("snmp/snmp_exporter_0.21_if_mib.yml");
    command
        .arg(format!("--config.file={}", modules.display()))
        .arg(format!("--web.listen-address={ip}:{PEER_PORT}"));
    let _peer = Program::start("peer", &mut command, temporary.path());
    let peer = Client::new(&format!("http://{ip}:{PEER_PORT}"));
    wait::until("the peer answers", || {
        peer.try_call(Method::GET, "/", None).ok()
    });
    let (status, theirs) = scrape(&peer, &format!("target={address}&module=if_mib"));
    assert_eq!(status, 200, "{theirs}");

    let daemon = watching(address, "public", "");
    let client = daemon.client();
    let (status, live) = wait::until("a live reading", || {
        Some(scrape(&client, "target=sw&module=if_mib&live=1")).filter(|(status, _)| *status == 200)
    });
    assert_eq!(status, 200);
    let polled = wait::until("the polls have the module", || {
        let (status, text) = scrape(&client, &format!("target={address}"));
        let age = (status == 200).then(|| metric(&text, "snmp_scrape_age_seconds", &[]))?;
        // A live reading is new; that of a poll has an age, and its walk is the poll's.
        (age > 0.0 && metric(&text, "snmp_scrape_pdus_returned", &[]) < 1_600.0).then_some(text)
    });
    assert!(shape(&theirs).len() > 1_300, "{}", shape(&theirs).len());
    for ours in [&live, &polled] {
        let (theirs, ours) = (shape(&theirs), shape(ours));
        let missing: Vec<_> = theirs.difference(&ours).take(5).collect();
        let more: Vec<_> = ours.difference(&theirs).take(5).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "missing {missing:#?}, more {more:#?}"
        );
    }
    // The recording stands still, so the values are the same too.
    let sum = |text: &str, name| metric(text, name, &[]);
    for name in [
        "ifHCInOctets",
        "ifMtu",
        "ifHighSpeed",
        "ifOperStatus",
        "ifOutErrors",
    ] {
        assert_eq!(sum(&theirs, name), sum(&polled, name), "{name}");
    }
}

#[test]
fn a_stranger_is_no_target_and_sees_no_packet() {
    let stranger = UdpSocket::bind((place::address(), AGENT_PORT)).expect("free");
    let address = stranger.local_addr().expect("bound");
    // A device of the inventory that nobody is: the daemon polls only it.
    let daemon = watching(SocketAddr::from((place::address(), AGENT_PORT)), "x", "");
    let client = daemon.client();
    let targets = [
        address.to_string(),
        address.ip().to_string(),
        "localhost".to_owned(),
        "sw%00".to_owned(),
        "..%2Fsw".to_owned(),
        format!("%5B::ffff:{}%5D:{AGENT_PORT}", address.ip()),
        format!("udp://{address}"),
        "SW".to_owned(),
    ];
    for target in &targets {
        for query in ["", "&live=1", "&module=system&live=1", "&auth=public_v2"] {
            let (status, text) = scrape(&client, &format!("target={target}{query}"));
            assert_eq!(status, 404, "{target}{query}: {text}");
        }
    }
    assert_eq!(scrape(&client, "module=if_mib").0, 400, "no target");
    assert_eq!(scrape(&client, "target=sw&module=nonsense").0, 400);
    assert_eq!(scrape(&client, "target=sw&module=if_mib,nonsense").0, 400);
    // A silent device is unavailable, which Prometheus shows as down.
    assert_eq!(scrape(&client, "target=sw&live=1").0, 503);
    stranger.set_nonblocking(true).expect("a socket");
    assert!(
        stranger.recv_from(&mut [0; 2048]).is_err(),
        "a packet reached the stranger"
    );
}

#[test]
fn modules_of_a_real_host_agree_with_snmpget() {
    let Some(agent) = Snmpd::start(1) else { return };
    let daemon = watching(agent.address(0), COMMUNITY, "");
    let client = daemon.client();
    let modules =
        "module=system,hrStorage,hrDevice&module=ucd_la_table,ucd_memory,ucd_system_stats";
    let text = wait::until("a live reading", || {
        let (status, text) = scrape(&client, &format!("target=sw&live=1&{modules}"));
        (status == 200).then_some(text)
    });
    for (series, oid) in [
        ("hrMemorySize", "1.3.6.1.2.1.25.2.2.0"),
        ("memTotalReal", "1.3.6.1.4.1.2021.4.5.0"),
    ] {
        let line = format!("{series} {}", number(&agent.get(oid).out));
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    for part in [
        "# TYPE laLoadFloat gauge",
        "laLoadFloat{laNames=\"Load-1\"} ",
        "# TYPE ssCpuRawUser counter",
        "sysUpTime ",
        "hrStorageType=\"1.3.6.1.2.1.25.2.1.",
        "hrDeviceStatus{hrDeviceDescr=\"",
        "sysDescr{sysDescr=\"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // One agent of the inventory, one part, and Prometheus reads both kinds of targets.
    prometheus_finds_devices_and_parts(&daemon);
}

/// What `snmpget -Oqv` or `-On` prints, as a bare number.
fn number(printed: &str) -> String {
    let value = printed
        .trim()
        .rsplit([' ', ':'])
        .find(|w| w.parse::<u64>().is_ok());
    // net-snmp writes units behind the value.
    let words = printed.split_whitespace().rev();
    value
        .or_else(|| words.into_iter().find(|w| w.parse::<u64>().is_ok()))
        .unwrap_or_else(|| panic!("no number in {printed}"))
        .to_owned()
}

fn prometheus_finds_devices_and_parts(daemon: &Daemon) {
    let Some(binary) = program::installed("prometheus", "prometheus") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ip = place::address();
    let origin = daemon.origin();
    let config = folder.path().join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n\
         - {{job_name: nhipcau, http_sd_configs: [{{url: \"{origin}/sd/http?of=metrics\", refresh_interval: 1s}}], metric_relabel_configs: [{{action: labeldrop, regex: shard}}]}}\n\
         - {{job_name: snmp, http_sd_configs: [{{url: \"{origin}/sd/http\", refresh_interval: 1s}}]}}\n"
    );
    std::fs::write(&config, text).expect("a file");
    let mut command = Command::new(binary);
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.path().join("data").display()
        ))
        .arg(format!("--web.listen-address={ip}:{PROMETHEUS_PORT}"));
    let _program = Program::start("prometheus", &mut command, folder.path());
    let client = Client::new(&format!("http://{ip}:{PROMETHEUS_PORT}"));
    let value = |query: &str| {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let path = format!("/api/v1/query?query={encoded}");
        let answer = client.try_call(Method::GET, &path, None).ok()?;
        let data = (answer.status == 200).then(|| answer.json())?;
        let result = data["data"]["result"].as_array()?.clone();
        result.first()?["value"][1].as_str()?.parse::<f64>().ok()
    };
    wait::until("the device under its labels", || {
        value("count(ifHCInOctets{job=\"snmp\",instance=\"sw\",device=\"sw\",kind!=\"\",vendor!=\"\"})")
            .filter(|interfaces| *interfaces >= 1.0)
    });
    wait::until("the part of the daemon's own metrics", || {
        value("nhipcau_device_up{job=\"nhipcau\",device=\"sw\",shard=\"\"}").filter(|up| *up == 1.0)
    });
    wait::until("every target is up", || {
        value("min(up)").filter(|up| *up == 1.0)
    });
}

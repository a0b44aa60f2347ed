//! A real Prometheus scrapes the daemon beside its province, with the rules that ship, and is queried back.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};

use nhipcau_tests::client::Client;
use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::program::{self, Program};
use nhipcau_tests::{place, wait};
use serde_json::Value;

const PROMETHEUS_PORT: u16 = 19090;

/// Prometheus with one target.
struct Prometheus {
    client: Client,
    _program: Program,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(target: &Daemon) -> Option<Self> {
        let binary = program::installed("prometheus", "prometheus")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ip: Ipv4Addr = place::address();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards/rules/*.rules.yml");
        let host = target
            .origin()
            .strip_prefix("http://")
            .expect("plain HTTP")
            .to_owned();
        let text = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\nrule_files: [\"{}\"]\n\
             scrape_configs: [{{job_name: nhipcau, static_configs: [{{targets: [\"{host}\"]}}]}}]\n",
            rules.display()
        );
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, text).expect("a file");
        let mut command = Command::new(binary);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ));
        command.arg(format!("--web.listen-address={ip}:{PROMETHEUS_PORT}"));
        let program = Program::start("prometheus", &mut command, folder.path());
        Some(Self {
            client: Client::new(&format!("http://{ip}:{PROMETHEUS_PORT}")),
            _program: program,
            _folder: folder,
        })
    }

    fn api(&self, path: &str) -> Option<Value> {
        let answer = self
            .client
            .try_call(ureq::http::Method::GET, &format!("/api/v1{path}"), None)
            .ok()?;
        (answer.status == 200).then(|| answer.json()["data"].clone())
    }

    /// The only value of an instant query; `None` while there is none.
    fn value(&self, query: &str) -> Option<f64> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let data = self.api(&format!("/query?query={encoded}"))?;
        let result = data["result"].as_array()?;
        assert!(result.len() < 2, "{query} has {} results", result.len());
        result.first()?["value"][1].as_str()?.parse().ok()
    }
}

#[test]
fn prometheus_reads_the_province() {
    let daemon = Daemon::start(Setup {
        lab: true,
        ..Setup::default()
    });
    let admin = daemon.admin();
    let Some(prometheus) = Prometheus::start(&daemon) else {
        return;
    };
    let devices = daemon.settled(&admin);
    assert!(devices >= 98, "{devices}");
    wait::until("Prometheus has seen every device answer", || {
        (prometheus.value("sum(nhipcau_device_up)")? == devices as f64).then_some(())
    });
    assert_eq!(
        prometheus.value("count(nhipcau_device_health)"),
        Some(devices as f64)
    );
    assert_eq!(
        prometheus.value("count(nhipcau_device_health == 3)"),
        None,
        "no device is unknown"
    );

    let uplink = |name: &str| format!("{name}{{device=\"isr4431\",interface=\"Gi0/1/0\"}}");
    assert_eq!(prometheus.value(&uplink("nhipcau_interface_up")), Some(1.0));
    assert!(
        prometheus
            .value(&uplink("nhipcau_interface_receive_bytes_total"))
            .is_some_and(|bytes| bytes > 0.0)
    );
    assert!(
        prometheus
            .value("max(nhipcau_device_collection_age_seconds)")
            .is_some_and(|age| age < 120.0)
    );
    assert!(
        prometheus
            .value("nhipcau_daemon_cpu_seconds_total")
            .is_some_and(|seconds| seconds > 0.0)
    );
    assert!(
        prometheus
            .value("count(nhipcau_sensor_value)")
            .is_some_and(|sensors| sensors > 50.0)
    );

    // A link that breaks is seen by Prometheus too, and heals.
    let _ = daemon.lab(&["break", "isr4431--r-tam-ky"]);
    wait::until("the broken link", || {
        prometheus
            .value(&uplink("nhipcau_interface_up"))
            .filter(|up| *up == 0.0)
    });
    let _ = daemon.lab(&["heal", "all"]);
    wait::until("the healed link", || {
        prometheus
            .value(&uplink("nhipcau_interface_up"))
            .filter(|up| *up == 1.0)
    });

    // The shipped rules evaluate against the real exposition; a group whose interval has not come round yet is still unknown.
    let rules = wait::until("the rules", || {
        let groups = prometheus.api("/rules")?["groups"].clone();
        let rules: Vec<Value> = groups
            .as_array()?
            .iter()
            .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
            .collect();
        rules
            .iter()
            .any(|rule| rule["health"] == "ok")
            .then_some(rules)
    });
    for rule in rules {
        assert_ne!(rule["health"], "err", "{rule}");
    }
    promtool_agrees(&daemon.metrics());
}

/// `promtool check metrics` reads standard input.
pub(crate) fn promtool_agrees(exposition: &str) {
    let Some(promtool) = program::installed("promtool", "prometheus") else {
        return;
    };
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    let mut input = child.stdin.take().expect("a pipe");
    let text = exposition.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("promtool ends");
    writer
        .join()
        .expect("the writer ends")
        .expect("promtool reads everything");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

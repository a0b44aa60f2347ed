//! How long the daemon takes to be ready, and what it weighs with nothing to do: `bench-start PATH`, without the simulated province.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "one JSON line a benchmark, for `make bench`"
)]

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use nhipcau_tests::client::Client;
use nhipcau_tests::daemon::{HTTP_PORT, HTTPS_PORT, MEDIA_PORT, TRAP_PORT};
use nhipcau_tests::place;
use nhipcau_tests::program::Program;
use ureq::http::Method;

const ROUNDS: usize = 5;
/// Idle means: first polls, first statistics and the allocator's first excitement are over.
const SETTLED: Duration = Duration::from_secs(10);
const PORT: u16 = HTTP_PORT;

fn main() -> ExitCode {
    let Some(binary) = std::env::args_os().nth(1) else {
        eprintln!("bench-start PATH: which daemon?");
        return ExitCode::from(64);
    };
    let ip = place::address();
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| round(Path::new(&binary), ip, Duration::ZERO).0)
        .collect();
    times.sort();
    let (_, rss_bytes) = round(Path::new(&binary), ip, SETTLED);
    line(
        "startup_ms",
        times[ROUNDS / 2].as_secs_f64() * 1_000.0,
        "ms",
    );
    line("idle_rss_mb", rss_bytes as f64 / 1_000_000.0, "MB");
    ExitCode::SUCCESS
}

/// One start on an empty state directory: the time from exec to the first good `/healthz`, and the resident bytes some time after.
fn round(binary: &Path, ip: Ipv4Addr, settle: Duration) -> (Duration, u64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("nhipcau.yaml");
    let text = format!(
        "listen: {{https: \"{ip}:{HTTPS_PORT}\", http_loopback: \"{ip}:{PORT}\", media: {{udp: \"{ip}:{MEDIA_PORT}\"}}, traps: \"{ip}:{TRAP_PORT}\"}}\nstate_dir: {}\n",
        folder.path().join("state").display()
    );
    std::fs::write(&config, text).expect("the folder takes a file");
    let client = Client::new(&format!("http://{ip}:{PORT}"));
    let began = Instant::now();
    let daemon = Program::start(
        "nhipcau",
        Command::new(binary).arg("run").arg("--config").arg(&config),
        folder.path(),
    );
    loop {
        // A refused connection is cheap; the client is asked only when somebody listens.
        let listens = TcpStream::connect(SocketAddr::from((ip, PORT))).is_ok();
        if listens
            && client
                .try_call(Method::GET, "/healthz", None)
                .is_ok_and(|answer| answer.status == 200)
        {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "no /healthz: {}",
            daemon.err()
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = began.elapsed();
    std::thread::sleep(settle);
    (took, resident_bytes(daemon.id()))
}

/// `VmRSS` of `/proc/PID/status`.
fn resident_bytes(id: u32) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{id}/status")).expect("the process is there");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a process has a size");
    let kibibytes: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number");
    kibibytes * 1024
}

fn line(bench: &str, value: f64, unit: &str) {
    println!(
        "{}",
        serde_json::json!({ "bench": bench, "value": (value * 10.0).round() / 10.0, "unit": unit })
    );
}

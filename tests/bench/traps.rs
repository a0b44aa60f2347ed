//! A morning on which everything reports at once: 5,000 notifications in 10 s from a hundred devices, every fifth an inform. Then the daemon
//! is killed without a word, and every inform that it acknowledged must be in its store.

#![allow(
    clippy::print_stdout,
    reason = "JSON lines of a benchmark, for `make bench`"
)]

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nhipcau_tests::client::Client;
use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::snmp::{COMMUNITY, notification};
use nhipcau_tests::socket::Socket;
use nhipcau_tests::{place, wait};

const DEVICES: u8 = 100;
const NOTIFICATIONS: u32 = 5_000;
const INFORM_EVERY: u32 = 5;
const LENGTH: Duration = Duration::from_secs(10);
/// An inform without an answer comes again after this long, as senders do it.
const REPEAT_AFTER: Duration = Duration::from_secs(2);
const REPEATS_MAX: u32 = 3;
/// Single traps whose way to an open page is timed.
const TIMED: u32 = 40;

fn main() {
    let base = place::address();
    let mut config = String::from(
        "credentials: [{name: bench, version: v2c, community: \"env:BENCH_COMMUNITY\"}]\ndevices:\n",
    );
    for number in 0..DEVICES {
        let _ = writeln!(
            config,
            "  - {{id: d{number}, address: \"{}:1161\", credentials: [bench], poll: 1h}}",
            sender(base, number)
        );
    }
    let mut daemon = Daemon::start(Setup {
        config,
        env: vec![("BENCH_COMMUNITY".to_owned(), COMMUNITY.to_owned())],
        log_level: Some("error".to_owned()),
        ..Setup::default()
    });
    let admin = daemon.admin();
    let sockets: Vec<UdpSocket> = (0..DEVICES)
        .map(|number| {
            let socket = UdpSocket::bind((sender(base, number), 0)).expect("the address is ours");
            socket.set_nonblocking(true).expect("a socket");
            socket
        })
        .collect();

    let mut late = latencies(&daemon, &admin, &sockets[0]);
    late.sort();
    let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    let burst = burst(&sockets, daemon.traps());
    let received = daemon.metric("nhipcau_trap_received_total", &[]);
    let lost_by_kernel = daemon.metric("nhipcau_daemon_udp_receive_buffer_errors_total", &[]);
    daemon.kill();
    daemon.restart();
    let kept = kept(&admin);
    let lost = burst.acknowledged.difference(&kept).count();

    print("informs_acknowledged_lost", lost as f64, "informs");
    let informs = f64::from(NOTIFICATIONS / INFORM_EVERY);
    print(
        "informs_acknowledged",
        burst.acknowledged.len() as f64,
        "informs",
    );
    print("traps_received", received, "notifications");
    print("traps_kept", kept.len() as f64, "events");
    print(
        "trap_udp_receive_buffer_errors",
        lost_by_kernel,
        "datagrams",
    );
    print("trap_to_page_ms_p50", at(0.5), "ms");
    print("trap_to_page_ms_p95", at(0.95), "ms");
    let _ = writeln!(
        std::io::stderr(),
        "{NOTIFICATIONS} notifications in {:.1} s, {informs} of them informs, {} repeated for want of an answer",
        burst.took.as_secs_f64(),
        burst.repeated
    );
    assert_eq!(lost, 0, "an acknowledged inform is not in the store");
}

fn print(name: &str, value: f64, unit: &str) {
    let value = (value * 100.0).round() / 100.0;
    println!(
        "{}",
        serde_json::json!({ "bench": name, "value": value, "unit": unit })
    );
}

fn sender(base: Ipv4Addr, number: u8) -> Ipv4Addr {
    let [a, b, c, _] = base.octets();
    Ipv4Addr::new(a, b, c, 100 + number)
}

/// How long single traps need to an open page, one after the other; the clock of the reader counts as well.
fn latencies(daemon: &Daemon, admin: &Client, from: &UdpSocket) -> Vec<Duration> {
    let mut page = Socket::open(admin, "/api/v1/live");
    // The page is listening once it has heard of anything.
    wait::until("the page hears", || {
        let _ = from.send_to(&notification(false, 1, 900_000 + random()), daemon.traps());
        std::thread::sleep(Duration::from_millis(300));
        (daemon.metric("nhipcau_trap_received_total", &["kind=\"trap\""]) > 0.0).then_some(())
    });
    (0..TIMED)
        .map(|n| {
            std::thread::sleep(Duration::from_millis(250));
            let number = 1_000_000 + n;
            let sent = Instant::now();
            from.send_to(&notification(false, 1, number), daemon.traps())
                .expect("loopback takes it");
            let text = format!("ifIndex.{number}");
            page.until("the trap", |message| {
                message["type"] == "trap" && message.to_string().contains(&text)
            });
            sent.elapsed()
        })
        .collect()
}

fn random() -> u32 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_micros() % 50_000)
}

struct Burst {
    acknowledged: HashSet<u32>,
    repeated: u32,
    took: Duration,
}

fn burst(sockets: &[UdpSocket], to: SocketAddr) -> Burst {
    let started = Instant::now();
    let mut waiting: HashMap<u32, (Instant, u32)> = HashMap::new();
    let (mut sent, mut repeated, mut acknowledged) = (0, 0, HashSet::new());
    let mut took = Duration::ZERO;
    while sent < NOTIFICATIONS || !waiting.is_empty() {
        let due = (started.elapsed().as_secs_f64() / LENGTH.as_secs_f64()
            * f64::from(NOTIFICATIONS)) as u32;
        while sent < due.min(NOTIFICATIONS) {
            sent += 1;
            let inform = sent % INFORM_EVERY == 0;
            send(sockets, to, inform, sent);
            if inform {
                waiting.insert(sent, (Instant::now(), 0));
            }
            took = started.elapsed();
        }
        let mut answer = [0; 1500];
        for socket in sockets {
            while let Ok((length, _)) = socket.recv_from(&mut answer) {
                if let Some(number) = request_id(&answer[..length])
                    && waiting.remove(&number).is_some()
                {
                    acknowledged.insert(number);
                }
            }
        }
        let now = Instant::now();
        waiting.retain(|number, (at, repeats)| {
            if *at + REPEAT_AFTER > now {
                return true;
            }
            (*at, *repeats) = (now, *repeats + 1);
            if *repeats <= REPEATS_MAX {
                repeated += 1;
                send(sockets, to, true, *number);
            }
            *repeats <= REPEATS_MAX
        });
        std::thread::sleep(Duration::from_millis(1));
    }
    Burst {
        acknowledged,
        repeated,
        took,
    }
}

fn send(sockets: &[UdpSocket], to: SocketAddr, inform: bool, number: u32) {
    let id = i32::try_from(number).expect("a small number");
    // The request id is written in four bytes, and found again so.
    let datagram = notification(inform, id, number);
    let socket = &sockets[number as usize % sockets.len()];
    let _ = socket.send_to(&datagram, to);
}

/// The request id of an acknowledgement: in GetResponse-PDU, the first integer.
fn request_id(answer: &[u8]) -> Option<u32> {
    let at = answer.iter().position(|byte| *byte == 0xa2)?;
    let pdu = &answer[at + 1..];
    let head = if *pdu.first()? < 0x80 { 1 } else { 2 };
    let integer = pdu.get(head..)?;
    let length = usize::from(*integer.get(1)?);
    let bytes = integer.get(2..2 + length)?;
    Some(
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte)),
    )
}

/// The numbers of all notifications in the store.
fn kept(admin: &Client) -> HashSet<u32> {
    let mut numbers = HashSet::new();
    let mut before = String::new();
    loop {
        let page = admin.get(&format!("/events?limit=500{before}"));
        let rows = page.as_array().expect("a list");
        for row in rows.iter().filter(|row| row["kind"] == "trap") {
            let variable = &row["reason"]["args"]["variables"][0]["text"];
            numbers.extend(variable.as_str().and_then(|text| text.parse::<u32>().ok()));
        }
        match rows.last() {
            Some(last) => before = format!("&before={}", last["id"]),
            None => return numbers,
        }
    }
}

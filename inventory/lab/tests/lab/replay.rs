//! Recordings as agents, and how many requests they answer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_snmp::message::CommunityMessage;
use async_snmp::{RequestPdu, Value, Version};
use nhipcau_lab::Replay;
use tokio::net::UdpSocket;

use crate::client::{Client, oid};

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[tokio::test]
async fn a_recording_is_given_back_in_order() {
    let text = "1.3.6.1.2.1.1.10.0|2|-5\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.1\n1.3.6.1.2.1.1.1.0|4x|41420a\n\
                1.3.6.1.2.1.2.2.1.10.1|65|4294967295\n1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615\n\
                1.3.6.1.2.1.4.20.1.1.10.0.0.1|64|10.0.0.1\n1.3.6.1.2.1.1.3.0|67|77\n1.3.6.1.2.1.2.2.1.5.1|66|9";
    let agent = Replay::load(text)
        .expect("loads")
        .serve(loopback(), "public")
        .await
        .expect("serves");
    let client = Client::new(Version::V2c).await;
    let values: Vec<Value> = client
        .walk_all(agent.address())
        .await
        .into_iter()
        .map(|row| row.value)
        .collect();
    assert_eq!(
        values,
        [
            Value::OctetString("AB\n".into()),
            Value::ObjectIdentifier(oid("1.3.6.1.4.1.9.1.1")),
            Value::TimeTicks(77),
            Value::Integer(-5),
            Value::Gauge32(9),
            Value::Counter32(u32::MAX),
            Value::IpAddress([10, 0, 0, 1]),
            Value::Counter64(u64::MAX),
        ]
    );
    assert!(agent.requests() > 0);
    assert_eq!(agent.dropped(), 0);
}

/// Every recording of the corpora loads and walks to its end.
#[tokio::test]
async fn recordings_of_real_devices_are_served() {
    let folder = std::env::var_os("NHIPCAU_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    );
    let Ok(files) = std::fs::read_dir(folder.join("snmp/recordings")) else {
        eprintln!("SKIPPED: no recordings here (set NHIPCAU_CORPORA)");
        return;
    };
    let client = Client::new(Version::V2c).await;
    let mut count = 0;
    for file in files
        .filter_map(Result::ok)
        .filter(|file| file.path().extension().is_some_and(|end| end == "snmprec"))
    {
        let bytes = std::fs::read(file.path()).expect("reads");
        // One recording hides addresses within names, which makes them no OIDs.
        let text: String = String::from_utf8_lossy(&bytes)
            .lines()
            .filter(|line| !line.contains(".xx."))
            .flat_map(|line| [line, "\n"])
            .collect();
        let recording =
            Replay::load(&text).unwrap_or_else(|error| panic!("{:?}: {error}", file.path()));
        let (length, agent) = (
            recording.len(),
            recording.serve(loopback(), "public").await.expect("serves"),
        );
        let walked = client.walk_all(agent.address()).await.len();
        assert_eq!(walked, length, "{:?}", file.path());
        count += 1;
    }
    assert!(count > 50, "{count} recordings");
}

/// Prints how many requests an agent answers; asserts only that all asked were answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_rate_is_printed() {
    let mut text = String::new();
    for column in 1..=19 {
        for index in 1..=48 {
            text.push_str(&format!(
                "1.3.6.1.2.1.31.1.1.1.{column}.{index}|70|{}\n",
                index * 1_000_003
            ));
        }
    }
    let agent = Arc::new(
        Replay::load(&text)
            .expect("loads")
            .serve(loopback(), "public")
            .await
            .expect("serves"),
    );
    let oids: Vec<_> = (1..=10)
        .map(|index| oid(&format!("1.3.6.1.2.1.31.1.1.1.6.{index}")))
        .collect();
    let request = RequestPdu::get(Version::V2c, 1, &oids)
        .expect("a request")
        .into_raw();
    let message = CommunityMessage::v2c("public", request)
        .expect("a message")
        .encode()
        .expect("encodes");
    let (askers, each, window) = (4, 5_000_u64, 16);
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..askers {
        let (message, to) = (message.clone(), agent.address());
        tasks.push(tokio::spawn(async move {
            let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
            socket.connect(to).await.expect("connects");
            let mut buffer = [0; 2048];
            let (mut sent, mut received) = (0, 0);
            while received < each {
                while sent < each && sent - received < window {
                    socket.send(&message).await.expect("sends");
                    sent += 1;
                }
                let answer =
                    tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut buffer)).await;
                answer.expect("an answer").expect("receives");
                received += 1;
            }
        }));
    }
    for task in tasks {
        task.await.expect("all answered");
    }
    let rate = (askers * each) as f64 / started.elapsed().as_secs_f64();
    eprintln!("replay agent: {rate:.0} requests of 10 variables a second, asker included");
    assert_eq!(agent.requests(), askers * each);
}

#[test]
fn the_simulated_agents_are_well_formed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/agents");
    let mut agents = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "walk") {
            let text = std::fs::read_to_string(&path).unwrap();
            let replay = Replay::load(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert!(!replay.is_empty(), "{}", path.display());
            agents += 1;
        }
    }
    assert!(agents >= 24, "{agents}");
}

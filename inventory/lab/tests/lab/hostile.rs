//! Datagrams that are not meant well.

use std::path::PathBuf;

use async_snmp::Version;
use tokio::net::UdpSocket;

use crate::client::Client;
use crate::{address, lab};

/// The hostile datagrams of the shared corpora, when they are there.
fn corpora() -> Vec<Vec<u8>> {
    let folder = std::env::var_os("NHIPCAU_CORPORA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    );
    let Ok(files) = std::fs::read_dir(folder.join("datagrams/snmp")) else {
        eprintln!("SKIPPED: no corpora here (set NHIPCAU_CORPORA); mutations of our own only");
        return Vec::new();
    };
    files
        .filter_map(|file| std::fs::read(file.ok()?.path()).ok())
        .collect()
}

/// A GETBULK of v2c, and a v3 discovery.
const REQUEST: &[u8] = &[
    0x30, 0x26, 0x02, 0x01, 0x01, 0x04, 0x06, b'p', b'u', b'b', b'l', b'i', b'c', 0xa5, 0x19, 0x02,
    0x01, 0x05, 0x02, 0x01, 0x00, 0x02, 0x01, 0x0a, 0x30, 0x0e, 0x30, 0x0c, 0x06, 0x08, 0x2b, 0x06,
    0x01, 0x02, 0x01, 0x01, 0x01, 0x00, 0x05, 0x00,
];
const DISCOVERY: &[u8] = &[
    0x30, 0x38, 0x02, 0x01, 0x03, 0x30, 0x0e, 0x02, 0x01, 0x01, 0x02, 0x03, 0x00, 0xff, 0xe3, 0x04,
    0x01, 0x04, 0x02, 0x01, 0x03, 0x04, 0x10, 0x30, 0x0e, 0x04, 0x00, 0x02, 0x01, 0x00, 0x02, 0x01,
    0x00, 0x04, 0x00, 0x04, 0x00, 0x04, 0x00, 0x30, 0x11, 0x04, 0x00, 0x04, 0x00, 0xa0, 0x0b, 0x02,
    0x01, 0x01, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x30, 0x00,
];

#[tokio::test]
async fn hostile_datagrams_are_counted_and_survived() {
    let lab = lab(30).await;
    let to = address(&lab, "core4503");
    let client = Client::new(Version::V2c).await;
    let sender = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let mut datagrams = corpora();
    for original in [REQUEST, DISCOVERY] {
        for at in 0..original.len() {
            datagrams.push(original[..at].to_vec());
            for value in [0x00, 0x7f, 0x80, 0xff] {
                let mut mutated = original.to_vec();
                mutated[at] = value;
                datagrams.push(mutated);
            }
        }
    }
    datagrams.push(vec![0x30; 65_000]);
    let total = datagrams.len() as u64;
    for (number, datagram) in datagrams.iter().enumerate() {
        sender.send_to(datagram, to).await.expect("sends");
        // Not more than the socket's buffer holds, so that each is looked at.
        if number % 16 == 0 {
            client.hear(to).await;
        }
    }
    client.hear(to).await;
    let core = lab.list().devices.remove(0);
    assert!(
        core.dropped > total / 4,
        "{} of {total} dropped",
        core.dropped
    );
    assert!(core.requests > total / 16);
    assert_eq!(client.walk(to, "1.3.6.1.2.1.1").await.len(), 7);
    lab.stop().await;
}

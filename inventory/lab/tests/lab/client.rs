//! A small SNMP manager on the codec of async-snmp.

use std::net::SocketAddr;
use std::time::Duration;

use async_snmp::message::{CommunityMessage, CommunityPdu};
use async_snmp::{DecodeConfig, GetBulkPdu, Oid, Pdu, RequestPdu, Value, VarBind, Version};
use bytes::Bytes;
use tokio::net::UdpSocket;

/// How long an answer is waited for that has to come, and one that must not.
const PATIENCE: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_millis(250);

pub(crate) struct Client {
    socket: UdpSocket,
    version: Version,
}

pub(crate) fn oid(text: &str) -> Oid {
    Oid::parse(text).expect("an OID of these tests")
}

impl Client {
    pub(crate) async fn new(version: Version) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        Self { socket, version }
    }

    async fn exchange(
        &self,
        to: SocketAddr,
        message: CommunityMessage,
        wait: Duration,
    ) -> Option<Pdu> {
        let bytes = message.encode().expect("encodes");
        self.socket.send_to(&bytes, to).await.expect("sends");
        let mut buffer = vec![0; 65_536];
        let (length, from) = tokio::time::timeout(wait, self.socket.recv_from(&mut buffer))
            .await
            .ok()?
            .expect("receives");
        assert_eq!(from, to, "an agent answers from its own address");
        let data = Bytes::copy_from_slice(&buffer[..length]);
        let message = CommunityMessage::decode(data, DecodeConfig::STRICT)
            .expect("a strict decoder reads it")
            .value;
        match message.into_community_pdu() {
            CommunityPdu::Standard(pdu) => Some(pdu),
            CommunityPdu::TrapV1(_) => panic!("a trap for an answer"),
        }
    }

    fn message(&self, pdu: impl Into<Pdu>) -> CommunityMessage {
        match self.version {
            Version::V1 => CommunityMessage::v1("public", pdu),
            _ => CommunityMessage::v2c("public", pdu),
        }
        .expect("a message")
    }

    pub(crate) async fn get(&self, to: SocketAddr, names: &[&str]) -> Pdu {
        let oids: Vec<Oid> = names.iter().map(|name| oid(name)).collect();
        let request = RequestPdu::get(self.version, 7, &oids)
            .expect("a request")
            .into_raw();
        self.exchange(to, self.message(request), PATIENCE)
            .await
            .expect("an answer")
    }

    /// The value of one variable.
    pub(crate) async fn value(&self, to: SocketAddr, name: &str) -> Value {
        self.get(to, &[name]).await.into_varbinds().remove(0).value
    }

    pub(crate) async fn next(&self, to: SocketAddr, name: &Oid) -> Pdu {
        let request = RequestPdu::get_next(self.version, 8, std::slice::from_ref(name))
            .expect("a request")
            .into_raw();
        self.exchange(to, self.message(request), PATIENCE)
            .await
            .expect("an answer")
    }

    pub(crate) async fn bulk(
        &self,
        to: SocketAddr,
        singles: u32,
        repetitions: u32,
        names: &[Oid],
    ) -> Pdu {
        let names = names.iter().cloned().map(VarBind::null).collect();
        let request = GetBulkPdu::new(self.version, 9, singles, repetitions, names)
            .expect("a request")
            .into_raw();
        self.exchange(to, self.message(request), PATIENCE)
            .await
            .expect("an answer")
    }

    /// Fails unless the agent answers.
    pub(crate) async fn hear(&self, to: SocketAddr) {
        self.value(to, "1.3.6.1.2.1.1.3.0").await;
    }

    /// Whether the agent says nothing to a request.
    pub(crate) async fn is_silent(&self, to: SocketAddr) -> bool {
        let request = RequestPdu::get(self.version, 7, &[oid("1.3.6.1.2.1.1.3.0")])
            .expect("a request")
            .into_raw();
        self.exchange(to, self.message(request), SILENCE)
            .await
            .is_none()
    }

    /// The whole device by GETBULK, checked to rise strictly.
    pub(crate) async fn walk_all(&self, to: SocketAddr) -> Vec<VarBind> {
        self.walk_from(to, Oid::empty(), oid("0.0")).await
    }

    /// Everything below `root` by GETBULK, checked to rise strictly.
    pub(crate) async fn walk(&self, to: SocketAddr, root: &str) -> Vec<VarBind> {
        self.walk_from(to, oid(root), oid(root)).await
    }

    async fn walk_from(&self, to: SocketAddr, root: Oid, mut at: Oid) -> Vec<VarBind> {
        let mut all: Vec<VarBind> = Vec::new();
        loop {
            let bindings = self.bulk(to, 0, 40, &[at.clone()]).await.into_varbinds();
            assert!(!bindings.is_empty(), "{to}: nothing after {at}");
            for binding in bindings {
                if matches!(binding.value, Value::EndOfMibView) || !binding.oid.starts_with(&root) {
                    return all;
                }
                assert!(binding.oid > at, "{to}: {} after {at}", binding.oid);
                at = binding.oid.clone();
                all.push(binding);
            }
        }
    }

    /// The row whose `column` has this text: its last arc.
    pub(crate) async fn index_of(&self, to: SocketAddr, column: &str, text: &str) -> u32 {
        let rows = self.walk(to, column).await;
        let row = rows
            .iter()
            .find(|row| row.value.as_str() == Some(text))
            .expect("a row of that name");
        *row.oid.arcs().last().expect("an index")
    }
}

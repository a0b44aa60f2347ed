//! A simulated SNMP agent: a sorted list of varbinds and the rules of RFC 3416, without a network.

use bytes::Bytes;
use nhipcau_inventory::poller::{FetchError, Op, Request};
use nhipcau_inventory::recording::Recording;
use nhipcau_inventory::{Oid, SnmpVersion, Value, Varbind};

pub(crate) fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

pub(crate) fn string(text: &str) -> Value {
    Value::OctetString(Bytes::copy_from_slice(text.as_bytes()))
}

/// One agent's view.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agent {
    pub(crate) view: Recording,
    /// Varbinds that fit into one answer; more are cut off.
    pub(crate) answer_varbinds_max: Option<usize>,
}

impl Agent {
    /// Reads a recording (`OID|TYPE|VALUE`).
    pub(crate) fn from_recording(text: &str) -> Self {
        Self {
            view: Recording::parse(text),
            answer_varbinds_max: None,
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.view.objects.insert(oid(name), value);
    }

    pub(crate) fn answer(&self, request: &Request) -> Result<Vec<Varbind>, FetchError> {
        if request.credential.version == SnmpVersion::V1 {
            assert!(
                !matches!(request.op, Op::GetBulk { .. }),
                "GETBULK does not exist in SNMPv1"
            );
        }
        self.view
            .answer(request, self.answer_varbinds_max.unwrap_or(usize::MAX))
    }
}

/// A bytes figure near what the datagram would have.
pub(crate) fn size_of(varbinds: &[Varbind]) -> usize {
    varbinds
        .iter()
        .map(|v| 12 + v.oid.len() + v.value.as_bytes().map_or(4, <[u8]>::len))
        .sum()
}

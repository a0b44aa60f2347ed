//! A simulated SNMP agent: a sorted list of varbinds and the rules of RFC 3416, without a network.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use nhipcau_inventory::poller::{FetchError, Op, Request};
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
    pub(crate) objects: BTreeMap<Oid, Value>,
    /// Varbinds that fit into one answer; more are cut off.
    pub(crate) answer_varbinds_max: Option<usize>,
}

impl Agent {
    /// Reads a recording (`OID|TYPE|VALUE`).
    pub(crate) fn from_recording(text: &str) -> Self {
        let mut objects = BTreeMap::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, '|');
            let (Some(name), Some(kind), Some(raw)) = (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let Ok(name) = name.parse::<Oid>() else {
                continue;
            };
            if let Some(value) = value(kind, raw) {
                objects.insert(name, value);
            }
        }
        Self {
            objects,
            answer_varbinds_max: None,
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.objects.insert(oid(name), value);
    }

    fn next(&self, name: &Oid) -> Varbind {
        match self
            .objects
            .range::<Oid, _>((Bound::Excluded(name), Bound::Unbounded))
            .next()
        {
            Some((oid, value)) => Varbind {
                oid: oid.clone(),
                value: value.clone(),
            },
            None => Varbind {
                oid: name.clone(),
                value: Value::EndOfMibView,
            },
        }
    }

    pub(crate) fn answer(&self, request: &Request) -> Result<Vec<Varbind>, FetchError> {
        let v1 = request.credential.version == SnmpVersion::V1;
        let mut out = Vec::new();
        match request.op {
            Op::Get => {
                for name in &request.oids {
                    let value = self
                        .objects
                        .get(name)
                        .cloned()
                        .unwrap_or(Value::NoSuchInstance);
                    out.push(Varbind {
                        oid: name.clone(),
                        value,
                    });
                }
            }
            Op::GetNext => out.extend(request.oids.iter().map(|name| self.next(name))),
            Op::GetBulk { max_repetitions } => {
                assert!(!v1, "GETBULK does not exist in SNMPv1");
                let mut row: Vec<Oid> = request.oids.clone();
                'rows: for _ in 0..max_repetitions {
                    for name in &mut row {
                        if self.answer_varbinds_max.is_some_and(|max| out.len() >= max) {
                            break 'rows;
                        }
                        let next = self.next(name);
                        *name = next.oid.clone();
                        out.push(next);
                    }
                }
            }
        }
        if v1
            && out
                .iter()
                .any(|v| v.value.is_absent() || matches!(v.value, Value::Counter64(_)))
        {
            return Err(FetchError::NoSuchName);
        }
        Ok(out)
    }
}

fn value(kind: &str, raw: &str) -> Option<Value> {
    let (kind, hex) = match kind.strip_suffix('x') {
        Some(kind) => (kind, true),
        None => (kind, false),
    };
    let bytes = || -> Vec<u8> {
        if hex {
            (0..raw.len() / 2)
                .filter_map(|n| u8::from_str_radix(raw.get(n * 2..n * 2 + 2)?, 16).ok())
                .collect()
        } else {
            raw.as_bytes().to_vec()
        }
    };
    // Recordings hold numbers beyond their type; agents wrap them.
    let number = || raw.trim().parse::<i128>().unwrap_or(0);
    Some(match kind {
        "2" => Value::Integer(number() as i32),
        "4" => Value::OctetString(bytes().into()),
        "5" => Value::Null,
        "6" => Value::Oid(raw.trim().parse().ok()?),
        "64" => {
            let parts: Vec<u8> = if hex {
                bytes()
            } else {
                raw.trim()
                    .split('.')
                    .filter_map(|p| p.parse().ok())
                    .collect()
            };
            Value::IpAddress(parts.try_into().ok()?)
        }
        "65" => Value::Counter32(number() as u32),
        "66" => Value::Gauge32(number() as u32),
        "67" => Value::TimeTicks(number() as u32),
        "70" => Value::Counter64(number() as u64),
        _ => return None,
    })
}

/// A bytes figure near what the datagram would have.
pub(crate) fn size_of(varbinds: &[Varbind]) -> usize {
    varbinds
        .iter()
        .map(|v| 12 + v.oid.len() + v.value.as_bytes().map_or(4, <[u8]>::len))
        .sum()
}

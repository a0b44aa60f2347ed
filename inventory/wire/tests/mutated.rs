//! Mutated answers from agents: encoded as a device encodes them, bent, and taken by the library's decoder, the walk and the
//! assembly. Nothing panics, memory stays bounded, and the device is named.
//!
//! `make mutations` runs the whole million, `NHIPCAU_MUTATIONS` says another number.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_snmp::message::{CommunityMessage, Message};
use async_snmp::{DecodeConfig, Value as Wire, VarBind};
use bytes::Bytes;
use nhipcau_inventory::poller::{FetchError, Input, Output, Poller, PollerConfig, Request};
use nhipcau_inventory::recording::Recording;
use nhipcau_inventory::{Collection, CredentialRef, DeviceSpec, ProfileSet, Value, Varbind};

/// Enough for every change; the million is asked for by the variable.
const MUTATIONS: u64 = 40_000;
/// Families with tables of their own, so that every reader meets nonsense.
const FAMILIES: [&str; 5] = [
    "1.3.6.1.4.1.9.1.503",
    "1.3.6.1.4.1.232.9.4.11",
    "1.3.6.1.4.1.318.1.3.27",
    "1.3.6.1.4.1.1588.2.1.1.1",
    "1.3.6.1.4.1.99999.1",
];

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides.max(1)
    }
}

fn device(family: &str) -> Recording {
    let mut text = format!(
        "1.3.6.1.2.1.1.1.0|4|a switch\n1.3.6.1.2.1.1.2.0|6|{family}\n1.3.6.1.2.1.1.3.0|67|1000000\n1.3.6.1.2.1.1.5.0|4|sw\n"
    );
    for n in 1..=6 {
        text += &format!(
            "1.3.6.1.2.1.2.2.1.2.{n}|4|ge{n}\n1.3.6.1.2.1.2.2.1.5.{n}|66|1000000000\n1.3.6.1.2.1.2.2.1.7.{n}|2|1\n\
             1.3.6.1.2.1.2.2.1.8.{n}|2|1\n1.3.6.1.2.1.31.1.1.1.1.{n}|4|ge{n}\n1.3.6.1.2.1.31.1.1.1.6.{n}|70|5\n\
             1.3.6.1.2.1.31.1.1.1.10.{n}|70|5\n1.3.6.1.2.1.47.1.1.1.1.5.{n}|2|9\n1.3.6.1.2.1.47.1.1.1.1.7.{n}|4|module {n}\n"
        );
    }
    Recording::parse(&text)
}

fn wire(value: &Value) -> Wire {
    match value {
        Value::Integer(n) => Wire::Integer(*n),
        Value::OctetString(bytes) => Wire::OctetString(bytes.clone()),
        Value::Oid(oid) => Wire::ObjectIdentifier(async_snmp::Oid::new(oid.arcs())),
        Value::IpAddress(address) => Wire::IpAddress(*address),
        Value::Counter32(n) => Wire::Counter32(*n),
        Value::Gauge32(n) => Wire::Gauge32(*n),
        Value::TimeTicks(n) => Wire::TimeTicks(*n),
        Value::Counter64(n) => Wire::Counter64(*n),
        Value::Opaque(bytes) => Wire::Opaque(bytes.clone()),
        Value::Null => Wire::Null,
        Value::NoSuchObject => Wire::NoSuchObject,
        Value::NoSuchInstance => Wire::NoSuchInstance,
        Value::EndOfMibView => Wire::EndOfMibView,
    }
}

fn encoded(varbinds: &[Varbind]) -> Vec<u8> {
    let varbinds = varbinds
        .iter()
        .map(|v| VarBind::new(async_snmp::Oid::new(v.oid.arcs()), wire(&v.value)))
        .collect();
    let body = async_snmp::pdu::ResponsePdu::success(async_snmp::Version::V2c, 7, varbinds)
        .expect("an answer of the agent");
    CommunityMessage::v2c(Bytes::from_static(b"public"), body)
        .and_then(|message| message.encode())
        .expect("an answer of the agent")
        .to_vec()
}

/// Bends a datagram: single bits, lengths, tags, cuts, doubled pieces.
fn bend(datagram: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.roll(3) / 2 {
        // Mostly behind the head, where the decoder lets through what then meets the walk.
        let head = if dice.roll(4) > 0 { 24 } else { 0 };
        let at = (head + dice.roll(datagram.len().saturating_sub(head))).min(datagram.len() - 1);
        match dice.roll(12) {
            0 | 9 | 10 => datagram[at] ^= 1 << dice.roll(8),
            1 => datagram[at] = [0, 0x7f, 0x80, 0xff, 0x82, 0x84][dice.roll(6)],
            2 => datagram[at] = [2, 4, 5, 6, 0x30, 0x40, 0x41, 0x46, 0x80, 0x82][dice.roll(10)],
            3 => datagram.truncate(at.max(1)),
            4 => {
                let piece = datagram[at..(at + 1 + dice.roll(40)).min(datagram.len())].to_vec();
                let to = dice.roll(datagram.len());
                datagram.splice(to..to, piece);
            }
            5 => {
                let end = (at + 1 + dice.roll(8)).min(datagram.len());
                datagram.drain(at..end);
            }
            6 => datagram[at] = datagram[at].wrapping_add(1),
            7 => {
                for byte in datagram.iter_mut().skip(at).take(5) {
                    *byte = 0xff;
                }
            }
            _ => {
                let other = dice.roll(datagram.len());
                datagram.swap(at, other);
            }
        }
        if datagram.is_empty() {
            datagram.push(0x30);
        }
    }
}

fn decoded(datagram: Vec<u8>) -> Result<Vec<Varbind>, FetchError> {
    let wrong = |detail: String| FetchError::Malformed(detail);
    let message = Message::decode(Bytes::from(datagram), DecodeConfig::DEFAULT)
        .map_err(|error| wrong(error.to_string()))?;
    let pdu = message
        .value
        .into_pdu()
        .ok_or_else(|| wrong("no PDU".into()))?;
    pdu.into_varbinds()
        .into_iter()
        .map(|v| nhipcau_wire::binding(v).map_err(|error| wrong(error.to_string())))
        .collect()
}

fn spec(n: usize) -> DeviceSpec {
    DeviceSpec {
        id: format!("d{n}").as_str().into(),
        name: format!("d{n}"),
        site: None,
        profile: None,
        poll_interval: Duration::from_secs(5),
        credentials: vec![CredentialRef::v2c("read")],
    }
}

/// What a collection holds, all lists together.
fn size(c: &Collection) -> usize {
    c.interfaces.len() + c.components.len() + c.sensors.len() + c.storage.len() + c.errors.len()
}

/// The most memory this process has had, in the kernel's words.
fn memory_peak() -> String {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| Some(status.lines().find(|l| l.starts_with("VmHWM"))?.to_owned()))
        .map_or_else(|| "memory unknown".to_owned(), |l| l.replace('\t', " "))
}

#[test]
#[allow(clippy::disallowed_methods, clippy::print_stdout)] // One moment to count from; the figure is printed.
fn mutated_answers_pass_decoder_walk_and_assembly_without_harm() {
    let wanted = std::env::var("NHIPCAU_MUTATIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(MUTATIONS);
    let config = PollerConfig {
        walk_varbinds_max: 2_000,
        slow_every: 2,
        ..PollerConfig::default()
    };
    let begun = Instant::now();
    let mut now = begun;
    let mut poller = Poller::new(config, Arc::new(ProfileSet::shipped()), 1);
    let devices: Vec<Recording> = FAMILIES.iter().map(|family| device(family)).collect();
    for n in 0..FAMILIES.len() {
        poller.handle_input(Input::Upsert(spec(n)), now);
    }
    let (mut dice, mut bent, mut refused, mut largest) = (Dice(99), 0_u64, 0_u64, 0);
    let mut named = vec![false; FAMILIES.len()];
    let mut waiting: VecDeque<Request> = VecDeque::new();
    while bent < wanted {
        let wake = loop {
            match poller.poll_output() {
                Output::Send(request) => waiting.push_back(request),
                Output::Collection(collection) => {
                    largest = largest.max(size(&collection));
                    let n: usize = collection.device.as_str()[1..].parse().unwrap();
                    named[n] |= collection.unreachable.is_some() || !collection.errors.is_empty();
                }
                Output::Probed { .. } => {}
                Output::Timeout(at, _) => break at,
            }
        };
        let Some(request) = waiting.pop_front() else {
            now = now.max(wake.expect("polls go on"));
            poller.handle_input(Input::Timeout, now);
            continue;
        };
        let n: usize = request.device.as_str()[1..].parse().unwrap();
        let mut datagram = encoded(&devices[n].answer(&request, 200).unwrap_or_default());
        // A device whose every answer is bent never gets past its system group.
        if dice.roll(3) > 0 {
            bent += 1;
            bend(&mut datagram, &mut dice);
        }
        let bytes = datagram.len();
        let result = decoded(datagram);
        refused += u64::from(result.is_err());
        now += Duration::from_millis(2);
        poller.handle_input(
            Input::Reply {
                request: request.id,
                result,
                bytes,
            },
            now,
        );
        assert!(poller.in_flight() <= 64);
    }
    println!(
        "{bent} mutated answers, {refused} refused by the decoder, largest collection {largest} things, {:.1} s, {}",
        begun.elapsed().as_secs_f64(),
        memory_peak()
    );
    assert!(
        refused > 0 && refused < bent,
        "both ways are tried: {refused} of {bent}"
    );
    assert!(largest < 20_000, "{largest} things in one collection");
    assert!(
        named.iter().all(|named| *named),
        "every device is named for what it did"
    );
}

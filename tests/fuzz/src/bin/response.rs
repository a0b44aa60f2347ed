//! What agents answer: datagrams through the SNMP library's decoder and our conversion into walks and collections.
//!
//! The input is a family (one byte) and then pieces, each with its length in two bytes. Half of them are datagrams that answer as they
//! are; the others answer under the names that were asked, so that they get past the walk's first look.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use async_snmp::message::Message;
use async_snmp::{DecodeConfig, Oid as WireOid};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use nhipcau_fuzz::pieces;
use nhipcau_inventory::poller::{FetchError, Input, Output, Poller, PollerConfig, Request};
use nhipcau_inventory::{CredentialRef, DeviceId, DeviceSpec, Oid, ProfileSet, Value, Varbind};

static PROFILES: LazyLock<Arc<ProfileSet>> = LazyLock::new(|| Arc::new(ProfileSet::shipped()));
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// sysObjectIDs of families with tables of their own.
const FAMILIES: [&str; 8] = [
    "1.3.6.1.4.1.9.1.503",
    "1.3.6.1.4.1.232.9.4.11",
    "1.3.6.1.4.1.318.1.3.27",
    "1.3.6.1.4.1.1588.2.1.1.1",
    "1.3.6.1.4.1.2011.2.23.95",
    "1.3.6.1.4.1.12356.101.1.1",
    "1.3.6.1.4.1.8072.3.2.10",
    "0.0",
];

fuzz_target!(|data: &[u8]| {
    let Some((&family, rest)) = data.split_first() else {
        return;
    };
    let config = PollerConfig {
        walk_varbinds_max: 1_000,
        ..PollerConfig::default()
    };
    let mut now = *START;
    let mut poller = Poller::new(config, PROFILES.clone(), 1);
    poller.handle_input(Input::Upsert(device()), now);
    let mut pieces = pieces(rest).peekable();
    let mut questions = 0;
    while pieces.peek().is_some() && questions < 400 {
        match poller.poll_output() {
            Output::Send(request) => {
                questions += 1;
                now += Duration::from_millis(3);
                let result = if asks_family(&request) {
                    Ok(vec![named(
                        &request,
                        FAMILIES[usize::from(family) % FAMILIES.len()],
                    )])
                } else {
                    answer(&request, pieces.next().unwrap_or_default())
                };
                let input = Input::Reply {
                    request: request.id,
                    result,
                    bytes: 100,
                };
                poller.handle_input(input, now);
            }
            Output::Timeout(Some(when), _) => {
                now = now.max(when);
                poller.handle_input(Input::Timeout, now);
                questions += 1;
            }
            Output::Timeout(None, _) => break,
            _ => {}
        }
    }
    assert!(poller.in_flight() <= 64);
});

fn device() -> DeviceSpec {
    DeviceSpec {
        id: DeviceId::from("d"),
        name: "d".into(),
        site: None,
        credentials: vec![CredentialRef::v2c("c")],
        profile: None,
        poll_interval: Duration::from_secs(30),
    }
}

fn asks_family(request: &Request) -> bool {
    let family: Oid = "1.3.6.1.2.1.1.2.0".parse().expect("an OID");
    request.oids.len() == 1 && request.oids[0] == family
}

fn named(request: &Request, family: &str) -> Varbind {
    Varbind {
        oid: request.oids[0].clone(),
        value: Value::Oid(family.parse().expect("an OID")),
    }
}

fn answer(request: &Request, piece: &[u8]) -> Result<Vec<Varbind>, FetchError> {
    let malformed = || FetchError::Malformed("fuzz".to_owned());
    let datagram = Bytes::copy_from_slice(piece);
    let message = Message::decode(datagram, DecodeConfig::DEFAULT).map_err(|_| malformed())?;
    let varbinds = message
        .value
        .into_pdu()
        .ok_or_else(malformed)?
        .into_varbinds();
    let mut bindings = nhipcau_wire::bindings(&varbinds).map_err(|_| malformed())?;
    if piece.len() % 2 == 0 {
        for (n, binding) in bindings.iter_mut().enumerate() {
            let under = &request.oids[n % request.oids.len()];
            let row = WireOid::new([n as u32 / request.oids.len() as u32 + 1]);
            binding.oid = under.join(row.arcs());
        }
    }
    Ok(bindings)
}

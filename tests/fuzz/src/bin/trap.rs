//! The trap path: a datagram of a known sender becomes a decision, and what is taken becomes text for people.
#![no_main]

use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use async_snmp::{AuthProtocol, PrivProtocol};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use nhipcau_inventory::names::Names;
use nhipcau_wire::port::{Access, Decision, Identity, Port, User, VARIABLES_MAX};

static NAMES: LazyLock<Names> = LazyLock::new(Names::builtin);

struct State {
    port: Port,
    now: Instant,
}

static STATE: LazyLock<Mutex<State>> = LazyLock::new(|| {
    let now = Instant::now();
    let privacy = Some((PrivProtocol::Aes128, "12345678"));
    let users = ["public", "admin", "usr-sha-aes"].map(|name| {
        User::new(name, (AuthProtocol::Sha1, "12345678"), privacy).expect("long enough")
    });
    let access = Access {
        communities: vec![Bytes::from_static(b"public"), Bytes::from_static(b"")],
        users: users.to_vec(),
    };
    let identity = Identity {
        id: Bytes::from_static(b"\x80\x00\x1f\x88\x04nhip-cau"),
        boots: 1,
        started: now,
    };
    Mutex::new(State {
        port: Port::new(identity, access).expect("entropy"),
        now,
    })
});

fuzz_target!(|data: &[u8]| {
    let source: SocketAddr = "192.0.2.7:161".parse().expect("an address");
    let mut state = STATE.lock().expect("no panic before");
    state.now += Duration::from_millis(7);
    let now = state.now;
    match state.port.judge(&Bytes::copy_from_slice(data), source, now) {
        Decision::Trap(trap) => look(&trap),
        Decision::Inform { trap, reply, .. } => {
            assert!(!reply.is_empty() && reply.len() <= 65_507);
            look(&trap);
        }
        Decision::Refuse(_, Some(report)) | Decision::Introduce(report) => {
            // A report must not make this port an amplifier.
            assert!(report.len() < 256, "{} bytes", report.len());
        }
        Decision::Refuse(_, None) => {}
    }
});

fn look(trap: &nhipcau_inventory::trap::Trap) {
    assert!(trap.varbinds.len() <= VARIABLES_MAX);
    for varbind in &trap.varbinds {
        let spoken = NAMES.spoken(varbind);
        assert!(
            !spoken
                .name
                .chars()
                .chain(spoken.text.chars())
                .any(char::is_control)
        );
        assert!(spoken.text.len() <= 2_048, "{}", spoken.text.len());
    }
}

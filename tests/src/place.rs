//! Addresses that nobody else uses: each daemon and each agent of a test gets a loopback address of its own, so that usual ports stay free.

use std::fs::File;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU8, Ordering};

static NUMBER: AtomicU8 = AtomicU8::new(1);

/// An address of 127.64.0.0/10 that this process has not given before. The second and third octets come from the process id, so that
/// test binaries which run side by side stay apart.
///
/// # Panics
/// After 254 addresses.
#[must_use]
pub fn address() -> Ipv4Addr {
    let process = std::process::id();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    assert!(number < 255, "254 addresses are enough for one test binary");
    Ipv4Addr::new(
        127,
        64 + (process / 250 % 64) as u8,
        (process % 250) as u8,
        number,
    )
}

/// This machine's own address on a road to elsewhere, `None` (said loudly) when it has none. Nothing is sent.
#[must_use]
pub fn own_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok();
    // An address of documentation (RFC 5737): connecting only asks the routing table.
    let own = socket
        .filter(|socket| socket.connect("203.0.113.1:9").is_ok())
        .and_then(|socket| Some(socket.local_addr().ok()?.ip()))
        .filter(|own| !own.is_loopback());
    if own.is_none() {
        crate::missing("this machine has no address but loopback");
    }
    own
}

/// The right to run the simulated province, whose addresses are fixed: one daemon of the machine at a time.
#[derive(Debug)]
pub struct LabTurn(
    #[expect(dead_code, reason = "held for its lock, which its closing gives back")] File,
);

/// Waits for the turn.
///
/// # Panics
/// When the temporary directory cannot be written.
#[must_use]
pub fn lab_turn() -> LabTurn {
    let path = std::env::temp_dir().join("nhipcau-lab.lock");
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .expect("the temporary directory takes a lock file");
    file.lock().expect("the lock is given in the end");
    LabTurn(file)
}

//! The lab as its peers see it: net-snmp, an SNMP client, a receiver of notifications, and somebody hostile.
#![allow(
    clippy::print_stderr,
    reason = "figures and skipped tests are told to whoever runs them"
)]

mod client;
mod faults;
mod hostile;
mod netsnmp;
mod replay;
mod walks;

use std::net::SocketAddr;

use nhipcau_lab::{Lab, LabConfig};

/// A lab of its own for the test `number`: an address range that no other test uses, and a port that no other run does.
fn config(number: u8) -> LabConfig {
    LabConfig {
        base: [100 + number, 0],
        port: 20_000 + (std::process::id() % 40_000) as u16,
        ..LabConfig::default()
    }
}

async fn lab(number: u8) -> Lab {
    Lab::start(config(number)).await.expect("the lab starts")
}

fn address(lab: &Lab, id: &str) -> SocketAddr {
    let list = lab.list();
    list.devices
        .iter()
        .find(|device| device.id == id)
        .expect("the device is in the plan")
        .address
}

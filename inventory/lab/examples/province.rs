//! Runs the province until Ctrl-C, for a look at it with net-snmp and for measuring what it costs:
//! `cargo run --release -p nhipcau-lab --example province [TRAP_TARGET]`.
#![allow(clippy::print_stdout, reason = "a program for people at a terminal")]

use nhipcau_lab::{Lab, LabConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let trap_target = std::env::args()
        .nth(1)
        .map(|target| target.parse())
        .transpose()?;
    let started = std::time::Instant::now();
    let lab = Lab::start(LabConfig {
        trap_target,
        ..LabConfig::default()
    })
    .await?;
    println!("started in {:?}", started.elapsed());
    let list = lab.list();
    for device in &list.devices {
        println!(
            "{:24} {:22} {:5} variables  {}",
            device.id, device.address, device.variables, device.name
        );
    }
    println!(
        "{} variables in {} devices, {} links",
        list.devices
            .iter()
            .map(|device| device.variables)
            .sum::<usize>(),
        list.devices.len(),
        list.links.len()
    );
    tokio::signal::ctrl_c().await?;
    lab.stop().await;
    Ok(())
}

//! What the pure part of a poll costs. Prints a figure in release builds; holds the number of requests in every build.
//!
//! `cargo test --release -p nhipcau-inventory --test inventory cost -- --nocapture`

use std::time::{Duration, Instant};

use nhipcau_inventory::poller::{Input, Output, Poller, PollerConfig};
use nhipcau_inventory::{CollectionScope, ProfileSet};

use crate::agent::{Agent, size_of};
use crate::corpora::{corpora, skipped};
use crate::network::{Network, spec, well};

/// The standard load: 48 ports, 30 columns.
const LOAD: &str = "snmp/if48.snmprec";

#[test]
fn a_poll_of_48_ports_asks_little() {
    let Some(text) = corpora(LOAD) else {
        return skipped("the cost of a poll");
    };
    let mut network = Network::new(PollerConfig::default(), 1);
    network.watch(spec("sw", 60), Agent::from_recording(&text));
    network.run_for(Duration::from_secs(900), well);
    let last = network.last("sw");
    assert_eq!(last.interfaces.len(), 48);
    assert_eq!(last.errors, []);
    let usual = network
        .collections
        .iter()
        .map(|c| c.statistics.requests)
        .min()
        .unwrap();
    assert!(usual <= 14, "{usual} requests");
    assert_eq!(last.scope, CollectionScope::Full);
}

#[test]
#[allow(clippy::print_stdout, clippy::disallowed_methods)] // A measurement needs the clock and says what it found.
fn the_pure_part_of_a_poll() {
    const ROUNDS: u32 = 200;
    let Some(text) = corpora(LOAD) else {
        return skipped("the cost of a poll");
    };
    let agent = Agent::from_recording(&text);
    let mut now = Instant::now();
    let config = PollerConfig {
        slow_every: 1,
        ..PollerConfig::default()
    };
    let mut poller = Poller::new(config, ProfileSet::shipped().into(), 1);
    poller.handle_input(Input::Upsert(spec("sw", 60)), now);
    let (mut spent, mut polls, mut varbinds) = (Duration::ZERO, 0_u32, 0_u64);
    while polls < ROUNDS {
        let begin = Instant::now();
        let output = poller.poll_output();
        spent += begin.elapsed();
        match output {
            Output::Send(request) => {
                let result = agent.answer(&request);
                let bytes = result.as_ref().map_or(0, |v| size_of(v));
                now += Duration::from_millis(2);
                let begin = Instant::now();
                poller.handle_input(
                    Input::Reply {
                        request: request.id,
                        result,
                        bytes,
                    },
                    now,
                );
                spent += begin.elapsed();
            }
            Output::Collection(collection) => {
                polls += 1;
                varbinds += collection.statistics.varbinds;
            }
            Output::Probed { .. } => unreachable!("nobody asked"),
            Output::Timeout(at, _) => {
                now = now.max(at.unwrap());
                let begin = Instant::now();
                poller.handle_input(Input::Timeout, now);
                spent += begin.elapsed();
            }
        }
    }
    assert!(varbinds > 1_000 * u64::from(ROUNDS));
    let per_poll = spent.as_secs_f64() * 1e6 / f64::from(ROUNDS);
    let per_varbind = spent.as_secs_f64() * 1e9 / varbinds as f64;
    println!(
        "pure part: {per_poll:.0} µs a poll, {per_varbind:.0} ns a varbind, {} varbinds a poll",
        varbinds / u64::from(ROUNDS)
    );
}

//! `kill -9` while bookings are made: what was acknowledged is there afterwards.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use nhipcau_tests::daemon::{Daemon, Setup};
use serde_json::{Value, json};
use ureq::http::Method;

const ROUNDS: u32 = 12;
const WRITERS: u32 = 3;

fn booking(title: &str) -> Value {
    json!({
        "title": title, "starts_at": "2031-01-02T01:00:00Z", "ends_at": "2031-01-02T02:00:00Z",
        "chair_site": "tinh", "sites": ["xa"], "accept_conflicts": true,
    })
}

#[test]
fn every_acknowledged_booking_survives_kill_9() {
    let config = "sites: [{id: tinh, name: \"Tỉnh\"}, {id: xa, name: \"Xã\", parent: tinh}]\n";
    let mut daemon = Daemon::start(Setup {
        config: config.to_owned(),
        ..Setup::default()
    });
    let admin = daemon.admin();
    let acknowledged = Mutex::new(BTreeSet::new());
    for round in 0..ROUNDS {
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (admin, acknowledged) = (&admin, &acknowledged);
                scope.spawn(move || {
                    for number in 0.. {
                        let title = format!("{round}/{writer}/{number}");
                        match admin.try_call(
                            Method::POST,
                            "/api/v1/conferences",
                            Some(&booking(&title)),
                        ) {
                            Ok(answer) if answer.status == 200 => {
                                acknowledged.lock().expect("no writer panics").insert(title);
                            }
                            Ok(answer) => panic!("{title}: {}", answer.text()),
                            // The daemon is gone: whether this one was stored, nobody promised.
                            Err(_) => return,
                        }
                    }
                });
            }
            // Another moment of the stream each round.
            thread::sleep(Duration::from_millis(u64::from(60 + 37 * (round % 5))));
            daemon.kill();
        });
        daemon.restart();
    }
    let rows = admin.get("/conferences?from=2031-01-01T00:00:00Z&to=2031-01-03T00:00:00Z");
    let there: BTreeSet<String> = rows
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| row["title"].as_str().expect("a title").to_owned())
        .collect();
    let acknowledged = acknowledged.into_inner().expect("no writer panicked");
    assert!(
        acknowledged.len() >= ROUNDS as usize,
        "only {} bookings in {ROUNDS} rounds",
        acknowledged.len()
    );
    let lost: Vec<&String> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "lost of {}: {lost:?}", acknowledged.len());
}

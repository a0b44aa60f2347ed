//! Agents that lie, never end, answer too much or answer nonsense.

use std::time::Duration;

use nhipcau_inventory::poller::{FetchError, Op, PollerConfig};
use nhipcau_inventory::{Value, Varbind};

use crate::agent::{oid, string};
use crate::network::{Dice, Fate, Network, spec, well};
use crate::polls::switch;

/// What an evil agent makes of a GETBULK.
fn evil(
    network: &mut Network,
    mut answer: impl FnMut(&[nhipcau_inventory::Oid], u32) -> Result<Vec<Varbind>, FetchError>,
) {
    network.run_for(Duration::from_secs(130), |request, _| match request.op {
        Op::GetBulk { max_repetitions } if request.oids[0].starts_with(&oid("1.3.6.1.2.1.2.2")) => {
            Fate::Instead(
                answer(&request.oids, max_repetitions),
                Duration::from_millis(5),
            )
        }
        _ => Fate::Answer(Duration::from_millis(5)),
    });
}

#[test]
fn endless_backwards_and_foreign_walks_end_with_the_tables_name_and_spare_the_rest() {
    let start = |seed| {
        let mut network = Network::new(
            PollerConfig {
                walk_varbinds_max: 5_000,
                ..PollerConfig::default()
            },
            seed,
        );
        let mut sw = switch(4);
        sw.set("1.3.6.1.2.1.47.1.1.1.1.5.1", Value::Integer(3));
        sw.set("1.3.6.1.2.1.47.1.1.1.1.7.1", string("Chassis"));
        network.watch(spec("sw", 60), sw);
        network
    };
    let failed = |network: &Network, detail: &str| {
        let last = network.last("sw");
        assert_eq!(last.unreachable, None);
        let error = last
            .errors
            .iter()
            .find(|r| r.text("table") == Some("interfaces"))
            .expect("the table is named");
        assert!(error.text("detail").unwrap().contains(detail), "{error:?}");
        assert_eq!(last.components.len(), 1, "the other tables are there");
    };
    let mut network = start(1);
    let mut n = 0;
    evil(&mut network, |oids, rows| {
        Ok((0..rows as usize * oids.len())
            .map(|i| {
                n += u32::from(i % oids.len() == 0);
                Varbind {
                    oid: column(&oids[i % oids.len()]).join(&[n]),
                    value: Value::Integer(1),
                }
            })
            .collect())
    });
    failed(&network, "never ends");
    let mut network = start(2);
    evil(&mut network, |oids, _| {
        let back = oids.iter().map(|o| Varbind {
            oid: column(o).join(&[5]),
            value: Value::Integer(1),
        });
        Ok(back.clone().chain(back).collect())
    });
    failed(&network, "backwards");
    assert!(network.poller.counters().walks_broken > 0);
    let mut network = start(3);
    evil(&mut network, |_, _| Ok(Vec::new()));
    failed(&network, "does not fit");
}

/// The column that a name lies in (ifTable and ifXTable).
fn column(name: &nhipcau_inventory::Oid) -> nhipcau_inventory::Oid {
    let arcs: Vec<u32> = name.arcs().collect();
    let length = if arcs[..7] == [1, 3, 6, 1, 2, 1, 2] {
        10
    } else {
        11
    };
    nhipcau_inventory::Oid::from_arcs(&arcs[..length.min(arcs.len())]).unwrap()
}

#[test]
fn a_table_that_fails_once_keeps_its_last_good_values() {
    let mut network = Network::new(PollerConfig::default(), 1);
    network.watch(spec("sw", 60), switch(3));
    network.run_for(Duration::from_secs(30), well);
    let read_at = network.last("sw").interfaces[0].read_at;
    evil(&mut network, |_, _| Err(FetchError::GenErr));
    let last = network.last("sw").clone();
    assert_eq!(
        (last.interfaces.len(), last.interfaces[0].read_at),
        (3, read_at)
    );
    assert!(
        last.errors
            .iter()
            .any(|r| r.text("table") == Some("interfaces"))
    );
    let table = last
        .tables
        .iter()
        .find(|t| &*t.table == "interfaces")
        .unwrap();
    assert_eq!(
        (table.read_at, table.error.as_deref()),
        (Some(read_at), Some("genErr"))
    );
}

#[test]
fn max_repetitions_is_halved_until_the_agent_bears_it_and_is_remembered() {
    let mut network = Network::new(
        PollerConfig {
            slow_every: 1,
            ..PollerConfig::default()
        },
        1,
    );
    network.watch(spec("sw", 60), switch(30));
    network.keep_requests = true;
    let mut too_big = 0;
    network.run_for(Duration::from_secs(400), |request, _| match request.op {
        Op::GetBulk { max_repetitions } if max_repetitions > 3 => {
            too_big += 1;
            Fate::Instead(Err(FetchError::TooBig), Duration::from_millis(5))
        }
        _ => Fate::Answer(Duration::from_millis(5)),
    });
    assert_eq!(network.last("sw").interfaces.len(), 30);
    assert_eq!(network.last("sw").errors, []);
    assert!(too_big < 40, "{too_big} questions too big in seven polls");
}

#[test]
fn an_answer_of_64_kilobytes_and_more_is_refused() {
    let mut network = Network::new(
        PollerConfig {
            reply_bytes_max: 20_000,
            ..PollerConfig::default()
        },
        1,
    );
    network.watch(spec("sw", 60), switch(3));
    evil(&mut network, |oids, _| {
        Ok(vec![Varbind {
            oid: column(&oids[0]).join(&[1]),
            value: Value::OctetString(vec![b'x'; 64_000].into()),
        }])
    });
    let error = &network.last("sw").errors[0];
    assert!(error.text("detail").unwrap().contains("bytes"), "{error:?}");
}

/// A value that nobody expects there.
fn nonsense(dice: &mut Dice) -> Value {
    match dice.roll(12) {
        0 => Value::Integer(-1),
        1 => Value::OctetString(vec![0xff; dice.roll(300) as usize].into()),
        2 => Value::Oid(oid("0.0")),
        3 => Value::Counter64(u64::MAX - dice.roll(5)),
        4 => Value::Counter32(dice.roll(1 << 32) as u32),
        5 => Value::TimeTicks(dice.roll(1 << 32) as u32),
        6 => Value::IpAddress([255; 4]),
        7 => Value::Null,
        8 => Value::Opaque(vec![0x9f, 0x78].into()),
        9 => Value::NoSuchInstance,
        10 => string("\u{1b}[31m<script>\u{202e}=1+1"),
        _ => Value::EndOfMibView,
    }
}

#[test]
fn ten_thousand_mutated_answers_bring_down_nothing() {
    let config = PollerConfig {
        walk_varbinds_max: 2_000,
        slow_every: 2,
        ..PollerConfig::default()
    };
    let mut network = Network::new(config, 1);
    let mut watch =
        nhipcau_inventory::watch::Watch::new(nhipcau_inventory::watch::WatchConfig::default());
    // Object identifiers that lead to families with tables of their own.
    let families = [
        "1.3.6.1.4.1.9.1.503",
        "1.3.6.1.4.1.232.9.4.11",
        "1.3.6.1.4.1.318.1.3.27",
        "1.3.6.1.4.1.1588.2.1.1.1",
        "0.0",
    ];
    for (n, family) in families.iter().enumerate() {
        let mut agent = switch(5);
        agent.set("1.3.6.1.2.1.1.2.0", Value::Oid(oid(family)));
        watch.handle_input(
            nhipcau_inventory::watch::Input::Device(spec(&format!("d{n}"), 10)),
            network.now,
        );
        network.watch(spec(&format!("d{n}"), 10), agent);
    }
    network.watch = Some(watch);
    let (mut dice, mut answers) = (Dice(77), 0_u64);
    network.run_for(Duration::from_secs(1_500), |request, _| {
        answers += 1;
        let after = Duration::from_millis(dice.roll(30));
        if dice.roll(4) == 0 {
            return Fate::Answer(after);
        }
        let rows = match request.op {
            Op::GetBulk { max_repetitions } => dice.roll(u64::from(max_repetitions) + 2),
            _ => 1,
        };
        let mut varbinds = Vec::new();
        for row in 0..rows {
            for name in &request.oids {
                let oid = match dice.roll(10) {
                    0 => oid("1.3.6.1.2.1.1.1.0"),
                    1 => name.join(&[u32::MAX, dice.roll(300) as u32]),
                    _ if request.op == Op::Get => name.clone(),
                    _ => name.join(&[row as u32 + 1]),
                };
                varbinds.push(Varbind {
                    oid,
                    value: nonsense(&mut dice),
                });
            }
        }
        varbinds.truncate(dice.roll(varbinds.len() as u64 + 1) as usize);
        Fate::Instead(Ok(varbinds), after)
    });
    assert!(answers > 10_000, "{answers} answers");
    assert!(network.poller.in_flight() <= 10);
    let text = format!("{:?}", network.last("d0").system);
    assert!(
        !text.contains("\\u{1b}") && !text.contains("\\u{202e}"),
        "{text}"
    );
}

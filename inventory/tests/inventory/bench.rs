//! The bench on which profiles are made: recorders among agents that break, proposals that hold, shipped profiles without doubts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nhipcau_inventory::poller::{FetchError, Op};
use nhipcau_inventory::recording::Recording;
use nhipcau_inventory::workbench::{
    Outcome, Question, Recorder, RecorderConfig, Severity, coverage, learn, lint, profile_name,
};
use nhipcau_inventory::{ProfileSet, Value, Varbind};

use crate::agent::{Agent, oid};
use crate::corpora::{corpora, recordings, skipped};
use crate::polls::switch;

#[allow(clippy::disallowed_methods)] // A simulation needs one moment to count from.
fn record(
    config: RecorderConfig,
    mut answer: impl FnMut(&Question) -> Result<Vec<Varbind>, FetchError>,
) -> (Outcome, usize) {
    let mut recorder = Recorder::new(config);
    let mut now = Instant::now();
    let mut questions = 0;
    while let Some(question) = recorder.poll_output(now) {
        questions += 1;
        assert!(questions < 100_000, "the recorder comes to an end");
        let reply = answer(&question);
        now += match reply {
            Err(FetchError::Timeout) => question.timeout,
            _ => Duration::from_millis(5),
        };
        recorder.handle_input(reply);
    }
    (recorder.finish(), questions)
}

fn next(agent: &Agent, question: &Question) -> Vec<Varbind> {
    let rows = match question.op {
        Op::GetBulk { max_repetitions } => max_repetitions,
        _ => 1,
    };
    let mut at = question.oids[0].clone();
    let mut out = Vec::new();
    for _ in 0..rows {
        let found = agent
            .view
            .objects
            .range((std::ops::Bound::Excluded(&at), std::ops::Bound::Unbounded))
            .next();
        match found {
            Some((name, value)) => {
                at = name.clone();
                out.push(Varbind {
                    oid: name.clone(),
                    value: value.clone(),
                });
            }
            None => {
                out.push(Varbind {
                    oid: at.clone(),
                    value: Value::EndOfMibView,
                });
                break;
            }
        }
    }
    out
}

#[test]
fn a_recording_has_everything_and_is_read_like_the_device() {
    let agent = switch(20);
    let (outcome, questions) = record(RecorderConfig::default(), |q| Ok(next(&agent, q)));
    assert_eq!(outcome.recording.objects, agent.view.objects);
    assert_eq!(outcome.troubles, []);
    assert!(questions < 30, "{questions}");
}

#[test]
fn a_recorder_leads_past_a_table_that_breaks_the_agent_and_names_it() {
    let agent = switch(20);
    let broken = oid("1.3.6.1.2.1.2.2.1.7");
    let (outcome, _) = record(RecorderConfig::default(), |q| {
        let rows = next(&agent, q);
        if rows.iter().any(|v| v.oid.starts_with(&broken)) {
            return Err(FetchError::Timeout);
        }
        Ok(rows)
    });
    let missing: Vec<_> = agent
        .view
        .objects
        .keys()
        .filter(|name| !outcome.recording.objects.contains_key(name))
        .collect();
    assert!(!outcome.troubles.is_empty());
    assert!(
        missing
            .iter()
            .all(|name| name.starts_with(&oid("1.3.6.1.2.1.2.2.1"))),
        "{missing:?}"
    );
    assert!(
        outcome
            .recording
            .objects
            .contains_key(&oid("1.3.6.1.2.1.31.1.1.1.1.20"))
    );
}

#[test]
fn a_recorder_ends_among_agents_that_never_end_run_backwards_or_say_nothing() {
    let small = RecorderConfig {
        objects_max: 2_000,
        ..RecorderConfig::default()
    };
    let mut n = 0;
    let (endless, _) = record(small.clone(), |_| {
        n += 1;
        Ok(vec![Varbind {
            oid: oid("1.0.8802.1").join(&[n]),
            value: Value::Integer(1),
        }])
    });
    assert!(endless.recording.objects.len() <= 2_000);
    assert!(endless.troubles.last().unwrap().what.contains("more than"));
    let (backwards, questions) = record(small.clone(), |_| {
        Ok(vec![Varbind {
            oid: oid("1.3.6.1.2.1.1.1.0"),
            value: Value::Integer(1),
        }])
    });
    assert!(questions < 200 && !backwards.troubles.is_empty());
    let (silent, questions) = record(small.clone(), |_| Err(FetchError::Timeout));
    assert!(questions <= 3 && silent.recording.objects.is_empty());
    let agent = switch(500);
    let slow = RecorderConfig {
        deadline: Duration::from_millis(200),
        ..small
    };
    let (late, _) = record(
        RecorderConfig {
            objects_max: 100_000,
            ..slow
        },
        |q| Ok(next(&agent, q)),
    );
    assert!(!late.recording.objects.is_empty());
    assert!(late.troubles.last().unwrap().what.contains("time"));
}

#[test]
fn shipped_profiles_have_no_mistakes() {
    let profiles = ProfileSet::shipped();
    for (name, text) in ProfileSet::shipped_files() {
        let mistakes: Vec<String> = lint(name, text, &profiles)
            .iter()
            .filter(|f| f.severity == Severity::Mistake)
            .map(ToString::to_string)
            .collect();
        assert_eq!(mistakes, Vec::<String>::new(), "{name}");
    }
}

#[test]
#[allow(clippy::disallowed_methods)] // One moment to count from.
fn what_is_learnt_of_any_recording_lints_clean_and_is_read_by_the_test() {
    let shipped = Arc::new(ProfileSet::shipped());
    let mut tried = 0;
    // A few seconds' worth of them: every family's shape is among them.
    for name in recordings().into_iter().step_by(3) {
        let Some(text) = corpora(&format!("snmp/recordings/{name}.snmprec")) else {
            continue;
        };
        let recording = Recording::parse(&text);
        if recording.objects.is_empty() {
            continue;
        }
        tried += 1;
        let proposal = learn(&recording, &shipped);
        let mistakes: Vec<String> = lint("learnt.yaml", &proposal, &shipped)
            .iter()
            .filter(|f| f.severity == Severity::Mistake)
            .map(ToString::to_string)
            .collect();
        assert_eq!(mistakes, Vec::<String>::new(), "{name}\n{proposal}");
        let files = ProfileSet::shipped_files()
            .filter(|(_, text)| {
                let name = text
                    .split("profile: ")
                    .nth(1)
                    .and_then(|t| t.lines().next());
                let extends = proposal.lines().find(|l| l.starts_with("extends:"));
                extends.is_some_and(|e| name.is_some_and(|n| e.contains(n)))
            })
            .map(|(n, t)| (n.to_owned(), t.to_owned()))
            .chain([("learnt.yaml".to_owned(), proposal.clone())]);
        let profiles = Arc::new(ProfileSet::parse(files).unwrap());
        let learnt = profile_name(&proposal).unwrap();
        let Some(collection) = recording.read(&profiles, Some(&learnt), Instant::now()) else {
            panic!("{name}: no end");
        };
        if collection.unreachable.is_some() {
            continue;
        }
        assert_eq!(
            collection.recognised.as_ref().map(|r| &*r.profile),
            Some(&*learnt),
            "{name}"
        );
        let covered = coverage(&recording, &profiles, &learnt).unwrap();
        let left: usize = covered.left_over.iter().map(|l| l.objects).sum();
        assert!(covered.read + left <= covered.objects, "{name}");
    }
    if tried == 0 {
        skipped("proposals for recordings of real devices");
    }
}

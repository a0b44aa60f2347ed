//! A crash after every single log entry of a whole run, then a restart: no step is silently repeated.

use std::collections::BTreeMap;
use std::sync::Arc;

use nhipcau_playbooks::{
    Action, Approver, EngineTerms, Entry, EventKind, Input, Library, LogEntry, NotStarted, Output,
    RunId, RunState, StepState,
};

use crate::bench::{Shell, event, later, library, start};

const WHOLE: &str = "\
name: whole
title: t
on: link_down
changes_devices: false
throttle: {every: 1h, max: 3}
steps:
  - notify: {channel: log, subject: first, text: t, idempotent: true}
  - exec: {argv: [/usr/bin/first]}
  - wait: {for: 2m, or_until: recovered}
  - approve: {by: operator, within: 30m, question: q}
  - on_failure: continue
    exec: {argv: [/usr/bin/second, '{{ event.device }}']}
  - notify: {channel: log, subject: last, text: t}
";

/// Drives whatever is open to its end, as a patient shell would; counts what is performed.
fn drive(shell: &mut Shell, performed: &mut BTreeMap<u32, Vec<String>>) {
    let mut seen = 0;
    for _ in 0..40 {
        while seen < shell.performed.len() {
            let (run, step, action) = shell.performed[seen].clone();
            seen += 1;
            performed.entry(step).or_default().push(name(&action));
            let result = nhipcau_playbooks::StepResult::Done("xong".to_owned());
            shell
                .input(Input::StepDone { run, step, result })
                .expect("taken");
        }
        match shell.views.get(&RunId(1)).map(|view| view.state) {
            Some(RunState::Waiting) => shell.wait(120),
            Some(RunState::Approval) => {
                let by = Approver {
                    name: "Trực ban".to_owned(),
                    operator: true,
                    admin: false,
                };
                shell
                    .input(Input::Approval {
                        run: RunId(1),
                        step: 3,
                        by,
                        approve: true,
                        note: String::new(),
                    })
                    .expect("asked");
            }
            _ => {}
        }
    }
}

fn name(action: &Action) -> String {
    match action {
        Action::Notify(notify) => notify.idempotency_key.clone(),
        Action::Exec(exec) => exec.argv.join(" "),
    }
}

#[test]
fn after_a_crash_at_any_entry_no_step_is_silently_repeated() {
    let library = library(WHOLE);
    let mut whole = Shell::new(Arc::clone(&library));
    whole.event(event(1, EventKind::LinkDown, "s", whole.now));
    let mut once = BTreeMap::new();
    drive(&mut whole, &mut once);
    assert_eq!(whole.state(1), RunState::Done);
    assert_eq!(once.keys().copied().collect::<Vec<_>>(), [0, 1, 4, 5]);
    assert!(once.values().all(|times| times.len() == 1));
    assert_eq!(whole.log.len(), 14, "{:#?}", whole.log);

    for cut in 1..=whole.log.len() {
        // Twice for each cut: the action after the last intent may or may not have taken effect.
        for effect in [false, true] {
            let log = whole.log[..cut].to_vec();
            let last = log.last().expect("at least one").clone();
            let mut performed: BTreeMap<u32, Vec<String>> = BTreeMap::new();
            for entry in &log {
                if let Entry::Intended { step, .. } = entry.entry {
                    let is_last = entry == &last;
                    if !is_last || effect {
                        performed
                            .entry(step)
                            .or_default()
                            .push(once[&step][0].clone());
                    }
                }
            }
            let mut shell = Shell::on(
                Arc::clone(&library),
                EngineTerms::default(),
                log,
                later(start(), 5),
            );
            drive(&mut shell, &mut performed);
            let view = shell.engine.run(RunId(1)).expect("the run is known");
            let in_doubt = match last.entry {
                Entry::Intended { step, .. } => Some(step),
                _ => None,
            };
            match in_doubt {
                Some(0) => {
                    assert_eq!(
                        view.state,
                        RunState::Done,
                        "cut {cut}: an idempotent notification is sent again"
                    );
                    assert!(
                        shell.log[cut..].iter().any(|e| matches!(
                            e.entry,
                            Entry::Intended {
                                step: 0,
                                again: true
                            }
                        )),
                        "and the log says so"
                    );
                    assert!(
                        performed[&0].iter().all(|key| key == "run-1-step-0"),
                        "under the same key"
                    );
                    assert_eq!(performed[&0].len(), 1 + usize::from(effect));
                }
                Some(step) => {
                    assert_eq!(view.state, RunState::Interrupted, "cut {cut}");
                    assert_eq!(view.steps[step as usize].state, StepState::Interrupted);
                    assert!(view.steps[step as usize].detail.is_some());
                    assert!(
                        performed.get(&step).map_or(0, Vec::len) <= 1,
                        "cut {cut}: repeated"
                    );
                }
                None => {
                    assert_eq!(view.state, RunState::Done, "cut {cut}: {:?}", last.entry);
                }
            }
            for (step, times) in &performed {
                assert!(
                    times.len() <= 1 || (*step == 0 && in_doubt == Some(0)),
                    "cut {cut}: step {step} was repeated"
                );
            }
        }
    }
}

#[test]
fn a_second_crash_during_recovery_changes_nothing_more() {
    let library = library(WHOLE);
    let mut whole = Shell::new(Arc::clone(&library));
    whole.event(event(1, EventKind::LinkDown, "s", whole.now));
    drive(&mut whole, &mut BTreeMap::new());
    for cut in 1..=whole.log.len() {
        let first = Shell::on(
            Arc::clone(&library),
            EngineTerms::default(),
            whole.log[..cut].to_vec(),
            later(start(), 5),
        );
        for second in cut..=first.log.len() {
            let shell = Shell::on(
                Arc::clone(&library),
                EngineTerms::default(),
                first.log[..second].to_vec(),
                later(start(), 9),
            );
            let execs = shell
                .performed
                .iter()
                .filter(|(_, _, action)| matches!(action, Action::Exec(_)))
                .count();
            let started: usize = shell
                .log
                .iter()
                .filter(|e| matches!(e.entry, Entry::Intended { step: 1, .. }))
                .count();
            assert!(started <= 1 && execs <= 1, "cut {cut}, then {second}");
            let again = shell
                .log
                .iter()
                .filter(|e| matches!(e.entry, Entry::Intended { again: true, .. }))
                .count();
            assert!(again <= 2);
        }
    }
}

#[test]
fn a_notification_that_kills_the_daemon_is_given_up() {
    let library = library(WHOLE);
    let mut shell = Shell::new(Arc::clone(&library));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    let mut sent = shell.performed.len();
    for _ in 0..10 {
        shell = Shell::on(
            Arc::clone(&library),
            EngineTerms::default(),
            shell.log,
            later(shell.now, 1),
        );
        sent += shell.performed.len();
    }
    assert_eq!((shell.state(1), sent), (RunState::Interrupted, 4));
}

#[test]
fn the_log_comes_before_the_action_and_nothing_follows_an_unwritten_entry() {
    let mut shell = Shell::new(library(WHOLE));
    shell
        .engine
        .handle_input(
            Input::Event(event(1, EventKind::LinkDown, "s", shell.now)),
            shell.now,
        )
        .expect("taken");
    let first: Vec<Output> = (0..3).map(|_| shell.engine.poll_output()).collect();
    assert!(matches!(
        &first[0],
        Output::Log(LogEntry {
            entry: Entry::Started { .. },
            ..
        })
    ));
    assert!(matches!(
        &first[1],
        Output::Log(LogEntry {
            entry: Entry::Intended {
                step: 0,
                again: false
            },
            ..
        })
    ));
    assert!(matches!(&first[2], Output::Perform { step: 0, .. }));
}

#[test]
fn waits_and_questions_go_on_to_their_deadlines_over_a_restart_and_a_clock_set_back() {
    let library = library(WHOLE);
    let mut shell = Shell::new(Arc::clone(&library));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    shell.done();
    shell.done();
    assert_eq!(shell.state(1), RunState::Waiting);
    let log = shell.log.clone();
    let mut back = Shell::on(
        Arc::clone(&library),
        EngineTerms::default(),
        log.clone(),
        later(shell.now, 50),
    );
    assert_eq!(
        back.drain(),
        Some(back.now.instant + std::time::Duration::from_secs(70))
    );
    back.wait(70);
    assert_eq!(back.state(1), RunState::Approval);
    // The wall clock was set back by an hour: still no longer than it was written.
    let mut early = shell.now;
    early.at -= jiff::SignedDuration::from_hours(1);
    let mut set_back = Shell::on(
        Arc::clone(&library),
        EngineTerms::default(),
        log.clone(),
        early,
    );
    assert_eq!(
        set_back.drain(),
        Some(early.instant + std::time::Duration::from_secs(120))
    );
    // It was down for longer than the wait.
    let mut late = Shell::on(
        Arc::clone(&library),
        EngineTerms::default(),
        log,
        later(shell.now, 500),
    );
    late.wait(0);
    assert_eq!(late.state(1), RunState::Approval);
    let asked = late.log.clone();
    let mut lapsed = Shell::on(
        library,
        EngineTerms::default(),
        asked,
        later(late.now, 1800),
    );
    lapsed.wait(0);
    assert_eq!(lapsed.state(1), RunState::Failed);
}

#[test]
fn a_recovery_that_was_logged_ends_the_wait_after_the_restart() {
    let library = Arc::new(Library::shipped());
    let mut shell = Shell::new(Arc::clone(&library));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    shell.done();
    shell.event(event(2, EventKind::LinkUp, "s", shell.now));
    let at = shell
        .log
        .iter()
        .position(|e| matches!(e.entry, Entry::Recovered { .. }))
        .expect("logged");
    let back = Shell::on(
        library,
        EngineTerms::default(),
        shell.log[..=at].to_vec(),
        later(shell.now, 5),
    );
    assert!(back.subjects()[0].starts_with("Đã khôi phục"));
}

#[test]
fn a_run_whose_playbook_changed_is_interrupted_and_says_why() {
    let mut shell = Shell::new(library(WHOLE));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    shell.done();
    for changed in [
        WHOLE.replacen("/usr/bin/first", "/usr/bin/other", 1),
        WHOLE.replacen("name: whole", "name: gone", 1),
    ] {
        let back = Shell::on(
            library(&changed),
            EngineTerms::default(),
            shell.log.clone(),
            later(shell.now, 5),
        );
        assert!(back.performed.is_empty());
        let view = &back.views[&RunId(1)];
        assert_eq!((view.state, view.steps.len()), (RunState::Interrupted, 1));
        assert!(
            view.steps[0]
                .detail
                .as_ref()
                .is_some_and(|detail| detail.contains("thay đổi"))
        );
    }
}

#[test]
fn throttles_and_run_numbers_survive_a_restart() {
    let library = library(WHOLE);
    let mut shell = Shell::new(Arc::clone(&library));
    for id in 1..=3 {
        shell.event(event(id, EventKind::LinkDown, "s", shell.now));
        let mut log = shell.log.clone();
        log.push(LogEntry {
            run: RunId(id),
            at: shell.now.at,
            entry: Entry::Ended {
                state: RunState::Done,
            },
        });
        shell = Shell::on(
            Arc::clone(&library),
            EngineTerms::default(),
            log,
            later(shell.now, 10),
        );
    }
    shell.event(event(9, EventKind::LinkDown, "s", shell.now));
    assert_eq!(shell.not_started, [NotStarted::Throttled]);
    shell.wait(3600);
    shell.event(event(10, EventKind::LinkDown, "s", shell.now));
    assert!(
        shell.views.contains_key(&RunId(4)),
        "numbers go on above the log's greatest"
    );
}

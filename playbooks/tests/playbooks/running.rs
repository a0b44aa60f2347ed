//! What an event starts, and how a run goes.

use std::sync::Arc;

use nhipcau_playbooks::{
    Approver, EngineTerms, EventKind, Input, Library, NotStarted, Refusal, RunId, RunState,
    StepResult, StepState,
};

use crate::bench::{Shell, event, library, start};

fn approver(operator: bool) -> Approver {
    Approver {
        name: "Trực ban".to_owned(),
        operator,
        admin: false,
    }
}

#[test]
fn the_shipped_link_down_tells_waits_and_tells_of_the_recovery() {
    let mut shell = Shell::new(Arc::new(Library::shipped()));
    let subject = "tinh-khe/Gi0/0/1";
    shell.event(event(1, EventKind::LinkDown, subject, shell.now));
    assert_eq!(
        shell.subjects(),
        ["Đứt đường truyền: cổng Gi0/0/1 của Tịnh Khê"]
    );
    shell.done();
    assert_eq!(shell.state(1), RunState::Waiting);
    shell.wait(60);
    shell.event(event(2, EventKind::LinkUp, "another/port", shell.now));
    assert_eq!(
        shell.state(1),
        RunState::Waiting,
        "another link's recovery is none"
    );
    shell.event(event(3, EventKind::LinkUp, subject, shell.now));
    assert_eq!(
        shell.subjects()[1],
        "Đã khôi phục: cổng Gi0/0/1 của Tịnh Khê"
    );
    shell.done();
    assert_eq!(shell.state(1), RunState::Done);
    let states: Vec<StepState> = shell.views[&RunId(1)]
        .steps
        .iter()
        .map(|step| step.state)
        .collect();
    assert_eq!(
        states,
        [
            StepState::Done,
            StepState::Done,
            StepState::Done,
            StepState::Skipped
        ]
    );
    assert_eq!(shell.performed.len(), 2);
}

#[test]
fn the_shipped_link_down_tells_that_it_is_still_down() {
    let mut shell = Shell::new(Arc::new(Library::shipped()));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    shell.done();
    shell.wait(119);
    assert_eq!(shell.performed.len(), 1);
    shell.wait(1);
    assert!(shell.subjects()[1].starts_with("Vẫn đứt sau 2 phút"));
    shell.done();
    assert_eq!(shell.state(1), RunState::Done);
}

#[test]
fn the_shipped_sensor_critical_asks_and_a_recovery_withdraws_the_question() {
    let go = |shell: &mut Shell| {
        shell.event(event(1, EventKind::SensorCritical, "s", shell.now));
        shell.done();
        shell.wait(300);
        shell.done();
        assert_eq!(shell.state(1), RunState::Approval);
    };
    let answer = |shell: &mut Shell, by, approve| {
        shell.input(Input::Approval {
            run: RunId(1),
            step: 3,
            by,
            approve,
            note: "\u{7}gọi lại".to_owned(),
        })
    };
    let mut shell = Shell::new(Arc::new(Library::shipped()));
    go(&mut shell);
    assert_eq!(
        answer(&mut shell, approver(false), true),
        Err(Refusal::Forbidden)
    );
    answer(&mut shell, approver(true), true).expect("approved");
    assert_eq!(
        answer(&mut shell, approver(true), true),
        Err(Refusal::NotAsked),
        "only once"
    );
    assert!(shell.subjects()[2].starts_with("Đã duyệt giảm tải"));
    let detail = shell.views[&RunId(1)].steps[3].detail.clone();
    assert_eq!(detail.as_deref(), Some("Trực ban: đã duyệt.  gọi lại"));
    shell.done();
    assert_eq!(shell.state(1), RunState::Done);

    let mut shell = Shell::new(Arc::new(Library::shipped()));
    go(&mut shell);
    answer(&mut shell, approver(true), false).expect("refused");
    assert_eq!(
        (shell.state(1), shell.performed.len()),
        (RunState::Failed, 2),
        "what was refused does not happen"
    );

    let mut shell = Shell::new(Arc::new(Library::shipped()));
    go(&mut shell);
    shell.wait(1800);
    assert_eq!(
        (shell.state(1), shell.performed.len()),
        (RunState::Failed, 2),
        "silence is no consent"
    );

    let mut shell = Shell::new(Arc::new(Library::shipped()));
    go(&mut shell);
    shell.event(event(2, EventKind::SensorOk, "s", shell.now));
    assert!(shell.subjects()[2].starts_with("Đã trở lại bình thường"));
    assert_eq!(
        answer(&mut shell, approver(true), true),
        Err(Refusal::NotAsked)
    );
    shell.done();
    assert_eq!(shell.state(1), RunState::Done);
    assert_eq!(
        shell.input(Input::Approval {
            run: RunId(9),
            step: 0,
            by: approver(true),
            approve: true,
            note: String::new()
        }),
        Err(Refusal::NotFound)
    );
}

const TELL: &str = "\
name: tell
title: t
on: [link_down, device_down]
throttle: {per: event.device, every: 10m, max: 2}
steps:
  - notify: {channel: log, subject: s, text: t}
";

#[test]
fn held_back_and_unauthenticated_events_start_nothing() {
    let mut shell = Shell::new(library(TELL));
    let mut behind = event(1, EventKind::LinkDown, "s", shell.now);
    behind.held_back = true;
    shell.event(behind);
    let mut spoofed = event(2, EventKind::LinkDown, "s", shell.now);
    spoofed.authenticated = false;
    shell.event(spoofed.clone());
    assert_eq!(
        shell.not_started,
        [NotStarted::HeldBack, NotStarted::Unauthenticated]
    );
    assert!(shell.performed.is_empty() && shell.log.is_empty());
    let mut open = Shell::new(library(&TELL.replacen(
        "steps:",
        "accept_unauthenticated_traps: true\nsteps:",
        1,
    )));
    open.event(spoofed);
    assert_eq!(open.performed.len(), 1);
    // A spoofed recovery must not silence a run either.
    let mut waiting = Shell::new(Arc::new(Library::shipped()));
    waiting.event(event(1, EventKind::LinkDown, "s", waiting.now));
    waiting.done();
    let mut up = event(2, EventKind::LinkUp, "s", waiting.now);
    up.authenticated = false;
    waiting.event(up);
    assert_eq!(waiting.state(1), RunState::Waiting);
}

#[test]
fn one_run_a_subject_then_the_throttle_then_the_loop_breaker() {
    let mut shell = Shell::new(library(TELL));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    shell.event(event(2, EventKind::LinkDown, "s", shell.now));
    assert_eq!(shell.not_started, [NotStarted::AlreadyRunning]);
    shell.done();
    shell.event(event(3, EventKind::DeviceDown, "other", shell.now));
    shell.done();
    shell.event(event(4, EventKind::LinkDown, "third", shell.now));
    assert_eq!(
        shell.not_started[1..],
        [NotStarted::Throttled],
        "the key is the device, not the subject"
    );
    let mut elsewhere = event(5, EventKind::LinkDown, "fourth", shell.now);
    elsewhere.device = Some("another".to_owned());
    shell.event(elsewhere);
    assert_eq!(shell.performed.len(), 3);
    shell.done();
    shell.wait(600);
    shell.event(event(6, EventKind::LinkDown, "s", shell.now));
    assert_eq!(shell.performed.len(), 4, "the window has passed");

    let free = TELL.replacen("throttle: {per: event.device, every: 10m, max: 2}\n", "", 1);
    let mut shell = Shell::new(library(&free));
    let max = EngineTerms::default().runs_per_subject_per_hour_max;
    for id in 0..max as i64 + 3 {
        shell.event(event(id, EventKind::LinkDown, "s", shell.now));
        shell.done();
        shell.wait(1);
    }
    assert_eq!((shell.performed.len(), shell.not_started.len()), (max, 3));
    assert!(shell.not_started.iter().all(|why| *why == NotStarted::Loop));
    shell.wait(3600);
    shell.event(event(99, EventKind::LinkDown, "s", shell.now));
    assert_eq!(shell.performed.len(), max + 1);
}

#[test]
fn the_budget_holds_over_all_playbooks() {
    let terms = EngineTerms {
        runs_per_hour_max: 5,
        active_runs_max: 3,
        ..EngineTerms::default()
    };
    let free = TELL.replacen("throttle: {per: event.device, every: 10m, max: 2}\n", "", 1);
    let mut shell = Shell::on(library(&free), terms, Vec::new(), start());
    for id in 0..6 {
        shell.event(event(id, EventKind::LinkDown, &format!("s{id}"), shell.now));
    }
    assert_eq!(
        (shell.performed.len(), shell.not_started.len()),
        (3, 3),
        "open runs"
    );
    shell.wait(120);
    for id in 10..16 {
        shell.event(event(id, EventKind::LinkDown, &format!("s{id}"), shell.now));
    }
    assert_eq!(shell.performed.len(), 5, "runs an hour");
    assert!(
        shell
            .not_started
            .iter()
            .all(|why| *why == NotStarted::Budget)
    );
}

#[test]
fn conditions_select_and_one_that_fails_on_an_event_is_counted() {
    let text = TELL.replacen(
        "throttle: {per: event.device, every: 10m, max: 2}",
        "when: event.args.value > 40.0 && 'Xã Sơn Mỹ' in event.sites",
        1,
    );
    let mut shell = Shell::new(library(&text));
    shell.event(event(1, EventKind::LinkDown, "a", shell.now));
    assert_eq!(shell.performed.len(), 1);
    let mut other = event(2, EventKind::LinkDown, "b", shell.now);
    other.sites = vec!["Xã Bình Hòa".to_owned()];
    shell.event(other);
    let mut bare = event(3, EventKind::LinkDown, "c", shell.now);
    bare.reason.args.clear();
    shell.event(bare);
    assert_eq!(
        shell.not_started,
        [NotStarted::Condition, NotStarted::ConditionFailed]
    );
}

#[test]
fn a_failed_notification_does_not_keep_the_rest_from_happening_and_a_failed_program_does() {
    let text = "\
name: act
title: t
on: link_down
changes_devices: false
steps:
  - notify: {channel: log, subject: one, text: t}
  - exec: {argv: [/usr/bin/true]}
  - notify: {channel: log, subject: two, text: t}
";
    let failed = |shell: &mut Shell, step| {
        let result = StepResult::Failed("không gửi được".to_owned());
        shell
            .input(Input::StepDone {
                run: RunId(1),
                step,
                result,
            })
            .expect("taken");
    };
    let mut shell = Shell::new(library(text));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    failed(&mut shell, 0);
    assert_eq!(shell.performed.len(), 2);
    failed(&mut shell, 0);
    assert_eq!(shell.performed.len(), 2, "a second report changes nothing");
    failed(&mut shell, 1);
    assert_eq!(
        (shell.performed.len(), shell.state(1)),
        (2, RunState::Failed)
    );
    let states: Vec<StepState> = shell.views[&RunId(1)]
        .steps
        .iter()
        .map(|step| step.state)
        .collect();
    assert_eq!(
        states,
        [StepState::Failed, StepState::Failed, StepState::Skipped]
    );
}

#[test]
fn an_action_without_an_answer_fails_in_time_and_a_late_answer_changes_nothing() {
    let mut shell = Shell::new(library(TELL));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    let due = shell.drain().expect("a deadline");
    assert_eq!(
        due,
        shell.now.instant + EngineTerms::default().notify_within
    );
    shell.wait(120);
    assert_eq!(shell.state(1), RunState::Failed);
    let entries = shell.log.len();
    shell.done();
    assert_eq!(
        (shell.state(1), shell.log.len()),
        (RunState::Failed, entries)
    );
}

#[test]
fn open_runs_go_on_with_the_playbook_they_began_with() {
    let mut shell = Shell::new(Arc::new(Library::shipped()));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    shell.input(Input::Playbooks(library(TELL))).expect("taken");
    shell.done();
    shell.wait(120);
    assert!(shell.subjects()[1].starts_with("Vẫn đứt"));
    shell.event(event(2, EventKind::LinkDown, "other", shell.now));
    assert_eq!(
        shell.subjects().last(),
        Some(&"s"),
        "new runs follow the new library"
    );
}

#[test]
fn views_have_the_shape_of_the_protocol() {
    let mut shell = Shell::new(library(TELL));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    let view = serde_json::to_value(&shell.views[&RunId(1)]).expect("serialises");
    assert_eq!(
        view,
        serde_json::json!({
            "id": 1,
            "playbook": "tell",
            "event": {"kind": "link_down", "at": "2026-11-21T02:14:03Z", "subject": "s", "reason": {"code": "link_down", "args": {"limit": 32, "value": 41.5}}},
            "state": "running",
            "started_at": "2026-11-21T02:14:03Z",
            "steps": [{"index": 0, "kind": "notify", "title": "Báo tin → nhật ký", "state": "intended", "at": "2026-11-21T02:14:03Z"}]
        })
    );
    assert_eq!(shell.engine.runs().len(), 1);
    assert_eq!(
        shell.engine.run(RunId(1)),
        shell.views.get(&RunId(1)).cloned()
    );
}

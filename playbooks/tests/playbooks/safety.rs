//! What event data can and cannot do to a program (a shell's tricks) and to a message.

use nhipcau_playbooks::{Action, EventKind, Library, LoadTerms, RunState};

use crate::bench::{Shell, event, library};

const EXEC: &str = "\
name: act
title: t
on: link_down
changes_devices: false
steps:
  - exec:
      argv: [/usr/lib/nhipcau/reset, --device, '{{ event.device }}', literal]
      env: {EVENT_TEXT: 'text: {{ event.text }}', EVENT_NONE: '{{ event.conference }}', MODE: quick}
      stdin: '{{ event.text }}'
      timeout: 5s
";

const HOSTILE: [&str; 8] = [
    "$(reboot)",
    "`reboot`",
    "; reboot",
    "a b",
    "'\"",
    "&& reboot",
    "../../etc/passwd",
    "%s{{ event.id }}",
];

#[test]
fn shell_tricks_arrive_as_one_plain_argument() {
    for hostile in HOSTILE {
        let mut shell = Shell::new(library(EXEC));
        let mut event = event(1, EventKind::LinkDown, "s", shell.now);
        event.device = Some(hostile.to_owned());
        event.text = format!("{hostile}\n{hostile}");
        shell.event(event);
        let [(_, 0, Action::Exec(exec))] = shell.performed.as_slice() else {
            panic!("one program")
        };
        assert_eq!(
            exec.argv,
            ["/usr/lib/nhipcau/reset", "--device", hostile, "literal"]
        );
        assert_eq!(
            exec.env["EVENT_TEXT"],
            format!("text: {hostile}\n{hostile}"),
            "data may be any text"
        );
        assert_eq!(exec.env["EVENT_NONE"], "");
        assert_eq!(
            exec.stdin.as_deref(),
            Some(format!("{hostile}\n{hostile}").as_str())
        );
    }
}

#[test]
fn an_argument_that_could_be_an_option_or_two_lines_is_refused_with_a_reason() {
    let long = "x".repeat(2000);
    for (hostile, says) in [
        ("-rf", "option"),
        ("--help", "option"),
        ("a\nb", "control"),
        ("a\0b", "control"),
        ("a\rb", "control"),
        (long.as_str(), "longer"),
    ] {
        let mut shell = Shell::new(library(EXEC));
        let mut event = event(1, EventKind::LinkDown, "s", shell.now);
        event.device = Some(hostile.to_owned());
        shell.event(event);
        assert!(shell.performed.is_empty(), "{hostile:?} was performed");
        assert_eq!(shell.state(1), RunState::Failed);
        let detail = shell
            .views
            .values()
            .next()
            .and_then(|view| view.steps[0].detail.clone())
            .expect("a reason");
        assert!(detail.contains(says), "{hostile:?}: {detail}");
    }
    let mut shell = Shell::new(library(EXEC));
    let mut missing = event(1, EventKind::LinkDown, "s", shell.now);
    missing.device = None;
    shell.event(missing);
    assert!(shell.performed.is_empty() && shell.state(1) == RunState::Failed);
    let mut nul = event(2, EventKind::LinkDown, "s2", shell.now);
    nul.text = "a\0b".to_owned();
    shell.event(nul);
    assert!(
        shell.performed.is_empty() && shell.state(2) == RunState::Failed,
        "NUL cannot be in an environment"
    );
}

#[test]
fn dangerous_exec_steps_are_refused_when_loaded() {
    let cases = [
        ("/usr/lib/nhipcau/reset", "/bin/sh", "commands out of text"),
        (
            "/usr/lib/nhipcau/reset",
            "/usr/bin/env",
            "commands out of text",
        ),
        ("/usr/lib/nhipcau/reset", "reset", "absolute"),
        ("/usr/lib/nhipcau/reset", "/usr/lib/../bin/x", "absolute"),
        ("/usr/lib/nhipcau/reset", "'{{ event.device }}'", "absolute"),
        (
            "'{{ event.device }}'",
            "'x{{ event.device }}'",
            "whole argument",
        ),
        (
            "'{{ event.device }}'",
            "'{{ event.device }}{{ event.site }}'",
            "whole argument",
        ),
        ("MODE: quick", "LD_PRELOAD: x", "LD_"),
        ("MODE: quick", "mode: x", "A-Z"),
        ("MODE: quick", "PATH: '{{ event.text }}'", "EVENT_"),
        ("MODE: quick", "BASH_ENV: '{{ event.text }}'", "EVENT_"),
        ("timeout: 5s", "timeout: 2h", "between"),
        ("timeout: 5s", "shell: true", "unknown key"),
    ];
    let terms = LoadTerms {
        allow_exec: true,
        recipients: None,
    };
    for (from, to, says) in cases {
        assert!(EXEC.contains(from));
        let found = Library::parse([("x.yaml", EXEC.replacen(from, to, 1).as_str())], &terms)
            .expect_err(to);
        assert!(
            found.len() == 1
                && found[0].message.contains(says)
                && found[0].key.starts_with("steps.0.exec"),
            "{to}: {found:?}"
        );
    }
    let found = Library::parse([("x.yaml", EXEC)], &LoadTerms::default())
        .expect_err("exec is off by default");
    assert_eq!((found[0].line, found[0].key.as_str()), (7, "steps.0.exec"));
    let open = EXEC.replacen(
        "changes_devices",
        "accept_unauthenticated_traps: true\nchanges_devices",
        1,
    );
    let found =
        Library::parse([("x.yaml", open.as_str())], &terms).expect_err("anybody could start it");
    assert!(found[0].message.contains("approve"));
}

#[test]
fn a_step_that_changes_devices_is_a_dry_run_unless_the_playbook_says_otherwise() {
    let careful = EXEC.replacen("changes_devices: false\n", "", 1);
    let mut shell = Shell::new(library(&careful));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    assert!(shell.performed.is_empty());
    let view = shell.views.values().next().expect("a run");
    assert_eq!(view.state, RunState::Done);
    assert!(view.steps[0].detail.as_ref().is_some_and(|detail| detail.contains("không thực hiện") && detail.contains("tinh-khe")));
    let bold = careful.replacen("timeout: 5s", "dry_run: false", 1);
    let mut shell = Shell::new(library(&bold));
    shell.event(event(1, EventKind::LinkDown, "s", shell.now));
    assert_eq!(shell.performed.len(), 1);
}

#[test]
fn a_device_can_neither_add_a_header_nor_turn_a_message_round_nor_flood_it() {
    let text = "name: tell\ntitle: t\non: link_down\nsteps:\n  - notify: {channel: log, subject: 'S {{ event.text }}', text: 'T {{ event.text }} {{ event.conference }}'}\n";
    let mut shell = Shell::new(library(text));
    let mut hostile = event(1, EventKind::LinkDown, "s", shell.now);
    hostile.text = format!("a\r\nBcc: x@y\u{202e}z\0{}", "x".repeat(100_000));
    shell.event(hostile);
    let [(_, _, Action::Notify(notify))] = shell.performed.as_slice() else {
        panic!("one message")
    };
    assert!(notify.subject.starts_with("S a  Bcc: x@y z "));
    assert!(
        !notify
            .subject
            .chars()
            .chain(notify.text.chars())
            .any(|c| c.is_control() || c == '\u{202e}')
    );
    assert!(
        notify.text.chars().count() < 1100 && notify.text.ends_with(" –"),
        "a missing field is a dash"
    );
}

#[test]
fn within_maintenance_only_playbooks_start_that_say_so_and_their_condition_sees_it() {
    let text = "name: tell\ntitle: t\non: link_down\nsteps:\n  - notify: {channel: log, subject: S, text: T}\n";
    let sees = text.replace(
        "steps:",
        "during_maintenance: true\nwhen: event.maintenance && event.kind == \"link_down\"\nsteps:",
    );
    for (text, outside, within) in [(text, 1, 0), (sees.as_str(), 0, 1)] {
        for (maintenance, starts) in [(false, outside), (true, within)] {
            let mut shell = Shell::new(library(text));
            let mut fault = event(1, EventKind::LinkDown, "s", shell.now);
            fault.maintenance = maintenance;
            shell.event(fault);
            assert_eq!(shell.performed.len(), starts, "{text}: {maintenance}");
        }
    }
}

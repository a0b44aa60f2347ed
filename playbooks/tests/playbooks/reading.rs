//! Strict reading: every mistake with its place.

use std::collections::{BTreeMap, BTreeSet};

use nhipcau_playbooks::{Channel, EventKind, Language, Library, LoadTerms, Mistake};

use crate::bench::library;

const GOOD: &str = "\
name: test
title: {vi: Thử, en: Test}
on: [link_down, device_down]
when: event.health == 'critical' && size(event.sites) > 0
throttle: {per: event.device, every: 10m, max: 2}
steps:
  - notify: {channel: log, subject: '{{ event.subject }}', text: t}
  - wait: {for: 2m, or_until: recovered}
  - approve: {by: operator, within: 30m, question: Được không?}
  - exec:
      argv: [/usr/bin/true, '{{ event.device }}']
      env: {EVENT_TEXT: '{{ event.text }}', MODE: quick}
      timeout: 5s
";

fn mistakes(text: &str) -> Vec<Mistake> {
    let terms = LoadTerms {
        allow_exec: true,
        recipients: None,
    };
    Library::parse([("x.yaml", text)], &terms).expect_err("it has a mistake")
}

#[test]
fn a_good_playbook_is_read_and_shown() {
    let library = library(GOOD);
    let playbook = library.playbook("test").expect("there");
    assert_eq!(playbook.on(), [EventKind::LinkDown, EventKind::DeviceDown]);
    let row = &library.rows(Language::Vi)[0];
    assert_eq!(row.title, "Thử");
    assert!(row.changes_devices);
    assert_eq!(
        row.throttle.as_deref(),
        Some("tối đa 2 lần trong 10 phút cho mỗi event.device")
    );
    assert_eq!(row.steps[1], "Chờ 2 phút hoặc đến khi khôi phục");
    assert_eq!(row.steps[3], "Chạy thử (không thực hiện) /usr/bin/true");
}

/// Replaces `from` in the good playbook and expects one mistake there.
#[track_caller]
fn refused(from: &str, to: &str, line: u32, key: &str, says: &str) {
    assert!(GOOD.contains(from), "{from} is in the good playbook");
    let found = mistakes(&GOOD.replacen(from, to, 1));
    let [mistake] = found.as_slice() else {
        panic!("one mistake, not {found:?}")
    };
    assert_eq!(
        (mistake.file.as_str(), mistake.line, mistake.key.as_str()),
        ("x.yaml", line, key),
        "{mistake}"
    );
    assert!(
        mistake.column > 0 && mistake.message.contains(says),
        "{mistake}"
    );
    assert!(
        mistake
            .to_string()
            .starts_with(&format!("x.yaml:{line}:{}: ", mistake.column))
    );
}

#[test]
fn an_unknown_key_does_not_stand_for_the_known_one() {
    let found = mistakes(&GOOD.replacen("title:", "titel:", 1));
    let seen: Vec<_> = found.iter().map(|m| (m.line, m.key.as_str())).collect();
    assert_eq!(seen, [(1, "title"), (2, "titel")]);
    assert!(
        found[1]
            .message
            .contains("unknown key; known are name, title")
    );
}

#[test]
fn bad_values_are_refused_in_their_place() {
    refused("link_down", "link_dwon", 3, "on", "must be one of");
    refused("name: test", "name: Te st", 1, "name", "a-z");
    refused("every: 10m", "every: 10", 5, "throttle.every", "duration");
    refused("every: 10m", "every: 30h", 5, "throttle.every", "between");
    refused("max: 2", "max: 0", 5, "throttle.max", "1 to");
    refused("for: 2m", "for: 0s", 8, "steps.1.wait.for", "between");
    refused(
        "or_until: recovered",
        "or_until: never",
        8,
        "steps.1.wait.or_until",
        "must be one of",
    );
    refused(
        "by: operator",
        "by: anybody",
        9,
        "steps.2.approve.by",
        "must be one of",
    );
    refused(
        "{for: 2m,",
        "{for: 2m, forever: true,",
        8,
        "steps.1.wait.forever",
        "unknown key",
    );
    refused(
        "channel: log",
        "channel: pager",
        7,
        "steps.0.notify.channel",
        "must be one of",
    );
    refused(
        "channel: log,",
        "channel: smtp,",
        7,
        "steps.0.notify.to",
        "missing",
    );
    refused(
        "channel: log,",
        "channel: smtp, to: a@b.vn,",
        7,
        "steps.0.notify.to",
        "no address",
    );
    refused(
        "text: t}",
        "text: }",
        7,
        "steps.0.notify.text",
        "must not be empty",
    );
}

#[test]
fn bad_expressions_are_refused_when_loaded() {
    let when = "event.health == 'critical' && size(event.sites) > 0";
    let cases = [
        ("event.health ==", "not a CEL expression"),
        ("event.helth == 'x'", "no field `helth`"),
        ("event['helth'] == 'x' && 1 == 2.5 + 'x'", ""),
        ("device.health == 'x'", "there is only `event`"),
        ("event.text", "must give true or false"),
        ("event.sites.exists(s, s == 'x')", "loops"),
        ("event.sites.all(s, event.sites.all(t, s == t))", "loops"),
        ("event.text.matches('down')", "anchor"),
        ("event.text.matches('^a|b$')", "anchor"),
        ("event.text.matches('^(?m)a$')", "anchor"),
        ("event.text.matches(event.subject)", "literal"),
        ("nosuch(event.text)", ""),
        ("event.text > 3", ""),
    ];
    for (expression, says) in cases {
        let yaml = GOOD.replacen(when, &format!("\"{expression}\""), 1);
        let found = mistakes(&yaml);
        assert_eq!(
            (found.len(), found[0].line, found[0].key.as_str()),
            (1, 4, "when"),
            "{expression}: {found:?}"
        );
        assert!(
            found[0].message.contains(says),
            "{expression}: {}",
            found[0]
        );
    }
    let fine = [
        "event.text.matches('^(up|down)$')",
        "event.args.value > 30.0",
        "'Xã Sơn Mỹ' in event.sites",
        "has(event.args.value)",
    ];
    for expression in fine {
        library(&GOOD.replacen(when, &format!("\"{expression}\""), 1));
    }
}

#[test]
fn deep_expressions_neither_overflow_the_stack_nor_pass_for_conditions() {
    let when = "event.health == 'critical' && size(event.sites) > 0";
    for (open, middle, close) in [
        ("(", "true", ")"),
        ("[", "1", "]"),
        ("!", "event.text", ""),
        ("-", "1", ""),
        ("{1:", "1", "}"),
        ("", "event.text", ".x"),
        ("1+", "1", ""),
        ("size(", "1", ")"),
        ("true?true:", "1", ""),
    ] {
        let times = (990 - middle.len()) / (open.len() + close.len());
        let expression = format!("{}{middle}{}", open.repeat(times), close.repeat(times));
        let found = Library::parse(
            [(
                "x.yaml",
                GOOD.replacen(when, &format!("\"{expression}\""), 1)
                    .as_str(),
            )],
            &LoadTerms {
                allow_exec: true,
                recipients: None,
            },
        );
        assert!(found.is_err() || open == "(", "{open}");
    }
}

#[test]
fn bad_templates_are_refused_when_loaded() {
    let cases = [
        ("{{ event.nosuch }}", "no field `nosuch`"),
        ("{{ event.args.A b }}", "no field"),
        ("{{ env.HOME }}", "no placeholder"),
        ("{{ event }}", "no placeholder"),
        ("{{ recovery.at }}", "only: recovered"),
        ("{{ event.text", "without"),
        ("event.text }}", "without"),
        ("{{ event.text | upper }}", "no field"),
    ];
    for (template, says) in cases {
        let found = mistakes(&GOOD.replacen("{{ event.subject }}", template, 1));
        assert_eq!(
            (found.len(), found[0].line, found[0].key.as_str()),
            (1, 7, "steps.0.notify.subject"),
            "{template}"
        );
        assert!(found[0].message.contains(says), "{template}: {}", found[0]);
    }
}

#[test]
fn bombs_and_what_is_no_playbook_are_refused() {
    let bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n";
    assert!(mistakes(bomb)[0].message.contains("anchors"));
    assert!(
        mistakes("a: *b\n")[0].message.contains("lias")
            || mistakes("a: *b\n")[0].message.contains("YAML")
    );
    let deep = format!("{}x{}", "[".repeat(50), "]".repeat(50));
    assert!(mistakes(&deep)[0].message.contains("deeper"));
    let long = format!("a: [{}]", "x,".repeat(5000));
    assert!(mistakes(&long)[0].message.contains("more than"));
    assert!(mistakes(&"x".repeat(70_000))[0].message.contains("larger"));
    assert!(mistakes("")[0].message.contains("empty"));
    assert!(mistakes("name: a\nname: b\n")[0].message.contains("twice"));
    assert_eq!(mistakes("name: a\nname: b\n")[0].line, 2);
    assert!(
        mistakes("a: 1\n---\nb: 2\n")[0]
            .message
            .contains("one document")
    );
    assert!(
        mistakes("!!python/object:os.system [x]\n")[0]
            .message
            .contains("tags")
    );
    assert!(mistakes("? [a]\n: b\n")[0].message.contains("key"));
    for broken in [
        "a: [",
        "\t- x",
        "a: b: c",
        "\"",
        "a:\n - b\n  c: d",
        "%YAML 9\n",
        "\u{0}",
        "{",
        "- - - - ]",
        "a: \"\\x\"",
    ] {
        assert!(!mistakes(broken).is_empty(), "{broken:?}");
    }
}

#[test]
fn every_mutilation_of_a_playbook_is_read_or_refused_without_a_panic() {
    let terms = LoadTerms {
        allow_exec: true,
        recipients: None,
    };
    let text: Vec<char> = GOOD.chars().collect();
    for at in 0..text.len() {
        for put in [
            "", "\n", ":", "{", "[", "\"", "&a ", "*a", "- ", "\t", "\u{feff}",
        ] {
            let mutilated: String = text[..at]
                .iter()
                .copied()
                .chain(put.chars())
                .chain(text[at + 1..].iter().copied())
                .collect();
            if let Err(found) = Library::parse([("x.yaml", mutilated.as_str())], &terms) {
                assert!(
                    found
                        .iter()
                        .all(|mistake| mistake.line >= 1 && mistake.column >= 1)
                );
            }
        }
    }
}

#[test]
fn recipients_must_be_configured_and_names_unique() {
    let recipients = BTreeMap::from([(Channel::Smtp, BTreeSet::from(["on-call".to_owned()]))]);
    let terms = LoadTerms {
        allow_exec: true,
        recipients: Some(recipients),
    };
    let known = GOOD.replacen("channel: log", "channel: smtp, to: on-call", 1);
    assert!(Library::parse([("x.yaml", known.as_str())], &terms).is_ok());
    let unknown = GOOD.replacen("channel: log", "channel: webhook, to: on-call", 1);
    let found = Library::parse([("x.yaml", unknown.as_str())], &terms).expect_err("not configured");
    assert!(found[0].message.contains("not configured"));
    let found =
        Library::parse([("a.yaml", GOOD), ("b.yaml", GOOD)], &terms).expect_err("one name twice");
    assert_eq!((found.len(), found[0].file.as_str()), (1, "b.yaml"));
    let two = [("b.yaml", "name: X\n"), ("a.yaml", "[]")];
    let files: Vec<String> = Library::parse(two, &terms)
        .expect_err("both")
        .into_iter()
        .map(|m| m.file)
        .collect();
    assert!(
        files.is_sorted()
            && files.contains(&"a.yaml".to_owned())
            && files.contains(&"b.yaml".to_owned())
    );
}

#[test]
fn what_ships_is_sound_and_an_operators_file_replaces_it() {
    let shipped = Library::shipped();
    let names: Vec<&str> = shipped
        .playbooks()
        .map(|playbook| playbook.name())
        .collect();
    assert_eq!(names, ["link-down", "recording-failed", "sensor-critical"]);
    assert_eq!(Library::shipped_files().len(), 3);
    for (vi, en) in shipped
        .rows(Language::Vi)
        .iter()
        .zip(shipped.rows(Language::En))
    {
        assert!(!vi.changes_devices && vi.title != en.title && vi.steps.len() == en.steps.len());
    }
    let own = Library::parse(
        [(
            "own.yaml",
            GOOD.replacen("name: test", "name: link-down", 1).as_str(),
        )],
        &LoadTerms {
            allow_exec: true,
            recipients: None,
        },
    )
    .expect("good");
    let laid = shipped.overlaid(own);
    assert_eq!(laid.playbooks().count(), 3);
    assert_eq!(
        laid.rows(Language::Vi)
            .iter()
            .find(|row| row.name == "link-down")
            .map(|row| row.source.as_str()),
        Some("own.yaml")
    );
}

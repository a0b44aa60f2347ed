//! Playbooks and steps in words, for pages.

use std::time::Duration;

use crate::schema::{ApproverRole, Only, Step, StepAction};
use crate::{Channel, Language, Playbook, PlaybookRow};

pub(crate) fn row(playbook: &Playbook, language: Language) -> PlaybookRow {
    PlaybookRow {
        name: playbook.name.clone(),
        title: playbook.title.of(language).to_owned(),
        on: playbook.on.iter().map(ToString::to_string).collect(),
        when: playbook.when.as_ref().map(|when| when.source().to_owned()),
        throttle: playbook.throttle.as_ref().map(|throttle| {
            let per = throttle.per.as_ref().map_or_else(
                || subject(language).to_owned(),
                |per| per.source().to_owned(),
            );
            let every = duration(throttle.every, language);
            match language {
                Language::Vi => format!("tối đa {} lần trong {every} cho mỗi {per}", throttle.max),
                Language::En => format!("at most {} in {every} for each {per}", throttle.max),
            }
        }),
        steps: playbook
            .steps
            .iter()
            .map(|step| title(step, language))
            .collect(),
        source: playbook.source.clone(),
        changes_devices: playbook.changes_devices,
    }
}

fn subject(language: Language) -> &'static str {
    match language {
        Language::Vi => "đối tượng",
        Language::En => "subject",
    }
}

/// Name of a step's kind.
pub(crate) fn kind(step: &Step) -> &'static str {
    match step.action {
        StepAction::Notify { .. } => "notify",
        StepAction::Wait { .. } => "wait",
        StepAction::Approve { .. } => "approve",
        StepAction::Exec { .. } => "exec",
    }
}

/// A step in words.
pub(crate) fn title(step: &Step, language: Language) -> String {
    let condition = match (step.only, language) {
        (Only::Always, _) => "",
        (Only::Recovered, Language::Vi) => "Nếu đã khôi phục: ",
        (Only::Recovered, Language::En) => "If recovered: ",
        (Only::Unrecovered, Language::Vi) => "Nếu chưa khôi phục: ",
        (Only::Unrecovered, Language::En) => "If not recovered: ",
    };
    let words = match (&step.action, language) {
        (StepAction::Notify { channel, to, .. }, Language::Vi) => {
            format!("báo tin {}", recipient(*channel, to.as_deref(), "nhật ký"))
        }
        (StepAction::Notify { channel, to, .. }, Language::En) => {
            format!("notify {}", recipient(*channel, to.as_deref(), "the log"))
        }
        (
            StepAction::Wait {
                for_,
                or_until_recovered,
            },
            Language::Vi,
        ) => {
            let until = if *or_until_recovered {
                " hoặc đến khi khôi phục"
            } else {
                ""
            };
            format!("chờ {}{until}", duration(*for_, language))
        }
        (
            StepAction::Wait {
                for_,
                or_until_recovered,
            },
            Language::En,
        ) => {
            let until = if *or_until_recovered {
                " or until it recovers"
            } else {
                ""
            };
            format!("wait {}{until}", duration(*for_, language))
        }
        (
            StepAction::Approve {
                by,
                within,
                question,
            },
            Language::Vi,
        ) => {
            let by = if *by == ApproverRole::Admin {
                "quản trị viên"
            } else {
                "cán bộ vận hành"
            };
            format!(
                "xin phê duyệt của {by} trong {}: {}",
                duration(*within, language),
                question.vi
            )
        }
        (
            StepAction::Approve {
                by,
                within,
                question,
            },
            Language::En,
        ) => {
            let by = if *by == ApproverRole::Admin {
                "an admin"
            } else {
                "an operator"
            };
            format!(
                "ask {by} within {}: {}",
                duration(*within, language),
                question.en
            )
        }
        (StepAction::Exec { argv, dry_run, .. }, Language::Vi) => {
            format!(
                "{} {}",
                if *dry_run {
                    "chạy thử (không thực hiện)"
                } else {
                    "chạy"
                },
                program(argv)
            )
        }
        (StepAction::Exec { argv, dry_run, .. }, Language::En) => {
            format!(
                "{} {}",
                if *dry_run { "dry run of" } else { "run" },
                program(argv)
            )
        }
    };
    if condition.is_empty() {
        capitalized(&words)
    } else {
        format!("{condition}{words}")
    }
}

fn recipient(channel: Channel, to: Option<&str>, log: &str) -> String {
    match (channel, to) {
        (Channel::Log, None) | (_, None) => format!("→ {log}"),
        (Channel::Log, Some(to)) => format!("→ {log} ({to})"),
        (Channel::Configured, Some(to)) => format!("→ {to}"),
        (Channel::Webhook, Some(to)) => format!("→ {to} (webhook)"),
        (Channel::Smtp, Some(to)) => format!("→ {to} (e-mail)"),
    }
}

fn program(argv: &[crate::template::Template]) -> String {
    argv.first()
        .and_then(crate::template::Template::literal)
        .unwrap_or_default()
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// A duration in words.
pub(crate) fn duration(duration: Duration, language: Language) -> String {
    let seconds = duration.as_secs();
    let (number, vi, en) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, "ngày", "day"),
        s if s % 3600 == 0 => (s / 3600, "giờ", "hour"),
        s if s % 60 == 0 => (s / 60, "phút", "minute"),
        s => (s, "giây", "second"),
    };
    match language {
        Language::Vi => format!("{number} {vi}"),
        Language::En if number == 1 => format!("{number} {en}"),
        Language::En => format!("{number} {en}s"),
    }
}

//! The steps of a playbook.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Channel;
use crate::read::Reader;
use crate::schema::{ApproverRole, OnFailure, Only, Step, StepAction, Templates};
use crate::template::Template;
use crate::yaml::{Node, Value};

/// Longest wait.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);
/// Longest time for an answer.
const APPROVE_WITHIN_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Longest time a program may take.
const EXEC_TIMEOUT_MAX: Duration = Duration::from_secs(3600);
/// Time a program may take when the playbook does not say.
const EXEC_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Most arguments, the program included.
const ARGUMENTS_MAX: usize = 64;
/// Most environment variables.
const VARIABLES_MAX: usize = 32;
/// Event data may stand only in variables with this prefix: no loader, interpreter or library
/// takes orders from one.
const DATA_PREFIX: &str = "EVENT_";
/// Programs that read commands out of text: event data must never come near one.
const SHELLS: [&str; 13] = [
    "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "busybox", "env",
    "xargs",
];
const KINDS: [&str; 4] = ["notify", "wait", "approve", "exec"];

impl Reader<'_> {
    pub(crate) fn step(&mut self, node: &Node, path: &str, changes_devices: bool) -> Option<Step> {
        let keys = self.keys(
            node,
            path,
            &["notify", "wait", "approve", "exec", "only", "on_failure"],
        )?;
        let only = match keys.find("only") {
            None => Only::Always,
            Some(node) => self.choice(
                node,
                &keys.path_of("only"),
                &[
                    ("recovered", Only::Recovered),
                    ("unrecovered", Only::Unrecovered),
                ],
            )?,
        };
        let present: Vec<&str> = KINDS
            .into_iter()
            .filter(|kind| keys.find(kind).is_some())
            .collect();
        let [kind] = present.as_slice() else {
            self.mistake(
                node.at,
                path,
                format!("must be exactly one of {}", KINDS.join(", ")),
            );
            return None;
        };
        let body = keys.find(kind)?;
        let path = keys.path_of(kind);
        let action = match *kind {
            "notify" => self.notify(body, &path, only == Only::Recovered)?,
            "wait" => self.wait(body, &path)?,
            "approve" => self.approve(body, &path)?,
            _ => self.exec(body, &path, only == Only::Recovered, changes_devices)?,
        };
        let default = match action {
            // A mail server that is down must not keep the rest from happening.
            StepAction::Notify { .. } | StepAction::Wait { .. } => OnFailure::Continue,
            StepAction::Approve { .. } | StepAction::Exec { .. } => OnFailure::Stop,
        };
        let on_failure = match keys.find("on_failure") {
            None => default,
            Some(node) => {
                let choices = [("continue", OnFailure::Continue), ("stop", OnFailure::Stop)];
                let chosen = self.choice(node, &keys.path_of("on_failure"), &choices)?;
                if matches!(action, StepAction::Approve { .. }) && chosen == OnFailure::Continue {
                    self.mistake(
                        node.at,
                        keys.path_of("on_failure"),
                        "what was not approved cannot go on",
                    );
                }
                chosen
            }
        };
        Some(Step {
            only,
            on_failure,
            action,
        })
    }

    fn notify(&mut self, node: &Node, path: &str, recovery: bool) -> Option<StepAction> {
        let keys = self.keys(
            node,
            path,
            &["channel", "to", "subject", "text", "idempotent"],
        )?;
        let channel = match keys.find("channel") {
            None => Channel::Configured,
            Some(node) => self.choice(
                node,
                &keys.path_of("channel"),
                &[
                    ("log", Channel::Log),
                    ("webhook", Channel::Webhook),
                    ("smtp", Channel::Smtp),
                ],
            )?,
        };
        let to = match keys.find("to") {
            Some(node) => Some(self.recipient(node, &keys.path_of("to"), channel)?),
            None if channel == Channel::Log => None,
            None => {
                self.mistake(
                    keys.at,
                    keys.path_of("to"),
                    "is missing: the name of a configured recipient",
                );
                return None;
            }
        };
        let subject = self.required(&keys, "subject").and_then(|node| {
            let path = keys.path_of("subject");
            let text = self.in_languages(node, &path, 200)?;
            if text.vi.contains(['\n', '\r']) || text.en.contains(['\n', '\r']) {
                self.mistake(node.at, &path, "must be one line");
                return None;
            }
            self.templates(node, &path, text, recovery)
        });
        let text = self.required(&keys, "text").and_then(|node| {
            let path = keys.path_of("text");
            let text = self.in_languages(node, &path, 4000)?;
            self.templates(node, &path, text, recovery)
        });
        let idempotent = self.flag(&keys, "idempotent", false);
        Some(StepAction::Notify {
            channel,
            to,
            subject: subject?,
            text: text?,
            idempotent,
        })
    }

    fn recipient(&mut self, node: &Node, path: &str, channel: Channel) -> Option<String> {
        let to = self.text(node, path)?;
        let sane = to.len() <= 64
            && to
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !sane {
            let message = "must be the name of a recipient in the daemon's configuration (letters, digits, - and _), no address";
            self.mistake(node.at, path, message);
            return None;
        }
        let known = self.terms.recipients.as_ref();
        let checked = matches!(channel, Channel::Webhook | Channel::Smtp);
        if checked
            && known
                .is_some_and(|known| !known.get(&channel).is_some_and(|names| names.contains(&to)))
        {
            self.mistake(
                node.at,
                path,
                format!("`{to}` is not configured for this channel"),
            );
            return None;
        }
        Some(to)
    }

    fn templates(
        &mut self,
        node: &Node,
        path: &str,
        text: crate::Text,
        recovery: bool,
    ) -> Option<Templates> {
        let vi = self.template(node, path, &text.vi, recovery);
        // Without a second language both texts are one, and a mistake in it is one mistake.
        let en = if text.vi == text.en {
            vi.clone()
        } else {
            self.template(node, path, &text.en, recovery)
        };
        Some(Templates { vi: vi?, en: en? })
    }

    fn template(
        &mut self,
        node: &Node,
        path: &str,
        text: &str,
        recovery: bool,
    ) -> Option<Template> {
        Template::parse(text, recovery)
            .map_err(|message| self.mistake(node.at, path, message))
            .ok()
    }

    fn wait(&mut self, node: &Node, path: &str) -> Option<StepAction> {
        let keys = self.keys(node, path, &["for", "or_until"])?;
        let for_ = self.required(&keys, "for")?;
        let for_ = self.duration(for_, &keys.path_of("for"), WAIT_MAX);
        let or_until_recovered = match keys.find("or_until") {
            None => false,
            Some(node) => self.choice(node, &keys.path_of("or_until"), &[("recovered", true)])?,
        };
        Some(StepAction::Wait {
            for_: for_?,
            or_until_recovered,
        })
    }

    fn approve(&mut self, node: &Node, path: &str) -> Option<StepAction> {
        let keys = self.keys(node, path, &["by", "within", "question"])?;
        let by = self.required(&keys, "by").and_then(|node| {
            let choices = [
                ("operator", ApproverRole::Operator),
                ("admin", ApproverRole::Admin),
            ];
            self.choice(node, &keys.path_of("by"), &choices)
        });
        let within = self
            .required(&keys, "within")
            .and_then(|node| self.duration(node, &keys.path_of("within"), APPROVE_WITHIN_MAX));
        let question = self
            .required(&keys, "question")
            .and_then(|node| self.in_languages(node, &keys.path_of("question"), 300));
        Some(StepAction::Approve {
            by: by?,
            within: within?,
            question: question?,
        })
    }

    fn exec(
        &mut self,
        node: &Node,
        path: &str,
        recovery: bool,
        changes_devices: bool,
    ) -> Option<StepAction> {
        let keys = self.keys(node, path, &["argv", "env", "stdin", "timeout", "dry_run"])?;
        if !self.terms.allow_exec {
            self.mistake(
                node.at,
                path,
                "exec is not allowed by the daemon's configuration (allow_exec)",
            );
        }
        let argv = self
            .required(&keys, "argv")
            .and_then(|node| self.argv(node, &keys.path_of("argv"), recovery));
        let env = match keys.find("env") {
            None => Some(BTreeMap::new()),
            Some(node) => self.env(node, &keys.path_of("env"), recovery),
        };
        let stdin = match keys.find("stdin") {
            None => Some(None),
            Some(node) => self
                .text(node, &keys.path_of("stdin"))
                .and_then(|text| self.template(node, &keys.path_of("stdin"), &text, recovery))
                .map(Some),
        };
        let timeout = match keys.find("timeout") {
            None => Some(EXEC_TIMEOUT_DEFAULT),
            Some(node) => self.duration(node, &keys.path_of("timeout"), EXEC_TIMEOUT_MAX),
        };
        let dry_run = self.flag(&keys, "dry_run", changes_devices);
        Some(StepAction::Exec {
            argv: argv?,
            env: env?,
            stdin: stdin?,
            timeout: timeout?,
            dry_run,
        })
    }

    fn argv(&mut self, node: &Node, path: &str, recovery: bool) -> Option<Vec<Template>> {
        let Value::List(nodes) = &node.value else {
            self.mistake(
                node.at,
                path,
                "must be a list: the program and each of its arguments",
            );
            return None;
        };
        if nodes.is_empty() || nodes.len() > ARGUMENTS_MAX {
            self.mistake(
                node.at,
                path,
                format!("must have 1 to {ARGUMENTS_MAX} entries"),
            );
            return None;
        }
        let mut argv = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let path = format!("{path}.{index}");
            let text = match &node.value {
                Value::Scalar { text, .. } => text.clone(),
                Value::List(_) | Value::Map(_) => self.text(node, &path)?,
            };
            if text.chars().any(char::is_control) {
                self.mistake(node.at, &path, "must not contain control characters");
                return None;
            }
            let template = self.template(node, &path, &text, recovery)?;
            if !template.is_whole() {
                let message = "a placeholder must be a whole argument of its own";
                self.mistake(node.at, &path, message);
                return None;
            }
            if index == 0 {
                self.program(node, &path, &template)?;
            }
            argv.push(template);
        }
        Some(argv)
    }

    fn program(&mut self, node: &Node, path: &str, template: &Template) -> Option<()> {
        let program = template.literal().unwrap_or_default();
        if !program.starts_with('/')
            || program.ends_with('/')
            || program.split('/').any(|part| part == "..")
        {
            self.mistake(
                node.at,
                path,
                "the program must be an absolute path, without placeholder and `..`",
            );
            return None;
        }
        let name = program.rsplit('/').next().unwrap_or_default();
        if SHELLS.contains(&name) {
            self.mistake(
                node.at,
                path,
                format!("`{name}` runs commands out of text; call the program itself"),
            );
            return None;
        }
        Some(())
    }

    fn env(
        &mut self,
        node: &Node,
        path: &str,
        recovery: bool,
    ) -> Option<BTreeMap<String, Template>> {
        let Value::Map(pairs) = &node.value else {
            self.mistake(node.at, path, "must be a mapping");
            return None;
        };
        if pairs.len() > VARIABLES_MAX {
            self.mistake(
                node.at,
                path,
                format!("more than {VARIABLES_MAX} variables"),
            );
            return None;
        }
        let mut env = BTreeMap::new();
        for pair in pairs {
            let path = format!("{path}.{}", pair.key);
            let sane = pair.key.len() <= 64
                && pair.key.starts_with(|c: char| c.is_ascii_uppercase())
                && pair
                    .key
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            if !sane || pair.key.starts_with("LD_") {
                self.mistake(
                    pair.at,
                    &path,
                    "must be A-Z, 0-9 and _, and must not begin with LD_",
                );
                return None;
            }
            let text = self.text(&pair.value, &path)?;
            let template = self.template(&pair.value, &path, &text, recovery)?;
            if template.has_placeholder() && !pair.key.starts_with(DATA_PREFIX) {
                self.mistake(
                    pair.at,
                    &path,
                    format!("event data may only stand in variables named {DATA_PREFIX}…"),
                );
                return None;
            }
            env.insert(pair.key.clone(), template);
        }
        Some(env)
    }
}

//! A playbook from its YAML tree, strictly: every key is known and every value checked.

use std::time::Duration;

use crate::condition::{Condition, Gives};
use crate::library::{LoadTerms, Mistake};
use crate::sample;
use crate::schema::{Playbook, Step, StepAction, Text, Throttle};
use crate::yaml::{Node, Pair, Place, Value};
use crate::{Event, EventKind};

/// Most steps in a playbook.
const STEPS_MAX: usize = 32;
/// Longest throttle window; starts are remembered that long.
const THROTTLE_EVERY_MAX: Duration = Duration::from_secs(24 * 3600);
/// Most starts in a throttle window.
const THROTTLE_MAX_MAX: u32 = 1000;

/// Reads values and notes mistakes; a value that has one reads as `None`.
pub(crate) struct Reader<'a> {
    file: &'a str,
    pub(crate) terms: &'a LoadTerms,
    pub(crate) mistakes: Vec<Mistake>,
}

/// The keys of one mapping.
pub(crate) struct Keys<'n> {
    pub(crate) at: Place,
    pub(crate) path: String,
    pairs: &'n [Pair],
}

impl<'n> Keys<'n> {
    pub(crate) fn find(&self, key: &str) -> Option<&'n Node> {
        self.pairs
            .iter()
            .find(|pair| pair.key == key)
            .map(|pair| &pair.value)
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(file: &'a str, terms: &'a LoadTerms) -> Self {
        Reader {
            file,
            terms,
            mistakes: Vec::new(),
        }
    }

    pub(crate) fn mistake(
        &mut self,
        at: Place,
        key: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.mistakes.push(Mistake {
            file: self.file.to_owned(),
            line: at.line,
            column: at.column,
            key: key.into(),
            message: message.into(),
        });
    }

    /// A mapping with no other keys than these.
    pub(crate) fn keys<'n>(
        &mut self,
        node: &'n Node,
        path: &str,
        known: &[&str],
    ) -> Option<Keys<'n>> {
        let Value::Map(pairs) = &node.value else {
            self.mistake(node.at, path, "must be a mapping");
            return None;
        };
        let keys = Keys {
            at: node.at,
            path: path.to_owned(),
            pairs,
        };
        for pair in pairs {
            if !known.contains(&pair.key.as_str()) {
                let message = format!("unknown key; known are {}", known.join(", "));
                self.mistake(pair.at, keys.path_of(&pair.key), message);
            }
        }
        Some(keys)
    }

    pub(crate) fn required<'n>(&mut self, keys: &Keys<'n>, key: &str) -> Option<&'n Node> {
        let found = keys.find(key);
        if found.is_none() {
            self.mistake(keys.at, keys.path_of(key), "is missing");
        }
        found
    }

    pub(crate) fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.value {
            Value::Scalar { text, plain }
                if !(*plain && matches!(text.as_str(), "" | "~" | "null")) =>
            {
                Some(text.clone())
            }
            Value::Scalar { .. } => {
                self.mistake(node.at, path, "must not be empty");
                None
            }
            Value::List(_) | Value::Map(_) => {
                self.mistake(node.at, path, "must be a text");
                None
            }
        }
    }

    pub(crate) fn choice<T: Copy>(
        &mut self,
        node: &Node,
        path: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(node, path)?;
        let found = choices
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.mistake(
                node.at,
                path,
                format!("must be one of {}", names.join(", ")),
            );
        }
        found
    }

    /// A boolean that is absent by default.
    pub(crate) fn flag(&mut self, keys: &Keys<'_>, key: &str, default: bool) -> bool {
        let Some(node) = keys.find(key) else {
            return default;
        };
        self.choice(
            node,
            &keys.path_of(key),
            &[("true", true), ("false", false)],
        )
        .unwrap_or(default)
    }

    /// A duration such as `30s`, `5m`, `2h`, `1d`.
    pub(crate) fn duration(&mut self, node: &Node, path: &str, max: Duration) -> Option<Duration> {
        let text = self.text(node, path)?;
        let read = text.char_indices().last().and_then(|(end, unit)| {
            let seconds = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                'd' => 86_400,
                _ => return None,
            };
            let number: u64 = text[..end].parse().ok()?;
            number.checked_mul(seconds).map(Duration::from_secs)
        });
        match read {
            Some(duration) if !duration.is_zero() && duration <= max => Some(duration),
            Some(_) => {
                self.mistake(
                    node.at,
                    path,
                    format!("must be between 1s and {}", words(max)),
                );
                None
            }
            None => {
                self.mistake(node.at, path, "must be a duration such as 30s, 5m or 2h");
                None
            }
        }
    }

    /// A text, or a mapping with `vi` and `en`, each limited in length.
    pub(crate) fn in_languages(
        &mut self,
        node: &Node,
        path: &str,
        chars_max: usize,
    ) -> Option<Text> {
        let text = if matches!(node.value, Value::Map(_)) {
            let keys = self.keys(node, path, &["vi", "en"])?;
            let vi = keys
                .find("vi")
                .and_then(|node| self.text(node, &keys.path_of("vi")));
            let en = keys
                .find("en")
                .and_then(|node| self.text(node, &keys.path_of("en")));
            match (vi, en) {
                (Some(vi), Some(en)) => Text { vi, en },
                (Some(one), None) | (None, Some(one)) => Text {
                    vi: one.clone(),
                    en: one,
                },
                (None, None) => {
                    self.mistake(node.at, path, "needs `vi` or `en`");
                    return None;
                }
            }
        } else {
            let one = self.text(node, path)?;
            Text {
                vi: one.clone(),
                en: one,
            }
        };
        if text.vi.chars().count().max(text.en.chars().count()) > chars_max {
            self.mistake(node.at, path, format!("longer than {chars_max} characters"));
            return None;
        }
        Some(text)
    }

    pub(crate) fn playbook(&mut self, root: &Node, fingerprint: String) -> Option<Playbook> {
        const KNOWN: [&str; 9] = [
            "name",
            "title",
            "on",
            "when",
            "throttle",
            "accept_unauthenticated_traps",
            "during_maintenance",
            "changes_devices",
            "steps",
        ];
        let keys = self.keys(root, "", &KNOWN)?;
        let name = self
            .required(&keys, "name")
            .and_then(|node| self.name(node));
        let title = self
            .required(&keys, "title")
            .and_then(|node| self.in_languages(node, "title", 200));
        let on = self.required(&keys, "on").and_then(|node| self.kinds(node));
        let samples: Vec<Event> = on
            .iter()
            .flatten()
            .map(|kind| sample::event(*kind))
            .collect();
        let when = keys
            .find("when")
            .map(|node| self.condition(node, "when", Gives::Bool, &samples));
        let throttle = keys
            .find("throttle")
            .map(|node| self.throttle(node, &samples));
        let accept_unauthenticated_traps = self.flag(&keys, "accept_unauthenticated_traps", false);
        let during_maintenance = self.flag(&keys, "during_maintenance", false);
        let steps_node = self.required(&keys, "steps");
        let changes_declared = keys.find("changes_devices").is_some();
        let changes_flag = self.flag(&keys, "changes_devices", true);
        let steps = steps_node.and_then(|node| self.steps(node, changes_flag))?;
        let has_exec = steps
            .iter()
            .any(|step| matches!(step.action, StepAction::Exec { .. }));
        if changes_declared && changes_flag && !has_exec {
            self.mistake(
                keys.at,
                "changes_devices",
                "is true, but no step can change a device",
            );
        }
        if accept_unauthenticated_traps && !asks_before_exec(&steps) {
            let at = steps_node.map_or(keys.at, |node| node.at);
            self.mistake(
                at,
                "steps",
                "a playbook that anybody on the network can start must ask (approve) before exec",
            );
        }
        Some(Playbook {
            name: name?,
            title: title?,
            source: self.file.to_owned(),
            fingerprint,
            on: on?,
            when: when.map_or(Some(None), |when| when.map(Some))?,
            throttle: throttle.map_or(Some(None), |throttle| throttle.map(Some))?,
            accept_unauthenticated_traps,
            during_maintenance,
            changes_devices: has_exec && changes_flag,
            steps,
        })
    }

    fn name(&mut self, node: &Node) -> Option<String> {
        let name = self.text(node, "name")?;
        let sane = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !sane {
            self.mistake(
                node.at,
                "name",
                "must be 1 to 64 of a-z, 0-9 and -, beginning with a letter",
            );
        }
        sane.then_some(name)
    }

    fn kinds(&mut self, node: &Node) -> Option<Vec<EventKind>> {
        let nodes = match &node.value {
            Value::List(nodes) => nodes.as_slice(),
            Value::Scalar { .. } | Value::Map(_) => std::slice::from_ref(node),
        };
        let choices = EventKind::ALL.map(|kind| (kind.as_str(), kind));
        let mut kinds = Vec::new();
        for node in nodes {
            let kind = self.choice(node, "on", &choices)?;
            if kinds.contains(&kind) {
                self.mistake(node.at, "on", "is named twice");
            }
            kinds.push(kind);
        }
        if kinds.is_empty() {
            self.mistake(node.at, "on", "must name at least one kind of event");
            return None;
        }
        Some(kinds)
    }

    fn condition(
        &mut self,
        node: &Node,
        path: &str,
        gives: Gives,
        samples: &[Event],
    ) -> Option<Condition> {
        let source = self.text(node, path)?;
        match Condition::parse(&source, gives, samples) {
            Ok(condition) => Some(condition),
            Err(message) => {
                self.mistake(node.at, path, message);
                None
            }
        }
    }

    fn throttle(&mut self, node: &Node, samples: &[Event]) -> Option<Throttle> {
        let keys = self.keys(node, "throttle", &["per", "every", "max"])?;
        let every = self.required(&keys, "every")?;
        let every = self.duration(every, "throttle.every", THROTTLE_EVERY_MAX);
        let max = match keys.find("max") {
            None => Some(1),
            Some(node) => {
                let max = self.text(node, "throttle.max")?.parse().ok();
                let max = max.filter(|max| (1..=THROTTLE_MAX_MAX).contains(max));
                if max.is_none() {
                    self.mistake(
                        node.at,
                        "throttle.max",
                        format!("must be 1 to {THROTTLE_MAX_MAX}"),
                    );
                }
                max
            }
        };
        let per = match keys.find("per") {
            None => None,
            Some(node) if self.text(node, "throttle.per")? == "subject" => None,
            Some(node) => Some(self.condition(node, "throttle.per", Gives::Text, samples)?),
        };
        Some(Throttle {
            per,
            every: every?,
            max: max?,
        })
    }

    fn steps(&mut self, node: &Node, changes_devices: bool) -> Option<Vec<Step>> {
        let Value::List(nodes) = &node.value else {
            self.mistake(node.at, "steps", "must be a list");
            return None;
        };
        if nodes.is_empty() || nodes.len() > STEPS_MAX {
            self.mistake(node.at, "steps", format!("must be 1 to {STEPS_MAX} steps"));
            return None;
        }
        let read: Vec<Option<Step>> = nodes
            .iter()
            .enumerate()
            .map(|(index, node)| self.step(node, &format!("steps.{index}"), changes_devices))
            .collect();
        read.into_iter().collect()
    }
}

/// Whether every exec step stands behind an approve step.
fn asks_before_exec(steps: &[Step]) -> bool {
    let first_exec = steps
        .iter()
        .position(|step| matches!(step.action, StepAction::Exec { .. }));
    let first_ask = steps
        .iter()
        .position(|step| matches!(step.action, StepAction::Approve { .. }));
    first_exec.is_none_or(|exec| first_ask.is_some_and(|ask| ask < exec))
}

fn words(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

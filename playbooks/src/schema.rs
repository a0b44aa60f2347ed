//! The nouns of a playbook, once read and checked.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::EventKind;
use crate::condition::Condition;
use crate::template::Template;

/// Language of texts made here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Vietnamese.
    #[default]
    Vi,
    /// English.
    En,
}

/// Text in both languages; one may stand for both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
}

impl Text {
    /// The text in a language.
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::Vi => &self.vi,
            Language::En => &self.en,
        }
    }
}

/// By which road a notification goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// As the configuration says for the recipient named in `to`; the daemon's log when it says nothing.
    Configured,
    /// The daemon's log.
    Log,
    /// The webhook configured under the name in `to`.
    Webhook,
    /// Mail to the recipient configured under the name in `to`.
    Smtp,
}

/// A template in both languages.
#[derive(Clone, Debug)]
pub(crate) struct Templates {
    pub(crate) vi: Template,
    pub(crate) en: Template,
}

impl Templates {
    pub(crate) fn of(&self, language: Language) -> &Template {
        match language {
            Language::Vi => &self.vi,
            Language::En => &self.en,
        }
    }
}

/// How often a playbook may start for one key.
#[derive(Clone, Debug)]
pub(crate) struct Throttle {
    /// Expression for the key; the event's subject without one.
    pub(crate) per: Option<Condition>,
    pub(crate) every: Duration,
    pub(crate) max: u32,
}

/// When a step is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Only {
    Always,
    Recovered,
    Unrecovered,
}

/// What follows the failure of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFailure {
    Continue,
    Stop,
}

/// Who may approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApproverRole {
    Operator,
    Admin,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) only: Only,
    pub(crate) on_failure: OnFailure,
    pub(crate) action: StepAction,
}

#[derive(Clone, Debug)]
pub(crate) enum StepAction {
    Notify {
        channel: Channel,
        to: Option<String>,
        subject: Templates,
        text: Templates,
        idempotent: bool,
    },
    Wait {
        for_: Duration,
        or_until_recovered: bool,
    },
    Approve {
        by: ApproverRole,
        within: Duration,
        question: Text,
    },
    Exec {
        argv: Vec<Template>,
        env: BTreeMap<String, Template>,
        stdin: Option<Template>,
        timeout: Duration,
        dry_run: bool,
    },
}

/// A playbook, read and checked.
#[derive(Clone, Debug)]
pub struct Playbook {
    pub(crate) name: String,
    pub(crate) title: Text,
    pub(crate) source: String,
    pub(crate) fingerprint: String,
    pub(crate) on: Vec<EventKind>,
    pub(crate) when: Option<Condition>,
    pub(crate) throttle: Option<Throttle>,
    pub(crate) accept_unauthenticated_traps: bool,
    pub(crate) during_maintenance: bool,
    pub(crate) changes_devices: bool,
    pub(crate) steps: Vec<Step>,
}

impl Playbook {
    /// Its name, unique in a library.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its title.
    pub fn title(&self) -> &Text {
        &self.title
    }

    /// The kinds of events that may start it.
    pub fn on(&self) -> &[EventKind] {
        &self.on
    }
}

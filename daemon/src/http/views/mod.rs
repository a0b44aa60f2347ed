//! The answers of the API: one serde type for each interface of `PROTOCOL.md`, same names, same fields.
//!
//! Optional fields are left out of the JSON when absent, as the protocol's `?` says. Times are [`jiff::Timestamp`],
//! which prints RFC 3339 in UTC. The shapes of a live room (`Board`, `Participant`) are re-exported from the conference crate.
#![allow(
    missing_docs,
    reason = "the fields are PROTOCOL.md's and documented once, there"
)]

mod conference;
mod discovery;
mod estate;
mod inputs;
mod peers;
mod people;
mod runs;
mod scrape;
mod topology;
mod upkeep;

pub use conference::*;
pub use discovery::*;
pub use estate::*;
pub use inputs::*;
pub use peers::*;
pub use people::*;
pub use runs::*;
pub use scrape::*;
pub use topology::*;
pub use upkeep::*;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `Reason`: a code with arguments, so that each language has its own sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub code: String,
    pub args: BTreeMap<String, serde_json::Value>,
}

impl Reason {
    /// A reason without arguments.
    pub fn new(code: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            args: BTreeMap::new(),
        }
    }

    /// The same reason with one argument more (a string or a number).
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.args.insert(name.to_owned(), value.into());
        self
    }
}

impl From<nhipcau_conference::Reason> for Reason {
    fn from(reason: nhipcau_conference::Reason) -> Self {
        use nhipcau_conference::Arg;
        let args = reason.args.into_iter().map(|(name, arg)| {
            let value = match arg {
                Arg::Integer(number) => number.into(),
                Arg::Number(number) => number.into(),
                Arg::Text(text) => text.into(),
            };
            (name.into_owned(), value)
        });
        Self {
            code: reason.code.into_owned(),
            args: args.collect(),
        }
    }
}

impl From<Health> for nhipcau_conference::Health {
    fn from(health: Health) -> Self {
        match health {
            Health::Ok => Self::Ok,
            Health::Unknown => Self::Unknown,
            Health::Degraded => Self::Degraded,
            Health::Critical => Self::Critical,
        }
    }
}

impl From<&str> for Reason {
    fn from(code: &str) -> Self {
        Self::new(code)
    }
}

/// `Health`, worst last: the order is the order of severity, with `Unknown` between `Ok` and `Degraded`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Ok,
    #[default]
    Unknown,
    Degraded,
    Critical,
}

impl Health {
    /// The word of the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Critical => "critical",
        }
    }

    /// The health of a word of the protocol; anything else is `Unknown`.
    pub fn from_word(word: &str) -> Self {
        match word {
            "ok" => Self::Ok,
            "degraded" => Self::Degraded,
            "critical" => Self::Critical,
            _ => Self::Unknown,
        }
    }
}

/// `Record<Health, number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct HealthCounts {
    pub ok: u32,
    pub degraded: u32,
    pub critical: u32,
    pub unknown: u32,
}

impl HealthCounts {
    /// Counts one more.
    pub fn add(&mut self, health: Health) {
        match health {
            Health::Ok => self.ok += 1,
            Health::Degraded => self.degraded += 1,
            Health::Critical => self.critical += 1,
            Health::Unknown => self.unknown += 1,
        }
    }
}

impl FromIterator<Health> for HealthCounts {
    fn from_iter<I: IntoIterator<Item = Health>>(iter: I) -> Self {
        let mut counts = Self::default();
        for health in iter {
            counts.add(health);
        }
        counts
    }
}

//! Reasons: a code with arguments, so that each language has its own sentence.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An argument of a [`Reason`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arg {
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Number(f64),
    /// Text; may come from a device or a guest and is hostile.
    Text(String),
}

/// Why something is as it is. The codes are listed in the browser protocol under "Reason codes".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The code, such as `line_down`.
    pub code: Cow<'static, str>,
    /// Arguments by name.
    #[serde(default)]
    pub args: BTreeMap<Cow<'static, str>, Arg>,
}

impl Reason {
    /// A reason without arguments.
    pub fn new(code: &'static str) -> Self {
        Reason {
            code: Cow::Borrowed(code),
            args: BTreeMap::new(),
        }
    }

    /// The same reason with one more text argument.
    pub fn with(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.args
            .insert(Cow::Borrowed(name), Arg::Text(text.into()));
        self
    }

    /// A text argument, or nothing when it is absent or a number.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.args.get(name) {
            Some(Arg::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// What the network knows about a site that cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// `line_down` or `site_device_down`.
    pub code: String,
    /// Name of the device at fault.
    pub device: String,
    /// Name of the interface at fault, for `line_down`.
    pub interface: Option<String>,
}

impl Cause {
    /// The cause as a reason for pages and records.
    pub fn reason(&self) -> Reason {
        let mut args = BTreeMap::new();
        args.insert(Cow::Borrowed("device"), Arg::Text(self.device.clone()));
        if let Some(interface) = &self.interface {
            args.insert(Cow::Borrowed("interface"), Arg::Text(interface.clone()));
        }
        Reason {
            code: Cow::Owned(self.code.clone()),
            args,
        }
    }
}

/// Health of a site's line as the inventory sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing wrong.
    Ok,
    /// Works, with a reservation.
    Degraded,
    /// Does not work.
    Critical,
    /// Not measured.
    Unknown,
}

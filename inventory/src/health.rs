//! How something is, and why.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a component, a device, a link or a site is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Measured, and as it should be.
    Ok,
    /// Not measured, so nobody may call it well or ill.
    #[default]
    Unknown,
    /// Works, but somebody should look.
    Degraded,
    /// Act now.
    Critical,
}

impl Health {
    /// The one that deserves attention first: Critical, Degraded, Unknown, Ok.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        self.max(other)
    }

    /// The word used in JSON and in labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }
}

/// One argument of a [`Reason`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Arg {
    /// A text; may come from a device and is hostile.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A measured number.
    Number(f64),
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Arg {
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Arg {
    /// Rounded to three decimals: a reason is read by people. What is not finite becomes 0.
    fn from(number: f64) -> Self {
        if number.is_finite() {
            Self::Number((number * 1000.0).round() / 1000.0)
        } else {
            Self::Integer(0)
        }
    }
}

/// Why something is as it is: a code with arguments, so that each language has its own sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// One of the codes that the browser protocol lists.
    pub code: &'static str,
    /// The arguments of that code.
    pub args: BTreeMap<&'static str, Arg>,
}

impl Reason {
    /// A reason without arguments.
    #[must_use]
    pub fn new(code: &'static str) -> Self {
        Self {
            code,
            args: BTreeMap::new(),
        }
    }

    /// The same with one more argument.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Arg>) -> Self {
        self.args.insert(name, value.into());
        self
    }

    /// The text of an argument, when it is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.args.get(name) {
            Some(Arg::Text(text)) => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_puts_what_needs_hands_first() {
        assert_eq!(Health::Ok.worst(Health::Unknown), Health::Unknown);
        assert_eq!(Health::Degraded.worst(Health::Unknown), Health::Degraded);
        assert_eq!(Health::Critical.worst(Health::Degraded), Health::Critical);
        assert_eq!(Health::Ok.worst(Health::Ok), Health::Ok);
    }

    #[test]
    fn reasons_are_codes_with_arguments() {
        let reason = Reason::new("sensor_high")
            .with("value", 31.25)
            .with("unit", "°C")
            .with("limit", 30_u64);
        assert_eq!(
            serde_json::to_string(&reason).unwrap(),
            r#"{"code":"sensor_high","args":{"limit":30,"unit":"°C","value":31.25}}"#
        );
        assert_eq!(reason.text("unit"), Some("°C"));
    }
}

//! The command line taken apart: words, and options in whatever order they came. A family takes what is its own; what nobody takes
//! is refused.

use std::ffi::OsString;

use lexopt::{Arg, Parser, ValueExt};

/// Options without a value, of all families.
const FLAGS: &[&str] = &["anonymise", "lab", "reference", "help", "version"];
/// Options with a value, of all families, each with its one-letter form.
const VALUES: &[(&str, Option<char>)] = &[
    ("config", Some('c')),
    ("credential", None),
    ("deadline", None),
    ("format", Some('f')),
    ("since", None),
    ("until", None),
    ("output", Some('o')),
    ("tables", None),
    ("links", None),
    ("url", None),
    ("conference", None),
    ("account", None),
    ("password-file", None),
    ("whip", None),
    ("whep", None),
    ("token-file", None),
    ("peers", None),
    ("publishers", None),
    ("layers", None),
    ("seconds", None),
    ("ramp", None),
    ("tiles", None),
    ("turn-every", None),
    ("speaker-every", None),
    ("churn", None),
    ("loss", None),
    ("delay", None),
    ("jitter", None),
    ("reorder", None),
    ("rate", None),
    ("line-peers", None),
    ("seed", None),
    ("bind", None),
    ("ca", None),
];

/// What was typed.
#[derive(Debug, Default)]
pub(super) struct Line {
    words: Vec<String>,
    flags: Vec<&'static str>,
    values: Vec<(&'static str, OsString)>,
}

impl Line {
    /// Reads the whole line, the program's name first.
    pub(super) fn read(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, lexopt::Error> {
        let mut parser = Parser::from_iter(arguments);
        let mut line = Self::default();
        while let Some(argument) = parser.next()? {
            let known = match &argument {
                Arg::Short('h') => Some(("help", false)),
                Arg::Short('V') => Some(("version", false)),
                Arg::Short(letter) => VALUES
                    .iter()
                    .find(|(_, short)| *short == Some(*letter))
                    .map(|(name, _)| (*name, true)),
                Arg::Long(name) => FLAGS
                    .iter()
                    .find(|flag| *flag == name)
                    .map(|flag| (*flag, false))
                    .or_else(|| {
                        let (name, _) = VALUES.iter().find(|(known, _)| known == name)?;
                        Some((*name, true))
                    }),
                Arg::Value(_) => None,
            };
            match (known, argument) {
                (Some((name, true)), _) => line.values.push((name, parser.value()?)),
                (Some((name, false)), _) => line.flags.push(name),
                (None, Arg::Value(word)) => line.words.push(word.string()?),
                (None, other) => return Err(other.unexpected()),
            }
        }
        Ok(line)
    }

    /// The words, in order.
    pub(super) fn words(&self) -> Vec<String> {
        self.words.clone()
    }

    /// Takes a flag; whether it was given.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        let before = self.flags.len();
        self.flags.retain(|flag| *flag != name);
        before > self.flags.len()
    }

    /// Takes the value of an option that may come once; a second one is left over and refused.
    pub(super) fn value(&mut self, name: &str) -> Option<OsString> {
        let at = self.values.iter().position(|(given, _)| *given == name)?;
        Some(self.values.remove(at).1)
    }

    /// Takes the value of an option as text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        self.value(name)
            .map(|value| {
                value
                    .into_string()
                    .map_err(|_| format!("--{name}: not in UTF-8"))
            })
            .transpose()
    }

    /// Drops what nobody asked for: beside `--help` everything is allowed.
    pub(super) fn forget(&mut self) {
        self.flags.clear();
        self.values.clear();
    }

    /// Refuses what no family has taken.
    pub(super) fn finish(self) -> Result<(), String> {
        let over = self
            .flags
            .first()
            .copied()
            .or_else(|| self.values.first().map(|(name, _)| *name));
        match over {
            Some(name) => Err(format!(
                "--{name} does not belong to `{}`, or came twice",
                self.words.join(" ")
            )),
            None => Ok(()),
        }
    }
}

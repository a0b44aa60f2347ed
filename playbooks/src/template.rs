//! Text with placeholders for fields of the event.
//!
//! A placeholder is `{{ event.FIELD }}`, or `{{ recovery.FIELD }}` in steps that are only wanted
//! after the recovery. There is nothing else: no expressions, no conditions, no loops.

use crate::Event;
use crate::field::{Field, Style};

/// Longest value put in for a placeholder, in characters.
const VALUE_CHARS_MAX: usize = 1000;
/// Longest text after filling in, in characters.
const TEXT_CHARS_MAX: usize = 8000;
/// Longest program argument, in octets.
const ARGUMENT_BYTES_MAX: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Event,
    Recovery,
}

#[derive(Clone, Debug)]
pub(crate) enum Part {
    Literal(String),
    Placeholder(Source, Field),
}

/// Literal text and placeholders.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

/// The two events that placeholders may name.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) event: &'a Event,
    pub(crate) recovery: Option<&'a Event>,
}

impl Facts<'_> {
    fn value(&self, source: Source, field: &Field, style: Style<'_>) -> Option<String> {
        match source {
            Source::Event => field.write(self.event, style),
            Source::Recovery => field.write(self.recovery?, style),
        }
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A sentence that names the placeholder at fault.
    pub(crate) fn parse(text: &str, recovery_allowed: bool) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            if start > 0 {
                parts.push(Part::Literal(rest[..start].to_owned()));
            }
            let after = &rest[start + 2..];
            let end = after.find("}}").ok_or("`{{` without `}}`")?;
            let name = after[..end].trim();
            let (source, field) = name.split_once('.').ok_or_else(|| {
                format!("`{name}` is no placeholder; write {{{{ event.FIELD }}}}")
            })?;
            let source = match source {
                "event" => Source::Event,
                "recovery" if recovery_allowed => Source::Recovery,
                "recovery" => {
                    return Err(format!(
                        "`{name}` is only known in a step with `only: recovered`"
                    ));
                }
                _ => {
                    return Err(format!(
                        "`{name}` is no placeholder; write {{{{ event.FIELD }}}}"
                    ));
                }
            };
            let field = Field::parse(field).ok_or_else(|| {
                let known: Vec<&str> = crate::field::NAMES.iter().map(|(name, _)| *name).collect();
                format!(
                    "an event has no field `{field}`; it has {} and args.NAME",
                    known.join(", ")
                )
            })?;
            parts.push(Part::Placeholder(source, field));
            rest = &after[end + 2..];
        }
        if rest.contains("}}") {
            return Err("`}}` without `{{`".to_owned());
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Template { parts })
    }

    /// Whether any event data is in it.
    pub(crate) fn has_placeholder(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Placeholder(..)))
    }

    /// Whether it is literal text only, or one placeholder only.
    pub(crate) fn is_whole(&self) -> bool {
        !self.has_placeholder() || self.parts.len() == 1
    }

    /// The text when it has no placeholder.
    pub(crate) fn literal(&self) -> Option<String> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => Some(text.as_str()),
                Part::Placeholder(..) => None,
            })
            .collect()
    }

    /// For people. Values lose control and bidirectional characters, so that a device or a guest
    /// can neither start a line (a mail header, a log line) nor turn the text round; a missing
    /// value is `–`.
    pub(crate) fn for_people(&self, facts: Facts<'_>, style: Style<'_>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Placeholder(source, field) => {
                    let value = facts.value(*source, field, style).unwrap_or_default();
                    let before = text.len();
                    text.extend(value.chars().take(VALUE_CHARS_MAX).map(harmless));
                    if text.len() == before {
                        text.push('–');
                    }
                }
            }
        }
        cut(text, TEXT_CHARS_MAX)
    }

    /// As one argument of a program.
    ///
    /// # Errors
    /// Why the event's value cannot be an argument: it is missing, begins with `-` (it would be
    /// an option), contains a control character, or is too long.
    pub(crate) fn for_argument(&self, facts: Facts<'_>) -> Result<String, String> {
        let [Part::Placeholder(source, field)] = self.parts.as_slice() else {
            return Ok(self.literal().unwrap_or_default());
        };
        let value = facts
            .value(*source, field, Style::Programs)
            .ok_or_else(|| format!("the event has no {field:?}"))?;
        if value.starts_with('-') {
            return Err(format!(
                "{field:?} begins with `-` and would be taken for an option"
            ));
        }
        if value.chars().any(char::is_control) {
            return Err(format!("{field:?} contains a control character"));
        }
        if value.len() > ARGUMENT_BYTES_MAX {
            return Err(format!(
                "{field:?} is longer than {ARGUMENT_BYTES_MAX} octets"
            ));
        }
        Ok(value)
    }

    /// As data: an environment variable's value or a program's input. A missing value is empty.
    ///
    /// # Errors
    /// When a value contains NUL.
    pub(crate) fn for_data(&self, facts: Facts<'_>) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Placeholder(source, field) => {
                    let value = facts
                        .value(*source, field, Style::Programs)
                        .unwrap_or_default();
                    if value.contains('\0') {
                        return Err(format!("{field:?} contains NUL"));
                    }
                    text.push_str(&value);
                }
            }
        }
        Ok(cut(text, TEXT_CHARS_MAX))
    }
}

/// Control and bidirectional characters become spaces.
pub(crate) fn harmless(c: char) -> char {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns { ' ' } else { c }
}

fn cut(mut text: String, chars_max: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(chars_max) {
        text.truncate(end);
        text.push('…');
    }
    text
}

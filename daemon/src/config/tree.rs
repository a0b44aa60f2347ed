//! A YAML document as a tree whose every node knows its place.
//!
//! Departures from YAML 1.2, all on purpose: no anchors, aliases, tags or second documents (a configuration needs none, and without
//! them an alias bomb cannot be written), no keys but plain text, no duplicate keys.

use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::error::{At, ConfigError};

/// Largest document in bytes: a province of 5,000 devices takes about 1 MB.
pub(super) const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Deepest nesting; the schema itself needs 5.
const DEPTH_MAX: usize = 16;
/// Most nodes of one document: ten for each of 20,000 devices.
const NODES_MAX: usize = 200_000;

/// A node and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) kind: NodeKind,
}

#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    /// An empty value, `~` or `null`.
    Null,
    /// Text as written; `plain` when without quotes.
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

impl NodeKind {
    /// What a person would call it.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar { .. } => "one value",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a section",
        }
    }
}

/// A key of a mapping with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: At,
    pub(super) node: Node,
}

/// Reads one document. Duplicate keys go to `errors` and the first stays; a text that is no YAML yields `None` and one error.
pub(super) fn read(file: &Arc<str>, text: &str, errors: &mut Vec<ConfigError>) -> Option<Node> {
    let whole = At {
        file: file.clone(),
        line: 0,
        column: 0,
    };
    if text.len() > DOCUMENT_BYTES_MAX {
        errors.push(ConfigError::new(
            &whole,
            "",
            format!("is larger than {DOCUMENT_BYTES_MAX} bytes"),
        ));
        return None;
    }
    let mut builder = Builder {
        file,
        open: Vec::new(),
        root: None,
        nodes: 0,
        errors,
    };
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => builder.take(event, &span),
            Err(fault) => {
                let mark = fault.marker();
                let at = At {
                    file: file.clone(),
                    line: mark.line(),
                    column: mark.col() + 1,
                };
                Err(ConfigError::new(
                    &at,
                    "",
                    format!("is not YAML: {}", fault.info()),
                ))
            }
        };
        if let Err(error) = step {
            builder.errors.push(error);
            return None;
        }
    }
    // An empty file says nothing, which is allowed.
    Some(builder.root.unwrap_or(Node {
        at: At {
            line: 1,
            column: 1,
            ..whole
        },
        kind: NodeKind::Null,
    }))
}

/// A collection that has begun and not ended.
enum Open {
    Sequence {
        at: At,
        items: Vec<Node>,
    },
    Mapping {
        at: At,
        entries: Vec<Entry>,
        key: Option<(String, At)>,
    },
}

struct Builder<'a> {
    file: &'a Arc<str>,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    errors: &'a mut Vec<ConfigError>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), ConfigError> {
        let at = At {
            file: self.file.clone(),
            line: span.start.line(),
            column: span.start.col() + 1,
        };
        let refuse = |what: &str| Err(ConfigError::new(&at, "", what));
        match event {
            Event::Alias(_) => refuse("aliases (*name) are not allowed here"),
            Event::Scalar(.., anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                refuse("anchors (&name) are not allowed here")
            }
            Event::Scalar(.., Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => refuse("tags (!name) are not allowed here"),
            Event::DocumentStart(_) if self.root.is_some() => {
                refuse("holds a second document (---)")
            }
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                let kind = if plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                    NodeKind::Null
                } else {
                    NodeKind::Scalar {
                        text: text.into_owned(),
                        plain,
                    }
                };
                self.place(Node { at, kind })
            }
            Event::SequenceStart(..) => self.begin(Open::Sequence {
                at,
                items: Vec::new(),
            }),
            Event::MappingStart(..) => self.begin(Open::Mapping {
                at,
                entries: Vec::new(),
                key: None,
            }),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::Sequence { at, items }) => self.place(Node {
                    at,
                    kind: NodeKind::Sequence(items),
                }),
                Some(Open::Mapping { at, entries, .. }) => self.place(Node {
                    at,
                    kind: NodeKind::Mapping(entries),
                }),
                None => Ok(()),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, open: Open) -> Result<(), ConfigError> {
        let (Open::Sequence { at, .. } | Open::Mapping { at, .. }) = &open;
        if self.open.len() >= DEPTH_MAX {
            return Err(ConfigError::new(
                at,
                "",
                format!("is nested deeper than {DEPTH_MAX} levels"),
            ));
        }
        if let Some(Open::Mapping { key: None, .. }) = self.open.last() {
            return Err(ConfigError::new(at, "", "a key must be plain text"));
        }
        self.open.push(open);
        Ok(())
    }

    fn place(&mut self, node: Node) -> Result<(), ConfigError> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(ConfigError::new(
                &node.at,
                "",
                format!("has more than {NODES_MAX} values"),
            ));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping {
                key: key @ None, ..
            }) => match node.kind {
                NodeKind::Scalar { text, .. } => *key = Some((text, node.at)),
                _ => return Err(ConfigError::new(&node.at, "", "a key must be plain text")),
            },
            Some(Open::Mapping {
                key: key @ Some(_),
                entries,
                ..
            }) => {
                let Some((key, at)) = key.take() else {
                    return Ok(());
                };
                match entries.iter().find(|entry| entry.key == key) {
                    Some(first) => {
                        let message = format!("is given twice, first in line {}", first.at.line);
                        self.errors.push(ConfigError::new(&at, key, message));
                    }
                    None => entries.push(Entry { key, at, node }),
                }
            }
        }
        Ok(())
    }
}

/// Adds a document to those before it: lists append, sections join key by key; a single value that both give is a mistake.
pub(super) fn merge(into: &mut Node, from: Node, path: &str, errors: &mut Vec<ConfigError>) {
    match (&mut into.kind, from.kind) {
        (_, NodeKind::Null) => {}
        (kind @ NodeKind::Null, other) => {
            *kind = other;
            into.at = from.at;
        }
        (NodeKind::Sequence(items), NodeKind::Sequence(more)) => items.extend(more),
        (NodeKind::Mapping(entries), NodeKind::Mapping(more)) => {
            for entry in more {
                let path = if path.is_empty() {
                    entry.key.clone()
                } else {
                    format!("{path}.{}", entry.key)
                };
                match entries.iter_mut().find(|present| present.key == entry.key) {
                    Some(present) => merge(&mut present.node, entry.node, &path, errors),
                    None => entries.push(entry),
                }
            }
        }
        _ => errors.push(ConfigError::new(
            &from.at,
            path,
            format!("is given already at {}", into.at),
        )),
    }
}

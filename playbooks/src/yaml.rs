//! YAML as a tree of nodes that know where they stand.
//!
//! Anchors, aliases, tags and further documents are refused: a playbook needs none of them, and
//! without aliases there is no way to make a small file large.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Largest file.
pub(crate) const FILE_BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting; the schema needs six levels.
const DEPTH_MAX: usize = 12;
/// Most nodes in a file.
const NODES_MAX: usize = 4096;

/// A place in a file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    fn of(span: Span) -> Self {
        Place {
            line: span.start.line().max(1) as u32,
            column: span.start.col() as u32 + 1,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar { text: String, plain: bool },
    List(Vec<Node>),
    Map(Vec<Pair>),
}

#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) at: Place,
    pub(crate) key: String,
    pub(crate) value: Node,
}

/// Why a text is not an acceptable YAML file, and where.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) at: Place,
    pub(crate) message: String,
}

fn fault<T>(at: Place, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault {
        at,
        message: message.into(),
    })
}

/// A container that is still open.
enum Open {
    List(Place, Vec<Node>),
    Map(Place, Vec<Pair>, Option<(Place, String)>),
}

/// Reads one document.
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    let start = Place { line: 1, column: 1 };
    if text.len() > FILE_BYTES_MAX {
        return fault(
            start,
            format!("the file is larger than {FILE_BYTES_MAX} bytes"),
        );
    }
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    let mut nodes = 0;
    let mut documents = 0;
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let marker = error.marker();
                let at = Place {
                    line: marker.line().max(1) as u32,
                    column: marker.col() as u32 + 1,
                };
                return fault(at, format!("this is not YAML: {}", error.info()));
            }
        };
        let at = Place::of(span);
        nodes += 1;
        if nodes > NODES_MAX {
            return fault(at, format!("more than {NODES_MAX} values"));
        }
        let done = match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return fault(at, "only one document a file");
                }
                continue;
            }
            Event::Alias(_) => return fault(at, "aliases are not allowed"),
            Event::Scalar(text, style, anchor, tag) => {
                if anchor != 0 {
                    return fault(at, "anchors are not allowed");
                }
                if tag.is_some() {
                    return fault(at, "tags are not allowed");
                }
                if text.contains('\0') {
                    return fault(at, "a text must not contain NUL");
                }
                let plain = matches!(style, ScalarStyle::Plain);
                Node {
                    at,
                    value: Value::Scalar {
                        text: text.into_owned(),
                        plain,
                    },
                }
            }
            Event::SequenceStart(anchor, tag) => {
                if anchor != 0 || tag.is_some() {
                    return fault(at, "anchors and tags are not allowed");
                }
                check_depth(&open, at)?;
                if matches!(open.last(), Some(Open::Map(_, _, None))) {
                    return fault(at, "a key must be a text");
                }
                open.push(Open::List(at, Vec::new()));
                continue;
            }
            Event::MappingStart(anchor, tag) => {
                if anchor != 0 || tag.is_some() {
                    return fault(at, "anchors and tags are not allowed");
                }
                check_depth(&open, at)?;
                if matches!(open.last(), Some(Open::Map(_, _, None))) {
                    return fault(at, "a key must be a text");
                }
                open.push(Open::Map(at, Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(at, list)) => Node {
                    at,
                    value: Value::List(list),
                },
                Some(Open::Map(at, pairs, _)) => Node {
                    at,
                    value: Value::Map(pairs),
                },
                None => return fault(at, "this is not YAML: a container ends that did not begin"),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
        };
        match open.last_mut() {
            None => root = Some(done),
            Some(Open::List(_, list)) => list.push(done),
            Some(Open::Map(_, pairs, pending)) => match pending.take() {
                Some((at, key)) => pairs.push(Pair {
                    at,
                    key,
                    value: done,
                }),
                None => {
                    let Value::Scalar { text, .. } = done.value else {
                        return fault(done.at, "a key must be a text");
                    };
                    if pairs.iter().any(|pair| pair.key == text) {
                        return fault(done.at, format!("key `{text}` is there twice"));
                    }
                    *pending = Some((done.at, text));
                }
            },
        }
    }
    root.map_or_else(|| fault(start, "the file is empty"), Ok)
}

fn check_depth(open: &[Open], at: Place) -> Result<(), Fault> {
    if open.len() >= DEPTH_MAX {
        return fault(at, format!("nested deeper than {DEPTH_MAX} levels"));
    }
    Ok(())
}

//! First pass: every node against the schema. The result keeps what was right, so that the second pass can still judge references.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::error::{At, ConfigError};
use super::model::Allowed;
use super::schema::{Absent, Field, Form};
use super::tree::{Entry, Node, NodeKind};
use super::values;
use crate::secret::{Secret, SecretRef};

/// Most items of one list: more than any province has, less than memory.
const ITEMS_MAX: usize = 20_000;

/// A value that follows the schema, with its place.
#[derive(Debug, Clone)]
pub(super) struct Datum {
    pub(super) at: At,
    pub(super) kind: DatumKind,
}

#[derive(Debug, Clone)]
pub(super) enum DatumKind {
    /// Absent or switched off.
    Nothing,
    /// Wrong and reported: it is there, but says nothing.
    Wrong,
    Text(String),
    Integer(u64),
    Decimal(f64),
    Duration(Duration),
    Socket(SocketAddr),
    Address(IpAddr),
    Network(IpNet),
    Allowed(Allowed),
    Path(PathBuf),
    Secret(SecretRef),
    Section(Vec<(&'static str, Datum)>),
    List(Vec<Datum>),
    Map(Vec<(String, Datum)>),
}

/// What the pass knows and collects.
pub(super) struct Checker<'a> {
    /// Beside the simulated province: its defaults hold.
    pub(super) lab: bool,
    /// The document whose secrets may stand in the open.
    pub(super) lab_document: &'a str,
    pub(super) errors: &'a mut Vec<ConfigError>,
}

impl Checker<'_> {
    /// A mapping against its fields.
    pub(super) fn section(
        &mut self,
        fields: impl Iterator<Item = &'static Field>,
        node: &Node,
        path: &str,
    ) -> Datum {
        let fields: Vec<&Field> = fields.collect();
        let no_entries = Vec::new();
        let entries = match &node.kind {
            NodeKind::Mapping(entries) => entries,
            NodeKind::Null => &no_entries,
            other => {
                self.refuse(
                    &node.at,
                    path,
                    format!("must be a section of keys, not {}", other.noun()),
                );
                return Datum {
                    at: node.at.clone(),
                    kind: DatumKind::Wrong,
                };
            }
        };
        for entry in entries {
            if !fields.iter().any(|field| field.key == entry.key) {
                let message = match nearest(&entry.key, fields.iter().map(|field| field.key)) {
                    Some(near) => format!("unknown key; did you mean {near}?"),
                    None => {
                        let known: Vec<&str> = fields.iter().map(|field| field.key).collect();
                        format!("unknown key; known here: {}", known.join(", "))
                    }
                };
                self.refuse(&entry.at, &join(path, &entry.key), message);
            }
        }
        let members = fields
            .into_iter()
            .map(|field| {
                (
                    field.key,
                    self.field(field, entries, &node.at, &join(path, field.key)),
                )
            })
            .collect();
        Datum {
            at: node.at.clone(),
            kind: DatumKind::Section(members),
        }
    }

    fn field(
        &mut self,
        field: &'static Field,
        entries: &[Entry],
        section: &At,
        path: &str,
    ) -> Datum {
        let entry = entries.iter().find(|entry| entry.key == field.key);
        let at = entry.map_or(section, |entry| &entry.node.at);
        let fallback = match (field.absent, entry.map(|entry| &entry.node.kind)) {
            (Absent::Switch { .. }, Some(NodeKind::Null)) => None,
            (_, Some(kind)) if !matches!(kind, NodeKind::Null) => {
                return entry.map_or_else(
                    || nothing(at),
                    |entry| self.form(&field.form, &entry.node, path),
                );
            }
            (Absent::Required, _) => {
                self.refuse(at, path, "is required");
                None
            }
            (Absent::Nothing, _) => None,
            (Absent::Text(text), _) => Some(text),
            (Absent::Switch { usual, lab }, _) => {
                if self.lab {
                    Some(lab)
                } else {
                    usual
                }
            }
        };
        let kind = match (fallback, &field.form) {
            (Some(text), _) => NodeKind::Scalar {
                text: text.to_owned(),
                plain: true,
            },
            // An absent section still has its fields' defaults, unless it is wholly optional.
            (None, Form::Section(fields))
                if fields
                    .iter()
                    .all(|field| !matches!(field.absent, Absent::Required)) =>
            {
                NodeKind::Mapping(Vec::new())
            }
            (None, _) => return nothing(at),
        };
        self.form(
            &field.form,
            &Node {
                at: at.clone(),
                kind,
            },
            path,
        )
    }

    fn form(&mut self, form: &'static Form, node: &Node, path: &str) -> Datum {
        let kind = match form {
            Form::Section(fields) => return self.section(fields.iter(), node, path),
            Form::List(item) => self.list(item, node, path),
            Form::Map(item) => self.map(item, node, path),
            Form::Secret => self.secret(node, path),
            single => match &node.kind {
                NodeKind::Scalar { text, plain } => match self::single(single, text, *plain) {
                    Ok(kind) => kind,
                    Err(message) => {
                        self.refuse(&node.at, path, message);
                        DatumKind::Wrong
                    }
                },
                other => {
                    self.refuse(
                        &node.at,
                        path,
                        format!("must be one value, not {}", other.noun()),
                    );
                    DatumKind::Wrong
                }
            },
        };
        Datum {
            at: node.at.clone(),
            kind,
        }
    }

    fn list(&mut self, item: &'static Form, node: &Node, path: &str) -> DatumKind {
        let NodeKind::Sequence(nodes) = &node.kind else {
            self.refuse(
                &node.at,
                path,
                format!("must be a list, not {}", node.kind.noun()),
            );
            return DatumKind::Wrong;
        };
        if nodes.len() > ITEMS_MAX {
            self.refuse(&node.at, path, format!("has more than {ITEMS_MAX} items"));
            return DatumKind::Wrong;
        }
        DatumKind::List(
            nodes
                .iter()
                .enumerate()
                .map(|(i, node)| self.form(item, node, &format!("{path}[{i}]")))
                .collect(),
        )
    }

    fn map(&mut self, item: &'static Form, node: &Node, path: &str) -> DatumKind {
        let NodeKind::Mapping(entries) = &node.kind else {
            self.refuse(
                &node.at,
                path,
                format!("must be a section of names, not {}", node.kind.noun()),
            );
            return DatumKind::Wrong;
        };
        let mut members = Vec::new();
        for entry in entries {
            let path = join(path, &entry.key);
            if values::is_id(&entry.key) {
                members.push((entry.key.clone(), self.form(item, &entry.node, &path)));
            } else {
                self.refuse(
                    &entry.at,
                    &path,
                    "a name has letters, digits, - _ . and at most 64 of them",
                );
            }
        }
        DatumKind::Map(members)
    }

    fn secret(&mut self, node: &Node, path: &str) -> DatumKind {
        match &node.kind {
            NodeKind::Scalar { text, .. } => match SecretRef::parse(text) {
                Ok(reference) => return DatumKind::Secret(reference),
                // The text itself is not repeated: it may be the secret that somebody wrote here.
                Err(error) => self.refuse(&node.at, path, error.to_string()),
            },
            NodeKind::Mapping(entries) => match entries.as_slice() {
                [
                    Entry {
                        key,
                        node:
                            Node {
                                kind: NodeKind::Scalar { text, .. },
                                ..
                            },
                        ..
                    },
                ] if key == "value" => {
                    if self.lab && *node.at.file == *self.lab_document {
                        return DatumKind::Secret(SecretRef::Value(Secret::new(text.clone())));
                    }
                    self.refuse(&node.at, path, "a secret may not stand here; write file:/absolute/path, env:NAME or credential:NAME");
                }
                _ => self.refuse(
                    &node.at,
                    path,
                    "a secret is written file:/absolute/path, env:NAME or credential:NAME",
                ),
            },
            other => self.refuse(
                &node.at,
                path,
                format!("must name a secret, not {}", other.noun()),
            ),
        }
        DatumKind::Wrong
    }

    fn refuse(&mut self, at: &At, path: &str, message: impl Into<String>) {
        self.errors.push(ConfigError::new(at, path, message));
    }
}

fn nothing(at: &At) -> Datum {
    Datum {
        at: at.clone(),
        kind: DatumKind::Nothing,
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn single(form: &Form, text: &str, plain: bool) -> Result<DatumKind, String> {
    match form {
        Form::Text(bytes_max) => {
            if text.is_empty() || text.len() > *bytes_max {
                Err(format!("must have 1 to {bytes_max} bytes"))
            } else if text.chars().any(char::is_control) {
                Err("must not hold control characters".into())
            } else {
                Ok(DatumKind::Text(text.to_owned()))
            }
        }
        Form::Id if values::is_id(text) => Ok(DatumKind::Text(text.to_owned())),
        Form::Id => Err("must have letters, digits, - _ . and at most 64 of them".into()),
        Form::Choice(words) if words.contains(&text) => Ok(DatumKind::Text(text.to_owned())),
        Form::Choice(words) => Err(format!("must be one of {}", words.join(", "))),
        Form::Integer(from, to) => match text.parse::<u64>() {
            Ok(number) if plain && (*from..=*to).contains(&number) => {
                Ok(DatumKind::Integer(number))
            }
            _ => Err(format!("must be a whole number from {from} to {to}")),
        },
        Form::Decimal => match text.parse::<f64>() {
            Ok(number) if plain && number.is_finite() && number.abs() <= 1e12 => {
                Ok(DatumKind::Decimal(number))
            }
            _ => Err("must be a number such as 35, 0.5 or -20".into()),
        },
        Form::Duration(from, to) => match (
            values::duration(from),
            values::duration(text),
            values::duration(to),
        ) {
            (Some(low), Some(value), Some(high)) if (low..=high).contains(&value) => {
                Ok(DatumKind::Duration(value))
            }
            (_, Some(_), _) => Err(format!("must be from {from} to {to}")),
            _ => Err("must be a duration such as 500ms, 30s, 5m, 2h".into()),
        },
        Form::Rate => match values::rate(text) {
            Some(rate) if rate > 0 => Ok(DatumKind::Integer(rate)),
            _ => Err("must be a rate in bits per second such as 512k, 20M, 1G".into()),
        },
        Form::Size => values::size(text)
            .map(DatumKind::Integer)
            .ok_or("must be a size such as 512MiB or 10GiB".into()),
        Form::Socket(usual) => values::socket(text, *usual)
            .map(DatumKind::Socket)
            .ok_or_else(|| {
                if usual.is_some() {
                    "must be an IP address, with or without :port"
                } else {
                    "must be an IP address with :port"
                }
                .into()
            }),
        Form::Address => text
            .parse()
            .map(DatumKind::Address)
            .map_err(|_| "must be an IP address".into()),
        Form::Network => network(text).map(DatumKind::Network),
        Form::Allowed => match network(text) {
            Ok(network) => Ok(DatumKind::Allowed(Allowed::Network(network))),
            Err(_) if values::is_host(text) && text.contains(|c: char| c.is_ascii_alphabetic()) => {
                Ok(DatumKind::Allowed(Allowed::Host(text.to_ascii_lowercase())))
            }
            Err(message) => Err(format!("{message}, or a host name")),
        },
        Form::Host if values::is_host(text) => Ok(DatumKind::Text(text.to_owned())),
        Form::Host => Err("must be a host name or an IP address".into()),
        Form::Email if values::is_email(text) => Ok(DatumKind::Text(text.to_owned())),
        Form::Email => Err("must be a mail address such as truc@example.gov.vn".into()),
        Form::Path => {
            let path = PathBuf::from(text);
            // Relative to what would depend on who starts the daemon.
            if path.is_absolute() && !text.contains('\0') {
                Ok(DatumKind::Path(path))
            } else {
                Err("must be an absolute path".into())
            }
        }
        Form::Secret | Form::Section(_) | Form::List(_) | Form::Map(_) => {
            Err("must not be one value".into())
        }
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let network: IpNet = text
        .parse()
        .map_err(|_| "must be a network such as 10.20.0.0/16 or an IP address".to_owned())?;
    // A host bit that is set means that somebody counted wrong, and a trust list is no place to guess.
    if network.trunc() == network {
        Ok(network)
    } else {
        Err(format!(
            "has host bits set; the network is {}",
            network.trunc()
        ))
    }
}

/// The known key that a typing mistake was likely meant to be: at most two edits away.
fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|key| (edits(word, key), key))
        .filter(|(edits, key)| *edits <= 2 && *edits < key.len())
        .min()
        .map(|(_, key)| key)
}

/// Levenshtein distance, by bytes; long words count as far away.
fn edits(a: &str, b: &str) -> usize {
    if a.len() > 40 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

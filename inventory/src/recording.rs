//! Recordings of devices (`OID|TYPE|VALUE` a line) as agents, and what the poller makes of one: the ground of `nhipcau profile
//! test` and of the comparison with another monitor.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::poller::{FetchError, Input, Op, Output, Poller, PollerConfig, Request};
use crate::{
    Collection, CollectionScope, CredentialRef, DeviceId, DeviceSpec, Oid, ProfileSet, SnmpVersion,
    Value, Varbind,
};

/// Lines whose mistakes are kept; more are only counted.
const MISTAKES_MAX: usize = 100;
/// Variables of one recording; what is beyond is dropped and counted as a mistake.
const OBJECTS_MAX: usize = 2_000_000;
/// Polls after which names, entities and dependent tables have settled.
const POLLS: usize = 2;
/// Requests after which a device is called endless; the largest real ones need a few thousand.
const REQUESTS_MAX: usize = 200_000;

/// A line of a recording that says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingMistake {
    /// Line from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// What a device answered once, as an agent that answers the same again.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// Every variable, in the order of a walk.
    pub objects: BTreeMap<Oid, Value>,
    /// Lines that were left out, at most a hundred.
    pub mistakes: Vec<RecordingMistake>,
}

impl Recording {
    /// Reads a recording. `TYPE` is the BER tag in decimal, followed by `x` when `VALUE` is hexadecimal and by `e` when it has
    /// escapes (`\n`, `\xNN`). Empty lines and lines that start with `#` are skipped; lines without a tag continue the text of
    /// the line before. A line that makes no sense is left out and noted: recordings are edited by hand.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut recording = Self::default();
        // The name of the text that the next line may continue.
        let mut open: Option<Oid> = None;
        for (n, line) in text.lines().enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.starts_with('#') || (line.is_empty() && open.is_none()) {
                continue;
            }
            let Some((name, tag, raw)) = split(line) else {
                match open.as_ref().and_then(|o| recording.objects.get_mut(o)) {
                    Some(Value::OctetString(bytes)) => {
                        let mut longer = bytes.to_vec();
                        longer.push(b'\n');
                        longer.extend_from_slice(line.as_bytes());
                        *bytes = longer.into();
                    }
                    _ => recording.mistake(n, "not `OID|TYPE|VALUE`".to_owned()),
                }
                continue;
            };
            open = None;
            let Ok(name) = name.parse::<Oid>() else {
                recording.mistake(n, format!("`{name}` is not an OID"));
                continue;
            };
            match value(tag, raw) {
                Ok(_) if recording.objects.len() >= OBJECTS_MAX => {
                    recording.mistake(n, format!("more than {OBJECTS_MAX} variables"));
                    return recording;
                }
                Ok(value) => {
                    if tag == "4" {
                        open = Some(name.clone());
                    }
                    recording.objects.insert(name, value);
                }
                Err(message) => recording.mistake(n, message),
            }
        }
        recording
    }

    /// The recording as lines that [`Recording::parse`] reads. Text with anything but printable ASCII is written hexadecimal, so that
    /// the file is harmless on a terminal whatever the device said.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for (oid, value) in &self.objects {
            if let Some((tag, text)) = line_of(value) {
                let _ = writeln!(out, "{oid}|{tag}|{text}");
            }
        }
        out
    }

    fn mistake(&mut self, n: usize, message: String) {
        if self.mistakes.len() < MISTAKES_MAX {
            self.mistakes.push(RecordingMistake {
                line: n + 1,
                message,
            });
        }
    }

    /// The variable behind `name` in the order of a walk.
    fn next(&self, name: &Oid) -> Varbind {
        self.objects
            .range::<Oid, _>((Bound::Excluded(name), Bound::Unbounded))
            .next()
            .map_or_else(
                || Varbind {
                    oid: name.clone(),
                    value: Value::EndOfMibView,
                },
                |(oid, value)| Varbind {
                    oid: oid.clone(),
                    value: value.clone(),
                },
            )
    }

    /// Answers a request by the rules of RFC 3416 §4.2, with at most `varbinds_max` variable bindings.
    ///
    /// # Errors
    /// [`FetchError::NoSuchName`] to an SNMPv1 request for what is not there or has no type of SNMPv1, and to a GETBULK in it.
    pub fn answer(
        &self,
        request: &Request,
        varbinds_max: usize,
    ) -> Result<Vec<Varbind>, FetchError> {
        let v1 = request.credential.version == SnmpVersion::V1;
        let mut out = Vec::new();
        match request.op {
            Op::Get => out.extend(request.oids.iter().map(|name| {
                Varbind {
                    oid: name.clone(),
                    value: self
                        .objects
                        .get(name)
                        .cloned()
                        .unwrap_or(Value::NoSuchInstance),
                }
            })),
            Op::GetNext => out.extend(request.oids.iter().map(|name| self.next(name))),
            Op::GetBulk { .. } if v1 => return Err(FetchError::NoSuchName),
            Op::GetBulk { max_repetitions } => {
                let mut row: Vec<Oid> = request.oids.clone();
                'rows: for _ in 0..max_repetitions {
                    for name in &mut row {
                        if out.len() >= varbinds_max {
                            break 'rows;
                        }
                        let next = self.next(name);
                        *name = next.oid.clone();
                        out.push(next);
                    }
                }
            }
        }
        if v1
            && out
                .iter()
                .any(|v| v.value.is_absent() || matches!(v.value, Value::Counter64(_)))
        {
            return Err(FetchError::NoSuchName);
        }
        Ok(out)
    }

    /// What the poller makes of the recorded device, by the profile that fits or by the named one: the collection of its second
    /// poll, in which names and dependent tables have settled. Time is simulated from `now`; nothing waits.
    /// `None`: a device that cannot be polled to an end.
    #[must_use]
    pub fn read(
        &self,
        profiles: &Arc<ProfileSet>,
        profile: Option<&str>,
        now: Instant,
    ) -> Option<Arc<Collection>> {
        let config = PollerConfig {
            // Everything at every poll.
            slow_every: 1,
            ..PollerConfig::default()
        };
        let mut poller = Poller::new(config, profiles.clone(), 1);
        let device = DeviceSpec {
            id: DeviceId::from("recording"),
            name: "recording".to_owned(),
            site: None,
            profile: profile.map(str::to_owned),
            poll_interval: Duration::from_secs(60),
            credentials: vec![CredentialRef::v2c("recording")],
        };
        poller.handle_input(Input::Upsert(device), now);
        let (mut now, mut polls) = (now, 0);
        let mut unanswered: VecDeque<Request> = VecDeque::new();
        for _ in 0..REQUESTS_MAX {
            let wake = loop {
                match poller.poll_output() {
                    Output::Send(request) => unanswered.push_back(request),
                    Output::Collection(collection) if collection.scope == CollectionScope::Full => {
                        polls += 1;
                        if polls == POLLS {
                            return Some(collection);
                        }
                    }
                    Output::Collection(_) => {}
                    // Nobody probes a recording.
                    Output::Probed { .. } => {}
                    Output::Timeout(at, _) => break at,
                }
            };
            let input = match unanswered.pop_front() {
                Some(request) => Input::Reply {
                    // A recording is of one context.
                    result: match request.context {
                        None => self.answer(&request, usize::MAX),
                        Some(_) => Err(FetchError::Timeout),
                    },
                    request: request.id,
                    bytes: 0,
                },
                None => {
                    now = now.max(wake?);
                    Input::Timeout
                }
            };
            poller.handle_input(input, now);
        }
        None
    }
}

/// Tag and text of a value; `None` for exceptions, which are no values.
fn line_of(value: &Value) -> Option<(&'static str, String)> {
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
    };
    Some(match value {
        Value::Integer(n) => ("2", n.to_string()),
        Value::OctetString(bytes) if bytes.iter().all(|b| (0x20..0x7f).contains(b)) => {
            ("4", String::from_utf8_lossy(bytes).into_owned())
        }
        Value::OctetString(bytes) => ("4x", hex(bytes)),
        Value::Null => ("5", String::new()),
        Value::Oid(oid) if oid.is_empty() => ("6", "0.0".to_owned()),
        Value::Oid(oid) => ("6", oid.to_string()),
        Value::IpAddress([a, b, c, d]) => ("64", format!("{a}.{b}.{c}.{d}")),
        Value::Counter32(n) => ("65", n.to_string()),
        Value::Gauge32(n) => ("66", n.to_string()),
        Value::TimeTicks(n) => ("67", n.to_string()),
        Value::Opaque(bytes) => ("68x", hex(bytes)),
        Value::Counter64(n) => ("70", n.to_string()),
        Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView => return None,
    })
}

fn split(line: &str) -> Option<(&str, &str, &str)> {
    let (oid, rest) = line.split_once('|')?;
    let (tag, value) = rest.split_once('|')?;
    let oid = oid.trim();
    (!oid.is_empty() && oid.bytes().all(|b| b.is_ascii_digit() || b == b'.')).then_some((
        oid,
        tag.trim(),
        value,
    ))
}

fn value(tag: &str, raw: &str) -> Result<Value, String> {
    let (hex, escaped) = (tag.ends_with('x'), tag.ends_with('e'));
    let bytes = || -> Result<Bytes, String> {
        if hex {
            unhex(raw)
        } else if escaped {
            Ok(unescape(raw))
        } else {
            Ok(Bytes::copy_from_slice(raw.as_bytes()))
        }
    };
    // Recordings hold numbers beyond their type; agents wrap them.
    let number = || -> Result<i128, String> {
        raw.trim()
            .parse()
            .map_err(|_| format!("`{raw}` is not a number"))
    };
    Ok(match tag.trim_end_matches(['x', 'e']) {
        "2" => Value::Integer(number()? as i32),
        "4" => Value::OctetString(bytes()?),
        "5" => Value::Null,
        "6" => Value::Oid(
            raw.trim()
                .parse()
                .map_err(|_| format!("`{raw}` is not an OID"))?,
        ),
        "64" => {
            let address: Option<Vec<u8>> = if hex {
                Some(bytes()?.to_vec())
            } else {
                raw.trim().split('.').map(|p| p.parse().ok()).collect()
            };
            address
                .and_then(|a| a.try_into().ok())
                .map(Value::IpAddress)
                .ok_or_else(|| format!("`{raw}` is not an address"))?
        }
        "65" => Value::Counter32(number()? as u32),
        "66" => Value::Gauge32(number()? as u32),
        "67" => Value::TimeTicks(number()? as u32),
        "68" => Value::Opaque(bytes()?),
        "70" => Value::Counter64(number()? as u64),
        _ => return Err(format!("`{tag}` is not a type")),
    })
}

fn unhex(text: &str) -> Result<Bytes, String> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("`{text}` is not hexadecimal"))?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
    } else {
        Err(format!("`{text}` has half a byte"))
    }
}

/// `\n`, `\r`, `\t`, `\\`, `\xNN`; any other backslash stands for itself.
fn unescape(text: &str) -> Bytes {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'\\' {
            out.push(first);
            continue;
        }
        let hex = |bytes: &[u8]| {
            std::str::from_utf8(bytes)
                .ok()
                .and_then(|t| u8::from_str_radix(t, 16).ok())
        };
        match tail {
            [b'n', ..] => out.push(b'\n'),
            [b'r', ..] => out.push(b'\r'),
            [b't', ..] => out.push(b'\t'),
            [b'\\', ..] => out.push(b'\\'),
            [b'x', high, low, ..] if hex(&[*high, *low]).is_some() => {
                out.extend(hex(&[*high, *low]));
                rest = &tail[3..];
                continue;
            }
            _ => {
                out.push(b'\\');
                continue;
            }
        }
        rest = &tail[1..];
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, name: &str) -> Value {
        Recording::parse(text).objects[&name.parse::<Oid>().unwrap()].clone()
    }

    #[test]
    fn lines_are_read_and_bad_ones_named() {
        let text = "# a comment\n1.3.6.1|2|-1\n1.3.6.2|4x|0a 0B\n1.3.6.3|4|a\nb\n1.3.6.4|4e|c\\x41\\n\\q\n1.3.6.5|64x|0a000001\n";
        assert_eq!(of(text, "1.3.6.1"), Value::Integer(-1));
        assert_eq!(
            of(text, "1.3.6.2"),
            Value::OctetString(Bytes::from_static(b"\n\x0b"))
        );
        assert_eq!(
            of(text, "1.3.6.3"),
            Value::OctetString(Bytes::from_static(b"a\nb"))
        );
        assert_eq!(
            of(text, "1.3.6.4"),
            Value::OctetString(Bytes::from_static(b"cA\n\\q"))
        );
        assert_eq!(of(text, "1.3.6.5"), Value::IpAddress([10, 0, 0, 1]));
        let bad =
            Recording::parse("1.3.6.1|2|x\nhello\n1.3.6.2|99|1\n1.3|4x|abc\n1.x|2|1\n1.3.6.3|2|7");
        assert_eq!(
            bad.mistakes.iter().map(|m| m.line).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5]
        );
        assert_eq!(bad.objects.len(), 1);
    }

    #[test]
    fn what_is_written_is_read_again_and_harmless_on_a_terminal() {
        let text = "1.3.6.1|2|-1\n1.3.6.2|4|plain | text\n1.3.6.3|4x|1b5b33316d0a7f\n1.3.6.4|6|1.3.6.1.4.1.9\n1.3.6.5|64|10.0.0.1\n\
            1.3.6.6|65|4294967295\n1.3.6.7|66|7\n1.3.6.8|67|9\n1.3.6.9|70|18446744073709551615\n1.3.6.10|5|\n1.3.6.11|68x|9f78\n";
        let recording = Recording::parse(text);
        assert_eq!(recording.mistakes, []);
        let written = recording.to_text();
        assert_eq!(written, text);
        assert_eq!(Recording::parse(&written).objects, recording.objects);
        let hostile = Recording::parse("1.3.6.1|4e|\\x1b[31m\\xe2\\x80\\xae\\n2|x").to_text();
        assert!(
            hostile
                .bytes()
                .all(|b| b == b'\n' || (0x20..0x7f).contains(&b))
        );
    }
}

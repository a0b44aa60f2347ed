//! Values in words.

use std::fmt::Write as _;

use super::Syntax;
use crate::{Value, read};

/// Bytes that a hexadecimal text shows.
const HEX_BYTES_MAX: usize = 64;

pub(super) fn instance(name: &str, instance: &[u32]) -> String {
    let mut text = name.to_owned();
    // A scalar's only instance says nothing.
    if instance != [0] {
        for arc in instance {
            let _ = write!(text, ".{arc}");
        }
    }
    text
}

pub(super) fn value(value: &Value, syntax: &Syntax) -> String {
    match value {
        Value::OctetString(bytes) | Value::Opaque(bytes) => octets(value, bytes, syntax),
        Value::TimeTicks(ticks) => {
            let seconds = ticks / 100;
            let (days, rest) = (seconds / 86_400, seconds % 86_400);
            let clock = format!("{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60);
            match days {
                0 => clock,
                _ => format!("{days}d {clock}"),
            }
        }
        Value::IpAddress([a, b, c, d]) => format!("{a}.{b}.{c}.{d}"),
        Value::Counter64(number) => number.to_string(),
        other => match (other.as_i64(), syntax) {
            (Some(number), Syntax::Labels(labels)) => {
                match labels.iter().find(|(n, _)| *n == number) {
                    Some((_, label)) => format!("{label}({number})"),
                    None => number.to_string(),
                }
            }
            (Some(number), _) => number.to_string(),
            (None, _) => read::text(other),
        },
    }
}

fn octets(value: &Value, bytes: &[u8], syntax: &Syntax) -> String {
    match syntax {
        Syntax::Text => read::text(value),
        Syntax::Octets if bytes.len() == 6 => bytes
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<Vec<_>>()
            .join(":"),
        Syntax::Octets => hex(bytes),
        Syntax::Date => date(bytes).unwrap_or_else(|| hex(bytes)),
        Syntax::Bits(labels) => {
            let set = |bit: i64| {
                let bit = usize::try_from(bit).unwrap_or(usize::MAX);
                bytes
                    .get(bit / 8)
                    .is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0)
            };
            let named: Vec<&str> = labels
                .iter()
                .filter(|(bit, _)| set(*bit))
                .map(|(_, label)| &**label)
                .collect();
            named.join(" ")
        }
        Syntax::Plain | Syntax::Labels(_) => {
            let text = std::str::from_utf8(bytes).is_ok_and(|text| {
                let text = text.trim_end_matches('\0');
                !text.contains(|c: char| c.is_control() && !c.is_whitespace())
            });
            if text { read::text(value) } else { hex(bytes) }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = "0x".to_owned();
    for byte in bytes.iter().take(HEX_BYTES_MAX) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > HEX_BYTES_MAX {
        text.push('…');
    }
    text
}

/// DateAndTime of RFC 2579: eight bytes, or eleven with the distance to UTC.
fn date(bytes: &[u8]) -> Option<String> {
    let (date, zone) = bytes.split_at_checked(8)?;
    let year = u16::from_be_bytes([date[0], date[1]]);
    let [month, day, hour, minute, second] = [date[2], date[3], date[4], date[5], date[6]];
    let valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    match zone {
        _ if !valid => None,
        [] => Some(text),
        [sign @ (b'+' | b'-'), hours @ 0..=14, minutes @ 0..=59] => Some(format!(
            "{text} {}{hours:02}:{minutes:02}",
            char::from(*sign)
        )),
        _ => None,
    }
}

//! Modules of a device as `snmp_exporter` writes them: the same names, types and labels, so that its dashboards read them.

use std::fmt::Write as _;
use std::time::Duration;

use nhipcau_inventory::Oid;
use nhipcau_inventory::export::{Group, KeptColumn, KeptValue, Metric, ModuleRows, Shape};

/// `snmp_exporter` shows 64-bit counters modulo this, because a sample is a double and would lose their last bits.
const WIDE_MODULUS: u64 = 1 << 53;
/// Longest label value, characters.
const LABEL_CHARS_MAX: usize = 1_024;

/// A module on its way to a scraper.
pub(crate) struct ModuleAnswer<'a> {
    /// What was read.
    pub(crate) rows: &'a ModuleRows,
    /// How long ago.
    pub(crate) age: Duration,
}

/// The exposition of these modules.
pub(crate) fn render_modules(answers: &[ModuleAnswer<'_>]) -> String {
    let mut out = String::with_capacity(256 << 10);
    for answer in answers {
        for group in answer.rows.module.module().groups {
            render_group(&mut out, answer.rows, group);
        }
    }
    scrape_series(&mut out, answers);
    out
}

/// What the reading cost, under the peer's names, and how old it is.
fn scrape_series(out: &mut String, answers: &[ModuleAnswer<'_>]) {
    let mut family = |name: &str, help: &str, value: fn(&ModuleAnswer<'_>) -> f64| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for answer in answers {
            let module = answer.rows.module.module().name;
            let _ = writeln!(out, "{name}{{module=\"{module}\"}} {}", value(answer));
        }
    };
    family(
        "snmp_scrape_walk_duration_seconds",
        "Time that reading the device took.",
        |a| a.rows.duration.as_secs_f64(),
    );
    family(
        "snmp_scrape_duration_seconds",
        "Time that reading the device took.",
        |a| a.rows.duration.as_secs_f64(),
    );
    family(
        "snmp_scrape_pdus_returned",
        "Values that the reading brought.",
        |a| a.rows.varbinds as f64,
    );
    family(
        "snmp_scrape_age_seconds",
        "Age of the reading: 0 for a live one, up to the poll interval for the last poll.",
        |a| a.age.as_secs_f64(),
    );
}

/// The labels that rows of a group share with all its metrics.
struct Labels<'a> {
    group: &'a Group,
    /// Columns of the lookups.
    lookups: Vec<Option<&'a KeptColumn>>,
    /// Rows whose labels are written already, and how.
    known: &'a [Oid],
    written: Vec<String>,
}

impl<'a> Labels<'a> {
    fn new(group: &'a Group, rows: &'a ModuleRows) -> Self {
        let column = |oid| rows.module.place(oid).and_then(|place| rows.column(place));
        let known = group
            .metrics
            .iter()
            .filter_map(|metric| column(metric.oid))
            .map(KeptColumn::indexes)
            .max_by_key(|indexes| indexes.len())
            .unwrap_or_default();
        let mut labels = Self {
            group,
            lookups: group.lookups.iter().map(|l| column(l.oid)).collect(),
            known,
            written: Vec::new(),
        };
        labels.written = known
            .iter()
            .map(|index| labels.write(index, None))
            .collect();
        labels
    }

    /// The labels of a row in the order of their names, with the metric's own among them.
    fn write(&self, index: &Oid, own: Option<(&str, &str)>) -> String {
        let Some(name) = self.group.index else {
            return own.map_or_else(String::new, |(name, value)| format!("{name}=\"{value}\""));
        };
        let mut pairs: Vec<(&str, String)> = Vec::with_capacity(self.lookups.len() + 2);
        if !self.group.drop_index {
            pairs.push((name, index.to_string()));
        }
        for (lookup, column) in self.group.lookups.iter().zip(&self.lookups) {
            let value = column.and_then(|column| column.at(index));
            let text = value.map_or_else(String::new, |value| label(value, lookup.shape));
            pairs.push((lookup.label, text));
        }
        if let Some((name, value)) = own
            && pairs.iter().all(|(known, _)| *known != name)
        {
            pairs.push((name, value.to_owned()));
        }
        pairs.sort_unstable_by_key(|(name, _)| *name);
        let mut out = String::with_capacity(96);
        for (n, (name, value)) in pairs.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            let _ = write!(out, "{comma}{name}=\"{value}\"");
        }
        out
    }

    /// Where the labels of each row of this column are.
    fn places(&self, column: &KeptColumn) -> Places {
        if std::ptr::eq(column.indexes(), self.known) || column.indexes() == self.known {
            Places::Same
        } else {
            Places::Sought
        }
    }
}

#[derive(Clone, Copy)]
enum Places {
    Same,
    Sought,
}

fn render_group(out: &mut String, rows: &ModuleRows, group: &Group) {
    let labels = Labels::new(group, rows);
    for metric in group.metrics {
        let column = rows
            .module
            .place(metric.oid)
            .and_then(|place| rows.column(place));
        if let Some(column) = column.filter(|column| !column.is_empty()) {
            render_metric(out, &labels, metric, column);
        }
    }
}

fn render_metric(out: &mut String, labels: &Labels<'_>, metric: &Metric, column: &KeptColumn) {
    let suffix = if matches!(metric.shape, Shape::EnumInfo(_)) {
        "_info"
    } else {
        ""
    };
    let kind = if matches!(metric.shape, Shape::Counter) {
        "counter"
    } else {
        "gauge"
    };
    let Metric { name, oid, .. } = metric;
    let begin = out.len();
    let _ = writeln!(
        out,
        "# HELP {name}{suffix} {oid}\n# TYPE {name}{suffix} {kind}"
    );
    let head = out.len();
    let places = labels.places(column);
    for (n, index) in column.indexes().iter().enumerate() {
        let Some(value) = column.value(n) else {
            continue;
        };
        match metric.shape {
            Shape::Gauge | Shape::Counter | Shape::Float => {
                let known = match places {
                    Places::Same => Some(n),
                    Places::Sought => labels.known.binary_search(index).ok(),
                };
                let fresh;
                let block = match known {
                    Some(n) => &labels.written[n],
                    None => {
                        fresh = labels.write(index, None);
                        &fresh
                    }
                };
                number(out, name, block, value);
            }
            Shape::EnumInfo(words) => {
                let word = match value {
                    KeptValue::Number(number) => words
                        .get(&number)
                        .map_or_else(|| number.to_string(), |word| (*word).to_owned()),
                    other => label(other, Shape::Text),
                };
                let block = labels.write(index, Some((name, &word)));
                let _ = writeln!(out, "{name}_info{{{block}}} 1");
            }
            Shape::EnumStates(words) => states(out, labels, metric, index, value, words),
            Shape::Text | Shape::Octets | Shape::Mac => {
                let text = label(value, metric.shape);
                let block = labels.write(index, Some((name, &text)));
                let _ = writeln!(out, "{name}{{{block}}} 1");
            }
        }
    }
    // A column of nonsense leaves no head without a body.
    if out.len() == head {
        out.truncate(begin);
    }
}

fn states(
    out: &mut String,
    labels: &Labels<'_>,
    metric: &Metric,
    index: &Oid,
    value: KeptValue<'_>,
    words: &[(i64, &str)],
) {
    let KeptValue::Number(value) = value else {
        return;
    };
    let name = metric.name;
    for (number, word) in words {
        let block = labels.write(index, Some((name, word)));
        let _ = writeln!(out, "{name}{{{block}}} {}", u8::from(*number == value));
    }
    if words.iter().all(|(number, _)| *number != value) {
        let block = labels.write(index, Some((name, &value.to_string())));
        let _ = writeln!(out, "{name}{{{block}}} 1");
    }
}

/// A sample whose value is a number; anything else is no sample.
fn number(out: &mut String, name: &str, block: &str, value: KeptValue<'_>) {
    let begin = out.len();
    out.push_str(name);
    if !block.is_empty() {
        out.push('{');
        out.push_str(block);
        out.push('}');
    }
    out.push(' ');
    let _ = match value {
        KeptValue::Number(number) => writeln!(out, "{number}"),
        KeptValue::Wide(number) => writeln!(out, "{}", number % WIDE_MODULUS),
        KeptValue::Opaque(bytes) => match opaque_float(bytes) {
            Some(number) => writeln!(out, "{number}"),
            None => {
                out.truncate(begin);
                Ok(())
            }
        },
        KeptValue::Octets(_) | KeptValue::Oid(_) | KeptValue::IpAddress(_) => {
            out.truncate(begin);
            Ok(())
        }
    };
}

/// A float as net-snmp packs it: an ASN.1 application tag of two bytes, the length, IEEE 754.
fn opaque_float(bytes: &[u8]) -> Option<f64> {
    match bytes {
        [0x9f, 0x78, 4, float @ ..] => Some(f64::from(f32::from_be_bytes(float.try_into().ok()?))),
        [0x9f, 0x79, 8, double @ ..] => Some(f64::from_be_bytes(double.try_into().ok()?)),
        _ => None,
    }
}

/// A value as the text between a label's quotes.
fn label(value: KeptValue<'_>, shape: Shape) -> String {
    match (value, shape) {
        (KeptValue::Octets(bytes), Shape::Octets) if !bytes.is_empty() => {
            let mut text = String::with_capacity(2 + 2 * bytes.len());
            text.push_str("0x");
            for byte in bytes {
                let _ = write!(text, "{byte:02X}");
            }
            text
        }
        (KeptValue::Octets(bytes), Shape::Mac) => {
            let mut text = String::with_capacity(3 * bytes.len());
            for (n, byte) in bytes.iter().enumerate() {
                let colon = if n == 0 { "" } else { ":" };
                let _ = write!(text, "{colon}{byte:02X}");
            }
            text
        }
        (KeptValue::Octets(bytes) | KeptValue::Opaque(bytes), _) => escaped(bytes),
        (KeptValue::Oid(oid), _) => oid.to_string(),
        (KeptValue::IpAddress([a, b, c, d]), _) => format!("{a}.{b}.{c}.{d}"),
        (KeptValue::Number(number), _) => number.to_string(),
        (KeptValue::Wide(number), _) => number.to_string(),
    }
}

/// What a device says, between quotes: nothing in it ends the label or the line, steers a terminal or turns the direction of reading.
/// Line ends and tabs of a sysDescr stay what they are, escaped as the format has it.
fn escaped(bytes: &[u8]) -> String {
    let plain = |b: &u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
    if bytes.len() <= LABEL_CHARS_MAX && bytes.iter().all(plain) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut out = String::with_capacity(bytes.len() + 8);
    for c in String::from_utf8_lossy(bytes).chars().take(LABEL_CHARS_MAX) {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' | '\t' => out.push(c),
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_peer_writes_them() {
        let oid: Oid = "1.3.6.1.4.1.9".parse().unwrap();
        assert_eq!(
            label(KeptValue::Octets(&[0, 0x1a, 0xff]), Shape::Mac),
            "00:1A:FF"
        );
        assert_eq!(
            label(KeptValue::Octets(&[0, 0x1a]), Shape::Octets),
            "0x001A"
        );
        assert_eq!(label(KeptValue::Octets(&[]), Shape::Octets), "");
        assert_eq!(label(KeptValue::Oid(&oid), Shape::Octets), "1.3.6.1.4.1.9");
        let mut out = String::new();
        number(&mut out, "x", "a=\"1\"", KeptValue::Wide((1 << 53) + 5));
        number(&mut out, "y", "", KeptValue::Number(-3));
        number(&mut out, "z", "", KeptValue::Octets(b"7"));
        let float = [0x9f, 0x78, 4, 0x3f, 0x00, 0, 0];
        number(&mut out, "f", "", KeptValue::Opaque(&float));
        assert_eq!(out, "x{a=\"1\"} 5\ny -3\nf 0.5\n");
    }

    #[test]
    fn hostile_text_ends_neither_label_nor_line() {
        let evil = b"a\"} 1\nup{x=\"\\ \x1b[31m\xff \xe2\x80\xae";
        let text = escaped(evil);
        assert!(!text.contains('\n') && !text.contains('\u{1b}') && !text.contains('\u{202e}'));
        assert_eq!(
            text,
            "a\\\"} 1\\nup{x=\\\"\\\\ \u{fffd}[31m\u{fffd} \u{fffd}"
        );
        assert_eq!(escaped(b"two\r\nlines"), "two\r\\nlines");
        assert!(escaped(&[b'x'; 5_000]).len() <= LABEL_CHARS_MAX);
    }
}

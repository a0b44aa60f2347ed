//! The text that Prometheus reads, written series by series under the catalog's bounds.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

use prometheus::proto::MetricFamily;
use prometheus::{Encoder, TextEncoder};

use super::catalog::{CATALOG, Id, Kind, Metric};

/// Longest label value in characters: ifAlias has 64, sysDescr is no label.
const LABEL_CHARS_MAX: usize = 120;

/// An exposition in the making: the text of each family, which must stay together.
pub(super) struct Exposition {
    families: Vec<Family>,
    /// What the daemon's own counters and histograms gathered, encoded.
    gathered: Vec<u8>,
    /// Tells label sets apart. Keyed anew each time, so that nobody can choose labels that collide.
    hasher: RandomState,
    bytes: usize,
}

#[derive(Default)]
struct Family {
    text: String,
    series: usize,
    seen: HashSet<u64>,
    cut: u64,
    repeated: u64,
}

/// How far an exposition had come.
pub(super) struct Mark {
    families: Vec<(usize, usize)>,
    bytes: usize,
}

impl Default for Exposition {
    fn default() -> Self {
        Self {
            families: CATALOG.iter().map(|_| Family::default()).collect(),
            gathered: Vec::new(),
            hasher: RandomState::new(),
            bytes: 0,
        }
    }
}

impl Exposition {
    /// Adds one series. Values that are no number are left out; labels are cleaned and cut; a series that is there already, which would make
    /// Prometheus refuse the whole text, is counted and left out.
    pub(super) fn put(&mut self, id: Id, labels: &[&str], value: f64) {
        let metric = &CATALOG[id as usize];
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        if value.is_nan() {
            return;
        }
        let family = &mut self.families[id as usize];
        if family.series >= metric.series_max {
            family.cut += 1;
            return;
        }
        let begin = family.text.len();
        if begin == 0 {
            self.bytes += head_len(metric);
        }
        family.text.push_str(metric.name);
        let from = family.text.len();
        for (n, (name, value)) in metric.labels.iter().zip(labels).enumerate() {
            family.text.push(if n == 0 { '{' } else { ',' });
            family.text.push_str(name);
            family.text.push_str("=\"");
            push_label(&mut family.text, value);
            family.text.push('"');
        }
        let unique = family
            .seen
            .insert(self.hasher.hash_one(&family.text[from..]));
        if !unique {
            family.text.truncate(begin);
            family.repeated += 1;
            return;
        }
        if !labels.is_empty() {
            family.text.push('}');
        }
        family.text.push(' ');
        push_value(&mut family.text, value);
        family.text.push('\n');
        family.series += 1;
        self.bytes += family.text.len() - begin;
    }

    /// Adds a series when there is a value.
    pub(super) fn put_maybe(&mut self, id: Id, labels: &[&str], value: Option<f64>) {
        if let Some(value) = value {
            self.put(id, labels, value);
        }
    }

    /// Adds families that the daemon's own counters and histograms gathered.
    pub(super) fn put_gathered(&mut self, families: Vec<MetricFamily>) -> prometheus::Result<()> {
        let before = self.gathered.len();
        let filled: Vec<MetricFamily> = families
            .into_iter()
            .filter(|family| !family.get_metric().is_empty())
            .collect();
        TextEncoder::new().encode(&filled, &mut self.gathered)?;
        self.bytes += self.gathered.len() - before;
        Ok(())
    }

    /// Length of the text so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// This moment, to come back to.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            families: self
                .families
                .iter()
                .map(|family| (family.text.len(), family.series))
                .collect(),
            bytes: self.bytes,
        }
    }

    /// Takes everything back that was put since. Those series count as seen: they belong to what is left out, and nothing else has their labels.
    pub(super) fn rewind(&mut self, mark: &Mark) {
        for (family, &(len, series)) in self.families.iter_mut().zip(&mark.families) {
            family.text.truncate(len);
            family.series = series;
        }
        self.bytes = mark.bytes;
    }

    /// The text, in the order of the catalog.
    pub(super) fn finish(mut self) -> Result<String, prometheus::Error> {
        let lost: Vec<(&str, u64, u64)> = self
            .families
            .iter()
            .zip(CATALOG)
            .filter(|(family, _)| family.cut + family.repeated > 0)
            .map(|(family, metric)| (metric.name, family.cut, family.repeated))
            .collect();
        for (metric, cut, repeated) in lost {
            tracing::warn!(metric, cut, repeated, "series left out of the metrics");
            self.put(Id::SeriesCut, &[metric], cut as f64);
            self.put(Id::SeriesRepeated, &[metric], repeated as f64);
        }
        let mut text = String::with_capacity(self.bytes + 1_024);
        for (family, metric) in self.families.iter().zip(CATALOG) {
            if family.text.is_empty() {
                continue;
            }
            let kind = if metric.kind == Kind::Counter {
                "counter"
            } else {
                "gauge"
            };
            let Metric { name, help, .. } = metric;
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            text.push_str(&family.text);
        }
        let gathered = String::from_utf8(self.gathered)
            .map_err(|error| prometheus::Error::Msg(error.to_string()))?;
        text.push_str(&gathered);
        Ok(text)
    }
}

/// What stands before the first series of a family.
fn head_len(metric: &Metric) -> usize {
    "# HELP  \n# TYPE  counter\n".len() + 2 * metric.name.len() + metric.help.len()
}

/// Whole numbers, which most values are, without the detour over floating point.
fn push_value(out: &mut String, value: f64) {
    let _ = if value.fract() == 0.0 && value.abs() < 1e15 {
        write!(out, "{}", value as i64)
    } else if value.is_infinite() {
        out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        write!(out, "{value}")
    };
}

/// A label value that a device may have chosen: control characters written out, length bounded, quotes and backslashes escaped.
fn push_label(out: &mut String, text: &str) {
    let plain = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
    if text.len() <= LABEL_CHARS_MAX && text.bytes().all(plain) {
        out.push_str(text);
        return;
    }
    let escaped = crate::logging::escape(text);
    let (cut, more) = match escaped.char_indices().nth(LABEL_CHARS_MAX) {
        Some((end, _)) => (&escaped[..end], true),
        None => (&*escaped, false),
    };
    for c in cut.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    if more {
        out.push('…');
    }
}

//! The text that Prometheus reads, built series by series under the catalog's bounds.

use std::collections::{BTreeMap, HashSet};

use prometheus::proto::{Counter, Gauge, LabelPair, Metric as Sample, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

use super::catalog::{CATALOG, Id, Kind, Metric};

/// Longest label value in characters: ifAlias has 64, sysDescr is no label.
const LABEL_CHARS_MAX: usize = 120;

/// An exposition in the making.
#[derive(Default)]
pub(super) struct Exposition {
    families: BTreeMap<usize, Family>,
    histograms: Vec<MetricFamily>,
}

#[derive(Default)]
struct Family {
    samples: Vec<Sample>,
    seen: HashSet<Vec<String>>,
    cut: u64,
    repeated: u64,
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
        let family = self.families.entry(id as usize).or_default();
        if family.samples.len() >= metric.series_max {
            family.cut += 1;
            return;
        }
        let values: Vec<String> = labels.iter().map(|text| clean(text)).collect();
        let sample = sample(metric, &values, value);
        if family.seen.insert(values) {
            family.samples.push(sample);
        } else {
            family.repeated += 1;
        }
    }

    /// Adds a series when there is a value.
    pub(super) fn put_maybe(&mut self, id: Id, labels: &[&str], value: Option<f64>) {
        if let Some(value) = value {
            self.put(id, labels, value);
        }
    }

    /// Adds families that the daemon's own counters and histograms gathered.
    pub(super) fn put_gathered(&mut self, families: Vec<MetricFamily>) {
        self.histograms.extend(families);
    }

    /// The text, in the order of the catalog.
    pub(super) fn finish(mut self) -> Result<String, prometheus::Error> {
        let lost: Vec<(&str, u64, u64)> = self
            .families
            .iter()
            .map(|(id, family)| (CATALOG[*id].name, family.cut, family.repeated))
            .filter(|(_, cut, repeated)| cut + repeated > 0)
            .collect();
        for (metric, cut, repeated) in lost {
            tracing::warn!(metric, cut, repeated, "series left out of the metrics");
            self.put(Id::SeriesCut, &[metric], cut as f64);
            self.put(Id::SeriesRepeated, &[metric], repeated as f64);
        }
        let mut families: Vec<MetricFamily> = self
            .families
            .into_iter()
            .filter(|(_, family)| !family.samples.is_empty())
            .map(|(id, family)| family_of(&CATALOG[id], family.samples))
            .collect();
        families.extend(
            self.histograms
                .into_iter()
                .filter(|family| !family.get_metric().is_empty()),
        );
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }
}

fn sample(metric: &Metric, values: &[String], value: f64) -> Sample {
    let labels = metric.labels.iter().zip(values).map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value(value.clone());
        pair
    });
    let mut sample = Sample::default();
    sample.set_label(labels.collect());
    if metric.kind == Kind::Counter {
        let mut counter = Counter::default();
        counter.set_value(value);
        sample.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        sample.set_gauge(gauge);
    }
    sample
}

fn family_of(metric: &Metric, samples: Vec<Sample>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(metric.name.to_owned());
    family.set_help(metric.help.to_owned());
    family.set_field_type(if metric.kind == Kind::Counter {
        MetricType::COUNTER
    } else {
        MetricType::GAUGE
    });
    family.set_metric(samples);
    family
}

/// A label value that a device may have chosen: control characters written out, length bounded. Quotes, backslashes and line ends are the
/// encoder's affair, which the tests hold to it.
fn clean(text: &str) -> String {
    let escaped = if text.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        text.to_owned()
    } else {
        crate::logging::escape(text)
    };
    match escaped.char_indices().nth(LABEL_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &escaped[..end]),
        None => escaped,
    }
}

//! `/metrics`: what the daemon counts itself, and the exposition of everything else from a snapshot.
//!
//! The only module that knows Prometheus. Others count in plain numbers and hand a [`Snapshot`] over, or call [`Metrics`].

mod catalog;
mod exposition;
mod modules;
mod process;
mod render;
mod snapshot;

use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use catalog::Id;
pub use catalog::{CATALOG, Kind, Metric};
pub(crate) use modules::{ModuleAnswer, render_modules};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts};
pub use snapshot::*;

/// Type of the exposition, for the answer's head.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the daemon counts where it happens. Shared by reference; every call is cheap and never fails.
#[derive(Debug)]
pub struct Metrics {
    started: f64,
    http_requests: IntCounterVec,
    http_duration: HistogramVec,
    store_duration: HistogramVec,
    config_reloads: IntCounterVec,
    notices: IntCounterVec,
    scrapes_too_long: AtomicU64,
}

impl Metrics {
    /// All at zero; the daemon starts now.
    #[must_use]
    pub fn new() -> Self {
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self {
            started: started.as_secs_f64(),
            http_requests: counter(Id::HttpRequests),
            // 10 s is what a page waits before it says that the daemon is away.
            http_duration: histogram(
                Id::HttpDuration,
                &[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0],
            ),
            // A commit with fsync takes about 2 ms; 300 ms is a slow disk, 3 s a sick one.
            store_duration: histogram(
                Id::StoreDuration,
                &[0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
            ),
            config_reloads: counter(Id::ConfigReloads),
            notices: counter(Id::NoticesSent),
            scrapes_too_long: AtomicU64::new(0),
        }
    }

    /// One answered request. `route` must be the router's template (never a path) or `none`: the number of routes bounds the series.
    pub fn observe_http(&self, route: &str, status: u16, duration: Duration) {
        let class = match status {
            100..=199 => "1xx",
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        self.http_requests.with_label_values(&[route, class]).inc();
        self.http_duration
            .with_label_values(&[route])
            .observe(duration.as_secs_f64());
    }

    /// One database operation.
    pub fn observe_store(&self, operation: &'static str, duration: Duration) {
        self.store_duration
            .with_label_values(&[operation])
            .observe(duration.as_secs_f64());
    }

    /// One reload of the configuration, taken or refused.
    pub fn count_reload(&self, taken: bool) {
        self.config_reloads
            .with_label_values(&[if taken { "taken" } else { "refused" }])
            .inc();
    }

    /// One mail (`smtp`) or webhook call (`webhook`) of a configured channel.
    pub fn count_notice(&self, channel: &str, kind: &'static str, done: bool) {
        self.notices
            .with_label_values(&[channel, kind, if done { "done" } else { "failed" }])
            .inc();
    }

    /// The exposition of this moment.
    ///
    /// # Errors
    /// When the encoder refuses a family, which is a fault of the catalog.
    pub fn render(&self, snapshot: &Snapshot) -> Result<String, prometheus::Error> {
        render::render(self, snapshot)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn counter(id: Id) -> IntCounterVec {
    let metric = &CATALOG[id as usize];
    IntCounterVec::new(Opts::new(metric.name, metric.help), metric.labels)
        .expect("the catalog's names are valid")
}

fn histogram(id: Id, buckets: &[f64]) -> HistogramVec {
    let metric = &CATALOG[id as usize];
    let options = HistogramOpts::new(metric.name, metric.help).buckets(buckets.to_vec());
    HistogramVec::new(options, metric.labels).expect("the catalog's names are valid")
}

#[cfg(test)]
mod tests;

//! Prometheus' HTTP service discovery.

use std::collections::BTreeMap;

use serde::Serialize;

/// One target group, as Prometheus wants it.
#[derive(Debug, Clone, Serialize)]
pub struct ScrapeGroup {
    pub targets: Vec<String>,
    pub labels: BTreeMap<String, String>,
}

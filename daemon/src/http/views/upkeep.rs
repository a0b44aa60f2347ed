//! Maintenance, availability and the account of links.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FarEnd, LinkEnd, Reason, Recurrence};

/// One thing that a window covers: `id` is a device, a link (`DEVICE/INTERFACE`), a site, or a word of `DeviceKind`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceScope {
    pub kind: ScopeKind,
    pub id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    Device,
    Link,
    Site,
    Kind,
}

/// POST `/maintenance`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceInput {
    pub title: String,
    #[serde(default)]
    pub note: String,
    pub scopes: Vec<MaintenanceScope>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub recurrence: Option<Recurrence>,
}

/// A scope with what people call it.
#[derive(Debug, Clone, Serialize)]
pub struct NamedScope {
    #[serde(flatten)]
    pub scope: MaintenanceScope,
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceState {
    Now,
    Planned,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MaintenanceOccurrence {
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

#[derive(Debug, Clone, Serialize)]
pub struct Maintenance {
    pub id: i64,
    pub title: String,
    pub note: String,
    pub scopes: Vec<NamedScope>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    pub created_by: String,
    pub created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    pub state: MaintenanceState,
    pub occurrences: Vec<MaintenanceOccurrence>,
}

/// One direction of a `LinkUse`, bits per second.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct DirectionUse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentile_bps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_bps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_bps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth_percent: Option<f64>,
    pub coverage_percent: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacitySource {
    Link,
    Site,
    Interface,
    Unknown,
}

#[derive(Debug, Clone, Serialize)]
pub struct LinkUse {
    pub id: String,
    pub a: LinkEnd,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<FarEnd>,
    pub sites: Vec<String>,
    pub capacity_bps: u64,
    pub capacity_source: CapacitySource,
    #[serde(rename = "in")]
    pub inbound: DirectionUse,
    #[serde(rename = "out")]
    pub outbound: DirectionUse,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_percent: Option<f64>,
    pub over: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct LinkReport {
    pub from: Timestamp,
    pub to: Timestamp,
    pub percentile: u8,
    pub interval_seconds: u64,
    pub share_percent_max: u8,
    pub links: Vec<LinkUse>,
}

#[derive(Debug, Clone, Serialize)]
pub struct CauseShare {
    pub reason: Reason,
    pub standing: String,
    pub seconds: i64,
    pub times: u32,
}

#[derive(Debug, Clone, Serialize)]
pub struct Availability {
    pub kind: String,
    pub subject: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    pub up_seconds: i64,
    pub down_seconds: i64,
    pub planned_seconds: i64,
    pub planned_down_seconds: i64,
    pub behind_seconds: i64,
    pub unknown_seconds: i64,
    pub faults: u32,
    pub longest_seconds: i64,
    pub causes: Vec<CauseShare>,
}

#[derive(Debug, Clone, Serialize)]
pub struct AvailabilityReport {
    pub month: String,
    pub from: Timestamp,
    pub to: Timestamp,
    pub rows: Vec<Availability>,
}

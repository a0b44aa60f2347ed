//! Discovery: how far a scan is, and what was found.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DeviceKind, Reason};

#[derive(Debug, Clone, Serialize)]
pub struct DiscoveryState {
    pub configured: bool,
    pub auto: bool,
    pub scanning: bool,
    pub progress: ScanProgress,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    pub findings: Vec<FindingView>,
    pub accepted: Vec<AcceptedView>,
}

/// `DiscoveryState.progress`.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct ScanProgress {
    pub addresses: u64,
    pub done: u64,
    pub answered: u64,
    pub new: u64,
    pub requests: u64,
    pub failures: u64,
    pub resting: u64,
    pub excluded: u64,
    pub outside: u64,
    pub skipped: u64,
    pub stopped: bool,
}

/// A credential that a device did not take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CredentialRefusal {
    pub credential: String,
    pub reason: Reason,
}

/// What a scan says of an address, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    pub verdict: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_address: Option<String>,
    pub origin: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    pub refusals: Vec<CredentialRefusal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<FoundIdentity>,
}

/// Who answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundIdentity {
    pub system_name: String,
    pub descr: String,
    pub object_id: String,
    pub engine_id: String,
    pub serial: String,
    pub base_mac: String,
    pub vendor: String,
    pub model: String,
    pub profile: String,
    pub generic: bool,
    pub kind: DeviceKind,
}

/// One row of the review list.
#[derive(Debug, Clone, Serialize)]
pub struct FindingView {
    pub address: String,
    #[serde(flatten)]
    pub found: Found,
    pub ignored: bool,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<Timestamp>,
    pub suggested_id: String,
}

/// A device that is watched because somebody accepted it.
#[derive(Debug, Clone, Serialize)]
pub struct AcceptedView {
    pub id: String,
    pub name: String,
    pub address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    pub accepted_at: Timestamp,
    pub accepted_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Reason>,
}

/// One device of POST `/discovery/accept`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptInput {
    pub address: String,
    pub id: Option<String>,
    pub name: Option<String>,
    pub site: Option<String>,
    pub poll_seconds: Option<u32>,
    pub profile: Option<String>,
}

/// A fact of a device that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    pub at: Timestamp,
    pub device: String,
    pub kind: String,
    pub subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

//! Devices, links, sites, events, incidents and the overview.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Conference, Health, HealthCounts, Reason};

#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    pub health: HealthCounts,
    pub sites: HealthCounts,
    pub incidents: Vec<Incident>,
    pub conferences: Vec<Conference>,
    pub links_near_full: Vec<LinkRow>,
    pub daemon: DaemonState,
}

/// `Overview.daemon`.
#[derive(Debug, Clone, Serialize)]
pub struct DaemonState {
    pub started_at: Timestamp,
    /// In the last five to ten minutes.
    pub polls_late: u32,
    pub disk_ok: bool,
    pub notices: Vec<Reason>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Incident {
    pub id: i64,
    pub opened_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    pub health: Health,
    pub reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    pub sites: Vec<String>,
    pub behind: Vec<HeldBack>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
    /// The window of maintenance because of which nobody has been told yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<i64>,
    pub run_ids: Vec<i64>,
}

/// One entry of `Incident.behind`: a device held back behind the incident's cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldBack {
    pub device: String,
    pub name: String,
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    Server,
    Frame,
    Storage,
    Backup,
    SanSwitch,
    Switch,
    Router,
    Firewall,
    Hypervisor,
    Ups,
    Pdu,
    Cooling,
    Host,
    Other,
}

/// `{ device, name }`: the device that others are behind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Behind {
    pub device: String,
    pub name: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct DeviceRow {
    pub id: String,
    pub name: String,
    pub address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_name: Option<String>,
    pub kind: DeviceKind,
    pub profile: String,
    pub vendor: String,
    pub model: String,
    pub health: Health,
    pub reasons: Vec<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<Behind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<i64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct DeviceDetail {
    #[serde(flatten)]
    pub row: DeviceRow,
    pub sys_name: String,
    pub sys_descr: String,
    pub sys_object_id: String,
    pub serial: String,
    pub version: String,
    pub location: String,
    pub contact: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<u64>,
    pub credential: String,
    pub snmp: String,
    pub poll_seconds: u64,
    pub components: Vec<ComponentRow>,
    pub sensors: Vec<SensorRow>,
    pub interfaces: Vec<InterfaceRow>,
    pub neighbours: Vec<Neighbour>,
    pub storage: Vec<StorageRow>,
    pub processors: Vec<ProcessorRow>,
    pub collection: CollectionSummary,
}

#[derive(Debug, Clone, Serialize)]
pub struct ComponentRow {
    pub name: String,
    pub class: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    pub model: String,
    pub serial: String,
    pub health: Health,
    pub state: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct SensorRow {
    pub name: String,
    pub class: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    pub unit: String,
    pub health: Health,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Who set them: `device`, `profile` or `configuration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    pub age_seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminState {
    Up,
    Down,
    Testing,
}

#[derive(Debug, Clone, Serialize)]
pub struct InterfaceRow {
    pub name: String,
    pub alias: String,
    pub index: u32,
    pub admin: AdminState,
    pub oper: String,
    pub speed_bps: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_bps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_bps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_errors_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_errors_per_second: Option<f64>,
    pub health: Health,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_change: Option<Timestamp>,
    pub sites: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NeighbourProtocol {
    Lldp,
    Cdp,
    Declared,
}

#[derive(Debug, Clone, Serialize)]
pub struct Neighbour {
    pub interface: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    pub name: String,
    pub remote_interface: String,
    pub protocol: NeighbourProtocol,
}

#[derive(Debug, Clone, Serialize)]
pub struct StorageRow {
    pub name: String,
    pub used_bytes: u64,
    pub size_bytes: u64,
    pub health: Health,
}

#[derive(Debug, Clone, Serialize)]
pub struct ProcessorRow {
    pub name: String,
    pub load_percent: f64,
}

/// `DeviceDetail.collection`.
#[derive(Debug, Clone, Serialize, Default)]
pub struct CollectionSummary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    pub duration_ms: u64,
    pub varbinds: u64,
    pub requests: u64,
    pub retries: u64,
    /// Requests of this poll without an answer.
    pub timeouts: u64,
    /// Tables of this poll whose walk was broken off.
    pub walk_errors: u64,
    /// Tables with more rows than are read.
    pub tables_cut: Vec<String>,
    /// Rows that the device has been seen to bear in one answer.
    pub max_repetitions: u32,
    /// When the device last answered anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
    pub errors: Vec<Reason>,
}

/// `Series`: points are `[at_unix, in_bps | null, out_bps | null]`.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    pub interface: String,
    pub step_seconds: u64,
    pub points: Vec<(i64, Option<f64>, Option<f64>)>,
}

/// `LinkRow.a`.
#[derive(Debug, Clone, Serialize)]
pub struct LinkEnd {
    pub device: String,
    pub name: String,
    pub interface: String,
}

/// `LinkRow.b`: the far end may be a device that nobody watches.
#[derive(Debug, Clone, Serialize)]
pub struct FarEnd {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    pub name: String,
    pub interface: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkSource {
    Declared,
    Uplink,
    Lldp,
    Cdp,
    Bridge,
    Route,
    Arp,
}

/// One line of an aggregate.
#[derive(Debug, Clone, Serialize)]
pub struct LinkLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<LinkEnd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<LinkEnd>,
    pub down: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct LinkRow {
    pub id: String,
    pub a: LinkEnd,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<FarEnd>,
    pub source: LinkSource,
    pub sources: Vec<LinkSource>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LinkLine>,
    pub capacity_bps: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_bps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_bps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_percent: Option<f64>,
    pub health: Health,
    pub reasons: Vec<Reason>,
    pub sites: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<i64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct EventRow {
    pub id: i64,
    pub at: Timestamp,
    pub kind: String,
    pub health: Health,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    pub reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_back_by: Option<String>,
}

/// `Site.uplink`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uplink {
    pub device: String,
    pub interface: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Site {
    #[serde(flatten)]
    pub site: SiteInput,
    pub health: Health,
    pub reasons: Vec<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<i64>,
}

/// `SiteInput`: what a person says of a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteInput {
    pub id: String,
    pub name: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uplink: Option<Uplink>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_bps: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

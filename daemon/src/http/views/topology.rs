//! Who is connected to whom.

use serde::Serialize;

use super::{Behind, DeviceKind, FarEnd, Health, LinkEnd, LinkRow, LinkSource, Reason};

#[derive(Debug, Clone, Serialize)]
pub struct Topology {
    pub sites: Vec<TopologySite>,
    pub devices: Vec<TopologyDevice>,
    pub links: Vec<LinkRow>,
    pub conflicts: Vec<LinkConflict>,
}

/// `Topology.sites`: `path` has the ids of the links that the site's traffic takes now, from the site up; while it is cut off those that it
/// would take.
#[derive(Debug, Clone, Serialize)]
pub struct TopologySite {
    pub id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    pub health: Health,
    pub reasons: Vec<Reason>,
    pub path: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TopologyDevice {
    pub id: String,
    pub name: String,
    pub kind: DeviceKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<u8>,
    pub health: Health,
    pub reasons: Vec<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<Behind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkConflictKind {
    OtherEnd,
    SharedPort,
    OneSided,
}

/// Sources that disagree about an interface; the first opinion is followed.
#[derive(Debug, Clone, Serialize)]
pub struct LinkConflict {
    pub kind: LinkConflictKind,
    pub at: LinkEnd,
    pub opinions: Vec<Opinion>,
}

/// What one source says: `by` is the device that says it, absent for the configuration; without `far` it says that nothing is there.
#[derive(Debug, Clone, Serialize)]
pub struct Opinion {
    pub source: LinkSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Behind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub far: Option<FarEnd>,
}

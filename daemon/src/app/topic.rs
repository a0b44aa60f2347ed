//! What pages are told to read again.

use std::fmt;

/// One word of the live WebSocket's `changed` message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is the protocol's own word")]
pub enum Topic {
    Overview,
    Devices,
    Discovery,
    Device(String),
    Events,
    Incidents,
    Links,
    Maintenance,
    Runs,
    Sites,
    Conferences,
    Board(i64),
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overview => f.write_str("overview"),
            Self::Devices => f.write_str("devices"),
            Self::Discovery => f.write_str("discovery"),
            Self::Device(id) => write!(f, "device:{id}"),
            Self::Events => f.write_str("events"),
            Self::Incidents => f.write_str("incidents"),
            Self::Links => f.write_str("links"),
            Self::Maintenance => f.write_str("maintenance"),
            Self::Runs => f.write_str("runs"),
            Self::Sites => f.write_str("sites"),
            Self::Conferences => f.write_str("conferences"),
            Self::Board(id) => write!(f, "board:{id}"),
        }
    }
}

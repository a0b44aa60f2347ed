//! The figures of a live room's seats.

use std::collections::BTreeMap;

use nhipcau_conference::SeatId;
use serde::Serialize;

use super::Reason;

pub use nhipcau_conference::SeatKind;

/// One seat's road.
#[derive(Debug, Clone, Serialize)]
pub struct PeerRow {
    pub participant: SeatId,
    pub name: String,
    pub site: String,
    pub site_name: String,
    pub kind: SeatKind,
    pub connected: bool,
    /// Its network, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f32>,
    pub loss_up_percent: f32,
    pub loss_down_percent: f32,
    pub jitter_up_ms: f32,
    pub up_bps: u64,
    pub down_bps: u64,
    pub estimate_bps: u64,
    /// The layer in the large picture, 0 the lowest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<u8>,
    pub fps_up: f32,
    pub fps_down: f32,
    pub nacked: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowered: Option<Reason>,
}

/// One seat's road, whole.
#[derive(Debug, Clone, Serialize)]
pub struct PeerReport {
    #[serde(flatten)]
    pub row: PeerRow,
    pub up: Vec<PeerLayer>,
    pub down: Vec<PeerSlot>,
    /// Whether sound goes to it with copies, because its line loses packets.
    pub copies: bool,
    /// What of it went no further, by reason.
    pub drops: BTreeMap<&'static str, u32>,
}

/// A layer that arrives from a seat.
#[derive(Debug, Clone, Serialize)]
pub struct PeerLayer {
    pub track: &'static str,
    pub kind: &'static str,
    pub codec: &'static str,
    pub layer: u8,
    /// As the page's `getStats` names the stream.
    pub ssrc: u32,
    pub packets: u64,
    pub bytes: u64,
    pub lost: u32,
    pub jitter_ms: f32,
    pub repaired: u32,
    /// Lost and then found as copies in later packets (sound).
    pub recovered: u32,
    pub nacked: u32,
    pub keyframes: u32,
    pub keyframes_asked: u32,
    pub fps: f32,
    pub bps: u64,
}

/// A slot in which a seat receives.
#[derive(Debug, Clone, Serialize)]
pub struct PeerSlot {
    pub kind: &'static str,
    pub slot: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<SeatId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<u8>,
    /// As the page's `getStats` names the stream.
    pub ssrc: u32,
    pub packets: u64,
    pub bytes: u64,
    pub lost: u32,
    pub loss_percent: f32,
    pub jitter_ms: f32,
    pub nacked: u32,
    pub repeated: u32,
    pub keyframes_asked: u32,
    pub fps: f32,
    pub bps: u64,
}

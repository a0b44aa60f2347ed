//! How the roads of a live room's seats are, as a technician reads them.

use std::net::SocketAddr;

use nhipcau_conference::{ConferenceId, Participant, SeatId};
use nhipcau_media_rtc::{Kind, LoweredReason, PeerDetail, PeerStats, Track, Transport};

use super::rooms::{peer_of, seat_of};
use super::{App, Refusal};
use crate::http::views::{PeerLayer, PeerReport, PeerRow, PeerSlot, Reason};

/// The figures of live rooms.
pub struct PeerDesk<'a> {
    pub(super) app: &'a App,
}

impl PeerDesk<'_> {
    /// A line for each seat of a live room whose media the bridge carries; none while nobody is in.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn list(&self, conference: i64) -> Result<Vec<PeerRow>, Refusal> {
        let people = self.people(conference).await?;
        let Some(machines) = self.app.machines() else {
            return Ok(Vec::new());
        };
        let stats = machines.rooms.bridge().stats();
        let mut rows: Vec<PeerRow> = stats
            .peers
            .iter()
            .filter(|peer| i64::try_from(peer.room.0) == Ok(conference))
            .filter_map(|peer| {
                let person = people.iter().find(|one| one.id == seat_of(peer.peer))?;
                Some(row(person, peer))
            })
            .collect();
        rows.sort_by(|a, b| (&a.site_name, &a.name).cmp(&(&b.site_name, &b.name)));
        Ok(rows)
    }

    /// Everything that is counted of one seat.
    ///
    /// # Errors
    /// `not_found`, `no_such_participant`.
    pub async fn show(&self, conference: i64, seat: &str) -> Result<PeerReport, Refusal> {
        let gone = || Refusal::new("no_such_participant", "nobody of that number is here");
        let seat: SeatId = seat.parse().map_err(|()| gone())?;
        let people = self.people(conference).await?;
        let rows = self.list(conference).await?;
        let row = rows
            .into_iter()
            .find(|row| row.participant == seat)
            .ok_or_else(gone)?;
        let bridge = self.app.machines().ok_or_else(gone)?.rooms.bridge().clone();
        let peer = peer_of(conference.unsigned_abs(), seat);
        // The packet thread answers within milliseconds; waiting for it still blocks a thread.
        let detail = tokio::task::spawn_blocking(move || bridge.peer_detail(peer))
            .await
            .ok()
            .flatten()
            .ok_or_else(gone)?;
        Ok(report(row, &detail, &people))
    }

    async fn people(&self, conference: i64) -> Result<Vec<Participant>, Refusal> {
        if self
            .app
            .bookings()
            .entry(ConferenceId(conference))
            .is_none()
        {
            return Err(Refusal::new("not_found", "no such conference"));
        }
        let board = match self.app.machines() {
            Some(machines) => machines.rooms.board(conference).await,
            None => None,
        };
        let rows = board.map(|board| board.rows).unwrap_or_default();
        Ok(rows.into_iter().flat_map(|row| row.participants).collect())
    }
}

fn row(person: &Participant, peer: &PeerStats) -> PeerRow {
    PeerRow {
        participant: person.id,
        name: person.name.clone(),
        site: person.site.to_string(),
        site_name: person.site_name.clone(),
        kind: person.kind,
        connected: peer.connected,
        address: peer.address.map(masked),
        transport: peer.transport.map(Transport::label),
        rtt_ms: peer.rtt_ms,
        loss_up_percent: peer.loss_up_percent,
        loss_down_percent: peer.loss_down_percent,
        jitter_up_ms: peer.jitter_up_ms,
        up_bps: peer.up_bps,
        down_bps: peer.down_bps,
        estimate_bps: peer.estimate_bps,
        layer: peer.layer,
        fps_up: peer.fps_up,
        fps_down: peer.fps_down,
        nacked: peer.nacked,
        lowered: peer.lowered.map(reason),
    }
}

fn report(row: PeerRow, detail: &PeerDetail, people: &[Participant]) -> PeerReport {
    PeerReport {
        row,
        up: detail
            .up
            .iter()
            .map(|layer| PeerLayer {
                track: track(layer.track),
                kind: kind(layer.kind),
                codec: layer.codec.name(),
                layer: layer.layer,
                ssrc: layer.ssrc,
                packets: layer.packets,
                bytes: layer.bytes,
                lost: layer.lost,
                jitter_ms: layer.jitter_ms,
                repaired: layer.repaired,
                recovered: layer.recovered,
                nacked: layer.nacked,
                keyframes: layer.keyframes,
                keyframes_asked: layer.keyframes_asked,
                fps: layer.fps,
                bps: layer.bps,
            })
            .collect(),
        down: detail
            .down
            .iter()
            .map(|slot| PeerSlot {
                kind: kind(slot.kind),
                slot: slot.slot,
                shown: slot.shown.map(seat_of),
                shown_name: slot.shown.map(seat_of).and_then(|seat| {
                    let one = people.iter().find(|one| one.id == seat)?;
                    Some(one.site_name.clone())
                }),
                layer: slot.layer,
                ssrc: slot.ssrc,
                packets: slot.packets,
                bytes: slot.bytes,
                lost: slot.lost,
                loss_percent: slot.loss_percent,
                jitter_ms: slot.jitter_ms,
                nacked: slot.nacked,
                repeated: slot.repeated,
                keyframes_asked: slot.keyframes_asked,
                fps: slot.fps,
                bps: slot.bps,
            })
            .collect(),
        copies: detail.copies,
        drops: nhipcau_media_rtc::Drop::ALL
            .iter()
            .zip(detail.drops)
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| (reason.label(), count))
            .collect(),
    }
}

fn reason(lowered: LoweredReason) -> Reason {
    match lowered {
        LoweredReason::Estimate { estimate_bps } => Reason::new("line_estimate")
            .with("mbps", (estimate_bps as f64 / 100_000.0).round() / 10.0),
        LoweredReason::NoKeyframe => Reason::new("no_keyframe"),
        LoweredReason::Codec { codec } => Reason::new("codec_unknown").with("codec", codec.name()),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    }
}

fn track(track: Track) -> &'static str {
    match track {
        Track::Main => "main",
        Track::Slides => "slides",
        Track::Document => "document",
    }
}

/// Enough to tell one line from another, too little to point at a person: the last part of an address and the port are left out.
fn masked(address: SocketAddr) -> String {
    match address.ip().to_canonical() {
        std::net::IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.x")
        }
        std::net::IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::x")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_as_networks() {
        let shown = |text: &str| masked(text.parse().expect("an address"));
        assert_eq!(shown("10.20.30.40:5000"), "10.20.30.x");
        assert_eq!(shown("[::ffff:10.20.30.40]:5000"), "10.20.30.x");
        assert_eq!(shown("[2001:db8:1:2::3]:5000"), "2001:db8:1::x");
    }
}

//! How the roads of live rooms are, by site, for the metrics: as many sites as are granted, the rest as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use nhipcau_conference::Board;
use nhipcau_media_rtc::PeerStats;

use super::rooms::peer_of;
use crate::metrics::RoadFigures;

/// The name of the sites that are told together.
const OTHER: &str = "other";

/// Adds up the peers of each site of `boards`: at most `most` sites have figures of their own, those beyond stand under `other` in their conference.
/// Returns the figures and how many sites were told together. Rates add up; of round trips and losses the worst counts.
pub(super) fn roads(
    boards: &[(i64, Board)],
    peers: &[PeerStats],
    most: usize,
) -> (Vec<RoadFigures>, u64) {
    if most == 0 {
        return (Vec::new(), 0);
    }
    let by_peer: BTreeMap<u64, &PeerStats> = peers.iter().map(|peer| (peer.peer.0, peer)).collect();
    let mut figures: BTreeMap<(i64, Arc<str>), RoadFigures> = BTreeMap::new();
    let (mut own, mut folded) = (0, 0);
    for (conference, board) in boards {
        let mut rows: Vec<_> = board.rows.iter().collect();
        rows.sort_by(|a, b| a.site.cmp(&b.site));
        for row in rows {
            let seats: Vec<&PeerStats> = row
                .participants
                .iter()
                .filter_map(|one| {
                    let peer = peer_of(conference.unsigned_abs(), one.id);
                    by_peer.get(&peer.0).copied()
                })
                .filter(|peer| peer.connected)
                .collect();
            if seats.is_empty() {
                continue;
            }
            let site: Arc<str> = if own < most {
                own += 1;
                row.site.as_str().into()
            } else {
                folded += 1;
                OTHER.into()
            };
            let road = figures
                .entry((*conference, site.clone()))
                .or_insert_with(|| RoadFigures {
                    conference: *conference,
                    site,
                    ..RoadFigures::default()
                });
            for peer in seats {
                add(road, peer);
            }
        }
    }
    (figures.into_values().collect(), folded)
}

fn add(road: &mut RoadFigures, peer: &PeerStats) {
    let bytes = |bps: u64| bps as f64 / 8.0;
    let ratio = |percent: f32| f64::from(percent) / 100.0;
    road.seats += 1;
    road.lowered += u64::from(peer.lowered.is_some());
    road.round_trip_seconds = road
        .round_trip_seconds
        .max(peer.rtt_ms.map_or(0.0, |ms| f64::from(ms) / 1_000.0));
    road.loss_in_ratio = road.loss_in_ratio.max(ratio(peer.loss_up_percent));
    road.loss_out_ratio = road.loss_out_ratio.max(ratio(peer.loss_down_percent));
    road.in_bytes_per_second += bytes(peer.up_bps);
    road.out_bytes_per_second += bytes(peer.down_bps);
    road.estimate_bytes_per_second += bytes(peer.estimate_bps);
}

#[cfg(test)]
mod tests {
    use nhipcau_conference::{
        BoardRow, ConferenceId, ConferenceState, Counts, Health, Participant, Recording, Role,
        RowState, SeatId, SeatKind, SiteKey,
    };
    use nhipcau_media_rtc::RoomId;

    use super::*;

    fn board(sites: u64) -> Board {
        let row = |number: u64| {
            let one: Participant = serde_json::from_value(serde_json::json!({
                "id": format!("p{number}"), "name": "x", "site": format!("s{number:03}"), "site_name": "x", "role": "delegate", "mic": true,
                "cam": true, "muted_by_host": false, "floor": false, "speaking": false, "connected": true, "slides": false, "document": false,
                "mode": "normal"
            }))
            .expect("a participant");
            assert_eq!((one.kind, one.role), (SeatKind::Person, Role::Delegate));
            BoardRow {
                site: SiteKey::from(format!("s{number:03}").as_str()),
                site_name: String::new(),
                state: RowState::Joined,
                since: None,
                reason: None,
                health: Health::Ok,
                line: None,
                imposed: None,
                participants: vec![one],
            }
        };
        serde_json::from_value(
            serde_json::to_value(Board {
                rows: (1..=sites).map(row).collect(),
                ..empty()
            })
            .expect("a board"),
        )
        .expect("a board")
    }

    fn empty() -> Board {
        let room = nhipcau_conference::Room::new(
            Default::default(),
            ConferenceId(7),
            nhipcau_conference::Occurrence {
                starts_at: jiff::Timestamp::UNIX_EPOCH,
                ends_at: jiff::Timestamp::UNIX_EPOCH,
            },
            Vec::new(),
            nhipcau_conference::Now {
                instant: std::time::Instant::now(),
                at: jiff::Timestamp::UNIX_EPOCH,
            },
        );
        let board = room.board();
        assert_eq!(board.state, ConferenceState::Live);
        assert_eq!(
            (&board.recording, board.counts),
            (&Recording::default(), Counts::default())
        );
        board
    }

    fn peer(number: u64) -> PeerStats {
        PeerStats {
            peer: peer_of(7, SeatId(number)),
            room: RoomId(7),
            connected: true,
            address: None,
            transport: None,
            rtt_ms: Some(number as f32),
            loss_up_percent: 1.0,
            loss_down_percent: 2.0,
            jitter_up_ms: 0.0,
            up_bps: 800,
            down_bps: 8_000,
            estimate_bps: 80_000,
            layer: None,
            fps_up: 0.0,
            fps_down: 0.0,
            nacked: 0,
            lowered: None,
        }
    }

    #[test]
    fn sites_beyond_the_limit_are_told_together_and_counted() {
        let peers: Vec<PeerStats> = (1..=300).map(peer).collect();
        let boards = [(7, board(300))];
        let (all, folded) = roads(&boards, &peers, 1_000);
        assert_eq!((all.len(), folded), (300, 0));
        let (some, folded) = roads(&boards, &peers, 100);
        assert_eq!((some.len(), folded), (101, 200));
        let other = some.iter().find(|road| &*road.site == OTHER).expect("one");
        assert_eq!((other.seats, other.in_bytes_per_second), (200, 20_000.0));
        assert!((other.round_trip_seconds - 0.3).abs() < 1e-6);
        assert!((other.loss_out_ratio - 0.02).abs() < 1e-6);
        assert_eq!(roads(&boards, &peers, 0), (Vec::new(), 0));
    }
}

//! The figures of peers: a line each once a second, the rest on demand.

use std::time::{Duration, Instant};

use nhipcau_sfu::{Kind, PeerId, Track};

use super::Worker;
use crate::peer::{Peer, source_at};
use crate::socket::{Outbox, thread_cpu_seconds};
use crate::stats::{BridgeStats, Drop, LayerStats, PeerDetail, PeerStats, SlotStats};

impl Worker {
    pub(super) fn publish_stats(&mut self, outbox: &Outbox, now: Instant) {
        let elapsed = now.saturating_duration_since(self.stats_at).as_secs_f64() + 1.0;
        self.stats_at = now + Duration::from_secs(1);
        let mut peers = Vec::with_capacity(self.by_id.len());
        for place in 0..self.peers.len() {
            if let Some(stats) = self.peer_stats(place, elapsed) {
                peers.push(stats);
            }
        }
        let mut drops = self.counters.drops;
        drops[Drop::Send as usize] = outbox.failed;
        drops[Drop::HandOver as usize] = self.links.lost();
        drops[Drop::Stream as usize] = outbox.lost_to_streams();
        let stats = BridgeStats {
            // The handle counts them.
            rooms: 0,
            peers,
            datagrams_in: self.counters.datagrams_in,
            datagrams_out: outbox.sent,
            bytes_in: self.counters.bytes_in,
            bytes_out: outbox.sent_bytes,
            forwarded: self.counters.forwarded,
            nacked_in: self.counters.nacked_in,
            nacked_out: self.counters.nacked_out,
            retransmitted: self.counters.retransmitted,
            repaired: self.counters.repaired,
            recovered: self.counters.recovered,
            padding: self.counters.padding,
            caught_up: self.counters.caught_up,
            keyframe_requests: self.counters.keyframe_requests,
            handed_on: self.counters.handed_on,
            handed_over: self.counters.handed_over,
            events_lost: self.lost_events,
            cpu_seconds: thread_cpu_seconds(),
            drops,
            ..BridgeStats::default()
        };
        *self
            .shared_stats
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = stats;
    }

    /// One peer's line; its rates are made of the counts since the last one.
    fn peer_stats(&mut self, place: usize, elapsed: f64) -> Option<PeerStats> {
        let (Some(peer), Some(up), Some(down)) = (
            &self.peers[place],
            &mut self.ups[place],
            &mut self.downs[place],
        ) else {
            return None;
        };
        let layer = self.rooms[peer.room as usize]
            .as_ref()
            .and_then(|live| live.room.large_layer(peer.id));
        for layer in up.layers.iter_mut().flatten() {
            layer.tally.rate.settle(elapsed);
        }
        for slot in down.audio.iter_mut().chain(down.video.iter_mut()) {
            slot.tally.rate.settle(elapsed);
        }
        let best = up
            .layers
            .iter()
            .enumerate()
            .filter(|(place, _)| {
                let source = source_at(peer.seat, *place);
                source.kind() == Kind::Video && source.track() == Track::Main
            })
            .filter_map(|(_, layer)| layer.as_ref())
            .next_back();
        let jitter = |ticks: u32, kind: Kind| ticks as f32 * 1_000.0 / kind.clock_hz() as f32;
        let jitter_up_ms = up
            .layers
            .iter()
            .enumerate()
            .filter_map(|(place, layer)| {
                let kind = source_at(peer.seat, place).kind();
                Some(jitter(layer.as_ref()?.tally.reception.jitter, kind))
            })
            .fold(0.0, f32::max);
        Some(PeerStats {
            peer: peer.id,
            room: peer.room_id,
            connected: peer.connected && !peer.silent,
            address: down.route.map(|route| route.remote),
            transport: down.route.map(|route| route.transport()),
            rtt_ms: peer.rtt_ms,
            loss_up_percent: up.loss,
            loss_down_percent: peer.loss_down,
            jitter_up_ms,
            up_bps: (std::mem::take(&mut up.bytes) as f64 * 8.0 / elapsed) as u64,
            down_bps: (std::mem::take(&mut down.bytes) as f64 * 8.0 / elapsed) as u64,
            estimate_bps: down.estimator.bps(),
            layer: layer.map(|layer| layer as u8),
            fps_up: best.map_or(0.0, |layer| layer.tally.rate.fps),
            fps_down: down.video.first().map_or(0.0, |slot| slot.tally.rate.fps),
            nacked: down.video.iter().map(|slot| slot.tally.nacked).sum(),
            lowered: peer.lowered.filter(|_| self.is_lowered(peer)),
        })
    }

    fn is_lowered(&self, peer: &Peer) -> bool {
        self.rooms[peer.room as usize]
            .as_ref()
            .is_some_and(|live| live.room.is_lowered(peer.id))
    }

    /// Everything that is counted of one peer.
    pub(super) fn peer_detail(&self, id: PeerId) -> Option<PeerDetail> {
        let index = *self.by_id.get(&id)?;
        let place = index as usize;
        let (peer, up, down) = (
            self.peers[place].as_ref()?,
            self.ups[place].as_ref()?,
            self.downs[place].as_ref()?,
        );
        let live = self.rooms[peer.room as usize].as_ref()?;
        let layers = up.layers.iter().enumerate().filter_map(|(place, layer)| {
            let layer = layer.as_ref()?;
            let tally = &layer.tally;
            let source = source_at(peer.seat, place);
            let kind = source.kind();
            Some(LayerStats {
                track: source.track(),
                kind,
                layer: source.layer() as u8,
                codec: layer.codec,
                ssrc: layer.ssrc,
                packets: tally.packets,
                bytes: tally.bytes,
                lost: tally.reception.lost,
                jitter_ms: tally.reception.jitter as f32 * 1_000.0 / kind.clock_hz() as f32,
                repaired: tally.repaired,
                recovered: tally.recovered,
                nacked: tally.nacked,
                keyframes: tally.keyframes,
                keyframes_asked: tally.asked,
                fps: tally.rate.fps,
                bps: tally.rate.bps,
            })
        });
        let slots = [(Kind::Audio, &down.audio), (Kind::Video, &down.video)];
        let slots = slots.into_iter().flat_map(|(kind, slots)| {
            slots.iter().enumerate().map(move |(number, slot)| {
                let source = live.room.flowing(peer.seat, kind, number);
                let tally = &slot.tally;
                SlotStats {
                    kind,
                    slot: number as u8,
                    ssrc: slot.ssrc,
                    shown: source.and_then(|source| live.room.peer_in(source)),
                    layer: source.map(|source| source.layer() as u8),
                    packets: tally.packets,
                    bytes: tally.bytes,
                    lost: tally.lost,
                    loss_percent: tally.loss_percent,
                    jitter_ms: tally.jitter as f32 * 1_000.0 / kind.clock_hz() as f32,
                    nacked: tally.nacked,
                    repeated: tally.repeated,
                    keyframes_asked: tally.asked,
                    fps: tally.rate.fps,
                    bps: tally.rate.bps,
                }
            })
        });
        Some(PeerDetail {
            peer: id,
            room: peer.room_id,
            up: layers.collect(),
            down: slots.collect(),
            drops: peer.drops,
            copies: down.copies,
        })
    }
}

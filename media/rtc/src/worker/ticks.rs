//! What time asks for: repeated flights, losses, feedback, reports, liveness, figures.

use std::time::{Duration, Instant};

use nhipcau_sfu::rtcp::ReportBlock;
use nhipcau_sfu::{Input, Kind};

use super::feedback::BRIDGE_SSRC;
use super::{TICK, Worker};
use crate::dtls::Progress;
use crate::event::{BridgeEvent, GoneReason};
use crate::peer::{PLACES, place_of, source_at};
use crate::socket::Outbox;

/// Between two transport-wide feedbacks to one publisher, as browsers do it.
pub(super) const FEEDBACK_PAUSE: Duration = Duration::from_millis(50);
/// Ticks between two reports to one peer: one second.
const REPORT_TICKS: u64 = 40;
/// Ticks between two looks at a receiver's estimate.
const ESTIMATE_TICKS: u64 = 8;
/// A change of the estimate below this share is not worth a decision.
const ESTIMATE_STEP: f64 = 0.04;
/// Silence of a peer that sends media or reports, which come every second.
const SILENT: Duration = Duration::from_secs(3);
/// Silence of a peer that sends nothing but consent checks, which Firefox sends every 5 s.
const SILENT_IDLE: Duration = Duration::from_secs(12);
/// A peer counts as sending media this long after its last packet.
const MEDIA_RECENT: Duration = Duration::from_secs(10);
/// Silence after which a connection is given up (RFC 7675 section 5.1).
const GONE: Duration = Duration::from_secs(30);
/// Packets sent again to one receiver in a tick; 1,600 a second.
const RTX_PER_TICK: u32 = 40;

impl Worker {
    pub(super) fn tick(&mut self, outbox: &mut Outbox, now: Instant) {
        self.next_tick = now + TICK;
        self.ticks += 1;
        for place in 0..self.peers.len() {
            if self.peers[place].is_some() {
                self.tick_peer(place as u32, outbox, now);
            }
        }
        for index in 0..self.rooms.len() {
            let due = self.rooms[index]
                .as_ref()
                .filter(|live| live.next_timeout.is_some_and(|at| at <= now))
                .map(|live| live.id);
            if let Some(room) = due {
                self.input(room, Input::Timeout, now);
            }
        }
        self.send_keyframe_requests(outbox);
    }

    fn tick_peer(&mut self, index: u32, outbox: &mut Outbox, now: Instant) {
        let Some(peer) = self.peers[index as usize].as_mut() else {
            return;
        };
        if peer.dtls.is_handshaking() {
            let progress = peer.dtls.tick(now);
            self.send_dtls(index, None, outbox);
            if !matches!(progress, Progress::None) {
                return self.progress(index, progress, outbox, now);
            }
        }
        if let Some(down) = &mut self.downs[index as usize] {
            down.rtx_left = RTX_PER_TICK;
        }
        self.send_padding(index, outbox, now);
        self.ask_for_losses(index, outbox, now);
        self.send_feedback(index, outbox, now);
        let turn = self.ticks + u64::from(index);
        if turn.is_multiple_of(ESTIMATE_TICKS) {
            self.tell_estimate(index, now);
        }
        if turn.is_multiple_of(REPORT_TICKS) {
            self.report_to_publisher(index, outbox, now);
            self.report_to_receiver(index, outbox, now);
        }
        self.watch(index, outbox, now);
    }

    fn ask_for_losses(&mut self, index: u32, outbox: &mut Outbox, now: Instant) {
        let round_trip = self.peers[index as usize]
            .as_ref()
            .and_then(|peer| peer.rtt_ms)
            .map(|ms| Duration::from_secs_f32(ms / 1_000.0));
        for place in 0..PLACES {
            if source_at(0, place).kind() == Kind::Audio {
                continue;
            }
            let Some(layer) = self.ups[index as usize]
                .as_mut()
                .and_then(|up| up.layers[place].as_mut())
            else {
                continue;
            };
            if let Some(round_trip) = round_trip {
                layer.arrivals.set_round_trip(round_trip);
            }
            let gave_up = layer.arrivals.take_gave_up();
            let ssrc = layer.ssrc;
            self.asked.clear();
            if layer.arrivals.next_due().is_some_and(|at| at <= now) {
                layer.arrivals.due(now, &mut self.asked);
            }
            if !self.asked.is_empty() {
                let asked = std::mem::take(&mut self.asked);
                self.counters.nacked_out += asked.len() as u64;
                layer.tally.nacked += asked.len() as u32;
                self.send_rtcp(index, outbox, now, |writer| {
                    writer.nack(BRIDGE_SSRC, ssrc, &asked);
                });
                self.asked = asked;
            }
            if gave_up
                && let Some(source) = self.source(index, place)
                && let Some(room) = self.peers[index as usize].as_ref().map(|peer| peer.room_id)
            {
                self.input(room, Input::Broken { source }, now);
            }
        }
    }

    fn send_feedback(&mut self, index: u32, outbox: &mut Outbox, now: Instant) {
        for _ in 0..4 {
            let Some(up) = self.ups[index as usize].as_mut() else {
                return;
            };
            if !up.recorder.is_pending()
                || now.saturating_duration_since(up.feedback_at) < FEEDBACK_PAUSE
            {
                break;
            }
            let mut body = std::mem::take(&mut self.scratch);
            up.recorder.feedback(&mut body);
            let media = up
                .layers
                .iter()
                .flatten()
                .next()
                .map_or(0, |layer| layer.ssrc);
            self.send_rtcp(index, outbox, now, |writer| {
                writer.transport_feedback(BRIDGE_SSRC, media, &body);
            });
            self.scratch = body;
        }
        if let Some(up) = self.ups[index as usize].as_mut()
            && !up.recorder.is_pending()
        {
            up.feedback_at = up
                .feedback_at
                .max(now.checked_sub(FEEDBACK_PAUSE).unwrap_or(now));
        }
    }

    fn tell_estimate(&mut self, index: u32, now: Instant) {
        let (Some(peer), Some(down)) =
            (&self.peers[index as usize], &mut self.downs[index as usize])
        else {
            return;
        };
        if let Some(live) = self.rooms[peer.room as usize].as_ref() {
            down.estimator.want(live.room.wanted_bps(peer.id));
        }
        down.estimator.tick(now);
        down.copies = down.estimator.wants_copies(now);
        let bps = down.estimator.bps();
        let step = (bps as f64 - down.told_bps as f64).abs();
        if step < down.told_bps as f64 * ESTIMATE_STEP {
            return;
        }
        down.told_bps = bps;
        let (room, peer) = (peer.room_id, peer.id);
        self.input(room, Input::Estimate { peer, bps }, now);
    }

    /// A receiver report for what the peer sends.
    fn report_to_publisher(&mut self, index: u32, outbox: &mut Outbox, now: Instant) {
        let Some(up) = self.ups[index as usize].as_mut() else {
            return;
        };
        let mut blocks = [ReportBlock::default(); PLACES];
        let mut count = 0;
        let mut lost = 0.0;
        for layer in up.layers.iter_mut().flatten() {
            let Some(reception) = layer.arrivals.report() else {
                continue;
            };
            lost += f32::from(reception.fraction_lost) / 2.56;
            layer.tally.reception = reception;
            let told = layer.report.map(|(ntp, _, at)| ((ntp >> 16) as u32, at));
            blocks[count] = ReportBlock::of(layer.ssrc, reception, told, now);
            count += 1;
        }
        if count == 0 {
            return;
        }
        up.loss = lost / count as f32;
        self.send_rtcp(index, outbox, now, |writer| {
            writer.receiver_report(BRIDGE_SSRC, &blocks[..count]);
        });
    }

    /// A sender report for each slot in which something flows, so that the receiver can bring sound and picture together.
    fn report_to_receiver(&mut self, index: u32, outbox: &mut Outbox, now: Instant) {
        let Some((room, seat)) = self.peers[index as usize]
            .as_ref()
            .map(|peer| (peer.room, peer.seat))
        else {
            return;
        };
        let Some(down) = self.downs[index as usize]
            .as_ref()
            .filter(|down| down.seal.is_some())
        else {
            return;
        };
        let Some(live) = self.rooms[room as usize].as_ref() else {
            return;
        };
        let ntp = self.ntp_now(now);
        let mut reports = Vec::new();
        for (kind, slots) in [(Kind::Audio, &down.audio), (Kind::Video, &down.video)] {
            for (number, slot) in slots.iter().enumerate() {
                let reported = live.room.flowing(seat, kind, number).and_then(|source| {
                    let sender = live.peers.get(source.seat() as usize).copied().flatten()?;
                    let (_, timestamp, at) = self.ups[sender as usize].as_ref()?.layers
                        [place_of(source)]
                    .as_ref()?
                    .report?;
                    // The moment of the publisher's report, moved on to now: its clock and ours need not agree.
                    let passed = now.saturating_duration_since(at).as_micros()
                        * u128::from(kind.clock_hz())
                        / 1_000_000;
                    live.room.translate_timestamp(
                        seat,
                        kind,
                        number,
                        timestamp.wrapping_add(passed as u32),
                    )
                });
                if let Some(timestamp) = reported {
                    reports.push((
                        slot.ssrc,
                        timestamp,
                        slot.packets,
                        slot.octets,
                        kind,
                        number,
                    ));
                }
            }
        }
        if reports.is_empty() {
            return;
        }
        self.send_rtcp(index, outbox, now, |writer| {
            for (ssrc, timestamp, packets, octets, kind, number) in reports {
                writer.sender_report(ssrc, ntp, timestamp, packets, octets);
                let name = if kind == Kind::Audio {
                    "audio"
                } else {
                    "video"
                };
                writer.cname(ssrc, format!("{name}-{number}").as_bytes());
            }
        });
    }

    fn watch(&mut self, index: u32, outbox: &mut Outbox, now: Instant) {
        let Some(peer) = self.peers[index as usize].as_mut() else {
            return;
        };
        let quiet = now.saturating_duration_since(peer.heard_at);
        if quiet >= GONE
            || (!peer.connected && now.saturating_duration_since(peer.joined_at) >= GONE)
        {
            let reason = if peer.connected || quiet >= GONE {
                GoneReason::Timeout
            } else {
                GoneReason::Handshake
            };
            return self.gone(index, reason, outbox, now);
        }
        let sends = peer
            .media_at
            .is_some_and(|at| peer.heard_at.saturating_duration_since(at) < MEDIA_RECENT);
        let limit = if sends { SILENT } else { SILENT_IDLE };
        if peer.connected && !peer.silent && quiet >= limit {
            peer.silent = true;
            let (room, peer, seating) = (peer.room_id, peer.id, peer.seating);
            self.input(room, Input::Connected { peer, on: false }, now);
            self.tell(BridgeEvent::Silent {
                room,
                peer,
                seating,
            });
        }
    }
}

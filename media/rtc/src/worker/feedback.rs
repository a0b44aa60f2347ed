//! RTCP that peers send, and keyframe requests to them.

use std::time::Instant;

use nhipcau_sfu::rtcp::{Report, Rtcp, Writer, read};
use nhipcau_sfu::twcc::Feedback;
use nhipcau_sfu::{Input, Kind, Source, Track};

use super::Worker;
use crate::peer::{place_of, source_at};
use crate::socket::{DATAGRAM_MAX, Outbox};
use crate::srtp::OVERHEAD;
use crate::stats::Drop;

/// The bridge's SSRC as a sender of feedback; it sends no media under it.
pub(super) const BRIDGE_SSRC: u32 = 1;
/// Sequence numbers of one NACK that are answered.
const NACK_MAX: usize = 128;

/// What a compound packet asks of the rest of the worker.
enum Request {
    Again { slot: usize, sequence: u16 },
    Keyframe { slot: usize },
}

impl Worker {
    pub(super) fn take_rtcp(
        &mut self,
        index: u32,
        packet: &mut [u8],
        outbox: &mut Outbox,
        now: Instant,
    ) {
        let place = index as usize;
        let ntp_now = self.ntp_now(now);
        let (Some(peer), Some(up), Some(down)) = (
            &mut self.peers[place],
            &mut self.ups[place],
            &mut self.downs[place],
        ) else {
            return;
        };
        let Some(open) = &up.open else {
            self.counters.drop(Drop::NoKeys);
            return;
        };
        let Some((length, rtcp_index)) = open.open_rtcp(packet) else {
            self.counters.drop(Drop::Authentication);
            return;
        };
        let sender = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        if !up.rtcp_is_new(sender, rtcp_index) {
            self.counters.drop(Drop::Replay);
            return;
        }
        peer.media_at = Some(now);
        let mut requests = Vec::new();
        let mut reported = None;
        let (mut loss, mut reports) = (0u32, 0u32);
        read(&packet[..length], |said| match said {
            Rtcp::SenderReport {
                ssrc,
                ntp,
                timestamp,
            } => {
                let mut layers = up.layers.iter_mut().enumerate();
                if let Some((place, Some(layer))) =
                    layers.find(|(_, layer)| matches!(layer, Some(layer) if layer.ssrc == ssrc))
                {
                    layer.report = Some((ntp, timestamp, now));
                    reported = Some(place);
                }
            }
            Rtcp::Report(report) => {
                loss += u32::from(report.fraction_lost);
                reports += 1;
                let slot = down
                    .audio
                    .iter_mut()
                    .chain(down.video.iter_mut())
                    .find(|slot| slot.ssrc == report.ssrc);
                if let Some(slot) = slot {
                    slot.tally.lost = report.lost;
                    slot.tally.loss_percent = f32::from(report.fraction_lost) / 2.56;
                    slot.tally.jitter = report.jitter;
                }
                peer.rtt_ms = round_trip_ms(&report, ntp_now).or(peer.rtt_ms);
            }
            Rtcp::Nack { media, lost } => {
                if let Some(slot) = down.video.iter().position(|slot| slot.ssrc == media) {
                    let before = requests.len();
                    requests.extend(
                        lost.take(NACK_MAX)
                            .map(|sequence| Request::Again { slot, sequence }),
                    );
                    down.video[slot].tally.nacked += (requests.len() - before) as u32;
                }
            }
            Rtcp::PictureLoss { media } => {
                if let Some(slot) = down.video.iter().position(|slot| slot.ssrc == media) {
                    down.video[slot].tally.asked += 1;
                    requests.push(Request::Keyframe { slot });
                }
            }
            Rtcp::TransportFeedback(body) => {
                if let Some(feedback) = Feedback::parse(body) {
                    down.estimator.on_feedback(feedback, now);
                }
            }
            Rtcp::Bandwidth { bps } => down.estimator.on_bandwidth(bps),
            Rtcp::Bye { .. } => {}
        });
        if reports > 0 {
            peer.loss_down = loss as f32 / reports as f32 / 2.56;
            down.estimator
                .on_report(f64::from(loss) / f64::from(reports) / 256.0, now);
        }
        self.heard(index, now);
        if let Some(place) = reported {
            self.hand_on_report(index, place);
        }
        for request in requests {
            match request {
                Request::Again { slot, sequence } => {
                    self.counters.nacked_in += 1;
                    let Some(down) = self.downs[place].as_mut() else {
                        continue;
                    };
                    let times = down.rtx_left.min(down.estimator.times_again());
                    down.rtx_left -= times;
                    for _ in 0..times {
                        self.send_again(index, slot, sequence, outbox, now);
                    }
                }
                Request::Keyframe { slot } => {
                    if let Some((room, peer)) = self.peers[place]
                        .as_ref()
                        .map(|peer| (peer.room_id, peer.id))
                    {
                        self.input(room, Input::KeyframeRequest { peer, slot }, now);
                    }
                }
            }
        }
    }

    /// Notes that a publisher is to be asked for a keyframe; the request goes out at the end of the wake-up.
    pub(super) fn request_keyframe(&mut self, port: u32, track: Track, layer: usize, now: Instant) {
        let place = place_of(Source::new(0, track, Kind::Video, layer));
        if self.ask_owner(port, place) {
            return;
        }
        self.counters.keyframe_requests += 1;
        self.keyframes.push((port, place, now));
    }

    /// Sends the keyframe requests of this wake-up.
    pub(super) fn send_keyframe_requests(&mut self, outbox: &mut Outbox) {
        while let Some((port, place, now)) = self.keyframes.pop() {
            let ssrc = self
                .ups
                .get_mut(port as usize)
                .and_then(Option::as_mut)
                .and_then(|up| up.layers.get_mut(place)?.as_mut())
                .map(|layer| {
                    layer.tally.asked += 1;
                    layer.ssrc
                });
            if let Some(ssrc) = ssrc {
                self.send_rtcp(port, outbox, now, |writer| {
                    writer.picture_loss(BRIDGE_SSRC, ssrc);
                });
            }
        }
    }

    /// Writes, encrypts and sends a compound packet to a peer.
    pub(super) fn send_rtcp(
        &mut self,
        index: u32,
        outbox: &mut Outbox,
        now: Instant,
        write: impl FnOnce(&mut Writer<'_>),
    ) {
        let Some(Some(down)) = self.downs.get_mut(index as usize) else {
            return;
        };
        let (Some(seal), Some(route)) = (&down.seal, down.route) else {
            return;
        };
        let space = outbox.space();
        let length = {
            let mut writer = Writer::new(&mut space[..DATAGRAM_MAX.min(1_200) - OVERHEAD]);
            write(&mut writer);
            writer.len()
        };
        if length == 0 {
            return;
        }
        let length = seal.seal_rtcp(space, length, down.rtcp_index);
        // 31 bits at 40 packets a second last 20 months; a wrap would repeat nonces, so the peer must then rejoin.
        down.rtcp_index += 1;
        self.commit(index, &route, length, outbox, now);
    }

    /// The layer at `place` of a peer as the room names it.
    pub(super) fn source(&self, index: u32, place: usize) -> Option<Source> {
        let seat = self.peers[index as usize].as_ref()?.seat;
        Some(source_at(seat, place))
    }
}

/// RFC 3550 section 6.4.1: now − last sender report − delay since it, in 1/65,536 s.
fn round_trip_ms(report: &Report, ntp_now: u64) -> Option<f32> {
    if report.last_report == 0 {
        return None;
    }
    let now = (ntp_now >> 16) as u32;
    let ticks = now
        .wrapping_sub(report.last_report)
        .wrapping_sub(report.delay);
    // More than 10 s, or negative: a clock that jumped, or a lie.
    (ticks < 10 << 16).then(|| ticks as f32 * 1_000.0 / 65_536.0)
}

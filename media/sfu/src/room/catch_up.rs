//! A picture at once, without asking its sender: what came of a layer since its latest keyframe is in the publisher's cache for
//! retransmissions anyway, and a receiver that turns to the layer can be told it quickly. Three hundred sites that turn pages cost
//! their twenty-five senders no keyframes then.

use std::time::{Duration, Instant};

use super::seat::Seat;
use super::{KEYFRAME_PAUSE, Output, Room};
use crate::ids::Source;
use crate::rewrite::{Translation, UpPacket};

/// The past that is told: longer, and a new keyframe is the smaller burst.
const AGE_MAX: Duration = Duration::from_secs(3);
/// Packets of the past; fewer than the smallest cache holds.
const PACKETS_MAX: u32 = 96;
/// Of the line's second, how much the past may take, on a line below [`WIDE_BPS`] and on one above, and within which span. A page of nine
/// tiles is there at once on a wide line; on a narrow one so much at once would fill the queue before it.
const LINE_SHARE: [f64; 2] = [0.25, 0.5];
const WIDE_BPS: u64 = 2_000_000;
const SPAN: Duration = Duration::from_millis(500);

/// What a receiver is to be told of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// The receiver's seat.
    pub seat: u32,
    /// Its video slot.
    pub slot: usize,
    /// Whose packets.
    pub source: Source,
    /// Index of the first packet.
    pub first: u64,
    /// Index of the last packet.
    pub last: u64,
}

/// The latest keyframe of a layer, and what came since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    first: UpPacket,
    at: Instant,
    /// Different packets since, the first included.
    packets: u32,
    bytes: u32,
    /// Of the newest packet.
    last: u64,
    live: u32,
}

impl Start {
    /// Notes a packet of the layer.
    pub(super) fn note(start: &mut Option<Self>, packet: &UpPacket, now: Instant) {
        let begins = packet.descriptor.keyframe()
            && start.as_ref().is_none_or(|start| {
                packet.index > start.first.index && packet.timestamp != start.first.timestamp
            });
        if begins {
            *start = Some(Self {
                first: *packet,
                at: now,
                packets: 1,
                bytes: u32::from(packet.bytes),
                last: packet.index,
                live: packet.timestamp,
            });
        } else if let Some(start) = start
            .as_mut()
            .filter(|start| packet.index > start.first.index)
        {
            start.packets += 1;
            start.bytes = start.bytes.saturating_add(u32::from(packet.bytes));
            if packet.index > start.last {
                start.last = packet.index;
                start.live = packet.timestamp;
            }
        }
    }

    /// Whether all of it came, and it is short enough to be told.
    fn is_short(&self, now: Instant) -> bool {
        self.packets <= PACKETS_MAX
            && u64::from(self.packets) == self.last - self.first.index + 1
            && now.saturating_duration_since(self.at) <= AGE_MAX
    }
}

impl Room {
    /// Lets a receiver's slot turn to a source at once, if its past is short and the receiver's line takes it.
    pub(super) fn catch_up(
        &mut self,
        seat: &mut Seat,
        index: u32,
        place: usize,
        source: Source,
        now: Instant,
    ) -> bool {
        let Some(start) = self
            .seat(source.seat())
            .filter(|sender| !sender.is_barred(source.track(), source.kind()))
            .and_then(|sender| sender.layer(source).start)
            .filter(|start| start.is_short(now))
        else {
            return false;
        };
        // The recording has no cache behind it.
        if seat.peer.is_none() || !seat.connected || !seat.may_burst(start.bytes, now) {
            return false;
        }
        let Some(slot) = seat.video.get_mut(place) else {
            return false;
        };
        let before = slot.rewriter.source();
        slot.rewriter
            .switch_behind(source, slot.quality, &start.first, start.live, now);
        slot.waiting_since = None;
        slot.caught_up_at = Some(now);
        seat.slots_changed |= before.map(Source::seat) != Some(source.seat());
        self.outputs.push_back(Output::CatchUp(CatchUp {
            seat: index,
            slot: place,
            source,
            first: start.first.index,
            last: start.last,
        }));
        true
    }

    /// Tells nobody the past of any picture until its next keyframe.
    pub(super) fn forget_pasts(&mut self) {
        let seats = self.seats.iter_mut().flatten();
        for layer in seats
            .flat_map(|seat| &mut seat.tracks)
            .flat_map(|track| &mut track.layers)
        {
            layer.start = None;
        }
    }

    /// Begins a picture again from its own latest keyframe, for a receiver that lost it while its sender may not be asked.
    pub(super) fn start_again(
        &mut self,
        index: u32,
        place: usize,
        source: Source,
        now: Instant,
    ) -> bool {
        let pausing = self
            .seat(source.seat())
            .and_then(|sender| sender.layer(source).requested_at)
            .is_some_and(|at| now.saturating_duration_since(at) < KEYFRAME_PAUSE);
        if !pausing {
            return false;
        }
        let Some(mut seat) = self.seats.get_mut(index as usize).and_then(Option::take) else {
            return false;
        };
        let slot = seat
            .video
            .get(place)
            .filter(|slot| slot.wanted == Some(source));
        let on_its_way = slot
            .and_then(|slot| slot.caught_up_at)
            .is_some_and(|at| now.saturating_duration_since(at) < SPAN);
        let wanted = slot.is_some();
        let done = on_its_way || (wanted && self.catch_up(&mut seat, index, place, source, now));
        self.seats[index as usize] = Some(seat);
        done
    }

    /// The numbers under which a packet of a [`CatchUp`] goes out; `None` when its layer is not for the receiver, or the slot has turned
    /// to another source since.
    pub fn translate(
        &mut self,
        of: &CatchUp,
        packet: &UpPacket,
        now: Instant,
    ) -> Option<Translation> {
        self.seats
            .get_mut(of.seat as usize)?
            .as_mut()?
            .video
            .get_mut(of.slot)?
            .rewriter
            .translate(of.source, packet, now)
    }
}

impl Seat {
    /// Whether the line takes a burst of `bytes` now; if so, it is counted.
    fn may_burst(&mut self, bytes: u32, now: Instant) -> bool {
        let (since, used) = self
            .caught_up
            .filter(|(since, _)| now.saturating_duration_since(*since) < SPAN)
            .unwrap_or((now, 0));
        let used = used.saturating_add(bytes);
        let share = LINE_SHARE[usize::from(self.estimate_bps >= WIDE_BPS)];
        if f64::from(used) * 8.0 > self.estimate_bps as f64 * share {
            return false;
        }
        self.caught_up = Some((since, used));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::descriptor::Descriptor;
    use crate::ids::{Kind, PeerId, Track, TrackId};
    use crate::room::Input;

    const SENDER: Source = Source::new(0, Track::Main, Kind::Video, 0);

    struct Stage {
        room: Room,
        now: Instant,
        sent: Vec<UpPacket>,
        said: Vec<Output>,
        asked: bool,
    }

    impl Stage {
        /// A camera in seat 0, and viewers that look at nothing yet.
        fn new(viewers: u64) -> Self {
            let mut stage = Self {
                room: Room::new(3),
                now: crate::testing::start(),
                sent: Vec::new(),
                said: Vec::new(),
                asked: false,
            };
            for peer in 0..=viewers {
                let peer = PeerId(peer);
                stage.input(Input::Join {
                    peer,
                    port: peer.0 as u32,
                    slots_audio: 1,
                    slots_video: 2,
                    first_sequence: &[9; 3],
                    codecs: &[],
                });
                stage.input(Input::Connected { peer, on: true });
            }
            stage
        }

        fn input(&mut self, input: Input<'_>) {
            self.room.handle_input(input, self.now);
            loop {
                match self.room.poll_output() {
                    Output::Timeout(_) => return,
                    Output::Lead | Output::Event(_) => {}
                    said => {
                        self.asked |= matches!(said, Output::KeyframeRequest { .. });
                        self.said.push(said);
                    }
                }
            }
        }

        fn film(&mut self, pictures: u64, bytes: u16) {
            for _ in 0..pictures {
                self.now += Duration::from_millis(40);
                let index = self.sent.len() as u64 + 500;
                let keyframe = std::mem::take(&mut self.asked);
                self.said.clear();
                let body = [0x90, 0x80, 0x80, index as u8, u8::from(!keyframe)];
                let packet = UpPacket {
                    index,
                    timestamp: index as u32 * 3_600,
                    marker: true,
                    codec: Codec::Vp8,
                    descriptor: Descriptor::parse(Codec::Vp8, &body),
                    level: None,
                    bytes,
                    place: 0,
                };
                self.sent.push(packet);
                self.room.ingest(SENDER, &packet, self.now);
                self.room.drain(self.now, |_| {});
                self.input(Input::Timeout);
            }
        }

        fn turn(&mut self, peer: u64) -> Vec<Output> {
            self.input(Input::View {
                peer: PeerId(peer),
                large: Some(TrackId::main(PeerId(99))),
                tiles: &[TrackId::main(PeerId(0))],
            });
            std::mem::take(&mut self.said)
        }

        fn packet(&self, index: u64) -> &UpPacket {
            &self.sent[(index - 500) as usize]
        }
    }

    #[test]
    fn who_turns_to_a_picture_is_told_its_past_and_its_sender_is_not_asked() {
        let mut stage = Stage::new(3);
        stage.film(3, 400);
        stage.turn(1);
        stage.film(20, 400);
        let keyframe = stage
            .sent
            .iter()
            .find(|packet| packet.descriptor.keyframe())
            .unwrap()
            .index;
        let newest = stage.sent.last().unwrap().index;
        let said = stage.turn(2);
        let [Output::CatchUp(of)] = said[..] else {
            panic!("{said:?}");
        };
        assert_eq!((of.seat, of.slot, of.source), (2, 1, SENDER));
        assert_eq!((of.first, of.last), (keyframe, newest));
        let numbers = (of.first..=of.last)
            .map(|index| {
                let packet = *stage.packet(index);
                stage.room.translate(&of, &packet, stage.now).unwrap()
            })
            .collect::<Vec<_>>();
        assert!(numbers.is_sorted_by(|a, b| {
            let step = b.timestamp.wrapping_sub(a.timestamp);
            b.index == a.index + 1 && (1..3_600).contains(&step)
        }));
        // What follows goes on at the source's own pace, and a repetition has the numbers of the first time.
        stage.film(1, 400);
        let live = *stage.sent.last().unwrap();
        let again = stage.room.again(2, 1, SENDER, &live).unwrap();
        assert_eq!(again.timestamp, numbers.last().unwrap().timestamp + 3_600);
        assert_eq!(again.index, numbers.last().unwrap().index + 1);
        let first = *stage.packet(of.first);
        assert_eq!(stage.room.again(2, 1, SENDER, &first), Some(numbers[0]));
    }

    #[test]
    fn a_past_that_is_long_or_broken_or_too_much_for_the_line_is_not_told() {
        let asks = |said: &[Output]| matches!(said, [Output::KeyframeRequest { .. }]);
        // Older than the limit.
        let mut stage = Stage::new(2);
        stage.film(3, 100);
        stage.turn(1);
        stage.film(85, 100);
        assert!(asks(&stage.turn(2)));
        // A packet is missing.
        let mut stage = Stage::new(2);
        stage.film(3, 100);
        stage.turn(1);
        stage.film(10, 100);
        stage.sent.push(*stage.sent.last().unwrap());
        stage.film(20, 100);
        assert!(asks(&stage.turn(2)));
        // Packets between may have been missed, although none is known to be.
        let mut stage = Stage::new(2);
        stage.film(3, 100);
        stage.turn(1);
        stage.film(30, 100);
        stage.input(Input::Missed);
        assert!(asks(&stage.turn(2)));
        // What was muted in between is missing.
        let mut stage = Stage::new(1);
        stage.film(3, 100);
        stage.turn(1);
        stage.film(30, 100);
        for video in [true, false] {
            stage.said.clear();
            let (peer, audio) = (PeerId(0), false);
            stage.input(Input::Muted { peer, audio, video });
        }
        assert!(asks(&stage.said), "{:?}", stage.said);
        // More than a quarter of a second of the line.
        let mut stage = Stage::new(2);
        stage.film(3, 1_000);
        stage.turn(1);
        stage.film(30, 1_000);
        stage.input(Input::Estimate {
            peer: PeerId(2),
            bps: 400_000,
        });
        assert!(asks(&stage.turn(2)));
    }

    #[test]
    fn a_receiver_that_lost_its_picture_begins_again_while_the_sender_rests() {
        let mut stage = Stage::new(1);
        stage.film(3, 400);
        stage.turn(1);
        stage.film(15, 400);
        let lost = Input::KeyframeRequest {
            peer: PeerId(1),
            slot: 1,
        };
        stage.input(lost.clone());
        assert!(
            matches!(stage.said[..], [Output::CatchUp(_)]),
            "{:?}",
            stage.said
        );
        stage.input(lost.clone());
        assert_eq!(stage.said.len(), 1, "it is on its way");
        stage.said.clear();
        stage.film(30, 400);
        stage.input(lost);
        assert!(matches!(stage.said[..], [Output::KeyframeRequest { .. }]));
    }
}

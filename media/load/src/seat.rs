//! One synthetic site: what it sends, and what it has seen and heard.

use std::time::{Duration, Instant};

use nhipcau_media_rtc::client::{Client, Packet};
use nhipcau_sfu::Kind;

use crate::picture::{PacketFacts, Pictures, Shown};
use crate::sound::Sound;
use crate::source::{Camera, Microphone};
use crate::stamp::{Stamp, WallClock};

/// A picture that stands for this long is worth asking for a keyframe.
const STANDING_MAX: Duration = Duration::from_millis(500);
/// Between two requests for one slot, as browsers hold it.
const ASK_PAUSE: Duration = Duration::from_secs(1);
/// The first bytes of a VP8 keyframe after its first: the rest of the tag and the start code (RFC 6386 section 9.1).
const KEYFRAME_HEAD: [u8; 5] = [0x02, 0x00, 0x9d, 0x01, 0x2a];

/// What a site waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The first picture after the click on the link.
    Join,
    /// The sites of another page.
    Page,
    /// The new speaker in the large picture.
    Speaker,
}

/// Kinds of [`Wait`].
pub const WAITS: usize = 3;

/// A picture that a site waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Awaited {
    pub(crate) wait: Wait,
    /// Whose; `None` is anyone's.
    pub(crate) publisher: Option<u16>,
    /// Where; `None` is anywhere.
    pub(crate) slot: Option<usize>,
    pub(crate) since: Instant,
}

impl Awaited {
    /// Whether a picture of `source` in `slot` ends the wait.
    pub(crate) fn is_met(&self, slot: usize, source: Option<(u16, u8)>) -> bool {
        self.slot.is_none_or(|wanted| wanted == slot)
            && self
                .publisher
                .is_none_or(|wanted| source.is_some_and(|(seat, _)| seat == wanted))
    }
}

/// The pictures of one slot with what asks for them.
#[derive(Debug, Default)]
pub(crate) struct VideoSlot {
    pub(crate) pictures: Pictures,
    /// When something came that no picture has come of yet.
    waiting_since: Option<Instant>,
    asked_at: Option<Instant>,
}

/// One site.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    pub(crate) camera: Option<Camera>,
    pub(crate) microphone: Option<Microphone>,
    /// Whether it has not left.
    pub(crate) present: bool,
    pub(crate) connected: bool,
    pub(crate) clicked: Option<Instant>,
    pub(crate) video: Vec<VideoSlot>,
    pub(crate) audio: Vec<Sound>,
    pub(crate) awaited: Vec<Awaited>,
    /// Pictures in the large slot by layer.
    pub(crate) layers: [u64; 3],
    /// Keyframes that were asked of its camera.
    pub(crate) keyframe_requests: u64,
}

impl Seat {
    /// When its camera or microphone has the next packet.
    pub(crate) fn due(&self) -> Option<Instant> {
        let camera = self.camera.as_ref().map(|camera| camera.due);
        let microphone = self.microphone.as_ref().map(|microphone| microphone.due);
        camera.into_iter().chain(microphone).min()
    }

    /// Sends what is due. `body` is space for a packet.
    pub(crate) fn send(
        &mut self,
        number: u16,
        client: &mut Client,
        now: Instant,
        clock: &WallClock,
        body: &mut Vec<u8>,
    ) {
        let sent_us = clock.us(now);
        let requests = client.take_keyframe_requests();
        self.keyframe_requests += requests.iter().sum::<u64>();
        if let Some(camera) = &mut self.camera {
            let mut asked = requests.map(|count| count > 0);
            if camera.due > now {
                camera.ask(asked);
            }
            while camera.due <= now {
                camera.film(std::mem::take(&mut asked), |packet| {
                    body.clear();
                    if packet.keyframe && packet.start {
                        body.extend_from_slice(&KEYFRAME_HEAD);
                        body.extend_from_slice(&packet.size.0.to_le_bytes());
                        body.extend_from_slice(&packet.size.1.to_le_bytes());
                    }
                    let bytes = packet.bytes.max(body.len() + Stamp::BYTES);
                    body.resize(bytes, 0x5a);
                    let stamp = Stamp {
                        seat: number,
                        layer: packet.layer as u8,
                        sent_us,
                    };
                    stamp.write(body);
                    client.send_video(
                        packet.layer,
                        packet.start,
                        packet.keyframe,
                        packet.marker,
                        packet.timestamp,
                        body,
                    );
                });
            }
        }
        if let Some(microphone) = &mut self.microphone {
            while microphone.due <= now {
                let packet = microphone.listen();
                body.clear();
                // Opus, full band, 20 ms, one frame (RFC 6716 section 3.1).
                body.push(0xf8);
                body.resize(packet.bytes.max(1 + Stamp::BYTES), 0x5a);
                let stamp = Stamp {
                    seat: number,
                    layer: 0,
                    sent_us,
                };
                stamp.write(body);
                client.send_audio(packet.level, packet.timestamp, body);
            }
        }
        client.flush();
    }

    /// Takes a media packet. Returns the picture that it completes.
    pub(crate) fn take(
        &mut self,
        packet: &Packet<'_>,
        stamp: Option<Stamp>,
        latency: Option<Duration>,
    ) -> Option<Shown> {
        match packet.kind {
            Kind::Audio => {
                grow(&mut self.audio, packet.slot).take(packet.sequence, latency);
                None
            }
            Kind::Video => {
                let slot = grow(&mut self.video, packet.slot);
                let facts = PacketFacts {
                    sequence: packet.sequence,
                    timestamp: packet.timestamp,
                    start: packet.frame.start,
                    keyframe: packet.frame.keyframe,
                    marker: packet.marker,
                    source: stamp.map(|stamp| (stamp.seat, stamp.layer)),
                };
                let shown = slot.pictures.take(facts, packet.at);
                match shown {
                    Some(_) => slot.waiting_since = None,
                    None => {
                        slot.waiting_since.get_or_insert(packet.at);
                    }
                }
                if packet.slot == 0
                    && let Some((_, layer)) = shown.and_then(|shown| shown.source)
                    && let Some(count) = self.layers.get_mut(usize::from(layer))
                {
                    *count += 1;
                }
                shown
            }
        }
    }

    /// Asks for keyframes where packets come and no picture does.
    pub(crate) fn ask(&mut self, client: &mut Client, now: Instant) {
        for (number, slot) in self.video.iter_mut().enumerate() {
            let stands = slot
                .waiting_since
                .is_some_and(|since| now.saturating_duration_since(since) >= STANDING_MAX);
            let may = slot
                .asked_at
                .is_none_or(|at| now.saturating_duration_since(at) >= ASK_PAUSE);
            if stands && may {
                slot.asked_at = Some(now);
                client.request_keyframe(number);
            }
        }
    }
}

fn grow<T: Default>(slots: &mut Vec<T>, slot: usize) -> &mut T {
    if slots.len() <= slot {
        slots.resize_with(slot + 1, T::default);
    }
    &mut slots[slot]
}

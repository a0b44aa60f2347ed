//! What a load run reports, as JSON and in lines for people.

use std::time::Duration;

use nhipcau_media_rtc::client::{LineCounts, Received};
use serde::Serialize;

use crate::fleet::Tally;
use crate::histogram::Quantiles;
use crate::seat::{Seat, Wait};

/// Waits of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct WaitReport {
    /// How long, those that were given up included.
    #[serde(flatten)]
    pub waited: Quantiles,
    /// Waits that ended without a picture.
    pub unmet: u64,
}

/// Everything that a run has seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Sites that there were.
    pub peers: u64,
    /// Those that had a camera or a microphone.
    pub publishers: u64,
    /// Those that were connected at the end.
    pub connected: u64,
    /// Joins that failed, by what was said.
    pub failures: Vec<String>,
    /// Joins that failed.
    pub failed: u64,
    /// How long the run was.
    pub seconds: f64,
    /// Media packets that the sites sent.
    pub packets_sent: u64,
    /// Media packets that came for the first time.
    pub packets_received: u64,
    /// Bytes of their payload.
    pub bytes_received: u64,
    /// Packets that never came, not even as retransmissions.
    pub packets_lost: u64,
    /// Packets that came as retransmissions.
    pub packets_repaired: u64,
    /// Packets that were not authentic, or came twice.
    pub packets_refused: u64,
    /// Packets that the sites asked for again.
    pub packets_asked_again: u64,
    /// Packets that the server asked the sites for again.
    pub packets_nacked: u64,
    /// What bad lines took: datagrams of the sites and datagrams to them, by chance and by full queues.
    pub line_lost_up: u64,
    /// See `line_lost_up`.
    pub line_lost_down: u64,
    /// See `line_lost_up`.
    pub line_overflowed: u64,
    /// Pictures that a decoder could show, in all slots of all sites.
    pub pictures_shown: u64,
    /// Keyframes among them.
    pub keyframes_shown: u64,
    /// Gaps as browsers count them in `freezeCount`.
    pub freezes: u64,
    /// Their sum.
    pub frozen_seconds: f64,
    /// Sites with a freeze.
    pub peers_frozen: u64,
    /// Pictures in the large slot by layer, lowest first, percent.
    pub large_layers_percent: [f64; 3],
    /// Keyframes that were asked of cameras.
    pub keyframe_requests: u64,
    /// From the click to the keys.
    pub connect: Quantiles,
    /// From the click to the first whole picture.
    pub first_picture: WaitReport,
    /// From turning a page to each of its pictures.
    pub page: WaitReport,
    /// From the first word of another speaker to the large picture.
    pub speaker: WaitReport,
    /// From the camera to the last packet of a whole picture.
    pub picture_latency: Quantiles,
    /// From the microphone to the packet.
    pub sound_latency: Quantiles,
    /// Packets of sound in time.
    pub sound_heard: u64,
    /// Packets of sound that never came, or later than 400 ms.
    pub sound_missing: u64,
    /// The longest time without sound in one slot.
    pub sound_hole_max_ms: f64,
    #[serde(skip)]
    large: [u64; 3],
}

impl Report {
    pub(crate) fn note_tally(&mut self, tally: &Tally) {
        let wait = |wait: Wait| WaitReport {
            waited: tally.waits[wait as usize].quantiles(),
            unmet: tally.unmet[wait as usize],
        };
        self.packets_received = tally.packets;
        self.bytes_received = tally.bytes;
        self.connect = tally.connect.quantiles();
        self.first_picture = wait(Wait::Join);
        self.page = wait(Wait::Page);
        self.speaker = wait(Wait::Speaker);
        self.picture_latency = tally.picture_latency.quantiles();
        self.sound_latency = tally.sound_latency.quantiles();
    }

    pub(crate) fn note_seat(&mut self, seat: &Seat) {
        self.peers += 1;
        self.publishers += u64::from(seat.camera.is_some() || seat.microphone.is_some());
        self.connected += u64::from(seat.connected);
        self.keyframe_requests += seat.keyframe_requests;
        let before = self.freezes;
        for slot in &seat.video {
            self.pictures_shown += slot.pictures.count;
            self.keyframes_shown += slot.pictures.keyframes;
            self.freezes += slot.pictures.freezes;
            self.frozen_seconds += slot.pictures.frozen.as_secs_f64();
        }
        self.peers_frozen += u64::from(self.freezes > before);
        for sound in &seat.audio {
            self.sound_heard += sound.heard;
            self.sound_missing += sound.missing;
            let hole_ms = sound.hole_max().as_secs_f64() * 1_000.0;
            self.sound_hole_max_ms = self.sound_hole_max_ms.max(hole_ms);
        }
        for (sum, count) in self.large.iter_mut().zip(seat.layers) {
            *sum += count;
        }
        let all = self.large.iter().sum::<u64>().max(1) as f64;
        self.large_layers_percent = self
            .large
            .map(|count| (count as f64 / all * 1_000.0).round() / 10.0);
    }

    pub(crate) fn note_received(&mut self, received: &Received, up: LineCounts, down: LineCounts) {
        self.packets_sent += received.sent;
        self.packets_refused += received.refused;
        self.packets_asked_again += received.asked_again;
        self.packets_nacked += received.nacked;
        for slot in received.audio.iter().chain(&received.video) {
            self.packets_lost += slot.missing();
            self.packets_repaired += slot.repaired;
        }
        self.line_lost_up += up.lost;
        self.line_lost_down += down.lost;
        self.line_overflowed += up.overflowed + down.overflowed;
    }

    /// What it was over.
    pub fn note_length(&mut self, length: Duration) {
        self.seconds = (length.as_secs_f64() * 10.0).round() / 10.0;
    }

    /// In lines for people.
    #[must_use]
    pub fn lines(&self) -> String {
        let expected = (self.packets_received + self.packets_lost).max(1) as f64;
        let wait = |name: &str, report: &WaitReport| match report.waited.count {
            0 => String::new(),
            count => format!(
                "{name}: p50 {:.0} ms, p95 {:.0} ms, p99 {:.0} ms, longest {:.0} ms ({count}; {} never)\n",
                report.waited.p50_ms,
                report.waited.p95_ms,
                report.waited.p99_ms,
                report.waited.max_ms,
                report.unmet
            ),
        };
        let mut text = format!(
            "{} of {} peers connected, {} joins failed; {:.0} s\n\
             packets: {} sent, {} received, {} lost ({:.2} %), {} repaired\n\
             pictures: {} shown, {} freezes at {} peers ({:.1} s), {} keyframes asked of cameras\n\
             sound: {} packets missing or late, longest hole {:.0} ms\n",
            self.connected,
            self.peers,
            self.failed,
            self.seconds,
            self.packets_sent,
            self.packets_received,
            self.packets_lost,
            self.packets_lost as f64 / expected * 100.0,
            self.packets_repaired,
            self.pictures_shown,
            self.freezes,
            self.peers_frozen,
            self.frozen_seconds,
            self.keyframe_requests,
            self.sound_missing,
            self.sound_hole_max_ms,
        );
        text += &wait("first picture", &self.first_picture);
        text += &wait("page", &self.page);
        text += &wait("speaker", &self.speaker);
        text += &format!(
            "latency: pictures p50 {:.0} ms, p95 {:.0} ms; sound p50 {:.0} ms, p95 {:.0} ms\n",
            self.picture_latency.p50_ms,
            self.picture_latency.p95_ms,
            self.sound_latency.p50_ms,
            self.sound_latency.p95_ms
        );
        for failure in &self.failures {
            text += &format!("failed: {failure}\n");
        }
        text
    }
}

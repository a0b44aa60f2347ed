//! Writing compound packets into a buffer of the caller.

use std::time::Instant;

use super::{
    NACK, PAYLOAD_FEEDBACK, PICTURE_LOSS, RECEIVER_REPORT, SENDER_REPORT, SOURCE_DESCRIPTION,
    TRANSPORT_CC, TRANSPORT_FEEDBACK,
};
use crate::arrivals::Reception;

/// A reception report block to write (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream that is reported on.
    pub ssrc: u32,
    /// Packets lost since the report before, of 256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning, 24 bits.
    pub lost: u32,
    /// Extended highest sequence number.
    pub highest: u32,
    /// Interarrival jitter in ticks.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report.
    pub last_report: u32,
    /// Time since that report in 1/65,536 s.
    pub delay: u32,
}

impl ReportBlock {
    /// What is said of a stream `now`. `told` is its last sender report: the middle 32 bits of its NTP time, and when it came.
    #[must_use]
    pub fn of(ssrc: u32, reception: Reception, told: Option<(u32, Instant)>, now: Instant) -> Self {
        let (last_report, delay) = told.map_or((0, 0), |(middle, at)| {
            let delay = now.saturating_duration_since(at).as_secs_f64() * 65_536.0;
            (middle, delay as u32)
        });
        Self {
            ssrc,
            fraction_lost: reception.fraction_lost,
            lost: reception.lost,
            highest: reception.highest,
            jitter: reception.jitter,
            last_report,
            delay,
        }
    }
}

/// Appends packets to a buffer. What does not fit is not written, and the call says so.
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl<'a> Writer<'a> {
    /// Writes from the beginning of `buffer`.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// What has been written.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn packet(&mut self, kind: u8, count: u8, body_bytes: usize) -> Option<&mut [u8]> {
        let bytes = 4 + body_bytes;
        let packet = self.buffer.get_mut(self.length..self.length + bytes)?;
        packet[0] = 0x80 | count;
        packet[1] = kind;
        packet[2..4].copy_from_slice(&((body_bytes / 4) as u16).to_be_bytes());
        self.length += bytes;
        Some(&mut packet[4..])
    }

    /// A receiver report from `sender` with at most 31 blocks; returns whether it fitted.
    pub fn receiver_report(&mut self, sender: u32, blocks: &[ReportBlock]) -> bool {
        let blocks = &blocks[..blocks.len().min(31)];
        let Some(body) = self.packet(RECEIVER_REPORT, blocks.len() as u8, 4 + blocks.len() * 24)
        else {
            return false;
        };
        put(body, 0, sender);
        for (block, bytes) in blocks.iter().zip(body[4..].chunks_exact_mut(24)) {
            put(bytes, 0, block.ssrc);
            put(
                bytes,
                4,
                u32::from(block.fraction_lost) << 24 | block.lost & 0xff_ffff,
            );
            put(bytes, 8, block.highest);
            put(bytes, 12, block.jitter);
            put(bytes, 16, block.last_report);
            put(bytes, 20, block.delay);
        }
        true
    }

    /// A sender report of stream `ssrc` without blocks; returns whether it fitted.
    pub fn sender_report(
        &mut self,
        ssrc: u32,
        ntp: u64,
        timestamp: u32,
        packets: u32,
        octets: u32,
    ) -> bool {
        let Some(body) = self.packet(SENDER_REPORT, 0, 24) else {
            return false;
        };
        put(body, 0, ssrc);
        put(body, 4, (ntp >> 32) as u32);
        put(body, 8, ntp as u32);
        put(body, 12, timestamp);
        put(body, 16, packets);
        put(body, 20, octets);
        true
    }

    /// A source description with the CNAME of `ssrc`; returns whether it fitted. Compound packets with reports need one
    /// (RFC 3550 section 6.1).
    pub fn cname(&mut self, ssrc: u32, cname: &[u8]) -> bool {
        let cname = &cname[..cname.len().min(255)];
        let bytes = (4 + 2 + cname.len() + 1).next_multiple_of(4);
        let Some(body) = self.packet(SOURCE_DESCRIPTION, 1, bytes) else {
            return false;
        };
        body.fill(0);
        put(body, 0, ssrc);
        body[4] = 1;
        body[5] = cname.len() as u8;
        body[6..6 + cname.len()].copy_from_slice(cname);
        true
    }

    /// A picture loss indication; returns whether it fitted.
    pub fn picture_loss(&mut self, sender: u32, media: u32) -> bool {
        let Some(body) = self.packet(PAYLOAD_FEEDBACK, PICTURE_LOSS, 8) else {
            return false;
        };
        put(body, 0, sender);
        put(body, 4, media);
        true
    }

    /// A generic NACK for `lost`, which must be in order; returns whether it fitted.
    pub fn nack(&mut self, sender: u32, media: u32, lost: &[u16]) -> bool {
        let pairs = pairs(lost).count();
        if pairs == 0 {
            return true;
        }
        let Some(body) = self.packet(TRANSPORT_FEEDBACK, NACK, 8 + pairs * 4) else {
            return false;
        };
        put(body, 0, sender);
        put(body, 4, media);
        for ((base, mask), bytes) in self::pairs(lost).zip(body[8..].chunks_exact_mut(4)) {
            bytes[..2].copy_from_slice(&base.to_be_bytes());
            bytes[2..].copy_from_slice(&mask.to_be_bytes());
        }
        true
    }

    /// Transport-wide feedback with a body made by [`crate::twcc::Recorder`], a multiple of 4 bytes; returns whether it fitted.
    pub fn transport_feedback(&mut self, sender: u32, media: u32, feedback: &[u8]) -> bool {
        let Some(body) = self.packet(TRANSPORT_FEEDBACK, TRANSPORT_CC, 8 + feedback.len()) else {
            return false;
        };
        put(body, 0, sender);
        put(body, 4, media);
        body[8..].copy_from_slice(feedback);
        true
    }
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

/// Packs sequence numbers into base and mask.
fn pairs(lost: &[u16]) -> impl Iterator<Item = (u16, u16)> {
    let mut rest = lost;
    std::iter::from_fn(move || {
        let (&base, tail) = rest.split_first()?;
        let mut mask = 0;
        let mut used = 0;
        for &sequence in tail {
            let distance = sequence.wrapping_sub(base);
            if distance == 0 || distance > 16 {
                break;
            }
            mask |= 1 << (distance - 1);
            used += 1;
        }
        rest = &tail[used..];
        Some((base, mask))
    })
}

//! Reading compound packets.

use super::{
    APPLICATION, BYE, FULL_INTRA, NACK, PAYLOAD_FEEDBACK, PICTURE_LOSS, RECEIVER_REPORT,
    SENDER_REPORT, TRANSPORT_CC, TRANSPORT_FEEDBACK,
};

/// A reception report block as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The stream that is reported on.
    pub ssrc: u32,
    /// Packets lost since the report before, of 256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; duplicates may have made it negative, which is 0 here.
    pub lost: u32,
    /// Interarrival jitter in ticks of the RTP clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 when none has arrived.
    pub last_report: u32,
    /// Time since that report in 1/65,536 s.
    pub delay: u32,
}

/// One thing that a compound packet says.
#[derive(Clone, Debug)]
pub enum Rtcp<'a> {
    /// A sender's clock.
    SenderReport {
        /// The sending stream.
        ssrc: u32,
        /// 64-bit NTP time.
        ntp: u64,
        /// RTP timestamp of the same moment.
        timestamp: u32,
    },
    /// A reception report block.
    Report(Report),
    /// Lost packets of `media` to send again.
    Nack {
        /// The stream with the losses.
        media: u32,
        /// Their sequence numbers.
        lost: LostIter<'a>,
    },
    /// A receiver needs a keyframe of `media` (PLI or FIR).
    PictureLoss {
        /// The stream that must begin anew.
        media: u32,
    },
    /// Transport-wide congestion control feedback; see [`crate::twcc::Feedback`].
    TransportFeedback(&'a [u8]),
    /// A receiver's estimate of its line.
    Bandwidth {
        /// Bits per second.
        bps: u64,
    },
    /// A stream has ended.
    Bye {
        /// The stream.
        ssrc: u32,
    },
}

/// Sequence numbers of a generic NACK (RFC 4585 section 6.2.1).
#[derive(Clone, Debug)]
pub struct LostIter<'a> {
    pairs: &'a [u8],
    base: u16,
    mask: u32,
}

impl Iterator for LostIter<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        while self.mask == 0 {
            let (pair, rest) = self.pairs.split_at_checked(4)?;
            self.pairs = rest;
            self.base = u16::from_be_bytes([pair[0], pair[1]]);
            // Bit 0 is the base itself, bit n the packet n after it.
            self.mask = u32::from(u16::from_be_bytes([pair[2], pair[3]])) << 1 | 1;
        }
        let offset = self.mask.trailing_zeros();
        self.mask &= self.mask - 1;
        Some(self.base.wrapping_add(offset as u16))
    }
}

/// The packets of a compound; each as packet type, count or format, and body after the common header.
#[derive(Clone, Debug)]
pub struct FeedbackIter<'a>(&'a [u8]);

impl<'a> Iterator for FeedbackIter<'a> {
    type Item = (u8, u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (header, _) = self.0.split_at_checked(4)?;
        if header[0] >> 6 != 2 {
            return None;
        }
        let bytes = (usize::from(u16::from_be_bytes([header[2], header[3]])) + 1) * 4;
        let (packet, rest) = self.0.split_at_checked(bytes)?;
        let mut body = &packet[4..];
        if header[0] & 0x20 != 0 {
            let padding = usize::from(*body.last()?);
            if padding == 0 || padding > body.len() {
                return None;
            }
            body = &body[..body.len() - padding];
        }
        let item = (header[1], header[0] & 0x1f, body);
        self.0 = rest;
        Some(item)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// Reads a compound packet and hands over what the bridge understands. Reading ends at the first length that lies.
pub fn read(compound: &[u8], mut hand: impl FnMut(Rtcp<'_>)) {
    for (kind, count, body) in FeedbackIter(compound) {
        match (kind, count) {
            (SENDER_REPORT, _) => {
                if let (Some(ssrc), Some(high), Some(low), Some(timestamp)) =
                    (word(body, 0), word(body, 4), word(body, 8), word(body, 12))
                    && body.len() >= 24 + usize::from(count) * 24
                {
                    hand(Rtcp::SenderReport {
                        ssrc,
                        ntp: u64::from(high) << 32 | u64::from(low),
                        timestamp,
                    });
                    reports(&body[24..], count, &mut hand);
                }
            }
            (RECEIVER_REPORT, _) if body.len() >= 4 => reports(&body[4..], count, &mut hand),
            (BYE, _) => {
                for ssrc in body
                    .chunks_exact(4)
                    .take(usize::from(count))
                    .filter_map(|ssrc| word(ssrc, 0))
                {
                    hand(Rtcp::Bye { ssrc });
                }
            }
            (TRANSPORT_FEEDBACK, NACK) => {
                if let Some(media) = word(body, 4) {
                    hand(Rtcp::Nack {
                        media,
                        lost: LostIter {
                            pairs: &body[8..],
                            base: 0,
                            mask: 0,
                        },
                    });
                }
            }
            (TRANSPORT_FEEDBACK, TRANSPORT_CC) if body.len() >= 8 => {
                hand(Rtcp::TransportFeedback(&body[8..]))
            }
            (PAYLOAD_FEEDBACK, PICTURE_LOSS) => {
                if let Some(media) = word(body, 4) {
                    hand(Rtcp::PictureLoss { media });
                }
            }
            (PAYLOAD_FEEDBACK, FULL_INTRA) if body.len() >= 8 => {
                for media in body[8..].chunks_exact(8).filter_map(|entry| word(entry, 0)) {
                    hand(Rtcp::PictureLoss { media });
                }
            }
            (PAYLOAD_FEEDBACK, APPLICATION) if body.len() >= 16 && &body[8..12] == b"REMB" => {
                let exponent = body[13] >> 2;
                let mantissa =
                    u64::from(body[13] & 3) << 16 | u64::from(body[14]) << 8 | u64::from(body[15]);
                hand(Rtcp::Bandwidth {
                    // 2^46 bit/s is far above any line; a larger exponent is a lie.
                    bps: mantissa << exponent.min(28),
                });
            }
            _ => {}
        }
    }
}

fn reports(blocks: &[u8], count: u8, hand: &mut impl FnMut(Rtcp<'_>)) {
    for block in blocks.chunks_exact(24).take(usize::from(count)) {
        if let (Some(ssrc), Some(lost), Some(jitter), Some(last_report), Some(delay)) = (
            word(block, 0),
            word(block, 4),
            word(block, 12),
            word(block, 16),
            word(block, 20),
        ) {
            // The lower 24 bits, signed (RFC 3550 section 6.4.1).
            let lost = ((lost << 8) as i32) >> 8;
            hand(Rtcp::Report(Report {
                ssrc,
                fraction_lost: block[4],
                lost: lost.max(0) as u32,
                jitter,
                last_report,
                delay,
            }));
        }
    }
}

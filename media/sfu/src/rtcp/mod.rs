//! RTCP (RFC 3550, 4585, 5104): reading what peers say, writing what the bridge says.

mod read;
mod write;

pub use read::{FeedbackIter, LostIter, Report, Rtcp, read};
pub use write::{ReportBlock, Writer};

/// Packet type of a sender report.
const SENDER_REPORT: u8 = 200;
/// Packet type of a receiver report.
const RECEIVER_REPORT: u8 = 201;
/// Packet type of a source description.
const SOURCE_DESCRIPTION: u8 = 202;
/// Packet type of a goodbye.
const BYE: u8 = 203;
/// Packet type of transport feedback (RFC 4585).
const TRANSPORT_FEEDBACK: u8 = 205;
/// Packet type of payload feedback (RFC 4585).
const PAYLOAD_FEEDBACK: u8 = 206;
/// Format of a generic NACK.
const NACK: u8 = 1;
/// Format of transport-wide congestion control feedback.
const TRANSPORT_CC: u8 = 15;
/// Format of a picture loss indication.
const PICTURE_LOSS: u8 = 1;
/// Format of a full intra request (RFC 5104).
const FULL_INTRA: u8 = 4;
/// Format of application layer feedback, which REMB uses.
const APPLICATION: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let mut buffer = [0; 256];
        let mut writer = Writer::new(&mut buffer);
        let block = ReportBlock {
            ssrc: 5,
            fraction_lost: 9,
            lost: 70_000,
            highest: 0x1_0002,
            jitter: 12,
            last_report: 0xaabb_ccdd,
            delay: 65_536,
        };
        assert!(writer.receiver_report(1, &[block]));
        assert!(writer.picture_loss(1, 77));
        assert!(writer.nack(1, 78, &[65_535, 0, 3, 40]));
        assert!(writer.sender_report(6, 0x0102_0304_0506_0708, 9, 10, 11));
        let mut seen = Vec::new();
        read(writer.written(), |packet| {
            seen.push(match packet {
                Rtcp::Report(report) => format!(
                    "{} {} {} {}",
                    report.ssrc, report.fraction_lost, report.last_report, report.delay
                ),
                Rtcp::PictureLoss { media } => format!("pli {media}"),
                Rtcp::Nack { media, lost } => {
                    format!("nack {media} {:?}", lost.collect::<Vec<_>>())
                }
                Rtcp::SenderReport {
                    ssrc,
                    ntp,
                    timestamp,
                } => format!("sr {ssrc} {ntp:x} {timestamp}"),
                other => format!("{other:?}"),
            });
        });
        assert_eq!(
            seen,
            [
                "5 9 2864434397 65536",
                "pli 77",
                "nack 78 [65535, 0, 3, 40]",
                "sr 6 102030405060708 9"
            ]
        );
    }

    #[test]
    fn a_full_buffer_is_said_and_left_as_it_was() {
        let mut buffer = [0; 13];
        let mut writer = Writer::new(&mut buffer);
        assert!(writer.picture_loss(1, 2));
        assert!(!writer.picture_loss(1, 3));
        assert_eq!(writer.written().len(), 12);
    }

    #[test]
    fn lengths_that_lie_end_the_reading() {
        let mut count = 0;
        for bytes in [
            &[0x80, 201, 0xff, 0xff][..],
            &[0x9f, 200, 0, 1, 0, 0, 0, 1],
            &[0x81, 205, 0, 1, 1, 2, 3, 4],
            &[0x80],
            &[0x8f, 206, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            read(bytes, |_| count += 1);
        }
        assert_eq!(count, 0);
    }
}

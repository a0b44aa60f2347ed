//! RTCP: any compound packet is read to its end, what it says moves estimates within their bounds, and what is written in reply is
//! read back as it was meant.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use nhipcau_sfu::estimate::Estimator;
use nhipcau_sfu::rtcp::{Rtcp, Writer, read};
use nhipcau_sfu::twcc::{Feedback, Recorder};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fuzz_target!(|data: &[u8]| {
    let mut now = *START;
    let mut estimator = Estimator::new(now);
    for sequence in 0..64 {
        estimator.sent(sequence, u64::from(sequence) * 1_000, 1_200);
    }
    let mut said = 0;
    let mut asked = Vec::new();
    read(data, |rtcp| {
        said += 1;
        now += Duration::from_millis(50);
        match rtcp {
            Rtcp::Nack { lost, .. } => asked.extend(lost.take(128)),
            Rtcp::TransportFeedback(body) => {
                if let Some(feedback) = Feedback::parse(body) {
                    assert!(feedback.clone().count() <= usize::from(u16::MAX));
                    estimator.on_feedback(feedback, now);
                }
            }
            Rtcp::Bandwidth { bps } => estimator.on_bandwidth(bps),
            Rtcp::Report(report) => {
                estimator.on_report(f64::from(report.fraction_lost) / 256.0, now);
            }
            _ => {}
        }
    });
    // The shortest thing that can be said are four bytes of a BYE.
    assert!(said <= data.len() / 4);
    assert!((1..=u64::from(u32::MAX)).contains(&estimator.bps()));
    repeated(&asked);
    reported(data, now);
});

/// What is asked for in a NACK of ours is what the other side reads.
fn repeated(asked: &[u16]) {
    let mut lost = asked.to_vec();
    lost.sort_unstable();
    lost.dedup();
    let mut buffer = [0; 1_200];
    let mut writer = Writer::new(&mut buffer);
    if lost.is_empty() || !writer.nack(1, 2, &lost) {
        return;
    }
    let mut heard = Vec::new();
    read(writer.written(), |rtcp| match rtcp {
        Rtcp::Nack { media: 2, lost } => heard.extend(lost),
        other => panic!("{other:?}"),
    });
    assert_eq!(heard, lost);
}

/// Arrivals in any order and at any distance become feedbacks that end, fit a datagram and say when each arrived.
fn reported(data: &[u8], now: Instant) {
    let mut recorder = Recorder::new(now);
    let mut at = now;
    let mut body = Vec::new();
    for step in data.chunks_exact(4).take(300) {
        at += Duration::from_millis(u64::from(u16::from_be_bytes([step[2], step[3]])));
        if recorder.arrived(u16::from_be_bytes([step[0], step[1]]), at) {
            feedback(&mut recorder, &mut body);
        }
    }
    let mut turns = 0;
    while recorder.is_pending() {
        feedback(&mut recorder, &mut body);
        turns += 1;
        assert!(turns <= 300, "a feedback that covers nothing");
    }
}

fn feedback(recorder: &mut Recorder, body: &mut Vec<u8>) {
    recorder.feedback(body);
    assert!(body.len() % 4 == 0 && body.len() < 1_100, "{}", body.len());
    let arrived = Feedback::parse(body)
        .expect("a feedback of ours")
        .filter(|(_, at)| at.is_some())
        .count();
    assert!(arrived > 0);
}

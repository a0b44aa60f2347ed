//! Lossy and broken roads: repair, keyframes, silence and return.

use super::*;

#[test]
fn losses_are_repaired_on_both_sides() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    // On the way to the bridge: it asks, the sender repeats, the viewer misses nothing.
    stage.crowd.client(sender).lose_video(0, 1, &[1, 2, 3]);
    stage.film(sender, 1, "the bridge's request", |stage| {
        stage.crowd.clients()[sender].received().nacked > 0
    });
    let before = stage.pictures(viewer);
    stage.film(sender, 1, "the repaired packet", |stage| {
        stage.pictures(viewer) > before + 30
            && stage.crowd.clients()[viewer].received().video[0].lost() == 0
    });
    // On the way to the viewer: it asks, the bridge answers from the sender's cache, in a stream of its own.
    let (sequence, payload) = stage
        .got
        .iter()
        .rev()
        .find(|got| got.0 == viewer && got.1 == Kind::Video)
        .map(|got| (got.2, got.4.clone()))
        .unwrap();
    stage.crowd.client(viewer).nack(0, &[sequence]);
    stage.until("the retransmission", |stage| {
        stage.crowd.clients()[viewer].received().video[0].repaired == 1
    });
    let again = stage.got.iter().find(|got| got.3).unwrap();
    assert_eq!((again.2, &again.4), (sequence, &payload));
    // What never went out is not invented.
    stage
        .crowd
        .client(viewer)
        .nack(0, &[sequence.wrapping_add(20_000)]);
    stage.film(sender, 1, "more pictures", |stage| {
        stage.pictures(viewer) > before + 100
    });
    assert_eq!(
        stage.crowd.clients()[viewer].received().video[0].repaired,
        1
    );
}

#[test]
fn keyframe_requests_reach_the_sender_once_a_second_at_most() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    stage.beg(sender, &[viewer]);
}

#[test]
fn an_impaired_road_goes_silent_and_comes_back() {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    let cut = Impairment {
        drop: true,
        rate_bps: None,
    };
    stage.bridge.set_impairment(PeerId(1), cut);
    stage.film(sender, 1, "silence", |stage| {
        stage.saw(|event| {
            matches!(
                event,
                BridgeEvent::Silent {
                    peer: PeerId(1),
                    ..
                }
            )
        })
    });
    let before = stage.pictures(viewer);
    stage
        .bridge
        .set_impairment(PeerId(1), Impairment::default());
    stage.film(sender, 1, "recovery", |stage| {
        stage.saw(|event| {
            matches!(
                event,
                BridgeEvent::Recovered {
                    peer: PeerId(1),
                    ..
                }
            )
        })
    });
    stage.film(sender, 1, "pictures afterwards", |stage| {
        stage.pictures(viewer) > before + 50
    });
    let narrow = Impairment {
        drop: false,
        rate_bps: Some(200_000),
    };
    stage.bridge.set_impairment(PeerId(1), narrow);
    let lost = stage.drops(Drop::Impaired);
    stage.film(sender, 1, "a full queue", |stage| {
        stage.drops(Drop::Impaired) > lost + 20
    });
}

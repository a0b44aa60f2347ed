//! The rules of what is shared, of modes and of the fall to sound.

use std::time::Duration;

use super::tests::{Bench, sound};
use super::*;

const SCREEN: (u64, Track, usize) = (0, Track::Slides, 2);
const PAPER: (u64, Track, usize) = (1, Track::Document, 1);

fn cameras(peers: &[u64]) -> Vec<(u64, Track, usize)> {
    peers.iter().map(|peer| (*peer, Track::Main, 3)).collect()
}

fn with(
    mut senders: Vec<(u64, Track, usize)>,
    more: &[(u64, Track, usize)],
) -> Vec<(u64, Track, usize)> {
    senders.extend_from_slice(more);
    senders
}

fn share(bench: &mut Bench, peer: u64, slides: bool, document: bool) {
    bench.input(Input::Shares {
        peer: PeerId(peer),
        slides,
        document,
    });
}

fn estimate(bench: &mut Bench, peer: u64, bps: u64) {
    bench.input(Input::Estimate {
        peer: PeerId(peer),
        bps,
    });
}

fn shown(bench: &Bench, receiver: u32, slot: usize) -> Option<(u32, Track, usize)> {
    bench
        .flowing(receiver, Kind::Video, slot)
        .map(|source| (source.seat(), source.track(), source.layer()))
}

#[test]
fn a_share_that_nobody_allowed_reaches_nobody() {
    let mut bench = Bench::new(2);
    bench.film_of(&with(cameras(&[0]), &[SCREEN]), 1_000);
    assert_eq!(shown(&bench, 1, 0), Some((0, Track::Main, 2)));
    assert!(bench.out.iter().all(|out| out.2.track() == Track::Main));
    assert!(!bench.send_of(0, Track::Slides, Kind::Audio, 0, |index| sound(index, 20)));
}

#[test]
fn a_shared_screen_is_large_and_who_speaks_is_beside_it() {
    let mut bench = Bench::new(4);
    let all = with(cameras(&[0, 1, 2]), &[SCREEN]);
    bench.talk(&[127, 25, 127, 127], 1_000);
    bench.film_of(&all, 1_500);
    assert_eq!(shown(&bench, 3, 0), Some((1, Track::Main, 2)));
    share(&mut bench, 0, true, false);
    bench.film_of(&all, 1_500);
    assert_eq!(
        shown(&bench, 3, 0),
        Some((0, Track::Slides, 1)),
        "at its best"
    );
    assert_eq!(
        shown(&bench, 3, 3),
        Some((1, Track::Main, 0)),
        "the speaker is beside it"
    );
    assert_ne!(
        shown(&bench, 0, 0).map(|shown| shown.1),
        Some(Track::Slides),
        "nobody is shown the own screen"
    );
    bench.input(Input::Spotlight {
        peer: Some(PeerId(2)),
    });
    bench.film_of(&all, 1_500);
    assert_eq!(shown(&bench, 3, 0), Some((0, Track::Slides, 1)));
    assert_eq!(
        shown(&bench, 3, 3),
        Some((2, Track::Main, 0)),
        "the spotlight is"
    );
    share(&mut bench, 0, false, false);
    bench.out.clear();
    bench.film_of(&all, 1_500);
    assert_eq!(shown(&bench, 3, 0), Some((2, Track::Main, 2)));
    assert_eq!(shown(&bench, 3, 3), None);
}

#[test]
fn the_newest_share_is_large_and_any_can_be_pinned() {
    let mut bench = Bench::new(4);
    let all = with(cameras(&[0, 1]), &[SCREEN, PAPER]);
    share(&mut bench, 0, true, false);
    bench.film_of(&all, 1_500);
    share(&mut bench, 1, false, true);
    bench.film_of(&all, 1_500);
    assert_eq!(shown(&bench, 3, 0), Some((1, Track::Document, 0)));
    let screen = TrackId {
        peer: PeerId(0),
        track: Track::Slides,
    };
    bench.input(Input::View {
        peer: PeerId(3),
        large: Some(screen),
        tiles: &[
            TrackId::main(PeerId(0)),
            TrackId {
                peer: PeerId(1),
                track: Track::Document,
            },
        ],
    });
    bench.film_of(&all, 1_500);
    assert_eq!(shown(&bench, 3, 0), Some((0, Track::Slides, 1)));
    let mut tiles = [1, 2, 3]
        .map(|slot| shown(&bench, 3, slot).map(|shown| (shown.0, shown.1)))
        .to_vec();
    tiles.retain(Option::is_some);
    tiles.sort();
    assert_eq!(
        tiles,
        [Some((0, Track::Main)), Some((1, Track::Document))],
        "two tracks of two peers, each by its name"
    );
    let InSlots { video, .. } = bench.room.slots(PeerId(3)).unwrap();
    assert_eq!(video[0], Some(screen));
}

#[test]
fn tiles_make_room_for_who_speaks_beside_a_share() {
    let mut bench = Bench::new(6);
    bench.input(Input::View {
        peer: PeerId(5),
        large: None,
        tiles: &[1, 2, 3].map(|peer| TrackId::main(PeerId(peer))),
    });
    let all = with(cameras(&[0, 1, 2, 3, 4]), &[SCREEN]);
    bench.talk(&[127, 127, 127, 127, 25, 127], 1_000);
    bench.film_of(&all, 1_500);
    assert_eq!(shown(&bench, 5, 0).map(|shown| shown.0), Some(4));
    let tiles = [1, 2, 3].map(|slot| shown(&bench, 5, slot).map(|shown| shown.0));
    assert_eq!(tiles, [Some(1), Some(2), Some(3)]);
    share(&mut bench, 0, true, false);
    estimate(&mut bench, 5, 20_000_000);
    bench.film_of(&all, 1_500);
    assert_eq!(
        shown(&bench, 5, 0).map(|shown| shown.1),
        Some(Track::Slides)
    );
    let tiles = [1, 2, 3].map(|slot| shown(&bench, 5, slot).map(|shown| shown.0));
    assert_eq!(
        tiles,
        [Some(1), Some(2), Some(4)],
        "two stay where they are"
    );
    share(&mut bench, 0, false, false);
    bench.film_of(&all, 2_500);
    let tiles = [1, 2, 3].map(|slot| shown(&bench, 5, slot).map(|shown| shown.0));
    assert_eq!(tiles, [Some(1), Some(2), Some(3)]);
}

#[test]
fn the_sound_of_a_screen_passes_the_limit_of_voices_and_makes_no_speaker() {
    let mut bench = Bench::new(6);
    share(&mut bench, 0, true, false);
    for step in 0..100 {
        bench.talk(&[127, 30, 30, 30, 127, 127], 20);
        bench.send_of(0, Track::Slides, Kind::Audio, 0, |index| sound(index, 5));
        if step == 60 {
            bench.out.clear();
        }
    }
    let heard = bench
        .out
        .iter()
        .filter(|out| out.0 == 5)
        .map(|out| (out.2.seat(), out.2.track()))
        .collect::<std::collections::BTreeSet<_>>();
    // The receiver of this test has as many slots as there are voices: the third voice gives way.
    assert!(heard.contains(&(0, Track::Slides)), "{heard:?}");
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(
        !bench.events.contains(&Event::Speaker(Some(PeerId(0)))),
        "a loud film is no speaker"
    );
    assert!(
        bench
            .out
            .iter()
            .all(|out| out.0 != 0 || out.2.track() == Track::Main),
        "nobody hears the own screen"
    );
}

#[test]
fn the_chair_goes_before_slides_and_slides_before_tiles() {
    let mut bench = Bench::new(5);
    let all = with(cameras(&[0, 1, 2]), &[SCREEN]);
    bench.input(Input::View {
        peer: PeerId(4),
        large: None,
        tiles: &[1, 2].map(|peer| TrackId::main(PeerId(peer))),
    });
    share(&mut bench, 0, true, false);
    bench.film_of(&all, 2_000);
    // 45 kbit/s for each of three voices, 100 kbit/s for each lowest layer.
    estimate(&mut bench, 4, 350_000);
    bench.film_of(&all, 1_500);
    let given = |bench: &mut Bench| {
        bench.out.clear();
        bench.film_of(&all, 200);
        let mut given = bench
            .out
            .iter()
            .filter(|out| out.0 == 4)
            .map(|out| (out.2.seat(), out.2.track()))
            .collect::<Vec<_>>();
        given.sort_unstable();
        given.dedup();
        given
    };
    assert_eq!(
        given(&mut bench),
        [(0, Track::Main), (0, Track::Slides)],
        "slides, and who is beside them"
    );
    let InSlots { withheld, .. } = bench.room.slots(PeerId(4)).unwrap();
    assert_eq!(
        withheld,
        [1, 2].map(|peer| (TrackId::main(PeerId(peer)), Withheld::Estimate)),
        "every picture that is not given has its reason"
    );
    bench.input(Input::Chair {
        peer: Some(PeerId(2)),
    });
    bench.film_of(&all, 1_500);
    assert_eq!(
        given(&mut bench),
        [(0, Track::Slides), (2, Track::Main)],
        "the chair first"
    );
}

#[test]
fn a_site_takes_as_much_picture_as_its_mode_says() {
    let mut bench = Bench::new(4);
    let all = cameras(&[0, 1, 2]);
    bench.input(Input::View {
        peer: PeerId(3),
        large: Some(TrackId::main(PeerId(0))),
        tiles: &[1, 2].map(|peer| TrackId::main(PeerId(peer))),
    });
    let mut pictures = |mode| {
        bench.input(Input::Mode {
            peer: PeerId(3),
            mode,
        });
        bench.film_of(&all, 1_500);
        bench.out.clear();
        bench.talk(&[20, 127, 127, 127], 200);
        bench.film_of(&all, 200);
        assert!(bench.flowing(3, Kind::Audio, 0).is_some(), "sound always");
        let InSlots { withheld, .. } = bench.room.slots(PeerId(3)).unwrap();
        assert!(withheld.iter().all(|(_, why)| *why == Withheld::Mode));
        let flowing = (0..4)
            .filter_map(|slot| shown(&bench, 3, slot))
            .map(|shown| shown.2)
            .collect::<Vec<_>>();
        (flowing, withheld.len())
    };
    assert_eq!(pictures(Mode::Normal), (vec![2, 0, 0], 0));
    assert_eq!(pictures(Mode::Light), (vec![0], 2));
    assert_eq!(pictures(Mode::SoundOnly), (vec![], 3));
    assert_eq!(pictures(Mode::Normal), (vec![2, 0, 0], 0));
}

#[test]
fn a_line_too_narrow_for_any_picture_gets_sound_and_a_word_and_comes_back_by_itself() {
    let mut bench = Bench::new(2);
    let all = cameras(&[0]);
    bench.film_of(&all, 2_000);
    estimate(&mut bench, 1, 90_000);
    bench.film_of(&all, 1_000);
    assert_eq!(
        shown(&bench, 1, 0),
        Some((0, Track::Main, 0)),
        "not at once"
    );
    bench.film_of(&all, 2_000);
    let told = |bench: &Bench, on| {
        bench.events.iter().any(|event| {
            matches!(event, Event::SoundOnly { peer: PeerId(1), on: now, .. } if *now == on)
        })
    };
    assert!(told(&bench, true) && !told(&bench, false));
    bench.out.clear();
    bench.talk(&[20, 127], 500);
    bench.film_of(&all, 500);
    assert!(bench.flowing(1, Kind::Audio, 0).is_some());
    assert_eq!(shown(&bench, 1, 0), None);
    let InSlots { withheld, .. } = bench.room.slots(PeerId(1)).unwrap();
    assert_eq!(withheld, [(TrackId::main(PeerId(0)), Withheld::Fallen)]);
    estimate(&mut bench, 1, 2_000_000);
    bench.film_of(&all, 6_000);
    assert!(told(&bench, false));
    assert!(shown(&bench, 1, 0).is_some());
    // Somebody who takes sound only by choice has not fallen.
    bench.input(Input::Mode {
        peer: PeerId(1),
        mode: Mode::SoundOnly,
    });
    bench.events.clear();
    estimate(&mut bench, 1, 70_000);
    bench.now += Duration::from_secs(1);
    bench.film_of(&all, 6_000);
    assert!(!told(&bench, true));
}

#[test]
fn the_recording_shows_what_is_shared() {
    let mut bench = Bench::new(2);
    let all = with(cameras(&[0, 1]), &[SCREEN]);
    bench.input(Input::Tap { port: Some(77) });
    bench.talk(&[127, 25], 800);
    bench.film_of(&all, 1_500);
    assert_eq!(shown(&bench, 77, 0), Some((1, Track::Main, 2)));
    share(&mut bench, 0, true, false);
    bench.film_of(&all, 1_500);
    bench.send_of(0, Track::Slides, Kind::Audio, 0, |index| sound(index, 20));
    bench.send_of(0, Track::Slides, Kind::Audio, 0, |index| sound(index, 20));
    assert_eq!(shown(&bench, 77, 0), Some((0, Track::Slides, 1)));
    assert!((0..4).any(|slot| {
        bench
            .flowing(77, Kind::Audio, slot)
            .is_some_and(|source| source.track() == Track::Slides)
    }));
}

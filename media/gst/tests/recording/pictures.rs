//! What stands in the file: whoever speaks, in whatever codec, and what is said of pictures that nobody can decode.

use std::fs;

use nhipcau_media_gst::control::{Hidden, Undecoded, WarningCode};
use nhipcau_media_gst::tap::{Codec, Kind, write_datagram};

use crate::program::{PLUGINS, with_plugins};
use crate::source::{self, play, tone, video, video_in};
use crate::{CHILD, Running, judge};

#[test]
fn the_speaker_is_seen_and_every_voice_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut timeline = Vec::new();
    timeline.extend(video(1, "red", (640, 360), 1.0, 3.0));
    timeline.extend(tone(7, 440, 0.5, 6.0));
    timeline.extend(tone(8, 1200, 2.0, 4.5));
    // One voice arrives in pairs swapped by the network.
    source::swap_pairs(&mut timeline, 7);
    play(&running.tap, timeline);
    running.shows(1, Codec::Vp8);
    play(&running.tap, video(2, "blue", (480, 480), 0.0, 3.0));
    running.shows(2, Codec::Vp8);
    running.recorder.stop();
    let (bytes, seconds) = running.finished();
    let file = running.file();
    assert_eq!(fs::metadata(&file).unwrap().len(), bytes);
    let probe = judge::probe(&file);
    assert_eq!(probe.codecs, ["h264", "opus"]);
    assert_eq!(probe.size, (1280, 720));
    assert!(
        (probe.seconds.expect("a duration") - seconds).abs() < 0.5,
        "{probe:?} {seconds}"
    );

    let frames = judge::frames(&file);
    let seen: Vec<judge::Colour> = frames.iter().map(|frame| frame.centre()).collect();
    assert_eq!(seen[0], judge::Colour::Dark, "{seen:?}");
    assert_eq!(
        judge::pictures(&seen),
        [judge::Colour::Red, judge::Colour::Blue],
        "{seen:?}"
    );
    let last = |wanted| {
        let place = seen.iter().rposition(|colour| *colour == wanted).unwrap();
        &frames[place]
    };
    let red = last(judge::Colour::Red);
    assert_eq!(
        red.at(20, 180),
        judge::Colour::Red,
        "16:9 fills the picture"
    );
    let blue = last(judge::Colour::Blue);
    assert_eq!(
        blue.at(20, 180),
        judge::Colour::Dark,
        "a square picture has bars beside it"
    );
    assert_eq!(blue.at(320, 10), judge::Colour::Blue, "and none above it");
    assert!(
        judge::has_text(&frames[0]),
        "the title card carries the title"
    );

    let sound = judge::sound(&file);
    let (low, high) = (
        judge::loudness(&sound, 440.0),
        judge::loudness(&sound, 1200.0),
    );
    let silence = judge::loudness(&sound, 800.0);
    assert!(
        low > 20.0 * silence && high > 20.0 * silence,
        "440: {low}, 1200: {high}, 800: {silence}"
    );
}

#[test]
fn every_codec_is_seen_whoever_speaks_and_whatever_a_speaker_changes_to() {
    use judge::Colour::{Blue, Red};
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut before = Vec::new();
    // One speaker after another, and the last one's shared screen in another codec than the camera.
    for (codec, source, colour) in [
        (Codec::H264, 1, "red"),
        (Codec::Vp9, 2, "blue"),
        (Codec::Av1, 3, "red"),
        (Codec::Vp8, 4, "blue"),
        (Codec::H264, 4, "red"),
    ] {
        let mut pictures = video_in(codec, source, colour, (640, 360), 0.0, 2.0);
        if source == 4 && codec == Codec::H264 {
            source::continue_numbers(&before, &mut pictures);
        }
        before.clone_from(&pictures);
        play(&running.tap, pictures);
        running.shows(source, codec);
    }
    running.recorder.stop();
    running.finished();
    let frames = judge::frames(&running.file());
    let seen: Vec<judge::Colour> = frames.iter().map(judge::Frame::centre).collect();
    assert_eq!(
        judge::pictures(&seen),
        [Red, Blue, Red, Blue, Red],
        "{seen:?}"
    );
    assert_eq!(running.hidden, [], "nothing was hidden");
    let refused = [WarningCode::MalformedPacket, WarningCode::DecoderReplaced];
    assert!(
        !running.warnings.iter().any(|code| refused.contains(code)),
        "{:?}",
        running.warnings
    );
}

#[test]
fn a_colour_is_the_same_whatever_size_it_comes_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    // Small pictures are made by BT.601 and large ones by BT.709, where nobody says otherwise.
    for (source, size) in [(1, (640, 360)), (2, (1280, 720))] {
        let green = "solid-color foreground-color=0xff14a028";
        play(&running.tap, video(source, green, size, 0.0, 2.0));
        running.shows(source, Codec::Vp8);
    }
    running.recorder.stop();
    running.finished();
    assert_eq!(judge::probe(&running.file()).matrix, "bt709");
    let seen = judge::frames(&running.file());
    let mut greens: Vec<[u8; 3]> = seen.iter().map(|frame| frame.pixel(320, 270)).collect();
    greens.retain(|[_, green, _]| *green > 90);
    greens.dedup();
    let near = |pixel: &[u8; 3]| {
        let parts = pixel.iter().zip([20, 160, 40]);
        parts
            .into_iter()
            .all(|(part, wanted)| part.abs_diff(wanted) < 15)
    };
    assert!(!greens.is_empty() && greens.iter().all(near), "{greens:?}");
}

#[test]
fn a_codec_without_its_decoder_is_told_and_the_card_says_so() {
    use judge::Colour::{Blue, Dark};
    let folder = tempfile::tempdir().unwrap();
    let program = with_plugins(folder.path(), PLUGINS);
    let mut running = Running::start(folder.path(), &program).started();
    play(
        &running.tap,
        video_in(Codec::H264, 1, "red", (640, 360), 0.0, 2.0),
    );
    running.until(|running| !running.hidden.is_empty());
    play(&running.tap, video(2, "blue", (640, 360), 0.0, 2.0));
    running.shows(2, Codec::Vp8);
    running.recorder.stop();
    running.finished();
    let missing = Hidden {
        source: 1,
        codec: Codec::H264,
        why: Undecoded::NoDecoder,
    };
    assert_eq!(running.hidden, [Some(missing), None]);
    assert!(
        running.keyframes_wanted.is_empty(),
        "no keyframe helps, so none is asked for: {:?}",
        running.keyframes_wanted
    );
    let frames = judge::frames(&running.file());
    let seen: Vec<judge::Colour> = frames.iter().map(judge::Frame::centre).collect();
    assert_eq!(judge::pictures(&seen), [Blue], "{seen:?}");
    let bright: Vec<usize> = frames
        .iter()
        .zip(&seen)
        .filter(|(_, colour)| **colour == Dark)
        .map(|(frame, _)| judge::bright(frame))
        .collect();
    let (first, most) = (bright[0], *bright.iter().max().unwrap());
    assert!(
        most > first + first / 4,
        "the card says more than its title: {bright:?}"
    );
}

#[test]
fn a_picture_that_no_decoder_takes_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut timeline = video_in(Codec::Av1, 1, "red", (640, 360), 0.0, 7.0);
    source::spoil(&mut timeline);
    play(&running.tap, timeline);
    running.until(|running| !running.hidden.is_empty());
    running.recorder.stop();
    running.finished();
    let undecodable = Hidden {
        source: 1,
        codec: Codec::Av1,
        why: Undecoded::NoPicture,
    };
    assert_eq!(
        running.hidden,
        [Some(undecodable)],
        "{:?}",
        running.warnings
    );
}

#[test]
fn garbage_is_counted_and_survived() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut timeline = source::garbage();
    timeline.extend(source::corpus());
    timeline.extend(video(3, "red", (640, 360), 2.5, 2.0));
    timeline.extend(tone(7, 440, 2.5, 2.0));
    play(&running.tap, timeline);
    running.shows(3, Codec::Vp8);
    running.recorder.stop();
    running.finished();
    assert!(
        running.warnings.contains(&WarningCode::MalformedPacket),
        "{:?}",
        running.warnings
    );
    assert!(
        judge::frames(&running.file())
            .iter()
            .any(|frame| frame.centre() == judge::Colour::Red),
        "and then a real picture"
    );
    assert!(
        judge::loudness(&judge::sound(&running.file()), 440.0) > 100.0,
        "and a real voice"
    );
}

#[test]
fn a_lost_packet_freezes_the_picture_and_asks_for_a_keyframe() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), CHILD.as_ref()).started();
    let mut timeline = video(5, "red", (640, 360), 0.0, 2.0);
    timeline.remove(20);
    let mut out = Vec::new();
    write_datagram(Kind::Speaker, 5, &[], &mut out);
    running.tap.send(&out).unwrap();
    play(&running.tap, timeline);
    running.shows(5, Codec::Vp8);
    running.until(|running| running.keyframes_wanted.len() >= 2);
    // Nobody's camera is on any more.
    write_datagram(Kind::Speaker, 0, &[], &mut out);
    running.tap.send(&out).unwrap();
    running.progress();
    running.progress();
    running.recorder.stop();
    running.finished();
    // Once when named without a picture yet, at least once more for the loss.
    assert!(
        running.keyframes_wanted.len() >= 2,
        "{:?}",
        running.keyframes_wanted
    );
    assert!(running.keyframes_wanted.iter().all(|source| *source == 5));
    let frames = judge::frames(&running.file());
    let seen: Vec<judge::Colour> = frames.iter().map(|frame| frame.centre()).collect();
    assert_eq!(
        judge::runs(&seen).last(),
        Some(&judge::Colour::Dark),
        "{seen:?}"
    );
    assert!(seen.contains(&judge::Colour::Red), "{seen:?}");
}

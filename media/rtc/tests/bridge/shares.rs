//! What is shared, through the real packet path: a screen with its sound, a document camera, and who is seen beside them.

use nhipcau_media_rtc::{Mode, Track, Withheld};

use super::codecs::Arrived;
use super::*;

/// The last of a viewer's slots.
const BESIDE: usize = 11;

/// Who speaks, who shares, and who looks on.
struct Members {
    speaker: usize,
    sharer: usize,
    viewers: [usize; 2],
}

/// Who sends, of which track: the first byte of what it sends.
const fn mark(number: usize, track: Track) -> u8 {
    number as u8 | (track as u8) << 6
}

fn is_of(arrived: &Arrived, number: usize, track: Track) -> bool {
    let place = match arrived.kind {
        Kind::Audio => 0,
        // Behind the descriptor.
        Kind::Video => 5,
    };
    arrived.payload.get(place) == Some(&mark(number, track))
}

impl Stage {
    /// Four members on the threads of the bridge.
    fn gathering(&mut self) -> Members {
        Members {
            speaker: self.join(publisher(1)),
            sharer: self.join(ClientOptions {
                slides: 2,
                document: 1,
                ..publisher(1)
            }),
            viewers: [
                self.join(ClientOptions::default()),
                self.join(ClientOptions::default()),
            ],
        }
    }

    /// A picture of every track of both senders and a packet of sound; the speaker is loud, the screen is louder.
    fn act(&mut self, members: &Members) {
        self.clock += 1;
        let clock = self.clock;
        for (number, track, layers, level) in [
            (members.speaker, Track::Main, 1, Some(20)),
            (members.sharer, Track::Main, 1, Some(127)),
            (members.sharer, Track::Slides, 2, Some(5)),
            (members.sharer, Track::Document, 1, None),
        ] {
            let client = self.crowd.client(number);
            let asked = client.take_keyframe_requests_of(track);
            for (layer, asked) in asked.iter().enumerate().take(layers) {
                for part in 0..2 {
                    let mut body = vec![mark(number, track), layer as u8, part];
                    body.extend_from_slice(&clock.to_be_bytes());
                    body.resize(200, 0x5a);
                    let (start, marker) = (part == 0, part == 1);
                    let time = clock * 3_000;
                    client.send_video_of((track, layer), start, *asked > 0, marker, time, &body);
                }
            }
            if let Some(level) = level {
                client.send_audio_of(track, level, clock * 960, &[mark(number, track), 0xaa]);
            }
            client.flush();
        }
        self.poll();
        std::thread::sleep(Duration::from_millis(3));
    }

    /// Goes on from nothing seen until `done`.
    fn act_until(&mut self, members: &Members, what: &str, done: impl Fn(&Self) -> bool) {
        self.arrived.clear();
        self.until(what, |stage| {
            stage.act(members);
            // What is looked for is in the latest.
            if stage.arrived.len() > 10_000 {
                stage.arrived.drain(..5_000);
            }
            done(stage)
        });
    }

    /// Packets of a track that a client got in a slot of late.
    fn seen_in(&self, client: usize, slot: usize, number: usize, track: Track) -> usize {
        self.arrived
            .iter()
            .filter(|arrived| {
                arrived.client == client
                    && arrived.kind == Kind::Video
                    && arrived.slot == slot
                    && is_of(arrived, number, track)
            })
            .count()
    }

    /// Whether a client got sound or picture of a track of late, in any slot.
    fn got_any(&self, client: usize, kind: Kind, number: usize, track: Track) -> bool {
        self.arrived.iter().any(|arrived| {
            arrived.client == client && arrived.kind == kind && is_of(arrived, number, track)
        })
    }

    /// The latest word about what a client is shown: large, beside it, and what it does not get.
    fn told(&self, client: usize) -> (Option<TrackId>, Option<TrackId>, Vec<(TrackId, Withheld)>) {
        let latest = self.seen.iter().rev().find_map(|event| match event {
            BridgeEvent::Slots {
                peer,
                video,
                withheld,
                ..
            } if *peer == PeerId(client as u64) => {
                let shown = |slot: usize| {
                    let slot = video.get(slot)?.as_ref()?;
                    Some(slot.shown)
                };
                Some((shown(0), shown(BESIDE), withheld.clone()))
            }
            _ => None,
        });
        latest.unwrap_or_default()
    }
}

const fn track_of(number: usize, track: Track) -> TrackId {
    TrackId {
        peer: PeerId(number as u64),
        track,
    }
}

#[test]
fn a_shared_screen_reaches_every_viewer_beside_the_speaker_and_ends() {
    let mut stage = Stage::new(Protection::Gcm);
    let members = stage.gathering();
    let (speaker, sharer) = (members.speaker, members.sharer);
    let camera = track_of(speaker, Track::Main);
    let shared = [Track::Slides, Track::Document];
    let everyone = [speaker, members.viewers[0], members.viewers[1]];
    let untold = |stage: &Stage| {
        everyone.iter().all(|client| {
            shared.iter().all(|track| {
                !stage.got_any(*client, Kind::Video, sharer, *track)
                    && !stage.got_any(*client, Kind::Audio, sharer, *track)
            })
        })
    };
    let speaker_is_large = |stage: &Stage| {
        members.viewers.iter().all(|viewer| {
            stage.seen_in(*viewer, 0, speaker, Track::Main) > 60
                && stage.told(*viewer).0 == Some(camera)
        })
    };
    stage.act_until(&members, "the speaker", speaker_is_large);
    assert!(untold(&stage), "what nobody allowed reaches nobody");

    stage.bridge.set_shares(PeerId(sharer as u64), true, false);
    let screen = track_of(sharer, Track::Slides);
    stage.act_until(&members, "the screen, its sound, the speaker", |stage| {
        everyone.iter().all(|client| {
            let beside = *client == speaker || {
                stage.seen_in(*client, BESIDE, speaker, Track::Main) > 60
                    && stage.told(*client).1 == Some(camera)
            };
            beside
                && stage.seen_in(*client, 0, sharer, Track::Slides) > 60
                && stage.got_any(*client, Kind::Audio, sharer, Track::Slides)
                && stage.told(*client).0 == Some(screen)
        })
    });
    for viewer in members.viewers {
        let first = stage.got.iter().find(|got| {
            got.0 == viewer && got.1 == Kind::Video && got.4[5] == mark(sharer, Track::Slides)
        });
        assert_eq!(first.unwrap().4[4] & 1, 0, "it begins with a keyframe");
        assert!(stage.got_any(viewer, Kind::Audio, speaker, Track::Main));
    }
    assert!(
        !stage.got_any(sharer, Kind::Video, sharer, Track::Slides)
            && !stage.got_any(sharer, Kind::Audio, sharer, Track::Slides),
        "nobody gets the own screen"
    );
    assert!(
        !stage.seen.contains(&BridgeEvent::Speaker {
            room: ROOM,
            peer: Some(PeerId(sharer as u64))
        }),
        "a loud screen is no speaker"
    );

    stage.bridge.set_shares(PeerId(sharer as u64), false, true);
    let paper = track_of(sharer, Track::Document);
    stage.act_until(&members, "the document camera", |stage| {
        everyone.iter().all(|client| {
            stage.seen_in(*client, 0, sharer, Track::Document) > 60
                && stage.told(*client).0 == Some(paper)
        })
    });

    stage.bridge.set_shares(PeerId(sharer as u64), false, false);
    stage.act_until(&members, "the speaker again", speaker_is_large);
    stage.act_until(&members, "the speaker goes on", speaker_is_large);
    assert!(untold(&stage), "what is over reaches nobody");
    for client in everyone {
        assert_eq!(stage.crowd.clients()[client].received().refused, 0);
    }
}

/// Where there is one picture only: the chair before what is shared, and that before who speaks beside it.
#[test]
fn what_is_shared_goes_before_the_speaker_and_after_the_chair() {
    let mut stage = Stage::new(Protection::Gcm);
    let members = stage.gathering();
    let (speaker, sharer, viewer) = (members.speaker, members.sharer, members.viewers[0]);
    let camera = track_of(speaker, Track::Main);
    let screen = track_of(sharer, Track::Slides);
    stage.bridge.set_mode(PeerId(viewer as u64), Mode::Light);
    stage.act_until(&members, "the speaker", |stage| {
        stage.seen_in(viewer, 0, speaker, Track::Main) > 30
    });
    stage.bridge.set_shares(PeerId(sharer as u64), true, false);
    let only_screen = |stage: &Stage| {
        stage.told(viewer) == (Some(screen), None, vec![(camera, Withheld::Mode)])
            && stage.seen_in(viewer, 0, sharer, Track::Slides) > 60
    };
    stage.act_until(&members, "the screen alone", only_screen);
    stage.act_until(&members, "the screen goes on", only_screen);
    assert!(!stage.got_any(viewer, Kind::Video, speaker, Track::Main));
    assert!(stage.got_any(viewer, Kind::Audio, speaker, Track::Main));
    assert!(stage.got_any(viewer, Kind::Audio, sharer, Track::Slides));

    stage.bridge.set_chair(ROOM, Some(PeerId(speaker as u64)));
    let only_chair = |stage: &Stage| {
        stage.told(viewer) == (None, Some(camera), vec![(screen, Withheld::Mode)])
            && stage.seen_in(viewer, BESIDE, speaker, Track::Main) > 60
    };
    stage.act_until(&members, "the chair alone", only_chair);
    stage.act_until(&members, "the chair goes on", only_chair);
    assert!(!stage.got_any(viewer, Kind::Video, sharer, Track::Slides));
    let other = members.viewers[1];
    stage.act_until(&members, "both, where the line carries both", |stage| {
        stage.got_any(other, Kind::Video, sharer, Track::Slides)
            && stage.got_any(other, Kind::Video, speaker, Track::Main)
    });

    stage.bridge.set_chair(ROOM, None);
    stage.act_until(&members, "the screen again", only_screen);
}

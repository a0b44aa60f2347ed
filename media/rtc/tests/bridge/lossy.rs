//! A conference over bad roads, through the proxy that stands between real sockets.

use std::collections::BTreeMap;

use nhipcau_media_rtc::client::{LineOptions, Road};

use super::*;

/// Pictures of the sender a second, and as many packets of sound.
const PICTURES: u32 = 25;

impl Stage {
    /// A client whose way to the bridge is the road.
    fn join_over(&mut self, road: &Road, options: ClientOptions) -> usize {
        let number = self
            .crowd
            .add(Client::new(options, Instant::now()).unwrap());
        let answer = self
            .bridge
            .join(ROOM, PeerId(number as u64), &self.crowd.offer(number))
            .unwrap();
        let bridge = self.bridge.local_addrs()[0].port().to_string();
        let sdp = answer
            .sdp
            .replace(&format!(" {bridge} "), &format!(" {} ", road.addr().port()));
        self.crowd.client(number).accept(&sdp).unwrap();
        self.until("connection over the road", |stage| {
            stage.crowd.clients()[number].is_connected()
        });
        number
    }

    /// Films in real time: pictures of three packets, and sound. As a browser does, the viewer asks for a keyframe when its picture stands.
    fn film_slowly(&mut self, number: usize, viewer: usize, pictures: u32) {
        let mut next = Instant::now();
        let mut missing = 0;
        for picture in 0..pictures {
            self.frame(number, 1);
            if picture % (PICTURES / 2) == 0 {
                let now = self.crowd.clients()[viewer].received().video[0].missing();
                if now > missing {
                    self.crowd.client(viewer).request_keyframe(0);
                }
                missing = now;
            }
            next += Duration::from_secs(1) / PICTURES;
            while Instant::now() < next {
                self.poll();
            }
        }
    }
}

/// What a viewer could have shown of the pictures with these clocks, and the longest run of sound that it misses.
fn shown(stage: &Stage, viewer: usize, clocks: std::ops::Range<u32>) -> (u32, u32) {
    let mut pictures = BTreeMap::<u32, (u8, bool)>::new();
    let mut sounds = std::collections::BTreeSet::new();
    for got in stage.got.iter().filter(|got| got.0 == viewer) {
        match got.1 {
            Kind::Video => {
                // Descriptor of 5 bytes, then the body: number, layer, part, clock.
                let [.., part] = got.4[5..8] else { continue };
                let clock = u32::from_be_bytes(got.4[8..12].try_into().unwrap());
                let picture = pictures.entry(clock).or_default();
                picture.0 |= 1 << part;
                picture.1 |= part == 0 && got.4[4] & 1 == 0;
            }
            Kind::Audio => {
                sounds.insert(u64::from(got.2));
            }
        }
    }
    let (mut decodable, mut alive) = (0, true);
    for clock in clocks {
        let (parts, keyframe) = pictures.get(&clock).copied().unwrap_or_default();
        alive = parts == 0b111 && (alive || keyframe);
        decodable += u32::from(alive);
    }
    let numbers = sounds.into_iter().collect::<Vec<_>>();
    let longest = numbers
        .windows(2)
        .map(|pair| pair[1] - pair[0] - 1)
        .filter(|gap| *gap < 1_000)
        .max();
    (decodable, longest.unwrap_or(u64::MAX) as u32)
}

/// A call over a road that is good so far: the sender, and a viewer that asks for what it misses.
fn call() -> (Stage, Road, usize, usize) {
    let mut stage = Stage::new(Protection::Gcm);
    let bridge = stage.bridge.local_addrs()[0];
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let road = Road::start(any, bridge, LineOptions::default()).unwrap();
    let sender = stage.join_over(&road, publisher(1));
    let viewer = stage.join_over(
        &road,
        ClientOptions {
            repair: true,
            ..ClientOptions::default()
        },
    );
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 50);
    (stage, road, sender, viewer)
}

#[test]
fn ten_percent_loss_and_jitter_leave_sound_and_a_moving_picture() {
    let bad = LineOptions {
        loss: 0.1,
        delay: Duration::from_millis(50),
        jitter: Duration::from_millis(30),
        seed: 11,
        ..LineOptions::default()
    };
    let (mut stage, road, sender, viewer) = call();
    // In mid-call the road turns bad, for the sender's packets and then again for the viewer's.
    road.change(bad);
    let from = stage.clock + 1;
    stage.film_slowly(sender, viewer, PICTURES * 12);
    let to = stage.clock;
    stage.film_slowly(sender, viewer, PICTURES);
    let [up, down] = road.counts();
    assert!(up.lost > 50 && down.lost > 50, "{up:?} {down:?}");
    let (pictures, silence) = shown(&stage, viewer, from..to);
    assert!(
        pictures >= (to - from) * 12 / PICTURES,
        "{pictures} of {} pictures; {up:?} {down:?}",
        to - from
    );
    // 20 ms a packet: five are 100 ms.
    say(&format!(
        "{pictures} of {} pictures, {silence} packets of sound in a row missing",
        to - from
    ));
    assert!(silence <= 5, "{silence} packets of sound in a row");
}

#[test]
fn runs_of_loss_reordering_and_repetition_end_with_the_road() {
    let (mut stage, road, sender, viewer) = call();
    road.change(LineOptions {
        loss: 0.08,
        burst: 4.0,
        duplicate: 0.05,
        reorder: 0.1,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(10),
        rate_bps: Some(2_000_000),
        seed: 3,
    });
    stage.film_slowly(sender, viewer, PICTURES * 4);
    road.change(LineOptions::default());
    stage.film_slowly(sender, viewer, PICTURES);
    let from = stage.clock + 1;
    stage.film_slowly(sender, viewer, PICTURES * 2);
    let to = stage.clock - 2;
    let counts = road.counts();
    assert!(
        counts
            .iter()
            .all(|way| way.duplicated > 5 && way.overtook > 5)
    );
    let (pictures, _) = shown(&stage, viewer, from..to);
    assert_eq!(pictures, to - from, "every picture of a good road");
    assert!(stage.seen.iter().all(|event| !matches!(
        event,
        BridgeEvent::Gone { .. } | BridgeEvent::RoomPanicked { .. }
    )));
}

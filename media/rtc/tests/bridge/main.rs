//! The bridge with real peers over loopback: calls, hostile datagrams, losses, restarts.
//!
//! Built twice: here every peer of a room sits on another thread than the one before; in `bridge_alone` there is one thread.

mod calls;
mod codecs;
mod foreign;
mod hostile;
mod lossy;
mod roads;
mod shaped;
mod shares;
mod streams;
mod threads;

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use nhipcau_media_rtc::client::{Client, ClientIdentity, ClientOptions, Crowd, Protection};
use nhipcau_media_rtc::{
    Bridge, BridgeConfig, BridgeError, BridgeEvent, Drop, Flow, GoneReason, Impairment, JoinError,
    PeerId, RoomId, TrackId, tap,
};
use nhipcau_sfu::Kind;

/// Whether this is the binary with one packet thread.
const ALONE: bool = matches!(env!("CARGO_CRATE_NAME").as_bytes(), b"bridge_alone");
const ROOM: RoomId = RoomId(7);
/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bridge with peers; peer n is client n of the crowd.
struct Stage {
    bridge: Bridge,
    events: Receiver<BridgeEvent>,
    seen: Vec<BridgeEvent>,
    crowd: Crowd,
    clock: u32,
    /// Payload bodies by client, kind and sequence number.
    got: Vec<(usize, Kind, u16, bool, Vec<u8>)>,
    /// The same with what tests of codecs look at.
    arrived: Vec<codecs::Arrived>,
}

fn config() -> BridgeConfig {
    BridgeConfig {
        bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        threads: if ALONE { 1 } else { 3 },
        spread_at: 1,
        impairments: true,
        ..BridgeConfig::default()
    }
}

/// Three packet threads and a peer of the room on each: most datagrams come to a socket of another thread than their peer's.
fn threads() -> BridgeConfig {
    BridgeConfig {
        threads: 3,
        spread_at: 1,
        ..config()
    }
}

/// A line for who reads the test's output.
fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn publisher(layers: usize) -> ClientOptions {
    ClientOptions {
        layers,
        audio: true,
        ..ClientOptions::default()
    }
}

impl Stage {
    fn new(protection: Protection) -> Self {
        Self::with(config(), protection)
    }

    fn with(config: BridgeConfig, protection: Protection) -> Self {
        let (bridge, events) = Bridge::start(config).unwrap();
        bridge.open_room(ROOM);
        Self {
            bridge,
            events,
            seen: Vec::new(),
            crowd: Crowd::new(ClientIdentity::new(protection).unwrap()),
            clock: 0,
            got: Vec::new(),
            arrived: Vec::new(),
        }
    }

    fn join(&mut self, options: ClientOptions) -> usize {
        let number = self
            .crowd
            .add(Client::new(options, Instant::now()).unwrap());
        self.negotiate(ROOM, number).unwrap();
        self.until("connection", |stage| {
            stage.crowd.clients()[number].is_connected()
        });
        self.until("connected event", |stage| {
            stage
                .seen
                .iter()
                .any(|event| matches!(event, BridgeEvent::Connected { peer, .. } if *peer == PeerId(number as u64)))
        });
        number
    }

    fn negotiate(&mut self, room: RoomId, number: usize) -> Result<(), JoinError> {
        let answer = self
            .bridge
            .join(room, PeerId(number as u64), &self.crowd.offer(number))?;
        self.crowd.client(number).accept(&answer.sdp).unwrap();
        Ok(())
    }

    fn poll(&mut self) {
        let (got, arrived) = (&mut self.got, &mut self.arrived);
        self.crowd.poll(Duration::from_millis(2), |packet| {
            if arrived.len() < 20_000 {
                arrived.push(codecs::Arrived::of(&packet));
            }
            if got.len() < 200_000 {
                got.push((
                    packet.client,
                    packet.kind,
                    packet.sequence,
                    packet.repaired,
                    packet.payload.to_vec(),
                ));
            }
        });
        self.seen.extend(self.events.try_iter());
    }

    fn saw(&self, such: impl Fn(&BridgeEvent) -> bool) -> bool {
        self.seen.iter().any(such)
    }

    /// Viewers ask for keyframes without a pause; the sender is asked once a second at most.
    fn beg(&mut self, sender: usize, viewers: &[usize]) {
        let started = Instant::now();
        let mut requests = 0;
        while started.elapsed() < Duration::from_millis(2_500) {
            for viewer in viewers {
                self.crowd.client(*viewer).request_keyframe(0);
            }
            self.poll();
            requests += self.crowd.client(sender).take_keyframe_requests()[0];
        }
        assert!(
            (1..=1 + started.elapsed().as_secs()).contains(&requests),
            "{requests} requests in {:?}",
            started.elapsed()
        );
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(
                Instant::now() < end,
                "waited in vain for {what}; events: {:?}",
                self.seen
            );
            self.poll();
        }
    }

    /// One frame of each layer and two packets of sound of a client; keyframes when the bridge has asked.
    fn frame(&mut self, number: usize, layers: usize) {
        self.clock += 1;
        let clock = self.clock;
        let client = self.crowd.client(number);
        let asked = client.take_keyframe_requests();
        for (layer, asked) in asked.iter().enumerate().take(layers) {
            for part in 0..3u8 {
                let body = body(number, layer, clock, part);
                client.send_video(
                    layer,
                    part == 0,
                    *asked > 0,
                    part == 2,
                    clock * 3_000,
                    &body,
                );
            }
        }
        client.send_audio(20, clock * 960, &[number as u8, 0xaa, 1, 2, 3]);
        client.flush();
        self.poll();
    }

    /// Films until `done`.
    fn film(
        &mut self,
        number: usize,
        layers: usize,
        what: &str,
        mut done: impl FnMut(&Self) -> bool,
    ) {
        self.until(what, |stage| {
            stage.frame(number, layers);
            std::thread::sleep(Duration::from_millis(3));
            done(stage)
        });
    }

    /// Films until the figures know how the call began. Each thread tells its own once a second: what was dropped on the way into the
    /// call must be among them before anything is counted.
    fn film_into_figures(&mut self, number: usize) {
        let told = Instant::now() + Duration::from_millis(2_500);
        self.film(number, 1, "figures", |_| Instant::now() > told);
    }

    fn pictures(&self, number: usize) -> u64 {
        self.crowd.clients()[number]
            .received()
            .video
            .first()
            .map_or(0, |slot| slot.packets)
    }

    fn sounds(&self, number: usize) -> u64 {
        self.crowd.clients()[number]
            .received()
            .audio
            .iter()
            .map(|slot| slot.packets)
            .sum()
    }

    fn drops(&self, reason: Drop) -> u64 {
        self.bridge.stats().drops[reason as usize]
    }
}

fn body(number: usize, layer: usize, clock: u32, part: u8) -> Vec<u8> {
    let mut body = vec![number as u8, layer as u8, part];
    body.extend_from_slice(&clock.to_be_bytes());
    body.resize(300 + 100 * layer, 0x5a);
    body
}

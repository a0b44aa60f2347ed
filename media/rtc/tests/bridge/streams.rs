//! Peers behind TCP: ICE-TCP and the embedded TURN server, with strangers at the same port.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use nhipcau_media_rtc::Transport;

use super::*;

/// A light client speaks UDP; this carries its datagrams over a TCP connection to the bridge (RFC 4571), and back.
struct Road {
    /// Where the client sends to.
    entrance: SocketAddr,
    stream: TcpStream,
}

impl Road {
    fn open(bridge: SocketAddr) -> Self {
        let stream = TcpStream::connect(bridge).unwrap();
        stream.set_nodelay(true).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let entrance = socket.local_addr().unwrap();
        let (out, back) = (socket.try_clone().unwrap(), socket);
        let (mut up, mut down) = (stream.try_clone().unwrap(), stream.try_clone().unwrap());
        let mut first = [0; 2048];
        thread::spawn(move || {
            let mut client = None;
            loop {
                let Ok((length, from)) = out.recv_from(&mut first[2..]) else {
                    return;
                };
                if client != Some(from) {
                    client = Some(from);
                    out.connect(from).unwrap();
                    let (mut down, back) = (down.try_clone().unwrap(), back.try_clone().unwrap());
                    thread::spawn(move || {
                        let mut frame = [0; 2048];
                        while down.read_exact(&mut frame[..2]).is_ok() {
                            let length = usize::from(u16::from_be_bytes([frame[0], frame[1]]));
                            if down.read_exact(&mut frame[..length]).is_err() {
                                return;
                            }
                            let _ = back.send(&frame[..length]);
                        }
                    });
                }
                first[..2].copy_from_slice(&(length as u16).to_be_bytes());
                if up.write_all(&first[..2 + length]).is_err() {
                    let _ = down.read(&mut []);
                    return;
                }
            }
        });
        Self { entrance, stream }
    }
}

impl std::ops::Drop for Road {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn stage() -> Stage {
    Stage::with(
        BridgeConfig {
            tcp: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            ..config()
        },
        Protection::Gcm,
    )
}

impl Stage {
    fn tcp(&self) -> SocketAddr {
        self.bridge.tcp_addrs()[0]
    }

    /// Offers, and takes the answer with `to` as the one candidate.
    fn negotiate_through(&mut self, number: usize, to: SocketAddr) {
        let offer = self.crowd.offer(number);
        let answer = self
            .bridge
            .join(ROOM, PeerId(number as u64), &offer)
            .unwrap();
        let mut seen = false;
        let lines = answer.sdp.lines().filter_map(|line| {
            if !line.starts_with("a=candidate:") {
                return Some(line.to_owned());
            }
            let first = !std::mem::replace(&mut seen, true);
            let (ip, port) = (to.ip(), to.port());
            first.then(|| format!("a=candidate:1 1 udp 1 {ip} {port} typ host"))
        });
        let answer = lines.map(|line| line + "\r\n").collect::<String>();
        self.crowd.client(number).accept(&answer).unwrap();
    }

    fn join_through(&mut self, options: ClientOptions, road: &Road) -> usize {
        let number = self
            .crowd
            .add(Client::new(options, Instant::now()).unwrap());
        self.negotiate_through(number, road.entrance);
        self.until("connection", |stage| {
            stage.crowd.clients()[number].is_connected()
        });
        number
    }

    fn transport(&self, number: usize) -> Option<Transport> {
        let stats = self.bridge.stats();
        let peer = PeerId(number as u64);
        let found = stats.peers.iter().find(|stats| stats.peer == peer);
        found.and_then(|stats| stats.transport)
    }
}

/// What the far end sees: whether it was closed within the tests' patience.
fn is_closed(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut byte = [0; 1];
    match stream.read(&mut byte) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn answers_name_tcp_after_udp() {
    let mut stage = stage();
    let number = stage
        .crowd
        .add(Client::new(publisher(1), Instant::now()).unwrap());
    let offer = stage.crowd.offer(number);
    let answer = stage.bridge.join(ROOM, PeerId(0), &offer).unwrap().sdp;
    let candidates = answer
        .lines()
        .filter(|line| line.starts_with("a=candidate:"))
        .take(2)
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .collect::<Vec<_>>();
    let port = stage.tcp().port().to_string();
    assert_eq!(candidates[0][2], "udp");
    assert_eq!(candidates[1][2], "tcp");
    assert_eq!(candidates[1][5], port);
    assert_eq!(candidates[1][8..], ["tcptype", "passive"]);
    let priority = |at: usize| candidates[at][3].parse::<u32>().unwrap();
    assert!(priority(0) > priority(1));
}

#[test]
fn a_peer_behind_tcp_sends_and_sees_and_moves_to_udp_and_back_with_its_keys() {
    let mut stage = stage();
    let road = Road::open(stage.tcp());
    let sender = stage.join_through(publisher(1), &road);
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures out of TCP", |stage| {
        stage.pictures(viewer) > 50
    });
    let road_back = Road::open(stage.tcp());
    let behind = stage.join_through(ClientOptions::default(), &road_back);
    stage.film(sender, 1, "pictures into TCP", |stage| {
        stage.pictures(behind) > 50
    });
    stage.film(sender, 1, "the transports", |stage| {
        stage.transport(sender) == Some(Transport::Tcp)
            && stage.transport(viewer) == Some(Transport::Udp)
    });
    let connected = stage
        .seen
        .iter()
        .filter(|event| matches!(event, BridgeEvent::Connected { .. }))
        .count();
    // To UDP: the connection is cut, and the next check comes from elsewhere.
    stage.crowd.client(behind).restart_ice();
    stage.negotiate(ROOM, behind).unwrap();
    drop(road_back);
    let before = stage.pictures(behind);
    stage.film(sender, 1, "pictures over UDP", |stage| {
        stage.pictures(behind) > before + 100 && stage.transport(behind) == Some(Transport::Udp)
    });
    // And back to TCP.
    let again = Road::open(stage.tcp());
    stage.crowd.client(behind).restart_ice();
    stage.negotiate_through(behind, again.entrance);
    let before = stage.pictures(behind);
    stage.film(sender, 1, "pictures over TCP again", |stage| {
        stage.pictures(behind) > before + 100 && stage.transport(behind) == Some(Transport::Tcp)
    });
    let after = stage
        .seen
        .iter()
        .filter(|event| matches!(event, BridgeEvent::Connected { .. }))
        .count();
    assert_eq!(connected, after, "no new keys were made");
    assert_eq!(stage.drops(Drop::Replay), 0);
    assert_eq!(stage.drops(Drop::Authentication), 0);
}

#[test]
fn strangers_at_the_tcp_port_are_closed_counted_and_harm_nobody() {
    let mut stage = stage();
    let road = Road::open(stage.tcp());
    let sender = stage.join_through(publisher(1), &road);
    let viewer = stage.join(ClientOptions::default());
    stage.film(sender, 1, "pictures", |stage| stage.pictures(viewer) > 20);
    let open = |stage: &Stage, bytes: &[u8]| {
        let mut stream = TcpStream::connect(stage.tcp()).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    };
    // Another protocol, and a length that lies, are closed at once.
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    stun.extend([9; 12]);
    let mut lie = vec![0, 20];
    lie.extend(&stun);
    lie.extend([0xff, 0xff, 1, 2, 3]);
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00",
        &[0xff; 100],
        &[0; 64],
        &lie,
    ] {
        let stream = open(&stage, bytes);
        assert!(is_closed(stream), "{bytes:?}");
    }
    // DTLS on a connection that ICE has not validated is not answered; half a frame and silence end with their time.
    let hello = {
        let mut hello = vec![0, 20];
        hello.extend(&stun);
        hello.extend([0, 60, 22, 0xfe, 0xfd]);
        hello.resize(24 + 60, 0);
        hello
    };
    let unvalidated = stage.drops(Drop::NotValidated);
    let dtls = open(&stage, &hello);
    let half = open(&stage, &[0, 100, 0, 1, 0]);
    let silent = open(&stage, &[]);
    stage.film(sender, 1, "a drop", |stage| {
        stage.drops(Drop::NotValidated) > unvalidated
    });
    // As many as one address may have open, and no more.
    let crowd = (0..200).map(|_| open(&stage, &[0])).collect::<Vec<_>>();
    stage.film(sender, 1, "refusals", |stage| {
        stage.bridge.stats().streams.refused >= 200 - 64
    });
    let before = stage.pictures(viewer);
    stage.film(sender, 1, "an unharmed call", |stage| {
        stage.pictures(viewer) > before + 100 && stage.bridge.stats().streams.unproven_ended >= 3
    });
    for stream in [dtls, half, silent] {
        assert!(is_closed(stream));
    }
    drop(crowd);
    let stats = stage.bridge.stats().streams;
    assert!(stats.broken >= 5, "{stats:?}");
    stage.film(sender, 1, "an empty port", |stage| {
        stage.bridge.stats().streams.connections == 1
    });
}

#[test]
fn a_connection_that_is_not_read_loses_its_own_datagrams_only() {
    let mut stage = stage();
    let sender = stage.join(publisher(1));
    let viewer = stage.join(ClientOptions::default());
    // A proxy that stops reading, with small buffers on the way.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (place, bridge) = (listener.local_addr().unwrap(), stage.tcp());
    let stuck = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_stuck = std::sync::Arc::clone(&stuck);
    thread::spawn(move || {
        let (near, _) = listener.accept().unwrap();
        let far = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        far.set_recv_buffer_size(16 * 1024).unwrap();
        far.connect(&bridge.into()).unwrap();
        let far = TcpStream::from(far);
        let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from, &mut to));
        let (mut from, mut to) = (far, near);
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            while is_stuck.load(std::sync::atomic::Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(5));
            }
            if to.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    });
    let road = Road::open(place);
    let slow = stage.join_through(ClientOptions::default(), &road);
    stage.film(sender, 1, "pictures for the slow one", |stage| {
        stage.pictures(slow) > 20
    });
    stuck.store(true, std::sync::atomic::Ordering::Relaxed);
    let before = stage.pictures(viewer);
    stage.film(sender, 1, "a full queue", |stage| {
        stage.bridge.stats().streams.full > 0
    });
    assert!(stage.pictures(viewer) > before);
    assert_eq!(
        stage.crowd.clients()[viewer].received().video[0].lost(),
        0,
        "the others lose nothing"
    );
    stuck.store(false, std::sync::atomic::Ordering::Relaxed);
    let before = stage.pictures(slow);
    stage.film(sender, 1, "the slow one's return", |stage| {
        stage.pictures(slow) > before + 20
    });
}

#[test]
fn peers_of_both_families_meet_in_one_room_over_udp_and_tcp() {
    let all = |text: &str| text.parse::<SocketAddr>().unwrap();
    let mut stage = Stage::with(
        BridgeConfig {
            bind: vec![all("0.0.0.0:0"), all("[::]:0")],
            tcp: vec![all("[::1]:0")],
            announce: vec![[127, 0, 0, 1].into(), "::1".parse().unwrap()],
            ..config()
        },
        Protection::Gcm,
    );
    let sender = stage.join(ClientOptions {
        bind: "::1".parse().unwrap(),
        ..publisher(1)
    });
    let viewer = stage.join(ClientOptions::default());
    let road = Road::open(stage.tcp());
    let behind = stage.join_through(ClientOptions::default(), &road);
    stage.film(sender, 1, "pictures from IPv6", |stage| {
        stage.pictures(viewer) > 50 && stage.pictures(behind) > 50
    });
    // The figures are a moment older than the pictures.
    stage.film(sender, 1, "the addresses", |stage| {
        let stats = stage.bridge.stats();
        let families = [sender, viewer, behind].map(|number| {
            let peer = PeerId(number as u64);
            let found = stats.peers.iter().find(|stats| stats.peer == peer);
            let address = found.and_then(|stats| stats.address);
            address.map(|address| address.is_ipv6())
        });
        families == [Some(true), Some(false), Some(true)]
    });
}

#[test]
fn peers_behind_tcp_are_served_by_the_threads_that_they_sit_on() {
    let mut stage = Stage::with(
        BridgeConfig {
            tcp: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            threads: 3,
            spread_at: 1,
            ..config()
        },
        Protection::Gcm,
    );
    let roads = [(); 6].map(|()| Road::open(stage.tcp()));
    let peers = roads
        .each_ref()
        .map(|road| stage.join_through(publisher(1), road));
    stage.film(peers[0], 1, "everybody over TCP", |stage| {
        peers
            .iter()
            .all(|peer| stage.transport(*peer) == Some(Transport::Tcp))
    });
    assert_eq!(stage.drops(Drop::StunUnknown), 0);
    assert_eq!(stage.drops(Drop::Stream), 0);
    drop(roads);
    stage.film(peers[0], 1, "every connection's end", |stage| {
        stage.bridge.stats().streams.connections == 0
            && peers.iter().all(|peer| stage.transport(*peer).is_none())
    });
}

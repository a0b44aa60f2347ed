//! How many packets one core forwards: one sender (150 video packets of 1,180 B and 50 of sound of 100 B a second) to many receivers,
//! over loopback, with everything on: authentication, retransmission cache, transport-wide feedback, reports, statistics.
//!
//! `forward [RECEIVERS] [SECONDS] [ROUNDS]`, 200, 10 and 3 unless given. The bridge's thread is pinned to core 0 and the peers to
//! core 1. Prints one JSON line a figure; the CPU time is that of the bridge's thread (`CLOCK_THREAD_CPUTIME_ID`). Build with
//! `--release --features client`.

use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nhipcau_media_rtc::client::{
    Client, ClientIdentity, ClientOptions, Crowd, Protection, pin_thread,
};
use nhipcau_media_rtc::{Bridge, BridgeConfig, PeerId, RoomId};

const ROOM: RoomId = RoomId(1);
/// 5 packets a frame at 30 frames a second.
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 30);
const SOUND: Duration = Duration::from_millis(20);

struct Round {
    per_core_second: f64,
    lost: u64,
    core_percent: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut next = |default| arguments.next().unwrap_or(Ok(default));
    let (receivers, seconds, rounds) = (next(200)?, next(10)?, next(3)?);
    let mut results = Vec::new();
    for _ in 0..rounds {
        results.push(round(receivers as usize, Duration::from_secs(seconds))?);
    }
    results.sort_by(|left, right| left.per_core_second.total_cmp(&right.per_core_second));
    let median = &results[results.len() / 2];
    let lost = results.iter().map(|round| round.lost).sum::<u64>();
    let mut output = std::io::stdout().lock();
    let mut print = |bench: &str, value: f64, unit: &str| {
        writeln!(
            output,
            "{{\"bench\":\"{bench}\",\"value\":{value:.0},\"unit\":\"{unit}\"}}"
        )
    };
    print(
        "forward_packets_per_core_second",
        median.per_core_second,
        "packets/s",
    )?;
    print("forward_lost_packets", lost as f64, "packets")?;
    print("forward_core_percent", median.core_percent, "%")?;
    print("forward_receivers", receivers as f64, "peers")?;
    Ok(())
}

fn round(receivers: usize, length: Duration) -> Result<Round, Box<dyn std::error::Error>> {
    // Threads inherit the core of the thread that starts them.
    pin_thread(0);
    let (bridge, events) = Bridge::start(BridgeConfig {
        bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        threads: 1,
        ..BridgeConfig::default()
    })?;
    pin_thread(1);
    bridge.open_room(ROOM);
    let mut crowd = Crowd::new(ClientIdentity::new(Protection::Gcm)?);
    for number in 0..=receivers {
        let options = ClientOptions {
            layers: usize::from(number == 0),
            audio: number == 0,
            slots_audio: 1,
            slots_video: 1,
            ..ClientOptions::default()
        };
        let client = crowd.add(Client::new(options, Instant::now())?);
        let answer = bridge.join(ROOM, PeerId(number as u64), &crowd.offer(client))?;
        crowd.client(client).accept(&answer.sdp)?;
        while !crowd.clients()[client].is_connected() {
            crowd.poll(Duration::from_millis(1), |_| {});
        }
    }
    let body = [0x5a; 1_175];
    let started = Instant::now();
    let (mut frames, mut sounds) = (0u32, 0u32);
    // Two seconds for keyframes, estimates and reports to settle; counted from then on.
    let mut counted = None;
    let end = started + Duration::from_secs(2) + length;
    loop {
        let now = Instant::now();
        let sender = crowd.client(0);
        while started + FRAME * frames <= now {
            frames += 1;
            let keyframe = sender.take_keyframe_requests()[0] > 0;
            for part in 0..5 {
                sender.send_video(0, part == 0, keyframe, part == 4, frames * 3_000, &body);
            }
        }
        while started + SOUND * sounds <= now {
            sounds += 1;
            sender.send_audio(20, sounds * 960, &body[..100]);
        }
        sender.flush();
        crowd.poll(Duration::from_millis(1), |_| {});
        for _ in events.try_iter() {}
        if counted.is_none() && now >= started + Duration::from_secs(2) {
            counted = Some((now, bridge.stats()));
        }
        if now >= end {
            break;
        }
    }
    // The snapshot is a second old at most; the last packets need a moment to arrive.
    let until = Instant::now() + Duration::from_millis(1_500);
    while Instant::now() < until {
        crowd.poll(Duration::from_millis(5), |_| {});
    }
    let (_, before) = counted.ok_or("no snapshot")?;
    let after = bridge.stats();
    let forwarded = (after.forwarded - before.forwarded) as f64;
    let cpu = after.cpu_seconds - before.cpu_seconds;
    let mut lost = 0;
    for client in &crowd.clients()[1..] {
        let received = client.received();
        lost += received.refused;
        for slot in received.video.iter().chain(&received.audio) {
            lost += slot.lost();
        }
        if received
            .video
            .first()
            .is_none_or(|slot| slot.packets < u64::from(frames) * 4)
        {
            return Err("a receiver got too little".into());
        }
    }
    Ok(Round {
        per_core_second: forwarded / cpu,
        lost,
        core_percent: cpu / length.as_secs_f64() * 100.0,
    })
}

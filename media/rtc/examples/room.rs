//! One room of the bridge, driven over standard input by a test with real browsers. Lines in:
//!
//! - `join PEER SDP`: an offer, its line ends written as `\x01`; answered by `answer PEER SDP` or `refused PEER WHY`;
//! - `view PEER LARGE TILE…`: what a peer shows;
//! - `rate PEER BPS`: narrows its line; 0 widens it.

use std::io::{self, BufRead, Write};

use nhipcau_media_rtc::{Bridge, BridgeConfig, Impairment, PeerId, RoomId, TrackId};

const ROOM: RoomId = RoomId(1);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:0".to_owned());
    let (bridge, events) = Bridge::start(BridgeConfig {
        bind: vec![address.parse()?],
        impairments: true,
        ..BridgeConfig::default()
    })?;
    bridge.open_room(ROOM);
    let mut out = io::stdout();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.splitn(3, ' ');
        let verb = words.next().unwrap_or_default();
        let peer = PeerId(words.next().unwrap_or_default().parse()?);
        let rest = words.next().unwrap_or_default();
        match verb {
            "join" => match bridge.join(ROOM, peer, &rest.replace('\x01', "\r\n")) {
                Ok(answer) => {
                    let sdp = answer.sdp.replace("\r\n", "\x01");
                    writeln!(out, "answer {} {sdp}", peer.0)?;
                }
                Err(error) => writeln!(out, "refused {} {error}", peer.0)?,
            },
            "view" => {
                let mut shown = rest
                    .split(' ')
                    .map(|word| word.parse().ok().map(|peer| TrackId::main(PeerId(peer))));
                let large = shown.next().flatten();
                bridge.set_view(peer, large, shown.flatten().collect());
            }
            "rate" => {
                let rate_bps = rest.parse().ok().filter(|bps| *bps > 0);
                let impairment = Impairment {
                    rate_bps,
                    ..Impairment::default()
                };
                bridge.set_impairment(peer, impairment);
            }
            other => writeln!(out, "unknown {other}")?,
        }
        out.flush()?;
        while let Ok(event) = events.try_recv() {
            writeln!(io::stderr(), "{event:?}")?;
        }
    }
    Ok(())
}

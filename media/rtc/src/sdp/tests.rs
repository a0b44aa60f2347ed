//! Offers in the shape of the page's, from both browsers, and what is answered.

use std::net::{IpAddr, SocketAddr};

use nhipcau_sfu::{Codec, Kind, Track};

use super::{Extension, Offer, Seat, Use, answer, candidates, parse, reachable};
use crate::bridge::Flow;
use crate::config::BridgeConfig;
use crate::error::JoinError;

const FINGERPRINT: &str = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

fn head(session: &str) -> String {
    format!(
        "v=0\r\no={session} 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\na=fingerprint:sha-256 {FINGERPRINT}\r\n"
    )
}

fn line(kind: &str, formats: &str, mid: usize, direction: &str, rest: &[&str]) -> String {
    let mut text = format!(
        "m={kind} 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:page\r\na=ice-pwd:0123456789012345678901\r\na=mid:{mid}\r\na={direction}\r\n"
    );
    for attribute in rest {
        text += &format!("a={attribute}\r\n");
    }
    text
}

const OPUS: [&str; 3] = [
    "rtpmap:109 opus/48000/2",
    "rtpmap:63 red/48000/2",
    "extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
];
const VP8: [&str; 9] = [
    "rtpmap:98 VP9/90000",
    "rtpmap:120 VP8/90000",
    "rtpmap:124 rtx/90000",
    "fmtp:124 apt=120",
    "rtpmap:125 rtx/90000",
    "fmtp:125 apt=98",
    "extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid",
    "extmap:10/sendonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
];

fn page() -> String {
    let mut simulcast = VP8.to_vec();
    simulcast.extend([
        "rid:h send",
        "rid:m send",
        "rid:l send",
        "simulcast:send h;m;l",
    ]);
    head("mozilla 77")
        + &line("audio", "109 63", 0, "sendonly", &OPUS)
        + &line("video", "98 120 124 125", 1, "sendonly", &simulcast)
        + &line("audio", "109 63", 2, "recvonly", &OPUS)
        + &line("video", "98 120 124 125", 3, "recvonly", &VP8)
}

fn seat() -> Seat {
    Seat {
        ufrag: "bridge".to_owned(),
        pwd: "secretsecretsecretsecret".to_owned(),
        session: 5,
        version: 1,
        audio: vec![1001],
        video: vec![(2001, 2002)],
    }
}

fn parsed(text: &str) -> Offer {
    parse(text, &BridgeConfig::default(), Flow::Both).unwrap()
}

fn sent(lines: &[(&str, &str)]) -> Vec<Use> {
    let text = lines
        .iter()
        .enumerate()
        .map(|(mid, (kind, content))| {
            let mut rest = if *kind == "audio" {
                OPUS.to_vec()
            } else {
                VP8.to_vec()
            };
            rest.extend((!content.is_empty()).then_some(*content));
            let formats = if *kind == "audio" { "109" } else { "120 124" };
            line(kind, formats, mid, "sendonly", &rest)
        })
        .collect::<String>();
    let offer = parsed(&(head("mozilla 77") + &text));
    offer.media.iter().map(|media| media.usage).collect()
}

#[test]
fn what_an_m_line_sends_is_said_by_its_content_else_by_the_order() {
    use Kind::{Audio, Video};
    assert_eq!(
        sent(&[
            ("audio", ""),
            ("video", ""),
            ("audio", ""),
            ("video", ""),
            ("video", ""),
            ("video", "")
        ]),
        [
            Use::Up(Audio, Track::Main),
            Use::Up(Video, Track::Main),
            Use::Up(Audio, Track::Slides),
            Use::Up(Video, Track::Slides),
            Use::Up(Video, Track::Document),
            Use::Inactive(Video)
        ]
    );
    assert_eq!(
        sent(&[
            ("video", "content:slides"),
            ("video", "content:alt"),
            ("video", ""),
            ("video", "content:sl"),
            ("video", "content:slides"),
        ]),
        [
            Use::Up(Video, Track::Slides),
            Use::Up(Video, Track::Document),
            Use::Up(Video, Track::Main),
            Use::Inactive(Video),
            Use::Inactive(Video)
        ],
        "each track once; the second of a name is idle"
    );
}

#[test]
fn reads_the_page() {
    let offer = parsed(&page());
    let uses = offer
        .media
        .iter()
        .map(|media| media.usage)
        .collect::<Vec<_>>();
    assert_eq!(
        uses,
        [
            Use::Up(Kind::Audio, Track::Main),
            Use::Up(Kind::Video, Track::Main),
            Use::Down(Kind::Audio, 0),
            Use::Down(Kind::Video, 0)
        ]
    );
    let video = &offer.media[1];
    let formats = video
        .codecs
        .iter()
        .map(|format| (format.codec, format.payload_type, format.rtx))
        .collect::<Vec<_>>();
    assert_eq!(
        formats,
        [(Codec::Vp8, 120, Some(124)), (Codec::Vp9, 98, Some(125))],
        "each with its own retransmissions, in our order"
    );
    assert_eq!(video.rids, ["h", "m", "l"]);
    assert_eq!(offer.extensions.id(Extension::TransportSequence), Some(7));
    assert_eq!(
        (offer.session.as_str(), offer.ufrag.as_str()),
        ("mozilla 77", "page")
    );
    assert_eq!(offer.fingerprint[..3], [0, 0x11, 0x22]);
}

#[test]
fn answers_the_page() {
    let text = answer(
        &parsed(&page()),
        &seat(),
        "AB:CD",
        &["1 1 udp 9 192.0.2.1 4000 typ host".to_owned()],
    );
    let sections = text.split("m=").collect::<Vec<_>>();
    assert_eq!(sections.len(), 5);
    assert!(sections[0].contains("a=ice-lite") && sections[0].contains("a=group:BUNDLE 0 1 2 3"));
    for section in &sections[1..] {
        assert!(
            section.contains("a=setup:passive")
                && section.contains("typ host")
                && section.contains("a=rtcp-mux")
        );
    }
    assert!(
        sections[2].contains("a=recvonly")
            && sections[2].contains("a=simulcast:recv h;m;l")
            && sections[2].contains("a=rid:l recv")
    );
    assert!(sections[2].contains("a=extmap:10/recvonly "));
    assert!(
        sections[3].contains("a=sendonly") && sections[3].contains("a=ssrc:1001 cname:audio-0")
    );
    assert!(
        sections[4].contains("a=ssrc-group:FID 2001 2002")
            && sections[4].contains("a=msid:video-0 v0")
    );
    assert!(sections[4].contains("UDP/TLS/RTP/SAVPF 120 98 124 125\r\n"));
    assert!(
        !sections[4].contains("rtp-stream-id"),
        "the bridge sends no rids"
    );
}

#[test]
fn nack_goes_with_rtx_or_not_at_all() {
    let plain = head("- 1") + &line("video", "96", 0, "recvonly", &["rtpmap:96 VP8/90000"]);
    let text = answer(&parsed(&plain), &seat(), "AB", &[]);
    assert!(text.contains("nack pli") && !text.contains("96 nack\r\n") && !text.contains("FID"));
}

#[test]
fn what_is_not_understood_is_rejected_and_what_is_too_much_is_inactive() {
    let config = BridgeConfig {
        slots_video: 1,
        ..BridgeConfig::default()
    };
    let text = page()
        + &line("video", "120 124", 4, "recvonly", &VP8)
        + &line("application", "webrtc-datachannel", 5, "sendrecv", &[])
        + &line("video", "98", 6, "recvonly", &["rtpmap:98 H265/90000"]);
    let offer = parse(&text, &config, Flow::Both).unwrap();
    let uses = offer.media[4..]
        .iter()
        .map(|media| media.usage)
        .collect::<Vec<_>>();
    assert_eq!(
        uses,
        [Use::Inactive(Kind::Video), Use::Rejected, Use::Rejected]
    );
    let text = answer(&offer, &seat(), "AB", &[]);
    assert!(text.contains("a=group:BUNDLE 0 1 2 3 4\r\n") && text.contains("m=application 0 "));
}

#[test]
fn says_what_an_offer_lacks() {
    let refused = |text: &str| match parse(text, &BridgeConfig::default(), Flow::Both) {
        Err(JoinError::BadSdp(reason)) => reason,
        other => format!("{other:?}"),
    };
    assert!(refused(&page().replace("a=ice-ufrag:page\r\n", "")).contains("ice-ufrag"));
    assert!(refused(&page().replace("sha-256", "sha-1")).contains("sha-256"));
    assert!(refused(&page().replace("a=mid:2\r\n", "")).contains("mid"));
    assert!(refused("v=0\r\n").len() < 210);
    let remapped = page().replacen("extmap:3 ", "extmap:4 ", 1);
    assert!(matches!(
        parse(&remapped, &BridgeConfig::default(), Flow::Both),
        Err(JoinError::ExtensionRemapped)
    ));
}

#[test]
fn what_the_answer_repeats_can_be_printed() {
    // Found by the fuzz target `sdp`: a rejected m-line was answered with the control characters that it came with.
    let text = page() + &line("application", "webrtc-datachannel", 4, "sendrecv", &[]);
    parse(&text, &BridgeConfig::default(), Flow::Both).unwrap();
    for (word, bent) in [
        (
            "m=application 9 UDP/TLS/",
            "m=application 9 UDP/\u{1}\u{0}/",
        ),
        ("webrtc-datachannel", "webrtc\u{7}datachannel"),
        ("webrtc-datachannel", "webrtc\u{202e}channel"),
    ] {
        let bent = text.replace(word, bent);
        let refused = parse(&bent, &BridgeConfig::default(), Flow::Both);
        assert!(matches!(refused, Err(JoinError::BadSdp(_))), "{bent:?}");
    }
}

#[test]
fn announces_each_address_with_the_port_of_its_family() {
    let bound: Vec<SocketAddr> = vec![
        "0.0.0.0:4000".parse().unwrap(),
        "[::]:5000".parse().unwrap(),
    ];
    let announce: Vec<IpAddr> = ["192.0.2.1", "2001:db8::1", "fe80::1"]
        .iter()
        .map(|ip| ip.parse().unwrap())
        .collect();
    let lines = candidates(&reachable(&bound, &announce), &[]);
    assert_eq!(lines.len(), 2, "a link-local address needs a zone");
    assert!(
        lines[0].contains(" 192.0.2.1 4000 typ host")
            && lines[1].contains(" 2001:db8::1 5000 typ host")
    );
    let priority = |line: &str| line.split(' ').nth(3).unwrap().parse::<u32>().unwrap();
    assert!(priority(&lines[0]) > priority(&lines[1]));
    assert!(
        reachable(&bound, &[]).is_empty(),
        "a wildcard is no address to call"
    );
}

/// As encoders offer: one bundle with `bundle-only`, H.264 before VP8, no mid extension, no rids, ICE at the session.
fn encoder() -> String {
    format!(
        "v=0\r\no=- 1 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE audio0 video1\r\na=ice-ufrag:enc\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\na=fingerprint:sha-256 {FINGERPRINT}\r\n"
    ) + "m=audio 9 UDP/TLS/RTP/SAVPF 97\r\nc=IN IP4 0.0.0.0\r\na=mid:audio0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:97 OPUS/48000/2\r\n"
        + "m=video 0 UDP/TLS/RTP/SAVPF 96 98\r\nc=IN IP4 0.0.0.0\r\na=mid:video1\r\na=bundle-only\r\na=sendonly\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:98 VP8/90000\r\na=rtcp-fb:98 nack pli\r\n"
}

#[test]
fn an_encoder_only_sends_and_a_player_only_receives() {
    let read = |text: &str, flow| parse(text, &BridgeConfig::default(), flow);
    let uses = |offer: &Offer| {
        offer
            .media
            .iter()
            .map(|media| media.usage)
            .collect::<Vec<_>>()
    };
    let offer = read(&encoder(), Flow::Up).unwrap();
    assert_eq!(
        uses(&offer),
        [
            Use::Up(Kind::Audio, Track::Main),
            Use::Up(Kind::Video, Track::Main)
        ]
    );
    assert_eq!(offer.ufrag, "enc");
    let text = answer(&offer, &seat(), "AB", &[]);
    assert_eq!(text.matches("a=recvonly\r\n").count(), 2, "{text}");

    let offer = read(&page(), Flow::Up).unwrap();
    assert!(
        uses(&offer)
            .iter()
            .all(|usage| !matches!(usage, Use::Down(..)))
    );
    let offer = read(&page(), Flow::Down).unwrap();
    assert!(
        uses(&offer)
            .iter()
            .all(|usage| !matches!(usage, Use::Up(..)))
    );
    let text = answer(&offer, &seat(), "AB", &[]);
    assert!(text.contains("a=msid:room a0\r\n") && text.contains("a=msid:room v0\r\n"));

    // A player that says `sendrecv` receives.
    let offer = read(&encoder(), Flow::Down).unwrap();
    assert_eq!(
        uses(&offer),
        [Use::Down(Kind::Audio, 0), Use::Inactive(Kind::Video)]
    );
    let receives = encoder()
        .replace("a=sendonly", "a=recvonly")
        .replace("a=sendrecv", "a=recvonly");
    assert_eq!(
        read(&receives, Flow::Up).unwrap_err(),
        JoinError::NothingUsable
    );
    assert!(read(&receives, Flow::Down).is_ok());
}

#[test]
fn an_encoder_is_taken_wholly_or_not_at_all() {
    let read = |text: &str, flow| parse(text, &BridgeConfig::default(), flow);
    let unknown = encoder()
        .replace("96 H264/", "96 H265/")
        .replace("98 VP8/", "98 H266/");
    let second = "m=video 9 UDP/TLS/RTP/SAVPF 98\r\nc=IN IP4 0.0.0.0\r\na=mid:video2\r\na=sendonly\r\na=rtpmap:98 VP8/90000\r\n";
    for offer in [unknown, encoder() + second] {
        assert_eq!(
            read(&offer, Flow::Up).unwrap_err(),
            JoinError::PartlyUsable,
            "{offer}"
        );
        assert!(read(&offer, Flow::Both).is_ok());
    }
    // What it does not send may be left: a place for our pictures, and one for data.
    let more = second.replace("sendonly", "recvonly")
        + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:data\r\na=sctp-port:5000\r\n";
    let offer = read(&(encoder() + &more), Flow::Up).unwrap();
    let text = answer(&offer, &seat(), "AB", &[]);
    assert_eq!(text.matches("a=rtcp-mux-only\r\n").count(), 3, "{text}");
    assert_eq!(text.matches("a=inactive\r\n").count(), 2, "{text}");
    assert!(!answer(&read(&page(), Flow::Both).unwrap(), &seat(), "AB", &[]).contains("mux-only"));

    for (setup, taken) in [("active", true), ("passive", false)] {
        let offer = encoder().replace("setup:actpass", &format!("setup:{setup}"));
        assert_eq!(read(&offer, Flow::Up).is_ok(), taken, "{setup}");
    }
}

#[test]
fn codecs_are_taken_in_the_form_that_every_receiver_decodes_and_in_our_order() {
    let lines = [
        "rtpmap:45 AV1/90000",
        "fmtp:45 level-idx=5;profile=0;tier=0",
        "rtpmap:98 VP9/90000",
        "fmtp:98 profile-id=2",
        "rtpmap:100 VP9/90000",
        "fmtp:100 profile-id=0",
        "rtpmap:102 H264/90000",
        "fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f",
        "rtpmap:103 H264/90000",
        "fmtp:103 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
        "rtpmap:104 H264/90000",
        "fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "rtpmap:105 rtx/90000",
        "fmtp:105 apt=104",
        "rtpmap:106 H264/90000",
        "fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f",
        "extmap:12 https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    ];
    let text = head("- 1")
        + "a=extmap-allow-mixed\r\n"
        + &line(
            "video",
            "45 98 100 102 103 104 105 106",
            0,
            "recvonly",
            &lines,
        );
    let config = BridgeConfig {
        codecs: vec![Codec::H264, Codec::Av1, Codec::Vp9],
        ..BridgeConfig::default()
    };
    let answered = answer(
        &parse(&text, &config, Flow::Both).unwrap(),
        &seat(),
        "AB",
        &[],
    );
    assert!(answered.contains("SAVPF 104 45 100 105\r\n"), "{answered}");
    assert!(answered.contains(
        "a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    ));
    assert!(answered.contains("a=fmtp:45 level-idx=5;profile=0;tier=0\r\n"));
    assert!(
        answered.contains("a=extmap:12 https://") && answered.contains("a=extmap-allow-mixed\r\n")
    );
    let plain = text.replace("a=extmap-allow-mixed\r\n", "");
    assert!(!parse(&plain, &config, Flow::Both).unwrap().mixed);
}

#[test]
fn redundant_sound_is_taken_where_the_offer_puts_it() {
    let offered = |formats| {
        let lines = [
            "rtpmap:111 opus/48000/2",
            "rtpmap:63 red/48000/2",
            "fmtp:63 111/111",
        ];
        let text = head("- 1") + &line("audio", formats, 0, "sendonly", &lines);
        answer(&parsed(&text), &seat(), "AB", &[])
    };
    assert!(offered("111 63").contains("SAVPF 111 63\r\n"));
    let first = offered("63 111");
    assert!(first.contains("SAVPF 63 111\r\n") && first.contains("a=fmtp:63 111/111\r\n"));
    assert!(!offered("111").contains("red/48000"));
}

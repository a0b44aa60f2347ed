//! Doors for the fuzz targets (feature `fuzz`): hostile bytes reach the private parsers as the packet thread hands them over, and
//! what must hold for any bytes is asserted here, beside the parsers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::bridge::Flow;
use crate::client_hello::{Offer as HelloOffer, offer};
use crate::config::BridgeConfig;
use crate::dtls::{Dtls, Identity, Progress};
use crate::sdp::{self, Seat, Use};
use crate::srtp::Profile;
use crate::stun::{self, BindingRequest};

/// A datagram as a STUN request of `from`: parsed, never authentic by chance, and answered in at most 100 bytes that name the
/// address. Returns whether it was a binding request.
pub fn stun(datagram: &[u8], from: SocketAddr) -> bool {
    let key = stun::integrity_key("a password that no input knows");
    let Some(request) = BindingRequest::parse(datagram) else {
        return false;
    };
    assert!(
        !request.is_authentic(&key),
        "integrity without the password"
    );
    assert!(request.ufrag.len() < datagram.len());
    let mut buffer = [0; 100];
    let length = request.respond(from, &key, &mut buffer);
    let transaction = datagram[8..20].try_into().expect("twelve bytes");
    assert_eq!(stun::success_of(&buffer[..length]), Some(transaction));
    true
}

/// An offer: refused with a sentence, or answered m-line by m-line with text that the SDP parser reads back and into which the
/// offer has smuggled no line; as a page's, an encoder's and a player's. Returns whether it was answered.
pub fn sdp(text: &str) -> bool {
    [Flow::Both, Flow::Up, Flow::Down]
        .into_iter()
        .fold(false, |answered, flow| answered | answer(text, flow))
}

fn answer(text: &str, flow: Flow) -> bool {
    let config = BridgeConfig::default();
    let offer = match sdp::parse(text, &config, flow) {
        Ok(offer) => offer,
        Err(error) => {
            let sentence = error.to_string();
            assert!(!sentence.is_empty() && !sentence.contains(char::is_control));
            return false;
        }
    };
    let seat = Seat {
        ufrag: "ufrag".to_owned(),
        pwd: "password-of-the-bridge".to_owned(),
        session: 1,
        version: 2,
        audio: vec![7; config.slots_audio],
        video: vec![(8, 9); config.slots_video],
    };
    let answer = sdp::answer(
        &offer,
        &seat,
        "AA:BB",
        &["1 1 udp 1 192.0.2.1 9 typ host".to_owned()],
    );
    let lines = |prefix: &str| {
        answer
            .split("\r\n")
            .filter(|line| line.starts_with(prefix))
            .count()
    };
    assert_eq!(lines("m="), offer.media.len(), "{answer}");
    assert_eq!(lines("a=mid:"), offer.media.len(), "{answer}");
    let used = offer
        .media
        .iter()
        .filter(|media| media.usage != Use::Rejected)
        .count();
    assert!(used > 0);
    assert_eq!(lines("a=fingerprint:"), used, "{answer}");
    assert_eq!(lines("a=ice-ufrag:"), used, "{answer}");
    assert!(
        answer
            .replace("\r\n", "")
            .chars()
            .all(|character| !character.is_control()),
        "{answer:?}"
    );
    true
}

/// Associations for hostile handshakes, with one certificate.
pub struct Handshakes(Identity);

impl Default for Handshakes {
    fn default() -> Self {
        let profiles = [Profile::AeadAes128Gcm, Profile::Aes128CmSha1];
        Self(Identity::new(false, &profiles).expect("a certificate"))
    }
}

impl Handshakes {
    /// Datagrams of one peer: each is taken or refused, no keys come out, and the answers stay small. Returns whether the first
    /// ones were a ClientHello that offers AES-GCM.
    pub fn play(&self, datagrams: &[Vec<u8>]) -> bool {
        let wants_gcm = offer(datagrams) == HelloOffer::Gcm;
        let mut dtls = Dtls::new(&self.0, [0; 32]);
        let mut now = Instant::now();
        let mut answered = 0;
        for datagram in datagrams {
            let progress = dtls.read(datagram, now);
            assert!(!matches!(progress, Progress::Connected(_)));
            now += Duration::from_millis(700);
            dtls.tick(now);
            while let Some(answer) = dtls.poll_transmit() {
                answered += answer.len();
            }
        }
        // A flight is below 2 KiB and is repeated a few times.
        assert!(
            answered <= (datagrams.len() + 1) * 4_096,
            "{answered} bytes"
        );
        wants_gcm
    }
}

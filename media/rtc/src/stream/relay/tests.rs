//! A client's messages, one after the other, and what becomes of them.

use turn_server_proto::stun::types::attribute::{Nonce, Realm, XorMappedAddress};
use turn_server_proto::stun::types::message::Method;
use turn_server_proto::types::attribute::{
    ChannelNumber, Data, RequestedTransport, XorRelayedAddress,
};
use turn_server_proto::types::message::{ALLOCATE, DATA, REFRESH};

use super::*;

const BRIDGE: &str = "203.0.113.5:8445";
const PORT: u16 = RELAYED_PORT + 3;

struct Client {
    relay: Relay,
    terms: RelayTerms,
    name: String,
    password: String,
    nonce: String,
    now: Instant,
}

fn parse(bytes: &[u8]) -> Message<'_> {
    Message::from_bytes(bytes).expect("an answer")
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn code(bytes: &[u8]) -> Option<u16> {
    parse(bytes)
        .attribute::<ErrorCode>()
        .ok()
        .map(|error| error.code())
}

fn lasting(seconds: i64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs().checked_add_signed(seconds).unwrap()
}

impl Client {
    fn new() -> Self {
        let peers = vec![addr(BRIDGE), addr("[2001:db8::5]:8445")];
        let terms = RelayTerms::new(&[7; 32], peers);
        let now = Instant::now();
        let (client, listen) = ("198.51.100.9:40000", "203.0.113.5:443");
        let relay = Relay::new(
            terms.clone(),
            client.parse().unwrap(),
            listen.parse().unwrap(),
            now,
        );
        let (name, password) = terms.credentials(12, lasting(60));
        Self {
            relay,
            terms,
            name,
            password,
            nonce: String::new(),
            now,
        }
    }

    fn request(&self, method: Method, peer: Option<&str>, channel: Option<u16>) -> Vec<u8> {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        let transaction = request.transaction_id();
        request
            .add_attribute(&Nonce::new(&self.nonce).unwrap())
            .unwrap();
        request.add_attribute(&Realm::new(REALM).unwrap()).unwrap();
        request
            .add_attribute(&Username::new(&self.name).unwrap())
            .unwrap();
        if method == ALLOCATE {
            let udp = RequestedTransport::new(RequestedTransport::UDP);
            request.add_attribute(&udp).unwrap();
        }
        if let Some(channel) = channel {
            request.add_attribute(&ChannelNumber::new(channel)).unwrap();
        }
        if let Some(peer) = peer {
            let peer = XorPeerAddress::new(peer.parse().unwrap(), transaction);
            request.add_attribute(&peer).unwrap();
        }
        let key =
            LongTermKeyCredentials::new(self.name.clone(), self.password.clone(), REALM.to_owned());
        let key = key.make_key(IntegrityAlgorithm::Sha1);
        request
            .add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1)
            .unwrap();
        request.finish()
    }

    /// The answer to a message, at once or after the machine was settled.
    fn ask(&mut self, message: &[u8], granted: bool) -> Option<Vec<u8>> {
        match self.relay.take(message, self.now) {
            Said::Reply(answer) => return Some(answer),
            Said::Forbidden(answer) => return answer,
            Said::Forward { .. } => panic!("forwarded"),
            Said::Nothing => {}
        }
        let mut answer = None;
        loop {
            self.relay.settle(PORT, granted, self.now, |bytes| {
                answer = Some(bytes.to_vec())
            });
            let Some(due) = self.relay.due() else {
                return answer;
            };
            assert_eq!(answer, None, "before its time");
            assert!(due > self.now && due <= self.now + HEAD_START);
            self.now = due;
        }
    }

    /// Asks for an allocation, first without and then with credentials.
    fn allocate(&mut self, granted: bool) -> Vec<u8> {
        let mut bare = Message::builder_request(ALLOCATE, MessageWriteVec::new());
        let udp = RequestedTransport::new(RequestedTransport::UDP);
        bare.add_attribute(&udp).unwrap();
        let challenge = self.ask(&bare.finish(), granted).expect("a challenge");
        assert_eq!(code(&challenge), Some(401));
        self.nonce = parse(&challenge)
            .attribute::<Nonce>()
            .unwrap()
            .nonce()
            .to_owned();
        let request = self.request(ALLOCATE, None, None);
        self.ask(&request, granted).expect("an answer")
    }

    fn allocated() -> Self {
        let mut client = Self::new();
        assert_eq!(code(&client.allocate(true)), None);
        client
    }
}

#[test]
fn an_allocation_reaches_the_bridge_and_hears_it() {
    let mut client = Client::new();
    let answer = client.allocate(true);
    let message = parse(&answer);
    let relayed = message.attribute::<XorRelayedAddress>().unwrap();
    let relayed = relayed.addr(message.transaction_id());
    assert_eq!(relayed, addr(&format!("203.0.113.5:{PORT}")));
    let mapped = message.attribute::<XorMappedAddress>().unwrap();
    assert_eq!(
        mapped.addr(message.transaction_id()),
        addr("198.51.100.9:40000")
    );
    assert_eq!(client.relay.relayed(), Some(relayed));
    assert_eq!(client.relay.user(), Some(client.name.as_str()));

    let permission = client.request(CREATE_PERMISSION, Some(BRIDGE), None);
    assert_eq!(code(&client.ask(&permission, true).unwrap()), None);
    // An indication carries a datagram to the bridge, and one comes back in an indication.
    let mut send = Message::builder_indication(SEND, MessageWriteVec::new());
    let peer = XorPeerAddress::new(addr(BRIDGE), send.transaction_id());
    send.add_attribute(&peer).unwrap();
    send.add_attribute(&Data::new(b"hello")).unwrap();
    let send = send.finish();
    let Said::Forward { to, range } = client.relay.take(&send, client.now) else {
        panic!("not forwarded");
    };
    assert_eq!((to, &send[range]), (addr(BRIDGE), &b"hello"[..]));
    let mut space = [0xee; 256];
    let bridge = Some("203.0.113.5".parse().unwrap());
    let length = client
        .relay
        .wrap(bridge, b"there", client.now, &mut space)
        .unwrap();
    let data = parse(&space[..length]);
    assert_eq!(data.method(), DATA);
    assert_eq!(data.attribute::<Data<'_>>().unwrap().data(), b"there");
    // A channel carries them shorter, padded as streams want it.
    let bind = client.request(CHANNEL_BIND, Some(BRIDGE), Some(0x4001));
    assert_eq!(code(&client.ask(&bind, true).unwrap()), None);
    let channel = [0x40, 0x01, 0, 5, b'a', b'g', b'a', b'i', b'n'];
    let Said::Forward { to, range } = client.relay.take(&channel, client.now) else {
        panic!("not forwarded");
    };
    assert_eq!((to, &channel[range]), (addr(BRIDGE), &b"again"[..]));
    let length = client
        .relay
        .wrap(bridge, b"there", client.now, &mut space)
        .unwrap();
    assert_eq!(space[..length], *b"\x40\x01\0\x05there\0\0\0");
}

#[test]
fn no_other_peer_is_reached_in_any_spelling() {
    let mut client = Client::allocated();
    for peer in [
        "127.0.0.1:8445",
        "0.0.0.0:8445",
        "10.0.0.1:161",
        "169.254.169.254:80",
        "[::1]:8445",
        "[::]:8445",
        "[::ffff:203.0.113.5]:8445",
        "[::ffff:127.0.0.1]:22",
        "[::203.0.113.5]:8445",
        "[64:ff9b::203.0.113.5]:8445",
        "[fe80::1]:8445",
    ] {
        let permission = client.request(CREATE_PERMISSION, Some(peer), None);
        assert!(
            matches!(client.relay.take(&permission, client.now), Said::Forbidden(Some(answer)) if code(&answer) == Some(403)),
            "{peer}"
        );
    }
    // Nor another port of the bridge's host: SSH, the pages, SNMP.
    for port in [22, 443, 161, 8444, 8446, PORT] {
        let peer = format!("203.0.113.5:{port}");
        let bind = client.request(CHANNEL_BIND, Some(&peer), Some(0x4001));
        assert!(
            matches!(client.relay.take(&bind, client.now), Said::Forbidden(Some(answer)) if code(&answer) == Some(403)),
            "{peer}"
        );
        let permission = client.request(CREATE_PERMISSION, Some(BRIDGE), None);
        assert_eq!(code(&client.ask(&permission, true).unwrap()), None);
        let mut send = Message::builder_indication(SEND, MessageWriteVec::new());
        let peer = XorPeerAddress::new(peer.parse().unwrap(), send.transaction_id());
        send.add_attribute(&peer).unwrap();
        send.add_attribute(&Data::new(b"hello")).unwrap();
        assert!(matches!(
            client.relay.take(&send.finish(), client.now),
            Said::Forbidden(None)
        ));
    }
}

#[test]
fn nobody_gets_an_allocation_without_credentials_of_ours() {
    type Change = fn(&mut Client);
    let changes: [(&str, Change); 5] = [
        ("a wrong password", |client| client.password.push('0')),
        ("a name whose time is over", |client| {
            (client.name, client.password) = client.terms.credentials(12, lasting(-1));
        }),
        ("a name that was made to last", |client| {
            client.name = format!("{}:12", lasting(1_000_000));
        }),
        ("another seat's name", |client| {
            client.name = client.name.replace(":12", ":13");
        }),
        ("credentials of another secret", |client| {
            let other = RelayTerms::new(&[8; 32], Vec::new());
            (client.name, client.password) = other.credentials(12, lasting(60));
        }),
    ];
    for (what, change) in changes {
        let mut client = Client::new();
        change(&mut client);
        assert_eq!(code(&client.allocate(true)), Some(401), "{what}");
        assert_eq!(client.relay.relayed(), None, "{what}");
    }
    let mut client = Client::new();
    assert_eq!(
        code(&client.allocate(false)),
        Some(508),
        "too many of one seat"
    );
    assert_eq!(client.relay.relayed(), None);
}

#[test]
fn an_allocation_ends_with_its_lifetime_and_with_its_permissions_what_it_hears() {
    let mut client = Client::allocated();
    let permission = client.request(CREATE_PERMISSION, Some(BRIDGE), None);
    client.ask(&permission, true).unwrap();
    let bridge = Some("203.0.113.5".parse().unwrap());
    let mut space = [0; 256];
    assert!(
        client
            .relay
            .wrap(bridge, b"there", client.now, &mut space)
            .is_some()
    );
    client.now += Duration::from_secs(301);
    assert!(
        client
            .relay
            .wrap(bridge, b"there", client.now, &mut space)
            .is_none()
    );
    assert!(client.relay.settle(PORT, true, client.now, |_| {}));
    let refresh = client.request(REFRESH, None, None);
    assert_eq!(code(&client.ask(&refresh, true).unwrap()), None);
    client.now += Duration::from_secs(590);
    assert!(client.relay.settle(PORT, true, client.now, |_| {}));
    client.now += Duration::from_secs(20);
    assert!(!client.relay.settle(PORT, true, client.now, |_| {}));
}

#[test]
fn mutated_messages_change_nothing_and_panic_never() {
    let mut client = Client::allocated();
    let good = [
        client.request(CREATE_PERMISSION, Some(BRIDGE), None),
        client.request(CHANNEL_BIND, Some(BRIDGE), Some(0x4001)),
        client.request(ALLOCATE, None, None),
        client.request(REFRESH, None, None),
        vec![0x40, 1, 0, 4, 1, 2, 3, 4],
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for _ in 0..20_000 {
        let mut message = good[random() % good.len()].clone();
        for _ in 0..1 + random() % 4 {
            let at = random() % message.len();
            message[at] = random() as u8;
        }
        message.truncate(1 + random() % (message.len() * 4));
        if let Said::Forward { to, .. } = client.relay.take(&message, client.now) {
            assert_eq!(to, addr(BRIDGE));
        }
        client.relay.settle(PORT, true, client.now, |_| {});
    }
    let relayed = client.relay.relayed();
    assert_eq!(relayed, Some(addr(&format!("203.0.113.5:{PORT}"))));
}

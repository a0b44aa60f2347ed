//! Faults as they are seen from outside: by polling, by notifications, by the media edge.

use std::net::SocketAddr;
use std::time::Duration;

use async_snmp::message::{CommunityMessage, CommunityPdu};
use async_snmp::{DecodeConfig, Oid, Pdu, PduType, ResponsePdu, Value, Version};
use bytes::Bytes;
use nhipcau_lab::{Fault, Lab, LabConfig, LabError, LinkState, Notification};
use tokio::net::UdpSocket;

use crate::client::{Client, oid};
use crate::{address, config, lab};

const LINK_DOWN: &str = "1.3.6.1.6.3.1.1.5.3";
const LINK_UP: &str = "1.3.6.1.6.3.1.1.5.4";
const COLD_START: &str = "1.3.6.1.6.3.1.1.5.1";

/// Where notifications arrive.
struct Receiver(UdpSocket);

struct Heard {
    from: SocketAddr,
    pdu: Pdu,
    trap: Oid,
}

impl Receiver {
    async fn bind() -> (Self, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("an address");
        (Self(socket), address)
    }

    async fn next(&self) -> Heard {
        let mut buffer = vec![0; 65_536];
        let received =
            tokio::time::timeout(Duration::from_secs(5), self.0.recv_from(&mut buffer)).await;
        let (length, from) = received.expect("a notification comes").expect("receives");
        let data = Bytes::copy_from_slice(&buffer[..length]);
        let message = CommunityMessage::decode(data, DecodeConfig::STRICT)
            .expect("well formed")
            .value;
        assert_eq!(message.community().as_bytes(), b"public");
        let CommunityPdu::Standard(pdu) = message.into_community_pdu() else {
            panic!("not SNMPv2")
        };
        assert_eq!(pdu.varbinds()[0].oid, oid("1.3.6.1.2.1.1.3.0"));
        let trap = pdu.varbinds()[1]
            .value
            .as_oid()
            .expect("snmpTrapOID")
            .clone();
        Heard { from, pdu, trap }
    }

    /// The notifications of these kinds and senders, whatever order they come in.
    async fn expect(&self, mut expected: Vec<(&str, SocketAddr)>) {
        while !expected.is_empty() {
            let heard = self.next().await;
            let at = expected
                .iter()
                .position(|(trap, from)| oid(trap) == heard.trap && *from == heard.from);
            let at = at.unwrap_or_else(|| {
                panic!(
                    "{} from {} was not expected ({expected:?})",
                    heard.trap, heard.from
                )
            });
            expected.remove(at);
        }
    }
}

async fn lab_with_traps(number: u8) -> (Lab, Receiver) {
    let (receiver, target) = Receiver::bind().await;
    let config = LabConfig {
        trap_target: Some(target),
        lldp_hold: Duration::ZERO,
        ..config(number)
    };
    (Lab::start(config).await.expect("starts"), receiver)
}

#[tokio::test]
async fn a_broken_link_is_seen_told_and_healed() {
    let (lab, receiver) = lab_with_traps(20).await;
    let client = Client::new(Version::V2c).await;
    let (near, far, behind) = (
        address(&lab, "isr4431"),
        address(&lab, "r-bac-tra-my"),
        address(&lab, "r-xa-tra-giang"),
    );
    let link = lab
        .links()
        .into_iter()
        .find(|link| link.id == "isr4431--r-bac-tra-my")
        .expect("is there");
    let port = client
        .index_of(near, "1.3.6.1.2.1.31.1.1.1.1", &link.a.1)
        .await;
    let object = |column: &str| format!("1.3.6.1.2.1.{column}.{port}");
    let neighbour = format!("1.0.8802.1.1.2.1.4.1.1.9.0.{port}.1");
    assert_eq!(
        client.value(near, &object("2.2.1.8")).await,
        Value::Integer(1)
    );
    assert_eq!(
        client.value(near, &neighbour).await.as_str(),
        Some("r-bac-tra-my.qnam")
    );
    let changed_before = client
        .value(near, &object("2.2.1.9"))
        .await
        .as_u32()
        .expect("ticks");
    let mut faults = lab.faults();
    assert!(faults.borrow_and_update().dropped_sites.is_empty());

    lab.break_link(&link.id).expect("breaks");
    let heard = receiver.next().await;
    assert_eq!((heard.trap, heard.from), (oid(LINK_DOWN), near));
    assert_eq!(heard.pdu.pdu_type(), PduType::TrapV2);
    let said: Vec<_> = heard.pdu.varbinds()[2..]
        .iter()
        .map(|binding| binding.value.clone())
        .collect();
    assert_eq!(
        said[..3],
        [
            Value::Integer(port as i32),
            Value::Integer(1),
            Value::Integer(2)
        ]
    );
    assert_eq!(said[4].as_str(), Some(link.a.1.as_str()));

    assert_eq!(
        client.value(near, &object("2.2.1.8")).await,
        Value::Integer(2)
    );
    assert!(
        client
            .value(near, &object("2.2.1.9"))
            .await
            .as_u32()
            .expect("ticks")
            > changed_before
    );
    assert!(
        client.value(near, &neighbour).await.is_exception(),
        "the neighbour is forgotten"
    );
    let octets = client.value(near, &object("31.1.1.1.10")).await;
    for _ in 0..20 {
        assert_eq!(
            client.value(near, &object("31.1.1.1.10")).await,
            octets,
            "a port that is down counts nothing"
        );
    }
    assert!(client.is_silent(far).await);
    assert!(client.is_silent(behind).await);
    client.hear(address(&lab, "r-tam-ky")).await;
    let dropped = faults.borrow_and_update().dropped_sites.clone();
    assert!(
        dropped.contains("v-bac-tra-my")
            && dropped.contains("xa-tra-giang")
            && !dropped.contains("v-tam-ky")
    );
    assert_eq!(
        dropped.iter().cloned().collect::<Vec<_>>(),
        link.sites_behind
    );
    lab.break_link(&link.id).expect("once more changes nothing");
    assert!(!faults.has_changed().expect("the lab runs"));

    lab.heal(&link.id).expect("heals");
    receiver.expect(vec![(LINK_UP, near), (LINK_UP, far)]).await;
    assert_eq!(
        client.value(near, &object("2.2.1.8")).await,
        Value::Integer(1)
    );
    assert_eq!(
        client.value(near, &neighbour).await.as_str(),
        Some("r-bac-tra-my.qnam")
    );
    client.hear(behind).await;
    assert!(faults.borrow_and_update().dropped_sites.is_empty());
    lab.stop().await;
}

#[tokio::test]
async fn a_narrow_link_shapes_the_sites_behind_it() {
    let lab = lab(21).await;
    let mut faults = lab.faults();
    lab.narrow("isr4431--r-hoi-an", 2_000_000).expect("narrows");
    lab.narrow("r-hoi-an--r-phuong-hoi-an", 500_000)
        .expect("narrows");
    let now = faults.borrow_and_update().clone();
    assert!(now.dropped_sites.is_empty());
    assert_eq!(now.narrowed_sites["v-hoi-an"], 2_000_000);
    assert_eq!(now.narrowed_sites["phuong-hoi-an"], 500_000);
    assert!(!now.narrowed_sites.contains_key("v-tam-ky"));
    let state = |lab: &Lab| {
        lab.links()
            .into_iter()
            .find(|link| link.id == "isr4431--r-hoi-an")
            .expect("is there")
            .state
    };
    assert_eq!(state(&lab), LinkState::Narrowed(2_000_000));
    lab.narrow("isr4431--r-hoi-an", 3_000_000)
        .expect("narrows anew");
    assert_eq!(state(&lab), LinkState::Narrowed(3_000_000));
    lab.heal("all").expect("heals");
    assert_eq!(state(&lab), LinkState::Up);
    assert!(faults.borrow_and_update().narrowed_sites.is_empty());
    lab.stop().await;
}

#[tokio::test]
async fn a_power_failure_runs_on_battery_and_says_so() {
    let (lab, receiver) = lab_with_traps(22).await;
    let client = Client::new(Version::V2c).await;
    let ups = address(&lab, "ups1");
    let (source, alarms, alarm) = (
        "1.3.6.1.2.1.33.1.4.1.0",
        "1.3.6.1.2.1.33.1.6.1.0",
        "1.3.6.1.2.1.33.1.6.2.1.2.1",
    );
    assert_eq!(client.value(ups, source).await, Value::Integer(3));
    assert!(client.value(ups, alarm).await.is_exception());
    lab.break_link("power").expect("fails");
    receiver.expect(vec![("1.3.6.1.2.1.33.2.0.1", ups)]).await;
    assert_eq!(
        client.value(ups, source).await,
        Value::Integer(5),
        "battery"
    );
    assert_eq!(
        client.value(ups, alarms).await.as_u32().or(Some(1)),
        Some(1)
    );
    assert_eq!(
        client.value(ups, alarm).await,
        Value::ObjectIdentifier(oid("1.3.6.1.2.1.33.1.6.3.2"))
    );
    assert_eq!(
        client.value(ups, "1.3.6.1.2.1.33.1.3.3.1.3.1").await,
        Value::Integer(0),
        "no input voltage"
    );
    lab.heal("power").expect("heals");
    receiver.expect(vec![("1.3.6.1.2.1.33.2.0.4", ups)]).await;
    assert_eq!(client.value(ups, source).await, Value::Integer(3));
    lab.stop().await;
}

#[tokio::test]
async fn sensors_and_fans_fail_one_at_a_time() {
    let (lab, receiver) = lab_with_traps(23).await;
    let client = Client::new(Version::V2c).await;
    let server = address(&lab, "srv2");
    // cpqHeTemperatureCondition of the inlet, its value, and the condition of the whole.
    let (condition, celsius, whole) = (
        "1.3.6.1.4.1.232.6.2.6.8.1.6.0.1",
        "1.3.6.1.4.1.232.6.2.6.8.1.4.0.1",
        "1.3.6.1.4.1.232.6.1.3.0",
    );
    assert_eq!(client.value(server, whole).await, Value::Integer(2));
    lab.break_link("sensor srv2 inlet hot").expect("heats");
    receiver
        .expect(vec![("1.3.6.1.4.1.232.0.6040", server)])
        .await;
    assert_eq!(client.value(server, condition).await, Value::Integer(4));
    assert_eq!(client.value(server, whole).await, Value::Integer(4));
    assert!(client.value(server, celsius).await.as_i32().expect("°C") > 42);
    lab.heal("sensor srv2 inlet hot").expect("cools");
    receiver
        .expect(vec![("1.3.6.1.4.1.232.0.6041", server)])
        .await;
    assert_eq!(client.value(server, whole).await, Value::Integer(2));

    let core = address(&lab, "core4503");
    lab.break_link("fan").expect("stops");
    receiver
        .expect(vec![("1.3.6.1.4.1.9.9.13.3.0.4", core)])
        .await;
    let states = client.walk(core, "1.3.6.1.4.1.9.9.13.1.4.1.3").await;
    assert_eq!(states[0].value, Value::Integer(3));
    assert_eq!(
        lab.list().faults,
        [Fault::Fan {
            device: "core4503".to_owned()
        }]
    );
    lab.stop().await;
}

#[tokio::test]
async fn a_device_that_is_off_is_gone_and_starts_anew() {
    let (lab, receiver) = lab_with_traps(24).await;
    let client = Client::new(Version::V2c).await;
    let router = address(&lab, "r-tam-ky");
    let isr = address(&lab, "isr4431");
    let (uptime, boots) = ("1.3.6.1.2.1.1.3.0", "1.3.6.1.6.3.10.2.1.2.0");
    let ticks = client.value(router, uptime).await.as_u32().expect("ticks");
    let starts = client
        .value(router, boots)
        .await
        .as_i32()
        .expect("a number");
    lab.inject(Fault::DeviceOff {
        device: "r-tam-ky".to_owned(),
    })
    .expect("goes off");
    receiver.expect(vec![(LINK_DOWN, isr)]).await;
    assert!(client.is_silent(router).await);
    assert!(
        lab.faults()
            .borrow()
            .dropped_sites
            .contains("phuong-tam-ky")
    );
    lab.heal("r-tam-ky").expect("comes back");
    // It and its neighbours tell: itself of its start and its links, the others of theirs to it.
    let mut expected = vec![(COLD_START, router)];
    for link in lab
        .links()
        .iter()
        .filter(|link| link.a.0 == "r-tam-ky" || link.b.0 == "r-tam-ky")
    {
        expected.push((LINK_UP, address(&lab, &link.a.0)));
        expected.push((LINK_UP, address(&lab, &link.b.0)));
    }
    receiver.expect(expected).await;
    assert!(client.value(router, uptime).await.as_u32().expect("ticks") < ticks);
    assert_eq!(
        client.value(router, boots).await,
        Value::Integer(starts + 1)
    );
    lab.stop().await;
}

#[tokio::test]
async fn an_inform_is_confirmed() {
    let (receiver, target) = Receiver::bind().await;
    let config = LabConfig {
        trap_target: Some(target),
        notification: Notification::Inform,
        ..config(25)
    };
    let lab = Lab::start(config).await.expect("starts");
    lab.break_link("core4503--c3850").expect("breaks");
    let heard = receiver.next().await;
    assert_eq!(heard.pdu.pdu_type(), PduType::InformRequest);
    let of_core = |lab: &Lab| {
        let core = lab.list().devices.remove(0);
        (core.requests, core.dropped)
    };
    let (requests, dropped) = of_core(&lab);
    let confirmation = ResponsePdu::success(
        Version::V2c,
        heard.pdu.request_id(),
        heard.pdu.varbinds().to_vec(),
    );
    let message = CommunityMessage::v2c("public", confirmation.expect("a response").into_raw())
        .expect("a message");
    receiver
        .0
        .send_to(&message.encode().expect("encodes"), heard.from)
        .await
        .expect("sends");
    while of_core(&lab).0 == requests {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        of_core(&lab).1,
        dropped,
        "a confirmation is no malformed request"
    );
    lab.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_said_with_what_is_near() {
    let lab = lab(26).await;
    match lab.break_link("r-tam-ky") {
        Err(LabError::Unknown { near, .. }) => {
            assert!(near.contains(&"isr4431--r-tam-ky".to_owned()), "{near:?}")
        }
        other => panic!("{other:?}"),
    }
    assert!(
        matches!(lab.break_link("sensor srv2 inlett hot"), Err(LabError::Unknown { near, .. }) if near == ["inlet"])
    );
    assert!(matches!(
        lab.break_link("device srv22 off"),
        Err(LabError::Unknown { .. })
    ));
    assert!(matches!(
        lab.break_link("fan cooling9"),
        Err(LabError::Unknown { .. })
    ));
    assert!(matches!(
        lab.break_link("two words"),
        Err(LabError::Words { .. })
    ));
    assert!(matches!(
        lab.heal("nothing-here"),
        Err(LabError::Unknown { .. })
    ));
    assert!(matches!(
        lab.narrow("nothing-here", 5),
        Err(LabError::Unknown { .. })
    ));
    lab.heal("all").expect("nothing to heal");
    lab.heal("core4503").expect("nothing to heal");
    assert!(lab.list().faults.is_empty());
    lab.stop().await;
}

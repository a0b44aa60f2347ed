//! Every device read from end to end, and what must be there.

use std::collections::{BTreeMap, BTreeSet};

use async_snmp::{Value, Version};
use nhipcau_lab::{Lab, LabConfig, LabError};

use crate::client::{Client, oid};
use crate::{address, config, lab};

const IF_NAME: &str = "1.3.6.1.2.1.31.1.1.1.1";

#[tokio::test]
async fn every_device_walks_upwards_to_its_end() {
    let lab = lab(10).await;
    let client = Client::new(Version::V2c).await;
    for device in lab.list().devices {
        let all = client.walk_all(device.address).await;
        // Variables that show only faults are not there now.
        let missing = device.variables - all.len();
        assert!(
            missing <= 9,
            "{}: {} of {}",
            device.id,
            all.len(),
            device.variables
        );
        assert!(all.iter().all(|row| !row.value.is_exception()));
    }
    // The same by GETNEXT, in v2c and v1, for one of each kind of table.
    let to = address(&lab, "ups1");
    let bulk: Vec<_> = client
        .walk_all(to)
        .await
        .into_iter()
        .map(|row| row.oid)
        .collect();
    let mut single = Vec::new();
    let mut at = oid("1.0");
    loop {
        let binding = client.next(to, &at).await.into_varbinds().remove(0);
        if matches!(binding.value, Value::EndOfMibView) {
            break;
        }
        assert!(binding.oid > at);
        at = binding.oid.clone();
        single.push(binding.oid);
    }
    assert_eq!(single, bulk);
    let old = Client::new(Version::V1).await;
    let end = old.next(to, &at).await;
    assert_eq!(end.error_status(), 2, "noSuchName ends a v1 walk");
    lab.stop().await;
}

#[tokio::test]
async fn every_family_is_recognisable_and_has_its_objects() {
    let lab = lab(11).await;
    let client = Client::new(Version::V2c).await;
    // Device, sysObjectID, and an object of its family that must have a value.
    let expected = [
        (
            "core4503",
            "1.3.6.1.4.1.9.1.503",
            "1.3.6.1.4.1.9.9.13.1.3.1.3",
        ),
        (
            "c3850",
            "1.3.6.1.4.1.9.1.1745",
            "1.3.6.1.4.1.9.9.91.1.1.1.1.4",
        ),
        (
            "isr4431",
            "1.3.6.1.4.1.9.1.1935",
            "1.3.6.1.4.1.9.9.109.1.1.1.1.8",
        ),
        (
            "ftd1",
            "1.3.6.1.4.1.9.1.2405",
            "1.3.6.1.4.1.9.9.147.1.2.2.2.1.5",
        ),
        (
            "syn-frame1",
            "1.3.6.1.4.1.11.5.7.1.2",
            "1.3.6.1.4.1.232.22.2.3.1.3.1.11",
        ),
        (
            "srv3",
            "1.3.6.1.4.1.232.9.4.11",
            "1.3.6.1.4.1.232.6.2.6.8.1.4",
        ),
        (
            "san1",
            "1.3.6.1.4.1.1588.2.1.1.1",
            "1.3.6.1.4.1.1588.2.1.1.1.6.2.1.11",
        ),
        ("par8400", "1.3.6.1.4.1.12925.1", "1.3.6.1.2.1.2.2.1.8"),
        (
            "storeonce",
            "1.3.6.1.4.1.8072.3.2.10",
            "1.3.6.1.2.1.25.2.3.1.6",
        ),
        ("esxi1", "1.3.6.1.4.1.6876.4.1", "1.3.6.1.4.1.6876.2.1.1.2"),
        ("ups1", "1.3.6.1.4.1.318.1.3.27", "1.3.6.1.2.1.33.1.2.4"),
        (
            "pdu1",
            "1.3.6.1.4.1.318.1.3.4.6",
            "1.3.6.1.4.1.318.1.1.26.6.3.1.5",
        ),
        (
            "cooling1",
            "1.3.6.1.4.1.318.1.3.14.13",
            "1.3.6.1.4.1.318.1.1.13.3.2.2.2.9",
        ),
        ("r-tam-ky", "1.3.6.1.4.1.9.1.2093", "1.3.6.1.2.1.99.1.1.1.4"),
        (
            "r-xa-tra-giang",
            "1.3.6.1.4.1.9.1.2655",
            "1.3.6.1.4.1.9.9.42.1.2.10.1.1",
        ),
    ];
    for (id, object_id, object) in expected {
        let to = address(&lab, id);
        assert_eq!(
            client.value(to, "1.3.6.1.2.1.1.2.0").await,
            Value::ObjectIdentifier(oid(object_id)),
            "{id}"
        );
        assert!(
            !client.walk(to, object).await.is_empty(),
            "{id} has no {object}"
        );
        assert!(
            !client.walk(to, IF_NAME).await.is_empty(),
            "{id} has no interfaces"
        );
    }
    lab.stop().await;
}

#[tokio::test]
async fn the_configuration_names_what_the_agents_have() {
    let lab = lab(12).await;
    let client = Client::new(Version::V2c).await;
    let yaml: serde_yaml::Value = serde_yaml::from_str(&lab.configuration()).expect("is YAML");
    let list = |key: &str| yaml[key].as_sequence().expect("a list").clone();
    let text = |value: &serde_yaml::Value| value.as_str().expect("a text").to_owned();

    let mut interfaces: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for device in list("devices") {
        let to = text(&device["address"]).parse().expect("an address");
        let names = client.walk(to, IF_NAME).await;
        let names = names
            .iter()
            .map(|row| row.value.as_str().expect("a text").to_owned())
            .collect();
        interfaces.insert(text(&device["id"]), names);
    }
    assert_eq!(interfaces.len(), 21 + 18 + 60);
    let check = |end: &serde_yaml::Value| {
        let (device, interface) = (text(&end["device"]), text(&end["interface"]));
        assert!(
            interfaces[&device].contains(&interface),
            "{device} has no {interface}: {:?}",
            interfaces[&device]
        );
    };
    for link in list("links") {
        check(&link["a"]);
        check(&link["b"]);
    }
    let sites = list("sites");
    let ids: BTreeSet<String> = sites.iter().map(|site| text(&site["id"])).collect();
    assert_eq!(ids.len(), 2 + 18 + 60);
    for site in &sites {
        if !site["uplink"].is_null() {
            check(&site["uplink"]);
        }
        if !site["parent"].is_null() {
            assert!(ids.contains(&text(&site["parent"])));
        }
    }
    let users = list("devices")
        .iter()
        .filter(|device| device["credentials"][0] == "lab-v3")
        .count();
    assert!((3..30).contains(&users), "some devices use v3: {users}");
    assert!(
        lab.links()
            .iter()
            .any(|link| link.sites_behind == ["xa-tra-giang"])
    );
    lab.stop().await;
}

#[tokio::test]
async fn neighbours_match_the_topology() {
    let lab = lab(13).await;
    let client = Client::new(Version::V2c).await;
    let names: BTreeMap<String, String> = {
        let mut names = BTreeMap::new();
        for device in lab.list().devices {
            let name = client.value(device.address, "1.3.6.1.2.1.1.5.0").await;
            names.insert(device.id, name.as_str().expect("a text").to_owned());
        }
        names
    };
    let mut seen = 0;
    for link in lab.links() {
        for (own, other) in [(&link.a, &link.b), (&link.b, &link.a)] {
            let to = address(&lab, &own.0);
            if client.walk(to, "1.0.8802.1.1.2.1.4.1.1.9").await.is_empty() {
                continue;
            }
            let port = client
                .index_of(to, "1.0.8802.1.1.2.1.3.7.1.3", &own.1)
                .await;
            let name = client
                .value(to, &format!("1.0.8802.1.1.2.1.4.1.1.9.0.{port}.1"))
                .await;
            if let Some(name) = name.as_str() {
                assert_eq!(name, names[&other.0], "{} {}", own.0, own.1);
                let far = client
                    .value(to, &format!("1.0.8802.1.1.2.1.4.1.1.7.0.{port}.1"))
                    .await;
                assert_eq!(far.as_str(), Some(other.1.as_str()));
                seen += 1;
            }
        }
    }
    assert!(seen >= 2 * (18 + 60), "{seen} neighbours");
    lab.stop().await;
}

#[tokio::test]
async fn counters_rise_and_replies_keep_to_their_size() {
    let lab = Lab::start(LabConfig {
        reply_bytes_max: 484,
        ..config(14)
    })
    .await
    .expect("starts");
    let client = Client::new(Version::V2c).await;
    let to = address(&lab, "isr4431");
    let octets = |value: Value| value.as_u64().expect("a counter");
    let first = octets(client.value(to, "1.3.6.1.2.1.31.1.1.1.10.5").await);
    assert!(first > 0);
    // Wait for the counter, not for the clock.
    while octets(client.value(to, "1.3.6.1.2.1.31.1.1.1.10.5").await) <= first {
        tokio::task::yield_now().await;
    }
    let reply = client
        .bulk(to, 0, 1000, &[oid("1.3.6.1.2.1.2.2.1.2")])
        .await;
    assert!(
        (5..40).contains(&reply.varbinds().len()),
        "{}",
        reply.varbinds().len()
    );
    // Names that cannot all be answered: tooBig, not a broken reply.
    let many = vec!["1.3.6.1.2.1.1.1.0"; 60];
    assert_eq!(client.get(to, &many).await.error_status(), 1);
    lab.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = lab(15).await;
    match Lab::start(config(15)).await {
        Err(error @ LabError::Bind { .. }) => {
            let text = error.to_string();
            assert!(
                text.contains("127.115.0.1:") && text.contains("core4503"),
                "{text}"
            );
        }
        other => panic!("{other:?}"),
    }
    first.stop().await;
    lab(15).await.stop().await;
    assert!(matches!(
        Lab::start(LabConfig {
            port: 0,
            ..config(15)
        })
        .await,
        Err(LabError::Config { key: "port", .. })
    ));
}

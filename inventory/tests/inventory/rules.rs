//! What a rule of a profile can do, each on a device of a few lines.

use std::sync::Arc;
use std::time::Duration;

use nhipcau_inventory::poller::PollerConfig;
use nhipcau_inventory::{Collection, Health, Oid, ProfileSet};

use crate::agent::Agent;
use crate::network::{Network, spec, well};

/// Reads a device by a profile of the test's own.
fn read(profile: &str, device: &str) -> Arc<Collection> {
    let profiles = ProfileSet::parse([("own.yaml", profile)]).unwrap();
    let mut network = Network::with(PollerConfig::default(), Arc::new(profiles), 7);
    network.watch(spec("device", 60), Agent::from_recording(device));
    network.run_for(Duration::from_secs(150), well);
    network.last("device").clone()
}

const SYSTEM: &str =
    "1.3.6.1.2.1.1.1.0|4|Box B7 os 9.1 app 2.4\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1\n";

#[test]
fn the_row_says_how_its_value_is_scaled() {
    let profile = "
profile: box
match: [{object_id: [1.3.6.1.4.1.99999]}]
modules: []
tables:
  - name: values
    columns:
      name: 1.3.6.1.4.1.99999.2.1.1
      value: 1.3.6.1.4.1.99999.2.1.2
      factor: 1.3.6.1.4.1.99999.2.1.3
      digits: 1.3.6.1.4.1.99999.2.1.4
      divisor: 1.3.6.1.4.1.99999.2.1.5
      limit: 1.3.6.1.4.1.99999.2.1.6
    sensors:
      - {name: '{name} {index.last} by factor', class: count, value: value, scale_by: factor, limits: {high_critical: limit}}
      - {name: '{name} {index.last} by digits', class: count, value: value, decimals: digits}
      - {name: '{name} {index.last} by divisor', class: count, value: value, divide_by: divisor, offset: 1}
";
    let device = format!(
        "{SYSTEM}\
         1.3.6.1.4.1.99999.2.1.1.7.1|4|a\n1.3.6.1.4.1.99999.2.1.2.7.1|2|250\n1.3.6.1.4.1.99999.2.1.3.7.1|2|-100\n\
         1.3.6.1.4.1.99999.2.1.4.7.1|2|1\n1.3.6.1.4.1.99999.2.1.5.7.1|2|50\n1.3.6.1.4.1.99999.2.1.6.7.1|2|400\n\
         1.3.6.1.4.1.99999.2.1.1.7.2|4|b\n1.3.6.1.4.1.99999.2.1.2.7.2|2|3\n1.3.6.1.4.1.99999.2.1.3.7.2|2|1000\n\
         1.3.6.1.4.1.99999.2.1.5.7.2|2|0\n"
    );
    let collection = read(profile, &device);
    let sensors: Vec<_> = collection
        .sensors
        .iter()
        .map(|s| (&*s.name, s.value, s.limits.high_critical))
        .collect();
    assert_eq!(
        sensors,
        [
            ("a 1 by factor", Some(2.5), Some(4.0)),
            ("a 1 by digits", Some(25.0), None),
            ("a 1 by divisor", Some(6.0), None),
            ("b 2 by factor", Some(3_000.0), None),
            ("b 2 by digits", Some(3.0), None),
            // By nothing a value is not divided.
        ]
    );
}

#[test]
fn a_state_may_be_known_by_its_word_and_counted_by_its_number() {
    let profile = "
profile: box
match: [{object_id: [1.3.6.1.4.1.99999]}]
modules: []
states: {operation: {idle: ok idle, lost: critical lost}}
tables:
  - name: states
    columns: {number: 1.3.6.1.4.1.99999.6.1.1, word: 1.3.6.1.4.1.99999.6.1.2}
    sensors: [{name: 'Part {index}', class: state, state: number, word: word, states: operation}]
";
    let device = format!(
        "{SYSTEM}1.3.6.1.4.1.99999.6.1.1.1|2|4\n1.3.6.1.4.1.99999.6.1.1.2|2|4\n\
         1.3.6.1.4.1.99999.6.1.2.1|4|Idle\n1.3.6.1.4.1.99999.6.1.2.2|4|Lost\n"
    );
    let collection = read(profile, &device);
    let states: Vec<_> = collection
        .sensors
        .iter()
        .map(|s| (s.state.as_deref(), s.state_health, s.state_number))
        .collect();
    assert_eq!(
        states,
        [
            (Some("idle"), Health::Ok, Some(4)),
            (Some("lost"), Health::Critical, Some(4))
        ]
    );
}

#[test]
fn identity_is_put_together_from_groups() {
    let profile = "
profile: box
match: [{object_id: [1.3.6.1.4.1.99999]}]
modules: []
identity:
  model: [{oid: 1.3.6.1.4.1.99999.1.0, map: {12: Other}}, {oid: 1.3.6.1.4.1.99999.1.0, pattern: '^S/N (\\d+)', map: {12: Box twelve}}]
  version: [{descr: 'os (\\S+) app (\\S+)', text: 'OS $1 / App $2'}]
  serial: [{oid: 1.3.6.1.4.1.99999.1.0, pattern: '^S/N (\\d+)-(\\d+)$', text: '$2$1'}]
";
    let device = format!("{SYSTEM}1.3.6.1.4.1.99999.1.0|4|S/N 12-34\n");
    let collection = read(profile, &device);
    let identity = &collection.identity;
    assert_eq!(
        (&*identity.model, &*identity.version, &*identity.serial),
        ("Box twelve", "OS 9.1 / App 2.4", "3412")
    );
}

#[test]
fn rows_that_do_not_fit_make_no_part_and_no_room() {
    let profile = "
profile: box
match: [{object_id: [1.3.6.1.4.1.99999]}]
modules: []
tables:
  - name: parts
    columns:
      type: 1.3.6.1.4.1.99999.3.1.1
      low: 1.3.6.1.4.1.99999.3.1.2
      high: 1.3.6.1.4.1.99999.3.1.3
      used: 1.3.6.1.4.1.99999.3.1.4
    components:
      - {name: 'Fan {index}', class: fan, when: {type: '^fan'}}
      - {name: 'Second {type}', class: other, when: {index.last: '^2$'}}
    storage:
      - {name: 'Volume {index}', kind: pool, used: used, size: low, size_high: high, unit_bytes: 1024, when: {type: '^volume$'}}
";
    let device = format!(
        "{SYSTEM}\
         1.3.6.1.4.1.99999.3.1.1.1|4|fan tray\n1.3.6.1.4.1.99999.3.1.1.2|4|volume\n\
         1.3.6.1.4.1.99999.3.1.2.1|66|9\n1.3.6.1.4.1.99999.3.1.2.2|66|4294967295\n1.3.6.1.4.1.99999.3.1.3.2|66|1\n\
         1.3.6.1.4.1.99999.3.1.4.1|66|1\n1.3.6.1.4.1.99999.3.1.4.2|66|2048\n"
    );
    let collection = read(profile, &device);
    let parts: Vec<_> = collection.components.iter().map(|c| &*c.name).collect();
    assert_eq!(parts, ["Fan 1", "Second volume"]);
    let [volume] = &collection.storage[..] else {
        panic!("one volume: {:?}", collection.storage);
    };
    assert_eq!(volume.size_bytes, ((1_u64 << 33) - 1) * 1024);
    assert_eq!(volume.used_bytes, 2048 * 1024);
}

#[test]
fn a_table_is_silent_beside_the_one_it_stands_in_for() {
    let profile = "
profile: box
match: [{object_id: [1.3.6.1.4.1.99999]}]
modules: []
tables:
  - name: new
    columns: {celsius: 1.3.6.1.4.1.99999.4.1.1}
    sensors: [{name: New, class: temperature, value: celsius}]
  - name: old
    instead_of: [new]
    columns: {celsius: 1.3.6.1.4.1.99999.5.1.1}
    sensors: [{name: Old, class: temperature, value: celsius}]
";
    let names = |device: &str| -> Vec<String> {
        let collection = read(profile, device);
        collection
            .sensors
            .iter()
            .map(|s| s.name.to_string())
            .collect()
    };
    let old = format!("{SYSTEM}1.3.6.1.4.1.99999.5.1.1.1|2|20\n");
    assert_eq!(names(&old), ["Old"]);
    let both = format!("{old}1.3.6.1.4.1.99999.4.1.1.1|2|21\n");
    assert_eq!(names(&both), ["New"]);
}

#[test]
fn an_appliance_is_told_from_its_linux_by_an_object_that_it_has() {
    let object_id: Oid = "1.3.6.1.4.1.8072.3.2.10".parse().unwrap();
    let profile = "
profile: appliance
match: [{object_id: [1.3.6.1.4.1.99999], has: 1.3.6.1.4.1.99999.8.0}]
modules: []
identity: {model: [{text: Appliance}]}
";
    let plain = "
profile: plain
match: [{object_id: [1.3.6.1.4.1.99999]}]
modules: []
identity: {model: [{text: Plain}]}
";
    let model = |device: &str| -> String {
        let files = [("a.yaml", profile), ("b.yaml", plain)];
        let profiles = Arc::new(ProfileSet::parse(files).unwrap());
        let mut network = Network::with(PollerConfig::default(), profiles, 7);
        network.watch(spec("device", 60), Agent::from_recording(device));
        network.run_for(Duration::from_secs(150), well);
        network.last("device").identity.model.to_string()
    };
    assert_eq!(model(SYSTEM), "Plain");
    assert_eq!(
        model(&format!("{SYSTEM}1.3.6.1.4.1.99999.8.0|2|1\n")),
        "Appliance"
    );
    let shipped = ProfileSet::shipped();
    assert_eq!(shipped.family(&object_id, "Linux nas 4.4", &[]).0, "linux");
}

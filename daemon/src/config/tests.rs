//! Configurations as operators write them, right and wrong.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::secret::SecretRef;

const PROVINCE: &str = r#"
listen: {traps: null}
state_dir: /var/lib/nhipcau
log: {level: "info,nhipcau::drive=debug", format: json}
credentials:
  - {name: dc, version: v3, user: nhipcau, auth: sha256, auth_password: file:/etc/nhipcau/auth, privacy: aes128, privacy_password: "credential:privacy"}
  - {name: old, version: v2c, community: "env:OLD_COMMUNITY"}
devices:
  - {id: isr4431, name: Router Internet, address: "10.20.0.1", credentials: [dc, old], site: ttdl, poll: 10s}
  - {id: r-tam-ky, address: "[2001:db8::2]:1161", credentials: [old]}
links:
  - {a: {device: isr4431, interface: Gi0/0/1}, b: {device: r-tam-ky, interface: Gi0/0/0}, capacity: 20M}
sites:
  - {id: ttdl, name: Trung tâm dữ liệu, kind: department}
  - {id: tam-ky, name: Tam Kỳ, kind: region, parent: ttdl, uplink: {device: r-tam-ky, interface: Gi0/0/0}, capacity: 20M, phone: "02353", agency_code: H48.12.01}
smtp: {host: mail.quangnam.example, from: nhipcau@quangnam.example, user: nhipcau, password: file:/etc/nhipcau/smtp}
channels:
  on_call: {smtp: [truc@quangnam.example], webhook: file:/etc/nhipcau/hook}
webhook: {allow: [10.20.0.0/16, chat.quangnam.example]}
recording: {min_free: 10GiB}
metrics: {token: "credential:metrics", allow: [10.20.9.9]}
"#;

fn parse(text: &str) -> Result<Config, Vec<ConfigError>> {
    Config::parse_documents(vec![("a.yaml".into(), text.into())], false)
}

/// The mistakes as `line:column key: message`.
fn mistakes(text: &str) -> Vec<String> {
    let errors = parse(text).expect_err("there are mistakes");
    errors
        .iter()
        .map(|e| format!("{}:{} {}: {}", e.line, e.column, e.key, e.message))
        .collect()
}

#[track_caller]
fn one_mistake(text: &str, want: &str) {
    let got = mistakes(text);
    assert!(
        got.len() == 1 && got[0].contains(want),
        "wanted {want:?}, got {got:#?}"
    );
}

#[test]
fn a_province_is_read() {
    let config = parse(PROVINCE).unwrap();
    assert_eq!(config.listen.traps, None);
    assert_eq!(
        config.listen.https,
        "0.0.0.0:8443".parse::<SocketAddr>().unwrap()
    );
    assert_eq!(config.listen.http_loopback, None);
    assert_eq!(
        config.devices[0].address,
        SocketAddr::from(([10, 20, 0, 1], 161))
    );
    assert_eq!(config.devices[0].poll, Some(Duration::from_secs(10)));
    assert_eq!(config.devices[1].name, "r-tam-ky");
    assert_eq!(config.links[0].id, "isr4431:Gi0/0/1");
    assert_eq!(config.links[0].capacity_bps, Some(20_000_000));
    assert_eq!(config.sites[1].phone.as_deref(), Some("02353"));
    assert_eq!(config.recording.min_free_bytes, 10 << 30);
    assert_eq!(
        config.recording.directory,
        PathBuf::from("/var/lib/nhipcau/recordings")
    );
    assert_eq!(
        config.webhook.allow,
        [
            Allowed::Network("10.20.0.0/16".parse().unwrap()),
            Allowed::Host("chat.quangnam.example".into())
        ]
    );
    assert_eq!(config.poll.in_flight, 64);
    let Access::V3 {
        auth: Some((auth, password)),
        privacy: Some((privacy, _)),
        ..
    } = &config.credentials[0].access
    else {
        panic!("{:?}", config.credentials[0])
    };
    assert_eq!(
        (*auth, *privacy),
        (AuthProtocol::Sha256, PrivacyProtocol::Aes128)
    );
    assert_eq!(*password, SecretRef::File("/etc/nhipcau/auth".into()));
    assert!(config.smtp.unwrap().login.is_some() && config.channels["on_call"].webhook.is_some());
}

#[test]
fn nothing_is_a_configuration_and_the_reference_is_the_same_one() {
    let nothing = Config::parse_documents(Vec::new(), false).unwrap();
    assert_eq!(parse("").unwrap(), nothing);
    assert_eq!(parse("# only a comment\n").unwrap(), nothing);
    let reference = reference();
    assert_eq!(
        parse(&reference).unwrap_or_else(|e| panic!("{e:#?}\n{reference}")),
        nothing
    );
}

#[test]
fn the_reference_shows_every_key_and_every_commented_key_is_known() {
    let reference = reference();
    fn keys(fields: &'static [schema::Field], into: &mut Vec<&'static str>) {
        for field in fields {
            into.push(field.key);
            inside(&field.form, into);
        }
    }
    fn inside(form: &'static schema::Form, into: &mut Vec<&'static str>) {
        match form {
            schema::Form::Section(fields) => keys(fields, into),
            schema::Form::List(item) | schema::Form::Map(item) => inside(item, into),
            _ => {}
        }
    }
    let mut all = Vec::new();
    for part in schema::PARTS {
        all.push(part.field.key);
        inside(&part.field.form, &mut all);
    }
    assert!(all.len() > 80);
    let shown: Vec<&str> = reference
        .lines()
        .filter_map(|line| {
            line.trim_start_matches(['#', ' ', '-'])
                .split_once(':')
                .map(|(key, _)| key)
        })
        .collect();
    for key in all {
        assert!(shown.contains(&key), "{key}\n{reference}");
    }
    let uncommented: String = reference
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
        .collect();
    // Sentences are no YAML; keys that stand in comments are checked by what the parser calls unknown.
    let keys_only: String = uncommented
        .lines()
        .filter(|line| line.contains(':') && !line.starts_with(char::is_uppercase))
        .fold(String::new(), |all, line| all + line + "\n");
    if let Err(errors) = parse(&keys_only) {
        assert!(
            errors
                .iter()
                .all(|error| !error.message.contains("unknown key")),
            "{errors:#?}"
        );
    }
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let text = "listn: {}\npoll: {interval: 30, in_flight: 0}\ndevices:\n  - id: a b\n    address: 10.0.0.300\n    credentials: [x]\n  - {id: r, address: 10.0.0.1, credentials: [x], site: nowhere}\n";
    let got = mistakes(text);
    let want = [
        "1:1 listn: unknown key; did you mean listen?",
        "2:18 poll.interval: must be a duration",
        "2:33 poll.in_flight: must be a whole number from 1 to 1000",
        "4:9 devices[0].id: must have letters",
        "5:14 devices[0].address: must be an IP address",
        "6:19 devices[0].credentials[0]: no credential has the name x",
        "7:46 devices[1].credentials[0]: no credential has the name x",
        "7:56 devices[1].site: no site has the name nowhere",
    ];
    assert_eq!(got.len(), want.len(), "{got:#?}");
    for (got, want) in got.iter().zip(want) {
        assert!(got.starts_with(want), "{got} / {want}");
    }
}

#[test]
fn single_mistakes() {
    for (text, want) in [
        ("- a\n", "must be a section of keys, not a list"),
        ("listen: 5\n", "must be a section"),
        ("devices: {}\n", "must be a list"),
        ("state_dir: relative\n", "must be an absolute path"),
        ("log: {level: loud}\n", "log.level: must be error, warn"),
        ("log: {format: xml}\n", "must be one of text, json"),
        ("locale: {time_zone: Asia/Saigonn}\n", "no known time zone"),
        (
            "listen: {http_loopback: \"0.0.0.0:80\"}\n",
            "must be a loopback address",
        ),
        (
            "listen: {media: {udp: \"0.0.0.0:162\"}, traps: \"0.0.0.0:162\"}\n",
            "is the address of media.udp",
        ),
        (
            "traps: {sources: [10.20.0.1/16]}\n",
            "the network is 10.20.0.0/16",
        ),
        (
            "credentials: [{name: a, version: v2c, community: \"env:A\"}]\ndiscovery: {ranges: [10.0.0.0/8], credentials: [a]}\n",
            "makes more than 65536 addresses",
        ),
        (
            "credentials: [{name: a, version: v2c, community: \"env:A\"}]\ndiscovery: {ranges: [\"2001:db8::/64\"], credentials: [a]}\n",
            "too large to be swept",
        ),
        (
            "discovery: {ranges: [10.1.0.0/24]}\n",
            "nothing can be asked without a credential",
        ),
        (
            "discovery: {credentials: [nobody]}\n",
            "no credential has the name nobody",
        ),
        ("discovery: {auto: yes}\n", "must be one of"),
        ("poll: {timeout: 30s}\n", "is longer than poll.deadline"),
        ("poll: {interval: 1ms}\n", "must be from 1s to 1h"),
        ("poll: {in_flight: \"64\"}\n", "must be a whole number"),
        (
            "sites: [{id: a, name: A, capacity: 20}]\n",
            "must be a rate",
        ),
        (
            "sites: [{id: a, name: A, parent: b}]\n",
            "no site has the name b",
        ),
        (
            "sites: [{id: a, name: A}, {id: a, name: B}]\n",
            "a is taken already at a.yaml:1:14",
        ),
        (
            "sites: [{id: a, name: A, parent: b}, {id: b, name: B, parent: a}]\n",
            "goes round in a circle",
        ),
        ("sites: [{id: a, name: \"A\\nB\"}]\n", "control characters"),
        (
            "credentials: [{name: a, version: v2c, community: public}]\n",
            "a secret is written file:",
        ),
        (
            "credentials: [{name: a, version: v2c, community: {value: public}}]\n",
            "a secret may not stand here",
        ),
        (
            "credentials: [{name: a, version: v2c}]\n",
            "community: is required for v2c",
        ),
        (
            "credentials: [{name: a, version: v3, user: u, privacy: aes128, privacy_password: \"env:P\"}]\n",
            "needs auth as well",
        ),
        (
            "credentials: [{name: a, version: v3, user: u, auth: sha256}]\n",
            "needs auth_password as well",
        ),
        (
            "credentials: [{name: a, version: v1, community: \"env:C\", user: u}]\n",
            "has no meaning for v1",
        ),
        (
            "smtp: {host: a, from: a@b.vn, tls: none, user: u, password: \"env:P\"}\n",
            "would travel in the open",
        ),
        (
            "smtp: {host: a, from: \"a@b.vn\\r\\nBcc: c@d.vn\"}\n",
            "must be a mail address",
        ),
        (
            "channels: {on_call: {smtp: [a@b.vn]}}\n",
            "there is no mail server",
        ),
        ("channels: {on_call: {}}\n", "tells nobody"),
        (
            "channels: {\"a b\": {webhook: \"env:H\"}}\n",
            "a name has letters",
        ),
        ("a: [\n", "is not YAML"),
        ("listen: &x {}\ntls: *x\n", "anchors"),
        ("listen: !!map {}\n", "tags"),
        ("listen: {}\n---\npoll: {}\n", "second document"),
        (
            "listen: {}\nlisten: {}\n",
            "2:1 listen: is given twice, first in line 1",
        ),
        ("? {a: b}\n: c\n", "a key must be plain text"),
    ] {
        one_mistake(text, want);
    }
}

#[test]
fn bombs_are_refused_quickly() {
    let deep = format!("listen: {}{}", "[".repeat(100), "]".repeat(100));
    one_mistake(&deep, "nested deeper than 16 levels");
    one_mistake(
        &format!("traps: {{sources: [{}]}}", "1,".repeat(300_000)),
        "more than 200000 values",
    );
    one_mistake(&"#".repeat(tree::DOCUMENT_BYTES_MAX + 1), "is larger than");
    assert!(mistakes(&"[".repeat(100_000)).len() == 1);
    let laughs = "a: &a [x,x]\nb: &b [*a,*a]\n";
    one_mistake(laughs, "anchors");
}

#[test]
fn a_secret_written_in_the_open_is_not_repeated() {
    let errors = parse(
        "credentials: [{name: a, version: v2c, community: hunter2}]\nmetrics: {token: hunter2}\n",
    )
    .unwrap_err();
    assert_eq!(errors.len(), 2);
    assert!(!format!("{errors:?}").contains("hunter2"));
}

#[test]
fn documents_join_and_clashes_name_both_places() {
    let documents = |second: &str| {
        Config::parse_documents(
            vec![
                (
                    "one".into(),
                    "poll: {interval: 20s}\nsites: [{id: a, name: A}]\n".into(),
                ),
                ("two".into(), second.into()),
            ],
            false,
        )
    };
    let joined =
        documents("poll: {retries: 5}\nsites: [{id: b, name: B, parent: a}]\nlisten:\n").unwrap();
    assert_eq!(
        (
            joined.poll.interval,
            joined.poll.retries,
            joined.sites.len()
        ),
        (Duration::from_secs(20), 5, 2)
    );
    let clash = documents("poll:\n  interval: 40s\nsites: [{id: a, name: B}]\n").unwrap_err();
    let shown: Vec<String> = clash.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "two:2:13: poll.interval: is given already at one:1:18",
            "two:3:14: sites[1].id: a is taken already at one:2:14"
        ]
    );
}

#[test]
fn the_labs_document_alone_may_hold_secrets_and_brings_its_defaults() {
    let lab = "credentials: [{name: lab, version: v2c, community: {value: public}}]\n".to_owned();
    let config = Config::parse_documents(vec![(LAB_DOCUMENT.into(), lab.clone())], true).unwrap();
    assert_eq!(
        config.listen.traps,
        Some("127.0.0.1:16162".parse().unwrap())
    );
    assert_eq!(
        config.listen.http_loopback,
        Some("127.0.0.1:8080".parse().unwrap())
    );
    assert!(config.state_dir.to_string_lossy().ends_with("nhipcau-lab"));
    assert!(Config::parse_documents(vec![(LAB_DOCUMENT.into(), lab.clone())], false).is_err());
    assert!(Config::parse_documents(vec![("own.yaml".into(), lab)], true).is_err());
}

#[test]
fn a_reload_knows_what_it_can_take_up() {
    let old = parse(PROVINCE).unwrap();
    assert!(old.diff(&old).is_empty());
    let new = parse(
        &PROVINCE
            .replace("poll: 10s", "poll: 20s")
            .replace("traps: null", "https: 0.0.0.0:443")
            .replace("10GiB", "1GiB"),
    )
    .unwrap();
    let changes = old.diff(&new);
    assert_eq!(
        (changes.live, changes.restart),
        (vec!["devices", "recording"], vec!["listen"])
    );
    let taken = old.reloaded(new);
    let changes = old.diff(&taken);
    assert_eq!(
        (changes.live, changes.restart),
        (vec!["devices", "recording"], vec![])
    );
}

#[test]
fn what_waits_for_a_restart_stays_at_a_reload() {
    let old = parse(PROVINCE).unwrap();
    let changed = [
        "listen: {traps: null, names: [hop.quangnam.example]}",
        "state_dir: /srv/nhipcau",
        "tls: {certificate: /etc/a.pem, key: /etc/a.key}",
        "locale: {language: en}",
        "poll: {retries: 5}",
        "conference: {rooms_max: 3}",
        "health: {storage_percent_max: 80}",
    ];
    for text in changed {
        let key = text.split(':').next().unwrap();
        let rest: Vec<&str> = PROVINCE
            .lines()
            .filter(|line| !line.starts_with(&format!("{key}:")))
            .collect();
        let new = parse(&format!("{}\n{text}\n", rest.join("\n"))).unwrap();
        assert!(old.diff(&new).restart.contains(&key), "{key}");
        assert_eq!(old.diff(&old.reloaded(new)).restart, Vec::<&str>::new());
    }
    let restart = schema::PARTS
        .iter()
        .filter(|part| part.reload == schema::Reload::Restart);
    assert_eq!(restart.count(), changed.len(), "a part is not tried here");
}

#[test]
fn the_public_address_is_an_origin() {
    for (url, ok) in [
        ("https://hop.quangnam.example", true),
        ("https://hop.quangnam.example:8443", true),
        ("https://[2001:db8::1]:8443", true),
        ("https://10.20.0.5", true),
        ("http://hop.quangnam.example", false),
        ("https://hop.quangnam.example/", false),
        ("https://hop.quangnam.example/room", false),
        ("https://a@hop.quangnam.example", false),
        ("https://hop.quangnam.example:0", false),
        ("https://2001:db8::1", false),
        ("https://", false),
    ] {
        let text = format!("listen: {{public_url: \"{url}\"}}\n");
        assert_eq!(parse(&text).is_ok(), ok, "{url}");
    }
}

#[test]
fn both_yaml_readers_see_the_same_tree() {
    // Profiles and playbooks are read by serde_yaml: an operator must not meet two dialects.
    fn as_serde(node: &tree::Node) -> serde_yaml::Value {
        match &node.kind {
            tree::NodeKind::Null => serde_yaml::Value::Null,
            tree::NodeKind::Scalar { text, plain: true } => serde_yaml::from_str(text).unwrap(),
            tree::NodeKind::Scalar { text, .. } => text.clone().into(),
            tree::NodeKind::Sequence(items) => {
                items.iter().map(as_serde).collect::<Vec<_>>().into()
            }
            tree::NodeKind::Mapping(entries) => {
                let pairs = entries
                    .iter()
                    .map(|entry| (entry.key.clone().into(), as_serde(&entry.node)));
                serde_yaml::Value::Mapping(pairs.collect())
            }
        }
    }
    let folded = "a: >-\n  one\n  two\nb: |\n  x\n\n  y\nc: 'it''s'\nd: \"\\u1ea1\\t\"\ne: [1, ~, no, 0x10, 1.5]\nf:\n- x: 1\n  y: 2\n";
    for text in [PROVINCE, folded, &reference()] {
        let mut errors = Vec::new();
        let tree = tree::read(&"a.yaml".into(), text, &mut errors).unwrap();
        assert_eq!(
            as_serde(&tree),
            serde_yaml::from_str::<serde_yaml::Value>(text).unwrap()
        );
    }
}

#[test]
fn files_are_read_with_their_conf_d_and_missing_ones_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nhipcau.yaml");
    std::fs::write(
        &path,
        "poll: {retries: 1}\nprofiles: {directory: /nonexistent}\n",
    )
    .unwrap();
    std::fs::create_dir(directory.path().join("conf.d")).unwrap();
    for (name, text) in [
        ("b.yaml", "sites: [{id: b, name: B}]\n"),
        ("a.yaml", "sites: [{id: a, name: A}]\n"),
        ("c.yaml~", "wrong"),
    ] {
        std::fs::write(directory.path().join("conf.d").join(name), text).unwrap();
    }
    let errors = Config::load(Some(&path)).unwrap_err();
    assert_eq!(
        (errors.len(), &*errors[0].key, errors[0].line),
        (1, "profiles.directory", 2)
    );
    std::fs::write(&path, "poll: {retries: 1}\n").unwrap();
    let config = Config::load(Some(&path)).unwrap();
    let ids: Vec<&str> = config.sites.iter().map(|site| &*site.id).collect();
    assert_eq!(ids, ["a", "b"]);
    let missing = Config::load(Some(&directory.path().join("none.yaml"))).unwrap_err();
    assert!(
        missing[0].to_string().contains("none.yaml: cannot be read"),
        "{missing:?}"
    );
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(Config::load(Some(&path)).is_err());
}

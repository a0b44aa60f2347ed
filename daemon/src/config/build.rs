//! Last pass: from checked data to the model. Runs only when no mistake was found, so a missing value here is a fault of the schema
//! and panics with the key.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::check::{Datum, DatumKind};
use super::model::*;
use crate::secret::SecretRef;

/// Reads of one member of a section, by kind: `x_maybe` for keys that may be absent.
impl Datum {
    /// A section's member. Panics when the schema has no such key.
    pub(super) fn member(&self, key: &str) -> &Datum {
        self.find(key)
            .unwrap_or_else(|| panic!("the configuration's schema has no {key}"))
    }

    /// A section's member, `None` also where this is no section (it was wrong and reported).
    pub(super) fn find(&self, key: &str) -> Option<&Datum> {
        match &self.kind {
            DatumKind::Section(members) => members
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, datum)| datum),
            _ => None,
        }
    }

    pub(super) fn text_maybe(&self, key: &str) -> Option<&str> {
        match self.find(key)?.kind {
            DatumKind::Text(ref text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn items(&self, key: &str) -> &[Datum] {
        match self.find(key).map(|datum| &datum.kind) {
            Some(DatumKind::List(items)) => items,
            _ => &[],
        }
    }

    pub(super) fn is_present(&self, key: &str) -> bool {
        self.find(key)
            .is_some_and(|datum| !matches!(datum.kind, DatumKind::Nothing))
    }

    pub(super) fn socket_maybe(&self, key: &str) -> Option<SocketAddr> {
        match self.find(key)?.kind {
            DatumKind::Socket(address) => Some(address),
            _ => None,
        }
    }

    pub(super) fn duration_maybe(&self, key: &str) -> Option<Duration> {
        match self.find(key)?.kind {
            DatumKind::Duration(duration) => Some(duration),
            _ => None,
        }
    }

    pub(super) fn path_maybe(&self, key: &str) -> Option<&Path> {
        match self.find(key)?.kind {
            DatumKind::Path(ref path) => Some(path),
            _ => None,
        }
    }

    fn integer_maybe(&self, key: &str) -> Option<u64> {
        match self.find(key)?.kind {
            DatumKind::Integer(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn secret_maybe(&self, key: &str) -> Option<SecretRef> {
        match self.find(key)?.kind {
            DatumKind::Secret(ref secret) => Some(secret.clone()),
            _ => None,
        }
    }

    fn text(&self, key: &str) -> String {
        checked(key, self.text_maybe(key)).to_owned()
    }

    fn owned(&self, key: &str) -> Option<String> {
        self.text_maybe(key).map(str::to_owned)
    }

    fn integer<T: TryFrom<u64>>(&self, key: &str) -> T {
        checked(
            key,
            self.integer_maybe(key)
                .and_then(|number| T::try_from(number).ok()),
        )
    }

    fn duration(&self, key: &str) -> Duration {
        checked(key, self.duration_maybe(key))
    }

    fn socket(&self, key: &str) -> SocketAddr {
        checked(key, self.socket_maybe(key))
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            device: self.text("device"),
            interface: self.text("interface"),
        }
    }

    fn texts(&self, key: &str) -> Vec<String> {
        self.items(key)
            .iter()
            .filter_map(|item| {
                if let DatumKind::Text(text) = &item.kind {
                    Some(text.clone())
                } else {
                    None
                }
            })
            .collect()
    }

    fn paths(&self, key: &str) -> Vec<PathBuf> {
        self.items(key)
            .iter()
            .filter_map(|item| {
                if let DatumKind::Path(path) = &item.kind {
                    Some(path.clone())
                } else {
                    None
                }
            })
            .collect()
    }

    fn addresses(&self, key: &str) -> Vec<IpAddr> {
        self.items(key)
            .iter()
            .filter_map(|item| {
                if let DatumKind::Address(ip) = item.kind {
                    Some(ip)
                } else {
                    None
                }
            })
            .collect()
    }

    pub(super) fn networks(&self, key: &str) -> Vec<IpNet> {
        self.items(key)
            .iter()
            .filter_map(|item| {
                if let DatumKind::Network(net) = item.kind {
                    Some(net)
                } else {
                    None
                }
            })
            .collect()
    }

    fn sockets(&self, key: &str) -> Vec<SocketAddr> {
        self.items(key)
            .iter()
            .filter_map(|item| {
                if let DatumKind::Socket(address) = item.kind {
                    Some(address)
                } else {
                    None
                }
            })
            .collect()
    }

    fn secrets(&self, key: &str) -> Vec<SecretRef> {
        self.items(key)
            .iter()
            .filter_map(|item| {
                if let DatumKind::Secret(secret) = &item.kind {
                    Some(secret.clone())
                } else {
                    None
                }
            })
            .collect()
    }
}

fn checked<T>(key: &str, value: Option<T>) -> T {
    value.unwrap_or_else(|| panic!("the configuration's {key} passed the check without a value"))
}

/// The model of a tree without mistakes.
pub(super) fn build(root: &Datum, state_dir_default: PathBuf) -> Config {
    let part = |key| root.member(key);
    let state_dir = root
        .path_maybe("state_dir")
        .map_or(state_dir_default, Path::to_owned);
    let listen = part("listen");
    let media = listen.member("media");
    let locale = part("locale");
    let log = part("log");
    let poll = part("poll");
    let conference = part("conference");
    Config {
        listen: Listen {
            https: listen.socket("https"),
            http_loopback: listen.socket_maybe("http_loopback"),
            names: listen.texts("names"),
            public_url: listen.owned("public_url"),
            media_udp: media.socket("udp"),
            media_tcp: media.socket_maybe("tcp"),
            media_announce: media.addresses("announce"),
            media_codecs: media.texts("codecs"),
            media_threads: media
                .integer_maybe("threads")
                .and_then(|threads| usize::try_from(threads).ok()),
            traps: listen.socket_maybe("traps"),
        },
        tls: root.is_present("tls").then(|| {
            let path = |key| checked(key, part("tls").path_maybe(key)).to_owned();
            Tls {
                certificate: path("certificate"),
                key: path("key"),
            }
        }),
        locale: Locale {
            language: if locale.text("language") == "en" {
                Language::En
            } else {
                Language::Vi
            },
            time_zone: locale.text("time_zone"),
        },
        log: Log {
            level: log.text("level"),
            format: if log.text("format") == "json" {
                LogFormat::Json
            } else {
                LogFormat::Text
            },
        },
        credentials: root.items("credentials").iter().map(credential).collect(),
        devices: root.items("devices").iter().map(device).collect(),
        links: root.items("links").iter().map(link).collect(),
        sites: root.items("sites").iter().map(site).collect(),
        poll: Poll {
            interval: poll.duration("interval"),
            in_flight: poll.integer("in_flight"),
            sockets: poll.integer("sockets"),
            timeout: poll.duration("timeout"),
            retries: poll.integer("retries"),
            deadline: poll.duration("deadline"),
            slow_every: poll.integer("slow_every"),
        },
        discovery: discovery(part("discovery")),
        traps: Traps {
            sources: part("traps").networks("sources"),
            communities: part("traps").secrets("communities"),
            mibs: part("traps").path_maybe("mibs").map(Path::to_owned),
        },
        metrics: Metrics {
            token: part("metrics").secret_maybe("token"),
            allow: part("metrics").networks("allow"),
            scrape_bytes_max: part("metrics").integer("scrape_bytes_max"),
            peer_sites: part("metrics").integer("peer_sites"),
        },
        smtp: root.is_present("smtp").then(|| smtp(part("smtp"))),
        channels: match &part("channels").kind {
            DatumKind::Map(members) => members
                .iter()
                .map(|(name, datum)| (name.clone(), channel(datum)))
                .collect(),
            _ => Default::default(),
        },
        webhook: Webhook {
            allow: part("webhook")
                .items("allow")
                .iter()
                .filter_map(|item| {
                    if let DatumKind::Allowed(allowed) = &item.kind {
                        Some(allowed.clone())
                    } else {
                        None
                    }
                })
                .collect(),
            timeout: part("webhook").duration("timeout"),
        },
        playbooks: Playbooks {
            directory: part("playbooks")
                .path_maybe("directory")
                .map(Path::to_owned),
            allow_exec: part("playbooks").paths("allow_exec"),
        },
        profiles: Profiles {
            directory: part("profiles").path_maybe("directory").map(Path::to_owned),
        },
        recording: Recording {
            directory: part("recording")
                .path_maybe("directory")
                .map_or_else(|| state_dir.join("recordings"), Path::to_owned),
            min_free_bytes: part("recording").integer("min_free"),
        },
        conference: Conference {
            rooms_max: conference.integer("rooms_max"),
            peers_max: conference.integer("peers_max"),
            seat_kept: conference.duration("seat_kept"),
            opens_before: conference.duration("opens_before"),
        },
        health: health(part("health")),
        state_dir,
    }
}

fn health(datum: &Datum) -> HealthLimits {
    let report = datum.member("link_report");
    HealthLimits {
        link_load_percent_max: datum.integer("link_load_percent_max"),
        storage_percent_max: datum.integer("storage_percent_max"),
        missed_polls_max: datum.integer("missed_polls_max"),
        hysteresis_percent: datum.integer("hysteresis_percent"),
        flap_changes_max: datum.integer("flap_changes_max"),
        flap_window: datum.duration("flap_window"),
        limits: datum.items("limits").iter().map(limit).collect(),
        link_report: LinkReport {
            percentile: report.integer("percentile"),
            window: report.duration("window"),
            interval: report.duration("interval"),
            share_percent_max: report.integer("share_percent_max"),
            kept: report.duration("kept"),
        },
    }
}

fn limit(datum: &Datum) -> LimitRule {
    let decimal = |key: &str| match datum.find(key)?.kind {
        DatumKind::Decimal(number) => Some(number),
        _ => None,
    };
    LimitRule {
        class: datum.text("class"),
        devices: datum.texts("devices"),
        sensor: datum.owned("sensor"),
        kinds: datum.texts("kinds"),
        low_critical: decimal("low_critical"),
        low_warning: decimal("low_warning"),
        high_warning: decimal("high_warning"),
        high_critical: decimal("high_critical"),
    }
}

fn credential(datum: &Datum) -> Credential {
    let community = || checked("community", datum.secret_maybe("community"));
    let access = match datum.text("version").as_str() {
        "v1" => Access::V1 {
            community: community(),
        },
        "v2c" => Access::V2c {
            community: community(),
        },
        _ => Access::V3 {
            user: datum.text("user"),
            auth: datum.text_maybe("auth").map(|word| {
                (
                    auth(word),
                    checked("auth_password", datum.secret_maybe("auth_password")),
                )
            }),
            privacy: datum.text_maybe("privacy").map(|word| {
                (
                    privacy(word),
                    checked("privacy_password", datum.secret_maybe("privacy_password")),
                )
            }),
            context: datum.owned("context").unwrap_or_default(),
        },
    };
    Credential {
        name: datum.text("name"),
        access,
    }
}

fn auth(word: &str) -> AuthProtocol {
    match word {
        "md5" => AuthProtocol::Md5,
        "sha1" => AuthProtocol::Sha1,
        "sha224" => AuthProtocol::Sha224,
        "sha256" => AuthProtocol::Sha256,
        "sha384" => AuthProtocol::Sha384,
        "sha512" => AuthProtocol::Sha512,
        other => panic!("the schema allows the authentication {other} that the model has not"),
    }
}

fn privacy(word: &str) -> PrivacyProtocol {
    match word {
        "des" => PrivacyProtocol::Des,
        "aes128" => PrivacyProtocol::Aes128,
        "aes192" => PrivacyProtocol::Aes192,
        "aes256" => PrivacyProtocol::Aes256,
        "aes192-reeder" => PrivacyProtocol::Aes192Reeder,
        "aes256-reeder" => PrivacyProtocol::Aes256Reeder,
        other => panic!("the schema allows the privacy {other} that the model has not"),
    }
}

fn device(datum: &Datum) -> Device {
    let id = datum.text("id");
    Device {
        name: datum.owned("name").unwrap_or_else(|| id.clone()),
        address: datum.socket("address"),
        credentials: datum.texts("credentials"),
        site: datum.owned("site"),
        rack: datum.owned("rack"),
        unit: datum
            .integer_maybe("unit")
            .and_then(|unit| u8::try_from(unit).ok()),
        poll: datum.duration_maybe("poll"),
        profile: datum.owned("profile"),
        id,
    }
}

fn discovery(datum: &Datum) -> Discovery {
    Discovery {
        ranges: datum.networks("ranges"),
        within: datum.networks("within"),
        seeds: datum.sockets("seeds"),
        exclude: datum.networks("exclude"),
        port: datum.integer("port"),
        credentials: datum.texts("credentials"),
        rate_per_second: datum.integer("rate"),
        in_flight: datum.integer("in_flight"),
        timeout: datum.duration("timeout"),
        retries: datum.integer("retries"),
        failures_max: datum.integer("failures_max"),
        failures_rest: datum.duration("failures_rest"),
        crawl: datum
            .texts("crawl")
            .iter()
            .map(|word| crawl(word))
            .collect(),
        crawl_depth: datum.integer("crawl_depth"),
        auto: datum.text("auto") == "true",
        every: datum.duration_maybe("every"),
    }
}

fn crawl(word: &str) -> Crawl {
    match word {
        "lldp" => Crawl::Lldp,
        "cdp" => Crawl::Cdp,
        "arp" => Crawl::Arp,
        other => panic!("the schema allows the neighbours {other} that the model has not"),
    }
}

fn link(datum: &Datum) -> Link {
    let a = datum.member("a").endpoint();
    Link {
        id: link_id(datum).unwrap_or_default(),
        a,
        b: datum.member("b").endpoint(),
        capacity_bps: datum.integer_maybe("capacity"),
    }
}

/// A link's own id or the one that its `a` end gives it; `None` when that end is wrong.
pub(super) fn link_id(datum: &Datum) -> Option<String> {
    if let Some(id) = datum.text_maybe("id") {
        return Some(id.to_owned());
    }
    let a = datum.find("a")?;
    Some(format!(
        "{}:{}",
        a.text_maybe("device")?,
        a.text_maybe("interface")?
    ))
}

fn site(datum: &Datum) -> Site {
    Site {
        id: datum.text("id"),
        name: datum.text("name"),
        kind: datum.text("kind"),
        parent: datum.owned("parent"),
        uplink: datum
            .is_present("uplink")
            .then(|| datum.member("uplink").endpoint()),
        capacity_bps: datum.integer_maybe("capacity"),
        phone: datum.owned("phone"),
        agency_code: datum.owned("agency_code"),
    }
}

fn smtp(datum: &Datum) -> Smtp {
    Smtp {
        host: datum.text("host"),
        port: datum.integer("port"),
        tls: match datum.text("tls").as_str() {
            "none" => SmtpTls::None,
            "tls" => SmtpTls::Tls,
            _ => SmtpTls::Starttls,
        },
        from: datum.text("from"),
        login: datum
            .owned("user")
            .map(|user| (user, checked("password", datum.secret_maybe("password")))),
        timeout: datum.duration("timeout"),
    }
}

fn channel(datum: &Datum) -> Channel {
    Channel {
        smtp: datum.texts("smtp"),
        webhook: datum.secret_maybe("webhook").map(|url| WebhookTarget {
            url,
            key: datum.secret_maybe("webhook_key"),
        }),
    }
}

//! The configuration in the words of each machine, and what it names on the disk.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use jiff::tz::TimeZone;
use nhipcau_inventory::poller::PollerConfig;
use nhipcau_inventory::watch::{LimitRule, WatchConfig};
use nhipcau_inventory::{
    CredentialRef, DeviceId, DeviceKind, DeviceSpec, InterfaceRef, Limits, ProfileSet, SiteId,
};
use nhipcau_media_rtc::{BridgeConfig, Codec};
use nhipcau_playbooks::{EngineTerms, Library};
use nhipcau_wire::port;

use super::{SLOTS, StartError, VOICES};
use crate::app::machines::Scrapers;
use crate::config::{self, Access, Config};
use crate::drive::credential::Keys;
use crate::drive::snmp::Target;
use crate::drive::trap::{self, Senders};
use crate::perform::Means;
use crate::secret::Secret;

pub(super) fn read_keys(config: &Config) -> HashMap<String, Keys> {
    let mut keys = HashMap::new();
    for credential in &config.credentials {
        match Keys::read(credential) {
            Ok(read) => drop(keys.insert(credential.name.clone(), read)),
            // Its devices are shown as unreachable with this very reason; the others are watched.
            Err(error) => tracing::error!(%error, "a credential cannot be used"),
        }
    }
    keys
}

pub(super) fn read_profiles(config: &Config) -> Result<ProfileSet, StartError> {
    let own = read_directory(config.profiles.directory.as_deref())?;
    let shipped =
        ProfileSet::shipped_files().map(|(name, text)| (name.to_owned(), text.to_owned()));
    ProfileSet::parse(shipped.chain(own)).map_err(|errors| {
        StartError(
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
        )
    })
}

pub(super) fn read_library(config: &Config) -> Result<Library, StartError> {
    let own = read_directory(config.playbooks.directory.as_deref())?;
    let texts = own
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    let own = Library::parse(texts, &Means::load_terms(config)).map_err(|mistakes| {
        StartError(
            mistakes
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
        )
    })?;
    Ok(Library::shipped().overlaid(own))
}

/// The YAML files of a directory, by name.
fn read_directory(
    directory: Option<&std::path::Path>,
) -> Result<Vec<(String, String)>, StartError> {
    let Some(directory) = directory else {
        return Ok(Vec::new());
    };
    let named = |error: std::io::Error| StartError(format!("{}: {error}", directory.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(named)? {
        let path = entry.map_err(named)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| StartError(format!("{}: {error}", path.display())))?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    Ok(files)
}

/// The credentials by name, as the pure crate knows them: without secrets.
pub(super) fn credential_refs(config: &Config) -> HashMap<&str, CredentialRef> {
    config
        .credentials
        .iter()
        .map(|credential| {
            let name = credential.name.as_str();
            let reference = match &credential.access {
                Access::V1 { .. } => CredentialRef::v1(name),
                Access::V2c { .. } => CredentialRef::v2c(name),
                Access::V3 { user, .. } => CredentialRef::v3(name, user.as_str()),
            };
            (name, reference)
        })
        .collect()
}

pub(super) fn targets(config: &Config) -> Vec<Target> {
    let credentials = credential_refs(config);
    config
        .devices
        .iter()
        .map(|device| Target {
            spec: DeviceSpec {
                id: DeviceId::from(device.id.as_str()),
                name: device.name.clone(),
                site: device.site.as_deref().map(SiteId::from),
                profile: device.profile.clone(),
                poll_interval: device.poll.unwrap_or(config.poll.interval),
                credentials: device
                    .credentials
                    .iter()
                    .filter_map(|name| credentials.get(name.as_str()).cloned())
                    .collect(),
            },
            address: device.address,
        })
        .collect()
}

pub(super) fn senders(config: &Config) -> Senders {
    Senders {
        devices: config
            .devices
            .iter()
            .map(|device| {
                (
                    device.address.ip().to_canonical(),
                    DeviceId::from(device.id.as_str()),
                )
            })
            .collect(),
        networks: config.traps.sources.clone(),
    }
}

pub(super) fn trap_access(config: &Config, keys: &HashMap<String, Keys>) -> port::Access {
    let communities: Vec<Secret> = config
        .traps
        .communities
        .iter()
        .filter_map(|reference| {
            reference
                .resolve()
                .inspect_err(|error| tracing::error!(%error, "a community of traps"))
                .ok()
        })
        .collect();
    trap::access(keys, &communities)
}

pub(super) fn scrapers(config: &Config) -> Scrapers {
    let token = config.metrics.token.as_ref().and_then(|reference| {
        reference
            .resolve()
            .inspect_err(
                |error| tracing::error!(%error, "the metrics' token cannot be read; nobody has it"),
            )
            .ok()
    });
    Scrapers {
        token,
        networks: config.metrics.allow.clone(),
        bytes_max: config.metrics.scrape_bytes_max,
        peer_sites: config.metrics.peer_sites,
    }
}

pub(super) fn end(endpoint: &config::Endpoint) -> InterfaceRef {
    InterfaceRef::new(
        DeviceId::from(endpoint.device.as_str()),
        endpoint.interface.as_str(),
    )
}

pub(super) fn poller_config(config: &Config) -> PollerConfig {
    PollerConfig {
        in_flight_max: config.poll.in_flight,
        request_timeout: config.poll.timeout,
        retries: config.poll.retries,
        device_deadline: config.poll.deadline,
        slow_every: config.poll.slow_every,
        ..PollerConfig::default()
    }
}

pub(super) fn watch_config(config: &Config) -> WatchConfig {
    WatchConfig {
        link_full_percent: f64::from(config.health.link_load_percent_max),
        storage_full_percent: f64::from(config.health.storage_percent_max),
        missed_polls_max: config.health.missed_polls_max,
        hysteresis_ratio: f64::from(config.health.hysteresis_percent) / 100.0,
        flap_changes_max: config.health.flap_changes_max,
        flap_window: config.health.flap_window,
        limits: config
            .health
            .limits
            .iter()
            .map(limit_rule)
            .chain(usual_limits())
            .collect(),
        ..WatchConfig::default()
    }
}

fn limit_rule(rule: &config::LimitRule) -> LimitRule {
    let kind = |word: &String| {
        serde_json::from_value::<DeviceKind>(serde_json::Value::String(word.clone())).ok()
    };
    LimitRule {
        class: rule.class.as_str().into(),
        devices: rule
            .devices
            .iter()
            .map(|id| DeviceId::from(id.as_str()))
            .collect(),
        sensor: rule.sensor.as_deref().map(Into::into),
        kinds: rule.kinds.iter().filter_map(kind).collect(),
        limits: Limits {
            low_critical: rule.low_critical,
            low_warning: rule.low_warning,
            high_warning: rule.high_warning,
            high_critical: rule.high_critical,
            ..Limits::default()
        },
    }
}

/// What holds where neither the device, nor its profile, nor the operator says anything. Temperatures have none: a room, an inlet and a
/// processor differ by fifty degrees.
fn usual_limits() -> Vec<LimitRule> {
    let rule = |class: &str, kinds: &[DeviceKind], limits: Limits| LimitRule {
        class: class.into(),
        devices: Vec::new(),
        sensor: None,
        kinds: kinds.to_vec(),
        limits,
    };
    let low = |warning: f64, critical: f64| Limits {
        low_warning: Some(warning),
        low_critical: Some(critical),
        ..Limits::default()
    };
    let high = |warning: f64, critical: Option<f64>| Limits {
        high_warning: Some(warning),
        high_critical: critical,
        ..Limits::default()
    };
    vec![
        rule("charge", &[DeviceKind::Ups], low(50.0, 20.0)),
        rule("load", &[DeviceKind::Ups], high(80.0, Some(95.0))),
        rule("humidity", &[], high(80.0, Some(90.0))),
        rule("processor", &[], high(95.0, None)),
        rule("memory", &[], high(95.0, None)),
    ]
}

pub(super) fn engine_terms(config: &Config) -> EngineTerms {
    EngineTerms {
        language: match config.locale.language {
            config::Language::Vi => nhipcau_playbooks::Language::Vi,
            config::Language::En => nhipcau_playbooks::Language::En,
        },
        zone: TimeZone::get(&config.locale.time_zone).unwrap_or(TimeZone::UTC),
        ..EngineTerms::default()
    }
}

/// `https` is where the pages are: their port carries media as well.
pub(super) fn bridge_config(config: &Config, https: SocketAddr, lab: bool) -> BridgeConfig {
    let bind = both_families(config.listen.media_udp);
    let announce = if config.listen.media_announce.is_empty() {
        local_addresses(&bind, lab)
    } else {
        config.listen.media_announce.clone()
    };
    let limits = nhipcau_media_rtc::Limits {
        rooms_max: config.conference.rooms_max,
        ..nhipcau_media_rtc::Limits::default()
    };
    let named = Codec::VIDEO.into_iter().filter_map(|codec| {
        let names = &config.listen.media_codecs;
        let place = names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(codec.name()))?;
        Some((place, codec))
    });
    let mut codecs = named.collect::<Vec<_>>();
    codecs.sort_unstable();
    if codecs.is_empty() {
        codecs.extend(Codec::VIDEO.into_iter().enumerate());
    }
    BridgeConfig {
        bind,
        codecs: codecs.into_iter().map(|(_, codec)| codec).collect(),
        tcp: config
            .listen
            .media_tcp
            .map(both_families)
            .unwrap_or_default(),
        tcp_elsewhere: vec![pages_port(config, https)],
        announce,
        slots_video: SLOTS.video,
        slots_audio: SLOTS.audio,
        voices: VOICES,
        threads: config.listen.media_threads.unwrap_or(0),
        impairments: lab,
        limits,
        ..BridgeConfig::default()
    }
}

/// All addresses mean those of both families, where the system has both.
pub(super) fn both_families(bind: SocketAddr) -> Vec<SocketAddr> {
    if !bind.ip().is_unspecified() {
        return vec![bind];
    }
    let families: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    families
        .into_iter()
        .filter(|ip| UdpSocket::bind((*ip, 0)).is_ok())
        .map(|ip| SocketAddr::new(ip, bind.port()))
        .collect()
}

/// The port at which browsers find the pages.
fn pages_port(config: &Config, https: SocketAddr) -> u16 {
    let public = config.listen.public_url.as_deref();
    let Some(authority) = public.and_then(|url| url.strip_prefix("https://")) else {
        return https.port();
    };
    let port = authority.rsplit_once(':').map(|(_, port)| port.parse());
    // Without a port, or with one that is the end of an IPv6 address.
    port.and_then(Result::ok).unwrap_or(443)
}

/// The addresses that browsers are told: the bound one, or all of the machine's for a wildcard. Loopback only where browsers of this
/// machine are meant, which is the lab.
fn local_addresses(bind: &[SocketAddr], lab: bool) -> Vec<IpAddr> {
    if let [bind] = bind
        && !bind.ip().is_unspecified()
    {
        return vec![bind.ip()];
    }
    let is_bound = |ip: &IpAddr| bind.iter().any(|bind| bind.is_ipv4() == ip.is_ipv4());
    let mut found: Vec<IpAddr> = nix::ifaddrs::getifaddrs()
        .into_iter()
        .flatten()
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
        })
        .filter(|ip| !ip.is_loopback() && is_bound(ip))
        .filter(|ip| !matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local()))
        .collect();
    if lab || found.is_empty() {
        found.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    found.dedup();
    found
}

pub(super) fn seed() -> Result<u64, StartError> {
    crate::app::random_bytes::<8>()
        .map(u64::from_le_bytes)
        .map_err(|e| StartError::of("")(&e))
}

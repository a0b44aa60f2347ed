//! What of the configuration the application itself needs.

use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::config::{self, Config};
use crate::http::views::{Language, SiteInput, Uplink};

/// What of the configuration the application itself needs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Language of a page before its reader chooses one.
    pub language: Language,
    /// IANA name of the time zone.
    pub time_zone: String,
    /// The time zone.
    pub zone: TimeZone,
    /// The simulated province runs.
    pub lab: bool,
    /// Version of the program.
    pub version: &'static str,
    /// The certificate is the operator's own: browsers may be told to insist on HTTPS.
    pub own_certificate: bool,
    /// Names (without port) under which the pages are reached; empty: any, as long as Origin and Host agree.
    pub names: Vec<String>,
    /// Address of the pages as people have it, such as `https://hop.quangnam.gov.vn`, when a proxy stands before the daemon.
    pub public_url: Option<String>,
    /// Sites of the configuration.
    pub sites: Vec<SiteInput>,
    /// Where recordings are.
    pub recordings: PathBuf,
    /// Free bytes below which no recording begins.
    pub recording_min_free_bytes: u64,
    /// How long before its beginning a room opens.
    pub opens_before: SignedDuration,
    /// How the account of links is made.
    pub link_report: config::LinkReport,
}

impl Settings {
    /// What `config` says.
    pub fn of(config: &Config, lab: bool) -> Self {
        let zone = TimeZone::get(&config.locale.time_zone).unwrap_or_else(|error| {
            // The configuration's check knows the same database: this is for a test's own configuration.
            tracing::warn!(%error, "unknown time zone, using UTC");
            TimeZone::UTC
        });
        Self {
            language: match config.locale.language {
                config::Language::Vi => Language::Vi,
                config::Language::En => Language::En,
            },
            time_zone: config.locale.time_zone.clone(),
            zone,
            lab,
            version: env!("CARGO_PKG_VERSION"),
            own_certificate: config.tls.is_some(),
            names: config.listen.names.clone(),
            public_url: config.listen.public_url.clone(),
            sites: config.sites.iter().map(site_input).collect(),
            recordings: config.recording.directory.clone(),
            recording_min_free_bytes: config.recording.min_free_bytes,
            opens_before: SignedDuration::try_from(config.conference.opens_before)
                .unwrap_or(SignedDuration::from_mins(30)),
            link_report: config.health.link_report,
        }
    }
}

fn site_input(site: &config::Site) -> SiteInput {
    SiteInput {
        id: site.id.clone(),
        name: site.name.clone(),
        kind: site.kind.clone(),
        parent: site.parent.clone(),
        agency_code: site.agency_code.clone(),
        uplink: site.uplink.as_ref().map(|end| Uplink {
            device: end.device.clone(),
            interface: end.interface.clone(),
        }),
        capacity_bps: site.capacity_bps,
        phone: site.phone.clone(),
    }
}

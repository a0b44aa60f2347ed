//! What the configuration says, checked: every reference resolves, every address parses, every number is within its bounds.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::secret::SecretRef;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Sockets that the daemon opens.
    pub listen: Listen,
    /// Database, certificates, control socket, setup token.
    pub state_dir: PathBuf,
    /// Own certificate; `None`: one that the daemon makes and keeps in `state_dir`.
    pub tls: Option<Tls>,
    /// Language and time zone of pages, mail and calendars.
    pub locale: Locale,
    /// What is logged and how.
    pub log: Log,
    /// SNMP credentials, in the order of the files.
    pub credentials: Vec<Credential>,
    /// Watched devices, in the order of the files.
    pub devices: Vec<Device>,
    /// Declared links.
    pub links: Vec<Link>,
    /// The tree of sites as the files have it; the pages may change it later.
    pub sites: Vec<Site>,
    /// How devices are polled.
    pub poll: Poll,
    /// Where devices that nobody watches yet are looked for.
    pub discovery: Discovery,
    /// Who may send traps.
    pub traps: Traps,
    /// Who may read `/metrics`.
    pub metrics: Metrics,
    /// The mail server; `None`: no mail is sent.
    pub smtp: Option<Smtp>,
    /// Who is told, by channel name.
    pub channels: BTreeMap<String, Channel>,
    /// Which internal addresses a webhook may reach.
    pub webhook: Webhook,
    /// Playbooks beyond those that ship.
    pub playbooks: Playbooks,
    /// Device profiles beyond those that ship.
    pub profiles: Profiles,
    /// Where recordings go.
    pub recording: Recording,
    /// Rooms and seats.
    pub conference: Conference,
    /// Limits by which health is judged.
    pub health: HealthLimits,
}

/// Sockets that the daemon opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Pages and API over TLS.
    pub https: SocketAddr,
    /// Pages and API without TLS, loopback only.
    pub http_loopback: Option<SocketAddr>,
    /// Names, without port, under which the pages are reached; empty: any.
    pub names: Vec<String>,
    /// `https://HOST[:PORT]` of the pages in links; `None`: the address of the request.
    pub public_url: Option<String>,
    /// The one UDP port of all media.
    pub media_udp: SocketAddr,
    /// TCP of the bridge's own, beside the port of the pages.
    pub media_tcp: Option<SocketAddr>,
    /// Addresses that the bridge tells browsers; empty: those of the machine's interfaces.
    pub media_announce: Vec<IpAddr>,
    /// Names of the codecs of pictures, best first; empty: the usual ones.
    pub media_codecs: Vec<String>,
    /// Packet threads; `None`: one for each core.
    pub media_threads: Option<usize>,
    /// Traps and informs in; `None`: not received.
    pub traps: Option<SocketAddr>,
}

/// Certificate and key as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Certificate chain, leaf first.
    pub certificate: PathBuf,
    /// Private key; not readable by others.
    pub key: PathBuf,
}

/// A language of pages and mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Vietnamese.
    Vi,
    /// English.
    En,
}

impl Language {
    /// The code that the protocol uses.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }
}

/// Language and time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale {
    /// Language of a page before its reader chooses one.
    pub language: Language,
    /// IANA name, known to the built-in database.
    pub time_zone: String,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line an event.
    Text,
    /// One JSON object an event.
    Json,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a tracing filter such as `info,nhipcau::drive=debug`.
    pub level: String,
    /// Form of a line.
    pub format: LogFormat,
}

/// One way into devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Unique name.
    pub name: String,
    /// What is presented.
    pub access: Access,
}

/// What an SNMP request presents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// SNMPv1 with a community.
    V1 {
        /// The community.
        community: SecretRef,
    },
    /// SNMPv2c with a community.
    V2c {
        /// The community.
        community: SecretRef,
    },
    /// SNMPv3 with the User-based Security Model (RFC 3414).
    V3 {
        /// securityName, 1 to 32 bytes.
        user: String,
        /// Authentication protocol and password; `None`: noAuthNoPriv.
        auth: Option<(AuthProtocol, SecretRef)>,
        /// Privacy protocol and password; only with authentication.
        privacy: Option<(PrivacyProtocol, SecretRef)>,
        /// contextName, mostly empty.
        context: String,
    },
}

/// SNMPv3 authentication protocols (RFC 3414, RFC 7860).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each name is the protocol's own")]
pub enum AuthProtocol {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// SNMPv3 privacy protocols (RFC 3414, RFC 3826; the longer AES keys are vendors' drafts in two key extensions).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivacyProtocol {
    /// DES-CBC.
    Des,
    /// AES-128-CFB.
    Aes128,
    /// AES-192-CFB, Blumenthal key extension.
    Aes192,
    /// AES-256-CFB, Blumenthal key extension.
    Aes256,
    /// AES-192-CFB, Reeder key extension (Cisco).
    Aes192Reeder,
    /// AES-256-CFB, Reeder key extension (Cisco).
    Aes256Reeder,
}

/// One watched device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Unique id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where its agent listens.
    pub address: SocketAddr,
    /// Names of credentials, tried in this order.
    pub credentials: Vec<String>,
    /// The site it stands in.
    pub site: Option<String>,
    /// The rack in that site.
    pub rack: Option<String>,
    /// Its lowest unit in the rack, counted from the floor.
    pub unit: Option<u8>,
    /// Its own poll interval; `None`: [`Poll::interval`].
    pub poll: Option<Duration>,
    /// Profile forced by name; `None`: chosen by what the device says of itself.
    pub profile: Option<String>,
}

/// One end of a link.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Device id.
    pub device: String,
    /// Interface name as ifName has it.
    pub interface: String,
}

/// A declared link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Unique id; when not given, `DEVICE:INTERFACE` of the `a` end.
    pub id: String,
    /// One end.
    pub a: Endpoint,
    /// The other end.
    pub b: Endpoint,
    /// Contracted rate of each direction, bits per second; `None`: the interface's speed.
    pub capacity_bps: Option<u64>,
}

/// One node of the administration's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Unique id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Free word: `province`, `department`, `region`, `commune` …
    pub kind: String,
    /// The site above.
    pub parent: Option<String>,
    /// The interface over which it reaches the rest.
    pub uplink: Option<Endpoint>,
    /// Contracted rate of the uplink, bits per second.
    pub capacity_bps: Option<u64>,
    /// Telephone of the technician on duty.
    pub phone: Option<String>,
    /// Agency identifier, opaque.
    pub agency_code: Option<String>,
}

/// How devices are polled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Time between two polls of a device.
    pub interval: Duration,
    /// Devices asked at the same time.
    pub in_flight: usize,
    /// UDP sockets that share the requests.
    pub sockets: usize,
    /// Wait for one answer.
    pub timeout: Duration,
    /// Repeats of an unanswered request.
    pub retries: u32,
    /// Longest time for all requests of one poll of one device.
    pub deadline: Duration,
    /// Slow tables are read every this many polls.
    pub slow_every: u32,
}

/// A table of neighbours that a scan follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each name is the protocol's own")]
pub enum Crawl {
    Lldp,
    Cdp,
    Arp,
}

/// Where devices that nobody watches yet are looked for, and how gently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// Networks whose every address is asked.
    pub ranges: Vec<IpNet>,
    /// Further networks in which neighbours may be followed.
    pub within: Vec<IpNet>,
    /// Single addresses to ask.
    pub seeds: Vec<SocketAddr>,
    /// Never sent a packet.
    pub exclude: Vec<IpNet>,
    /// Port of agents in ranges and of neighbours.
    pub port: u16,
    /// Names of credentials, tried in this order.
    pub credentials: Vec<String>,
    /// Datagrams per second.
    pub rate_per_second: u32,
    /// Addresses asked at once.
    pub in_flight: usize,
    /// Wait for one answer.
    pub timeout: Duration,
    /// Further rounds over all credentials for a silent address.
    pub retries: u32,
    /// Failed credentials after which an address is left alone.
    pub failures_max: u32,
    /// How long it is left alone.
    pub failures_rest: Duration,
    /// Tables of neighbours that are followed.
    pub crawl: Vec<Crawl>,
    /// Steps to the farthest neighbour.
    pub crawl_depth: u32,
    /// What is new and recognised is watched at once.
    pub auto: bool,
    /// Time between scheduled scans; `None`: on demand only.
    pub every: Option<Duration>,
}

impl Discovery {
    /// Whether there is anywhere to look.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.ranges.is_empty() || !self.seeds.is_empty()
    }
}

/// Who may send traps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traps {
    /// Networks of senders beyond the inventory's own addresses.
    pub sources: Vec<IpNet>,
    /// Communities of v1 and v2c traps; those of the credentials count as well.
    pub communities: Vec<SecretRef>,
    /// MIB files that name notifications and their variables.
    pub mibs: Option<PathBuf>,
}

/// Who may read `/metrics`, and how much at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// Bearer token; `None`: only by address.
    pub token: Option<SecretRef>,
    /// Networks that need no token, beyond loopback.
    pub allow: Vec<IpNet>,
    /// Longest exposition, bytes; devices beyond it are spread over parts.
    pub scrape_bytes_max: usize,
    /// Sites of live rooms with figures of their own; 0: none.
    pub peer_sites: usize,
}

/// Encryption towards the mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// None; passwords are refused then.
    None,
    /// Required upgrade on the plain port (RFC 3207).
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
}

/// The mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Encryption.
    pub tls: SmtpTls,
    /// Sender address of all mail.
    pub from: String,
    /// Login and password.
    pub login: Option<(String, SecretRef)>,
    /// Longest time for one mail.
    pub timeout: Duration,
}

/// Who is told, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Mail addresses.
    pub smtp: Vec<String>,
    /// Webhook.
    pub webhook: Option<WebhookTarget>,
}

/// One webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookTarget {
    /// Its address: a secret, because chat systems put their token into it.
    pub url: SecretRef,
    /// Key of the HMAC-SHA256 signature; `None`: unsigned.
    pub key: Option<SecretRef>,
}

/// A destination inside the network that webhooks and playbooks may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Every address of a network.
    Network(IpNet),
    /// One host name, whatever it resolves to.
    Host(String),
}

/// Bounds of outgoing HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Internal destinations that may be reached.
    pub allow: Vec<Allowed>,
    /// Longest time for one request.
    pub timeout: Duration,
}

/// Playbooks beyond those that ship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playbooks {
    /// Directory of YAML files.
    pub directory: Option<PathBuf>,
    /// Programs that an `exec` step may start; empty: none.
    pub allow_exec: Vec<PathBuf>,
}

/// Device profiles beyond those that ship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profiles {
    /// Directory of YAML files.
    pub directory: Option<PathBuf>,
}

/// Where recordings go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Directory; when not given, `recordings` below the state directory.
    pub directory: PathBuf,
    /// Free bytes below which a recording stops or does not begin.
    pub min_free_bytes: u64,
}

/// Rooms and seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conference {
    /// Live rooms.
    pub rooms_max: usize,
    /// Peers in one room.
    pub peers_max: usize,
    /// How long a lost seat keeps its role, hand and floor.
    pub seat_kept: Duration,
    /// How long before its beginning a room opens.
    pub opens_before: Duration,
}

/// Limits by which health is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthLimits {
    /// Load of a link, percent of its capacity, from which it is nearly full.
    pub link_load_percent_max: u8,
    /// Use of a file system or volume, percent, from which it is full.
    pub storage_percent_max: u8,
    /// Polls without an answer after which a device is down.
    pub missed_polls_max: u32,
    /// Share of its limit by which a reading must come back, percent.
    pub hysteresis_percent: u8,
    /// Changes within `flap_window` after which a recovery must last; 0: never damped.
    pub flap_changes_max: u32,
    /// See `flap_changes_max`.
    pub flap_window: Duration,
    /// Limits of readings, in the order of the files: the first that fits holds.
    pub limits: Vec<LimitRule>,
    /// The account of links.
    pub link_report: LinkReport,
}

/// A limit of readings of one class.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LimitRule {
    /// Class of the sensors; or `processor`, `memory`, `storage`.
    pub class: String,
    /// Of these devices only; empty: of all.
    pub devices: Vec<String>,
    /// Of the sensor of this name only.
    pub sensor: Option<String>,
    /// Of devices of these kinds only; empty: of all.
    pub kinds: Vec<String>,
    /// At or below: critical.
    pub low_critical: Option<f64>,
    /// At or below: degraded.
    pub low_warning: Option<f64>,
    /// At or above: degraded.
    pub high_warning: Option<f64>,
    /// At or above: critical.
    pub high_critical: Option<f64>,
}

/// How the account of links is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkReport {
    /// Percentile, by nearest rank.
    pub percentile: u8,
    /// Length of the account.
    pub window: Duration,
    /// Length of a sample.
    pub interval: Duration,
    /// Share of the capacity above which a link is named, percent.
    pub share_percent_max: u8,
    /// How long samples are kept.
    pub kept: Duration,
}

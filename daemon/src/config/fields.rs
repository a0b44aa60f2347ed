//! The keys inside each part of the configuration.

use super::schema::Absent::{Nothing, Required, Switch, Text};
use super::schema::{Field, Form, field};

pub(super) const LISTEN: &[Field] = &[
    field(
        "https",
        Form::Socket(None),
        Text("0.0.0.0:8443"),
        "pages and API; 8443 needs no privilege",
    ),
    field(
        "http_loopback",
        Form::Socket(None),
        Switch {
            usual: None,
            lab: "127.0.0.1:8080",
        },
        "the same without TLS, refused on any address but loopback",
    ),
    field(
        "names",
        Form::List(&Form::Host),
        Nothing,
        "under which the pages are reached: the daemon's own certificate carries them, foreign names are refused; empty: any name over TLS",
    ),
    field(
        "public_url",
        Form::Text(300),
        Nothing,
        "address of the pages in links, such as https://hop.example.gov.vn; needed behind a proxy that changes the name",
    ),
    field(
        "media",
        Form::Section(MEDIA),
        Nothing,
        "the conference bridge",
    ),
    field(
        "traps",
        Form::Socket(Some(162)),
        Switch {
            usual: Some("0.0.0.0:162"),
            lab: "127.0.0.1:16162",
        },
        "traps and informs; null: none are received",
    ),
];

pub(super) const MEDIA: &[Field] = &[
    field(
        "udp",
        Form::Socket(None),
        Text("0.0.0.0:8445"),
        "one port for all peers, so that a firewall needs one rule; 0.0.0.0 and [::] mean all addresses of both families",
    ),
    field(
        "tcp",
        Form::Socket(None),
        Nothing,
        "for offices that let no UDP out: ICE-TCP and TURN; the https port takes both as well, but browsers use ICE-TCP on 443 for public \
         addresses only; null: the https port alone",
    ),
    field(
        "announce",
        Form::List(&Form::Address),
        Nothing,
        "addresses told to browsers, for a bridge behind NAT; empty: the machine's own",
    ),
    field(
        "codecs",
        Form::List(&Form::Choice(&["vp8", "h264", "vp9", "av1"])),
        Nothing,
        "of pictures, best first; a codec that is left out is not taken from anybody; empty: vp8, h264, vp9, av1. Pages send vp8, since weak \
         computers encode it in three sizes most cheaply",
    ),
    field(
        "threads",
        Form::Integer(1, 16),
        Nothing,
        "packet threads; absent: one for each core that the daemon may use",
    ),
];

pub(super) const TLS: &[Field] = &[
    field("certificate", Form::Path, Required, "PEM chain, leaf first"),
    field("key", Form::Path, Required, "PEM private key"),
];

pub(super) const LOCALE: &[Field] = &[
    field(
        "language",
        Form::Choice(&["vi", "en"]),
        Text("vi"),
        "before a reader chooses one",
    ),
    field(
        "time_zone",
        Form::Text(64),
        Text("Asia/Ho_Chi_Minh"),
        "IANA name",
    ),
];

pub(super) const LOG: &[Field] = &[
    field(
        "level",
        Form::Text(1024),
        Text("info"),
        "error, warn, info, debug, trace, or a filter by module; info is a few lines an hour",
    ),
    field(
        "format",
        Form::Choice(&["text", "json"]),
        Text("text"),
        "json for a log collector",
    ),
];

pub(super) const CREDENTIAL: &[Field] = &[
    field("name", Form::Id, Required, "unique; devices name it"),
    field(
        "version",
        Form::Choice(&["v1", "v2c", "v3"]),
        Required,
        "v3 wherever the device can",
    ),
    field("community", Form::Secret, Nothing, "v1 and v2c"),
    field("user", Form::Text(32), Nothing, "v3: securityName"),
    field(
        "auth",
        Form::Choice(&["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]),
        Nothing,
        "v3; md5 and sha1 for old devices only",
    ),
    field(
        "auth_password",
        Form::Secret,
        Nothing,
        "v3, at least 8 characters (RFC 3414)",
    ),
    field(
        "privacy",
        Form::Choice(&[
            "des",
            "aes128",
            "aes192",
            "aes256",
            "aes192-reeder",
            "aes256-reeder",
        ]),
        Nothing,
        "v3; the reeder forms are Cisco's",
    ),
    field(
        "privacy_password",
        Form::Secret,
        Nothing,
        "v3, at least 8 characters",
    ),
    field("context", Form::Text(255), Nothing, "v3: contextName"),
];

pub(super) const DEVICE: &[Field] = &[
    field(
        "id",
        Form::Id,
        Required,
        "unique, kept for ever: history hangs on it",
    ),
    field(
        "name",
        Form::Text(120),
        Nothing,
        "what people call it; default: the id",
    ),
    field(
        "address",
        Form::Socket(Some(161)),
        Required,
        "literal, because a name server that is away must not blind the daemon",
    ),
    field(
        "credentials",
        Form::List(&Form::Id),
        Required,
        "tried in this order",
    ),
    field("site", Form::Id, Nothing, "where it stands"),
    field("rack", Form::Text(64), Nothing, "the rack in that site"),
    field(
        "unit",
        Form::Integer(1, 100),
        Nothing,
        "its lowest unit in the rack, counted from the floor",
    ),
    field("poll", Form::Duration("1s", "1h"), Nothing, "own interval"),
    field(
        "profile",
        Form::Id,
        Nothing,
        "forced; default: by what the device says of itself",
    ),
];

pub(super) const ENDPOINT: &[Field] = &[
    field("device", Form::Id, Required, "device id"),
    field("interface", Form::Text(120), Required, "ifName"),
];

pub(super) const LINK: &[Field] = &[
    field(
        "id",
        Form::Text(185),
        Nothing,
        "unique; default: DEVICE:INTERFACE of the a end",
    ),
    field("a", Form::Section(ENDPOINT), Required, "one end"),
    field("b", Form::Section(ENDPOINT), Required, "the other end"),
    field(
        "capacity",
        Form::Rate,
        Nothing,
        "contracted rate; default: the interface's speed",
    ),
];

pub(super) const SITE: &[Field] = &[
    field("id", Form::Id, Required, "unique"),
    field("name", Form::Text(120), Required, "what people call it"),
    field(
        "kind",
        Form::Text(40),
        Text("site"),
        "a free word: province, department, region, commune",
    ),
    field("parent", Form::Id, Nothing, "the site above; any depth"),
    field(
        "uplink",
        Form::Section(ENDPOINT),
        Nothing,
        "the interface over which it reaches the rest",
    ),
    field(
        "capacity",
        Form::Rate,
        Nothing,
        "contracted rate of the uplink",
    ),
    field(
        "phone",
        Form::Text(40),
        Nothing,
        "technician on duty; quote it, or its leading 0 looks like a number",
    ),
    field(
        "agency_code",
        Form::Text(60),
        Nothing,
        "opaque; the tree is never derived from it",
    ),
];

pub(super) const POLL: &[Field] = &[
    field(
        "interval",
        Form::Duration("1s", "1h"),
        Text("30s"),
        "a fault is seen within one interval, sooner by a trap",
    ),
    field(
        "in_flight",
        Form::Integer(1, 1000),
        Text("64"),
        "devices asked at once; 500 at once lose answers in the socket's buffer",
    ),
    field(
        "sockets",
        Form::Integer(1, 64),
        Text("4"),
        "one socket's buffer holds about 16 devices' bursts",
    ),
    field(
        "timeout",
        Form::Duration("100ms", "30s"),
        Text("2s"),
        "one answer over a slow line with a busy agent",
    ),
    field(
        "retries",
        Form::Integer(0, 10),
        Text("2"),
        "beyond that the device is silent, not the network unlucky",
    ),
    field(
        "deadline",
        Form::Duration("1s", "10m"),
        Text("20s"),
        "all requests of one poll; a slow agent delays itself only",
    ),
    field(
        "slow_every",
        Form::Integer(1, 1000),
        Text("10"),
        "names, serial numbers, neighbours and what else seldom changes is read every so many polls",
    ),
];

pub(super) const DISCOVERY: &[Field] = &[
    field(
        "ranges",
        Form::List(&Form::Network),
        Nothing,
        "networks whose every address is asked, 65,536 altogether; of IPv6 at most a /116 each",
    ),
    field(
        "within",
        Form::List(&Form::Network),
        Nothing,
        "further networks in which neighbours may be followed; not swept, so of any size",
    ),
    field(
        "seeds",
        Form::List(&Form::Socket(Some(161))),
        Nothing,
        "single addresses to ask, such as core routers, wherever they are",
    ),
    field(
        "exclude",
        Form::List(&Form::Network),
        Nothing,
        "never sent a packet, whatever ranges, seeds and neighbours say",
    ),
    field(
        "port",
        Form::Integer(1, 65_535),
        Text("161"),
        "of agents in ranges and of neighbours",
    ),
    field(
        "credentials",
        Form::List(&Form::Id),
        Nothing,
        "tried in this order: least privileged first",
    ),
    field(
        "rate",
        Form::Integer(1, 10_000),
        Text("200"),
        "datagrams per second, all addresses together: a /24 takes seconds and no firewall calls it an attack",
    ),
    field(
        "in_flight",
        Form::Integer(1, 256),
        Text("64"),
        "addresses asked at once",
    ),
    field(
        "timeout",
        Form::Duration("100ms", "10s"),
        Text("1s"),
        "wait for one answer; most addresses are empty",
    ),
    field(
        "retries",
        Form::Integer(0, 5),
        Text("1"),
        "rounds over all credentials for an address that keeps silent",
    ),
    field(
        "failures_max",
        Form::Integer(1, 20),
        Text("3"),
        "failed credentials after which an address is left alone: SNMPv3 accounts lock, often at 5",
    ),
    field(
        "failures_rest",
        Form::Duration("1m", "1d"),
        Text("1h"),
        "how long it is left alone; doubles up to a day each time it refuses again",
    ),
    field(
        "crawl",
        Form::List(&Form::Choice(&["lldp", "cdp", "arp"])),
        Nothing,
        "tables of neighbours that are followed, inside ranges and within only",
    ),
    field(
        "crawl_depth",
        Form::Integer(0, 16),
        Text("3"),
        "steps from a range or seed to the farthest neighbour",
    ),
    field(
        "auto",
        Form::Choice(&["false", "true"]),
        Text("false"),
        "true: what is new and recognised is watched at once, without review",
    ),
    field(
        "every",
        Form::Duration("10m", "30d"),
        Nothing,
        "scans by itself, the first a minute after the start; default: on demand only",
    ),
];

pub(super) const TRAPS: &[Field] = &[
    field(
        "sources",
        Form::List(&Form::Network),
        Nothing,
        "networks of further senders",
    ),
    field(
        "communities",
        Form::List(&Form::Secret),
        Nothing,
        "beyond those of the credentials",
    ),
    field(
        "mibs",
        Form::Path,
        Nothing,
        "directory of MIB files that name notifications and their variables; the standard ones need none",
    ),
];

pub(super) const METRICS: &[Field] = &[
    field(
        "token",
        Form::Secret,
        Nothing,
        "bearer token of the scraper",
    ),
    field(
        "allow",
        Form::List(&Form::Network),
        Nothing,
        "networks that need no token",
    ),
    field(
        "scrape_bytes_max",
        Form::Integer(262_144, 1_073_741_824),
        Text("16777216"),
        "longest answer of one scrape; larger estates are read in parts that /sd/http?of=metrics lists",
    ),
    field(
        "peer_sites",
        Form::Integer(0, 5_000),
        Text("300"),
        "sites of live rooms with figures of their own (loss, round trip, rates); those beyond are told together as site=other; 0: none",
    ),
];

pub(super) const SMTP: &[Field] = &[
    field("host", Form::Host, Required, "name or address"),
    field(
        "port",
        Form::Integer(1, 65_535),
        Text("587"),
        "587 with starttls, 465 with tls, 25 within one's own network",
    ),
    field(
        "tls",
        Form::Choice(&["none", "starttls", "tls"]),
        Text("starttls"),
        "starttls is required, never opportunistic",
    ),
    field("from", Form::Email, Required, "sender of all mail"),
    field("user", Form::Text(255), Nothing, "login"),
    field(
        "password",
        Form::Secret,
        Nothing,
        "refused without encryption",
    ),
    field(
        "timeout",
        Form::Duration("1s", "5m"),
        Text("30s"),
        "one mail",
    ),
];

pub(super) const CHANNEL: &[Field] = &[
    field("smtp", Form::List(&Form::Email), Nothing, "mail addresses"),
    field(
        "webhook",
        Form::Secret,
        Nothing,
        "address that is called: a secret, since chat systems put a token into it",
    ),
    field(
        "webhook_key",
        Form::Secret,
        Nothing,
        "key of the HMAC-SHA256 signature",
    ),
];

pub(super) const WEBHOOK: &[Field] = &[
    field(
        "allow",
        Form::List(&Form::Allowed),
        Nothing,
        "internal networks, addresses or host names that may be reached; all others must be public",
    ),
    field(
        "timeout",
        Form::Duration("1s", "1m"),
        Text("10s"),
        "one request, with name resolution",
    ),
];

pub(super) const PLAYBOOKS: &[Field] = &[
    field(
        "directory",
        Form::Path,
        Nothing,
        "YAML files; a file of a shipped playbook's name replaces it",
    ),
    field(
        "allow_exec",
        Form::List(&Form::Path),
        Nothing,
        "programs that an exec step may start; empty: none",
    ),
];

pub(super) const PROFILES: &[Field] = &[field(
    "directory",
    Form::Path,
    Nothing,
    "YAML files; a file of a shipped profile's name replaces it",
)];

pub(super) const RECORDING: &[Field] = &[
    field(
        "directory",
        Form::Path,
        Nothing,
        "default: recordings below state_dir",
    ),
    field(
        "min_free",
        Form::Size,
        Text("2GiB"),
        "below this a recording stops: the database needs the rest",
    ),
];

pub(super) const CONFERENCE: &[Field] = &[
    field(
        "rooms_max",
        Form::Integer(1, 1000),
        Text("50"),
        "live rooms",
    ),
    field(
        "peers_max",
        Form::Integer(2, 1000),
        Text("300"),
        "in one room: every commune, twice",
    ),
    field(
        "seat_kept",
        Form::Duration("5s", "10m"),
        Text("60s"),
        "a lost seat keeps role, hand and floor this long",
    ),
    field(
        "opens_before",
        Form::Duration("0s", "1d"),
        Text("60m"),
        "the trial session is an hour before the meeting",
    ),
];

pub(super) const HEALTH: &[Field] = &[
    field(
        "link_load_percent_max",
        Form::Integer(10, 100),
        Text("90"),
        "the dedicated network's rule (circular 06/2026/TT-BKHCN) is 90 % of capacity",
    ),
    field(
        "storage_percent_max",
        Form::Integer(10, 100),
        Text("90"),
        "use of a volume from which it is full",
    ),
    field(
        "missed_polls_max",
        Form::Integer(1, 20),
        Text("2"),
        "polls without an answer after which a device is down; one may be bad luck",
    ),
    field(
        "hysteresis_percent",
        Form::Integer(0, 50),
        Text("3"),
        "a reading must come back by this share of its limit before it is well again",
    ),
    field(
        "flap_changes_max",
        Form::Integer(0, 100),
        Text("6"),
        "changes within flap_window after which a recovery is believed only when it lasts half a window; 0: never damped",
    ),
    field(
        "flap_window",
        Form::Duration("10s", "1d"),
        Text("5m"),
        "see flap_changes_max",
    ),
    field(
        "limits",
        Form::List(&Form::Section(LIMIT)),
        Nothing,
        "limits of readings; the first that fits holds",
    ),
    field(
        "link_report",
        Form::Section(LINK_REPORT),
        Nothing,
        "the weekly account of links (circular 06/2026/TT-BKHCN)",
    ),
];

/// What device and profile say goes before a limit for a class or a kind; a limit for named devices or a named sensor goes before all.
pub(super) const LIMIT: &[Field] = &[
    field(
        "class",
        Form::Id,
        Required,
        "temperature, humidity, charge, load, voltage …, or processor, memory, storage (percent)",
    ),
    field(
        "devices",
        Form::List(&Form::Id),
        Nothing,
        "of these only, and instead of what they say themselves",
    ),
    field(
        "sensor",
        Form::Text(120),
        Nothing,
        "of this name only, and instead of what the device says itself",
    ),
    field(
        "kinds",
        Form::List(&Form::Choice(&[
            "server",
            "frame",
            "storage",
            "backup",
            "san_switch",
            "switch",
            "router",
            "firewall",
            "hypervisor",
            "ups",
            "pdu",
            "cooling",
            "host",
            "other",
        ])),
        Nothing,
        "of devices of these kinds only",
    ),
    field(
        "low_critical",
        Form::Decimal,
        Nothing,
        "at or below: critical",
    ),
    field(
        "low_warning",
        Form::Decimal,
        Nothing,
        "at or below: degraded",
    ),
    field(
        "high_warning",
        Form::Decimal,
        Nothing,
        "at or above: degraded",
    ),
    field(
        "high_critical",
        Form::Decimal,
        Nothing,
        "at or above: critical",
    ),
];

pub(super) const LINK_REPORT: &[Field] = &[
    field(
        "percentile",
        Form::Integer(50, 100),
        Text("95"),
        "by nearest rank: the highest sample when the top 5 % are struck out",
    ),
    field(
        "window",
        Form::Duration("1h", "31d"),
        Text("7d"),
        "length of the account, and of the one before that it is compared with",
    ),
    field(
        "interval",
        Form::Duration("1m", "1h"),
        Text("5m"),
        "length of a sample; another one begins a new account",
    ),
    field(
        "share_percent_max",
        Form::Integer(10, 100),
        Text("90"),
        "of the capacity: a link whose percentile is above it is named",
    ),
    field(
        "kept",
        Form::Duration("2h", "400d"),
        Text("35d"),
        "how long samples are kept: about 20 bytes each",
    ),
];

//! What is watched and how it is found: devices, links, sites, credentials, polls, discovery, traps, profiles.

use crate::config::schema::Absent::{Nothing, Required, Text};
use crate::config::schema::{Field, Form, field};

pub(in crate::config) const CREDENTIAL: &[Field] = &[
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

pub(in crate::config) const DEVICE: &[Field] = &[
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

const ENDPOINT: &[Field] = &[
    field("device", Form::Id, Required, "device id"),
    field("interface", Form::Text(120), Required, "ifName"),
];

pub(in crate::config) const LINK: &[Field] = &[
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

pub(in crate::config) const SITE: &[Field] = &[
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

pub(in crate::config) const POLL: &[Field] = &[
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

pub(in crate::config) const DISCOVERY: &[Field] = &[
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

pub(in crate::config) const TRAPS: &[Field] = &[
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

pub(in crate::config) const PROFILES: &[Field] = &[field(
    "directory",
    Form::Path,
    Nothing,
    "YAML files; a file of a shipped profile's name replaces it",
)];

//! The daemon itself: sockets, certificate, language, log, what it tells Prometheus.

use crate::config::schema::Absent::{Nothing, Required, Switch, Text};
use crate::config::schema::{Field, Form, field};

pub(in crate::config) const LISTEN: &[Field] = &[
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

const MEDIA: &[Field] = &[
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

pub(in crate::config) const TLS: &[Field] = &[
    field("certificate", Form::Path, Required, "PEM chain, leaf first"),
    field("key", Form::Path, Required, "PEM private key"),
];

pub(in crate::config) const LOCALE: &[Field] = &[
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

pub(in crate::config) const LOG: &[Field] = &[
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

pub(in crate::config) const METRICS: &[Field] = &[
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

//! Conferences, recordings, and what playbooks tell whom.

use crate::config::schema::Absent::{Nothing, Required, Text};
use crate::config::schema::{Field, Form, field};

pub(in crate::config) const CONFERENCE: &[Field] = &[
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

pub(in crate::config) const RECORDING: &[Field] = &[
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

pub(in crate::config) const PLAYBOOKS: &[Field] = &[
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

pub(in crate::config) const CHANNEL: &[Field] = &[
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

pub(in crate::config) const WEBHOOK: &[Field] = &[
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

pub(in crate::config) const SMTP: &[Field] = &[
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

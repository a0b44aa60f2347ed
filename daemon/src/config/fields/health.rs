//! What counts as ill, and the report of links.

use crate::config::schema::Absent::{Nothing, Required, Text};
use crate::config::schema::{Field, Form, field};

pub(in crate::config) const HEALTH: &[Field] = &[
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
const LIMIT: &[Field] = &[
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

const LINK_REPORT: &[Field] = &[
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

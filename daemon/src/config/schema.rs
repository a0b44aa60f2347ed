//! Every key of the configuration in one table: its form, bounds, default and reason. Reading, checking and the printed reference all
//! follow it, so that none can disagree with another.

/// What a reload does with a changed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reload {
    /// Taken up by SIGHUP.
    Live,
    /// Needs a restart; the reload says so.
    Restart,
}

/// How a value is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// Text without control characters, 1 to this many bytes.
    Text(usize),
    Id,
    Choice(&'static [&'static str]),
    /// From, to.
    Integer(u64, u64),
    /// A number with or without decimals and sign.
    Decimal,
    /// From, to, as written.
    Duration(&'static str, &'static str),
    /// Bits per second.
    Rate,
    /// Bytes.
    Size,
    /// Address and port; the port may be left out where one is usual.
    Socket(Option<u16>),
    Address,
    Network,
    /// A network, an address or a host name.
    Allowed,
    Host,
    Email,
    /// An absolute path.
    Path,
    Secret,
    Section(&'static [Field]),
    List(&'static Form),
    /// Names chosen by the operator.
    Map(&'static Form),
}

/// What holds when a key is absent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Absent {
    /// A mistake.
    Required,
    /// Nothing.
    Nothing,
    /// As if this were written.
    Text(&'static str),
    /// The first as a rule, the second beside the simulated province; an explicit `null` switches it off.
    Switch {
        usual: Option<&'static str>,
        lab: &'static str,
    },
}

/// One key.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) form: Form,
    pub(super) absent: Absent,
    /// Reason or meaning, for the reference.
    pub(super) why: &'static str,
}

pub(super) const fn field(
    key: &'static str,
    form: Form,
    absent: Absent,
    why: &'static str,
) -> Field {
    Field {
        key,
        form,
        absent,
        why,
    }
}

/// A part of the configuration: a key at the top level.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) field: Field,
    pub(super) reload: Reload,
}

const fn part(
    key: &'static str,
    form: Form,
    absent: Absent,
    reload: Reload,
    why: &'static str,
) -> Part {
    Part {
        field: field(key, form, absent, why),
        reload,
    }
}

use super::fields::{
    CHANNEL, CONFERENCE, CREDENTIAL, DEVICE, DISCOVERY, HEALTH, LINK, LISTEN, LOCALE, LOG, METRICS,
    PLAYBOOKS, POLL, PROFILES, RECORDING, SITE, SMTP, TLS, TRAPS, WEBHOOK,
};
use Absent::Nothing;
use Reload::{Live, Restart};

/// The top level.
pub(super) const PARTS: &[Part] = &[
    part(
        "listen",
        Form::Section(LISTEN),
        Nothing,
        Restart,
        "sockets that the daemon opens",
    ),
    part(
        "state_dir",
        Form::Path,
        Nothing,
        Restart,
        "database, certificates, control socket; default: $STATE_DIRECTORY, /var/lib/nhipcau for root, else $XDG_STATE_HOME/nhipcau; with -lab added beside the simulated province",
    ),
    part(
        "tls",
        Form::Section(TLS),
        Nothing,
        Restart,
        "own certificate; without it the daemon makes one and prints its fingerprint",
    ),
    part(
        "locale",
        Form::Section(LOCALE),
        Nothing,
        Restart,
        "language and times of pages, mail and calendars",
    ),
    part(
        "log",
        Form::Section(LOG),
        Nothing,
        Live,
        "what is logged; the environment's NHIPCAU_LOG wins over log.level",
    ),
    part(
        "credentials",
        Form::List(&Form::Section(CREDENTIAL)),
        Nothing,
        Live,
        "ways into devices",
    ),
    part(
        "devices",
        Form::List(&Form::Section(DEVICE)),
        Nothing,
        Live,
        "watched devices",
    ),
    part(
        "links",
        Form::List(&Form::Section(LINK)),
        Nothing,
        Live,
        "lines that no device announces, and their contracted rates",
    ),
    part(
        "sites",
        Form::List(&Form::Section(SITE)),
        Nothing,
        Live,
        "the tree of sites",
    ),
    part(
        "poll",
        Form::Section(POLL),
        Nothing,
        Restart,
        "how devices are polled",
    ),
    part(
        "discovery",
        Form::Section(DISCOVERY),
        Nothing,
        Live,
        "where devices that nobody watches yet are looked for, and how gently",
    ),
    part(
        "traps",
        Form::Section(TRAPS),
        Nothing,
        Live,
        "who may send traps beyond the watched devices",
    ),
    part(
        "metrics",
        Form::Section(METRICS),
        Nothing,
        Live,
        "who may read /metrics beyond loopback",
    ),
    part(
        "smtp",
        Form::Section(SMTP),
        Nothing,
        Live,
        "the mail server",
    ),
    part(
        "channels",
        Form::Map(&Form::Section(CHANNEL)),
        Nothing,
        Live,
        "who is told, by names that playbooks use",
    ),
    part(
        "webhook",
        Form::Section(WEBHOOK),
        Nothing,
        Live,
        "bounds of outgoing HTTP",
    ),
    part(
        "playbooks",
        Form::Section(PLAYBOOKS),
        Nothing,
        Live,
        "playbooks beyond those that ship",
    ),
    part(
        "profiles",
        Form::Section(PROFILES),
        Nothing,
        Live,
        "device profiles beyond those that ship",
    ),
    part(
        "recording",
        Form::Section(RECORDING),
        Nothing,
        Live,
        "where recordings go",
    ),
    part(
        "conference",
        Form::Section(CONFERENCE),
        Nothing,
        Restart,
        "rooms and seats",
    ),
    part(
        "health",
        Form::Section(HEALTH),
        Nothing,
        Restart,
        "limits by which health is judged",
    ),
];

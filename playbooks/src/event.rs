//! What happened, as playbooks see it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Both clocks, read once by the shell: deadlines follow `instant`, the log carries `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time.
    pub instant: Instant,
    /// Wall-clock time; may jump.
    pub at: Timestamp,
}

/// A run of a playbook; numbered by the engine, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub i64);

/// The kinds of events: five faults and their recoveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A device does not answer.
    DeviceDown,
    /// It answers again.
    DeviceUp,
    /// An interface or link is down.
    LinkDown,
    /// It is up again.
    LinkUp,
    /// A sensor passed its critical limit.
    SensorCritical,
    /// It is within its limits again.
    SensorOk,
    /// A site dropped out of a live conference.
    SiteDropped,
    /// It is back.
    SiteBack,
    /// A recording stopped by itself.
    RecordingFailed,
    /// A recording of the same conference runs again.
    RecordingOk,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [EventKind; 10] = [
        EventKind::DeviceDown,
        EventKind::DeviceUp,
        EventKind::LinkDown,
        EventKind::LinkUp,
        EventKind::SensorCritical,
        EventKind::SensorOk,
        EventKind::SiteDropped,
        EventKind::SiteBack,
        EventKind::RecordingFailed,
        EventKind::RecordingOk,
    ];

    /// The kind as playbooks and the protocol write it.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::DeviceDown => "device_down",
            EventKind::DeviceUp => "device_up",
            EventKind::LinkDown => "link_down",
            EventKind::LinkUp => "link_up",
            EventKind::SensorCritical => "sensor_critical",
            EventKind::SensorOk => "sensor_ok",
            EventKind::SiteDropped => "site_dropped",
            EventKind::SiteBack => "site_back",
            EventKind::RecordingFailed => "recording_failed",
            EventKind::RecordingOk => "recording_ok",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        EventKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }

    /// The fault that an event of this kind ends, if it is a recovery.
    pub fn recovers(self) -> Option<EventKind> {
        match self {
            EventKind::DeviceUp => Some(EventKind::DeviceDown),
            EventKind::LinkUp => Some(EventKind::LinkDown),
            EventKind::SensorOk => Some(EventKind::SensorCritical),
            EventKind::SiteBack => Some(EventKind::SiteDropped),
            EventKind::RecordingOk => Some(EventKind::RecordingFailed),
            _ => None,
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing wrong.
    Ok,
    /// Works, with a reservation.
    Degraded,
    /// Does not work.
    Critical,
    /// Not measured.
    Unknown,
}

impl Health {
    /// The health as playbooks and the protocol write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Ok => "ok",
            Health::Degraded => "degraded",
            Health::Critical => "critical",
            Health::Unknown => "unknown",
        }
    }
}

/// An argument of a [`Reason`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arg {
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Number(f64),
    /// Text; may come from a device or a guest and is hostile.
    Text(String),
}

/// Why: a code of the browser protocol with arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The code, such as `link_down`.
    pub code: Cow<'static, str>,
    /// Arguments by name.
    #[serde(default)]
    pub args: BTreeMap<String, Arg>,
}

/// Something happened. All text in it is data: it may have been written by a device or a guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Number of the event in the store.
    pub id: i64,
    /// Kind.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Stable key of what it is about, such as `device/interface`; a recovery has the subject
    /// of its fault.
    pub subject: String,
    /// How bad it is.
    pub health: Health,
    /// Why.
    pub reason: Reason,
    /// One sentence for people, in the installation's language.
    #[serde(default)]
    pub text: String,
    /// Device key.
    #[serde(default)]
    pub device: Option<String>,
    /// Device name.
    #[serde(default)]
    pub device_name: Option<String>,
    /// Interface name.
    #[serde(default)]
    pub interface: Option<String>,
    /// Site key.
    #[serde(default)]
    pub site: Option<String>,
    /// Site name.
    #[serde(default)]
    pub site_name: Option<String>,
    /// Names of the sites affected.
    #[serde(default)]
    pub sites: Vec<String>,
    /// Title of the conference concerned.
    #[serde(default)]
    pub conference: Option<String>,
    /// Whether the source is authenticated: our own poll, a v3 trap, our own room. Events from
    /// v1/v2c traps are not, and start only playbooks that accept them.
    pub authenticated: bool,
    /// Held back behind a cause: starts nothing.
    #[serde(default)]
    pub held_back: bool,
    /// Within announced maintenance: starts only playbooks that run during it.
    #[serde(default)]
    pub maintenance: bool,
}

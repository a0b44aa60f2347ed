//! What a lab is started with.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// How a lab looks and where it listens. [`Default`] is the lab of `nhipcau run --lab`.
#[derive(Clone)]
pub struct LabConfig {
    /// Second and third octet of the first network: devices of the data center listen on
    /// `127.base[0].base[1].n`, regional routers one third octet further, commune routers two further.
    /// The third octet may be at most 253. Default `[20, 0]`.
    pub base: [u8; 2],
    /// UDP port of every agent, 1–65535 (0 is refused: a port that changes cannot be written into a
    /// configuration). Default 16100.
    pub port: u16,
    /// Where notifications go; `None` sends none. Default `None`.
    pub trap_target: Option<SocketAddr>,
    /// How notifications are sent. Default [`Notification::Trap`].
    pub notification: Notification,
    /// Where all noise comes from: the same seed gives the same serial numbers, loads and drifts.
    pub seed: u64,
    /// Number of commune sites, 0 to [`crate::COMMUNES_MAX`]. Default 60.
    pub communes: usize,
    /// Community that v1 and v2c requests must carry, and that notifications carry. Default `public`.
    pub community: String,
    /// The SNMPv3 user (SHA-256, AES-128) that every agent knows; `None` switches v3 off.
    pub v3: Option<LabUser>,
    /// The `poll:` that [`crate::Lab::configuration`] writes, whole seconds. Default 30 s.
    pub poll: Duration,
    /// How long an LLDP neighbour outlives its link (lldpMessageTxHoldMultiplier × interval). Default 120 s.
    pub lldp_hold: Duration,
    /// Largest reply datagram, 484–65507 bytes; a GETBULK is cut to it. Default 1472, as network devices answer.
    pub reply_bytes_max: usize,
    /// Whether a device that comes back after [`crate::Fault::DeviceOff`] announces itself with coldStart. Default true.
    pub cold_start: bool,
}

/// How a lab's agents notify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Notification {
    /// SNMPv2-Trap: sent once, not confirmed.
    #[default]
    Trap,
    /// InformRequest: repeated three times, five seconds apart, until confirmed.
    Inform,
}

/// The SNMPv3 user of a lab: authPriv with SHA-256 and AES-128.
#[derive(Clone)]
pub struct LabUser {
    /// USM user name, 1–32 bytes.
    pub name: String,
    /// Authentication password, at least 8 bytes (RFC 3414 §11.2).
    pub auth_password: String,
    /// Privacy password, at least 8 bytes.
    pub privacy_password: String,
}

impl Default for LabConfig {
    fn default() -> Self {
        Self {
            base: [20, 0],
            port: 16100,
            trap_target: None,
            notification: Notification::Trap,
            seed: 2026,
            communes: 60,
            community: "public".to_owned(),
            v3: Some(LabUser::default()),
            poll: Duration::from_secs(30),
            lldp_hold: Duration::from_secs(120),
            reply_bytes_max: 1472,
            cold_start: true,
        }
    }
}

impl Default for LabUser {
    fn default() -> Self {
        Self {
            name: "lab".to_owned(),
            auth_password: "nhipcau-lab-auth".to_owned(),
            privacy_password: "nhipcau-lab-privacy".to_owned(),
        }
    }
}

impl fmt::Debug for LabConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabConfig")
            .field("base", &self.base)
            .field("port", &self.port)
            .field("trap_target", &self.trap_target)
            .field("notification", &self.notification)
            .field("seed", &self.seed)
            .field("communes", &self.communes)
            .field("community", &"***")
            .field("v3", &self.v3)
            .field("poll", &self.poll)
            .field("lldp_hold", &self.lldp_hold)
            .field("reply_bytes_max", &self.reply_bytes_max)
            .field("cold_start", &self.cold_start)
            .finish()
    }
}

impl fmt::Debug for LabUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabUser")
            .field("name", &self.name)
            .field("passwords", &"***")
            .finish()
    }
}

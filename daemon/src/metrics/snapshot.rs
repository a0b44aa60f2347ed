//! What the daemon hands to the exposition: plain figures of one moment. Counters are totals since the daemon's (or the device's) start.

use std::path::PathBuf;
use std::sync::Arc;

use nhipcau_inventory::Health;

/// Everything that is measured outside the daemon's own process.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Watched devices.
    pub devices: Vec<DeviceFigures>,
    /// Links.
    pub links: Vec<LinkFigures>,
    /// Sites.
    pub sites: Vec<SiteFigures>,
    /// Maintenance, availability, the link report.
    pub upkeep: UpkeepFigures,
    /// Open incidents that are not held back.
    pub incidents_open: Vec<(Health, u64)>,
    /// The poller as a whole.
    pub poller: PollerFigures,
    /// The trap port.
    pub traps: TrapFigures,
    /// The bridge.
    pub bridge: BridgeFigures,
    /// The roads of sites in live rooms.
    pub roads: Vec<RoadFigures>,
    /// Sites among them that are told together.
    pub roads_folded: u64,
    /// Conferences in session.
    pub conferences: Vec<ConferenceFigures>,
    /// Sites that dropped out of a conference, by reason code.
    pub conference_drops: Vec<(Arc<str>, u64)>,
    /// Recordings.
    pub recordings: RecordingFigures,
    /// Playbook runs that have not ended, by state.
    pub playbook_runs_active: Vec<(&'static str, u64)>,
    /// Playbook runs that have ended: playbook, result, count.
    pub playbook_runs: Vec<(Arc<str>, &'static str, u64)>,
    /// Events that started no run of a playbook, by reason.
    pub playbook_not_started: Vec<(&'static str, u64)>,
    /// Open WebSockets by kind.
    pub sockets: Vec<(&'static str, u64)>,
    /// Subsystems and whether each shows signs of life.
    pub subsystems: Vec<(&'static str, bool)>,
    /// Directories whose free space is shown, by a word such as `state`, `recordings`.
    pub directories: Vec<(&'static str, PathBuf)>,
    /// Size of the database with its log, bytes.
    pub store_bytes: u64,
    /// Which part of all this is asked for, and how long it may be.
    pub scrape: ScrapeFigures,
}

/// One scrape.
#[derive(Debug, Clone)]
pub struct ScrapeFigures {
    /// Whether what is no device's is shown.
    pub own: bool,
    /// Whether all devices are asked for at once: they are shown all or not at all.
    pub whole: bool,
    /// The part's name.
    pub part: String,
    /// How many parts discovery lists.
    pub parts: u32,
    /// Longest text, bytes.
    pub bytes_max: usize,
}

impl Default for ScrapeFigures {
    /// Everything, however long.
    fn default() -> Self {
        Self {
            own: true,
            whole: true,
            part: "whole".to_owned(),
            parts: 1,
            bytes_max: usize::MAX,
        }
    }
}

/// Maintenance, availability and the link report.
#[derive(Debug, Clone, Default)]
pub struct UpkeepFigures {
    /// Link, direction, percentile over capacity, coverage.
    pub percentiles: Vec<(Arc<str>, &'static str, Option<f64>, f64)>,
    /// Links in maintenance.
    pub links: Vec<Arc<str>>,
    /// Devices in maintenance.
    pub devices: Vec<Arc<str>>,
    /// Sites in maintenance.
    pub sites: Vec<Arc<str>>,
    /// Kind, subject, up of measured time this month.
    pub availability: Vec<(Arc<str>, Arc<str>, f64)>,
}

/// One device.
#[derive(Debug, Clone, Default)]
pub struct DeviceFigures {
    /// Device id.
    pub id: Arc<str>,
    /// What people call it.
    pub name: Arc<str>,
    /// Site id or empty.
    pub site: Arc<str>,
    /// Kind as the protocol has it.
    pub kind: &'static str,
    /// Vendor.
    pub vendor: Arc<str>,
    /// Model.
    pub model: Arc<str>,
    /// Version of its system.
    pub version: Arc<str>,
    /// Profile that reads it.
    pub profile: Arc<str>,
    /// How it is.
    pub health: Health,
    /// Whether the last poll was answered.
    pub up: bool,
    /// The device that it stands behind, while that one has failed.
    pub behind: Option<Arc<str>>,
    /// sysUpTime, seconds.
    pub uptime_seconds: Option<f64>,
    /// Age of the last good values, seconds; `None`: there never were any.
    pub age_seconds: Option<f64>,
    /// Length of the last poll, seconds.
    pub poll_seconds: Option<f64>,
    /// Values that the last poll read.
    pub varbinds: u64,
    /// Planned time between polls, seconds.
    pub interval_seconds: f64,
    /// Requests, repeats included.
    pub requests_total: u64,
    /// Repeated requests.
    pub retries_total: u64,
    /// Requests without an answer.
    pub timeouts_total: u64,
    /// Walks that were broken off.
    pub walk_errors_total: u64,
    /// Rows that the device bears in one answer; 0: not learnt yet.
    pub max_repetitions: u32,
    /// Polls that brought nothing, by reason code.
    pub failures_total: Vec<(Arc<str>, u64)>,
    /// Age of each table, seconds.
    pub tables: Vec<(Arc<str>, f64)>,
    /// Interfaces.
    pub interfaces: Vec<InterfaceFigures>,
    /// Sensors.
    pub sensors: Vec<SensorFigures>,
    /// Components: name, class, health.
    pub components: Vec<(Arc<str>, Arc<str>, Health)>,
    /// Storages: name, used bytes, whole bytes.
    pub storage: Vec<(Arc<str>, u64, u64)>,
    /// Processors: name, load 0 to 1.
    pub processors: Vec<(Arc<str>, f64)>,
}

/// One interface. A counter that the device does not have is `None` and not shown.
#[derive(Debug, Clone, Default)]
pub struct InterfaceFigures {
    /// ifName.
    pub name: Arc<str>,
    /// ifAlias.
    pub alias: Arc<str>,
    /// How it is.
    pub health: Health,
    /// ifAdminStatus is up.
    pub admin_up: bool,
    /// ifOperStatus is up.
    pub up: bool,
    /// Announced rate, bits per second; 0: none.
    pub speed_bps: u64,
    /// Bytes in.
    pub receive_bytes: Option<u64>,
    /// Bytes out.
    pub transmit_bytes: Option<u64>,
    /// Packets in with errors.
    pub receive_errors: Option<u64>,
    /// Packets out with errors.
    pub transmit_errors: Option<u64>,
    /// Packets in, discarded.
    pub receive_discards: Option<u64>,
    /// Packets out, discarded.
    pub transmit_discards: Option<u64>,
}

/// One sensor.
#[derive(Debug, Clone, Default)]
pub struct SensorFigures {
    /// Name, unique in its device.
    pub name: Arc<str>,
    /// Class: temperature, voltage …
    pub class: Arc<str>,
    /// Unit of the value.
    pub unit: Arc<str>,
    /// Reading; `None` for a sensor that has only a state.
    pub value: Option<f64>,
    /// How it is.
    pub health: Health,
    /// Age of the reading, seconds.
    pub age_seconds: f64,
}

/// One link.
#[derive(Debug, Clone, Default)]
pub struct LinkFigures {
    /// Link id.
    pub id: Arc<str>,
    /// Device of the measured end.
    pub device: Arc<str>,
    /// Interface of the measured end.
    pub interface: Arc<str>,
    /// What stands at the other end: a device id or a name.
    pub peer: Arc<str>,
    /// `declared`, `lldp` or `uplink`.
    pub source: &'static str,
    /// How it is.
    pub health: Health,
    /// Capacity of each direction, bits per second.
    pub capacity_bps: u64,
    /// Load into the measured end, 0 to 1.
    pub in_ratio: Option<f64>,
    /// Load out of the measured end, 0 to 1.
    pub out_ratio: Option<f64>,
}

/// One site.
#[derive(Debug, Clone, Default)]
pub struct SiteFigures {
    /// Site id.
    pub id: Arc<str>,
    /// What people call it.
    pub name: Arc<str>,
    /// Kind of site.
    pub kind: Arc<str>,
    /// The site above, or empty.
    pub parent: Arc<str>,
    /// How it is.
    pub health: Health,
}

/// The poller as a whole.
#[derive(Debug, Clone, Default)]
pub struct PollerFigures {
    /// Devices that are being asked now.
    pub in_flight: u64,
    /// Polls that began more than half an interval late.
    pub late_total: u64,
    /// Tables with more rows than are read, once for each reading.
    pub tables_cut_total: u64,
    /// What the poller found and its receivers were too slow to take, by kind (`event`, `collection`).
    pub lost_total: Vec<(&'static str, u64)>,
}

/// The trap port.
#[derive(Debug, Clone, Default)]
pub struct TrapFigures {
    /// Traps understood.
    pub traps_total: u64,
    /// Informs understood.
    pub informs_total: u64,
    /// Questions for our SNMPv3 engine.
    pub discoveries_total: u64,
    /// Informs that came again.
    pub repeated_total: u64,
    /// Dropped datagrams by reason.
    pub dropped_total: Vec<(&'static str, u64)>,
    /// Receive buffer that the kernel grants; zero while no traps are received.
    pub receive_buffer_bytes: u64,
}

/// The bridge.
#[derive(Debug, Clone, Default)]
pub struct BridgeFigures {
    /// Connected browsers.
    pub peers: u64,
    /// Connected browsers by transport.
    pub transport_peers: Vec<(&'static str, u64)>,
    /// TCP connections by kind (`plain`, `tls`).
    pub connections: Vec<(&'static str, u64)>,
    /// TCP connections taken since the start.
    pub connections_taken_total: u64,
    /// TCP connections turned away, by reason.
    pub connections_ended_total: Vec<(&'static str, u64)>,
    /// Allocations of the embedded TURN server.
    pub relay_allocations: u64,
    /// TURN messages for another peer than the bridge.
    pub relay_forbidden_total: u64,
    /// Rooms with media.
    pub rooms: u64,
    /// Packets in by kind (`all`).
    pub packets_received_total: Vec<(&'static str, u64)>,
    /// Packets out by kind (`all`, and among them `media`, `caught_up`, `padding`).
    pub packets_sent_total: Vec<(&'static str, u64)>,
    /// Bytes in.
    pub received_bytes_total: u64,
    /// Bytes out.
    pub sent_bytes_total: u64,
    /// Dropped datagrams and packets by reason.
    pub dropped_total: Vec<(&'static str, u64)>,
    /// Datagrams that the socket did not take.
    pub send_failed_total: u64,
    /// Keyframes asked of senders.
    pub keyframe_requests_total: u64,
    /// Packets that receivers asked for again.
    pub nacks_in_total: u64,
    /// Packets asked of senders again.
    pub nacks_out_total: u64,
    /// Packets sent again.
    pub retransmissions_total: u64,
    /// Missing packets of senders that came after all, by way (`again`, `copy`).
    pub repairs_total: Vec<(&'static str, u64)>,
    /// What packet threads hand to each other, by kind (`media`, `datagram`).
    pub handed_on_total: Vec<(&'static str, u64)>,
    /// Events that were not read in time.
    pub events_lost_total: u64,
    /// CPU time of the packet threads.
    pub cpu_seconds_total: f64,
}

/// The road of a site in a live room.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoadFigures {
    /// The conference.
    pub conference: i64,
    /// The site, or `other`.
    pub site: Arc<str>,
    /// Connected seats.
    pub seats: u64,
    /// Seats that get less than their pages ask for.
    pub lowered: u64,
    /// Longest round trip.
    pub round_trip_seconds: f64,
    /// Largest loss towards the bridge.
    pub loss_in_ratio: f64,
    /// Largest loss from the bridge.
    pub loss_out_ratio: f64,
    /// Media towards the bridge.
    pub in_bytes_per_second: f64,
    /// Media from the bridge.
    pub out_bytes_per_second: f64,
    /// What the lines carry.
    pub estimate_bytes_per_second: f64,
}

/// One conference in session.
#[derive(Debug, Clone, Default)]
pub struct ConferenceFigures {
    /// Its number; never the room's secret.
    pub id: i64,
    /// Invited sites that are there.
    pub sites_joined: u64,
    /// Invited sites that never came.
    pub sites_absent: u64,
    /// Invited sites that were lost.
    pub sites_dropped: u64,
    /// Connected participants.
    pub participants: u64,
}

/// Recordings.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecordingFigures {
    /// Being written.
    pub running: u64,
    /// Ended well.
    pub done_total: u64,
    /// Ended by a fault.
    pub failed_total: u64,
    /// Bytes of ended recordings.
    pub written_bytes_total: u64,
}

//! Every metric of the daemon: name, type, labels, bound and help. Dashboards, rules and the exposition are held against this list.

/// Type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the daemon or the device restarts.
    Counter,
    /// Goes both ways.
    Gauge,
    /// Counts by upper bound.
    Histogram,
}

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// `nhipcau_<subsystem>_<what>_<unit>[_total]`.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Label names, in the order of the values.
    pub labels: &'static [&'static str],
    /// Most series; further ones are cut, counted in `nhipcau_metrics_series_cut` and logged by name.
    pub series_max: usize,
    /// What it says, with the unit.
    pub help: &'static str,
}

impl Metric {
    /// The unit at the end of the name, or an empty text for a state or a plain count.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        let stem = self.name.strip_suffix("_total").unwrap_or(self.name);
        ["bytes_per_second", "bytes", "seconds", "ratio"]
            .into_iter()
            .find(|unit| stem.ends_with(unit))
            .unwrap_or("")
    }
}

/// One of a kind.
const ONE: usize = 1;
/// Words that the program itself chooses.
const WORDS: usize = 64;
/// Playbooks, channels, rooms: what people name by hand.
const NAMED: usize = 1_000;
/// Devices, sites, links: four provinces.
const DEVICES: usize = 20_000;
/// Parts of devices: interfaces, sensors, components.
const PARTS: usize = 500_000;

macro_rules! catalog {
    ($($id:ident $kind:ident $name:literal [$($label:literal)*] $max:ident $help:literal;)*) => {
        /// Places of the metrics in [`CATALOG`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Id { $($id),* }

        /// All metrics.
        pub const CATALOG: &[Metric] = &[
            $(Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], series_max: $max, help: $help }),*
        ];
    };
}

catalog! {
    BuildInfo Gauge "nhipcau_daemon_build_info" ["version"] ONE "1, with the daemon's version.";
    StartTime Gauge "nhipcau_daemon_start_time_seconds" [] ONE "Start of the daemon, seconds since 1970-01-01 UTC.";
    Cpu Counter "nhipcau_daemon_cpu_seconds_total" [] ONE "CPU time of the daemon, user and system.";
    ResidentMemory Gauge "nhipcau_daemon_resident_memory_bytes" [] ONE "Memory of the daemon that is in RAM.";
    OpenFiles Gauge "nhipcau_daemon_open_fds" [] ONE "Open file descriptors.";
    OpenFilesMax Gauge "nhipcau_daemon_max_fds" [] ONE "Most file descriptors that may be open.";
    Threads Gauge "nhipcau_daemon_threads" [] ONE "Threads of the daemon.";
    UdpReceiveBufferErrors Counter "nhipcau_daemon_udp_receive_buffer_errors_total" [] ONE "Datagrams that the kernel dropped because a receive buffer was full, in the daemon's network namespace.";
    SubsystemAlive Gauge "nhipcau_daemon_subsystem_alive" ["subsystem"] WORDS "1 while the subsystem shows signs of life.";
    DiskFree Gauge "nhipcau_daemon_disk_free_bytes" ["directory"] WORDS "Free space where the daemon writes.";
    ConfigReloads Counter "nhipcau_daemon_config_reloads_total" ["result"] WORDS "Reloads of the configuration: taken, refused.";
    SeriesCut Gauge "nhipcau_metrics_series_cut" ["metric"] NAMED "Series left out of this exposition because the metric has too many.";
    ScrapeParts Gauge "nhipcau_metrics_scrape_parts" [] ONE "Parts that /sd/http?of=metrics lists, so that no scrape is longer than metrics.scrape_bytes_max.";
    ScrapeLeftOut Gauge "nhipcau_metrics_devices_left_out" ["part"] NAMED "Devices without series in this scrape because it would be too long: scrape the parts instead.";
    ScrapesTooLong Counter "nhipcau_metrics_scrapes_too_long_total" [] ONE "Scrapes that left devices out because they would be too long.";
    SeriesRepeated Gauge "nhipcau_metrics_series_repeated" ["metric"] NAMED "Series left out of this exposition because another has the same labels.";

    DeviceInfo Gauge "nhipcau_device_info" ["device" "name" "site" "kind" "vendor" "model" "version" "profile"] DEVICES "1, with what a device says of itself.";
    DeviceHealth Gauge "nhipcau_device_health" ["device" "site"] DEVICES "0 ok, 1 degraded, 2 critical, 3 unknown.";
    DeviceUp Gauge "nhipcau_device_up" ["device" "site"] DEVICES "1 when the last poll was answered.";
    DeviceBehind Gauge "nhipcau_device_behind" ["device" "cause"] DEVICES "1 while the device stands behind a device or line that failed.";
    DeviceUptime Gauge "nhipcau_device_uptime_seconds" ["device"] DEVICES "Time since the device's agent started.";
    CollectionAge Gauge "nhipcau_device_collection_age_seconds" ["device"] DEVICES "Age of the last good values.";
    PollDuration Gauge "nhipcau_poll_duration_seconds" ["device"] DEVICES "Length of the last poll.";
    PollVarbinds Gauge "nhipcau_poll_varbinds" ["device"] DEVICES "Values read by the last poll.";
    PollInterval Gauge "nhipcau_poll_interval_seconds" ["device"] DEVICES "Planned time between two polls.";
    PollRequests Counter "nhipcau_poll_requests_total" ["device"] DEVICES "SNMP requests sent, repeats included.";
    PollRetries Counter "nhipcau_poll_retries_total" ["device"] DEVICES "SNMP requests repeated for want of an answer.";
    PollTimeouts Counter "nhipcau_poll_timeouts_total" ["device"] DEVICES "SNMP requests without an answer.";
    PollWalkErrors Counter "nhipcau_poll_walk_errors_total" ["device"] DEVICES "Walks of a table that were broken off: backwards, endless, nonsense, no answer.";
    PollRepetitions Gauge "nhipcau_poll_max_repetitions" ["device"] DEVICES "Rows of one answer that the device has been seen to bear.";
    PollFailures Counter "nhipcau_poll_failures_total" ["device" "reason"] DEVICES "Polls that brought nothing, by reason code.";
    PollInFlight Gauge "nhipcau_poll_in_flight" [] ONE "Devices that are being asked now.";
    PollLate Counter "nhipcau_poll_late_total" [] ONE "Polls that began more than half an interval late.";
    PollTablesCut Counter "nhipcau_poll_tables_cut_total" [] ONE "Tables with more rows than are read.";
    PollLost Counter "nhipcau_poll_lost_total" ["kind"] WORDS "Events and collections that found their queue full.";
    TableAge Gauge "nhipcau_device_table_age_seconds" ["device" "table"] PARTS "Age of one table's values.";

    InterfaceInfo Gauge "nhipcau_interface_info" ["device" "interface" "alias"] PARTS "1, with the interface's description.";
    InterfaceHealth Gauge "nhipcau_interface_health" ["device" "interface"] PARTS "0 ok, 1 degraded, 2 critical, 3 unknown.";
    InterfaceAdminUp Gauge "nhipcau_interface_admin_up" ["device" "interface"] PARTS "1 when the interface is meant to be up (ifAdminStatus).";
    InterfaceUp Gauge "nhipcau_interface_up" ["device" "interface"] PARTS "1 when the interface is up (ifOperStatus).";
    InterfaceSpeed Gauge "nhipcau_interface_speed_bytes_per_second" ["device" "interface"] PARTS "Rate that the interface announces (ifHighSpeed); bytes, as the counters have them.";
    InterfaceReceive Counter "nhipcau_interface_receive_bytes_total" ["device" "interface"] PARTS "Bytes in (ifHCInOctets).";
    InterfaceTransmit Counter "nhipcau_interface_transmit_bytes_total" ["device" "interface"] PARTS "Bytes out (ifHCOutOctets).";
    InterfaceReceiveErrors Counter "nhipcau_interface_receive_errors_total" ["device" "interface"] PARTS "Packets in with errors (ifInErrors).";
    InterfaceTransmitErrors Counter "nhipcau_interface_transmit_errors_total" ["device" "interface"] PARTS "Packets out with errors (ifOutErrors).";
    InterfaceReceiveDiscards Counter "nhipcau_interface_receive_discards_total" ["device" "interface"] PARTS "Packets in, discarded (ifInDiscards).";
    InterfaceTransmitDiscards Counter "nhipcau_interface_transmit_discards_total" ["device" "interface"] PARTS "Packets out, discarded (ifOutDiscards).";

    LinkInfo Gauge "nhipcau_link_info" ["link" "device" "interface" "peer" "source"] DEVICES "1, with the link's measured end and what stands at the other.";
    LinkHealth Gauge "nhipcau_link_health" ["link"] DEVICES "0 ok, 1 degraded, 2 critical, 3 unknown.";
    LinkCapacity Gauge "nhipcau_link_capacity_bytes_per_second" ["link"] DEVICES "Contracted rate of each direction, else the interface's; bytes, as the counters have them.";
    LinkLoad Gauge "nhipcau_link_load_ratio" ["link" "direction"] DEVICES "Load of the last poll interval over the capacity, in or out as the measured end sees it.";

    LinkPercentile Gauge "nhipcau_link_percentile_ratio" ["link" "direction"] DEVICES "Percentile of the link report (95th of 5-minute samples over 7 days unless configured) over the capacity.";
    LinkCoverage Gauge "nhipcau_link_coverage_ratio" ["link" "direction"] DEVICES "Samples that the link report has, of those there could be.";
    LinkMaintenance Gauge "nhipcau_link_maintenance" ["link"] DEVICES "1 while the link is in announced maintenance.";
    DeviceMaintenance Gauge "nhipcau_device_maintenance" ["device"] DEVICES "1 while the device is in announced maintenance.";
    SiteMaintenance Gauge "nhipcau_site_maintenance" ["site"] DEVICES "1 while the site is in announced maintenance.";
    Availability Gauge "nhipcau_availability_ratio" ["kind" "subject"] PARTS "Up of the time measured outside maintenance in this month: of a device, link or site.";
    SensorValue Gauge "nhipcau_sensor_value" ["device" "sensor" "class" "unit"] PARTS "Reading in the unit of the label.";
    SensorHealth Gauge "nhipcau_sensor_health" ["device" "sensor" "class"] PARTS "0 ok, 1 degraded, 2 critical, 3 unknown.";
    SensorAge Gauge "nhipcau_sensor_age_seconds" ["device" "sensor"] PARTS "Age of the reading.";
    ComponentHealth Gauge "nhipcau_component_health" ["device" "component" "class"] PARTS "0 ok, 1 degraded, 2 critical, 3 unknown.";
    StorageUsed Gauge "nhipcau_storage_used_bytes" ["device" "storage"] PARTS "Used space or memory.";
    StorageSize Gauge "nhipcau_storage_size_bytes" ["device" "storage"] PARTS "Whole space or memory.";
    ProcessorLoad Gauge "nhipcau_processor_load_ratio" ["device" "processor"] PARTS "Load of the last minute, 0 to 1 (hrProcessorLoad).";

    SiteInfo Gauge "nhipcau_site_info" ["site" "name" "kind" "parent"] DEVICES "1, with the site's name and place in the tree.";
    SiteHealth Gauge "nhipcau_site_health" ["site"] DEVICES "0 ok, 1 degraded, 2 critical, 3 unknown.";
    IncidentsOpen Gauge "nhipcau_incident_open" ["health"] WORDS "Open incidents by gravity; what is held back behind a cause or by maintenance does not count.";

    TrapReceived Counter "nhipcau_trap_received_total" ["kind"] WORDS "Traps, informs and questions for our SNMPv3 engine that were understood.";
    TrapRepeated Counter "nhipcau_trap_repeated_total" [] ONE "Informs that came again and were acknowledged again.";
    TrapReceiveBuffer Gauge "nhipcau_trap_receive_buffer_bytes" [] ONE "Receive buffer of the trap port as the kernel grants it.";
    TrapDropped Counter "nhipcau_trap_dropped_total" ["reason"] WORDS "Datagrams on the trap port that were dropped.";

    BridgePeers Gauge "nhipcau_bridge_peers" [] ONE "Browsers connected to the bridge.";
    BridgeTransportPeers Gauge "nhipcau_bridge_transport_peers" ["transport"] WORDS "Connected browsers by the way they come: udp, tcp (ICE-TCP), relay (TURN).";
    BridgeConnections Gauge "nhipcau_bridge_connections" ["kind"] WORDS "TCP connections that carry media or may: plain, tls.";
    BridgeConnectionsTaken Counter "nhipcau_bridge_connections_taken_total" [] ONE "TCP connections taken, of which most carry media.";
    BridgeConnectionsEnded Counter "nhipcau_bridge_connections_ended_total" ["reason"] WORDS "TCP connections turned away: refused (too many), broken (no protocol of ours), unproven (no seat in time).";
    BridgeRelayAllocations Gauge "nhipcau_bridge_relay_allocations" [] ONE "Allocations of the embedded TURN server.";
    BridgeRelayForbidden Counter "nhipcau_bridge_relay_forbidden_total" [] ONE "TURN messages for another peer than the bridge; none was relayed.";
    BridgeRooms Gauge "nhipcau_bridge_rooms" [] ONE "Rooms with media.";
    BridgePacketsReceived Counter "nhipcau_bridge_packets_received_total" ["kind"] WORDS "Datagrams in (all).";
    BridgePacketsSent Counter "nhipcau_bridge_packets_sent_total" ["kind"] WORDS "Packets out: all, and among them media (once for each receiver), caught_up (the past of a picture that a receiver turned to) and padding (to find room on lines).";
    BridgeBytesReceived Counter "nhipcau_bridge_received_bytes_total" [] ONE "Bytes of all datagrams in.";
    BridgeBytesSent Counter "nhipcau_bridge_sent_bytes_total" [] ONE "Bytes of all datagrams out.";
    BridgeDropped Counter "nhipcau_bridge_dropped_total" ["reason"] WORDS "Datagrams and packets that went no further, by reason.";
    BridgeSendFailed Counter "nhipcau_bridge_send_failed_total" [] ONE "Datagrams that the socket did not take.";
    BridgeKeyframes Counter "nhipcau_bridge_keyframe_requests_total" [] ONE "Keyframes asked of senders.";
    BridgeNacks Counter "nhipcau_bridge_nacks_total" ["direction"] WORDS "Lost packets that were asked for again, in or out.";
    BridgeRetransmissions Counter "nhipcau_bridge_retransmissions_total" [] ONE "Packets sent again.";
    BridgeRepairs Counter "nhipcau_bridge_repairs_total" ["by"] WORDS "Packets of senders that were missing and came after all: again (sent again), copy (in a later packet of sound, RFC 2198).";
    BridgeHandedOn Counter "nhipcau_bridge_handed_on_total" ["kind"] WORDS "What packet threads hand to each other: media (of a room that sits on several), datagram (that arrived at another thread than its peer's).";
    BridgeEventsLost Counter "nhipcau_bridge_events_lost_total" [] ONE "Events of the bridge that the daemon did not read in time.";
    BridgeCpu Counter "nhipcau_bridge_cpu_seconds_total" [] ONE "CPU time of the packet threads.";

    PeerSeats Gauge "nhipcau_peer_seats" ["conference" "site"] DEVICES "Connected seats of a site; sites beyond metrics.peer_sites stand under other.";
    PeerRoundTrip Gauge "nhipcau_peer_round_trip_seconds" ["conference" "site"] DEVICES "Longest round trip between the bridge and a seat of the site.";
    PeerLoss Gauge "nhipcau_peer_loss_ratio" ["conference" "site" "direction"] DEVICES "Largest loss of a seat of the site, in to the bridge or out of it.";
    PeerMedia Gauge "nhipcau_peer_media_bytes_per_second" ["conference" "site" "direction"] DEVICES "Media of the site's seats, in to the bridge or out of it.";
    PeerEstimate Gauge "nhipcau_peer_estimate_bytes_per_second" ["conference" "site"] DEVICES "What the lines towards the site's seats carry, as the bridge estimates it.";
    PeerLowered Gauge "nhipcau_peer_lowered_seats" ["conference" "site"] DEVICES "Seats of the site that get less than their pages ask for.";
    PeerSitesFolded Gauge "nhipcau_peer_sites_folded" [] ONE "Sites that are told together under other.";
    ConferenceLive Gauge "nhipcau_conference_live" [] ONE "Conferences in session.";
    ConferenceSites Gauge "nhipcau_conference_sites" ["conference" "state"] NAMED "Invited sites: joined, absent, dropped.";
    ConferenceParticipants Gauge "nhipcau_conference_participants" ["conference"] NAMED "Connected participants.";
    ConferenceDrops Counter "nhipcau_conference_drops_total" ["reason"] WORDS "Sites that dropped out of a conference in session, by reason code.";

    RecordingRunning Gauge "nhipcau_recording_running" [] ONE "Recordings that are being written.";
    RecordingFinished Counter "nhipcau_recording_finished_total" ["result"] WORDS "Recordings ended: done, failed.";
    RecordingWritten Counter "nhipcau_recording_written_bytes_total" [] ONE "Bytes of finished recordings.";

    PlaybookActive Gauge "nhipcau_playbook_runs_active" ["state"] WORDS "Runs that have not ended: running, waiting, approval.";
    PlaybookRuns Counter "nhipcau_playbook_runs_total" ["playbook" "result"] NAMED "Runs ended: done, failed, interrupted.";
    PlaybookNotStarted Counter "nhipcau_playbook_not_started_total" ["reason"] WORDS "Events that a playbook waits for and that started no run, by reason.";
    NoticesSent Counter "nhipcau_notice_sent_total" ["channel" "kind" "result"] NAMED "Mails and webhook calls: done, failed.";

    HttpRequests Counter "nhipcau_http_requests_total" ["route" "status"] NAMED "Requests by route template and status class.";
    HttpDuration Histogram "nhipcau_http_request_duration_seconds" ["route"] NAMED "Time from the request's head to the answer's.";
    HttpSockets Gauge "nhipcau_http_sockets" ["kind"] WORDS "Open WebSockets: live, desk, room.";
    StoreDuration Histogram "nhipcau_store_operation_duration_seconds" ["operation"] WORDS "Time of a database operation, commit included.";
    StoreSize Gauge "nhipcau_store_size_bytes" [] ONE "Size of the database with its log.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_pattern() {
        let mut seen = BTreeSet::new();
        for metric in CATALOG {
            let name = metric.name;
            assert!(seen.insert(name), "{name} is there twice");
            assert!(
                name.starts_with("nhipcau_") && name.split('_').count() >= 3,
                "{name}"
            );
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
            assert_eq!(
                name.ends_with("_total"),
                metric.kind == Kind::Counter,
                "{name}"
            );
            assert!(metric.help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn units_are_read_from_the_name() {
        let unit = |name| {
            CATALOG
                .iter()
                .find(|metric| metric.name == name)
                .unwrap()
                .unit()
        };
        assert_eq!(unit("nhipcau_bridge_sent_bytes_total"), "bytes");
        assert_eq!(unit("nhipcau_link_load_ratio"), "ratio");
        assert_eq!(unit("nhipcau_device_up"), "");
    }
}

//! From figures to series.

use std::sync::atomic::Ordering;

use nhipcau_inventory::Health;
use prometheus::core::Collector;

use super::catalog::Id;
use super::exposition::Exposition;
use super::{
    ConferenceFigures, DeviceFigures, InterfaceFigures, LinkFigures, Metrics, SensorFigures,
    Snapshot, UpkeepFigures, process,
};

/// Room for what is put last: what was left out, and series cut or repeated.
const TAIL_BYTES: usize = 16 << 10;

pub(super) fn render(own: &Metrics, snapshot: &Snapshot) -> Result<String, prometheus::Error> {
    let mut out = Exposition::default();
    if snapshot.scrape.own {
        own_series(&mut out, own, snapshot)?;
    }
    let left_out = devices(&mut out, snapshot);
    if left_out > 0 {
        own.scrapes_too_long.fetch_add(1, Ordering::Relaxed);
    }
    out.put(Id::ScrapeLeftOut, &[&snapshot.scrape.part], left_out as f64);
    if snapshot.scrape.own {
        out.put(Id::ScrapeParts, &[], f64::from(snapshot.scrape.parts));
        let too_long = own.scrapes_too_long.load(Ordering::Relaxed);
        out.put(Id::ScrapesTooLong, &[], too_long as f64);
    }
    out.finish()
}

/// The devices, as far as they fit; how many did not. Of a scrape of everything that is too long, none is shown: a random half of an estate
/// would look like the other half had vanished.
fn devices(out: &mut Exposition, snapshot: &Snapshot) -> usize {
    let limit = snapshot.scrape.bytes_max.saturating_sub(TAIL_BYTES);
    let empty = out.mark();
    let mut left_out = 0;
    for device in &snapshot.devices {
        let before = out.mark();
        device_series(out, device);
        if out.bytes() > limit {
            if snapshot.scrape.whole {
                out.rewind(&empty);
                return snapshot.devices.len();
            }
            out.rewind(&before);
            left_out += 1;
        }
    }
    left_out
}

/// Everything that is no device's.
fn own_series(
    out: &mut Exposition,
    own: &Metrics,
    snapshot: &Snapshot,
) -> Result<(), prometheus::Error> {
    daemon(out, own.started, snapshot);
    for link in &snapshot.links {
        link_series(out, link);
    }
    for site in &snapshot.sites {
        out.put(
            Id::SiteInfo,
            &[&site.id, &site.name, &site.kind, &site.parent],
            1.0,
        );
        out.put(Id::SiteHealth, &[&site.id], level(site.health));
    }
    upkeep(out, &snapshot.upkeep);
    for (health, count) in &snapshot.incidents_open {
        out.put(Id::IncidentsOpen, &[health.as_str()], *count as f64);
    }
    out.put(Id::PollInFlight, &[], snapshot.poller.in_flight as f64);
    out.put(Id::PollLate, &[], snapshot.poller.late_total as f64);
    out.put(
        Id::PollTablesCut,
        &[],
        snapshot.poller.tables_cut_total as f64,
    );
    for (kind, count) in &snapshot.poller.lost_total {
        out.put(Id::PollLost, &[kind], *count as f64);
    }
    traps(out, snapshot);
    bridge(out, snapshot);
    roads(out, snapshot);
    conferences(out, snapshot);
    for (state, count) in &snapshot.playbook_runs_active {
        out.put(Id::PlaybookActive, &[state], *count as f64);
    }
    for (playbook, result, count) in &snapshot.playbook_runs {
        out.put(Id::PlaybookRuns, &[playbook, result], *count as f64);
    }
    for (reason, count) in &snapshot.playbook_not_started {
        out.put(Id::PlaybookNotStarted, &[reason], *count as f64);
    }
    for (kind, count) in &snapshot.sockets {
        out.put(Id::HttpSockets, &[kind], *count as f64);
    }
    for gathered in [
        own.config_reloads.collect(),
        own.notices.collect(),
        own.http_requests.collect(),
        own.http_duration.collect(),
        own.store_duration.collect(),
    ] {
        out.put_gathered(gathered)?;
    }
    Ok(())
}

/// The figure of a health. `unknown` is the highest, so that "above 1" in a rule means "not measured or ill".
fn level(health: Health) -> f64 {
    match health {
        Health::Ok => 0.0,
        Health::Degraded => 1.0,
        Health::Critical => 2.0,
        Health::Unknown => 3.0,
    }
}

fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

fn daemon(out: &mut Exposition, started: f64, snapshot: &Snapshot) {
    out.put(Id::BuildInfo, &[env!("CARGO_PKG_VERSION")], 1.0);
    out.put(Id::StartTime, &[], started);
    let process = process::read();
    out.put_maybe(Id::Cpu, &[], process.cpu_seconds);
    out.put_maybe(Id::ResidentMemory, &[], process.resident_bytes);
    out.put_maybe(Id::OpenFiles, &[], process.open_files);
    out.put_maybe(Id::OpenFilesMax, &[], process.open_files_max);
    out.put_maybe(Id::Threads, &[], process.threads);
    out.put_maybe(
        Id::UdpReceiveBufferErrors,
        &[],
        process.udp_receive_buffer_errors,
    );
    for (subsystem, alive) in &snapshot.subsystems {
        out.put(Id::SubsystemAlive, &[subsystem], flag(*alive));
    }
    for (word, directory) in &snapshot.directories {
        out.put_maybe(Id::DiskFree, &[word], process::free_bytes(directory));
    }
    out.put(Id::StoreSize, &[], snapshot.store_bytes as f64);
}

fn device_series(out: &mut Exposition, device: &DeviceFigures) {
    let id: &str = &device.id;
    let DeviceFigures {
        name,
        site,
        kind,
        vendor,
        model,
        version,
        profile,
        ..
    } = device;
    out.put(
        Id::DeviceInfo,
        &[id, name, site, kind, vendor, model, version, profile],
        1.0,
    );
    out.put(Id::DeviceHealth, &[id, site], level(device.health));
    out.put(Id::DeviceUp, &[id, site], flag(device.up));
    if let Some(cause) = &device.behind {
        out.put(Id::DeviceBehind, &[id, cause], 1.0);
    }
    out.put_maybe(Id::DeviceUptime, &[id], device.uptime_seconds);
    out.put_maybe(Id::CollectionAge, &[id], device.age_seconds);
    out.put_maybe(Id::PollDuration, &[id], device.poll_seconds);
    out.put(Id::PollVarbinds, &[id], device.varbinds as f64);
    out.put(Id::PollInterval, &[id], device.interval_seconds);
    out.put(Id::PollRequests, &[id], device.requests_total as f64);
    out.put(Id::PollRetries, &[id], device.retries_total as f64);
    out.put(Id::PollTimeouts, &[id], device.timeouts_total as f64);
    out.put(Id::PollWalkErrors, &[id], device.walk_errors_total as f64);
    out.put(
        Id::PollRepetitions,
        &[id],
        f64::from(device.max_repetitions),
    );
    for (reason, count) in &device.failures_total {
        out.put(Id::PollFailures, &[id, reason], *count as f64);
    }
    for (table, age) in &device.tables {
        out.put(Id::TableAge, &[id, table], *age);
    }
    for interface in &device.interfaces {
        interface_series(out, id, interface);
    }
    for sensor in &device.sensors {
        sensor_series(out, id, sensor);
    }
    for (component, class, health) in &device.components {
        out.put(Id::ComponentHealth, &[id, component, class], level(*health));
    }
    for (storage, used, size) in &device.storage {
        out.put(Id::StorageUsed, &[id, storage], *used as f64);
        out.put(Id::StorageSize, &[id, storage], *size as f64);
    }
    for (processor, load) in &device.processors {
        out.put(Id::ProcessorLoad, &[id, processor], *load);
    }
}

fn interface_series(out: &mut Exposition, device: &str, interface: &InterfaceFigures) {
    let labels = [device, &*interface.name];
    out.put(
        Id::InterfaceInfo,
        &[device, &interface.name, &interface.alias],
        1.0,
    );
    out.put(Id::InterfaceHealth, &labels, level(interface.health));
    out.put(Id::InterfaceAdminUp, &labels, flag(interface.admin_up));
    out.put(Id::InterfaceUp, &labels, flag(interface.up));
    out.put(
        Id::InterfaceSpeed,
        &labels,
        interface.speed_bps as f64 / 8.0,
    );
    for (id, count) in [
        (Id::InterfaceReceive, interface.receive_bytes),
        (Id::InterfaceTransmit, interface.transmit_bytes),
        (Id::InterfaceReceiveErrors, interface.receive_errors),
        (Id::InterfaceTransmitErrors, interface.transmit_errors),
        (Id::InterfaceReceiveDiscards, interface.receive_discards),
        (Id::InterfaceTransmitDiscards, interface.transmit_discards),
    ] {
        out.put_maybe(id, &labels, count.map(|count| count as f64));
    }
}

fn sensor_series(out: &mut Exposition, device: &str, sensor: &SensorFigures) {
    let SensorFigures {
        name, class, unit, ..
    } = sensor;
    out.put_maybe(Id::SensorValue, &[device, name, class, unit], sensor.value);
    out.put(
        Id::SensorHealth,
        &[device, name, class],
        level(sensor.health),
    );
    out.put(Id::SensorAge, &[device, name], sensor.age_seconds);
}

fn link_series(out: &mut Exposition, link: &LinkFigures) {
    out.put(
        Id::LinkInfo,
        &[
            &link.id,
            &link.device,
            &link.interface,
            &link.peer,
            link.source,
        ],
        1.0,
    );
    out.put(Id::LinkHealth, &[&link.id], level(link.health));
    out.put(
        Id::LinkCapacity,
        &[&link.id],
        link.capacity_bps as f64 / 8.0,
    );
    out.put_maybe(Id::LinkLoad, &[&link.id, "in"], link.in_ratio);
    out.put_maybe(Id::LinkLoad, &[&link.id, "out"], link.out_ratio);
}

fn upkeep(out: &mut Exposition, figures: &UpkeepFigures) {
    for (link, direction, ratio, coverage) in &figures.percentiles {
        out.put_maybe(Id::LinkPercentile, &[link, direction], *ratio);
        out.put(Id::LinkCoverage, &[link, direction], *coverage);
    }
    for (id, subjects) in [
        (Id::LinkMaintenance, &figures.links),
        (Id::DeviceMaintenance, &figures.devices),
        (Id::SiteMaintenance, &figures.sites),
    ] {
        for subject in subjects {
            out.put(id, &[subject], 1.0);
        }
    }
    for (kind, subject, ratio) in &figures.availability {
        out.put(Id::Availability, &[kind, subject], *ratio);
    }
}

fn traps(out: &mut Exposition, snapshot: &Snapshot) {
    let traps = &snapshot.traps;
    out.put(Id::TrapReceived, &["trap"], traps.traps_total as f64);
    out.put(Id::TrapReceived, &["inform"], traps.informs_total as f64);
    let discoveries = traps.discoveries_total as f64;
    out.put(Id::TrapReceived, &["discovery"], discoveries);
    out.put(Id::TrapRepeated, &[], traps.repeated_total as f64);
    for (reason, count) in &traps.dropped_total {
        out.put(Id::TrapDropped, &[reason], *count as f64);
    }
    out.put(
        Id::TrapReceiveBuffer,
        &[],
        traps.receive_buffer_bytes as f64,
    );
}

fn bridge(out: &mut Exposition, snapshot: &Snapshot) {
    let bridge = &snapshot.bridge;
    out.put(Id::BridgePeers, &[], bridge.peers as f64);
    out.put(Id::BridgeRooms, &[], bridge.rooms as f64);
    out.put(Id::BridgeEventsLost, &[], bridge.events_lost_total as f64);
    out.put(Id::BridgeCpu, &[], bridge.cpu_seconds_total);
    out.put(
        Id::BridgeConnectionsTaken,
        &[],
        bridge.connections_taken_total as f64,
    );
    out.put(
        Id::BridgeRelayAllocations,
        &[],
        bridge.relay_allocations as f64,
    );
    out.put(
        Id::BridgeRelayForbidden,
        &[],
        bridge.relay_forbidden_total as f64,
    );
    for (id, counts) in [
        (Id::BridgePacketsReceived, &bridge.packets_received_total),
        (Id::BridgePacketsSent, &bridge.packets_sent_total),
        (Id::BridgeDropped, &bridge.dropped_total),
        (Id::BridgeTransportPeers, &bridge.transport_peers),
        (Id::BridgeConnections, &bridge.connections),
        (Id::BridgeConnectionsEnded, &bridge.connections_ended_total),
        (Id::BridgeRepairs, &bridge.repairs_total),
        (Id::BridgeHandedOn, &bridge.handed_on_total),
    ] {
        for (word, count) in counts {
            out.put(id, &[word], *count as f64);
        }
    }
    out.put(
        Id::BridgeBytesReceived,
        &[],
        bridge.received_bytes_total as f64,
    );
    out.put(Id::BridgeBytesSent, &[], bridge.sent_bytes_total as f64);
    out.put(Id::BridgeSendFailed, &[], bridge.send_failed_total as f64);
    out.put(
        Id::BridgeKeyframes,
        &[],
        bridge.keyframe_requests_total as f64,
    );
    out.put(Id::BridgeNacks, &["in"], bridge.nacks_in_total as f64);
    out.put(Id::BridgeNacks, &["out"], bridge.nacks_out_total as f64);
    out.put(
        Id::BridgeRetransmissions,
        &[],
        bridge.retransmissions_total as f64,
    );
}

fn roads(out: &mut Exposition, snapshot: &Snapshot) {
    out.put(Id::PeerSitesFolded, &[], snapshot.roads_folded as f64);
    for road in &snapshot.roads {
        let conference = road.conference.to_string();
        let site = [conference.as_str(), &road.site];
        let towards = |direction| [conference.as_str(), &road.site, direction];
        out.put(Id::PeerSeats, &site, road.seats as f64);
        out.put(Id::PeerRoundTrip, &site, road.round_trip_seconds);
        out.put(Id::PeerLoss, &towards("in"), road.loss_in_ratio);
        out.put(Id::PeerLoss, &towards("out"), road.loss_out_ratio);
        out.put(Id::PeerMedia, &towards("in"), road.in_bytes_per_second);
        out.put(Id::PeerMedia, &towards("out"), road.out_bytes_per_second);
        out.put(Id::PeerEstimate, &site, road.estimate_bytes_per_second);
        out.put(Id::PeerLowered, &site, road.lowered as f64);
    }
}

fn conferences(out: &mut Exposition, snapshot: &Snapshot) {
    out.put(Id::ConferenceLive, &[], snapshot.conferences.len() as f64);
    for ConferenceFigures {
        id,
        sites_joined,
        sites_absent,
        sites_dropped,
        participants,
    } in &snapshot.conferences
    {
        let id = id.to_string();
        out.put(Id::ConferenceSites, &[&id, "joined"], *sites_joined as f64);
        out.put(Id::ConferenceSites, &[&id, "absent"], *sites_absent as f64);
        out.put(
            Id::ConferenceSites,
            &[&id, "dropped"],
            *sites_dropped as f64,
        );
        out.put(Id::ConferenceParticipants, &[&id], *participants as f64);
    }
    for (reason, count) in &snapshot.conference_drops {
        out.put(Id::ConferenceDrops, &[reason], *count as f64);
    }
    let recordings = &snapshot.recordings;
    out.put(Id::RecordingRunning, &[], recordings.running as f64);
    out.put(
        Id::RecordingFinished,
        &["done"],
        recordings.done_total as f64,
    );
    out.put(
        Id::RecordingFinished,
        &["failed"],
        recordings.failed_total as f64,
    );
    out.put(
        Id::RecordingWritten,
        &[],
        recordings.written_bytes_total as f64,
    );
}

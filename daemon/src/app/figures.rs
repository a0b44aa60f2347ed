//! The snapshot behind `/metrics`.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Instant;

use nhipcau_conference::Board;
use nhipcau_inventory::watch::{DeviceState, LinkState, Watch};
use nhipcau_inventory::{AdminStatus, Health, Interface, OperStatus, SiteId};
use nhipcau_media_rtc::{Drop as BridgeDrop, PeerStats, Transport};

use super::Part;
use super::estate::PollTotals;
use super::machines::Machines;
use crate::metrics::{
    BridgeFigures, ConferenceFigures, DeviceFigures, InterfaceFigures, LinkFigures, PollerFigures,
    RecordingFigures, ScrapeFigures, SensorFigures, SiteFigures, Snapshot, TrapFigures,
    UpkeepFigures,
};

impl Machines {
    /// Everything that `/metrics` shows of that part, as it is now.
    pub(crate) async fn figures(&self, part: Part) -> Snapshot {
        let parts = self.parts();
        let boards = self.boards().await;
        let (roads, roads_folded) = super::roads::roads(
            &boards,
            &self.rooms.bridge().stats().peers,
            self.scrapers().peer_sites,
        );
        let kinds = self.site_kinds().await;
        let now = Instant::now();
        let settings = self.app.settings();
        let watch = self.estate.watch();
        let (poller, in_flight) = self.estate.poller();
        let (_, recordings) = self.rooms.counts();
        let (recordings_done, recordings_failed, recorded_bytes) = self.app.tally().recordings();
        Snapshot {
            devices: watch
                .devices()
                .filter(|device| part.has(device.spec.id.as_str()))
                .map(|device| device_figures(device, self.estate.totals(&device.spec.id), now))
                .collect(),
            links: watch.links().into_iter().map(link_figures).collect(),
            sites: site_figures(&watch, &kinds),
            upkeep: if part.has_own() {
                self.upkeep_figures(&watch, now)
            } else {
                UpkeepFigures::default()
            },
            incidents_open: incident_figures(&watch),
            poller: PollerFigures {
                in_flight: in_flight as u64,
                late_total: poller.polls_late,
                tables_cut_total: poller.tables_cut,
                lost_total: self.estate.lost().to_vec(),
            },
            traps: self.trap_figures(),
            bridge: self.bridge_figures(),
            roads,
            roads_folded,
            conferences: boards.iter().map(conference_figures).collect(),
            conference_drops: self.app.tally().site_drops(),
            recordings: RecordingFigures {
                running: recordings as u64,
                done_total: recordings_done,
                failed_total: recordings_failed,
                written_bytes_total: recorded_bytes,
            },
            playbook_runs_active: self.runs.active(),
            playbook_runs: self.runs.ended(),
            playbook_not_started: self.runs.not_started(),
            sockets: self.app.tally().sockets(),
            subsystems: self.health.states(now),
            directories: vec![
                ("state", self.state_dir.clone()),
                ("recordings", settings.recordings.clone()),
            ],
            store_bytes: store_bytes(self.app.store().path()),
            scrape: ScrapeFigures {
                own: part.has_own(),
                whole: part == Part::Whole,
                part: part.label(),
                parts,
                bytes_max: self.scrape_bytes_max(),
            },
        }
    }

    /// The kind of each site: the watch does not know it. Without the store the sites are shown without kinds.
    async fn site_kinds(&self) -> HashMap<String, String> {
        let sites = self.app.sites().inputs().await.unwrap_or_default();
        sites.into_iter().map(|site| (site.id, site.kind)).collect()
    }

    async fn boards(&self) -> Vec<(i64, Board)> {
        let mut boards = Vec::new();
        for conference in self.rooms.live() {
            if let Some(board) = self.rooms.board(conference).await {
                boards.push((conference, board));
            }
        }
        boards
    }

    fn upkeep_figures(&self, watch: &Watch, now: Instant) -> UpkeepFigures {
        // Made with the last account: a report now would take the watch's lock a second time.
        let (percentiles, availability) = self.usage.figures();
        let in_work = |found: bool, id: &str| found.then(|| id.into());
        UpkeepFigures {
            percentiles,
            links: watch
                .links()
                .iter()
                .filter_map(|l| in_work(watch.maintenance_of_link(&l.a, now).is_some(), &l.id))
                .collect(),
            devices: watch
                .devices()
                .filter_map(|d| {
                    let id = &d.spec.id;
                    in_work(watch.maintenance_of_device(id, now).is_some(), id.as_str())
                })
                .collect(),
            sites: watch
                .sites()
                .iter()
                .filter_map(|s| {
                    let id = &s.spec.id;
                    in_work(watch.maintenance_of_site(id, now).is_some(), id.as_str())
                })
                .collect(),
            availability,
        }
    }

    fn trap_figures(&self) -> TrapFigures {
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let traps = &self.traps;
        TrapFigures {
            traps_total: count(&traps.traps),
            informs_total: count(&traps.informs),
            discoveries_total: count(&traps.discoveries),
            repeated_total: count(&traps.repeated),
            dropped_total: traps
                .refused()
                .chain([
                    ("unknown_source", count(&traps.unknown_source)),
                    ("inform_not_stored", count(&traps.informs_refused)),
                    ("duplicate", count(&self.trap_tally.duplicates)),
                    ("storm", count(&self.trap_tally.stormed)),
                    ("queue_full", count(&self.trap_tally.lost)),
                ])
                .collect(),
            receive_buffer_bytes: count(&traps.receive_buffer_bytes),
        }
    }

    fn bridge_figures(&self) -> BridgeFigures {
        let stats = self.rooms.bridge().stats();
        BridgeFigures {
            peers: stats.peers.iter().filter(|peer| peer.connected).count() as u64,
            transport_peers: Transport::ALL
                .into_iter()
                .map(|transport| {
                    let by =
                        |peer: &&PeerStats| peer.connected && peer.transport == Some(transport);
                    (
                        transport.label(),
                        stats.peers.iter().filter(by).count() as u64,
                    )
                })
                .collect(),
            connections: vec![
                (
                    "plain",
                    (stats.streams.connections - stats.streams.secure) as u64,
                ),
                ("tls", stats.streams.secure as u64),
            ],
            connections_taken_total: stats.streams.accepted,
            connections_ended_total: vec![
                ("refused", stats.streams.refused),
                ("broken", stats.streams.broken),
                ("unproven", stats.streams.unproven_ended),
            ],
            relay_allocations: stats.streams.allocations as u64,
            relay_forbidden_total: stats.streams.forbidden,
            rooms: stats.rooms as u64,
            packets_received_total: vec![("all", stats.datagrams_in)],
            packets_sent_total: vec![
                ("media", stats.forwarded),
                ("caught_up", stats.caught_up),
                ("padding", stats.padding),
                ("all", stats.datagrams_out),
            ],
            received_bytes_total: stats.bytes_in,
            sent_bytes_total: stats.bytes_out,
            dropped_total: BridgeDrop::ALL
                .iter()
                .zip(stats.drops)
                .map(|(reason, count)| (reason.label(), count))
                .collect(),
            send_failed_total: stats.drops[BridgeDrop::Send as usize],
            keyframe_requests_total: stats.keyframe_requests,
            nacks_in_total: stats.nacked_in,
            nacks_out_total: stats.nacked_out,
            retransmissions_total: stats.retransmitted,
            repairs_total: vec![("again", stats.repaired), ("copy", stats.recovered)],
            handed_on_total: vec![("media", stats.handed_on), ("datagram", stats.handed_over)],
            events_lost_total: stats.events_lost,
            cpu_seconds_total: stats.cpu_seconds,
        }
    }
}

fn conference_figures((id, board): &(i64, Board)) -> ConferenceFigures {
    let participants = board
        .rows
        .iter()
        .flat_map(|row| &row.participants)
        .filter(|p| p.connected)
        .count();
    ConferenceFigures {
        id: *id,
        sites_joined: board.counts.joined.into(),
        sites_absent: board.counts.absent.into(),
        sites_dropped: board.counts.dropped.into(),
        participants: participants as u64,
    }
}

fn device_figures(device: &DeviceState, totals: PollTotals, now: Instant) -> DeviceFigures {
    let base = DeviceFigures {
        id: device.spec.id.as_str().into(),
        name: device.spec.name.as_str().into(),
        site: device.spec.site.as_ref().map_or("", SiteId::as_str).into(),
        health: device.health,
        behind: device
            .behind
            .as_ref()
            .map(|cause| cause.device().as_str().into()),
        interval_seconds: device.spec.poll_interval.as_secs_f64(),
        kind: "other",
        ..DeviceFigures::default()
    };
    let Some(collection) = device.collection.as_deref() else {
        return base;
    };
    let age = |at: Instant| now.saturating_duration_since(at).as_secs_f64();
    DeviceFigures {
        kind: collection
            .recognised
            .as_ref()
            .map_or("other", |r| r.kind.as_str()),
        profile: collection
            .recognised
            .as_ref()
            .map(|r| r.profile.clone())
            .unwrap_or_default(),
        vendor: collection.identity.vendor.clone(),
        model: collection.identity.model.clone(),
        version: collection.identity.version.clone(),
        up: collection.unreachable.is_none(),
        uptime_seconds: collection
            .system
            .as_ref()
            .map(|s| s.uptime_seconds() as f64),
        age_seconds: collection.last_seen.map(age),
        poll_seconds: Some(collection.statistics.duration.as_secs_f64()),
        varbinds: collection.statistics.varbinds,
        requests_total: totals.requests,
        retries_total: totals.retries,
        timeouts_total: totals.timeouts,
        walk_errors_total: totals.walk_errors,
        max_repetitions: collection.statistics.max_repetitions,
        failures_total: totals
            .failures
            .into_iter()
            .map(|(code, count)| (code.into(), count))
            .collect(),
        tables: collection
            .tables
            .iter()
            .filter_map(|table| Some((table.table.clone(), age(table.read_at?))))
            .collect(),
        interfaces: collection
            .interfaces
            .iter()
            .map(|interface| interface_figures(device, interface))
            .collect(),
        sensors: collection
            .sensors
            .iter()
            .map(|sensor| SensorFigures {
                name: sensor.name.clone(),
                class: sensor.class.clone(),
                unit: sensor.unit.clone(),
                value: sensor.value,
                health: device
                    .sensor_health
                    .get(&sensor.name)
                    .copied()
                    .unwrap_or(sensor.state_health),
                age_seconds: age(sensor.read_at),
            })
            .collect(),
        components: collection
            .components
            .iter()
            .map(|c| (c.name.clone(), c.class.clone(), c.health))
            .collect(),
        storage: collection
            .storage
            .iter()
            .map(|s| (s.name.clone(), s.used_bytes, s.size_bytes))
            .collect(),
        processors: collection
            .processors
            .iter()
            .map(|p| (p.name.clone(), p.load_percent / 100.0))
            .collect(),
        ..base
    }
}

fn interface_figures(device: &DeviceState, interface: &Interface) -> InterfaceFigures {
    let (inbound, outbound) = interface
        .counters
        .map(|c| (c.inbound, c.outbound))
        .unwrap_or_default();
    InterfaceFigures {
        name: interface.name.clone(),
        alias: interface.alias.clone(),
        health: device
            .interface_health
            .get(&interface.name)
            .copied()
            .unwrap_or_default(),
        admin_up: interface.admin == AdminStatus::Up,
        up: interface.oper == OperStatus::Up,
        speed_bps: interface.speed_bps,
        receive_bytes: inbound.octets,
        transmit_bytes: outbound.octets,
        receive_errors: inbound.errors,
        transmit_errors: outbound.errors,
        receive_discards: inbound.discards,
        transmit_discards: outbound.discards,
    }
}

fn link_figures(link: LinkState) -> LinkFigures {
    let ratio = |bps: Option<f64>| {
        bps.filter(|_| link.capacity_bps > 0)
            .map(|bps| bps / link.capacity_bps as f64)
    };
    LinkFigures {
        device: link.a.device.as_str().into(),
        interface: link.a.interface.clone(),
        peer: link
            .b
            .as_ref()
            .map(|b| b.device.as_ref().map_or(b.name.as_str(), |id| id.as_str()))
            .unwrap_or_default()
            .into(),
        source: link.source.as_str(),
        health: link.health,
        capacity_bps: link.capacity_bps,
        in_ratio: ratio(link.rates.and_then(|r| r.in_bps)),
        out_ratio: ratio(link.rates.and_then(|r| r.out_bps)),
        id: link.id.into(),
    }
}

fn site_figures(watch: &Watch, kinds: &HashMap<String, String>) -> Vec<SiteFigures> {
    watch
        .sites()
        .into_iter()
        .map(|site| SiteFigures {
            id: site.spec.id.as_str().into(),
            name: site.spec.name.as_str().into(),
            kind: kinds
                .get(site.spec.id.as_str())
                .map_or("", String::as_str)
                .into(),
            parent: site.spec.parent.as_ref().map_or("", SiteId::as_str).into(),
            health: site.health,
        })
        .collect()
}

fn incident_figures(watch: &Watch) -> Vec<(Health, u64)> {
    let open = watch
        .incidents()
        .into_iter()
        .filter(|incident| incident.held_back_by.is_none() && incident.held_back_until.is_none());
    let mut counts = [
        (Health::Degraded, 0),
        (Health::Critical, 0),
        (Health::Unknown, 0),
    ];
    for incident in open {
        if let Some((_, count)) = counts
            .iter_mut()
            .find(|(health, _)| *health == incident.health)
        {
            *count += 1;
        }
    }
    counts.to_vec()
}

fn store_bytes(path: &std::path::Path) -> u64 {
    let size =
        |path: std::path::PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    size(path.to_owned()) + size(wal.into())
}

//! What is remembered of a device between polls, and how a collection is made of it: last good values, each with its age.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Column;
use crate::export::{KeptColumn, ModuleId, ModuleRows};
use crate::profile::{IdentitySource, Profile, Reader, SYSTEM_EXTRAS, TablePlan};
use crate::read::{self, Facts, Harvest, Legacy, Names};
use crate::{
    Adjacency, Collection, CollectionScope, Component, CredentialRef, DeviceId, Engine, Identity,
    Interface, LearntStation, Neighbour, Oid, Processor, Reason, Recognised, Sensor, Statistics,
    Storage, System, TableState,
};

/// What is remembered of one table.
#[derive(Debug, Default)]
pub(super) struct TableMemory {
    pub(super) read_at: Option<Instant>,
    pub(super) error: Option<Arc<str>>,
    pub(super) rows: Option<usize>,
    pub(super) cut: bool,
    harvest: Harvest,
}

impl TableMemory {
    /// Readers of a lower rank come first: names before those who borrow them.
    pub(super) fn rank(reader: &Reader) -> u8 {
        match reader {
            Reader::Entities | Reader::Identity => 1,
            Reader::InterfaceFacts | Reader::Interface32 | Reader::InterfaceEntities => 2,
            Reader::InterfaceState => 3,
            Reader::InterfaceStatus | Reader::LldpLocal => 4,
            _ => 5,
        }
    }
}

/// All of `profile::SYSTEM_EXTRAS`.
pub(super) const EXTRAS_ALL: u8 = u8::MAX >> (8 - SYSTEM_EXTRAS.len());

/// What the system group says of the time since it was read before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    pub(super) restarted: bool,
    /// ifTableLastChange moved: interfaces came, went or were renumbered.
    pub(super) interfaces_changed: bool,
}

/// What is remembered of one device.
#[derive(Debug)]
pub(super) struct Memory {
    device: DeviceId,
    pub(super) last_seen: Option<Instant>,
    pub(super) unreachable: Option<Reason>,
    pub(super) tables: Vec<TableMemory>,
    pub(super) facts: Vec<Facts>,
    pub(super) interfaces: Arc<[Interface]>,
    pub(super) lacks_64_bit: bool,
    ports: read::Ports,
    /// Bits of `profile::SYSTEM_EXTRAS` that the agent has.
    pub(super) extras: u8,
    /// A hastened look saw that the agent restarted or renumbered.
    pub(super) doubtful: bool,
    legacy: Vec<Legacy>,
    system: Option<System>,
    identity: Identity,
    identity_scalars: Vec<Arc<str>>,
    entities: read::Entities,
    local_ports: read::LocalPorts,
    components: Arc<[Component]>,
    sensors: Arc<[Sensor]>,
    storage: Arc<[Storage]>,
    processors: Arc<[Processor]>,
    neighbours: Arc<[Neighbour]>,
    adjacency: Arc<Adjacency>,
    /// Stations by VLAN, where each VLAN's table is a context of its own.
    vlan_stations: BTreeMap<u16, Vec<LearntStation>>,
    modules: Vec<Arc<ModuleRows>>,
    /// Something about the surroundings was read since `adjacency` was made.
    adjacency_stale: bool,
    /// Some harvest changed since the lists above were made.
    stale: bool,
}

impl Memory {
    pub(super) fn new(device: DeviceId) -> Self {
        Self {
            device,
            last_seen: None,
            unreachable: None,
            tables: Vec::new(),
            facts: Vec::new(),
            interfaces: Arc::from([]),
            lacks_64_bit: false,
            ports: read::Ports::default(),
            extras: EXTRAS_ALL,
            doubtful: false,
            legacy: Vec::new(),
            system: None,
            identity: Identity::default(),
            identity_scalars: Vec::new(),
            entities: read::Entities::default(),
            local_ports: read::LocalPorts::default(),
            components: Arc::from([]),
            sensors: Arc::from([]),
            storage: Arc::from([]),
            processors: Arc::from([]),
            neighbours: Arc::from([]),
            adjacency: Arc::default(),
            vlan_stations: BTreeMap::new(),
            modules: Vec::new(),
            adjacency_stale: false,
            stale: false,
        }
    }

    /// Takes the system group; says whether the agent restarted since the last one, and whether its interfaces changed.
    pub(super) fn meet(&mut self, system: System, now: Instant) -> Move {
        let before = self.system.as_ref();
        let restarted = Move {
            restarted: before.is_some_and(|before| restarted(before, &system)),
            interfaces_changed: before.is_some_and(|before| {
                before.interfaces_changed_ticks != system.interfaces_changed_ticks
            }),
        };
        self.system = Some(system);
        self.last_seen = Some(now);
        restarted
    }

    /// Whether the agent says of itself what it said before.
    pub(super) fn knows(&self, system: &System) -> bool {
        self.system.as_ref().is_some_and(|before| {
            before.object_id == system.object_id && before.descr == system.descr
        })
    }

    /// The device is read by other tables from now on; what the old ones said is gone, interfaces stay.
    pub(super) fn change_family(&mut self, profile: &Profile) {
        self.tables = profile
            .tables
            .iter()
            .map(|_| TableMemory::default())
            .collect();
        self.entities = read::Entities::default();
        self.identity_scalars.clear();
        self.vlan_stations.clear();
        self.adjacency_stale = true;
        self.stale = true;
    }

    /// sysUpTime of a hastened look.
    pub(super) fn uptime(&mut self, columns: &[Column], at: Instant) {
        let Some(ticks) = columns
            .first()
            .and_then(|c| c.first())
            .and_then(|(_, v)| v.as_u64())
        else {
            return;
        };
        let Some(system) = &mut self.system else {
            return;
        };
        let now = System {
            uptime_ticks: ticks as u32,
            // Not asked for by the hastened look: it would seem to stand still.
            engine: None,
            read_at: at,
            ..system.clone()
        };
        if restarted(system, &now) {
            self.doubtful = true;
        } else {
            let passed = at.saturating_duration_since(system.read_at).as_secs() as u32;
            let engine = system.engine.take().map(|engine| Engine {
                seconds: engine.seconds.saturating_add(passed),
                ..engine
            });
            *system = System { engine, ..now };
        }
    }

    /// Takes a table that was read whole.
    pub(super) fn accept(
        &mut self,
        n: usize,
        profile: &Profile,
        columns: Vec<Column>,
        restarted: bool,
        at: Instant,
    ) {
        let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
        let uptime_ticks = self.system.as_ref().map_or(0, |s| s.uptime_ticks);
        let oids = &profile.tables[n].oids;
        let harvest = match &profile.tables[n].reader {
            Reader::InterfaceFacts => {
                self.facts = read::facts(&columns);
                None
            }
            Reader::Interface32 => {
                self.legacy = read::legacy(&columns);
                None
            }
            Reader::InterfaceEntities => {
                self.ports = read::ports(&columns, &self.entities);
                None
            }
            Reader::InterfaceState => {
                if !self.lacks_64_bit {
                    self.legacy.clear();
                }
                let ground = read::Ground {
                    facts: &self.facts,
                    legacy: &self.legacy,
                    ports: &self.ports,
                    before: &self.interfaces,
                    uptime_ticks,
                    restarted,
                };
                self.interfaces = read::interfaces(&columns, &ground, at).into();
                None
            }
            Reader::InterfaceStatus => {
                if !self.doubtful {
                    let mut interfaces = self.interfaces.to_vec();
                    self.doubtful = !read::status(&columns, &mut interfaces, uptime_ticks, at);
                    self.interfaces = interfaces.into();
                }
                None
            }
            Reader::Entities => {
                let (entities, harvest) = read::entities(&columns, at);
                self.entities = entities;
                Some(harvest)
            }
            Reader::Identity => {
                self.identity_scalars = (0..columns.len())
                    .map(|n| read::scalar_text(&columns, n))
                    .collect();
                None
            }
            Reader::LldpLocal => {
                let (ports, harvest) = read::lldp_local(&columns);
                self.local_ports = ports;
                Some(harvest)
            }
            Reader::LldpRemote => Some(read::lldp_remote(
                &columns,
                &self.local_ports,
                &self.interfaces,
                at,
            )),
            Reader::Cdp => Some(read::cdp(&columns, &self.interfaces, at)),
            Reader::EntitySensors => Some(read::entity_sensors(&columns, oids, &self.entities, at)),
            Reader::CiscoSensors => Some(read::cisco_sensors(&columns, oids, &self.entities, at)),
            Reader::HostStorage => Some(read::host_storage(&columns, oids, at)),
            Reader::HostProcessors => Some(read::host_processors(&columns, oids, at)),
            Reader::Surrounding(table) => Some(Harvest {
                adjacency: read::adjacency(*table, &columns, &self.interfaces),
                ..Harvest::default()
            }),
            Reader::Family(table) => {
                let lexicon = read::Lexicon {
                    entities: &self.entities,
                    interfaces: &self.interfaces,
                };
                Some(read::family(&columns, oids, table, &lexicon, at))
            }
        };
        let memory = &mut self.tables[n];
        memory.read_at = Some(at);
        memory.error = None;
        memory.rows = Some(rows);
        if let Some(harvest) = harvest {
            self.adjacency_stale |= harvest.adjacency != memory.harvest.adjacency;
            memory.harvest = harvest;
            self.stale = true;
        }
    }

    /// Whether another table says what this one would.
    pub(super) fn replaced(&self, plan: &TablePlan) -> bool {
        plan.instead_of
            .iter()
            .filter_map(|n| self.tables.get(*n))
            .any(|other| !other.harvest.is_empty())
    }

    /// Takes the bridge table of one VLAN; those of VLANs that are no more are forgotten.
    pub(super) fn accept_vlan(&mut self, vlan: u16, columns: &[Column], in_use: &[u16]) {
        let stations = read::vlan_stations(vlan, columns, &self.interfaces);
        self.vlan_stations.insert(vlan, stations);
        self.vlan_stations
            .retain(|vlan, _| in_use.binary_search(vlan).is_ok());
        self.adjacency_stale = true;
        self.stale = true;
    }

    /// Begins to keep the rows of a module.
    pub(super) fn begin_module(&mut self, module: ModuleId, now: Instant) {
        self.modules.push(Arc::new(ModuleRows::new(module, now)));
    }

    /// Forgets them.
    pub(super) fn end_module(&mut self, module: ModuleId) {
        self.modules.retain(|rows| rows.module != module);
    }

    /// What is kept of one column.
    pub(super) fn kept(&self, module: ModuleId, place: usize) -> Option<&KeptColumn> {
        let rows = self.modules.iter().find(|rows| rows.module == module)?;
        rows.column(place)
    }

    /// Rows of the module's longest table.
    pub(super) fn module_length(&self, module: ModuleId) -> Option<usize> {
        let rows = self.modules.iter().find(|rows| rows.module == module)?;
        let columns = (0..module.columns().len()).filter_map(|place| rows.column(place));
        columns.map(KeptColumn::len).max()
    }

    /// Keeps columns of that module, or of all modules that have them.
    pub(super) fn keep(
        &mut self,
        module: Option<ModuleId>,
        roots: &[Oid],
        columns: &[Column],
        at: Instant,
    ) {
        for rows in &mut self.modules {
            if module.is_none_or(|module| rows.module == module) {
                // The last collection still holds these rows, so this copies the pointers to the columns once a poll.
                Arc::make_mut(rows).keep(roots, columns, at);
            }
        }
    }

    /// A poll has brought what it could.
    pub(super) fn stamp_modules(&mut self, now: Instant, duration: Duration, varbinds: u64) {
        for rows in &mut self.modules {
            let rows = Arc::make_mut(rows);
            (rows.read_at, rows.duration, rows.varbinds) = (now, duration, varbinds);
        }
    }

    /// Makes the lists of a collection from the harvests of all tables, names made unique.
    pub(super) fn settle(&mut self, profile: &Profile) {
        self.identify(profile);
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let harvests = || {
            profile
                .tables
                .iter()
                .zip(&self.tables)
                .filter(|(plan, _)| !self.replaced(plan))
                .map(|(_, memory)| &memory.harvest)
        };
        let mut names = Names::default();
        let components = harvests()
            .flat_map(|h| &h.components)
            .map(|c| Component {
                name: names.unique(&c.name),
                ..c.clone()
            })
            .collect();
        let mut names = Names::default();
        let sensors = harvests()
            .flat_map(|h| &h.sensors)
            .map(|s| Sensor {
                name: names.unique(&s.name),
                ..s.clone()
            })
            .collect();
        let mut names = Names::default();
        let storage = harvests()
            .flat_map(|h| &h.storage)
            .map(|s| Storage {
                name: names.unique(&s.name),
                ..s.clone()
            })
            .collect();
        let mut names = Names::default();
        let processors = harvests()
            .flat_map(|h| &h.processors)
            .map(|p| Processor {
                name: names.unique(&p.name),
                ..p.clone()
            })
            .collect();
        let neighbours = harvests().flat_map(|h| &h.neighbours).cloned().collect();
        let adjacency = self.adjacency_stale.then(|| {
            let mut adjacency = Adjacency::default();
            for harvest in harvests() {
                adjacency.merge(&harvest.adjacency);
            }
            let by_vlan = self.vlan_stations.values().flatten();
            adjacency.stations.extend(by_vlan.cloned());
            Arc::new(adjacency)
        });
        if let Some(adjacency) = adjacency {
            self.adjacency = adjacency;
            self.adjacency_stale = false;
        }
        (
            self.components,
            self.sensors,
            self.storage,
            self.processors,
            self.neighbours,
        ) = (components, sensors, storage, processors, neighbours);
    }

    fn identify(&mut self, profile: &Profile) {
        let descr = self.system.as_ref().map_or("", |s| &*s.descr);
        let find = |sources: &[IdentitySource]| -> Arc<str> {
            IdentitySource::first(
                sources,
                descr,
                |n| self.identity_scalars.get(n).cloned(),
                |field| self.entities.field(field).cloned(),
            )
        };
        self.identity = Identity {
            vendor: profile.vendor.clone(),
            model: find(&profile.identity.model),
            serial: find(&profile.identity.serial),
            version: find(&profile.identity.version),
        };
    }

    #[allow(clippy::too_many_arguments)] // One call; a struct of them would be the collection again.
    pub(super) fn collection(
        &self,
        scope: CollectionScope,
        (started_at, finished_at): (Instant, Instant),
        unreachable: Option<Reason>,
        credential: Option<CredentialRef>,
        rebooted: Option<u64>,
        profile: Option<(&Profile, bool)>,
        errors: Vec<Reason>,
        statistics: Statistics,
    ) -> Collection {
        let tables = profile.map(|(profile, _)| {
            profile
                .tables
                .iter()
                .zip(&self.tables)
                .filter(|(plan, _)| {
                    !matches!(plan.reader, Reader::InterfaceStatus | Reader::Interface32)
                })
                .map(|(plan, memory)| TableState {
                    table: plan.name.clone(),
                    read_at: memory.read_at,
                    error: memory.error.clone(),
                    cut: memory.cut,
                })
                .collect()
        });
        Collection {
            device: self.device.clone(),
            scope,
            started_at,
            finished_at,
            unreachable,
            last_seen: self.last_seen,
            credential,
            rebooted,
            recognised: profile.map(|(profile, generic)| Recognised {
                profile: profile.name.clone(),
                generic,
                kind: profile.kind,
            }),
            system: self.system.clone(),
            identity: self.identity.clone(),
            interfaces: self.interfaces.clone(),
            components: self.components.clone(),
            sensors: self.sensors.clone(),
            storage: self.storage.clone(),
            processors: self.processors.clone(),
            neighbours: self.neighbours.clone(),
            adjacency: self.adjacency.clone(),
            modules: self.modules.as_slice().into(),
            errors,
            tables: tables.unwrap_or_default(),
            statistics,
        }
    }
}

fn restarted(before: &System, now: &System) -> bool {
    let elapsed = now.read_at.saturating_duration_since(before.read_at);
    let by_engine = match (&before.engine, &now.engine) {
        (Some(before), Some(now)) => read::engine_move(before, now, elapsed),
        _ => None,
    };
    by_engine.unwrap_or_else(|| read::uptime_move(before.uptime_ticks, now.uptime_ticks, elapsed))
        == read::UptimeMove::Restarted
}

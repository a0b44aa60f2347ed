//! A device as its agent sees it: fixed variables over a live state.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::table::{Cell, Table};
use crate::wave::Wave;

/// The value of a variable at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reading<'a> {
    Int(i32),
    Gauge(u32),
    Counter32(u32),
    Counter64(u64),
    Ticks(u32),
    Text(&'a [u8]),
    Oid(&'a [u32]),
    Ip([u8; 4]),
    Raw(u8, &'a [u8]),
}

/// A device: what its MIB holds, how it is, and how its agent was treated.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) table: Table,
    /// What it shows in the context of a VLAN: community `COMMUNITY@VLAN`, SNMPv3 context `vlan-VLAN`.
    pub(crate) vlans: BTreeMap<u16, Table>,
    live: Mutex<Live>,
    /// Set while the device is off or cut off: it answers nothing.
    silent: AtomicBool,
    pub(crate) requests: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

/// The changing part of a device. All times are seconds since 1970.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) boot: f64,
    pub(crate) boots: u32,
    pub(crate) ports: Vec<Port>,
    pub(crate) sensors: Vec<Sensor>,
    /// How long a lost neighbour stays known.
    pub(crate) neighbour_hold_s: f64,
}

/// An interface with its traffic.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) up: bool,
    pub(crate) changed: f64,
    pub(crate) inward: Flow,
    pub(crate) outward: Flow,
    /// Since when the neighbour has not been heard; `None` while it is.
    pub(crate) unheard_since: Option<f64>,
}

/// One direction of a port: a wave of bit/s, of which a share gets through.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    wave: Wave,
    octets: f64,
    lost: f64,
    share: f64,
    /// Share that is refused for want of room; the rest up to one does not exist (link down).
    refused: f64,
    since: f64,
}

impl Flow {
    pub(crate) fn new(wave: Wave, since: f64) -> Self {
        Self {
            wave,
            octets: 0.0,
            lost: 0.0,
            share: 1.0,
            refused: 0.0,
            since,
        }
    }

    fn offered_octets(&self, now: f64) -> f64 {
        (self.wave.integral(now) - self.wave.integral(self.since)).max(0.0) / 8.0
    }

    fn octets(&self, now: f64) -> f64 {
        self.octets + self.share * self.offered_octets(now)
    }

    fn lost_octets(&self, now: f64) -> f64 {
        self.lost + self.refused * self.offered_octets(now)
    }

    fn settle(&mut self, now: f64) {
        self.octets = self.octets(now);
        self.lost = self.lost_octets(now);
        self.since = now;
    }

    /// Lets through what fits into `capacity_bps` (`None`: everything), or nothing when the port is down.
    fn constrain(&mut self, up: bool, capacity_bps: Option<u64>, now: f64) {
        self.settle(now);
        let fits = capacity_bps.map_or(1.0, |capacity| {
            (capacity as f64 / self.wave.peak().max(1.0)).min(1.0)
        });
        self.share = if up { fits } else { 0.0 };
        self.refused = if up { 1.0 - fits } else { 0.0 };
    }

    fn restart(&mut self, now: f64) {
        self.octets = 0.0;
        self.lost = 0.0;
        self.since = now;
    }
}

/// What makes a sensor fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// `sensor DEVICE SENSOR hot`.
    Heat,
    /// `fan DEVICE`.
    Fan,
    /// `power`.
    Mains,
    /// Nothing: it only measures.
    Never,
}

/// A measured quantity of a device.
#[derive(Clone, Debug)]
pub(crate) struct Sensor {
    pub(crate) id: String,
    pub(crate) cause: Cause,
    pub(crate) wave: Wave,
    /// Value while at fault, and by how much it changes each second of the fault; it never falls below zero.
    pub(crate) ill: (f64, f64),
    pub(crate) fault_since: Option<f64>,
    /// Notification when the fault begins and when it ends; empty: none.
    pub(crate) notice: (&'static str, &'static str),
    /// Variables that the notification carries beside those that show the sensor.
    pub(crate) notice_objects: &'static [&'static str],
}

impl Sensor {
    fn value(&self, now: f64) -> f64 {
        match self.fault_since {
            None => self.wave.value(now),
            Some(since) => (self.ill.0 + self.ill.1 * (now - since)).max(0.0),
        }
    }
}

impl Device {
    pub(crate) fn new(table: Table, live: Live) -> Self {
        Self {
            table,
            vlans: BTreeMap::new(),
            live: Mutex::new(live),
            silent: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// The live state. A panic elsewhere leaves it as consistent as it was: every change is one assignment.
    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    pub(crate) fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    /// The value of variable `index`; `None` while it does not exist.
    pub(crate) fn read<'a>(&'a self, index: usize, live: &Live, now: f64) -> Option<Reading<'a>> {
        self.read_of(&self.table, index, live, now)
    }

    /// The same of one of its tables.
    pub(crate) fn read_of<'a>(
        &'a self,
        table: &'a Table,
        index: usize,
        live: &Live,
        now: f64,
    ) -> Option<Reading<'a>> {
        self.read_cell(table.cell(index), live, now)
    }

    fn read_cell<'a>(&'a self, cell: &'a Cell, live: &Live, now: f64) -> Option<Reading<'a>> {
        Some(match cell {
            Cell::Int(value) => Reading::Int(*value),
            Cell::Gauge(value) => Reading::Gauge(*value),
            Cell::Counter32(value) => Reading::Counter32(*value),
            Cell::Counter64(value) => Reading::Counter64(*value),
            Cell::Ticks(value) => Reading::Ticks(*value),
            Cell::Text(text) => Reading::Text(text),
            Cell::Oid(oid) => Reading::Oid(oid),
            Cell::Ip(octets) => Reading::Ip(*octets),
            Cell::Raw(tag, content) => Reading::Raw(*tag, content),
            Cell::UpTime => Reading::Ticks(live.uptime_ticks(now)),
            Cell::EngineTime => Reading::Int(live.engine_time_s(now) as i32),
            Cell::EngineBoots => Reading::Int(live.boots as i32),
            Cell::Received => Reading::Counter32(
                (self.requests.load(Ordering::Relaxed) + self.dropped.load(Ordering::Relaxed))
                    as u32,
            ),
            Cell::Dropped => Reading::Counter32(self.dropped.load(Ordering::Relaxed) as u32),
            Cell::PortState { port, up, down } => {
                Reading::Int(if live.ports[usize::from(*port)].up {
                    *up
                } else {
                    *down
                })
            }
            Cell::PortChanged(port) => {
                Reading::Ticks(live.ticks_at(live.ports[usize::from(*port)].changed))
            }
            Cell::Flow {
                port,
                out,
                octets_per_unit,
                wide,
            } => {
                let port = &live.ports[usize::from(*port)];
                let flow = if *out { &port.outward } else { &port.inward };
                counter(flow.octets(now) / f64::from(*octets_per_unit), *wide)
            }
            Cell::Discards { port, wide } => counter(
                live.ports[usize::from(*port)].outward.lost_octets(now) / UNICAST_OCTETS,
                *wide,
            ),
            Cell::Neighbour { port, cell } => {
                let known = live.ports[usize::from(*port)]
                    .unheard_since
                    .is_none_or(|since| now - since < live.neighbour_hold_s);
                return if known {
                    self.read_cell(cell, live, now)
                } else {
                    None
                };
            }
            Cell::Sensor {
                sensor,
                scale,
                gauge,
            } => {
                let value = live.sensors[usize::from(*sensor)].value(now) * f64::from(*scale);
                if *gauge {
                    Reading::Gauge(value.round().max(0.0) as u32)
                } else {
                    Reading::Int(value.round() as i32)
                }
            }
            Cell::SensorTicks { sensor, scale } => {
                let value = live.sensors[usize::from(*sensor)].value(now) * f64::from(*scale);
                Reading::Ticks(value.max(0.0) as u32)
            }
            Cell::SensorTotal {
                sensor,
                scale,
                wide,
            } => {
                let wave = &live.sensors[usize::from(*sensor)].wave;
                counter(
                    (wave.integral(now) - wave.integral(live.boot)).max(0.0) * f64::from(*scale),
                    *wide,
                )
            }
            Cell::SensorState { sensor, well, ill } => Reading::Int(
                if live.sensors[usize::from(*sensor)].fault_since.is_some() {
                    *ill
                } else {
                    *well
                },
            ),
            Cell::FaultBegan(sensor) => Reading::Ticks(
                live.ticks_at(
                    live.sensors[usize::from(*sensor)]
                        .fault_since
                        .unwrap_or(live.boot),
                ),
            ),
            Cell::Worst { well, ill } => {
                Reading::Int(if live.fault_count() > 0 { *ill } else { *well })
            }
            Cell::Faults => Reading::Gauge(live.fault_count()),
            Cell::WhileFault { sensor, cell } => {
                let ill = live.sensors[usize::from(*sensor)].fault_since.is_some();
                return if ill {
                    self.read_cell(cell, live, now)
                } else {
                    None
                };
            }
        })
    }
}

/// Mean length of a unicast packet, octets.
pub(crate) const UNICAST_OCTETS: f64 = 640.0;

fn counter(value: f64, wide: bool) -> Reading<'static> {
    let whole = value as u64;
    if wide {
        Reading::Counter64(whole)
    } else {
        Reading::Counter32(whole as u32)
    }
}

impl Live {
    pub(crate) fn uptime_ticks(&self, now: f64) -> u32 {
        self.ticks_at(now)
    }

    /// snmpEngineTime, seconds.
    pub(crate) fn engine_time_s(&self, now: f64) -> u32 {
        (now - self.boot).max(0.0) as u32
    }

    /// sysUpTime at a moment, hundredths of a second, wrapped as TimeTicks do; zero before the start.
    fn ticks_at(&self, moment: f64) -> u32 {
        ((moment - self.boot).max(0.0) * 100.0) as u64 as u32
    }

    fn fault_count(&self) -> u32 {
        self.sensors
            .iter()
            .filter(|sensor| sensor.fault_since.is_some())
            .count() as u32
    }

    /// Brings a port up or down, or narrows it; returns whether its state changed.
    pub(crate) fn set_port(
        &mut self,
        port: usize,
        up: bool,
        capacity_bps: Option<u64>,
        now: f64,
    ) -> bool {
        let port = &mut self.ports[port];
        port.inward.constrain(up, capacity_bps, now);
        port.outward.constrain(up, capacity_bps, now);
        if up {
            port.unheard_since = None;
        } else {
            port.unheard_since.get_or_insert(now);
        }
        let changed = port.up != up;
        if changed {
            port.up = up;
            port.changed = now;
        }
        changed
    }

    /// The device starts anew: uptime and counters begin at zero.
    pub(crate) fn restart(&mut self, now: f64) {
        self.boot = now;
        self.boots = self.boots.wrapping_add(1);
        for port in &mut self.ports {
            port.inward.restart(now);
            port.outward.restart(now);
            port.changed = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wave::Noise;

    fn live() -> Live {
        let flow = || Flow::new(Wave::office(8e6, &mut Noise::new(1, "flow")), 1000.0);
        let port = Port {
            index: 1,
            name: "Gi0/0".into(),
            description: "GigabitEthernet0/0".into(),
            up: true,
            changed: 1000.0,
            inward: flow(),
            outward: flow(),
            unheard_since: None,
        };
        Live {
            boot: 1000.0,
            boots: 1,
            ports: vec![port],
            sensors: Vec::new(),
            neighbour_hold_s: 120.0,
        }
    }

    #[test]
    fn a_broken_port_stops_counting_and_continues_where_it_stopped() {
        let mut live = live();
        let octets = |live: &Live, now| live.ports[0].outward.octets(now);
        assert!(live.set_port(0, false, None, 2000.0));
        let stopped = octets(&live, 2000.0);
        assert!(stopped > 0.0);
        assert_eq!(octets(&live, 3000.0), stopped);
        assert!(live.set_port(0, true, None, 3000.0));
        assert_eq!(octets(&live, 3000.0), stopped);
        assert!(octets(&live, 3100.0) > stopped);
    }

    #[test]
    fn a_narrow_port_carries_no_more_than_its_capacity_and_counts_the_rest() {
        let mut live = live();
        assert!(!live.set_port(0, true, Some(1_000_000), 2000.0));
        let flow = &live.ports[0].outward;
        let carried = flow.octets(2600.0) - flow.octets(2000.0);
        assert!(carried * 8.0 / 600.0 <= 1_000_000.0);
        assert!(flow.lost_octets(2600.0) > 0.0);
    }

    #[test]
    fn a_lost_neighbour_is_forgotten_after_the_hold_time() {
        let mut live = live();
        live.set_port(0, false, None, 2000.0);
        let cell = Cell::Neighbour {
            port: 0,
            cell: Box::new(Cell::Int(1)),
        };
        let device = Device::new(Table::new(vec![(vec![1, 3], cell)]), Live::default());
        assert_eq!(device.read(0, &live, 2119.0), Some(Reading::Int(1)));
        assert_eq!(device.read(0, &live, 2121.0), None);
    }
}

//! A device while it is being described: families add variables, ports and sensors to it.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::ops::Range;

use crate::device::{Cause, Device, Flow, Live, Port, Sensor};
use crate::table::{Cell, Table, arcs};
use crate::wave::{Noise, Wave};

/// What the plan knows of a device before its family describes it.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) id: String,
    pub(crate) host_name: String,
    pub(crate) location: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) seed: u64,
    /// Position in the plan; makes MAC addresses and serial numbers different.
    pub(crate) number: u16,
    pub(crate) engine_id: Vec<u8>,
    pub(crate) boot: f64,
    pub(crate) boots: u32,
    pub(crate) neighbour_hold_s: f64,
    /// The links that end here, by the ifName of this end.
    pub(crate) wires: HashMap<String, Wire>,
}

/// A link as one of its ends sees it.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) link: String,
    /// Whether this end is the one nearer to the core.
    pub(crate) near: bool,
    pub(crate) capacity_bps: u64,
    pub(crate) peer: Peer,
}

/// The device at the other end of a wire.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) host_name: String,
    pub(crate) interface: String,
    pub(crate) description: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) mac: [u8; 6],
    pub(crate) speaks_lldp: bool,
    pub(crate) routes: bool,
}

/// An interface as its family describes it.
#[derive(Clone, Debug)]
pub(crate) struct PortSketch {
    /// ifIndex.
    pub(crate) index: u32,
    /// ifName.
    pub(crate) name: String,
    /// ifDescr.
    pub(crate) description: String,
    /// ifType (IANAifType): 6 ethernetCsmacd, 24 softwareLoopback, 53 propVirtual, 56 fibreChannel.
    pub(crate) kind: i32,
    pub(crate) speed_bps: u64,
    /// Whether it carries something where the plan has no link: a PC, a phone, a camera.
    pub(crate) busy_share: f64,
}

/// A row of entPhysicalTable.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entity<'a> {
    pub(crate) index: u32,
    pub(crate) within: u32,
    /// PhysicalClass: 3 chassis, 5 container, 6 powerSupply, 7 fan, 8 sensor, 9 module, 10 port, 12 cpu.
    pub(crate) class: i32,
    pub(crate) position: i32,
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) model: &'a str,
    pub(crate) serial: &'a str,
    pub(crate) software: &'a str,
}

/// A device being described.
#[derive(Debug)]
pub(crate) struct Sketch {
    pub(crate) facts: Facts,
    pub(crate) noise: Noise,
    pub(crate) vendor: &'static str,
    pub(crate) oui: [u8; 3],
    rows: Vec<(Vec<u32>, Cell)>,
    vlans: BTreeMap<u16, Vec<(Vec<u32>, Cell)>>,
    pub(crate) ports: Vec<Port>,
    sensors: Vec<Sensor>,
}

impl Sketch {
    pub(crate) fn new(facts: Facts, vendor: &'static str, oui: [u8; 3]) -> Self {
        let noise = Noise::new(facts.seed, &facts.id);
        Self {
            facts,
            noise,
            vendor,
            oui,
            rows: Vec::new(),
            vlans: BTreeMap::new(),
            ports: Vec::new(),
            sensors: Vec::new(),
        }
    }

    /// Adds the variable `oid` (with its instance).
    pub(crate) fn put(&mut self, oid: &str, cell: Cell) {
        self.rows.push((arcs(oid), cell));
    }

    /// Adds a variable to what the device shows in the context of a VLAN.
    pub(crate) fn put_in(&mut self, vlan: u16, oid: &str, cell: Cell) {
        self.vlans.entry(vlan).or_default().push((arcs(oid), cell));
    }

    /// Makes the context of a VLAN, with nothing in it yet.
    pub(crate) fn vlan(&mut self, vlan: u16) {
        self.vlans.entry(vlan).or_default();
    }

    /// Adds the scalars `group.X.0`.
    pub(crate) fn scalars<const N: usize>(&mut self, group: &str, scalars: [(u32, Cell); N]) {
        self.row(group, &[0], scalars);
    }

    /// Adds the row `index` of the table with the entry `entry`: its columns.
    pub(crate) fn row<const N: usize>(
        &mut self,
        entry: &str,
        index: &[u32],
        columns: [(u32, Cell); N],
    ) {
        let entry = arcs(entry);
        for (column, cell) in columns {
            let mut name = Vec::with_capacity(entry.len() + 1 + index.len());
            name.extend_from_slice(&entry);
            name.push(column);
            name.extend_from_slice(index);
            self.rows.push((name, cell));
        }
    }

    /// Adds a sensor that wanders by `share` around `mean` and reads `ill` while at fault.
    pub(crate) fn sensor(
        &mut self,
        id: &str,
        cause: Cause,
        mean: f64,
        share: f64,
        ill: f64,
    ) -> u16 {
        let mean = mean * self.noise.between(0.97, 1.03);
        let wave = Wave::wander(mean, share, &mut self.noise);
        self.add(Sensor {
            id: id.to_owned(),
            cause,
            wave,
            ill: (ill, 0.0),
            fault_since: None,
            notice: ("", ""),
            notice_objects: &[],
        })
    }

    /// Adds a sensor that is described in full.
    pub(crate) fn add(&mut self, sensor: Sensor) -> u16 {
        self.sensors.push(sensor);
        (self.sensors.len() - 1) as u16
    }

    /// Adds a load in percent that follows the working day.
    pub(crate) fn load(&mut self, id: &str, mean_percent: f64) -> u16 {
        let mean = mean_percent * self.noise.between(0.8, 1.2);
        let wave = Wave::office(mean, &mut self.noise);
        self.add(Sensor {
            id: id.to_owned(),
            cause: Cause::Heat,
            wave,
            ill: (98.0, 0.0),
            fault_since: None,
            notice: ("", ""),
            notice_objects: &[],
        })
    }

    /// Makes a sensor tell when its fault begins and ends.
    pub(crate) fn notify(&mut self, sensor: u16, begins: &'static str, ends: &'static str) {
        self.sensors[usize::from(sensor)].notice = (begins, ends);
    }

    /// Adds variables to what the sensor's notification carries.
    pub(crate) fn notify_with(&mut self, sensor: u16, objects: &'static [&'static str]) {
        self.sensors[usize::from(sensor)].notice_objects = objects;
    }

    /// The device's MAC address number `port`.
    pub(crate) fn mac(&self, port: u8) -> [u8; 6] {
        mac(self.oui, self.facts.number, port)
    }

    /// Adds an interface and returns its number.
    pub(crate) fn port(&mut self, sketch: &PortSketch) -> u16 {
        let boot = self.facts.boot;
        let wire = self.facts.wires.get(&sketch.name);
        let (inward, outward, up) = if let Some(wire) = wire {
            // Both ends of a link see one traffic: its waves come from the link, not from the device.
            let wave = |direction: &str| {
                let mut noise = Noise::new(self.facts.seed, &format!("{} {direction}", wire.link));
                let share = if direction == "down" {
                    noise.between(0.2, 0.34)
                } else {
                    noise.between(0.06, 0.14)
                };
                Wave::office(wire.capacity_bps as f64 * share, &mut noise)
            };
            if wire.near {
                (wave("up"), wave("down"), true)
            } else {
                (wave("down"), wave("up"), true)
            }
        } else {
            let busy = self.noise.between(0.0, 1.0) < sketch.busy_share;
            let mut wave = |low: f64, high: f64| {
                let share = self.noise.between(low, high);
                Wave::office(sketch.speed_bps as f64 * share, &mut self.noise)
            };
            if busy {
                (wave(0.0005, 0.004), wave(0.002, 0.012), true)
            } else {
                (Wave::still(0.0), Wave::still(0.0), false)
            }
        };
        let changed = boot + self.noise.between(8.0, 95.0);
        self.ports.push(Port {
            index: sketch.index,
            name: sketch.name.clone(),
            description: sketch.description.clone(),
            up,
            changed,
            inward: Flow::new(inward, boot),
            outward: Flow::new(outward, boot),
            unheard_since: None,
        });
        (self.ports.len() - 1) as u16
    }

    /// The finished device.
    pub(crate) fn finish(self) -> Device {
        let live = Live {
            boot: self.facts.boot,
            boots: self.facts.boots,
            ports: self.ports,
            sensors: self.sensors,
            neighbour_hold_s: self.facts.neighbour_hold_s,
        };
        let mut device = Device::new(Table::new(self.rows), live);
        device.vlans = self
            .vlans
            .into_iter()
            .map(|(vlan, rows)| (vlan, Table::new(rows)))
            .collect();
        device
    }
}

/// A MAC address of a maker, for the device `number` and one of its ports.
pub(crate) fn mac(oui: [u8; 3], number: u16, port: u8) -> [u8; 6] {
    let [high, low] = number.to_be_bytes();
    [oui[0], oui[1], oui[2], high.wrapping_add(0x40), low, port]
}

/// Interfaces with consecutive indexes, named by putting each of `numbers` in place of `{}`.
pub(crate) fn ports(
    first_index: u32,
    numbers: Range<u32>,
    name: &str,
    description: &str,
    kind: i32,
    speed_bps: u64,
    busy_share: f64,
) -> Vec<PortSketch> {
    (first_index..)
        .zip(numbers)
        .map(|(index, number)| PortSketch {
            index,
            name: name.replace("{}", &number.to_string()),
            description: description.replace("{}", &number.to_string()),
            kind,
            speed_bps,
            busy_share,
        })
        .collect()
}

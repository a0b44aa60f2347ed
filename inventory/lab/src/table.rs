//! The variables of one agent, sorted, and what each of them shows.

use std::cmp::Ordering;

/// What a variable shows: a constant, or a view of the device's live state.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Int(i32),
    Gauge(u32),
    Counter32(u32),
    Counter64(u64),
    Ticks(u32),
    Text(Box<[u8]>),
    Oid(Box<[u32]>),
    Ip([u8; 4]),
    /// A value of a type that SNMP agents rarely use (Opaque, NULL of a recording): BER tag and content.
    Raw(u8, Box<[u8]>),
    /// TimeTicks since the device started.
    UpTime,
    /// Seconds since the device started (snmpEngineTime).
    EngineTime,
    /// How often the device has started (snmpEngineBoots).
    EngineBoots,
    /// Datagrams that reached the agent, and those that carried a wrong community or were malformed.
    Received,
    Dropped,
    /// `up` while the port works, `down` while it does not.
    PortState {
        port: u16,
        up: i32,
        down: i32,
    },
    /// sysUpTime of the last change of the port's state.
    PortChanged(u16),
    /// What flowed through a port, in units of `octets_per_unit`, as Counter64 if `wide`, else Counter32.
    Flow {
        port: u16,
        out: bool,
        octets_per_unit: u32,
        wide: bool,
    },
    /// Packets that found no room on a narrowed link.
    Discards {
        port: u16,
        wide: bool,
    },
    /// A variable that exists while the port's neighbour is known.
    Neighbour {
        port: u16,
        cell: Box<Cell>,
    },
    /// The measured value × `scale`, as INTEGER or Gauge32.
    Sensor {
        sensor: u16,
        scale: f32,
        gauge: bool,
    },
    /// The measured value × `scale` as TimeTicks.
    SensorTicks {
        sensor: u16,
        scale: f32,
    },
    /// The integral of the measured value × `scale`, as Counter32 or Counter64.
    SensorTotal {
        sensor: u16,
        scale: f32,
        wide: bool,
    },
    /// `well` unless the sensor is at fault.
    SensorState {
        sensor: u16,
        well: i32,
        ill: i32,
    },
    /// sysUpTime when the sensor's fault began.
    FaultBegan(u16),
    /// `well` unless any of the device's sensors is at fault.
    Worst {
        well: i32,
        ill: i32,
    },
    /// How many sensors are at fault.
    Faults,
    /// A variable that exists while the sensor is at fault.
    WhileFault {
        sensor: u16,
        cell: Box<Cell>,
    },
}

impl Cell {
    pub(crate) fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Text(text.as_ref().into())
    }

    /// # Panics
    /// When `oid` is not an OID; it is written in this crate.
    pub(crate) fn oid(oid: &str) -> Self {
        Self::Oid(arcs(oid).into())
    }
}

/// The arcs of an OID that is written in this crate.
///
/// # Panics
/// When it is not one.
pub(crate) fn arcs(oid: &str) -> Vec<u32> {
    oid.split('.')
        .map(|arc| arc.parse().expect("an OID of this crate"))
        .collect()
}

/// One agent's variables in the order of their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    arcs: Vec<u32>,
    /// End of each name in `arcs`.
    ends: Vec<u32>,
    cells: Vec<Cell>,
}

impl Table {
    /// Sorts `rows`; of two variables with one name the later wins.
    pub(crate) fn new(mut rows: Vec<(Vec<u32>, Cell)>) -> Self {
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        let mut table = Self::default();
        table
            .arcs
            .reserve_exact(rows.iter().map(|row| row.0.len()).sum());
        table.ends.reserve_exact(rows.len());
        table.cells.reserve_exact(rows.len());
        for (name, cell) in rows {
            if table.len() > 0 && table.name(table.len() - 1) == name.as_slice() {
                if let Some(last) = table.cells.last_mut() {
                    *last = cell;
                }
                continue;
            }
            table.arcs.extend_from_slice(&name);
            table.ends.push(table.arcs.len() as u32);
            table.cells.push(cell);
        }
        table
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    pub(crate) fn name(&self, index: usize) -> &[u32] {
        let start = if index == 0 {
            0
        } else {
            self.ends[index - 1] as usize
        };
        &self.arcs[start..self.ends[index] as usize]
    }

    pub(crate) fn cell(&self, index: usize) -> &Cell {
        &self.cells[index]
    }

    /// Index of `name`, or of the first variable after it.
    pub(crate) fn find(&self, name: &[u32]) -> Result<usize, usize> {
        let mut low = 0;
        let mut high = self.len();
        while low < high {
            let middle = low.midpoint(high);
            match self.name(middle).cmp(name) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// Whether `name` lacks only its instance here: another instance of the same object exists (RFC 3416 §4.2.1).
    pub(crate) fn has_object_of(&self, name: &[u32]) -> bool {
        let Some((_, object)) = name.split_last() else {
            return false;
        };
        let at = match self.find(name) {
            Ok(index) | Err(index) => index,
        };
        let near = |index: usize| index < self.len() && self.name(index).starts_with(object);
        near(at) || (at > 0 && near(at - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names_by_arcs_not_by_text() {
        let row = |oid: &str, value| (arcs(oid), Cell::Int(value));
        let table = Table::new(vec![
            row("1.3.10", 1),
            row("1.3.9", 2),
            row("1.3.9.1", 3),
            row("1.3.10", 4),
        ]);
        assert_eq!(table.len(), 3);
        assert_eq!(table.name(0), [1, 3, 9]);
        assert_eq!(table.find(&[1, 3, 10]), Ok(2));
        assert_eq!(table.find(&[1, 3, 9, 0]), Err(1));
        assert!(matches!(table.cell(2), Cell::Int(4)));
        assert!(table.has_object_of(&[1, 3, 9, 7]));
        assert!(!table.has_object_of(&[1, 4, 9, 7]));
    }
}

//! Notifications: what an agent says unasked (SNMPv2-Trap and InformRequest of RFC 3416).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Notification;
use crate::ber::{self, Bound};
use crate::device::Reading;
use crate::serve::Station;
use crate::table::{Cell, arcs};

const SNMP_V2C: i64 = 1;
const INFORM: u8 = 0xa6;
const TRAP: u8 = 0xa7;
const SYS_UP_TIME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 3, 0];
const SNMP_TRAP_OID: [u32; 11] = [1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0];
pub(crate) const COLD_START: &str = "1.3.6.1.6.3.1.1.5.1";
const LINK_DOWN: &str = "1.3.6.1.6.3.1.1.5.3";
const LINK_UP: &str = "1.3.6.1.6.3.1.1.5.4";

/// Notifications that wait to be sent; more are lost, as on a device whose queue is full.
pub(crate) const QUEUE_MAX: usize = 1024;
/// Informs that wait for their confirmation at the same time; more are sent once, like traps.
const UNCONFIRMED_MAX: usize = 256;
const INFORM_TRIES: usize = 3;
const INFORM_TIMEOUT: Duration = Duration::from_secs(5);
/// Variables of a sensor that a notification carries.
const SENSOR_OBJECTS_MAX: usize = 6;

/// A notification on its way.
#[derive(Debug)]
pub(crate) struct Notice {
    station: Arc<Station>,
    /// The bindings; sysUpTime and snmpTrapOID are the first two.
    bindings: Vec<u8>,
}

impl Notice {
    /// `trap` with the present values of the variables `names` of that device; a variable that is not there is left out.
    pub(crate) fn new(station: &Arc<Station>, trap: &str, names: &[Vec<u32>]) -> Self {
        let now = station.clock.now();
        let device = &station.agent.device;
        let live = device.live();
        let mut bindings = Vec::with_capacity(256);
        ber::binding(
            &mut bindings,
            &SYS_UP_TIME,
            &Bound::Value(Reading::Ticks(live.uptime_ticks(now))),
        );
        ber::binding(
            &mut bindings,
            &SNMP_TRAP_OID,
            &Bound::Value(Reading::Oid(&arcs(trap))),
        );
        for name in names {
            if let Ok(index) = device.table.find(name)
                && let Some(reading) = device.read(index, &live, now)
            {
                ber::binding(&mut bindings, name, &Bound::Value(reading));
            }
        }
        drop(live);
        Self {
            station: Arc::clone(station),
            bindings,
        }
    }

    /// linkDown or linkUp of an interface: ifIndex, ifAdminStatus, ifOperStatus (RFC 2863), ifDescr and ifName.
    pub(crate) fn link(station: &Arc<Station>, if_index: u32, up: bool) -> Self {
        let column = |entry: &str, column: u32| {
            let mut name = arcs(entry);
            name.extend([column, if_index]);
            name
        };
        let names = [
            column("1.3.6.1.2.1.2.2.1", 1),
            column("1.3.6.1.2.1.2.2.1", 7),
            column("1.3.6.1.2.1.2.2.1", 8),
            column("1.3.6.1.2.1.2.2.1", 2),
            column("1.3.6.1.2.1.31.1.1.1", 1),
        ];
        Self::new(station, if up { LINK_UP } else { LINK_DOWN }, &names)
    }

    /// The beginning or end of a sensor's fault; `None` when the device says nothing about it.
    pub(crate) fn sensor(station: &Arc<Station>, sensor: u16, begins: bool) -> Option<Self> {
        let device = &station.agent.device;
        let (trap, objects) = {
            let live = device.live();
            let sensor = &live.sensors[usize::from(sensor)];
            (
                if begins {
                    sensor.notice.0
                } else {
                    sensor.notice.1
                },
                sensor.notice_objects,
            )
        };
        if trap.is_empty() {
            return None;
        }
        let shows = |cell: &Cell| match cell {
            Cell::Sensor { sensor: of, .. } | Cell::SensorState { sensor: of, .. } => *of == sensor,
            _ => false,
        };
        let mut names: Vec<Vec<u32>> = objects.iter().map(|oid| arcs(oid)).collect();
        names.extend(
            (0..device.table.len())
                .filter(|index| shows(device.table.cell(*index)))
                .take(SENSOR_OBJECTS_MAX)
                .map(|index| device.table.name(index).to_vec()),
        );
        Some(Self::new(station, trap, &names))
    }
}

/// Sends what comes through the queue to `target`, in order, each from its own agent's address.
pub(crate) async fn send_all(
    mut queue: mpsc::Receiver<Notice>,
    target: SocketAddr,
    kind: Notification,
) {
    static REQUEST_ID: AtomicI32 = AtomicI32::new(1);
    let mut informs = JoinSet::new();
    while let Some(notice) = queue.recv().await {
        while informs.try_join_next().is_some() {}
        let id = REQUEST_ID.fetch_add(1, Ordering::Relaxed) & i32::MAX;
        let confirmed = kind == Notification::Inform && informs.len() < UNCONFIRMED_MAX;
        let tag = if kind == Notification::Inform {
            INFORM
        } else {
            TRAP
        };
        let station = notice.station;
        let message = ber::community_message(
            SNMP_V2C,
            &station.agent.community,
            tag,
            id,
            0,
            0,
            &notice.bindings,
        );
        if confirmed {
            station.unconfirmed().insert(id);
        }
        if let Err(error) = station.socket.send_to(&message, target).await {
            tracing::debug!(%error, %target, "a notification of the lab was not sent");
        }
        if confirmed {
            informs.spawn(repeat(station, message, target, id));
        }
    }
}

/// Repeats an inform until it is confirmed or given up.
async fn repeat(station: Arc<Station>, message: Vec<u8>, target: SocketAddr, id: i32) {
    for _ in 1..INFORM_TRIES {
        tokio::time::sleep(INFORM_TIMEOUT).await;
        if !station.unconfirmed().contains(&id) {
            return;
        }
        // Whether it arrives is what the confirmation tells.
        drop(station.socket.send_to(&message, target).await);
    }
    tokio::time::sleep(INFORM_TIMEOUT).await;
    station.unconfirmed().remove(&id);
}

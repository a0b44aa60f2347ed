//! Notifications: one shape for v1 traps, v2 traps and informs, their names, and a guard against storms.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{DeviceId, Oid, SnmpVersion, Value, Varbind, read};

/// A notification in the shape of SNMPv2 (RFC 3416 §4.2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// The watched device it belongs to; `None` for an unknown source.
    pub device: Option<DeviceId>,
    /// Sender's address.
    pub source: IpAddr,
    /// Format it came in.
    pub version: SnmpVersion,
    /// Name of the community or the USM user, never shown to guests; empty when unknown.
    pub principal: Arc<str>,
    /// `snmpTrapOID`.
    pub trap_oid: Oid,
    /// `sysUpTime` in hundredths of a second.
    pub uptime_ticks: u32,
    /// What it carries, without sysUpTime and snmpTrapOID.
    pub varbinds: Vec<Varbind>,
    /// Whether the sender waits for an acknowledgement.
    pub inform: bool,
}

/// Prefix of the generic traps of SNMPv2-MIB.
const GENERIC: [u32; 9] = [1, 3, 6, 1, 6, 3, 1, 1, 5];
const SYS_UP_TIME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 3, 0];
const SNMP_TRAP_OID: [u32; 11] = [1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0];
/// ifIndex of IF-MIB, which link traps carry.
const IF_INDEX: [u32; 10] = [1, 3, 6, 1, 2, 1, 2, 2, 1, 1];

fn oid(arcs: &[u32]) -> Oid {
    Oid::from_arcs(arcs).unwrap_or_default()
}

/// `snmpTrapOID` of a v1 trap (RFC 3584 §3.1 (2)): generic traps have names of their own, others are the enterprise, a zero and
/// the specific number. Numbers that no generic trap has count as specific.
#[must_use]
pub fn trap_oid_of_v1(enterprise: &Oid, generic: i64, specific: i64) -> Oid {
    match u32::try_from(generic) {
        Ok(generic) if generic <= 5 => oid(&GENERIC).join(&[generic + 1]),
        _ => enterprise.join(&[0, u32::try_from(specific).unwrap_or(0)]),
    }
}

/// Splits the varbinds of a v2 notification into uptime, trap OID and the rest (RFC 3416 §4.2.6: they come first, in this order).
///
/// `None` when there is no snmpTrapOID. Agents that forget sysUpTime are forgiven.
#[must_use]
pub fn split_v2(mut varbinds: Vec<Varbind>) -> Option<(u32, Oid, Vec<Varbind>)> {
    let mut uptime = 0;
    if varbinds.first().is_some_and(|v| v.oid == oid(&SYS_UP_TIME)) {
        uptime = varbinds[0]
            .value
            .as_u64()
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(0);
        varbinds.remove(0);
    }
    let first = varbinds.first()?;
    match (first.oid == oid(&SNMP_TRAP_OID), &first.value) {
        (true, Value::Oid(trap)) => {
            let trap = trap.clone();
            varbinds.remove(0);
            Some((uptime, trap, varbinds))
        }
        _ => None,
    }
}

impl Trap {
    /// What people call it; the OID when it has no name here.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&self.trap_oid).map_or_else(|| self.trap_oid.to_string(), str::to_owned)
    }

    /// The `ifIndex` that a link trap speaks of.
    #[must_use]
    pub fn if_index(&self) -> Option<u32> {
        let column = oid(&IF_INDEX);
        self.varbinds
            .iter()
            .find(|v| v.oid.starts_with(&column))
            .and_then(|v| v.value.as_u64())
            .and_then(|n| u32::try_from(n).ok())
    }

    /// Its varbinds in one line, cleaned and cut: hostile text for people.
    #[must_use]
    pub fn text(&self) -> String {
        /// Varbinds that a line shows.
        const SHOWN_MAX: usize = 8;
        let parts: Vec<String> = self
            .varbinds
            .iter()
            .take(SHOWN_MAX)
            .map(|v| read::text(&v.value).chars().take(120).collect::<String>())
            .filter(|t| !t.is_empty())
            .collect();
        parts.join(" · ")
    }
}

/// Names of the notifications of the standard MIBs and of UPSs.
#[must_use]
pub fn name_of(trap: &Oid) -> Option<&'static str> {
    let tail = |prefix: &[u32]| {
        trap.strip_prefix(&oid(prefix))
            .map(|t| t.arcs().collect::<Vec<_>>())
    };
    if let Some(tail) = tail(&GENERIC) {
        return Some(match tail.as_slice() {
            [1] => "coldStart",
            [2] => "warmStart",
            [3] => "linkDown",
            [4] => "linkUp",
            [5] => "authenticationFailure",
            [6] => "egpNeighborLoss",
            _ => return None,
        });
    }
    // UPS-MIB (RFC 1628) §4: upsTraps.
    if let Some(tail) = tail(&[1, 3, 6, 1, 2, 1, 33, 2]) {
        // Some agents put the zero of a translated v1 trap in between.
        return Some(match tail.as_slice() {
            [1] | [0, 1] => "upsTrapOnBattery",
            [2] | [0, 2] => "upsTrapTestCompleted",
            [3] | [0, 3] => "upsTrapAlarmEntryAdded",
            [4] | [0, 4] => "upsTrapAlarmEntryRemoved",
            _ => return None,
        });
    }
    if let Some(tail) = tail(&[1, 3, 6, 1, 4, 1, 318, 0]) {
        // PowerNet-MIB, v1 traps of APC.
        return Some(match tail.as_slice() {
            [1] => "upsCommunicationLost",
            [2] => "upsOverload",
            [4] => "upsDischarged",
            [5] => "upsOnBattery",
            [7] => "upsLowBattery",
            [9] => "upsPowerRestored",
            _ => return None,
        });
    }
    const OTHERS: [(&[u32], &str); 6] = [
        (&[1, 3, 6, 1, 2, 1, 47, 2, 0, 1], "entConfigChange"),
        (&[1, 0, 8802, 1, 1, 2, 0, 0, 1], "lldpRemTablesChange"),
        (&[1, 3, 6, 1, 2, 1, 17, 0, 1], "newRoot"),
        (&[1, 3, 6, 1, 2, 1, 17, 0, 2], "topologyChange"),
        (&[1, 3, 6, 1, 2, 1, 15, 7, 2], "bgpBackwardTransition"),
        (
            &[1, 3, 6, 1, 4, 1, 9, 9, 43, 2, 0, 1],
            "ciscoConfigManEvent",
        ),
    ];
    OTHERS
        .iter()
        .find(|(arcs, _)| *trap == oid(arcs))
        .map(|(_, name)| *name)
}

/// What the gate makes of a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// New: tell it.
    Pass,
    /// The same came a moment ago (agents send a trap to each configured receiver address, informs are sent again).
    Duplicate,
    /// The source sends more than anybody can read.
    Storm,
}

/// Limits of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrapLimits {
    /// The same trap within this time is a duplicate.
    pub duplicate_window: Duration,
    /// Traps of one source within a minute.
    pub per_minute_max: usize,
    /// Sources that are remembered; with more, the one that was silent longest is forgotten.
    pub sources_max: usize,
}

impl Default for TrapLimits {
    fn default() -> Self {
        Self {
            duplicate_window: Duration::from_secs(2),
            per_minute_max: 300,
            sources_max: 4_096,
        }
    }
}

#[derive(Debug, Default)]
struct Source {
    passed: VecDeque<Instant>,
    recent: VecDeque<(Instant, u64)>,
    last: Option<Instant>,
}

/// Lets traps through once, and no flood.
#[derive(Debug)]
pub struct TrapGate {
    limits: TrapLimits,
    sources: HashMap<IpAddr, Source>,
    /// Traps refused as duplicates.
    pub duplicates: u64,
    /// Traps refused in a storm.
    pub stormed: u64,
}

impl TrapGate {
    /// A gate that has seen nothing.
    #[must_use]
    pub fn new(limits: TrapLimits) -> Self {
        Self {
            limits,
            sources: HashMap::new(),
            duplicates: 0,
            stormed: 0,
        }
    }

    /// Judges one trap.
    pub fn judge(&mut self, trap: &Trap, now: Instant) -> Verdict {
        if !self.sources.contains_key(&trap.source) && self.sources.len() >= self.limits.sources_max
        {
            let oldest = self
                .sources
                .iter()
                .min_by_key(|(_, s)| s.last)
                .map(|(address, _)| *address);
            if let Some(oldest) = oldest {
                self.sources.remove(&oldest);
            }
        }
        let source = self.sources.entry(trap.source).or_default();
        source.last = Some(now);
        while source
            .recent
            .front()
            .is_some_and(|(at, _)| *at + self.limits.duplicate_window < now)
        {
            source.recent.pop_front();
        }
        while source
            .passed
            .front()
            .is_some_and(|at| *at + Duration::from_secs(60) < now)
        {
            source.passed.pop_front();
        }
        let print = fingerprint(trap);
        if source.recent.iter().any(|(_, other)| *other == print) {
            self.duplicates += 1;
            return Verdict::Duplicate;
        }
        if source.passed.len() >= self.limits.per_minute_max {
            self.stormed += 1;
            return Verdict::Storm;
        }
        source.passed.push_back(now);
        source.recent.push_back((now, print));
        Verdict::Pass
    }
}

fn fingerprint(trap: &Trap) -> u64 {
    let mut hasher = DefaultHasher::new();
    trap.trap_oid.hash(&mut hasher);
    trap.uptime_ticks.hash(&mut hasher);
    for varbind in &trap.varbinds {
        varbind.oid.hash(&mut hasher);
        varbind.value.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trap(uptime_ticks: u32) -> Trap {
        Trap {
            device: None,
            source: IpAddr::from([127, 0, 0, 1]),
            version: SnmpVersion::V2c,
            principal: "".into(),
            trap_oid: oid(&GENERIC).join(&[3]),
            uptime_ticks,
            varbinds: vec![Varbind {
                oid: oid(&IF_INDEX).join(&[7]),
                value: Value::Integer(7),
            }],
            inform: false,
        }
    }

    #[test]
    fn version_1_becomes_version_2() {
        let enterprise: Oid = "1.3.6.1.4.1.318".parse().unwrap();
        assert_eq!(
            name_of(&trap_oid_of_v1(&enterprise, 2, 0)),
            Some("linkDown")
        );
        assert_eq!(
            name_of(&trap_oid_of_v1(&enterprise, 0, 0)),
            Some("coldStart")
        );
        assert_eq!(
            trap_oid_of_v1(&enterprise, 6, 5).to_string(),
            "1.3.6.1.4.1.318.0.5"
        );
        assert_eq!(
            name_of(&trap_oid_of_v1(&enterprise, 6, 5)),
            Some("upsOnBattery")
        );
        assert_eq!(
            trap_oid_of_v1(&enterprise, -7, -1).to_string(),
            "1.3.6.1.4.1.318.0.0"
        );
    }

    #[test]
    fn the_head_of_a_notification_is_split_off() {
        let head = vec![
            Varbind {
                oid: oid(&SYS_UP_TIME),
                value: Value::TimeTicks(500),
            },
            Varbind {
                oid: oid(&SNMP_TRAP_OID),
                value: Value::Oid(oid(&GENERIC).join(&[4])),
            },
            Varbind {
                oid: oid(&IF_INDEX).join(&[2]),
                value: Value::Integer(2),
            },
        ];
        let (uptime, name, rest) = split_v2(head.clone()).unwrap();
        assert_eq!(
            (uptime, name_of(&name), rest.len()),
            (500, Some("linkUp"), 1)
        );
        assert_eq!(split_v2(head[2..].to_vec()), None);
        assert_eq!(split_v2(vec![]), None);
        assert_eq!(trap(1).if_index(), Some(7));
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // Any moment will do.
    fn duplicates_and_storms_are_counted_not_passed() {
        let now = Instant::now();
        let mut gate = TrapGate::new(TrapLimits {
            per_minute_max: 10,
            ..TrapLimits::default()
        });
        assert_eq!(gate.judge(&trap(1), now), Verdict::Pass);
        assert_eq!(gate.judge(&trap(1), now), Verdict::Duplicate);
        let passed = (0..100)
            .filter(|n| gate.judge(&trap(100 + n), now) == Verdict::Pass)
            .count();
        assert_eq!((passed, gate.stormed, gate.duplicates), (9, 91, 1));
        assert_eq!(
            gate.judge(&trap(1), now + Duration::from_secs(61)),
            Verdict::Pass
        );
    }
}

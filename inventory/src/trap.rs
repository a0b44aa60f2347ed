//! Notifications: one shape for v1 traps, v2 traps and informs, and a guard against storms.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{DeviceId, Oid, SnmpVersion, Value, Varbind};

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
}

/// What the gate makes of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// New: tell it.
    Pass,
    /// The same came a moment ago (agents send a trap to each configured receiver address). Informs have an identity of their own.
    Duplicate,
    /// The source, or all together, send more than anybody can read.
    Storm,
}

/// Limits of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrapLimits {
    /// The same trap within this time is a duplicate.
    pub duplicate_window: Duration,
    /// Traps of one source within a minute.
    pub per_minute_max: usize,
    /// Informs of one source within a minute; more than of traps, because what is not acknowledged comes again.
    pub informs_per_minute_max: usize,
    /// Notifications of all sources within a minute.
    pub all_per_minute_max: usize,
    /// Sources that are remembered; with more, the one that was silent longest is forgotten.
    pub sources_max: usize,
}

impl Default for TrapLimits {
    fn default() -> Self {
        Self {
            duplicate_window: Duration::from_secs(2),
            per_minute_max: 300,
            informs_per_minute_max: 6_000,
            all_per_minute_max: 60_000,
            sources_max: 4_096,
        }
    }
}

/// Traps of one source that were dropped in a storm, to be told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storm {
    /// Who sent them.
    pub source: IpAddr,
    /// The device with that address.
    pub device: Option<DeviceId>,
    /// How many since the last report.
    pub dropped: u64,
}

/// The first report of a storm comes this long after its first dropped trap, so that it has a number to tell.
const FIRST_REPORT: Duration = Duration::from_secs(5);
/// Further reports of a storm that goes on.
const NEXT_REPORT: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

/// What passed within a minute.
#[derive(Debug, Default)]
struct Minute {
    begun: Option<Instant>,
    traps: usize,
    informs: usize,
}

impl Minute {
    fn at(&mut self, now: Instant) -> &mut Self {
        if self.begun.is_none_or(|begun| begun + MINUTE <= now) {
            *self = Self {
                begun: Some(now),
                ..Self::default()
            };
        }
        self
    }
}

#[derive(Debug, Default)]
struct Source {
    minute: Minute,
    recent: VecDeque<(Instant, u64)>,
    last: Option<Instant>,
    device: Option<DeviceId>,
    dropped: u64,
    report_at: Option<Instant>,
    reported: Option<Instant>,
}

/// Lets notifications through once, and no flood.
#[derive(Debug)]
pub struct TrapGate {
    limits: TrapLimits,
    sources: HashMap<IpAddr, Source>,
    all: Minute,
}

impl TrapGate {
    /// A gate that has seen nothing.
    #[must_use]
    pub fn new(limits: TrapLimits) -> Self {
        Self {
            limits,
            sources: HashMap::new(),
            all: Minute::default(),
        }
    }

    /// Judges one notification.
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
        let print = fingerprint(trap);
        if !trap.inform && source.recent.iter().any(|(_, other)| *other == print) {
            return Verdict::Duplicate;
        }
        let (minute, all) = (source.minute.at(now), self.all.at(now));
        let (passed, most) = match trap.inform {
            true => (&mut minute.informs, self.limits.informs_per_minute_max),
            false => (&mut minute.traps, self.limits.per_minute_max),
        };
        if *passed >= most || all.traps >= self.limits.all_per_minute_max {
            source.dropped += 1;
            source.device.clone_from(&trap.device);
            source.report_at.get_or_insert_with(|| {
                let next = source.reported.map(|at| at + NEXT_REPORT);
                next.unwrap_or(now).max(now + FIRST_REPORT)
            });
            return Verdict::Storm;
        }
        *passed += 1;
        all.traps += 1;
        if !trap.inform {
            source.recent.push_back((now, print));
        }
        Verdict::Pass
    }

    /// Storms to be told now; look about once a second.
    pub fn storms(&mut self, now: Instant) -> Vec<Storm> {
        let due = self
            .sources
            .iter_mut()
            .filter(|(_, source)| source.report_at.is_some_and(|at| at <= now));
        due.map(|(address, source)| {
            source.report_at = None;
            source.reported = Some(now);
            Storm {
                source: *address,
                device: source.device.clone(),
                dropped: std::mem::take(&mut source.dropped),
            }
        })
        .collect()
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
    use crate::names::Names;

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
        let names = Names::builtin();
        let name_of = |oid: &Oid| names.notification(oid).map(str::to_owned);
        assert_eq!(
            name_of(&trap_oid_of_v1(&enterprise, 2, 0)).as_deref(),
            Some("linkDown")
        );
        assert_eq!(
            name_of(&trap_oid_of_v1(&enterprise, 0, 0)).as_deref(),
            Some("coldStart")
        );
        assert_eq!(
            trap_oid_of_v1(&enterprise, 6, 5).to_string(),
            "1.3.6.1.4.1.318.0.5"
        );
        assert_eq!(
            name_of(&trap_oid_of_v1(&enterprise, 6, 5)).as_deref(),
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
            (uptime, name.to_string().as_str(), rest.len()),
            (500, "1.3.6.1.6.3.1.1.5.4", 1)
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
        assert_eq!(passed, 9);
        // Told once with its number, and again only after a minute.
        assert!(gate.storms(now).is_empty());
        let later = now + Duration::from_secs(6);
        let told = gate.storms(later);
        assert_eq!((told.len(), told[0].dropped), (1, 91));
        assert_eq!(gate.judge(&trap(999), later), Verdict::Storm);
        assert!(gate.storms(later + Duration::from_secs(30)).is_empty());
        assert_eq!(gate.storms(later + Duration::from_secs(61))[0].dropped, 1);
        assert_eq!(
            gate.judge(&trap(1), now + Duration::from_secs(61)),
            Verdict::Pass
        );
        // An inform is known by its identity and has a limit of its own.
        let inform = Trap {
            inform: true,
            ..trap(5)
        };
        for _ in 0..100 {
            assert_eq!(gate.judge(&inform, now), Verdict::Pass);
        }
    }
}

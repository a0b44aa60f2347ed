//! IF-MIB (RFC 2863): ifTable and ifXTable become interfaces that keep their identity when the agent renumbers them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Entities, Rows, cell_i64, clean, text};
use crate::poller::Column;
use crate::profile::constant;
use crate::{
    AdminStatus, Counters, DirectionCounters, Engine, Interface, Oid, OperStatus, Rates, Value,
};

/// What seldom changes about an interface (`interface_facts`).
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    index: u32,
    description: Arc<str>,
    alias: Arc<str>,
    if_type: u32,
    mtu: Option<u32>,
    physical_address: Arc<[u8]>,
    connector: Option<bool>,
}

/// 32-bit counters of an interface (`interface_counters_32`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Legacy {
    index: u32,
    /// In octets, in unicast, out octets, out unicast.
    values: [Option<u64>; 4],
}

/// The physical port behind each interface (`interface_entities`), and the part of the device that it sits in.
#[derive(Debug, Default)]
pub(crate) struct Ports(BTreeMap<u32, (u32, Option<Arc<str>>)>);

/// Reads `interface_entities`: entPhysicalIndex and a logical index lead to the OID of an ifIndex (entAliasMappingIdentifier).
pub(crate) fn ports(columns: &[Column], entities: &Entities) -> Ports {
    let if_index: Oid = constant("1.3.6.1.2.1.2.2.1.1");
    let rows = columns.first().into_iter().flatten();
    Ports(
        rows.filter_map(|(index, value)| {
            let Value::Oid(target) = value else {
                return None;
            };
            let (entity, interface) = (index.first()?, index_of(&target.strip_prefix(&if_index)?)?);
            Some((interface, (entity, entities.place(entity))))
        })
        .collect(),
    )
}

/// How sysUpTime moved between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UptimeMove {
    /// As the clock says, or nothing to compare with.
    Steady,
    /// The agent started again.
    Restarted,
}

/// Compares two readings of `sysUpTime` taken `elapsed` apart.
///
/// The counter wraps after 497 days (RFC 3418); a wrap that fits the elapsed time is no restart. A counter that ran on but is
/// younger than the time since the first reading began in between: the device was silent, restarted, and had time to count.
pub(crate) fn uptime_move(before_ticks: u32, now_ticks: u32, elapsed: Duration) -> UptimeMove {
    let moved_seconds = f64::from(now_ticks.wrapping_sub(before_ticks)) / 100.0;
    let expected = elapsed.as_secs_f64();
    // Agents' clocks drift and answers wait in queues: 10 % and ten seconds are generous, a restart is off by days.
    let tolerance = expected * 0.1 + 10.0;
    let younger = f64::from(now_ticks) / 100.0 + tolerance < expected;
    match now_ticks.cmp(&before_ticks) {
        // An agent whose clock stands still has none.
        Ordering::Equal => UptimeMove::Steady,
        Ordering::Greater if younger && (moved_seconds - expected).abs() > tolerance => {
            UptimeMove::Restarted
        }
        Ordering::Greater => UptimeMove::Steady,
        Ordering::Less if (moved_seconds - expected).abs() <= tolerance => UptimeMove::Steady,
        Ordering::Less => UptimeMove::Restarted,
    }
}

/// Compares two readings of the engine's boots and time; `None` when it says nothing clear.
///
/// Boots that grew and another engine are a restart. With the same boots a time that ran on with the clock denies one, whatever
/// sysUpTime does; agents that never store their boots show a time that went back, and sysUpTime decides.
pub(crate) fn engine_move(before: &Engine, now: &Engine, elapsed: Duration) -> Option<UptimeMove> {
    if before.id != now.id || now.boots > before.boots {
        return Some(UptimeMove::Restarted);
    }
    let expected = elapsed.as_secs_f64();
    let moved = f64::from(now.seconds) - f64::from(before.seconds);
    let ran_on = moved > 0.0 && (moved - expected).abs() <= expected * 0.1 + 10.0;
    (now.boots == before.boots && ran_on).then_some(UptimeMove::Steady)
}

fn index_of(index: &Oid) -> Option<u32> {
    let mut arcs = index.arcs();
    match (arcs.next(), arcs.next()) {
        (Some(index), None) => Some(index),
        _ => None,
    }
}

/// Reads `interface_facts`.
pub(crate) fn facts(columns: &[Column]) -> Vec<Facts> {
    let mut all = Vec::new();
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        let Some(index) = index_of(index) else {
            continue;
        };
        all.push(Facts {
            index,
            description: cells[0].map(text).unwrap_or_default().into(),
            if_type: cell_i64(cells[1])
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(0),
            mtu: cell_i64(cells[2]).and_then(|n| u32::try_from(n).ok()),
            physical_address: cells[3]
                .and_then(Value::as_bytes)
                .unwrap_or_default()
                .into(),
            connector: cell_i64(cells[4]).map(|n| n == 1),
            alias: cells[5].map(text).unwrap_or_default().into(),
        });
    }
    all
}

/// Reads `interface_counters_32`.
pub(crate) fn legacy(columns: &[Column]) -> Vec<Legacy> {
    let mut all = Vec::new();
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        let Some(index) = index_of(index) else {
            continue;
        };
        let value = |n: usize| cells[n].and_then(Value::as_u64);
        all.push(Legacy {
            index,
            values: [value(0), value(1), value(2), value(3)],
        });
    }
    all
}

/// ifOperStatus unknown.
const OPER_UNKNOWN: i32 = 4;

/// Columns of `interfaces` by position.
mod at {
    pub(super) const SPEED: usize = 0;
    pub(super) const ADMIN: usize = 1;
    pub(super) const OPER: usize = 2;
    pub(super) const LAST_CHANGE: usize = 3;
    pub(super) const IN_DISCARDS: usize = 4;
    pub(super) const IN_ERRORS: usize = 5;
    pub(super) const OUT_DISCARDS: usize = 6;
    pub(super) const OUT_ERRORS: usize = 7;
    pub(super) const NAME: usize = 8;
    pub(super) const IN_OCTETS: usize = 9;
    pub(super) const IN_UNICAST: usize = 10;
    pub(super) const IN_MULTICAST: usize = 11;
    pub(super) const IN_BROADCAST: usize = 12;
    pub(super) const OUT_OCTETS: usize = 13;
    pub(super) const OUT_UNICAST: usize = 14;
    pub(super) const OUT_MULTICAST: usize = 15;
    pub(super) const OUT_BROADCAST: usize = 16;
    pub(super) const HIGH_SPEED: usize = 17;
    pub(super) const DISCONTINUITY: usize = 18;
}

/// Whether some interface has no 64-bit octet counter, so that the 32-bit ones must be read too.
pub(crate) fn lacks_64_bit(columns: &[Column]) -> bool {
    columns[at::OPER].len()
        > columns[at::IN_OCTETS]
            .len()
            .min(columns[at::OUT_OCTETS].len())
}

/// Whether the interfaces are still those that the facts describe: the same indexes with the same names.
pub(crate) fn names_agree(columns: &[Column], facts: &[Facts], before: &[Interface]) -> bool {
    let indexes = &columns[at::OPER];
    indexes.len() == before.len()
        && indexes
            .iter()
            .zip(before)
            .all(|((index, _), old)| index_of(index) == Some(old.index))
        && facts.len() >= before.len()
        && columns[at::NAME].iter().all(|(index, name)| {
            let (Some(index), Some(name)) = (index_of(index), name.as_bytes()) else {
                return false;
            };
            before
                .binary_search_by_key(&index, |i| i.index)
                .is_ok_and(|n| {
                    // A name that was made unique carries its index behind it.
                    let known = before[n].name.as_bytes();
                    known == name
                        || name.is_empty()
                        || known.starts_with(clean(&String::from_utf8_lossy(name)).as_bytes())
                })
        })
}

/// What the reader of interfaces stands on.
pub(crate) struct Ground<'a> {
    pub(crate) facts: &'a [Facts],
    pub(crate) legacy: &'a [Legacy],
    pub(crate) ports: &'a Ports,
    pub(crate) before: &'a [Interface],
    /// sysUpTime of this poll, hundredths of a second.
    pub(crate) uptime_ticks: u32,
    /// No rate is computed across a restart of the agent.
    pub(crate) restarted: bool,
}

/// Reads `interfaces`.
pub(crate) fn interfaces(columns: &[Column], ground: &Ground<'_>, now: Instant) -> Vec<Interface> {
    let mut all: Vec<Interface> = Vec::with_capacity(columns[at::OPER].len());
    let mut names: HashMap<Arc<str>, ()> = HashMap::with_capacity(columns[at::OPER].len());
    // Only filled when an index does not lead to the interface of the same name.
    let mut by_name: Option<HashMap<&str, &Interface>> = None;
    // A view that hides states shows names still: those make interfaces of unknown state, for they are there.
    let named_only: Vec<Column>;
    let stateless = columns[at::ADMIN].is_empty() && columns[at::OPER].is_empty();
    let columns = if stateless && !ground.facts.is_empty() {
        let mut all = columns.to_vec();
        all[at::OPER] = ground
            .facts
            .iter()
            .map(|f| {
                (
                    Oid::default().join(&[f.index]),
                    Value::Integer(OPER_UNKNOWN),
                )
            })
            .collect();
        named_only = all;
        &named_only
    } else {
        columns
    };
    let shared = shared_names(&columns[at::NAME], ground.ports);
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        let Some(index) = index_of(index) else {
            continue;
        };
        if cells[at::ADMIN].is_none() && cells[at::OPER].is_none() {
            continue;
        }
        let facts = ground
            .facts
            .binary_search_by_key(&index, |f| f.index)
            .ok()
            .map(|n| &ground.facts[n]);
        let same_index = ground
            .before
            .binary_search_by_key(&index, |i| i.index)
            .ok()
            .map(|n| &ground.before[n]);
        let raw = cells[at::NAME]
            .and_then(Value::as_bytes)
            .unwrap_or_default();
        let mut name: Arc<str> = match same_index {
            Some(old) if !raw.is_empty() && old.name.as_bytes() == raw => old.name.clone(),
            _ => name_of(raw, facts, index),
        };
        let port = ground.ports.0.get(&index);
        if !shared.is_empty()
            && shared.contains(raw)
            && let Some((_, Some(place))) = port
        {
            name = format!("{name} ({place})").into();
        }
        if names.insert(name.clone(), ()).is_some() {
            name = format!("{name}#{index}").into();
            names.insert(name.clone(), ());
        }
        let old = match same_index {
            Some(old) if old.name == name => Some(old),
            _ => by_name
                .get_or_insert_with(|| ground.before.iter().map(|i| (&*i.name, i)).collect())
                .get(&*name)
                .copied(),
        };
        let speed_bps = speed_bps(cells[at::SPEED], cells[at::HIGH_SPEED]);
        let counters = counters(cells, ground.legacy, index, now);
        let rates = match old {
            // Renumbered interfaces may be other hardware under the old name.
            Some(old) if !ground.restarted && old.index == index => old
                .counters
                .as_ref()
                .and_then(|before| rates(before, &counters, speed_bps)),
            _ => None,
        };
        let mut admin = AdminStatus::from_mib(cell_i64(cells[at::ADMIN]).unwrap_or(1));
        let mut oper = OperStatus::from_mib(cell_i64(cells[at::OPER]).unwrap_or(4));
        let mut last_change =
            last_change(cells[at::LAST_CHANGE], ground.uptime_ticks, old, oper, now);
        let mut read_at = now;
        // A hastened look that finished while this walk was under way has seen later.
        if let Some(old) = old.filter(|o| o.read_at > now) {
            (admin, oper, last_change, read_at) =
                (old.admin, old.oper, old.last_change, old.read_at);
        }
        let empty: Arc<str> = old.map_or_else(|| "".into(), |o| o.description.clone());
        all.push(Interface {
            description: facts.map_or_else(|| empty.clone(), |f| f.description.clone()),
            alias: facts.map_or_else(
                || old.map_or_else(|| "".into(), |o| o.alias.clone()),
                |f| f.alias.clone(),
            ),
            index,
            if_type: facts.map_or(0, |f| f.if_type),
            mtu: facts.and_then(|f| f.mtu),
            physical_address: facts.map_or_else(|| Arc::from([]), |f| f.physical_address.clone()),
            speed_bps,
            admin,
            oper,
            last_change,
            connector: facts.and_then(|f| f.connector),
            entity: port.map(|(entity, _)| *entity),
            counters: Some(counters),
            rates,
            read_at,
            name,
        });
    }
    all
}

/// Names that several interfaces have. Where the agent says which part of the device each sits in, that part tells them apart,
/// and goes on to do so when the agent renumbers.
fn shared_names<'a>(names: &'a Column, ports: &Ports) -> HashSet<&'a [u8]> {
    let mut shared = HashSet::new();
    if !ports.0.is_empty() {
        let mut seen = HashSet::with_capacity(names.len());
        for name in names.iter().filter_map(|(_, name)| name.as_bytes()) {
            if !name.is_empty() && !seen.insert(name) {
                shared.insert(name);
            }
        }
    }
    shared
}

fn name_of(raw: &[u8], facts: Option<&Facts>, index: u32) -> Arc<str> {
    let name = clean(&String::from_utf8_lossy(raw));
    if !name.is_empty() {
        return name.into();
    }
    match facts {
        Some(facts) if !facts.description.is_empty() => facts.description.clone(),
        _ => format!("if{index}").into(),
    }
}

/// ifHighSpeed counts millions; ifSpeed is exact but ends at 4.29 Gbit/s, where it says "at least that".
fn speed_bps(speed: Option<&Value>, high: Option<&Value>) -> u64 {
    let speed = speed.and_then(Value::as_u64).unwrap_or(0);
    let high = high
        .and_then(Value::as_u64)
        .unwrap_or(0)
        .saturating_mul(1_000_000);
    if speed >= u64::from(u32::MAX) {
        high.max(speed)
    } else if high > u64::from(u32::MAX) || speed == 0 {
        high
    } else {
        speed
    }
}

fn counters(cells: &[Option<&Value>], legacy: &[Legacy], index: u32, now: Instant) -> Counters {
    let value = |n: usize| cells[n].and_then(Value::as_u64);
    let mut counters = Counters {
        inbound: DirectionCounters {
            octets: value(at::IN_OCTETS),
            unicast_packets: value(at::IN_UNICAST),
            multicast_packets: value(at::IN_MULTICAST),
            broadcast_packets: value(at::IN_BROADCAST),
            errors: value(at::IN_ERRORS),
            discards: value(at::IN_DISCARDS),
        },
        outbound: DirectionCounters {
            octets: value(at::OUT_OCTETS),
            unicast_packets: value(at::OUT_UNICAST),
            multicast_packets: value(at::OUT_MULTICAST),
            broadcast_packets: value(at::OUT_BROADCAST),
            errors: value(at::OUT_ERRORS),
            discards: value(at::OUT_DISCARDS),
        },
        octets_32_bit: false,
        discontinuity_ticks: value(at::DISCONTINUITY)
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(0),
        read_at: now,
    };
    if (counters.inbound.octets.is_none() || counters.outbound.octets.is_none())
        && let Ok(n) = legacy.binary_search_by_key(&index, |l| l.index)
    {
        let [in_octets, in_unicast, out_octets, out_unicast] = legacy[n].values;
        counters.octets_32_bit = true;
        counters.inbound.octets = in_octets;
        counters.outbound.octets = out_octets;
        counters.inbound.unicast_packets = counters.inbound.unicast_packets.or(in_unicast);
        counters.outbound.unicast_packets = counters.outbound.unicast_packets.or(out_unicast);
    }
    counters
}

/// Rates between two readings; `None` when the counters did not run on between them (RFC 2863 §3.1.5).
fn rates(before: &Counters, now: &Counters, speed_bps: u64) -> Option<Rates> {
    if before.discontinuity_ticks != now.discontinuity_ticks
        || before.octets_32_bit != now.octets_32_bit
    {
        return None;
    }
    let seconds = now
        .read_at
        .checked_duration_since(before.read_at)?
        .as_secs_f64();
    // Two answers to one question make no rate.
    if seconds < 0.5 {
        return None;
    }
    let octet_rate = |old: Option<u64>, new: Option<u64>| -> Option<f64> {
        if !now.octets_32_bit {
            return Some(new?.checked_sub(old?)? as f64 * 8.0 / seconds);
        }
        // At this speed the counter may have gone round more than once: any number would be a guess.
        if speed_bps as f64 * seconds / 8.0 > f64::from(u32::MAX) {
            return None;
        }
        Some(f64::from(delta_32(old?, new?)?) * 8.0 / seconds)
    };
    // Errors and discards are 32-bit counters everywhere.
    let event_rate = |old: Option<u64>, new: Option<u64>| -> Option<f64> {
        Some(f64::from(delta_32(old?, new?)?) / seconds)
    };
    let in_bps = octet_rate(before.inbound.octets, now.inbound.octets);
    let out_bps = octet_rate(before.outbound.octets, now.outbound.octets);
    let went_back = !now.octets_32_bit
        && (now.inbound.octets < before.inbound.octets
            || now.outbound.octets < before.outbound.octets);
    if went_back {
        return None;
    }
    Some(Rates {
        in_bps,
        out_bps,
        in_errors_per_second: event_rate(before.inbound.errors, now.inbound.errors),
        out_errors_per_second: event_rate(before.outbound.errors, now.outbound.errors),
        in_discards_per_second: event_rate(before.inbound.discards, now.inbound.discards),
        out_discards_per_second: event_rate(before.outbound.discards, now.outbound.discards),
    })
}

/// How far a 32-bit counter moved, over its end if need be. More than half way round is taken for a reset.
fn delta_32(before: u64, now: u64) -> Option<u32> {
    let delta = (now as u32).wrapping_sub(before as u32);
    (delta <= u32::MAX / 2).then_some(delta)
}

/// When the state changed: the agent's word when it has one, else what we saw.
fn last_change(
    cell: Option<&Value>,
    uptime_ticks: u32,
    old: Option<&Interface>,
    oper: OperStatus,
    now: Instant,
) -> Option<Instant> {
    let by_agent = cell
        .and_then(Value::as_u64)
        .filter(|&ticks| ticks > 0 && ticks <= u64::from(uptime_ticks))
        .and_then(|ticks| {
            now.checked_sub(Duration::from_millis(
                (u64::from(uptime_ticks) - ticks) * 10,
            ))
        });
    match (by_agent, old) {
        // Two computations of one moment differ by the jitter of the answers: keep the first.
        (Some(agent), Some(old)) => match old.last_change {
            Some(known) if agent <= known + Duration::from_secs(2) && old.oper == oper => {
                Some(known)
            }
            _ => Some(agent),
        },
        (Some(agent), None) => Some(agent),
        (None, Some(old)) if old.oper != oper => Some(now),
        (None, Some(old)) => old.last_change,
        (None, None) => None,
    }
}

/// Applies `interface_status` (ifAdminStatus, ifOperStatus, ifLastChange) to known interfaces. `false`: an index is unknown,
/// so the agent renumbered and only a full poll can tell.
pub(crate) fn status(
    columns: &[Column],
    interfaces: &mut [Interface],
    uptime_ticks: u32,
    now: Instant,
) -> bool {
    let mut all_known = true;
    let mut rows = Rows::new(columns);
    while let Some((index, cells)) = rows.next() {
        let Some(index) = index_of(index) else {
            continue;
        };
        let Ok(n) = interfaces.binary_search_by_key(&index, |i| i.index) else {
            all_known = false;
            continue;
        };
        let oper = OperStatus::from_mib(cell_i64(cells[1]).unwrap_or(4));
        let change = last_change(cells[2], uptime_ticks, Some(&interfaces[n]), oper, now);
        let interface = &mut interfaces[n];
        interface.admin = AdminStatus::from_mib(cell_i64(cells[0]).unwrap_or(1));
        interface.oper = oper;
        interface.last_change = change;
        interface.read_at = now;
    }
    all_known
}

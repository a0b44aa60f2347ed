//! How the devices of `/metrics` are spread over scrapes, so that none grows beyond its limit, and what Prometheus is told of it.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use nhipcau_inventory::watch::DeviceState;

use super::App;
use super::machines::Machines;
use crate::http::views::ScrapeGroup;
use crate::logging::escape;

/// Most parts of one exposition.
pub(crate) const PARTS_MAX: u32 = 1_000;
/// Share of the limit that a part is filled to when parts are made: devices grow ports and sensors between two looks of Prometheus.
const FILL: f64 = 0.85;

/// Which devices an exposition shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All, and everything of the daemon itself.
    Whole,
    /// Those of one part; the first has everything of the daemon itself too.
    Of {
        /// From 0.
        part: u32,
        /// How many there are.
        parts: u32,
    },
}

impl Part {
    /// Whether what is no device's belongs to it.
    pub(crate) fn has_own(self) -> bool {
        !matches!(self, Self::Of { part: 1.., .. })
    }

    /// Whether that device belongs to it.
    pub(crate) fn has(self, device: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Of { part, parts } => part_of(device, parts) == part,
        }
    }

    /// The part's label.
    pub(crate) fn label(self) -> String {
        match self {
            Self::Whole => "whole".to_owned(),
            Self::Of { part, .. } => part.to_string(),
        }
    }
}

/// The part of a device: by its name alone (FNV-1a), and spread so that one part more moves one device of that many and no other
/// (jump consistent hash).
fn part_of(device: &str, parts: u32) -> u32 {
    let mut key = device
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let (mut bucket, mut next) = (0_u64, 0_u64);
    while next < u64::from(parts.max(1)) {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let scale = (1_u64 << 31) as f64 / ((key >> 33) + 1) as f64;
        next = ((bucket + 1) as f64 * scale) as u64;
    }
    bucket as u32
}

/// About how many bytes the series of a device take: their number by kind, times what their names and labels come to.
fn estimate(device: &DeviceState) -> usize {
    let id = device.spec.id.as_str().len();
    let base = 2_000 + 20 * id;
    let Some(collection) = device.collection.as_deref() else {
        return base;
    };
    let each = |series: usize, name: usize| series * (75 + id + name);
    let interfaces: usize = collection
        .interfaces
        .iter()
        .map(|i| each(11, i.name.len()) + i.alias.len())
        .sum();
    let sensors: usize = collection
        .sensors
        .iter()
        .map(|s| each(3, s.name.len() + s.class.len() + s.unit.len()))
        .sum();
    let components: usize = collection
        .components
        .iter()
        .map(|c| each(1, c.name.len() + c.class.len()))
        .sum();
    let storage: usize = collection
        .storage
        .iter()
        .map(|s| each(2, s.name.len()))
        .sum();
    let processors: usize = collection
        .processors
        .iter()
        .map(|p| each(1, p.name.len()))
        .sum();
    base + interfaces
        + sensors
        + components
        + storage
        + processors
        + each(collection.tables.len(), 20)
}

/// The fewest parts of which none is fuller than it should be.
fn parts_for(sizes: &[(&str, usize)], bytes_max: usize) -> u32 {
    let fill = ((bytes_max as f64 * FILL) as usize).max(1);
    let whole: usize = sizes.iter().map(|(_, size)| size).sum();
    let first = whole.div_ceil(fill).max(1);
    let most = (PARTS_MAX as usize).min(sizes.len().max(1));
    let fits = |parts: u32| {
        let mut filled = vec![0; parts as usize];
        for (device, size) in sizes {
            filled[part_of(device, parts) as usize] += size;
        }
        // A device that is too large alone cannot be helped by more parts.
        filled.iter().all(|bytes| *bytes <= fill)
    };
    (first.min(most)..=most)
        .map(|parts| parts as u32)
        .find(|parts| fits(*parts))
        .unwrap_or(most as u32)
}

impl Machines {
    /// Longest exposition, bytes.
    pub(crate) fn scrape_bytes_max(&self) -> usize {
        self.scrapers().bytes_max
    }

    /// In how many parts the devices are scraped now.
    pub(crate) fn parts(&self) -> u32 {
        let watch = self.estate.watch();
        let sizes: Vec<(&str, usize)> = watch
            .devices()
            .map(|device| (device.spec.id.as_str(), estimate(device)))
            .collect();
        parts_for(&sizes, self.scrape_bytes_max())
    }
}

impl App {
    /// Targets for Prometheus: the parts of this daemon's own metrics, at `host`.
    pub(crate) fn scrape_parts(&self, host: &str, scheme: &str) -> Vec<ScrapeGroup> {
        let Some(machines) = self.machines() else {
            return Vec::new();
        };
        let parts = machines.parts();
        (0..parts)
            .map(|part| ScrapeGroup {
                targets: vec![host.to_owned()],
                labels: [
                    ("__scheme__", scheme.to_owned()),
                    ("__metrics_path__", "/metrics".to_owned()),
                    ("__param_shard", part.to_string()),
                    ("__param_shards", parts.to_string()),
                    ("shard", part.to_string()),
                ]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            })
            .collect()
    }

    /// Targets for Prometheus: every device of the inventory under `/snmp` of this daemon, at `host`.
    pub(crate) fn scrape_devices(
        &self,
        host: &str,
        scheme: &str,
        module: &str,
    ) -> Vec<ScrapeGroup> {
        let Some(machines) = self.machines() else {
            return Vec::new();
        };
        let estate = &machines.estate;
        let watch = estate.watch();
        let contacts = estate
            .contacts
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut groups: Vec<ScrapeGroup> = watch
            .devices()
            .map(|device| {
                let id = device.spec.id.as_str();
                let collection = device.collection.as_deref();
                let recognised = collection.and_then(|c| c.recognised.as_ref());
                let identity = collection.map(|c| &c.identity);
                let mut labels = BTreeMap::new();
                let mut put = |name: &str, value: &str| {
                    // An empty label is none.
                    if !value.is_empty() {
                        labels.insert(name.to_owned(), escape(value));
                    }
                };
                put("__scheme__", scheme);
                put("__metrics_path__", "/snmp");
                put("__param_target", id);
                put("__param_module", module);
                put("instance", id);
                put("device", id);
                put("site", device.spec.site.as_ref().map_or("", |s| s.as_str()));
                put("kind", recognised.map_or("other", |r| r.kind.as_str()));
                put("vendor", identity.map_or("", |i| &i.vendor));
                put("__meta_nhipcau_name", &device.spec.name);
                put("__meta_nhipcau_model", identity.map_or("", |i| &i.model));
                put(
                    "__meta_nhipcau_version",
                    identity.map_or("", |i| &i.version),
                );
                put(
                    "__meta_nhipcau_profile",
                    recognised.map_or("", |r| &r.profile),
                );
                let contact = contacts.get(&device.spec.id);
                put("__meta_nhipcau_address", contact.map_or("", |c| &c.address));
                ScrapeGroup {
                    targets: vec![host.to_owned()],
                    labels,
                }
            })
            .collect();
        groups.sort_by(|a, b| a.labels["device"].cmp(&b.labels["device"]));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_is_in_one_part_and_one_part_more_moves_few() {
        let devices: Vec<String> = (0..2_000).map(|n| format!("device-{n}")).collect();
        for parts in 1..40 {
            let mut counts = vec![0; parts as usize];
            let mut moved = 0;
            for device in &devices {
                let part = part_of(device, parts);
                counts[part as usize] += 1;
                let later = part_of(device, parts + 1);
                moved += usize::from(part != later);
                assert!(part == later || later == parts, "moved among the old ones");
                let shown = (0..parts).filter(|&part| Part::Of { part, parts }.has(device));
                assert_eq!(shown.count(), 1);
            }
            let fair = devices.len() / parts as usize;
            assert!(
                counts.iter().all(|n| (fair / 2..=fair * 2).contains(n)),
                "{counts:?}"
            );
            assert!(
                moved <= devices.len() * 2 / (parts as usize + 1),
                "{moved} of {parts}"
            );
        }
    }

    #[test]
    fn there_are_as_many_parts_as_it_takes() {
        let names: Vec<String> = (0..100).map(|n| format!("sw-{n}")).collect();
        let sizes: Vec<(&str, usize)> = names.iter().map(|n| (n.as_str(), 10_000)).collect();
        assert_eq!(parts_for(&sizes, 10 << 20), 1);
        let parts = parts_for(&sizes, 200_000);
        assert!((6..30).contains(&parts), "{parts}");
        // Too small for a single device: a part each at most, and what does not fit is counted where it is scraped.
        assert_eq!(parts_for(&sizes, 5_000), 100);
        assert_eq!(parts_for(&[], 5_000), 1);
    }
}

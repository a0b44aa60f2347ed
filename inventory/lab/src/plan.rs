//! The province on paper: devices, links and sites, before anything is started.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::LabConfig;
use crate::names::{REGIONS, communes, plain, slug};

/// A family of devices: it decides what the agent of a device holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Catalyst4503,
    Catalyst3850,
    Isr4431,
    Isr4321,
    Isr1100,
    Firepower2120,
    SynergyFrame,
    Synergy480,
    SanSwitch,
    ThreePar,
    StoreOnce,
    Esxi,
    Ups,
    Pdu,
    Cooling,
}

/// A device of the plan.
#[derive(Clone, Debug)]
pub(crate) struct PlannedDevice {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) host_name: String,
    pub(crate) location: String,
    pub(crate) family: Family,
    pub(crate) site: String,
    pub(crate) address: Ipv4Addr,
    /// Whether the configuration has the daemon use the v3 user for it.
    pub(crate) v3: bool,
}

/// One end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// Index of the device.
    pub(crate) device: usize,
    /// ifName.
    pub(crate) interface: String,
}

/// A link of the plan; `a` is the end nearer to the core.
#[derive(Clone, Debug)]
pub(crate) struct PlannedLink {
    pub(crate) id: String,
    pub(crate) a: End,
    pub(crate) b: End,
    pub(crate) capacity_bps: u64,
    /// Whether IP traffic takes it; a Fibre Channel link leads to no agent.
    pub(crate) carries_ip: bool,
}

/// A site of the plan.
#[derive(Clone, Debug)]
pub(crate) struct PlannedSite {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) parent: Option<String>,
    /// The interface, on the site's own device, that leads to the rest of the province.
    pub(crate) uplink: Option<End>,
    pub(crate) capacity: Option<&'static str>,
    pub(crate) phone: Option<String>,
}

/// The whole plan. Device 0 is the core switch, where the management station stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) devices: Vec<PlannedDevice>,
    pub(crate) links: Vec<PlannedLink>,
    pub(crate) sites: Vec<PlannedSite>,
}

const MBPS: u64 = 1_000_000;
const REGION_BPS: u64 = 20 * MBPS;
const COMMUNE_BPS: u64 = 10 * MBPS;
/// Ports of one NIM-ES2-8 module.
const MODULE_PORTS: usize = 8;

/// Devices of the data center: id, name, host name, family, whether v3 is used. Their order is their address.
const DATA_CENTER: [(&str, &str, &str, Family, bool); 21] = [
    (
        "core4503",
        "Chuyển mạch lõi Catalyst 4503",
        "core4503.qnam",
        Family::Catalyst4503,
        false,
    ),
    (
        "isr4431",
        "Bộ định tuyến ISR 4431",
        "isr4431.qnam",
        Family::Isr4431,
        false,
    ),
    (
        "c3850",
        "Chuyển mạch truy cập Catalyst 3850",
        "c3850.qnam",
        Family::Catalyst3850,
        false,
    ),
    (
        "ftd1",
        "Tường lửa Firepower 2120 số 1",
        "ftd1",
        Family::Firepower2120,
        true,
    ),
    (
        "ftd2",
        "Tường lửa Firepower 2120 số 2",
        "ftd2",
        Family::Firepower2120,
        true,
    ),
    (
        "syn-frame1",
        "Khung HPE Synergy 12000 số 1",
        "SYN-FRAME1",
        Family::SynergyFrame,
        false,
    ),
    (
        "syn-frame2",
        "Khung HPE Synergy 12000 số 2",
        "SYN-FRAME2",
        Family::SynergyFrame,
        false,
    ),
    (
        "srv1",
        "Máy chủ Synergy 480 Gen10 số 1",
        "ilo-srv1",
        Family::Synergy480,
        true,
    ),
    (
        "srv2",
        "Máy chủ Synergy 480 Gen10 số 2",
        "ilo-srv2",
        Family::Synergy480,
        false,
    ),
    (
        "srv3",
        "Máy chủ Synergy 480 Gen10 số 3",
        "ilo-srv3",
        Family::Synergy480,
        false,
    ),
    (
        "srv4",
        "Máy chủ Synergy 480 Gen10 số 4",
        "ilo-srv4",
        Family::Synergy480,
        false,
    ),
    (
        "srv5",
        "Máy chủ Synergy 480 Gen10 số 5",
        "ilo-srv5",
        Family::Synergy480,
        false,
    ),
    (
        "srv6",
        "Máy chủ Synergy 480 Gen10 số 6",
        "ilo-srv6",
        Family::Synergy480,
        false,
    ),
    (
        "srv7",
        "Máy chủ Synergy 480 Gen10 số 7",
        "ilo-srv7",
        Family::Synergy480,
        false,
    ),
    (
        "san1",
        "Chuyển mạch SAN SN3000B",
        "san1",
        Family::SanSwitch,
        false,
    ),
    (
        "par8400",
        "Tủ đĩa 3PAR 8400",
        "par8400",
        Family::ThreePar,
        false,
    ),
    (
        "storeonce",
        "Thiết bị sao lưu StoreOnce 3520",
        "storeonce",
        Family::StoreOnce,
        false,
    ),
    (
        "esxi1",
        "Máy chủ ảo hóa ESXi",
        "esxi1.qnam",
        Family::Esxi,
        false,
    ),
    ("ups1", "Bộ lưu điện UPS", "ups1", Family::Ups, false),
    (
        "pdu1",
        "Thanh phân phối điện PDU",
        "pdu1",
        Family::Pdu,
        false,
    ),
    (
        "cooling1",
        "Điều hòa chính xác phòng máy",
        "cooling1",
        Family::Cooling,
        false,
    ),
];

/// Links of the data center: device and interface of the nearer end, of the other end, Mbit/s, whether it carries IP.
const DATA_CENTER_LINKS: [(&str, &str, &str, &str, u64, bool); 25] = [
    ("core4503", "Gi1/1", "ftd1", "inside", 1000, true),
    ("core4503", "Gi1/2", "ftd2", "inside", 1000, true),
    ("ftd1", "outside", "isr4431", "Gi0/0/0", 1000, true),
    ("ftd2", "outside", "isr4431", "Gi0/0/1", 1000, true),
    ("core4503", "Gi2/48", "c3850", "Gi1/1/1", 1000, true),
    ("core4503", "Gi2/1", "syn-frame1", "FLM1-MGMT", 1000, true),
    ("core4503", "Gi2/2", "syn-frame2", "FLM1-MGMT", 1000, true),
    ("syn-frame1", "BAY1", "srv1", "iLO", 1000, true),
    ("syn-frame1", "BAY2", "srv2", "iLO", 1000, true),
    ("syn-frame1", "BAY3", "srv3", "iLO", 1000, true),
    ("syn-frame1", "BAY4", "srv4", "iLO", 1000, true),
    ("syn-frame2", "BAY1", "srv5", "iLO", 1000, true),
    ("syn-frame2", "BAY2", "srv6", "iLO", 1000, true),
    ("syn-frame2", "BAY3", "srv7", "iLO", 1000, true),
    ("core4503", "Gi2/5", "esxi1", "vmnic0", 1000, true),
    ("core4503", "Gi2/7", "san1", "eth0", 1000, true),
    ("core4503", "Gi2/8", "par8400", "eth0", 1000, true),
    ("core4503", "Gi2/9", "storeonce", "eth0", 1000, true),
    ("core4503", "Gi2/10", "ups1", "eth0", 100, true),
    ("core4503", "Gi2/11", "pdu1", "eth0", 100, true),
    ("core4503", "Gi2/12", "cooling1", "eth0", 100, true),
    ("san1", "0/0", "par8400", "0:1:1", 8000, false),
    ("san1", "0/1", "par8400", "1:1:1", 8000, false),
    ("san1", "0/2", "syn-frame1", "ICM3-Q1", 8000, false),
    ("san1", "0/3", "syn-frame2", "ICM3-Q1", 8000, false),
];

impl Plan {
    /// The province of a configuration.
    pub(crate) fn province(config: &LabConfig) -> Self {
        let mut plan = Self::default();
        let [second, third] = config.base;
        let address =
            move |group: u8, number: usize| Ipv4Addr::new(127, second, third + group, number as u8);

        for (number, (id, name, host_name, family, v3)) in DATA_CENTER.into_iter().enumerate() {
            let at_office = id == "c3850";
            plan.devices.push(PlannedDevice {
                id: id.to_owned(),
                name: name.to_owned(),
                host_name: host_name.to_owned(),
                location: if at_office {
                    "Van phong UBND tinh"
                } else {
                    "Trung tam du lieu tinh, 62 Hung Vuong, Tam Ky"
                }
                .to_owned(),
                family,
                site: if at_office { "tinh" } else { "ttdl" }.to_owned(),
                address: address(0, number + 1),
                v3,
            });
        }
        for (near, near_interface, far, far_interface, mbps, carries_ip) in DATA_CENTER_LINKS {
            plan.link(
                near,
                near_interface,
                far,
                far_interface,
                mbps * MBPS,
                carries_ip,
            );
        }
        plan.site(
            "tinh",
            "Văn phòng UBND tỉnh Quảng Nam",
            "province",
            None,
            Some(("c3850", "Gi1/1/1")),
            Some("1G"),
        );
        plan.site(
            "ttdl",
            "Trung tâm dữ liệu tỉnh",
            "department",
            Some("tinh"),
            None,
            None,
        );

        for (number, region) in REGIONS.iter().enumerate() {
            let id = format!("r-{}", slug(region.name));
            plan.router(
                &id,
                region.name,
                Family::Isr4321,
                &format!("v-{}", slug(region.name)),
                address(1, number + 1),
                false,
            );
            let interface = format!(
                "Gi0/{}/{}",
                number / MODULE_PORTS + 1,
                number % MODULE_PORTS
            );
            plan.link("isr4431", &interface, &id, "Gi0/0/0", REGION_BPS, true);
            let (site, name) = (
                format!("v-{}", slug(region.name)),
                format!("Điểm vùng {}", region.name),
            );
            plan.site(
                &site,
                &name,
                "region",
                Some("tinh"),
                Some((&id, "Gi0/0/0")),
                Some("20M"),
            );
        }
        let mut used: BTreeMap<usize, usize> = BTreeMap::new();
        for (number, commune) in communes(config.communes).into_iter().enumerate() {
            let region = slug(REGIONS[commune.region].name);
            let id = format!("r-{}", commune.id);
            // Every seventh commune is watched with v3, so that both roads are walked.
            plan.router(
                &id,
                &commune.name,
                Family::Isr1100,
                &commune.id,
                address(2, number + 1),
                number % 7 == 6,
            );
            let port = used.entry(commune.region).or_default();
            let interface = format!("Gi0/1/{port}");
            *port += 1;
            plan.link(
                &format!("r-{region}"),
                &interface,
                &id,
                "Gi0/0/0",
                COMMUNE_BPS,
                true,
            );
            let parent = format!("v-{region}");
            plan.site(
                &commune.id,
                &commune.name,
                "commune",
                Some(&parent),
                Some((&id, "Gi0/0/0")),
                Some("10M"),
            );
            if let Some(site) = plan.sites.last_mut() {
                site.phone = Some(format!("0235 3000 {:03}", 100 + number));
            }
        }
        plan
    }

    pub(crate) fn device(&self, id: &str) -> Option<usize> {
        self.devices.iter().position(|device| device.id == id)
    }

    fn router(
        &mut self,
        id: &str,
        place: &str,
        family: Family,
        site: &str,
        address: Ipv4Addr,
        v3: bool,
    ) {
        self.devices.push(PlannedDevice {
            id: id.to_owned(),
            name: format!("Router {place}"),
            host_name: format!("{id}.qnam"),
            location: plain(place),
            family,
            site: site.to_owned(),
            address,
            v3,
        });
    }

    fn end(&self, device: &str, interface: &str) -> End {
        let device = self.device(device).expect("the plan names its own devices");
        End {
            device,
            interface: interface.to_owned(),
        }
    }

    fn link(
        &mut self,
        near: &str,
        near_interface: &str,
        far: &str,
        far_interface: &str,
        bps: u64,
        carries_ip: bool,
    ) {
        let plain_id = format!("{near}--{far}");
        // A second link between two devices is told apart by its interface.
        let id = if self.links.iter().any(|link| link.id == plain_id) {
            format!(
                "{plain_id}--{}",
                near_interface.replace('/', "-").to_lowercase()
            )
        } else {
            plain_id
        };
        let (a, b) = (self.end(near, near_interface), self.end(far, far_interface));
        self.links.push(PlannedLink {
            id,
            a,
            b,
            capacity_bps: bps,
            carries_ip,
        });
    }

    fn site(
        &mut self,
        id: &str,
        name: &str,
        kind: &'static str,
        parent: Option<&str>,
        uplink: Option<(&str, &str)>,
        capacity: Option<&'static str>,
    ) {
        let uplink = uplink.map(|(device, interface)| self.end(device, interface));
        self.sites.push(PlannedSite {
            id: id.to_owned(),
            name: name.to_owned(),
            kind,
            parent: parent.map(str::to_owned),
            uplink,
            capacity,
            phone: None,
        });
    }
}

/// How every device is reached from the core while some links and devices fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// For each device: `None` when nothing reaches it, else the narrowest narrowed link on its way, bit/s.
    pub(crate) devices: Vec<Option<Option<u64>>>,
}

impl Reach {
    /// Walks from the core. `link` tells of each link whether it works and to what it is narrowed; `on` tells of each
    /// device whether it is switched on.
    pub(crate) fn from_core(
        plan: &Plan,
        link: impl Fn(usize) -> (bool, Option<u64>),
        on: impl Fn(usize) -> bool,
    ) -> Self {
        let mut devices = vec![None; plan.devices.len()];
        let mut open = Vec::new();
        if on(0) {
            devices[0] = Some(None);
            open.push(0);
        }
        while let Some(here) = open.pop() {
            let so_far: Option<u64> = devices[here].flatten();
            for (index, planned) in plan.links.iter().enumerate() {
                let there = match (planned.a.device == here, planned.b.device == here) {
                    (true, _) => planned.b.device,
                    (_, true) => planned.a.device,
                    _ => continue,
                };
                let (works, narrowed) = link(index);
                if !planned.carries_ip || !works || !on(there) {
                    continue;
                }
                let width = so_far.into_iter().chain(narrowed).min();
                // Of two ways the wider one is taken; a way is only walked again when it is better.
                let better = match devices[there] {
                    None => true,
                    Some(known) => width.unwrap_or(u64::MAX) > known.unwrap_or(u64::MAX),
                };
                if better {
                    devices[there] = Some(width);
                    open.push(there);
                }
            }
        }
        Self { devices }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_province_is_whole() {
        let plan = Plan::province(&LabConfig::default());
        assert_eq!(plan.devices.len(), DATA_CENTER.len() + 18 + 60);
        let mut ids: Vec<_> = plan.links.iter().map(|link| &link.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), plan.links.len(), "link ids are unique");
        let reach = Reach::from_core(&plan, |_| (true, None), |_| true);
        assert!(reach.devices.iter().all(|device| *device == Some(None)));
    }

    #[test]
    fn two_ways_are_two_ways() {
        let plan = Plan::province(&LabConfig::default());
        let broken = |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            let links = plan.links.clone();
            Reach::from_core(
                &plan,
                move |link| (!ids.contains(&links[link].id), None),
                |_| true,
            )
        };
        let isr = plan.device("isr4431").expect("is there");
        assert!(broken(&["core4503--ftd1"]).devices[isr].is_some());
        let cut = broken(&["core4503--ftd1", "ftd2--isr4431"]);
        assert!(cut.devices[isr].is_none());
        assert!(cut.devices[plan.device("r-xa-tra-giang").expect("is there")].is_none());
        assert!(cut.devices[plan.device("srv1").expect("is there")].is_some());
    }

    #[test]
    fn the_narrowest_link_of_the_way_counts() {
        let plan = Plan::province(&LabConfig::default());
        let links = plan.links.clone();
        let reach = Reach::from_core(
            &plan,
            |link| match links[link].id.as_str() {
                "isr4431--r-bac-tra-my" => (true, Some(4_000_000)),
                "r-bac-tra-my--r-xa-tra-giang" => (true, Some(1_000_000)),
                // One of two ways narrowed: the other one is taken.
                "core4503--ftd1" => (true, Some(5)),
                _ => (true, None),
            },
            |_| true,
        );
        let width = |id: &str| reach.devices[plan.device(id).expect("is there")];
        assert_eq!(width("r-bac-tra-my"), Some(Some(4_000_000)));
        assert_eq!(width("r-xa-tra-giang"), Some(Some(1_000_000)));
        assert_eq!(width("r-tam-ky"), Some(None));
    }
}

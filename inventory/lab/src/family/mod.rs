//! One file a group of families: what the agents of real devices of that family hold, with values of our own.

mod cisco;
mod esxi;
mod firewall;
mod power;
mod router;
mod storage;
mod switch;
mod synergy;

use crate::device::Device;
use crate::plan::Family;
use crate::sketch::{Facts, Sketch};

/// What is the same for all devices of a family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traits {
    pub(crate) vendor: &'static str,
    /// First three octets of its MAC addresses.
    pub(crate) oui: [u8; 3],
    /// sysObjectID.
    pub(crate) object_id: &'static str,
    /// sysDescr.
    pub(crate) description: &'static str,
    /// sysServices (RFC 3418).
    pub(crate) services: i32,
    /// Private enterprise number, for the engine id.
    pub(crate) enterprise: u32,
    pub(crate) lldp: bool,
    pub(crate) routes: bool,
}

const CISCO: &str = "Cisco Systems, Inc.";
const CISCO_OUI: [u8; 3] = [0x00, 0x2a, 0x6a];
const HPE_OUI: [u8; 3] = [0x94, 0x18, 0x82];
const APC_OUI: [u8; 3] = [0x00, 0xc0, 0xb7];

impl Traits {
    pub(crate) const fn of(family: Family) -> Self {
        match family {
            Family::Catalyst4503 => Self::cisco(
                "1.3.6.1.4.1.9.1.503",
                "Cisco IOS Software, Catalyst 4500 L3 Switch Software (cat4500-IPBASEK9-M), Version 15.0(2)SG11, RELEASE SOFTWARE (fc3)",
                6,
                true,
            ),
            Family::Catalyst3850 => Self::cisco(
                "1.3.6.1.4.1.9.1.1745",
                "Cisco IOS Software [Everest], Catalyst L3 Switch Software (CAT3K_CAA-UNIVERSALK9-M), Version 16.6.8, RELEASE SOFTWARE (fc3)",
                6,
                true,
            ),
            Family::Isr4431 => Self::cisco(
                "1.3.6.1.4.1.9.1.1935",
                "Cisco IOS Software [Fuji], ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 16.9.6, RELEASE SOFTWARE (fc2)",
                78,
                true,
            ),
            Family::Isr4321 => Self::cisco(
                "1.3.6.1.4.1.9.1.2093",
                "Cisco IOS Software [Gibraltar], ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 16.12.5, RELEASE SOFTWARE (fc3)",
                78,
                true,
            ),
            Family::Isr1100 => Self::cisco(
                "1.3.6.1.4.1.9.1.2655",
                "Cisco IOS Software [Amsterdam], C1100 Software (ARMV8EB_LINUX_IOSD-UNIVERSALK9_IAS-M), Version 17.3.4a, RELEASE SOFTWARE (fc3)",
                78,
                true,
            ),
            Family::Firepower2120 => Self {
                lldp: false,
                ..Self::cisco(
                    "1.3.6.1.4.1.9.1.2405",
                    "Cisco Firepower Threat Defense, Version 6.6.5 (Build 81), ASA Version 9.14(3)15",
                    76,
                    true,
                )
            },
            // No recording of a frame link module is public; the Onboard Administrator's id stands in for its own.
            Family::SynergyFrame => Self::hpe(
                "1.3.6.1.4.1.11.5.7.1.2",
                "HPE Synergy Frame Link Module 2.07.00",
                11,
                true,
            ),
            Family::Synergy480 => Self::hpe(
                "1.3.6.1.4.1.232.9.4.11",
                "Integrated Lights-Out 5 2.72 Sep 04 2022",
                232,
                false,
            ),
            Family::SanSwitch => Self {
                vendor: "Brocade Communications Systems, Inc.",
                oui: [0x00, 0x27, 0xf8],
                object_id: "1.3.6.1.4.1.1588.2.1.1.1",
                description: "Fibre Channel Switch.",
                services: 79,
                enterprise: 1588,
                lldp: false,
                routes: false,
            },
            Family::ThreePar => Self::hpe(
                "1.3.6.1.4.1.12925.1",
                "HP_3PAR 8400, ID: 42017, Serial number: CZ35420170, InForm OS version: 3.3.1 (MU5)",
                12_925,
                false,
            ),
            // StoreOnce runs net-snmp on Linux and has no MIB of public record beyond it.
            Family::StoreOnce => Self {
                enterprise: 8072,
                ..Self::hpe(
                    "1.3.6.1.4.1.8072.3.2.10",
                    "HPE StoreOnce 3520, software 4.2.3, Linux 3.10.0-1160.el7.x86_64",
                    11,
                    false,
                )
            },
            Family::Esxi => Self {
                vendor: "VMware, Inc.",
                oui: [0x94, 0x18, 0x82],
                object_id: "1.3.6.1.4.1.6876.4.1",
                description: "VMware ESXi 7.0.3 build-20328353 VMware, Inc. x86_64",
                services: 72,
                enterprise: 6876,
                lldp: true,
                routes: false,
            },
            Family::Ups => Self::apc(
                "1.3.6.1.4.1.318.1.3.27",
                "APC Web/SNMP Management Card (MB:v4.1.0 PF:v7.1.2 PN:apc_hw05_aos_712.bin AF1:v7.1.2 AN1:apc_hw05_sumx_712.bin MN:AP9631 HR:08 SN: ZA2043001183 MD:10/22/2020) (Embedded PowerNet SNMP Agent SW v2.2 compatible)",
            ),
            Family::Pdu => Self::apc(
                "1.3.6.1.4.1.318.1.3.4.6",
                "APC Web/SNMP Management Card (MB:v4.1.0 PF:v6.8.0 PN:apc_hw05_aos_680.bin AF1:v6.8.0 AN1:apc_hw05_rpdu2g_680.bin MN:AP8959EU3 HR:02 SN: 5A2011E07731 MD:03/12/2020) ",
            ),
            Family::Cooling => Self::apc(
                "1.3.6.1.4.1.318.1.3.14.13",
                "APC InRow RC (MB:v4.1.0 PF:v6.8.8 PN:apc_hw06_aos_688.bin AF1:v6.6.9 AN1:apc_hw06_rc_669.bin MN:ACRC301S HR:06 SN: JK2007004212 MD:02/18/2020)",
            ),
        }
    }

    const fn cisco(
        object_id: &'static str,
        description: &'static str,
        services: i32,
        routes: bool,
    ) -> Self {
        Self {
            vendor: CISCO,
            oui: CISCO_OUI,
            object_id,
            description,
            services,
            enterprise: 9,
            lldp: true,
            routes,
        }
    }

    const fn hpe(
        object_id: &'static str,
        description: &'static str,
        enterprise: u32,
        lldp: bool,
    ) -> Self {
        Self {
            vendor: "HPE",
            oui: HPE_OUI,
            object_id,
            description,
            services: 72,
            enterprise,
            lldp,
            routes: false,
        }
    }

    const fn apc(object_id: &'static str, description: &'static str) -> Self {
        Self {
            vendor: "APC",
            oui: APC_OUI,
            object_id,
            description,
            services: 72,
            enterprise: 318,
            lldp: false,
            routes: false,
        }
    }
}

/// Makes a device of a family.
pub(crate) fn describe(family: Family, facts: Facts) -> Device {
    let traits = Traits::of(family);
    let mut sketch = Sketch::new(facts, traits.vendor, traits.oui);
    crate::mib::system(
        &mut sketch,
        traits.description,
        traits.object_id,
        traits.services,
    );
    match family {
        Family::Catalyst4503 => switch::catalyst_4503(&mut sketch),
        Family::Catalyst3850 => switch::catalyst_3850(&mut sketch),
        Family::Isr4431 => router::isr_4431(&mut sketch),
        Family::Isr4321 => router::isr_4321(&mut sketch),
        Family::Isr1100 => router::isr_1100(&mut sketch),
        Family::Firepower2120 => firewall::firepower_2120(&mut sketch),
        Family::SynergyFrame => synergy::frame(&mut sketch),
        Family::Synergy480 => synergy::blade(&mut sketch),
        Family::SanSwitch => storage::san_switch(&mut sketch),
        Family::ThreePar => storage::three_par(&mut sketch),
        Family::StoreOnce => storage::store_once(&mut sketch),
        Family::Esxi => esxi::esxi(&mut sketch),
        Family::Ups => power::ups(&mut sketch),
        Family::Pdu => power::pdu(&mut sketch),
        Family::Cooling => power::cooling(&mut sketch),
    }
    if traits.routes {
        crate::mib::around(&mut sketch);
    }
    if traits.lldp {
        crate::mib::lldp(&mut sketch, traits.description, traits.routes);
    }
    sketch.finish()
}

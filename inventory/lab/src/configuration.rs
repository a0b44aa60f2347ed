//! The lab as a file of the daemon's configuration.

use std::fmt::Write as _;

use crate::LabConfig;
use crate::plan::{End, Plan};

/// YAML with credentials, devices, links and sites.
pub(crate) fn yaml(plan: &Plan, config: &LabConfig) -> String {
    let mut out = String::from("# Written by the lab: its devices as the daemon watches them.\n");
    write_all(&mut out, plan, config).expect("a String takes everything");
    out
}

fn write_all(out: &mut String, plan: &Plan, config: &LabConfig) -> std::fmt::Result {
    let end = |end: &End| {
        format!(
            "{{device: {}, interface: {}}}",
            plan.devices[end.device].id,
            quoted(&end.interface)
        )
    };
    writeln!(out, "credentials:")?;
    writeln!(
        out,
        "  - {{name: lab-public, version: v2c, community: {{value: {}}}}}",
        quoted(&config.community)
    )?;
    if let Some(user) = &config.v3 {
        writeln!(
            out,
            "  - {{name: lab-v3, version: v3, user: {}, auth: sha256, auth_password: {{value: {}}}, privacy: aes128, privacy_password: {{value: {}}}}}",
            quoted(&user.name),
            quoted(&user.auth_password),
            quoted(&user.privacy_password)
        )?;
    }
    writeln!(out, "devices:")?;
    for device in &plan.devices {
        let credential = if device.v3 && config.v3.is_some() {
            "lab-v3"
        } else {
            "lab-public"
        };
        writeln!(
            out,
            "  - {{id: {}, name: {}, address: \"{}:{}\", credentials: [{credential}], site: {}, poll: {}s{}}}",
            device.id,
            quoted(&device.name),
            device.address,
            config.port,
            device.site,
            config.poll.as_secs().max(1),
            place(&device.id)
        )?;
    }
    writeln!(out, "links:")?;
    for link in &plan.links {
        writeln!(
            out,
            "  - {{id: {}, a: {}, b: {}, capacity: {}}}",
            link.id,
            end(&link.a),
            end(&link.b),
            capacity(link.capacity_bps)
        )?;
    }
    writeln!(out, "sites:")?;
    for site in &plan.sites {
        write!(
            out,
            "  - {{id: {}, name: {}, kind: {}",
            site.id,
            quoted(&site.name),
            site.kind
        )?;
        if let Some(parent) = &site.parent {
            write!(out, ", parent: {parent}")?;
        }
        if let Some(uplink) = &site.uplink {
            write!(out, ", uplink: {}", end(uplink))?;
        }
        if let Some(capacity) = site.capacity {
            write!(out, ", capacity: {capacity}")?;
        }
        if let Some(phone) = &site.phone {
            write!(out, ", phone: {}", quoted(phone))?;
        }
        writeln!(out, "}}")?;
    }
    Ok(())
}

/// Where the devices of the data center stand: rack and lowest unit.
const RACKS: [(&str, &str, u8); 20] = [
    ("core4503", "A1", 30),
    ("isr4431", "A1", 40),
    ("ftd1", "A1", 38),
    ("ftd2", "A1", 37),
    ("pdu1", "A1", 1),
    ("syn-frame1", "B1", 1),
    ("srv1", "B1", 2),
    ("srv2", "B1", 3),
    ("srv3", "B1", 4),
    ("srv4", "B1", 5),
    ("syn-frame2", "B1", 11),
    ("srv5", "B1", 12),
    ("srv6", "B1", 13),
    ("srv7", "B1", 14),
    ("san1", "C1", 38),
    ("par8400", "C1", 20),
    ("storeonce", "C1", 10),
    ("esxi1", "C1", 6),
    ("ups1", "D1", 1),
    ("cooling1", "D1", 2),
];

fn place(device: &str) -> String {
    RACKS
        .iter()
        .find(|(id, ..)| *id == device)
        .map_or_else(String::new, |(_, rack, unit)| {
            format!(", rack: {rack}, unit: {unit}")
        })
}

fn capacity(bps: u64) -> String {
    match bps {
        bps if bps % 1_000_000_000 == 0 => format!("{}G", bps / 1_000_000_000),
        bps if bps % 1_000_000 == 0 => format!("{}M", bps / 1_000_000),
        bps => bps.to_string(),
    }
}

/// A double-quoted YAML scalar.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            control if control.is_control() => {
                // Infallible: a String takes everything.
                let _ = write!(out, "\\U{:08x}", u32::from(control));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_and_capacities() {
        assert_eq!(quoted("a\"b\\c\nd"), "\"a\\\"b\\\\c\\U0000000ad\"");
        assert_eq!(capacity(20_000_000), "20M");
        assert_eq!(capacity(1_000_000_000), "1G");
        assert_eq!(capacity(1500), "1500");
    }
}

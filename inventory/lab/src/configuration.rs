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
            "  - {{id: {}, name: {}, address: \"{}:{}\", credentials: [{credential}], site: {}, poll: {}s}}",
            device.id,
            quoted(&device.name),
            device.address,
            config.port,
            device.site,
            config.poll.as_secs().max(1)
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

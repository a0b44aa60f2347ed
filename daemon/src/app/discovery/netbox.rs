//! The inventory in the shape in which NetBox imports it: one table an object type, with the names of its import form's columns.

use std::collections::{BTreeMap, BTreeSet};

use super::slug;
use crate::app::clean::plain_text;
use crate::http::views::{DeviceDetail, DeviceKind, LinkRow, SiteInput};
use crate::sheet::Sheet;

/// Where devices without a site go: NetBox has none without.
const NO_SITE: (&str, &str) = ("Chưa xếp điểm cầu", "unassigned");
/// NetBox's limits, characters.
const DEVICE_NAME_MAX: usize = 64;
const NAME_MAX: usize = 100;
const SERIAL_MAX: usize = 50;

/// The tables in the order in which they must be imported.
pub(super) fn tables(
    sites: &[SiteInput],
    devices: &[DeviceDetail],
    links: &[LinkRow],
) -> Vec<(&'static str, Sheet)> {
    let mut site_sheet = Sheet::new(&["name", "slug", "status", "description"]);
    let site_names = distinct(
        sites
            .iter()
            .map(|site| (site.id.clone(), site.name.clone())),
    );
    for site in sites {
        let description = site.agency_code.clone().unwrap_or_default();
        site_sheet.rows.push(vec![
            site_names[&site.id].clone(),
            slug(&site.id),
            "active".into(),
            description,
        ]);
    }
    let known = |device: &DeviceDetail| {
        device
            .row
            .site
            .as_ref()
            .and_then(|site| site_names.get(site))
            .cloned()
    };
    if devices.iter().any(|device| known(device).is_none()) {
        site_sheet.rows.push(vec![
            NO_SITE.0.into(),
            NO_SITE.1.into(),
            "active".into(),
            String::new(),
        ]);
    }

    let mut manufacturers: BTreeSet<String> = BTreeSet::new();
    let mut types: BTreeSet<(String, String)> = BTreeSet::new();
    let mut roles: BTreeSet<&'static str> = BTreeSet::new();
    let names = distinct(
        devices
            .iter()
            .map(|device| (device.row.id.clone(), device.row.name.clone())),
    );
    let mut device_sheet = Sheet::new(&[
        "name",
        "role",
        "manufacturer",
        "device_type",
        "serial",
        "site",
        "status",
        "description",
    ]);
    let mut interface_sheet =
        Sheet::new(&["device", "name", "type", "enabled", "speed", "description"]);
    let mut item_sheet = Sheet::new(&[
        "device",
        "name",
        "part_id",
        "serial",
        "discovered",
        "description",
    ]);
    for device in devices {
        let name = &names[&device.row.id];
        let manufacturer = or(&device.row.vendor, "Unknown");
        let model = or(&device.row.model, &device.row.profile);
        manufacturers.insert(manufacturer.clone());
        types.insert((manufacturer.clone(), model.clone()));
        let role = role(device.row.kind);
        roles.insert(role);
        device_sheet.rows.push(vec![
            name.clone(),
            role.into(),
            manufacturer,
            model,
            plain_text(&device.serial, SERIAL_MAX),
            known(device).unwrap_or_else(|| NO_SITE.0.to_owned()),
            "active".into(),
            plain_text(&device.version, 200),
        ]);
        let mut taken = BTreeSet::new();
        for interface in &device.interfaces {
            if !taken.insert(&interface.name) {
                continue;
            }
            interface_sheet.rows.push(vec![
                name.clone(),
                plain_text(&interface.name, DEVICE_NAME_MAX),
                "other".into(),
                (interface.admin == crate::http::views::AdminState::Up).to_string(),
                // NetBox counts in kbit/s.
                match interface.speed_bps / 1_000 {
                    0 => String::new(),
                    kbps => kbps.to_string(),
                },
                plain_text(&interface.alias, 200),
            ]);
        }
        let items = device
            .components
            .iter()
            .filter(|part| !part.serial.is_empty() || !part.model.is_empty());
        for part in items {
            item_sheet.rows.push(vec![
                name.clone(),
                plain_text(&part.name, DEVICE_NAME_MAX),
                plain_text(&part.model, SERIAL_MAX),
                plain_text(&part.serial, SERIAL_MAX),
                "true".into(),
                part.class.clone(),
            ]);
        }
    }
    let mut manufacturer_sheet = Sheet::new(&["name", "slug"]);
    for name in manufacturers {
        manufacturer_sheet
            .rows
            .push(vec![name.clone(), slug(&name)]);
    }
    let mut type_sheet = Sheet::new(&["manufacturer", "model", "slug"]);
    for (manufacturer, model) in types {
        let slug = slug(&format!("{manufacturer}-{model}"));
        type_sheet.rows.push(vec![manufacturer, model, slug]);
    }
    let mut role_sheet = Sheet::new(&["name", "slug", "color"]);
    for role in roles {
        role_sheet
            .rows
            .push(vec![role.into(), slug(role), "607d8b".into()]);
    }
    vec![
        ("sites", site_sheet),
        ("manufacturers", manufacturer_sheet),
        ("device_types", type_sheet),
        ("device_roles", role_sheet),
        ("devices", device_sheet),
        ("interfaces", interface_sheet),
        ("inventory_items", item_sheet),
        ("cables", cables(links, &names)),
    ]
}

/// Links between two devices of the inventory; a port has one cable.
fn cables(links: &[LinkRow], names: &BTreeMap<String, String>) -> Sheet {
    let mut sheet = Sheet::new(&[
        "side_a_device",
        "side_a_type",
        "side_a_name",
        "side_b_device",
        "side_b_type",
        "side_b_name",
        "status",
    ]);
    let mut ends: BTreeSet<(String, String)> = BTreeSet::new();
    for link in links {
        let Some(b) = &link.b else { continue };
        let Some(far) = &b.device else { continue };
        let (Some(near_name), Some(far_name)) = (names.get(&link.a.device), names.get(far)) else {
            continue;
        };
        let near_end = (
            near_name.clone(),
            plain_text(&link.a.interface, DEVICE_NAME_MAX),
        );
        let far_end = (far_name.clone(), plain_text(&b.interface, DEVICE_NAME_MAX));
        if near_end.1.is_empty()
            || far_end.1.is_empty()
            || ends.contains(&near_end)
            || ends.contains(&far_end)
        {
            continue;
        }
        ends.insert(near_end.clone());
        ends.insert(far_end.clone());
        let interface = || "dcim.interface".to_owned();
        sheet.rows.push(vec![
            near_end.0,
            interface(),
            near_end.1,
            far_end.0,
            interface(),
            far_end.1,
            "connected".into(),
        ]);
    }
    sheet
}

/// Names by id, cut to what NetBox takes; a name that comes twice gets its id behind it.
fn distinct(all: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut taken = BTreeSet::new();
    all.map(|(id, name)| {
        let mut name = or(&plain_text(&name, DEVICE_NAME_MAX), &id);
        if !taken.insert(name.clone()) {
            name = format!(
                "{} ({id})",
                plain_text(&name, DEVICE_NAME_MAX.saturating_sub(id.len() + 3))
            );
            taken.insert(name.clone());
        }
        (id, name)
    })
    .collect()
}

fn or(text: &str, other: &str) -> String {
    let text = plain_text(text.trim(), NAME_MAX);
    if text.is_empty() {
        plain_text(other, NAME_MAX)
    } else {
        text
    }
}

fn role(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Server => "Server",
        DeviceKind::Frame => "Blade frame",
        DeviceKind::Storage => "Storage",
        DeviceKind::Backup => "Backup",
        DeviceKind::SanSwitch => "SAN switch",
        DeviceKind::Switch => "Switch",
        DeviceKind::Router => "Router",
        DeviceKind::Firewall => "Firewall",
        DeviceKind::Hypervisor => "Hypervisor",
        DeviceKind::Ups => "UPS",
        DeviceKind::Pdu => "PDU",
        DeviceKind::Cooling => "Cooling",
        DeviceKind::Host => "Host",
        DeviceKind::Other => "Other",
    }
}

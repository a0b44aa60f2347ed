//! What a device says of itself, as facts whose change is worth remembering.

use std::collections::BTreeMap;

use nhipcau_inventory::Collection;

use crate::store::DeviceFacts;

/// Interfaces that come and go with every container and virtual machine: their life is no history of the device.
const EPHEMERAL: [&str; 6] = ["veth", "cali", "tap", "vnet", "docker", "br-"];
/// Most interfaces, neighbours and parts of each kind that are remembered; beyond it a device has become a data base.
const EACH_MAX: usize = 1_000;

/// The facts of a collection. Texts are those of the device, hostile and cut.
pub(super) fn of(collection: &Collection, address: Option<String>) -> DeviceFacts {
    let identity = &collection.identity;
    let mut facts = BTreeMap::from([
        ("vendor".to_owned(), identity.vendor.to_string()),
        ("model".to_owned(), identity.model.to_string()),
        ("serial".to_owned(), identity.serial.to_string()),
        ("version".to_owned(), identity.version.to_string()),
    ]);
    facts.extend(address.map(|address| ("address".to_owned(), address)));
    if let Some(system) = &collection.system {
        facts.insert("name".to_owned(), system.name.to_string());
    }
    for component in collection.components.iter().take(EACH_MAX) {
        for (what, value) in [("serial", &component.serial), ("model", &component.model)] {
            if !value.is_empty() {
                facts.insert(format!("{what} of {}", component.name), value.to_string());
            }
        }
    }
    let interfaces = collection
        .interfaces
        .iter()
        .filter(|i| !EPHEMERAL.iter().any(|prefix| i.name.starts_with(prefix)));
    for interface in interfaces.take(EACH_MAX) {
        // By its address a renamed interface is told from another one.
        let mac: Vec<String> = interface
            .physical_address
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        facts.insert(format!("interface {}", interface.name), mac.join(":"));
    }
    for neighbour in collection.neighbours.iter().take(EACH_MAX) {
        let name = if neighbour.system_name.is_empty() {
            &neighbour.chassis
        } else {
            &neighbour.system_name
        };
        if !name.is_empty() && !neighbour.interface.is_empty() {
            facts
                .entry(format!("neighbour of {}", neighbour.interface))
                .and_modify(|others| {
                    *others = least(others, &format!("{name} · {}", neighbour.remote_interface))
                })
                .or_insert_with(|| format!("{name} · {}", neighbour.remote_interface));
        }
    }
    facts
}

/// Several neighbours on one port come in any order: the first by name stands for them.
fn least(one: &str, other: &str) -> String {
    one.min(other).to_owned()
}

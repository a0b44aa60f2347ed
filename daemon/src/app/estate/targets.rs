//! Devices as scrapers name them, and what the last poll has for them.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use nhipcau_inventory::DeviceId;
use nhipcau_inventory::export::{ModuleId, ModuleRows};

use super::Estate;

/// The port that an address without one means.
const SNMP_PORT: u16 = 161;
/// Rows of the last poll are good for at least this long: a device that is polled each second may miss a few.
const STALE_AFTER_MIN: Duration = Duration::from_secs(60);

impl Estate {
    /// The device that is called so: by its id, its name, or its configured address. `None` also where two are meant.
    pub(crate) fn resolve(&self, target: &str) -> Option<DeviceId> {
        let watch = self.watch();
        if let Some(device) = watch.device(&DeviceId::from(target)) {
            return Some(device.spec.id.clone());
        }
        let mut named = watch.devices().filter(|d| d.spec.name == target);
        if let Some(device) = named.next() {
            return named.next().is_none().then(|| device.spec.id.clone());
        }
        drop(named);
        let contacts = self.contacts.read().unwrap_or_else(PoisonError::into_inner);
        let exact = |address: &str| contacts.iter().find(|(_, c)| c.address == address);
        if let Some((device, _)) = exact(target) {
            return Some(device.clone());
        }
        let bare = target
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .unwrap_or(target);
        let ip = bare.parse().ok()?;
        if let Some((device, _)) = exact(&SocketAddr::new(ip, SNMP_PORT).to_string()) {
            return Some(device.clone());
        }
        // Without a port an address means a device only where just one is there.
        let mut there = contacts.iter().filter(|(_, contact)| {
            contact
                .address
                .parse::<SocketAddr>()
                .is_ok_and(|address| address.ip() == ip)
        });
        let (device, _) = there.next()?;
        there.next().is_none().then(|| device.clone())
    }

    /// Rows of a module that the polls of a device keep; `None` where they do not, or not yet.
    ///
    /// # Errors
    /// In words: the last poll brought nothing, or is older than that many intervals, so that its values are no longer the device's.
    pub(crate) fn module_rows(
        &self,
        device: &DeviceId,
        module: ModuleId,
        stale_after: u32,
    ) -> Result<Option<Arc<ModuleRows>>, String> {
        let watch = self.watch();
        let Some(state) = watch.device(device) else {
            return Ok(None);
        };
        let Some(collection) = state.collection.as_deref() else {
            return Ok(None);
        };
        let Some(rows) = collection
            .modules
            .iter()
            .find(|rows| rows.module == module && rows.is_whole())
        else {
            return Ok(None);
        };
        if let Some(reason) = &collection.unreachable {
            return Err(format!("the last poll brought nothing: {}", reason.code));
        }
        let age = Instant::now().saturating_duration_since(rows.counted_at());
        let limit = (state.spec.poll_interval * stale_after).max(STALE_AFTER_MIN);
        if age > limit {
            return Err(format!("the last values are {} s old", age.as_secs()));
        }
        Ok(Some(rows.clone()))
    }
}

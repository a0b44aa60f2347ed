//! Engines that two devices share. An SNMPv3 engine's identifier is the device's alone (RFC 3411 §3.1.1.1): copied ones make keys,
//! clocks and traps of two devices one, which shows as silence now of the one, now of the other.

use super::Watch;
use crate::{Collection, DeviceId, Reason};

/// Devices remembered for one engine; a whole room of clones needs no longer list to be found.
const TWINS_MAX: usize = 16;

impl Watch {
    /// Takes down which engine answers for a device.
    pub(super) fn note_engine(&mut self, collection: &Collection) {
        let device = &collection.device;
        let engine = collection.system.as_ref().and_then(|s| s.engine.as_ref());
        let Some(engine) = engine else {
            return;
        };
        if self
            .engines
            .get(&engine.id)
            .is_some_and(|devices| devices.contains(device))
        {
            return;
        }
        self.forget_engine(device);
        let devices = self.engines.entry(engine.id.clone()).or_default();
        if devices.len() < TWINS_MAX {
            devices.insert(device.clone());
        }
    }

    /// The device has another engine, or is not watched any more.
    pub(super) fn forget_engine(&mut self, device: &DeviceId) {
        self.engines.retain(|_, devices| {
            devices.remove(device);
            !devices.is_empty()
        });
    }

    /// Why its engine is not the device's alone; `None` when it is.
    pub(super) fn shared_engine(&self, collection: &Collection) -> Option<Reason> {
        let device = &collection.device;
        let engine = collection.system.as_ref()?.engine.as_ref()?;
        let other = self
            .engines
            .get(&engine.id)?
            .iter()
            .find(|d| *d != device)?;
        Some(
            Reason::new("duplicate_engine_id")
                .with("device", self.name_of(device))
                .with("other", self.name_of(other)),
        )
    }
}

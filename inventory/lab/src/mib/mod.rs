//! The standard MIBs, for whatever device has them.

mod around;
mod entity;
mod host;
mod interfaces;
mod lldp;
mod system;
mod ups;

pub(crate) use around::{around, stations};
pub(crate) use entity::{SensorUnit, entity, physical_sensor};
pub(crate) use host::{processor, storage, system as host_system};
pub(crate) use interfaces::interfaces;
pub(crate) use lldp::lldp;
pub(crate) use system::system;
pub(crate) use ups::{UpsSensors, ups};

//! One socket-and-clock loop a machine: the rim between the pure crates and the world.

pub(crate) mod credential;
pub(crate) mod discovery;
pub(crate) mod playbook;
pub(crate) mod snmp;
pub(crate) mod trap;

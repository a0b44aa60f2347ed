//! SNMP messages as the inventory knows them: what the SNMP library decodes becomes our values, and a datagram at the trap port
//! becomes a decision. No sockets, no clock and no files: small enough for a fuzzer to call.

pub mod port;
mod value;

pub use value::{TooLong, binding, bindings, name, value};

//! A simulated province as real SNMP agents on loopback.

//! What is there, and how it is: a pure model and poller of SNMP devices.
